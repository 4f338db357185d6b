//! Tree manifests: what stands in a folder, one line for each thing, in an order and a spelling that
//! leave no choice.
//!
//! ```text
//! {"type":"https://attest.dev/tree/v0.1","digests":["sha256"],"attributes":["mode","owner"],"xattrs":[],"ignore":[]}
//! {"path":".","type":"directory","mode":"0755","uid":0,"gid":0}
//! {"path":"bin","type":"directory","mode":"0755","uid":0,"gid":0}
//! {"path":"bin/tool","type":"file","mode":"0755","uid":0,"gid":0,"size":4,"sha256":"2cf2…"}
//! {"path":"tool","type":"symlink","uid":0,"gid":0,"target":"bin/tool"}
//! {"entries":4,"bytes":4}
//! ```
//! The format is described in `docs/tree.md`. A manifest is read and written one line at a time, so
//! that a million files need no more memory than one. What it says is a claim until the statement
//! about it ([`predicate::tree`](crate::predicate::tree)) was verified.

mod cursor;
mod entry;
mod header;
mod reader;
mod writer;

pub use entry::{TreeContent, TreeEntry, xattr_value};
pub use header::{Attribute, TreeHeader};
pub use reader::{TreeReader, TreeSummary};
pub use writer::TreeWriter;

use attest_digest::NameProblem;

/// Why something is not a tree manifest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// The manifest cannot be read or written.
    #[error("manifest cannot be read or written")]
    Io(#[from] std::io::Error),
    /// Another type or version of manifest.
    #[error("manifest is of another type, wanted {}", crate::predicate::tree::TYPE)]
    Type,
    /// A line is not spelled as it must be.
    #[error("line {line} is malformed at byte {at}, wanted {wanted}")]
    Malformed {
        /// Counted from 1.
        line: u64,
        /// Counted from 0.
        at: usize,
        /// What should stand there.
        wanted: &'static str,
    },
    /// A line is longer than any honest one.
    #[error("line {line} has more than {limit} bytes")]
    LineTooLong {
        /// Counted from 1.
        line: u64,
        /// How many it may have.
        limit: usize,
    },
    /// A path, or the target of a link, that cannot be.
    #[error("line {line} has a path that cannot be")]
    Path {
        /// Counted from 1.
        line: u64,
        /// What is wrong with it.
        source: NameProblem,
    },
    /// A path that stands twice, before its folder, or out of order.
    #[error("line {line} has a path that is not the next: {problem}")]
    Order {
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        problem: &'static str,
    },
    /// The last line is absent or counts something else.
    #[error("manifest is not whole: {problem}")]
    Incomplete {
        /// What is wrong.
        problem: &'static str,
    },
    /// More entries than a tree may have.
    #[error("manifest has more than {limit} entries")]
    TooManyEntries {
        /// How many it may have.
        limit: u64,
    },
}

impl TreeError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Io(_) => "tree-manifest-unreadable",
            Self::Type => "tree-manifest-type",
            Self::Malformed { .. } => "tree-manifest-malformed",
            Self::Path { .. } => "tree-manifest-path",
            Self::Order { .. } => "tree-manifest-order",
            Self::Incomplete { .. } => "tree-manifest-incomplete",
            Self::LineTooLong { .. } | Self::TooManyEntries { .. } => "tree-manifest-too-large",
        }
    }
}

#[cfg(test)]
mod tests;
