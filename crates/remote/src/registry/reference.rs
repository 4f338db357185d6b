//! What stands in a registry, by name.

use std::fmt;

use attest_digest::{Algorithm, Digest};

use super::error::RegistryError;
use crate::http::Url;
use crate::limits;

/// A place in a registry: a repository, and a manifest in it.
///
/// ```text
/// registry.example.org:5000/team/tool:1.0.0
/// registry.example.org/team/tool@sha256:9f86d081…
/// ```
/// The host is always said. `docker.io` is called as Docker calls it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    host: String,
    repository: String,
    name: Name,
}

/// Which manifest of a repository is meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// The whole repository.
    None,
    /// What a tag names now.
    Tag(String),
    /// The manifest with these bytes; a tag beside it is for people.
    Digest(Digest),
}

impl Reference {
    /// Reads `HOST[:PORT]/REPOSITORY[:TAG][@sha256:HEX]`, with or without `oci://` before it.
    ///
    /// # Errors
    /// `registry-reference`: it is not of that form.
    pub fn parse(text: &str) -> Result<Self, RegistryError> {
        let refused = |problem| RegistryError::Reference {
            text: text.to_owned(),
            problem,
        };
        let rest = text.strip_prefix(SCHEME).unwrap_or(text);
        if rest.len() > limits::REFERENCE_BYTES {
            return Err(refused("it is too long"));
        }
        let (host, rest) = rest
            .split_once('/')
            .ok_or_else(|| refused("it is not HOST/REPOSITORY"))?;
        if !is_host(host) {
            return Err(refused("its host is none"));
        }
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (rest, None),
        };
        let (repository, tag) = match rest.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (rest, None),
        };
        if let Some(tag) = tag
            && !is_tag(tag)
        {
            return Err(refused("its tag is none"));
        }
        let name = match (digest, tag) {
            (Some(digest), _) => Name::Digest(
                Digest::parse(digest)
                    .ok()
                    .filter(|it| it.algorithm() == Algorithm::Sha256)
                    .ok_or_else(|| refused("its digest is no sha256:HEX"))?,
            ),
            (None, Some(tag)) => Name::Tag(tag.to_owned()),
            (None, None) => Name::None,
        };
        let (host, repository) = as_docker(host, repository);
        if !is_repository(&repository) {
            return Err(refused("its repository is none"));
        }
        Ok(Self {
            host,
            repository,
            name,
        })
    }

    /// The host, with its port if it has one.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The path of the repository.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Which manifest.
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// Another manifest of the same repository.
    #[must_use]
    pub fn with(&self, name: Name) -> Self {
        Self {
            name,
            ..self.clone()
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.host, self.repository)?;
        match &self.name {
            Name::None => Ok(()),
            Name::Tag(tag) => write!(f, ":{tag}"),
            Name::Digest(digest) => write!(f, "@{digest}"),
        }
    }
}

/// How a reference begins where it stands among other subjects.
pub const SCHEME: &str = "oci://";

/// A host name or address, with or without a port, and nothing else of an address.
pub(super) fn is_host(text: &str) -> bool {
    let allowed =
        |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || "-._:[]".contains(it);
    if text.is_empty() || !text.chars().all(allowed) {
        return false;
    }
    let Ok(url) = Url::parse(&format!("https://{text}/")) else {
        return false;
    };
    let found = url.host_str().unwrap_or_default();
    let bare = text.rsplit_once(':').filter(|(_, port)| is_port(port));
    url.path() == "/" && bare.map_or(text, |(host, _)| host) == found
}

fn is_port(text: &str) -> bool {
    text.chars().all(|it| it.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|it| it > 0)
}

/// A tag as the distribution specification has it.
pub(super) fn is_tag(text: &str) -> bool {
    let word = |it: char| it.is_ascii_alphanumeric() || it == '_';
    text.len() <= 128
        && text.starts_with(word)
        && text.chars().all(|it| word(it) || it == '.' || it == '-')
}

/// Parts of lower-case letters and digits, with separators inside of them alone.
fn is_repository(text: &str) -> bool {
    let letter = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit();
    let is_part = |part: &str| {
        let separators = part.split(letter).filter(|it| !it.is_empty());
        part.starts_with(letter)
            && part.ends_with(letter)
            && separators
                .into_iter()
                .all(|it| matches!(it, "." | "_" | "__") || it.chars().all(|letter| letter == '-'))
    };
    text.len() <= 255 && text.split('/').all(is_part)
}

/// Docker Hub has another host than name, and puts its own images into `library`.
fn as_docker(host: &str, repository: &str) -> (String, String) {
    let called = host_called(host);
    if called == host {
        return (host.to_owned(), repository.to_owned());
    }
    let repository = if repository.contains('/') {
        repository.to_owned()
    } else {
        format!("library/{repository}")
    };
    (called.to_owned(), repository)
}

/// The host that is called by that name.
pub(super) fn host_called(name: &str) -> &str {
    match name {
        "docker.io" | "index.docker.io" => DOCKER,
        other => other,
    }
}

/// Where Docker Hub answers.
pub(super) const DOCKER: &str = "registry-1.docker.io";

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "ebc7628c8634fdcce4f019edcaae5076ce8dafb11a5db3cdb172d10fd54dc26c";

    #[test]
    fn a_reference_says_host_repository_and_manifest() {
        for (text, shown) in [
            ("oci://h.example/a:1.0", "oci://h.example/a:1.0"),
            ("localhost:5000/a/b_c", "oci://localhost:5000/a/b_c"),
            ("[::1]:5000/a:x", "oci://[::1]:5000/a:x"),
            (
                "docker.io/alpine:3",
                "oci://registry-1.docker.io/library/alpine:3",
            ),
        ] {
            assert_eq!(Reference::parse(text).unwrap().to_string(), shown);
        }
        let both = Reference::parse(&format!("h.example/a:1@sha256:{HEX}")).unwrap();
        assert_eq!(both.to_string(), format!("oci://h.example/a@sha256:{HEX}"));
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        for text in [
            "",
            "a",
            "/a",
            "h.example",
            "h.example/",
            "h.example/A:1",
            "h.example/a/../b",
            "h.example/a//b",
            "h.example/.a",
            "h.example/a.",
            "h.example/a?x=1",
            "h.example/a#x",
            "h.example/a%2f..",
            "h.example/a:",
            "h.example/a:-x",
            "h.example/a:x/y",
            "h.example/a@sha256:12",
            "h.example/a@md5:x",
            "user@h.example/a",
            "user:p@h.example/a",
            "h.example:0/a",
            "h.example:99999/a",
            "h.example:/a",
            "HOST/a",
            "h\n.example/a",
            "127.1/a",
            "0x7f.0.0.1/a",
            "h.example:80:80/a",
            "h.example/a:1:2",
        ] {
            let refused = Reference::parse(text).unwrap_err();
            assert_eq!(refused.code(), "registry-reference", "{text:?}");
        }
    }
}
