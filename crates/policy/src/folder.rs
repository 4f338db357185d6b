//! A folder judged: every file that is there, and every file that should be, gets a verdict.

use std::collections::BTreeSet;

use attest_digest::{Artifact, Digest, RelativePath};

use crate::names::SignedNames;
use crate::pattern::Pattern;
use crate::reason::Reason;

/// A file of the folder, as it was found.
#[derive(Debug, Clone)]
pub struct Present {
    /// Its path below the folder.
    pub path: RelativePath,
    /// What was found there.
    pub found: Found,
}

/// What was found at a path.
#[derive(Debug, Clone)]
pub enum Found {
    /// Bytes that were read and hashed.
    Read(Artifact),
    /// Evidence that this run verified, or pinned trust: it exempts itself.
    Exempt {
        /// Why, for the report.
        why: String,
        /// The bytes, when they were hashed: a name that was signed for them still binds.
        artifact: Option<Artifact>,
    },
    /// It was deleted, and that it was is proven: only its digest is known.
    Gone(Digest),
    /// It could not be read: no verdict about its bytes is possible.
    Unreadable {
        /// The code of the read error.
        code: &'static str,
        /// The error in words.
        problem: String,
    },
}

/// The verdict about one path.
#[derive(Debug, Clone)]
pub struct FileVerdict {
    /// The path below the folder.
    pub path: RelativePath,
    /// The verdict.
    pub outcome: Outcome,
}

/// What was decided about one path.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// These bytes were signed for this path.
    Verified,
    /// Evidence or pinned trust.
    Evidence {
        /// Why it is exempt.
        why: String,
    },
    /// Not signed, and a flag allows that.
    Extra,
    /// Deleted: the digest that it had was signed for this path.
    Deleted,
    /// Refused: exit 1.
    Rejected(Reason),
    /// Could not be read: exit 3.
    Unreadable {
        /// The code of the read error.
        code: &'static str,
        /// The error in words.
        problem: String,
    },
}

/// Judges every file of a folder against the signed names.
///
/// A file that nobody signed is `file-unattested` unless `allow_extra` covers it; a signed file that
/// is not there is `file-missing` unless `ignore_missing`.
pub fn judge_folder(
    names: &SignedNames,
    present: &[Present],
    allow_extra: &[Pattern],
    ignore_missing: bool,
) -> Vec<FileVerdict> {
    let there: BTreeSet<&RelativePath> = present.iter().map(|file| &file.path).collect();
    let mut verdicts: Vec<FileVerdict> = present
        .iter()
        .map(|file| FileVerdict {
            path: file.path.clone(),
            outcome: judge(names, file, allow_extra),
        })
        .collect();
    if !ignore_missing {
        verdicts.extend(
            names
                .paths()
                .filter(|path| !there.contains(path))
                .map(|path| FileVerdict {
                    path: path.clone(),
                    outcome: Outcome::Rejected(Reason::new("file-missing", "no such file", path)),
                }),
        );
    }
    verdicts.sort_by(|one, other| one.path.cmp(&other.path));
    verdicts
}

fn judge(names: &SignedNames, file: &Present, allow_extra: &[Pattern]) -> Outcome {
    let signed = names.digests(&file.path).is_some();
    match &file.found {
        Found::Unreadable { code, problem } => Outcome::Unreadable {
            code,
            problem: problem.clone(),
        },
        Found::Exempt { why, artifact } => match artifact {
            Some(artifact) if signed => bound(names, file, artifact),
            _ => Outcome::Evidence { why: why.clone() },
        },
        Found::Gone(digest) => gone(names, file, digest),
        Found::Read(artifact) => {
            if !signed
                && allow_extra
                    .iter()
                    .any(|pattern| pattern.matches(file.path.as_str()))
            {
                return Outcome::Extra;
            }
            bound(names, file, artifact)
        }
    }
}

/// Of a file that was deleted, the digest that was kept must be the one that was signed for its path.
fn gone(names: &SignedNames, file: &Present, digest: &Digest) -> Outcome {
    let Some(signed) = names.digests(&file.path) else {
        return Outcome::Rejected(unattested(&file.path, digest));
    };
    match signed.get(digest.algorithm()) {
        Some(signed) if signed == digest => Outcome::Deleted,
        Some(signed) => Outcome::Rejected(Reason::new("digest-mismatch", digest, signed)),
        None => Outcome::Rejected(Reason::new(
            "digest-mismatch",
            digest,
            "a digest of that algorithm",
        )),
    }
}

fn unattested(path: &RelativePath, digest: &Digest) -> Reason {
    Reason::new(
        "file-unattested",
        format!("{path} with {digest}"),
        "a file that was signed",
    )
}

fn bound(names: &SignedNames, file: &Present, artifact: &Artifact) -> Outcome {
    match names.bind(&file.path, artifact) {
        Ok(()) => Outcome::Verified,
        Err(reason) => Outcome::Rejected(reason),
    }
}

/// Judges a file of a folder for which no names were signed: bytes that a bundle of their own signs
/// are bound to no path, which `accept_no_names` lets pass.
pub fn judge_unnamed(
    file: &Present,
    signed: bool,
    accept_no_names: bool,
    allow_extra: &[Pattern],
) -> FileVerdict {
    let outcome = match &file.found {
        Found::Unreadable { code, problem } => Outcome::Unreadable {
            code,
            problem: problem.clone(),
        },
        Found::Read(_) if signed && accept_no_names => Outcome::Verified,
        Found::Read(artifact) if signed => Outcome::Rejected(Reason::new(
            "name-unbound",
            format!("{} signed without a path", artifact.sha256()),
            "evidence that names the path",
        )),
        Found::Exempt { why, .. } => Outcome::Evidence { why: why.clone() },
        Found::Read(_)
            if allow_extra
                .iter()
                .any(|pattern| pattern.matches(file.path.as_str())) =>
        {
            Outcome::Extra
        }
        Found::Read(artifact) => Outcome::Rejected(unattested(&file.path, &artifact.sha256())),
        Found::Gone(digest) => Outcome::Rejected(unattested(&file.path, digest)),
    };
    FileVerdict {
        path: file.path.clone(),
        outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use attest_digest::Hashes;

    fn path(text: &str) -> RelativePath {
        RelativePath::parse(text).unwrap()
    }

    fn read(name: &str, bytes: &[u8]) -> Present {
        Present {
            path: path(name),
            found: Found::Read(Artifact::of_bytes(bytes, Hashes::Sha256)),
        }
    }

    fn exempt(name: &str, bytes: &[u8]) -> Present {
        let artifact = Some(Artifact::of_bytes(bytes, Hashes::Sha256));
        Present {
            path: path(name),
            found: Found::Exempt {
                why: "evidence".into(),
                artifact,
            },
        }
    }

    fn names(files: &[(&str, &[u8])]) -> SignedNames {
        let lines: Vec<String> = files
            .iter()
            .map(|(name, bytes)| {
                format!(
                    "{}  {name}\n",
                    Artifact::of_bytes(bytes, Hashes::Sha256).sha256().hex()
                )
            })
            .collect();
        SignedNames::of_lines_for_tests(&lines.concat())
    }

    fn words(verdicts: &[FileVerdict]) -> Vec<String> {
        let word = |outcome: &Outcome| match outcome {
            Outcome::Verified => "verified".to_owned(),
            Outcome::Evidence { .. } => "evidence".to_owned(),
            Outcome::Extra => "extra".to_owned(),
            Outcome::Deleted => "deleted".to_owned(),
            Outcome::Rejected(reason) => reason.code().to_owned(),
            Outcome::Unreadable { code, .. } => (*code).to_owned(),
        };
        verdicts
            .iter()
            .map(|verdict| format!("{} {}", verdict.path, word(&verdict.outcome)))
            .collect()
    }

    #[test]
    fn every_file_that_is_there_or_should_be_gets_a_verdict() {
        let names = names(&[("a", b"one"), ("b", b"two"), ("c", b"three")]);
        let present = [
            read("a", b"one"),
            read("b", b"changed"),
            read("x", b"extra"),
            read("y", b"one"),
        ];
        let allowed = [Pattern::parse("x").unwrap()];
        let verdicts = judge_folder(&names, &present, &allowed, false);
        assert_eq!(
            words(&verdicts),
            [
                "a verified",
                "b digest-mismatch",
                "c file-missing",
                "x extra",
                "y name-mismatch"
            ]
        );
        let verdicts = judge_folder(&names, &present, &[], true);
        assert_eq!(
            words(&verdicts),
            [
                "a verified",
                "b digest-mismatch",
                "x file-unattested",
                "y name-mismatch"
            ]
        );
    }

    #[test]
    fn an_exemption_does_not_loosen_a_path_that_was_signed() {
        let names = names(&[("release.pub", b"key")]);
        let present = [
            exempt("release.pub", b"another key"),
            exempt("release.sigstore.json", b"{}"),
        ];
        let verdicts = judge_folder(&names, &present, &[], false);
        assert_eq!(
            words(&verdicts),
            [
                "release.pub digest-mismatch",
                "release.sigstore.json evidence"
            ]
        );
    }

    #[test]
    fn a_deleted_file_counts_only_by_the_digest_that_was_signed_for_its_path() {
        let names = names(&[("a", b"one"), ("b", b"two")]);
        let gone = |name: &str, bytes: &[u8]| Present {
            path: path(name),
            found: Found::Gone(Artifact::of_bytes(bytes, Hashes::Sha256).sha256()),
        };
        let present = [gone("a", b"two"), gone("b", b"two"), gone("c", b"one")];
        let allowed = [Pattern::parse("c").unwrap()];
        let verdicts = judge_folder(&names, &present, &allowed, false);
        let wanted = ["a digest-mismatch", "b deleted", "c file-unattested"];
        assert_eq!(words(&verdicts), wanted);
        let unnamed = judge_unnamed(&gone("a", b"one"), true, true, &allowed);
        assert_eq!(words(&[unnamed]), ["a file-unattested"]);
    }

    #[test]
    fn bytes_signed_without_a_path_are_bound_to_none() {
        let word = |file: &Present, signed, accept| {
            words(&[judge_unnamed(file, signed, accept, &[])]).remove(0)
        };
        assert_eq!(word(&read("a", b"one"), true, false), "a name-unbound");
        assert_eq!(word(&read("a", b"one"), true, true), "a verified");
        assert_eq!(word(&read("a", b"one"), false, true), "a file-unattested");
        assert_eq!(word(&exempt("a", b"one"), false, false), "a evidence");
        let allowed = [Pattern::parse("b").unwrap()];
        let word = |name, signed| {
            words(&[judge_unnamed(&read(name, b"one"), signed, false, &allowed)]).remove(0)
        };
        assert_eq!(word("b", false), "b extra");
        assert_eq!(word("a", false), "a file-unattested");
        // What was signed is no extra.
        assert_eq!(word("b", true), "b name-unbound");
    }
}
