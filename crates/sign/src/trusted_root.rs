//! The trusted root: what acquirers need to verify what this identity makes.
//!
//! ```json
//! {"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1",
//!  "tlogs":[{"baseUrl":"https://log-….invalid","hashAlgorithm":"SHA2_256",
//!    "publicKey":{"rawBytes":"…","keyDetails":"PKIX_ED25519","validFor":{"start":"2026-11-21T09:41:07Z"}},
//!    "logId":{"keyId":"…"},"checkpointKeyId":{"keyId":"…"}}],
//!  "certificateAuthorities":[],"ctlogs":[],
//!  "timestampAuthorities":[{"subject":{"organization":"…","commonName":"…"},"uri":"https://…",
//!    "certChain":{"certificates":[{"rawBytes":"…leaf…"},{"rawBytes":"…root…"}]},
//!    "validFor":{"start":"2026-11-21T09:41:07Z"}}]}
//! ```
//! Version 0.1, because sigstore-go and sigstore-python accept no other.

use attest_log::LogKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Serialize;

use crate::authority::AuthorityName;

/// A log to be trusted.
#[derive(Debug, Clone, Copy)]
pub struct TrustedLog<'a> {
    /// Its key and origin.
    pub key: &'a LogKey,
    /// From when on.
    pub since: Timestamp,
}

/// A timestamp authority to be trusted.
#[derive(Debug, Clone, Copy)]
pub struct TrustedAuthority<'a> {
    /// The name that clients show: the leaf's.
    pub name: &'a AuthorityName,
    /// Where it answers, or a name for it: sigstore-go counts one timestamp for each.
    pub uri: &'a str,
    /// DER certificates, leaf first, root last.
    pub chain: &'a [Vec<u8>],
    /// From when on.
    pub since: Timestamp,
}

/// A `trusted_root.json` of these logs and authorities, and of no certificate authority.
///
/// # Errors
/// Never for what can be constructed; the JSON library could fail.
pub fn trusted_root_json(
    logs: &[TrustedLog<'_>],
    authorities: &[TrustedAuthority<'_>],
) -> Result<Vec<u8>, serde_json::Error> {
    let root = Root {
        media_type: MEDIA_TYPE,
        tlogs: logs.iter().map(log).collect(),
        certificate_authorities: [],
        ctlogs: [],
        timestamp_authorities: authorities.iter().map(authority).collect(),
    };
    let mut json = serde_json::to_vec_pretty(&root)?;
    json.push(b'\n');
    Ok(json)
}

fn log(log: &TrustedLog<'_>) -> Log {
    let id = STANDARD.encode(log.key.log_id());
    Log {
        base_url: format!("https://{}", log.key.origin()),
        hash_algorithm: "SHA2_256",
        public_key: PublicKey {
            raw_bytes: STANDARD.encode(log.key.spki()),
            key_details: "PKIX_ED25519",
            valid_for: valid_since(log.since),
        },
        id: KeyId { key_id: id.clone() },
        checkpoint_key_id: KeyId { key_id: id },
    }
}

fn authority<'a>(authority: &TrustedAuthority<'a>) -> Authority<'a> {
    let certificates = authority
        .chain
        .iter()
        .map(|der| RawBytes {
            raw_bytes: STANDARD.encode(der),
        })
        .collect();
    Authority {
        subject: Subject {
            organization: authority.name.organization(),
            common_name: authority.name.common_name(),
        },
        uri: authority.uri,
        cert_chain: Chain { certificates },
        valid_for: valid_since(authority.since),
    }
}

/// A log or authority must not be trusted from later on than its first entry or token: whole
/// seconds, as they are asserted, rounded down.
fn valid_since(since: Timestamp) -> ValidFor {
    let whole = Timestamp::from_second(since.as_second()).unwrap_or(since);
    ValidFor {
        start: whole.to_string(),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Root<'a> {
    media_type: &'static str,
    tlogs: Vec<Log>,
    certificate_authorities: [(); 0],
    ctlogs: [(); 0],
    timestamp_authorities: Vec<Authority<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Log {
    base_url: String,
    hash_algorithm: &'static str,
    public_key: PublicKey,
    #[serde(rename = "logId")]
    id: KeyId,
    checkpoint_key_id: KeyId,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PublicKey {
    raw_bytes: String,
    key_details: &'static str,
    valid_for: ValidFor,
}

#[derive(Serialize)]
struct ValidFor {
    start: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyId {
    key_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Authority<'a> {
    subject: Subject<'a>,
    uri: &'a str,
    cert_chain: Chain,
    valid_for: ValidFor,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Subject<'a> {
    organization: &'a str,
    common_name: &'a str,
}

#[derive(Serialize)]
struct Chain {
    certificates: Vec<RawBytes>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RawBytes {
    raw_bytes: String,
}

const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.trustedroot+json;version=0.1";
