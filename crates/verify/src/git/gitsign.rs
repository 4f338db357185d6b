//! gitsign's signatures: CMS by a certificate, with the entry of a transparency log inside.
//!
//! What is signed are the attributes, which hold the digest of the object. So the signature is written
//! down as a Sigstore bundle over the attributes and takes every step of one: signer, chain, certificate
//! log, entry, inclusion, times, and the engine's second opinion.

use attest_provenance::base64;
use attest_provenance::json::Value;

use super::armor;
use super::log_entry;
use crate::asn1::certificate::Certificate;
use crate::asn1::signed_object::SignedObject;
use crate::body::{self, EntryKind, Signed};
use crate::bundle::Bundle;
use crate::check::Check;
use crate::crypto;
use crate::dialect::Dialect;
use crate::dialect::draft::{Draft, DraftContent, DraftSigner};
use crate::key::PublicKey;

/// A signature over a git object, as claimed.
pub(super) struct Claimed {
    pub(super) bundle: Bundle,
    /// What the bundle signs: the attributes.
    pub(super) attributes: Vec<u8>,
}

/// Reads the signature and binds it to the object's bytes.
pub(super) fn read(signature: &[u8], payload: &[u8]) -> Result<Claimed, Check> {
    let malformed = |found: &str| Check::new("signature-malformed", found, "gitsign's signature");
    let der = armor::cms(signature).ok_or_else(|| malformed("no armor in canonical base64"))?;
    let signed = SignedObject::parse(&der).map_err(|it| malformed(&it.to_string()))?;
    let observed = crypto::hash(signed.message_digest.algorithm(), payload);
    if observed != signed.message_digest {
        return Err(Check::new(
            "digest-mismatch",
            observed,
            signed.message_digest,
        ));
    }
    let entry = signed.log_entry.as_deref().map(|it| {
        let entry = log_entry::read(it).ok_or_else(|| malformed("a log entry that is none"))?;
        Ok::<Value, Check>(with_body(entry, &signed))
    });
    let draft = Draft {
        dialect: Dialect::Cms,
        signer: DraftSigner::Certificates(vec![signed.certificate.clone()]),
        content: DraftContent::Message(signed.signature.clone()),
        entries: entry.transpose()?.into_iter().collect(),
        timestamps: signed
            .timestamp
            .iter()
            .map(|it| base64::encode(it))
            .collect(),
    };
    let bundle = draft
        .bundle()
        .map_err(|error| Check::new(error.code(), &error, error.wanted()))?;
    Ok(Claimed {
        bundle,
        attributes: signed.signed_attributes,
    })
}

/// gitsign leaves the body out: it is the one that an entry about this very signature has, and the
/// promise and the proof tell whether the log took that.
fn with_body(mut entry: serde_json::Map<String, Value>, signed: &SignedObject) -> Value {
    if !entry.contains_key("canonicalizedBody")
        && let Some(body) = body_of(&entry, signed)
    {
        entry.insert("canonicalizedBody".to_owned(), base64::encode(&body).into());
    }
    Value::Object(entry)
}

fn body_of(entry: &serde_json::Map<String, Value>, signed: &SignedObject) -> Option<Vec<u8>> {
    let kind = entry.get("kindVersion")?;
    let text = |field: &str| kind.get(field).and_then(Value::as_str);
    let kind = match (text("kind")?, text("version")?) {
        ("hashedrekord", "0.0.1") => EntryKind::HashedRekordV1,
        ("hashedrekord", "0.0.2") => EntryKind::HashedRekordV2,
        _ => return None,
    };
    let certificate = Certificate::parse(&signed.certificate).ok()?;
    let key = PublicKey::from_spki(certificate.spki()).ok()?;
    let algorithm = key.kind().digest_algorithm();
    let signed = Signed {
        digest: crypto::hash(algorithm, &signed.signed_attributes),
        signature: &signed.signature,
        key: &key,
        certificate: Some(&signed.certificate),
        pure: false,
        envelope: None,
    };
    body::expected(kind, &signed, &[])
}
