//! What is added to a release later, without changing it.

use std::fs::File;

use attest_digest::{Artifact, Digest, Hashes, RelativePath, colliding_names};
use attest_provenance::json::{self, Object, Value};
use jiff::Timestamp;
use serde_json::{Map, json};

use crate::blob::Blob;
use crate::error::{ArchiveError, Malformed};
use crate::kind::AttachmentKind;
use crate::layout::{ATTACHMENT_KIND, ATTACHMENT_TYPE, CREATED, EMPTY_TYPE, MANIFEST_TYPE, TITLE};
use crate::limits;
use crate::manifest::{empty_blob, parse_only_form, take_file};
use crate::reader::Reader;

/// The manifest of an attachment, as it claims itself.
///
/// ```json
/// {
///   "schemaVersion": 2,
///   "mediaType": "application/vnd.oci.image.manifest.v1+json",
///   "artifactType": "application/vnd.attest.attachment.v1",
///   "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": "sha256:4413…", "size": 2},
///   "subject": {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "sha256:77e0…", "size": 2718},
///   "layers": [
///     {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "digest": "sha256:2cf2…", "size": 5,
///      "annotations": {"org.opencontainers.image.title": "fixity.sigstore.json"}}
///   ],
///   "annotations": {
///     "dev.attest.attachment.kind": "fixity",
///     "org.opencontainers.image.created": "2026-11-21T21:00:00Z"
///   }
/// }
/// ```
///
/// `subject` is the manifest of the release; it is absent where the attachment is about the archive.
/// Layers are sorted by title, the bytes are those of RFC 8785, and nothing else is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AttachmentManifest {
    kind: AttachmentKind,
    subject: Option<Blob>,
    created: Timestamp,
    files: Vec<AttachedFile>,
}

/// One file of an attachment, as its manifest claims it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachedFile {
    pub(crate) path: RelativePath,
    pub(crate) media_type: String,
    pub(crate) blob: Blob,
}

/// Where the index finds an attachment: by what it is attached to, then in the order of time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AttachmentKey {
    pub(crate) subject: Option<Digest>,
    pub(crate) created: Timestamp,
    pub(crate) manifest: Digest,
}

/// An attachment as its manifest claims it. Nothing about it is proven.
#[derive(Debug)]
pub struct Attachment<'r> {
    reader: &'r Reader,
    digest: Digest,
    manifest: AttachmentManifest,
}

/// An attachment, as the index claims it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentSummary {
    /// What it is there for.
    pub kind: AttachmentKind,
    /// The manifest of the release that it is attached to; none if it is about the archive.
    pub subject: Option<Digest>,
    /// When it was made, as its maker says.
    pub created: Timestamp,
    /// The digest of its own manifest.
    pub manifest: Digest,
}

impl AttachedFile {
    /// Its name within the attachment.
    pub fn path(&self) -> &RelativePath {
        &self.path
    }

    /// Its media type.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// The SHA-256 of its bytes.
    pub fn digest(&self) -> Digest {
        self.blob.digest
    }

    /// The count of its bytes.
    pub fn size(&self) -> u64 {
        self.blob.size
    }
}

impl<'r> Attachment<'r> {
    pub(crate) fn new(reader: &'r Reader, digest: Digest, manifest: AttachmentManifest) -> Self {
        Self {
            reader,
            digest,
            manifest,
        }
    }

    /// The digest of its manifest.
    pub fn manifest(&self) -> Digest {
        self.digest
    }

    /// The manifest itself.
    pub(crate) const fn document(&self) -> &AttachmentManifest {
        &self.manifest
    }

    /// What it is there for.
    pub fn kind(&self) -> &AttachmentKind {
        &self.manifest.kind
    }

    /// The manifest of the release that it is attached to; none if it is about the archive.
    pub fn subject(&self) -> Option<Digest> {
        self.manifest.subject.map(|blob| blob.digest)
    }

    /// When it was made, as its maker says.
    pub fn created(&self) -> Timestamp {
        self.manifest.created
    }

    /// The files, sorted by path.
    pub fn files(&self) -> &[AttachedFile] {
        &self.manifest.files
    }

    /// Opens a file. It has the size of the manifest; nobody has looked at its bytes.
    ///
    /// # Errors
    /// `member-missing`, `blob-missing`, `blob-not-a-file`, `blob-corrupt` (its size), `archive-io`.
    pub fn unverified_file(&self, path: &RelativePath) -> Result<File, ArchiveError> {
        self.reader.open_blob(self.require(path)?.blob)
    }

    /// Reads a file of at most `limit` bytes. Its bytes are those of the manifest; nobody has said who
    /// made them.
    ///
    /// # Errors
    /// As [`Self::unverified_file`]; `blob-corrupt` for other bytes; `release-too-large`.
    pub fn unverified_bytes(
        &self,
        path: &RelativePath,
        limit: u64,
    ) -> Result<Vec<u8>, ArchiveError> {
        self.reader.read_blob(self.require(path)?.blob, limit)
    }

    /// Reads every byte of a file and says what it is, if it is what the manifest says.
    ///
    /// # Errors
    /// As [`Self::unverified_file`]; `blob-corrupt` for other bytes.
    pub fn observe(&self, path: &RelativePath, hashes: Hashes) -> Result<Artifact, ArchiveError> {
        self.reader.observe(self.require(path)?.blob, hashes)
    }

    fn require(&self, path: &RelativePath) -> Result<&AttachedFile, ArchiveError> {
        let found = self.files().iter().find(|file| file.path == *path);
        found.ok_or_else(|| ArchiveError::NoSuchAttachedFile {
            attachment: self.digest,
            path: path.clone(),
        })
    }
}

impl AttachmentManifest {
    /// The manifest of these files.
    pub(crate) fn new(
        kind: AttachmentKind,
        subject: Option<Blob>,
        created: Timestamp,
        mut files: Vec<AttachedFile>,
    ) -> Self {
        files.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        Self {
            kind,
            subject,
            created,
            files,
        }
    }

    /// Reads a manifest; `None` if it is that of something else than an attachment.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        parse_only_form(bytes, ATTACHMENT_TYPE, Self::of, Self::to_bytes)
    }

    pub(crate) fn kind(&self) -> &AttachmentKind {
        &self.kind
    }

    pub(crate) const fn created(&self) -> Timestamp {
        self.created
    }

    pub(crate) fn files(&self) -> &[AttachedFile] {
        &self.files
    }

    /// Where the index has to have the attachment whose manifest has that digest.
    pub(crate) fn key(&self, manifest: Digest) -> AttachmentKey {
        AttachmentKey {
            subject: self.subject.map(|blob| blob.digest),
            created: self.created,
            manifest,
        }
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, Malformed> {
        let layers: Vec<Value> = self.files.iter().map(layer).collect();
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "artifactType": ATTACHMENT_TYPE,
            "config": empty_blob().descriptor(EMPTY_TYPE),
            "layers": layers,
            "annotations": {
                ATTACHMENT_KIND: self.kind.name(),
                CREATED: self.created.to_string(),
            },
        });
        if let (Some(subject), Some(fields)) = (self.subject, manifest.as_object_mut()) {
            fields.insert("subject".to_owned(), subject.descriptor(MANIFEST_TYPE));
        }
        Ok(json::canonical(&manifest)?)
    }

    fn of(fields: &mut Object) -> Result<Self, Malformed> {
        let layers = fields.take_objects("layers", limits::MEMBERS)?;
        let files = layers
            .into_iter()
            .map(file)
            .collect::<Result<Vec<_>, _>>()?;
        if files.is_empty() {
            return Err(Malformed::Value {
                field: fields.path_of("layers"),
                found: "[]".to_owned(),
                wanted: "a file",
            });
        }
        let names = files.iter().map(|file| file.path.as_str());
        if let Some((first, second)) = colliding_names(names) {
            return Err(Malformed::Collision { first, second });
        }
        let subject = fields.take_optional_object("subject")?;
        let subject = subject.map(|mut it| Blob::take(&mut it)).transpose()?;
        let mut annotations = fields.take_object("annotations")?;
        let kind = take_kind(&mut annotations)?;
        let created = annotations.take_time(CREATED)?;
        // Sorted, so that another order is found when the bytes are compared.
        Ok(Self::new(kind, subject, created, files))
    }
}

/// The kind that annotations name.
pub(crate) fn take_kind(annotations: &mut Object) -> Result<AttachmentKind, Malformed> {
    let found = annotations.take_string(ATTACHMENT_KIND)?;
    AttachmentKind::from_name(&found).ok_or_else(|| Malformed::Value {
        field: annotations.path_of(ATTACHMENT_KIND),
        found,
        wanted: "a kind of attachment",
    })
}

fn layer(file: &AttachedFile) -> Value {
    let mut descriptor = file.blob.descriptor(&file.media_type);
    let annotations = Map::from_iter([(TITLE.to_owned(), Value::from(file.path.as_str()))]);
    if let Some(fields) = descriptor.as_object_mut() {
        fields.insert("annotations".to_owned(), annotations.into());
    }
    descriptor
}

fn file(mut descriptor: Object) -> Result<AttachedFile, Malformed> {
    let (path, media_type, blob, annotations) = take_file(&mut descriptor)?;
    annotations.finish()?;
    descriptor.finish()?;
    Ok(AttachedFile {
        path,
        media_type,
        blob,
    })
}
