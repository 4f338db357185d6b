//! Evidence against rules. First is selected what counts: of the type, by an accepted signer whose key
//! was good, logged and timed and as fresh as the rule asks. Then everything that was selected must say
//! what the rule wants; and none selected fails.
//!
//! What anyone can take off a bundle (an entry in a log, a time) decides only whether it counts. What
//! the signer wrote decides whether it says yes. So nobody but an accepted signer can change an answer
//! by adding evidence.

use std::collections::BTreeSet;

use attest_digest::{Algorithm, Digest, DigestSet};
use attest_provenance::predicate::review;
use attest_provenance::{Statement, json};
use attest_verify::{Evidence, ProvenLog, ProvenTime};
use jiff::Timestamp;

use super::closure::Closure;
use super::rule::{Each, Rule};
use super::specific::{Exceptions, Said, Specific};
use crate::lone::Bytes;
use crate::policy::IMAGE_SIGNED;
use crate::reason::Reason;
use crate::signers::{Denied, KeyValidity, LogRule, Member, Signers, SignersError};

/// A named signer of a policy, found: who belongs to it.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Who belongs to it and is at hand.
    pub members: Vec<Member>,
    /// Keys that belong to it and are not at hand.
    pub unknown: usize,
    /// How many different ones must approve.
    pub threshold: usize,
    /// What it asks of the log.
    pub log: LogRule,
    /// When keys of it are good, by the SHA-256 of their `SubjectPublicKeyInfo`.
    pub windows: Vec<([u8; 32], KeyValidity)>,
}

/// A policy whose signers are known.
#[derive(Debug, Clone)]
pub struct Rules {
    closure: Closure,
    /// Of each rule those who may sign.
    signers: Vec<Signers>,
    /// Of each rule those who may say that a finding does no harm.
    excepting: Vec<Option<Signers>>,
    /// Everybody whom a rule names.
    everybody: Signers,
}

/// Why a policy cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{error}", rule.as_ref().map(|it| format!("rule {it:?}: ")).unwrap_or_default())]
pub struct RulesError {
    rule: Option<String>,
    error: SignersError,
}

/// What evidence is asked about: bytes, and under which paths they are here.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The bytes.
    pub bytes: Bytes<'a>,
    /// In a folder, the path: evidence that signs these bytes for other paths only is not about it.
    pub path: Option<&'a str>,
}

/// Evidence as all rules see it, each piece measured once.
#[derive(Debug)]
pub struct Inquiry<'r> {
    rules: &'r Rules,
    evidence: Vec<&'r Evidence>,
    /// For each rule, for each piece of evidence.
    measured: Vec<Vec<Measured>>,
}

/// What a rule makes of a piece of evidence.
#[derive(Debug)]
enum Measured {
    /// It is of another type, or of somebody whom the rule does not name.
    Other,
    /// It would count, if it were fresh, logged and timed as the rule asks.
    Unfit(Reason),
    /// It counts, and says this: what is wanted, if there are no reasons.
    Says(Said),
}

/// The answer of one rule about one subject.
#[derive(Debug, Clone)]
pub struct RuleAnswer {
    /// Its place among the rules.
    pub rule: usize,
    /// Why not; nothing when it passed.
    pub reasons: Vec<Reason>,
    /// The evidence that counted, as places in what was asked.
    pub by: Vec<usize>,
    /// The values found that satisfy.
    pub found: Vec<String>,
    /// Evidence that would have counted, and why it did not.
    pub passed_over: Vec<(usize, Reason)>,
}

impl Rules {
    /// A policy with its signers.
    ///
    /// # Errors
    /// A rule wants more signers than there are.
    pub fn new(
        closure: Closure,
        groups: &[Group],
        denied: &Denied,
        independent: &[String],
    ) -> Result<Self, RulesError> {
        let finish = |signers: Signers| {
            let declared = closure.independent().iter().chain(independent).cloned();
            signers.denying(denied.clone()).with_independent(declared)
        };
        let of = |rule: &Rule, names: &[String], threshold: Option<usize>| {
            let fault = |error| RulesError {
                rule: Some(rule.title()),
                error,
            };
            let mut signers = Signers::nobody();
            for group in groups.iter().filter(|it| names.contains(&it.name)) {
                signers = add(signers, group, group.threshold).map_err(fault)?;
            }
            if let Some(threshold) = threshold {
                signers = signers.requiring(threshold).map_err(fault)?;
            }
            Ok(finish(signers))
        };
        let of_rule = |rule: &Rule| of(rule, &rule.signed_by, rule.threshold);
        let excepting = |rule: &Rule| match rule.specific.excepting() {
            [] => Ok(None),
            names => of(rule, names, None).map(Some),
        };
        let rules = closure.rules().iter();
        let excepting = rules.map(excepting).collect::<Result<Vec<_>, _>>()?;
        let signers = closure
            .rules()
            .iter()
            .map(of_rule)
            .collect::<Result<Vec<_>, _>>()?;
        let named = |group: &&Group| {
            let mut rules = closure.rules().iter();
            rules.any(|rule| rule.signers_named().any(|it| it == group.name))
        };
        let mut everybody = Signers::nobody();
        for group in groups.iter().filter(named) {
            everybody =
                add(everybody, group, 1).map_err(|error| RulesError { rule: None, error })?;
        }
        let everybody = finish(everybody);
        Ok(Self {
            closure,
            signers,
            excepting,
            everybody,
        })
    }

    /// The policy with all that it includes.
    pub const fn closure(&self) -> &Closure {
        &self.closure
    }

    /// The rules, in the order in which they stand.
    pub fn rules(&self) -> &[Rule] {
        self.closure.rules()
    }

    /// Everybody whose evidence a rule may ask for.
    pub const fn everybody(&self) -> &Signers {
        &self.everybody
    }

    /// Whether evidence is about these bytes.
    ///
    /// # Errors
    /// As [`statement_signs_for`](crate::statement_signs_for), and `digest-incomparable`.
    pub fn is_about(&self, evidence: &Evidence, subject: Subject<'_>) -> Result<(), Reason> {
        let accepted = self.closure.digests();
        if let Some(statement) = evidence.statement() {
            return about(statement, subject, accepted);
        }
        // The verifier has compared it with these very bytes.
        let algorithm = evidence.message_digest().map(Digest::algorithm);
        match algorithm.filter(|it| !accepted.contains(it)) {
            Some(found) => Err(not_accepted(found.name(), accepted)),
            None => Ok(()),
        }
    }

    /// Whether a piece of evidence by itself counts for a rule about each file, and says what that wants:
    /// then the names that it signs are those of the files.
    ///
    /// # Errors
    /// Why it does not: of the rule that is nearest to it.
    pub fn admit(&self, evidence: &Evidence, now: Timestamp) -> Result<(), Reason> {
        let mut why = None;
        let rules = self.rules().iter().zip(&self.signers);
        for (rule, signers) in rules.filter(|(rule, _)| rule.each() == Each::File) {
            match self.measure(rule, signers, evidence, now, false) {
                Measured::Says(said) if said.reasons.is_empty() => return Ok(()),
                Measured::Says(said) => why = said.reasons.into_iter().next().or(why),
                Measured::Unfit(reason) => why = why.or(Some(reason)),
                Measured::Other => {}
            }
        }
        Err(why.unwrap_or_else(|| {
            let found = evidence.statement().map(Statement::predicate_type);
            let wanted: Vec<String> = self.rules().iter().map(Rule::asks).collect();
            let found = found.unwrap_or("a signature over bytes");
            Reason::new("predicate-not-requested", found, wanted.join(", or "))
        }))
    }

    /// Measures evidence by every rule. Of an image cosign's own statement counts as a signature.
    pub fn inquire<'r>(
        &'r self,
        evidence: Vec<&'r Evidence>,
        now: Timestamp,
        of_image: bool,
    ) -> Inquiry<'r> {
        let measure = |(rule, signers): (&Rule, &Signers)| {
            let evidence = evidence.iter();
            let measure = |it: &&Evidence| self.measure(rule, signers, it, now, of_image);
            evidence.map(measure).collect()
        };
        let measured = self
            .rules()
            .iter()
            .zip(&self.signers)
            .map(measure)
            .collect();
        Inquiry {
            rules: self,
            evidence,
            measured,
        }
    }

    fn measure(
        &self,
        rule: &Rule,
        signers: &Signers,
        evidence: &Evidence,
        now: Timestamp,
        of_image: bool,
    ) -> Measured {
        let statement = evidence.statement();
        let found = statement.map(Statement::predicate_type);
        let signs_image = of_image && rule.kind().is_signature() && found == Some(IMAGE_SIGNED);
        if !rule.kind().is(found) && !signs_image {
            return Measured::Other;
        }
        if let Err(reason) = signers.admit(evidence) {
            return match reason.code() {
                "signer-mismatch" => Measured::Other,
                _ => Measured::Unfit(reason),
            };
        }
        if let Err(reason) = fits(rule, signers, evidence, now) {
            return Measured::Unfit(reason);
        }
        let mut said = Said::default();
        if let Some(statement) = statement {
            said = rule
                .specific
                .ask(evidence, statement, self.closure.builders());
            for answer in says(rule, statement) {
                match answer {
                    Ok(value) => said.found.push(value),
                    Err(reason) => said.reasons.push(reason),
                }
            }
        }
        said.found.push(format!("signed by {}", evidence.signer()));
        Measured::Says(said)
    }
}

/// Adds a group.
fn add(mut signers: Signers, group: &Group, threshold: usize) -> Result<Signers, SignersError> {
    for (pin, validity) in &group.windows {
        signers = signers.limiting(*pin, *validity);
    }
    let members = group.members.clone();
    signers.or_group(members, group.unknown, threshold, group.log)
}

/// Whether evidence is as fresh as the rule asks, and logged and timed by whom it asks.
fn fits(rule: &Rule, signers: &Signers, evidence: &Evidence, now: Timestamp) -> Result<(), Reason> {
    let mut logs = evidence.logs().iter();
    if rule.independent_log
        && !logs.any(|it| it.is_proven() && signers.is_independent_log(it.origin()))
    {
        let found: Vec<&str> = evidence.logs().iter().map(ProvenLog::origin).collect();
        let found = if found.is_empty() {
            "no log".to_owned()
        } else {
            found.join(", ")
        };
        return Err(Reason::new(
            "log-not-independent",
            found,
            "a log that is declared independent",
        ));
    }
    let mut times = evidence.times().iter();
    if rule.independent_time && !times.any(|it| signers.is_independent(it)) {
        let found: Vec<&str> = evidence.times().iter().map(ProvenTime::authority).collect();
        let found = if found.is_empty() {
            "no time".to_owned()
        } else {
            found.join(", ")
        };
        return Err(Reason::new(
            "time-not-independent",
            found,
            "a time that is declared independent",
        ));
    }
    let Some(age) = rule.max_age else {
        return Ok(());
    };
    let wanted = format!("not older than {age} at {now}");
    // The earliest: that it was there later says nothing about when it was made.
    let Some(earliest) = evidence.times().iter().min_by_key(|it| it.time()) else {
        return Err(Reason::new("time-missing", "no trusted time", wanted));
    };
    if !age.covers(earliest.time(), now) {
        let found = format!("{} by {}", earliest.time(), earliest.authority());
        return Err(Reason::new("evidence-too-old", found, wanted));
    }
    match own_time(evidence.statement()) {
        Some((field, Ok(time))) if !age.covers(time, now) => Err(Reason::new(
            "evidence-too-old",
            format!("{field} is {time}"),
            wanted,
        )),
        Some((field, Err(found))) => Err(Reason::new(
            "evidence-too-old",
            format!("{field} is {found}"),
            wanted,
        )),
        _ => Ok(()),
    }
}

/// When the signer says that it was made: a timestamp can be made again, over an old signature.
fn own_time(statement: Option<&Statement>) -> Option<(&'static str, Result<Timestamp, String>)> {
    let predicate = statement?.predicate();
    OWN_TIMES.iter().find_map(|(pointer, field)| {
        let value = predicate.pointer(pointer)?;
        let time = value.as_str().and_then(|it| it.parse().ok());
        Some((*field, time.ok_or_else(|| super::condition::quoted(value))))
    })
}

/// Fields in which predicates say when they were made.
const OWN_TIMES: &[(&str, &str)] = &[
    ("/metadata/scanFinishedOn", "metadata.scanFinishedOn"),
    ("/timeVerified", "timeVerified"),
    ("/timeCreated", "timeCreated"),
    ("/reviewedOn", "reviewedOn"),
    (
        "/runDetails/metadata/finishedOn",
        "runDetails.metadata.finishedOn",
    ),
    ("/metadata/buildFinishedOn", "metadata.buildFinishedOn"),
];

/// What a statement says to each thing that the rule wants of it.
fn says(rule: &Rule, statement: &Statement) -> Vec<Result<String, Reason>> {
    let predicate = statement.predicate();
    let mut answers = Vec::new();
    let verdict = rule.kind().verdict_field();
    if let Some(field) = verdict.filter(|it| !rule.conditions.iter().any(|on| on.is_on(it))) {
        answers.push(match predicate.get(field) {
            Some(found) if found.as_str() == Some("PASSED") => Ok(format!("{field} \"PASSED\"")),
            Some(found) => {
                let found = format!("{field} {}", super::condition::quoted(found));
                Err(Reason::new(
                    "predicate-field-mismatch",
                    found,
                    format!("{field} is \"PASSED\""),
                ))
            }
            None => {
                let found = format!("no {field} in the predicate");
                Err(Reason::new(
                    "predicate-field-missing",
                    found,
                    format!("{field} is \"PASSED\""),
                ))
            }
        });
    }
    answers.extend(failed_tests(rule, predicate).map(Err));
    answers.extend(rule.conditions.iter().map(|it| it.judge(predicate)));
    answers
}

/// A result that says PASSED and lists tests that failed contradicts itself; what to make of these only
/// a condition on them can say.
fn failed_tests(rule: &Rule, predicate: &json::Value) -> Option<Reason> {
    let verdict = rule.kind().verdict_field()?;
    let passed = predicate.get(verdict)?.as_str() == Some("PASSED");
    let failed = predicate.get(FAILED_TESTS).filter(|it| !it.is_null())?;
    let is_none = failed.as_array().is_some_and(Vec::is_empty);
    if !passed || is_none || rule.conditions.iter().any(|it| it.is_on(FAILED_TESTS)) {
        return None;
    }
    Some(Reason::new(
        "predicate-field-mismatch",
        format!("{FAILED_TESTS} {}", super::condition::quoted(failed)),
        format!("{FAILED_TESTS} is empty"),
    ))
}

/// The field of a test result that lists what failed.
const FAILED_TESTS: &str = "failedTests";

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

/// Whether a statement is about a subject, by a digest that is accepted.
fn about(
    statement: &Statement,
    subject: Subject<'_>,
    accepted: &[Algorithm],
) -> Result<(), Reason> {
    match subject.path {
        Some(path) => crate::statement_signs_for(statement, subject.bytes, &[path])?,
        None => {
            crate::statement_names(statement, subject.bytes, None)?;
        }
    }
    let suffices = |digests: &DigestSet| {
        digests.iter().any(|it| accepted.contains(&it.algorithm())) && subject.bytes.is(digests)
    };
    let fits = |name: Option<&str>| match (subject.path, name) {
        (Some(path), Some(name)) => path == name,
        _ => true,
    };
    let mut subjects = statement.subjects().iter();
    if subjects.any(|it| fits(it.name()) && suffices(it.digests())) {
        return Ok(());
    }
    Err(not_accepted("other digests", accepted))
}

fn not_accepted(found: &str, accepted: &[Algorithm]) -> Reason {
    let wanted: Vec<&str> = accepted.iter().map(|it| it.name()).collect();
    Reason::new("digest-incomparable", found, wanted.join(" or "))
}

/// A commit that is named by its SHA-1 has so many digits.
const SHA1_DIGITS: usize = 40;
