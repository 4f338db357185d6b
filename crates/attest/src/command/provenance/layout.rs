//! `attest provenance layout`: in-toto layouts.

mod folder;
mod inspections;
mod new;
mod request;
mod show;
mod sign;
mod verify;

use std::path::Path;

use attest_provenance::in_toto::{InTotoError, Metablock};
use clap::{Args, Subcommand};

use crate::args::Global;
use crate::console::Console;
use crate::failure::{Exit, Failure};
use crate::files;

pub(crate) use folder::FolderOfLinks;
pub(crate) use inspections::run as run_inspections;
pub(crate) use request::Request;
pub(crate) use verify::lines as chain_lines;

#[derive(Debug, Args)]
pub(crate) struct LayoutCommandArgs {
    #[command(subcommand)]
    command: LayoutCommand,
}

#[derive(Debug, Subcommand)]
enum LayoutCommand {
    /// Write a layout to start from, not signed yet
    New(new::NewArgs),
    /// Say in sentences what a layout asks for, proving nothing
    Show(show::ShowArgs),
    /// Sign a layout or a link with a key of attest's
    Sign(sign::SignArgs),
    /// Verify the links of a layout by themselves, without any file at hand
    Verify(verify::VerifyArgs),
}

pub(super) fn run(
    args: &LayoutCommandArgs,
    global: &Global,
    console: &Console,
) -> Result<Exit, Failure> {
    match &args.command {
        LayoutCommand::New(args) => new::run(args, global, console),
        LayoutCommand::Show(args) => show::run(args, console),
        LayoutCommand::Sign(args) => sign::run(args, console),
        LayoutCommand::Verify(args) => verify::run(args, global, console),
    }
}

/// Reads a file that is named as a layout: what is wrong with it is wrong with the request.
fn read(path: &Path) -> Result<Metablock, Failure> {
    Metablock::parse(&bytes(path)?).map_err(|error| refused(path, &error))
}

fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    files::read_limited(path, LAYOUT_BYTES).map_err(|error| {
        Failure::request("layout-unreadable", format!("{}: {error}", path.display()))
    })
}

fn refused(path: &Path, error: &InTotoError) -> Failure {
    Failure::request(error.code(), format!("{}: {error}", path.display()))
}

const LAYOUT_BYTES: u64 = attest_provenance::limits::METABLOCK.bytes as u64;
