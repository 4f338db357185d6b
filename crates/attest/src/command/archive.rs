//! `attest archive`.

use clap::Args;

use crate::args::Global;
use crate::console::Console;
use crate::failure::{Exit, Failure};

#[derive(Debug, Args)]
pub(crate) struct ArchiveArgs {}

pub(crate) fn run(
    _args: &ArchiveArgs,
    _global: &Global,
    _console: &Console,
) -> Result<Exit, Failure> {
    Err(Failure::request(
        "not-built",
        "attest archive is not built yet",
    ))
}
