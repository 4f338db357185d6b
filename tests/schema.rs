//! JSON Schema, as far as `docs/schema` uses it. A keyword that is not known here fails the test, so
//! that nothing in a schema goes unchecked; `tests/interop` asks a real validator about the same.

use std::fs;

use serde_json::Value;

use crate::page::root;

/// A schema of `docs/schema`.
pub(crate) struct Schema(Value);

impl Schema {
    pub(crate) fn read(name: &str) -> Self {
        let text = fs::read_to_string(root().join("docs/schema").join(name)).unwrap();
        Self(serde_json::from_str(&text).unwrap())
    }

    /// What is wrong with a value; nothing if it is valid.
    pub(crate) fn problems(&self, value: &Value) -> Vec<String> {
        let mut problems = Vec::new();
        self.check(&self.0, value, "$", &mut problems);
        problems
    }

    /// Whether every object of the value has no field but those that the schema names.
    #[track_caller]
    pub(crate) fn accepts(&self, value: &Value) {
        let problems = self.problems(value);
        assert!(problems.is_empty(), "{problems:#?}\n{value:#}");
    }

    fn check(&self, schema: &Value, value: &Value, at: &str, problems: &mut Vec<String>) {
        for (keyword, wanted) in schema.as_object().unwrap() {
            let ok = match keyword.as_str() {
                "$schema" | "$id" | "$defs" | "title" | "description" => true,
                "$ref" => {
                    let name = wanted.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                    self.check(&self.0["$defs"][name], value, at, problems);
                    true
                }
                "type" => is_of(wanted, value),
                "const" => value == wanted,
                "enum" => wanted.as_array().unwrap().contains(value),
                "minimum" => value
                    .as_i64()
                    .is_none_or(|it| it >= wanted.as_i64().unwrap()),
                "pattern" => value
                    .as_str()
                    .is_none_or(|it| matches(wanted.as_str().unwrap(), it)),
                "required" => {
                    let there = |name: &Value| value.get(name.as_str().unwrap()).is_some();
                    !value.is_object() || wanted.as_array().unwrap().iter().all(there)
                }
                "properties" => {
                    for (name, schema) in wanted.as_object().unwrap() {
                        if let Some(inner) = value.get(name) {
                            self.check(schema, inner, &format!("{at}.{name}"), problems);
                        }
                    }
                    true
                }
                "additionalProperties" => {
                    let known = |name: &String| schema["properties"].get(name).is_some();
                    assert_eq!(*wanted, Value::Bool(false));
                    value.as_object().is_none_or(|it| it.keys().all(known))
                }
                "items" => {
                    for (index, inner) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(wanted, inner, &format!("{at}[{index}]"), problems);
                    }
                    true
                }
                "oneOf" => self.holding(wanted, value) == 1,
                "anyOf" => self.holding(wanted, value) > 0,
                other => panic!("{other} is a keyword that this test does not know"),
            };
            if !ok {
                problems.push(format!("{at}: {keyword} {wanted}: found {value}"));
            }
        }
    }

    fn holding(&self, schemas: &Value, value: &Value) -> usize {
        let holds = |schema: &&Value| {
            let mut problems = Vec::new();
            self.check(schema, value, "", &mut problems);
            problems.is_empty()
        };
        schemas.as_array().unwrap().iter().filter(holds).count()
    }
}

fn is_of(wanted: &Value, value: &Value) -> bool {
    let is = |name: &Value| match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("{other} is a type that this test does not know"),
    };
    match wanted {
        Value::Array(names) => names.iter().any(is),
        name => is(name),
    }
}

/// The patterns of the schemas.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern {
        "^[0-9a-f]{64}$" => {
            let is_hex = |it: u8| it.is_ascii_digit() || (b'a'..=b'f').contains(&it);
            text.len() == 64 && text.bytes().all(is_hex)
        }
        "^sha256:[0-9a-f]{64}$" => text
            .strip_prefix("sha256:")
            .is_some_and(|it| matches("^[0-9a-f]{64}$", it)),
        "^[a-z0-9]+(-[a-z0-9]+)*$" => text.split('-').all(|word| {
            let is_word = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit();
            !word.is_empty() && word.bytes().all(is_word)
        }),
        times if times.ends_with("Z$") => {
            text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok()
        }
        other => panic!("{other} is a pattern that this test does not know"),
    }
}

#[test]
fn a_report_that_lacks_a_field_or_has_a_strange_value_is_refused_by_the_schema() {
    let schema = Schema::read("verify-1.json");
    let good = serde_json::json!({
        "version": 1, "answer": "bad-request", "exit": 2,
        "error": { "code": "bad-arguments", "message": "x", "hint": null },
    });
    schema.accepts(&good);
    for (pointer, value) in [
        ("/version", serde_json::json!(2)),
        ("/answer", serde_json::json!("maybe")),
        ("/exit", serde_json::json!(0)),
        ("/error/code", serde_json::json!("Bad Arguments")),
        ("/error", serde_json::json!({ "code": "x" })),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        assert!(!schema.problems(&bad).is_empty(), "{pointer}");
    }
}
