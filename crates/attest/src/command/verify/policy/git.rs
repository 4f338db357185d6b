//! Commits and tags under a policy: as what is asked about, and as what provenance says was built.

use std::collections::BTreeSet;
use std::path::Path;

use attest_policy::{Built, GitPiece, Inquiry, Signers};
use attest_provenance::Statement;
use attest_verify::{Evidence, GitEvidence, GitName, GitObject, Rejection, Sha1Names, limits};

use super::super::Session;
use super::super::shelf::Shelf;
use super::{Judge, decided_by, refusal, rule_reports};
use crate::git::Objects;
use crate::report::{Refusal, SubjectReport};

/// Commits and tags that were asked for, and what could not be read of them.
#[derive(Default)]
pub(super) struct Found {
    pub(super) pieces: Vec<GitPiece>,
    pub(super) unread: Option<Refusal>,
}

impl Judge {
    /// The commits and tags that provenance says were built, from the repository that a flag names.
    pub(super) fn sources(&self, inquiry: &Inquiry<'_>) -> Found {
        self.sources_of(&inquiry.built())
    }

    /// The same of what is known to have been built.
    pub(super) fn sources_of(&self, built: &BTreeSet<Built>) -> Found {
        let mut found = Found::default();
        let Some(folder) = self.repository.as_ref().filter(|_| self.rules.ask_git()) else {
            return found;
        };
        let objects = match Objects::of(folder) {
            Ok(objects) => objects,
            Err(silence) => {
                found.unread = Some(silent(silence));
                return found;
            }
        };
        // Each is a process or two; no honest subject is of many commits.
        for built in built.iter().take(SOURCES) {
            match self.source(built, &objects) {
                Ok(pieces) => found.pieces.extend(pieces),
                Err(silence) => found.unread = found.unread.or_else(|| Some(silent(silence))),
            }
        }
        found
    }

    fn source(&self, built: &Built, objects: &Objects) -> Result<Vec<GitPiece>, String> {
        let Some(name) = GitName::parse(&built.commit) else {
            return Ok(Vec::new());
        };
        let mut pieces = vec![self.commit(&name, objects)?];
        let reference = built.reference.as_deref();
        if let Some(tag) = reference.and_then(|it| it.strip_prefix("refs/tags/")) {
            pieces.push(self.tag(tag, built, objects)?);
        }
        Ok(pieces)
    }

    fn commit(&self, name: &GitName, objects: &Objects) -> Result<GitPiece, String> {
        let raw = objects.read(name, limits::GIT_OBJECT_BYTES)?;
        let piece = GitObject::parse(&raw.bytes)
            .map_err(Rejection::from)
            .and_then(|object| object.is(name).map(|()| self.piece(&object)));
        Ok(piece.unwrap_or_else(|refused| GitPiece::refused_commit(name, &refused)))
    }

    /// The tag of that name: it must be under that name, and for a commit.
    fn tag(&self, tag: &str, built: &Built, objects: &Objects) -> Result<GitPiece, String> {
        let reference = format!("refs/tags/{tag}");
        let name = objects.resolve(&reference)?.name;
        let raw = objects.read(&name, limits::GIT_OBJECT_BYTES)?;
        let checked = GitObject::parse(&raw.bytes)
            .map_err(Rejection::from)
            .and_then(|object| {
                object.is(&name)?;
                object.is_under(&reference)?;
                Ok(object)
            });
        let object = match checked {
            Ok(object) => object,
            Err(refused) => return Ok(GitPiece::refused_tag(tag, &built.commit, &refused)),
        };
        if let Some((_, target)) = object.target() {
            let target = objects.read(target, limits::GIT_OBJECT_BYTES)?;
            if let Err(refused) = object.is_for(&target.kind, &target.bytes) {
                return Ok(GitPiece::refused_tag(tag, &built.commit, &refused));
            }
        }
        Ok(self.piece(&object))
    }

    fn piece(&self, object: &GitObject) -> GitPiece {
        let signers = self.rules.everybody();
        GitPiece::of(object, self.verify_git(object, signers))
    }

    /// Whether these have signed a commit or a tag, with what the policy accepts of git.
    pub(in super::super) fn verify_git(
        &self,
        object: &GitObject,
        signers: &Signers,
    ) -> Result<GitEvidence, Rejection> {
        self.git.verify_git(object, signers, self.sha1())
    }

    fn sha1(&self) -> Sha1Names {
        if self.rules.closure().allows_git_sha1() {
            Sha1Names::Accepted
        } else {
            Sha1Names::Refused
        }
    }
}

/// A commit or a tag that was asked for, which is the one of that name: what each rule says of it, by its own
/// signature, that of the commit which a tag is for, and the statements about that commit.
pub(in super::super) fn of_git(
    object: &GitObject,
    objects: Option<&Objects>,
    reference: Option<&str>,
    judge: &Judge,
    session: &Session,
    shelf: &mut Shelf,
    report: &mut SubjectReport,
) -> Result<(), Answer> {
    let mut pieces = vec![judge.piece(object)];
    let commit = object.commit().unwrap_or(object.name());
    match objects {
        Some(objects) if object.tag().is_some() => {
            let read = judge.commit(commit, objects);
            pieces.push(read.map_err(|it| Answer::Unread(silent(it)))?);
        }
        _ => {}
    }
    let tag = object.tag().map(|it| format!("refs/tags/{it}"));
    let built = Built {
        commit: commit.to_string(),
        reference: reference.map(str::to_owned).or(tag),
    };
    let indices: Vec<usize> = session
        .bundles
        .iter()
        .flat_map(|it| shelf.load(it))
        .collect();
    for index in &indices {
        shelf.prove_statement(*index, session);
    }
    let proven: Vec<(usize, &Evidence)> = indices
        .iter()
        .filter_map(|index| Some((*index, shelf.evidence(*index)?)))
        .filter(|(_, it)| it.statement().is_some_and(|it| names_ref(it, &built)))
        .collect();
    let release = session.policy.release();
    let inquiry = judge.inquire(&proven, false, release).with_git(&pieces);
    let answers = inquiry.answers_of_commit(&built);
    report.decided_by = decided_by(&answers, &proven);
    report.rules = rule_reports(&judge.rules, &answers, &proven);
    let mut refused = answers.iter().filter_map(|it| refusal(&judge.rules, it));
    let first = refused.next();
    report.reasons.extend(refused);
    first.map_or(Ok(()), |it| Err(Answer::No(it)))
}

/// Why a commit or a tag does not pass.
pub(in super::super) enum Answer {
    No(Refusal),
    Unread(Refusal),
}

/// Where a statement says on which refs the commit was, it must be on the one that was asked for.
fn names_ref(statement: &Statement, built: &Built) -> bool {
    let Some(wanted) = &built.reference else {
        return true;
    };
    let of_commit = statement.subjects().iter().filter(|it| {
        let named = attest_provenance::predicate::review::commit_of(it);
        named.is_some_and(|it| it.as_str() == built.commit)
    });
    let refs = |it: &attest_provenance::Subject| {
        let annotations = it.descriptor().annotations.as_ref()?;
        annotations.get("sourceRefs").cloned()
    };
    let mut refs = of_commit.filter_map(refs).peekable();
    refs.peek().is_none()
        || refs.any(|it| {
            let refs = it.as_array();
            refs.is_some_and(|it| it.iter().any(|it| it.as_str() == Some(wanted)))
        })
}

fn silent(found: String) -> Refusal {
    Refusal {
        code: "git-unreadable",
        found,
        wanted: "an object that git hands over".to_owned(),
    }
}

/// The repository, if a rule asks for what stands in it.
pub(super) fn refuse_without_repository(
    judge_asks: bool,
    repository: Option<&Path>,
    all_are_git: bool,
    is_chain: bool,
) -> Result<(), crate::failure::Failure> {
    match (judge_asks, repository) {
        (true, None) if !all_are_git => Err(crate::failure::Failure::request(
            "repository-required",
            "a rule of the policy is about the commit that was built, and no repository is named",
        )
        .hint("name a clone of the source with --source-repository")),
        (false, Some(_)) if !is_chain => Err(crate::failure::Failure::request(
            "bad-arguments",
            "--source-repository is given, and no rule of the policy is about git",
        )),
        _ => Ok(()),
    }
}

/// Commits that are read for one subject.
const SOURCES: usize = 16;
