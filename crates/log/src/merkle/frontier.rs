//! The right edge of a growing tree.

use crate::Hash;
use crate::merkle::{empty_root, node_hash};

/// The roots of the complete subtrees of a tree, largest first: all that is needed to add leaves and
/// to know the root. At most 64 hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    complete: Vec<Hash>,
}

impl Frontier {
    /// The tree without leaves.
    pub const fn new() -> Self {
        Self {
            size: 0,
            complete: Vec::new(),
        }
    }

    /// The edge of a tree of this size, from the roots of its complete subtrees, largest first: one for
    /// each bit of the size. `None` for another number of them.
    pub fn from_hashes(size: u64, complete: Vec<Hash>) -> Option<Self> {
        let wanted = usize::try_from(size.count_ones()).ok()?;
        (complete.len() == wanted).then_some(Self { size, complete })
    }

    /// The edge of the tree that ends with a leaf, from the inclusion proof of that last leaf: all its
    /// siblings stand on the left. Proves nothing: compare its root.
    pub fn of_last_leaf(index: u64, leaf: Hash, proof: &[Hash]) -> Option<Self> {
        let complete = proof.iter().rev().copied().collect();
        let mut frontier = Self::from_hashes(index, complete)?;
        frontier.push(leaf);
        Some(frontier)
    }

    /// The roots of the complete subtrees, largest first.
    pub fn hashes(&self) -> &[Hash] {
        &self.complete
    }

    /// Leaves of the tree.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf by its hash.
    pub fn push(&mut self, leaf: Hash) {
        self.push_subtree(0, leaf);
    }

    /// Adds a complete subtree of `2^level` leaves by its root.
    ///
    /// # Panics
    /// The tree's size is not a multiple of the subtree's: a mistake of the caller.
    pub(crate) fn push_subtree(&mut self, level: u32, root: Hash) {
        assert!(
            self.size.trailing_zeros() >= level,
            "a subtree starts at a multiple of its size"
        );
        let mut hash = root;
        let mut rest = self.size >> level;
        while rest & 1 == 1 {
            let Some(left) = self.complete.pop() else {
                break;
            };
            hash = node_hash(&left, &hash);
            rest >>= 1;
        }
        self.complete.push(hash);
        self.size += 1 << level;
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        let mut hashes = self.complete.iter().rev();
        let Some(last) = hashes.next() else {
            return empty_root();
        };
        hashes.fold(*last, |right, left| node_hash(left, &right))
    }
}
