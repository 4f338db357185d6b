//! A release says how its files were made only with a record of these very files.

use serde_json::{Value, json};

use super::evidence::{statement, subjects};
use super::line;
use crate::support::{Ran, World};

const RECORDED: &str = "provenance-build.sigstore.json";

/// A world in which a recorded step has made `dist/app` and `dist/lib`.
fn built() -> (World, String) {
    let world = World::new();
    world.attest("init --no-password").yes();
    world.write("src/main.c", "int main;\n");
    let link = record(&world, "cp src/main.c dist/app && echo lib > dist/lib");
    (world, link)
}

/// Records a step, whatever it returns, and gives the name of the link.
fn record(world: &World, script: &str) -> String {
    let script = format!("mkdir -p dist && {script}");
    let run = [
        "provenance",
        "run",
        "-n",
        "build",
        "-m",
        "src",
        "-p",
        "dist",
        "--force",
        "--",
    ];
    let ran = world.attest_with(&[&run[..], &["sh", "-c", &script]].concat());
    let line = ran
        .err
        .lines()
        .find_map(|it| it.strip_prefix("recorded   "));
    line.unwrap().trim_start_matches("./").to_owned()
}

fn release(world: &World, flags: &str) -> Ran {
    let line = format!("release dist --name demo --version 1.0 {flags}");
    world.attest(line.trim_end())
}

#[track_caller]
fn refused(world: &World, flags: &str, code: &str) {
    release(world, flags).refused(2, code);
    assert!(!world.at("dist/release.sigstore.json").exists());
    let archived = world.attest("archive list").out;
    assert!(!archived.contains("demo"), "{archived}");
}

#[test]
fn a_release_of_what_was_recorded_says_how_it_was_made() {
    let (world, link) = built();
    let ran = release(&world, &format!("--provenance {link}")).yes();
    let statement = statement(&world, RECORDED);
    assert_eq!(subjects(&statement), ["app", "lib"]);
    let predicate = &statement["predicate"];
    assert_eq!(
        predicate["runDetails"]["builder"]["id"],
        json!("https://attest.dev/builders/recorder")
    );
    assert_eq!(
        predicate["buildDefinition"]["resolvedDependencies"][0]["name"],
        json!("src/main.c")
    );
    assert_eq!(
        predicate["runDetails"]["byproducts"][0]["name"],
        json!(link)
    );
    world.shell(line(&ran)).yes();
}

#[test]
fn without_a_record_nothing_is_said_about_how_it_was_made() {
    let (world, _) = built();
    release(&world, "").yes();
    assert!(!world.at(&format!("dist/{RECORDED}")).exists());
    let statement = statement(&world, "provenance.sigstore.json");
    assert_eq!(
        statement["predicate"]["runDetails"]["builder"]["id"],
        json!("https://attest.dev/builders/unobserved")
    );
}

#[test]
fn what_was_not_recorded_is_only_packaged() {
    let (world, link) = built();
    world.write("dist/README", "read me\n");
    let ran = release(&world, &format!("--provenance {link}")).yes();
    assert_eq!(subjects(&statement(&world, RECORDED)), ["app", "lib"]);
    let packaged = statement(&world, "provenance.sigstore.json");
    assert_eq!(subjects(&packaged), ["README", "app", "lib"]);
    world.shell(line(&ran)).yes();
}

#[test]
fn a_file_that_was_changed_after_it_was_made_is_refused() {
    let (world, link) = built();
    world.write("dist/app", "another\n");
    refused(
        &world,
        &format!("--provenance {link}"),
        "record-other-digests",
    );
    refused(
        &world,
        &format!("--provenance {link} --out out"),
        "record-other-digests",
    );
}

#[test]
fn two_files_that_changed_places_are_refused() {
    let (world, link) = built();
    world
        .shell("mv dist/app x && mv dist/lib dist/app && mv x dist/lib")
        .yes();
    refused(
        &world,
        &format!("--provenance {link}"),
        "record-other-digests",
    );
}

#[test]
fn a_record_about_none_of_the_files_is_refused() {
    let (world, link) = built();
    world.shell("rm dist/* && echo new > dist/other").yes();
    refused(
        &world,
        &format!("--provenance {link}"),
        "record-other-digests",
    );
}

#[test]
fn a_step_that_failed_is_refused() {
    let (world, _) = built();
    let link = record(&world, "echo lib > dist/lib; exit 3");
    refused(&world, &format!("--provenance {link}"), "record-failed");
}

#[test]
fn a_record_that_was_altered_or_is_somebody_elses_is_refused() {
    let (world, link) = built();
    let honest = String::from_utf8(world.read(&link)).unwrap();
    world.write(
        &link,
        honest.replace("\"return-value\": 0", "\"return-value\": -0"),
    );
    refused(&world, &format!("--provenance {link}"), "record-unreadable");
    world.write(
        &link,
        honest
            .replace("int main", "int Main")
            .replace("src/main.c", "src/Main.c"),
    );
    refused(&world, &format!("--provenance {link}"), "record-altered");
    let mut block: Value = serde_json::from_str(&honest).unwrap();
    block["signatures"] = json!([]);
    world.write(&link, block.to_string());
    refused(&world, &format!("--provenance {link}"), "record-altered");
    world.write(&link, &honest);
    world.attest("init --no-password --home other").yes();
    refused(
        &world,
        &format!("--provenance {link} --home other"),
        "record-altered",
    );
    refused(
        &world,
        &format!("--provenance {link} --home new --init --no-password"),
        "record-altered",
    );
    release(&world, &format!("--provenance {link}")).yes();
}

#[test]
fn what_is_no_record_is_refused() {
    let (world, _) = built();
    for file in [
        "src/main.c",
        "nowhere",
        "src",
        "provenance.build.sigstore.json",
    ] {
        refused(&world, &format!("--provenance {file}"), "record-unreadable");
    }
}
