//! A checksums file: its own bytes are signed, and every file that it lists is hashed.

mod claimed;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use attest_digest::{
    Algorithm, Artifact, Checksums, Digest, Hashes, ReadError, RelativePath, Root,
};
use attest_policy::{Accepted, Approval, Found, Present, SignedNames, judge_folder};
use attest_provenance::Statement;
use attest_verify::Evidence;

use super::Session;
use super::approval;
use super::evidence::Role;
use super::file::{file_name, no_bundle, places, prove_signed_for, read_again, said_of_the_list};
use super::folder::file_report;
use super::policy;
use super::shelf::Shelf;
use crate::files;
use crate::home::real;
use crate::report::{FileReport, Refusal, SubjectReport, Verdict};
pub(super) use claimed::Claimed;

pub(super) fn verify(
    path: &Path,
    algorithm: Algorithm,
    session: &Session,
    shelf: &mut Shelf,
) -> SubjectReport {
    let mut report = SubjectReport::new(path.display().to_string(), "checksums");
    let unreadable = |error| FileReport::unreadable(path.display().to_string(), &error);
    let artifact = match Artifact::read_path(path, Hashes::All) {
        Ok(artifact) => artifact,
        Err(error) => {
            report.files.push(unreadable(error));
            return report;
        }
    };
    let Some(signed) = signed(path, &artifact, session, shelf, &mut report) else {
        return report;
    };
    let bytes = match read_again(path, &artifact) {
        Ok(bytes) => bytes,
        Err(error) => {
            report.files.push(unreadable(error));
            return report;
        }
    };
    let names = Checksums::parse(&bytes, algorithm)
        .map_err(|error| Refusal {
            code: "checksums-malformed",
            found: error.to_string(),
            wanted: "lines of sha256sum or openssl dgst".to_owned(),
        })
        .and_then(|checksums| {
            let signed = vouching(signed, &checksums, session, shelf, &mut report)?;
            let names = names(&signed, &checksums, session, shelf)?;
            let evidence = signed.iter().filter_map(|it| shelf.evidence(*it));
            let statements = evidence.filter_map(Evidence::statement);
            let claimed = Claimed::by(statements, &artifact, &checksums);
            Ok((names, claimed, checksums))
        });
    match names {
        Ok((names, claimed, checksums)) => {
            let read = judge(path, &names, &claimed, algorithm, session, &mut report);
            if let Some(judge) = &session.judge {
                let list = (&artifact, &checksums);
                policy::of_list(path, list, &read, judge, session, shelf, &mut report);
            }
        }
        Err(refusal) => report.reasons.push(refusal),
    }
    report
}

/// The evidence that signs the checksums file: of each signer all parts of a release statement, or
/// one bundle.
fn signed(
    path: &Path,
    artifact: &Artifact,
    session: &Session,
    shelf: &mut Shelf,
    report: &mut SubjectReport,
) -> Option<Vec<usize>> {
    let mut signing = Vec::new();
    let mut refused: Vec<Refusal> = Vec::new();
    let mut unreadable = None;
    for place in places(path, session) {
        if place.role == Role::Checksums {
            continue; // it signs another checksums file
        }
        let below = path_below(path, &place.path);
        let paths: Vec<&str> = file_name(path)
            .into_iter()
            .chain(below.as_deref())
            .collect();
        for index in shelf.load(&place.path) {
            match prove_signed_for(index, (artifact, path), &paths, session, shelf) {
                Ok(()) => signing.push(index),
                Err(refusals) if shelf.is_unreadable(index) => {
                    unreadable = unreadable.or(refusals.into_iter().next());
                }
                Err(refusals) => refused.extend(refusals),
            }
        }
    }
    let mut approving = Vec::new();
    for party in approval::by_signer(&signing, shelf) {
        let party = best_of(party, shelf);
        match complete(&party, session, shelf) {
            Ok(()) => approving.extend(party),
            Err(refusal) => refused.insert(0, refusal),
        }
    }
    let enough = approval::enough(&approving, session, shelf);
    if !approving.is_empty() {
        approval::decided(approving.clone(), session, shelf, report);
        match enough {
            Ok(()) => return Some(approving),
            Err(refusal) => refused.insert(0, refusal),
        }
    }
    match (refused.into_iter().next(), unreadable) {
        (None, Some(refusal)) => {
            let path = path.display().to_string();
            report.files.push(FileReport {
                path,
                verdict: Verdict::Unreadable(refusal),
                size: None,
                sha256: None,
            });
        }
        (refused, _) => report.reasons.push(refused.unwrap_or_else(no_bundle)),
    }
    None
}

/// Of those who sign the list, the ones whose word reaches the files in it: what was asked of a build, a
/// summary or a type must be said of every listed file, and not of the list alone.
fn vouching(
    signed: Vec<usize>,
    checksums: &Checksums,
    session: &Session,
    shelf: &Shelf,
    report: &mut SubjectReport,
) -> Result<Vec<usize>, Refusal> {
    let reaches = |party: &Vec<usize>| {
        let accepted = party.iter().map(|it| shelf.decide(*it, session));
        let accepted: Vec<Accepted<'_>> = accepted.flatten().collect();
        let of_list = |it: &Accepted<'_>| session.policy.approves_what_is_listed(it);
        accepted.iter().all(of_list) || names_all(&accepted, checksums)
    };
    let parties = approval::by_signer(&signed, shelf).into_iter();
    let vouching: Vec<usize> = parties.filter(reaches).flatten().collect();
    if vouching.len() == signed.len() {
        return Ok(signed);
    }
    report.decided_by.clear();
    report.approvals = None;
    if vouching.is_empty() {
        return Err(said_of_the_list());
    }
    approval::decided(vouching.clone(), session, shelf, report);
    approval::enough(&vouching, session, shelf).map(|()| vouching)
}

/// Whether statements are about every file that is listed, under its name and by the listed digest.
fn names_all(accepted: &[Accepted<'_>], checksums: &Checksums) -> bool {
    let statements = accepted.iter().filter_map(|it| it.evidence().statement());
    let named: BTreeSet<(Option<&str>, Digest)> = statements
        .flat_map(Statement::subjects)
        .flat_map(|it| it.digests().iter().map(|digest| (it.name(), *digest)))
        .collect();
    let mut entries = checksums.entries().iter();
    entries.all(|(path, digest)| named.contains(&(Some(path.as_str()), *digest)))
}

/// Of what one signer has, the statements; else the first signature.
fn best_of(party: Vec<usize>, shelf: &Shelf) -> Vec<usize> {
    let (statements, messages): (Vec<usize>, Vec<usize>) =
        party.into_iter().partition(|it| shelf.is_statement(*it));
    if statements.is_empty() {
        messages.into_iter().take(1).collect()
    } else {
        statements
    }
}

/// The path of a file below the folder of a bundle, when it lies there.
fn path_below(path: &Path, bundle: &Path) -> Option<String> {
    let folder = real(&files::folder_of(bundle));
    let below = real(path).strip_prefix(folder).ok()?.to_str()?.to_owned();
    Some(below)
}

/// When a release statement signs the list, all its parts must be there.
fn complete(signed: &[usize], session: &Session, shelf: &Shelf) -> Result<(), Refusal> {
    let accepted = signed.iter().map(|index| shelf.decide(*index, session));
    let releases: Vec<Accepted<'_>> = accepted
        .flatten()
        .filter(|one| matches!(one.approval(), Approval::Release(_)))
        .collect();
    if releases.is_empty() {
        return Ok(());
    }
    SignedNames::of_statements(&releases)
        .and_then(|names| names.complete())
        .map_err(|reason| Refusal::from(&reason))
}

/// The listed names.
fn names(
    signed: &[usize],
    checksums: &Checksums,
    session: &Session,
    shelf: &Shelf,
) -> Result<SignedNames, Refusal> {
    let mut accepted = signed.iter().map(|index| shelf.decide(*index, session));
    let Some(first) = accepted.find_map(Result::ok) else {
        return Err(no_bundle());
    };
    SignedNames::of_checksums(&first, checksums).map_err(|reason| Refusal::from(&reason))
}

/// What was read of the files that a list names.
pub(super) type Listed = BTreeMap<RelativePath, Result<Artifact, ReadError>>;

fn judge(
    path: &Path,
    names: &SignedNames,
    claimed: &Claimed,
    algorithm: Algorithm,
    session: &Session,
    report: &mut SubjectReport,
) -> Listed {
    let hashes = if session.judge.is_some() {
        // What statements of others claim is not known yet.
        Hashes::All
    } else {
        claimed.hashes(Hashes::Sha256.with(algorithm))
    };
    let folder = files::folder_of(path);
    let root = match Root::open(&folder) {
        Ok(root) => root,
        Err(error) => {
            let refusal = Refusal {
                code: error.code(),
                found: error.to_string(),
                wanted: "a readable folder".to_owned(),
            };
            report.files.push(FileReport {
                path: folder.display().to_string(),
                verdict: Verdict::Unreadable(refusal),
                size: None,
                sha256: None,
            });
            return Listed::new();
        }
    };
    let listed: Vec<RelativePath> = names.paths().cloned().collect();
    let read: Listed = listed
        .iter()
        .cloned()
        .zip(root.read_all(&listed, hashes))
        .collect();
    let present: Vec<Present> = read
        .iter()
        .filter_map(|(path, read)| {
            let found = match read {
                Ok(artifact) => Found::Read(artifact.clone()),
                Err(ReadError::NotFound { .. }) => return None,
                Err(error) => Found::Unreadable {
                    code: error.code(),
                    problem: error.to_string(),
                },
            };
            Some(Present {
                path: path.clone(),
                found,
            })
        })
        .collect();
    let verdicts = judge_folder(names, &present, &[], session.ignore_missing);
    report.files.extend(
        verdicts
            .into_iter()
            .map(|verdict| file_report(verdict, |path| read.get(path)?.as_ref().ok()))
            .map(as_in_a_folder),
    );
    claimed.judge(&mut report.files, |it| read.get(it)?.as_ref().ok());
    if session.ignore_missing && present.len() < listed.len() {
        report.notes.push(format!(
            "{} of {} listed files are absent (--ignore-missing)",
            listed.len() - present.len(),
            listed.len()
        ));
    }
    if report.files.is_empty() {
        report.reasons.push(Refusal {
            code: "file-missing",
            found: "none of the listed files".to_owned(),
            wanted: "at least one".to_owned(),
        });
    }
    read
}

/// What stands there is no file that could have been signed: refused, as it is in a folder.
fn as_in_a_folder(mut file: FileReport) -> FileReport {
    file.verdict = match file.verdict {
        Verdict::Unreadable(refusal) if matches!(refusal.code, "not-a-file" | "link-outside") => {
            Verdict::Rejected(Refusal {
                wanted: "a regular file that can be signed".to_owned(),
                ..refusal
            })
        }
        other => other,
    };
    file
}
