//! `attest tree`: an installed tree against a signed manifest.

mod check;
mod header;
mod left_out;
mod merge;
mod observe;
mod snapshot;
mod state;
mod verify;

use clap::{Args, Subcommand};

use crate::args::Global;
use crate::console::Console;
use crate::failure::{Exit, Failure};
pub(crate) use left_out::LeftOut;
pub(crate) use verify::{compared, contradiction};

#[derive(Debug, Args)]
pub(crate) struct TreeArgs {
    #[command(subcommand)]
    command: TreeCommand,
}

#[derive(Debug, Subcommand)]
enum TreeCommand {
    /// Write down what stands in a folder: content, types, modes, owners, links, attributes
    Snapshot(snapshot::SnapshotArgs),
    /// Compare a folder with a signed manifest: what was changed, added, removed
    Verify(verify::VerifyArgs),
}

impl TreeArgs {
    /// Whether the answer is a report about files.
    pub(crate) const fn verifies(&self) -> bool {
        matches!(self.command, TreeCommand::Verify(_))
    }
}

pub(crate) fn run(args: &TreeArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    match &args.command {
        TreeCommand::Snapshot(args) => snapshot::run(args, global, console),
        TreeCommand::Verify(args) => verify::run(args, global, console),
    }
}
