//! Renewals as they are kept: attachments of a release.

use std::collections::{BTreeMap, BTreeSet};

use attest_digest::{Artifact, Digest, RelativePath};
use attest_provenance::ReleaseName;
use jiff::Timestamp;

use super::covered::Covered;
use super::error::RenewalError;
use super::record::EvidenceRecord;
use crate::attachment::AttachedFile;
use crate::bag::{AttachedFiles, Kept};
use crate::error::ArchiveError;
use crate::kind::AttachmentKind;
use crate::limits;
use crate::reader::Reader;
use crate::release::Release;
use crate::store::{AttachedFileInput, AttachmentInput, Source};

/// A renewal that is attached to a release, read and not verified.
#[derive(Clone, Debug)]
pub struct KeptRenewal {
    /// The digest of the attachment's manifest.
    pub attachment: Digest,
    /// The document that was stamped.
    pub document: Vec<u8>,
    /// The same, read.
    pub covered: Covered,
    /// The timestamps.
    pub record: EvidenceRecord,
    /// The digest of the record's bytes.
    pub record_digest: Digest,
}

/// A renewal that cannot be read.
#[derive(Debug)]
pub struct UnreadRenewal {
    /// The digest of the attachment's manifest; none if the list of attachments cannot be read.
    pub attachment: Option<Digest>,
    /// The stable code of what is wrong.
    pub code: &'static str,
    /// What is wrong.
    pub problem: String,
    /// Whether the system did not hand it out: what it says, and whether it would count, cannot be told.
    pub is_untold: bool,
}

impl UnreadRenewal {
    fn of(attachment: Option<Digest>, error: &ArchiveError) -> Self {
        Self {
            attachment,
            code: error.code(),
            problem: error.to_string(),
            is_untold: matches!(error, ArchiveError::Io { .. }),
        }
    }
}

/// The renewals that are kept with a release, wherever it is, the oldest first, and those that cannot be read. One
/// that is kept twice is one.
pub fn renewals_of(release: &dyn Kept) -> (Vec<KeptRenewal>, Vec<UnreadRenewal>) {
    let mut found = Found::default();
    for attachment in release.attached_as(&AttachmentKind::Renewal) {
        let read = match attachment {
            Ok(attachment) => found.read(release, &attachment),
            Err(error) => Err(UnreadRenewal::of(None, &error)),
        };
        match read {
            Ok(renewal) => found.kept.extend(renewal),
            Err(unread) => found.unread.push(unread),
        }
    }
    (found.kept, found.unread)
}

#[derive(Default)]
struct Found {
    kept: Vec<KeptRenewal>,
    unread: Vec<UnreadRenewal>,
    /// The digests of the documents and records that were read, whatever became of them.
    seen: BTreeSet<(Digest, Digest)>,
    /// Bytes of those that are kept.
    held: u64,
}

impl Found {
    /// Reads a renewal; none if it was read before.
    fn read(
        &mut self,
        release: &dyn Kept,
        attachment: &AttachedFiles,
    ) -> Result<Option<KeptRenewal>, UnreadRenewal> {
        let renewal = |error: RenewalError| UnreadRenewal {
            attachment: Some(attachment.manifest),
            code: error.code(),
            problem: error.to_string(),
            is_untold: false,
        };
        let named = |name: &str, what| {
            let found = attachment
                .files
                .iter()
                .find(|it| it.path().as_str() == name);
            found.ok_or_else(|| renewal(RenewalError::Malformed { what }))
        };
        let document = named(DOCUMENT, "it has no covered.txt")?;
        let record = named(RECORD, "it has no record.ers")?;
        if !self.seen.insert((document.digest(), record.digest())) {
            return Ok(None);
        }
        let (document_size, record_size) = (document.size(), record.size());
        let held = self
            .held
            .saturating_add(document_size)
            .saturating_add(record_size);
        for (found, what, limit) in [
            (record_size, "bytes", limits::RENEWAL_RECORD_BYTES),
            (document_size, "bytes", limits::RENEWAL_COVERED_BYTES),
            (held, "bytes of renewals", limits::RENEWALS_BYTES),
        ] {
            if found > limit as u64 {
                return Err(renewal(RenewalError::TooLarge { what, limit }));
            }
        }
        let read = |file: &AttachedFile| {
            let bytes = release.attached_bytes(attachment, file, file.size());
            bytes.map_err(|error| UnreadRenewal::of(Some(attachment.manifest), &error))
        };
        let (document, record) = (read(document)?, read(record)?);
        let found = KeptRenewal {
            attachment: attachment.manifest,
            covered: Covered::parse(&document).map_err(renewal)?,
            record: EvidenceRecord::parse(&record).map_err(renewal)?,
            record_digest: Digest::Sha256(sha256(&record)),
            document,
        };
        self.held = held;
        Ok(Some(found))
    }
}

impl Reader {
    /// The renewals of a release, the oldest first, and those that cannot be read.
    pub fn renewals(&self, release: &Release<'_>) -> (Vec<KeptRenewal>, Vec<UnreadRenewal>) {
        renewals_of(release)
    }

    /// What a renewal of the release has to cover: its manifest, its files, and what was attached to it
    /// as evidence, as a list of components or as source. All of these were read: `observed`.
    ///
    /// # Errors
    /// `renewal-incomplete` for a blob that was not read; what is wrong with an attachment.
    pub fn covered<'a>(
        &self,
        release: &Release<'_>,
        observed: &'a BTreeMap<Digest, Artifact>,
        renewals: &[KeptRenewal],
    ) -> Result<Covered, CoverError> {
        let mut blobs = vec![release.manifest()];
        blobs.extend(self.kept_members(release).map(crate::Member::digest));
        for attachment in self.attachments(release)? {
            use AttachmentKind::{Evidence, Sbom, Source};
            if matches!(attachment.kind(), Evidence | Sbom | Source) {
                blobs.push(attachment.manifest());
                blobs.extend(attachment.files().iter().map(crate::AttachedFile::digest));
            }
        }
        for renewal in renewals {
            blobs.push(renewal.record_digest);
            blobs.push(Digest::Sha256(sha256(&renewal.document)));
        }
        let read = |blob: Digest| observed.get(&blob).ok_or(RenewalError::Incomplete { blob });
        let blobs: Vec<&'a Artifact> = blobs
            .into_iter()
            .map(read)
            .collect::<Result<_, RenewalError>>()?;
        Ok(Covered::new(
            release.name().clone(),
            release.manifest(),
            blobs,
        )?)
    }
}

/// Why it cannot be said what a renewal has to cover.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CoverError {
    /// A blob was not read.
    #[error(transparent)]
    Renewal(#[from] RenewalError),
    /// An attachment cannot be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

/// The attachment that keeps a renewal.
///
/// # Errors
/// A record that cannot be written.
pub fn attachment_of<'a>(
    release: &ReleaseName,
    created: Timestamp,
    document: &'a [u8],
    record: &'a [u8],
) -> Option<AttachmentInput<'a>> {
    let file = |name: &str, media_type: &str, bytes: &'a [u8]| {
        Some(AttachedFileInput {
            path: RelativePath::parse(name).ok()?,
            media_type: media_type.to_owned(),
            source: Source::Bytes(bytes),
            expected: None,
        })
    };
    Some(AttachmentInput {
        subject: Some(release.clone()),
        kind: AttachmentKind::Renewal,
        created,
        files: vec![
            file(DOCUMENT, "text/plain", document)?,
            file(RECORD, "application/octet-stream", record)?,
        ],
    })
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    match super::hash(attest_digest::Algorithm::Sha256, bytes) {
        Digest::Sha256(bytes) => bytes,
        _ => [0; 32],
    }
}

const DOCUMENT: &str = "covered.txt";
const RECORD: &str = "record.ers";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemberInput;
    use crate::Role;
    use crate::store::{ReleaseInput, Store};

    /// An archive of a release with a renewal of the right names and no more.
    fn stored(place: &std::path::Path, name: &ReleaseName) -> Store {
        let mut store = Store::init(place).unwrap();
        let member = MemberInput {
            path: RelativePath::parse("a.txt").unwrap(),
            role: Role::Artifact,
            source: Source::Bytes(b"alpha"),
            expected: None,
        };
        let release = ReleaseInput {
            name: name.clone(),
            members: vec![member],
        };
        store.add(&release).unwrap();
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let input = attachment_of(name, now, b"covered", b"record");
        store.attach_all(&[input.unwrap()]).unwrap();
        store
    }

    /// A document costs nothing to attach with any number of records.
    #[test]
    fn no_more_renewals_are_held_than_the_bound_allows() {
        let folder = tempfile::tempdir().unwrap();
        let name = ReleaseName::parse("hello@1").unwrap();
        let store = stored(&folder.path().join("archive"), &name);
        let release = store.reader().find(&name).unwrap().unwrap();
        let mut kept = release.attached_as(&AttachmentKind::Renewal);
        let attachment = kept.next().unwrap().unwrap();
        let most = limits::RENEWALS_BYTES as u64;
        let size: u64 = attachment.files.iter().map(AttachedFile::size).sum();
        for (held, code) in [
            (most - size, "renewal-malformed"),
            (most - size + 1, "renewal-too-large"),
        ] {
            let mut found = Found {
                held,
                ..Found::default()
            };
            let read = found.read(&release, &attachment);
            assert_eq!(read.unwrap_err().code, code);
        }
    }

    /// A release whose attached files the system does not hand out.
    struct Silent<'a>(Release<'a>);

    impl Kept for Silent<'_> {
        fn name(&self) -> &ReleaseName {
            self.0.name()
        }

        fn members(&self) -> &[crate::Member] {
            self.0.members()
        }

        fn unverified_bytes(
            &self,
            path: &RelativePath,
            limit: u64,
        ) -> Result<Vec<u8>, ArchiveError> {
            self.0.unverified_bytes(path, limit)
        }

        fn observe(
            &self,
            path: &RelativePath,
            hashes: attest_digest::Hashes,
        ) -> Result<attest_digest::Artifact, ArchiveError> {
            self.0.observe(path, hashes)
        }

        fn attached_as<'k>(&'k self, kind: &AttachmentKind) -> crate::bag::AttachedAs<'k> {
            self.0.attached_as(kind)
        }

        fn attached_bytes(
            &self,
            _: &AttachedFiles,
            file: &AttachedFile,
            _: u64,
        ) -> Result<Vec<u8>, ArchiveError> {
            let source = std::io::ErrorKind::TimedOut;
            Err(ArchiveError::io("read", file.path().as_str(), source))
        }
    }

    #[test]
    fn what_the_system_does_not_hand_out_is_told_apart_from_what_proves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let name = ReleaseName::parse("hello@1").unwrap();
        let store = stored(&folder.path().join("archive"), &name);
        let release = store.reader().find(&name).unwrap().unwrap();
        let said = |kept: &dyn Kept| {
            let unread = renewals_of(kept).1;
            let said = unread.iter().map(|it| (it.code, it.is_untold));
            said.collect::<Vec<_>>()
        };
        assert_eq!(said(&release), [("renewal-malformed", false)]);
        assert_eq!(said(&Silent(release)), [("archive-io", true)]);
    }
}
