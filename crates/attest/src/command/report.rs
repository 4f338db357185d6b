//! `attest report`: what is kept as evidence, for those who ask for it.

use crate::args::Global;
use crate::command::archive::ssdf;
use crate::console::Console;
use crate::failure::{Exit, Failure};

pub(crate) use ssdf::ReportArgs;

pub(crate) fn run(args: &ReportArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    ssdf::run(args, global, console)
}
