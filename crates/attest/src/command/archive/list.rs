//! `attest archive list`.

use attest_archive::{ArchiveError, Reader, Summary};
use clap::Args;
use serde_json::{Value, json};

use super::{PlaceArgs, damage_failure, tombstone};
use crate::args::Global;
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure, with_source};
use crate::words::{files, size};

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    place: PlaceArgs,
}

/// One line of the list: what the manifest claims, or why it cannot be read.
struct Line {
    summary: Summary,
    content: Result<Content, ArchiveError>,
}

struct Content {
    files: usize,
    bytes: u64,
    deleted: Value,
    /// What people read of its deletion.
    gone: Option<String>,
}

pub(super) fn run(args: &ListArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    let path = args.place.path();
    let mut reader = Reader::open(&path).map_err(|error| damage_failure(&error))?;
    tombstone::accept_place(&mut reader, &args.place, global.now()?)?;
    let lines: Vec<Line> = reader
        .list()
        .into_iter()
        .map(|it| line(&reader, it))
        .collect();
    let exits = lines.iter().filter_map(|line| line.content.as_ref().err());
    let exit = exits
        .map(|error| damage_failure(error).exit)
        .fold(Exit::Yes, worse);
    if console.is_json() {
        console.json(&json!({
            "version": 1,
            "command": "archive list",
            "answer": exit.word(),
            "exit": exit.number(),
            "archive": path.display().to_string(),
            "releases": lines.iter().map(object).collect::<Vec<_>>(),
        }));
        return Ok(exit);
    }
    if lines.is_empty() {
        console.say(format!(
            "no releases in {}",
            escape(&path.display().to_string())
        ));
    }
    for line in &lines {
        console.say(words(line));
    }
    Ok(exit)
}

fn line(reader: &Reader, summary: Summary) -> Line {
    let content = match reader.find(&summary.name) {
        Ok(Some(release)) => Ok(Content {
            files: release.members().len(),
            bytes: release.size(),
            deleted: tombstone::object(reader, &release),
            gone: tombstone::line(reader, &release),
        }),
        Ok(None) => Err(ArchiveError::NoSuchRelease {
            name: summary.name.clone(),
        }),
        Err(error) => Err(error),
    };
    Line { summary, content }
}

fn words(line: &Line) -> String {
    let Summary { name, manifest, .. } = &line.summary;
    match &line.content {
        Ok(content) => {
            let gone = content.gone.as_deref();
            let gone = gone.map(|it| format!("\n  {}", escape(it)));
            format!(
                "{name}  {}, {}  {manifest}{}",
                files(content.files),
                size(content.bytes),
                gone.unwrap_or_default()
            )
        }
        Err(error) => format!("{name}  {}: {}", error.code(), escape(&with_source(error))),
    }
}

fn object(line: &Line) -> Value {
    let Summary { name, manifest, .. } = &line.summary;
    let content = line.content.as_ref();
    json!({
        "release": name.to_string(),
        "name": name.name(),
        "version": name.version(),
        "purl": name.purl(),
        "manifest": manifest.to_string(),
        "files": content.ok().map(|content| content.files),
        "bytes": content.ok().map(|content| content.bytes),
        "deleted": content.ok().map(|content| &content.deleted),
        "error": content.err().map(|error| json!({ "code": error.code(), "message": with_source(error) })),
    })
}

/// Any no is a no, else anything that could not be told.
pub(crate) fn worse(one: Exit, other: Exit) -> Exit {
    match (one, other) {
        (Exit::No, _) | (_, Exit::No) => Exit::No,
        (Exit::Yes, other) => other,
        (one, _) => one,
    }
}
