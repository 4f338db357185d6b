//! The library that hashes and verifies signatures.

mod noted;

use attest_digest::{Algorithm, Digest};
use aws_lc_rs::digest;
use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};

use crate::key::KeyKind;
pub(crate) use noted::{Curve, Noted, is_noted, note_again, noting};

/// A public key, ready to verify with one digest algorithm.
#[derive(Debug, Clone)]
pub(crate) struct VerifyingKey {
    key: ParsedPublicKey,
    /// For ECDSA, so that what verified can be noted.
    ecdsa: Option<(Curve, Algorithm)>,
}

impl VerifyingKey {
    /// `None` if the kind does not sign digests of that algorithm, or the bytes are no such key.
    ///
    /// `public_key` is the content of the BIT STRING of a `SubjectPublicKeyInfo`.
    pub(crate) fn new(kind: KeyKind, algorithm: Algorithm, public_key: &[u8]) -> Option<Self> {
        let verification = verification(kind, algorithm)?;
        let key = ParsedPublicKey::new(verification, public_key).ok()?;
        let ecdsa = curve(kind).map(|curve| (curve, algorithm));
        Some(Self { key, ecdsa })
    }

    /// An RSA key that signs with PSS, with a salt as long as the digest.
    pub(crate) fn pss(algorithm: Algorithm, public_key: &[u8]) -> Option<Self> {
        let algorithm: &'static dyn VerificationAlgorithm = match algorithm {
            Algorithm::Sha256 => &signature::RSA_PSS_2048_8192_SHA256,
            Algorithm::Sha384 => &signature::RSA_PSS_2048_8192_SHA384,
            Algorithm::Sha512 => &signature::RSA_PSS_2048_8192_SHA512,
        };
        let key = ParsedPublicKey::new(algorithm, public_key).ok()?;
        Some(Self { key, ecdsa: None })
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self.ecdsa {
            Some((_, algorithm)) => self.verifies_digest(&hash(algorithm, message), signature),
            None => self.key.verify_sig(message, signature).is_ok(),
        }
    }

    /// Verifies a signature over a message of which only the digest is known.
    pub(crate) fn verifies_digest(&self, digest: &Digest, signature: &[u8]) -> bool {
        let imported =
            digest::Digest::import_less_safe(digest.as_bytes(), implementation(digest.algorithm()));
        let verified =
            imported.is_ok_and(|digest| self.key.verify_digest_sig(&digest, signature).is_ok());
        if let Some((curve, _)) = self.ecdsa.filter(|_| verified) {
            noted::note(curve, self.key.as_ref(), digest, signature);
        }
        verified
    }
}

/// The digest of bytes in memory.
pub(crate) fn hash(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    let digest = digest::digest(implementation(algorithm), bytes);
    of_bytes(algorithm, digest.as_ref())
}

fn of_bytes(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    match algorithm {
        Algorithm::Sha256 => Digest::Sha256(array(bytes)),
        Algorithm::Sha384 => Digest::Sha384(array(bytes)),
        Algorithm::Sha512 => Digest::Sha512(array(bytes)),
    }
}

/// A digest of bytes that come one after another.
#[derive(Clone)]
pub(crate) struct Hashing {
    context: digest::Context,
    algorithm: Algorithm,
}

impl Hashing {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        Self {
            context: digest::Context::new(implementation(algorithm)),
            algorithm,
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
    }

    pub(crate) fn finish(self) -> Digest {
        of_bytes(self.algorithm, self.context.finish().as_ref())
    }
}

/// The SHA-256 of bytes in memory.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    array(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// Only for comparing with the certificate hash of old timestamp tokens, never as proof.
pub(crate) fn sha1(bytes: &[u8]) -> [u8; 20] {
    array(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref())
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(bytes);
    array
}

const fn implementation(algorithm: Algorithm) -> &'static digest::Algorithm {
    match algorithm {
        Algorithm::Sha256 => &digest::SHA256,
        Algorithm::Sha384 => &digest::SHA384,
        Algorithm::Sha512 => &digest::SHA512,
    }
}

const fn curve(kind: KeyKind) -> Option<Curve> {
    match kind {
        KeyKind::P256 => Some(Curve::P256),
        KeyKind::P384 => Some(Curve::P384),
        // The engine reads no P-521; RSA is quick; Ed25519 is another library's.
        KeyKind::P521 | KeyKind::Rsa { .. } | KeyKind::Ed25519 => None,
    }
}

fn verification(kind: KeyKind, algorithm: Algorithm) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match (kind, algorithm) {
        (KeyKind::P256, Algorithm::Sha256) => &signature::ECDSA_P256_SHA256_ASN1,
        (KeyKind::P256, Algorithm::Sha384) => &signature::ECDSA_P256_SHA384_ASN1,
        (KeyKind::P256, Algorithm::Sha512) => &signature::ECDSA_P256_SHA512_ASN1,
        (KeyKind::P384, Algorithm::Sha256) => &signature::ECDSA_P384_SHA256_ASN1,
        (KeyKind::P384, Algorithm::Sha384) => &signature::ECDSA_P384_SHA384_ASN1,
        (KeyKind::P384, Algorithm::Sha512) => &signature::ECDSA_P384_SHA512_ASN1,
        (KeyKind::P521, Algorithm::Sha256) => &signature::ECDSA_P521_SHA256_ASN1,
        (KeyKind::P521, Algorithm::Sha384) => &signature::ECDSA_P521_SHA384_ASN1,
        (KeyKind::P521, Algorithm::Sha512) => &signature::ECDSA_P521_SHA512_ASN1,
        (KeyKind::Rsa { .. }, Algorithm::Sha256) => &signature::RSA_PKCS1_2048_8192_SHA256,
        (KeyKind::Rsa { .. }, Algorithm::Sha384) => &signature::RSA_PKCS1_2048_8192_SHA384,
        (KeyKind::Rsa { .. }, Algorithm::Sha512) => &signature::RSA_PKCS1_2048_8192_SHA512,
        // attest_log::Ed25519Key verifies those.
        (KeyKind::Ed25519, _) => return None,
    })
}
