//! Keys of layouts: what they are and how they sign.

use attest_digest::Algorithm;
use attest_provenance::in_toto::{InTotoError, Key};

use crate::crypto::VerifyingKey;
use crate::key::{KeyError, KeyKind, PublicKey};

/// A public key with the one scheme in which it signs layouts and links.
#[derive(Debug, Clone)]
pub struct LayoutKey {
    public: PublicKey,
    method: Method,
}

#[derive(Debug, Clone)]
enum Method {
    /// RSASSA-PSS, salt as long as the digest.
    Pss(VerifyingKey),
    /// RSASSA-PKCS1-v1_5, which only a layout can ask for.
    Pkcs1(VerifyingKey),
    /// ECDSA with the digest of its curve, or Ed25519.
    Own,
}

/// Why a key of a layout cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutKeyError {
    /// Not a public key that we read.
    #[error("public key of a layout: {0}")]
    Key(#[from] KeyError),
    /// A JSON file that is not a key of in-toto.
    #[error("key file: {0}")]
    Json(#[from] InTotoError),
    /// A kind and a scheme that do not go together, or that we do not know.
    #[error("key type {keytype:?} with scheme {scheme:?} and a public key of {kind}")]
    Scheme {
        /// The type that is claimed.
        keytype: String,
        /// The scheme that is claimed.
        scheme: String,
        /// What the public key is.
        kind: String,
    },
}

impl LayoutKeyError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Key(error) => error.code(),
            Self::Json(error) => error.code(),
            Self::Scheme { .. } => "layout-key-unsupported",
        }
    }
}

impl LayoutKey {
    /// Reads a key file: PEM or DER of a public key, or the JSON that in-toto writes for one.
    ///
    /// # Errors
    /// Not such a file, or a kind of key or scheme that we do not know.
    pub fn parse(bytes: &[u8]) -> Result<Self, LayoutKeyError> {
        if bytes.trim_ascii_start().first() == Some(&b'{') {
            return Self::from_claimed(&Key::parse(bytes)?);
        }
        Ok(Self::from_public(PublicKey::parse(bytes)?))
    }

    /// A key that signs as its kind does by default: RSA with PSS and SHA-256.
    pub fn from_public(public: PublicKey) -> Self {
        let method = match public.kind() {
            KeyKind::Rsa { .. } => pss(&public, Algorithm::Sha256).unwrap_or(Method::Own),
            _ => Method::Own,
        };
        Self { public, method }
    }

    /// A key as a layout writes it.
    pub(super) fn from_claimed(key: &Key) -> Result<Self, LayoutKeyError> {
        let public = if key.public.starts_with("-----BEGIN") {
            PublicKey::parse(key.public.as_bytes())?
        } else {
            // 32 bytes of Ed25519, in the wrapping of RFC 8410.
            let bytes = hex::decode(&key.public).map_err(|_| KeyError::NotAKey)?;
            PublicKey::from_spki(&[ED25519_SPKI, bytes.as_slice()].concat())?
        };
        let kind = public.kind();
        let method = match (key.keytype.as_str(), key.scheme.as_str(), kind) {
            ("rsa", scheme, KeyKind::Rsa { .. }) => rsa(scheme, &public),
            ("ed25519", "ed25519", KeyKind::Ed25519) => Some(Method::Own),
            ("ecdsa", scheme, _) if Some(scheme) == curve_scheme(kind) => Some(Method::Own),
            (keytype, scheme, _) if keytype == scheme && Some(scheme) == curve_scheme(kind) => {
                Some(Method::Own)
            }
            _ => None,
        };
        let method = method.ok_or_else(|| LayoutKeyError::Scheme {
            keytype: key.keytype.clone(),
            scheme: key.scheme.clone(),
            kind: kind.to_string(),
        })?;
        Ok(Self { public, method })
    }

    /// The public key.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// SHA-256 of its `SubjectPublicKeyInfo`: who it is, whatever it is called.
    pub const fn fingerprint(&self) -> [u8; 32] {
        self.public.fingerprint()
    }

    /// The key as layouts write it.
    pub fn to_claimed(&self) -> Key {
        let kind = self.public.kind();
        match kind {
            KeyKind::Ed25519 => {
                let bytes = self.public.spki().get(ED25519_SPKI.len()..);
                Key::new(
                    "ed25519",
                    "ed25519",
                    &hex::encode(bytes.unwrap_or_default()),
                )
            }
            KeyKind::Rsa { .. } => Key::new("rsa", "rsassa-pss-sha256", &self.public.to_pem()),
            _ => {
                let scheme = curve_scheme(kind).unwrap_or_default();
                Key::new("ecdsa", scheme, &self.public.to_pem())
            }
        }
    }

    /// Whether it made this signature over these bytes.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.method {
            Method::Pss(key) | Method::Pkcs1(key) => key.verifies(message, signature),
            Method::Own if self.public.kind() == KeyKind::Ed25519 => {
                self.public.verifies_message(message, signature)
            }
            Method::Own => {
                let digest = crate::crypto::hash(self.public.kind().digest_algorithm(), message);
                self.public.verifies_digest(&digest, signature)
            }
        }
    }
}

fn rsa(scheme: &str, public: &PublicKey) -> Option<Method> {
    match scheme {
        "rsassa-pss-sha256" => pss(public, Algorithm::Sha256),
        "rsassa-pss-sha384" => pss(public, Algorithm::Sha384),
        "rsassa-pss-sha512" => pss(public, Algorithm::Sha512),
        "rsa-pkcs1v15-sha256" => pkcs1(public, Algorithm::Sha256),
        "rsa-pkcs1v15-sha384" => pkcs1(public, Algorithm::Sha384),
        "rsa-pkcs1v15-sha512" => pkcs1(public, Algorithm::Sha512),
        _ => None,
    }
}

fn pss(public: &PublicKey, algorithm: Algorithm) -> Option<Method> {
    let bits = public.bits()?;
    VerifyingKey::pss(algorithm, &bits).map(Method::Pss)
}

fn pkcs1(public: &PublicKey, algorithm: Algorithm) -> Option<Method> {
    let bits = public.bits()?;
    VerifyingKey::new(public.kind(), algorithm, &bits).map(Method::Pkcs1)
}

const fn curve_scheme(kind: KeyKind) -> Option<&'static str> {
    match kind {
        KeyKind::P256 => Some("ecdsa-sha2-nistp256"),
        KeyKind::P384 => Some("ecdsa-sha2-nistp384"),
        KeyKind::P521 => Some("ecdsa-sha2-nistp521"),
        KeyKind::Rsa { .. } | KeyKind::Ed25519 => None,
    }
}

/// Everything of the `SubjectPublicKeyInfo` of an Ed25519 key but its last 32 bytes (RFC 8410).
const ED25519_SPKI: &[u8] = &[
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
