//! `attest provenance`: how something was made, recorded and said.

mod desk;
mod layout;
mod link;
mod record;
mod report;
mod review;
mod run;
mod scribe;
pub(crate) mod statement;
mod step;
mod subject;

use clap::{Args, Subcommand};

use crate::args::Global;
use crate::console::Console;
use crate::failure::{Exit, Failure};

pub(crate) use layout::{FolderOfLinks, Request as LayoutRequest, chain_lines, run_inspections};

#[derive(Debug, Args)]
pub(crate) struct ProvenanceArgs {
    #[command(subcommand)]
    command: ProvenanceCommand,
}

#[derive(Debug, Subcommand)]
enum ProvenanceCommand {
    /// Run a command and record it as a build step: what it started from and what it made
    ///
    /// The exit code is the command's own (128 and the signal when it was killed), and 125 when attest
    /// itself fails; then no link is left.
    Run(run::RunArgs),
    /// Record a step that takes several commands: start before the first, stop after the last
    Record(record::RecordArgs),
    /// Make a statement of any predicate type about files or digests, checked against its type
    Statement(statement::StatementArgs),
    /// Turn the report of a tool into a signed test result and a signed reference to its bytes
    ///
    /// The result is FAILED, WARNED or PASSED as the report says; a report that says nothing is refused.
    Report(report::ReportArgs),
    /// State who reviewed a commit, what was looked at, and what came out: signed, logged and timestamped
    Review(review::ReviewArgs),
    /// State what was deployed, where and when: signed, logged and timestamped
    Deployment(review::DeploymentArgs),
    /// in-toto layouts: make, explain, sign them, and verify a chain of links
    Layout(layout::LayoutCommandArgs),
}

pub(crate) fn run(
    args: &ProvenanceArgs,
    global: &Global,
    console: &Console,
) -> Result<Exit, Failure> {
    match &args.command {
        ProvenanceCommand::Run(args) => run::run(args, global, console),
        ProvenanceCommand::Record(args) => record::run(args, global, console),
        ProvenanceCommand::Statement(args) => statement::run(args, global, console),
        ProvenanceCommand::Report(args) => report::run(args, global, console),
        ProvenanceCommand::Review(args) => review::review(args, global, console),
        ProvenanceCommand::Deployment(args) => review::deployment(args, global, console),
        ProvenanceCommand::Layout(args) => layout::run(args, global, console),
    }
}
