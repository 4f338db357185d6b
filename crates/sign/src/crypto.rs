//! The only file that names the cryptographic library: P-256 and Ed25519 key pairs, hashes, random
//! bytes, comparison in constant time.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use aws_lc_rs::{constant_time, digest, rand};
use zeroize::Zeroizing;

/// The cryptographic library did not do what it was asked: no entropy, no memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cryptographic library refused to {what}")]
pub struct LibraryRefused {
    /// What it was asked to do.
    pub what: &'static str,
}

impl LibraryRefused {
    /// The stable code of this refusal.
    pub const fn code(&self) -> &'static str {
        "cryptography-failed"
    }
}

/// The bytes given are no usable key of the kind asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAKey;

/// An ECDSA P-256 key pair that signs over SHA-256.
#[derive(Debug)]
pub(crate) struct P256(EcdsaKeyPair);

impl P256 {
    pub(crate) fn generate() -> Result<Self, LibraryRefused> {
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)
            .map(Self)
            .map_err(|_| refused("make a P-256 key"))
    }

    /// From a `PrivateKeyInfo` (RFC 5208, RFC 5958).
    pub(crate) fn from_pkcs8(der: &[u8]) -> Result<Self, NotAKey> {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der)
            .map(Self)
            .map_err(|_| NotAKey)
    }

    /// From an `ECPrivateKey` (SEC 1, RFC 5915).
    pub(crate) fn from_sec1(der: &[u8]) -> Result<Self, NotAKey> {
        EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_ASN1_SIGNING, der)
            .map(Self)
            .map_err(|_| NotAKey)
    }

    pub(crate) fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, LibraryRefused> {
        self.0
            .to_pkcs8v1()
            .map(|document| Zeroizing::new(document.as_ref().to_vec()))
            .map_err(|_| refused("encode a P-256 key"))
    }

    /// A DER `ECDSA-Sig-Value` over the SHA-256 of `message`.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, LibraryRefused> {
        self.sign_digest(&sha256(message))
    }

    /// A DER `ECDSA-Sig-Value` over a SHA-256 that was computed before.
    pub(crate) fn sign_digest(&self, digest: &[u8; 32]) -> Result<Vec<u8>, LibraryRefused> {
        digest::Digest::import_less_safe(digest, &digest::SHA256)
            .and_then(|digest| self.0.sign_digest(&digest))
            .map(|signature| signature.as_ref().to_vec())
            .map_err(|_| refused("sign with a P-256 key"))
    }

    /// The DER `SubjectPublicKeyInfo`: 91 bytes.
    pub(crate) fn spki(&self) -> Result<Vec<u8>, LibraryRefused> {
        spki(self.0.public_key(), "encode a P-256 public key")
    }
}

/// An Ed25519 key pair.
#[derive(Debug)]
pub(crate) struct Ed25519(Ed25519KeyPair);

impl Ed25519 {
    pub(crate) fn generate() -> Result<Self, LibraryRefused> {
        Ed25519KeyPair::generate()
            .map(Self)
            .map_err(|_| refused("make an Ed25519 key"))
    }

    /// From a `PrivateKeyInfo` (RFC 8410).
    pub(crate) fn from_pkcs8(der: &[u8]) -> Result<Self, NotAKey> {
        Ed25519KeyPair::from_pkcs8(der)
            .map(Self)
            .map_err(|_| NotAKey)
    }

    pub(crate) fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, LibraryRefused> {
        self.0
            .to_pkcs8v1()
            .map(|document| Zeroizing::new(document.as_ref().to_vec()))
            .map_err(|_| refused("encode an Ed25519 key"))
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<[u8; 64], LibraryRefused> {
        let signature = self
            .0
            .try_sign(message)
            .map_err(|_| refused("sign with an Ed25519 key"))?;
        signature
            .as_ref()
            .try_into()
            .map_err(|_| refused("sign with an Ed25519 key"))
    }

    /// The public key as RFC 8032 has it.
    pub(crate) fn public(&self) -> Result<[u8; 32], LibraryRefused> {
        self.0
            .public_key()
            .as_ref()
            .try_into()
            .map_err(|_| refused("encode an Ed25519 public key"))
    }

    /// The DER `SubjectPublicKeyInfo`: 44 bytes.
    pub(crate) fn spki(&self) -> Result<Vec<u8>, LibraryRefused> {
        spki(self.0.public_key(), "encode an Ed25519 public key")
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

/// Bytes from the operating system's generator.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], LibraryRefused> {
    let mut bytes = [0; N];
    rand::SecureRandom::fill(&SystemRandom::new(), &mut bytes)
        .map_err(|_| refused("give random bytes"))?;
    Ok(bytes)
}

/// Whether two byte strings are equal, in a time that depends on their lengths alone.
pub(crate) fn equal_in_constant_time(left: &[u8], right: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(left, right).is_ok()
}

fn spki<'a>(
    key: &impl AsDer<PublicKeyX509Der<'a>>,
    what: &'static str,
) -> Result<Vec<u8>, LibraryRefused> {
    key.as_der()
        .map(|der| der.as_ref().to_vec())
        .map_err(|_| refused(what))
}

const fn refused(what: &'static str) -> LibraryRefused {
    LibraryRefused { what }
}
