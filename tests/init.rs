//! `attest init` from outside.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::{Ran, World, assert_same};

fn init_with(world: &World, arguments: &str, variables: &[(&str, &str)]) -> Ran {
    let mut command = world.command();
    command.arg("init").args(arguments.split_whitespace());
    Ran::of(command.envs(variables.iter().copied()))
}

#[track_caller]
fn refused_without_a_trace(world: &World, ran: impl Fn() -> Ran, exit: i32, code: &str) {
    let before = world.listing(".");
    ran().refused(exit, code);
    assert_same(&before, &world.listing("."), code);
}

#[test]
fn without_a_password_and_a_terminal_nothing_is_made() {
    let world = World::new();
    refused_without_a_trace(&world, || world.attest("init"), 2, "password-required");
    assert_eq!(world.listing("."), ["user/ 755"]);
}

#[test]
fn a_home_that_exists_is_never_made_again() {
    let world = World::new();
    world.attest("init --no-password").yes();
    for flags in [
        "",
        " --origin log.example.com --export out",
        " --recovery r.key --export out",
    ] {
        let command = format!("init --no-password{flags}");
        refused_without_a_trace(&world, || world.attest(&command), 2, "identity-exists");
    }
}

#[test]
fn a_folder_of_others_does_not_become_a_home() {
    let world = World::new();
    world.write(".attest/precious", "x");
    refused_without_a_trace(
        &world,
        || world.attest("init --no-password"),
        2,
        "home-occupied",
    );
    world.write("file", "x");
    let command = "init --no-password --home file";
    refused_without_a_trace(&world, || world.attest(command), 2, "home-occupied");
    fs::create_dir(world.at("empty")).unwrap();
    world.attest("init --no-password --home empty").yes();
}

#[test]
fn origins_that_clients_would_read_in_two_ways_are_refused() {
    let world = World::new();
    for origin in [
        "https://log.example.com",
        "log.example.com/1",
        "Log.example.com",
        "1.2.3.4",
    ] {
        let command = format!("init --no-password --origin {origin}");
        refused_without_a_trace(&world, || world.attest(&command), 2, "origin-invalid");
    }
    world
        .attest("init --no-password --origin log.example.com")
        .yes();
    let checkpoint = String::from_utf8(world.read(".attest/log/checkpoint")).unwrap();
    assert!(
        checkpoint.starts_with("log.example.com\n0\n"),
        "{checkpoint}"
    );
}

#[test]
fn every_private_key_is_encrypted_and_nobody_elses_to_read() {
    let world = World::new();
    init_with(
        &world,
        "--recovery recovery.key",
        &[
            ("ATTEST_PASSWORD", "home"),
            ("ATTEST_RECOVERY_PASSWORD", "offline"),
        ],
    )
    .yes();
    let keys = ["artifact", "checkpoint", "tsa", "tsa-root"]
        .map(|name| format!(".attest/keys/{name}.key"));
    for key in keys.iter().map(String::as_str).chain(["recovery.key"]) {
        let text = String::from_utf8(world.read(key)).unwrap();
        assert!(
            text.starts_with("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"),
            "{key}"
        );
        assert_eq!(
            fs::metadata(world.at(key)).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
    let folder = fs::metadata(world.at(".attest/keys")).unwrap();
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
    assert_eq!(world.read(".attest/.gitignore"), b"*\n");
}

/// Who can write to a folder can put other keys and other trust in the place of ours.
#[test]
fn nobody_else_can_write_to_a_home_whatever_the_umask_allows() {
    let world = World::new();
    world.write("dist/app", "app\n");
    let program = env!("CARGO_BIN_EXE_attest");
    let line = format!(
        "umask 000 && {program} init --no-password && {program} release dist --name app --version 1 --no-password"
    );
    world.shell(&line).yes();
    // What is archived is read by its digests; several may keep one archive together.
    let found = "find .attest -path .attest/archive -prune -o ! -type l -perm /022 -print";
    let found = world.shell(found).yes();
    assert_eq!(found.out, "");
}

#[test]
fn a_home_without_a_recovery_key_says_that_a_stolen_key_has_no_successor() {
    let world = World::new();
    let ran = world.attest("init --no-password").yes();
    assert_eq!(ran.line("recovery "), "none: a stolen key has no successor");
    assert!(ran.line("identity ").ends_with("(not password-protected)"));
    assert!(!world.at(".attest/trust/recovery.pub").exists());
}

#[test]
fn the_recovery_key_stays_out_of_the_home_and_over_nothing() {
    let world = World::new();
    let inside = || {
        init_with(
            &world,
            "--no-password --recovery .attest/r.key",
            &[("ATTEST_RECOVERY_PASSWORD", "x")],
        )
    };
    refused_without_a_trace(&world, inside, 2, "recovery-inside");
    world.write("r.key", "precious");
    let over = || {
        init_with(
            &world,
            "--no-password --recovery r.key",
            &[("ATTEST_RECOVERY_PASSWORD", "x")],
        )
    };
    refused_without_a_trace(&world, over, 2, "file-exists");
    let unasked = || world.attest("init --no-password --recovery other.key");
    refused_without_a_trace(&world, unasked, 2, "password-required");
    let nowhere = || {
        init_with(
            &world,
            "--no-password --recovery no/folder/r.key",
            &[("ATTEST_RECOVERY_PASSWORD", "x")],
        )
    };
    refused_without_a_trace(&world, nowhere, 3, "write-failed");
}

#[test]
fn the_recovery_key_opens_under_its_own_password_alone() {
    let world = World::new();
    init_with(
        &world,
        "--recovery r.key",
        &[
            ("ATTEST_PASSWORD", "home"),
            ("ATTEST_RECOVERY_PASSWORD", "offline"),
        ],
    )
    .yes();
    let show = |password: &str| {
        Ran::of(
            world
                .command()
                .args(["key", "public", "r.key"])
                .env("ATTEST_PASSWORD", password),
        )
    };
    show("home").refused(2, "password-wrong");
    assert_eq!(
        show("offline").yes().out.as_bytes(),
        world.read(".attest/trust/recovery.pub")
    );
}

#[test]
fn what_is_exported_is_what_acquirers_need_with_its_pins() {
    let world = World::new();
    let ran = init_with(
        &world,
        "--no-password --recovery r.key --export out",
        &[("ATTEST_RECOVERY_PASSWORD", "x")],
    )
    .yes();
    let mut names: Vec<String> = fs::read_dir(world.at("out"))
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["recovery.pub", "release.pub", "trusted_root.json"]);
    let spki = "openssl pkey -pubin -in out/release.pub -outform DER | sha256sum | cut -c-64";
    let key = format!("release.pub sha256:{}", world.shell(spki).yes().out.trim());
    let root = world
        .shell("sha256sum out/trusted_root.json | cut -c-64")
        .yes();
    let root = format!("trusted_root.json sha256:{}", root.out.trim());
    for pin in [key, root] {
        assert!(
            ran.out
                .lines()
                .any(|line| line.strip_prefix("pin        ") == Some(&pin)),
            "{pin}: {ran:?}"
        );
    }
}

#[test]
fn an_identity_that_exists_can_be_exported_but_not_over_other_files() {
    let world = World::new();
    world.attest("init --no-password").yes();
    let home = world.listing(".attest");
    let first = world.attest("init --export out").yes();
    let again = world.attest("init --export out").yes();
    assert_eq!(first.line("pin "), again.line("pin "));
    assert_eq!(
        world.read("out/release.pub"),
        world.read(".attest/trust/release.pub")
    );
    world.write("out/release.pub", "another");
    fs::remove_file(world.at("out/trusted_root.json")).unwrap();
    refused_without_a_trace(
        &world,
        || world.attest("init --export out"),
        2,
        "file-exists",
    );
    world.attest("init --export out --force").yes();
    assert_eq!(
        world.read("out/release.pub"),
        world.read(".attest/trust/release.pub")
    );
    assert_eq!(world.listing(".attest"), home);
}

#[test]
fn the_second_copy_never_lies_in_the_home() {
    let world = World::new();
    let command = "init --no-password --checkpoint-copy .attest/copy";
    refused_without_a_trace(
        &world,
        || world.attest(command),
        2,
        "checkpoint-copy-inside",
    );
    world
        .attest("init --no-password --checkpoint-copy elsewhere/copy")
        .yes();
    assert_eq!(
        world.read("elsewhere/copy"),
        world.read(".attest/log/checkpoint")
    );
}

#[test]
fn the_second_copy_lies_under_the_logs_id() {
    let world = World::new();
    let json = world
        .attest("init --no-password --format json")
        .yes()
        .json();
    let id = json["log"]["id"].as_str().unwrap();
    let copy = world.read(&format!("user/.local/state/attest/{id}/checkpoint"));
    assert_eq!(copy, world.read(".attest/log/checkpoint"));
    assert_eq!(
        (&json["answer"], &json["identity"]["new"]),
        (&"yes".into(), &true.into())
    );
    assert_eq!(json["identity"]["password_protected"], false);
}

#[test]
fn a_run_that_fails_leaves_nothing() {
    let world = World::new();
    world.write("state", "a file where a folder should be");
    let ran =
        || world.attest("init --no-password --checkpoint-copy state/copy --home deep/down/home");
    refused_without_a_trace(&world, ran, 2, "file-exists");
}

#[test]
fn a_run_that_fails_after_the_log_was_made_takes_it_away_again() {
    let world = World::new();
    let mut command = world.program("strace");
    command.args(["-f", "-o", "/dev/null", "-e", "trace=rename"]);
    command.args(["-e", "inject=rename:error=ENOSPC:when=1+"]);
    command.arg(Path::new(env!("CARGO_BIN_EXE_attest")));
    command.args(["init", "--no-password"]);
    let before = world.listing(".");
    let ran = Ran::of(&mut command);
    assert_eq!(ran.exit, 3, "{ran:?}");
    let after = world.listing(".");
    let left: Vec<&String> = after.iter().filter(|it| !before.contains(it)).collect();
    assert!(
        left.iter().all(|it| it.starts_with("user/.local")),
        "{left:?}"
    );
    assert!(!left.iter().any(|it| it.contains("checkpoint")), "{left:?}");
}

/// Dies at every step that changes the disk; the next run makes the whole home.
#[test]
fn a_death_at_any_step_leaves_no_home_or_a_whole_one() {
    let mut died = 0;
    for call in [
        "mkdir",
        "link",
        "linkat",
        "rename",
        "renameat",
        "renameat2",
        "fsync",
        "fdatasync",
    ] {
        for when in 1.. {
            let world = World::new();
            let ran = kill_at(&world, call, when);
            if ran.exit == 0 {
                break;
            }
            died += 1;
            if world.at(".attest").exists() {
                world.attest("init --export out").yes();
            } else {
                world.attest("init --no-password").yes();
            }
            world.write("dist/x", "x");
            world
                .attest("release dist --name demo --version 1 --no-password")
                .yes();
            assert!(!world.at(".attest.init.tmp").exists(), "{call} {when}");
        }
    }
    println!("{died} deaths of attest init");
    assert!(died >= 20, "{died} deaths");
}

fn kill_at(world: &World, call: &str, when: u32) -> Ran {
    let attest = Path::new(env!("CARGO_BIN_EXE_attest"));
    Ran::of(
        world
            .program("strace")
            .args(["-f", "-o", "/dev/null", "-e"])
            .arg(format!("trace={call}"))
            .arg("-e")
            .arg(format!("inject={call}:signal=KILL:when={when}"))
            .arg(attest)
            .args(["init", "--no-password"]),
    )
}
