//! Renewals as they are kept: attachments of a release.

use std::collections::BTreeMap;

use attest_digest::{Artifact, Digest, RelativePath};
use attest_provenance::ReleaseName;
use jiff::Timestamp;

use super::covered::Covered;
use super::error::RenewalError;
use super::record::EvidenceRecord;
use crate::attachment::Attachment;
use crate::attachments::check_files;
use crate::bag::{AttachedBytes, Kept};
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
}

/// The renewals that are kept with a release, wherever it is, and those that cannot be read.
pub fn renewals_of(release: &dyn Kept) -> (Vec<KeptRenewal>, Vec<UnreadRenewal>) {
    let limit = limits::RENEWAL_COVERED_BYTES as u64;
    let (mut kept, mut unread) = (Vec::new(), Vec::new());
    match release.attached_files(&AttachmentKind::Renewal, limit) {
        Ok(attachments) => {
            for attachment in attachments {
                match read_files(attachment) {
                    Ok(renewal) => kept.push(renewal),
                    Err(refused) => unread.push(refused),
                }
            }
        }
        Err(error) => unread.push(UnreadRenewal {
            attachment: None,
            code: error.code(),
            problem: error.to_string(),
        }),
    }
    (kept, unread)
}

fn read_files(attachment: AttachedBytes) -> Result<KeptRenewal, UnreadRenewal> {
    let manifest = attachment.manifest;
    let unread = |error: &RenewalError| UnreadRenewal {
        attachment: Some(manifest),
        code: error.code(),
        problem: error.to_string(),
    };
    let mut files: BTreeMap<RelativePath, Vec<u8>> = attachment.files.into_iter().collect();
    let mut take = |name: &str, what| {
        let path = RelativePath::parse(name).ok();
        let bytes = path.and_then(|path| files.remove(&path));
        bytes.ok_or(RenewalError::Malformed { what })
    };
    let document = take(DOCUMENT, "it has no covered.txt").map_err(|error| unread(&error))?;
    let record = take(RECORD, "it has no record.ers").map_err(|error| unread(&error))?;
    let too_large = RenewalError::TooLarge {
        what: "bytes",
        limit: limits::RENEWAL_RECORD_BYTES,
    };
    if record.len() > limits::RENEWAL_RECORD_BYTES {
        return Err(unread(&too_large));
    }
    Ok(KeptRenewal {
        attachment: manifest,
        covered: Covered::parse(&document).map_err(|error| unread(&error))?,
        record: EvidenceRecord::parse(&record).map_err(|error| unread(&error))?,
        record_digest: Digest::Sha256(sha256(&record)),
        document,
    })
}

impl Reader {
    /// The renewals of a release, the oldest first, and those that cannot be read.
    pub fn renewals(&self, release: &Release<'_>) -> (Vec<KeptRenewal>, Vec<UnreadRenewal>) {
        let (mut kept, mut unread) = (Vec::new(), Vec::new());
        let list = self.attachments_of_kind(Some(release.manifest()), &AttachmentKind::Renewal);
        let attachments = list.unwrap_or_else(|error| {
            unread.push(UnreadRenewal {
                attachment: None,
                code: error.code(),
                problem: error.to_string(),
            });
            Vec::new()
        });
        if let Err(error) = check_files(attachments.iter().flat_map(Attachment::files)) {
            unread.push(UnreadRenewal {
                attachment: None,
                code: error.code(),
                problem: error.to_string(),
            });
            return (kept, unread);
        }
        for attachment in &attachments {
            match read(attachment) {
                Ok(renewal) => kept.push(renewal),
                Err((code, problem)) => unread.push(UnreadRenewal {
                    attachment: Some(attachment.manifest()),
                    code,
                    problem,
                }),
            }
        }
        (kept, unread)
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

fn read(attachment: &Attachment<'_>) -> Result<KeptRenewal, (&'static str, String)> {
    let archive = |error: ArchiveError| (error.code(), error.to_string());
    let renewal = |error: RenewalError| (error.code(), error.to_string());
    let file = |name: &str, limit: usize| {
        let path = RelativePath::parse(name).map_err(|_| {
            renewal(RenewalError::Malformed {
                what: "a name that is none",
            })
        })?;
        attachment
            .unverified_bytes(&path, limit as u64)
            .map_err(archive)
    };
    let document = file(DOCUMENT, limits::RENEWAL_COVERED_BYTES)?;
    let record = file(RECORD, limits::RENEWAL_RECORD_BYTES)?;
    Ok(KeptRenewal {
        attachment: attachment.manifest(),
        covered: Covered::parse(&document).map_err(renewal)?,
        record: EvidenceRecord::parse(&record).map_err(renewal)?,
        record_digest: Digest::Sha256(sha256(&record)),
        document,
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
