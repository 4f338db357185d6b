//! What is to be verified, as the command line says it.

use std::path::{Path, PathBuf};

use attest_digest::{Algorithm, Digest, checksums_algorithm_of_name};

use attest_remote::registry::{Name, Reference, SCHEME};

use crate::failure::Failure;
use crate::registry;

/// One subject.
#[derive(Debug, Clone)]
pub(crate) enum Subject {
    /// A file's bytes.
    File(PathBuf),
    /// A folder: its files, always.
    Folder(PathBuf),
    /// A checksums file and what it lists.
    Sums { path: PathBuf, algorithm: Algorithm },
    /// A digest without bytes.
    Digest(Digest),
    /// The images of an OCI layout.
    Image(PathBuf),
    /// An image in a registry.
    Remote(Reference),
    /// What a revision of a repository of git leads to: a commit or a tag.
    Git { folder: PathBuf, revision: String },
    /// A raw commit or tag in a file.
    GitObject(PathBuf),
}

impl Subject {
    /// Tells the kinds apart: by prefix, then by what is there, then by the checksum files' names.
    ///
    /// # Errors
    /// `bad-subject` (exit 2) for a digest or reference that cannot be meant.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        if text.starts_with("sha256:") {
            return Digest::parse(text)
                .map(Self::Digest)
                .map_err(|error| Failure::request("bad-subject", format!("{text}: {error}")));
        }
        if let Some(path) = text.strip_prefix("sums:") {
            let path = PathBuf::from(path);
            let algorithm = name_of(&path)
                .and_then(checksums_algorithm_of_name)
                .unwrap_or(Algorithm::Sha256);
            return Ok(Self::Sums { path, algorithm });
        }
        if let Some(path) = text.strip_prefix("oci-layout:") {
            return Ok(Self::Image(PathBuf::from(path)));
        }
        if let Some(path) = text.strip_prefix("git-object:") {
            return Ok(Self::GitObject(PathBuf::from(path)));
        }
        if let Some(rest) = text.strip_prefix("git:") {
            return git(text, rest);
        }
        if text.starts_with(SCHEME) {
            return remote(text);
        }
        for scheme in ["sha512:", "sha1:", "md5:", "http://", "https://"] {
            if text.starts_with(scheme) {
                return Err(Failure::request(
                    "subject-unsupported",
                    format!("{text}: {scheme} subjects cannot be verified"),
                )
                .hint(
                    "subjects are files, folders, checksum files, oci-layout:DIR, oci://HOST/REPOSITORY:TAG, sha256:HEX, git:DIR@REV and git-object:FILE",
                ));
            }
        }
        let path = PathBuf::from(text);
        if path.is_dir() {
            return Ok(Self::Folder(path));
        }
        Ok(match name_of(&path).and_then(checksums_algorithm_of_name) {
            Some(algorithm) => Self::Sums { path, algorithm },
            None => Self::File(path),
        })
    }
}

/// A manifest in a registry, by its tag or digest: none is meant by default.
fn remote(text: &str) -> Result<Subject, Failure> {
    let reference = registry::reference(text)?;
    if *reference.name() == Name::None {
        let message = format!("{text}: names no manifest");
        return Err(Failure::request("registry-reference", message)
            .hint("add :TAG or @sha256:HEX: there is no default tag"));
    }
    Ok(Subject::Remote(reference))
}

/// `DIR@REV`: the last `@` parts them. A revision is a reference or an object's whole name: what git
/// calculates (`v1~2`, `@{u}`, `:/text`) leads to what nobody named.
fn git(text: &str, rest: &str) -> Result<Subject, Failure> {
    let named = |it: &char| it.is_ascii_alphanumeric() || "._/+-".contains(*it);
    match rest.rsplit_once('@') {
        Some((folder, revision))
            if !folder.is_empty()
                && !revision.is_empty()
                && !revision.starts_with('-')
                && revision.chars().all(|it| named(&it)) =>
        {
            Ok(Subject::Git {
                folder: PathBuf::from(folder),
                revision: revision.to_owned(),
            })
        }
        _ => Err(Failure::request(
            "bad-subject",
            format!("{text}: not git:DIR@REV with a reference or the whole name of an object"),
        )
        .hint("for example git:.@v1.0, git:.@refs/heads/main, git:.@HEAD")),
    }
}

fn name_of(path: &Path) -> Option<&str> {
    path.file_name().and_then(|name| name.to_str())
}
