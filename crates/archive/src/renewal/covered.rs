//! What a renewal covers: every blob of a release, named by two digests, as one text.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use attest_digest::{Algorithm, Artifact, Digest};
use attest_provenance::ReleaseName;

use super::error::RenewalError;
use crate::limits;

/// The document that is stamped for a release: its manifest and every file of it, its evidence and its
/// earlier renewals, each with SHA-256 and SHA-512.
///
/// ```text
/// # attest-renewal/1 hello@1.0.0
/// # manifest sha256:4fa6…
/// SHA256 (blobs/sha256/2cf2…) = 2cf2…
/// SHA512 (blobs/sha256/2cf2…) = 9b71…
/// ```
///
/// Sorted, each once, and nothing else is read. In the archive's folder, `cksum --check --strict` of
/// coreutils 9 reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covered {
    release: ReleaseName,
    manifest: Digest,
    /// SHA-512 by SHA-256, as hexadecimal digits.
    blobs: BTreeMap<String, String>,
}

impl Covered {
    /// The document of these blobs, the manifest's among them.
    ///
    /// # Errors
    /// `renewal-incomplete` if one has no SHA-512, or the manifest is not among them.
    pub fn new<'a>(
        release: ReleaseName,
        manifest: Digest,
        blobs: impl IntoIterator<Item = &'a Artifact>,
    ) -> Result<Self, RenewalError> {
        let mut named = BTreeMap::new();
        for blob in blobs {
            let sha256 = blob.sha256();
            let sha512 = blob
                .digest(Algorithm::Sha512)
                .ok_or(RenewalError::Incomplete { blob: sha256 })?;
            named.insert(sha256.hex(), sha512.hex());
        }
        if !named.contains_key(&manifest.hex()) {
            return Err(RenewalError::Incomplete { blob: manifest });
        }
        Ok(Self {
            release,
            manifest,
            blobs: named,
        })
    }

    /// Reads a document, of which there is one way to write it.
    ///
    /// # Errors
    /// `renewal-malformed`, `renewal-too-large`.
    pub fn parse(bytes: &[u8]) -> Result<Self, RenewalError> {
        if bytes.len() > limits::RENEWAL_COVERED_BYTES {
            return Err(RenewalError::TooLarge {
                what: "bytes of a covered document",
                limit: limits::RENEWAL_COVERED_BYTES,
            });
        }
        let read = Self::read(bytes).filter(|read| read.to_bytes() == bytes);
        read.ok_or(RenewalError::Malformed {
            what: "no document of what a renewal covers",
        })
    }

    /// The release.
    pub fn release(&self) -> &ReleaseName {
        &self.release
    }

    /// The digest of the release's manifest.
    pub fn manifest(&self) -> Digest {
        self.manifest
    }

    /// Whether it names a blob.
    pub fn covers(&self, blob: &Digest) -> bool {
        self.blobs.contains_key(&blob.hex())
    }

    /// Whether it names every blob that the other names.
    pub fn covers_all_of(&self, other: &Self) -> bool {
        other.blobs.keys().all(|blob| self.blobs.contains_key(blob))
    }

    /// How many blobs it names.
    pub fn len(&self) -> usize {
        self.blobs.len()
    }

    /// Whether it names none: never, for one that was made or read.
    pub fn is_empty(&self) -> bool {
        self.blobs.is_empty()
    }

    /// The bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{HEAD}{}\n{MANIFEST}{}\n", self.release, self.manifest);
        for (sha256, sha512) in &self.blobs {
            let place = format!("blobs/sha256/{sha256}");
            // Writing into memory does not fail.
            let _ = writeln!(
                text,
                "SHA256 ({place}) = {sha256}\nSHA512 ({place}) = {sha512}"
            );
        }
        text.into_bytes()
    }

    /// Whether it is about this release and names every one of these blobs, and whether those that were
    /// read have the digests that it names.
    ///
    /// # Errors
    /// `renewal-other-release`, `renewal-incomplete`, `renewal-other-bytes`.
    pub fn check(
        &self,
        release: &ReleaseName,
        manifest: Digest,
        members: impl IntoIterator<Item = Digest>,
        observed: &BTreeMap<Digest, Artifact>,
    ) -> Result<(), RenewalError> {
        if self.release != *release || self.manifest != manifest {
            return Err(RenewalError::OtherRelease {
                found: format!("{} with manifest {}", self.release, self.manifest),
                wanted: format!("{release} with manifest {manifest}"),
            });
        }
        let mut needed = std::iter::once(manifest).chain(members);
        if let Some(blob) = needed.find(|blob| !self.covers(blob)) {
            return Err(RenewalError::Incomplete { blob });
        }
        for (sha256, sha512) in &self.blobs {
            let read = Digest::from_hex(Algorithm::Sha256, sha256)
                .ok()
                .and_then(|digest| Some((digest, observed.get(&digest)?)));
            if let Some((blob, artifact)) = read {
                let found = artifact.digest(Algorithm::Sha512);
                if found.is_none_or(|found| found.hex() != *sha512) {
                    return Err(RenewalError::OtherBytes { blob });
                }
            }
        }
        Ok(())
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut lines = std::str::from_utf8(bytes).ok()?.lines();
        let release = ReleaseName::parse(lines.next()?.strip_prefix(HEAD)?).ok()?;
        let manifest = Digest::parse(lines.next()?.strip_prefix(MANIFEST)?).ok()?;
        let mut blobs = BTreeMap::new();
        while let Some(sha256) = lines.next() {
            let (_, sha256) = sha256.split_once(" = ")?;
            let (_, sha512) = lines.next()?.split_once(" = ")?;
            Digest::from_hex(Algorithm::Sha256, sha256).ok()?;
            Digest::from_hex(Algorithm::Sha512, sha512).ok()?;
            blobs.insert(sha256.to_owned(), sha512.to_owned());
        }
        let read = Self {
            release,
            manifest,
            blobs,
        };
        let whole = manifest.algorithm() == Algorithm::Sha256 && read.covers(&manifest);
        whole.then_some(read)
    }
}

const HEAD: &str = "# attest-renewal/1 ";
const MANIFEST: &str = "# manifest ";
