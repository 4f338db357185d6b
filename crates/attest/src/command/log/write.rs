//! Writing the log: init, append, adopt. One writer at a time, by lock.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use attest_digest::{Artifact, Hashes};
use attest_log::{CheckpointSigner as _, Log, SignedCheckpoint, entry::Entry};
use attest_verify::Bundle;
use serde_json::json;

use super::{AdoptArgs, AppendArgs};
use crate::args::HomeArgs;
use crate::audit::log::{appending, entries};
use crate::audit::{self, Change};
use crate::console::Console;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::identity::{Card, Keyring, log_failure};

pub(super) fn init(args: &HomeArgs, console: &Console) -> Result<Exit, Failure> {
    let home = args.home();
    let card = Card::read(&home)?;
    let key =
        Keyring::new(args.password()).checkpoint_key(&home.checkpoint_key(), &card.origin()?)?;
    let copy = home.second_copy(&key.key().log_id())?;
    audit::traced(&home, Change::new("log.init"), |_| {
        Log::create(&home.log(), &copy, &key).map_err(|error| log_failure(&error))
    })?;
    if console.is_json() {
        console.json(&json!({
            "version": 1, "command": "log init", "answer": "yes", "exit": 0, "origin": card.origin, "id": card.log, "size": 0,
        }));
    } else {
        console.say(format_args!(
            "log        {}, empty, kept by you",
            card.origin
        ));
    }
    Ok(Exit::Yes)
}

pub(super) fn append(args: &AppendArgs, console: &Console) -> Result<Exit, Failure> {
    let bodies = bodies(&args.files)?;
    let home = args.home.home();
    let card = Card::read(&home)?;
    let key = Keyring::new(args.home.password())
        .checkpoint_key(&home.checkpoint_key(), &card.origin()?)?;
    let copy = home.second_copy(&key.key().log_id())?;
    let mut log = Log::open(&home.log(), &copy, &key).map_err(|error| log_failure(&error))?;
    let completed = log.recovery().completed;
    if completed > 0 {
        console.note(format_args!(
            "finished   an append that was interrupted: {completed} entries were not published yet"
        ));
    }
    let appended = audit::traced(&home, appending(&bodies), |change| {
        let appended = log.append(&bodies).map_err(|error| log_failure(&error))?;
        change.say(entries(appended.iter().map(|one| one.index)));
        Ok(appended)
    })?;
    if console.is_json() {
        console.json(&json!({
            "version": 1, "command": "log append", "answer": "yes", "exit": 0, "origin": card.origin, "size": log.size(),
            "entries": appended.iter().map(|one| json!({ "index": one.index, "known": one.known })).collect::<Vec<_>>(),
        }));
        return Ok(Exit::Yes);
    }
    for one in &appended {
        let known = if one.known { ", known before" } else { "" };
        console.say(format_args!("entry {}{known}", one.index));
    }
    console.say(format_args!(
        "logged     {} of {}, kept by you: nobody else has seen it",
        appended.len(),
        card.origin
    ));
    Ok(Exit::Yes)
}

pub(super) fn adopt(args: &AdoptArgs, console: &Console) -> Result<Exit, Failure> {
    let home = args.home.home();
    if crate::home::lies_inside(&args.checkpoint, home.path()) {
        return Err(Failure::request(
            "checkpoint-inside-home",
            format!("{} lies inside the home", args.checkpoint.display()),
        )
        .hint("a checkpoint from the same backup says nothing; take one that was kept elsewhere, such as in a published bundle"));
    }
    let checkpoint = checkpoint(&args.checkpoint)?;
    let missing = bodies(&args.missing)?;
    let card = Card::read(&home)?;
    let key = Keyring::new(args.home.password())
        .checkpoint_key(&home.checkpoint_key(), &card.origin()?)?;
    let copy = home.second_copy(&key.key().log_id())?;
    let digest = Artifact::of_bytes(&checkpoint, Hashes::Sha256).sha256();
    let change = Change::new("log.adopt")
        .path(&args.checkpoint)
        .digest(digest);
    let log = audit::traced(&home, change, |_| {
        Log::adopt(&home.log(), &copy, &key, &checkpoint, &missing)
            .map_err(|error| log_failure(&error))
    })?;
    if console.is_json() {
        console.json(&json!({
            "version": 1, "command": "log adopt", "answer": "yes", "exit": 0, "origin": card.origin, "size": log.size(),
        }));
    } else {
        console.say(format_args!(
            "adopted    {} with {} entries",
            card.origin,
            log.size()
        ));
        console.say("If entries were logged after this checkpoint and are lost, the log has forked: whoever saw them can show it.");
    }
    Ok(Exit::Yes)
}

/// A signed note, or the checkpoint of a bundle's first entry.
fn checkpoint(path: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable = |problem: String| {
        Failure::request(
            "checkpoint-unreadable",
            format!("{}: {problem}", path.display()),
        )
    };
    let bytes =
        files::read_limited(path, FILE_BYTES).map_err(|error| unreadable(error.to_string()))?;
    if let Ok(bundle) = Bundle::parse(&bytes) {
        let proof = bundle.entries().first().and_then(|entry| {
            entry
                .proof()
                .map(|proof| proof.checkpoint().as_bytes().to_vec())
        });
        return proof.ok_or_else(|| unreadable("the bundle carries no checkpoint".to_owned()));
    }
    SignedCheckpoint::parse(&bytes).map_err(|error| unreadable(error.to_string()))?;
    Ok(bytes)
}

fn bodies(paths: &[PathBuf]) -> Result<Vec<Vec<u8>>, Failure> {
    let mut bodies = Vec::new();
    for path in paths {
        bodies.extend(bodies_of(path)?);
    }
    Ok(bodies)
}

/// The entries in a file: the bodies that a bundle carries, or one body, with or without the line
/// break that editors add.
fn bodies_of(path: &Path) -> Result<Vec<Vec<u8>>, Failure> {
    let read = read_entries(path)?;
    if let Some(other) = read.other {
        return Err(other);
    }
    Ok(read.entries.iter().map(Entry::body).collect())
}

/// What a file has for a log.
pub(super) struct ReadEntries {
    pub(super) entries: Vec<Entry>,
    /// Why an entry of the bundle is left out, if one is: it is of another kind.
    pub(super) other: Option<Failure>,
    /// The bundle that they came in, and its bytes.
    pub(super) bundle: Option<(Bundle, Vec<u8>)>,
}

pub(super) fn read_entries(path: &Path) -> Result<ReadEntries, Failure> {
    let malformed = |problem: String| {
        Failure::request("entry-malformed", format!("{}: {problem}", path.display()))
            .hint("an entry is the canonical JSON of a hashedrekord 0.0.2 body, or comes in a Sigstore bundle")
    };
    let bytes = files::read_limited(path, FILE_BYTES).map_err(|error| match error.kind() {
        ErrorKind::FileTooLarge => malformed(error.to_string()),
        _ => Failure::unknown("file-unreadable", format!("{}: {error}", path.display())),
    })?;
    let parse = |body: &[u8]| Entry::parse(body).map_err(|error| malformed(error.to_string()));
    let Ok(bundle) = Bundle::parse(&bytes) else {
        let body = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        return Ok(ReadEntries {
            entries: vec![parse(body)?],
            other: None,
            bundle: None,
        });
    };
    if bundle.entries().is_empty() {
        return Err(malformed("the bundle carries no log entry".to_owned()));
    }
    let (mut entries, mut other) = (Vec::new(), None);
    for entry in bundle.entries() {
        match parse(entry.body()) {
            Ok(entry) => entries.push(entry),
            Err(failure) => other = other.or(Some(failure)),
        }
    }
    Ok(ReadEntries {
        entries,
        other,
        bundle: Some((bundle, bytes)),
    })
}

const FILE_BYTES: u64 = 12 * 1024 * 1024;
