//! The release as it will be, in a folder of its own, before anybody sees it.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use attest_digest::{RelativePath, Root, hash_all};
use rustix::fs::{AtFlags, CWD, linkat, syncfs};

use super::compose::Document;
use super::content::{copy_one, make_folders, open, read_failure};
use super::plan::{Plan, changed};
use crate::failure::Failure;
use crate::files;

/// A folder that goes away unless it is renamed.
#[derive(Debug)]
pub(super) struct Stage {
    folder: PathBuf,
}

/// The files of the folder as they were bound into the stage: which files, and when written.
#[derive(Debug)]
pub(super) struct Bound(Vec<Stamp>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    written: (i64, i64),
}

impl Stage {
    pub(super) fn create(folder: PathBuf) -> Result<Self, Failure> {
        fs::create_dir(&folder).map_err(|error| files::write_failure(&folder, &error))?;
        Ok(Self { folder })
    }

    pub(super) fn path(&self) -> &Path {
        &self.folder
    }

    /// Binds every planned file where it stands: a hard link, so that whoever reads the stage reads
    /// the very bytes in the folder; a copy where the file system has no such link.
    pub(super) fn bind(&self, plan: &Plan) -> Result<Bound, Failure> {
        make_folders(&self.folder, plan.artifacts.iter().map(|file| &file.path))?;
        let root = open(&plan.folder)?;
        let stamps = hash_all(0, &plan.artifacts, |file| {
            bind_one(&root, &file.path, &self.folder)
        });
        stamps.into_iter().collect::<Result<_, _>>().map(Bound)
    }

    /// Writes our own files; they are not synced.
    pub(super) fn write(&self, documents: &[Document]) -> Result<(), Failure> {
        for document in documents {
            let path = self.folder.join(document.path.as_str());
            let written = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o644)
                .open(&path)
                .and_then(|mut file| file.write_all(&document.bytes));
            written.map_err(|error| files::write_failure(&path, &error))?;
        }
        Ok(())
    }

    /// Makes everything in it durable.
    pub(super) fn sync(&self) -> Result<(), Failure> {
        let failed = |error: std::io::Error| files::write_failure(&self.folder, &error);
        let folder = File::open(&self.folder).map_err(failed)?;
        syncfs(&folder).map_err(|error| failed(error.into()))
    }

    /// Gives the folder its name, which must be free or an empty folder.
    pub(super) fn rename(mut self, to: &Path) -> Result<(), Failure> {
        fs::rename(&self.folder, to).map_err(|error| files::write_failure(to, &error))?;
        self.folder = PathBuf::new();
        files::sync_folder(to)
    }

    /// Moves these files into a folder on the same file system, over what stands there.
    pub(super) fn move_into<'a>(
        &self,
        folder: &Path,
        paths: impl Iterator<Item = &'a RelativePath> + Clone,
    ) -> Result<(), Failure> {
        make_folders(folder, paths.clone())?;
        for path in paths {
            let to = folder.join(path.as_str());
            fs::rename(self.folder.join(path.as_str()), &to)
                .map_err(|error| files::write_failure(&to, &error))?;
        }
        let failed = |error: std::io::Error| files::write_failure(folder, &error);
        let open = File::open(folder).map_err(failed)?;
        syncfs(&open).map_err(|error| failed(error.into()))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if !self.folder.as_os_str().is_empty() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

impl Bound {
    /// Whether the folder still holds the files that were bound.
    pub(super) fn still_stand(&self, plan: &Plan) -> Result<(), Failure> {
        let root = open(&plan.folder)?;
        for (file, bound) in plan.artifacts.iter().zip(&self.0) {
            let now = root
                .open_file(&file.path)
                .map_err(|error| read_failure(&error))?;
            if stamp(&now, &file.path)? != *bound {
                return Err(changed(file.path.as_str()));
            }
        }
        Ok(())
    }
}

fn bind_one(root: &Root, path: &RelativePath, stage: &Path) -> Result<Stamp, Failure> {
    let file = root.open_file(path).map_err(|error| read_failure(&error))?;
    let stamp = stamp(&file, path)?;
    let to = stage.join(path.as_str());
    // The open file itself is linked, not whatever has its name by now.
    let from = format!("/proc/self/fd/{}", file.as_raw_fd());
    if linkat(CWD, from.as_str(), CWD, &to, AtFlags::SYMLINK_FOLLOW).is_err() {
        copy_one(root, path, &to)?;
    }
    Ok(stamp)
}

fn stamp(file: &File, path: &RelativePath) -> Result<Stamp, Failure> {
    let metadata = file
        .metadata()
        .map_err(|error| Failure::unknown("file-unreadable", format!("{path}: {error}")))?;
    Ok(Stamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        size: metadata.size(),
        written: (metadata.mtime(), metadata.mtime_nsec()),
    })
}
