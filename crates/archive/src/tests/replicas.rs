//! Copies elsewhere, and what they bring back. Replicas that lie come first.

use std::fs;
use std::io::{Cursor, Read};

use super::*;
use crate::{
    AttachedFileInput, AttachmentInput, AttachmentKind, FolderReplica, IndexRepair, Item, ItemKind,
    Note, Put, Reader, RepairReport, Replica, ReplicaError,
};

type Answer = Result<Option<Box<dyn Read>>, ReplicaError>;

/// A replica that gives whatever it likes.
struct Liar {
    answer: fn() -> Answer,
}

impl Replica for Liar {
    fn name(&self) -> String {
        "liar".to_owned()
    }
    fn size(&self, item: &Item) -> Result<Option<u64>, ReplicaError> {
        Ok(Some(item.size))
    }
    fn get(&self, _: &Item) -> Result<Option<Box<dyn Read + '_>>, ReplicaError> {
        match (self.answer)()? {
            Some(stream) => Ok(Some(stream)),
            None => Ok(None),
        }
    }
    fn put(&mut self, _: &Item, _: &mut dyn Read) -> Result<Put, ReplicaError> {
        Ok(Put::Already)
    }
    fn flush(&mut self) -> Result<(), ReplicaError> {
        Ok(())
    }
    fn list(&self) -> Result<Vec<Digest>, ReplicaError> {
        Ok(Vec::new())
    }
    fn index(&self) -> Result<Option<Vec<u8>>, ReplicaError> {
        Ok(None)
    }
    fn replace_index(&mut self, _: Option<&[u8]>, _: &[u8]) -> Result<(), ReplicaError> {
        Ok(())
    }
}

/// A stream that breaks.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::Error::other("the line is dead"))
    }
}

/// Two releases and two attachments, and a replica of them.
fn replicated() -> Bench {
    let bench = Bench::with_hello();
    bench.add("other@1.0.0", &HELLO[..2]).unwrap();
    let proof = |subject: Option<&str>| AttachmentInput {
        subject: subject.map(named),
        kind: AttachmentKind::Evidence,
        created: "2026-11-21T21:00:00Z".parse().unwrap(),
        files: vec![AttachedFileInput {
            path: relative("proof"),
            media_type: "text/plain".to_owned(),
            source: Source::Bytes(b"proof"),
            expected: None,
        }],
    };
    let batch = [proof(Some("hello@1.0.0")), proof(None)];
    Store::open(&bench.path())
        .unwrap()
        .attach_all(&batch)
        .unwrap();
    copy(&bench);
    bench
}

fn vault(bench: &Bench) -> PathBuf {
    bench.folder.path().join("vault")
}

fn copy(bench: &Bench) -> crate::CopyReport {
    let mut replica = FolderReplica::init(&vault(bench)).unwrap();
    let reader = Reader::open(&bench.path()).unwrap();
    reader.copy_to(&mut replica).unwrap()
}

fn repair(bench: &Bench) -> RepairReport {
    let replica = FolderReplica::open(&vault(bench)).unwrap();
    Store::repair(&bench.path(), &[&replica]).unwrap()
}

fn is_sound(path: &Path) -> bool {
    let report = Reader::open(path).unwrap().check(Hashes::Sha256).unwrap();
    report.is_sound()
}

fn blobs(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path.join("blobs/sha256")).unwrap();
    let mut blobs: Vec<_> = entries.map(|it| it.unwrap().path()).collect();
    blobs.sort();
    blobs
}

#[test]
fn nothing_that_a_replica_gives_is_kept_unless_it_is_what_was_asked_for() {
    let answers: [fn() -> Answer; 6] = [
        || Ok(None),
        || Ok(Some(Box::new(Cursor::new(Vec::new())))),
        || Ok(Some(Box::new(Cursor::new(vec![b'#'; 21])))),
        // Without end: no more is read than was asked for.
        || Ok(Some(Box::new(std::io::repeat(b'#')))),
        || Ok(Some(Box::new(Broken))),
        || Err(ReplicaError::unavailable("liar", "it sleeps")),
    ];
    let bench = replicated();
    let blob = sha256(HELLO[0].2);
    let damaged = b"#!/bin/sh\necho hell0\n";
    bench.damage(blob, damaged);
    for answer in answers {
        let report = Store::repair(&bench.path(), &[&Liar { answer }]).unwrap();
        assert_eq!((report.repaired.len(), report.lost.len()), (0, 1));
        assert_eq!(report.lost[0].blob, blob);
        assert_eq!(report.lost[0].answers.len(), 1);
        // What stood there stands there still.
        assert_eq!(fs::read(bench.blob(blob)).unwrap(), damaged);
        assert!(!bench.path().join("quarantine").exists());
        assert!(!bench.path().join("incoming").exists());
    }
    // The next replica is asked, whatever the first has said.
    let liar = Liar {
        answer: || Ok(Some(Box::new(std::io::repeat(b'#')))),
    };
    let honest = FolderReplica::open(&vault(&bench)).unwrap();
    let report = Store::repair(&bench.path(), &[&liar, &honest]).unwrap();
    assert_eq!((report.repaired.len(), report.lost.len()), (1, 0));
    assert!(is_sound(&bench.path()));
}

#[test]
fn each_blob_that_is_missing_damaged_or_no_file_is_brought_back_and_nothing_is_deleted() {
    let bench = replicated();
    for blob in blobs(&bench.path()) {
        let good = fs::read(&blob).unwrap();
        let mut bad = good.clone();
        bad[0] ^= 1;
        for damage in 0..4 {
            fs::remove_file(&blob).unwrap();
            match damage {
                0 => {}
                1 => fs::write(&blob, &bad).unwrap(),
                2 => fs::write(&blob, &good[1..]).unwrap(),
                _ => std::os::unix::fs::symlink("/etc/hostname", &blob).unwrap(),
            }
            let report = repair(&bench);
            assert!(report.is_sound(), "{}: {report:?}", blob.display());
            assert_eq!(report.repaired.len(), 1);
            let kept = report.repaired[0].quarantined.as_ref();
            assert_eq!(kept.is_some(), damage > 0);
            if damage == 1 {
                assert_eq!(fs::read(bench.path().join(kept.unwrap())).unwrap(), bad);
            }
            assert_eq!(fs::read(&blob).unwrap(), good);
            assert!(is_sound(&bench.path()));
        }
    }
    let report = Reader::open(&bench.path()).unwrap().check(Hashes::Sha256);
    let files = blobs(&bench.path()).len() * 3;
    assert_eq!(report.unwrap().notes, [Note::Quarantined { files }]);
}

#[test]
fn an_archive_that_has_lost_everything_but_its_index_comes_back() {
    let bench = replicated();
    for blob in blobs(&bench.path()) {
        fs::remove_file(blob).unwrap();
    }
    let report = repair(&bench);
    assert!(report.is_sound());
    assert_eq!(report.index, IndexRepair::Readable);
    assert_eq!(blobs(&bench.path()).len(), blobs(&vault(&bench)).len());
    assert!(is_sound(&bench.path()));
}

#[test]
fn an_index_that_is_gone_or_broken_is_made_again_as_it_was() {
    let bench = replicated();
    let good = fs::read(bench.index()).unwrap();
    for damage in [None, Some(&good[1..]), Some(&b""[..])] {
        for with_replica in [true, false] {
            fs::remove_file(bench.index()).unwrap();
            if let Some(bytes) = damage {
                fs::write(bench.index(), bytes).unwrap();
            }
            let report = if with_replica {
                repair(&bench)
            } else {
                Store::repair(&bench.path(), &[]).unwrap()
            };
            let IndexRepair::Rebuilt {
                releases,
                attachments,
                quarantined,
            } = report.index
            else {
                panic!("{report:?}");
            };
            assert_eq!((releases, attachments), (2, 2));
            assert_eq!(quarantined.is_some(), damage.is_some());
            assert_eq!(fs::read(bench.index()).unwrap(), good);
        }
    }
    // With everything gone but the folder of blobs, the replica knows it all.
    for name in ["index.json", "oci-layout"] {
        fs::remove_file(bench.path().join(name)).unwrap();
    }
    for blob in blobs(&bench.path()) {
        fs::remove_file(blob).unwrap();
    }
    assert!(repair(&bench).is_sound());
    assert_eq!(fs::read(bench.index()).unwrap(), good);
    assert!(is_sound(&bench.path()));
}

#[test]
fn of_two_manifests_of_one_release_only_a_list_can_tell() {
    let bench = replicated();
    let other = Bench::new();
    other.add("hello@1.0.0", &HELLO[..1]).unwrap();
    let forged = Reader::open(&other.path()).unwrap().list()[0].manifest;
    fs::copy(other.blob(forged), bench.blob(forged)).unwrap();
    let good = fs::read(bench.index()).unwrap();
    fs::remove_file(bench.index()).unwrap();
    assert_eq!(code(Store::repair(&bench.path(), &[])), "index-ambiguous");
    assert!(!bench.index().exists());
    assert!(repair(&bench).is_sound());
    assert_eq!(fs::read(bench.index()).unwrap(), good);
}

#[test]
fn a_replica_puts_no_other_content_under_the_name_of_a_release_that_is_here() {
    let bench = replicated();
    let other = Bench::new();
    other.add("hello@1.0.0", &HELLO[..1]).unwrap();
    let stranger = FolderReplica::open(&other.path()).unwrap();
    fs::remove_file(bench.index()).unwrap();
    let replicas: [&dyn Replica; 1] = [&stranger];
    let refused = Store::repair(&bench.path(), &replicas);
    assert_eq!(code(refused), "index-ambiguous");
    assert!(!bench.index().exists());
}

#[test]
fn what_only_the_replica_lists_is_named_and_not_added() {
    let bench = replicated();
    Store::open(&vault(&bench))
        .unwrap()
        .add(&release("stranger@1", &HELLO))
        .unwrap();
    let report = repair(&bench);
    assert_eq!(report.only_there.len(), 1);
    assert_eq!(report.only_there[0].0, named("stranger@1"));
    assert_eq!(Reader::open(&bench.path()).unwrap().list().len(), 2);
}

#[test]
fn a_copy_lists_only_what_it_has_whole() {
    let bench = replicated();
    fs::remove_dir_all(vault(&bench)).unwrap();
    let blob = sha256(HELLO[3].2);
    bench.damage(blob, b"{\"bundle\":2}");
    let report = copy(&bench);
    assert!(!report.is_complete());
    assert_eq!(report.not_copied[0].error.code(), "blob-corrupt");
    assert_eq!(report.incomplete, [named("hello@1.0.0")]);
    // What hangs on it is not listed without it.
    assert_eq!((report.releases, report.attachments), (1, 1));
    assert!(is_sound(&vault(&bench)));
    assert!(!blob_path(&vault(&bench), blob).exists());
    // Mended, the next copy has it all.
    bench.damage(blob, HELLO[3].2);
    assert!(copy(&bench).is_complete());
    assert_eq!(
        fs::read(vault(&bench).join("index.json")).unwrap(),
        fs::read(bench.index()).unwrap()
    );
}

#[test]
fn a_copy_again_writes_nothing_and_what_is_new_alone() {
    let bench = replicated();
    let again = copy(&bench);
    assert!(again.is_complete());
    assert_eq!((again.new_blobs, again.new_bytes), (0, 0));
    assert_eq!(again.present_blobs, blobs(&bench.path()).len());
    bench.add("more@1", &HELLO[..1]).unwrap();
    let more = copy(&bench);
    assert_eq!((more.new_blobs, more.releases), (1, 3));
    assert!(is_sound(&vault(&bench)));
}

#[test]
fn a_differing_blob_of_a_replica_is_named_and_stays() {
    let bench = replicated();
    let path = blob_path(&vault(&bench), sha256(HELLO[0].2));
    fs::remove_file(&path).unwrap();
    fs::write(&path, "mine").unwrap();
    let report = copy(&bench);
    assert!(!report.is_complete());
    assert_eq!(report.not_copied[0].error.code(), "replica-differs");
    assert_eq!(fs::read(&path).unwrap(), b"mine");
}

#[test]
fn one_release_with_two_contents_stays_as_it_is_on_both_sides() {
    let bench = Bench::with_hello();
    let there = Store::init(&vault(&bench))
        .unwrap()
        .add(&release("hello@1.0.0", &HELLO[..1]))
        .unwrap()
        .manifest;
    let report = copy(&bench);
    assert_eq!(report.conflicts.len(), 1);
    assert_eq!(report.conflicts[0].there, there);
    let listed = Reader::open(&vault(&bench)).unwrap().list();
    assert_eq!(listed[0].manifest, there);
    assert!(is_sound(&vault(&bench)));
}

#[test]
fn the_index_of_a_replica_is_replaced_only_as_it_was_seen() {
    let bench = replicated();
    let mut replica = FolderReplica::init(&vault(&bench)).unwrap();
    let seen = replica.index().unwrap().unwrap();
    let changed = replica.replace_index(Some(b"{}"), b"{}").unwrap_err();
    assert_eq!(changed.code(), "replica-changed");
    assert_eq!(
        replica.replace_index(None, b"{}").unwrap_err().code(),
        "replica-changed"
    );
    assert_eq!(replica.index().unwrap().unwrap(), seen);
    // Another writer is kept out, a reader is not.
    assert_eq!(code(FolderReplica::init(&vault(&bench))), "archive-locked");
    let mut reader = FolderReplica::open(&vault(&bench)).unwrap();
    let item = Item {
        digest: sha256(b"x"),
        size: 1,
        kind: ItemKind::Blob,
    };
    let refused = reader.put(&item, &mut &b"x"[..]).unwrap_err();
    assert_eq!(refused.code(), "replica-unavailable");
}

#[test]
fn what_is_put_must_be_what_it_is_called() {
    let bench = replicated();
    let mut replica = FolderReplica::init(&vault(&bench)).unwrap();
    let item = Item {
        digest: sha256(b"new"),
        size: 3,
        kind: ItemKind::Blob,
    };
    for bytes in [&b"old"[..], b"ne", b"news"] {
        let refused = replica.put(&item, &mut &*bytes).unwrap_err();
        assert!(matches!(refused, ReplicaError::Source { .. }));
    }
    assert_eq!(replica.put(&item, &mut &b"new"[..]).unwrap(), Put::New);
    assert_eq!(replica.put(&item, &mut &b"new"[..]).unwrap(), Put::Already);
    assert_eq!(replica.size(&item).unwrap(), None);
    replica.flush().unwrap();
    assert_eq!(replica.size(&item).unwrap(), Some(3));
    assert!(replica.list().unwrap().contains(&item.digest));
}
