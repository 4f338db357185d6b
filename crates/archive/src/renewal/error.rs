//! Why a renewal proves nothing.

use attest_digest::Digest;
use attest_verify::Check;
use jiff::Timestamp;

/// Why a renewal proves nothing, or cannot be made.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenewalError {
    /// Not what is written one way only.
    #[error("{what}")]
    Malformed {
        /// What is there, or what is wrong.
        what: &'static str,
    },
    /// More than is read.
    #[error("more than {limit} {what}")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
    /// Made for another release, or for another content of this one.
    #[error("it renews {found}, wanted {wanted}")]
    OtherRelease {
        /// The release that it names.
        found: String,
        /// The release that it lies with.
        wanted: String,
    },
    /// A file of the release that is not covered.
    #[error("it does not cover the blob {blob}")]
    Incomplete {
        /// The blob.
        blob: Digest,
    },
    /// A blob that is not what was covered, though its SHA-256 is the same.
    #[error("the blob {blob} has another SHA-512 than the one that was stamped")]
    OtherBytes {
        /// The blob.
        blob: Digest,
    },
    /// The way through the hash tree does not begin with the document.
    #[error("the hash tree of timestamp 1 does not hold the hash of what it covers, {wanted}")]
    Path {
        /// The hash of the document.
        wanted: Digest,
    },
    /// A timestamp does not cover the one before it.
    #[error("timestamp {link} does not cover what came before it, {wanted}")]
    Gap {
        /// Its number, from 1.
        link: usize,
        /// The hash that it should cover.
        wanted: Digest,
    },
    /// The token is over something else than the root of the tree.
    #[error("timestamp {link} is over another hash than the root of its tree, {wanted}")]
    Root {
        /// Its number, from 1.
        link: usize,
        /// The root to which the tree leads.
        wanted: Digest,
    },
    /// The token does not verify.
    #[error("timestamp {link}: {check}")]
    Token {
        /// Its number, from 1.
        link: usize,
        /// What is wrong with it.
        check: Box<Check>,
    },
    /// A timestamp that is older than the one before it.
    #[error("timestamp {link} is of {found}, before the one that it renews, {earlier}")]
    Order {
        /// Its number, from 1.
        link: usize,
        /// Its time.
        found: Timestamp,
        /// The time of the one before.
        earlier: Timestamp,
    },
    /// A timestamp that was made when the one before it proved nothing any more.
    #[error(
        "timestamp {link} is of {found}, but what it renews stood until {until} ({decided_by})"
    )]
    Late {
        /// Its number, from 1.
        link: usize,
        /// Its time.
        found: Timestamp,
        /// The end of the one before.
        until: Timestamp,
        /// What ended it.
        decided_by: String,
    },
    /// The same timestamp twice.
    #[error("timestamp {link} is there twice")]
    Duplicate {
        /// Its number, from 1.
        link: usize,
    },
    /// A hash that is not taken.
    #[error("hash algorithm {found}, wanted SHA-256, SHA-384 or SHA-512 without parameters")]
    AlgorithmUnknown {
        /// Its object identifier.
        found: String,
    },
    /// Two hashes in one chain.
    #[error("a chain with more than one hash algorithm")]
    AlgorithmMixed,
    /// A later chain with a hash that is no stronger.
    #[error("a chain with {found} after one with {earlier}")]
    AlgorithmWeaker {
        /// The later hash.
        found: &'static str,
        /// The earlier hash.
        earlier: &'static str,
    },
    /// A time that has not come.
    #[error("timestamp {link} is of {found}, which lies in the future")]
    Future {
        /// Its number, from 1.
        link: usize,
        /// Its time.
        found: Timestamp,
    },
    /// There is nothing to be stamped.
    #[error("there is nothing to renew")]
    Nothing,
}

impl RenewalError {
    /// The stable code of this error. What is wrong with a timestamp itself keeps the code of
    /// `attest-verify`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Token { check, .. } => check.code(),
            Self::Malformed { .. } => "renewal-malformed",
            Self::TooLarge { .. } => "renewal-too-large",
            Self::OtherRelease { .. } => "renewal-other-release",
            Self::Incomplete { .. } => "renewal-incomplete",
            Self::OtherBytes { .. } => "renewal-other-bytes",
            Self::Path { .. } => "renewal-path",
            Self::Gap { .. } => "renewal-gap",
            Self::Root { .. } => "renewal-root",
            Self::Order { .. } => "renewal-order",
            Self::Late { .. } => "renewal-late",
            Self::Duplicate { .. } => "renewal-duplicate",
            Self::AlgorithmUnknown { .. } | Self::AlgorithmMixed => "renewal-algorithm",
            Self::AlgorithmWeaker { .. } => "renewal-algorithm-weaker",
            Self::Future { .. } => "renewal-in-future",
            Self::Nothing => "renewal-nothing",
        }
    }
}
