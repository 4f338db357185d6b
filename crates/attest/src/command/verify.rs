//! `attest verify`.

use clap::Args;

use crate::args::Global;
use crate::console::Console;
use crate::failure::{Exit, Failure};

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {}

pub(crate) fn run(
    _args: &VerifyArgs,
    _global: &Global,
    _console: &Console,
) -> Result<Exit, Failure> {
    Err(Failure::request(
        "not-built",
        "attest verify is not built yet",
    ))
}
