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
fn matches_parts(mut text: &str, parts: &[&str]) -> bool {
    let Some((last, parts)) = parts.split_last() else {
        return text.is_empty();
    };
    let within = |text: &str| text.find('/').unwrap_or(text.len());
    for part in parts {
        // The first place will do: what is left is only longer. A part with a `/` has one place alone.
        let Some(at) = text.find(part).filter(|at| *at <= within(text)) else {
            return false;
        };
        text = text.get(at + part.len()..).unwrap_or_default();
    }
    let at = text.len().checked_sub(last.len());
    at.is_some_and(|at| at <= within(text) && text.ends_with(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same question, asked character by character.
    fn reads_as(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, _) => text.is_empty(),
            (Some((b'*', rest)), Some((one, after))) => {
                reads_as(rest, text) || *one != b'/' && reads_as(pattern, after)
            }
            (Some((b'*', rest)), None) => reads_as(rest, text),
            (Some((wanted, rest)), Some((one, after))) => wanted == one && reads_as(rest, after),
            (Some(_), None) => false,
        }
    }

    /// Every text of up to so many of these characters.
    fn texts(alphabet: &str, most: u32) -> Vec<String> {
        let longer = |texts: &Vec<String>| {
            let longer = |it: &String| alphabet.chars().map(|last| format!("{it}{last}")).collect();
            texts.iter().flat_map::<Vec<String>, _>(longer).collect()
        };
        let mut all = vec![vec![String::new()]];
        for _ in 0..most {
            all.extend(all.last().map(longer));
        }
        all.concat()
    }

    #[test]
    fn the_first_place_of_each_part_is_enough() {
        for pattern in texts("ab/*", 5) {
            let glob = Glob(pattern.clone());
            for text in texts("ab/", 5) {
                let wanted = reads_as(pattern.as_bytes(), text.as_bytes());
                assert_eq!(glob.matches(&text), wanted, "{pattern} {text}");
            }
        }
    }

    /// Each `*` that could stand anywhere once doubled the time.
    #[test]
    fn a_text_of_nothing_but_beginnings_is_read_once() {
        let glob = Glob("*-".repeat(64) + "*v");
        assert!(!glob.matches(&"-".repeat(1 << 16)));
        assert!(glob.matches(&("-".repeat(1 << 16) + "v")));
    }
}
