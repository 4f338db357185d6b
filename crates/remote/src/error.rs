//! Why a service gave no timestamp.

use attest_sign::TimestampError;

use crate::dial::DialError;
use crate::limits;

/// Why a service gave no timestamp that can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The address is not one that we call.
    #[error("{url:?} is not an address of a timestamp authority: {problem}")]
    Address {
        /// The address.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// It was not heard to the end.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// Its answer is something else than a timestamp.
    #[error("{host} answers with {found:?}, wanted {TIMESTAMP_REPLY}")]
    ContentType {
        /// The host.
        host: String,
        /// The content type.
        found: String,
    },
    /// Its answer does not end.
    #[error("{host} answers with more than {} bytes", limits::ANSWER_BYTES)]
    TooLarge {
        /// The host.
        host: String,
    },
    /// Its answer is not a `TimeStampResp` with a token.
    #[error("{host} answers with something that is not a timestamp: {problem}")]
    Malformed {
        /// The host.
        host: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// It declines.
    #[error("{host} declines with PKI status {status}")]
    Declined {
        /// The host.
        host: String,
        /// The PKI status (RFC 3161, section 2.4.2).
        status: u8,
    },
    /// It timestamped something else.
    #[error("{host} timestamped another message")]
    OtherMessage {
        /// The host.
        host: String,
    },
    /// It answers another request than this one: perhaps an old one.
    #[error("{host} answers with another nonce than this request's")]
    OtherNonce {
        /// The host.
        host: String,
    },
}

impl HttpError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Address { .. } => "timestamp-address",
            Self::Dial(DialError::Client(_) | DialError::Unreachable { .. }) => {
                "timestamp-unreachable"
            }
            Self::Dial(DialError::Slow { .. }) => "timestamp-timeout",
            Self::Dial(DialError::Redirect { .. }) => "timestamp-redirect",
            Self::Dial(DialError::Status { .. }) => "timestamp-http-status",
            Self::ContentType { .. } => "timestamp-content-type",
            Self::TooLarge { .. } => "timestamp-too-large",
            Self::Malformed { .. } => "timestamp-malformed",
            Self::Declined { .. } => "timestamp-declined",
            Self::OtherMessage { .. } => "timestamp-other-message",
            Self::OtherNonce { .. } => "timestamp-other-nonce",
        }
    }
}

impl From<HttpError> for TimestampError {
    fn from(error: HttpError) -> Self {
        Self::new(error.code(), error)
    }
}

/// The content type of an answer (RFC 3161, section 3.4).
pub(crate) const TIMESTAMP_REPLY: &str = "application/timestamp-reply";
