//! One archived release.

use std::collections::BTreeMap;
use std::fs::File;

use attest_digest::{Artifact, Digest, Hashes, RelativePath};
use attest_provenance::ReleaseName;

use crate::attachment::AttachedFile;
use crate::bag::{AttachedAs, AttachedFiles, Kept};
use crate::blob::Blob;
use crate::error::ArchiveError;
use crate::kind::AttachmentKind;
use crate::manifest::{Manifest, Member};
use crate::reader::Reader;
use crate::role::Role;

/// A release as its manifest claims it. Nothing about it is proven: its bytes are those that were
/// archived, and who made them is for the verifier to say.
#[derive(Debug)]
pub struct Release<'r> {
    pub(crate) reader: &'r Reader,
    pub(crate) blob: Blob,
    manifest: Manifest,
}

impl<'r> Release<'r> {
    pub(crate) fn new(reader: &'r Reader, blob: Blob, manifest: Manifest) -> Self {
        Self {
            reader,
            blob,
            manifest,
        }
    }

    /// Name and version.
    pub fn name(&self) -> &ReleaseName {
        self.manifest.name()
    }

    /// The digest of the manifest: the identity of this content.
    pub fn manifest(&self) -> Digest {
        self.blob.digest
    }

    /// The files, sorted by path.
    pub fn members(&self) -> &[Member] {
        self.manifest.members()
    }

    /// The file of that path.
    pub fn member(&self, path: &RelativePath) -> Option<&Member> {
        self.manifest.member(path)
    }

    /// The count of bytes of all files.
    pub fn size(&self) -> u64 {
        self.members()
            .iter()
            .map(Member::size)
            .fold(0, u64::saturating_add)
    }

    /// Whether the artifacts of this release are exactly these: the same paths with the same bytes.
    ///
    /// Evidence, trust material, SBOMs and guides do not count: they may be made again.
    pub fn same_content(&self, artifacts: &[(RelativePath, Digest)]) -> bool {
        let kept: BTreeMap<&RelativePath, Digest> = self
            .members()
            .iter()
            .filter(|member| member.role == Role::Artifact)
            .map(|member| (&member.path, member.blob.digest))
            .collect();
        let offered: BTreeMap<&RelativePath, Digest> = artifacts
            .iter()
            .map(|(path, digest)| (path, *digest))
            .collect();
        kept == offered && offered.len() == artifacts.len()
    }

    /// Opens a file of the release. It has the size of the manifest; nobody has looked at its bytes.
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

    pub(crate) fn require(&self, path: &RelativePath) -> Result<&Member, ArchiveError> {
        self.member(path).ok_or_else(|| ArchiveError::NoSuchMember {
            name: self.name().clone(),
            path: path.clone(),
        })
    }
}

impl Kept for Release<'_> {
    fn name(&self) -> &ReleaseName {
        Release::name(self)
    }

    fn members(&self) -> &[Member] {
        Release::members(self)
    }

    fn unverified_bytes(&self, path: &RelativePath, limit: u64) -> Result<Vec<u8>, ArchiveError> {
        Release::unverified_bytes(self, path, limit)
    }

    fn observe(&self, path: &RelativePath, hashes: Hashes) -> Result<Artifact, ArchiveError> {
        Release::observe(self, path, hashes)
    }

    fn attached_as<'k>(&'k self, kind: &AttachmentKind) -> AttachedAs<'k> {
        let kind = kind.clone();
        let entries = self.reader.entries_of(Some(self.manifest()));
        let of_kind = entries.filter(move |(_, (it, _))| *it == kind);
        Box::new(of_kind.map(|(key, (kind, blob))| {
            let attachment = self.reader.read_attachment(key, kind, *blob)?;
            Ok(AttachedFiles {
                manifest: attachment.manifest(),
                files: attachment.files().to_vec(),
            })
        }))
    }

    fn attached_bytes(
        &self,
        _: &AttachedFiles,
        file: &AttachedFile,
        limit: u64,
    ) -> Result<Vec<u8>, ArchiveError> {
        self.reader.read_blob(file.blob, limit)
    }
}
