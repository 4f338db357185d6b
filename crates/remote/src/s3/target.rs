//! A release in a bucket.

use std::io::Read;

use attest_digest::Digest;

use super::{Created, ObjectStore, S3Address, S3Settings};
use crate::limits::OBJECT_BYTES;
use crate::place::PlaceError;
use crate::publish::{Finished, Target};

/// A folder of a bucket, to publish into.
pub struct S3Target {
    store: ObjectStore,
    /// Whether it has refused to make an object twice.
    tested: bool,
}

impl S3Target {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// `place-address`, `place-credentials`; this machine cannot make connections.
    pub fn new(address: &S3Address, settings: &S3Settings) -> Result<Self, PlaceError> {
        let store = ObjectStore::for_writing(address, settings)?;
        Ok(Self {
            store,
            tested: false,
        })
    }
}

impl Target for S3Target {
    fn name(&self) -> String {
        self.store.name().to_owned()
    }

    /// What is no name in a URL, or another one there, is no key.
    fn admits(&self, path: &str) -> bool {
        path.split('/').all(|it| !matches!(it, "" | "." | ".."))
    }

    fn most(&self) -> u64 {
        OBJECT_BYTES
    }

    fn most_to_test(&self) -> u64 {
        TEST_BYTES
    }

    fn begin(&mut self) -> Result<(), PlaceError> {
        Ok(())
    }

    fn open(&self, path: &str, size: u64) -> Result<Option<Box<dyn Read + '_>>, PlaceError> {
        let found = self.store.open(path, size)?;
        Ok(found.map(|(_, stream)| -> Box<dyn Read> { Box::new(stream) }))
    }

    /// The first object that is made is made a second time, with the same bytes: a service that lets that
    /// through gets no other.
    fn create(
        &mut self,
        path: &str,
        what: (Digest, u64),
        source: &mut dyn Read,
    ) -> Result<Created, PlaceError> {
        if self.tested || what.1 > TEST_BYTES {
            return self.store.create(path, what, source);
        }
        let mut bytes = Vec::new();
        let read = source.take(TEST_BYTES + 1).read_to_end(&mut bytes);
        read.map_err(|source| PlaceError::Source {
            place: self.store.name().to_owned(),
            source,
        })?;
        let created = self.store.create(path, what, &mut bytes.as_slice())?;
        let again = self.store.create(path, what, &mut bytes.as_slice())?;
        if again == Created::New {
            return Err(PlaceError::Unfit {
                place: self.store.name().to_owned(),
                problem: "it makes an object that is there a second time".to_owned(),
            });
        }
        self.tested = true;
        Ok(created)
    }

    fn finish(&mut self) -> Result<Finished, PlaceError> {
        Ok(Finished::AsItWas)
    }
}

/// A larger file is no test.
const TEST_BYTES: u64 = 1 << 20;
