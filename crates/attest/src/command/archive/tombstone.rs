//! Deletions: tombstones that are kept, read and proven.

use std::collections::BTreeMap;

use attest_archive::{
    Attachment, AttachmentKind, AttachmentSummary, Deletion, Reader, Release, TombstoneError,
};
use attest_digest::Digest;
use attest_provenance::ReleaseName;
use attest_verify::TrustedRoot;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{PlaceArgs, keeping, proof, roles};
use crate::args::TrustArgs;
use crate::clock::Now;
use crate::command::verify::Session;
use crate::failure::{Failure, with_source};
use crate::home::Home;
use crate::report::{Refusal, SubjectReport};
use crate::trust::{self, Surroundings};

/// The tombstones of an archive: those that count, and those that do not.
#[derive(Debug, Default)]
pub(crate) struct Tombstones {
    accepted: Vec<Deletion>,
    refused: Vec<Refused>,
}

/// A tombstone that does not count.
#[derive(Debug)]
struct Refused {
    /// The manifest of the release that it is attached to.
    release: Digest,
    attachment: Digest,
    code: &'static str,
    problem: String,
}

impl Tombstones {
    /// Reads and judges every tombstone of the archive: whose word counts, the session says.
    ///
    /// # Errors
    /// What is wrong with the retentions and holds of a release that has one.
    pub(crate) fn read(
        reader: &Reader,
        session: &Session,
        roots: &[TrustedRoot],
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let mut tombstones = Self::default();
        let kept = kept(reader);
        if kept.is_empty() {
            return Ok(tombstones);
        }
        let names: BTreeMap<Digest, ReleaseName> = reader
            .list()
            .into_iter()
            .map(|it| (it.manifest, it.name))
            .collect();
        for (subject, summary) in kept {
            // What hangs on nothing, or on what cannot be read, is named where the bytes are checked.
            let Some(name) = names.get(&subject) else {
                continue;
            };
            let Ok(Some(release)) = reader.find(name) else {
                continue;
            };
            let refused = |code, problem| Refused {
                release: subject,
                attachment: summary.manifest,
                code,
                problem,
            };
            match reader.attachment(&summary) {
                Ok(attachment) => {
                    match judge(reader, &release, &attachment, session, roots, now)? {
                        Ok(deletion) => tombstones.accepted.push(deletion),
                        Err((code, problem)) => tombstones.refused.push(refused(code, problem)),
                    }
                }
                Err(error) => {
                    tombstones
                        .refused
                        .push(refused(error.code(), with_source(&error)));
                }
            }
        }
        Ok(tombstones)
    }

    /// As [`Self::read`], by the home's own key, for what works on any archive with a home's key.
    pub(crate) fn of_home(reader: &Reader, home: &Home, now: Now) -> Result<Self, Failure> {
        if kept(reader).is_empty() {
            return Ok(Self::default());
        }
        let session = keeping::session(trust::of_home(home)?, now.time)?;
        let roots = session.trust.roots.clone();
        Self::read(reader, &session, &roots, now.time)
    }

    /// As [`Self::read`], by the signer that flags name, else by the home's own key for its own archive.
    /// Where there is no tombstone, no signer is asked for.
    ///
    /// # Errors
    /// `signer-required` for tombstones of another archive.
    pub(crate) fn of_flags(
        reader: &Reader,
        place: &PlaceArgs,
        args: &TrustArgs,
        now: Now,
    ) -> Result<Self, Failure> {
        if kept(reader).is_empty() {
            return Ok(Self::default());
        }
        let around = Surroundings {
            verified: vec![place.path()],
            ..Surroundings::default()
        };
        let trust = place.trust(args, &around, now).map_err(|failure| {
            failure.hint("the archive has tombstones: name who may have signed them with --key")
        })?;
        let roots = trust.proving();
        let session = keeping::session(trust, now.time)?;
        Self::read(reader, &session, &roots, now.time)
    }

    /// As [`Self::read`], for what names no signer: by the home's own key for its own archive; of
    /// another archive nothing is proven.
    pub(crate) fn of_place(reader: &Reader, place: &PlaceArgs, now: Now) -> Result<Self, Failure> {
        let home = place.own_home();
        if place.is_own() && home.exists() {
            return Self::of_home(reader, &home, now);
        }
        Ok(Self::default())
    }

    /// The deletion of the release with that manifest.
    pub(crate) fn of(&self, manifest: Digest) -> Option<&Deletion> {
        self.accepted.iter().find(|it| it.manifest() == manifest)
    }

    /// Those that count.
    pub(crate) fn accepted(&self) -> Vec<Deletion> {
        self.accepted.clone()
    }

    /// Why tombstones of the release with that manifest do not count.
    pub(crate) fn refusals(&self, manifest: Digest) -> impl Iterator<Item = Refusal> {
        let refused = self.refused.iter();
        refused
            .filter(move |it| it.release == manifest)
            .map(|it| Refusal {
                code: it.code,
                found: format!("tombstone {}: {}", it.attachment, it.problem),
                wanted: "a tombstone that counts, or none".to_owned(),
            })
    }

    /// Says of a release that it was deleted; refuses one with a tombstone that does not count.
    pub(crate) fn tell(&self, manifest: Digest, subject: &mut SubjectReport) {
        subject.notes.extend(self.of(manifest).map(words));
        subject.reasons.extend(self.refusals(manifest));
    }
}

/// What people read of a deletion.
pub(crate) fn words(deletion: &Deletion) -> String {
    let said = deletion.said();
    format!(
        "deleted {} by {}: {} (tombstone {}); its evidence is kept",
        deletion.proven(),
        said.by,
        said.reason,
        deletion.attachment()
    )
}

/// What is known of the deletion of a release: proven, only claimed, or none.
pub(crate) fn object(reader: &Reader, release: &Release<'_>) -> Value {
    match reader.deletion(release.manifest()) {
        Some(deletion) => json!({
            "proven": true,
            "time": deletion.proven().to_string(),
            "by": deletion.said().by,
            "reason": deletion.said().reason,
            "tombstone": deletion.attachment().to_string(),
            "artifacts": deletion.artifacts().len(),
        }),
        None if reader.has_tombstone(release) => json!({ "proven": false }),
        None => Value::Null,
    }
}

/// The line for people about a release's deletion; none if it has no tombstone.
pub(crate) fn line(reader: &Reader, release: &Release<'_>) -> Option<String> {
    match reader.deletion(release.manifest()) {
        Some(deletion) => Some(words(deletion)),
        None => reader
            .has_tombstone(release)
            .then(|| "a tombstone says that it was deleted; that is not proven here".to_owned()),
    }
}

/// The tombstones that hang on a release.
fn kept(reader: &Reader) -> Vec<(Digest, AttachmentSummary)> {
    let all = reader.attachment_list().into_iter();
    let tombstones = all.filter(|it| it.kind == AttachmentKind::Tombstone);
    tombstones
        .filter_map(|it| Some((it.subject?, it)))
        .collect()
}

/// Whether a tombstone counts; else the code, and why.
fn judge(
    reader: &Reader,
    release: &Release<'_>,
    attachment: &Attachment<'_>,
    session: &Session,
    roots: &[TrustedRoot],
    now: Timestamp,
) -> Result<Result<Deletion, (&'static str, String)>, Failure> {
    let [file] = attachment.files() else {
        let problem = "it has more than one file".to_owned();
        return Ok(Err(("tombstone-malformed", problem)));
    };
    let bytes = match attachment.unverified_bytes(file.path(), TOMBSTONE_BYTES) {
        Ok(bytes) => bytes,
        Err(error) => return Ok(Err((error.code(), with_source(&error)))),
    };
    let evidence = match keeping::proven(&bytes, session) {
        Ok(evidence) if !evidence.times().is_empty() => evidence,
        Ok(_) => {
            let problem = "nothing proves when it was signed".to_owned();
            return Ok(Err(("tombstone-unproven", problem)));
        }
        Err(problem) => return Ok(Err(("tombstone-unproven", problem))),
    };
    let said = keeping::kept(reader, release, Some(session))?;
    let signed = proof::of(reader, release, &BTreeMap::new(), None, roots, now).signed;
    let spared = roles::spared(release, session);
    let manifest = attachment.manifest();
    let deletion = Deletion::accept(release, manifest, &evidence, signed, &said, &spared);
    Ok(deletion.map_err(|error: TombstoneError| (error.code(), with_source(&error))))
}

/// As [`Tombstones::of_home`], and the reader no longer misses what was deleted.
pub(crate) fn accept_home(reader: &mut Reader, home: &Home, now: Now) -> Result<(), Failure> {
    let tombstones = Tombstones::of_home(reader, home, now)?;
    reader.accept_deletions(tombstones.accepted());
    Ok(())
}

/// As [`Tombstones::of_place`], and the reader no longer misses what was deleted.
pub(crate) fn accept_place(
    reader: &mut Reader,
    place: &PlaceArgs,
    now: Now,
) -> Result<(), Failure> {
    let tombstones = Tombstones::of_place(reader, place, now)?;
    reader.accept_deletions(tombstones.accepted());
    Ok(())
}

/// The release, unless it was deleted.
pub(crate) fn refuse_deleted(reader: &Reader, release: &Release<'_>) -> Result<(), Failure> {
    let Some(deletion) = reader.deletion(release.manifest()) else {
        return Ok(());
    };
    let message = format!("{}: {}", release.name(), words(deletion));
    Err(Failure::no("release-deleted", message)
        .hint("attest archive verify proves the evidence that is kept"))
}

/// A signed tombstone names up to a hundred thousand digests.
const TOMBSTONE_BYTES: u64 = attest_verify::limits::BUNDLE_BYTES as u64;
