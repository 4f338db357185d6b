//! Everything recomputed from the entries.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::thread;

use super::error::LogError;
use super::layout::{CHECKPOINTS, Layout};
use crate::entry::Entry;
use crate::merkle::{Frontier, leaf_hash};
use crate::tile::{self, Content, HEIGHT, LEVELS, TileId, WIDTH};
use crate::{Hash, LogKey, SignedCheckpoint, codec};

/// What [`crate::LogReader::check`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    /// Entries under the published checkpoint.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// Tile files that were read and compared.
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
    let size = published.checkpoint().size();
    let mut checker = Checker {
        layout,
        key,
        size,
        kept: kept_sizes(layout, size)?,
        frontier: Frontier::new(),
        growing: vec![Vec::new(); usize::from(LEVELS)],
        report: CheckReport {
            size,
            root: published.checkpoint().root(),
            tiles: 0,
            checkpoints: 0,
            unknown_entries: 0,
            findings: Vec::new(),
        },
    };
    checker.run(published)?;
    Ok(checker.report)
}

struct Checker<'a> {
    layout: &'a Layout,
    key: &'a LogKey,
    size: u64,
    /// Sizes of kept checkpoints that are still to come, in order.
    kept: BTreeSet<u64>,
    frontier: Frontier,
    /// The hashes of the growing tile of each level, recomputed.
    growing: Vec<Vec<Hash>>,
    report: CheckReport,
}

/// What was read of one bundle.
struct Bundle {
    index: u64,
    leaves: Result<Vec<Hash>, Finding>,
    unknown: u64,
}

impl Checker<'_> {
    fn run(&mut self, published: &SignedCheckpoint) -> Result<(), LogError> {
        self.check_kept()?;
        let bundles = self.size.div_ceil(u64::from(WIDTH));
        let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut next = 0;
        while next < bundles {
            let end = (next + (threads * BUNDLES_AT_ONCE) as u64).min(bundles);
            for bundle in self.read_bundles(next, end, threads)? {
                self.report.unknown_entries += bundle.unknown;
                match bundle.leaves {
                    Ok(leaves) => self.add_bundle(bundle.index, &leaves)?,
                    Err(finding) => {
                        // Without these leaves nothing above and after can be recomputed.
                        self.report.findings.push(finding);
                        return Ok(());
                    }
                }
            }
            next = end;
        }
        for level in 0..LEVELS {
            self.compare_growing(level)?;
        }
        if self.frontier.root() != published.checkpoint().root() {
            let problem = format!(
                "root is {}, the entries give {}",
                published.checkpoint().root(),
                self.frontier.root()
            );
            self.find("checkpoint", problem);
        }
        Ok(())
    }

    /// Reads and hashes bundles on all cores.
    fn read_bundles(&self, begin: u64, end: u64, threads: usize) -> Result<Vec<Bundle>, LogError> {
        let indices: Vec<u64> = (begin..end).collect();
        let share = indices.len().div_ceil(threads).max(1);
        let (layout, size) = (self.layout, self.size);
        thread::scope(|scope| {
            let workers: Vec<_> = indices
                .chunks(share)
                .map(|it| {
                    scope.spawn(move || {
                        it.iter()
                            .map(|it| read_bundle(layout, *it, size))
                            .collect::<Result<Vec<_>, _>>()
                    })
                })
                .collect();
            let mut bundles = Vec::new();
            for worker in workers {
                let read = worker.join().unwrap_or_else(|_| Err(LogError::Stopped));
                bundles.extend(read?);
            }
            Ok(bundles)
        })
    }

    fn add_bundle(&mut self, index: u64, leaves: &[Hash]) -> Result<(), LogError> {
        self.report.tiles += 1;
        let begin = index * u64::from(WIDTH);
        if self
            .kept
            .range(begin..begin + leaves.len() as u64 + 1)
            .next()
            .is_none()
            && leaves.len() == usize::from(WIDTH)
        {
            self.frontier.push_subtree(
                HEIGHT,
                tile::TileNodes::from_hashes(leaves)
                    .root()
                    .unwrap_or_else(crate::merkle::empty_root),
            );
        } else {
            for leaf in leaves {
                self.frontier.push(*leaf);
                self.check_kept()?;
            }
        }
        self.grow(0, leaves)
    }

    /// Adds recomputed hashes to a level, and the roots of full tiles to the next.
    fn grow(&mut self, level: u8, hashes: &[Hash]) -> Result<(), LogError> {
        let Some(growing) = self.growing.get_mut(usize::from(level)) else {
            return Ok(());
        };
        growing.extend(hashes);
        if growing.len() < usize::from(WIDTH) {
            return Ok(());
        }
        let full = std::mem::take(growing);
        let index = tile::growing_index(level, self.frontier.size()).saturating_sub(1);
        self.compare(level, index, &full)?;
        match tile::TileNodes::from_hashes(&full).root() {
            Some(root) => self.grow(level + 1, &[root]),
            None => Ok(()),
        }
    }

    fn compare_growing(&mut self, level: u8) -> Result<(), LogError> {
        let hashes = self
            .growing
            .get_mut(usize::from(level))
            .map(std::mem::take)
            .unwrap_or_default();
        if hashes.is_empty() {
            return Ok(());
        }
        let index = tile::growing_index(level, self.size);
        self.compare(level, index, &hashes)
    }

    /// Compares a tile file, and all partial ones at its place, with recomputed hashes.
    fn compare(&mut self, level: u8, index: u64, wanted: &[Hash]) -> Result<(), LogError> {
        self.report.tiles += 1;
        let id = TileId::full(Content::Hashes(level), index);
        match self.layout.hashes(level, index, self.size) {
            Ok(found) if found == wanted => {}
            Ok(_) => self.find(
                &id.path(),
                "has other hashes than the entries give".to_owned(),
            ),
            Err(LogError::Corrupt { path, problem }) => {
                self.report.findings.push(Finding { path, problem })
            }
            Err(error) => return Err(error),
        }
        for item in self.layout.list(&id.partials())? {
            let name = format!("{}/{}", id.partials(), item.name);
            let width = TileId::parse(&name).map(|it| usize::from(it.width()));
            let Ok(width) = width else {
                self.find(&name, "is not a tile".to_owned());
                continue;
            };
            // Wider than what is published: being written just now.
            let Some(wanted) = wanted.get(..width) else {
                continue;
            };
            self.report.tiles += 1;
            if self
                .layout
                .read(&name)?
                .is_some_and(|it| it != tile::encode_hashes(wanted))
            {
                self.find(&name, "has other hashes than the entries give".to_owned());
            }
        }
        Ok(())
    }

    /// Compares the kept checkpoint of the current size, if there is one.
    fn check_kept(&mut self) -> Result<(), LogError> {
        let size = self.frontier.size();
        if !self.kept.remove(&size) {
            return Ok(());
        }
        self.report.checkpoints += 1;
        let name = super::layout::kept_name(size);
        match self.layout.kept(size, self.key) {
            Ok(Some(kept)) if kept.checkpoint().root() == self.frontier.root() => {}
            Ok(Some(_)) => self.find(
                &name,
                format!("has another root than the first {size} entries"),
            ),
            Ok(None) => self.find(&name, "is missing".to_owned()),
            Err(LogError::Corrupt { path, problem }) => {
                self.report.findings.push(Finding { path, problem })
            }
            Err(LogError::Checkpoint { path, source, .. }) => {
                self.report.findings.push(Finding {
                    path,
                    problem: source.to_string(),
                });
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn find(&mut self, name: &str, problem: String) {
        self.report.findings.push(Finding {
            path: self.layout.path(name),
            problem,
        });
    }
}

fn read_bundle(layout: &Layout, index: u64, size: u64) -> Result<Bundle, LogError> {
    match layout.entries(index, size) {
        Ok(entries) => {
            let unknown = entries
                .iter()
                .filter(|it| Entry::parse(it).is_err())
                .count() as u64;
            let leaves = Ok(entries.iter().map(|it| leaf_hash(it)).collect());
            Ok(Bundle {
                index,
                leaves,
                unknown,
            })
        }
        Err(LogError::Corrupt { path, problem }) => Ok(Bundle {
            index,
            leaves: Err(Finding { path, problem }),
            unknown: 0,
        }),
        Err(error) => Err(error),
    }
}

fn kept_sizes(layout: &Layout, size: u64) -> Result<BTreeSet<u64>, LogError> {
    let items = layout.list(CHECKPOINTS)?;
    let sizes = items.iter().filter_map(|it| codec::parse_decimal(&it.name));
    // Larger ones: being published just now.
    Ok(sizes.filter(|it| *it <= size).collect())
}

/// Bundles that one thread holds at a time.
const BUNDLES_AT_ONCE: usize = 16;
