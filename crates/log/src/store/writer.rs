//! The writer of a log.

mod opening;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::disk::Lock;
use super::edge::{Edge, FullTile};
use super::error::LogError;
use super::files::Files;
use super::index::Index;
use super::journal::Journal;
use super::layout::{CHECKPOINT, Layout, kept_name};
use super::second_copy::SecondCopy;
use super::tree::{TileCache, Tree};
use super::{Appended, Inclusion, Recovery};
use crate::merkle::leaf_hash;
use crate::tile::{Content, TileId};
use crate::{Checkpoint, CheckpointSigner, Hash, LogKey, SignedCheckpoint, limits};

pub(crate) use opening::How;

/// The writer of a log: one at a time, by lock.
///
/// A batch goes through in this order: entries durable, second copy durable, checkpoint published.
/// After a failure half-way nothing more is taken: opening the log again finishes or discards what
/// was begun.
pub struct Log<'s> {
    signer: &'s dyn CheckpointSigner,
    layout: Layout,
    copy: SecondCopy,
    edge: Edge,
    journal: Journal,
    cache: TileCache,
    index: Index,
    published: SignedCheckpoint,
    signed: u64,
    /// Files that were written since the journal was begun.
    unsynced: BTreeSet<String>,
    recovery: Recovery,
    stopped: bool,
    _lock: Lock,
}

impl<'s> Log<'s> {
    /// Makes an empty log in `dir` and its second copy.
    ///
    /// # Errors
    /// There is a log already, or a second copy of one of this key that has entries; the files
    /// cannot be written.
    pub fn create(
        dir: &Path,
        second_copy: &Path,
        signer: &'s dyn CheckpointSigner,
    ) -> Result<Self, LogError> {
        Self::create_on(Arc::new(Files), dir, second_copy, signer)
    }

    /// Opens a log, under the start rules: what was interrupted is finished, and a log that is not
    /// the one whose checkpoint was signed last is refused.
    ///
    /// # Errors
    /// Another process has the log; a start rule refuses; a file is not what it must be, or cannot be
    /// read or written.
    pub fn open(
        dir: &Path,
        second_copy: &Path,
        signer: &'s dyn CheckpointSigner,
    ) -> Result<Self, LogError> {
        Self::open_on(Arc::new(Files), dir, second_copy, signer, &How::Normally)
    }

    /// Opens a log whose second copy is lost, damaged or of another branch, by a checkpoint that was
    /// kept elsewhere. `missing` are entries that a restored backup does not have, in order, up to
    /// that checkpoint.
    ///
    /// # Errors
    /// As [`Log::open`], and when the checkpoint is not signed by this log, or not of these entries;
    /// also when the second copy says that more was signed than the log holds: going on would sign
    /// those sizes again.
    pub fn adopt(
        dir: &Path,
        second_copy: &Path,
        signer: &'s dyn CheckpointSigner,
        checkpoint: &[u8],
        missing: &[Vec<u8>],
    ) -> Result<Self, LogError> {
        let how = How::Adopting {
            checkpoint,
            missing,
        };
        Self::open_on(Arc::new(Files), dir, second_copy, signer, &how)
    }

    /// Adds entries and publishes one checkpoint over all of them. An entry that the log has already
    /// is not added again. Durable when it returns; the proofs lead to the new checkpoint.
    ///
    /// # Errors
    /// An entry is empty or too large for a log; nothing was added then. Or the files cannot be
    /// written or the checkpoint not signed: then entries may have been added, and the log must be
    /// opened again.
    pub fn append(&mut self, entries: &[Vec<u8>]) -> Result<Vec<Appended>, LogError> {
        if self.stopped {
            return Err(LogError::Stopped);
        }
        check_sizes(entries)?;
        let places = self.places(entries)?;
        if !places.new.is_empty() {
            self.stopped = true;
            self.sync_tiles_if_due()?;
            self.commit(&places.new)?;
            self.stopped = false;
        }
        let appended = |(index, known): &(u64, bool)| {
            Ok(Appended {
                index: *index,
                known: *known,
                proof: self.inclusion(*index)?,
            })
        };
        places.of_entries.iter().map(appended).collect()
    }

    /// The last published checkpoint.
    pub const fn checkpoint(&self) -> &SignedCheckpoint {
        &self.published
    }

    /// The key under which the log's checkpoints verify.
    pub fn key(&self) -> &LogKey {
        self.signer.key()
    }

    /// Entries of the log.
    pub const fn size(&self) -> u64 {
        self.edge.size()
    }

    /// What opening had to put right.
    pub const fn recovery(&self) -> Recovery {
        self.recovery
    }

    fn tree(&self) -> Tree<'_> {
        Tree {
            layout: &self.layout,
            edge: &self.edge,
            cache: &self.cache,
        }
    }

    /// Which entries are new, and where each is or will be.
    fn places<'e>(&mut self, entries: &'e [Vec<u8>]) -> Result<Places<'e>, LogError> {
        let mut places = Places {
            of_entries: Vec::new(),
            new: Vec::new(),
        };
        let mut in_batch = BTreeMap::new();
        for entry in entries {
            let leaf = leaf_hash(entry);
            let place = if let Some(index) = self.find(&leaf)? {
                (index, true)
            } else {
                let next = self.edge.size() + places.new.len() as u64;
                let index = *in_batch.entry(leaf).or_insert(next);
                if index == next {
                    places.new.push((entry.as_slice(), leaf));
                }
                (index, false)
            };
            places.of_entries.push(place);
        }
        Ok(places)
    }

    fn find(&mut self, leaf: &Hash) -> Result<Option<u64>, LogError> {
        match self.index.find(leaf, &self.tree()) {
            Err(LogError::Corrupt { .. }) => {
                self.index = Index::rebuild(&self.layout, &self.tree())?;
                self.index.find(leaf, &self.tree())
            }
            found => found,
        }
    }

    /// Entries durable, then their tiles, then the second copy and the checkpoint.
    fn commit(&mut self, new: &[(&[u8], Hash)]) -> Result<(), LogError> {
        let before = self.edge.size();
        let entries: Vec<&[u8]> = new.iter().map(|(entry, _)| *entry).collect();
        self.journal
            .append(&self.layout, before, self.published.as_bytes(), &entries)?;

        let mut full = Vec::new();
        for (entry, leaf) in new {
            let pushed = self.edge.push(entry, *leaf, &mut full);
            pushed.map_err(|it| self.layout.corrupt(CHECKPOINT, it))?;
            self.index.insert(*leaf);
        }
        for tile in &full {
            self.put(tile.id.path(), &tile.bytes)?;
            if let (Content::Hashes(level), Some(nodes)) = (tile.id.content(), &tile.nodes) {
                self.cache.insert(level, tile.id.index(), nodes.clone());
            }
        }
        for (id, bytes) in self.edge.partials(self.edge.size()) {
            if TileId::partial_of_size(id.content(), before) != Some(id) {
                self.put(id.path(), &bytes)?;
            }
        }
        self.publish()?;
        self.remove_partials(&full)
    }

    fn put(&mut self, name: String, bytes: &[u8]) -> Result<(), LogError> {
        self.layout.put(&name, bytes)?;
        self.unsynced.insert(name);
        Ok(())
    }

    /// Signs and publishes a checkpoint of all entries, if none of this size was ever signed.
    fn publish(&mut self) -> Result<(), LogError> {
        let (key, size, root) = (self.signer.key(), self.edge.size(), self.edge.root());
        if size <= self.signed {
            return Err(LogError::SignedBefore { size });
        }
        let kept = self.layout.kept(size, key)?;
        if kept.is_some_and(|it| it.checkpoint().root() != root) {
            return Err(LogError::SignedBefore { size });
        }
        let signed = SignedCheckpoint::sign(Checkpoint::new(key, size, root), self.signer)?;
        self.publish_as(signed)
    }

    /// Writes the second copy and then the published checkpoint, unless they say so already. Both are
    /// synced at once, under names that nobody reads.
    fn publish_as(&mut self, signed: SignedCheckpoint) -> Result<(), LogError> {
        let bytes = signed.as_bytes();
        let mut staged = Vec::new();
        let copy_is_old = !self.copy.is(bytes);
        if copy_is_old {
            staged.push(self.copy.stage(bytes)?);
        }
        let published_is_old = self.layout.read(CHECKPOINT)?.as_deref() != Some(bytes);
        if published_is_old {
            staged.push(self.layout.stage_checkpoint(bytes)?);
        }
        if !staged.is_empty() {
            self.layout.sync(&staged)?;
        }
        if copy_is_old {
            self.copy.replace(bytes)?;
        }
        let kept = kept_name(signed.checkpoint().size());
        if self.layout.read(&kept)?.as_deref() != Some(bytes) {
            self.put(kept, bytes)?;
        }
        if published_is_old {
            self.layout.publish_checkpoint()?;
        }
        self.signed = self.signed.max(signed.checkpoint().size());
        self.published = signed;
        Ok(())
    }

    /// Partial tiles are not needed once the full one is there (C2SP tlog-tiles).
    fn remove_partials(&mut self, full: &[FullTile]) -> Result<(), LogError> {
        for tile in full {
            let folder = tile.id.partials();
            self.layout.remove_folder(&folder)?;
            self.unsynced.retain(|it| {
                !it.strip_prefix(&folder)
                    .is_some_and(|it| it.starts_with('/'))
            });
        }
        Ok(())
    }

    /// Makes the tiles durable and begins a new journal, when the old one has become long.
    fn sync_tiles_if_due(&mut self) -> Result<(), LogError> {
        self.index.spill(&self.layout)?;
        if !self.journal.is_long() {
            return Ok(());
        }
        self.layout.sync_files(&self.unsynced)?;
        self.journal = Journal::begin(&self.layout, &self.edge)?;
        self.unsynced.clear();
        Ok(())
    }

    fn inclusion(&self, index: u64) -> Result<Inclusion, LogError> {
        let checkpoint = self.published.checkpoint();
        Ok(Inclusion {
            index,
            size: checkpoint.size(),
            root: checkpoint.root(),
            hashes: self.tree().inclusion(checkpoint.size(), index)?,
            checkpoint: self.published.as_bytes().to_owned(),
        })
    }
}

struct Places<'e> {
    /// For each entry its index, and whether the log has it.
    of_entries: Vec<(u64, bool)>,
    new: Vec<(&'e [u8], Hash)>,
}

fn check_sizes(entries: &[Vec<u8>]) -> Result<(), LogError> {
    let most = limits::ENTRY_BYTES;
    let wrong = |(_, it): &(usize, &Vec<u8>)| it.is_empty() || it.len() > most;
    match entries.iter().enumerate().find(wrong) {
        None => Ok(()),
        Some((number, entry)) => Err(LogError::EntrySize {
            number,
            found: entry.len(),
            most,
        }),
    }
}
