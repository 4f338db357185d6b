//! What is refused: with its exact exit code and code, and nothing made.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use super::{EVIDENCE, RELEASE, log_size, released, world};
use crate::support::{World, assert_same};

/// Refuses, and leaves the folder, the home and everything else as they were.
#[track_caller]
fn refused_without_a_trace(world: &World, command: &str, exit: i32, code: &str) {
    let before = world.listing(".");
    world.attest(command).refused(exit, code);
    assert_same(&before, &world.listing("."), command);
}

#[test]
fn a_release_without_an_identity_is_refused_with_a_hint() {
    let world = world();
    let before = world.listing(".");
    let ran = world
        .attest("release dist --name demo --version 1.0")
        .refused(2, "no-identity");
    assert!(
        ran.err
            .contains("hint: make one with attest init or with --init"),
        "{ran:?}"
    );
    assert_eq!(world.listing("."), before);
}

#[test]
fn a_home_inside_the_folder_is_refused_even_if_it_would_only_be_made() {
    let world = world();
    let command = "release . --name demo --version 1.0 --init --no-password";
    refused_without_a_trace(&world, command, 2, "home-inside");
    let ran = world.attest(command);
    assert!(ran.err.contains("--home"), "{ran:?}");
    let elsewhere =
        "release dist --name demo --version 1.0 --init --no-password --home dist/sub/home";
    refused_without_a_trace(&world, elsewhere, 2, "home-inside");
}

#[test]
fn a_folder_inside_the_home_and_another_home_are_refused() {
    let (world, _) = released();
    refused_without_a_trace(
        &world,
        "release .attest/log --name demo --version 2 --no-password",
        2,
        "home-inside",
    );
    world.attest("init --no-password --home other").yes();
    std::fs::rename(world.at("other"), world.at("dist/sub/other")).unwrap();
    let command = "release dist --name demo --version 2 --no-password";
    refused_without_a_trace(&world, command, 2, "home-inside");
}

#[test]
fn git_is_refused_as_a_folder_and_as_a_file() {
    for make in [
        |world: &World| drop(world.write("dist/sub/.git/HEAD", "ref: refs/heads/main\n")),
        |world: &World| drop(world.write("dist/.git", "gitdir: ../.git\n")),
        |world: &World| std::fs::create_dir_all(world.at("dist/.git")).unwrap(),
    ] {
        let world = world();
        make(&world);
        refused_without_a_trace(&world, RELEASE, 2, "git-inside");
    }
}

#[test]
fn names_that_cannot_be_signed_are_refused() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    for (name, code) in [
        (&b"new\nline"[..], "name-control-character"),
        (b"tab\there", "name-control-character"),
        (b"\xc2\x9b", "name-control-character"),
        (b"latin-\xe9", "name-not-utf8"),
    ] {
        let world = world();
        std::fs::write(world.at("dist").join(OsStr::from_bytes(name)), "x").unwrap();
        refused_without_a_trace(&world, RELEASE, 2, code);
    }
}

#[test]
fn names_that_some_systems_take_for_one_are_refused() {
    for (one, other) in [
        ("README", "readme"),
        ("caf\u{e9}", "cafe\u{301}"),
        ("stra\u{df}e", "STRASSE"),
        ("Sub/x", "sub/y"),
        ("sha256sums", "x"),
        ("Release.Pub", "x"),
        ("RELEASE.sigstore.json", "x"),
    ] {
        let world = world();
        world.write(&format!("dist/{one}"), "1");
        world.write(&format!("dist/{other}"), "2");
        refused_without_a_trace(&world, RELEASE, 2, "name-collision");
    }
}

#[test]
fn links_that_do_not_lead_to_a_file_inside_are_refused() {
    for (target, code) in [
        ("/etc/hostname", "link-outside"),
        ("../outside", "link-outside"),
        ("sub/../../dist/a.txt", "link-outside"),
        ("nothing", "link-broken"),
        ("link", "link-broken"),
        ("sub", "link-to-directory"),
        (".", "link-to-directory"),
    ] {
        let world = world();
        world.write("outside", "x");
        symlink(target, world.at("dist/link")).unwrap();
        refused_without_a_trace(&world, RELEASE, 2, code);
    }
}

#[test]
fn special_files_are_refused() {
    let world = world();
    let _socket = UnixListener::bind(world.at("dist/socket")).unwrap();
    refused_without_a_trace(&world, RELEASE, 2, "special-file");
    std::fs::remove_file(world.at("dist/socket")).unwrap();
    assert!(
        world
            .program("mkfifo")
            .arg("dist/fifo")
            .status()
            .unwrap()
            .success()
    );
    refused_without_a_trace(&world, RELEASE, 2, "special-file");
}

#[test]
fn private_keys_are_refused_unless_they_are_named() {
    let world = world();
    world.write(
        "dist/sub/id_ed25519",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n",
    );
    refused_without_a_trace(&world, RELEASE, 2, "private-key-inside");
    let other = format!("{RELEASE} --allow-private-key *.pem --allow-private-key id_*");
    refused_without_a_trace(&world, &other, 2, "private-key-inside");
    let command = format!("{RELEASE} --allow-private-key sub/id_*");
    world.attest(&command).yes();
}

#[test]
fn our_own_keys_are_private_keys() {
    let world = world();
    world.attest("init --no-password").yes();
    std::fs::copy(world.at(".attest/keys/tsa.key"), world.at("dist/forgotten")).unwrap();
    let command = "release dist --name demo --version 1.0 --no-password";
    refused_without_a_trace(&world, command, 2, "private-key-inside");
}

#[test]
fn a_pattern_that_cannot_be_read_is_refused() {
    let world = world();
    for pattern in ["[", "/etc/*", "../*"] {
        let command = format!("{RELEASE} --allow-private-key {pattern}");
        refused_without_a_trace(&world, &command, 2, "bad-pattern");
    }
}

#[test]
fn names_of_ours_that_somebody_else_wrote_are_refused() {
    for name in EVIDENCE
        .iter()
        .chain(&["SHA256SUMS.asc", "release-notes.sigstore.json"])
    {
        let world = world();
        world.write(&format!("dist/{name}"), "somebody else's");
        refused_without_a_trace(&world, RELEASE, 2, "name-reserved");
    }
}

#[test]
fn our_names_in_sub_folders_are_ordinary_files() {
    let world = world();
    world.write("dist/sub/SHA256SUMS", "x");
    world.write("dist/sub/release.sigstore.json", "x");
    world.attest(RELEASE).yes();
    let sums = String::from_utf8(world.read("dist/SHA256SUMS")).unwrap();
    assert!(sums.contains("  sub/SHA256SUMS\n") && sums.contains("  sub/release.sigstore.json\n"));
}

#[test]
fn our_names_as_folders_and_links_are_refused_even_with_force() {
    for make in [
        |world: &World| drop(world.write("dist/SHA256SUMS/x", "x")),
        |world: &World| std::fs::create_dir(world.at("dist/VERIFY.md")).unwrap(),
        |world: &World| symlink("a.txt", world.at("dist/release.pub")).unwrap(),
    ] {
        let world = world();
        make(&world);
        refused_without_a_trace(&world, &format!("{RELEASE} --force"), 2, "name-reserved");
    }
}

#[test]
fn force_replaces_what_the_release_writes_and_removes_nothing_else() {
    let world = world();
    world.write("dist/VERIFY.md", "somebody else's");
    world.attest(&format!("{RELEASE} --force")).yes();
    assert!(world.read("dist/VERIFY.md").starts_with(b"# How to check"));
    let world = super::world();
    world.write("dist/release.7.sigstore.json", "somebody else's");
    refused_without_a_trace(&world, &format!("{RELEASE} --force"), 2, "name-reserved");
}

#[test]
fn an_empty_folder_and_no_folder_are_refused() {
    let world = World::new();
    refused_without_a_trace(&world, RELEASE, 2, "folder-unreadable");
    world.write("dist/.keep", "");
    std::fs::remove_file(world.at("dist/.keep")).unwrap();
    refused_without_a_trace(&world, RELEASE, 2, "release-empty");
    let file = "release dist/x --name demo --version 1.0 --init --no-password";
    world.write("dist/x", "");
    refused_without_a_trace(&world, file, 2, "folder-unreadable");
}

#[test]
fn names_and_versions_that_no_release_can_have_are_refused() {
    let world = world();
    for (name, version) in [
        ("demo", "1.0/2"),
        ("demo", ".."),
        ("../demo", "1.0"),
        ("demo//x", "1.0"),
        ("de mo", "1.0"),
        ("demo", "1@0"),
    ] {
        let ran = world.attest_with(&[
            "release",
            "dist",
            "--name",
            name,
            "--version",
            version,
            "--init",
            "--no-password",
        ]);
        ran.refused(2, "release-name-malformed");
    }
    assert!(!world.at(".attest").exists());
}

#[test]
fn without_a_name_and_a_repository_there_is_no_release() {
    let world = world();
    let command = "release dist --version 1.0 --init --no-password";
    refused_without_a_trace(&world, command, 2, "name-required");
}

#[test]
fn a_time_from_a_flag_is_never_asserted() {
    let world = world();
    refused_without_a_trace(
        &world,
        &format!("{RELEASE} --at 2020-01-01"),
        2,
        "time-not-asserted",
    );
}

#[test]
fn a_wrong_password_and_no_password_are_refused_before_anything_is_read() {
    let world = world();
    let init = world
        .command()
        .arg("init")
        .env("ATTEST_PASSWORD", "right")
        .output()
        .unwrap();
    assert!(init.status.success());
    let before = world.listing(".");
    let run = |variable: &str, value: &str| {
        crate::support::Ran::of(
            world
                .command()
                .args(["release", "dist", "--name", "demo", "--version", "1.0"])
                .env(variable, value),
        )
    };
    run("ATTEST_PASSWORD", "wrong").refused(2, "password-wrong");
    run("ATTEST_PASSWORD", "").refused(2, "password-wrong");
    run("UNRELATED", "x").refused(2, "password-required");
    assert_eq!(world.listing("."), before);
    run("COSIGN_PASSWORD", "right").yes();
}

#[test]
fn a_broken_home_is_refused() {
    for (file, content, code) in [
        ("keys/artifact.key", "no key", "key-unreadable"),
        ("identity.json", "{", "identity-unreadable"),
        ("identity.json", r#"{"version": 2}"#, "identity-unreadable"),
        ("unfinished.json", "{", "journal-unreadable"),
        (
            "trust/tsa-chain.pem",
            "no chain",
            "authority-chain-malformed",
        ),
    ] {
        let world = world();
        world.attest("init --no-password").yes();
        world.write(&format!(".attest/{file}"), content);
        let command = "release dist --name demo --version 1.0 --no-password";
        refused_without_a_trace(&world, command, 2, code);
    }
}

#[test]
fn keys_of_two_homes_do_not_mix() {
    let world = world();
    world.attest("init --no-password").yes();
    world.attest("init --no-password --home other").yes();
    std::fs::copy(
        world.at("other/keys/artifact.key"),
        world.at(".attest/keys/artifact.key"),
    )
    .unwrap();
    let command = "release dist --name demo --version 1.0 --no-password";
    refused_without_a_trace(&world, command, 2, "identity-inconsistent");
}

#[test]
fn a_log_that_is_not_the_latest_refuses_to_start() {
    let (world, _) = released();
    let state = world.at("user/.local/state/attest");
    std::fs::remove_dir_all(&state).unwrap();
    world.write("dist/a.txt", "changed\n");
    let before = (world.listing("dist"), world.listing(".attest"));
    let command = "release dist --name demo --version 2 --no-password";
    world.attest(command).refused(2, "checkpoint-copy-missing");
    assert_eq!((world.listing("dist"), world.listing(".attest")), before);
}

#[test]
fn a_damaged_trusted_root_in_the_home_is_found_before_anything_is_logged() {
    let world = world();
    world.attest("init --no-password").yes();
    world.write(".attest/trust/trusted_root.json", "{}");
    let ran = world.attest("release dist --name demo --version 1.0 --no-password");
    ran.refused(2, "trusted-root-malformed");
    assert_eq!(log_size(&world), 0);
    assert_eq!(super::names(&world, "dist"), ["a.txt", "b.bin", "sub"]);
}

#[test]
fn a_copy_that_overlaps_is_refused() {
    let world = world();
    for out in ["dist", "dist/out", ".", "./dist/sub/../x"] {
        refused_without_a_trace(&world, &format!("{RELEASE} --out {out}"), 2, "out-inside");
    }
    let home = format!("{RELEASE} --out .attest/out");
    refused_without_a_trace(&world, &home, 2, "home-inside");
    let nowhere = format!("{RELEASE} --out no/such/folder");
    refused_without_a_trace(&world, &nowhere, 2, "folder-unreadable");
}

#[test]
fn a_copy_never_goes_where_others_keep_files() {
    let world = world();
    world.write("out/precious", "x");
    refused_without_a_trace(&world, &format!("{RELEASE} --out out"), 2, "out-occupied");
    refused_without_a_trace(
        &world,
        &format!("{RELEASE} --out out --force"),
        2,
        "out-occupied",
    );
    world.write("file", "x");
    refused_without_a_trace(
        &world,
        &format!("{RELEASE} --out file --force"),
        2,
        "out-occupied",
    );
}

#[test]
fn bills_of_materials_that_are_none_are_refused() {
    let world = world();
    world.write("bom.json", "{}");
    refused_without_a_trace(
        &world,
        &format!("{RELEASE} --sbom bom.json"),
        2,
        "sbom-unknown",
    );
    refused_without_a_trace(
        &world,
        &format!("{RELEASE} --sbom none"),
        2,
        "sbom-unreadable",
    );
    world.write("release.pub", r#"{"bomFormat":"CycloneDX"}"#);
    refused_without_a_trace(
        &world,
        &format!("{RELEASE} --sbom release.pub"),
        2,
        "name-reserved",
    );
    world.write("a.txt", r#"{"bomFormat":"CycloneDX"}"#);
    refused_without_a_trace(&world, &format!("{RELEASE} --sbom a.txt"), 2, "sbom-exists");
    world.write("x/B.BIN", r#"{"bomFormat":"CycloneDX"}"#);
    refused_without_a_trace(
        &world,
        &format!("{RELEASE} --sbom x/B.BIN"),
        2,
        "name-collision",
    );
}

#[test]
fn an_authority_needs_its_chain_and_an_address() {
    let world = world();
    world
        .attest(&format!("{RELEASE} --tsa http://127.0.0.1:1/"))
        .refused(2, "bad-arguments");
    world.write("chain.pem", "no chain");
    let with = |url: &str| format!("{RELEASE} --tsa {url} --tsa-chain chain.pem");
    refused_without_a_trace(
        &world,
        &with("http://127.0.0.1:1/"),
        2,
        "timestamp-chain-malformed",
    );
    world.attest("init --no-password --home other").yes();
    std::fs::copy(world.at("other/trust/tsa-chain.pem"), world.at("chain.pem")).unwrap();
    refused_without_a_trace(&world, &with("ftp://host/"), 2, "timestamp-address");
    refused_without_a_trace(&world, &with("http://u:p@host/"), 2, "timestamp-address");
}
