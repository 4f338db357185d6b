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
        let rules = || self.rules.rules().iter().enumerate();
        let asked = |rule: &Rule| each.is_none_or(|it| it == rule.each());
        let mut commits = BTreeSet::new();
        let mut answers = Vec::new();
        for (index, rule) in rules().filter(|(_, rule)| !rule.kind().is_about_commit()) {
            let (answer, built) = self.answer(index, about, digests);
            if answer.passed() {
                commits.extend(built);
            }
            if asked(rule) {
                answers.push(answer);
            }
        }
        for (index, rule) in rules().filter(|(_, rule)| rule.kind().is_about_commit()) {
            if asked(rule) {
                answers.push(self.answer_of_commits(index, rule, &commits));
            }
        }
        answers.sort_by_key(|it| it.rule);
        answers
    }

    /// What a rule about the commit says: each that was built must satisfy it.
    fn answer_of_commits(
        &self,
        index: usize,
        rule: &Rule,
        commits: &BTreeSet<String>,
    ) -> RuleAnswer {
        let mut all = RuleAnswer::of(index);
        let refuse = |code, found: String| Reason::new(code, found, rule.asks());
        if commits.is_empty() {
            let found = "no provenance that satisfies names one".to_owned();
            all.reasons.push(refuse("commit-unknown", found));
        }
        for commit in commits {
            if commit.len() == SHA1_DIGITS && !self.rules.closure.allows_git_sha1() {
                all.reasons
                    .push(refuse("commit-not-accepted", commit.clone()));
                continue;
            }
            let is_about = |it: &&Evidence| {
                let mut subjects = it.statement().into_iter().flat_map(Statement::subjects);
                subjects.any(|it| {
                    let named = review::commit_of(it);
                    named.is_some_and(|it| it.as_str() == commit)
                })
            };
            let evidence = self.evidence.iter().enumerate();
            let about: Vec<usize> = evidence
                .filter(|(_, it)| is_about(it))
                .map(|(place, _)| place)
                .collect();
            let (answer, _) = self.answer(index, &about, &[]);
            all.found.push(format!("commit {commit}"));
            all.reasons.extend(answer.reasons);
            all.by.extend(answer.by);
            all.found.extend(answer.found);
            all.passed_over.extend(answer.passed_over);
        }
        all
    }

    /// What one rule says, and which commits evidence that satisfies it says were built.
    fn answer(
        &self,
        rule: usize,
        about: &[usize],
        digests: &[Digest],
    ) -> (RuleAnswer, Vec<String>) {
        let mut answer = RuleAnswer::of(rule);
        let mut commits = Vec::new();
        let (Some(measured), Some(asks), Some(signers)) = (
            self.measured.get(rule),
            self.rules.rules().get(rule),
            self.rules.signers.get(rule),
        ) else {
            return (answer, commits);
        };
        let mut selected = Vec::new();
        for index in about {
            match measured.get(*index) {
                Some(Measured::Says(said)) => {
                    answer.by.push(*index);
                    answer.found.extend(said.found.iter().cloned());
                    answer.reasons.extend(said.reasons.iter().cloned());
                    commits.extend(said.commit.iter().cloned());
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

impl RuleAnswer {
    const fn of(rule: usize) -> Self {
        Self {
            rule,
            reasons: Vec::new(),
            by: Vec::new(),
            found: Vec::new(),
            passed_over: Vec::new(),
        }
    }

    /// Whether the rule passed.
    pub fn passed(&self) -> bool {
        self.reasons.is_empty()
    }
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
fn none_counts(rule: &Rule, passed_over: &[(usize, Reason)]) -> Reason {
    if let [(_, reason)] = passed_over {
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
