//! The log in files: one writer, many readers, no server.

mod error;

use std::path::Path;

use crate::{CheckpointSigner, Hash, LogKey, SignedCheckpoint};

pub use error::{LogError, Which};

/// The writer of a log.
pub struct Log<'s> {
    signer: &'s dyn CheckpointSigner,
    checkpoint: SignedCheckpoint,
}

/// What became of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Its place in the log.
    pub index: u64,
    /// Whether the log had it before this batch.
    pub known: bool,
    /// That it is there.
    pub proof: Inclusion,
}

/// That an entry stands in a log, under a checkpoint of that log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inclusion {
    /// The entry's place.
    pub index: u64,
    /// Leaves of the tree.
    pub size: u64,
    /// The root of the tree.
    pub root: Hash,
    /// The proof, the leaf's sibling first.
    pub hashes: Vec<Hash>,
    /// The signed checkpoint of that tree, byte for byte.
    pub checkpoint: Vec<u8>,
}

impl<'s> Log<'s> {
    /// Makes an empty log.
    ///
    /// # Errors
    /// Being written.
    pub fn create(
        _dir: &Path,
        _second_copy: &Path,
        _signer: &'s dyn CheckpointSigner,
    ) -> Result<Self, LogError> {
        Err(LogError::Stopped)
    }

    /// Opens a log for writing.
    ///
    /// # Errors
    /// Being written.
    pub fn open(
        _dir: &Path,
        _second_copy: &Path,
        _signer: &'s dyn CheckpointSigner,
    ) -> Result<Self, LogError> {
        Err(LogError::Stopped)
    }

    /// Adds entries and publishes one checkpoint over all. Durable when it returns.
    ///
    /// # Errors
    /// Being written.
    pub fn append(&mut self, _entries: &[Vec<u8>]) -> Result<Vec<Appended>, LogError> {
        let _ = self.signer;
        Err(LogError::Stopped)
    }

    /// The key under which the log's checkpoints verify.
    pub fn key(&self) -> &LogKey {
        self.signer.key()
    }

    /// The last published checkpoint.
    pub const fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }
}
