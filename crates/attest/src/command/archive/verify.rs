//! `attest archive verify`: the bytes, and who made them.
//!
//! 1. Read every blob once, and compare it with its name.
//! 2. Judge each release like a folder: its files by what was read, its evidence from the blobs.
//! 3. Ask for the release statement of exactly that name and version.

use std::path::Path;

use std::collections::BTreeSet;

use attest_archive::{
    AttachmentKind, CheckReport, CheckedRelease, Needed, Note, Problem, Reader, Release,
};
use attest_digest::Hashes;
use attest_provenance::ReleaseName;
use attest_verify::TrustedRoot;
use clap::Args;
use jiff::Timestamp;

use super::about::About;
use super::proof::ReleaseProof;
use super::source::CheckedSource;
use super::tombstone::Tombstones;
use super::{
    PlaceArgs, Whose, accepted, bag, bills, damage_failure, is_damage, judging, later_log,
    later_tree, may_lie_inside, parse_release, policy_of, proof, release_tree, roles, show,
};
use crate::args::{Global, PolicyArgs, TrustArgs};
use crate::clock::Now;
use crate::command::verify::{Session, Shelf, archived};
use crate::console::Console;
use crate::failure::{Exit, Failure, with_source};
use crate::limits::{SOURCE_BYTES, SOURCES};
use crate::report::{ArchiveReport, FileReport, Refusal, Report, SubjectReport, Verdict};
use crate::trust::Surroundings;

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// Releases of the archive, or one exported release (a folder or a tar) [default: everything in
    /// the archive]
    #[arg(value_name = "NAME@VERSION|PATH")]
    releases: Vec<String>,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    policy: PolicyArgs,
    /// A log (by origin) or timestamp authority that you know to be independent of the signer
    #[arg(long, value_name = "ID")]
    independent: Vec<String>,
    #[command(flatten)]
    complete: CompleteArgs,
    #[command(flatten)]
    scratch: bag::ScratchArgs,
    /// Print the numbered steps of docs/verification.md for each piece of evidence
    #[arg(long)]
    explain: bool,
}

/// What must be kept with each release.
#[derive(Debug, Default, Args)]
struct CompleteArgs {
    /// Refuse a release with which this is not kept: provenance, vsa, test-result, scan and review must be
    /// proven to be of an expected signer; sbom, checksums and trust must be among the verified files, by
    /// what they are; source and tree must be there, and a renewal must count
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = needed)]
    complete: Vec<Needed>,
}

fn needed(text: &str) -> Result<Needed, String> {
    Needed::from_name(text).ok_or_else(|| {
        let names: Vec<&str> = Needed::ALL.into_iter().map(Needed::name).collect();
        format!("wanted one of {}", names.join(", "))
    })
}

pub(super) fn run(args: &VerifyArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    let now = global.now()?;
    if args.releases.iter().any(|text| bag::is_bag(text)) {
        if !args.complete.complete.is_empty() {
            let message = "--complete is asked of releases in an archive: a bag holds one release";
            return Err(Failure::request("bad-arguments", message));
        }
        return verify_bag(args, global, now, console);
    }
    let names = args
        .releases
        .iter()
        .map(|text| parse_release(text))
        .collect::<Result<Vec<_>, _>>()?;
    let path = args.place.path();
    let mut reader = Reader::open(&path).map_err(|error| damage_failure(&error))?;
    let names = selected(&reader, names)?;
    let (trust, independent) = (&args.trust, &args.independent);
    let (place, policy) = (&args.place, &args.policy);
    let mut session = judging_here(place, policy, trust, independent, &reader, &names, now)?;
    let roots = session.trust.proving();
    let tombstones = Tombstones::read(&reader, &session, &roots, now.time)?;
    reader.accept_deletions(tombstones.accepted());
    let checked = check(&reader, args.releases.is_empty(), &names)?;
    let mut report = Report {
        archive: Some(archive_report(&path.display().to_string(), &checked)),
        not_checked: bag::not_checked(&args.policy),
        verbose: global.verbose,
        explain: args.explain,
        ..session.report("archive verify", now, accepted(&session, trust))
    };
    for release in &checked.releases {
        session.policy = policy_of(&session, trust, independent, &release.name);
        judge(
            &reader,
            release,
            &checked,
            &session,
            (&args.complete, &path),
            &mut report,
        );
        if let Some(subject) = report.subjects.last_mut() {
            let proving = (&roots[..], now.time, &report.independent[..]);
            add_proof(&reader, release, &checked, proving, &args.complete, subject);
            tombstones.tell(release.manifest, subject);
        }
    }
    Ok(report.render(console))
}

fn verify_bag(
    args: &VerifyArgs,
    global: &Global,
    now: Now,
    console: &Console,
) -> Result<Exit, Failure> {
    let [place] = args.releases.as_slice() else {
        let message = "an exported release is verified alone";
        return Err(Failure::request("bad-arguments", message));
    };
    let place = Path::new(place);
    let asked = bag::Asked {
        scratch: &args.scratch,
        home: &args.place,
        trust: &args.trust,
        policy: &args.policy,
        independent: &args.independent,
        now,
    };
    let (bag, session) = asked.open(place)?;
    let report = asked.judge("archive verify", place, &bag, &session, |_, _| ());
    let mut report = Report {
        verbose: global.verbose,
        explain: args.explain,
        ..report
    };
    let roots = session.trust.proving();
    if let Some(subject) = report.subjects.last_mut() {
        let proof = proof::of_bag(&bag, subject.stamps.as_deref(), &roots, now.time);
        let told = (now.time, &report.independent[..]);
        tell_proof(&proof, told, &CompleteArgs::default(), subject);
    }
    Ok(report.render(console))
}

/// The releases that were asked for: each must be there, and there must be one.
pub(super) fn selected(
    reader: &Reader,
    asked: Vec<ReleaseName>,
) -> Result<Vec<ReleaseName>, Failure> {
    let all: Vec<ReleaseName> = reader.list().into_iter().map(|it| it.name).collect();
    if let Some(name) = asked.iter().find(|name| !all.contains(name)) {
        return Err(show::missing(name));
    }
    if all.is_empty() {
        let message = "the archive has no releases: nothing was verified";
        return Err(Failure::no("nothing-verified", message));
    }
    Ok(if asked.is_empty() { all } else { asked })
}

/// Reads every byte of these releases; `whole` reads what belongs to none as well.
pub(super) fn check(
    reader: &Reader,
    whole: bool,
    names: &[ReleaseName],
) -> Result<CheckReport, Failure> {
    // Statements claim SHA-512 beside SHA-256, and all that is claimed must agree.
    let hashes = Hashes::Sha256AndSha512;
    let checked = if whole {
        reader.check(hashes)
    } else {
        reader.check_releases(names, hashes)
    };
    checked.map_err(|error| damage_failure(&error))
}

/// One release: the verdicts about its files, and what its blobs suffer from.
///
/// Its bundles are let go before the next release is judged.
fn judge(
    reader: &Reader,
    checked: &CheckedRelease,
    all: &CheckReport,
    session: &Session,
    complete: (&CompleteArgs, &Path),
    report: &mut Report,
) {
    let mut shelf = Shelf::new();
    let mut subject = with_problems(reader, checked, all, session, complete, &mut shelf);
    let before = report.evidence.len();
    subject.renumber(|old| old.checked_add(before));
    report.subjects.push(subject);
    report.evidence.extend(shelf.into_reports(&session.policy));
}

fn with_problems(
    reader: &Reader,
    checked: &CheckedRelease,
    all: &CheckReport,
    session: &Session,
    complete: (&CompleteArgs, &Path),
    shelf: &mut Shelf,
) -> SubjectReport {
    let mut subject = subject_of(reader, checked, all, session, complete, shelf);
    for problem in &checked.problems {
        tell(&mut subject, problem);
    }
    subject
}

fn subject_of(
    reader: &Reader,
    checked: &CheckedRelease,
    all: &CheckReport,
    session: &Session,
    complete: (&CompleteArgs, &Path),
    shelf: &mut Shelf,
) -> SubjectReport {
    let Ok(Some(release)) = reader.find(&checked.name) else {
        // Why it cannot be read stands among its problems.
        return SubjectReport::new(checked.name.to_string(), archived::KIND);
    };
    let deletion = reader.deletion(release.manifest());
    let mut subject = archived::verify(&release, &all.observed, deletion, session, shelf);
    require(reader, &release, session, shelf, complete, &mut subject);
    release_tree::judge(&release, &all.observed, deletion, shelf, &mut subject);
    later_log::judge(&release, &session.trust.roots, &mut subject);
    subject
}

/// What [`run`] says of one release; its evidence is left on the shelf.
pub(super) fn answer(
    reader: &Reader,
    checked: &CheckedRelease,
    all: &CheckReport,
    session: &Session,
    now: Now,
    shelf: &mut Shelf,
) -> SubjectReport {
    let nothing = CompleteArgs::default();
    let complete = (&nothing, Path::new(""));
    let mut subject = with_problems(reader, checked, all, session, complete, shelf);
    let roots = session.trust.proving();
    let proving = (&roots[..], now.time, &[][..]);
    add_proof(reader, checked, all, proving, &nothing, &mut subject);
    subject
}

/// What verifies by the rules of a policy, with the keys that releases of the archive carry.
pub(crate) fn judging_here(
    place: &PlaceArgs,
    policy: &PolicyArgs,
    trust: &TrustArgs,
    independent: &[String],
    reader: &Reader,
    names: &[ReleaseName],
    now: Now,
) -> Result<Session, Failure> {
    let around = Surroundings {
        verified: vec![place.path()],
        archived: if may_lie_inside(policy, trust) {
            archived::trust_files(reader, names)
        } else {
            Vec::new()
        },
        ..Surroundings::default()
    };
    let whose = Whose::Archive(place);
    judging(whose, policy, trust, independent, &around, now)
}

/// Reads every byte of these releases, and judges each by a policy.
pub(crate) fn by_policy(
    session: &mut Session,
    trust: &TrustArgs,
    reader: &Reader,
    names: &[ReleaseName],
) -> Result<Vec<SubjectReport>, Failure> {
    let checked = check(reader, false, names)?;
    let judged = checked.releases.iter().map(|release| {
        session.policy = policy_of(session, trust, &[], &release.name);
        let nothing = CompleteArgs::default();
        let complete = (&nothing, Path::new(""));
        with_problems(
            reader,
            release,
            &checked,
            session,
            complete,
            &mut Shelf::new(),
        )
    });
    Ok(judged.collect())
}

/// Names what must be kept and is not. Statements count if they are proven to be of an expected signer,
/// and are about the release.
fn require(
    reader: &Reader,
    release: &Release<'_>,
    session: &Session,
    shelf: &Shelf,
    (complete, archive): (&CompleteArgs, &Path),
    subject: &mut SubjectReport,
) {
    // Which renewals count, the proof of time says.
    let asked = complete.complete.iter().copied();
    let asked: Vec<Needed> = asked.filter(|it| *it != Needed::Renewal).collect();
    if asked.is_empty() {
        return;
    }
    let members = release.members().iter();
    let about = About::of(shelf, session, members.map(attest_archive::Member::digest));
    let statements = about.types();
    // A bill is read only if one is asked for.
    let bills = if asked.contains(&Needed::Sbom) {
        bills::of(release, &about)
    } else {
        Ok(BTreeSet::new())
    };
    let found = bills.and_then(|bills| {
        let roles = roles::proven(release, session, subject, &bills);
        let found = release.completeness(&asked, &roles, &statements);
        found.map_err(|error| damage_failure(&error))
    });
    let found = match found {
        Ok(found) => found,
        Err(failure) => return untold(failure, subject),
    };
    for missing in found.missing {
        let came_later = match missing {
            Needed::Sbom => bills::is_attached(reader, release, &about),
            Needed::Tree => later_tree::is_kept(reader, release, &about, shelf),
            _ => Ok(false),
        };
        match came_later {
            Ok(true) => {}
            Ok(false) => {
                let found = format!("no {} is kept with {}", missing.name(), release.name());
                subject.reasons.push(lack(missing, found));
            }
            Err(failure) => untold(failure, subject),
        }
    }
    if !found.present.contains(&Needed::Source) {
        return;
    }
    match source(reader, release, archive, &about) {
        Ok(()) => {}
        Err(failure) if failure.exit == Exit::Unknown => untold(failure, subject),
        Err(failure) => subject.reasons.push(lack(Needed::Source, failure.message)),
    }
}

fn lack(needed: Needed, found: String) -> Refusal {
    Refusal {
        code: "archive-incomplete",
        found,
        wanted: needed.name().to_owned(),
    }
}

/// What could not be told is no "no"; damage stands among the problems of the release.
fn untold(failure: Failure, subject: &mut SubjectReport) {
    if failure.exit == Exit::No {
        return;
    }
    let refusal = Refusal {
        code: failure.code,
        found: failure.message,
        wanted: "what is kept with the release, read".to_owned(),
    };
    subject.could_not_tell("(complete)", refusal);
}

/// Whether one of the sources that are kept is that of the provenance: anybody can have attached one to a
/// release that came from elsewhere.
fn source(
    reader: &Reader,
    release: &Release<'_>,
    archive: &Path,
    about: &About<'_>,
) -> Result<(), Failure> {
    let incomplete = |message: String| Failure::no("archive-incomplete", message);
    let kept = reader.attachments_of_kind(Some(release.manifest()), &AttachmentKind::Source);
    let kept = kept.map_err(|error| damage_failure(&error))?;
    let mut untold = None;
    let mut refused = incomplete(format!("no source is kept with {}", release.name()));
    let mut seen = BTreeSet::new();
    let mut bytes = 0_u64;
    for file in kept.iter().flat_map(attest_archive::Attachment::files) {
        if !seen.insert(file.digest()) {
            continue;
        }
        bytes = bytes.saturating_add(file.size());
        if seen.len() > SOURCES || bytes > SOURCE_BYTES.saturating_mul(2) {
            let name = release.name();
            refused = incomplete(format!(
                "more sources are kept with {name} than are unpacked"
            ));
            break;
        }
        let blob = archive.join("blobs/sha256").join(file.digest().hex());
        match CheckedSource::read(&blob, about) {
            Ok(_) => return Ok(()),
            Err(failure) if failure.exit == Exit::Unknown => untold = Some(failure),
            Err(failure) => refused = failure,
        }
    }
    Err(untold.unwrap_or(refused))
}

/// Says until when it can be proven when the release was signed, and refuses one of which it cannot be
/// any more.
fn add_proof(
    reader: &Reader,
    checked: &CheckedRelease,
    all: &CheckReport,
    (roots, now, independent): (&[TrustedRoot], Timestamp, &[String]),
    complete: &CompleteArgs,
    subject: &mut SubjectReport,
) {
    let Ok(Some(release)) = reader.find(&checked.name) else {
        return;
    };
    let decided = subject.stamps.as_deref();
    let proof = proof::of(reader, &release, &all.observed, decided, roots, now);
    tell_proof(&proof, (now, independent), complete, subject);
}

fn tell_proof(
    proof: &ReleaseProof,
    (now, independent): (Timestamp, &[String]),
    complete: &CompleteArgs,
    subject: &mut SubjectReport,
) {
    if complete.complete.contains(&Needed::Renewal) && !proof.is_renewed {
        let found = format!("no renewal that counts is kept with {}", subject.subject);
        let refusal = lack(Needed::Renewal, found);
        if proof.is_untold {
            subject.could_not_tell("(complete)", refusal);
        } else {
            subject.reasons.push(refusal);
        }
    }
    subject.notes.extend(proof.lines(independent));
    let refusals = proof.refusals(now);
    if !proof.is_unknown(now) {
        subject.reasons.extend(refusals);
        return;
    }
    for refusal in refusals {
        subject.could_not_tell("(renewals)", refusal);
    }
}

/// Puts what is wrong with a blob in the place of what would follow from it.
pub(super) fn tell(subject: &mut SubjectReport, problem: &Problem) {
    let refusal = Refusal {
        code: problem.error.code(),
        found: found(problem),
        wanted: "the bytes that were archived".to_owned(),
    };
    let path = match (&problem.member, is_damage(&problem.error)) {
        (None, true) => return subject.reasons.push(refusal),
        (None, false) => "(manifest)",
        (Some(path), _) => path.as_str(),
    };
    let verdict = if is_damage(&problem.error) {
        Verdict::Rejected(refusal)
    } else {
        Verdict::Unreadable(refusal)
    };
    subject.files.retain(|file| file.path != path);
    subject.files.push(FileReport {
        path: path.to_owned(),
        verdict,
        size: None,
        sha256: None,
    });
    subject
        .files
        .sort_by(|one, other| one.path.cmp(&other.path));
}

/// What is wrong, and with which attachment if it is one that suffers.
fn found(problem: &Problem) -> String {
    let error = with_source(problem.error.as_ref());
    let Some(attached) = &problem.attached else {
        return error;
    };
    match &attached.file {
        Some(file) => format!(
            "{file} of the {} attachment {}: {error}",
            attached.kind, attached.manifest
        ),
        None => format!(
            "{} attachment {}: {error}",
            attached.kind, attached.manifest
        ),
    }
}

fn archive_report(place: &str, checked: &CheckReport) -> ArchiveReport {
    let problems = checked.problems.iter().map(|problem| Refusal {
        code: problem.error.code(),
        found: found(problem),
        wanted: "what the index names".to_owned(),
    });
    let notes = checked.notes.iter().map(|note| (note.code(), words(note)));
    ArchiveReport {
        place: place.to_owned(),
        blobs: checked.blobs,
        bytes: checked.bytes,
        problems: problems.collect(),
        notes: notes.collect(),
    }
}

fn words(note: &Note) -> String {
    match note {
        Note::BlobExtra { blob } => format!("blob {blob} belongs to no release and no attachment"),
        Note::DeletedBlob { blob } => format!(
            "blob {blob} is an artifact of a deleted release: attest archive delete takes it away"
        ),
        Note::FileExtra { place } => format!("{place} is no part of the archive"),
        Note::Incoming { files } => {
            format!(
                "{files} files of a run that died or is at work; the next addition removes them"
            )
        }
        Note::Quarantined { files } => {
            format!("{files} files in quarantine/, which repairs have moved out of the way")
        }
        Note::EntryForeign {
            manifest: Some(manifest),
        } => {
            format!("the index names {manifest}, which is no release")
        }
        Note::EntryForeign { manifest: None } => {
            "the index names something that is no release".to_owned()
        }
        Note::IndexRewritten => {
            "index.json is not as attest writes it: another tool has been there".to_owned()
        }
        other => other.code().to_owned(),
    }
}
