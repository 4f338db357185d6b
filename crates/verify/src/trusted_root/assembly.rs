//! Trusted roots made of parts: of other roots, and of keys and certificates in PEM.

use attest_log::LogKey;
use attest_provenance::base64;
use attest_provenance::json::Value;
use const_oid::db::rfc5280::ID_KP_TIME_STAMPING;
use jiff::Timestamp;
use serde_json::json;

use super::log::host;
use crate::asn1::certificate::Certificate;
use crate::engine::widest;
use crate::key::{KeyKind, PublicKey, pem_block};
use crate::trusted_root::{MEDIA_TYPES, TrustedRoot, TrustedRootError};
use crate::{crypto, limits};

/// The parts of a trusted root that is being made. Each is there once, however often it is added.
#[derive(Debug, Default)]
pub struct Assembly {
    logs: Vec<Value>,
    issuers: Vec<Value>,
    certificate_logs: Vec<Value>,
    authorities: Vec<Value>,
}

/// What a chain of certificates vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainUse {
    /// Identities: it issues certificates for code signing.
    Signing,
    /// Times: it signs timestamps.
    Timestamping,
}

impl Assembly {
    /// Adds all that another root holds.
    pub fn add_root(&mut self, root: &TrustedRoot) {
        let items = |field: &str| {
            let items = root.json().get(field).and_then(Value::as_array);
            items.cloned().unwrap_or_default()
        };
        for log in items("tlogs") {
            add_log(&mut self.logs, log);
        }
        for log in items("ctlogs") {
            add_log(&mut self.certificate_logs, log);
        }
        for authority in items("certificateAuthorities") {
            add(&mut self.issuers, authority);
        }
        for authority in items("timestampAuthorities") {
            add(&mut self.authorities, authority);
        }
    }

    /// Adds a transparency log: an Ed25519 key is that of a Rekor v2 log, an ECDSA key of a v1 log.
    ///
    /// # Errors
    /// Not a key of a log, or not the URL of one.
    pub fn add_log(
        &mut self,
        key: &[u8],
        url: &str,
        start: Timestamp,
    ) -> Result<(), TrustedRootError> {
        let key = public_key(key)?;
        let host = host(url)
            .ok_or_else(|| TrustedRootError::item(url, "is not https:// or http:// and a host"))?;
        let id = match key.kind() {
            KeyKind::Ed25519 => LogKey::from_spki(host, key.spki())
                .map_err(|error| TrustedRootError::item(url, error.to_string()))?
                .log_id(),
            _ => crypto::sha256(key.spki()),
        };
        let item = log(&key, url, start, &id)?;
        add_log(&mut self.logs, item);
        Ok(())
    }

    /// Adds a log of certificates.
    ///
    /// # Errors
    /// Not a key of a log, or not of a kind with which we read certificate logs.
    pub fn add_certificate_log(
        &mut self,
        key: &[u8],
        url: &str,
        start: Timestamp,
    ) -> Result<(), TrustedRootError> {
        let key = public_key(key)?;
        // RFC 6962 §2.1.4: with another kind its timestamps are those of an unknown log.
        if key.kind() != KeyKind::P256 {
            return Err(unsupported(
                url,
                &key,
                "a certificate log's: ECDSA on P-256",
            ));
        }
        let item = log(&key, url, start, &crypto::sha256(key.spki()))?;
        add_log(&mut self.certificate_logs, item);
        Ok(())
    }

    /// Adds an authority by its certificates in PEM, from the one that signs to the root, or the
    /// other way round; what it vouches for follows from them, unless it is said.
    ///
    /// # Errors
    /// Not certificates, or none that lead from one to the next.
    pub fn add_chain(
        &mut self,
        pem: &[u8],
        uri: Option<&str>,
        wanted: Option<ChainUse>,
    ) -> Result<ChainUse, TrustedRootError> {
        let chain = chain(pem)?;
        let found = chain_use(&chain);
        if wanted.is_some_and(|it| it != found) {
            return Err(TrustedRootError::item(
                "chain",
                match found {
                    ChainUse::Timestamping => "is for timestamps",
                    ChainUse::Signing => "is not for timestamps",
                },
            ));
        }
        let leaf = chain.first().and_then(Certificate::common_name);
        let certificates: Vec<Value> = chain
            .iter()
            .map(|it| json!({"rawBytes": base64::encode(it.der())}))
            .collect();
        let start = chain.iter().map(Certificate::not_before).max();
        let mut item = json!({
            "subject": {"organization": "", "commonName": leaf.unwrap_or_default()},
            "certChain": {"certificates": certificates},
            "validFor": {"start": start.unwrap_or_default().to_string()},
        });
        if let (Some(uri), Some(fields)) = (uri, item.as_object_mut()) {
            fields.insert("uri".to_owned(), uri.into());
        }
        add(
            match found {
                ChainUse::Signing => &mut self.issuers,
                ChainUse::Timestamping => &mut self.authorities,
            },
            item,
        );
        Ok(found)
    }

    /// The `trusted_root.json`, oldest first, of the version that every client reads.
    ///
    /// # Errors
    /// The parts contradict each other.
    pub fn to_json(mut self) -> Result<Vec<u8>, TrustedRootError> {
        for items in [&mut self.logs, &mut self.certificate_logs] {
            items.sort_by_key(|it| text(it, "/publicKey/validFor/start"));
        }
        for items in [&mut self.issuers, &mut self.authorities] {
            items.sort_by_key(|it| text(it, "/validFor/start"));
        }
        let root = json!({
            "mediaType": MEDIA_TYPES[0],
            "tlogs": self.logs,
            "certificateAuthorities": self.issuers,
            "ctlogs": self.certificate_logs,
            "timestampAuthorities": self.authorities,
        });
        let bytes = format!("{root:#}\n").into_bytes();
        // What we hand out we have first read.
        TrustedRoot::parse(&bytes)?;
        Ok(bytes)
    }
}

fn text(item: &Value, pointer: &str) -> String {
    let found = item.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default().to_owned()
}

fn add(items: &mut Vec<Value>, item: Value) {
    if !items.contains(&item) {
        items.push(item);
    }
}

/// The same log in two roots, which say different things about its time, is one log with the wider
/// window: a root of a later day says until when it was used. Under another name or key it is left to
/// the reader of the whole to refuse it.
fn add_log(items: &mut Vec<Value>, item: Value) {
    let is_same = |it: &Value| {
        ["/logId/keyId", "/publicKey/rawBytes", "/baseUrl"]
            .iter()
            .all(|pointer| it.pointer(pointer) == item.pointer(pointer))
    };
    let Some(known) = items.iter_mut().find(|it| is_same(it)) else {
        items.push(item);
        return;
    };
    let window = |it: &Value| it.pointer("/publicKey/validFor").cloned();
    let wider = widest(window(known), window(&item));
    if let Some(key) = known.get_mut("publicKey").and_then(Value::as_object_mut) {
        match wider {
            Some(window) => key.insert("validFor".to_owned(), window),
            None => key.remove("validFor"),
        };
    }
}

fn log(
    key: &PublicKey,
    url: &str,
    start: Timestamp,
    id: &[u8; 32],
) -> Result<Value, TrustedRootError> {
    let details = match key.kind() {
        KeyKind::Ed25519 => "PKIX_ED25519",
        KeyKind::P256 => "PKIX_ECDSA_P256_SHA_256",
        KeyKind::P384 => "PKIX_ECDSA_P384_SHA_384",
        KeyKind::P521 | KeyKind::Rsa { .. } => {
            return Err(unsupported(
                url,
                key,
                "a log's: Ed25519, or ECDSA on P-256 or P-384",
            ));
        }
    };
    Ok(json!({
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": base64::encode(key.spki()),
            "keyDetails": details,
            "validFor": {"start": start.to_string()},
        },
        "logId": {"keyId": base64::encode(id)},
    }))
}

fn unsupported(url: &str, key: &PublicKey, wanted: &'static str) -> TrustedRootError {
    TrustedRootError::KeyUnsupported {
        at: url.to_owned(),
        found: key.kind(),
        wanted,
    }
}

fn public_key(bytes: &[u8]) -> Result<PublicKey, TrustedRootError> {
    PublicKey::parse(bytes).map_err(|error| TrustedRootError::item("key", error.to_string()))
}

/// The certificates of a PEM file, from the one that signs to the root.
fn chain(pem: &[u8]) -> Result<Vec<Certificate>, TrustedRootError> {
    let wrong = |problem: &str| TrustedRootError::item("chain", problem);
    let text = std::str::from_utf8(pem).map_err(|_| wrong("is not PEM"))?;
    let mut chain = Vec::new();
    for block in text.split_inclusive(END) {
        if block.trim().is_empty() {
            continue;
        }
        let (label, der) = pem_block(block).ok_or_else(|| wrong("is not PEM"))?;
        if label != "CERTIFICATE" || chain.len() == limits::CHAIN_CERTIFICATES {
            return Err(wrong("is not certificates, or too many"));
        }
        let certificate = Certificate::parse(&der)
            .map_err(|error| TrustedRootError::item("chain", format!("is {error}")))?;
        chain.push(certificate);
    }
    if chain.is_empty() {
        return Err(wrong("has no certificates"));
    }
    let leads = |chain: &[Certificate]| {
        chain
            .iter()
            .zip(chain.iter().skip(1))
            .all(|(below, issuer)| below.is_signed_by(issuer))
    };
    if !leads(&chain) {
        chain.reverse();
    }
    if leads(&chain) {
        Ok(chain)
    } else {
        Err(wrong("does not lead from one certificate to the next"))
    }
}

fn chain_use(chain: &[Certificate]) -> ChainUse {
    let stamps = chain.first().is_some_and(|it| match it.purposes() {
        Ok(Some((_, purposes))) => purposes.contains(&ID_KP_TIME_STAMPING),
        Ok(None) | Err(_) => false,
    });
    if stamps {
        ChainUse::Timestamping
    } else {
        ChainUse::Signing
    }
}

const END: &str = "-----END CERTIFICATE-----";
