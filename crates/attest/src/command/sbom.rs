//! `attest sbom`: bills of materials, made from lock files and checked against them.

mod check;
pub(crate) mod found;
pub(crate) mod make;

use clap::{Args, Subcommand};

use crate::args::Global;
use crate::console::Console;
use crate::failure::{Exit, Failure};

#[derive(Debug, Args)]
pub(crate) struct SbomArgs {
    #[command(subcommand)]
    command: SbomCommand,
}

#[expect(clippy::doc_markdown, reason = "these comments are the help text")]
#[derive(Debug, Subcommand)]
enum SbomCommand {
    /// Make a CycloneDX 1.6 bill of materials from lock files: the same bytes each time
    Make(make::MakeArgs),
    /// Hold anyone's bill, CycloneDX or SPDX, against lock files, minimum elements and evidence
    Check(Box<check::CheckArgs>),
}

pub(crate) fn run(args: &SbomArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    match &args.command {
        SbomCommand::Make(args) => make::run(args, global, console),
        SbomCommand::Check(args) => check::run(args, global, console),
    }
}
