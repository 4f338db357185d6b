//! `attest report --ssdf`: for each release and each task of NIST's framework the evidence that is kept,
//! with its digest, or that it is missing.
//!
//! What counts was verified as `attest archive verify` does. What was not is shown as claimed, and counts
//! for nothing. The report is a question of completeness: its exit code is 0 when no task of any release
//! lacks evidence that it needs, and it says nothing of whether a practice is followed.

mod collect;
mod framework;
mod html;
mod human;
mod json;
mod oscal;
mod reviews;

use std::path::PathBuf;

use attest_archive::Reader;
use clap::Args;

use super::tombstone::Tombstones;
use super::verify::{check, selected};
use super::{PlaceArgs, around, damage_failure, parse_release, policy, session};
use crate::args::{Format, Global, TrustArgs};
use crate::clock::Now;
use crate::command::verify::archived;
use crate::console::Console;
use crate::failure::{Exit, Failure};
use crate::report::TrustLine;
use crate::trust::{self, Surroundings};

use framework::{Framework, Kind, Task, Version};

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The tasks of NIST's Secure Software Development Framework that a release can show evidence for
    /// [default: ssdf-1.1]
    #[arg(
        long,
        value_enum,
        value_name = "VERSION",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "ssdf-1.1",
        required = true
    )]
    ssdf: Option<Version>,
    /// The releases [default: all]
    #[arg(value_name = "NAME@VERSION")]
    releases: Vec<String>,
    /// A signed statement that is not in the archive, such as a review; can be repeated
    #[arg(long, value_name = "FILE")]
    evidence: Vec<PathBuf>,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    trust: TrustArgs,
    /// A log (by origin) or timestamp authority that you know to be independent of the signer
    #[arg(long, value_name = "ID")]
    independent: Vec<String>,
}

/// Everything that the report says.
struct SsdfReport {
    framework: Framework,
    now: Now,
    archive: String,
    signer: String,
    trust: Vec<TrustLine>,
    releases: Vec<ReleaseReport>,
}

/// The evidence of one release.
struct ReleaseReport {
    name: String,
    manifest: String,
    /// The commit that verified provenance names, or why there is none.
    commit: Result<String, String>,
    /// Whether some of its bytes could not be read: then nothing can be told of what is missing.
    unreadable: bool,
    found: Vec<Found>,
}

/// One piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    kind: Kind,
    state: State,
    place: String,
    /// `sha256:HEX` of its bytes.
    digest: String,
    /// What is to be known of it: who signed, or why it does not count.
    detail: String,
}

/// Whether evidence counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Verified.
    Verified,
    /// Somebody says so.
    Claimed,
}

impl State {
    const fn name(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Claimed => "claimed",
        }
    }
}

/// Whether a task has the evidence that it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TaskState {
    Complete,
    Incomplete,
    Missing,
}

impl TaskState {
    const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Incomplete => "incomplete",
            Self::Missing => "missing",
        }
    }
}

impl ReleaseReport {
    /// What there is of a kind, verified first.
    fn of(&self, kind: Kind) -> Vec<&Found> {
        let is = |state: State| {
            let found = self.found.iter();
            found.filter(move |it| it.kind == kind && it.state == state)
        };
        is(State::Verified).chain(is(State::Claimed)).collect()
    }

    fn has(&self, kind: Kind) -> bool {
        let mut found = self.found.iter();
        found.any(|it| it.kind == kind && it.state == State::Verified)
    }

    fn state(&self, task: &Task) -> TaskState {
        let there = task.needs.iter().filter(|kind| self.has(**kind)).count();
        match there {
            0 => TaskState::Missing,
            all if all == task.needs.len() => TaskState::Complete,
            _ => TaskState::Incomplete,
        }
    }
}

impl SsdfReport {
    fn exit(&self) -> Exit {
        let is_whole = |release: &ReleaseReport| {
            let mut tasks = self.framework.tasks.iter();
            tasks.all(|task| release.state(task) == TaskState::Complete)
        };
        if self.releases.iter().all(is_whole) {
            Exit::Yes
        } else if self.releases.iter().any(|it| it.unreadable) {
            Exit::Unknown
        } else {
            Exit::No
        }
    }
}

pub(crate) fn run(args: &ReportArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    let report = make(args, global)?;
    match console.format() {
        Format::Json => console.json(&json::object(&report)),
        Format::Oscal => console.json(&oscal::document(&report)),
        Format::Html => console.text(&html::page(&report)),
        _ => {
            for line in human::lines(&report) {
                console.say(line);
            }
        }
    }
    Ok(report.exit())
}

fn make(args: &ReportArgs, global: &Global) -> Result<SsdfReport, Failure> {
    let now = global.now()?;
    let framework = args.ssdf.unwrap_or(Version::V1_1).load()?;
    let names = args
        .releases
        .iter()
        .map(|text| parse_release(text))
        .collect::<Result<Vec<_>, _>>()?;
    let path = args.place.path();
    let mut reader = Reader::open(&path).map_err(|error| damage_failure(&error))?;
    let names = selected(&reader, names)?;
    let around = Surroundings {
        archived: if trust::has_pins(&args.trust) {
            archived::trust_files(&reader, &names)
        } else {
            Vec::new()
        },
        ..around(vec![path.clone()], None)
    };
    let trust = args.place.trust(&args.trust, &around, now)?;
    let mut session = session(trust, &args.trust, &args.independent, now)?;
    let roots = session.trust.roots.clone();
    let tombstones = Tombstones::read(&reader, &session, &roots, now.time)?;
    reader.accept_deletions(tombstones.accepted());
    let statements = reviews::read(&args.evidence)?;
    let checked = check(&reader, args.releases.is_empty(), &names)?;
    let mut releases = Vec::new();
    for release in &checked.releases {
        session.policy =
            policy(&session.trust, &args.trust, &args.independent).of_release(release.name.clone());
        releases.push(collect::release(
            &reader,
            release,
            &checked,
            &session,
            now,
            &statements,
        ));
    }
    Ok(SsdfReport {
        framework,
        now,
        archive: path.display().to_string(),
        signer: trust::signer_words(&session.trust.signers),
        trust: session.trust.lines.clone(),
        releases,
    })
}
