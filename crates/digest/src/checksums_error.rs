//! Why a checksums file is refused.

use crate::digest::{Algorithm, DigestError};
use crate::limits;
use crate::path::{NameProblem, escaped};

/// Why bytes are not a checksums file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChecksumsError {
    /// There is no line.
    #[error("checksums file is empty")]
    Empty,
    /// More bytes than [`limits::CHECKSUMS_BYTES`].
    #[error(
        "checksums file has {bytes} bytes, at most {} are read",
        limits::CHECKSUMS_BYTES
    )]
    TooLarge {
        /// Its bytes.
        bytes: usize,
    },
    /// It begins as a PGP message, whose signature covers less than the file.
    #[error("checksums file is a PGP message, wanted the plain text and a detached signature")]
    ClearSigned,
    /// A line is wrong.
    #[error("line {line}: {problem}")]
    Line {
        /// Its number; the first is 1.
        line: usize,
        /// What is wrong.
        problem: LineProblem,
    },
}

/// Why a line of a checksums file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineProblem {
    /// It is not `HEX  NAME`, `HEX *NAME`, `TAG (NAME) = HEX` or `TAG(NAME)= HEX`.
    #[error("neither \"HEX  NAME\" nor \"TAG (NAME) = HEX\" nor \"TAG(NAME)= HEX\"")]
    Malformed,
    /// It ends in a carriage return.
    #[error("line ends in CR LF, wanted LF")]
    CarriageReturn,
    /// It is the last and has no newline: the file may have been cut.
    #[error("line has no newline at its end")]
    NoNewline,
    /// Its bytes are not UTF-8.
    #[error("line is not UTF-8")]
    NotUtf8,
    /// It begins with a backslash, but its name is not escaped as coreutils does it.
    #[error("name is not escaped with \\\\, \\n and \\r as the line's first backslash says")]
    Escape,
    /// It has the other form than the lines before it.
    #[error("line has another form than those before it")]
    OtherForm,
    /// Its digest is of another algorithm.
    #[error("digest is of {}, wanted {wanted}", escaped(found))]
    OtherAlgorithm {
        /// The algorithm by its tag or by the digest's length.
        found: String,
        /// The algorithm that the file is read for.
        wanted: Algorithm,
    },
    /// Its digest is not one.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// Its name is not a path below the folder.
    #[error(transparent)]
    Name(#[from] NameProblem),
    /// Its name stands on an earlier line too.
    #[error("name stands on line {first} too")]
    Duplicate {
        /// The number of that line.
        first: usize,
    },
}

impl ChecksumsError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "checksums-empty",
            Self::TooLarge { .. } => "checksums-too-large",
            Self::ClearSigned => "checksums-clear-signed",
            Self::Line { problem, .. } => problem.code(),
        }
    }

    /// The number of the line that is wrong, if it is a line.
    pub const fn line(&self) -> Option<usize> {
        match self {
            Self::Line { line, .. } => Some(*line),
            _ => None,
        }
    }
}

impl LineProblem {
    /// The stable code of this problem.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "checksums-line-malformed",
            Self::CarriageReturn => "checksums-line-ending",
            Self::NoNewline => "checksums-truncated",
            Self::NotUtf8 => "checksums-not-utf8",
            Self::Escape => "checksums-escape-invalid",
            Self::OtherForm => "checksums-forms-mixed",
            Self::OtherAlgorithm { .. } => "checksums-algorithm-mismatch",
            Self::Digest(error) => error.code(),
            Self::Name(problem) => problem.code(),
            Self::Duplicate { .. } => "checksums-name-duplicate",
        }
    }
}
