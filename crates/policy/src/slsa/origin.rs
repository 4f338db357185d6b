//! Repositories, refs and commits, as provenance and flags write them.

use std::fmt;

use attest_provenance::json::Value;

/// A place in a repository: where something was built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub(super) repository: String,
    pub(super) reference: Option<String>,
    pub(super) commit: Option<String>,
}

impl Origin {
    /// The repository as a URI without `git+`, ref and `.git`: `https://github.com/acme/app`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The whole ref: `refs/tags/v1.2.3`.
    pub fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }

    /// The commit.
    pub fn commit(&self) -> Option<&str> {
        self.commit.as_deref()
    }

    /// Reads `git+https://github.com/acme/app@refs/tags/v1`: `git+` and ref may be absent.
    pub(super) fn parse(uri: &str) -> Self {
        let (uri, reference) = match uri.rsplit_once('@') {
            Some((uri, reference)) if reference.starts_with("refs/") || is_commit(reference) => {
                (uri, Some(reference.to_owned()))
            }
            _ => (uri, None),
        };
        Self {
            repository: plain(uri),
            reference,
            commit: None,
        }
    }

    /// A dependency that is a repository.
    pub(super) fn of_dependency(value: &Value) -> Option<Self> {
        let uri = value.get("uri")?.as_str()?;
        let commit = value.get("digest").and_then(commit_of);
        if !uri.starts_with("git+") && commit.is_none() {
            return None;
        }
        Some(Self {
            commit,
            ..Self::parse(uri)
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repository)?;
        if let Some(reference) = &self.reference {
            write!(f, " at {reference}")?;
        }
        match &self.commit {
            Some(commit) => write!(f, " ({commit})"),
            None => Ok(()),
        }
    }
}

/// The commit of a digest set, under the names that are in use for it.
pub(super) fn commit_of(digest: &Value) -> Option<String> {
    let named = |name: &str| digest.get(name).and_then(Value::as_str);
    let commit = named("gitCommit").or_else(|| named("sha1"))?;
    is_commit(commit).then(|| commit.to_owned())
}

/// Whether it is the whole name of a commit.
pub(super) fn is_commit(text: &str) -> bool {
    let digit = |it: u8| matches!(it, b'0'..=b'9' | b'a'..=b'f');
    matches!(text.len(), 40 | 64) && text.bytes().all(digit)
}

/// The URI of a repository in one form: without `git+`, a slash at the end, and `.git`.
fn plain(uri: &str) -> String {
    let uri = uri.strip_prefix("git+").unwrap_or(uri);
    let uri = uri.strip_suffix('/').unwrap_or(uri);
    uri.strip_suffix(".git").unwrap_or(uri).to_owned()
}

/// A repository as people write it: a host without a scheme is meant as https.
pub(super) fn expected(text: &str) -> String {
    let uri = plain(text);
    if uri.contains("://") {
        uri
    } else {
        format!("https://{uri}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_repository_has_one_form() {
        for it in [
            "git+https://github.com/acme/app@refs/tags/v1",
            "https://github.com/acme/app.git@refs/tags/v1",
            "git+https://github.com/acme/app/@refs/tags/v1",
        ] {
            let origin = Origin::parse(it);
            assert_eq!(origin.repository(), "https://github.com/acme/app", "{it}");
            assert_eq!(origin.reference(), Some("refs/tags/v1"), "{it}");
        }
        assert_eq!(
            expected("github.com/acme/app"),
            "https://github.com/acme/app"
        );
        let ssh = Origin::parse("git+ssh://git@example.com/acme/app");
        assert_eq!(ssh.repository(), "ssh://git@example.com/acme/app");
        assert_eq!(ssh.reference(), None);
    }
}
