//! gzip (RFC 1952): one member, checked to its last byte.

use std::io::{self, BufRead, Read};

use super::Profile;
use super::error::{ContainerProblem, StreamProblem};
use super::inflate::{Crc, Inflate, data_error};
use super::source::Source;
use crate::limits;

/// Unpacks the one member of a gzip file.
///
/// Others may be members too for most readers, for some not; behind it must be nothing.
pub(crate) struct Gunzip<'a> {
    inner: Inflate<Source<'a>>,
    crc: Crc,
    ended: bool,
}

impl<'a> Gunzip<'a> {
    pub(crate) fn new(mut source: Source<'a>, profile: Profile) -> Result<Self, ContainerProblem> {
        read_header(&mut source, profile)?;
        Ok(Self {
            inner: Inflate::new(source),
            crc: Crc::new(),
            ended: false,
        })
    }

    pub(crate) fn source(&self) -> &Source<'a> {
        self.inner.get_ref()
    }

    pub(crate) fn into_source(self) -> Source<'a> {
        self.inner.into_inner()
    }

    fn read_end(&mut self) -> io::Result<()> {
        let mut end = [0; 8];
        read_whole(self.inner.get_mut(), &mut end)?;
        let wanted = u64::from(self.crc.sum()) | u64::from(self.crc.amount()) << 32;
        if u64::from_le_bytes(end) != wanted {
            return Err(StreamProblem::GzipChecksum.into());
        }
        if !self.inner.get_mut().fill_buf()?.is_empty() {
            return Err(StreamProblem::GzipTrailing.into());
        }
        Ok(())
    }
}

impl Read for Gunzip<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ended || buffer.is_empty() {
            return Ok(0);
        }
        let read = self.inner.read(buffer).map_err(|error| {
            let data = StreamProblem::GzipData.into();
            data_error(error, data, ContainerProblem::Truncated)
        })?;
        if read == 0 {
            self.ended = true;
            self.read_end()?;
        }
        self.crc.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

fn read_header(source: &mut Source<'_>, profile: Profile) -> io::Result<()> {
    let mut header = [0; 10];
    let mut crc = Crc::new();
    take(source, &mut crc, &mut header)?;
    let [0x1f, 0x8b, DEFLATE, flags, time @ .., extra, system] = header else {
        return Err(StreamProblem::GzipHeader.into());
    };
    if profile == Profile::Canonical && (flags, time, extra, system) != (0, [0; 4], 2, 255) {
        let what = "its header has other bytes than ours";
        return Err(StreamProblem::NotCanonical { what }.into());
    }
    if flags & RESERVED != 0 {
        return Err(StreamProblem::GzipHeader.into());
    }
    if flags & EXTRA != 0 {
        let mut length = [0; 2];
        take(source, &mut crc, &mut length)?;
        let mut field = vec![0; usize::from(u16::from_le_bytes(length))];
        take(source, &mut crc, &mut field)?;
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            take_text(source, &mut crc)?;
        }
    }
    if flags & HEADER_CRC != 0 {
        let [low, high, ..] = crc.sum().to_le_bytes();
        let mut said = [0; 2];
        take(source, &mut crc, &mut said)?;
        if said != [low, high] {
            return Err(StreamProblem::GzipHeader.into());
        }
    }
    Ok(())
}

fn take(source: &mut Source<'_>, crc: &mut Crc, bytes: &mut [u8]) -> io::Result<()> {
    read_whole(source, bytes)?;
    crc.update(bytes);
    Ok(())
}

fn take_text(source: &mut Source<'_>, crc: &mut Crc) -> io::Result<()> {
    for _ in 0..limits::GZIP_HEADER_BYTES {
        let mut byte = [0];
        take(source, crc, &mut byte)?;
        if byte == [0] {
            return Ok(());
        }
    }
    Err(StreamProblem::GzipHeader.into())
}

pub(super) fn read_whole(source: &mut Source<'_>, bytes: &mut [u8]) -> io::Result<()> {
    source
        .read_exact(bytes)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => ContainerProblem::Truncated.into(),
            _ => error,
        })
}

/// The one method of compression.
const DEFLATE: u8 = 8;

const HEADER_CRC: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0xe0;
