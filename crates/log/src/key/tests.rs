use ed25519_dalek::SigningKey;

use super::*;

#[track_caller]
fn refused(vkey: &str) -> KeyError {
    let error = LogKey::parse(vkey).expect_err(vkey);
    assert_eq!(error.code(), "log-key-invalid");
    error
}

#[test]
fn a_key_id_of_another_key_is_refused() {
    let key = LogKey::new(
        "log.example",
        SigningKey::from_bytes(&[7; 32]).verifying_key().as_bytes(),
    );
    let vkey = key.unwrap().to_string();
    let (origin, id, encoded) = parts(&vkey);
    assert!(matches!(
        refused(&format!("{origin}+00000000+{encoded}")),
        KeyError::KeyId { .. }
    ));
    assert!(matches!(
        refused(&format!("log.example2+{id}+{encoded}")),
        KeyError::KeyId { .. }
    ));
    let upper = id.to_uppercase();
    assert_ne!(upper, id, "choose a seed with a letter in its key id");
    assert!(matches!(
        refused(&format!("{origin}+{upper}+{encoded}")),
        KeyError::KeyId { .. }
    ));
}

#[test]
fn what_is_not_a_vkey_is_refused() {
    let vkey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let (origin, id, encoded) = parts(vkey);
    for vkey in [
        String::new(),
        "+".to_owned(),
        origin.to_owned(),
        format!("{origin}+{id}"),
        format!("{origin}+{id}+"),
        format!("{origin}+{id}+{encoded}+"),
        format!("{origin}+{id}+{encoded}\n"),
        format!("{origin}+{id}+{encoded}="),
        format!("+{id}+{encoded}"),
        format!("Peter Neumann+{id}+{encoded}"),
        format!("{origin}\n+{id}+{encoded}"),
        format!("{origin}+{id}+{}", encoded.replacen("AR", "AA", 1)),
        format!("{origin}+{id}+{}", codec::encode_base64(&[1; 32])),
        format!("{origin}+{id}+{}", codec::encode_base64(&[1; 34])),
    ] {
        refused(&vkey);
    }
    // An ECDSA key (type 2) and a timestamped cosignature key (type 4).
    for algorithm in [0_u8, 2, 4, 6, 255] {
        let encoded = codec::encode_base64(&[algorithm; 33]);
        let error = refused(&format!("{origin}+{id}+{encoded}"));
        assert_eq!(error, KeyError::Algorithm { found: algorithm });
    }
}

#[test]
fn keys_under_which_anybody_can_sign_are_refused() {
    // The neutral element and a point of order 8 (RFC 8032, small-order points).
    let mut neutral = [0; 32];
    neutral[0] = 1;
    assert_eq!(LogKey::new("log.example", &neutral), Err(KeyError::Weak));
    assert_eq!(LogKey::new("log.example", &[0; 32]), Err(KeyError::Weak));
    let off_curve: [u8; 32] = std::array::from_fn(|it| if it == 0 { 2 } else { 0 });
    assert_eq!(
        LogKey::new("log.example", &off_curve),
        Err(KeyError::NotAPoint)
    );
}

#[test]
fn an_spki_of_another_kind_is_refused() {
    let key = LogKey::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
        .unwrap();
    let spki = key.spki();
    assert_eq!(LogKey::from_spki("PeterNeumann", &spki), Ok(key));
    let longer = [spki.as_slice(), &[0]].concat();
    let x25519 = {
        let mut spki = spki.clone();
        spki[8] = 0x6e;
        spki
    };
    for spki in [&spki[..43], &longer, &x25519, &[]] {
        let error = LogKey::from_spki("PeterNeumann", spki).unwrap_err();
        assert_eq!(error, KeyError::NotEd25519);
    }
}

/// The key and signature of the documentation of golang.org/x/mod/sumdb/note.
#[test]
fn the_example_of_the_go_implementation_verifies() {
    let vkey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let key = LogKey::parse(vkey).unwrap();
    assert_eq!(key.to_string(), vkey);
    assert_eq!(key.key_id(), [0xc7, 0x4f, 0x20, 0xa3]);
    let text = "If you think cryptography is the answer to your problem,\n\
                then you don't know what your problem is.\n";
    let line = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";
    let line = codec::decode_base64(line).unwrap();
    let signature = line[4..].try_into().unwrap();
    assert!(key.verifies(text.as_bytes(), signature));
    assert!(!key.verifies(b"other", signature));
}

/// The public Go checksum database.
#[test]
fn the_key_of_the_go_checksum_database_parses() {
    let vkey = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
    let key = LogKey::parse(vkey).unwrap();
    assert_eq!(key.origin(), "sum.golang.org");
    assert_eq!(key.to_string(), vkey);
}

fn parts(vkey: &str) -> (&str, &str, &str) {
    let mut parts = vkey.splitn(3, '+');
    (
        parts.next().unwrap(),
        parts.next().unwrap(),
        parts.next().unwrap(),
    )
}
