//! The real file system. The only file of this crate that needs Unix.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, FileExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};
use std::thread;

use rustix::fs::{FlockOperation, flock, fstatfs};
use rustix::io::Errno;

use super::disk::{Disk, Item, Lock, is_missing};

/// The file system of this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Files;

impl Disk for Files {
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        match fs::read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read_at(&self, path: &Path, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let file = File::open(path)?;
        let mut bytes = vec![0; length];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|it| !it.is_empty()) {
            match file.read_at(rest, offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<Item>> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if is_missing(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut items = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            items.push(Item {
                name,
                is_folder: entry.file_type()?.is_dir(),
            });
        }
        items.sort();
        Ok(items)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        fault::point();
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(FILE)
            .open(path)?;
        file.set_permissions(Permissions::from_mode(FILE))?;
        fault::point();
        file.write_all(bytes)
    }

    fn extend(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        fault::point();
        let mut file = OpenOptions::new().append(true).open(path)?;
        let (first, second) = fault::halves(bytes);
        file.write_all(first)?;
        fault::point();
        file.write_all(second)
    }

    fn truncate(&self, path: &Path, length: u64) -> io::Result<()> {
        fault::point();
        OpenOptions::new().write(true).open(path)?.set_len(length)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fault::point();
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fault::point();
        fs::remove_file(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        fault::point();
        fs::remove_dir(path)
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        fault::point();
        DirBuilder::new().mode(FOLDER).create(path)?;
        fs::set_permissions(path, Permissions::from_mode(FOLDER))
    }

    fn sync(&self, files: &[PathBuf]) -> io::Result<()> {
        fault::point();
        // The journal of the file system commits for all that wait at the same time.
        let share = files.len().div_ceil(SYNC_THREADS).max(1);
        if share == 1 && files.len() == 1 {
            return sync_all(files);
        }
        thread::scope(|scope| {
            let workers: Vec<_> = files
                .chunks(share)
                .map(|it| scope.spawn(|| sync_all(it)))
                .collect();
            workers.into_iter().try_for_each(|it| {
                it.join()
                    .unwrap_or_else(|_| Err(io::Error::other("a thread that synced panicked")))
            })
        })
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        fault::point();
        File::open(folder)?.sync_all()
    }

    fn lock_folder(&self, folder: &Path) -> io::Result<Option<Lock>> {
        // The folder itself: a lock file could be deleted while it is held.
        lock(File::open(folder)?)
    }

    fn lock_file(&self, path: &Path) -> io::Result<Option<Lock>> {
        let mut options = OpenOptions::new();
        lock(
            options
                .write(true)
                .create(true)
                .truncate(false)
                .mode(FILE)
                .open(path)?,
        )
    }

    fn unreliable(&self, folder: &Path) -> io::Result<Option<&'static str>> {
        let kind = fstatfs(File::open(folder)?)?.f_type;
        let found = NETWORK.iter().find(|(magic, _)| i128::from(kind) == *magic);
        Ok(found.map(|(_, name)| *name))
    }
}

fn sync_all(files: &[PathBuf]) -> io::Result<()> {
    files.iter().try_for_each(|it| File::open(it)?.sync_data())
}

fn lock(file: File) -> io::Result<Option<Lock>> {
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(Box::new(Held(file)))),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A locked file. Unlocked explicitly: a process that is just being started may still have a
/// duplicate, which would hold the lock a little longer.
struct Held(File);

impl Drop for Held {
    fn drop(&mut self) {
        // Closing the file unlocks it as well.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

const FILE: u32 = 0o644;
const FOLDER: u32 = 0o755;
const SYNC_THREADS: usize = 8;

/// `f_type` of `statfs(2)`.
const NETWORK: [(i128, &str); 4] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
];

/// Places where tests kill the process: before every system call that changes something.
#[cfg(test)]
pub(crate) mod fault {
    use std::sync::atomic::{AtomicU64, Ordering};

    static LEFT: AtomicU64 = AtomicU64::new(u64::MAX);
    static PASSED: AtomicU64 = AtomicU64::new(0);

    /// Places that were passed so far.
    pub(crate) fn passed() -> u64 {
        PASSED.load(Ordering::SeqCst)
    }

    /// Kills this process at the `point`-th place from now, from 0.
    pub(crate) fn kill_at(point: u64) {
        LEFT.store(point, Ordering::SeqCst);
    }

    pub(crate) fn point() {
        PASSED.fetch_add(1, Ordering::SeqCst);
        let last = LEFT.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |it| match it {
            u64::MAX => None,
            left => left.checked_sub(1),
        });
        if last == Err(0) {
            let this = rustix::process::getpid();
            let _ = rustix::process::kill_process(this, rustix::process::Signal::KILL);
            std::process::abort();
        }
    }

    pub(crate) fn halves(bytes: &[u8]) -> (&[u8], &[u8]) {
        bytes.split_at(bytes.len() / 2)
    }
}

#[cfg(not(test))]
mod fault {
    pub(super) const fn point() {}

    pub(super) const fn halves(bytes: &[u8]) -> (&[u8], &[u8]) {
        (bytes, &[])
    }
}
