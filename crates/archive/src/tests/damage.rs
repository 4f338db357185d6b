//! What time, disks and people do to an archive: each damage is found and named.

use std::fs;

use serde_json::{Value, json};

use super::*;
use crate::{CheckReport, Note, Reader};

fn check(bench: &Bench) -> CheckReport {
    Reader::open(&bench.path())
        .unwrap()
        .check(Hashes::Sha256)
        .unwrap()
}

/// Code and file of every problem of the release.
fn problems(report: &CheckReport, release: usize) -> Vec<(&'static str, Option<&str>)> {
    let problems = &report.releases[release].problems;
    problems
        .iter()
        .map(|it| {
            (
                it.error.code(),
                it.member.as_ref().map(RelativePath::as_str),
            )
        })
        .collect()
}

#[test]
fn an_archive_as_it_was_made_is_sound() {
    let bench = Bench::with_hello();
    bench.add("hello@2.0.0", &HELLO[..2]).unwrap();
    let report = check(&bench);
    assert!(report.is_sound());
    assert_eq!(report.notes, []);
    // Five files, the empty configuration, two manifests.
    assert_eq!(report.blobs, 8);
}

#[test]
fn a_bit_flipped_in_any_byte_of_any_blob_is_found_and_named() {
    let bench = Bench::with_hello();
    let mut flipped = 0;
    for blob in fs::read_dir(bench.path().join("blobs/sha256")).unwrap() {
        let path = blob.unwrap().path();
        let kept = fs::read(&path).unwrap();
        for at in 0..kept.len() {
            let mut bytes = kept.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::remove_file(&path).unwrap();
            fs::write(&path, &bytes).unwrap();
            let report = check(&bench);
            let found = problems(&report, 0);
            assert_eq!(found.len(), 1, "{}: {found:?}", path.display());
            assert_eq!(found[0].0, "blob-corrupt", "{}", path.display());
            let wanted = HELLO
                .iter()
                .find(|(_, _, bytes)| *bytes == kept)
                .map(|(path, _, _)| *path);
            assert_eq!(found[0].1, wanted);
            flipped += 1;
        }
        fs::remove_file(&path).unwrap();
        fs::write(&path, &kept).unwrap();
    }
    assert!(flipped > 1000, "{flipped}");
    assert!(check(&bench).is_sound());
}

#[test]
fn a_bit_flipped_in_any_byte_of_the_index_is_found_and_named() {
    let bench = Bench::with_hello();
    let kept = fs::read(bench.index()).unwrap();
    for at in 0..kept.len() {
        // Case, and one more.
        for bit in [5, at % 8] {
            let mut bytes = kept.clone();
            bytes[at] ^= 1 << bit;
            fs::write(bench.index(), &bytes).unwrap();
            let found = match Reader::open(&bench.path()) {
                Err(_) => true,
                Ok(reader) => match reader.check(Hashes::Sha256) {
                    Err(_) => true,
                    Ok(report) => {
                        // Whatever fell, a release is found under its name or the answer is no.
                        let there = reader
                            .find(&named("hello@1.0.0"))
                            .is_ok_and(|it| it.is_some());
                        assert!(there || !report.is_sound(), "byte {at}, bit {bit}");
                        !report.is_sound() || !report.notes.is_empty()
                    }
                },
            };
            assert!(found, "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn a_bit_flipped_in_any_byte_of_the_layout_is_found_and_named() {
    let bench = Bench::with_hello();
    let layout = bench.path().join("oci-layout");
    let kept = fs::read(&layout).unwrap();
    for at in 0..kept.len() {
        for bit in 0..8 {
            let mut bytes = kept.clone();
            bytes[at] ^= 1 << bit;
            fs::write(&layout, &bytes).unwrap();
            let found = Reader::open(&bench.path()).map_err(|error| error.code());
            assert!(
                matches!(found, Err("not-an-archive" | "archive-newer-format")),
                "byte {at}, bit {bit}: {found:?}"
            );
        }
    }
    fs::write(&layout, &kept).unwrap();
    assert!(check(&bench).is_sound());
}

#[test]
fn a_missing_a_short_and_a_long_blob_are_named_for_each_release_that_has_them() {
    let bench = Bench::with_hello();
    bench
        .add(
            "other@1.0.0",
            &[
                ("copy", Role::Artifact, HELLO[0].2),
                ("mine", Role::Artifact, b"mine"),
            ],
        )
        .unwrap();
    let blob = sha256(HELLO[0].2);
    for (bytes, wanted) in [
        (None, "blob-missing"),
        (Some(&b"#"[..]), "blob-corrupt"),
        (Some(&b"#!/bin/sh\necho hello\n\n"[..]), "blob-corrupt"),
    ] {
        let _ = fs::remove_file(bench.blob(blob));
        if let Some(bytes) = bytes {
            fs::write(bench.blob(blob), bytes).unwrap();
        }
        let report = check(&bench);
        assert_eq!(problems(&report, 0), [(wanted, Some("bin/hello"))]);
        assert_eq!(problems(&report, 1), [(wanted, Some("copy"))]);
        assert_eq!(report.problems.len(), 0);
    }
}

#[test]
fn a_missing_or_swapped_manifest_is_named_and_the_other_releases_are_checked() {
    let bench = Bench::with_hello();
    bench
        .add("other@1.0.0", &[("mine", Role::Artifact, b"mine")])
        .unwrap();
    let hello = Reader::open(&bench.path()).unwrap().list()[0].manifest;
    fs::remove_file(bench.blob(hello)).unwrap();
    bench.damage(sha256(b"mine"), b"thin");
    let report = check(&bench);
    assert_eq!(problems(&report, 0), [("blob-missing", None)]);
    assert_eq!(problems(&report, 1), [("blob-corrupt", Some("mine"))]);
    assert_eq!(report.problems.len(), 0);
}

#[test]
fn one_release_is_checked_alone() {
    let bench = Bench::with_hello();
    bench
        .add("other@1.0.0", &[("mine", Role::Artifact, b"mine")])
        .unwrap();
    bench.damage(sha256(b"mine"), b"thin");
    let reader = Reader::open(&bench.path()).unwrap();
    let check = |name: &str| reader.check_releases(&[named(name)], Hashes::Sha256AndSha512);
    let hello = check("hello@1.0.0").unwrap();
    assert!(hello.is_sound());
    let observed = &hello.observed[&sha256(HELLO[0].2)];
    assert_eq!(
        *observed,
        Artifact::of_bytes(HELLO[0].2, Hashes::Sha256AndSha512)
    );
    let other = check("other@1.0.0").unwrap();
    assert_eq!(problems(&other, 0), [("blob-corrupt", Some("mine"))]);
    assert!(!other.observed.contains_key(&sha256(b"mine")));
    assert_eq!(code(check("absent@1.0.0")), "release-not-archived");
}

#[test]
fn what_is_left_over_is_noted_and_does_no_harm() {
    let bench = Bench::with_hello();
    let stray = b"nobody's";
    fs::write(bench.blob(sha256(stray)), stray).unwrap();
    fs::write(bench.path().join("blobs/sha256/NOTES"), "").unwrap();
    let capitals = sha256(b"capitals").hex().to_uppercase();
    fs::write(
        bench.path().join("blobs/sha256").join(&capitals),
        "capitals",
    )
    .unwrap();
    fs::create_dir(bench.path().join("blobs/sha512")).unwrap();
    fs::write(bench.path().join("README\u{1b}"), "").unwrap();
    fs::create_dir(bench.path().join("incoming")).unwrap();
    fs::write(bench.path().join("incoming/0"), "half").unwrap();
    let report = check(&bench);
    assert!(report.is_sound());
    let extra = |place: &str| Note::FileExtra {
        place: place.to_owned(),
    };
    let mut wanted = vec![
        Note::BlobExtra {
            blob: sha256(stray),
        },
        extra("README\\u{1b}"),
        extra(&format!("blobs/sha256/{capitals}")),
        extra("blobs/sha256/NOTES"),
        extra("blobs/sha512"),
        Note::Incoming { files: 1 },
    ];
    wanted.sort();
    assert_eq!(report.notes, wanted);

    // The next run takes away what waited, and uses the blob that nobody named.
    let added = bench
        .add("stray@1", &[("stray", Role::Artifact, stray)])
        .unwrap();
    assert_eq!((added.new_blobs, added.reused_blobs), (1, 2));
    assert!(!bench.path().join("incoming").exists());
    assert!(
        !check(&bench)
            .notes
            .iter()
            .any(|note| matches!(note, Note::BlobExtra { .. } | Note::Incoming { .. }))
    );
}

#[test]
fn a_damaged_blob_is_not_taken_for_kept() {
    let bench = Bench::with_hello();
    let bytes = HELLO[1].2;
    bench.damage(sha256(bytes), b"HELLO\n");
    let before = fs::read(bench.index()).unwrap();
    assert_eq!(
        code(bench.add("other@1", &[("x", Role::Artifact, bytes)])),
        "blob-corrupt"
    );
    assert_eq!(fs::read(bench.index()).unwrap(), before);
    // Nor when the file on the way in is only read, because its digest is known.
    let mut input = release("other@1", &[("x", Role::Artifact, bytes)]);
    input.members[0].expected = Some(sha256(bytes));
    assert_eq!(
        code(Store::open(&bench.path()).unwrap().add(&input)),
        "blob-corrupt"
    );
}

#[test]
fn an_entry_of_another_tool_is_kept_and_noted() {
    let bench = Bench::with_hello();
    let foreign = json!({
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": "application/vnd.example",
        "digest": sha256(b"foreign").to_string(),
        "size": 7,
        "annotations": {"x": "y"},
    });
    let mut index: Value = serde_json::from_slice(&fs::read(bench.index()).unwrap()).unwrap();
    index["manifests"]
        .as_array_mut()
        .unwrap()
        .push(foreign.clone());
    fs::write(bench.index(), serde_json::to_vec(&index).unwrap()).unwrap();

    let report = check(&bench);
    assert_eq!(report.problems[0].error.code(), "blob-missing");
    fs::write(bench.blob(sha256(b"foreign")), b"foreign").unwrap();
    let report = check(&bench);
    assert!(report.is_sound());
    let manifest = Some(sha256(b"foreign"));
    assert_eq!(report.notes, [Note::EntryForeign { manifest }]);

    bench.add("hello@2.0.0", &HELLO).unwrap();
    let index: Value = serde_json::from_slice(&fs::read(bench.index()).unwrap()).unwrap();
    assert!(index["manifests"].as_array().unwrap().contains(&foreign));
}

#[test]
fn a_release_that_a_copying_tool_has_stripped_of_its_name_is_found() {
    let bench = Bench::with_hello();
    let mut index: Value = serde_json::from_slice(&fs::read(bench.index()).unwrap()).unwrap();
    let entry = index["manifests"][0].as_object_mut().unwrap();
    entry.remove("artifactType");
    entry["annotations"] = json!({"org.opencontainers.image.ref.name": "latest"});
    entry.insert(
        "platform".to_owned(),
        json!({"architecture": "amd64", "os": "linux"}),
    );
    index.as_object_mut().unwrap().remove("annotations");
    fs::write(bench.index(), serde_json::to_vec(&index).unwrap()).unwrap();

    let reader = Reader::open(&bench.path()).unwrap();
    assert!(reader.find(&named("hello@1.0.0")).unwrap().is_some());
    let report = reader.check(Hashes::Sha256).unwrap();
    assert!(report.is_sound());
    assert_eq!(report.notes, [Note::IndexRewritten]);
    assert_eq!(
        code(bench.add("hello@1.0.0", &HELLO[..1])),
        "version-already-released"
    );
}
