//! What conditions hold of.

use attest_provenance::json;

use super::*;
use crate::toml::Document;

fn read(lines: &str) -> Result<Vec<Condition>, FileError> {
    let document = Document::parse(lines)?;
    Condition::read(&document.root())
}

fn holds(condition: &str, predicate: &str) -> bool {
    let shape = json::Limits {
        bytes: 1 << 16,
        depth: 16,
    };
    let predicate = json::parse(predicate.as_bytes(), shape).unwrap();
    let conditions = read(condition).unwrap();
    conditions.iter().all(|it| it.judge(&predicate).is_ok())
}

/// A condition, a predicate of which it holds, and those of which it does not.
const CASES: &[(&str, &str, &[&str])] = &[
    (
        "a = \"x\"",
        r#"{"a":"x"}"#,
        &[
            r#"{"a":"X"}"#,
            r#"{"a":["x"]}"#,
            r#"{"a":null}"#,
            "{}",
            "[]",
        ],
    ),
    (
        "a = 1",
        r#"{"a":1}"#,
        &[r#"{"a":"1"}"#, r#"{"a":2}"#, r#"{"a":true}"#],
    ),
    (
        "a = true",
        r#"{"a":true}"#,
        &[r#"{"a":false}"#, r#"{"a":"true"}"#, r#"{"a":1}"#],
    ),
    (
        "a = []",
        r#"{"a":[]}"#,
        &[r#"{"a":[1]}"#, r#"{"a":0}"#, r#"{"a":null}"#, "{}"],
    ),
    (
        "a = { one_of = [\"x\", 2] }",
        r#"{"a":2}"#,
        &[r#"{"a":"2"}"#, r#"{"a":"y"}"#, r#"{"a":["x"]}"#],
    ),
    (
        "a = { empty = false }",
        r#"{"a":[0]}"#,
        &[r#"{"a":[]}"#, r#"{"a":""}"#, r#"{"a":1}"#],
    ),
    (
        "a = { at_least = 3 }",
        r#"{"a":3}"#,
        &[r#"{"a":2}"#, r#"{"a":2.9}"#, r#"{"a":"4"}"#],
    ),
    (
        "a = { at_most = 3 }",
        r#"{"a":2.5}"#,
        &[r#"{"a":4}"#, r#"{"a":3.01}"#, r#"{"a":"x"}"#],
    ),
    (
        "a = { at_least = 2026-01-01T00:00:00Z }",
        r#"{"a":"2026-01-01T01:00:00+01:00"}"#,
        &[
            r#"{"a":"2025-12-31T23:59:59Z"}"#,
            r#"{"a":"2027"}"#,
            r#"{"a":1}"#,
        ],
    ),
    (
        "a = { glob = \"refs/tags/v*\" }",
        r#"{"a":"refs/tags/v1"}"#,
        &[
            r#"{"a":"refs/tags/v1/x"}"#,
            r#"{"a":"refs/heads/v1"}"#,
            r#"{"a":"x/refs/tags/v1"}"#,
        ],
    ),
    (
        "a = { contains = \"x\" }",
        r#"{"a":["y","x"]}"#,
        &[r#"{"a":["xy"]}"#, r#"{"a":"x"}"#],
    ),
    (
        "a = { every = { b = 1 } }",
        r#"{"a":[{"b":1},{"b":1}]}"#,
        &[
            r#"{"a":[{"b":1},{"b":2}]}"#,
            r#"{"a":[]}"#,
            r#"{"a":[{}]}"#,
            r#"{"a":{"b":1}}"#,
        ],
    ),
    (
        "a = { some = { b = 1 } }",
        r#"{"a":[{"b":2},{"b":1}]}"#,
        &[r#"{"a":[{"b":2}]}"#, r#"{"a":[]}"#],
    ),
    (
        "a.b.0 = 1",
        r#"{"a":{"b":[1]}}"#,
        &[r#"{"a":{"b":[2,1]}}"#, r#"{"a":{"b":[]}}"#],
    ),
    ("\"a.b\" = 1", r#"{"a":{"b":1}}"#, &[r#"{"a.b":1}"#]),
    (
        "\"/a.b/x~1y\" = 1",
        r#"{"a.b":{"x/y":1}}"#,
        &[r#"{"a":{"b":{"x/y":1}}}"#],
    ),
];

#[test]
fn a_condition_holds_of_what_it_says_and_of_nothing_else() {
    for (condition, good, bad) in CASES {
        assert!(holds(condition, good), "{condition} of {good}");
        for bad in *bad {
            assert!(!holds(condition, bad), "{condition} of {bad}");
        }
    }
}

#[test]
fn what_nobody_can_mean_is_no_condition() {
    for text in [
        "",
        "a = {}",
        "a = [1]",
        "a = 2026-01-01T00:00:00Z",
        "a = 1.5",
        "a = { equal = 1 }\nb = { equals = 1, x = 2 }",
        "a = { one_of = [] }",
        "a = { one_of = [[1]] }",
        "a = { glob = \"*\" }",
        "a = { glob = \"*/*\" }",
        "a = { glob = \"a[b]\" }",
        "a = { at_least = \"3\" }",
        "a = { empty = 1 }",
        "a = { every = {} }",
        "a = \"\"",
        "\"\" = 1",
        "\"a..b\" = 1",
        "a = \"\\u0007\"",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
    let deep = "a.".repeat(64);
    assert!(read(&format!("{deep}a = 1")).is_err());
}

#[test]
fn every_operator_has_its_case() {
    for operator in OPERATORS.iter().filter(|it| **it != "equals") {
        let has = |(condition, ..): &&(&str, _, _)| condition.contains(operator);
        assert!(CASES.iter().any(|it| has(&it)), "{operator}");
    }
}
