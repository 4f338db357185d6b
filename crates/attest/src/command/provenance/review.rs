//! `attest provenance review` and `attest provenance deployment`: who reviewed which commit, and what was put
//! to use where.

use std::path::PathBuf;

use attest_provenance::predicate::deployment::Deployment;
use attest_provenance::predicate::review::{
    Finding, Review, ReviewResult, Scope, Severity, document_of,
};
use attest_provenance::{GitCommit, ResourceDescriptor, Statement};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde_json::json;

use super::desk::{Desk, DeskArgs};
use super::statement::check;
use super::subject::NamedSubject;
use crate::args::Global;
use crate::console::Console;
use crate::failure::{Exit, Failure, with_source};
use crate::files;

#[derive(Debug, Args)]
pub(crate) struct ReviewArgs {
    /// The commit that was reviewed: its whole name, 40 or 64 digits; can be repeated
    #[arg(long, value_name = "HEX", required = true)]
    commit: Vec<String>,
    /// Where the repository is found: a URI such as <git+https://example.com/hello>
    #[arg(long, value_name = "URI")]
    repository: Option<String>,
    /// What was looked at
    #[arg(long, value_enum, value_name = "SCOPE")]
    scope: ScopeArg,
    /// What came out
    #[arg(long, value_enum, value_name = "RESULT")]
    result: ResultArg,
    /// Who reviewed, as a URI: mailto:bob@example.com
    #[arg(long, value_name = "URI")]
    reviewer: String,
    /// Whether the reviewer is somebody else than the author; nothing is said without it
    #[arg(long, value_name = "yes|no", value_enum)]
    independent: Option<YesNo>,
    /// A document or scan that the review is based on, by its digest: a file, or sha256:HEX=NAME; can be
    /// repeated
    #[arg(long, value_name = "FILE|DIGEST=NAME")]
    basis: Vec<String>,
    /// Something that was found and is still there: SEVERITY=TEXT (info, low, medium, high, critical)
    #[arg(long, value_name = "SEVERITY=TEXT")]
    finding: Vec<String>,
    /// Something that was found and is resolved in the reviewed commit: SEVERITY=TEXT
    #[arg(long, value_name = "SEVERITY=TEXT")]
    resolved: Vec<String>,
    /// When the review ended [default: now]
    #[arg(long, value_name = "TIME")]
    on: Option<Timestamp>,
    /// Where the signed statement is written
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    desk: DeskArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeploymentArgs {
    /// What was deployed: a file, or sha256:HEX=NAME; can be repeated
    #[arg(long, value_name = "FILE|DIGEST[=NAME]", required = true)]
    subject: Vec<String>,
    /// Where to, in the words of those who run it: production
    #[arg(long, value_name = "NAME")]
    environment: String,
    /// Who or what deployed, as a URI
    #[arg(long, value_name = "URI")]
    deployer: String,
    /// Where it can be found
    #[arg(long, value_name = "URI")]
    location: Option<String>,
    /// When [default: now]
    #[arg(long, value_name = "TIME")]
    on: Option<Timestamp>,
    /// Where the signed statement is written
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    desk: DeskArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ScopeArg {
    /// The changes of the source code
    Code,
    /// The design, against requirements and risks
    Design,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ResultArg {
    /// It may be used
    Approved,
    /// Not yet
    ChangesRequested,
    /// No
    Rejected,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum YesNo {
    Yes,
    No,
}

pub(crate) fn review(
    args: &ReviewArgs,
    global: &Global,
    console: &Console,
) -> Result<Exit, Failure> {
    let commits = args.commit.iter().map(|it| {
        let refused = |error| {
            let words = with_source(&error);
            Failure::request("bad-subject", format!("--commit {it:?}: {words}"))
                .hint("git rev-parse HEAD prints the whole name of a commit")
        };
        GitCommit::parse(it).map_err(refused)
    });
    let commits: Vec<GitCommit> = commits.collect::<Result<_, _>>()?;
    let open = args.finding.iter().map(|it| finding(it, false));
    let resolved = args.resolved.iter().map(|it| finding(it, true));
    let findings = open.chain(resolved).collect::<Result<_, _>>()?;
    let basis = args.basis.iter().map(|it| document(it));
    let review = Review {
        scope: match args.scope {
            ScopeArg::Code => Scope::Code,
            ScopeArg::Design => Scope::Design,
        },
        result: match args.result {
            ResultArg::Approved => ReviewResult::Approved,
            ResultArg::ChangesRequested => ReviewResult::ChangesRequested,
            ResultArg::Rejected => ReviewResult::Rejected,
        },
        reviewed_on: on(args.on, global)?,
        reviewer: args.reviewer.clone(),
        independent: args.independent.map(|it| matches!(it, YesNo::Yes)),
        basis: basis.collect::<Result<_, _>>()?,
        findings,
    };
    let statement = review.statement(args.repository.as_deref(), &commits);
    let statement =
        statement.map_err(|error| Failure::request(error.code(), with_source(&error)))?;
    state(
        "provenance review",
        &statement,
        (&args.out, &args.desk),
        global,
        console,
    )
}

pub(crate) fn deployment(
    args: &DeploymentArgs,
    global: &Global,
    console: &Console,
) -> Result<Exit, Failure> {
    let subjects = args.subject.iter().map(|it| NamedSubject::parse(it));
    let subjects: Vec<NamedSubject> = subjects.collect::<Result<_, _>>()?;
    let deployment = Deployment {
        environment: args.environment.clone(),
        deployed_on: on(args.on, global)?,
        deployer: args.deployer.clone(),
        location: args.location.clone(),
    };
    let subjects = subjects.iter().map(NamedSubject::read);
    let statement = deployment.statement(subjects.collect::<Result<_, _>>()?);
    let statement =
        statement.map_err(|error| Failure::request(error.code(), with_source(&error)))?;
    state(
        "provenance deployment",
        &statement,
        (&args.out, &args.desk),
        global,
        console,
    )
}

/// Signs the statement, after it was read as others will read it.
fn state(
    command: &'static str,
    statement: &Statement,
    (out, desk): (&PathBuf, &DeskArgs),
    global: &Global,
    console: &Console,
) -> Result<Exit, Failure> {
    check(statement, None)?;
    desk.refuse_existing(&[out])?;
    let overwrite = desk.overwrite();
    let desk = Desk::open(desk, global)?;
    let signed = desk.sign(&[&statement.to_bytes()], global)?;
    let Some(signed) = signed.first() else {
        return Err(Failure::unknown("internal-error", "nothing was signed"));
    };
    files::write(out, signed.bundle(), 0o644, overwrite)?;
    if console.is_json() {
        console.json(&json!({
            "version": 1,
            "command": command,
            "answer": Exit::Yes.word(),
            "exit": Exit::Yes.number(),
            "predicate_type": statement.predicate_type(),
            "subjects": statement.subjects().len(),
            "file": out.display().to_string(),
            "signed_by": desk.key_pin(),
            "log_index": signed.log_index(),
        }));
    } else {
        console.say(format_args!("type       {}", statement.predicate_type()));
        console.say(format_args!("subjects   {}", statement.subjects().len()));
        console.say(format_args!(
            "signed     {}, entry {}",
            out.display(),
            signed.log_index()
        ));
    }
    Ok(Exit::Yes)
}

fn on(given: Option<Timestamp>, global: &Global) -> Result<Timestamp, Failure> {
    if let Some(time) = given {
        return Ok(time);
    }
    // Whole seconds: nobody reviews to the nanosecond.
    let now = global.now()?.time;
    Ok(Timestamp::from_second(now.as_second()).unwrap_or(now))
}

fn document(text: &str) -> Result<ResourceDescriptor, Failure> {
    let subject = NamedSubject::parse(text)?.read()?;
    let name = subject.name().unwrap_or_default();
    Ok(document_of(name, subject.digests().clone()))
}

fn finding(text: &str, resolved: bool) -> Result<Finding, Failure> {
    let parted = text.split_once('=');
    let read = parted.and_then(|(word, summary)| Some((Severity::parse(word)?, summary)));
    match read {
        Some((severity, summary)) if !summary.trim().is_empty() => Ok(Finding {
            summary: summary.to_owned(),
            severity,
            resolved,
        }),
        _ => Err(
            Failure::request("bad-arguments", format!("{text:?} is no finding"))
                .hint("write it as SEVERITY=TEXT, with info, low, medium, high or critical"),
        ),
    }
}
