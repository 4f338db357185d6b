//! `where`: typed conditions on the fields of a predicate.
//!
//! ```toml
//! where = { result = "PASSED", failedTests = [], "configuration.0.name" = { glob = "ci-*" } }
//! ```
//!
//! A field that is missing, or has another type than the condition, fails: there is no condition that
//! holds of what is not there.

use std::fmt;

use attest_provenance::json::Value;
use jiff::Timestamp;

use crate::limits;
use crate::reason::Reason;
use crate::toml::{Field, FileError, Item, Table};

/// A condition on one field.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    path: FieldPath,
    test: Test,
}

/// Where a field stands in a predicate.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FieldPath(Vec<String>);

#[derive(Debug, Clone, PartialEq)]
enum Test {
    Equals(Scalar),
    OneOf(Vec<Scalar>),
    Empty(bool),
    AtLeast(Bound),
    AtMost(Bound),
    Glob(Glob),
    Contains(Scalar),
    Every(Vec<Condition>),
    Some(Vec<Condition>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Scalar {
    Text(String),
    Number(i64),
    Truth(bool),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Bound {
    Number(i64),
    Time(Timestamp),
}

/// A text with `*` in it, which stands for anything but `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(String);

/// The operators of a condition.
pub(crate) const OPERATORS: &[&str] = &[
    "equals", "one_of", "empty", "at_least", "at_most", "glob", "contains", "every", "some",
];

impl Condition {
    /// Reads a table of conditions.
    pub(crate) fn read(table: &Table<'_>) -> Result<Vec<Self>, FileError> {
        let mut conditions = Vec::new();
        read_into(table, &[], 0, &mut conditions)?;
        if conditions.is_empty() {
            return Err(table.fault("no field is named: every evidence would do"));
        }
        Ok(conditions)
    }

    /// Whether the condition is on this field at the top of the predicate, or inside it.
    pub fn is_on(&self, field: &str) -> bool {
        self.path.0.first().is_some_and(|it| it == field)
    }

    /// Whether the predicate satisfies: the value found, in words.
    ///
    /// # Errors
    /// `predicate-field-missing`, `predicate-field-mismatch`.
    pub fn judge(&self, predicate: &Value) -> Result<String, Reason> {
        let Some(value) = self.path.find(predicate) else {
            return Err(Reason::new(
                "predicate-field-missing",
                format!("no {} in the predicate", self.path),
                self,
            ));
        };
        let mismatch = |found: String| {
            Reason::new(
                "predicate-field-mismatch",
                format!("{} {found}", self.path),
                self,
            )
        };
        match &self.test {
            Test::Every(inner) => each(value, inner, &self.path, true).map_err(mismatch),
            Test::Some(inner) => each(value, inner, &self.path, false).map_err(mismatch),
            test if test.holds(value) => Ok(format!("{} {}", self.path, quoted(value))),
            _ => Err(mismatch(quoted(value))),
        }
    }
}

/// Every element, or one of them, satisfies all of these. Of no elements neither is so.
fn each(
    value: &Value,
    inner: &[Condition],
    path: &FieldPath,
    every: bool,
) -> Result<String, String> {
    let Value::Array(elements) = value else {
        return Err(format!("{}, which is no list", quoted(value)));
    };
    if elements.is_empty() {
        return Err("[], which has no element".to_owned());
    }
    let fault = |element: &Value| inner.iter().find_map(|it| it.judge(element).err());
    let faults: Vec<(usize, Reason)> = elements
        .iter()
        .enumerate()
        .filter_map(|(index, element)| Some((index, fault(element)?)))
        .collect();
    let satisfied = elements.len() - faults.len();
    if satisfied == elements.len() || (!every && satisfied > 0) {
        let all = elements.len();
        return Ok(format!("{path}: {satisfied} of {all} elements"));
    }
    let Some((index, reason)) = faults.into_iter().next() else {
        return Ok(String::new());
    };
    Err(format!("[{index}]: {}", reason.found()))
}

impl Test {
    fn holds(&self, value: &Value) -> bool {
        match self {
            Self::Equals(wanted) => wanted.is(value),
            Self::OneOf(wanted) => wanted.iter().any(|it| it.is(value)),
            Self::Empty(wanted) => is_empty(value) == Some(*wanted),
            Self::AtLeast(bound) => bound.compare(value).is_some_and(std::cmp::Ordering::is_ge),
            Self::AtMost(bound) => bound.compare(value).is_some_and(std::cmp::Ordering::is_le),
            Self::Glob(glob) => value.as_str().is_some_and(|it| glob.matches(it)),
            Self::Contains(wanted) => {
                let elements = value.as_array();
                elements.is_some_and(|it| it.iter().any(|it| wanted.is(it)))
            }
            Self::Every(_) | Self::Some(_) => false,
        }
    }
}

impl Scalar {
    fn is(&self, value: &Value) -> bool {
        match self {
            Self::Text(wanted) => value.as_str() == Some(wanted),
            Self::Number(wanted) => value.as_i64() == Some(*wanted),
            Self::Truth(wanted) => value.as_bool() == Some(*wanted),
        }
    }

    fn read(item: &Item<'_>) -> Result<Self, FileError> {
        if let Some(number) = item.whole() {
            return Ok(Self::Number(number));
        }
        if let Some(truth) = item.truth() {
            return Ok(Self::Truth(truth));
        }
        if !item.is_text() {
            return Err(item.fault("wanted a text, a whole number, true or false"));
        }
        Ok(Self::Text(item.text()?.clean()?.to_owned()))
    }
}

impl Bound {
    /// How the value stands to the bound.
    fn compare(&self, value: &Value) -> Option<std::cmp::Ordering> {
        match self {
            Self::Number(bound) => match value.as_i64() {
                Some(found) => Some(found.cmp(bound)),
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "a bound of a policy is far below 2^53; refused when it is read otherwise"
                )]
                None => value.as_f64()?.partial_cmp(&(*bound as f64)),
            },
            Self::Time(bound) => Some(value.as_str()?.parse::<Timestamp>().ok()?.cmp(bound)),
        }
    }

    fn read(item: &Item<'_>) -> Result<Self, FileError> {
        if item.is_time() {
            return item.time().map(Self::Time);
        }
        match item.whole() {
            Some(number) if number.unsigned_abs() < 1 << 53 => Ok(Self::Number(number)),
            _ => Err(item.fault("wanted a whole number, or a time with its offset")),
        }
    }
}

impl Glob {
    /// Reads a pattern, which must say something.
    pub(crate) fn read(field: &Field<'_>) -> Result<Self, FileError> {
        let text = field.clean()?;
        if !text.chars().any(|it| it != '*' && it != '/') {
            return Err(field.fault("the pattern says nothing: it would accept anything"));
        }
        if let Some(other) = text.chars().find(|it| "?[]{}\\".contains(*it)) {
            return Err(field.fault(format!("{other:?} stands for nothing: only `*` does")));
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether a text is as the pattern says.
    pub fn matches(&self, text: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
            return false;
        };
        let parts: Vec<&str> = parts.collect();
        matches_parts(rest, &parts)
    }

    /// The pattern as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it has a `*`.
    pub fn is_pattern(&self) -> bool {
        self.0.contains('*')
    }
}

/// Each part stands behind a `*`: they follow each other with no `/` in between, the last at the end.
fn matches_parts(text: &str, parts: &[&str]) -> bool {
    let Some((part, more)) = parts.split_first() else {
        return text.is_empty();
    };
    let within = text.find('/').unwrap_or(text.len());
    if more.is_empty() {
        return text
            .len()
            .checked_sub(part.len())
            .is_some_and(|at| at <= within && text.ends_with(part));
    }
    // The first place will do: what is left is only longer.
    text.match_indices(part)
        .take_while(|(at, _)| *at <= within)
        .any(|(at, _)| matches_parts(text.get(at + part.len()..).unwrap_or_default(), more))
}

fn is_empty(value: &Value) -> Option<bool> {
    match value {
        Value::Array(elements) => Some(elements.is_empty()),
        Value::Object(fields) => Some(fields.is_empty()),
        Value::String(text) => Some(text.is_empty()),
        _ => None,
    }
}

fn read_into(
    table: &Table<'_>,
    above: &[String],
    depth: usize,
    conditions: &mut Vec<Condition>,
) -> Result<(), FileError> {
    if depth > limits::CONDITION_DEPTH {
        return Err(table.fault(format!("nested deeper than {}", limits::CONDITION_DEPTH)));
    }
    for (name, item) in table.fields() {
        let mut path = above.to_vec();
        path.extend(
            FieldPath::parse(name)
                .map_err(|problem| item.fault(problem))?
                .0,
        );
        if item.is_table() {
            let inner = item.table()?;
            if !is_operators(&inner) {
                if inner.fields().next().is_none() {
                    return Err(item.fault("wanted a condition"));
                }
                read_into(&inner, &path, depth + 1, conditions)?;
                continue;
            }
            inner.only(OPERATORS)?;
            for (operator, operand) in inner.fields() {
                let test = Test::read(operator, operand, depth)?;
                let path = FieldPath(path.clone());
                conditions.push(Condition { path, test });
            }
        } else if item.is_list() {
            if !item.items()?.is_empty() {
                return Err(item.fault(
                    "a list has two meanings: write { one_of = […] }, or { contains = … } for each element",
                ));
            }
            let (path, test) = (FieldPath(path), Test::Empty(true));
            conditions.push(Condition { path, test });
        } else {
            let test = if item.is_time() {
                return Err(item.fault("of times write { at_least = … } or { at_most = … }"));
            } else {
                Test::Equals(Scalar::read(item)?)
            };
            let path = FieldPath(path);
            conditions.push(Condition { path, test });
        }
        if conditions.len() > limits::CONDITIONS {
            return Err(item.fault(format!("more than {} conditions", limits::CONDITIONS)));
        }
    }
    Ok(())
}

/// Whether a table is of operators: then all of its fields are.
fn is_operators(table: &Table<'_>) -> bool {
    table.fields().any(|(name, _)| OPERATORS.contains(&name))
}

impl Test {
    fn read(operator: &str, operand: &Item<'_>, depth: usize) -> Result<Self, FileError> {
        let inner = || {
            let mut conditions = Vec::new();
            let table = operand.table()?;
            read_into(&table, &[], depth + 1, &mut conditions)?;
            if conditions.is_empty() {
                return Err(operand.fault("no field is named: every element would do"));
            }
            Ok(conditions)
        };
        match operator {
            "equals" => Scalar::read(operand).map(Self::Equals),
            "one_of" => {
                let items = operand.items()?;
                if items.is_empty() {
                    return Err(operand.fault("one of none is nothing"));
                }
                let values: Result<Vec<_>, _> = items.iter().map(Scalar::read).collect();
                values.map(Self::OneOf)
            }
            "empty" => operand.boolean().map(Self::Empty),
            "at_least" => Bound::read(operand).map(Self::AtLeast),
            "at_most" => Bound::read(operand).map(Self::AtMost),
            "glob" => Glob::read(&operand.text()?).map(Self::Glob),
            "contains" => Scalar::read(operand).map(Self::Contains),
            "every" => inner().map(Self::Every),
            _ => inner().map(Self::Some),
        }
    }
}

impl FieldPath {
    /// `a.b.0`, or a JSON pointer where names have dots in them.
    fn parse(text: &str) -> Result<Self, String> {
        let bad = |it: &str| it.is_empty() || it.chars().any(char::is_control);
        let parts: Vec<String> = match text.strip_prefix('/') {
            Some(pointer) => pointer
                .split('/')
                .map(|it| it.replace("~1", "/").replace("~0", "~"))
                .collect(),
            None => text.split('.').map(str::to_owned).collect(),
        };
        if parts.iter().any(|it| bad(it)) {
            return Err(format!("{text:?} names no field"));
        }
        Ok(Self(parts))
    }

    fn find<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        let found = self.0.iter().try_fold(value, |value, part| match value {
            Value::Object(fields) => fields.get(part),
            Value::Array(elements) => elements.get(index(part)?),
            _ => None,
        });
        found.filter(|it| !it.is_null())
    }
}

fn index(part: &str) -> Option<usize> {
    let number: usize = part.parse().ok()?;
    (number.to_string() == part).then_some(number)
}

/// A value of a predicate as an answer quotes it.
pub(crate) fn quoted(value: &Value) -> String {
    let mut text = value.to_string();
    if text.len() > limits::QUOTED_BYTES {
        let end = (0..=limits::QUOTED_BYTES).rev();
        let end = end.into_iter().find(|it| text.is_char_boundary(*it));
        text.truncate(end.unwrap_or_default());
        text.push('…');
    }
    text
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Number(number) => number.fmt(f),
            Self::Truth(truth) => truth.fmt(f),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Time(time) => time.fmt(f),
        }
    }
}

/// The condition as a clause: `result is "PASSED"`.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        let all = |inner: &[Self]| {
            let words: Vec<String> = inner.iter().map(ToString::to_string).collect();
            words.join(" and ")
        };
        match &self.test {
            Test::Equals(wanted) => write!(f, "{path} is {wanted}"),
            Test::OneOf(wanted) => {
                let words: Vec<String> = wanted.iter().map(ToString::to_string).collect();
                write!(f, "{path} is one of {}", words.join(", "))
            }
            Test::Empty(true) => write!(f, "{path} is empty"),
            Test::Empty(false) => write!(f, "{path} is not empty"),
            Test::AtLeast(bound) => write!(f, "{path} is at least {bound}"),
            Test::AtMost(bound) => write!(f, "{path} is at most {bound}"),
            Test::Glob(glob) => write!(f, "{path} is like {:?}", glob.0),
            Test::Contains(wanted) => write!(f, "{path} contains {wanted}"),
            Test::Every(inner) => write!(f, "of every element of {path}, {}", all(inner)),
            Test::Some(inner) => write!(f, "of some element of {path}, {}", all(inner)),
        }
    }
}

#[cfg(test)]
mod tests {
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
}
