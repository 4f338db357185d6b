//! Writing files: to a temporary file beside the target, synced, renamed; never half, never over
//! another file without `--force`.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Whether an existing file may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overwrite {
    Refuse,
    Force,
}

/// Writes `bytes` to `path` durably: temporary file, fsync, rename (or link, so that an existing
/// file survives), fsync of the folder. `mode` is the Unix mode, such as `0o644`.
pub(crate) fn write(
    path: &Path,
    bytes: &[u8],
    mode: u32,
    overwrite: Overwrite,
) -> Result<(), Failure> {
    let temporary = temporary_beside(path);
    let result = write_temporary(&temporary, bytes, mode)
        .and_then(|()| publish(&temporary, path, overwrite));
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    result.map_err(|error| write_failure(path, &error))?;
    sync_folder(path)
}

/// A file that is written whole and durable, and not under its name yet; it goes away if it never is.
pub(crate) struct Staged {
    temporary: PathBuf,
    path: PathBuf,
}

/// Writes what is to stand under `path`, and leaves what stands there.
pub(crate) fn stage(path: &Path, bytes: &[u8], mode: u32) -> Result<Staged, Failure> {
    let staged = Staged {
        temporary: temporary_beside(path),
        path: path.to_owned(),
    };
    let written = write_temporary(&staged.temporary, bytes, mode);
    written.map_err(|error| write_failure(path, &error))?;
    Ok(staged)
}

impl Staged {
    /// Gives it its name, durably, whatever has it now.
    pub(crate) fn replace(self) -> Result<(), Failure> {
        fs::rename(&self.temporary, &self.path)
            .map_err(|error| write_failure(&self.path, &error))?;
        sync_folder(&self.path)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Once it has its name there is nothing to take away.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// As [`write`], of bytes that `content` writes; what it refuses is passed on.
pub(crate) fn write_with(
    path: &Path,
    mode: u32,
    overwrite: Overwrite,
    content: impl FnOnce(&File) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let temporary = temporary_beside(path);
    let opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&temporary);
    let file = opened.map_err(|error| write_failure(path, &error))?;
    let result = content(&file).and_then(|()| {
        file.sync_all()
            .and_then(|()| publish(&temporary, path, overwrite))
            .map_err(|error| write_failure(path, &error))
    });
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    result?;
    sync_folder(path)
}

/// Reads a whole file that a flag named, refusing more than `limit` bytes.
pub(crate) fn read_limited(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open_regular(path)?;
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("more than {limit} bytes"),
        ));
    }
    Ok(bytes)
}

/// Opens a regular file for reading, and waits for nobody.
pub(crate) fn open_regular(path: &Path) -> io::Result<fs::File> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(NONBLOCK)
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file",
        ));
    }
    Ok(file)
}

/// Makes a folder and its parents, each readable by all and to be written by its owner alone, whatever the umask
/// allows: who can write to a folder can put another in the place of each that is in it.
pub(crate) fn make_folder(path: &Path) -> Result<(), Failure> {
    make_folders(path).map_err(|error| write_failure(path, &error))
}

/// The same, with the error as it is.
pub(crate) fn make_folders(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o755).create(path)
}

/// Syncs the folder that holds `path`, so that a rename in it is durable.
pub(crate) fn sync_folder(path: &Path) -> Result<(), Failure> {
    let folder = folder_of(path);
    File::open(&folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| write_failure(&folder, &error))
}

pub(crate) fn write_failure(path: &Path, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::AlreadyExists {
        return exists_failure(path);
    }
    let code = if error.kind() == io::ErrorKind::StorageFull {
        "disk-full"
    } else {
        "write-failed"
    };
    Failure::unknown(code, format!("{}: {error}", path.display()))
}

/// A file that is in the way.
pub(crate) fn exists_failure(path: &Path) -> Failure {
    Failure::request("file-exists", format!("{} exists already", path.display()))
        .hint("name another output, or pass --force to replace it")
}

/// The folder that holds `path`: `.` for a bare name.
pub(crate) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn temporary_beside(path: &Path) -> PathBuf {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    folder_of(path).join(format!(".{name}.{}.tmp", std::process::id()))
}

fn write_temporary(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn publish(temporary: &Path, path: &Path, overwrite: Overwrite) -> io::Result<()> {
    match overwrite {
        Overwrite::Force => fs::rename(temporary, path),
        Overwrite::Refuse => {
            fs::hard_link(temporary, path).and_then(|()| fs::remove_file(temporary))
        }
    }
}

/// `O_NONBLOCK`: a fifo in place of a file must not hang us.
const NONBLOCK: i32 = 0o4000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_existing_file_survives_without_force() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        write(&path, b"one", 0o644, Overwrite::Refuse).unwrap();
        let failure = write(&path, b"two", 0o644, Overwrite::Refuse).unwrap_err();
        assert_eq!((failure.code, failure.exit.number()), ("file-exists", 2));
        assert_eq!(fs::read(&path).unwrap(), b"one");
        write(&path, b"two", 0o644, Overwrite::Force).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_fifo_and_a_file_over_the_limit_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(&path, b"12345").unwrap();
        assert!(read_limited(&path, 4).is_err());
        assert_eq!(read_limited(&path, 5).unwrap(), b"12345");
        assert!(read_limited(folder.path(), 5).is_err());
    }
}
