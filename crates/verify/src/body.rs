//! Bodies of log entries: built from what was verified and compared byte for byte; what they claim
//! is read only to say why they differ.

use attest_digest::{Algorithm, Digest};
use attest_log::entry::{self, Entry, Verifier};
use attest_provenance::json::{self, Value, canonical};
use attest_provenance::{Envelope, base64};

use crate::bundle::BundleEntry;
use crate::crypto;
use crate::key::{KeyKind, PublicKey, pem_block, to_pem};

/// The kinds of entries that we rebuild.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryKind {
    /// `hashedrekord` 0.0.2, of Rekor v2.
    HashedRekordV2,
    /// `hashedrekord` 0.0.1, of Rekor v1.
    HashedRekordV1,
    /// `dsse` 0.0.2, which Rekor v2 took in its first year.
    DsseV2,
    /// `dsse` 0.0.1, of Rekor v1.
    DsseV1,
    /// `intoto` 0.0.2, of Rekor v1.
    IntotoV1,
}

impl EntryKind {
    /// `None` for kinds that we do not read.
    pub(crate) fn of(entry: &BundleEntry) -> Option<Self> {
        match (entry.kind(), entry.version()) {
            (entry::KIND, entry::API_VERSION) => Some(Self::HashedRekordV2),
            ("hashedrekord", "0.0.1") => Some(Self::HashedRekordV1),
            ("dsse", "0.0.2") => Some(Self::DsseV2),
            ("dsse", "0.0.1") => Some(Self::DsseV1),
            ("intoto", "0.0.2") => Some(Self::IntotoV1),
            _ => None,
        }
    }

    /// Whether a Rekor v2 log keeps such entries: they have no promise and no time.
    pub(crate) const fn is_v2(self) -> bool {
        matches!(self, Self::HashedRekordV2 | Self::DsseV2)
    }
}

/// What an entry must be about.
pub(crate) struct Signed<'a> {
    /// The digest that was signed: of the artifact, or of the envelope's pre-authentication encoding.
    pub(crate) digest: Digest,
    pub(crate) signature: &'a [u8],
    pub(crate) key: &'a PublicKey,
    /// The certificate that holds the key, in DER.
    pub(crate) certificate: Option<&'a [u8]>,
    /// Whether an Ed25519 key signed the bytes themselves.
    pub(crate) pure: bool,
    pub(crate) envelope: Option<&'a Envelope>,
}

/// The body that an entry of that kind about this signature has.
///
/// `None` if there is no such body: a kind that is not for this content, or a key that the log does
/// not take.
pub(crate) fn expected(kind: EntryKind, signed: &Signed<'_>, claimed: &[u8]) -> Option<Vec<u8>> {
    match (kind, signed.envelope) {
        (EntryKind::HashedRekordV2, _) if !signed.pure => hashed_rekord_v2(signed),
        (EntryKind::DsseV2, Some(envelope)) => dsse_v2(signed, envelope),
        (EntryKind::HashedRekordV1, None) => hashed_rekord_v1(signed),
        (EntryKind::DsseV1, Some(envelope)) => dsse_v1(signed, envelope, claimed),
        (EntryKind::IntotoV1, Some(envelope)) => intoto_v1(signed, envelope, claimed),
        _ => None,
    }
}

fn hashed_rekord_v2(signed: &Signed<'_>) -> Option<Vec<u8>> {
    let verifier = match signed.certificate {
        Some(der) => Verifier::Certificate(der.to_owned()),
        None => Verifier::PublicKey(signed.key.spki().to_owned()),
    };
    let details = signed.key.kind().key_details()?;
    let entry = Entry::new(
        signed.digest,
        signed.signature.to_owned(),
        details,
        verifier,
    );
    Some(entry.ok()?.body())
}

/// The payload's own digest, and algorithms by the names of protobuf-specs.
fn dsse_v2(signed: &Signed<'_>, envelope: &Envelope) -> Option<Vec<u8>> {
    let digest = crypto::hash(Algorithm::Sha256, envelope.unverified_payload());
    let details = match signed.key.kind() {
        KeyKind::Ed25519 if signed.pure => PURE_ED25519,
        kind => kind.key_details()?.name(),
    };
    let (field, raw) = match signed.certificate {
        Some(der) => ("x509Certificate", der),
        None => ("publicKey", signed.key.spki()),
    };
    canonical(&serde_json::json!({
        "apiVersion": "0.0.2",
        "kind": "dsse",
        "spec": {"dsseV002": {
            "payloadHash": {"algorithm": "SHA2_256", "digest": base64::encode(digest.as_bytes())},
            "signatures": [{
                "content": base64::encode(signed.signature),
                "verifier": {"keyDetails": details, field: {"rawBytes": base64::encode(raw)}},
            }],
        }},
    }))
    .ok()
}

fn hashed_rekord_v1(signed: &Signed<'_>) -> Option<Vec<u8>> {
    canonical(&serde_json::json!({
        "apiVersion": "0.0.1",
        "kind": "hashedrekord",
        "spec": {
            "data": {"hash": {"algorithm": signed.digest.algorithm().name(), "value": signed.digest.hex()}},
            "signature": {
                "content": base64::encode(signed.signature),
                "publicKey": {"content": verifier_pem(signed)},
            },
        },
    }))
    .ok()
}

/// `envelopeHash` is over a JSON spelling that nobody has: it is taken from the claimed body, and
/// nothing relies on it.
fn dsse_v1(signed: &Signed<'_>, envelope: &Envelope, claimed: &[u8]) -> Option<Vec<u8>> {
    let claimed = parse(claimed)?;
    let envelope_hash = claimed.pointer("/spec/envelopeHash/value")?.as_str()?;
    Digest::from_hex(Algorithm::Sha256, envelope_hash).ok()?;
    canonical(&serde_json::json!({
        "apiVersion": "0.0.1",
        "kind": "dsse",
        "spec": {
            "envelopeHash": {"algorithm": "sha256", "value": envelope_hash},
            "payloadHash": payload_hash(envelope),
            "signatures": [{"signature": base64::encode(signed.signature), "verifier": verifier_pem(signed)}],
        },
    }))
    .ok()
}

/// `hash` is over a JSON spelling that nobody has, as in [`dsse_v1`]. The signature is encoded twice.
fn intoto_v1(signed: &Signed<'_>, envelope: &Envelope, claimed: &[u8]) -> Option<Vec<u8>> {
    let claimed = parse(claimed)?;
    let hash = claimed.pointer("/spec/content/hash/value")?.as_str()?;
    Digest::from_hex(Algorithm::Sha256, hash).ok()?;
    let signature = base64::encode(base64::encode(signed.signature).as_bytes());
    let verifier = claimed.pointer("/spec/content/envelope/signatures/0/publicKey");
    let mut logged_signature =
        serde_json::json!({"publicKey": spelling(verifier, signed), "sig": signature});
    // An empty one is none, in the envelope and in the log.
    if let Some(keyid) = envelope
        .signatures()
        .first()
        .and_then(|it| it.keyid.as_deref())
    {
        let keyid = keyid.to_owned().into();
        logged_signature
            .as_object_mut()?
            .insert("keyid".to_owned(), keyid);
    }
    let mut logged = serde_json::json!({
        "payloadType": envelope.payload_type(),
        "signatures": [logged_signature],
    });
    // Rekor leaves the payload out; some logs keep it.
    if claimed.pointer("/spec/content/envelope/payload").is_some() {
        let payload = base64::encode(base64::encode(envelope.unverified_payload()).as_bytes());
        logged
            .as_object_mut()?
            .insert("payload".to_owned(), payload.into());
    }
    canonical(&serde_json::json!({
        "apiVersion": "0.0.2",
        "kind": "intoto",
        "spec": {"content": {
            "envelope": logged,
            "hash": {"algorithm": "sha256", "value": hash},
            "payloadHash": payload_hash(envelope),
        }},
    }))
    .ok()
}

fn payload_hash(envelope: &Envelope) -> Value {
    let digest = crypto::hash(Algorithm::Sha256, envelope.unverified_payload());
    serde_json::json!({"algorithm": "sha256", "value": digest.hex()})
}

/// The base64 of the PEM of certificate or key, as Rekor v1 writes it.
fn verifier_pem(signed: &Signed<'_>) -> String {
    let pem = match signed.certificate {
        Some(der) => to_pem("CERTIFICATE", der),
        None => signed.key.to_pem(),
    };
    base64::encode(pem.as_bytes())
}

/// The claimed PEM if it holds the very same certificate or key: not every log of that kind breaks its
/// lines after 64 characters.
fn spelling(claimed: Option<&Value>, signed: &Signed<'_>) -> String {
    let (label, der) = match signed.certificate {
        Some(der) => ("CERTIFICATE", der),
        None => ("PUBLIC KEY", signed.key.spki()),
    };
    claimed
        .and_then(Value::as_str)
        .filter(|encoded| {
            let pem = base64::decode(encoded).unwrap_or_default();
            let block = std::str::from_utf8(&pem).ok().and_then(pem_block);
            block.is_some_and(|found| found == (label, der.to_owned()))
        })
        .map_or_else(|| verifier_pem(signed), str::to_owned)
}

/// What a body claims, for saying what is wrong; never for accepting anything.
#[derive(Debug, Default)]
pub(crate) struct ClaimedBody {
    pub(crate) digest: Option<Digest>,
    pub(crate) signature: Option<Vec<u8>>,
    pub(crate) key: Option<PublicKey>,
    /// The certificate that holds the key, in DER.
    pub(crate) certificate: Option<Vec<u8>>,
}

impl ClaimedBody {
    pub(crate) fn read(entry: &BundleEntry) -> Self {
        match EntryKind::of(entry) {
            Some(EntryKind::HashedRekordV2) => Self::read_v2(entry.body()),
            Some(EntryKind::DsseV2) => Self::read_dsse_v2(entry.body()),
            Some(_) => Self::read_v1(entry.body()),
            None => Self::default(),
        }
    }

    fn read_v2(body: &[u8]) -> Self {
        let Ok(entry) = Entry::parse(body) else {
            return Self::default();
        };
        let (key, certificate) = match entry.verifier() {
            Verifier::PublicKey(spki) => (PublicKey::from_spki(spki).ok(), None),
            Verifier::Certificate(der) => (None, Some(der.clone())),
        };
        Self {
            digest: Some(*entry.digest()),
            signature: Some(entry.signature().to_owned()),
            key,
            certificate,
        }
    }

    fn read_dsse_v2(body: &[u8]) -> Self {
        let body = parse(body).unwrap_or_default();
        let first = "/spec/dsseV002/signatures/0";
        let bytes = |field: &str| {
            let text = body.pointer(&format!("{first}/{field}"))?.as_str()?;
            base64::decode(text).ok()
        };
        Self {
            digest: None,
            signature: bytes("content"),
            key: bytes("verifier/publicKey/rawBytes").and_then(|it| PublicKey::from_spki(&it).ok()),
            certificate: bytes("verifier/x509Certificate/rawBytes"),
        }
    }

    fn read_v1(body: &[u8]) -> Self {
        let Some(body) = parse(body) else {
            return Self::default();
        };
        let text = |pointers: &[&str]| pointers.iter().find_map(|it| body.pointer(it)?.as_str());
        let hash = text(&["/spec/data/hash/value"]);
        let signature = text(&["/spec/signature/content", "/spec/signatures/0/signature"])
            .and_then(|it| base64::decode(it).ok())
            .or_else(|| twice(text(&["/spec/content/envelope/signatures/0/sig"])?));
        let verifier = text(&[
            "/spec/signature/publicKey/content",
            "/spec/signatures/0/verifier",
            "/spec/content/envelope/signatures/0/publicKey",
        ]);
        let (label, der) = verifier.and_then(pem_of).unwrap_or_default();
        Self {
            digest: hash.and_then(|it| Digest::from_hex(Algorithm::Sha256, it).ok()),
            signature,
            key: (label == "PUBLIC KEY")
                .then(|| PublicKey::from_spki(&der).ok())
                .flatten(),
            certificate: (label == "CERTIFICATE").then_some(der),
        }
    }
}

/// The public key that an entry names, if it names one.
pub(crate) fn claimed_key(entry: &BundleEntry) -> Option<PublicKey> {
    ClaimedBody::read(entry).key
}

fn pem_of(encoded: &str) -> Option<(String, Vec<u8>)> {
    let pem = base64::decode(encoded).ok()?;
    let (label, der) = pem_block(std::str::from_utf8(&pem).ok()?)?;
    Some((label.to_owned(), der))
}

/// The signature of an intoto entry, which is encoded twice; some wrote it once.
fn twice(encoded: &str) -> Option<Vec<u8>> {
    let once = base64::decode(encoded).ok()?;
    let inner = std::str::from_utf8(&once)
        .ok()
        .and_then(|it| base64::decode(it).ok());
    Some(inner.unwrap_or(once))
}

fn parse(body: &[u8]) -> Option<Value> {
    json::parse(body, crate::limits::BUNDLE).ok()
}

/// Whether the engine reads entries of this kind for keys of that kind.
pub(crate) const fn engine_reads(kind: EntryKind, key: KeyKind) -> bool {
    match (kind, key) {
        // Its Rekor v2 knows P-256 alone, and its hashedrekord 0.0.1 SHA-256 alone.
        (
            EntryKind::HashedRekordV2
            | EntryKind::HashedRekordV1
            | EntryKind::DsseV1
            | EntryKind::IntotoV1,
            KeyKind::P256,
        )
        | (EntryKind::HashedRekordV1, KeyKind::Rsa { .. })
        | (EntryKind::DsseV1 | EntryKind::IntotoV1, KeyKind::P384 | KeyKind::Rsa { .. }) => true,
        _ => false,
    }
}

/// The name of pure Ed25519 in protobuf-specs; a hashedrekord never has it.
const PURE_ED25519: &str = "PKIX_ED25519";
