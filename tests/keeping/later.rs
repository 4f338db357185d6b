//! `attest archive attach`: evidence that came after a release, and what it names.

use attest_archive::{AttachedFileInput, AttachmentInput, AttachmentKind, Source, Store};
use attest_digest::{Artifact, Hashes, RelativePath};
use attest_provenance::ReleaseName;
use serde_json::{Value, json};

use super::{released_from_git, replicated};
use crate::support::World;

const HELLO: &str = "hello@1.0.0";
const BILL: &[u8] = br#"{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[{"type":"library","name":"later","version":"1","purl":"pkg:generic/later@1"}]}"#;

fn sha256(bytes: &[u8]) -> String {
    Artifact::of_bytes(bytes, Hashes::Sha256).sha256().hex()
}

/// A statement about these digests, signed by the key of a home: `out.sigstore.json`.
fn signed(world: &World, home: &str, subject: &Value, kind: &str, predicate: &Value, out: &str) {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "it", "digest": subject}],
        "predicateType": kind,
        "predicate": predicate,
    });
    world.write("statement.json", statement.to_string());
    world
        .attest(&format!(
            "sign --statement statement.json --out {out}.sigstore.json --no-password --home {home}"
        ))
        .yes();
}

fn attach_bill(world: &World) {
    attach_as_bill(world, "bill.json", BILL);
}

/// Attaches a document under the kind of bills of materials, as whoever can write to the archive does.
fn attach_as_bill(world: &World, path: &str, bytes: &[u8]) {
    let attachment = AttachmentInput {
        subject: Some(ReleaseName::parse(HELLO).unwrap()),
        kind: AttachmentKind::Sbom,
        created: "2026-01-01T00:00:00Z".parse().unwrap(),
        files: vec![AttachedFileInput {
            path: RelativePath::parse(path).unwrap(),
            media_type: "application/vnd.cyclonedx+json".to_owned(),
            source: Source::Bytes(bytes),
            expected: None,
        }],
    };
    let mut store = Store::open(&world.at(".attest/archive")).unwrap();
    store.attach(&attachment).unwrap();
}

const TEST_RESULT: &str = "https://in-toto.io/attestation/test-result/v0.1";
const RELEASE: &str = "https://in-toto.io/attestation/release/v0.2";
const REFERENCE: &str = "https://in-toto.io/attestation/reference/v0.1";

fn passed() -> Value {
    json!({"result": "PASSED", "configuration": [{"uri": "https://example.com/ci"}]})
}

fn refers_to(name: &str, bytes: &[u8], media_type: &str) -> Value {
    json!({
        "attester": {"id": "https://example.com/later"},
        "references": [{
            "name": name,
            "digest": {"sha256": sha256(bytes)},
            "downloadLocation": name,
            "mediaType": media_type,
        }],
    })
}

#[test]
fn what_is_not_proven_to_be_about_the_release_is_not_attached() {
    let world = replicated();
    world.attest("init --no-password --home other").yes();
    let alpha = json!({"sha256": sha256(b"alpha\n")});
    let else_ = json!({"sha256": sha256(b"something else\n")});
    signed(&world, "other", &alpha, TEST_RESULT, &passed(), "theirs");
    signed(
        &world,
        ".attest",
        &else_,
        TEST_RESULT,
        &passed(),
        "elsewhere",
    );
    signed(&world, ".attest", &alpha, TEST_RESULT, &passed(), "good");
    let bill = refers_to("bill.json", BILL, "application/vnd.cyclonedx+json");
    signed(&world, ".attest", &else_, REFERENCE, &bill, "unrelated");
    signed(&world, "other", &alpha, REFERENCE, &bill, "stranger");
    world.write("bill.json", BILL);
    world.write("notes.txt", "notes");
    // One byte of the signature.
    let mut forged: Value = serde_json::from_slice(&world.read("good.sigstore.json")).unwrap();
    let text = forged["dsseEnvelope"]["payload"].as_str().unwrap();
    let changed = match text.split_at(40) {
        (start, rest) if rest.starts_with('A') => format!("{start}B{}", &rest[1..]),
        (start, rest) => format!("{start}A{}", &rest[1..]),
    };
    forged["dsseEnvelope"]["payload"] = changed.into();
    world.write("forged.sigstore.json", forged.to_string());
    world.write("junk.sigstore.json", "{}");
    // A signature over a file, which no file of the release is called after; and over other bytes.
    world
        .attest("sign dist/a.txt --out b.txt.sigstore.json --no-password")
        .yes();
    world.write("more/good.sigstore.json", world.read("good.sigstore.json"));
    let before = world.read(".attest/archive/index.json");
    let trail = world.read(".attest/audit/events.jsonl");
    for (files, exit, code) in [
        ("elsewhere.sigstore.json", 1, "attachment-unrelated"),
        ("b.txt.sigstore.json", 1, "attachment-unrelated"),
        ("notes.txt", 1, "attachment-unrelated"),
        ("bill.json", 1, "attachment-unrelated"),
        // What names a document must itself be about the release, and of whom is expected.
        (
            "unrelated.sigstore.json bill.json",
            1,
            "attachment-unrelated",
        ),
        ("stranger.sigstore.json bill.json", 1, "signer-mismatch"),
        ("theirs.sigstore.json", 1, "signer-mismatch"),
        ("forged.sigstore.json", 1, "signature-invalid"),
        ("junk.sigstore.json", 1, "dialect-unknown"),
        ("absent.sigstore.json", 3, "bundle-unreadable"),
        ("absent.txt", 3, "file-unreadable"),
        // One that is refused takes the others with it.
        ("good.sigstore.json notes.txt", 1, "attachment-unrelated"),
        (
            "good.sigstore.json more/good.sigstore.json",
            2,
            "bad-arguments",
        ),
        ("good.sigstore.json --type test-result", 2, "bad-arguments"),
    ] {
        let ran = world.attest(&format!("archive attach {HELLO} {files}"));
        ran.refused(exit, code);
        assert_eq!(world.read(".attest/archive/index.json"), before, "{files}");
        assert_eq!(world.read(".attest/audit/events.jsonl"), trail, "{files}");
    }
    world
        .attest("archive attach hello@2.0.0 good.sigstore.json")
        .refused(1, "release-not-archived");
}

#[test]
fn evidence_that_comes_later_is_kept_with_the_release_and_counts() {
    let world = replicated();
    let alpha = json!({"sha256": sha256(b"alpha\n")});
    signed(&world, ".attest", &alpha, TEST_RESULT, &passed(), "tested");
    let bill = refers_to("bill.json", BILL, "application/vnd.cyclonedx+json");
    signed(&world, ".attest", &alpha, REFERENCE, &bill, "bill");
    world.write("bill.json", BILL);
    world
        .attest("sign dist/a.txt --out a.txt.sigstore.json --no-password")
        .yes();
    // As an import brings it: a bill that nobody has signed for.
    attach_bill(&world);
    let complete = "archive verify --complete test-result,sbom";
    let ran = world.attest("archive verify --complete sbom --format json");
    let reason = &ran.json()["subjects"][0]["reasons"][0]["code"];
    assert_eq!((ran.exit, reason), (1, &json!("archive-incomplete")));
    let attach = format!(
        "archive attach {HELLO} tested.sigstore.json bill.sigstore.json bill.json a.txt.sigstore.json --format json"
    );
    let ran = world.attest(&attach);
    assert_eq!(ran.exit, 0, "{ran:#?}");
    let files = ran.json()["files"].clone();
    let kinds: Vec<_> = files
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["kind"])
        .collect();
    assert_eq!(kinds, ["evidence", "evidence", "sbom", "evidence"]);
    assert_eq!(files[0]["says"], json!([TEST_RESULT]));
    let outcomes: Vec<_> = files
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["outcome"])
        .collect();
    assert_eq!(outcomes, ["new", "new", "already", "new"]);
    world.attest(complete).yes();
    let found = world
        .attest("archive find --component pkg:generic/later")
        .yes();
    assert!(found.out.contains(HELLO), "{found:#?}");
    let shown = world
        .attest("archive show hello@1.0.0 --format json")
        .json();
    let attached = shown["attachments"].as_array().unwrap().iter();
    let kinds: Vec<_> = attached
        .clone()
        .map(|it| it["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["sbom", "audit", "evidence"], "{shown:#}");
    let paths = attached.flat_map(|it| it["files"].as_array().unwrap());
    assert!(paths.clone().any(|it| it["path"] == "tested.sigstore.json"));
    assert_eq!(paths.count(), 5, "{shown:#}");
    // The release is what it was, and so is what was attached.
    world.attest("archive verify").yes();
    let again = world.attest(&attach).json();
    let files = again["files"].as_array().unwrap();
    assert!(
        files.iter().all(|it| it["outcome"] == "already"),
        "{again:#}"
    );
    let log = world.attest("archive log hello@1.0.0").yes().out;
    assert_eq!(log.matches("archive.attach").count(), 2, "{log}");
    // It goes with the release.
    world.attest("archive export hello@1.0.0 --out bag").yes();
    world.attest("archive verify ./bag --home .attest").yes();
}

/// Whoever attached it, and as what.
#[test]
fn a_document_that_no_statement_calls_a_bill_of_materials_is_none() {
    let world = replicated();
    let alpha = json!({"sha256": sha256(b"alpha\n")});
    let complete = "archive verify --complete sbom --format json";
    let cyclonedx = "application/vnd.cyclonedx+json";
    let report: &[u8] = b"all 3 tests passed\n";
    for (name, bytes, media_type) in [
        ("report", report, "text/plain"),
        ("called", report, cyclonedx),
        ("bill", BILL, "application/json"),
    ] {
        let refers = refers_to(name, bytes, media_type);
        signed(&world, ".attest", &alpha, REFERENCE, &refers, name);
        world
            .attest(&format!("archive attach {HELLO} {name}.sigstore.json"))
            .yes();
        attach_as_bill(&world, &format!("{name}.txt"), bytes);
        let ran = world.attest(complete);
        let reason = &ran.json()["subjects"][0]["reasons"][0]["code"];
        assert_eq!(
            (ran.exit, reason),
            (1, &json!("archive-incomplete")),
            "{name}"
        );
    }
    // The parent: called what it is.
    let refers = refers_to("bill.json", BILL, cyclonedx);
    signed(&world, ".attest", &alpha, REFERENCE, &refers, "good");
    world
        .attest(&format!("archive attach {HELLO} good.sigstore.json"))
        .yes();
    world.attest(complete).yes();
}

/// A folder with its own release statement and a reference to one of its files, kept.
#[test]
fn a_report_that_a_release_refers_to_is_no_bill_of_materials() {
    let cyclonedx = "application/vnd.cyclonedx+json";
    for (bytes, media_type, is_bill) in [
        (&b"all 3 tests passed\n"[..], "text/plain", false),
        (b"all 3 tests passed\n", cyclonedx, false),
        (BILL, "application/json", false),
        (BILL, cyclonedx, true),
    ] {
        let world = World::new();
        world.attest("init --no-password").yes();
        world.write("made/app", "app\n");
        world.write("made/doc.json", bytes);
        let subject =
            |name: &str, bytes: &[u8]| json!({"name": name, "digest": {"sha256": sha256(bytes)}});
        let statement = |kind: &str, subjects: &[Value], predicate: Value, out: &str| {
            let statement = json!({
                "_type": "https://in-toto.io/Statement/v1",
                "subject": subjects,
                "predicateType": kind,
                "predicate": predicate,
            });
            world.write("statement.json", statement.to_string());
            let sign = "sign --statement statement.json --no-password --out made/";
            world.attest(&format!("{sign}{out}.sigstore.json")).yes();
        };
        let files = [subject("app", b"app\n"), subject("doc.json", bytes)];
        let release = json!({"purl": "pkg:generic/made@1.0.0"});
        statement(RELEASE, &files, release, "release");
        let refers = refers_to("doc.json", bytes, media_type);
        statement(REFERENCE, &files[..1], refers, "reference");
        world.attest("archive add made").yes();
        let show = world.attest("archive show made@1.0.0 --format json").json();
        let role = if is_bill { "sbom" } else { "artifact" };
        let files = show["files"].as_array().unwrap();
        let doc = files.iter().find(|it| it["path"] == "doc.json").unwrap();
        assert_eq!(doc["role"], role, "{media_type}: {doc}");
        let complete = world.attest("archive verify made@1.0.0 --complete sbom --format json");
        assert_eq!(
            complete.exit,
            i32::from(!is_bill),
            "{media_type}: {complete:#?}"
        );
        let report = world.attest("report --ssdf --format json").json();
        let tasks = report["releases"][0]["tasks"].as_array().unwrap().clone();
        let task = tasks.iter().find(|it| it["task"] == "PS.3.2").unwrap();
        let shown = task["evidence"].as_array().unwrap();
        let is_shown = shown
            .iter()
            .any(|it| it["kind"] == "sbom" && it["state"] == "verified");
        assert_eq!(is_shown, is_bill, "{media_type}: {task:#}");
    }
}

/// A review is of the commit that the release was built from, and of no file.
#[test]
fn a_review_of_the_commit_is_about_the_release() {
    let world = released_from_git();
    let commit = |revision: &str| {
        let ran = world
            .shell(&format!("git -C repo rev-parse {revision}"))
            .yes();
        json!({"gitCommit": ran.out.trim()})
    };
    signed(
        &world,
        ".attest",
        &commit("HEAD"),
        TEST_RESULT,
        &passed(),
        "head",
    );
    signed(
        &world,
        ".attest",
        &commit("HEAD~1"),
        TEST_RESULT,
        &passed(),
        "older",
    );
    let release =
        world.attest("archive list --format json").json()["releases"][0]["release"].clone();
    let release = release.as_str().unwrap();
    let attach =
        |file: &str| world.attest(&format!("archive attach {release} {file}.sigstore.json"));
    attach("older").refused(1, "attachment-unrelated");
    attach("head").yes();
    world.attest("archive verify --complete test-result").yes();
}

/// A release of somebody's own making, without a manifest of its files.
fn without_manifest() -> World {
    let world = replicated();
    world
        .shell("mkdir made && cp dist/a.txt dist/sub/b.txt made")
        .yes();
    let subject =
        |name: &str, bytes: &[u8]| json!({"name": name, "digest": {"sha256": sha256(bytes)}});
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [subject("a.txt", b"alpha\n"), subject("b.txt", b"beta\n")],
        "predicateType": "https://in-toto.io/attestation/release/v0.2",
        "predicate": {"purl": "pkg:generic/made@1.0.0"},
    });
    world.write("statement.json", statement.to_string());
    world
        .attest("sign --statement statement.json --out made/release.sigstore.json --no-password")
        .yes();
    world.attest("archive add made").yes();
    world
}

#[test]
fn a_manifest_that_comes_later_is_kept_if_it_is_that_of_the_files() {
    let world = without_manifest();
    let complete = "archive verify made@1.0.0 --complete tree";
    assert_eq!(world.attest(complete).exit, 1);
    world
        .shell("cp -r made changed && echo more >> changed/b.txt")
        .yes();
    world.shell("cp -r made more && touch more/c.txt").yes();
    world.shell("cp -r made fewer && rm fewer/b.txt").yes();
    let snapshot = |folder: &str, out: &str, flags: &str| {
        world
            .attest(&format!(
                "tree snapshot {folder} -o {out}.tree --sign --no-password --release {flags}"
            ))
            .yes();
    };
    snapshot("changed", "changed", "made@1.0.0");
    snapshot("more", "more", "made@1.0.0");
    snapshot("fewer", "fewer", "made@1.0.0");
    snapshot("made", "nothing", "made@1.0.0 --ignore **");
    snapshot("made", "other", "made@2.0.0");
    snapshot("made", "good", "made@1.0.0");
    let attach = |files: &str| world.attest(&format!("archive attach made@1.0.0 {files}"));
    for (name, code) in [
        ("changed", "release-tree-mismatch"),
        ("more", "release-tree-missing"),
        ("fewer", "release-tree-extra"),
        ("nothing", "release-tree-extra"),
        ("other", "release-tree-other-release"),
    ] {
        attach(&format!("{name}.tree.sigstore.json {name}.tree")).refused(1, code);
    }
    attach("good.tree").refused(1, "attachment-unrelated");
    attach("good.tree.sigstore.json").refused(1, "attachment-unrelated");
    assert_eq!(world.attest(complete).exit, 1);
    attach("good.tree.sigstore.json good.tree").yes();
    world.attest(complete).yes();
}

/// What anybody signed about any folder is no manifest of the release, even of the same files.
#[test]
fn a_manifest_that_names_no_release_is_that_of_none() {
    let world = without_manifest();
    world.write("else/evil", "evil");
    for (folder, out) in [("else", "else"), ("made", "same")] {
        world
            .attest(&format!(
                "tree snapshot {folder} -o {out}.tree --sign --no-password"
            ))
            .yes();
        world
            .attest(&format!(
                "archive attach made@1.0.0 {out}.tree {out}.tree.sigstore.json"
            ))
            .refused(1, "release-tree-other-release");
    }
    // As a bag brings it in, unasked.
    let (manifest, bundle) = (
        world.read("else.tree"),
        world.read("else.tree.sigstore.json"),
    );
    let mut store = Store::open(&world.at(".attest/archive")).unwrap();
    for (kind, path, bytes) in [
        (AttachmentKind::Report, "else.tree", &manifest),
        (AttachmentKind::Evidence, "else.tree.sigstore.json", &bundle),
    ] {
        let attachment = AttachmentInput {
            subject: Some(ReleaseName::parse("made@1.0.0").unwrap()),
            kind,
            created: "2026-01-01T00:00:00Z".parse().unwrap(),
            files: vec![AttachedFileInput {
                path: RelativePath::parse(path).unwrap(),
                media_type: "application/octet-stream".to_owned(),
                source: Source::Bytes(bytes),
                expected: None,
            }],
        };
        store.attach(&attachment).unwrap();
    }
    drop(store);
    world.attest("archive verify made@1.0.0").yes();
    let ran = world.attest("archive verify made@1.0.0 --complete tree");
    assert_eq!(ran.exit, 1, "{ran:?}");
    assert!(ran.out.contains("archive-incomplete"), "{ran:?}");
}
