//! One module for each command: arguments in, one report out.

pub(crate) mod archive;
pub(crate) mod completions;
pub(crate) mod digest;
pub(crate) mod init;
pub(crate) mod inspect;
pub(crate) mod key;
pub(crate) mod log;
pub(crate) mod policy;
pub(crate) mod provenance;
pub(crate) mod registry;
pub(crate) mod release;
pub(crate) mod report;
pub(crate) mod sbom;
pub(crate) mod sign;
pub(crate) mod status;
pub(crate) mod tree;
pub(crate) mod trust;
pub(crate) mod verify;

use crate::args::{Cli, Command};
use crate::console::Console;
use crate::failure::{Exit, Failure};

/// Runs one command and gives its exit code; a [`Failure`] is printed by the caller.
pub(crate) fn run(cli: Cli, console: &Console) -> Result<Exit, Failure> {
    let Cli { global, command } = cli;
    if global.format.is_for_reports() && !gives_verdicts(&command) {
        return Err(Failure::request(
            "format-unsupported",
            "this command has no verdicts about files: it answers as human or json",
        ));
    }
    if global.format.is_for_auditors() && !matches!(command, Command::Report(_)) {
        return Err(Failure::request(
            "format-unsupported",
            "html and oscal are formats of attest report",
        ));
    }
    let exit = match command {
        Command::Init(args) => init::run(&args, &global, console),
        Command::Release(args) => release::run(&args, &global, console),
        Command::Verify(args) => verify::run(&args, &global, console),
        Command::Inspect(args) => inspect::run(&args, &global, console),
        Command::Digest(args) => digest::run(&args, &global, console),
        Command::Sign(args) => sign::run(&args, &global, console),
        Command::Key(args) => key::run(&args, &global, console),
        Command::Log(args) => log::run(&args, &global, console),
        Command::Archive(args) => archive::run(&args, &global, console),
        Command::Status(args) => status::run(&args, &global, console),
        Command::Provenance(args) => provenance::run(&args, &global, console),
        Command::Registry(args) => registry::run(&args, &global, console),
        Command::Tree(args) => tree::run(&args, &global, console),
        Command::Policy(args) => policy::run(&args, &global, console),
        Command::Sbom(args) => sbom::run(&args, &global, console),
        Command::Report(args) => report::run(&args, &global, console),
        Command::Trust(args) => trust::run(&args, &global, console),
        Command::Completions(args) => completions::run(&args, console),
    }?;
    Ok(console.finish(exit))
}

/// Whether the answer is a report about files, which every format can show.
fn gives_verdicts(command: &Command) -> bool {
    match command {
        Command::Verify(_) => true,
        Command::Archive(args) => args.verifies(),
        Command::Tree(args) => args.verifies(),
        _ => false,
    }
}
