//! A log of either generation, as a monitor asks it.

use attest_log::{Hash, LogReader, SignedCheckpoint, merkle::Frontier};
use attest_remote::{ClaimedHead, RekorV1};
use attest_verify::TrustedLog;

use crate::command::log::place::{self, Place, refused, unheard};
use crate::command::log::rekor_v1::verified_entry;
use crate::failure::Failure;

/// A log whose present checkpoint was fetched and verified.
pub(super) enum Watched<'a> {
    Tiles {
        place: &'a Place,
        reader: Box<LogReader>,
    },
    RekorV1 {
        place: &'a Place,
        log: &'a TrustedLog,
        client: Box<RekorV1>,
        tree: String,
        head: Box<SignedCheckpoint>,
        ended: Vec<(ClaimedHead, SignedCheckpoint)>,
    },
}

impl<'a> Watched<'a> {
    pub(super) fn open(place: &'a Place) -> Result<Self, Failure> {
        match place {
            Place::Tiles { at, key } => Ok(Self::Tiles {
                place,
                reader: Box::new(at.open(key)?),
            }),
            Place::RekorV1 { url, log } => {
                let client = Box::new(place::rekor_v1(url)?);
                let claimed = client.head().map_err(|error| unheard(&error))?;
                let signed = |it: &ClaimedHead| {
                    log.verify_head(it.checkpoint.as_bytes())
                        .map_err(|check| place::wrong(&check))
                };
                let head = Box::new(signed(&claimed)?);
                let mut ended = Vec::new();
                for tree in claimed.ended {
                    let signed = signed(&tree)?;
                    ended.push((tree, signed));
                }
                Ok(Self::RekorV1 {
                    place,
                    log,
                    client,
                    tree: claimed.tree,
                    head,
                    ended,
                })
            }
        }
    }

    fn place(&self) -> &Place {
        match self {
            Self::Tiles { place, .. } | Self::RekorV1 { place, .. } => place,
        }
    }

    pub(super) fn id(&self) -> [u8; 32] {
        self.place().id()
    }

    pub(super) fn head(&self) -> &SignedCheckpoint {
        match self {
            Self::Tiles { reader, .. } => reader.checkpoint(),
            Self::RekorV1 { head, .. } => head,
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.head().checkpoint().size()
    }

    pub(super) fn root(&self) -> Hash {
        self.head().checkpoint().root()
    }

    /// The tree of a Rekor v1; a tile log is one tree.
    pub(super) fn tree(&self) -> &str {
        match self {
            Self::Tiles { .. } => "",
            Self::RekorV1 { tree, .. } => tree,
        }
    }

    /// A checkpoint of this log, or why it is none.
    pub(super) fn verify(&self, note: &[u8]) -> Result<SignedCheckpoint, (&'static str, String)> {
        self.place().verify(note)
    }

    /// Hashes that are to prove that one size is a prefix of another.
    pub(super) fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, Failure> {
        match self {
            Self::Tiles { reader, .. } => reader
                .consistency(old, new)
                .map_err(|error| refused(&error)),
            Self::RekorV1 { client, tree, .. } => client
                .consistency(tree, old, new)
                .map_err(|error| unheard(&error)),
        }
    }

    /// The right edge of the tree of this size.
    pub(super) fn frontier(&self, size: u64) -> Result<Frontier, Failure> {
        let beyond = || {
            Failure::request(
                "log-size-unknown",
                format!("--from {size}: the log has {} entries", self.size()),
            )
        };
        if size > self.size() {
            return Err(beyond());
        }
        match self {
            _ if size == 0 => Ok(Frontier::new()),
            Self::Tiles { reader, .. } => reader.frontier(size).map_err(|error| refused(&error)),
            Self::RekorV1 { .. } if size < self.size() => Err(Failure::request(
                "log-size-unknown",
                format!(
                    "--from {size}: a Rekor v1 is begun with entry 0, or with those that come from now on"
                ),
            )),
            Self::RekorV1 {
                client, log, head, ..
            } => {
                let place = self.offset() + size - 1;
                let entry = client.entry(place).map_err(|error| unheard(&error))?;
                let entry = entry.ok_or_else(|| corrupt(format!("it has no entry {place}")))?;
                verified_entry(log, &entry)?;
                let leaf = attest_log::merkle::leaf_hash(&entry.body);
                let edge = Frontier::of_last_leaf(size - 1, leaf, &entry.hashes);
                // The log may have grown since: then the proof leads to another tree.
                edge.filter(|it| it.root() == head.checkpoint().root())
                    .ok_or_else(|| {
                        Failure::unknown(
                            "log-answer-missing",
                            "the log grew while it was read: run it again",
                        )
                    })
            }
        }
    }

    /// Some of the entries from `begin` on, at least one.
    pub(super) fn entries(&self, begin: u64, end: u64) -> Result<Vec<Vec<u8>>, Failure> {
        match self {
            Self::Tiles { reader, .. } => {
                reader.entries(begin, end).map_err(|error| refused(&error))
            }
            Self::RekorV1 { client, .. } => {
                let end = end.min(begin + AT_ONCE);
                let places: Vec<u64> = (begin..end).map(|it| it + self.offset()).collect();
                let found = client.entries(&places).map_err(|error| unheard(&error))?;
                let indices: Vec<u64> = found.iter().map(|it| it.tree_index).collect();
                if indices != (begin..end).collect::<Vec<_>>() {
                    return Err(corrupt(format!(
                        "asked for entries {begin} to {end}, it answers with others"
                    )));
                }
                Ok(found.into_iter().map(|it| it.body).collect())
            }
        }
    }

    /// Entries of the trees before this one.
    pub(super) fn offset(&self) -> u64 {
        match self {
            Self::Tiles { .. } => 0,
            Self::RekorV1 { ended, .. } => {
                let sizes = ended.iter().map(|(_, it)| it.checkpoint().size());
                sizes.fold(0, u64::saturating_add)
            }
        }
    }

    /// That the tree that was followed is the present one, or is named among those that ended.
    pub(super) fn follow(&self, tree: &str, notes: &mut Vec<String>) -> Result<(), String> {
        let Self::RekorV1 {
            ended, tree: now, ..
        } = self
        else {
            return Ok(());
        };
        if tree == now {
            return Ok(());
        }
        let Some((_, last)) = ended.iter().find(|(it, _)| it.tree == tree) else {
            return Err(format!(
                "tree {tree} is neither the present one, {now}, nor among those that ended"
            ));
        };
        let size = last.checkpoint().size();
        notes.push(format!(
            "shard: tree {tree} ended with {size} entries; tree {now} is followed from its first"
        ));
        Ok(())
    }
}

fn corrupt(problem: String) -> Failure {
    Failure::no("log-corrupt", problem)
}

/// Entries that a Rekor v1 gives in one answer.
const AT_ONCE: u64 = 10;
