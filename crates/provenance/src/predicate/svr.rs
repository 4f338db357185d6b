//! Which properties somebody has verified, without levels or a format of policies.
//!
//! ```text
//! {"verifier": {"id": "https://example.com/verifier/v2", "policies": []},
//!  "timeCreated": "1985-04-12T23:20:50.52Z", "properties": ["SLSA_BUILD_LEVEL_3"]}
//! ```
//! See in-toto's [simple verification result](https://github.com/in-toto/attestation/blob/main/spec/predicates/svr.md).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{PredicateError, resources};
use crate::json::Object;
use crate::{ResourceDescriptor, Statement, limits};

/// The predicate type of version 0.1.
pub const TYPE_V0_1: &str = "https://in-toto.io/attestation/svr/v0.1";

/// The predicate type that we write: with the policies.
pub const TYPE: &str = "https://in-toto.io/attestation/svr/v0.2";

/// A simple verification result: for a statement, as claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Svr {
    /// Who verified; who signed must be known to speak for it.
    pub verifier_id: String,
    /// Against what; version 0.1 does not say.
    pub policies: Vec<ResourceDescriptor>,
    /// When.
    pub time_created: Timestamp,
    /// What passed; perhaps nothing.
    pub properties: Vec<String>,
}

impl Svr {
    /// Reads the predicate of either version. Fields that we do not know are ignored.
    ///
    /// # Errors
    /// Another predicate type; a required field that is absent or empty; in version 0.2 no list of
    /// policies, which may be empty.
    pub fn from_statement(statement: &Statement) -> Result<Self, PredicateError> {
        let found = statement.predicate_type();
        if found != TYPE && found != TYPE_V0_1 {
            return Err(PredicateError::Type {
                found: found.to_owned(),
                wanted: TYPE,
            });
        }
        let mut predicate = Object::new("predicate", statement.predicate().clone())?;
        let mut verifier = predicate.take_object("verifier")?;
        let policies = match found {
            TYPE => resources(verifier.take_objects("policies", limits::PREDICATE_ITEMS)?)?,
            _ => Vec::new(),
        };
        Ok(Self {
            verifier_id: verifier.take_text("id")?,
            policies,
            time_created: predicate.take_time("timeCreated")?,
            properties: predicate.take_strings("properties", limits::PREDICATE_ITEMS)?,
        })
    }

    /// The predicate in version 0.2.
    pub fn to_json(&self) -> Value {
        let policies = self.policies.iter().map(ResourceDescriptor::to_json);
        json!({
            "verifier": {"id": self.verifier_id, "policies": policies.collect::<Vec<_>>()},
            "timeCreated": self.time_created.to_string(),
            "properties": self.properties,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predicate::testing::{refusals, statement};

    fn accepted() -> Value {
        json!({
            "verifier": {"id": "https://example.com/v2", "policies": [{"uri": "https://example.com/p"}]},
            "timeCreated": "1985-04-12T23:20:50.52Z",
            "properties": ["SLSA_BUILD_LEVEL_3", "COMPANY_RELEASE_APPROVED"],
            "new": null,
        })
    }

    #[test]
    fn a_result_that_is_changed_in_one_place_is_refused() {
        refusals(
            TYPE,
            &accepted(),
            Svr::from_statement,
            &[
                ("/verifier", None),
                ("/verifier", Some(json!({"id": "https://example.com/v2"}))),
                ("/verifier", Some(json!({"policies": []}))),
                ("/verifier", Some(json!({"id": "", "policies": []}))),
                ("/verifier", Some(json!({"id": "x", "policies": [{}]}))),
                ("/timeCreated", None),
                ("/timeCreated", Some(json!(0))),
                ("/properties", None),
                ("/properties", Some(json!("SLSA_BUILD_LEVEL_3"))),
            ],
        );
    }

    #[test]
    fn both_versions_are_read() {
        let read = Svr::from_statement(&statement(TYPE, accepted())).unwrap();
        assert_eq!(
            Svr::from_statement(&statement(TYPE, read.to_json())).unwrap(),
            read
        );
        let mut old = accepted();
        old["verifier"] = json!({"id": "https://example.com/v2"});
        let old = Svr::from_statement(&statement(TYPE_V0_1, old)).unwrap();
        assert_eq!(old.policies, []);
        assert_eq!(old.properties, read.properties);
    }
}
