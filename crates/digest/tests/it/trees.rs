//! Walking folders.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use attest_digest::{FileKind, Kind, Problem, Root, Tree, WalkError, WalkLimits, walk};
use proptest::prelude::*;
use tempfile::{TempDir, tempdir};

fn walked(folder: &TempDir) -> Tree {
    walk(folder.path(), &WalkLimits::default()).unwrap()
}

/// Paths, and codes or sizes.
fn shown(tree: &Tree) -> Vec<(&str, String)> {
    let kind = |kind: &Kind| match kind {
        Kind::File { size } => format!("file {size}"),
        Kind::Link { size } => format!("link {size}"),
        Kind::Refused(problem) => problem.code().to_owned(),
    };
    tree.items()
        .iter()
        .map(|item| (item.path.as_str(), kind(&item.kind)))
        .collect()
}

#[track_caller]
fn assert_shown(folder: &TempDir, expected: &[(&str, &str)]) {
    let tree = walked(folder);
    let shown = shown(&tree);
    let shown: Vec<_> = shown
        .iter()
        .map(|(path, kind)| (*path, kind.as_str()))
        .collect();
    assert_eq!(shown, expected);
}

fn bytes_name(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

#[test]
fn links_that_leave_the_folder_are_refused() {
    let outside = tempdir().unwrap();
    fs::write(outside.path().join("secret"), "secret").unwrap();
    let folder = tempdir().unwrap();
    let root = folder.path();
    let name = root.file_name().unwrap().to_str().unwrap();
    fs::write(root.join("file"), "12345").unwrap();
    symlink(outside.path().join("secret"), root.join("absolute")).unwrap();
    symlink(root.join("file"), root.join("absolute-inside")).unwrap();
    symlink(format!("../{name}/file"), root.join("out-and-in")).unwrap();
    symlink("absolute", root.join("chain1")).unwrap();
    symlink("chain1", root.join("chain2")).unwrap();
    symlink("/proc/self/exe", root.join("magic")).unwrap();
    symlink("..", root.join("parent")).unwrap();
    assert_shown(
        &folder,
        &[
            ("absolute", "link-outside"),
            ("absolute-inside", "link-outside"),
            ("chain1", "link-outside"),
            ("chain2", "link-outside"),
            ("file", "file 5"),
            ("magic", "link-outside"),
            ("out-and-in", "link-outside"),
            ("parent", "link-outside"),
        ],
    );
}

#[test]
fn links_that_lead_to_no_file_are_refused() {
    let folder = tempdir().unwrap();
    let root = folder.path();
    fs::create_dir(root.join("folder")).unwrap();
    fs::write(root.join("file"), "").unwrap();
    let _socket = UnixListener::bind(root.join("socket")).unwrap();
    symlink("absent", root.join("broken")).unwrap();
    symlink("file/x", root.join("below-a-file")).unwrap();
    symlink("loop2", root.join("loop1")).unwrap();
    symlink("loop1", root.join("loop2")).unwrap();
    symlink("folder", root.join("to-folder")).unwrap();
    symlink(".", root.join("to-root")).unwrap();
    symlink("socket", root.join("to-socket")).unwrap();
    assert_shown(
        &folder,
        &[
            ("below-a-file", "link-broken"),
            ("broken", "link-broken"),
            ("file", "file 0"),
            ("loop1", "link-broken"),
            ("loop2", "link-broken"),
            ("socket", "special-file"),
            ("to-folder", "link-to-directory"),
            ("to-root", "link-to-directory"),
            ("to-socket", "special-file"),
        ],
    );
}

#[test]
fn a_link_to_a_file_inside_is_a_file_of_its_own_name() {
    let folder = tempdir().unwrap();
    let root = folder.path();
    fs::create_dir(root.join("sub")).unwrap();
    fs::write(root.join("sub/file"), "12345").unwrap();
    symlink("sub/file", root.join("link")).unwrap();
    symlink("../link", root.join("sub/chain")).unwrap();
    assert_shown(
        &folder,
        &[
            ("link", "link 5"),
            ("sub/chain", "link 5"),
            ("sub/file", "file 5"),
        ],
    );
}

#[test]
fn a_named_pipe_is_refused_and_does_not_hang() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    let kind = FileKind::Fifo;
    let tree = walked(&folder);
    let refused: Vec<_> = tree.refused().map(|(_, problem)| problem.clone()).collect();
    assert_eq!(refused, [Problem::SpecialFile { kind }]);
}

#[test]
fn names_that_cannot_be_signed_are_refused_and_escaped() {
    let folder = tempdir().unwrap();
    let root = folder.path();
    for name in [
        &b"a\nb"[..],
        b"latin1-\xe9",
        b"escape\x1b[2K",
        b"-",
        b"back\\slash\xff",
    ] {
        fs::write(root.join(bytes_name(name)), "").unwrap();
    }
    fs::create_dir(root.join("sub")).unwrap();
    fs::write(root.join("sub").join(bytes_name(b"\xff")), "").unwrap();
    fs::create_dir(root.join(bytes_name(b"folder\xff"))).unwrap();
    fs::write(root.join(bytes_name(b"folder\xff")).join("inside"), "").unwrap();
    assert_shown(
        &folder,
        &[
            ("-", "name-dash"),
            ("a\\nb", "name-control-character"),
            ("back\\\\slash\\xff", "name-not-utf8"),
            ("escape\\u{1b}[2K", "name-control-character"),
            ("folder\\xff", "name-not-utf8"),
            ("latin1-\\xe9", "name-not-utf8"),
            ("sub/\\xff", "name-not-utf8"),
        ],
    );
    assert_eq!(walked(&folder).files().count(), 0);
}

#[test]
fn hidden_and_empty_files_and_all_folders_are_found() {
    let folder = tempdir().unwrap();
    let root = folder.path();
    fs::create_dir_all(root.join("a/.git/objects")).unwrap();
    fs::create_dir(root.join("empty")).unwrap();
    fs::write(root.join(".hidden"), "").unwrap();
    fs::write(root.join("a/.git/HEAD"), "x").unwrap();
    assert_shown(&folder, &[(".hidden", "file 0"), ("a/.git/HEAD", "file 1")]);
    let tree = walked(&folder);
    let folders: Vec<&str> = tree.directories().iter().map(AsRef::as_ref).collect();
    assert_eq!(folders, ["a", "a/.git", "a/.git/objects", "empty"]);
}

#[test]
fn paths_are_sorted_by_their_bytes() {
    let folder = tempdir().unwrap();
    let root = folder.path();
    for name in ["b", "a-b", "B", "é", "ab"] {
        fs::write(root.join(name), "").unwrap();
    }
    fs::create_dir(root.join("a")).unwrap();
    fs::write(root.join("a/b"), "").unwrap();
    let tree = walked(&folder);
    let paths: Vec<&str> = tree.files().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["B", "a-b", "a/b", "ab", "b", "é"]);
}

fn refusal(folder: &Path, limits: &WalkLimits) -> &'static str {
    walk(folder, limits).unwrap_err().code()
}

#[test]
fn an_absurd_depth_is_refused() {
    let folder = tempdir().unwrap();
    let deepest = folder.path().join(vec!["d"; 256].join("/"));
    fs::create_dir_all(&deepest).unwrap();
    assert_eq!(walked(&folder).directories().len(), 256);
    fs::write(deepest.join("file"), "").unwrap();
    let error = walk(folder.path(), &WalkLimits::default()).unwrap_err();
    assert_eq!(error.code(), "folder-too-deep");
    let WalkError::TooDeep { limit, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(limit, 255);
    fs::remove_file(deepest.join("file")).unwrap();
    fs::create_dir(deepest.join("folder")).unwrap();
    assert_eq!(
        refusal(folder.path(), &WalkLimits::default()),
        "folder-too-deep"
    );
}

#[test]
fn a_depth_beyond_a_smaller_limit_is_refused() {
    let folder = tempdir().unwrap();
    fs::create_dir_all(folder.path().join("a/b")).unwrap();
    let limits = |depth| WalkLimits {
        depth,
        ..WalkLimits::default()
    };
    assert_eq!(refusal(folder.path(), &limits(1)), "folder-too-deep");
    walk(folder.path(), &limits(2)).unwrap();
}

#[test]
fn more_than_the_limits_is_refused() {
    let folder = tempdir().unwrap();
    fs::create_dir_all(folder.path().join("folder")).unwrap();
    for name in ["folder/1", "2", "3"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    let exact = WalkLimits {
        items: 3,
        directories: 1,
        depth: 1,
        path_bytes: 16,
    };
    walk(folder.path(), &exact).unwrap();
    for limits in [
        WalkLimits { items: 2, ..exact },
        WalkLimits {
            directories: 0,
            ..exact
        },
        WalkLimits {
            path_bytes: 15,
            ..exact
        },
    ] {
        assert_eq!(
            refusal(folder.path(), &limits),
            "folder-too-large",
            "{limits:?}"
        );
    }
}

#[test]
fn a_name_that_is_too_long_is_refused_and_its_folder_too() {
    let folder = tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    make_deep_path(&root);
    let tree = walked(&folder);
    let refused: Vec<_> = tree.refused().map(|(_, problem)| problem.code()).collect();
    assert_eq!(refused, ["name-too-long"]);
    assert_eq!(tree.directories().len(), 16);
}

/// Seventeen folders of 250 bytes, one in the other, which no single path can name.
fn make_deep_path(root: &Path) {
    let script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17; do \
                  mkdir \"$0\" && cd -P \"$0\" || exit 1; done";
    let name = "n".repeat(250);
    let status = Command::new("bash")
        .args(["-c", script, &name])
        .current_dir(root)
        .status();
    assert!(status.unwrap().success());
}

#[test]
fn what_is_no_folder_is_not_walked() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let limits = WalkLimits::default();
    let error = walk(&folder.path().join("absent"), &limits).unwrap_err();
    assert!(matches!(error, WalkError::NotFound { .. }));
    assert_eq!(error.code(), "folder-unreadable");
    let error = walk(&folder.path().join("file"), &limits).unwrap_err();
    assert!(matches!(error, WalkError::NotADirectory { .. }));
    assert_eq!(error.code(), "folder-unreadable");
}

#[test]
fn a_folder_that_may_not_be_listed_is_an_item() {
    let name = "trees::a_folder_that_may_not_be_listed_is_an_item";
    if rustix::process::geteuid().is_root() {
        return as_nobody(name);
    }
    let folder = tempdir().unwrap();
    fs::create_dir(folder.path().join("closed")).unwrap();
    fs::write(folder.path().join("closed/file"), "").unwrap();
    fs::write(folder.path().join("open"), "").unwrap();
    let mode = |mode| {
        let closed = folder.path().join("closed");
        fs::set_permissions(closed, fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(0o000);
    assert_shown(&folder, &[("closed", "unreadable"), ("open", "file 0")]);
    let closed = walk(&folder.path().join("closed"), &WalkLimits::default());
    assert_eq!(closed.unwrap_err().code(), "folder-unreadable");
    // Listed, but not looked into.
    mode(0o400);
    let tree = walked(&folder);
    assert_eq!(
        shown(&tree).first().unwrap(),
        &("closed/file", "unreadable".to_owned())
    );
    mode(0o700);
}

/// Runs one test again as a user who does not own everything.
fn as_nobody(test: &str) {
    let folder = tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let program = folder.path().join("tests");
    // Not by this process: whatever another test starts meanwhile would inherit the file, open for
    // writing, and what is open for writing cannot be run.
    let install = Command::new("install")
        .args(["-m", "755"])
        .args([&env::current_exe().unwrap(), &program])
        .status();
    assert!(install.unwrap().success());
    let mut command = Command::new(program);
    command.args([test, "--exact"]).env("TMPDIR", folder.path());
    let output = command
        .current_dir("/")
        .uid(65534)
        .gid(65534)
        .output()
        .unwrap();
    let talk = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && talk.contains("1 passed"),
        "{talk}"
    );
}

#[test]
fn a_folder_that_becomes_a_link_while_it_is_walked_is_not_followed() {
    let folder = tempdir().unwrap();
    let root = folder.path();
    for name in ["real", "target"] {
        fs::create_dir(root.join(name)).unwrap();
    }
    fs::write(root.join("target/file"), "").unwrap();
    symlink("target", root.join("link")).unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                for (from, to) in [
                    ("real", "x"),
                    ("link", "real"),
                    ("real", "link"),
                    ("x", "real"),
                ] {
                    fs::rename(root.join(from), root.join(to)).unwrap();
                }
            }
        });
        let opened = Root::open(root).unwrap();
        let wrong = (0..1000).find_map(|_| {
            let tree = match opened.walk(&WalkLimits::default()) {
                Ok(tree) => tree,
                Err(error) => return Some(error.to_string()),
            };
            let files: Vec<&str> = tree.files().map(|(path, _)| path.as_str()).collect();
            (files != ["target/file"]).then(|| files.join(", "))
        });
        stop.store(true, Ordering::Relaxed);
        assert_eq!(wrong, None);
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_files_are_those_that_find_finds(
        names in prop::collection::btree_set("[ab.\\\\*é ]{1,3}(/[ab]{1,2}){0,3}", 0..20),
    ) {
        let folder = tempdir().unwrap();
        for name in names {
            let path = folder.path().join(&name);
            // Some are folders of others, or climb: then they are simply not there.
            if !name.split('/').any(|it| it == "." || it == "..")
                && fs::create_dir_all(path.parent().unwrap()).is_ok()
            {
                File::create(path).ok();
            }
        }
        let find = Command::new("find")
            .args([".", "-type", "f", "-printf", "%P\\0"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let found = String::from_utf8(find.stdout).unwrap();
        let found: BTreeSet<&str> = found.split_terminator('\0').collect();
        let tree = walked(&folder);
        let ours: Vec<&str> = tree.files().map(|(path, _)| path.as_str()).collect();
        prop_assert_eq!(ours, found.into_iter().collect::<Vec<_>>());
    }
}
