//! Bundles that hold less than the default asks for: refused by name, and accepted when it is said, which
//! the report repeats. The bundles are fixtures of the verifier's.

use crate::page::root;
use crate::support::{Ran, World};

fn verify(case: &str, signer: &str, more: &str) -> Ran {
    let case = root().join("fixtures/verify").join(case);
    let signer = signer.replace("CASE", case.to_str().unwrap());
    let case = case.display();
    let line = format!(
        "verify {case}/artifact --bundle {case}/bundle.sigstore.json --trusted-root {case}/trusted_root.json --at 2026-11-21T12:00:00Z {signer} {more}"
    );
    World::new().attest(line.trim_end())
}

const IDENTITY: &str = "--identity release@example.com --issuer https://issuer.example";
const KEY: &str = "--key CASE/key.pub";

/// As GitHub's own instance signs: its trusted root has no logs, which does not make one needless.
#[test]
fn a_timestamp_alone_needs_no_log_to_be_said() {
    let refused = |ran: Ran| {
        let json = ran.json();
        assert_eq!(ran.exit, 1, "{ran:#?}");
        json["evidence"][0]["reasons"][0]["code"].clone()
    };
    let case = "certificate-timestamp-only";
    assert_eq!(
        refused(verify(case, IDENTITY, "--format json")),
        "log-missing"
    );
    let said = verify(case, IDENTITY, "--accept no-log").yes().out;
    assert!(
        said.contains("no entry (no-log was accepted)"),
        "the report does not repeat it: {said}"
    );
    assert!(said.contains("certificate log: "), "{said}");
    let told = "--accept no-time,set-only --format json";
    assert_eq!(refused(verify(case, IDENTITY, told)), "log-missing");
}

#[test]
fn a_signature_alone_needs_both_absences_to_be_said() {
    let case = "message-signature-only";
    for (accept, code) in [
        ("no-log", "time-missing"),
        ("no-time", "log-missing"),
        ("set-only", "log-missing"),
    ] {
        let ran = verify(case, KEY, &format!("--accept {accept} --format json"));
        assert_eq!(ran.exit, 1, "{ran:#?}");
        assert_eq!(ran.json()["evidence"][0]["reasons"][0]["code"], code);
    }
    let said = verify(case, KEY, "--accept no-log,no-time").yes().out;
    for absent in ["no-log was accepted", "no-time was accepted"] {
        assert!(said.contains(absent), "{said}");
    }
}

#[test]
fn a_promise_alone_needs_set_only_to_be_said() {
    let case = "message-set-only";
    let ran = verify(case, KEY, "--accept no-log,no-time --format json");
    assert_eq!(ran.exit, 1, "{ran:#?}");
    let code = &ran.json()["evidence"][0]["reasons"][0]["code"];
    assert_eq!(code, "log-proof-missing");
    let said = verify(case, KEY, "--accept set-only").yes().out;
    assert!(said.contains("set-only was accepted"), "{said}");
}

/// The digest that the key signs is computed for it.
#[test]
fn a_key_that_signs_another_digest_than_sha_256_needs_no_flag() {
    let said = verify("message-ed25519", KEY, "").yes().out;
    assert!(
        said.contains("second opinion of the Sigstore engine"),
        "{said}"
    );
}

/// What one group of a signer forgoes, another does not.
#[test]
fn a_promise_alone_counts_for_no_group_that_requires_a_proof() {
    let case = root().join("fixtures/verify/message-set-only");
    let world = World::new();
    for name in [
        "artifact",
        "bundle.sigstore.json",
        "trusted_root.json",
        "key.pub",
    ] {
        world.write(name, std::fs::read(case.join(name)).unwrap());
    }
    let other = root().join("fixtures/dialects/cosign/key.pub");
    world.write("other.pub", std::fs::read(other).unwrap());
    let group = |name: &str, keys: &str, more: &str| {
        format!("[trust.{name}]\nkind = \"keys\"\nkeys = [{keys}]\n{more}\n")
    };
    let both = group(
        "both",
        "\"key.pub\", \"other.pub\"",
        "threshold = 2\nlog = \"set-only\"",
    );
    let verify = "verify artifact --bundle bundle.sigstore.json --trusted-root trusted_root.json --at 2026-11-21T12:00:00Z --signers signers.toml --format json";
    for (log, exit) in [
        ("log = \"required\"", 1),
        ("", 1),
        ("log = \"set-only\"", 0),
    ] {
        let alone = group("alone", "\"key.pub\"", log);
        world.write("signers.toml", format!("version = 1\n{alone}{both}"));
        let ran = world.attest(verify);
        assert_eq!(ran.exit, exit, "{log}: {ran:#?}");
    }
}
