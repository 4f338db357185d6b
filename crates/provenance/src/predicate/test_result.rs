//! What a run of tests came to.
//!
//! ```text
//! {"result": "PASSED", "configuration": [{"name": "ci.yml", "digest": {"gitBlob": "ebe4…"}}],
//!  "url": "https://example.com/runs/4425592351",
//!  "passedTests": ["unit"], "warnedTests": [], "failedTests": []}
//! ```
//! See in-toto's [test result](https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md).

use serde_json::{Map, Value, json};

use super::{PredicateError, refuse_other_type, resources};
use crate::json::Object;
use crate::{ResourceDescriptor, Statement, limits};

/// The predicate type.
pub const TYPE: &str = "https://in-toto.io/attestation/test-result/v0.1";

/// The result of a run of tests: for a statement, as claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestResult {
    /// What it came to.
    pub result: Outcome,
    /// What the tests were run with.
    pub configuration: Vec<ResourceDescriptor>,
    /// Where the run can be seen.
    pub url: Option<String>,
    /// The tests that passed.
    pub passed: Vec<String>,
    /// The tests that passed with warnings.
    pub warned: Vec<String>,
    /// The tests that failed.
    pub failed: Vec<String>,
}

/// What a run of tests came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// `PASSED`
    Passed,
    /// `WARNED`
    Warned,
    /// `FAILED`
    Failed,
}

impl Outcome {
    /// The word of the predicate.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Warned => "WARNED",
            Self::Failed => "FAILED",
        }
    }
}

impl TestResult {
    /// Reads the predicate. Fields that we do not know are ignored.
    ///
    /// # Errors
    /// Another predicate type; no result or one that is not known; no list of configurations, which
    /// may be empty; a malformed resource.
    pub fn from_statement(statement: &Statement) -> Result<Self, PredicateError> {
        refuse_other_type(statement, TYPE)?;
        let mut predicate = Object::new("predicate", statement.predicate().clone())?;
        Ok(Self {
            result: predicate.take_one_of("result", RESULTS, "PASSED, WARNED or FAILED")?,
            configuration: resources(
                predicate.take_objects("configuration", limits::PREDICATE_ITEMS)?,
            )?,
            url: predicate.take_optional_string("url")?,
            passed: predicate.take_optional_strings("passedTests", limits::TESTS)?,
            warned: predicate.take_optional_strings("warnedTests", limits::TESTS)?,
            failed: predicate.take_optional_strings("failedTests", limits::TESTS)?,
        })
    }

    /// Whether every test passed: the result says so, and no test is said to have failed.
    pub fn has_passed(&self) -> bool {
        self.result == Outcome::Passed && self.failed.is_empty()
    }

    /// The predicate.
    pub fn to_json(&self) -> Value {
        let configuration = self.configuration.iter().map(ResourceDescriptor::to_json);
        let mut fields = Map::from_iter([
            ("result".to_owned(), json!(self.result.word())),
            ("configuration".to_owned(), configuration.collect()),
            ("passedTests".to_owned(), json!(self.passed)),
            ("warnedTests".to_owned(), json!(self.warned)),
            ("failedTests".to_owned(), json!(self.failed)),
        ]);
        fields.extend(self.url.iter().map(|it| ("url".to_owned(), json!(it))));
        Value::Object(fields)
    }
}

const RESULTS: &[(&str, Outcome)] = &[
    ("PASSED", Outcome::Passed),
    ("WARNED", Outcome::Warned),
    ("FAILED", Outcome::Failed),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predicate::testing::{refusals, statement};

    fn accepted() -> Value {
        json!({
            "result": "PASSED",
            "configuration": [{"name": "ci.yml", "digest": {"gitBlob": "eb".repeat(20)}}],
            "url": "https://example.com/runs/1",
            "passedTests": ["a"], "warnedTests": [], "failedTests": [],
            "harness": {"name": "x"},
        })
    }

    #[test]
    fn a_result_that_is_changed_in_one_place_is_refused() {
        refusals(
            TYPE,
            &accepted(),
            TestResult::from_statement,
            &[
                ("/result", None),
                ("/result", Some(json!("passed"))),
                ("/result", Some(json!("PASSED "))),
                ("/result", Some(json!("SKIPPED"))),
                ("/result", Some(json!(true))),
                ("/configuration", None),
                ("/configuration", Some(json!(null))),
                ("/configuration", Some(json!([{"name": "ci.yml"}]))),
                ("/configuration", Some(json!(["ci.yml"]))),
                ("/url", Some(json!(["x"]))),
                ("/failedTests", Some(json!(["a", 7]))),
                ("/failedTests", Some(json!({"a": 1}))),
            ],
        );
    }

    #[test]
    fn only_what_says_so_and_names_no_failed_test_has_passed() {
        let read = |change: fn(&mut Value)| {
            let mut predicate = accepted();
            change(&mut predicate);
            TestResult::from_statement(&statement(TYPE, predicate)).unwrap()
        };
        assert!(read(|_| ()).has_passed());
        assert!(!read(|it| it["result"] = json!("FAILED")).has_passed());
        assert!(!read(|it| it["result"] = json!("WARNED")).has_passed());
        assert!(!read(|it| it["failedTests"] = json!(["b"])).has_passed());
        let made = read(|_| ());
        let again = TestResult::from_statement(&statement(TYPE, made.to_json())).unwrap();
        assert_eq!(again, made);
    }
}
