//! What statements that sign a checksums file say, beside it, of the files that it lists: all digests that they give
//! must agree, not those of the list alone.

use std::collections::{BTreeMap, BTreeSet};

use attest_digest::{Artifact, Checksums, DigestSet, Hashes, Match, RelativePath};
use attest_provenance::{Statement, Subject};

use crate::report::{FileReport, Refusal, Verdict};

/// The digests that are claimed for files of a list.
#[derive(Debug, Default)]
pub(in super::super) struct Claimed(BTreeMap<RelativePath, Vec<DigestSet>>);

impl Claimed {
    /// What these statements say of files in the folder of the list, which is these bytes.
    pub(in super::super) fn by<'s>(
        statements: impl Iterator<Item = &'s Statement>,
        list: &Artifact,
        checksums: &Checksums,
    ) -> Self {
        let entries = checksums.entries().iter();
        let listed: BTreeSet<&RelativePath> = entries.map(|(path, _)| path).collect();
        let mut claimed = Self::default();
        for statement in statements {
            let subjects = statement.subjects().iter();
            let lists = subjects.filter(|it| list.compare(it.digests()) == Match::Same);
            let folders: BTreeSet<&str> = lists.map(folder_of).collect();
            for subject in statement.subjects() {
                let below = folders
                    .iter()
                    .filter_map(|it| subject.name()?.strip_prefix(it));
                let paths = below.filter_map(|it| RelativePath::parse(it).ok());
                for path in paths.filter(|it| listed.contains(it)) {
                    let sets = claimed.0.entry(path).or_default();
                    sets.push(subject.digests().clone());
                }
            }
        }
        claimed
    }

    /// What must be computed to compare with them.
    pub(super) fn hashes(&self, first: Hashes) -> Hashes {
        first.with_claims(self.0.values().flatten())
    }

    /// What is claimed of the file of this name, if it is something else than it is.
    pub(in super::super) fn refuses(
        &self,
        path: &RelativePath,
        compare: impl Fn(&DigestSet) -> Match,
    ) -> Option<Refusal> {
        self.0.get(path)?.iter().find_map(|it| differs(compare(it)))
    }

    /// Refuses files of which something else is claimed.
    pub(super) fn judge<'a>(
        &self,
        files: &mut [FileReport],
        read: impl Fn(&RelativePath) -> Option<&'a Artifact>,
    ) {
        for file in files {
            let path = RelativePath::parse(&file.path).ok();
            let refused = path.and_then(|path| {
                let artifact = read(&path)?;
                self.refuses(&path, |it| artifact.compare(it))
            });
            if let (Verdict::Verified, Some(refusal)) = (&file.verdict, refused) {
                file.verdict = Verdict::Rejected(refusal);
            }
        }
    }
}

/// The folder in which a statement has the list, with a `/` behind it.
fn folder_of(list: &Subject) -> &str {
    let name = list.name().unwrap_or_default();
    name.rfind('/')
        .and_then(|it| name.get(..=it))
        .unwrap_or_default()
}

fn differs(compared: Match) -> Option<Refusal> {
    match compared {
        Match::Different { found, wanted, .. } => Some(Refusal {
            code: "digest-mismatch",
            found: found.to_string(),
            wanted: format!("{wanted}, which signs the list"),
        }),
        // Of what is not computed nobody can say that it agrees.
        Match::NotComputed { algorithm } => Some(Refusal {
            code: "digest-incomparable",
            found: format!("no {} was computed", algorithm.name()),
            wanted: "every digest that is given by what signs the list".to_owned(),
        }),
        // The list itself has named a digest that suffices.
        Match::Same | Match::Incomparable => None,
    }
}
