//! The seven rules about files.

use std::fmt;

use attest_digest::RelativePath;

use super::{InTotoError, Pattern, StepName};

/// Materials or products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArtifactKind {
    /// The files before a step.
    Materials,
    /// The files after a step.
    Products,
}

impl fmt::Display for ArtifactKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Materials => "materials",
            Self::Products => "products",
        })
    }
}

/// One rule. Rules are applied in order to the files that no rule before has consumed.
///
/// ```text
/// ["MATCH", "*", "IN", "src", "WITH", "PRODUCTS", "FROM", "write-code"]
/// ["CREATE", "foo.tgz"]
/// ["DISALLOW", "*"]
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Consumes files that the step made.
    Create(Pattern),
    /// Consumes files that the step deleted.
    Delete(Pattern),
    /// Consumes files that the step changed.
    Modify(Pattern),
    /// Consumes files.
    Allow(Pattern),
    /// Fails if such a file is left.
    Disallow(Pattern),
    /// Fails if this very file is not left.
    Require(RelativePath),
    /// Consumes files that are the same in another step.
    Match {
        /// Of paths below both prefixes.
        pattern: Pattern,
        /// The folder here.
        source: Option<RelativePath>,
        /// Which of the other step's files.
        kind: ArtifactKind,
        /// The folder there.
        destination: Option<RelativePath>,
        /// The other step or inspection.
        step: StepName,
    },
}

impl Rule {
    /// Reads the words of a rule. Keywords are read in any case, as the reference does.
    ///
    /// # Errors
    /// Not one of the seven; a pattern, path or name that is refused.
    pub fn parse(words: &[String]) -> Result<Self, InTotoError> {
        let refuse = |problem| InTotoError::Rule {
            rule: words.join(" "),
            problem,
        };
        let [keyword, pattern, rest @ ..] = words else {
            return Err(refuse("too short"));
        };
        let keyword = keyword.to_ascii_uppercase();
        if keyword == "MATCH" {
            return Self::parse_match(pattern, rest, refuse);
        }
        if !rest.is_empty() {
            return Err(refuse("too long, or none of the seven"));
        }
        Ok(match keyword.as_str() {
            "CREATE" => Self::Create(Pattern::parse(pattern)?),
            "DELETE" => Self::Delete(Pattern::parse(pattern)?),
            "MODIFY" => Self::Modify(Pattern::parse(pattern)?),
            "ALLOW" => Self::Allow(Pattern::parse(pattern)?),
            "DISALLOW" => Self::Disallow(Pattern::parse(pattern)?),
            "REQUIRE" => Self::Require(path(pattern)?),
            _ => return Err(refuse("none of the seven")),
        })
    }

    fn parse_match(
        pattern: &str,
        words: &[String],
        refuse: impl Fn(&'static str) -> InTotoError,
    ) -> Result<Self, InTotoError> {
        let is = |word: &String, keyword: &str| word.eq_ignore_ascii_case(keyword);
        let (source, words) = match words {
            [word, prefix, rest @ ..] if is(word, "IN") => (Some(prefix), rest),
            words => (None, words),
        };
        let [with, kind, words @ ..] = words else {
            return Err(refuse("not MATCH … WITH MATERIALS|PRODUCTS FROM …"));
        };
        let (destination, words) = match words {
            [word, prefix, rest @ ..] if is(word, "IN") => (Some(prefix), rest),
            words => (None, words),
        };
        let [from, step] = words else {
            return Err(refuse("not MATCH … WITH MATERIALS|PRODUCTS FROM …"));
        };
        let kind = match kind {
            it if is(it, "MATERIALS") => ArtifactKind::Materials,
            it if is(it, "PRODUCTS") => ArtifactKind::Products,
            _ => return Err(refuse("with neither MATERIALS nor PRODUCTS")),
        };
        if !is(with, "WITH") || !is(from, "FROM") {
            return Err(refuse("not MATCH … WITH MATERIALS|PRODUCTS FROM …"));
        }
        Ok(Self::Match {
            pattern: Pattern::parse(pattern)?,
            source: source.map(|it| prefix(it)).transpose()?.flatten(),
            kind,
            destination: destination.map(|it| prefix(it)).transpose()?.flatten(),
            step: StepName::parse(step)?,
        })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(pattern) => write!(f, "CREATE {pattern}"),
            Self::Delete(pattern) => write!(f, "DELETE {pattern}"),
            Self::Modify(pattern) => write!(f, "MODIFY {pattern}"),
            Self::Allow(pattern) => write!(f, "ALLOW {pattern}"),
            Self::Disallow(pattern) => write!(f, "DISALLOW {pattern}"),
            Self::Require(path) => write!(f, "REQUIRE {path}"),
            Self::Match {
                pattern,
                source,
                kind,
                destination,
                step,
            } => {
                write!(f, "MATCH {pattern}")?;
                if let Some(source) = source {
                    write!(f, " IN {source}")?;
                }
                let kind = kind.to_string().to_ascii_uppercase();
                write!(f, " WITH {kind}")?;
                if let Some(destination) = destination {
                    write!(f, " IN {destination}")?;
                }
                write!(f, " FROM {step}")
            }
        }
    }
}

fn path(text: &str) -> Result<RelativePath, InTotoError> {
    if text.contains('\\') {
        return Err(InTotoError::Backslash {
            path: text.to_owned(),
        });
    }
    RelativePath::parse(text).map_err(|problem| InTotoError::Path {
        path: text.to_owned(),
        problem,
    })
}

/// A folder; one `/` at its end says the same, an empty one is none.
fn prefix(text: &str) -> Result<Option<RelativePath>, InTotoError> {
    if text.is_empty() {
        return Ok(None);
    }
    path(text.strip_suffix('/').unwrap_or(text)).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Result<Rule, InTotoError> {
        let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        Rule::parse(&words)
    }

    #[test]
    fn a_rule_is_written_as_it_is_read() {
        for text in [
            "CREATE foo",
            "DELETE foo/*",
            "MODIFY [a-z]",
            "ALLOW *",
            "DISALLOW *",
            "REQUIRE foo.py",
            "MATCH * WITH PRODUCTS FROM a",
            "MATCH * IN src WITH MATERIALS FROM a",
            "MATCH * WITH PRODUCTS IN dst/deep FROM a",
            "MATCH * IN src WITH PRODUCTS IN dst FROM a",
        ] {
            assert_eq!(rule(text).unwrap().to_string(), text);
            let lower = text.replace("MATCH", "match").replace("FROM", "From");
            assert_eq!(rule(&lower).unwrap().to_string(), text);
        }
        assert_eq!(
            rule("MATCH * IN src/ WITH PRODUCTS FROM a")
                .unwrap()
                .to_string(),
            "MATCH * IN src WITH PRODUCTS FROM a"
        );
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for (text, code) in [
            ("", "rule-malformed"),
            ("ALLOW", "rule-malformed"),
            ("PERMIT *", "rule-malformed"),
            ("ALLOW * *", "rule-malformed"),
            ("MATCH * WITH PRODUCTS", "rule-malformed"),
            ("MATCH * WITH THINGS FROM a", "rule-malformed"),
            ("MATCH * OF PRODUCTS FROM a", "rule-malformed"),
            ("MATCH * IN a IN b WITH PRODUCTS FROM a", "rule-malformed"),
            ("MATCH * WITH PRODUCTS FROM ../a", "step-name-malformed"),
            (
                "MATCH * IN ../x WITH PRODUCTS FROM a",
                "artifact-path-ambiguous",
            ),
            ("REQUIRE a/../b", "artifact-path-ambiguous"),
            ("REQUIRE a\\b", "artifact-path-ambiguous"),
            ("DISALLOW [foo", "rule-pattern-ambiguous"),
            ("DISALLOW [^a]", "rule-pattern-ambiguous"),
        ] {
            assert_eq!(rule(text).unwrap_err().code(), code, "{text}");
        }
        assert_eq!(Rule::parse(&[]).unwrap_err().code(), "rule-malformed");
    }
}
