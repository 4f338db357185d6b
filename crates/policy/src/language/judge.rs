//! Evidence against rules. First is selected what counts: of the type, by an accepted signer whose key
//! was good, logged and timed and as fresh as the rule asks. Then everything that was selected must say
//! what the rule wants; and none selected fails.
//!
//! What anyone can take off a bundle (an entry in a log, a time) decides only whether it counts. What
//! the signer wrote decides whether it says yes. So nobody but an accepted signer can change an answer
//! by adding evidence.

mod fits;
mod git;
mod inquiry;
mod layout;
mod release;
mod says;

use attest_digest::{Algorithm, Checksums, Digest, DigestSet};
use attest_provenance::Statement;
use attest_verify::Evidence;
use jiff::Timestamp;

use super::Accepts;
use super::closure::Closure;
use super::layout::LayoutPiece;
use super::rule::{Each, Rule};
use super::specific::Said;
use crate::lone::Bytes;
use crate::policy::IMAGE_SIGNED;
use crate::reason::Reason;
use crate::signers::{Denied, KeyValidity, LogRule, Member, Signers, SignersError};
use crate::slsa::SlsaExpectations;
use fits::fits;
pub use git::GitPiece;
pub use inquiry::Built;
pub use layout::{AskedLayout, LayoutFault};
use says::{refers_to_bill, says};

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
    /// Whether its keys are one person's, one after the other: however many sign, they count for one.
    pub has_one_holder: bool,
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
    /// Each group by itself, whether or not a rule names it.
    groups: Vec<(String, Signers)>,
    /// The layouts that rules ask for.
    layouts: Vec<AskedLayout>,
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
    /// Commits and tags, which only rules about them ask.
    git: Vec<&'r GitPiece>,
    /// What came of the layouts that rules ask for.
    layouts: &'r [LayoutPiece],
    now: Timestamp,
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
    /// The build level that all evidence that counted shows, if it shows one.
    pub level: Option<u8>,
    /// Evidence that would have counted, and why it did not.
    pub passed_over: Vec<(usize, Reason)>,
}

impl Group {
    /// When its keys are good, those that are at hand and those that are not.
    fn known_of_keys(&self) -> impl Iterator<Item = ([u8; 32], KeyValidity)> {
        let members = self.members.iter();
        let members = members.filter_map(|it| Some((it.signer.fingerprint()?, it.validity)));
        self.windows.iter().copied().chain(members)
    }
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
        let finish = |mut signers: Signers| {
            // What is known of a key holds in whatever group it stands.
            for (pin, validity) in groups.iter().flat_map(Group::known_of_keys) {
                signers = signers.limiting(pin, validity);
            }
            let members = groups.iter().flat_map(|it| &it.members);
            let signers = signers.learning(members.map(|it| &it.signer));
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
        // One that can never be satisfied is nobody, until a rule names it and is refused above.
        let alone = |group: &Group| {
            let signers = add(Signers::nobody(), group, group.threshold).ok()?;
            Some((group.name.clone(), finish(signers)))
        };
        let layouts = layout::asked(&closure, groups, denied);
        let groups = groups.iter().filter_map(alone).collect();
        Ok(Self {
            closure,
            signers,
            excepting,
            everybody,
            groups,
            layouts,
        })
    }

    /// The layouts that rules ask for.
    pub fn layouts(&self) -> &[AskedLayout] {
        &self.layouts
    }

    /// Those whom the policy trusts under a name, whether or not a rule names them.
    pub fn group(&self, name: &str) -> Option<&Signers> {
        let found = self.groups.iter().find(|(it, _)| it == name);
        found.map(|(_, signers)| signers)
    }

    /// The same for signatures of git, which the policy may accept without a log entry.
    pub fn group_of_git(&self, name: &str) -> Option<Signers> {
        let signers = self.group(name)?.clone();
        Some(if self.closure.accepts(Accepts::GitUnlogged) {
            signers.leaving_logs_to_the_run()
        } else {
            signers
        })
    }

    /// Asks more of every rule about builds than the policy does, never less: what `expect` makes of its
    /// expectations must hold as well. How many such rules there are.
    ///
    /// # Errors
    /// What `expect` says.
    pub fn tighten<E>(
        &mut self,
        words: &[String],
        expect: &dyn Fn(SlsaExpectations) -> Result<SlsaExpectations, E>,
    ) -> Result<usize, E> {
        self.closure.tighten(words, expect)
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

    /// Whether a signed checksums file lists these bytes, by digests that the policy accepts.
    ///
    /// # Errors
    /// As [`Self::counts_for_a_list`]; `subject-missing` when it lists other files.
    pub fn lists(
        &self,
        checksums: &Checksums,
        signed: &Evidence,
        bytes: Bytes<'_>,
    ) -> Result<(), Reason> {
        self.counts_for_a_list(signed, checksums.algorithm())?;
        crate::checksums_names(checksums, bytes, None).map(|_| ())
    }

    /// Whether evidence that signs a checksums file counts for the files that it lists by digests of this
    /// algorithm: a signature over its bytes does. What a statement says of a list, it says of no file in it.
    ///
    /// # Errors
    /// `subject-missing` for a statement; `digest-incomparable` when the policy does not accept the algorithm
    /// of the list, or that of what was signed.
    pub fn counts_for_a_list(&self, signed: &Evidence, listed: Algorithm) -> Result<(), Reason> {
        if let Some(statement) = signed.statement() {
            let wanted = "a statement about the listed file itself";
            let found = format!("{} about a list", statement.predicate_type());
            return Err(Reason::new("subject-missing", found, wanted));
        }
        let accepted = self.closure.digests();
        let signed = signed.message_digest().map(Digest::algorithm);
        match signed
            .into_iter()
            .chain([listed])
            .find(|it| !accepted.contains(it))
        {
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

    /// Whether evidence counts for a rule that asks for an independent time.
    pub fn need_independent_time(&self, evidence: &Evidence, now: Timestamp) -> bool {
        let mut rules = self.rules().iter().zip(&self.signers);
        rules.any(|(rule, signers)| {
            let counts = || self.measure(rule, signers, evidence, now, false);
            rule.independent_time && matches!(counts(), Measured::Says(_))
        })
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
            git: Vec::new(),
            layouts: &[],
            now,
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
        let refers = || statement.is_some_and(|it| refers_to_bill(rule, it));
        if !rule.kind().is(found) && !signs_image && !refers() {
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
    let signers = signers.or_group(members, group.unknown, threshold, group.log)?;
    Ok(if group.has_one_holder {
        signers.with_one_holder()
    } else {
        signers
    })
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
