//! Where the artifacts were made from, as the version control system says.

use std::fmt;

use attest_digest::DigestSet;
use serde_json::{Map, Value};

use crate::excerpt::Excerpt;
use crate::{ResourceDescriptor, limits};

/// The state of a git work tree that was packaged; what is unknown is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Where others find the repository.
    pub repository: Option<RepositoryUri>,
    /// The commit that was checked out.
    pub commit: GitCommit,
    /// Whether the work tree differed from the commit.
    pub dirty: Option<bool>,
}

impl Source {
    /// The source as SLSA's `resolvedDependencies` wants it.
    pub fn descriptor(&self) -> ResourceDescriptor {
        let annotations = self
            .dirty
            .map(|dirty| Map::from_iter([("dirty".to_owned(), Value::from(dirty))]));
        ResourceDescriptor {
            uri: self.repository.as_ref().map(ToString::to_string),
            digests: self.commit.digests(),
            annotations,
            ..ResourceDescriptor::default()
        }
    }
}

/// The hash of a git commit in lower-case hexadecimal: 40 digits of SHA-1 or 64 of SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitCommit(String);

impl GitCommit {
    /// Reads what `git rev-parse HEAD` prints.
    ///
    /// # Errors
    /// Not 40 or 64 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        let hexadecimal = text
            .bytes()
            .all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
        if hexadecimal && matches!(text.len(), 40 | 64) {
            Ok(Self(text.to_owned()))
        } else {
            Err(SourceError::Commit {
                found: text.to_owned(),
            })
        }
    }

    /// The hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The commit as the digest of a subject: `gitCommit`.
    pub fn digests(&self) -> DigestSet {
        let mut digests = DigestSet::new();
        // Cannot be refused: the first digest of a set, short and printable.
        let inserted = digests.insert("gitCommit", &self.0);
        debug_assert!(inserted.is_ok(), "{inserted:?}");
        digests
    }
}

impl fmt::Display for GitCommit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where others find a repository, without anything that could be a secret: `git+https://…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryUri(String);

impl RepositoryUri {
    /// Reads the URL of a git remote, in each of git's spellings.
    ///
    /// User names and passwords, queries and fragments are left out; only the user of SSH, which is
    /// part of the address, stays.
    ///
    /// ```
    /// # use attest_provenance::RepositoryUri;
    /// let remote = RepositoryUri::from_remote("https://ci:glpat-secret@git.example.com/acme/tool.git")?;
    /// assert_eq!(remote.to_string(), "git+https://git.example.com/acme/tool.git");
    /// let remote = RepositoryUri::from_remote("git@git.example.com:acme/tool.git")?;
    /// assert_eq!(remote.to_string(), "git+ssh://git@git.example.com/acme/tool.git");
    /// # Ok::<(), attest_provenance::SourceError>(())
    /// ```
    ///
    /// # Errors
    /// A path on this machine, another scheme than https, http, ssh or git, or not a URL.
    pub fn from_remote(remote: &str) -> Result<Self, SourceError> {
        if remote.len() > limits::REPOSITORY_URI_BYTES
            || !remote.bytes().all(|it| it.is_ascii_graphic())
        {
            return Err(SourceError::Remote);
        }
        let (scheme, authority, path) = match remote.split_once("://") {
            Some((scheme, rest)) => {
                let (authority, path) = rest.split_once('/').ok_or(SourceError::Remote)?;
                (scheme.to_ascii_lowercase(), authority, path)
            }
            None => scp_like(remote)?,
        };
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (user.split(':').next(), host),
            None => (None, authority),
        };
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let path = path.trim_start_matches('/').trim_end_matches('/');
        let plain_host = host
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || b"-._:[]".contains(&it));
        // An at sign in the path may end a password that holds a slash.
        if host.is_empty() || !plain_host || path.is_empty() || path.contains(['\\', '@']) {
            return Err(SourceError::Remote);
        }
        let user = match (scheme.as_str(), user) {
            ("https" | "http" | "git", _) | ("ssh", None | Some("")) => String::new(),
            ("ssh", Some(user)) => format!("{user}@"),
            _ => return Err(SourceError::Scheme { found: scheme }),
        };
        Ok(Self(format!(
            "git+{scheme}://{user}{}/{path}",
            host.to_ascii_lowercase()
        )))
    }

    /// The URI.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last segment of the path without `.git`: what people call the repository.
    pub fn repository_name(&self) -> &str {
        let last = self.0.rsplit('/').next().unwrap_or_default();
        last.strip_suffix(".git").unwrap_or(last)
    }
}

impl fmt::Display for RepositoryUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why something does not name a source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// Not a commit.
    #[error(
        "commit is {}, wanted 40 or 64 lower-case hexadecimal digits",
        Excerpt(found)
    )]
    Commit {
        /// The text.
        found: String,
    },
    /// Not a URL that others can use. The text is not repeated: it may hold a password.
    #[error("remote is not a URL of a repository")]
    Remote,
    /// Another scheme.
    #[error(
        "remote has the scheme {}, wanted https, http, ssh or git",
        Excerpt(found)
    )]
    Scheme {
        /// The scheme.
        found: String,
    },
}

impl SourceError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Commit { .. } => "commit-malformed",
            Self::Remote | Self::Scheme { .. } => "remote-unusable",
        }
    }
}

/// `user@host:path`, which git tells from a path by the colon before the first slash.
fn scp_like(remote: &str) -> Result<(String, &str, &str), SourceError> {
    let (authority, path) = remote.split_once(':').ok_or(SourceError::Remote)?;
    let drive_letter = authority.len() == 1;
    if authority.contains(['/', '\\']) || drive_letter {
        return Err(SourceError::Remote);
    }
    Ok(("ssh".to_owned(), authority, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(remote: &str) -> Result<String, &'static str> {
        RepositoryUri::from_remote(remote)
            .map(|it| it.to_string())
            .map_err(|it| it.code())
    }

    #[test]
    fn nothing_secret_of_a_remote_is_kept() {
        for remote in [
            "https://token@example.com/a/b.git",
            "https://user:pa:ss@example.com/a/b.git",
            "https://user:p@ss@example.com/a/b.git",
            "https://example.com/a/b.git?private_token=token",
            "https://example.com/a/b.git#token",
            "HTTPS://oauth2:token@EXAMPLE.com//a/b.git/",
        ] {
            assert_eq!(
                uri(remote).as_deref(),
                Ok("git+https://example.com/a/b.git"),
                "{remote}"
            );
        }
        assert_eq!(
            uri("ssh://git:secret@example.com:2222/a").as_deref(),
            Ok("git+ssh://git@example.com:2222/a")
        );
    }

    #[test]
    fn a_remote_that_only_this_machine_knows_is_refused() {
        for remote in [
            "",
            "/srv/git/tool.git",
            "../tool",
            "./a:b",
            "C:\\tool",
            "C:/tool",
            "file:///srv/git/tool.git",
            "ext::sh -c x",
            "ftp://example.com/tool",
            "https://example.com",
            "https:///tool",
            "https://example.com/",
            "https://example.com/a b",
            "https://exa\u{1b}mple.com/a",
            "https://ex%61mple.com/a",
            "https://user:pass/word@example.com/a",
            "https://user:123/456@example.com/a",
            "host:",
        ] {
            assert_eq!(uri(remote), Err("remote-unusable"), "{remote:?}");
        }
    }

    #[test]
    fn an_unusable_remote_is_not_repeated_in_the_message() {
        let error = RepositoryUri::from_remote("https://user:secret@exa mple.com/a").unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn a_repository_is_called_by_its_last_segment() {
        for (remote, name) in [
            ("https://example.com/acme/tool.git", "tool"),
            ("git@example.com:tool", "tool"),
            ("ssh://example.com/~me/tool.git/", "tool"),
        ] {
            assert_eq!(
                RepositoryUri::from_remote(remote)
                    .unwrap()
                    .repository_name(),
                name
            );
        }
    }

    #[test]
    fn a_commit_is_40_or_64_lower_case_digits() {
        let sha1 = "8f3c".repeat(10);
        assert_eq!(GitCommit::parse(&sha1).unwrap().as_str(), sha1);
        assert!(GitCommit::parse(&"8f3c".repeat(16)).is_ok());
        for other in [
            String::new(),
            "8F3C".repeat(10),
            "8f3c".repeat(11),
            format!("{sha1}\n"),
            "HEAD".into(),
        ] {
            assert_eq!(
                GitCommit::parse(&other).map_err(|it| it.code()),
                Err("commit-malformed"),
                "{other:?}"
            );
        }
    }

    #[test]
    fn what_is_unknown_about_a_source_is_absent() {
        let commit = GitCommit::parse(&"8f3c".repeat(10)).unwrap();
        let source = Source {
            repository: None,
            commit: commit.clone(),
            dirty: None,
        };
        let json = source.descriptor().to_json();
        assert_eq!(
            json,
            serde_json::json!({"digest": {"gitCommit": commit.as_str()}})
        );
    }
}
