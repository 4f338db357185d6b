//! Public key packets (RFC 9580 §5.5).

use super::packet;
use super::{Fingerprint, Problem};
use crate::crypto;
use crate::dialect::bare_key::{BareKey, BareKeyError};
use crate::dialect::bytes::Bytes;
use crate::key::KeyKind;

/// A primary key or subkey.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) fingerprint: Fingerprint,
    /// Seconds since 1970.
    pub(super) created: u32,
    pub(super) usable: Result<BareKey, Unusable>,
    /// The packet as it stands in hashes.
    framed: Vec<u8>,
}

/// Why a key verifies nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unusable {
    /// RSA with a modulus of that many bits.
    RsaBits(usize),
    /// An algorithm that is too weak.
    Weak(&'static str),
    /// An algorithm or curve that we do not verify.
    Unsupported(&'static str),
    /// Not a key of its kind.
    Malformed,
}

impl Key {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Problem> {
        let cut = || Problem::Malformed("a key packet that is cut off");
        let mut bytes = Bytes(body);
        let version = bytes.byte().ok_or_else(cut)?;
        let created = bytes.u32().ok_or_else(cut)?;
        let algorithm = bytes.byte().ok_or_else(cut)?;
        let mut material = match version {
            4 => bytes,
            6 => {
                let material = bytes.counted32().ok_or_else(cut)?;
                bytes.end().ok_or_else(cut)?;
                Bytes(material)
            }
            other => return Err(Problem::KeyVersion(other)),
        };
        let (framed, fingerprint) = frame(version, body).ok_or_else(cut)?;
        Ok(Self {
            fingerprint,
            created,
            usable: usable(algorithm, &mut material),
            framed,
        })
    }

    /// The packet as it is hashed (RFC 9580 §5.2.4).
    pub(super) fn framed(&self) -> &[u8] {
        &self.framed
    }
}

fn frame(version: u8, body: &[u8]) -> Option<(Vec<u8>, Fingerprint)> {
    if version == 4 {
        let length = u16::try_from(body.len()).ok()?;
        let framed = [&[0x99], length.to_be_bytes().as_slice(), body].concat();
        let fingerprint = Fingerprint::V4(crypto::sha1(&framed));
        return Some((framed, fingerprint));
    }
    let length = u32::try_from(body.len()).ok()?;
    let framed = [&[0x9b], length.to_be_bytes().as_slice(), body].concat();
    let fingerprint = Fingerprint::V6(crypto::sha256(&framed));
    Some((framed, fingerprint))
}

fn usable(algorithm: u8, material: &mut Bytes<'_>) -> Result<BareKey, Unusable> {
    match algorithm {
        1 | 3 => {
            let modulus = packet::number(material).ok_or(Unusable::Malformed)?;
            let exponent = packet::number(material).ok_or(Unusable::Malformed)?;
            finish(BareKey::rsa(modulus, exponent), *material)
        }
        16 | 20 => Err(Unusable::Weak("ElGamal")),
        17 => Err(Unusable::Weak("DSA")),
        19 => {
            let kind = match curve(material)? {
                P256 => KeyKind::P256,
                P384 => KeyKind::P384,
                P521 => KeyKind::P521,
                _ => return Err(Unusable::Unsupported("ECDSA on a curve that is not NIST's")),
            };
            let point = packet::number(material).ok_or(Unusable::Malformed)?;
            finish(BareKey::ecdsa(kind, point), *material)
        }
        22 => {
            if curve(material)? != ED25519 {
                return Err(Unusable::Unsupported("EdDSA on a curve other than Ed25519"));
            }
            let point = packet::number(material).ok_or(Unusable::Malformed)?;
            let point = point.strip_prefix(&[0x40]).ok_or(Unusable::Malformed)?;
            finish(BareKey::ed25519(point), *material)
        }
        27 => {
            let point = material.take(32).ok_or(Unusable::Malformed)?;
            finish(BareKey::ed25519(point), *material)
        }
        28 => Err(Unusable::Unsupported("Ed448")),
        2 | 18 | 25 | 26 => Err(Unusable::Unsupported("an algorithm that only encrypts")),
        _ => Err(Unusable::Unsupported("an algorithm that we do not know")),
    }
}

fn finish(key: Result<BareKey, BareKeyError>, rest: Bytes<'_>) -> Result<BareKey, Unusable> {
    let key = key.map_err(|error| match error {
        BareKeyError::Malformed => Unusable::Malformed,
        BareKeyError::RsaBits(bits) => Unusable::RsaBits(bits),
    })?;
    rest.end().ok_or(Unusable::Malformed)?;
    Ok(key)
}

fn curve<'a>(material: &mut Bytes<'a>) -> Result<&'a [u8], Unusable> {
    let count = material.byte().ok_or(Unusable::Malformed)?;
    material.take(count.into()).ok_or(Unusable::Malformed)
}

const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];
const ED25519: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01];
