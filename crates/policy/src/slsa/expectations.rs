//! What a verifier expects of a build.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::origin;

/// What is expected of the provenance of an artifact; what is not said is not asked.
///
/// A policy or the flags of a command fill it. [`SlsaExpectations::judge`] asks it of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SlsaExpectations {
    source: Option<String>,
    refs: Vec<ExpectedRef>,
    commit: Option<String>,
    builder: Option<String>,
    level: Option<u8>,
    inputs: BTreeMap<String, String>,
    allowed: BTreeSet<String>,
    refuses_v0_2: bool,
}

/// A ref that is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpectedRef {
    /// This ref; after `refs/heads/`, `refs/tags/` or `refs/pull/` a `*` stands for anything but `/`.
    Ref(String),
    /// This branch.
    Branch(String),
    /// This tag.
    Tag(String),
    /// A tag of this version: `v1` is met by `v1.4.2`, `v1.4` too, `v1.4.3` not.
    Version(String),
}

/// Why something cannot be expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpectationError {
    /// The source is no repository.
    #[error("{found:?} is no repository: wanted a URI such as https://github.com/acme/app")]
    Source {
        /// The text.
        found: String,
    },
    /// The ref is none.
    #[error(
        "{found:?} is no ref: wanted refs/heads/…, refs/tags/… or refs/pull/…, where `*` may stand behind that"
    )]
    Ref {
        /// The text.
        found: String,
    },
    /// The name of a branch or tag is none.
    #[error("{found:?} is no name of a branch or tag")]
    Name {
        /// The text.
        found: String,
    },
    /// The version is none.
    #[error("{found:?} is no version: wanted v1, v1.2 or v1.2.3")]
    Version {
        /// The text.
        found: String,
    },
    /// The commit is none.
    #[error("{found:?} is no commit: wanted 40 or 64 lower-case hexadecimal digits")]
    Commit {
        /// The text.
        found: String,
    },
    /// The builder is none.
    #[error("{found:?} is no builder: wanted its URI, exactly, with or without its @REF")]
    Builder {
        /// The text.
        found: String,
    },
    /// There is no such level.
    #[error("there is no SLSA build level {found}: wanted 0 to 3")]
    Level {
        /// The number.
        found: u64,
    },
}

impl SlsaExpectations {
    /// Expects nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Expects that this repository was built; without a scheme, https is meant.
    ///
    /// # Errors
    /// Not the URI of a repository.
    pub fn of_source(mut self, uri: &str) -> Result<Self, ExpectationError> {
        let source = origin::expected(uri);
        let rest = source.split_once("://").map_or("", |(_, it)| it);
        let odd = |it: char| {
            it.is_control() || it.is_whitespace() || matches!(it, '*' | '?' | '#' | '\\')
        };
        if !rest.contains('/') || source.contains(odd) || climbs(rest) {
            let found = uri.to_owned();
            return Err(ExpectationError::Source { found });
        }
        self.source = Some(source);
        Ok(self)
    }

    /// Expects that this ref was built; all that are expected must hold.
    ///
    /// # Errors
    /// Not a ref, branch, tag or version.
    pub fn of_ref(mut self, expected: ExpectedRef) -> Result<Self, ExpectationError> {
        expected.check()?;
        self.refs.push(expected);
        Ok(self)
    }

    /// Expects that this commit was built.
    ///
    /// # Errors
    /// Not the whole name of a commit.
    pub fn of_commit(mut self, commit: &str) -> Result<Self, ExpectationError> {
        if !origin::is_commit(commit) {
            let found = commit.to_owned();
            return Err(ExpectationError::Commit { found });
        }
        self.commit = Some(commit.to_owned());
        Ok(self)
    }

    /// Expects this builder: its id, with or without the `@REF` at which it was, or with the `@COMMIT`
    /// that the certificate names. A runner's id is met by a build on such a runner, too.
    ///
    /// # Errors
    /// Not a URI.
    pub fn by_builder(mut self, id: &str) -> Result<Self, ExpectationError> {
        let odd = |it: char| it.is_control() || it.is_whitespace() || matches!(it, '*' | '\\');
        let path = id
            .split_once("://")
            .map(|(_, rest)| rest.strip_suffix('/').unwrap_or(rest));
        if path.is_none_or(climbs) || id.contains(odd) || id.ends_with('@') {
            let found = id.to_owned();
            return Err(ExpectationError::Builder { found });
        }
        self.builder = Some(id.to_owned());
        Ok(self)
    }

    /// Expects at least this build level.
    ///
    /// # Errors
    /// There is no such level.
    pub fn of_level(mut self, level: u64) -> Result<Self, ExpectationError> {
        match u8::try_from(level).ok().filter(|it| *it <= 3) {
            Some(level) => self.level = Some(level),
            None => return Err(ExpectationError::Level { found: level }),
        }
        Ok(self)
    }

    /// Expects that whoever started the build gave it this input.
    #[must_use]
    pub fn with_input(mut self, name: &str, value: &str) -> Self {
        self.inputs.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Lets an external parameter be anything: its name, or names joined by dots, and all below it.
    #[must_use]
    pub fn allowing(mut self, parameter: &str) -> Self {
        self.allowed.insert(parameter.to_owned());
        self
    }

    /// Refuses provenance of version 0.2.
    #[must_use]
    pub const fn refusing_v0_2(mut self) -> Self {
        self.refuses_v0_2 = true;
        self
    }

    pub(super) fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    pub(super) fn refs(&self) -> &[ExpectedRef] {
        &self.refs
    }

    pub(super) fn commit(&self) -> Option<&str> {
        self.commit.as_deref()
    }

    pub(super) fn builder(&self) -> Option<&str> {
        self.builder.as_deref()
    }

    pub(super) const fn level(&self) -> Option<u8> {
        self.level
    }

    pub(super) const fn inputs(&self) -> &BTreeMap<String, String> {
        &self.inputs
    }

    pub(super) const fn allowed(&self) -> &BTreeSet<String> {
        &self.allowed
    }

    pub(super) const fn refuses_v0_2(&self) -> bool {
        self.refuses_v0_2
    }
}

impl ExpectedRef {
    fn check(&self) -> Result<(), ExpectationError> {
        // As git has it: no ref is called otherwise, and what names none would quietly be met by none.
        let odd = |it: char| it.is_control() || it.is_whitespace() || it == '\\';
        let is_name = |it: &str| !it.contains(odd) && !it.contains("..") && !climbs(it);
        match self {
            Self::Ref(text) => {
                let kinds = ["refs/heads/", "refs/tags/", "refs/pull/"];
                let name = kinds.iter().find_map(|it| text.strip_prefix(it));
                if name.is_some_and(is_name) && text.matches('*').count() <= 1 {
                    return Ok(());
                }
                let found = text.clone();
                Err(ExpectationError::Ref { found })
            }
            Self::Branch(name) | Self::Tag(name) => {
                if is_name(name) && !name.starts_with("refs/") && !name.contains('*') {
                    return Ok(());
                }
                let found = name.clone();
                Err(ExpectationError::Name { found })
            }
            Self::Version(text) => match version(text) {
                Some(_) => Ok(()),
                None => Err(ExpectationError::Version {
                    found: text.clone(),
                }),
            },
        }
    }

    /// Whether a ref is what is expected.
    pub(super) fn is_met_by(&self, reference: &str) -> bool {
        let tag = reference.strip_prefix("refs/tags/");
        match self {
            Self::Ref(text) => text == reference || super::builders::covers(text, reference),
            Self::Branch(name) => reference.strip_prefix("refs/heads/") == Some(name),
            Self::Tag(name) => tag == Some(name),
            Self::Version(text) => tag.is_some_and(|tag| is_of_version(text, tag)),
        }
    }
}

impl fmt::Display for ExpectedRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ref(text) => f.write_str(text),
            Self::Branch(name) => write!(f, "refs/heads/{name}"),
            Self::Tag(name) => write!(f, "refs/tags/{name}"),
            Self::Version(text) => write!(f, "a tag of version {text}"),
        }
    }
}

/// Whether a path has a segment that none has: nothing would ever be what is expected.
fn climbs(path: &str) -> bool {
    path.split('/').any(|it| matches!(it, "" | "." | ".."))
}

/// Whether a tag is of a version: the same numbers as far as the version has them. A pre-release is
/// of its own version alone, and what a build adds behind `+` counts for nothing.
fn is_of_version(wanted: &str, tag: &str) -> bool {
    let tag = tag.split('+').next().unwrap_or_default();
    let (Some(wanted), Some(found)) = (version(wanted), version(tag)) else {
        return false;
    };
    let begins = found.0.starts_with(&wanted.0);
    let is_whole = found.0.len() == 3;
    is_whole && begins && found.1 == wanted.1
}

/// The numbers of `v1.2.3-rc.1`, and what stands behind the first hyphen.
fn version(text: &str) -> Option<(Vec<u64>, Option<&str>)> {
    let text = text.strip_prefix('v')?;
    let (numbers, pre) = match text.split_once('-') {
        Some((numbers, pre)) if !pre.is_empty() => (numbers, Some(pre)),
        Some(_) => return None,
        None => (text, None),
    };
    let number = |it: &str| -> Option<u64> {
        let plain = it.bytes().all(|it| it.is_ascii_digit()) && (it == "0" || !it.starts_with('0'));
        plain.then(|| it.parse().ok()).flatten()
    };
    let numbers: Vec<u64> = numbers.split('.').map(number).collect::<Option<_>>()?;
    let whole_if_pre = pre.is_none() || numbers.len() == 3;
    (numbers.len() <= 3 && whole_if_pre).then_some((numbers, pre))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_met_by_its_tags_alone() {
        for (wanted, tag) in [
            ("v1", "v1.4.2"),
            ("v1.4", "v1.4.0"),
            ("v1.4.2", "v1.4.2"),
            ("v1.4.2", "v1.4.2+build.7"),
            ("v1.4.2-rc.1", "v1.4.2-rc.1"),
        ] {
            assert!(is_of_version(wanted, tag), "{wanted} {tag}");
        }
        for (wanted, tag) in [
            ("v1", "v10.0.0"),
            ("v1", "v1"),
            ("v1", "v1.4"),
            ("v1", "v1.4.2-rc.1"),
            ("v1.4", "v1.40.0"),
            ("v1.4.2", "v1.4.2-rc.1"),
            ("v1.4.2", "1.4.2"),
            ("v1", "v1.x.0"),
            ("v1", "v1.01.0"),
            ("v1", "release/v1.0.0"),
        ] {
            assert!(!is_of_version(wanted, tag), "{wanted} {tag}");
        }
    }

    #[test]
    fn what_nobody_can_mean_is_refused() {
        let none = SlsaExpectations::new;
        for it in [
            "",
            "app",
            "https://github.com",
            "https:///x",
            "https://github.com/acme/*",
            "https://github.com/acme/a b",
            "https://github.com/acme/a\u{7}",
            "https://github.com/acme/../app",
            "https://github.com/acme//app",
            "https://github.com/acme\\app",
            "https://github.com/acme/a\u{1b}p",
        ] {
            assert!(none().of_source(it).is_err(), "{it}");
        }
        for it in [
            "refs/heads/",
            "main",
            "refs/*",
            "refs/tags/*/v*",
            "refs/tags/../x",
            "refs/tags/a b",
            "refs/tags/a\u{7}",
            "refs/tags//x",
            "refs/tags/x/",
            "refs/tags/./x",
            "refs/tags/a\\b",
            "refs/tags/a\nb",
        ] {
            let expected = ExpectedRef::Ref(it.to_owned());
            assert!(none().of_ref(expected).is_err(), "{it}");
        }
        for it in [
            "",
            "refs/heads/main",
            "v*",
            "a//b",
            "a/../b",
            "a\\b",
            "a\0b",
        ] {
            assert!(
                none().of_ref(ExpectedRef::Branch(it.to_owned())).is_err(),
                "{it}"
            );
            assert!(
                none().of_ref(ExpectedRef::Tag(it.to_owned())).is_err(),
                "{it}"
            );
        }
        for it in [
            "", "1", "v", "v1.", "v1.2.3.4", "vx", "v1-rc", "v01", "v1.2.3-",
        ] {
            assert!(
                none().of_ref(ExpectedRef::Version(it.to_owned())).is_err(),
                "{it}"
            );
        }
        for it in ["", "8f3c", "HEAD"] {
            assert!(none().of_commit(it).is_err(), "{it}");
        }
        for it in [
            "",
            "github.com/acme",
            "https://github.com/*",
            "https://a.example/b@",
            "https://a.example/a b",
            "https://a.example/a\u{7}",
            "https://a.example/../b",
            "https://a.example//b",
            "https://a.example/a\\b",
        ] {
            assert!(none().by_builder(it).is_err(), "{it}");
        }
        assert!(none().of_level(4).is_err());
    }

    #[test]
    fn a_ref_is_met_whole() {
        let tags = ExpectedRef::Ref("refs/tags/v*".to_owned());
        assert!(tags.is_met_by("refs/tags/v1.0.0"));
        for it in [
            "refs/heads/v1",
            "refs/tags/v1/x",
            "refs/tags/w1",
            "x/refs/tags/v1",
        ] {
            assert!(!tags.is_met_by(it), "{it}");
        }
        assert!(!ExpectedRef::Branch("main".to_owned()).is_met_by("refs/tags/main"));
        assert!(!ExpectedRef::Tag("v1".to_owned()).is_met_by("refs/heads/v1"));
    }
}
