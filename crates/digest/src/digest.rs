//! One digest of a named algorithm.

use std::fmt;
use std::str::FromStr;

use crate::limits;

/// A digest algorithm that we accept as proof of content.
///
/// SHA-1 and MD5 are not here: they never suffice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// SHA-256 (FIPS 180-4).
    Sha256,
    /// SHA-384 (FIPS 180-4).
    Sha384,
    /// SHA-512 (FIPS 180-4).
    Sha512,
}

impl Algorithm {
    /// All algorithms, weakest first.
    pub const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// The name in statements and on the command line: `sha256`, `sha384`, `sha512`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// Bytes of a digest.
    #[expect(clippy::len_without_is_empty, reason = "a digest is never empty")]
    pub const fn len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The algorithm of that exact name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A digest, written `sha256:2cf2…` with lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Digest {
    /// 32 bytes of SHA-256.
    Sha256([u8; 32]),
    /// 48 bytes of SHA-384.
    Sha384([u8; 48]),
    /// 64 bytes of SHA-512.
    Sha512([u8; 64]),
}

impl Digest {
    /// Reads `ALGORITHM:HEX`.
    ///
    /// # Errors
    /// No colon, an algorithm that we do not accept, or not exactly its length in lower-case
    /// hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, DigestError> {
        let (name, value) = text.split_once(':').ok_or(DigestError::NoAlgorithm)?;
        let algorithm =
            Algorithm::from_name(name).ok_or_else(|| DigestError::UnknownAlgorithm {
                name: crate::path::escaped(name),
            })?;
        Self::from_hex(algorithm, value)
    }

    /// Reads the hexadecimal digits of a digest of that algorithm.
    ///
    /// # Errors
    /// Not exactly the algorithm's length in lower-case hexadecimal digits.
    pub fn from_hex(algorithm: Algorithm, value: &str) -> Result<Self, DigestError> {
        if let Some(position) = value.bytes().position(|it| !is_lower_hex(it)) {
            return Err(DigestError::NotLowerHex {
                algorithm,
                position,
            });
        }
        match algorithm {
            Algorithm::Sha256 => decode(algorithm, value).map(Self::Sha256),
            Algorithm::Sha384 => decode(algorithm, value).map(Self::Sha384),
            Algorithm::Sha512 => decode(algorithm, value).map(Self::Sha512),
        }
    }

    /// Takes the bytes of a digest of that algorithm.
    ///
    /// # Errors
    /// Not exactly the algorithm's length.
    pub fn from_bytes(algorithm: Algorithm, value: &[u8]) -> Result<Self, DigestError> {
        let digest = match algorithm {
            Algorithm::Sha256 => value.try_into().ok().map(Self::Sha256),
            Algorithm::Sha384 => value.try_into().ok().map(Self::Sha384),
            Algorithm::Sha512 => value.try_into().ok().map(Self::Sha512),
        };
        digest.ok_or(DigestError::WrongLength {
            algorithm,
            found: value.len(),
        })
    }

    /// The algorithm.
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Sha256(_) => Algorithm::Sha256,
            Self::Sha384(_) => Algorithm::Sha384,
            Self::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// The bytes, [`Algorithm::len`] of them.
    pub const fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Sha256(bytes) => bytes,
            Self::Sha384(bytes) => bytes,
            Self::Sha512(bytes) => bytes,
        }
    }

    /// The bytes in lower-case hexadecimal digits.
    pub fn hex(&self) -> String {
        hex::encode(self.as_bytes())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm(), self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        Self::parse(text)
    }
}

/// Why a text is not a digest, or a digest does not fit into a set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// There is no `ALGORITHM:` in front.
    #[error("digest names no algorithm, wanted for example sha256:HEX")]
    NoAlgorithm,
    /// The algorithm is not one that we accept.
    #[error("digest algorithm is {name}, wanted sha256, sha384 or sha512")]
    UnknownAlgorithm {
        /// The name that was found, escaped.
        name: String,
    },
    /// A character is not one of `0-9a-f`.
    #[error("{algorithm} digest has another character than 0-9a-f at position {position}")]
    NotLowerHex {
        /// The algorithm that was named.
        algorithm: Algorithm,
        /// Bytes before the character.
        position: usize,
    },
    /// An odd count of hexadecimal digits.
    #[error("{algorithm} digest has {digits} hexadecimal digits, wanted {}", algorithm.len() * 2)]
    WrongDigits {
        /// The algorithm that was named.
        algorithm: Algorithm,
        /// The count of digits that was found.
        digits: usize,
    },
    /// Bytes of another length than the algorithm's.
    #[error("digest has {found} bytes, {algorithm} needs {}", algorithm.len())]
    WrongLength {
        /// The algorithm that was named.
        algorithm: Algorithm,
        /// The count of bytes that was found.
        found: usize,
    },
    /// A set names one algorithm twice.
    #[error("digest algorithm {name} is given twice")]
    Duplicate {
        /// The algorithm's name, escaped.
        name: String,
    },
    /// The name of an algorithm is empty, too long or holds control characters.
    #[error(
        "name of a digest algorithm is empty, holds control characters or is longer than {} bytes",
        limits::ALGORITHM_NAME_BYTES
    )]
    BadName,
    /// The value for an algorithm that we cannot compare is empty, too long or holds control characters.
    #[error(
        "value of digest {name} is empty, holds control characters or is longer than {} bytes",
        limits::OTHER_DIGEST_BYTES
    )]
    BadValue {
        /// The algorithm's name, escaped.
        name: String,
    },
    /// A set holds more digests than anybody needs.
    #[error("more than {} digests of one thing", limits::DIGESTS)]
    TooMany,
}

impl DigestError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoAlgorithm | Self::UnknownAlgorithm { .. } => "digest-algorithm-unknown",
            Self::NotLowerHex { .. }
            | Self::WrongDigits { .. }
            | Self::WrongLength { .. }
            | Self::BadName
            | Self::BadValue { .. } => "digest-malformed",
            Self::Duplicate { .. } => "digest-duplicate",
            Self::TooMany => "digest-too-many",
        }
    }
}

fn decode<const N: usize>(algorithm: Algorithm, value: &str) -> Result<[u8; N], DigestError> {
    let mut bytes = [0; N];
    hex::decode_to_slice(value, &mut bytes).map_err(|_| DigestError::WrongDigits {
        algorithm,
        digits: value.len(),
    })?;
    Ok(bytes)
}

const fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}
