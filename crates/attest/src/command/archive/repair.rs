//! `attest archive repair`: damaged blobs come back from replicas, by their digest.

use attest_archive::{
    ArchiveError, Deletion, IndexRepair, Lost, RepairReport, Repaired, Replica, Store,
};
use clap::Args;
use serde_json::{Value, json};

use super::list::worse;
use super::tombstone::{self, Tombstones};
use super::{PlaceArgs, damage_failure, is_damage, replicas};
use crate::args::replica::ReplicaFlags;
use crate::args::{Global, TrustArgs};
use crate::audit::{self, Change};
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure, with_source};
use crate::words::{counted, size};

#[derive(Debug, Args)]
pub(super) struct RepairArgs {
    /// A replica, asked in the order given: what it gives is hashed, and kept only if it is what was
    /// archived. A folder, a mount, a folder of a bucket (`s3://BUCKET/PREFIX`), or a repository of a
    /// registry (`oci://HOST/REPOSITORY`)
    #[arg(long, value_name = "PLACE", required = true)]
    from: Vec<String>,
    #[command(flatten)]
    flags: ReplicaFlags,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    trust: TrustArgs,
}

/// What went wrong in a repair, with its exit code.
struct Wrong(Failure);

impl From<ArchiveError> for Wrong {
    fn from(error: ArchiveError) -> Self {
        Self(damage_failure(&error))
    }
}

pub(super) fn run(args: &RepairArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    let path = args.place.path();
    let open = |place: &String| replicas::open(place, &path, &args.flags);
    let replicas = args.from.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let replicas: Vec<&dyn Replica> = replicas.iter().map(|it| &**it).collect();
    let now = global.now()?;
    let mut deleted = Vec::new();
    let change = Change::new("archive.repair").path(&path);
    let report = audit::traced(&args.place.own_home(), change, |change| {
        // What was deleted is not brought back.
        let report = Store::repair_accepting(&path, &replicas, |reader| {
            let found = Tombstones::of_flags(reader, &args.place, &args.trust, now);
            deleted = found.map_err(Wrong)?.accepted();
            Ok(deleted.clone())
        });
        let report = report.map_err(|Wrong(failure)| failure)?;
        change.say(format!(
            "{} repaired, {} lost",
            report.repaired.len(),
            report.lost.len()
        ));
        Ok(report)
    })?;
    if report.blobs == 0 {
        let message = "the archive has no blobs: nothing was verified";
        return Err(Failure::no("nothing-verified", message));
    }
    let exit = exit(&report);
    if console.is_json() {
        console.json(&object(&report, &deleted, exit));
    } else {
        for deletion in &deleted {
            let words = escape(&tombstone::words(deletion));
            console.say(format!("left out   {}: {words}", deletion.release()));
        }
        say(&report, console);
    }
    Ok(exit)
}

/// What stays damaged is a no; what could not be read is no answer.
fn exit(report: &RepairReport) -> Exit {
    let exits = report.lost.iter().map(|lost| {
        if is_damage(&lost.was) {
            Exit::No
        } else {
            Exit::Unknown
        }
    });
    exits.fold(Exit::Yes, worse)
}

fn say(report: &RepairReport, console: &Console) {
    if let IndexRepair::Rebuilt {
        releases,
        attachments,
        quarantined,
    } = &report.index
    {
        let old = quarantined
            .as_deref()
            .map_or(String::new(), |it| format!("; the old one is {it}"));
        console.say(format!(
            "index      made again: {}, {}{old}",
            counted(*releases, "release"),
            counted(*attachments, "attachment"),
        ));
    }
    for one in &report.repaired {
        console.say(format!("repaired   {}", repaired_words(one)));
    }
    for one in &report.lost {
        console.say(format!(
            "lost       {}  {}: {}",
            one.blob,
            one.was.code(),
            with_source(&*one.was)
        ));
        for (replica, answer) in &one.answers {
            console.say(format!(
                "             {}: {}",
                escape(replica),
                escape(answer)
            ));
        }
    }
    for (name, replica) in &report.only_there {
        console.say(format!(
            "only there {name}: {} lists it, this archive does not; it is not added",
            escape(replica)
        ));
    }
    for (replica, problem) in &report.silent {
        console.say(format!(
            "silent     {}: {}",
            escape(replica),
            escape(problem)
        ));
    }
    console.say(format!(
        "{} read, {} brought back, {} lost",
        counted(report.blobs, "blob"),
        report.repaired.len(),
        report.lost.len()
    ));
}

fn repaired_words(one: &Repaired) -> String {
    let old = one
        .quarantined
        .as_deref()
        .map_or(String::new(), |it| format!("; what stood there is {it}"));
    format!(
        "{} ({}), {}, from {}{old}",
        one.blob,
        size(one.size),
        one.was.code(),
        escape(&one.from)
    )
}

fn object(report: &RepairReport, deleted: &[Deletion], exit: Exit) -> Value {
    let only_there = report
        .only_there
        .iter()
        .map(|(name, replica)| json!({ "release": name.to_string(), "replica": replica }));
    let silent = report.silent.iter().map(|(replica, message)| {
        json!({ "replica": replica, "code": "replica-unavailable", "message": message })
    });
    json!({
        "version": 1,
        "command": "archive repair",
        "answer": exit.word(),
        "exit": exit.number(),
        "blobs": report.blobs,
        "index": index_object(&report.index),
        "repaired": report.repaired.iter().map(repaired_object).collect::<Vec<_>>(),
        "lost": report.lost.iter().map(lost_object).collect::<Vec<_>>(),
        "only_there": only_there.collect::<Vec<_>>(),
        "deleted": deleted.iter().map(|it| it.release().to_string()).collect::<Vec<_>>(),
        "silent": silent.collect::<Vec<_>>(),
    })
}

fn index_object(index: &IndexRepair) -> Value {
    match index {
        IndexRepair::Readable => json!({ "outcome": "readable" }),
        IndexRepair::Rebuilt {
            releases,
            attachments,
            quarantined,
        } => json!({
            "outcome": "rebuilt",
            "releases": releases,
            "attachments": attachments,
            "quarantined": quarantined,
        }),
    }
}

fn repaired_object(one: &Repaired) -> Value {
    json!({
        "blob": one.blob.to_string(),
        "size": one.size,
        "was": one.was.code(),
        "from": one.from,
        "quarantined": one.quarantined,
    })
}

fn lost_object(one: &Lost) -> Value {
    let answers = one
        .answers
        .iter()
        .map(|(replica, answer)| json!({ "replica": replica, "answer": answer }));
    json!({
        "blob": one.blob.to_string(),
        "code": one.was.code(),
        "message": with_source(&*one.was),
        "answers": answers.collect::<Vec<_>>(),
    })
}
