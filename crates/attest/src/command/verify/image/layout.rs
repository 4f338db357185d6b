//! An OCI layout on disk: its manifests, each held to the digest by which it is named.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use attest_digest::{Artifact, Digest, Hashes, Match, holds_tar_header};
use attest_verify::dialect::image::{Descriptor, ENVELOPE, Manifest, SIMPLE_SIGNING, signed_image};
use attest_verify::dialect::recognise;
use attest_verify::limits;

use crate::files;
use crate::report::Refusal;

/// What was read of a layout: images, and what may be evidence about them.
pub(super) struct Layout {
    folder: PathBuf,
    /// What the layout's index lists that is no evidence.
    pub(super) images: Vec<Digest>,
    /// What it lists that may be evidence or an image: a part of it cannot be had.
    pub(super) unread: Vec<(Digest, Refusal)>,
    /// Manifests of evidence, by what they are attached to; none for cosign's older form.
    pub(super) evidence: Vec<(Option<Digest>, Vec<Descriptor>)>,
    /// What lies beside the index and the blobs: nothing leads there.
    beside: Vec<String>,
    /// Small blobs that were not looked at, and may be evidence that the index does not list.
    pub(super) passed_over: usize,
    manifests: BTreeMap<Digest, Read>,
    /// Bytes of listed layers that were looked at, to tell whether they are evidence.
    looked_at: u64,
    /// Each blob is read once, however often it is listed.
    blobs: RefCell<BTreeMap<Digest, Result<Artifact, Refusal>>>,
    /// Manifests inside of images of which everything is there, with their sizes.
    whole: RefCell<BTreeSet<(Digest, u64)>>,
}

/// What stands in the index, by what its layers hold.
enum Listed {
    Image,
    Evidence,
    /// Evidence, but for what could not be read.
    Unread(Refusal),
}

/// A manifest whose bytes have its digest.
pub(super) struct Read {
    pub(super) artifact: Artifact,
    manifest: Manifest,
}

impl Layout {
    pub(super) fn read(folder: &Path) -> Result<Self, Refusal> {
        let version = bytes(&folder.join("oci-layout"))?;
        let says_version = |it: serde_json::Value| it.get("imageLayoutVersion").is_some();
        if !serde_json::from_slice(&version).is_ok_and(says_version) {
            return Err(refuse("index-malformed", "oci-layout says no version"));
        }
        let index = bytes(&folder.join("index.json"))?;
        let Manifest::Index { manifests, .. } =
            Manifest::parse(&index).map_err(|error| refuse("index-malformed", error))?
        else {
            return Err(refuse("index-malformed", "index.json is no index"));
        };
        let mut layout = Self {
            folder: folder.to_owned(),
            images: Vec::new(),
            unread: Vec::new(),
            evidence: Vec::new(),
            beside: beside(folder),
            passed_over: 0,
            manifests: BTreeMap::new(),
            looked_at: 0,
            blobs: RefCell::default(),
            whole: RefCell::default(),
        };
        let mut listed = BTreeSet::new();
        for descriptor in &manifests {
            if listed.insert(descriptor.digest()) {
                layout.take(descriptor)?;
            }
        }
        layout.find_unlisted(&listed)?;
        Ok(layout)
    }

    /// What a reader may find in the folder that was not looked at.
    pub(super) fn not_checked(&self) -> Vec<String> {
        let is_dockers = |it: &&String| DOCKERS.contains(&it.as_str());
        let mut notes: Vec<String> = self
            .beside
            .iter()
            .filter(is_dockers)
            .map(|it| format!("{it} is not checked: `docker load` may follow it and not the index"))
            .collect();
        let others = self.beside.len() - notes.len();
        if others > 0 {
            notes.push(format!(
                "{others} other names beside the index are not checked"
            ));
        }
        notes
    }

    /// An image that the index lists.
    pub(super) fn manifest(&self, digest: Digest) -> Option<&Read> {
        self.manifests.get(&digest)
    }

    /// Takes in what the index lists, as evidence or as an image. What it is attached to and how it is
    /// called nobody signs, nor of which type its layers are: only what holds nothing but evidence, and
    /// reads as such, is not an image.
    fn take(&mut self, descriptor: &Descriptor) -> Result<(), Refusal> {
        let digest = descriptor.digest();
        let read = self.read_manifest(digest, Some(descriptor.size()))?;
        match &read.manifest {
            Manifest::Image {
                layers, subject, ..
            } if holds_evidence(layers) => match self.reads_as(layers) {
                Listed::Image => {}
                Listed::Evidence => return self.add_evidence(*subject, layers.clone()),
                Listed::Unread(refusal) => {
                    self.unread.push((digest, refusal));
                    return self.add_evidence(*subject, layers.clone());
                }
            },
            _ => {}
        }
        self.images.push(digest);
        self.manifests.insert(digest, read);
        Ok(())
    }

    /// cosign saves the bundles of version 3 and leaves them out of the index. What proves itself needs
    /// no place in it: manifests among the blobs that are attached to an image here.
    fn find_unlisted(&mut self, listed: &BTreeSet<Digest>) -> Result<(), Refusal> {
        let Ok(entries) = fs::read_dir(self.folder.join("blobs/sha256")) else {
            return Ok(());
        };
        let mut small: Vec<(String, u64)> = entries
            .flatten()
            .filter_map(|entry| {
                let size = entry.metadata().ok()?.len();
                let name = entry.file_name().into_string().ok()?;
                (size <= REFERRER_BYTES).then_some((name, size))
            })
            .collect();
        small.sort();
        let mut left = UNLISTED_BYTES;
        for (name, size) in small {
            let Ok(digest) = Digest::parse(&format!("sha256:{name}")) else {
                continue;
            };
            if listed.contains(&digest) {
                continue;
            }
            let Some(rest) = left.checked_sub(size) else {
                self.passed_over += 1;
                continue;
            };
            left = rest;
            // Whatever it is, it is no evidence: what images need of it is checked with them.
            let Ok(Read {
                manifest:
                    Manifest::Image {
                        layers, subject, ..
                    },
                ..
            }) = self.read_manifest(digest, None)
            else {
                continue;
            };
            if holds_evidence(&layers) && subject.is_some_and(|it| self.images.contains(&it)) {
                self.add_evidence(subject, layers)?;
            }
        }
        Ok(())
    }

    /// Whether no layer reads as anything else: what is evidence to us and an archive to a runtime is an
    /// image. Beyond what all evidence may have, nothing is looked at.
    fn reads_as(&mut self, layers: &[Descriptor]) -> Listed {
        let mut unread = None;
        for layer in layers {
            let most = limits::EVIDENCE_BYTES as u64;
            self.looked_at = self.looked_at.saturating_add(layer.size());
            if layer.size() <= most && self.looked_at > most {
                return Listed::Image;
            }
            let is_evidence = match self.blob_bytes(layer.digest(), Some(layer.size()), most) {
                Ok(bytes) if holds_tar_header(&bytes) => false,
                Ok(bytes) if layer.media_type() == SIMPLE_SIGNING => signed_image(&bytes).is_ok(),
                Ok(bytes) => recognise(&bytes).is_ok(),
                Err(refusal) => {
                    unread.get_or_insert(refusal);
                    true
                }
            };
            if !is_evidence {
                return Listed::Image;
            }
        }
        unread.map_or(Listed::Evidence, Listed::Unread)
    }

    fn add_evidence(
        &mut self,
        subject: Option<Digest>,
        layers: Vec<Descriptor>,
    ) -> Result<(), Refusal> {
        self.evidence.push((subject, layers));
        let count: usize = self.evidence.iter().map(|(_, layers)| layers.len()).sum();
        if count > limits::EVIDENCE_PIECES {
            let found = format!("more than {} pieces of evidence", limits::EVIDENCE_PIECES);
            return Err(refuse("bundle-too-large", found));
        }
        // All of them are held, and none has another size than it claims.
        let sizes = self.evidence.iter().flat_map(|(_, layers)| layers);
        let bytes = sizes.fold(0_u64, |sum, it| sum.saturating_add(it.size()));
        if bytes > limits::EVIDENCE_BYTES as u64 {
            let found = format!("{bytes} bytes of evidence");
            return Err(refuse("bundle-too-large", found));
        }
        Ok(())
    }

    fn read_manifest(&self, digest: Digest, size: Option<u64>) -> Result<Read, Refusal> {
        let bytes = self.blob_bytes(digest, size, limits::IMAGE_MANIFEST_BYTES as u64)?;
        let manifest =
            Manifest::parse(&bytes).map_err(|error| refuse("manifest-malformed", error))?;
        Ok(Read {
            artifact: Artifact::of_bytes(&bytes, Hashes::Sha256AndSha512),
            manifest,
        })
    }

    /// A blob's bytes, if they have its digest.
    pub(super) fn blob_bytes(
        &self,
        digest: Digest,
        size: Option<u64>,
        most: u64,
    ) -> Result<Vec<u8>, Refusal> {
        let path = self.path(digest);
        let bytes = files::read_limited(&path, most).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => refuse("blob-missing", digest),
            std::io::ErrorKind::FileTooLarge => refuse("bundle-too-large", error),
            std::io::ErrorKind::InvalidInput => refuse("blob-corrupt", error),
            _ => refuse(UNREADABLE, format!("{}: {error}", path.display())),
        })?;
        let found = Artifact::of_bytes(&bytes, Hashes::Sha256);
        check(&found, digest, size)?;
        Ok(bytes)
    }

    /// Whether every blob of an image is there, and has its digest and size.
    pub(super) fn check_blobs(&self, image: Digest) -> Result<(), Refusal> {
        let mut left = limits::IMAGE_MANIFESTS;
        let read = self.manifest(image);
        let manifest = read.ok_or_else(|| refuse("blob-missing", image))?;
        self.check_manifest(&manifest.manifest, limits::IMAGE_DEPTH, &mut left)
    }

    fn check_manifest(
        &self,
        manifest: &Manifest,
        depth: usize,
        left: &mut usize,
    ) -> Result<(), Refusal> {
        match manifest {
            Manifest::Image { config, layers, .. } => std::iter::once(config)
                .chain(layers)
                .try_for_each(|blob| self.check_blob(blob)),
            Manifest::Index { manifests, .. } => {
                let depth = depth.checked_sub(1).ok_or_else(|| {
                    refuse("manifest-malformed", "indexes too deep inside each other")
                })?;
                for child in manifests {
                    let this = (child.digest(), child.size());
                    if self.whole.borrow().contains(&this) {
                        continue;
                    }
                    *left = left
                        .checked_sub(1)
                        .ok_or_else(|| refuse("manifest-malformed", "too many manifests"))?;
                    let read = self.read_manifest(child.digest(), Some(child.size()))?;
                    self.check_manifest(&read.manifest, depth, left)?;
                    self.whole.borrow_mut().insert(this);
                }
                Ok(())
            }
        }
    }

    fn check_blob(&self, blob: &Descriptor) -> Result<(), Refusal> {
        let digest = blob.digest();
        let mut blobs = self.blobs.borrow_mut();
        let read = blobs.entry(digest).or_insert_with(|| {
            let artifact = Artifact::read_path(&self.path(digest), Hashes::Sha256);
            artifact.map_err(|error| match error {
                attest_digest::ReadError::NotFound { .. } => refuse("blob-missing", digest),
                other => refuse(other.code(), other),
            })
        });
        match read {
            Ok(artifact) => check(artifact, digest, Some(blob.size())),
            Err(refusal) => Err(refusal.clone()),
        }
    }

    /// Sixty-four hexadecimal digits: nothing that leads elsewhere.
    pub(super) fn path(&self, digest: Digest) -> PathBuf {
        self.folder.join("blobs/sha256").join(digest.hex())
    }
}

/// The names at the top of a layout that are not its own, as many as are listed of anything.
fn beside(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|it| it.file_name().to_string_lossy().into_owned());
    let others = names.filter(|it| !OWN.contains(&it.as_str()));
    let mut others: Vec<String> = others.take(limits::IMAGE_MANIFESTS).collect();
    others.sort();
    others
}

/// What stands at the top of a layout.
const OWN: [&str; 3] = ["blobs", "index.json", "oci-layout"];
/// What docker writes beside it, and reads: the same image, or another.
const DOCKERS: [&str; 2] = ["manifest.json", "repositories"];

/// Whether layers are evidence and nothing else.
pub(super) fn holds_evidence(layers: &[Descriptor]) -> bool {
    let is_evidence = |layer: &Descriptor| {
        let kind = layer.media_type();
        matches!(kind, SIMPLE_SIGNING | ENVELOPE) || kind.starts_with(BUNDLE)
    };
    !layers.is_empty() && layers.iter().all(is_evidence)
}

/// How the media types of Sigstore's bundles begin.
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle";

fn check(found: &Artifact, wanted: Digest, size: Option<u64>) -> Result<(), Refusal> {
    let same = matches!(found.compare(&wanted.into()), Match::Same);
    if same && size.is_none_or(|it| it == found.size()) {
        return Ok(());
    }
    Err(Refusal {
        code: "blob-corrupt",
        found: format!("{} of {} bytes", found.sha256(), found.size()),
        wanted: wanted.to_string(),
    })
}

/// A file at the layout's top. One that is not there makes the folder no layout, if it is a folder.
fn bytes(path: &Path) -> Result<Vec<u8>, Refusal> {
    files::read_limited(path, limits::IMAGE_MANIFEST_BYTES as u64).map_err(|error| {
        let found = format!("{}: {error}", path.display());
        let is_folder = path.parent().is_some_and(Path::is_dir);
        match error.kind() {
            std::io::ErrorKind::NotFound if !is_folder => refuse(UNREADABLE, found),
            std::io::ErrorKind::NotFound
            | std::io::ErrorKind::FileTooLarge
            | std::io::ErrorKind::InvalidInput => refuse("index-malformed", found),
            _ => refuse(UNREADABLE, found),
        }
    })
}

pub(super) fn refuse(code: &'static str, found: impl std::fmt::Display) -> Refusal {
    Refusal {
        code,
        found: found.to_string(),
        wanted: "an image as its layout names it".to_owned(),
    }
}

/// The code with which the command says that it could not read.
pub(super) const UNREADABLE: &str = "file-unreadable";

/// What is read of small blobs to find evidence among them.
const UNLISTED_BYTES: u64 = 64 << 20;
/// A manifest that attaches one bundle has 1 KiB.
const REFERRER_BYTES: u64 = 64 << 10;
