//! All that is Unix or Linux: opening below a folder, listing, times of files.

pub(crate) mod node;

use std::ffi::CStr;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{
    Advice, AtFlags, CWD, FileType, Mode, OFlags, RawDir, ResolveFlags, fadvise, fstat, openat,
    openat2, readlinkat, statat,
};
use rustix::io::Errno;

use crate::artifact::Artifact;
use crate::hasher::Hashes;
use crate::path::{RelativePath, escaped_bytes};
use crate::read_error::{FileKind, ReadError};
use crate::walk::WalkError;

/// An open folder, below which files are opened and nothing else.
///
/// Links are followed, but a name that leads out of the folder, even for a moment, is refused by the
/// kernel (`openat2` with `RESOLVE_BENEATH` and `RESOLVE_NO_MAGICLINKS`, Linux 5.6), so that nobody
/// can win a race by exchanging a folder for a link.
#[derive(Debug)]
pub struct Root(OwnedFd);

impl Root {
    /// Opens the folder, following links to it.
    ///
    /// # Errors
    /// There is no folder of that name, or it may not be entered.
    pub fn open(path: &Path) -> Result<Self, WalkError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match openat(CWD, path, flags, Mode::empty()) {
            Ok(folder) => Ok(Self(folder)),
            Err(error) => Err(WalkError::of_root(path, error.into())),
        }
    }

    /// Opens a regular file below the folder.
    ///
    /// # Errors
    /// It does not exist, may not be read, leads out of the folder or is not a regular file.
    pub fn open_file(&self, path: &RelativePath) -> Result<File, ReadError> {
        match self.open_file_inner(path) {
            Ok((file, _)) => Ok(file),
            Err(error) => Err(error.at(path.as_str())),
        }
    }

    /// Reads a regular file below the folder.
    ///
    /// # Errors
    /// As [`Root::open_file`], or it was written or replaced meanwhile.
    pub fn read(&self, path: &RelativePath, hashes: Hashes) -> Result<Artifact, ReadError> {
        self.read_inner(path, hashes)
            .map_err(|error| error.at(path.as_str()))
    }

    /// Reads a regular file below the folder, as [`Root::read`] does; with its permissions and the
    /// set-user-id, set-group-id and sticky bits, which are those of the file that was read.
    ///
    /// # Errors
    /// As [`Root::read`].
    pub fn read_with_mode(
        &self,
        path: &RelativePath,
        hashes: Hashes,
    ) -> Result<(Artifact, u32), ReadError> {
        let read = || {
            let (file, before) = self.open_file_inner(path)?;
            // A change of the mode is one of the file: the second look would not find it as before.
            let mode = file.metadata()?.mode() & MODE_BITS;
            let artifact = Artifact::read_since(&file, &before, hashes)?;
            self.check_leads_to(path, &before)?;
            Ok((artifact, mode))
        };
        read().map_err(|error: ReadError| error.at(path.as_str()))
    }

    /// Where a symbolic link below the folder says that it leads, escaped so that it can be shown.
    ///
    /// # Errors
    /// It does not exist, is no link, or a folder on its way is exchanged for a link.
    pub fn read_link(&self, path: &RelativePath) -> Result<String, ReadError> {
        let read = || {
            let flags = OFlags::PATH | OFlags::NOFOLLOW;
            let link = self
                .open_beneath(path.as_str(), flags, ResolveFlags::empty())
                .map_err(LinkFailure::from)?;
            let target = readlinkat(&link, c"", Vec::new()).map_err(std::io::Error::from)?;
            Ok(escaped_bytes(target.to_bytes()))
        };
        read().map_err(|error: ReadError| error.at(path.as_str()))
    }

    pub(crate) fn open_file_inner(
        &self,
        path: &RelativePath,
    ) -> Result<(File, Snapshot), ReadError> {
        // Non-blocking, so that a named pipe does not wait for a writer.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = match self.open_beneath(path.as_str(), flags, ResolveFlags::empty()) {
            Ok(file) => File::from(file),
            // A socket, or a device without a driver: say what it is.
            Err(Errno::NXIO | Errno::NODEV) => {
                let kind = self
                    .follow(path)
                    .map(|found| found.kind)
                    .map_err(ReadError::from)?;
                return Err(ReadError::NotAFile { path: None, kind });
            }
            Err(error) => return Err(LinkFailure::from(error).into()),
        };
        let snapshot = Snapshot::of_regular(&file)?;
        Ok((file, snapshot))
    }

    fn read_inner(&self, path: &RelativePath, hashes: Hashes) -> Result<Artifact, ReadError> {
        let (file, before) = self.open_file_inner(path)?;
        let artifact = Artifact::read_since(&file, &before, hashes)?;
        self.check_leads_to(path, &before)?;
        Ok(artifact)
    }

    pub(crate) fn check_leads_to(
        &self,
        path: &RelativePath,
        before: &Snapshot,
    ) -> Result<(), ReadError> {
        let now = self.open_beneath(path.as_str(), OFlags::PATH, ResolveFlags::empty());
        let now = File::from(now.map_err(LinkFailure::from)?);
        before.check_equal(&now.metadata()?)
    }

    /// What a link below the folder leads to.
    pub(crate) fn follow(&self, path: &RelativePath) -> Result<Found, LinkFailure> {
        let target = self.open_beneath(path.as_str(), OFlags::PATH, ResolveFlags::empty())?;
        let stat = fstat(&target)?;
        Ok(Found::of(
            FileType::from_raw_mode(stat.st_mode),
            stat.st_size,
        ))
    }

    /// What stands in a folder below this one (`None`: in this one); at most `most` names.
    pub(crate) fn list(
        &self,
        folder: Option<&RelativePath>,
        most: usize,
    ) -> io::Result<Vec<Entry>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let path = folder.map_or(".", RelativePath::as_str);
        let folder = self.open_beneath(path, flags, ResolveFlags::NO_SYMLINKS)?;
        let mut buffer = [MaybeUninit::uninit(); LIST_BUFFER];
        let mut listing = RawDir::new(&folder, &mut buffer);
        let mut entries = Vec::new();
        while let Some(entry) = listing.next() {
            let entry = entry?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            if entries.len() >= most {
                break;
            }
            entries.push(Entry {
                name: name.to_bytes().to_vec(),
                found: found(&folder, name, entry.file_type()).map_err(io::Error::from),
            });
        }
        Ok(entries)
    }

    fn open_beneath(
        &self,
        path: &str,
        flags: OFlags,
        resolve: ResolveFlags,
    ) -> Result<OwnedFd, Errno> {
        let resolve = resolve | ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let flags = flags | OFlags::CLOEXEC;
        let mut tries = 0;
        loop {
            match openat2(&self.0, path, flags, Mode::empty(), resolve) {
                // A folder on the way was renamed just now.
                Err(Errno::AGAIN | Errno::INTR) if tries < TRIES => tries += 1,
                result => return result,
            }
        }
    }
}

/// Permissions, set-user-id, set-group-id and sticky bits of a mode.
const MODE_BITS: u32 = 0o7777;

/// Attempts at a name while somebody renames folders on its way.
const TRIES: u32 = 100;

/// Bytes of names that the kernel returns at once.
const LIST_BUFFER: usize = 16 << 10;

/// A name in a folder, and what stands there.
pub(crate) struct Entry {
    pub(crate) name: Vec<u8>,
    pub(crate) found: Result<Found, io::Error>,
}

/// What stands at a path. The size means something for regular files alone.
pub(crate) struct Found {
    pub(crate) kind: FileKind,
    pub(crate) size: u64,
}

impl Found {
    fn of(kind: FileType, size: i64) -> Self {
        Self {
            kind: kind_of(kind),
            size: u64::try_from(size).unwrap_or(0),
        }
    }
}

fn found(folder: &OwnedFd, name: &CStr, kind: FileType) -> Result<Found, Errno> {
    match kind {
        FileType::RegularFile | FileType::Unknown => {
            let stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
            Ok(Found::of(
                FileType::from_raw_mode(stat.st_mode),
                stat.st_size,
            ))
        }
        kind => Ok(Found::of(kind, 0)),
    }
}

const fn kind_of(kind: FileType) -> FileKind {
    match kind {
        FileType::RegularFile => FileKind::File,
        FileType::Directory => FileKind::Directory,
        FileType::Symlink => FileKind::Link,
        FileType::Fifo => FileKind::Fifo,
        FileType::Socket => FileKind::Socket,
        FileType::BlockDevice | FileType::CharacterDevice => FileKind::Device,
        FileType::Unknown => FileKind::Unknown,
    }
}

/// Why a name below a folder leads nowhere that we go.
#[derive(Debug)]
pub(crate) enum LinkFailure {
    /// Out of the folder, by `..` or an absolute target.
    Outside,
    /// To nothing, to itself, through more links than the kernel follows, or through a link of `/proc`
    /// that is none.
    Broken,
    /// Anything else.
    Other(io::Error),
}

impl From<Errno> for LinkFailure {
    fn from(error: Errno) -> Self {
        match error {
            Errno::XDEV => Self::Outside,
            Errno::NOENT | Errno::NOTDIR | Errno::LOOP => Self::Broken,
            Errno::NOSYS => Self::Other(io::Error::new(
                io::ErrorKind::Unsupported,
                "the system has no openat2 (Linux 5.6 and newer have it, some sandboxes forbid it)",
            )),
            error => Self::Other(error.into()),
        }
    }
}

impl From<LinkFailure> for ReadError {
    fn from(failure: LinkFailure) -> Self {
        match failure {
            LinkFailure::Outside => Self::Outside { path: None },
            LinkFailure::Broken => Self::NotFound { path: None },
            LinkFailure::Other(error) => error.into(),
        }
    }
}

/// Whether the system lacks something, so that no other file would fare better.
pub(crate) fn is_exhausted(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM)
    ) || error.kind() == io::ErrorKind::Unsupported
}

/// Which file this is, and when it was last written: equal before and after reading, or the reading
/// is void.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// Which file it is, under whatever name: device and inode.
pub(crate) type FileId = (u64, u64);

impl Snapshot {
    pub(crate) const fn id(&self) -> FileId {
        (self.device, self.inode)
    }

    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// # Errors
    /// The file is not a regular one.
    pub(crate) fn of_regular(file: &File) -> Result<Self, ReadError> {
        let metadata = file.metadata()?;
        check_regular(&metadata)?;
        Ok(Self::of(&metadata))
    }

    /// # Errors
    /// The file does not say what it is.
    pub(crate) fn is_same_file(&self, other: &File) -> Result<bool, ReadError> {
        let other = Self::of(&other.metadata()?);
        Ok((self.device, self.inode) == (other.device, other.inode))
    }

    pub(crate) fn check_equal(&self, now: &Metadata) -> Result<(), ReadError> {
        if Self::of(now) == *self {
            return Ok(());
        }
        Err(ReadError::Changed { path: None })
    }

    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// Whether the path still leads to the file that was read.
pub(crate) fn check_leads_to(path: &Path, before: &Snapshot) -> Result<(), ReadError> {
    before.check_equal(&path.metadata()?)
}

/// Opens a regular file for reading, following links, without ever waiting.
pub(crate) fn open_regular(path: &Path) -> Result<(File, Snapshot), ReadError> {
    // Looked at first, because opening a device can already do something.
    check_regular(&path.metadata()?)?;
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    let snapshot = Snapshot::of_regular(&file)?;
    Ok((file, snapshot))
}

fn check_regular(metadata: &Metadata) -> Result<(), ReadError> {
    let kind = metadata.file_type();
    if kind.is_file() {
        return Ok(());
    }
    let kind = match () {
        () if kind.is_dir() => FileKind::Directory,
        () if kind.is_symlink() => FileKind::Link,
        () if kind.is_fifo() => FileKind::Fifo,
        () if kind.is_socket() => FileKind::Socket,
        () if kind.is_block_device() || kind.is_char_device() => FileKind::Device,
        () => FileKind::Unknown,
    };
    Err(ReadError::NotAFile { path: None, kind })
}

/// Tells the kernel to read ahead, where that is worth a call.
pub(crate) fn advise_sequential(file: &File, size: u64) {
    if size > crate::limits::SECOND_THREAD_ABOVE {
        // Advice: where it is not taken, nothing is lost.
        fadvise(file, 0, None, Advice::Sequential).unwrap_or(());
    }
}

pub(crate) fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    file.read_at(buffer, at)
}

pub(crate) fn write_all_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    file.write_all_at(bytes, at)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_path_that_leads_to_another_file_by_now_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("file"), folder.path().join("other"));
        fs::write(&path, b"same").unwrap();
        fs::write(&other, b"same").unwrap();
        let root = Root::open(folder.path()).unwrap();
        let name = RelativePath::parse("file").unwrap();
        let (_, before) = root.open_file_inner(&name).unwrap();
        root.check_leads_to(&name, &before).unwrap();
        check_leads_to(&path, &before).unwrap();

        fs::rename(&other, &path).unwrap();
        let error = root.check_leads_to(&name, &before).unwrap_err();
        assert_eq!(error.code(), "file-changed");
        let error = check_leads_to(&path, &before).unwrap_err();
        assert_eq!(error.code(), "file-changed");
    }

    #[test]
    fn a_system_without_openat2_says_so() {
        let LinkFailure::Other(error) = LinkFailure::from(Errno::NOSYS) else {
            panic!("another failure");
        };
        assert!(is_exhausted(&error));
        assert!(error.to_string().contains("openat2"));
        let error = ReadError::from(LinkFailure::from(Errno::NOSYS));
        assert_eq!(error.code(), "file-unreadable");
    }

    #[test]
    fn only_exhaustion_ends_a_walk() {
        assert!(is_exhausted(&Errno::MFILE.into()));
        assert!(!is_exhausted(&Errno::ACCESS.into()));
    }
}
