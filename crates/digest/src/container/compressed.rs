//! What is within gzip or zstd, or within nothing; bounded.

use std::io::{self, Read};

use super::error::{ContainerError, ContainerProblem, StreamProblem, TarProblem};
use super::gzip::Gunzip;
use super::source::Source;
use super::zstd::Unzstd;
use super::{Format, Profile};
use crate::artifact::Artifact;
use crate::limits;

/// The bytes of a tar archive, whatever they are packed in.
pub(crate) struct Compressed<'a> {
    stream: Stream<'a>,
    /// Bytes that were unpacked.
    unpacked: u64,
}

enum Stream<'a> {
    Plain(Source<'a>),
    Gzip(Gunzip<'a>),
    Zstd(Unzstd<'a>),
}

impl<'a> Compressed<'a> {
    pub(crate) fn new(
        source: Source<'a>,
        format: Format,
        profile: Profile,
    ) -> Result<Self, ContainerError> {
        let stream = match format {
            Format::Tar => Stream::Plain(source),
            // Its directory is at the end: nothing to be read as a stream.
            Format::Zip => return Err(ContainerProblem::NotAnArchive.into()),
            Format::TarGzip => Stream::Gzip(Gunzip::new(source, profile)?),
            Format::TarZstd => Stream::Zstd(Unzstd::new(source, profile)?),
        };
        Ok(Self {
            stream,
            unpacked: 0,
        })
    }

    /// The archive's own bytes, when all was unpacked.
    pub(crate) fn finish(self) -> Result<Artifact, ContainerError> {
        let (source, trailing): (_, ContainerProblem) = match self.stream {
            Stream::Plain(source) => (source, TarProblem::Trailing.into()),
            Stream::Gzip(gzip) => (gzip.into_source(), StreamProblem::GzipTrailing.into()),
            Stream::Zstd(zstd) => (zstd.into_source(), StreamProblem::ZstdTrailing.into()),
        };
        Ok(source.finish()?.ok_or(trailing)?)
    }

    fn check_size(&self) -> Result<(), ContainerProblem> {
        let taken = match &self.stream {
            Stream::Plain(_) => return Ok(()),
            Stream::Gzip(gzip) => gzip.source().taken(),
            Stream::Zstd(zstd) => zstd.source().taken(),
        };
        check_unpacked(self.unpacked, taken)
    }
}

/// Refuses what unpacks to too much for the bytes that were taken.
pub(crate) fn check_unpacked(unpacked: u64, taken: u64) -> Result<(), ContainerProblem> {
    let limit = taken
        .saturating_mul(limits::UNPACKED_RATIO)
        .clamp(limits::UNPACKED_FREE_BYTES, limits::UNPACKED_BYTES);
    if unpacked > limit {
        return Err(ContainerProblem::TooLarge { limit });
    }
    Ok(())
}

impl Read for Compressed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.stream {
            Stream::Plain(source) => source.read(buffer)?,
            Stream::Gzip(gzip) => gzip.read(buffer)?,
            Stream::Zstd(zstd) => zstd.read(buffer)?,
        };
        self.unpacked += read as u64;
        self.check_size()?;
        Ok(read)
    }
}
