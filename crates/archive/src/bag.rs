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

use attest_digest::{Digest, RelativePath};
use attest_provenance::ReleaseName;

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

    /// Reads the files of each attachment of this kind, the oldest first, each of at most `limit` bytes.
    /// Nobody has said who made them.
    ///
    /// # Errors
    /// What is wrong with an attachment; `release-too-large`.
    fn attached_files(
        &self,
        kind: &AttachmentKind,
        limit: u64,
    ) -> Result<Vec<AttachedBytes>, ArchiveError>;
}

/// The files of an attachment, read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachedBytes {
    /// The digest of the attachment's manifest.
    pub manifest: Digest,
    /// Paths and bytes.
    pub files: Vec<(RelativePath, Vec<u8>)>,
}
