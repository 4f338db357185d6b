//! Step 11: the Sigstore organisation's verifier, as a second opinion. Where both can judge, both
//! must accept. The only file that names it.
//!
//! It reads the system's clock, to leave out logs and authorities that have not started yet; we are
//! given the time. So it gets trusted roots in which those have always been valid, and we judge their
//! windows alone.
//!
//! It verifies signatures with the library that we use. So it has those that we have just verified with
//! the same key, over the same digest, from our notes; what it asks of them it judges by itself.

use attest_digest::{Algorithm, Digest};
use attest_provenance::json::Value;
use jiff::Timestamp;
use serde_json::json;
use sigstore_verify::crypto::{
    CryptoProvider, HashContext, KeyAlgorithm as EngineKey, Result as CryptoResult, SigningKeyPair,
    SigningScheme, aws_lc_provider, install_default_provider,
};
use sigstore_verify::trust_root::TrustedRoot as EngineRoot;
use sigstore_verify::types::bundle::TimestampVerificationData;
use sigstore_verify::types::{
    ArtifactDigest, Bundle as EngineBundle, DerPublicKey, HashAlgorithm, Sha256Hash,
};
use sigstore_verify::{PublicKeyVerificationPolicy, VerificationPolicy, Verifier};

use crate::body::{self, EntryKind};
use crate::bundle::{Bundle, BundleVersion};
use crate::crypto::{self, Curve};
use crate::evidence::ProvenSigner;
use crate::signer::Signer;
use crate::trusted_root::{TrustedRoot, TrustedRootError};

/// The engine, with all trusted roots in one.
pub(crate) struct Engine(Verifier);

/// What the engine is asked about.
pub(crate) struct Question<'a> {
    pub(crate) bundle: &'a Bundle,
    pub(crate) signer: &'a Signer,
    /// A digest of the artifact that the signature or the statement is about.
    pub(crate) bound: Option<Digest>,
    /// Indices of log entries and of timestamps that were passed over.
    pub(crate) without_entries: &'a [usize],
    pub(crate) without_timestamps: &'a [usize],
    /// Whether log entries must be proven.
    pub(crate) proven: bool,
    /// Whether the certificate's authority has no certificate logs.
    pub(crate) without_certificate_logs: bool,
}

/// What the engine says.
pub(crate) enum Opinion {
    Accepts,
    /// It cannot judge this.
    None(&'static str),
    Rejects(String),
}

impl Engine {
    pub(crate) fn new(roots: &[TrustedRoot]) -> Result<Self, TrustedRootError> {
        let refused = |error: String| TrustedRootError::Engine { reason: error };
        // Refused if it stands already. Without it everything is computed anew, and the answer is the same.
        let _ = install_default_provider(&Recalling);
        let merged = merge(roots)?.to_string();
        let root = EngineRoot::from_json(&merged).map_err(|error| refused(error.to_string()))?;
        Verifier::new(&root)
            .map(Self)
            .map_err(|error| refused(error.to_string()))
    }

    pub(crate) fn judge(&self, question: &Question<'_>) -> Opinion {
        let digest = match readable(question) {
            Ok(digest) => digest,
            Err(reason) => return Opinion::None(reason),
        };
        let mut bundle = match EngineBundle::from_json(question.bundle.text()) {
            Ok(bundle) => bundle,
            Err(error) => return rejects(&error),
        };
        let material = &mut bundle.verification_material;
        let entries = std::mem::take(&mut material.tlog_entries);
        material.tlog_entries = without(entries, question.without_entries);
        let timestamps =
            std::mem::take(&mut material.timestamp_verification_data.rfc3161_timestamps);
        material.timestamp_verification_data =
            TimestampVerificationData::new(without(timestamps, question.without_timestamps));
        let verified = match &question.signer.identity {
            ProvenSigner::Key(key) => {
                let policy =
                    PublicKeyVerificationPolicy::new(DerPublicKey::new(key.spki().to_owned()));
                let policy = if question.proven {
                    policy
                } else {
                    policy.skip_tlog_unsafe()
                };
                self.0.verify(digest, &bundle, &policy)
            }
            ProvenSigner::Identity { identity, issuer } => {
                let policy = VerificationPolicy::new(identity.as_str(), issuer.as_str());
                let policy = if question.without_certificate_logs {
                    policy.skip_sct()
                } else {
                    policy
                };
                let policy = if question.proven {
                    policy
                } else {
                    policy.skip_tlog_unsafe()
                };
                self.0.verify(digest, &bundle, &policy)
            }
            // Detached signatures come in no bundle.
            ProvenSigner::OpenPgp { .. }
            | ProvenSigner::Minisign { .. }
            | ProvenSigner::Ssh { .. } => return Opinion::None("a signer of no bundle"),
        };
        match verified {
            Ok(_) => Opinion::Accepts,
            Err(error) => rejects(&error),
        }
    }
}

/// The engine's own library, which is asked for what is not noted.
#[derive(Debug)]
struct Recalling;

impl CryptoProvider for Recalling {
    fn hash(&self, algorithm: HashAlgorithm) -> CryptoResult<Box<dyn HashContext>> {
        aws_lc_provider().hash(algorithm)
    }

    fn sha256(&self, data: &[u8]) -> [u8; 32] {
        aws_lc_provider().sha256(data)
    }

    fn sha384(&self, data: &[u8]) -> [u8; 48] {
        aws_lc_provider().sha384(data)
    }

    fn sha512(&self, data: &[u8]) -> [u8; 64] {
        aws_lc_provider().sha512(data)
    }

    fn verify_raw(
        &self,
        scheme: SigningScheme,
        public_key: &[u8],
        data: &[u8],
        signature: &[u8],
    ) -> CryptoResult<()> {
        let noted = ecdsa(scheme).is_some_and(|(curve, algorithm)| {
            crypto::is_noted(curve, public_key, &crypto::hash(algorithm, data), signature)
        });
        if noted {
            return Ok(());
        }
        aws_lc_provider().verify_raw(scheme, public_key, data, signature)
    }

    fn verify_prehashed(
        &self,
        scheme: SigningScheme,
        public_key: &[u8],
        digest: &[u8],
        signature: &[u8],
    ) -> CryptoResult<()> {
        let noted = ecdsa(scheme).is_some_and(|(curve, algorithm)| {
            Digest::from_bytes(algorithm, digest)
                .is_ok_and(|it| crypto::is_noted(curve, public_key, &it, signature))
        });
        if noted {
            return Ok(());
        }
        aws_lc_provider().verify_prehashed(scheme, public_key, digest, signature)
    }

    fn generate_key_pair(&self, algorithm: EngineKey) -> CryptoResult<Box<dyn SigningKeyPair>> {
        aws_lc_provider().generate_key_pair(algorithm)
    }

    fn key_pair_from_pkcs8_der(&self, pkcs8: &[u8]) -> CryptoResult<Box<dyn SigningKeyPair>> {
        aws_lc_provider().key_pair_from_pkcs8_der(pkcs8)
    }
}

/// Curve and digest of the schemes whose signatures are noted.
fn ecdsa(scheme: SigningScheme) -> Option<(Curve, Algorithm)> {
    Some(match scheme {
        SigningScheme::EcdsaP256Sha256 => (Curve::P256, Algorithm::Sha256),
        SigningScheme::EcdsaP256Sha384 => (Curve::P256, Algorithm::Sha384),
        SigningScheme::EcdsaP384Sha256 => (Curve::P384, Algorithm::Sha256),
        SigningScheme::EcdsaP384Sha384 => (Curve::P384, Algorithm::Sha384),
        _ => return None,
    })
}

fn rejects(error: &dyn std::error::Error) -> Opinion {
    Opinion::Rejects(error.to_string())
}

/// The code of a difference between us and the engine.
pub(crate) const REJECTED: &str = "engine-rejected";

/// What is wanted of the engine.
pub(crate) const WANTED: &str = "acceptance by sigstore-verify as well";

/// The artifact's digest in the engine's type, if it can judge the question at all.
fn readable(question: &Question<'_>) -> Result<ArtifactDigest, &'static str> {
    let bundle = question.bundle;
    let entries = bundle.entries().len() - question.without_entries.len();
    let timestamps = bundle.timestamps().len() - question.without_timestamps.len();
    if entries + timestamps == 0 {
        return Err("it judges nothing without log entry and timestamp");
    }
    if entries == 0 && bundle.version() == BundleVersion::V0_1 {
        return Err("it reads no bundle of version 0.1 without log entry");
    }
    let key = question.signer.key.kind();
    let reads = |kind: Option<EntryKind>| kind.is_some_and(|it| body::engine_reads(it, key));
    if !bundle.entries().iter().map(EntryKind::of).all(reads) {
        return Err("it does not read log entries of this key's kind");
    }
    let bound = question
        .bound
        .ok_or("it compares SHA-256 and SHA-512 alone")?;
    match bound {
        Digest::Sha256(bytes) => Ok(Sha256Hash::new(bytes).into()),
        Digest::Sha512(bytes) => ArtifactDigest::new(HashAlgorithm::Sha2512, bytes.to_vec())
            .map_err(|_| "it takes no such digest"),
        Digest::Sha384(_) => Err("it compares SHA-256 and SHA-512 alone"),
    }
}

fn without<T>(items: Vec<T>, indices: &[usize]) -> Vec<T> {
    let kept = items
        .into_iter()
        .enumerate()
        .filter(|(index, _)| !indices.contains(index));
    kept.map(|(_, item)| item).collect()
}

/// One trusted root out of several, as the engine can take it.
fn merge(roots: &[TrustedRoot]) -> Result<Value, TrustedRootError> {
    let mut logs: Vec<Value> = Vec::new();
    let mut certificate_logs: Vec<Value> = Vec::new();
    let mut authorities = Vec::new();
    let mut issuers = Vec::new();
    for root in roots {
        let items = |field: &str| {
            root.json()
                .get(field)
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default()
        };
        let supported = items("tlogs").into_iter().zip(root.logs());
        for (log, _) in supported.filter(|(_, log)| log.is_supported()) {
            add_log(&mut logs, log)?;
        }
        for log in items("ctlogs") {
            add_log(&mut certificate_logs, log)?;
        }
        authorities.extend(items("timestampAuthorities"));
        issuers.extend(items("certificateAuthorities"));
    }
    for item in &mut logs {
        start_always(item.get_mut("publicKey"));
    }
    for item in &mut authorities {
        start_always(Some(item));
    }
    Ok(json!({
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": logs,
        "ctlogs": certificate_logs,
        "timestampAuthorities": authorities,
        "certificateAuthorities": issuers,
    }))
}

/// A log of two roots is one log, valid when either says so; the engine refuses to see it twice.
fn add_log(logs: &mut Vec<Value>, log: Value) -> Result<(), TrustedRootError> {
    let id = |it: &Value| it.pointer("/logId/keyId").cloned();
    let Some(known) = logs.iter_mut().find(|it| id(it) == id(&log)) else {
        logs.push(log);
        return Ok(());
    };
    let key = |it: &Value| it.pointer("/publicKey/rawBytes").cloned();
    if key(known) != key(&log) {
        let id = id(&log).unwrap_or_default().to_string();
        return Err(TrustedRootError::Conflict { id });
    }
    let window = |it: &Value| it.pointer("/publicKey/validFor").cloned();
    let widest = widest(window(known), window(&log));
    if let Some(key) = known.get_mut("publicKey").and_then(Value::as_object_mut) {
        match widest {
            Some(window) => key.insert("validFor".to_owned(), window),
            None => key.remove("validFor"),
        };
    }
    Ok(())
}

/// From the earlier start to the later end; `None` is always.
pub(crate) fn widest(one: Option<Value>, other: Option<Value>) -> Option<Value> {
    let (one, other) = (one?, other?);
    let time = |it: &Value, field: &str| it.get(field)?.as_str()?.parse::<Timestamp>().ok();
    let start = time(&one, "start").min(time(&other, "start"))?;
    let end = time(&one, "end")
        .zip(time(&other, "end"))
        .map(|(one, other)| one.max(other));
    Some(match end {
        Some(end) => json!({"start": start.to_string(), "end": end.to_string()}),
        None => json!({"start": start.to_string()}),
    })
}

fn start_always(item: Option<&mut Value>) {
    if let Some(start) = item.and_then(|it| it.pointer_mut("/validFor/start")) {
        *start = "1970-01-01T00:00:00Z".into();
    }
}

#[cfg(test)]
mod tests {
    use attest_provenance::base64;

    use super::*;
    use crate::key::PublicKey;

    const MESSAGE: &[u8] = b"what was signed";

    /// A key of P-256, its point, and its signature over the message.
    fn signed() -> (PublicKey, Vec<u8>, Vec<u8>) {
        let spki = base64::decode(SPKI).unwrap();
        let key = PublicKey::from_spki(&spki).unwrap();
        let point = key.bits().unwrap();
        (key, point, base64::decode(SIGNATURE).unwrap())
    }

    /// Whether the engine is told so, for each change of one thing.
    fn told(point: &[u8], signature: &[u8]) -> Vec<bool> {
        let digest = crypto::sha256(MESSAGE);
        let flip = |bytes: &[u8]| {
            let mut other = bytes.to_vec();
            other[40] ^= 1;
            other
        };
        let p256 = SigningScheme::EcdsaP256Sha256;
        vec![
            Recalling
                .verify_raw(p256, point, MESSAGE, signature)
                .is_ok(),
            Recalling
                .verify_prehashed(p256, point, &digest, signature)
                .is_ok(),
            Recalling
                .verify_raw(p256, point, b"another", signature)
                .is_ok(),
            Recalling
                .verify_raw(p256, point, MESSAGE, &flip(signature))
                .is_ok(),
            Recalling
                .verify_raw(p256, &flip(point), MESSAGE, signature)
                .is_ok(),
            Recalling
                .verify_raw(SigningScheme::EcdsaP256Sha384, point, MESSAGE, signature)
                .is_ok(),
            Recalling
                .verify_prehashed(p256, point, &digest[1..], signature)
                .is_ok(),
        ]
    }

    #[test]
    fn the_engine_is_told_the_same_with_and_without_notes() {
        let (key, point, signature) = signed();
        let truth = [true, true, false, false, false, false, false];
        assert_eq!(told(&point, &signature), truth);
        crypto::noting(|| {
            let digest = Digest::Sha256(crypto::sha256(MESSAGE));
            assert!(key.verifies_digest(&digest, &signature));
            assert!(crypto::is_noted(Curve::P256, &point, &digest, &signature));
            assert_eq!(told(&point, &signature), truth);
        });
    }

    #[test]
    fn what_did_not_verify_is_not_noted() {
        let (key, point, mut signature) = signed();
        *signature.last_mut().unwrap() ^= 1;
        crypto::noting(|| {
            let digest = Digest::Sha256(crypto::sha256(MESSAGE));
            assert!(!key.verifies_digest(&digest, &signature));
            assert!(!crypto::is_noted(Curve::P256, &point, &digest, &signature));
        });
    }

    const SPKI: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE0NMqZhaMRP/0x0pXmw5zSeROQlRD/Hsx0MzViBE5yZiJEEe20eLjze1RkZ/Xu7DQBxG6HJvYItDQC8WrA9QFrQ==";
    const SIGNATURE: &str = "MEQCIGAhgPgCxWwjnYXRLHxOwk2unkXuwCd0bPa5ymLTQZBqAiBSkgZBsqw4UnRAPoYqaeQ3CvGyRqoEsuCalOZL8dxIOw==";
}
