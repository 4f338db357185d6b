//! The start rules, one test each.

mod adopting;
mod without_a_journal;

use std::path::Path;

use super::support::*;
use crate::LogError;
use crate::store::error::Which;
use crate::store::memory::{Loss, Memory};
use crate::testing::TestSigner;
use crate::{Checkpoint, CheckpointSigner as _, SignedCheckpoint, merkle};

const PUBLISHED: &str = "/home/log/checkpoint";

fn put(memory: &Memory, path: &str, bytes: Vec<u8>) {
    memory.tamper(Path::new(path), |_| Some(bytes));
}

fn remove(memory: &Memory, path: &str) {
    memory.tamper(Path::new(path), |_| None);
}

fn add(memory: &Memory, witness: &Witness, entries: &[Vec<u8>]) {
    open(memory, witness).unwrap().append(entries).unwrap();
}

/// A start that is refused must leave everything as it was.
#[track_caller]
fn refused_start(memory: &Memory, witness: &Witness, code: &str) -> LogError {
    let before = without_lock(memory);
    let error = refused(open(memory, witness), code);
    assert!(!error.could_not_tell(), "the log refuses, exit code 2");
    assert_eq!(
        without_lock(memory),
        before,
        "a refused start wrote something"
    );
    assert_eq!(witness.forks(), [] as [u64; 0]);
    error
}

fn without_lock(memory: &Memory) -> std::collections::BTreeMap<std::path::PathBuf, Vec<u8>> {
    let mut files = memory.files();
    files.remove(Path::new("/state/checkpoint.lock"));
    files
}

#[test]
fn a_restored_backup_is_refused_because_the_copy_is_newer() {
    let witness = Witness::new();
    let memory = log_of(10, 5, &witness);
    let backup = memory.snapshot();
    add(&memory, &witness, &entries(10..15));
    memory.restore(Path::new("/home"), &backup);

    let error = refused_start(&memory, &witness, "checkpoint-newer-than-log");
    let LogError::NewerThanLog {
        which: Which::SecondCopy,
        found: 15,
        wanted: 10,
    } = error
    else {
        panic!("{error:?}");
    };
    // Also in the next life, and for whoever only wants to append what is there.
    refused_start(&memory, &witness, "checkpoint-newer-than-log");
}

#[test]
fn a_restored_backup_with_unpublished_entries_is_refused_too() {
    let witness = Witness::new();
    let memory = log_of(10, 5, &witness);
    // Dies with entry 10 durable; the backup is made of that.
    let dying = memory.snapshot();
    dying.die_at(dying.steps() + 3);
    open(&dying, &witness)
        .and_then(|mut log| log.append(&entries(10..11)))
        .unwrap_err();
    let memory = dying.after(Loss::Nothing);
    let backup = memory.snapshot();
    add(&memory, &witness, &entries(20..23));
    memory.restore(Path::new("/home"), &backup);
    refused_start(&memory, &witness, "checkpoint-newer-than-log");
}

#[test]
fn a_copy_with_another_root_is_refused() {
    let witness = Witness::new();
    let memory = log_of(10, 5, &witness);
    let other = checkpoint(&witness, &entries(1..11));
    put(&memory, COPY, other);
    let error = refused_start(&memory, &witness, "checkpoint-root-differs");
    assert!(matches!(
        error,
        LogError::RootDiffers {
            which: Which::SecondCopy,
            size: 10,
            ..
        }
    ));
}

#[test]
fn an_older_copy_of_another_branch_is_refused() {
    let witness = Witness::new();
    let memory = log_of(10, 5, &witness);
    for size in [1, 4, 7, 8] {
        put(&memory, COPY, checkpoint(&witness, &entries(1..1 + size)));
        let error = refused_start(&memory, &witness, "checkpoint-root-differs");
        assert!(matches!(
            error,
            LogError::RootDiffers {
                which: Which::SecondCopy,
                ..
            }
        ));
    }
}

#[test]
fn an_absent_copy_beside_a_log_with_entries_is_refused() {
    let witness = Witness::new();
    let memory = log_of(10, 5, &witness);
    remove(&memory, COPY);
    let error = refused_start(&memory, &witness, "checkpoint-copy-missing");
    assert!(matches!(error, LogError::CopyMissing { size: 10, .. }));
}

#[test]
fn an_absent_copy_beside_an_empty_log_is_written() {
    let witness = Witness::new();
    let memory = Memory::new();
    create(&memory, &witness).unwrap();
    remove(&memory, COPY);
    open(&memory, &witness).unwrap();
    assert_sound(&memory, &witness, &[]);
}

#[test]
fn an_absent_copy_beside_entries_that_were_never_published_is_refused() {
    let witness = Witness::new();
    let memory = Memory::new();
    create(&memory, &witness).unwrap();
    memory.die_at(memory.steps() + 3);
    open(&memory, &witness)
        .and_then(|mut log| log.append(&entries(0..1)))
        .unwrap_err();
    let memory = memory.after(Loss::Nothing);
    remove(&memory, COPY);
    refused_start(&memory, &witness, "checkpoint-copy-missing");
}

#[test]
fn a_copy_that_is_no_checkpoint_of_this_log_is_refused() {
    let witness = Witness::new();
    let memory = log_of(10, 5, &witness);
    let own = memory.files()[Path::new(COPY)].clone();
    let root = merkle::empty_root();
    let sign = |signer: &TestSigner| {
        let checkpoint = Checkpoint::new(signer.key(), 0, root);
        SignedCheckpoint::sign(checkpoint, signer)
            .unwrap()
            .as_bytes()
            .to_owned()
    };
    for copy in [
        Vec::new(),
        own[..own.len() / 2].to_vec(),
        String::from_utf8(own)
            .unwrap()
            .replace("\n10\n", "\n9\n")
            .into_bytes(),
        sign(&TestSigner::new("log.example", 8)),
        sign(&TestSigner::new("other.example", 7)),
    ] {
        put(&memory, COPY, copy);
        refused_start(&memory, &witness, "checkpoint-copy-invalid");
    }
}

#[test]
fn an_older_copy_is_a_proven_prefix_and_is_replaced() {
    for size in [0, 1, 4, 5, 9] {
        let witness = Witness::new();
        let memory = log_of(10, 5, &witness);
        let newest = memory.files()[Path::new(COPY)].clone();
        put(&memory, COPY, checkpoint(&witness, &entries(0..size)));
        open(&memory, &witness).unwrap();
        assert_eq!(memory.files()[Path::new(COPY)], newest);
        assert_sound(&memory, &witness, &[]);
    }
}

#[test]
fn a_copy_that_the_durable_entries_reproduce_finishes_the_publication() {
    let witness = Witness::new();
    let memory = log_of(10, 5, &witness);
    let before = memory.files()[Path::new(PUBLISHED)].clone();
    add(&memory, &witness, &entries(10..12));
    put(&memory, PUBLISHED, before);
    remove(&memory, "/home/log/checkpoints/12");
    let log = open(&memory, &witness).unwrap();
    assert_eq!((log.size(), log.recovery().completed), (12, 0));
    drop(log);
    assert_eq!(
        reader(&memory, &witness)
            .unwrap()
            .checkpoint_of(12)
            .unwrap()
            .checkpoint()
            .size(),
        12
    );
    assert_sound(&memory, &witness, &[(11, entry(11))]);
}

#[test]
fn a_published_checkpoint_that_is_newer_than_the_entries_is_refused() {
    let witness = Witness::new();
    let memory = log_of(10, 5, &witness);
    put(&memory, PUBLISHED, checkpoint(&witness, &entries(0..11)));
    let error = refused_start(&memory, &witness, "checkpoint-newer-than-log");
    assert!(matches!(
        error,
        LogError::NewerThanLog {
            which: Which::Published,
            found: 11,
            wanted: 10
        }
    ));
}

#[test]
fn a_published_checkpoint_of_another_branch_is_refused() {
    let witness = Witness::new();
    let memory = log_of(10, 5, &witness);
    for size in [3, 10] {
        put(
            &memory,
            PUBLISHED,
            checkpoint(&witness, &entries(1..1 + size)),
        );
        let error = refused_start(&memory, &witness, "checkpoint-root-differs");
        assert!(matches!(
            error,
            LogError::RootDiffers {
                which: Which::Published,
                ..
            }
        ));
    }
}

#[test]
fn a_published_checkpoint_that_is_damaged_or_anothers_is_refused() {
    let witness = Witness::new();
    let memory = log_of(10, 5, &witness);
    let own = memory.files()[Path::new(PUBLISHED)].clone();
    let other = TestSigner::new("log.example", 8);
    let other = SignedCheckpoint::sign(
        Checkpoint::new(other.key(), 0, merkle::empty_root()),
        &other,
    );
    let forged = String::from_utf8(own.clone())
        .unwrap()
        .replace("\n10\n", "\n9\n");
    for (bytes, code) in [
        (Vec::new(), "checkpoint-malformed"),
        (own[..100].to_vec(), "checkpoint-malformed"),
        (forged.into_bytes(), "checkpoint-signature-invalid"),
        (
            other.unwrap().as_bytes().to_owned(),
            "checkpoint-signature-missing",
        ),
    ] {
        put(&memory, PUBLISHED, bytes);
        refused_start(&memory, &witness, code);
    }
}

#[test]
fn a_size_that_is_kept_with_another_root_is_never_signed_again() {
    let witness = Witness::new();
    let memory = log_of(10, 5, &witness);
    put(
        &memory,
        "/home/log/checkpoints/12",
        checkpoint(&witness, &entries(1..13)),
    );
    let mut log = open(&memory, &witness).unwrap();
    refused(log.append(&entries(10..12)), "checkpoint-signed-before");
    assert_eq!(witness.forks(), [] as [u64; 0]);
}

#[test]
fn a_copy_that_another_writer_has_moved_on_stops_the_append() {
    let witness = Witness::new();
    let memory = log_of(10, 5, &witness);
    let mut log = open(&memory, &witness).unwrap();
    // A copy of the home, elsewhere, with the same second copy; its lock was not honoured.
    put(&memory, COPY, checkpoint(&witness, &entries(0..11)));
    refused(log.append(&entries(20..21)), "checkpoint-copy-changed");
    assert!(
        reader(&memory, &witness).unwrap().size() == 10,
        "nothing was published"
    );
}

#[test]
fn two_copies_of_a_home_cannot_write_at_the_same_time() {
    let witness = Witness::new();
    let memory = log_of(10, 5, &witness);
    let held = open(&memory, &witness).unwrap();
    let elsewhere = Path::new("/home/copied");
    for (path, bytes) in memory.files() {
        if let Ok(name) = path.strip_prefix(DIR) {
            memory.tamper(&elsewhere.join(name), |_| Some(bytes));
        }
    }
    let how = crate::store::writer::How::Normally;
    let opened = crate::Log::open_on(memory.disk(), elsewhere, Path::new(COPY), &witness, &how);
    refused(opened, "log-locked");
    drop(held);
}

#[test]
fn a_log_is_not_made_anew_beside_the_copy_of_an_older_one() {
    let witness = Witness::new();
    let memory = log_of(10, 5, &witness);
    memory.restore(Path::new("/home"), &Memory::new());
    refused(create(&memory, &witness), "checkpoint-newer-than-log");
    put(&memory, COPY, b"damaged".to_vec());
    refused(create(&memory, &witness), "checkpoint-copy-invalid");
    remove(&memory, COPY);
    create(&memory, &witness).unwrap();
}
