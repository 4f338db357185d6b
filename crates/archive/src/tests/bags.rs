//! Bags: what is attached goes with the release, attacks on that, and one bag for each release.

use std::fs::File;

use proptest::prelude::*;

use super::*;
use crate::{
    AttachedFileInput, AttachmentInput, AttachmentKind, Bag, BagProblem, Kept, Reader, WhatIsWrong,
};

fn attach(bench: &Bench, kind: AttachmentKind, bytes: &[u8]) -> Digest {
    let input = AttachmentInput {
        subject: Some(named("hello@1.0.0")),
        kind,
        created: "2026-11-21T21:00:00Z".parse().unwrap(),
        files: vec![AttachedFileInput {
            path: relative("sub/later.json"),
            media_type: "application/json".to_owned(),
            source: Source::Bytes(bytes),
            expected: None,
        }],
    };
    let mut store = Store::open(&bench.path()).unwrap();
    store.attach(&input).unwrap().manifests[0].0
}

/// The bag of `hello@1.0.0`, as a folder and as a tar.
fn export(archive: &Path, folder: &TempDir) -> (PathBuf, PathBuf) {
    let reader = Reader::open(archive).unwrap();
    let release = reader.find(&named("hello@1.0.0")).unwrap().unwrap();
    let bag = folder.path().join("bag");
    fs::create_dir(&bag).unwrap();
    let written = release.export_folder(&bag).unwrap();
    let tar = folder.path().join("bag.tar");
    let same = release.export_tar(File::create(&tar).unwrap()).unwrap();
    assert_eq!(written, same);
    (bag, tar)
}

fn exported(bench: &Bench) -> (TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (bag, tar) = export(&bench.path(), &folder);
    (folder, bag, tar)
}

fn open_tar(path: &Path) -> Result<Bag, ArchiveError> {
    Bag::open_tar(File::open(path).unwrap(), path)
}

/// The codes of all problems, each once.
fn problems(bag: &Path) -> Vec<&'static str> {
    let bag = Bag::open_folder(bag).unwrap();
    let mut codes: Vec<_> = bag.problems().iter().map(BagProblem::code).collect();
    codes.dedup();
    codes
}

/// The digest is part of the format: it changes with a new bag format alone, the words of `VERIFY.md`
/// included.
#[test]
fn a_release_has_these_bytes() {
    let (_folder, bag, tar) = exported(&Bench::with_hello());
    let found = sha256(&fs::read(tar).unwrap());
    assert_eq!(
        found.hex(),
        "91b90c03bcfa6fad697a2b821af325c9b3173a1315d66c59e0550da8a745ec89",
        "{}",
        fs::read_to_string(bag.join("VERIFY.md")).unwrap()
    );
}

#[test]
fn what_is_attached_goes_with_the_release_and_what_is_about_the_archive_stays() {
    let bench = Bench::with_hello();
    let (_before, plain, _) = exported(&bench);
    for kind in [
        AttachmentKind::Fixity,
        AttachmentKind::Hold,
        AttachmentKind::Retention,
    ] {
        attach(&bench, kind, b"{}");
    }
    let (_same, kept, _) = exported(&bench);
    let names = |bag: &Path| {
        let bag = Bag::open_folder(bag).unwrap();
        assert!(bag.problems().is_empty(), "{:?}", bag.problems());
        (bag.files(), bag.bytes(), bag.attachment_count())
    };
    assert_eq!(names(&plain), names(&kept));

    let digest = attach(&bench, AttachmentKind::Renewal, b"{\"again\":1}");
    let (_folder, bag, tar) = exported(&bench);
    let place = format!("archive/attachments/{}/files/sub/later.json", digest.hex());
    assert_eq!(fs::read(bag.join(place)).unwrap(), b"{\"again\":1}");

    let other = tempfile::tempdir().unwrap();
    let vault = other.path().join("vault");
    for bag in [Bag::open_folder(&bag).unwrap(), open_tar(&tar).unwrap()] {
        assert_eq!((bag.problems(), bag.attachment_count()), (&[][..], 1));
        let mut store = Store::init(&vault).unwrap();
        store.add(&bag.input().unwrap()).unwrap();
        let added = store.attach_all(&bag.attachments().unwrap()).unwrap();
        assert_eq!(added.manifests[0].0, digest);
    }
    let (_, again) = export(&vault, &other);
    assert_eq!(fs::read(tar).unwrap(), fs::read(again).unwrap());
}

#[test]
fn an_attachment_that_is_not_this_releases_is_refused() {
    let bench = Bench::with_hello();
    let digest = attach(&bench, AttachmentKind::Evidence, b"{}");
    let (_folder, bag, _) = exported(&bench);
    assert!(problems(&bag).is_empty());
    let place = bag.join("archive/attachments").join(digest.hex());

    // A file of it: changed, gone, one more.
    let file = place.join("files/sub/later.json");
    fs::write(&file, "{ }").unwrap();
    assert_eq!(problems(&bag), ["bag-file-differs"]);
    fs::remove_file(&file).unwrap();
    assert_eq!(problems(&bag), ["bag-file-extra", "bag-file-missing"]);
    fs::write(&file, "{}").unwrap();
    fs::write(place.join("files/more"), "x").unwrap();
    assert_eq!(problems(&bag), ["bag-file-extra"]);
    fs::remove_file(place.join("files/more")).unwrap();
    assert!(problems(&bag).is_empty());

    // In another folder, of another release, of a kind that no bag has, not canonical.
    let manifest = place.join("manifest.json");
    let good = fs::read_to_string(&manifest).unwrap();
    let moved = place.with_file_name("0".repeat(64));
    fs::rename(&place, &moved).unwrap();
    assert_eq!(code(Bag::open_folder(&bag)), "attachment-mismatch");
    fs::rename(&moved, &place).unwrap();
    let subject = Bag::open_folder(&bag).unwrap().manifest().hex();
    for (from, to, wanted) in [
        (subject.as_str(), "0".repeat(64), "attachment-mismatch"),
        ("\"evidence\"", "\"hold\"".to_owned(), "attachment-mismatch"),
        (
            "\"evidence\"",
            " \"evidence\"".to_owned(),
            "attachment-malformed",
        ),
        (
            "attachment.v1",
            "release.v1".to_owned(),
            "attachment-malformed",
        ),
    ] {
        let bad = good.replace(from, &to);
        assert_ne!(bad, good);
        let named_by_itself = place.with_file_name(sha256(bad.as_bytes()).hex());
        fs::write(&manifest, bad).unwrap();
        fs::rename(&place, &named_by_itself).unwrap();
        assert_eq!(code(Bag::open_folder(&bag)), wanted, "{from} to {to}");
        fs::rename(&named_by_itself, &place).unwrap();
    }
    fs::write(&manifest, good).unwrap();

    // Taken away whole: no manifest leads to it, and the lists still do.
    fs::remove_dir_all(&place).unwrap();
    assert!(problems(&bag).contains(&"bag-file-differs"));
}

#[test]
fn a_size_that_is_not_that_of_the_bytes_is_refused() {
    let (_folder, bag, _) = exported(&Bench::with_hello());
    let manifest = bag.join("archive/manifest.json");
    let good = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, good.replace("\"size\":6}", "\"size\":7}")).unwrap();
    let bad = fs::read_to_string(&manifest).unwrap();
    assert_ne!(bad, good);
    assert_eq!(code(Bag::open_folder(&bag)), "blob-corrupt");
}

#[test]
fn each_problem_says_where_and_what() {
    let (_folder, bag, _) = exported(&Bench::with_hello());
    fs::write(bag.join("data/doc/hello.txt"), "jello\n").unwrap();
    let bag = Bag::open_folder(&bag).unwrap();
    let [problem] = bag.problems() else {
        panic!("{:?}", bag.problems());
    };
    assert_eq!(problem.path, "data/doc/hello.txt");
    assert_eq!(problem.member, Some(relative("doc/hello.txt")));
    assert_eq!(
        problem.what,
        WhatIsWrong::Differs {
            found: sha256(b"jello\n"),
            wanted: sha256(b"hello\n"),
        }
    );
    assert_eq!(Kept::name(&bag), &named("hello@1.0.0"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Out, in, and out again: the same bytes; as a folder and as a tar.
    #[test]
    fn any_release_comes_back_as_it_went(
        files in prop::collection::btree_map("[a-z0-9%' ü-]{0,12}[a-z0-9]{1,3}(/[a-z]{1,90}){0,2}", prop::collection::vec(any::<u8>(), 0..1500), 1..8)
    ) {
        let inputs: Vec<(&str, Role, &[u8])> = files.iter().map(|(name, bytes)| (name.as_str(), Role::Artifact, bytes.as_slice())).collect();
        let bench = Bench::new();
        let mut accepted = inputs.iter().all(|it| RelativePath::parse(it.0).is_ok());
        accepted = accepted && bench.add("hello@1.0.0", &inputs).is_ok();
        prop_assume!(accepted);
        let (_folder, bag, tar) = exported(&bench);
        let other = tempfile::tempdir().unwrap();
        let vault = other.path().join("vault");
        let read = open_tar(&tar).unwrap();
        prop_assert!(read.problems().is_empty(), "{:?}", read.problems());
        prop_assert!(Bag::open_folder(&bag).unwrap().problems().is_empty());
        Store::init(&vault).unwrap().add(&read.input().unwrap()).unwrap();
        let (_, again) = export(&vault, &other);
        prop_assert_eq!(fs::read(tar).unwrap(), fs::read(again).unwrap());
    }
}

/// One key under many names: what a bag has beside its files is held, and has a bound.
#[test]
fn what_a_bag_would_cut_out_of_its_files_has_a_bound() {
    let bench = Bench::new();
    let key = vec![0; 4 << 20];
    let names: Vec<String> = (0..129).map(|it| format!("{it}.pub")).collect();
    let files: Vec<(&str, Role, &[u8])> = names
        .iter()
        .map(|name| (name.as_str(), Role::Trust, key.as_slice()))
        .collect();
    bench.add("few@1", &files[..2]).unwrap();
    bench.add("many@1", &files).unwrap();
    let reader = Reader::open(&bench.path()).unwrap();
    let export = |name: &str| {
        let release = reader.find(&named(name)).unwrap().unwrap();
        release.export_tar(std::io::sink())
    };
    export("few@1").unwrap();
    assert_eq!(code(export("many@1")), "release-too-large");
}
