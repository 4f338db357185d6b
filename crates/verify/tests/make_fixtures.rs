//! Makes the cases of `fixtures/verify` and `fixtures/attacks` that are missing, never changing one that is there:
//!
//! ```text
//! cargo test -p attest-verify --test verify -- --ignored makes_the_missing_cases
//! ```
//!
//! The keys are the same in every run, so that a new case can be made from a parent that is there.

use std::fs;
use std::path::Path;

use attest_provenance::base64;
use attest_verify::{
    Accept, ExpectedClaim, ExpectedIdentity, ExpectedSigner, IdentityPattern, PublicKey,
};
use serde_json::{Value, json};

use crate::fixtures::folder;
use crate::support::authority::{Authority, Certificate, Chain, Token, purpose};
use crate::support::build::{WORKFLOWS, build};
use crate::support::changes::*;
use crate::support::der::*;
use crate::support::issuer::{Between, IDENTITY, ISSUER, Issuer, Signer, email};
use crate::support::keyless::Keyless;
use crate::support::keys::{Key, sha256};
use crate::support::log::Log;
use crate::support::{
    ENTRY, INDEX, PROOF, SIZE, STAMPED, STAMPED_SECONDS, Scene, TIMESTAMPS, V0_1, body_v2,
    trusted_root,
};

#[test]
#[ignore = "writes into fixtures/verify"]
fn makes_the_missing_cases() {
    for parent in PARENTS {
        let place = folder().join(parent.name);
        if !place.exists() {
            write_parent(&place, parent);
        }
    }
    for case in CASES.iter().chain(attacks::ATTACKS) {
        let place = folder().join(case.name);
        if !place.exists() {
            write_case(&place, case);
        }
    }
}

macro_rules! cases {
    ($($name:literal of $parent:literal: $code:literal, $change:literal, $attack:literal, $by:expr;)*) => {
        &[$(Case { name: $name, parent: $parent, change: $change, attack: $attack, code: $code, by: $by }),*]
    };
}

#[path = "make_attacks.rs"]
mod attacks;

struct Parent {
    name: &'static str,
    what: &'static str,
    scene: fn() -> Scene,
}

struct Case {
    name: &'static str,
    parent: &'static str,
    change: &'static str,
    /// The attack, or the flaw of others, that it stands for.
    attack: &'static str,
    code: &'static str,
    by: fn(&mut Scene),
}

const PARENTS: &[Parent] = &[
    Parent {
        name: "message",
        what: "A message signature by a key, in a Rekor v2 log, with a timestamp.",
        scene: message,
    },
    Parent {
        name: "statement",
        what: "A DSSE statement by a key, in a Rekor v2 log as hashedrekord 0.0.2, with a timestamp.",
        scene: statement,
    },
    Parent {
        name: "message-v1",
        what: "A message signature by a key, in a Rekor v1 log with proof and promise, with a timestamp.",
        scene: v1,
    },
    Parent {
        name: "message-p256-log",
        what: "A message signature by a key, in a Rekor v2 log whose key is P-256, with a timestamp.",
        scene: p256_log,
    },
    Parent {
        name: "message-ed25519",
        what: "A message signature by an Ed25519 key over the SHA-512 (Ed25519ph), in a Rekor v2 log, with a timestamp.",
        scene: ed25519,
    },
    Parent {
        name: "message-two-logs",
        what: "A message signature by a key, in one of two trusted Rekor v2 logs, with a timestamp.",
        scene: two_logs,
    },
    Parent {
        name: "message-cosigned",
        what: "A message signature whose checkpoint a witness signed before the log: accepted, the unknown line is ignored.",
        scene: cosigned,
    },
    Parent {
        name: "integrated-time-without-promise",
        what: "An integratedTime that no promise proves: accepted, the time is ignored.",
        scene: unproven_time,
    },
    Parent {
        name: "message-judged-in-2091",
        what: "The same as message-v1, judged by a clock that is given and stands in 2091.",
        scene: judged_in_2091,
    },
    Parent {
        name: "message-odd-authorities",
        what: "A message signature in a root that has two more authorities, whose certificates are not as they must be.",
        scene: odd_authorities,
    },
    Parent {
        name: "certificate",
        what: "A message signature by an identity with a certificate, in a Rekor v2 log, with a timestamp.",
        scene: certificate,
    },
    Parent {
        name: "certificate-of-a-build",
        what: "A message signature by a workflow, whose certificate says what it was built from.",
        scene: certificate_of_a_build,
    },
    Parent {
        name: "certificate-of-intermediate",
        what: "The same, issued by an intermediate certificate that the root has.",
        scene: certificate_of_intermediate,
    },
    Parent {
        name: "certificate-of-intermediate-without-log",
        what: "The same without a log entry, accepted because no-log is.",
        scene: intermediate_without_log,
    },
    Parent {
        name: "certificate-two-times",
        what: "A message signature by an identity with a certificate, with timestamps of two authorities.",
        scene: two_times,
    },
    Parent {
        name: "certificate-timestamp-only",
        what: "A message signature by an identity with a timestamp alone, in a root that has no logs of either kind, as GitHub's own: accepted because no-log is.",
        scene: timestamp_only,
    },
    Parent {
        name: "message-without-promise",
        what: "A message signature in a Rekor v1 log with a proof and a timestamp, and without a promise.",
        scene: without_promise,
    },
    Parent {
        name: "message-set-only",
        what: "A message signature in a Rekor v1 log with a promise and without a proof, in a bundle of version 0.1: accepted because set-only is.",
        scene: set_only,
    },
    Parent {
        name: "message-signature-only",
        what: "A message signature by a key and nothing else, as cosign writes it offline: accepted because no-log and no-time are.",
        scene: signature_only,
    },
    Parent {
        name: "message-v1-no-log-needed",
        what: "The same as message-v1, where no-log is accepted.",
        scene: v1_no_log_needed,
    },
    Parent {
        name: "certificate-chain-0.2",
        what: "The same in a bundle of version 0.2, which carries a chain.",
        scene: certificate_chain,
    },
];

fn key() -> Key {
    Key::named("fixtures: artifact")
}

fn log() -> Log {
    Log::v2("log.example", 7)
}

fn authority() -> Authority {
    let chain = Chain {
        leaf_key: Key::named("fixtures: timestamp"),
        root_key: Key::named("fixtures: timestamp root"),
        ..Chain::default()
    };
    Authority::with("time.example", chain)
}

fn with_our_authority(mut scene: Scene) -> Scene {
    scene.authority = authority();
    scene.set_root("/timestampAuthorities", json!([scene.authority.trusted()]));
    let token = scene.token();
    scene.stamp_with(&token);
    scene
}

fn message() -> Scene {
    with_our_authority(Scene::message_by(key(), log()))
}

fn statement() -> Scene {
    let mut scene = Scene::new(key(), log());
    scene.authority = authority();
    scene.set_root("/timestampAuthorities", json!([scene.authority.trusted()]));
    let payload = crate::support::statement_about(&scene.artifact);
    scene.with_payload(IN_TOTO, payload.as_bytes())
}

fn v1() -> Scene {
    let log = Log {
        key: Key::named("fixtures: v1 log"),
        ..Log::v1("log.example")
    };
    with_our_authority(Scene::message_by(key(), log))
}

fn p256_log() -> Scene {
    let log = Log {
        key: Key::named("fixtures: p256 log"),
        ..Log::v2_p256("log.example")
    };
    with_our_authority(Scene::message_by(key(), log))
}

fn ed25519() -> Scene {
    with_our_authority(Scene::message_by(Key::ed25519ph(5), log()))
}

fn second_log() -> Log {
    Log::v2("second.example", 8)
}

fn two_logs() -> Scene {
    let mut scene = message();
    scene.root = trusted_root(&[&scene.log, &second_log()], &[&scene.authority]);
    scene
}

fn cosigned() -> Scene {
    let mut scene = message();
    checkpoint(&mut scene, |note| {
        let (text, lines) = note.split_once("\n\n").unwrap();
        let witness = Log::v2("witness.example", 9).line(&format!("{text}\n"));
        format!("{text}\n\n{witness}{lines}")
    });
    scene
}

fn unproven_time() -> Scene {
    let mut scene = message();
    scene.set(
        &format!("{ENTRY}/integratedTime"),
        STAMPED_SECONDS.to_string(),
    );
    scene
}

fn judged_in_2091() -> Scene {
    let mut scene = v1();
    scene.now = "2091-01-01T00:00:00Z";
    scene
}

/// Two authorities of which each certificate has a fault.
fn odd(name: &str) -> Authority {
    let purposes = match name {
        "not-critical.example" => purpose(false, &[TIME_STAMPING]),
        _ => purpose(true, &[TIME_STAMPING, CODE_SIGNING]),
    };
    let chain = Chain {
        leaf_extensions: vec![purposes],
        leaf_key: Key::named(name),
        root_key: Key::named("fixtures: timestamp root"),
        ..Chain::default()
    };
    Authority::with(name, chain)
}

fn odd_authorities() -> Scene {
    let mut scene = message();
    scene.set_root(
        "/timestampAuthorities/1",
        odd("not-critical.example").trusted(),
    );
    scene.set_root("/timestampAuthorities/2", odd("for-code.example").trusted());
    scene
}

/// Stamps with one of the odd authorities, as the root has it.
fn stamp_oddly(scene: &mut Scene, index: usize, name: &str) {
    let pointer = format!("/timestampAuthorities/{index}/certChain/certificates/0/rawBytes");
    let leaf = base64::decode(scene.root.pointer(&pointer).unwrap().as_str().unwrap()).unwrap();
    let authority = Authority { leaf, ..odd(name) };
    let token = Token::of(&authority, &scene.signature(), STAMPED).sign(&authority.key);
    scene.stamp(&[token]);
}

fn issuer() -> Issuer {
    Issuer::with(
        Key::named("fixtures: issuer"),
        Key::named("fixtures: certificate log"),
    )
}

fn keyless(signer: &Signer) -> Keyless {
    let mut keyless = Keyless::issued_by(issuer(), signer, key(), false);
    keyless.scene = with_our_authority(keyless.scene);
    keyless
}

fn certificate() -> Scene {
    keyless(&Signer::default()).scene
}

fn certificate_chain() -> Scene {
    let mut scene = certificate();
    let certificate = scene
        .bundle
        .pointer("/verificationMaterial/certificate")
        .unwrap()
        .clone();
    scene.set("/mediaType", crate::support::V0_2);
    scene.remove("/verificationMaterial/certificate");
    scene.set(
        "/verificationMaterial/x509CertificateChain",
        json!({"certificates": [certificate]}),
    );
    scene
}

fn between() -> Between {
    Between {
        key: Key::named("fixtures: intermediate"),
        ..Between::default()
    }
}

fn below(between: Between) -> Scene {
    let signer = Signer::default();
    let keyless = Keyless::issued_by(Issuer::below(issuer(), between), &signer, key(), false);
    with_our_authority(keyless.scene)
}

/// The claims are those of a build on GitHub, in the new extensions and in the old ones.
fn certificate_of_a_build() -> Scene {
    let mut keyless = keyless(&build());
    keyless.scene.expected = ExpectedSigner::Identity(expecting_build(&[
        "source-repository=https://github.com/acme/app",
        "source-repository-ref=refs/tags/v*",
        "build-trigger=push",
    ]));
    keyless.scene
}

fn expecting_build(claims: &[&str]) -> ExpectedIdentity {
    let claims = claims.iter().map(|it| ExpectedClaim::parse(it).unwrap());
    ExpectedIdentity::new(IdentityPattern::parse(WORKFLOWS).unwrap(), ISSUER).claiming(claims)
}

fn expect_claim(scene: &mut Scene, claim: &str) {
    scene.expected = ExpectedSigner::Identity(expecting_build(&[claim]));
}

fn certificate_of_intermediate() -> Scene {
    below(between())
}

const NO_LOG: Accept = Accept {
    no_log: true,
    no_time: false,
    set_only: false,
};

fn intermediate_without_log() -> Scene {
    let mut scene = certificate_of_intermediate();
    scene.set("/verificationMaterial/tlogEntries", json!([]));
    scene.accept = NO_LOG;
    scene
}

fn second_authority() -> Authority {
    let chain = Chain {
        leaf_key: Key::named("fixtures: second timestamp"),
        root_key: Key::named("fixtures: second timestamp root"),
        ..Chain::default()
    };
    Authority::with("second.example", chain)
}

fn two_times() -> Scene {
    let mut scene = certificate();
    scene.set_root("/timestampAuthorities/1", second_authority().trusted());
    stamp_twice(&mut scene, STAMPED);
    scene
}

/// Stamps with both authorities, the second at that time, as the root has them.
fn stamp_twice(scene: &mut Scene, time: &'static str) {
    let pointer = "/timestampAuthorities/1/certChain/certificates/0/rawBytes";
    let leaf = base64::decode(scene.root.pointer(pointer).unwrap().as_str().unwrap()).unwrap();
    let second = Authority {
        leaf,
        ..second_authority()
    };
    let first = scene.token().sign(&scene.authority.key);
    let token = Token::of(&second, &scene.signature(), time).sign(&second.key);
    scene.stamp(&[first, token]);
}

fn timestamp_only() -> Scene {
    let mut scene = certificate();
    scene.set("/verificationMaterial/tlogEntries", json!([]));
    scene.set_root("/tlogs", json!([]));
    scene.set_root("/ctlogs", json!([]));
    scene.accept = NO_LOG;
    scene
}

fn without_promise() -> Scene {
    let mut scene = v1();
    scene.remove(&format!("{ENTRY}/inclusionPromise"));
    scene.remove(&format!("{ENTRY}/integratedTime"));
    scene
}

fn set_only() -> Scene {
    let mut scene = v1();
    scene.set("/mediaType", V0_1);
    scene.remove(PROOF);
    scene.set(TIMESTAMPS, json!([]));
    scene.accept = Accept {
        set_only: true,
        ..Accept::default()
    };
    scene
}

fn signature_only() -> Scene {
    let mut scene = message();
    scene.remove("/verificationMaterial/tlogEntries");
    scene.remove("/verificationMaterial/timestampVerificationData");
    scene.accept = Accept {
        no_log: true,
        no_time: true,
        set_only: false,
    };
    scene
}

fn v1_no_log_needed() -> Scene {
    let mut scene = v1();
    scene.accept = NO_LOG;
    scene
}

/// Another intermediate certificate for the same key, in the root.
fn reissue_below(scene: &mut Scene, between: Between) {
    let mut other = below(between);
    scene.set_root(
        "/certificateAuthorities",
        other.root["certificateAuthorities"].take(),
    );
}

/// The holder of a good certificate issues another one, for somebody else's key.
fn certificate_by_a_signer(scene: &mut Scene) {
    let pointer = "/verificationMaterial/x509CertificateChain/certificates/0";
    let good = scene.bundle.pointer(pointer).unwrap().clone();
    let der = base64::decode(good["rawBytes"].as_str().unwrap()).unwrap();
    let thief = Issuer {
        key: key(),
        // Its subject is empty, as Fulcio's are.
        intermediate: Some(der),
        ..issuer()
    };
    let forged = thief.issue_as("", &Signer::default(), key().spki());
    scene.set(pointer, json!({"rawBytes": base64::encode(&forged)}));
    scene.set(
        "/verificationMaterial/x509CertificateChain/certificates/1",
        good,
    );
    let certificate = format!(
        r#""x509Certificate":{{"rawBytes":"{}"}}"#,
        base64::encode(&forged)
    );
    let key = format!(
        r#""publicKey":{{"rawBytes":"{}"}}"#,
        base64::encode(&key().spki())
    );
    let body = scene.body(false).replace(&key, &certificate);
    log_body(scene, &body);
}

/// Another certificate for the same key, logged and stamped in place of the first.
fn reissue(scene: &mut Scene, signer: &Signer) {
    scene.bundle = keyless(signer).scene.bundle;
    // The authority's certificate is that of the root on the disk.
    let token = scene.token();
    scene.stamp_with(&token);
}

fn write_parent(place: &Path, parent: &Parent) {
    let scene = (parent.scene)();
    fs::create_dir_all(place).unwrap();
    write_json(&place.join("bundle.sigstore.json"), &scene.bundle);
    write_json(&place.join("trusted_root.json"), &scene.root);
    fs::write(place.join("artifact"), &scene.artifact).unwrap();
    let signer = match &scene.expected {
        ExpectedSigner::Key(key) => {
            fs::write(place.join("key.pub"), key.to_pem()).unwrap();
            String::new()
        }
        ExpectedSigner::Identity(it) => {
            format!(
                "identity = \"{}\"\nissuer = \"{}\"\n",
                it.identity(),
                it.issuer()
            )
        }
        ExpectedSigner::Detached(key) => panic!("{key} signs no bundle"),
    };
    let waive = if scene.accept == Accept::default() {
        String::new()
    } else {
        format!("waive = {}\n", waived(scene.accept))
    };
    fs::write(
        place.join("expect.toml"),
        format!("accept = true\nat = \"{}\"\n{waive}{signer}", scene.now),
    )
    .unwrap();
    write_source(place, parent.what, "");
}

fn claims_of(identity: &ExpectedIdentity) -> String {
    let claims: Vec<String> = identity
        .claims()
        .iter()
        .map(|it| format!("\"{it}\""))
        .collect();
    if claims.is_empty() {
        return String::new();
    }
    format!("claims = [{}]\n", claims.join(", "))
}

fn write_case(place: &Path, case: &Case) {
    let parent = PARENTS.iter().find(|it| it.name == case.parent).unwrap();
    let before = read_parent(parent);
    let mut scene = read_parent(parent);
    (case.by)(&mut scene);
    fs::create_dir_all(place).unwrap();
    let mut expect = vec![
        format!("reject = \"{}\"", case.code),
        format!("parent = \"{}\"", case.parent),
        format!("change = \"{}\"", case.change),
    ];
    if scene.bundle != before.bundle {
        write_json(&place.join("bundle.sigstore.json"), &scene.bundle);
    }
    if scene.root != before.root {
        write_json(&place.join("trusted_root.json"), &scene.root);
    }
    if scene.artifact != before.artifact {
        fs::write(place.join("artifact"), &scene.artifact).unwrap();
    }
    match (&scene.expected, &before.expected) {
        (ExpectedSigner::Key(after), ExpectedSigner::Key(before)) if after != before => {
            fs::write(place.join("key.pub"), after.to_pem()).unwrap();
        }
        (ExpectedSigner::Identity(after), ExpectedSigner::Identity(before)) => {
            if after.identity() != before.identity() {
                expect.push(format!("identity = \"{}\"", after.identity()));
            }
            if after.issuer() != before.issuer() {
                expect.push(format!("issuer = \"{}\"", after.issuer()));
            }
            if after.claims() != before.claims() {
                expect.push(claims_of(after).trim_end().to_owned());
            }
        }
        _ => {}
    }
    if scene.accept != before.accept {
        expect.push(format!("waive = {}", waived(scene.accept)));
    }
    if scene.now != before.now {
        expect.push(format!("at = \"{}\"", scene.now));
    }
    if scene.bundle != before.bundle && scene.artifact != before.artifact {
        expect.push("inputs = [\"bundle.sigstore.json\", \"artifact\"]".to_owned());
    }
    fs::write(place.join("expect.toml"), expect.join("\n") + "\n").unwrap();
    let what = format!("`{}`, but {}.", case.parent, case.change);
    write_source(place, &what, case.attack);
}

fn waived(accept: Accept) -> String {
    let words = [
        (accept.no_log, "\"no-log\""),
        (accept.no_time, "\"no-time\""),
        (accept.set_only, "\"set-only\""),
    ];
    let words: Vec<&str> = words.iter().filter(|it| it.0).map(|it| it.1).collect();
    format!("[{}]", words.join(", "))
}

fn write_source(place: &Path, what: &str, attack: &str) {
    let attack = if attack.is_empty() {
        String::new()
    } else {
        format!("\nAttack: {attack}\n")
    };
    let text = format!(
        "{what}\n{attack}\nMade by `crates/verify/tests/make_fixtures.rs`; its keys protect nothing.\n"
    );
    fs::write(place.join("SOURCE.md"), text).unwrap();
}

fn write_json(path: &Path, json: &Value) {
    fs::write(path, serde_json::to_string_pretty(json).unwrap() + "\n").unwrap();
}

/// The parent as it stands on the disk, with the keys to change it.
fn read_parent(parent: &Parent) -> Scene {
    let place = folder().join(parent.name);
    let json = |name: &str| serde_json::from_slice(&fs::read(place.join(name)).unwrap()).unwrap();
    let mut scene = (parent.scene)();
    scene.bundle = json("bundle.sigstore.json");
    scene.root = json("trusted_root.json");
    let certificate = |index: usize| {
        let pointer = format!("/timestampAuthorities/0/certChain/certificates/{index}/rawBytes");
        base64::decode(scene.root.pointer(&pointer).unwrap().as_str().unwrap()).unwrap()
    };
    (scene.authority.leaf, scene.authority.root) = (certificate(0), certificate(1));
    scene
}

const CASES: &[Case] = cases! {
    "proof-hash-flipped" of "message": "log-proof-invalid", "a bit of the first proof hash is flipped", "tampering; every client refuses", |it| flip(it, &format!("{PROOF}/hashes/0"));
    "proof-hash-extra" of "message": "log-proof-invalid", "a hash is added to the proof", "tampering; every client refuses", |it| it.set(&format!("{PROOF}/hashes/4"), base64::encode(&[1; 32]));
    "proof-missing" of "message": "log-proof-missing", "the inclusion proof is removed", "a bundle without proof that it was logged", |it| it.remove(PROOF);
    "proof-without-checkpoint" of "message": "log-proof-missing", "the proof's checkpoint is removed", "a proof that leads to a root that nobody signed", |it| it.remove(&format!("{PROOF}/checkpoint"));
    "proof-dropped-by-media-type" of "message-v1": "log-proof-missing", "the media type says 0.1 and the proof is removed, the promise is kept", "JanssenProject/jans 14636: an unsigned media type steers which checks are made; sigstore-verify 0.15.1 accepts", |it| { it.set("/mediaType", V0_1); it.remove(PROOF); };
    "media-type-0.1-without-promise" of "message": "log-promise-missing", "the media type says 0.1", "the same, of a bundle that has no promise", |it| it.set("/mediaType", V0_1);
    "media-type-unknown" of "message": "bundle-version-unknown", "the media type says 0.4", "a version that nobody has defined", |it| it.set("/mediaType", "application/vnd.dev.sigstore.bundle.v0.4+json");
    "root-hash-altered" of "message": "checkpoint-root-mismatch", "a bit of the proof's rootHash is flipped", "sigstore-js 5 and sigstore-verify 0.15.1 accept", |it| flip(it, &format!("{PROOF}/rootHash"));
    "tree-size-altered" of "message": "checkpoint-size-mismatch", "the proof's treeSize is one more", "sigstore-python, sigstore-js and sigstore-verify accept", |it| it.set(&format!("{PROOF}/treeSize"), (SIZE + 1).to_string());
    "log-index-outer-altered" of "message": "log-index-mismatch", "the entry's logIndex is one more", "sigstore-python and sigstore-js accept", |it| it.set(&format!("{ENTRY}/logIndex"), (INDEX + 1).to_string());
    "log-index-inner-altered" of "message": "log-index-mismatch", "the proof's logIndex is one more", "sigstore-verify 0.15.1 accepts", |it| it.set(&format!("{PROOF}/logIndex"), (INDEX + 1).to_string());
    "log-id-flipped" of "message": "log-unknown", "a bit of the logId is flipped", "sigstore-verify 0.15.1 accepts an unknown log over a trusted checkpoint", |it| flip(it, &format!("{ENTRY}/logId/keyId"));
    "log-untrusted" of "message": "log-unknown", "the entry is in a log that the root does not have", "anybody can keep a log", |it| { let entry = it.entry_in(&Log::v2("untrusted.example", 9), INDEX, SIZE); it.set(ENTRY, entry); };
    "log-entry-missing" of "message": "log-missing", "the log entry is removed", "a signature that nobody saw", |it| it.set("/verificationMaterial/tlogEntries", json!([]));
    "log-entry-twice" of "message": "log-entry-duplicate", "the log entry is given twice", "CVE-2026-49834: one log counted twice; sigstore-verify 0.15.1 accepts", |it| { let entry = it.bundle.pointer(ENTRY).unwrap().clone(); it.set("/verificationMaterial/tlogEntries/1", entry); };
    "log-entry-at-two-places" of "message": "log-entry-duplicate", "the same leaf is given at another index as well", "CVE-2026-49834: one log counted twice", |it| { let entry = it.entry_in(&it.log, 0, SIZE); it.set("/verificationMaterial/tlogEntries/1", entry); };
    "second-entry-without-proof" of "message-two-logs": "log-proof-missing", "an entry of the second log without proof and promise is added", "sigstore-verify 0.15.1 accepts", |it| { let mut entry = it.entry_in(&second_log(), INDEX, SIZE); entry.as_object_mut().unwrap().remove("inclusionProof"); it.set("/verificationMaterial/tlogEntries/1", entry); };
    "entries-2000" of "message": "bundle-too-large", "there are 2000 log entries, all of them empty", "CVE-2024-45395: endless entries; sigstore-verify 0.15.1 accepts", |it| { let entry = json!({}); it.set("/verificationMaterial/tlogEntries", vec![entry; 2000]); };
    "entries-33" of "message": "bundle-too-large", "the log entry is given 33 times", "one entry more than is read", |it| { let entry = it.bundle.pointer(ENTRY).unwrap().clone(); it.set("/verificationMaterial/tlogEntries", vec![entry; 33]); };
    "body-changed" of "message": "log-entry-mismatch", "a bit of the entry's body is flipped", "tampering; every client refuses", |it| flip(it, &format!("{ENTRY}/canonicalizedBody"));
    "kind-version-altered" of "message": "log-entry-mismatch", "the entry is called hashedrekord 0.0.1", "the entry read by other rules than it was written by", |it| it.set(&format!("{ENTRY}/kindVersion/version"), "0.0.1");
    "kind-dsse-0.0.2" of "statement": "log-entry-mismatch", "the entry is called dsse 0.0.2", "the entry read by other rules than it was written by", |it| it.set(&format!("{ENTRY}/kindVersion"), json!({"kind": "dsse", "version": "0.0.2"}));
    "kind-unknown" of "statement": "log-entry-kind-unknown", "the entry is called dsse 0.0.3", "a kind that nobody has defined", |it| it.set(&format!("{ENTRY}/kindVersion"), json!({"kind": "dsse", "version": "0.0.3"}));
    "entry-of-another-digest" of "message": "log-entry-mismatch", "the entry is about another digest", "CVE-2026-22703: any valid log entry was accepted", |it| { let body = body_v2(&sha256(b"other"), &it.signature(), &it.key.spki()); log_body(it, &body); };
    "entry-of-another-signature" of "message": "log-entry-mismatch", "the entry is about another signature", "CVE-2022-36056, CVE-2026-22703: an entry of another signing", |it| { let body = body_v2(&sha256(&it.artifact), &it.key.sign(&it.artifact), &it.key.spki()); log_body(it, &body); };
    "entry-of-another-key" of "message": "log-entry-mismatch", "the entry is about another key", "CVE-2026-22703: any valid log entry was accepted", |it| { let body = body_v2(&sha256(&it.artifact), &it.signature(), &Key::named("fixtures: other").spki()); log_body(it, &body); };
    "entry-with-white-space" of "message": "log-entry-mismatch", "the body has a space more", "two bodies for one meaning", |it| { let body = it.body(false).replace("\"spec\":", "\"spec\": "); log_body(it, &body); };
    "entry-of-the-payload-alone" of "statement": "log-entry-mismatch", "the entry is about the payload's digest instead of the encoding that is signed", "an entry that does not bind the payload type", |it| { let payload = base64::decode(it.bundle["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap(); let body = body_v2(&sha256(&payload), &it.signature(), &it.key.spki()); log_body(it, &body); };
    "checkpoint-size-changed" of "message": "checkpoint-signature-invalid", "the checkpoint's size is one more", "tampering; every client refuses", |it| checkpoint(it, |note| note.replace("\n11\n", "\n12\n"));
    "checkpoint-extension-added" of "message-v1": "checkpoint-signature-invalid", "an extension line is added to the checkpoint", "tampering; every client refuses", |it| checkpoint(it, |note| note.replace("\n\n", "\nextension\n\n"));
    "checkpoint-extension-in-v2" of "message": "checkpoint-malformed", "an extension line is added to the checkpoint of a v2 log", "tampering; every client refuses", |it| checkpoint(it, |note| note.replace("\n\n", "\nextension\n\n"));
    "checkpoint-cut" of "message": "checkpoint-malformed", "the checkpoint has no signature lines", "a tree head that nobody signed", |it| checkpoint(it, |note| note.split_once("\n\n").unwrap().0.to_owned() + "\n");
    "checkpoint-by-witness-alone" of "message-cosigned": "checkpoint-signature-invalid", "the log's own line is removed, the witness' line is kept", "a witness is no log", |it| checkpoint(it, |note| { let mut lines: Vec<&str> = note.split_inclusive('\n').collect(); lines.pop(); lines.concat() });
    "checkpoint-of-another-host" of "message": "checkpoint-origin-mismatch", "the log signed a checkpoint of another origin", "sigstore-verify 0.15.1 accepts; sigstore-go refuses", |it| { let root = root_hash(it); let note = it.log.checkpoint_of("other.example", SIZE, &root); checkpoint(it, |_| note.clone()); };
    "checkpoint-of-another-trusted-log" of "message-two-logs": "checkpoint-origin-mismatch", "the proof and checkpoint are those of the second log, the logId is kept", "sigstore-verify 0.15.1 accepts; sigstore-go refuses", |it| { let entry = it.entry_in(&second_log(), INDEX, SIZE); it.set(PROOF, entry["inclusionProof"].clone()); };
    "checkpoint-by-another-log-of-the-host" of "message": "checkpoint-signature-invalid", "the checkpoint is signed by another key of the same host", "a rotated or stolen log key", |it| { let entry = it.entry_in(&Log::v2("log.example", 8), INDEX, SIZE); it.set(PROOF, entry["inclusionProof"].clone()); };
    "checkpoint-by-an-untrusted-log" of "message": "checkpoint-origin-mismatch", "the proof and checkpoint are those of a log that the root does not have", "anybody can keep a log", |it| { let entry = it.entry_in(&Log::v2("untrusted.example", 9), INDEX, SIZE); it.set(PROOF, entry["inclusionProof"].clone()); };
    "promise-flipped" of "message-v1": "log-promise-invalid", "a bit of the promise is flipped", "a promise that the log did not make", |it| flip(it, &format!("{ENTRY}/inclusionPromise/signedEntryTimestamp"));
    "promise-of-another-entry" of "message-v1": "log-promise-invalid", "the promise is that for another body", "CVE-2022-23649: the promise of another signature stapled on", |it| { let promise = it.log.promise(b"other", STAMPED_SECONDS, INDEX + 1_000_000); it.set(&format!("{ENTRY}/inclusionPromise/signedEntryTimestamp"), base64::encode(&promise)); };
    "integrated-time-backdated" of "message-v1": "log-promise-invalid", "the integratedTime is an hour earlier than the promise says", "TOB-SIGSTORE: a time that nothing authenticates", |it| it.set(&format!("{ENTRY}/integratedTime"), (STAMPED_SECONDS - 3600).to_string());
    "promise-in-a-v2-log" of "message-p256-log": "log-promise-invalid", "a promise is added to the entry of a Rekor v2 log", "a time that no Rekor v2 log gives", |it| { let promise = it.log.promise(it.body(false).as_bytes(), STAMPED_SECONDS, INDEX); it.set(&format!("{ENTRY}/integratedTime"), STAMPED_SECONDS.to_string()); it.set(&format!("{ENTRY}/inclusionPromise"), json!({"signedEntryTimestamp": base64::encode(&promise)})); };
    "integrated-time-is-no-time" of "integrated-time-without-promise": "time-missing", "the timestamps are removed", "an integratedTime that no promise proves, used as a time", |it| it.set(TIMESTAMPS, json!([]));
    "log-key-not-yet-valid" of "message": "log-key-validity", "the log's key starts after the proven time", "CVE-2026-54787: times not checked against the validity of keys", |it| it.set_root("/tlogs/0/publicKey/validFor/start", "2026-11-21T11:30:01Z");
    "log-key-no-longer-valid" of "message": "log-key-validity", "the log's key ended before the proven time", "CVE-2026-54787: times not checked against the validity of keys", |it| it.set_root("/tlogs/0/publicKey/validFor/end", "2026-11-21T11:29:59Z");
    "signature-flipped" of "message": "signature-invalid", "a bit of the signature is flipped", "tampering; every client refuses", |it| { let mut signature = it.signature(); signature[20] ^= 1; it.set("/messageSignature/signature", base64::encode(&signature)); };
    "payload-changed" of "statement": "signature-invalid", "a bit of the payload is flipped", "tampering; every client refuses", |it| flip(it, "/dsseEnvelope/payload");
    "artifact-changed" of "message": "digest-mismatch", "a byte is added to the artifact", "CVE-2022-36056: a bundle of another artifact", |it| it.artifact.push(b'!');
    "artifact-not-a-subject" of "statement": "digest-mismatch", "a byte is added to the artifact", "a statement about another artifact", |it| it.artifact.push(b'!');
    "message-digest-changed" of "message": "digest-mismatch", "a bit of the messageDigest is flipped", "sigstore-python 1651: messageDigest was not compared", |it| flip(it, "/messageSignature/messageDigest/digest");
    "key-of-somebody-else" of "message": "signer-mismatch", "another key is expected", "a bundle of another signer", |it| it.expected = ExpectedSigner::Key(PublicKey::from_spki(&Key::named("fixtures: other").spki()).unwrap());
    "key-hint-of-somebody-else" of "message": "key-hint-mismatch", "the hint is the fingerprint of another key", "a hint that leads to another key", |it| it.set("/verificationMaterial/publicKey/hint", base64::encode(&[7; 32]));
    "key-id-of-somebody-else" of "statement": "key-hint-mismatch", "the envelope's keyid is not the hint", "two names for one key", |it| it.set("/dsseEnvelope/signatures/0/keyid", "other");
    "ed25519-pure" of "message-ed25519": "signature-algorithm-unsupported", "the signature is over the bytes themselves", "no log takes pure Ed25519 signatures of files", |it| { let pure = Key::ed25519(5).sign(&it.artifact); it.set("/messageSignature/signature", base64::encode(&pure)); let body = it.body(false); log_body(it, &body); let token = it.token(); it.stamp_with(&token); };
    "statement-as-message" of "statement": "pae-as-message", "the signature is given as one over the bytes that it covers, and these as the artifact", "a statement's signature approves a file that is its encoding", serve_as_message;
    "two-signatures" of "statement": "signature-count", "the signature is given twice", "TOB-SIGSTORE-9: log and time vouch for one signature, the payload for another", |it| { let signature = it.bundle.pointer("/dsseEnvelope/signatures/0").unwrap().clone(); it.set("/dsseEnvelope/signatures/1", signature); };
    "payload-type-other" of "statement": "payload-type-unknown", "the payload is called JSON", "a payload that cannot be bound to the artifact", |it| { let payload = base64::decode(it.bundle["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap(); sign_payload(it, "application/json", std::str::from_utf8(&payload).unwrap()); };
    "statement-type-other" of "statement": "statement-type-unknown", "the payload's _type is not in-toto's", "sigstore-verify 0.15.1 accepts", |it| edit_payload(it, |text| text.replace("in-toto.io/Statement/v1", "example.com/Statement/v1"));
    "statement-not-json" of "statement": "statement-malformed", "the payload is not JSON", "CVE-2026-39395: a payload that cannot be parsed passed", |it| sign_payload(it, IN_TOTO, "not json");
    "statement-duplicate-key" of "statement": "statement-malformed", "the payload has the key predicateType twice", "two readers, two statements", |it| edit_payload(it, |text| text.replacen('{', r#"{"predicateType":"x","#, 1));
    "statement-git-commit-alone" of "statement": "digest-incomparable", "the subject has a git commit and no digest that suffices", "SHA-1 is no proof of content; sigstore-verify refuses as well", |it| edit_payload(it, |text| { let (start, rest) = text.split_once("\"digest\":{").unwrap(); let (_, end) = rest.split_once('}').unwrap(); format!("{start}\"digest\":{{\"gitCommit\":\"{}\"}}{end}", "01".repeat(20)) });
    "field-unknown" of "message": "bundle-malformed", "the bundle has a field that the format does not", "sigstore-verify 0.15.1 accepts", |it| it.set("/extra", 1);
    "base64-url-alphabet" of "message": "bundle-malformed", "the signature is spelled in another alphabet of base64", "two spellings of one signature; sigstore-verify 0.15.1 accepts", |it| { let signature = it.bundle.pointer("/messageSignature/signature").unwrap().as_str().unwrap().replace('+', "-").replace('/', "_").trim_end_matches('=').to_owned(); it.set("/messageSignature/signature", signature); };
    "time-missing" of "message": "time-missing", "the timestamps are removed", "a signature without a trusted time", |it| it.set(TIMESTAMPS, json!([]));
    "time-twice" of "message": "time-duplicate", "the timestamp is given twice", "one authority counted twice; sigstore-verify 0.15.1 accepts", |it| { let time = it.bundle.pointer(&format!("{TIMESTAMPS}/0")).unwrap().clone(); it.set(&format!("{TIMESTAMPS}/1"), time); };
    "time-of-another-signature" of "message": "time-invalid", "the timestamp is over another signature", "a timestamp from elsewhere", |it| { let token = Token { imprint: (SHA256, sha256(b"other")), ..it.token() }; it.stamp_with(&token); };
    "time-forged" of "message": "time-invalid", "the timestamp is signed by another key", "cosign with --key does not look at it unless it is told to", |it| { let forged = it.token().sign(&Key::named("fixtures: other")); it.stamp(&[forged]); };
    "time-forged-certificate-in-front" of "message": "time-invalid", "the token is signed by a forger whose certificate of the same name stands in front of the real one", "CVE-2026-39984", forge_certificate;
    "time-two-signers" of "message": "time-invalid", "the token has two signers", "which of them is checked", |it| { let token = Token { two_signers: true, ..it.token() }; it.stamp_with(&token); };
    "time-of-unknown-authority" of "message": "time-unknown", "the timestamp is of an authority that the root does not have", "anybody can keep a clock", |it| { let other = Authority::new("unknown.example"); let token = Token::of(&other, &it.signature(), STAMPED).sign(&other.key); it.stamp(&[token]); };
    "time-outside-of-authority-window" of "message": "time-outside-validity", "the authority is trusted from a second later", "TOB-SIGSTORE-11: windows mixed between authorities", |it| it.set_root("/timestampAuthorities/0/validFor/start", "2026-11-21T11:30:01Z");
    "time-in-future" of "message": "time-in-future", "the clock is half an hour and more before the timestamp", "TOB-SIGSTORE: a time in the future", |it| it.now = "2026-11-21T11:24:59Z";
    "time-authority-not-critical" of "message-odd-authorities": "time-certificate-purpose", "the timestamp is of a trusted authority whose purpose is not critical", "openssl and cosign refuse, sigstore-verify 0.15.1 accepts", |it| stamp_oddly(it, 1, "not-critical.example");
    "time-authority-for-code-as-well" of "message-odd-authorities": "time-certificate-purpose", "the timestamp is of a trusted authority that is for code signing as well", "go-witness: purpose of the authority not checked", |it| stamp_oddly(it, 2, "for-code.example");
    "time-authority-chain-broken" of "message": "time-certificate-chain", "the authority's root is another of the same name", "a chain by name alone", |it| { let other = Authority::new("time.example"); it.set_root("/timestampAuthorities/0/certChain/certificates/1/rawBytes", base64::encode(&other.root)); };
    "claim-of-another-repository" of "certificate-of-a-build": "claim-mismatch", "another repository is expected", "CVE-2025-29778: an expectation that is not compared", |it| expect_claim(it, "source-repository=https://github.com/acme/other");
    "claim-of-a-branch" of "certificate-of-a-build": "claim-mismatch", "a branch is expected", "a build from a branch passed off as a release, or the other way round", |it| expect_claim(it, "source-repository-ref=refs/heads/*");
    "claim-that-is-not-there" of "certificate-of-a-build": "claim-missing", "a claim is expected that the certificate does not make", "a rule that is skipped when its field is missing", |it| expect_claim(it, "deployment-environment=production");
    "identity-other" of "certificate": "identity-mismatch", "another identity is expected", "CVE-2022-36056: identity flags ignored", |it| it.expected = ExpectedSigner::exactly("other@example.com", ISSUER);
    "issuer-other" of "certificate": "issuer-mismatch", "another issuer is expected", "CVE-2025-29778: issuer ignored", |it| it.expected = ExpectedSigner::exactly(IDENTITY, "https://other.example");
    "identity-with-control-characters" of "certificate": "identity-mismatch", "the certificate's name goes on with what clears a terminal's line", "a report that shows another identity than the one that it refused", |it| reissue(it, &Signer { names: vec![email("release@example.com\u{1b}[2K\r\nverified")], ..Signer::default() });
    "identity-bidirectional" of "certificate": "certificate-malformed", "the certificate's name has a character that turns the direction of text", "a name that looks like another", |it| reissue(it, &Signer { names: vec![email("\u{202e}moc.elpmaxe@esaeler")], ..Signer::default() });
    "issuer-bidirectional" of "certificate": "issuer-mismatch", "the issuer's name has a character that turns the direction of text", "a name that looks like another", |it| reissue(it, &Signer { issuer: Some("\u{202e}elpmaxe.reussi//:sptth"), old_issuer: Some("\u{202e}elpmaxe.reussi//:sptth"), ..Signer::default() });
    "certificate-of-two-names" of "certificate": "certificate-malformed", "the certificate has a second name", "two verifiers, two identities", |it| reissue(it, &Signer { names: vec![email(IDENTITY), email("other@example.com")], ..Signer::default() });
    "certificate-for-timestamps" of "certificate": "certificate-purpose", "the certificate is for timestamping", "a certificate of the right issuer for another purpose", |it| reissue(it, &Signer { purposes: vec![TIME_STAMPING], ..Signer::default() });
    "certificate-time-in-another-form" of "certificate": "certificate-malformed", "the certificate's end is written with four digits of the year", "two spellings of one certificate: sigstore-python refuses it too", |it| reissue(it, &Signer { validity: ("20261121112500Z", "+20261121113500Z"), ..Signer::default() });
    "certificate-expired" of "certificate": "certificate-outside-validity", "the certificate ended a second before the proven time", "CVE-2026-24122: expired certificates accepted", |it| reissue(it, &Signer { validity: ("20261121112000Z", "20261121112959Z"), ..Signer::default() });
    "certificate-of-unknown-issuer" of "certificate": "certificate-chain-invalid", "the root has another issuer of the same name", "anybody can issue certificates", |it| { let other = Issuer::new(); it.set_root("/certificateAuthorities/0/certChain/certificates/0/rawBytes", base64::encode(&other.root)); };
    "certificate-never-logged" of "certificate": "certificate-transparency-missing", "the certificate has no timestamp of a certificate log", "a certificate issued in secret", |it| reissue(it, &Signer { logged: false, ..Signer::default() });
    "certificate-of-an-authority-of-no-root" of "certificate": "certificate-authority-unknown", "the root has no authority for certificates", "told apart from a forged certificate", |it| it.set_root("/certificateAuthorities", json!([]));
    "certificate-authority-no-longer-valid" of "certificate": "certificate-authority-validity", "the root's window for the authority ended a second before the proven time", "CVE-2026-24122: expired certificates accepted", |it| it.set_root("/certificateAuthorities/0/validFor/end", "2026-11-21T11:29:59Z");
    "certificate-log-of-another-key" of "certificate": "certificate-log-unknown", "the root has another certificate log", "a certificate log that anybody can keep", |it| { let mut other = json!({}); Issuer::with(Key::named("fixtures: issuer"), Key::named("fixtures: other")).trust_in(&mut other); it.set_root("/ctlogs", other["ctlogs"].take()); };
    "certificate-log-not-yet-valid" of "certificate": "certificate-log-validity", "the certificate log's key starts after its timestamp", "CVE-2026-54787: times not checked against the validity of keys", |it| it.set_root("/ctlogs/0/publicKey/validFor/start", "2026-11-21T11:30:01Z");
    "certificate-log-signed-another" of "certificate": "certificate-transparency-invalid", "the certificate's timestamp of the certificate log is that of another certificate", "a timestamp copied from a certificate that was logged", |it| reissue(it, &Signer { logged_another: true, ..Signer::default() });
    "certificate-by-a-signer" of "certificate-chain-0.2": "certificate-chain-invalid", "the certificate is issued by a signer's own certificate, which the chain holds", "basicConstraints ignored: whoever has a certificate can issue more", certificate_by_a_signer;
    "certificate-authority-expired" of "certificate-of-intermediate": "certificate-authority-validity", "the authority's intermediate certificate ended a second before the proven time", "CVE-2026-24122 (cosign): an expired intermediate accepted", |it| reissue_below(it, Between { validity: ("20260101000000Z", "20261121112959Z"), ..between() });
    "certificate-with-root" of "certificate-chain-0.2": "certificate-malformed", "the chain holds its root", "a root that comes with what it should vouch for", |it| it.set("/verificationMaterial/x509CertificateChain/certificates/1", json!({"rawBytes": base64::encode(&issuer().root)}));
    "timestamp-only-not-accepted" of "certificate-timestamp-only": "log-missing", "nothing less is accepted", "a root without logs does not make a log needless", |it| it.accept = Accept::default();
    "set-only-not-accepted" of "message-set-only": "log-proof-missing", "nothing less is accepted", "a promise that the log need not have kept", |it| it.accept = Accept::default();
    "signature-only-not-accepted" of "message-signature-only": "log-missing", "nothing less is accepted", "a signature that nobody saw", |it| it.accept = Accept::default();
    "signature-only-without-time" of "message-signature-only": "time-missing", "the absence of a time is not accepted", "a signature of any time", |it| it.accept = NO_LOG;
    "time-by-the-window-of-another" of "certificate-two-times": "time-outside-validity", "the second authority's window ended before its timestamp, the first's goes on", "TOB-SIGSTORE-11: windows of authorities mixed up", |it| it.set_root("/timestampAuthorities/1/validFor/end", "2026-11-21T11:29:59Z");
    "engine-alone-refuses" of "message-judged-in-2091": "engine-rejected", "the promise is of the year 2090", "where both can judge, both must accept: the engine judges promises by the system's clock", promise_of_2090;
};

fn forge_certificate(scene: &mut Scene) {
    let key = Key::named("fixtures: other");
    let forged = Certificate {
        subject: "time.example",
        issuer: "time.example root",
        serial: 2,
        validity: ("20260101000000Z", "20360101000000Z"),
        spki: key.spki(),
        extensions: vec![purpose(true, &[TIME_STAMPING])],
    };
    let mut token = scene.token();
    token.certificates.insert(0, forged.sign(&key));
    scene.stamp(&[token.sign(&key)]);
}

fn promise_of_2090(scene: &mut Scene) {
    let (time, index) = (3_786_912_000, INDEX + 1_000_000);
    let promise = scene.log.promise(scene.body(true).as_bytes(), time, index);
    scene.set(&format!("{ENTRY}/integratedTime"), time.to_string());
    scene.set(
        &format!("{ENTRY}/inclusionPromise/signedEntryTimestamp"),
        base64::encode(&promise),
    );
}

fn serve_as_message(scene: &mut Scene) {
    scene.artifact = scene.signed_bytes();
    let signature = base64::encode(&scene.signature());
    scene.remove("/dsseEnvelope");
    scene.set("/messageSignature", json!({"signature": signature}));
}
