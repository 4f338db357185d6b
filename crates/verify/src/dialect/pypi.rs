//! Attestations of distributions on `PyPI`: [PEP 740](https://peps.python.org/pep-0740/).

use attest_provenance::json::{self, Object, Value};
use attest_provenance::{EnvelopeSignature, PAYLOAD_TYPE, base64};

use crate::bundle::Bundle;
use crate::dialect::draft::{Draft, DraftContent, DraftSigner};
use crate::dialect::{Dialect, DialectError};
use crate::limits;

/// Reads a provenance file: one bundle for each attestation of each publisher.
///
/// ```text
/// {"version":1,"attestation_bundles":[
///   {"publisher":{"kind":"GitHub","repository":"a/b","workflow":"release.yml"},"attestations":[{…}]}]}
/// ```
/// Nobody signed the publishers: they are read for their form and used for nothing.
pub(super) fn provenance(bytes: &[u8]) -> Result<Vec<Bundle>, DialectError> {
    let mut object = Object::new("", json::parse(bytes, DOCUMENT)?)?;
    version(&mut object)?;
    let groups = object.take_objects("attestation_bundles", limits::EVIDENCE_PIECES)?;
    object.finish()?;
    let mut bundles = Vec::new();
    for mut group in groups {
        let kind = group.take_object("publisher")?.into_rest().remove("kind");
        let attestations = group.take_objects("attestations", limits::EVIDENCE_PIECES)?;
        group.finish()?;
        if !kind.is_some_and(|it| it.is_string()) {
            return Err(DialectError::problem("publisher", "has no kind"));
        }
        for attestation in attestations {
            bundles.push(of_object(attestation, Dialect::PypiProvenance)?);
            if bundles.len() > limits::EVIDENCE_PIECES {
                return Err(DialectError::TooMany);
            }
        }
    }
    if bundles.is_empty() {
        return Err(DialectError::problem("attestation_bundles", "is empty"));
    }
    Ok(bundles)
}

/// Reads one attestation.
///
/// ```text
/// {"version":1,
///  "verification_material":{"certificate":"MIIC…","transparency_entries":[{…}]},
///  "envelope":{"statement":"eyJfdHlw…","signature":"MEU…"}}
/// ```
pub(super) fn attestation(bytes: &[u8]) -> Result<Bundle, DialectError> {
    let object = Object::new("", json::parse(bytes, DOCUMENT)?)?;
    of_object(object, Dialect::PypiAttestation)
}

fn of_object(mut object: Object, dialect: Dialect) -> Result<Bundle, DialectError> {
    version(&mut object)?;
    let mut material = object.take_object("verification_material")?;
    let mut envelope = object.take_object("envelope")?;
    object.finish()?;
    let certificate = material.take_bytes("certificate")?;
    let entries = material.take_array("transparency_entries", limits::LOG_ENTRIES)?;
    let timestamps = material.take_optional_array("timestamps", limits::TIMESTAMPS)?;
    material.finish()?;
    let statement = envelope.take_bytes("statement")?;
    let signature = envelope.take_bytes("signature")?;
    envelope.finish()?;
    let text = |it: Value| it.as_str().map(str::to_owned);
    let timestamps: Option<Vec<String>> = timestamps.into_iter().map(text).collect();
    let timestamps = timestamps
        .filter(|it| it.iter().all(|it| base64::decode(it).is_ok()))
        .ok_or_else(|| DialectError::problem("timestamps", "are not in base64"))?;
    let draft = Draft {
        dialect,
        signer: DraftSigner::Certificates(vec![certificate]),
        content: DraftContent::Envelope {
            payload_type: PAYLOAD_TYPE.to_owned(),
            payload: statement,
            signature: EnvelopeSignature {
                keyid: None,
                sig: signature,
            },
        },
        entries,
        timestamps,
    };
    draft.bundle()
}

fn version(object: &mut Object) -> Result<(), DialectError> {
    let found = object.take_u64("version")?;
    if found != 1 {
        return Err(DialectError::problem(
            "version",
            format!("is {found}, wanted 1"),
        ));
    }
    Ok(())
}

/// A log entry, five levels deeper than in its bundle.
const DOCUMENT: json::Limits = json::Limits {
    bytes: limits::BUNDLE_BYTES,
    depth: limits::BUNDLE_DEPTH + 5,
};
