//! Several signers: who counts as one, and how many are enough. Everybody signs through one home, with
//! a key of their own.

use std::fs;
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::{copy, lone_code, reason, sha256};
use crate::support::{Ran, World};

const RELEASE: &str = "https://in-toto.io/attestation/release/v0.2";

/// A world with a log, a timestamp authority, and the keys of Alice, Bob and Carol.
pub(crate) struct People {
    pub(crate) world: World,
}

impl People {
    pub(crate) fn new() -> Self {
        static TEMPLATE: OnceLock<World> = OnceLock::new();
        let template = TEMPLATE.get_or_init(|| {
            let world = World::new();
            world.attest("init --no-password --export out").yes();
            for name in ["alice", "bob", "carol"] {
                world
                    .attest(&format!("key generate {name}.key --no-password"))
                    .yes();
            }
            world
        });
        let world = World::new();
        copy(&template.at("."), world.path());
        Self { world }
    }

    /// Signs a file with this person's key.
    pub(crate) fn sign(&self, who: &str, file: &str, out: &str) {
        self.world
            .attest(&format!(
                "sign {file} --key {who}.key --out {out} --no-password --force"
            ))
            .yes();
    }

    /// Signs a statement with this person's key.
    fn state(&self, who: &str, out: &str, predicate: &Value, files: &[(&str, &[u8])]) {
        let subjects: Vec<Value> = files
            .iter()
            .map(|(name, bytes)| json!({"name": name, "digest": {"sha256": sha256(bytes)}}))
            .collect();
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": subjects,
            "predicateType": RELEASE,
            "predicate": predicate,
        });
        self.world.write("statement.json", statement.to_string());
        self.world
            .attest(&format!(
                "sign --statement statement.json --key {who}.key --out {out} --no-password"
            ))
            .yes();
    }

    /// Verifies with these flags, split at spaces.
    pub(crate) fn verify(&self, arguments: &str) -> Ran {
        self.world.attest(&format!(
            "verify {arguments} --trusted-root out/trusted_root.json --format json"
        ))
    }
}

fn purl(version: &str) -> Value {
    json!({"purl": format!("pkg:generic/hello@{version}")})
}

fn counted(ran: &Ran) -> (u64, u64) {
    let signers = &ran.json()["subjects"][0]["signers"];
    let number = |field: &str| signers[field].as_u64().unwrap_or_default();
    (number("found"), number("wanted"))
}

fn codes(ran: &Ran) -> Vec<String> {
    let report = ran.json();
    let files = report["subjects"][0]["files"].as_array().unwrap().clone();
    let word = |file: &Value| {
        let code = file["code"].as_str().or(file["verdict"].as_str()).unwrap();
        format!("{} {code}", file["path"].as_str().unwrap())
    };
    files.iter().map(word).collect()
}

const BOTH: &str = "--key alice.pub --key bob.pub";

/// A file that Alice and Bob have signed.
fn signed_by_two() -> People {
    let people = People::new();
    people.world.write("x", "x");
    people.sign("alice", "x", "x.sigstore.json");
    people.sign("bob", "x", "x.sigstore");
    people
}

#[test]
fn any_of_several_keys_satisfies() {
    let people = signed_by_two();
    for trust in [
        "--key alice.pub",
        "--key bob.pub",
        BOTH,
        "--key carol.pub --key bob.pub",
    ] {
        let ran = people.verify(&format!("x {trust}"));
        assert_eq!(ran.exit, 0, "{trust}: {ran:#?}");
    }
    let ran = people.verify("x --key carol.pub --key out/release.pub");
    assert_eq!((ran.exit, lone_code(&ran).as_str()), (1, "signer-mismatch"));
}

#[test]
fn two_signers_are_two_and_the_report_says_who() {
    let people = signed_by_two();
    let ran = people.verify(&format!("x {BOTH} --require 2")).yes();
    assert_eq!(counted(&ran), (2, 2));
    let approvals = ran.json()["subjects"][0]["signers"]["approvals"].clone();
    let who: Vec<&str> = approvals
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["signer"].as_str().unwrap())
        .collect();
    assert_eq!(who.len(), 2);
    assert_ne!(who[0], who[1]);
    let ran = people.verify("x --key alice.pub --key carol.pub --require 2");
    assert_eq!((ran.exit, lone_code(&ran).as_str()), (1, "signers-too-few"));
    assert_eq!(counted(&ran), (1, 2));
    let ran = people.verify(&format!("x {BOTH} --key carol.pub --require 3"));
    assert_eq!((ran.exit, lone_code(&ran).as_str()), (1, "signers-too-few"));
}

/// CVE-2026-49834, RUSTSEC-2020-0024: what is counted is who signed, never what they made.
#[test]
fn one_signer_who_signs_twice_is_one() {
    let people = signed_by_two();
    people.sign("alice", "x", "x.sigstore");
    let ran = people.verify(&format!("x {BOTH} --require 2"));
    assert_eq!((ran.exit, lone_code(&ran).as_str()), (1, "signers-too-few"));
    assert_eq!(counted(&ran), (1, 2));
    // Nor does the same bundle count under a second name, or when it is named twice.
    fs::copy(
        people.world.at("x.sigstore.json"),
        people.world.at("x.sigstore"),
    )
    .unwrap();
    for more in ["", "--bundle x.sigstore.json --bundle x.sigstore"] {
        let ran = people.verify(&format!("x {BOTH} --require 2 {more}"));
        assert_eq!((ran.exit, lone_code(&ran).as_str()), (1, "signers-too-few"));
    }
}

#[test]
fn one_key_under_two_flags_is_one_signer() {
    let people = signed_by_two();
    fs::copy(people.world.at("alice.pub"), people.world.at("also.pub")).unwrap();
    let key = attest_verify::PublicKey::parse(&people.world.read("alice.pub")).unwrap();
    let pin = format!("sha256:{}", hex::encode(key.fingerprint()));
    for other in ["also.pub", "alice.pub", &pin] {
        people
            .verify(&format!("x --key alice.pub --key {other} --require 2"))
            .refused(2, "signers-unsatisfiable");
    }
}

#[test]
fn what_can_never_be_satisfied_is_a_bad_request() {
    let people = signed_by_two();
    for require in ["0", "3", "18446744073709551615"] {
        people
            .verify(&format!("x {BOTH} --require {require}"))
            .refused(2, "signers-unsatisfiable");
    }
    people.verify("x --require 1").refused(2, "signer-required");
    people
        .verify("x --key alice.pub --require -1")
        .refused(2, "bad-arguments");
}

#[test]
fn a_digest_needs_the_bundles_of_as_many_signers() {
    let people = signed_by_two();
    let digest = format!("sha256:{}", sha256(b"x"));
    let bundles = "--bundle x.sigstore.json --bundle x.sigstore";
    people
        .verify(&format!("{digest} {BOTH} --require 2 {bundles}"))
        .yes();
    let ran = people.verify(&format!(
        "{digest} {BOTH} --require 2 --bundle x.sigstore.json"
    ));
    assert_eq!((ran.exit, lone_code(&ran).as_str()), (1, "signers-too-few"));
    let ran = people.verify(&format!(
        "{digest} {BOTH} --require 2 --bundle x.sigstore.json --bundle nowhere"
    ));
    assert_eq!(
        (ran.exit, lone_code(&ran).as_str()),
        (3, "bundle-unreadable")
    );
}

#[test]
fn a_checksums_file_needs_as_many_signers() {
    let people = People::new();
    let list = format!("{}  x\n", sha256(b"x"));
    people.world.write("made/x", "x");
    people.world.write("made/SHA256SUMS", &list);
    people.sign("alice", "made/SHA256SUMS", "made/SHA256SUMS.sigstore.json");
    let ask = format!("made/SHA256SUMS {BOTH} --require 2");
    let ran = people.verify(&ask);
    assert_eq!((ran.exit, reason(&ran).as_str()), (1, "signers-too-few"));
    assert_eq!(ran.json()["subjects"][0]["files"], json!([]));
    people.sign("bob", "made/SHA256SUMS", "made/SHA256SUMS.sigstore");
    let ran = people.verify(&ask).yes();
    assert_eq!(counted(&ran), (2, 2));
    people.world.write("made/x", "changed");
    let ran = people.verify(&ask);
    assert_eq!(
        (ran.exit, codes(&ran)),
        (1, vec!["x digest-mismatch".into()])
    );
}

/// A folder of two files, of which both have said that it is the release.
fn folder_of_two() -> People {
    let people = People::new();
    people.world.write("made/x", "x");
    people.world.write("made/y", "y");
    let files: &[(&str, &[u8])] = &[("x", b"x"), ("y", b"y")];
    people.state("alice", "made/alice.sigstore.json", &purl("1.0.0"), files);
    people.state("bob", "made/bob.sigstore.json", &purl("1.0.0"), files);
    people
}

#[test]
fn each_path_of_a_folder_needs_as_many_signers() {
    let people = folder_of_two();
    let ask = format!("made {BOTH} --require 2");
    let ran = people.verify(&ask).yes();
    assert_eq!(counted(&ran), (2, 2));
    people.verify(&format!("made {BOTH}")).yes();
    fs::remove_file(people.world.at("made/bob.sigstore.json")).unwrap();
    people.verify(&format!("made {BOTH}")).yes();
    let ran = people.verify(&ask);
    assert_eq!(ran.exit, 1);
    assert_eq!(
        codes(&ran),
        [
            "alice.sigstore.json evidence",
            "x signers-too-few",
            "y signers-too-few"
        ]
    );
}

#[test]
fn a_file_that_only_one_of_two_signed_is_named() {
    let people = folder_of_two();
    fs::remove_file(people.world.at("made/bob.sigstore.json")).unwrap();
    people.state(
        "bob",
        "made/bob.sigstore.json",
        &purl("1.0.0"),
        &[("x", b"x")],
    );
    let ran = people.verify(&format!("made {BOTH} --require 2"));
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert!(
        codes(&ran).contains(&"y signers-too-few".to_owned()),
        "{ran:#?}"
    );
    assert!(codes(&ran).contains(&"x verified".to_owned()), "{ran:#?}");
}

/// What Alice said of one file and Bob of the other is no release of either.
#[test]
fn files_that_different_people_signed_do_not_add_up_to_one_folder() {
    let people = People::new();
    people.world.write("made/x", "x");
    people.world.write("made/y", "y");
    people.state(
        "alice",
        "made/alice.sigstore.json",
        &purl("1.0.0"),
        &[("x", b"x")],
    );
    people.state(
        "bob",
        "made/bob.sigstore.json",
        &purl("1.0.0"),
        &[("y", b"y")],
    );
    let ran = people.verify(&format!("made {BOTH}"));
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert!(
        codes(&ran).contains(&"y file-unattested".to_owned()),
        "{ran:#?}"
    );
}

#[test]
fn two_signers_of_a_folder_mean_the_same_release() {
    let people = folder_of_two();
    fs::remove_file(people.world.at("made/bob.sigstore.json")).unwrap();
    let files: &[(&str, &[u8])] = &[("x", b"x"), ("y", b"y")];
    people.state("bob", "made/bob.sigstore.json", &purl("2.0.0"), files);
    let ran = people.verify(&format!("made {BOTH} --require 2"));
    assert_eq!(
        (ran.exit, reason(&ran).as_str()),
        (1, "release-inconsistent"),
        "{ran:#?}"
    );
    let ran = people.verify(&format!("made {BOTH} --require 2 --release hello@1.0.0"));
    assert_eq!(ran.exit, 1, "{ran:#?}");
    people
        .verify(&format!("made {BOTH} --release hello@1.0.0"))
        .yes();
}

#[test]
fn bundles_without_names_are_counted_for_each_file() {
    let people = People::new();
    for name in ["x", "y"] {
        people.world.write(&format!("made/{name}"), name);
        let file = format!("made/{name}");
        people.sign("alice", &file, &format!("{file}.sigstore.json"));
    }
    people.sign("bob", "made/x", "made/x.sigstore");
    let ran = people.verify(&format!("made {BOTH} --require 2 --accept no-names"));
    assert_eq!(ran.exit, 1, "{ran:#?}");
    let codes = codes(&ran);
    assert!(codes.contains(&"x verified".to_owned()), "{codes:?}");
    assert!(codes.contains(&"y signers-too-few".to_owned()), "{codes:?}");
    people.sign("bob", "made/y", "made/y.sigstore");
    people
        .verify(&format!("made {BOTH} --require 2 --accept no-names"))
        .yes();
    // Of two who each signed one file, any one suffices for it.
    fs::remove_file(people.world.at("made/x.sigstore.json")).unwrap();
    fs::remove_file(people.world.at("made/y.sigstore")).unwrap();
    people
        .verify(&format!("made {BOTH} --accept no-names"))
        .yes();
}

#[test]
fn an_archived_release_needs_as_many_signers() {
    let people = folder_of_two();
    let trust = "--trusted-root out/trusted_root.json --format json";
    people
        .world
        .attest(&format!(
            "archive add made --archive kept {BOTH} --require 2 {trust}"
        ))
        .yes();
    let ask = |who: &str| {
        people
            .world
            .attest(&format!("archive verify --archive kept {who} {trust}"))
    };
    ask(&format!("{BOTH} --require 2")).yes();
    let ran = ask("--key alice.pub --key carol.pub --require 2");
    assert_eq!(ran.exit, 1, "{ran:#?}");
    assert!(
        codes(&ran).contains(&"x signers-too-few".to_owned()),
        "{ran:#?}"
    );
}

#[test]
fn identities_are_exact_or_patterns_and_never_expressions() {
    let people = signed_by_two();
    let issuer = "--issuer https://issuer.example";
    for (identity, code) in [
        (".*@example.com", "bad-identity"),
        ("^a@example.com$", "bad-identity"),
        ("a@*", "bad-identity"),
        ("*", "bad-identity"),
        ("https://github.com/*", "bad-identity"),
        ("https://*/acme/app", "bad-identity"),
    ] {
        people
            .verify(&format!("x --identity {identity} {issuer}"))
            .refused(2, code);
    }
    for issuer in ["https://issuer.example/*", "^https://issuer.example"] {
        people
            .verify(&format!("x --identity a@example.com --issuer {issuer}"))
            .refused(2, "bad-identity");
    }
    let ran = people.verify(&format!("x --identity *@example.com {issuer}"));
    assert_eq!((ran.exit, lone_code(&ran).as_str()), (1, "signer-mismatch"));
}

#[test]
fn issuers_are_given_once_for_all_or_once_for_each() {
    let people = signed_by_two();
    let two = "--identity a@example.com --certificate-identity b@example.com";
    let issuer = "--certificate-oidc-issuer https://issuer.example";
    for arguments in [
        format!("x --key alice.pub {two} {issuer}"),
        format!("x --key alice.pub {two} {issuer} {issuer} --require 1"),
    ] {
        people.verify(&arguments).yes();
    }
    people
        .verify(&format!("x {two} {issuer} {issuer} {issuer}"))
        .refused(2, "bad-arguments");
    people
        .verify(&format!("x --key alice.pub {two}"))
        .refused(2, "bad-arguments");
}
