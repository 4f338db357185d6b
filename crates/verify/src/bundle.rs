//! Sigstore bundles, as claimed.

mod entry;
mod scan;

use std::fmt;
use std::sync::Arc;

use attest_digest::{Algorithm, Digest};
use attest_provenance::base64;
use attest_provenance::json::{self, FieldError, JsonError, Object};
use attest_provenance::{Envelope, EnvelopeError};

pub use entry::{BundleEntry, ClaimedProof};

use crate::asn1::certificate::Certificate;
use crate::check::{Check, Rejection};
use crate::dialect::Dialect;
use crate::key::PublicKey;
use crate::{body, limits};

/// A signature with what is needed to verify it: Sigstore's bundle, versions 0.1 to 0.3.
///
/// ```text
/// {"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json",
///  "verificationMaterial":{
///    "publicKey":{"hint":"P5y…="},
///    "tlogEntries":[{"logIndex":"0","logId":{"keyId":"…"},"kindVersion":{"kind":"hashedrekord","version":"0.0.2"},
///                    "inclusionProof":{…},"canonicalizedBody":"…"}],
///    "timestampVerificationData":{"rfc3161Timestamps":[{"signedTimestamp":"MII…"}]}},
///  "messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":"…"},"signature":"MEU…"}}
/// ```
/// Everything in it is a claim. See protobuf-specs, `sigstore_bundle.proto`.
#[derive(Clone)]
pub struct Bundle {
    version: BundleVersion,
    material: Material,
    entries: Vec<BundleEntry>,
    timestamps: Vec<Vec<u8>>,
    content: Content,
    dialect: Dialect,
    text: Arc<str>,
}

/// The version that a bundle's media type claims. Nothing signs it, so it never makes a check go
/// away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BundleVersion {
    /// Version 0.1: carries an inclusion promise.
    V0_1,
    /// Version 0.2: carries an inclusion proof.
    V0_2,
    /// Version 0.3: carries one certificate, no chain.
    V0_3,
}

/// Who claims to have signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Material {
    /// A key that the verifier must have already.
    Key {
        /// What it is called; cosign writes the base64 of its fingerprint.
        hint: Option<String>,
    },
    /// A certificate in DER.
    Certificate(Vec<u8>),
    /// A certificate and its issuers, without the root, in DER. At least one.
    Chain(Vec<Vec<u8>>),
}

/// What was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// The bytes of an artifact.
    Message {
        /// The digest that the bundle claims for the artifact.
        digest: Option<Digest>,
        /// The signature.
        signature: Vec<u8>,
    },
    /// A DSSE envelope with exactly one signature.
    Envelope(Envelope),
}

impl Bundle {
    /// Reads a bundle.
    ///
    /// # Errors
    /// Beyond a limit; not JSON of one meaning; another media type; a field that is absent, unknown,
    /// `null` or of another type; base64 that is not canonical; an envelope without exactly one
    /// signature; material that is not of its version.
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        if bytes.len() > limits::BUNDLE_BYTES {
            return Err(BundleError::TooLarge {
                found: bytes.len(),
                limit: limits::BUNDLE_BYTES,
                unit: "bytes",
            });
        }
        // Before a tree is built: a value costs two bytes to write and a hundred to hold.
        if !scan::has_at_most(bytes, limits::BUNDLE_VALUES) {
            return Err(BundleError::TooLarge {
                found: limits::BUNDLE_VALUES + 1,
                limit: limits::BUNDLE_VALUES,
                unit: "values",
            });
        }
        let parts = Parts::read(Object::new("", json::parse(bytes, limits::BUNDLE)?)?)?;
        let text =
            std::str::from_utf8(bytes).map_err(|_| BundleError::problem("", "is not UTF-8"))?;
        Ok(parts.with_text(text.into()))
    }

    /// The version that the media type claims.
    pub const fn version(&self) -> BundleVersion {
        self.version
    }

    /// The form in which it was written before it was put together.
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(crate) fn written_as(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// Who claims to have signed.
    pub const fn material(&self) -> &Material {
        &self.material
    }

    /// What was signed.
    pub const fn content(&self) -> &Content {
        &self.content
    }

    /// The entries of transparency logs.
    pub fn entries(&self) -> &[BundleEntry] {
        &self.entries
    }

    /// The RFC 3161 timestamps.
    pub fn timestamps(&self) -> &[Vec<u8>] {
        &self.timestamps
    }

    /// The signature, whatever it is over.
    pub fn signature(&self) -> &[u8] {
        match &self.content {
            Content::Message { signature, .. } => signature,
            Content::Envelope(envelope) => envelope.signatures().first().map_or(&[], |it| &it.sig),
        }
    }

    /// The public keys that the log entries name, each once: where to look for a key whose
    /// fingerprint is known.
    pub fn claimed_keys(&self) -> Vec<PublicKey> {
        let mut keys: Vec<PublicKey> = Vec::new();
        for key in self.entries.iter().filter_map(body::claimed_key) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }

    /// The fingerprint of the key that the certificate names, or that the bundle hints at as cosign does.
    /// Nothing proves it yet.
    pub fn claimed_fingerprint(&self) -> Option<[u8; 32]> {
        if let Material::Key { hint } = &self.material {
            return base64::decode(hint.as_deref()?).ok()?.try_into().ok();
        }
        let certificate = Certificate::parse(self.certificate()?).ok()?;
        let key = PublicKey::from_spki(certificate.spki()).ok()?;
        Some(key.fingerprint())
    }

    /// The identity that the certificate claims, and who is said to vouch for it. Nothing proves it
    /// yet.
    pub fn claimed_identity(&self) -> Option<(String, Option<String>)> {
        self.certificate().and_then(crate::signer::claims_of)
    }

    /// The bytes that were read, for the engine.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The certificate of the signer, in DER.
    pub(crate) fn certificate(&self) -> Option<&[u8]> {
        match &self.material {
            Material::Key { .. } => None,
            Material::Certificate(der) => Some(der),
            Material::Chain(chain) => chain.first().map(Vec::as_slice),
        }
    }
}

impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bundle")
            .field("version", &self.version)
            .field("material", &self.material)
            .field("entries", &self.entries.len())
            .field("timestamps", &self.timestamps.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for BundleVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V0_1 => "0.1",
            Self::V0_2 => "0.2",
            Self::V0_3 => "0.3",
        })
    }
}

/// Why bytes are not a bundle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// Beyond a limit.
    #[error("bundle has {found} {unit} or more, at most {limit} are read")]
    TooLarge {
        /// How many were counted.
        found: usize,
        /// How many are read.
        limit: usize,
        /// Of what.
        unit: &'static str,
    },
    /// Not JSON of one meaning.
    #[error("bundle is not readable: {0}")]
    Json(JsonError),
    /// Not the fields of a bundle.
    #[error("bundle is malformed: {0}")]
    Field(FieldError),
    /// Not an envelope.
    #[error("bundle is malformed: {0}")]
    Envelope(EnvelopeError),
    /// An envelope of many signatures, or of none.
    #[error("envelope has {found} signatures, wanted 1")]
    SignatureCount {
        /// How many.
        found: usize,
    },
    /// Another format or version.
    #[error("media type is {found:?}, wanted {}", MEDIA_TYPES[0].0)]
    Version {
        /// The media type found.
        found: String,
    },
    /// A value that no bundle of its version has.
    #[error("bundle is malformed: {at} {problem}")]
    Problem {
        /// The path of the value.
        at: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl BundleError {
    /// The stable code, one of [`CODES`](crate::CODES).
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "bundle-too-large",
            Self::Version { .. } => "bundle-version-unknown",
            Self::SignatureCount { .. } => "signature-count",
            Self::Json(_) | Self::Field(_) | Self::Envelope(_) | Self::Problem { .. } => {
                "bundle-malformed"
            }
        }
    }

    pub(crate) fn problem(at: &str, problem: impl Into<String>) -> Self {
        Self::Problem {
            at: at.to_owned(),
            problem: problem.into(),
        }
    }
}

impl From<JsonError> for BundleError {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

impl From<FieldError> for BundleError {
    fn from(error: FieldError) -> Self {
        match error {
            FieldError::TooMany { found, limit, .. } => Self::TooLarge {
                found,
                limit,
                unit: "elements of one kind",
            },
            other => Self::Field(other),
        }
    }
}

impl From<EnvelopeError> for BundleError {
    fn from(error: EnvelopeError) -> Self {
        match error {
            EnvelopeError::NoSignature => Self::SignatureCount { found: 0 },
            EnvelopeError::SeveralSignatures { found } => Self::SignatureCount { found },
            // Says where and what, too.
            EnvelopeError::Field(error) => error.into(),
            other => Self::Envelope(other),
        }
    }
}

impl From<BundleError> for Rejection {
    fn from(error: BundleError) -> Self {
        let wanted = match error {
            BundleError::TooLarge { limit, unit, .. } => format!("at most {limit} {unit}"),
            BundleError::SignatureCount { .. } => "1 signature".to_owned(),
            _ => "a Sigstore bundle of version 0.1, 0.2 or 0.3".to_owned(),
        };
        Check::new(error.code(), &error, wanted).into()
    }
}

/// Everything but the text.
struct Parts {
    version: BundleVersion,
    material: Material,
    entries: Vec<BundleEntry>,
    timestamps: Vec<Vec<u8>>,
    content: Content,
}

impl Parts {
    fn read(mut object: Object) -> Result<Self, BundleError> {
        let version = version(&object.take_string("mediaType")?)?;
        let mut material = object.take_object("verificationMaterial")?;
        let content = content(&mut object)?;
        object.finish()?;
        let entries = material
            .take_optional_objects("tlogEntries", limits::LOG_ENTRIES)?
            .into_iter()
            .map(BundleEntry::from_object)
            .collect::<Result<_, _>>()?;
        let timestamps = timestamps(&mut material)?;
        let signer = signer(&mut material, version)?;
        material.finish()?;
        Ok(Self {
            version,
            material: signer,
            entries,
            timestamps,
            content,
        })
    }

    fn with_text(self, text: Arc<str>) -> Bundle {
        let Self {
            version,
            material,
            entries,
            timestamps,
            content,
        } = self;
        Bundle {
            version,
            material,
            entries,
            timestamps,
            content,
            dialect: Dialect::Bundle,
            text,
        }
    }
}

fn version(media_type: &str) -> Result<BundleVersion, BundleError> {
    let known = MEDIA_TYPES.iter().find(|(name, _)| *name == media_type);
    known
        .map(|(_, version)| *version)
        .ok_or_else(|| BundleError::Version {
            found: media_type.chars().take(80).collect(),
        })
}

fn content(object: &mut Object) -> Result<Content, BundleError> {
    match (object.has("messageSignature"), object.has("dsseEnvelope")) {
        (true, false) => message(object.take_object("messageSignature")?),
        (false, true) => {
            let envelope = Envelope::from_object(object.take_object("dsseEnvelope")?)?;
            check_signature("dsseEnvelope", &envelope.only_signature()?.sig)?;
            Ok(Content::Envelope(envelope))
        }
        _ => Err(BundleError::problem(
            "",
            "needs either messageSignature or dsseEnvelope",
        )),
    }
}

fn message(mut object: Object) -> Result<Content, BundleError> {
    let at = object.path().to_owned();
    let digest = match object.take_optional_object("messageDigest")? {
        Some(digest) => Some(message_digest(digest)?),
        None => None,
    };
    let signature = object.take_bytes("signature")?;
    object.finish()?;
    check_signature(&at, &signature)?;
    Ok(Content::Message { digest, signature })
}

fn message_digest(mut object: Object) -> Result<Digest, BundleError> {
    let at = object.path().to_owned();
    let algorithm = match object.take_string("algorithm")?.as_str() {
        "SHA2_256" => Algorithm::Sha256,
        "SHA2_384" => Algorithm::Sha384,
        "SHA2_512" => Algorithm::Sha512,
        other => {
            return Err(BundleError::problem(
                &at,
                format!("has the algorithm {other:.40?}"),
            ));
        }
    };
    let digest = object.take_bytes("digest")?;
    object.finish()?;
    Digest::from_bytes(algorithm, &digest)
        .map_err(|error| BundleError::problem(&at, format!("is malformed: {error}")))
}

fn check_signature(at: &str, signature: &[u8]) -> Result<(), BundleError> {
    if signature.is_empty() || signature.len() > limits::SIGNATURE_BYTES {
        let problem = format!("has a signature of {} bytes", signature.len());
        return Err(BundleError::problem(at, problem));
    }
    Ok(())
}

fn timestamps(material: &mut Object) -> Result<Vec<Vec<u8>>, BundleError> {
    let Some(mut data) = material.take_optional_object("timestampVerificationData")? else {
        return Ok(Vec::new());
    };
    let timestamps = data.take_optional_objects("rfc3161Timestamps", limits::TIMESTAMPS)?;
    data.finish()?;
    timestamps
        .into_iter()
        .map(|mut timestamp| {
            let bytes = timestamp.take_bytes("signedTimestamp")?;
            timestamp.finish()?;
            Ok(bytes)
        })
        .collect()
}

fn signer(material: &mut Object, version: BundleVersion) -> Result<Material, BundleError> {
    let has = ["publicKey", "certificate", "x509CertificateChain"].map(|it| material.has(it));
    match has {
        [true, false, false] => {
            let mut key = material.take_object("publicKey")?;
            let at = key.path().to_owned();
            let hint = key
                .take_optional_string("hint")?
                .filter(|it| !it.is_empty());
            key.finish()?;
            if hint
                .as_ref()
                .is_some_and(|it| it.len() > limits::NAME_BYTES)
            {
                return Err(BundleError::problem(&at, "has an overlong hint"));
            }
            Ok(Material::Key { hint })
        }
        [false, true, false] if version < BundleVersion::V0_3 => {
            let at = material.path_of("certificate");
            Err(BundleError::problem(&at, "is not before version 0.3"))
        }
        [false, true, false] => {
            certificate(material.take_object("certificate")?).map(Material::Certificate)
        }
        [false, false, true] => {
            let mut chain = material.take_object("x509CertificateChain")?;
            let at = chain.path().to_owned();
            if version == BundleVersion::V0_3 {
                return Err(BundleError::problem(&at, "is not in version 0.3"));
            }
            let certificates = chain.take_objects("certificates", limits::CHAIN_CERTIFICATES)?;
            chain.finish()?;
            if certificates.is_empty() {
                return Err(BundleError::problem(&at, "has no certificates"));
            }
            let certificates = certificates
                .into_iter()
                .map(certificate)
                .collect::<Result<_, _>>()?;
            Ok(Material::Chain(certificates))
        }
        _ => Err(BundleError::problem(
            "verificationMaterial",
            "needs one of publicKey, certificate and x509CertificateChain",
        )),
    }
}

fn certificate(mut object: Object) -> Result<Vec<u8>, BundleError> {
    let der = object.take_bytes("rawBytes")?;
    let at = object.path().to_owned();
    object.finish()?;
    if der.is_empty() || der.len() > limits::CERTIFICATE_BYTES {
        let problem = format!("has a certificate of {} bytes", der.len());
        return Err(BundleError::problem(&at, problem));
    }
    Ok(der)
}

const MEDIA_TYPES: [(&str, BundleVersion); 4] = [
    (
        "application/vnd.dev.sigstore.bundle.v0.3+json",
        BundleVersion::V0_3,
    ),
    (
        "application/vnd.dev.sigstore.bundle+json;version=0.3",
        BundleVersion::V0_3,
    ),
    (
        "application/vnd.dev.sigstore.bundle+json;version=0.2",
        BundleVersion::V0_2,
    ),
    (
        "application/vnd.dev.sigstore.bundle+json;version=0.1",
        BundleVersion::V0_1,
    ),
];
