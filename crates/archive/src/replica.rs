//! Places that keep copies of an archive.

mod check;
mod folder;
mod parts;

use std::io::{self, Read};

use attest_digest::Digest;

use crate::blob::Blob;
use crate::error::ArchiveError;

pub use check::{Depth, ReplicaCheck, Wrong};
pub use folder::FolderReplica;
pub use parts::{join_index, new_index_parts};

/// A place that keeps copies of what an archive has: a folder, a registry, a bucket.
///
/// Nothing that it says is believed. What it gives is hashed while it is copied, and kept only if it is
/// what was asked for; what it claims to have is a claim until it was read back.
///
/// Who implements it keeps four promises: [`Self::put`] never changes what is there under a name;
/// nothing that was put counts as kept before [`Self::flush`] returned; [`Self::replace_index`] changes
/// nothing if the index is another one than the caller has seen, and a place that cannot tell in the same
/// step loses nothing of what another writer lists; an answer that could not be got is an error, never an
/// absence.
pub trait Replica {
    /// What messages call it.
    fn name(&self) -> String;

    /// The size of what the place has under that digest, as it says; `None` if it has nothing.
    ///
    /// # Errors
    /// The place could not be asked.
    fn size(&self, item: &Item) -> Result<Option<u64>, ReplicaError>;

    /// A stream of what the place has under that digest; `None` if it has nothing. It may be anything:
    /// who reads it counts and hashes.
    ///
    /// # Errors
    /// The place could not be asked. What goes wrong later is an error of the stream.
    fn get(&self, item: &Item) -> Result<Option<Box<dyn Read + '_>>, ReplicaError>;

    /// Keeps the bytes of `source`, which have that digest and size, unless something is there already.
    ///
    /// # Errors
    /// `replica-differs` if the place has other bytes (of another size) under that name: they stay. The
    /// place could not be written; `source` could not be read, or had other bytes: then nothing is kept.
    fn put(&mut self, item: &Item, source: &mut dyn Read) -> Result<Put, ReplicaError>;

    /// Makes everything durable that was put.
    ///
    /// # Errors
    /// The place could not be written.
    fn flush(&mut self) -> Result<(), ReplicaError>;

    /// What the place has, as it says, sorted by digest.
    ///
    /// # Errors
    /// The place could not be asked, or cannot say.
    fn list(&self) -> Result<Vec<Digest>, ReplicaError>;

    /// The bytes of the index of what is kept there; `None` if there is none yet.
    ///
    /// # Errors
    /// The place could not be read.
    fn index(&self) -> Result<Option<Vec<u8>>, ReplicaError>;

    /// Replaces the index, if it is still what was `seen`; nothing seen: if there is none.
    ///
    /// # Errors
    /// `replica-changed` if it is another; the place could not be written.
    fn replace_index(&mut self, seen: Option<&[u8]>, bytes: &[u8]) -> Result<(), ReplicaError>;
}

/// Something that an archive has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Item {
    /// The SHA-256 of its bytes.
    pub digest: Digest,
    /// The count of its bytes.
    pub size: u64,
    /// Registries keep manifests apart from other blobs.
    pub kind: ItemKind,
}

impl Item {
    pub(crate) const fn of(blob: Blob, kind: ItemKind) -> Self {
        Self {
            digest: blob.digest,
            size: blob.size,
            kind,
        }
    }

    pub(crate) const fn blob(&self) -> Blob {
        Blob {
            digest: self.digest,
            size: self.size,
        }
    }
}

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ItemKind {
    /// A file, or the empty configuration.
    Blob,
    /// The manifest of a release or of an attachment (an OCI image manifest).
    Manifest,
}

/// What putting has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It was not there.
    New,
    /// Something of that name and size was there; its bytes were not read.
    Already,
}

/// Why a replica could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplicaError {
    /// The place could not be asked, read or written.
    #[error("{replica}: {message}")]
    Unavailable {
        /// Its name.
        replica: String,
        /// What it said.
        message: String,
    },
    /// A folder that is a replica could not be read or written.
    #[error("{replica} cannot be used")]
    Folder {
        /// Its name.
        replica: String,
        /// Why.
        source: Box<ArchiveError>,
    },
    /// The place has something else under that name.
    #[error("{replica} has other bytes under the name {blob}: {found} of them, wanted {wanted}")]
    Differs {
        /// Its name.
        replica: String,
        /// The digest.
        blob: Digest,
        /// The bytes that it has.
        found: u64,
        /// The bytes that it should have.
        wanted: u64,
    },
    /// The place takes nothing of that size under such a name.
    #[error("{replica} takes at most {most} bytes of a manifest, and {blob} has {found}")]
    TooLarge {
        /// Its name.
        replica: String,
        /// The digest.
        blob: Digest,
        /// The bytes that it has.
        found: u64,
        /// The bytes that are taken.
        most: u64,
    },
    /// What lists the releases there is not what it was, or contradicts itself.
    #[error("the index of {replica} was changed: {problem}")]
    Index {
        /// Its name.
        replica: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The place does not keep the promises that a replica makes: what is there could be overwritten.
    #[error("{replica} lets through what must be refused: {problem}")]
    Unfit {
        /// Its name.
        replica: String,
        /// What it let through.
        problem: String,
    },
    /// Somebody else has written there meanwhile.
    #[error("{replica} was changed by another writer")]
    Changed {
        /// Its name.
        replica: String,
    },
    /// What should give the bytes did not.
    #[error("the bytes for {replica} cannot be read")]
    Source {
        /// Its name.
        replica: String,
        /// Why.
        source: io::Error,
    },
}

impl ReplicaError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "replica-unavailable",
            Self::Differs { .. } => "replica-differs",
            Self::TooLarge { .. } => "replica-too-large",
            Self::Index { .. } => "replica-index-differs",
            Self::Unfit { .. } => "replica-unfit",
            Self::Changed { .. } => "replica-changed",
            Self::Folder { source, .. } => source.code(),
            Self::Source { .. } => "archive-io",
        }
    }

    /// The place could not be asked, for a reason in words.
    pub fn unavailable(replica: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Unavailable {
            replica: replica.into(),
            message: message.into(),
        }
    }
}
