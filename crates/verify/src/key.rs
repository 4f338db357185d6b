//! Public keys of signers.

use std::fmt;
use std::sync::Arc;

use attest_digest::{Algorithm, Digest};
use attest_log::Ed25519Key;
use attest_log::entry::KeyDetails;
use attest_provenance::base64;

use crate::asn1::spki::{self, Spki, SpkiError};
use crate::crypto::{self, VerifyingKey};
use crate::limits;

/// A signer's public key.
///
/// ```text
/// -----BEGIN PUBLIC KEY-----
/// MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE…
/// -----END PUBLIC KEY-----
/// ```
#[derive(Clone)]
pub struct PublicKey {
    spki: Arc<[u8]>,
    kind: KeyKind,
    fingerprint: [u8; 32],
    verifying: Verifying,
}

#[derive(Clone)]
enum Verifying {
    Digests(VerifyingKey),
    Ed25519(Box<Ed25519Key>),
}

/// What kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyKind {
    /// ECDSA on P-256, with SHA-256.
    P256,
    /// ECDSA on P-384, with SHA-384.
    P384,
    /// ECDSA on P-521, with SHA-512.
    P521,
    /// RSA PKCS#1 v1.5, with SHA-256.
    Rsa {
        /// Bits of the modulus.
        bits: usize,
    },
    /// Ed25519: prehashed with SHA-512 (Ed25519ph), or pure over an envelope.
    Ed25519,
}

impl KeyKind {
    /// The digest that keys of this kind sign.
    pub const fn digest_algorithm(self) -> Algorithm {
        match self {
            Self::P256 | Self::Rsa { .. } => Algorithm::Sha256,
            Self::P384 => Algorithm::Sha384,
            Self::P521 | Self::Ed25519 => Algorithm::Sha512,
        }
    }

    /// How a Rekor v2 log names signatures of this kind; none if it takes no such keys.
    pub const fn key_details(self) -> Option<KeyDetails> {
        match self {
            Self::P256 => Some(KeyDetails::EcdsaP256Sha256),
            Self::P384 => Some(KeyDetails::EcdsaP384Sha384),
            Self::P521 => Some(KeyDetails::EcdsaP521Sha512),
            Self::Rsa { bits: 2048 } => Some(KeyDetails::RsaPkcs1v15_2048Sha256),
            Self::Rsa { bits: 3072 } => Some(KeyDetails::RsaPkcs1v15_3072Sha256),
            Self::Rsa { bits: 4096 } => Some(KeyDetails::RsaPkcs1v15_4096Sha256),
            Self::Ed25519 => Some(KeyDetails::Ed25519ph),
            Self::Rsa { .. } => None,
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::P256 => f.write_str("ECDSA P-256"),
            Self::P384 => f.write_str("ECDSA P-384"),
            Self::P521 => f.write_str("ECDSA P-521"),
            Self::Rsa { bits } => write!(f, "RSA {bits}"),
            Self::Ed25519 => f.write_str("Ed25519"),
        }
    }
}

/// A key as nothing but its numbers: the same in PEM, OpenPGP, minisign and SSH, whatever ids and times
/// stand beside them there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyNumbers([u8; 32]);

impl KeyNumbers {
    /// Of the content of the BIT STRING of a `SubjectPublicKeyInfo`.
    pub(crate) fn of(kind: KeyKind, public_key: &[u8]) -> Self {
        Self(crypto::sha256(&spki::encode(kind, public_key)))
    }

    /// SHA-256 of the `SubjectPublicKeyInfo` that the key has or would have: what pins hold.
    pub const fn fingerprint(&self) -> [u8; 32] {
        self.0
    }
}

impl PublicKey {
    /// Reads one public key: PEM `PUBLIC KEY`, or the DER of a `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// Too large; neither PEM nor DER; something else in PEM, or more than one; a kind that we do not
    /// know; a point that is not on its curve, or in another form than the uncompressed one; an RSA
    /// modulus outside of 2,048 to 8,192 bits.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyError> {
        if bytes.len() > limits::KEY_BYTES {
            return Err(KeyError::TooLarge { found: bytes.len() });
        }
        if bytes.first() == Some(&DER_SEQUENCE) {
            return Self::from_spki(bytes);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| KeyError::NotAKey)?;
        let (label, der) = pem_block(text).ok_or(KeyError::NotAKey)?;
        if label != PEM_LABEL {
            return Err(KeyError::Label {
                found: label.escape_debug().to_string(),
            });
        }
        Self::from_spki(&der)
    }

    /// Reads the DER of a `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
    ///
    /// # Errors
    /// As [`PublicKey::parse`].
    pub fn from_spki(der: &[u8]) -> Result<Self, KeyError> {
        let Spki { kind, public_key } = Spki::parse(der)?;
        let verifying = match kind {
            KeyKind::Ed25519 => public_key
                .as_slice()
                .try_into()
                .ok()
                .and_then(Ed25519Key::new)
                .map(|key| Verifying::Ed25519(Box::new(key))),
            _ => VerifyingKey::new(kind, kind.digest_algorithm(), &public_key)
                .map(Verifying::Digests),
        };
        let verifying = verifying.ok_or(KeyError::NotOnCurve)?;
        Ok(Self {
            spki: der.into(),
            kind,
            fingerprint: crypto::sha256(der),
            verifying,
        })
    }

    /// The SHA-256 of [`PublicKey::spki`]: what pins and key hints hold.
    pub const fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// What tells it from other keys, in whatever form they are written.
    pub(crate) const fn numbers(&self) -> KeyNumbers {
        KeyNumbers(self.fingerprint)
    }

    /// The DER of the `SubjectPublicKeyInfo`.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The content of its BIT STRING.
    pub(crate) fn bits(&self) -> Option<Vec<u8>> {
        Spki::parse(&self.spki).ok().map(|it| it.public_key)
    }

    /// The kind of key.
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The PEM form, as openssl and cosign write it.
    pub fn to_pem(&self) -> String {
        to_pem(PEM_LABEL, &self.spki)
    }

    /// What a bundle hints at this key with: the base64 of the fingerprint, as cosign writes it.
    pub fn hint(&self) -> String {
        base64::encode(&self.fingerprint)
    }

    /// A key of that kind from its numbers: the content of the BIT STRING of its
    /// `SubjectPublicKeyInfo`, a point or an `RSAPublicKey`. The bits of an RSA kind are not looked at.
    ///
    /// # Errors
    /// As [`PublicKey::parse`].
    pub fn from_numbers(kind: KeyKind, public_key: &[u8]) -> Result<Self, KeyError> {
        Self::from_spki(&spki::encode(kind, public_key))
    }

    /// Whether the key made this signature over bytes with that digest: for Ed25519 the prehashed
    /// form, Ed25519ph. It says nothing of what the bytes are, nor who should have signed them:
    /// [`crate::Verifier`] does.
    pub fn verifies_digest(&self, digest: &Digest, signature: &[u8]) -> bool {
        match (&self.verifying, digest) {
            (Verifying::Digests(key), _) => {
                self.kind.digest_algorithm() == digest.algorithm()
                    && key.verifies_digest(digest, signature)
            }
            (Verifying::Ed25519(key), Digest::Sha512(digest)) => signature
                .try_into()
                .is_ok_and(|signature| key.verifies_sha512(digest, signature)),
            (Verifying::Ed25519(_), Digest::Sha256(_) | Digest::Sha384(_)) => false,
        }
    }

    /// Whether the key, of Ed25519, made this signature over the message itself.
    pub(crate) fn verifies_message(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.verifying {
            Verifying::Ed25519(key) => signature
                .try_into()
                .is_ok_and(|signature| key.verifies(message, signature)),
            Verifying::Digests(_) => false,
        }
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.spki == other.spki
    }
}

impl Eq for PublicKey {}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key sha256:{}", hex::encode(self.fingerprint))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}, {self})", self.kind)
    }
}

/// Why something is not a public key that we can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Larger than any key file.
    #[error("key file has {found} bytes, at most {} are read", limits::KEY_BYTES)]
    TooLarge {
        /// Its bytes.
        found: usize,
    },
    /// Neither PEM nor DER.
    #[error("neither one PEM block nor DER of a public key")]
    NotAKey,
    /// PEM of something else.
    #[error("PEM block is {found}, wanted {PEM_LABEL}")]
    Label {
        /// The label found, escaped.
        found: String,
    },
    /// Not a `SubjectPublicKeyInfo` in DER.
    #[error("not a SubjectPublicKeyInfo in DER")]
    Malformed,
    /// A kind of key that we do not know.
    #[error("key is of kind {found}, wanted ECDSA P-256, P-384 or P-521, RSA or Ed25519")]
    Unsupported {
        /// The object identifier of its algorithm or curve.
        found: String,
    },
    /// An RSA modulus that is too short or too long.
    #[error("RSA modulus has {found} bits, wanted 2048 to 8192")]
    RsaBits {
        /// Its bits.
        found: usize,
    },
    /// The public point or modulus is none.
    #[error("public key is not a valid key of its kind")]
    NotOnCurve,
}

impl KeyError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } | Self::NotAKey | Self::Malformed | Self::NotOnCurve => {
                "key-unreadable"
            }
            Self::Label { .. } | Self::Unsupported { .. } | Self::RsaBits { .. } => {
                "key-unsupported"
            }
        }
    }
}

impl From<SpkiError> for KeyError {
    fn from(error: SpkiError) -> Self {
        match error {
            SpkiError::Malformed => Self::Malformed,
            SpkiError::Unsupported { oid } => Self::Unsupported { found: oid },
            SpkiError::RsaBits { found } => Self::RsaBits { found },
        }
    }
}

/// The PEM form (RFC 7468): lines of 64 characters, each ended by a newline.
pub(crate) fn to_pem(label: &str, der: &[u8]) -> String {
    let encoded = base64::encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = encoded.as_str();
    while let Some((line, more)) = rest.split_at_checked(64) {
        text.push_str(line);
        text.push('\n');
        rest = more;
    }
    if !rest.is_empty() {
        text.push_str(rest);
        text.push('\n');
    }
    text.push_str("-----END ");
    text.push_str(label);
    text.push_str("-----\n");
    text
}

/// The label and content of a text that is one PEM block and nothing else but white space.
pub(crate) fn pem_block(text: &str) -> Option<(&str, Vec<u8>)> {
    let text = text.trim_ascii().strip_prefix("-----BEGIN ")?;
    let (label, rest) = text.split_once("-----")?;
    let body = rest.strip_suffix("-----")?.strip_suffix(label)?;
    let body = body.strip_suffix("-----END ")?;
    let encoded: String = body.lines().map(str::trim_ascii).collect();
    let der = base64::decode(&encoded).ok()?;
    Some((label, der))
}

/// The first byte of every DER `SEQUENCE`.
const DER_SEQUENCE: u8 = 0x30;

const PEM_LABEL: &str = "PUBLIC KEY";
