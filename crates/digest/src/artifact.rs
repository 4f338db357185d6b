//! Bytes that were read, and what they are.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::digest::{Algorithm, Digest};
use crate::digest_set::{DigestSet, Match};
use crate::hasher::Hashes;
use crate::pipeline::{Flow, Observed, observe};
use crate::read_error::{CopyError, ReadError};
use crate::signed_form::{Head, SignedForm};
use crate::sys::{self, Snapshot};

/// Size and digests of bytes that we have read ourselves.
///
/// There is no other way to make one:
///
/// ```
/// use attest_digest::{Artifact, Digest, Hashes};
/// let claimed = Digest::Sha256([0; 32]);
/// let artifact = Artifact::of_bytes(claimed.as_bytes(), Hashes::Sha256);
/// # assert_ne!(artifact.sha256(), claimed);
/// ```
///
/// ```compile_fail
/// use attest_digest::{Artifact, Digest, Hashes};
/// let claimed = Digest::Sha256([0; 32]);
/// let artifact = Artifact { size: 0, signed_form: None, sha256: claimed, beside: Vec::new() };
/// # assert_ne!(artifact.sha256(), claimed);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    size: u64,
    signed_form: Option<SignedForm>,
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
        let (file, before) = sys::open_regular(path)?;
        let artifact = Self::read_since(&file, &before, hashes)?;
        sys::check_leads_to(path, &before)?;
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
        let before = Snapshot::of_regular(file)?;
        Self::read_since(file, &before, hashes)
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
        if before.is_same_file(to)? {
            return Err(CopyError::SameFile);
        }
        // Not for a new file: ext4 writes one that was cut to disk as soon as it is closed, which
        // makes ten thousand small copies wait for the disk ten thousand times.
        let written = |source| CopyError::Write { source };
        if to.metadata().map_err(written)?.len() > 0 {
            to.set_len(0).map_err(written)?;
        }
        let mut flow = Copying {
            from: Whole::new(from, &before),
            to,
        };
        Self::observe_since(from, &before, &mut flow, hashes)
    }

    /// Reads an open file that was so before.
    pub(crate) fn read_since(
        file: &File,
        before: &Snapshot,
        hashes: Hashes,
    ) -> Result<Self, ReadError> {
        Self::observe_since(file, before, &mut Whole::new(file, before), hashes)
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

    /// What the bytes begin as, if a signature over them could be taken for one over something that is
    /// no file (and one over that for theirs).
    pub const fn signed_form(&self) -> Option<SignedForm> {
        self.signed_form
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

    /// Bytes that passed through us and began like this.
    pub(crate) fn passed(size: u64, head: &Head, sha256: Digest, beside: Vec<Digest>) -> Self {
        Self {
            size,
            signed_form: head.form(),
            sha256,
            beside,
        }
    }

    pub(crate) fn observe<F: Flow>(
        flow: &mut F,
        expected: Option<u64>,
        hashes: Hashes,
    ) -> Result<Self, F::Error> {
        Ok(Self::observed(observe(flow, expected, hashes)?))
    }

    /// What reading has shown.
    pub(crate) fn observed(observed: Observed) -> Self {
        Self {
            size: observed.size,
            signed_form: observed.signed_form,
            sha256: observed.sha256,
            beside: observed.beside,
        }
    }

    /// Observes the flow of an open file's bytes; they count only if the file is still as before.
    fn observe_since<F: Flow>(
        file: &File,
        before: &Snapshot,
        flow: &mut F,
        hashes: Hashes,
    ) -> Result<Self, F::Error>
    where
        F::Error: From<ReadError>,
    {
        sys::advise_sequential(file, before.size());
        let artifact = Self::observe(flow, Some(before.size()), hashes)?;
        if artifact.size == before.size() && Snapshot::of_regular(file)? == *before {
            return Ok(artifact);
        }
        Err(ReadError::Changed { path: None }.into())
    }
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

/// A file from its beginning to the end that it had, without moving its cursor.
struct Whole<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl<'a> Whole<'a> {
    const fn new(file: &'a File, before: &Snapshot) -> Self {
        Self {
            file,
            at: 0,
            end: before.size(),
        }
    }
}

impl Flow for Whole<'_> {
    type Error = ReadError;

    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let filled = fill_whole(buffer, |part, filled| {
            sys::read_at(self.file, part, self.at + filled as u64)
        })?;
        self.at += filled as u64;
        // At once, or a writer could keep us here for ever.
        if self.at > self.end {
            return Err(ReadError::Changed { path: None });
        }
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

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions, Permissions};
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;
    use std::thread::sleep;
    use std::time::Duration;

    use super::*;

    /// Does something to the file when its first bytes have been read.
    struct Meddled<'a, F> {
        whole: Whole<'a>,
        meddle: Option<F>,
    }

    impl<F: FnOnce()> Flow for Meddled<'_, F> {
        type Error = ReadError;

        fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
            let filled = self.whole.fill(buffer)?;
            if let Some(meddle) = self.meddle.take() {
                // Longer than a coarse clock ticks.
                sleep(Duration::from_millis(20));
                meddle();
            }
            Ok(filled)
        }
    }

    fn code_when(size: usize, meddle: impl FnOnce(&Path)) -> Option<&'static str> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, vec![b'a'; size]).unwrap();
        let file = File::open(&path).unwrap();
        let before = Snapshot::of_regular(&file).unwrap();
        let mut flow = Meddled {
            whole: Whole::new(&file, &before),
            meddle: Some(|| meddle(&path)),
        };
        let read = Artifact::observe_since(&file, &before, &mut flow, Hashes::Sha256AndSha512);
        read.err().map(|error| error.code())
    }

    fn open(path: &Path) -> File {
        OpenOptions::new().append(true).open(path).unwrap()
    }

    #[test]
    fn a_file_that_is_left_alone_is_read() {
        for size in [0, 1, 100_000, 3_000_000] {
            assert_eq!(code_when(size, |_| {}), None);
        }
    }

    #[test]
    fn a_file_that_grows_while_it_is_read_is_refused() {
        for size in [0, 1, 100_000, 3_000_000] {
            let code = code_when(size, |path| open(path).write_all(b"more").unwrap());
            assert_eq!(code, Some("file-changed"));
        }
    }

    #[test]
    fn a_file_that_is_cut_while_it_is_read_is_refused() {
        for size in [1, 100_000, 3_000_000] {
            let code = code_when(size, |path| open(path).set_len(0).unwrap());
            assert_eq!(code, Some("file-changed"));
        }
    }

    #[test]
    fn a_file_that_is_overwritten_with_the_same_size_is_refused() {
        for size in [1, 100_000, 3_000_000] {
            let code = code_when(size, |path| {
                let file = OpenOptions::new().write(true).open(path).unwrap();
                sys::write_all_at(&file, b"b", 0).unwrap();
            });
            assert_eq!(code, Some("file-changed"));
        }
    }

    #[test]
    fn a_file_whose_old_time_is_put_back_after_a_write_is_refused() {
        let code = code_when(100_000, |path| {
            let file = OpenOptions::new().write(true).open(path).unwrap();
            let modified = file.metadata().unwrap().modified().unwrap();
            sys::write_all_at(&file, b"b", 0).unwrap();
            file.set_modified(modified).unwrap();
        });
        assert_eq!(code, Some("file-changed"));
    }

    #[test]
    fn a_file_whose_mode_changes_while_it_is_read_is_refused() {
        let code = code_when(1, |path| {
            fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
        });
        assert_eq!(code, Some("file-changed"));
    }

    #[test]
    fn a_growing_file_is_given_up_where_it_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, b"four").unwrap();
        let file = File::open(&path).unwrap();
        let before = Snapshot::of_regular(&file).unwrap();
        open(&path).write_all(&[0; 10]).unwrap();
        let mut whole = Whole::new(&file, &before);
        assert_eq!(whole.fill(&mut [0; 3]).unwrap(), 3);
        assert_eq!(whole.fill(&mut [0; 3]).unwrap_err().code(), "file-changed");
    }
}
