//! `attest archive log`: the audit trail, shown and checked.
//!
//! 1. Read every event: each is written in the one way that it has, is of this home, follows the line
//!    before it, and ends only what began.
//! 2. Compare the trail with the heads that were signed at releases.

use std::path::{Path, PathBuf};

use attest_archive::audit::{AUDIT_FILE, AuditFault, AuditNote, Chain, Event, Fact, Phase};
use clap::Args;
use serde_json::{Value, json};

use super::parse_release;
use crate::audit;
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure, with_source};
use crate::home::Home;
use crate::identity::Card;
use crate::words::counted;

#[derive(Debug, Args)]
pub(super) struct LogArgs {
    /// Show only the events that name these releases; all are checked
    #[arg(value_name = "NAME@VERSION")]
    releases: Vec<String>,
    /// The folder of the local identity and its audit trail [default: .attest]
    #[arg(long, value_name = "DIR", env = "ATTEST_HOME")]
    home: Option<PathBuf>,
}

/// What there is to say about a trail.
struct Checked {
    path: PathBuf,
    chain: Chain,
    shown: Vec<Event>,
}

pub(super) fn run(args: &LogArgs, console: &Console) -> Result<Exit, Failure> {
    let releases = args
        .releases
        .iter()
        .map(|text| parse_release(text).map(|it| it.to_string()))
        .collect::<Result<Vec<_>, _>>()?;
    let home = Home::new(args.home.as_deref(), None);
    let card = Card::read(&home)?;
    let checked = check(&home.path().join(AUDIT_FILE), &card.log, &releases)?;
    let exit = checked.exit();
    if console.is_json() {
        console.json(&checked.report());
    } else {
        checked.say(console);
    }
    Ok(exit)
}

/// Reads the whole trail, and keeps of it what is to be shown.
fn check(path: &Path, home: &str, releases: &[String]) -> Result<Checked, Failure> {
    let mut chain = Chain::new(home);
    let mut shown = Vec::new();
    let is_shown = |event: &Event| {
        let release = event.text(Fact::Release);
        releases.is_empty() || release.is_some_and(|it| releases.iter().any(|one| one == it))
    };
    audit::read(path, &mut chain, |event| {
        if is_shown(&event) {
            shown.push(event);
        }
    })
    .map_err(|error| unreadable(path, &error))?;
    if chain.is_empty() {
        return Err(missing(path));
    }
    Ok(Checked {
        path: path.to_owned(),
        chain,
        shown,
    })
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    if error.kind() == std::io::ErrorKind::NotFound {
        return missing(path);
    }
    Failure::unknown("audit-unreadable", format!("{}: {error}", path.display()))
}

/// Nothing that could be checked is never a yes.
fn missing(path: &Path) -> Failure {
    Failure::no(
        "audit-missing",
        format!("{} has no events: nothing was checked", path.display()),
    )
}

impl Checked {
    /// A trail of a later program is one that we cannot read, not one that was changed.
    fn exit(&self) -> Exit {
        if self.chain.faults().is_empty() {
            Exit::Yes
        } else {
            Exit::No
        }
    }

    fn say(&self, console: &Console) {
        for event in &self.shown {
            console.say(line(event));
        }
        for note in self.chain.notes() {
            console.say(format!("note: {}: {}", note.code(), words(note)));
        }
        for event in self.chain.open() {
            console.say(format!(
                "note: {} of line {} has no end: it is at work, or died",
                event.event,
                event.sequence + 1
            ));
        }
        for fault in self.chain.faults() {
            let text = escape(&with_source(fault));
            console.say(format!("error[{}]: {text}", fault.code()));
        }
        console.say(format!(
            "{}  {}, {}",
            escape(&self.path.display().to_string()),
            counted(self.chain.len(), "event"),
            if self.exit() == Exit::Yes {
                "each follows the one before it"
            } else {
                "not as they were written"
            }
        ));
        console.say("note: what was cut off behind the last signed head leaves no trace here");
    }

    fn report(&self) -> Value {
        let exit = self.exit();
        json!({
            "version": 1,
            "command": "archive log",
            "answer": exit.word(),
            "exit": exit.number(),
            "file": self.path.display().to_string(),
            "count": self.chain.len(),
            "last": self.chain.last().map(|it| it.to_string()),
            "events": self.shown.iter().map(object).collect::<Vec<_>>(),
            "unended": self.chain.open().map(|it| it.sequence).collect::<Vec<_>>(),
            "notes": self.chain.notes().iter().map(|it| json!({ "code": it.code(), "message": words(it) })).collect::<Vec<_>>(),
            "problems": self.chain.faults().iter().map(problem).collect::<Vec<_>>(),
        })
    }
}

fn problem(fault: &AuditFault) -> Value {
    json!({ "code": fault.code(), "message": with_source(fault) })
}

/// The event as its line has it.
fn object(event: &Event) -> Value {
    let line = event.to_line().unwrap_or_default();
    serde_json::from_slice(&line).unwrap_or_default()
}

/// `4  2026-11-21T09:41:07Z  archive.add  yes (of 3)  hello@1.0.0  sha256:77aa…  by anna (1000) on build-1`
fn line(event: &Event) -> String {
    let phase = match event.phase {
        Phase::Begun => "begun".to_owned(),
        Phase::Ended { begun, outcome } => format!("{} (of {begun})", outcome.word()),
    };
    let what = [
        Fact::Release,
        Fact::Code,
        Fact::Detail,
        Fact::Path,
        Fact::Digest,
    ];
    let what = what.iter().filter_map(|fact| event.text(*fact)).map(escape);
    let user = event.text(Fact::User).map(escape).unwrap_or_default();
    let uid = event.facts.get(&Fact::Uid).map(ToString::to_string);
    let host = event.text(Fact::Host).map(escape).unwrap_or_default();
    let who = format!("by {user} ({}) on {host}", uid.unwrap_or_default());
    let begin = [
        event.sequence.to_string(),
        event.time.clone(),
        event.event.clone(),
        phase,
    ];
    begin
        .into_iter()
        .chain(what)
        .chain([who])
        .collect::<Vec<_>>()
        .join("  ")
}

fn words(note: &AuditNote) -> String {
    match note {
        AuditNote::ClockBackwards {
            line,
            found,
            before,
        } => {
            format!("line {line} is of {found}, the one before it of {before}")
        }
        AuditNote::Torn { line, bytes } => {
            format!(
                "a run died while it wrote what stood before line {line}: {bytes} bytes were taken away"
            )
        }
        AuditNote::Unfinished { bytes } => {
            format!(
                "the last {bytes} bytes are half a line: a run is at work, or died before it changed anything"
            )
        }
        AuditNote::NotFromTheStart => {
            "the trail does not begin with the making of the home".to_owned()
        }
        other => other.code().to_owned(),
    }
}
