//! Where things lie in a log's folder.
//!
//! ```text
//! checkpoint                  the published checkpoint
//! checkpoints/923748          every checkpoint that was published, by its size
//! tile/…                      C2SP tlog-tiles
//! .state/journal              what is durable and not yet synced elsewhere
//! .state/index/0-4096         leaf hash → index, to find an entry that is there already
//! .state/new                  the file that is being written
//! .state/checkpoint           the checkpoint that is being published
//! ```

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Disk, Item, Lock, is_missing};
use super::error::{LogError, Which};
use crate::tile::{self, Content, TileId, TileNodes};
use crate::{Hash, LogKey, SignedCheckpoint};

pub(crate) const CHECKPOINT: &str = "checkpoint";
pub(crate) const CHECKPOINTS: &str = "checkpoints";
pub(crate) const STATE: &str = ".state";
pub(crate) const JOURNAL: &str = ".state/journal";
pub(crate) const INDEX: &str = ".state/index";
const NEW: &str = ".state/new";
const STAGED: &str = ".state/checkpoint";

/// A log's folder.
#[derive(Clone)]
pub(crate) struct Layout {
    disk: Arc<dyn Disk>,
    root: PathBuf,
}

impl Layout {
    pub(crate) fn new(disk: Arc<dyn Disk>, root: &Path) -> Self {
        Self {
            disk,
            root: root.to_owned(),
        }
    }

    pub(crate) fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(crate) fn lock(&self) -> Result<Lock, LogError> {
        let tried = |it: io::Error| LogError::io("lock", &self.root, it);
        if let Some(kind) = self.disk.unreliable(&self.root).map_err(tried)? {
            return Err(LogError::NetworkFileSystem {
                path: self.root.clone(),
                kind,
            });
        }
        let lock = self.disk.lock_folder(&self.root).map_err(tried)?;
        lock.ok_or_else(|| LogError::Locked {
            path: self.root.clone(),
        })
    }

    pub(crate) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, LogError> {
        let path = self.path(name);
        self.disk
            .read(&path)
            .map_err(|it| LogError::io("read", &path, it))
    }

    pub(crate) fn read_at(
        &self,
        name: &str,
        offset: u64,
        length: usize,
    ) -> Result<Vec<u8>, LogError> {
        let path = self.path(name);
        self.disk
            .read_at(&path, offset, length)
            .map_err(|it| LogError::io("read", &path, it))
    }

    pub(crate) fn list(&self, name: &str) -> Result<Vec<Item>, LogError> {
        let path = self.path(name);
        self.disk
            .list(&path)
            .map_err(|it| LogError::io("list", &path, it))
    }

    /// Replaces a file as a whole; its name and content are not durable yet.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> Result<(), LogError> {
        self.write_new(name, bytes)?;
        self.rename_new(name)
    }

    /// Replaces a file as a whole; after a power loss its name leads to the old content or the new.
    pub(crate) fn put_synced(&self, name: &str, bytes: &[u8]) -> Result<(), LogError> {
        self.write_new(name, bytes)?;
        self.sync(&[self.path(NEW)])?;
        self.rename_new(name)
    }

    /// Writes what is to be the published checkpoint. Gives the file, which must be synced before
    /// [`Layout::publish_checkpoint`].
    pub(crate) fn stage_checkpoint(&self, bytes: &[u8]) -> Result<PathBuf, LogError> {
        let staged = self.path(STAGED);
        let written = self.disk.write(&staged, bytes);
        written.map_err(|it| LogError::io("write", &self.path(CHECKPOINT), it))?;
        Ok(staged)
    }

    pub(crate) fn publish_checkpoint(&self) -> Result<(), LogError> {
        let (from, to) = (self.path(STAGED), self.path(CHECKPOINT));
        self.disk
            .rename(&from, &to)
            .map_err(|it| LogError::io("write", &to, it))
    }

    fn write_new(&self, name: &str, bytes: &[u8]) -> Result<(), LogError> {
        let written = self.disk.write(&self.path(NEW), bytes);
        written.map_err(|it| LogError::io("write", &self.path(name), it))
    }

    fn rename_new(&self, name: &str) -> Result<(), LogError> {
        let (from, to) = (self.path(NEW), self.path(name));
        match self.disk.rename(&from, &to) {
            Err(error) if is_missing(&error) => {}
            done => return done.map_err(|it| LogError::io("write", &to, it)),
        }
        // The folder is made when it is first needed.
        if let Some(folder) = to.parent() {
            make_folders(self.disk.as_ref(), folder)?;
        }
        self.disk
            .rename(&from, &to)
            .map_err(|it| LogError::io("write", &to, it))
    }

    pub(crate) fn start_new(&self, bytes: &[u8]) -> Result<(), LogError> {
        self.write_new(NEW, bytes)
    }

    pub(crate) fn extend_new(&self, bytes: &[u8]) -> Result<(), LogError> {
        self.extend(NEW, bytes)
    }

    pub(crate) fn finish_new(&self, name: &str) -> Result<(), LogError> {
        self.sync(&[self.path(NEW)])?;
        self.rename_new(name)
    }

    pub(crate) fn extend(&self, name: &str, bytes: &[u8]) -> Result<(), LogError> {
        let path = self.path(name);
        self.disk
            .extend(&path, bytes)
            .map_err(|it| LogError::io("write", &path, it))
    }

    pub(crate) fn truncate(&self, name: &str, length: u64) -> Result<(), LogError> {
        let path = self.path(name);
        self.disk
            .truncate(&path, length)
            .map_err(|it| LogError::io("cut", &path, it))
    }

    pub(crate) fn sync(&self, files: &[PathBuf]) -> Result<(), LogError> {
        let first = files.first().map_or(self.root.as_path(), PathBuf::as_path);
        self.disk
            .sync(files)
            .map_err(|it| LogError::io("sync", first, it))
    }

    pub(crate) fn sync_folder(&self, name: &str) -> Result<(), LogError> {
        let path = if name.is_empty() {
            self.root.clone()
        } else {
            self.path(name)
        };
        self.disk
            .sync_folder(&path)
            .map_err(|it| LogError::io("sync", &path, it))
    }

    /// Makes files durable, with their names and those of the folders they lie in.
    pub(crate) fn sync_files(&self, names: &BTreeSet<String>) -> Result<(), LogError> {
        let paths: Vec<_> = names.iter().map(|it| self.path(it)).collect();
        if !paths.is_empty() {
            self.sync(&paths)?;
        }
        let mut folders = BTreeSet::from([""]);
        for name in names {
            let mut rest = name.as_str();
            while let Some((folder, _)) = rest.rsplit_once('/') {
                folders.insert(folder);
                rest = folder;
            }
        }
        folders.iter().try_for_each(|it| self.sync_folder(it))
    }

    pub(crate) fn remove(&self, name: &str) -> Result<(), LogError> {
        let path = self.path(name);
        match self.disk.remove(&path) {
            Err(error) if !is_missing(&error) => Err(LogError::io("remove", &path, error)),
            _ => Ok(()),
        }
    }

    /// Removes a folder and the files in it.
    pub(crate) fn remove_folder(&self, name: &str) -> Result<(), LogError> {
        let items = self.list(name)?;
        items
            .iter()
            .try_for_each(|it| self.remove(&format!("{name}/{}", it.name)))?;
        let path = self.path(name);
        match self.disk.remove_folder(&path) {
            Err(error) if !is_missing(&error) => Err(LogError::io("remove", &path, error)),
            _ => Ok(()),
        }
    }

    /// The published checkpoint, verified; `None` if there is no file.
    pub(crate) fn published(&self, key: &LogKey) -> Result<Option<SignedCheckpoint>, LogError> {
        let bytes = self.read(CHECKPOINT)?;
        bytes
            .map(|it| verified(Which::Published, &self.path(CHECKPOINT), &it, key))
            .transpose()
    }

    /// The checkpoint of this size, verified; `None` if none was published.
    pub(crate) fn kept(
        &self,
        size: u64,
        key: &LogKey,
    ) -> Result<Option<SignedCheckpoint>, LogError> {
        let name = kept_name(size);
        let Some(bytes) = self.read(&name)? else {
            return Ok(None);
        };
        let signed = verified(Which::Published, &self.path(&name), &bytes, key)?;
        if signed.checkpoint().size() != size {
            let problem = format!("is of {} entries", signed.checkpoint().size());
            return Err(self.corrupt(&name, problem));
        }
        Ok(Some(signed))
    }

    /// The hashes of a tile in a tree of `size` leaves. A wider tile at its place serves as well.
    pub(crate) fn hashes(&self, level: u8, index: u64, size: u64) -> Result<Vec<Hash>, LogError> {
        let id = self.tile_of_size(Content::Hashes(level), index, size)?;
        let (name, bytes) = self.tile(id)?;
        let width = usize::from(id.width()) * Hash::LEN;
        let full = name == id.to_full().path();
        let wanted = if full {
            usize::from(tile::WIDTH) * Hash::LEN
        } else {
            width
        };
        if bytes.len() != wanted {
            return Err(self.corrupt(&name, format!("has {} bytes, needs {wanted}", bytes.len())));
        }
        let bytes = bytes.get(..width).unwrap_or_default();
        tile::parse_hashes(bytes, id.width()).map_err(|it| self.corrupt(&name, it))
    }

    pub(crate) fn nodes(&self, level: u8, index: u64, size: u64) -> Result<TileNodes, LogError> {
        self.hashes(level, index, size)
            .map(|it| TileNodes::from_hashes(&it))
    }

    /// The entries of a bundle in a tree of `size` leaves.
    pub(crate) fn entries(&self, index: u64, size: u64) -> Result<Vec<Vec<u8>>, LogError> {
        let id = self.tile_of_size(Content::Entries, index, size)?;
        let (name, bytes) = self.tile(id)?;
        let full = name == id.to_full().path();
        let width = if full { tile::WIDTH } else { id.width() };
        let parsed = tile::parse_entries(&bytes, width).map_err(|it| self.corrupt(&name, it))?;
        let wanted = usize::from(id.width());
        Ok(parsed
            .into_iter()
            .take(wanted)
            .map(<[u8]>::to_vec)
            .collect())
    }

    fn tile_of_size(&self, content: Content, index: u64, size: u64) -> Result<TileId, LogError> {
        let full = TileId::full(content, index).path();
        let missing = || self.corrupt(&full, format!("is not in a tree of {size}"));
        TileId::of_size(content, index, size).ok_or_else(missing)
    }

    /// The bytes of a tile: the full one if it is there, else the partial one. A writer may replace
    /// the one by the other while we look.
    fn tile(&self, id: TileId) -> Result<(String, Vec<u8>), LogError> {
        let names = [id.to_full().path(), id.path(), id.to_full().path()];
        for name in names {
            if let Some(bytes) = self.read(&name)? {
                return Ok((name, bytes));
            }
        }
        Err(self.corrupt(&id.path(), "is missing"))
    }

    pub(crate) fn corrupt(&self, name: &str, problem: impl std::fmt::Display) -> LogError {
        LogError::Corrupt {
            path: self.path(name),
            problem: problem.to_string(),
        }
    }
}

/// The file that keeps the checkpoint of this size.
pub(crate) fn kept_name(size: u64) -> String {
    format!("{CHECKPOINTS}/{size}")
}

pub(crate) fn verified(
    which: Which,
    path: &Path,
    bytes: &[u8],
    key: &LogKey,
) -> Result<SignedCheckpoint, LogError> {
    let wrong = |source| LogError::Checkpoint {
        which,
        path: path.to_owned(),
        source,
    };
    let signed = SignedCheckpoint::parse(bytes).map_err(wrong)?;
    signed.verify(key).map_err(wrong)?;
    Ok(signed)
}

/// Makes a folder and those above it; their names are not durable yet. Gives those it made.
pub(crate) fn make_folders(disk: &dyn Disk, folder: &Path) -> Result<Vec<PathBuf>, LogError> {
    let failed = |it| LogError::io("make", folder, it);
    let mut made = match disk.make_folder(folder) {
        Ok(()) => Vec::new(),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(Vec::new()),
        Err(error) if is_missing(&error) => {
            let parent = folder.parent().filter(|it| !it.as_os_str().is_empty());
            let parent = parent.ok_or_else(|| failed(error))?;
            let made = make_folders(disk, parent)?;
            disk.make_folder(folder).map_err(failed)?;
            made
        }
        Err(error) => return Err(failed(error)),
    };
    made.push(folder.to_owned());
    Ok(made)
}

/// Makes a folder and those above it, and their names durable.
pub(crate) fn make_durable_folders(disk: &dyn Disk, folder: &Path) -> Result<(), LogError> {
    for made in make_folders(disk, folder)? {
        let parent = made.parent().filter(|it| !it.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        disk.sync_folder(parent)
            .map_err(|it| LogError::io("sync", parent, it))?;
    }
    Ok(())
}
