//! Zstandard (RFC 8878): one frame, checked to its last byte. The one file that names `zstd`.

use std::io::{self, BufRead, Read};

use zstd::stream::read::Decoder;

use super::Profile;
use super::error::{ContainerProblem, StreamProblem};
use super::source::Source;
use crate::limits;

/// Unpacks the one frame of a zstd file.
pub(crate) struct Unzstd<'a> {
    inner: Decoder<'static, Source<'a>>,
    ended: bool,
}

impl<'a> Unzstd<'a> {
    pub(crate) fn new(mut source: Source<'a>, profile: Profile) -> Result<Self, ContainerProblem> {
        let header = FrameHeader::parse(source.first()?).ok_or(StreamProblem::ZstdHeader)?;
        let limit = match profile {
            Profile::Canonical => limits::ZSTD_WINDOW,
            Profile::Foreign => limits::ZSTD_FOREIGN_WINDOW,
        };
        if header.window > limit {
            let found = header.window;
            return Err(StreamProblem::ZstdWindow { found, limit }.into());
        }
        let is_ours = header.has_size && header.has_checksum;
        if profile == Profile::Canonical && !is_ours {
            let what = "the frame lacks its size or checksum";
            return Err(StreamProblem::NotCanonical { what }.into());
        }
        let mut inner = Decoder::with_buffer(source)?.single_frame();
        inner.window_log_max(limit.ilog2())?;
        Ok(Self {
            inner,
            ended: false,
        })
    }

    pub(crate) fn source(&self) -> &Source<'a> {
        self.inner.get_ref()
    }

    pub(crate) fn into_source(self) -> Source<'a> {
        self.inner.finish()
    }
}

impl Read for Unzstd<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ended || buffer.is_empty() {
            return Ok(0);
        }
        let read = self.inner.read(buffer).map_err(data_error)?;
        if read == 0 {
            self.ended = true;
            if !self.inner.get_mut().fill_buf()?.is_empty() {
                return Err(StreamProblem::ZstdTrailing.into());
            }
        }
        Ok(read)
    }
}

/// What the library says of the bytes; what was met in reading them stays what it is.
fn data_error(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ContainerProblem::Truncated.into(),
        _ if is_ours(&error) || error.raw_os_error().is_some() => error,
        _ => StreamProblem::ZstdData.into(),
    }
}

fn is_ours(error: &io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(<dyn std::error::Error + Send + Sync>::is::<ContainerProblem>)
}

/// What the first bytes of a frame say (RFC 8878, 3.1.1.1).
struct FrameHeader {
    /// Bytes that the decoder must hold.
    window: u64,
    has_size: bool,
    has_checksum: bool,
}

impl FrameHeader {
    /// `None`: not a frame, a reserved bit, or a dictionary that we do not have.
    fn parse(first: &[u8]) -> Option<Self> {
        let rest = first.strip_prefix(&[0x28, 0xb5, 0x2f, 0xfd])?;
        let (descriptor, rest) = rest.split_first()?;
        let is_single_segment = descriptor & 1 << 5 != 0;
        if descriptor & 0b1011 != 0 {
            return None;
        }
        let size_bytes = match descriptor >> 6 {
            0 => usize::from(is_single_segment),
            1 => 2,
            2 => 4,
            _ => 8,
        };
        let window = if is_single_segment {
            let mut size = [0; 8];
            for (to, from) in size.iter_mut().zip(rest.get(..size_bytes)?) {
                *to = *from;
            }
            // Two bytes count from 256.
            u64::from_le_bytes(size).saturating_add(if size_bytes == 2 { 256 } else { 0 })
        } else {
            let (window, _) = rest.split_first()?;
            let base = 1_u64 << (10 + (window >> 3));
            base + base / 8 * u64::from(window & 7)
        };
        Some(Self {
            window,
            has_size: size_bytes > 0,
            has_checksum: descriptor & 1 << 2 != 0,
        })
    }
}
