//! `attest log` from outside: one history, shown, proven, recomputed, and refused when it is not one.

use std::fs;
use std::process::Command;

use crate::support::World;

/// A home whose log has three entries, and the bundles that carry them.
fn logged() -> World {
    let world = World::new();
    world.attest("init --no-password").yes();
    for name in ["a", "b", "c"] {
        world.write(name, name);
        world.attest_with(&["sign", name, "--no-password"]).yes();
    }
    world
}

fn copy_of(world: &World) -> std::path::PathBuf {
    let logs = world.at("user/.local/state/attest");
    fs::read_dir(logs)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path()
        .join("checkpoint")
}

fn cp(world: &World, from: &str, to: &str) {
    assert!(
        Command::new("cp")
            .arg("-a")
            .arg(world.at(from))
            .arg(world.at(to))
            .status()
            .unwrap()
            .success()
    );
}

#[test]
fn the_checkpoint_and_each_entry_are_shown() {
    let world = logged();
    assert_eq!(world.attest("log show").yes().out.lines().nth(1), Some("3"));
    assert!(
        world
            .attest("log show 2")
            .yes()
            .out
            .contains("\"kind\":\"hashedrekord\"")
    );
    world.attest("log show 3").refused(2, "log-index-unknown");
    assert_eq!(
        world.attest("log show --format json").yes().json()["size"],
        3
    );
}

#[test]
fn an_entry_is_proven_in_the_form_of_c2sp() {
    let world = logged();
    let proof = world.attest("log prove 1").yes().out;
    let lines: Vec<&str> = proof.lines().collect();
    assert_eq!(&lines[..2], ["c2sp.org/tlog-proof@v1", "index 1"]);
    assert_eq!(lines[4], "");
    assert!(proof.ends_with(&world.attest("log show").yes().out));
    assert_eq!(
        world
            .attest("log prove --from 1 --to 3")
            .yes()
            .out
            .lines()
            .count(),
        2
    );
    world
        .attest("log prove --from 3 --to 9")
        .refused(2, "log-size-unknown");
}

#[test]
fn the_same_entry_is_appended_once() {
    let world = logged();
    let report = world
        .attest("log append b.sigstore.json --no-password --format json")
        .yes()
        .json();
    assert_eq!(
        (
            &report["entries"][0]["index"],
            &report["entries"][0]["known"],
            &report["size"]
        ),
        (&1.into(), &true.into(), &3.into())
    );
    world.write("junk", "{\"kind\":\"rekord\"}");
    world
        .attest("log append junk --no-password")
        .refused(2, "entry-malformed");
    world
        .attest("log append nothing --no-password")
        .refused(3, "file-unreadable");
    assert_eq!(
        world.attest("log show --format json").yes().json()["size"],
        3
    );
}

#[test]
fn check_recomputes_everything_and_names_what_is_wrong() {
    let world = logged();
    world.attest("log check").yes();
    let entries = world.at(".attest/log/tile/entries/000.p/3");
    let mut bytes = fs::read(&entries).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let mut permissions = fs::metadata(&entries).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o644);
    fs::set_permissions(&entries, permissions).unwrap();
    fs::write(&entries, &bytes).unwrap();
    let ran = world.attest("log check --format json");
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert_eq!(ran.json()["findings"][0]["code"], "log-corrupt");
}

#[test]
fn anybody_with_the_folder_and_the_key_can_check() {
    let world = logged();
    cp(&world, ".attest/log", "served");
    cp(&world, ".attest/trust/trusted_root.json", "root.json");
    world.attest("log check --log served --key root.json").yes();
    world.attest("init --home other --no-password").yes();
    world
        .attest("log check --log served --key other/trust/trusted_root.json")
        .refused(1, "checkpoint-origin-mismatch");
}

#[test]
fn a_restored_backup_does_not_sign_a_second_history() {
    let world = logged();
    cp(&world, ".attest", "backup");
    world.write("d", "d");
    world.attest("sign d --no-password").yes();
    fs::rename(world.at(".attest"), world.at("newest")).unwrap();
    fs::rename(world.at("backup"), world.at(".attest")).unwrap();
    world.write("e", "e");
    let before = world.listing(".attest");
    world
        .attest("sign e --no-password")
        .refused(2, "checkpoint-newer-than-log");
    world
        .attest("log append a.sigstore.json --no-password")
        .refused(2, "checkpoint-newer-than-log");
    assert_eq!(world.listing(".attest"), before);
    assert!(!world.at("e.sigstore.json").exists());
}

#[test]
fn a_lost_second_copy_needs_a_checkpoint_from_outside_of_the_home() {
    let world = logged();
    fs::remove_file(copy_of(&world)).unwrap();
    world.write("d", "d");
    world
        .attest("sign d --no-password")
        .refused(2, "checkpoint-copy-missing");
    world
        .attest("log adopt --checkpoint .attest/log/checkpoint --no-password")
        .refused(2, "checkpoint-inside-home");
    world
        .attest("log adopt --checkpoint c.sigstore.json --no-password")
        .yes();
    world.attest("sign d --no-password").yes();
    world.attest("log check").yes();
}

#[test]
fn a_rewritten_log_does_not_contain_a_checkpoint_that_was_kept() {
    let world = logged();
    fs::copy(world.at(".attest/log/checkpoint"), world.at("kept")).unwrap();
    world.attest("log check --checkpoint kept").yes();
    // The owner rewrites the log with the same keys: only what was kept elsewhere shows it.
    fs::remove_dir_all(world.at(".attest/log")).unwrap();
    fs::remove_file(copy_of(&world)).unwrap();
    world.attest("log init --no-password").yes();
    for name in ["x", "y", "z", "w"] {
        world.write(name, name);
        world.attest_with(&["sign", name, "--no-password"]).yes();
    }
    world.attest("log check").yes();
    let ran = world.attest("log check --checkpoint kept --format json");
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert_eq!(ran.json()["findings"][0]["code"], "log-forked");
}
