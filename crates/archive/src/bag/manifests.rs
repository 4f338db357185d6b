//! The manifests of a bag: each line a digest, two spaces, a path.
//!
//! ```text
//! 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824  data/hello.txt
//! ```
//!
//! [RFC 8493, 2.1.3](https://www.rfc-editor.org/rfc/rfc8493#section-2.1.3). Two spaces, because
//! `sha256sum -c` reads no others.

use attest_digest::{Algorithm, Artifact, RelativePath};

/// Which manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ManifestFile {
    pub(super) of: Scope,
    pub(super) algorithm: Algorithm,
    pub(super) name: &'static str,
}

/// What a manifest lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Every file in `data/`.
    Payload,
    /// Every other file but the manifests of this kind.
    Tags,
}

/// The manifests, in the order in which they are written.
pub(super) const MANIFESTS: [ManifestFile; 4] = [
    ManifestFile {
        of: Scope::Payload,
        algorithm: Algorithm::Sha256,
        name: "manifest-sha256.txt",
    },
    ManifestFile {
        of: Scope::Payload,
        algorithm: Algorithm::Sha512,
        name: "manifest-sha512.txt",
    },
    ManifestFile {
        of: Scope::Tags,
        algorithm: Algorithm::Sha256,
        name: "tagmanifest-sha256.txt",
    },
    ManifestFile {
        of: Scope::Tags,
        algorithm: Algorithm::Sha512,
        name: "tagmanifest-sha512.txt",
    },
];

/// A manifest of these files, which are sorted by path.
pub(super) fn text<'a>(
    algorithm: Algorithm,
    files: impl Iterator<Item = (&'a RelativePath, &'a Artifact)>,
) -> String {
    let mut text = String::new();
    for (path, artifact) in files {
        if let Some(digest) = artifact.digest(algorithm) {
            text.push_str(&digest.hex());
            text.push_str("  ");
            text.push_str(&encoded(path.as_str()));
            text.push('\n');
        }
    }
    text
}

/// A path as a manifest has it: CR, LF and `%` are percent-encoded, and nothing else.
fn encoded(path: &str) -> String {
    path.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_break_a_line_is_encoded() {
        assert_eq!(encoded("data/50%\r\n.txt"), "data/50%25%0D%0A.txt");
        assert_eq!(encoded("data/a b\\c"), "data/a b\\c");
    }
}
