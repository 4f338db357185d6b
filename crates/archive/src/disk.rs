//! The one file that speaks to the system: folders held open, and the steps that change them.
//!
//! Every name is resolved from a held folder and no link is followed, so that nothing reaches outside
//! of the archive, whoever wrote it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use attest_digest::{Artifact, CopyError, Hashes, Hashing, RelativePath};
use rustix::fs::{
    self, AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, RenameFlags, ResolveFlags,
};
use rustix::io::Errno;

use crate::blob::Blob;
use crate::error::ArchiveError;
use crate::fault::Step;

/// A folder, held open; its lock goes with it.
#[derive(Debug)]
pub(crate) struct Folder {
    fd: OwnedFd,
    path: PathBuf,
    locked: bool,
}

/// What stands at a name.
#[derive(Debug)]
pub(crate) enum Found {
    File {
        file: File,
        size: u64,
    },
    Missing,
    /// A link, a folder, a device.
    SomethingElse,
}

/// Whether a writer could take the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    Taken,
    HeldByAnother,
}

impl Folder {
    /// Opens the folder that the user named: links in that name are the user's word.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let fd = fs::open(path, FOLDER, Mode::empty())?;
        Ok(Self::held(fd, path.to_owned()))
    }

    /// Opens the same folder once more: the one that is held, whatever stands at its path now.
    pub(crate) fn reopen(&self) -> Result<Self, ArchiveError> {
        let fd = fs::openat(&self.fd, ".", FOLDER, Mode::empty())
            .map_err(|error| ArchiveError::io("open", &self.path, error))?;
        Ok(Self::held(fd, self.path.clone()))
    }

    /// The path by which it was opened, for messages.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of something below, for messages.
    pub(crate) fn path_of(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// Opens a folder below, through no link.
    pub(crate) fn below(&self, name: impl AsRef<Path>) -> Result<Option<Self>, ArchiveError> {
        let name = name.as_ref();
        match fs::openat2(&self.fd, name, FOLDER, Mode::empty(), BENEATH) {
            Ok(fd) => Ok(Some(Self::held(fd, self.path.join(name)))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(ArchiveError::io("open", self.path_of(name), error)),
        }
    }

    /// Opens a folder below, making it if it is not there.
    pub(crate) fn make_below(&self, name: &str) -> Result<Self, ArchiveError> {
        let failed = |error: io::Error| ArchiveError::io("make", self.path_of(name), error);
        if let Some(folder) = self.below(name)? {
            return Ok(folder);
        }
        Step::MakeFolder(&self.path).take().map_err(failed)?;
        match fs::mkdirat(&self.fd, name, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(failed(error.into())),
        }
        self.below(name)?.ok_or_else(|| failed(Errno::NOENT.into()))
    }

    /// Opens a file for reading, without waiting for anybody on the other end of a pipe.
    pub(crate) fn file(&self, name: impl AsRef<Path>) -> Result<Found, ArchiveError> {
        let name = name.as_ref();
        let failed = |error: Errno| ArchiveError::io("open", self.path_of(name), error);
        let fd = match fs::openat2(&self.fd, name, READ, Mode::empty(), BENEATH) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(Found::Missing),
            Err(Errno::LOOP | Errno::NXIO | Errno::NOTDIR | Errno::NODEV) => {
                return Ok(Found::SomethingElse);
            }
            Err(error) => return Err(failed(error)),
        };
        let stat = fs::fstat(&fd).map_err(failed)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Ok(Found::SomethingElse);
        }
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        Ok(Found::File {
            file: File::from(fd),
            size,
        })
    }

    /// Makes a file that must not be there yet.
    pub(crate) fn create(&self, name: &str, mode: u32) -> Result<File, ArchiveError> {
        let failed = |error: io::Error| ArchiveError::io("create", self.path_of(name), error);
        Step::Create(&self.path, name.as_ref())
            .take()
            .map_err(failed)?;
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = fs::openat(&self.fd, name, flags, Mode::from_raw_mode(mode));
        fd.map(File::from).map_err(|error| failed(error.into()))
    }

    /// Makes a file of these bytes; it is not synced.
    pub(crate) fn write(&self, name: &str, mode: u32, bytes: &[u8]) -> Result<File, ArchiveError> {
        let mut file = self.create(name, mode)?;
        Step::Write(&self.path, name.as_ref())
            .take()
            .and_then(|()| file.write_all(bytes))
            .map_err(|error| ArchiveError::io("write", self.path_of(name), error))?;
        Ok(file)
    }

    /// Makes a file by copying one, and says what was copied; it is not synced. `member` is what
    /// messages call the source.
    pub(crate) fn copy(
        &self,
        name: &str,
        mode: u32,
        source: &File,
        member: &RelativePath,
    ) -> Result<Artifact, ArchiveError> {
        self.copy_with(name, mode, source, member, Hashes::Sha256)
    }

    /// As [`Self::copy`], saying more of what was copied.
    pub(crate) fn copy_with(
        &self,
        name: &str,
        mode: u32,
        source: &File,
        member: &RelativePath,
        hashes: Hashes,
    ) -> Result<Artifact, ArchiveError> {
        let copy = self.create(name, mode)?;
        let failed = |error: CopyError| ArchiveError::copy(member, self.path_of(name), error);
        Step::Write(&self.path, name.as_ref())
            .take()
            .map_err(|source| failed(CopyError::Write { source }))?;
        Artifact::copy(source, &copy, hashes).map_err(failed)
    }

    /// Makes a file of all that a reader has, and says what that was; it is not synced.
    pub(crate) fn pour(
        &self,
        name: &str,
        mode: u32,
        source: &mut impl Read,
    ) -> Result<Artifact, ArchiveError> {
        let mut copy = self.create(name, mode)?;
        let mut passing = Hashing::new(source, Hashes::Sha256);
        Step::Write(&self.path, name.as_ref())
            .take()
            .and_then(|()| io::copy(&mut passing, &mut copy))
            .map_err(|error| ArchiveError::io("write", self.path_of(name), error))?;
        Ok(passing.finish())
    }

    /// Makes a file of what a stream gives, which must be this blob; it is not synced.
    pub(crate) fn receive(
        &self,
        name: &str,
        mode: u32,
        source: &mut dyn Read,
        wanted: Blob,
    ) -> Result<(), ReceiveError> {
        let file = self.create(name, mode).map_err(ReceiveError::Target)?;
        let failed =
            |error| ReceiveError::Target(ArchiveError::io("write", self.path_of(name), error));
        Step::Write(&self.path, name.as_ref())
            .take()
            .map_err(failed)?;
        let mut tee = Tee {
            // One more than wanted shows that there are too many; more is never read.
            source: source.take(wanted.size.saturating_add(1)),
            file: &file,
            failed: None,
        };
        let read = Artifact::read(&mut tee, Hashes::Sha256);
        if let Some(error) = tee.failed {
            return Err(failed(error));
        }
        let found =
            Blob::read(&read.map_err(|error| ReceiveError::Source(io::Error::other(error)))?);
        if found == wanted {
            return Ok(());
        }
        Err(ReceiveError::Other(if found.size == wanted.size {
            ArchiveError::BlobCorrupt {
                found: found.digest,
                wanted: wanted.digest,
            }
        } else {
            ArchiveError::BlobSize {
                blob: wanted.digest,
                found: found.size,
                wanted: wanted.size,
            }
        }))
    }

    /// Moves a file to another folder, where that name must be free.
    pub(crate) fn move_new(
        &self,
        name: &str,
        to: &Self,
        new_name: &str,
    ) -> Result<(), ArchiveError> {
        let failed = |error: io::Error| ArchiveError::io("write", to.path_of(new_name), error);
        Step::Move(&self.path, name.as_ref(), &to.path, new_name.as_ref())
            .take()
            .map_err(failed)?;
        match fs::renameat_with(&self.fd, name, &to.fd, new_name, RenameFlags::NOREPLACE) {
            Ok(()) => Ok(()),
            // A file system that cannot do both at once. Writers hold the lock, so looking first is enough.
            Err(Errno::INVAL | Errno::NOSYS) => match to.exists(new_name) {
                Ok(false) => fs::renameat(&self.fd, name, &to.fd, new_name)
                    .map_err(|error| failed(error.into())),
                Ok(true) => Err(failed(Errno::EXIST.into())),
                Err(error) => Err(failed(error)),
            },
            Err(error) => Err(failed(error.into())),
        }
    }

    /// Moves a file over another one: the old is there or the new, never neither.
    pub(crate) fn move_over(
        &self,
        name: &str,
        to: &Self,
        new_name: &str,
    ) -> Result<(), ArchiveError> {
        Step::Move(&self.path, name.as_ref(), &to.path, new_name.as_ref())
            .take()
            .and_then(|()| Ok(fs::renameat(&self.fd, name, &to.fd, new_name)?))
            .map_err(|error| ArchiveError::io("write", to.path_of(new_name), error))
    }

    /// Removes a file.
    pub(crate) fn remove(&self, name: impl AsRef<Path>) -> Result<(), ArchiveError> {
        let name = name.as_ref();
        Step::Remove(&self.path, name)
            .take()
            .and_then(|()| Ok(fs::unlinkat(&self.fd, name, AtFlags::empty())?))
            .map_err(|error| ArchiveError::io("remove", self.path_of(name), error))
    }

    /// Removes an empty folder.
    fn remove_folder(&self, name: impl AsRef<Path>) -> Result<(), ArchiveError> {
        let name = name.as_ref();
        Step::Remove(&self.path, name)
            .take()
            .and_then(|()| Ok(fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR)?))
            .map_err(|error| ArchiveError::io("remove", self.path_of(name), error))
    }

    /// The names in this folder, sorted.
    pub(crate) fn names(&self) -> Result<Vec<OsString>, ArchiveError> {
        let failed = |error: Errno| ArchiveError::io("list", &self.path, error);
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.fd).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Makes the names in this folder durable.
    pub(crate) fn sync(&self) -> Result<(), ArchiveError> {
        Step::SyncFolder(&self.path)
            .take()
            .and_then(|()| Ok(fs::fsync(&self.fd)?))
            .map_err(|error| ArchiveError::io("sync", &self.path, error))
    }

    /// Makes everything durable that was written to this file system.
    ///
    /// Linux reports failed writes here since 5.8.
    pub(crate) fn sync_file_system(&self) -> Result<(), ArchiveError> {
        Step::SyncFileSystem
            .take()
            .and_then(|()| Ok(fs::syncfs(&self.fd)?))
            .map_err(|error| ArchiveError::io("sync", &self.path, error))
    }

    /// Takes the exclusive lock on this folder, held until the folder is closed.
    pub(crate) fn lock(&mut self) -> Result<Lock, ArchiveError> {
        match fs::flock(&self.fd, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                self.locked = true;
                Ok(Lock::Taken)
            }
            Err(Errno::WOULDBLOCK) => Ok(Lock::HeldByAnother),
            Err(error) => Err(ArchiveError::io("lock", &self.path, error)),
        }
    }

    /// Removes a folder below and every file in it, if it is there.
    pub(crate) fn remove_below(&self, name: &str) -> Result<(), ArchiveError> {
        let Some(folder) = self.below(name)? else {
            return Ok(());
        };
        folder
            .names()?
            .iter()
            .try_for_each(|name| folder.remove(name))?;
        self.remove_folder(name)
    }

    /// Removes a folder below and all that it holds, if it is there; links are removed, not followed.
    pub(crate) fn remove_tree(&self, name: &OsStr) -> Result<(), ArchiveError> {
        let Some(folder) = self.below(name)? else {
            return Ok(());
        };
        folder.clear()?;
        self.remove_folder(name)
    }

    /// Removes all that the folder holds.
    pub(crate) fn clear(&self) -> Result<(), ArchiveError> {
        for name in self.names()? {
            let stat = fs::statat(&self.fd, name.as_os_str(), AtFlags::SYMLINK_NOFOLLOW)
                .map_err(|error| ArchiveError::io("open", self.path_of(&name), error))?;
            if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
                self.remove_tree(&name)?;
            } else {
                self.remove(&name)?;
            }
        }
        Ok(())
    }

    /// Whether anything has that name.
    pub(crate) fn holds(&self, name: &str) -> Result<bool, ArchiveError> {
        self.exists(name)
            .map_err(|error| ArchiveError::io("open", self.path_of(name), error))
    }

    const fn held(fd: OwnedFd, path: PathBuf) -> Self {
        Self {
            fd,
            path,
            locked: false,
        }
    }

    fn exists(&self, name: &str) -> io::Result<bool> {
        match fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Why a stream did not become a file.
#[derive(Debug)]
pub(crate) enum ReceiveError {
    /// The stream broke.
    Source(io::Error),
    /// The file could not be written.
    Target(ArchiveError),
    /// The stream gave something else.
    Other(ArchiveError),
}

/// Writes to a file what is read.
struct Tee<'f, R> {
    source: R,
    file: &'f File,
    failed: Option<io::Error>,
}

impl<R: Read> Read for Tee<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        let bytes = buffer.get(..read).unwrap_or_default();
        match self.file.write_all(bytes) {
            Ok(()) => Ok(read),
            Err(error) => {
                self.failed = Some(error);
                Err(io::Error::other("the copy cannot be written"))
            }
        }
    }
}

impl Drop for Folder {
    /// Closing alone would leave the lock to a child that another thread is just starting.
    fn drop(&mut self) {
        if self.locked {
            let _ = fs::flock(&self.fd, FlockOperation::Unlock);
        }
    }
}

/// Makes the bytes of a file durable.
pub(crate) fn sync_file(file: &File, path: &Path) -> Result<(), ArchiveError> {
    Step::SyncFile(path)
        .take()
        .and_then(|()| file.sync_all())
        .map_err(|error| ArchiveError::io("sync", path, error))
}

/// Makes a folder and its parents, durably.
pub(crate) fn make_folders(path: &Path) -> Result<(), ArchiveError> {
    let failed = |error: io::Error| ArchiveError::io("make", path, error);
    let path = std::path::absolute(path).map_err(failed)?;
    let missing: Vec<&Path> = path
        .ancestors()
        .take_while(|folder| !folder.exists())
        .collect();
    Step::MakeFolder(&path)
        .take()
        .and_then(|()| std::fs::create_dir_all(&path))
        .map_err(failed)?;
    for made_in in missing.iter().rev().filter_map(|folder| folder.parent()) {
        Folder::open(made_in).map_err(failed)?.sync()?;
    }
    Ok(())
}

/// Makes a file without a name in a folder: it is gone when it is closed.
pub(crate) fn unnamed_file(folder: &Path) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
    match fs::open(folder, flags, Mode::RUSR | Mode::WUSR) {
        Ok(fd) => Ok(File::from(fd)),
        // A file system that has no such files: the name is taken away at once.
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {
            let name = format!(".attest-{}.tmp", rustix::process::getpid().as_raw_nonzero());
            let path = folder.join(name);
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            let fd = fs::open(&path, flags, Mode::RUSR | Mode::WUSR)?;
            fs::unlink(&path)?;
            Ok(File::from(fd))
        }
        Err(error) => Err(error.into()),
    }
}

/// Opens a file at a path of our own choice. A pipe does not make us wait.
pub(crate) fn open_source(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(File::from(fs::open(path, flags, Mode::empty())?))
}

/// Reads a file whole; `None` if it has more than `limit` bytes.
pub(crate) fn read_limited(file: &File, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);
const READ: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC);
const BENEATH: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_never_moved_over_one_that_is_kept() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        folder.write("kept", 0o444, b"kept").unwrap();
        folder.write("new", 0o444, b"new").unwrap();
        let error = folder.move_new("new", &folder, "kept").unwrap_err();
        assert_eq!(error.code(), "archive-io");
        assert_eq!(std::fs::read(place.path().join("kept")).unwrap(), b"kept");
        folder.move_new("new", &folder, "free").unwrap();
        folder.move_over("free", &folder, "kept").unwrap();
        assert_eq!(std::fs::read(place.path().join("kept")).unwrap(), b"new");
    }

    #[test]
    fn nothing_is_reached_through_a_link_or_out_of_the_folder() {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir(place.path().join("inside")).unwrap();
        std::fs::write(place.path().join("file"), "").unwrap();
        std::os::unix::fs::symlink("inside", place.path().join("link")).unwrap();
        std::os::unix::fs::symlink("file", place.path().join("file-link")).unwrap();
        let folder = Folder::open(place.path()).unwrap();
        assert!(folder.below("inside").unwrap().is_some());
        assert!(folder.below("absent").unwrap().is_none());
        for outside in ["link", "..", "inside/../..", "/tmp"] {
            assert_eq!(folder.below(outside).unwrap_err().code(), "archive-io");
        }
        assert!(matches!(
            folder.file("file").unwrap(),
            Found::File { size: 0, .. }
        ));
        for other in ["file-link", "inside", "file/below", "link/below"] {
            assert!(
                matches!(folder.file(other).unwrap(), Found::SomethingElse),
                "{other}"
            );
        }
        assert!(matches!(
            folder.file("inside/absent").unwrap(),
            Found::Missing
        ));
        assert!(folder.file("../file").is_err());
    }
}
