//! For every field of the language: with it as it is the answer is yes, and with one change of it the
//! answer is no. A field without such a case fails here.

mod elsewhere;
mod flips;

use std::collections::BTreeSet;

use elsewhere::ELSEWHERE;
use flips::{FLIPS, SCAN, TEST};
use serde_json::{Value, json};

use super::{Desk, TESTS};
use crate::verify::lone_code;

const VULNS: &str = "https://in-toto.io/attestation/vulns/v0.2";
const VEX: &str = "https://openvex.dev/ns/v0.2.0";
const VSA: &str = "https://slsa.dev/verification_summary/v1";
const PROVENANCE: &str = "https://slsa.dev/provenance/v1";

fn desk() -> Desk {
    let desk = Desk::new();
    let tested = json!({
        "result": "PASSED", "configuration": [], "url": "https://ci.example/1", "count": 3, "tags": ["a"],
        "failedTests": [], "runs": [{"ok": true}],
    });
    desk.says("alice", "test.sigstore.json", TESTS, &tested);
    let scan = json!({
        "scanner": {
            "uri": "https://scanner.example", "db": {"lastUpdate": "2026-11-01T00:00:00Z"},
            "result": [
                {"id": "CVE-1", "severity": [{"method": "nvd", "score": "critical"}]},
                {"id": "CVE-2", "severity": [{"method": "cvss_score", "score": "7.5"}]},
            ],
        },
        "metadata": {"scanStartedOn": "2026-11-01T00:00:00Z", "scanFinishedOn": "2026-11-01T00:00:00Z"},
    });
    desk.says("alice", "scan.sigstore.json", VULNS, &scan);
    desk.says(
        "bob",
        "vex.sigstore.json",
        VEX,
        &vex("not_affected", Some("pkg:generic/x")),
    );
    let summary = json!({
        "verifier": {"id": "https://verifier.example"}, "timeVerified": "2026-11-01T00:00:00Z",
        "resourceUri": "pkg:generic/x", "policy": {"uri": "https://policy.example"},
        "verificationResult": "PASSED", "verifiedLevels": ["SLSA_BUILD_LEVEL_2"],
    });
    desk.says("alice", "vsa.sigstore.json", VSA, &summary);
    let build = json!({
        "buildDefinition": {
            "buildType": "https://attest.dev/buildtypes/recorded-step/v1",
            "externalParameters": {"target": "x"},
        },
        "runDetails": {"builder": {"id": "https://attest.dev/builders/recorder"}},
    });
    desk.says("alice", "build.sigstore.json", PROVENANCE, &build);
    let old = json!({
        "builder": {"id": "https://ci.example/builder"}, "buildType": "https://ci.example/type",
    });
    let of = "https://slsa.dev/provenance/v0.2";
    desk.says("bob", "old.sigstore.json", of, &old);
    desk
}

fn vex(status: &str, product: Option<&str>) -> Value {
    let mut statement = json!({
        "vulnerability": {"name": "CVE-1"}, "status": status,
        "justification": "component_not_present", "action_statement": "update",
    });
    if status == "affected" {
        statement.as_object_mut().unwrap().remove("justification");
    }
    if let Some(product) = product {
        statement["products"] = json!([{"@id": product}]);
    }
    json!({
        "@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://vex.example/1", "author": "bob",
        "timestamp": "2026-11-01T00:00:00Z", "version": 1, "statements": [statement],
    })
}

#[test]
fn every_field_has_a_change_that_is_refused() {
    let desk = desk();
    let independent = independent(&desk);
    for flip in FLIPS {
        assert_eq!(
            flip.rules.matches(flip.from).count(),
            1,
            "{:?}: {}",
            flip.field,
            flip.from
        );
        // An hour later, so that a minute is too old.
        let later = hour_later();
        desk.policy(&["alice", "bob"], &independent, flip.rules);
        let ran = desk.ask(&format!("x --at {later}"));
        assert_eq!(ran.exit, 0, "{:?} as it is: {ran:#?}", flip.field);
        desk.policy(
            &["alice", "bob"],
            &independent,
            &flip.rules.replace(flip.from, flip.to),
        );
        let ran = desk.ask(&format!("x --at {later}"));
        let code = if ran.exit == 2 {
            ran.json()["error"]["code"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        } else {
            lone_code(&ran)
        };
        assert_eq!(
            code, flip.code,
            "{:?}, {} -> {}: {ran:#?}",
            flip.field, flip.from, flip.to
        );
    }
}

#[test]
fn every_field_has_a_case() {
    let sources = crate::docs::test_sources().concat();
    let mut known: BTreeSet<(&str, &str)> = FLIPS.iter().map(|it| it.field).collect();
    for (table, fields, test) in ELSEWHERE {
        known.extend(fields.iter().map(|field| (*table, *field)));
        assert!(sources.contains(&format!("fn {test}()")), "no test {test}");
    }
    let mut fields: BTreeSet<(&str, &str)> = BTreeSet::new();
    for (table, names) in attest_policy::vocabulary() {
        fields.extend(names.iter().map(|field| (table, *field)));
    }
    let lacking: Vec<_> = fields.difference(&known).collect();
    let unknown: Vec<_> = known.difference(&fields).collect();
    assert!(
        lacking.is_empty() && unknown.is_empty(),
        "{lacking:?} {unknown:?}"
    );
}

#[test]
fn whom_a_policy_denies_counts_for_nothing() {
    let desk = Desk::new();
    desk.tested("alice", "PASSED");
    desk.tested("bob", "PASSED");
    let rule =
        "[[require]]\ntype = \"test-result\"\nsigned_by = [\"alice\", \"bob\"]\nthreshold = 2\n";
    desk.policy(&["alice", "bob"], "", rule);
    desk.yes();
    for (keys, code) in [
        (vec!["carol"], ""),
        (vec!["bob"], "signers-too-few"),
        (vec!["alice", "bob"], "attestation-missing"),
    ] {
        let keys: Vec<String> = keys
            .iter()
            .map(|who| format!("\"sha256:{}\"", desk.pin(who)))
            .collect();
        let deny = format!("deny = {{ keys = [{}] }}", keys.join(", "));
        desk.policy(&["alice", "bob"], &deny, rule);
        if code.is_empty() {
            desk.yes();
        } else {
            desk.no(code);
        }
    }
    desk.policy(&["alice", "bob"], "deny = { key = [] }", rule);
    desk.bad("x", "policy-malformed");
}

/// The home's own timestamp authority, declared independent.
fn independent(desk: &Desk) -> String {
    desk.people.sign("alice", "x", "x.sigstore.json");
    let report = desk.people.verify("x --key alice.pub").json();
    let authority = report["evidence"]
        .as_array()
        .unwrap()
        .iter()
        .find_map(|it| it["times"][0]["authority"].as_str())
        .unwrap()
        .to_owned();
    format!("independent = [{authority:?}]")
}

fn hour_later() -> String {
    let now = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[test]
fn findings_are_excepted_only_about_this_product_and_by_the_newest_word() {
    let desk = desk();
    desk.policy(&["alice", "bob"], "", SCAN);
    desk.yes();
    for (status, product, code) in [
        ("fixed", Some("pkg:generic/x"), ""),
        ("not_affected", None, ""),
        ("affected", Some("pkg:generic/x"), "vulnerability-found"),
        (
            "under_investigation",
            Some("pkg:generic/x"),
            "vulnerability-found",
        ),
        (
            "not_affected",
            Some("pkg:generic/other"),
            "vulnerability-found",
        ),
    ] {
        desk.says("bob", "vex.sigstore.json", VEX, &vex(status, product));
        if code.is_empty() {
            desk.yes();
        } else {
            desk.no(code);
        }
    }
    // What somebody else says excepts nothing.
    desk.says("alice", "vex.sigstore.json", VEX, &vex("fixed", None));
    desk.no("vulnerability-found");
    desk.says("carol", "vex2.sigstore.json", VEX, &vex("fixed", None));
    desk.no("vulnerability-found");
}

#[test]
fn evidence_that_is_too_old_does_not_count() {
    let desk = desk();
    desk.policy(
        &["alice"],
        "",
        &TEST.replace("independent = \"time\"\n", ""),
    );
    desk.yes();
    let week_and_more = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * 8);
    let at = week_and_more.strftime("%Y-%m-%dT%H:%M:%SZ");
    let ran = desk.ask(&format!("x --at {at}"));
    assert_eq!(
        (ran.exit, lone_code(&ran).as_str()),
        (1, "evidence-too-old"),
        "{ran:#?}"
    );
    // A young timestamp over an old scan does not make it young.
    desk.policy(
        &["alice", "bob"],
        "",
        &SCAN.replace("deny", "max_age = \"1h\"\ndeny"),
    );
    desk.no("evidence-too-old");
    // Nor an old word about a vulnerability, unless it was changed since.
    let word =
        "[[require]]\ntype = \"openvex\"\nsigned_by = \"bob\"\nwhere = { author = \"bob\" }\n";
    desk.policy(&["bob"], "", word);
    desk.yes();
    desk.policy(&["bob"], "", &format!("{word}max_age = \"1h\"\n"));
    desk.no("evidence-too-old");
    let mut changed = vex("not_affected", None);
    changed["last_updated"] = json!(jiff::Timestamp::now().to_string());
    desk.says("bob", "vex.sigstore.json", VEX, &changed);
    desk.yes();
}

#[test]
fn a_log_that_nobody_declares_independent_does_not_count() {
    let desk = desk();
    let rule = TEST.replace("independent = \"time\"", "independent = \"log\"");
    desk.policy(&["alice"], "", &rule);
    desk.no("log-not-independent");
    desk.policy(&["alice"], "", TEST);
    desk.no("time-not-independent");
    desk.policy(&["alice"], &independent(&desk), TEST);
    desk.yes();
}

#[test]
fn a_field_that_is_missing_fails() {
    let desk = desk();
    desk.policy(
        &["alice"],
        "",
        &TEST
            .replace("count = 3", "missing = { empty = true }")
            .replace("independent = \"time\"\n", ""),
    );
    desk.no("predicate-field-missing");
}

/// Provenance of `x` from this commit.
fn build_of(desk: &Desk, commit: Option<&str>) {
    let mut build = json!({
        "buildDefinition": {"buildType": "https://example.com/build/v1", "externalParameters": {}},
        "runDetails": {"builder": {"id": "https://ci.example/builder"}},
    });
    if let Some(commit) = commit {
        build["buildDefinition"]["resolvedDependencies"] =
            json!([{"uri": "git+https://github.com/acme/app", "digest": {"gitCommit": commit}}]);
    }
    desk.says("alice", "build.sigstore.json", PROVENANCE, &build);
}

fn reviewed(desk: &Desk, commit: &str, result: &str, independent: bool) {
    let review = json!({
        "scope": "code", "result": result, "reviewedOn": "2026-11-01T00:00:00Z",
        "reviewer": {"id": "mailto:bob@example.com"}, "independentOfAuthor": independent,
    });
    let subject = [json!({"name": "https://github.com/acme/app", "digest": {"gitCommit": commit}})];
    desk.says_of(
        "bob",
        "review.sigstore.json",
        "https://attest.dev/predicates/review/v0.1",
        &review,
        &subject,
    );
}

#[test]
fn a_review_is_of_the_very_commit_that_was_built() {
    let desk = Desk::new();
    let rules = "[[require]]\ntype = \"slsa-provenance\"\nsigned_by = \"alice\"\nlevel = 1\n\
                 [[require]]\ntype = \"review\"\nsigned_by = \"bob\"\nscope = \"code\"\nindependent_of_author = true\n";
    desk.policy(&["alice", "bob"], "", rules);
    let (one, other) = ("1".repeat(64), "2".repeat(64));
    build_of(&desk, None);
    desk.no("commit-unknown");
    build_of(&desk, Some(&one));
    desk.no("attestation-missing");
    reviewed(&desk, &other, "APPROVED", true);
    desk.no("attestation-missing");
    reviewed(&desk, &one, "APPROVED", true);
    desk.yes();
    reviewed(&desk, &one, "APPROVED", false);
    desk.no("predicate-field-mismatch");
    reviewed(&desk, &one, "REJECTED", true);
    desk.no("predicate-field-mismatch");
    reviewed(&desk, &one, "APPROVED", true);
    desk.policy(
        &["alice", "bob"],
        "",
        &rules.replace("scope = \"code\"", "scope = \"design\""),
    );
    desk.no("predicate-field-mismatch");
    // By its SHA-1 a commit is named only where the policy says so.
    let short = "3".repeat(40);
    build_of(&desk, Some(&short));
    reviewed(&desk, &short, "APPROVED", true);
    desk.policy(&["alice", "bob"], "", rules);
    desk.no("commit-not-accepted");
    desk.policy(&["alice", "bob"], "[artifact]\ngit_sha1 = true", rules);
    desk.yes();
}
