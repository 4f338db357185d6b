//! Statements that were asked for by their type: read as the type says, and a verdict must be good.

use attest_provenance::Statement;
use attest_provenance::predicate::Claimed;
use attest_provenance::predicate::review::ReviewResult;
use attest_provenance::predicate::test_result::TestResult;
use attest_provenance::predicate::vsa::VerificationResult;

use crate::reason::Reason;

/// Refuses what is not of the type that it has, and a verdict that is not a good one.
pub(crate) fn refuse_bad(statement: &Statement) -> Result<(), Reason> {
    let claimed = Claimed::from_statement(statement).map_err(|error| {
        let found = match std::error::Error::source(&error) {
            Some(source) => source.to_string(),
            None => error.to_string(),
        };
        let wanted = format!("a predicate of {}", statement.predicate_type());
        Reason::new("predicate-malformed", found, wanted)
    })?;
    let failed = |found: String, wanted| Err(Reason::new("verdict-failed", found, wanted));
    match claimed {
        Claimed::TestResult(tests) if !tests.has_passed() => failed(found(&tests), "PASSED"),
        Claimed::Vsa(summary) if summary.result != VerificationResult::Passed => {
            failed(summary.result.word().to_owned(), "PASSED")
        }
        Claimed::Svr(result) if result.properties.is_empty() => {
            failed("no verified property".to_owned(), "at least one")
        }
        Claimed::Review(review) if review.result != ReviewResult::Approved => failed(
            "a review that asks for changes or rejects".to_owned(),
            "APPROVED",
        ),
        _ => Ok(()),
    }
}

/// The result, and which test failed though the result may say otherwise.
fn found(tests: &TestResult) -> String {
    match (tests.failed.first(), tests.failed.len()) {
        (None, _) => tests.result.word().to_owned(),
        (Some(first), 1) => format!("{}, {first} failed", tests.result.word()),
        (Some(first), count) => {
            let others = count - 1;
            format!("{}, {first} and {others} more failed", tests.result.word())
        }
    }
}
