//! `attest provenance statement` and `report` from outside.

use std::path::Path;

use serde_json::{Value, json};

use crate::page::root;
use crate::support::{Ran, World};

fn world() -> World {
    let world = World::new();
    world.attest("init --no-password --export trust").yes();
    world.write("a.txt", "alpha\n");
    world
}

fn verify(world: &World, arguments: &str) -> Ran {
    let trust = "--key trust/release.pub --trusted-root trust/trusted_root.json --format json";
    world.attest(&format!("verify {arguments} {trust}"))
}

/// A predicate of each type that is what the type says.
fn predicates() -> Vec<(&'static str, Value)> {
    let digest = json!({"sha256": "12".repeat(32)});
    let scan =
        json!({"scanStartedOn": "2026-01-01T00:00:00Z", "scanFinishedOn": "2026-01-01T00:01:00Z"});
    vec![
        (
            "slsaprovenance",
            json!({"builder": {"id": "https://e.com/b"}, "buildType": "https://e.com/t"}),
        ),
        (
            "slsaprovenance1",
            json!({
                "buildDefinition": {"buildType": "https://e.com/t", "externalParameters": {}},
                "runDetails": {"builder": {"id": "https://e.com/b"}},
            }),
        ),
        (
            "vsa",
            json!({
                "verifier": {"id": "https://e.com/v"}, "timeVerified": "2026-01-01T00:00:00Z",
                "resourceUri": "pkg:generic/a@1", "policy": {"uri": "https://e.com/p", "digest": digest},
                "verificationResult": "PASSED", "verifiedLevels": ["SLSA_BUILD_LEVEL_2"],
            }),
        ),
        (
            "svr",
            json!({
                "verifier": {"id": "https://e.com/v", "policies": []},
                "timeCreated": "2026-01-01T00:00:00Z", "properties": ["X"],
            }),
        ),
        (
            "link",
            json!({"name": "build", "materials": {"main.c": digest}}),
        ),
        (
            "in-toto-link",
            json!({"name": "build", "materials": [{"name": "main.c", "digest": digest}]}),
        ),
        ("release", json!({"purl": "pkg:generic/a@1"})),
        (
            "test-result",
            json!({"result": "PASSED", "configuration": [], "passedTests": ["unit"]}),
        ),
        (
            "vulns",
            json!({
                "scanner": {"uri": "pkg:generic/scanner@1", "db": {"lastUpdate": "2026-01-01T00:00:00Z"},
                            "result": [{"id": "CVE-1", "severity": [{"method": "nvd", "score": "low"}]}]},
                "metadata": scan,
            }),
        ),
        (
            "vuln",
            json!({"scanner": {"uri": "pkg:generic/scanner@1", "result": {}}, "metadata": scan}),
        ),
        (
            "reference",
            json!({
                "attester": {"id": "https://e.com/a"},
                "references": [{"downloadLocation": "sbom.json", "mediaType": "application/json", "digest": digest}],
            }),
        ),
        (
            "openvex",
            json!({
                "@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://e.com/vex", "author": "a",
                "timestamp": "2026-01-01T00:00:00Z", "version": 1,
                "statements": [{"vulnerability": {"name": "CVE-1"}, "status": "fixed"}],
            }),
        ),
        (
            "cyclonedx",
            json!({"bomFormat": "CycloneDX", "specVersion": "1.6"}),
        ),
        (
            "spdxjson",
            json!({
                "spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "a",
                "documentNamespace": "https://e.com/a",
            }),
        ),
        ("scai", json!({"attributes": [{"attribute": "X"}]})),
        ("custom", json!({"any": "text"})),
        ("https://example.com/p", json!({})),
    ]
}

#[test]
fn a_predicate_that_is_not_what_its_type_says_is_not_made() {
    let world = world();
    world.write("empty.json", "{}");
    for (name, _) in predicates() {
        if name == "https://example.com/p" || name == "custom" {
            continue;
        }
        world
            .attest(&format!(
                "provenance statement --type {name} --predicate empty.json --subject a.txt --sign -o x.json"
            ))
            .refused(2, "predicate-malformed");
        assert!(!world.at("x.json").exists());
    }
    // Others leave them out, and their evidence is read; we do not write so.
    world.write(
        "silent.json",
        r#"{"buildDefinition":{"buildType":"https://e.com/t"},"runDetails":{"builder":{"id":"https://e.com/b"}}}"#,
    );
    world
        .attest(
            "provenance statement --type slsaprovenance1 --predicate silent.json --subject a.txt",
        )
        .refused(2, "predicate-malformed");
    world.write("list.json", "[]");
    world
        .attest("provenance statement --type vsa --predicate list.json --subject a.txt")
        .refused(2, "predicate-malformed");
    world
        .attest("provenance statement --type vsas --predicate empty.json --subject a.txt")
        .refused(2, "bad-arguments");
}

#[test]
fn a_statement_of_each_type_is_made_inspected_and_verified() {
    let world = world();
    for (name, predicate) in predicates() {
        world.write("p.json", predicate.to_string());
        world
            .attest(&format!(
                "provenance statement --type {name} --predicate p.json --subject a.txt --sign -o b.json --force"
            ))
            .yes();
        verify(&world, &format!("a.txt --bundle b.json --type {name}")).yes();
        let other = if name == "vsa" { "svr" } else { "vsa" };
        let refused = verify(&world, &format!("a.txt --bundle b.json --type {other}"));
        assert_eq!(refused.exit, 1, "{name}");
        let shown = world.attest("inspect b.json").yes();
        assert!(
            shown.out.contains("predicate type"),
            "{name}: {}",
            shown.out
        );
        assert!(!shown.out.contains("malformed"), "{name}");
    }
}

#[test]
fn inspect_shows_what_a_statement_says_as_a_claim() {
    let world = world();
    for (name, words) in [
        ("vsa", "PASSED, SLSA_BUILD_LEVEL_2"),
        ("test-result", "PASSED: 1 passed, 0 warned, 0 failed"),
        ("vulns", "CVE-1 low (nvd)"),
        ("openvex", "CVE-1: fixed"),
        ("svr", "https://e.com/v"),
        ("in-toto-link", "build"),
        ("slsaprovenance", "https://e.com/b"),
        ("cyclonedx", "CycloneDX 1.6"),
        ("reference", "sbom.json"),
    ] {
        let predicates = predicates();
        let (_, predicate) = predicates.iter().find(|(it, _)| *it == name).unwrap();
        world.write("p.json", predicate.to_string());
        world
            .attest(&format!(
                "provenance statement --type {name} --predicate p.json --subject a.txt -o s.json --force"
            ))
            .yes();
        let shown = world.attest("inspect s.json").yes();
        assert!(shown.out.contains(words), "{name}: {}", shown.out);
    }
    let malformed = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": "12".repeat(32)}}],
        "predicateType": "https://slsa.dev/verification_summary/v1",
        "predicate": {"verificationResult": "PASSED"},
    });
    world.write("s.json", malformed.to_string());
    let shown = world.attest("inspect s.json");
    assert!(shown.out.contains("malformed"), "{}", shown.out);
}

#[test]
fn a_statement_is_about_files_and_digests() {
    let world = world();
    let digest = "0a".repeat(32);
    let ran = world
        .attest(&format!(
            "provenance statement --type https://example.com/p --subject a.txt --subject sha256:{digest}=b --subject gitCommit:{}",
            "8f".repeat(20)
        ))
        .yes();
    let statement: Value = serde_json::from_str(&ran.out).unwrap();
    let subjects = statement["subject"].as_array().unwrap();
    assert_eq!(subjects[0]["name"], "a.txt");
    assert_eq!(
        subjects[1],
        json!({"name": "b", "digest": {"sha256": digest}})
    );
    assert_eq!(
        subjects[2],
        json!({"digest": {"gitCommit": "8f".repeat(20)}})
    );
    for subject in ["sha256:0a", "sha256:", "missing.txt"] {
        let ran = world.attest(&format!(
            "provenance statement --type https://example.com/p --subject {subject}"
        ));
        assert!(ran.exit == 2 || ran.exit == 3, "{subject}: {ran:?}");
        assert_eq!(ran.out, "");
    }
}

#[test]
fn a_bill_of_materials_is_named_by_the_digest_of_its_bytes() {
    let world = world();
    let bom = b"{ \"bomFormat\": \"CycloneDX\",\n\t\"specVersion\": \"1.6\" }\n";
    world.write("sbom.json", bom);
    world
        .attest("provenance statement --type reference --document sbom.json --subject a.txt --sign -o r.json")
        .yes();
    verify(&world, "a.txt --bundle r.json --type reference").yes();
    let shown = world.attest("inspect r.json").yes();
    let digest = attest_digest::Artifact::of_bytes(bom, attest_digest::Hashes::Sha256).sha256();
    assert!(shown.out.contains(&digest.to_string()), "{}", shown.out);
    world
        .attest("provenance statement --type cyclonedx --document sbom.json --subject a.txt")
        .refused(2, "bad-arguments");
    world
        .attest("provenance statement --type reference --document none.json --subject a.txt")
        .refused(3, "file-unreadable");
}

fn fixture(name: &str) -> Vec<u8> {
    let path = root().join("fixtures/reports").join(name).join("report");
    std::fs::read(Path::new(&path)).unwrap()
}

#[test]
fn a_report_becomes_a_test_result_and_a_reference_to_its_bytes() {
    let world = world();
    for (tool, case, result) in [
        ("sarif", "clean", "PASSED"),
        ("sarif", "warning", "WARNED"),
        ("oscap-arf", "failed", "FAILED"),
        ("zap", "clean", "PASSED"),
        ("nikto", "findings", "WARNED"),
        ("wapiti", "findings", "WARNED"),
        ("aide", "same", "PASSED"),
    ] {
        world.write("r", fixture(&format!("{tool}/{case}")));
        let ran = world
            .attest(&format!(
                "provenance report r --tool {tool} --subject a.txt --force --format json"
            ))
            .yes();
        assert_eq!(ran.json()["result"], result, "{tool}/{case}");
        let tested = "a.txt --bundle r.test-result.sigstore.json --type test-result";
        let ran = verify(&world, tested);
        assert_eq!(ran.exit == 0, result == "PASSED", "{tool}/{case}");
        verify(
            &world,
            "a.txt --bundle r.reference.sigstore.json --type reference",
        )
        .yes();
        let unasked = verify(&world, "a.txt --bundle r.reference.sigstore.json");
        assert_eq!(unasked.exit, 1);
    }
}

#[test]
fn a_report_that_says_nothing_is_not_signed() {
    let world = world();
    for (tool, case, code) in [
        ("sarif", "no-runs", "report-says-nothing"),
        ("sarif", "results-null", "report-malformed"),
        ("oscap-arf", "entity", "report-malformed"),
        ("nikto", "did-not-answer", "report-says-nothing"),
        ("aide", "initialised", "report-malformed"),
    ] {
        world.write("r", fixture(&format!("{tool}/{case}")));
        world
            .attest(&format!(
                "provenance report r --tool {tool} --subject a.txt"
            ))
            .refused(2, code);
        assert!(!world.at("r.test-result.sigstore.json").exists());
    }
    world.write("r", fixture("zap/clean"));
    world
        .attest(
            "provenance report r --tool zap --subject a.txt --url https://elsewhere.example.com",
        )
        .refused(2, "report-target-mismatch");
    world
        .attest("provenance report r --tool zap")
        .refused(2, "bad-arguments");
}
