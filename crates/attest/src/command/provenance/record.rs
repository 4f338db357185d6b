//! `attest provenance record start|stop`: a step that takes several commands.
//!
//! Between the two the materials stand in a signed file of in-toto's, which `stop` takes only from the
//! key that wrote it, for the step that it is about, and as it was.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use attest_provenance::ci;
use attest_provenance::in_toto::{Link, Metablock};
use attest_provenance::predicate::recorded::DETAILS;
use attest_record::Missing;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::link::{Begun, Done};
use super::scribe::{Bundles, Scribe, ScribeArgs};
use super::step::{Step, StepArgs, name_of, refuse_existing};
use crate::args::Global;
use crate::command::init::refuse_given_time;
use crate::command::release::Repository;
use crate::console::Console;
use crate::failure::{Exit, Failure, with_source};
use crate::files;

#[derive(Debug, Args)]
pub(super) struct RecordArgs {
    #[command(subcommand)]
    command: RecordCommand,
}

#[derive(Debug, Subcommand)]
enum RecordCommand {
    /// Record what the step starts from
    Start(StartArgs),
    /// Record what the step made, and write its link
    Stop(StopArgs),
}

#[derive(Debug, Args)]
struct StartArgs {
    #[command(flatten)]
    step: StepArgs,
    /// Files and folders that the step starts from
    #[arg(short = 'm', long, value_name = "PATH", num_args = 1..)]
    materials: Vec<PathBuf>,
    #[command(flatten)]
    scribe: ScribeArgs,
}

#[derive(Debug, Args)]
struct StopArgs {
    #[command(flatten)]
    step: StepArgs,
    /// Files and folders that the step made
    #[arg(short = 'p', long, value_name = "PATH", num_args = 1..)]
    products: Vec<PathBuf>,
    #[command(flatten)]
    scribe: ScribeArgs,
}

pub(super) fn run(args: &RecordArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    refuse_given_time(global)?;
    match &args.command {
        RecordCommand::Start(args) => start(args, global, console),
        RecordCommand::Stop(args) => stop(args, global, console),
    }
}

fn start(args: &StartArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    let name = name_of(&args.step)?;
    let step = Step::resolve(&args.step, &Scribe::ours(&args.scribe, &name))?;
    let scribe = Scribe::open(&args.scribe, &name, Bundles::None)?;
    let path = scribe.unfinished_path();
    refuse_existing([path.as_path()], scribe.overwrite())?;
    let source = Repository::of(&step.base).source();
    let ci = ci::Record::from_environment(std::env::vars_os());
    let started = global.now()?.time;
    let materials = step.observe("material", &args.materials, Missing::Refuse)?;
    let link = Begun {
        step: &name,
        materials: &materials,
        excludes: &step.excludes,
        source: source.as_ref(),
        ci: ci.as_ref(),
        started,
    }
    .link()?;
    let path = scribe.write_unfinished(&scribe.sign(&link)?)?;
    say(console, "start", &path, &scribe, &link);
    Ok(Exit::Yes)
}

fn stop(args: &StopArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    let name = name_of(&args.step)?;
    let step = Step::resolve(&args.step, &Scribe::ours(&args.scribe, &name))?;
    let scribe = Scribe::open(&args.scribe, &name, Bundles::None)?;
    scribe.refuse_existing()?;
    let path = scribe.unfinished_path();
    let begun = begun(&scribe, &path)?;
    if begun.name != name {
        return Err(Failure::no(
            "record-other-step",
            format!("{} began step {}, not {name}", path.display(), begun.name),
        ));
    }
    let products = step.observe("product", &args.products, Missing::Refuse)?;
    let finished = global.now()?.time;
    let mut link = Done {
        step: &name,
        command: &[],
        materials: &attest_record::Observation::default(),
        products: &products,
        ended: None,
        environment: &BTreeMap::new(),
        excludes: &step.excludes,
        source: None,
        ci: None,
        started: finished,
        finished,
    }
    .link()?;
    link.materials = begun.materials;
    keep_beginning(&mut link.byproducts, &begun.byproducts);
    let written = scribe.write(&scribe.sign(&link)?, &[], finished)?;
    fs::remove_file(&path).map_err(|error| files::write_failure(&path, &error))?;
    for path in written {
        say(console, "stop", &path, &scribe, &link);
    }
    Ok(Exit::Yes)
}

/// What `start` noted of the materials, of where and when, in the place of what `stop` does not know.
fn keep_beginning(
    byproducts: &mut serde_json::Map<String, Value>,
    begun: &serde_json::Map<String, Value>,
) {
    let Some(Value::Object(details)) = byproducts.get_mut(DETAILS) else {
        return;
    };
    for field in ["started", "materials", "source", "ci"] {
        match begun.get(DETAILS).and_then(|it| it.get(field)) {
            Some(value) => details.insert(field.to_owned(), value.clone()),
            // Begun by another tool.
            None => details.remove(field),
        };
    }
}

/// The link that `start` wrote: by this key, and as it was.
fn begun(scribe: &Scribe, path: &Path) -> Result<Link, Failure> {
    let bytes = files::read_limited(path, UNFINISHED_BYTES).map_err(|error| {
        Failure::request("record-not-started", format!("{}: {error}", path.display()))
            .hint("attest provenance record start begins a step; stop ends it with the same key, in the same folder")
    })?;
    let malformed = |error: &dyn std::error::Error, code| {
        Failure::no(code, format!("{}: {}", path.display(), with_source(error)))
    };
    let block = Metablock::parse(&bytes).map_err(|error| malformed(&error, error.code()))?;
    let key = scribe.key()?;
    let is_ours = !block.signatures().is_empty()
        && block
            .signatures()
            .iter()
            .all(|it| key.made(block.bytes_to_sign(), &it.sig));
    if !is_ours {
        return Err(Failure::no(
            "record-altered",
            format!(
                "{} is not what the key {} signed",
                path.display(),
                scribe.keyid().short()
            ),
        )
        .hint("somebody changed it, or it was begun with another key: begin the step again"));
    }
    Link::from_json(block.into_unverified_signed()).map_err(|error| malformed(&error, error.code()))
}

fn say(console: &Console, what: &str, path: &Path, scribe: &Scribe, link: &Link) {
    if console.is_json() {
        console.json(&json!({
            "version": 1,
            "command": format!("provenance record {what}"),
            "answer": Exit::Yes.word(),
            "exit": Exit::Yes.number(),
            "step": link.name.as_str(),
            "keyid": scribe.keyid().as_str(),
            "file": path.display().to_string(),
            "materials": link.materials.len(),
            "products": link.products.len(),
        }));
        return;
    }
    console.say(format!(
        "recorded   {} ({} materials, {} products)",
        path.display(),
        link.materials.len(),
        link.products.len()
    ));
}

const UNFINISHED_BYTES: u64 = attest_provenance::limits::METABLOCK.bytes as u64;
