//! Ways to a yes that nobody said.

use serde_json::{Value, json};

use super::{Desk, TESTED, TESTS};
use crate::verify::sha256;

const VULNS: &str = "https://in-toto.io/attestation/vulns/v0.2";
const VEX: &str = "https://openvex.dev/ns/v0.2.0";
const VSA: &str = "https://slsa.dev/verification_summary/v1";
const SCAN: &str = "[[require]]\ntype = \"vulns\"\nsigned_by = \"alice\"\ndeny = { severity = [\"critical\"], unless_vex = \"bob\", product = \"pkg:generic/x\" }\n";

fn scan() -> Value {
    let time = "2026-11-01T00:00:00Z";
    let severity = json!([{"method": "nvd", "score": "9.8"}]);
    json!({
        "scanner": {
            "uri": "https://scanner.example", "db": {"lastUpdate": time},
            "result": [{"id": "CVE-1", "severity": severity}],
        },
        "metadata": {"scanStartedOn": time, "scanFinishedOn": time},
    })
}

fn vex(time: &str, statement: &Value) -> Value {
    json!({
        "@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://vex.example/1", "author": "bob",
        "timestamp": time, "version": 1, "statements": [statement],
    })
}

fn harmless() -> Value {
    json!({
        "vulnerability": {"name": "CVE-1"}, "status": "not_affected",
        "justification": "component_not_present",
    })
}

#[test]
fn a_result_that_lists_what_failed_has_not_passed() {
    let desk = Desk::new();
    desk.policy(&["alice"], "", TESTED);
    let mut result = json!({"result": "PASSED", "configuration": [], "failedTests": []});
    desk.says("alice", "test.sigstore.json", TESTS, &result);
    desk.yes();
    result["failedTests"] = json!(["boom"]);
    desk.says("alice", "test.sigstore.json", TESTS, &result);
    desk.no("predicate-field-mismatch");
    let on_result = format!("{TESTED}where = {{ result = \"PASSED\" }}\n");
    desk.policy(&["alice"], "", &on_result);
    desk.no("predicate-field-mismatch");
    let on_failed = format!("{TESTED}where = {{ failedTests = {{ empty = false }} }}\n");
    desk.policy(&["alice"], "", &on_failed);
    desk.yes();
}

#[test]
fn an_exception_needs_as_many_as_its_signers_need() {
    let desk = Desk::new();
    desk.policy(&["alice", "bob", "carol"], "", SCAN);
    desk.says("alice", "scan.sigstore.json", VULNS, &scan());
    desk.no("vulnerability-found");
    let said = vex("2026-11-01T00:00:00Z", &harmless());
    desk.says("bob", "vex.sigstore.json", VEX, &said);
    desk.yes();
    let (bob, carol) = (desk.pin("bob"), desk.pin("carol"));
    let two = format!(
        "[trust.two]\nkind = \"keys\"\nthreshold = 2\nkeys = [{{ file = \"bob.pub\", sha256 = \"{bob}\" }}, {{ file = \"carol.pub\", sha256 = \"{carol}\" }}]\n"
    );
    let rules = format!("{two}{}", SCAN.replace("\"bob\"", "\"two\""));
    desk.policy(&["alice"], "", &rules);
    desk.no("vulnerability-found");
    desk.says("bob", "again.sigstore.json", VEX, &said);
    desk.no("vulnerability-found");
    desk.says("carol", "second.sigstore.json", VEX, &said);
    desk.yes();
}

#[test]
fn a_newer_word_to_the_contrary_is_not_passed_over() {
    let desk = Desk::new();
    desk.policy(&["alice", "bob"], "", SCAN);
    desk.says("alice", "scan.sigstore.json", VULNS, &scan());
    let said = vex("2026-11-01T00:00:00Z", &harmless());
    desk.says("bob", "vex.sigstore.json", VEX, &said);
    desk.yes();
    // Of a part of the product.
    let part = json!({
        "vulnerability": {"name": "CVE-1"}, "status": "affected", "action_statement": "update",
        "products": [{"@id": "pkg:generic/x", "subcomponents": [{"@id": "pkg:generic/part"}]}],
    });
    let newer = vex("2026-11-02T00:00:00Z", &part);
    desk.says("bob", "newer.sigstore.json", VEX, &newer);
    desk.no("vulnerability-found");
    // One that lacks what its format requires.
    let short = json!({"vulnerability": {"name": "CVE-1"}, "status": "affected"});
    let newer = vex("2026-11-02T00:00:00Z", &short);
    desk.says("bob", "newer.sigstore.json", VEX, &newer);
    desk.no("predicate-malformed");
}

#[test]
fn other_names_lead_to_a_word_to_the_contrary_and_to_no_exception() {
    let desk = Desk::new();
    desk.policy(&["alice", "bob"], "", SCAN);
    desk.says("alice", "scan.sigstore.json", VULNS, &scan());
    let statement = |name: &str, aliases: &[&str], status: &str| {
        let mut statement = json!({
            "vulnerability": {"name": name, "aliases": aliases}, "status": status,
        });
        let more = match status {
            "not_affected" => ("justification", "component_not_present"),
            _ => ("action_statement", "update"),
        };
        statement[more.0] = json!(more.1);
        statement
    };
    let says = |out: &str, day: u8, said: &Value| {
        let said = vex(&format!("2026-11-{day:02}T00:00:00Z"), said);
        desk.says("bob", &format!("{out}.sigstore.json"), VEX, &said);
    };
    // That another vulnerability does no harm, of which a third says that it is this one.
    says(
        "first",
        1,
        &statement("GHSA-2", &["GHSA-1"], "not_affected"),
    );
    says(
        "second",
        1,
        &statement("GHSA-1", &["CVE-1"], "under_investigation"),
    );
    desk.no("vulnerability-found");
    says(
        "second",
        1,
        &statement("GHSA-1", &["CVE-1"], "not_affected"),
    );
    desk.yes();
    // Each name leads to the next, in a circle too, and at its end somebody says that it does harm.
    says(
        "first",
        1,
        &statement("GHSA-2", &["GHSA-1", "GHSA-3"], "not_affected"),
    );
    says(
        "third",
        1,
        &statement("GHSA-3", &["GHSA-2", "CVE-1"], "not_affected"),
    );
    desk.yes();
    says("last", 2, &statement("GHSA-3", &[], "affected"));
    desk.no("vulnerability-found");
    // A newer word under the finding's own name is the last one.
    says("newest", 3, &statement("CVE-1", &[], "not_affected"));
    desk.yes();
    // What is said of a vulnerability that nobody calls this one is about another.
    says("last", 4, &statement("GHSA-9", &[], "affected"));
    desk.yes();
}

#[test]
fn an_exception_for_one_file_excepts_nothing_of_another() {
    let desk = Desk::new();
    let world = &desk.people.world;
    world.write("d/a", "a");
    world.write("d/b", "b");
    let file =
        |name: &str, bytes: &[u8]| json!({"name": name, "digest": {"sha256": sha256(bytes)}});
    let both = [file("a", b"a"), file("b", b"b")];
    let release = json!({"purl": "pkg:generic/hello@1.0"});
    let of = "https://in-toto.io/attestation/release/v0.2";
    desk.says_of("alice", "d/release.sigstore.json", of, &release, &both);
    desk.says_of("alice", "d/scan.sigstore.json", VULNS, &scan(), &both[..1]);
    let rules = format!(
        "[[require]]\ntype = \"release\"\nsigned_by = \"alice\"\n{SCAN}each = \"release\"\n"
    );
    desk.policy(&["alice", "bob"], "", &rules);
    let said = vex("2026-11-01T00:00:00Z", &harmless());
    desk.says_of("bob", "d/vex.sigstore.json", VEX, &said, &both[1..]);
    let ran = desk.ask("d");
    assert_eq!(ran.exit, 1, "{ran:#?}");
    desk.says_of("bob", "d/vex.sigstore.json", VEX, &said, &both);
    let ran = desk.ask("d");
    assert_eq!(ran.exit, 0, "{ran:#?}");
}

#[test]
fn what_is_accepted_of_a_policys_signature_is_not_accepted_of_files() {
    let desk = Desk::new();
    let world = &desk.people.world;
    world.write("d/a", "a");
    world.write("d/b", "b");
    let rule = |who: &str| format!("[[require]]\ntype = \"signature\"\nsigned_by = {who}\n");
    let rules = format!("{}{}", rule("\"alice\""), rule("[\"alice\", \"bob\"]"));
    desk.policy(&["alice", "bob"], "", &rules);
    desk.people.sign("carol", "p.toml", "p.toml.sigstore.json");
    // Alice never saw `b`.
    desk.people.sign("alice", "d/a", "d/a.sigstore.json");
    desk.people.sign("bob", "d/b", "d/b.sigstore.json");
    for more in ["", " --accept no-names", " --accept no-log,no-names"] {
        let ran = desk.ask(&format!("d --policy-key carol.pub{more}"));
        assert_eq!(ran.exit, 1, "{more}: {ran:#?}");
    }
}

#[test]
fn a_type_that_can_say_no_is_asked_in_every_version() {
    let desk = Desk::new();
    for kind in [
        "https://slsa.dev/verification_summary/v0.2",
        "https://in-toto.io/attestation/vulns/v0.1",
        "https://in-toto.io/attestation/test-result/v0.2",
        "https://slsa.dev/provenance/v0.1",
    ] {
        let rule = format!("[[require]]\ntype = \"{kind}\"\nsigned_by = \"alice\"\n");
        desk.policy(&["alice"], "", &rule);
        let message = desk.bad("x", "policy-malformed");
        assert!(message.contains("can say no"), "{kind}: {message}");
    }
}

#[test]
fn a_summary_of_two_levels_of_one_track_says_neither() {
    let desk = Desk::new();
    let summary = |levels: &[&str]| {
        json!({
            "verifier": {"id": "https://verifier.example"}, "timeVerified": "2026-11-01T00:00:00Z",
            "resourceUri": "pkg:generic/x", "policy": {"uri": "https://policy.example"},
            "verificationResult": "PASSED", "verifiedLevels": levels,
        })
    };
    let rule = "[[require]]\ntype = \"vsa\"\nsigned_by = \"alice\"\nverifier = \"https://verifier.example\"\nresource_uri = \"pkg:generic/x\"\nlevels = [\"SLSA_BUILD_LEVEL_2\"]\n";
    desk.policy(&["alice"], "", rule);
    let says = |levels: &[&str]| desk.says("alice", "vsa.sigstore.json", VSA, &summary(levels));
    says(&["SLSA_BUILD_LEVEL_3"]);
    desk.yes();
    says(&["SLSA_BUILD_LEVEL_3", "SLSA_BUILD_LEVEL_UNEVALUATED"]);
    desk.no("predicate-malformed");
    says(&["SLSA_BUILD_LEVEL_9"]);
    desk.no("predicate-field-mismatch");
    desk.policy(&["alice"], "", &rule.replace("LEVEL_2", "LEVEL_4"));
    desk.bad("x", "policy-malformed");
}

#[test]
fn of_two_words_of_one_moment_the_one_that_it_does_harm_counts() {
    let desk = Desk::new();
    desk.policy(&["alice", "bob"], "", SCAN);
    desk.says("alice", "scan.sigstore.json", VULNS, &scan());
    let said = vex("2026-11-01T00:00:00Z", &harmless());
    desk.says("bob", "vex.sigstore.json", VEX, &said);
    desk.yes();
    let harmful = json!({
        "vulnerability": {"name": "CVE-1"}, "status": "affected", "action_statement": "update",
    });
    let says = |time: &str| {
        desk.says("bob", "other.sigstore.json", VEX, &vex(time, &harmful));
    };
    says("2026-11-01T00:00:00Z");
    desk.no("vulnerability-found");
    says("2026-10-31T23:59:59Z");
    desk.yes();
}

#[test]
fn an_exception_for_other_bytes_excepts_nothing_whatever_it_calls_them() {
    let desk = Desk::new();
    desk.policy(&["alice", "bob"], "", SCAN);
    desk.says("alice", "scan.sigstore.json", VULNS, &scan());
    let ours = sha256(b"x");
    let other = "0".repeat(64);
    for (product, is_excepted) in [
        (json!({"@id": "pkg:generic/x"}), true),
        (
            json!({"@id": "pkg:generic/y", "hashes": {"sha-256": ours}}),
            true,
        ),
        (
            json!({"@id": "pkg:generic/x", "hashes": {"sha-256": ours}}),
            true,
        ),
        (
            json!({"@id": "pkg:generic/x", "hashes": {"sha-256": other}}),
            false,
        ),
        (
            json!({"@id": "pkg:generic/x", "hashes": {"sha-256": ours, "sha-512": "0".repeat(128)}}),
            false,
        ),
        (
            json!({"@id": "pkg:generic/y", "identifiers": {"purl": "pkg:generic/x"}}),
            true,
        ),
        (
            json!({"@id": "pkg:generic/y", "identifiers": {"purl": "pkg:generic/z"}}),
            false,
        ),
    ] {
        let mut statement = harmless();
        statement["products"] = json!([product]);
        let said = vex("2026-11-01T00:00:00Z", &statement);
        desk.says("bob", "vex.sigstore.json", VEX, &said);
        let ran = desk.ask("x");
        assert_eq!(ran.exit == 0, is_excepted, "{product}: {ran:#?}");
        if !is_excepted {
            desk.no("vulnerability-found");
        }
    }
}

#[test]
fn a_summary_of_a_no_is_no_yes() {
    let desk = Desk::new();
    let rule = "[[require]]\ntype = \"vsa\"\nsigned_by = \"alice\"\nverifier = \"https://verifier.example\"\nresource_uri = \"pkg:generic/x\"\n";
    desk.policy(&["alice"], "", rule);
    for (result, code) in [
        ("PASSED", ""),
        ("FAILED", "predicate-field-mismatch"),
        ("passed", "predicate-malformed"),
    ] {
        let summary = json!({
            "verifier": {"id": "https://verifier.example"}, "timeVerified": "2026-11-01T00:00:00Z",
            "resourceUri": "pkg:generic/x", "policy": {"uri": "https://policy.example"},
            "verificationResult": result, "verifiedLevels": [],
        });
        desk.says("alice", "vsa.sigstore.json", VSA, &summary);
        if code.is_empty() {
            desk.yes();
        } else {
            desk.no(code);
        }
    }
}
