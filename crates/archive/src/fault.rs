//! Where a test can stop the process, or let the system fail: before each change to the disk.
//!
//! In the product this is nothing.

use std::io;

/// Called before each step that changes the disk.
#[cfg(not(test))]
#[expect(clippy::unnecessary_wraps, reason = "the test's version fails")]
pub(crate) const fn step() -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
pub(crate) use armed::{Fault, arm, step, steps};

#[cfg(test)]
mod armed {
    use std::sync::Mutex;

    use super::io;

    /// What happens at the step.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Fault {
        Kill,
        DiskFull,
    }

    struct Plan {
        taken: u64,
        at: Option<(u64, Fault)>,
    }

    static PLAN: Mutex<Plan> = Mutex::new(Plan { taken: 0, at: None });

    /// From now on the `at`-th step (from 1) fails. For this whole process: only for a child that a
    /// test started.
    pub(crate) fn arm(at: u64, fault: Fault) {
        *PLAN.lock().unwrap() = Plan {
            taken: 0,
            at: Some((at, fault)),
        };
    }

    /// The steps taken since.
    pub(crate) fn steps() -> u64 {
        PLAN.lock().unwrap().taken
    }

    pub(crate) fn step() -> io::Result<()> {
        let mut plan = PLAN.lock().unwrap();
        plan.taken += 1;
        match plan.at {
            Some((at, Fault::Kill)) if at == plan.taken => kill(),
            Some((at, Fault::DiskFull)) if at == plan.taken => Err(rustix::io::Errno::NOSPC.into()),
            _ => Ok(()),
        }
    }

    /// As the power button does: no destructor runs.
    fn kill() -> ! {
        let this = rustix::process::getpid();
        rustix::process::kill_process(this, rustix::process::Signal::KILL).unwrap();
        unreachable!("SIGKILL cannot be caught")
    }
}
