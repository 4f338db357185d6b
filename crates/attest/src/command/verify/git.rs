//! Commits and tags of git, by their raw bytes.

use std::path::Path;

use attest_digest::{Artifact, Hashes};
use attest_verify::{GitError, GitFormat, GitKind, GitName, GitObject, Rejection, limits};

use super::Session;
use super::approval;
use super::file::most_telling;
use super::policy::{self, GitAnswer};
use super::shelf::Shelf;
use crate::console::escape;
use crate::files;
use crate::git::{Objects, RawObject, Silence};
use crate::report::{self, FileReport, Refusal, SubjectReport, Verdict};

/// Verifies what a revision of a repository leads to.
pub(super) fn verify(
    folder: &Path,
    revision: &str,
    session: &Session,
    shelf: &mut Shelf,
) -> SubjectReport {
    let place = format!("git:{}@{revision}", folder.display());
    let mut report = SubjectReport::new(place.clone(), "git");
    let asked = match ask(folder, revision) {
        Ok(asked) => asked,
        Err(silence) => {
            report.files.push(unreadable(&place, silence));
            return report;
        }
    };
    let raw = asked.raw.bytes.clone();
    let verdict = decide(&raw, &place, Some(&asked), session, shelf, &mut report);
    report.files.push(answered(&place, verdict, &raw));
    report
}

/// Verifies an object in a file, as `git cat-file commit` hands it out.
pub(super) fn verify_object(path: &Path, session: &Session, shelf: &mut Shelf) -> SubjectReport {
    let place = format!("git-object:{}", path.display());
    let mut report = SubjectReport::new(place.clone(), "git");
    let most = limits::GIT_OBJECT_BYTES as u64 + 1;
    match files::read_limited(path, most) {
        Ok(raw) => {
            let verdict = decide(&raw, &place, None, session, shelf, &mut report);
            report.files.push(answered(&place, verdict, &raw));
        }
        Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => {
            let found = usize::try_from(most).unwrap_or(usize::MAX);
            let verdict = rejected(vec![report::refusal(&GitError::TooLarge { found }.into())]);
            report.files.push(answered(&place, verdict, &[]));
        }
        Err(error) => report.files.push(unreadable(&place, error.to_string())),
    }
    report
}

/// What the repository says about a revision, and the bytes.
struct Asked {
    wanted: GitName,
    reference: Option<String>,
    raw: RawObject,
    objects: Objects,
}

fn ask(folder: &Path, revision: &str) -> Result<Asked, Silence> {
    let objects = Objects::of(folder)?;
    let found = objects.resolve(revision)?;
    let raw = objects.read(&found.name, limits::GIT_OBJECT_BYTES)?;
    Ok(Asked {
        wanted: found.name,
        reference: found.reference,
        raw,
        objects,
    })
}

fn decide(
    raw: &[u8],
    place: &str,
    asked: Option<&Asked>,
    session: &Session,
    shelf: &mut Shelf,
    report: &mut SubjectReport,
) -> Verdict {
    let object = match GitObject::parse(raw) {
        Ok(object) => object,
        Err(error) => return rejected(vec![report::refusal(&error.into())]),
    };
    if let Some(asked) = asked
        && let Err(refused) = is_the_one(&object, asked)
    {
        return match refused {
            Refused::No(rejection) => rejected(report::refusals(&rejection)),
            Refused::Silent(silence) => Verdict::Unreadable(silent(silence)),
        };
    }
    note(&object, asked, report);
    if let Some(judge) = &session.judge {
        let objects = asked.map(|it| &it.objects);
        let reference = asked.and_then(|it| it.reference.as_deref());
        return match policy::of_git(&object, objects, reference, judge, session, shelf, report) {
            Ok(()) => Verdict::Verified,
            Err(GitAnswer::No(refusal)) => Verdict::Rejected(refusal),
            Err(GitAnswer::Unread(refusal)) => Verdict::Unreadable(refusal),
        };
    }
    let signers = session.policy.signers();
    let verified = session
        .verifier
        .verify_git(&object, signers, session.sha1_names);
    let verified = verified.map(attest_verify::GitEvidence::into_evidence);
    let index = shelf.take_verified(Path::new(place), verified, session);
    let enough = shelf
        .decide(index, session)
        .map(|_| ())
        .and_then(|()| approval::enough(&[index], session, shelf).map_err(|it| vec![it]));
    match enough {
        Ok(()) => {
            approval::decided(vec![index], session, shelf, report);
            Verdict::Verified
        }
        Err(refusals) => rejected(refusals),
    }
}

enum Refused {
    No(Rejection),
    Silent(Silence),
}

/// The object is the one that was asked for, and a tag is for the commit that it says.
fn is_the_one(object: &GitObject, asked: &Asked) -> Result<(), Refused> {
    object.is(&asked.wanted).map_err(Refused::No)?;
    if let Some(reference) = &asked.reference {
        object.is_under(reference).map_err(Refused::No)?;
    }
    let Some((claimed, target)) = object.target() else {
        return Ok(());
    };
    if object.commit().is_some() {
        let raw = asked.objects.read(target, limits::GIT_OBJECT_BYTES);
        let raw = raw.map_err(Refused::Silent)?;
        return object.is_for(&raw.kind, &raw.bytes).map_err(Refused::No);
    }
    object.is_for(claimed, &[]).map_err(Refused::No)
}

/// What the object says of itself. Renderers escape it.
fn note(object: &GitObject, asked: Option<&Asked>, report: &mut SubjectReport) {
    let mut say = |text: String| report.notes.push(text);
    let author = object.author();
    let by = format!("{} <{}>", escape(&author.name), escape(&author.email));
    let tag = object.tag().zip(object.target());
    if let (GitKind::Tag, Some((tag, (kind, target)))) = (object.kind(), tag) {
        say(format!(
            "tag {} ({}) for the {kind} {target}, made by {by} as it says",
            escape(tag),
            object.name()
        ));
        match asked {
            Some(_) => say("of the commit itself nothing was verified but its name".to_owned()),
            None => say("what the tag is for was not read".to_owned()),
        }
    } else {
        let name = object.name();
        say(format!("commit {name}, written by {by} as it says"));
        if let Some(reference) = asked.and_then(|it| it.reference.as_deref()) {
            let reference = escape(reference);
            say(format!(
                "nobody signed that {reference} leads to this commit"
            ));
        }
    }
    if object.name().format() == GitFormat::Sha1 {
        say("named by SHA-1: bytes that are made to collide are noticed, as far as such attacks are known".to_owned());
    }
    say("the files of the tree were not read".to_owned());
}

fn rejected(refusals: Vec<Refusal>) -> Verdict {
    let unsaid = || Refusal {
        code: "signature-malformed",
        found: "nothing".to_owned(),
        wanted: "a signature".to_owned(),
    };
    Verdict::Rejected(most_telling(refusals).unwrap_or_else(unsaid))
}

fn answered(place: &str, verdict: Verdict, raw: &[u8]) -> FileReport {
    let artifact = Artifact::of_bytes(raw, Hashes::Sha256);
    FileReport {
        path: place.to_owned(),
        verdict,
        size: Some(artifact.size()),
        sha256: Some(artifact.sha256().hex()),
    }
}

fn unreadable(place: &str, silence: Silence) -> FileReport {
    FileReport {
        path: place.to_owned(),
        verdict: Verdict::Unreadable(silent(silence)),
        size: None,
        sha256: None,
    }
}

fn silent(found: Silence) -> Refusal {
    Refusal {
        code: "git-unreadable",
        found,
        wanted: "an object that git hands over".to_owned(),
    }
}
