//! `--gpg-key`, as far as no gpg is needed: a program of that name that does what it should not.

use std::path::PathBuf;

use crate::support::{Ran, World};

/// The primary key of `fixtures/openpgp/ed25519`.
fn fingerprint() -> String {
    let key = std::fs::read(fixture("key")).unwrap();
    let keys = attest_verify::DetachedKey::parse_all(&key).unwrap();
    keys[0].openpgp_fingerprint().unwrap().to_string()
}

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/openpgp/ed25519")
        .join(name)
}

/// A world with a home, a folder to release, and this program as gpg.
fn world(script: &str) -> World {
    let world = World::new();
    world.attest("init --no-password").yes();
    world.write("dist/tool", "content");
    let key = fixture("key").display().to_string();
    let signature = fixture("signature").display().to_string();
    let script = script.replace("KEY", &key).replace("SIGNATURE", &signature);
    world.write_program("bin/gpg", &format!("#!/bin/sh\n{script}\n"));
    world
}

fn release(world: &World, key: &str) -> Ran {
    let path = format!("{}:/usr/bin:/bin", world.at("bin").display());
    release_with(world, key, &path)
}

fn release_with(world: &World, key: &str, path: &str) -> Ran {
    let before = world.listing(".attest/log");
    let mut command = world.command();
    command
        .env("PATH", path)
        .args(["release", "dist", "--name", "app", "--version", "1"])
        .args(["--no-password", "--gpg-key", key]);
    let ran = Ran::of(&mut command);
    assert_eq!(world.listing("dist").len(), 1, "{ran:#?}");
    assert_eq!(world.listing(".attest/log"), before, "{ran:#?}");
    ran
}

#[test]
fn a_key_that_is_not_named_in_full_or_not_there_is_refused() {
    let there = world("cat KEY");
    for short in [
        "",
        "0",
        &fingerprint()[24..],
        "0x00",
        "somebody@example.org",
    ] {
        release(&there, short).refused(2, "gpg-key-malformed");
    }
    release(&there, &"0".repeat(40)).refused(2, "gpg-key-missing");
    release(&world("true"), &fingerprint()).refused(2, "gpg-key-missing");
    release(&world("echo no key"), &fingerprint()).refused(2, "gpg-key-missing");
}

#[test]
fn gpg_that_fails_or_says_that_it_signed_nothing_ends_the_run() {
    let failing = "case \"$*\" in *--export*) cat KEY;; *) echo no card >&2; exit 2;; esac";
    let ran = release(&world(failing), &fingerprint());
    assert!(ran.err.contains("no card"), "{}", ran.err);
    ran.refused(3, "gpg-failed");
    let silent = "case \"$*\" in *--export*) cat KEY;; *) cat SIGNATURE;; esac";
    release(&world(silent), &fingerprint()).refused(3, "gpg-failed");
}

#[test]
fn a_signature_over_something_else_is_not_released() {
    let script = "case \"$*\" in *--export*) cat KEY;; \
                  *) cat SIGNATURE; echo '[GNUPG:] SIG_CREATED D 22 8 00 1 0' >&2;; esac";
    release(&world(script), &fingerprint()).refused(3, "gpg-signature-wrong");
}

#[test]
fn gpg_is_never_a_program_of_the_current_folder() {
    let world = world("touch ran; cat KEY");
    std::fs::copy(world.at("bin/gpg"), world.at("gpg")).unwrap();
    for path in ["bin:/nowhere", ":/nowhere", ".:/nowhere"] {
        release_with(&world, &fingerprint(), path).refused(2, "gpg-missing");
        assert!(!world.at("ran").exists(), "{path}");
    }
}
