//! Steps 11 and 12: chains of certificates, and certificate logs.

use attest_digest::{Artifact, Hashes};
use attest_provenance::base64;
use attest_verify::{Bundle, Skipped, Subject, TrustedRoot, Verifier};
use serde_json::json;

use crate::support::V0_2;
use crate::support::authority::purpose;
use crate::support::der::*;
use crate::support::issuer::{Between, Issuer, Second, Signer};
use crate::support::keyless::Keyless;
use crate::support::keys::Key;

/// A bundle by a certificate below an intermediate one that the trusted root has.
fn below(change: impl FnOnce(&mut Between)) -> Keyless {
    let mut between = Between::default();
    change(&mut between);
    let issuer = Issuer::below(Issuer::new(), between);
    Keyless::issued_by(issuer, &Signer::default(), Key::p256(), false)
}

/// The same, but the bundle brings the intermediate certificate: the engine wants it to be for code
/// signing by name.
fn brought(change: impl FnOnce(&mut Between)) -> Keyless {
    let mut keyless = below(|it| {
        it.extensions.push(purpose(false, &[CODE_SIGNING]));
        change(it);
    });
    let leaf = keyless.certificate.clone();
    let between = keyless.issuer.intermediate.clone().unwrap();
    bring(&mut keyless, &[&leaf, &between]);
    let root = json!([{"rawBytes": base64::encode(&keyless.issuer.root)}]);
    keyless
        .scene
        .set_root("/certificateAuthorities/0/certChain/certificates", root);
    keyless
}

fn bring(keyless: &mut Keyless, chain: &[&Vec<u8>]) {
    let certificates: Vec<_> = chain
        .iter()
        .map(|it| json!({"rawBytes": base64::encode(it)}))
        .collect();
    keyless.scene.set("/mediaType", V0_2);
    keyless.scene.bundle["verificationMaterial"]
        .as_object_mut()
        .unwrap()
        .remove("certificate");
    keyless.scene.set(
        "/verificationMaterial/x509CertificateChain",
        json!({"certificates": certificates}),
    );
}

fn path_length(most: u64) -> Vec<Vec<u8>> {
    vec![
        extension("2.5.29.19", true, &seq(&[boolean(true), int(most)])),
        extension("2.5.29.15", true, &tlv(0x03, &[2, 0x04])),
    ]
}

#[test]
fn an_intermediate_of_the_root_or_of_the_bundle_is_a_way_to_the_root() {
    assert_eq!(below(|_| ()).code(), "accepted");
    assert_eq!(brought(|_| ()).code(), "accepted");
    assert_eq!(
        below(|it| it.extensions = path_length(0)).code(),
        "accepted"
    );
    let for_code = |it: &mut Between| it.extensions.push(purpose(false, &[CODE_SIGNING]));
    assert_eq!(below(for_code).code(), "accepted");
}

#[test]
fn what_the_bundle_brings_without_need_does_no_harm() {
    let mut keyless = below(|_| ());
    let leaf = keyless.certificate.clone();
    let other = Issuer::below(Issuer::new(), Between::default());
    bring(&mut keyless, &[&leaf, &other.intermediate.unwrap()]);
    assert_eq!(keyless.code(), "accepted");
}

#[test]
fn an_issuer_must_be_an_authority_for_it_whoever_brings_it() {
    type Change = fn(&mut Between);
    let changes: [(&str, Change); 7] = [
        ("no authority", |it| it.extensions.clear()),
        ("key usage", |it| {
            it.extensions = vec![
                extension("2.5.29.19", true, &seq(&[boolean(true)])),
                extension("2.5.29.15", true, &tlv(0x03, &[7, 0x80])),
            ];
        }),
        ("purpose", |it| {
            it.extensions.truncate(2);
            it.extensions.push(purpose(false, &[TIME_STAMPING]));
        }),
        ("unknown critical", |it| {
            it.extensions.push(extension("1.2.3.4", true, &null()));
        }),
        ("name constraints", |it| {
            it.extensions.push(extension("2.5.29.30", true, &seq(&[])));
        }),
        ("name constraints that are not critical", |it| {
            it.extensions.push(extension("2.5.29.30", false, &seq(&[])));
        }),
        ("authority said false", |it| {
            it.extensions = vec![extension("2.5.29.19", true, &seq(&[]))];
        }),
    ];
    for (what, change) in changes {
        assert_eq!(below(change).code(), "certificate-chain-invalid", "{what}");
        assert_eq!(
            brought(change).code(),
            "certificate-chain-invalid",
            "{what}"
        );
    }
}

#[test]
fn every_certificate_must_be_valid_at_the_proven_time() {
    let outside = [
        ("20260101000000Z", "20261121112959Z"),
        ("20261121113001Z", "20460101000000Z"),
    ];
    for validity in outside {
        let code = "certificate-authority-validity";
        assert_eq!(below(|it| it.validity = validity).code(), code);
        assert_eq!(brought(|it| it.validity = validity).code(), code);
    }
    let keyless = below(|it| it.validity = outside[1]);
    let words = keyless.scene.verify().unwrap_err().1;
    let window = "2026-11-21T11:30:01Z to 2046-01-01T00:00:00Z";
    assert!(words.contains(window), "{words}");
    let at_the_end = ("20260101000000Z", "20261121113000Z");
    assert_eq!(below(|it| it.validity = at_the_end).code(), "accepted");
}

#[test]
fn a_path_length_is_respected_above_an_intermediate() {
    let root_allows = |most: u64| {
        let mut keyless = brought(|_| ());
        let root_key = keyless.issuer.root_key.take().unwrap();
        let root = crate::support::authority::Certificate {
            subject: "issuer root",
            issuer: "issuer root",
            serial: 1,
            validity: ("20260101000000Z", "20460101000000Z"),
            spki: root_key.spki(),
            extensions: path_length(most),
        };
        let root = root.sign(&root_key);
        keyless.scene.set_root(
            "/certificateAuthorities/0/certChain/certificates/0/rawBytes",
            base64::encode(&root),
        );
        keyless.code()
    };
    assert_eq!(root_allows(1), "accepted");
    assert_eq!(root_allows(0), "certificate-chain-invalid");
}

#[test]
fn a_chain_of_the_trusted_root_that_does_not_hold_vouches_for_nothing() {
    let mut keyless = below(|_| ());
    keyless.scene.set_root(
        "/certificateAuthorities/0/certChain/certificates/1/rawBytes",
        base64::encode(&Issuer::new().root),
    );
    assert_eq!(keyless.code(), "certificate-chain-invalid");
}

#[test]
fn the_same_authority_with_two_windows_is_valid_in_either() {
    let mut keyless = below(|_| ());
    let authority = keyless.scene.root["certificateAuthorities"][0].clone();
    let early = json!({"start": "2026-01-01T00:00:00Z", "end": "2026-02-01T00:00:00Z"});
    keyless
        .scene
        .set_root("/certificateAuthorities/1", authority);
    keyless
        .scene
        .set_root("/certificateAuthorities/0/validFor", early.clone());
    assert_eq!(keyless.code(), "accepted");
    keyless
        .scene
        .set_root("/certificateAuthorities/1/validFor", early);
    assert_eq!(keyless.code(), "certificate-authority-validity");
}

#[test]
fn a_root_without_certificate_logs_asks_for_none_and_the_report_says_so() {
    let signer = Signer {
        logged: false,
        ..Signer::default()
    };
    let mut keyless = Keyless::message(&signer);
    assert_eq!(keyless.code(), "certificate-transparency-missing");
    keyless.scene.root.as_object_mut().unwrap().remove("ctlogs");
    let evidence = keyless.scene.verify().unwrap();
    assert_eq!(evidence.skipped(), [Skipped::CertificateLog]);
}

#[test]
fn a_certificate_log_that_cannot_be_used_is_asked_for_all_the_same() {
    let mut keyless = Keyless::message(&Signer::default());
    keyless
        .scene
        .set_root("/ctlogs/0/logId/keyId", base64::encode(&[7; 32]));
    assert_eq!(keyless.code(), "certificate-log-unknown");
}

#[test]
fn the_certificate_logs_of_another_root_do_not_count() {
    let keyless = Keyless::message(&Signer::default());
    let mut other = keyless.scene.root.clone();
    other
        .as_object_mut()
        .unwrap()
        .remove("certificateAuthorities");
    let mut own = keyless.scene.root.clone();
    let strange = Issuer::new();
    let authorities = own["certificateAuthorities"].clone();
    strange.trust_in(&mut own);
    own["certificateAuthorities"] = authorities;
    let roots = [own, other]
        .map(|it| TrustedRoot::parse(it.to_string().as_bytes()).unwrap())
        .to_vec();
    let now = keyless.scene.now.parse().unwrap();
    let verifier = Verifier::new(roots, now, keyless.scene.accept).unwrap();
    let bundle = Bundle::parse(keyless.scene.bundle.to_string().as_bytes()).unwrap();
    let artifact = Artifact::of_bytes(&keyless.scene.artifact, Hashes::Sha256);
    let subject = Subject::Artifact(&artifact);
    let refused = verifier.verify(&bundle, &subject, &keyless.scene.expected);
    assert_eq!(refused.unwrap_err().code(), "certificate-log-unknown");
}

/// GitHub's own instance: no log of either kind, the second judge accepts as well.
#[test]
fn a_timestamp_alone_is_accepted_if_asked_for_and_the_report_says_so() {
    let signer = Signer {
        logged: false,
        ..Signer::default()
    };
    for statement in [false, true] {
        let key = Key::p256();
        let mut scene = Keyless::issued_by(Issuer::new(), &signer, key, statement).scene;
        scene.set("/verificationMaterial/tlogEntries", json!([]));
        for logs in ["tlogs", "ctlogs"] {
            scene.root.as_object_mut().unwrap().remove(logs);
        }
        assert_eq!(scene.code(), "log-missing");
        scene.accept.no_log = true;
        let evidence = scene.verify().unwrap();
        assert_eq!(evidence.skipped(), [Skipped::Log, Skipped::CertificateLog]);
        assert_eq!(evidence.times().len(), 1);
        assert!(evidence.logs().is_empty());
    }
}

#[test]
fn a_certificate_log_with_an_rsa_key_is_one() {
    let issuer = Issuer {
        log: Key::rsa2048(),
        ..Issuer::new()
    };
    let keyless = Keyless::issued_by(issuer, &Signer::default(), Key::p256(), false);
    assert_eq!(keyless.code(), "accepted");
}

#[test]
fn a_forged_timestamp_of_a_known_certificate_log_is_not_outweighed() {
    let code = |second| {
        let signer = Signer {
            logged_twice: Some(second),
            ..Signer::default()
        };
        Keyless::message(&signer).code()
    };
    assert_eq!(code(Second::OfTheLog), "certificate-transparency-invalid");
    // Of a log that we do not know nobody can say whether it signed: we pass it over, the engine does not.
    assert_eq!(code(Second::OfAnother), "engine-rejected");
}

/// RFC 6962 §2.1.4 has SHA-256 alone, and the kind of signature is the key's.
#[test]
fn a_timestamp_that_names_another_algorithm_than_the_logs_is_refused() {
    for (logged_as, code) in [
        ((4, None), "accepted"),
        ((5, None), "certificate-transparency-invalid"),
        ((2, None), "certificate-transparency-invalid"),
        ((4, Some(1)), "certificate-transparency-invalid"),
        ((5, Some(1)), "certificate-transparency-invalid"),
    ] {
        let signer = Signer {
            logged_as,
            ..Signer::default()
        };
        assert_eq!(Keyless::message(&signer).code(), code, "{logged_as:?}");
    }
}

#[test]
fn lists_of_timestamps_that_are_malformed_are_refused() {
    let one = |version: u8| {
        let rest = [[7; 32].as_slice(), &[0; 8], &[0, 0, 4, 3, 0, 1, 9]].concat();
        [&[version], rest.as_slice()].concat()
    };
    let short = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
    let lists = [
        Vec::new(),
        short(&[]),
        short(&short(&one(1))),
        short(&short(&one(0)[..20])),
        [short(&short(&one(0))), vec![0]].concat(),
        short(&[short(&one(0)), vec![0]].concat()),
        short(&short(&one(0)).repeat(17)),
    ];
    let code = |value: &[u8]| {
        let timestamps = extension("1.3.6.1.4.1.11129.2.4.2", false, value);
        let signer = Signer {
            logged: false,
            more: vec![timestamps],
            ..Signer::default()
        };
        Keyless::message(&signer).code()
    };
    for list in lists {
        let found = code(&octets(&list));
        assert_eq!(found, "certificate-transparency-invalid", "{list:02x?}");
        // Not wrapped in another OCTET STRING.
        assert_eq!(code(&list), "certificate-transparency-invalid");
    }
    assert_eq!(
        code(&octets(&short(&short(&one(0))))),
        "certificate-log-unknown"
    );
}

/// A chain that the bundle brings twice, in circles or in great number costs no more than another.
#[test]
fn circles_and_crowds_of_issuers_are_answered() {
    let mut keyless = below(|_| ());
    let leaf = keyless.certificate.clone();
    let other = Issuer::below(Issuer::new(), Between::default());
    let other = other.intermediate.unwrap();
    let crowd: Vec<&Vec<u8>> = std::iter::once(&leaf)
        .chain(std::iter::repeat_n(&other, 9))
        .collect();
    bring(&mut keyless, &crowd);
    assert_eq!(keyless.code(), "accepted");
    keyless.scene.set_root("/certificateAuthorities", json!([]));
    assert_eq!(keyless.code(), "certificate-authority-unknown");
}
