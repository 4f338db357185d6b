//! Hashing what somebody else reads.

use std::io::{self, Read};

use crate::artifact::Artifact;
use crate::digest::Algorithm;
use crate::hasher::{Hasher, Hashes};
use crate::signed_form::Head;

/// A reader whose bytes are hashed as they pass, for a writer that asks for its bytes itself.
///
/// ```
/// use attest_digest::{Artifact, Hashes, Hashing};
/// let mut passing = Hashing::new(b"hello".as_slice(), Hashes::Sha256);
/// let mut written = Vec::new();
/// std::io::copy(&mut passing, &mut written)?;
/// assert_eq!(passing.finish(), Artifact::of_bytes(&written, Hashes::Sha256));
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Hashing<R> {
    reader: R,
    size: u64,
    head: Head,
    sha256: Hasher,
    beside: Vec<Hasher>,
}

impl<R: Read> Hashing<R> {
    /// Hashes what is read from here on.
    pub fn new(reader: R, hashes: Hashes) -> Self {
        let beside = hashes.beside_sha256().iter();
        Self {
            reader,
            size: 0,
            head: Head::default(),
            sha256: Hasher::new(Algorithm::Sha256),
            beside: beside.map(|it| Hasher::new(*it)).collect(),
        }
    }

    /// What has passed.
    pub fn finish(self) -> Artifact {
        Artifact::passed(
            self.size,
            &self.head,
            self.sha256.finish(),
            self.beside.into_iter().map(Hasher::finish).collect(),
        )
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        let bytes = buffer.get(..read).unwrap_or_default();
        self.head.take(bytes);
        self.size += read as u64;
        self.sha256.update(bytes);
        for hasher in &mut self.beside {
            hasher.update(bytes);
        }
        Ok(read)
    }
}
