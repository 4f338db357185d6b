//! What is within gzip or zstd, taken out as one piece.

use std::fs::File;
use std::io::{self, Read};

use super::compressed::Compressed;
use super::error::{ContainerError, ContainerProblem};
use super::source::Source;
use super::{Format, Profile, Stopped};
use crate::hasher::Hashes;
use crate::limits;
use crate::sys::Snapshot;

/// Hands over what is within gzip or zstd, in pieces and in the bounds of an archive; of a file that is
/// in neither, its own bytes. Nothing is known of what they are.
///
/// # Errors
/// As [`read_container`](super::read_container), but for what the bytes are.
pub fn unpack_container(
    file: &File,
    take: &mut dyn FnMut(&[u8]) -> Result<(), Stopped>,
) -> Result<Format, ContainerError> {
    let before = Snapshot::of_regular(file).map_err(ContainerError::from)?;
    let mut source = Source::of_file(file, &before, Hashes::Sha256);
    let format = match source.first()? {
        [0x1f, 0x8b, ..] => Format::TarGzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Format::TarZstd,
        _ => Format::Tar,
    };
    let mut stream = Compressed::new(source, format, Profile::Foreign)?;
    let mut buffer = vec![0; limits::READ_BUFFER];
    loop {
        let read = match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(ContainerProblem::from(error).into()),
        };
        let piece = buffer.get(..read).unwrap_or_default();
        take(piece).map_err(ContainerProblem::from)?;
    }
    stream.finish()?;
    before
        .check_equal(&file.metadata().map_err(ContainerError::from)?)
        .map_err(ContainerError::from)?;
    Ok(format)
}
