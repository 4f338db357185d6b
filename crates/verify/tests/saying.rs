//! What evidence says of what it proves, and what a refusal says of what it found.

use attest_digest::{Artifact, Hashes};
use attest_provenance::base64;
use attest_verify::{
    Bundle, Evidence, ExpectedClaim, ExpectedSigner, Subject, TrustedRoot, claim_names,
};
use serde_json::json;

use crate::support::authority::{Authority, Token};
use crate::support::build::{WORKFLOW, build};
use crate::support::issuer::{IDENTITY, ISSUER, Signer, email};
use crate::support::keyless::Keyless;
use crate::support::keys::{Key, sha256};
use crate::support::log::Log;
use crate::support::{
    ENTRY, INDEX, PROOF, SIZE, STAMPED, Scene, TIMESTAMPS, body_v1, body_v2, trusted_root,
};

fn fingerprints(evidence: &Evidence) -> Vec<Vec<u8>> {
    let keys = evidence.keys().iter();
    keys.map(|it| it.fingerprint().to_vec()).collect()
}

#[test]
fn evidence_says_who_signed_what_and_who_saw_it() {
    let mut scene = Scene::message();
    scene.set_root("/timestampAuthorities/0/uri", "https://time.example/tsa");
    let evidence = scene.verify().unwrap();
    let root = TrustedRoot::parse(scene.root.to_string().as_bytes()).unwrap();
    assert_eq!(evidence.key(), Some(&scene.public_key()));
    assert_eq!(fingerprints(&evidence), [sha256(&scene.key.spki())]);
    let digest = evidence.message_digest().unwrap().to_string();
    assert_eq!(
        digest,
        format!("sha256:{}", hex::encode(sha256(&scene.artifact)))
    );
    assert!(evidence.certificate_authority().is_none());
    let (log, time) = (&evidence.logs()[0], &evidence.times()[0]);
    assert_eq!(log.log_id().as_slice(), scene.log.id());
    assert_eq!((log.root(), time.root()), (root.name(), root.name()));
    assert!(log.is_proven());
    assert_eq!(time.authority_uri(), Some("https://time.example/tsa"));
}

#[test]
fn evidence_of_an_identity_says_who_vouches_for_it() {
    let keyless = Keyless::message(&Signer::default());
    let evidence = keyless.scene.verify().unwrap();
    let root = TrustedRoot::parse(keyless.scene.root.to_string().as_bytes()).unwrap();
    let authority = evidence.certificate_authority().unwrap();
    assert_eq!(
        (authority.name(), authority.root()),
        ("issuer root", root.name())
    );
    assert_eq!(evidence.key(), Some(&keyless.scene.public_key()));
    assert_eq!(fingerprints(&evidence), [sha256(&keyless.scene.key.spki())]);
}

/// What counts signers asks it, of each that is accepted.
#[test]
fn evidence_is_by_the_signer_with_issuer_and_claims_and_by_no_other() {
    let keyless = Keyless::message(&build());
    let workflow = |issuer: &str, claims: &[&str]| {
        let exact = ExpectedSigner::exactly(WORKFLOW, issuer);
        let ExpectedSigner::Identity(identity) = exact else {
            panic!("an identity")
        };
        let claims = claims.iter().map(|it| ExpectedClaim::parse(it).unwrap());
        ExpectedSigner::Identity(identity.claiming(claims))
    };
    let evidence = keyless.scene.verify_for(&[workflow(ISSUER, &[])]).unwrap();
    let (name, value) = &evidence.claims()[0];
    let (right, wrong) = (format!("{name}={value}"), format!("{name}={value}x"));
    for (signer, is) in [
        (workflow(ISSUER, &[]), true),
        (workflow(ISSUER, &[&right]), true),
        (workflow(ISSUER, &[&wrong]), false),
        (workflow(ISSUER, &[&right, &wrong]), false),
        (workflow("https://other.example", &[]), false),
        (ExpectedSigner::exactly(IDENTITY, ISSUER), false),
        (ExpectedSigner::Key(keyless.scene.public_key()), false),
    ] {
        assert_eq!(evidence.is_by(&signer), is, "{signer}");
    }
    let by_key = Scene::message().verify().unwrap();
    assert!(!by_key.is_by(&workflow(ISSUER, &[])));
}

#[test]
fn each_claim_has_its_name_and_every_name_is_one() {
    let names: Vec<&str> = claim_names().collect();
    assert!(
        names.contains(&"source-repository") && names.len() > 15,
        "{names:?}"
    );
    for name in names {
        // Values are of a form; some names are others' names for one.
        let forms = [
            "x",
            "https://x.example/y",
            "refs/heads/x",
            "0000000000000000000000000000000000000000",
            "github-hosted",
            "push",
            "public",
            "1",
        ];
        let claim = forms
            .iter()
            .find_map(|it| ExpectedClaim::parse(&format!("{name}={it}")).ok());
        let claim = claim.unwrap_or_else(|| panic!("{name}"));
        assert!(claim_names().any(|it| it == claim.name()), "{name}");
        assert!(claim.to_string().starts_with(claim.name()), "{name}");
    }
    let claim = ExpectedClaim::parse("source-repository=https://github.com/acme/app").unwrap();
    assert_eq!(claim.name(), "source-repository");
}

/// Entries of each kind about another signature and about another key, in the words of the refusal, and the
/// keys that they name: `--key sha256:` looks for its pin there.
#[test]
fn a_refused_entry_says_what_it_is_about() {
    let other = Key::p256();
    for kind in ["dsse 0.0.1", "intoto 0.0.2", "dsse 0.0.2"] {
        let mut scene = Scene::statement();
        if kind != "dsse 0.0.2" {
            scene.log = Log::v1("log.example");
            scene.root = trusted_root(&[&scene.log], &[&scene.authority]);
        }
        let own = scene.signature();
        for (signature, key, wanted) in [
            (
                b"another".to_vec(),
                &scene.key,
                "an entry about another signature",
            ),
            (own, &other, "(claimed)"),
        ] {
            let body = body(kind, &signature, key);
            let (name, version) = kind.split_once(' ').unwrap();
            let entry = scene.log.entry(name, version, body.as_bytes(), INDEX, SIZE);
            let bundle = {
                let mut bundle = scene.bundle.clone();
                *bundle.pointer_mut(ENTRY).unwrap() = entry;
                bundle.to_string()
            };
            let refused = scene.verify_bytes(bundle.as_bytes()).unwrap_err();
            assert_eq!(refused.0, "log-entry-mismatch", "{kind}");
            assert!(refused.1.contains(wanted), "{kind}: {}", refused.1);
            let bundle = Bundle::parse(bundle.as_bytes()).unwrap();
            let named = bundle.claimed_keys().remove(0);
            assert_eq!(named.spki(), key.spki(), "{kind}");
        }
    }
}

fn body(kind: &str, signature: &[u8], key: &Key) -> String {
    let once = base64::encode(signature);
    let pem = attest_verify::PublicKey::from_spki(&key.spki())
        .unwrap()
        .to_pem();
    let pem = base64::encode(pem.as_bytes());
    let spec = match kind {
        "dsse 0.0.1" => json!({"signatures": [{"signature": once, "verifier": pem}]}),
        "intoto 0.0.2" => json!({"content": {"envelope": {"signatures": [
            {"sig": base64::encode(once.as_bytes()), "publicKey": pem},
        ]}}}),
        _ => json!({"dsseV002": {"signatures": [{
            "content": once,
            "verifier": {"publicKey": {"rawBytes": base64::encode(&key.spki())}},
        }]}}),
    };
    json!({"spec": spec}).to_string()
}

/// A Rekor v1 log names the certificate.
#[test]
fn an_entry_about_another_certificate_says_so() {
    let mut keyless = Keyless::message(&Signer::default());
    let scene = &mut keyless.scene;
    scene.log = Log::v1("log.example");
    let key = scene.public_key();
    let good = body_v1(&sha256(&scene.artifact), &scene.signature(), &key);
    let pem = base64::encode(key.to_pem().as_bytes());
    let certificate = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        base64::encode(b"0other")
    );
    assert!(good.contains(&pem));
    let body = good.replace(&pem, &base64::encode(certificate.as_bytes()));
    let entry = scene
        .log
        .entry("hashedrekord", "0.0.1", body.as_bytes(), INDEX, SIZE);
    scene.set(ENTRY, entry);
    let refused = scene.verify().unwrap_err();
    assert_eq!(refused.0, "log-entry-mismatch");
    assert!(refused.1.contains("another certificate"), "{}", refused.1);
}

#[test]
fn an_entry_of_a_file_says_in_what_it_differs() {
    let mut scene = Scene::message();
    let (digest, signature, spki) = (sha256(&scene.artifact), scene.signature(), scene.key.spki());
    let other = Key::p256().spki();
    let good = body_v2(&digest, &signature, &spki);
    let white = good.replacen(':', ": ", 1);
    for (body, wanted) in [
        (
            body_v2(&sha256(b"other"), &signature, &spki),
            "an entry about sha256:",
        ),
        (
            body_v2(&digest, b"other", &spki),
            "an entry about another signature",
        ),
        (
            body_v2(&digest, &signature, &other),
            "an entry about key sha256:",
        ),
        (white, "another body"),
    ] {
        let entry = scene
            .log
            .entry("hashedrekord", "0.0.2", body.as_bytes(), INDEX, SIZE);
        scene.set(ENTRY, entry);
        let refused = scene.verify().unwrap_err();
        assert_eq!(refused.0, "log-entry-mismatch");
        assert!(refused.1.contains(wanted), "{wanted}: {}", refused.1);
    }
}

/// Two leaves at one place are a fork of the log, whatever the second says.
#[test]
fn a_second_entry_at_the_same_place_is_a_repetition_whatever_it_says() {
    for (index, code) in [
        (INDEX, "log-entry-duplicate"),
        (INDEX - 1, "log-entry-mismatch"),
    ] {
        let mut scene = Scene::message();
        let body = body_v2(&sha256(b"other"), &scene.signature(), &scene.key.spki());
        let entry = scene
            .log
            .entry("hashedrekord", "0.0.2", body.as_bytes(), index, SIZE);
        scene.set("/verificationMaterial/tlogEntries/1", entry);
        assert_eq!(scene.code(), code, "{index}");
    }
}

#[test]
fn an_unknown_log_is_named_as_it_names_itself() {
    let mut scene = Scene::message();
    let entry = scene.entry_in(&Log::v2("untrusted.example", 9), INDEX, SIZE);
    scene.set(ENTRY, entry);
    let refused = scene.verify().unwrap_err();
    assert_eq!(refused.0, "log-unknown");
    assert!(
        refused.1.contains(" of untrusted.example (claimed)"),
        "{}",
        refused.1
    );
}

#[test]
fn a_statement_about_something_else_says_how_many_subjects_it_has() {
    let mut scene = Scene::statement();
    scene.artifact.push(b'!');
    let refused = scene.verify().unwrap_err();
    assert_eq!(refused.0, "digest-mismatch");
    assert!(
        !refused.1.contains("one of the statement's"),
        "{}",
        refused.1
    );
    let subject = |name: &str, bytes: &[u8]| json!({"name": name, "digest": {"sha256": hex::encode(sha256(bytes))}});
    let payload = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [subject("a", b"a"), subject("b", b"b")],
        "predicateType": "https://example.com/x",
        "predicate": {},
    });
    let scene = Scene::statement().with_payload(
        "application/vnd.in-toto+json",
        payload.to_string().as_bytes(),
    );
    let refused = scene.verify().unwrap_err();
    assert_eq!(refused.0, "digest-mismatch");
    assert!(
        refused.1.contains("one of the statement's 2 subjects"),
        "{}",
        refused.1
    );
}

/// A signature that verifies over nothing at hand, beside a digest that is not the artifact's.
#[test]
fn a_signature_of_nothing_beside_another_digest_is_about_another_artifact() {
    let mut scene = Scene::message();
    scene.set(
        "/messageSignature/signature",
        base64::encode(&Key::p256().sign(b"x")),
    );
    assert_eq!(scene.code(), "signature-invalid");
    let digest = json!(base64::encode(&sha256(b"other")));
    scene.set("/messageSignature/messageDigest/digest", digest);
    assert_eq!(scene.code(), "digest-mismatch");
}

#[test]
fn a_bundle_says_whom_it_claims_to_be_by() {
    let claimed = |scene: &Scene| {
        let bundle = Bundle::parse(scene.bundle.to_string().as_bytes()).unwrap();
        bundle.claimed_identity()
    };
    let both = Some((IDENTITY.to_owned(), Some(ISSUER.to_owned())));
    assert_eq!(claimed(&Keyless::message(&Signer::default()).scene), both);
    let old = Signer {
        issuer: None,
        ..Signer::default()
    };
    assert_eq!(claimed(&Keyless::message(&old).scene), both);
    let workflow = Keyless::message(&build());
    assert_eq!(claimed(&workflow.scene).unwrap().0, WORKFLOW);
    let two = Signer {
        names: vec![email(IDENTITY), email("b@example.com")],
        ..Signer::default()
    };
    assert_eq!(claimed(&Keyless::message(&two).scene), None);
    assert_eq!(claimed(&Scene::message()), None);
}

#[test]
fn who_is_not_wanted_is_named_as_claimed() {
    let mut keyless = Keyless::message(&Signer::default()).scene;
    keyless.expected = Scene::message().expected;
    let refused = keyless.verify().unwrap_err();
    assert_eq!(refused.0, "signer-mismatch");
    let name = "a certificate of release@example.com (claimed)";
    assert!(refused.1.contains(name), "{}", refused.1);
    let mut scene = Scene::message();
    scene.expected = ExpectedSigner::exactly(IDENTITY, ISSUER);
    scene.set("/verificationMaterial/publicKey/hint", "somebody");
    let refused = scene.verify().unwrap_err();
    assert_eq!(refused.0, "signer-mismatch");
    let name = "a key that is called somebody (claimed)";
    assert!(refused.1.contains(name), "{}", refused.1);
    // A fingerprint leads to the one key of several that has it, and to no other.
    let scene = Scene::message();
    let (own, other) = (scene.expected.clone(), Scene::message());
    let mut hinted = Scene {
        bundle: scene.bundle.clone(),
        ..Scene::message()
    };
    hinted.root = scene.root.clone();
    hinted.artifact.clone_from(&scene.artifact);
    let fingerprint = base64::encode(&sha256(&other.key.spki()));
    hinted.set("/verificationMaterial/publicKey/hint", fingerprint);
    for expected in [[own.clone(), other.expected.clone()], [other.expected, own]] {
        let refused = hinted.verify_for(&expected).unwrap_err();
        assert_eq!(refused.0, "signer-mismatch");
    }
}

#[test]
fn an_unknown_authority_is_named_as_it_names_itself() {
    let mut scene = Scene::message();
    let other = Authority::new("unknown.example");
    let token = Token::of(&other, &scene.signature(), STAMPED).sign(&other.key);
    scene.stamp(&[token]);
    let refused = scene.verify().unwrap_err();
    assert_eq!(refused.0, "time-unknown");
    assert!(refused.1.contains("unknown.example"), "{}", refused.1);
}

#[test]
fn of_several_who_did_not_sign_all_are_named_and_of_one_what_was_wanted() {
    let mut scene = Scene::message();
    scene.set(
        "/messageSignature/signature",
        base64::encode(&Key::p256().sign(b"x")),
    );
    let own = scene.expected.clone();
    let other = ExpectedSigner::Key(Scene::message().public_key());
    scene.remove("/verificationMaterial/publicKey/hint");
    let alone = scene.verify_for(std::slice::from_ref(&own)).unwrap_err();
    assert!(alone.1.contains("wanted one by"), "{}", alone.1);
    let both = scene.verify_for(&[own.clone(), other.clone()]).unwrap_err();
    let all = format!("{own} or {other}");
    assert!(both.1.contains(&all), "{}", both.1);
    // What is found out with the right key says more.
    let mut scene = Scene::message();
    scene.artifact.push(b'!');
    let both = scene
        .verify_for(&[other, scene.expected.clone()])
        .unwrap_err();
    assert_eq!(both.0, "digest-mismatch");
    assert!(!both.1.contains(" or "), "{}", both.1);
}

/// What failed may have been the time.
#[test]
fn a_time_is_not_missed_beside_what_may_have_been_it() {
    let codes = |scene: &Scene| {
        let bundle = Bundle::parse(scene.bundle.to_string().as_bytes()).unwrap();
        let artifact = Artifact::of_bytes(&scene.artifact, Hashes::Sha256);
        let verifier = scene.verifier().unwrap();
        let subject = Subject::Artifact(&artifact);
        let refused = verifier
            .verify(&bundle, &subject, &scene.expected)
            .unwrap_err();
        let checks = refused.checks().iter();
        checks.map(attest_verify::Check::code).collect::<Vec<_>>()
    };
    let mut scene = Scene::message();
    let token = scene.token().sign(&Key::p256());
    let good = scene.bundle.clone();
    scene.remove(TIMESTAMPS);
    assert_eq!(codes(&scene), ["time-missing"]);
    scene.set(&format!("{PROOF}/rootHash"), base64::encode(&[7; 32]));
    assert_eq!(codes(&scene), ["checkpoint-root-mismatch"]);
    scene.bundle = good.clone();
    scene.stamp(&[token]);
    assert_eq!(codes(&scene), ["time-invalid"]);
    scene.bundle = good;
    scene.remove(TIMESTAMPS);
    scene.set("/verificationMaterial/tlogEntries", json!([]));
    assert_eq!(codes(&scene), ["log-missing", "time-missing"]);
}
