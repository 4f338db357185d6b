//! Certificate logs of a trusted root (RFC 6962).

use attest_digest::Algorithm;
use attest_provenance::json::Object;

use super::log::{LogFields, host};
use crate::asn1::spki::Spki;
use crate::crypto::{self, VerifyingKey};
use crate::key::KeyKind;
use crate::trusted_root::{TimeWindow, TrustedRootError};

/// A log of certificates that is trusted.
#[derive(Debug, Clone)]
pub struct CertificateLog {
    name: String,
    id: [u8; 32],
    window: TimeWindow,
    algorithm: u8,
    key: VerifyingKey,
}

impl CertificateLog {
    /// Its host, else its base URL.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The SHA-256 of its key (RFC 6962 §3.2).
    pub const fn id(&self) -> &[u8; 32] {
        &self.id
    }

    /// When its key is valid.
    pub const fn window(&self) -> &TimeWindow {
        &self.window
    }

    /// How TLS numbers its kind of signature (RFC 5246 §7.4.1.4.1).
    pub(crate) const fn algorithm(&self) -> u8 {
        self.algorithm
    }

    pub(crate) fn verifies(&self, signed: &[u8], signature: &[u8]) -> bool {
        self.key.verifies(signed, signature)
    }

    /// `None` for a log that cannot sign anything that we take: with a kind of key that RFC 6962 does
    /// not have, with another id than its key's, or without a window. Roots carry such logs from
    /// their early days; their timestamps are those of an unknown log.
    pub(super) fn from_object(mut object: Object) -> Result<Option<Self>, TrustedRootError> {
        let fields = LogFields::take(&mut object)?;
        object.finish()?;
        let Ok(spki) = Spki::parse(&fields.key) else {
            return Ok(None);
        };
        let algorithm = match spki.kind {
            KeyKind::P256 => ECDSA,
            KeyKind::Rsa { .. } => RSA,
            KeyKind::P384 | KeyKind::P521 | KeyKind::Ed25519 => return Ok(None),
        };
        let key = VerifyingKey::new(spki.kind, Algorithm::Sha256, &spki.public_key);
        let (Some(key), Some(window)) = (key, fields.window) else {
            return Ok(None);
        };
        if fields.id != crypto::sha256(&fields.key) {
            return Ok(None);
        }
        Ok(Some(Self {
            name: host(&fields.base_url)
                .unwrap_or(&fields.base_url)
                .to_owned(),
            id: fields.id,
            window,
            algorithm,
            key,
        }))
    }
}

const RSA: u8 = 1;
const ECDSA: u8 = 3;
