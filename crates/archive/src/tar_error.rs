//! Why a canonical tar archive could not be written.

use std::io;

use attest_digest::{Clash, PortablePath};

/// Why a member could not be added, or the archive not be finished.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TarError {
    /// A member after one whose path sorts behind it.
    #[error("{path} comes after {last}")]
    Order {
        /// The member.
        path: PortablePath,
        /// The one before.
        last: PortablePath,
    },
    /// The folder of a member is no member.
    #[error("the folder of {path} is not in the archive")]
    ParentMissing {
        /// The member.
        path: PortablePath,
    },
    /// A name twice, or two that some system takes for one.
    #[error("{path} cannot be added: {clash}")]
    Clash {
        /// The member.
        path: PortablePath,
        /// Why.
        clash: Clash,
    },
    /// A file that the format cannot hold.
    #[error("{path} is larger than {limit} bytes, the most that a tar archive holds of one file")]
    TooLarge {
        /// The member.
        path: PortablePath,
        /// The bytes that are allowed.
        limit: u64,
    },
    /// A file had another size than was said.
    #[error("{path} does not have {wanted} bytes as was said")]
    Size {
        /// The member.
        path: PortablePath,
        /// The bytes that it should have had.
        wanted: u64,
    },
    /// A link that leads out of the archive, or is not written the shortest way.
    #[error("the link {path} to {target:?} does not stay in the archive")]
    LinkOutside {
        /// The member.
        path: PortablePath,
        /// Where it says that it leads.
        target: String,
    },
    /// An earlier member failed: what was written is no archive.
    #[error("a member could not be written, so that the archive cannot be finished")]
    Unfinished,
    /// A file could not be read.
    #[error("cannot read {path}")]
    Read {
        /// The member.
        path: PortablePath,
        /// What the system said.
        source: io::Error,
    },
    /// The archive could not be written.
    #[error("cannot write the archive")]
    Write(#[source] io::Error),
}

impl TarError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Order { .. } => "tar-order",
            Self::ParentMissing { .. } => "tar-parent-missing",
            Self::Clash { clash, .. } => clash.code(),
            Self::TooLarge { .. } => "tar-member-too-large",
            Self::Size { .. } => "tar-member-size",
            Self::LinkOutside { .. } => "tar-link-outside",
            Self::Unfinished => "tar-unfinished",
            Self::Read { .. } => "file-unreadable",
            Self::Write(source) if crate::error::is_full(source) => "archive-disk-full",
            Self::Write(_) => "archive-io",
        }
    }
}
