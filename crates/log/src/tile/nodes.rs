//! A tile in memory, with the nodes between its hashes and its root.

use crate::Hash;
use crate::merkle::node_hash;
use crate::tile::HEIGHT;

/// A full or growing tile: its hashes, and the root of every complete subtree above them.
#[derive(Debug, Clone, Default)]
pub(crate) struct TileNodes {
    /// `levels[0]` are the tile's hashes; a full tile has its root at `levels[8][0]`.
    levels: Vec<Vec<Hash>>,
}

impl TileNodes {
    pub(crate) fn from_hashes(hashes: &[Hash]) -> Self {
        let mut nodes = Self::default();
        for hash in hashes {
            nodes.push(*hash);
        }
        nodes
    }

    /// Adds a hash. The tile must not be full.
    pub(crate) fn push(&mut self, hash: Hash) {
        let mut hash = hash;
        for level in 0..=HEIGHT as usize {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let Some(row) = self.levels.get_mut(level) else {
                return;
            };
            row.push(hash);
            match row.as_slice() {
                [.., left, right] if row.len() % 2 == 0 => hash = node_hash(left, right),
                _ => return,
            }
        }
    }

    pub(crate) fn hashes(&self) -> &[Hash] {
        self.levels.first().map_or(&[], Vec::as_slice)
    }

    /// The root of a full tile.
    pub(crate) fn root(&self) -> Option<Hash> {
        self.node(HEIGHT, 0)
    }

    /// The node `level` levels above the tile's hashes.
    pub(crate) fn node(&self, level: u32, index: usize) -> Option<Hash> {
        self.levels.get(level as usize)?.get(index).copied()
    }
}
