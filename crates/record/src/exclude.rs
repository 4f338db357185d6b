//! Patterns of what is left out of a record, in the words of `.gitignore`, as in-toto has them.

use crate::limits;

/// What in-toto leaves out when nobody says anything else.
pub const DEFAULT_EXCLUDES: [&str; 4] = ["*.link*", ".git", "*.pyc", "*~"];

/// Patterns; the last that matches a path or a folder on its way decides.
///
/// ```text
/// *.pyc        any file or folder of such a name, and all below
/// /build/      the folder at the top
/// docs/**/*.md at any depth below docs
/// !keep.pyc    this one is kept after all
/// ```
/// `*` and `?` do not cross `/`, `[a-z]` and `[!a-z]` stand for one character, and `\` takes the next
/// one as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excludes(Vec<Pattern>);

impl Excludes {
    /// Reads patterns.
    ///
    /// # Errors
    /// One is empty, too long, a comment, names `.` or `..`, has a control character, or ends within a set or an
    /// escape; or there are too many.
    pub fn parse<T: AsRef<str>>(patterns: &[T]) -> Result<Self, PatternError> {
        if patterns.len() > limits::PATTERNS {
            return Err(PatternError {
                pattern: format!("{} patterns", patterns.len()),
                problem: "there are too many",
            });
        }
        patterns
            .iter()
            .map(|pattern| {
                Pattern::parse(pattern.as_ref()).map_err(|problem| PatternError {
                    pattern: pattern.as_ref().to_owned(),
                    problem,
                })
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether the file of that path is left out.
    pub fn leaves_out(&self, path: &str) -> bool {
        let components: Vec<&str> = path.split('/').collect();
        self.0
            .iter()
            .rev()
            .find(|pattern| covers(&pattern.parts, &components, pattern.folders_only))
            .is_some_and(|pattern| !pattern.keeps)
    }
}

/// Why a pattern cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("pattern {pattern:?}: {problem}")]
pub struct PatternError {
    /// The pattern.
    pub pattern: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl PatternError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        "exclude-malformed"
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    parts: Vec<Part>,
    keeps: bool,
    folders_only: bool,
}

/// What stands between two slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// `**`: any number of components.
    Any,
    Name(Vec<Token>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Character(char),
    One,
    Many,
    Set {
        except: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > limits::PATTERN_BYTES {
            return Err("it is too long");
        }
        if text.chars().any(char::is_control) {
            return Err("it has a control character, which no recorded name has");
        }
        if text.starts_with('#') {
            return Err("it is a comment; write \\# for a name that begins so");
        }
        let (keeps, text) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (folders_only, text) = match text.strip_suffix('/') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let is_anchored = text.contains('/');
        let text = text.strip_prefix('/').unwrap_or(text);
        let mut parts = Vec::new();
        if !is_anchored {
            parts.push(Part::Any);
        }
        for component in text.split('/') {
            let part = Part::parse(component)?;
            if part != Part::Any || parts.last() != Some(&Part::Any) {
                parts.push(part);
            }
        }
        Ok(Self {
            parts,
            keeps,
            folders_only,
        })
    }
}

impl Part {
    fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "" => return Err("it has an empty component"),
            "." | ".." => return Err("it names . or .."),
            "**" => return Ok(Self::Any),
            _ => {}
        }
        let mut tokens = Vec::new();
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            let token = match character {
                '*' => Token::Many,
                '?' => Token::One,
                '\\' => Token::Character(characters.next().ok_or("it ends with an escape")?),
                '[' => set(&mut characters)?,
                other => Token::Character(other),
            };
            if token != Token::Many || tokens.last() != Some(&Token::Many) {
                tokens.push(token);
            }
        }
        Ok(Self::Name(tokens))
    }
}

/// The rest of `[…]`.
fn set(characters: &mut std::str::Chars<'_>) -> Result<Token, &'static str> {
    const OPEN: &str = "it has a set that does not end";
    let mut ranges = Vec::new();
    let mut next = characters.next().ok_or(OPEN)?;
    let except = matches!(next, '!' | '^');
    if except {
        next = characters.next().ok_or(OPEN)?;
    }
    loop {
        let from = match next {
            '\\' => characters.next().ok_or(OPEN)?,
            other => other,
        };
        next = characters.next().ok_or(OPEN)?;
        let mut to = from;
        if next == '-' {
            next = characters.next().ok_or(OPEN)?;
            if next == ']' {
                ranges.push(('-', '-'));
            } else {
                to = match next {
                    '\\' => characters.next().ok_or(OPEN)?,
                    other => other,
                };
                next = characters.next().ok_or(OPEN)?;
            }
        }
        if to < from {
            return Err("it has a range that runs backwards");
        }
        ranges.push((from, to));
        if next == ']' {
            return Ok(Token::Set { except, ranges });
        }
    }
}

/// Whether the parts match the path or a folder on its way.
fn covers(parts: &[Part], path: &[&str], folders_only: bool) -> bool {
    match parts.split_first() {
        None => !folders_only || !path.is_empty(),
        Some((Part::Any, [])) => path.len() > usize::from(folders_only),
        Some((Part::Any, rest)) => (0..path.len()).any(|skipped| match path.get(skipped..) {
            Some(below) => covers(rest, below, folders_only),
            None => false,
        }),
        Some((Part::Name(tokens), rest)) => path.split_first().is_some_and(|(name, below)| {
            is_name(tokens, &name.chars().collect::<Vec<_>>()) && covers(rest, below, folders_only)
        }),
    }
}

/// Linear in what is left after each `*`: the last one alone is ever tried again.
fn is_name(tokens: &[Token], name: &[char]) -> bool {
    let (mut at_token, mut at) = (0, 0);
    let mut again: Option<(usize, usize)> = None;
    while let Some(&character) = name.get(at) {
        match tokens.get(at_token) {
            Some(Token::Many) => {
                again = Some((at_token + 1, at));
                at_token += 1;
            }
            Some(token) if token.takes(character) => {
                at_token += 1;
                at += 1;
            }
            _ => match again {
                None => return false,
                Some((token, from)) => {
                    again = Some((token, from + 1));
                    (at_token, at) = (token, from + 1);
                }
            },
        }
    }
    tokens
        .get(at_token..)
        .is_some_and(|left| left.iter().all(|token| *token == Token::Many))
}

impl Token {
    fn takes(&self, character: char) -> bool {
        match self {
            Self::Character(wanted) => *wanted == character,
            Self::One => true,
            Self::Many => false,
            Self::Set { except, ranges } => {
                let is_in = ranges
                    .iter()
                    .any(|(from, to)| (*from..=*to).contains(&character));
                is_in != *except
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(patterns: &[&str], out: &[&str], kept: &[&str]) {
        let excludes = Excludes::parse(patterns).unwrap();
        for path in out {
            assert!(excludes.leaves_out(path), "{patterns:?} keeps {path}");
        }
        for path in kept {
            assert!(!excludes.leaves_out(path), "{patterns:?} leaves out {path}");
        }
    }

    #[test]
    fn in_totos_defaults() {
        check(
            &DEFAULT_EXCLUDES,
            &[
                "build.776a00e2.link",
                ".build.776a00e2.link-unfinished",
                "sub/.git/config",
                ".git",
                "a/b.pyc",
                "b.pyc/inside",
                "notes~",
            ],
            &[".gitignore", "link", "pyc", "a.pyco", "~a", ".github/x"],
        );
    }

    #[test]
    fn a_slash_anchors_and_a_star_does_not_cross_one() {
        check(
            &["/build", "src/*.o"],
            &["build", "build/x", "src/a.o"],
            &["sub/build", "src/sub/a.o", "sub/src/a.o"],
        );
        check(
            &["docs/**/*.md", "logs/**", "**/tmp/x"],
            &[
                "docs/a.md",
                "docs/b/c/a.md",
                "logs/a",
                "logs/a/b",
                "tmp/x",
                "a/tmp/x",
            ],
            &["a.md", "logs", "sub/logs/a", "tmp/y"],
        );
        check(&["out/"], &["out/a", "a/out/b"], &["out", "a/out"]);
    }

    #[test]
    fn the_last_pattern_that_matches_decides() {
        check(
            &["*.log", "!keep.log", "secret/keep.log"],
            &["a.log", "secret/keep.log"],
            &["keep.log", "a/keep.log"],
        );
    }

    #[test]
    fn sets_and_escapes() {
        check(
            &["[a-c]x", "[!0-9]y", "\\*z", "[]]w", "[x-]v", "\\#u"],
            &["bx", "ay", "*z", "]w", "-v", "xv", "#u"],
            &["dx", "1y", "az", "yv"],
        );
    }

    #[test]
    fn a_pattern_that_cannot_be_read_is_refused() {
        for pattern in [
            "", "/", "!", "a//b", "../a", "a/..", "./a", "[a", "[z-a]", "a\\", "# x", "[", "a\nb",
            "a\0", "\u{1b}",
        ] {
            let refusal = Excludes::parse(&[pattern]).map_err(|error| error.code());
            assert_eq!(refusal, Err("exclude-malformed"), "{pattern:?}");
        }
    }

    #[test]
    fn many_stars_end_in_time() {
        let pattern = "*a".repeat(1000);
        let path = "a".repeat(4000) + "b";
        check(&[&pattern], &[], &[&path]);
    }
}
