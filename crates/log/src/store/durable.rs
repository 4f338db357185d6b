//! What of a log is durable: read at start, before anything is written.

use std::collections::BTreeSet;

use super::check::Finding;
use super::edge::{Edge, FullTile};
use super::error::LogError;
use super::journal::{Journal, Record, Recovered};
use super::layout::{JOURNAL, Layout, STATE, kept_name, make_durable_folders};
use super::reader::LogReader;
use super::tree::{TileCache, Tree};
use crate::merkle::leaf_hash;
use crate::tile::{Content, LEVELS, TileId, growing_index};
use crate::{LogKey, SignedCheckpoint};

/// The durable entries of a log, and the files that can be made from them.
pub(crate) struct Durable {
    pub(crate) edge: Edge,
    journal: Found,
    /// Entries that are not in the journal yet.
    missing: Vec<Vec<u8>>,
    /// Tiles that became full since the journal was begun: their files may be missing or torn.
    pub(crate) full: Vec<FullTile>,
    /// Sizes after each batch of the journal: their partial tiles may be missing or torn.
    pub(crate) sizes: Vec<u64>,
    /// Checkpoints that were published since the journal was begun.
    pub(crate) notes: Vec<SignedCheckpoint>,
    /// Tiles up to here were synced.
    pub(crate) synced: u64,
    /// Bytes at the end of the journal that belong to no whole batch.
    pub(crate) torn: u64,
}

/// The journal of a log.
enum Found {
    Whole(Journal),
    /// None: it is begun at this edge, once these files are synced.
    Nothing {
        at: Edge,
        files: BTreeSet<String>,
    },
}

impl Durable {
    /// Reads the journal of a log; `None` if there is none.
    pub(crate) fn read(layout: &Layout) -> Result<Option<Self>, LogError> {
        let Some(recovered) = Journal::read(layout)? else {
            return Ok(None);
        };
        let Recovered {
            journal,
            base,
            synced,
            records,
            torn,
        } = recovered;
        let (edge, full, sizes, notes) = (base, Vec::new(), Vec::new(), Vec::new());
        let (journal, missing) = (Found::Whole(journal), Vec::new());
        let mut durable = Self {
            edge,
            journal,
            missing,
            full,
            sizes,
            notes,
            synced,
            torn,
        };
        for record in records {
            durable.replay(layout, &record)?;
        }
        durable.check_tiles(layout)?;
        Ok(Some(durable))
    }

    /// Reads a log without a journal, as from a mirror: everything in it is checked.
    pub(crate) fn rebuild(layout: &Layout, key: &LogKey) -> Result<Self, LogError> {
        let report = LogReader::check_on(layout, key)?;
        if let Some(Finding { path, problem }) = report.findings.into_iter().next() {
            return Err(LogError::Corrupt { path, problem });
        }
        let reader = LogReader::open_on(layout.clone(), key)?;
        let edge = Edge::read(layout, reader.size())?;
        let (synced, journal) = (
            edge.size(),
            Found::Nothing {
                at: edge.clone(),
                files: reader.files(),
            },
        );
        let (full, sizes, notes, missing) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let durable = Self {
            edge,
            journal,
            missing,
            full,
            sizes,
            notes,
            synced,
            torn: 0,
        };
        durable.check_tiles(layout)?;
        Ok(durable)
    }

    /// Adds entries that a restored backup lacks, up to `size` entries in all. Nothing is written.
    pub(crate) fn add_missing(
        &mut self,
        layout: &Layout,
        missing: &[Vec<u8>],
        size: u64,
    ) -> Result<(), LogError> {
        for entry in missing {
            if self.edge.size() >= size {
                return Err(LogError::NoEntry {
                    index: self.edge.size(),
                    size,
                });
            }
            let pushed = self.edge.push(entry, leaf_hash(entry), &mut self.full);
            pushed.map_err(|it| layout.corrupt(JOURNAL, it))?;
        }
        self.missing = missing.to_vec();
        self.sizes.push(self.edge.size());
        Ok(())
    }

    /// The journal to write on: all durable entries are in it or in synced tiles.
    pub(crate) fn open_journal(&self, layout: &Layout) -> Result<Journal, LogError> {
        let mut journal = match &self.journal {
            Found::Whole(journal) => {
                if self.torn > 0 {
                    journal.cut(layout)?;
                }
                journal.clone()
            }
            Found::Nothing { at, files } => {
                make_durable_folders(layout.disk().as_ref(), &layout.path(STATE))?;
                layout.sync_files(files)?;
                Journal::begin(layout, at)?
            }
        };
        if !self.missing.is_empty() {
            let first = self.edge.size() - self.missing.len() as u64;
            let entries: Vec<&[u8]> = self.missing.iter().map(Vec::as_slice).collect();
            journal.append(layout, first, &[], &entries)?;
        }
        Ok(journal)
    }

    fn replay(&mut self, layout: &Layout, record: &Record) -> Result<(), LogError> {
        let damaged = |problem: &dyn ToString| layout.corrupt(JOURNAL, problem.to_string());
        if !record.note.is_empty() {
            let note = SignedCheckpoint::parse(&record.note).map_err(|it| damaged(&it))?;
            // The journal's checksums vouch for what this log signed itself.
            let checkpoint = note.checkpoint();
            // The tree of that size is the tree so far, as one batch follows the other.
            if checkpoint.size() != self.edge.size() || checkpoint.root() != self.edge.root() {
                let size = checkpoint.size();
                return Err(damaged(&format!(
                    "holds a checkpoint of {size} with another root"
                )));
            }
            self.notes.push(note);
        }
        for entry in &record.entries {
            let pushed = self.edge.push(entry, leaf_hash(entry), &mut self.full);
            pushed.map_err(|it| damaged(&it))?;
        }
        self.sizes.push(self.edge.size());
        Ok(())
    }

    /// The tree, with what is not in files yet.
    pub(crate) fn cache(&self) -> TileCache {
        TileCache::pinning(self.full.iter().filter_map(|it| match it.id.content() {
            Content::Hashes(level) => Some((level, it.id.index(), it.nodes.clone()?)),
            Content::Entries => None,
        }))
    }

    pub(crate) fn tree<'a>(&'a self, layout: &'a Layout, cache: &'a TileCache) -> Tree<'a> {
        Tree {
            layout,
            edge: &self.edge,
            cache,
        }
    }

    /// Compares the right edge with its files: what was synced must be there, and nothing beyond
    /// the last durable entry can be.
    fn check_tiles(&self, layout: &Layout) -> Result<(), LogError> {
        let levels = (0..LEVELS).map(Content::Hashes);
        for content in std::iter::once(Content::Entries).chain(levels) {
            if let Some((id, wanted)) = self.edge.partial(content, self.synced) {
                let found = layout.read(&id.path())?;
                if found.as_ref() != Some(&wanted) {
                    let problem = if found.is_some() {
                        "is not what was synced"
                    } else {
                        "is missing"
                    };
                    return Err(layout.corrupt(&id.path(), problem));
                }
            }
            self.check_beyond(layout, content)?;
        }
        Ok(())
    }

    fn check_beyond(&self, layout: &Layout, content: Content) -> Result<(), LogError> {
        let size = self.edge.size();
        let beyond =
            |name: &str| layout.corrupt(name, format!("is beyond the log's {size} entries"));
        let index = growing_index(content.level(), size);
        let full = TileId::full(content, index);
        let width = TileId::of_size(content, index, size).map_or(0, |it| it.width());
        let in_folder = layout.list(&full.partials())?;
        let widest = in_folder
            .iter()
            .filter_map(|it| it.name.parse::<u16>().ok())
            .max();
        if let Some(widest) = widest.filter(|it| *it > width) {
            return Err(beyond(&format!("{}/{widest}", full.partials())));
        }
        match layout.read(&full.path())? {
            Some(_) => Err(beyond(&full.path())),
            None => Ok(()),
        }
    }

    /// Makes every file that the journal stands for, if it is not there as it must be. Gives the
    /// names of all of them: they may not be synced yet.
    pub(crate) fn restore_files(&self, layout: &Layout) -> Result<Vec<String>, LogError> {
        let mut names = Vec::new();
        let mut restore = |name: String, bytes: &[u8]| {
            if layout.read(&name)?.as_deref() != Some(bytes) {
                layout.put(&name, bytes)?;
            }
            names.push(name);
            Ok::<_, LogError>(())
        };
        for tile in &self.full {
            restore(tile.id.path(), &tile.bytes)?;
        }
        let mut last = Vec::new();
        for size in &self.sizes {
            let partials = self.edge.partials(*size);
            for (id, bytes) in &partials {
                if !last.contains(id) {
                    restore(id.path(), bytes)?;
                }
            }
            last = partials.into_iter().map(|(id, _)| id).collect();
        }
        for note in &self.notes {
            restore(kept_name(note.checkpoint().size()), note.as_bytes())?;
        }
        Ok(names)
    }
}
