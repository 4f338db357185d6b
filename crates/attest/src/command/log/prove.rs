//! Proofs as text: C2SP tlog-proof for an entry, the hashes of RFC 6962 for a prefix.

use std::fmt::Write as _;

use attest_log::{Inclusion, LogReader};
use serde_json::json;

use super::place::Place;
use super::read::check_index;
use super::{ProveArgs, key, rekor_v1};
use crate::console::Console;
use crate::failure::{Exit, Failure};
use crate::identity::log_failure;

pub(super) fn prove(args: &ProveArgs, console: &Console) -> Result<Exit, Failure> {
    let log = match key::place(&args.read)? {
        Place::Tiles { at, key } => key::open(&at, &key)?,
        Place::RekorV1 { at, log } => return rekor_v1::prove(args, &at, &log, console),
    };
    match (args.index, args.from) {
        (Some(index), _) => entry(
            &log,
            index,
            args.size.unwrap_or_else(|| log.size()),
            console,
        ),
        (None, Some(from)) => prefix(&log, from, args.to.unwrap_or_else(|| log.size()), console),
        (None, None) => Err(Failure::request(
            "bad-arguments",
            "an INDEX or --from is needed",
        )),
    }
    .map(|()| Exit::Yes)
}

fn entry(log: &LogReader, index: u64, size: u64, console: &Console) -> Result<(), Failure> {
    check_index(log, index)?;
    let inclusion = log
        .inclusion(index, size)
        .map_err(|error| log_failure(&error))?;
    say(&inclusion, console)
}

pub(super) fn say(inclusion: &Inclusion, console: &Console) -> Result<(), Failure> {
    if !console.is_json() {
        return console.bytes(&tlog_proof(inclusion)?);
    }
    console.json(&json!({
        "version": 1, "command": "log prove", "answer": "yes", "exit": 0,
        "index": inclusion.index, "size": inclusion.size, "root": inclusion.root.to_hex(),
        "hashes": inclusion.hashes.iter().map(attest_log::Hash::to_base64).collect::<Vec<_>>(),
        "checkpoint": String::from_utf8_lossy(&inclusion.checkpoint),
    }));
    Ok(())
}

/// ```text
/// c2sp.org/tlog-proof@v1
/// index 1
/// <hash in base64>
///
/// <signed checkpoint>
/// ```
fn tlog_proof(inclusion: &Inclusion) -> Result<Vec<u8>, Failure> {
    let mut text = format!("c2sp.org/tlog-proof@v1\nindex {}\n", inclusion.index);
    for hash in &inclusion.hashes {
        writeln!(text, "{}", hash.to_base64())
            .map_err(|error| Failure::unknown("output-failed", error))?;
    }
    text.push('\n');
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(&inclusion.checkpoint);
    Ok(bytes)
}

fn prefix(log: &LogReader, from: u64, to: u64, console: &Console) -> Result<(), Failure> {
    if from > to || to > log.size() {
        let sizes = format!("sizes {from} to {to} of a log of {}", log.size());
        return Err(Failure::request("log-size-unknown", sizes)
            .hint("--from is at most --to, and --to at most the log's size"));
    }
    let hashes = log
        .consistency(from, to)
        .map_err(|error| log_failure(&error))?;
    if console.is_json() {
        console.json(&json!({
            "version": 1, "command": "log prove", "answer": "yes", "exit": 0,
            "from": from, "to": to, "hashes": hashes.iter().map(attest_log::Hash::to_base64).collect::<Vec<_>>(),
        }));
        return Ok(());
    }
    for hash in &hashes {
        console.say(hash.to_base64());
    }
    Ok(())
}
