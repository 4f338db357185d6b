//! Writing to public logs: Rekor v1 and v2.
//!
//! ```text
//! POST /api/v2/log/entries
//! {"hashedRekordRequestV002":{"digest":"…","signature":{"content":"…","verifier":{
//!    "x509Certificate":{"rawBytes":"…"},"keyDetails":"PKIX_ECDSA_P256_SHA_256"}}}}
//! ◄ 201 {"logIndex":"…","logId":{…},"kindVersion":{…},"inclusionProof":{…},"canonicalizedBody":"…"}
//!
//! POST /api/v1/log/entries
//! {"apiVersion":"0.0.1","kind":"hashedrekord","spec":{"data":{"hash":{…}},"signature":{"content":"…","publicKey":{"content":"…"}}}}
//! ◄ 201 {"<uuid>":{"body":"…","integratedTime":…,"logID":"…","logIndex":…,"verification":{…}}}
//! ```

use attest_provenance::base64;
use attest_provenance::json::Value;
use attest_sign::{EntryLog, LogAppendError, LogEntry, Proposal, ProposedVerifier};
use serde_json::json;

use crate::http::{Persistence, Reply, Runtime, runtime, several};
use crate::service::{Endpoint, ServiceError};

/// A Rekor behind an HTTP address.
#[derive(Debug)]
pub struct Rekor {
    address: String,
    writing: Writing,
    runtime: Runtime,
}

/// Which of its two APIs a log speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RekorVersion {
    /// Entries of many kinds, each with the log's own time.
    V1,
    /// `hashedrekord` alone, without time.
    V2,
}

#[derive(Debug, Clone)]
struct Writing {
    version: RekorVersion,
    endpoint: Endpoint,
}

impl Rekor {
    /// The log at this address; nothing is sent yet.
    ///
    /// # Errors
    /// `service-address`, or this machine cannot make connections.
    pub fn new(
        address: &str,
        version: RekorVersion,
        persistence: Persistence,
    ) -> Result<Self, ServiceError> {
        let endpoint = Endpoint::new(KIND, address, persistence)?;
        Ok(Self {
            address: address.to_owned(),
            writing: Writing { version, endpoint },
            runtime: runtime().map_err(|source| ServiceError::Dial { kind: KIND, source })?,
        })
    }

    /// The host that is called.
    pub fn host(&self) -> &str {
        self.writing.endpoint.host()
    }
}

impl EntryLog for Rekor {
    fn address(&self) -> &str {
        &self.address
    }

    fn tells_time(&self) -> bool {
        self.writing.version == RekorVersion::V1
    }

    fn add_all(
        &self,
        proposals: &[Proposal<'_>],
        heard: &mut dyn FnMut(usize, Result<LogEntry, LogAppendError>),
    ) {
        let work = proposals.iter().map(|proposal| {
            let request = match self.writing.version {
                RekorVersion::V1 => request_v1(proposal),
                RekorVersion::V2 => request_v2(proposal),
            };
            let writing = self.writing.clone();
            async move { writing.add(&request).await }
        });
        let work: Vec<_> = work.collect();
        let all = several(work, AT_ONCE, |at, answer| {
            heard(at, answer.map_err(LogAppendError::from));
        });
        self.runtime.block_on(all);
    }
}

impl Writing {
    async fn add(&self, request: &Value) -> Result<LogEntry, ServiceError> {
        let path = match self.version {
            RekorVersion::V1 => ENTRIES_V1,
            RekorVersion::V2 => ENTRIES_V2,
        };
        let reply = self.endpoint.post(path, request).await?;
        let is_known = reply.status == CONFLICT;
        let reply = if is_known {
            self.existing(&reply).await?
        } else {
            reply
        };
        let body = self.endpoint.body(reply)?;
        let entry = match self.version {
            RekorVersion::V1 => LogEntry::from_v1(&body),
            RekorVersion::V2 => LogEntry::from_v2(&body),
        };
        let entry = entry.map_err(|error| self.endpoint.malformed(&error))?;
        Ok(if is_known {
            entry.known_before()
        } else {
            entry
        })
    }

    /// The entry that is there already. A Rekor v2 log gives no proof of it.
    async fn existing(&self, reply: &Reply) -> Result<Reply, ServiceError> {
        let exists = || ServiceError::Exists {
            host: self.endpoint.host().to_owned(),
            index: claimed_index(reply.body.as_deref().unwrap_or_default()),
        };
        if self.version == RekorVersion::V2 {
            return Err(exists());
        }
        let id = reply
            .location
            .as_deref()
            .and_then(|it| it.rsplit('/').next());
        let id = id.filter(|it| is_entry_id(it)).ok_or_else(exists)?;
        self.endpoint.get(&format!("{ENTRIES_V1}/{id}")).await
    }
}

/// `{"code":6,"message":"an equivalent entry already exists in the transparency log with index 7"}`: where
/// a Rekor v2 says that it has an entry. Its tiles prove it, or nothing does.
fn claimed_index(body: &[u8]) -> Option<u64> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let (_, index) = answer.get("message")?.as_str()?.rsplit_once(" index ")?;
    index.parse().ok()
}

fn request_v2(proposal: &Proposal<'_>) -> Value {
    let mut verifier = json!({ "keyDetails": proposal.key_details });
    let (field, der) = match proposal.verifier {
        ProposedVerifier::PublicKey(spki) => ("publicKey", spki),
        ProposedVerifier::Certificate(der) => ("x509Certificate", der),
    };
    if let Some(fields) = verifier.as_object_mut() {
        fields.insert(field.to_owned(), json!({ "rawBytes": base64::encode(der) }));
    }
    json!({
        "hashedRekordRequestV002": {
            "digest": base64::encode(proposal.digest.as_bytes()),
            "signature": {"content": base64::encode(proposal.signature), "verifier": verifier},
        },
    })
}

fn request_v1(proposal: &Proposal<'_>) -> Value {
    let verifier = match proposal.verifier {
        ProposedVerifier::PublicKey(spki) => pem("PUBLIC KEY", spki),
        ProposedVerifier::Certificate(der) => pem("CERTIFICATE", der),
    };
    let verifier = base64::encode(verifier.as_bytes());
    let (kind, spec) = if let Some(envelope) = proposal.envelope {
        let content = json!({
            "envelope": envelope.to_json().to_string(),
            "verifiers": [verifier],
        });
        ("dsse", json!({ "proposedContent": content }))
    } else {
        let (algorithm, digest) = (proposal.digest.algorithm().name(), proposal.digest.hex());
        let spec = json!({
            "data": {"hash": {"algorithm": algorithm, "value": digest}},
            "signature": {
                "content": base64::encode(proposal.signature),
                "publicKey": {"content": verifier},
            },
        });
        ("hashedrekord", spec)
    };
    json!({"apiVersion": "0.0.1", "kind": kind, "spec": spec})
}

/// As Go writes it: lines of 64 characters, and one at the end. The entry holds these very bytes.
fn pem(label: &str, der: &[u8]) -> String {
    let data = base64::encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    for (at, character) in data.char_indices() {
        if at > 0 && at.is_multiple_of(64) {
            text.push('\n');
        }
        text.push(character);
    }
    text + &format!("\n-----END {label}-----\n")
}

/// A leaf hash, or that of a tree before it.
fn is_entry_id(text: &str) -> bool {
    matches!(text.len(), 64 | 80) && text.bytes().all(|it| it.is_ascii_hexdigit())
}

const KIND: &str = "log";
const ENTRIES_V1: &str = "api/v1/log/entries";
const ENTRIES_V2: &str = "api/v2/log/entries";
const CONFLICT: u16 = 409;
/// A Rekor v2 answers when its next checkpoint is there: entries wait together.
const AT_ONCE: usize = 16;
