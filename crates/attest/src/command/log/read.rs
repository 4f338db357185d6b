//! Reading the log: show and check.

use std::path::Path;

use attest_log::{LogKey, LogReader, SignedCheckpoint, merkle};
use serde_json::json;

use super::find::{self, Wanted};
use super::place::{Place, Where, refused};
use super::{CheckArgs, ShowArgs, key, rekor_v1};
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure};
use crate::files;
use crate::identity::log_failure;
use crate::words::counted;

pub(super) fn show(args: &ShowArgs, console: &Console) -> Result<Exit, Failure> {
    let wanted = args.wanted()?;
    let log = match key::place(&args.read)? {
        Place::Tiles { at, key } => key::open(&at, &key)?,
        Place::RekorV1 { at, log } => return rekor_v1::show(&wanted, &at, &log, console),
    };
    match wanted {
        Wanted::Checkpoint => show_checkpoint(log.checkpoint(), console)?,
        Wanted::Index(index) => show_entry(&log, index, console)?,
        Wanted::Artifact(_) | Wanted::Leaf(_) => {
            return find::show(&find::in_tiles(&log, &wanted)?, console);
        }
    }
    Ok(Exit::Yes)
}

pub(super) fn show_checkpoint(
    checkpoint: &SignedCheckpoint,
    console: &Console,
) -> Result<(), Failure> {
    if !console.is_json() {
        return console.bytes(checkpoint.as_bytes());
    }
    console.json(&json!({
        "version": 1, "command": "log show", "answer": "yes", "exit": 0,
        "origin": checkpoint.checkpoint().origin(),
        "size": checkpoint.checkpoint().size(),
        "root": checkpoint.checkpoint().root().to_hex(),
        "checkpoint": String::from_utf8_lossy(checkpoint.as_bytes()),
    }));
    Ok(())
}

fn show_entry(log: &LogReader, index: u64, console: &Console) -> Result<(), Failure> {
    check_index(log, index)?;
    let body = log.entry(index).map_err(|error| refused(&error))?;
    show_body(index, body, console)
}

pub(super) fn show_body(index: u64, body: Vec<u8>, console: &Console) -> Result<(), Failure> {
    if !console.is_json() {
        let mut line = body;
        line.push(b'\n');
        return console.bytes(&line);
    }
    console.json(&json!({
        "version": 1, "command": "log show", "answer": "yes", "exit": 0,
        "index": index,
        "leaf_hash": merkle::leaf_hash(&body).to_hex(),
        "body": String::from_utf8_lossy(&body),
    }));
    Ok(())
}

/// An index that the log does not have is a mistake of the request.
pub(super) fn check_index(log: &LogReader, index: u64) -> Result<(), Failure> {
    if index < log.size() {
        return Ok(());
    }
    Err(Failure::request(
        "log-index-unknown",
        format!("there is no entry {index}: the log has {}", log.size()),
    ))
}

pub(super) fn check(args: &CheckArgs, console: &Console) -> Result<Exit, Failure> {
    let (at, log_key) = match key::place(&args.read)? {
        Place::Tiles { at, key } => (at, key),
        Place::RekorV1 { at, log } => return rekor_v1::check(args, &at, &log, console),
    };
    let report = at.check(&log_key)?;
    // What does not agree with itself cannot be compared with anything.
    let compared = if report.findings.is_empty() {
        args.checkpoint.as_slice()
    } else {
        &[]
    };
    let kept = compared
        .iter()
        .map(|path| check_kept(&at, &log_key, path).map(|problem| (path, problem)))
        .collect::<Result<Vec<_>, _>>()?;
    let forked = kept
        .iter()
        .filter_map(|(path, problem)| Some((path, problem.as_ref()?)));
    let exit = if report.findings.is_empty() && forked.clone().next().is_none() {
        Exit::Yes
    } else {
        Exit::No
    };
    if console.is_json() {
        console.json(&json!({
            "version": 1, "command": "log check", "answer": exit.word(), "exit": exit.number(),
            "size": report.size, "root": report.root.to_hex(), "tiles": report.tiles, "checkpoints": report.checkpoints,
            "findings": report.findings.iter().map(|finding| json!({
                "code": "log-corrupt", "path": finding.path.display().to_string(), "problem": finding.problem,
            })).chain(forked.map(|(path, problem)| json!({
                "code": "log-forked", "path": path.display().to_string(), "problem": problem,
            }))).collect::<Vec<_>>(),
            "kept_checkpoints": kept.len(),
            "independence": "not shown: a log that its signer keeps proves order only",
        }));
        return Ok(exit);
    }
    for finding in &report.findings {
        console.say(format_args!(
            "log-corrupt  {}: {}",
            finding.path.display(),
            escape(&finding.problem)
        ));
    }
    for (path, problem) in forked {
        console.say(format_args!(
            "log-forked   {}: {}",
            path.display(),
            escape(problem)
        ));
    }
    console.say(format_args!(
        "{}  {} entries, {} tiles, {} checkpoints recomputed; {} compared",
        if exit == Exit::Yes {
            "consistent"
        } else {
            "REFUSED"
        },
        report.size,
        report.tiles,
        report.checkpoints,
        counted(kept.len(), "kept checkpoint")
    ));
    if kept.is_empty() {
        console.say("not checked: whether this is the history that others saw (no --checkpoint that was kept elsewhere)");
    }
    Ok(exit)
}

/// Why a checkpoint that somebody kept does not fit this log; `None` when it does.
fn check_kept(at: &Where, log_key: &LogKey, path: &Path) -> Result<Option<String>, Failure> {
    let bytes = read_kept(path)?;
    let kept = SignedCheckpoint::parse(&bytes)
        .map_err(|error| Failure::request(error.code(), format!("{}: {error}", path.display())))?;
    let kept = match kept.verify(log_key) {
        Ok(kept) => kept,
        Err(error) => {
            return Err(Failure::request(
                error.code(),
                format!("{}: {error}", path.display()),
            ));
        }
    };
    let log = key::open(at, log_key)?;
    let (now, size) = (log.size(), kept.size());
    if size > now {
        return Ok(Some(format!("it has {size} entries, the log only {now}")));
    }
    if size == 0 {
        return Ok(None);
    }
    let proof = log
        .consistency(size, now)
        .map_err(|error| log_failure(&error))?;
    let root = log.checkpoint().checkpoint().root();
    Ok(
        merkle::verify_consistency(size, &kept.root(), now, &root, &proof)
            .err()
            .map(|error| format!("the log of {now} entries does not continue it: {error}")),
    )
}

pub(super) fn read_kept(path: &Path) -> Result<Vec<u8>, Failure> {
    files::read_limited(path, CHECKPOINT_BYTES).map_err(|error| {
        Failure::request(
            "checkpoint-unreadable",
            format!("{}: {error}", path.display()),
        )
    })
}

const CHECKPOINT_BYTES: u64 = 64 * 1024;
