//! The command line. Each command's own flags stand in its module; what several share stands here.

mod deployed;
mod layout;
mod login;
pub(crate) mod places;
mod policy;
mod registry;
pub(crate) mod replica;
mod services;
mod signers;
mod signing_key;
mod slsa;
mod succession;

use std::ffi::OsString;
use std::path::PathBuf;

use attest_provenance::predicate::TypeName;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::clock::Now;
use crate::command;
use crate::failure::Failure;
use crate::home::Home;
use crate::password;

pub(crate) use deployed::{DeployedArgs, LinkArg};
pub(crate) use layout::{ChainArgs, LayoutArgs};
pub(crate) use login::{LoginArgs, LoginWay};
pub(crate) use policy::PolicyArgs;
pub(crate) use registry::{PlatformArgs, RegistryArgs};
pub(crate) use services::ServiceArgs;
pub(crate) use signers::SignerArgs;
pub(crate) use signing_key::SigningKeyArgs;
pub(crate) use slsa::{BuildArgs, SummaryArgs};
pub(crate) use succession::SuccessionArgs;

/// Proves where software came from, and keeps that proof.
///
/// Exit codes, on every command: 0 yes, 1 no (the evidence does not say so), 2 the request is
/// wrong, 3 could not tell.
#[derive(Debug, Parser)]
#[command(
    name = "attest",
    version,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a local identity: signing key, log, timestamp authority, trusted root
    Init(command::init::InitArgs),
    /// Sign, log, timestamp, archive and check a folder as a release
    Release(command::release::ReleaseArgs),
    /// Verify files, folders, checksum files or digests against an expected signer
    Verify(Box<command::verify::VerifyArgs>),
    /// Say what a file of this field is and what it claims, proving nothing
    Inspect(command::inspect::InspectArgs),
    /// Digests of files, folders and members of archives; check a checksums file
    Digest(command::digest::DigestArgs),
    /// Sign files or statements: FILE.sigstore.json beside each
    Sign(command::sign::SignArgs),
    /// Generate, import and show keys
    Key(command::key::KeyArgs),
    /// The embedded transparency log
    Log(command::log::LogArgs),
    /// Record how something is made
    Provenance(command::provenance::ProvenanceArgs),
    /// The archive of releases
    Archive(command::archive::ArchiveArgs),
    /// Releases, images and what is attached to them, in OCI registries
    Registry(command::registry::RegistryCommandArgs),
    /// What is kept, how whole it is, and until when it can be proven
    Status(command::status::StatusArgs),
    /// A deployed folder against a signed manifest: content, added files, modes, owners, attributes
    Tree(command::tree::TreeArgs),
    /// Policies: check, explain and test them, and make them from ready sets
    Policy(command::policy::PolicyCommandArgs),
    /// Bills of materials: make them from lock files, and check them
    Sbom(command::sbom::SbomArgs),
    /// The evidence that is kept for each task of NIST's framework
    Report(command::report::ReportArgs),
    /// Trusted roots: show, pin, export, create, import, compare and refresh them
    Trust(command::trust::TrustCommandArgs),
    /// Completions for bash, zsh and fish, and manual pages
    Completions(command::completions::CompletionsArgs),
}

/// Flags of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// How the answer is written
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "human",
        value_name = "FORMAT"
    )]
    pub(crate) format: Format,
    /// Print only what was asked for: errors, and JSON if it is the format
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say more
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
    /// Judge as of this time instead of the clock's: 2026-11-21T09:41:07Z or 2026-11-21
    #[arg(long, global = true, value_name = "TIME")]
    pub(crate) at: Option<String>,
}

impl Global {
    /// The time of this run. The clock is read by the command, once.
    pub(crate) fn now(&self) -> Result<Now, Failure> {
        Now::read(self.at.as_deref())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Lines for people
    Human,
    /// One versioned object (docs/schema)
    Json,
    /// SARIF 2.1.0: what verifies alone
    Sarif,
    /// `JUnit` XML: what verifies alone
    Junit,
    /// Workflow commands of GitHub Actions: what verifies alone
    Github,
    /// One HTML file without scripts: `attest report` alone
    Html,
    /// OSCAL assessment results: `attest report` alone
    Oscal,
}

impl Format {
    /// Whether it shows verdicts about files, and nothing else.
    pub(crate) const fn is_for_reports(self) -> bool {
        matches!(self, Self::Sarif | Self::Junit | Self::Github)
    }

    /// Whether it shows what `attest report` says, and nothing else.
    pub(crate) const fn is_for_auditors(self) -> bool {
        matches!(self, Self::Html | Self::Oscal)
    }
}

/// Where the identity lives and how its keys are opened: for the commands that make something.
#[expect(clippy::doc_markdown, reason = "these comments are the help text")]
#[derive(Debug, Clone, Args)]
pub(crate) struct HomeArgs {
    /// The folder of the local identity, its log and its archive [default: .attest]
    #[arg(long, value_name = "DIR", env = "ATTEST_HOME")]
    home: Option<PathBuf>,
    /// Where the second copy of the last checkpoint is kept, outside the home
    /// [default: $XDG_STATE_HOME/attest/LOG-ID/checkpoint]
    #[arg(long, value_name = "FILE", env = "ATTEST_CHECKPOINT")]
    checkpoint_copy: Option<PathBuf>,
    /// Use the empty password (else: ATTEST_PASSWORD, COSIGN_PASSWORD, the terminal)
    #[arg(long)]
    no_password: bool,
}

impl HomeArgs {
    pub(crate) fn home(&self) -> Home {
        Home::new(self.home.as_deref(), self.checkpoint_copy.as_deref())
    }

    pub(crate) fn password(&self) -> password::Source {
        password::Source::read(self.no_password)
    }
}

/// Who is expected to have signed, and against which trust: for the commands that check.
#[expect(clippy::doc_markdown, reason = "these comments are the help text")]
#[derive(Debug, Clone, Args)]
pub(crate) struct TrustArgs {
    #[command(flatten)]
    pub(crate) signers: SignerArgs,
    #[command(flatten)]
    pub(crate) successions: SuccessionArgs,
    /// A trusted root, with the pin of its bytes where it comes along with the subject, or an embedded
    /// one: @public-good, @staging, @github; can be repeated [default: @public-good]
    #[arg(long, value_name = "FILE[@sha256:HEX]|@NAME")]
    pub(crate) trusted_root: Vec<String>,
    /// Trust what cosign's variables name as well: SIGSTORE_ROOT_FILE, SIGSTORE_REKOR_PUBLIC_KEY (of
    /// COSIGN_REKOR_URL), SIGSTORE_CT_LOG_PUBLIC_KEY_FILE, SIGSTORE_TSA_CERTIFICATE_FILE
    #[arg(long)]
    pub(crate) trust_env: bool,
    /// Accept less than the default: no-log, no-time, set-only, no-names, sha1-git
    #[arg(long, value_name = "WHAT", value_delimiter = ',', value_enum)]
    pub(crate) accept: Vec<AcceptArg>,
    /// Let statements of this predicate type approve, and no others: a URI, or a name such as test-result,
    /// vsa, slsaprovenance1, cyclonedx, openvex
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) types: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum AcceptArg {
    /// No transparency log entry
    NoLog,
    /// No trusted time
    NoTime,
    /// A log's signed promise instead of an inclusion proof
    SetOnly,
    /// Bundles that sign a file without naming its path
    NoNames,
    /// Commits and tags of git that are named by SHA-1
    Sha1Git,
}

/// A predicate type as a flag names it.
pub(crate) fn predicate_type(text: &str) -> Result<TypeName, Failure> {
    TypeName::parse(text).map_err(|error| {
        let names: Vec<&str> = TypeName::known().map(|(name, _)| name).collect();
        Failure::request("bad-arguments", format!("--type {error}")).hint(format!(
            "write its URI in full, or one of {}",
            names.join(", ")
        ))
    })
}

/// Reads the arguments. `None` after `--help` and `--version`, which print themselves.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Option<Cli>, Failure> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if let Some(failure) = foreign_flag(&arguments) {
        return Err(failure);
    }
    match Cli::try_parse_from(arguments) {
        Ok(cli) => Ok(Some(cli)),
        Err(error) if error.use_stderr() => {
            let text = error.render().to_string();
            Err(bad_arguments(&text))
        }
        Err(help) => {
            help.print()
                .map_err(|error| Failure::unknown("output-failed", format!("stdout: {error}")))?;
            Ok(None)
        }
    }
}

/// The format that arguments ask for, also when they are wrong in another way: a refusal is written
/// in it too.
pub(crate) fn format_of(arguments: &[OsString]) -> Format {
    let words: Vec<&str> = arguments
        .iter()
        .map(|argument| argument.to_str().unwrap_or_default())
        .take_while(|argument| *argument != "--")
        .collect();
    let parted = words.windows(2).filter_map(|pair| match pair {
        ["--format", value] => Some(*value),
        _ => None,
    });
    let joined = words.iter().filter_map(|it| it.strip_prefix("--format="));
    parted
        .chain(joined)
        .find_map(|value| Format::from_str(value, false).ok())
        .unwrap_or(Format::Human)
}

/// Whether these are the arguments of a command that is to be run for the caller: then an exit code of
/// ours must not be one that it could have.
pub(crate) fn runs_a_command(arguments: &[OsString]) -> bool {
    let mut words = Vec::new();
    let mut rest = arguments.iter().skip(1).map(|it| it.to_str());
    while let Some(argument) = rest.next() {
        match argument {
            Some("--") | None => break,
            Some("--format" | "--at") => drop(rest.next()),
            Some(flag) if flag.starts_with('-') => {}
            Some(word) => words.push(word),
        }
        if words.len() == 2 {
            break;
        }
    }
    words == ["provenance", "run"]
}

/// What clap found, in one line, and the usage as the hint.
fn bad_arguments(text: &str) -> Failure {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let one_line = |part: &str| part.split_whitespace().collect::<Vec<_>>().join(" ");
    let found = text.split("\n\nUsage:").next().unwrap_or(text);
    let failure = Failure::request("bad-arguments", one_line(found));
    match text.split_once("\n\nUsage:") {
        Some((_, usage)) => {
            let usage = usage.split("\n\n").next().unwrap_or(usage);
            failure.hint(format!("usage: {}", one_line(usage)))
        }
        None => failure,
    }
}

/// Flags of cosign that loosen a check are named, with ours in their place.
fn foreign_flag(arguments: &[OsString]) -> Option<Failure> {
    let flag = arguments
        .iter()
        .take_while(|argument| *argument != "--")
        .filter_map(|argument| argument.to_str())
        .filter(|argument| argument.starts_with("--"))
        .map(|argument| argument.split('=').next().unwrap_or(argument))
        .find(|flag| {
            flag.starts_with("--insecure-")
                || flag.ends_with("-regexp")
                || *flag == "--private-infrastructure"
        })?;
    let ours = match flag {
        "--insecure-ignore-tlog" | "--private-infrastructure" => {
            "evidence without a log entry needs --accept no-log, and the report repeats it"
        }
        "--certificate-identity-regexp" | "--certificate-oidc-issuer-regexp" => {
            "give --identity exactly, or with `*`, which crosses neither / nor @, and --issuer exactly"
        }
        _ => "attest has no such switch; see attest verify --help for --accept",
    };
    Some(Failure::request("flag-refused", format!("{flag} is not accepted")).hint(ours))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(arguments: &[&str]) -> Failure {
        parse(arguments.iter().map(OsString::from)).unwrap_err()
    }

    #[test]
    fn the_command_line_is_well_formed() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn cosigns_loosening_flags_are_refused_by_name() {
        for flag in [
            "--insecure-ignore-tlog",
            "--insecure-ignore-tlog=true",
            "--certificate-identity-regexp",
            "--insecure-skip-verify",
        ] {
            let failure = refused(&["attest", "verify", flag, "x"]);
            assert_eq!((failure.code, failure.exit.number()), ("flag-refused", 2));
        }
    }

    #[test]
    fn it_is_known_before_anything_else_that_a_command_is_to_be_run() {
        let runs = |line: &str| {
            let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            runs_a_command(&arguments)
        };
        for line in [
            "attest provenance run",
            "attest -q --format json --at=x provenance run -n x",
            "attest --at x provenance --quiet run --nonsense",
        ] {
            assert!(runs(line), "{line}");
        }
        for line in [
            "attest",
            "attest provenance",
            "attest provenance record run",
            "attest verify provenance run",
            "attest --format provenance run",
            "attest -- provenance run",
        ] {
            assert!(!runs(line), "{line}");
        }
    }

    #[test]
    fn an_identity_without_an_issuer_is_a_bad_request() {
        let failure = refused(&["attest", "verify", "x", "--identity", "a@example.com"]);
        assert_eq!((failure.code, failure.exit.number()), ("bad-arguments", 2));
    }
}
