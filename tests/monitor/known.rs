//! What counts as ours in an archive: what we released and what attest keeps about it, and not what others have
//! attached to our releases.

use std::process::Command;

use attest_archive::{AttachedFileInput, AttachmentInput, AttachmentKind, Source, Store};
use attest_digest::RelativePath;
use attest_provenance::ReleaseName;

use super::monitor;
use crate::support::World;

const HELLO: &str = "hello@1.0.0";

/// A home with a release of four entries, and a statement about how long it is kept.
fn released() -> World {
    let world = World::new();
    world.write("dist/a.txt", "alpha\n");
    world
        .attest("release dist --name hello --version 1.0.0 --init --no-password")
        .yes();
    world
        .attest("archive retain hello@1.0.0 --class snapshot --no-password")
        .yes();
    world
}

/// Our release as somebody gives it back who has attached this bundle to it.
fn given_back(world: &World, bundle: &str) {
    let copied = Command::new("cp")
        .arg("-a")
        .args([world.at(".attest/archive"), world.at("thief")])
        .status();
    assert!(copied.unwrap().success());
    let bytes = world.read(bundle);
    let attachment = AttachmentInput {
        subject: Some(ReleaseName::parse(HELLO).unwrap()),
        kind: AttachmentKind::Evidence,
        created: "2026-01-01T00:00:00Z".parse().unwrap(),
        files: vec![AttachedFileInput {
            path: RelativePath::parse("review.sigstore.json").unwrap(),
            media_type: "application/vnd.dev.sigstore.bundle.v0.3+json".to_owned(),
            source: Source::Bytes(&bytes),
            expected: None,
        }],
    };
    let mut store = Store::open(&world.at("thief")).unwrap();
    store.attach(&attachment).unwrap();
    drop(store);
    world
        .attest("archive export hello@1.0.0 --archive thief --out bag")
        .yes();
    let imported = world.attest("archive import bag --home .attest").yes();
    assert!(imported.out.contains("1 attachment"), "{imported:#?}");
}

#[test]
fn what_others_attached_to_our_release_is_not_ours() {
    let world = released();
    world.write("stolen.txt", "stolen\n");
    world
        .attest("sign stolen.txt --no-password --out stolen.sigstore.json")
        .yes();
    let found = |known: &[&str]| {
        let mut arguments = vec!["--key", ".attest/trust/release.pub", "--from", "0"];
        arguments.extend(known.iter().flat_map(|it| ["--known", it]));
        monitor(&world, ".attest/log", &arguments)
    };
    let entries = |known: &[&str]| {
        let ran = found(known);
        assert_eq!(ran.exit, 1, "{known:?}: {}{}", ran.out, ran.err);
        ran.out.matches("is of the key").count()
    };
    // What is kept of the release and of its retention is ours; the last entry is not.
    assert_eq!(entries(&[".attest/archive"]), 1);
    given_back(&world, "stolen.sigstore.json");
    assert_eq!(entries(&[".attest/archive"]), 1);
    assert_eq!(entries(&[".attest"]), 1);
    // Nor is it in the exported release, of which what was released alone counts.
    assert_eq!(entries(&["bag"]), 2);
    // The parent: the bundle itself, named by us.
    found(&[".attest/archive", "stolen.sigstore.json"]).yes();
}

#[test]
fn an_archive_that_cannot_be_read_is_no_list_of_what_is_ours() {
    let world = released();
    world.write(".attest/archive/index.json", "{}");
    let arguments = ["--key", ".attest/trust/release.pub", "--known", ".attest"];
    monitor(&world, ".attest/log", &arguments).refused(3, "bundle-unreadable");
}
