//! What each file of a release is there for.

use std::fmt;

use attest_digest::RelativePath;

/// What a file of a release is there for, as the one who archived it says.
///
/// A claim: whether a file is evidence is decided by verifying it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Role {
    /// What is released.
    Artifact,
    /// A list of components, as its maker gave it.
    Sbom,
    /// A checksums file.
    Checksums,
    /// A signature, a bundle, an attestation.
    Evidence,
    /// A public key, a trusted root.
    Trust,
    /// A text for people: how to check this release.
    Guide,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 6] = [
        Self::Artifact,
        Self::Sbom,
        Self::Checksums,
        Self::Evidence,
        Self::Trust,
        Self::Guide,
    ];

    /// The word in the manifest.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Artifact => "artifact",
            Self::Sbom => "sbom",
            Self::Checksums => "checksums",
            Self::Evidence => "evidence",
            Self::Trust => "trust",
            Self::Guide => "guide",
        }
    }

    /// The role of that exact name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The media type of a file, by its role and name.
///
/// An artifact is bytes, whatever its name: evidence in a sub-folder is ordinary content.
pub(crate) fn media_type(role: Role, path: &RelativePath) -> &'static str {
    let extension = path
        .file_name()
        .rsplit_once('.')
        .map(|(_, extension)| extension);
    match (role, extension) {
        (Role::Evidence, Some("json")) if path.as_str().ends_with(".sigstore.json") => BUNDLE,
        (Role::Evidence, Some("tree")) => TREE,
        (Role::Sbom, Some("json")) if path.as_str().ends_with(".cdx.json") => CYCLONEDX,
        (Role::Sbom, Some("json")) if path.as_str().ends_with(".spdx.json") => SPDX,
        (Role::Checksums, _) => "text/plain",
        (Role::Trust, Some("json")) => "application/vnd.dev.sigstore.trustedroot+json",
        (Role::Trust, Some("pub" | "pem")) => "application/x-pem-file",
        (Role::Guide, Some("md")) => "text/markdown",
        _ => "application/octet-stream",
    }
}

const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const TREE: &str = attest_provenance::predicate::tree::MEDIA_TYPE;
const CYCLONEDX: &str = "application/vnd.cyclonedx+json";
const SPDX: &str = "application/spdx+json";
