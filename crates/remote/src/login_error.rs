//! Why a login gave no identity token.

use std::time::Duration;

use attest_sign::IdentityTokenError;

use crate::service::ServiceError;

/// Why a login gave no identity token that is ours to use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// The provider was not heard, or says no.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// It cannot do what keeps an answer from others.
    #[error("the identity provider {issuer:?} {problem}")]
    Unfit {
        /// The provider.
        issuer: String,
        /// What it cannot do.
        problem: &'static str,
    },
    /// Somebody else answers.
    #[error("{place} is of the identity provider {found:?}, wanted {wanted:?}")]
    Issuer {
        /// What says so.
        place: &'static str,
        /// Who answers.
        found: String,
        /// Who was asked.
        wanted: String,
    },
    /// Nobody can come back.
    #[error("nobody can be listened to at 127.0.0.1: {0}")]
    Listener(std::io::Error),
    /// Nobody came back.
    #[error("nobody came back from the login within {} s", limit.as_secs())]
    Nobody {
        /// How long was waited.
        limit: Duration,
    },
    /// Somebody came back from another login: perhaps one of a stranger, who wants us to sign as them.
    #[error("the browser brings the answer to another login: {0}")]
    State(&'static str),
    /// Somebody came back with nothing.
    #[error("the browser brings no answer: {0}")]
    Malformed(&'static str),
    /// The provider, or the user there, said no.
    #[error("the identity provider refuses: {says:?}")]
    Refused {
        /// What it says, cut.
        says: String,
    },
    /// The token was made for another login.
    #[error(
        "the identity token was made for another login: its nonce is not the one that was sent"
    )]
    Nonce,
    /// The token is none that can be used.
    #[error("the identity token: {0}")]
    Token(#[from] IdentityTokenError),
}

impl LoginError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Service(error) => error.code(),
            Self::Unfit { .. } => "login-unfit",
            Self::Issuer { .. } => "login-issuer",
            Self::Listener(_) => "login-listener",
            Self::Nobody { .. } => "login-timeout",
            Self::State(_) => "login-state",
            Self::Malformed(_) => "login-malformed",
            Self::Refused { .. } => "login-refused",
            Self::Nonce => "login-nonce",
            Self::Token(error) => error.code(),
        }
    }

    /// Whether somebody answered, and what they said is wrong: evidence, and not bad luck.
    pub const fn is_wrong_answer(&self) -> bool {
        matches!(
            self,
            Self::Issuer { .. } | Self::State(_) | Self::Nonce | Self::Token(_)
        )
    }
}
