//! What flags may ask beside a policy, what a policy lets be written, and how old its roots may be.

use serde_json::{Value, json};

use super::{Desk, TESTED, TESTS};
use crate::support::Ran;
use crate::verify::{lone_code, sha256};

const PROVENANCE: &str = "https://slsa.dev/provenance/v1";
const BUILT: &str = "[[require]]\ntype = \"slsa-provenance\"\nsigned_by = \"alice\"\nlevel = 1\nexternal_parameters = { target = \"any\" }\n";
const EMIT: &str = "[emit]\nvsa = { verifier_id = \"https://ci.example/attest\", resource_uri = \"pkg:generic/x\" }\n";
const SOURCE: &str = "https://git.example/acme/app";

fn desk() -> Desk {
    let desk = Desk::new();
    let build = json!({
        "buildDefinition": {
            "buildType": "https://ci.example/type/v1", "externalParameters": {"target": "x"},
            "resolvedDependencies": [{
                "uri": format!("git+{SOURCE}@refs/tags/v1.0.0"), "digest": {"gitCommit": "8f".repeat(20)},
            }],
        },
        "runDetails": {"builder": {"id": "https://ci.example/builder"}},
    });
    desk.says("alice", "build.sigstore.json", PROVENANCE, &build);
    desk
}

fn no(desk: &Desk, more: &str, code: &str) {
    let ran = desk.ask(&format!("x {more}"));
    assert_eq!(
        (ran.exit, lone_code(&ran).as_str()),
        (1, code),
        "{more}: {ran:#?}"
    );
}

#[test]
fn flags_about_the_build_ask_more_of_every_rule_about_builds_and_never_less() {
    let desk = desk();
    desk.policy(&["alice"], "", BUILT);
    for met in [
        format!("--source-uri {SOURCE}"),
        "--source-tag v1.0.0".to_owned(),
        "--source-versioned-tag v1".to_owned(),
        format!("--source-commit {}", "8f".repeat(20)),
        "--slsa-level 1".to_owned(),
        "--slsa-level 0".to_owned(),
    ] {
        let ran = desk.ask(&format!("x {met}"));
        assert_eq!(ran.exit, 0, "{met}: {ran:#?}");
        let asks = ran.json()["subjects"][0]["rules"][0]["asks"].clone();
        assert!(asks.as_str().unwrap().contains("holds too"), "{asks}");
    }
    for (flags, code) in [
        (
            "--source-uri https://git.example/acme/other",
            "source-mismatch",
        ),
        ("--source-tag v1.0.1", "ref-mismatch"),
        ("--source-branch main", "ref-mismatch"),
        (
            "--source-commit 0123456789012345678901234567890123456789",
            "commit-mismatch",
        ),
        ("--slsa-level 2", "builder-unknown"),
        ("--builder https://ci.example/other", "builder-mismatch"),
        ("--build-workflow-input a=b", "workflow-input-missing"),
    ] {
        no(&desk, flags, code);
    }
    // What the policy asks stays asked.
    desk.policy(&["alice"], "", &BUILT.replace("level = 1", "level = 2"));
    no(&desk, "--slsa-level 1", "builder-unknown");
    desk.bad("x --allow-parameter target", "policy-conflict");
    desk.bad("x --source-tag a*b", "bad-expectation");
    // Of what could they ask more?
    desk.policy(&["alice"], "", TESTED);
    desk.bad("x --slsa-level 1", "policy-conflict");
}

fn emit(desk: &Desk, more: &str) -> Ran {
    desk.people.verify(
        format!("x {more} --policy p.toml --emit-vsa x.vsa.json --no-password")
            .replace("  ", " ")
            .as_str(),
    )
}

fn payload(desk: &Desk) -> Value {
    let world = &desk.people.world;
    let bundle: Value = serde_json::from_slice(&world.read("x.vsa.json")).unwrap();
    world.write(
        "payload",
        bundle["dsseEnvelope"]["payload"].as_str().unwrap(),
    );
    serde_json::from_str(&world.shell("base64 -d payload").yes().out).unwrap()
}

#[test]
fn a_summary_names_the_policy_that_was_judged_by() {
    let desk = desk();
    let world = &desk.people.world;
    desk.policy(&["alice"], "serial = 7", &format!("{BUILT}{EMIT}"));
    let report = emit(&desk, "--slsa-level 1").yes().json();
    assert_eq!(report["emitted"]["level"], "SLSA_BUILD_LEVEL_1");
    let said = payload(&desk)["predicate"].clone();
    let policy = &said["policy"];
    assert_eq!(policy["digest"]["sha256"], sha256(&world.read("p.toml")));
    assert_eq!(policy["uri"], "p.toml");
    assert_eq!(policy["annotations"]["name"], "p");
    assert_eq!(policy["annotations"]["serial"], 7);
    assert_eq!(policy["annotations"]["build"]["slsa-level"], 1);
    assert_eq!(said["verifier"]["id"], "https://ci.example/attest");
    assert_eq!(said["resourceUri"], "pkg:generic/x");
    let input = sha256(&world.read("build.sigstore.json"));
    assert_eq!(said["inputAttestations"][0]["digest"]["sha256"], input);
    // The gate checks one signature, by a policy of its own.
    let home = world.read("out/release.pub");
    world.write("home.pub", home);
    let gate = "[[require]]\ntype = \"vsa\"\nsigned_by = \"home\"\nverifier = \"https://ci.example/attest\"\nresource_uri = \"pkg:generic/x\"\nlevels = [\"SLSA_BUILD_LEVEL_1\"]\nmax_age = \"1d\"\n";
    std::fs::remove_file(world.at("build.sigstore.json")).unwrap();
    desk.policy(&["home"], "", gate);
    let ran = desk.ask("x --bundle x.vsa.json");
    assert_eq!(ran.exit, 0, "{ran:#?}");
    desk.policy(&["home"], "", &gate.replace("LEVEL_1", "LEVEL_2"));
    no(&desk, "--bundle x.vsa.json", "predicate-field-mismatch");
}

#[test]
fn a_summary_says_no_level_that_no_rule_has_shown() {
    let desk = desk();
    desk.tested("alice", "PASSED");
    desk.policy(&["alice"], "", &format!("{TESTED}{EMIT}"));
    emit(&desk, "").yes();
    assert_eq!(
        payload(&desk)["predicate"]["verifiedLevels"],
        json!(["SLSA_BUILD_LEVEL_UNEVALUATED"])
    );
}

#[test]
fn no_summary_is_written_of_a_no() {
    let desk = desk();
    desk.tested("alice", "FAILED");
    desk.policy(&["alice"], "", &format!("{TESTED}{EMIT}"));
    assert_eq!(emit(&desk, "").exit, 1);
    assert!(!desk.people.world.at("x.vsa.json").exists());
}

#[test]
fn who_verifies_is_said_once() {
    let desk = desk();
    let bad = |more: &str, code: &str| {
        let ran = emit(&desk, more);
        let found = ran.json()["error"]["code"].clone();
        assert_eq!((ran.exit, found.as_str()), (2, Some(code)), "{ran:#?}");
    };
    desk.policy(&["alice"], "", BUILT);
    bad("", "bad-arguments");
    bad("--vsa-verifier-id https://a.example", "bad-arguments");
    desk.policy(&["alice"], "", &format!("{BUILT}{EMIT}"));
    bad("--vsa-verifier-id https://a.example", "policy-conflict");
    bad("--vsa-resource-uri pkg:generic/y", "policy-conflict");
    bad("--verified-level SLSA_BUILD_LEVEL_1", "policy-conflict");
    emit(
        &desk,
        "--vsa-verifier-id https://ci.example/attest --vsa-resource-uri pkg:generic/x",
    )
    .yes();
    // Without --emit-vsa the policy has nothing written, and is judged by all the same.
    desk.yes();
    for (from, to) in [
        ("verifier_id", "verifier"),
        ("resource_uri", "resource"),
        ("vsa =", "svr ="),
        ("\"pkg:generic/x\"", "\"\""),
    ] {
        desk.policy(
            &["alice"],
            "",
            &format!("{BUILT}{}", EMIT.replace(from, to)),
        );
        desk.bad("x", "policy-malformed");
    }
}

#[test]
fn roots_that_are_too_old_or_of_no_known_age_are_not_taken() {
    let desk = desk();
    let world = &desk.people.world;
    let ask = |at: &str| world.attest(&format!("verify x --policy p.toml --at {at} --format json"));
    let code = |ran: &Ran| ran.json()["error"]["code"].as_str().map(str::to_owned);
    desk.policy(&["alice"], "max_trust_age = \"500w\"", BUILT);
    // The embedded root does not know the home's log: a no, by what it does know.
    assert_eq!(ask("2027-01-01T00:00:00Z").exit, 1);
    desk.policy(&["alice"], "max_trust_age = \"30d\"", BUILT);
    let ran = ask("2029-01-01T00:00:00Z");
    assert_eq!(
        (ran.exit, code(&ran).as_deref()),
        (2, Some("trust-too-old")),
        "{ran:#?}"
    );
    let message = desk.bad("x", "trust-too-old");
    assert!(message.contains("nobody knows"), "{message}");
    desk.policy(&["alice"], "max_trust_age = \"30 days\"", BUILT);
    desk.bad("x", "policy-malformed");
}

/// A table of tests, for the types that say what they found.
#[test]
fn a_summary_of_tests_alone_is_no_test() {
    let desk = Desk::new();
    desk.policy(&["alice"], "", TESTED);
    let passed = json!({"result": "PASSED"});
    desk.says("alice", "test.sigstore.json", &format!("{TESTS}0"), &passed);
    desk.no("attestation-missing");
}
