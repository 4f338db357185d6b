//! What a statement is about, as a flag names it: a file, or a digest.

use std::path::{Path, PathBuf};

use attest_digest::{Algorithm, Artifact, Digest, DigestSet, Hashes};
use attest_provenance::Subject;

use crate::failure::{Failure, with_source};

/// One `--subject`, not yet read.
#[derive(Debug, Clone)]
pub(super) enum NamedSubject {
    /// A file, which is hashed.
    File(PathBuf),
    /// A digest, and a name if one is given.
    Digest(DigestSet, Option<String>),
}

impl NamedSubject {
    /// `FILE`, `sha256:HEX`, `sha256:HEX=NAME`, and so with `sha384`, `sha512` and `gitCommit`.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let Some((algorithm, rest)) = text.split_once(':') else {
            return Ok(Self::File(PathBuf::from(text)));
        };
        let is_digest = algorithm == GIT_COMMIT || Algorithm::from_name(algorithm).is_some();
        if !is_digest {
            return Ok(Self::File(PathBuf::from(text)));
        }
        let (hex, name) = match rest.split_once('=') {
            Some((hex, name)) => (hex, Some(name.to_owned())),
            None => (rest, None),
        };
        let refused = |error: &dyn std::error::Error| {
            Failure::request(
                "bad-subject",
                format!("--subject {text:?}: {}", with_source(error)),
            )
            .hint("write it as sha256:HEX=NAME, with lower-case digits")
        };
        if name.as_deref() == Some("") {
            return Err(Failure::request(
                "bad-subject",
                format!("--subject {text:?} has an empty name"),
            ));
        }
        let mut digests = DigestSet::new();
        if algorithm == GIT_COMMIT {
            let commit = attest_provenance::GitCommit::parse(hex).map_err(|it| refused(&it))?;
            digests = commit.digests();
        } else {
            let digest = Digest::parse(&format!("{algorithm}:{hex}")).map_err(|it| refused(&it))?;
            digests.insert_digest(digest).map_err(|it| refused(&it))?;
        }
        Ok(Self::Digest(digests, name))
    }

    /// The subject; a file is read and named by its last component.
    pub(super) fn read(&self) -> Result<Subject, Failure> {
        let (name, digests) = match self {
            Self::Digest(digests, name) => (name.clone().unwrap_or_default(), digests.clone()),
            Self::File(path) => (name_of(path)?, hash(path)?),
        };
        Subject::new(name, digests)
            .map_err(|error| Failure::request(error.code(), with_source(&error)))
    }
}

pub(super) fn name_of(path: &Path) -> Result<String, Failure> {
    let name = path.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned).ok_or_else(|| {
        Failure::request(
            "name-not-utf8",
            format!("{} has no name that a statement can carry", path.display()),
        )
    })
}

fn hash(path: &Path) -> Result<DigestSet, Failure> {
    let artifact = Artifact::read_path(path, Hashes::Sha256)
        .map_err(|error| Failure::unknown(error.code(), with_source(&error)))?;
    Ok(artifact.sha256().into())
}

const GIT_COMMIT: &str = "gitCommit";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_a_file_or_a_digest_in_one_spelling() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for text in ["dist/a.txt", "a:b", "./sha256:x"] {
            assert!(matches!(
                NamedSubject::parse(text),
                Ok(NamedSubject::File(_))
            ));
        }
        for text in [digest.clone(), format!("{digest}=a=b")] {
            assert!(matches!(
                NamedSubject::parse(&text),
                Ok(NamedSubject::Digest(..))
            ));
        }
        for text in [
            "sha256:".to_owned(),
            "sha256:0a".to_owned(),
            format!("{digest}="),
            digest.to_uppercase().replace("SHA256", "sha256"),
            "gitCommit:xyz".to_owned(),
        ] {
            let refusal = NamedSubject::parse(&text).unwrap_err();
            assert_eq!(refusal.code, "bad-subject", "{text}");
        }
    }
}
