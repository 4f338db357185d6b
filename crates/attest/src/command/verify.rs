//! `attest verify`: files, folders, checksum files and digests against an expected signer.

mod approval;
pub(crate) mod archived;
mod copy;
mod deployed;
mod emit;
mod evidence;
mod exempt;
mod file;
mod folder;
mod git;
mod image;
mod layout;
mod list;
mod listing;
mod many;
mod policy;
mod several;
mod shelf;
mod subject;
mod sums;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use attest_policy::{Pattern, Policy};
use attest_provenance::ReleaseName;
use attest_remote::registry::Registry;
use attest_verify::{Sha1Names, Verifier};
use clap::Args;

use crate::args::{
    AcceptArg, BuildArgs, DeployedArgs, Global, LayoutArgs, PlatformArgs, PolicyArgs, SummaryArgs,
    TrustArgs, predicate_type,
};
use crate::clock::Now;
use crate::console::Console;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::registry;
use crate::report::{Report, SubjectReport, Verdict};
use crate::trust::{self, Surroundings, Trust};

use copy::Handover;
use emit::{Emission, EmitArgs};
pub(crate) use evidence::{Neighbours, is_bundle_name, signed_name};
pub(crate) use file::verify as lone_file;
pub(crate) use file::verify_digest as evidence_about_digest;
pub(crate) use folder::verify as verify_folder;
use image::platform::Platforms;
pub(crate) use policy::{Judge, of_archive as policy_of_archive};
pub(crate) use shelf::Shelf;
use subject::Subject;

#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
#[expect(clippy::doc_markdown, reason = "these comments are the help text")]
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Files, folders, checksum files (or sums:FILE), images (oci://HOST/REPOSITORY:TAG, or saved:
    /// oci-layout:DIR), sha256:HEX,
    /// signed commits and tags (git:DIR@REV, or git-object:FILE)
    #[arg(required_unless_present = "files_from", value_name = "SUBJECT")]
    subjects: Vec<String>,
    /// Verify the files of this list too, one path on each line (`-`: standard input)
    #[arg(long, value_name = "FILE")]
    files_from: Option<PathBuf>,
    /// With --files-from: a NUL stands behind each path
    #[arg(long, requires = "files_from")]
    null: bool,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    layout: LayoutArgs,
    #[command(flatten)]
    policy: PolicyArgs,
    /// The release that the evidence must name
    #[arg(long, value_name = "NAME@VERSION")]
    release: Option<String>,
    /// Use this bundle, or these, and no other; with --policy beside what is found
    #[arg(long, value_name = "FILE", alias = "provenance-path")]
    bundle: Vec<PathBuf>,
    /// Let unsigned files that this pattern covers pass (`*` crosses no `/`, `**` does)
    #[arg(long, value_name = "GLOB")]
    allow_extra: Vec<String>,
    /// For a checksums file: let listed files be absent when at least one was verified
    #[arg(long)]
    ignore_missing: bool,
    /// A log (by origin) or timestamp authority that you know to be independent of the signer
    #[arg(long, value_name = "ID")]
    independent: Vec<String>,
    /// Print the numbered steps of docs/verification.md for each piece of evidence
    #[arg(long)]
    explain: bool,
    /// When everything verified, copy the files that did into this folder, which is absent or empty
    #[arg(long, value_name = "DIR")]
    copy_to: Option<PathBuf>,
    /// With --copy-to: replace files of the same names; with --emit-vsa: replace that file
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    build: BuildArgs,
    #[command(flatten)]
    summary: SummaryArgs,
    #[command(flatten)]
    emit: EmitArgs,
    #[command(flatten)]
    deployed: DeployedArgs,
    #[command(flatten)]
    images: PlatformArgs,
}

/// What one verifying run holds: built once, shared by all subjects.
pub(crate) struct Session {
    pub(crate) verifier: Verifier,
    pub(crate) policy: Policy,
    pub(crate) trust: Trust,
    pub(crate) allow_extra: Vec<Pattern>,
    pub(crate) accept_no_names: bool,
    pub(crate) sha1_names: Sha1Names,
    pub(crate) ignore_missing: bool,
    pub(crate) bundles: Vec<PathBuf>,
    pub(crate) neighbours: Neighbours,
    /// Held by the one who reads large evidence.
    pub(crate) large: Mutex<()>,
    /// The policy file by whose rules everything is judged.
    pub(crate) judge: Option<Judge>,
    /// Registries, if a subject lies in one.
    pub(crate) registry: Option<Registry>,
    /// Which manifests of an image there are asked about.
    pub(crate) platforms: Platforms,
}

impl Session {
    /// A run in which flags have asked for nothing but these.
    pub(crate) fn new(verifier: Verifier, policy: Policy, trust: Trust) -> Self {
        Self {
            verifier,
            policy,
            trust,
            allow_extra: Vec::new(),
            accept_no_names: false,
            sha1_names: Sha1Names::Refused,
            ignore_missing: false,
            bundles: Vec::new(),
            neighbours: Neighbours::default(),
            large: Mutex::default(),
            judge: None,
            registry: None,
            platforms: Platforms::default(),
        }
    }

    /// Compares what is judged by with what is remembered, and remembers it: the last thing before the first subject
    /// is read, so that a request that is refused leaves nothing behind.
    pub(crate) fn remember(
        &mut self,
        state: Option<&Path>,
        around: &Surroundings,
    ) -> Result<(), Failure> {
        let Some(state) = state else { return Ok(()) };
        if let Some(judge) = &mut self.judge {
            judge.named.remember(state, around)?;
        }
        trust::succession::remember(state, &self.trust.heard, around)
    }

    /// The report of a run that has yet to look at its first subject.
    pub(crate) fn report(
        &self,
        command: &'static str,
        now: Now,
        accepted: Vec<&'static str>,
    ) -> Report {
        Report {
            signer: trust::signer_words(&self.trust.signers),
            several_signers: self.trust.signers.are_several(),
            trust: self.trust.lines.clone(),
            accepted,
            policy: self.judge.as_ref().map(Judge::report),
            independent: self.policy.signers().independent().to_vec(),
            ..Report::new(command, now)
        }
    }
}

pub(crate) fn run(args: &VerifyArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    let Some(path) = &args.layout.layout else {
        return Ok(report(args, global)?.render(console));
    };
    if args.policy.policy.is_some() {
        return Err(Failure::request(
            "policy-conflict",
            "--layout beside --policy: each says by itself whom to accept",
        )
        .hint("ask both, one after the other"));
    }
    layout::run(path, args, &subjects(args)?, global.now()?, global, console)
}

fn subjects(args: &VerifyArgs) -> Result<Vec<Subject>, Failure> {
    let mut subjects = args
        .subjects
        .iter()
        .map(|text| Subject::parse(text))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(list) = &args.files_from {
        subjects.extend(list::read(list, args.null)?);
    }
    refuse_idle_expectations(args, &subjects)?;
    Ok(subjects)
}

/// The answer of a verifying run by evidence beside the subjects, not yet written.
pub(crate) fn report(args: &VerifyArgs, global: &Global) -> Result<Report, Failure> {
    let now = global.now()?;
    let subjects = subjects(args)?;
    if args.layout.chain.is_given() && args.policy.policy.is_none() {
        return Err(Failure::request(
            "bad-arguments",
            "flags of a layout are given, and no --layout",
        ));
    }
    let handover = args
        .copy_to
        .as_deref()
        .map(|to| Handover::plan(to, args.force, &subjects))
        .transpose()?;
    if args.force && handover.is_none() && !args.emit.is_given() {
        let message = "--force replaces what --copy-to or --emit-vsa would write";
        return Err(Failure::request("bad-arguments", message));
    }
    refuse_of_a_chain(args)?;
    refuse_without_effect(args, &subjects)?;
    if args.deployed.source_repository.is_some()
        && !args.deployed.deployed
        && args.policy.policy.is_none()
    {
        let message = "--source-repository is given, and neither --deployed nor --policy";
        return Err(Failure::request("bad-arguments", message));
    }
    let around = surroundings(args, &subjects);
    let mut session = session(args, &subjects, &around, now)?;
    let emission = Emission::plan(args, global, &subjects, session.judge.as_ref())?;
    let chain = chain(args, &subjects, &session)?;
    session.remember(args.policy.state.as_deref(), &around)?;
    let mut report = new_report(args, global, now, &session);
    (report.subjects, report.evidence) = match &chain {
        Some(chain) => deployed::answers(&subjects, chain, &session),
        None => many::answers(&subjects, &session),
    };
    if let Some(handover) = handover {
        handover.run(&subjects, &mut report)?;
    }
    if let Some(emission) = emission {
        let policy = emit::judged_by(args, &report, session.judge.as_ref())?;
        emission.run(&mut report, policy, global)?;
    }
    Ok(report)
}

/// The chain that is to be followed, if one is.
fn chain<'a>(
    args: &'a VerifyArgs,
    subjects: &[Subject],
    session: &Session,
) -> Result<Option<deployed::Chain<'a>>, Failure> {
    let signers = &args.trust.signers;
    let chain = || deployed::Chain::of(&args.deployed, signers, subjects, session);
    args.deployed.deployed.then(chain).transpose()
}

/// What was expected of a build or a summary must have been asked.
fn refuse_idle_expectations(args: &VerifyArgs, subjects: &[Subject]) -> Result<(), Failure> {
    let git = |it: &Subject| matches!(it, Subject::Git { .. } | Subject::GitObject(_));
    let is_idle = args.layout.layout.is_some() || subjects.iter().any(git);
    if !is_idle || !(args.build.is_given() || args.summary.is_given() || args.emit.is_given()) {
        return Ok(());
    }
    Err(Failure::request(
        "bad-arguments",
        "neither a commit nor a layout shows how something was built, or sums up a verification",
    ))
}

/// What is asked of one build, or written about it, is not asked of a chain: nothing given is ignored.
fn refuse_of_a_chain(args: &VerifyArgs) -> Result<(), Failure> {
    let given = args.build.is_given() || args.summary.is_given() || args.emit.is_given();
    if args.deployed.deployed && given {
        let message =
            "--deployed follows a chain, and takes no expectations of one build or summary";
        return Err(Failure::request("bad-arguments", message));
    }
    let idle = [
        ("--release", args.release.is_some()),
        ("--type", !args.trust.types.is_empty()),
        ("--allow-extra", !args.allow_extra.is_empty()),
        ("--ignore-missing", args.ignore_missing),
    ];
    match idle.iter().find(|(_, is_given)| *is_given) {
        Some((flag, _)) if args.deployed.deployed => Err(Failure::request(
            "bad-arguments",
            format!("{flag} is about one release, and --deployed follows a chain"),
        )),
        _ => Ok(()),
    }
}

/// Nothing that is given is ignored: a list alone can have files absent, and a folder alone can hold more.
fn refuse_without_effect(args: &VerifyArgs, subjects: &[Subject]) -> Result<(), Failure> {
    // Beside a policy neither is taken at all.
    if args.policy.policy.is_some() {
        return Ok(());
    }
    let has_list = subjects.iter().any(|it| matches!(it, Subject::Sums { .. }));
    let has_folder = subjects.iter().any(|it| matches!(it, Subject::Folder(_)));
    let message = if args.ignore_missing && !has_list {
        "--ignore-missing is about checksum files, and none is given"
    } else if !args.allow_extra.is_empty() && !has_folder {
        "--allow-extra is about folders, and none is given"
    } else {
        return Ok(());
    };
    Err(Failure::request("bad-arguments", message))
}

fn answer(subject: &Subject, session: &Session, shelf: &mut Shelf) -> SubjectReport {
    let report = match (subject, &session.judge) {
        (Subject::File(path), Some(judge)) => policy::of_file(path, judge, session, shelf),
        (Subject::Digest(digest), Some(judge)) => policy::of_digest(*digest, judge, session, shelf),
        (Subject::File(path), None) => file::verify(path, session, shelf),
        (Subject::Digest(digest), None) => file::verify_digest(*digest, session, shelf),
        (Subject::Sums { path, algorithm }, _) => sums::verify(path, *algorithm, session, shelf),
        (Subject::Folder(path), _) => folder::verify(path, session, shelf),
        (Subject::Image(path), _) => image::verify(path, session, shelf),
        (Subject::Remote(reference), _) => image::remote::verify(reference, session, shelf),
        (Subject::Git { folder, revision }, _) => git::verify(folder, revision, session, shelf),
        (Subject::GitObject(path), _) => git::verify_object(path, session, shelf),
    };
    let mut report = demand_named(report, session, shelf);
    if let Subject::File(path) = subject {
        listing::note(path, &mut report);
    }
    if let Some(judge) = &session.judge {
        report.notes.extend(judge.layout_notes.iter().cloned());
    }
    report
}

/// What `--bundle` names was asked about: while it cannot be read, whether it says no could not be
/// told, whatever other evidence says.
fn demand_named(mut report: SubjectReport, session: &Session, shelf: &mut Shelf) -> SubjectReport {
    let named: Vec<usize> = session
        .bundles
        .iter()
        .flat_map(|it| shelf.load(it))
        .collect();
    let unread = named.into_iter().find(|it| shelf.is_unreadable(*it));
    let Some(refusal) = unread.and_then(|it| shelf.refusals(it).into_iter().next()) else {
        return report;
    };
    for file in &mut report.files {
        if matches!(file.verdict, Verdict::Verified) {
            file.verdict = Verdict::Unreadable(refusal.clone());
        }
    }
    report.decided_by.clear();
    report.approvals = None;
    report
}

fn session(
    args: &VerifyArgs,
    subjects: &[Subject],
    around: &Surroundings,
    now: Now,
) -> Result<Session, Failure> {
    let needs_bundle = subjects
        .iter()
        .any(|subject| matches!(subject, Subject::Digest(_)));
    if needs_bundle && args.bundle.is_empty() && !args.deployed.deployed {
        return Err(Failure::request(
            "bundle-required",
            "a sha256: subject has no place to look for evidence",
        )
        .hint("name the bundle with --bundle"));
    }
    let (registry, platforms) = registries(&args.images, subjects)?;
    let (trust, accept, judge) = if let Some(place) = &args.policy.policy {
        let (trust, accept, judge) = policy::named(args, place, subjects, around, now)?;
        (trust, accept, Some(judge))
    } else {
        let trust = trust::resolve(&args.trust, around, now)?;
        if args.policy.state.is_some() && trust.heard.is_empty() {
            return Err(Failure::request(
                "bad-arguments",
                "--state remembers policies and successions: neither a policy nor a recovery key is named",
            ));
        }
        let accept = trust::accept(&args.trust, &trust.signers);
        (trust, accept, None)
    };
    let verifier = Verifier::new(trust.roots.clone(), now.time, accept)
        .map_err(|error| Failure::request("trusted-root-malformed", error))?;
    let declared = args.independent.iter().cloned();
    let signers = trust.signers.clone().with_independent(declared);
    trust::refuse_ambiguous(signers.independent(), &trust.roots)?;
    let mut policy = Policy::expecting(signers).approving_only(requested_types(&args.trust.types)?);
    if let Some(judge) = &judge {
        policy = policy.of_rules(&judge.rules);
    }
    if let Some(text) = &args.release {
        let release = ReleaseName::parse(text).map_err(|error| {
            Failure::request("bad-release", format!("--release {text:?}: {error}"))
                .hint("write it as NAME@VERSION")
        })?;
        policy = policy.of_release(release);
    }
    // Beside a policy its rules about builds ask it.
    if judge.is_none() {
        policy = args.build.add_to(policy)?;
    }
    policy = args
        .summary
        .add_to(policy, &args.build, args.emit.is_given())?;
    let allow_extra = args
        .allow_extra
        .iter()
        .map(|text| Pattern::parse(text))
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::request("bad-pattern", format!("--allow-extra: {error}")))?;
    Ok(Session {
        allow_extra,
        // Beside a policy `--accept` is about its own signature, and about nothing that it judges.
        accept_no_names: judge.is_none() && args.trust.accept.contains(&AcceptArg::NoNames),
        sha1_names: sha1_names(&args.trust),
        ignore_missing: args.ignore_missing,
        bundles: args.bundle.clone(),
        judge,
        registry,
        platforms,
        ..Session::new(verifier, policy, trust)
    })
}

/// Registries are opened if a subject lies in one; what is asked of them is not ignored without.
fn registries(
    args: &PlatformArgs,
    subjects: &[Subject],
) -> Result<(Option<Registry>, Platforms), Failure> {
    let platforms = Platforms::of(&args.platform, args.all_platforms)?;
    if subjects.iter().any(|it| matches!(it, Subject::Remote(_))) {
        return Ok((Some(registry::open(&args.registry)?), platforms));
    }
    if platforms.is_given() {
        let message = "--platform and --all-platforms are about oci:// subjects, and none is given";
        return Err(Failure::request("bad-arguments", message));
    }
    Ok((None, platforms))
}

pub(crate) fn sha1_names(args: &TrustArgs) -> Sha1Names {
    if args.accept.contains(&AcceptArg::Sha1Git) {
        Sha1Names::Accepted
    } else {
        Sha1Names::Refused
    }
}

/// The URIs that the names of types stand for.
pub(crate) fn requested_types(names: &[String]) -> Result<Vec<String>, Failure> {
    let mut uris = Vec::new();
    for name in names {
        uris.extend(predicate_type(name)?.uris().map(str::to_owned));
    }
    Ok(uris)
}

/// Where trust is looked for around one file, and which bundles may carry it.
pub(crate) fn surroundings_of_file(path: &Path) -> Surroundings {
    let neighbours = Neighbours::default();
    let places = evidence::places_for(path, &neighbours);
    Surroundings {
        beside: evidence::folders_up(path),
        bundles: places.into_iter().map(|place| place.path).collect(),
        ..Surroundings::default()
    }
}

/// The same around a folder that is verified: only what has its pin may lie in it.
pub(crate) fn surroundings_of_folder(path: &Path) -> Surroundings {
    Surroundings {
        verified: vec![path.to_owned()],
        beside: vec![path.to_owned()],
        bundles: evidence::bundles_at_top(path),
        ..Surroundings::default()
    }
}

fn surroundings(args: &VerifyArgs, subjects: &[Subject]) -> Surroundings {
    let mut around = Surroundings::default();
    let neighbours = Neighbours::default();
    let mut folders = BTreeSet::new();
    for subject in subjects {
        match subject {
            Subject::Folder(path) => {
                around.verified.push(path.clone());
                around.beside.push(path.clone());
                around.bundles.extend(evidence::bundles_at_top(path));
            }
            Subject::File(path) | Subject::Sums { path, .. } => {
                // A list is verified with the files that it lists: no lone file, but their folder.
                if matches!(subject, Subject::Sums { .. }) {
                    around.verified.push(files::folder_of(path));
                }
                let own = evidence::own_places(path).into_iter();
                around.bundles.extend(own.map(|place| place.path));
                // What is shared counts once, however many files share it.
                if folders.insert(files::folder_of(path)) {
                    around.beside.extend(evidence::folders_up(path));
                    let shared = neighbours.of(path);
                    let shared = shared.iter().map(|place| place.path.clone());
                    around.bundles.extend(shared);
                }
            }
            Subject::Image(path) => {
                around.verified.push(path.clone());
                around.beside.push(path.clone());
            }
            // Whoever writes into a repository can put keys there as well.
            Subject::Git { folder, .. } => around.verified.push(folder.clone()),
            Subject::GitObject(path) => around.beside.push(files::folder_of(path)),
            Subject::Digest(_) | Subject::Remote(_) => {}
        }
    }
    around.bundles.extend(args.bundle.clone());
    // Who can write where the evidence or the source lies can put keys there as well.
    around.verified.extend(args.deployed.evidence.clone());
    around.verified.extend(args.layout.chain.links.clone());
    around
        .verified
        .extend(args.deployed.source_repository.clone());
    around
}

fn new_report(args: &VerifyArgs, global: &Global, now: Now, session: &Session) -> Report {
    let accepted = match &session.judge {
        Some(judge) => judge.named.accepted_words(),
        None => trust::accepted_words(&args.trust),
    };
    let mut not_checked = Vec::new();
    if args.policy.state.is_none() {
        not_checked.push("rollback".to_owned());
    }
    if args.release.is_none() {
        not_checked.push("which release this is (no --release)".to_owned());
    }
    Report {
        not_checked,
        verbose: global.verbose,
        explain: args.explain,
        ..session.report("verify", now, accepted)
    }
}
