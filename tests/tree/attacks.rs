//! What somebody did to the tree after it was deployed.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use super::{Deployed, did};
use crate::support::Ran;

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_tree_as_it_was_signed_verifies_and_says_what_was_compared() {
    let deployed = Deployed::new();
    fs::write(deployed.at("log/tomorrow"), "more noise").unwrap();
    let ran = deployed.verify(&["--release", "app@1.0.0"]).yes();
    assert!(
        ran.out.contains("10 of 10 signed things are as signed"),
        "{ran:#?}"
    );
    assert!(ran.out.contains("left out    log/**"), "{ran:#?}");
    assert!(ran.out.contains("rollback: not checked"), "{ran:#?}");
}

#[test]
fn changed_content_is_told_also_when_size_and_time_are_the_same() {
    Deployed::tells(
        |it| {
            let path = it.at("etc/conf");
            let time = fs::metadata(&path).unwrap().modified().unwrap();
            fs::write(&path, "fnoc").unwrap();
            fs::File::open(&path).unwrap().set_modified(time).unwrap();
        },
        &["etc/conf tree-content-changed"],
    );
    Deployed::tells(
        |it| fs::write(it.at("etc/conf"), "longer").unwrap(),
        &["etc/conf tree-content-changed"],
    );
}

#[test]
fn added_files_empty_folders_and_removed_things_are_told() {
    Deployed::tells(
        |it| fs::write(it.at("bin/evil"), "evil").unwrap(),
        &["bin/evil tree-added"],
    );
    Deployed::tells(
        |it| fs::create_dir(it.at("bin/evil")).unwrap(),
        &["bin/evil tree-added"],
    );
    Deployed::tells(
        |it| fs::remove_dir(it.at("empty")).unwrap(),
        &["empty tree-missing"],
    );
    Deployed::tells(
        |it| fs::remove_dir_all(it.at("etc")).unwrap(),
        &["etc tree-missing", "etc/conf tree-missing"],
    );
    Deployed::tells(
        |it| fs::rename(it.at("etc/conf"), it.at("etc/Conf")).unwrap(),
        &["etc/Conf tree-added", "etc/conf tree-missing"],
    );
}

#[test]
fn a_setuid_bit_is_told_on_files_folders_and_the_top() {
    const CODE: &str = "tree-mode-changed";
    let told = |path: &str| format!("{path} {CODE}");
    Deployed::tells(
        |it| mode(&it.at("bin/other"), 0o4644),
        &[&told("bin/other")],
    );
    Deployed::tells(|it| mode(&it.at("etc"), 0o777), &[&told("etc")]);
    Deployed::tells(|it| mode(&it.at("."), 0o777), &[&told(".")]);
}

#[test]
fn a_file_that_became_a_link_to_the_same_bytes_is_told() {
    Deployed::tells(
        |it| {
            fs::rename(it.at("etc/conf"), it.world.at("moved")).unwrap();
            symlink("../../moved", it.at("etc/conf")).unwrap();
        },
        &["etc/conf tree-type-changed"],
    );
    Deployed::tells(
        |it| {
            fs::remove_file(it.at("link")).unwrap();
            symlink("bin/other", it.at("link")).unwrap();
        },
        &["link tree-target-changed"],
    );
    Deployed::tells(
        |it| {
            fs::rename(it.at("etc"), it.world.at("moved")).unwrap();
            symlink("../moved", it.at("etc")).unwrap();
        },
        &["etc tree-type-changed", "etc/conf tree-missing"],
    );
}

#[test]
fn names_of_one_file_that_came_or_went_are_told() {
    Deployed::tells(
        |it| fs::hard_link(it.at("bin/other"), it.world.at("kept-for-later")).unwrap(),
        &["bin/other tree-links-changed"],
    );
    Deployed::tells(
        |it| {
            fs::remove_file(it.at("bin/same")).unwrap();
            fs::copy(it.at("bin/tool"), it.at("bin/same")).unwrap();
        },
        &["bin/same tree-links-changed", "bin/tool tree-links-changed"],
    );
}

#[test]
fn a_pipe_is_told_and_never_opened() {
    Deployed::tells(
        |it| {
            let path = it.at("etc/conf");
            fs::remove_file(&path).unwrap();
            assert!(did("mkfifo", &[text(&path)]));
            mode(&path, 0o644);
            assert!(did("mkfifo", &["-m", "600", text(&it.at("bin/pipe"))]));
        },
        &["bin/pipe tree-added", "etc/conf tree-type-changed"],
    );
}

#[test]
fn an_extended_attribute_a_capability_or_an_access_list_is_told() {
    let deployed = Deployed::new();
    let conf = deployed.at("etc/conf");
    let set = |name: &str, value: &str, path: &Path| {
        let script =
            "import os,sys; os.setxattr(sys.argv[1], sys.argv[2], bytes.fromhex(sys.argv[3]))";
        did("python3", &["-c", script, text(path), name, value])
    };
    if !set("user.note", "61", &conf) {
        println!("not run: this file system has no extended attributes");
        return;
    }
    let mut wanted = vec!["etc/conf tree-xattr-changed"];
    // CAP_NET_RAW, permitted and effective; and `user:1000:rwx`.
    if set(
        "security.capability",
        "0100000200200000000000000000000000000000",
        &deployed.at("bin/other"),
    ) {
        wanted.insert(0, "bin/other tree-xattr-changed");
    }
    let access =
        "0200000001000600ffffffff02000700e803000004000400ffffffff10000700ffffffff20000400ffffffff";
    if set("system.posix_acl_access", access, &deployed.at("etc")) {
        wanted.insert(1, "etc tree-mode-changed");
        wanted.insert(2, "etc tree-xattr-changed");
    }
    wanted.sort_unstable();
    assert_eq!(deployed.differences(1), wanted);
}

#[test]
fn another_owner_is_told() {
    let deployed = Deployed::new();
    if !did("chown", &["12345:54321", text(&deployed.at("bin/other"))]) {
        println!("not run: needs root");
        return;
    }
    assert_eq!(deployed.differences(1), ["bin/other tree-owner-changed"]);
}

/// Runs `attest` with something mounted in the tree, where that is allowed.
fn mounted(deployed: &Deployed, mount: &str) -> Option<Ran> {
    if !did("unshare", &["-m", "true"]) {
        println!("not run: mounting needs root");
        return None;
    }
    let line = format!(
        "{mount} && exec {} tree verify app --manifest app.tree --key .attest/trust/release.pub \
         --trusted-root .attest/trust/trusted_root.json",
        env!("CARGO_BIN_EXE_attest")
    );
    let mut command = deployed.world.program("unshare");
    Some(Ran::of(command.args(["-m", "sh", "-c", &line])))
}

#[test]
fn a_mount_over_a_folder_or_a_file_is_told_though_its_content_is_the_same() {
    let deployed = Deployed::new();
    let lines = [
        (
            "mount -t tmpfs -o mode=755 none app/empty",
            "empty  found a mount",
        ),
        (
            "cp -a app/etc copy && mount --bind copy app/etc",
            "etc  found a mount",
        ),
        (
            "cp -a app/etc/conf file && mount --bind file app/etc/conf",
            "etc/conf  found a mount",
        ),
    ];
    for (mount, wanted) in lines {
        let Some(ran) = mounted(&deployed, mount) else {
            return;
        };
        assert_eq!(ran.exit, 1, "{ran:#?}");
        assert!(ran.out.contains("tree-mount-changed  1"), "{ran:#?}");
        assert!(ran.out.contains(wanted), "{ran:#?}");
    }
}

#[test]
fn a_name_that_controls_the_terminal_is_told_and_shown_escaped() {
    let deployed = Deployed::new();
    fs::write(deployed.at("bin/a\u{1b}[2K\u{202e}b"), "x").unwrap();
    let latin = OsStr::from_bytes(b"bin/latin\xe9");
    fs::write(deployed.world.at("app").join(latin), "x").unwrap();
    let ran = deployed.verify(&[]);
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert!(ran.out.contains("tree-added  2"), "{ran:#?}");
    assert!(
        ran.out.contains("name has the control character U+001B"),
        "{ran:#?}"
    );
    assert!(ran.out.contains("name is not UTF-8"), "{ran:#?}");
    assert!(!ran.out.contains(['\u{1b}', '\u{202e}']), "{ran:#?}");
}

#[test]
fn thousands_of_changes_are_a_page_and_every_format_has_them() {
    let deployed = Deployed::new();
    for number in 0..3000 {
        deployed
            .world
            .write(&format!("app/evil/{}/{number}", number % 7), "x");
    }
    let human = deployed.verify(&[]);
    assert_eq!(human.exit, 1);
    assert!(human.out.lines().count() < 40, "{human:#?}");
    assert!(human.out.contains("tree-added  3008"), "{human:#?}");
    assert!(
        human.out.contains("evil  a directory, mode 0755"),
        "{human:#?}"
    );
    assert!(human.out.contains("and 3007 below it"), "{human:#?}");
    assert_eq!(deployed.differences(1).len(), 3008);
    let sarif = deployed.verify(&["--format", "sarif"]);
    let results = sarif.json()["runs"][0]["results"].as_array().unwrap().len();
    assert_eq!((sarif.exit, results), (1, 3008));
    let junit = deployed.verify(&["--format", "junit"]);
    assert!(junit.out.contains("failures=\"3008\""));
    let github = deployed.verify(&["--format", "github"]);
    assert!(
        github
            .out
            .contains("::error file=app/evil,title=attest tree-added::")
    );
    assert!(
        github
            .out
            .lines()
            .filter(|it| it.starts_with("::error"))
            .count()
            <= 50
    );
}

/// As somebody who may not read everything; root may.
fn restricted(deployed: &Deployed) -> Option<Ran> {
    let program = env!("CARGO_BIN_EXE_attest");
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", program])
        .args(["tree", "verify", "app", "--manifest", "app.tree"])
        .args(["--key", ".attest/trust/release.pub"])
        .args(["--trusted-root", ".attest/trust/trusted_root.json"])
        .current_dir(deployed.world.path());
    let output = command.output().ok()?;
    if output.stdout.is_empty() {
        println!("not run: needs root, and an attest that others may run");
        return None;
    }
    Some(Ran::from_output(&output))
}

#[test]
fn what_cannot_be_read_is_not_told_to_be_missing_and_is_no_yes() {
    let deployed = Deployed::new();
    mode(&deployed.at("etc"), 0o700);
    mode(&deployed.at("bin/other"), 0o600);
    deployed
        .snapshot("app.tree", "app@1.0.0", &["--force"])
        .yes();
    let folder = deployed.world.path().to_owned();
    assert!(did("chmod", &["755", text(&folder)]));
    assert!(did(
        "chmod",
        &["-R", "a+rX", text(&folder.join(".attest/trust"))]
    ));
    mode(&deployed.world.at(".attest"), 0o755);
    let Some(ran) = restricted(&deployed) else {
        return;
    };
    assert_eq!(ran.exit, 3, "{ran:#?}");
    assert!(ran.out.contains("unreadable  1"), "{ran:#?}");
    assert!(ran.out.contains("file-unreadable  1"), "{ran:#?}");
    assert!(!ran.out.contains("tree-missing"), "{ran:#?}");
}
