//! What somebody else's verification came to, in the words of SLSA.
//!
//! ```text
//! {"verifier": {"id": "https://example.com/verifier"}, "timeVerified": "1985-04-12T23:20:50.52Z",
//!  "resourceUri": "pkg:generic/hello@1.0.0", "policy": {"uri": "https://…", "digest": {"sha256": "1234…"}},
//!  "inputAttestations": [{"uri": "https://…", "digest": {"sha256": "abcd…"}}],
//!  "verificationResult": "PASSED", "verifiedLevels": ["SLSA_BUILD_LEVEL_3"],
//!  "dependencyLevels": {"SLSA_BUILD_LEVEL_2": 7}, "slsaVersion": "1.2"}
//! ```
//! See [Verification summary](https://slsa.dev/spec/v1.2/verification_summary). Versions 0.1 and 0.2 are
//! not read: their levels are words of another vocabulary.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{PredicateError, refuse_other_type, resources};
use crate::json::{FieldError, Object};
use crate::{ResourceDescriptor, Statement, limits};

/// The predicate type.
pub const TYPE: &str = "https://slsa.dev/verification_summary/v1";

/// A verification summary: for a statement, as claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vsa {
    /// Who verified; who signed must be known to speak for it.
    pub verifier_id: String,
    /// When.
    pub time_verified: Option<Timestamp>,
    /// What the artifact was verified as.
    pub resource_uri: String,
    /// Against what; always with a URI.
    pub policy: ResourceDescriptor,
    /// From which attestations; each with a digest.
    pub input_attestations: Vec<ResourceDescriptor>,
    /// What it came to.
    pub result: VerificationResult,
    /// The highest level of each track, and words of the verifier's own.
    pub verified_levels: Vec<String>,
    /// How many dependencies were verified at each level.
    pub dependency_levels: BTreeMap<String, u64>,
    /// The version of SLSA, such as `1.2`.
    pub slsa_version: Option<String>,
}

/// What a verification came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerificationResult {
    /// `PASSED`
    Passed,
    /// `FAILED`
    Failed,
}

impl VerificationResult {
    /// The word of the predicate.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Failed => "FAILED",
        }
    }
}

impl Vsa {
    /// Reads the predicate. Fields that we do not know are ignored.
    ///
    /// # Errors
    /// Another predicate type; a required field that is absent or empty; a result other than `PASSED`
    /// and `FAILED`, or `PASSED` with the level `FAILED`; a policy without URI, an input without
    /// digest.
    pub fn from_statement(statement: &Statement) -> Result<Self, PredicateError> {
        refuse_other_type(statement, TYPE)?;
        let mut predicate = Object::new("predicate", statement.predicate().clone())?;
        let policy = predicate.take_object("policy")?;
        if !policy.has("uri") {
            return Err(policy.missing("uri").into());
        }
        let vsa = Self {
            verifier_id: predicate.take_object("verifier")?.take_text("id")?,
            time_verified: predicate.take_optional_time("timeVerified")?,
            resource_uri: predicate.take_text("resourceUri")?,
            policy: ResourceDescriptor::from_predicate(policy)?,
            input_attestations: inputs(&mut predicate)?,
            result: predicate.take_one_of("verificationResult", RESULTS, "PASSED or FAILED")?,
            verified_levels: predicate.take_strings("verifiedLevels", limits::PREDICATE_ITEMS)?,
            dependency_levels: dependency_levels(&mut predicate)?,
            slsa_version: predicate.take_optional_string("slsaVersion")?,
        };
        let failed = vsa.verified_levels.iter().any(|it| it == FAILED);
        if failed && vsa.result == VerificationResult::Passed {
            return Err(FieldError::Value {
                at: "predicate.verifiedLevels".to_owned(),
                found: FAILED.to_owned(),
                wanted: "levels, since the result is PASSED",
            }
            .into());
        }
        Ok(vsa)
    }

    /// The predicate; what is absent is left out.
    pub fn to_json(&self) -> Value {
        let mut fields = Map::from_iter([
            ("verifier".to_owned(), json!({"id": self.verifier_id})),
            ("resourceUri".to_owned(), json!(self.resource_uri)),
            ("policy".to_owned(), self.policy.to_json()),
            ("verificationResult".to_owned(), json!(self.result.word())),
            ("verifiedLevels".to_owned(), json!(self.verified_levels)),
        ]);
        let mut put = |name: &str, value: Option<Value>| {
            fields.extend(value.map(|it| (name.to_owned(), it)));
        };
        let time = self.time_verified.map(|it| json!(it.to_string()));
        put("timeVerified", time);
        let inputs = self.input_attestations.iter();
        let inputs: Vec<Value> = inputs.map(ResourceDescriptor::to_json).collect();
        put(
            "inputAttestations",
            (!inputs.is_empty()).then(|| inputs.into()),
        );
        let dependencies = &self.dependency_levels;
        put(
            "dependencyLevels",
            (!dependencies.is_empty()).then(|| json!(dependencies)),
        );
        let version = self.slsa_version.as_ref();
        put("slsaVersion", version.map(|it| json!(it)));
        Value::Object(fields)
    }
}

fn inputs(predicate: &mut Object) -> Result<Vec<ResourceDescriptor>, PredicateError> {
    let objects = predicate.take_optional_objects("inputAttestations", limits::PREDICATE_ITEMS)?;
    for object in &objects {
        if !object.has("digest") {
            return Err(object.missing("digest").into());
        }
    }
    resources(objects)
}

fn dependency_levels(predicate: &mut Object) -> Result<BTreeMap<String, u64>, PredicateError> {
    let Some(levels) = predicate.take_optional_object("dependencyLevels")? else {
        return Ok(BTreeMap::new());
    };
    let counted = levels.into_rest().into_iter().map(|(level, count)| {
        let number = count.as_u64();
        let number = number.ok_or_else(|| FieldError::Value {
            at: "predicate.dependencyLevels".to_owned(),
            found: count.to_string(),
            wanted: "a count",
        })?;
        Ok((level, number))
    });
    counted.collect()
}

const FAILED: &str = VerificationResult::Failed.word();

const RESULTS: &[(&str, VerificationResult)] = &[
    ("PASSED", VerificationResult::Passed),
    ("FAILED", VerificationResult::Failed),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predicate::testing::{refusals, statement};

    fn accepted() -> Value {
        json!({
            "verifier": {"id": "https://example.com/verifier", "version": {"x": "1"}},
            "timeVerified": "1985-04-12T23:20:50.52Z",
            "resourceUri": "https://example.com/example-1.2.3.tar.gz",
            "policy": {"uri": "https://example.com/p", "digest": {"sha256": "12".repeat(32)}, "new": 1},
            "inputAttestations": [{"uri": "https://example.com/a", "digest": {"sha256": "ab".repeat(32)}}],
            "verificationResult": "PASSED",
            "verifiedLevels": ["SLSA_BUILD_LEVEL_3"],
            "dependencyLevels": {"SLSA_BUILD_LEVEL_2": 7},
            "slsaVersion": "1.0",
            "https://example.com/extension": {},
        })
    }

    #[test]
    fn a_summary_that_is_changed_in_one_place_is_refused() {
        refusals(
            TYPE,
            &accepted(),
            Vsa::from_statement,
            &[
                ("/verifier", None),
                ("/verifier", Some(json!({"id": ""}))),
                ("/resourceUri", None),
                ("/resourceUri", Some(json!(""))),
                ("/policy", None),
                ("/policy", Some(json!({}))),
                (
                    "/policy",
                    Some(json!({"digest": {"sha256": "12".repeat(32)}})),
                ),
                ("/verificationResult", None),
                ("/verificationResult", Some(json!("passed"))),
                ("/verificationResult", Some(json!("WARNED"))),
                ("/verificationResult", Some(json!(null))),
                ("/verifiedLevels", None),
                ("/verifiedLevels", Some(json!([3]))),
                ("/verifiedLevels", Some(json!(["FAILED"]))),
                ("/timeVerified", Some(json!("yesterday"))),
                (
                    "/inputAttestations",
                    Some(json!([{"uri": "https://example.com/a"}])),
                ),
                ("/dependencyLevels", Some(json!({"SLSA_BUILD_LEVEL_2": -1}))),
                ("/slsaVersion", Some(json!(1.0))),
            ],
        );
    }

    #[test]
    fn what_is_made_is_what_is_read() {
        let read = Vsa::from_statement(&statement(TYPE, accepted())).unwrap();
        assert_eq!(read.result, VerificationResult::Passed);
        let again = Vsa::from_statement(&statement(TYPE, read.to_json())).unwrap();
        assert_eq!(again, read);
        let mut failed = accepted();
        failed["verificationResult"] = json!("FAILED");
        failed["verifiedLevels"] = json!(["FAILED"]);
        let failed = Vsa::from_statement(&statement(TYPE, failed)).unwrap();
        assert_eq!(failed.result, VerificationResult::Failed);
    }

    #[test]
    fn an_older_summary_is_not_read() {
        for older in [
            "https://slsa.dev/verification_summary/v0.1",
            "https://slsa.dev/verification_summary/v0.2",
        ] {
            let refusal = Vsa::from_statement(&statement(older, accepted())).unwrap_err();
            assert_eq!(refusal.code(), "predicate-type-mismatch");
        }
    }
}
