//! A release goes to others: what is not there is made, and all of it is read back and verified.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io::{Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use attest_archive::{Member, Reader, Release, Role};
use attest_digest::{Artifact, Digest, Hashes, Hashing};
use attest_remote::{Created, DialError, Finished, PlaceError, Target};
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
    /// What is to be told of how it was read back.
    remark: Option<&'static str>,
    outcome: Result<(), Failure>,
}

/// Publishes a release that is recorded, to each target in turn: one that fails keeps no other from
/// getting it.
pub(super) fn publish(
    targets: Vec<Box<dyn Target>>,
    persistence: Duration,
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
            remark: None,
            outcome: Ok(()),
        };
        let change = Change::new("release.publish")
            .release(&outcome.pins.release)
            .path(Path::new(&published.target));
        published.outcome = audit::traced(home, change, |_| {
            let again = Again(persistence);
            one(&mut *target, again, home, outcome, &mut published)
        });
        published.remark = target.remark();
        published
    });
    each.collect()
}

fn one(
    target: &mut dyn Target,
    again: Again,
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
    refuse_sizes(
        target,
        members.iter().map(|it| (it.path().as_str(), it.size())),
    )?;
    again.and_again(|| Ok(target.begin()?))?;
    refuse_sealed(target, &members)?;
    refuse_others(target, again, &members)?;
    let absent = absent(target, again, &members)?;
    for member in test_first(target.most_to_test(), absent) {
        if make(target, again, &release, member)? == Created::New {
            published.made += 1;
        }
    }
    read_back(target, again, home, &members, outcome)?;
    if again.and_again(|| Ok(target.finish()?))? == Finished::Shown {
        read_back(target, again, home, &members, outcome)?;
    }
    refuse_others(target, again, &members)
}

/// Makes one file. Where a try before this one may have made it, what is there is looked at first: a line
/// that broke says nothing about what was kept.
fn make(
    target: &mut dyn Target,
    again: Again,
    release: &Release<'_>,
    member: &Member,
) -> Result<Created, Failure> {
    let path = member.path().as_str();
    let mut was_tried = false;
    again.and_again(|| {
        if was_tried {
            target.begin()?;
            match there(target, member)? {
                Some(found) if found == member.digest() => return Ok(Created::New),
                Some(_) => return Err(differs(target, &[path.to_owned()]).into()),
                None => {}
            }
        }
        was_tried = true;
        let file = release.unverified_file(member.path());
        let mut file = file.map_err(|error| archive_failure(&error))?;
        let what = (member.digest(), member.size());
        let created = target.create(path, what, &mut file)?;
        if created == Created::Exists && target.open(path, member.size())?.is_none() {
            return Err(says_it_has(target, path).into());
        }
        Ok(created)
    })
}

/// It keeps nothing, and says that something is there.
fn says_it_has(target: &dyn Target, path: &str) -> PlaceError {
    PlaceError::Malformed {
        place: target.name(),
        problem: format!("it takes no {path}, for it has one, and it has none"),
    }
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

/// A place gets no large file before it was tested with a small one: the first that is, and says nothing about
/// others, comes before all.
fn test_first(most: u64, mut members: Vec<&Member>) -> Vec<&Member> {
    let is_test = |it: &&Member| {
        let is_plain = matches!(
            it.role(),
            Role::Artifact | Role::Sbom | Role::Guide | Role::Trust
        );
        it.size() <= most && is_plain
    };
    if let Some(place) = members.iter().position(is_test) {
        let test = members.remove(place);
        members.insert(0, test);
    }
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

fn refuse_sizes<'m>(
    target: &dyn Target,
    mut files: impl Iterator<Item = (&'m str, u64)>,
) -> Result<(), Failure> {
    let most = target.most();
    let Some((larger, _)) = files.find(|(_, size)| *size > most) else {
        return Ok(());
    };
    Err(place_failure(&PlaceError::TooLarge {
        place: target.name(),
        what: larger.to_owned(),
        most,
    })
    .hint("nothing was sent there: split it, or publish to a place that takes it"))
}

/// Where something stands as one whole, it is this release, or another.
fn refuse_sealed(target: &dyn Target, members: &[&Member]) -> Result<(), Failure> {
    let Some(found) = target.sealed() else {
        return Ok(());
    };
    let ours: BTreeSet<&str> = members.iter().map(|it| it.path().as_str()).collect();
    let found: BTreeSet<&str> = found.iter().map(String::as_str).collect();
    let differing = found.difference(&ours).chain(ours.difference(&found));
    let differing: Vec<String> = differing.map(|it| (*it).to_owned()).collect();
    if differing.is_empty() {
        return Ok(());
    }
    Err(differs(target, &differing))
}

/// Who acquires a folder verifies all of it: what nobody signed is refused there.
fn refuse_others(target: &dyn Target, again: Again, members: &[&Member]) -> Result<(), Failure> {
    let ours: BTreeSet<&str> = members.iter().map(|it| it.path().as_str()).collect();
    match again.and_again(|| Ok(target.other(&ours)?))? {
        None => Ok(()),
        Some(other) => Err(differs(target, &[other])),
    }
}

fn differs(target: &dyn Target, paths: &[String]) -> Failure {
    let message = format!(
        "{} has something else under {}",
        target.name(),
        some_of(paths)
    );
    Failure::no("publish-differs", message)
        .hint("nothing of it was changed: publish to another place, or find out who wrote it")
}

/// What is there under a file's path.
fn there(target: &dyn Target, member: &Member) -> Result<Option<Digest>, Trouble> {
    let path = member.path().as_str();
    let Some(stream) = target.open(path, member.size())? else {
        return Ok(None);
    };
    let mut stream = stream.take(member.size().saturating_add(1));
    let found = Artifact::read(&mut stream, Hashes::Sha256);
    let found = found.map_err(|error| broken(target, path, &error))?;
    Ok(Some(found.sha256()))
}

/// What is not there yet.
///
/// # Errors
/// `publish-differs` (1) if something else is there under a name: then nothing is made.
fn absent<'m>(
    target: &dyn Target,
    again: Again,
    members: &[&'m Member],
) -> Result<Vec<&'m Member>, Failure> {
    let (mut absent, mut differing) = (Vec::new(), Vec::new());
    for member in members {
        match again.and_again(|| there(target, member))? {
            None => absent.push(*member),
            Some(found) if found == member.digest() => {}
            Some(_) => differing.push(member.path().to_string()),
        }
    }
    if differing.is_empty() {
        Ok(absent)
    } else {
        Err(differs(target, &differing))
    }
}

/// Reads everything again from where others read it, and verifies it as they do.
///
/// # Errors
/// `publish-not-kept` (1) if something is not there, or is something else; what verifying says.
fn read_back(
    target: &dyn Target,
    again: Again,
    home: &Home,
    members: &[&Member],
    outcome: &Outcome,
) -> Result<(), Failure> {
    let folder = Temporary::make(home)?;
    for member in members {
        again.and_again(|| fetch(target, member, &folder.0))?;
    }
    selfcheck::verify(&folder.0, &outcome.pins).map(drop)
}

fn fetch(target: &dyn Target, member: &Member, folder: &Path) -> Result<(), Trouble> {
    let path = member.path().as_str();
    let not_kept = |problem: String| {
        let message = format!("{}: {path} {problem}", target.name());
        Failure::no("publish-not-kept", message)
    };
    let found = target.open(path, member.size())?;
    let stream = found.ok_or_else(|| not_kept("was made, and is not there".to_owned()))?;
    let to = folder.join(path);
    // What another try has left.
    let _ = fs::remove_file(&to);
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
        ))
        .into());
    }
    Ok(())
}

/// A stream that broke while it was read.
fn broken(target: &dyn Target, path: &str, error: &(dyn std::error::Error + 'static)) -> Trouble {
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
    let message = format!("{}: {path}: {}", target.name(), with_source(error));
    if slow {
        return Failure::unknown("place-timeout", message).into();
    }
    Trouble::Line(Failure::unknown("place-unreachable", message))
}

/// How long the same is asked again.
#[derive(Debug, Clone, Copy)]
struct Again(Duration);

/// Why something was not done.
enum Trouble {
    Place(PlaceError),
    /// The line broke in the middle.
    Line(Failure),
    /// What another try would not change.
    Lasting(Failure),
}

impl Again {
    /// Does it until it is done, or is refused for good, or time is over; then the last answer counts.
    fn and_again<T>(self, mut work: impl FnMut() -> Result<T, Trouble>) -> Result<T, Failure> {
        let end = Instant::now() + self.0;
        let mut pause = FIRST_PAUSE;
        loop {
            match work() {
                Ok(done) => return Ok(done),
                Err(trouble) if trouble.is_passing() && Instant::now() + pause < end => {
                    thread::sleep(pause);
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(trouble) => return Err(trouble.into()),
            }
        }
    }
}

impl Trouble {
    fn is_passing(&self) -> bool {
        match self {
            Self::Place(error) => error.is_passing(),
            Self::Line(_) => true,
            Self::Lasting(_) => false,
        }
    }
}

impl From<PlaceError> for Trouble {
    fn from(error: PlaceError) -> Self {
        Self::Place(error)
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Lasting(failure)
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Place(error) => place_failure(&error),
            Trouble::Line(failure) | Trouble::Lasting(failure) => failure,
        }
    }
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
                "published  {target}: {} made, {} there already; read back and verified{}",
                words::files(self.made),
                self.files - self.made,
                self.remark.map_or_else(String::new, |it| format!("; {it}"))
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
            "remark": self.remark,
            "code": failure.map(|it| it.code),
            "message": failure.map(|it| it.message.as_str()),
        })
    }
}

const PIECE: usize = 64 << 10;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

#[cfg(test)]
mod tests {
    use attest_remote::{S3Address, S3Credentials, S3Settings, S3Target};

    use super::*;

    #[test]
    fn what_a_bucket_cannot_keep_is_named_before_anything_is_sent() {
        let address = S3Address::parse("s3://releases/x").unwrap();
        let patience = attest_remote::Patience {
            connect: Duration::from_millis(1),
            total: Duration::from_millis(1),
        };
        let settings = S3Settings {
            // Nobody answers there, and nobody is asked.
            endpoint: Some("http://127.0.0.1:1".to_owned()),
            region: None,
            credentials: Some(S3Credentials::new("key", "secret", None)),
            plain_http: attest_remote::PlainHttp::Loopback,
            patience,
            authorities: Vec::new(),
            now: jiff::Timestamp::UNIX_EPOCH,
        };
        let target = S3Target::new(&address, &settings).unwrap();
        let most = 5 << 30;
        refuse_sizes(&target, [("a", 0), ("b", most)].into_iter()).unwrap();
        let refused = refuse_sizes(&target, [("a", 1), ("big.iso", most + 1)].into_iter());
        let refused = refused.unwrap_err();
        assert_eq!(
            (refused.exit, refused.code),
            (Exit::Unknown, "place-too-large")
        );
        assert!(refused.message.contains("big.iso"), "{}", refused.message);
    }
}
