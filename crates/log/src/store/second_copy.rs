//! The checkpoint's second copy, outside the home, so that a restored backup is noticed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Disk, Lock};
use super::error::{LogError, Which};
use super::layout::{make_durable_folders, verified};
use crate::{LogKey, SignedCheckpoint};

/// The second copy, locked while its log is open for writing.
pub(crate) struct SecondCopy {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    held: Option<Vec<u8>>,
    _lock: Lock,
}

impl SecondCopy {
    pub(crate) fn open(disk: Arc<dyn Disk>, path: &Path) -> Result<Self, LogError> {
        make_durable_folders(disk.as_ref(), folder(path))?;
        let lock = beside(path, "lock");
        let held = disk
            .lock_file(&lock)
            .map_err(|it| LogError::io("lock", &lock, it))?;
        let held = held.ok_or(LogError::Locked { path: lock })?;
        let mut copy = Self {
            disk,
            path: path.to_owned(),
            held: None,
            _lock: held,
        };
        copy.held = copy.read()?;
        Ok(copy)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What it says, verified; `None` if there is none.
    pub(crate) fn checkpoint(&self, key: &LogKey) -> Result<Option<SignedCheckpoint>, LogError> {
        let held = self.held.as_deref();
        held.map(|it| verified(Which::SecondCopy, &self.path, it, key))
            .transpose()
    }

    pub(crate) fn is(&self, bytes: &[u8]) -> bool {
        self.held.as_deref() == Some(bytes)
    }

    /// Writes what is to replace it, if nobody else has since it was read. Gives the file, which must
    /// be synced before [`SecondCopy::replace`].
    pub(crate) fn stage(&self, bytes: &[u8]) -> Result<PathBuf, LogError> {
        if self.read()? != self.held {
            return Err(LogError::CopyChanged {
                path: self.path.clone(),
            });
        }
        let staged = beside(&self.path, "new");
        let written = self.disk.write(&staged, bytes);
        written.map_err(|it| LogError::io("write", &self.path, it))?;
        Ok(staged)
    }

    /// Replaces it by what was staged. Durable when it returns.
    pub(crate) fn replace(&mut self, bytes: &[u8]) -> Result<(), LogError> {
        let staged = beside(&self.path, "new");
        let renamed = self.disk.rename(&staged, &self.path);
        let replaced = renamed.and_then(|()| self.disk.sync_folder(folder(&self.path)));
        replaced.map_err(|it| LogError::io("write", &self.path, it))?;
        self.held = Some(bytes.to_owned());
        Ok(())
    }

    fn read(&self) -> Result<Option<Vec<u8>>, LogError> {
        self.disk
            .read(&self.path)
            .map_err(|it| LogError::io("read", &self.path, it))
    }
}

fn folder(path: &Path) -> &Path {
    path.parent()
        .filter(|it| !it.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(suffix);
    path.with_file_name(name)
}
