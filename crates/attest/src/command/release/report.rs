//! What was done, and the line that acquirers paste.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use attest_sign::Signed;
use attest_verify::ProvenTime;
use serde_json::{Value, json};

use super::instructions::quoted;
use super::publishing::Published;
use super::request::Request;
use super::selfcheck::{PinnedSigner, Pins};
use super::survey::Survey;
use crate::console::{Console, escape};
use crate::failure::Exit;
use crate::home::Home;
use crate::words::{files, size};

/// What a run has done.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) home: PathBuf,
    pub(super) is_new_identity: bool,
    pub(super) protected: bool,
    /// Where the release stands.
    pub(super) place: PathBuf,
    pub(super) files: usize,
    pub(super) bytes: u64,
    pub(super) statements: u32,
    /// The log entries of this run; none when nothing was signed.
    pub(super) logged: Option<Logged>,
    pub(super) times: Vec<String>,
    /// The host of an authority that is not the signer's own.
    pub(super) authority: Option<String>,
    pub(super) written: Vec<String>,
    pub(super) removed: Vec<String>,
    pub(super) pins: Pins,
    pub(super) notes: Vec<String>,
}

/// Entries of logs, and who says when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Logged {
    entries: Vec<Entries>,
    /// Whether the signer keeps the log.
    is_ours: bool,
    /// Of logs and times that others keep.
    pub(super) authorities: Vec<String>,
}

/// Entries of one log.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entries {
    origin: String,
    count: usize,
    first: u64,
    last: u64,
}

impl Logged {
    /// In the home's own log.
    pub(super) fn by_signer(signed: &[Signed], origin: &str) -> Self {
        let entries = signed.iter().map(|it| (origin, it.log_index()));
        Self {
            entries: by_log(entries),
            is_ours: true,
            authorities: Vec::new(),
        }
    }

    /// In logs that others keep, as far as it is proven.
    pub(super) fn by_others(signed: &[Signed]) -> Self {
        let logs = signed.iter().flat_map(|it| it.evidence().logs());
        let times = signed.iter().flat_map(|it| it.evidence().times());
        let authorities: BTreeSet<&str> = times.map(ProvenTime::authority).collect();
        Self {
            entries: by_log(logs.map(|it| (it.origin(), it.index()))),
            is_ours: false,
            authorities: authorities.into_iter().map(str::to_owned).collect(),
        }
    }

    fn object(&self) -> Option<Value> {
        let first = self.entries.first()?;
        Some(json!({
            "origin": first.origin,
            "first": first.first,
            "last": first.last,
            "kept_by": if self.is_ours { "signer" } else { "others" },
        }))
    }

    fn objects(&self) -> Vec<Value> {
        let entries = self.entries.iter();
        entries
            .map(|it| json!({"origin": it.origin, "entries": it.count, "first": it.first, "last": it.last}))
            .collect()
    }
}

fn by_log<'s>(entries: impl Iterator<Item = (&'s str, u64)>) -> Vec<Entries> {
    let mut logs: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    for (origin, index) in entries {
        logs.entry(origin).or_default().insert(index);
    }
    let each = logs.into_iter().map(|(origin, indices)| Entries {
        origin: origin.to_owned(),
        count: indices.len(),
        first: indices.first().copied().unwrap_or_default(),
        last: indices.last().copied().unwrap_or_default(),
    });
    each.collect()
}

/// Prints the outcome.
pub(super) fn say(
    console: &Console,
    request: &Request,
    outcome: &Outcome,
    published: &[Published],
    init: bool,
) {
    if console.is_json() {
        console.json(&object(outcome, published));
        return;
    }
    say_identity(console, outcome, init);
    let release = &outcome.pins.release;
    console.say(format!(
        "{} {}  {}, {}",
        release.name(),
        release.version(),
        files(outcome.files),
        size(outcome.bytes)
    ));
    match &outcome.logged {
        Some(logged) => say_made(console, request, outcome, logged),
        None => say_restored(console, outcome),
    }
    say_list(console, "removed", &outcome.removed);
    console.say(format!("archived   {release}"));
    console.say(format!(
        "checked    {0} of {1}, reopened from disk with the exported trust",
        outcome.files,
        files(outcome.files)
    ));
    if request.foreign.is_some() {
        console.say(format!(
            "new pin    trusted_root.json@{}",
            outcome.pins.trusted_root
        ));
    }
    for target in published {
        target.say(console);
    }
    console.say("Publish this line where your files are not:");
    console.say(format!("  {}", escape(&line(outcome))));
}

/// The command that acquirers paste.
fn line(outcome: &Outcome) -> String {
    let place = outcome.place.display().to_string();
    let arguments = [place].into_iter().chain(outcome.pins.arguments());
    let words = arguments.map(|it| match it.strip_prefix("--") {
        Some(_) => it,
        None => quoted(&it),
    });
    let words: Vec<String> = words.collect();
    format!("attest verify {}", words.join(" "))
}

fn say_identity(console: &Console, outcome: &Outcome, init: bool) {
    let age = match (outcome.is_new_identity, init) {
        (true, _) => "new, ",
        (false, true) => "the one that was there, ",
        (false, false) => "",
    };
    let protection = if outcome.protected {
        "password-protected"
    } else {
        "not password-protected"
    };
    let home = outcome.home.display();
    match &outcome.pins.signer {
        PinnedSigner::Key(key) => {
            console.say(format!("identity   {age}{home}, key {key} ({protection})"));
        }
        PinnedSigner::Identity(holder) => {
            console.say(format!(
                "home       {age}{home} keeps the archive; its key signs nothing of this"
            ));
            console.say(format!("signer     {}", escape(&holder.to_string())));
        }
    }
}

fn say_made(console: &Console, request: &Request, outcome: &Outcome, logged: &Logged) {
    console.say(format!(
        "signed     {} and SHA256SUMS",
        statements(outcome.statements)
    ));
    for log in &logged.entries {
        let kept = if logged.is_ours {
            ", kept by you: nobody else has seen it"
        } else {
            ""
        };
        let (entries, origin) = (entries(log), escape(&log.origin));
        console.say(format!("logged     {entries} of {origin}{kept}"));
    }
    let by = outcome.authority.as_ref().map_or_else(
        || "asserted by you".to_owned(),
        |host| {
            let who = if logged.is_ours {
                "the authority at "
            } else {
                ""
            };
            format!("asserted by {who}{}", escape(host))
        },
    );
    console.say(format!("time       {}, {by}", outcome.times.join(", ")));
    for record in &request.records {
        console.say(format!("made by    {}", escape(&record.step())));
    }
    if request
        .repository
        .source()
        .is_some_and(|source| source.dirty == Some(true))
    {
        console.say("source     tracked files differ from the commit, and the provenance says so");
    }
}

fn say_restored(console: &Console, outcome: &Outcome) {
    console.say("signed     nothing: this version is released already, with this content");
    say_list(console, "restored", &outcome.written);
}

fn say_list(console: &Console, what: &str, names: &[String]) {
    if !names.is_empty() {
        let names: Vec<String> = names.iter().map(|name| escape(name)).collect();
        console.say(format!("{what:<10} {}", super::plan::some_of(&names)));
    }
}

fn object(outcome: &Outcome, published: &[Published]) -> Value {
    let exit = Published::exit(published);
    let release = &outcome.pins.release;
    let logged = outcome.logged.as_ref();
    json!({
        "version": 1,
        "command": "release",
        "answer": exit.word(),
        "exit": exit.number(),
        "release": release.to_string(),
        "name": release.name(),
        "release_version": release.version(),
        "folder": outcome.place.display().to_string(),
        "identity": {
            "new": outcome.is_new_identity,
            "home": outcome.home.display().to_string(),
            "key": outcome.pins.key(),
            "password_protected": outcome.protected,
        },
        "signer": match &outcome.pins.signer {
            PinnedSigner::Key(key) => key.clone(),
            PinnedSigner::Identity(holder) => holder.to_string(),
        },
        "files": outcome.files,
        "bytes": outcome.bytes,
        "outcome": if logged.is_some() { "made" } else { "restored" },
        "statements": outcome.statements,
        "log": logged.and_then(Logged::object),
        "logs": logged.map(Logged::objects),
        "times": outcome.times,
        "time_asserted_by": outcome.authority.as_deref().unwrap_or("signer"),
        "written": outcome.written,
        "removed": outcome.removed,
        "checked": outcome.files,
        "published": published.iter().map(Published::object).collect::<Vec<_>>(),
        "trusted_root": outcome.pins.trusted_root,
        "notes": outcome.notes,
        "verify": line(outcome),
    })
}

/// Prints what would be done.
pub(super) fn say_plan(console: &Console, request: &Request, survey: &Survey, home: &Home) {
    let plan = Planned::of(request, survey, home);
    if console.is_json() {
        console.json(&plan.object(request));
        return;
    }
    let release = &request.name;
    console.say(format!(
        "{} {}  {}, {}",
        release.name(),
        release.version(),
        files(plan.files),
        size(plan.bytes)
    ));
    let identity = if home.exists() {
        "as it is"
    } else {
        "would be made"
    };
    console.say(format!("identity   {} {identity}", home.path().display()));
    if plan.recorded {
        console
            .say("signs      nothing: this version is released; with other content it is refused");
    } else {
        console.say(format!(
            "signs      {} and SHA256SUMS",
            statements(plan.statements)
        ));
    }
    if let Some(source) = request.repository.source() {
        let repository = source
            .repository
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        console.say(format!(
            "source     {} {}",
            escape(&repository),
            source.commit
        ));
    }
    console.say(format!("writes     into {}", request.target().display()));
    for name in &plan.written {
        let over = if plan.replaced.contains(name) {
            " (replaces one of ours)"
        } else {
            ""
        };
        console.say(format!("           {}{over}", escape(name)));
    }
    say_list(console, "removes", &plan.removed);
    console.say("dry run: nothing was made");
}

struct Planned {
    files: usize,
    bytes: u64,
    statements: u32,
    recorded: bool,
    written: Vec<String>,
    replaced: Vec<String>,
    removed: Vec<String>,
}

impl Planned {
    fn of(request: &Request, survey: &Survey, home: &Home) -> Self {
        let written = survey.written(request);
        let artifacts = &survey.plan.artifacts;
        let kept_artifact = |name: &str| {
            request.out.is_some() && artifacts.iter().any(|file| file.path.as_str() == name)
        };
        let present = survey.present.iter().map(ToString::to_string);
        let (replaced, other): (Vec<_>, Vec<_>) = present.partition(|name| written.contains(name));
        let sboms: Vec<_> = survey.sboms_outside(request).collect();
        Self {
            files: artifacts.len() + sboms.len(),
            bytes: artifacts.iter().map(|file| file.size).sum::<u64>()
                + sboms
                    .iter()
                    .map(|sbom| sbom.bytes.len() as u64)
                    .sum::<u64>(),
            statements: survey.parts.statements(),
            recorded: home.exists()
                && survey
                    .kept
                    .find(&request.name)
                    .is_ok_and(|kept| kept.is_some()),
            written: written.into_iter().collect(),
            replaced,
            removed: other
                .into_iter()
                .filter(|name| !kept_artifact(name))
                .collect(),
        }
    }

    fn object(&self, request: &Request) -> Value {
        json!({
            "version": 1,
            "command": "release",
            "answer": Exit::Yes.word(),
            "exit": Exit::Yes.number(),
            "outcome": "planned",
            "release": request.name.to_string(),
            "folder": request.target().display().to_string(),
            "files": self.files,
            "bytes": self.bytes,
            "statements": self.statements,
            "recorded": self.recorded,
            "would_write": self.written,
            "would_replace": self.replaced,
            "would_remove": self.removed,
        })
    }
}

fn statements(count: u32) -> String {
    if count == 1 {
        "1 statement".to_owned()
    } else {
        format!("{count} statements")
    }
}

fn entries(of: &Entries) -> String {
    let between = of.last - of.first;
    if between == 0 {
        format!("entry {}", of.first)
    } else if usize::try_from(between).is_ok_and(|it| it < of.count) {
        format!("entries {}–{}", of.first, of.last)
    } else {
        // Others have written in between.
        format!("{} entries between {} and {}", of.count, of.first, of.last)
    }
}
