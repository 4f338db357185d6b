//! `attest digest` from outside.

use std::fs;

use crate::page::root;
use crate::support::World;

const HELLO: &str = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";

fn tree() -> World {
    let world = World::new();
    world.write("dist/a.txt", "hello\n");
    world.write("dist/d/b.txt", "hello\n");
    world
}

#[test]
fn files_and_folders_are_written_as_coreutils_writes_them() {
    let world = tree();
    let ran = world.attest("digest dist").yes();
    assert_eq!(
        ran.out,
        format!("{HELLO}  dist/a.txt\n{HELLO}  dist/d/b.txt\n")
    );
    fs::write(world.at("list"), &ran.out).unwrap();
    world.shell("sha256sum -c --strict list").yes();
    let ran = world.attest("digest dist/a.txt --bsd").yes();
    assert_eq!(ran.out, format!("SHA256 (dist/a.txt) = {HELLO}\n"));
    let ran = world.attest("digest dist/a.txt --algorithm sha512").yes();
    fs::write(world.at("list"), &ran.out).unwrap();
    world.shell("sha512sum -c --strict list").yes();
}

#[test]
fn what_cannot_be_read_is_no_yes() {
    let world = tree();
    assert_eq!(world.attest("digest dist absent").exit, 3);
    std::os::unix::fs::symlink("/etc/passwd", world.at("dist/link")).unwrap();
    let ran = world.attest("digest dist");
    assert_eq!(ran.exit, 1);
    assert!(ran.err.contains("link-outside"), "{ran:#?}");
    fs::create_dir(world.at("empty")).unwrap();
    assert_eq!(world.attest("digest empty").exit, 1);
    assert_eq!(world.attest("digest").exit, 2);
}

#[test]
fn a_list_is_checked_and_each_line_counts() {
    let world = tree();
    let line = format!("{HELLO}  a.txt\n{HELLO}  d/b.txt\n");
    world.write("dist/SHA256SUMS", &line);
    let ran = world.attest("digest --check dist/SHA256SUMS").yes();
    assert!(ran.out.contains("d/b.txt: OK"), "{ran:#?}");

    world.write("dist/d/b.txt", "jello\n");
    let ran = world.attest("digest --check dist/SHA256SUMS");
    assert_eq!(ran.exit, 1);
    assert!(ran.out.contains("digest-mismatch"), "{ran:#?}");

    fs::remove_file(world.at("dist/d/b.txt")).unwrap();
    let ran = world.attest("digest --check dist/SHA256SUMS");
    assert_eq!(ran.exit, 1);
    assert!(ran.out.contains("file-missing"), "{ran:#?}");

    // coreutils warns here, and says yes.
    world.write("dist/SHA256SUMS", format!("{HELLO}  a.txt\nnot a line\n"));
    world
        .attest("digest --check dist/SHA256SUMS")
        .refused(1, "checksums-line-malformed");
    world.write("dist/SHA256SUMS", format!("{HELLO}  ../a.txt\n"));
    world
        .attest("digest --check dist/SHA256SUMS")
        .refused(1, "name-parent-component");
    world
        .attest("digest --check dist/absent")
        .refused(3, "file-unreadable");
}

#[test]
fn the_members_of_an_archive_are_listed_and_hashed() {
    let world = tree();
    world
        .shell("tar --owner=me:1000 -czf x.tar.gz dist && gzip -dc x.tar.gz > x.tar")
        .yes();
    for file in ["x.tar", "x.tar.gz"] {
        let ran = world.attest_with(&["digest", "--contents", file]).yes();
        assert!(
            ran.out.contains(&format!("sha256:{HELLO}  dist/a.txt")),
            "{ran:#?}"
        );
        let ran = world
            .attest_with(&["digest", "--contents", file, "--format", "json"])
            .yes();
        let members = ran.json()["members"].as_array().unwrap().clone();
        assert_eq!(members.len(), 4);
        let files: Vec<_> = members.iter().filter(|it| it["type"] == "file").collect();
        assert_eq!(files.len(), 2);
        assert!(files.iter().all(|it| it["sha256"] == HELLO), "{ran:#?}");
    }
}

#[test]
fn an_archive_that_readers_understand_differently_is_refused() {
    let world = World::new();
    for (case, code) in [
        ("pax-size-smaller/archive.tar", "tar-pax-size"),
        ("parent-component/archive.tar", "name-parent-component"),
        ("gzip-two-members/archive.tar.gz", "gzip-trailing"),
        ("zstd-bomb/archive.tar.zst", "container-bomb"),
    ] {
        let path = root().join("fixtures/archives").join(case);
        world
            .attest_with(&["digest", "--contents", path.to_str().unwrap()])
            .refused(1, code);
    }
    world
        .attest("digest --contents absent")
        .refused(3, "file-unreadable");
}

#[test]
fn the_members_of_a_zip_are_listed_and_what_is_hidden_in_one_is_refused() {
    let world = World::new();
    let contents = |case: &str| {
        let path = root().join(format!("fixtures/archives/{case}/archive.zip"));
        let words = [
            "digest",
            "--contents",
            path.to_str().unwrap(),
            "--format",
            "json",
        ];
        world.attest_with(&words)
    };
    for case in ["zip-plain", "zip-info-zip", "zip-libarchive", "zip-python"] {
        let ran = contents(case).yes();
        assert_eq!(ran.json()["format"], "zip");
    }
    let ran = contents("zip-plain");
    assert_eq!(ran.json()["members"][0]["sha256"], HELLO);
    for (case, code) in [
        ("zip-local-name", "zip-mismatch"),
        ("zip-parent-component", "name-parent-component"),
        ("zip-trailing-archive-moved", "zip-gap"),
        ("zip-unicode-other", "zip-unicode-path"),
        ("zip-bomb", "container-bomb"),
    ] {
        contents(case).refused(1, code);
    }
    assert_eq!(contents("zip-empty").exit, 1);
}
