//! The right edge of the log: the tiles that still grow.

use super::error::LogError;
use super::layout::Layout;
use crate::tile::{self, Content, HEIGHT, LEVELS, TileError, TileId, TileNodes};
use crate::{Hash, merkle};

/// The growing tile of each level and the growing entry bundle. At most 255 hashes a level.
#[derive(Debug, Clone)]
pub(crate) struct Edge {
    size: u64,
    tiles: Vec<TileNodes>,
    bundle: Vec<u8>,
}

/// A tile that has just become full.
#[derive(Debug)]
pub(crate) struct FullTile {
    pub(crate) id: TileId,
    pub(crate) bytes: Vec<u8>,
    /// `None` for an entry bundle.
    pub(crate) nodes: Option<TileNodes>,
}

impl Edge {
    /// The edge of a tree of `size` leaves, with the hashes of the growing tile of each level and the
    /// growing bundle.
    pub(crate) fn new(size: u64, hashes: &[Vec<Hash>], bundle: Vec<u8>) -> Self {
        let mut tiles: Vec<_> = hashes.iter().map(|it| TileNodes::from_hashes(it)).collect();
        tiles.resize_with(usize::from(LEVELS), TileNodes::default);
        Self {
            size,
            tiles,
            bundle,
        }
    }

    pub(crate) fn empty() -> Self {
        Self::new(0, &[], Vec::new())
    }

    /// The edge of a tree of `size` leaves, from its tiles, to write on.
    pub(crate) fn read(layout: &Layout, size: u64) -> Result<Self, LogError> {
        let mut edge = Self::read_hashes(layout, size)?;
        if let Some(id) = TileId::partial_of_size(Content::Entries, size) {
            for entry in layout.entries(id.index(), size)? {
                tile::push_entry(&mut edge.bundle, &entry)
                    .map_err(|it| layout.corrupt(&id.path(), it))?;
            }
        }
        Ok(edge)
    }

    /// The same without its entries, which readers do not need.
    pub(crate) fn read_hashes(layout: &Layout, size: u64) -> Result<Self, LogError> {
        let mut hashes = Vec::new();
        for level in 0..LEVELS {
            hashes.push(
                match TileId::partial_of_size(Content::Hashes(level), size) {
                    Some(id) => layout.hashes(level, id.index(), size)?,
                    None => Vec::new(),
                },
            );
        }
        Ok(Self::new(size, &hashes, Vec::new()))
    }

    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// The entries that are not yet in a full bundle, as they stand in it.
    pub(crate) fn bundle(&self) -> &[u8] {
        &self.bundle
    }

    /// The hashes of the growing tile of this level.
    pub(crate) fn hashes(&self, level: u8) -> &[Hash] {
        self.tiles
            .get(usize::from(level))
            .map_or(&[], TileNodes::hashes)
    }

    /// Adds an entry; what becomes full is added to `full`.
    pub(crate) fn push(
        &mut self,
        entry: &[u8],
        leaf: Hash,
        full: &mut Vec<FullTile>,
    ) -> Result<(), TileError> {
        tile::push_entry(&mut self.bundle, entry)?;
        let leaves = self.size;
        self.size += 1;
        let mut hash = leaf;
        for (level, growing) in (0_u8..).zip(&mut self.tiles) {
            growing.push(hash);
            let Some(root) = growing.root() else { break };
            let index = tile::growing_index(level, leaves);
            if level == 0 {
                let bytes = std::mem::take(&mut self.bundle);
                full.push(FullTile {
                    id: TileId::full(Content::Entries, index),
                    bytes,
                    nodes: None,
                });
            }
            let nodes = std::mem::take(growing);
            full.push(FullTile {
                id: TileId::full(Content::Hashes(level), index),
                bytes: tile::encode_hashes(nodes.hashes()),
                nodes: Some(nodes),
            });
            hash = root;
        }
        Ok(())
    }

    /// The root of the whole tree.
    pub(crate) fn root(&self) -> Hash {
        let mut frontier = merkle::Frontier::new();
        for (level, growing) in self.tiles.iter().enumerate().rev() {
            let level = u32::try_from(level).unwrap_or(u32::MAX);
            growing
                .hashes()
                .iter()
                .for_each(|it| frontier.push_subtree(level * HEIGHT, *it));
        }
        frontier.root()
    }

    /// A node of a growing tile: `None` if it lies in a full tile or beyond.
    pub(crate) fn node(&self, level: u32, index: u64) -> Option<Hash> {
        let place = Place::of(level, index);
        if place.tile != tile::growing_index(place.level, self.size) {
            return None;
        }
        self.tiles
            .get(usize::from(place.level))?
            .node(place.inner, place.index)
    }

    /// The partial tile of this kind that a tree of `size` leaves has at the place of our growing
    /// one, with its bytes. `size` is not above ours.
    pub(crate) fn partial(&self, content: Content, size: u64) -> Option<(TileId, Vec<u8>)> {
        let id = TileId::partial_of_size(content, size)?;
        let ours = TileId::partial_of_size(content, self.size)?;
        if id.index() != ours.index() {
            return None;
        }
        let width = usize::from(id.width());
        let bytes = match content {
            Content::Hashes(level) => tile::encode_hashes(self.hashes(level).get(..width)?),
            Content::Entries => {
                let mut rest = self.bundle.as_slice();
                for _ in 0..width {
                    (_, rest) = tile::split_entry(rest)?;
                }
                let length = self.bundle.len() - rest.len();
                self.bundle.get(..length)?.to_vec()
            }
        };
        Some((id, bytes))
    }

    /// All partial tiles of a tree of `size` leaves at the places of our growing ones.
    pub(crate) fn partials(&self, size: u64) -> Vec<(TileId, Vec<u8>)> {
        let levels = (0..LEVELS).map(Content::Hashes);
        let contents = std::iter::once(Content::Entries).chain(levels);
        contents.filter_map(|it| self.partial(it, size)).collect()
    }
}

/// Where a node of the tree lies: in which tile, and where in it.
pub(crate) struct Place {
    pub(crate) level: u8,
    pub(crate) tile: u64,
    pub(crate) inner: u32,
    pub(crate) index: usize,
}

impl Place {
    pub(crate) fn of(level: u32, index: u64) -> Self {
        let inner = level % HEIGHT;
        let bits = HEIGHT - inner;
        let mask = (1 << bits) - 1;
        Self {
            level: u8::try_from(level / HEIGHT).unwrap_or(u8::MAX),
            tile: index >> bits,
            inner,
            index: usize::try_from(index & mask).unwrap_or(usize::MAX),
        }
    }
}
