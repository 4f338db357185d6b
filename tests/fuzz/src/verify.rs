//! Bundles, trusted roots and timestamps, verified with the trust of `seeds/`.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use attest_digest::{Algorithm, Artifact, Hashes};
use attest_provenance::{Statement, base64};
use attest_verify::dialect::image::{Manifest, layer_signature, signed_image};
use attest_verify::dialect::{Claim, Piece, recognise, with_certificate};
use attest_verify::{
    Accept, Bundle, Evidence, ExpectedSigner, PublicKey, Rejection, Subject, TrustedRoot, Verifier,
    limits,
};
use jiff::Timestamp;
use serde_json::Value;

use crate::Outcome;

/// What the key of the seeds signed.
pub const OWN_ARTIFACT: &[u8] = b"hello";

/// When it signed.
pub const OWN_TIME: &str = "2026-11-21T09:41:07Z";

/// A bundle that verifies says what the seeds say: the same artifact or statement, signer and time.
pub fn bundle(data: &[u8]) -> Outcome {
    let Ok(bundle) = Bundle::parse(data) else {
        return Outcome::Refused;
    };
    let _ = bundle.claimed_keys();
    let statement = OWN_VERIFIER.verify_statement(&bundle, &*OWN_SIGNER);
    statement.iter().for_each(is_own);
    outcome(&verified(&OWN_VERIFIER, &bundle))
}

/// Evidence is of one form, in bounded pieces, and every piece that verifies says what the seeds say.
/// A signature by itself can be anybody's until a certificate says more.
pub fn dialect(data: &[u8]) -> Outcome {
    let Ok(pieces) = recognise(data) else {
        return Outcome::Refused;
    };
    assert!((1..=limits::EVIDENCE_PIECES).contains(&pieces.len()));
    let form = pieces.first().map(Piece::dialect);
    assert!(pieces.iter().all(|it| Some(it.dialect()) == form));
    let places: BTreeSet<String> = pieces.iter().map(|it| it.at().to_string()).collect();
    assert_eq!(places.len(), pieces.len());
    let mut found = Outcome::Read;
    for piece in pieces {
        let bundle = match piece.into_claim() {
            Claim::Bundle(bundle) => *bundle,
            Claim::Signature(signature) => match with_certificate(signature, Some(data)) {
                Ok(bundle) => bundle,
                Err(_) => continue,
            },
            _ => continue,
        };
        let _ = (bundle.claimed_keys(), bundle.claimed_identity());
        let statement = OWN_VERIFIER.verify_statement(&bundle, &*OWN_SIGNER);
        statement.iter().for_each(is_own);
        if outcome(&verified(&OWN_VERIFIER, &bundle)) == Outcome::Verified || statement.is_ok() {
            found = Outcome::Verified;
        }
    }
    found
}

/// A manifest is bounded and names blobs by SHA-256 alone; so does a payload about an image. No
/// signature in an annotation verifies, for the key of the seeds made none.
pub fn image(data: &[u8]) -> Outcome {
    let payload = signed_image(data);
    assert!(payload.iter().all(|it| it.algorithm() == Algorithm::Sha256));
    let Ok(manifest) = Manifest::parse(data) else {
        return payload.map_or(Outcome::Refused, |_| Outcome::Read);
    };
    let blobs = match manifest {
        Manifest::Index { manifests, .. } => manifests,
        Manifest::Image { layers, .. } => layers,
    };
    assert!(blobs.len() <= limits::IMAGE_DESCRIPTORS);
    for blob in &blobs {
        assert_eq!(blob.digest().algorithm(), Algorithm::Sha256);
        if let Ok(bundle) = layer_signature(blob, data) {
            assert!(verified(&OWN_VERIFIER, &bundle).is_err());
        }
    }
    Outcome::Read
}

/// A timestamp that verifies in the bundle of the seeds says their time. The input is the response
/// that the bundle carries.
pub fn timestamp(data: &[u8]) -> Outcome {
    let mut bundle = OWN_BUNDLE.clone();
    bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"][0]["signedTimestamp"] =
        base64::encode(data).into();
    let Ok(bundle) = Bundle::parse(bundle.to_string().as_bytes()) else {
        return Outcome::Refused;
    };
    outcome(&verified(&OWN_VERIFIER, &bundle))
}

/// A trusted root is read or refused, and so is the bundle of the seeds with it.
pub fn trusted_root(data: &[u8]) -> Outcome {
    let Ok(root) = TrustedRoot::parse(data) else {
        return Outcome::Refused;
    };
    assert_eq!(
        root.digest(),
        Artifact::of_bytes(data, Hashes::Sha256).sha256()
    );
    let Ok(verifier) = Verifier::new(vec![root], later(), Accept::default()) else {
        return Outcome::Refused;
    };
    let bundle = Bundle::parse(OWN_MESSAGE).expect("a seed");
    outcome(&verified(&verifier, &bundle))
}

fn outcome(verified: &Result<Evidence, Rejection>) -> Outcome {
    match verified {
        Ok(evidence) => {
            is_own(evidence);
            Outcome::Verified
        }
        Err(_) => Outcome::Read,
    }
}

fn verified(verifier: &Verifier, bundle: &Bundle) -> Result<Evidence, Rejection> {
    verifier.verify(bundle, &Subject::Artifact(&OWN_SUBJECT), &*OWN_SIGNER)
}

/// Panics unless this was signed by the key of the seeds, and then.
fn is_own(evidence: &Evidence) {
    assert!(evidence.signer().is(&OWN_SIGNER));
    assert!(
        evidence
            .message_digest()
            .is_none_or(|it| *it == OWN_SUBJECT.sha256())
    );
    assert!(evidence.statement().is_none_or(|it| *it == *OWN_STATEMENT));
    assert!(evidence.message_digest().is_some() != evidence.statement().is_some());
    assert_eq!(evidence.logs().len(), 1);
    let times: Vec<_> = evidence
        .times()
        .iter()
        .map(attest_verify::ProvenTime::time)
        .collect();
    assert_eq!(times, [time()]);
    assert!(evidence.skipped().is_empty(), "{:?}", evidence.skipped());
}

fn time() -> Timestamp {
    OWN_TIME.parse().expect("a time")
}

fn later() -> Timestamp {
    "2027-01-01T00:00:00Z".parse().expect("a time")
}

const OWN_MESSAGE: &[u8] = include_bytes!("../seeds/bundle/own-message");

static OWN_BUNDLE: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_slice(OWN_MESSAGE).expect("a seed"));
static OWN_SUBJECT: LazyLock<Artifact> =
    LazyLock::new(|| Artifact::of_bytes(OWN_ARTIFACT, Hashes::Sha256AndSha512));
static OWN_STATEMENT: LazyLock<Statement> = LazyLock::new(|| {
    Statement::parse(include_bytes!("../seeds/statement/release")).expect("a seed")
});
static OWN_SIGNER: LazyLock<ExpectedSigner> = LazyLock::new(|| {
    let key = include_bytes!("../seeds/key_file/own-public");
    ExpectedSigner::Key(PublicKey::parse(key).expect("a seed"))
});
static OWN_VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    let root = TrustedRoot::parse(include_bytes!("../seeds/trusted_root/own")).expect("a seed");
    Verifier::new(vec![root], later(), Accept::default()).expect("a root of ours")
});
