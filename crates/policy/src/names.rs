//! The paths that somebody signed, with the digest that was signed for each.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use attest_digest::{Artifact, Checksums, Digest, DigestSet, Match, RelativePath};
use attest_provenance::Statement;
use attest_provenance::predicate::Part;
use attest_provenance::predicate::slsa::ClaimedProvenance;
use attest_verify::Evidence;

use crate::policy::{Accepted, Approval};
use crate::reason::Reason;

/// Paths below one folder, each with the digests that were signed for it, from one source: the
/// parts of a release or provenance statement, another requested statement, or a signed checksums
/// file.
#[derive(Debug, Clone)]
pub struct SignedNames {
    names: BTreeMap<RelativePath, DigestSet>,
    paths_by_sha256: BTreeMap<Digest, RelativePath>,
    release: Option<String>,
    missing_parts: Vec<u32>,
    parts: u32,
}

impl SignedNames {
    /// The names in accepted statements: all parts of one release, or of one provenance; else the
    /// one statement that names most. The other statements may repeat these names, and add none:
    /// files that were signed apart may never have been together.
    ///
    /// # Errors
    /// `release-inconsistent` when the statements do not belong together, `subject-conflict` when one
    /// path carries two digests, `subject-name-invalid` for a name that is no path below the folder.
    pub fn of_statements(accepted: &[Accepted<'_>]) -> Result<Self, Reason> {
        let mut names = Self::empty();
        let mut parts = Parts::default();
        let mut statements = Vec::new();
        for one in accepted {
            parts.add(one)?;
            if let Approval::Release(release) = one.approval() {
                names.release = Some(
                    release
                        .name()
                        .map_or_else(|| release.purl().to_owned(), ToString::to_string),
                );
            }
            if let Some(statement) = one.evidence().statement() {
                statements.push((one.part().map(|(_, part)| part.number()), statement));
            }
        }
        names.add_one_source(statements)?;
        names.missing_parts = parts.missing();
        names.parts = parts.count();
        Ok(names)
    }

    /// The names in a checksums file whose bytes an accepted signature covers.
    ///
    /// # Errors
    /// `subject-conflict` when one path carries two digests.
    pub fn of_checksums(_signed: &Accepted<'_>, checksums: &Checksums) -> Result<Self, Reason> {
        let mut names = Self::empty();
        for (path, digest) in checksums.entries() {
            names.add(path.clone(), DigestSet::from(*digest))?;
        }
        Ok(names)
    }

    /// Adds the checksums file itself, whose bytes the accepted message signature covers.
    #[must_use]
    pub fn with_itself(mut self, name: &str, evidence: &Evidence) -> Self {
        if let (Ok(path), Some(digest)) = (RelativePath::parse(name), evidence.message_digest()) {
            self.names
                .entry(path)
                .or_insert_with(|| DigestSet::from(*digest));
        }
        self
    }

    /// The release that the statements name: NAME@VERSION, or its package URL.
    pub fn release(&self) -> Option<&str> {
        self.release.as_deref()
    }

    /// How many paths were signed.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether no path was signed.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The signed paths in order.
    pub fn paths(&self) -> impl Iterator<Item = &RelativePath> {
        self.names.keys()
    }

    /// The digests signed for a path.
    pub fn digests(&self, path: &RelativePath) -> Option<&DigestSet> {
        self.names.get(path)
    }

    /// How many parts the statement has, and 0 when it is no release statement.
    pub fn parts(&self) -> u32 {
        self.parts
    }

    /// Whether every part is there: asked of folders and checksums files.
    ///
    /// # Errors
    /// `release-incomplete`, naming the parts that are missing.
    pub fn complete(&self) -> Result<(), Reason> {
        complete(&self.missing_parts, self.parts)
    }

    /// Whether these bytes are the ones that were signed for this path.
    ///
    /// # Errors
    /// `digest-mismatch`; `name-mismatch` when they were signed for another path; `name-unbound`
    /// when they were signed without a path; `file-unattested`; `digest-incomparable`.
    pub fn bind(&self, path: &RelativePath, artifact: &Artifact) -> Result<(), Reason> {
        let elsewhere = self.paths_by_sha256.get(&artifact.sha256());
        let found = || format!("{path} with {}", artifact.sha256());
        let Some(signed) = self.names.get(path) else {
            return Err(match elsewhere {
                Some(other) => {
                    Reason::new("name-mismatch", found(), format!("these bytes at {other}"))
                }
                None => Reason::new("file-unattested", found(), "a path that was signed"),
            });
        };
        match artifact.compare(signed) {
            Match::Same => Ok(()),
            Match::Different { found, wanted, .. } => Err(match elsewhere {
                Some(other) if other != path => Reason::new(
                    "name-mismatch",
                    format!("the bytes signed for {other}"),
                    wanted,
                ),
                _ => Reason::new("digest-mismatch", found, wanted),
            }),
            Match::Incomparable | Match::NotComputed { .. } => Err(Reason::new(
                "digest-incomparable",
                "no SHA-256, SHA-384 or SHA-512",
                artifact.sha256(),
            )),
        }
    }

    #[cfg(test)]
    pub(crate) fn of_lines_for_tests(lines: &str) -> Self {
        let checksums =
            Checksums::parse(lines.as_bytes(), attest_digest::Algorithm::Sha256).unwrap();
        let mut names = Self::empty();
        for (path, digest) in checksums.entries() {
            names.add(path.clone(), DigestSet::from(*digest)).unwrap();
        }
        names
    }

    fn empty() -> Self {
        Self {
            names: BTreeMap::new(),
            paths_by_sha256: BTreeMap::new(),
            release: None,
            missing_parts: Vec::new(),
            parts: 0,
        }
    }

    /// Adds each part once, or without parts one statement; what is left must add nothing.
    fn add_one_source(
        &mut self,
        mut statements: Vec<(Option<u32>, &Statement)>,
    ) -> Result<(), Reason> {
        // Parts first; of several that could be the source, the one that names most.
        statements
            .sort_by_key(|(part, statement)| (part.is_none(), Reverse(statement.subjects().len())));
        let mut added: BTreeSet<Option<u32>> = BTreeSet::new();
        for (part, statement) in statements {
            let is_source = match part {
                Some(_) => added.insert(part),
                None => added.is_empty() && added.insert(part),
            };
            let before = self.len();
            self.add_statement(statement)?;
            if !is_source && self.len() > before {
                return Err(Reason::new(
                    "release-inconsistent",
                    "statements that sign different files",
                    "one statement, or the parts of one",
                ));
            }
        }
        Ok(())
    }

    fn add_statement(&mut self, statement: &Statement) -> Result<(), Reason> {
        for subject in statement.subjects() {
            // A subject without a name binds no path.
            let Some(name) = subject.name() else { continue };
            let path = RelativePath::parse(name).map_err(|error| {
                Reason::new(
                    "subject-name-invalid",
                    format!("{name:?}: {error}"),
                    "a path below the folder",
                )
            })?;
            self.add(path, subject.digests().clone())?;
        }
        Ok(())
    }

    fn add(&mut self, path: RelativePath, digests: DigestSet) -> Result<(), Reason> {
        if let Some(before) = self.names.get(&path) {
            if *before == digests {
                return Ok(());
            }
            return Err(Reason::new(
                "subject-conflict",
                format!("two digests for {path}"),
                "one",
            ));
        }
        if let Some(sha256) = digests.get(attest_digest::Algorithm::Sha256) {
            self.paths_by_sha256
                .entry(*sha256)
                .or_insert_with(|| path.clone());
        }
        self.names.insert(path, digests);
        Ok(())
    }
}

/// Whether every part of the provenance is there, when some of it is: a folder whose provenance lost
/// a part is not the release that was published.
///
/// # Errors
/// `release-incomplete`, `release-inconsistent`.
pub fn provenance_complete<'e>(
    evidence: impl IntoIterator<Item = &'e Evidence>,
) -> Result<(), Reason> {
    let mut parts = Parts::default();
    for statement in evidence.into_iter().filter_map(Evidence::statement) {
        let Ok(provenance) = ClaimedProvenance::from_statement(statement) else {
            continue;
        };
        if let Some((name, part)) = provenance.packaging() {
            parts.add_part(&name.purl(), part)?;
        }
    }
    complete(&parts.missing(), parts.count())
}

fn complete(missing: &[u32], count: u32) -> Result<(), Reason> {
    if missing.is_empty() {
        return Ok(());
    }
    let shown: Vec<String> = missing.iter().take(8).map(u32::to_string).collect();
    let more = if missing.len() > 8 { ", …" } else { "" };
    Err(Reason::new(
        "release-incomplete",
        format!("no part {}{more}", shown.join(", ")),
        format!("all {count} parts of the statement"),
    ))
}

/// The parts of one statement, as they come in.
#[derive(Debug, Default)]
struct Parts {
    purl: Option<String>,
    first: Option<Part>,
    seen: BTreeSet<u32>,
}

impl Parts {
    fn add(&mut self, accepted: &Accepted<'_>) -> Result<(), Reason> {
        match (accepted.purl(), accepted.part()) {
            (_, Some((purl, part))) => self.add_part(&purl, part),
            (Some(purl), None) => self.add_purl(&purl),
            (None, None) => Ok(()),
        }
    }

    fn add_purl(&mut self, purl: &str) -> Result<(), Reason> {
        let first = self.purl.get_or_insert_with(|| purl.to_owned());
        if *first == purl {
            Ok(())
        } else {
            Err(inconsistent(format!("{first} beside {purl}")))
        }
    }

    fn add_part(&mut self, purl: &str, part: &Part) -> Result<(), Reason> {
        self.add_purl(purl)?;
        let first = self.first.get_or_insert(*part);
        if (first.count(), first.checksums()) != (part.count(), part.checksums()) {
            return Err(inconsistent(format!(
                "a part of {} with checksums {} beside one of {} with {}",
                first.count(),
                first.checksums(),
                part.count(),
                part.checksums()
            )));
        }
        self.seen.insert(part.number());
        Ok(())
    }

    fn count(&self) -> u32 {
        self.first.as_ref().map_or(0, Part::count)
    }

    fn missing(&self) -> Vec<u32> {
        (1..=self.count())
            .filter(|part| !self.seen.contains(part))
            .collect()
    }
}

fn inconsistent(found: String) -> Reason {
    Reason::new("release-inconsistent", found, "the parts of one release")
}

#[cfg(test)]
mod tests {
    use super::*;
    use attest_digest::Hashes;
    use proptest::prelude::*;

    fn path(text: &str) -> RelativePath {
        RelativePath::parse(text).unwrap()
    }

    fn artifact(bytes: &[u8]) -> Artifact {
        Artifact::of_bytes(bytes, Hashes::Sha256AndSha512)
    }

    fn signed(files: &[(&str, &[u8])]) -> SignedNames {
        let mut names = SignedNames::empty();
        for (name, bytes) in files {
            names
                .add(path(name), DigestSet::from(artifact(bytes).sha256()))
                .unwrap();
        }
        names
    }

    fn code(result: Result<(), Reason>) -> &'static str {
        result.map_or_else(|reason| reason.code(), |()| "accepted")
    }

    #[test]
    fn bytes_are_bound_to_the_path_that_was_signed_for_them() {
        let names = signed(&[("a", b"one"), ("b", b"two")]);
        assert!(!names.is_empty() && signed(&[]).is_empty());
        assert_eq!(code(names.bind(&path("a"), &artifact(b"one"))), "accepted");
        assert_eq!(
            code(names.bind(&path("a"), &artifact(b"two"))),
            "name-mismatch"
        );
        assert_eq!(
            code(names.bind(&path("c"), &artifact(b"one"))),
            "name-mismatch"
        );
        assert_eq!(
            code(names.bind(&path("a"), &artifact(b"three"))),
            "digest-mismatch"
        );
        assert_eq!(
            code(names.bind(&path("c"), &artifact(b"three"))),
            "file-unattested"
        );
    }

    #[test]
    fn a_weak_digest_alone_binds_nothing() {
        let mut names = SignedNames::empty();
        let mut weak = DigestSet::new();
        weak.insert("sha1", "da39a3ee5e6b4b0d3255bfef95601890afd80709")
            .unwrap();
        names.add(path("a"), weak).unwrap();
        assert_eq!(
            code(names.bind(&path("a"), &artifact(b""))),
            "digest-incomparable"
        );
    }

    #[test]
    fn every_comparable_digest_must_agree() {
        let mut names = SignedNames::empty();
        let mut mixed = DigestSet::from(artifact(b"one").sha256());
        mixed
            .insert("sha512", &artifact(b"two").sha512().unwrap().hex())
            .unwrap();
        names.add(path("a"), mixed).unwrap();
        assert_ne!(code(names.bind(&path("a"), &artifact(b"one"))), "accepted");
        assert_ne!(code(names.bind(&path("a"), &artifact(b"two"))), "accepted");
    }

    #[test]
    fn one_path_with_two_digests_is_a_conflict() {
        let mut names = signed(&[("a", b"one")]);
        assert_eq!(
            code(names.add(path("a"), DigestSet::from(artifact(b"one").sha256()))),
            "accepted"
        );
        assert_eq!(
            code(names.add(path("a"), DigestSet::from(artifact(b"two").sha256()))),
            "subject-conflict"
        );
    }

    fn part(number: u32, count: u32, checksums: &[u8]) -> Part {
        Part::new(number, count, artifact(checksums).sha256()).unwrap()
    }

    #[test]
    fn a_missing_part_is_named() {
        let mut parts = Parts::default();
        parts
            .add_part("pkg:generic/a@1", &part(1, 3, b"x"))
            .unwrap();
        parts
            .add_part("pkg:generic/a@1", &part(1, 3, b"x"))
            .unwrap();
        parts
            .add_part("pkg:generic/a@1", &part(3, 3, b"x"))
            .unwrap();
        assert_eq!(parts.missing(), [2]);
        assert_eq!(
            code(complete(&parts.missing(), parts.count())),
            "release-incomplete"
        );
    }

    #[test]
    fn parts_of_different_makings_do_not_mix() {
        for (purl, other) in [
            ("pkg:generic/a@1", part(2, 3, b"x")),
            ("pkg:generic/a@1", part(2, 2, b"y")),
            ("pkg:generic/a@2", part(2, 2, b"x")),
        ] {
            let mut parts = Parts::default();
            parts
                .add_part("pkg:generic/a@1", &part(1, 2, b"x"))
                .unwrap();
            assert_eq!(code(parts.add_part(purl, &other)), "release-inconsistent");
        }
    }

    proptest! {
        #[test]
        fn only_the_signed_bytes_at_the_signed_path_are_accepted(
            files in proptest::collection::btree_map("[a-z]{1,3}(/[a-z]{1,3})?", proptest::collection::vec(any::<u8>(), 0..4), 1..8),
            at in "[a-z]{1,3}(/[a-z]{1,3})?",
            bytes in proptest::collection::vec(any::<u8>(), 0..4),
        ) {
            let mut names = SignedNames::empty();
            for (name, bytes) in &files {
                names.add(path(name), DigestSet::from(artifact(bytes).sha256())).unwrap();
            }
            let accepted = names.bind(&path(&at), &artifact(&bytes)).is_ok();
            prop_assert_eq!(accepted, files.get(&at) == Some(&bytes));
            for (name, bytes) in &files {
                prop_assert!(names.bind(&path(name), &artifact(bytes)).is_ok());
            }
        }
    }
}
