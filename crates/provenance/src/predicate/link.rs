//! One step of a supply chain: in-toto's link as a predicate. The subjects are the products.
//!
//! ```text
//! {"name": "build", "command": ["make"],
//!  "materials": [{"name": "main.c", "digest": {"sha256": "…"}}],
//!  "byproducts": {"return-value": 0}, "environment": {}}
//! ```
//! See in-toto's [link predicate](https://github.com/in-toto/attestation/blob/main/spec/predicates/link.md).
//! The older types, `https://in-toto.io/Link/v1` among them, which is cosign's `link`, have materials as
//! an object of paths.

use std::collections::BTreeMap;

use attest_digest::DigestSet;
use serde_json::{Map, Value};

use super::{PredicateError, resources};
use crate::json::{FieldError, Object};
use crate::resource::digests_from;
use crate::subject::refuse_duplicate_names;
use crate::{Statement, limits};

/// The predicate type that we write.
pub const TYPE: &str = "https://in-toto.io/attestation/link/v0.3";

/// The first type of this name.
pub const TYPE_V0_2: &str = "https://in-toto.io/Link/v0.2";

/// The type of cosign and of in-toto-golang.
pub const TYPE_V1: &str = "https://in-toto.io/Link/v1";

/// A step, as claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedLink {
    /// The name of the step.
    pub name: String,
    /// The command that was run; empty says nothing.
    pub command: Vec<String>,
    /// What there was before, by name.
    pub materials: BTreeMap<String, DigestSet>,
    /// What else came out, such as `return-value`.
    pub byproducts: Map<String, Value>,
    /// Where it ran.
    pub environment: Map<String, Value>,
}

impl ClaimedLink {
    /// Reads the predicate. Fields that we do not know are ignored.
    ///
    /// # Errors
    /// Another predicate type; no name; a material without name or digest, or two of one name; two
    /// subjects of one name, or one without.
    pub fn from_statement(statement: &Statement) -> Result<Self, PredicateError> {
        let found = statement.predicate_type();
        if ![TYPE, TYPE_V0_2, TYPE_V1].contains(&found) {
            return Err(PredicateError::Type {
                found: found.to_owned(),
                wanted: TYPE,
            });
        }
        refuse_duplicate_names(statement.subjects())?;
        if statement.subjects().iter().any(|it| it.name().is_none()) {
            return Err(FieldError::Missing {
                object: "subject".to_owned(),
                field: "name",
            }
            .into());
        }
        let mut predicate = Object::new("predicate", statement.predicate().clone())?;
        let materials = match found {
            TYPE => listed(&mut predicate)?,
            _ => by_path(&mut predicate)?,
        };
        let mut map = |field| {
            let object = predicate.take_optional_object(field)?;
            Ok::<_, PredicateError>(object.map(Object::into_rest).unwrap_or_default())
        };
        Ok(Self {
            byproducts: map("byproducts")?,
            environment: map("environment")?,
            materials,
            command: predicate.take_optional_strings("command", limits::PREDICATE_ITEMS)?,
            name: predicate.take_text("name")?,
        })
    }
}

fn listed(predicate: &mut Object) -> Result<BTreeMap<String, DigestSet>, PredicateError> {
    let objects = predicate.take_optional_objects("materials", limits::PREDICATE_ITEMS)?;
    for object in &objects {
        for field in ["name", "digest"] {
            if !object.has(field) {
                return Err(object.missing(field).into());
            }
        }
    }
    let mut materials = BTreeMap::new();
    for material in resources(objects)? {
        let name = material.name.unwrap_or_default();
        if material.digests.is_empty() {
            return Err(malformed(name, "a digest for each"));
        }
        if name.is_empty() || materials.contains_key(&name) {
            return Err(malformed(name, "one name for each"));
        }
        materials.insert(name, material.digests);
    }
    Ok(materials)
}

fn by_path(predicate: &mut Object) -> Result<BTreeMap<String, DigestSet>, PredicateError> {
    let Some(object) = predicate.take_optional_object("materials")? else {
        return Ok(BTreeMap::new());
    };
    let mut materials = BTreeMap::new();
    for (path, digests) in object.into_rest() {
        let digests = digests_from(Object::new("predicate.materials", digests)?)?;
        if digests.is_empty() {
            return Err(malformed(path, "a digest for each"));
        }
        materials.insert(path, digests);
    }
    Ok(materials)
}

fn malformed(found: String, wanted: &'static str) -> PredicateError {
    let at = "predicate.materials".to_owned();
    FieldError::Value { at, found, wanted }.into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::predicate::testing::{refusals, statement};

    fn accepted() -> Value {
        json!({
            "name": "build",
            "command": ["make", "all"],
            "materials": [{"name": "main.c", "digest": {"sha256": "00".repeat(32)}}],
            "byproducts": {"return-value": 0},
            "environment": {},
        })
    }

    #[test]
    fn a_link_that_is_changed_in_one_place_is_refused() {
        let digest = || json!({"sha256": "00".repeat(32)});
        let twice = json!([{"name": "a", "digest": digest()}, {"name": "a", "digest": digest()}]);
        let mut doubled = accepted();
        doubled["materials"] = twice;
        let refusal = ClaimedLink::from_statement(&statement(TYPE, doubled)).unwrap_err();
        assert_eq!(refusal.code(), "predicate-malformed");
        refusals(
            TYPE,
            &accepted(),
            ClaimedLink::from_statement,
            &[
                ("/name", None),
                ("/name", Some(json!(""))),
                ("/command", Some(json!("make"))),
                ("/command", Some(json!([1]))),
                (
                    "/materials",
                    Some(json!({"main.c": {"sha256": "00".repeat(32)}})),
                ),
                ("/materials", Some(json!([{"name": "main.c"}]))),
                (
                    "/materials",
                    Some(json!([{"name": "main.c", "digest": {}, "uri": "x"}])),
                ),
                (
                    "/materials",
                    Some(json!([{"digest": {"sha256": "00".repeat(32)}}])),
                ),
                (
                    "/materials",
                    Some(json!([{"name": "", "digest": {"sha256": "00".repeat(32)}}])),
                ),
                ("/byproducts", Some(json!([]))),
                ("/environment", Some(json!(1))),
            ],
        );
    }

    #[test]
    fn the_older_forms_are_read() {
        let read = ClaimedLink::from_statement(&statement(TYPE, accepted())).unwrap();
        let mut old = accepted();
        old["materials"] = json!({"main.c": {"sha256": "00".repeat(32)}});
        for kind in [TYPE_V0_2, TYPE_V1] {
            let older = ClaimedLink::from_statement(&statement(kind, old.clone())).unwrap();
            assert_eq!(older, read);
        }
        refusals(
            TYPE_V1,
            &old,
            ClaimedLink::from_statement,
            &[
                ("/materials", Some(json!({"main.c": {}}))),
                ("/materials", Some(json!({"main.c": {"sha256": "00"}}))),
                ("/materials", Some(json!({"main.c": "00"}))),
                ("/materials", Some(json!([]))),
            ],
        );
    }
}
