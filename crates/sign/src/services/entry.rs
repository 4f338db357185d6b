//! What a log answers, put into the form of a bundle. Nothing of it is verified here.
//!
//! Zero values stand there in full, as sigstore-python wants them; what only the log needs is left
//! away.

use attest_log::entry::{self, Entry};
use attest_log::{Hash, Inclusion};
use attest_provenance::base64;
use attest_provenance::json::{self, FieldError, JsonError, Object, Value};
use serde_json::json;

use crate::limits;

/// An entry as a log answered it: `tlogEntries` of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    json: Value,
    index: u64,
    known: bool,
}

impl LogEntry {
    /// Reads the answer of a Rekor v2 log: protobuf's JSON of a `TransparencyLogEntry`.
    ///
    /// # Errors
    /// Too large, not JSON of one meaning, or a field that is absent or of another type.
    pub fn from_v2(answer: &[u8]) -> Result<Self, EntryAnswerError> {
        let mut object = Object::new("", json::parse(answer, limits::LOG_ANSWER)?)?;
        let index = object.take_optional_int64("logIndex")?.unwrap_or(0);
        let id = object.take_object("logId")?.take_bytes("keyId")?;
        let mut kind = object.take_object("kindVersion")?;
        let kind = (kind.take_text("kind")?, kind.take_text("version")?);
        let body = object.take_bytes("canonicalizedBody")?;
        let mut proof = object.take_object("inclusionProof")?;
        let proof = Proof {
            index: proof.take_optional_int64("logIndex")?.unwrap_or(0),
            size: proof.take_optional_int64("treeSize")?.unwrap_or(0),
            root: proof.take_bytes("rootHash")?,
            hashes: strings(&mut proof)?,
            checkpoint: proof.take_object("checkpoint")?.take_text("envelope")?,
        };
        Ok(Self {
            json: entry_json(index, &id, &kind, &body, &proof),
            index,
            known: false,
        })
    }

    /// Reads the answer of a Rekor v1 log: one entry by its id.
    ///
    /// # Errors
    /// Too large, not JSON of one meaning, not exactly one entry, or a field that is absent or of
    /// another type.
    pub fn from_v1(answer: &[u8]) -> Result<Self, EntryAnswerError> {
        let answer = json::parse(answer, limits::LOG_ANSWER)?;
        let Some((_, logged)) = answer
            .as_object()
            .filter(|it| it.len() == 1)
            .and_then(|it| it.iter().next())
        else {
            return Err(EntryAnswerError::Count);
        };
        let mut object = Object::new("entry", logged.clone())?;
        let body = object.take_bytes("body")?;
        let index = object.take_u64("logIndex")?;
        let time = object.take_u64("integratedTime")?;
        let id = unhex(&object.take_text("logID")?, "logID")?;
        let mut verification = object.take_object("verification")?;
        let promise = verification.take_bytes("signedEntryTimestamp")?;
        let mut proof = verification.take_object("inclusionProof")?;
        let hashes = proof.take_optional_strings("hashes", limits::PROOF_HASHES)?;
        let hashes = hashes.iter().map(|it| unhex(it, "hashes"));
        let proof = Proof {
            index: proof.take_u64("logIndex")?,
            size: proof.take_u64("treeSize")?,
            root: unhex(&proof.take_text("rootHash")?, "rootHash")?,
            hashes: hashes
                .map(|it| it.map(|bytes| base64::encode(&bytes)))
                .collect::<Result<_, _>>()?,
            checkpoint: proof.take_text("checkpoint")?,
        };
        let mut logged = Object::new("body", json::parse(&body, limits::LOG_ANSWER)?)?;
        let kind = (logged.take_text("kind")?, logged.take_text("apiVersion")?);
        let mut json = entry_json(index, &id, &kind, &body, &proof);
        if let Some(fields) = json.as_object_mut() {
            fields.insert("integratedTime".to_owned(), time.to_string().into());
            let promise = json!({ "signedEntryTimestamp": base64::encode(&promise) });
            fields.insert("inclusionPromise".to_owned(), promise);
        }
        Ok(Self {
            json,
            index,
            known: false,
        })
    }

    /// The entry of a log of tiles, as its own files prove it.
    pub fn of_tiles(log_id: &[u8; 32], entry: &Entry, inclusion: &Inclusion) -> Self {
        let (index, hashes) = (inclusion.index, inclusion.hashes.iter());
        let kind = (entry::KIND.to_owned(), entry::API_VERSION.to_owned());
        let proof = Proof {
            index,
            size: inclusion.size,
            root: inclusion.root.as_bytes().to_vec(),
            hashes: hashes.map(Hash::to_base64).collect(),
            checkpoint: String::from_utf8_lossy(&inclusion.checkpoint).into_owned(),
        };
        Self {
            json: entry_json(index, log_id, &kind, &entry.body(), &proof),
            index,
            known: true,
        }
    }

    /// The same, of a log that had it before it was asked.
    #[must_use]
    pub fn known_before(self) -> Self {
        Self {
            known: true,
            ..self
        }
    }

    /// Whether the log had it before it was asked.
    pub const fn is_known(&self) -> bool {
        self.known
    }

    /// Its place in the log.
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// As it stands in the `tlogEntries` of a bundle.
    pub const fn to_json(&self) -> &Value {
        &self.json
    }

    pub(super) fn from_kept(json: Value) -> Option<Self> {
        let index = json.get("logIndex")?.as_str()?.parse().ok()?;
        Some(Self {
            json,
            index,
            known: false,
        })
    }
}

struct Proof {
    index: u64,
    size: u64,
    root: Vec<u8>,
    /// In base64.
    hashes: Vec<String>,
    checkpoint: String,
}

fn entry_json(index: u64, id: &[u8], kind: &(String, String), body: &[u8], proof: &Proof) -> Value {
    json!({
        "logIndex": index.to_string(),
        "logId": {"keyId": base64::encode(id)},
        "kindVersion": {"kind": kind.0, "version": kind.1},
        "inclusionProof": {
            "logIndex": proof.index.to_string(),
            "rootHash": base64::encode(&proof.root),
            "treeSize": proof.size.to_string(),
            "hashes": proof.hashes,
            "checkpoint": {"envelope": proof.checkpoint},
        },
        "canonicalizedBody": base64::encode(body),
    })
}

/// An empty list is left away by protobuf's JSON.
fn strings(proof: &mut Object) -> Result<Vec<String>, FieldError> {
    proof.take_optional_strings("hashes", limits::PROOF_HASHES)
}

fn unhex(text: &str, field: &'static str) -> Result<Vec<u8>, EntryAnswerError> {
    hex::decode(text).map_err(|_| EntryAnswerError::Hex { field })
}

/// Why an answer is not an entry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EntryAnswerError {
    /// Not JSON of one meaning.
    #[error("the answer is not readable: {0}")]
    Json(#[from] JsonError),
    /// Not the fields of an entry.
    #[error("the answer is malformed: {0}")]
    Field(#[from] FieldError),
    /// None, or several.
    #[error("the answer does not hold exactly one entry")]
    Count,
    /// Not hexadecimal.
    #[error("the answer is malformed: {field} is not hexadecimal")]
    Hex {
        /// Which field.
        field: &'static str,
    },
}
