//! What a policy makes of evidence. The evidence is made here: signed, logged, timestamped and verified,
//! as no test can write it down.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop where they fail"
)]

mod admitting;
mod approving;
mod counting;
mod lone_files;
mod monotonic;
mod naming;

use std::sync::OnceLock;

use attest_digest::{Artifact, Hashes};
use attest_log::Log;
use attest_policy::{Decision, Policy, Reason};
use attest_sign::{ArtifactKey, Identity, Password, Signer, Unlock, Unsigned, create_identity};
use attest_verify::{
    Accept, Bundle, Evidence, ExpectedSigner, PublicKey, Subject, TrustedRoot, Verifier,
};
use jiff::Timestamp;
use serde_json::{Value, json};

/// When everything is signed.
const NOW: &str = "2026-11-21T09:41:07Z";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A log, an authority and a verifier that trusts them; keys come to it.
struct World {
    identity: Identity,
    verifier: Verifier,
}

impl World {
    /// The one of all tests: encrypting the keys of another takes its time.
    fn get() -> &'static Self {
        static WORLD: OnceLock<World> = OnceLock::new();
        WORLD.get_or_init(Self::make)
    }

    fn make() -> Self {
        let made = create_identity(None, time(NOW), &mut Unlock::new(), &Password::empty());
        let identity = made.unwrap();
        let root = TrustedRoot::parse(&identity.files.trusted_root).unwrap();
        let verifier = Verifier::new(vec![root], time(NOW), Accept::default()).unwrap();
        Self { identity, verifier }
    }

    fn signed(&self, key: &ArtifactKey, unsigned: Unsigned<'_>) -> (Vec<u8>, Evidence) {
        let folder = tempfile::tempdir().unwrap();
        let place = |name| folder.path().join(name);
        let keeper = &self.identity.checkpoint_key;
        let mut log = Log::create(&place("log"), &place("copy"), keeper).unwrap();
        let clock = self.identity.authority.at(time(NOW));
        let mut signer = Signer::new(key, &clock, &mut log, &self.verifier);
        let made = signer.sign(&[unsigned]).unwrap().remove(0);
        (made.bundle().to_vec(), made.evidence().clone())
    }

    /// A message signature over these bytes.
    fn message(&self, key: &ArtifactKey, bytes: &[u8]) -> Evidence {
        self.signed(key, Unsigned::Artifact(&artifact(bytes))).1
    }

    /// A message signature from which parts were taken away, which the verifier is told to accept.
    fn message_with(&self, key: &ArtifactKey, change: impl Fn(&mut Value)) -> Evidence {
        let artifact = artifact(b"x");
        let (bundle, _) = self.signed(key, Unsigned::Artifact(&artifact));
        let mut bundle: Value = serde_json::from_slice(&bundle).unwrap();
        change(&mut bundle["verificationMaterial"]);
        let bundle = Bundle::parse(bundle.to_string().as_bytes()).unwrap();
        let root = TrustedRoot::parse(&self.identity.files.trusted_root).unwrap();
        let accept = Accept {
            no_log: true,
            no_time: true,
            set_only: false,
        };
        let verifier = Verifier::new(vec![root], time(NOW), accept).unwrap();
        verifier
            .verify(&bundle, &Subject::Artifact(&artifact), &expected(key))
            .unwrap()
    }

    fn statement(
        &self,
        key: &ArtifactKey,
        kind: &str,
        predicate: &Value,
        files: &[(&str, &[u8])],
    ) -> Evidence {
        let statement = statement(kind, predicate, files);
        self.signed(key, Unsigned::Statement(statement.as_bytes()))
            .1
    }
}

fn statement(kind: &str, predicate: &Value, files: &[(&str, &[u8])]) -> String {
    let subject: Vec<Value> = files
        .iter()
        .map(|(name, bytes)| json!({"name": name, "digest": {"sha256": sha256(bytes)}}))
        .collect();
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subject,
        "predicateType": kind,
        "predicate": predicate,
    })
    .to_string()
}

fn key() -> ArtifactKey {
    ArtifactKey::generate().unwrap()
}

fn expected(key: &ArtifactKey) -> ExpectedSigner {
    ExpectedSigner::Key(PublicKey::parse(key.public_pem().as_bytes()).unwrap())
}

fn artifact(bytes: &[u8]) -> Artifact {
    Artifact::of_bytes(bytes, Hashes::Sha256)
}

fn sha256(bytes: &[u8]) -> String {
    artifact(bytes).sha256().hex()
}

/// The code of a refusal, or that there is none.
fn code<T>(result: &Result<T, Reason>) -> &'static str {
    result.as_ref().map_or_else(Reason::code, |_| "accepted")
}

fn decided(policy: &Policy, evidence: &Evidence) -> &'static str {
    word(&policy.decide(evidence))
}

fn word(decision: &Decision<'_>) -> &'static str {
    match decision {
        Decision::Accept(_) => "accepted",
        Decision::Reject(reasons) => reasons[0].code(),
    }
}

const RELEASE: &str = "https://in-toto.io/attestation/release/v0.2";
const SLSA: &str = "https://slsa.dev/provenance/v1";
const OTHER: &str = "https://example.com/test-result";

fn release(version: &str) -> Value {
    json!({"purl": format!("pkg:generic/hello@{version}")})
}

fn provenance() -> Value {
    json!({
        "buildDefinition": {"buildType": "https://example.org/build", "externalParameters": {}},
        "runDetails": {"builder": {"id": "https://example.org/builder"}},
    })
}
