//! Flaws that policy engines of the field shipped with: `docs/attacks.md` says which.

use serde_json::json;

use super::{Desk, TESTED, TESTS};
use crate::verify::sha256;

/// in-toto read a configuration out of the folder in which it ran.
#[test]
fn a_configuration_that_lies_around_is_not_read() {
    let desk = Desk::new();
    let world = &desk.people.world;
    desk.people.sign("alice", "x", "x.sigstore.json");
    for name in [
        ".in_totorc",
        "attest.toml",
        ".attest.toml",
        "attest.policy.toml",
        ".config/attest/config.toml",
    ] {
        world.write(
            name,
            "key = \"alice.pub\"\npolicy = \"p.toml\"\naccept = [\"no-log\"]\n",
        );
    }
    let ran = desk.people.verify("x");
    let code = ran.json()["error"]["code"].clone();
    assert_eq!(
        (ran.exit, code.as_str()),
        (2, Some("signer-required")),
        "{ran:#?}"
    );
}

/// go-witness took an empty name in a policy for any name.
#[test]
fn a_signer_who_is_named_by_nothing_is_nobody() {
    let desk = Desk::new();
    desk.tested("alice", "PASSED");
    let identity = |issuer: &str, identity: &str| {
        format!(
            "[trust.alice]\nkind = \"sigstore\"\nissuer = \"{issuer}\"\nidentity = \"{identity}\"\n{TESTED}"
        )
    };
    for rules in [
        identity("", "alice@example.com"),
        identity("https://issuer.example", ""),
        identity("https://issuer.example", "*"),
        identity("*", "alice@example.com"),
        format!("[trust.alice]\nkind = \"sigstore\"\n{TESTED}"),
        format!("[trust.alice]\nkind = \"keys\"\nkeys = []\n{TESTED}"),
        format!("[trust.alice]\nkind = \"keys\"\nkeys = [\"\"]\n{TESTED}"),
        format!(
            "{}[[require]]\ntype = \"test-result\"\nsigned_by = []\n",
            desk.trust("alice")
        ),
        format!(
            "{}[[require]]\ntype = \"test-result\"\nsigned_by = \"\"\n",
            desk.trust("alice")
        ),
        format!(
            "{}[[require]]\ntype = \"\"\nsigned_by = \"alice\"\n",
            desk.trust("alice")
        ),
        format!(
            "{}[[require]]\ntype = \"*\"\nsigned_by = \"alice\"\n",
            desk.trust("alice")
        ),
    ] {
        desk.policy(&[], "", &rules);
        desk.bad("x", "policy-malformed");
    }
}

/// go-witness passed a policy without steps, and one whose steps ask for nothing.
#[test]
fn a_policy_that_asks_for_nothing_is_none() {
    let desk = Desk::new();
    for rules in ["", "require = []", "[[require]]"] {
        desk.policy(&[], "", &format!("{rules}\n{}", desk.trust("alice")));
        desk.bad("x", "policy-malformed");
    }
    desk.policy(&["alice"], "", &format!("{TESTED}where = {{}}\n"));
    desk.bad("x", "policy-malformed");
    desk.policy(&["alice"], "", &format!("{TESTED}threshold = 0\n"));
    desk.bad("x", "policy-malformed");
}

/// go-witness passed what had no attestation at all.
#[test]
fn no_evidence_is_a_no() {
    let desk = Desk::new();
    desk.policy(&["alice"], "", TESTED);
    desk.no("attestation-missing");
    desk.people.world.write("empty.intoto.jsonl", "");
    desk.no("attestation-missing");
}

/// go-witness let any digest of several decide, so that a weak one stood in for a strong one.
#[test]
fn every_digest_that_is_given_must_be_that_of_the_bytes() {
    let desk = Desk::new();
    desk.policy(&["alice"], "", TESTED);
    let passed = json!({"result": "PASSED", "configuration": []});
    let says = |digest: &serde_json::Value| {
        let subject = json!({"name": "x", "digest": digest});
        desk.says_of("alice", "test.sigstore.json", TESTS, &passed, &[subject]);
    };
    let (right, wrong) = (sha256(b"x"), sha256(b"y"));
    let sha1 = "11f6ad8ec52a2984abaafd7c3b516503785c2072";
    says(&json!({"sha256": right, "sha1": sha1}));
    desk.yes();
    for digest in [
        json!({"sha1": sha1}),
        json!({"md5": "9dd4e461268c8034f5c8564e155c67a6"}),
        json!({"sha256": wrong, "sha1": sha1}),
        json!({"sha256": right, "sha512": "0".repeat(128)}),
    ] {
        says(&digest);
        desk.no("attestation-missing");
    }
}

/// go-witness took the last of two attestations of one type for the only one.
#[test]
fn of_two_that_contradict_each_other_neither_is_passed_over() {
    let desk = Desk::new();
    desk.policy(&["alice"], "", TESTED);
    for (first, second) in [("PASSED", "FAILED"), ("FAILED", "PASSED")] {
        for (out, result) in [("a.sigstore.json", first), ("b.sigstore.json", second)] {
            let predicate = json!({"result": result, "configuration": []});
            desk.says("alice", out, TESTS, &predicate);
        }
        desk.no("predicate-field-mismatch");
    }
}
