//! Where images lie: in a registry, or in an OCI layout on disk.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use attest_digest::{Artifact, Digest, Hashes};
use attest_remote::registry::{
    Descriptor, Fetched, IMAGE, INDEX, Name, Reference, ReferrersSource, RegistryError, Repository,
    SCHEME, fallback_tag,
};
use attest_verify::dialect::image::Manifest;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::files::{self, Overwrite};
use crate::registry;

/// A place as the command line names it.
#[derive(Debug)]
pub(super) enum PlaceName {
    Remote(Reference),
    /// A folder, and the digest of what is meant in it.
    Layout(PathBuf, Option<Digest>),
}

impl PlaceName {
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        if text.starts_with(SCHEME) {
            return registry::reference(text).map(Self::Remote);
        }
        let Some(path) = text.strip_prefix("oci-layout:") else {
            let message = format!("{text}: neither oci://HOST/REPOSITORY:TAG nor oci-layout:DIR");
            return Err(Failure::request("bad-subject", message));
        };
        match path.rsplit_once('@') {
            Some((path, digest)) if digest.starts_with("sha256:") => {
                let digest = Digest::parse(digest)
                    .map_err(|error| Failure::request("bad-subject", format!("{text}: {error}")))?;
                Ok(Self::Layout(PathBuf::from(path), Some(digest)))
            }
            _ => Ok(Self::Layout(PathBuf::from(path), None)),
        }
    }
}

/// A manifest whose bytes were hashed here.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) digest: Digest,
    pub(super) media_type: String,
    pub(super) bytes: Vec<u8>,
    pub(super) manifest: Manifest,
}

impl Node {
    pub(super) fn new(bytes: Vec<u8>, media_type: Option<&str>) -> Result<Self, Failure> {
        let digest = Artifact::of_bytes(&bytes, Hashes::Sha256).sha256();
        let malformed =
            |problem: String| Failure::no("manifest-malformed", format!("{digest}: {problem}"));
        let manifest = Manifest::parse(&bytes).map_err(|error| malformed(error.to_string()))?;
        let value: Value =
            serde_json::from_slice(&bytes).map_err(|error| malformed(error.to_string()))?;
        let said = value.get("mediaType").and_then(Value::as_str);
        let by_content = match &manifest {
            Manifest::Index { .. } => INDEX,
            Manifest::Image { .. } => IMAGE,
        };
        let media_type = media_type.or(said).unwrap_or(by_content).to_owned();
        Ok(Self {
            digest,
            media_type,
            bytes,
            manifest,
        })
    }

    /// Whether every layer of another image is one of this, with all that is noted beside it.
    pub(super) fn holds_all_of(&self, other: &Self) -> bool {
        let layers = |it: &Self| {
            let value: Value = serde_json::from_slice(&it.bytes).unwrap_or_default();
            value.get("layers").and_then(Value::as_array).cloned()
        };
        match (layers(self), layers(other)) {
            (Some(ours), Some(theirs)) => theirs.iter().all(|it| ours.contains(it)),
            _ => false,
        }
    }

    /// As a list names it: with what the manifest says of itself.
    pub(super) fn descriptor(&self) -> Descriptor {
        let value: Value = serde_json::from_slice(&self.bytes).unwrap_or_default();
        let text = |at: &str| value.pointer(at).and_then(Value::as_str).map(str::to_owned);
        let annotations = value.get("annotations").and_then(Value::as_object);
        let annotations = annotations.into_iter().flatten();
        Descriptor {
            media_type: self.media_type.clone(),
            artifact_type: text("/artifactType").or_else(|| text("/config/mediaType")),
            digest: self.digest,
            size: self.bytes.len() as u64,
            annotations: annotations
                .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
                .collect(),
        }
    }
}

/// A place that was opened.
pub(super) enum Place<'r> {
    Remote(Repository<'r>),
    Layout(Layout),
}

/// A layout on disk.
pub(super) struct Layout {
    folder: PathBuf,
    /// What its index lists, and what a copy adds to it.
    index: Vec<Value>,
    /// What is attached to what, once somebody has asked.
    attached: OnceCell<BTreeMap<Digest, Vec<Digest>>>,
}

impl Layout {
    /// Opens one to read from.
    pub(super) fn open(folder: &Path) -> Result<Self, Failure> {
        let bytes = read(&folder.join("index.json"))?;
        let index = index_of(&bytes, folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            index,
            attached: OnceCell::new(),
        })
    }

    /// Opens one to write to, and makes it if there is none.
    pub(super) fn make(folder: &Path) -> Result<Self, Failure> {
        let failed = |error: &std::io::Error| files::write_failure(folder, error);
        if folder.join("index.json").exists() {
            let layout = Self::open(folder)?;
            layout.refuse_archive()?;
            return Ok(layout);
        }
        let is_foreign = |it: std::io::Result<fs::DirEntry>| {
            it.is_ok_and(|it| it.file_name() != "oci-layout" && it.file_name() != "blobs")
        };
        // Without an index it is new, or a copy broke off in it.
        if fs::read_dir(folder).is_ok_and(|mut it| it.any(is_foreign)) {
            let message = format!("{} holds something else than a layout", folder.display());
            return Err(Failure::request("bad-arguments", message));
        }
        fs::create_dir_all(folder.join("blobs/sha256")).map_err(|error| failed(&error))?;
        let version = br#"{"imageLayoutVersion":"1.0.0"}"#;
        files::write(&folder.join("oci-layout"), version, 0o644, Overwrite::Force)?;
        Ok(Self {
            folder: folder.to_owned(),
            index: Vec::new(),
            attached: OnceCell::new(),
        })
    }

    /// An archive has rules of its own for what comes into it.
    fn refuse_archive(&self) -> Result<(), Failure> {
        let index = read(&self.folder.join("index.json"))?;
        let index: Value = serde_json::from_slice(&index).unwrap_or_default();
        let notes = index.get("annotations").and_then(Value::as_object);
        if !notes.is_some_and(|it| it.contains_key(ARCHIVE)) {
            return Ok(());
        }
        let message = format!("{} is an archive", self.folder.display());
        Err(Failure::request("bad-arguments", message)
            .hint("copy into another folder; attest archive import takes in what archives hold"))
    }

    /// What is meant if nothing was named: the one entry that is attached to nothing.
    pub(super) fn only(&self) -> Result<Digest, Failure> {
        let mut found = Vec::new();
        for digest in self.listed() {
            let node = self.demand(digest)?;
            let is_older = self.names_of(digest).iter().any(|it| is_older(it));
            if node.manifest.subject().is_none() && !is_older {
                found.push(digest);
            }
        }
        if let [one] = found.as_slice() {
            return Ok(*one);
        }
        let all: Vec<String> = found.iter().map(ToString::to_string).collect();
        let message = format!("{} holds {}", self.folder.display(), all.join(", "));
        Err(Failure::request("bad-subject", message).hint("name one: oci-layout:DIR@sha256:HEX"))
    }

    fn listed(&self) -> Vec<Digest> {
        let digest = |it: &Value| Digest::parse(it.get("digest")?.as_str()?).ok();
        self.index.iter().filter_map(digest).collect()
    }

    fn names_of(&self, digest: Digest) -> Vec<String> {
        let digest = digest.to_string();
        let entries = self.index.iter();
        let entries =
            entries.filter(|it| it.get("digest").and_then(Value::as_str) == Some(&digest));
        entries.filter_map(name_of).map(str::to_owned).collect()
    }

    /// What the index lists under a name: one manifest, or it is no name.
    fn named(&self, name: &str) -> Vec<Digest> {
        let mut found: Vec<Digest> = self.listed();
        found.retain(|it| self.names_of(*it).iter().any(|it| it == name));
        found.sort_unstable();
        found.dedup();
        found
    }

    /// What the index lists and the layout does not hold: it may be attached to anything here, unless its
    /// name says that it is an image.
    fn lost(&self) -> Vec<(String, Failure)> {
        let mut listed = self.listed();
        listed.sort_unstable();
        listed.dedup();
        let may_be_attached = |it: &Digest| self.names_of(*it).iter().all(|it| is_older(it));
        let listed = listed.into_iter().filter(may_be_attached);
        let lost = listed.filter_map(|it| Some((it.to_string(), self.demand(it).err()?)));
        lost.collect()
    }

    fn demand(&self, digest: Digest) -> Result<Node, Failure> {
        self.node(digest)?.ok_or_else(|| {
            let message = format!("{} lists {digest}, and has none", self.folder.display());
            Failure::no("blob-missing", message)
        })
    }

    fn path(&self, digest: Digest) -> PathBuf {
        self.folder.join("blobs/sha256").join(digest.hex())
    }

    fn node(&self, digest: Digest) -> Result<Option<Node>, Failure> {
        let path = self.path(digest);
        let most = attest_verify::limits::IMAGE_MANIFEST_BYTES as u64;
        let bytes = match files::read_limited(&path, most) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                let message = format!("{}: {error}", path.display());
                return Err(Failure::unknown("file-unreadable", message));
            }
        };
        let found = Artifact::of_bytes(&bytes, Hashes::Sha256).sha256();
        if found != digest {
            let message = format!("{}: it has {found}", path.display());
            return Err(Failure::no("blob-corrupt", message));
        }
        Node::new(bytes, None).map(Some)
    }

    /// Manifests that are attached to another, wherever the layout keeps them.
    fn attached(&self, subject: Digest) -> Result<Vec<Digest>, Failure> {
        let all = if let Some(all) = self.attached.get() {
            all
        } else {
            let all = self.all_attached()?;
            self.attached.get_or_init(|| all)
        };
        Ok(all.get(&subject).cloned().unwrap_or_default())
    }

    /// By what they are attached to. Every small blob is read for it, once.
    fn all_attached(&self) -> Result<BTreeMap<Digest, Vec<Digest>>, Failure> {
        let folder = self.folder.join("blobs/sha256");
        let unread = |error: std::io::Error| {
            Failure::unknown("file-unreadable", format!("{}: {error}", folder.display()))
        };
        let mut found: BTreeSet<Digest> = self.listed().into_iter().collect();
        for entry in fs::read_dir(&folder).map_err(unread)? {
            let entry = entry.map_err(unread)?;
            let name = entry.file_name();
            let digest = Digest::parse(&format!("sha256:{}", name.to_string_lossy()));
            if entry.metadata().map_err(unread)?.len() <= SMALL {
                found.extend(digest);
            }
        }
        let mut attached: BTreeMap<Digest, Vec<Digest>> = BTreeMap::new();
        for digest in found {
            // What is listed and cannot be had was said before; whatever else is small is no manifest.
            let node = self.node(digest).ok().flatten();
            if let Some(subject) = node.and_then(|it| it.manifest.subject()) {
                attached.entry(subject).or_default().push(digest);
            }
        }
        Ok(attached)
    }

    /// A name leads to one manifest. What loses a name of cosign's older forms has no other, and goes.
    fn list(&mut self, node: &Node, name: Option<&str>) {
        let digest = node.digest.to_string();
        self.index.retain(|it| {
            let same = it.get("digest").and_then(Value::as_str) == Some(&digest);
            let is_replaced = name.is_some_and(|name| is_older(name) && name_of(it) == Some(name));
            !(is_replaced || (same && name_of(it) == name))
        });
        for other in self.index.iter_mut().filter(|it| name_of(it) == name) {
            let annotations = other.get_mut("annotations").and_then(Value::as_object_mut);
            annotations.and_then(|it| it.remove(REFERENCE));
        }
        let mut entry = node.descriptor();
        entry.annotations.remove(REFERENCE);
        if let Some(name) = name {
            entry
                .annotations
                .insert(REFERENCE.to_owned(), name.to_owned());
        }
        self.index.push(entry.to_value());
    }

    fn write_index(&self) -> Result<(), Failure> {
        let index = json!({
            "schemaVersion": 2,
            "mediaType": attest_remote::registry::INDEX,
            "manifests": self.index,
        });
        let path = self.folder.join("index.json");
        files::write(&path, index.to_string().as_bytes(), 0o644, Overwrite::Force)
    }
}

impl Place<'_> {
    /// The manifest of that name; `None` if there is none.
    pub(super) fn node(&self, name: &Name) -> Result<Option<Node>, Failure> {
        match (self, name) {
            (Self::Remote(repository), name) => {
                let fetched = repository.manifest(name);
                let fetched = fetched.map_err(|error| registry::failure(&error))?;
                fetched
                    .map(|it| Node::new(it.bytes().to_vec(), Some(it.media_type())))
                    .transpose()
            }
            (Self::Layout(layout), Name::Digest(digest)) => layout.node(*digest),
            (Self::Layout(layout), Name::Tag(tag)) => match layout.named(tag).as_slice() {
                [] => Ok(None),
                [one] => layout.node(*one),
                [one, other, ..] => {
                    let folder = layout.folder.display();
                    let message = format!("{folder}: {tag} names {one} and {other}");
                    Err(Failure::no("index-malformed", message))
                }
            },
            (Self::Layout(_), Name::None) => Ok(None),
        }
    }

    /// What a name leads to, as long as it is not written.
    pub(super) fn named(&self, name: &str) -> Result<Vec<Digest>, Failure> {
        match self {
            Self::Remote(repository) => {
                let found = repository.manifest(&Name::Tag(name.to_owned()));
                let found = found.map_err(|error| registry::failure(&error))?;
                Ok(found.iter().map(Fetched::digest).collect())
            }
            Self::Layout(layout) => Ok(layout.named(name)),
        }
    }

    /// What should be here and is not, of what may be attached to anything.
    pub(super) fn lost(&self) -> Vec<(String, Failure)> {
        match self {
            Self::Remote(_) => Vec::new(),
            Self::Layout(layout) => layout.lost(),
        }
    }

    pub(super) const fn is_layout(&self) -> bool {
        matches!(self, Self::Layout(_))
    }

    /// Whether a tag still names what it named.
    pub(super) fn check_still(&self, name: &Name, named: Digest) -> Result<(), Failure> {
        match (self, name) {
            (Self::Remote(repository), Name::Tag(tag)) => repository
                .check_tag(tag, named)
                .map_err(|error| registry::failure(&error)),
            _ => Ok(()),
        }
    }

    /// Who is read in the place of the registry that was named.
    pub(super) fn mirror(&self) -> Option<String> {
        match self {
            Self::Remote(repository) => registry::mirror(repository).map(str::to_owned),
            Self::Layout(_) => None,
        }
    }

    /// What is attached to a manifest.
    pub(super) fn attached(&self, subject: Digest) -> Result<Vec<Digest>, Failure> {
        match self {
            Self::Remote(repository) => {
                let found = repository.referrers(subject);
                let found = found.map_err(|error| registry::failure(&error))?;
                Ok(found.list.iter().map(|it| it.digest).collect())
            }
            Self::Layout(layout) => layout.attached(subject),
        }
    }

    /// Copies a blob from here to there; `false` if it was there.
    pub(super) fn copy_blob(&self, to: &Self, digest: Digest, size: u64) -> Result<bool, Failure> {
        let failed = |error| registry::failure(&error);
        match to {
            Self::Remote(target) => {
                if target.has_blob(digest, size).map_err(failed)? {
                    return Ok(false);
                }
                let mut source = self.open(digest, size)?;
                let pushed = target.push_blob(digest, size, &mut source);
                pushed.map_err(|error| other_bytes(&error).unwrap_or_else(|| failed(error)))?;
                Ok(true)
            }
            Self::Layout(layout) => {
                let path = layout.path(digest);
                let is_whole = |it: &Artifact| it.sha256() == digest && it.size() == size;
                if Artifact::read_path(&path, Hashes::Sha256).is_ok_and(|it| is_whole(&it)) {
                    return Ok(false);
                }
                let mut source = self.open(digest, size)?;
                files::write_with(&path, 0o644, Overwrite::Force, |mut file| {
                    let mut copying = Copying {
                        source: &mut source,
                        target: &mut file,
                        left: size,
                    };
                    let read = Artifact::read(&mut copying, Hashes::Sha256);
                    let read = read.map_err(|error| unread(digest, &error))?;
                    if read.sha256() == digest && read.size() == size {
                        return Ok(());
                    }
                    let message = format!("{digest} of {size} bytes is {}", read.sha256());
                    Err(Failure::no("blob-corrupt", message))
                })?;
                Ok(true)
            }
        }
    }

    fn open(&self, digest: Digest, size: u64) -> Result<Box<dyn Read + '_>, Failure> {
        match self {
            Self::Remote(repository) => {
                let found = repository.blob_unchecked(digest, size);
                let found = found.map_err(|error| registry::failure(&error))?;
                found.ok_or_else(|| {
                    let place = repository.reference();
                    Failure::unknown("registry-not-found", format!("{place} has no {digest}"))
                })
            }
            Self::Layout(layout) => {
                let path = layout.path(digest);
                let file = File::open(&path).map_err(|error| {
                    let message = format!("{}: {error}", path.display());
                    match error.kind() {
                        std::io::ErrorKind::NotFound => Failure::no("blob-missing", message),
                        _ => Failure::unknown("file-unreadable", message),
                    }
                })?;
                Ok(Box::new(file))
            }
        }
    }

    /// Keeps a manifest, under a name if it has one.
    pub(super) fn keep(&mut self, node: &Node, name: Option<&str>) -> Result<(), Failure> {
        match self {
            Self::Remote(repository) => {
                let kept = repository.push_manifest(name, &node.media_type, &node.bytes);
                kept.map_err(|error| registry::failure(&error)).map(|_| ())
            }
            Self::Layout(layout) => {
                let path = layout.path(node.digest);
                files::write(&path, &node.bytes, 0o644, Overwrite::Force)?;
                if name.is_some() || node.manifest.subject().is_some() {
                    layout.list(node, name);
                }
                Ok(())
            }
        }
    }

    /// Sees to it that a manifest that is there is found as attached to another.
    pub(super) fn list_as_attached(
        &self,
        subject: Digest,
        node: &Node,
    ) -> Result<ReferrersSource, Failure> {
        match self {
            Self::Remote(repository) => repository
                .list_as_attached(subject, &node.descriptor())
                .map_err(|error| registry::failure(&error)),
            Self::Layout(_) => Ok(ReferrersSource::Api),
        }
    }

    pub(super) fn finish(&self) -> Result<(), Failure> {
        match self {
            Self::Remote(_) => Ok(()),
            Self::Layout(layout) => layout.write_index(),
        }
    }

    /// The tags of cosign's older forms, for a manifest.
    pub(super) fn older_tags(digest: Digest) -> [String; 3] {
        ["sig", "att", "sbom"].map(|kind| format!("{}.{kind}", fallback_tag(digest)))
    }
}

/// What came from the source and is something else.
fn other_bytes(error: &RegistryError) -> Option<Failure> {
    match error {
        RegistryError::Source { digest, source }
            if source.kind() == std::io::ErrorKind::InvalidData =>
        {
            Some(Failure::no("blob-corrupt", format!("{digest}: {source}")))
        }
        _ => None,
    }
}

/// What could not be read on the way, and whose fault it was.
fn unread(digest: Digest, error: &dyn std::error::Error) -> Failure {
    let message = format!("{digest}: {}", crate::failure::with_source(error));
    Failure::unknown("registry-unreachable", message)
}

struct Copying<'a> {
    source: &'a mut dyn Read,
    target: &'a mut dyn std::io::Write,
    left: u64,
}

impl Read for Copying<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.source.read(buffer)?;
        let left = self.left.checked_sub(count as u64);
        self.left = left.ok_or_else(|| std::io::Error::other("more bytes than its size says"))?;
        let bytes = buffer.get(..count).unwrap_or_default();
        self.target.write_all(bytes)?;
        Ok(count)
    }
}

/// The name of an entry of an index.
fn name_of(entry: &Value) -> Option<&str> {
    entry.get("annotations")?.get(REFERENCE)?.as_str()
}

/// Whether a name is one under which cosign's older forms stand.
fn is_older(name: &str) -> bool {
    name.starts_with("sha256-")
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let most = attest_verify::limits::IMAGE_MANIFEST_BYTES as u64;
    files::read_limited(path, most).map_err(|error| {
        let message = format!("{}: {error}", path.display());
        Failure::unknown("file-unreadable", message)
    })
}

fn index_of(bytes: &[u8], folder: &Path) -> Result<Vec<Value>, Failure> {
    let malformed = |problem: &dyn std::fmt::Display| {
        let message = format!("{}: index.json: {problem}", folder.display());
        Failure::no("index-malformed", message)
    };
    Manifest::parse(bytes).map_err(|error| malformed(&error))?;
    let index: Value = serde_json::from_slice(bytes).map_err(|error| malformed(&error))?;
    let entries = index.get("manifests").and_then(Value::as_array);
    entries.cloned().ok_or_else(|| malformed(&"it is no index"))
}

const REFERENCE: &str = "org.opencontainers.image.ref.name";
/// What the index of an archive is known by.
const ARCHIVE: &str = "dev.attest.archive.format";
/// A manifest that attaches something has a few thousand bytes.
const SMALL: u64 = 256 << 10;
