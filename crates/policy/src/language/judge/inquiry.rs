//! What the rules answer about a subject, by the evidence that is about it.

use std::collections::BTreeSet;

use attest_digest::{Digest, DigestSet};
use attest_provenance::Statement;
use attest_provenance::predicate::review;
use attest_verify::Evidence;

use super::{Inquiry, Measured, RuleAnswer};
use crate::language::rule::{Each, Rule};
use crate::language::specific::{Exceptions, Specific};
use crate::reason::Reason;

/// What was built: a commit, and the ref under which it was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Built {
    /// The commit's whole name.
    pub commit: String,
    /// Such as `refs/tags/v1.0`.
    pub reference: Option<String>,
}

impl<'r> Inquiry<'r> {
    /// The evidence, in the order in which it was given.
    pub fn evidence(&self) -> &[&'r Evidence] {
        &self.evidence
    }

    /// What the rules say of a subject with these digests, by the evidence that is about it; all rules, or
    /// those about each file, or about the release.
    ///
    /// Rules about the commit that was built come last: provenance that satisfies says which it is.
    pub fn answers(
        &self,
        about: &[usize],
        digests: &[Digest],
        each: Option<Each>,
    ) -> Vec<RuleAnswer> {
        self.answers_of_source(about, digests, None, each, &[])
    }

    /// The same of a subject that stands at a path in a folder, and of which a chain has shown that it was built
    /// from these commits: rules about what was built are about them too. A rule that excepts the path is not asked.
    pub fn answers_of_source(
        &self,
        about: &[usize],
        digests: &[Digest],
        path: Option<&str>,
        each: Option<Each>,
        sources: &[&str],
    ) -> Vec<RuleAnswer> {
        let rules = || self.rules.rules().iter().enumerate();
        let excepted = |rule: &Rule| path.is_some_and(|it| rule.excepts(it));
        let asked = |rule: &Rule| each.is_none_or(|it| it == rule.each()) && !excepted(rule);
        let mut commits = BTreeSet::new();
        let mut answers = Vec::new();
        for (index, rule) in rules().filter(|(_, rule)| !rule.kind().is_about_commit()) {
            let (answer, built) = if rule.kind().is_layout() {
                (
                    self.answer_of_layout(index, rule, digests, path),
                    Vec::new(),
                )
            } else {
                self.answer(index, about, digests)
            };
            if answer.passed() {
                commits.extend(built);
            }
            if asked(rule) {
                answers.push(answer);
            }
        }
        for source in sources {
            add_source(&mut commits, source);
        }
        for (index, rule) in rules().filter(|(_, rule)| rule.kind().is_about_commit()) {
            if asked(rule) {
                answers.push(self.answer_of_commits(index, rule, &commits));
            }
        }
        answers.sort_by_key(|it| it.rule);
        answers
    }

    /// What evidence that satisfies a rule says was built, whatever it is about.
    pub fn built(&self) -> BTreeSet<Built> {
        let said = self.measured.iter().flatten().filter_map(|it| match it {
            Measured::Says(said) if said.reasons.is_empty() => said.built(),
            _ => None,
        });
        said.collect()
    }

    /// What the rules say of a commit that was asked for by its name, by the evidence that is about it.
    pub fn answers_of_commit(&self, built: &Built) -> Vec<RuleAnswer> {
        let about = self.about_commit(&built.commit);
        let only = BTreeSet::from([built.clone()]);
        let rules = self.rules.rules().iter().enumerate();
        let answer = |(index, rule): (usize, &Rule)| {
            if rule.kind().is_about_commit() {
                self.answer_of_commits(index, rule, &only)
            } else if rule.kind().is_layout() {
                self.answer_of_layout(index, rule, &[], None)
            } else {
                self.answer(index, &about, &[]).0
            }
        };
        rules.map(answer).collect()
    }

    fn about_commit(&self, commit: &str) -> Vec<usize> {
        let is_about = |it: &Evidence| {
            let mut subjects = it.statement().into_iter().flat_map(Statement::subjects);
            subjects.any(|it| review::commit_of(it).is_some_and(|it| it.as_str() == commit))
        };
        let evidence = self.evidence.iter().enumerate();
        let about = evidence.filter(|(_, it)| is_about(it));
        about.map(|(place, _)| place).collect()
    }

    /// What a rule about the commit says: each that was built must satisfy it.
    fn answer_of_commits(
        &self,
        index: usize,
        rule: &Rule,
        commits: &BTreeSet<Built>,
    ) -> RuleAnswer {
        let mut all = RuleAnswer::of(index);
        let refuse = |code, found: String| Reason::new(code, found, rule.asks());
        if commits.is_empty() {
            let found = "no provenance that satisfies names one".to_owned();
            all.reasons.push(refuse("commit-unknown", found));
        }
        for built in commits {
            let commit = &built.commit;
            if commit.len() == SHA1_DIGITS && !self.rules.closure.allows_git_sha1() {
                all.reasons
                    .push(refuse("commit-not-accepted", commit.clone()));
                continue;
            }
            let answer = match rule.kind().git() {
                Some(kind) => self.answer_of_git(index, rule, kind, built),
                None => self.answer(index, &self.about_commit(commit), &[]).0,
            };
            all.found.push(format!("commit {commit}"));
            all.reasons.extend(answer.reasons);
            all.by.extend(answer.by);
            all.found.extend(answer.found);
            all.passed_over.extend(answer.passed_over);
        }
        all
    }

    /// What one rule says, and which commits evidence that satisfies it says were built.
    fn answer(&self, rule: usize, about: &[usize], digests: &[Digest]) -> (RuleAnswer, Vec<Built>) {
        let mut answer = RuleAnswer::of(rule);
        let mut commits = Vec::new();
        let (Some(measured), Some(asks), Some(signers)) = (
            self.measured.get(rule),
            self.rules.rules().get(rule),
            self.rules.signers.get(rule),
        ) else {
            return (answer, commits);
        };
        let says = |it: &usize| match measured.get(*it) {
            Some(Measured::Says(said)) => Some(said),
            _ => None,
        };
        // Of a build that somebody watched, who only packaged the result has nothing to add.
        let watched = about.iter().filter_map(says).any(|it| !it.is_packaging);
        let mut selected = Vec::new();
        for index in about {
            match measured.get(*index) {
                Some(Measured::Says(said)) if watched && said.is_packaging => {
                    let contradicts = |it: &&Reason| !SAYS_NOTHING.contains(&it.code());
                    let contradictions = said.reasons.iter().filter(contradicts);
                    answer.reasons.extend(contradictions.cloned());
                }
                Some(Measured::Says(said)) => {
                    answer.by.push(*index);
                    answer.found.extend(said.found.iter().cloned());
                    answer.reasons.extend(said.reasons.iter().cloned());
                    commits.extend(said.built());
                    answer.level = match (answer.level, said.level) {
                        (Some(one), Some(other)) => Some(one.min(other)),
                        (one, other) => one.or(other),
                    };
                    if let (false, Specific::Scan(deny)) = (said.denied.is_empty(), &asks.specific)
                    {
                        let exceptions = Exceptions {
                            documents: self.exceptions(rule, *index, about, digests),
                            signers: self.rules.excepting.get(rule).and_then(Option::as_ref),
                            digests: digests.to_vec(),
                        };
                        let (excepted, reasons) = deny.judge(&said.denied, &exceptions);
                        answer.found.extend(excepted);
                        answer.reasons.extend(reasons);
                    }
                    selected.extend(self.evidence.get(*index).copied());
                }
                Some(Measured::Unfit(reason)) => {
                    answer.passed_over.push((*index, reason.clone()));
                }
                Some(Measured::Other) | None => {}
            }
        }
        if answer.by.is_empty() {
            answer.reasons.push(none_counts(asks, &answer.passed_over));
        } else if answer.reasons.is_empty()
            && let Err(reason) = signers.enough(&selected)
        {
            answer.reasons.push(reason);
        }
        (answer, commits)
    }

    /// What those who may except findings say about the subject; if that is a release as a whole, about
    /// all that was scanned.
    fn exceptions(
        &self,
        rule: usize,
        scan: usize,
        about: &[usize],
        digests: &[Digest],
    ) -> Vec<&'r Evidence> {
        let Some(Some(signers)) = self.rules.excepting.get(rule) else {
            return Vec::new();
        };
        let of = about.iter().filter_map(|it| self.evidence.get(*it));
        let scan = self.evidence.get(scan).and_then(|it| it.statement());
        of.filter(|it| signers.admit(it).is_ok())
            .filter(|it| !digests.is_empty() || is_about_all(it.statement(), scan))
            .copied()
            .collect()
    }
}

/// What is lacking in provenance of a packaging, because it is of no build, and contradicts none.
const SAYS_NOTHING: [&str; 3] = ["builder-mismatch", "slsa-level-low", "source-missing"];

impl RuleAnswer {
    pub(super) const fn of(rule: usize) -> Self {
        Self {
            rule,
            reasons: Vec::new(),
            by: Vec::new(),
            found: Vec::new(),
            level: None,
            passed_over: Vec::new(),
        }
    }

    /// Whether the rule passed.
    pub fn passed(&self) -> bool {
        self.reasons.is_empty()
    }
}

/// Adds a commit, of which no ref is known, unless provenance has named it already.
fn add_source(commits: &mut BTreeSet<Built>, source: &str) {
    if commits.iter().any(|it| it.commit == source) {
        return;
    }
    commits.insert(Built {
        commit: source.to_owned(),
        reference: None,
    });
}

/// Whether a statement is about everything that another one is about.
fn is_about_all(statement: Option<&Statement>, other: Option<&Statement>) -> bool {
    let (Some(statement), Some(other)) = (statement, other) else {
        return false;
    };
    let named = |digests: &DigestSet| {
        let mut subjects = statement.subjects().iter();
        subjects.any(|it| {
            it.digests()
                .iter()
                .any(|it| digests.get(it.algorithm()) == Some(it))
        })
    };
    other.subjects().iter().all(|it| named(it.digests()))
}

/// Why nothing counts: what is nearest to it, else that there is nothing.
pub(super) fn none_counts(rule: &Rule, passed_over: &[(usize, Reason)]) -> Reason {
    if let [(_, reason)] = passed_over {
        return reason.clone();
    }
    // One release was asked for, and all are of others.
    let is_another = |(_, it): &(usize, Reason)| it.code() == "release-mismatch";
    if let Some((_, reason)) = passed_over
        .first()
        .filter(|_| passed_over.iter().all(is_another))
    {
        return reason.clone();
    }
    let found = match passed_over.len() {
        0 => "none".to_owned(),
        count => format!("{count} that do not count"),
    };
    Reason::new("attestation-missing", found, rule.asks())
}

/// A commit that is named by its SHA-1 has so many digits.
const SHA1_DIGITS: usize = 40;
