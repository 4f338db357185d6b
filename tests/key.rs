//! `attest key` from outside.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use crate::support::{Ran, World};

/// The files of a case under `fixtures/keys`.
fn fixture(case: &str, file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/keys")
        .join(case)
        .join(file)
}

fn key(world: &World, password: Option<&str>, arguments: &[&str]) -> Ran {
    let mut command = world.command();
    command.arg("key").args(arguments);
    if let Some(password) = password {
        command.env("ATTEST_PASSWORD", password);
    }
    Ran::of(&mut command)
}

#[test]
fn without_a_password_and_a_terminal_nothing_is_written() {
    let world = World::new();
    let before = world.listing("");
    key(&world, None, &["generate", "release.key"]).refused(2, "password-required");
    assert_eq!(world.listing(""), before);
}

#[test]
fn neither_half_of_a_key_that_exists_is_overwritten() {
    for present in ["release.key", "release.pub"] {
        let world = World::new();
        world.write(present, "mine");
        let before = world.listing("");
        key(&world, Some("x"), &["generate", "release.key"]).refused(2, "file-exists");
        assert_eq!(world.listing(""), before);
        key(&world, Some("x"), &["generate", "release.key", "--force"]).yes();
        assert_ne!(world.read(present), b"mine");
    }
}

#[test]
fn a_folder_that_is_not_there_leaves_nothing_behind() {
    let world = World::new();
    let before = world.listing("");
    key(&world, Some("x"), &["generate", "nowhere/release.key"]).refused(3, "write-failed");
    assert_eq!(world.listing(""), before);
}

#[test]
fn a_generated_key_is_private_and_opens_with_its_password_only() {
    let world = World::new();
    key(&world, Some("hunter2"), &["generate", "release.key"]).yes();
    assert_eq!(
        world.at("release.key").metadata().unwrap().mode() & 0o777,
        0o600
    );
    key(&world, Some("hunter3"), &["public", "release.key"]).refused(2, "password-wrong");
    key(&world, Some(""), &["public", "release.key"]).refused(2, "password-wrong");
    key(&world, None, &["public", "release.key"]).refused(2, "password-required");
    let public = key(&world, Some("hunter2"), &["public", "release.key"]).yes();
    assert_eq!(public.out.as_bytes(), world.read("release.pub"));
}

#[test]
fn every_kind_that_is_imported_keeps_its_public_half() {
    for (case, password) in [
        ("pkcs8", "new"),
        ("sec1", "new"),
        ("scrypt-legacy", "hunter2"),
        ("cosign-password", "hunter2"),
        ("scrypt-owasp", "hunter2"),
        ("cosign-old-label", "hunter2"),
        ("cosign-empty-password", ""),
    ] {
        let world = World::new();
        let from = fixture(case, "key.pem");
        let from = from.to_str().unwrap();
        key(
            &world,
            Some(password),
            &["import", from, "--out", "mine.key"],
        )
        .yes();
        let public = std::fs::read(fixture(case, "public.pem")).unwrap();
        assert_eq!(world.read("mine.pub"), public, "{case}");
        let opened = key(&world, Some(password), &["public", "mine.key"]).yes();
        assert_eq!(opened.out.as_bytes(), public, "{case}");
        let shown = key(
            &world,
            Some(password),
            &["show", "mine.key", "--format", "json"],
        )
        .yes()
        .json();
        let protection = if password.is_empty() {
            "empty-password"
        } else {
            "password"
        };
        assert_eq!(shown["key"]["protection"], protection, "{case}");
    }
}

#[test]
fn what_cannot_be_imported_is_named_and_nothing_is_written() {
    for (case, code) in [
        ("rsa-pkcs8", "key-unsupported"),
        ("p384-sec1", "key-unsupported"),
        ("ed25519-pkcs8", "key-unsupported"),
        ("scrypt-n-huge", "key-unsupported"),
        ("public-key", "key-unsupported"),
        ("garbage", "key-unreadable"),
        ("flipped-tag", "password-wrong"),
    ] {
        let world = World::new();
        let before = world.listing("");
        let from = fixture(case, "key.pem");
        let ran = key(
            &world,
            Some("hunter2"),
            &["import", from.to_str().unwrap(), "--out", "mine.key"],
        );
        ran.refused(2, code);
        assert_eq!(world.listing(""), before, "{case}");
    }
}

#[test]
fn a_key_file_that_is_missing_or_a_folder_is_a_bad_request() {
    let world = World::new();
    key(&world, Some("x"), &["show", "nowhere.key"]).refused(2, "key-unreadable");
    key(&world, Some("x"), &["show", "."]).refused(2, "key-unreadable");
    key(&world, Some("x"), &["show"]).refused(2, "no-identity");
}

#[test]
fn the_homes_public_half_needs_no_password() {
    let world = World::new();
    let made = Ran::of(
        world
            .command()
            .args(["init", "--export", "out"])
            .env("ATTEST_PASSWORD", "hunter2"),
    );
    made.yes();
    let public = key(&world, None, &["public"]).yes();
    assert_eq!(public.out.as_bytes(), world.read("out/release.pub"));
    let shown = key(&world, None, &["show"]).yes();
    assert!(shown.line("pin").starts_with("sha256:"), "{shown:#?}");
    key(&world, None, &["public", ".attest/keys/artifact.key"]).refused(2, "password-required");
}
