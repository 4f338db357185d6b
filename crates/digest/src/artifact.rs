//! Bytes that were read, and what they are.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::digest::{Algorithm, Digest};
use crate::digest_set::{DigestSet, Match};
use crate::hasher::Hashes;
use crate::pipeline::{Flow, observe};
use crate::read_error::{CopyError, ReadError};
use crate::sys::{self, Snapshot};

/// Size and digests of bytes that we have read ourselves.
///
/// There is no other way to make one:
///
/// ```
/// use attest_digest::{Artifact, Hashes};
/// let artifact = Artifact::of_bytes(b"hello", Hashes::Sha256);
/// # assert_eq!(artifact.size(), 5);
/// ```
///
/// ```compile_fail
/// use attest_digest::{Artifact, Digest};
/// let artifact = Artifact::from(Digest::Sha256([0; 32]));
/// # assert_eq!(artifact.size(), 5);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    size: u64,
    opens_as_pae: bool,
    sha256: Digest,
    beside: Vec<Digest>,
}

impl Artifact {
    /// Reads the file of that name, following links.
    ///
    /// # Errors
    /// It cannot be opened or read, is not a regular file, or was written or replaced meanwhile.
    pub fn read_path(path: &Path, hashes: Hashes) -> Result<Self, ReadError> {
        Self::read_path_inner(path, hashes).map_err(|error| error.at(path))
    }

    fn read_path_inner(path: &Path, hashes: Hashes) -> Result<Self, ReadError> {
        let file = sys::open_regular(path)?;
        let (artifact, snapshot) = read_whole(&file, hashes)?;
        if sys::snapshot_at(path)? != snapshot {
            return Err(ReadError::Changed { path: None });
        }
        Ok(artifact)
    }

    /// Reads an open regular file from its beginning, wherever its cursor stands.
    ///
    /// A writer is noticed by the file's times. Where the kernel keeps them coarsely (before Linux
    /// 6.13: some milliseconds) a write in the same tick as the opening is not; the digest is then
    /// still that of the bytes that were read.
    ///
    /// # Errors
    /// It cannot be read, is not a regular file, or was written meanwhile.
    pub fn read_file(file: &File, hashes: Hashes) -> Result<Self, ReadError> {
        read_whole(file, hashes).map(|(artifact, _)| artifact)
    }

    /// Reads anything to its end: standard input, a body from the network.
    ///
    /// # Errors
    /// Reading fails.
    pub fn read(reader: &mut impl Read, hashes: Hashes) -> Result<Self, ReadError> {
        Self::observe(&mut Reader(reader), None, hashes)
    }

    /// Takes bytes in memory.
    pub fn of_bytes(bytes: &[u8], hashes: Hashes) -> Self {
        match Self::observe(&mut Bytes(bytes), Some(bytes.len() as u64), hashes) {
            Ok(artifact) => artifact,
            Err(never) => match never {},
        }
    }

    /// Copies an open regular file while hashing it: the artifact is that of the copy's bytes.
    ///
    /// Both are taken from their beginning; what `to` held before is gone. The copy is not synced.
    ///
    /// # Errors
    /// As for [`Artifact::read_file`], or the copy cannot be written.
    pub fn copy(from: &File, to: &File, hashes: Hashes) -> Result<Self, CopyError> {
        let before = Snapshot::of_regular(from)?;
        sys::advise_sequential(from, before.size());
        to.set_len(0)
            .map_err(|source| CopyError::Write { source })?;
        let mut flow = Copying {
            from: Whole::new(from),
            to,
        };
        let artifact = Self::observe(&mut flow, Some(before.size()), hashes)?;
        artifact.check_unchanged(from, &before)?;
        Ok(artifact)
    }

    /// The count of bytes.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The SHA-256 of the bytes.
    pub const fn sha256(&self) -> Digest {
        self.sha256
    }

    /// The SHA-512 of the bytes, if it was asked for.
    pub fn sha512(&self) -> Option<Digest> {
        self.digest(Algorithm::Sha512)
    }

    /// The digest of that algorithm, if it was asked for.
    pub fn digest(&self, algorithm: Algorithm) -> Option<Digest> {
        self.digests().find(|it| it.algorithm() == algorithm)
    }

    /// Every digest that was asked for, SHA-256 first.
    pub fn digests(&self) -> impl Iterator<Item = Digest> {
        std::iter::once(self.sha256).chain(self.beside.iter().copied())
    }

    /// Whether the bytes begin `DSSEv1 `: then a signature over them could be taken for that of a
    /// statement (and one of a statement for theirs).
    pub const fn opens_as_pae(&self) -> bool {
        self.opens_as_pae
    }

    /// Compares with what somebody claims: every digest that we accept as proof must agree.
    pub fn compare(&self, claimed: &DigestSet) -> Match {
        let mut verdict = Match::Incomparable;
        for &wanted in claimed.iter() {
            let algorithm = wanted.algorithm();
            match self.digest(algorithm) {
                Some(found) if found != wanted => {
                    return Match::Different {
                        algorithm,
                        found,
                        wanted,
                    };
                }
                Some(_) if verdict == Match::Incomparable => verdict = Match::Same,
                Some(_) => {}
                None => verdict = Match::NotComputed { algorithm },
            }
        }
        verdict
    }

    fn observe<F: Flow>(
        flow: &mut F,
        expected: Option<u64>,
        hashes: Hashes,
    ) -> Result<Self, F::Error> {
        let observed = observe(flow, expected, hashes)?;
        Ok(Self {
            size: observed.size,
            opens_as_pae: observed.opens_as_pae,
            sha256: observed.sha256,
            beside: observed.beside,
        })
    }

    fn check_unchanged(&self, file: &File, before: &Snapshot) -> Result<(), ReadError> {
        if self.size == before.size() && Snapshot::of_regular(file)? == *before {
            return Ok(());
        }
        Err(ReadError::Changed { path: None })
    }
}

/// Reads an open file, and says what it was before and after.
pub(crate) fn read_whole(file: &File, hashes: Hashes) -> Result<(Artifact, Snapshot), ReadError> {
    let before = Snapshot::of_regular(file)?;
    sys::advise_sequential(file, before.size());
    let artifact = Artifact::observe(&mut Whole::new(file), Some(before.size()), hashes)?;
    artifact.check_unchanged(file, &before)?;
    Ok((artifact, before))
}

struct Bytes<'a>(&'a [u8]);

impl Flow for Bytes<'_> {
    type Error = std::convert::Infallible;

    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        // Reading from a slice cannot fail.
        Ok(self.0.read(buffer).unwrap_or(0))
    }
}

struct Reader<'a, R>(&'a mut R);

impl<R: Read> Flow for Reader<'_, R> {
    type Error = ReadError;

    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        fill_whole(buffer, |part, _| self.0.read(part))
    }
}

/// A file from its beginning to its end, without moving its cursor.
struct Whole<'a> {
    file: &'a File,
    at: u64,
}

impl<'a> Whole<'a> {
    const fn new(file: &'a File) -> Self {
        Self { file, at: 0 }
    }
}

impl Flow for Whole<'_> {
    type Error = ReadError;

    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let filled = fill_whole(buffer, |part, filled| {
            sys::read_at(self.file, part, self.at + filled as u64)
        })?;
        self.at += filled as u64;
        Ok(filled)
    }
}

struct Copying<'a> {
    from: Whole<'a>,
    to: &'a File,
}

impl Flow for Copying<'_> {
    type Error = CopyError;

    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, CopyError> {
        Ok(self.from.fill(buffer)?)
    }

    fn pass(&mut self, bytes: &[u8]) -> Result<(), CopyError> {
        let at = self.from.at - bytes.len() as u64;
        sys::write_all_at(self.to, bytes, at).map_err(|source| CopyError::Write { source })
    }
}

/// Calls `read` until the buffer is full or nothing more comes.
fn fill_whole(
    buffer: &mut [u8],
    mut read: impl FnMut(&mut [u8], usize) -> io::Result<usize>,
) -> Result<usize, ReadError> {
    let mut filled = 0;
    while let Some(part) = buffer.get_mut(filled..).filter(|it| !it.is_empty()) {
        match read(part, filled) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(filled)
}
