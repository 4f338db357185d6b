//! Adding to what is kept, without changing it.

use attest_digest::{Digest, RelativePath};
use attest_provenance::ReleaseName;
use jiff::Timestamp;

use crate::attachment::{AttachedFile, AttachmentKey, AttachmentManifest};
use crate::blob::Blob;
use crate::error::{ArchiveError, Malformed};
use crate::index::Index;
use crate::kind::AttachmentKind;
use crate::layout::EMPTY;
use crate::limits;
use crate::reader::malformed;
use crate::store::stage::{Incoming, Intake, Staged, observe_all};
use crate::store::{Outcome, Source, Store};

/// Something to be attached to a release, or to the archive.
#[derive(Debug)]
pub struct AttachmentInput<'a> {
    /// The release, which must be in the archive; none for the archive itself.
    pub subject: Option<ReleaseName>,
    /// What it is there for.
    pub kind: AttachmentKind,
    /// When it was made.
    pub created: Timestamp,
    /// Its files: at least one.
    pub files: Vec<AttachedFileInput<'a>>,
}

/// A file of an attachment.
#[derive(Debug)]
pub struct AttachedFileInput<'a> {
    /// Its name within the attachment.
    pub path: RelativePath,
    /// Its media type: `type/subtype`.
    pub media_type: String,
    /// Where its bytes are.
    pub source: Source<'a>,
    /// The SHA-256 that was verified or signed: other bytes are `file-changed`.
    pub expected: Option<Digest>,
}

/// What attaching has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentsAdded {
    /// The digest of each manifest, and whether this run added it; in the order of the input.
    pub manifests: Vec<(Digest, Outcome)>,
    /// The files and documents that were written.
    pub new_blobs: usize,
    /// The files and documents that were there already, with these bytes.
    pub reused_blobs: usize,
}

impl Store {
    /// Attaches something to a release, or to the archive. When this returns, it is there after a loss
    /// of power too; when it fails or dies, the archive is as it was, but for files that nobody names.
    ///
    /// The same attachment is [`Outcome::Already`].
    ///
    /// # Errors
    /// As [`Self::attach_all`].
    pub fn attach(
        &mut self,
        attachment: &AttachmentInput<'_>,
    ) -> Result<AttachmentsAdded, ArchiveError> {
        self.attach_all(std::slice::from_ref(attachment))
    }

    /// Attaches all of these or none: thousands cost one sync and one new index.
    ///
    /// # Errors
    /// `release-not-archived`; `attachment-malformed` for one that has no files, two of one name, or a
    /// media type that is none; `file-changed` and what else can be wrong with a file; `blob-corrupt`
    /// if the archive has such a file and it is damaged; `release-too-large`; `archive-disk-full`,
    /// `archive-io`.
    pub fn attach_all(
        &mut self,
        attachments: &[AttachmentInput<'_>],
    ) -> Result<AttachmentsAdded, ArchiveError> {
        let subjects = attachments
            .iter()
            .map(|it| self.subject(it))
            .collect::<Result<Vec<_>, _>>()?;
        // What is there already needs no writing: not even of the index.
        if let Some(already) = self.all_there(attachments, &subjects)? {
            self.confirm()?;
            return Ok(already);
        }
        let incoming = Incoming::start(&self.reader)?;
        let outcome = self.attach_through(&incoming, attachments, &subjects);
        // What is left is harmless, and the next run takes it away: no reason to fail.
        let _ = incoming.end();
        let (added, index) = outcome?;
        self.reader.index = index;
        Ok(added)
    }

    fn subject(&self, attachment: &AttachmentInput<'_>) -> Result<Option<Blob>, ArchiveError> {
        let Some(name) = &attachment.subject else {
            return Ok(None);
        };
        match self.reader.index.releases.get(name) {
            // That it is this release's manifest, and readable, is asked before anything hangs on it.
            Some(manifest) => self.reader.release(name, *manifest).map(|it| Some(it.blob)),
            None => Err(ArchiveError::NoSuchRelease { name: name.clone() }),
        }
    }

    /// If each of them is in the archive, with every file: what there is to say.
    fn all_there(
        &self,
        attachments: &[AttachmentInput<'_>],
        subjects: &[Option<Blob>],
    ) -> Result<Option<AttachmentsAdded>, ArchiveError> {
        // A file can be read twice only if it is no stream; and most attachments are new.
        let is_new = |(input, subject): (&AttachmentInput<'_>, &Option<Blob>)| {
            let mut entries = self.reader.entries_of(subject.map(|blob| blob.digest));
            !entries.any(|(key, (kind, _))| key.created == input.created && *kind == input.kind)
        };
        if attachments.is_empty() || attachments.iter().zip(subjects).any(is_new) {
            return Ok(None);
        }
        let blobs = observe_all(&intakes(attachments))?;
        let mut blobs = blobs.into_iter();
        let mut manifests = Vec::new();
        let mut reused_blobs = 0;
        for (input, subject) in attachments.iter().zip(subjects) {
            let (manifest, bytes) = describe(input, *subject, &mut blobs)?;
            let digest = Blob::of(&bytes).digest;
            if !self
                .reader
                .index
                .attachments
                .contains_key(&manifest.key(digest))
            {
                return Ok(None);
            }
            for file in manifest.files() {
                self.reader.open_blob(file.blob)?;
                reused_blobs += 1;
            }
            manifests.push((digest, Outcome::Already));
        }
        Ok(Some(AttachmentsAdded {
            manifests,
            new_blobs: 0,
            reused_blobs,
        }))
    }

    /// Everything is durable under its final name before the index names it.
    fn attach_through(
        &self,
        incoming: &Incoming<'_>,
        attachments: &[AttachmentInput<'_>],
        subjects: &[Option<Blob>],
    ) -> Result<(AttachmentsAdded, Index), ArchiveError> {
        let mut staged = incoming.take_all(&intakes(attachments))?;
        let blobs: Vec<Blob> = staged.iter().map(|it| it.blob).collect();
        let mut blobs = blobs.into_iter();
        let mut index = self.reader.index.clone();
        index.rewritten = false;
        index.read_from = None;
        let mut manifests = Vec::new();
        for (number, (input, subject)) in attachments.iter().zip(subjects).enumerate() {
            let (manifest, bytes) = describe(input, *subject, &mut blobs)?;
            let document = incoming.take_document(&format!("manifest-{number}"), &bytes)?;
            let key = manifest.key(document.blob.digest);
            manifests.push((key.manifest, self.list(&mut index, key, input, &document)?));
            staged.push(document);
        }
        staged.push(incoming.take_document("config", EMPTY)?);
        incoming.write_index(&self.encoded("index", limits::INDEX_BYTES, index.to_bytes())?)?;
        let new_blobs = incoming.publish(&staged)?;
        let reused_blobs = staged.len() - new_blobs;
        Ok((
            AttachmentsAdded {
                manifests,
                new_blobs,
                reused_blobs,
            },
            index,
        ))
    }

    /// Puts an attachment on the list, if it is not there yet.
    fn list(
        &self,
        index: &mut Index,
        key: AttachmentKey,
        input: &AttachmentInput<'_>,
        manifest: &Staged,
    ) -> Result<Outcome, ArchiveError> {
        if index.attachments.contains_key(&key) {
            return Ok(Outcome::Already);
        }
        index
            .attach(key, input.kind.clone(), manifest.blob)
            .map_err(|source| malformed(&self.reader.root, source))?;
        Ok(Outcome::New)
    }
}

/// Every file of every attachment.
fn intakes<'a>(attachments: &'a [AttachmentInput<'a>]) -> Vec<Intake<'a>> {
    let files = attachments.iter().flat_map(|it| &it.files);
    let intake = |file: &'a AttachedFileInput<'a>| Intake {
        path: &file.path,
        source: &file.source,
        expected: file.expected,
    };
    files.map(intake).collect()
}

/// The manifest of an attachment whose files are the next of these blobs; its bytes are read again,
/// since what we write ourselves must be readable.
fn describe(
    input: &AttachmentInput<'_>,
    subject: Option<Blob>,
    blobs: &mut impl Iterator<Item = Blob>,
) -> Result<(AttachmentManifest, Vec<u8>), ArchiveError> {
    let files = input
        .files
        .iter()
        .zip(blobs)
        .map(|(file, blob)| AttachedFile {
            path: file.path.clone(),
            media_type: file.media_type.clone(),
            blob,
        });
    let manifest =
        AttachmentManifest::new(input.kind.clone(), subject, input.created, files.collect());
    let encoded = manifest.to_bytes().and_then(|bytes| {
        AttachmentManifest::parse(&bytes)?.ok_or(Malformed::NotCanonical)?;
        Ok(bytes)
    });
    let bytes = encoded.map_err(|source| ArchiveError::AttachmentRefused {
        kind: input.kind.clone(),
        source,
    })?;
    Ok((manifest, bytes))
}
