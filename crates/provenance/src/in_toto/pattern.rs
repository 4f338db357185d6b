//! Patterns of paths, where all implementations agree.

use std::fmt;

use super::InTotoError;
use crate::limits;

/// A pattern of whole paths: `*` is any text and `?` any character, both also `/`; `[a-z]` one of
/// these, `[!a-z]` any other character.
///
/// ```
/// # use attest_provenance::in_toto::Pattern;
/// let pattern = Pattern::parse("src/*.p[yx]")?;
/// assert!(pattern.matches("src/deep/foo.py"));
/// assert!(!pattern.matches("src/foo.pz"));
/// # Ok::<(), attest_provenance::in_toto::InTotoError>(())
/// ```
///
/// What implementations read differently is refused, because a rule that quietly matches nothing
/// forbids nothing: a backslash, `[^a]` (a negation for some, `^` or `a` for others), `[` that is not
/// closed, `]` or `-` at the edge of a class, a range that runs backwards, and paths that have a second
/// spelling (`..`, `.`, `//`, a leading or trailing `/`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Any,
    One,
    Literal(char),
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// One that is empty, too long, or that implementations read differently.
    pub fn parse(text: &str) -> Result<Self, InTotoError> {
        let refuse = |problem| InTotoError::Pattern {
            pattern: text.to_owned(),
            problem,
        };
        if text.is_empty() || text.len() > limits::PATTERN_BYTES {
            return Err(refuse("is empty or too long"));
        }
        if text.contains('\\') {
            return Err(refuse(
                "has a backslash, which only some take for an escape",
            ));
        }
        if text.chars().any(char::is_control) {
            return Err(refuse("has a control character"));
        }
        if text.starts_with('/') || text.ends_with('/') {
            return Err(refuse("begins or ends with /, as no path does"));
        }
        if text.split('/').any(|it| matches!(it, "" | "." | "..")) {
            return Err(refuse("has a component that no path has"));
        }
        let parts = parts(text).map_err(refuse)?;
        Ok(Self {
            text: text.to_owned(),
            parts,
        })
    }

    /// Whether it covers the whole path.
    pub fn matches(&self, path: &str) -> bool {
        // The place to go back to: what stands behind the last `*`, and the first character that this
        // `*` has not swallowed yet.
        let mut back: Option<(usize, &str)> = None;
        let (mut part, mut rest) = (0, path);
        loop {
            match self.parts.get(part) {
                None if rest.is_empty() => return true,
                Some(Part::Any) => {
                    part += 1;
                    back = Some((part, rest));
                    continue;
                }
                Some(wanted) => {
                    let mut characters = rest.chars();
                    if characters.next().is_some_and(|it| wanted.is(it)) {
                        (part, rest) = (part + 1, characters.as_str());
                        continue;
                    }
                }
                None => {}
            }
            let Some((after, from)) = back else {
                return false;
            };
            let mut characters = from.chars();
            if characters.next().is_none() {
                return false;
            }
            back = Some((after, characters.as_str()));
            (part, rest) = (after, characters.as_str());
        }
    }

    /// The pattern as it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Part {
    fn is(&self, character: char) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Literal(wanted) => *wanted == character,
            Self::Class { negated, ranges } => {
                let inside = ranges
                    .iter()
                    .any(|(from, to)| (*from..=*to).contains(&character));
                inside != *negated
            }
        }
    }
}

fn parts(text: &str) -> Result<Vec<Part>, &'static str> {
    let mut parts = Vec::new();
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        let part = match character {
            '*' if parts.last() == Some(&Part::Any) => continue,
            '*' => Part::Any,
            '?' => Part::One,
            '[' => {
                let (inside, after) = rest.as_str().split_once(']').ok_or(UNCLOSED)?;
                rest = after.chars();
                class(inside)?
            }
            literal => Part::Literal(literal),
        };
        parts.push(part);
    }
    Ok(parts)
}

fn class(inside: &str) -> Result<Part, &'static str> {
    if inside.starts_with('^') {
        return Err("has [^…], a negation for some and a character for others; write [!…]");
    }
    let (negated, inside) = match inside.strip_prefix('!') {
        Some(inside) => (true, inside),
        None => (false, inside),
    };
    if inside.is_empty() {
        return Err("has an empty class, or one that begins with ]");
    }
    let mut ranges = Vec::new();
    let mut rest = inside.chars().peekable();
    while let Some(from) = rest.next() {
        if from == '-' {
            return Err("has a class with - at an edge");
        }
        let mut to = from;
        if rest.peek() == Some(&'-') {
            rest.next();
            to = rest.next().ok_or("has a class with - at an edge")?;
            if to == '-' || to < from {
                return Err("has a range that runs backwards");
            }
        }
        ranges.push((from, to));
    }
    Ok(Part::Class { negated, ranges })
}

const UNCLOSED: &str = "has a [ that is not closed";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pattern_that_implementations_read_differently_is_refused() {
        for pattern in [
            "", "/foo", "foo/", "a//b", "./a", "a/../b", "..", "a\\*", "[foo", "**foo[", "[^a]",
            "[]a]", "[!]", "[]", "[a-]", "[-a]", "[z-a]", "[a--]", "a\nb", "a\0",
        ] {
            let code = Pattern::parse(pattern).map_err(|it| it.code());
            assert_eq!(code.unwrap_err(), "rule-pattern-ambiguous", "{pattern:?}");
        }
    }

    #[test]
    fn stars_cross_folders_and_match_leading_dots() {
        for (pattern, path, matches) in [
            ("*", ".git/config", true),
            ("foo/*", "foo/a/b", true),
            ("foo/*", "foo", false),
            ("*.py", "a/b.py", true),
            ("a?c", "a/c", true),
            ("[!a]b", "/b", true),
            ("[!a]b", "ab", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("**", "x", true),
            ("foo", "Foo", false),
            ("[a-c]é", "bé", true),
            ("[[]x", "[x", true),
            ("a]", "a]", true),
        ] {
            let pattern = Pattern::parse(pattern).unwrap();
            assert_eq!(pattern.matches(path), matches, "{pattern} {path}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_is_fast() {
        let pattern = Pattern::parse(&format!("{}c", "a*".repeat(400))).unwrap();
        assert!(!pattern.matches(&"a".repeat(4000)));
    }

    /// What a pattern means, said once more and slowly.
    fn slowly(parts: &[Part], path: &[char]) -> bool {
        match (parts, path) {
            ([], []) => true,
            ([Part::Any, rest @ ..], _) => (0..=path.len()).any(|it| slowly(rest, &path[it..])),
            ([part, rest @ ..], [character, after @ ..]) => {
                part.is(*character) && slowly(rest, after)
            }
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn a_pattern_matches_what_its_meaning_says(pattern in r"[ab*?/\[\]!\-]{1,10}", path in "[ab/]{0,10}") {
            if let Ok(pattern) = Pattern::parse(&pattern) {
                let characters: Vec<char> = path.chars().collect();
                prop_assert_eq!(pattern.matches(&path), slowly(&pattern.parts, &characters));
            }
        }
    }
}
