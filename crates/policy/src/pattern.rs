//! Path patterns of flags, through the `glob` crate.

/// A pattern over paths below a folder: `*` and `?` cross no `/`, `**` does.
#[derive(Debug, Clone)]
pub struct Pattern(glob::Pattern);

/// A pattern that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("pattern {pattern:?}: {problem}")]
pub struct PatternError {
    pattern: String,
    problem: String,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When it is empty, absolute, climbs with `..`, has unbalanced brackets, or could match no path for what it is
    /// made of: an empty component, `.`, a backslash, a control character.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let error = |problem: &str| PatternError {
            pattern: text.to_owned(),
            problem: problem.to_owned(),
        };
        if text.is_empty() {
            return Err(error("is empty"));
        }
        if text.starts_with('/') || text.split('/').any(|part| part == "..") {
            return Err(error("leaves the folder"));
        }
        let is_no_path = |part: &str| part.is_empty() || part == ".";
        if text.split('/').any(is_no_path)
            || text.contains(|it: char| it == '\\' || it.is_control())
        {
            return Err(error("could match no path"));
        }
        glob::Pattern::new(text)
            .map(Self)
            .map_err(|found| error(found.msg))
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether the pattern covers this `/`-separated path.
    pub fn matches(&self, path: &str) -> bool {
        let options = glob::MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: false,
        };
        self.0.matches_with(path, options)
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn a_star_crosses_no_separator() {
        let pattern = Pattern::parse("*.txt").unwrap();
        assert!(pattern.matches("a.txt") && !pattern.matches("a/b.txt"));
        assert!(Pattern::parse("**/*.txt").unwrap().matches("a/b.txt"));
    }

    #[test]
    fn a_pattern_that_leaves_the_folder_is_refused() {
        for text in ["", "/etc/*", "../x", "a/../b", "[a"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_pattern_that_could_match_no_path_is_refused() {
        for text in [
            "a//b",
            "./a",
            "a/./b",
            "a/",
            "a\\*",
            "\u{0}",
            "a\u{1b}[2J",
            "a\n",
        ] {
            let error = Pattern::parse(text).unwrap_err().to_string();
            assert!(error.contains("could match no path"), "{text:?}: {error}");
        }
        assert!(Pattern::parse("a.b/..c").is_ok());
    }
}
