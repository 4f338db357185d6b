//! Many files, and large ones.

use std::collections::BTreeSet;

use super::{RELEASE, line, log_size};
use crate::support::World;

fn with_files(count: usize) -> World {
    let world = World::new();
    for number in 0..count {
        world.write(
            &format!("dist/{:02}/{number:05}", number % 50),
            number.to_string(),
        );
    }
    world
}

#[test]
fn more_files_than_a_statement_holds_make_parts_that_are_all_needed() {
    let world = with_files(1025);
    let ran = world.attest(RELEASE).yes();
    world.shell(line(&ran)).yes();
    assert_eq!(log_size(&world), 6);
    for part in ["release.1", "release.2", "provenance.1", "provenance.2"] {
        let name = format!("dist/{part}.sigstore.json");
        let bytes = world.read(&name);
        std::fs::remove_file(world.at(&name)).unwrap();
        let verified = world.shell(&format!("{} --format json", line(&ran)));
        if part.starts_with("release") {
            assert_eq!(verified.exit, 1, "{part}");
            assert!(verified.out.contains("release-incomplete"), "{verified:?}");
        }
        world.write(&name, bytes);
    }
}

#[test]
fn a_lone_file_needs_only_its_own_part() {
    let world = with_files(1025);
    let ran = world.attest(RELEASE).yes();
    let pins = line(&ran).split_once(" --key ").unwrap().1.to_owned();
    std::fs::remove_file(world.at("dist/release.2.sigstore.json")).unwrap();
    let first = world.shell(&format!(
        "cd dist && attest verify 00/00000 --release demo@1.0 --key {pins}"
    ));
    first.yes();
}

#[test]
fn no_statement_names_more_than_1024_subjects_and_together_they_name_all() {
    use base64::Engine as _;

    let world = with_files(2100);
    world.attest(RELEASE).yes();
    let mut named = BTreeSet::new();
    for part in 1..=3 {
        let bundle: serde_json::Value =
            serde_json::from_slice(&world.read(&format!("dist/release.{part}.sigstore.json")))
                .unwrap();
        let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
        let payload = base64::engine::general_purpose::STANDARD
            .decode(payload)
            .unwrap();
        let statement: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        let subjects = statement["subject"].as_array().unwrap();
        assert!(subjects.len() <= 1024, "{}", subjects.len());
        assert_eq!(subjects[0]["name"], "SHA256SUMS");
        assert_eq!(statement["predicate"]["attest"]["parts"], 3);
        named.extend(
            subjects
                .iter()
                .map(|it| it["name"].as_str().unwrap().to_owned()),
        );
    }
    assert_eq!(named.len(), 2100 + 5);
    let text = String::from_utf8(world.read("dist/VERIFY.md")).unwrap();
    assert!(text.contains("| `release.3.sigstore.json` | `"), "{text}");
    assert!(text.len() < 10_000, "{} bytes of instructions", text.len());
}

#[test]
fn ten_thousand_files_are_released() {
    let world = with_files(10_000);
    let ran = world.attest(RELEASE).yes();
    assert_eq!(
        ran.line("checked "),
        "10000 of 10000 files, reopened from disk with the exported trust"
    );
    assert_eq!(log_size(&world), 22);
    let sums = world
        .shell("cd dist && sha256sum -c --strict --quiet SHA256SUMS")
        .yes();
    assert_eq!(sums.out, "");
}

/// The file is far larger than what the process may use.
#[test]
fn a_large_file_needs_no_memory() {
    let world = World::new();
    let file = std::fs::File::create(world.path().join("large")).unwrap();
    file.set_len(900 << 20).unwrap();
    std::fs::create_dir(world.at("dist")).unwrap();
    std::fs::rename(world.at("large"), world.at("dist/large")).unwrap();
    let limited = format!("ulimit -v 600000 && MALLOC_ARENA_MAX=1 attest {RELEASE}");
    let ran = world.shell(&limited).yes();
    let text = String::from_utf8(world.read("dist/VERIFY.md")).unwrap();
    assert!(
        text.contains("--digestAlg sha256"),
        "cosign would not read it: {text}"
    );
    assert!(ran.out.contains("900.0 MiB"), "{ran:?}");
}
