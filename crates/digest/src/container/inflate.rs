//! Deflate, and its usual checksum. The one file that names `flate2`.

use std::io;

use super::error::ContainerProblem;

pub(crate) use flate2::Crc;
pub(crate) use flate2::bufread::DeflateDecoder as Inflate;

/// What the library says of the bytes, and of their end; what was met in reading them stays what it is.
pub(crate) fn data_error(
    error: io::Error,
    data: ContainerProblem,
    end: ContainerProblem,
) -> io::Error {
    match error.kind() {
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => data.into(),
        io::ErrorKind::UnexpectedEof => end.into(),
        _ => error,
    }
}
