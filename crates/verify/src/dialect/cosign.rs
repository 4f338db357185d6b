//! cosign's forms before version 3: a bundle of its own, and a detached signature.

use attest_provenance::json::{self, Object, Value};
use attest_provenance::{Envelope, base64};
use serde_json::json;

use crate::bundle::Bundle;
use crate::dialect::draft::{Draft, DraftContent, DraftSigner};
use crate::dialect::{Dialect, DialectError, pem};
use crate::limits;

/// Reads cosign's older bundle.
///
/// ```text
/// {"base64Signature":"MEU…","cert":"LS0tLS1CRUdJTi…",
///  "rekorBundle":{"SignedEntryTimestamp":"MEQ…",
///    "Payload":{"body":"eyJhc…","integratedTime":1700000000,"logIndex":123,"logID":"c0d23d6a…"}}}
/// ```
/// The certificate is the base64 of PEM, or a public key in its place. For a statement the signature
/// is the base64 of a whole envelope. The log's promise is all that it has: there is no inclusion proof.
pub(super) fn bundle(bytes: &[u8]) -> Result<Bundle, DialectError> {
    let mut object = Object::new("", json::parse(bytes, limits::BUNDLE)?)?;
    let signature = object.take_bytes("base64Signature")?;
    let signer = object.take_optional_string("cert")?;
    let logged = object.take_optional_object("rekorBundle")?;
    object.finish()?;
    let signer = match signer {
        Some(text) => pem::signer(text.as_bytes())?,
        None => DraftSigner::Key { hint: None },
    };
    let draft = Draft {
        dialect: Dialect::CosignBundle,
        signer,
        content: content(signature)?,
        entries: logged.map(entry).transpose()?.into_iter().collect(),
        timestamps: Vec::new(),
    };
    draft.bundle()
}

/// Reads a signature in base64, on one line.
pub(super) fn signature(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let signature = base64::decode(text).ok()?;
    (!signature.is_empty() && signature.len() <= limits::SIGNATURE_BYTES).then_some(signature)
}

/// A detached signature and the certificate, or key, that lies beside it: it proves no time and no log.
///
/// # Errors
/// What lies beside it is neither certificate nor key.
pub fn with_certificate(signature: Vec<u8>, beside: Option<&[u8]>) -> Result<Bundle, DialectError> {
    let signer = match beside {
        // A file ends in a line break.
        Some(bytes) => pem::signer(bytes.strip_suffix(b"\n").unwrap_or(bytes))?,
        None => DraftSigner::Key { hint: None },
    };
    let draft = Draft {
        dialect: Dialect::Signature,
        signer,
        content: DraftContent::Message(signature),
        entries: Vec::new(),
        timestamps: Vec::new(),
    };
    draft.bundle()
}

/// A signature begins with a tag of DER, or is a number; an envelope begins with a brace.
fn content(signature: Vec<u8>) -> Result<DraftContent, DialectError> {
    if signature.first() != Some(&b'{') {
        return Ok(DraftContent::Message(signature));
    }
    let envelope = Envelope::parse(&signature)?;
    Ok(DraftContent::of(&envelope, envelope.only_signature()?))
}

/// The entry as a bundle has it. Its kind is what its body says.
pub(super) fn entry(mut logged: Object) -> Result<Value, DialectError> {
    let promise = logged.take_bytes("SignedEntryTimestamp")?;
    let mut payload = logged.take_object("Payload")?;
    logged.finish()?;
    let body = payload.take_bytes("body")?;
    let time = payload.take_u64("integratedTime")?;
    let index = payload.take_u64("logIndex")?;
    let log_id = payload.take_string("logID")?;
    payload.finish()?;
    let id =
        hex::decode(&log_id).map_err(|_| DialectError::problem("logID", "is not hexadecimal"))?;
    if hex::encode(&id) != log_id {
        return Err(DialectError::problem("logID", "is not in lower case"));
    }
    let (kind, version) = kind(&body)?;
    Ok(json!({
        "logIndex": index.to_string(),
        "logId": {"keyId": base64::encode(&id)},
        "kindVersion": {"kind": kind, "version": version},
        "integratedTime": time.to_string(),
        "inclusionPromise": {"signedEntryTimestamp": base64::encode(&promise)},
        "canonicalizedBody": base64::encode(&body),
    }))
}

fn kind(body: &[u8]) -> Result<(String, String), DialectError> {
    let body = json::parse(body, limits::BUNDLE)?;
    let text = |field: &str| body.get(field).and_then(Value::as_str).map(str::to_owned);
    let kind = text("kind").zip(text("apiVersion"));
    kind.ok_or_else(|| DialectError::problem("rekorBundle.Payload.body", "is no log entry"))
}
