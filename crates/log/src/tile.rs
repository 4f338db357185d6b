//! Tiles: how the tree and its entries lie in files, so that any static web server is a log.
//!
//! ```text
//! tile/0/x001/x234/067        256 hashes of leaves, 8,192 bytes: leaves 1234067 * 256 and on
//! tile/1/000.p/12             12 hashes of full tiles of level 0
//! tile/entries/x001/x234/067  256 entries, each after its length in two bytes, big-endian
//! ```
//! See [C2SP tlog-tiles](https://c2sp.org/tlog-tiles).

use std::fmt::{self, Write as _};

use crate::{Hash, codec, limits};

mod nodes;

pub(crate) use nodes::TileNodes;

/// Hashes of a full tile, entries of a full bundle.
pub const WIDTH: u16 = 256;

/// The tree levels of one tile level: a tile of 2^8 hashes.
pub const HEIGHT: u32 = 8;

/// The highest tile level that a tree of 2^64 leaves can have.
pub const LEVELS: u8 = 8;

/// What lies in a tile file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Content {
    /// Entry bundles.
    Entries,
    /// Hashes of this tile level: 0 holds the leaves' hashes.
    Hashes(u8),
}

/// One tile file: what, where, and how wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    content: Content,
    index: u64,
    width: u16,
}

impl TileId {
    /// The full tile at this index.
    pub const fn full(content: Content, index: u64) -> Self {
        Self {
            content,
            index,
            width: WIDTH,
        }
    }

    /// The tile at this index of a tree of `size` leaves: full, partial, or none.
    pub fn of_size(content: Content, index: u64, size: u64) -> Option<Self> {
        let hashes = size >> (u32::from(content.level()) * HEIGHT);
        let begin = index.checked_mul(u64::from(WIDTH))?;
        let width = hashes.saturating_sub(begin).min(u64::from(WIDTH));
        let width = u16::try_from(width).ok().filter(|it| *it > 0)?;
        Some(Self {
            content,
            index,
            width,
        })
    }

    /// The rightmost tile of a tree of `size` leaves, unless it would be empty or is full.
    pub fn partial_of_size(content: Content, size: u64) -> Option<Self> {
        let hashes = size >> (u32::from(content.level()) * HEIGHT);
        Self::of_size(content, hashes / u64::from(WIDTH), size)
    }

    /// What lies in it.
    pub const fn content(&self) -> Content {
        self.content
    }

    /// Its place in its level.
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Hashes or entries in it, 1 to 256.
    pub const fn width(&self) -> u16 {
        self.width
    }

    /// Whether it is 256 wide.
    pub const fn is_full(&self) -> bool {
        self.width == WIDTH
    }

    /// The full tile at the same place.
    #[must_use]
    pub const fn to_full(self) -> Self {
        Self::full(self.content, self.index)
    }

    /// The path below the log's folder or URL.
    pub fn path(&self) -> String {
        if self.is_full() {
            return self.stem();
        }
        format!("{}/{}", self.partials(), self.width)
    }

    /// The folder of all partial tiles at this place.
    pub fn partials(&self) -> String {
        format!("{}.p", self.stem())
    }

    fn stem(&self) -> String {
        let mut path = match self.content {
            Content::Entries => "tile/entries".to_owned(),
            Content::Hashes(level) => format!("tile/{level}"),
        };
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for group in groups.iter().skip(1).rev() {
            let _ = write!(path, "/x{group:03}");
        }
        path + &format!("/{:03}", self.index % 1000)
    }

    /// Reads a path, in its only spelling.
    ///
    /// # Errors
    /// Anything but what [`TileId::path`] gives.
    pub fn parse(path: &str) -> Result<Self, TileError> {
        Self::parse_loosely(path)
            .filter(|it| it.path() == path)
            .ok_or_else(|| TileError::Path {
                found: path.escape_debug().to_string(),
            })
    }

    fn parse_loosely(path: &str) -> Option<Self> {
        let (kind, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let content = match kind {
            "entries" => Content::Entries,
            level => Content::Hashes(level.parse().ok().filter(|it| *it < LEVELS)?),
        };
        let (place, width) = match rest.split_once(".p/") {
            Some((place, width)) => (
                place,
                width.parse().ok().filter(|it| (1..WIDTH).contains(it))?,
            ),
            None => (rest, WIDTH),
        };
        let index = place.split('/').try_fold(0_u64, |index, group| {
            let group = group.strip_prefix('x').unwrap_or(group);
            index
                .checked_mul(1000)?
                .checked_add(codec::parse_group(group)?)
        })?;
        Some(Self {
            content,
            index,
            width,
        })
    }
}

impl Content {
    pub(crate) const fn level(self) -> u8 {
        match self {
            Self::Entries => 0,
            Self::Hashes(level) => level,
        }
    }
}

/// The place of the tile that a tree of `size` leaves grows at this level.
pub(crate) fn growing_index(level: u8, size: u64) -> u64 {
    let leaves_of_tile = HEIGHT * (u32::from(level) + 1);
    size.checked_shr(leaves_of_tile).unwrap_or(0)
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())
    }
}

/// Reads the hashes of a tile of this width.
///
/// # Errors
/// Another number of bytes.
pub fn parse_hashes(bytes: &[u8], width: u16) -> Result<Vec<Hash>, TileError> {
    let wanted = usize::from(width) * Hash::LEN;
    if bytes.len() != wanted {
        return Err(TileError::Length {
            found: bytes.len(),
            wanted,
        });
    }
    let (hashes, _) = bytes.as_chunks();
    Ok(hashes.iter().copied().map(Hash::new).collect())
}

/// The bytes of a tile.
pub fn encode_hashes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|it| *it.as_bytes()).collect()
}

/// Reads the entries of a bundle of this width.
///
/// # Errors
/// Fewer or more entries, an entry without bytes, or bytes left over.
pub fn parse_entries(bytes: &[u8], width: u16) -> Result<Vec<&[u8]>, TileError> {
    let mut entries = Vec::with_capacity(usize::from(width));
    let mut rest = bytes;
    while !rest.is_empty() {
        let (entry, after) = split_entry(rest).ok_or(TileError::Torn {
            entry: entries.len(),
        })?;
        entries.push(entry);
        rest = after;
    }
    if entries.len() != usize::from(width) {
        return Err(TileError::Count {
            found: entries.len(),
            wanted: width,
        });
    }
    Ok(entries)
}

/// The first entry of a bundle, and what follows.
pub(crate) fn split_entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let length = usize::from(u16::from_be_bytes(*length));
    rest.split_at_checked(length).filter(|_| length > 0)
}

/// Adds an entry to a bundle.
///
/// # Errors
/// The entry is empty or has more bytes than a bundle can hold.
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), TileError> {
    let length = u16::try_from(entry.len()).ok().filter(|it| *it > 0);
    let length = length.ok_or(TileError::EntrySize { found: entry.len() })?;
    bundle.extend(length.to_be_bytes());
    bundle.extend(entry);
    Ok(())
}

/// Why something is not a tile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TileError {
    /// Not the path of a tile.
    #[error("{found} is not the path of a tile")]
    Path {
        /// The path found, escaped.
        found: String,
    },
    /// Another number of bytes.
    #[error("tile has {found} bytes, its width needs {wanted}")]
    Length {
        /// Bytes found.
        found: usize,
        /// Bytes wanted.
        wanted: usize,
    },
    /// Another number of entries.
    #[error("entry bundle has {found} entries, its width is {wanted}")]
    Count {
        /// Entries found.
        found: usize,
        /// Entries wanted.
        wanted: u16,
    },
    /// An entry that ends after the bundle, or has no bytes.
    #[error("entry {entry} of the bundle is torn or empty")]
    Torn {
        /// Which, from 0.
        entry: usize,
    },
    /// An entry that no bundle can hold.
    #[error("entry has {found} bytes, a bundle holds 1 to {}", limits::ENTRY_BYTES)]
    EntrySize {
        /// Bytes found.
        found: usize,
    },
}

impl TileError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        "log-tile-malformed"
    }
}

#[cfg(test)]
mod tests;
