//! `attest verify --deployed`: from what is deployed over its provenance to the commit, and to what was
//! said of that very commit. The first link that is missing is the answer.

mod roles;
mod statements;

use std::fmt::Display;
use std::path::Path;

use attest_digest::{Artifact, Digest, Hashes};
use attest_policy::{
    Bytes, Link, Reason, built_from, deployment, is_about_commit, reviewed, scanned, tested,
};
use attest_policy::{Signers, statement_names};
use attest_provenance::predicate::deployment::TYPE as DEPLOYMENT;
use attest_provenance::{GitCommit, Statement};
use attest_verify::{Evidence, GitEvidence, GitName, GitObject, limits};

use super::Session;
use super::subject::Subject;
use crate::args::{DeployedArgs, LinkArg, TrustArgs};
use crate::console::escape;
use crate::failure::Failure;
use crate::git::Objects;
use crate::report::{self, EvidenceReport, FileReport, Refusal, SubjectReport, Verdict};
use crate::trust::Surroundings;

use roles::Roles;
use statements::Statements;

/// What a run that follows chains holds beside its session.
pub(super) struct Chain<'a> {
    args: &'a DeployedArgs,
    roles: Roles,
}

impl<'a> Chain<'a> {
    pub(super) fn of(
        args: &'a DeployedArgs,
        trust: &TrustArgs,
        around: &Surroundings,
        subjects: &[Subject],
    ) -> Result<Self, Failure> {
        refuse_other_subjects(subjects)?;
        let roles = Roles::resolve(trust, args, around)?;
        Ok(Self { args, roles })
    }
}

/// Why a chain ends.
enum End {
    No(Refusal),
    Unknown(Refusal),
}

/// Answers each subject.
pub(super) fn answers(
    subjects: &[Subject],
    chain: &Chain<'_>,
    session: &Session,
) -> (Vec<SubjectReport>, Vec<EvidenceReport>) {
    let mut statements = Statements::read(&session.bundles, &chain.args.evidence);
    let answer = |subject: &Subject, statements: &mut Statements| {
        let mut report = SubjectReport::new(words_of(subject), "deployed");
        let verdicts = match started(subject, chain, session, statements, &mut report) {
            Ok(deployed) => deployed,
            Err(end) => vec![(words_of(subject), Err(end))],
        };
        for (name, digest) in verdicts {
            let answer = digest.and_then(|digest| {
                follow(digest, chain, session, statements, &mut report).map(|()| digest)
            });
            let answer = match statements.unread_named() {
                Some(refusal) => Err(End::Unknown(refusal)),
                None => answer,
            };
            report.files.push(file_report(name, answer));
        }
        report.notes.push(NOT_A_DESIGN_REVIEW.to_owned());
        report
    };
    let reports = subjects
        .iter()
        .map(|subject| answer(subject, &mut statements))
        .collect();
    (reports, statements.into_reports(&session.policy))
}

/// What a review of changes is not, whoever made it.
const NOT_A_DESIGN_REVIEW: &str =
    "this chain alone is not the design review that SSDF PW.2.1 asks for";

type Deployed = Vec<(String, Result<Digest, End>)>;

/// What is deployed: a digest, a file's bytes, or what a deployment record says.
fn started(
    subject: &Subject,
    chain: &Chain<'_>,
    session: &Session,
    statements: &mut Statements,
    report: &mut SubjectReport,
) -> Result<Deployed, End> {
    match subject {
        Subject::Digest(digest) => {
            let word = "that this digest is deployed is your word";
            report.notes.push(word.to_owned());
            Ok(vec![(digest.to_string(), Ok(*digest))])
        }
        Subject::File(path) => match statements.record(path) {
            Some(record) => of_record(record, chain, session, statements, report),
            None => of_file(path, report),
        },
        other => Err(End::Unknown(Refusal {
            code: "subject-unsupported",
            found: words_of(other),
            wanted: "a file, a sha256: digest or a deployment record".to_owned(),
        })),
    }
}

fn of_file(path: &Path, report: &mut SubjectReport) -> Result<Deployed, End> {
    match Artifact::read_path(path, Hashes::Sha256) {
        Ok(artifact) => {
            let word = "that this file is deployed is your word: no deployment record was asked";
            report.notes.push(word.to_owned());
            Ok(vec![(path.display().to_string(), Ok(artifact.sha256()))])
        }
        Err(error) => Err(End::Unknown(Refusal {
            code: error.code(),
            found: error.to_string(),
            wanted: "readable bytes".to_owned(),
        })),
    }
}

/// A record by the signers called `deploy`: each of its subjects is followed.
fn of_record(
    record: usize,
    chain: &Chain<'_>,
    session: &Session,
    statements: &mut Statements,
    report: &mut SubjectReport,
) -> Result<Deployed, End> {
    let Some(signers) = chain.roles.deploy() else {
        return Err(End::No(Refusal {
            code: "role-missing",
            found: "a deployment record, and nobody who may sign one".to_owned(),
            wanted: "signers called deploy".to_owned(),
        }));
    };
    statements.prove(record, signers, session);
    let evidence = statements.evidence(record);
    let statement = evidence.and_then(Evidence::statement);
    let (Some(evidence), Some(statement)) = (evidence, statement) else {
        return Err(End::No(statements.refusal(record)));
    };
    enough(signers, &[evidence])?;
    let deployment = deployment(statement).map_err(no)?;
    report.notes.push(format!(
        "deployed to {} on {} by {}, as {} says",
        escape(&deployment.environment),
        deployment.deployed_on,
        escape(&deployment.deployer),
        escape(&evidence.signer().to_string()),
    ));
    let subjects = statement.subjects().iter().map(|it| {
        let digest = it.digests().get(attest_digest::Algorithm::Sha256).copied();
        let name = it.name().map(escape);
        let missing = || {
            End::No(Refusal {
                code: "digest-incomparable",
                found: "no SHA-256".to_owned(),
                wanted: "the SHA-256 of what was deployed".to_owned(),
            })
        };
        let name = name.or_else(|| digest.map(|it| it.to_string()));
        (name.unwrap_or_default(), digest.ok_or_else(missing))
    });
    Ok(subjects.collect())
}

/// The links behind a digest, in order.
fn follow(
    digest: Digest,
    chain: &Chain<'_>,
    session: &Session,
    statements: &mut Statements,
    report: &mut SubjectReport,
) -> Result<(), End> {
    let of_artifact = |it: &Statement| statement_names(it, Bytes::Given(digest), None).is_ok();
    let builds = link(Link::Build, &of_artifact, chain, session, statements)?;
    let provenance = statements.statements(&builds);
    let commit = built_from(&provenance).map_err(no)?;
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
    Ok(())
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
    let verified = session
        .verifier
        .verify_git(&object, signers, session.sha1_names)
        .map_err(refused)?;
    signers.admit(verified.evidence()).map_err(no)?;
    report.notes.push(format!(
        "commit: signed by {}",
        escape(&verified.evidence().signer().to_string())
    ));
    Ok(Some(verified))
}

#[expect(clippy::needless_pass_by_value, reason = "it ends an error")]
fn refused(rejection: attest_verify::Rejection) -> End {
    End::No(report::refusal(&rejection))
}

fn enough(signers: &Signers, evidence: &[&Evidence]) -> Result<(), End> {
    signers.enough(evidence).map_err(no)
}

#[expect(clippy::needless_pass_by_value, reason = "it ends an error")]
fn no(reason: Reason) -> End {
    End::No(Refusal::from(&reason))
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
    report
        .notes
        .push(format!("{link}: {words}, signed by {}", by.join(", ")));
    report.decided_by.extend(indices);
    report.decided_by.sort_unstable();
    report.decided_by.dedup();
}

fn file_report(path: String, answer: Result<Digest, End>) -> FileReport {
    let (verdict, sha256) = match answer {
        Ok(digest) => (Verdict::Verified, Some(digest.hex())),
        Err(End::No(refusal)) => (Verdict::Rejected(refusal), None),
        Err(End::Unknown(refusal)) => (Verdict::Unreadable(refusal), None),
    };
    FileReport {
        path,
        verdict,
        size: None,
        sha256,
    }
}

fn words_of(subject: &Subject) -> String {
    match subject {
        Subject::Digest(digest) => digest.to_string(),
        Subject::Git { folder, revision } => format!("git:{}@{revision}", folder.display()),
        Subject::File(path)
        | Subject::Folder(path)
        | Subject::Sums { path, .. }
        | Subject::Image(path)
        | Subject::GitObject(path) => path.display().to_string(),
    }
}

/// Only what a chain can start from.
fn refuse_other_subjects(subjects: &[Subject]) -> Result<(), Failure> {
    let starts = |it: &&Subject| matches!(it, Subject::File(_) | Subject::Digest(_));
    match subjects.iter().find(|it| !starts(it)) {
        None => Ok(()),
        Some(other) => Err(Failure::request(
            "subject-unsupported",
            format!("{}: no chain starts there", words_of(other)),
        )
        .hint("--deployed takes files, sha256:HEX and deployment records")),
    }
}

/// Whether a statement is a deployment record.
fn is_record(predicate_type: &str) -> bool {
    predicate_type == DEPLOYMENT
}
