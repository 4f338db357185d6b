//! Several expected signers, patterns of identities, and what certificates claim of a build.

use attest_verify::{
    ExpectedClaim, ExpectedIdentity, ExpectedSigner, IdentityPattern, PublicKey, claim_names,
};

use crate::support::Scene;
use crate::support::build::{WORKFLOW, WORKFLOWS, build, build_saying};
use crate::support::der::*;
use crate::support::issuer::{IDENTITY, ISSUER, Signer};
use crate::support::keyless::Keyless;
use crate::support::keys::Key;

fn key(key: &Key) -> ExpectedSigner {
    ExpectedSigner::Key(PublicKey::from_spki(&key.spki()).unwrap())
}

fn workflow(identity: &str, claims: &[&str]) -> ExpectedSigner {
    let identity = IdentityPattern::parse(identity).unwrap();
    let claims = claims.iter().map(|it| ExpectedClaim::parse(it).unwrap());
    ExpectedSigner::Identity(ExpectedIdentity::new(identity, ISSUER).claiming(claims))
}

/// The code with which several expected signers are answered.
fn code_of(scene: &Scene, expected: &[ExpectedSigner]) -> String {
    match scene.verify_for(expected) {
        Ok(evidence) => {
            assert!(expected.iter().any(|it| evidence.is_by(it)));
            "accepted".to_owned()
        }
        Err(refused) => refused.0.to_owned(),
    }
}

fn claiming(signer: &Signer, claims: &[&str]) -> String {
    let keyless = Keyless::message(signer);
    code_of(&keyless.scene, &[workflow(WORKFLOWS, claims)])
}

#[test]
fn any_of_several_keys_may_have_signed() {
    for scene in [Scene::message(), Scene::statement()] {
        let others = [key(&Key::p256()), key(&Key::p384())];
        assert_eq!(code_of(&scene, &others), "signer-mismatch");
        for place in 0..3 {
            let mut expected = others.to_vec();
            expected.insert(place, scene.expected.clone());
            assert_eq!(code_of(&scene, &expected), "accepted");
        }
        assert_eq!(code_of(&scene, &[]), "signer-mismatch");
    }
}

#[test]
fn keys_and_identities_may_be_expected_together() {
    let keyless = Keyless::message(&Signer::default());
    let by_key = Scene::message();
    let expected = [
        by_key.expected.clone(),
        ExpectedSigner::exactly("other@example.com", ISSUER),
        keyless.scene.expected.clone(),
    ];
    assert_eq!(code_of(&keyless.scene, &expected), "accepted");
    assert_eq!(code_of(&by_key, &expected), "accepted");
    assert_eq!(code_of(&keyless.scene, &expected[..1]), "signer-mismatch");
    assert_eq!(code_of(&keyless.scene, &expected[..2]), "identity-mismatch");
}

/// The identity of one pair and the issuer of another are nobody who is expected.
#[test]
fn identity_and_issuer_belong_together() {
    let keyless = Keyless::message(&Signer::default());
    let crossed = [
        ExpectedSigner::exactly(IDENTITY, "https://other.example"),
        ExpectedSigner::exactly("other@example.com", ISSUER),
    ];
    assert_eq!(code_of(&keyless.scene, &crossed), "issuer-mismatch");
}

#[test]
fn a_pattern_covers_the_workflows_of_one_repository() {
    let keyless = Keyless::message(&build());
    for (pattern, code) in [
        (WORKFLOW, "accepted"),
        (WORKFLOWS, "accepted"),
        (
            "https://github.com/acme/*/.github/workflows/*.yml@refs/tags/v*",
            "accepted",
        ),
        ("https://github.com/acme/app/*", "identity-mismatch"),
        (
            "https://github.com/acme/app/.github/workflows/*",
            "identity-mismatch",
        ),
        (
            "https://github.com/acme/app/.github/workflows/*.yml@refs/heads/*",
            "identity-mismatch",
        ),
        (
            "https://github.com/acm/*/.github/workflows/*.yml@refs/tags/v*",
            "identity-mismatch",
        ),
    ] {
        assert_eq!(
            code_of(&keyless.scene, &[workflow(pattern, &[])]),
            code,
            "{pattern}"
        );
    }
}

#[test]
fn each_claim_is_compared() {
    let keyless = Keyless::message(&build());
    let evidence = keyless
        .scene
        .verify_for(&[workflow(WORKFLOWS, &[])])
        .unwrap();
    assert_eq!(evidence.claims().len(), 17);
    for (name, value) in evidence.claims() {
        let right = format!("{name}={value}");
        assert_eq!(claiming(&build(), &[&right]), "accepted", "{right}");
        let wrong = format!("{name}={value}x");
        assert_eq!(claiming(&build(), &[&wrong]), "claim-mismatch", "{wrong}");
        // One that holds does not outweigh one that does not.
        assert_eq!(claiming(&build(), &[&right, &wrong]), "claim-mismatch");
        assert_eq!(claiming(&build(), &[&wrong, &right]), "claim-mismatch");
    }
}

/// A field that is missing fails, whatever it should be.
#[test]
fn a_claim_that_the_certificate_does_not_make_is_missing() {
    for name in claim_names() {
        let claim = format!("{name}=x");
        let keyless = Keyless::message(&Signer::default());
        let expected = ExpectedIdentity::new(IdentityPattern::exactly(IDENTITY), ISSUER)
            .claiming([ExpectedClaim::parse(&claim).unwrap()]);
        let expected = [ExpectedSigner::Identity(expected)];
        assert_eq!(
            code_of(&keyless.scene, &expected),
            "claim-missing",
            "{name}"
        );
    }
    let without = build_saying(|new, _| new.retain(|(id, _)| *id != 12));
    let repository = "source-repository=https://github.com/acme/app";
    assert_eq!(claiming(&without, &[repository]), "claim-missing");
}

#[test]
fn new_and_old_extensions_must_agree() {
    for (id, value) in [
        (2, "pull_request"),
        (3, "0".repeat(40).as_str()),
        (6, "refs/heads/main"),
    ] {
        let value = value.as_bytes().to_vec();
        let signer = build_saying(|_, old| {
            for (other, text) in old.iter_mut().filter(|(it, _)| *it == id) {
                assert_eq!(*other, id);
                text.clone_from(&value);
            }
        });
        assert_eq!(claiming(&signer, &[]), "certificate-malformed", "{id}");
    }
    for other in [
        "acme/other",
        "pp",
        "app",
        "",
        "evil/acme/app",
        "https://github.com/acme/app",
    ] {
        let signer = build_saying(|_, old| {
            old.retain(|(id, _)| *id != 5);
            old.push((5, other.as_bytes().to_vec()));
        });
        assert_eq!(claiming(&signer, &[]), "certificate-malformed", "{other}");
    }
    // Either alone says what both would.
    let only_old = build_saying(|new, _| new.retain(|(id, _)| *id != 14));
    assert_eq!(
        claiming(&only_old, &["source-repository-ref=refs/tags/v1.0.0"]),
        "accepted"
    );
    let only_new = build_saying(|_, old| old.clear());
    assert_eq!(
        claiming(&only_new, &["source-repository-ref=refs/tags/v1.0.0"]),
        "accepted"
    );
}

/// Nobody needs to expect a claim for it to be read strictly.
#[test]
fn a_claim_that_is_malformed_is_refused() {
    let replaced = |id: u32, value: Vec<u8>| {
        build_saying(move |new, _| {
            new.retain(|(it, _)| *it != id);
            new.push((id, value));
        })
    };
    let text = "refs/tags/v1.0.0";
    for value in [
        text.as_bytes().to_vec(),
        tlv(0x16, text.as_bytes()),
        tlv(0x13, text.as_bytes()),
        [utf8(text), vec![0]].concat(),
        tlv(0x0c, &[0xff, 0xfe]),
        vec![0x0c, 0x81, 0x01, b'x'],
        Vec::new(),
    ] {
        let signer = replaced(14, value.clone());
        assert_eq!(claiming(&signer, &[]), "certificate-malformed", "{value:?}");
    }
    let twice = build_saying(|new, _| new.push((14, utf8("refs/heads/main"))));
    assert_eq!(claiming(&twice, &[]), "certificate-malformed");
    let not_text = build_saying(|_, old| old.push((4, vec![0xff])));
    assert_eq!(claiming(&not_text, &[]), "certificate-malformed");
}
