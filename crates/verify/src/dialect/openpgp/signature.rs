//! Signature packets (RFC 9580 §5.2).

use attest_digest::{Algorithm, Digest};
use jiff::Timestamp;

use super::packet::{self, Packet};
use super::subpacket::Area;
use super::{Fingerprint, Problem};
use crate::dialect::bare_key::BareSignature;
use crate::dialect::bytes::Bytes;
use crate::limits;

/// A signature packet, claimed.
#[derive(Debug, Clone)]
pub(in crate::dialect) struct Signature {
    pub(super) version: Version,
    pub(super) kind: u8,
    pub(super) hash: u8,
    pub(super) hashed: Area,
    pub(super) unhashed: Area,
    /// What stands before the content in the hash; empty for version 4.
    pub(super) salt: Vec<u8>,
    /// What stands after the content in the hash.
    pub(super) trailer: Vec<u8>,
    quick: [u8; 2],
    numbers: Numbers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V4,
    V6,
}

#[derive(Debug, Clone)]
enum Numbers {
    Rsa(Vec<u8>),
    Ecdsa(Vec<u8>, Vec<u8>),
    Ed25519([u8; 64]),
    /// Of an algorithm that we do not verify.
    Other(u8),
}

impl Signature {
    /// Every signature packet of a file, armored or not.
    pub(super) fn parse_file(packets: &[u8]) -> Result<Vec<Self>, Problem> {
        let mut rest = Bytes(packets);
        let mut signatures = Vec::new();
        while !rest.is_empty() {
            let packet = Packet::take(&mut rest)?;
            match packet.kind {
                packet::SIGNATURE => signatures.push(Self::parse(packet.body)?),
                packet::MARKER | packet::PADDING => {}
                packet::ONE_PASS | packet::COMPRESSED | packet::LITERAL => {
                    return Err(Problem::NotDetached("a message with its signature inside"));
                }
                packet::SECRET_KEY | packet::SECRET_SUBKEY => return Err(Problem::PrivateKey),
                _ => return Err(Problem::Malformed("a packet that is no signature")),
            }
            if signatures.len() > limits::DETACHED_SIGNATURES {
                return Err(Problem::TooLarge("signatures"));
            }
        }
        if signatures.is_empty() {
            return Err(Problem::Malformed("no signature"));
        }
        Ok(signatures)
    }

    pub(super) fn parse(body: &[u8]) -> Result<Self, Problem> {
        let cut = || Problem::Malformed("a signature packet that is cut off");
        let mut bytes = Bytes(body);
        let version = match bytes.byte().ok_or_else(cut)? {
            4 => Version::V4,
            6 => Version::V6,
            other => return Err(Problem::Version(other)),
        };
        let [kind, algorithm, hash] = bytes.array().ok_or_else(cut)?;
        let hashed = area(&mut bytes, version).ok_or_else(cut)?;
        let unhashed = area(&mut bytes, version).ok_or_else(cut)?;
        let quick = bytes.array().ok_or_else(cut)?;
        let salt = match version {
            Version::V4 => &[],
            Version::V6 => {
                let count = bytes.byte().ok_or_else(cut)?;
                bytes.take(count.into()).ok_or_else(cut)?
            }
        };
        let numbers = numbers(algorithm, &mut bytes).ok_or_else(cut)?;
        bytes
            .end()
            .ok_or(Problem::Malformed("bytes after a signature's numbers"))?;
        let signature = Self {
            version,
            kind,
            hash,
            hashed: Area::parse(hashed)?,
            unhashed: Area::parse(unhashed)?,
            salt: salt.to_owned(),
            trailer: trailer(version, [kind, algorithm, hash], hashed),
            quick,
            numbers,
        };
        if signature.hashed.count + signature.unhashed.count > limits::OPENPGP_SUBPACKETS {
            return Err(Problem::TooLarge("subpackets"));
        }
        signature.check_salt()?;
        Ok(signature)
    }

    /// A salt has the one length that belongs to the hash.
    fn check_salt(&self) -> Result<(), Problem> {
        let wanted = match self.algorithm() {
            Some(Algorithm::Sha256) => 16,
            Some(Algorithm::Sha384) => 24,
            Some(Algorithm::Sha512) => 32,
            None => return Ok(()),
        };
        if self.version == Version::V6 && self.salt.len() != wanted {
            return Err(Problem::Malformed("a salt of the wrong length"));
        }
        Ok(())
    }

    /// The hash; none if it is one that we do not take.
    pub(in crate::dialect) const fn algorithm(&self) -> Option<Algorithm> {
        match self.hash {
            8 => Some(Algorithm::Sha256),
            9 => Some(Algorithm::Sha384),
            10 => Some(Algorithm::Sha512),
            _ => None,
        }
    }

    /// What is hashed before the content.
    pub(in crate::dialect) fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// What is hashed after the content.
    pub(in crate::dialect) fn trailer(&self) -> &[u8] {
        &self.trailer
    }

    /// The name of a hash that others have broken.
    pub(super) const fn weak_hash(&self) -> Option<&'static str> {
        match self.hash {
            1 => Some("MD5"),
            2 => Some("SHA-1"),
            3 => Some("RIPEMD-160"),
            _ => None,
        }
    }

    /// Whether it hints at this key, and everything in it that hints does.
    pub(super) fn hints_at(&self, key: &Fingerprint) -> bool {
        self.has_hint()
            && [&self.hashed, &self.unhashed].iter().all(|it| {
                it.issuer.is_none_or(|issuer| issuer == *key)
                    && it.issuer_id.is_none_or(|id| id == key.id())
            })
    }

    /// Whether it hints at any key.
    pub(super) fn has_hint(&self) -> bool {
        [&self.hashed, &self.unhashed]
            .iter()
            .any(|it| it.issuer.is_some() || it.issuer_id.is_some())
    }

    /// The key that the signature hints at, in words.
    pub(in crate::dialect) fn hint(&self) -> String {
        let areas = [&self.hashed, &self.unhashed];
        let named = areas.iter().find_map(|it| it.issuer);
        let id = areas.iter().find_map(|it| it.issuer_id);
        match (named, id) {
            (Some(fingerprint), _) => format!("OpenPGP key {fingerprint} (claimed)"),
            (None, Some(id)) => {
                format!(
                    "an OpenPGP key with the id {} (claimed)",
                    hex::encode_upper(id)
                )
            }
            (None, None) => "an OpenPGP key".to_owned(),
        }
    }

    /// When the signer says that it was made.
    pub(super) const fn created(&self) -> Option<u32> {
        self.hashed.created
    }

    /// The same, in words.
    pub(super) fn claimed_time(&self) -> String {
        self.created()
            .and_then(|it| Timestamp::from_second(it.into()).ok())
            .map_or_else(|| "no time".to_owned(), |it| it.to_string())
    }

    /// The name of the hash.
    pub(super) const fn hash_name(&self) -> &'static str {
        match (self.weak_hash(), self.hash) {
            (Some(name), _) => name,
            (None, 8) => "SHA-256",
            (None, 9) => "SHA-384",
            (None, 10) => "SHA-512",
            _ => "one that attest does not know",
        }
    }

    /// The numbers; none if they are of an algorithm that we do not verify, or not of this digest.
    pub(super) fn numbers(&self, digest: &Digest) -> Option<BareSignature<'_>> {
        if !digest.as_bytes().starts_with(&self.quick) {
            return None;
        }
        match &self.numbers {
            Numbers::Rsa(number) => Some(BareSignature::Rsa(number)),
            Numbers::Ecdsa(r, s) => Some(BareSignature::Ecdsa { r, s }),
            Numbers::Ed25519(bytes) => Some(BareSignature::Ed25519(*bytes)),
            Numbers::Other(_) => None,
        }
    }

    /// The algorithm, if it is one that we do not verify.
    pub(super) const fn unknown_algorithm(&self) -> Option<u8> {
        match self.numbers {
            Numbers::Other(algorithm) => Some(algorithm),
            _ => None,
        }
    }

    /// The bytes of the signature, to name it by.
    pub(in crate::dialect) fn bytes(&self) -> Vec<u8> {
        match &self.numbers {
            Numbers::Rsa(number) => number.clone(),
            Numbers::Ecdsa(r, s) => [r.as_slice(), s].concat(),
            Numbers::Ed25519(bytes) => bytes.to_vec(),
            Numbers::Other(_) => Vec::new(),
        }
    }
}

fn area<'a>(bytes: &mut Bytes<'a>, version: Version) -> Option<&'a [u8]> {
    match version {
        Version::V4 => bytes.counted16(),
        Version::V6 => bytes.counted32(),
    }
}

/// RFC 9580 §5.2.4.
fn trailer(version: Version, fields: [u8; 3], hashed: &[u8]) -> Vec<u8> {
    let mut trailer = Vec::with_capacity(hashed.len() + 16);
    let mark = match version {
        Version::V4 => {
            trailer.push(4);
            trailer.extend(fields);
            // The length was read from 16 bits.
            let [.., high, low] = hashed.len().to_be_bytes();
            trailer.extend([high, low]);
            4
        }
        Version::V6 => {
            trailer.push(6);
            trailer.extend(fields);
            trailer.extend(
                u32::try_from(hashed.len())
                    .unwrap_or(u32::MAX)
                    .to_be_bytes(),
            );
            6
        }
    };
    trailer.extend(hashed);
    let length = u32::try_from(trailer.len()).unwrap_or(u32::MAX);
    trailer.extend([mark, 0xff]);
    trailer.extend(length.to_be_bytes());
    trailer
}

fn numbers(algorithm: u8, bytes: &mut Bytes<'_>) -> Option<Numbers> {
    Some(match algorithm {
        1 | 3 => Numbers::Rsa(packet::number(bytes)?.to_owned()),
        19 => {
            let r = packet::number(bytes)?.to_owned();
            Numbers::Ecdsa(r, packet::number(bytes)?.to_owned())
        }
        22 => {
            let r = padded(packet::number(bytes)?)?;
            let s = padded(packet::number(bytes)?)?;
            let mut both = [0; 64];
            both.copy_from_slice(&[r, s].concat());
            Numbers::Ed25519(both)
        }
        27 => Numbers::Ed25519(bytes.array()?),
        other => {
            bytes.rest();
            Numbers::Other(other)
        }
    })
}

/// A number of up to 32 bytes, with its zeros.
fn padded(number: &[u8]) -> Option<[u8; 32]> {
    let mut array = [0; 32];
    let zeros = 32_usize.checked_sub(number.len())?;
    array.get_mut(zeros..)?.copy_from_slice(number);
    Some(array)
}

/// Types of signatures (RFC 9580 §5.2.1).
pub(super) mod kind {
    pub(crate) const BINARY: u8 = 0x00;
    pub(crate) const TEXT: u8 = 0x01;
    pub(crate) const CERTIFICATION: std::ops::RangeInclusive<u8> = 0x10..=0x13;
    pub(crate) const SUBKEY_BINDING: u8 = 0x18;
    pub(crate) const PRIMARY_BINDING: u8 = 0x19;
    pub(crate) const DIRECT_KEY: u8 = 0x1f;
    pub(crate) const KEY_REVOCATION: u8 = 0x20;
    pub(crate) const SUBKEY_REVOCATION: u8 = 0x28;
    pub(crate) const CERTIFICATION_REVOCATION: u8 = 0x30;
}
