//! The content of one member: as long as it says, with the checksum that it says, and bounded.

use std::io::{self, Read, Take};

use super::directory::Common;
use super::error::ZipProblem;
use crate::container::compressed::check_unpacked;
use crate::container::error::ContainerProblem;
use crate::container::inflate::{Crc, Inflate, data_error};
use crate::container::source::Source;

/// The bytes of a member, whatever they are packed in.
pub(crate) struct Content<'a, 'b> {
    stream: Stream<'a, 'b>,
    crc: Crc,
    wanted_crc: u32,
    left: u64,
    /// Bytes of all members so far.
    unpacked: &'a mut u64,
}

enum Stream<'a, 'b> {
    Stored(Take<&'a mut Source<'b>>),
    Deflated(Inflate<Take<&'a mut Source<'b>>>),
}

impl<'a, 'b> Content<'a, 'b> {
    pub(crate) fn new(source: &'a mut Source<'b>, member: &Common, unpacked: &'a mut u64) -> Self {
        let packed = source.take(member.packed.into());
        Self {
            stream: if member.is_stored() {
                Stream::Stored(packed)
            } else {
                Stream::Deflated(Inflate::new(packed))
            },
            crc: Crc::new(),
            wanted_crc: member.crc,
            left: member.size.into(),
            unpacked,
        }
    }

    /// Nothing may be left, of either size.
    pub(crate) fn finish(mut self) -> Result<(), ContainerProblem> {
        let more = self.stream.read(&mut [0])?;
        if self.left > 0 || more > 0 || self.stream.packed().limit() > 0 {
            return Err(ZipProblem::Size.into());
        }
        if self.crc.sum() != self.wanted_crc {
            return Err(ZipProblem::Checksum.into());
        }
        Ok(())
    }
}

impl Read for Content<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.left == 0 {
            return Ok(0);
        }
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let part = buffer.get_mut(..most).unwrap_or_default();
        let read = self.stream.read(part)?;
        if read == 0 {
            return Err(ContainerProblem::from(ZipProblem::Size).into());
        }
        self.crc.update(part.get(..read).unwrap_or_default());
        self.left -= read as u64;
        *self.unpacked += read as u64;
        check_unpacked(*self.unpacked, self.stream.packed().get_ref().taken())?;
        Ok(read)
    }
}

impl<'a, 'b> Stream<'a, 'b> {
    fn packed(&self) -> &Take<&'a mut Source<'b>> {
        match self {
            Self::Stored(packed) => packed,
            Self::Deflated(inflate) => inflate.get_ref(),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stored(packed) => packed.read(buffer),
            Self::Deflated(inflate) => inflate.read(buffer).map_err(|error| {
                data_error(error, ZipProblem::Data.into(), ZipProblem::Size.into())
            }),
        }
    }
}
