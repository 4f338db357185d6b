//! `--policy`: all evidence of a subject is verified against the signers of the policy, then judged by
//! each rule.

mod chain;
mod files;
mod git;
mod layout;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use attest_digest::{Algorithm, Artifact, Digest};
use attest_policy::{
    Accepts, Bytes, Decision, Inquiry, LayoutPiece, Policy, Rule, RuleAnswer, Rules,
    Subject as About, checksums_names,
};
use attest_verify::{Accept, Evidence, Subject, Verifier};
use jiff::Timestamp;

use super::evidence::{Role, bundles_at_top, places_for};
use super::file::{self, file_name, signed_checksums};
use super::shelf::Shelf;
use super::subject::Subject as Asked;
use super::{Session, VerifyArgs};
use crate::args::{PolicyArgs, TrustArgs};
use crate::clock::Now;
use crate::failure::{Exit, Failure};
use crate::report::{FileReport, PolicyReport, Refusal, RuleReport, SubjectReport, Verdict};
use crate::trust::policy::Named;
use crate::trust::{self, Surroundings, Trust};
pub(super) use chain::{Followed, of_chain};
pub(super) use files::{of_folder, of_list};
pub(super) use git::{Answer as GitAnswer, of_git};

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

/// The policy that `--policy` names, and whom and what it trusts.
pub(super) fn named(
    args: &VerifyArgs,
    place: &str,
    subjects: &[Asked],
    around: &Surroundings,
    now: Now,
) -> Result<(Trust, Accept, Judge), Failure> {
    refuse_conflicts(args)?;
    let is_git = |it: &Asked| matches!(it, Asked::Git { .. } | Asked::GitObject(_));
    let repository = args.deployed.source_repository.clone();
    let request = Request {
        flags: &args.policy,
        trust: &args.trust,
        place,
        links: args.layout.chain.links.as_deref(),
        around,
        now,
    };
    let tighten = |rules: &mut Rules| args.build.tighten(rules);
    let check = |rules: &Rules| {
        git::refuse_without_repository(
            rules.ask_git(),
            repository.as_deref(),
            subjects.iter().all(is_git),
            args.deployed.deployed,
        )
    };
    request.judge(repository.clone(), tighten, check)
}

/// The policy that a command on archived releases names, and whom and what it trusts.
///
/// # Errors
/// `policy-conflict` for flags that say whom to accept; `repository-required` for a policy with rules about
/// commits; as for `attest verify`.
pub(crate) fn of_archive(
    flags: &PolicyArgs,
    trust: &TrustArgs,
    independent: &[String],
    place: &str,
    around: &Surroundings,
    now: Now,
) -> Result<(Trust, Accept, Judge), Failure> {
    let given = given_signers(flags, trust);
    let given = given
        .into_iter()
        .chain([("--independent", !independent.is_empty())]);
    refuse_given(given)?;
    let request = Request {
        flags,
        trust,
        place,
        links: None,
        around,
        now,
    };
    request.judge(
        None,
        |_| Ok(()),
        |rules| git::refuse_without_repository(rules.ask_git(), None, false, false),
    )
}

/// What flags say of a policy.
struct Request<'a> {
    flags: &'a PolicyArgs,
    trust: &'a TrustArgs,
    place: &'a str,
    links: Option<&'a Path>,
    around: &'a Surroundings,
    now: Now,
}

impl Request<'_> {
    fn judge(
        &self,
        repository: Option<PathBuf>,
        tighten: impl FnOnce(&mut Rules) -> Result<(), Failure>,
        check: impl FnOnce(&Rules) -> Result<(), Failure>,
    ) -> Result<(Trust, Accept, Judge), Failure> {
        let Self { around, now, .. } = *self;
        let mut named = trust::policy::named(self.flags, self.place, around, now)?;
        let (trust, mut rules) = named.resolve(self.trust, around, now)?;
        tighten(&mut rules)?;
        refuse_old_trust(&named, &trust, now)?;
        let signed_by = match &self.flags.policy_key {
            Some(key) => Some(check_signature(
                &named, key, self.trust, &trust, around, now,
            )?),
            None => None,
        };
        let (layouts, layout_notes) = layout::proven(&rules, self.links, now)?;
        check(&rules)?;
        // Last: only what may be judged by is remembered.
        if let Some(state) = &self.flags.state {
            named.remember(state, around)?;
        }
        let accept = named.accept(&rules);
        let git = git_verifier(&named, &trust, accept, now)?;
        let judge = Judge {
            named,
            rules,
            now: now.time,
            signed_by,
            git,
            repository,
            layouts,
            layout_notes,
        };
        Ok((trust, accept, judge))
    }
}

fn git_verifier(
    named: &Named,
    trust: &Trust,
    accept: Accept,
    now: Now,
) -> Result<Verifier, Failure> {
    let unlogged = named.closure.accepts(Accepts::GitUnlogged);
    let of_git = Accept {
        no_log: accept.no_log || unlogged,
        no_time: accept.no_time || unlogged,
        ..accept
    };
    Verifier::new(trust.roots.clone(), now.time, of_git)
        .map_err(|error| Failure::request("trusted-root-malformed", error))
}

/// Roots that are older than the policy takes, or of which nobody knows how old they are.
fn refuse_old_trust(named: &Named, trust: &Trust, now: Now) -> Result<(), Failure> {
    let Some(most) = named.closure.max_trust_age() else {
        return Ok(());
    };
    let roots = trust.lines.iter().filter(|it| it.what == "trusted root");
    for root in roots {
        let taken = root
            .taken
            .and_then(|day| format!("{day}T00:00:00Z").parse().ok());
        let found = match taken {
            Some(taken) if most.covers(taken, now.time) => continue,
            Some(taken) => format!("was taken {taken}"),
            None => "is a file, of which nobody knows when it was taken".to_owned(),
        };
        let message = format!(
            "the trusted root {} {found}; the policy takes none older than {most}",
            root.place
        );
        return Err(Failure::request("trust-too-old", message).hint(
            "a newer attest embeds newer roots; a root of your own is pinned, and not aged",
        ));
    }
    Ok(())
}

/// Flags beside a policy can only ask for more.
fn refuse_conflicts(args: &VerifyArgs) -> Result<(), Failure> {
    let given = [
        ("--independent", !args.independent.is_empty()),
        ("--allow-extra", !args.allow_extra.is_empty()),
        ("--ignore-missing", args.ignore_missing),
        ("--allow-parameter", args.build.allows_more()),
        (
            "what is asked of a layout",
            args.layout.chain.asks_more_than_links(),
        ),
        (
            "what is expected of a summary",
            args.summary.asks_levels() || (args.summary.is_given() && !args.emit.is_given()),
        ),
    ];
    refuse_given(
        given_signers(&args.policy, &args.trust)
            .into_iter()
            .chain(given),
    )
}

/// The flags that say whom and what to accept, and whether they are given.
fn given_signers(flags: &PolicyArgs, trust: &TrustArgs) -> [(&'static str, bool); 7] {
    let signers = &trust.signers;
    [
        ("--key", !signers.key.is_empty()),
        ("--identity", !signers.identity.is_empty()),
        ("--claim", !signers.claim.is_empty()),
        ("--signers", signers.signers.is_some()),
        ("--require", signers.require.is_some()),
        ("--type", !trust.types.is_empty()),
        (
            "--accept",
            !trust.accept.is_empty() && flags.policy_key.is_none(),
        ),
    ]
}

fn refuse_given(mut given: impl Iterator<Item = (&'static str, bool)>) -> Result<(), Failure> {
    match given.find(|(_, given)| *given) {
        Some((flag, _)) => Err(Failure::request(
            "policy-conflict",
            format!("{flag} beside --policy, which says whom and what to accept"),
        )
        .hint("write it into the policy; flags beside it can only ask for more, such as --release or --deny-key")),
        None => Ok(()),
    }
}

/// Whether the key signed the policy: as a lone file, by what lies beside it.
fn check_signature(
    named: &Named,
    key: &str,
    args: &TrustArgs,
    trust: &Trust,
    around: &Surroundings,
    now: Now,
) -> Result<String, Failure> {
    let signer = trust::policy_key(key, around)?;
    let words = signer.to_string();
    let mut accept = trust::flag_accept(args);
    accept.set_only |= accept.no_log;
    let verifier = Verifier::new(trust.roots.clone(), now.time, accept)
        .map_err(|error| Failure::request("trusted-root-malformed", error))?;
    let policy = Policy::expecting(signer.clone());
    let trust = Trust {
        signers: signer.into(),
        roots: Vec::new(),
        lines: Vec::new(),
        pinned: BTreeMap::new(),
        heard: Vec::new(),
    };
    let session = Session {
        accept_no_names: true,
        ..Session::new(verifier, policy, trust)
    };
    let report = file::verify(&named.path, &session, &mut Shelf::new());
    let digest = named.closure.digest().hex();
    let file = report.files.first();
    if report.exit() == Exit::Yes && file.is_some_and(|it| it.sha256.as_ref() == Some(&digest)) {
        return Ok(words);
    }
    let why = match file.map(|it| &it.verdict) {
        Some(Verdict::Rejected(why) | Verdict::Unreadable(why)) => {
            format!("{}: found {}, wanted {}", why.code, why.found, why.wanted)
        }
        _ => "it changed while it was read".to_owned(),
    };
    let place = named.path.display();
    Err(Failure::request(
        "policy-unsigned",
        format!("{place} is not signed by {words}: {why}"),
    )
    .hint("its signature is looked for beside it, such as FILE.sigstore.json"))
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
    let hashes = hashes.with(Algorithm::Sha512);
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
        if one.role == Role::Checksums {
            let checksums = signed_checksums(one.index, &one.path, session, shelf);
            let lists =
                checksums.is_ok_and(|(_, it)| checksums_names(&it, bytes, file_name(path)).is_ok());
            listed.insert(one.index, lists);
        } else if shelf.is_statement(one.index) {
            shelf.prove_statement(one.index, session);
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
    let mut places = places_for(path, &session.neighbours);
    let beside = bundles_at_top(&crate::files::folder_of(path)).into_iter();
    places.extend(beside.map(|path| super::evidence::Place {
        path,
        role: Role::Shared,
    }));
    places.extend(session.bundles.iter().map(|path| super::evidence::Place {
        path: path.clone(),
        role: Role::Named,
    }));
    let mut known = BTreeSet::new();
    let mut pieces = Vec::new();
    for place in places {
        for index in shelf.load(&place.path) {
            // Whose bytes a signature beside it is over, only its name says.
            let is_anothers = place.role == Role::Shared && !shelf.is_statement(index);
            let unread = shelf.is_unreadable(index);
            if (is_anothers && !unread) || !known.insert(index) {
                continue;
            }
            pieces.push(Piece {
                index,
                role: place.role,
                path: place.path.clone(),
            });
        }
    }
    pieces
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
    let inquiry = judge.inquire(&proven, false);
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
    let passed = answers.iter().filter(|it| it.passed());
    let by = passed
        .flat_map(|it| &it.by)
        .filter_map(|it| proven.get(*it));
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
    /// Measures proven evidence by every rule.
    pub(super) fn inquire<'a>(
        &'a self,
        proven: &[(usize, &'a Evidence)],
        of_image: bool,
    ) -> Inquiry<'a> {
        let evidence = proven.iter().map(|(_, it)| *it).collect();
        let inquiry = self.rules.inquire(evidence, self.now, of_image);
        inquiry.with_layouts(&self.layouts)
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
    report: &mut SubjectReport,
) -> Result<(), Refusal> {
    let inquiry = judge.inquire(proven, true);
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
    let mut refused = answers.iter().filter_map(|it| refusal(&judge.rules, it));
    let first = refused.next();
    report.reasons.extend(refused);
    first.map_or(Ok(()), Err)
}

/// Of several files the lowest level; none when one of them shows none.
fn lowest(before: Option<u8>, level: Option<u8>, is_first: bool) -> Option<u8> {
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
    }
}
