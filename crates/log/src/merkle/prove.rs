//! Making proofs (RFC 6962 §2.1.1, §2.1.2) from stored hashes of complete subtrees.

use crate::Hash;
use crate::merkle::{empty_root, node_hash};

/// A tree's stored hashes.
pub trait HashReader {
    /// What can go wrong when reading.
    type Error;

    /// The hash of the complete subtree over the leaves `index << level .. (index + 1) << level`.
    ///
    /// # Errors
    /// The hash cannot be read.
    fn node(&self, level: u32, index: u64) -> Result<Hash, Self::Error>;
}

/// The root of the tree of the first `size` leaves.
///
/// # Errors
/// A hash cannot be read.
pub fn root<R: HashReader>(size: u64, tree: &R) -> Result<Hash, R::Error> {
    if size == 0 {
        Ok(empty_root())
    } else {
        range_root(0, size, tree)
    }
}

/// The hashes that prove leaf `index` in the tree of the first `size` leaves, leaf's sibling first.
///
/// # Errors
/// There is no such leaf, or a hash cannot be read.
pub fn inclusion_proof<R: HashReader>(
    size: u64,
    index: u64,
    tree: &R,
) -> Result<Vec<Hash>, TreeError<R::Error>> {
    if index >= size {
        return Err(TreeError::IndexOutside { index, size });
    }
    let mut siblings = Vec::new();
    let (mut begin, mut end) = (0, size);
    while end - begin > 1 {
        let middle = begin + split(end - begin);
        if index < middle {
            siblings.push((middle, end));
            end = middle;
        } else {
            siblings.push((begin, middle));
            begin = middle;
        }
    }
    hashes_upwards(&siblings, tree)
}

/// The hashes that prove that the tree of `new` leaves begins with the tree of `old` leaves.
///
/// # Errors
/// The old tree is larger, or a hash cannot be read.
pub fn consistency_proof<R: HashReader>(
    old: u64,
    new: u64,
    tree: &R,
) -> Result<Vec<Hash>, TreeError<R::Error>> {
    if old > new {
        return Err(TreeError::Shrunk { old, new });
    }
    if old == 0 || old == new {
        return Ok(Vec::new());
    }
    let mut siblings = Vec::new();
    let (mut begin, mut end) = (0, new);
    while old < end {
        let middle = begin + split(end - begin);
        if old <= middle {
            siblings.push((middle, end));
            end = middle;
        } else {
            siblings.push((begin, middle));
            begin = middle;
        }
    }
    // The old tree itself is known to the verifier; a subtree at its edge is not.
    if begin > 0 {
        siblings.push((begin, end));
    }
    hashes_upwards(&siblings, tree)
}

/// Leaves left of the split: the largest power of two below `size`, which is at least 2.
fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

fn hashes_upwards<R: HashReader>(
    ranges: &[(u64, u64)],
    tree: &R,
) -> Result<Vec<Hash>, TreeError<R::Error>> {
    ranges
        .iter()
        .rev()
        .map(|&(begin, end)| range_root(begin, end, tree).map_err(TreeError::Read))
        .collect()
}

/// The root over leaves `begin..end`, where `begin` is a multiple of the next power of two of the
/// range's length: complete subtrees, falling in size, folded from the right.
fn range_root<R: HashReader>(begin: u64, end: u64, tree: &R) -> Result<Hash, R::Error> {
    let mut complete = Vec::new();
    let mut start = begin;
    while start < end {
        let level = (end - start).ilog2();
        complete.push(tree.node(level, start >> level)?);
        start += 1 << level;
    }
    let mut hashes = complete.into_iter().rev();
    let last = hashes.next().unwrap_or_else(empty_root);
    Ok(hashes.fold(last, |right, left| node_hash(&left, &right)))
}

/// Why there is no such proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError<E> {
    /// No such leaf.
    #[error("leaf {index} is not in a tree of {size}")]
    IndexOutside {
        /// The leaf asked for.
        index: u64,
        /// Leaves of the tree.
        size: u64,
    },
    /// The newer tree has fewer leaves.
    #[error("the newer tree has {new} leaves, the older {old}")]
    Shrunk {
        /// Leaves of the older tree.
        old: u64,
        /// Leaves of the newer tree.
        new: u64,
    },
    /// A hash cannot be read.
    #[error(transparent)]
    Read(E),
}
