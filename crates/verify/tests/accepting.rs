//! What `--accept` lets pass, and what it never does; statements, digests, other entry kinds.

use attest_digest::{Artifact, Digest, Hashes};
use attest_provenance::base64;
use attest_verify::{Accept, Bundle, Rejection, Skipped, Subject};
use serde_json::json;

use crate::support::keys::{sha256, sha512};
use crate::support::log::Log;
use crate::support::{ENTRY, INDEX, PROOF, SIZE, STAMPED_SECONDS, Scene, TIMESTAMPS, V0_1};

const NO_LOG: Accept = Accept {
    no_log: true,
    no_time: false,
    set_only: false,
};
const NO_TIME: Accept = Accept {
    no_log: false,
    no_time: true,
    set_only: false,
};
const SET_ONLY: Accept = Accept {
    no_log: false,
    no_time: false,
    set_only: true,
};
const LEAST: Accept = Accept {
    no_log: true,
    no_time: true,
    set_only: true,
};

fn skipped(scene: &Scene) -> Vec<&'static str> {
    scene
        .verify()
        .unwrap()
        .skipped()
        .iter()
        .map(Skipped::code)
        .collect()
}

#[test]
fn a_bundle_without_log_is_accepted_if_asked_for() {
    let mut scene = Scene::message();
    scene.remove("/verificationMaterial/tlogEntries");
    assert_eq!(scene.code(), "log-missing");
    scene.accept = NO_LOG;
    assert_eq!(skipped(&scene), ["no-log"]);
}

#[test]
fn an_entry_of_an_unknown_log_is_passed_over_if_asked_for_but_must_be_about_the_signature() {
    let mut scene = Scene::message();
    scene.accept = NO_LOG;
    let other = Log::v2("unknown.example", 9);
    let entry = scene.entry_in(&other, INDEX, SIZE);
    scene.set(ENTRY, entry);
    assert_eq!(skipped(&scene), ["log-unknown"]);
    assert!(scene.verify().unwrap().logs().is_empty());
    let entry = Scene::message().entry_in(&other, INDEX, SIZE);
    scene.set(ENTRY, entry);
    assert_eq!(scene.code(), "log-entry-mismatch");
}

#[test]
fn accepting_less_does_not_let_wrong_evidence_pass() {
    for (pointer, code) in [
        (format!("{PROOF}/hashes/0"), "log-proof-invalid"),
        (format!("{PROOF}/rootHash"), "checkpoint-root-mismatch"),
        (format!("{ENTRY}/canonicalizedBody"), "log-entry-mismatch"),
        (format!("{TIMESTAMPS}/0/signedTimestamp"), "time-invalid"),
    ] {
        let mut scene = Scene::message();
        scene.accept = LEAST;
        let mut bytes =
            base64::decode(scene.bundle.pointer(&pointer).unwrap().as_str().unwrap()).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        scene.set(&pointer, base64::encode(&bytes));
        assert_eq!(scene.code(), code, "{pointer}");
    }
}

#[test]
fn a_bare_signature_is_accepted_if_everything_else_is_waived() {
    let mut scene = Scene::message();
    scene.set("/verificationMaterial/tlogEntries", json!([]));
    scene.set(TIMESTAMPS, json!([]));
    assert_eq!(scene.code(), "log-missing");
    scene.accept = NO_LOG;
    assert_eq!(scene.code(), "time-missing");
    scene.accept = NO_TIME;
    assert_eq!(scene.code(), "log-missing");
    scene.accept = LEAST;
    // The engine judges nothing without log entry and timestamp: cosign's offline key bundles.
    assert_eq!(skipped(&scene), ["no-log", "no-time", "engine"]);
    scene.artifact.push(b'!');
    assert_eq!(scene.code(), "digest-mismatch");
}

#[test]
fn both_absences_are_reported() {
    let mut scene = Scene::message();
    scene.set("/verificationMaterial/tlogEntries", json!([]));
    scene.set(TIMESTAMPS, json!([]));
    let rejection = rejection(&scene);
    let codes: Vec<_> = rejection
        .checks()
        .iter()
        .map(attest_verify::Check::code)
        .collect();
    assert_eq!(codes, ["log-missing", "time-missing"]);
    assert_eq!(rejection.code(), "log-missing");
}

#[test]
fn without_time_a_log_alone_is_accepted_if_asked_for() {
    let mut scene = Scene::message();
    scene.set(TIMESTAMPS, json!([]));
    scene.accept = NO_TIME;
    assert_eq!(skipped(&scene), ["no-time", "log-key-validity"]);
}

#[test]
fn a_promise_suffices_as_time() {
    let mut scene = Scene::message_in(Log::v1("log.example"));
    scene.set(TIMESTAMPS, json!([]));
    let evidence = scene.verify().unwrap();
    let [time] = evidence.times() else { panic!() };
    assert_eq!(
        (time.authority(), time.source()),
        ("log.example", attest_verify::TimeSource::Promise)
    );
    assert_eq!(
        time.time().as_second(),
        i64::try_from(STAMPED_SECONDS).unwrap()
    );
}

#[test]
fn a_promise_without_proof_is_accepted_if_asked_for_in_every_version() {
    let mut scene = Scene::message_in(Log::v1("log.example"));
    scene.remove(PROOF);
    scene.accept = SET_ONLY;
    for media_type in [V0_1, crate::support::V0_2, crate::support::V0_3] {
        scene.set("/mediaType", media_type);
        let evidence = scene.verify().unwrap();
        let codes: Vec<_> = evidence.skipped().iter().map(Skipped::code).collect();
        assert_eq!(codes, ["set-only"]);
        assert!(!evidence.logs()[0].is_proven());
        assert_eq!(evidence.logs()[0].index(), INDEX + 1_000_000);
    }
    scene.remove(&format!("{ENTRY}/inclusionPromise"));
    assert_eq!(scene.code(), "log-proof-missing");
}

#[test]
fn set_only_does_not_waive_the_proof_of_a_v2_log() {
    let mut scene = Scene::message();
    scene.remove(PROOF);
    scene.accept = SET_ONLY;
    assert_eq!(scene.code(), "log-proof-missing");
}

#[test]
fn a_time_that_no_promise_proves_is_reported_as_ignored() {
    let mut scene = Scene::message();
    scene.set(
        &format!("{ENTRY}/integratedTime"),
        STAMPED_SECONDS.to_string(),
    );
    assert_eq!(skipped(&scene), ["integrated-time"]);
    assert_eq!(scene.verify().unwrap().times().len(), 1);
}

#[test]
fn an_unknown_line_before_the_logs_own_is_ignored() {
    let mut scene = Scene::message();
    let pointer = format!("{PROOF}/checkpoint/envelope");
    let note = scene
        .bundle
        .pointer(&pointer)
        .unwrap()
        .as_str()
        .unwrap()
        .to_owned();
    let (text, lines) = note.split_once("\n\n").unwrap();
    let witness = Log::v2("witness.example", 9).line(&format!("{text}\n"));
    scene.set(&pointer, format!("{text}\n\n{witness}{lines}"));
    assert_eq!(scene.code(), "accepted");
}

#[test]
fn two_logs_are_two_places() {
    let mut scene = Scene::message();
    let second = Log::v2("second.example", 8);
    scene.root = crate::support::trusted_root(&[&scene.log, &second], &[&scene.authority]);
    let entry = scene.entry_in(&second, 2, 3);
    scene.set("/verificationMaterial/tlogEntries/1", entry);
    let evidence = scene.verify().unwrap();
    let origins: Vec<_> = evidence
        .logs()
        .iter()
        .map(attest_verify::ProvenLog::origin)
        .collect();
    assert_eq!(origins, ["log.example", "second.example"]);
}

#[test]
fn a_digest_alone_is_a_subject() {
    for scene in [Scene::message(), Scene::statement()] {
        let verifier = scene.verifier().unwrap();
        let bundle = Bundle::parse(scene.bundle.to_string().as_bytes()).unwrap();
        let verify = |digest| verifier.verify(&bundle, &Subject::Digest(digest), &scene.expected);
        let right = Digest::Sha256(sha256(&scene.artifact).try_into().unwrap());
        let evidence = verify(right).unwrap();
        if evidence.statement().is_none() {
            // Whether the bytes could be taken for a statement, nobody has seen.
            assert!(matches!(evidence.skipped(), [Skipped::Bytes]));
        }
        assert_eq!(
            verify(Digest::Sha256([7; 32])).unwrap_err().code(),
            "digest-mismatch"
        );
        let other = Digest::Sha512(sha512(&scene.artifact).try_into().unwrap());
        assert_eq!(verify(other).unwrap_err().code(), "digest-incomparable");
    }
}

#[test]
fn a_statement_is_verified_before_anything_is_bound_to_it() {
    let scene = Scene::statement();
    let verifier = scene.verifier().unwrap();
    let bundle = Bundle::parse(scene.bundle.to_string().as_bytes()).unwrap();
    let evidence = verifier.verify_statement(&bundle, &scene.expected).unwrap();
    assert_eq!(evidence.statement().unwrap().subjects().len(), 1);
    assert!(!evidence.checks().iter().any(|it| it.code() == "subject"));
    assert!(evidence.checks().iter().any(|it| it.code() == "engine"));
    let message = Scene::message();
    let bundle = Bundle::parse(message.bundle.to_string().as_bytes()).unwrap();
    let refused = message
        .verifier()
        .unwrap()
        .verify_statement(&bundle, &message.expected)
        .unwrap_err();
    assert_eq!(refused.code(), "statement-missing");
}

#[test]
fn a_subject_of_sha_512_alone_is_bound_by_it() {
    let scene = Scene::statement();
    let sha512 = hex::encode(sha512(&scene.artifact));
    let payload = format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"digest":{{"sha512":"{sha512}"}}}}],"predicateType":"p","predicate":{{}}}}"#
    );
    let mut scene = scene.with_payload("application/vnd.in-toto+json", payload.as_bytes());
    assert!(scene.verify().unwrap().skipped().is_empty());
    // An artifact of which it was not computed is not compared by hope.
    let bundle = Bundle::parse(scene.bundle.to_string().as_bytes()).unwrap();
    let artifact = Artifact::of_bytes(&scene.artifact, Hashes::Sha256);
    let refused =
        scene
            .verifier()
            .unwrap()
            .verify(&bundle, &Subject::Artifact(&artifact), &scene.expected);
    assert_eq!(refused.unwrap_err().code(), "digest-incomparable");
    scene.artifact.push(b'!');
    assert_eq!(scene.code(), "digest-mismatch");
}

#[test]
fn one_of_many_subjects_suffices() {
    let scene = Scene::statement();
    let (one, other) = (
        hex::encode(sha256(&scene.artifact)),
        hex::encode(sha256(b"other")),
    );
    let payload = format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"name":"a","digest":{{"sha256":"{other}"}}}},{{"name":"b","digest":{{"sha256":"{one}"}}}}],"predicateType":"p","predicate":{{}}}}"#
    );
    let mut scene = scene.with_payload("application/vnd.in-toto+json", payload.as_bytes());
    assert_eq!(scene.code(), "accepted");
    scene.artifact.push(b'!');
    assert_eq!(scene.code(), "digest-mismatch");
}

/// A statement in a Rekor v1 log, as `dsse` 0.0.1 or `intoto` 0.0.2.
fn v1_statement(kind: &str, version: &str, body: impl Fn(&Scene) -> String) -> Scene {
    let mut scene = Scene::statement();
    scene.log = Log::v1("log.example");
    scene.root = crate::support::trusted_root(&[&scene.log], &[&scene.authority]);
    let body = body(&scene);
    log_v1(&mut scene, kind, version, &body);
    scene
}

impl Scene {
    fn encoded_pem(&self) -> String {
        base64::encode(self.public_key().to_pem().as_bytes())
    }

    fn payload_hash(&self) -> String {
        let payload =
            base64::decode(self.bundle["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap();
        hex::encode(sha256(&payload))
    }
}

fn log_v1(scene: &mut Scene, kind: &str, version: &str, body: &str) {
    let mut entry = scene.log.entry(kind, version, body.as_bytes(), INDEX, SIZE);
    let promise = scene.log.promise(body.as_bytes(), STAMPED_SECONDS, INDEX);
    entry["integratedTime"] = STAMPED_SECONDS.to_string().into();
    entry["inclusionPromise"] = json!({"signedEntryTimestamp": base64::encode(&promise)});
    scene.set(ENTRY, entry);
}

fn dsse_body(scene: &Scene) -> String {
    format!(
        r#"{{"apiVersion":"0.0.1","kind":"dsse","spec":{{"envelopeHash":{{"algorithm":"sha256","value":"{}"}},"payloadHash":{{"algorithm":"sha256","value":"{}"}},"signatures":[{{"signature":"{}","verifier":"{}"}}]}}}}"#,
        "00".repeat(32),
        scene.payload_hash(),
        base64::encode(&scene.signature()),
        scene.encoded_pem(),
    )
}

fn intoto_body(scene: &Scene) -> String {
    format!(
        r#"{{"apiVersion":"0.0.2","kind":"intoto","spec":{{"content":{{"envelope":{{"payloadType":"application/vnd.in-toto+json","signatures":[{{"publicKey":"{}","sig":"{}"}}]}},"hash":{{"algorithm":"sha256","value":"{}"}},"payloadHash":{{"algorithm":"sha256","value":"{}"}}}}}}}}"#,
        scene.encoded_pem(),
        base64::encode(base64::encode(&scene.signature()).as_bytes()),
        "00".repeat(32),
        scene.payload_hash(),
    )
}

#[test]
fn statements_in_v1_logs_are_accepted_and_bound_to_payload_signature_and_key() {
    type Body = fn(&Scene) -> String;
    let kinds: [(&str, &str, Body); 2] = [
        ("dsse", "0.0.1", dsse_body),
        ("intoto", "0.0.2", intoto_body),
    ];
    for (kind, version, body) in kinds {
        let mut scene = v1_statement(kind, version, body);
        assert_eq!(skipped(&scene), [""; 0], "{kind}");
        let good = body(&scene);
        let other = Scene::statement();
        let changes = [
            (scene.payload_hash(), "11".repeat(32)),
            (scene.encoded_pem(), other.encoded_pem()),
            (
                base64::encode(&scene.signature()),
                base64::encode(&other.signature()),
            ),
            (
                base64::encode(base64::encode(&scene.signature()).as_bytes()),
                base64::encode(base64::encode(&other.signature()).as_bytes()),
            ),
            (r#""kind":"#.to_owned(), r#""extra":1,"kind":"#.to_owned()),
        ];
        let mut tried = 0;
        for (from, to) in changes {
            let bad = good.replace(&from, &to);
            if bad == good {
                continue;
            }
            tried += 1;
            log_v1(&mut scene, kind, version, &bad);
            assert_eq!(scene.code(), "log-entry-mismatch", "{kind}: {bad}");
        }
        assert_eq!(tried, 4, "{kind}");
    }
}

#[test]
fn a_statement_is_no_hashedrekord_0_0_1() {
    let mut scene = Scene::statement();
    scene.log = Log::v1("log.example");
    scene.root = crate::support::trusted_root(&[&scene.log], &[&scene.authority]);
    let entry = scene.entry();
    scene.set(ENTRY, entry);
    assert_eq!(scene.code(), "log-entry-mismatch");
}

fn rejection(scene: &Scene) -> Rejection {
    let bundle = Bundle::parse(scene.bundle.to_string().as_bytes()).unwrap();
    let artifact = Artifact::of_bytes(&scene.artifact, Hashes::Sha256);
    scene
        .verifier()
        .unwrap()
        .verify(&bundle, &Subject::Artifact(&artifact), &scene.expected)
        .unwrap_err()
}

#[test]
fn a_key_id_that_is_the_hint_is_no_other_key() {
    let mut scene = Scene::statement();
    let hint = scene.public_key().hint();
    scene.set("/dsseEnvelope/signatures/0/keyid", hint);
    assert_eq!(scene.code(), "accepted");
}

#[test]
fn every_spelling_of_the_media_type_is_read_with_and_without_hint() {
    let v0_3_too = "application/vnd.dev.sigstore.bundle+json;version=0.3";
    for media_type in [crate::support::V0_3, v0_3_too, crate::support::V0_2] {
        let mut scene = Scene::message();
        scene.set("/mediaType", media_type);
        assert_eq!(scene.code(), "accepted", "{media_type}");
        scene.remove("/verificationMaterial/publicKey/hint");
        assert_eq!(scene.code(), "accepted", "{media_type}");
        scene.set("/verificationMaterial/publicKey/hint", "release key");
        assert_eq!(scene.code(), "accepted", "{media_type}");
    }
    let mut scene = Scene::message_in(Log::v1("log.example"));
    scene.set("/mediaType", V0_1);
    assert_eq!(scene.code(), "accepted");
    for media_type in ["application/vnd.dev.sigstore.bundle+json;version=0.4", ""] {
        scene.set("/mediaType", media_type);
        assert_eq!(scene.code(), "bundle-version-unknown");
    }
}
