//! `attest archive copy`: what is missing in a replica.

use std::path::Path;

use attest_archive::{CopyReport, NotCopiedBecause, Reader, ReplicaError};
use clap::Args;
use serde_json::{Value, json};

use super::list::worse;
use super::tombstone::Tombstones;
use super::{PlaceArgs, damage_failure, is_damage, replicas};
use crate::args::replica::ReplicaFlags;
use crate::args::{Global, TrustArgs};
use crate::audit::{self, Change};
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure, with_source};
use crate::words::{counted, size};

#[derive(Debug, Args)]
pub(super) struct CopyArgs {
    /// The replica, made if it is not there: a folder, a mount, a folder of a bucket
    /// (`s3://BUCKET/PREFIX`), or a repository of a registry (`oci://HOST/REPOSITORY`)
    #[arg(long, value_name = "PLACE")]
    to: String,
    #[command(flatten)]
    flags: ReplicaFlags,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    trust: TrustArgs,
}

pub(super) fn run(args: &CopyArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    let path = args.place.path();
    let mut reader = Reader::open(&path).map_err(|error| damage_failure(&error))?;
    let tombstones = Tombstones::of_flags(&reader, &args.place, &args.trust, global.now()?)?;
    reader.accept_deletions(tombstones.accepted());
    let mut replica = replicas::make(&args.to, &path, &args.flags)?;
    // The home stays as it is; that its releases went elsewhere is to be known all the same.
    let change = Change::new("archive.copy").path(Path::new(&args.to));
    let report = audit::traced(&args.place.own_home(), change, |_| {
        reader
            .copy_to(&mut *replica)
            .map_err(|error| replica_failure(&error))
    })?;
    let exit = exit(&report);
    if console.is_json() {
        console.json(&object(&report, exit));
    } else {
        say(&report, console);
    }
    Ok(exit)
}

/// What a replica said, with its exit code.
pub(super) fn replica_failure(error: &ReplicaError) -> Failure {
    match error {
        ReplicaError::Differs { .. } | ReplicaError::Index { .. } => {
            Failure::no(error.code(), with_source(error))
        }
        _ => Failure::unknown(error.code(), with_source(error)),
    }
}

/// Damage here or there is a no; what could not be read is no answer.
fn exit(report: &CopyReport) -> Exit {
    let exits = report.not_copied.iter().map(|it| match &it.error {
        NotCopiedBecause::Here(error) if is_damage(error) => Exit::No,
        NotCopiedBecause::There(ReplicaError::Differs { .. }) => Exit::No,
        _ => Exit::Unknown,
    });
    let incomplete = !report.incomplete.is_empty() || !report.incomplete_attachments.is_empty();
    let exit = exits.fold(Exit::Yes, worse);
    match exit {
        Exit::Yes if incomplete || !report.conflicts.is_empty() => Exit::No,
        _ if !report.conflicts.is_empty() => Exit::No,
        exit => exit,
    }
}

fn say(report: &CopyReport, console: &Console) {
    console.say(format!(
        "{}  lists {} and {} of this archive",
        escape(&report.replica),
        counted(report.releases, "release"),
        counted(report.attachments, "attachment"),
    ));
    console.say(format!(
        "copied     {}, {}",
        counted(report.new_blobs, "new blob"),
        size(report.new_bytes)
    ));
    console.say(format!(
        "present    {}, by name and size: attest archive fixity --replica reads them",
        counted(report.present_blobs, "blob")
    ));
    for lost in &report.not_copied {
        let error = escape(&with_source(&lost.error));
        console.say(format!(
            "not copied {}  {}: {error}",
            lost.blob,
            lost.error.code()
        ));
    }
    for name in &report.incomplete {
        console.say(format!("not listed {name}: it is not whole there"));
    }
    for manifest in &report.incomplete_attachments {
        console.say(format!(
            "not listed attachment {manifest}: it is not whole there"
        ));
    }
    for conflict in &report.conflicts {
        console.say(format!(
            "differs    {}  version-already-released: here {}, there {}: both stay",
            conflict.name, conflict.here, conflict.there
        ));
    }
}

fn object(report: &CopyReport, exit: Exit) -> Value {
    let not_copied = report.not_copied.iter().map(|it| {
        json!({
            "blob": it.blob.to_string(),
            "code": it.error.code(),
            "message": with_source(&it.error),
        })
    });
    let conflicts = report.conflicts.iter().map(|it| {
        json!({
            "release": it.name.to_string(),
            "code": "version-already-released",
            "here": it.here.to_string(),
            "there": it.there.to_string(),
        })
    });
    let attachments = report.incomplete_attachments.iter();
    json!({
        "version": 1,
        "command": "archive copy",
        "answer": exit.word(),
        "exit": exit.number(),
        "replica": report.replica,
        "releases": report.releases,
        "attachments": report.attachments,
        "new_blobs": report.new_blobs,
        "new_bytes": report.new_bytes,
        "present_blobs": report.present_blobs,
        "not_copied": not_copied.collect::<Vec<_>>(),
        "incomplete": names_of(&report.incomplete),
        "incomplete_attachments": attachments.map(ToString::to_string).collect::<Vec<_>>(),
        "conflicts": conflicts.collect::<Vec<_>>(),
    })
}

fn names_of(names: &[attest_provenance::ReleaseName]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}
