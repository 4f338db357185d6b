//! Readers of a log: many, without a lock, also of a copy on a mirror.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::Inclusion;
use super::check::{self, CheckReport};
use super::edge::Edge;
use super::error::{LogError, Which};
use super::files::Files;
use super::layout::{CHECKPOINT, Layout, kept_name};
use super::source::{Fetched, TileSource};
use super::tree::{TileCache, Tree};
use crate::merkle::{self, Frontier, leaf_hash};
use crate::tile::{Content, LEVELS, TileId, WIDTH, growing_index};
use crate::{Hash, LogKey, SignedCheckpoint};

/// A log as it was published when it was opened. What it gives has been proven against the
/// published checkpoint.
pub struct LogReader {
    layout: Layout,
    key: LogKey,
    checkpoint: SignedCheckpoint,
    edge: Edge,
    cache: TileCache,
}

impl LogReader {
    /// Opens the log in a folder, and verifies its checkpoint and that its right edge leads to it.
    ///
    /// # Errors
    /// There is no log; its checkpoint is not signed by this key; its tiles do not lead to its root;
    /// or they cannot be read.
    pub fn open(dir: &Path, key: &LogKey) -> Result<Self, LogError> {
        Self::open_on(Layout::new(Arc::new(Files), dir), key)
    }

    /// As [`LogReader::open`], of a log that is fetched; `at` is its address, for messages.
    ///
    /// # Errors
    /// As [`LogReader::open`].
    pub fn open_source(
        source: impl TileSource + 'static,
        at: &str,
        key: &LogKey,
    ) -> Result<Self, LogError> {
        Self::open_on(fetched(source, at), key)
    }

    pub(crate) fn open_on(layout: Layout, key: &LogKey) -> Result<Self, LogError> {
        let not_found = || LogError::NotFound {
            path: layout.root().to_owned(),
        };
        let checkpoint = layout.published(key)?.ok_or_else(not_found)?;
        let edge = Edge::read_hashes(&layout, checkpoint.checkpoint().size())?;
        let (found, wanted) = (edge.root(), checkpoint.checkpoint().root());
        if found != wanted {
            let size = edge.size();
            return Err(LogError::RootDiffers {
                which: Which::Published,
                size,
                found: wanted,
                wanted: found,
            });
        }
        Ok(Self {
            layout,
            key: key.clone(),
            checkpoint,
            edge,
            cache: TileCache::default(),
        })
    }

    /// The published checkpoint.
    pub const fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }

    /// Entries under the published checkpoint.
    pub const fn size(&self) -> u64 {
        self.edge.size()
    }

    /// The bytes of an entry.
    ///
    /// # Errors
    /// There is no such entry; it is not the one that the checkpoint covers; or it cannot be read.
    pub fn entry(&self, index: u64) -> Result<Vec<u8>, LogError> {
        let size = self.size();
        if index >= size {
            return Err(LogError::NoEntry { index, size });
        }
        let bundle = index / u64::from(WIDTH);
        let entries = self.layout.entries(bundle, size)?;
        let place = usize::try_from(index % u64::from(WIDTH)).unwrap_or(usize::MAX);
        let name = TileId::full(Content::Entries, bundle).path();
        let entry = entries.into_iter().nth(place);
        let entry =
            entry.ok_or_else(|| self.layout.corrupt(&name, format!("lacks entry {index}")))?;
        let proof = self.tree().inclusion(size, index)?;
        merkle::verify_inclusion(&leaf_hash(&entry), index, size, &proof, &self.edge.root())
            .map_err(|it| self.layout.corrupt(&name, format!("entry {index}: {it}")))?;
        Ok(entry)
    }

    /// The proof that an entry stands in the tree of `size` entries, under the checkpoint that was
    /// published for it.
    ///
    /// # Errors
    /// There is no such entry; no checkpoint of that size was published; the tiles do not lead to its
    /// root; or something cannot be read.
    pub fn inclusion(&self, index: u64, size: u64) -> Result<Inclusion, LogError> {
        if index >= size || size > self.size() {
            return Err(LogError::NoEntry {
                index,
                size: size.min(self.size()),
            });
        }
        let signed = self.checkpoint_of(size)?;
        let root = signed.checkpoint().root();
        let hashes = self.tree().inclusion(size, index)?;
        let leaf = self.node(0, index)?;
        merkle::verify_inclusion(&leaf, index, size, &hashes, &root).map_err(|it| {
            let tile = TileId::full(Content::Hashes(0), index / u64::from(WIDTH));
            self.layout
                .corrupt(&tile.path(), format!("leaf {index}: {it}"))
        })?;
        Ok(Inclusion {
            index,
            size,
            root,
            hashes,
            checkpoint: signed.as_bytes().to_owned(),
        })
    }

    /// The proof that the tree of `new` entries begins with the tree of `old` entries.
    ///
    /// # Errors
    /// The log is smaller; the tiles contradict each other; or something cannot be read.
    pub fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, LogError> {
        if old > new || new > self.size() {
            return Err(LogError::NoEntry {
                index: old.max(new),
                size: self.size(),
            });
        }
        let tree = self.tree();
        let proof = tree.consistency(old, new)?;
        let (old_root, new_root) = (tree.root_at(old)?, tree.root_at(new)?);
        let verdict =
            merkle::verify_consistency(old, &old_root, new, &new_root, &proof).and_then(|()| {
                let end = self.size();
                let upwards = tree.consistency(new, end).unwrap_or_default();
                merkle::verify_consistency(new, &new_root, end, &self.edge.root(), &upwards)
            });
        verdict.map_err(|it| self.layout.corrupt("tile", it))?;
        Ok(proof)
    }

    /// The checkpoint that was published when the log had `size` entries.
    ///
    /// # Errors
    /// None was; or it is not signed by this log, or is not of its first `size` entries.
    pub fn checkpoint_of(&self, size: u64) -> Result<SignedCheckpoint, LogError> {
        if size == self.size() {
            return Ok(self.checkpoint.clone());
        }
        let kept = self.layout.kept(size, &self.key)?;
        let kept = kept.ok_or(LogError::NoCheckpoint { size })?;
        let (found, wanted) = (kept.checkpoint().root(), self.tree().root_at(size)?);
        if found != wanted {
            return Err(LogError::RootDiffers {
                which: Which::Published,
                size,
                found,
                wanted,
            });
        }
        Ok(kept)
    }

    /// The right edge of the tree of the first `size` entries, proven to be a prefix of this one.
    ///
    /// # Errors
    /// The log is smaller; its tiles contradict each other; or something cannot be read.
    pub fn frontier(&self, size: u64) -> Result<Frontier, LogError> {
        self.consistency(size, self.size())?;
        let tree = self.tree();
        let mut frontier = Frontier::new();
        while frontier.size() < size {
            let level = (size - frontier.size()).ilog2();
            let root = merkle::HashReader::node(&tree, level, frontier.size() >> level)?;
            frontier.push_subtree(level, root);
        }
        Ok(frontier)
    }

    /// Entries from `begin` on, at most up to `end` and to the end of an entry bundle. Not proven one by
    /// one: who reads on pushes their hashes to a [`Frontier`] and compares the root at the end.
    ///
    /// # Errors
    /// There is no such entry; a bundle is malformed; or it cannot be read.
    pub fn entries(&self, begin: u64, end: u64) -> Result<Vec<Vec<u8>>, LogError> {
        let size = self.size();
        if begin >= end || end > size {
            return Err(LogError::NoEntry { index: end, size });
        }
        let width = u64::from(WIDTH);
        let entries = self.layout.entries(begin / width, size)?;
        let first = usize::try_from(begin % width).unwrap_or(usize::MAX);
        let count = usize::try_from(end - begin).unwrap_or(usize::MAX);
        Ok(entries.into_iter().skip(first).take(count).collect())
    }

    /// As [`LogReader::check`], of a log that is fetched. Checkpoints that it keeps beside the published
    /// one are not looked for.
    ///
    /// # Errors
    /// As [`LogReader::check`].
    pub fn check_source(
        source: impl TileSource + 'static,
        at: &str,
        key: &LogKey,
    ) -> Result<CheckReport, LogError> {
        Self::check_on(&fetched(source, at), key)
    }

    /// Recomputes everything in a log's folder: each entry's hash, each tile, the root, and every
    /// checkpoint that was kept, with its signature. Goes on after what is wrong, as far as it can.
    ///
    /// # Errors
    /// There is no log, its checkpoint is not signed by this key, or something cannot be read. What
    /// is read and wrong is in the report.
    pub fn check(dir: &Path, key: &LogKey) -> Result<CheckReport, LogError> {
        Self::check_on(&Layout::new(Arc::new(Files), dir), key)
    }

    pub(crate) fn check_on(layout: &Layout, key: &LogKey) -> Result<CheckReport, LogError> {
        let not_found = || LogError::NotFound {
            path: layout.root().to_owned(),
        };
        let published = layout.published(key)?.ok_or_else(not_found)?;
        check::check(layout, key, &published)
    }

    /// The names of all files that a log of this size needs.
    pub(crate) fn files(&self) -> BTreeSet<String> {
        let size = self.size();
        let mut names = BTreeSet::from([CHECKPOINT.to_owned()]);
        let levels = (0..LEVELS).map(Content::Hashes);
        for content in std::iter::once(Content::Entries).chain(levels) {
            let full = growing_index(content.level(), size);
            names.extend((0..full).map(|it| TileId::full(content, it).path()));
            names.extend(TileId::partial_of_size(content, size).map(|it| it.path()));
        }
        names.insert(kept_name(size));
        // On a mirror a full tile may stand in place of a partial one.
        names.retain(|it| matches!(self.layout.read_at(it, 0, 1), Ok(bytes) if !bytes.is_empty()));
        names
    }

    fn node(&self, level: u32, index: u64) -> Result<Hash, LogError> {
        merkle::HashReader::node(&self.tree(), level, index)
    }

    fn tree(&self) -> Tree<'_> {
        Tree {
            layout: &self.layout,
            edge: &self.edge,
            cache: &self.cache,
        }
    }
}

fn fetched(source: impl TileSource + 'static, at: &str) -> Layout {
    let root = Path::new(at);
    Layout::new(Arc::new(Fetched::new(root.to_owned(), source)), root)
}
