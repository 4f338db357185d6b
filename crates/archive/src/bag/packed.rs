//! A bag in one file within gzip or zstd.
//!
//! What identifies it is the tar within: how it is compressed says nothing. To be read more than once, and
//! in any order, the tar is put into a file that has no name, where the caller says, and that is gone with
//! the process.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use attest_digest::{ContainerProblem, RelativePath, Stopped, unpack_container};

use super::names::bag_name;
use super::plan::{Content, Plan};
use super::read::Bag;
use super::tar::TarSink;
use super::write::{Exported, Sink};
use crate::disk::unnamed_file;
use crate::error::ArchiveError;
use crate::pack::{GzipWriter, ZstdWriter};
use crate::release::Release;

impl Bag {
    /// Whether a file is a bag within gzip or zstd, by its first bytes.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn is_packed(file: &File) -> io::Result<bool> {
        let mut first = [0; 4];
        let read = file.read_at(&mut first, 0)?;
        Ok(matches!(
            first.get(..read),
            Some([0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd])
        ))
    }

    /// Reads every byte of a bag that is one file within gzip or zstd; `scratch` is a folder in which a file
    /// without a name may take what is within.
    ///
    /// # Errors
    /// Each code of what is wrong with the compression, `container-bomb` among them; as
    /// [`Self::open_tar`]; `archive-disk-full`, `archive-io` about the folder.
    pub fn open_packed(file: &File, place: &Path, scratch: &Path) -> Result<Self, ArchiveError> {
        let failed = |error: io::Error| ArchiveError::io("write", scratch, error);
        let unpacked = unnamed_file(scratch).map_err(failed)?;
        let mut out = BufWriter::with_capacity(BUFFER, &unpacked);
        let mut full = None;
        let mut take = |bytes: &[u8]| {
            out.write_all(bytes).map_err(|error| {
                full = Some(error);
                Stopped
            })
        };
        let outcome = unpack_container(file, &mut take);
        if let Some(error) = full {
            return Err(failed(error));
        }
        if let Err(source) = outcome {
            return Err(match source.problem() {
                ContainerProblem::Read(_) => {
                    ArchiveError::io("read", place, io::Error::other(source))
                }
                _ => ArchiveError::BagPacked {
                    path: place.to_owned(),
                    source,
                },
            });
        }
        out.flush().map_err(failed)?;
        drop(out);
        Self::open_tar(unpacked, place)
    }
}

impl Release<'_> {
    /// Writes the bag of this release as [`Self::export_tar`] does, within gzip; it is not synced.
    ///
    /// # Errors
    /// As [`Self::export_tar`].
    pub fn export_tar_gzip(&self, out: impl Write) -> Result<Exported, ArchiveError> {
        let mut packed = GzipWriter::new(out);
        let exported = self.export_tar(&mut packed)?;
        // What is still buffered would be written when it is dropped, and nobody would hear of an error.
        let mut out = packed.finish().map_err(unwritten)?;
        out.flush().map_err(unwritten)?;
        Ok(exported)
    }

    /// Writes the bag of this release as [`Self::export_tar`] does, within zstd; it is not synced.
    ///
    /// # Errors
    /// As [`Self::export_tar`].
    pub fn export_tar_zstd(&self, out: impl Write) -> Result<Exported, ArchiveError> {
        let mut packed = ZstdWriter::new(out, self.tar_size()?).map_err(unwritten)?;
        let exported = self.export_tar(&mut packed)?;
        // What is still buffered would be written when it is dropped, and nobody would hear of an error.
        let mut out = packed.finish().map_err(unwritten)?;
        out.flush().map_err(unwritten)?;
        Ok(exported)
    }

    /// The count of bytes that [`Self::export_tar`] writes: no blob is read for it.
    fn tar_size(&self) -> Result<u64, ArchiveError> {
        let plan = Plan::of(self)?;
        let top = bag_name(self.name());
        let mut count = Count(0);
        let mut sink = TarSink::new(&mut count, &top)?;
        for (path, content) in plan.with_folders() {
            match content {
                None => sink.folder(&path)?,
                Some(Content::Bytes(bytes)) => sink.bytes(&path, bytes)?,
                Some(Content::Kept(file)) => zeros(&mut sink, &path, file.blob.size)?,
                Some(Content::Manifest(manifest)) => {
                    zeros(&mut sink, &path, plan.manifest_size(*manifest))?;
                }
            }
        }
        sink.finish()?;
        Ok(count.0)
    }
}

fn zeros<W: Write>(
    sink: &mut TarSink<W>,
    path: &RelativePath,
    size: u64,
) -> Result<(), ArchiveError> {
    sink.member(path, size, &mut io::repeat(0).take(size))
}

fn unwritten(error: io::Error) -> ArchiveError {
    ArchiveError::Tar(crate::TarError::Write(error))
}

/// Counts what is written.
struct Count(u64);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const BUFFER: usize = 1 << 20;
