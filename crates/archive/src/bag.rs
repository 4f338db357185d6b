//! One release outside of the archive: a [BagIt](https://www.rfc-editor.org/rfc/rfc8493) bag.
//!
//! ```text
//! hello-1.0.0/
//!   README.txt  VERIFY.md            for people: what this is, and commands that check it
//!   bagit.txt  bag-info.txt
//!   manifest-sha256.txt  manifest-sha512.txt  tagmanifest-sha256.txt  tagmanifest-sha512.txt
//!   data/                            the release's folder, byte by byte as it was archived
//!   archive/manifest.json            the archive's manifest of the release
//!   archive/attachments/<digest>/    what was added to the release later, and is about it
//!   evidence/<bundle>/               signature, signed bytes, statement, certificate
//!   log/<bundle>.<n>/                log entry, inclusion proof, checkpoint
//!   time/                            RFC 3161 responses, and the authorities' certificates
//!   trust/                           keys and trusted roots that the release carries, as PEM
//! ```
//!
//! Everything but `data/` and `archive/` is derived: the same bytes, cut so that `openssl` can read
//! them. One release has one bag, and reading a bag makes it again and compares: what is missing, more
//! or different has no meaning and is named.

mod attached;
mod guide;
mod manifests;
mod names;
mod packed;
mod pem;
mod plan;
mod proof;
mod read;
mod tar;
mod unpack;
mod write;

pub(crate) use names::RELEASE_TREE;
pub use names::{BAG_FORMAT, bag_name};
pub use read::{Bag, BagProblem, WhatIsWrong};
pub(crate) use tar::Within;
pub use write::Exported;

use attest_digest::{Artifact, Digest, Hashes, RelativePath};
use attest_provenance::ReleaseName;

use crate::attachment::AttachedFile;
use crate::error::ArchiveError;
use crate::kind::AttachmentKind;
use crate::manifest::Member;

/// A release whose files are at hand: in an archive, or in a bag.
pub trait Kept {
    /// Name and version, as claimed.
    fn name(&self) -> &ReleaseName;

    /// The files, sorted by path.
    fn members(&self) -> &[Member];

    /// Reads a file of at most `limit` bytes. Its bytes are those of the manifest; nobody has said who
    /// made them.
    ///
    /// # Errors
    /// As [`Release::unverified_bytes`](crate::Release::unverified_bytes).
    fn unverified_bytes(&self, path: &RelativePath, limit: u64) -> Result<Vec<u8>, ArchiveError>;

    /// Reads every byte of a file and computes these digests, if it is what the manifest says.
    ///
    /// # Errors
    /// What is wrong with the file, or with reading it.
    fn observe(&self, path: &RelativePath, hashes: Hashes) -> Result<Artifact, ArchiveError>;

    /// What was attached as this kind, the oldest first. Each is read when it is asked for: one that cannot be
    /// read hides no other, and no more than one is held.
    fn attached_as<'k>(&'k self, kind: &AttachmentKind) -> AttachedAs<'k>;

    /// Reads a file of an attachment, of at most `limit` bytes. Its bytes are those of its manifest; nobody
    /// has said who made them.
    ///
    /// # Errors
    /// `release-too-large`; what is wrong with the file.
    fn attached_bytes(
        &self,
        attachment: &AttachedFiles,
        file: &AttachedFile,
        limit: u64,
    ) -> Result<Vec<u8>, ArchiveError>;

    /// Reads all files of an attachment, of at most `limit` bytes together.
    ///
    /// # Errors
    /// As [`Self::attached_bytes`].
    fn attached_whole(
        &self,
        attachment: &AttachedFiles,
        limit: u64,
    ) -> Result<Vec<(RelativePath, Vec<u8>)>, ArchiveError> {
        let sizes = attachment.files.iter().map(AttachedFile::size);
        let found = sizes.fold(0, u64::saturating_add);
        if found > limit {
            let what = "attachment that is read whole";
            return Err(ArchiveError::TooLarge { what, found, limit });
        }
        let read = |file: &AttachedFile| {
            let bytes = self.attached_bytes(attachment, file, limit)?;
            Ok((file.path().clone(), bytes))
        };
        attachment.files.iter().map(read).collect()
    }
}

/// The attachments of one kind, or why one of them cannot be read.
pub type AttachedAs<'k> = Box<dyn Iterator<Item = Result<AttachedFiles, ArchiveError>> + 'k>;

/// An attachment with the files that its manifest names, and none of their bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachedFiles {
    /// The digest of the attachment's manifest.
    pub manifest: Digest,
    /// The files, sorted by path.
    pub files: Vec<AttachedFile>,
}
