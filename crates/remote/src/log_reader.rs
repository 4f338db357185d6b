//! Transparency logs that are read over HTTP: files of tiles, and Rekor v1's questions.
//!
//! Nothing here is proven. Tiles are proven by `attest_log::LogReader`, and what Rekor v1 says by whoever
//! has the log's key: everything comes back as it was claimed.

mod rekor_v1;
mod tiles;

use crate::dial::DialError;
use crate::error::HttpError;

pub use rekor_v1::{ClaimedEntry, ClaimedHead, RekorV1};
pub use tiles::TileServer;

/// Why a log gave no answer that can be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogReadError {
    /// The address is not one that we call.
    #[error("{url:?} is not an address of a log: {problem}")]
    Address {
        /// The address.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// It was not heard to the end.
    #[error(transparent)]
    Dial(DialError),
    /// Its answer does not end.
    #[error("{host} answers {what} with more than {most} bytes")]
    TooLarge {
        /// The host.
        host: String,
        /// What was asked for.
        what: String,
        /// Bytes that are read.
        most: usize,
    },
    /// It has nothing there.
    #[error("{host} has no {what}")]
    Missing {
        /// The host.
        host: String,
        /// What was asked for.
        what: String,
    },
    /// Its answer is not what was asked for.
    #[error("{host} answers {what} with something else: {problem}")]
    Malformed {
        /// The host.
        host: String,
        /// What was asked for.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl LogReadError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Address { .. } => "log-address",
            Self::Dial(DialError::Slow { .. }) => "log-timeout",
            Self::Dial(DialError::Redirect { .. }) => "log-redirect",
            Self::Dial(DialError::Status { .. }) => "log-http-status",
            Self::Dial(_) => "log-unreachable",
            Self::TooLarge { .. } => "log-answer-too-large",
            Self::Missing { .. } => "log-answer-missing",
            Self::Malformed { .. } => "log-answer-malformed",
        }
    }
}

impl From<DialError> for LogReadError {
    fn from(error: DialError) -> Self {
        Self::Dial(error)
    }
}

/// Of an address alone: nothing was asked of a timestamp authority.
fn address(error: HttpError, given: &str) -> LogReadError {
    match error {
        HttpError::Address { url, problem } => LogReadError::Address { url, problem },
        HttpError::Dial(error) => LogReadError::Dial(error),
        _ => LogReadError::Address {
            url: given.to_owned(),
            problem: "it cannot be called",
        },
    }
}
