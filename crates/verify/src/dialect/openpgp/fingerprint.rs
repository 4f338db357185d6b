//! Names of OpenPGP keys.

use std::fmt;

use crate::dialect::bytes::Bytes;

/// The full fingerprint of an OpenPGP key (RFC 9580 §5.5.4). Shorter ids can be made to collide, and
/// are taken nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fingerprint {
    /// Of a version 4 key: 40 hexadecimal digits.
    V4([u8; 20]),
    /// Of a version 6 key: 64 hexadecimal digits.
    V6([u8; 32]),
}

impl Fingerprint {
    /// Reads 40 or 64 hexadecimal digits, in either case.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = hex::decode(text).ok()?;
        match bytes.len() {
            20 => bytes.try_into().ok().map(Self::V4),
            32 => bytes.try_into().ok().map(Self::V6),
            _ => None,
        }
    }

    /// The version of the key, then the fingerprint.
    pub(super) fn read(bytes: &mut Bytes<'_>) -> Option<Self> {
        match bytes.byte()? {
            4 => bytes.array().map(Self::V4),
            6 => bytes.array().map(Self::V6),
            _ => None,
        }
    }

    /// The id, by which a signature may hint at its key.
    pub(super) fn id(&self) -> [u8; 8] {
        let id = match self {
            Self::V4(bytes) => bytes.last_chunk(),
            Self::V6(bytes) => bytes.first_chunk(),
        };
        id.copied().unwrap_or_default()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: &[u8] = match self {
            Self::V4(bytes) => bytes,
            Self::V6(bytes) => bytes,
        };
        f.write_str(&hex::encode_upper(bytes))
    }
}
