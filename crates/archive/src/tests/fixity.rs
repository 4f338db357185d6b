//! Reading again: a sample moves on, and finds what is damaged in the runs that it promises.

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZeroUsize;

use super::*;
use crate::{AttachedFileInput, AttachmentInput, AttachmentKind, Extent, Fixity, Reader};

fn open(bench: &Bench) -> Reader {
    Reader::open(&bench.path()).unwrap()
}

fn sample(bench: &Bench, size: usize, after: Option<Digest>) -> Fixity {
    let size = Extent::Sample(NonZeroUsize::new(size).unwrap());
    open(bench).fixity(size, after)
}

/// An archive with `hello@1.0.0` and thirteen more files.
fn filled() -> Bench {
    let bench = Bench::with_hello();
    let texts: Vec<String> = (0..13).map(|it| format!("file {it}")).collect();
    let files: Vec<(&str, Role, &[u8])> = texts
        .iter()
        .map(|it| (it.as_str(), Role::Artifact, it.as_bytes()))
        .collect();
    bench.add("more@1", &files).unwrap();
    bench
}

#[test]
fn every_blob_is_read_in_the_runs_that_a_sample_promises() {
    let bench = filled();
    let all: BTreeSet<Digest> = [b"{}".as_slice()]
        .into_iter()
        .chain(HELLO.iter().map(|it| it.2))
        .map(sha256)
        .chain((0..13).map(|it| sha256(format!("file {it}").as_bytes())))
        .collect();
    assert_eq!(all.len(), 19);
    // Each is damaged, so that what is read is what is found.
    for blob in &all {
        bench.damage(*blob, b"damaged");
    }
    for size in [1, 2, 3, 5, 7, 18, 19, 20, 1000] {
        for first in [None, Some(sha256(b"file 3")), Some(sha256(b"nobody's"))] {
            let runs = sample(&bench, size, first).sample.unwrap().runs;
            assert_eq!(runs, 19_usize.div_ceil(size.min(19)));
            let mut after = first;
            let mut found = BTreeSet::new();
            for _ in 0..runs {
                let fixity = sample(&bench, size, after);
                let sample = fixity.sample.unwrap();
                assert_eq!((sample.of, sample.size), (19, size.min(19)));
                assert_eq!(fixity.read_blobs, 2 + sample.size);
                assert_eq!(fixity.damaged.len(), sample.size);
                found.extend(fixity.damaged.iter().map(|(blob, _)| *blob));
                after = Some(sample.last);
            }
            assert_eq!(found, all, "{size}");
        }
    }
}

#[test]
fn a_damaged_blob_is_found_by_reading_all_and_once_in_each_round_of_samples() {
    let bench = filled();
    let blob = sha256(b"file 7");
    bench.damage(blob, b"file 8");
    let all = open(&bench).fixity(Extent::All, None);
    assert_eq!(all.damaged.len(), 1);
    assert_eq!(
        (all.damaged[0].0, all.damaged[0].1.code()),
        (blob, "blob-corrupt")
    );
    let mut after = None;
    let mut found = 0;
    for _ in 0..4 {
        let fixity = sample(&bench, 5, after);
        found += fixity.damaged.len();
        after = fixity.sample.map(|it| it.last);
    }
    assert!(found == 1 || found == 2, "{found}");
}

#[test]
fn a_manifest_is_read_in_each_run() {
    let bench = filled();
    let manifest = open(&bench).list()[1].manifest;
    let good = fs::read(bench.blob(manifest)).unwrap();
    bench.damage(manifest, b"{}");
    let after = Some(sha256(b"file 3"));
    let fixity = sample(&bench, 1, after);
    assert_eq!(fixity.damaged.len(), 1);
    assert_eq!(fixity.damaged[0].0, manifest);
    bench.damage(manifest, &good);
    assert!(sample(&bench, 1, after).is_sound());
}

#[test]
fn what_earlier_runs_have_left_is_read_with_all_and_does_not_grow_the_ring() {
    let bench = filled();
    for number in 0..3_u8 {
        let text = [number];
        let run = AttachmentInput {
            subject: None,
            kind: AttachmentKind::Fixity,
            created: "2026-11-21T21:00:00Z".parse().unwrap(),
            files: vec![AttachedFileInput {
                path: relative("fixity.json"),
                media_type: "application/json".to_owned(),
                source: Source::Bytes(&text),
                expected: None,
            }],
        };
        Store::open(&bench.path()).unwrap().attach(&run).unwrap();
    }
    assert_eq!(sample(&bench, 2, None).sample.unwrap().of, 19);
    assert_eq!(
        open(&bench).fixity(Extent::All, None).read_blobs,
        19 + 2 + 6
    );
}

#[test]
fn an_empty_archive_reads_nothing_and_says_so() {
    let bench = Bench::new();
    let fixity = sample(&bench, 5, None);
    assert_eq!((fixity.read_blobs, fixity.sample), (0, None));
    assert_eq!(fixity.index, sha256(&fs::read(bench.index()).unwrap()));
}
