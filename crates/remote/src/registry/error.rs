//! Why a registry gave, or took, nothing.

use std::io;

use attest_digest::Digest;

use crate::dial::DialError;

/// Why a registry was not used, or not believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// A text names nothing in a registry.
    #[error("{text:?} names nothing in a registry: {problem}")]
    Reference {
        /// The text.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Docker's configuration cannot be used.
    #[error("{place}: {problem}")]
    Login {
        /// The file.
        place: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A credential helper gave no credentials.
    #[error("credential helper {helper}: {problem}")]
    Helper {
        /// The program.
        helper: String,
        /// What became of it.
        problem: String,
    },
    /// It was not heard to the end.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// It answers with an error.
    #[error("{host} answers {status}{said} for {what}")]
    Status {
        /// The host.
        host: String,
        /// The HTTP status.
        status: u16,
        /// The codes that it gives.
        said: String,
        /// What was asked for.
        what: String,
    },
    /// It wants other credentials, or none of ours suffices.
    #[error("{host} answers {status}{said} for {what}: {credentials}")]
    Denied {
        /// The host.
        host: String,
        /// The HTTP status.
        status: u16,
        /// The codes that it gives.
        said: String,
        /// What was asked for.
        what: String,
        /// Whose credentials were shown.
        credentials: &'static str,
    },
    /// It names a place for tokens to which no credentials are sent.
    #[error("{host} asks for a token of {realm:?}: {problem}")]
    Realm {
        /// The host.
        host: String,
        /// The address.
        realm: String,
        /// Why it is not asked.
        problem: &'static str,
    },
    /// No token was given.
    #[error("{host} gives no token: {problem}")]
    Token {
        /// The host.
        host: String,
        /// What is wrong.
        problem: String,
    },
    /// It leads elsewhere, where nothing is asked.
    #[error("{host} leads to {to:?} for {what}: {problem}")]
    Redirect {
        /// The host.
        host: String,
        /// The address.
        to: String,
        /// What was asked for.
        what: String,
        /// Why it is not followed.
        problem: &'static str,
    },
    /// It has no such thing.
    #[error("{host} has no {what}")]
    NotFound {
        /// The host.
        host: String,
        /// What was asked for.
        what: String,
    },
    /// It answers with something else, such as a web page.
    #[error("{host} answers with {found:?} for {what}, wanted {wanted}")]
    ContentType {
        /// The host.
        host: String,
        /// What was asked for.
        what: String,
        /// The content type.
        found: String,
        /// The one that was wanted.
        wanted: &'static str,
    },
    /// More than is read of anything.
    #[error("{what} has more than {most}")]
    TooLarge {
        /// What was asked for.
        what: String,
        /// The bound, with its unit.
        most: String,
    },
    /// A list of more than is read of any. Nobody signed it.
    #[error("{what} has more than {most}")]
    ListTooLarge {
        /// What was asked for.
        what: String,
        /// The bound, with its unit.
        most: String,
    },
    /// It answers with something that cannot be read.
    #[error("{host} answers with something that is not {what}: {problem}")]
    Malformed {
        /// The host.
        host: String,
        /// What was asked for.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
    /// It gives other bytes than were asked for.
    #[error("{host} gives {found} for {what}, wanted {wanted}")]
    Differs {
        /// The host.
        host: String,
        /// What was asked for.
        what: String,
        /// What was found.
        found: String,
        /// What was wanted.
        wanted: String,
    },
    /// What it says is attached to something cannot be so.
    #[error("{host} says what is attached to {subject} in a way that cannot be: {problem}")]
    Referrers {
        /// The host.
        host: String,
        /// To what.
        subject: Digest,
        /// What is wrong.
        problem: String,
    },
    /// A tag does not name any more what it named before.
    #[error("the tag {tag} of {host} was moved meanwhile: it named {before}, and names {after}")]
    TagMoved {
        /// The host.
        host: String,
        /// The tag.
        tag: String,
        /// What it named.
        before: String,
        /// What it names.
        after: String,
    },
    /// What was written is not what is there.
    #[error("{host} did not keep {what}: {problem}")]
    NotKept {
        /// The host.
        host: String,
        /// What was written.
        what: String,
        /// What is there.
        problem: String,
    },
    /// What should be pushed could not be read, or is something else.
    #[error("the bytes of {digest} cannot be pushed")]
    Source {
        /// What should be pushed.
        digest: Digest,
        /// Why.
        source: io::Error,
    },
    /// What was pulled could not be written.
    #[error("the bytes of {digest} cannot be written")]
    Sink {
        /// What was pulled.
        digest: Digest,
        /// Why.
        source: io::Error,
    },
}

impl RegistryError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Reference { .. } => "registry-reference",
            Self::Login { .. } => "registry-login",
            Self::Helper { .. } => "registry-helper",
            Self::Dial(DialError::Client(_) | DialError::Unreachable { .. }) => {
                "registry-unreachable"
            }
            Self::Dial(DialError::Slow { .. }) => "registry-timeout",
            Self::Dial(DialError::Redirect { .. }) | Self::Redirect { .. } => "registry-redirect",
            Self::Dial(DialError::Status { .. }) | Self::Status { .. } => "registry-http-status",
            Self::Denied { .. } => "registry-denied",
            Self::Realm { .. } => "registry-realm",
            Self::Token { .. } => "registry-token",
            Self::NotFound { .. } => "registry-not-found",
            Self::ContentType { .. } => "registry-content-type",
            Self::TooLarge { .. } => "registry-too-large",
            Self::ListTooLarge { .. } => "registry-list-too-large",
            Self::Malformed { .. } => "registry-malformed",
            Self::Differs { .. } => "registry-differs",
            Self::Referrers { .. } => "registry-referrers",
            Self::TagMoved { .. } => "registry-tag-moved",
            Self::NotKept { .. } => "registry-not-kept",
            Self::Source { .. } => "registry-source",
            Self::Sink { .. } => "registry-sink",
        }
    }

    /// Whether bytes came that are wrong. All else is no answer.
    pub const fn is_wrong_bytes(&self) -> bool {
        matches!(self, Self::Differs { .. } | Self::TooLarge { .. })
    }

    /// Whether the request was wrong, before anybody was asked.
    pub const fn is_bad_request(&self) -> bool {
        matches!(self, Self::Reference { .. } | Self::Login { .. })
    }
}
