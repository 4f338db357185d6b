//! Walks a tree beside its manifest and says how they differ.

use std::collections::BTreeMap;
use std::io::BufRead;

use attest_digest::{Hashes, RelativePath, Sighting, Survey, WalkError, escaped_bytes, pipeline};
use attest_policy::{Reason, tree_added, tree_differences, tree_missing};
use attest_provenance::tree::{TreeEntry, TreeError, TreeHeader, TreeReader};

use super::left_out::{LeftOut, RELEASE_TREE, Unnamed};
use super::merge::{Merge, Pair};
use super::observe::{SameFiles, fill, outline};
use crate::limits;
use crate::report::{Refusal, Verdict};

/// Why there is no answer about the tree.
#[derive(Debug)]
pub(super) enum Stop {
    /// The manifest is none.
    Manifest(TreeError),
    /// The manifest names something that its own rules leave out.
    Ignored(RelativePath),
    /// The tree cannot be walked.
    Walk(WalkError),
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Differences and what could not be told, in the order of paths, as far as they are listed.
    pub(super) findings: Vec<(String, Verdict)>,
    /// How often each code was found, listed or not.
    pub(super) counts: BTreeMap<&'static str, u64>,
    /// Findings that are not listed.
    pub(super) more: u64,
    /// Signed things that stand there exactly as signed.
    pub(super) agreed: u64,
    /// Whether the tree's own folder is one of them.
    pub(super) top_agreed: bool,
    /// Files that a pattern alone leaves out.
    pub(super) unnamed: Unnamed,
}

impl Found {
    fn take(&mut self, judged: Judged) {
        if judged.verdicts.is_empty() {
            self.agreed += 1;
            self.top_agreed |= judged.path == ".";
        }
        for verdict in judged.verdicts {
            let code = match &verdict {
                Verdict::Rejected(refusal) | Verdict::Unreadable(refusal) => refusal.code,
                _ => continue,
            };
            *self.counts.entry(code).or_default() += 1;
            // The first of each kind is listed in any case: it can decide the exit code.
            let is_first = self.counts.get(code) == Some(&1);
            if self.findings.len() < limits::TREE_FINDINGS || is_first {
                self.findings.push((judged.path.clone(), verdict));
            } else {
                self.more += 1;
            }
        }
    }
}

/// Something to judge, with what only the walk knows.
struct Job {
    pair: Pair,
    same: Option<RelativePath>,
}

struct Judged {
    path: String,
    verdicts: Vec<Verdict>,
}

/// Compares with the manifest of this digest; its end is reached when this is `Ok`.
pub(super) fn check<R: BufRead>(
    reader: &mut TreeReader<R>,
    survey: Survey,
    left_out: &LeftOut,
    sha256: &str,
) -> Result<Found, Stop> {
    let header = reader.header().clone();
    let mut merge = Merge::new(reader, survey, left_out);
    let mut same_files = SameFiles::default();
    let mut found = Found::default();
    pipeline(
        || {
            let Some(pair) = merge.next()? else {
                return Ok(None);
            };
            let same = match &pair {
                Pair::Both(_, sighting) | Pair::Added(sighting) => same_files.first_name(sighting),
                Pair::Missing(_) | Pair::Untold(..) => None,
            };
            Ok(Some(Job { pair, same }))
        },
        |job| judge(job, &header),
        |judged| {
            found.take(judged);
            Ok(())
        },
    )?;
    if let Some(judged) = merge.own.take().and_then(|it| own(&it, sha256)) {
        found.take(judged);
    }
    found.unnamed = merge.unnamed;
    Ok(found)
}

/// Why the copy of its manifest beside a release is not that manifest.
fn own(sighting: &Sighting, sha256: &str) -> Option<Judged> {
    let read = sighting.open().and_then(|it| it.read(Hashes::Sha256));
    let verdict = match read {
        Ok(found) if found.sha256().hex() == sha256 => return None,
        Ok(found) => Verdict::Rejected(Refusal {
            code: "tree-content-changed",
            found: found.sha256().to_string(),
            wanted: format!("sha256:{sha256}, this very manifest"),
        }),
        Err(error) => untold(error.code(), error.to_string()),
    };
    Some(Judged {
        path: RELEASE_TREE.to_owned(),
        verdicts: vec![verdict],
    })
}

fn judge(job: Job, header: &TreeHeader) -> Judged {
    match job.pair {
        Pair::Both(entry, sighting) => Judged {
            verdicts: compare(&entry, &sighting, job.same, header),
            path: entry.shown_path().to_owned(),
        },
        Pair::Missing(entry) => Judged {
            path: entry.shown_path().to_owned(),
            verdicts: vec![rejected(&tree_missing(&entry))],
        },
        Pair::Added(sighting) => Judged {
            path: sighting.shown_path(),
            verdicts: vec![rejected(&added(&sighting, job.same, header))],
        },
        Pair::Untold(path, why) => Judged {
            path: attest_digest::shown_path(&path),
            verdicts: vec![untold("unreadable", why)],
        },
    }
}

fn compare(
    entry: &TreeEntry,
    sighting: &Sighting,
    same: Option<RelativePath>,
    header: &TreeHeader,
) -> Vec<Verdict> {
    let mut seen = outline(sighting, entry.path.clone(), same, header);
    let filled = if seen.content.kind() == entry.content.kind() {
        // A file of another size is another file: what is in it need not be read.
        fill(&mut seen, sighting, header, Some(entry.size()))
    } else {
        seen.xattrs.clone_from(&entry.xattrs);
        Ok(())
    };
    match filled {
        Ok(()) => {
            let reasons = tree_differences(header, entry, &seen);
            reasons.iter().map(rejected).collect()
        }
        Err(error) => {
            // What is known without reading it is still said.
            seen.content.clone_from(&entry.content);
            seen.xattrs.clone_from(&entry.xattrs);
            let reasons = tree_differences(header, entry, &seen);
            let mut verdicts: Vec<Verdict> = reasons.iter().map(rejected).collect();
            verdicts.push(untold(error.code(), error.to_string()));
            verdicts
        }
    }
}

/// What nobody signed is never read.
fn added(sighting: &Sighting, same: Option<RelativePath>, header: &TreeHeader) -> Reason {
    let (path, problem) = match sighting.path() {
        Ok(path) => (path, None),
        Err(problem) => (None, Some(problem)),
    };
    let mut seen = outline(sighting, path, same, header);
    if let attest_provenance::tree::TreeContent::Symlink { target } = &mut seen.content {
        *target = sighting
            .target()
            .map_or_else(|_| "?".to_owned(), |target| escaped_bytes(&target));
    }
    match problem {
        Some(problem) => tree_added(&seen, Some(&problem)),
        None => tree_added(&seen, None),
    }
}

fn rejected(reason: &Reason) -> Verdict {
    Verdict::Rejected(Refusal::from(reason))
}

fn untold(code: &'static str, found: String) -> Verdict {
    Verdict::Unreadable(Refusal {
        code,
        found,
        wanted: "what can be looked at, and stays as it is".to_owned(),
    })
}
