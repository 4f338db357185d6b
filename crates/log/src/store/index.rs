//! Which entries are there already: leaf hash → index.
//!
//! Sorted runs, each over a range of the log, merged like the digits of a binary counter, so that
//! there are few and all writing is sequential. They can be deleted: they are made again from the
//! tiles, also when one turns out to be damaged. A hit is confirmed by the leaf's hash in the tree,
//! so a run cannot invent one.
//!
//! ```text
//! .state/index/0-4096   "attest-index--01" | begin u64 | end u64 | hash of leaf end - 1
//!                       | for each leaf: first 8 bytes of its hash, index u64; sorted
//! ```

use std::collections::HashMap;
use std::ops::Range;

use super::error::LogError;
use super::layout::{INDEX, Layout};
use super::tree::Tree;
use crate::Hash;
use crate::merkle::HashReader as _;

/// The index of a log that is open for writing.
pub(crate) struct Index {
    /// Adjacent, the largest first.
    runs: Vec<Run>,
    /// The leaves after the runs, in order.
    recent: Vec<Hash>,
    by_hash: HashMap<Hash, u64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Run {
    range: Range<u64>,
}

impl Index {
    /// Opens the index and brings it up to the end of the tree.
    pub(crate) fn open(layout: &Layout, tree: &Tree<'_>) -> Result<Self, LogError> {
        let found = adjacent_runs(layout, tree)?;
        if found.is_none() {
            layout.remove_folder(INDEX)?;
        }
        let mut index = Self {
            runs: found.unwrap_or_default(),
            recent: Vec::new(),
            by_hash: HashMap::new(),
        };
        for leaf in index.end()..tree.edge.size() {
            index.insert(tree.node(0, leaf)?);
            if index.recent.len() >= 2 * RUN {
                index.spill(layout)?;
            }
        }
        Ok(index)
    }

    /// Makes the index again from the tiles.
    pub(crate) fn rebuild(layout: &Layout, tree: &Tree<'_>) -> Result<Self, LogError> {
        layout.remove_folder(INDEX)?;
        Self::open(layout, tree)
    }

    /// The first leaf that is in no run.
    fn end(&self) -> u64 {
        self.runs.last().map_or(0, |it| it.range.end)
    }

    /// Adds the next leaf. Of equal leaves the first counts.
    pub(crate) fn insert(&mut self, leaf: Hash) {
        let index = self.end() + self.recent.len() as u64;
        self.recent.push(leaf);
        self.by_hash.entry(leaf).or_insert(index);
    }

    /// Where this leaf stands in the tree, if it does.
    ///
    /// # Errors
    /// A run is damaged: the index must be made again.
    pub(crate) fn find(&self, leaf: &Hash, tree: &Tree<'_>) -> Result<Option<u64>, LogError> {
        for run in &self.runs {
            let Some(index) = run.find(tree.layout, prefix(leaf))? else {
                continue;
            };
            // Two hashes that begin with the same 8 bytes: no, a damaged record.
            if !run.range.contains(&index) || tree.node(0, index)? != *leaf {
                return Err(run.damaged(tree.layout));
            }
            return Ok(Some(index));
        }
        Ok(self.by_hash.get(leaf).copied())
    }

    /// Writes leaves that have gathered in memory into runs.
    pub(crate) fn spill(&mut self, layout: &Layout) -> Result<(), LogError> {
        while self.recent.len() >= RUN {
            let begin = self.end();
            let (first, rest) = self.recent.split_at_checked(RUN).unwrap_or_default();
            let run = Run {
                range: begin..begin + RUN as u64,
            };
            let mut records: Vec<_> = (begin..)
                .zip(first)
                .map(|(index, leaf)| record(leaf, index))
                .collect();
            records.sort_unstable();
            let last = first
                .last()
                .copied()
                .unwrap_or_else(crate::merkle::empty_root);
            layout.start_new(&run.header(&last))?;
            layout.extend_new(&records.concat())?;
            layout.finish_new(&run.name())?;
            let (first, rest) = (first.to_vec(), rest.to_vec());
            for leaf in &first {
                self.by_hash.remove(leaf);
            }
            self.recent = rest;
            self.runs.push(run);
            self.merge(layout)?;
        }
        Ok(())
    }

    fn merge(&mut self, layout: &Layout) -> Result<(), LogError> {
        while let [.., left, right] = self.runs.as_slice() {
            if left.len() != right.len() {
                return Ok(());
            }
            let merged = merge(layout, left, right)?;
            let old = [left.name(), right.name()];
            self.runs.truncate(self.runs.len() - 2);
            self.runs.push(merged);
            old.iter().try_for_each(|it| layout.remove(it))?;
        }
        Ok(())
    }
}

impl Run {
    fn len(&self) -> u64 {
        self.range.end - self.range.start
    }

    fn damaged(&self, layout: &Layout) -> LogError {
        layout.corrupt(&self.name(), "is not the sorted run that was written")
    }

    fn name(&self) -> String {
        format!("{INDEX}/{}-{}", self.range.start, self.range.end)
    }

    fn header(&self, last: &Hash) -> Vec<u8> {
        let (begin, end) = (self.range.start.to_be_bytes(), self.range.end.to_be_bytes());
        [MAGIC, &begin, &end, last.as_bytes()].concat()
    }

    /// The run of a file name, if the file is a run of this tree.
    fn open(layout: &Layout, name: &str, tree: &Tree<'_>) -> Result<Option<Self>, LogError> {
        let Some((begin, end)) = name.split_once('-') else {
            return Ok(None);
        };
        let (Some(start), Some(end)) = (
            crate::codec::parse_decimal(begin),
            crate::codec::parse_decimal(end),
        ) else {
            return Ok(None);
        };
        if start >= end || end > tree.edge.size() {
            return Ok(None);
        }
        let run = Self { range: start..end };
        let header = run.header(&tree.node(0, end - 1)?);
        let found = layout.read_at(&run.name(), 0, HEADER)?;
        let tail = layout.read_at(
            &run.name(),
            HEADER as u64 + run.len() * RECORD as u64 - 1,
            2,
        )?;
        Ok((found == header && tail.len() == 1).then_some(run))
    }

    fn records(&self, layout: &Layout, range: Range<u64>) -> Result<Vec<[u8; RECORD]>, LogError> {
        let count = usize::try_from(range.end - range.start).unwrap_or(0);
        let offset = HEADER as u64 + range.start * RECORD as u64;
        let bytes = layout.read_at(&self.name(), offset, count * RECORD)?;
        let (records, _) = bytes.as_chunks();
        if records.len() != count {
            return Err(self.damaged(layout));
        }
        Ok(records.to_vec())
    }

    /// The index of the first leaf whose hash begins so: a search between known bounds, by the even spread
    /// of hashes.
    fn find(&self, layout: &Layout, wanted: u64) -> Result<Option<u64>, LogError> {
        let (mut low, mut high) = (0, self.len());
        let (mut low_key, mut high_key) = (0, u64::MAX);
        for round in 0.. {
            if low >= high {
                break;
            }
            let width = high - low;
            let guess = if round < GUESSES {
                let share = u128::from(wanted.saturating_sub(low_key)) * u128::from(width)
                    / (u128::from(high_key.saturating_sub(low_key)) + 1);
                low + u64::try_from(share).unwrap_or(0)
            } else {
                low + width / 2
            };
            let begin = guess.saturating_sub(PAGE / 2).clamp(low, high);
            let page = begin..(begin + PAGE).min(high);
            let records = self.records(layout, page.clone())?;
            let (Some(first), Some(last)) = (records.first(), records.last()) else {
                break;
            };
            let (first, last) = (key(first), key(last));
            if !records.is_sorted() || first < low_key || last > high_key {
                return Err(self.damaged(layout));
            }
            if wanted < first {
                (high, high_key) = (page.start, first);
            } else if wanted > last {
                (low, low_key) = (page.end, last);
            } else {
                return Ok(records.iter().find(|it| key(it) == wanted).map(value));
            }
        }
        Ok(None)
    }
}

/// The runs on disk, if they follow each other from the first leaf on. A run that lies within
/// another was merged into it and is removed.
fn adjacent_runs(layout: &Layout, tree: &Tree<'_>) -> Result<Option<Vec<Run>>, LogError> {
    let mut found = Vec::new();
    for item in layout.list(INDEX)? {
        let Some(run) = Run::open(layout, &item.name, tree)? else {
            return Ok(None);
        };
        found.push(run);
    }
    found.sort_by_key(|it| (it.range.start, u64::MAX - it.range.end));
    let mut runs: Vec<Run> = Vec::new();
    for run in found {
        let end = runs.last().map_or(0, |it| it.range.end);
        if run.range.start == end {
            runs.push(run);
        } else if run.range.end <= end {
            layout.remove(&run.name())?;
        } else {
            return Ok(None);
        }
    }
    Ok(Some(runs))
}

fn merge(layout: &Layout, left: &Run, right: &Run) -> Result<Run, LogError> {
    let merged = Run {
        range: left.range.start..right.range.end,
    };
    let last = layout.read_at(&right.name(), (HEADER - Hash::LEN) as u64, Hash::LEN)?;
    let last = Hash::try_from(last.as_slice()).map_err(|it| layout.corrupt(&right.name(), it))?;
    layout.start_new(&merged.header(&last))?;
    let mut sources = [Source::new(left), Source::new(right)];
    let mut chunk = Vec::with_capacity(CHUNK * RECORD);
    loop {
        let [a, b] = &mut sources;
        let next = match (a.peek(layout)?, b.peek(layout)?) {
            (Some(x), Some(y)) if x <= y => a.next(),
            (_, Some(_)) => b.next(),
            (Some(_), None) => a.next(),
            (None, None) => break,
        };
        chunk.extend(next);
        if chunk.len() >= CHUNK * RECORD {
            layout.extend_new(&chunk)?;
            chunk.clear();
        }
    }
    layout.extend_new(&chunk)?;
    layout.finish_new(&merged.name())?;
    Ok(merged)
}

/// A run that is read from its beginning to its end.
struct Source<'a> {
    run: &'a Run,
    read: u64,
    records: std::vec::IntoIter<[u8; RECORD]>,
}

impl<'a> Source<'a> {
    fn new(run: &'a Run) -> Self {
        Self {
            run,
            read: 0,
            records: Vec::new().into_iter(),
        }
    }

    fn peek(&mut self, layout: &Layout) -> Result<Option<[u8; RECORD]>, LogError> {
        if self.records.as_slice().is_empty() && self.read < self.run.len() {
            let end = (self.read + CHUNK as u64).min(self.run.len());
            self.records = self.run.records(layout, self.read..end)?.into_iter();
            self.read = end;
        }
        Ok(self.records.as_slice().first().copied())
    }

    fn next(&mut self) -> [u8; RECORD] {
        self.records.next().unwrap_or_default()
    }
}

fn prefix(leaf: &Hash) -> u64 {
    let first = leaf.as_bytes().first_chunk();
    first.map_or(0, |it| u64::from_be_bytes(*it))
}

fn record(leaf: &Hash, index: u64) -> [u8; RECORD] {
    let whole = (u128::from(prefix(leaf)) << 64) | u128::from(index);
    whole.to_be_bytes()
}

fn key(record: &[u8; RECORD]) -> u64 {
    u64::try_from(u128::from_be_bytes(*record) >> 64).unwrap_or(u64::MAX)
}

fn value(record: &[u8; RECORD]) -> u64 {
    u64::try_from(u128::from_be_bytes(*record) & u128::from(u64::MAX)).unwrap_or(u64::MAX)
}

const MAGIC: &[u8] = b"attest-index--01";
const HEADER: usize = 16 + 8 + 8 + Hash::LEN;
const RECORD: usize = 16;

/// Leaves of the smallest run. Tests want many small ones.
const RUN: usize = if cfg!(test) { 64 } else { 4096 };

/// Records read at once when searching: one page of the file system.
const PAGE: u64 = 256;

/// Records read at once when merging.
const CHUNK: usize = 16 * 1024;

/// Guesses by the spread of hashes before halving.
const GUESSES: u32 = 8;

#[cfg(test)]
mod tests;
