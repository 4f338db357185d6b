//! The bundle as JSON, version 0.3 (protobuf-specs, `sigstore_bundle.proto`).
//!
//! ```json
//! {"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json",
//!  "verificationMaterial":{
//!    "publicKey":{"hint":"…"},
//!    "tlogEntries":[{"logIndex":"0","logId":{"keyId":"…"},
//!      "kindVersion":{"kind":"hashedrekord","version":"0.0.2"},
//!      "inclusionProof":{"logIndex":"0","rootHash":"…","treeSize":"1","hashes":[],"checkpoint":{"envelope":"…"}},
//!      "canonicalizedBody":"…"}],
//!    "timestampVerificationData":{"rfc3161Timestamps":[{"signedTimestamp":"…"}]}},
//!  "messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":"…"},"signature":"…"}}
//! ```
//! Zero values stand there in full: the first entry of a new log is `"logIndex":"0"` with
//! `"hashes":[]`, which sigstore-python wants.

use attest_digest::{Algorithm, Digest};
use attest_log::{Inclusion, entry};
use attest_provenance::Envelope;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::Value;

/// What a bundle is made of.
pub(crate) struct Parts<'a> {
    /// SHA-256 of the signer's `SubjectPublicKeyInfo`: cosign's hint for managed keys.
    pub(crate) key_hint: [u8; 32],
    pub(crate) content: &'a Content,
    pub(crate) log_id: [u8; 32],
    pub(crate) body: &'a [u8],
    pub(crate) inclusion: &'a Inclusion,
    /// DER `TimeStampResp`.
    pub(crate) timestamp: &'a [u8],
}

/// What is signed, and the signature.
#[derive(Debug)]
pub(crate) enum Content {
    Message { digest: Digest, signature: Vec<u8> },
    Envelope(Envelope),
}

impl Parts<'_> {
    pub(crate) fn to_json(&self) -> Result<Vec<u8>, BundleError> {
        let checkpoint =
            std::str::from_utf8(&self.inclusion.checkpoint).map_err(|_| BundleError::Checkpoint)?;
        let bundle = Bundle {
            media_type: MEDIA_TYPE,
            verification_material: VerificationMaterial {
                public_key: PublicKey {
                    hint: STANDARD.encode(self.key_hint),
                },
                tlog_entries: [self.entry(checkpoint)],
                timestamp_verification_data: TimestampData {
                    rfc3161_timestamps: [SignedTimestamp {
                        signed_timestamp: STANDARD.encode(self.timestamp),
                    }],
                },
            },
            content: self.content.to_json(),
        };
        Ok(serde_json::to_vec(&bundle)?)
    }

    fn entry<'a>(&self, checkpoint: &'a str) -> TlogEntry<'a> {
        let index = self.inclusion.index.to_string();
        TlogEntry {
            log_index: index.clone(),
            log_id: KeyId {
                key_id: STANDARD.encode(self.log_id),
            },
            kind_version: KindVersion {
                kind: entry::KIND,
                version: entry::API_VERSION,
            },
            inclusion_proof: InclusionProof {
                log_index: index,
                root_hash: STANDARD.encode(self.inclusion.root.as_bytes()),
                tree_size: self.inclusion.size.to_string(),
                hashes: self
                    .inclusion
                    .hashes
                    .iter()
                    .map(|hash| STANDARD.encode(hash.as_bytes()))
                    .collect(),
                checkpoint: Checkpoint {
                    envelope: checkpoint,
                },
            },
            canonicalized_body: STANDARD.encode(self.body),
        }
    }
}

/// The bundle of what several services gave: the signer's material, entries and timestamps as they
/// stand in a bundle.
pub(crate) fn assemble(
    material: Value,
    entries: Vec<&Value>,
    timestamps: &[&[u8]],
    content: &Content,
) -> Result<Vec<u8>, BundleError> {
    let timestamps: Vec<Value> = timestamps
        .iter()
        .map(|it| serde_json::json!({ "signedTimestamp": STANDARD.encode(it) }))
        .collect();
    let mut fields = match material {
        Value::Object(fields) => fields,
        _ => serde_json::Map::new(),
    };
    fields.insert(
        "tlogEntries".to_owned(),
        entries.into_iter().cloned().collect(),
    );
    fields.insert(
        "timestampVerificationData".to_owned(),
        serde_json::json!({ "rfc3161Timestamps": timestamps }),
    );
    let bundle = Assembled {
        media_type: MEDIA_TYPE,
        verification_material: fields,
        content: content.to_json(),
    };
    Ok(serde_json::to_vec(&bundle)?)
}

impl Content {
    fn to_json(&self) -> ContentJson {
        match self {
            Self::Message { digest, signature } => {
                ContentJson::MessageSignature(MessageSignature {
                    message_digest: MessageDigest {
                        algorithm: match digest.algorithm() {
                            Algorithm::Sha256 => "SHA2_256",
                            Algorithm::Sha384 => "SHA2_384",
                            Algorithm::Sha512 => "SHA2_512",
                        },
                        digest: STANDARD.encode(digest.as_bytes()),
                    },
                    signature: STANDARD.encode(signature),
                })
            }
            Self::Envelope(envelope) => ContentJson::DsseEnvelope(envelope.to_json()),
        }
    }
}

/// Why a bundle could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The log gave a checkpoint that is not text.
    #[error("the log's checkpoint is not UTF-8")]
    Checkpoint,
    /// The JSON library failed.
    #[error("bundle: {0}")]
    Json(#[from] serde_json::Error),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bundle<'a> {
    media_type: &'static str,
    verification_material: VerificationMaterial<'a>,
    #[serde(flatten)]
    content: ContentJson,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Assembled {
    media_type: &'static str,
    verification_material: serde_json::Map<String, Value>,
    #[serde(flatten)]
    content: ContentJson,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VerificationMaterial<'a> {
    public_key: PublicKey,
    tlog_entries: [TlogEntry<'a>; 1],
    timestamp_verification_data: TimestampData,
}

#[derive(Serialize)]
struct PublicKey {
    hint: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TlogEntry<'a> {
    log_index: String,
    log_id: KeyId,
    kind_version: KindVersion,
    inclusion_proof: InclusionProof<'a>,
    canonicalized_body: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyId {
    key_id: String,
}

#[derive(Serialize)]
struct KindVersion {
    kind: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InclusionProof<'a> {
    log_index: String,
    root_hash: String,
    tree_size: String,
    hashes: Vec<String>,
    checkpoint: Checkpoint<'a>,
}

#[derive(Serialize)]
struct Checkpoint<'a> {
    envelope: &'a str,
}

#[derive(Serialize)]
struct TimestampData {
    #[serde(rename = "rfc3161Timestamps")]
    rfc3161_timestamps: [SignedTimestamp; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SignedTimestamp {
    signed_timestamp: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum ContentJson {
    MessageSignature(MessageSignature),
    DsseEnvelope(Value),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageSignature {
    message_digest: MessageDigest,
    signature: String,
}

#[derive(Serialize)]
struct MessageDigest {
    algorithm: &'static str,
    digest: String,
}

const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
