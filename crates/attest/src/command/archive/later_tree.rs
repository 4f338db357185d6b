//! The signed manifest of a release that came without one: made and attached later.

use std::path::Path;

use attest_archive::{AttachmentKind, Reader, Release};
use attest_digest::{Algorithm, Digest};
use attest_policy::Pattern;
use attest_provenance::Statement;
use attest_provenance::predicate::tree;
use attest_provenance::tree::TreeReader;

use super::about::About;
use super::damage_failure;
use super::release_tree::{self, Held};
use crate::command::verify::{Shelf, archived};
use crate::failure::Failure;
use crate::files;
use crate::limits::RELEASE_TREE_BYTES;
use crate::report::{Refusal, SubjectReport};

/// What its name ends in.
pub(super) const EXTENSION: &str = "tree";

/// Whether a statement is about that manifest.
pub(super) fn is_about(statement: &Statement, manifest: &Digest) -> bool {
    let mut subjects = statement.subjects().iter();
    statement.predicate_type() == tree::TYPE
        && subjects.any(|it| it.digests().get(Algorithm::Sha256) == Some(manifest))
}

/// Whether a file is the manifest of the release, by a proven statement: nothing, if none is about it.
///
/// # Errors
/// How the release differs from it; what cannot be read.
pub(super) fn judge(
    path: &Path,
    digest: &Digest,
    release: &Release<'_>,
    about: &About<'_>,
    shelf: &Shelf,
) -> Result<bool, Failure> {
    if !about.all().any(|it| is_about(it, digest)) {
        return Ok(false);
    }
    let bytes = files::read_limited(path, RELEASE_TREE_BYTES).map_err(|error| {
        Failure::unknown("file-unreadable", format!("{}: {error}", path.display()))
    })?;
    match compare(release, &bytes, shelf) {
        None => Ok(true),
        Some(reason) => {
            let (path, Refusal { found, wanted, .. }) = (path.display(), &reason);
            let message = format!("{path}: {found}; wanted {wanted}");
            Err(Failure::no(reason.code, message))
        }
    }
}

/// Whether such a manifest is kept with the release.
///
/// # Errors
/// The list of what is attached, or such a manifest, that cannot be read, if none is kept that can.
pub(super) fn is_kept(
    reader: &Reader,
    release: &Release<'_>,
    about: &About<'_>,
    shelf: &Shelf,
) -> Result<bool, Failure> {
    let kept = reader.attachments_of_kind(Some(release.manifest()), &AttachmentKind::Report);
    let kept = kept.map_err(|error| damage_failure(&error))?;
    let mut unread = None;
    for attachment in &kept {
        for file in attachment.files() {
            if !about.all().any(|it| is_about(it, &file.digest())) {
                continue;
            }
            match attachment.unverified_bytes(file.path(), RELEASE_TREE_BYTES) {
                Ok(bytes) if compare(release, &bytes, shelf).is_none() => return Ok(true),
                Ok(_) => {}
                Err(error) => unread = Some(damage_failure(&error)),
            }
        }
    }
    unread.map_or(Ok(false), Err)
}

/// How the files of a release differ from a manifest.
fn compare(release: &Release<'_>, manifest: &[u8], shelf: &Shelf) -> Option<Refusal> {
    let unnamed = names_no_release(release, manifest);
    if unnamed.is_some() {
        return unnamed;
    }
    let held = release.members().iter().map(|it| {
        let held = Held {
            size: it.size(),
            digests: vec![it.digest()],
        };
        (it.path().clone(), held)
    });
    let mut subject = SubjectReport::new(release.name().to_string(), archived::KIND);
    release_tree::compare(
        release.name(),
        manifest,
        held.collect(),
        shelf,
        &mut subject,
    );
    let reasons = subject.reasons.into_iter();
    reasons.chain(left_out(release, manifest)).next()
}

/// A manifest of some folder: among a release's own files it is one of them, and here it would be of any.
fn names_no_release(release: &Release<'_>, manifest: &[u8]) -> Option<Refusal> {
    let reader = TreeReader::new(manifest).ok()?;
    reader.header().release.is_none().then(|| Refusal {
        code: release_tree::OTHER_RELEASE,
        found: "a manifest that names no release".to_owned(),
        wanted: format!("the manifest of {}", release.name()),
    })
}

/// A file that the manifest says to be left out: one that comes later has no reason for that.
fn left_out(release: &Release<'_>, manifest: &[u8]) -> Option<Refusal> {
    let reader = TreeReader::new(manifest).ok()?;
    let ignored = reader.header().ignore.iter();
    let ignored: Vec<Pattern> = ignored.filter_map(|it| Pattern::parse(it).ok()).collect();
    let mut members = release.members().iter().map(|it| it.path().as_str());
    let path = members.find(|path| ignored.iter().any(|it| it.matches(path)))?;
    Some(Refusal {
        code: "release-tree-extra",
        found: format!("{path}, which it leaves out"),
        wanted: "a manifest of every file".to_owned(),
    })
}
