//! `attest sbom make`.

use std::path::PathBuf;

use attest_sbom::{Bill, BillError, Naming};
use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::found::Found;
use crate::args::Global;
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure};
use crate::files::{self, Overwrite};

#[derive(Debug, Args)]
pub(super) struct MakeArgs {
    /// Lock files (Cargo.lock, package-lock.json, npm-shrinkwrap.json, go.mod with its go.sum, uv.lock), or
    /// folders that hold them [default: the current folder]
    #[arg(value_name = "LOCKFILE|DIR")]
    places: Vec<PathBuf>,
    /// What the bill is about [default: the one package of the project that no other of its needs]
    #[arg(long, value_name = "N")]
    name: Option<String>,
    /// Its version
    #[arg(long, value_name = "V")]
    version: Option<String>,
    /// Who makes the bill, as minimum elements ask
    #[arg(long, value_name = "NAME")]
    author: Option<String>,
    /// Who makes what the bill is about
    #[arg(long, value_name = "NAME")]
    supplier: Option<String>,
    /// Write it here [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &MakeArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    let here = [PathBuf::from(".")];
    let places = if args.places.is_empty() {
        &here
    } else {
        args.places.as_slice()
    };
    let found = Found::in_all(places)?;
    for note in &found.notes {
        console.note(format_args!("note: {}", escape(note)));
    }
    let lock_files = found.shown();
    let bill = bill(
        found,
        Naming {
            name: args.name.clone(),
            version: args.version.clone(),
            author: args.author.clone(),
            supplier: args.supplier.clone(),
            time: time(global)?,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        },
    )?;
    let bytes = bytes(&bill)?;
    let Some(output) = &args.output else {
        console.bytes(&bytes)?;
        return Ok(Exit::Yes);
    };
    let overwrite = if args.force {
        Overwrite::Force
    } else {
        Overwrite::Refuse
    };
    files::write(output, &bytes, 0o644, overwrite)?;
    let count = bill.components().count();
    if console.is_json() {
        console.json(&json!({
            "version": 1, "command": "sbom make", "answer": Exit::Yes.word(), "exit": 0,
            "file": output.display().to_string(), "format": "CycloneDX 1.6", "about": bill.subject(),
            "components": count, "lock_files": lock_files,
        }));
        return Ok(Exit::Yes);
    }
    console.say(format_args!(
        "{}: {count} components of {}, from {}",
        escape(&output.display().to_string()),
        escape(&bill.subject()),
        escape(&lock_files.join(", "))
    ));
    Ok(Exit::Yes)
}

/// Lock files under one root.
pub(crate) fn bill(found: Found, naming: Naming) -> Result<Bill, Failure> {
    Bill::of(found.locks, naming).map_err(|error| {
        let failure = Failure::request(error.code(), &error);
        match error {
            BillError::RootUnclear { .. } => {
                failure.hint("name what the bill is about with --name and --version")
            }
            _ => failure,
        }
    })
}

pub(crate) fn bytes(bill: &Bill) -> Result<Vec<u8>, Failure> {
    bill.to_cyclonedx()
        .map_err(|error| Failure::unknown("encoding-failed", error))
}

/// The time that `--at` or `SOURCE_DATE_EPOCH` gives. The clock would make other bytes each time.
fn time(global: &Global) -> Result<Option<Timestamp>, Failure> {
    if global.at.is_some() {
        return Ok(Some(global.now()?.time));
    }
    epoch()
}

/// The time of `SOURCE_DATE_EPOCH`, if it is set.
pub(crate) fn epoch() -> Result<Option<Timestamp>, Failure> {
    let Some(value) = std::env::var_os("SOURCE_DATE_EPOCH") else {
        return Ok(None);
    };
    let seconds = value.to_str().and_then(|it| it.parse::<i64>().ok());
    let time = seconds.and_then(|it| Timestamp::from_second(it).ok());
    time.map(Some).ok_or_else(|| {
        Failure::request(
            "bad-time",
            "SOURCE_DATE_EPOCH is not a number of seconds since 1970",
        )
    })
}
