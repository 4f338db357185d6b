use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn entry() -> Entry {
    let digest = Digest::Sha256([0xab; 32]);
    let verifier = Verifier::PublicKey(vec![0x30, 0x59]);
    Entry::new(
        digest,
        vec![0x30, 0x45, 0x02],
        KeyDetails::EcdsaP256Sha256,
        verifier,
    )
    .unwrap()
}

fn value() -> Value {
    json!({
        "apiVersion": "0.0.2",
        "kind": "hashedrekord",
        "spec": {"hashedRekordV002": {
            "data": {"algorithm": "SHA2_256", "digest": codec::encode_base64(&[0xab; 32])},
            "signature": {
                "content": "MEUC",
                "verifier": {
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                    "publicKey": {"rawBytes": "MFk="},
                },
            },
        }},
    })
}

fn canonical(value: &Value) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value).unwrap()
}

#[track_caller]
fn refused(body: &[u8]) -> EntryError {
    let error = Entry::parse(body).expect_err(&String::from_utf8_lossy(body));
    assert_eq!(error.code(), "log-entry-malformed");
    error
}

/// The canonical body after one change.
fn changed(pointer: &str, value_there: Value) -> Vec<u8> {
    let mut value = value();
    *value.pointer_mut(pointer).unwrap() = value_there;
    canonical(&value)
}

#[test]
fn the_same_json_in_another_spelling_is_refused() {
    let body = String::from_utf8(entry().body()).unwrap();
    for other in [
        format!(" {body}"),
        format!("{body}\n"),
        body.replace(',', ", "),
        body.replace("hashedrekord", "hashe\\u0064rekord"),
        body.replace(r#""kind":"hashedrekord","#, "").replacen(
            '{',
            r#"{"kind":"hashedrekord","#,
            1,
        ),
    ] {
        assert!(
            matches!(refused(other.as_bytes()), EntryError::NotCanonical),
            "{other}"
        );
    }
    let doubled = body.replace(r#""kind":"#, r#""kind":"hashedrekord","kind":"#);
    assert!(matches!(refused(doubled.as_bytes()), EntryError::Json(_)));
}

#[test]
fn unknown_and_missing_fields_are_refused() {
    for pointer in [
        "",
        "/spec",
        "/spec/hashedRekordV002",
        "/spec/hashedRekordV002/data",
        "/spec/hashedRekordV002/signature",
        "/spec/hashedRekordV002/signature/verifier",
        "/spec/hashedRekordV002/signature/verifier/publicKey",
    ] {
        let mut extra = value();
        let object = extra.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
        object.insert("zzz".to_owned(), json!(1));
        assert!(
            matches!(refused(&canonical(&extra)), EntryError::Json(_)),
            "{pointer}"
        );

        let keys: Vec<String> = value()
            .pointer(pointer)
            .unwrap()
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        for key in keys {
            let mut less = value();
            less.pointer_mut(pointer)
                .unwrap()
                .as_object_mut()
                .unwrap()
                .remove(&key);
            refused(&canonical(&less));
        }
    }
    refused(b"");
    refused(b"null");
    refused(b"[]");
}

#[test]
fn other_kinds_and_versions_are_refused() {
    for (pointer, other) in [("/kind", "dsse"), ("/apiVersion", "0.0.1")] {
        assert!(matches!(
            refused(&changed(pointer, json!(other))),
            EntryError::Kind { .. }
        ));
    }
}

#[test]
fn fields_that_are_not_canonical_base64_or_are_empty_are_refused() {
    let record = "/spec/hashedRekordV002";
    for field in [
        "/data/digest",
        "/signature/content",
        "/signature/verifier/publicKey/rawBytes",
    ] {
        let pointer = format!("{record}{field}");
        for text in ["MFl", "MFm=", "M-k=", "MFk=\n", "MFk==", "!"] {
            assert!(matches!(
                refused(&changed(&pointer, json!(text))),
                EntryError::Base64 { .. }
            ));
        }
        refused(&changed(&pointer, json!("")));
        refused(&changed(&pointer, Value::Null));
    }
}

#[test]
fn keys_and_digests_that_no_log_takes_are_refused() {
    let verifier = "/spec/hashedRekordV002/signature/verifier/keyDetails";
    for name in [
        "PKIX_ED25519",
        "PKIX_RSA_PSS_2048_SHA256",
        "PKIX_ECDSA_P256_HMAC_SHA_256",
        "",
        "pkix_ecdsa_p256_sha_256",
    ] {
        let error = refused(&changed(verifier, json!(name)));
        assert!(matches!(
            error,
            EntryError::Unsupported {
                field: "verifier.keyDetails",
                ..
            }
        ));
    }
    let algorithm = "/spec/hashedRekordV002/data/algorithm";
    for name in ["sha256", "SHA1", "SHA3_256", ""] {
        let error = refused(&changed(algorithm, json!(name)));
        assert!(matches!(
            error,
            EntryError::Unsupported {
                field: "data.algorithm",
                ..
            }
        ));
    }
    // The length of SHA-256 under the name of SHA-512, and a digest that the key does not sign.
    assert!(matches!(
        refused(&changed(algorithm, json!("SHA2_512"))),
        EntryError::Digest(_)
    ));
    let other = refused(&changed(verifier, json!("PKIX_ECDSA_P384_SHA_384")));
    assert!(matches!(other, EntryError::DigestAlgorithm { .. }));
}

#[test]
fn a_key_beside_a_certificate_is_refused() {
    let mut both = value();
    let pointer = "/spec/hashedRekordV002/signature/verifier";
    both.pointer_mut(pointer).unwrap()["x509Certificate"] = json!({"rawBytes": "MFk="});
    assert!(matches!(refused(&canonical(&both)), EntryError::Verifier));
    both.pointer_mut(pointer).unwrap()["publicKey"] = Value::Null;
    refused(&canonical(&both));
}

#[test]
fn an_entry_larger_than_a_bundle_holds_is_refused() {
    let make = |bytes| {
        let verifier = Verifier::Certificate(vec![1; bytes]);
        Entry::new(
            Digest::Sha256([0; 32]),
            vec![1],
            KeyDetails::EcdsaP256Sha256,
            verifier,
        )
    };
    let largest = make(48_939).unwrap();
    assert!(largest.body().len() <= limits::ENTRY_BYTES);
    assert!(matches!(
        make(49_000).unwrap_err(),
        EntryError::TooLarge { .. }
    ));
    refused(&vec![b' '; limits::ENTRY_BYTES + 1]);
}

#[test]
fn the_body_is_the_canonical_form() {
    assert_eq!(entry().body(), canonical(&value()));
    assert_eq!(Entry::parse(&canonical(&value())).unwrap(), entry());
}

#[test]
fn a_body_with_a_p256_key_has_the_bytes_of_rekor() {
    // 91 bytes of SPKI and a signature of 70: what a P-256 key gives most often.
    let verifier = Verifier::PublicKey(vec![0x30; 91]);
    let entry = Entry::new(
        Digest::Sha256([1; 32]),
        vec![0x30; 70],
        KeyDetails::EcdsaP256Sha256,
        verifier,
    );
    assert_eq!(entry.unwrap().body().len(), 489);
}

fn verifier() -> impl Strategy<Value = Verifier> {
    let bytes = || prop::collection::vec(any::<u8>(), 1..200);
    prop_oneof![
        bytes().prop_map(Verifier::PublicKey),
        bytes().prop_map(Verifier::Certificate)
    ]
}

proptest! {
    #[test]
    fn entries_round_trip(
        details in prop::sample::select(KeyDetails::ALL.as_slice()), digest: [u8; 32],
        signature in prop::collection::vec(any::<u8>(), 1..200), verifier in verifier(),
    ) {
        let algorithm = details.digest_algorithm();
        let digest = Digest::from_bytes(algorithm, &digest.repeat(2)[..algorithm.len()]).unwrap();
        let entry = Entry::new(digest, signature, details, verifier).unwrap();
        let value: Value = serde_json::from_slice(&entry.body()).unwrap();
        prop_assert_eq!(canonical(&value), entry.body());
        prop_assert_eq!(Entry::parse(&entry.body()).unwrap(), entry);
    }

    #[test]
    fn any_changed_byte_gives_another_entry_or_none(at: prop::sample::Index, byte: u8) {
        let mut body = entry().body();
        let at = at.index(body.len());
        prop_assume!(body[at] != byte);
        body[at] = byte;
        if let Ok(other) = Entry::parse(&body) {
            prop_assert_ne!(other.clone(), entry());
            prop_assert_eq!(other.body(), body);
        }
    }
}
