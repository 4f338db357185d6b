//! The links behind something that is deployed: its provenance, the commit, and what was said of that.

use std::fmt::Display;

use attest_policy::{
    Bytes, Link, built_from, is_about_commit, reviewed, scanned, statement_names,
    statement_signs_for, tested,
};
use attest_provenance::{GitCommit, Statement};
use attest_verify::{Evidence, GitEvidence, GitName, GitObject, Sha1Names, limits};

use super::statements::Statements;
use super::{Chain, End, enough, no, refused};
use crate::args::{DeployedArgs, LinkArg};
use crate::command::verify::Session;
use crate::console::escape;
use crate::git::Objects;
use crate::report::{Refusal, SubjectReport};

/// The links behind something deployed, in order; the commit that they lead to.
pub(super) fn follow(
    bytes: Bytes<'_>,
    path: Option<&str>,
    chain: &Chain<'_>,
    session: &Session,
    statements: &mut Statements,
    report: &mut SubjectReport,
) -> Result<GitCommit, End> {
    let of_artifact = |it: &Statement| statement_names(it, bytes, None).is_ok();
    let builds = link(Link::Build, &of_artifact, chain, session, statements)?;
    let builds = match path {
        Some(path) => built_for(path, bytes, builds, chain, statements)?,
        None => builds,
    };
    let provenance = statements.statements(&builds);
    let commit = built_from(&provenance).map_err(no)?;
    if session.judge.is_none() {
        named_well(&commit, session, report)?;
    }
    note(
        report,
        "build",
        &builds,
        statements,
        &format!("of commit {commit}"),
    );
    let signed = author(&commit, chain, session, report)?;
    for asked in asked_links(chain.args) {
        let about = |it: &Statement| {
            is_about_commit(it, &commit) || (asked != Link::Review && of_artifact(it))
        };
        let found = link(asked, &about, chain, session, statements)?;
        let evidence = statements.evidence_of(&found);
        let words = match asked {
            Link::Review => {
                let counted = reviewed(&evidence, signed.as_ref()).map_err(no)?;
                // The author's own is none of as many as there must be.
                let by = counted.iter().filter_map(|it| evidence.get(it.place));
                let by: Vec<&Evidence> = by.copied().collect();
                if let Some(signers) = chain.roles.of(asked) {
                    enough(signers, &by)?;
                }
                let word = |it: &attest_policy::Counted| {
                    let open = it.review.unresolved().count();
                    format!(
                        "{} review by {}, independent of the author: {}; {open} open findings",
                        it.review.scope.word(),
                        escape(&it.review.reviewer),
                        it.independence
                    )
                };
                counted.iter().map(word).collect::<Vec<_>>().join("; ")
            }
            Link::Test => {
                tested(&evidence).map_err(no)?;
                "PASSED".to_owned()
            }
            _ => {
                let counts = scanned(&evidence).map_err(no)?;
                let most = counts.iter().max().copied().unwrap_or_default();
                format!("{most} vulnerabilities listed, not judged here")
            }
        };
        note(report, asked.name(), &found, statements, &words);
    }
    Ok(commit)
}

/// Build, review and tests are bound to each other by the commit's name alone: a SHA-1 needs leave. What a policy
/// allows is asked for with its rules.
fn named_well(
    commit: &GitCommit,
    session: &Session,
    report: &mut SubjectReport,
) -> Result<(), End> {
    if commit.as_str().len() != SHA1_DIGITS {
        return Ok(());
    }
    if matches!(session.sha1_names, Sha1Names::Refused) {
        return Err(End::No(Refusal {
            code: "commit-not-accepted",
            found: commit.to_string(),
            wanted: "a commit named by its SHA-256, or --accept sha1-git".to_owned(),
        }));
    }
    let note = format!("{commit} is a SHA-1: two commits can be made that have one");
    if !report.notes.contains(&note) {
        report.notes.push(note);
    }
    Ok(())
}

const SHA1_DIGITS: usize = 40;

/// Of builds of these bytes those that are not of another path only: in a folder every file stands where it was
/// built for.
fn built_for(
    path: &str,
    bytes: Bytes<'_>,
    builds: Vec<usize>,
    chain: &Chain<'_>,
    statements: &Statements,
) -> Result<Vec<usize>, End> {
    let mut elsewhere = None;
    let mut here = Vec::new();
    for index in builds {
        let statement = statements.evidence(index).and_then(Evidence::statement);
        match statement.map(|it| statement_signs_for(it, bytes, &[path])) {
            Some(Ok(())) => here.push(index),
            Some(Err(reason)) => elsewhere = elsewhere.or(Some(reason)),
            None => {}
        }
    }
    match (here.is_empty(), elsewhere) {
        (true, Some(reason)) => return Err(no(reason)),
        (true, None) => return Err(no(Link::Build.missing("none"))),
        (false, _) => {}
    }
    if let Some(signers) = chain.roles.of(Link::Build) {
        enough(signers, &statements.evidence_of(&here))?;
    }
    Ok(here)
}

fn asked_links(args: &DeployedArgs) -> Vec<Link> {
    let mut links = if args.deployed_links.is_empty() {
        vec![Link::Review, Link::Test, Link::Scan]
    } else {
        let link = |it: &LinkArg| match it {
            LinkArg::Review => Link::Review,
            LinkArg::Test => Link::Test,
            LinkArg::Scan => Link::Scan,
        };
        args.deployed_links.iter().map(link).collect()
    };
    links.sort_unstable();
    links.dedup();
    links
}

/// The statements of one link that are proven to be by its signers, at least one and as many as they need.
fn link(
    link: Link,
    about: &dyn Fn(&Statement) -> bool,
    chain: &Chain<'_>,
    session: &Session,
    statements: &mut Statements,
) -> Result<Vec<usize>, End> {
    let Some(signers) = chain.roles.of(link) else {
        return Err(no(link.missing("nobody who may sign one")));
    };
    let candidates = statements.candidates(link.types(), about);
    let mut proven = Vec::new();
    let mut refused = None;
    for index in candidates {
        statements.prove(index, signers, session);
        let evidence = statements.evidence(index);
        if evidence.and_then(Evidence::statement).is_some_and(about) {
            proven.push(index);
        } else {
            refused = refused.or_else(|| Some(statements.refusal(index)));
        }
    }
    if proven.is_empty() {
        let found = match refused {
            Some(refusal) => format!(
                "one that does not count ({}: {})",
                refusal.code, refusal.found
            ),
            None => "none".to_owned(),
        };
        return Err(no(link.missing(found)));
    }
    enough(signers, &statements.evidence_of(&proven))?;
    Ok(proven)
}

/// The commit's own signature, when there is a repository to ask.
fn author(
    commit: &GitCommit,
    chain: &Chain<'_>,
    session: &Session,
    report: &mut SubjectReport,
) -> Result<Option<GitEvidence>, End> {
    let Some(folder) = &chain.args.source_repository else {
        return Ok(None);
    };
    let unknown = |found: String| {
        End::Unknown(Refusal {
            code: "git-unreadable",
            found,
            wanted: "the commit of the source".to_owned(),
        })
    };
    let signers = chain.roles.author();
    let (Some(signers), Some(name)) = (signers, GitName::parse(commit.as_str())) else {
        return Err(unknown("a repository, and nobody called author".to_owned()));
    };
    let raw = Objects::of(folder).and_then(|it| it.read(&name, limits::GIT_OBJECT_BYTES));
    let raw = raw.map_err(unknown)?;
    let object = GitObject::parse(&raw.bytes).map_err(|it| refused(it.into()))?;
    object.is(&name).map_err(refused)?;
    let verified = match &session.judge {
        Some(judge) => judge.verify_git(&object, signers),
        None => session
            .verifier
            .verify_git(&object, signers, session.sha1_names),
    };
    let verified = verified.map_err(refused)?;
    signers.admit(verified.evidence()).map_err(no)?;
    enough(signers, &[verified.evidence()])?;
    let by = escape(&verified.evidence().signer().to_string());
    let note = format!("commit: signed by {by}");
    if !report.notes.contains(&note) {
        report.notes.push(note);
    }
    Ok(Some(verified))
}

fn note(
    report: &mut SubjectReport,
    link: &str,
    indices: &[usize],
    statements: &Statements,
    words: &dyn Display,
) {
    let evidence = statements.evidence_of(indices);
    let mut by: Vec<String> = evidence
        .iter()
        .map(|it| escape(&it.signer().to_string()))
        .collect();
    by.sort();
    by.dedup();
    let note = format!("{link}: {words}, signed by {}", by.join(", "));
    // Of many files it is said once.
    if !report.notes.contains(&note) {
        report.notes.push(note);
    }
    report.decided_by.extend(indices);
    report.decided_by.sort_unstable();
    report.decided_by.dedup();
}
