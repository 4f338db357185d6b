//! Verifying is never a surprise: no socket, no network, nothing written, in any number of runs at
//! once. A filter of the kernel kills what opens a socket, and the same filter is shown to kill a
//! command that dials.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::World;

/// A world with a release, and what to verify in it: the arguments, and the exit code.
fn world() -> (World, Vec<(Vec<&'static str>, i32)>) {
    let world = World::new();
    world.write("dist/a.txt", "alpha\n");
    world.write("dist/sub/b.txt", "beta\n");
    world
        .attest("release dist --name hello --version 1 --init --no-password")
        .yes();
    for file in ["release.pub", "trusted_root.json"] {
        world.write(file, world.read(&format!("dist/{file}")));
    }
    world.write("changed/a.txt", "changed");
    for file in ["a.txt.sigstore.json", "SHA256SUMS.sigstore.json"] {
        world.write(
            &format!("changed/{file}"),
            world.read("dist/release.sigstore.json"),
        );
    }
    let asked = [
        ("verify dist --release hello@1", 0),
        ("verify dist/a.txt dist/sub/b.txt", 0),
        ("verify dist/SHA256SUMS --format json", 0),
        (
            "verify dist/a.txt --bundle dist/release.sigstore.json --explain",
            0,
        ),
        ("verify dist --format sarif", 0),
        ("verify changed/a.txt --format junit", 1),
        ("verify changed", 1),
        ("verify dist/none", 3),
        ("verify dist --no-such-flag", 2),
    ];
    let trust = "--key release.pub --trusted-root trusted_root.json";
    let with_trust = |(words, exit): (&'static str, i32)| {
        (words.split(' ').chain(trust.split(' ')).collect(), exit)
    };
    let mut all: Vec<(Vec<&'static str>, i32)> = asked.into_iter().map(with_trust).collect();
    all.push(("archive verify".split(' ').collect(), 0));
    all.push(("inspect dist/release.sigstore.json".split(' ').collect(), 0));
    (world, all)
}

/// Said beside the captured output of the tests: a gate must show what it did not run.
fn not_run(what: &str) {
    let _ = writeln!(std::io::stderr(), "NOT RUN: {what}");
}

fn assert_exit(output: &Output, exit: i32, words: &[&str]) {
    assert_eq!(output.status.code(), Some(exit), "{words:?}: {output:#?}");
}

/// The helper that sets the filter; `None` where the kernel has none.
fn filter(world: &World) -> Option<PathBuf> {
    let program = world.at("no_socket");
    let source = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/offline/no_socket.c"
    );
    let compiled = Command::new("cc")
        .args(["-O1", "-o"])
        .arg(&program)
        .arg(source)
        .output()
        .unwrap();
    assert!(compiled.status.success(), "{compiled:#?}");
    let tried = world
        .program(program.to_str().unwrap())
        .arg("true")
        .output()
        .unwrap();
    if tried.status.success() {
        return Some(program);
    }
    not_run(&format!(
        "verifying under a filter of system calls: {}",
        String::from_utf8_lossy(&tried.stderr)
    ));
    None
}

#[test]
fn nothing_that_verifies_opens_a_socket_and_what_dials_dies_under_the_same_filter() {
    let (world, asked) = world();
    let Some(filter) = filter(&world) else { return };
    let filtered = |words: &[&str]| {
        let mut command = world.program(filter.to_str().unwrap());
        command.arg(env!("CARGO_BIN_EXE_attest")).args(words);
        command.output().unwrap()
    };
    for (words, exit) in &asked {
        assert_exit(&filtered(words), *exit, words);
    }
    // The control: the same filter, and a command that dials.
    world.write("more/a.txt", "alpha\n");
    let dials = "release more --name more --version 1 --no-password --tsa http://127.0.0.1:1 \
                 --tsa-chain .attest/trust/tsa-chain.pem";
    let dials: Vec<&str> = dials.split(' ').collect();
    let killed = filtered(&dials);
    assert_eq!(killed.status.signal(), Some(SIGSYS), "{killed:#?}");
    let refused = world.command().args(&dials).output().unwrap();
    assert_exit(&refused, 3, &dials);
}

#[test]
fn verifying_needs_no_network() {
    let (world, asked) = world();
    let prefix: &[&str] = if rustix::process::geteuid().is_root() {
        &["--net"]
    } else {
        &["--map-root-user", "--net"]
    };
    let alone = |words: &[&str]| {
        let mut command = world.program("unshare");
        command.args(prefix).args(words);
        command.output()
    };
    if !alone(&["true"]).is_ok_and(|it| it.status.success()) {
        not_run("verifying in a network namespace of its own: unshare is not allowed here");
        return;
    }
    for (words, exit) in &asked {
        let words: Vec<&str> = std::iter::once(env!("CARGO_BIN_EXE_attest"))
            .chain(words.iter().copied())
            .collect();
        assert_exit(&alone(&words).unwrap(), *exit, &words);
    }
}

/// Takes away the right to write, from everything below a folder.
fn make_read_only(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            make_read_only(&path);
        } else if !path.is_symlink() {
            let mode = if path.ends_with("attest-copy") {
                0o555
            } else {
                0o444
            };
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        }
    }
    fs::set_permissions(folder, Permissions::from_mode(0o555)).unwrap();
}

fn make_writable(folder: &Path) {
    fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            make_writable(&path);
        }
    }
}

#[test]
fn a_home_and_a_folder_that_cannot_be_written_are_enough() {
    let (world, asked) = world();
    let binary = world.copy_program(env!("CARGO_BIN_EXE_attest"), "attest-copy");
    make_read_only(world.path());
    let is_root = rustix::process::geteuid().is_root();
    let ordinary = || {
        if !is_root {
            return world.program(binary.to_str().unwrap());
        }
        let mut command = world.program("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        command.arg(&binary);
        command
    };
    let before = world.listing(".");
    // Nobody may write here: also not the one who runs the test.
    let refused = ordinary()
        .args(["init", "--no-password", "--home", "new"])
        .output();
    if is_root && refused.is_err() {
        not_run("verifying with a home that cannot be written: there is no setpriv");
    } else {
        assert_ne!(refused.unwrap().status.code(), Some(0));
        for (words, exit) in &asked {
            assert_exit(&ordinary().args(words).output().unwrap(), *exit, words);
        }
    }
    crate::support::assert_same(&before, &world.listing("."), "verifying writes nothing");
    make_writable(world.path());
}

#[test]
fn sixteen_runs_at_once_answer_as_one() {
    let (world, asked) = world();
    for (words, exit) in asked
        .iter()
        .filter(|(words, _)| words.contains(&"dist"))
        .take(2)
    {
        let alone = world.command().args(words).output().unwrap();
        let runs: Vec<_> = (0..16)
            .map(|_| {
                let mut command = world.command();
                command
                    .args(words)
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped());
                command.spawn().unwrap()
            })
            .collect();
        for run in runs {
            let output = run.wait_with_output().unwrap();
            assert_exit(&output, *exit, words);
            assert_eq!(without_clock(&output), without_clock(&alone), "{words:?}");
        }
    }
}

/// The answer without the time of the run.
fn without_clock(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text.lines().filter(|line| !line.contains("\"time\""));
    lines.collect::<Vec<_>>().join("\n")
}

/// What a process dies of that its filter does not allow a call.
const SIGSYS: i32 = 31;
