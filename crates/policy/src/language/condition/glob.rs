//! Texts with `*` in them.

use crate::toml::{Field, FileError};

/// A text with `*` in it, which stands for anything but `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(pub(super) String);

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
