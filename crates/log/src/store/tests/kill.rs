//! A real process on a real file system is killed while it appends: before every change that the
//! store makes, and, with strace, at every system call that changes something.
//!
//! The child acknowledges through a pipe. After each death: the log opens, everything acknowledged
//! is there, it checks, and no two checkpoints of one size differ, also not those that lay around.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tempfile::TempDir;

use super::support::{entries, entry, say};
use crate::store::files::fault;
use crate::testing::TestSigner;
use crate::{CheckpointSigner as _, Hash, Log, LogReader, SignedCheckpoint, merkle};

const FOLDER: &str = "ATTEST_TEST_LOG";
const POINT: &str = "ATTEST_TEST_KILL_POINT";

/// What the child appends, over two lives: tiles grow and become full, and the journal, which has
/// 24 batches already, is begun anew.
const LIVES: [&[std::ops::Range<usize>]; 2] = [&[250..252, 252..258], &[258..259, 255..261]];

fn signer() -> TestSigner {
    TestSigner::new("log.example", 7)
}

fn log_folder(home: &Path) -> PathBuf {
    home.join("home/log")
}

fn second_copy(home: &Path) -> PathBuf {
    home.join("state/checkpoint")
}

/// Not a test: the process that is killed.
#[test]
#[ignore = "run by the tests below, as a child process"]
#[expect(clippy::print_stderr, reason = "the pipe to the parent")]
fn child() {
    let Some(home) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    if let Ok(point) = std::env::var(POINT) {
        fault::kill_at(point.parse().unwrap());
    }
    let signer = signer();
    for life in LIVES {
        let mut log = Log::open(&log_folder(&home), &second_copy(&home), &signer).unwrap();
        for batch in life {
            for appended in log.append(&entries(batch.clone())).unwrap() {
                let proof = appended.proof;
                let line = format!("ack {} {} {}\n", appended.index, proof.size, proof.root);
                eprint!("{line}");
            }
        }
    }
    eprintln!("done {}", fault::passed());
}

/// The log that every child starts from: 250 entries in 24 batches and one.
fn prepared(parent: &Path) -> PathBuf {
    let home = parent.join("prepared");
    let signer = signer();
    let mut log = Log::create(&log_folder(&home), &second_copy(&home), &signer).unwrap();
    for batch in std::iter::once(0..226).chain((226..250).map(|it| it..it + 1)) {
        log.append(&entries(batch)).unwrap();
    }
    home
}

/// In memory if there is such a file system: killing a process does not need a disk.
fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    made.unwrap()
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for item in fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        let target = to.join(item.file_name());
        if item.file_type().unwrap().is_dir() {
            copy_tree(&item.path(), &target);
        } else {
            fs::copy(item.path(), target).unwrap();
        }
    }
}

/// What a child said before it ended.
struct Said {
    /// Index, size, root.
    acknowledged: Vec<(u64, u64, Hash)>,
    /// Places that it passed, if it came to its end.
    done: Option<u64>,
}

fn run(mut command: Command, home: &Path) -> Said {
    command
        .env(FOLDER, home)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut said = Said {
        acknowledged: Vec::new(),
        done: None,
    };
    let mut pipe = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while pipe.read_line(&mut line).unwrap() > 0 {
        // A line without its end was not said: the child died saying it.
        let whole = std::mem::take(&mut line);
        let Some(line) = whole.strip_suffix('\n') else {
            break;
        };
        let words: Vec<_> = line.split(' ').collect();
        match words.as_slice() {
            ["ack", index, size, root] => {
                let root = Hash::from_base64(root).unwrap();
                said.acknowledged
                    .push((index.parse().unwrap(), size.parse().unwrap(), root));
            }
            ["done", passed] => said.done = Some(passed.parse().unwrap()),
            _ => assert!(!line.contains("panicked"), "the child failed: {line}"),
        }
    }
    let status = child.wait().unwrap();
    assert_eq!(status.success(), said.done.is_some(), "{status}");
    said
}

fn child_command() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    add_child_arguments(&mut command);
    command
}

fn add_child_arguments(command: &mut Command) {
    let name = "store::tests::kill::child";
    command.args([
        "--exact",
        name,
        "--ignored",
        "--nocapture",
        "--test-threads=1",
    ]);
}

/// Roots by size, of every checkpoint that lies anywhere in the home, also half-published ones.
fn checkpoints_in(folder: &Path, found: &mut BTreeMap<u64, Hash>) {
    for item in fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() {
            checkpoints_in(&path, found);
        } else if let Ok(signed) = SignedCheckpoint::parse(&fs::read(&path).unwrap()) {
            let checkpoint = signed.checkpoint();
            remember(
                found,
                checkpoint.size(),
                checkpoint.root(),
                &path.to_string_lossy(),
            );
        }
    }
}

fn remember(found: &mut BTreeMap<u64, Hash>, size: u64, root: Hash, what: &str) {
    let before = found.insert(size, root);
    assert!(
        before.is_none_or(|it| it == root),
        "two checkpoints of {size}: {what}"
    );
}

fn assert_sound(home: &Path, said: &Said, what: &str) {
    let signer = signer();
    let mut checkpoints = BTreeMap::new();
    for (_, size, root) in &said.acknowledged {
        remember(&mut checkpoints, *size, *root, what);
    }
    checkpoints_in(home, &mut checkpoints);

    let opened = Log::open(&log_folder(home), &second_copy(home), &signer);
    let mut log = opened.unwrap_or_else(|error| panic!("{what}: {}: {error}", error.code()));
    log.append(&[what.as_bytes().to_vec()]).unwrap();
    drop(log);
    Log::open(&log_folder(home), &second_copy(home), &signer).unwrap();
    checkpoints_in(home, &mut checkpoints);

    let report = LogReader::check(&log_folder(home), signer.key()).unwrap();
    assert_eq!(report.findings, [], "{what}");
    let reader = LogReader::open(&log_folder(home), signer.key()).unwrap();
    for (index, size, root) in &said.acknowledged {
        let wanted = entry(usize::try_from(*index).unwrap());
        assert_eq!(reader.entry(*index).unwrap(), wanted, "{what}");
        let proof = reader.inclusion(*index, *size).unwrap();
        assert_eq!(proof.root, *root, "{what}");
        let leaf = merkle::leaf_hash(&wanted);
        merkle::verify_inclusion(&leaf, *index, *size, &proof.hashes, root).unwrap();
    }
}

/// Runs `death` for each number on two threads, each time from the prepared log; gives how many
/// children died.
fn die_often(prepared: &Path, numbers: &[u64], death: impl Fn(u64, &Path) -> Said + Sync) -> u64 {
    let (next, died) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let take = || next.fetch_add(1, Ordering::SeqCst);
                while let Some(number) = numbers.get(usize::try_from(take()).unwrap()) {
                    let home = prepared.with_file_name(number.to_string());
                    copy_tree(prepared, &home);
                    let said = death(*number, &home);
                    died.fetch_add(u64::from(said.done.is_none()), Ordering::SeqCst);
                    assert_sound(&home, &said, &format!("killed at {number}"));
                    fs::remove_dir_all(&home).unwrap();
                }
            });
        }
    });
    died.into_inner()
}

/// Fewer places mean that a change of the store goes past this test.
const LEAST_POINTS: u64 = 180;

#[test]
fn killed_before_every_change() {
    let scratch = scratch();
    let prepared = prepared(scratch.path());
    let trial = scratch.path().join("trial");
    copy_tree(&prepared, &trial);
    let points = run(child_command(), &trial).done.unwrap();
    let numbers: Vec<u64> = (0..points).collect();
    let died = die_often(&prepared, &numbers, |point, home| {
        let mut command = child_command();
        command.env(POINT, point.to_string());
        run(command, home)
    });
    say(&format!(
        "killed before every change: {points} points, {died} deaths"
    ));
    assert_eq!(died, points, "every place kills");
    assert!(
        points >= LEAST_POINTS,
        "{points} points, at least {LEAST_POINTS} were recorded"
    );
}

/// System calls by which the store changes something, and how many of them stand for one test.
const CALLS: [(&str, u64); 8] = [
    ("fdatasync", 1),
    ("fsync", 1),
    ("rename", 2),
    ("mkdir", 1),
    ("unlink", 6),
    ("rmdir", 1),
    ("fchmod", 3),
    ("write", 7),
];

/// Deaths at system calls that must be reached with strace.
const LEAST_CALLS: u64 = 60;

#[test]
fn killed_at_every_system_call() {
    let traced = |call: &str, when: u64| {
        let mut command = Command::new("strace");
        let inject = format!("inject={call}:signal=KILL:when={when}");
        command.args([
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            &format!("trace={call}"),
            "-e",
            &inject,
        ]);
        command.arg(std::env::current_exe().unwrap());
        add_child_arguments(&mut command);
        command
    };
    let probe = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "true"])
        .output();
    if !probe.is_ok_and(|it| it.status.success()) {
        say("SKIPPED killed_at_every_system_call: strace is not here or may not trace");
        return;
    }
    let scratch = scratch();
    let prepared = prepared(scratch.path());
    let mut total = 0;
    for (call, step) in CALLS {
        let (mut when, mut died) = (1, 0);
        loop {
            // Until a child comes to its end.
            let numbers: Vec<u64> = (0..AT_ONCE).map(|it| when + it * step).collect();
            let now = die_often(&prepared, &numbers, |when, home| {
                run(traced(call, when), home)
            });
            died += now;
            when += AT_ONCE * step;
            if now < AT_ONCE {
                break;
            }
        }
        say(&format!("killed at {call}: {died} deaths"));
        total += died;
    }
    say(&format!("killed at system calls: {total} deaths"));
    assert!(
        total >= LEAST_CALLS,
        "{total} deaths, at least {LEAST_CALLS} were recorded"
    );
}

const AT_ONCE: u64 = 4;
