//! A release is made once: the same again restores, another version replaces, other content is
//! refused.

use super::{EVIDENCE, line, log_size, names, released, world};
use crate::support::{World, assert_same};

const AGAIN: &str = "release dist --name demo --version 1.0 --no-password";

#[test]
fn the_same_version_with_other_content_is_refused_whatever_the_flags() {
    let (world, _) = released();
    world.write("dist/a.txt", "other\n");
    let before = world.listing(".");
    for flags in ["", " --force", " --init", " --out out"] {
        world
            .attest(&format!("{AGAIN}{flags}"))
            .refused(1, "version-already-released");
    }
    assert_same(&before, &world.listing("."), ".");
    world.write("dist/a.txt", "alpha\n");
    world.write("dist/new.txt", "new\n");
    world.attest(AGAIN).refused(1, "version-already-released");
    std::fs::remove_file(world.at("dist/new.txt")).unwrap();
    std::fs::remove_file(world.at("dist/b.bin")).unwrap();
    world.attest(AGAIN).refused(1, "version-already-released");
}

#[test]
fn two_files_with_swapped_names_are_other_content() {
    let (world, _) = released();
    world.write("dist/a.txt", "gamma\n");
    world.write("dist/sub/c.txt", "alpha\n");
    world.attest(AGAIN).refused(1, "version-already-released");
}

#[test]
fn the_same_again_signs_nothing_and_says_so() {
    let (world, first) = released();
    let before = world.listing(".");
    let ran = world.attest(AGAIN).yes();
    assert_eq!(
        ran.line("signed "),
        "nothing: this version is released already, with this content"
    );
    assert_eq!(line(&ran), line(&first));
    assert_same(&before, &world.listing("."), ".");
    let json = world.attest(&format!("{AGAIN} --format json")).yes().json();
    assert_eq!(json["outcome"], "restored");
    assert_eq!(json["log"], serde_json::Value::Null);
}

/// The manifest in the record has the modes: beside files with others it would contradict them.
#[test]
fn the_same_bytes_with_other_modes_are_refused_and_nothing_is_written() {
    let world = world();
    world.shell("chmod -R u=rwX,go=rX dist").yes();
    world.attest(&format!("{AGAIN} --init")).yes();
    std::fs::remove_file(world.at("dist/release.tree")).unwrap();
    for (change, back, said) in [
        (
            "chmod 755 dist/a.txt",
            "chmod 644 dist/a.txt",
            "a.txt has mode 0755, the record 0644",
        ),
        (
            "chmod 4644 dist/a.txt",
            "chmod 644 dist/a.txt",
            "a.txt has mode 4644, the record 0644",
        ),
        (
            "chmod 777 dist/sub",
            "chmod 755 dist/sub",
            "sub has mode 0777, the record 0755",
        ),
        (
            "chmod 777 dist",
            "chmod 755 dist",
            ". has mode 0777, the record 0755",
        ),
    ] {
        world.shell(change).yes();
        let before = world.listing(".");
        for flags in ["", " --force"] {
            let ran = world.attest(&format!("{AGAIN}{flags}"));
            assert!(ran.err.contains(said), "{change}: {ran:#?}");
            ran.refused(1, "version-already-released");
        }
        assert_same(&before, &world.listing("."), ".");
        world.shell(back).yes();
    }
    // A copy has folders of its own, and the modes that copying leaves.
    world
        .shell("chmod 755 dist/a.txt && chmod 777 dist/sub")
        .yes();
    let copy = format!("{AGAIN} --out out");
    let ran = world.attest(&copy);
    assert!(ran.err.contains("a.txt has mode 0755"), "{ran:#?}");
    ran.refused(1, "version-already-released");
    assert!(!world.at("out").exists());
    world.shell("chmod 4644 dist/a.txt").yes();
    world.attest(&copy).yes();
    assert!(world.at("out/release.tree").exists());
}

#[test]
fn every_missing_file_is_restored_to_the_byte() {
    let (world, first) = released();
    let before = world.listing("dist");
    for name in EVIDENCE {
        std::fs::remove_file(world.at("dist").join(name)).unwrap();
        let ran = world.attest(AGAIN).yes();
        assert_eq!(ran.line("restored "), name);
        assert_same(&before, &world.listing("dist"), "");
    }
    for name in EVIDENCE {
        std::fs::remove_file(world.at("dist").join(name)).unwrap();
    }
    world.attest(AGAIN).yes();
    assert_same(&before, &world.listing("dist"), "dist");
    assert_eq!(log_size(&world), 4);
    world.shell(line(&first)).yes();
}

#[test]
fn a_file_of_ours_that_was_changed_is_replaced_only_by_force() {
    let (world, _) = released();
    let before = world.listing("dist");
    world.write("dist/release.sigstore.json", "forged");
    world.attest(AGAIN).refused(2, "name-reserved");
    world.attest(&format!("{AGAIN} --force")).yes();
    assert_same(&before, &world.listing("dist"), "dist");
    assert_eq!(log_size(&world), 4);
}

#[test]
fn another_version_replaces_ours_without_force() {
    let (world, first) = released();
    world.write("dist/a.txt", "two\n");
    let second = world
        .attest("release dist --name demo --version 2.0 --no-password")
        .yes();
    world.shell(line(&second)).yes();
    assert_eq!(world.shell(line(&first)).exit, 1);
    // And back: the old version is ours as well.
    world.write("dist/a.txt", "alpha\n");
    world.attest(AGAIN).yes();
    world.shell(line(&first)).yes();
    assert_eq!(log_size(&world), 8);
}

#[test]
fn surplus_parts_of_another_version_are_removed() {
    let world = world();
    for number in 0..1025 {
        world.write(&format!("dist/many/{number}"), number.to_string());
    }
    let large = world
        .attest("release dist --name demo --version 1.0 --init --no-password")
        .yes();
    assert!(world.at("dist/release.2.sigstore.json").exists());
    std::fs::remove_dir_all(world.at("dist/many")).unwrap();
    let small = world
        .attest("release dist --name demo --version 2.0 --no-password")
        .yes();
    let mut wanted: Vec<&str> = EVIDENCE
        .into_iter()
        .chain(["a.txt", "b.bin", "sub"])
        .collect();
    wanted.sort_unstable();
    assert_eq!(names(&world, "dist"), wanted);
    world.shell(line(&small)).yes();
    assert_eq!(world.shell(line(&large)).exit, 1);
}

#[test]
fn exported_trust_in_the_folder_is_ours() {
    let world = world();
    world.attest("init --no-password --export dist").yes();
    assert_eq!(
        names(&world, "dist"),
        ["a.txt", "b.bin", "release.pub", "sub", "trusted_root.json"]
    );
    world.attest(AGAIN).yes();
}

#[test]
fn evidence_of_another_home_is_not_ours() {
    let (world, _) = released();
    let other = "release dist --name demo --version 1.0 --init --no-password --home other";
    world.attest(other).refused(2, "name-reserved");
    assert!(!world.at("other").exists());
}

#[test]
fn init_with_an_identity_uses_it_and_says_so() {
    let (world, first) = released();
    let key = first.line("identity ").split("sha256:").nth(1).unwrap()[..64].to_owned();
    let ran = world.attest(&format!("{AGAIN} --init")).yes();
    let identity = ran.line("identity ");
    assert!(
        identity.starts_with("the one that was there, .attest"),
        "{identity}"
    );
    assert!(identity.contains(&key));
}

#[test]
fn another_name_with_the_same_content_is_another_release() {
    let (world, _) = released();
    let ran = world
        .attest("release dist --name other --version 1.0 --no-password")
        .yes();
    world.shell(line(&ran)).yes();
    assert_eq!(log_size(&world), 8);
}

fn copied() -> (World, String) {
    let world = world();
    let before = world.listing("dist");
    let ran = world
        .attest("release dist --name demo --version 1.0 --init --no-password --out out")
        .yes();
    assert_same(&before, &world.listing("dist"), "the folder was touched");
    (world, line(&ran).to_owned())
}

#[test]
fn a_copy_is_complete_and_the_folder_stays_as_it_was() {
    let (world, line) = copied();
    assert!(line.starts_with("attest verify out "), "{line}");
    world.shell(&line).yes();
    let mut wanted: Vec<&str> = EVIDENCE
        .into_iter()
        .chain(["a.txt", "b.bin", "sub"])
        .collect();
    wanted.sort_unstable();
    assert_eq!(names(&world, "out"), wanted);
    assert_eq!(world.read("out/sub/c.txt"), b"gamma\n");
}

#[test]
fn a_copy_is_restored_and_made_again_elsewhere() {
    let (world, line) = copied();
    let command = "release dist --name demo --version 1.0 --no-password --out";
    let before = world.listing("out");
    for lost in [
        "out/VERIFY.md",
        "out/sub/c.txt",
        "out/release.sigstore.json",
    ] {
        std::fs::remove_file(world.at(lost)).unwrap();
        world.attest(&format!("{command} out")).yes();
        assert_same(&before, &world.listing("out"), "");
    }
    world.attest(&format!("{command} elsewhere")).yes();
    assert_same(&before, &world.listing("elsewhere"), "elsewhere");
    std::fs::remove_dir_all(world.at("out")).unwrap();
    world.attest(&format!("{command} out")).yes();
    assert_same(&before, &world.listing("out"), "out");
    world.shell(&line).yes();
    assert_eq!(log_size(&world), 4);
}

#[test]
fn another_version_replaces_a_copy_and_its_surplus() {
    let (world, _) = copied();
    std::fs::remove_file(world.at("dist/b.bin")).unwrap();
    world.write("dist/a.txt", "two\n");
    let ran = world
        .attest("release dist --name demo --version 2.0 --no-password --out out")
        .yes();
    world.shell(line(&ran)).yes();
    assert!(!world.at("out/b.bin").exists());
    assert_eq!(world.read("out/a.txt"), b"two\n");
}

#[test]
fn a_copy_keeps_what_may_be_executed() {
    use std::os::unix::fs::PermissionsExt;

    let world = world();
    let mode = |name: &str| {
        std::fs::metadata(world.at(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    std::fs::set_permissions(world.at("dist/b.bin"), PermissionsExt::from_mode(0o755)).unwrap();
    world
        .attest("release dist --name demo --version 1.0 --init --no-password --out out")
        .yes();
    assert_eq!(
        (mode("out/b.bin"), mode("out/a.txt")),
        (0o755, mode("dist/a.txt"))
    );
}
