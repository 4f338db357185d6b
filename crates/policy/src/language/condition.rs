//! `where`: typed conditions on the fields of a predicate.
//!
//! ```toml
//! where = { result = "PASSED", failedTests = [], "configuration.0.name" = { glob = "ci-*" } }
//! ```
//!
//! A field that is missing, or has another type than the condition, fails: there is no condition that
//! holds of what is not there.

mod glob;
mod read;
mod words;

use attest_provenance::json::Value;
use jiff::Timestamp;

use crate::reason::Reason;
use crate::toml::{FileError, Item, Table};
pub use glob::Glob;
use read::read_into;
pub(crate) use words::quoted;

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

fn is_empty(value: &Value) -> Option<bool> {
    match value {
        Value::Array(elements) => Some(elements.is_empty()),
        Value::Object(fields) => Some(fields.is_empty()),
        Value::String(text) => Some(text.is_empty()),
        _ => None,
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

#[cfg(test)]
mod tests;
