//! `attest archive renew`: fresh proofs of time over old ones, one timestamp for all releases.
//!
//! 1. Read every blob of the releases: what is damaged is not stamped.
//! 2. Verify the renewals that are there: what has ended cannot be renewed.
//! 3. One hash tree over all, one timestamp over its root, verified before anything is kept.
//! 4. Every record at once, durable, or none.

mod authority;
mod choice;

use std::path::PathBuf;

use attest_archive::renewal::{EvidenceRecord, Plan, TimestampSource, attachment_of};
use attest_archive::{AttachmentInput, Store};
use attest_digest::{Algorithm, Hashes};
use attest_provenance::ReleaseName;
use attest_verify::TrustedRoot;
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde_json::json;

use super::tombstone::Tombstones;
use super::{PlaceArgs, archive_failure, damage_failure, keeping, parse_release, show};
use crate::args::{Global, TrustArgs};
use crate::audit::{self, Change};
use crate::command::init::refuse_given_time;
use crate::command::verify::Session;
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure, with_source};
use crate::trust::Surroundings;
use authority::Renewer;
use choice::{Choice, Chosen};

#[derive(Debug, Args)]
#[group(id = "authority", required = true, multiple = false, args = ["tsa", "self_asserted"])]
pub(super) struct RenewArgs {
    /// The releases [default: all whose proof of time ends within --within]
    #[arg(value_name = "NAME@VERSION")]
    releases: Vec<String>,
    /// Renew every release, however long its proof still stands
    #[arg(long, conflicts_with = "releases")]
    all: bool,
    /// Renew what ends within so many days
    #[arg(long, value_name = "DAYS", default_value_t = 365)]
    within: u32,
    /// The timestamp authority to ask (RFC 3161): somebody else's
    #[arg(long, value_name = "URL")]
    tsa: Option<String>,
    /// Its certificates, leaf to root, unless a trusted root has them; kept in the home for renewals
    #[arg(long, value_name = "PEM", requires = "tsa")]
    tsa_chain: Option<PathBuf>,
    /// Use the home's own authority: it says when, and nobody else saw it
    #[arg(long)]
    self_asserted: bool,
    /// The hash of the tree; a stronger one than before covers the files anew
    #[arg(long, value_enum, value_name = "HASH")]
    hash: Option<HashArg>,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    trust: TrustArgs,
    /// Use the empty password for the home's keys
    #[arg(long)]
    no_password: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum HashArg {
    Sha256,
    Sha384,
    Sha512,
}

impl HashArg {
    const fn algorithm(self) -> Algorithm {
        match self {
            Self::Sha256 => Algorithm::Sha256,
            Self::Sha384 => Algorithm::Sha384,
            Self::Sha512 => Algorithm::Sha512,
        }
    }
}

/// A release with its fresh record.
struct Renewed {
    name: ReleaseName,
    document: Vec<u8>,
    record: Vec<u8>,
    until: Timestamp,
}

pub(super) fn run(args: &RenewArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    refuse_given_time(global)?;
    let now = global.now()?;
    let names = args.releases.iter().map(|text| parse_release(text));
    let names = names.collect::<Result<Vec<_>, _>>()?;
    let path = args.place.path();
    let around = Surroundings {
        verified: vec![path.clone()],
        ..Surroundings::default()
    };
    let trust = args.place.trust(&args.trust, &around, now)?;
    let authority = Renewer::open(args)?;
    let mut store = Store::open(&path).map_err(|error| archive_failure(&error))?;
    let mut roots = trust.proving();
    let session = keeping::session(trust, now.time)?;
    let tombstones = Tombstones::read(store.reader(), &session, &roots, now.time)?;
    store.accept_deletions(tombstones.accepted());
    roots.extend(authority.added(&args.place)?);
    let chosen = choose(args, &store, names, (&session, &roots), now.time)?;
    let renewed = stamp(args, &chosen, &authority, &roots, now.time)?;
    if !renewed.is_empty() {
        let change = Change::new("archive.renew")
            .path(&path)
            .detail(format!("{} releases", renewed.len()));
        audit::traced(&args.place.own_home(), change, |_| {
            authority.keep(&args.place)?;
            keep(&mut store, &renewed, now.time)
        })?;
    }
    Ok(say(&chosen, &renewed, &authority, console))
}

/// Reads every blob of the releases, and finds out which are to be renewed.
fn choose(
    args: &RenewArgs,
    store: &Store,
    names: Vec<ReleaseName>,
    (session, roots): (&Session, &[TrustedRoot]),
    now: Timestamp,
) -> Result<Chosen, Failure> {
    let reader = store.reader();
    let all: Vec<ReleaseName> = reader.list().into_iter().map(|it| it.name).collect();
    if let Some(name) = names.iter().find(|name| !all.contains(name)) {
        return Err(show::missing(name));
    }
    let all_due = names.is_empty();
    let choice = Choice {
        reader,
        roots,
        session,
        now,
        within: (!args.all && all_due).then_some(args.within),
    };
    let names = choice.due(if all_due { all } else { names })?;
    let checked = reader
        .check_releases(&names, Hashes::Sha256AndSha512)
        .map_err(|error| damage_failure(&error))?;
    for release in &checked.releases {
        if let Some(problem) = release.problems.first() {
            let found = with_source(problem.error.as_ref());
            let message = format!("{}: {found}; nothing was renewed", release.name);
            return Err(Failure::no(problem.error.code(), message)
                .hint("what is damaged cannot be stamped: bring it back from a copy first"));
        }
    }
    choice.choose(names, &checked.observed)
}

/// One timestamp for each hash, and every record verified as a stranger would.
fn stamp(
    args: &RenewArgs,
    chosen: &Chosen,
    authority: &Renewer,
    roots: &[TrustedRoot],
    now: Timestamp,
) -> Result<Vec<Renewed>, Failure> {
    let mut renewed = Vec::new();
    for (algorithm, targets) in chosen.by_algorithm(args.hash.map(HashArg::algorithm)) {
        let names: Vec<ReleaseName> = targets.iter().map(|(name, _)| name.clone()).collect();
        let targets = targets.into_iter().map(|(_, target)| target).collect();
        let plan =
            Plan::new(algorithm, targets).map_err(|error| Failure::request(error.code(), error))?;
        let token = authority
            .at(now)
            .timestamp_digest(&plan.root())
            .map_err(|error| Failure::unknown(error.code(), error))?;
        let records = plan
            .finish(&token)
            .map_err(|error| Failure::no(error.code(), error))?;
        for (name, (document, record)) in names.into_iter().zip(records) {
            renewed.push(verified(name, document, &record, authority, roots, now)?);
        }
    }
    renewed.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(renewed)
}

fn verified(
    name: ReleaseName,
    document: Vec<u8>,
    record: &EvidenceRecord,
    authority: &Renewer,
    roots: &[TrustedRoot],
    now: Timestamp,
) -> Result<Renewed, Failure> {
    let refused = |error: attest_archive::renewal::RenewalError| {
        let failure = Failure::no(error.code(), format!("{name}: {error}; nothing was kept"));
        if error.code() == "time-unknown" {
            failure.hint("name its certificates with --tsa-chain, or a trusted root that has them with --trusted-root")
        } else {
            failure
        }
    };
    let proven = record.verify(&document, roots, now).map_err(refused)?;
    authority.refuse_own(&proven)?;
    Ok(Renewed {
        until: proven.until(),
        record: record.to_der().map_err(refused)?,
        name,
        document,
    })
}

fn keep(store: &mut Store, renewed: &[Renewed], now: Timestamp) -> Result<(), Failure> {
    let inputs: Vec<AttachmentInput<'_>> = renewed
        .iter()
        .filter_map(|it| attachment_of(&it.name, now, &it.document, &it.record))
        .collect();
    let added = store
        .attach_all(&inputs)
        .map_err(|error| archive_failure(&error));
    added.map(drop)
}

fn say(chosen: &Chosen, renewed: &[Renewed], authority: &Renewer, console: &Console) -> Exit {
    let exit = if chosen.refused.is_empty() {
        Exit::Yes
    } else {
        Exit::No
    };
    if console.is_json() {
        console.json(&json!({
            "version": 1,
            "command": "archive renew",
            "answer": exit.word(),
            "exit": exit.number(),
            "authority": authority.name(),
            "self_asserted": authority.is_own(),
            "renewed": renewed.iter().map(|it| json!({
                "release": it.name.to_string(),
                "until": it.until.to_string(),
            })).collect::<Vec<_>>(),
            "refused": chosen.refused.iter().map(|it| json!({
                "release": it.name.to_string(), "code": it.code, "problem": it.problem,
            })).collect::<Vec<_>>(),
            "not_due": chosen.not_due,
        }));
        return exit;
    }
    for it in &chosen.refused {
        console.say(format!(
            "{}  NOT RENEWED  {}: {}",
            it.name,
            it.code,
            escape(&it.problem)
        ));
    }
    for it in renewed.iter().take(MOST) {
        console.say(format!("{}  renewed, good until {}", it.name, it.until));
    }
    let more = renewed.len().saturating_sub(MOST);
    if more > 0 {
        console.say(format!("and {more} more"));
    }
    let who = escape(authority.name());
    let kind = if authority.is_own() {
        " (self-asserted)"
    } else {
        ""
    };
    match renewed.len() {
        0 => console.say(format!(
            "nothing was renewed; {} releases are not due (--all renews them too)",
            chosen.not_due
        )),
        some => console.say(format!("{some} releases by one timestamp of {who}{kind}")),
    }
    exit
}

/// Lines for people.
const MOST: usize = 50;
