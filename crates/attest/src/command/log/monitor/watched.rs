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
        ended: Vec<Ended>,
    },
}

/// A tree of a Rekor v1 that ended.
pub(super) struct Ended {
    tree: String,
    head: SignedCheckpoint,
}

/// A tree of the log: its name, the entries of the trees before it, and its last checkpoint.
#[derive(Clone, Copy)]
pub(super) struct Tree<'w> {
    name: &'w str,
    pub(super) offset: u64,
    head: &'w SignedCheckpoint,
}

impl Tree<'_> {
    pub(super) fn size(&self) -> u64 {
        self.head.checkpoint().size()
    }

    pub(super) fn root(&self) -> Hash {
        self.head.checkpoint().root()
    }

    /// Its last checkpoint, as it is signed.
    pub(super) fn checkpoint(&self) -> String {
        String::from_utf8_lossy(self.head.as_bytes()).into_owned()
    }
}

impl<'a> Watched<'a> {
    pub(super) fn open(place: &'a Place) -> Result<Self, Failure> {
        match place {
            Place::Tiles { at, key } => Ok(Self::Tiles {
                place,
                reader: Box::new(at.open(key)?),
            }),
            Place::RekorV1 { at, log } => {
                let client = Box::new(at.rekor_v1()?);
                let claimed = client.head().map_err(|error| unheard(&error))?;
                let head = Box::new(signed(log, &claimed)?);
                let mut ended: Vec<Ended> = Vec::new();
                for one in claimed.ended {
                    let head = signed(log, &one)?;
                    let tree = one.tree;
                    if tree == claimed.tree || ended.iter().any(|it| it.tree == tree) {
                        return Err(corrupt(format!("it names tree {tree} twice")));
                    }
                    ended.push(Ended { tree, head });
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

    /// The tree that grows.
    pub(super) fn present(&self) -> Tree<'_> {
        Tree {
            name: self.tree(),
            offset: self.offset(),
            head: self.head(),
        }
    }

    /// The trees that ended, oldest first.
    pub(super) fn ended(&self) -> Vec<Tree<'_>> {
        let Self::RekorV1 { ended, .. } = self else {
            return Vec::new();
        };
        let mut offset = 0_u64;
        let mut trees = Vec::new();
        for one in ended {
            let tree = Tree {
                name: &one.tree,
                offset,
                head: &one.head,
            };
            offset = offset.saturating_add(tree.size());
            trees.push(tree);
        }
        trees
    }

    /// Hashes that are to prove that one size of a tree is a prefix of another.
    pub(super) fn consistency(&self, of: Tree<'_>, old: u64) -> Result<Vec<Hash>, Failure> {
        let new = of.size();
        match self {
            Self::Tiles { reader, .. } => reader
                .consistency(old, new)
                .map_err(|error| refused(&error)),
            Self::RekorV1 { client, .. } => client
                .consistency(of.name, old, new)
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

    /// Some of the entries of a tree from `begin` on, at least one.
    pub(super) fn entries(&self, of: Tree<'_>, begin: u64) -> Result<Vec<Vec<u8>>, Failure> {
        let end = of.size();
        match self {
            Self::Tiles { reader, .. } => {
                reader.entries(begin, end).map_err(|error| refused(&error))
            }
            Self::RekorV1 { client, .. } => {
                let end = end.min(begin.saturating_add(AT_ONCE));
                let places: Vec<u64> = (begin..end)
                    .map(|it| it.saturating_add(of.offset))
                    .collect();
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

    /// Entries of the trees before the present one.
    fn offset(&self) -> u64 {
        let ended = self.ended();
        ended
            .last()
            .map_or(0, |it| it.offset.saturating_add(it.size()))
    }

    /// The tree whose checkpoints have this origin; none if the log does not show it.
    pub(super) fn of_origin(&self, origin: &str) -> Option<Tree<'_>> {
        let mut trees = self.ended();
        trees.push(self.present());
        trees
            .into_iter()
            .find(|it| it.head.checkpoint().origin() == origin)
    }

    /// The tree that was followed and those after it, the present one last; none if the log does not name it.
    pub(super) fn since(&self, tree: &str) -> Option<Vec<Tree<'_>>> {
        let mut trees = self.ended();
        trees.push(self.present());
        let place = trees.iter().position(|it| it.name == tree)?;
        Some(trees.split_off(place))
    }
}

/// What a tree head says that is signed, and no other name than the signed one: the tree's name in the answer
/// alone decides what it is compared with.
fn signed(log: &TrustedLog, claimed: &ClaimedHead) -> Result<SignedCheckpoint, Failure> {
    let signed = log
        .verify_head(claimed.checkpoint.as_bytes())
        .map_err(|check| place::wrong(&check))?;
    let origin = signed.checkpoint().origin();
    if tree_of(origin) == Some(&claimed.tree) {
        return Ok(signed);
    }
    let tree = &claimed.tree;
    Err(Failure::no(
        "checkpoint-origin-mismatch",
        format!("the checkpoint that is shown for tree {tree} is of {origin}"),
    ))
}

/// The tree of a Rekor v1 that a checkpoint is of.
pub(super) fn tree_of(origin: &str) -> Option<&str> {
    origin.split_once(" - ").map(|(_, tree)| tree)
}

fn corrupt(problem: String) -> Failure {
    Failure::no("log-corrupt", problem)
}

/// Entries that a Rekor v1 gives in one answer.
const AT_ONCE: u64 = 10;
