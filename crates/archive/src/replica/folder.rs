//! A folder, or whatever is mounted there: itself an archive that can be verified where it stands.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::Path;

use attest_digest::{Algorithm, Digest};

use super::{Item, Put, Replica, ReplicaError};
use crate::disk::{Folder, Found, Lock, ReceiveError, read_limited, sync_file};
use crate::error::{ArchiveError, NotAnArchive};
use crate::layout::{BLOBS, INCOMING, INDEX_FILE, SHA256};
use crate::limits;
use crate::reader::{check_layout, open_folder};
use crate::store::{BLOB_MODE, Store};

/// An archive in a folder, as a replica.
#[derive(Debug)]
pub struct FolderReplica {
    root: Folder,
    blobs: Folder,
    /// What was put and is not durable yet.
    waiting: BTreeSet<Digest>,
    writes: bool,
}

impl FolderReplica {
    /// Opens a replica to read from: nothing is written, and no lock is taken.
    ///
    /// # Errors
    /// `not-an-archive`, `archive-newer-format`, `archive-io`. Its index is not looked at.
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        let root = open_folder(path)?;
        check_layout(&root)?;
        Self::of(root, false)
    }

    /// Opens a replica to write to, and makes it if there is none.
    ///
    /// # Errors
    /// As [`Store::init`]; `archive-locked` while another writes there.
    pub fn init(path: &Path) -> Result<Self, ArchiveError> {
        drop(Store::init(path)?);
        let mut root = open_folder(path)?;
        if root.lock()? == Lock::HeldByAnother {
            return Err(ArchiveError::Locked {
                path: path.to_owned(),
            });
        }
        root.remove_below(INCOMING)?;
        Self::of(root, true)
    }

    fn of(root: Folder, writes: bool) -> Result<Self, ArchiveError> {
        let folder = Path::new(BLOBS).join(SHA256);
        let missing = || ArchiveError::NotAnArchive {
            path: root.path().to_owned(),
            problem: NotAnArchive::Lacks {
                missing: "blobs/sha256",
            },
        };
        let blobs = root.below(&folder)?.ok_or_else(missing)?;
        Ok(Self {
            root,
            blobs,
            waiting: BTreeSet::new(),
            writes,
        })
    }

    fn failed(&self, error: ArchiveError) -> ReplicaError {
        ReplicaError::Folder {
            replica: self.name(),
            source: Box::new(error),
        }
    }

    fn writable(&self) -> Result<(), ReplicaError> {
        if self.writes {
            return Ok(());
        }
        Err(ReplicaError::unavailable(
            self.name(),
            "it was opened for reading",
        ))
    }

    /// What is there, by its size; anything else than a file is a difference.
    fn there(&self, item: &Item) -> Result<bool, ReplicaError> {
        match self.size(item)? {
            None => Ok(self.waiting.contains(&item.digest)),
            Some(size) if size == item.size => Ok(true),
            Some(found) => Err(ReplicaError::Differs {
                replica: self.name(),
                blob: item.digest,
                found,
                wanted: item.size,
            }),
        }
    }

    fn receive(&self, item: &Item, source: &mut dyn Read) -> Result<(), ReplicaError> {
        let incoming = self.root.make_below(INCOMING);
        let incoming = incoming.map_err(|error| self.failed(error))?;
        let name = item.digest.hex();
        let received = incoming.receive(&name, BLOB_MODE, source, item.blob());
        received.map_err(|error| {
            // What is half does not stay; if it does, the next run takes it away.
            let _ = incoming.remove(&name);
            let source = match error {
                ReceiveError::Target(error) => return self.failed(error),
                ReceiveError::Source(error) => error,
                ReceiveError::Other(error) => io::Error::other(error),
            };
            ReplicaError::Source {
                replica: self.name(),
                source,
            }
        })
    }

    fn publish(&mut self) -> Result<(), ArchiveError> {
        let incoming = self.root.make_below(INCOMING)?;
        incoming.sync_file_system()?;
        for digest in &self.waiting {
            incoming.move_new(&digest.hex(), &self.blobs, &digest.hex())?;
        }
        self.blobs.sync()?;
        self.waiting.clear();
        self.root.remove_below(INCOMING)
    }

    fn read_index(&self) -> Result<Option<Vec<u8>>, ArchiveError> {
        let path = self.root.path_of(INDEX_FILE);
        match self.root.file(INDEX_FILE)? {
            Found::Missing => Ok(None),
            Found::SomethingElse => {
                let other = io::Error::other("it is not a regular file");
                Err(ArchiveError::io("read", path, other))
            }
            Found::File { file, .. } => {
                let bytes = read_limited(&file, limits::INDEX_BYTES);
                let bytes = bytes.map_err(|error| ArchiveError::io("read", &path, error))?;
                bytes.map(Some).ok_or(ArchiveError::TooLarge {
                    what: "index",
                    found: limits::INDEX_BYTES + 1,
                    limit: limits::INDEX_BYTES,
                })
            }
        }
    }

    fn write_index(&self, bytes: &[u8]) -> Result<(), ArchiveError> {
        let incoming = self.root.make_below(INCOMING)?;
        let file = incoming.write(INDEX_FILE, 0o644, bytes)?;
        sync_file(&file, &incoming.path_of(INDEX_FILE))?;
        incoming.move_over(INDEX_FILE, &self.root, INDEX_FILE)?;
        self.root.sync()?;
        // What is left is harmless, and the next run takes it away: no reason to fail.
        let _ = self.root.remove_below(INCOMING);
        Ok(())
    }
}

impl Replica for FolderReplica {
    fn name(&self) -> String {
        self.root
            .path()
            .to_string_lossy()
            .escape_debug()
            .to_string()
    }

    fn size(&self, item: &Item) -> Result<Option<u64>, ReplicaError> {
        let found = self.blobs.file(item.digest.hex());
        match found.map_err(|error| self.failed(error))? {
            Found::Missing => Ok(None),
            Found::File { size, .. } => Ok(Some(size)),
            // A link or a folder has none of the bytes.
            Found::SomethingElse => Ok(Some(0)),
        }
    }

    fn get(&self, item: &Item) -> Result<Option<Box<dyn Read + '_>>, ReplicaError> {
        let found = self.blobs.file(item.digest.hex());
        match found.map_err(|error| self.failed(error))? {
            Found::File { file, .. } => Ok(Some(Box::new(file))),
            Found::Missing | Found::SomethingElse => Ok(None),
        }
    }

    fn put(&mut self, item: &Item, source: &mut dyn Read) -> Result<Put, ReplicaError> {
        self.writable()?;
        if self.there(item)? {
            return Ok(Put::Already);
        }
        self.receive(item, source)?;
        self.waiting.insert(item.digest);
        Ok(Put::New)
    }

    fn flush(&mut self) -> Result<(), ReplicaError> {
        self.writable()?;
        self.publish().map_err(|error| self.failed(error))
    }

    fn list(&self) -> Result<Vec<Digest>, ReplicaError> {
        let names = self.blobs.names().map_err(|error| self.failed(error))?;
        let digests = names.iter().filter_map(|name| name.to_str());
        let digests = digests.filter_map(|name| Digest::from_hex(Algorithm::Sha256, name).ok());
        let mut digests: Vec<Digest> = digests.collect();
        digests.sort_unstable();
        Ok(digests)
    }

    fn index(&self) -> Result<Option<Vec<u8>>, ReplicaError> {
        self.read_index().map_err(|error| self.failed(error))
    }

    fn replace_index(&mut self, seen: Option<&[u8]>, bytes: &[u8]) -> Result<(), ReplicaError> {
        self.writable()?;
        if self.index()?.as_deref() != seen {
            return Err(ReplicaError::Changed {
                replica: self.name(),
            });
        }
        self.write_index(bytes).map_err(|error| self.failed(error))
    }
}
