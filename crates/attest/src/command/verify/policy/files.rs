//! Many files by the rules of a policy: each that is bound to its name, and the release as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use attest_digest::{Artifact, Checksums, Digest, DigestSet, Match, RelativePath};
use attest_policy::{Bytes, Each, Rule, RuleAnswer, Rules, Subject as About};
use attest_provenance::{ReleaseName, Statement};
use attest_verify::Evidence;

use super::super::Session;
use super::super::evidence::Role;
use super::super::folder::{Folder, Loaded};
use super::super::shelf::Shelf;
use super::super::sums::Listed;
use super::{Judge, digests, level, load, lowest, place, refusal, rule_report};
use crate::failure::Exit;
use crate::report::{FileReport, Refusal, RuleReport, SubjectReport, Verdict};

/// A folder whose names were bound: what each rule says about each file, or about the release.
pub(in super::super) fn of_folder(
    folder: &Folder,
    bundles: &[Loaded],
    judge: &Judge,
    session: &Session,
    shelf: &Shelf,
    report: &mut SubjectReport,
) {
    let indices: BTreeSet<usize> = bundles.iter().map(|it| it.index).collect();
    let files = |file: &FileReport| {
        let path = RelativePath::parse(&file.path).ok()?;
        folder.artifact(&path).map(Bytes::Read)
    };
    let release = session.policy.release();
    let list = folder.list().filter(|list| {
        let mut evidence = indices.iter().filter_map(|it| shelf.evidence(*it));
        evidence.any(|it| signs(it, list))
    });
    // Nobody's list is not worth its memory.
    let list = list.and_then(|it| Some((it, folder.parse_list(it)?)));
    let list = list.as_ref().map(|(it, checksums)| (*it, checksums));
    of_files(&indices, &files, list, (judge, release), shelf, report);
    let there: BTreeSet<&str> = report.files.iter().map(|it| it.path.as_str()).collect();
    let missing = judge
        .inquire(&[], false, release)
        .products_missing(&|it| there.contains(it));
    report.reasons.extend(missing.iter().map(Refusal::from));
}

/// The files of a checksums file, as they were read and compared with its digests.
pub(in super::super) fn of_list(
    path: &Path,
    list: (&Artifact, &Checksums),
    read: &Listed,
    judge: &Judge,
    session: &Session,
    shelf: &mut Shelf,
    report: &mut SubjectReport,
) {
    let indices: BTreeSet<usize> = load(path, session, shelf)
        .iter()
        .filter(|it| it.role != Role::Checksums)
        .map(|it| it.index)
        .collect();
    for index in &indices {
        shelf.prove_statement(*index, session);
    }
    let files = |file: &FileReport| {
        let path = RelativePath::parse(&file.path).ok()?;
        read.get(&path)?.as_ref().ok().map(Bytes::Read)
    };
    let asked = (judge, session.policy.release());
    of_files(&indices, &files, Some(list), asked, shelf, report);
}

/// Judges each file that is bound to its name, by the statements that sign its bytes for its path, the
/// signatures over its bytes, and those over the bytes of a list that has them under its name.
fn of_files<'a>(
    indices: &BTreeSet<usize>,
    bytes_of: &dyn Fn(&FileReport) -> Option<Bytes<'a>>,
    list: Option<(&Artifact, &Checksums)>,
    (judge, release): (&Judge, Option<&ReleaseName>),
    shelf: &Shelf,
    report: &mut SubjectReport,
) {
    let proven: Vec<(usize, &Evidence)> = indices
        .iter()
        .filter_map(|index| Some((*index, shelf.evidence(*index)?)))
        .collect();
    let lists = list.map(|(list, checksums)| {
        let counts = |evidence: &Evidence| {
            let by = checksums.algorithm();
            signs(evidence, list) && judge.rules.counts_for_a_list(evidence, by).is_ok()
        };
        let places = (0..).zip(&proven);
        let places = places.filter(|(_, (_, evidence))| counts(evidence));
        let places: Vec<usize> = places.map(|(place, _)| place).collect();
        (checksums, places)
    });
    let by_digest = by_digest(&proven);
    let inquiry = judge.inquire(&proven, false, release);
    let sources = judge.sources(&inquiry);
    let inquiry = inquiry.with_git(&sources.pieces);
    let mut tallies = Tally::of(&judge.rules);
    let mut anywhere = BTreeSet::new();
    let mut built = None;
    let mut is_first = true;
    for file in &mut report.files {
        if !matches!(file.verdict, Verdict::Verified) {
            continue;
        }
        let mut about = BTreeSet::new();
        let bytes = bytes_of(file);
        let hashes = bytes.map(digests).unwrap_or_default();
        if let Some(bytes) = bytes {
            if let Some((checksums, places)) = &lists
                && has(checksums, &file.path, bytes)
            {
                about.extend(places.iter().copied());
            }
            let subject = About {
                bytes,
                path: Some(&file.path),
            };
            let near = digests(bytes)
                .into_iter()
                .filter_map(|it| by_digest.get(&it));
            about.extend(near.flatten().copied().filter(|place| {
                let evidence = proven.get(*place);
                evidence.is_some_and(|(_, it)| judge.rules.is_about(it, subject).is_ok())
            }));
        }
        anywhere.extend(about.iter().copied());
        let about: Vec<usize> = about.into_iter().collect();
        let answers =
            inquiry.answers_of_source(&about, &hashes, Some(&file.path), Some(Each::File), &[]);
        built = lowest(built, level(&answers), std::mem::take(&mut is_first));
        for answer in answers {
            if let Some(refusal) = refusal(&judge.rules, &answer)
                && matches!(file.verdict, Verdict::Verified)
            {
                let of_git = judge.rules.rules().get(answer.rule);
                let of_git = of_git.is_some_and(|it| it.kind().git().is_some());
                file.verdict = match &sources.unread {
                    Some(unread) if of_git => Verdict::Unreadable(unread.clone()),
                    _ => Verdict::Rejected(refusal),
                };
            }
            tallies.add(answer, &file.path);
        }
    }
    if !is_first {
        report
            .reasons
            .extend(tallies.asked_of_nothing(&judge.rules));
    }
    let anywhere: Vec<usize> = anywhere.into_iter().collect();
    for answer in inquiry.answers(&anywhere, &[], Some(Each::Release)) {
        report.reasons.extend(refusal(&judge.rules, &answer));
        tallies.add(answer, "");
    }
    report.built = built;
    let decided: BTreeSet<usize> = tallies.decided(&proven);
    report.decided_by.retain(|it| !decided.contains(it));
    report.decided_by.extend(decided);
    report.rules = tallies.into_reports(&judge.rules, &proven);
    let unread = indices.iter().find(|it| shelf.is_unreadable(**it));
    if let Some(unread) = unread.and_then(|it| shelf.refusals(*it).into_iter().next())
        && report.exit() == Exit::Yes
    {
        for file in &mut report.files {
            if matches!(file.verdict, Verdict::Verified) {
                file.verdict = Verdict::Unreadable(unread.clone());
            }
        }
    }
}

/// Whether it is a signature over the bytes of this file.
fn signs(evidence: &Evidence, file: &Artifact) -> bool {
    let signed = evidence.message_digest();
    signed.is_some_and(|it| file.digest(it.algorithm()) == Some(*it))
}

/// Whether these bytes are listed under this name.
fn has(checksums: &Checksums, path: &str, bytes: Bytes<'_>) -> bool {
    let listed = checksums.get(path).map(|it| DigestSet::from(*it));
    listed.is_some_and(|it| bytes.compare(&it) == Match::Same)
}

/// Which evidence says something about bytes with a digest.
fn by_digest(proven: &[(usize, &Evidence)]) -> BTreeMap<Digest, Vec<usize>> {
    let mut found: BTreeMap<Digest, Vec<usize>> = BTreeMap::new();
    for (place, (_, evidence)) in proven.iter().enumerate() {
        let of_message = evidence.message_digest().copied();
        let subjects = evidence.statement().map(Statement::subjects);
        let of_statement = subjects.unwrap_or_default().iter();
        let of_statement = of_statement.flat_map(|it| it.digests().iter().copied());
        for digest in of_message.into_iter().chain(of_statement) {
            let places = found.entry(digest).or_default();
            if places.last() != Some(&place) {
                places.push(place);
            }
        }
    }
    found
}

/// What the rules said about many files.
pub(super) struct Tally(Vec<RuleTally>);

#[derive(Default)]
struct RuleTally {
    files: usize,
    passed: usize,
    /// The first no, and about which file; else the first yes.
    telling: Option<(RuleAnswer, String)>,
    by: BTreeSet<usize>,
}

impl Tally {
    pub(super) fn of(rules: &Rules) -> Self {
        Self(rules.rules().iter().map(|_| RuleTally::default()).collect())
    }

    pub(super) fn add(&mut self, answer: RuleAnswer, path: &str) {
        let Some(tally) = self.0.get_mut(answer.rule) else {
            return;
        };
        tally.files += 1;
        if answer.passed() {
            tally.passed += 1;
            tally.by.extend(answer.by.iter().copied());
        }
        let is_first_no =
            !answer.passed() && tally.telling.as_ref().is_none_or(|(it, _)| it.passed());
        if tally.telling.is_none() || is_first_no {
            tally.telling = Some((answer, path.to_owned()));
        }
    }

    /// Rules about each file that were asked about none: whatever is excepted of a rule, something is left.
    pub(super) fn asked_of_nothing(&self, rules: &Rules) -> Vec<Refusal> {
        let rules = rules.rules().iter().zip(&self.0);
        let unasked = rules.filter(|(rule, it)| rule.each() == Each::File && it.files == 0);
        let refusal = |(rule, _): (&Rule, &RuleTally)| Refusal {
            code: "nothing-verified",
            found: format!("{}: no file that it does not except", rule.title()),
            wanted: rule.asks(),
        };
        unasked.map(refusal).collect()
    }

    pub(super) fn decided(&self, proven: &[(usize, &Evidence)]) -> BTreeSet<usize> {
        let places = self.0.iter().flat_map(|it| &it.by);
        places.filter_map(|it| Some(proven.get(*it)?.0)).collect()
    }

    pub(super) fn into_reports(
        self,
        rules: &Rules,
        proven: &[(usize, &Evidence)],
    ) -> Vec<RuleReport> {
        let report = |(rule, tally): (&Rule, RuleTally)| {
            let of_files = rule.each() == Each::File;
            let files = of_files.then_some((tally.passed, tally.files));
            let mut report = match tally.telling {
                Some((answer, path)) => {
                    let mut report = rule_report(rule, &answer, proven);
                    for reason in &mut report.reasons {
                        if !path.is_empty() {
                            reason.found = format!("{path}: {}", reason.found);
                        }
                    }
                    report
                }
                None => nothing_judged(rule),
            };
            report.files = files;
            report
        };
        rules.rules().iter().zip(self.0).map(report).collect()
    }
}

/// No file was bound to its name, so that there was nothing to ask about.
fn nothing_judged(rule: &Rule) -> RuleReport {
    RuleReport {
        title: rule.title(),
        place: place(rule),
        asks: rule.asks(),
        passed: false,
        reasons: vec![Refusal {
            code: "nothing-verified",
            found: "no file that could be judged".to_owned(),
            wanted: rule.asks(),
        }],
        by: Vec::new(),
        found: Vec::new(),
        passed_over: Vec::new(),
        files: None,
    }
}
