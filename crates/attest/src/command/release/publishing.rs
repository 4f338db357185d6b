//! A release goes to others: what is not there is made, and all of it is read back and verified.

use std::fs::{self, DirBuilder, File};
use std::io::{Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use attest_archive::{Member, Reader, Release, Role};
use attest_digest::{Artifact, Hashes, Hashing};
use attest_remote::{Created, DialError, Finished, Target};
use serde_json::{Value, json};

use super::journal::temporary_name;
use super::make::Making;
use super::ours::archive_failure;
use super::plan::some_of;
use super::report::Outcome;
use super::selfcheck;
use crate::args::places::place_failure;
use crate::audit::{self, Change};
use crate::command::archive::worse;
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure, with_source};
use crate::files;
use crate::home::Home;
use crate::words;

/// What became of the release at one target.
#[derive(Debug)]
pub(super) struct Published {
    target: String,
    files: usize,
    /// Files that this run has made there.
    made: usize,
    outcome: Result<(), Failure>,
}

/// Publishes a release that is recorded, to each target in turn: one that fails keeps no other from
/// getting it.
pub(super) fn publish(
    targets: Vec<Box<dyn Target>>,
    home: &Home,
    outcome: &Outcome,
    console: &Console,
) -> Vec<Published> {
    let each = targets.into_iter().map(|mut target| {
        console.note(format!("publishing to {}", escape(&target.name())));
        let mut published = Published {
            target: target.name(),
            files: 0,
            made: 0,
            outcome: Ok(()),
        };
        let change = Change::new("release.publish")
            .release(&outcome.pins.release)
            .path(Path::new(&published.target));
        published.outcome = audit::traced(home, change, |_| {
            one(&mut *target, home, outcome, &mut published)
        });
        published
    });
    each.collect()
}

fn one(
    target: &mut dyn Target,
    home: &Home,
    outcome: &Outcome,
    published: &mut Published,
) -> Result<(), Failure> {
    let reader = Reader::open(&home.archive()).map_err(|error| archive_failure(&error))?;
    let release = reader.find(&outcome.pins.release);
    let release = release.map_err(|error| archive_failure(&error))?;
    let release = release.ok_or_else(|| {
        let message = format!("{} is not in the archive", outcome.pins.release);
        Failure::no("release-not-archived", message)
    })?;
    let members = in_order(&release);
    published.files = members.len();
    refuse_names(target, &members)?;
    target.begin().map_err(|error| place_failure(&error))?;
    let absent = absent(target, &members)?;
    for member in absent {
        let file = release.unverified_file(member.path());
        let mut file = file.map_err(|error| archive_failure(&error))?;
        let what = (member.digest(), member.size());
        let created = target.create(member.path().as_str(), what, &mut file);
        if created.map_err(|error| place_failure(&error))? == Created::New {
            published.made += 1;
        }
    }
    read_back(target, home, &members, outcome)?;
    if target.finish().map_err(|error| place_failure(&error))? == Finished::Shown {
        read_back(target, home, &members, outcome)?;
    }
    Ok(())
}

/// Files, then what says something about them, then the list of all: who reads while we write sees no
/// name that was signed and is not there.
fn in_order<'r>(release: &'r Release<'_>) -> Vec<&'r Member> {
    let mut members: Vec<&Member> = release.members().iter().collect();
    members.sort_by_key(|member| match member.role() {
        Role::Artifact => 0,
        Role::Sbom => 1,
        Role::Guide => 2,
        Role::Trust => 3,
        Role::Checksums => 5,
        _ => 4,
    });
    members
}

fn refuse_names(target: &dyn Target, members: &[&Member]) -> Result<(), Failure> {
    let refused: Vec<String> = members
        .iter()
        .map(|member| member.path().to_string())
        .filter(|path| !target.admits(path))
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    let message = format!("{} cannot keep {}", target.name(), some_of(&refused));
    Err(Failure::no("publish-name", message).hint(
        "pack what has folders, or other characters than letters, digits and -_.+, into one file",
    ))
}

/// What is not there yet.
///
/// # Errors
/// `publish-differs` (1) if something else is there under a name: then nothing is made.
fn absent<'m>(target: &dyn Target, members: &[&'m Member]) -> Result<Vec<&'m Member>, Failure> {
    let (mut absent, mut differing) = (Vec::new(), Vec::new());
    for member in members {
        let path = member.path().as_str();
        let found = target.open(path, member.size());
        match found.map_err(|error| place_failure(&error))? {
            None => absent.push(*member),
            Some(stream) => {
                let mut stream = stream.take(member.size().saturating_add(1));
                let found = Artifact::read(&mut stream, Hashes::Sha256)
                    .map_err(|error| broken(target, path, &error))?;
                if found.sha256() != member.digest() {
                    differing.push(path.to_owned());
                }
            }
        }
    }
    if differing.is_empty() {
        return Ok(absent);
    }
    let message = format!(
        "{} has something else under {}",
        target.name(),
        some_of(&differing)
    );
    Err(Failure::no("publish-differs", message)
        .hint("nothing was written there: publish to another place, or find out who wrote it"))
}

/// Reads everything again from where others read it, and verifies it as they do.
///
/// # Errors
/// `publish-not-kept` (1) if something is not there, or is something else; what verifying says.
fn read_back(
    target: &dyn Target,
    home: &Home,
    members: &[&Member],
    outcome: &Outcome,
) -> Result<(), Failure> {
    let folder = Temporary::make(home)?;
    for member in members {
        fetch(target, member, &folder.0)?;
    }
    selfcheck::verify(&folder.0, &outcome.pins).map(drop)
}

fn fetch(target: &dyn Target, member: &Member, folder: &Path) -> Result<(), Failure> {
    let path = member.path().as_str();
    let not_kept = |problem: String| {
        let message = format!("{}: {path} {problem}", target.name());
        Failure::no("publish-not-kept", message)
    };
    let found = target.open(path, member.size());
    let stream = found
        .map_err(|error| place_failure(&error))?
        .ok_or_else(|| not_kept("was made, and is not there".to_owned()))?;
    let to = folder.join(path);
    files::make_folder(&files::folder_of(&to))?;
    let mut file = File::create_new(&to).map_err(|error| files::write_failure(&to, &error))?;
    let mut stream = Hashing::new(stream.take(member.size().saturating_add(1)), Hashes::Sha256);
    let mut piece = vec![0; PIECE];
    loop {
        let read = stream.read(&mut piece);
        let read = read.map_err(|error| broken(target, path, &error))?;
        let Some(bytes) = piece.get(..read).filter(|it| !it.is_empty()) else {
            break;
        };
        let written = file.write_all(bytes);
        written.map_err(|error| files::write_failure(&to, &error))?;
    }
    let found = stream.finish();
    if found.size() != member.size() || found.sha256() != member.digest() {
        return Err(not_kept(format!(
            "is read back as {} of {} bytes, wanted {}",
            found.sha256(),
            found.size(),
            member.digest()
        )));
    }
    Ok(())
}

/// A stream that broke while it was read.
fn broken(target: &dyn Target, path: &str, error: &(dyn std::error::Error + 'static)) -> Failure {
    let mut next = Some(error);
    let mut slow = false;
    while let Some(error) = next {
        slow |= matches!(error.downcast_ref(), Some(DialError::Slow { .. }));
        let inner = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        slow |= inner.is_some_and(|it| matches!(it.downcast_ref(), Some(DialError::Slow { .. })));
        next = error.source();
    }
    let code = if slow {
        "place-timeout"
    } else {
        "place-unreachable"
    };
    let message = format!("{}: {path}: {}", target.name(), with_source(error));
    Failure::unknown(code, message)
}

/// A folder that goes away again.
struct Temporary(PathBuf);

impl Temporary {
    fn make(home: &Home) -> Result<Self, Failure> {
        let name = temporary_name(&Making::token()?);
        let path = crate::home::real(home.path()).join(name);
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.map_err(|error| files::write_failure(&path, &error))?;
        Ok(Self(path))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // What stays is private, in the home, and no part of anything.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Published {
    pub(super) fn exit(all: &[Self]) -> Exit {
        let exits = all.iter().map(|it| match &it.outcome {
            Ok(()) => Exit::Yes,
            Err(failure) if failure.exit == Exit::Request => Exit::Unknown,
            Err(failure) => failure.exit,
        });
        exits.fold(Exit::Yes, worse)
    }

    pub(super) fn say(&self, console: &Console) {
        let target = escape(&self.target);
        match &self.outcome {
            Ok(()) => console.say(format!(
                "published  {target}: {} made, {} there already; read back and verified",
                words::files(self.made),
                self.files - self.made
            )),
            Err(failure) => console.say(format!(
                "NOT THERE  {target}: {}: {}",
                failure.code,
                escape(&failure.message)
            )),
        }
    }

    pub(super) fn object(&self) -> Value {
        let failure = self.outcome.as_ref().err();
        json!({
            "target": self.target,
            "verdict": if failure.is_none() { "verified" } else { "failed" },
            "files": self.files,
            "made": self.made,
            "code": failure.map(|it| it.code),
            "message": failure.map(|it| it.message.as_str()),
        })
    }
}

const PIECE: usize = 64 << 10;
