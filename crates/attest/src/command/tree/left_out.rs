//! What a manifest leaves out: paths that its patterns cover, and beside a release the evidence about it.

use std::collections::BTreeSet;

use attest_digest::{NodeKind, Sighting};
use attest_policy::{Pattern, PatternError};
use attest_provenance::tree::TreeHeader;

use crate::words::counted;

/// The paths that a manifest leaves out.
#[derive(Debug, Default)]
pub(crate) struct LeftOut {
    /// Names without a wildcard.
    names: BTreeSet<String>,
    patterns: Vec<Pattern>,
    /// Whether it is the manifest that is signed with a release: the names are those of the evidence beside it.
    of_release: bool,
}

impl LeftOut {
    /// What the header says. A release's own manifest leaves out itself.
    ///
    /// # Errors
    /// A pattern that is none.
    pub(crate) fn of(header: &TreeHeader) -> Result<Self, PatternError> {
        let mut left_out = Self::covering(header.ignore.iter().map(String::as_str))?;
        left_out.of_release = header.release.is_some() && left_out.names.contains(RELEASE_TREE);
        Ok(left_out)
    }

    /// What these patterns cover.
    ///
    /// # Errors
    /// A pattern that is none.
    pub(super) fn covering<'t>(texts: impl Iterator<Item = &'t str>) -> Result<Self, PatternError> {
        let mut left_out = Self::default();
        for text in texts {
            let pattern = Pattern::parse(text)?;
            if text.contains(['*', '?', '[']) {
                left_out.patterns.push(pattern);
            } else {
                left_out.names.insert(text.to_owned());
            }
        }
        Ok(left_out)
    }

    /// Whether a path is left out.
    pub(crate) fn covers(&self, path: &str) -> bool {
        self.names.contains(path) || self.is_by_pattern(path)
    }

    /// Whether the walk passes over a path without a look. What lies beside a release is looked at.
    pub(super) fn skips(&self, path: &str) -> bool {
        !self.of_release && self.covers(path)
    }

    /// Whether something that was met is evidence beside a release: a file that nobody can run, and that bears one of
    /// the names. Whatever else bears them was added.
    pub(super) fn is_beside(&self, sighting: &Sighting) -> bool {
        let metadata = sighting.metadata();
        let is_plain = metadata.kind == NodeKind::File && metadata.mode & RUNS == 0;
        let path = sighting.path().ok().flatten();
        self.of_release && is_plain && path.is_some_and(|it| self.covers(it.as_str()))
    }

    /// Whether a pattern alone leaves a path out.
    pub(super) fn is_by_pattern(&self, path: &str) -> bool {
        !self.names.contains(path) && self.patterns.iter().any(|it| it.matches(path))
    }
}

/// Files beside a release that a pattern alone leaves out: that they are evidence of it nobody has signed.
#[derive(Debug, Default)]
pub(super) struct Unnamed {
    first: Vec<String>,
    count: usize,
}

impl Unnamed {
    pub(super) fn add(&mut self, path: String) {
        self.count += 1;
        if self.first.len() < SHOWN {
            self.first.push(path);
        }
    }

    /// What a report says of them.
    pub(super) fn words(&self) -> Option<String> {
        let more = match self.count.saturating_sub(self.first.len()) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        (self.count > 0).then(|| {
            format!(
                "the manifest leaves out names by patterns, and so {} that it does not name: {}{more}",
                counted(self.count, "file"),
                self.first.join(", "),
            )
        })
    }
}

/// The manifest that is signed with a release.
pub(super) const RELEASE_TREE: &str = "release.tree";
/// Execute, setuid, setgid and sticky bits.
const RUNS: u16 = 0o7111;
const SHOWN: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_patterns_cover_what_they_say() {
        let texts = ["SHA256SUMS", "release*.sigstore.json", "log/**"];
        let left_out = LeftOut::covering(texts.into_iter()).unwrap();
        for (path, covered, by_pattern) in [
            ("SHA256SUMS", true, false),
            ("SHA256SUMS.d", false, false),
            ("sub/SHA256SUMS", false, false),
            ("release-x.sigstore.json", true, true),
            ("log/a/b", true, true),
        ] {
            assert_eq!(left_out.covers(path), covered, "{path}");
            assert_eq!(left_out.is_by_pattern(path), by_pattern, "{path}");
        }
        assert!(LeftOut::covering(["../x"].into_iter()).is_err());
    }

    #[test]
    fn only_so_many_are_named_and_all_are_counted() {
        let mut unnamed = Unnamed::default();
        assert_eq!(unnamed.words(), None);
        for number in 0..10 {
            unnamed.add(format!("f{number}"));
        }
        let words = unnamed.words().unwrap();
        assert!(
            words.contains("10 files") && words.ends_with("f7 and 2 more"),
            "{words}"
        );
    }
}
