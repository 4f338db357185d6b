//! The log in files: one writer, many readers, no server.

mod check;
mod disk;
mod durable;
mod edge;
mod error;
mod files;
mod index;
mod journal;
mod layout;
#[cfg(test)]
mod memory;
mod reader;
mod second_copy;
mod source;
mod start;
#[cfg(test)]
mod tests;
mod tree;
mod writer;

use crate::Hash;

pub use check::{CheckReport, Finding};
pub use error::{LogError, Which};
pub use reader::LogReader;
pub use source::{SourceError, TileSource};
pub use writer::Log;

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

/// What opening a log had to put right after an interruption.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Entries that were durable and that no checkpoint covered.
    pub completed: u64,
    /// Bytes of a batch that was never whole, and was discarded.
    pub torn: u64,
}
