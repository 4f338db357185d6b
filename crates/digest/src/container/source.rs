//! The bytes of an archive, hashed as they are read.

use std::fs::File;
use std::io::{self, BufRead, Read};

use super::SNIFFED;
use super::error::ContainerProblem;
use crate::artifact::Artifact;
use crate::hasher::Hashes;
use crate::limits;
use crate::pipeline::Hashing;
use crate::read_error::ReadError;
use crate::sys::{self, Snapshot};

/// The bytes of an archive from its beginning.
pub(crate) struct Source<'a> {
    from: From<'a>,
    hashing: Hashing,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

enum From<'a> {
    /// A file, the place in it, and the size that it had.
    File(&'a File, u64, u64),
    /// Bytes, and the place in them.
    Bytes(&'a [u8], u64),
}

impl<'a> Source<'a> {
    pub(crate) fn of_file(file: &'a File, before: &Snapshot, hashes: Hashes) -> Self {
        sys::advise_sequential(file, before.size());
        Self::new(From::File(file, 0, before.size()), hashes)
    }

    pub(crate) fn of_bytes(bytes: &'a [u8], hashes: Hashes) -> Self {
        Self::new(From::Bytes(bytes, 0), hashes)
    }

    fn new(from: From<'a>, hashes: Hashes) -> Self {
        Self {
            from,
            hashing: Hashing::new(hashes),
            buffer: vec![0; limits::READ_BUFFER],
            start: 0,
            end: 0,
        }
    }

    /// The first bytes, which stay to be read; only at the beginning.
    pub(crate) fn first(&mut self) -> Result<&[u8], ContainerProblem> {
        let buffered = self.fill_buf()?;
        Ok(buffered.get(..SNIFFED).unwrap_or(buffered))
    }

    /// Bytes that have been read from the archive.
    pub(crate) const fn taken(&self) -> u64 {
        self.hashing.size()
    }

    /// Bytes that have been handed out.
    pub(crate) const fn position(&self) -> u64 {
        self.hashing.size() - (self.end - self.start) as u64
    }

    /// Bytes of the whole archive.
    pub(crate) const fn size(&self) -> u64 {
        match self.from {
            From::File(_, _, size) => size,
            From::Bytes(bytes, _) => bytes.len() as u64,
        }
    }

    /// Looks ahead, and stays where it is; what was looked at counts when it has been read, too.
    pub(crate) fn read_at(&self, buffer: &mut [u8], at: u64) -> Result<(), ContainerProblem> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|it| !it.is_empty()) {
            match self.from.read_at(rest, at + filled as u64) {
                Ok(0) => return Err(ContainerProblem::Truncated),
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The archive's own bytes, if nothing is left; else `None`.
    pub(crate) fn finish(mut self) -> Result<Option<Artifact>, ContainerProblem> {
        if !self.fill_buf()?.is_empty() {
            return Ok(None);
        }
        Ok(Some(Artifact::observed(self.hashing.finish())))
    }
}

impl From<'_> {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        match self {
            Self::Bytes(bytes, _) => {
                let at = usize::try_from(at).unwrap_or(usize::MAX);
                bytes.get(at..).unwrap_or_default().read(buffer)
            }
            Self::File(file, ..) => sys::read_at(file, buffer, at),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (Self::File(_, at, _) | Self::Bytes(_, at)) = *self;
        let read = self.read_at(buffer, at)?;
        match self {
            Self::Bytes(_, at) => {
                *at += read as u64;
                Ok(read)
            }
            Self::File(_, at, end) => {
                *at += read as u64;
                // At once, or a writer could keep us here for ever.
                if *at > *end {
                    let changed = ReadError::Changed { path: None };
                    return Err(ContainerProblem::from(changed).into());
                }
                Ok(read)
            }
        }
    }
}

impl BufRead for Source<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            self.start = 0;
            // Until it is full or nothing more comes: the first bytes must be there at once.
            self.end = 0;
            while let Some(rest) = self.buffer.get_mut(self.end..).filter(|it| !it.is_empty()) {
                match self.from.read(rest) {
                    Ok(0) => break,
                    Ok(read) => self.end += read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            self.hashing
                .push(self.buffer.get(..self.end).unwrap_or_default());
        }
        Ok(self.buffer.get(self.start..self.end).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.start = self.end.min(self.start + count);
    }
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = self.fill_buf()?;
        let read = filled.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}
