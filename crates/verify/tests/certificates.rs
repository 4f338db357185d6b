//! Signers with certificates: what the certificate says, who issued it, and when it was valid.

use attest_provenance::base64;
use attest_verify::{Accept, ExpectedSigner};
use serde_json::json;

use crate::support::der::*;
use crate::support::issuer::{IDENTITY, ISSUER, Issuer, Signer, dns, email, uri};
use crate::support::keyless::Keyless;
use crate::support::keys::{Key, sha256};
use crate::support::{ENTRY, INDEX, PROOF, SIZE, Scene, TIMESTAMPS, V0_2};

fn code_of(change: impl FnOnce(&mut Signer)) -> &'static str {
    let mut signer = Signer::default();
    change(&mut signer);
    Keyless::message(&signer).code()
}

#[test]
fn an_identity_is_proven_by_its_certificate() {
    for statement in [false, true] {
        let keyless = Keyless::of(&Signer::default(), Key::p256(), statement);
        let evidence = keyless.scene.verify().unwrap();
        assert!(evidence.signer().is(&keyless.scene.expected));
        assert_eq!(
            evidence.signer().to_string(),
            format!("{IDENTITY} by {ISSUER}")
        );
        assert!(evidence.skipped().is_empty(), "{:?}", evidence.skipped());
    }
}

#[test]
fn identity_and_issuer_are_compared_byte_for_byte() {
    let mut keyless = Keyless::message(&Signer::default());
    for (identity, issuer, code) in [
        (IDENTITY, ISSUER, "accepted"),
        ("Release@example.com", ISSUER, "identity-mismatch"),
        ("release@example.co", ISSUER, "identity-mismatch"),
        ("*@example.com", ISSUER, "identity-mismatch"),
        ("", ISSUER, "identity-mismatch"),
        (IDENTITY, "https://issuer.example/", "issuer-mismatch"),
        (IDENTITY, "", "issuer-mismatch"),
    ] {
        keyless.scene.expected = ExpectedSigner::exactly(identity, issuer);
        assert_eq!(keyless.code(), code, "{identity} {issuer}");
    }
}

#[test]
fn a_uri_is_an_identity_as_well() {
    let mut keyless = Keyless::message(&Signer {
        names: vec![uri("https://ci.example/build.yml")],
        ..Signer::default()
    });
    assert_eq!(keyless.code(), "identity-mismatch");
    keyless.scene.expected = ExpectedSigner::exactly("https://ci.example/build.yml", ISSUER);
    assert_eq!(keyless.code(), "accepted");
}

#[test]
fn a_certificate_of_two_names_is_refused_whichever_comes_first() {
    assert_eq!(
        code_of(|it| it.names = vec![email(IDENTITY), email("other@example.com")]),
        "certificate-malformed"
    );
    assert_eq!(
        code_of(|it| it.names = vec![email("other@example.com"), email(IDENTITY)]),
        "certificate-malformed"
    );
    assert_eq!(
        code_of(|it| it.names = vec![dns("example.com"), email(IDENTITY)]),
        "certificate-malformed"
    );
}

#[test]
fn a_certificate_without_a_name_that_counts_is_refused() {
    assert_eq!(code_of(|it| it.names = vec![]), "certificate-malformed");
    assert_eq!(
        code_of(|it| it.names = vec![dns(IDENTITY)]),
        "identity-mismatch"
    );
}

#[test]
fn the_two_issuer_extensions_must_agree() {
    assert_eq!(code_of(|it| it.old_issuer = None), "accepted");
    assert_eq!(code_of(|it| it.issuer = None), "accepted");
    assert_eq!(
        code_of(|it| it.old_issuer = Some("https://other.example")),
        "certificate-malformed"
    );
    assert_eq!(
        code_of(|it| {
            it.issuer = None;
            it.old_issuer = None;
        }),
        "issuer-mismatch"
    );
}

#[test]
fn a_certificate_for_another_purpose_is_refused() {
    assert_eq!(code_of(|it| it.purposes = vec![]), "certificate-purpose");
    assert_eq!(
        code_of(|it| it.purposes = vec![TIME_STAMPING]),
        "certificate-purpose"
    );
    assert_eq!(
        code_of(|it| it.more = vec![extension("2.5.29.19", true, &seq(&[boolean(true)]))]),
        "certificate-purpose"
    );
}

#[test]
fn an_unknown_critical_extension_is_refused() {
    assert_eq!(
        code_of(|it| it.more = vec![extension("1.2.3.4", true, &null())]),
        "certificate-malformed"
    );
    assert_eq!(
        code_of(|it| it.more = vec![extension("1.2.3.4", false, &null())]),
        "accepted"
    );
}

#[test]
fn an_extension_twice_is_refused() {
    assert_eq!(
        code_of(|it| it.more = vec![extension("1.3.6.1.4.1.57264.1.8", false, &utf8(ISSUER))]),
        "certificate-malformed"
    );
}

#[test]
fn a_time_outside_of_the_certificates_minutes_is_refused() {
    let outside = "certificate-outside-validity";
    assert_eq!(
        code_of(|it| it.validity = ("20261121113000Z", "20261121113000Z")),
        "accepted"
    );
    assert_eq!(
        code_of(|it| it.validity = ("20261121112000Z", "20261121112959Z")),
        outside
    );
    assert_eq!(
        code_of(|it| it.validity = ("20261121113001Z", "20261121114000Z")),
        outside
    );
}

#[test]
fn one_time_inside_does_not_outweigh_one_outside() {
    // TOB-SIGSTORE-4: a backdated time of one authority must not revive a certificate.
    let mut keyless = Keyless::message(&Signer::default());
    let inside = keyless.scene.token().sign(&keyless.scene.authority.key);
    let second = crate::support::authority::Authority::new("second.example");
    keyless
        .scene
        .set_root("/timestampAuthorities/1", second.trusted());
    let mut late = crate::support::authority::Token::of(
        &second,
        &keyless.scene.signature(),
        "20261121114000Z",
    );
    keyless
        .scene
        .stamp(&[inside.clone(), late.sign(&second.key)]);
    assert_eq!(keyless.code(), "certificate-outside-validity");
    late.time = "20261121113200Z";
    keyless.scene.stamp(&[inside, late.sign(&second.key)]);
    assert_eq!(keyless.code(), "accepted");
}

#[test]
fn without_a_time_a_certificate_is_refused_whatever_is_accepted() {
    let mut keyless = Keyless::message(&Signer::default());
    keyless.scene.accept = Accept {
        no_log: true,
        no_time: true,
        set_only: true,
    };
    keyless.scene.set(TIMESTAMPS, json!([]));
    assert_eq!(keyless.code(), "time-missing");
}

#[test]
fn a_certificate_of_an_unknown_issuer_is_refused() {
    let mut keyless = Keyless::message(&Signer::default());
    let other = Issuer::new();
    other.trust_in(&mut keyless.scene.root);
    assert_eq!(keyless.code(), "certificate-chain-invalid");
    keyless
        .scene
        .root
        .as_object_mut()
        .unwrap()
        .remove("certificateAuthorities");
    assert_eq!(keyless.code(), "certificate-authority-unknown");
}

#[test]
fn an_issuer_whose_window_does_not_cover_the_time_is_refused() {
    let mut keyless = Keyless::message(&Signer::default());
    keyless.scene.set_root(
        "/certificateAuthorities/0/validFor",
        json!({"start": "2026-11-21T11:30:01Z"}),
    );
    assert_eq!(keyless.code(), "certificate-authority-validity");
}

#[test]
fn a_certificate_that_no_certificate_log_has_seen_is_refused() {
    assert_eq!(
        code_of(|it| it.logged = false),
        "certificate-transparency-missing"
    );
    let mut keyless = Keyless::message(&Signer::default());
    let other = Issuer {
        log: Key::p256(),
        ..Issuer::new()
    };
    let own = keyless.scene.root["certificateAuthorities"].clone();
    other.trust_in(&mut keyless.scene.root);
    keyless.scene.set_root("/certificateAuthorities", own);
    assert_eq!(keyless.code(), "certificate-log-unknown");
}

#[test]
fn a_forged_certificate_for_the_same_key_is_refused() {
    let signer = Signer::default();
    let mut keyless = Keyless::message(&signer);
    let forged = Issuer::new().issue(&signer, keyless.scene.key.spki());
    keyless.scene.set(
        "/verificationMaterial/certificate/rawBytes",
        base64::encode(&forged),
    );
    // The entry is about the other certificate.
    assert_eq!(keyless.code(), "log-entry-mismatch");
    let body = keyless.body(&forged);
    let entry = keyless
        .scene
        .log
        .entry("hashedrekord", "0.0.2", body.as_bytes(), INDEX, SIZE);
    keyless.scene.set(ENTRY, entry);
    assert_eq!(keyless.code(), "certificate-chain-invalid");
}

#[test]
fn an_entry_about_the_key_alone_is_not_one_about_the_certificate() {
    let mut keyless = Keyless::message(&Signer::default());
    let entry = keyless.scene.entry();
    keyless.scene.set(ENTRY, entry);
    assert_eq!(keyless.code(), "log-entry-mismatch");
}

#[test]
fn a_signature_of_another_key_is_refused() {
    let mut keyless = Keyless::message(&Signer::default());
    let forged = Key::p256().sign(&keyless.scene.artifact);
    keyless
        .scene
        .set("/messageSignature/signature", base64::encode(&forged));
    assert_eq!(keyless.code(), "signature-invalid");
}

#[test]
fn a_key_where_an_identity_is_wanted_is_refused() {
    let mut scene = Scene::message();
    scene.expected = ExpectedSigner::exactly(IDENTITY, ISSUER);
    assert_eq!(scene.code(), "signer-mismatch");
}

#[test]
fn the_proof_is_needed_with_certificates_as_well() {
    let mut keyless = Keyless::message(&Signer::default());
    keyless.scene.remove(PROOF);
    assert_eq!(keyless.code(), "log-proof-missing");
}

#[test]
fn chains_of_old_bundles_hold_no_roots() {
    let mut keyless = Keyless::message(&Signer::default());
    let leaf = json!({"rawBytes": base64::encode(&keyless.certificate)});
    let root = json!({"rawBytes": base64::encode(&keyless.issuer.root)});
    keyless.scene.set("/mediaType", V0_2);
    assert_eq!(keyless.code(), "bundle-malformed");
    keyless.scene.remove("/verificationMaterial/certificate");
    keyless.scene.set(
        "/verificationMaterial/x509CertificateChain",
        json!({"certificates": [leaf.clone()]}),
    );
    assert_eq!(keyless.code(), "accepted");
    keyless.scene.set(
        "/verificationMaterial/x509CertificateChain",
        json!({"certificates": [leaf, root]}),
    );
    assert_eq!(keyless.code(), "certificate-malformed");
}

#[test]
fn every_flip_in_the_certificate_is_refused() {
    let mut keyless = Keyless::message(&Signer::default());
    for place in 0..keyless.certificate.len() {
        let mut flipped = keyless.certificate.clone();
        flipped[place] ^= 1 << (place % 8);
        keyless.scene.set(
            "/verificationMaterial/certificate/rawBytes",
            base64::encode(&flipped),
        );
        assert_ne!(keyless.code(), "accepted", "byte {place}");
    }
}

#[test]
fn every_flip_in_the_certificate_is_refused_although_it_was_logged() {
    // Whoever can write to the log can log a forged certificate: its issuer's signature decides.
    let mut keyless = Keyless::message(&Signer::default());
    for place in 0..keyless.certificate.len() {
        let mut flipped = keyless.certificate.clone();
        flipped[place] ^= 1 << (place % 8);
        let body = keyless.body(&flipped);
        keyless.scene.set(
            "/verificationMaterial/certificate/rawBytes",
            base64::encode(&flipped),
        );
        let entry = keyless
            .scene
            .log
            .entry("hashedrekord", "0.0.2", body.as_bytes(), INDEX, SIZE);
        keyless.scene.set(ENTRY, entry);
        assert_ne!(keyless.code(), "accepted", "byte {place}");
    }
}

#[test]
fn bytes_that_are_no_certificate_are_refused() {
    let mut keyless = Keyless::message(&Signer::default());
    let longer = [keyless.certificate.as_slice(), &[0]].concat();
    for bytes in [
        vec![0x30, 0],
        sha256(b"noise"),
        keyless.certificate[..100].to_vec(),
        longer,
    ] {
        keyless.scene.set(
            "/verificationMaterial/certificate/rawBytes",
            base64::encode(&bytes),
        );
        assert_eq!(keyless.code(), "certificate-malformed");
    }
}
