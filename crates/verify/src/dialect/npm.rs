//! The attestations of one version of a package, as npm's registry answers with them.

use attest_provenance::Statement;
use attest_provenance::json::{self, Object};

use crate::bundle::{Bundle, Content};
use crate::dialect::{Dialect, DialectError};
use crate::limits;

/// Reads the registry's answer: one bundle for each attestation, all about one package.
///
/// ```text
/// {"attestations":[
///   {"predicateType":"https://github.com/npm/attestation/tree/main/specs/publish/v0.1","bundle":{…}},
///   {"predicateType":"https://slsa.dev/provenance/v1","bundle":{…}}]}
/// ```
/// The first is the registry's, by its own key, the second the workflow's. What approves is the
/// policy's to say; that they are about one package is said here, of what they claim.
pub(super) fn bundles(bytes: &[u8]) -> Result<Vec<Bundle>, DialectError> {
    let mut object = Object::new("", json::parse(bytes, DOCUMENT)?)?;
    let attestations = object.take_objects("attestations", limits::EVIDENCE_PIECES)?;
    object.finish()?;
    let mut statements: Vec<Statement> = Vec::new();
    let mut bundles = Vec::new();
    for mut attestation in attestations {
        let at = attestation.path().to_owned();
        let predicate_type = attestation.take_string("predicateType")?;
        let bundle = attestation.take("bundle")?;
        attestation.finish()?;
        let bundle = Bundle::parse(bundle.to_string().as_bytes())?.written_as(Dialect::Npm);
        let statement = claimed(&bundle)
            .ok_or_else(|| DialectError::problem(&at, "has no in-toto statement"))?;
        if statement.predicate_type() != predicate_type {
            return Err(DialectError::problem(
                &at,
                "says another predicateType than its statement",
            ));
        }
        let first = statements.first().unwrap_or(&statement);
        if first.subjects() != statement.subjects() {
            return Err(DialectError::Packages);
        }
        statements.push(statement);
        bundles.push(bundle);
    }
    if bundles.is_empty() {
        return Err(DialectError::problem("attestations", "is empty"));
    }
    Ok(bundles)
}

fn claimed(bundle: &Bundle) -> Option<Statement> {
    match bundle.content() {
        Content::Envelope(envelope) => Statement::parse(envelope.unverified_payload()).ok(),
        Content::Message { .. } => None,
    }
}

/// A bundle, three levels deeper.
const DOCUMENT: json::Limits = json::Limits {
    bytes: limits::BUNDLE_BYTES,
    depth: limits::BUNDLE_DEPTH + 3,
};
