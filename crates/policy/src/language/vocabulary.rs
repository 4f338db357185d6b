//! The words of the language: every table with the fields that it may have. The parser asks it, and so
//! does the test that shows for each field a change that is refused.

use super::{layout, specific};

/// The fields at the top of a policy.
pub(crate) const POLICY: &[&str] = &[
    "version",
    "name",
    "serial",
    "expires",
    "include",
    "builders",
    "independent",
    "accept",
    "artifact",
    "trust",
    "deny",
    "require",
    "max_trust_age",
    "emit",
];

/// The fields at the top of a file that a policy includes: what is said once stays with the policy.
pub(crate) const INCLUDED: &[&str] = &["version", "include", "trust", "deny", "require", "expires"];

/// A file to include.
pub(crate) const INCLUDE: &[&str] = &["file", "sha256"];

/// A group of identities, also in a signers file.
pub(crate) const TRUST_SIGSTORE: &[&str] =
    &["kind", "issuer", "identity", "claims", "log", "threshold"];

/// A group of keys.
pub(crate) const TRUST_KEYS: &[&str] = &["kind", "keys", "log", "threshold", "recovery"];

/// A key of a group.
pub(crate) const TRUST_KEY: &[&str] = &[
    "sha256",
    "file",
    "not_before",
    "not_after",
    "compromised_since",
];

/// Those who are denied.
pub(crate) const POLICY_DENY: &[&str] = &["keys", "identities"];

/// What is asked of the artifact itself.
pub(crate) const ARTIFACT: &[&str] = &["digests", "git_sha1"];

/// What is written when the answer is yes.
pub(crate) const EMIT: &[&str] = &["vsa"];

/// A verification summary that is written.
pub(crate) const EMIT_VSA: &[&str] = &["verifier_id", "resource_uri"];

/// What every rule may ask.
pub(crate) const RULE: &[&str] = &[
    "name",
    "type",
    "signed_by",
    "threshold",
    "each",
    "except",
    "max_age",
    "independent",
    "where",
];

/// The fields at the top of a table of tests.
pub(crate) const TABLE: &[&str] = &["version", "policy", "trusted_root", "at", "case"];

/// A case of a table of tests.
pub(crate) const CASE: &[&str] = &[
    "name",
    "subject",
    "bundle",
    "links",
    "source_repository",
    "at",
    "expect",
    "code",
];

/// Every table of the language with its fields.
pub fn vocabulary() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    [
        ("", POLICY),
        ("include", INCLUDE),
        ("trust sigstore", TRUST_SIGSTORE),
        ("trust keys", TRUST_KEYS),
        ("trust key", TRUST_KEY),
        ("policy deny", POLICY_DENY),
        ("artifact", ARTIFACT),
        ("emit", EMIT),
        ("emit vsa", EMIT_VSA),
        ("require", RULE),
        ("require slsa-provenance", specific::BUILD),
        ("require vsa", specific::VERIFICATION),
        ("require vulns", specific::SCAN),
        ("require review", specific::REVIEW),
        ("require layout", layout::LAYOUT),
        ("deny", specific::DENY),
        ("where", super::condition::OPERATORS),
    ]
    .into_iter()
}
