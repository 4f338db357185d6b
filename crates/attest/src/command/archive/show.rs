//! `attest archive show`.

use attest_archive::{Member, Reader, Release};
use attest_provenance::ReleaseName;
use clap::Args;
use serde_json::{Value, json};

use super::{PlaceArgs, archive_failure, damage_failure, parse_release};
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure};
use crate::words::{files, size};

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The release
    #[arg(value_name = "NAME@VERSION")]
    release: String,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(super) fn run(args: &ShowArgs, console: &Console) -> Result<Exit, Failure> {
    let name = parse_release(&args.release)?;
    let reader = Reader::open(&args.place.path()).map_err(|error| damage_failure(&error))?;
    let release = reader.find(&name).map_err(|error| damage_failure(&error))?;
    let release = release.ok_or_else(|| missing(&name))?;
    if console.is_json() {
        console.json(&object(&release));
    } else {
        say(&release, console);
    }
    Ok(Exit::Yes)
}

/// There is no such release: the archive was read, and it says no.
pub(super) fn missing(name: &ReleaseName) -> Failure {
    let error = attest_archive::ArchiveError::NoSuchRelease { name: name.clone() };
    archive_failure(&error).hint("attest archive list shows what is there")
}

fn say(release: &Release<'_>, console: &Console) {
    console.say(format!(
        "{}  {}, {}",
        release.name(),
        files(release.members().len()),
        size(release.size())
    ));
    console.say(format!("manifest   {}", release.manifest()));
    console.say(format!("purl       {}", release.name().purl()));
    console.say("claimed by the archive, not verified: attest archive verify reads and proves it");
    for member in release.members() {
        console.say(format!(
            "  {:<9}  {:>10}  {}  {}",
            member.role().name(),
            size(member.size()),
            member.digest(),
            escape(member.path().as_str())
        ));
    }
}

fn object(release: &Release<'_>) -> Value {
    json!({
        "version": 1,
        "command": "archive show",
        "answer": Exit::Yes.word(),
        "exit": Exit::Yes.number(),
        "state": "claimed",
        "release": release.name().to_string(),
        "purl": release.name().purl(),
        "manifest": release.manifest().to_string(),
        "bytes": release.size(),
        "files": release.members().iter().map(member).collect::<Vec<_>>(),
    })
}

fn member(member: &Member) -> Value {
    json!({
        "path": member.path().as_str(),
        "role": member.role().name(),
        "media_type": member.media_type(),
        "size": member.size(),
        "sha256": member.digest().hex(),
    })
}
