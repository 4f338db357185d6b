//! Attributes of software and of what made it, with the evidence for them.
//!
//! ```text
//! {"attributes": [{"attribute": "WITH_STACK_PROTECTION", "conditions": {"flags": "-fstack-protector*"}}],
//!  "producer": {"uri": "file:///usr/bin/gcc"}}
//! ```
//! See in-toto's [SCAI](https://github.com/in-toto/attestation/blob/main/spec/predicates/scai.md).

use serde_json::{Map, Value};

use super::PredicateError;
use crate::json::Object;
use crate::{ResourceDescriptor, Statement, limits};

/// The predicate type.
pub const TYPE: &str = "https://in-toto.io/attestation/scai/v0.3";

/// The older predicate type.
pub const TYPE_V0_2: &str = "https://in-toto.io/attestation/scai/attribute-report/v0.2";

/// A report of attributes, as claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedAttributes {
    /// What is claimed, at least one.
    pub attributes: Vec<Attribute>,
    /// What made the subject.
    pub producer: Option<ResourceDescriptor>,
}

/// One attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// The attribute, in a word of the producer's.
    pub attribute: String,
    /// What it is an attribute of, if not of the subject.
    pub target: Option<ResourceDescriptor>,
    /// When it holds.
    pub conditions: Map<String, Value>,
    /// Why it is to be believed.
    pub evidence: Option<ResourceDescriptor>,
}

impl ClaimedAttributes {
    /// Reads the predicate of either version. Fields that we do not know are ignored.
    ///
    /// # Errors
    /// Another predicate type, no attribute, one without a name, or a malformed resource.
    pub fn from_statement(statement: &Statement) -> Result<Self, PredicateError> {
        let found = statement.predicate_type();
        if found != TYPE && found != TYPE_V0_2 {
            return Err(PredicateError::Type {
                found: found.to_owned(),
                wanted: TYPE,
            });
        }
        let mut predicate = Object::new("predicate", statement.predicate().clone())?;
        let attributes = predicate.take_objects("attributes", limits::PREDICATE_ITEMS)?;
        if attributes.is_empty() {
            return Err(predicate.missing("attributes").into());
        }
        Ok(Self {
            attributes: attributes
                .into_iter()
                .map(attribute)
                .collect::<Result<_, _>>()?,
            producer: resource(&mut predicate, "producer")?,
        })
    }
}

fn attribute(mut object: Object) -> Result<Attribute, PredicateError> {
    let conditions = object.take_optional_object("conditions")?;
    Ok(Attribute {
        target: resource(&mut object, "target")?,
        conditions: conditions.map(Object::into_rest).unwrap_or_default(),
        evidence: resource(&mut object, "evidence")?,
        attribute: object.take_text("attribute")?,
    })
}

fn resource(
    object: &mut Object,
    field: &'static str,
) -> Result<Option<ResourceDescriptor>, PredicateError> {
    let resource = object.take_optional_object(field)?;
    Ok(resource
        .map(ResourceDescriptor::from_predicate)
        .transpose()?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::predicate::testing::{refusals, statement};

    #[test]
    fn a_report_that_is_changed_in_one_place_is_refused() {
        let accepted = json!({
            "attributes": [{"attribute": "WITH_STACK_PROTECTION",
                            "conditions": {"flags": "-fstack-protector*"},
                            "evidence": {"digest": {"sha256": "00".repeat(32)}}}],
            "producer": {"uri": "file:///usr/bin/gcc", "name": "gcc9.3.0"},
        });
        for kind in [TYPE, TYPE_V0_2] {
            assert!(ClaimedAttributes::from_statement(&statement(kind, accepted.clone())).is_ok());
        }
        refusals(
            TYPE,
            &accepted,
            ClaimedAttributes::from_statement,
            &[
                ("/attributes", None),
                ("/attributes", Some(json!([]))),
                ("/attributes", Some(json!([{}]))),
                ("/attributes", Some(json!([{"attribute": ""}]))),
                (
                    "/attributes",
                    Some(json!([{"attribute": "a", "evidence": {}}])),
                ),
                (
                    "/attributes",
                    Some(json!([{"attribute": "a", "conditions": []}])),
                ),
                ("/producer", Some(json!("gcc"))),
            ],
        );
    }
}
