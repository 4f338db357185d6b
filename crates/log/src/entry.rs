//! Entries of kind `hashedrekord` 0.0.2, as Rekor v2 writes them.
//!
//! The leaf of the tree is the RFC 8785 form of this, in one line:
//!
//! ```text
//! {"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{
//!   "data":{"algorithm":"SHA2_256","digest":"base64"},
//!   "signature":{"content":"base64","verifier":{
//!     "keyDetails":"PKIX_ECDSA_P256_SHA_256","publicKey":{"rawBytes":"base64 of the SPKI"}}}}}}
//! ```
//!
//! A certificate stands as `"x509Certificate"` in place of `"publicKey"`. A DSSE envelope is logged
//! by the digest of its pre-authentication encoding and its one signature.

use attest_digest::{Algorithm, Digest, DigestError};
use serde::Deserialize;

use crate::{Hash, codec, limits, merkle};

/// The `apiVersion` of [`Entry`].
pub const API_VERSION: &str = "0.0.2";

/// The `kind` of [`Entry`].
pub const KIND: &str = "hashedrekord";

/// What a log saw: that a key signed a digest. A claim when parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    digest: Digest,
    signature: Vec<u8>,
    key_details: KeyDetails,
    verifier: Verifier,
}

impl Entry {
    /// Puts an entry together.
    ///
    /// # Errors
    /// The digest is not of the algorithm that the key signs, the signature or the verifier is
    /// empty, or the body would be larger than a log takes.
    pub fn new(
        digest: Digest,
        signature: Vec<u8>,
        key_details: KeyDetails,
        verifier: Verifier,
    ) -> Result<Self, EntryError> {
        let (found, wanted) = (digest.algorithm(), key_details.digest_algorithm());
        if found != wanted {
            return Err(EntryError::DigestAlgorithm {
                found,
                key_details,
                wanted,
            });
        }
        if signature.is_empty() {
            return Err(EntryError::Empty {
                field: "signature.content",
            });
        }
        if verifier.raw_bytes().is_empty() {
            return Err(EntryError::Empty {
                field: "verifier.rawBytes",
            });
        }
        let entry = Self {
            digest,
            signature,
            key_details,
            verifier,
        };
        check_size(entry.body().len())?;
        Ok(entry)
    }

    /// Reads a body.
    ///
    /// # Errors
    /// Anything but the exact bytes that [`Entry::body`] gives.
    pub fn parse(body: &[u8]) -> Result<Self, EntryError> {
        check_size(body.len())?;
        let raw: RawEntry = serde_json::from_slice(body).map_err(EntryError::Json)?;
        raw.check_version()?;
        let entry = raw.spec.hashed_rekord_v002.into_entry()?;
        // One spelling: no white space, no other order, no duplicate keys, no escapes.
        if entry.body() != body {
            return Err(EntryError::NotCanonical);
        }
        Ok(entry)
    }

    /// The exact bytes of the leaf.
    pub fn body(&self) -> Vec<u8> {
        // Every value is ASCII without characters that JSON escapes, and the keys are in RFC 8785
        // order, so this is the canonical form.
        let (field, raw) = match &self.verifier {
            Verifier::PublicKey(spki) => ("publicKey", spki),
            Verifier::Certificate(der) => ("x509Certificate", der),
        };
        format!(
            concat!(
                r#"{{"apiVersion":"{}","kind":"{}","spec":{{"hashedRekordV002":{{"#,
                r#""data":{{"algorithm":"{}","digest":"{}"}},"#,
                r#""signature":{{"content":"{}","verifier":{{"keyDetails":"{}","#,
                r#""{}":{{"rawBytes":"{}"}}}}}}}}}}}}"#
            ),
            API_VERSION,
            KIND,
            algorithm_name(self.digest.algorithm()),
            codec::encode_base64(self.digest.as_bytes()),
            codec::encode_base64(&self.signature),
            self.key_details.name(),
            field,
            codec::encode_base64(raw),
        )
        .into_bytes()
    }

    /// The hash of the leaf.
    pub fn leaf_hash(&self) -> Hash {
        merkle::leaf_hash(&self.body())
    }

    /// The digest that was signed.
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The signature's bytes.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Algorithm and parameters of the key.
    pub const fn key_details(&self) -> KeyDetails {
        self.key_details
    }

    /// What the signature verifies under.
    pub const fn verifier(&self) -> &Verifier {
        &self.verifier
    }
}

/// The key of an entry, or the certificate that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verifier {
    /// A DER `SubjectPublicKeyInfo`.
    PublicKey(Vec<u8>),
    /// A DER X.509 certificate.
    Certificate(Vec<u8>),
}

impl Verifier {
    /// The DER.
    pub fn raw_bytes(&self) -> &[u8] {
        match self {
            Self::PublicKey(der) | Self::Certificate(der) => der,
        }
    }
}

/// The signature algorithms that Rekor v2 takes: those that sign a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum KeyDetails {
    /// ECDSA P-256 with SHA-256: what we sign with.
    EcdsaP256Sha256,
    /// ECDSA P-384 with SHA-384.
    EcdsaP384Sha384,
    /// ECDSA P-521 with SHA-512.
    EcdsaP521Sha512,
    /// RSA 2048, PKCS#1 v1.5 with SHA-256.
    RsaPkcs1v15_2048Sha256,
    /// RSA 3072, PKCS#1 v1.5 with SHA-256.
    RsaPkcs1v15_3072Sha256,
    /// RSA 4096, PKCS#1 v1.5 with SHA-256.
    RsaPkcs1v15_4096Sha256,
    /// Ed25519ph, over SHA-512.
    Ed25519ph,
}

impl KeyDetails {
    /// All that an entry can have.
    pub const ALL: [Self; 7] = [
        Self::EcdsaP256Sha256,
        Self::EcdsaP384Sha384,
        Self::EcdsaP521Sha512,
        Self::RsaPkcs1v15_2048Sha256,
        Self::RsaPkcs1v15_3072Sha256,
        Self::RsaPkcs1v15_4096Sha256,
        Self::Ed25519ph,
    ];

    /// The name in entries and trusted roots.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EcdsaP256Sha256 => "PKIX_ECDSA_P256_SHA_256",
            Self::EcdsaP384Sha384 => "PKIX_ECDSA_P384_SHA_384",
            Self::EcdsaP521Sha512 => "PKIX_ECDSA_P521_SHA_512",
            Self::RsaPkcs1v15_2048Sha256 => "PKIX_RSA_PKCS1V15_2048_SHA256",
            Self::RsaPkcs1v15_3072Sha256 => "PKIX_RSA_PKCS1V15_3072_SHA256",
            Self::RsaPkcs1v15_4096Sha256 => "PKIX_RSA_PKCS1V15_4096_SHA256",
            Self::Ed25519ph => "PKIX_ED25519_PH",
        }
    }

    /// The digest that is signed.
    pub const fn digest_algorithm(self) -> Algorithm {
        match self {
            Self::EcdsaP256Sha256
            | Self::RsaPkcs1v15_2048Sha256
            | Self::RsaPkcs1v15_3072Sha256
            | Self::RsaPkcs1v15_4096Sha256 => Algorithm::Sha256,
            Self::EcdsaP384Sha384 => Algorithm::Sha384,
            Self::EcdsaP521Sha512 | Self::Ed25519ph => Algorithm::Sha512,
        }
    }

    /// The one of that exact name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }
}

/// Why bytes are not an entry, or parts do not make one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// Beyond the limit.
    #[error("log entry has {found} bytes, a log takes at most {most}")]
    TooLarge {
        /// Bytes found.
        found: usize,
        /// The limit.
        most: usize,
    },
    /// Not JSON, or not of this shape.
    #[error("log entry is not a hashedrekord body")]
    Json(#[source] serde_json::Error),
    /// Another kind or version.
    #[error("log entry is {found}, only {KIND} {API_VERSION} is supported")]
    Kind {
        /// Kind and version found, escaped.
        found: String,
    },
    /// JSON that means the same, in another spelling.
    #[error("log entry is not in canonical form")]
    NotCanonical,
    /// A field without content.
    #[error("log entry has an empty {field}")]
    Empty {
        /// Which.
        field: &'static str,
    },
    /// A field that is not canonical base64.
    #[error("log entry has a {field} that is not canonical base64")]
    Base64 {
        /// Which.
        field: &'static str,
    },
    /// A digest algorithm or key that no log takes.
    #[error("log entry has {field} {found}, which no log takes")]
    Unsupported {
        /// Which field.
        field: &'static str,
        /// Its value, escaped.
        found: String,
    },
    /// A digest that is not one.
    #[error(transparent)]
    Digest(DigestError),
    /// A digest that this key does not sign.
    #[error("log entry has a {found} digest, {} signs {wanted}", key_details.name())]
    DigestAlgorithm {
        /// The digest's.
        found: Algorithm,
        /// The key's.
        key_details: KeyDetails,
        /// What the key signs.
        wanted: Algorithm,
    },
    /// Both a key and a certificate, or neither.
    #[error("log entry needs either a public key or a certificate")]
    Verifier,
}

impl EntryError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        "log-entry-malformed"
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    #[serde(rename = "apiVersion")]
    api_version: String,
    kind: String,
    spec: RawSpec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSpec {
    #[serde(rename = "hashedRekordV002")]
    hashed_rekord_v002: RawRecord,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRecord {
    data: RawData,
    signature: RawSignature,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawData {
    algorithm: String,
    digest: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSignature {
    content: String,
    verifier: RawVerifier,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RawVerifier {
    key_details: String,
    public_key: Option<RawBytes>,
    x509_certificate: Option<RawBytes>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RawBytes {
    raw_bytes: String,
}

impl RawEntry {
    fn check_version(&self) -> Result<(), EntryError> {
        if self.kind == KIND && self.api_version == API_VERSION {
            return Ok(());
        }
        let found = format!("{} {}", self.kind, self.api_version);
        Err(EntryError::Kind {
            found: found.escape_debug().to_string(),
        })
    }
}

impl RawRecord {
    fn into_entry(self) -> Result<Entry, EntryError> {
        let Self {
            data,
            signature: RawSignature { content, verifier },
        } = self;
        let algorithm = algorithm_from_name(&data.algorithm)
            .ok_or_else(|| unsupported("data.algorithm", &data.algorithm))?;
        let digest = decode("data.digest", &data.digest)?;
        let digest = Digest::from_bytes(algorithm, &digest).map_err(EntryError::Digest)?;
        let signature = decode("signature.content", &content)?;
        let key_details = KeyDetails::from_name(&verifier.key_details)
            .ok_or_else(|| unsupported("verifier.keyDetails", &verifier.key_details))?;
        Entry::new(digest, signature, key_details, verifier.into_verifier()?)
    }
}

impl RawVerifier {
    fn into_verifier(self) -> Result<Verifier, EntryError> {
        let decode = |raw: RawBytes| decode("verifier.rawBytes", &raw.raw_bytes);
        match (self.public_key, self.x509_certificate) {
            (Some(key), None) => decode(key).map(Verifier::PublicKey),
            (None, Some(certificate)) => decode(certificate).map(Verifier::Certificate),
            _ => Err(EntryError::Verifier),
        }
    }
}

fn decode(field: &'static str, text: &str) -> Result<Vec<u8>, EntryError> {
    codec::decode_base64(text).ok_or(EntryError::Base64 { field })
}

fn unsupported(field: &'static str, found: &str) -> EntryError {
    EntryError::Unsupported {
        field,
        found: found.escape_debug().to_string(),
    }
}

fn check_size(found: usize) -> Result<(), EntryError> {
    let most = limits::ENTRY_BYTES;
    if found > most {
        Err(EntryError::TooLarge { found, most })
    } else {
        Ok(())
    }
}

const fn algorithm_name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Sha256 => "SHA2_256",
        Algorithm::Sha384 => "SHA2_384",
        Algorithm::Sha512 => "SHA2_512",
    }
}

fn algorithm_from_name(name: &str) -> Option<Algorithm> {
    Algorithm::ALL
        .into_iter()
        .find(|it| algorithm_name(*it) == name)
}

#[cfg(test)]
mod tests;
