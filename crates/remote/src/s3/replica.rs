//! An archive in a bucket, in the form that it has in a folder: whoever copies the bucket to a disk has
//! an archive.

use std::io::Read;

use attest_archive::{Item, Put, Replica, ReplicaError, limits as archive_limits};
use attest_digest::{Algorithm, Digest};

use super::{Created, ObjectStore, S3Address, S3Settings};
use crate::place::PlaceError;

/// An archive in a bucket, as a replica.
pub struct S3Replica {
    store: ObjectStore,
}

impl S3Replica {
    /// A replica to read from. Nothing is sent before something is asked for.
    ///
    /// # Errors
    /// `place-address`; this machine cannot make connections.
    pub fn open(address: &S3Address, settings: &S3Settings) -> Result<Self, PlaceError> {
        let store = ObjectStore::new(address, settings)?;
        Ok(Self { store })
    }

    /// A replica to write to, made if there is none.
    ///
    /// The place is tested before anything is entrusted to it: an object that is there must not be made a
    /// second time, nor replaced by somebody who has seen another one. Both are asked of `oci-layout`,
    /// with the very bytes that it has: a place that fails is left as if it had passed.
    ///
    /// # Errors
    /// `place-address`, `place-credentials`; `place-unfit` if the place overwrites; `place-malformed` if
    /// something else than an archive of ours is there; the place could not be asked.
    pub fn init(address: &S3Address, settings: &S3Settings) -> Result<Self, PlaceError> {
        let store = ObjectStore::for_writing(address, settings)?;
        let replica = Self { store };
        replica.probe()?;
        Ok(replica)
    }

    fn probe(&self) -> Result<(), PlaceError> {
        let layout = attest_archive::LAYOUT.as_bytes();
        let unfit = |problem: &str| PlaceError::Unfit {
            place: self.store.name().to_owned(),
            problem: problem.to_owned(),
        };
        // What is there under that name and is not ours is never written to.
        let there = self.store.read(LAYOUT_FILE, archive_limits::LAYOUT_BYTES)?;
        match there {
            Some((bytes, _)) if bytes == layout => {}
            Some(_) => {
                let problem = format!("{LAYOUT_FILE} is not that of an archive");
                return Err(self.store.malformed(problem));
            }
            None => {
                self.store.create_bytes(LAYOUT_FILE, layout)?;
            }
        }
        if self.store.create_bytes(LAYOUT_FILE, layout)? == Created::New {
            return Err(unfit("it makes an object that is there a second time"));
        }
        if self.store.replace(LAYOUT_FILE, OTHER_TAG, layout)? == Created::New {
            return Err(unfit(
                "it replaces an object that is not the one that was seen",
            ));
        }
        Ok(())
    }

    fn failed(error: PlaceError) -> ReplicaError {
        error.into_replica()
    }
}

impl Replica for S3Replica {
    fn name(&self) -> String {
        self.store.name().to_owned()
    }

    fn size(&self, item: &Item) -> Result<Option<u64>, ReplicaError> {
        let head = self.store.head(&blob(&item.digest)).map_err(Self::failed)?;
        Ok(head.map(|it| it.size))
    }

    fn get(&self, item: &Item) -> Result<Option<Box<dyn Read + '_>>, ReplicaError> {
        let found = self.store.open(&blob(&item.digest), item.size);
        match found.map_err(Self::failed)? {
            Some((_, stream)) => Ok(Some(Box::new(stream))),
            None => Ok(None),
        }
    }

    fn put(&mut self, item: &Item, source: &mut dyn Read) -> Result<Put, ReplicaError> {
        let what = (item.digest, item.size);
        let created = self.store.create(&blob(&item.digest), what, source);
        if unless_contended(created).map_err(Self::failed)? == Created::New {
            return Ok(Put::New);
        }
        match self.size(item)? {
            Some(size) if size == item.size => Ok(Put::Already),
            Some(found) => Err(ReplicaError::Differs {
                replica: self.name(),
                blob: item.digest,
                found,
                wanted: item.size,
            }),
            None => Err(ReplicaError::Changed {
                replica: self.name(),
            }),
        }
    }

    /// What a bucket has acknowledged is durable, or the service breaks its word.
    fn flush(&mut self) -> Result<(), ReplicaError> {
        Ok(())
    }

    fn list(&self) -> Result<Vec<Digest>, ReplicaError> {
        let names = self.store.list(BLOBS).map_err(Self::failed)?;
        let digests = names.iter();
        let digests = digests.filter_map(|it| Digest::from_hex(Algorithm::Sha256, it).ok());
        let mut digests: Vec<Digest> = digests.collect();
        digests.sort_unstable();
        digests.dedup();
        Ok(digests)
    }

    fn index(&self) -> Result<Option<Vec<u8>>, ReplicaError> {
        let index = self.store.read(INDEX_FILE, archive_limits::INDEX_BYTES);
        Ok(index.map_err(Self::failed)?.map(|(bytes, _)| bytes))
    }

    fn replace_index(&mut self, seen: Option<&[u8]>, bytes: &[u8]) -> Result<(), ReplicaError> {
        let there = self.store.read(INDEX_FILE, archive_limits::INDEX_BYTES);
        let there = there.map_err(Self::failed)?;
        let written = match &there {
            None if seen.is_none() => self.store.create_bytes(INDEX_FILE, bytes),
            Some((found, tag)) if seen == Some(found) => self.store.replace(INDEX_FILE, tag, bytes),
            _ => Ok(Created::Exists),
        };
        match unless_contended(written).map_err(Self::failed)? {
            Created::New => Ok(()),
            Created::Exists => Err(ReplicaError::Changed {
                replica: self.name(),
            }),
        }
    }
}

/// What another writer is making in this moment is theirs, and is looked at.
fn unless_contended(created: Result<Created, PlaceError>) -> Result<Created, PlaceError> {
    match created {
        Err(error) if error.is_contended() => Ok(Created::Exists),
        created => created,
    }
}

fn blob(digest: &Digest) -> String {
    format!("{BLOBS}{}", digest.hex())
}

const LAYOUT_FILE: &str = "oci-layout";
const INDEX_FILE: &str = "index.json";
const BLOBS: &str = "blobs/sha256/";
/// The tag of no object of ours: that of a body whose MD5 is zero.
const OTHER_TAG: &str = "\"00000000000000000000000000000000\"";
