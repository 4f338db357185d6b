//! Hash trees and the way through them (RFC 4998 §4.2, §4.3).
//!
//! A node is the hash of its children, sorted as bytes and one after another. Leaves and nodes are
//! hashed alike: what keeps a node from being taken for a leaf is that a leaf is the hash of a document
//! or of a timestamp, and that two hashes one after another are neither.

use std::collections::{BTreeMap, BTreeSet};

use attest_digest::{Algorithm, Digest};

use super::hash;

/// A binary tree over different hashes, in their order.
#[derive(Debug)]
pub(super) struct HashTree {
    algorithm: Algorithm,
    /// The leaves first, the root last.
    levels: Vec<Vec<Digest>>,
    places: BTreeMap<Vec<u8>, usize>,
}

impl HashTree {
    /// `None` for no leaves.
    pub(super) fn new(algorithm: Algorithm, leaves: &BTreeSet<Vec<u8>>) -> Option<Self> {
        let of = |bytes: &Vec<u8>| Digest::from_bytes(algorithm, bytes).ok();
        let first: Vec<Digest> = leaves.iter().map(of).collect::<Option<_>>()?;
        let places = leaves.iter().cloned().enumerate();
        let places = places.map(|(place, leaf)| (leaf, place)).collect();
        let mut levels = vec![first];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            // A node without a sibling stands for itself one level up.
            let above = level.chunks(2).map(|pair| match pair {
                [one, other] => node(algorithm, &[one.as_bytes(), other.as_bytes()]),
                pair => pair.first().copied().unwrap_or(hash(algorithm, b"")),
            });
            let above = above.collect();
            levels.push(above);
        }
        levels
            .last()
            .is_some_and(|it| it.len() == 1)
            .then_some(Self {
                algorithm,
                levels,
                places,
            })
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What is to be stamped.
    pub(super) fn root(&self) -> Option<Digest> {
        self.levels.last()?.first().copied()
    }

    /// The reduced hash tree of a leaf: the leaf and its sibling, then the sibling of each node above.
    /// Empty for a tree of one leaf.
    pub(super) fn path(&self, leaf: &Digest) -> Option<Vec<Vec<Vec<u8>>>> {
        let mut place = *self.places.get(leaf.as_bytes())?;
        let mut path: Vec<Vec<Vec<u8>>> = Vec::new();
        for level in &self.levels {
            if let Some(sibling) = level.get(place ^ 1) {
                path.push(vec![sibling.as_bytes().to_vec()]);
            }
            place /= 2;
        }
        if let Some(first) = path.first_mut() {
            first.push(leaf.as_bytes().to_vec());
            first.sort_unstable();
        }
        Some(path)
    }
}

/// The root to which a reduced hash tree leads from a hash; `None` if it does not begin with the hash.
pub(super) fn root_of(
    algorithm: Algorithm,
    tree: &[Vec<Vec<u8>>],
    leaf: &Digest,
) -> Option<Digest> {
    let Some((first, above)) = tree.split_first() else {
        return Some(*leaf);
    };
    if !first.iter().any(|hash| hash == leaf.as_bytes()) {
        return None;
    }
    let mut root = node(algorithm, first);
    for list in above {
        let mut list = list.clone();
        list.push(root.as_bytes().to_vec());
        root = node(algorithm, &list);
    }
    Some(root)
}

fn node(algorithm: Algorithm, children: &[impl AsRef<[u8]>]) -> Digest {
    let mut children: Vec<&[u8]> = children.iter().map(AsRef::as_ref).collect();
    children.sort_unstable();
    hash(algorithm, &children.concat())
}
