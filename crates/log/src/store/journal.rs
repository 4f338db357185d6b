//! The journal: where entries become durable, with one sync for each batch.
//!
//! Everything else in the log's folder can be made again from the tiles that were synced when the
//! journal was begun and from what stands in it.
//!
//! ```text
//! header  "attest-journal-1" | base u64 | synced u64 | hashes of the growing tiles of level 1 to 7
//!         in a tree of `base` leaves | SHA-256 of all before
//! record  first u64 | count u32 | note length u32 | entries length u64 | note | entries
//!         | SHA-256 of the previous record's (or the header's) SHA-256 and all before in this record
//! ```
//!
//! Numbers are big-endian. `base` is a multiple of 256. The first record holds the entries from
//! `base` up to `synced`. The note of a record is the checkpoint that was published before it.

use sha2::{Digest as _, Sha256};

use super::edge::Edge;
use super::error::LogError;
use super::layout::{JOURNAL, Layout, STATE};
use crate::Hash;
use crate::tile::{self, HEIGHT, LEVELS, WIDTH};

/// The open journal: what is needed to write on.
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    chain: [u8; 32],
    length: u64,
    records: usize,
}

/// A journal as it was found.
pub(crate) struct Recovered {
    pub(crate) journal: Journal,
    /// The tree of `base` leaves.
    pub(crate) base: Edge,
    /// Tiles of this tree were synced when the journal was begun.
    pub(crate) synced: u64,
    pub(crate) records: Vec<Record>,
    /// Bytes after the last whole record: a batch that was never acknowledged.
    pub(crate) torn: u64,
}

/// One batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// The checkpoint that was published before this batch; may be empty.
    pub(crate) note: Vec<u8>,
    /// The entries, as in a bundle.
    pub(crate) entries: Vec<Vec<u8>>,
}

impl Journal {
    /// Begins a journal at this edge, all of whose tiles are synced.
    pub(crate) fn begin(layout: &Layout, edge: &Edge) -> Result<Self, LogError> {
        let base = edge.size() - edge.size() % u64::from(WIDTH);
        let mut bytes = MAGIC.to_vec();
        bytes.extend(base.to_be_bytes());
        bytes.extend(edge.size().to_be_bytes());
        for level in 1..LEVELS {
            bytes.extend(tile::encode_hashes(edge.hashes(level)));
        }
        let header: [u8; 32] = Sha256::digest(&bytes).into();
        bytes.extend(header);
        let mut journal = Self {
            chain: header,
            length: 0,
            records: 0,
        };
        if edge.size() > base {
            let count = u32::try_from(edge.size() - base).unwrap_or(u32::MAX);
            let record = journal.encode(base, count, &[], edge.bundle());
            bytes.extend(record);
            journal.records = 0;
        }
        journal.length = bytes.len() as u64;
        layout.put_synced(JOURNAL, &bytes)?;
        layout.sync_folder(STATE)?;
        Ok(journal)
    }

    /// Adds a batch. It is durable when this returns.
    pub(crate) fn append(
        &mut self,
        layout: &Layout,
        first: u64,
        note: &[u8],
        entries: &[&[u8]],
    ) -> Result<(), LogError> {
        let mut bundle = Vec::new();
        for entry in entries {
            tile::push_entry(&mut bundle, entry).map_err(|it| layout.corrupt(JOURNAL, it))?;
        }
        let count = u32::try_from(entries.len());
        let count = count.map_err(|_| layout.corrupt(JOURNAL, "takes no batch of 2^32 entries"))?;
        let record = self.encode(first, count, note, &bundle);
        layout.extend(JOURNAL, &record)?;
        layout.sync(&[layout.path(JOURNAL)])?;
        self.length += record.len() as u64;
        Ok(())
    }

    /// Whether it is time to sync the tiles and begin anew.
    pub(crate) const fn is_long(&self) -> bool {
        self.length > LONG_BYTES || self.records > LONG_RECORDS
    }

    fn encode(&mut self, first: u64, count: u32, note: &[u8], bundle: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(RECORD_HEAD + note.len() + bundle.len() + Hash::LEN);
        bytes.extend(first.to_be_bytes());
        bytes.extend(count.to_be_bytes());
        bytes.extend(u32::try_from(note.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend((bundle.len() as u64).to_be_bytes());
        bytes.extend(note);
        bytes.extend(bundle);
        self.chain = chained(&self.chain, &bytes);
        bytes.extend(self.chain);
        self.records += 1;
        bytes
    }

    /// Reads the journal; `None` if there is none.
    pub(crate) fn read(layout: &Layout) -> Result<Option<Recovered>, LogError> {
        let Some(bytes) = layout.read(JOURNAL)? else {
            return Ok(None);
        };
        let mut reader = Reader { rest: &bytes };
        let (base, synced, chain) = reader
            .header()
            .ok_or_else(|| layout.corrupt(JOURNAL, "has a damaged header"))?;
        let mut journal = Self {
            chain,
            length: 0,
            records: 0,
        };
        let mut records = Vec::new();
        let mut next = base.size();
        while let Some((record, chain)) = reader.record(next, &journal.chain) {
            next += record.entries.len() as u64;
            records.push(record);
            journal.chain = chain;
            journal.records += 1;
        }
        let torn = reader.rest.len() as u64;
        journal.length = bytes.len() as u64 - torn;
        if next < synced {
            return Err(layout.corrupt(JOURNAL, format!("ends at entry {next}, before {synced}")));
        }
        Ok(Some(Recovered {
            journal,
            base,
            synced,
            records,
            torn,
        }))
    }

    /// Cuts off what follows the last whole record.
    pub(crate) fn cut(&self, layout: &Layout) -> Result<(), LogError> {
        layout.truncate(JOURNAL, self.length)?;
        layout.sync(&[layout.path(JOURNAL)])
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u64::from_be_bytes(*bytes))
    }

    fn short_number(&mut self) -> Option<u32> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u32::from_be_bytes(*bytes))
    }

    fn header(&mut self) -> Option<(Edge, u64, [u8; 32])> {
        let whole = self.rest;
        if self.take(MAGIC.len())? != MAGIC {
            return None;
        }
        let (base, synced) = (self.number()?, self.number()?);
        let mut hashes = vec![Vec::new()];
        for level in 1..LEVELS {
            let width =
                u16::try_from((base >> (HEIGHT * u32::from(level))) % u64::from(WIDTH)).ok()?;
            let bytes = self.take(usize::from(width) * Hash::LEN)?;
            hashes.push(tile::parse_hashes(bytes, width).ok()?);
        }
        let (before, _) = whole.split_at_checked(whole.len() - self.rest.len())?;
        let chain: [u8; 32] = Sha256::digest(before).into();
        let sound = self.take(chain.len())? == chain
            && base % u64::from(WIDTH) == 0
            && (base..base.checked_add(u64::from(WIDTH))?).contains(&synced);
        sound.then(|| (Edge::new(base, &hashes, Vec::new()), synced, chain))
    }

    /// The next record, if it is whole.
    fn record(&mut self, next: u64, previous: &[u8; 32]) -> Option<(Record, [u8; 32])> {
        let whole = self.rest;
        let parsed = self.parse_record(whole, next, previous);
        if parsed.is_none() {
            self.rest = whole;
        }
        parsed
    }

    fn parse_record(
        &mut self,
        whole: &[u8],
        next: u64,
        previous: &[u8; 32],
    ) -> Option<(Record, [u8; 32])> {
        let (first, count) = (self.number()?, self.short_number()?);
        let note = usize::try_from(self.short_number()?).ok()?;
        let bundle = usize::try_from(self.number()?).ok()?;
        let note = self.take(note)?.to_vec();
        let mut bundle = self.take(bundle)?;
        let (before, _) = whole.split_at_checked(whole.len() - self.rest.len())?;
        let chain = chained(previous, before);
        if self.take(chain.len())? != chain || first != next {
            return None;
        }
        let mut entries = Vec::new();
        while !bundle.is_empty() {
            let (entry, rest) = tile::split_entry(bundle)?;
            entries.push(entry.to_vec());
            bundle = rest;
        }
        (entries.len() == count as usize).then_some((Record { note, entries }, chain))
    }
}

fn chained(previous: &[u8; 32], bytes: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(previous)
        .chain_update(bytes)
        .finalize()
        .into()
}

const MAGIC: &[u8] = b"attest-journal-1";
const RECORD_HEAD: usize = 24;

/// Beyond this, opening would take long. Tests want to see it often.
const LONG_BYTES: u64 = 8 * 1024 * 1024;
const LONG_RECORDS: usize = if cfg!(test) { 24 } else { 128 };
