//! `attest registry`: releases, images and what is attached to them, in OCI registries.

mod copy;
pub(crate) mod files;
mod list;
mod place;
mod pull;
mod push;
mod tree;

use clap::{Args, Subcommand};

use crate::args::Global;
use crate::console::Console;
use crate::failure::{Exit, Failure};

#[derive(Debug, Args)]
pub(crate) struct RegistryCommandArgs {
    #[command(subcommand)]
    command: RegistryCommand,
}

#[derive(Debug, Subcommand)]
enum RegistryCommand {
    /// Put a folder's files, or a release of the archive with all that is attached to it, into a registry
    Push(push::PushArgs),
    /// Get the files of a release from a registry, and verify them before they are there
    Pull(Box<pull::PullArgs>),
    /// Copy an image or release, with all that is attached to it, between registries and saved layouts
    Copy(copy::CopyArgs),
    /// The tags of a repository
    List(list::ListArgs),
    /// What an image consists of, and what is attached to it
    Tree(tree::TreeArgs),
}

pub(crate) fn run(
    args: &RegistryCommandArgs,
    global: &Global,
    console: &Console,
) -> Result<Exit, Failure> {
    match &args.command {
        RegistryCommand::Push(args) => push::run(args, console),
        RegistryCommand::Pull(args) => pull::run(args, global, console),
        RegistryCommand::Copy(args) => copy::run(args, console),
        RegistryCommand::List(args) => list::run(args, console),
        RegistryCommand::Tree(args) => tree::run(args, console),
    }
}
