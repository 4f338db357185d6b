//! Our files, written into a folder that others use: nothing of them has a name before all are
//! written and synced.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use attest_digest::RelativePath;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, openat};
use rustix::io::Errno;

use super::compose::Document;
use super::journal::temporary_name;
use super::stage::Stage;
use crate::failure::Failure;
use crate::files;

/// Files on their way into a folder.
#[derive(Debug)]
pub(super) struct Publication {
    folder: PathBuf,
    temporary: PathBuf,
    waiting: Vec<Waiting>,
    surplus: Vec<RelativePath>,
}

#[derive(Debug)]
struct Waiting {
    name: String,
    bytes: Written,
}

/// Where the bytes are until they get their name.
#[derive(Debug)]
enum Written {
    /// A file without a name, which a death takes away.
    Nameless(File),
    /// In memory, where the file system knows no nameless files.
    Later(Vec<u8>),
}

impl Publication {
    /// Writes the documents so that only names are missing: a full disk or a folder that may not be
    /// written shows now.
    pub(super) fn prepare<'a>(
        folder: &Path,
        documents: impl Iterator<Item = &'a Document>,
        surplus: Vec<RelativePath>,
        token: &str,
    ) -> Result<Self, Failure> {
        let waiting = documents
            .enumerate()
            .map(|(number, document)| {
                let name = document.path.to_string();
                let bytes = write_nameless(folder, number, &document.bytes)
                    .map_err(|error| files::write_failure(&folder.join(&name), &error))?;
                Ok(Waiting { name, bytes })
            })
            .collect::<Result<_, Failure>>()?;
        Ok(Self {
            folder: folder.to_owned(),
            temporary: folder.join(temporary_name(token)),
            waiting,
            surplus,
        })
    }

    /// Gives every file its name, over what stood there, and removes what is surplus.
    pub(super) fn commit(self) -> Result<(), Failure> {
        for file in &self.waiting {
            let to = self.folder.join(&file.name);
            file.place(&self.temporary, &to)
                .map_err(|error| files::write_failure(&to, &error))?;
        }
        remove_all(&self.folder, &self.surplus)?;
        files::sync_folder(&self.folder.join("."))
    }
}

/// Removes files that are ours and belong to another version.
pub(super) fn remove_all(folder: &Path, paths: &[RelativePath]) -> Result<(), Failure> {
    for path in paths {
        let path = folder.join(path.as_str());
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(files::write_failure(&path, &error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Gives a stage its name; where a folder of ours stands, its files go into that.
pub(super) fn publish_folder<'a>(
    stage: Stage,
    out: &Path,
    written: impl Iterator<Item = &'a RelativePath> + Clone,
    surplus: &[RelativePath],
) -> Result<(), Failure> {
    let is_free = fs::read_dir(out).map_or(true, |mut entries| entries.next().is_none());
    if is_free {
        return stage.rename(out);
    }
    stage.move_into(out, written)?;
    remove_all(out, surplus)
}

/// Files that stand there and are not among those that are written.
pub(super) fn surplus(
    present: &[RelativePath],
    written: &BTreeSet<RelativePath>,
) -> Vec<RelativePath> {
    present
        .iter()
        .filter(|path| !written.contains(*path))
        .cloned()
        .collect()
}

impl Waiting {
    fn place(&self, temporary: &Path, to: &Path) -> std::io::Result<()> {
        match fs::remove_file(temporary) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        match &self.bytes {
            Written::Nameless(file) => {
                let from = format!("/proc/self/fd/{}", file.as_raw_fd());
                linkat(CWD, from.as_str(), CWD, temporary, AtFlags::SYMLINK_FOLLOW)?;
            }
            Written::Later(bytes) => {
                let mut file = OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(MODE)
                    .open(temporary)?;
                file.write_all(bytes)?;
                file.sync_all()?;
            }
        }
        fs::rename(temporary, to)
    }
}

fn write_nameless(folder: &Path, number: usize, bytes: &[u8]) -> std::io::Result<Written> {
    if number >= OPEN_FILES {
        return Ok(Written::Later(bytes.to_vec()));
    }
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let mut file = match openat(CWD, folder, flags, Mode::from_raw_mode(MODE)) {
        Ok(file) => File::from(file),
        // No nameless files on this file system.
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {
            return Ok(Written::Later(bytes.to_vec()));
        }
        Err(error) => return Err(error.into()),
    };
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(Written::Nameless(file))
}

const MODE: u32 = 0o644;
/// More open files than this are not asked for: 100,000 files have some 200 documents.
const OPEN_FILES: usize = 256;
