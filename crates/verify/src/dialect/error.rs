//! Why a file holds no evidence that can be read.

use attest_provenance::EnvelopeError;
use attest_provenance::json::{FieldError, JsonError};

use crate::bundle::BundleError;
use crate::check::Rejection;
use crate::dialect::{At, Dialect};
use crate::limits;

/// Why a file holds no evidence that can be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialectError {
    /// More bytes than evidence has.
    #[error("evidence has {found} bytes, at most {limit} are read")]
    TooLarge {
        /// Its bytes.
        found: usize,
        /// How many are read.
        limit: usize,
    },
    /// More values than evidence has.
    #[error("more than {} JSON values", limits::BUNDLE_VALUES)]
    TooManyValues,
    /// More pieces than are read.
    #[error("more than {} pieces of evidence", limits::EVIDENCE_PIECES)]
    TooMany,
    /// Of no form that we know.
    #[error("of no form of evidence that is known")]
    Unknown,
    /// Of a form that we know and do not read.
    #[error("{dialect}")]
    Unsupported {
        /// The form.
        dialect: Dialect,
    },
    /// One document that could be read as two things.
    #[error("fields of two forms in one document: {one}, {other}")]
    Ambiguous {
        /// The first form.
        one: Dialect,
        /// Another.
        other: Dialect,
    },
    /// Pieces of several forms in one file.
    #[error("pieces of two forms in one file: {one}, {other}")]
    Mixed {
        /// The first form.
        one: Dialect,
        /// Another.
        other: Dialect,
    },
    /// Not a bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// Not a detached signature that we read.
    #[error(transparent)]
    Detached(#[from] Rejection),
    /// Attestations of several packages in one answer.
    #[error("attestations of different packages")]
    Packages,
    /// Not JSON of one meaning.
    #[error("evidence is not readable: {0}")]
    Json(#[from] JsonError),
    /// Not the fields of its form.
    #[error("evidence is malformed: {0}")]
    Field(#[from] FieldError),
    /// Not an envelope.
    #[error("evidence is malformed: {0}")]
    Envelope(#[from] EnvelopeError),
    /// A value that no evidence of its form has.
    #[error("evidence is malformed: {at} {problem}")]
    Problem {
        /// The path of the value.
        at: String,
        /// What is wrong with it.
        problem: String,
    },
    /// One piece of several.
    #[error("{}: {source}", place(at))]
    Piece {
        /// Where it stands.
        at: At,
        /// What is wrong with it.
        source: Box<DialectError>,
    },
}

impl DialectError {
    /// The stable code, one of [`CODES`](crate::CODES).
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } | Self::TooManyValues | Self::TooMany => "bundle-too-large",
            Self::Unknown => "dialect-unknown",
            Self::Unsupported { .. } => "dialect-unsupported",
            Self::Ambiguous { .. } => "dialect-ambiguous",
            Self::Mixed { .. } => "dialect-mixed",
            Self::Bundle(error) => error.code(),
            Self::Detached(rejection) => rejection.code(),
            Self::Packages => "package-mismatch",
            // As in a bundle.
            Self::Envelope(EnvelopeError::SeveralSignatures { .. }) => "signature-count",
            Self::Json(_) | Self::Field(_) | Self::Envelope(_) | Self::Problem { .. } => {
                "evidence-malformed"
            }
            Self::Piece { source, .. } => source.code(),
        }
    }

    /// What is wanted instead.
    pub fn wanted(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } | Self::TooManyValues | Self::TooMany => "evidence of that size",
            Self::Ambiguous { .. } | Self::Mixed { .. } => "evidence of one form",
            Self::Bundle(_) => "a Sigstore bundle",
            Self::Detached(_) => "a detached signature",
            Self::Unknown | Self::Unsupported { .. } => "a form of evidence that is read",
            Self::Packages => "attestations of one package",
            Self::Json(_) | Self::Field(_) | Self::Envelope(_) | Self::Problem { .. } => {
                "evidence of one meaning"
            }
            Self::Piece { source, .. } => source.wanted(),
        }
    }

    pub(super) fn at(self, at: At) -> Self {
        match self {
            Self::Piece { .. } => self,
            source => Self::Piece {
                at,
                source: Box::new(source),
            },
        }
    }

    pub(super) fn problem(at: &str, problem: impl Into<String>) -> Self {
        Self::Problem {
            at: at.to_owned(),
            problem: problem.into(),
        }
    }
}

fn place(at: &At) -> String {
    match at.line {
        Some(line) => format!("line {line}"),
        None => "the file".to_owned(),
    }
}
