//! `attest log`: the embedded transparency log, written by the home's checkpoint key, read by anyone
//! who has the folder and the log's public key; and logs that others keep, Rekor v2 and Rekor v1.

mod append;
mod find;
mod key;
mod monitor;
mod place;
mod prove;
mod read;
mod rekor_v1;
mod write;

use std::path::PathBuf;
use std::time::Duration;

use attest_remote::Patience;
use clap::{Args, Subcommand};

use crate::args::{Global, HomeArgs};
use crate::console::Console;
use crate::failure::{Exit, Failure};

#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    #[command(subcommand)]
    command: LogCommand,
}

#[derive(Debug, Subcommand)]
enum LogCommand {
    /// Make an empty log for the home's checkpoint key
    Init(HomeArgs),
    /// Append entries to the home's log, or to a Rekor: hashedrekord bodies, or the entries of bundles;
    /// prints their indices
    Append(AppendArgs),
    /// Show the checkpoint, or one entry
    Show(ShowArgs),
    /// Prove that an entry is in the log, or that one size of the log is a prefix of another
    Prove(ProveArgs),
    /// Recompute the whole log from its tiles and compare
    Check(CheckArgs),
    /// Watch a log: that it only grows, that others see the same, and that nobody else uses our keys
    Monitor(monitor::MonitorArgs),
    /// Go on with a log whose second copy is lost, from a checkpoint that was kept elsewhere
    Adopt(AdoptArgs),
}

#[derive(Debug, Args)]
pub(super) struct AppendArgs {
    /// hashedrekord 0.0.2 bodies, or Sigstore bundles whose entries are taken
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    public: PublicArgs,
    #[command(flatten)]
    home: HomeArgs,
}

/// A log that others keep, to which is appended.
#[expect(clippy::doc_markdown, reason = "these comments are the help text")]
#[derive(Debug, Args)]
pub(super) struct PublicArgs {
    /// The log, if it is not the home's: the address of a Rekor v2 or v1, or its name in the trusted root
    /// that --key names. Everybody can read what is appended there, and nobody can take it away
    #[arg(long, value_name = "URL|NAME", requires = "key")]
    log: Option<String>,
    /// The log's key, by which its answer is verified: a C2SP vkey, or a trusted_root.json that names it
    #[arg(long, value_name = "VKEY|FILE|@NAME", requires = "log")]
    key: Option<String>,
    /// Write the bundle here, with that log's entry beside those that it has; when FILE is one bundle
    #[arg(long, short, value_name = "FILE", requires = "log")]
    out: Option<PathBuf>,
    /// Replace a file that exists
    #[arg(long, requires = "out")]
    force: bool,
    /// How long the log is asked again when it is busy or away
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 120,
        value_parser = clap::value_parser!(u64).range(1..=3600)
    )]
    service_timeout: u64,
}

/// Which log is read, and by which key.
#[expect(clippy::doc_markdown, reason = "these comments are the help text")]
#[derive(Debug, Args)]
pub(super) struct ReadArgs {
    /// The log: its folder, its address (the tiles of a Rekor v2, the server of a Rekor v1), or its name
    /// in the trusted root that --key names [default: the home's]
    #[arg(long, value_name = "DIR|URL|NAME", requires = "key")]
    log: Option<String>,
    /// The log's key: a C2SP vkey, or a trusted_root.json that names the log [default: the home's]
    #[arg(long, value_name = "VKEY|FILE|@NAME")]
    key: Option<String>,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    home: HomeArgs,
}

/// How long a log is waited for.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct WaitArgs {
    /// How long each answer of a log behind an address is waited for
    #[arg(
        long = "service-timeout",
        value_name = "SECONDS",
        default_value_t = 60,
        value_parser = clap::value_parser!(u64).range(1..=3600)
    )]
    seconds: u64,
}

impl WaitArgs {
    fn patience(self) -> Patience {
        let total = Duration::from_secs(self.seconds);
        let connect = total.min(CONNECT);
        Patience { connect, total }
    }
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The index of an entry, from 0
    #[arg(value_name = "INDEX")]
    index: Option<u64>,
    /// The entries about an artifact: its file, or its digest
    #[arg(long, value_name = "FILE|sha256:HEX", conflicts_with = "index")]
    artifact: Option<String>,
    /// The entry with this leaf hash, in hexadecimal
    #[arg(long, value_name = "HEX", conflicts_with_all = ["index", "artifact"])]
    leaf: Option<String>,
    #[command(flatten)]
    read: ReadArgs,
}

#[derive(Debug, Args)]
pub(super) struct ProveArgs {
    /// The index of an entry, from 0
    #[arg(value_name = "INDEX", required_unless_present = "from")]
    index: Option<u64>,
    /// The size of the tree to prove it in: one that was published [default: the last]
    #[arg(long, value_name = "N", requires = "index")]
    size: Option<u64>,
    /// Prove that the tree of this size …
    #[arg(long, value_name = "N", conflicts_with = "index")]
    from: Option<u64>,
    /// … is a prefix of the tree of this size [default: the last]
    #[arg(long, value_name = "N", requires = "from")]
    to: Option<u64>,
    #[command(flatten)]
    read: ReadArgs,
}

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// A checkpoint that was kept earlier: the log must still contain it
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    #[command(flatten)]
    read: ReadArgs,
}

#[derive(Debug, Args)]
pub(super) struct AdoptArgs {
    /// A signed checkpoint from outside of the home, or a bundle that carries one
    #[arg(long, value_name = "FILE")]
    checkpoint: PathBuf,
    /// Entries that a restored backup lacks, in order, up to that checkpoint: bodies or bundles
    #[arg(long, value_name = "FILE")]
    missing: Vec<PathBuf>,
    #[command(flatten)]
    home: HomeArgs,
}

pub(crate) fn run(args: &LogArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    match &args.command {
        LogCommand::Init(home) => write::init(home, console),
        LogCommand::Append(args) => match (&args.public.log, &args.public.key) {
            (Some(log), Some(key)) => append::append(args, log, key, console),
            _ => write::append(args, console),
        },
        LogCommand::Adopt(args) => write::adopt(args, console),
        LogCommand::Show(args) => read::show(args, console),
        LogCommand::Check(args) => read::check(args, console),
        LogCommand::Monitor(args) => monitor::run(args, global, console),
        LogCommand::Prove(args) => prove::prove(args, console),
    }
}

/// A host that is there answers a call sooner than a question.
const CONNECT: Duration = Duration::from_secs(10);
