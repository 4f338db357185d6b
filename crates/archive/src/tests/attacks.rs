//! Archives that somebody else has written.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use super::*;
use crate::Reader;
use crate::materialize::Selection;

/// The index, changed.
fn with_index(change: impl FnOnce(&mut Value)) -> Bench {
    let bench = Bench::with_hello();
    let mut index: Value = serde_json::from_slice(&fs::read(bench.index()).unwrap()).unwrap();
    change(&mut index);
    fs::write(bench.index(), serde_json::to_vec(&index).unwrap()).unwrap();
    bench
}

/// The manifest of `hello@1.0.0`, changed and put in place with its new digest and size.
fn with_manifest(change: impl FnOnce(&mut Value)) -> Bench {
    with_manifest_bytes(|bytes| {
        let mut manifest: Value = serde_json::from_slice(bytes).unwrap();
        change(&mut manifest);
        attest_provenance::json::canonical(&manifest).unwrap()
    })
}

fn with_manifest_bytes(change: impl FnOnce(&[u8]) -> Vec<u8>) -> Bench {
    let bench = Bench::with_hello();
    let kept = Reader::open(&bench.path()).unwrap().list()[0].manifest;
    let bytes = change(&fs::read(bench.blob(kept)).unwrap());
    fs::write(bench.blob(sha256(&bytes)), &bytes).unwrap();
    let mut index: Value = serde_json::from_slice(&fs::read(bench.index()).unwrap()).unwrap();
    index["manifests"][0]["digest"] = sha256(&bytes).to_string().into();
    index["manifests"][0]["size"] = bytes.len().into();
    fs::write(bench.index(), serde_json::to_vec(&index).unwrap()).unwrap();
    bench
}

fn opening(bench: &Bench) -> &'static str {
    code(Reader::open(&bench.path()))
}

fn finding(bench: &Bench) -> &'static str {
    let reader = Reader::open(&bench.path()).unwrap();
    code(reader.find(&named("hello@1.0.0")))
}

#[test]
fn the_unchanged_parent_of_these_attacks_is_accepted() {
    let same = |bench: Bench| {
        let reader = Reader::open(&bench.path()).unwrap();
        assert!(reader.find(&named("hello@1.0.0")).unwrap().is_some());
        assert!(reader.check(Hashes::Sha256).unwrap().is_sound());
    };
    same(with_index(|_| ()));
    same(with_manifest(|_| ()));
}

#[test]
fn a_folder_that_is_no_archive_is_named() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(code(Reader::open(folder.path())), "not-an-archive");
    assert_eq!(
        code(Reader::open(&folder.path().join("absent"))),
        "not-an-archive"
    );
    fs::write(folder.path().join("file"), "").unwrap();
    assert_eq!(
        code(Reader::open(&folder.path().join("file"))),
        "not-an-archive"
    );
    assert_eq!(code(Store::init(folder.path())), "not-an-archive");
    assert_eq!(code(Store::open(folder.path())), "not-an-archive");
}

#[test]
fn a_layout_without_its_parts_is_no_archive() {
    for part in ["oci-layout", "index.json", "blobs/sha256"] {
        let bench = Bench::new();
        let path = bench.path().join(part);
        if path.is_dir() {
            fs::remove_dir(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
        assert_eq!(opening(&bench), "not-an-archive", "{part}");
    }
    let bench = Bench::new();
    fs::write(bench.path().join("oci-layout"), "{}").unwrap();
    assert_eq!(opening(&bench), "not-an-archive");
}

#[test]
fn a_newer_format_is_named() {
    let bench = Bench::new();
    fs::write(
        bench.path().join("oci-layout"),
        r#"{"imageLayoutVersion":"2.0.0"}"#,
    )
    .unwrap();
    assert_eq!(opening(&bench), "archive-newer-format");
    let bench = with_index(|index| index["annotations"]["dev.attest.archive.format"] = "2".into());
    assert_eq!(opening(&bench), "archive-newer-format");
    assert_eq!(code(Store::open(&bench.path())), "archive-newer-format");
}

#[test]
fn an_index_of_two_meanings_is_refused() {
    let bench = Bench::with_hello();
    let index = fs::read_to_string(bench.index()).unwrap();
    for (attack, text) in [
        (
            "a key twice",
            index.replacen('{', "{\"schemaVersion\":2,", 1),
        ),
        ("something after it", format!("{index}{{}}")),
        ("a byte order mark", format!("\u{feff}{index}")),
        ("cut off", index[..index.len() - 1].to_owned()),
        (
            "deep nesting",
            format!("{}{}", "[".repeat(1000), "]".repeat(1000)),
        ),
        ("not an object", "[]".to_owned()),
        ("empty", String::new()),
    ] {
        fs::write(bench.index(), text).unwrap();
        assert_eq!(opening(&bench), "index-malformed", "{attack}");
    }
}

#[test]
fn an_index_outside_of_the_format_is_refused() {
    type Change = fn(&mut Value);
    let attacks: [(&str, Change); 14] = [
        ("another schema", |it| it["schemaVersion"] = 1.into()),
        ("another media type", |it| {
            it["mediaType"] = "application/json".into();
        }),
        ("an unknown field", |it| it["extra"] = 1.into()),
        ("a digest in capitals", |it| {
            let digest = it["manifests"][0]["digest"]
                .as_str()
                .unwrap()
                .to_uppercase();
            it["manifests"][0]["digest"] = digest.replace("SHA256", "sha256").into();
        }),
        ("a digest that climbs", |it| {
            it["manifests"][0]["digest"] = "sha256:../../../etc/passwd".into();
        }),
        ("a short digest", |it| {
            it["manifests"][0]["digest"] = "sha256:00".into();
        }),
        ("a negative size", |it| {
            it["manifests"][0]["size"] = (-1).into();
        }),
        ("a size in words", |it| {
            it["manifests"][0]["size"] = "1".into();
        }),
        ("a descriptor with another source", |it| {
            it["manifests"][0]["urls"] = json!(["https://example.com"]);
        }),
        ("a descriptor with its own bytes", |it| {
            it["manifests"][0]["data"] = "e30=".into();
        }),
        ("the reference name of another release", |it| {
            it["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"] =
                "other@1.0.0".into();
        }),
        ("a version without a name", |it| {
            it["manifests"][0]["annotations"]
                .as_object_mut()
                .unwrap()
                .remove("dev.attest.release.name");
        }),
        ("a name that climbs", |it| {
            it["manifests"][0]["annotations"]["dev.attest.release.name"] = "../hello".into();
        }),
        ("one release twice", |it| {
            let entry = it["manifests"][0].clone();
            it["manifests"].as_array_mut().unwrap().push(entry);
        }),
    ];
    for (attack, change) in attacks {
        assert_eq!(opening(&with_index(change)), "index-malformed", "{attack}");
    }
}

#[test]
fn a_manifest_outside_of_the_format_is_refused() {
    type Change = fn(&mut Value);
    let attacks: [(&str, Change); 22] = [
        ("another schema", |it| it["schemaVersion"] = 1.into()),
        ("another media type", |it| {
            it["mediaType"] = "application/json".into();
        }),
        ("another artifact type", |it| {
            it["artifactType"] = "application/vnd.example".into();
        }),
        ("an unknown field", |it| it["extra"] = 1.into()),
        ("a subject", |it| it["subject"] = it["config"].clone()),
        ("another configuration", |it| {
            it["config"]["size"] = 3.into();
        }),
        ("a configuration with its own bytes", |it| {
            it["config"]["data"] = "e30=".into();
        }),
        ("a file that climbs", |it| title(it, "../hello")),
        ("a file at the root", |it| title(it, "/etc/passwd")),
        ("a file that climbs later", |it| {
            title(it, "bin/../../hello");
        }),
        ("a file that controls the terminal", |it| {
            title(it, "bin/\u{1b}[2Jhello");
        }),
        ("a file that turns the writing direction", |it| {
            title(it, "bin/\u{202e}hello");
        }),
        ("a file below a file", |it| title(it, "bin/hello/x")),
        ("two files of one name", |it| title(it, "bin/hello")),
        ("two names that a case-blind system takes for one", |it| {
            title(it, "BIN/HELLO");
        }),
        ("files out of order", |it| {
            it["layers"].as_array_mut().unwrap().reverse();
        }),
        ("an unknown role", |it| {
            it["layers"][0]["annotations"]["dev.attest.role"] = "signature".into();
        }),
        ("an unknown note on a file", |it| {
            it["layers"][0]["annotations"]["x"] = "y".into();
        }),
        ("a file with another source", |it| {
            it["layers"][0]["urls"] = json!(["https://example.com"]);
        }),
        ("a media type with a line break", |it| {
            it["layers"][0]["mediaType"] = "text/plain\n".into();
        }),
        ("another package URL", |it| {
            it["annotations"]["dev.attest.release.purl"] = "pkg:generic/other@1.0.0".into();
        }),
        ("other checksums than the file of that name", |it| {
            it["annotations"]["dev.attest.release.sha256sums"] = sha256(b"").to_string().into();
        }),
    ];
    for (attack, change) in attacks {
        assert_eq!(
            finding(&with_manifest(change)),
            "manifest-malformed",
            "{attack}"
        );
    }
}

/// Gives the third file (`doc/hello.txt`, after `SHA256SUMS` and `bin/hello`) another name.
fn title(manifest: &mut Value, name: &str) {
    let title = &mut manifest["layers"][2]["annotations"]["org.opencontainers.image.title"];
    assert_eq!(*title, "doc/hello.txt");
    *title = name.into();
}

#[test]
fn a_manifest_of_two_meanings_is_refused() {
    type Change = fn(&str) -> String;
    let attacks: [(&str, Change); 4] = [
        ("a key twice", |it| {
            it.replacen('{', "{\"schemaVersion\":2,", 1)
        }),
        ("white space", |it| it.replacen(':', ": ", 1)),
        ("an escaped letter", |it| {
            it.replacen("bin/hello", "bin/hell\\u006f", 1)
        }),
        ("a number with a fraction", |it| {
            it.replacen("\"schemaVersion\":2", "\"schemaVersion\":2.0", 1)
        }),
    ];
    for (attack, change) in attacks {
        let bench =
            with_manifest_bytes(|bytes| change(str::from_utf8(bytes).unwrap()).into_bytes());
        assert_eq!(finding(&bench), "manifest-malformed", "{attack}");
    }
}

#[test]
fn a_manifest_of_another_release_is_refused() {
    let bench = Bench::with_hello();
    bench.add("other@1.0.0", &HELLO[..1]).unwrap();
    let mut index: Value = serde_json::from_slice(&fs::read(bench.index()).unwrap()).unwrap();
    let other = index["manifests"][1].clone();
    for field in ["digest", "size"] {
        index["manifests"][0][field] = other[field].clone();
    }
    fs::write(bench.index(), serde_json::to_vec(&index).unwrap()).unwrap();
    assert_eq!(finding(&bench), "release-mismatch");
    let report = Reader::open(&bench.path())
        .unwrap()
        .check(Hashes::Sha256)
        .unwrap();
    assert!(!report.is_sound());
    assert_eq!(
        report.releases[0].problems[0].error.code(),
        "release-mismatch"
    );
    assert!(report.releases[1].problems.is_empty());
}

#[test]
fn a_link_in_place_of_a_blob_is_refused() {
    let bench = Bench::with_hello();
    let bytes = HELLO[0].2;
    let elsewhere = bench.folder.path().join("elsewhere");
    fs::write(&elsewhere, bytes).unwrap();
    fs::remove_file(bench.blob(sha256(bytes))).unwrap();
    symlink(&elsewhere, bench.blob(sha256(bytes))).unwrap();
    let reader = Reader::open(&bench.path()).unwrap();
    let release = reader.find(&named("hello@1.0.0")).unwrap().unwrap();
    assert_eq!(
        code(release.unverified_file(&relative("bin/hello"))),
        "blob-not-a-file"
    );
    assert_eq!(code(bench.add("hello@2.0.0", &HELLO)), "blob-not-a-file");
}

#[test]
fn a_pipe_in_place_of_a_blob_does_not_hang() {
    let bench = Bench::with_hello();
    let path = bench.blob(sha256(HELLO[0].2));
    fs::remove_file(&path).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o644),
        0,
    )
    .unwrap();
    let report = Reader::open(&bench.path())
        .unwrap()
        .check(Hashes::Sha256)
        .unwrap();
    assert_eq!(
        report.releases[0].problems[0].error.code(),
        "blob-not-a-file"
    );
}

#[test]
fn a_link_in_place_of_the_blobs_or_the_index_is_refused() {
    let bench = Bench::with_hello();
    let moved = bench.folder.path().join("moved");
    fs::rename(bench.path().join("blobs/sha256"), &moved).unwrap();
    symlink(&moved, bench.path().join("blobs/sha256")).unwrap();
    assert_eq!(opening(&bench), "archive-io");

    let bench = Bench::with_hello();
    let moved = bench.folder.path().join("moved");
    fs::rename(bench.index(), &moved).unwrap();
    symlink(&moved, bench.index()).unwrap();
    assert_eq!(opening(&bench), "not-an-archive");
}

#[test]
fn nothing_is_written_through_a_link_in_the_destination() {
    let bench = Bench::with_hello();
    let outside = bench.folder.path().join("outside");
    let destination = bench.folder.path().join("out");
    fs::create_dir(&outside).unwrap();
    fs::create_dir(&destination).unwrap();
    symlink(&outside, destination.join("bin")).unwrap();
    let reader = Reader::open(&bench.path()).unwrap();
    let release = reader.find(&named("hello@1.0.0")).unwrap().unwrap();
    assert_eq!(
        code(release.materialize_unaccepted(&destination, Selection::All)),
        "file-exists"
    );
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    assert_eq!(fs::read_dir(&destination).unwrap().count(), 1);
}

#[test]
fn a_file_of_the_destination_with_other_bytes_stays_and_nothing_is_written() {
    let bench = Bench::with_hello();
    let destination = bench.folder.path().join("out");
    fs::create_dir(&destination).unwrap();
    fs::write(destination.join("release.pub"), "mine").unwrap();
    let reader = Reader::open(&bench.path()).unwrap();
    let release = reader.find(&named("hello@1.0.0")).unwrap().unwrap();
    assert_eq!(
        code(release.materialize_unaccepted(&destination, Selection::All)),
        "file-exists"
    );
    assert_eq!(fs::read(destination.join("release.pub")).unwrap(), b"mine");
    assert_eq!(fs::read_dir(&destination).unwrap().count(), 1);
}

#[test]
fn a_damaged_blob_is_never_written_out() {
    let bench = Bench::with_hello();
    let bytes = HELLO[0].2;
    let mut changed = bytes.to_vec();
    changed[0] ^= 1;
    bench.damage(sha256(bytes), &changed);
    let destination = bench.folder.path().join("out");
    let reader = Reader::open(&bench.path()).unwrap();
    let release = reader.find(&named("hello@1.0.0")).unwrap().unwrap();
    assert_eq!(
        code(release.materialize_unaccepted(&destination, Selection::All)),
        "blob-corrupt"
    );
    assert_eq!(fs::read_dir(&destination).unwrap().count(), 0);
}

#[test]
fn a_claimed_text_is_cut_and_escaped_in_messages() {
    let long = format!("\u{1b}[2J{}", "x".repeat(100_000));
    let bench = with_index(|index| index["mediaType"] = long.into());
    let error = Reader::open(&bench.path()).unwrap_err();
    let message = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        message.len() < 400 && !message.contains('\u{1b}'),
        "{message}"
    );
}
