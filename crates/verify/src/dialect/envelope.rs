//! DSSE envelopes that stand alone, such as the provenance of SLSA's generators.

use attest_provenance::json::{self, Object, Value};
use attest_provenance::{Envelope, EnvelopeSignature};
use serde_json::json;

use crate::bundle::Bundle;
use crate::dialect::draft::{Draft, DraftContent, DraftSigner};
use crate::dialect::{Dialect, DialectError, pem};
use crate::limits;

/// Reads an envelope: one bundle for each of its signatures, so that each counts by itself.
///
/// ```text
/// {"payloadType":"application/vnd.in-toto+json","payload":"eyJfdHlw…",
///  "signatures":[{"keyid":"","sig":"MEU…","cert":"-----BEGIN CERTIFICATE-----\n…"}]}
/// ```
/// It has no log entry and no time, so that a certificate in it proves nothing: it was valid for
/// minutes, and nobody says when.
pub(super) fn bundles(bytes: &[u8]) -> Result<Vec<Bundle>, DialectError> {
    let mut object = Object::new("", json::parse(bytes, limits::BUNDLE)?)?;
    let payload_type = object.take("payloadType")?;
    let payload = standard(object.take("payload")?);
    let signatures = object.take_objects("signatures", limits::EVIDENCE_PIECES)?;
    object.finish()?;
    // Each of them takes the payload along.
    let together = bytes.len().saturating_mul(signatures.len());
    if together > limits::EVIDENCE_BYTES {
        return Err(DialectError::TooLarge {
            found: together,
            limit: limits::EVIDENCE_BYTES,
        });
    }
    let mut signers = Vec::new();
    let mut plain: Vec<Value> = Vec::new();
    for mut signature in signatures {
        if WITNESS.iter().any(|field| signature.has(field)) {
            return Err(DialectError::Unsupported {
                dialect: Dialect::Witness,
            });
        }
        signers.push(match signature.take_optional_string("cert")? {
            Some(text) => pem::signer(text.as_bytes())?,
            None => DraftSigner::Key { hint: None },
        });
        let mut rest = signature.into_rest();
        if let Some(sig) = rest.remove("sig") {
            rest.insert("sig".to_owned(), standard(sig));
        }
        plain.push(Value::Object(rest));
    }
    let envelope = Envelope::from_json(json!({
        "payloadType": payload_type,
        "payload": payload,
        "signatures": plain,
    }))?;
    refuse_repeated(envelope.signatures())?;
    let signed = envelope.signatures().iter().zip(signers);
    signed
        .map(|(signature, signer)| {
            let draft = Draft {
                dialect: Dialect::Envelope,
                signer,
                content: DraftContent::of(&envelope, signature),
                entries: Vec::new(),
                timestamps: Vec::new(),
            };
            draft.bundle()
        })
        .collect()
}

/// Base64 in the standard alphabet: DSSE lets writers choose, as Google Cloud Build does. A text that
/// mixes the alphabets is left as it is, and refused.
fn standard(value: Value) -> Value {
    match value {
        Value::String(text) if !text.contains(['+', '/']) => {
            Value::String(text.replace('-', "+").replace('_', "/"))
        }
        other => other,
    }
}

fn refuse_repeated(signatures: &[EnvelopeSignature]) -> Result<(), DialectError> {
    let repeated = signatures.iter().enumerate().any(|(index, one)| {
        let mut earlier = signatures.iter().take(index);
        earlier.any(|other| other.sig == one.sig)
    });
    if repeated {
        return Err(DialectError::problem("signatures", "has a signature twice"));
    }
    Ok(())
}

/// What witness adds to a signature.
const WITNESS: [&str; 3] = ["certificate", "intermediates", "timestamps"];
