//! What is added later: attacks first, then damage, then what works.

use std::fs;

use serde_json::{Value, json};

use super::*;
use crate::{
    AttachedFileInput, Attachment, AttachmentInput, AttachmentKind, CheckReport, Kept, Note,
    Outcome, Problem, Reader,
};

const CREATED: &str = "2026-11-21T21:00:00Z";
const PROOF: &[u8] = b"{\"proof\":1}";

fn input<'a>(
    subject: Option<&str>,
    kind: AttachmentKind,
    files: &[(&str, &'a [u8])],
) -> AttachmentInput<'a> {
    let file = |(path, bytes): &(&str, &'a [u8])| AttachedFileInput {
        path: relative(path),
        media_type: "application/json".to_owned(),
        source: Source::Bytes(bytes),
        expected: None,
    };
    AttachmentInput {
        subject: subject.map(named),
        kind,
        created: CREATED.parse().unwrap(),
        files: files.iter().map(file).collect(),
    }
}

fn proof(subject: Option<&str>) -> AttachmentInput<'static> {
    input(
        subject,
        AttachmentKind::Evidence,
        &[("later.json", PROOF), ("bin/hello", HELLO[0].2)],
    )
}

/// An archive in which `hello@1.0.0` has an attachment, and the archive another.
fn attached() -> Bench {
    let bench = Bench::with_hello();
    let mut store = Store::open(&bench.path()).unwrap();
    store.attach(&proof(Some("hello@1.0.0"))).unwrap();
    let run = input(None, AttachmentKind::Fixity, &[("fixity.json", b"{}")]);
    store.attach(&run).unwrap();
    drop(store);
    bench
}

fn open(bench: &Bench) -> Reader {
    Reader::open(&bench.path()).unwrap()
}

fn check(bench: &Bench) -> CheckReport {
    open(bench).check(Hashes::Sha256).unwrap()
}

fn index(bench: &Bench) -> Value {
    serde_json::from_slice(&fs::read(bench.index()).unwrap()).unwrap()
}

fn with_index(change: impl FnOnce(&mut Value)) -> Bench {
    let bench = attached();
    let mut value = index(&bench);
    change(&mut value);
    fs::write(bench.index(), serde_json::to_vec(&value).unwrap()).unwrap();
    bench
}

/// The attachment of the release, changed and put in place with its new digest and size.
fn with_manifest(change: impl FnOnce(&mut Value)) -> Bench {
    with_manifest_bytes(|bytes| {
        let mut manifest: Value = serde_json::from_slice(bytes).unwrap();
        change(&mut manifest);
        attest_provenance::json::canonical(&manifest).unwrap()
    })
}

fn with_manifest_bytes(change: impl FnOnce(&[u8]) -> Vec<u8>) -> Bench {
    let bench = attached();
    let mut index = index(&bench);
    let entry = &mut index["manifests"][2];
    assert_eq!(
        entry["annotations"]["dev.attest.attachment.kind"],
        "evidence"
    );
    let kept = Digest::parse(entry["digest"].as_str().unwrap()).unwrap();
    let bytes = change(&fs::read(bench.blob(kept)).unwrap());
    fs::write(bench.blob(sha256(&bytes)), &bytes).unwrap();
    entry["digest"] = sha256(&bytes).to_string().into();
    entry["size"] = bytes.len().into();
    fs::write(bench.index(), serde_json::to_vec(&index).unwrap()).unwrap();
    bench
}

fn of_hello(reader: &Reader) -> Result<Vec<Attachment<'_>>, ArchiveError> {
    let release = reader.find(&named("hello@1.0.0")).unwrap().unwrap();
    reader.attachments(&release)
}

fn codes(problems: &[Problem]) -> Vec<&'static str> {
    problems.iter().map(|it| it.error.code()).collect()
}

#[test]
fn the_unchanged_parent_of_these_attacks_is_accepted() {
    for bench in [with_index(|_| ()), with_manifest(|_| ())] {
        let reader = open(&bench);
        assert_eq!(of_hello(&reader).unwrap().len(), 1);
        assert_eq!(reader.archive_attachments().unwrap().len(), 1);
        let report = check(&bench);
        assert!(report.is_sound());
        assert_eq!(report.attachments, 2);
    }
}

#[test]
fn an_attachment_outside_of_the_format_is_refused() {
    type Change = fn(&mut Value);
    let attacks: [(&str, Change); 16] = [
        ("another schema", |it| it["schemaVersion"] = 1.into()),
        ("another artifact type", |it| {
            it["artifactType"] = "application/vnd.example".into();
        }),
        ("an unknown field", |it| it["extra"] = 1.into()),
        ("another configuration", |it| {
            it["config"]["size"] = 3.into();
        }),
        ("no file", |it| it["layers"] = json!([])),
        ("files out of order", |it| {
            it["layers"].as_array_mut().unwrap().reverse();
        }),
        ("two files of one name", |it| title(it, "bin/hello")),
        ("a file that climbs", |it| title(it, "../later.json")),
        ("a role", |it| {
            it["layers"][1]["annotations"]["dev.attest.role"] = "evidence".into();
        }),
        ("a file with another source", |it| {
            it["layers"][1]["urls"] = json!(["https://example.com"]);
        }),
        ("a subject of another media type", |it| {
            it["subject"]["mediaType"] = "application/json".into();
        }),
        ("a subject with its own bytes", |it| {
            it["subject"]["data"] = "e30=".into();
        }),
        ("a kind in capitals", |it| kind(it, "Evidence")),
        ("no kind", |it| {
            it["annotations"]
                .as_object_mut()
                .unwrap()
                .remove("dev.attest.attachment.kind");
        }),
        ("a time of another form", |it| {
            it["annotations"]["org.opencontainers.image.created"] =
                "2026-11-21T22:00:00+01:00".into();
        }),
        ("an unknown note", |it| it["annotations"]["x"] = "y".into()),
    ];
    for (attack, change) in attacks {
        let bench = with_manifest(change);
        assert_eq!(
            code(of_hello(&open(&bench))),
            "attachment-malformed",
            "{attack}"
        );
        let report = check(&bench);
        assert_eq!(
            codes(&report.releases[0].problems),
            ["attachment-malformed"]
        );
    }
    let spaced = with_manifest_bytes(|bytes| {
        let text = str::from_utf8(bytes).unwrap();
        text.replacen(':', ": ", 1).into_bytes()
    });
    assert_eq!(code(of_hello(&open(&spaced))), "attachment-malformed");
}

/// Gives the second file another name.
fn title(manifest: &mut Value, name: &str) {
    manifest["layers"][1]["annotations"]["org.opencontainers.image.title"] = name.into();
}

fn kind(manifest: &mut Value, name: &str) {
    manifest["annotations"]["dev.attest.attachment.kind"] = name.into();
}

#[test]
fn an_attachment_that_the_index_calls_something_else_is_refused() {
    type Change = fn(&mut Value);
    let attacks: [(&str, Change); 2] = [
        ("another kind", |it| kind(it, "hold")),
        ("another time", |it| {
            it["annotations"]["org.opencontainers.image.created"] = "2026-11-21T21:00:01Z".into();
        }),
    ];
    for (attack, change) in attacks {
        let bench = with_manifest(change);
        assert_eq!(
            code(of_hello(&open(&bench))),
            "attachment-mismatch",
            "{attack}"
        );
        let report = check(&bench);
        assert_eq!(codes(&report.releases[0].problems), ["attachment-mismatch"]);
    }
    // Hidden from its release, it is found all the same.
    let hidden = with_index(|it| {
        let annotations = it["manifests"][2]["annotations"].as_object_mut().unwrap();
        annotations.remove("dev.attest.attachment.subject");
    });
    assert!(of_hello(&open(&hidden)).unwrap().is_empty());
    assert_eq!(codes(&check(&hidden).problems), ["attachment-mismatch"]);
}

#[test]
fn an_attachment_whose_release_was_taken_off_the_list_is_named() {
    let bench = with_index(|it| {
        it["manifests"].as_array_mut().unwrap().remove(0);
    });
    let report = check(&bench);
    assert_eq!(codes(&report.problems), ["attachment-orphaned"]);
    assert!(!report.is_sound());
}

#[test]
fn an_index_that_lists_an_attachment_in_two_ways_is_refused() {
    type Change = fn(&mut Value);
    let attacks: [(&str, Change); 4] = [
        ("twice", |it| {
            let entry = it["manifests"][2].clone();
            it["manifests"].as_array_mut().unwrap().push(entry);
        }),
        ("without a time", |it| {
            let annotations = it["manifests"][2]["annotations"].as_object_mut().unwrap();
            annotations.remove("org.opencontainers.image.created");
        }),
        ("for a subject that climbs", |it| {
            it["manifests"][2]["annotations"]["dev.attest.attachment.subject"] =
                "sha256:../x".into();
        }),
        ("with its own bytes", |it| {
            it["manifests"][2]["data"] = "e30=".into();
        }),
    ];
    for (attack, change) in attacks {
        let bench = with_index(change);
        assert_eq!(
            code(Reader::open(&bench.path())),
            "index-malformed",
            "{attack}"
        );
    }
}

#[test]
fn what_cannot_be_kept_is_refused_and_nothing_is_written() {
    let bench = Bench::with_hello();
    let before = fs::read(bench.index()).unwrap();
    let mut store = Store::open(&bench.path()).unwrap();
    let mut refused = |change: fn(&mut AttachmentInput<'_>), wanted: &str| {
        let mut offered = proof(Some("hello@1.0.0"));
        change(&mut offered);
        assert_eq!(code(store.attach(&offered)), wanted);
    };
    refused(
        |it| it.subject = Some(named("other@1")),
        "release-not-archived",
    );
    refused(|it| it.files.clear(), "attachment-malformed");
    refused(
        |it| it.files[0].path = relative("bin/hello"),
        "attachment-malformed",
    );
    refused(
        |it| it.files[0].media_type = "text".to_owned(),
        "attachment-malformed",
    );
    refused(
        |it| it.files[0].expected = Some(sha256(b"")),
        "file-changed",
    );
    // One of a batch that is refused: none is added.
    let batch = [proof(None), proof(Some("other@1"))];
    assert_eq!(code(store.attach_all(&batch)), "release-not-archived");
    assert_eq!(fs::read(bench.index()).unwrap(), before);
    assert!(!bench.path().join("incoming").exists());
}

#[test]
fn a_bit_flipped_in_any_byte_of_an_attachment_is_found_and_named() {
    let bench = attached();
    let reader = open(&bench);
    let attachment = of_hello(&reader).unwrap().remove(0).manifest();
    for (digest, file) in [(attachment, None), (sha256(PROOF), Some("later.json"))] {
        let kept = fs::read(bench.blob(digest)).unwrap();
        for at in 0..kept.len() {
            let mut bytes = kept.clone();
            bytes[at] ^= 1 << (at % 8);
            bench.damage(digest, &bytes);
            let report = check(&bench);
            let [problem] = &report.releases[0].problems[..] else {
                panic!("{report:?}");
            };
            assert_eq!(problem.error.code(), "blob-corrupt");
            assert_eq!(problem.member, None);
            let named = problem.attached.as_ref().unwrap();
            assert_eq!(named.manifest, attachment);
            assert_eq!(named.file.as_ref().map(RelativePath::as_str), file);
        }
        bench.damage(digest, &kept);
    }
    assert!(check(&bench).is_sound());
    // A file that the release has as well is named for both.
    fs::remove_file(bench.blob(sha256(HELLO[0].2))).unwrap();
    let report = check(&bench);
    assert_eq!(
        codes(&report.releases[0].problems),
        ["blob-missing", "blob-missing"]
    );
}

#[test]
fn the_documents_are_written_as_the_format_says() {
    let bench = attached();
    let reader = open(&bench);
    let release = reader.find(&named("hello@1.0.0")).unwrap().unwrap();
    let size = fs::read(bench.blob(release.manifest())).unwrap().len();
    let attachments = reader.attachments(&release).unwrap();
    let text = fs::read_to_string(bench.blob(attachments[0].manifest())).unwrap();
    assert_eq!(
        text,
        concat!(
            r#"{"annotations":{"dev.attest.attachment.kind":"evidence","#,
            r#""org.opencontainers.image.created":"2026-11-21T21:00:00Z"},"#,
            r#""artifactType":"application/vnd.attest.attachment.v1","config":{"#,
            r#""digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","#,
            r#""mediaType":"application/vnd.oci.empty.v1+json","size":2},"layers":["#,
            r#"{"annotations":{"org.opencontainers.image.title":"bin/hello"},"#,
            r#""digest":"HELLO","mediaType":"application/json","size":21},"#,
            r#"{"annotations":{"org.opencontainers.image.title":"later.json"},"#,
            r#""digest":"PROOF","mediaType":"application/json","size":11}],"#,
            r#""mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2,"#,
            r#""subject":{"digest":"RELEASE","mediaType":"application/vnd.oci.image.manifest.v1+json","size":SIZE}}"#
        )
        .replace("HELLO", &sha256(HELLO[0].2).to_string())
        .replace("PROOF", &sha256(PROOF).to_string())
        .replace("RELEASE", &release.manifest().to_string())
        .replace("SIZE", &size.to_string())
    );
    let index = index(&bench);
    assert_eq!(index["annotations"]["dev.attest.archive.format"], "1");
    let entries = index["manifests"].as_array().unwrap();
    assert_eq!(entries.len(), 3);
    assert_eq!(
        entries[2],
        json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "artifactType": "application/vnd.attest.attachment.v1",
            "digest": attachments[0].manifest().to_string(),
            "size": text.len(),
            "annotations": {
                "dev.attest.attachment.kind": "evidence",
                "dev.attest.attachment.subject": release.manifest().to_string(),
                "org.opencontainers.image.created": CREATED,
            },
        })
    );
}

#[test]
fn what_is_attached_comes_out_as_it_went_in_and_the_release_stays_as_it_was() {
    let bench = Bench::with_hello();
    let release = open(&bench).list()[0].manifest;
    let mut store = Store::open(&bench.path()).unwrap();
    let added = store.attach(&proof(Some("hello@1.0.0"))).unwrap();
    assert_eq!(added.manifests[0].1, Outcome::New);
    // The manifest and one file; the other file and the configuration were there.
    assert_eq!((added.new_blobs, added.reused_blobs), (2, 2));
    let again = store.attach(&proof(Some("hello@1.0.0"))).unwrap();
    assert_eq!(again.manifests, [(added.manifests[0].0, Outcome::Already)]);
    assert_eq!(again.new_blobs, 0);
    drop(store);

    let reader = open(&bench);
    assert_eq!(reader.list()[0].manifest, release);
    let attachments = of_hello(&reader).unwrap();
    let attachment = &attachments[0];
    assert_eq!(*attachment.kind(), AttachmentKind::Evidence);
    assert_eq!(attachment.subject(), Some(release));
    assert_eq!(attachment.created().to_string(), CREATED);
    let read = |path| attachment.unverified_bytes(&relative(path), 100);
    assert_eq!(read("later.json").unwrap(), PROOF);
    assert_eq!(read("bin/hello").unwrap(), HELLO[0].2);
    assert_eq!(code(read("absent")), "member-missing");
    let report = check(&bench);
    assert!(report.is_sound() && report.notes.is_empty());
}

#[test]
fn thousands_are_attached_with_one_index_and_found_by_kind_and_time() {
    let bench = Bench::with_hello();
    bench.add("other@1", &HELLO[..1]).unwrap();
    let texts: Vec<String> = (0..2000).map(|it| it.to_string()).collect();
    let mut batch: Vec<AttachmentInput<'_>> = texts
        .iter()
        .map(|text| {
            let files = [("token", text.as_bytes())];
            input(Some("hello@1.0.0"), AttachmentKind::Renewal, &files)
        })
        .collect();
    // The same twice in one batch is one.
    batch.push(input(
        Some("hello@1.0.0"),
        AttachmentKind::Renewal,
        &[("token", b"0")],
    ));
    let mut late = input(Some("hello@1.0.0"), AttachmentKind::Hold, &[("hold", b"h")]);
    late.created = "2026-01-01T00:00:00Z".parse().unwrap();
    batch.push(late);
    let added = Store::open(&bench.path())
        .unwrap()
        .attach_all(&batch)
        .unwrap();
    assert_eq!(
        added.manifests[2000],
        (added.manifests[0].0, Outcome::Already)
    );
    let reader = open(&bench);
    assert_eq!(reader.attachment_list().len(), 2001);
    let all = of_hello(&reader).unwrap();
    assert_eq!((all.len(), all[0].kind()), (2001, &AttachmentKind::Hold));
    let subject = Some(reader.list()[0].manifest);
    let holds = reader.attachments_of_kind(subject, &AttachmentKind::Hold);
    assert_eq!(holds.unwrap().len(), 1);
    assert!(reader.archive_attachments().unwrap().is_empty());
    let report = check(&bench);
    assert!(report.is_sound() && report.notes.is_empty());
}

#[test]
fn a_kind_of_a_later_program_is_kept_and_checked() {
    let bench = with_manifest(|it| kind(it, "cosignature"));
    let mut index = index(&bench);
    index["manifests"][2]["annotations"]["dev.attest.attachment.kind"] = "cosignature".into();
    fs::write(bench.index(), serde_json::to_vec(&index).unwrap()).unwrap();
    let reader = open(&bench);
    assert_eq!(of_hello(&reader).unwrap()[0].kind().name(), "cosignature");
    assert!(check(&bench).is_sound());
    fs::remove_file(bench.blob(sha256(PROOF))).unwrap();
    assert!(!check(&bench).is_sound());
}

#[test]
fn an_attachment_that_a_copying_tool_has_stripped_of_its_notes_is_found() {
    for with_type in [true, false] {
        let bench = with_index(|it| {
            for number in [1, 2] {
                let entry = it["manifests"][number].as_object_mut().unwrap();
                entry.remove("annotations");
                if !with_type {
                    entry.remove("artifactType");
                }
            }
        });
        assert_eq!(of_hello(&open(&bench)).unwrap().len(), 1);
        let report = check(&bench);
        assert!(report.is_sound());
        assert_eq!(
            (report.attachments, report.notes),
            (2, vec![Note::IndexRewritten])
        );
    }
}

#[test]
fn an_attachment_that_cannot_be_read_hides_no_other() {
    let bench = Bench::with_hello();
    let attach = |created: &str, bytes: &'static [u8]| {
        let input = AttachmentInput {
            created: created.parse().unwrap(),
            ..input(
                Some("hello@1.0.0"),
                AttachmentKind::Evidence,
                &[("a", bytes)],
            )
        };
        let mut store = Store::open(&bench.path()).unwrap();
        store.attach(&input).unwrap().manifests[0].0
    };
    let first = attach("2026-01-01T00:00:00Z", b"first");
    attach("2026-01-02T00:00:00Z", b"second");
    fs::remove_file(bench.blob(first)).unwrap();
    let reader = open(&bench);
    let release = reader.find(&named("hello@1.0.0")).unwrap().unwrap();
    let read = |limit| {
        let all = release.attached_as(&AttachmentKind::Evidence);
        let files = all.map(|it| it.and_then(|it| release.attached_whole(&it, limit)));
        let files = files.map(|it| it.map_err(|error| error.code()));
        let bytes = files.map(|it| it.map(|files| files[0].1.clone()));
        bytes.collect::<Vec<_>>()
    };
    assert_eq!(read(6), [Err("blob-missing"), Ok(b"second".to_vec())]);
    assert_eq!(read(5), [Err("blob-missing"), Err("release-too-large")]);
}
