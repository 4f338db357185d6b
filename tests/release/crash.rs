//! Deaths, full disks and changing files: at every moment the folder is as it was, or the next run
//! completes it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{EVIDENCE, log_size, names, world};
use crate::support::{Ran, World, assert_same};

/// A world with an identity and a build folder, to be copied.
fn template() -> World {
    let world = world();
    world.attest("init --no-password").yes();
    world
}

fn copy(template: &World) -> World {
    let world = World::new();
    let copied = Command::new("cp")
        .args(["-a", "--"])
        .arg(format!("{}/.", template.path().display()))
        .arg(world.path())
        .status();
    assert!(copied.unwrap().success());
    world
}

/// `attest release` under strace, which has this effect on this system call.
fn traced(world: &World, call: &str, effect: &str, arguments: &str) -> Command {
    let mut command = world.program("strace");
    let (trace, inject) = (format!("trace={call}"), format!("inject={call}:{effect}"));
    command
        .args(["-f", "-o", "/dev/null", "-e", &trace, "-e", &inject])
        .arg(Path::new(env!("CARGO_BIN_EXE_attest")))
        .args(arguments.split(' '));
    command
}

const RELEASE: &str = "release dist --name demo --version 1.0 --no-password";
const COPY: &str = "release dist --name demo --version 1.0 --no-password --out out";

fn is_recorded(world: &World) -> bool {
    std::fs::read_to_string(world.at(".attest/archive/index.json"))
        .is_ok_and(|it| it.contains("demo"))
}

/// What happens to the folder meanwhile.
type Change = fn(&World);

/// What a death or a failure may have left.
#[track_caller]
fn check_left(world: &World, before: &[String], place: &str, at: &str) {
    let now = world.listing(place);
    if is_recorded(world) {
        let added = now.iter().filter(|line| !before.contains(line));
        for line in added {
            let name = line.split(' ').next().unwrap();
            let ours = EVIDENCE.contains(&name) || name.starts_with(".attest-release-");
            assert!(ours || place == "out", "{at}: {line}");
        }
        assert!(
            before.iter().all(|line| now.contains(line)),
            "{at}: an artifact changed"
        );
    } else {
        assert_same(before, &now, at);
    }
}

/// The next run completes the release, says what became of the other, and leaves nothing of it.
#[track_caller]
fn check_next(world: &World, arguments: &str, place: &str, at: &str) {
    let journal = world.at(".attest/unfinished.json").exists();
    let (recorded, published) = (is_recorded(world), log_size(world));
    let ran = world.attest(arguments).yes();
    // Entries may be durable and not yet published; opening the log publishes them.
    let logged = log_size(world);
    assert!(
        logged == 4 || (logged == 8 && !recorded),
        "{at}: {logged} entries"
    );
    assert!(published <= logged, "{at}");
    if journal {
        assert!(
            ran.err.contains("an earlier run of demo@1.0 died"),
            "{at}: {ran:?}"
        );
        let unused = ran.err.contains("stay in the log, unused");
        assert_eq!(unused, logged == 8, "{at}: {ran:?}");
    }
    let mut wanted: Vec<&str> = EVIDENCE
        .into_iter()
        .chain(["a.txt", "b.bin", "sub"])
        .collect();
    wanted.sort_unstable();
    assert_eq!(names(world, place), wanted, "{at}");
    let home = names(world, ".attest");
    assert!(
        !home
            .iter()
            .any(|name| name.contains("release") || name.contains("unfinished")),
        "{at}: {home:?}"
    );
    let around = names(world, ".");
    assert!(
        !around.iter().any(|name| name.contains(".tmp")),
        "{at}: {around:?}"
    );
}

/// One run for each occurrence of each system call; gives how many were hit.
fn at_every(
    calls: &[(&str, usize)],
    effect: &str,
    arguments: &str,
    place: &str,
    check: impl Fn(&World, &Ran, &str) + Sync,
) -> usize {
    let template = template();
    let is_death = effect.starts_with("signal=");
    let one = |call: &str, step: usize| {
        let mut hit = 0;
        for when in (1..).step_by(step) {
            let world = copy(&template);
            let before = world.listing(place);
            let at = format!("{call} {when}");
            let effect = format!("{effect}:when={when}");
            let ran = Ran::of(&mut traced(&world, call, &effect, arguments));
            // A failing call may not matter; whether there was one shows where it kills.
            if ran.exit == 0 && (is_death || !occurs(&template, call, when, arguments)) {
                break;
            }
            hit += 1;
            check_left(&world, &before, place, &at);
            check(&world, &ran, &at);
        }
        hit
    };
    let one = &one;
    thread::scope(|scope| {
        let hits: Vec<_> = calls
            .iter()
            .map(|(call, step)| scope.spawn(move || one(call, *step)))
            .collect();
        hits.into_iter().map(|hit| hit.join().unwrap()).sum()
    })
}

/// Whether a run makes this call so often.
fn occurs(template: &World, call: &str, when: usize, arguments: &str) -> bool {
    let world = copy(template);
    let effect = format!("signal=KILL:when={when}");
    Ran::of(&mut traced(&world, call, &effect, arguments)).exit != 0
}

/// Every call that changes what stands on the disk; of the many syncs every fourth.
const STEPS: [(&str, usize); 10] = [
    ("rename", 1),
    ("renameat", 1),
    ("renameat2", 1),
    ("linkat", 1),
    ("unlink", 1),
    ("unlinkat", 1),
    ("mkdir", 1),
    ("mkdirat", 1),
    ("fsync", 4),
    ("fdatasync", 1),
];

#[test]
fn a_death_at_any_step_leaves_the_folder_or_a_release_that_the_next_run_completes() {
    let died = at_every(&STEPS, "signal=KILL", RELEASE, "dist", |world, ran, at| {
        assert_eq!(ran.exit, -1, "{at}: {ran:?}");
        check_next(world, RELEASE, "dist", at);
    });
    println!("{died} deaths of attest release");
    assert!(died >= 60, "{died} deaths");
}

#[test]
fn a_death_at_any_step_of_a_copy_leaves_no_copy_or_one_that_the_next_run_completes() {
    let steps = [
        ("rename", 1),
        ("renameat", 1),
        ("renameat2", 3),
        ("syncfs", 1),
        ("mkdir", 3),
        ("fdatasync", 2),
    ];
    let died = at_every(&steps, "signal=KILL", COPY, "out", |world, ran, at| {
        assert_eq!(ran.exit, -1, "{at}: {ran:?}");
        assert_eq!(names(world, "dist"), ["a.txt", "b.bin", "sub"], "{at}");
        check_next(world, COPY, "out", at);
    });
    println!("{died} deaths of attest release --out");
    assert!(died >= 15, "{died} deaths");
}

#[test]
fn a_failing_step_is_answered_with_3_and_the_next_run_completes() {
    let steps = [
        ("rename", 2),
        ("renameat", 1),
        ("renameat2", 4),
        ("mkdir", 2),
        ("mkdirat", 1),
        ("fsync", 6),
        ("fdatasync", 1),
        ("write", 5),
    ];
    let failed = at_every(&steps, "error=ENOSPC", RELEASE, "dist", |world, ran, at| {
        assert!([0, 3].contains(&ran.exit), "{at}: {ran:?}");
        if !is_recorded(world) {
            assert_eq!(ran.exit, 3, "{at}: {ran:?}");
        }
        let again = world.attest(RELEASE).yes();
        assert_eq!(
            names(world, "dist").len(),
            EVIDENCE.len() + 3,
            "{at}: {again:?}"
        );
    });
    println!("{failed} failures of attest release");
    assert!(failed >= 25, "{failed} failures");
}

/// Waits until the release stands in its stage, and the verifying process is about to start.
fn while_staged(world: &World, arguments: &str, act: impl FnOnce()) -> Ran {
    let mut command = traced(world, "execve", "delay_enter=3000000", arguments);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while !is_staged(world) {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "nothing was staged"
        );
        thread::sleep(Duration::from_millis(10));
    }
    act();
    Ran::from_output(&child.wait_with_output().unwrap())
}

fn is_staged(world: &World) -> bool {
    [".attest", "."].iter().any(|folder| {
        names(world, folder).iter().any(|name| {
            name.starts_with(".attest-release-")
                && world.at(folder).join(name).join("SHA256SUMS.sig").exists()
        })
    })
}

#[test]
fn a_file_that_changes_meanwhile_is_noticed_and_nothing_is_published() {
    let changes: [(&str, Change); 6] = [
        ("written", |world| {
            world.write("dist/a.txt", "ALPHA\n");
        }),
        ("replaced", |world| {
            world.write("new", "ALPHA\n");
            std::fs::rename(world.at("new"), world.at("dist/a.txt")).unwrap();
        }),
        ("replaced by the same", |world| {
            world.write("new", "alpha\n");
            std::fs::rename(world.at("new"), world.at("dist/a.txt")).unwrap();
        }),
        ("added", |world| drop(world.write("dist/sub/new", ""))),
        ("removed", |world| {
            std::fs::remove_file(world.at("dist/b.bin")).unwrap();
        }),
        ("renamed", |world| {
            std::fs::rename(world.at("dist/b.bin"), world.at("dist/c.bin")).unwrap();
        }),
    ];
    let template = template();
    thread::scope(|scope| {
        for (what, change) in changes {
            let template = &template;
            scope.spawn(move || {
                let world = copy(template);
                let ran = while_staged(&world, RELEASE, || change(&world));
                assert_eq!(ran.exit, 3, "{what}: {ran:?}");
                let code = if what == "removed" || what == "renamed" {
                    "file-"
                } else {
                    "file-changed"
                };
                assert!(
                    ran.err.contains(&format!("error[{code}")),
                    "{what}: {ran:?}"
                );
                assert!(
                    ran.err.contains("stay in the log, unused"),
                    "{what}: {ran:?}"
                );
                assert!(!is_recorded(&world), "{what}");
                assert!(
                    !names(&world, "dist")
                        .iter()
                        .any(|name| EVIDENCE.contains(&name.as_str())),
                    "{what}"
                );
                assert!(!world.at(".attest/unfinished.json").exists(), "{what}");
                world.attest(RELEASE).yes();
            });
        }
    });
}

#[test]
fn a_file_that_comes_under_one_of_our_names_is_not_written_over() {
    let world = template();
    let ran = while_staged(&world, RELEASE, || {
        world.write("dist/VERIFY.md", "somebody else's");
    });
    ran.refused(3, "file-changed");
    assert_eq!(world.read("dist/VERIFY.md"), b"somebody else's");
    assert!(!is_recorded(&world));
}

#[test]
fn a_forged_stage_does_not_pass_the_fresh_process() {
    let world = template();
    let ran = while_staged(&world, RELEASE, || {
        let stage = names(&world, ".attest")
            .into_iter()
            .find(|it| it.starts_with(".attest-release-"))
            .unwrap();
        world.write(&format!(".attest/{stage}/extra"), "slipped in");
    });
    let ran = ran.refused(3, "self-check-failed");
    assert!(ran.err.contains("extra: file-unattested"), "{ran:?}");
    assert!(!is_recorded(&world));
}

#[test]
fn two_runs_at_once_do_not_mix() {
    let world = template();
    let mut second = None;
    let first = while_staged(&world, RELEASE, || second = Some(world.attest(RELEASE)));
    second.unwrap().refused(3, "log-locked");
    first.yes();
}

/// A small file system of its own, for those who may mount one.
struct Mounted(std::path::PathBuf);

impl Mounted {
    fn new(place: &Path, options: &str) -> Option<Self> {
        std::fs::create_dir_all(place).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(place)
            .stderr(Stdio::null())
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then(|| Self(place.to_owned()))
    }

    fn remount(&self, options: &str) {
        let status = Command::new("mount")
            .args(["-o", options])
            .arg(&self.0)
            .status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_folder_on_a_full_disk_is_found_out_before_the_commit() {
    let world = World::new();
    let Some(_disk) = Mounted::new(&world.at("dist"), "size=64k") else {
        println!("skipped: this user may not mount");
        return;
    };
    world.write("dist/a.txt", "alpha\n");
    world.write("dist/filler", vec![7; 48 << 10]);
    world.attest("init --no-password").yes();
    let before = world.listing("dist");
    world.attest(RELEASE).refused(3, "disk-full");
    assert_eq!(world.listing("dist"), before);
    assert!(!is_recorded(&world));
    std::fs::remove_file(world.at("dist/filler")).unwrap();
    world.attest(RELEASE).yes();
}

#[test]
fn a_home_on_a_full_disk_publishes_nothing() {
    let world = world();
    let Some(disk) = Mounted::new(&world.at("disk"), "size=8m") else {
        println!("skipped: this user may not mount");
        return;
    };
    let release = "release dist --name demo --version 1.0 --no-password --home disk/home";
    world.attest("init --no-password --home disk/home").yes();
    world.write("dist/large", vec![7; 6 << 20]);
    world.write("disk/filler", vec![7; 4 << 20]);
    let before = world.listing("dist");
    let ran = world.attest(release);
    assert_eq!(ran.exit, 3, "{ran:?}");
    assert!(ran.err.contains("full]"), "{ran:?}");
    assert_eq!(world.listing("dist"), before);
    disk.remount("remount,size=64m");
    world.attest(release).yes();
}

#[test]
fn a_folder_that_may_not_be_written_is_found_out_before_anything_is_signed() {
    let world = World::new();
    let Some(disk) = Mounted::new(&world.at("dist"), "size=1m") else {
        println!("skipped: this user may not mount");
        return;
    };
    world.write("dist/a.txt", "alpha\n");
    world.attest("init --no-password").yes();
    disk.remount("remount,ro");
    world.attest(RELEASE).refused(3, "folder-unwritable");
    assert_eq!(log_size(&world), 0);
    let copy = world
        .attest("release dist --name demo --version 1.0 --no-password --out out")
        .yes();
    world.shell(super::line(&copy)).yes();
}

#[test]
fn a_folder_on_another_file_system_than_the_home_is_released() {
    let world = World::new();
    let Some(_disk) = Mounted::new(&world.at("dist"), "size=8m") else {
        println!("skipped: this user may not mount");
        return;
    };
    world.write("dist/a.txt", "alpha\n");
    world.write("dist/sub/b.txt", "beta\n");
    world.attest("init --no-password").yes();
    let ran = world.attest(RELEASE).yes();
    world.shell(super::line(&ran)).yes();
}
