//! A bundle put together from the fields of another form, word for word. It is written down as a
//! bundle and read as one, so that no check is made weaker by the way it came.

use attest_provenance::json::Value;
use attest_provenance::{Envelope, EnvelopeSignature, base64};
use serde_json::json;

use crate::bundle::Bundle;
use crate::dialect::{Dialect, DialectError};

/// Who claims to have signed.
pub(crate) enum DraftSigner {
    /// A key, and what it is called.
    Key { hint: Option<String> },
    /// A certificate, and its issuers if there are any, in DER.
    Certificates(Vec<Vec<u8>>),
}

pub(crate) struct Draft {
    pub(crate) dialect: Dialect,
    pub(crate) signer: DraftSigner,
    pub(crate) content: DraftContent,
    /// Log entries as a bundle has them.
    pub(crate) entries: Vec<Value>,
    /// RFC 3161 timestamps in base64.
    pub(crate) timestamps: Vec<String>,
}

/// What was signed.
pub(crate) enum DraftContent {
    Message(Vec<u8>),
    Envelope {
        payload_type: String,
        payload: Vec<u8>,
        signature: EnvelopeSignature,
    },
}

impl DraftContent {
    /// An envelope with one of its signatures.
    pub(crate) fn of(envelope: &Envelope, signature: &EnvelopeSignature) -> Self {
        Self::Envelope {
            payload_type: envelope.payload_type().to_owned(),
            payload: envelope.unverified_payload().to_owned(),
            signature: signature.clone(),
        }
    }
}

impl Draft {
    /// The bundle with these fields.
    ///
    /// # Errors
    /// What no bundle has.
    pub(crate) fn bundle(self) -> Result<Bundle, DialectError> {
        let dialect = self.dialect;
        // Only the text is held while it is read: the payload stands in it already.
        let text = self.write();
        Ok(Bundle::parse(text.as_bytes())?.written_as(dialect))
    }

    fn write(self) -> String {
        // Version 0.1 is the one whose entries need no proof: what follows from that is the verifier's.
        let only_promised = self.entries.iter().any(has_no_proof);
        let (media_type, signer) = match self.signer {
            DraftSigner::Key { hint } => {
                let key = hint.map_or_else(|| json!({}), |it| json!({"hint": it}));
                let media_type = if only_promised { V0_1 } else { V0_3 };
                (media_type, ("publicKey", key))
            }
            DraftSigner::Certificates(chain) => {
                let raw = |der: &Vec<u8>| json!({"rawBytes": base64::encode(der)});
                match chain.as_slice() {
                    [only] if !only_promised => (V0_3, ("certificate", raw(only))),
                    chain => {
                        let chain: Vec<Value> = chain.iter().map(raw).collect();
                        let media_type = if only_promised { V0_1 } else { V0_2 };
                        let chain = json!({"certificates": chain});
                        (media_type, ("x509CertificateChain", chain))
                    }
                }
            }
        };
        let stamped = |it: &String| json!({"signedTimestamp": it});
        let timestamps: Vec<Value> = self.timestamps.iter().map(stamped).collect();
        let (name, content) = content(&self.content);
        drop(self.content);
        json!({
            "mediaType": media_type,
            "verificationMaterial": {
                signer.0: signer.1,
                "tlogEntries": self.entries,
                "timestampVerificationData": {"rfc3161Timestamps": timestamps},
            },
            name: content,
        })
        .to_string()
    }
}

fn content(content: &DraftContent) -> (&'static str, Value) {
    match content {
        DraftContent::Message(signature) => {
            let signature = base64::encode(signature);
            ("messageSignature", json!({"signature": signature}))
        }
        DraftContent::Envelope {
            payload_type,
            payload,
            signature,
        } => {
            let sig = base64::encode(&signature.sig);
            let signature = match &signature.keyid {
                Some(keyid) => json!({"sig": sig, "keyid": keyid}),
                None => json!({"sig": sig}),
            };
            let envelope = json!({
                "payloadType": payload_type,
                "payload": base64::encode(payload),
                "signatures": [signature],
            });
            ("dsseEnvelope", envelope)
        }
    }
}

fn has_no_proof(entry: &Value) -> bool {
    entry.get("inclusionProof").is_none()
}

const V0_1: &str = "application/vnd.dev.sigstore.bundle+json;version=0.1";
const V0_2: &str = "application/vnd.dev.sigstore.bundle+json;version=0.2";
const V0_3: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
