//! `attest sign`.

use clap::Args;

use crate::args::Global;
use crate::console::Console;
use crate::failure::{Exit, Failure};

#[derive(Debug, Args)]
pub(crate) struct SignArgs {}

pub(crate) fn run(_args: &SignArgs, _global: &Global, _console: &Console) -> Result<Exit, Failure> {
    Err(Failure::request(
        "not-built",
        "attest sign is not built yet",
    ))
}
