//! `archive verify --complete source`: a source that could not be told is not a missing one.

use std::fs;

use serde_json::json;

use super::{attach_source, released_from_git};
use crate::support::{Ran, World};

fn complete(world: &World, name: &str, value: &str) -> Ran {
    let arguments = "archive verify --complete source --format json";
    let mut command = world.command();
    Ran::of(command.args(arguments.split(' ')).env(name, value))
}

#[test]
fn a_source_that_could_not_be_told_is_no_missing_one() {
    let world = released_from_git();
    world
        .attest("archive add repo/dist --source whole.bundle")
        .yes();
    let path = std::env::var("PATH").unwrap();
    let ran = complete(&world, "PATH", &path);
    assert_eq!(ran.exit, 0, "{ran:#?}");
    fs::create_dir(world.at("nothing")).unwrap();
    let nothing = world.at("nothing");
    let absent = world.at("absent");
    for (name, value) in [("PATH", nothing), ("TMPDIR", absent)] {
        let ran = complete(&world, name, value.to_str().unwrap());
        assert_eq!(ran.exit, 3, "{name}: {ran:#?}");
        let subject = &ran.json()["subjects"][0];
        assert_eq!(subject["reasons"], json!([]), "{name}");
        let files = subject["files"].as_array().unwrap();
        let untold: Vec<_> = files
            .iter()
            .filter(|it| it["verdict"] == "unreadable")
            .collect();
        assert_eq!(untold.len(), 1, "{name}: {subject:#}");
        assert_eq!(untold[0]["code"], "source-unreadable", "{name}");
    }
}

/// Anybody can attach sources: each is unpacked in turn, and there is an end to it.
#[test]
fn no_more_than_a_few_sources_are_unpacked() {
    let world = released_from_git();
    let whole = world.read("whole.bundle");
    // With other bytes each, and from before ours.
    for number in 0..7 {
        attach_source(&world, format!("# v2 git bundle\n{number}").as_bytes());
    }
    attach_source(&world, &world.read("old.bundle"));
    let late = |bytes: &[u8]| {
        let mut store = attest_archive::Store::open(&world.at(".attest/archive")).unwrap();
        let release = store.reader().list().remove(0).name;
        let input = attest_archive::AttachmentInput {
            subject: Some(release),
            kind: attest_archive::AttachmentKind::Source,
            created: "2099-01-01T00:00:00Z".parse().unwrap(),
            files: vec![attest_archive::AttachedFileInput {
                path: attest_digest::RelativePath::parse("late.gitbundle").unwrap(),
                media_type: "application/x-git-bundle".to_owned(),
                source: attest_archive::Source::Bytes(bytes),
                expected: None,
            }],
        };
        store.attach(&input).unwrap();
    };
    late(&whole);
    let ran = world.attest("archive verify --complete source --format json");
    assert_eq!(ran.exit, 1, "{ran:#?}");
    let reason = &ran.json()["subjects"][0]["reasons"][0];
    assert_eq!(reason["code"], "archive-incomplete");
    let found = reason["found"].as_str().unwrap();
    assert!(found.contains("than are unpacked"), "{found}");
}
