//! `attest provenance run`: a command, as it would run by itself, and the record of it.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use attest_provenance::in_toto::Link;
use attest_provenance::predicate::recorded::RecordedStep;
use attest_provenance::predicate::slsa;
use attest_provenance::{Statement, Subject, ci, limits};
use attest_record::{
    Ended, Invocation, Missing, Observation, Output, allowed_variables, holds_secret,
};
use clap::Args;

use super::link::Done;
use super::scribe::{Bundles, Scribe, ScribeArgs, named};
use super::step::{Step, StepArgs, name_of};
use crate::args::Global;
use crate::command::init::refuse_given_time;
use crate::command::release::Repository;
use crate::console::Console;
use crate::failure::{Exit, Failure, with_source};

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    step: StepArgs,
    /// Files and folders that the step starts from, read before the command runs
    #[arg(short = 'm', long, value_name = "PATH", num_args = 1..)]
    materials: Vec<PathBuf>,
    /// Files and folders that the step makes, read after the command ended
    #[arg(short = 'p', long, value_name = "PATH", num_args = 1..)]
    products: Vec<PathBuf>,
    /// Record the command's output too: it then writes to pipes, not to the terminal
    #[arg(short = 's', long)]
    record_streams: bool,
    /// Record this variable of the environment; one that looks like a secret is refused
    #[arg(long = "env", value_name = "NAME")]
    environment: Vec<String>,
    /// Write the link alone: no SLSA provenance, no log entry
    #[arg(long)]
    link_only: bool,
    #[command(flatten)]
    scribe: ScribeArgs,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

pub(super) fn run(args: &RunArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    refuse_given_time(global)?;
    if console.is_json() {
        return Err(Failure::request(
            "format-unsupported",
            "what the command writes is the answer of this run; the record is in the link",
        ));
    }
    let words = words(&args.command)?;
    let variables = allowed_variables(&args.environment, |name| std::env::var_os(name))
        .map_err(|error| Failure::request(error.code(), error))?;
    let name = name_of(&args.step)?;
    let step = Step::resolve(&args.step, &Scribe::ours(&args.scribe, &name))?;
    let bundles = if args.link_only {
        Bundles::None
    } else {
        Bundles::Made
    };
    let scribe = Scribe::open(&args.scribe, &name, bundles)?;
    scribe.refuse_existing()?;
    if bundles == Bundles::Made {
        scribe.check_log()?;
    }

    let source = Repository::of(&step.base).source();
    let ci = ci::Record::from_environment(std::env::vars_os());
    let materials = step.observe("material", &args.materials, Missing::Refuse)?;
    let started = global.now()?.time;
    let ended = execute(args)?;
    let finished = global.now()?.time;
    let products = products(args, &step, &ended)?;
    let done = Done {
        step: &name,
        command: &words,
        materials: &materials,
        products: &products,
        ended: Some(&ended),
        environment: &variables,
        excludes: &step.excludes,
        source: source.as_ref(),
        ci: ci.as_ref(),
        started,
        finished,
    };
    write(&done, &scribe, bundles, console).map_err(|failure| after(&ended, failure))?;
    console.answer_with(ended.outcome.exit_code());
    Ok(Exit::Yes)
}

/// A link is JSON: what is not UTF-8 could only be written down wrongly. And it is read by others: a secret in it
/// would be none any more.
fn words(command: &[OsString]) -> Result<Vec<String>, Failure> {
    command
        .iter()
        .enumerate()
        .map(|(place, word)| {
            let text = word.to_str().ok_or_else(|| {
                Failure::request(
                    "command-not-utf8",
                    format!(
                        "{} in the command is not UTF-8, and no link can hold it",
                        word.display()
                    ),
                )
            })?;
            if holds_secret(text) {
                let found = format!("word {} of the command holds a secret", place + 1);
                return Err(Failure::request("command-secret", found).hint(
                    "the record repeats the command: let it take the secret from a variable or a file",
                ));
            }
            Ok(text.to_owned())
        })
        .collect()
}

fn execute(args: &RunArgs) -> Result<Ended, Failure> {
    let invocation = Invocation {
        words: args.command.clone(),
        // Ours alone: the command could sign with it.
        withheld: vec!["ATTEST_PASSWORD".into()],
    };
    let output = if args.record_streams {
        Output::Recorded {
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
        }
    } else {
        Output::Inherited
    };
    invocation
        .run(output)
        .map_err(|error| Failure::unknown(error.code(), with_source(&error)))
}

/// A command that failed need not have made anything, and its own exit code says more than ours.
fn products(args: &RunArgs, step: &Step, ended: &Ended) -> Result<Observation, Failure> {
    let missing = if ended.outcome.is_success() {
        Missing::Refuse
    } else {
        Missing::Note
    };
    step.observe("product", &args.products, missing)
        .map_err(|failure| after(ended, failure))
}

/// Says how the command itself ended, which our exit code does not.
fn after(ended: &Ended, failure: Failure) -> Failure {
    let code = ended.outcome.exit_code();
    let hint = match &failure.hint {
        Some(hint) => format!("the command itself ended with {code}; {hint}"),
        None => format!("the command itself ended with {code}; there is no record of it"),
    };
    failure.hint(hint)
}

fn write(
    done: &Done<'_>,
    scribe: &Scribe,
    bundles: Bundles,
    console: &Console,
) -> Result<(), Failure> {
    let said = done.link()?;
    let link = scribe.sign(&said)?;
    let is_success = done.ended.is_some_and(|it| it.outcome.is_success());
    // Provenance knows no failure: of a step that failed it would approve what is left of it.
    let statements = if bundles == Bundles::Made && is_success {
        statements(done, &said, scribe, &link)?
    } else {
        Vec::new()
    };
    let written = scribe.write(&link, &statements, done.finished)?;
    for path in written.iter().rev() {
        console.note(format!("recorded   {}", path.display()));
    }
    if !is_success {
        console.note("note: the step failed, and the link says so: it verifies nowhere without --allow-failed-step, and there is no provenance of it");
    } else if bundles == Bundles::Made && statements.is_empty() {
        console.note("note: the step made no product, so that there is no provenance of any");
    }
    Ok(())
}

/// One for each part of the products that a statement can hold.
fn statements(
    done: &Done<'_>,
    said: &Link,
    scribe: &Scribe,
    link: &[u8],
) -> Result<Vec<Vec<u8>>, Failure> {
    let internal = |error: &dyn std::error::Error| Failure::unknown("internal-error", error);
    let (name, artifact) = named(&scribe.link_path(), link);
    let predicate = RecordedStep::from_link(said, (name, artifact.sha256().into())).to_json();
    let files: Vec<_> = done.products.files().iter().collect();
    files
        .chunks(limits::SUBJECTS_WRITTEN)
        .map(|part| {
            let subjects = part
                .iter()
                .map(|(path, file)| Subject::new(path.as_str(), file.artifact().sha256().into()))
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| internal(&error))?;
            let statement = Statement::new(subjects, slsa::TYPE, predicate.clone())
                .map_err(|error| internal(&error))?;
            Ok(statement.to_bytes())
        })
        .collect()
}
