//! `attest inspect`.

use clap::Args;

use crate::args::Global;
use crate::console::Console;
use crate::failure::{Exit, Failure};

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {}

pub(crate) fn run(
    _args: &InspectArgs,
    _global: &Global,
    _console: &Console,
) -> Result<Exit, Failure> {
    Err(Failure::request(
        "not-built",
        "attest inspect is not built yet",
    ))
}
