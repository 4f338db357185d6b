//! What a release says, and that it can be checked without attest.

use std::os::unix::fs::symlink;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{EVIDENCE, RELEASE, line, names, released, world};
use crate::support::{Ran, World, assert_same};

fn bundle(world: &World, name: &str) -> Value {
    serde_json::from_slice(&world.read(&format!("dist/{name}"))).unwrap()
}

pub(super) fn statement(world: &World, name: &str) -> Value {
    let bundle = bundle(world, name);
    let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
    serde_json::from_slice(&STANDARD.decode(payload).unwrap()).unwrap()
}

pub(super) fn subjects(statement: &Value) -> Vec<&str> {
    let subjects = statement["subject"].as_array().unwrap();
    subjects
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect()
}

/// The commands of `VERIFY.md`, pasted inside the folder; those of cosign when `cosign` says so.
fn pasted(world: &World, folder: &str, cosign: bool) -> Vec<Ran> {
    let text = String::from_utf8(world.read(&format!("{folder}/VERIFY.md"))).unwrap();
    let mut commands = Vec::new();
    for block in text.split("```sh\n").skip(1) {
        let block = block.split("```").next().unwrap().replace("\\\n", " ");
        commands.extend(block.lines().map(str::to_owned));
    }
    assert!(commands.len() >= 4, "{text}");
    commands
        .iter()
        .filter(|command| command.starts_with("cosign ") == cosign)
        .map(|command| world.shell(&format!("cd {folder} && {command}")).yes())
        .collect()
}

#[test]
fn every_changed_byte_is_refused() {
    let (world, ran) = released();
    let line = line(&ran);
    world.shell(line).yes();
    for name in EVIDENCE.into_iter().chain(["a.txt", "b.bin", "sub/c.txt"]) {
        let path = format!("dist/{name}");
        let bytes = world.read(&path);
        let mut changed = bytes.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        world.write(&path, &changed);
        let exit = world.shell(line).exit;
        // The two pinned files are not found then; everything else is a no.
        let wanted = if ["release.pub", "trusted_root.json"].contains(&name) {
            [1, 2]
        } else {
            [1, 1]
        };
        assert!(wanted.contains(&exit), "{name}: {exit}");
        world.write(&path, &bytes);
    }
    world.shell(line).yes();
}

#[test]
fn the_release_statement_names_every_listed_file_and_the_list_itself() {
    let (world, _) = released();
    let statement = statement(&world, "release.sigstore.json");
    let wanted = [
        "SHA256SUMS",
        "VERIFY.md",
        "a.txt",
        "b.bin",
        "release.pub",
        "release.tree",
        "sub/c.txt",
        "trusted_root.json",
    ];
    assert_eq!(subjects(&statement), wanted);
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(
        statement["predicateType"],
        "https://in-toto.io/attestation/release/v0.2"
    );
    let sums = world.shell("sha256sum < dist/SHA256SUMS | cut -c-64").yes();
    assert_eq!(
        statement["predicate"],
        json!({
            "purl": "pkg:generic/demo@1.0",
            "attest": {"part": 1, "parts": 1, "sha256sums": {"sha256": sums.out.trim()}},
        })
    );
    for subject in statement["subject"].as_array().unwrap() {
        for (algorithm, tool) in [("sha256", "sha256sum"), ("sha512", "sha512sum")] {
            let name = subject["name"].as_str().unwrap();
            let digest = world.shell(&format!("{tool} < dist/{name}")).yes();
            let digest = digest.out.split(' ').next().unwrap().to_owned();
            assert_eq!(subject["digest"][algorithm], digest, "{name}");
        }
    }
}

#[test]
fn the_list_has_all_files_but_the_evidence_over_it() {
    let (world, _) = released();
    let sums = String::from_utf8(world.read("dist/SHA256SUMS")).unwrap();
    let listed: Vec<&str> = sums.lines().map(|line| &line[66..]).collect();
    assert_eq!(
        listed,
        [
            "VERIFY.md",
            "a.txt",
            "b.bin",
            "release.pub",
            "release.tree",
            "sub/c.txt",
            "trusted_root.json"
        ]
    );
}

#[test]
fn the_plain_signature_is_the_one_in_the_bundle() {
    let (world, _) = released();
    let bundle = bundle(&world, "SHA256SUMS.sigstore.json");
    let signature = bundle["messageSignature"]["signature"].as_str().unwrap();
    assert_eq!(
        STANDARD.decode(signature).unwrap(),
        world.read("dist/SHA256SUMS.sig")
    );
}

#[test]
fn hidden_and_empty_files_and_links_inside_are_artifacts() {
    let world = world();
    world.write("dist/.hidden", "h");
    world.write("dist/empty", "");
    symlink("sub/c.txt", world.at("dist/link")).unwrap();
    symlink("../a.txt", world.at("dist/sub/up")).unwrap();
    let ran = world.attest(RELEASE).yes();
    world.shell(line(&ran)).yes();
    let statement = statement(&world, "provenance.sigstore.json");
    let wanted = [
        ".hidden",
        "a.txt",
        "b.bin",
        "empty",
        "link",
        "sub/c.txt",
        "sub/up",
    ];
    assert_eq!(subjects(&statement), wanted);
    assert_eq!(
        statement["subject"][4]["digest"],
        statement["subject"][5]["digest"]
    );
    let copy = world
        .attest("release dist --name demo --version 2 --no-password --out out")
        .yes();
    world.shell(line(&copy)).yes();
    assert!(world.at("out/link").symlink_metadata().unwrap().is_file());
}

#[test]
fn the_instructions_work_as_pasted() {
    let (world, _) = released();
    pasted(&world, "dist", false);
    world.write("dist/a.txt", "forged\n");
    let sums = world.shell("cd dist && sha256sum -c --strict SHA256SUMS");
    assert_eq!(sums.exit, 1);
}

#[test]
fn the_instructions_work_for_names_that_a_shell_would_read() {
    let world = World::new();
    let names = [
        "-rf",
        "--",
        "a b",
        "it's",
        "$(touch oops)",
        "`touch oops`",
        "a;touch oops",
        "*",
        "~",
        "#x",
        "back\\slash",
        "\"quoted\"",
        "größe",
        "-",
        "a|b",
        "trailing ",
    ];
    for name in names.iter().filter(|name| **name != "-") {
        world.write(&format!("dist/{name}"), *name);
    }
    let ran = world.attest(RELEASE).yes();
    world.shell(line(&ran)).yes();
    pasted(&world, "dist", false);
    assert!(!world.at("oops").exists() && !world.at("dist/oops").exists());
}

/// cosign refuses or accepts what we tell it to look at; that it does is for the interoperability
/// suite, which has it. Here only the words are checked: they stay one word each.
#[test]
fn the_lines_for_cosign_name_each_file_once_as_one_word() {
    let world = World::new();
    for name in ["-rf", "a b", "it's", "$(touch oops)"] {
        world.write(&format!("dist/{name}"), name);
    }
    world.attest(RELEASE).yes();
    world.write_program(
        "bin/cosign",
        "#!/bin/sh\nfor word; do last=$word; done\ntest -f \"$last\" || exit 1\nprintf '%s\\n' \"$last\"\n",
    );
    let text = String::from_utf8(world.read("dist/VERIFY.md")).unwrap();
    let mut found = Vec::new();
    for command in text
        .replace("\\\n", " ")
        .lines()
        .filter(|line| line.starts_with("cosign verify-blob-att"))
    {
        let ran = world.shell(&format!(
            "cd dist && PATH={}:$PATH && {command}",
            world.at("bin").display()
        ));
        found.push(ran.yes().out.trim_end().to_owned());
    }
    let wanted = [
        "$(touch oops)",
        "$(touch oops)",
        "./-rf",
        "./-rf",
        "a b",
        "a b",
        "it's",
        "it's",
    ];
    assert_eq!(found, wanted);
}

const CYCLONEDX: &str = r#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[]}"#;

#[test]
fn bills_of_materials_are_copied_listed_and_tied_to_the_files() {
    let world = world();
    world.write("bom.cdx.json", CYCLONEDX);
    world.write("other.spdx", "SPDXVersion: SPDX-2.3\n");
    let command = format!("{RELEASE} --sbom bom.cdx.json --sbom other.spdx");
    let ran = world.attest(&command).yes();
    world.shell(line(&ran)).yes();
    pasted(&world, "dist", false);
    assert_eq!(world.read("dist/bom.cdx.json"), CYCLONEDX.as_bytes());
    let statement = statement(&world, "sbom.sigstore.json");
    assert_eq!(
        statement["predicateType"],
        "https://in-toto.io/attestation/reference/v0.1"
    );
    assert_eq!(subjects(&statement), ["a.txt", "b.bin", "sub/c.txt"]);
    let references = statement["predicate"]["references"].as_array().unwrap();
    let found: Vec<_> = references
        .iter()
        .map(|it| (&it["name"], &it["mediaType"]))
        .collect();
    let media = |name: &str, media: &str| (json!(name), json!(media));
    let wanted = [
        media("bom.cdx.json", "application/vnd.cyclonedx+json"),
        media("other.spdx", "text/spdx"),
    ];
    assert_eq!(
        found,
        wanted
            .iter()
            .map(|(name, media)| (name, media))
            .collect::<Vec<_>>()
    );
    // The same again, with and without the flags: they are part of the release now.
    let before = world.listing("dist");
    for again in [
        &command[..],
        "release dist --name demo --version 1.0 --no-password",
    ] {
        assert!(
            world
                .attest(again)
                .yes()
                .line("signed ")
                .starts_with("nothing")
        );
    }
    std::fs::remove_file(world.at("dist/bom.cdx.json")).unwrap();
    world
        .attest("release dist --name demo --version 1.0 --no-password")
        .yes();
    assert_same(&before, &world.listing("dist"), "dist");
    // And of the next version: replaced, because it is ours.
    world.write("bom.cdx.json", CYCLONEDX.replace("1.6", "1.7"));
    let next = "release dist --name demo --version 1.1 --no-password --sbom bom.cdx.json";
    world.shell(line(&world.attest(next).yes())).yes();
}

#[test]
fn a_bill_of_materials_in_the_folder_is_used_where_it_stands() {
    let world = world();
    world.write("dist/bom.cdx.json", CYCLONEDX);
    let ran = world
        .attest(&format!("{RELEASE} --sbom dist/bom.cdx.json"))
        .yes();
    world.shell(line(&ran)).yes();
    assert_eq!(
        subjects(&statement(&world, "sbom.sigstore.json")),
        ["a.txt", "b.bin", "sub/c.txt"]
    );
    let alone = World::new();
    alone.write("dist/bom.cdx.json", CYCLONEDX);
    alone
        .attest(&format!("{RELEASE} --sbom dist/bom.cdx.json"))
        .refused(2, "release-empty");
}

#[test]
fn an_sbom_that_the_record_does_not_have_is_other_content() {
    let (world, _) = released();
    world.write("bom.cdx.json", CYCLONEDX);
    let command = "release dist --name demo --version 1.0 --no-password --sbom bom.cdx.json";
    world.attest(command).refused(1, "version-already-released");
    assert!(!world.at("dist/bom.cdx.json").exists());
}

#[test]
fn a_dry_run_shows_the_plan_and_makes_nothing() {
    let world = world();
    let before = world.listing(".");
    let ran = world.attest(&format!("{RELEASE} --dry-run")).yes();
    assert!(ran.out.contains("release.sigstore.json") && ran.out.contains("nothing was made"));
    let json = world
        .attest(&format!("{RELEASE} --dry-run --format json"))
        .yes()
        .json();
    assert_eq!(
        (&json["outcome"], &json["files"]),
        (&json!("planned"), &json!(3))
    );
    assert_same(&before, &world.listing("."), ".");
    world.write("dist/VERIFY.md", "x");
    world
        .attest(&format!("{RELEASE} --dry-run"))
        .refused(2, "name-reserved");
}

#[test]
fn the_report_has_everything_as_one_object() {
    let world = world();
    let json = world
        .attest(&format!("{RELEASE} --format json"))
        .yes()
        .json();
    assert_eq!(json["version"], 1);
    assert_eq!((&json["answer"], &json["exit"]), (&json!("yes"), &json!(0)));
    assert_eq!(json["release"], "demo@1.0");
    assert_eq!(json["identity"]["new"], true);
    assert_eq!(json["log"]["kept_by"], "signer");
    assert_eq!(json["time_asserted_by"], "signer");
    assert_eq!(
        (&json["log"]["first"], &json["log"]["last"]),
        (&json!(0), &json!(3))
    );
    assert_eq!(json["times"].as_array().unwrap().len(), 1);
    world.shell(json["verify"].as_str().unwrap()).yes();
    let written: Vec<&str> = json["written"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap())
        .collect();
    for name in EVIDENCE {
        assert!(written.contains(&name), "{name}");
    }
    let refusal = world.attest("release dist --name demo --version .. --format json");
    assert_eq!(refusal.json()["error"]["code"], "release-name-malformed");
}

#[test]
fn the_end_of_the_output_is_honest_about_who_says_so() {
    let (world, ran) = released();
    assert!(ran.line("identity ").ends_with("(not password-protected)"));
    assert!(
        ran.line("logged ")
            .ends_with("kept by you: nobody else has seen it")
    );
    assert!(ran.line("time ").ends_with(", asserted by you"));
    assert_eq!(
        ran.line("checked "),
        "3 of 3 files, reopened from disk with the exported trust"
    );
    assert_eq!(names(&world, "dist").len(), EVIDENCE.len() + 3);
}

#[test]
fn the_line_survives_a_folder_with_a_name_that_a_shell_would_read() {
    let world = World::new();
    world.write("my build; touch oops/a", "x");
    let arguments = [
        "release",
        "my build; touch oops",
        "--name",
        "demo",
        "--version",
        "1",
        "--init",
        "--no-password",
    ];
    let ran = world.attest_with(&arguments).yes();
    world.shell(line(&ran)).yes();
    assert!(!world.at("oops").exists());
}

#[test]
fn a_password_is_said_to_protect_the_keys() {
    let world = world();
    let mut command = world.command();
    command
        .args([
            "release",
            "dist",
            "--name",
            "demo",
            "--version",
            "1.0",
            "--init",
        ])
        .env("ATTEST_PASSWORD", "secret");
    let ran = Ran::of(&mut command).yes();
    assert!(
        ran.line("identity ").ends_with("(password-protected)"),
        "{ran:?}"
    );
    world
        .attest("release dist --name demo --version 1.0 --no-password")
        .refused(2, "password-wrong");
    world.shell(line(&ran)).yes();
}
