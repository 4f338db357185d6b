//! What a replica still has of an archive.

use std::collections::BTreeMap;
use std::io::Read;

use attest_digest::{Artifact, Digest, Hashes};
use attest_provenance::ReleaseName;

use super::{Item, ItemKind, Replica, ReplicaError};
use crate::blob::Blob;
use crate::copy::{Listed, parse_index, units};
use crate::error::words;
use crate::reader::Reader;

/// How closely a replica is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// What it says that it has, by name and size.
    Names,
    /// Every byte, read back and hashed.
    Bytes,
}

/// What a replica has of an archive.
#[derive(Clone, Debug)]
pub struct ReplicaCheck {
    /// The replica's name.
    pub replica: String,
    /// The releases of the archive, and whether the replica lists them and has all of each.
    pub releases: BTreeMap<ReleaseName, bool>,
    /// The blobs that the archive lists, of releases and attachments.
    pub blobs: usize,
    /// The bytes that were read back.
    pub read_bytes: u64,
    /// What is wrong there, each blob once.
    pub wrong: Vec<(Digest, Wrong)>,
    /// Manifests that the archive itself cannot read: what they need was not asked for.
    pub unknown: Vec<Digest>,
    /// Releases and attachments that the replica does not list, or lists with another manifest.
    pub unlisted: Vec<Digest>,
}

/// What is wrong with a blob of a replica.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Wrong {
    /// It is not there.
    #[error("it is not there")]
    Missing,
    /// It has another size.
    #[error("it has {found} bytes, wanted {wanted}")]
    Size {
        /// The size that it has, as far as it was read.
        found: u64,
        /// The size that it should have.
        wanted: u64,
    },
    /// It has other bytes.
    #[error("its bytes are {found}")]
    Bytes {
        /// What they are.
        found: Digest,
    },
    /// It could not be read.
    #[error("{problem}")]
    Unread {
        /// Why.
        problem: String,
    },
}

impl Wrong {
    /// The stable code of what is wrong.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing => "blob-missing",
            Self::Size { .. } => "replica-differs",
            Self::Bytes { .. } => "blob-corrupt",
            Self::Unread { .. } => "replica-unavailable",
        }
    }
}

impl ReplicaCheck {
    /// Whether the replica has everything that the archive lists.
    pub fn is_whole(&self) -> bool {
        self.wrong.is_empty() && self.unlisted.is_empty() && self.unknown.is_empty()
    }
}

impl Reader {
    /// Asks a replica for everything that this archive lists.
    ///
    /// With [`Depth::Bytes`] each blob is read back in constant memory, at most one byte more than it
    /// should have, and hashed. With [`Depth::Names`] the replica's word is taken for what it has.
    ///
    /// # Errors
    /// The replica's index could not be read, or is malformed. What is wrong with a blob stands in the
    /// report.
    pub fn check_replica(
        &self,
        replica: &dyn Replica,
        depth: Depth,
    ) -> Result<ReplicaCheck, ReplicaError> {
        let index = parse_index(replica, replica.index()?.as_deref())?;
        let (units, unread) = units(self);
        let mut asked = Asked {
            replica,
            depth,
            seen: BTreeMap::new(),
            read_bytes: 0,
        };
        let releases = self.index.releases.keys();
        let mut releases: BTreeMap<_, _> = releases.map(|it| (it.clone(), false)).collect();
        let mut unlisted = Vec::new();
        for unit in units {
            let is_listed = match &unit.listed {
                Listed::Release(name) => index.releases.get(name) == Some(&unit.manifest),
                Listed::Attachment(key, _) => index.attachments.contains_key(key),
            };
            if !is_listed {
                unlisted.push(unit.manifest.digest);
            }
            let mut is_whole = asked.ask(unit.manifest, ItemKind::Manifest) && is_listed;
            for blob in unit.blobs {
                is_whole &= asked.ask(blob, ItemKind::Blob);
            }
            if let Listed::Release(name) = unit.listed {
                releases.insert(name, is_whole);
            }
        }
        let blobs = asked.seen.len();
        let wrong = asked.seen.into_iter();
        Ok(ReplicaCheck {
            replica: replica.name(),
            releases,
            blobs,
            read_bytes: asked.read_bytes,
            wrong: wrong
                .filter_map(|(item, wrong)| Some((item.digest, wrong?)))
                .collect(),
            unknown: unread.into_iter().map(|it| it.blob).collect(),
            unlisted,
        })
    }
}

struct Asked<'r> {
    replica: &'r dyn Replica,
    depth: Depth,
    /// Each blob once, and what is wrong with it.
    seen: BTreeMap<Item, Option<Wrong>>,
    read_bytes: u64,
}

impl Asked<'_> {
    /// Whether the replica has it.
    fn ask(&mut self, blob: Blob, kind: ItemKind) -> bool {
        let item = Item::of(blob, kind);
        if let Some(wrong) = self.seen.get(&item) {
            return wrong.is_none();
        }
        let wrong = match self.look(&item) {
            Ok(wrong) => wrong,
            Err(error) => Some(Wrong::Unread {
                problem: words(&error),
            }),
        };
        let is_there = wrong.is_none();
        self.seen.insert(item, wrong);
        is_there
    }

    fn look(&mut self, item: &Item) -> Result<Option<Wrong>, ReplicaError> {
        let other = |found| {
            (found != item.size).then_some(Wrong::Size {
                found,
                wanted: item.size,
            })
        };
        if self.depth == Depth::Names {
            let size = self.replica.size(item)?;
            return Ok(size.map_or(Some(Wrong::Missing), other));
        }
        let Some(stream) = self.replica.get(item)? else {
            return Ok(Some(Wrong::Missing));
        };
        let mut stream = stream.take(item.size.saturating_add(1));
        let found = match Artifact::read(&mut stream, Hashes::Sha256) {
            Ok(found) => found,
            Err(error) => {
                return Ok(Some(Wrong::Unread {
                    problem: words(&error),
                }));
            }
        };
        self.read_bytes = self.read_bytes.saturating_add(found.size());
        if let Some(wrong) = other(found.size()) {
            return Ok(Some(wrong));
        }
        let found = found.sha256();
        Ok((found != item.digest).then_some(Wrong::Bytes { found }))
    }
}
