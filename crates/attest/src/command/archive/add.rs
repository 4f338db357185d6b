//! `attest archive add`: a release folder is verified, then kept.
//!
//! What was verified is what is kept: each file is copied with the digest that its verdict is about.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use attest_archive::{Added, AttachmentKind, MemberInput, Outcome, ReleaseInput, Source, Store};
use attest_digest::{Algorithm, Artifact, Digest, Hashes, RelativePath, Root};
use attest_provenance::ReleaseName;
use clap::Args;
use serde_json::json;

use super::about::About;
use super::release_tree::{self, Held};
use super::source::CheckedSource;
use super::{PlaceArgs, archive_failure, around, bills, parse_release, roles, session};
use crate::args::{Global, TrustArgs};
use crate::audit::{self, Change};
use crate::clock::Now;
use crate::command::verify::{Session, Shelf, verify_folder};
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure};
use crate::report::{FileReport, Report, SubjectReport, Verdict};
use crate::trust;
use crate::words::{files as count_of_files, size};
use crate::{files, limits};

#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// The folder of one release
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The release that the evidence must name
    #[arg(long, value_name = "NAME@VERSION")]
    release: Option<String>,
    /// Keep the source with the release: a git bundle that holds, whole, the commit that the release's
    /// provenance names
    #[arg(long, value_name = "GITBUNDLE")]
    source: Option<PathBuf>,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    trust: TrustArgs,
    /// A log (by origin) or timestamp authority that you know to be independent of the signer
    #[arg(long, value_name = "ID")]
    independent: Vec<String>,
}

pub(super) fn run(args: &AddArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    let now = global.now()?;
    let wanted = args.release.as_deref().map(parse_release).transpose()?;
    let around = around(vec![args.folder.clone()], Some(&args.folder));
    let trust = args.place.trust(&args.trust, &around, now)?;
    let mut session = session(trust, &args.trust, &args.independent, now)?;
    if let Some(release) = &wanted {
        session.policy = session.policy.of_release(release.clone());
    }
    let path = args.place.path();
    // An archive that is there is taken before the work; a new one is made after it.
    let store = if is_nothing(&path) {
        None
    } else {
        Some(open(&path)?)
    };

    let mut shelf = Shelf::new();
    let mut subject = verify_folder(&args.folder, &session, &mut shelf);
    if subject.exit() == Exit::Yes {
        compare_tree(&args.folder, &shelf, &mut subject)?;
    }
    if subject.exit() != Exit::Yes {
        return Ok(refused(args, global, now, &session, subject, shelf).render(console));
    }
    let release = release_of(&subject)?;
    let source = args.source.as_deref();
    let about = About::of(&shelf, &session, verified(&subject));
    let source = source.map(|path| CheckedSource::read(path, &about));
    let source = source.transpose()?;
    let root = Root::open(&args.folder)
        .map_err(|error| Failure::unknown(error.code(), error.to_string()))?;
    let bills = bills(&shelf, &session, &subject, &root)?;
    let input = ReleaseInput {
        name: release,
        members: members(&subject, &root, &bills)?,
    };
    let mut store = match store {
        Some(store) => store,
        None => open(&path)?,
    };
    let change = Change::new("archive.add").release(&input.name).path(&path);
    let added = audit::traced(&args.place.own_home(), change, |change| {
        let added = store.add(&input).map_err(|error| archive_failure(&error))?;
        change.made(added.manifest);
        if let Some(source) = &source {
            keep_source(&mut store, source, &input.name, now)?;
        }
        Ok(added)
    })?;
    let bytes = subject.files.iter().filter_map(|file| file.size).sum();
    say(
        &path,
        &input,
        &added,
        bytes,
        &session,
        source.as_ref(),
        console,
    );
    Ok(Exit::Yes)
}

/// Attaches the source, unless the release has that very one already.
fn keep_source(
    store: &mut Store,
    source: &CheckedSource,
    release: &ReleaseName,
    now: Now,
) -> Result<(), Failure> {
    let reader = store.reader();
    if let Some(kept) = reader
        .find(release)
        .map_err(|error| archive_failure(&error))?
    {
        let manifest = Some(kept.manifest());
        let attached = reader
            .attachments_of_kind(manifest, &AttachmentKind::Source)
            .map_err(|error| archive_failure(&error))?;
        let mut files = attached.iter().flat_map(attest_archive::Attachment::files);
        if files.any(|it| it.digest() == source.digest) {
            return Ok(());
        }
    }
    let attachment = source.attachment(release, now.time)?;
    let attached = store.attach(&attachment);
    attached.map(drop).map_err(|error| archive_failure(&error))
}

/// Whether there is no folder yet, or an empty one.
pub(super) fn is_nothing(path: &Path) -> bool {
    !path.exists()
        || path
            .read_dir()
            .is_ok_and(|mut entries| entries.next().is_none())
}

pub(super) fn open(path: &Path) -> Result<Store, Failure> {
    Store::init(path).map_err(|error| archive_failure(&error))
}

fn refused(
    args: &AddArgs,
    global: &Global,
    now: Now,
    session: &Session,
    subject: SubjectReport,
    shelf: Shelf,
) -> Report {
    Report {
        subjects: vec![subject],
        evidence: shelf.into_reports(&session.policy),
        verbose: global.verbose,
        ..session.report("archive add", now, trust::accepted_words(&args.trust))
    }
}

/// Compares what was verified with the manifest that was signed with it, if there is one.
fn compare_tree(folder: &Path, shelf: &Shelf, subject: &mut SubjectReport) -> Result<(), Failure> {
    let Some(file) = subject
        .files
        .iter()
        .find(|it| it.path == release_tree::NAME)
    else {
        return Ok(());
    };
    let wanted = file.sha256.clone();
    if let Some(size) = file.size.filter(|it| *it > limits::RELEASE_TREE_BYTES) {
        subject.reasons.push(release_tree::too_large(size));
        return Ok(());
    }
    let path = folder.join(release_tree::NAME);
    let bytes = files::read_limited(&path, limits::RELEASE_TREE_BYTES).map_err(|error| {
        Failure::unknown("file-unreadable", format!("{}: {error}", path.display()))
    })?;
    let found = Artifact::of_bytes(&bytes, Hashes::Sha256).sha256();
    if Some(found.hex()) != wanted {
        let message = format!("{} changed while it was read", path.display());
        return Err(Failure::unknown("file-changed", message));
    }
    let release = release_of(subject)?;
    let verified: Vec<(RelativePath, Held)> = subject
        .files
        .iter()
        .filter_map(|file| {
            let digest = Digest::from_hex(Algorithm::Sha256, file.sha256.as_deref()?).ok()?;
            let held = Held {
                size: file.size?,
                digests: vec![digest],
            };
            Some((RelativePath::parse(&file.path).ok()?, held))
        })
        .collect();
    let held = verified.into_iter().collect();
    release_tree::compare(&release, &bytes, held, shelf, subject);
    Ok(())
}

/// The release that the accepted statement names: without one there is nothing to call it.
fn release_of(subject: &SubjectReport) -> Result<ReleaseName, Failure> {
    let Some(text) = &subject.release else {
        let message = format!(
            "{} is signed, but no release statement says which release it is",
            subject.subject
        );
        return Err(Failure::no("release-missing", message));
    };
    ReleaseName::parse(text).map_err(|_| {
        let message = format!("the release statement names {text}, wanted NAME@VERSION");
        Failure::no("release-missing", message)
    })
}

/// The digests of the files that were verified, and are not evidence themselves.
fn verified(subject: &SubjectReport) -> impl Iterator<Item = Digest> {
    let files = subject.files.iter();
    let verified = files.filter(|it| matches!(it.verdict, Verdict::Verified));
    verified.filter_map(|it| Digest::from_hex(Algorithm::Sha256, it.sha256.as_deref()?).ok())
}

/// The files with the bytes that were verified.
fn members<'r>(
    subject: &SubjectReport,
    root: &'r Root,
    bills: &BTreeSet<RelativePath>,
) -> Result<Vec<MemberInput<'r>>, Failure> {
    let member = |file: &FileReport| {
        let path = RelativePath::parse(&file.path).ok()?;
        let digest = Digest::from_hex(Algorithm::Sha256, file.sha256.as_deref()?).ok()?;
        let role = roles::role(&path, &file.verdict, bills.contains(&path));
        Some(MemberInput {
            source: Source::Below(root, path.clone()),
            path,
            role,
            expected: Some(digest),
        })
    };
    let verified = subject.files.iter().map(|file| {
        let unread = || {
            Failure::unknown(
                "internal-error",
                format!("{} has a verdict and no digest", file.path),
            )
        };
        member(file).ok_or_else(unread)
    });
    verified.collect()
}

/// The bills of materials among the files.
fn bills(
    shelf: &Shelf,
    session: &Session,
    subject: &SubjectReport,
    root: &Root,
) -> Result<BTreeSet<RelativePath>, Failure> {
    let files = subject.files.iter().filter_map(|file| {
        let digest = Digest::from_hex(Algorithm::Sha256, file.sha256.as_deref()?).ok()?;
        Some((RelativePath::parse(&file.path).ok()?, digest))
    });
    let files: Vec<(RelativePath, Digest)> = files.collect();
    let about = About::of(shelf, session, files.iter().map(|(_, digest)| *digest));
    let files = files.iter().map(|(path, digest)| (path, *digest));
    bills::among(&about, files, |path, digest| {
        let file = root.open_file(path);
        let file = file.map_err(|error| Failure::unknown(error.code(), error.to_string()))?;
        let mut bytes = Vec::new();
        let read = file.take(bills::LIMIT + 1).read_to_end(&mut bytes);
        read.map_err(|error| Failure::unknown("file-unreadable", format!("{path}: {error}")))?;
        if bytes.len() as u64 > bills::LIMIT {
            return Ok(None);
        }
        if Artifact::of_bytes(&bytes, Hashes::Sha256).sha256() != digest {
            let message = format!("{path} changed while it was read");
            return Err(Failure::unknown("file-changed", message));
        }
        Ok(Some(bytes))
    })
}

fn say(
    path: &Path,
    input: &ReleaseInput<'_>,
    added: &Added,
    bytes: u64,
    session: &Session,
    source: Option<&CheckedSource>,
    console: &Console,
) {
    let outcome = match added.outcome {
        Outcome::New => "new",
        Outcome::Already => "already",
    };
    if console.is_json() {
        console.json(&json!({
            "version": 1,
            "command": "archive add",
            "answer": Exit::Yes.word(),
            "exit": Exit::Yes.number(),
            "archive": path.display().to_string(),
            "release": input.name.to_string(),
            "manifest": added.manifest.to_string(),
            "outcome": outcome,
            "files": input.members.len(),
            "bytes": bytes,
            "new_blobs": added.new_blobs,
            "reused_blobs": added.reused_blobs,
            "signer": trust::signer_words(&session.trust.signers),
            "source": source.map(|it| json!({
                "commit": it.commit.to_string(),
                "sha256": it.digest.hex(),
            })),
        }));
        return;
    }
    let name = &input.name;
    console.say(format!(
        "{name}  {}, {}",
        count_of_files(input.members.len()),
        size(bytes)
    ));
    console.say(format!(
        "verified   signed by {}",
        escape(&trust::signer_words(&session.trust.signers))
    ));
    let kept = match added.outcome {
        Outcome::New => format!(
            "{} new blobs, {} were there already",
            added.new_blobs, added.reused_blobs
        ),
        Outcome::Already => "the same release was there already".to_owned(),
    };
    console.say(format!(
        "archived   {}, {kept}",
        escape(&path.display().to_string())
    ));
    console.say(format!("manifest   {}", added.manifest));
    if let Some(source) = source {
        console.say(format!(
            "source     commit {}, as the provenance names it, kept as {}",
            source.commit, source.digest
        ));
    }
}
