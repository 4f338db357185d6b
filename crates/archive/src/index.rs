//! `index.json`: which manifest is that of which release.

use std::collections::{BTreeMap, BTreeSet};

use attest_digest::{Algorithm, Digest};
use attest_provenance::ReleaseName;
use attest_provenance::json::{self, Object, Value};
use serde_json::json;

use crate::attachment::{AttachmentKey, take_kind};
use crate::blob::Blob;
use crate::error::Malformed;
use crate::kind::AttachmentKind;
use crate::layout::{
    ARCHIVE_FORMAT, ATTACHMENT_KIND, ATTACHMENT_SUBJECT, ATTACHMENT_TYPE, CREATED, FORMAT,
    INDEX_TYPE, MANIFEST_TYPE, REFERENCE, RELEASE_NAME, RELEASE_TYPE, RELEASE_VERSION,
};
use crate::limits;
use crate::manifest::release_name;
use crate::reference::reference_name;

/// The releases of an archive, as its index claims them.
///
/// It is derived and not trusted: each manifest says itself whose it is.
///
/// ```json
/// {
///   "schemaVersion": 2,
///   "mediaType": "application/vnd.oci.image.index.v1+json",
///   "annotations": {"dev.attest.archive.format": "1"},
///   "manifests": [
///     {"mediaType": "application/vnd.oci.image.manifest.v1+json",
///      "artifactType": "application/vnd.attest.release.v1", "digest": "sha256:77e0…", "size": 2718,
///      "annotations": {
///        "dev.attest.release.name": "hello", "dev.attest.release.version": "1.0.0",
///        "org.opencontainers.image.ref.name": "hello@1.0.0"}},
///     {"mediaType": "application/vnd.oci.image.manifest.v1+json",
///      "artifactType": "application/vnd.attest.attachment.v1", "digest": "sha256:5e1d…", "size": 713,
///      "annotations": {
///        "dev.attest.attachment.kind": "fixity", "dev.attest.attachment.subject": "sha256:77e0…",
///        "org.opencontainers.image.created": "2026-11-21T21:00:00Z"}}
///   ]
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Index {
    /// By name and version.
    pub(crate) releases: BTreeMap<ReleaseName, Blob>,
    /// By what they are attached to, then by time.
    pub(crate) attachments: BTreeMap<AttachmentKey, (AttachmentKind, Blob)>,
    /// Entries that a copying tool has stripped of their annotations: the manifest has to say.
    pub(crate) unnamed: Vec<Entry>,
    /// What other tools, or later versions of this one, keep in the same layout.
    pub(crate) foreign: Vec<Entry>,
    /// While it is made again: the manifests that a replica lists.
    pub(crate) listed: BTreeSet<Digest>,
    /// The SHA-256 of the bytes that it was read from.
    pub(crate) read_from: Option<Digest>,
    /// Whether it was read from other bytes than we would write.
    pub(crate) rewritten: bool,
}

/// A descriptor of the index as it stands there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// Absent where the digest is none that we know.
    pub(crate) blob: Option<Blob>,
    pub(crate) descriptor: Value,
}

/// Why an index could not be read.
#[derive(Debug)]
pub(crate) enum IndexError {
    NewerFormat { found: String },
    Malformed(Malformed),
}

impl<E: Into<Malformed>> From<E> for IndexError {
    fn from(error: E) -> Self {
        Self::Malformed(error.into())
    }
}

impl Index {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, IndexError> {
        let bounds = json::Limits {
            bytes: usize::try_from(limits::INDEX_BYTES).unwrap_or(usize::MAX),
            depth: limits::JSON_DEPTH,
        };
        let mut fields = Object::new("", json::parse_within(bytes, bounds, limits::INDEX_MEMORY)?)?;
        if let Some(found) = format(&mut fields)?.filter(|found| found != ARCHIVE_FORMAT) {
            return Err(IndexError::NewerFormat { found });
        }
        check_header(&mut fields)?;
        let mut index = Self::default();
        for (number, descriptor) in fields
            .take_array("manifests", usize::MAX)?
            .into_iter()
            .enumerate()
        {
            index.take_entry(&format!("manifests[{number}]"), descriptor)?;
        }
        fields.finish()?;
        index.read_from = Some(Blob::of(bytes).digest);
        index.rewritten = !index.unnamed.is_empty() || index.to_bytes()? != bytes;
        Ok(index)
    }

    /// Adds a release that is not there yet.
    pub(crate) fn insert(&mut self, release: ReleaseName, manifest: Blob) -> Result<(), Malformed> {
        if self.releases.contains_key(&release) {
            return Err(Malformed::ListedTwice { release });
        }
        self.releases.insert(release, manifest);
        Ok(())
    }

    /// Adds an attachment that is not there yet.
    pub(crate) fn attach(
        &mut self,
        key: AttachmentKey,
        kind: AttachmentKind,
        manifest: Blob,
    ) -> Result<(), Malformed> {
        if self.attachments.contains_key(&key) {
            return Err(Malformed::AttachedTwice {
                manifest: manifest.digest,
            });
        }
        self.attachments.insert(key, (kind, manifest));
        Ok(())
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, Malformed> {
        let ours = self
            .releases
            .iter()
            .map(|(release, manifest)| entry(release, manifest));
        let attached = self.attachments.iter();
        let attached = attached.map(|(key, (kind, manifest))| attached_entry(key, kind, manifest));
        let others = self.foreign.iter().map(|entry| entry.descriptor.clone());
        let manifests: Vec<Value> = ours.chain(attached).chain(others).collect();
        Ok(json::canonical(&json!({
            "schemaVersion": 2,
            "mediaType": INDEX_TYPE,
            "annotations": { FORMAT: ARCHIVE_FORMAT },
            "manifests": manifests,
        }))?)
    }

    /// The SHA-256 of the bytes that it was read from, else of those that it is written in.
    pub(crate) fn digest(&self) -> Digest {
        let written = || Blob::of(&self.to_bytes().unwrap_or_default()).digest;
        self.read_from.unwrap_or_else(written)
    }

    fn take_entry(&mut self, path: &str, descriptor: Value) -> Result<(), Malformed> {
        let mut fields = Object::new(path, descriptor.clone())?;
        let media_type = fields.take_string("mediaType")?;
        let artifact_type = fields.take_optional_string("artifactType")?;
        let may_be_ours = media_type == MANIFEST_TYPE
            && artifact_type
                .as_deref()
                .is_none_or(|it| it == RELEASE_TYPE || it == ATTACHMENT_TYPE);
        if !may_be_ours {
            let blob = Blob::take(&mut fields).ok();
            self.foreign.push(Entry { blob, descriptor });
            return Ok(());
        }
        let manifest = Blob::take(&mut fields)?;
        let claim = if artifact_type.as_deref() == Some(ATTACHMENT_TYPE) {
            claimed_attachment(&mut fields, manifest.digest)?
        } else {
            claimed_release(&mut fields)?.map(Claim::Release)
        };
        match claim {
            Some(Claim::Release(release)) => self.insert(release, manifest)?,
            Some(Claim::Attachment(key, kind)) => self.attach(key, kind, manifest)?,
            None => self.unnamed.push(Entry {
                blob: Some(manifest),
                descriptor,
            }),
        }
        // A copying tool adds the platform that it runs on.
        fields.take_optional("platform");
        Ok(fields.finish()?)
    }
}

/// What an entry says of the manifest that it names.
enum Claim {
    Release(ReleaseName),
    Attachment(AttachmentKey, AttachmentKind),
}

fn format(fields: &mut Object) -> Result<Option<String>, Malformed> {
    match fields.take_optional_object("annotations")? {
        Some(mut annotations) => Ok(annotations.take_optional_string(FORMAT)?),
        None => Ok(None),
    }
}

fn check_header(fields: &mut Object) -> Result<(), Malformed> {
    let version = fields.take_u64("schemaVersion")?;
    if version != 2 {
        return Err(Malformed::Value {
            field: "schemaVersion".to_owned(),
            found: version.to_string(),
            wanted: "2",
        });
    }
    match fields.take_optional_string("mediaType")? {
        Some(found) if found != INDEX_TYPE => Err(Malformed::Value {
            field: "mediaType".to_owned(),
            found,
            wanted: INDEX_TYPE,
        }),
        _ => Ok(()),
    }
}

/// The release that an entry names; its reference name must be that release's.
fn claimed_release(fields: &mut Object) -> Result<Option<ReleaseName>, Malformed> {
    let Some(mut annotations) = fields.take_optional_object("annotations")? else {
        return Ok(None);
    };
    let reference = annotations.take_optional_string(REFERENCE)?;
    let at = annotations.path_of(REFERENCE);
    let Some(release) = release_name(annotations)? else {
        return Ok(None);
    };
    match reference {
        Some(found) if found != reference_name(&release) => Err(Malformed::Value {
            field: at,
            found,
            wanted: "the reference name of the release",
        }),
        _ => Ok(Some(release)),
    }
}

/// What an entry says of an attachment; a copying tool may have taken that away.
fn claimed_attachment(fields: &mut Object, manifest: Digest) -> Result<Option<Claim>, Malformed> {
    let Some(mut annotations) = fields.take_optional_object("annotations")? else {
        return Ok(None);
    };
    if !annotations.has(ATTACHMENT_KIND) {
        return Ok(None);
    }
    let kind = take_kind(&mut annotations)?;
    let created = annotations.take_time(CREATED)?;
    let subject = annotations.take_optional_string(ATTACHMENT_SUBJECT)?;
    let subject = subject.map(|text| {
        let digest = Digest::parse(&text).ok();
        let digest = digest.filter(|digest| digest.algorithm() == Algorithm::Sha256);
        digest.ok_or_else(|| Malformed::Value {
            field: annotations.path_of(ATTACHMENT_SUBJECT),
            found: text,
            wanted: "sha256: and 64 lower-case hexadecimal digits",
        })
    });
    let key = AttachmentKey {
        subject: subject.transpose()?,
        created,
        manifest,
    };
    Ok(Some(Claim::Attachment(key, kind)))
}

fn attached_entry(key: &AttachmentKey, kind: &AttachmentKind, manifest: &Blob) -> Value {
    let mut annotations = json!({
        ATTACHMENT_KIND: kind.name(),
        CREATED: key.created.to_string(),
    });
    if let (Some(subject), Some(fields)) = (key.subject, annotations.as_object_mut()) {
        fields.insert(ATTACHMENT_SUBJECT.to_owned(), subject.to_string().into());
    }
    let mut descriptor = manifest.descriptor(MANIFEST_TYPE);
    if let Some(fields) = descriptor.as_object_mut() {
        fields.insert("artifactType".to_owned(), ATTACHMENT_TYPE.into());
        fields.insert("annotations".to_owned(), annotations);
    }
    descriptor
}

fn entry(release: &ReleaseName, manifest: &Blob) -> Value {
    let mut descriptor = manifest.descriptor(MANIFEST_TYPE);
    if let Some(fields) = descriptor.as_object_mut() {
        fields.insert("artifactType".to_owned(), RELEASE_TYPE.into());
        fields.insert(
            "annotations".to_owned(),
            json!({
                REFERENCE: reference_name(release),
                RELEASE_NAME: release.name(),
                RELEASE_VERSION: release.version(),
            }),
        );
    }
    descriptor
}
