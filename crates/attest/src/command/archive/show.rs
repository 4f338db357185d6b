//! `attest archive show`.

use attest_archive::{Attachment, Member, Reader, Release, Term};
use attest_provenance::ReleaseName;
use clap::Args;
use serde_json::{Value, json};

use super::{PlaceArgs, archive_failure, damage_failure, keeping, parse_release, tombstone};
use crate::args::Global;
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure};
use crate::trust;
use crate::words::{files, size};

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The release
    #[arg(value_name = "NAME@VERSION")]
    release: String,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(super) fn run(args: &ShowArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    let name = parse_release(&args.release)?;
    let mut reader = Reader::open(&args.place.path()).map_err(|error| damage_failure(&error))?;
    tombstone::accept_place(&mut reader, &args.place, global.now()?)?;
    let release = reader.find(&name).map_err(|error| damage_failure(&error))?;
    let release = release.ok_or_else(|| missing(&name))?;
    let term = term(args, &reader, &release, global)?;
    let attached = reader.attachments(&release);
    let attached = attached.map_err(|error| damage_failure(&error))?;
    if console.is_json() {
        console.json(&object(&reader, &release, &term, &attached));
    } else {
        say(&reader, &release, &term, console);
        say_attached(&attached, console);
    }
    Ok(Exit::Yes)
}

/// How long it is kept: by the home's own key where it is the home's archive, else as it is claimed.
fn term(
    args: &ShowArgs,
    reader: &Reader,
    release: &Release<'_>,
    global: &Global,
) -> Result<Term, Failure> {
    let now = global.now()?.time;
    let home = args.place.own_home();
    if !args.place.is_own() || !home.exists() {
        return Ok(Term::of(None, &keeping::kept(reader, release, None)?));
    }
    let trust = trust::of_keeper(&home)?;
    let roots = trust.proving();
    let session = keeping::session(trust, now)?;
    keeping::term(reader, release, &session, &roots, now)
}

/// There is no such release: the archive was read, and it says no.
pub(super) fn missing(name: &ReleaseName) -> Failure {
    let error = attest_archive::ArchiveError::NoSuchRelease { name: name.clone() };
    archive_failure(&error).hint("attest archive list shows what is there")
}

fn say(reader: &Reader, release: &Release<'_>, term: &Term, console: &Console) {
    console.say(format!(
        "{}  {}, {}",
        release.name(),
        files(release.members().len()),
        size(release.size())
    ));
    console.say(format!("manifest   {}", release.manifest()));
    console.say(format!("purl       {}", release.name().purl()));
    for line in keeping::lines(term) {
        console.say(format!("kept       {}", escape(&line)));
    }
    if let Some(line) = tombstone::line(reader, release) {
        console.say(format!("deleted    {}", escape(&line)));
    }
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

/// What came later.
fn say_attached(attached: &[Attachment<'_>], console: &Console) {
    for attachment in attached {
        let kind = attachment.kind();
        console.say(format!("attached   {kind}, {}", attachment.created()));
        for file in attachment.files() {
            console.say(format!(
                "  {:<9}  {:>10}  {}  {}",
                kind.name(),
                size(file.size()),
                file.digest(),
                escape(file.path().as_str())
            ));
        }
    }
}

fn object(
    reader: &Reader,
    release: &Release<'_>,
    term: &Term,
    attached: &[Attachment<'_>],
) -> Value {
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
        "keeping": keeping::object(term),
        "deleted": tombstone::object(reader, release),
        "files": release.members().iter().map(member).collect::<Vec<_>>(),
        "attachments": attached.iter().map(attachment).collect::<Vec<_>>(),
    })
}

fn attachment(attachment: &Attachment<'_>) -> Value {
    let files = attachment.files().iter().map(|file| {
        json!({
            "path": file.path().as_str(),
            "media_type": file.media_type(),
            "size": file.size(),
            "sha256": file.digest().hex(),
        })
    });
    json!({
        "kind": attachment.kind().name(),
        "created": attachment.created().to_string(),
        "manifest": attachment.manifest().to_string(),
        "files": files.collect::<Vec<_>>(),
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
