//! One writer, many readers.

use std::sync::Barrier;
use std::thread;

use super::*;
use crate::Reader;

#[test]
fn a_second_writer_is_refused_while_the_first_is_open() {
    let bench = Bench::new();
    let mut first = Store::open(&bench.path()).unwrap();
    assert_eq!(code(Store::open(&bench.path())), "archive-locked");
    assert_eq!(code(Store::init(&bench.path())), "archive-locked");
    // Reading needs no lock.
    let reader = Reader::open(&bench.path()).unwrap();
    first.add(&release("hello@1", &HELLO)).unwrap();
    // What was opened before is as it was; who opens now sees the release.
    assert!(reader.find(&named("hello@1")).unwrap().is_none());
    assert!(
        Reader::open(&bench.path())
            .unwrap()
            .find(&named("hello@1"))
            .unwrap()
            .is_some()
    );
    drop(first);
    Store::open(&bench.path()).unwrap();
}

#[test]
fn of_many_writers_at_once_each_adds_or_is_told_that_it_is_locked() {
    let bench = Bench::new();
    let start = Barrier::new(8);
    let added: usize = thread::scope(|scope| {
        let writers: Vec<_> = (0..8)
            .map(|number| {
                let (bench, start) = (&bench, &start);
                scope.spawn(move || {
                    start.wait();
                    let name = format!("hello@{number}");
                    let bytes = number.to_string();
                    let files = [HELLO[0], ("number", Role::Artifact, bytes.as_bytes())];
                    match bench.add(&name, &files) {
                        Ok(_) => 1,
                        Err(error) => {
                            assert_eq!(error.code(), "archive-locked");
                            0
                        }
                    }
                })
            })
            .collect();
        writers
            .into_iter()
            .map(|writer| writer.join().unwrap())
            .sum()
    });
    let reader = Reader::open(&bench.path()).unwrap();
    assert!(added > 0);
    assert_eq!(reader.list().len(), added);
    assert!(reader.check(Hashes::Sha256).unwrap().is_sound());
}

#[test]
fn a_reader_that_checks_while_a_writer_adds_finds_nothing_wrong() {
    let bench = Bench::with_hello();
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for number in 0..40 {
                let bytes = format!("content {number}");
                bench
                    .add(
                        &format!("more@{number}"),
                        &[("x", Role::Artifact, bytes.as_bytes())],
                    )
                    .unwrap();
            }
        });
        let mut checks = 0;
        while !writer.is_finished() || checks == 0 {
            let report = Reader::open(&bench.path())
                .unwrap()
                .check(Hashes::Sha256)
                .unwrap();
            assert!(report.is_sound(), "{report:?}");
            checks += 1;
        }
        writer.join().unwrap();
    });
    assert_eq!(Reader::open(&bench.path()).unwrap().list().len(), 41);
}
