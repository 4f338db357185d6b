//! What the log became after a release: kept with it when it is exported, and checked wherever it is
//! read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use attest_archive::{
    ArchiveError, AttachedFileInput, AttachmentInput, AttachmentKind, Kept, LaterLog,
    LaterLogError, Reader, Source, Store,
};
use attest_digest::RelativePath;
use attest_log::{LogKey, LogReader, SignedCheckpoint};
use attest_provenance::ReleaseName;
use attest_verify::{Bundle, TrustedRoot};
use jiff::Timestamp;

use super::{archive_failure, damage_failure, is_damage, show};
use crate::audit::{self, Change};
use crate::command::verify::is_bundle_name;
use crate::failure::{Failure, with_source};
use crate::home::Home;
use crate::identity::{Card, log_failure};
use crate::report::{Refusal, SubjectReport};

/// Checks each later checkpoint that is kept with a release.
pub(super) fn judge(release: &dyn Kept, roots: &[TrustedRoot], subject: &mut SubjectReport) {
    let kept = release.attached_as(&AttachmentKind::Consistency);
    let mut kept = kept.peekable();
    if kept.peek().is_none() {
        return;
    }
    let notes = checkpoints(release);
    let notes: Vec<&str> = notes.iter().map(String::as_str).collect();
    let keys = roots.iter().flat_map(TrustedRoot::logs);
    let keys: Vec<&LogKey> = keys
        .filter_map(attest_verify::TrustedLog::log_key)
        .collect();
    for attachment in kept {
        let files = match attachment {
            Ok(it) => release.attached_whole(&it, LIMIT),
            Err(error) => Err(error),
        };
        let files = match files {
            Ok(files) => files,
            // What is damaged stands among the problems.
            Err(error) if is_damage(&error) => continue,
            Err(error) => {
                unread(&error, subject);
                continue;
            }
        };
        match LaterLog::read(&files).and_then(|it| it.check(&keys, &notes)) {
            Ok(grown) => subject.notes.push(format!(
                "{} had {} entries later, and still began with those that the release's evidence saw",
                grown.origin, grown.to,
            )),
            Err(error) => subject.reasons.push(refusal(&error)),
        }
    }
}

/// One that is too large is no later checkpoint; what one says that cannot be read, nobody knows.
fn unread(error: &ArchiveError, subject: &mut SubjectReport) {
    let refusal = Refusal {
        code: error.code(),
        found: with_source(error),
        wanted: "a later checkpoint that can be read".to_owned(),
    };
    if matches!(error, ArchiveError::TooLarge { .. }) {
        subject.reasons.push(refusal);
    } else {
        subject.could_not_tell("(later log)", refusal);
    }
}

fn refusal(error: &LaterLogError) -> Refusal {
    Refusal {
        code: error.code(),
        found: with_source(error),
        wanted: "a later checkpoint of the log, and proofs that it begins with the release's"
            .to_owned(),
    }
}

/// Attaches the checkpoint that the home's log has now, with the proofs that it begins with those of
/// the release's evidence. What the release has already is not attached again.
///
/// # Errors
/// `consistency-other-log` (exit 2): nothing of the release is in this log; what the log and the archive
/// say.
pub(super) fn keep(
    home: &Home,
    archive: &Path,
    name: &ReleaseName,
    now: Timestamp,
) -> Result<(), Failure> {
    let (log, key) = open_log(home)?;
    let size = log.size();
    let checkpoint = log
        .checkpoint_of(size)
        .map_err(|error| log_failure(&error))?;
    let later = {
        let reader = Reader::open(archive).map_err(|error| damage_failure(&error))?;
        let release = reader.find(name).map_err(|error| damage_failure(&error))?;
        let release = release.ok_or_else(|| show::missing(name))?;
        let sizes = sizes(&release, &key);
        if sizes.is_empty() {
            let message = format!("no evidence of {name} is in the log {}", key.origin());
            return Err(Failure::request("consistency-other-log", message)
                .hint("--later-checkpoint takes the home's own log"));
        }
        let mut proofs = BTreeMap::new();
        for from in sizes {
            let hashes = log
                .consistency(from, size)
                .map_err(|error| log_failure(&error))?;
            proofs.insert(from, hashes);
        }
        let later = LaterLog::new(checkpoint.as_bytes().to_vec(), proofs);
        for attachment in release.attached_as(&AttachmentKind::Consistency) {
            let attachment = attachment.map_err(|error| damage_failure(&error))?;
            let files = release.attached_whole(&attachment, LIMIT);
            let files = files.map_err(|error| damage_failure(&error))?;
            if LaterLog::read(&files).is_ok_and(|it| it == later) {
                return Ok(());
            }
        }
        later
    };
    attach(home, archive, name, &later, now)
}

fn attach(
    home: &Home,
    archive: &Path,
    name: &ReleaseName,
    later: &LaterLog,
    now: Timestamp,
) -> Result<(), Failure> {
    let files = later.files();
    let files = files.iter().map(|(path, media_type, bytes)| {
        let path = RelativePath::parse(path)
            .map_err(|error| Failure::unknown("internal-error", error.to_string()))?;
        Ok(AttachedFileInput {
            path,
            media_type: (*media_type).to_owned(),
            source: Source::Bytes(bytes),
            expected: None,
        })
    });
    let attachment = AttachmentInput {
        subject: Some(name.clone()),
        kind: AttachmentKind::Consistency,
        created: now,
        files: files.collect::<Result<_, Failure>>()?,
    };
    let change = Change::new("archive.consistency")
        .release(name)
        .path(archive);
    audit::traced(home, change, |_| {
        let mut store = Store::open(archive).map_err(|error| archive_failure(&error))?;
        let attached = store.attach(&attachment);
        attached.map(drop).map_err(|error| archive_failure(&error))
    })
}

/// The home's log, by the key that its trusted root names.
fn open_log(home: &Home) -> Result<(LogReader, LogKey), Failure> {
    let card = Card::read(home)?;
    let trust = crate::trust::of_home(home)?;
    let logs = trust.roots.iter().flat_map(TrustedRoot::logs);
    let mut keys = logs
        .filter(|it| hex::encode(it.id()) == card.log)
        .filter_map(attest_verify::TrustedLog::log_key);
    let key = keys.next().ok_or_else(|| {
        let message = "the home's trusted root does not name its log";
        Failure::request("trusted-root-malformed", message)
    })?;
    let log = LogReader::open(&home.log(), key).map_err(|error| log_failure(&error))?;
    Ok((log, key.clone()))
}

/// At which sizes the release's evidence saw the log of this key.
fn sizes(release: &dyn Kept, key: &LogKey) -> BTreeSet<u64> {
    let notes = checkpoints(release);
    let sizes = notes.iter().filter_map(|note| {
        let signed = SignedCheckpoint::parse_with_extensions(note.as_bytes()).ok()?;
        Some(signed.verify(key).ok()?.size())
    });
    sizes.collect()
}

/// The checkpoints in the bundles at the release's top.
fn checkpoints(release: &dyn Kept) -> BTreeSet<String> {
    let limit = attest_verify::limits::BUNDLE_BYTES as u64;
    let members = release.members().iter().map(attest_archive::Member::path);
    let bundles = members.filter(|it| it.parent().is_none() && is_bundle_name(it.as_str()));
    let bundles = bundles.filter_map(|path| {
        let bytes = release.unverified_bytes(path, limit).ok()?;
        Bundle::parse(&bytes).ok()
    });
    let notes = bundles.flat_map(|bundle| {
        let proofs = bundle.entries().iter().filter_map(|it| it.proof());
        let notes = proofs.map(|it| it.checkpoint().to_owned());
        notes.collect::<Vec<_>>()
    });
    notes.filter(|it| !it.is_empty()).collect()
}

const LIMIT: u64 = attest_archive::limits::CONSISTENCY_BYTES;
