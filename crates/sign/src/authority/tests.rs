use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::{ID_SHA_1, ID_SHA_256, ID_SHA_384, ID_SHA_512};
use der::asn1::{Int, Null, OctetString};
use der::{Any, Decode as _, Encode as _};
use sigstore_tsa::verify_timestamp_for_authority;
use sigstore_types::{DerCertificate, SignatureBytes, TimestampToken, TsaAuthority};
use spki::AlgorithmIdentifierOwned;
use x509_cert::ext::Extension;

use super::tsp::{MessageImprint, POLICY, TimeStampReq, TimeStampResp};
use super::*;

const MESSAGE: &[u8] = b"signature bytes";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-11-21T09:41:07Z")
}

fn period() -> Period {
    Period {
        from: at("2026-11-21T09:00:00Z"),
        until: at("2036-11-21T09:00:00Z"),
    }
}

fn root_and_authority() -> (AuthorityRoot, Authority) {
    let name = |common: &str| AuthorityName::new("attest test", common).unwrap();
    let root = AuthorityRoot::create(&name("timestamp root"), period()).unwrap();
    let authority = root.issue(&name("timestamp"), period()).unwrap();
    (root, authority)
}

fn authority() -> Authority {
    root_and_authority().1
}

/// The authority as the Sigstore crates' verifier wants it.
fn trusted(authority: &Authority) -> TsaAuthority {
    let certificate = |index: usize| DerCertificate::new(authority.chain()[index].clone());
    TsaAuthority::new(
        certificate(0),
        vec![],
        certificate(authority.chain().len() - 1),
        None,
    )
}

fn verified(response: &[u8], message: &[u8], authority: &Authority) -> Option<Timestamp> {
    let token = TimestampToken::new(response.to_vec());
    let signature = SignatureBytes::new(message.to_vec());
    verify_timestamp_for_authority(&token, &signature, &trusted(authority)).ok()
}

fn request(oid: ObjectIdentifier, length: usize) -> TimeStampReq {
    TimeStampReq {
        version: 1,
        message_imprint: MessageImprint {
            hash_algorithm: AlgorithmIdentifierOwned {
                oid,
                parameters: None,
            },
            hashed_message: OctetString::new(vec![7; length]).unwrap(),
        },
        req_policy: None,
        nonce: Some(Int::new(&[1, 2, 3, 4, 5, 6, 7, 8]).unwrap()),
        cert_req: true,
        extensions: None,
    }
}

/// The refusal of a request, and that the rejection sent for it says the same.
fn refused(request: &[u8]) -> &'static str {
    let Err(RespondError::Refused(refusal)) = authority().respond(request, now()) else {
        panic!("not refused");
    };
    let response = TimeStampResp::from_der(&refusal.response().unwrap()).unwrap();
    assert_eq!(response.status.status, 2);
    assert_eq!(response.time_stamp_token, None);
    let flags = response.status.fail_info.unwrap();
    let bits: Vec<usize> = (0..flags.bit_len())
        .filter(|bit| flags.raw_bytes()[bit / 8] & (0x80 >> (bit % 8)) != 0)
        .collect();
    assert_eq!(bits.len(), 1, "one reason: {bits:?}");
    assert_eq!(bits[0], flags.bit_len() - 1, "no trailing zeroes");
    refusal.code()
}

#[test]
fn a_sha1_request_is_refused() {
    assert_eq!(
        refused(&request(ID_SHA_1, 20).to_der().unwrap()),
        "timestamp-digest-unsupported"
    );
}

#[test]
fn an_imprint_of_the_wrong_length_is_refused() {
    for (oid, length) in [
        (ID_SHA_256, 31),
        (ID_SHA_256, 33),
        (ID_SHA_256, 0),
        (ID_SHA_384, 32),
        (ID_SHA_512, 63),
    ] {
        let code = refused(&request(oid, length).to_der().unwrap());
        assert_eq!(code, "timestamp-imprint-length", "{oid} {length}");
    }
}

#[test]
fn a_request_of_another_version_is_refused() {
    let mut request = request(ID_SHA_256, 32);
    request.version = 2;
    assert_eq!(
        refused(&request.to_der().unwrap()),
        "timestamp-request-malformed"
    );
}

#[test]
fn a_request_for_a_foreign_policy_is_refused() {
    let mut request = request(ID_SHA_256, 32);
    request.req_policy = Some(ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.2"));
    assert_eq!(
        refused(&request.to_der().unwrap()),
        "timestamp-policy-unsupported"
    );
}

#[test]
fn a_request_with_an_extension_is_refused() {
    let mut request = request(ID_SHA_256, 32);
    request.extensions = Some(vec![Extension {
        extn_id: POLICY,
        critical: false,
        extn_value: OctetString::new(vec![5, 0]).unwrap(),
    }]);
    assert_eq!(
        refused(&request.to_der().unwrap()),
        "timestamp-extension-unsupported"
    );
}

#[test]
fn a_request_or_nonce_beyond_its_bound_is_refused() {
    assert_eq!(
        refused(&vec![0x30; 10 << 20]),
        "timestamp-request-too-large"
    );
    let mut request = request(ID_SHA_256, 32);
    request.nonce = Some(Int::new(&[1; 33]).unwrap());
    assert_eq!(
        refused(&request.to_der().unwrap()),
        "timestamp-request-too-large"
    );
}

#[test]
fn hash_parameters_other_than_absent_and_null_are_refused() {
    let mut request = request(ID_SHA_256, 32);
    request.message_imprint.hash_algorithm.parameters = Some(Any::encode_from(&POLICY).unwrap());
    assert_eq!(
        refused(&request.to_der().unwrap()),
        "timestamp-request-malformed"
    );
}

#[test]
fn every_truncation_and_trailing_byte_is_refused() {
    let whole = request(ID_SHA_256, 32).to_der().unwrap();
    for length in 0..whole.len() {
        assert_eq!(
            refused(&whole[..length]),
            "timestamp-request-malformed",
            "{length} bytes"
        );
    }
    assert_eq!(
        refused(&[&whole[..], &[0]].concat()),
        "timestamp-request-malformed"
    );
}

#[test]
fn a_request_with_one_byte_changed_is_refused_or_reads_back_as_itself() {
    let whole = request(ID_SHA_256, 32).to_der().unwrap();
    for position in 0..whole.len() {
        for byte in 0..=255 {
            let mut changed = whole.clone();
            changed[position] = byte;
            if let Ok(request) = TimestampRequest::parse(&changed) {
                let read = TimeStampReq {
                    version: 1,
                    message_imprint: request.imprint().clone(),
                    req_policy: None,
                    nonce: request.nonce().cloned(),
                    cert_req: request.wants_certificate(),
                    extensions: None,
                };
                assert_eq!(read.to_der().unwrap(), changed, "byte {position} is {byte}");
            }
        }
    }
}

#[test]
fn an_explicitly_written_default_is_refused() {
    let mut request = request(ID_SHA_256, 32);
    request.cert_req = false;
    let mut bytes = request.to_der().unwrap();
    assert!(authority().respond(&bytes, now()).is_ok());
    bytes.extend([0x01, 0x01, 0x00]);
    bytes[1] += 3;
    assert_eq!(refused(&bytes), "timestamp-request-malformed");
}

#[test]
fn a_time_outside_the_certificates_validity_is_not_asserted() {
    let authority = authority();
    for time in ["2026-11-21T08:59:59Z", "2036-11-21T09:00:01Z"] {
        let error = authority.at(at(time)).timestamp(MESSAGE).unwrap_err();
        assert_eq!(error.code(), "authority-validity", "{time}");
    }
    for time in ["2026-11-21T09:00:00Z", "2036-11-21T09:00:00Z"] {
        authority.at(at(time)).timestamp(MESSAGE).unwrap();
    }
}

#[test]
fn a_timestamp_of_another_message_or_authority_does_not_verify() {
    let authority = authority();
    let response = authority.at(now()).timestamp(MESSAGE).unwrap();
    assert_eq!(verified(&response, b"another", &authority), None);
    assert_eq!(
        verified(&response, MESSAGE, &super::tests::authority()),
        None
    );
    assert_eq!(verified(&response, MESSAGE, &authority), Some(now()));
}

#[test]
fn every_digest_is_stamped_and_verifies_at_the_whole_second() {
    use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
    let authority = authority();
    for (oid, algorithm) in [
        (ID_SHA_256, &SHA256),
        (ID_SHA_384, &SHA384),
        (ID_SHA_512, &SHA512),
    ] {
        let mut request = request(oid, 0);
        let hash = digest(algorithm, MESSAGE);
        request.message_imprint.hashed_message = OctetString::new(hash.as_ref()).unwrap();
        request.message_imprint.hash_algorithm.parameters = Some(Any::encode_from(&Null).unwrap());
        let request = request.to_der().unwrap();
        let response = authority
            .respond(&request, at("2026-11-21T09:41:07.9Z"))
            .unwrap();
        assert_eq!(
            verified(&response, MESSAGE, &authority),
            Some(now()),
            "{oid}"
        );
    }
}

#[test]
fn the_nonce_is_echoed_and_the_certificate_comes_only_when_asked_for() {
    let authority = authority();
    let mut request = request(ID_SHA_256, 32);
    let nonce = request.nonce.clone().unwrap().to_der().unwrap();
    let leaf = &authority.chain()[0];
    let contains =
        |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|window| window == part);

    let with = authority
        .respond(&request.to_der().unwrap(), now())
        .unwrap();
    request.cert_req = false;
    let without = authority
        .respond(&request.to_der().unwrap(), now())
        .unwrap();
    assert!(contains(&with, &nonce) && contains(&without, &nonce));
    assert!(contains(&with, leaf) && !contains(&without, leaf));
    assert!(
        !contains(&with, &authority.chain()[1]),
        "the root stays in the trusted root"
    );
}

#[test]
fn two_timestamps_of_one_message_have_different_serials() {
    let authority = authority();
    let one = authority.at(now()).timestamp(MESSAGE).unwrap();
    assert_ne!(one, authority.at(now()).timestamp(MESSAGE).unwrap());
}

#[test]
fn the_leaf_stamps_only_and_the_root_issues_only() {
    let (root, authority) = root_and_authority();
    let critical = |der: &[u8]| -> Vec<(String, bool)> {
        let certificate = Certificate::from_der(der).unwrap();
        let extensions = certificate.tbs_certificate.extensions.unwrap();
        extensions
            .iter()
            .map(|one| (one.extn_id.to_string(), one.critical))
            .collect()
    };
    let named = |list: &[(&str, bool)]| -> Vec<(String, bool)> {
        list.iter()
            .map(|(oid, critical)| ((*oid).to_owned(), *critical))
            .collect()
    };
    // Key usage, extended key usage, subject and authority key identifiers.
    let leaf = named(&[
        ("2.5.29.15", true),
        ("2.5.29.37", true),
        ("2.5.29.14", false),
        ("2.5.29.35", false),
    ]);
    assert_eq!(critical(&authority.chain()[0]), leaf);
    // Basic constraints, key usage, subject key identifier.
    let issuer = named(&[
        ("2.5.29.19", true),
        ("2.5.29.15", true),
        ("2.5.29.14", false),
    ]);
    assert_eq!(critical(root.certificate()), issuer);
    assert_eq!(authority.chain()[1], root.certificate());
}

#[test]
fn names_that_a_certificate_cannot_carry_are_refused() {
    for name in ["", "a\nb", &"x".repeat(65), "\u{0}"] {
        assert_eq!(
            AuthorityName::new(name, "x").unwrap_err().code(),
            "authority-name"
        );
        assert_eq!(
            AuthorityName::new("x", name).unwrap_err().part,
            "common name"
        );
    }
    AuthorityName::new("größe, O=x+y", &"ü".repeat(64)).unwrap();
}

#[test]
fn a_validity_that_ends_before_it_begins_is_refused() {
    let name = AuthorityName::new("o", "n").unwrap();
    let backwards = Period {
        from: now(),
        until: now(),
    };
    assert_eq!(
        AuthorityRoot::create(&name, backwards).unwrap_err().code(),
        "authority-validity"
    );
    let ancient = Period {
        from: at("1969-01-01T00:00:00Z"),
        until: now(),
    };
    assert_eq!(
        AuthorityRoot::create(&name, ancient).unwrap_err().code(),
        "authority-validity"
    );
}

#[test]
fn an_authority_opens_again_from_its_files_and_only_with_its_own_chain() {
    let (_, authority) = root_and_authority();
    let mut unlock = Unlock::new();
    let password = Password::empty();
    let key = authority.to_pem([9; 32], &mut unlock, &password).unwrap();
    let mut open =
        |chain: &str| Authority::from_pem(key.as_bytes(), chain.as_bytes(), &mut unlock, &password);

    let foreign = super::tests::authority().chain_pem();
    assert_eq!(
        open(&foreign).unwrap_err(),
        AuthorityError::Chain("the leaf is for another key")
    );
    let lone = pem::encode("CERTIFICATE", &authority.chain()[0]);
    assert_eq!(open(&lone).unwrap_err().code(), "authority-chain-malformed");
    assert_eq!(open("").unwrap_err().code(), "authority-chain-malformed");
    assert_eq!(open(&key).unwrap_err().code(), "authority-chain-malformed");
    let endless = authority.chain_pem().repeat(100);
    assert_eq!(
        open(&endless).unwrap_err(),
        AuthorityError::Chain("is larger than any")
    );

    let again = open(&authority.chain_pem()).unwrap();
    assert_eq!(again.chain(), authority.chain());
    let response = again.at(now()).timestamp(MESSAGE).unwrap();
    assert_eq!(verified(&response, MESSAGE, &authority), Some(now()));
}

#[test]
fn a_certificate_valid_beyond_2049_writes_its_end_as_generalized_time() {
    let name = AuthorityName::new("o", "n").unwrap();
    let long = Period {
        from: now(),
        until: at("2060-01-01T00:00:00Z"),
    };
    let authority = AuthorityRoot::create(&name, long)
        .unwrap()
        .issue(&name, long)
        .unwrap();
    let late = at("2055-05-05T05:05:05Z");
    let response = authority.at(late).timestamp(MESSAGE).unwrap();
    assert_eq!(verified(&response, MESSAGE, &authority), Some(late));
}
