//! `attest init`.

use clap::Args;

use crate::args::Global;
use crate::console::Console;
use crate::failure::{Exit, Failure};

#[derive(Debug, Args)]
pub(crate) struct InitArgs {}

pub(crate) fn run(_args: &InitArgs, _global: &Global, _console: &Console) -> Result<Exit, Failure> {
    Err(Failure::request(
        "not-built",
        "attest init is not built yet",
    ))
}
