//! Signals that are meant for the command while it runs.
//!
//! The command stays in our process group, as under a shell without job control: what the terminal
//! sends goes to both, and we only must not die of it. What somebody sends to us alone we send on.
//! `signal_hook` is named here alone.

use std::process::Child;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{fs, io, thread};

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::iterator::exfiltrator::origin::Origin;
use signal_hook::low_level::emulate_default_handler;
use signal_hook::low_level::siginfo::Cause;

/// Takes signals from when it is made until the process ends; the handlers are never taken back.
#[derive(Debug)]
pub(crate) struct Relay(Arc<Mutex<Addressee>>);

/// Who gets a signal that comes now.
#[derive(Debug)]
enum Addressee {
    /// We: nothing runs yet, or nothing any more.
    Us,
    /// The command, which has not been waited for: its number is its own.
    Command(Pid),
}

impl Relay {
    /// Begins to take signals. Those that are ignored now stay ignored, for the command too.
    pub(crate) fn start() -> io::Result<Self> {
        let ignored = ignored_signals();
        let wanted = SIGNALS
            .into_iter()
            .map(|(signal, _)| signal)
            .filter(|signal| ignored & (1 << (signal - 1)) == 0);
        let mut signals = SignalsInfo::<WithOrigin>::new(wanted)?;
        let addressee = Arc::new(Mutex::new(Addressee::Us));
        let shared = Arc::clone(&addressee);
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                for origin in signals.forever() {
                    deliver(&shared, &origin);
                }
            })?;
        Ok(Self(addressee))
    }

    /// Starts the command. A signal that comes meanwhile waits until it runs: it would end us alone, and leave a
    /// command behind that nobody watches.
    pub(crate) fn starting<E>(&self, start: impl FnOnce() -> Result<Child, E>) -> Result<Child, E> {
        let mut addressee = lock(&self.0);
        let child = start()?;
        *addressee = Addressee::Command(Pid::from_child(&child));
        Ok(child)
    }

    /// To be said before the command is waited for, when its number may go to another process.
    pub(crate) fn command_ended(&self) {
        *lock(&self.0) = Addressee::Us;
    }
}

fn deliver(addressee: &Mutex<Addressee>, origin: &Origin) {
    // Held until it is delivered: the number cannot change hands meanwhile.
    match *lock(addressee) {
        Addressee::Us => {
            // What would have happened without us. Only an unknown signal is refused.
            let _ = emulate_default_handler(origin.signal);
        }
        // From the terminal, which sent it to every process of the group.
        Addressee::Command(_) if matches!(origin.cause, Cause::Kernel) => {}
        Addressee::Command(process) => {
            if let Some((_, signal)) = SIGNALS.iter().find(|(it, _)| *it == origin.signal) {
                // It has ended, or runs as somebody else by now.
                let _ = kill_process(process, *signal);
            }
        }
    }
}

fn lock(addressee: &Mutex<Addressee>) -> MutexGuard<'_, Addressee> {
    addressee.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The signals that this process ignores, as a mask: `nohup` and shells without job control set some
/// before they start a program, and a handler would undo it for the command.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    ignored_in(&status)
}

fn ignored_in(status: &str) -> u64 {
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

const SIGNALS: [(i32, Signal); 6] = [
    (SIGHUP, Signal::HUP),
    (SIGINT, Signal::INT),
    (SIGQUIT, Signal::QUIT),
    (SIGTERM, Signal::TERM),
    (SIGUSR1, Signal::USR1),
    (SIGUSR2, Signal::USR2),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_is_read_from_the_kernels_mask() {
        let mask = ignored_in("Name:\tx\nSigIgn:\t0000000000001001\nSigCgt:\tffff\n");
        assert_eq!(mask, (1 << (SIGHUP - 1)) | (1 << 12));
        assert_eq!(ignored_in("nothing of the kind"), 0);
    }
}
