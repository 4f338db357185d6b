//! minisign signatures, prehashed (<https://jedisct1.github.io/minisign/>, "Signature format").
//!
//! ```text
//! untrusted comment: signature from minisign secret key
//! RUTUMaHoV/Z91sLmhRM1epV6S0TveNB+rHt8JdskIFtxDBv/ZOcYbzb3qkzZm0paT8vzaqy6BYdN8P7eDX1R35ypHY4QKPU30gc=
//! trusted comment: timestamp:1795273822    file:hello
//! Y6Fe5HRWQTHniV7xO2M4CMkKzAPQpPazSzQ1nZ/XA3ygqdr2Z6rbgAf1GKw4xVtsOvPmIURW9Emf/QBBAR1mAA==
//! ```
//!
//! The older form (`Ed` instead of `ED`, which signify writes too) signs the whole file at once; it
//! is refused by name, since such a file must be held in memory and its signature could be taken for
//! one over a hash.

use std::fmt;

use attest_digest::Algorithm;
use attest_provenance::base64;
use blake2::{Blake2b512, Digest as _};

use super::bare_key::{BareKey, BareSignature};
use super::bytes::Bytes;
use crate::check::Check;
use crate::key::KeyNumbers;
use crate::limits;

/// A minisign public key: its id and an Ed25519 key.
#[derive(Debug, Clone)]
pub(super) struct Key {
    text: String,
    id: [u8; 8],
    bare: BareKey,
}

/// A minisign signature, claimed.
#[derive(Debug, Clone)]
pub(super) struct Signature {
    id: [u8; 8],
    made: [u8; 64],
    comment: String,
    global: [u8; 64],
}

/// Why a text is no minisign signature that we verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Problem {
    Malformed(&'static str),
    Legacy,
}

/// What minisign hashes a file with.
#[derive(Debug, Clone, Default)]
pub(super) struct Hashing(Blake2b512);

impl Hashing {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn finish(self) -> [u8; 64] {
        self.0.finalize().into()
    }
}

impl Key {
    /// Reads a key file, or its second line alone.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines().map(str::trim_ascii_end);
        let first = lines.next()?;
        let encoded = match first.strip_prefix(UNTRUSTED) {
            Some(_) => lines.next()?,
            None => first,
        };
        if lines.any(|line| !line.is_empty()) {
            return None;
        }
        let decoded = base64::decode(encoded).ok()?;
        let mut bytes = Bytes(&decoded);
        if bytes.take(2)? != LEGACY {
            return None;
        }
        let id = bytes.array()?;
        let bare = BareKey::ed25519(bytes.take(32)?).ok()?;
        bytes.end()?;
        Some(Self {
            text: encoded.to_owned(),
            id,
            bare,
        })
    }

    pub(super) const fn numbers(&self) -> KeyNumbers {
        self.bare.numbers()
    }

    /// The one line that says all of the key.
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "minisign key {}", self.text)
    }
}

impl Signature {
    /// Reads a signature file: four lines.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let lines: Vec<&str> = text.lines().collect();
        let (first, second, third, fourth) = match lines.as_slice() {
            [first, second, third, fourth] => (*first, *second, *third, *fourth),
            // signify's files have two lines.
            [first, second] if first.starts_with(UNTRUSTED) && is_legacy(second) => {
                return Err(Problem::Legacy);
            }
            _ => return Err(Problem::Malformed("not four lines")),
        };
        if !first.starts_with(UNTRUSTED) {
            return Err(Problem::Malformed("no untrusted comment"));
        }
        if is_legacy(second) {
            return Err(Problem::Legacy);
        }
        let comment = third
            .strip_prefix(TRUSTED)
            .ok_or(Problem::Malformed("no trusted comment"))?;
        if comment.len() > limits::NAME_BYTES {
            return Err(Problem::Malformed("a trusted comment that is too long"));
        }
        let (id, made) =
            read(second).ok_or(Problem::Malformed("no signature in the second line"))?;
        let global = base64::decode(fourth)
            .ok()
            .and_then(|it| it.try_into().ok())
            .ok_or(Problem::Malformed("no global signature in the fourth line"))?;
        Ok(Self {
            id,
            made,
            comment: comment.to_owned(),
            global,
        })
    }

    /// The key's id, as minisign prints it.
    pub(super) fn key_id(&self) -> String {
        printed(self.id)
    }

    /// The comment that the global signature covers.
    pub(super) fn comment(&self) -> &str {
        &self.comment
    }

    pub(super) const fn bytes(&self) -> [u8; 64] {
        self.made
    }

    /// Judges the signature over a file with that hash.
    pub(super) fn judge(&self, key: &Key, hash: &[u8; 64]) -> Result<(), Check> {
        if self.id != key.id {
            return Err(Check::new(
                "signer-mismatch",
                format!("minisign key id {} (claimed)", self.key_id()),
                format!("{key}, which has the id {}", printed(key.id)),
            ));
        }
        if !verifies(key, hash, self.made) {
            return Err(Check::new(
                "signature-invalid",
                "a signature that does not verify",
                format!("one by {key}"),
            ));
        }
        let covered = [self.made.as_slice(), self.comment.as_bytes()].concat();
        if !verifies(key, &covered, self.global) {
            return Err(Check::new(
                "signature-comment-invalid",
                "a trusted comment that the key did not sign",
                format!("a global signature by {key}"),
            ));
        }
        Ok(())
    }
}

/// Ed25519 hashes by itself: the algorithm is not asked for.
fn verifies(key: &Key, message: &[u8], signature: [u8; 64]) -> bool {
    key.bare.verifies(
        Algorithm::Sha512,
        message,
        BareSignature::Ed25519(signature),
    )
}

fn read(line: &str) -> Option<([u8; 8], [u8; 64])> {
    let decoded = base64::decode(line).ok()?;
    let mut bytes = Bytes(&decoded);
    if bytes.take(2)? != PREHASHED {
        return None;
    }
    let id = bytes.array()?;
    let signature = bytes.array()?;
    bytes.end()?;
    Some((id, signature))
}

fn is_legacy(line: &str) -> bool {
    base64::decode(line).is_ok_and(|it| it.starts_with(LEGACY) && it.len() == 74)
}

/// The id is a number, with its last byte first.
fn printed(mut id: [u8; 8]) -> String {
    id.reverse();
    hex::encode_upper(id)
}

pub(super) const UNTRUSTED: &str = "untrusted comment: ";
const TRUSTED: &str = "trusted comment: ";
const PREHASHED: &[u8] = b"ED";
const LEGACY: &[u8] = b"Ed";
