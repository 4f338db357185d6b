//! A log whose files are read from elsewhere than a folder: a web server, a bucket. Reading only.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use super::disk::{Disk, Item, Lock};
use super::layout::CHECKPOINT;
use crate::{Hash, limits, tile};

/// Where the files of a log are fetched from. It is not trusted: a reader proves what it gets.
pub trait TileSource: Send + Sync {
    /// The whole file of that name below the log, such as `tile/0/000.p/12`; `None` if there is none.
    /// A file of more than `most` bytes is an error.
    ///
    /// # Errors
    /// It could not be heard to the end.
    fn fetch(&self, name: &str, most: usize) -> Result<Option<Vec<u8>>, SourceError>;
}

/// Why a source did not answer. Comes out of [`crate::LogError::source_error`].
pub type SourceError = Box<dyn Error + Send + Sync>;

/// A source as the store reads it. Its files cannot be listed, and nothing can be written.
pub(crate) struct Fetched<S> {
    root: PathBuf,
    source: S,
}

impl<S: TileSource> Fetched<S> {
    pub(crate) const fn new(root: PathBuf, source: S) -> Self {
        Self { root, source }
    }
}

impl<S: TileSource> Disk for Fetched<S> {
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        let name = path.strip_prefix(&self.root).ok().and_then(Path::to_str);
        let name = name.ok_or_else(unsupported)?;
        let most = most(name);
        let bytes = self.source.fetch(name, most).map_err(io::Error::other)?;
        match bytes {
            Some(bytes) if bytes.len() > most => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("has {} bytes, at most {most} are read", bytes.len()),
            )),
            bytes => Ok(bytes),
        }
    }

    fn read_at(&self, path: &Path, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let bytes = self.read(path)?.ok_or(io::ErrorKind::NotFound)?;
        let begin = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        let end = begin.saturating_add(length).min(bytes.len());
        Ok(bytes.get(begin..end).unwrap_or_default().to_vec())
    }

    fn list(&self, _: &Path) -> io::Result<Vec<Item>> {
        Ok(Vec::new())
    }

    fn write(&self, _: &Path, _: &[u8]) -> io::Result<()> {
        Err(unsupported())
    }

    fn extend(&self, _: &Path, _: &[u8]) -> io::Result<()> {
        Err(unsupported())
    }

    fn truncate(&self, _: &Path, _: u64) -> io::Result<()> {
        Err(unsupported())
    }

    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        Err(unsupported())
    }

    fn remove(&self, _: &Path) -> io::Result<()> {
        Err(unsupported())
    }

    fn remove_folder(&self, _: &Path) -> io::Result<()> {
        Err(unsupported())
    }

    fn make_folder(&self, _: &Path) -> io::Result<()> {
        Err(unsupported())
    }

    fn sync(&self, _: &[PathBuf]) -> io::Result<()> {
        Err(unsupported())
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        Err(unsupported())
    }

    fn lock_folder(&self, _: &Path) -> io::Result<Option<Lock>> {
        Err(unsupported())
    }

    fn lock_file(&self, _: &Path) -> io::Result<Option<Lock>> {
        Err(unsupported())
    }

    fn unreliable(&self, _: &Path) -> io::Result<Option<&'static str>> {
        Err(unsupported())
    }
}

/// As many bytes as a file of that name can have.
fn most(name: &str) -> usize {
    if name == CHECKPOINT || !name.starts_with("tile/") {
        limits::NOTE_BYTES
    } else if name.starts_with("tile/entries/") {
        usize::from(tile::WIDTH) * (limits::ENTRY_BYTES + 2)
    } else {
        usize::from(tile::WIDTH) * Hash::LEN
    }
}

fn unsupported() -> io::Error {
    io::ErrorKind::Unsupported.into()
}
