//! One change to a bundle that is accepted, and the code with which it is refused.

use attest_provenance::base64;
use attest_verify::CODES;
use serde_json::{Value, json};

use crate::support::changes::*;
use crate::support::keys::{Key, sha256};
use crate::support::log::Log;
use crate::support::{
    ENTRY, INDEX, PROOF, SIZE, STAMPED_SECONDS, Scene, V0_1, V0_2, body_v2, trusted_root,
};

/// `name: code, of: scene, by: change`: the scene is accepted, and refused after the change.
macro_rules! refused {
    ($($name:ident: $code:literal, of $scene:expr, by $change:expr;)*) => {$(
        #[test]
        fn $name() {
            let mut scene = $scene;
            scene.verify().unwrap_or_else(|it| panic!("the parent is refused: {it:?}"));
            let change: fn(&mut Scene) = $change;
            change(&mut scene);
            let refused = scene.verify().expect_err("accepted after the change");
            assert_eq!(refused.0, $code, "{}", refused.1);
            assert!(CODES.iter().any(|it| it.code == $code), "{} is not listed", $code);
        }
    )*};
}

// Proof and checkpoint: facts of a v2 log, one at a time.
refused! {
    a_flipped_proof_hash: "log-proof-invalid", of Scene::message(), by |it| flip(it, &format!("{PROOF}/hashes/0"));
    a_hash_too_many: "log-proof-invalid", of Scene::message(), by |it| it.set(&format!("{PROOF}/hashes/4"), base64::encode(&[1; 32]));
    a_hash_too_few: "log-proof-invalid", of Scene::message(), by |it| { pop(it, &format!("{PROOF}/hashes")); };
    hashes_in_another_order: "log-proof-invalid", of Scene::message(), by |it| hashes(it).swap(0, 1);
    no_hashes: "log-proof-invalid", of Scene::message(), by |it| it.set(&format!("{PROOF}/hashes"), json!([]));
    another_root_beside_the_checkpoint: "checkpoint-root-mismatch", of Scene::message(), by |it| flip(it, &format!("{PROOF}/rootHash"));
    another_size_beside_the_checkpoint: "checkpoint-size-mismatch", of Scene::message(), by |it| it.set(&format!("{PROOF}/treeSize"), "12");
    no_size_beside_the_checkpoint: "checkpoint-size-mismatch", of Scene::message(), by |it| it.remove(&format!("{PROOF}/treeSize"));
    another_index_outside_of_the_proof: "log-index-mismatch", of Scene::message(), by |it| it.set(&format!("{ENTRY}/logIndex"), "6");
    another_index_inside_of_the_proof: "log-index-mismatch", of Scene::message(), by |it| it.set(&format!("{PROOF}/logIndex"), "6");
    another_index_in_both_places: "log-proof-invalid", of Scene::message(), by |it| {
        it.set(&format!("{ENTRY}/logIndex"), "6");
        it.set(&format!("{PROOF}/logIndex"), "6");
    };
    an_index_beyond_the_tree: "log-proof-invalid", of Scene::message(), by |it| {
        it.set(&format!("{ENTRY}/logIndex"), "11");
        it.set(&format!("{PROOF}/logIndex"), "11");
    };
    a_proof_without_checkpoint: "log-proof-missing", of Scene::message(), by |it| it.remove(&format!("{PROOF}/checkpoint"));
    no_proof: "log-proof-missing", of Scene::message(), by |it| it.remove(PROOF);
    another_size_in_the_checkpoint: "checkpoint-signature-invalid", of Scene::message(), by |it| checkpoint(it, |text| text.replace("\n11\n", "\n12\n"));
    another_root_in_the_checkpoint: "checkpoint-signature-invalid", of Scene::message(), by |it| {
        let root = base64::encode(&[1; 32]);
        it.set(&format!("{PROOF}/rootHash"), root.clone());
        checkpoint(it, |text| {
            let mut lines: Vec<&str> = text.split('\n').collect();
            lines[2] = &root;
            lines.join("\n")
        });
    };
    an_extension_line_in_the_checkpoint: "checkpoint-malformed", of Scene::message(), by |it| checkpoint(it, |text| text.replace("\n\n", "\nextension\n\n"));
    an_extension_line_in_a_v1_checkpoint: "checkpoint-signature-invalid", of v1(), by |it| checkpoint(it, |text| text.replace("\n\n", "\nextension\n\n"));
    a_checkpoint_signature_of_other_bytes: "checkpoint-signature-invalid", of Scene::message(), by |it| {
        let line = it.log.line("log.example\n11\n\n");
        checkpoint(it, |text| format!("{}\n\n{line}", text.split_once("\n\n").unwrap().0));
    };
    a_checkpoint_signed_by_a_witness_alone: "checkpoint-signature-invalid", of Scene::message(), by |it| {
        let witness = Log::v2("witness.example", 9);
        checkpoint(it, |text| {
            let body = text.split_once("\n\n").unwrap().0.to_owned() + "\n";
            format!("{body}\n{}", witness.line(&body))
        });
    };
    a_checkpoint_signed_under_another_name: "checkpoint-signature-invalid", of Scene::message(), by |it| {
        let text = checkpoint_body(it);
        let line = it.log.line_named(&text, "other.example");
        checkpoint(it, |_| format!("{text}\n{line}"));
    };
    a_checkpoint_with_a_forged_line_of_the_log_beside_a_good_one: "checkpoint-signature-invalid", of Scene::message(), by |it| {
        let forged = it.log.line("something else\n");
        checkpoint(it, |text| format!("{text}{forged}"));
    };
    a_checkpoint_of_another_origin: "checkpoint-origin-mismatch", of Scene::message(), by |it| {
        let root = root_hash(it);
        let note = it.log.checkpoint_of("other.example", SIZE, &root);
        checkpoint(it, |_| note.clone());
    };
    a_checkpoint_of_an_origin_that_begins_with_the_hosts_name: "checkpoint-origin-mismatch", of Scene::message(), by |it| {
        let root = root_hash(it);
        let note = it.log.checkpoint_of("log.example.evil", SIZE, &root);
        checkpoint(it, |_| note.clone());
    };
    a_v1_origin_with_a_tree_that_is_no_number: "checkpoint-origin-mismatch", of v1(), by |it| {
        let root = root_hash(it);
        let note = it.log.checkpoint_of("log.example - 12x", SIZE, &root);
        checkpoint(it, |_| note.clone());
    };
    a_v1_origin_in_a_v2_log: "checkpoint-origin-mismatch", of Scene::message(), by |it| {
        let root = root_hash(it);
        let note = it.log.checkpoint_of("log.example - 12", SIZE, &root);
        checkpoint(it, |_| note.clone());
    };
    a_checkpoint_that_is_no_note: "checkpoint-malformed", of Scene::message(), by |it| checkpoint(it, |_| "log.example\n11\n".to_owned());
    a_checkpoint_without_a_final_newline: "checkpoint-malformed", of Scene::message(), by |it| checkpoint(it, |text| text.trim_end().to_owned());
    a_checkpoint_of_another_trusted_log: "checkpoint-origin-mismatch", of two_logs(), by |it| {
        let other = Log::v2("second.example", 8);
        let entry = it.entry_in(&other, INDEX, SIZE);
        it.set(PROOF, entry["inclusionProof"].clone());
    };
    a_checkpoint_of_another_trusted_log_of_the_same_host: "checkpoint-signature-invalid", of Scene::message(), by |it| {
        let other = Log::v2("log.example", 8);
        it.root = trusted_root(&[&it.log, &other], &[&it.authority]);
        let entry = it.entry_in(&other, INDEX, SIZE);
        it.set(PROOF, entry["inclusionProof"].clone());
    };
    an_unknown_log_id_over_a_trusted_checkpoint: "log-unknown", of Scene::message(), by |it| flip(it, &format!("{ENTRY}/logId/keyId"));
    an_entry_of_an_untrusted_log: "log-unknown", of Scene::message(), by |it| {
        let entry = it.entry_in(&Log::v2("untrusted.example", 8), INDEX, SIZE);
        it.set(ENTRY, entry);
    };
    a_checkpoint_by_an_untrusted_log: "checkpoint-origin-mismatch", of Scene::message(), by |it| {
        let entry = it.entry_in(&Log::v2("untrusted.example", 8), INDEX, SIZE);
        it.set(PROOF, entry["inclusionProof"].clone());
    };
}

// The entry and the signature.
refused! {
    no_entry: "log-missing", of Scene::message(), by |it| it.set("/verificationMaterial/tlogEntries", json!([]));
    no_entry_list: "log-missing", of Scene::message(), by |it| it.remove("/verificationMaterial/tlogEntries");
    the_same_entry_twice: "log-entry-duplicate", of Scene::message(), by |it| {
        let entry = it.entry();
        it.set("/verificationMaterial/tlogEntries/1", entry);
    };
    the_same_leaf_at_two_places: "log-entry-duplicate", of Scene::message(), by |it| {
        let entry = it.entry_in(&it.log, 0, SIZE);
        it.set("/verificationMaterial/tlogEntries/1", entry);
    };
    a_second_entry_without_proof: "log-proof-missing", of two_logs(), by |it| {
        let mut entry = it.entry_in(&Log::v2("second.example", 8), INDEX, SIZE);
        entry.as_object_mut().unwrap().remove("inclusionProof");
        it.set("/verificationMaterial/tlogEntries/1", entry);
    };
    a_second_entry_of_an_unknown_log: "log-unknown", of Scene::message(), by |it| {
        let entry = it.entry_in(&Log::v2("second.example", 8), INDEX, SIZE);
        it.set("/verificationMaterial/tlogEntries/1", entry);
    };
    an_entry_about_another_digest: "log-entry-mismatch", of Scene::message(), by |it| {
        let body = body_v2(&sha256(b"other"), &it.signature(), &it.key.spki());
        log_body(it, &body);
    };
    an_entry_about_another_signature: "log-entry-mismatch", of Scene::message(), by |it| {
        let body = body_v2(&sha256(&it.artifact), &it.key.sign(&it.artifact), &it.key.spki());
        log_body(it, &body);
    };
    an_entry_about_another_key: "log-entry-mismatch", of Scene::message(), by |it| {
        let body = body_v2(&sha256(&it.artifact), &it.signature(), &Key::p256().spki());
        log_body(it, &body);
    };
    an_entry_about_a_whole_other_signing: "log-entry-mismatch", of Scene::message(), by |it| {
        let other = Scene::message();
        let entry = other.entry_in(&it.log, INDEX, SIZE);
        it.set(ENTRY, entry);
    };
    an_entry_with_white_space: "log-entry-mismatch", of Scene::message(), by |it| {
        let body = it.body(false).replace("\"spec\":", "\"spec\": ");
        log_body(it, &body);
    };
    an_entry_with_another_order_of_fields: "log-entry-mismatch", of Scene::message(), by |it| {
        let body = it.body(false).replace(r#""apiVersion":"0.0.2","kind":"hashedrekord""#, r#""kind":"hashedrekord","apiVersion":"0.0.2""#);
        log_body(it, &body);
    };
    an_entry_with_a_field_more: "log-entry-mismatch", of Scene::message(), by |it| {
        let body = it.body(false).replace(r#""kind":"#, r#""extra":1,"kind":"#);
        log_body(it, &body);
    };
    an_entry_with_other_key_details: "log-entry-mismatch", of Scene::message(), by |it| {
        let body = it.body(false).replace("PKIX_ECDSA_P256_SHA_256", "PKIX_ECDSA_P384_SHA_384");
        log_body(it, &body);
    };
    a_changed_body: "log-entry-mismatch", of Scene::message(), by |it| flip(it, &format!("{ENTRY}/canonicalizedBody"));
    another_kind: "log-entry-kind-unknown", of Scene::message(), by |it| it.set(&format!("{ENTRY}/kindVersion/kind"), "rekord");
    another_version_of_the_kind: "log-entry-mismatch", of Scene::message(), by |it| it.set(&format!("{ENTRY}/kindVersion/version"), "0.0.1");
    a_statement_logged_as_dsse_0_0_3: "log-entry-kind-unknown", of Scene::statement(), by |it| it.set(&format!("{ENTRY}/kindVersion"), json!({"kind": "dsse", "version": "0.0.3"}));
    a_message_logged_as_dsse: "log-entry-mismatch", of Scene::message(), by |it| it.set(&format!("{ENTRY}/kindVersion"), json!({"kind": "dsse", "version": "0.0.1"}));
    a_statement_logged_as_dsse_0_0_2: "log-entry-mismatch", of Scene::statement(), by |it| it.set(&format!("{ENTRY}/kindVersion"), json!({"kind": "dsse", "version": "0.0.2"}));
    a_statement_logged_by_the_digest_of_its_payload: "log-entry-mismatch", of Scene::statement(), by |it| {
        let payload = base64::decode(it.bundle["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap();
        let body = body_v2(&sha256(&payload), &it.signature(), &it.key.spki());
        log_body(it, &body);
    };
    a_flipped_signature: "signature-invalid", of Scene::message(), by |it| {
        let mut signature = it.signature();
        signature[20] ^= 1;
        it.set("/messageSignature/signature", base64::encode(&signature));
    };
    a_signature_over_something_else: "digest-mismatch", of Scene::message(), by |it| it.artifact = b"hello world!\n".to_vec();
    a_signature_over_something_else_without_digest: "digest-mismatch", of Scene::message(), by |it| {
        it.remove("/messageSignature/messageDigest");
        it.artifact = b"hello world!\n".to_vec();
    };
    a_digest_beside_the_signature_that_is_not_the_artifacts: "digest-mismatch", of Scene::message(), by |it| flip(it, "/messageSignature/messageDigest/digest");
    a_signature_of_another_key: "signer-mismatch", of Scene::message(), by |it| {
        let other = Scene::message_by(Key::p256(), Log::v2("log.example", 7));
        it.bundle = other.bundle;
    };
    a_signature_of_another_key_without_hint: "signer-mismatch", of Scene::message(), by |it| {
        let other = Scene::message_by(Key::p256(), Log::v2("log.example", 7));
        it.bundle = other.bundle;
        it.remove("/verificationMaterial/publicKey/hint");
    };
    a_hint_at_another_key: "key-hint-mismatch", of Scene::message(), by |it| it.set("/verificationMaterial/publicKey/hint", base64::encode(&[7; 32]));
    a_key_id_that_is_not_the_hint: "key-hint-mismatch", of Scene::statement(), by |it| it.set("/dsseEnvelope/signatures/0/keyid", "other");
    a_certificate_where_a_key_is_wanted: "signer-mismatch", of Scene::message(), by |it| {
        it.set("/verificationMaterial", json!({"certificate": {"rawBytes": base64::encode(&it.authority.leaf)}}));
    };
    bytes_that_a_statements_signature_covers: "pae-as-message", of Scene::message(), by |it| {
        it.artifact = b"DSSEv1 28 application/vnd.in-toto+json 2 {}".to_vec();
        let signature = it.key.sign(&it.artifact);
        it.set("/messageSignature", json!({"signature": base64::encode(&signature)}));
        it.witness();
    };
    bytes_that_a_links_signature_covers: "pae-as-message", of Scene::message(), by |it| {
        it.artifact = br#"{"_type":"link","byproducts":{},"command":[],"environment":{},"materials":{},"name":"build","products":{}}"#.to_vec();
        let signature = it.key.sign(&it.artifact);
        it.set("/messageSignature", json!({"signature": base64::encode(&signature)}));
        it.witness();
    };
    bytes_that_a_commits_signature_covers: "pae-as-message", of Scene::message(), by |it| {
        it.artifact = b"\x31\x49\x30\x18\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03".to_vec();
        let signature = it.key.sign(&it.artifact);
        it.set("/messageSignature", json!({"signature": base64::encode(&signature)}));
        it.witness();
    };
    a_statement_served_as_message: "pae-as-message", of Scene::statement(), by |it| {
        it.artifact = it.signed_bytes();
        let signature = base64::encode(&it.signature());
        it.remove("/dsseEnvelope");
        it.set("/messageSignature", json!({"signature": signature}));
    };
}

// Statements.
refused! {
    a_statement_about_another_artifact: "digest-mismatch", of Scene::statement(), by |it| it.artifact = b"other".to_vec();
    a_changed_payload: "signature-invalid", of Scene::statement(), by |it| flip(it, "/dsseEnvelope/payload");
    another_payload_type: "payload-type-unknown", of Scene::statement(), by |it| sign_payload(it, "application/json", r#"{"_type":"https://in-toto.io/Statement/v1"}"#);
    another_payload_type_over_the_signature: "payload-type-unknown", of Scene::statement(), by |it| it.set("/dsseEnvelope/payloadType", "application/vnd.in-toto+jsonx");
    a_payload_type_with_other_case: "payload-type-unknown", of Scene::statement(), by |it| it.set("/dsseEnvelope/payloadType", "application/vnd.in-toto+JSON");
    a_document_of_another_type: "statement-type-unknown", of Scene::statement(), by |it| edit_payload(it, |text| text.replace("in-toto.io/Statement/v1", "example.com/Statement/v1"));
    a_payload_that_is_no_json: "statement-malformed", of Scene::statement(), by |it| sign_payload(it, IN_TOTO, "not json");
    a_payload_with_a_duplicate_key: "statement-malformed", of Scene::statement(), by |it| edit_payload(it, |text| text.replacen('{', r#"{"predicateType":"x","#, 1));
    a_payload_with_an_unknown_field: "statement-malformed", of Scene::statement(), by |it| edit_payload(it, |text| text.replacen('{', r#"{"extra":1,"#, 1));
    a_payload_without_subject: "statement-malformed", of Scene::statement(), by |it| sign_payload(it, IN_TOTO, r#"{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"p","predicate":{}}"#);
    a_payload_followed_by_another: "statement-malformed", of Scene::statement(), by |it| edit_payload(it, |text| text.to_owned() + "{}");
    a_subject_with_a_git_commit_alone: "digest-incomparable", of Scene::statement(), by |it| sign_payload(it, IN_TOTO, r#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"hello","digest":{"gitCommit":"0123456789012345678901234567890123456789"}}],"predicateType":"p","predicate":{}}"#);
    a_subject_with_a_sha1_alone: "digest-incomparable", of Scene::statement(), by |it| sign_payload(it, IN_TOTO, r#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"hello","digest":{"sha1":"22596363b3de40b06f981fb85d82312e8c0ed511"}}],"predicateType":"p","predicate":{}}"#);
    a_subject_of_which_one_digest_differs: "digest-mismatch", of Scene::statement(), by |it| edit_payload(it, |text| {
        let sha512 = "00".repeat(64);
        text.replacen(r#""digest":{"#, &format!(r#""digest":{{"sha512":"{sha512}","#), 1)
    });
    two_signatures: "signature-count", of Scene::statement(), by |it| {
        let signature = it.bundle.pointer("/dsseEnvelope/signatures/0").unwrap().clone();
        it.set("/dsseEnvelope/signatures/1", signature);
    };
    no_signature: "signature-count", of Scene::statement(), by |it| it.set("/dsseEnvelope/signatures", json!([]));
}

// Versions, promises, and what nothing signs.
refused! {
    a_bundle_of_version_0_1_without_a_promise: "log-promise-missing", of Scene::message(), by |it| it.set("/mediaType", V0_1);
    a_bundle_called_0_1_whose_proof_is_gone: "log-proof-missing", of v1(), by |it| {
        it.set("/mediaType", V0_1);
        it.remove(PROOF);
    };
    a_v1_bundle_whose_proof_is_gone: "log-proof-missing", of v1(), by |it| it.remove(PROOF);
    a_promise_in_a_v2_log: "log-promise-invalid", of Scene::message_in(Log::v2_p256("log.example")), by |it| {
        let promise = it.log.promise(it.body(false).as_bytes(), STAMPED_SECONDS, INDEX);
        it.set(&format!("{ENTRY}/integratedTime"), STAMPED_SECONDS.to_string());
        it.set(&format!("{ENTRY}/inclusionPromise"), json!({"signedEntryTimestamp": base64::encode(&promise)}));
    };
    a_flipped_promise: "log-promise-invalid", of v1(), by |it| flip(it, &format!("{ENTRY}/inclusionPromise/signedEntryTimestamp"));
    a_promise_for_another_time: "log-promise-invalid", of v1(), by |it| it.set(&format!("{ENTRY}/integratedTime"), (STAMPED_SECONDS + 60).to_string());
    a_promise_without_its_time: "log-promise-invalid", of v1(), by |it| it.remove(&format!("{ENTRY}/integratedTime"));
    a_promise_for_another_index: "log-promise-invalid", of v1(), by |it| it.set(&format!("{ENTRY}/logIndex"), "7");
    a_promise_for_another_body: "log-promise-invalid", of v1(), by |it| {
        let promise = it.log.promise(b"other", STAMPED_SECONDS, INDEX + 1_000_000);
        it.set(&format!("{ENTRY}/inclusionPromise/signedEntryTimestamp"), base64::encode(&promise));
    };
    a_promise_in_the_future: "time-in-future", of v1(), by |it| {
        let (time, index) = (STAMPED_SECONDS + 30 * 60 + 301, INDEX + 1_000_000);
        let promise = it.log.promise(it.body(true).as_bytes(), time, index);
        it.set(&format!("{ENTRY}/integratedTime"), time.to_string());
        it.set(&format!("{ENTRY}/inclusionPromise/signedEntryTimestamp"), base64::encode(&promise));
    };
    an_unknown_media_type: "bundle-version-unknown", of Scene::message(), by |it| it.set("/mediaType", "application/vnd.dev.sigstore.bundle.v0.4+json");
    no_media_type: "bundle-malformed", of Scene::message(), by |it| it.remove("/mediaType");
    a_time_that_nothing_proves: "time-missing", of Scene::message(), by |it| {
        it.remove("/verificationMaterial/timestampVerificationData");
        it.set(&format!("{ENTRY}/integratedTime"), STAMPED_SECONDS.to_string());
    };
    a_v1_time_that_nothing_proves: "time-missing", of v1(), by |it| {
        it.remove("/verificationMaterial/timestampVerificationData");
        it.remove(&format!("{ENTRY}/inclusionPromise"));
    };
}

// The log's key, at the proven time.
refused! {
    a_log_key_that_starts_later: "log-key-validity", of Scene::message(), by |it| it.set_root("/tlogs/0/publicKey/validFor/start", "2026-11-21T11:30:01Z");
    a_log_key_that_ended_before: "log-key-validity", of Scene::message(), by |it| it.set_root("/tlogs/0/publicKey/validFor/end", "2026-11-21T11:29:59Z");
    a_v1_log_key_that_ended_before_the_promise: "log-key-validity", of v1(), by |it| it.set_root("/tlogs/0/publicKey/validFor/end", "2026-11-21T11:29:59Z");
    a_v1_log_key_that_starts_after_the_promise: "log-key-validity", of v1(), by |it| it.set_root("/tlogs/0/publicKey/validFor/start", "2026-11-21T11:30:01Z");
}

#[test]
fn what_the_engine_refuses_is_refused_although_we_accept_it() {
    // A promise of the year 2090, judged in 2091: to us it is past, but the engine reads the
    // system's clock for promises.
    let mut scene = v1();
    scene.now = "2091-01-01T00:00:00Z";
    let (time, index) = (3_786_912_000, INDEX + 1_000_000);
    let promise = scene.log.promise(scene.body(true).as_bytes(), time, index);
    scene.set(&format!("{ENTRY}/integratedTime"), time.to_string());
    scene.set(
        &format!("{ENTRY}/inclusionPromise/signedEntryTimestamp"),
        base64::encode(&promise),
    );
    assert_eq!(scene.code(), "engine-rejected");
}

fn v1() -> Scene {
    Scene::message_in(Log::v1("log.example"))
}

/// A scene that trusts a second log as well.
fn two_logs() -> Scene {
    let mut scene = Scene::message();
    scene.root = trusted_root(
        &[&scene.log, &Log::v2("second.example", 8)],
        &[&scene.authority],
    );
    scene
}

fn pop(scene: &mut Scene, pointer: &str) -> Value {
    scene
        .bundle
        .pointer_mut(pointer)
        .unwrap()
        .as_array_mut()
        .unwrap()
        .pop()
        .unwrap()
}

#[test]
fn media_types_are_claims_that_take_no_check_away() {
    // Nothing signs the media type; version 0.2 asks for what 0.3 asks for.
    let mut scene = Scene::message();
    scene.set("/mediaType", V0_2);
    assert_eq!(scene.code(), "accepted");
    scene.remove(PROOF);
    assert_eq!(scene.code(), "log-proof-missing");
}
