//! Bags: exported releases, verified where they stand.

use std::fs::File;
use std::path::{Path, PathBuf};

use attest_archive::{ArchiveError, Bag, BagProblem, Kept, WhatIsWrong};

use clap::Args;

use super::{
    Whose, accepted, damage_failure, judging, later_log, may_lie_inside, policy_of, release_tree,
};
use crate::args::{PolicyArgs, TrustArgs};
use crate::clock::Now;
use crate::command::verify::{Session, Shelf, archived};
use crate::failure::{Exit, Failure, with_source};
use crate::files;
use crate::report::{ArchiveReport, FileReport, Refusal, Report, SubjectReport, Verdict};
use crate::trust::Surroundings;

use super::PlaceArgs;

/// Whether an argument means a bag and not a release of the archive: the name of a tar, a path that
/// begins like one, or a folder that is there. `NAME@VERSION` is a release, whatever stands here.
pub(super) fn is_bag(text: &str) -> bool {
    ["./", "../", "/"].iter().any(|it| text.starts_with(it))
        || SUFFIXES.iter().any(|it| text.ends_with(it))
        || (!text.contains('@') && Path::new(text).exists())
}

/// Where what is compressed may be unpacked.
#[derive(Debug, Args)]
pub(super) struct ScratchArgs {
    /// For an exported release within gzip or zstd: a folder on whose disk its bytes may lie, in a file
    /// without a name, while they are read
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

impl ScratchArgs {
    fn open(&self, file: File, place: &Path) -> Result<Result<Bag, ArchiveError>, Failure> {
        let is_packed = Bag::is_packed(&file).map_err(|error| {
            Failure::unknown("file-unreadable", format!("{}: {error}", place.display()))
        })?;
        match &self.scratch {
            _ if !is_packed => Ok(Bag::open_tar(file, place)),
            Some(scratch) => Ok(Bag::open_packed(&file, place, scratch)),
            None => {
                let message = format!("{} is compressed", place.display());
                Err(Failure::request("scratch-required", message)
                    .hint("name a folder on whose disk its bytes may lie meanwhile, such as --scratch /var/tmp"))
            }
        }
    }
}

/// Reads a bag, with every byte of it.
fn open(place: &Path, scratch: &ScratchArgs) -> Result<Bag, Failure> {
    let opened = if place.is_dir() {
        Bag::open_folder(place)
    } else {
        let file = files::open_regular(place).map_err(|error| {
            Failure::unknown("file-unreadable", format!("{}: {error}", place.display()))
        })?;
        scratch.open(file, place)?
    };
    opened.map_err(|error| match &error {
        ArchiveError::BagTar { .. } => Failure::no(error.code(), with_source(&error))
            .hint("a bag that another tar has packed can be unpacked, and verified as a folder"),
        ArchiveError::BagPacked { .. } => Failure::no(error.code(), with_source(&error)),
        ArchiveError::Unreadable { .. } => Failure::unknown(error.code(), with_source(&error)),
        _ => damage_failure(&error),
    })
}

/// What is asked of a bag, by the flags of a command.
pub(super) struct Asked<'a> {
    pub(super) scratch: &'a ScratchArgs,
    pub(super) home: &'a PlaceArgs,
    pub(super) trust: &'a TrustArgs,
    pub(super) policy: &'a PolicyArgs,
    pub(super) independent: &'a [String],
    pub(super) now: Now,
}

impl Asked<'_> {
    /// Reads a bag, and says what judges it. Trust that lies in it needs a pin; without pins the request
    /// is decided before a byte is read.
    pub(super) fn open(&self, place: &Path) -> Result<(Bag, Session), Failure> {
        let session = |archived| {
            let around = Surroundings {
                verified: vec![place.to_owned()],
                archived,
                ..Surroundings::default()
            };
            let (whose, policy, now) = (Whose::Anybody(self.home), self.policy, self.now);
            judging(whose, policy, self.trust, self.independent, &around, now)
        };
        let (bag, mut session) = if may_lie_inside(self.policy, self.trust) {
            let bag = open(place, self.scratch)?;
            let inside = archived::trust_files_of(&bag);
            (bag, session(inside)?)
        } else {
            let session = session(Vec::new())?;
            (open(place, self.scratch)?, session)
        };
        session.policy = policy_of(&session, self.trust, self.independent, bag.name());
        Ok((bag, session))
    }

    /// The verdict about every file of the bag, and about what else is asked of it.
    pub(super) fn judge(
        &self,
        command: &'static str,
        place: &Path,
        bag: &Bag,
        session: &Session,
        also: impl FnOnce(&Shelf, &mut SubjectReport),
    ) -> Report {
        let mut pieces = Shelf::new();
        let mut subject = archived::verify(bag, &bag.observed(), None, session, &mut pieces);
        release_tree::judge(bag, &bag.observed(), None, &pieces, &mut subject);
        if bag.problems().is_empty() {
            later_log::judge(bag, &session.trust.roots, &mut subject);
        }
        if subject.exit() == Exit::Yes && bag.problems().is_empty() {
            also(&pieces, &mut subject);
        }
        for problem in bag.problems() {
            let Some(member) = &problem.member else {
                continue;
            };
            subject.files.retain(|file| file.path != member.as_str());
            subject.files.push(FileReport {
                path: member.to_string(),
                verdict: Verdict::Rejected(refusal(problem)),
                size: None,
                sha256: None,
            });
        }
        subject
            .files
            .sort_by(|one, other| one.path.cmp(&other.path));
        let others = bag.problems().iter().filter(|it| it.member.is_none());
        let archive = ArchiveReport {
            place: place.display().to_string(),
            blobs: bag.files(),
            bytes: bag.bytes(),
            problems: others.map(refusal).collect(),
            notes: Vec::new(),
        };
        Report {
            subjects: vec![subject],
            evidence: pieces.into_reports(&session.policy),
            archive: Some(archive),
            not_checked: not_checked(self.policy),
            ..session.report(command, self.now, accepted(session, self.trust))
        }
    }
}

/// What was not checked of a policy's age.
pub(super) fn not_checked(policy: &PolicyArgs) -> Vec<String> {
    let unknown = policy.state.is_none().then(|| "rollback".to_owned());
    unknown.into_iter().collect()
}

fn refusal(problem: &BagProblem) -> Refusal {
    let path = &problem.path;
    let (found, wanted) = match &problem.what {
        WhatIsWrong::Missing => (
            format!("{path} is not there"),
            "every file of the bag".to_owned(),
        ),
        WhatIsWrong::Extra => (
            format!("{path} is there"),
            "only what the release leads to".to_owned(),
        ),
        WhatIsWrong::Differs { found, wanted } => {
            (format!("{path} has the digest {found}"), wanted.to_string())
        }
        WhatIsWrong::Refused { why } => (format!("{path} is {why}"), "a regular file".to_owned()),
        _ => (path.clone(), "a bag as its release leads to it".to_owned()),
    };
    Refusal {
        code: problem.code(),
        found,
        wanted,
    }
}

/// What the name of a bag in one file ends with.
const SUFFIXES: [&str; 4] = [".tar", ".tar.gz", ".tgz", ".tar.zst"];
