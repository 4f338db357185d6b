//! Answers questions about canonical JSON, patterns and rules, one in each line, so that another
//! implementation can be compared: `tests/interop` asks thousands of in-toto's.
//!
//! ```text
//! {"canonical": "{\"a\": 1}"}                                 {"hex": "7b2261223a317d"}
//! {"pattern": "*.py", "paths": ["a.py", "b"]}                 {"matches": [true, false]}
//! {"rules": [["ALLOW", "*"]], "kind": "products", "item": {"materials": {}, "products": {}}, "items": {}}
//!                                                             {"left": []}
//! ```
//! What is refused is answered as `{"refused": CODE}`.

#![expect(clippy::print_stdout, reason = "its output is its purpose")]
#![expect(clippy::unwrap_used, reason = "a question that is none has no answer")]

use std::collections::BTreeMap;
use std::io::BufRead;

use attest_provenance::in_toto::{ArtifactKind, InTotoError, Link, Pattern, Rule, StepName};
use attest_provenance::json::{Limits, Value, olpc, parse};
use attest_verify::layout::{Files, apply};
use serde_json::json;

fn main() {
    for line in std::io::stdin().lock().lines() {
        let question: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let answer = answer(&question).unwrap_or_else(|code| json!({ "refused": code }));
        println!("{answer}");
    }
}

fn answer(question: &Value) -> Result<Value, &'static str> {
    let code = |error: InTotoError| error.code();
    if let Some(text) = question.get("canonical").and_then(Value::as_str) {
        let value = parse(text.as_bytes(), LIMITS).map_err(|it| it.code())?;
        let bytes = olpc(&value).map_err(|it| it.code())?;
        return Ok(json!({ "hex": hex::encode(bytes) }));
    }
    if let Some(text) = question.get("pattern").and_then(Value::as_str) {
        let pattern = Pattern::parse(text).map_err(code)?;
        let paths = question.get("paths").and_then(Value::as_array).unwrap();
        let matches = paths.iter().map(|it| pattern.matches(it.as_str().unwrap()));
        return Ok(json!({ "matches": matches.collect::<Vec<_>>() }));
    }
    let rules: Vec<Vec<String>> = serde_json::from_value(question["rules"].clone()).unwrap();
    let rules = rules.iter().map(|it| Rule::parse(it));
    let rules = rules.collect::<Result<Vec<_>, _>>().map_err(code)?;
    let item = files(&question["item"]).map_err(code)?;
    let items = question["items"].as_object().unwrap().iter();
    let items = items.map(|(name, it)| Ok((StepName::parse(name)?, files(it)?)));
    let items = items.collect::<Result<BTreeMap<_, _>, _>>().map_err(code)?;
    let kind = match question["kind"].as_str() {
        Some("materials") => ArtifactKind::Materials,
        _ => ArtifactKind::Products,
    };
    let left = apply(&rules, kind, &item, &items).map_err(|it| it.code)?;
    Ok(json!({ "left": left }))
}

fn files(value: &Value) -> Result<Files, InTotoError> {
    let link = json!({
        "_type": "link", "name": "item", "command": [], "byproducts": {}, "environment": {},
        "materials": value["materials"], "products": value["products"],
    });
    Link::from_json(link).map(Files::from)
}

const LIMITS: Limits = Limits {
    bytes: 1 << 20,
    depth: 64,
};
