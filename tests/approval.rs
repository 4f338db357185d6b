//! What approves a file, and which names bind it: genuine evidence by the right key that says
//! something else.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Ran, World};

const RELEASE: &str = "https://in-toto.io/attestation/release/v0.2";
const PROVENANCE: &str = "https://slsa.dev/provenance/v1";
const REPORT: &str = "https://in-toto.io/attestation/test-result/v0.1";

/// A folder with one file, and an identity that signs.
struct Signing(World);

impl Signing {
    fn new() -> Self {
        let world = World::new();
        world.attest("init --no-password --export trust").yes();
        world.write("dist/a.txt", "alpha\n");
        Self(world)
    }

    /// Signs a statement of this type about the file `a.txt` of `dist`, under that name.
    fn state(&self, name: &str, predicate_type: &str, predicate: &Value) {
        let bytes = self.0.read("dist/a.txt");
        let sha256 =
            attest_digest::Artifact::of_bytes(&bytes, attest_digest::Hashes::Sha256).sha256();
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": name, "digest": {"sha256": sha256.hex()}}],
            "predicateType": predicate_type,
            "predicate": predicate,
        });
        self.0.write("statement.json", statement.to_string());
        self.0
            .attest("sign --statement statement.json --out dist/release.sigstore.json --force")
            .yes();
    }

    fn verify(&self, arguments: &str) -> Ran {
        let trust = "--key trust/release.pub --trusted-root trust/trusted_root.json --format json";
        self.0.attest(&format!("verify {arguments} {trust}"))
    }

    /// Asserts that this is refused with the code, for the subject or for the file.
    #[track_caller]
    fn refuses(&self, arguments: &str, code: &str) {
        let ran = self.verify(arguments);
        assert_eq!(ran.exit, 1, "{ran:#?}");
        let subject = &ran.json()["subjects"][0];
        let found = [&subject["reasons"][0]["code"], &subject["files"][0]["code"]];
        assert!(found.contains(&&json!(code)), "wanted {code}: {ran:#?}");
    }
}

fn a_release() -> Value {
    json!({"purl": "pkg:generic/hello@1.0.0"})
}

#[test]
fn a_signed_report_that_says_failed_approves_nothing() {
    let signing = Signing::new();
    signing
        .0
        .write("report.json", r#"{"result":"FAILED","configuration":[]}"#);
    signing
        .0
        .attest(&format!(
            "sign dist/a.txt --predicate report.json --type {REPORT}"
        ))
        .yes();
    signing.refuses("dist/a.txt", "predicate-not-requested");
    signing.refuses("dist", "predicate-not-requested");
    signing.refuses(
        &format!("dist/a.txt --type {PROVENANCE}"),
        "predicate-not-requested",
    );
    signing.refuses(&format!("dist/a.txt --type {REPORT}"), "verdict-failed");
}

#[test]
fn a_bad_verdict_approves_nothing_though_it_is_asked_for() {
    let signing = Signing::new();
    let vsa = "https://slsa.dev/verification_summary/v1";
    let svr = "https://in-toto.io/attestation/svr/v0.2";
    let tests = |result: &str, failed: Value| json!({"result": result, "configuration": [], "failedTests": failed});
    let summary = |result: &str| {
        json!({"verifier": {"id": "https://example.com/v"}, "resourceUri": "pkg:generic/hello@1.0.0",
               "policy": {"uri": "https://example.com/p"}, "verificationResult": result,
               "verifiedLevels": ["SLSA_BUILD_LEVEL_3"]})
    };
    let simple = |properties: Value| {
        json!({"verifier": {"id": "https://example.com/v", "policies": []},
               "timeCreated": "2026-01-01T00:00:00Z", "properties": properties})
    };
    for (name, uri, accepted, refused) in [
        (
            "test-result",
            REPORT,
            tests("PASSED", json!([])),
            tests("FAILED", json!([])),
        ),
        (
            "test-result",
            REPORT,
            tests("PASSED", json!([])),
            tests("WARNED", json!([])),
        ),
        (
            "test-result",
            REPORT,
            tests("PASSED", json!([])),
            tests("PASSED", json!(["unit"])),
        ),
        ("vsa", vsa, summary("PASSED"), summary("FAILED")),
        ("svr", svr, simple(json!(["X"])), simple(json!([]))),
    ] {
        signing.state("a.txt", uri, &accepted);
        signing.verify(&format!("dist/a.txt --type {name}")).yes();
        signing.state("a.txt", uri, &refused);
        for named in [name, uri] {
            signing.refuses(&format!("dist/a.txt --type {named}"), "verdict-failed");
        }
        signing.refuses("dist/a.txt", "predicate-not-requested");
    }
}

#[test]
fn what_is_asked_for_must_be_what_its_type_says() {
    let signing = Signing::new();
    signing.state("a.txt", REPORT, &json!({"result": "PASSED"}));
    signing.refuses("dist/a.txt --type test-result", "predicate-malformed");
    // Of a type that nobody knows, everything is what it says.
    signing.state("a.txt", "https://example.com/p", &json!({"result": 1}));
    signing
        .verify("dist/a.txt --type https://example.com/p")
        .yes();
}

#[test]
fn a_type_is_known_or_a_uri() {
    let signing = Signing::new();
    for name in ["slsa-provenanse", "test_result", "''"] {
        signing
            .verify(&format!("dist/a.txt --type {name}"))
            .refused(2, "bad-arguments");
    }
}

#[test]
fn a_message_signature_is_no_statement_that_was_asked_for() {
    let signing = Signing::new();
    signing.0.attest("sign dist/a.txt").yes();
    signing.verify("dist/a.txt").yes();
    signing.refuses(
        &format!("dist/a.txt --type {REPORT}"),
        "predicate-not-requested",
    );
}

#[test]
fn a_signature_for_each_file_binds_no_names() {
    let signing = Signing::new();
    signing.0.attest("sign dist/a.txt").yes();
    signing.refuses("dist", "name-unbound");
    signing.verify("dist --accept no-names").yes();
}

#[test]
fn a_release_statement_that_names_no_release_is_refused() {
    let signing = Signing::new();
    signing.state("a.txt", RELEASE, &a_release());
    signing.verify("dist --release hello@1.0.0").yes();
    signing.state("a.txt", RELEASE, &json!({}));
    signing.refuses("dist", "release-malformed");
    signing.refuses("dist/a.txt", "release-malformed");
}

#[test]
fn a_release_statement_of_another_release_is_refused() {
    let signing = Signing::new();
    signing.state("a.txt", RELEASE, &a_release());
    signing.refuses("dist --release hello@1.0.1", "release-mismatch");
    signing.refuses("dist --release other@1.0.0", "release-mismatch");
}

#[test]
fn provenance_that_says_nothing_of_a_build_is_refused() {
    let signing = Signing::new();
    signing.state("a.txt", PROVENANCE, &json!({}));
    signing.refuses("dist", "provenance-malformed");
    signing.refuses("dist/a.txt", "provenance-malformed");
}

#[test]
fn a_signed_name_that_leaves_the_folder_is_refused() {
    let signing = Signing::new();
    for name in ["../a.txt", "/a.txt", "./a.txt", "sub//a.txt"] {
        signing.state(name, RELEASE, &a_release());
        signing.refuses("dist", "subject-name-invalid");
    }
}

#[test]
fn a_statement_about_other_files_is_refused() {
    let signing = Signing::new();
    signing.state("a.txt", RELEASE, &a_release());
    signing.0.write("dist/b.txt", "beta\n");
    signing.refuses("dist/b.txt", "subject-missing");
}

#[test]
fn evidence_of_a_form_that_is_not_read_is_named() {
    let signing = Signing::new();
    signing
        .0
        .write("dist/a.txt.asc", "-----BEGIN CERTIFICATE-----\n");
    signing.refuses("dist/a.txt", "dialect-unsupported");
    signing
        .0
        .write("dist/a.txt.asc", "-----BEGIN PGP SIGNATURE-----\n");
    signing.refuses("dist/a.txt", "signature-malformed");
}

#[test]
fn a_signed_checksums_file_without_one_meaning_is_refused() {
    let signing = Signing::new();
    signing
        .0
        .write("dist/SHA256SUMS", "neither one form nor the other\n");
    signing.0.attest("sign dist/SHA256SUMS").yes();
    signing.refuses("dist/SHA256SUMS", "checksums-malformed");
    fs::remove_file(signing.0.at("dist/SHA256SUMS")).unwrap();
    signing.refuses("dist/a.txt", "checksums-unreadable");
}

#[test]
fn a_publish_attestation_names_one_package() {
    let signing = Signing::new();
    let npm = "https://github.com/npm/attestation/tree/main/specs/publish/v0.1";
    let pypi = "https://docs.pypi.org/attestations/publish/v1";
    let published = json!({"name": "@a/b", "version": "1.0.0", "registry": "https://r.example"});
    signing.state("pkg:npm/%40a/b@1.0.0", npm, &published);
    signing.verify("dist/a.txt").yes();
    signing.state("pkg:npm/%40a/c@1.0.0", npm, &published);
    signing.refuses("dist/a.txt", "publish-malformed");
    signing.state("a.txt", pypi, &json!({}));
    signing.verify("dist/a.txt").yes();
    signing.state("b.txt", pypi, &json!({}));
    signing.refuses("dist/a.txt", "name-mismatch");
    signing.state("a.txt", pypi, &json!({"name": "a.txt"}));
    signing.refuses("dist/a.txt", "publish-malformed");
}
