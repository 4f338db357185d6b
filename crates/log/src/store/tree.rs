//! The whole tree: its growing edge in memory, its full tiles on disk.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::edge::{Edge, Place};
use super::error::LogError;
use super::layout::Layout;
use crate::Hash;
use crate::merkle::{self, HashReader, TreeError};
use crate::tile::{HEIGHT, TileNodes};

/// Tiles in memory: those that were used last, and those that are not written yet.
#[derive(Default)]
pub(crate) struct TileCache {
    tiles: Mutex<VecDeque<CachedTile>>,
    /// How many are kept beyond the usual number, because the files do not have them yet.
    pinned: usize,
}

struct CachedTile {
    level: u8,
    index: u64,
    nodes: Arc<TileNodes>,
}

impl TileCache {
    /// Holds these tiles until it is dropped, whatever else is used.
    pub(crate) fn pinning(tiles: impl IntoIterator<Item = (u8, u64, TileNodes)>) -> Self {
        let cached = |(level, index, nodes)| CachedTile {
            level,
            index,
            nodes: Arc::new(nodes),
        };
        let tiles: VecDeque<_> = tiles.into_iter().map(cached).collect();
        let pinned = tiles.len();
        Self {
            tiles: Mutex::new(tiles),
            pinned,
        }
    }

    pub(crate) fn insert(&self, level: u8, index: u64, nodes: TileNodes) -> Arc<TileNodes> {
        let nodes = Arc::new(nodes);
        let mut tiles = self.lock();
        let after_pinned = self.pinned.min(tiles.len());
        tiles.insert(
            after_pinned,
            CachedTile {
                level,
                index,
                nodes: Arc::clone(&nodes),
            },
        );
        tiles.truncate(self.pinned + CACHED_TILES);
        nodes
    }

    fn get(&self, level: u8, index: u64) -> Option<Arc<TileNodes>> {
        let mut tiles = self.lock();
        let at = tiles
            .iter()
            .position(|it| (it.level, it.index) == (level, index))?;
        let nodes = Arc::clone(&tiles.get(at)?.nodes);
        if at > self.pinned {
            let used = tiles.remove(at)?;
            tiles.insert(self.pinned, used);
        }
        Some(nodes)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<CachedTile>> {
        self.tiles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The tree of the first `edge.size()` leaves.
#[derive(Clone, Copy)]
pub(crate) struct Tree<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) edge: &'a Edge,
    pub(crate) cache: &'a TileCache,
}

impl HashReader for Tree<'_> {
    type Error = LogError;

    fn node(&self, level: u32, index: u64) -> Result<Hash, LogError> {
        if let Some(hash) = self.edge.node(level, index) {
            return Ok(hash);
        }
        let place = Place::of(level, index);
        let nodes = match self.cache.get(place.level, place.tile) {
            Some(nodes) => nodes,
            None => self.load(&place)?,
        };
        nodes
            .node(place.inner, place.index)
            .ok_or_else(|| LogError::NoEntry {
                index: index << level,
                size: self.edge.size(),
            })
    }
}

impl Tree<'_> {
    fn load(&self, place: &Place) -> Result<Arc<TileNodes>, LogError> {
        let nodes = self
            .layout
            .nodes(place.level, place.tile, self.edge.size())?;
        Ok(self.cache.insert(place.level, place.tile, nodes))
    }

    /// The root of the first `size` leaves.
    pub(crate) fn root_at(&self, size: u64) -> Result<Hash, LogError> {
        if size > self.edge.size() {
            return Err(LogError::NoEntry {
                index: size,
                size: self.edge.size(),
            });
        }
        merkle::root(size, self)
    }

    pub(crate) fn inclusion(&self, size: u64, index: u64) -> Result<Vec<Hash>, LogError> {
        merkle::inclusion_proof(size, index, self).map_err(tree_error)
    }

    pub(crate) fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, LogError> {
        merkle::consistency_proof(old, new, self).map_err(tree_error)
    }
}

fn tree_error(error: TreeError<LogError>) -> LogError {
    match error {
        TreeError::IndexOutside { index, size } => LogError::NoEntry { index, size },
        TreeError::Shrunk { old, new } => LogError::NoEntry {
            index: old,
            size: new,
        },
        TreeError::Read(error) => error,
    }
}

/// Tiles of 16 KiB each with their inner nodes.
const CACHED_TILES: usize = 64;

// A cached tile stands for 2^8 hashes of its level.
const _: () = assert!(HEIGHT == 8);
