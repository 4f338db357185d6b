//! Why a log refuses, or cannot tell.

use std::io;
use std::path::{Path, PathBuf};

use crate::{Hash, NoteError, SignerError};

/// Which of a log's checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The file `checkpoint` of the log, or one that it keeps in `checkpoints/`.
    Published,
    /// The second copy outside the home.
    SecondCopy,
    /// The one given to be adopted.
    Adopted,
}

impl std::fmt::Display for Which {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Published => "the published checkpoint",
            Self::SecondCopy => "the checkpoint's second copy",
            Self::Adopted => "the checkpoint to adopt",
        })
    }
}

/// Why a log refuses to start or to go on, or why it could not tell.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// Another process writes to it.
    #[error("{} is held by another process", path.display())]
    Locked {
        /// What is held.
        path: PathBuf,
    },
    /// No log there.
    #[error("there is no log in {}", path.display())]
    NotFound {
        /// Where.
        path: PathBuf,
    },
    /// A log is there already.
    #[error("there is a log in {} already", path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// A file system without the guarantees that a log needs.
    #[error("{} lies on {kind}, where a lock and a sync promise nothing", path.display())]
    NetworkFileSystem {
        /// Where.
        path: PathBuf,
        /// The kind of file system.
        kind: &'static str,
    },
    /// A checkpoint that is malformed, of another log, or not signed by its key.
    #[error("{which} {}", path.display())]
    Checkpoint {
        /// Which.
        which: Which,
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: NoteError,
    },
    /// More was signed than the log holds: a restored backup, or lost files.
    #[error("{which} is of {found} entries, the log has {wanted}")]
    NewerThanLog {
        /// Which.
        which: Which,
        /// Its size.
        found: u64,
        /// Entries of the log.
        wanted: u64,
    },
    /// Something else was signed than the log holds.
    #[error("{which} of {size} entries has root {found}, the log has {wanted}")]
    RootDiffers {
        /// Which.
        which: Which,
        /// Its size.
        size: u64,
        /// Its root.
        found: Hash,
        /// The root of the log's first `size` entries.
        wanted: Hash,
    },
    /// No second copy beside a log that has entries.
    #[error("the checkpoint's second copy {} is missing, and the log has {size} entries", path.display())]
    CopyMissing {
        /// Where it should be.
        path: PathBuf,
        /// Entries of the log.
        size: u64,
    },
    /// A second copy inside the log's own folder: a backup would carry it along.
    #[error("the checkpoint's second copy {} lies inside the log", path.display())]
    CopyInside {
        /// Where.
        path: PathBuf,
    },
    /// Somebody else wrote the second copy while this log was open.
    #[error("the checkpoint's second copy {} was changed by another writer", path.display())]
    CopyChanged {
        /// Where.
        path: PathBuf,
    },
    /// A checkpoint of this size was signed before, so no other can be.
    #[error("a checkpoint of {size} entries was signed before, with another root")]
    SignedBefore {
        /// The size.
        size: u64,
    },
    /// A file of the log is not what it must be.
    #[error("{}: {problem}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// An entry that no log takes.
    #[error("entry {number} of the batch has {found} bytes, a log takes 1 to {most}")]
    EntrySize {
        /// Which, from 0.
        number: usize,
        /// Its bytes.
        found: usize,
        /// The limit.
        most: usize,
    },
    /// No such entry.
    #[error("entry {index} is not in a log of {size}")]
    NoEntry {
        /// The entry asked for.
        index: u64,
        /// Entries of the log.
        size: u64,
    },
    /// No checkpoint of this size was published.
    #[error("no checkpoint of {size} entries was published")]
    NoCheckpoint {
        /// The size asked for.
        size: u64,
    },
    /// The checkpoint could not be signed.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// An append failed half-way; the log must be opened again.
    #[error("an earlier append failed half-way: open the log again")]
    Stopped,
    /// No space left.
    #[error("no space left for {}", path.display())]
    FullDisk {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The system refused.
    #[error("{action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
}

impl LogError {
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::FullDisk { path, source }
            }
            _ => Self::Io {
                action,
                path,
                source,
            },
        }
    }

    /// What a [`crate::TileSource`] said, if that is why.
    pub fn source_error(&self) -> Option<&(dyn std::error::Error + Send + Sync + 'static)> {
        match self {
            Self::Io { source, .. } => source.get_ref(),
            _ => None,
        }
    }

    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Locked { .. } => "log-locked",
            Self::NotFound { .. } => "log-not-found",
            Self::Exists { .. } => "log-exists",
            Self::NetworkFileSystem { .. } => "log-on-network",
            Self::Corrupt { .. } => "log-corrupt",
            Self::Checkpoint { which, source, .. } => match which {
                Which::SecondCopy => "checkpoint-copy-invalid",
                Which::Published | Which::Adopted => source.code(),
            },
            Self::NewerThanLog { .. } => "checkpoint-newer-than-log",
            Self::RootDiffers { .. } => "checkpoint-root-differs",
            Self::CopyMissing { .. } => "checkpoint-copy-missing",
            Self::CopyInside { .. } => "checkpoint-copy-inside",
            Self::CopyChanged { .. } => "checkpoint-copy-changed",
            Self::SignedBefore { .. } => "checkpoint-signed-before",
            Self::EntrySize { .. } => "log-entry-size",
            Self::NoEntry { .. } => "log-index-outside",
            Self::NoCheckpoint { .. } => "checkpoint-not-published",
            Self::Signer(error) => error.code(),
            Self::Stopped => "log-stopped",
            Self::FullDisk { .. } => "log-full-disk",
            Self::Io { .. } => "log-io",
        }
    }

    /// Whether this says nothing about the log, only that it could not be asked (exit code 3); else
    /// the log refuses (exit code 2).
    pub const fn could_not_tell(&self) -> bool {
        matches!(
            self,
            Self::Locked { .. } | Self::FullDisk { .. } | Self::Io { .. } | Self::Stopped
        )
    }
}
