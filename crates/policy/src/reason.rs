//! Why evidence does not suffice, or a file is not what was signed.

use std::fmt;

/// One reason for a refusal: a stable code, what was found and what was wanted.
///
/// Both texts may quote evidence; escape them before showing them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    code: &'static str,
    found: String,
    wanted: String,
}

impl Reason {
    pub(crate) fn new(
        code: &'static str,
        found: impl fmt::Display,
        wanted: impl fmt::Display,
    ) -> Self {
        debug_assert!(
            CODES
                .iter()
                .chain(crate::TREE_CODES)
                .any(|(known, _)| *known == code),
            "{code} is not listed"
        );
        Self {
            code,
            found: found.to_string(),
            wanted: wanted.to_string(),
        }
    }

    /// What the verifier says of evidence that does not verify, with its own code.
    pub(crate) fn of_rejection(rejection: &attest_verify::Rejection) -> Self {
        let check = rejection.checks().first();
        let said = |it: Option<&str>, or: &str| it.unwrap_or(or).to_owned();
        Self {
            code: rejection.code(),
            found: said(check.map(attest_verify::Check::found), "nothing"),
            wanted: said(check.map(attest_verify::Check::wanted), "a signature"),
        }
    }

    /// The stable kebab-case code, one of [`CODES`].
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What was found.
    pub fn found(&self) -> &str {
        &self.found
    }

    /// What was wanted.
    pub fn wanted(&self) -> &str {
        &self.wanted
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: found {}, wanted {}",
            self.code, self.found, self.wanted
        )
    }
}

/// Every code of this crate with its meaning.
pub const CODES: &[(&str, &str)] = &[
    (
        "build-parameter-unexpected",
        "whoever started the build chose a parameter that nobody expects",
    ),
    (
        "build-parameter-unknown",
        "the build has an external parameter that its type is not known to have",
    ),
    (
        "build-type-unknown",
        "the builder is not known to make builds of this type",
    ),
    (
        "builder-forged",
        "somebody else than the builder's own signer states that builder",
    ),
    ("builder-mismatch", "another builder made it"),
    ("builder-ref", "the builder was not at a release"),
    (
        "builder-unknown",
        "signer and builder are not in the table of builders",
    ),
    (
        "commit-ambiguous",
        "the provenance names several commits as the source",
    ),
    (
        "commit-dirty",
        "it was built from a work tree that differed from its commit",
    ),
    ("commit-mismatch", "it was built from another commit"),
    (
        "commit-missing",
        "the provenance does not say from which commit it was built",
    ),
    (
        "deployment-malformed",
        "the deployment record is not what its type says",
    ),
    (
        "attestation-missing",
        "no evidence that counts is of the type and of a signer that a rule of the policy requires",
    ),
    (
        "evidence-too-old",
        "the evidence is older than a rule of the policy lets it be",
    ),
    (
        "predicate-field-mismatch",
        "a field of a predicate is not what a rule of the policy wants",
    ),
    (
        "predicate-field-missing",
        "a field that a rule of the policy asks about is not in the predicate",
    ),
    (
        "digest-incomparable",
        "no digest that suffices is known of both the artifact and what was signed",
    ),
    (
        "digest-mismatch",
        "the bytes are not those that were signed",
    ),
    ("file-missing", "a signed file is not there"),
    ("file-unattested", "nobody signed this file"),
    (
        "key-compromised",
        "somebody else may have had the key when it signed",
    ),
    (
        "key-outside-validity",
        "the key was not valid when it signed",
    ),
    (
        "log-not-independent",
        "no log that is declared independent of the signer has the entry",
    ),
    ("log-missing", "no log entry is given"),
    (
        "log-proof-missing",
        "a log entry has no inclusion proof under a checkpoint",
    ),
    ("name-mismatch", "the bytes were signed for another path"),
    ("name-unbound", "the bytes were signed, but for no path"),
    (
        "commit-not-accepted",
        "the commit is named by its SHA-1 alone, which the policy does not accept",
    ),
    (
        "commit-unknown",
        "no provenance that satisfies the policy names the commit that was built",
    ),
    (
        "predicate-malformed",
        "a predicate is not what its type says",
    ),
    (
        "vulnerability-found",
        "a scan found a vulnerability that the policy denies, and nobody who may excepts it",
    ),
    (
        "predicate-not-requested",
        "a statement of this type does not approve an artifact unless it is asked for",
    ),
    (
        "provenance-contradicts-certificate",
        "the provenance says something else than the signer's certificate",
    ),
    (
        "provenance-malformed",
        "the provenance predicate is not what its type says",
    ),
    (
        "provenance-missing",
        "no provenance by a signer of builds is about what is deployed",
    ),
    (
        "provenance-required",
        "only SLSA provenance can meet what is expected of the build",
    ),
    (
        "provenance-version",
        "provenance of this version is not accepted",
    ),
    (
        "publish-malformed",
        "the publish attestation does not name one package",
    ),
    ("ref-mismatch", "it was built from another ref"),
    (
        "release-incomplete",
        "a part of the release statement is missing",
    ),
    (
        "release-inconsistent",
        "the parts of the release statement contradict each other",
    ),
    (
        "release-malformed",
        "the release predicate does not say which release it is",
    ),
    (
        "release-mismatch",
        "the evidence or archive is of another release than the one that is meant",
    ),
    (
        "release-missing",
        "no release statement names the wanted release",
    ),
    ("review-malformed", "the review is not what its type says"),
    (
        "review-missing",
        "no review by a signer of reviews is about the commit",
    ),
    (
        "review-not-approved",
        "a reviewer of the commit did not approve",
    ),
    (
        "review-not-independent",
        "the only reviews of the commit are by its author",
    ),
    ("scan-malformed", "the scan is not what its type says"),
    (
        "scan-missing",
        "no scan by a signer of scans is about the commit or what was built from it",
    ),
    (
        "signer-denied",
        "this signer is denied, though otherwise accepted",
    ),
    ("signer-mismatch", "somebody else signed"),
    (
        "signers-too-few",
        "fewer different signers have approved than are required",
    ),
    ("slsa-level-low", "the provenance shows a lower build level"),
    (
        "source-inconsistent",
        "what started the build and its resolved dependencies are of different sources",
    ),
    ("source-mismatch", "it was built from another repository"),
    (
        "source-missing",
        "the provenance does not say from what it was built",
    ),
    (
        "subject-conflict",
        "one path is signed with two different digests",
    ),
    ("subject-missing", "the statement is about other files"),
    (
        "subject-name-invalid",
        "a subject's name is not a path below the folder",
    ),
    (
        "test-failed",
        "tests of the commit, or of what was built from it, did not pass",
    ),
    (
        "test-malformed",
        "the test result is not what its type says",
    ),
    (
        "test-missing",
        "no test result by a signer of tests is about the commit or what was built from it",
    ),
    ("time-missing", "no trusted time is given"),
    (
        "time-not-independent",
        "no time that is declared independent of the signer proves when it was",
    ),
    (
        "verdict-failed",
        "a statement that was asked for says no: tests, a verification or a review that did not pass",
    ),
    (
        "vsa-failed",
        "the verification that is summed up did not pass",
    ),
    ("vsa-level-missing", "the summary says no such level"),
    (
        "vsa-malformed",
        "the verification summary is not what its type says",
    ),
    (
        "vsa-required",
        "only a verification summary can meet what is expected",
    ),
    (
        "vsa-resource-mismatch",
        "the summary is of another resource",
    ),
    (
        "vsa-verifier-mismatch",
        "the summary is by another verifier",
    ),
    (
        "workflow-input-mismatch",
        "whoever started the build gave another input",
    ),
    (
        "workflow-input-missing",
        "an expected input was not given to the build",
    ),
    (
        "workflow-input-unexpected",
        "whoever started the build gave an input that nobody expects",
    ),
];
