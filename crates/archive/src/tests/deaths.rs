//! Deaths at every step of a writer, and a disk that is full at every step.
//!
//! A child process, this test binary again, does the work and says over a pipe what it has confirmed.
//! It dies by SIGKILL before each step that changes the disk ([`crate::fault`]), and where strace is
//! installed also at its system calls.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use super::*;
use super::{deletions, renewals};
use crate::fault::{self, Fault};
use crate::materialize::Selection;
use crate::{
    AttachedFileInput, AttachmentInput, AttachmentKind, FolderReplica, Outcome, Reader,
    ReplicaError,
};

/// Fewer points than these mean that the tests no longer look where they did.
const RECORDED: [(Task, usize); 13] = [
    (Task::Init, 18),
    (Task::Add, 24),
    (Task::AddMany, 68),
    (Task::AddAgain, 2),
    (Task::Materialize, 23),
    (Task::Attach, 24),
    (Task::AttachMany, 90),
    (Task::AttachAgain, 2),
    (Task::Copy, 50),
    (Task::Repair, 28),
    (Task::Rebuild, 11),
    (Task::Renew, 31),
    (Task::Delete, 14),
];
const SYSTEM_CALLS: [(Task, u64); 5] = [
    (Task::Add, 60),
    (Task::Attach, 60),
    (Task::Repair, 100),
    (Task::Renew, 80),
    (Task::Delete, 50),
];

const TASKS: [Task; 13] = [
    Task::Init,
    Task::Add,
    Task::AddMany,
    Task::AddAgain,
    Task::Materialize,
    Task::Attach,
    Task::AttachMany,
    Task::AttachAgain,
    Task::Copy,
    Task::Repair,
    Task::Rebuild,
    Task::Renew,
    Task::Delete,
];

const TASK: &str = "ATTEST_TEST_TASK";
const BENCH: &str = "ATTEST_TEST_BENCH";
const STEP: &str = "ATTEST_TEST_STEP";
const FULL: &str = "ATTEST_TEST_FULL";

const CALLS: [&str; 14] = [
    "openat",
    "openat2",
    "mkdirat",
    "ftruncate",
    "pwrite64",
    "write",
    "fsync",
    "syncfs",
    "renameat2",
    "renameat",
    "unlinkat",
    "getdents64",
    "flock",
    "fadvise64",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    Init,
    Add,
    /// So many files that one sync of the file system takes the place of one for each.
    AddMany,
    /// A release that is there already.
    AddAgain,
    Materialize,
    Attach,
    /// Eight attachments with one index.
    AttachMany,
    /// What is attached already.
    AttachAgain,
    /// To a replica that is yet to be made.
    Copy,
    /// Of one blob that is missing and two that are damaged.
    Repair,
    /// Of an index that is damaged.
    Rebuild,
    /// Of two releases, by one timestamp.
    Renew,
    /// Of two artifacts, one of which another release needs.
    Delete,
}

impl Task {
    fn prepare(self) -> Bench {
        match self {
            Self::Init => Bench { folder: folder() },
            Self::Add | Self::AddMany | Self::Materialize | Self::Attach | Self::AttachMany => {
                prepared()
            }
            Self::Copy => prepared(),
            Self::Repair => {
                let bench = prepared();
                Self::Copy.run(bench.folder.path()).unwrap();
                fs::remove_file(bench.blob(sha256(HELLO[0].2))).unwrap();
                bench.damage(sha256(HELLO[1].2), b"HELLO\n");
                let manifest = Reader::open(&bench.path()).unwrap().list()[0].manifest;
                bench.damage(manifest, b"{}");
                bench
            }
            Self::Rebuild => {
                let bench = prepared();
                Self::Copy.run(bench.folder.path()).unwrap();
                fs::write(bench.index(), b"{").unwrap();
                bench
            }
            Self::Renew => {
                let bench = prepared();
                bench.add("hello@2.0.0", &HELLO).unwrap();
                bench
            }
            Self::Delete => {
                let bench = prepared();
                deletions::prepare(&bench);
                bench
            }
            Self::AttachAgain => {
                let bench = prepared();
                Self::Attach.run(bench.folder.path()).unwrap();
                bench
            }
            Self::AddAgain => {
                let bench = prepared();
                let release = second(bench.folder.path());
                Store::open(&bench.path()).unwrap().add(&release).unwrap();
                bench
            }
        }
    }

    fn run(self, bench: &Path) -> Result<(), ArchiveError> {
        let archive = bench.join("archive");
        match self {
            Self::Init => Store::init(&archive).map(drop),
            Self::Add | Self::AddAgain => Store::open(&archive)?.add(&second(bench)).map(drop),
            Self::AddMany => Store::open(&archive)?.add(&many(bench)).map(drop),
            Self::Attach | Self::AttachAgain => Store::open(&archive)?
                .attach_all(&proofs(bench, 1))
                .map(drop),
            Self::Copy => {
                let mut replica = FolderReplica::init(&bench.join("vault"))?;
                let report = Reader::open(&archive)?.copy_to(&mut replica);
                report.map(drop).map_err(|error| match error {
                    ReplicaError::Folder { source, .. } => *source,
                    other => panic!("{other}"),
                })
            }
            Self::Repair | Self::Rebuild => {
                let replica = FolderReplica::open(&bench.join("vault"))?;
                Store::repair(&archive, &[&replica]).map(drop)
            }
            Self::Renew => renewals::renew(&archive),
            Self::Delete => deletions::delete(&archive),
            Self::AttachMany => Store::open(&archive)?
                .attach_all(&proofs(bench, 8))
                .map(drop),
            Self::Materialize => {
                let reader = Reader::open(&archive)?;
                let release = reader.find(&named("hello@1.0.0"))?.unwrap();
                release
                    .materialize_unaccepted(&bench.join("out"), Selection::All)
                    .map(drop)
            }
        }
    }

    /// What must be true after a death, and after the next run.
    fn judge(self, bench: &Bench, confirmed: bool) {
        match self {
            Self::Init => judge_init(bench, confirmed),
            Self::Add | Self::AddAgain => judge_add(bench, &second(bench.folder.path()), confirmed),
            Self::AddMany => judge_add(bench, &many(bench.folder.path()), confirmed),
            Self::Materialize => judge_materialize(bench, confirmed),
            Self::Copy => judge_copy(bench, confirmed),
            Self::Repair | Self::Rebuild => judge_repair(bench, confirmed),
            Self::Attach | Self::AttachAgain => judge_attach(bench, 1, confirmed),
            Self::AttachMany => judge_attach(bench, 8, confirmed),
            Self::Renew => renewals::judge(bench, confirmed),
            Self::Delete => deletions::judge(bench, confirmed),
        }
    }
}

/// An archive with one release, and beside it the files of the next.
fn prepared() -> Bench {
    let bench = Bench::inside(folder());
    bench.add("hello@1.0.0", &HELLO).unwrap();
    fs::write(bench.folder.path().join("tool"), vec![1; 200_000]).unwrap();
    fs::write(bench.folder.path().join("other"), b"other").unwrap();
    bench
}

/// In memory where the system has such a place: hundreds of runs, and a kill is the same there.
fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

/// `hello@2.0.0`: two new files, one that is kept already, one in memory.
fn second(bench: &Path) -> ReleaseInput<'static> {
    let member = |path: &str, source| MemberInput {
        path: relative(path),
        role: Role::Artifact,
        source,
        expected: None,
    };
    ReleaseInput {
        name: named("hello@2.0.0"),
        members: vec![
            member("tool", Source::Path(bench.join("tool"))),
            member("other", Source::Path(bench.join("other"))),
            member("hello", Source::Bytes(HELLO[0].2)),
            member("new", Source::Bytes(b"new")),
        ],
    }
}

/// `hello@2.0.0` of twenty files.
fn many(bench: &Path) -> ReleaseInput<'static> {
    let mut release = second(bench);
    for number in 0..16 {
        release.members.push(MemberInput {
            path: relative(&format!("many/{number}")),
            role: Role::Artifact,
            source: Source::Bytes(DIGITS.split_at(number).1),
            expected: None,
        });
    }
    release
}

const DIGITS: &[u8] = b"0123456789abcdef";

fn judge_init(bench: &Bench, confirmed: bool) {
    match Reader::open(&bench.path()) {
        Ok(reader) => assert!(reader.check(Hashes::Sha256).unwrap().is_sound()),
        Err(error) => assert_eq!((error.code(), confirmed), ("not-an-archive", false)),
    }
    Store::init(&bench.path()).unwrap();
    let report = Reader::open(&bench.path())
        .unwrap()
        .check(Hashes::Sha256)
        .unwrap();
    assert!(report.is_sound());
    bench.add("hello@1.0.0", &HELLO).unwrap();
    assert_eq!(
        Reader::open(&bench.path())
            .unwrap()
            .check(Hashes::Sha256)
            .unwrap()
            .notes,
        []
    );
}

fn judge_add(bench: &Bench, offered: &ReleaseInput<'_>, confirmed: bool) {
    let reader = Reader::open(&bench.path()).unwrap();
    let there = reader.find(&named("hello@2.0.0")).unwrap();
    assert!(there.is_some() || !confirmed, "what was confirmed is gone");
    assert!(reader.find(&named("hello@1.0.0")).unwrap().is_some());
    // Half a release would be in the index without its blobs.
    assert!(reader.check(Hashes::Sha256).unwrap().is_sound());

    let again = Store::open(&bench.path()).unwrap().add(offered).unwrap();
    assert_eq!(again.outcome == Outcome::Already, there.is_some());
    let report = Reader::open(&bench.path())
        .unwrap()
        .check(Hashes::Sha256)
        .unwrap();
    assert!(report.is_sound());
    assert_eq!(report.releases.len(), 2);
    // Only where the release was complete can something be left: the next addition takes it away.
    bench.add("hello@3.0.0", &HELLO).unwrap();
    assert_eq!(
        Reader::open(&bench.path())
            .unwrap()
            .check(Hashes::Sha256)
            .unwrap()
            .notes,
        []
    );
}

/// So many attachments: each a file of its own, and one that all share.
fn proofs(bench: &Path, count: usize) -> Vec<AttachmentInput<'static>> {
    let file = |path: &str, source| AttachedFileInput {
        path: relative(path),
        media_type: "text/plain".to_owned(),
        source,
        expected: None,
    };
    let proof = |number: usize| AttachmentInput {
        subject: number.is_multiple_of(2).then(|| named("hello@1.0.0")),
        kind: AttachmentKind::Renewal,
        created: "2026-11-21T21:00:00Z".parse().unwrap(),
        files: vec![
            file("shared", Source::Path(bench.join("tool"))),
            file("own", Source::Bytes(DIGITS.split_at(number % 16).1)),
            file("number", Source::Bytes(NUMBERS.split_at(number).1)),
        ],
    };
    (0..count).map(proof).collect()
}

const NUMBERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz";

fn judge_attach(bench: &Bench, count: usize, confirmed: bool) {
    let reader = Reader::open(&bench.path()).unwrap();
    let there = reader.attachment_list().len();
    assert!(there == count || (there == 0 && !confirmed), "{there}");
    let report = reader.check(Hashes::Sha256).unwrap();
    assert!(report.is_sound());
    assert_eq!(report.attachments, there);

    let offered = proofs(bench.folder.path(), count);
    let mut store = Store::open(&bench.path()).unwrap();
    let again = store.attach_all(&offered).unwrap();
    let already = |(_, outcome): &(Digest, Outcome)| (*outcome == Outcome::Already) == (there > 0);
    assert!(again.manifests.iter().all(already));
    drop(store);
    // Only where the batch was complete can something be left: the next addition takes it away.
    bench.add("hello@3.0.0", &HELLO).unwrap();
    let reader = Reader::open(&bench.path()).unwrap();
    let report = reader.check(Hashes::Sha256).unwrap();
    assert!(report.is_sound());
    assert_eq!((report.attachments, report.notes), (count, vec![]));
}

fn judge_copy(bench: &Bench, confirmed: bool) {
    let vault = bench.folder.path().join("vault");
    match Reader::open(&vault) {
        Ok(reader) => {
            // Whatever it lists, it has.
            assert!(reader.check(Hashes::Sha256).unwrap().is_sound());
            assert!(reader.list().len() == 1 || !confirmed);
        }
        Err(error) => assert_eq!((error.code(), confirmed), ("not-an-archive", false)),
    }
    Task::Copy.run(bench.folder.path()).unwrap();
    let reader = Reader::open(&vault).unwrap();
    let report = reader.check(Hashes::Sha256).unwrap();
    assert!(report.is_sound() && report.notes.is_empty());
    assert_eq!(reader.list().len(), 1);
}

fn judge_repair(bench: &Bench, confirmed: bool) {
    if let Ok(reader) = Reader::open(&bench.path()) {
        let report = reader.check(Hashes::Sha256).unwrap();
        assert!(report.is_sound() || !confirmed);
        // What was sound stays so, and what was damaged is never taken for sound.
        assert!(reader.check(Hashes::Sha256).unwrap().problems.is_empty());
    }
    Task::Repair.run(bench.folder.path()).unwrap();
    let reader = Reader::open(&bench.path()).unwrap();
    let report = reader.check(Hashes::Sha256).unwrap();
    assert!(report.is_sound());
    assert_eq!(reader.list().len(), 1);
    // Of what was damaged nothing is deleted.
    let kept = fs::read_dir(bench.path().join("quarantine")).unwrap();
    let kept: Vec<_> = kept
        .map(|it| fs::read(it.unwrap().path()).unwrap())
        .collect();
    let has = |bytes: &[u8]| kept.iter().any(|it| it == bytes);
    assert!(has(b"{") || (has(b"{}") && has(b"HELLO\n")));
}

fn judge_materialize(bench: &Bench, confirmed: bool) {
    let out = bench.folder.path().join("out");
    let whole = |path: &str, bytes: &[u8]| match fs::read(out.join(path)) {
        Ok(found) => {
            assert_eq!(found, bytes, "{path} is half");
            true
        }
        Err(_) => false,
    };
    let written = HELLO
        .iter()
        .filter(|(path, _, bytes)| whole(path, bytes))
        .count();
    assert!(written == HELLO.len() || !confirmed);
    Task::Materialize.run(bench.folder.path()).unwrap();
    assert!(HELLO.iter().all(|(path, _, bytes)| whole(path, bytes)));
    let names: BTreeSet<_> = fs::read_dir(&out)
        .unwrap()
        .map(|it| it.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 5, "{names:?}");
}

/// How a child ended, and what it said before.
struct Ended {
    killed: bool,
    said: String,
}

impl Ended {
    fn confirmed(&self) -> bool {
        self.said
            .lines()
            .any(|line| line.ends_with("attest-test done"))
    }

    fn begun(&self) -> bool {
        self.said.contains("attest-test begun")
    }
}

fn run_child(mut command: Command, task: Task, bench: &Bench) -> Ended {
    let output = command
        .args([
            "--exact",
            "tests::deaths::child",
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(TASK, format!("{task:?}"))
        .env(BENCH, bench.folder.path())
        .env("RUST_BACKTRACE", "0")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let killed = output.status.signal() == Some(9) || output.status.code() == Some(128 + 9);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        killed || output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ended { killed, said }
}

fn this_test() -> Command {
    Command::new(std::env::current_exe().unwrap())
}

fn say(what: &str) {
    std::io::stdout()
        .write_all(format!("attest-test {what}\n").as_bytes())
        .unwrap();
}

/// Not a test: what the others start.
#[test]
#[ignore = "a child process of the other tests"]
fn child() {
    let Ok(task) = std::env::var(TASK) else {
        return;
    };
    let task = TASKS
        .into_iter()
        .find(|it| format!("{it:?}") == task)
        .unwrap();
    let bench = PathBuf::from(std::env::var_os(BENCH).unwrap());
    let step = std::env::var(STEP).map_or(usize::MAX, |it| it.parse().unwrap());
    let fault = if std::env::var_os(FULL).is_some() {
        Fault::DiskFull
    } else {
        Fault::Kill
    };
    fault::arm(step, fault);
    say("begun");
    let outcome = task.run(&bench);
    for step in fault::taken() {
        say(&format!("step {step}"));
    }
    match outcome {
        Ok(()) => say("done"),
        Err(error) => say(&format!("refused {}", error.code())),
    }
}

/// Runs the task once undisturbed and says which steps it takes.
fn steps(task: Task, bench: &Bench) -> Vec<String> {
    let ended = run_child(this_test(), task, bench);
    assert!(ended.confirmed(), "{}", ended.said);
    let steps = ended
        .said
        .lines()
        .filter_map(|line| line.split_once("attest-test step "));
    steps.map(|(_, step)| step.to_owned()).collect()
}

fn count_steps(task: Task) -> usize {
    let bench = task.prepare();
    let steps = steps(task, &bench).len();
    task.judge(&bench, true);
    steps
}

fn killed_at_each_step(task: Task, recorded: usize) {
    let steps = count_steps(task);
    for step in 1..=steps {
        let bench = task.prepare();
        let mut command = this_test();
        command.env(STEP, step.to_string());
        let ended = run_child(command, task, &bench);
        assert!(ended.killed && ended.begun(), "step {step} of {steps}");
        task.judge(&bench, ended.confirmed());
    }
    say(&format!(
        "{task:?}: killed at {steps} steps, recorded are {recorded}"
    ));
    assert!(
        steps >= recorded,
        "{task:?} has {steps} steps, recorded are {recorded}"
    );
}

fn full_at_each_step(task: Task) {
    let steps = count_steps(task);
    let mut refused = 0;
    for step in 1..=steps {
        let bench = task.prepare();
        let mut command = this_test();
        command.env(STEP, step.to_string()).env(FULL, "1");
        let ended = run_child(command, task, &bench);
        // A failure to tidy up, after everything is durable, is none.
        let code = ended
            .said
            .split_whitespace()
            .skip_while(|word| *word != "refused")
            .nth(1);
        assert!(
            ended.confirmed() || code == Some("archive-disk-full"),
            "{}",
            ended.said
        );
        refused += usize::from(!ended.confirmed());
        task.judge(&bench, ended.confirmed());
    }
    say(&format!(
        "{task:?}: disk full at {steps} steps, refused at {refused}"
    ));
    assert!(refused * 2 > steps, "{refused} of {steps}");
}

#[test]
fn a_death_at_any_step_leaves_the_old_state_or_the_new() {
    for (task, recorded) in RECORDED {
        killed_at_each_step(task, recorded);
    }
}

#[test]
fn a_full_disk_at_any_step_is_named_and_leaves_the_old_state_or_the_new() {
    TASKS.into_iter().for_each(full_at_each_step);
}

/// A kill keeps what the system has not written yet; a loss of power does not. So the order counts:
/// the bytes of each blob, their names, the index, its name.
#[test]
fn everything_is_durable_before_it_is_named_and_named_before_it_is_confirmed() {
    for task in [Task::Add, Task::AddMany, Task::Attach, Task::AttachMany] {
        let bench = task.prepare();
        let steps = steps(task, &bench);
        let places = |wanted: &str| -> Vec<usize> {
            let found = steps
                .iter()
                .enumerate()
                .filter(|(_, step)| step.starts_with(wanted));
            found.map(|(at, _)| at).collect()
        };
        let archive = bench.path().display().to_string();
        let written = places("write ");
        let moved = places("move ");
        let synced_names = places(&format!("sync-folder {archive}/blobs/sha256"));
        let synced_root = places(&format!("sync-folder {archive}"));
        let (index, blobs) = moved.split_last().unwrap();
        assert!(steps[*index].ends_with("/index.json"), "{steps:?}");
        assert!(written.last() < blobs.first());
        for written in written {
            let file = steps[written].strip_prefix("write ").unwrap();
            let one = places(&format!("sync-file {file}"));
            let all = places("sync-all");
            let synced = *one.first().or(all.first()).unwrap();
            assert!(
                written < synced && Some(&synced) < blobs.first(),
                "{file}: {steps:?}"
            );
        }
        assert!(blobs.last() < synced_names.first() && synced_names.first() < Some(index));
        assert!(synced_root.iter().any(|synced| synced > index), "{steps:?}");
    }
}

#[test]
fn what_is_there_already_is_made_durable_before_it_is_confirmed() {
    for task in [Task::AddAgain, Task::AttachAgain] {
        let bench = task.prepare();
        let archive = bench.path().display().to_string();
        let wanted = [
            format!("sync-folder {archive}/blobs/sha256"),
            format!("sync-folder {archive}"),
        ];
        assert_eq!(steps(task, &bench), wanted);
    }
}

#[test]
fn a_death_at_any_system_call_leaves_the_old_archive_or_the_new() {
    if !Command::new("strace")
        .arg("-V")
        .output()
        .is_ok_and(|it| it.status.success())
    {
        say("strace is not installed: killed at steps only, not at system calls");
        return;
    }
    for (task, recorded) in SYSTEM_CALLS {
        let points: u64 = CALLS.iter().map(|call| killed_at_each(task, call)).sum();
        say(&format!(
            "{task:?}: killed at {points} system calls, recorded are {recorded}"
        ));
        assert!(
            points >= recorded,
            "{task:?}: {points} system calls, recorded are {recorded}"
        );
    }
}

/// Kills the child at its first, second, … call of that name, until it lives.
fn killed_at_each(task: Task, call: &str) -> u64 {
    let mut points = 0;
    for number in 1..500 {
        let bench = task.prepare();
        let mut command = Command::new("strace");
        command.args([
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            &format!("trace={call}"),
        ]);
        command.args(["-e", &format!("inject={call}:signal=SIGKILL:when={number}")]);
        command.arg("--").arg(std::env::current_exe().unwrap());
        let ended = run_child(command, task, &bench);
        if !ended.killed {
            assert!(ended.confirmed());
            return points;
        }
        if ended.begun() {
            points += 1;
            task.judge(&bench, ended.confirmed());
        }
    }
    panic!("{call}: still killed at the 500th call");
}
