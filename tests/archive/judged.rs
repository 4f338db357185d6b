//! What is archived, by the rules of a policy: what the policy wants and is not kept is named.

use std::fs;

use attest_archive::{AttachedFileInput, AttachmentInput, AttachmentKind, Source, Store};
use attest_digest::{Artifact, Hashes, RelativePath};
use serde_json::json;

use super::export::exported;
use super::{HELLO, archive, codes, forge_from, named, pins, with_pins};
use crate::support::{Ran, World};

/// A policy that trusts the release's key, with this rule beside one about the release itself.
pub(super) fn policy(world: &World, name: &str, rule: &str) {
    let key = attest_verify::PublicKey::parse(&world.read("dist/release.pub")).unwrap();
    let pin = hex::encode(key.fingerprint());
    let text = format!(
        "version = 1\nname = \"{name}\"\n[trust.us]\nkind = \"keys\"\nkeys = [\"sha256:{pin}\"]\n\
         [[require]]\ntype = \"release\"\nsigned_by = \"us\"\n{rule}"
    );
    world.write(&format!("{name}.toml"), text);
}

/// Runs a command with a policy and the pinned trusted root.
pub(super) fn judged(world: &World, command: &str, policy: &str) -> Ran {
    let pins = pins(world);
    let at = pins.iter().position(|it| it == "--trusted-root").unwrap();
    let root = &pins[at + 1];
    world.attest(&format!(
        "archive {command} --policy {policy}.toml --trusted-root {root} --format json"
    ))
}

#[test]
fn what_a_policy_wants_and_is_not_kept_is_named() {
    let world = exported();
    world
        .attest("archive export hello@1.0.0 --as tar --out bag.tar")
        .yes();
    policy(&world, "good", "");
    let wants = "[[require]]\ntype = \"test-result\"\nsigned_by = \"us\"\n";
    policy(&world, "more", wants);
    for what in ["hello@1.0.0", "--explain", "bag", "bag.tar"] {
        let ran = judged(&world, &format!("verify {what}"), "more");
        assert_eq!(ran.exit, 1, "{what}: {ran:#?}");
        let rules = &ran.json()["subjects"][0]["rules"];
        assert_eq!(
            (&rules[0]["answer"], &rules[1]["answer"]),
            (&"yes".into(), &"no".into()),
            "{what}: {rules:#}"
        );
        // The parent: the same policy without that rule.
        let ran = judged(&world, &format!("verify {what}"), "good");
        assert_eq!(ran.exit, 0, "{what}: {ran:#?}");
        assert_eq!(ran.json()["policy"]["name"], "good");
    }
    let ran = judged(&world, "import bag --archive vault", "more");
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert!(!codes(&ran.json(), HELLO).is_empty());
    assert!(!world.at("vault").exists());
    let ran = judged(&world, "import bag --archive vault", "good");
    assert_eq!(ran.exit, 0, "{ran:#?}");
}

/// The signature over the list of a release is one over each file that it lists, wherever the release is kept.
#[test]
fn a_signed_list_counts_where_the_release_is_kept() {
    let world = exported();
    let rule = "[[require]]\ntype = \"signature\"\nsigned_by = \"us\"\n";
    policy(&world, "signed", rule);
    for what in ["hello@1.0.0", "bag"] {
        let ran = judged(&world, &format!("verify {what}"), "signed");
        assert_eq!(ran.exit, 0, "{what}: {ran:#?}");
    }
}

#[test]
fn a_policy_says_whom_to_accept_and_no_flag_beside_it() {
    let world = exported();
    policy(&world, "good", "");
    for what in ["hello@1.0.0", "bag"] {
        for flag in [
            "--key dist/release.pub",
            "--accept no-log",
            "--independent log",
        ] {
            judged(&world, &format!("verify {what} {flag}"), "good").refused(2, "policy-conflict");
        }
        judged(&world, &format!("verify {what} --state seen"), "good")
            .refused(2, "policy-serial-missing");
    }
    with_pins(&world, &["archive", "verify", "bag", "--state", "seen"]).refused(2, "bad-arguments");
    // Who can write into the bag can write a policy.
    fs::copy(world.at("good.toml"), world.at("bag/good.toml")).unwrap();
    judged(&world, "verify bag", "bag/good").refused(2, "trust-beside-subject");
    // Another key: what it pins is nowhere.
    let text = String::from_utf8(world.read("good.toml")).unwrap();
    let at = text.find("sha256:").unwrap() + 7;
    let other = [&text[..at], &"ab".repeat(32), &text[at + 64..]].concat();
    world.write("other.toml", other);
    judged(&world, "verify hello@1.0.0", "other").refused(2, "pin-not-found");
}

/// What a policy wants of a release: the type, and what the rule says besides.
const WANTED: [(&str, &str, &str); 4] = [
    ("release", "", "release.sigstore.json"),
    (
        "slsa-provenance",
        "builder = \"https://attest.dev/builders/unobserved\"\nexcept = [\"SHA256SUMS\", \"VERIFY.md\", \"release.pub\", \"release.tree\", \"trusted_root.json\"]\n",
        "provenance.sigstore.json",
    ),
    ("sbom", "each = \"release\"\n", "sbom.sigstore.json"),
    (
        "test-result",
        "except = [\"SHA256SUMS\", \"VERIFY.md\", \"release.pub\", \"release.tree\", \"trusted_root.json\"]\n",
        "test.sigstore.json",
    ),
];

/// A release with a bill of materials, and a test of all its files by the key of a laboratory, in the archive
/// `vault`; the policy that wants each of them in `whole.toml`.
fn with_all_that_is_wanted() -> World {
    let world = World::new();
    world.write("dist/a.txt", "alpha\n");
    world.write("dist/sub/b.txt", "beta\n");
    world.write("bill.cdx.json", BILL);
    world
        .attest(
            "release dist --name hello --version 1.0.0 --init --no-password --sbom bill.cdx.json",
        )
        .yes();
    world.attest("key generate lab.key --no-password").yes();
    let subject = |name: &str| {
        let digest = Artifact::of_bytes(&world.read(&format!("dist/{name}")), Hashes::Sha256);
        json!({"name": name, "digest": {"sha256": digest.sha256().hex()}})
    };
    let files = ["a.txt", "sub/b.txt", "bill.cdx.json"].map(subject);
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": files,
        "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
        "predicate": {"result": "PASSED", "configuration": []},
    });
    world.write("statement.json", statement.to_string());
    world
        .attest("sign --statement statement.json --key lab.key --no-password --out dist/test.sigstore.json")
        .yes();
    let root = Artifact::of_bytes(&world.read("dist/trusted_root.json"), Hashes::Sha256).sha256();
    world
        .attest(&format!(
            "archive add dist --archive vault --key sha256:{} --key lab.pub --trusted-root dist/trusted_root.json@{root} --release {HELLO}",
            pin(&world, "dist/release.pub")
        ))
        .yes();
    let group = |name: &str, file: &str, key: &str| {
        let pin = pin(&world, key);
        format!("[trust.{name}]\nkind = \"keys\"\nkeys = [{{ {file}sha256 = \"{pin}\" }}]\n")
    };
    let rules = WANTED.map(|(of, more, _)| {
        let by = if of == "test-result" { "lab" } else { "us" };
        format!("[[require]]\ntype = \"{of}\"\nsigned_by = \"{by}\"\n{more}")
    });
    let head = "version = 1\nname = \"whole\"\n";
    let groups =
        group("us", "", "dist/release.pub") + &group("lab", "file = \"lab.pub\", ", "lab.pub");
    world.write("whole.toml", format!("{head}{groups}{}", rules.concat()));
    world
}

const BILL: &str = r#"{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[]}"#;

fn pin(world: &World, key: &str) -> String {
    let key = attest_verify::PublicKey::parse(&world.read(key)).unwrap();
    hex::encode(key.fingerprint())
}

#[test]
fn an_archived_release_without_what_a_rule_wants_is_a_no_by_that_rule() {
    let world = with_all_that_is_wanted();
    let vault = world.at("vault");
    let ran = judged(&world, &format!("verify {HELLO} --archive vault"), "whole");
    assert_eq!(ran.exit, 0, "{ran:#?}");
    for (number, (of, _, gone)) in WANTED.iter().enumerate() {
        let poorer = format!("vault-{number}");
        forge_from(&vault, &world.at(&poorer), HELLO, |path, bytes| {
            (path != *gone).then_some(bytes)
        });
        let ran = judged(
            &world,
            &format!("verify {HELLO} --archive {poorer}"),
            "whole",
        );
        assert_eq!(ran.exit, 1, "{of}: {ran:#?}");
        if *of == "release" {
            // Without it nobody says which file is which.
            assert!(codes(&ran.json(), HELLO).contains(&"release-missing".to_owned()));
            continue;
        }
        let export = format!("archive export {HELLO} --archive {poorer} --out bag-{number}");
        world.attest(&export).yes();
        let exported = judged(&world, &format!("verify bag-{number}"), "whole");
        for ran in [ran, exported] {
            assert_eq!(ran.exit, 1, "{of}: {ran:#?}");
            let rules = ran.json()["subjects"][0]["rules"].clone();
            for (place, rule) in rules.as_array().unwrap().iter().enumerate() {
                let wanted = if place == number { "no" } else { "yes" };
                assert_eq!(rule["answer"], wanted, "{of}: {rules:#}");
            }
            let code = &rules[number]["reasons"][0]["code"];
            assert_eq!(code, "attestation-missing", "{of}: {rules:#}");
        }
    }
}

/// The bundle of a passed test of everything in `dist`, by the key of a home.
fn tested(world: &World, home: &str) -> Vec<u8> {
    tested_as(world, home, "PASSED")
}

/// The same with any result.
pub(super) fn tested_as(world: &World, home: &str, result: &str) -> Vec<u8> {
    let sums = world
        .shell("cd dist && find . -type f ! -name '*.sigstore.json' | cut -c3- | xargs sha256sum")
        .yes();
    let subjects = sums.out.lines().map(|line| {
        let (digest, name) = line.split_once("  ").unwrap();
        serde_json::json!({"name": name, "digest": {"sha256": digest}})
    });
    let statement = serde_json::json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects.collect::<Vec<_>>(),
        "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
        "predicate": {"result": result, "configuration": [{"uri": "https://example.com/ci"}]},
    });
    world.write("tested.json", statement.to_string());
    world
        .attest(&format!(
            "sign --statement tested.json --out tested.sigstore.json --force --no-password --home {home}"
        ))
        .yes();
    world.read("tested.sigstore.json")
}

fn attach(world: &World, bundle: &[u8]) {
    let attachment = AttachmentInput {
        subject: Some(named(HELLO)),
        kind: AttachmentKind::Evidence,
        created: "2026-01-01T00:00:00Z".parse().unwrap(),
        files: vec![AttachedFileInput {
            path: RelativePath::parse("tested.sigstore.json").unwrap(),
            media_type: "application/vnd.dev.sigstore.bundle.v0.3+json".to_owned(),
            source: Source::Bytes(bundle),
            expected: None,
        }],
    };
    let mut store = Store::open(&archive(world)).unwrap();
    store.attach(&attachment).unwrap();
}

#[test]
fn evidence_that_was_attached_counts_if_it_is_of_whom_the_policy_names() {
    let world = exported();
    policy(
        &world,
        "more",
        "[[require]]\ntype = \"test-result\"\nsigned_by = \"us\"\n",
    );
    policy(&world, "good", "");
    let pins = pins(&world);
    let at = pins.iter().position(|it| it == "--trusted-root").unwrap();
    let root = pins[at + 1].clone();
    let status = |policy: &str| {
        world.attest(&format!(
            "status --policy {policy}.toml --trusted-root {root} --format json"
        ))
    };
    let ran = status("more");
    assert_eq!(ran.exit, 1, "{ran:#?}");
    let said = &ran.json()["releases"][0]["policy"];
    assert_eq!(said["answer"], "no");
    assert_eq!(said["missing"].as_array().unwrap().len(), 1, "{said:#}");
    let shown = world.attest(&format!("status --policy more.toml --trusted-root {root}"));
    assert!(shown.out.contains("  MISSING  "), "{shown:#?}");
    let ran = status("good");
    assert_eq!(ran.exit, 0, "{ran:#?}");
    assert_eq!(ran.json()["releases"][0]["policy"]["answer"], "yes");

    // By somebody else: it is there, and counts for nothing.
    world.attest("init --no-password --home other").yes();
    attach(&world, &tested(&world, "other"));
    assert_eq!(status("more").exit, 1);
    let needed = ["archive", "verify", HELLO, "--complete", "test-result"];
    let codes_of = codes(
        &with_pins(&world, &[&needed[..], &["--format", "json"]].concat()).json(),
        HELLO,
    );
    assert!(
        codes_of.contains(&"archive-incomplete".to_owned()),
        "{codes_of:?}"
    );
    with_pins(&world, &["archive", "verify", HELLO]).yes();

    attach(&world, &tested(&world, ".attest"));
    for ran in [status("more"), judged(&world, "verify hello@1.0.0", "more")] {
        assert_eq!(ran.exit, 0, "{ran:#?}");
    }
    with_pins(&world, &needed).yes();
    world
        .attest("archive export hello@1.0.0 --out tested")
        .yes();
    let ran = judged(&world, "verify ./tested", "more");
    assert_eq!(ran.exit, 0, "{ran:#?}");
    // What asks for nothing remembers nothing.
    world
        .attest("status --state seen")
        .refused(2, "bad-arguments");
    world
        .attest(&format!(
            "status --policy more.toml --trusted-root {root} --key dist/release.pub"
        ))
        .refused(2, "policy-conflict");
}

#[test]
fn a_rule_cites_of_each_release_its_own_evidence() {
    let world = exported();
    world.write("other/tool", "tool\n");
    world
        .attest("release other --name hello --version 2.0.0 --no-password")
        .yes();
    policy(&world, "both", "");
    let ran = judged(&world, "verify hello@1.0.0 hello@2.0.0", "both");
    let report = ran.yes().json();
    let subjects = report["subjects"].as_array().unwrap();
    assert_eq!(subjects.len(), 2);
    for subject in subjects {
        let name = subject["subject"].as_str().unwrap();
        let cited = subject["rules"][0]["evidence"].as_array().unwrap();
        assert!(!cited.is_empty(), "{subject:#}");
        for index in cited {
            let index = usize::try_from(index.as_u64().unwrap()).unwrap();
            let place = report["evidence"][index]["place"].as_str().unwrap();
            assert!(place.starts_with(&format!("{name}/")), "{name}: {place}");
        }
    }
}
