//! Merkle trees of RFC 6962 §2.1 (the same as RFC 9162 §2.1) and the proofs in them.
//!
//! ```text
//! MTH({})     = SHA-256()
//! MTH({d0})   = SHA-256(0x00 || d0)
//! MTH(D[0:n]) = SHA-256(0x01 || MTH(D[0:k]) || MTH(D[k:n]))    k: the largest power of two below n
//! ```
//!
//! [`verify_inclusion`] and [`verify_consistency`] trust nobody. [`inclusion_proof`] and
//! [`consistency_proof`] read the tree through a [`HashReader`].

mod frontier;
mod prove;
mod verify;

use sha2::{Digest as _, Sha256};

use crate::Hash;

pub use frontier::Frontier;
pub use prove::{HashReader, TreeError, consistency_proof, inclusion_proof, root};
pub use verify::{ProofError, verify_consistency, verify_inclusion};

/// The root of the tree without leaves: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    Hash::new(Sha256::digest(b"").into())
}

/// The hash of a leaf: SHA-256 of 0x00 and its bytes.
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Hash::new(
        Sha256::new()
            .chain_update([0])
            .chain_update(leaf)
            .finalize()
            .into(),
    )
}

/// The hash of an inner node: SHA-256 of 0x01 and its children.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [1; 1 + 2 * Hash::LEN];
    let (_, children) = bytes.split_at_mut(1);
    let (first, second) = children.split_at_mut(Hash::LEN);
    first.copy_from_slice(left.as_bytes());
    second.copy_from_slice(right.as_bytes());
    Hash::new(Sha256::digest(bytes).into())
}

#[cfg(test)]
mod tests;
