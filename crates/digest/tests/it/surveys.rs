//! Walking a tree that somebody changes meanwhile.

use std::fs;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::Path;

use attest_digest::{Hashes, NodeKind, Sighting, Step, Survey, walk_order};

fn never(_: &str) -> bool {
    false
}

fn seen(survey: &mut Survey) -> Option<Sighting> {
    match survey.next(&never).unwrap()? {
        Step::Seen(sighting) => Some(sighting),
        other => panic!("{other:?}"),
    }
}

fn until(survey: &mut Survey, path: &str) -> Sighting {
    loop {
        let sighting = seen(survey).unwrap_or_else(|| panic!("no {path}"));
        if sighting.shown_path() == path {
            return sighting;
        }
    }
}

fn rest(survey: &mut Survey) -> Vec<String> {
    let mut steps = Vec::new();
    while let Some(step) = survey.next(&never).unwrap() {
        steps.push(match step {
            Step::Seen(sighting) => sighting.shown_path(),
            Step::Changed(path) => format!("changed {path}"),
            Step::Unlisted { path, .. } => format!("unlisted {}", path.escape_ascii()),
        });
    }
    steps
}

fn tree() -> tempfile::TempDir {
    let top = tempfile::tempdir().unwrap();
    let at = |name: &str| top.path().join(name);
    for folder in ["a", "a/b", "a b"] {
        fs::create_dir(at(folder)).unwrap();
    }
    for file in ["a/b/deep", "a/file", "a b/file", "a.txt", "z"] {
        fs::write(at(file), file).unwrap();
    }
    symlink("a", at("link")).unwrap();
    top
}

/// Longer than a coarse clock ticks.
fn tick() {
    std::thread::sleep(std::time::Duration::from_millis(20));
}

#[test]
fn a_walk_meets_each_folder_before_what_it_holds_in_the_order_of_bytes() {
    let top = tree();
    let mut survey = Survey::begin(top.path()).unwrap();
    let paths = rest(&mut survey);
    let wanted = [
        ".", "a", "a/b", "a/b/deep", "a/file", "a b", "a b/file", "a.txt", "link", "z",
    ];
    assert_eq!(paths, wanted);
    let pairs = wanted[1..].windows(2);
    assert!(
        pairs
            .map(|it| walk_order(it[0].as_bytes(), it[1].as_bytes()))
            .all(std::cmp::Ordering::is_lt)
    );
}

#[test]
fn what_is_ignored_is_not_entered() {
    let top = tree();
    let mut survey = Survey::begin(top.path()).unwrap();
    let mut paths = Vec::new();
    while let Some(Step::Seen(it)) = survey.next(&|path| path == "a").unwrap() {
        paths.push(it.shown_path());
    }
    assert_eq!(paths, [".", "a b", "a b/file", "a.txt", "link", "z"]);
}

#[test]
fn a_folder_that_is_exchanged_for_a_link_is_not_followed() {
    let top = tree();
    let mut survey = Survey::begin(top.path()).unwrap();
    until(&mut survey, "a");
    // `a/b` was listed with `a`, and is looked at next.
    fs::rename(top.path().join("a/b"), top.path().join("gone")).unwrap();
    symlink("/etc", top.path().join("a/b")).unwrap();
    let link = seen(&mut survey).unwrap();
    assert_eq!(
        (link.shown_path().as_str(), link.metadata().kind),
        ("a/b", NodeKind::Symlink)
    );
    assert!(rest(&mut survey).contains(&"changed a".to_owned()));
}

#[test]
fn a_file_that_is_exchanged_for_a_link_or_a_pipe_is_not_opened() {
    let top = tree();
    let mut survey = Survey::begin(top.path()).unwrap();
    let file = until(&mut survey, "a/file");
    let path = top.path().join("a/file");
    fs::remove_file(&path).unwrap();
    symlink("/etc/passwd", &path).unwrap();
    assert_eq!(file.open().unwrap_err().code(), "file-changed");
    fs::remove_file(&path).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(&path)
        .status()
        .unwrap();
    assert!(made.success() && fs::symlink_metadata(&path).unwrap().file_type().is_fifo());
    assert_eq!(file.open().unwrap_err().code(), "file-changed");
}

#[test]
fn a_file_that_was_written_since_it_was_met_has_changed() {
    let top = tree();
    let mut survey = Survey::begin(top.path()).unwrap();
    let file = until(&mut survey, "a/file");
    assert!(file.open().unwrap().read(Hashes::Sha256).is_ok());
    let open = file.open().unwrap();
    tick();
    fs::write(top.path().join("a/file"), "b/file").unwrap();
    assert_eq!(
        open.read(Hashes::Sha256).unwrap_err().code(),
        "file-changed"
    );
    assert_eq!(file.open().unwrap_err().code(), "file-changed");
}

#[test]
fn a_folder_that_was_written_while_it_was_walked_is_told() {
    let top = tree();
    let mut survey = Survey::begin(top.path()).unwrap();
    until(&mut survey, "a/b");
    tick();
    fs::write(top.path().join("a/new"), "x").unwrap();
    let steps = rest(&mut survey);
    assert!(steps.contains(&"changed a".to_owned()) && !steps.contains(&"a/new".to_owned()));

    let mut survey = Survey::begin(top.path()).unwrap();
    until(&mut survey, "a");
    fs::remove_file(top.path().join("a/new")).unwrap();
    assert!(rest(&mut survey).contains(&"changed a/new".to_owned()));
}

#[test]
fn the_folder_may_be_named_by_a_link_and_nothing_else_may() {
    let top = tree();
    let link = top.path().join("link");
    assert_eq!(rest(&mut Survey::begin(&link).unwrap()).len(), 4);
    let missing = Survey::begin(Path::new("/nonexistent")).unwrap_err();
    assert_eq!(missing.code(), "folder-unreadable");
    assert_eq!(
        Survey::begin(&top.path().join("z")).unwrap_err().code(),
        "folder-unreadable"
    );
}
