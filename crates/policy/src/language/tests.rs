//! What parses and what does not, and where it is said to be wrong.

use super::*;

mod closures;

const GOOD: &str = r#"version = 1
name = "prod-promotion"
serial = 7
expires = 2027-03-31T00:00:00Z
independent = ["tsa.example"]
accept = ["set-only"]

[artifact]
digests = ["sha256", "sha512"]

[trust.ci]
kind = "sigstore"
issuer = "https://token.actions.githubusercontent.com"
identity = "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v*"

[trust.releng]
kind = "keys"
threshold = 2
keys = [
  "sha256:0000000000000000000000000000000000000000000000000000000000000001",
  { file = "keys/bob.pub", sha256 = "0000000000000000000000000000000000000000000000000000000000000002" },
]

[[require]]
name = "tests pass"
type = "test-result"
signed_by = "ci"
max_age = "7d"
independent = ["time", "log"]
each = "release"
where = { result = "PASSED", failedTests = [] }

[[require]]
type = "signature"
signed_by = ["ci", "releng"]
threshold = 2

[deny]
identities = ["mallory@example.com"]
"#;

#[test]
fn every_field_is_read() {
    let policy = PolicyFile::parse(GOOD).unwrap();
    assert_eq!((policy.name(), policy.serial), ("prod-promotion", Some(7)));
    assert_eq!(
        policy.expires,
        Some("2027-03-31T00:00:00Z".parse().unwrap())
    );
    assert_eq!(policy.digests, [Algorithm::Sha256, Algorithm::Sha512]);
    assert_eq!(policy.groups.len(), 2);
    let asks: Vec<String> = policy.rules.iter().map(Rule::asks).collect();
    assert_eq!(
        asks,
        [
            "evidence of the type test-result by ci, about any file of the release, not older than \
             7d, in an independent log and with an independent time; it says that result is \
             \"PASSED\", and failedTests is empty",
            "a signature over the bytes by 2 different signers of ci or releng",
        ]
    );
    assert_eq!(policy.rules[0].title(), "tests pass");
    assert_eq!(policy.rules[1].title(), "signature by ci or releng");
    assert_eq!(policy.rules[1].place(), (None, 33));
}

/// What is changed, into what, and where and how it is refused.
const BAD: &[(&str, &str, &str)] = &[
    (
        "version = 1",
        "version = 2",
        "line 1, column 11: version is not 1",
    ),
    (
        "name = \"prod-promotion\"\n",
        "",
        "line 1, column 1: name is missing",
    ),
    (
        "name = \"prod-promotion\"",
        "name = \"\"",
        "line 2, column 8: the text is empty",
    ),
    (
        "name = \"prod-promotion\"",
        "name = \"a\\u001b[2J\"",
        "line 2, column 8: '\\u{1b}' in a text",
    ),
    (
        "serial = 7",
        "serial = -7",
        "line 3, column 10: wanted a whole number",
    ),
    (
        "serial =",
        "serail =",
        "line 3, column 1: serail is unknown here; did you mean serial?",
    ),
    (
        "2027-03-31T00:00:00Z",
        "2027-03-31",
        "line 4, column 11: wanted a time with its offset",
    ),
    (
        "\"set-only\"",
        "\"no-logs\"",
        "line 6, column 11: accept \"no-logs\" is unknown; did you mean no-log?",
    ),
    (
        "[\"sha256\", \"sha512\"]",
        "[]",
        "line 9, column 11: no digest would be accepted",
    ),
    (
        "\"sha512\"",
        "\"sha1\"",
        "line 9, column 22: \"sha1\" is no digest that suffices",
    ),
    (
        "digests",
        "digest",
        "line 9, column 1: digest is unknown here; did you mean digests?",
    ),
    (
        "identity = \"https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v*\"\n",
        "",
        "line 11, column 1: identity is missing",
    ),
    (
        "https://github.com/acme/",
        "https://*/acme/",
        "line 14, column 12: `*` may not stand",
    ),
    (
        "com/acme/app",
        "com/*/app",
        "line 14, column 12: `*` may not stand",
    ),
    (
        "{ file = \"keys/bob.pub\", sha256 = \"0000000000000000000000000000000000000000000000000000000000000002\" }",
        "\"keys/bob.pub\"",
        "line 21, column 3: a policy names keys by fingerprint",
    ),
    (
        "threshold = 2\nkeys",
        "threshold = 3\nkeys",
        "line 18, column 13: threshold is not between 1 and 2",
    ),
    (
        "type = \"test-result\"\n",
        "",
        "line 24, column 1: type is missing",
    ),
    (
        "\"test-result\"",
        "\"test-results\"",
        "line 26, column 8: type \"test-results\" is unknown: wanted signature, a name such as test-result, or a URI; did you mean test-result?",
    ),
    (
        "\"test-result\"",
        "\"https://*\"",
        "line 26, column 8: type \"https://*\" is unknown",
    ),
    (
        "signed_by = \"ci\"\n",
        "",
        "line 24, column 1: signed_by is missing",
    ),
    (
        "signed_by = \"ci\"",
        "signed_by = \"cl\"",
        "line 27, column 13: nobody is trusted as cl; did you mean ci?",
    ),
    (
        "signed_by = \"ci\"",
        "signed_by = []",
        "line 27, column 13: nobody is named: anyone would do",
    ),
    (
        "signed_by = \"ci\"",
        "signed_by = \"\"",
        "line 27, column 13: the text is empty",
    ),
    (
        "signed_by = \"ci\"",
        "signed_by = \"*\"",
        "line 27, column 13: nobody is trusted as *",
    ),
    (
        "[\"ci\", \"releng\"]",
        "[\"ci\", \"ci\"]",
        "line 35, column 20: ci is named twice",
    ),
    (
        "\nthreshold = 2\n\n",
        "\nthreshold = 0\n\n",
        "line 36, column 13: none would be enough",
    ),
    (
        "\"7d\"",
        "\"7 days\"",
        "line 28, column 11: wanted a whole number and a unit",
    ),
    (
        "\"7d\"",
        "\"0d\"",
        "line 28, column 11: wanted a whole number and a unit",
    ),
    ("\"7d\"", "\"999999999w\"", "line 28, column 11: more than"),
    (
        "[\"time\", \"log\"]",
        "[]",
        "line 29, column 15: wanted log, time or both",
    ),
    (
        "[\"time\", \"log\"]",
        "\"times\"",
        "line 29, column 15: independent \"times\" is unknown; did you mean time?",
    ),
    (
        "\"release\"\nwhere",
        "\"files\"\nwhere",
        "line 30, column 8: each \"files\" is unknown; did you mean file?",
    ),
    (
        "\"release\"\nwhere",
        "\"release\"\nexcept = [\"x\"]\nwhere",
        "line 31, column 10: a rule about the release asks about no file by itself",
    ),
    (
        "\"release\"\nwhere",
        "\"file\"\nexcept = [\"**\"]\nwhere",
        "line 31, column 11: every file would be excepted",
    ),
    (
        "where = { result = \"PASSED\", failedTests = [] }",
        "where = {}",
        "line 31, column 9: no field is named",
    ),
    (
        "where =",
        "were =",
        "line 31, column 1: were is unknown here; did you mean where?",
    ),
    (
        "threshold = 2\n\n[deny]",
        "where = { a = 1 }\n\n[deny]",
        "line 36, column 9: a signature has no fields",
    ),
    (
        "type = \"signature\"",
        "type = \"svr\"",
        "line 33, column 1: where is missing: evidence of the type svr can say no",
    ),
    (
        "[deny]\nidentities",
        "[deny]\nidentity",
        "identity is unknown here",
    ),
    (
        "[[require]]\nname",
        "[[requires]]\nname",
        "requires is unknown here; did you mean require?",
    ),
];

#[test]
fn what_is_not_understood_is_refused_where_it_stands() {
    for (from, to, wanted) in BAD {
        assert_eq!(GOOD.matches(from).count(), 1, "{from}");
        let error = PolicyFile::parse(&GOOD.replace(from, to))
            .unwrap_err()
            .to_string();
        assert!(error.contains(wanted), "{from} -> {to}: {error}");
    }
}

/// Whoever denies what is high means what is worse as well.
#[test]
fn severities_are_denied_without_a_gap_below_the_worst() {
    let policy = |severities: &str| {
        PolicyFile::parse(&format!(
            "version = 1\nname = \"x\"\n[trust.a]\nkind = \"keys\"\n\
             keys = [\"sha256:0000000000000000000000000000000000000000000000000000000000000001\"]\n\
             [[require]]\ntype = \"vulns\"\nsigned_by = \"a\"\ndeny = {{ severity = [{severities}] }}\n"
        ))
    };
    for whole in [
        "\"critical\"",
        "\"high\", \"critical\"",
        "\"critical\", \"medium\", \"high\"",
    ] {
        policy(whole).unwrap();
    }
    for (gap, missing) in [
        ("\"high\"", "critical"),
        ("\"low\", \"critical\"", "medium"),
        ("\"none\", \"low\", \"medium\", \"critical\"", "high"),
    ] {
        let error = policy(gap).unwrap_err().to_string();
        let wanted = format!("line 9, column 21: {missing} is not denied, and less than that is");
        assert!(error.starts_with(&wanted), "{gap}: {error}");
    }
}

#[test]
fn a_policy_that_would_accept_anyone_does_not_parse() {
    let begin = "version = 1\nname = \"x\"\n";
    let trust = "[trust.a]\nkind = \"keys\"\nkeys = [\"sha256:0000000000000000000000000000000000000000000000000000000000000001\"]\n";
    let rule = "[[require]]\ntype = \"signature\"\nsigned_by = \"a\"\n";
    PolicyFile::parse(&format!("{begin}{trust}{rule}")).unwrap();
    for text in [
        begin.to_owned(),
        format!("{begin}{trust}"),
        format!("{begin}{rule}"),
        format!("{begin}[trust]\n{rule}"),
        format!("{begin}require = []\n{trust}"),
        format!("{begin}[trust.a]\n{rule}"),
        format!("{begin}[trust.a]\nkind = \"keys\"\nkeys = []\n{rule}"),
        format!("{begin}{trust}[[require]]\ntype = \"signature\"\n"),
        format!("{begin}{}{rule}", trust.replace("trust.a", "trust.\"\"")),
        format!(
            "{begin}[trust.a]\nkind = \"sigstore\"\nissuer = \"https://i.example\"\nidentity = \"*\"\n{rule}"
        ),
        format!(
            "{begin}[trust.a]\nkind = \"sigstore\"\nissuer = \"https://i.example\"\nidentity = []\n{rule}"
        ),
        format!(
            "{begin}[trust.a]\nkind = \"sigstore\"\nissuer = \"*\"\nidentity = \"a@example.com\"\n{rule}"
        ),
        format!("{begin}[trust.a]\nkind = \"anyone\"\n{rule}"),
    ] {
        assert!(PolicyFile::parse(&text).is_err(), "{text}");
    }
}
