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

/// `key password` with the old and the new password in the environment.
fn change(world: &World, old: &str, new: &str, arguments: &[&str]) -> Ran {
    let mut command = world.command();
    command.args(["key", "password"]).args(arguments);
    command.env("ATTEST_PASSWORD", old);
    command.env("ATTEST_NEW_PASSWORD", new);
    Ran::of(&mut command)
}

/// Whether a password opens all keys that signing with the home needs.
fn opens(world: &World, password: &str) -> bool {
    world.write("x", "x");
    let mut command = world.command();
    command.args(["sign", "x", "--force"]);
    let ran = Ran::of(command.env("ATTEST_PASSWORD", password));
    assert!(matches!(ran.exit, 0 | 2), "{ran:#?}");
    ran.exit == 0
}

fn home(password: &str) -> World {
    let world = World::new();
    let mut command = world.command();
    Ran::of(command.arg("init").env("ATTEST_PASSWORD", password)).yes();
    world
}

#[test]
fn a_key_file_keeps_its_key_and_opens_with_the_new_password_only() {
    let world = World::new();
    key(&world, Some("old"), &["generate", "release.key"]).yes();
    let public = world.read("release.pub");
    change(&world, "wrong", "new", &["release.key"]).refused(2, "password-wrong");
    let none = key(&world, Some("old"), &["password", "release.key"]);
    none.refused(2, "password-required");
    std::os::unix::fs::symlink("release.key", world.at("link")).unwrap();
    change(&world, "old", "new", &["link"]).yes();
    assert!(world.at("link").is_symlink());
    assert_eq!(
        world.at("release.key").metadata().unwrap().mode() & 0o777,
        0o600
    );
    key(&world, Some("old"), &["public", "release.key"]).refused(2, "password-wrong");
    let shown = key(&world, Some("new"), &["public", "release.key"]).yes();
    assert_eq!(shown.out.as_bytes(), public);
    let ran = change(
        &world,
        "new",
        "x",
        &["release.key", "--no-new-password", "--format", "json"],
    );
    assert_eq!(ran.yes().json()["protection"], "empty-password");
    key(&world, None, &["public", "release.key"]).yes();
    change(&world, "x", "y", &["release.pub"]).refused(2, "key-unsupported");
    world.write(
        "plain.key",
        std::fs::read(fixture("pkcs8", "key.pem")).unwrap(),
    );
    change(&world, "x", "y", &["plain.key"]).refused(2, "key-unsupported");
}

#[test]
fn the_keys_of_a_home_change_their_password_together() {
    let world = home("old");
    let before = world.listing(".attest");
    change(&world, "wrong", "new", &[]).refused(2, "password-wrong");
    world.write(".attest/keys/mine", "x");
    change(&world, "old", "new", &[]).refused(2, "identity-inconsistent");
    std::fs::remove_file(world.at(".attest/keys/mine")).unwrap();
    assert_eq!(world.listing(".attest"), before);
    let names = |lines: &[String]| -> Vec<String> {
        let name = |line: &String| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
        lines.iter().map(name).collect()
    };
    change(&world, "old", "new", &[]).yes();
    let after = world.listing(".attest");
    assert_eq!(names(&after), names(&before));
    let same = before.iter().filter(|it| after.contains(it)).count();
    assert_eq!(
        same + 5,
        before.len(),
        "four keys changed, and the audit trail says so"
    );
    assert!(!opens(&world, "old") && opens(&world, "new"));
}

/// Dies at every step that changes the disk: one of the passwords opens all keys, and the next run works.
#[test]
fn a_death_while_passwords_change_leaves_a_home_that_one_password_opens() {
    if std::process::Command::new("strace")
        .arg("-V")
        .output()
        .is_err()
    {
        println!("NOT RUN: deaths of attest key password: there is no strace");
        return;
    }
    let template = home("old");
    let (mut died, mut old, mut new) = (0, 0, 0);
    for call in [
        "mkdir",
        "link",
        "linkat",
        "renameat2",
        "fsync",
        "unlink",
        "unlinkat",
        "rmdir",
    ] {
        for when in 1.. {
            let world = World::new();
            let places = [".attest", "user"].map(|it| template.at(it));
            let mut copy = std::process::Command::new("cp");
            copy.arg("-a").args(places).arg(world.path());
            assert!(copy.status().unwrap().success());
            let mut command = world.program("strace");
            command.args([
                "-f",
                "-o",
                "/dev/null",
                "-e",
                &format!("trace={call}"),
                "-e",
            ]);
            command.arg(format!("inject={call}:signal=KILL:when={when}"));
            command
                .arg(env!("CARGO_BIN_EXE_attest"))
                .args(["key", "password"]);
            command
                .env("ATTEST_PASSWORD", "old")
                .env("ATTEST_NEW_PASSWORD", "new");
            if Ran::of(&mut command).exit == 0 {
                break;
            }
            died += 1;
            let opened_by = match (opens(&world, "old"), opens(&world, "new")) {
                (true, false) => "old",
                (false, true) => "new",
                both => panic!("{call} {when}: {both:?}"),
            };
            if opened_by == "old" {
                old += 1;
            } else {
                new += 1;
            }
            change(&world, opened_by, "third", &[]).yes();
            assert!(opens(&world, "third") && !world.at(".attest/.keys.tmp").exists());
        }
    }
    println!("{died} deaths of attest key password: {old} before, {new} after");
    assert!(old >= 5 && new >= 2, "{old} before, {new} after");
}
