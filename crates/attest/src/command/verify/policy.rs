//! `--policy`: all evidence of a subject is verified against the signers of the policy, then judged by
//! each rule.

mod chain;
mod files;
mod git;
mod layout;
mod request;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use attest_digest::{Algorithm, Artifact, Digest, Hashes};
use attest_policy::{
    Bytes, Decision, Inquiry, LayoutPiece, Rule, RuleAnswer, Rules, Subject as About,
};
use attest_provenance::ReleaseName;
use attest_verify::{Evidence, Subject, Verifier};
use jiff::Timestamp;

use super::Session;
use super::evidence::{Role, places_for};
use super::file::checksums_signed_as_bytes;
use super::shelf::Shelf;
use crate::report::{FileReport, PolicyReport, Refusal, RuleReport, SubjectReport, Verdict};
use crate::trust::policy::Named;
pub(super) use chain::{Followed, of_chain};
pub(super) use files::{of_folder, of_list};
pub(super) use git::{Answer as GitAnswer, of_git};
pub(super) use request::named;
pub(crate) use request::of_archive;

/// A policy with its signers, and the time at which it judges.
pub(crate) struct Judge {
    pub(crate) named: Named,
    pub(crate) rules: Rules,
    pub(crate) now: Timestamp,
    pub(crate) signed_by: Option<String>,
    /// Verifies commits and tags.
    git: Verifier,
    /// Where what was built is looked for.
    repository: Option<PathBuf>,
    /// What came of the layouts that rules ask for, and what there is to tell of it.
    layouts: Vec<LayoutPiece>,
    pub(super) layout_notes: Vec<String>,
}

/// A file by itself, by what lies beside it and what `--bundle` names.
pub(super) fn of_file(
    path: &Path,
    judge: &Judge,
    session: &Session,
    shelf: &mut Shelf,
) -> SubjectReport {
    let mut report = SubjectReport::new(path.display().to_string(), "file");
    let loaded = load(path, session, shelf);
    let hashes = shelf.needed_hashes(loaded.iter().map(|it| it.index), session);
    let hashes = judge.needed_hashes(hashes.with(Algorithm::Sha512));
    let artifact = match Artifact::read_path(path, hashes) {
        Ok(artifact) => artifact,
        Err(error) => {
            let path = path.display().to_string();
            report.files.push(FileReport::unreadable(path, &error));
            return report;
        }
    };
    let bytes = Bytes::Read(&artifact);
    let mut listed = BTreeMap::new();
    for one in &loaded {
        // A statement about a list is about no file in it, whatever it says.
        if shelf.is_statement(one.index) {
            shelf.prove_statement(one.index, session);
        } else if one.role == Role::Checksums {
            let checksums = checksums_signed_as_bytes(one.index, &one.path, session, shelf);
            let lists = checksums.is_ok_and(|it| {
                let signed = shelf.evidence(one.index);
                signed.is_some_and(|signed| judge.rules.lists(&it, signed, bytes).is_ok())
            });
            listed.insert(one.index, lists);
        } else {
            let subject = Subject::Artifact(&artifact);
            shelf.prove_over(one.index, &subject, Some(path), session);
        }
    }
    let indices: Vec<usize> = loaded.iter().map(|it| it.index).collect();
    let file = FileReport {
        path: path.display().to_string(),
        verdict: Verdict::Verified,
        size: Some(artifact.size()),
        sha256: Some(artifact.sha256().hex()),
    };
    alone(
        file,
        bytes,
        &indices,
        &listed,
        judge,
        session,
        shelf,
        &mut report,
    );
    report
}

/// A digest: by what `--bundle` names.
pub(super) fn of_digest(
    digest: Digest,
    judge: &Judge,
    session: &Session,
    shelf: &mut Shelf,
) -> SubjectReport {
    let mut report = SubjectReport::new(digest.to_string(), "digest");
    let word = "no bytes were read: that this digest is the artifact's is your word";
    report.notes.push(word.to_owned());
    let bundles = session.bundles.iter();
    let indices: Vec<usize> = bundles.flat_map(|it| shelf.load(it)).collect();
    for index in &indices {
        if shelf.is_statement(*index) {
            shelf.prove_statement(*index, session);
        } else {
            shelf.prove_over(*index, &Subject::Digest(digest), None, session);
        }
    }
    let file = FileReport {
        path: digest.to_string(),
        verdict: Verdict::Verified,
        size: None,
        sha256: Some(digest.hex()),
    };
    let listed = BTreeMap::new();
    let bytes = Bytes::Given(digest);
    alone(
        file,
        bytes,
        &indices,
        &listed,
        judge,
        session,
        shelf,
        &mut report,
    );
    report
}

/// A piece of evidence that may be about a file.
struct Piece {
    index: usize,
    role: Role,
    path: std::path::PathBuf,
}

/// All evidence that may be about a file: what is named after it, statements about anything beside it,
/// release statements and checksums in the folders above, and what `--bundle` names.
fn load(path: &Path, session: &Session, shelf: &mut Shelf) -> Vec<Piece> {
    let places = places_for(path, &session.neighbours).into_iter();
    let mut pieces = Pieces::default();
    for place in places {
        pieces.take(&place.path, place.role, shelf);
    }
    for (index, place) in shelf.beside(&crate::files::folder_of(path)).iter() {
        pieces.push(*index, place, Role::Shared);
    }
    for path in &session.bundles {
        pieces.take(path, Role::Named, shelf);
    }
    pieces.found
}

#[derive(Default)]
struct Pieces {
    found: Vec<Piece>,
    known: BTreeSet<usize>,
}

impl Pieces {
    fn take(&mut self, bundle: &Path, role: Role, all: &mut Shelf) {
        for index in all.load(bundle) {
            if role != Role::Shared || all.may_be_about_others(index) {
                self.push(index, bundle, role);
            }
        }
    }

    /// As what it was found first.
    fn push(&mut self, index: usize, path: &Path, role: Role) {
        if self.known.insert(index) {
            self.found.push(Piece {
                index,
                role,
                path: path.to_owned(),
            });
        }
    }
}

/// Judges one artifact. `listed` says of signatures over a checksums file whether it lists the artifact.
#[expect(clippy::too_many_arguments, reason = "what is asked, and of what")]
fn alone(
    mut file: FileReport,
    bytes: Bytes<'_>,
    indices: &[usize],
    listed: &BTreeMap<usize, bool>,
    judge: &Judge,
    session: &Session,
    shelf: &Shelf,
    report: &mut SubjectReport,
) {
    let subject = About { bytes, path: None };
    let about = |index: usize, evidence: &Evidence| match listed.get(&index) {
        Some(lists) => *lists,
        None => judge.rules.is_about(evidence, subject).is_ok(),
    };
    let proven: Vec<(usize, &Evidence)> = indices
        .iter()
        .filter_map(|index| Some((*index, shelf.evidence(*index)?)))
        .collect();
    let inquiry = judge.inquire(&proven, false, session.policy.release());
    let sources = judge.sources(&inquiry);
    let inquiry = inquiry.with_git(&sources.pieces);
    let about: Vec<usize> = proven
        .iter()
        .enumerate()
        .filter(|(_, (index, evidence))| about(*index, evidence))
        .map(|(place, _)| place)
        .collect();
    let answers = inquiry.answers(&about, &digests(bytes), None);
    let mut refused: Vec<Refusal> = answers
        .iter()
        .filter_map(|answer| refusal(&judge.rules, answer))
        .collect();
    refused.extend(wrong_release(&answers, &proven, session));
    let says_no = answers.iter().any(|it| !it.passed() && !it.by.is_empty());
    report.decided_by = decided_by(&answers, &proven);
    report.built = level(&answers);
    report.rules = rule_reports(&judge.rules, &answers, &proven);
    let unread = indices.iter().find(|it| shelf.is_unreadable(**it));
    let unread = unread.and_then(|it| shelf.refusals(*it).into_iter().next());
    let unread = unread.or(sources.unread);
    let mut refused = refused.into_iter();
    file.verdict = match (refused.next(), unread) {
        // What cannot be read might be what is missing, or say no.
        (Some(_), Some(unread)) if !says_no => Verdict::Unreadable(unread),
        (None, Some(unread)) => Verdict::Unreadable(unread),
        (Some(refusal), _) => Verdict::Rejected(refusal),
        (None, None) => Verdict::Verified,
    };
    if matches!(file.verdict, Verdict::Rejected(_)) {
        report.reasons.extend(refused);
    }
    report.files.push(file);
}

/// `--release` asks that what satisfies a rule is a release statement of that release.
fn wrong_release(
    answers: &[RuleAnswer],
    proven: &[(usize, &Evidence)],
    session: &Session,
) -> Option<Refusal> {
    let wanted = session.policy.release()?;
    // A rule has said it already.
    let mut said = answers.iter().flat_map(|it| &it.reasons);
    if said.any(|it| it.code() == "release-mismatch") {
        return None;
    }
    // Of a rule that does not pass, too: it refuses for its own reasons.
    let by = answers.iter().flat_map(|it| &it.by);
    let by = by.filter_map(|it| proven.get(*it));
    let mut why = None;
    for (_, evidence) in by {
        match session.policy.decide(evidence) {
            Decision::Accept(_) => return None,
            Decision::Reject(reasons) => why = reasons.first().map(Refusal::from).or(why),
        }
    }
    Some(why.unwrap_or_else(|| Refusal {
        code: "release-missing",
        found: "no release statement".to_owned(),
        wanted: wanted.to_string(),
    }))
}

impl Judge {
    /// These digests of a file, and those that judging it by layouts needs.
    pub(super) fn needed_hashes(&self, first: Hashes) -> Hashes {
        let layouts = self.layouts.iter();
        layouts.fold(first, |hashes, it| it.needed_hashes(hashes))
    }

    /// Measures proven evidence by every rule. Where one release is asked for, statements that name another
    /// count for none.
    pub(super) fn inquire<'a>(
        &'a self,
        proven: &[(usize, &'a Evidence)],
        of_image: bool,
        release: Option<&ReleaseName>,
    ) -> Inquiry<'a> {
        let evidence = proven.iter().map(|(_, it)| *it).collect();
        let inquiry = self.rules.inquire(evidence, self.now, of_image);
        inquiry.with_layouts(&self.layouts).of_release(release)
    }

    /// What the report says of the policy.
    pub(crate) fn report(&self) -> PolicyReport {
        let closure = &self.named.closure;
        PolicyReport {
            name: closure.name().to_owned(),
            serial: closure.serial(),
            expires: closure.expires().map(|it| it.to_string()),
            sha256: closure.digest().hex(),
            includes: closure
                .files()
                .map(|(file, digest)| (file.to_owned(), digest.hex()))
                .collect(),
            signed_by: self.signed_by.clone(),
            rollback: self.named.rollback.clone(),
        }
    }
}

/// What the rules say of an image, by what is attached to it.
pub(super) fn of_image(
    manifest: Digest,
    proven: &[(usize, &Evidence)],
    unread: Option<Refusal>,
    judge: &Judge,
    session: &Session,
    report: &mut SubjectReport,
) -> Result<(), Refusal> {
    let inquiry = judge.inquire(proven, true, session.policy.release());
    let sources = judge.sources(&inquiry);
    let inquiry = inquiry.with_git(&sources.pieces);
    let all: Vec<usize> = (0..proven.len()).collect();
    let answers = inquiry.answers(&all, &[manifest], None);
    let says_no = answers.iter().any(|it| !it.passed() && !it.by.is_empty());
    report.built = lowest(report.built, level(&answers), report.rules.is_empty());
    let unread = unread.or(sources.unread);
    report.decided_by.extend(decided_by(&answers, proven));
    report
        .rules
        .extend(rule_reports(&judge.rules, &answers, proven));
    if let Some(unread) = unread.filter(|_| !says_no) {
        // What cannot be read might be what is missing, or say no.
        return Err(unread);
    }
    let refused = answers.iter().filter_map(|it| refusal(&judge.rules, it));
    let mut refused = refused.chain(wrong_release(&answers, proven, session));
    let first = refused.next();
    report.reasons.extend(refused);
    first.map_or(Ok(()), Err)
}

/// Of several files the lowest level; none when one of them shows none.
pub(super) fn lowest(before: Option<u8>, level: Option<u8>, is_first: bool) -> Option<u8> {
    if is_first { level } else { before.min(level) }
}

/// The build level that provenance shows which satisfies a rule.
fn level(answers: &[RuleAnswer]) -> Option<u8> {
    let passed = answers.iter().filter(|it| it.passed());
    passed.filter_map(|it| it.level).max()
}

fn decided_by(answers: &[RuleAnswer], proven: &[(usize, &Evidence)]) -> Vec<usize> {
    let passed = answers.iter().filter(|it| it.passed());
    let places: BTreeSet<usize> = passed.flat_map(|it| it.by.iter().copied()).collect();
    let index = |place: usize| proven.get(place).map(|(index, _)| *index);
    places.into_iter().filter_map(index).collect()
}

fn rule_reports(
    rules: &Rules,
    answers: &[RuleAnswer],
    proven: &[(usize, &Evidence)],
) -> Vec<RuleReport> {
    let report = |answer: &RuleAnswer| {
        let rule = rules.rules().get(answer.rule)?;
        Some(rule_report(rule, answer, proven))
    };
    answers.iter().filter_map(report).collect()
}

fn rule_report(rule: &Rule, answer: &RuleAnswer, proven: &[(usize, &Evidence)]) -> RuleReport {
    let index = |place: &usize| proven.get(*place).map(|(index, _)| *index);
    RuleReport {
        title: rule.title(),
        place: place(rule),
        asks: rule.asks(),
        passed: answer.passed(),
        reasons: answer.reasons.iter().map(Refusal::from).collect(),
        by: answer.by.iter().filter_map(index).collect(),
        found: answer.found.clone(),
        passed_over: answer
            .passed_over
            .iter()
            .filter_map(|(place, reason)| Some((index(place)?, Refusal::from(reason))))
            .collect(),
        files: None,
    }
}

fn place(rule: &Rule) -> String {
    match rule.place() {
        (Some(file), line) => format!("{file} line {line}"),
        (None, line) => format!("line {line}"),
    }
}

/// Why a rule refuses, in words that say which rule it is.
fn refusal(rules: &Rules, answer: &RuleAnswer) -> Option<Refusal> {
    let reason = answer.reasons.first()?;
    let rule = rules.rules().get(answer.rule)?;
    Some(Refusal {
        code: reason.code(),
        found: format!("{} ({}): {}", rule.title(), place(rule), reason.found()),
        wanted: reason.wanted().to_owned(),
    })
}

fn digests(bytes: Bytes<'_>) -> Vec<Digest> {
    match bytes {
        Bytes::Read(artifact) => {
            let digests = Algorithm::ALL.iter().map(|it| artifact.digest(*it));
            digests.flatten().collect()
        }
        Bytes::Given(digest) => vec![digest],
        Bytes::Named(digests) => digests.iter().copied().collect(),
    }
}
