//! Public keys: what is read, and what they verify.

use attest_provenance::base64;
use attest_verify::{Bundle, ExpectedSigner, KeyKind, PublicKey};
use serde_json::json;

use crate::support::der::*;
use crate::support::keys::{Key, sha256};
use crate::support::log::Log;
use crate::support::{ENTRY, Scene};

fn error_of(bytes: &[u8]) -> &'static str {
    PublicKey::parse(bytes).map_or_else(|it| it.code(), |_| "accepted")
}

#[test]
fn keys_of_every_kind_are_read_in_pem_and_der() {
    let kinds = [
        (Key::p256(), KeyKind::P256),
        (Key::p384(), KeyKind::P384),
        (Key::p521(), KeyKind::P521),
        (Key::rsa2048(), KeyKind::Rsa { bits: 2048 }),
        (Key::ed25519(3), KeyKind::Ed25519),
    ];
    for (key, kind) in kinds {
        let spki = key.spki();
        let der = PublicKey::parse(&spki).unwrap();
        assert_eq!(der.kind(), kind);
        assert_eq!(der.spki(), spki);
        assert_eq!(der.fingerprint().to_vec(), sha256(&spki));
        assert_eq!(der.hint(), base64::encode(&sha256(&spki)));
        let pem = der.to_pem();
        assert_eq!(PublicKey::parse(pem.as_bytes()).unwrap(), der);
        // With the line breaks of other systems, and a blank line at the end.
        assert_eq!(
            PublicKey::parse(pem.replace('\n', "\r\n").as_bytes()).unwrap(),
            der
        );
        assert_eq!(
            PublicKey::parse(format!("{pem}\n").as_bytes()).unwrap(),
            der
        );
    }
}

#[test]
fn the_pem_is_that_of_openssl() {
    let spki = base64::decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYI4heOTrNrZO27elFE8ynfrdPMikttRkbe+vJKQ50G6bfwQ3WyhLpRwwwohelDAm8xRzJ56nYsIa3VHivVvpmA==").unwrap();
    let pem = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYI4heOTrNrZO27elFE8ynfrdPMik\nttRkbe+vJKQ50G6bfwQ3WyhLpRwwwohelDAm8xRzJ56nYsIa3VHivVvpmA==\n-----END PUBLIC KEY-----\n";
    assert_eq!(PublicKey::parse(&spki).unwrap().to_pem(), pem);
}

#[test]
fn what_is_not_one_public_key_is_unreadable() {
    let pem = PublicKey::from_spki(&Key::p256().spki()).unwrap().to_pem();
    let cut = &pem[..pem.len() - 40];
    for bytes in [
        "",
        "not a key",
        cut,
        &format!("{pem}{pem}"),
        &format!("a comment\n{pem}"),
        &pem.replace("END PUBLIC", "END PRIVATE"),
        &pem.replacen('M', "*", 1),
        "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
        "-----BEGIN PUBLIC KEY-----",
    ] {
        assert_eq!(error_of(bytes.as_bytes()), "key-unreadable", "{bytes}");
    }
    assert_eq!(error_of(&[0xff, 0xfe, 0x00]), "key-unreadable");
    assert_eq!(
        error_of(&vec![b' '; attest_verify::limits::KEY_BYTES + 1]),
        "key-unreadable"
    );
}

#[test]
fn private_keys_certificates_and_unknown_kinds_are_unsupported() {
    for label in [
        "PRIVATE KEY",
        "EC PRIVATE KEY",
        "ENCRYPTED SIGSTORE PRIVATE KEY",
        "CERTIFICATE",
        "RSA PUBLIC KEY",
    ] {
        let pem = format!("-----BEGIN {label}-----\nMAA=\n-----END {label}-----\n");
        assert_eq!(error_of(pem.as_bytes()), "key-unsupported", "{label}");
    }
    let secp256k1 = seq(&[
        seq(&[oid("1.2.840.10045.2.1"), oid("1.3.132.0.10")]),
        bits(&[4; 65]),
    ]);
    assert_eq!(error_of(&secp256k1), "key-unsupported");
    let dsa = seq(&[seq(&[oid("1.2.840.10040.4.1")]), bits(&[4; 65])]);
    assert_eq!(error_of(&dsa), "key-unsupported");
}

#[test]
fn keys_that_are_none_are_unreadable() {
    let p256 = |point: &[u8]| {
        seq(&[
            seq(&[oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7")]),
            bits(point),
        ])
    };
    let good = Key::p256().spki();
    let point = &good[good.len() - 65..];
    assert_eq!(error_of(&p256(point)), "accepted");
    let mut off_curve = point.to_vec();
    off_curve[64] ^= 1;
    let compressed = [&[2], &point[1..33]].concat();
    let hybrid = [&[6], &point[1..]].concat();
    for bad in [
        off_curve.as_slice(),
        &compressed,
        &hybrid,
        &[4; 65],
        &[0],
        &point[..64],
    ] {
        assert_eq!(error_of(&p256(bad)), "key-unreadable", "{bad:02x?}");
    }
    // The same key in another spelling has another fingerprint.
    let longer = [good.as_slice(), &[0]].concat();
    let long_form = [&[0x30, 0x81], &good[1..]].concat();
    for bad in [longer, long_form] {
        assert_eq!(error_of(&bad), "key-unreadable");
    }
}

#[test]
fn rsa_keys_are_bounded() {
    let rsa = |modulus: &[u8], exponent: u64| {
        let modulus = tlv(0x02, &[&[0], modulus].concat());
        seq(&[
            seq(&[oid("1.2.840.113549.1.1.1"), null()]),
            bits(&seq(&[modulus, int(exponent)])),
        ])
    };
    let mut modulus = vec![0xc3; 256];
    *modulus.last_mut().unwrap() |= 1;
    assert_eq!(error_of(&rsa(&modulus, 65_537)), "accepted");
    assert_eq!(error_of(&rsa(&modulus[128..], 65_537)), "key-unsupported");
    assert_eq!(
        error_of(&rsa(&[modulus.as_slice(); 5].concat(), 65_537)),
        "key-unsupported"
    );
    for exponent in [0, 1, 2, 65_536] {
        assert_eq!(
            error_of(&rsa(&modulus, exponent)),
            "key-unreadable",
            "{exponent}"
        );
    }
}

#[test]
fn the_keys_that_entries_claim_can_be_found_by_their_fingerprint() {
    for log in [Log::v2("log.example", 7), Log::v1("log.example")] {
        let scene = Scene::message_in(log);
        let bundle = Bundle::parse(scene.bundle.to_string().as_bytes()).unwrap();
        assert_eq!(bundle.claimed_keys(), [scene.public_key()]);
        let found = ExpectedSigner::Key(bundle.claimed_keys().remove(0));
        assert_eq!(found, scene.expected);
    }
    let mut scene = Scene::message();
    scene.set(
        &format!("{ENTRY}/canonicalizedBody"),
        json!(base64::encode(b"{}")),
    );
    let bundle = Bundle::parse(scene.bundle.to_string().as_bytes()).unwrap();
    assert!(bundle.claimed_keys().is_empty());
}
