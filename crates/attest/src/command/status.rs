//! `attest status`: what is kept, how whole it is, and until when it can be proven.
//!
//! No file is read whole: whether the bytes are still those that were archived, `archive verify` says.
//! With a policy all are, since it is about what was signed.

mod copies;
mod policy;

use std::collections::{BTreeMap, BTreeSet};

use attest_archive::{Member, Needed, Reader, Release, Role, Term};
use attest_policy::Policy;
use attest_provenance::ReleaseName;
use attest_verify::TrustedRoot;
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::args::{Global, PolicyArgs, TrustArgs};
use crate::command::archive::fixity::{self, Last};
use crate::command::archive::keeping;
use crate::command::archive::proof::{self, ReleaseProof};
use crate::command::archive::tombstone::{self, Tombstones};
use crate::command::archive::{PlaceArgs, damage_failure, parse_release, worse};
use crate::command::verify::Session;
use crate::command::verify::archived::stamps_of_statements;
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure};
use crate::trust::Surroundings;
use copies::{Copies, CopiesArgs};
use policy::Judged;

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// The releases [default: all]
    #[arg(value_name = "NAME@VERSION")]
    releases: Vec<String>,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    policy: PolicyArgs,
    /// A timestamp authority that you know to be independent of the signer
    #[arg(long, value_name = "ID")]
    independent: Vec<String>,
    /// Call a proof that ends within so many days due for renewal
    #[arg(long, value_name = "DAYS", default_value_t = 365)]
    within: u32,
    #[command(flatten)]
    copies: CopiesArgs,
}

/// One release, or why it cannot be read.
struct Line {
    name: ReleaseName,
    state: Result<State, Failure>,
}

struct State {
    roles: BTreeMap<&'static str, usize>,
    /// What every release needs and this one has not.
    missing: Vec<&'static str>,
    /// What is known of its deletion, for programs and for people.
    deleted: Value,
    gone: Option<String>,
    /// The last recorded fixity check of the archive, with what those before it have found.
    fixity: Option<Last>,
    /// What can be kept beside, without statements: whether it is.
    beside: BTreeMap<&'static str, bool>,
    keeping: Result<Term, Failure>,
    /// What a policy says, if one was named.
    policy: Option<Judged>,
    proof: ReleaseProof,
    expired: bool,
    /// Expired by what could be read, while a renewal could not be.
    is_unknown: bool,
    due: bool,
}

pub(crate) fn run(args: &StatusArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    let now = global.now()?;
    let names = args.releases.iter().map(|text| parse_release(text));
    let names: BTreeSet<ReleaseName> = names.collect::<Result<_, _>>()?;
    let path = args.place.path();
    let mut reader = Reader::open(&path).map_err(|error| damage_failure(&error))?;
    let all: Vec<ReleaseName> = reader.list().into_iter().map(|it| it.name).collect();
    let asked = |name: &&ReleaseName| names.is_empty() || names.contains(*name);
    let chosen: Vec<ReleaseName> = all.iter().filter(asked).cloned().collect();
    let mut judging = policy::Judging::of(args, &reader, &chosen, now)?;
    let trust = if let Some(judging) = policy::Judging::of(args, &reader, &chosen, now)? {
        judging.into_trust()
    } else {
        let around = Surroundings {
            verified: vec![path.clone()],
            ..Surroundings::default()
        };
        args.place.trust(&args.trust, &around, now)?
    };
    let roots = trust.proving();
    let mut session = keeping::session(trust, now.time)?;
    let signers = session.trust.signers.clone();
    session.policy = Policy::expecting(signers.with_independent(args.independent.iter().cloned()));
    let tombstones = Tombstones::read(&reader, &session, &roots, now.time)?;
    reader.accept_deletions(tombstones.accepted());
    let mut judged = match &mut judging {
        Some(judging) => judging.ask(args, &reader, &chosen)?,
        None => BTreeMap::new(),
    };
    let fixity = fixity::last(&reader);
    let lines: Vec<Line> = chosen
        .into_iter()
        .map(|name| {
            let judged = judged.remove(&name.to_string());
            let kept = (&session, roots.as_slice(), fixity.as_ref());
            line(&reader, name, judged, args, kept, now.time)
        })
        .collect();
    if let Some(name) = names
        .iter()
        .find(|name| lines.iter().all(|it| it.name != **name))
    {
        return Err(Failure::no(
            "release-not-archived",
            format!("{name} is not in the archive"),
        ));
    }
    if lines.is_empty() {
        let message = "the archive has no releases: there is nothing to prove";
        return Err(Failure::no("nothing-verified", message));
    }
    let copies = Copies::ask(&args.copies, &reader, &path)?;
    let exits = lines.iter();
    let exits = exits.flat_map(|it| [it.exit(), copies.exit(&it.name)]);
    let exit = exits.fold(Exit::Yes, worse);
    if console.is_json() {
        console.json(&json!({
            "version": 1,
            "command": "status",
            "answer": exit.word(),
            "exit": exit.number(),
            "archive": path.display().to_string(),
            "at": now.time.to_string(),
            "at_given": now.given,
            "releases": lines.iter().map(|it| it.object(args, &copies, now.time)).collect::<Vec<_>>(),
        }));
        return Ok(exit);
    }
    for line in &lines {
        line.say(args, &copies, console);
    }
    Ok(exit)
}

fn line(
    reader: &Reader,
    name: ReleaseName,
    judged: Option<Judged>,
    args: &StatusArgs,
    kept: (&Session, &[TrustedRoot], Option<&Last>),
    now: Timestamp,
) -> Line {
    let state = match reader.find(&name) {
        Ok(Some(release)) => Ok(state(reader, &release, judged, args, kept, now)),
        Ok(None) => Err(Failure::no(
            "release-not-archived",
            format!("{name} is gone"),
        )),
        Err(error) => Err(damage_failure(&error)),
    };
    Line { name, state }
}

fn state(
    reader: &Reader,
    release: &Release<'_>,
    judged: Option<Judged>,
    args: &StatusArgs,
    (session, roots, fixity): (&Session, &[TrustedRoot], Option<&Last>),
    now: Timestamp,
) -> State {
    let mut roles = BTreeMap::new();
    for member in release.members() {
        *roles.entry(member.role().name()).or_insert(0) += 1;
    }
    let by_policy = judged.as_ref().and_then(|it| it.stamps.clone());
    let decided = by_policy.or_else(|| stamps_of_statements(release, session));
    let proof = proof::of(
        reader,
        release,
        &BTreeMap::new(),
        decided.as_deref(),
        roots,
        now,
    );
    let soon = SignedDuration::from_hours(24 * i64::from(args.within));
    let soon = now.checked_add(soon).unwrap_or(Timestamp::MAX);
    State {
        missing: [Role::Artifact, Role::Evidence]
            .into_iter()
            .map(Role::name)
            .filter(|role| !roles.contains_key(role))
            .collect(),
        deleted: tombstone::object(reader, release),
        gone: tombstone::line(reader, release),
        fixity: fixity.cloned(),
        beside: beside(release, &proof),
        keeping: keeping::term(reader, release, session, roots, now),
        expired: proof.is_expired(now),
        is_unknown: proof.is_unknown(now),
        policy: judged,
        due: proof.standing.as_ref().is_none_or(|it| it.until < soon),
        roles,
        proof,
    }
}

/// What is kept beside the files and their evidence, as the archive claims. Statements are for `archive verify
/// --complete`: who made them must be proven.
fn beside(release: &Release<'_>, proof: &ReleaseProof) -> BTreeMap<&'static str, bool> {
    let asked = [
        Needed::Checksums,
        Needed::Sbom,
        Needed::Source,
        Needed::Tree,
        Needed::Trust,
    ];
    let roles = release.members().iter().map(Member::role).collect();
    let found = release.completeness(&asked, &roles, &[]);
    let found = found.unwrap_or_default();
    let all = found.present.into_iter().map(|it| (it.name(), true));
    let all = all.chain(found.missing.into_iter().map(|it| (it.name(), false)));
    all.chain([(Needed::Renewal.name(), proof.is_renewed)])
        .collect()
}

impl State {
    /// Whether something proves, still, when the release was signed: with no timestamp of an authority
    /// that is trusted here, nothing does.
    fn is_proven(&self) -> bool {
        self.proof.standing.is_some() && !self.expired
    }

    /// Whether the last recorded fixity check says of damage, or one before it of what none has read since, or
    /// its line cannot be read. No check is no damage: it is shown that there was none.
    fn is_damaged(&self) -> bool {
        let last = self.fixity.as_ref();
        last.is_some_and(|it| {
            it.answer.as_deref() != Some(Exit::Yes.word()) || !it.damage.is_none()
        })
    }
}

impl State {
    fn say_keeping(&self, console: &Console) {
        let named = |there: bool| {
            let names = self.beside.iter().filter(|(_, it)| **it == there);
            let names: Vec<&str> = names.map(|(name, _)| *name).collect();
            if names.is_empty() {
                "nothing".to_owned()
            } else {
                names.join(", ")
            }
        };
        let (kept, not_kept) = (named(true), named(false));
        console.say(format!("  beside   {kept}; not kept: {not_kept}"));
        let lines = match &self.keeping {
            Ok(term) => keeping::lines(term),
            Err(failure) => vec![format!("{}: {}", failure.code, failure.message)],
        };
        for line in lines {
            console.say(format!("  keep     {}", escape(&line)));
        }
    }
}

impl Line {
    /// Whether what is asked is so: everything that a release needs is there, and its time can be proven.
    fn exit(&self) -> Exit {
        match &self.state {
            Err(failure) => failure.exit,
            Ok(state) if state.is_unknown && state.missing.is_empty() && !state.is_damaged() => {
                Exit::Unknown
            }
            Ok(state) if !state.is_proven() || !state.missing.is_empty() => Exit::No,
            Ok(state) if state.is_damaged() => Exit::No,
            Ok(state) => state.policy.as_ref().map_or(Exit::Yes, |it| it.exit),
        }
    }

    fn say(&self, args: &StatusArgs, copies: &Copies, console: &Console) {
        console.say(self.name.to_string());
        let state = match &self.state {
            Ok(state) => state,
            Err(failure) => {
                return console.say(format!("  {}: {}", failure.code, escape(&failure.message)));
            }
        };
        let roles: Vec<String> = state
            .roles
            .iter()
            .map(|(role, count)| format!("{count} {role}"))
            .collect();
        console.say(format!("  kept     {}", roles.join(", ")));
        if let Some(gone) = &state.gone {
            console.say(format!("  deleted  {}", escape(gone)));
        }
        if !state.missing.is_empty() {
            console.say(format!("  MISSING  {}", state.missing.join(", ")));
        }
        for line in state.policy.iter().flat_map(Judged::lines) {
            console.say(format!("  {}", escape(&line)));
        }
        state.say_keeping(console);
        console.say(format!(
            "  fixity   {}",
            fixity_words(state.fixity.as_ref())
        ));
        for line in copies.lines(&self.name) {
            console.say(format!("  copies   {line}"));
        }
        let mut lines = state.proof.lines(&args.independent).into_iter();
        let word = match (state.is_proven(), state.expired, state.due) {
            _ if state.is_unknown => "UNKNOWN",
            (true, _, true) => "due",
            (true, _, false) => "good",
            (false, true, _) => "EXPIRED",
            (false, false, _) => "MISSING",
        };
        if let Some(first) = lines.next() {
            console.say(format!("  {word:<8} {}", escape(&first)));
        }
        for line in lines {
            console.say(format!("           {}", escape(&line)));
        }
        if let Some((end, algorithm)) = state.proof.draft {
            console.say(format!(
                "  plan     a draft ends {algorithm} on {end} (NIST IR 8547)"
            ));
        }
    }

    fn object(&self, args: &StatusArgs, copies: &Copies, now: Timestamp) -> Value {
        match &self.state {
            Err(failure) => json!({
                "release": self.name.to_string(),
                "error": { "code": failure.code, "message": failure.message },
            }),
            Ok(state) => json!({
                "release": self.name.to_string(),
                "answer": worse(self.exit(), copies.exit(&self.name)).word(),
                "roles": state.roles,
                "missing": state.missing,
                "deleted": state.deleted,
                "fixity": state.fixity.as_ref().map(|it| it.time.to_string()),
                "fixity_answer": state.fixity.as_ref().and_then(|it| it.answer.as_deref()),
                "fixity_damage": state.fixity.as_ref().map(damage_object),
                "fixity_extent": state.fixity.as_ref().and_then(|it| it.extent.as_deref()),
                "beside": state.beside,
                "replicas": copies.object(&self.name),
                "keeping": state.keeping.as_ref().ok().map(keeping::object),
                "policy": state.policy.as_ref().map(Judged::object),
                "due": state.due,
                "proof": state.proof.object(&args.independent, now),
                "error": null,
            }),
        }
    }
}

fn fixity_words(last: Option<&Last>) -> String {
    let Some(last) = last else {
        return "never recorded".to_owned();
    };
    let extent = match last.extent.as_deref() {
        Some("all") => "every blob",
        _ => "a sample",
    };
    match last.answer.as_deref() {
        Some("yes") if !last.damage.is_none() => format!(
            "{}, {extent}, no damage found; DAMAGE found before, and not read since: {}",
            last.time,
            blobs(&last.damage)
        ),
        Some("yes") => format!("{}, {extent}, no damage found", last.time),
        Some("no") => format!("{}, {extent}, DAMAGE found", last.time),
        _ => format!("{}, and what it found cannot be told", last.time),
    }
}

/// The first blobs that are damaged, as far as is known.
fn blobs(damage: &fixity::Damage) -> String {
    let shown = damage
        .blobs
        .iter()
        .take(DAMAGE_SHOWN)
        .map(ToString::to_string);
    let mut shown: Vec<String> = shown.collect();
    if damage.has_unnamed || damage.blobs.len() > shown.len() {
        shown.push("blobs that are not named here".to_owned());
    }
    shown.join(", ")
}

fn damage_object(last: &Last) -> Value {
    let blobs: Vec<String> = last.damage.blobs.iter().map(ToString::to_string).collect();
    json!({ "blobs": blobs, "more": last.damage.has_unnamed })
}

/// Damaged blobs in a line for people.
const DAMAGE_SHOWN: usize = 5;
