//! All that the store asks of a file system, so that tests can take the power away.

use std::any::Any;
use std::io;
use std::path::{Path, PathBuf};

/// A lock, held until it is dropped.
pub(crate) type Lock = Box<dyn Any + Send + Sync>;

/// A file system. Nothing that was written or renamed is durable before it is synced.
pub(crate) trait Disk: Send + Sync {
    /// The whole file, or `None` if there is none.
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>>;

    /// Up to `length` bytes at `offset`; fewer at the end of the file.
    fn read_at(&self, path: &Path, offset: u64, length: usize) -> io::Result<Vec<u8>>;

    /// What lies in a folder, sorted by name; nothing if there is no such folder.
    fn list(&self, folder: &Path) -> io::Result<Vec<Item>>;

    /// Writes a file anew, readable by everybody.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Writes at the end of a file.
    fn extend(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Cuts a file off.
    fn truncate(&self, path: &Path, length: u64) -> io::Result<()>;

    /// Replaces a file by another.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes an empty folder.
    fn remove_folder(&self, path: &Path) -> io::Result<()>;

    /// Makes a folder, readable by everybody. Fails if it is there.
    fn make_folder(&self, path: &Path) -> io::Result<()>;

    /// Makes the content of files durable, not their names.
    fn sync(&self, files: &[PathBuf]) -> io::Result<()>;

    /// Makes the names in a folder durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Locks a folder against other processes; `None` if another has it.
    fn lock_folder(&self, folder: &Path) -> io::Result<Option<Lock>>;

    /// Makes a file and locks it against other processes; `None` if another has it.
    fn lock_file(&self, path: &Path) -> io::Result<Option<Lock>>;

    /// The kind of file system of a folder, if a lock and a sync promise nothing on it.
    fn unreliable(&self, folder: &Path) -> io::Result<Option<&'static str>>;
}

/// A name in a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Item {
    pub(crate) name: String,
    pub(crate) is_folder: bool,
}

/// Whether a file or folder is not there.
pub(crate) fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}
