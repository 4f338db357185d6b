//! A forger's workshop: keys, logs, authorities and bundles, right or wrong in any place. It shares
//! no code with the verifier but base64.

pub(crate) mod authority;
pub(crate) mod build;
pub(crate) mod changes;
pub(crate) mod der;
pub(crate) mod issuer;
pub(crate) mod keyless;
pub(crate) mod keys;
pub(crate) mod log;

use attest_digest::Artifact;
use attest_provenance::base64;
use attest_verify::{
    Accept, Bundle, Evidence, ExpectedSigner, PublicKey, Subject, TrustedRoot, Verifier,
};
use serde_json::{Value, json};

use authority::{Authority, Token};
use keys::{Key, sha256};
use log::Log;

/// One verification: whom is trusted, what is signed, and the bundle that says so.
pub(crate) struct Scene {
    pub(crate) key: Key,
    pub(crate) log: Log,
    pub(crate) authority: Authority,
    pub(crate) artifact: Vec<u8>,
    pub(crate) bundle: Value,
    pub(crate) root: Value,
    pub(crate) expected: ExpectedSigner,
    pub(crate) accept: Accept,
    pub(crate) now: &'static str,
}

pub(crate) const NOW: &str = "2026-11-21T12:00:00Z";
pub(crate) const STAMPED: &str = "20261121113000Z";
/// [`STAMPED`] in seconds since 1970.
pub(crate) const STAMPED_SECONDS: u64 = 1_795_260_600;
pub(crate) const INDEX: u64 = 5;
pub(crate) const SIZE: u64 = 11;

impl Scene {
    /// A message signature, logged in a Rekor v2 log, with a timestamp.
    pub(crate) fn message() -> Self {
        Self::message_in(Log::v2("log.example", 7))
    }

    pub(crate) fn message_in(log: Log) -> Self {
        Self::message_by(Key::p256(), log)
    }

    pub(crate) fn message_by(key: Key, log: Log) -> Self {
        let mut scene = Self::new(key, log);
        let signature = scene.key.sign(&scene.artifact);
        scene.bundle = json!({
            "mediaType": V0_3,
            "verificationMaterial": {"publicKey": {"hint": scene.public_key().hint()}},
            "messageSignature": {
                "messageDigest": message_digest(&scene.key, &scene.artifact),
                "signature": base64::encode(&signature),
            },
        });
        scene.witness();
        scene
    }

    /// A statement about the artifact, logged in a Rekor v2 log, with a timestamp.
    pub(crate) fn statement() -> Self {
        let scene = Self::new(Key::p256(), Log::v2("log.example", 7));
        let payload = statement_about(&scene.artifact);
        scene.with_payload("application/vnd.in-toto+json", payload.as_bytes())
    }

    /// The same with another payload, signed anew.
    pub(crate) fn with_payload(mut self, payload_type: &str, payload: &[u8]) -> Self {
        let signature = self.key.sign(&pae(payload_type, payload));
        self.bundle = json!({
            "mediaType": V0_3,
            "verificationMaterial": {"publicKey": {"hint": self.public_key().hint()}},
            "dsseEnvelope": {
                "payload": base64::encode(payload),
                "payloadType": payload_type,
                "signatures": [{"sig": base64::encode(&signature)}],
            },
        });
        self.witness();
        self
    }

    pub(crate) fn new(key: Key, log: Log) -> Self {
        let authority = Authority::new("time.example");
        let root = trusted_root(&[&log], &[&authority]);
        let expected = ExpectedSigner::Key(PublicKey::from_spki(&key.spki()).unwrap());
        Self {
            key,
            log,
            authority,
            artifact: b"hello world\n".to_vec(),
            bundle: Value::Null,
            root,
            expected,
            accept: Accept::default(),
            now: NOW,
        }
    }

    /// Logs and timestamps what the bundle's signature is over.
    pub(crate) fn witness(&mut self) {
        let token =
            Token::of(&self.authority, &self.signature(), STAMPED).sign(&self.authority.key);
        let entry = self.entry();
        let material = &mut self.bundle["verificationMaterial"];
        material["tlogEntries"] = json!([entry]);
        material["timestampVerificationData"] =
            json!({"rfc3161Timestamps": [{"signedTimestamp": base64::encode(&token)}]});
    }

    /// The right entry of the scene's log.
    pub(crate) fn entry(&self) -> Value {
        self.entry_in(&self.log, INDEX, SIZE)
    }

    pub(crate) fn entry_in(&self, log: &Log, index: u64, size: u64) -> Value {
        let body = self.body(log.v1);
        let version = if log.v1 { "0.0.1" } else { "0.0.2" };
        let mut entry = log.entry("hashedrekord", version, body.as_bytes(), index, size);
        if log.v1 {
            // Rekor v1 counts across its shards.
            let global = index + 1_000_000;
            entry["logIndex"] = global.to_string().into();
            entry["integratedTime"] = STAMPED_SECONDS.to_string().into();
            let promise = log.promise(body.as_bytes(), STAMPED_SECONDS, global);
            entry["inclusionPromise"] = json!({"signedEntryTimestamp": base64::encode(&promise)});
        }
        entry
    }

    /// The body of an entry about the scene's signature, written out by hand.
    pub(crate) fn body(&self, v1: bool) -> String {
        let (digest, old, new) = self.key.hash(&self.signed_bytes());
        let signature = self.signature();
        if v1 {
            body_v1(&digest, &signature, &self.public_key()).replace("sha256", old)
        } else {
            body_v2(&digest, &signature, &self.key.spki())
                .replace("SHA2_256", new)
                .replace("PKIX_ECDSA_P256_SHA_256", self.key.details())
        }
    }

    /// What the signature is over.
    pub(crate) fn signed_bytes(&self) -> Vec<u8> {
        match self.bundle.get("dsseEnvelope") {
            Some(envelope) => {
                let payload = base64::decode(envelope["payload"].as_str().unwrap()).unwrap();
                pae(envelope["payloadType"].as_str().unwrap(), &payload)
            }
            None => self.artifact.clone(),
        }
    }

    pub(crate) fn signature(&self) -> Vec<u8> {
        let pointers = [
            "/messageSignature/signature",
            "/dsseEnvelope/signatures/0/sig",
        ];
        let signature = pointers
            .iter()
            .find_map(|it| self.bundle.pointer(it))
            .unwrap();
        base64::decode(signature.as_str().unwrap()).unwrap()
    }

    pub(crate) fn public_key(&self) -> PublicKey {
        PublicKey::from_spki(&self.key.spki()).unwrap()
    }

    /// Changes the value at a JSON pointer, or adds the last field of it.
    pub(crate) fn set(&mut self, pointer: &str, value: impl Into<Value>) {
        set(&mut self.bundle, pointer, value.into());
    }

    /// Changes the value at a JSON pointer of the trusted root.
    pub(crate) fn set_root(&mut self, pointer: &str, value: impl Into<Value>) {
        set(&mut self.root, pointer, value.into());
    }

    pub(crate) fn remove(&mut self, pointer: &str) {
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        let removed = self
            .bundle
            .pointer_mut(parent)
            .unwrap()
            .as_object_mut()
            .unwrap()
            .remove(field);
        assert!(removed.is_some(), "{pointer} was not there");
    }

    /// Replaces the timestamps.
    pub(crate) fn stamp(&mut self, tokens: &[Vec<u8>]) {
        let tokens: Vec<Value> = tokens
            .iter()
            .map(|it| json!({"signedTimestamp": base64::encode(it)}))
            .collect();
        self.set(TIMESTAMPS, tokens);
    }

    /// A token of the scene's authority over the scene's signature.
    pub(crate) fn token(&self) -> Token<'static> {
        Token::of(&self.authority, &self.signature(), STAMPED)
    }

    /// Stamps with a token of the scene's authority.
    pub(crate) fn stamp_with(&mut self, token: &Token<'_>) {
        let bytes = token.sign(&self.authority.key);
        self.stamp(&[bytes]);
    }

    /// The code of the refusal, whichever part refuses.
    pub(crate) fn code(&self) -> &'static str {
        match self.verify() {
            Ok(_) => "accepted",
            Err(refused) => refused.0,
        }
    }

    pub(crate) fn verify(&self) -> Result<Evidence, Refused> {
        self.verify_bytes(self.bundle.to_string().as_bytes())
    }

    pub(crate) fn verify_bytes(&self, bundle: &[u8]) -> Result<Evidence, Refused> {
        let bundle = Bundle::parse(bundle).map_err(|it| Refused(it.code(), it.to_string()))?;
        let artifact = Artifact::of_bytes(&self.artifact, bundle.needed_hashes(&self.expected));
        self.verifier()?
            .verify(&bundle, &Subject::Artifact(&artifact), &self.expected)
            .map_err(|it| Refused(it.code(), it.to_string()))
    }

    /// Verifies for other signers than the scene's.
    pub(crate) fn verify_for(&self, expected: &[ExpectedSigner]) -> Result<Evidence, Refused> {
        let bundle = Bundle::parse(self.bundle.to_string().as_bytes())
            .map_err(|it| Refused(it.code(), it.to_string()))?;
        let artifact = Artifact::of_bytes(&self.artifact, bundle.needed_hashes(expected));
        self.verifier()?
            .verify(&bundle, &Subject::Artifact(&artifact), expected)
            .map_err(|it| Refused(it.code(), it.to_string()))
    }

    pub(crate) fn verifier(&self) -> Result<Verifier, Refused> {
        let root = TrustedRoot::parse(self.root.to_string().as_bytes());
        root.and_then(|it| Verifier::new(vec![it], self.now.parse().unwrap(), self.accept))
            .map_err(|it| Refused(it.code(), it.to_string()))
    }
}

/// A code and what it says.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) &'static str, pub(crate) String);

pub(crate) fn trusted_root(logs: &[&Log], authorities: &[&Authority]) -> Value {
    json!({
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": logs.iter().map(|it| it.trusted()).collect::<Vec<_>>(),
        "timestampAuthorities": authorities.iter().map(|it| it.trusted()).collect::<Vec<_>>(),
    })
}

/// The digest that the key signs, as a bundle claims it.
pub(crate) fn message_digest(key: &Key, artifact: &[u8]) -> Value {
    let (digest, _, algorithm) = key.hash(artifact);
    json!({"algorithm": algorithm, "digest": base64::encode(&digest)})
}

pub(crate) fn statement_about(artifact: &[u8]) -> String {
    format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"name":"hello","digest":{{"sha256":"{}"}}}}],"predicateType":"https://slsa.dev/provenance/v1","predicate":{{}}}}"#,
        hex::encode(sha256(artifact))
    )
}

pub(crate) fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let header = format!(
        "DSSEv1 {} {payload_type} {} ",
        payload_type.len(),
        payload.len()
    );
    [header.as_bytes(), payload].concat()
}

pub(crate) fn body_v2(digest: &[u8], signature: &[u8], spki: &[u8]) -> String {
    format!(
        r#"{{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{{"hashedRekordV002":{{"data":{{"algorithm":"SHA2_256","digest":"{}"}},"signature":{{"content":"{}","verifier":{{"keyDetails":"PKIX_ECDSA_P256_SHA_256","publicKey":{{"rawBytes":"{}"}}}}}}}}}}}}"#,
        base64::encode(digest),
        base64::encode(signature),
        base64::encode(spki),
    )
}

pub(crate) fn body_v1(digest: &[u8], signature: &[u8], key: &PublicKey) -> String {
    format!(
        r#"{{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{{"data":{{"hash":{{"algorithm":"sha256","value":"{}"}}}},"signature":{{"content":"{}","publicKey":{{"content":"{}"}}}}}}}}"#,
        hex::encode(digest),
        base64::encode(signature),
        base64::encode(key.to_pem().as_bytes()),
    )
}

fn set(json: &mut Value, pointer: &str, value: Value) {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let parent = json
        .pointer_mut(parent)
        .unwrap_or_else(|| panic!("no {parent}"));
    match parent {
        Value::Object(fields) => {
            fields.insert(field.to_owned(), value);
        }
        Value::Array(items) => {
            let index: usize = field.parse().unwrap();
            if index == items.len() {
                items.push(value);
            } else {
                items[index] = value;
            }
        }
        _ => panic!("{pointer} is in no container"),
    }
}

pub(crate) const V0_3: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
pub(crate) const V0_2: &str = "application/vnd.dev.sigstore.bundle+json;version=0.2";
pub(crate) const V0_1: &str = "application/vnd.dev.sigstore.bundle+json;version=0.1";
pub(crate) const ENTRY: &str = "/verificationMaterial/tlogEntries/0";
pub(crate) const PROOF: &str = "/verificationMaterial/tlogEntries/0/inclusionProof";
pub(crate) const TIMESTAMPS: &str =
    "/verificationMaterial/timestampVerificationData/rfc3161Timestamps";
