//! `attest`: proves where software came from, and keeps that proof.
//!
//! The command is glue: arguments become resolved requests, the crates do the work, and one report
//! model is rendered for people or as JSON. Exit codes are a contract (see [`failure::Exit`]).

mod args;
mod audit;
mod clock;
#[expect(
    dead_code,
    reason = "what codes mean, and their exit codes, is read by the tests that make docs/codes.md"
)]
mod codes;
mod command;
mod console;
mod failure;
mod files;
mod git;
mod home;
mod identity;
mod limits;
mod password;
mod programs;
mod registry;
mod report;
mod services;
mod trust;
mod words;

use std::ffi::OsString;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use crate::console::Console;
use crate::failure::{Exit, Failure};

fn main() -> ExitCode {
    let console = Console::standard();
    let exit = answer(&console, run);
    ExitCode::from(console.code(exit))
}

/// A panic is our bug, never an answer: it must not look like "verified" or "refused".
fn answer(console: &Console, run: impl FnOnce(&Console) -> Result<Exit, Failure>) -> Exit {
    match panic::catch_unwind(AssertUnwindSafe(|| run(console))) {
        Ok(Ok(exit)) => exit,
        Ok(Err(failure)) => console.failure(&failure),
        Err(_) => console.failure(&Failure::unknown(
            STOPPED,
            "attest stopped on an internal error; nothing was decided",
        )),
    }
}

fn run(console: &Console) -> Result<Exit, Failure> {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    console.expect(args::format_of(&arguments));
    if args::runs_a_command(&arguments) {
        console.fail_with(OWN_FAILURE);
    }
    let cli = args::parse(arguments)?;
    let Some(cli) = cli else { return Ok(Exit::Yes) };
    console.configure(&cli.global);
    command::run(cli, console)
}

const STOPPED: &str = "internal-error";

/// What `provenance run` answers when it fails itself: no command that it runs should use it, as with
/// `env`, `nice` and `timeout`.
const OWN_FAILURE: u8 = 125;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_no_answer() {
        let console = Console::standard();
        let stopped = answer(&console, |_| std::panic::resume_unwind(Box::new("a bug")));
        assert_eq!((stopped, STOPPED), (Exit::Unknown, "internal-error"));
        assert_eq!(answer(&console, |_| Ok(Exit::Yes)), Exit::Yes);
        let refused = answer(&console, |_| Err(Failure::no("bundle-missing", "none")));
        assert_eq!(refused, Exit::No);
    }
}
