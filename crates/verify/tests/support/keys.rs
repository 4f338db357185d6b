//! Private keys of the forger.

use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RsaKeyPair,
};

use ed25519_dalek::Digest as _;

use super::der::{bits, context, int, octets, oid, seq};

/// A key that signs whatever it is asked to.
pub(crate) enum Key {
    Ecdsa(EcdsaKeyPair, &'static digest::Algorithm),
    Ed25519(Ed25519KeyPair),
    /// Signs the SHA-512 of messages.
    Ed25519ph(ed25519_dalek::SigningKey),
    Rsa(RsaKeyPair),
}

impl Key {
    pub(crate) fn p256() -> Self {
        Self::ecdsa(&signature::ECDSA_P256_SHA256_ASN1_SIGNING, &digest::SHA256)
    }

    pub(crate) fn p384() -> Self {
        Self::ecdsa(&signature::ECDSA_P384_SHA384_ASN1_SIGNING, &digest::SHA384)
    }

    pub(crate) fn p521() -> Self {
        Self::ecdsa(&signature::ECDSA_P521_SHA512_ASN1_SIGNING, &digest::SHA512)
    }

    /// A P-256 key that is the same in every run: its private half is the SHA-256 of its name.
    pub(crate) fn named(name: &str) -> Self {
        let secret = octets(&sha256(name.as_bytes()));
        let curve = context(0, &oid("1.2.840.10045.3.1.7"));
        let der = seq(&[int(1), secret, curve]);
        let algorithm = &signature::ECDSA_P256_SHA256_ASN1_SIGNING;
        Self::Ecdsa(
            EcdsaKeyPair::from_private_key_der(algorithm, &der).unwrap(),
            &digest::SHA256,
        )
    }

    fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm, hash: &'static digest::Algorithm) -> Self {
        Self::Ecdsa(EcdsaKeyPair::generate(algorithm).unwrap(), hash)
    }

    pub(crate) fn rsa2048() -> Self {
        Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    pub(crate) fn rsa3072() -> Self {
        Self::Rsa(RsaKeyPair::generate(KeySize::Rsa3072).unwrap())
    }

    pub(crate) fn rsa4096() -> Self {
        Self::Rsa(RsaKeyPair::generate(KeySize::Rsa4096).unwrap())
    }

    pub(crate) fn ed25519ph(seed: u8) -> Self {
        Self::Ed25519ph(ed25519_dalek::SigningKey::from_bytes(&[seed; 32]))
    }

    pub(crate) fn ed25519(seed: u8) -> Self {
        Self::Ed25519(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap())
    }

    /// The DER of the `SubjectPublicKeyInfo`.
    pub(crate) fn spki(&self) -> Vec<u8> {
        match self {
            Self::Ecdsa(key, _) => key.public_key().as_der().unwrap().as_ref().to_vec(),
            Self::Ed25519(key) => key.public_key().as_der().unwrap().as_ref().to_vec(),
            Self::Ed25519ph(key) => {
                let prefix = seq(&[oid("1.3.101.112")]);
                seq(&[prefix, bits(key.verifying_key().as_bytes())])
            }
            Self::Rsa(key) => key.public_key().as_der().unwrap().as_ref().to_vec(),
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Ecdsa(key, _) => key
                .sign(&SystemRandom::new(), message)
                .unwrap()
                .as_ref()
                .to_vec(),
            Self::Ed25519(key) => key.sign(message).as_ref().to_vec(),
            Self::Ed25519ph(key) => {
                let hashed = ed25519_dalek::Sha512::new_with_prefix(message);
                key.sign_prehashed(hashed, None)
                    .unwrap()
                    .to_bytes()
                    .to_vec()
            }
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                let padding = &signature::RSA_PKCS1_SHA256;
                key.sign(padding, &SystemRandom::new(), message, &mut signature)
                    .unwrap();
                signature
            }
        }
    }

    /// Signs a digest, for ECDSA.
    pub(crate) fn sign_digest(&self, digest: &[u8]) -> Vec<u8> {
        let Self::Ecdsa(key, hash) = self else {
            panic!("only ECDSA signs digests here")
        };
        let digest = Digest::import_less_safe(digest, hash).unwrap();
        key.sign_digest(&digest).unwrap().as_ref().to_vec()
    }

    /// The name of its public key in trusted roots.
    pub(crate) fn details(&self) -> &'static str {
        match self {
            Self::Ecdsa(_, hash) if hash.output_len() == 32 => "PKIX_ECDSA_P256_SHA_256",
            Self::Ecdsa(_, hash) if hash.output_len() == 48 => "PKIX_ECDSA_P384_SHA_384",
            Self::Ecdsa(..) => "PKIX_ECDSA_P521_SHA_512",
            Self::Ed25519(_) => "PKIX_ED25519",
            Self::Ed25519ph(_) => "PKIX_ED25519_PH",
            Self::Rsa(key) => match key.public_modulus_len() {
                256 => "PKIX_RSA_PKCS1V15_2048_SHA256",
                384 => "PKIX_RSA_PKCS1V15_3072_SHA256",
                _ => "PKIX_RSA_PKCS1V15_4096_SHA256",
            },
        }
    }
}

impl Key {
    /// The digest that the key signs, and its names in Rekor v1 and v2.
    pub(crate) fn hash(&self, bytes: &[u8]) -> (Vec<u8>, &'static str, &'static str) {
        match self {
            Self::Ecdsa(_, hash) if hash.output_len() == 48 => {
                (sha384(bytes), "sha384", "SHA2_384")
            }
            Self::Ecdsa(_, hash) if hash.output_len() == 64 => {
                (sha512(bytes), "sha512", "SHA2_512")
            }
            Self::Ed25519ph(_) | Self::Ed25519(_) => (sha512(bytes), "sha512", "SHA2_512"),
            Self::Ecdsa(..) | Self::Rsa(_) => (sha256(bytes), "sha256", "SHA2_256"),
        }
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
}

pub(crate) fn sha384(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA384, bytes).as_ref().to_vec()
}

pub(crate) fn sha512(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA512, bytes).as_ref().to_vec()
}

pub(crate) fn sha1(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes)
        .as_ref()
        .to_vec()
}
