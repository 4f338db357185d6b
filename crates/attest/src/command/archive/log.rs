//! `attest archive log`: the audit trail, shown and checked.
//!
//! 1. Read every event: each is written in the one way that it has, is of this home, follows the line
//!    before it, and ends only what began.
//! 2. Compare the trail with the heads that were signed at releases.

mod heads;
mod rules;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use attest_archive::audit::{AUDIT_FILE, AuditFault, AuditNote, Chain, Event, Fact, Phase};
use attest_verify::{Accept, Verifier};
use clap::Args;
use serde_json::{Value, json};

use super::{PlaceArgs, around, parse_release, policy};
use crate::args::{AcceptArg, Global, TrustArgs};
use crate::audit;
use crate::command::verify::Session;
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure, with_source};
use crate::identity::Card;
use crate::limits;
use crate::trust;
use crate::words::counted;

use heads::Recorded;
use rules::Watcher;

#[derive(Debug, Args)]
pub(super) struct LogArgs {
    /// Show only the events that name these releases; all are checked
    #[arg(value_name = "NAME@VERSION")]
    releases: Vec<String>,
    /// Print rules for those who see what attest cannot: who else reads and changes the files
    #[arg(long, value_enum, value_name = "WATCHER", conflicts_with = "releases")]
    rules: Option<Watcher>,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    trust: TrustArgs,
}

/// What there is to say about a trail.
struct Checked {
    path: PathBuf,
    chain: Chain,
    shown: VecDeque<Event>,
    /// Events that would have been shown, and are too many.
    passed_over: usize,
    /// Signed heads that are of this trail.
    heads: usize,
    /// What is wrong beside the chain.
    faults: Vec<Fault>,
    signer: String,
}

/// A code with what was found.
struct Fault {
    code: &'static str,
    message: String,
}

impl Fault {
    const fn new(code: &'static str, message: String) -> Self {
        Self { code, message }
    }
}

impl From<&AuditFault> for Fault {
    fn from(fault: &AuditFault) -> Self {
        Self::new(fault.code(), with_source(fault))
    }
}

pub(super) fn run(args: &LogArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    let home = args.place.own_home();
    if let Some(watcher) = args.rules {
        return rules::print(watcher, &home, console);
    }
    let releases = args
        .releases
        .iter()
        .map(|text| parse_release(text).map(|it| it.to_string()))
        .collect::<Result<Vec<_>, _>>()?;
    let card = Card::read(&home)?;
    let session = session(args, global)?;
    let (mut checked, recorded) = read(&home.path().join(AUDIT_FILE), &card.log, &releases)?;
    checked.signer = trust::signer_words(&session.trust.signers);
    let place = &args.place;
    let (held, faults) = heads::compare(
        &place.path(),
        place.is_own(),
        &mut checked.chain,
        &recorded,
        &session,
    )?;
    checked.heads = held;
    checked.faults = faults;
    let exit = checked.exit();
    if console.is_json() {
        console.json(&checked.report());
    } else {
        checked.say(console);
    }
    Ok(exit)
}

/// A head needs the expected signer; it is in no log, and has no time of its own.
fn session(args: &LogArgs, global: &Global) -> Result<Session, Failure> {
    let now = global.now()?;
    let around = around(vec![args.place.path()], None);
    let mut asked = args.trust.clone();
    asked.accept.extend([AcceptArg::NoLog, AcceptArg::NoTime]);
    let trust = args.place.trust(&asked, &around, now)?;
    let accept = Accept {
        no_log: true,
        no_time: true,
        ..Accept::default()
    };
    let verifier = Verifier::new(trust.roots.clone(), now.time, accept)
        .map_err(|error| Failure::request("trusted-root-malformed", error))?;
    let policy = policy(&trust, &asked, &[]);
    Ok(Session::new(verifier, policy, trust))
}

/// Reads the whole trail, and keeps of it what is to be shown.
fn read(path: &Path, home: &str, releases: &[String]) -> Result<(Checked, Recorded), Failure> {
    let mut chain = Chain::new(home);
    let mut recorded = Recorded::default();
    let mut shown = VecDeque::new();
    let mut passed_over = 0;
    let is_shown = |event: &Event| {
        let release = event.text(Fact::Release);
        releases.is_empty() || release.is_some_and(|it| releases.iter().any(|one| one == it))
    };
    audit::read(path, &mut chain, |event| {
        recorded.see(&event);
        if !is_shown(&event) {
            return;
        }
        if shown.len() == limits::AUDIT_SHOWN {
            shown.pop_front();
            passed_over += 1;
        }
        shown.push_back(event);
    })
    .map_err(|error| unreadable(path, &error))?;
    if chain.is_empty() {
        return Err(missing(path));
    }
    let checked = Checked {
        path: path.to_owned(),
        chain,
        shown,
        passed_over,
        heads: 0,
        faults: Vec::new(),
        signer: String::new(),
    };
    Ok((checked, recorded))
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
    fn exit(&self) -> Exit {
        if self.chain.faults().is_empty() && self.faults.is_empty() {
            Exit::Yes
        } else {
            Exit::No
        }
    }

    fn problems(&self) -> Vec<Fault> {
        let of_chain = self.chain.faults().iter().map(Fault::from);
        let others = self
            .faults
            .iter()
            .map(|it| Fault::new(it.code, it.message.clone()));
        of_chain.chain(others).collect()
    }

    fn say(&self, console: &Console) {
        if self.passed_over > 0 {
            let words = counted(self.passed_over, "older event");
            console.say(format!("note: {words} checked, and not shown"));
        }
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
        for problem in self.problems() {
            console.say(format!("{}: {}", problem.code, escape(&problem.message)));
        }
        let place = escape(&self.path.display().to_string());
        console.say(format!(
            "{place}  {}, {}",
            counted(self.chain.len(), "event"),
            if self.exit() == Exit::Yes {
                "each follows the one before it"
            } else {
                "not as they were written"
            }
        ));
        console.say(format!(
            "heads      {} signed by {}",
            self.heads,
            escape(&self.signer)
        ));
        console.say("note: whether events after the last signed head were cut off cannot be told");
    }

    fn report(&self) -> Value {
        let exit = self.exit();
        let problem = |it: &Fault| json!({ "code": it.code, "message": it.message });
        let note = |it: &AuditNote| json!({ "code": it.code(), "message": words(it) });
        json!({
            "version": 1,
            "command": "archive log",
            "answer": exit.word(),
            "exit": exit.number(),
            "file": self.path.display().to_string(),
            "count": self.chain.len(),
            "last": self.chain.last().map(|it| it.to_string()),
            "heads": self.heads,
            "signer": self.signer,
            "not_shown": self.passed_over,
            "events": self.shown.iter().map(object).collect::<Vec<_>>(),
            "unended": self.chain.open().map(|it| it.sequence).collect::<Vec<_>>(),
            "notes": self.chain.notes().iter().map(note).collect::<Vec<_>>(),
            "problems": self.problems().iter().map(problem).collect::<Vec<_>>(),
        })
    }
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
