//! `attest log`.

use clap::Args;

use crate::args::Global;
use crate::console::Console;
use crate::failure::{Exit, Failure};

#[derive(Debug, Args)]
pub(crate) struct LogArgs {}

pub(crate) fn run(_args: &LogArgs, _global: &Global, _console: &Console) -> Result<Exit, Failure> {
    Err(Failure::request("not-built", "attest log is not built yet"))
}
