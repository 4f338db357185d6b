//! A public key and signatures without a container, as OpenPGP and SSH write them.

use std::fmt;

use attest_digest::{Algorithm, Digest};
use attest_log::LogKey;

use crate::asn1::pair;
use crate::crypto::VerifyingKey;
use crate::key::{KeyKind, KeyNumbers};

/// A public key that can verify.
#[derive(Clone)]
pub(super) struct BareKey {
    kind: KeyKind,
    numbers: KeyNumbers,
    form: Form,
}

#[derive(Clone)]
enum Form {
    Ed25519(Box<LogKey>),
    /// RSA: the DER of modulus and exponent; ECDSA: the uncompressed point.
    Bits(Vec<u8>),
}

/// A signature in the numbers of its kind.
#[derive(Debug, Clone, Copy)]
pub(super) enum BareSignature<'a> {
    Rsa(&'a [u8]),
    Ecdsa { r: &'a [u8], s: &'a [u8] },
    Ed25519([u8; 64]),
}

/// Why numbers are not a key to be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BareKeyError {
    /// Not a key of its kind.
    Malformed,
    /// An RSA modulus of that many bits, outside of what we take.
    RsaBits(usize),
}

impl BareKey {
    /// A key on Edwards25519; points of small order are refused.
    pub(super) fn ed25519(key: &[u8]) -> Result<Self, BareKeyError> {
        let key: &[u8; 32] = key.try_into().map_err(|_| BareKeyError::Malformed)?;
        let numbers = KeyNumbers::of(KeyKind::Ed25519, key);
        let key = LogKey::new(LABEL, key).map_err(|_| BareKeyError::Malformed)?;
        Ok(Self {
            kind: KeyKind::Ed25519,
            numbers,
            form: Form::Ed25519(Box::new(key)),
        })
    }

    /// An RSA key of 2,048 to 8,192 bits.
    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, BareKeyError> {
        let modulus = without_zeros(modulus);
        let exponent = without_zeros(exponent);
        let leading = modulus.first().map_or(8, |byte| byte.leading_zeros());
        let bits = (modulus.len() * 8).saturating_sub(leading as usize);
        if !(2048..=8192).contains(&bits) {
            return Err(BareKeyError::RsaBits(bits));
        }
        let der = pair::integers(modulus, exponent).ok_or(BareKeyError::Malformed)?;
        Self::of_bits(KeyKind::Rsa { bits }, der, Algorithm::Sha256)
    }

    /// A point on one of NIST's curves, uncompressed.
    pub(super) fn ecdsa(kind: KeyKind, point: &[u8]) -> Result<Self, BareKeyError> {
        let coordinate = coordinate(kind).ok_or(BareKeyError::Malformed)?;
        if point.first() != Some(&0x04) || point.len() != 1 + 2 * coordinate {
            return Err(BareKeyError::Malformed);
        }
        Self::of_bits(kind, point.to_owned(), Algorithm::Sha512)
    }

    fn of_bits(kind: KeyKind, bits: Vec<u8>, any: Algorithm) -> Result<Self, BareKeyError> {
        VerifyingKey::new(kind, any, &bits).ok_or(BareKeyError::Malformed)?;
        Ok(Self {
            kind,
            numbers: KeyNumbers::of(kind, &bits),
            form: Form::Bits(bits),
        })
    }

    pub(super) const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// What tells it from other keys, in whatever form they are written.
    pub(super) const fn numbers(&self) -> KeyNumbers {
        self.numbers
    }

    /// Whether the key made this signature over the bytes with that digest; for Ed25519 over the
    /// digest's own bytes.
    pub(super) fn verifies_digest(&self, digest: &Digest, signature: BareSignature<'_>) -> bool {
        match (&self.form, signature) {
            (Form::Ed25519(key), BareSignature::Ed25519(bytes)) => {
                key.verifies(digest.as_bytes(), &bytes)
            }
            (Form::Bits(bits), signature) => self
                .der(signature)
                .zip(VerifyingKey::new(self.kind, digest.algorithm(), bits))
                .is_some_and(|(signature, key)| key.verifies_digest(digest, &signature)),
            (Form::Ed25519(_), _) => false,
        }
    }

    /// Whether the key made this signature over these bytes, hashed with that algorithm if its kind
    /// hashes.
    pub(super) fn verifies(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: BareSignature<'_>,
    ) -> bool {
        match (&self.form, signature) {
            (Form::Ed25519(key), BareSignature::Ed25519(bytes)) => key.verifies(message, &bytes),
            _ => self.verifies_digest(&crate::crypto::hash(algorithm, message), signature),
        }
    }

    /// The signature as the library takes it.
    fn der(&self, signature: BareSignature<'_>) -> Option<Vec<u8>> {
        match (self.kind, signature) {
            (KeyKind::Rsa { bits }, BareSignature::Rsa(number)) => {
                let number = without_zeros(number);
                let zeros = bits.div_ceil(8).checked_sub(number.len())?;
                Some([&vec![0; zeros], number].concat())
            }
            (KeyKind::P256 | KeyKind::P384 | KeyKind::P521, BareSignature::Ecdsa { r, s }) => {
                pair::integers(without_zeros(r), without_zeros(s))
            }
            _ => None,
        }
    }
}

impl fmt::Debug for BareKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BareKey({})", self.kind)
    }
}

fn coordinate(kind: KeyKind) -> Option<usize> {
    match kind {
        KeyKind::P256 => Some(32),
        KeyKind::P384 => Some(48),
        KeyKind::P521 => Some(66),
        _ => None,
    }
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// A key by itself keeps no log.
const LABEL: &str = "signer";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::PublicKey;

    #[test]
    fn a_key_has_the_same_numbers_with_and_without_a_container() {
        // The base point of Edwards25519 (RFC 8032 §5.1).
        let point = [&[0x58][..], &[0x66; 31]].concat();
        let spki = [
            &hex::decode("302a300506032b6570032100").unwrap(),
            point.as_slice(),
        ]
        .concat();
        let bare = BareKey::ed25519(&point).unwrap();
        assert_eq!(
            bare.numbers(),
            PublicKey::from_spki(&spki).unwrap().numbers()
        );

        let pem = include_bytes!("../../../../fixtures/dialects/cosign/key.pub");
        let key = PublicKey::parse(pem).unwrap();
        let point = &key.spki()[key.spki().len() - 65..];
        let bare = BareKey::ecdsa(KeyKind::P256, point).unwrap();
        assert_eq!(bare.numbers(), key.numbers());
        assert_ne!(
            bare.numbers(),
            PublicKey::from_spki(&spki).unwrap().numbers()
        );
    }
}
