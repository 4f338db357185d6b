//! That something was put to use somewhere: our own predicate, since no vetted one exists.
//!
//! ```text
//! {"_type": "https://in-toto.io/Statement/v1",
//!  "subject": [{"name": "hello.tar.gz", "digest": {"sha256": "2cf2…"}}],
//!  "predicateType": "https://attest.dev/predicates/deployment/v0.1",
//!  "predicate":
//!   {"environment": "production", "deployedOn": "2026-11-21T09:00:00Z",
//!    "deployer": {"id": "https://ci.example.com/deploy"}, "location": "https://hello.example.com/"}}
//! ```
//! Every subject is what was deployed, by a digest that proves something. Unknown fields are refused.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{PredicateError, refuse_other_type, take_text, take_time};
use crate::json::Object;
use crate::{Statement, StatementError, Subject};

/// The predicate type.
pub const TYPE: &str = "https://attest.dev/predicates/deployment/v0.1";

/// A deployment, as it is claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Where to, in the words of those who run it: `production`.
    pub environment: String,
    /// When.
    pub deployed_on: Timestamp,
    /// Who or what deployed, as a URI.
    pub deployer: String,
    /// Where it can be found, if that is said.
    pub location: Option<String>,
}

impl Deployment {
    /// The statement that these were deployed.
    ///
    /// # Errors
    /// None, or more than one statement may name.
    pub fn statement(&self, deployed: Vec<Subject>) -> Result<Statement, StatementError> {
        Statement::new(deployed, TYPE, self.to_json())
    }

    /// Reads the predicate.
    ///
    /// # Errors
    /// Another predicate type; a field that is absent, unknown or not what it may be; a subject
    /// without a digest that proves something.
    pub fn from_statement(statement: &Statement) -> Result<Self, PredicateError> {
        refuse_other_type(statement, TYPE)?;
        let subjects = statement.subjects();
        if !subjects.iter().all(|it| it.digests().strongest().is_some()) {
            return Err(PredicateError::Subject {
                wanted: "a SHA-256, SHA-384 or SHA-512 digest",
            });
        }
        let mut it = Object::new("predicate", statement.predicate().clone())?;
        let mut deployer = it.take_object("deployer")?;
        let deployer_id = take_text(&mut deployer, "id")?;
        deployer.finish()?;
        let location = it.has("location");
        let deployment = Self {
            environment: take_text(&mut it, "environment")?,
            deployed_on: take_time(&mut it, "deployedOn")?,
            deployer: deployer_id,
            location: location
                .then(|| take_text(&mut it, "location"))
                .transpose()?,
        };
        it.finish()?;
        Ok(deployment)
    }

    /// The predicate.
    pub fn to_json(&self) -> Value {
        let mut fields = Map::from_iter([
            ("environment".to_owned(), json!(self.environment)),
            ("deployedOn".to_owned(), json!(self.deployed_on.to_string())),
            ("deployer".to_owned(), json!({"id": self.deployer})),
        ]);
        if let Some(location) = &self.location {
            fields.insert("location".to_owned(), json!(location));
        }
        Value::Object(fields)
    }
}

#[cfg(test)]
mod tests {
    use attest_digest::Digest;

    use super::*;

    fn deployment() -> Deployment {
        Deployment {
            environment: "production".to_owned(),
            deployed_on: "2026-11-21T09:00:00Z".parse().unwrap(),
            deployer: "https://ci.example.com/deploy".to_owned(),
            location: Some("https://hello.example.com/".to_owned()),
        }
    }

    #[test]
    fn a_deployment_that_is_changed_in_one_place_is_refused() {
        let subject = Subject::new("hello", Digest::Sha256([7; 32]).into()).unwrap();
        let statement = deployment().statement(vec![subject]).unwrap();
        let parent: Value = serde_json::from_slice(&statement.to_bytes()).unwrap();
        let read = |it: &Value| {
            let statement = Statement::parse(it.to_string().as_bytes()).unwrap();
            Deployment::from_statement(&statement).map_err(|it| it.code())
        };
        assert_eq!(read(&parent), Ok(deployment()));
        let changes: &[fn(&mut Value)] = &[
            |it| it["predicate"]["extra"] = json!(1),
            |it| it["predicate"]["environment"] = json!(""),
            |it| it["predicate"]["environment"] = json!({"name": "production"}),
            |it| it["predicate"]["deployedOn"] = json!("yesterday"),
            |it| it["predicate"]["deployer"] = json!({}),
            |it| it["predicate"]["deployer"] = json!({"id": "a", "name": "b"}),
            |it| it["predicate"]["location"] = json!(null),
            |it| it["subject"][0]["digest"] = json!({"gitCommit": "00".repeat(20)}),
        ];
        for change in changes {
            let mut attack = parent.clone();
            change(&mut attack);
            assert_eq!(read(&attack), Err("predicate-malformed"), "{attack}");
        }
        let mut without = parent;
        let predicate = without["predicate"].as_object_mut().unwrap();
        predicate.remove("location");
        assert_eq!(read(&without).unwrap().location, None);
    }
}
