//! What goes in comes out.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;

use attest_digest::Root;
use proptest::prelude::*;

use super::*;
use crate::materialize::Selection;
use crate::{Outcome, Reader};

#[test]
fn a_release_comes_out_as_it_went_in() {
    let bench = Bench::with_hello();
    let reader = Reader::open(&bench.path()).unwrap();
    assert_eq!(reader.list().len(), 1);
    let release = reader.find(&named("hello@1.0.0")).unwrap().unwrap();
    assert_eq!(release.members().len(), HELLO.len());
    for (path, role, bytes) in HELLO {
        let member = release.member(&relative(path)).unwrap();
        assert_eq!(
            (member.role(), member.digest(), member.size()),
            (role, sha256(bytes), bytes.len() as u64)
        );
        assert_eq!(
            release.unverified_bytes(&relative(path), 100).unwrap(),
            bytes
        );
        let mut read = Vec::new();
        release
            .unverified_file(&relative(path))
            .unwrap()
            .read_to_end(&mut read)
            .unwrap();
        assert_eq!(read, bytes);
    }
    assert_eq!(
        code(release.unverified_bytes(&relative("absent"), 100)),
        "member-missing"
    );
    assert_eq!(
        code(release.unverified_bytes(&relative("bin/hello"), 3)),
        "release-too-large"
    );
    assert!(reader.find(&named("hello@1.0.1")).unwrap().is_none());
}

#[test]
fn the_documents_are_written_as_the_format_says() {
    let bench = Bench::new();
    bench
        .add("@acme/hello@1.0.0~rc1", &[HELLO[1], HELLO[2], HELLO[3]])
        .unwrap();
    let manifest = Reader::open(&bench.path()).unwrap().list()[0].manifest;
    let text = fs::read_to_string(bench.blob(manifest)).unwrap();
    assert_eq!(
        text,
        concat!(
            r#"{"annotations":{"dev.attest.release.name":"@acme/hello","#,
            r#""dev.attest.release.purl":"pkg:generic/%40acme/hello@1.0.0~rc1","#,
            r#""dev.attest.release.sha256sums":"sha256:SUMS","#,
            r#""dev.attest.release.version":"1.0.0~rc1","org.opencontainers.image.version":"1.0.0~rc1"},"#,
            r#""artifactType":"application/vnd.attest.release.v1","config":{"#,
            r#""digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","#,
            r#""mediaType":"application/vnd.oci.empty.v1+json","size":2},"layers":["#,
            r#"{"annotations":{"dev.attest.role":"checksums","org.opencontainers.image.title":"SHA256SUMS"},"#,
            r#""digest":"sha256:SUMS","mediaType":"text/plain","size":12},"#,
            r#"{"annotations":{"dev.attest.role":"artifact","org.opencontainers.image.title":"doc/hello.txt"},"#,
            r#""digest":"sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03","#,
            r#""mediaType":"application/octet-stream","size":6},"#,
            r#"{"annotations":{"dev.attest.role":"evidence","org.opencontainers.image.title":"release.sigstore.json"},"#,
            r#""digest":"sha256:BUNDLE","mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","size":12}],"#,
            r#""mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2}"#
        )
        .replace("SUMS\",\"med", &format!("{}\",\"med", sha256(HELLO[2].2).hex()))
        .replace("sha256:SUMS", &sha256(HELLO[2].2).to_string())
        .replace("BUNDLE", &sha256(HELLO[3].2).hex())
    );
    assert_eq!(
        fs::read_to_string(bench.index()).unwrap(),
        format!(
            concat!(
                r#"{{"annotations":{{"dev.attest.archive.format":"1"}},"manifests":[{{"annotations":{{"#,
                r#""dev.attest.release.name":"@acme/hello","dev.attest.release.version":"1.0.0~rc1","#,
                r#""org.opencontainers.image.ref.name":"escaped/Z40acme/hello@1.0.0Z7erc1"}},"#,
                r#""artifactType":"application/vnd.attest.release.v1","digest":"{digest}","#,
                r#""mediaType":"application/vnd.oci.image.manifest.v1+json","size":{size}}}],"#,
                r#""mediaType":"application/vnd.oci.image.index.v1+json","schemaVersion":2}}"#
            ),
            digest = manifest,
            size = text.len()
        )
    );
    assert_eq!(
        fs::read_to_string(bench.path().join("oci-layout")).unwrap(),
        r#"{"imageLayoutVersion":"1.0.0"}"#
    );
}

#[test]
fn a_file_in_two_releases_is_stored_once_and_cannot_be_written() {
    let bench = Bench::with_hello();
    let again = [HELLO[0], HELLO[1], ("new", Role::Artifact, b"new")];
    let added = bench.add("hello@2.0.0", &again).unwrap();
    // New: one file and the manifest. Reused: two files and the empty configuration.
    assert_eq!((added.new_blobs, added.reused_blobs), (2, 3));
    let blobs = bench.path().join("blobs/sha256");
    assert_eq!(
        fs::read_dir(&blobs).unwrap().count(),
        HELLO.len() + 1 + 1 + 2
    );
    for blob in fs::read_dir(&blobs).unwrap() {
        let blob = blob.unwrap().metadata().unwrap();
        assert_eq!((blob.mode() & 0o7777, blob.nlink()), (0o444, 1));
    }
}

#[test]
fn a_file_twice_in_one_release_and_an_empty_file_are_stored_once() {
    let bench = Bench::new();
    let files: [(&str, Role, &[u8]); 4] = [
        ("a", Role::Artifact, b"x"),
        ("b", Role::Artifact, b"x"),
        ("c", Role::Artifact, b""),
        ("d", Role::Artifact, b""),
    ];
    let added = bench.add("twice@1", &files).unwrap();
    assert_eq!(added.new_blobs, 4);
    let reader = Reader::open(&bench.path()).unwrap();
    let release = reader.find(&named("twice@1")).unwrap().unwrap();
    assert_eq!(release.unverified_bytes(&relative("b"), 10).unwrap(), b"x");
    assert_eq!(release.unverified_bytes(&relative("d"), 10).unwrap(), b"");
    assert!(!bench.path().join("incoming").exists());
}

#[test]
fn the_same_release_again_changes_nothing_and_another_is_refused() {
    let bench = Bench::with_hello();
    let before = fs::read(bench.index()).unwrap();
    let mut shuffled = HELLO;
    shuffled.reverse();
    let kept = Reader::open(&bench.path()).unwrap().list()[0].manifest;
    let again = bench.add("hello@1.0.0", &shuffled).unwrap();
    assert_eq!((again.outcome, again.new_blobs), (Outcome::Already, 0));

    let mut other = HELLO;
    other[1].2 = b"HELLO\n";
    assert_eq!(
        code(bench.add("hello@1.0.0", &other)),
        "version-already-released"
    );
    assert_eq!(
        code(bench.add("hello@1.0.0", &HELLO[1..])),
        "version-already-released"
    );
    let mut renamed = HELLO;
    renamed[1].0 = "doc/HELLO.txt";
    assert_eq!(
        code(bench.add("hello@1.0.0", &renamed)),
        "version-already-released"
    );
    // What a file is there for is no content.
    let mut role = HELLO;
    role[1].1 = Role::Guide;
    let again = bench.add("hello@1.0.0", &role).unwrap();
    assert_eq!((again.outcome, again.manifest), (Outcome::Already, kept));
    assert_eq!(fs::read(bench.index()).unwrap(), before);
    assert_eq!(
        fs::read_dir(bench.path().join("blobs/sha256"))
            .unwrap()
            .count(),
        HELLO.len() + 2
    );
}

#[test]
fn the_same_release_again_is_not_confirmed_when_its_files_are_gone() {
    let bench = Bench::with_hello();
    fs::remove_file(bench.blob(sha256(HELLO[1].2))).unwrap();
    assert_eq!(code(bench.add("hello@1.0.0", &HELLO)), "blob-missing");
}

#[test]
fn same_content_looks_at_the_artifacts_alone() {
    let bench = Bench::with_hello();
    let reader = Reader::open(&bench.path()).unwrap();
    let release = reader.find(&named("hello@1.0.0")).unwrap().unwrap();
    let of = |files: &[(&str, Role, &[u8])]| -> Vec<_> {
        files
            .iter()
            .map(|(path, _, bytes)| (relative(path), sha256(bytes)))
            .collect()
    };
    let artifacts = of(&HELLO[..2]);
    assert!(release.same_content(&artifacts));
    assert!(!release.same_content(&artifacts[..1]));
    assert!(!release.same_content(&of(&HELLO[..3])));
    assert!(!release.same_content(&[
        artifacts[0].clone(),
        (artifacts[1].0.clone(), artifacts[0].1)
    ]));
    assert!(!release.same_content(&[
        artifacts[0].clone(),
        artifacts[1].clone(),
        artifacts[1].clone()
    ]));
}

#[test]
fn a_release_without_files_or_with_colliding_names_is_refused() {
    let bench = Bench::new();
    assert_eq!(code(bench.add("hello@1", &[])), "release-empty");
    for (one, other) in [("a", "a"), ("a", "A"), ("\u{e9}", "e\u{301}"), ("a", "a/b")] {
        let files: [(&str, Role, &[u8]); 2] =
            [(one, Role::Artifact, b"1"), (other, Role::Artifact, b"2")];
        assert_eq!(
            code(bench.add("hello@1", &files)),
            "name-collision",
            "{one} {other}"
        );
    }
    assert_eq!(Reader::open(&bench.path()).unwrap().list(), []);
}

#[test]
fn files_are_taken_from_paths_and_from_below_a_folder() {
    let bench = Bench::new();
    let folder = bench.folder.path().join("dist");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("big"), vec![7; 300_000]).unwrap();
    std::os::unix::fs::symlink("big", folder.join("link")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", folder.join("outside")).unwrap();
    let root = Root::open(&folder).unwrap();
    let member = |path: &str, source| MemberInput {
        path: relative(path),
        role: Role::Artifact,
        source,
        expected: None,
    };
    let mut input = ReleaseInput {
        name: named("dist@1"),
        members: vec![
            member("big", Source::Path(folder.join("big"))),
            member("link", Source::Below(&root, relative("link"))),
        ],
    };
    let mut store = Store::open(&bench.path()).unwrap();
    assert_eq!(store.add(&input).unwrap().new_blobs, 3);
    let release = store.reader().find(&named("dist@1")).unwrap().unwrap();
    assert_eq!(
        release
            .unverified_bytes(&relative("link"), 300_000)
            .unwrap(),
        vec![7; 300_000]
    );

    input.name = named("dist@2");
    input
        .members
        .push(member("outside", Source::Below(&root, relative("outside"))));
    assert_eq!(code(store.add(&input)), "link-outside");
    input.members[2] = member("absent", Source::Path(folder.join("absent")));
    assert_eq!(code(store.add(&input)), "file-unreadable");
    input.members[2] = member("folder", Source::Path(folder));
    assert_eq!(code(store.add(&input)), "not-a-file");
    assert_eq!(store.reader().list().len(), 1);
    assert!(!bench.path().join("incoming").exists());
}

#[test]
fn a_file_that_is_not_the_one_that_was_verified_is_refused_in_each_way_in() {
    let bench = Bench::with_hello();
    let path = bench.folder.path().join("file");
    fs::write(&path, "other").unwrap();
    let before = fs::read(bench.index()).unwrap();
    for (expected, source) in [
        (sha256(b"wanted"), Source::Bytes(b"other")),
        (sha256(b"wanted"), Source::Path(path.clone())),
        // Kept already: the file is only read.
        (sha256(HELLO[0].2), Source::Path(path)),
    ] {
        let member = MemberInput {
            path: relative("x"),
            role: Role::Artifact,
            source,
            expected: Some(expected),
        };
        for name in ["other@1", "hello@1.0.0"] {
            let mut input = release(name, &[]);
            let MemberInput {
                path,
                role,
                source,
                expected,
            } = &member;
            let source = match source {
                Source::Bytes(bytes) => Source::Bytes(bytes),
                Source::Path(path) => Source::Path(path.clone()),
                Source::Below(..) | Source::Within { .. } => unreachable!(),
            };
            input.members.push(MemberInput {
                path: path.clone(),
                role: *role,
                source,
                expected: *expected,
            });
            assert_eq!(
                code(Store::open(&bench.path()).unwrap().add(&input)),
                "file-changed",
                "{name}"
            );
        }
    }
    assert_eq!(fs::read(bench.index()).unwrap(), before);
    assert_eq!(
        fs::read_dir(bench.path().join("blobs/sha256"))
            .unwrap()
            .count(),
        HELLO.len() + 2
    );
}

#[test]
fn missing_files_are_written_out_and_those_that_are_there_stay() {
    let bench = Bench::with_hello();
    let destination = bench.folder.path().join("out");
    fs::create_dir(&destination).unwrap();
    fs::write(destination.join("release.pub"), HELLO[4].2).unwrap();
    let reader = Reader::open(&bench.path()).unwrap();
    let release = reader.find(&named("hello@1.0.0")).unwrap().unwrap();
    let only = [relative("bin/hello"), relative("release.pub")];
    let done = release
        .materialize_unaccepted(&destination, Selection::Only(&only))
        .unwrap();
    assert_eq!(
        (done.written, done.kept),
        (vec![relative("bin/hello")], vec![relative("release.pub")])
    );
    let done = release
        .materialize_unaccepted(&destination, Selection::All)
        .unwrap();
    assert_eq!((done.written.len(), done.kept.len()), (3, 2));
    for (path, _, bytes) in HELLO {
        assert_eq!(fs::read(destination.join(path)).unwrap(), bytes);
    }
    assert!(!destination.join(".attest-restore").exists());
    let absent = [relative("absent")];
    assert_eq!(
        code(release.materialize_unaccepted(&destination, Selection::Only(&absent))),
        "member-missing"
    );
}

#[test]
fn many_files_are_added_and_written_out() {
    let bench = Bench::new();
    let names: Vec<(String, String)> = (0..300)
        .map(|it| (format!("d{}/f{it}", it % 7), format!("{it}")))
        .collect();
    let files: Vec<(&str, Role, &[u8])> = names
        .iter()
        .map(|(path, bytes)| (path.as_str(), Role::Artifact, bytes.as_bytes()))
        .collect();
    assert_eq!(bench.add("many@1", &files).unwrap().new_blobs, 302);
    let reader = Reader::open(&bench.path()).unwrap();
    assert!(reader.check(Hashes::Sha256).unwrap().is_sound());
    let release = reader.find(&named("many@1")).unwrap().unwrap();
    let destination = bench.folder.path().join("out/deep");
    assert_eq!(
        release
            .materialize_unaccepted(&destination, Selection::All)
            .unwrap()
            .written
            .len(),
        300
    );
    assert_eq!(fs::read(destination.join("d5/f299")).unwrap(), b"299");
}

#[test]
fn an_archive_is_made_with_the_folders_on_the_way_and_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/archive");
    let mut store = Store::init(&path).unwrap();
    store.add(&release("hello@1", &HELLO)).unwrap();
    drop(store);
    assert_eq!(Store::init(&path).unwrap().reader().list().len(), 1);
}

/// Names and contents of a few files, some of them equal.
fn files() -> impl Strategy<Value = BTreeMap<String, Vec<u8>>> {
    prop::collection::btree_map(
        "[a-c]{1,3}(/[d-f\u{e9}~ ]{1,3}){0,2}",
        prop::collection::vec(0..3_u8, 0..4),
        1..8,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_set_of_releases_comes_out_as_it_went_in(releases in prop::collection::btree_map("[a-b~+]{1,3}@[0-9:]{1,2}", files(), 1..5)) {
        let bench = Bench::new();
        let mut kept = BTreeMap::new();
        for (name, files) in &releases {
            let input: Vec<(&str, Role, &[u8])> =
                files.iter().map(|(path, bytes)| (path.as_str(), Role::Artifact, bytes.as_slice())).collect();
            match bench.add(name, &input) {
                Ok(_) => drop(kept.insert(named(name), files)),
                Err(error) => prop_assert_eq!(error.code(), "name-collision"),
            }
        }
        let reader = Reader::open(&bench.path()).unwrap();
        let listed: Vec<ReleaseName> = reader.list().into_iter().map(|it| it.name).collect();
        prop_assert_eq!(&listed, &kept.keys().cloned().collect::<Vec<_>>());
        for (name, files) in kept {
            let release = reader.find(&name).unwrap().unwrap();
            let found: BTreeMap<String, Vec<u8>> = release
                .members()
                .iter()
                .map(|it| (it.path().to_string(), release.unverified_bytes(it.path(), 10).unwrap()))
                .collect();
            prop_assert_eq!(&found, files);
        }
        let report = reader.check(Hashes::Sha256).unwrap();
        prop_assert!(report.is_sound() && report.notes.is_empty());
    }
}
