//! The cases of `fixtures/attacks`: flaws that shipped, each under its own number.

use super::*;

pub(super) const ATTACKS: &[Case] = cases! {
    "../attacks/CVE-2022-23649/promise-of-another-signature" of "message-v1": "log-promise-invalid", "the promise is that for another signature's entry", "cosign: the log's promise of another signature stapled on", |it| { let other = body_v1_of_another(it); let promise = it.log.promise(other.as_bytes(), STAMPED_SECONDS, INDEX + 1_000_000); it.set(&format!("{ENTRY}/inclusionPromise/signedEntryTimestamp"), base64::encode(&promise)); };
    "../attacks/CVE-2022-36056/bundle-of-another-signature" of "message": "log-entry-mismatch", "the log entry is that of another signature by the same key over the same file", "cosign verify-blob: a bundle of another signature", |it| { let body = body_v2(&sha256(&it.artifact), &it.key.sign(&it.artifact), &it.key.spki()); log_body(it, &body); };
    "../attacks/CVE-2022-36056/identity-ignored" of "certificate": "identity-mismatch", "another identity is expected", "cosign verify-blob: identity flags ignored", |it| it.expected = ExpectedSigner::exactly("attacker@example.com", ISSUER);
    "../attacks/CVE-2022-36056/invalid-bundle" of "message": "bundle-malformed", "the log entries are a text", "cosign verify-blob: an invalid bundle passes", |it| it.set("/verificationMaterial/tlogEntries", "none");
    "../attacks/CVE-2022-36056/invalid-entry" of "message": "log-proof-invalid", "the proof is that of another leaf", "cosign verify-blob: an invalid log entry counted as success", |it| flip(it, &format!("{PROOF}/hashes/1"));
    "../attacks/CVE-2026-22703/another-digest" of "message": "log-entry-mismatch", "a good entry of the same signature and key, about another digest", "cosign: any valid log entry was accepted", |it| { let body = body_v2(&sha256(b"another artifact"), &it.signature(), &it.key.spki()); log_body(it, &body); };
    "../attacks/CVE-2026-22703/another-signature" of "message": "log-entry-mismatch", "a good entry of the same digest and key, about another signature", "cosign: any valid log entry was accepted", |it| { let body = body_v2(&sha256(&it.artifact), &it.key.sign(&it.artifact), &it.key.spki()); log_body(it, &body); };
    "../attacks/CVE-2026-22703/another-key" of "message": "log-entry-mismatch", "a good entry of the same digest and signature, about another key", "cosign: any valid log entry was accepted", |it| { let body = body_v2(&sha256(&it.artifact), &it.signature(), &Key::named("fixtures: other").spki()); log_body(it, &body); };
    "../attacks/CVE-2026-24122/expired-intermediate" of "certificate-of-intermediate-without-log": "certificate-authority-validity", "the intermediate certificate ended a second before the proven time", "cosign: an expired intermediate accepted when the log is skipped", |it| reissue_below(it, Between { validity: ("20260101000000Z", "20261121112959Z"), ..between() });
    "../attacks/CVE-2026-39395/payload-that-does-not-parse" of "statement": "statement-malformed", "the signed payload is no JSON", "cosign verify-blob-attestation: yes although the payload cannot be read", |it| sign_again(it, "{");
    "../attacks/CVE-2026-39395/payload-of-nothing" of "statement": "statement-malformed", "the signed payload is empty JSON", "cosign verify-blob-attestation: yes although the payload says nothing", |it| sign_again(it, "{}");
    "../attacks/CVE-2023-46737/endless-signatures" of "statement": "bundle-too-large", "the envelope has 2000 signatures", "cosign: endless signatures from the registry; the same in notation (CVE-2023-33957, CVE-2023-33958)", |it| { let signature = it.bundle.pointer("/dsseEnvelope/signatures/0").unwrap().clone(); it.set("/dsseEnvelope/signatures", vec![signature; 2000]); };
    "../attacks/CVE-2024-29903/count-of-everything" of "message": "bundle-too-large", "the timestamps are 17,000 empty objects", "cosign: memory by a count that the attacker gives; the same in notation (CVE-2023-25656)", |it| it.set(TIMESTAMPS, vec![json!({}); 17_000]);
    "../attacks/CVE-2024-45395/endless-entries" of "message": "bundle-too-large", "there are 17,000 log entries", "sigstore-go: an endless loop over what a bundle holds", |it| it.set("/verificationMaterial/tlogEntries", vec![json!({}); 17_000]);
    "../attacks/CVE-2026-44310/chain-without-certificates" of "certificate-chain-0.2": "bundle-malformed", "the chain is empty", "gitsign: a signature without certificates panics the verifier, which exits 0", |it| it.set("/verificationMaterial/x509CertificateChain/certificates", json!([]));
    "../attacks/CVE-2023-47122/log-key-of-the-log" of "message": "log-unknown", "the entry is in a log that is as good as any, and that the root does not have", "gitsign: the log's key was asked of the log", |it| { let entry = it.entry_in(&Log::v2("log.example", 9), INDEX, SIZE); it.set(ENTRY, entry); };
    "../attacks/CVE-2024-51746/entry-of-another-artifact" of "message": "log-entry-mismatch", "the entry is a good one by the same key, of another artifact", "gitsign: the wrong entry of several that were found", |it| { let other = b"another artifact"; let body = body_v2(&sha256(other), &it.key.sign(other), &it.key.spki()); log_body(it, &body); };
    "../attacks/CVE-2026-49834/one-log-counted-twice" of "message": "log-entry-duplicate", "the log's entry is there twice, at two indices", "sigstore-go: a threshold of logs met by one", |it| { let entry = it.entry_in(&it.log, INDEX + 1, SIZE); it.set("/verificationMaterial/tlogEntries/1", entry); };
    "../attacks/CVE-2026-54787/log-key-had-ended" of "message": "log-key-validity", "the log's key had ended before the timestamp", "sigstore-go: times not checked against the validity of keys", |it| it.set_root("/tlogs/0/publicKey/validFor/end", "2026-11-21T11:29:59Z");
    "../attacks/sigstore-python-1651/message-digest" of "message": "digest-mismatch", "the messageDigest is that of other bytes", "sigstore-python: messageDigest unchecked", |it| it.set("/messageSignature/messageDigest/digest", base64::encode(&sha256(b"other")));
    "../attacks/CVE-2026-39984/forged-certificate-in-front" of "message": "time-invalid", "a forged certificate of the right names stands before the authority's, and its key signed", "timestamp-authority: another certificate was checked than the one that signed", forge_certificate;
    "../attacks/TOB-SIGSTORE-2/backdated-without-log" of "message-v1-no-log-needed": "log-promise-invalid", "the integratedTime is an hour earlier than the promise says", "sigstore-rust audit: no log needed, and a time backdated", |it| it.set(&format!("{ENTRY}/integratedTime"), (STAMPED_SECONDS - 3600).to_string());
    "../attacks/TOB-SIGSTORE-3/time-that-nothing-proves" of "integrated-time-without-promise": "time-missing", "the timestamps are removed", "sigstore-rust audit: an integratedTime that nothing authenticates", |it| it.set(TIMESTAMPS, json!([]));
    "../attacks/TOB-SIGSTORE-4/one-of-two-times" of "certificate-two-times": "certificate-outside-validity", "one of the two timestamps is after the certificate's end", "sigstore-rust audit: a certificate judged at one of many times", |it| stamp_twice(it, "20261121114000Z");
    "../attacks/TOB-SIGSTORE-5/window-ended" of "message": "time-outside-validity", "the authority's window ended a second before the timestamp", "sigstore-rust audit: what a window includes", |it| it.set_root("/timestampAuthorities/0/validFor/end", "2026-11-21T11:29:59Z");
    "../attacks/TOB-SIGSTORE-7/time-in-the-future" of "message": "time-in-future", "the clock stands an hour before the timestamp", "sigstore-rust audit: a time that has not come", |it| it.now = "2026-11-21T10:30:00Z";
    "../attacks/TOB-SIGSTORE-9/second-signature" of "statement": "signature-count", "a second signature stands in the envelope, of nobody", "sigstore-rust audit: several signatures in an envelope", |it| it.set("/dsseEnvelope/signatures/1", json!({"sig": base64::encode(b"nobody")}));
    "../attacks/TOB-SIGSTORE-11/window-of-another-authority" of "certificate-two-times": "time-outside-validity", "the first authority's window ended before its timestamp, the second's goes on", "sigstore-rust audit: windows of authorities mixed up", |it| it.set_root("/timestampAuthorities/0/validFor/end", "2026-11-21T11:29:59Z");
    "../attacks/jans-14636/proof-dropped" of "message-v1": "log-proof-missing", "the media type says 0.1, and the proof is gone", "an unsigned media type takes a check away", |it| { it.set("/mediaType", V0_1); it.remove(PROOF); };
    "../attacks/mise-9260/no-fallback" of "statement": "bundle-malformed", "the log entry has a field of another version", "what cannot be parsed is taken for an envelope without proofs", |it| it.set(&format!("{ENTRY}/treeId"), "7");
    "../attacks/CVE-2025-29778/issuer-ignored" of "certificate": "issuer-mismatch", "another issuer is expected", "kyverno: a field of the policy ignored", |it| it.expected = ExpectedSigner::exactly(IDENTITY, "https://attacker.example");
};

/// The body of a good entry about another signature by the same key.
fn body_v1_of_another(scene: &Scene) -> String {
    let other = b"another artifact";
    crate::support::body_v1(&sha256(other), &scene.key.sign(other), &scene.public_key())
}

/// Signs, logs and stamps another payload, with the authority that the root on the disk has.
fn sign_again(scene: &mut Scene, payload: &str) {
    sign_payload(scene, IN_TOTO, payload);
}
