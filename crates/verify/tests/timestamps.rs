//! RFC 3161 timestamps: who stamped, what, when, and with which right.

use attest_digest::Artifact;
use attest_verify::{Accept, Bundle, Subject};
use serde_json::json;

use crate::support::authority::{
    Authority, Certificate, Chain, Token, authority_extensions, key_of_subject, purpose,
};
use crate::support::der::*;
use crate::support::keys::{Key, sha1, sha256, sha384, sha512};
use crate::support::log::Log;
use crate::support::{STAMPED, Scene, TIMESTAMPS, trusted_root};

/// A good message, stamped by an authority with these certificates, which the root trusts.
fn stamped_by(chain: Chain<'_>) -> Scene {
    let mut scene = Scene::message();
    scene.authority = Authority::with("other.example", chain);
    scene.root = trusted_root(&[&scene.log], &[&scene.authority]);
    let token = scene.token();
    scene.stamp_with(&token);
    scene
}

/// The code for a token that is changed before it is signed.
fn changed(change: impl FnOnce(&mut Token<'_>)) -> &'static str {
    let mut scene = Scene::message();
    let mut token = scene.token();
    change(&mut token);
    scene.stamp_with(&token);
    scene.code()
}

fn leaf(extensions: Vec<Vec<u8>>) -> Chain<'static> {
    Chain {
        leaf_extensions: extensions,
        ..Chain::default()
    }
}

#[test]
fn no_timestamp_is_refused() {
    let mut scene = Scene::message();
    scene.stamp(&[]);
    assert_eq!(scene.code(), "time-missing");
    scene.remove("/verificationMaterial/timestampVerificationData");
    assert_eq!(scene.code(), "time-missing");
}

#[test]
fn a_bare_token_is_accepted_as_well_as_a_response() {
    let mut scene = Scene::message();
    let bare = scene.token().bare(&scene.authority.key);
    scene.stamp(&[bare]);
    assert_eq!(scene.code(), "accepted");
}

#[test]
fn a_timestamp_of_another_signature_is_refused() {
    assert_eq!(
        changed(|it| it.imprint = (SHA256, sha256(b"other"))),
        "time-invalid"
    );
}

#[test]
fn a_timestamp_of_the_artifact_instead_of_the_signature_is_refused() {
    assert_eq!(
        changed(|it| it.imprint = (SHA256, sha256(b"hello world\n"))),
        "time-invalid"
    );
}

#[test]
fn an_imprint_of_sha_1_is_refused() {
    assert_eq!(
        changed(|it| it.imprint = ("1.3.14.3.2.26", vec![0; 20])),
        "time-invalid"
    );
}

#[test]
fn an_imprint_of_another_length_is_refused() {
    assert_eq!(changed(|it| it.imprint.1.truncate(31)), "time-invalid");
}

#[test]
fn imprints_of_sha_384_and_sha_512_are_accepted() {
    let signature = |scene: &Scene| scene.signature();
    let mut scene = Scene::message();
    for imprint in [
        (SHA384, sha384(&signature(&scene))),
        (SHA512, sha512(&signature(&scene))),
    ] {
        let mut token = scene.token();
        token.imprint = imprint;
        scene.stamp_with(&token);
        assert_eq!(scene.code(), "accepted");
    }
}

#[test]
fn a_token_that_names_its_signer_by_key_id_is_of_the_authority_with_that_key() {
    let named = |name: &str| {
        let key = Key::p256();
        let extensions = vec![purpose(true, &[TIME_STAMPING]), key_of_subject(&key.spki())];
        let chain = Chain {
            leaf_extensions: extensions,
            leaf_key: key,
            ..Chain::default()
        };
        Authority::with(name, chain)
    };
    let (own, other) = (named("one.example"), named("two.example"));
    let mut scene = Scene::message();
    scene.root = trusted_root(&[&scene.log], &[&other, &own]);
    scene.authority = own;
    let mut token = scene.token();
    token.by_key_id = Some(sha1(&scene.authority.key.spki()));
    scene.stamp_with(&token);
    assert_eq!(scene.code(), "accepted");
    // By another authority's, and by nobody's.
    token.by_key_id = Some(sha1(&other.key.spki()));
    scene.stamp_with(&token);
    assert_eq!(scene.code(), "time-invalid");
    token.by_key_id = Some(vec![7; 20]);
    scene.stamp_with(&token);
    assert_eq!(scene.code(), "time-unknown");
}

#[test]
fn a_token_signed_by_another_key_is_refused() {
    let mut scene = Scene::message();
    let forged = scene.token().sign(&Key::p256());
    scene.stamp(&[forged]);
    assert_eq!(scene.code(), "time-invalid");
}

#[test]
fn a_forged_certificate_in_the_token_does_not_replace_the_trusted_one() {
    // CVE-2026-39984: a certificate of the same name, for the forger's key, in front of the real one.
    let mut scene = Scene::message();
    let key = Key::p256();
    let forged = Certificate {
        subject: "time.example",
        issuer: "time.example root",
        serial: 2,
        validity: ("20260101000000Z", "20360101000000Z"),
        spki: key.spki(),
        extensions: vec![purpose(true, &[TIME_STAMPING])],
    };
    let forged = forged.sign(&key);
    for certificates in [
        vec![forged.clone(), scene.authority.leaf.clone()],
        vec![forged.clone()],
    ] {
        for names in [forged.clone(), scene.authority.leaf.clone()] {
            let mut token = scene.token();
            token.certificates = certificates.clone();
            token.names_certificate = Some(names);
            let bytes = token.sign(&key);
            scene.stamp(&[bytes]);
            assert_eq!(scene.code(), "time-invalid");
        }
    }
}

#[test]
fn a_token_that_carries_other_certificates_alone_is_refused() {
    assert_eq!(
        changed(|it| it.certificates = vec![Authority::new("other.example").leaf]),
        "time-invalid"
    );
}

#[test]
fn a_token_without_certificates_is_accepted() {
    assert_eq!(changed(|it| it.certificates.clear()), "accepted");
}

#[test]
fn a_token_that_carries_its_chain_is_accepted() {
    let mut scene = Scene::message();
    let mut token = scene.token();
    token.certificates.push(scene.authority.root.clone());
    scene.stamp_with(&token);
    assert_eq!(scene.code(), "accepted");
}

#[test]
fn a_token_that_names_another_certificate_is_refused() {
    assert_eq!(
        changed(|it| it.names_certificate = Some(b"other".to_vec())),
        "time-invalid"
    );
}

#[test]
fn a_token_that_names_no_certificate_is_refused() {
    assert_eq!(changed(|it| it.names_certificate = None), "time-invalid");
}

#[test]
fn a_token_that_names_its_certificate_by_sha_1_is_accepted() {
    assert_eq!(changed(|it| it.names_by_sha1 = true), "accepted");
    let wrong = |it: &mut Token<'_>| {
        it.names_by_sha1 = true;
        it.names_certificate = Some(b"other".to_vec());
    };
    assert_eq!(changed(wrong), "time-invalid");
}

#[test]
fn a_token_over_another_content_than_it_holds_is_refused() {
    assert_eq!(
        changed(|it| it.message_digest = Some(sha256(b"other"))),
        "time-invalid"
    );
}

#[test]
fn a_token_over_another_kind_of_content_is_refused() {
    assert_eq!(
        changed(|it| it.content_type = "1.2.840.113549.1.7.1"),
        "time-invalid"
    );
}

#[test]
fn two_signers_are_refused() {
    assert_eq!(changed(|it| it.two_signers = true), "time-invalid");
}

#[test]
fn unsigned_attributes_are_refused() {
    assert_eq!(changed(|it| it.unsigned = true), "time-invalid");
}

#[test]
fn an_attribute_twice_is_refused() {
    let attribute =
        || crate::support::authority::attribute("1.2.840.113549.1.9.4", &octets(&[0; 32]));
    assert_eq!(
        changed(|it| it.extra_attributes.push(attribute())),
        "time-invalid"
    );
}

#[test]
fn other_attributes_are_accepted() {
    let signing_time =
        crate::support::authority::attribute("1.2.840.113549.1.9.5", &tlv(0x17, b"261121113000Z"));
    assert_eq!(
        changed(|it| it.extra_attributes.push(signing_time)),
        "accepted"
    );
}

#[test]
fn extensions_of_the_time_are_refused() {
    assert_eq!(
        changed(|it| it.extensions = Some(extension("1.2.3.4", true, &null()))),
        "time-invalid"
    );
}

#[test]
fn a_response_that_grants_nothing_is_refused() {
    assert_eq!(changed(|it| it.status = 2), "time-invalid");
    assert_eq!(changed(|it| it.status = 1), "accepted");
}

#[test]
fn an_authority_of_no_trusted_root_is_unknown() {
    let mut scene = Scene::message();
    let other = Authority::new("unknown.example");
    let token = Token::of(&other, &scene.signature(), STAMPED).sign(&other.key);
    scene.stamp(&[token]);
    assert_eq!(scene.code(), "time-unknown");
}

#[test]
fn the_same_timestamp_twice_is_refused() {
    let mut scene = Scene::message();
    let token = scene.token().sign(&scene.authority.key);
    scene.stamp(&[token.clone(), token.clone()]);
    assert_eq!(scene.code(), "time-duplicate");
    // Also where only the response around it differs.
    let status = token
        .windows(5)
        .position(|it| it == [0x30, 0x03, 0x02, 0x01, 0x00])
        .unwrap()
        + 4;
    let mut other = token.clone();
    other[status] = 1;
    scene.stamp(&[token, other]);
    assert_eq!(scene.code(), "time-duplicate");
}

#[test]
fn two_timestamps_of_one_authority_count_once_as_the_earlier() {
    let mut scene = Scene::message();
    let (mut early, late) = (scene.token(), scene.token());
    early.time = "20261121110000Z";
    let [late, early] = [late, early].map(|it| it.sign(&scene.authority.key));
    for tokens in [[late.clone(), early.clone()], [early, late]] {
        scene.stamp(&tokens);
        let evidence = scene.verify().unwrap();
        let [time] = evidence.times() else {
            panic!("{:?}", evidence.times())
        };
        assert_eq!(time.time().to_string(), "2026-11-21T11:00:00Z");
    }
}

#[test]
fn timestamps_of_two_authorities_count_twice() {
    let mut scene = Scene::message();
    let second = Authority::new("second.example");
    scene.root = trusted_root(&[&scene.log], &[&scene.authority, &second]);
    let first = scene.token().sign(&scene.authority.key);
    let token = Token::of(&second, &scene.signature(), STAMPED).sign(&second.key);
    scene.stamp(&[first.clone(), token.clone()]);
    assert_eq!(scene.verify().unwrap().times().len(), 2);
    // One that does not hold is not outweighed by one that does.
    let mut forged = token;
    let last = forged.len() - 1;
    forged[last] ^= 1;
    scene.stamp(&[first, forged]);
    assert_eq!(scene.code(), "time-invalid");
}

#[test]
fn a_time_in_the_future_is_refused_beyond_five_minutes_of_skew() {
    assert_eq!(changed(|it| it.time = "20261121120500Z"), "accepted");
    assert_eq!(changed(|it| it.time = "20261121120501Z"), "time-in-future");
}

/// Who signs for an hour verifies at its end what a verifier of its beginning takes for the future.
#[test]
fn what_is_younger_than_the_verifier_is_verified_later_and_never_earlier() {
    let mut scene = Scene::message();
    let mut token = scene.token();
    token.time = "20261121120501Z";
    scene.stamp_with(&token);
    let bundle = Bundle::parse(scene.bundle.to_string().as_bytes()).unwrap();
    let artifact = Artifact::of_bytes(&scene.artifact, bundle.needed_hashes(&scene.expected));
    let verifier = scene.verifier().unwrap();
    let at = |now: &str| {
        let subject = Subject::Artifact(&artifact);
        let now = now.parse().unwrap();
        let answer = verifier.verify_later(now, &bundle, Some(&subject), &scene.expected);
        answer.map_or_else(|it| it.code(), |_| "accepted")
    };
    assert_eq!(at("2026-11-21T12:00:00Z"), "time-in-future");
    assert_eq!(at("2026-11-21T12:00:01Z"), "accepted");
    assert_eq!(at("2000-01-01T00:00:00Z"), "time-in-future");
}

#[test]
fn a_time_with_a_fraction_is_accepted_without_the_engine() {
    let mut scene = Scene::message();
    let mut token = scene.token();
    token.time = "20261121113000.25Z";
    scene.stamp_with(&token);
    let evidence = scene.verify().unwrap();
    assert_eq!(
        evidence.times()[0].time().to_string(),
        "2026-11-21T11:30:00.25Z"
    );
}

#[test]
fn malformed_times_are_refused() {
    for time in [
        "20261121113000.50Z",
        "20261121113000.Z",
        "202611211130Z",
        "20261121113000",
        "20261121113000+0100",
        "20261321113000Z",
        "20261121113060Z",
        "2026112111300aZ",
        "20261121113000.5555555555Z",
    ] {
        let mut scene = Scene::message();
        let mut token = scene.token();
        token.time = time;
        scene.stamp_with(&token);
        assert_eq!(scene.code(), "time-invalid", "{time}");
    }
}

#[test]
fn the_authoritys_window_includes_its_ends_and_nothing_more() {
    let mut scene = Scene::message();
    let window = "/timestampAuthorities/0/validFor";
    for (start, end, code) in [
        ("2026-11-21T11:30:00Z", "2026-11-21T11:30:00Z", "accepted"),
        (
            "2026-11-21T11:30:01Z",
            "2026-11-21T11:40:00Z",
            "time-outside-validity",
        ),
        (
            "2026-11-21T11:00:00Z",
            "2026-11-21T11:29:59Z",
            "time-outside-validity",
        ),
    ] {
        scene.set_root(window, json!({"start": start, "end": end}));
        assert_eq!(scene.code(), code, "{start} {end}");
    }
}

#[test]
fn the_window_of_another_authority_lends_nothing() {
    let mut scene = Scene::message();
    let other = Authority::new("other.example");
    scene.root = trusted_root(&[&scene.log], &[&scene.authority, &other]);
    scene.set_root(
        "/timestampAuthorities/0/validFor",
        json!({"start": "2026-11-21T11:40:00Z"}),
    );
    assert_eq!(scene.code(), "time-outside-validity");
}

#[test]
fn an_authority_may_stand_in_the_root_twice_with_two_windows() {
    let mut scene = Scene::message();
    scene.root = trusted_root(&[&scene.log], &[&scene.authority, &scene.authority]);
    scene.set_root(
        "/timestampAuthorities/0/validFor",
        json!({"start": "2026-11-21T11:40:00Z"}),
    );
    assert_eq!(scene.code(), "accepted");
}

#[test]
fn a_time_outside_of_the_certificates_validity_is_refused() {
    let chain = |validity| Chain {
        leaf_validity: validity,
        ..Chain::default()
    };
    let cases = [
        (("20261121113000Z", "20261121113000Z"), "accepted"),
        (
            ("20260101000000Z", "20261121112959Z"),
            "time-outside-validity",
        ),
        (
            ("20261121113001Z", "20360101000000Z"),
            "time-outside-validity",
        ),
    ];
    for (validity, code) in cases {
        assert_eq!(stamped_by(chain(validity)).code(), code, "{validity:?}");
    }
}

#[test]
fn the_purpose_must_be_critical_and_timestamping_alone() {
    let accepted = leaf(vec![purpose(true, &[TIME_STAMPING])]);
    assert_eq!(stamped_by(accepted).code(), "accepted");
    for extensions in [
        vec![],
        vec![purpose(false, &[TIME_STAMPING])],
        vec![purpose(true, &[CODE_SIGNING])],
        vec![purpose(true, &[TIME_STAMPING, CODE_SIGNING])],
        vec![purpose(true, &[TIME_STAMPING, "1.2.3.4"])],
        vec![purpose(true, &["2.5.29.37.0"])],
        // keyEncipherment
        vec![
            purpose(true, &[TIME_STAMPING]),
            extension("2.5.29.15", true, &tlv(0x03, &[5, 0x20])),
        ],
        vec![
            purpose(true, &[TIME_STAMPING]),
            extension("2.5.29.19", true, &seq(&[boolean(true)])),
        ],
    ] {
        assert_eq!(
            stamped_by(leaf(extensions)).code(),
            "time-certificate-purpose"
        );
    }
}

#[test]
fn the_chain_must_lead_from_signer_to_root() {
    let good = Authority::new("other.example");
    let stranger = Authority::new("other.example");
    let stranger_root = &stranger.root;
    let chains: [&[&Vec<u8>]; 4] = [
        &[&good.leaf],
        &[&good.leaf, stranger_root],
        &[&good.leaf, &good.root, stranger_root],
        &[&good.leaf, &good.leaf, &good.root],
    ];
    for chain in chains {
        let mut scene = Scene::message();
        scene.set_root("/timestampAuthorities/0", good.trusted_with(chain));
        let token = Token::of(&good, &scene.signature(), STAMPED).sign(&good.key);
        scene.stamp(&[token]);
        assert_eq!(
            scene.code(),
            "time-certificate-chain",
            "{} certificates",
            chain.len()
        );
    }
    // In another order the first is another signer.
    let mut scene = Scene::message();
    scene.set_root(
        "/timestampAuthorities/0",
        good.trusted_with(&[&good.root, &good.leaf]),
    );
    let token = Token::of(&good, &scene.signature(), STAMPED).sign(&good.key);
    scene.stamp(&[token]);
    assert_eq!(scene.code(), "time-unknown");
}

#[test]
fn the_root_must_be_an_authority_for_timestamping() {
    let root = |extensions| Chain {
        root_extensions: extensions,
        ..Chain::default()
    };
    let with = |more: Vec<u8>| [authority_extensions(), vec![more]].concat();
    assert_eq!(
        stamped_by(root(with(purpose(false, &[TIME_STAMPING])))).code(),
        "accepted"
    );
    for extensions in [
        vec![],
        vec![extension("2.5.29.19", true, &seq(&[]))],
        // digitalSignature alone
        vec![
            extension("2.5.29.19", true, &seq(&[boolean(true)])),
            extension("2.5.29.15", true, &tlv(0x03, &[7, 0x80])),
        ],
        with(purpose(false, &[CODE_SIGNING])),
        with(extension("1.2.3.4", true, &null())),
    ] {
        assert_eq!(
            stamped_by(root(extensions)).code(),
            "time-certificate-chain"
        );
    }
}

#[test]
fn a_path_length_is_respected() {
    let intermediate_key = Key::p256();
    let root = |length: u64| {
        let mut authority = Authority::with(
            "other.example",
            Chain {
                root_extensions: vec![extension(
                    "2.5.29.19",
                    true,
                    &seq(&[boolean(true), int(length)]),
                )],
                ..Chain::default()
            },
        );
        let intermediate = Certificate {
            subject: "between",
            issuer: "other.example root",
            serial: 3,
            validity: ("20260101000000Z", "20360101000000Z"),
            spki: intermediate_key.spki(),
            extensions: authority_extensions(),
        };
        let leaf = Certificate {
            subject: "other.example",
            issuer: "between",
            serial: 2,
            validity: ("20260101000000Z", "20360101000000Z"),
            spki: authority.key.spki(),
            extensions: vec![purpose(true, &[TIME_STAMPING])],
        };
        let intermediate = intermediate.sign(&authority.root_key);
        authority.leaf = leaf.sign(&intermediate_key);
        (authority, intermediate)
    };
    for (length, code) in [(1, "accepted"), (0, "time-certificate-chain")] {
        let (authority, intermediate) = root(length);
        let mut scene = Scene::message();
        scene.set_root(
            "/timestampAuthorities/0",
            authority.trusted_with(&[&authority.leaf, &intermediate, &authority.root]),
        );
        let token = Token {
            issuer: "between".to_owned(),
            ..Token::of(&authority, &scene.signature(), STAMPED)
        };
        scene.stamp(&[token.sign(&authority.key)]);
        assert_eq!(
            scene.code(),
            code,
            "path length {length}: {:?}",
            scene.verify().err()
        );
    }
}

#[test]
fn what_the_engine_cannot_read_is_verified_by_us_alone() {
    // RSA, and SHA-512 with ECDSA: sigstore-verify reads neither, real authorities use both.
    let chain = || Chain {
        leaf_key: Key::rsa2048(),
        ..Chain::default()
    };
    let mut scene = stamped_by(chain());
    assert_eq!(scene.code(), "accepted");
    scene.stamp_with(&Token {
        imprint: (SHA256, sha256(b"other")),
        ..scene.token()
    });
    assert_eq!(scene.code(), "time-invalid");
    let forged = scene.token().sign(&Key::rsa2048());
    scene.stamp(&[forged]);
    assert_eq!(scene.code(), "time-invalid");
    let mut scene = stamped_by(Chain {
        leaf_key: Key::p521(),
        ..Chain::default()
    });
    let token = Token {
        digest: SHA512,
        ..scene.token()
    };
    scene.stamp_with(&token);
    assert_eq!(scene.code(), "accepted");
    let mut scene = stamped_by(Chain {
        leaf_key: Key::p384(),
        ..Chain::default()
    });
    let token = Token {
        digest: SHA384,
        ..scene.token()
    };
    scene.stamp_with(&token);
    assert_eq!(scene.code(), "accepted");
}

#[test]
fn bytes_that_are_no_token_are_refused() {
    let mut scene = Scene::message();
    let good = scene.token().sign(&scene.authority.key);
    let mut longer = good.clone();
    longer.push(0);
    for bytes in [
        vec![],
        vec![0x30],
        vec![0x30, 0x00],
        b"not DER".to_vec(),
        good[..good.len() - 1].to_vec(),
        longer,
        vec![0x30, 0x80, 0, 0],
    ] {
        scene.stamp(std::slice::from_ref(&bytes));
        assert_eq!(scene.code(), "time-invalid", "{bytes:02x?}");
    }
}

#[test]
fn without_a_time_a_key_is_accepted_if_asked_for_and_an_unknown_one_passed_over() {
    let mut scene = Scene::message();
    scene.accept = Accept {
        no_time: true,
        ..Accept::default()
    };
    let other = Authority::new("unknown.example");
    let token = Token::of(&other, &scene.signature(), STAMPED).sign(&other.key);
    scene.stamp(&[token]);
    let evidence = scene.verify().unwrap();
    let skipped: Vec<_> = evidence
        .skipped()
        .iter()
        .map(attest_verify::Skipped::code)
        .collect();
    assert_eq!(skipped, ["time-unknown", "no-time", "log-key-validity"]);
    scene.remove(TIMESTAMPS);
    assert_eq!(scene.code(), "accepted");
    // What is forged stays forged.
    let token = Token {
        imprint: (SHA256, sha256(b"other")),
        ..scene.token()
    };
    scene.set(TIMESTAMPS, json!([]));
    scene.stamp_with(&token);
    assert_eq!(scene.code(), "time-invalid");
}

#[test]
fn a_promise_and_a_timestamp_are_two_times() {
    let scene = Scene::message_in(Log::v1("log.example"));
    let evidence = scene.verify().unwrap();
    let authorities: Vec<_> = evidence
        .times()
        .iter()
        .map(attest_verify::ProvenTime::authority)
        .collect();
    assert_eq!(authorities, ["time.example", "log.example"]);
}
