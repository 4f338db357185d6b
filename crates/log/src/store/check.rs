//! Everything recomputed from the entries.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::thread;

use super::error::LogError;
use super::layout::{CHECKPOINTS, Layout, kept_name};
use crate::entry::Entry;
use crate::merkle::{Frontier, leaf_hash};
use crate::tile::{self, Content, LEVELS, TileId, TileNodes, WIDTH};
use crate::{Hash, LogKey, SignedCheckpoint, codec};

/// What [`crate::LogReader::check`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    /// Entries under the published checkpoint.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// Tile files and entry bundles that were read and compared.
    pub tiles: u64,
    /// Checkpoints that were kept, verified and recomputed.
    pub checkpoints: u64,
    /// Entries that are not of a kind we know.
    pub unknown_entries: u64,
    /// What is wrong. Empty: the log is what its checkpoint says.
    pub findings: Vec<Finding>,
}

/// One thing that is wrong with a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: String,
}

pub(crate) fn check(
    layout: &Layout,
    key: &LogKey,
    published: &SignedCheckpoint,
) -> Result<CheckReport, LogError> {
    let (size, root) = (published.checkpoint().size(), published.checkpoint().root());
    let mut checker = Checker {
        layout,
        key,
        kept: kept_sizes(layout, size)?,
        frontier: Frontier::new(),
        growing: vec![TileNodes::default(); usize::from(LEVELS)],
        report: CheckReport {
            size,
            root,
            tiles: 0,
            checkpoints: 0,
            unknown_entries: 0,
            findings: Vec::new(),
        },
    };
    checker.run()?;
    Ok(checker.report)
}

struct Checker<'a> {
    layout: &'a Layout,
    key: &'a LogKey,
    /// Sizes of kept checkpoints that are still to come.
    kept: BTreeSet<u64>,
    frontier: Frontier,
    /// The growing tile of each level, recomputed.
    growing: Vec<TileNodes>,
    report: CheckReport,
}

impl Checker<'_> {
    fn run(&mut self) -> Result<(), LogError> {
        self.check_kept()?;
        let bundles = self.report.size.div_ceil(u64::from(WIDTH));
        let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut begin = 0;
        while begin < bundles {
            let end = (begin + (threads * BUNDLES_AT_ONCE) as u64).min(bundles);
            for bundle in read_bundles(self.layout, begin..end, self.report.size, threads)? {
                let whole = bundle.leaves.len() == bundle.wanted;
                self.add_bundle(bundle)?;
                if !whole {
                    // Without these leaves nothing that follows can be recomputed.
                    return Ok(());
                }
            }
            begin = end;
        }
        for level in 0..LEVELS {
            let growing = self.growing.get_mut(usize::from(level)).map(std::mem::take);
            let growing = growing.filter(|it| !it.hashes().is_empty());
            let index = tile::growing_index(level, self.report.size);
            growing.map_or(Ok(()), |it| self.compare(level, index, it.hashes()))?;
        }
        let (found, wanted) = (self.report.root, self.frontier.root());
        if found != wanted {
            self.find(
                "checkpoint",
                format!("has root {found}, the entries give {wanted}"),
            );
        }
        Ok(())
    }

    fn add_bundle(&mut self, bundle: Bundle) -> Result<(), LogError> {
        self.report.tiles += bundle.files;
        self.report.unknown_entries += bundle.unknown;
        self.report.findings.extend(bundle.findings);
        for leaf in bundle.leaves {
            self.frontier.push(leaf);
            self.check_kept()?;
            self.grow(0, leaf)?;
        }
        Ok(())
    }

    /// Adds a recomputed hash to a level, and the root of a tile that becomes full to the next.
    fn grow(&mut self, level: u8, hash: Hash) -> Result<(), LogError> {
        let Some(growing) = self.growing.get_mut(usize::from(level)) else {
            return Ok(());
        };
        growing.push(hash);
        let Some(root) = growing.root() else {
            return Ok(());
        };
        let full = std::mem::take(growing);
        let index = tile::growing_index(level, self.frontier.size()) - 1;
        self.compare(level, index, full.hashes())?;
        self.grow(level + 1, root)
    }

    /// Compares a tile, and all partial ones at its place, with recomputed hashes.
    fn compare(&mut self, level: u8, index: u64, wanted: &[Hash]) -> Result<(), LogError> {
        self.report.tiles += 1;
        let id = TileId::full(Content::Hashes(level), index);
        match self.layout.hashes(level, index, self.report.size) {
            Ok(found) if found == wanted => {}
            Ok(_) => self.find(&id.path(), OTHER_HASHES),
            Err(error) => self.report.findings.push(finding(error)?),
        }
        let same = |bytes: &[u8], width| {
            let wanted = wanted.get(..usize::from(width));
            wanted.is_none_or(|it| bytes == tile::encode_hashes(it))
        };
        let (files, wrong) = compare_partials(self.layout, id, OTHER_HASHES, same)?;
        self.report.tiles += files;
        self.report.findings.extend(wrong);
        Ok(())
    }

    /// Verifies the kept checkpoint of the current size, if there is one.
    fn check_kept(&mut self) -> Result<(), LogError> {
        let size = self.frontier.size();
        if !self.kept.remove(&size) {
            return Ok(());
        }
        self.report.checkpoints += 1;
        let name = kept_name(size);
        match self.layout.kept(size, self.key) {
            Ok(Some(kept)) if kept.checkpoint().root() == self.frontier.root() => {}
            Ok(Some(_)) => {
                self.find(
                    &name,
                    format!("has another root than the first {size} entries"),
                );
            }
            Ok(None) => self.find(&name, "is missing"),
            Err(error) => self.report.findings.push(finding(error)?),
        }
        Ok(())
    }

    fn find(&mut self, name: &str, problem: impl Into<String>) {
        let (path, problem) = (self.layout.path(name), problem.into());
        self.report.findings.push(Finding { path, problem });
    }
}

/// What was read of one bundle.
struct Bundle {
    /// Fewer than wanted if the bundle cannot be used.
    leaves: Vec<Hash>,
    wanted: usize,
    unknown: u64,
    files: u64,
    findings: Vec<Finding>,
}

/// Reads and hashes bundles on all cores.
fn read_bundles(
    layout: &Layout,
    indices: std::ops::Range<u64>,
    size: u64,
    threads: usize,
) -> Result<Vec<Bundle>, LogError> {
    let indices: Vec<u64> = indices.collect();
    let read = |share: &[u64]| -> Result<Vec<_>, LogError> {
        share
            .iter()
            .map(|it| Bundle::read(layout, *it, size))
            .collect()
    };
    let share = indices.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        let workers: Vec<_> = indices
            .chunks(share)
            .map(|it| scope.spawn(move || read(it)))
            .collect();
        let mut bundles = Vec::with_capacity(indices.len());
        for worker in workers {
            bundles.extend(worker.join().unwrap_or(Err(LogError::Stopped))?);
        }
        Ok(bundles)
    })
}

impl Bundle {
    fn read(layout: &Layout, index: u64, size: u64) -> Result<Self, LogError> {
        let id = TileId::of_size(Content::Entries, index, size);
        let wanted = id.map_or(0, |it| usize::from(it.width()));
        let (entries, findings) = match layout.entries(index, size) {
            Ok(entries) => (entries, Vec::new()),
            Err(error) => (Vec::new(), vec![finding(error)?]),
        };
        let known = |it: &&Vec<u8>| Entry::parse(it).is_ok();
        let mut bundle = Self {
            leaves: entries.iter().map(|it| leaf_hash(it)).collect(),
            wanted,
            unknown: (entries.len() - entries.iter().filter(known).count()) as u64,
            files: 1,
            findings,
        };
        if bundle.leaves.len() == wanted {
            let same = |bytes: &[u8], width| {
                let parsed = tile::parse_entries(bytes, width);
                let wanted = entries.get(..usize::from(width));
                wanted.is_none_or(|wanted| parsed.is_ok_and(|it| it == wanted))
            };
            let full = TileId::full(Content::Entries, index);
            let (files, wrong) = compare_partials(layout, full, OTHER_ENTRIES, same)?;
            bundle.files += files;
            bundle.findings.extend(wrong);
        }
        Ok(bundle)
    }
}

/// Compares all partial tiles at a place. Those wider than what is published are being written just
/// now, and are the same for this purpose.
fn compare_partials(
    layout: &Layout,
    full: TileId,
    other: &str,
    same: impl Fn(&[u8], u16) -> bool,
) -> Result<(u64, Vec<Finding>), LogError> {
    let (mut files, mut findings) = (0, Vec::new());
    for item in layout.list(&full.partials())? {
        let name = format!("{}/{}", full.partials(), item.name);
        let problem = match TileId::parse(&name) {
            Err(_) => Some("is not a tile"),
            Ok(id) => {
                files += 1;
                let bytes = layout.read(&name)?;
                bytes.filter(|it| !same(it, id.width())).map(|_| other)
            }
        };
        let path = layout.path(&name);
        findings.extend(problem.map(|it| Finding {
            path,
            problem: it.to_owned(),
        }));
    }
    Ok((files, findings))
}

/// What is wrong with a file is a finding; that it cannot be read is an error.
fn finding(error: LogError) -> Result<Finding, LogError> {
    match error {
        LogError::Corrupt { path, problem } => Ok(Finding { path, problem }),
        LogError::Checkpoint { path, source, .. } => Ok(Finding {
            path,
            problem: source.to_string(),
        }),
        error => Err(error),
    }
}

fn kept_sizes(layout: &Layout, size: u64) -> Result<BTreeSet<u64>, LogError> {
    let items = layout.list(CHECKPOINTS)?;
    let sizes = items.iter().filter_map(|it| codec::parse_decimal(&it.name));
    // Larger ones: being published just now.
    Ok(sizes.filter(|it| *it <= size).collect())
}

const OTHER_HASHES: &str = "has other hashes than the entries give";
const OTHER_ENTRIES: &str = "has other entries than the bundle";

/// Bundles that one thread holds at a time.
const BUNDLES_AT_ONCE: usize = 16;
