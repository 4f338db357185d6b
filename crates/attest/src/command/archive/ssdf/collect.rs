//! What is kept of one release: each piece verified, or told as a claim.

use attest_archive::{
    AttachmentKind, CheckReport, CheckedRelease, Deletion, Reader, Release, Role,
};
use attest_digest::{Algorithm, Digest};
use attest_policy::built_from;
use attest_provenance::predicate::release::ClaimedRelease;
use attest_provenance::predicate::{release, slsa};
use attest_provenance::{GitCommit, Statement};
use attest_verify::{Evidence, ProvenSigner};

use super::reviews::{self, Signed};
use super::{Found, Kind, ReleaseReport, State};
use crate::command::archive::add::sboms;
use crate::command::archive::damage_failure;
use crate::command::archive::verify::tell;
use crate::command::verify::{Session, Shelf, archived};
use crate::failure::{Exit, Failure};
use crate::report::{self, SubjectReport, Verdict};

/// Everything of one release that is evidence for a task.
pub(super) fn release(
    reader: &Reader,
    checked: &CheckedRelease,
    all: &CheckReport,
    session: &Session,
    statements: &[Signed],
) -> Result<ReleaseReport, Failure> {
    let name = checked.name.to_string();
    let mut shelf = Shelf::new();
    let mut subject = SubjectReport::new(name.clone(), archived::KIND);
    let mut report = ReleaseReport {
        name,
        manifest: String::new(),
        commit: Err("no verified provenance".to_owned()),
        unreadable: false,
        found: Vec::new(),
    };
    let release = reader.find(&checked.name).ok().flatten();
    if let Some(release) = &release {
        subject = archived::verify(
            release,
            &all.observed,
            reader.deletion(release.manifest()),
            session,
            &mut shelf,
        );
        report.manifest = release.manifest().to_string();
    }
    for problem in &checked.problems {
        tell(&mut subject, problem);
    }
    report.unreadable = subject.exit() == Exit::Unknown;
    let deletion = release
        .as_ref()
        .and_then(|it| reader.deletion(it.manifest()));
    report
        .found
        .push(files(&subject, &report.manifest, deletion));
    let Some(release) = &release else {
        return Ok(report);
    };
    report.found.extend(members(release, &subject, &shelf));
    for number in shelf.numbers() {
        shelf.prove_statement(number, session);
    }
    for number in shelf.numbers() {
        report.found.extend(piece(number, &shelf, release, session));
    }
    report.found.extend(listed_sboms(release, &subject, &shelf));
    let commit = commit(&shelf, release);
    let mut known = statements.to_vec();
    for (kind, signed) in attached(reader, release)? {
        match kind {
            Some(kind) => report.found.push(kept(kind, &signed)),
            None => known.push(signed),
        }
    }
    report
        .found
        .extend(reviews::of(&known, commit.as_ref().ok(), session));
    report.commit = commit.map(|it| it.to_string());
    Ok(report)
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
fn members(release: &Release<'_>, subject: &SubjectReport, shelf: &Shelf) -> Vec<Found> {
    let mut found = Vec::new();
    let by_identity = shelf
        .proven()
        .any(|it| matches!(it.signer(), ProvenSigner::Identity { .. }));
    for member in release.members() {
        let path = member.path().as_str();
        let kind = match (member.role(), path) {
            (Role::Guide, _) => Kind::Guide,
            (Role::Trust, "trusted_root.json") if !by_identity => continue,
            (Role::Trust, _) => Kind::Key,
            (Role::Checksums, _) => Kind::Checksums,
            _ => continue,
        };
        let is_signed = kind != Kind::Checksums || signs(shelf, member.digest());
        let verdict = verdict(subject, path);
        let (state, detail) = match verdict {
            Ok(()) if is_signed => (State::Verified, String::new()),
            Ok(()) => (
                State::Claimed,
                "no verified signature is over it".to_owned(),
            ),
            Err(code) => (State::Claimed, code),
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
fn piece(number: usize, shelf: &Shelf, release: &Release<'_>, session: &Session) -> Vec<Found> {
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
fn kind_of(evidence: &Evidence, kept: &Release<'_>) -> Option<Kind> {
    let statement = evidence.statement()?;
    match statement.predicate_type() {
        release::TYPE | release::TYPE_V0_1 => {
            let claimed = ClaimedRelease::from_statement(statement).ok()?;
            (claimed.name() == Some(kept.name())).then_some(Kind::ReleaseStatement)
        }
        slsa::TYPE | slsa::TYPE_V0_2 => {
            names(statement, &artifacts(kept)).then_some(Kind::Provenance)
        }
        _ => None,
    }
}

fn artifacts(release: &Release<'_>) -> Vec<Digest> {
    let members = release.members().iter();
    let artifacts = members.filter(|it| it.role() == Role::Artifact);
    artifacts.map(attest_archive::Member::digest).collect()
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

/// Documents that a proven statement calls bills of materials, and that were verified themselves.
fn listed_sboms(release: &Release<'_>, subject: &SubjectReport, shelf: &Shelf) -> Vec<Found> {
    let listed = sboms(shelf);
    let members = release.members().iter();
    let found = members.filter_map(|member| {
        let path = member.path().as_str();
        let is_listed = listed.iter().any(|(name, digests)| {
            name == path && digests.get(Algorithm::Sha256) == Some(&member.digest())
        });
        let (state, detail) = match (verdict(subject, path), is_listed) {
            (Ok(()), true) => (State::Verified, String::new()),
            (Err(code), true) => (State::Claimed, code),
            (_, false) if member.role() == Role::Sbom => {
                (State::Claimed, "no verified statement names it".to_owned())
            }
            _ => return None,
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
fn commit(shelf: &Shelf, release: &Release<'_>) -> Result<GitCommit, String> {
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

/// What was attached to the release later: as what it counts, or as a statement to be asked.
fn attached(
    reader: &Reader,
    release: &Release<'_>,
) -> Result<Vec<(Option<Kind>, Signed)>, Failure> {
    let mut all = Vec::new();
    let attachments = reader.attachments(release);
    for attachment in attachments.map_err(|error| damage_failure(&error))? {
        let kind = match attachment.kind() {
            AttachmentKind::Audit => Some(Kind::AuditHead),
            AttachmentKind::Fixity => Some(Kind::Fixity),
            AttachmentKind::Renewal => Some(Kind::Renewal),
            AttachmentKind::Sbom => Some(Kind::Sbom),
            AttachmentKind::Evidence => None,
            _ => continue,
        };
        for file in attachment.files() {
            let bytes = match kind {
                Some(_) => Vec::new(),
                None => attachment
                    .unverified_bytes(file.path(), attest_verify::limits::BUNDLE_BYTES as u64)
                    .map_err(|error| damage_failure(&error))?,
            };
            let place = format!("{} (attached {})", file.path(), attachment.created());
            let digest = file.digest().to_string();
            all.push((
                kind,
                Signed {
                    place,
                    digest,
                    bytes,
                },
            ));
        }
    }
    Ok(all)
}

/// It is there; whether it holds is the question of other commands.
fn kept(kind: Kind, signed: &Signed) -> Found {
    let detail = match kind {
        Kind::AuditHead => "attest archive log checks it",
        Kind::Renewal => "attest archive verify --at checks it",
        _ => "kept, and not verified here",
    };
    Found {
        kind,
        state: State::Claimed,
        place: signed.place.clone(),
        digest: signed.digest.clone(),
        detail: detail.to_owned(),
    }
}
