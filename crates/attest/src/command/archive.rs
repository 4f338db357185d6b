//! `attest archive`: releases, kept with their evidence and found again.

mod about;
mod add;
mod attach;
mod bag;
mod bills;
mod copy;
mod delete;
mod export;
mod find;
pub(crate) mod fixity;
mod hold;
mod import;
pub(crate) mod keeping;
mod later_log;
mod later_tree;
mod list;
mod log;
pub(crate) mod proof;
mod release_tree;
mod renew;
mod repair;
pub(crate) mod replicas;
mod retain;
mod roles;
mod show;
mod source;
pub(crate) mod ssdf;
pub(crate) mod tombstone;
mod union;
pub(crate) mod verify;

use std::path::{Path, PathBuf};

use attest_archive::ArchiveError;
use attest_policy::Policy;
use attest_provenance::ReleaseName;
use attest_verify::Verifier;
use clap::{Args, Subcommand};

use crate::args::{Global, PolicyArgs, TrustArgs};
use crate::clock::Now;
use crate::command::verify::{Session, policy_of_archive};
use crate::console::Console;
use crate::failure::{Exit, Failure, with_source};
use crate::home::Home;
use crate::trust::{self, Surroundings, Trust};

#[derive(Debug, Args)]
pub(crate) struct ArchiveArgs {
    #[command(subcommand)]
    command: ArchiveCommand,
}

#[derive(Debug, Subcommand)]
enum ArchiveCommand {
    /// Verify a release folder, then keep it
    Add(add::AddArgs),
    /// List the releases
    List(list::ListArgs),
    /// Show the files of one release, as it was archived, and what was attached to it later
    Show(show::ShowArgs),
    /// Find releases by what they hold: a digest, a file, a component
    Find(find::FindArgs),
    /// Read the bytes again, all or a share that moves on with each run, and keep the result
    Fixity(fixity::FixityArgs),
    /// Copy the archive to a replica: only what is missing there, and nothing is overwritten
    Copy(copy::CopyArgs),
    /// Read every byte again, and bring back from replicas what is missing or damaged
    Repair(repair::RepairArgs),
    /// Keep evidence that came later with a release: what an expected signer says of it, and what that names
    Attach(attach::AttachArgs),
    /// Say, signed, for how many years a release is kept at least
    Retain(retain::RetainArgs),
    /// Keep a release until the hold is lifted, whatever its retention; or lift its holds
    Hold(hold::HoldArgs),
    /// Delete the artifacts of a release whose retention is over, and keep its evidence and a signed
    /// tombstone
    Delete(delete::DeleteArgs),
    /// Show and check the audit trail: who changed the archive, the log and the keys
    Log(log::LogArgs),
    /// Stamp proofs of time again before they end: one timestamp for all releases
    Renew(renew::RenewArgs),
    /// Read every byte again, and verify each release by the evidence that was kept with it
    Verify(verify::VerifyArgs),
    /// Write one release out, with everything that proves it, for anybody to check
    Export(export::ExportArgs),
    /// Verify an exported release, then keep it
    Import(import::ImportArgs),
}

/// Which archive.
#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    /// The folder of the local identity and its archive [default: .attest]
    #[arg(long, value_name = "DIR", env = "ATTEST_HOME")]
    home: Option<PathBuf>,
    /// Another archive than the home's: any OCI image layout
    #[arg(long, value_name = "DIR")]
    archive: Option<PathBuf>,
}

impl PlaceArgs {
    pub(crate) fn path(&self) -> PathBuf {
        match &self.archive {
            Some(path) => path.clone(),
            None => self.own_home().archive(),
        }
    }

    /// Whether it is the home's own archive.
    pub(crate) const fn is_own(&self) -> bool {
        self.archive.is_none()
    }

    pub(crate) fn own_home(&self) -> Home {
        Home::new(self.home.as_deref(), None)
    }

    /// The trust that flags name; for our own archive, and without such flags, that of our home.
    pub(crate) fn trust(
        &self,
        args: &TrustArgs,
        around: &Surroundings,
        now: Now,
    ) -> Result<Trust, Failure> {
        if names_trust(args) || self.archive.is_some() {
            return trust::resolve(args, around, now);
        }
        trust::of_keeper(&self.own_home())
    }
}

/// Whose is what is verified: by that a home's trust counts for it, or not.
#[derive(Clone, Copy)]
enum Whose<'a> {
    /// An archive, which may be the home's.
    Archive(&'a PlaceArgs),
    /// An exported release, from anywhere.
    Anybody(&'a PlaceArgs),
}

impl Whose<'_> {
    /// The trust that flags name. Without such flags that of our home counts for its own archive; for what
    /// came from elsewhere only if the home was named: the `.attest` of the current folder can have come
    /// with it.
    fn trust(self, args: &TrustArgs, around: &Surroundings, now: Now) -> Result<Trust, Failure> {
        let place = match self {
            Self::Archive(place) => return place.trust(args, around, now),
            Self::Anybody(place) => place,
        };
        if place.home.is_some() && place.is_own() && !names_trust(args) {
            return trust::of_named(&place.own_home(), around);
        }
        trust::resolve(args, around, now).map_err(|failure| match failure.code {
            "signer-required" => failure.hint("name the signer with --key, or with --identity and --issuer, or with --home DIR a home whose own releases these are: that of the current folder counts for what is in its archive alone"),
            _ => failure,
        })
    }
}

fn names_trust(args: &TrustArgs) -> bool {
    args.signers.is_given() || !args.trusted_root.is_empty() || args.trust_env
}

impl ArchiveArgs {
    /// Whether the answer is a report about files.
    pub(crate) const fn verifies(&self) -> bool {
        matches!(self.command, ArchiveCommand::Verify(_))
    }
}

pub(crate) use list::worse;

pub(crate) fn run(args: &ArchiveArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    match &args.command {
        ArchiveCommand::Add(args) => add::run(args, global, console),
        ArchiveCommand::List(args) => list::run(args, global, console),
        ArchiveCommand::Show(args) => show::run(args, global, console),
        ArchiveCommand::Find(args) => find::run(args, global, console),
        ArchiveCommand::Fixity(args) => fixity::run(args, global, console),
        ArchiveCommand::Copy(args) => copy::run(args, global, console),
        ArchiveCommand::Repair(args) => repair::run(args, global, console),
        ArchiveCommand::Attach(args) => attach::run(args, global, console),
        ArchiveCommand::Retain(args) => retain::run(args, global, console),
        ArchiveCommand::Hold(args) => hold::run(args, global, console),
        ArchiveCommand::Delete(args) => delete::run(args, global, console),
        ArchiveCommand::Renew(args) => renew::run(args, global, console),
        ArchiveCommand::Log(args) => log::run(args, global, console),
        ArchiveCommand::Verify(args) => verify::run(args, global, console),
        ArchiveCommand::Export(args) => export::run(args, global, console),
        ArchiveCommand::Import(args) => import::run(args, global, console),
    }
}

/// What the archive said, with its exit code.
pub(crate) fn archive_failure(error: &ArchiveError) -> Failure {
    let message = with_source(error);
    match error {
        ArchiveError::VersionAlreadyReleased { .. }
        | ArchiveError::NoSuchRelease { .. }
        | ArchiveError::ReleaseDeleted { .. } => Failure::no(error.code(), message),
        ArchiveError::NameCollision { .. }
        | ArchiveError::Empty { .. }
        | ArchiveError::TooLarge { .. }
        | ArchiveError::BagName { .. }
        | ArchiveError::NotAnArchive { .. }
        | ArchiveError::NewerFormat { .. }
        | ArchiveError::IndexMalformed { .. } => Failure::request(error.code(), message),
        _ => Failure::unknown(error.code(), message),
    }
}

/// Whether an archive that is wrong in this way says no, rather than nothing: its bytes were read, and
/// they are not those that were archived.
fn is_damage(error: &ArchiveError) -> bool {
    matches!(
        error,
        ArchiveError::IndexMalformed { .. }
            | ArchiveError::ManifestMalformed { .. }
            | ArchiveError::ReleaseMismatch { .. }
            | ArchiveError::AttachmentMalformed { .. }
            | ArchiveError::AttachmentMismatch { .. }
            | ArchiveError::AttachmentOrphaned { .. }
            | ArchiveError::BlobMissing { .. }
            | ArchiveError::BlobNotAFile { .. }
            | ArchiveError::BlobCorrupt { .. }
            | ArchiveError::BlobSize { .. }
    )
}

/// As [`archive_failure`], for a command that asks whether the archive is as it was.
pub(crate) fn damage_failure(error: &ArchiveError) -> Failure {
    if is_damage(error) {
        Failure::no(error.code(), with_source(error))
    } else {
        archive_failure(error)
    }
}

pub(crate) fn parse_release(text: &str) -> Result<ReleaseName, Failure> {
    ReleaseName::parse(text).map_err(|error| {
        Failure::request("bad-release", format!("{text:?}: {error}"))
            .hint("write it as NAME@VERSION; attest archive list shows what is there")
    })
}

/// What verifies, for folders that come in and releases that are kept.
fn session(
    trust: Trust,
    args: &TrustArgs,
    independent: &[String],
    now: Now,
) -> Result<Session, Failure> {
    let verifier = Verifier::new(
        trust.roots.clone(),
        now.time,
        trust::accept(args, &trust.signers),
    )
    .map_err(|error| Failure::request("trusted-root-malformed", error))?;
    let policy = policy(&trust, args, independent);
    trust::refuse_ambiguous(policy.signers().independent(), &trust.roots)?;
    Ok(Session::new(verifier, policy, trust))
}

/// As [`session`], or by the rules of a policy file.
fn judging(
    whose: Whose<'_>,
    flags: &PolicyArgs,
    args: &TrustArgs,
    independent: &[String],
    around: &Surroundings,
    now: Now,
) -> Result<Session, Failure> {
    let Some(file) = &flags.policy else {
        let trust = whose.trust(args, around, now)?;
        if flags.state.is_some() && trust.heard.is_empty() {
            let message = "--state remembers policies and successions: neither a policy nor a recovery key is named";
            return Err(Failure::request("bad-arguments", message));
        }
        let mut session = session(trust, args, independent, now)?;
        session.remember(flags.state.as_deref(), around)?;
        return Ok(session);
    };
    let (trust, accept, judge) = policy_of_archive(flags, args, independent, file, around, now)?;
    let verifier = Verifier::new(trust.roots.clone(), now.time, accept)
        .map_err(|error| Failure::request("trusted-root-malformed", error))?;
    let policy = Policy::expecting(trust.signers.clone()).of_rules(&judge.rules);
    trust::refuse_ambiguous(policy.signers().independent(), &trust.roots)?;
    let mut session = Session {
        judge: Some(judge),
        ..Session::new(verifier, policy, trust)
    };
    session.remember(flags.state.as_deref(), around)?;
    Ok(session)
}

/// What decides about one release.
fn policy_of(
    session: &Session,
    args: &TrustArgs,
    independent: &[String],
    release: &ReleaseName,
) -> Policy {
    let policy = match &session.judge {
        Some(judge) => Policy::expecting(session.trust.signers.clone()).of_rules(&judge.rules),
        None => policy(&session.trust, args, independent),
    };
    policy.of_release(release.clone())
}

/// What is accepted less than the default of, in the words of the report.
fn accepted(session: &Session, args: &TrustArgs) -> Vec<&'static str> {
    match &session.judge {
        Some(judge) => judge.named.accepted_words(),
        None => trust::accepted_words(args),
    }
}

/// Whether trust may lie among what is verified: as a pin, or as the keys that a policy pins.
fn may_lie_inside(flags: &PolicyArgs, args: &TrustArgs) -> bool {
    flags.policy.is_some() || trust::has_pins(args)
}

fn policy(trust: &Trust, args: &TrustArgs, independent: &[String]) -> Policy {
    let signers = trust.signers.clone();
    let signers = signers.with_independent(independent.iter().cloned());
    Policy::expecting(signers).approving_only(args.types.iter().cloned())
}

/// Trust that lies in the archive, or in a folder that is to be added, needs a pin.
fn around(verified: Vec<PathBuf>, beside: Option<&Path>) -> Surroundings {
    Surroundings {
        verified,
        beside: beside.map(Path::to_owned).into_iter().collect(),
        ..Surroundings::default()
    }
}
