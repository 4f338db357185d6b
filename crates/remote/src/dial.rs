//! Why a service was not heard to the end, whatever was asked of it.

use std::time::Duration;

/// Why a service behind an address gave no whole answer.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// This machine cannot make connections.
    #[error("this machine cannot make connections: {0}")]
    Client(String),
    /// Nobody answers there, or the connection broke.
    #[error("{host} cannot be reached: {problem}")]
    Unreachable {
        /// The host.
        host: String,
        /// What the network said.
        problem: String,
    },
    /// No whole answer in time.
    #[error("{host} gave no whole answer within {} s", limit.as_secs_f32())]
    Slow {
        /// The host.
        host: String,
        /// The time that an answer may take.
        limit: Duration,
    },
    /// It wants to be asked elsewhere, which nobody agreed to.
    #[error("{host} answers {status}, a redirect, which is not followed")]
    Redirect {
        /// The host.
        host: String,
        /// The HTTP status.
        status: u16,
    },
    /// It answers with an error.
    #[error("{host} answers {status}, wanted 200")]
    Status {
        /// The host.
        host: String,
        /// The HTTP status.
        status: u16,
    },
}
