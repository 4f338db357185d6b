//! `attest log monitor`: whether a log still tells everybody the same, and whether somebody else uses our
//! keys or our name. One run, for cron; what was seen is remembered in a file.

mod known;
mod looked;
mod state;
mod watch;
mod watched;
mod witnesses;

use std::collections::BTreeMap;
use std::path::PathBuf;

use attest_log::{Hash, merkle};
use attest_remote::{Patience, TileServer};
use clap::Args;
use serde_json::{Value, json};

use self::known::Known;
use self::looked::Looked;
use self::state::State;
use self::watch::Watch;
use self::watched::{Tree, Watched};
use super::WaitArgs;
use super::place::{self, Place};
use crate::args::Global;
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure};
use crate::files;
use crate::words::counted;

#[derive(Debug, Args)]
pub(super) struct MonitorArgs {
    /// The log: its folder, its address (the folder of tiles of a Rekor v2, the server of a Rekor v1), or
    /// its name in the trusted root
    #[arg(long, value_name = "DIR|URL|NAME")]
    log: String,
    /// The log's key: a C2SP vkey, or a trusted root that names the log
    #[arg(long, value_name = "VKEY|FILE|@NAME")]
    log_key: String,
    /// Remember here what was seen; a log that contradicts it is found out
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Look for ours from this entry on, not in those alone that come from now on: 0 for the whole log, of a
    /// Rekor v1 for its present tree
    #[arg(long, value_name = "INDEX")]
    from: Option<u64>,
    /// Our key: an entry of it that is not known is found
    #[arg(long, value_name = "FILE|sha256:HEX")]
    key: Vec<String>,
    /// Our identity in certificates (needs --issuer): an entry of it that is not known is found
    #[arg(long, value_name = "ID", requires = "issuer")]
    identity: Vec<String>,
    /// Its OIDC issuer, exactly: one for all identities, or one for each in their order
    #[arg(long, value_name = "URL", requires = "identity")]
    issuer: Vec<String>,
    /// What we made: a bundle, a folder of bundles, or an archive
    #[arg(long, value_name = "FILE|DIR")]
    known: Vec<PathBuf>,
    /// An entry that was found and looked into: it is not reported again
    #[arg(long, value_name = "INDEX", requires = "state")]
    acknowledge: Vec<u64>,
    /// A checkpoint of this log that somebody else was shown: a file or an address
    #[arg(long, value_name = "FILE|URL")]
    compare: Vec<String>,
    /// Which witnesses must have cosigned the checkpoint (C2SP tlog-policy)
    #[arg(long, value_name = "FILE")]
    witness_policy: Option<PathBuf>,
    /// Count no cosignature that was made longer ago: a view that is frozen keeps its old ones
    #[arg(long, value_name = "DAYS", requires = "witness_policy")]
    witness_age: Option<u32>,
    #[command(flatten)]
    wait: WaitArgs,
}

/// One thing that should not be.
struct Finding {
    code: &'static str,
    message: String,
    index: Option<u64>,
}

/// What a run did.
#[derive(Default)]
struct Seen {
    findings: Vec<Finding>,
    notes: Vec<String>,
    /// Where it began and ended to look at entries.
    begin: u64,
    end: u64,
    /// How many it looked at, those of trees that ended included.
    looked: u64,
    /// The last checkpoint of the tree that was followed, if it ended: what was seen must agree with that.
    evidence: Option<String>,
    unread: u64,
    compared: usize,
}

pub(super) fn run(args: &MonitorArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    let now = global.now()?;
    let watch = Watch::of(&args.key, &args.identity, &args.issuer)?;
    let policy = args
        .witness_policy
        .as_deref()
        .map(witnesses::policy)
        .transpose()?;
    let place = Place::named(&args.log, &args.log_key, args.wait.patience())?;
    let before = args
        .state
        .as_deref()
        .map(|it| State::read(it, &place))
        .transpose()?
        .flatten();
    let known = Known::read(&args.known)?;
    // Before the log itself is asked: whatever others were shown by then it must have.
    let others = args
        .compare
        .iter()
        .map(|it| other(it, args.wait.patience()))
        .collect::<Result<Vec<_>, _>>()?;
    let log = Watched::open(&place)?;
    let mut seen = Seen::default();
    if let Some(policy) = &policy {
        witnesses::judge(policy, args.witness_age, log.head(), now.time, &mut seen);
    }
    for (name, note) in &others {
        compare(&log, name, note, &mut seen)?;
    }
    if let Some(before) = &before {
        continues(&log, before, &mut seen)?;
    }
    let forked = seen.findings.iter().any(|it| FORKS.contains(&it.code));
    let after = if forked {
        None
    } else {
        Some(entries(
            args,
            &log,
            before.as_ref(),
            &watch,
            &known,
            &mut seen,
        )?)
    };
    let exit = if seen.findings.is_empty() {
        Exit::Yes
    } else {
        Exit::No
    };
    let staged = match (&args.state, after) {
        (Some(path), Some(after)) => Some(after.stage(path)?),
        _ => None,
    };
    let remembered = staged.is_some();
    say(args, &log, &watch, &seen, (exit, remembered), console);
    // After everything was said: what is not reported to the end is looked at again.
    if let Some(staged) = staged {
        staged.replace()?;
    }
    Ok(exit)
}

impl Seen {
    fn find(&mut self, code: &'static str, message: impl std::fmt::Display) {
        self.findings.push(Finding {
            code,
            message: message.to_string(),
            index: None,
        });
    }
}

/// Somebody else's checkpoint, with the name that it is shown by.
fn other(place: &str, patience: Patience) -> Result<(String, Vec<u8>), Failure> {
    let most = attest_log::limits::NOTE_BYTES;
    let bytes = if place.contains("://") {
        let (base, name) = place.rsplit_once('/').unwrap_or((place, ""));
        let file = TileServer::new(base, patience)
            .and_then(|it| it.file(name, most))
            .map_err(|it| place::unheard(&it))?;
        file.ok_or_else(|| {
            Failure::unknown("log-not-found", format!("{place}: there is no checkpoint"))
        })?
    } else {
        files::read_limited(std::path::Path::new(place), most as u64).map_err(|error| {
            Failure::request("checkpoint-unreadable", format!("{place}: {error}"))
        })?
    };
    Ok((place.to_owned(), bytes))
}

/// What somebody else was shown is an earlier state of what we are shown.
fn compare(log: &Watched<'_>, name: &str, note: &[u8], seen: &mut Seen) -> Result<(), Failure> {
    let theirs = match log.verify(note) {
        Ok(theirs) => theirs,
        Err((code, problem)) => {
            return Err(Failure::request(code, format!("{name}: {problem}")));
        }
    };
    let (size, root) = (theirs.checkpoint().size(), theirs.checkpoint().root());
    let origin = theirs.checkpoint().origin();
    let Some(followed) = log.of_origin(origin) else {
        seen.find(
            "log-tree-missing",
            format!("{name}: others were shown {origin}, and here that tree is neither the present one nor among those that ended"),
        );
        return Ok(());
    };
    seen.compared += 1;
    if let Some(problem) = prefix(log, followed, size, &root)? {
        seen.find("log-forked", format!("{name}: {problem}"));
    }
    Ok(())
}

/// What we saw the last time is an earlier state of that tree as we are shown it now, or as it ended.
fn continues(log: &Watched<'_>, before: &State, seen: &mut Seen) -> Result<(), Failure> {
    let (tree, now) = (&before.tree, log.tree());
    let trees = log.since(tree).unwrap_or_default();
    let Some(followed) = trees.first().copied() else {
        seen.find(
            "log-tree-missing",
            format!("tree {tree} is neither the present one, {now}, nor among those that ended"),
        );
        return Ok(());
    };
    let (size, shown) = (before.size, followed.size());
    if trees.len() > 1 {
        seen.evidence = Some(followed.checkpoint());
    }
    if size > shown {
        seen.find(
            "log-shrunk",
            format!("the log had {size} entries, and shows {shown}"),
        );
        return Ok(());
    }
    if let Some(problem) = prefix(log, followed, size, &before.root)? {
        seen.find("log-forked", format!("since the last run: {problem}"));
    }
    if trees.len() > 1 {
        seen.notes.push(format!(
            "shard: tree {tree} ended with {shown} entries; what came after the first {size} of them is read, \
             and tree {now} from its first"
        ));
    }
    Ok(())
}

/// Why a tree is no earlier state of one that the log shows; none if it is.
fn prefix(
    log: &Watched<'_>,
    of: Tree<'_>,
    size: u64,
    root: &Hash,
) -> Result<Option<String>, Failure> {
    let (now, present) = (of.size(), of.root());
    if size > now {
        return Ok(Some(format!(
            "it is of {size} entries, and here the log shows {now}"
        )));
    }
    let proof = if size == 0 || size == now {
        Vec::new()
    } else {
        log.consistency(of, size)?
    };
    let proven = merkle::verify_consistency(size, root, now, &present, &proof);
    Ok(proven.err().map(|error| {
        format!("of {size} entries with root {root}; the log of {now} entries with root {present} does not continue it: {error}")
    }))
}

/// Looks at every entry that is new, and proves with them that the log grew as its checkpoint says.
fn entries(
    args: &MonitorArgs,
    log: &Watched<'_>,
    before: Option<&State>,
    watch: &Watch,
    known: &Known,
    seen: &mut Seen,
) -> Result<State, Failure> {
    let before_here = before.filter(|it| it.tree == log.tree());
    let mut looked = Looked {
        acknowledged: &args.acknowledge,
        before: before_here,
        watch,
        known,
        foreign: before.map(|it| it.foreign.clone()).unwrap_or_default(),
    };
    looked
        .foreign
        .retain(|it| !known.has(&it.leaf) && !args.acknowledge.contains(&it.index));
    let frontier = edge(args, log, before, &mut looked, seen)?;
    let ended = log.present().offset;
    if before.is_none() && ended > 0 && !watch.is_empty() {
        seen.notes.push(format!(
            "not searched: the {ended} entries of trees that ended before"
        ));
    }
    let watched = searched(watch, before_here, frontier.size(), seen);
    let frontier = looked.read(log, log.present(), frontier, seen)?;
    let foreign = looked.foreign;
    if foreign.len() > FOREIGN {
        return Err(Failure::no(
            "log-entry-foreign",
            format!(
                "{} entries are ours and not known: more than are remembered",
                foreign.len()
            ),
        )
        .hint("name what was made here with --known"));
    }
    seen.findings.extend(foreign.iter().map(|it| Finding {
        code: "log-entry-foreign",
        message: format!(
            "entry {} is of {}, and none of what is known",
            it.index, it.who
        ),
        index: Some(it.index),
    }));
    Ok(State::of(log, frontier, foreign, watched))
}

/// Says of the tree that was followed until it ended, which entries nobody looked at for one of ours.
fn unsearched_before(watch: &Watch, before: &State, seen: &mut Seen) {
    for name in watch.names() {
        let since = before.watched.get(&name).copied().unwrap_or(before.size);
        if since > 0 {
            let tree = &before.tree;
            seen.notes.push(format!(
                "not searched for {name}: the first {since} of tree {tree}"
            ));
        }
    }
}

/// Where the present tree is begun; what came into trees that ended since the last run is read first.
fn edge(
    args: &MonitorArgs,
    log: &Watched<'_>,
    before: Option<&State>,
    looked: &mut Looked<'_>,
    seen: &mut Seen,
) -> Result<merkle::Frontier, Failure> {
    match before {
        Some(before) if before.tree != log.tree() => {
            unsearched_before(looked.watch, before, seen);
            let mut rest = before.frontier.clone();
            let mut trees = log.since(&before.tree).unwrap_or_default();
            trees.pop();
            for tree in trees {
                looked.read(log, tree, std::mem::take(&mut rest), seen)?;
            }
            Ok(merkle::Frontier::new())
        }
        Some(before) if !begins_anew(args.from, looked.watch, before) => {
            Ok(before.frontier.clone())
        }
        _ => log.frontier(args.from.unwrap_or(log.size())),
    }
}

/// Whether entries before the last run are looked at again: one of ours has not been looked for in them.
fn begins_anew(from: Option<u64>, watch: &Watch, before: &State) -> bool {
    let Some(from) = from.filter(|from| *from < before.size) else {
        return false;
    };
    let mut names = watch.names();
    names.any(|it| before.watched.get(&it).is_none_or(|since| *since > from))
}

/// From which entry on each of ours has been looked for; says of which entries nobody has.
fn searched(
    watch: &Watch,
    before: Option<&State>,
    begin: u64,
    seen: &mut Seen,
) -> BTreeMap<String, u64> {
    let mut watched = BTreeMap::new();
    for name in watch.names() {
        let earlier = before.and_then(|it| it.watched.get(&name));
        let since = earlier.map_or(begin, |earlier| begin.min(*earlier));
        if since > 0 {
            seen.notes.push(format!(
                "not searched for {name}: the first {} (--from 0 searches all)",
                counted(usize::try_from(since).unwrap_or(usize::MAX), "entry")
                    .replace("entrys", "entries"),
            ));
        }
        watched.insert(name, since);
    }
    watched
}

fn say(
    args: &MonitorArgs,
    log: &Watched<'_>,
    watch: &Watch,
    seen: &Seen,
    (exit, remembered): (Exit, bool),
    console: &Console,
) {
    if console.is_json() {
        console.json(&json!({
            "version": 1, "command": "log monitor", "answer": exit.word(), "exit": exit.number(),
            "origin": log.head().checkpoint().origin(), "size": log.size(), "root": log.root().to_hex(),
            "entries": {"begin": seen.begin, "end": seen.end, "searched": !watch.is_empty(), "unread": seen.unread},
            "compared": seen.compared,
            "remembered": remembered,
            "findings": seen.findings.iter().map(Finding::json).collect::<Vec<_>>(),
            "notes": seen.notes,
            "checkpoint": String::from_utf8_lossy(log.head().as_bytes()),
            "ended_checkpoint": seen.evidence,
        }));
        return;
    }
    for finding in &seen.findings {
        console.say(format_args!(
            "{:<22}  {}",
            finding.code,
            escape(&finding.message)
        ));
    }
    let count = usize::try_from(seen.looked).unwrap_or(usize::MAX);
    console.say(format_args!(
        "{}  {}, {} entries; {} looked at, {} compared",
        if exit == Exit::Yes {
            "consistent"
        } else {
            "FOUND"
        },
        escape(log.head().checkpoint().origin()),
        log.size(),
        counted(count, "new entry").replace("entrys", "entries"),
        counted(seen.compared, "checkpoint"),
    ));
    for note in &seen.notes {
        console.say(escape(note));
    }
    if seen.unread > 0 {
        console.say(format_args!(
            "not read: {} of no form that we know",
            seen.unread
        ));
    }
    if watch.is_empty() {
        console.say("not searched: whose entries they are (no --key, no --identity)");
    }
    match &args.state {
        None => console.say("not remembered: what was seen (no --state)"),
        Some(_) if !remembered => console.say("not remembered: what was seen; the state stays"),
        Some(_) => {}
    }
    if args.compare.is_empty() && args.witness_policy.is_none() {
        console.say(
            "not checked: whether others see the same log (no --compare, no --witness-policy)",
        );
    }
    if seen.findings.iter().any(|it| FORKS.contains(&it.code)) {
        console.say("keep this checkpoint as evidence:");
        let present = || String::from_utf8_lossy(log.head().as_bytes()).into_owned();
        console.text(&seen.evidence.clone().unwrap_or_else(present));
    }
}

impl Finding {
    fn json(&self) -> Value {
        json!({"code": self.code, "problem": self.message, "index": self.index})
    }
}

/// After these nothing is remembered: what was seen before is the evidence.
const FORKS: [&str; 3] = ["log-forked", "log-shrunk", "log-tree-missing"];

/// Entries that are ours and not known, at most.
const FOREIGN: usize = 10_000;
