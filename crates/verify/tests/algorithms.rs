//! Every algorithm that logs take, with keys and with certificates, in every kind of entry.

use attest_digest::{Artifact, Hashes};
use attest_provenance::base64;
use attest_verify::{Bundle, Skipped, Subject};

use crate::support::changes::IN_TOTO;
use crate::support::issuer::{Issuer, Signer};
use crate::support::keyless::Keyless;
use crate::support::keys::{Key, sha256};
use crate::support::log::Log;
use crate::support::{ENTRY, INDEX, SIZE, STAMPED_SECONDS, Scene, statement_about};

/// The allow-list of Rekor v2.
fn all() -> Vec<Key> {
    vec![
        Key::p256(),
        Key::p384(),
        Key::p521(),
        Key::rsa2048(),
        Key::rsa3072(),
        Key::rsa4096(),
        Key::ed25519ph(5),
    ]
}

fn message(key: Key, log: Log) -> Scene {
    let mut scene = Scene::message_by(key, log);
    // Another digest than SHA-256 may be claimed there; it is computed all the same.
    scene.remove("/messageSignature/messageDigest");
    scene
}

fn statement(key: Key, log: Log) -> Scene {
    let scene = Scene::new(key, log);
    let payload = statement_about(&scene.artifact);
    scene.with_payload(IN_TOTO, payload.as_bytes())
}

/// Puts an entry of that kind, with a proof that holds, in place of the scene's.
fn log_as(scene: &mut Scene, kind: &str, version: &str, body: &str) {
    let log = &scene.log;
    let mut entry = log.entry(kind, version, body.as_bytes(), INDEX, SIZE);
    if log.v1 {
        let promise = log.promise(body.as_bytes(), STAMPED_SECONDS, INDEX);
        entry["integratedTime"] = STAMPED_SECONDS.to_string().into();
        entry["inclusionPromise"] =
            serde_json::json!({"signedEntryTimestamp": base64::encode(&promise)});
    }
    scene.set(ENTRY, entry);
}

fn payload_of(scene: &Scene) -> Vec<u8> {
    base64::decode(scene.bundle["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap()
}

/// Both judges, or ours alone where the engine cannot read the kind.
fn accepted(scene: &Scene, what: &str) {
    let evidence = scene.verify().unwrap_or_else(|it| panic!("{what}: {it:?}"));
    for skipped in evidence.skipped() {
        assert!(
            matches!(skipped, Skipped::Engine { .. }),
            "{what}: {skipped}"
        );
    }
}

#[test]
fn every_algorithm_of_rekor_v2_signs_messages_and_statements() {
    for (index, key) in all().into_iter().enumerate() {
        let details = key.details();
        let mut scene = message(key, Log::v2("log.example", 7));
        accepted(&scene, details);
        let evidence = scene.verify().unwrap();
        assert_eq!(evidence.skipped().is_empty(), index == 0, "{details}");
        scene.artifact.push(b'!');
        assert_eq!(scene.code(), "digest-mismatch", "{details}");
    }
    for key in all() {
        let details = key.details();
        let mut scene = statement(key, Log::v2("log.example", 7));
        accepted(&scene, details);
        let mut signature = scene.signature();
        *signature.last_mut().unwrap() ^= 1;
        scene.set("/dsseEnvelope/signatures/0/sig", base64::encode(&signature));
        assert_eq!(scene.code(), "signature-invalid", "{details}");
    }
}

#[test]
fn every_algorithm_of_rekor_v2_signs_with_certificates() {
    for statement in [false, true] {
        for key in all() {
            let details = key.details();
            let signer = Signer::default();
            let keyless = Keyless::issued_by(Issuer::new(), &signer, key, statement);
            accepted(&keyless.scene, details);
        }
    }
}

#[test]
fn the_digest_that_the_key_signs_is_needed_and_said_to_be() {
    for (key, hashes) in [
        (Key::p384(), Hashes::Sha256AndSha384),
        (Key::p521(), Hashes::Sha256AndSha512),
        (Key::ed25519ph(5), Hashes::Sha256AndSha512),
    ] {
        let scene = message(key, Log::v2("log.example", 7));
        let bundle = Bundle::parse(scene.bundle.to_string().as_bytes()).unwrap();
        assert_eq!(bundle.needed_hashes(&scene.expected), hashes);
        let artifact = Artifact::of_bytes(&scene.artifact, Hashes::Sha256);
        let verifier = scene.verifier().unwrap();
        let result = verifier.verify(&bundle, &Subject::Artifact(&artifact), &scene.expected);
        assert_eq!(result.unwrap_err().code(), "digest-incomparable");
    }
}

#[test]
fn every_algorithm_signs_messages_in_rekor_v1() {
    for key in all() {
        let details = key.details();
        accepted(&message(key, Log::v1("log.example")), details);
    }
}

#[test]
fn statements_in_rekor_v1_are_signed_by_every_algorithm_and_by_pure_ed25519() {
    for intoto in [false, true] {
        for key in all().into_iter().chain([Key::ed25519(6)]) {
            let details = key.details();
            let mut scene = statement(key, Log::v1("log.example"));
            let pem = base64::encode(scene.public_key().to_pem().as_bytes());
            let (payload, signature) = (payload_of(&scene), base64::encode(&scene.signature()));
            let hash = hex::encode(sha256(&payload));
            let body = if intoto {
                format!(
                    r#"{{"apiVersion":"0.0.2","kind":"intoto","spec":{{"content":{{"envelope":{{"payloadType":"{IN_TOTO}","signatures":[{{"publicKey":"{pem}","sig":"{}"}}]}},"hash":{{"algorithm":"sha256","value":"{hash}"}},"payloadHash":{{"algorithm":"sha256","value":"{hash}"}}}}}}}}"#,
                    base64::encode(signature.as_bytes())
                )
            } else {
                format!(
                    r#"{{"apiVersion":"0.0.1","kind":"dsse","spec":{{"envelopeHash":{{"algorithm":"sha256","value":"{hash}"}},"payloadHash":{{"algorithm":"sha256","value":"{hash}"}},"signatures":[{{"signature":"{signature}","verifier":"{pem}"}}]}}}}"#
                )
            };
            let (kind, version) = if intoto {
                ("intoto", "0.0.2")
            } else {
                ("dsse", "0.0.1")
            };
            log_as(&mut scene, kind, version, &body);
            accepted(&scene, details);
        }
    }
}

fn dsse_v2_body(scene: &Scene, details: &str) -> String {
    format!(
        r#"{{"apiVersion":"0.0.2","kind":"dsse","spec":{{"dsseV002":{{"payloadHash":{{"algorithm":"SHA2_256","digest":"{}"}},"signatures":[{{"content":"{}","verifier":{{"keyDetails":"{details}","publicKey":{{"rawBytes":"{}"}}}}}}]}}}}}}"#,
        base64::encode(&sha256(&payload_of(scene))),
        base64::encode(&scene.signature()),
        base64::encode(&scene.key.spki()),
    )
}

#[test]
fn statements_in_the_obsolete_dsse_of_rekor_v2_are_verified() {
    for key in all().into_iter().chain([Key::ed25519(6)]) {
        let details = key.details();
        let mut scene = statement(key, Log::v2("log.example", 7));
        let body = dsse_v2_body(&scene, details);
        log_as(&mut scene, "dsse", "0.0.2", &body);
        accepted(&scene, details);
        let promise = scene.log.promise(body.as_bytes(), STAMPED_SECONDS, INDEX);
        scene.set(
            &format!("{ENTRY}/inclusionPromise"),
            serde_json::json!({"signedEntryTimestamp": base64::encode(&promise)}),
        );
        assert_eq!(scene.code(), "log-promise-invalid", "{details}");
    }
}

#[test]
fn a_dsse_entry_of_rekor_v2_is_about_payload_signature_and_key() {
    let details = "PKIX_ECDSA_P256_SHA_256";
    let mut scene = statement(Key::p256(), Log::v2("log.example", 7));
    let good = dsse_v2_body(&scene, details);
    let other = Scene::statement();
    let changes = [
        (
            base64::encode(&sha256(&payload_of(&scene))),
            base64::encode(&sha256(b"other")),
        ),
        (
            base64::encode(&scene.signature()),
            base64::encode(&other.signature()),
        ),
        (
            base64::encode(&scene.key.spki()),
            base64::encode(&other.key.spki()),
        ),
        (details.to_owned(), "PKIX_ECDSA_P384_SHA_384".to_owned()),
        ("\"kind\":".to_owned(), "\"kind\": ".to_owned()),
    ];
    for (from, to) in changes {
        log_as(&mut scene, "dsse", "0.0.2", &good.replace(&from, &to));
        assert_eq!(scene.code(), "log-entry-mismatch", "{to}");
    }
}

#[test]
fn pure_ed25519_is_no_hashedrekord() {
    for log in [Log::v2("log.example", 7), Log::v1("log.example")] {
        let scene = statement(Key::ed25519(6), log);
        assert_eq!(scene.code(), "log-entry-mismatch");
    }
    let scene = message(Key::ed25519(6), Log::v2("log.example", 7));
    assert_eq!(scene.code(), "signature-algorithm-unsupported");
}

#[test]
fn rsa_of_other_lengths_than_rekor_takes_is_in_no_entry_of_it() {
    let details = Key::rsa2048().details();
    assert_eq!(details, "PKIX_RSA_PKCS1V15_2048_SHA256");
    let mut scene = message(Key::rsa3072(), Log::v2("log.example", 7));
    let body = scene.body(false).replace("3072", "2048");
    log_as(&mut scene, "hashedrekord", "0.0.2", &body);
    assert_eq!(scene.code(), "log-entry-mismatch");
}
