//! Bringing back what is missing or damaged, from replicas whose word is not taken for anything.

mod rebuild;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use attest_digest::Digest;
use attest_provenance::ReleaseName;

use crate::copy::parse_index;
use crate::disk::{Folder, Found, ReceiveError, sync_file};
use crate::error::ArchiveError;
use crate::layout::{INCOMING, QUARANTINE};
use crate::reader::{Reader, open_folder};
use crate::replica::{Item, ItemKind, Replica};
use crate::store::stage::BLOB_MODE;
use crate::store::{Store, lock};
use crate::tombstone::Deletion;

/// What repairing has done.
#[derive(Debug)]
pub struct RepairReport {
    /// The blobs that were read.
    pub blobs: usize,
    /// What was brought back.
    pub repaired: Vec<Repaired>,
    /// What no replica could give.
    pub lost: Vec<Lost>,
    /// What was done about the index.
    pub index: IndexRepair,
    /// Releases that a replica lists and this archive does not: they are not added.
    pub only_there: Vec<(ReleaseName, String)>,
    /// Replicas that could not be asked, and why.
    pub silent: Vec<(String, String)>,
}

/// A blob that was brought back.
#[derive(Clone, Debug)]
pub struct Repaired {
    /// Its digest, which the new bytes have.
    pub blob: Digest,
    /// The count of its bytes.
    pub size: u64,
    /// What was wrong with it.
    pub was: Arc<ArchiveError>,
    /// The replica that had it.
    pub from: String,
    /// Where what stood in its place is now, below the archive; none if there was nothing.
    pub quarantined: Option<String>,
}

/// A blob that no replica could give.
#[derive(Clone, Debug)]
pub struct Lost {
    /// Its digest.
    pub blob: Digest,
    /// What is wrong with it.
    pub was: Arc<ArchiveError>,
    /// What each replica had instead.
    pub answers: Vec<(String, String)>,
}

/// What was done about the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexRepair {
    /// It could be read, and was left alone.
    Readable,
    /// It was made again, from the lists of replicas and the manifests that are here.
    Rebuilt {
        /// How many releases it lists.
        releases: usize,
        /// How many attachments it lists.
        attachments: usize,
        /// Where the old one is now, below the archive; none if there was none.
        quarantined: Option<String>,
    },
}

impl RepairReport {
    /// Whether every byte is there and as it was archived.
    pub fn is_sound(&self) -> bool {
        self.lost.is_empty()
    }
}

impl Store {
    /// Reads every blob, and brings back from the replicas, in their order, what is missing or damaged.
    ///
    /// What a replica gives is hashed while it is copied, and takes its place only if it is what the
    /// place is named for. What stood there before is moved to `quarantine/`, never deleted. An index
    /// that cannot be read is made again from the lists of the replicas and the manifests that are here.
    ///
    /// A death at any moment leaves each blob as it was, absent, or whole; the next run goes on.
    ///
    /// # Errors
    /// `not-an-archive`, `archive-newer-format`, `archive-locked`; `index-ambiguous`;
    /// `archive-disk-full`, `archive-io`. What no replica has stands in the report.
    pub fn repair(path: &Path, replicas: &[&dyn Replica]) -> Result<RepairReport, ArchiveError> {
        Self::repair_accepting(path, replicas, |_| Ok(Vec::new()))
    }

    /// As [`Self::repair`]: what was deleted, as `deletions` finds and proves, is not brought back.
    ///
    /// # Errors
    /// As [`Self::repair`]; those of `deletions`, before any blob is touched.
    pub fn repair_accepting<E: From<ArchiveError>>(
        path: &Path,
        replicas: &[&dyn Replica],
        deletions: impl FnOnce(&Reader) -> Result<Vec<Deletion>, E>,
    ) -> Result<RepairReport, E> {
        let mut root = open_folder(path)?;
        lock(&mut root)?;
        let mut silent = BTreeMap::new();
        let index = rebuild::rebuild_if_broken(&root, replicas, &mut silent)?;
        let mut reader = Reader::of(root)?;
        let deletions = deletions(&reader)?;
        reader.accept_deletions(deletions);
        let mut repair = Repair {
            reader,
            replicas,
            silent,
            repaired: Vec::new(),
        };
        let (blobs, lost) = repair.run()?;
        let only_there = repair.only_there();
        Ok(RepairReport {
            blobs,
            repaired: repair.repaired,
            lost,
            index,
            only_there,
            silent: repair.silent.into_iter().collect(),
        })
    }
}

struct Repair<'a> {
    reader: Reader,
    replicas: &'a [&'a dyn Replica],
    /// What went wrong with a replica, by its name.
    silent: BTreeMap<String, String>,
    repaired: Vec<Repaired>,
}

impl Repair<'_> {
    /// Until nothing more can be brought back: a manifest names blobs that nobody knew to be missing.
    fn run(&mut self) -> Result<(usize, Vec<Lost>), ArchiveError> {
        let mut sound = BTreeSet::new();
        loop {
            let damage = self.reader.damage(&sound);
            sound.extend(damage.sound);
            let mut lost = Vec::new();
            let mut manifests = false;
            for (item, was) in damage.bad {
                match self.fetch(item, was)? {
                    Ok(repaired) => {
                        manifests |= item.kind == ItemKind::Manifest;
                        sound.insert(item.blob());
                        self.repaired.push(repaired);
                    }
                    Err(one) => lost.push(one),
                }
            }
            if !manifests {
                return Ok((sound.len() + lost.len(), lost));
            }
        }
    }

    /// Brings one blob back, durably.
    fn fetch(
        &mut self,
        item: Item,
        was: Arc<ArchiveError>,
    ) -> Result<Result<Repaired, Lost>, ArchiveError> {
        let mut answers = Vec::new();
        for replica in self.replicas {
            let answer = match receive(&self.reader.root, *replica, item)? {
                Received::Whole => {
                    let quarantined = place(&self.reader, item)?;
                    return Ok(Ok(Repaired {
                        blob: item.digest,
                        size: item.size,
                        was,
                        from: replica.name(),
                        quarantined,
                    }));
                }
                Received::Nothing => "it has no such blob".to_owned(),
                Received::Other(error) => error.to_string(),
                Received::Silent(message) => {
                    self.silent.insert(replica.name(), message.clone());
                    message
                }
            };
            answers.push((replica.name(), answer));
        }
        Ok(Err(Lost {
            blob: item.digest,
            was,
            answers,
        }))
    }

    /// What replicas list beside what is listed here.
    fn only_there(&mut self) -> Vec<(ReleaseName, String)> {
        let mut only_there = Vec::new();
        for replica in self.replicas {
            let index = replica
                .index()
                .and_then(|bytes| parse_index(*replica, bytes.as_deref()));
            match index {
                Ok(index) => {
                    let names = index.releases.into_keys();
                    let new = names.filter(|name| !self.reader.index.releases.contains_key(name));
                    only_there.extend(new.map(|name| (name, replica.name())));
                }
                Err(error) => drop(self.silent.insert(replica.name(), error.to_string())),
            }
        }
        only_there
    }
}

/// What a replica gave.
enum Received {
    /// The blob: it waits in `incoming`, synced.
    Whole,
    Nothing,
    /// Something else.
    Other(ArchiveError),
    /// It could not be asked.
    Silent(String),
}

/// Copies a blob from a replica beside the archive's blobs, and keeps it only if it is what it should be.
fn receive(root: &Folder, replica: &dyn Replica, item: Item) -> Result<Received, ArchiveError> {
    let mut stream = match replica.get(&item) {
        Ok(Some(stream)) => stream,
        Ok(None) => return Ok(Received::Nothing),
        Err(error) => return Ok(Received::Silent(crate::error::words(&error))),
    };
    root.remove_below(INCOMING)?;
    let incoming = root.make_below(INCOMING)?;
    let received = incoming.receive(WAITING, BLOB_MODE, &mut *stream, item.blob());
    let answer = match received {
        Ok(()) => {
            sync_waiting(&incoming)?;
            return Ok(Received::Whole);
        }
        Err(ReceiveError::Target(error)) => Err(error),
        Err(ReceiveError::Source(error)) => Ok(Received::Silent(crate::error::words(&error))),
        Err(ReceiveError::Other(error)) => Ok(Received::Other(error)),
    };
    // What is left is harmless, and the next run takes it away.
    let _ = root.remove_below(INCOMING);
    answer
}

fn sync_waiting(incoming: &Folder) -> Result<(), ArchiveError> {
    match incoming.file(WAITING)? {
        Found::File { file, .. } => sync_file(&file, &incoming.path_of(WAITING)),
        Found::Missing | Found::SomethingElse => {
            let vanished = std::io::ErrorKind::NotFound;
            Err(ArchiveError::io(
                "sync",
                incoming.path_of(WAITING),
                vanished,
            ))
        }
    }
}

/// Gives the blob that waits its name; what stands there is moved out of the way first.
fn place(reader: &Reader, item: Item) -> Result<Option<String>, ArchiveError> {
    let name = item.digest.hex();
    let there = !matches!(reader.blobs.file(&name)?, Found::Missing);
    let quarantined = there
        .then(|| quarantine(&reader.root, &reader.blobs, &name))
        .transpose()?;
    let incoming = reader.root.make_below(INCOMING)?;
    incoming.move_new(WAITING, &reader.blobs, &name)?;
    reader.blobs.sync()?;
    let _ = reader.root.remove_below(INCOMING);
    Ok(quarantined)
}

/// Moves something to the quarantine, under the first free name; durably, before anything takes its
/// place.
fn quarantine(root: &Folder, from: &Folder, name: &str) -> Result<String, ArchiveError> {
    let quarantine = root.make_below(QUARANTINE)?;
    root.sync()?;
    let taken: BTreeSet<_> = quarantine.names()?.into_iter().collect();
    // One more number than there are files: one is free.
    let free = (0..=taken.len())
        .map(|number| format!("{name}-{number}"))
        .find(|it| !taken.contains(std::ffi::OsStr::new(it)))
        .unwrap_or_else(|| name.to_owned());
    from.move_new(name, &quarantine, &free)?;
    quarantine.sync()?;
    Ok(format!("{QUARANTINE}/{free}"))
}

const WAITING: &str = "waiting";
