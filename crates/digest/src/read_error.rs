//! Why a file could not be read.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a file could not be read whole and unchanged.
///
/// The path is there when the caller named one, or said it with [`ReadError::at`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// No file has that name, or a link on the way leads nowhere.
    #[error("{} does not exist", Shown(path.as_deref()))]
    NotFound {
        /// The path that was asked for.
        path: Option<PathBuf>,
    },
    /// The system refused to open it, or it lies outside of the folder that it was asked from.
    #[error("{} may not be read", Shown(path.as_deref()))]
    Denied {
        /// The path that was asked for.
        path: Option<PathBuf>,
        /// What the system said.
        source: io::Error,
    },
    /// It is something else than a regular file.
    #[error("{} is a {kind}, wanted a regular file", Shown(path.as_deref()))]
    NotAFile {
        /// The path that was asked for.
        path: Option<PathBuf>,
        /// What it is.
        kind: FileKind,
    },
    /// It was written, replaced or cut while it was read.
    #[error("{} changed while it was read", Shown(path.as_deref()))]
    Changed {
        /// The path that was asked for.
        path: Option<PathBuf>,
    },
    /// A link on the way leads out of the folder.
    #[error("{} leads out of its folder", Shown(path.as_deref()))]
    Outside {
        /// The path that was asked for.
        path: Option<PathBuf>,
    },
    /// Reading failed.
    #[error("{} cannot be read", Shown(path.as_deref()))]
    Io {
        /// The path that was asked for.
        path: Option<PathBuf>,
        /// What the system said.
        source: io::Error,
    },
}

impl ReadError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } | Self::Denied { .. } | Self::Io { .. } => "file-unreadable",
            Self::Outside { .. } => "link-outside",
            Self::NotAFile { .. } => "not-a-file",
            Self::Changed { .. } => "file-changed",
        }
    }

    /// The path that was asked for.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::NotFound { path }
            | Self::Denied { path, .. }
            | Self::NotAFile { path, .. }
            | Self::Changed { path }
            | Self::Outside { path }
            | Self::Io { path, .. } => path.as_deref(),
        }
    }

    /// The same error, saying which path was asked for.
    #[must_use]
    pub fn at(mut self, asked: impl Into<PathBuf>) -> Self {
        match &mut self {
            Self::NotFound { path }
            | Self::Denied { path, .. }
            | Self::NotAFile { path, .. }
            | Self::Changed { path }
            | Self::Outside { path }
            | Self::Io { path, .. } => *path = Some(asked.into()),
        }
        self
    }
}

impl From<io::Error> for ReadError {
    fn from(source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::NotFound { path: None },
            io::ErrorKind::PermissionDenied => Self::Denied { path: None, source },
            _ => Self::Io { path: None, source },
        }
    }
}

/// Why a file could not be copied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// The source could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Both are one file, which would be emptied.
    #[error("source and copy are one file")]
    SameFile,
    /// The copy could not be written.
    #[error("the copy cannot be written")]
    Write {
        /// What the system said.
        source: io::Error,
    },
}

impl CopyError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Read(error) => error.code(),
            Self::SameFile => "copy-onto-itself",
            Self::Write { .. } => "file-unwritable",
        }
    }
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FileKind {
    /// A regular file.
    File,
    /// A folder.
    Directory,
    /// A symbolic link.
    Link,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A device of blocks or characters.
    Device,
    /// Something that the system does not name.
    Unknown,
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "regular file",
            Self::Directory => "folder",
            Self::Link => "symbolic link",
            Self::Fifo => "named pipe",
            Self::Socket => "socket",
            Self::Device => "device",
            Self::Unknown => "thing of unknown kind",
        })
    }
}

/// A path in a message: escaped, or "file" when nobody named it.
pub(crate) struct Shown<'a>(pub(crate) Option<&'a Path>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("file"),
            Some(path) => f.write_str(&crate::path::escaped_bytes(
                path.as_os_str().as_encoded_bytes(),
            )),
        }
    }
}
