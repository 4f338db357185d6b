//! A hash of the Merkle tree.

use std::fmt;

use crate::codec;

/// A SHA-256 hash in a Merkle tree, written in base64 as in checkpoints.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; Hash::LEN]);

impl Hash {
    /// Bytes of a hash.
    pub const LEN: usize = 32;

    /// Takes the bytes of a hash.
    pub const fn new(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Reads the base64 form of a checkpoint, in its only canonical spelling.
    ///
    /// # Errors
    /// Not canonical base64, or not 32 bytes.
    pub fn from_base64(text: &str) -> Result<Self, HashError> {
        let bytes = codec::decode_base64(text).ok_or(HashError::NotBase64)?;
        Self::try_from(bytes.as_slice())
    }

    /// The base64 form of a checkpoint.
    pub fn to_base64(&self) -> String {
        codec::encode_base64(&self.0)
    }

    /// Lower-case hexadecimal digits.
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }
}

impl TryFrom<&[u8]> for Hash {
    type Error = HashError;

    fn try_from(bytes: &[u8]) -> Result<Self, HashError> {
        let found = bytes.len();
        bytes
            .try_into()
            .map(Self)
            .map_err(|_| HashError::Length { found })
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_base64())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// Why text or bytes are not a [`Hash`](struct@Hash).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HashError {
    /// Not the canonical base64 form.
    #[error("hash is not canonical base64")]
    NotBase64,
    /// Another number of bytes.
    #[error("hash has {found} bytes, a tree needs {}", Hash::LEN)]
    Length {
        /// Bytes found.
        found: usize,
    },
}
