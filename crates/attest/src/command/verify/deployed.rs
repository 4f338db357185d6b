//! `attest verify --deployed`: from what is deployed over its provenance to the commit, and to what was
//! said of that very commit. The first link that is missing is the answer.

mod folder;
mod links;
mod roles;
mod statements;

use std::path::Path;

use attest_digest::{Algorithm, Artifact, Digest, DigestSet, Hashes};
use attest_policy::{Bytes, Reason, Signers, deployment};
use attest_provenance::predicate::deployment::TYPE as DEPLOYMENT;
use attest_verify::Evidence;

use super::Session;
use super::policy::{Followed, of_chain};
use super::subject::Subject;
use crate::args::{DeployedArgs, SignerArgs};
use crate::command::tree::compared;
use crate::console::escape;
use crate::failure::{Exit, Failure};
use crate::report::{self, EvidenceReport, FileReport, Refusal, SubjectReport, Verdict};

use links::follow;
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
        flags: &SignerArgs,
        subjects: &[Subject],
        session: &Session,
    ) -> Result<Self, Failure> {
        refuse_other_subjects(subjects, args)?;
        let roles = match &session.judge {
            Some(judge) => Roles::of_policy(&judge.rules, args)?,
            None => Roles::resolve(flags, args, session)?,
        };
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
    let reports = subjects
        .iter()
        .flat_map(|subject| answer(subject, chain, session, &mut statements))
        .collect();
    (reports, statements.into_reports(&session.policy))
}

/// What is said of one subject; of a folder with a manifest also how it differs from that.
fn answer(
    subject: &Subject,
    chain: &Chain<'_>,
    session: &Session,
    statements: &mut Statements,
) -> Vec<SubjectReport> {
    let mut report = SubjectReport::new(words_of(subject), "deployed");
    let deployed = match started(subject, chain, session, statements, &mut report) {
        Ok(deployed) => deployed,
        Err(end) => vec![Deployed::new(words_of(subject), Err(end))],
    };
    let mut followed = Vec::new();
    for one in deployed {
        let path = one.path.as_deref();
        let commit = one.what.and_then(|what| {
            let commit = follow(what.bytes(), path, chain, session, statements, &mut report)?;
            Ok((what, commit))
        });
        let commit = match statements.why_untold() {
            Some(refusal) => Err(End::Unknown(refusal)),
            None => commit,
        };
        let file = report.files.len();
        let answer = commit.map(|(what, commit)| {
            let sha256 = what.sha256();
            followed.push(Followed {
                file,
                what,
                path: one.path.clone(),
                commit,
            });
            sha256
        });
        report.files.push(file_report(one.name, answer));
    }
    if let Some(judge) = &session.judge {
        statements.prove_others(judge.rules.everybody(), session);
        of_chain(&followed, &statements.proven(), judge, &mut report);
        report.notes.extend(judge.layout_notes.iter().cloned());
    }
    report.notes.push(NOT_A_DESIGN_REVIEW.to_owned());
    let tree = tree(subject, chain, &mut report);
    std::iter::once(report).chain(tree).collect()
}

/// How a folder differs from its manifest, once the chain behind that is whole.
fn tree(subject: &Subject, chain: &Chain<'_>, report: &mut SubjectReport) -> Option<SubjectReport> {
    let (Subject::Folder(folder), Some(manifest)) = (subject, &chain.args.manifest) else {
        return None;
    };
    let sha256 = report.files.first().and_then(|it| it.sha256.clone());
    let (Some(sha256), Exit::Yes) = (sha256, report.exit()) else {
        let word = "the folder was not compared: the chain behind its manifest is not whole";
        report.notes.push(word.to_owned());
        return None;
    };
    Some(compared(folder, manifest, &sha256))
}

/// What a review of changes is not, whoever made it.
const NOT_A_DESIGN_REVIEW: &str =
    "this chain alone is not the design review that SSDF PW.2.1 asks for";

/// Something that is deployed.
struct Deployed {
    name: String,
    /// Where it stands in a folder: evidence that names paths must name this one.
    path: Option<String>,
    what: Result<What, End>,
}

impl Deployed {
    fn new(name: String, what: Result<What, End>) -> Self {
        Self {
            name,
            path: None,
            what,
        }
    }
}

/// How it is known what is deployed. All digests that a statement gives of it must agree with this.
pub(in crate::command::verify) enum What {
    Read(Artifact),
    Given(Digest),
    /// By a deployment record, with a SHA-256 among them.
    Named(DigestSet),
}

impl What {
    pub(in crate::command::verify) fn bytes(&self) -> Bytes<'_> {
        match self {
            Self::Read(artifact) => Bytes::Read(artifact),
            Self::Given(digest) => Bytes::Given(*digest),
            Self::Named(digests) => Bytes::Named(digests),
        }
    }

    fn sha256(&self) -> Option<Digest> {
        match self {
            Self::Read(artifact) => Some(artifact.sha256()),
            Self::Given(digest) => Some(*digest),
            Self::Named(digests) => digests.get(Algorithm::Sha256).copied(),
        }
    }
}

/// What is deployed: a digest, a file's bytes, or what a deployment record says.
fn started(
    subject: &Subject,
    chain: &Chain<'_>,
    session: &Session,
    statements: &mut Statements,
    report: &mut SubjectReport,
) -> Result<Vec<Deployed>, End> {
    match subject {
        Subject::Digest(digest) => {
            let word = "that this digest is deployed is your word";
            report.notes.push(word.to_owned());
            let what = Ok(What::Given(*digest));
            Ok(vec![Deployed::new(digest.to_string(), what)])
        }
        Subject::File(path) => {
            let records = statements.records(path);
            if !records.is_empty() {
                let mut all = Vec::new();
                for record in records {
                    all.extend(of_record(record, chain, session, statements, report)?);
                }
                return Ok(all);
            }
            let word = "that this file is deployed is your word: no deployment record was asked";
            report.notes.push(word.to_owned());
            of_file(path, statements.hashes())
        }
        Subject::Folder(folder) => match &chain.args.manifest {
            Some(manifest) => {
                report.notes.push(
                    "what is followed is the manifest, which must be what was built; that the \
                     folder is what is deployed is your word"
                        .to_owned(),
                );
                of_file(manifest, statements.hashes())
            }
            None => folder::files(folder, statements.hashes(), report),
        },
        other => Err(End::Unknown(Refusal {
            code: "subject-unsupported",
            found: words_of(other),
            wanted: "a file, a sha256: digest or a deployment record".to_owned(),
        })),
    }
}

fn of_file(path: &Path, hashes: Hashes) -> Result<Vec<Deployed>, End> {
    match Artifact::read_path(path, hashes) {
        Ok(artifact) => {
            let name = path.display().to_string();
            Ok(vec![Deployed::new(name, Ok(What::Read(artifact)))])
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
) -> Result<Vec<Deployed>, End> {
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
        let digest = it.digests().get(Algorithm::Sha256).copied();
        let name = it.name().map(escape);
        let missing = || {
            End::No(Refusal {
                code: "digest-incomparable",
                found: "no SHA-256".to_owned(),
                wanted: "the SHA-256 of what was deployed".to_owned(),
            })
        };
        let name = name.or_else(|| digest.map(|it| it.to_string()));
        let what = digest.map(|_| What::Named(it.digests().clone()));
        Deployed::new(name.unwrap_or_default(), what.ok_or_else(missing))
    });
    Ok(subjects.collect())
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

fn file_report(path: String, answer: Result<Option<Digest>, End>) -> FileReport {
    let (verdict, sha256) = match answer {
        Ok(digest) => (Verdict::Verified, digest.as_ref().map(Digest::hex)),
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
        Subject::Remote(reference) => reference.to_string(),
        Subject::Git { folder, revision } => format!("git:{}@{revision}", folder.display()),
        Subject::File(path)
        | Subject::Folder(path)
        | Subject::Sums { path, .. }
        | Subject::Image(path)
        | Subject::GitObject(path) => path.display().to_string(),
    }
}

/// Only what a chain can start from.
fn refuse_other_subjects(subjects: &[Subject], args: &DeployedArgs) -> Result<(), Failure> {
    let starts = |it: &&Subject| {
        matches!(
            it,
            Subject::File(_) | Subject::Folder(_) | Subject::Digest(_)
        )
    };
    if let Some(other) = subjects.iter().find(|it| !starts(it)) {
        return Err(Failure::request(
            "subject-unsupported",
            format!("{}: no chain starts there", words_of(other)),
        )
        .hint("--deployed takes files, folders, sha256:HEX and deployment records"));
    }
    if args.manifest.is_some() && !matches!(subjects, [Subject::Folder(_)]) {
        let message = "--manifest says what stands in one folder, and other subjects are given";
        return Err(Failure::request("bad-arguments", message));
    }
    Ok(())
}

/// Whether a statement is a deployment record.
fn is_record(predicate_type: &str) -> bool {
    predicate_type == DEPLOYMENT
}
