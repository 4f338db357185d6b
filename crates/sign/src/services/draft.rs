//! What is signed and not yet a bundle, kept so that nothing is signed twice.
//!
//! ```json
//! {"version":1,"signed":"2026-11-21T09:41:07Z","digest":"sha256:70ca…","signature":"MEUC…",
//!  "certificate":"MIIC…",
//!  "timestamps":[["https://tsa.example/api/v1/timestamp","MIIE…"]],
//!  "entries":[["https://log.example",{"logIndex":"7",…}]]}
//! ```
//! A draft holds no secret: the key of a certificate is never kept. Whatever it says is verified with
//! the finished bundle.

use attest_digest::Digest;
use attest_log::entry::KeyDetails;
use attest_provenance::base64;
use attest_verify::PublicKey;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::entry::LogEntry;
use super::{Proposal, ProposedVerifier};

/// Where drafts are kept, by the digest of what is signed.
pub trait Drafts {
    /// The draft about this digest, if there is one that can be read.
    fn find(&mut self, digest: &Digest) -> Option<Vec<u8>>;

    /// Keeps a draft durably, in place of an earlier one.
    ///
    /// # Errors
    /// When it cannot be kept: then nothing more is asked of any service.
    fn keep(&mut self, digest: &Digest, draft: &[u8]) -> Result<(), DraftError>;

    /// Forgets it: it led nowhere.
    fn forget(&mut self, digest: &Digest);
}

/// Keeps nothing: a run that fails begins anew.
#[derive(Debug, Clone, Copy)]
pub struct NoDrafts;

impl Drafts for NoDrafts {
    fn find(&mut self, _: &Digest) -> Option<Vec<u8>> {
        None
    }

    fn keep(&mut self, _: &Digest, _: &[u8]) -> Result<(), DraftError> {
        Ok(())
    }

    fn forget(&mut self, _: &Digest) {}
}

/// Why a draft is not kept: a stable code and what lies behind it.
#[derive(Debug, thiserror::Error)]
#[error("draft: {source}")]
pub struct DraftError {
    code: &'static str,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl DraftError {
    /// An error of this kebab-case code.
    pub fn new(
        code: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            code,
            source: source.into(),
        }
    }

    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        self.code
    }
}

/// A signature, and what services have said to it so far.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) signed: Timestamp,
    pub(super) digest: Digest,
    pub(super) signature: Vec<u8>,
    pub(super) verifier: Verifier,
    /// By the address of the authority, in DER.
    pub(super) timestamps: Vec<(String, Vec<u8>)>,
    /// By the address of the log.
    pub(super) entries: Vec<(String, LogEntry)>,
}

/// Under what the signature verifies, in DER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verifier {
    PublicKey(Vec<u8>),
    Certificate(Vec<u8>),
}

impl Draft {
    pub(super) fn has_timestamp(&self, address: &str) -> bool {
        self.timestamps.iter().any(|(it, _)| it == address)
    }

    pub(super) fn has_entry(&self, address: &str) -> bool {
        self.entries.iter().any(|(it, _)| it == address)
    }

    pub(super) fn proposal<'a>(
        &'a self,
        envelope: Option<&'a attest_provenance::Envelope>,
    ) -> Proposal<'a> {
        Proposal {
            digest: &self.digest,
            key_details: self.verifier.key_details(),
            signature: &self.signature,
            verifier: match &self.verifier {
                Verifier::PublicKey(spki) => ProposedVerifier::PublicKey(spki),
                Verifier::Certificate(der) => ProposedVerifier::Certificate(der),
            },
            envelope,
        }
    }

    pub(super) fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let (certificate, public_key) = match &self.verifier {
            Verifier::Certificate(der) => (Some(base64::encode(der)), None),
            Verifier::PublicKey(spki) => (None, Some(base64::encode(spki))),
        };
        serde_json::to_vec(&Kept {
            version: VERSION,
            signed: self.signed,
            digest: self.digest.to_string(),
            signature: base64::encode(&self.signature),
            certificate,
            public_key,
            timestamps: self
                .timestamps
                .iter()
                .map(|(address, der)| (address.clone(), base64::encode(der)))
                .collect(),
            entries: self
                .entries
                .iter()
                .map(|(address, entry)| (address.clone(), entry.to_json().clone()))
                .collect(),
        })
    }

    /// `None` for what is not a draft about this digest: then it is as if there were none.
    pub(super) fn parse(bytes: &[u8], digest: &Digest) -> Option<Self> {
        let kept: Kept = serde_json::from_slice(bytes).ok()?;
        if kept.version != VERSION || kept.digest != digest.to_string() {
            return None;
        }
        let verifier = match (kept.certificate, kept.public_key) {
            (Some(der), None) => Verifier::Certificate(base64::decode(&der).ok()?),
            (None, Some(spki)) => Verifier::PublicKey(base64::decode(&spki).ok()?),
            _ => return None,
        };
        let timestamps = kept.timestamps.into_iter();
        let timestamps =
            timestamps.map(|(address, der)| Some((address, base64::decode(&der).ok()?)));
        let entries = kept.entries.into_iter();
        let entries = entries.map(|(address, json)| Some((address, LogEntry::from_kept(json)?)));
        Some(Self {
            signed: kept.signed,
            digest: *digest,
            signature: base64::decode(&kept.signature).ok()?,
            verifier,
            timestamps: timestamps.collect::<Option<_>>()?,
            entries: entries.collect::<Option<_>>()?,
        })
    }
}

impl Verifier {
    /// Certificates are for P-256 keys; a key of another kind is one that no log takes.
    fn key_details(&self) -> &'static str {
        let key = match self {
            Self::PublicKey(spki) => PublicKey::from_spki(spki).ok(),
            Self::Certificate(_) => None,
        };
        let details = key.and_then(|it| it.kind().key_details());
        details.unwrap_or(KeyDetails::EcdsaP256Sha256).name()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    version: u32,
    signed: Timestamp,
    digest: String,
    signature: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<String>,
    timestamps: Vec<(String, String)>,
    entries: Vec<(String, Value)>,
}

const VERSION: u32 = 1;
