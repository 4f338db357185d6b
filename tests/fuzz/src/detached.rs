//! Detached signatures and the keys that they are made with.

use std::sync::LazyLock;

use attest_digest::{Artifact, Hashes};
use attest_verify::{
    Accept, Detached, DetachedError, DetachedKey, Evidence, ExpectedSigner, Verifier,
};

use crate::Outcome;

/// A file of signatures that verifies is by the key that is asked for, and over these bytes.
pub fn detached(data: &[u8]) -> Outcome {
    let Ok(detached) = Detached::parse(data) else {
        return Outcome::Refused;
    };
    let _ = detached.claims();
    let mut outcome = Outcome::Read;
    for key in KEYS.iter() {
        if let Ok(evidence) = verified(&detached, key) {
            let expected = ExpectedSigner::Detached(key.clone());
            assert!(evidence.signer().is(&expected));
            assert_eq!(evidence.message_digest(), Some(&ARTIFACT.sha256()));
            assert!(evidence.logs().is_empty() && evidence.times().is_empty());
            assert!(evidence.skipped().len() >= 2);
            outcome = Outcome::Verified;
        }
    }
    outcome
}

/// A key under which a signature of the seeds verifies is the key that made it.
pub fn detached_key(data: &[u8]) -> Outcome {
    let Ok(keys) = DetachedKey::parse_all(data) else {
        return Outcome::Refused;
    };
    let mut outcome = Outcome::Read;
    for key in &keys {
        let _ = key.claims();
        for (signature, own) in SIGNATURES.iter().zip(KEYS.iter()) {
            if verified(signature, key).is_ok() {
                assert_eq!(key, own);
                outcome = Outcome::Verified;
            }
        }
    }
    outcome
}

fn verified(detached: &Detached, key: &DetachedKey) -> Result<Evidence, DetachedError> {
    let observed = detached.observe(&mut &FILE[..]).expect("bytes in memory");
    let expected = ExpectedSigner::Detached(key.clone());
    VERIFIER.verify_detached(detached, &observed, &ARTIFACT, &expected)
}

const FILE: &[u8] = include_bytes!("../../../fixtures/openpgp/subkey/file");

static ARTIFACT: LazyLock<Artifact> = LazyLock::new(|| Artifact::of_bytes(FILE, Hashes::Sha256));

static KEYS: LazyLock<Vec<DetachedKey>> = LazyLock::new(|| {
    let keys: [&[u8]; 5] = [
        include_bytes!("../../../fixtures/openpgp/subkey/key"),
        include_bytes!("../../../fixtures/openpgp/version-6/key"),
        include_bytes!("../../../fixtures/openpgp/rsa3072/key"),
        include_bytes!("../../../fixtures/minisign/signed/key"),
        include_bytes!("../../../fixtures/ssh/p256/key"),
    ];
    keys.map(|it| DetachedKey::parse(it).expect("a fixture"))
        .to_vec()
});

static SIGNATURES: LazyLock<Vec<Detached>> = LazyLock::new(|| {
    let signatures: [&[u8]; 5] = [
        include_bytes!("../../../fixtures/openpgp/subkey/signature"),
        include_bytes!("../../../fixtures/openpgp/version-6/signature"),
        include_bytes!("../../../fixtures/openpgp/rsa3072/signature"),
        include_bytes!("../../../fixtures/minisign/signed/signature"),
        include_bytes!("../../../fixtures/ssh/p256/signature"),
    ];
    signatures
        .map(|it| Detached::parse(it).expect("a fixture"))
        .to_vec()
});

static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    let accept = Accept {
        no_log: true,
        no_time: true,
        set_only: false,
    };
    let now = "2026-11-21T12:00:00Z".parse().expect("a time");
    Verifier::new(Vec::new(), now, accept).expect("no root")
});
