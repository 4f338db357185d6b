//! The files of a folder, read from disk or from an archive, and what is reported of each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use attest_digest::{
    Algorithm, Artifact, Checksums, Digest, Hashes, Problem, ReadError, RelativePath, Root,
    WalkLimits,
};
use attest_policy::{FileVerdict, Found, Outcome, Present};

use super::super::Session;
use super::super::file::read_again;
use crate::home::real;
use crate::report::{FileReport, Refusal, Verdict};
use crate::trust::{PinnedFile, PinnedFiles};

/// The name of a folder's own checksums file.
pub(in super::super) const LIST: &str = "SHA256SUMS";

/// Files by their path, each as it was read.
type Files = BTreeMap<RelativePath, Result<Artifact, ReadError>>;

/// What stands in the folder, hashed.
pub(in super::super) struct Folder {
    pub(in super::super) files: Files,
    /// What was deleted from the archive, by the digest that its manifest has.
    gone: BTreeMap<RelativePath, Digest>,
    refused: Vec<Refused>,
    /// Pinned trust, and why it needs no signature.
    pub(in super::super) pinned: BTreeMap<RelativePath, String>,
    pub(super) place: Place,
    /// Where it is on disk.
    pub(in super::super) root: Option<PathBuf>,
    /// The bytes of `SHA256SUMS` in an archive.
    archived_list: Option<Vec<u8>>,
}

/// A name in the folder that no policy sees.
struct Refused {
    path: String,
    refusal: Refusal,
    /// The system would not say what it is: nothing is known of it, or of what lies below it.
    unreadable: bool,
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// Where the files of a folder are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Disk,
    Archive,
}

impl Folder {
    /// The files of a release in an archive.
    pub(in super::super) fn archived(
        files: BTreeMap<RelativePath, Result<Artifact, ReadError>>,
        gone: BTreeMap<RelativePath, Digest>,
        pinned: BTreeMap<RelativePath, String>,
    ) -> Self {
        Self {
            files,
            gone,
            refused: Vec::new(),
            pinned,
            place: Place::Archive,
            root: None,
            archived_list: None,
        }
    }

    /// With the bytes of its checksums file, as the archive has them.
    pub(in super::super) fn with_list(self, bytes: Option<Vec<u8>>) -> Self {
        Self {
            archived_list: bytes,
            ..self
        }
    }

    pub(super) fn read(path: &Path, hashes: Hashes, session: &Session) -> Result<Self, Refusal> {
        let unreadable = |code, found: String| Refusal {
            code,
            found,
            wanted: "a readable folder".to_owned(),
        };
        let root = Root::open(path).map_err(|error| unreadable(error.code(), error.to_string()))?;
        let tree = root
            .walk(&WalkLimits::default())
            .map_err(|error| unreadable(error.code(), error.to_string()))?;
        let paths: Vec<RelativePath> = tree.files().map(|(path, _)| path.clone()).collect();
        let artifacts = root.read_all(&paths, hashes);
        let refused = tree
            .refused()
            .map(|(path, problem)| Refused {
                path: path.as_str().to_owned(),
                unreadable: matches!(problem, Problem::Unreadable { .. }),
                refusal: Refusal {
                    code: problem.code(),
                    found: problem.to_string(),
                    wanted: "a regular file that can be signed".to_owned(),
                },
            })
            .collect();
        let files = paths.into_iter().zip(artifacts).collect();
        Ok(Self {
            pinned: pinned_below(path, &files, &session.trust.pinned),
            files,
            gone: BTreeMap::new(),
            refused,
            place: Place::Disk,
            root: Some(path.to_owned()),
            archived_list: None,
        })
    }

    pub(in super::super) fn artifact(&self, path: &RelativePath) -> Option<&Artifact> {
        self.files.get(path)?.as_ref().ok()
    }

    pub(super) fn artifact_at(&self, name: &str) -> Option<&Artifact> {
        self.artifact(&RelativePath::parse(name).ok()?)
    }

    /// The checksums file at its top.
    pub(in super::super) fn list(&self) -> Option<&Artifact> {
        self.artifact_at(LIST)
    }

    /// What that lists, if it can be read and is one.
    pub(in super::super) fn parse_list(&self, list: &Artifact) -> Option<Checksums> {
        let parse = |bytes: &[u8]| Checksums::parse(bytes, Algorithm::Sha256).ok();
        match (&self.archived_list, &self.root) {
            (Some(bytes), _) => parse(bytes),
            (None, Some(root)) => parse(&read_again(&root.join(LIST), list).ok()?),
            (None, None) => None,
        }
    }

    pub(super) fn present(&self, exempt: &BTreeMap<RelativePath, String>) -> Vec<Present> {
        let gone = self.gone.iter().map(|(path, digest)| Present {
            path: path.clone(),
            found: Found::Gone(*digest),
        });
        self.files
            .iter()
            .map(|(path, read)| {
                let found = match (read, exempt.get(path)) {
                    (Ok(artifact), Some(why)) => Found::Exempt {
                        why: why.clone(),
                        artifact: Some(artifact.clone()),
                    },
                    (Ok(artifact), None) => Found::Read(artifact.clone()),
                    (Err(error), _) => Found::Unreadable {
                        code: error.code(),
                        problem: error.to_string(),
                    },
                };
                Present {
                    path: path.clone(),
                    found,
                }
            })
            .chain(gone)
            .collect()
    }

    /// The verdicts of the policy, and those about names that no policy sees.
    pub(super) fn reports(&self, verdicts: Vec<FileVerdict>) -> Vec<FileReport> {
        let refused = self.refused.iter().map(|it| FileReport {
            path: it.path.clone(),
            verdict: if it.unreadable {
                Verdict::Unreadable(it.refusal.clone())
            } else {
                Verdict::Rejected(it.refusal.clone())
            },
            size: None,
            sha256: None,
        });
        // A refused name is there, though as nothing that could verify; and below a folder that
        // cannot be listed nothing can be told, not even that it is missing.
        let there = |path: &str| {
            let is_or_holds =
                |it: &Refused| it.path == path || (it.unreadable && is_below(path, &it.path));
            self.refused.iter().any(is_or_holds)
        };
        verdicts
            .into_iter()
            .filter(|verdict| {
                self.files.contains_key(&verdict.path) || !there(verdict.path.as_str())
            })
            .map(|verdict| file_report(verdict, |path| self.artifact(path)))
            .chain(refused)
            .collect()
    }
}

/// Pinned files that lie in the folder, with the bytes that were read as trust.
fn pinned_below(
    folder: &Path,
    files: &Files,
    pinned: &PinnedFiles,
) -> BTreeMap<RelativePath, String> {
    let top = real(folder);
    let below = |(place, pinned): (&PathBuf, &PinnedFile)| {
        let name = place.strip_prefix(&top).ok().and_then(Path::to_str)?;
        let name = RelativePath::parse(name).ok()?;
        let here = files.get(&name)?.as_ref().ok()?.sha256();
        (here == Digest::Sha256(pinned.sha256)).then(|| (name, pinned.why.to_owned()))
    };
    pinned.iter().filter_map(below).collect()
}

/// A verdict of the policy with what is known of the file.
pub(in super::super) fn file_report<'a>(
    verdict: FileVerdict,
    artifact: impl Fn(&RelativePath) -> Option<&'a Artifact>,
) -> FileReport {
    let artifact = artifact(&verdict.path);
    FileReport {
        path: verdict.path.as_str().to_owned(),
        size: artifact.map(Artifact::size),
        sha256: artifact.map(|artifact| artifact.sha256().hex()),
        verdict: match verdict.outcome {
            Outcome::Verified => Verdict::Verified,
            Outcome::Evidence { why } => Verdict::Evidence(why),
            Outcome::Extra => Verdict::Extra,
            Outcome::Deleted => Verdict::Deleted,
            Outcome::Rejected(reason) => Verdict::Rejected(Refusal::from(&reason)),
            Outcome::Unreadable { code, problem } => Verdict::Unreadable(Refusal {
                code,
                found: problem,
                wanted: "readable bytes".to_owned(),
            }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pinned_trust_excuses_the_bytes_that_were_read_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trusted_root.json");
        let name = RelativePath::parse("trusted_root.json").unwrap();
        let digest = |bytes: &[u8]| match Artifact::of_bytes(bytes, Hashes::Sha256).sha256() {
            Digest::Sha256(sha256) => sha256,
            other => panic!("{other}"),
        };
        std::fs::write(&path, "as it was hashed").unwrap();
        let files = Files::from([(
            name.clone(),
            Ok(Artifact::of_bytes(b"as it was hashed", Hashes::Sha256)),
        )]);
        for (read, excused) in [("as it was hashed", true), ("as it was read", false)] {
            let why = "the pinned trusted root";
            let sha256 = digest(read.as_bytes());
            let pinned = PinnedFiles::from([(real(&path), PinnedFile { why, sha256 })]);
            let found = pinned_below(folder.path(), &files, &pinned);
            assert_eq!(found.contains_key(&name), excused, "{read}");
        }
    }
}
