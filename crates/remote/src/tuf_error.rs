//! Why a TUF repository led to no trusted root.

use jiff::Timestamp;

use crate::dial::DialError;

/// Why a repository was not heard to the end: nothing is said about what it holds.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum MirrorError {
    /// The address is not one that we call.
    #[error("not an address of a TUF repository: {problem}")]
    Address {
        /// What is wrong with it.
        problem: String,
    },
    /// It was not heard to the end.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// A file does not end.
    #[error("{name} of {host} has more than {most} bytes")]
    TooLarge {
        /// The host.
        host: String,
        /// The file.
        name: String,
        /// What it may have.
        most: u64,
    },
    /// A file that must be there is not.
    #[error("{host} has no {name}")]
    Missing {
        /// The host.
        host: String,
        /// The file.
        name: String,
    },
    /// A name that could leave the repository.
    #[error("{name:?} is not the name of a file of a TUF repository")]
    Name {
        /// The name.
        name: String,
    },
}

impl MirrorError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Address { .. } => "tuf-address",
            Self::Dial(DialError::Client(_) | DialError::Unreachable { .. }) => "tuf-unreachable",
            Self::Dial(DialError::Slow { .. }) => "tuf-timeout",
            Self::Dial(DialError::Redirect { .. }) => "tuf-redirect",
            Self::Dial(DialError::Status { .. }) => "tuf-http-status",
            Self::TooLarge { .. } => "tuf-too-large",
            Self::Missing { .. } => "tuf-file-missing",
            Self::Name { .. } => "tuf-name-unsafe",
        }
    }
}

/// Why metadata does not lead to a trusted root.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TufError {
    /// The repository could not be read.
    #[error(transparent)]
    Mirror(#[from] MirrorError),
    /// What trust starts from is not a `root.json` that signs itself.
    #[error("the root.json to start from cannot be used: {0}")]
    Root(String),
    /// What an earlier refresh kept is not that.
    #[error("the kept metadata cannot be used: {0}")]
    State(String),
    /// Metadata that is not TUF metadata of one meaning, or of kinds that we do not know.
    #[error("{0}")]
    Malformed(String),
    /// Fewer signatures than the role needs.
    #[error("{role}: {found} of {wanted} signatures hold")]
    Threshold {
        /// The role.
        role: String,
        /// The signatures that hold.
        found: usize,
        /// What the role needs.
        wanted: usize,
    },
    /// One key counted twice.
    #[error("{role}: key {key} is there twice")]
    Duplicate {
        /// The role.
        role: String,
        /// The key id.
        key: String,
    },
    /// A version that is older than one that was seen.
    #[error("{role}: version {found} is older than {known}, which was seen before")]
    Rollback {
        /// The role.
        role: String,
        /// The version now.
        found: u64,
        /// The version before.
        known: u64,
    },
    /// A root that does not follow the one before it.
    #[error("root.json: version {found} does not follow {known}")]
    RootVersion {
        /// The version now.
        found: u64,
        /// The version before.
        known: u64,
    },
    /// No longer in force: the repository was abandoned, or somebody hides what is newer.
    #[error("{role} expired at {at}")]
    Expired {
        /// The role.
        role: String,
        /// When.
        at: Timestamp,
    },
    /// Bytes that are not those that were signed for.
    #[error("{0}")]
    Integrity(String),
    /// The repository has no such target.
    #[error("no target is called {name:?}")]
    Target {
        /// The target.
        name: String,
    },
}

impl TufError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Mirror(error) => error.code(),
            Self::Root(_) => "tuf-root-unusable",
            Self::State(_) => "tuf-state-unusable",
            Self::Malformed(_) => "tuf-malformed",
            Self::Threshold { .. } => "tuf-threshold",
            Self::Duplicate { .. } => "tuf-signature-duplicate",
            Self::Rollback { .. } => "tuf-rollback",
            Self::RootVersion { .. } => "tuf-root-version",
            Self::Expired { .. } => "tuf-expired",
            Self::Integrity(_) => "tuf-integrity",
            Self::Target { .. } => "tuf-target-missing",
        }
    }
}
