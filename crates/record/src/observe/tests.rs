use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

struct Place(tempfile::TempDir);

impl Place {
    fn new(files: &[&str]) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for file in files {
            place.write(file, file);
        }
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.at(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn observer(&self, strip: &[&str], excludes: &[&str]) -> Observer {
        let strip = strip.iter().map(|it| (*it).to_owned()).collect();
        Observer::new(
            self.0.path(),
            strip,
            Excludes::parse(excludes).unwrap(),
            &[self.at("home")],
        )
    }

    fn observe(&self, paths: &[&str]) -> Result<Observation, ObserveError> {
        self.observer(&[], &[".git"])
            .observe(&paths_of(paths), Missing::Refuse)
    }

    #[track_caller]
    fn refused(&self, paths: &[&str], code: &str) {
        let refusal = self.observe(paths).map_err(|error| error.code());
        assert_eq!(refusal, Err(code), "{paths:?}");
    }
}

fn paths_of(paths: &[&str]) -> Vec<PathBuf> {
    paths.iter().map(PathBuf::from).collect()
}

fn names(observation: &Observation) -> Vec<&str> {
    observation
        .files()
        .keys()
        .map(RelativePath::as_str)
        .collect()
}

#[test]
fn a_path_that_is_not_there_is_refused_or_noted() {
    let place = Place::new(&["a"]);
    place.refused(&["a", "b"], "recorded-path-missing");
    let noted = place
        .observer(&[], &[])
        .observe(&paths_of(&["a", "b"]), Missing::Note)
        .unwrap();
    assert_eq!(names(&noted), ["a"]);
    assert_eq!(noted.missing(), ["b"]);
}

#[test]
fn a_path_that_no_link_can_carry_is_refused() {
    let place = Place::new(&["a"]);
    place.refused(&["../a"], "name-parent-component");
    place.refused(&["sub/../a"], "name-parent-component");
    place.refused(&[""], "name-empty");
    place.refused(&["a\nb"], "name-control-character");
    let not_utf8 = PathBuf::from(std::ffi::OsStr::from_bytes(b"a\xff"));
    let refusal = place
        .observer(&[], &[])
        .observe(std::slice::from_ref(&not_utf8), Missing::Refuse);
    assert_eq!(refusal.unwrap_err().code(), "name-not-utf8");
    // And below a folder.
    fs::write(place.0.path().join(not_utf8), "x").unwrap();
    place.refused(&["."], "name-not-utf8");
    let place = Place::new(&["sub/a\u{1b}[2Jb"]);
    place.refused(&["sub"], "name-control-character");
    place.refused(
        &[place.at("sub").to_str().unwrap()],
        "name-control-character",
    );
}

#[test]
fn an_absolute_path_needs_its_beginning_stripped() {
    let place = Place::new(&["src/a", "src/sub/b"]);
    let source = place.at("src");
    place.refused(&[source.to_str().unwrap()], "name-absolute");
    let prefix = place.0.path().to_str().unwrap();
    for prefix in [prefix.to_owned(), format!("{prefix}/")] {
        let observer = place.observer(&[&prefix], &[]);
        let found = observer
            .observe(std::slice::from_ref(&source), Missing::Refuse)
            .unwrap();
        assert_eq!(names(&found), ["src/a", "src/sub/b"]);
    }
}

#[test]
fn names_are_normalised_and_each_file_recorded_once() {
    let place = Place::new(&["src/a", "src/sub/b", "c"]);
    let found = place.observe(&["./src//", "src/a", ".", "c"]).unwrap();
    assert_eq!(names(&found), ["c", "src/a", "src/sub/b"]);
}

#[test]
fn a_prefix_is_taken_off_between_components_alone() {
    let place = Place::new(&["src/a", "src2/b"]);
    let observer = place.observer(&["src"], &[]);
    let found = observer
        .observe(&paths_of(&["."]), Missing::Refuse)
        .unwrap();
    assert_eq!(names(&found), ["a", "src2/b"]);
}

#[test]
fn two_files_of_one_name_are_refused() {
    let place = Place::new(&["one/a", "two/a"]);
    let observer = place.observer(&["one", "two"], &[]);
    let refusal = observer.observe(&paths_of(&["one", "two"]), Missing::Refuse);
    assert_eq!(refusal.unwrap_err().code(), "recorded-name-collision");
}

#[test]
fn what_is_left_out_is_not_read_and_may_be_called_anything() {
    let place = Place::new(&["a", ".git/x\u{1b}y", "sub/.git/z", "home/keys/k"]);
    let found = place.observe(&["."]).unwrap();
    assert_eq!(names(&found), ["a"]);
}

#[test]
fn links_stay_inside_and_cycles_are_not_entered() {
    let place = Place::new(&["src/a", "lib/b"]);
    symlink("a", place.at("src/to-file")).unwrap();
    symlink("../lib/b", place.at("src/to-sibling")).unwrap();
    symlink("..", place.at("src/cycle")).unwrap();
    symlink("nowhere", place.at("src/broken")).unwrap();
    let found = place.observe(&["src"]).unwrap();
    assert_eq!(names(&found), ["src/a", "src/to-file", "src/to-sibling"]);
    let links: Vec<(&str, &str)> = found
        .links()
        .iter()
        .map(|(path, target)| (path.as_str(), target.as_str()))
        .collect();
    assert_eq!(
        links,
        [
            ("src/broken", "nowhere"),
            ("src/cycle", ".."),
            ("src/to-file", "a"),
            ("src/to-sibling", "../lib/b"),
        ]
    );
    symlink("/etc/passwd", place.at("src/out")).unwrap();
    place.refused(&["src"], "link-outside");
    place.refused(&["src/out"], "link-outside");
}

#[test]
fn what_is_no_file_is_refused_and_nobody_waits_for_it() {
    let place = Place::new(&["a"]);
    rustix::fs::mknodat(
        rustix::fs::CWD,
        place.at("fifo"),
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    place.refused(&["."], "special-file");
    place.refused(&["fifo"], "not-a-file");
}

#[test]
fn a_file_that_may_not_be_read_is_refused() {
    let place = Place::new(&["a"]);
    fs::set_permissions(place.at("a"), fs::Permissions::from_mode(0o0)).unwrap();
    if fs::read(place.at("a")).is_ok() {
        // The administrator reads anything: there is nothing to see.
        return;
    }
    place.refused(&["."], "file-unreadable");
}

#[test]
fn permissions_are_observed() {
    let place = Place::new(&["run", "text"]);
    let set = |name: &str, mode| {
        fs::set_permissions(place.at(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    set("run", 0o4755);
    set("text", 0o640);
    let found = place.observe(&["."]).unwrap();
    let modes: Vec<u32> = found.files().values().map(ObservedFile::mode).collect();
    assert_eq!(modes, [0o4755, 0o640]);
}
