//! Why a place that keeps files could not be used.

use std::io;

use attest_archive::ReplicaError;

use crate::dial::DialError;
use crate::http::is_passing;
use crate::registry::RegistryError;

/// Why a bucket, a repository or whatever else keeps files could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// The address is not one that we call.
    #[error("{place:?} is not an address that is called: {problem}")]
    Address {
        /// The address.
        place: String,
        /// What is wrong with it.
        problem: String,
    },
    /// There is nothing to log in with, or it has no form that can be sent.
    #[error("{place}: {problem}")]
    Credentials {
        /// The place.
        place: String,
        /// What is missing.
        problem: String,
    },
    /// It was not heard to the end.
    #[error("{place}")]
    Dial {
        /// The place.
        place: String,
        /// Why.
        source: DialError,
    },
    /// It does not let us in.
    #[error("{place} answers {status}{said}: it does not let us do that")]
    Denied {
        /// The place.
        place: String,
        /// The HTTP status.
        status: u16,
        /// Its own word for it, with a blank before; perhaps empty.
        said: String,
    },
    /// It answers with an error.
    #[error("{place} answers {status}{said}")]
    Status {
        /// The place.
        place: String,
        /// The HTTP status.
        status: u16,
        /// Its own word for it, with a blank before; perhaps empty.
        said: String,
    },
    /// Its answer is something else than what was asked for.
    #[error("{place} answers with something else: {problem}")]
    Malformed {
        /// The place.
        place: String,
        /// What is wrong with it.
        problem: String,
    },
    /// What it answers, or what it should keep, is larger than anything that is taken.
    #[error("{place}: {what} is larger than {most} bytes")]
    TooLarge {
        /// The place.
        place: String,
        /// What is too large.
        what: String,
        /// The bytes that are taken.
        most: u64,
    },
    /// It overwrites what must stay as it is.
    #[error("{place} lets through what must be refused: {problem}")]
    Unfit {
        /// The place.
        place: String,
        /// What it let through.
        problem: String,
    },
    /// A folder cannot be read or written.
    #[error("{place} cannot be read or written")]
    Folder {
        /// The folder.
        place: String,
        /// Why.
        source: io::Error,
    },
    /// A registry was not used, or not believed.
    #[error("{place}")]
    Registry {
        /// What is published there.
        place: String,
        /// Why.
        source: Box<RegistryError>,
    },
    /// What should be sent cannot be read, or is something else by now.
    #[error("the bytes for {place} cannot be read")]
    Source {
        /// The place.
        place: String,
        /// Why.
        source: io::Error,
    },
}

impl PlaceError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Address { .. } => "place-address",
            Self::Credentials { .. } => "place-credentials",
            Self::Dial {
                source: DialError::Slow { .. },
                ..
            } => "place-timeout",
            Self::Dial {
                source: DialError::Redirect { .. },
                ..
            } => "place-redirect",
            Self::Dial { .. } => "place-unreachable",
            Self::Denied { .. } => "place-denied",
            Self::Status { .. } => "place-http-status",
            Self::Malformed { .. } => "place-malformed",
            Self::TooLarge { .. } => "place-too-large",
            Self::Unfit { .. } => "place-unfit",
            Self::Folder { .. } => "place-folder",
            Self::Source { .. } => "place-source",
            Self::Registry { source, .. } => source.code(),
        }
    }

    /// Whether it may be otherwise in a moment: it was busy or out of order, or the line broke.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Dial { source, .. } => matches!(source, DialError::Unreachable { .. }),
            Self::Status { status, .. } => is_passing(*status) || self.is_contended(),
            Self::Registry { source, .. } => match &**source {
                RegistryError::Dial(source) => matches!(source, DialError::Unreachable { .. }),
                RegistryError::Status { status, .. } => is_passing(*status),
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether another writer is at it in this moment: whether something is there, nobody has said.
    pub(crate) fn is_contended(&self) -> bool {
        let is_word =
            |it: &str| matches!(it.trim(), "ConditionalRequestConflict" | "OperationAborted");
        matches!(self, Self::Status { status: 409, said, .. } if is_word(said))
    }

    /// The same, for who asked a replica.
    pub(crate) fn into_replica(self) -> ReplicaError {
        match self {
            Self::Unfit { place, problem } => ReplicaError::Unfit {
                replica: place,
                problem,
            },
            Self::Source { place, source } => ReplicaError::Source {
                replica: place,
                source,
            },
            Self::Dial { place, source } => ReplicaError::unavailable(place, source.to_string()),
            other => {
                let text = other.to_string();
                let (place, message) = text.split_once(' ').unwrap_or((&text, ""));
                ReplicaError::unavailable(place.trim_end_matches(':'), message)
            }
        }
    }
}
