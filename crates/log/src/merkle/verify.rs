//! Verification of proofs (RFC 9162 §2.1.3.2, §2.1.4.2).
//!
//! A proof has exactly one right length, given by the sizes and the index. It splits into an inner
//! part, where the path still has siblings on both sides, and a border, where all are on the left.

use crate::Hash;
use crate::merkle::{empty_root, node_hash};

/// Checks that `leaf` (a leaf *hash*) stands at `index` in the tree of `size` leaves with `root`.
///
/// # Errors
/// The index is not in the tree, the proof has another length than it must have, or it leads to
/// another root.
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::IndexOutside { index, size });
    }
    let path = Path::new(index, size);
    let (inner, border) = path.split(proof)?;
    let found = climb_left(climb(*leaf, inner, index), border);
    same_root(&found, root)
}

/// Checks that the tree of `new_size` leaves with `new_root` begins with the leaves of the tree of
/// `old_size` leaves with `old_root`.
///
/// # Errors
/// The old tree is larger, the proof has another length than it must have, or it leads to another
/// root for either tree.
pub fn verify_consistency(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old_size > new_size {
        return Err(ProofError::Shrunk {
            old: old_size,
            new: new_size,
        });
    }
    if old_size == 0 {
        no_hashes(proof)?;
        same_root(old_root, &empty_root())?;
        return if new_size == 0 {
            same_root(new_root, old_root)
        } else {
            Ok(())
        };
    }
    if old_size == new_size {
        no_hashes(proof)?;
        return same_root(new_root, old_root);
    }

    // The last complete subtree of the old tree is where both climbs begin; its hash is the old
    // root itself if that tree is one complete subtree, else the first hash of the proof.
    let shift = old_size.trailing_zeros();
    let mut path = Path::new(old_size - 1, new_size);
    path.inner -= shift as usize;
    let (seed, path_hashes) = if old_size.is_power_of_two() {
        (*old_root, proof)
    } else {
        path.seeds = 1;
        let (seed, rest) = proof.split_first().ok_or_else(|| path.wrong_length(0))?;
        (*seed, rest)
    };
    let (inner, border) = path.split(path_hashes)?;
    let index = (old_size - 1) >> shift;

    let found_old = climb_left(climb_right_turns(seed, inner, index), border);
    same_root(&found_old, old_root)?;
    let found_new = climb_left(climb(seed, inner, index), border);
    same_root(&found_new, new_root)
}

/// The shape of the way from a leaf or a subtree to the root.
struct Path {
    /// Hashes of the proof before the way begins.
    seeds: usize,
    /// Levels on which the way can have a sibling on either side.
    inner: usize,
    /// Siblings above, all on the left.
    border: usize,
}

impl Path {
    fn new(index: u64, size: u64) -> Self {
        let inner = u64::BITS - (index ^ (size - 1)).leading_zeros();
        let border = index.checked_shr(inner).unwrap_or(0).count_ones();
        Self {
            seeds: 0,
            inner: inner as usize,
            border: border as usize,
        }
    }

    fn split<'a>(&self, hashes: &'a [Hash]) -> Result<(&'a [Hash], &'a [Hash]), ProofError> {
        let (inner, border) = hashes
            .split_at_checked(self.inner)
            .filter(|(_, border)| border.len() == self.border)
            .ok_or_else(|| self.wrong_length(hashes.len() + self.seeds))?;
        Ok((inner, border))
    }

    fn wrong_length(&self, found: usize) -> ProofError {
        let wanted = self.seeds + self.inner + self.border;
        ProofError::Length { found, wanted }
    }
}

fn climb(seed: Hash, siblings: &[Hash], index: u64) -> Hash {
    siblings
        .iter()
        .enumerate()
        .fold(seed, |hash, (level, sibling)| {
            if index >> level & 1 == 0 {
                node_hash(&hash, sibling)
            } else {
                node_hash(sibling, &hash)
            }
        })
}

/// As [`climb`], but only over the siblings on the left: those on the right are newer.
fn climb_right_turns(seed: Hash, siblings: &[Hash], index: u64) -> Hash {
    siblings
        .iter()
        .enumerate()
        .fold(seed, |hash, (level, sibling)| {
            if index >> level & 1 == 0 {
                hash
            } else {
                node_hash(sibling, &hash)
            }
        })
}

fn climb_left(seed: Hash, siblings: &[Hash]) -> Hash {
    siblings
        .iter()
        .fold(seed, |hash, sibling| node_hash(sibling, &hash))
}

fn same_root(found: &Hash, wanted: &Hash) -> Result<(), ProofError> {
    if found == wanted {
        return Ok(());
    }
    Err(ProofError::Root {
        found: *found,
        wanted: *wanted,
    })
}

fn no_hashes(proof: &[Hash]) -> Result<(), ProofError> {
    if proof.is_empty() {
        return Ok(());
    }
    Err(ProofError::Length {
        found: proof.len(),
        wanted: 0,
    })
}

/// Why a proof proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
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
    /// Too few or too many hashes.
    #[error("proof has {found} hashes, this place in the tree needs {wanted}")]
    Length {
        /// Hashes found.
        found: usize,
        /// Hashes wanted.
        wanted: usize,
    },
    /// The hashes lead elsewhere.
    #[error("proof leads to root {found}, not to {wanted}")]
    Root {
        /// The root that the proof leads to.
        found: Hash,
        /// The root wanted.
        wanted: Hash,
    },
}

impl ProofError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        "log-proof-invalid"
    }
}
