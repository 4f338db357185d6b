//! `attest tree verify`: a folder against a signed manifest.
//!
//! 1. Verify the manifest: a statement about it, or whatever else approves a file.
//! 2. Read it beside the folder, both in one order, and compare each thing.
//! 3. At its end it must be the very bytes that were verified; else nothing was decided.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use attest_digest::{Artifact, Digest, Hashes, Survey};
use attest_policy::Policy;
use attest_provenance::predicate::tree::{self, TreeClaim};
use attest_provenance::tree::{TreeHeader, TreeReader};
use attest_provenance::{ReleaseName, Statement};
use attest_verify::Verifier;
use clap::Args;

use super::check::{Found, Stop, check};
use super::header::release;
use super::left_out::LeftOut;
use super::state::State;
use crate::args::{AcceptArg, Global, TrustArgs};
use crate::clock::Now;
use crate::command::verify::{
    Session, Shelf, lone_file, requested_types, sha1_names, surroundings_of_file,
};
use crate::console::Console;
use crate::failure::{Exit, Failure, with_source};
use crate::files;
use crate::report::{FileReport, Refusal, Report, SubjectReport, TreeReport, Verdict};
use crate::trust::{self, Surroundings};

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// The folder to verify
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The signed manifest, as `attest tree snapshot` writes it
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,
    #[command(flatten)]
    trust: TrustArgs,
    /// The release that the manifest must be of
    #[arg(long, value_name = "NAME@VERSION")]
    release: Option<String>,
    /// Remember in this file which manifest of each release name was seen last, and refuse an older one
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Use this evidence about the manifest, or these, and no other
    #[arg(long, value_name = "FILE")]
    bundle: Vec<PathBuf>,
    /// A log (by origin) or timestamp authority that you know to be independent of the signer
    #[arg(long, value_name = "ID")]
    independent: Vec<String>,
    /// Print the numbered steps of docs/verification.md for each piece of evidence
    #[arg(long)]
    explain: bool,
}

pub(super) fn run(args: &VerifyArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    let now = global.now()?;
    let wanted = args.release.as_deref().map(release).transpose()?;
    let lock = |state: &Path| trust::lock_state(state, &surroundings(args));
    let _locked = args.state.as_deref().map(lock).transpose()?;
    let mut state = args.state.as_deref().map(State::read).transpose()?;
    let session = session(args, now)?;
    let mut report = new_report(args, global, now, &session);
    let mut shelf = Shelf::new();
    let mut manifest = lone_file(&args.manifest, &session, &mut shelf);
    let verified = match manifest.files.as_slice() {
        [file] if matches!(file.verdict, Verdict::Verified) => file.sha256.clone(),
        _ => None,
    };
    if let Some(sha256) = verified {
        match compare(&args.folder, &args.manifest, &sha256) {
            Ok((tree, said)) => {
                let statements = manifest.decided_by.iter();
                let mut statements =
                    statements.filter_map(|index| shelf.evidence(*index)?.statement());
                let contradicted = statements.find_map(|it| contradiction(it, &said.claim));
                let release = said.claim.release.as_ref().map(ToString::to_string);
                let release = release.or_else(|| manifest.release.clone());
                let other = other_release(wanted.as_ref(), release.as_deref());
                let older = state
                    .as_mut()
                    .and_then(|it| it.see(&said.header, &sha256).err());
                let reasons = contradicted.into_iter().chain(other).chain(older);
                manifest.reasons.extend(reasons);
                report.subjects.push(tree);
            }
            Err(Refused::Manifest(refusal)) => manifest.reasons.push(refusal),
            Err(Refused::Unknown(refusal)) => report.subjects.push(untold(&args.folder, refusal)),
        }
    }
    report.subjects.insert(0, manifest);
    report.evidence = shelf.into_reports(&session.policy);
    // Only what was signed, and not the tree's own differences, decides what was seen.
    let is_known = report
        .subjects
        .first()
        .is_some_and(|it| it.exit() == Exit::Yes);
    if let Some(state) = state.filter(|_| is_known) {
        state.keep()?;
    }
    Ok(report.render(console))
}

/// How a folder differs from a manifest of which these very bytes were proven otherwise.
pub(crate) fn compared(folder: &Path, manifest: &Path, sha256: &str) -> SubjectReport {
    match compare(folder, manifest, sha256) {
        Ok((tree, _)) => tree,
        Err(Refused::Unknown(refusal)) => untold(folder, refusal),
        Err(Refused::Manifest(refusal)) => {
            let mut tree = SubjectReport::new(folder.display().to_string(), KIND);
            tree.reasons.push(refusal);
            tree
        }
    }
}

/// The report about a tree of which nothing can be said.
fn untold(folder: &Path, refusal: Refusal) -> SubjectReport {
    let mut tree = SubjectReport::new(folder.display().to_string(), KIND);
    tree.files.push(FileReport {
        path: ".".to_owned(),
        verdict: Verdict::Unreadable(refusal),
        size: None,
        sha256: None,
    });
    tree
}

/// What reports call a tree.
pub(crate) const KIND: &str = "tree";

fn surroundings(args: &VerifyArgs) -> Surroundings {
    let mut around = surroundings_of_file(&args.manifest);
    around.verified.push(args.folder.clone());
    around.bundles.extend(args.bundle.clone());
    around
}

fn session(args: &VerifyArgs, now: Now) -> Result<Session, Failure> {
    let around = surroundings(args);
    let trust = trust::resolve(&args.trust, &around, now)?;
    let accept = trust::accept(&args.trust, &trust.signers);
    let verifier = Verifier::new(trust.roots.clone(), now.time, accept)
        .map_err(|error| Failure::request("trusted-root-malformed", error))?;
    let declared = args.independent.iter().cloned();
    let signers = trust.signers.clone().with_independent(declared);
    trust::refuse_ambiguous(signers.independent(), &trust.roots)?;
    let policy = Policy::expecting(signers)
        .approving_only(requested_types(&args.trust.types)?)
        .approving_too(tree::TYPE);
    Ok(Session {
        accept_no_names: args.trust.accept.contains(&AcceptArg::NoNames),
        sha1_names: sha1_names(&args.trust),
        bundles: args.bundle.clone(),
        ..Session::new(verifier, policy, trust)
    })
}

fn new_report(args: &VerifyArgs, global: &Global, now: Now, session: &Session) -> Report {
    let mut not_checked = Vec::new();
    if args.state.is_none() {
        not_checked.push("rollback".to_owned());
    }
    if args.release.is_none() {
        not_checked.push("which release this is (no --release)".to_owned());
    }
    Report {
        not_checked,
        verbose: global.verbose,
        explain: args.explain,
        ..session.report("tree verify", now, trust::accepted_words(&args.trust))
    }
}

/// Why the tree could not be compared.
enum Refused {
    /// The manifest is none, though it is signed.
    Manifest(Refusal),
    /// It could not be told.
    Unknown(Refusal),
}

impl Refused {
    fn unknown(code: &'static str, found: String) -> Self {
        Self::Unknown(Refusal {
            code,
            found,
            wanted: "a folder and a manifest that can be read and stay as they are".to_owned(),
        })
    }

    fn manifest(code: &'static str, found: String) -> Self {
        Self::Manifest(Refusal {
            code,
            found,
            wanted: "a tree manifest as docs/tree.md describes it".to_owned(),
        })
    }
}

impl From<Stop> for Refused {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Walk(error) => Self::unknown(error.code(), with_source(&error)),
            Stop::Manifest(error @ attest_provenance::tree::TreeError::Io(_)) => {
                Self::unknown(error.code(), with_source(&error))
            }
            Stop::Manifest(error) => Self::manifest(error.code(), with_source(&error)),
            Stop::Ignored(path) => Self::manifest(
                "tree-manifest-malformed",
                format!("{path} is named and left out"),
            ),
        }
    }
}

/// The report about the tree, and what the manifest says of itself.
fn compare(folder: &Path, manifest: &Path, sha256: &str) -> Result<(SubjectReport, Said), Refused> {
    let unreadable = |error: std::io::Error| {
        Refused::unknown(
            "tree-manifest-unreadable",
            format!("{}: {error}", manifest.display()),
        )
    };
    let file = files::open_regular(manifest).map_err(unreadable)?;
    let survey = Survey::begin(folder)
        .map_err(|error| Refused::unknown(error.code(), with_source(&error)))?;
    let same = |file: &File| is_still(file, sha256, manifest);
    let mut reader =
        TreeReader::new(BufReader::with_capacity(BUFFER, &file)).map_err(Stop::Manifest)?;
    let header = reader.header().clone();
    let left_out = LeftOut::of(&header).map_err(|error| {
        Refused::manifest("tree-manifest-malformed", format!("ignore: {error}"))
    })?;
    let found = check(&mut reader, survey, &left_out, sha256);
    let summary = reader.summary();
    drop(reader);
    // Before anything is said: was all that was read what was verified?
    same(&file)?;
    let found = found?;
    let mut report = SubjectReport::new(folder.display().to_string(), KIND);
    report.release = header.release.as_ref().map(ReleaseName::to_string);
    tell(&mut report, found, summary.entries, &header);
    let release = header.release.clone();
    let claim = TreeClaim { release, summary };
    Ok((report, Said { claim, header }))
}

/// What a manifest says of itself.
struct Said {
    claim: TreeClaim,
    header: TreeHeader,
}

/// Whether a statement about the manifest says something else of it than it does.
pub(crate) fn contradiction(statement: &Statement, said: &TreeClaim) -> Option<Refusal> {
    if statement.predicate_type() != tree::TYPE {
        return None;
    }
    let refusal = |code, found: String| Refusal {
        code,
        found,
        wanted: "what the manifest says".to_owned(),
    };
    match TreeClaim::from_statement(statement) {
        Ok(claimed) if claimed == *said => None,
        Ok(claimed) => Some(refusal(
            "tree-statement-mismatch",
            format!(
                "a statement about {} things and {} bytes",
                claimed.summary.entries, claimed.summary.bytes
            ),
        )),
        Err(error) => Some(refusal(error.code(), with_source(&error))),
    }
}

/// Whether the file has the bytes that were verified, now that all of them were used.
fn is_still(file: &File, sha256: &str, path: &Path) -> Result<(), Refused> {
    let now = Artifact::read_file(file, Hashes::Sha256).map(|artifact| artifact.sha256());
    match now {
        Ok(Digest::Sha256(digest)) if hex::encode(digest) == sha256 => Ok(()),
        Ok(_) => Err(Refused::unknown(
            "file-changed",
            format!("{} changed while it was read", path.display()),
        )),
        Err(error) => Err(Refused::unknown(error.code(), with_source(&error))),
    }
}

fn tell(report: &mut SubjectReport, found: Found, signed: u64, header: &TreeHeader) {
    let file = |path, verdict| FileReport {
        path,
        verdict,
        size: None,
        sha256: None,
    };
    if found.top_agreed {
        report.files.push(file(".".to_owned(), Verdict::Verified));
    }
    report.notes.extend(found.unnamed.words());
    let findings = found.findings.into_iter();
    report
        .files
        .extend(findings.map(|(path, verdict)| file(path, verdict)));
    let mut compared: Vec<String> =
        vec!["type, content, targets of links, numbers of devices".into()];
    compared.extend(header.attributes.iter().map(|it| it.name().to_owned()));
    compared.extend(header.xattrs.iter().map(|it| format!("xattr {it}")));
    report.tree = Some(TreeReport {
        signed,
        agreed: found.agreed,
        counts: found.counts,
        more: found.more,
        compared,
        ignored: header.ignore.iter().cloned().collect(),
    });
}

fn other_release(wanted: Option<&ReleaseName>, found: Option<&str>) -> Option<Refusal> {
    let wanted = wanted?.to_string();
    let refusal = |code, found: &str| Refusal {
        code,
        found: found.to_owned(),
        wanted: wanted.clone(),
    };
    match found {
        Some(found) if found == wanted => None,
        Some(found) => Some(refusal("release-mismatch", found)),
        None => Some(refusal("release-missing", "a manifest of no named release")),
    }
}

const BUFFER: usize = 64 << 10;
