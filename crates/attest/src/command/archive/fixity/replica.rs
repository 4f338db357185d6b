//! `attest archive fixity --replica`: does a copy still have the bytes that were archived?

use std::path::Path;

use attest_archive::{Depth, Reader, ReplicaCheck, Wrong};
use serde_json::{Value, json};

use super::super::list::worse;
use super::super::replicas;
use crate::args::replica::ReplicaFlags;
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure};
use crate::words::{counted, size};

/// Reads back everything that the archive lists, from one replica.
pub(super) fn run(
    reader: &Reader,
    place: &str,
    archive: &Path,
    flags: &ReplicaFlags,
    console: &Console,
) -> Result<Exit, Failure> {
    let replica = replicas::open(place, archive, flags)?;
    let check = replicas::check(reader, &*replica, Depth::Bytes)?;
    if check.releases.is_empty() || check.blobs == 0 {
        let message = "the archive has no releases: nothing was verified";
        return Err(Failure::no("nothing-verified", message));
    }
    let exit = exit(&check);
    if console.is_json() {
        console.json(&object(&check, exit));
    } else {
        say(&check, console);
    }
    Ok(exit)
}

/// What is not as it was is a no; what could not be read is no answer.
fn exit(check: &ReplicaCheck) -> Exit {
    let unread = |(_, wrong): &(_, Wrong)| matches!(wrong, Wrong::Unread { .. });
    let exits = check
        .wrong
        .iter()
        .map(|it| if unread(it) { Exit::Unknown } else { Exit::No });
    let unlisted = !check.unlisted.is_empty() || !check.unknown.is_empty();
    let start = if unlisted { Exit::No } else { Exit::Yes };
    exits.fold(start, worse)
}

fn say(check: &ReplicaCheck, console: &Console) {
    let whole = check.releases.values().filter(|it| **it).count();
    console.say(format!(
        "read       {} of {}, {}",
        counted(check.blobs, "blob"),
        escape(&check.replica),
        size(check.read_bytes),
    ));
    for (blob, wrong) in &check.wrong {
        console.say(format!(
            "damaged    {blob}  {}: {}",
            wrong.code(),
            escape(&wrong.to_string())
        ));
    }
    for manifest in &check.unlisted {
        console.say(format!(
            "not listed {manifest}: the replica's index has it not"
        ));
    }
    for manifest in &check.unknown {
        console.say(format!(
            "not asked  {manifest}: the archive itself cannot read it"
        ));
    }
    console.say(format!(
        "whole      {whole} of {} there",
        counted(check.releases.len(), "release")
    ));
}

fn object(check: &ReplicaCheck, exit: Exit) -> Value {
    let wrong = check.wrong.iter().map(|(blob, wrong)| {
        json!({ "blob": blob.to_string(), "code": wrong.code(), "message": wrong.to_string() })
    });
    let releases = check.releases.iter();
    let texts = |digests: &[attest_digest::Digest]| -> Vec<String> {
        digests.iter().map(ToString::to_string).collect()
    };
    json!({
        "version": 1,
        "command": "archive fixity",
        "answer": exit.word(),
        "exit": exit.number(),
        "replica": check.replica,
        "releases": releases.map(|(name, whole)| (name.to_string(), json!(whole)))
            .collect::<serde_json::Map<_, _>>(),
        "blobs": check.blobs,
        "read_bytes": check.read_bytes,
        "damaged": wrong.collect::<Vec<_>>(),
        "unlisted": texts(&check.unlisted),
        "not_asked": texts(&check.unknown),
    })
}
