//! What the system says of a name in an open folder, without opening what stands there.

use std::ffi::{CStr, CString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, RawDir, StatxAttributes, StatxFlags, fgetxattr,
    flistxattr, getxattr, listxattr, makedev, openat, readlinkat, statx,
};
use rustix::io::Errno;

use super::{LIST_BUFFER, Snapshot};

/// What kind of thing a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeKind {
    /// A regular file.
    File,
    /// A folder.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A device of blocks.
    BlockDevice,
    /// A device of characters.
    CharacterDevice,
}

impl NodeKind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::File,
        Self::Directory,
        Self::Symlink,
        Self::Fifo,
        Self::Socket,
        Self::BlockDevice,
        Self::CharacterDevice,
    ];

    /// The name in tree manifests: `file`, `directory`, `symlink`, …
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Symlink => "symlink",
            Self::Fifo => "fifo",
            Self::Socket => "socket",
            Self::BlockDevice => "block-device",
            Self::CharacterDevice => "character-device",
        }
    }

    /// The kind of that exact name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// Whether it is a device, which has a number.
    pub const fn is_device(self) -> bool {
        matches!(self, Self::BlockDevice | Self::CharacterDevice)
    }
}

/// The name and the value of an extended attribute.
pub type ExtendedAttribute = (Vec<u8>, Vec<u8>);

/// What the system says of one name: its metadata, as it was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// What stands there.
    pub kind: NodeKind,
    /// The permission bits, with setuid, setgid and sticky: 12 bits.
    pub mode: u16,
    /// The user that owns it.
    pub uid: u32,
    /// The group that owns it.
    pub gid: u32,
    /// Bytes of a regular file.
    pub size: u64,
    /// How many names it has.
    pub links: u32,
    /// When its content was last written: seconds and nanoseconds.
    pub modified: (i64, u32),
    /// The number of a device: major and minor.
    pub device: (u32, u32),
    /// Whether something is mounted here.
    pub is_mount: bool,
    pub(crate) snapshot: Snapshot,
}

impl Metadata {
    /// The same for all names of one file: device and inode.
    pub const fn id(&self) -> (u64, u64) {
        self.snapshot.id()
    }

    /// The device that it is on.
    pub(crate) const fn on_device(&self) -> u64 {
        self.snapshot.id().0
    }
}

/// What a name in a folder stands for; `parent` is the device that the folder is on.
pub(crate) fn look(folder: &OwnedFd, name: &CStr, parent: Option<u64>) -> io::Result<Metadata> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    metadata(folder, name, flags, parent)
}

/// What an open folder is.
pub(crate) fn look_at(folder: &OwnedFd) -> io::Result<Metadata> {
    metadata(folder, c"", AtFlags::EMPTY_PATH, None)
}

fn metadata(
    folder: &OwnedFd,
    name: &CStr,
    flags: AtFlags,
    parent: Option<u64>,
) -> io::Result<Metadata> {
    let stat = statx(folder, name, flags, StatxFlags::BASIC_STATS)?;
    let kind = kind(FileType::from_raw_mode(u32::from(stat.stx_mode)))?;
    let device = makedev(stat.stx_dev_major, stat.stx_dev_minor);
    let known = stat
        .stx_attributes_mask
        .contains(StatxAttributes::MOUNT_ROOT);
    let marked = stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT);
    let is_mount = match parent {
        None => false,
        Some(parent) => parent != device || (known && marked),
    };
    Ok(Metadata {
        kind,
        mode: stat.stx_mode & 0o7777,
        uid: stat.stx_uid,
        gid: stat.stx_gid,
        size: stat.stx_size,
        links: stat.stx_nlink,
        modified: (stat.stx_mtime.tv_sec, stat.stx_mtime.tv_nsec),
        device: (stat.stx_rdev_major, stat.stx_rdev_minor),
        is_mount,
        snapshot: Snapshot {
            device,
            inode: stat.stx_ino,
            size: stat.stx_size,
            modified: (stat.stx_mtime.tv_sec, i64::from(stat.stx_mtime.tv_nsec)),
            changed: (stat.stx_ctime.tv_sec, i64::from(stat.stx_ctime.tv_nsec)),
        },
    })
}

fn kind(found: FileType) -> io::Result<NodeKind> {
    Ok(match found {
        FileType::RegularFile => NodeKind::File,
        FileType::Directory => NodeKind::Directory,
        FileType::Symlink => NodeKind::Symlink,
        FileType::Fifo => NodeKind::Fifo,
        FileType::Socket => NodeKind::Socket,
        FileType::BlockDevice => NodeKind::BlockDevice,
        FileType::CharacterDevice => NodeKind::CharacterDevice,
        FileType::Unknown => return Err(io::ErrorKind::Unsupported.into()),
    })
}

/// Opens the folder of that name, following links to it.
pub(crate) fn open_top(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(openat(CWD, path, flags, Mode::empty())?)
}

/// Opens a folder in a folder, and follows no link.
pub(crate) fn open_folder(folder: &OwnedFd, name: &CStr) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(folder, name, flags, Mode::empty())?)
}

/// Opens a file in a folder for reading, follows no link and never waits.
pub(crate) fn open_file(folder: &OwnedFd, name: &CStr) -> io::Result<OwnedFd> {
    let flags =
        OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(folder, name, flags, Mode::empty())?)
}

/// A handle on whatever stands there, which neither opens nor follows it.
pub(crate) fn hold(folder: &OwnedFd, name: &CStr) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(folder, name, flags, Mode::empty())?)
}

/// Whether a link or another thing stands by now where something was seen.
pub(crate) fn is_replaced(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP)
    )
}

/// Where a symbolic link leads, as it is written.
pub(crate) fn target(folder: &OwnedFd, name: &CStr) -> io::Result<Vec<u8>> {
    Ok(readlinkat(folder, name, Vec::new())?.into_bytes())
}

/// The names in an open folder, without `.` and `..`; at most `most` of them.
pub(crate) fn names(folder: &OwnedFd, most: usize) -> io::Result<Vec<CString>> {
    let mut buffer = [MaybeUninit::uninit(); LIST_BUFFER];
    let mut listing = RawDir::new(folder, &mut buffer);
    let mut names = Vec::new();
    while let Some(entry) = listing.next() {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        if names.len() >= most {
            break;
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

/// Names and values of extended attributes, those that are wanted, of an open file or folder.
pub(crate) fn attributes(
    of: BorrowedFd<'_>,
    is_wanted: &dyn Fn(&[u8]) -> bool,
) -> io::Result<Vec<ExtendedAttribute>> {
    read_attributes(
        is_wanted,
        |buffer| flistxattr(of, &mut *buffer),
        |name, buffer| fgetxattr(of, name, &mut *buffer),
    )
}

/// The same of what is held and not open: the system answers about it below `/proc` alone.
pub(crate) fn attributes_of_held(
    held: &OwnedFd,
    is_wanted: &dyn Fn(&[u8]) -> bool,
) -> io::Result<Vec<ExtendedAttribute>> {
    let path = format!("/proc/self/fd/{}", held.as_raw_fd());
    read_attributes(
        is_wanted,
        |buffer| listxattr(path.as_str(), &mut *buffer),
        |name, buffer| getxattr(path.as_str(), name, &mut *buffer),
    )
}

fn read_attributes(
    is_wanted: &dyn Fn(&[u8]) -> bool,
    list: impl Fn(&mut [u8]) -> Result<usize, Errno>,
    get: impl Fn(&CStr, &mut [u8]) -> Result<usize, Errno>,
) -> io::Result<Vec<ExtendedAttribute>> {
    let listed = match whole(list) {
        // A file system without attributes has none.
        Err(Errno::NOTSUP) => return Ok(Vec::new()),
        listed => listed?,
    };
    let mut found = Vec::new();
    for name in listed.split_inclusive(|byte| *byte == 0) {
        let Ok(name) = CStr::from_bytes_with_nul(name) else {
            continue;
        };
        if is_wanted(name.to_bytes()) {
            let value = whole(|buffer| get(name, buffer))?;
            found.push((name.to_bytes().to_vec(), value));
        }
    }
    Ok(found)
}

/// Calls with a small buffer, then with one of the largest size that the kernel has.
fn whole(call: impl Fn(&mut [u8]) -> Result<usize, Errno>) -> Result<Vec<u8>, Errno> {
    let mut small = [0; SMALL_ATTRIBUTES];
    match call(&mut small) {
        Ok(length) => return Ok(small.get(..length).unwrap_or_default().to_vec()),
        Err(Errno::RANGE) => {}
        Err(error) => return Err(error),
    }
    let mut large = vec![0; LARGEST_ATTRIBUTES];
    let length = call(&mut large)?;
    large.truncate(length);
    Ok(large)
}

/// Most files have no attributes, or few.
const SMALL_ATTRIBUTES: usize = 512;

/// Linux's `XATTR_SIZE_MAX` and `XATTR_LIST_MAX`.
const LARGEST_ATTRIBUTES: usize = 64 << 10;
