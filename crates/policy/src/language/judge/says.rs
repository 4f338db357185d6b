//! What a statement says to the conditions of a rule, and to the verdict of its type.

use attest_provenance::predicate::reference::{self, Reference};
use attest_provenance::{Statement, json};

use crate::language::condition::quoted;
use crate::language::rule::Rule;
use crate::reason::Reason;

/// What a statement says to each thing that the rule wants of it.
pub(super) fn says(rule: &Rule, statement: &Statement) -> Vec<Result<String, Reason>> {
    let predicate = statement.predicate();
    let mut answers = Vec::new();
    let verdict = rule.kind().verdict_field();
    if let Some(field) = verdict.filter(|it| !rule.conditions.iter().any(|on| on.is_on(it))) {
        answers.push(match predicate.get(field) {
            Some(found) if found.as_str() == Some("PASSED") => Ok(format!("{field} \"PASSED\"")),
            Some(found) => {
                let found = format!("{field} {}", quoted(found));
                Err(Reason::new(
                    "predicate-field-mismatch",
                    found,
                    format!("{field} is \"PASSED\""),
                ))
            }
            None => {
                let found = format!("no {field} in the predicate");
                Err(Reason::new(
                    "predicate-field-missing",
                    found,
                    format!("{field} is \"PASSED\""),
                ))
            }
        });
    }
    answers.extend(failed_tests(rule, predicate).map(Err));
    answers.extend(rule.conditions.iter().map(|it| it.judge(predicate)));
    answers
}

/// Whether a rule that asks for a bill of materials takes a statement that refers to one, as `attest release` signs it:
/// by the digest of its very bytes. A rule with conditions asks the bill's own fields, which a reference has not.
pub(super) fn refers_to_bill(rule: &Rule, statement: &Statement) -> bool {
    if !rule.kind().is_sbom()
        || !rule.conditions.is_empty()
        || statement.predicate_type() != reference::TYPE
    {
        return false;
    }
    let is_bill = |media_type: &str| BILLS.contains(&media_type);
    Reference::from_statement(statement).is_ok_and(|it| {
        let mut references = it.references().iter();
        references.any(|it| {
            it.media_type.as_deref().is_some_and(is_bill) && it.digests.strongest().is_some()
        })
    })
}

/// The media types of bills of materials.
const BILLS: [&str; 4] = [
    "application/spdx+json",
    "application/vnd.cyclonedx+json",
    "application/vnd.cyclonedx+xml",
    "text/spdx",
];

/// A result that says PASSED and lists tests that failed contradicts itself; what to make of these only
/// a condition on them can say.
fn failed_tests(rule: &Rule, predicate: &json::Value) -> Option<Reason> {
    let verdict = rule.kind().verdict_field()?;
    let passed = predicate.get(verdict)?.as_str() == Some("PASSED");
    let failed = predicate.get(FAILED_TESTS).filter(|it| !it.is_null())?;
    let is_none = failed.as_array().is_some_and(Vec::is_empty);
    if !passed || is_none || rule.conditions.iter().any(|it| it.is_on(FAILED_TESTS)) {
        return None;
    }
    Some(Reason::new(
        "predicate-field-mismatch",
        format!("{FAILED_TESTS} {}", quoted(failed)),
        format!("{FAILED_TESTS} is empty"),
    ))
}

/// The field of a test result that lists what failed.
const FAILED_TESTS: &str = "failedTests";
