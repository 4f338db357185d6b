//! `attest digest --contents`: the members of an archive.

use std::path::Path;

use attest_digest::{
    ContainerError, ContainerProblem, Hashes, Listing, Member, MemberKind, Profile,
};
use serde_json::{Value, json};

use crate::console::{Console, escape};
use crate::failure::{Exit, Failure, with_source};
use crate::files;

pub(super) fn run(path: &Path, console: &Console) -> Result<Exit, Failure> {
    let shown = escape(&path.display().to_string());
    let file = files::open_regular(path)
        .map_err(|error| Failure::unknown("file-unreadable", format!("{shown}: {error}")))?;
    let listing = Listing::read(&file, Profile::Foreign, Hashes::Sha256AndSha512)
        .map_err(|error| refusal(&shown, &error))?;
    // One that lists nothing has proven nothing.
    let exit = if listing.members().is_empty() {
        console.note("the archive has no members");
        Exit::No
    } else {
        Exit::Yes
    };
    if console.is_json() {
        console.json(&report(&listing, exit));
    } else {
        show(&listing, console);
    }
    Ok(exit)
}

fn refusal(shown: &str, error: &ContainerError) -> Failure {
    let message = format!("{shown}: {}", with_source(error));
    match error.problem() {
        ContainerProblem::Read(_) => Failure::unknown(error.code(), message),
        _ => Failure::no(error.code(), message),
    }
}

fn show(listing: &Listing, console: &Console) {
    let container = listing.container();
    console.say(format_args!(
        "{}  {} bytes  {}",
        listing.format().name(),
        container.size(),
        container.sha256()
    ));
    for member in listing.members() {
        let path = escape(member.path().as_str());
        let mode = member.mode();
        match member.kind() {
            MemberKind::File(artifact) => console.say(format_args!(
                "file    {mode:04o}  {:>12}  {}  {path}",
                artifact.size(),
                artifact.sha256()
            )),
            MemberKind::Link { target } => {
                console.say(format_args!("link    {path} -> {}", escape(target)));
            }
            _ => console.say(format_args!("folder  {mode:04o}  {path}/")),
        }
    }
}

fn report(listing: &Listing, exit: Exit) -> Value {
    let container = listing.container();
    let members: Vec<Value> = listing.members().iter().map(entry).collect();
    json!({
        "version": 1, "command": "digest", "answer": exit.word(), "exit": exit.number(),
        "format": listing.format().name(), "size": container.size(),
        "sha256": container.sha256().hex(),
        "sha512": container.sha512().map(|it| it.hex()),
        "members": members,
    })
}

fn entry(member: &Member) -> Value {
    let (kind, target, artifact) = match member.kind() {
        MemberKind::File(artifact) => ("file", None, Some(artifact)),
        MemberKind::Link { target } => ("link", Some(target), None),
        _ => ("folder", None, None),
    };
    json!({
        "path": member.path().as_str(), "type": kind, "mode": format!("{:04o}", member.mode()),
        "size": artifact.map(attest_digest::Artifact::size),
        "sha256": artifact.map(|it| it.sha256().hex()),
        "sha512": artifact.and_then(attest_digest::Artifact::sha512).map(|it| it.hex()),
        "target": target,
    })
}
