//! `attest key`.

use clap::Args;

use crate::args::Global;
use crate::console::Console;
use crate::failure::{Exit, Failure};

#[derive(Debug, Args)]
pub(crate) struct KeyArgs {}

pub(crate) fn run(_args: &KeyArgs, _global: &Global, _console: &Console) -> Result<Exit, Failure> {
    Err(Failure::request("not-built", "attest key is not built yet"))
}
