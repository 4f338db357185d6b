//! For each field a policy that passes, and one change of the field with which it does not.

/// One change of a policy that is refused: the table and field that it is about, a policy that passes,
/// and the change.
pub(super) struct Flip {
    pub(super) field: (&'static str, &'static str),
    pub(super) rules: &'static str,
    pub(super) from: &'static str,
    pub(super) to: &'static str,
    pub(super) code: &'static str,
}

const fn flip(
    field: (&'static str, &'static str),
    rules: &'static str,
    from: &'static str,
    to: &'static str,
    code: &'static str,
) -> Flip {
    Flip {
        field,
        rules,
        from,
        to,
        code,
    }
}

pub(super) const TEST: &str = "[[require]]\nname = \"n\"\ntype = \"test-result\"\nsigned_by = \"alice\"\nthreshold = 1\neach = \"file\"\nmax_age = \"7d\"\nindependent = \"time\"\nwhere = { url = \"https://ci.example/1\", count = 3, failedTests = [] }\n";
const WHERE: &str = "[[require]]\ntype = \"test-result\"\nsigned_by = \"alice\"\nwhere = { url = { equals = \"https://ci.example/1\", one_of = [\"https://ci.example/1\"], glob = \"https://ci.example/*\" }, count = { at_least = 3, at_most = 3 }, tags = { contains = \"a\", empty = false }, runs = { every = { ok = true }, some = { ok = true } } }\n";
pub(super) const SCAN: &str = "[[require]]\ntype = \"vulns\"\nsigned_by = \"alice\"\ndeny = { severity = [\"critical\"], unless_vex = \"bob\", product = \"pkg:generic/x\" }\n";
const SUMMARY: &str = "[[require]]\ntype = \"vsa\"\nsigned_by = \"alice\"\nverifier = \"https://verifier.example\"\nresource_uri = \"pkg:generic/x\"\nlevels = [\"SLSA_BUILD_LEVEL_2\"]\n";
const OLD: &str =
    "[[require]]\ntype = \"slsa-provenance\"\nsigned_by = \"bob\"\nlevel = 1\nallow_v02 = true\n";
const BUILD: &str = "[[require]]\ntype = \"slsa-provenance\"\nsigned_by = \"alice\"\nlevel = 1\nexternal_parameters = { target = \"any\" }\n";

pub(super) const FLIPS: &[Flip] = &[
    flip(
        ("require", "type"),
        TEST,
        "\"test-result\"",
        "\"openvex\"",
        "attestation-missing",
    ),
    flip(
        ("require", "type"),
        SUMMARY,
        "type = \"vsa\"",
        "type = \"https://slsa.dev/verification_summary/v0.2\"",
        "policy-malformed",
    ),
    flip(
        ("require", "signed_by"),
        TEST,
        "\"alice\"",
        "\"bob\"",
        "attestation-missing",
    ),
    flip(
        ("require", "threshold"),
        TEST,
        "signed_by = \"alice\"\nthreshold = 1",
        "signed_by = [\"alice\", \"bob\"]\nthreshold = 2",
        "signers-too-few",
    ),
    flip(
        ("require", "max_age"),
        TEST,
        "\"7d\"",
        "\"1m\"",
        "evidence-too-old",
    ),
    flip(
        ("require", "independent"),
        TEST,
        "\"time\"",
        "\"log\"",
        "log-not-independent",
    ),
    flip(
        ("require", "where"),
        TEST,
        "count = 3",
        "count = 4",
        "predicate-field-mismatch",
    ),
    flip(
        ("require", "where"),
        TEST,
        "count = 3",
        "other = 3",
        "predicate-field-missing",
    ),
    flip(
        ("require", "name"),
        TEST,
        "name = \"n\"",
        "name = \"\"",
        "policy-malformed",
    ),
    flip(
        ("where", "equals"),
        WHERE,
        "equals = \"https://ci.example/1\"",
        "equals = \"https://ci.example/2\"",
        "predicate-field-mismatch",
    ),
    flip(
        ("where", "one_of"),
        WHERE,
        "one_of = [\"https://ci.example/1\"]",
        "one_of = [\"https://ci.example/2\"]",
        "predicate-field-mismatch",
    ),
    flip(
        ("where", "glob"),
        WHERE,
        "https://ci.example/*",
        "https://ci.example/2*",
        "predicate-field-mismatch",
    ),
    flip(
        ("where", "at_least"),
        WHERE,
        "at_least = 3",
        "at_least = 4",
        "predicate-field-mismatch",
    ),
    flip(
        ("where", "at_most"),
        WHERE,
        "at_most = 3",
        "at_most = 2",
        "predicate-field-mismatch",
    ),
    flip(
        ("where", "contains"),
        WHERE,
        "contains = \"a\"",
        "contains = \"b\"",
        "predicate-field-mismatch",
    ),
    flip(
        ("where", "empty"),
        WHERE,
        "empty = false",
        "empty = true",
        "predicate-field-mismatch",
    ),
    flip(
        ("where", "every"),
        WHERE,
        "every = { ok = true }",
        "every = { ok = false }",
        "predicate-field-mismatch",
    ),
    flip(
        ("where", "some"),
        WHERE,
        "some = { ok = true }",
        "some = { ok = false }",
        "predicate-field-mismatch",
    ),
    flip(
        ("require vulns", "deny"),
        SCAN,
        "deny = { severity",
        "deny = { severty",
        "policy-malformed",
    ),
    flip(
        ("deny", "severity"),
        SCAN,
        "\"critical\"",
        "\"critical\", \"high\"",
        "vulnerability-found",
    ),
    flip(
        ("deny", "unless_vex"),
        SCAN,
        "\"bob\"",
        "\"alice\"",
        "vulnerability-found",
    ),
    flip(
        ("deny", "product"),
        SCAN,
        "pkg:generic/x",
        "pkg:generic/y",
        "vulnerability-found",
    ),
    flip(
        ("require vsa", "verifier"),
        SUMMARY,
        "https://verifier.example",
        "https://other.example",
        "predicate-field-mismatch",
    ),
    flip(
        ("require vsa", "resource_uri"),
        SUMMARY,
        "pkg:generic/x",
        "pkg:generic/y",
        "predicate-field-mismatch",
    ),
    flip(
        ("require vsa", "levels"),
        SUMMARY,
        "BUILD_LEVEL_2",
        "SOURCE_LEVEL_2",
        "predicate-field-mismatch",
    ),
    flip(
        ("require slsa-provenance", "builder"),
        BUILD,
        "level = 1",
        "level = 1\nbuilder = \"https://ci.example/other\"",
        "builder-mismatch",
    ),
    flip(
        ("require slsa-provenance", "level"),
        BUILD,
        "level = 1",
        "level = 2",
        "slsa-level-low",
    ),
    flip(
        ("require slsa-provenance", "source"),
        BUILD,
        "level = 1",
        "source = \"https://github.com/acme/app\"",
        "source-missing",
    ),
    flip(
        ("require slsa-provenance", "ref"),
        BUILD,
        "level = 1",
        "level = 1\nref = \"refs/tags/v1\"",
        "source-missing",
    ),
    flip(
        ("require slsa-provenance", "commit"),
        BUILD,
        "level = 1",
        "level = 1\ncommit = \"0123456789012345678901234567890123456789\"",
        "source-missing",
    ),
    flip(
        ("require slsa-provenance", "inputs"),
        BUILD,
        "level = 1",
        "level = 1\ninputs = { a = \"b\" }",
        "workflow-input-missing",
    ),
    flip(
        ("require slsa-provenance", "external_parameters"),
        BUILD,
        "target = \"any\"",
        "target = \"none\"",
        "build-parameter-unknown",
    ),
    flip(
        ("require slsa-provenance", "allow_v02"),
        OLD,
        "allow_v02 = true",
        "allow_v02 = false",
        "attestation-missing",
    ),
    flip(
        ("artifact", "digests"),
        TEST,
        "[[require]]",
        "[artifact]\ndigests = [\"sha512\"]\n[[require]]",
        "attestation-missing",
    ),
];
