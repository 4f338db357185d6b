//! Finding what is attached to a release, or to the archive.

use std::ops::Bound;

use attest_digest::Digest;
use jiff::Timestamp;

use crate::attachment::{Attachment, AttachmentKey, AttachmentManifest, AttachmentSummary};
use crate::blob::Blob;
use crate::error::{ArchiveError, Malformed};
use crate::kind::AttachmentKind;
use crate::layout::ATTACHMENT_TYPE;
use crate::limits;
use crate::reader::Reader;
use crate::release::Release;

/// Refuses what would fill the memory if it were all read at once.
fn check_total(
    what: &'static str,
    sizes: impl Iterator<Item = u64>,
    limit: u64,
) -> Result<(), ArchiveError> {
    let found = sizes.fold(0, u64::saturating_add);
    if found <= limit {
        return Ok(());
    }
    Err(ArchiveError::TooLarge { what, found, limit })
}

/// As [`check_total`], of the manifests of attachments.
pub(crate) fn check_manifests(sizes: impl Iterator<Item = u64>) -> Result<(), ArchiveError> {
    let what = "the size of the manifests of what is attached";
    check_total(what, sizes, limits::ATTACHMENT_MANIFESTS)
}

impl Reader {
    /// What the index lists as attached: to the archive first, then to each release, by time.
    pub fn attachment_list(&self) -> Vec<AttachmentSummary> {
        let entries = self.index.attachments.iter();
        entries.map(|(key, (kind, _))| summary(key, kind)).collect()
    }

    /// What is attached to a release, in the order in which it was made.
    ///
    /// # Errors
    /// A manifest is missing, corrupt or malformed; `attachment-mismatch` where it says something else
    /// than the index.
    pub fn attachments(&self, release: &Release<'_>) -> Result<Vec<Attachment<'_>>, ArchiveError> {
        self.attached_to(Some(release.manifest()), None)
    }

    /// What is attached to the archive and to no release, in the order in which it was made.
    ///
    /// # Errors
    /// As [`Self::attachments`].
    pub fn archive_attachments(&self) -> Result<Vec<Attachment<'_>>, ArchiveError> {
        self.attached_to(None, None)
    }

    /// What of this kind is attached to a release (by its manifest), or to the archive.
    ///
    /// # Errors
    /// As [`Self::attachments`].
    pub fn attachments_of_kind(
        &self,
        subject: Option<Digest>,
        kind: &AttachmentKind,
    ) -> Result<Vec<Attachment<'_>>, ArchiveError> {
        self.attached_to(subject, Some(kind))
    }

    /// Reads an attachment of the list.
    ///
    /// # Errors
    /// As [`Self::attachments`].
    pub fn attachment(&self, summary: &AttachmentSummary) -> Result<Attachment<'_>, ArchiveError> {
        let key = AttachmentKey {
            subject: summary.subject,
            created: summary.created,
            manifest: summary.manifest,
        };
        match self.index.attachments.get(&key) {
            Some((kind, blob)) => self.read_attachment(&key, kind, *blob),
            None => Err(ArchiveError::AttachmentMismatch {
                manifest: summary.manifest,
            }),
        }
    }

    /// Whether a tombstone is attached to a release, whoever made it.
    pub fn has_tombstone(&self, release: &Release<'_>) -> bool {
        let mut entries = self.entries_of(Some(release.manifest()));
        entries.any(|(_, (kind, _))| *kind == AttachmentKind::Tombstone)
    }

    fn attached_to(
        &self,
        subject: Option<Digest>,
        wanted: Option<&AttachmentKind>,
    ) -> Result<Vec<Attachment<'_>>, ArchiveError> {
        let entries = self.entries_of(subject);
        let entries = entries.filter(|(_, (kind, _))| wanted.is_none_or(|wanted| wanted == kind));
        let entries: Vec<_> = entries.collect();
        check_manifests(entries.iter().map(|(_, (_, blob))| blob.size))?;
        entries
            .into_iter()
            .map(|(key, (kind, blob))| self.read_attachment(key, kind, *blob))
            .collect()
    }

    /// What the index has for a release, or for the archive.
    pub(crate) fn entries_of(
        &self,
        subject: Option<Digest>,
    ) -> impl Iterator<Item = (&AttachmentKey, &(AttachmentKind, Blob))> {
        let first = AttachmentKey {
            subject,
            created: Timestamp::MIN,
            manifest: Digest::Sha256([0; 32]),
        };
        let from = (Bound::Included(first), Bound::Unbounded);
        let entries = self.index.attachments.range(from);
        entries.take_while(move |(key, _)| key.subject == subject)
    }

    /// Reads an attachment that the index names.
    pub(crate) fn read_attachment(
        &self,
        key: &AttachmentKey,
        kind: &AttachmentKind,
        blob: Blob,
    ) -> Result<Attachment<'_>, ArchiveError> {
        let manifest = self.attachment_manifest(blob)?;
        let manifest = manifest.ok_or_else(|| ArchiveError::AttachmentMalformed {
            manifest: blob.digest,
            source: not_an_attachment(),
        })?;
        if manifest.key(blob.digest) != *key || manifest.kind() != kind {
            return Err(ArchiveError::AttachmentMismatch {
                manifest: blob.digest,
            });
        }
        Ok(Attachment::new(self, blob.digest, manifest))
    }

    /// Reads a manifest whose bytes have that digest; `None` if it is not that of an attachment.
    pub(crate) fn attachment_manifest(
        &self,
        blob: Blob,
    ) -> Result<Option<AttachmentManifest>, ArchiveError> {
        let bytes = self.read_blob(blob, limits::MANIFEST_BYTES)?;
        AttachmentManifest::parse(&bytes).map_err(|source| ArchiveError::AttachmentMalformed {
            manifest: blob.digest,
            source,
        })
    }
}

fn summary(key: &AttachmentKey, kind: &AttachmentKind) -> AttachmentSummary {
    AttachmentSummary {
        kind: kind.clone(),
        subject: key.subject,
        created: key.created,
        manifest: key.manifest,
    }
}

pub(crate) fn not_an_attachment() -> Malformed {
    Malformed::Value {
        field: "artifactType".to_owned(),
        found: "another type".to_owned(),
        wanted: ATTACHMENT_TYPE,
    }
}
