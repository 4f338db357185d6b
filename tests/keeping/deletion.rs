//! Deletion: only what nothing keeps any more, only artifacts, and never in silence.

use std::fs;

use attest_archive::{
    AttachedFileInput, AttachmentInput, AttachmentKind, Reader, Source, Store, TOMBSTONE_TYPE,
};
use attest_digest::RelativePath;
use attest_provenance::ReleaseName;
use serde_json::{Value, json};

use super::{blob, replicated};
use crate::support::{Ran, World};

const DELETE: &str = "archive delete hello@1.0.0 --no-password --reason over";

/// As [`replicated`], and nobody was promised to have the release kept.
fn free() -> World {
    let world = replicated();
    world
        .attest("archive retain hello@1.0.0 --class snapshot --no-password")
        .yes();
    world
}

fn has(world: &World, bytes: &[u8]) -> bool {
    world
        .at(&format!(".attest/archive/{}", blob(bytes)))
        .exists()
}

fn name() -> ReleaseName {
    ReleaseName::parse("hello@1.0.0").unwrap()
}

fn reasons(ran: &Ran) -> Vec<String> {
    let report = ran.json();
    let reasons = report["subjects"][0]["reasons"].as_array().unwrap().clone();
    let codes = reasons.iter().map(|it| it["code"].as_str().unwrap());
    codes.map(str::to_owned).collect()
}

/// What `attest archive delete` would sign, changed.
fn predicate(world: &World, change: impl Fn(&mut Value)) -> Value {
    let dry = world
        .attest(&format!("{DELETE} --dry-run --format json"))
        .yes()
        .json();
    let mut predicate = json!({
        "by": "mallory (uid 0) on host",
        "reason": "over",
        "time": "2026-11-22T09:00:00Z",
        "deleted": dry["deleted"],
    });
    change(&mut predicate);
    predicate
}

/// Signs a tombstone with the key of a home, and attaches it as whoever owns the disk can.
fn forge(world: &World, home: &str, predicate: &Value) {
    world.write("predicate.json", predicate.to_string());
    let reader = Reader::open(&world.at(".attest/archive")).unwrap();
    let manifest = reader.find(&name()).unwrap().unwrap().manifest();
    let statement = format!(
        "provenance statement --type {TOMBSTONE_TYPE} --predicate predicate.json \
         --subject {manifest}=hello@1.0.0 --sign -o forged.json --force --home {home} --no-password"
    );
    world.attest(&statement).yes();
    attach(world, &world.read("forged.json"));
}

fn attach(world: &World, bundle: &[u8]) {
    let mut store = Store::open(&world.at(".attest/archive")).unwrap();
    let input = AttachmentInput {
        subject: Some(name()),
        kind: AttachmentKind::Tombstone,
        created: "2026-11-22T09:00:00Z".parse().unwrap(),
        files: vec![AttachedFileInput {
            path: RelativePath::parse("tombstone.sigstore.json").unwrap(),
            media_type: "application/vnd.dev.sigstore.bundle.v0.3+json".to_owned(),
            source: Source::Bytes(bundle),
            expected: None,
        }],
    };
    store.attach(&input).unwrap();
}

fn lose(world: &World, bytes: &[u8]) {
    fs::remove_file(world.at(&format!(".attest/archive/{}", blob(bytes)))).unwrap();
}

#[test]
fn what_is_to_be_kept_is_not_deleted() {
    let world = replicated();
    world.attest(DELETE).refused(1, "retention-not-over");
    world
        .attest("archive retain hello@1.0.0 --class snapshot --no-password")
        .yes();
    world
        .attest("archive hold hello@1.0.0 --no-password --reason court")
        .yes();
    world.attest(DELETE).refused(1, "release-on-hold");
    world
        .attest("archive hold hello@1.0.0 --no-password --reason closed --release-hold")
        .yes();
    world
        .attest("archive delete none@1.0.0 --no-password --reason over")
        .refused(1, "release-not-archived");
    world
        .attest("archive delete hello@1.0.0 --no-password")
        .refused(2, "bad-arguments");
    world
        .attest_with(&[
            "archive",
            "delete",
            "hello@1.0.0",
            "--no-password",
            "--reason",
            "a\nb",
        ])
        .refused(2, "bad-arguments");
    world
        .attest(&format!("{DELETE} --at 2099-01-01"))
        .refused(2, "time-not-asserted");
    assert!(has(&world, b"alpha\n") && has(&world, b"beta\n"));
    // The evidence that would stay must be whole.
    let evidence = world.read("dist/release.sigstore.json");
    let bytes = world.at(&format!(".attest/archive/{}", blob(&evidence)));
    fs::remove_file(&bytes).unwrap();
    world.attest(DELETE).refused(1, "blob-missing");
    fs::write(&bytes, evidence).unwrap();
    // The parent: nothing of that.
    world.attest(DELETE).yes();
    assert!(!has(&world, b"alpha\n") && !has(&world, b"beta\n"));
}

#[test]
fn only_artifacts_that_nothing_else_needs_go_and_everything_says_so() {
    let world = free();
    world.write("other/same.txt", "beta\n");
    world
        .attest("release other --name other --version 1.0.0 --no-password")
        .yes();
    let before = world.listing(".attest/archive");
    let dry = world.attest(&format!("{DELETE} --dry-run")).yes();
    assert!(
        dry.out.contains("would go   1 artifact, 6 bytes"),
        "{dry:?}"
    );
    assert_eq!(before, world.listing(".attest/archive"));
    let ran = world
        .attest(&format!("{DELETE} --format json"))
        .yes()
        .json();
    assert_eq!(ran["shared"].as_array().unwrap().len(), 1, "{ran}");
    assert!(!has(&world, b"alpha\n") && has(&world, b"beta\n"));
    assert!(has(&world, &world.read("dist/release.sigstore.json")));

    let verified = world.attest("archive verify --format json");
    assert_eq!(verified.exit, 0, "{verified:#?}");
    let files = verified.json()["subjects"][0]["files"].clone();
    let alpha = files
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["path"] == "a.txt");
    assert_eq!(alpha.unwrap()["verdict"], "deleted");
    for command in ["archive verify hello@1.0.0", "archive list", "status"] {
        let ran = world.attest(command).yes();
        assert!(ran.out.contains("deleted 20"), "{command}: {ran:?}");
    }
    let shown = world
        .attest("archive show hello@1.0.0 --format json")
        .yes()
        .json();
    assert_eq!(
        (&shown["deleted"]["proven"], &shown["deleted"]["reason"]),
        (&true.into(), &"over".into())
    );
    let found = world
        .attest("archive find --name a.txt --format json")
        .yes();
    assert_eq!(found.json()["hits"][0]["what"], "deleted");
    world
        .attest("archive export hello@1.0.0")
        .refused(1, "release-deleted");
    world
        .attest("archive add dist")
        .refused(1, "release-deleted");
    world.attest("archive fixity --all").yes();
    world
        .attest("archive renew --all --self-asserted --no-password")
        .yes();
    world.attest("archive verify").yes();
    world.attest("archive log hello@1.0.0").yes();
    let report = world.attest("report --ssdf hello@1.0.0 --format json");
    assert!(report.out.contains("artifacts deleted 20"), "{report:?}");
    // Again there is nothing to do, and the tombstone stays the only one.
    let again = world
        .attest(&format!("{DELETE} --format json"))
        .yes()
        .json();
    assert_eq!(again["tombstone"], ran["tombstone"]);
    assert_eq!(again["deleted"].as_array().unwrap().len(), 0);
}

#[test]
fn nothing_brings_a_deleted_release_back_in_silence() {
    let world = free();
    world.attest("archive export hello@1.0.0 -o bag").yes();
    world.attest(DELETE).yes();
    let repaired = world.attest("archive repair --from vault --format json");
    assert_eq!(repaired.exit, 0, "{repaired:?}");
    assert_eq!(repaired.json()["deleted"][0], "hello@1.0.0");
    assert!(!has(&world, b"alpha\n"));
    world
        .attest("archive import bag --home .attest")
        .refused(1, "release-deleted");
    assert!(!has(&world, b"alpha\n"));
    // The replica has the bytes still, and the tombstone from now on.
    world.attest("archive copy --to vault").yes();
    let signer = "--key dist/release.pub --trusted-root dist/trusted_root.json";
    let there = world
        .attest(&format!("archive verify --archive vault {signer}"))
        .yes();
    assert!(there.out.contains("deleted-blob-present"), "{there:?}");
    world
        .attest("archive repair --from .attest/archive --archive vault")
        .refused(2, "signer-required");
    world.attest(&format!("{DELETE} --archive vault")).yes();
    assert!(!world.at(&format!("vault/{}", blob(b"alpha\n"))).exists());
    // A blob that somebody puts back is named.
    world.write(&format!(".attest/archive/{}", blob(b"alpha\n")), "alpha\n");
    let noted = world.attest("archive verify").yes();
    assert!(noted.out.contains("deleted-blob-present"), "{noted:?}");
    world.attest(DELETE).yes();
    assert!(!has(&world, b"alpha\n"));
}

#[test]
fn a_missing_blob_without_a_tombstone_that_counts_is_missing() {
    let refused = |world: &World, code: &str| {
        lose(world, b"alpha\n");
        let ran = world.attest("archive verify hello@1.0.0 --format json");
        assert_eq!(ran.exit, 1, "{ran:#?}");
        assert!(reasons(&ran).contains(&code.to_owned()), "{code}: {ran:#?}");
        let files = ran.json()["subjects"][0]["files"].clone();
        let missing = files
            .as_array()
            .unwrap()
            .iter()
            .find(|it| it["path"] == "a.txt");
        assert_eq!(missing.unwrap()["code"], "blob-missing", "{code}");
        assert_eq!(world.attest("archive fixity --all").exit, 1, "{code}");
        // What no tombstone that counts covers comes back.
        world.attest("archive repair --from vault").yes();
        assert!(has(world, b"alpha\n"));
    };
    // The parent: of our key, when nothing kept the release.
    let world = free();
    forge(&world, ".attest", &predicate(&world, |_| ()));
    lose(&world, b"alpha\n");
    world.attest("archive verify").yes();
    // By another key.
    let world = free();
    world.attest("init --home .other --no-password").yes();
    forge(&world, ".other", &predicate(&world, |_| ()));
    refused(&world, "tombstone-unproven");
    // Of other files than the artifacts.
    let world = free();
    let fewer = |it: &mut Value| drop(it["deleted"].as_array_mut().unwrap().pop());
    forge(&world, ".attest", &predicate(&world, fewer));
    refused(&world, "tombstone-other-release");
    // No tombstone.
    let world = free();
    forge(
        &world,
        ".attest",
        &predicate(&world, |it| it["by"] = Value::Null),
    );
    refused(&world, "tombstone-malformed");
    let world = free();
    attach(&world, b"{}");
    refused(&world, "tombstone-unproven");
    // Under a hold, lifted later.
    let world = free();
    let said = predicate(&world, |_| ());
    let hold = "archive hold hello@1.0.0 --no-password --reason court";
    world.attest(hold).yes();
    forge(&world, ".attest", &said);
    world.attest(&format!("{hold} --release-hold")).yes();
    refused(&world, "tombstone-under-hold");
    // Before the time was over.
    let world = free();
    let said = predicate(&world, |_| ());
    world
        .attest("archive retain hello@1.0.0 --class cra --no-password")
        .yes();
    forge(&world, ".attest", &said);
    refused(&world, "tombstone-early");
}
