//! Conditions and values as an answer says them.

use std::fmt;

use attest_provenance::json::Value;

use super::{Bound, Condition, FieldPath, Scalar, Test};
use crate::limits;

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
