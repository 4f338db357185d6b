//! Why a document is refused before anybody looks at its fields.

use crate::excerpt::Excerpt;

/// Why bytes are not JSON of one meaning. Lines and columns count from 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// Too many bytes.
    #[error("JSON has {found} bytes, at most {limit} are read")]
    TooLarge {
        /// Bytes of the document.
        found: usize,
        /// Bytes that are allowed.
        limit: usize,
    },
    /// The document begins with `EF BB BF`.
    #[error("JSON begins with a byte order mark")]
    ByteOrderMark,
    /// The bytes are not UTF-8.
    #[error("JSON is not UTF-8 at byte {offset}")]
    NotUtf8 {
        /// Bytes before the first that is wrong.
        offset: usize,
    },
    /// Arrays and objects are nested too deeply.
    #[error("JSON is nested deeper than {limit} at line {line}, column {column}")]
    TooDeep {
        /// The depth that is allowed.
        limit: usize,
        /// Where it was noticed.
        line: usize,
        /// Where it was noticed.
        column: usize,
    },
    /// Too many values.
    #[error("JSON holds more values than {limit} bytes of memory take")]
    TooManyValues {
        /// The memory that is allowed.
        limit: usize,
    },
    /// An object has the same key twice, escapes resolved.
    #[error(
        "JSON key {} is given twice, at line {line}, column {column}",
        Excerpt(key)
    )]
    DuplicateKey {
        /// The key.
        key: String,
        /// Where it was noticed.
        line: usize,
        /// Where it was noticed.
        column: usize,
    },
    /// A number is too large to keep its value.
    #[error("JSON number at line {line}, column {column} does not fit 64 bits")]
    NumberOutOfRange {
        /// Where it was noticed.
        line: usize,
        /// Where it was noticed.
        column: usize,
    },
    /// Something follows the value.
    #[error("JSON is followed by something else at line {line}, column {column}")]
    TrailingData {
        /// Where it begins.
        line: usize,
        /// Where it begins.
        column: usize,
    },
    /// Not JSON.
    #[error("not JSON at line {line}, column {column}")]
    Syntax {
        /// Where it was noticed.
        line: usize,
        /// Where it was noticed.
        column: usize,
        /// What the parser says.
        source: serde_json::Error,
    },
}

impl JsonError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "json-too-large",
            Self::ByteOrderMark => "json-byte-order-mark",
            Self::NotUtf8 { .. } => "json-not-utf8",
            Self::TooDeep { .. } => "json-too-deep",
            Self::TooManyValues { .. } => "json-too-many-values",
            Self::DuplicateKey { .. } => "json-duplicate-key",
            Self::NumberOutOfRange { .. } => "json-number-out-of-range",
            Self::TrailingData { .. } => "json-trailing-data",
            Self::Syntax { .. } => "json-syntax",
        }
    }
}

/// A number has a fraction or an exponent where the canonical form knows integers only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("number has a fraction or an exponent, which the canonical form of in-toto does not know")]
pub struct JsonNumberError;

impl JsonNumberError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        "json-number-float"
    }
}
