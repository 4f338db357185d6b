//! A log's public key, by which its checkpoints are verified.

use std::fmt;

use ed25519_dalek::{Signature, VerifyingKey};
use sha2::digest::consts::U64;
use sha2::digest::{FixedOutput, HashMarker, Output, OutputSizeUser, Update};
use sha2::{Digest as _, Sha256};

use crate::{codec, note};

/// The origin and the Ed25519 public key of a log: a C2SP *vkey*.
///
/// ```text
/// log.example+891bac2d+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs
/// origin      key id   base64(0x01 || 32 bytes of key)
/// ```
/// See [C2SP signed-note](https://c2sp.org/signed-note).
#[derive(Clone, PartialEq, Eq)]
pub struct LogKey {
    origin: String,
    key: VerifyingKey,
}

impl LogKey {
    /// Takes an origin and the 32 bytes of an Ed25519 public key.
    ///
    /// # Errors
    /// The origin cannot stand in a checkpoint, or the bytes are no point of the curve or one of
    /// small order, under which anybody can sign.
    pub fn new(origin: &str, key: &[u8; 32]) -> Result<Self, KeyError> {
        note::check_name(origin).map_err(|problem| KeyError::Origin { problem })?;
        let key = VerifyingKey::from_bytes(key).map_err(|_| KeyError::NotAPoint)?;
        if key.is_weak() {
            return Err(KeyError::Weak);
        }
        Ok(Self {
            origin: origin.to_owned(),
            key,
        })
    }

    /// Takes an origin and a DER `SubjectPublicKeyInfo` (RFC 8410).
    ///
    /// # Errors
    /// As [`LogKey::new`], and when the DER is not exactly that of an Ed25519 key.
    pub fn from_spki(origin: &str, spki: &[u8]) -> Result<Self, KeyError> {
        let key = spki
            .strip_prefix(SPKI_PREFIX)
            .and_then(|key| key.try_into().ok())
            .ok_or(KeyError::NotEd25519)?;
        Self::new(origin, key)
    }

    /// Reads a vkey.
    ///
    /// # Errors
    /// Not `origin+keyid+base64`, of another algorithm, with a key id that is not this key's, or as
    /// [`LogKey::new`].
    pub fn parse(vkey: &str) -> Result<Self, KeyError> {
        let mut parts = vkey.splitn(3, '+');
        let (Some(origin), Some(id), Some(encoded)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(KeyError::NotAVkey);
        };
        let bytes = codec::decode_base64(encoded).ok_or(KeyError::NotAVkey)?;
        let key = match bytes.split_first() {
            Some((&ED25519, key)) => key.try_into().map_err(|_| KeyError::NotEd25519)?,
            Some((&algorithm, _)) => return Err(KeyError::Algorithm { found: algorithm }),
            None => return Err(KeyError::NotAVkey),
        };
        let key = Self::new(origin, key)?;
        let wanted = hex::encode(key.key_id());
        if id != wanted {
            return Err(KeyError::KeyId {
                found: id.escape_default().to_string(),
                wanted,
            });
        }
        Ok(key)
    }

    /// The origin: the first line of the log's checkpoints and the name of its signature.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The 32 bytes of the public key.
    pub fn public_key(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// The log's id: SHA-256 of origin, newline, 0x01 and key. Rekor v2 writes it in whole.
    pub fn log_id(&self) -> [u8; 32] {
        Sha256::new()
            .chain_update(&self.origin)
            .chain_update([b'\n', ED25519])
            .chain_update(self.key.as_bytes())
            .finalize()
            .into()
    }

    /// The key id of signature lines: the first 4 bytes of [`LogKey::log_id`].
    pub fn key_id(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.log_id();
        [a, b, c, d]
    }

    /// The DER `SubjectPublicKeyInfo` (RFC 8410).
    pub fn spki(&self) -> Vec<u8> {
        [SPKI_PREFIX, self.key.as_bytes()].concat()
    }

    /// Verifies a signature strictly: canonical encodings, no small-order parts.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let signature = Signature::from_bytes(signature);
        self.key.verify_strict(message, &signature).is_ok()
    }
}

/// An Ed25519 public key by itself, which is not a log's. Verifies strictly, as [`LogKey::verifies`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ed25519Key(VerifyingKey);

impl Ed25519Key {
    /// Takes the 32 bytes; none for bytes that are no point of the curve, or one of small order.
    pub fn new(key: &[u8; 32]) -> Option<Self> {
        let key = VerifyingKey::from_bytes(key).ok()?;
        (!key.is_weak()).then_some(Self(key))
    }

    /// Verifies a pure signature (RFC 8032 §5.1), over the message itself.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let signature = Signature::from_bytes(signature);
        self.0.verify_strict(message, &signature).is_ok()
    }

    /// Verifies an Ed25519ph signature without context (RFC 8032 §5.1), over a message of which only
    /// the SHA-512 is known.
    #[must_use]
    pub fn verifies_sha512(&self, digest: &[u8; 64], signature: &[u8; 64]) -> bool {
        let signature = Signature::from_bytes(signature);
        let hashed = Hashed(*digest);
        self.0
            .verify_prehashed_strict(hashed, None, &signature)
            .is_ok()
    }
}

/// A SHA-512 that was computed elsewhere, where the library wants a hasher. Nothing is ever added to
/// it.
struct Hashed([u8; 64]);

impl Default for Hashed {
    fn default() -> Self {
        Self([0; 64])
    }
}

impl HashMarker for Hashed {}

impl OutputSizeUser for Hashed {
    type OutputSize = U64;
}

impl Update for Hashed {
    fn update(&mut self, _: &[u8]) {}
}

impl FixedOutput for Hashed {
    fn finalize_into(self, out: &mut Output<Self>) {
        out.copy_from_slice(&self.0);
    }
}

impl fmt::Display for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[ED25519], self.key.as_bytes().as_slice()].concat();
        let (id, key) = (hex::encode(self.key_id()), codec::encode_base64(&key));
        write!(f, "{}+{id}+{key}", self.origin)
    }
}

impl fmt::Debug for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogKey({self})")
    }
}

/// Why something is not a log's key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The origin cannot stand in a checkpoint.
    #[error("origin {problem}")]
    Origin {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Not the three parts of a vkey.
    #[error("not a vkey: origin+keyid+base64")]
    NotAVkey,
    /// A vkey of another algorithm.
    #[error("vkey has signature type {found:#04x}, only Ed25519 ({ED25519:#04x}) is supported")]
    Algorithm {
        /// The signature type found.
        found: u8,
    },
    /// A key id of another key.
    #[error("vkey has key id {found}, its key has {wanted}")]
    KeyId {
        /// The id found, escaped.
        found: String,
        /// The id of the key.
        wanted: String,
    },
    /// Not an Ed25519 public key.
    #[error("not an Ed25519 public key")]
    NotEd25519,
    /// Not a point of the curve.
    #[error("public key is not a point of Curve25519")]
    NotAPoint,
    /// A point of small order.
    #[error("public key has small order: anybody can sign under it")]
    Weak,
}

impl KeyError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        "log-key-invalid"
    }
}

/// The signature type of Ed25519 in signed notes.
const ED25519: u8 = 0x01;

/// DER of a `SubjectPublicKeyInfo` of Ed25519, up to the key.
const SPKI_PREFIX: &[u8] = &[
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

#[cfg(test)]
mod tests;
