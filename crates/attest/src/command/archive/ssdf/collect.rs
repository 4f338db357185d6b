//! What is kept of one release: each piece verified, or told as a claim.

use std::collections::{BTreeMap, BTreeSet};

use attest_archive::{
    ArchiveError, AttachmentKind, CheckReport, CheckedRelease, Deletion, Kept, Member, Reader,
    Release, Role,
};
use attest_digest::{Algorithm, Digest, RelativePath};
use attest_policy::built_from;
use attest_provenance::predicate::release::ClaimedRelease;
use attest_provenance::predicate::{release, slsa};
use attest_provenance::{GitCommit, ReleaseName, Statement};
use attest_verify::{Evidence, ProvenSigner};

use super::reviews::{self, Signed};
use super::{Found, Kind, ReleaseReport, State};
use crate::clock::Now;
use crate::command::archive::about::About;
use crate::command::archive::{bills, roles, verify};
use crate::command::verify::{Session, Shelf, archived, is_bundle_name};
use crate::failure::Exit;
use crate::report::{self, SubjectReport, Verdict};

/// Everything of one release that is evidence for a task.
pub(super) fn release(
    reader: &Reader,
    checked: &CheckedRelease,
    all: &CheckReport,
    session: &Session,
    now: Now,
    statements: &[Signed],
) -> ReleaseReport {
    let mut shelf = Shelf::new();
    let subject = verify::answer(reader, checked, all, session, now, &mut shelf);
    let mut report = ReleaseReport {
        name: checked.name.to_string(),
        manifest: String::new(),
        commit: Err("no verified provenance".to_owned()),
        unreadable: false,
        found: Vec::new(),
    };
    let release = reader.find(&checked.name).ok().flatten();
    if let Some(release) = &release {
        report.manifest = release.manifest().to_string();
    }
    report.unreadable = subject.exit() == Exit::Unknown;
    let deletion = release
        .as_ref()
        .and_then(|it| reader.deletion(it.manifest()));
    report
        .found
        .push(files(&subject, &report.manifest, deletion));
    let Some(release) = &release else {
        return report;
    };
    report
        .found
        .extend(members(release, &subject, &shelf, session));
    for number in shelf.numbers() {
        shelf.prove_statement(number, session);
    }
    let digests = release.members().iter().map(Member::digest);
    let about = About::of(&shelf, session, digests);
    // What is wrong with the bytes stands among the problems.
    let bills = bills::of(release, &about).unwrap_or_default();
    let judged = Judged {
        name: release.name(),
        artifacts: artifacts(release, &subject, &bills),
    };
    for number in shelf.numbers() {
        report.found.extend(piece(number, &shelf, &judged, session));
    }
    for (kind, of_kind) in REFUTED {
        if let Some(code) = codes(&subject).find(|it| it.starts_with(of_kind)) {
            refute(kind, code, &mut report);
        }
    }
    report.found.extend(sboms(release, &subject, &bills));
    let commit = commit(&shelf, &judged);
    let about = commit.as_ref().ok();
    let named = statements.iter();
    let mut reviewed: Vec<Found> = named
        .flat_map(|it| reviews::ask(it, about, session))
        .collect();
    reviewed.extend(attached(release, about, session, &mut report));
    report.found.extend(reviews::settled(reviewed));
    report.commit = commit.map(|it| it.to_string());
    report
}

/// What is verified in a bundle, and undone by what is kept with the release.
const REFUTED: [(Kind, &str); 2] = [
    (Kind::Timestamp, "proof-expired"),
    (Kind::LogProof, "consistency-"),
];

/// Why a release is refused, or cannot be told about, as a whole.
fn codes(subject: &SubjectReport) -> impl Iterator<Item = &'static str> {
    let reasons = subject.reasons.iter().map(|it| it.code);
    let files = subject.files.iter().filter_map(|it| match &it.verdict {
        Verdict::Unreadable(refusal) => Some(refusal.code),
        _ => None,
    });
    reasons.chain(files)
}

fn refute(kind: Kind, code: &str, report: &mut ReleaseReport) {
    for found in report.found.iter_mut().filter(|it| it.kind == kind) {
        found.state = State::Claimed;
        found.detail = format!("{code}: {}", found.detail);
    }
}

/// What statements are held against.
struct Judged<'r> {
    name: &'r ReleaseName,
    /// What is released, as it was verified.
    artifacts: Vec<Digest>,
}

/// All files, by the manifest that names them.
fn files(subject: &SubjectReport, manifest: &str, deletion: Option<&Deletion>) -> Found {
    let refused = subject.files.iter().find_map(|file| match &file.verdict {
        Verdict::Rejected(refusal) | Verdict::Unreadable(refusal) => {
            Some(format!("{}: {}", file.path, refusal.code))
        }
        _ => None,
    });
    let reason = subject.reasons.first().map(|it| it.code.to_owned());
    let (state, detail) = if subject.exit() == Exit::Yes {
        let verified = format!("{} files verified", subject.verified());
        let deleted = deletion.map(|it| {
            let (count, time, tombstone) = (it.artifacts().len(), it.proven(), it.attachment());
            format!(
                "; {count} artifacts deleted {time}, their retention over (tombstone {tombstone})"
            )
        });
        (State::Verified, verified + &deleted.unwrap_or_default())
    } else {
        let why = refused
            .or(reason)
            .unwrap_or_else(|| "nothing-verified".to_owned());
        (State::Claimed, why)
    };
    Found {
        kind: Kind::Files,
        state,
        place: "manifest".to_owned(),
        digest: manifest.to_owned(),
        detail,
    }
}

/// The key, the guide and the checksums file, by the verdicts about them.
///
/// Who signed for an identity has no key to hand out: what an acquirer needs is the root of the authority
/// that certified it.
fn members(
    release: &Release<'_>,
    subject: &SubjectReport,
    shelf: &Shelf,
    session: &Session,
) -> Vec<Found> {
    let mut found = Vec::new();
    let verdicts = verdicts(subject);
    let by_identity = shelf
        .proven()
        .any(|it| matches!(it.signer(), ProvenSigner::Identity { .. }));
    for member in release.members() {
        let path = member.path().as_str();
        let Some(of) = verdicts.get(path) else {
            continue;
        };
        let kind = match (roles::role(member.path(), of, false), path) {
            (Role::Guide, _) => Kind::Guide,
            (Role::Trust, "trusted_root.json") if !by_identity => continue,
            (Role::Trust, _) => Kind::Key,
            (Role::Checksums, _) => Kind::Checksums,
            _ => continue,
        };
        let lacks = match kind {
            Kind::Checksums if !signs(shelf, member.digest()) => {
                Some("no verified signature is over it")
            }
            Kind::Key if !archived::is_trust(release, member.path(), session) => {
                Some("it is not the key of an expected signer")
            }
            _ => None,
        };
        let (state, detail) = match (verdict(subject, path), lacks) {
            (Ok(()), None) => (State::Verified, String::new()),
            (Ok(()), Some(lacks)) => (State::Claimed, lacks.to_owned()),
            (Err(code), _) => (State::Claimed, code),
        };
        found.push(Found {
            kind,
            state,
            place: path.to_owned(),
            digest: member.digest().to_string(),
            detail,
        });
    }
    found
}

/// What was found of each file.
fn verdicts(subject: &SubjectReport) -> BTreeMap<&str, &Verdict> {
    let files = subject.files.iter();
    files.map(|it| (it.path.as_str(), &it.verdict)).collect()
}

/// Whether a file was verified, or its code.
fn verdict(subject: &SubjectReport, path: &str) -> Result<(), String> {
    let file = subject.files.iter().find(|it| it.path == path);
    match file.map(|it| &it.verdict) {
        Some(Verdict::Verified | Verdict::Evidence(_)) => Ok(()),
        Some(Verdict::Rejected(refusal) | Verdict::Unreadable(refusal)) => {
            Err(refusal.code.to_owned())
        }
        Some(Verdict::Deleted) => Err("release-deleted".to_owned()),
        Some(Verdict::Extra) | None => Err("file-unattested".to_owned()),
    }
}

/// Whether a verified signature is over these bytes, or a verified statement names them.
fn signs(shelf: &Shelf, digest: Digest) -> bool {
    shelf.proven().any(|evidence| {
        let by_statement = evidence.statement().is_some_and(|it| names(it, &[digest]));
        evidence.message_digest() == Some(&digest) || by_statement
    })
}

fn names(statement: &Statement, digests: &[Digest]) -> bool {
    statement.subjects().iter().any(|subject| {
        let named = subject.digests().get(Algorithm::Sha256);
        named.is_some_and(|it| digests.contains(it))
    })
}

/// What a bundle is evidence for, and what its log and time add to that.
fn piece(number: usize, shelf: &Shelf, release: &Judged<'_>, session: &Session) -> Vec<Found> {
    let place = shelf.place(number);
    let digest = shelf.digest(number).map(|it| it.to_string());
    let of = |kind, state, detail: String| Found {
        kind,
        state,
        place: place.clone(),
        digest: digest.clone().unwrap_or_default(),
        detail,
    };
    let Some(evidence) = shelf.evidence(number) else {
        let why = shelf.refusals(number);
        let Some(refusal) = why.first() else {
            return Vec::new();
        };
        let claimed = kind_by_name(&place);
        let detail = format!("{}: {}", refusal.code, refusal.found);
        return claimed
            .map(|kind| of(kind, State::Claimed, detail))
            .into_iter()
            .collect();
    };
    let signer = format!("signed by {}", evidence.signer());
    match kind_of(evidence, release) {
        Some(Kind::ReleaseStatement) => {
            let words = report::proven(evidence, &session.policy);
            let logs = words.logs.iter().map(|log| {
                let detail = format!(
                    "entry {} of {}, kept by {}",
                    log.index, log.origin, log.kept_by
                );
                of(Kind::LogProof, State::Verified, detail)
            });
            let times = words.times.iter().map(|time| {
                let detail = format!("{}, asserted by {}", time.time, time.asserted_by);
                of(Kind::Timestamp, State::Verified, detail)
            });
            let statement = of(Kind::ReleaseStatement, State::Verified, signer);
            [statement].into_iter().chain(logs).chain(times).collect()
        }
        Some(kind) => vec![of(kind, State::Verified, signer)],
        None => Vec::new(),
    }
}

/// What a proven statement is evidence for, if it is about this release.
fn kind_of(evidence: &Evidence, kept: &Judged<'_>) -> Option<Kind> {
    let statement = evidence.statement()?;
    match statement.predicate_type() {
        release::TYPE | release::TYPE_V0_1 => {
            let claimed = ClaimedRelease::from_statement(statement).ok()?;
            (claimed.name() == Some(kept.name)).then_some(Kind::ReleaseStatement)
        }
        slsa::TYPE | slsa::TYPE_V0_2 => {
            names(statement, &kept.artifacts).then_some(Kind::Provenance)
        }
        _ => None,
    }
}

fn artifacts(
    release: &Release<'_>,
    subject: &SubjectReport,
    bills: &BTreeSet<RelativePath>,
) -> Vec<Digest> {
    let verdicts = verdicts(subject);
    let is_artifact = |it: &&Member| {
        let is_bill = bills.contains(it.path());
        let verdict = verdicts.get(it.path().as_str());
        verdict.is_some_and(|of| roles::role(it.path(), of, is_bill) == Role::Artifact)
    };
    let artifacts = release.members().iter().filter(is_artifact);
    artifacts.map(Member::digest).collect()
}

/// What a bundle would be, by the names that releases have.
fn kind_by_name(place: &str) -> Option<Kind> {
    if place.starts_with("release") {
        Some(Kind::ReleaseStatement)
    } else if place.starts_with("provenance") {
        Some(Kind::Provenance)
    } else {
        None
    }
}

/// Bills of materials, and what the archive calls so.
fn sboms(
    release: &Release<'_>,
    subject: &SubjectReport,
    bills: &BTreeSet<RelativePath>,
) -> Vec<Found> {
    let members = release.members().iter();
    let found = members.filter_map(|member| {
        let path = member.path().as_str();
        let is_bill = bills.contains(member.path());
        if !is_bill && member.role() != Role::Sbom {
            return None;
        }
        let (state, detail) = match verdict(subject, path) {
            Ok(()) if is_bill => (State::Verified, String::new()),
            Ok(()) => (
                State::Claimed,
                "no verified statement names it as a bill of materials".to_owned(),
            ),
            Err(code) => (State::Claimed, code),
        };
        Some(Found {
            kind: Kind::Sbom,
            state,
            place: path.to_owned(),
            digest: member.digest().to_string(),
            detail,
        })
    });
    found.collect()
}

/// The commit from which all verified provenance says that the release was built.
fn commit(shelf: &Shelf, release: &Judged<'_>) -> Result<GitCommit, String> {
    let proven = shelf.proven();
    let provenance: Vec<&Statement> = proven
        .filter(|it| kind_of(it, release) == Some(Kind::Provenance))
        .filter_map(Evidence::statement)
        .collect();
    if provenance.is_empty() {
        return Err("no verified provenance".to_owned());
    }
    built_from(&provenance).map_err(|reason| format!("{}: {}", reason.code(), reason.found()))
}

/// What was attached to the release later. Each file is read by itself and let go of again; what is not called
/// like a bundle is no statement, and the same bytes say the same.
fn attached(
    release: &dyn Kept,
    commit: Option<&GitCommit>,
    session: &Session,
    report: &mut ReleaseReport,
) -> Vec<Found> {
    let mut asked = BTreeSet::new();
    let mut found = Vec::new();
    for (attached, kind) in ATTACHED {
        for attachment in release.attached_as(&attached) {
            let attachment = match attachment {
                Ok(attachment) => attachment,
                Err(error) => {
                    let place = format!("{attached} (attached)");
                    report.unreadable |= matches!(error, ArchiveError::Io { .. });
                    let kind = kind.unwrap_or(Kind::CommitReview);
                    found.push(unread(kind, place, String::new(), error.code()));
                    continue;
                }
            };
            for file in &attachment.files {
                let place = format!("{} (attached)", file.path());
                let digest = file.digest().to_string();
                if let Some(kind) = kind {
                    found.push(kept(kind, place, digest));
                    continue;
                }
                if !is_bundle_name(file.path().file_name()) || !asked.insert(file.digest()) {
                    continue;
                }
                let limit = attest_verify::limits::BUNDLE_BYTES as u64;
                match release.attached_bytes(&attachment, file, limit) {
                    Ok(bytes) => {
                        let signed = Signed {
                            place,
                            digest,
                            bytes,
                        };
                        found.extend(reviews::ask(&signed, commit, session));
                    }
                    Err(error) => {
                        report.unreadable |= matches!(error, ArchiveError::Io { .. });
                        let code = match error {
                            ArchiveError::TooLarge { .. } => "bundle-too-large",
                            _ => "bundle-unreadable",
                        };
                        found.push(unread(Kind::CommitReview, place, digest, code));
                    }
                }
            }
        }
    }
    found
}

/// What is attached, and what it counts as; statements are asked.
const ATTACHED: [(AttachmentKind, Option<Kind>); 5] = [
    (AttachmentKind::Audit, Some(Kind::AuditHead)),
    (AttachmentKind::Fixity, Some(Kind::Fixity)),
    (AttachmentKind::Renewal, Some(Kind::Renewal)),
    (AttachmentKind::Sbom, Some(Kind::Sbom)),
    (AttachmentKind::Evidence, None),
];

/// It might say no: who calls it a review is not known.
fn unread(kind: Kind, place: String, digest: String, code: &str) -> Found {
    Found {
        kind,
        state: State::Claimed,
        place,
        digest,
        detail: format!("{code}: it was not looked at"),
    }
}

/// It is there; whether it holds is the question of other commands.
fn kept(kind: Kind, place: String, digest: String) -> Found {
    let detail = match kind {
        Kind::AuditHead => "attest archive log checks it",
        Kind::Renewal => "attest archive verify --at checks it",
        _ => "kept, and not verified here",
    };
    Found {
        kind,
        state: State::Claimed,
        place,
        digest,
        detail: detail.to_owned(),
    }
}
