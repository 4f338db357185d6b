//! OpenPGP detached signatures (RFC 9580, and RFC 4880 before it).
//!
//! Read here, in one meaning and within bounds, and judged here: the usual script around gpg's exit
//! code accepts keys that are revoked or had expired, and SHA-1.
//!
//! | file | says |
//! |---|---|
//! | `armor.rs`, `packet.rs`, `subpacket.rs` | how it is written |
//! | `signature.rs`, `key.rs`, `certificate.rs` | what is claimed |
//! | `judge.rs`, `own.rs` | what must be so |

mod armor;
mod certificate;
mod fingerprint;
mod judge;
mod key;
mod own;
mod packet;
mod signature;
mod subpacket;

pub(super) use certificate::Certificate;
pub use fingerprint::Fingerprint;
pub(super) use judge::judge;
pub(super) use signature::Signature;

use crate::limits;

/// Why bytes are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    #[error("{0}")]
    Malformed(&'static str),
    #[error("more {0} than any honest one has")]
    TooLarge(&'static str),
    #[error("{0}")]
    NotDetached(&'static str),
    #[error("a private key")]
    PrivateKey,
    #[error("a signature of version {0}")]
    Version(u8),
    #[error("a key of version {0}")]
    KeyVersion(u8),
}

/// Every signature of a file, armored or not.
pub(super) fn signatures(bytes: &[u8]) -> Result<Vec<Signature>, Problem> {
    if bytes.len() > limits::DETACHED_BYTES {
        return Err(Problem::TooLarge("bytes"));
    }
    Signature::parse_file(&packets(bytes, "SIGNATURE")?)
}

/// Every public key of a file, armored or not.
pub(super) fn certificates(bytes: &[u8]) -> Result<Vec<Certificate>, Problem> {
    if bytes.len() > limits::OPENPGP_KEY_BYTES {
        return Err(Problem::TooLarge("bytes"));
    }
    Certificate::parse_file(&packets(bytes, "PUBLIC KEY BLOCK")?)
}

/// What a signature says of itself, unproven.
pub(super) fn claims(signature: &Signature) -> Vec<(&'static str, String)> {
    vec![
        ("signer key", signature.hint()),
        ("made at", signature.claimed_time()),
        ("hash", signature.hash_name().to_owned()),
    ]
}

/// Whether bytes begin as OpenPGP is written: armor, or the header of a packet that stands first in
/// signatures, keys and messages.
pub(super) fn looks_like(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_start();
    if text.starts_with(b"-----BEGIN PGP ") {
        return true;
    }
    let Some(first) = bytes.first() else {
        return false;
    };
    let kind = match first >> 6 {
        0b10 => (first >> 2) & 0x0f,
        0b11 => first & 0x3f,
        _ => return false,
    };
    FIRST.contains(&kind)
}

fn packets(bytes: &[u8], label: &str) -> Result<Vec<u8>, Problem> {
    if bytes.first().is_some_and(|byte| byte & 0x80 != 0) {
        return Ok(bytes.to_vec());
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Problem::Malformed("no OpenPGP data"))?;
    armor::decode(text, label)
}

const FIRST: &[u8] = &[
    packet::SIGNATURE,
    packet::ONE_PASS,
    packet::SECRET_KEY,
    packet::PUBLIC_KEY,
    packet::COMPRESSED,
    packet::LITERAL,
];
