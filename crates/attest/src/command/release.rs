//! `attest release`.

use clap::Args;

use crate::args::Global;
use crate::console::Console;
use crate::failure::{Exit, Failure};

#[derive(Debug, Args)]
pub(crate) struct ReleaseArgs {}

pub(crate) fn run(
    _args: &ReleaseArgs,
    _global: &Global,
    _console: &Console,
) -> Result<Exit, Failure> {
    Err(Failure::request(
        "not-built",
        "attest release is not built yet",
    ))
}
