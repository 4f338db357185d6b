//! Ready sets, and tables of tests.

use serde_json::json;

use super::{Desk, TESTED};
use crate::verify::sha256;

const PROVENANCE: &str = "https://slsa.dev/provenance/v1";
const RELEASE: &str = "https://in-toto.io/attestation/release/v0.2";

/// A case of a table.
fn case(name: &str, subject: &str, expect: &str, code: &str) -> String {
    let code = if code.is_empty() {
        String::new()
    } else {
        format!("code = \"{code}\"\n")
    };
    format!("[[case]]\nname = \"{name}\"\nsubject = \"{subject}\"\nexpect = \"{expect}\"\n{code}\n")
}

fn table(cases: &[String]) -> String {
    let head = "version = 1\npolicy = \"p.toml\"\ntrusted_root = [\"out/trusted_root.json\"]\n";
    format!("{head}{}", cases.concat())
}

#[track_caller]
fn passes(desk: &Desk, cases: &[String]) {
    let world = &desk.people.world;
    world.write("p.test.toml", table(cases));
    let ran = world.attest("policy test p.test.toml").yes();
    assert!(ran.out.contains("as expected"), "{ran:#?}");
}

#[test]
fn a_table_says_where_the_answer_is_another() {
    let desk = Desk::new();
    desk.policy(&["alice"], "", TESTED);
    desk.tested("alice", "FAILED");
    passes(
        &desk,
        &[case("failed", "x", "no", "predicate-field-mismatch")],
    );
    let world = &desk.people.world;
    for (expect, code) in [
        ("yes", ""),
        ("no", "attestation-missing"),
        ("unknown", "file-not-found"),
    ] {
        world.write("p.test.toml", table(&[case("wrong", "x", expect, code)]));
        world
            .attest("policy test p.test.toml")
            .refused(1, "policy-test-failed");
    }
    for text in [
        "",
        "version = 1\npolicy = \"p.toml\"\n",
        "version = 1\npolicy = \"p.toml\"\ncase = []\n",
    ] {
        world.write("p.test.toml", text);
        world
            .attest("policy test p.test.toml")
            .refused(2, "policy-test-malformed");
    }
    world.write("empty/x", "");
    world
        .attest("policy test empty")
        .refused(2, "policy-test-malformed");
}

#[test]
fn a_set_that_lacks_what_only_the_user_knows_is_not_written() {
    let desk = Desk::new();
    let world = &desk.people.world;
    for set in [
        "ssdf-ps",
        "ssdf-pw2",
        "slsa-build-l1",
        "slsa-build-l2",
        "slsa-build-l3",
        "github-actions",
        "two-person-release",
    ] {
        world
            .attest(&format!("policy new {set} -o new.toml"))
            .refused(2, "set-incomplete");
    }
    world
        .attest("policy new ssdf-pss -o new.toml")
        .refused(2, "set-incomplete");
    let pin = desk.pin("alice");
    // One person cannot be two.
    world
        .attest(&format!(
            "policy new two-person-release -o new.toml --key sha256:{pin}"
        ))
        .refused(2, "policy-malformed");
    world
        .attest(&format!(
            "policy new ssdf-ps -o new.toml --key sha256:{pin} --source https://github.com/acme/app"
        ))
        .refused(2, "set-incomplete");
    assert!(!world.at("new.toml").exists());
    for set in ["slsa-build-l2", "slsa-build-l3", "github-actions"] {
        world
            .attest(&format!(
                "policy new {set} -o {set}.toml --source https://github.com/acme/app --identity https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v*"
            ))
            .yes();
        world.attest(&format!("policy check {set}.toml")).yes();
    }
    world
        .attest(&format!(
            "policy new ssdf-pw2 -o pw2.toml --key sha256:{pin} --source https://github.com/acme/app --identity https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v*"
        ))
        .yes();
    world.attest("policy check pw2.toml").yes();
}

#[test]
fn two_person_release() {
    let desk = Desk::new();
    let (alice, bob) = (desk.pin("alice"), desk.pin("bob"));
    let world = &desk.people.world;
    world
        .attest(&format!(
            "policy new two-person-release -o p.toml --key sha256:{alice} --key sha256:{bob}"
        ))
        .yes();
    let release = json!({"purl": "pkg:generic/hello@1.0"});
    let subject = [json!({"name": "a", "digest": {"sha256": sha256(b"a")}})];
    for folder in ["none", "one", "both", "twice", "other"] {
        world.write(&format!("{folder}/a"), "a");
        for who in ["alice", "bob"] {
            let key = world.read(&format!("{who}.pub"));
            world.write(&format!("{folder}/{who}.pub"), key);
        }
    }
    for (who, out) in [
        ("alice", "one/release.sigstore.json"),
        ("alice", "both/release.sigstore.json"),
        ("bob", "both/release-2.sigstore.json"),
        ("alice", "twice/release.sigstore.json"),
        ("alice", "twice/release-2.sigstore.json"),
        ("alice", "other/release.sigstore.json"),
        ("carol", "other/release-2.sigstore.json"),
    ] {
        desk.says_of(who, out, RELEASE, &release, &subject);
    }
    passes(
        &desk,
        &[
            case("two", "both", "yes", ""),
            case("one of two", "one", "no", "signers-too-few"),
            case("one of them twice", "twice", "no", "signers-too-few"),
            case("one and a stranger", "other", "no", "signers-too-few"),
            case("nobody", "none", "no", "bundle-missing"),
            case("one file", "both/a", "yes", ""),
        ],
    );
}

#[test]
fn slsa_build_l1() {
    let desk = Desk::new();
    let pin = desk.pin("alice");
    let world = &desk.people.world;
    let builder = "https://ci.example/builder";
    world
        .attest(&format!(
            "policy new slsa-build-l1 -o p.toml --key sha256:{pin}"
        ))
        .yes();
    let by = |id: &str| {
        json!({
            "buildDefinition": { "buildType": "https://example.com/build/v1", "externalParameters": {} },
            "runDetails": { "builder": { "id": id } },
        })
    };
    for folder in ["good", "other", "stranger", "none"] {
        world.write(&format!("{folder}/x"), "x");
        let key = world.read("alice.pub");
        world.write(&format!("{folder}/alice.pub"), key);
    }
    desk.says("alice", "good/x.sigstore.json", PROVENANCE, &by(builder));
    desk.says("alice", "other/x.sigstore.json", PROVENANCE, &json!({}));
    desk.says(
        "carol",
        "stranger/x.sigstore.json",
        PROVENANCE,
        &by(builder),
    );
    passes(
        &desk,
        &[
            case("provenance", "good/x", "yes", ""),
            case(
                "provenance that is none",
                "other/x",
                "no",
                "provenance-malformed",
            ),
            case("somebody else", "stranger/x", "no", "attestation-missing"),
            case("no provenance", "none/x", "no", "attestation-missing"),
        ],
    );
}
