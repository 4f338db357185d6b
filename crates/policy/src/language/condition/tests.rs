//! What conditions hold of.

use attest_provenance::json;

use super::*;
use crate::limits;
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
        "a = 1",
        r#"{"a":1}"#,
        &[r#"{"a":1.5}"#, r#"{"a":-1}"#, r#"{"a":[1]}"#],
    ),
    (
        "a = { empty = true }",
        r#"{"a":""}"#,
        &[r#"{"a":"x"}"#, r#"{"a":false}"#, r#"{"a":{"b":1}}"#],
    ),
    (
        "a = { one_of = [true, \"x\"] }",
        r#"{"a":true}"#,
        &[r#"{"a":false}"#, r#"{"a":1}"#, r#"{"a":"true"}"#],
    ),
    (
        "a = { at_most = 2026-01-01T00:00:00Z }",
        r#"{"a":"2026-01-01T00:00:00Z"}"#,
        &[r#"{"a":"2026-01-01T00:00:00.000000001Z"}"#, "{}"],
    ),
    (
        "a = { contains = 1 }",
        r#"{"a":[2,1]}"#,
        &[r#"{"a":["1"]}"#, r#"{"a":[]}"#, r#"{"a":{"b":1}}"#],
    ),
    // All of what is said of one element is said of the same one.
    (
        "a = { some = { b = 1, c = 2 } }",
        r#"{"a":[{"b":1},{"b":1,"c":2}]}"#,
        &[r#"{"a":[{"b":1},{"c":2}]}"#, r#"{"a":{"b":1,"c":2}}"#],
    ),
    (
        "a.b = 1\na.c = 2",
        r#"{"a":{"b":1,"c":2}}"#,
        &[r#"{"a":{"b":1}}"#, r#"{"a":{"c":2}}"#],
    ),
    // A place in a list has one spelling; as the name of a field it is any text.
    (
        "a.00 = 1",
        r#"{"a":{"00":1}}"#,
        &[r#"{"a":[1]}"#, r#"{"a":{"0":1}}"#],
    ),
    ("\"a.+0\" = 1", r#"{"a":{"+0":1}}"#, &[r#"{"a":[1]}"#]),
    (
        "\"/a~01\" = 1",
        r#"{"a~1":1}"#,
        &[r#"{"a/":1}"#, r#"{"a~01":1}"#],
    ),
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
    let (most, more) = (limits::CONDITION_DEPTH, limits::CONDITION_DEPTH + 1);
    assert!(read(&format!("{}a = 1", "a.".repeat(most))).is_ok());
    assert!(read(&format!("{}a = 1", "a.".repeat(more))).is_err());
    let many = |count: usize| {
        let lines: Vec<String> = (0..count).map(|it| format!("a{it} = 1")).collect();
        lines.join("\n")
    };
    assert!(read(&many(limits::CONDITIONS)).is_ok());
    assert!(read(&many(limits::CONDITIONS + 1)).is_err());
    // A bound that a comparison would round is none.
    assert!(read("a = { at_least = 9007199254740991 }").is_ok());
    assert!(read("a = { at_least = 9007199254740992 }").is_err());
    assert!(read("a = { at_most = -9007199254740992 }").is_err());
}

#[test]
fn a_condition_inside_a_field_is_on_that_field() {
    let conditions = read("result.word = \"x\"").unwrap();
    assert!(conditions[0].is_on("result"));
    for other in ["word", "resul", "result.word", ""] {
        assert!(!conditions[0].is_on(other), "{other}");
    }
}

#[test]
fn every_operator_has_its_case() {
    for operator in OPERATORS.iter().filter(|it| **it != "equals") {
        let has = |(condition, ..): &&(&str, _, _)| condition.contains(operator);
        assert!(CASES.iter().any(|it| has(&it)), "{operator}");
    }
}
