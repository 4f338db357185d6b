//! Identities that are expected: exact, or a pattern that nobody else can slip into.

use std::fmt;

/// The e-mail addresses or URIs that are expected: one, or those that a pattern covers.
///
/// ```text
/// release@example.com
/// *@example.com
/// https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v*
/// ```
///
/// `*` stands for any characters but `/` and `@`. A pattern covers whole identities, and says
/// literally who they belong to: of an address what stands after the `@`, of a URI the scheme, the
/// host and the first segment of the path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdentityPattern {
    text: String,
    is_glob: bool,
}

/// Why a text is no pattern of identities.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityPatternError {
    /// It is empty.
    #[error("an identity is not empty")]
    Empty,
    /// It is longer than any identity.
    #[error("an identity has at most {} bytes", crate::limits::IDENTITY_BYTES)]
    TooLong,
    /// It holds a control character.
    #[error("an identity has no control characters")]
    Control,
    /// It is written like a regular expression.
    #[error(
        "{part:?} looks like a regular expression; identities are exact, and `*` stands for any characters but / and @"
    )]
    Regex {
        /// What looks like one.
        part: &'static str,
    },
    /// A `*` stands where the text says whose identities they are.
    #[error("`*` may not stand in {place}, which says whose identity it is")]
    Owner {
        /// Where it stands.
        place: &'static str,
    },
    /// A `*` stands in something that is neither an address nor a URI.
    #[error("`*` may stand in an e-mail address or a URI alone")]
    Shapeless,
    /// A pattern has a segment that no identity below its owner has.
    #[error("a pattern with an empty segment, `.` or `..` covers nothing")]
    Segment,
}

impl IdentityPattern {
    /// This identity alone, compared byte for byte; a `*` is an ordinary character.
    pub fn exactly(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            is_glob: false,
        }
    }

    /// Reads an identity, or a pattern if it holds a `*`.
    ///
    /// # Errors
    /// When it is empty, too long or written like a regular expression, when a `*` stands where the owner is
    /// named, or when a pattern has a segment that nothing it could cover has.
    pub fn parse(text: &str) -> Result<Self, IdentityPatternError> {
        check_text(text)?;
        let is_glob = text.contains('*');
        if is_glob {
            check_owner(text)?;
        }
        Ok(Self {
            text: text.to_owned(),
            is_glob,
        })
    }

    /// Whether it covers this identity.
    pub fn matches(&self, identity: &str) -> bool {
        if self.is_glob {
            covers_below(&self.text, identity)
        } else {
            self.text == identity
        }
    }

    /// Whether it can cover more than one identity.
    pub const fn is_glob(&self) -> bool {
        self.is_glob
    }

    /// The text as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for IdentityPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// As [`covers`], but for texts that climb out of what the pattern names.
pub(crate) fn covers_below(pattern: &str, text: &str) -> bool {
    !climbs(text) && covers(pattern, text)
}

/// What every text that is expected must be.
pub(crate) fn check_plain(text: &str) -> Result<(), IdentityPatternError> {
    if text.is_empty() {
        return Err(IdentityPatternError::Empty);
    }
    if text.len() > crate::limits::IDENTITY_BYTES {
        return Err(IdentityPatternError::TooLong);
    }
    if text.chars().any(char::is_control) {
        return Err(IdentityPatternError::Control);
    }
    Ok(())
}

/// What an expected identity must be, exact or not: no regular expression.
pub(crate) fn check_text(text: &str) -> Result<(), IdentityPatternError> {
    check_plain(text)?;
    // A dot before a star is a wildcard to those who mean one where nothing stands before it.
    let begins = |part: &str| text.split(is_separator).any(|it| it.starts_with(part));
    let anywhere = REGEX.iter().find(|part| text.contains(**part));
    let beginning = [".*", ".+"].iter().find(|part| begins(part)).copied();
    match anywhere.copied().or(beginning) {
        Some(part) => Err(IdentityPatternError::Regex { part }),
        None => Ok(()),
    }
}

/// Whether the text names its owner without a `*`.
pub(crate) fn check_owner(text: &str) -> Result<(), IdentityPatternError> {
    let owner = |place| Err(IdentityPatternError::Owner { place });
    if let Some((scheme, rest)) = text.split_once("://") {
        let mut parts = rest.split('/');
        let (host, first) = (parts.next(), parts.next());
        if scheme.contains('*') {
            return owner("the scheme");
        }
        if host.is_none_or(|host| host.is_empty() || host.contains('*')) {
            return owner("the host");
        }
        // Without a segment after it, the first one would be what the `*` says.
        if first.is_none_or(|first| first.is_empty() || first.contains('*')) {
            return owner("the first segment of the path");
        }
        return check_segments(rest);
    }
    match text.split('@').collect::<Vec<_>>().as_slice() {
        [_, domain] if domain.is_empty() || domain.contains('*') => owner("the domain"),
        [local, _] if !local.contains('/') => Ok(()),
        _ => Err(IdentityPatternError::Shapeless),
    }
}

/// Whether something below an owner can have these segments: what climbs is covered by no pattern, and a
/// pattern that climbs would cover nothing.
pub(crate) fn check_segments(text: &str) -> Result<(), IdentityPatternError> {
    if text.split('/').any(|it| matches!(it, "" | "." | "..")) {
        return Err(IdentityPatternError::Segment);
    }
    Ok(())
}

/// Whether `*` of the pattern can be filled so that it is the text: never with a `/` or an `@`.
///
/// Since both must stand in both, they cut pattern and text into the same pieces.
fn covers(pattern: &str, text: &str) -> bool {
    let separators =
        |it: &str| -> Vec<char> { it.chars().filter(|it| is_separator(*it)).collect() };
    let mut pieces = pattern.split(is_separator).zip(text.split(is_separator));
    separators(pattern) == separators(text) && pieces.all(|(pattern, text)| fills(pattern, text))
}

/// Whether a piece without separators is covered: its literal parts stand in the text in order, the
/// first at its start, the last at its end.
fn fills(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(mut text) = text.strip_prefix(start).and_then(|it| it.strip_suffix(end)) else {
        return false;
    };
    // The earliest place leaves most for what follows.
    for part in middle.split('*') {
        let Some((_, after)) = text.split_once(part) else {
            return false;
        };
        text = after;
    }
    true
}

/// Whether a segment of it stands for the one above: then it is not below the owner it seems to name.
fn climbs(identity: &str) -> bool {
    identity.split('/').any(|part| matches!(part, "." | ".."))
}

const fn is_separator(it: char) -> bool {
    matches!(it, '/' | '@')
}

/// What people write who mean a regular expression.
const REGEX: &[&str] = &["^", "$", "\\", "[", "]", "|", "(?", "**"];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, identity: &str) -> bool {
        IdentityPattern::parse(pattern).unwrap().matches(identity)
    }

    /// The same question, asked character by character.
    fn plainly(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            (['*', rest @ ..], _) if plainly(rest, text) => true,
            (['*', ..], [first, rest @ ..]) if !is_separator(*first) => plainly(pattern, rest),
            ([one, pattern @ ..], [other, text @ ..]) if one == other && *one != '*' => {
                plainly(pattern, text)
            }
            _ => false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn a_pattern_covers_what_its_characters_cover(
            pattern in "[ab/@*]{0,12}",
            text in "[ab/@]{0,12}",
        ) {
            let chars = |it: &str| it.chars().collect::<Vec<_>>();
            prop_assert_eq!(covers(&pattern, &text), plainly(&chars(&pattern), &chars(&text)));
        }

        #[test]
        fn a_pattern_covers_what_fills_its_stars(
            parts in prop::collection::vec("[ab./@-]{0,4}", 1..5),
            filled in prop::collection::vec("[ab.-]{0,4}", 5),
        ) {
            let text: String = parts.iter().zip(&filled).enumerate().map(|(index, (part, fill))| {
                if index == 0 { part.clone() } else { format!("{fill}{part}") }
            }).collect();
            prop_assert!(covers(&parts.join("*"), &text));
        }

        #[test]
        fn whatever_a_uri_pattern_covers_has_its_owner(
            tail in "[ab/*]{1,10}",
            other in "https://(github|evil)[.](com|org)/(acme|other)/[ab/@]{0,10}",
        ) {
            let pattern = format!("https://github.com/acme/{tail}");
            if let Ok(pattern) = IdentityPattern::parse(&pattern) && pattern.matches(&other) {
                prop_assert!(other.starts_with("https://github.com/acme/"));
            }
        }
    }

    #[test]
    fn a_star_crosses_neither_slash_nor_at() {
        let pattern = "https://github.com/acme/app/.github/workflows/*.yml@refs/tags/v*";
        let of = |rest: &str| format!("https://github.com/acme/app/.github/workflows/{rest}");
        assert!(matches(pattern, &of("release.yml@refs/tags/v1.0.0")));
        for other in [
            "release.yml@refs/tags/v1/evil",
            "release.yml@refs/heads/v1",
            "sub/release.yml@refs/tags/v1",
            "release.yml@x.yml@refs/tags/v1",
            "release.yml@refs/tags/1.0.0",
        ] {
            assert!(!matches(pattern, &of(other)), "{other}");
        }
    }

    #[test]
    fn a_pattern_covers_whole_identities() {
        assert!(matches("*@example.com", "release@example.com"));
        for other in [
            "release@example.com.evil.org",
            "release@sub.example.com",
            "evil@evil.org/release@example.com",
            "release@evil@example.com",
            "release@exampleXcom",
        ] {
            assert!(!matches("*@example.com", other), "{other}");
        }
        assert!(!matches("a@example.com", "xa@example.com"));
        let is_glob = |text: &str| IdentityPattern::parse(text).unwrap().is_glob();
        assert!(is_glob("*@example.com") && !is_glob("a@example.com"));
    }

    #[test]
    fn nobody_climbs_out_of_what_a_pattern_names() {
        assert!(!matches(
            "https://github.com/acme/*/x.yml",
            "https://github.com/acme/../x.yml"
        ));
    }

    #[test]
    fn a_pattern_that_could_cover_nothing_is_refused() {
        for text in [
            "https://github.com/acme/../other/*",
            "https://github.com/acme/./app/*",
            "https://github.com/acme//app/*",
            "https://github.com/acme/*/",
            "https://github.com/acme/*/..",
        ] {
            assert_eq!(
                IdentityPattern::parse(text),
                Err(IdentityPatternError::Segment),
                "{text}"
            );
        }
        assert!(IdentityPattern::parse("https://github.com/acme/..app/*.yml").is_ok());
    }

    #[test]
    fn the_owner_is_literal() {
        for (text, place) in [
            ("h*://github.com/acme/x", "the scheme"),
            ("https://*/acme/x", "the host"),
            ("https://github.*/acme/x", "the host"),
            ("https:///acme/*", "the host"),
            ("https://github.com/*", "the first segment of the path"),
            ("https://github.com/acme*", "the first segment of the path"),
            ("https://github.com/*/app", "the first segment of the path"),
            ("https://github.com//*", "the first segment of the path"),
            ("release@*", "the domain"),
            ("release@*.example.com", "the domain"),
            ("*@", "the domain"),
        ] {
            assert_eq!(
                IdentityPattern::parse(text),
                Err(IdentityPatternError::Owner { place }),
                "{text}"
            );
        }
        for text in ["*", "acme/*", "*@a@b.example", "a/*@example.com"] {
            assert_eq!(
                IdentityPattern::parse(text),
                Err(IdentityPatternError::Shapeless),
                "{text}"
            );
        }
    }

    #[test]
    fn what_looks_like_a_regular_expression_is_refused() {
        for text in [
            "^https://github.com/acme/app$",
            "https://github.com/acme/.*",
            "https://github.com/acme/.+",
            ".*@example\\.com",
            "(a|b)@example.com",
            "[a-z]@example.com",
            "(?i)a@example.com",
            "https://github.com/acme/**",
        ] {
            assert!(
                matches!(
                    IdentityPattern::parse(text),
                    Err(IdentityPatternError::Regex { .. })
                ),
                "{text}"
            );
        }
        assert_eq!(IdentityPattern::parse(""), Err(IdentityPatternError::Empty));
        assert_eq!(
            IdentityPattern::parse("a\n@example.com"),
            Err(IdentityPatternError::Control)
        );
        let long = "a".repeat(crate::limits::IDENTITY_BYTES + 1);
        assert_eq!(
            IdentityPattern::parse(&long),
            Err(IdentityPatternError::TooLong)
        );
        let longest = "a".repeat(crate::limits::IDENTITY_BYTES);
        assert_eq!(IdentityPattern::parse(&longest).unwrap().as_str(), longest);
        // What addresses and versions are made of is none.
        assert!(matches(
            "https://github.com/acme/v1.*",
            "https://github.com/acme/v1.2"
        ));
        assert!(matches(
            "first.last+tag@example.com",
            "first.last+tag@example.com"
        ));
    }
}
