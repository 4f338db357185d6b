//! What was added to a release later, in its bag.
//!
//! ```text
//! archive/attachments/<64 hex>/manifest.json     the manifest, whose SHA-256 is the folder's name
//! archive/attachments/<64 hex>/files/<path>      each file that it names
//! ```
//!
//! What is about one archive, and not about the release, stays there: that bytes were read again, how
//! long they are kept, holds, deletions and heads of the audit trail. So a bag does not change because
//! its archive was looked after.

use std::collections::BTreeSet;

use attest_digest::{Digest, RelativePath};

use super::Kept;
use super::names::path;
use crate::attachment::{AttachedFile, AttachmentManifest};
use crate::error::ArchiveError;

/// A release with what was added to it.
pub(super) trait Bagged: Kept {
    /// The attachments that its bag has, sorted by the digests of their manifests.
    fn attached(&self) -> Result<Vec<Attached>, ArchiveError>;
}

/// One attachment.
#[derive(Clone, Debug)]
pub(super) struct Attached {
    pub(super) digest: Digest,
    pub(super) manifest: AttachmentManifest,
}

impl Attached {
    pub(super) fn manifest_place(&self) -> Result<RelativePath, ArchiveError> {
        path(&format!("{FOLDER}/{}/{MANIFEST}", self.digest.hex()))
    }

    pub(super) fn file_place(&self, file: &AttachedFile) -> Result<RelativePath, ArchiveError> {
        file_place(self.digest, file)
    }
}

/// Where a file of the attachment with this manifest stands.
pub(super) fn file_place(
    manifest: Digest,
    file: &AttachedFile,
) -> Result<RelativePath, ArchiveError> {
    let manifest = manifest.hex();
    path(&format!("{FOLDER}/{manifest}/{FILES}/{}", file.path()))
}

/// The manifests of attachments among these paths.
pub(super) fn manifests<'a>(
    paths: impl Iterator<Item = &'a RelativePath>,
) -> BTreeSet<&'a RelativePath> {
    let is_manifest = |path: &&RelativePath| {
        let inside = path.as_str().strip_prefix(FOLDER);
        let inside = inside.and_then(|rest| rest.strip_prefix('/'));
        inside
            .and_then(|rest| rest.split_once('/'))
            .is_some_and(|(_, name)| name == MANIFEST)
    };
    paths.filter(is_manifest).collect()
}

const FOLDER: &str = "archive/attachments";
const MANIFEST: &str = "manifest.json";
const FILES: &str = "files";
