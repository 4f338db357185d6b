//! Documents about the subjects that travel beside the statement, such as an SBOM.
//!
//! ```text
//! {"attester": {"id": "https://…"},
//!  "references": [{"name": "sbom.cdx.json", "digest": {"sha256": "3b0d…"},
//!                  "downloadLocation": "sbom.cdx.json", "mediaType": "application/vnd.cyclonedx+json"}]}
//! ```
//! See in-toto's [reference predicate](https://github.com/in-toto/attestation/blob/main/spec/predicates/reference.md).

use attest_digest::DigestSet;
use serde_json::{Value, json};

use super::{PredicateError, refuse_other_type};
use crate::json::{FieldError, Object};
use crate::{ResourceDescriptor, Statement, limits, relative_uri};

/// The predicate type.
pub const TYPE: &str = "https://in-toto.io/attestation/reference/v0.1";

/// The documents, and the system that provides them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    attester: String,
    references: Vec<ResourceDescriptor>,
}

impl Reference {
    /// References by the system that the URI `attester` names.
    pub fn new(attester: impl Into<String>, references: Vec<ResourceDescriptor>) -> Self {
        Self {
            attester: attester.into(),
            references,
        }
    }

    /// A document at that path beside the statement.
    pub fn beside(path: &str, digests: DigestSet, media_type: &str) -> ResourceDescriptor {
        ResourceDescriptor {
            name: Some(path.to_owned()),
            digests,
            download_location: Some(relative_uri(path)),
            media_type: Some(media_type.to_owned()),
            ..ResourceDescriptor::default()
        }
    }

    /// Reads the predicate. Fields that we do not know are ignored outside of `references`.
    ///
    /// # Errors
    /// Another predicate type, no attester, a malformed reference, or one without a location or a
    /// media type.
    pub fn from_statement(statement: &Statement) -> Result<Self, PredicateError> {
        refuse_other_type(statement, TYPE)?;
        let mut predicate = Object::new("predicate", statement.predicate().clone())?;
        let attester = predicate.take_object("attester")?.take_string("id")?;
        let references = predicate
            .take_objects("references", limits::REFERENCES)?
            .into_iter()
            .map(reference)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            attester,
            references,
        })
    }

    /// The predicate.
    pub fn to_json(&self) -> Value {
        let references: Vec<Value> = self
            .references
            .iter()
            .map(ResourceDescriptor::to_json)
            .collect();
        json!({"attester": {"id": self.attester}, "references": references})
    }

    /// The URI of the system that provides the documents.
    pub fn attester(&self) -> &str {
        &self.attester
    }

    /// The documents.
    pub fn references(&self) -> &[ResourceDescriptor] {
        &self.references
    }
}

fn reference(object: Object) -> Result<ResourceDescriptor, PredicateError> {
    for field in ["downloadLocation", "mediaType"] {
        if !object.has(field) {
            return Err(FieldError::Missing {
                object: object.path().to_owned(),
                field,
            }
            .into());
        }
    }
    Ok(ResourceDescriptor::from_object(object)?)
}

#[cfg(test)]
mod tests {
    use attest_digest::Digest;

    use super::*;
    use crate::Subject;

    fn statement(predicate: Value) -> Statement {
        let subject = Subject::new("a", Digest::Sha256([7; 32]).into()).unwrap();
        Statement::new(vec![subject], TYPE, predicate).unwrap()
    }

    #[test]
    fn what_is_referred_to_survives_writing_and_reading() {
        let sbom = Reference::beside(
            "sbom a.json",
            Digest::Sha256([1; 32]).into(),
            "application/vnd.cyclonedx+json",
        );
        assert_eq!(sbom.download_location.as_deref(), Some("sbom%20a.json"));
        let made = Reference::new("https://example.com/attester", vec![sbom]);
        assert_eq!(
            Reference::from_statement(&statement(made.to_json())).unwrap(),
            made
        );
    }

    #[test]
    fn a_reference_that_leads_nowhere_is_refused() {
        let digest = json!({"sha256": "00".repeat(32)});
        for references in [
            json!(null),
            json!([{"downloadLocation": "a", "digest": digest}]),
            json!([{"mediaType": "a", "digest": digest}]),
            json!([{"downloadLocation": "a", "mediaType": "a"}]),
            json!([{"downloadLocation": "a", "mediaType": "a", "digest": digest, "extra": 1}]),
        ] {
            let predicate = json!({"attester": {"id": "x"}, "references": references});
            let refusal = Reference::from_statement(&statement(predicate)).map_err(|it| it.code());
            assert_eq!(refusal, Err("predicate-malformed"), "{references}");
        }
        let nobody = Reference::from_statement(&statement(json!({"references": []})));
        assert_eq!(nobody.map_err(|it| it.code()), Err("predicate-malformed"));
    }
}
