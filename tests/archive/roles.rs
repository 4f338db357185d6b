//! What a manifest calls the files of a release is nobody's word: what they are is decided by verifying them.

use std::fs;

use attest_archive::{MemberInput, Reader, ReleaseInput, Role, Source, Store};
use attest_digest::{Artifact, Hashes, RelativePath};
use serde_json::Value;

use super::{HELLO, archive, codes, named, released, with_pins};
use crate::support::{Ran, World};

/// The release in an archive of its own, some files of it called something else, as whoever hands it out can.
fn relabelled(world: &World, place: &str, changes: &[(&str, Role)]) {
    let reader = Reader::open(&archive(world)).unwrap();
    let release = reader.find(&named(HELLO)).unwrap().unwrap();
    let files = release.members().iter().map(|it| {
        let other = changes.iter().find(|(path, _)| *path == it.path().as_str());
        let role = other.map_or(it.role(), |(_, role)| *role);
        let bytes = release.unverified_bytes(it.path(), 1 << 20).unwrap();
        (it.path().clone(), role, bytes)
    });
    let files: Vec<(RelativePath, Role, Vec<u8>)> = files.collect();
    let members = files.iter().map(|(path, role, bytes)| MemberInput {
        path: path.clone(),
        role: *role,
        source: Source::Bytes(bytes),
        expected: None,
    });
    let input = ReleaseInput {
        name: named(HELLO),
        members: members.collect(),
    };
    let store = Store::init(&world.at(place));
    store.unwrap().add(&input).unwrap();
}

/// Kept from an exported release with these changes, in a vault of its own.
fn imported(changes: &[(&str, Role)]) -> (Ran, bool) {
    let world = released();
    relabelled(&world, "theirs", changes);
    world
        .attest("archive export hello@1.0.0 --archive theirs --out bag")
        .yes();
    let import = [
        "archive",
        "import",
        "bag",
        "--archive",
        "vault",
        "--format",
        "json",
    ];
    let ran = with_pins(&world, &import);
    (ran, world.at("vault").exists())
}

#[test]
fn an_exported_release_that_calls_its_files_something_else_is_not_kept() {
    for (path, role) in [
        ("release.sigstore.json", Role::Artifact),
        ("SHA256SUMS.sig", Role::Artifact),
        ("SHA256SUMS.sigstore.json", Role::Guide),
        ("a.txt", Role::Evidence),
        ("a.txt", Role::Sbom),
        ("a.txt", Role::Trust),
        ("sub/b.txt", Role::Guide),
        ("VERIFY.md", Role::Artifact),
        ("SHA256SUMS", Role::Artifact),
        ("release.pub", Role::Artifact),
        ("trusted_root.json", Role::Evidence),
    ] {
        let (ran, is_kept) = imported(&[(path, role)]);
        assert_eq!(ran.exit, 1, "{path} as {role}: {ran:#?}");
        let found = codes(&ran.json(), HELLO);
        assert_eq!(found, ["release-role-mismatch"], "{path} as {role}");
        let reason = ran.json()["subjects"][0]["reasons"][0].clone();
        assert_eq!(reason["found"], format!("{path} as {role}"));
        assert!(!is_kept, "{path} as {role}");
    }
    // The parents: as we keep it, and as an attest kept it that knew no manifest of the files.
    for changes in [&[][..], &[("release.tree", Role::Artifact)]] {
        let (ran, is_kept) = imported(changes);
        assert!(ran.exit == 0 && is_kept, "{ran:#?}");
    }
}

#[test]
fn what_must_be_kept_is_what_was_verified_and_not_what_it_is_called() {
    let world = released();
    let complete = |place: &str, needed: &str| {
        let verify = ["archive", "verify", HELLO, "--archive", place];
        let asked = ["--complete", needed, "--format", "json"];
        let ran = with_pins(&world, &[&verify[..], &asked].concat());
        (ran.exit, codes(&ran.json(), HELLO))
    };
    let incomplete = (1, vec!["archive-incomplete".to_owned()]);
    assert_eq!(complete(".attest/archive", "sbom"), incomplete);
    let bill = [("a.txt", Role::Sbom), ("sub/b.txt", Role::Checksums)];
    relabelled(&world, "bill", &bill);
    assert_eq!(complete("bill", "sbom"), incomplete);
    // Whatever it is called, it is there.
    let others = [
        ("SHA256SUMS", Role::Artifact),
        ("trusted_root.json", Role::Artifact),
        ("release.pub", Role::Artifact),
    ];
    relabelled(&world, "others", &others);
    assert_eq!(complete("others", "checksums,trust"), (0, vec![]));
}

/// The evidence of PS.2.1 as `kind place state`.
fn shown(world: &World, place: &str) -> Vec<String> {
    let ran = with_pins(
        world,
        &["report", "--ssdf", "--archive", place, "--format", "json"],
    );
    let report = ran.json();
    let tasks = report["releases"][0]["tasks"].as_array().unwrap().clone();
    let task = tasks.iter().find(|it| it["task"] == "PS.2.1").unwrap();
    let text = |it: &Value, field: &str| it[field].as_str().unwrap().to_owned();
    let evidence = task["evidence"].as_array().unwrap().iter();
    let lines = evidence.map(|it| {
        let [kind, place, state] = ["kind", "place", "state"].map(|field| text(it, field));
        format!("{kind} {place} {state}")
    });
    lines.collect()
}

#[test]
fn a_key_a_guide_and_a_list_are_shown_by_what_they_are() {
    let world = released();
    let genuine = shown(&world, ".attest/archive");
    for wanted in ["key release.pub verified", "guide VERIFY.md verified"] {
        let wanted = wanted.to_owned();
        assert!(genuine.contains(&wanted), "{wanted}: {genuine:#?}");
    }
    let changes = [
        ("a.txt", Role::Trust),
        ("sub/b.txt", Role::Guide),
        ("VERIFY.md", Role::Artifact),
        ("release.pub", Role::Guide),
        ("SHA256SUMS", Role::Evidence),
    ];
    relabelled(&world, "theirs", &changes);
    assert_eq!(shown(&world, "theirs"), genuine);
}

#[test]
fn evidence_that_is_called_an_artifact_is_not_deleted() {
    let world = released();
    let changes = [
        ("release.sigstore.json", Role::Artifact),
        ("SHA256SUMS", Role::Artifact),
        ("SHA256SUMS.sig", Role::Artifact),
        ("VERIFY.md", Role::Artifact),
        ("release.pub", Role::Artifact),
        ("release.tree", Role::Artifact),
    ];
    relabelled(&world, "theirs", &changes);
    fs::remove_dir_all(archive(&world)).unwrap();
    fs::rename(world.at("theirs"), archive(&world)).unwrap();
    world
        .attest("archive retain hello@1.0.0 --class snapshot --no-password")
        .yes();
    let delete = "archive delete hello@1.0.0 --no-password --reason over --format json";
    let deleted = world.attest(delete).yes().json();
    assert_eq!(deleted["deleted"].as_array().unwrap().len(), 2, "{deleted}");
    let is_there = |path: &str| {
        let bytes = world.read(&format!("dist/{path}"));
        let digest = Artifact::of_bytes(&bytes, Hashes::Sha256).sha256();
        let blob = format!(".attest/archive/blobs/sha256/{}", digest.hex());
        world.at(&blob).exists()
    };
    assert!(!is_there("a.txt") && !is_there("sub/b.txt"));
    for (path, _) in changes {
        assert!(is_there(path), "{path}");
    }
    let verified = world.attest("archive verify").yes();
    assert!(verified.out.contains("deleted 20"), "{verified:#?}");
    world.attest(delete).yes();
}
