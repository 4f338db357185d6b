//! `attest inspect`: what a file of this field is and what it claims. Nothing is verified, and every
//! line says so.

mod claimed;
mod describe;
mod evidence;
mod kind;
mod limits;
mod metablock;
mod tree;

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::args::Global;
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure};
use crate::files;
use crate::limits::INSPECT_BYTES;

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// Files to look at
    #[arg(required_unless_present = "limits", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print every bound on what is read, and look at nothing
    #[arg(long, conflicts_with = "files")]
    limits: bool,
}

pub(crate) fn run(
    args: &InspectArgs,
    _global: &Global,
    console: &Console,
) -> Result<Exit, Failure> {
    if args.limits {
        return Ok(limits::run(console));
    }
    let mut exit = Exit::Yes;
    let mut objects = Vec::new();
    for path in &args.files {
        let bytes = files::read_limited(path, INSPECT_BYTES).map_err(|error| {
            Failure::unknown("file-unreadable", format!("{}: {error}", path.display()))
        })?;
        let description = describe::describe(path, &bytes);
        if description.problem.is_some() {
            exit = Exit::No;
        }
        show(console, path, &description);
        objects.push(json!({
            "file": path.display().to_string(),
            "kind": description.kind,
            "problem": description.problem.as_ref().map(|(code, text)| json!({ "code": code, "message": text })),
            "claims": description.claims.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect::<Vec<_>>(),
        }));
    }
    if console.is_json() {
        console.json(&json!({
            "version": 1, "command": "inspect", "answer": exit.word(), "exit": exit.number(),
            "verified": false, "files": objects,
        }));
    }
    Ok(exit)
}

fn show(console: &Console, path: &std::path::Path, description: &describe::Description) {
    if console.is_json() {
        return;
    }
    console.say(format_args!(
        "{}  {}",
        escape(&path.display().to_string()),
        description.kind
    ));
    if let Some((code, text)) = &description.problem {
        console.say(format_args!("  {code}: {}", escape(text)));
    }
    for (name, value) in &description.claims {
        console.say(format_args!("  {name:<16} {}", escape(value)));
    }
    console.say("  claimed, not verified: attest verify checks it against an expected signer");
}
