//! What a release says about where it comes from: what is known, and no secret.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::evidence::{statement, subjects};
use super::{RELEASE, released, world};
use crate::support::{Ran, World};

#[test]
fn what_is_unknown_is_absent_from_the_provenance() {
    let (world, _) = released();
    let statement = statement(&world, "provenance.sigstore.json");
    assert_eq!(subjects(&statement), ["a.txt", "b.bin", "sub/c.txt"]);
    assert_eq!(statement["predicateType"], "https://slsa.dev/provenance/v1");
    let definition = &statement["predicate"]["buildDefinition"];
    assert_eq!(
        definition["externalParameters"],
        json!({"name": "demo", "version": "1.0"})
    );
    assert_eq!(definition.get("resolvedDependencies"), None);
    assert_eq!(definition["internalParameters"].get("ci"), None);
    assert_eq!(
        statement["predicate"]["runDetails"]
            .as_object()
            .unwrap()
            .len(),
        1
    );
}

/// A repository with one commit and this remote, whose build folder is not tracked.
fn repository(remote: &str) -> World {
    let world = World::new();
    world.write("repo/src.txt", "source\n");
    world.write("repo/dist/a.txt", "alpha\n");
    world.write("repo/.gitignore", "dist\n");
    let git = "git -C repo -c user.name=t -c user.email=t@example.com -c init.defaultBranch=main";
    for command in [
        "init -q".to_owned(),
        "add .".to_owned(),
        "commit -q -m one".to_owned(),
        format!("remote add origin {remote}"),
    ] {
        world.shell(&format!("{git} {command}")).yes();
    }
    world
}

#[test]
fn the_repository_gives_name_address_and_commit_and_no_secret() {
    let world = repository("https://bot:s3cr3t@git.example.com/acme/gadget.git?token=s3cr3t");
    let ran = world
        .attest("release repo/dist --version 1.0 --init --no-password")
        .yes();
    assert_eq!(ran.line("archived "), "gadget@1.0");
    let commit = world.shell("git -C repo rev-parse HEAD").yes();
    let text = std::fs::read(world.at("repo/dist/provenance.sigstore.json")).unwrap();
    let bundle: Value = serde_json::from_slice(&text).unwrap();
    let payload = STANDARD
        .decode(bundle["dsseEnvelope"]["payload"].as_str().unwrap())
        .unwrap();
    let statement: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(
        statement["predicate"]["buildDefinition"]["resolvedDependencies"],
        json!([{
            "uri": "git+https://git.example.com/acme/gadget.git",
            "digest": {"gitCommit": commit.out.trim()},
            "annotations": {"dirty": false},
        }])
    );
    let everything = world
        .shell("grep -r -e s3cr3t repo/dist .attest; true")
        .yes();
    assert_eq!(everything.out, "");
    assert!(!String::from_utf8(payload).unwrap().contains("s3cr3t"));
}

#[test]
fn a_changed_work_tree_is_said_to_be_dirty() {
    let world = repository("git@git.example.com:acme/gadget.git");
    world.write("repo/src.txt", "changed\n");
    let ran = world
        .attest("release repo/dist --version 1.0 --init --no-password")
        .yes();
    assert!(
        ran.line("source ").contains("differ from the commit"),
        "{ran:?}"
    );
    let bundle: Value =
        serde_json::from_slice(&world.read("repo/dist/provenance.sigstore.json")).unwrap();
    let payload = STANDARD
        .decode(bundle["dsseEnvelope"]["payload"].as_str().unwrap())
        .unwrap();
    let statement: Value = serde_json::from_slice(&payload).unwrap();
    let source = &statement["predicate"]["buildDefinition"]["resolvedDependencies"][0];
    assert_eq!(source["annotations"]["dirty"], true);
    assert_eq!(
        source["uri"],
        "git+ssh://git@git.example.com/acme/gadget.git"
    );
}

#[test]
fn what_a_repository_configures_is_not_run() {
    let world = repository("https://git.example.com/acme/gadget.git");
    let trap = world.write_program("trap", "#!/bin/sh\ntouch \"$(dirname \"$0\")/sprung\"\n");
    let set = |name: &str| {
        let value = trap.display();
        world
            .shell(&format!("git -C repo config {name} '{value}'"))
            .yes();
    };
    for name in [
        "core.fsmonitor",
        "core.pager",
        "core.editor",
        "diff.external",
        "core.sshCommand",
    ] {
        set(name);
    }
    world.copy_program(&trap, "git");
    world.copy_program(&trap, "repo/git");
    world
        .attest("release repo/dist --version 1.0 --init --no-password")
        .yes();
    let mut command = world.command();
    let path = format!(".::{}", std::env::var("PATH").unwrap_or_default());
    command
        .args(["release", "repo/dist", "--version", "1.0", "--no-password"])
        .env("PATH", path);
    Ran::of(&mut command).yes();
    assert!(!world.at("sprung").exists() && !world.at("repo/sprung").exists());
}

#[test]
fn what_a_build_service_says_is_marked_as_unauthenticated() {
    let world = world();
    let mut command = world.command();
    command.args(RELEASE.split(' ')).envs([
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_RUN_ID", "42"),
        ("GITHUB_TOKEN", "ghs_secret"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ghs_secret"),
    ]);
    Ran::of(&mut command).yes();
    let statement = statement(&world, "provenance.sigstore.json");
    assert_eq!(
        statement["predicate"]["buildDefinition"]["internalParameters"]["ci"],
        json!({"provider": "github", "authenticated": false, "variables": {"GITHUB_RUN_ID": "42"}})
    );
    assert!(!statement.to_string().contains("ghs_secret"));
}
