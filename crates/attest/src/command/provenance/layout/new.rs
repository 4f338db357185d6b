//! `attest provenance layout new`: a layout to start from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use attest_provenance::in_toto::{Expiry, Form, InTotoError, Layout, Metablock, Step, StepName};
use attest_verify::layout::LayoutKey;
use clap::Args;
use serde_json::json;

use super::sign::Flavour;
use crate::args::Global;
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure};
use crate::files::{self, Overwrite};

#[derive(Debug, Args)]
pub(super) struct NewArgs {
    /// A step and the keys that may do it, in the order of the steps: build:alice.pub,bob.pub
    #[arg(long = "step", value_name = "NAME:KEYFILE,…", required = true)]
    steps: Vec<String>,
    /// How many different keys must have done a step [default: 1]
    #[arg(long, value_name = "NAME=N")]
    threshold: Vec<String>,
    /// Until when the layout may be used: 2027-03-31 or 2027-03-31T00:00:00Z
    #[arg(long, value_name = "TIME")]
    expires: String,
    /// What you say about it
    #[arg(long, value_name = "TEXT", default_value = "")]
    readme: String,
    /// Whose way to write the keys' ids
    #[arg(long, value_enum, default_value = "reference")]
    keyid: Flavour,
    /// Where the layout is written
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// Replace a file that exists
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &NewArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    let layout = layout(args)?;
    let now = global.now()?.time.as_second();
    if layout.expires.unix_seconds() <= now {
        let message = format!("{} has passed", layout.expires.as_str());
        return Err(Failure::request("layout-expired", message));
    }
    let signed = layout.to_json(args.keyid.of_library());
    let block = Metablock::unsigned(Form::Classic, signed).map_err(|error| bad(&error))?;
    let overwrite = if args.force {
        Overwrite::Force
    } else {
        Overwrite::Refuse
    };
    files::write(&args.out, &block.to_bytes(), 0o644, overwrite)?;
    let place = args.out.display().to_string();
    if console.is_json() {
        console.json(&json!({
            "version": 1, "command": "provenance layout new", "answer": Exit::Yes.word(), "exit": 0,
            "file": place, "steps": layout.steps.len(), "expires": layout.expires.as_str(),
        }));
        return Ok(Exit::Yes);
    }
    let place = escape(&place);
    console.say(format!(
        "written    {place}, until {}",
        layout.expires.as_str()
    ));
    console.say("next       write its rules, then sign it: attest provenance layout sign");
    Ok(Exit::Yes)
}

fn layout(args: &NewArgs) -> Result<Layout, Failure> {
    let expires = match args.expires.len() {
        10 => format!("{}T00:00:00Z", args.expires),
        _ => args.expires.clone(),
    };
    let mut layout = Layout {
        expires: Expiry::parse(&expires).map_err(|error| bad(&error))?,
        readme: args.readme.clone(),
        keys: BTreeMap::new(),
        root_authorities: BTreeMap::new(),
        intermediate_authorities: BTreeMap::new(),
        steps: Vec::new(),
        inspections: Vec::new(),
    };
    for text in &args.steps {
        let step = step(text, args, &mut layout)?;
        layout.steps.push(step);
    }
    for text in &args.threshold {
        threshold(text, &mut layout)?;
    }
    // What is written is what its readers take.
    Layout::from_json(layout.to_json(args.keyid.of_library())).map_err(|error| bad(&error))
}

fn step(text: &str, args: &NewArgs, layout: &mut Layout) -> Result<Step, Failure> {
    let (name, files) = text.split_once(':').ok_or_else(|| {
        Failure::request("bad-arguments", format!("--step {text:?} names no key"))
            .hint("write it as NAME:KEYFILE, with commas between several")
    })?;
    let mut keys = Vec::new();
    for file in files.split(',') {
        let bytes = files::read_limited(file.as_ref(), KEY_BYTES)
            .map_err(|error| Failure::request("key-unreadable", format!("{file}: {error}")))?;
        let key = LayoutKey::parse(&bytes)
            .map_err(|error| Failure::request(error.code(), format!("{file}: {error}")))?;
        let key = key.to_claimed();
        let id = key.keyid(args.keyid.of_library());
        layout.keys.insert(id.clone(), key);
        keys.push(id);
    }
    keys.sort_unstable();
    keys.dedup();
    let words = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
    // The first step may begin with anything; each other takes what the one before it made.
    let materials = match layout.steps.last() {
        None => vec![words("ALLOW *")],
        Some(before) => vec![
            words(&format!("MATCH * WITH PRODUCTS FROM {}", before.name)),
            words("DISALLOW *"),
        ],
    };
    Ok(Step {
        name: StepName::parse(name).map_err(|error| bad(&error))?,
        threshold: 1,
        keys,
        certificates: Vec::new(),
        command: Vec::new(),
        materials,
        products: vec![words("ALLOW *")],
    })
}

fn threshold(text: &str, layout: &mut Layout) -> Result<(), Failure> {
    let wrong =
        |what: &str| Failure::request("bad-arguments", format!("--threshold {text:?}: {what}"));
    let (name, count) = text.split_once('=').ok_or_else(|| wrong("wanted NAME=N"))?;
    let count = count.parse().map_err(|_| wrong("N is no count"))?;
    let mut steps = layout.steps.iter_mut();
    let step = steps
        .find(|it| it.name.as_str() == name)
        .ok_or_else(|| wrong("no such step"))?;
    if step.keys.len() < count {
        return Err(wrong("the step has fewer keys"));
    }
    step.threshold = count;
    Ok(())
}

fn bad(error: &InTotoError) -> Failure {
    Failure::request(error.code(), error)
}

const KEY_BYTES: u64 = 64 * 1024;
