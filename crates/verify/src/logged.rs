//! Entries of a log by themselves, without the artifact that they are about: who is said to have signed,
//! for those who watch a log for their own names.

use attest_digest::{Algorithm, Digest};
use attest_log::SignedCheckpoint;
use attest_log::entry::Entry;
use attest_provenance::base64;
use attest_provenance::json::{self, Limits, Value};

use crate::asn1::certificate::{AlternativeName, Certificate};
use crate::body::EntryKind;
use crate::check::Check;
use crate::inclusion;
use crate::key::PublicKey;
use crate::limits;
use crate::signer::{ISSUER_V1, ISSUER_V2};
use crate::trusted_root::TrustedLog;

/// What the leaf of a log says, whatever its kind. Everything is claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedEntry {
    /// For example `hashedrekord`.
    pub kind: String,
    /// For example `0.0.2`.
    pub version: String,
    /// The digest that was signed, of a `hashedrekord`.
    pub digest: Option<Digest>,
    /// The signature, of a `hashedrekord`.
    pub signature: Option<Vec<u8>>,
    /// Every key that it names, also those in its certificates.
    pub keys: Vec<PublicKey>,
    /// Whom its certificates name.
    pub holders: Vec<LoggedHolder>,
}

/// Whom a certificate in an entry names. Whether an authority that anybody trusts issued it is not said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedHolder {
    /// The e-mail address or URI.
    pub identity: String,
    /// Who vouched for it to Fulcio; none for a certificate that does not say.
    pub issuer: Option<String>,
    /// The certificate, in DER.
    pub certificate: Vec<u8>,
}

impl LoggedEntry {
    /// Reads a leaf; none for what is no JSON of an entry.
    pub fn parse(body: &[u8]) -> Option<Self> {
        let bounds = Limits {
            bytes: limits::LOGGED_BYTES,
            depth: limits::LOGGED_DEPTH,
        };
        let value = json::parse(body, bounds).ok()?;
        let text = |field: &str| value.get(field)?.as_str().map(str::to_owned);
        let mut entry = Self {
            kind: text("kind")?,
            version: text("apiVersion")?,
            digest: None,
            signature: None,
            keys: Vec::new(),
            holders: Vec::new(),
        };
        entry.read_record(&value, body);
        entry.walk(&value);
        entry.keys.dedup();
        entry.holders.dedup();
        Some(entry)
    }

    /// The one signature of a `hashedrekord`.
    fn read_record(&mut self, value: &Value, body: &[u8]) {
        if self.kind != "hashedrekord" {
            return;
        }
        if let Ok(record) = Entry::parse(body) {
            self.digest = Some(*record.digest());
            self.signature = Some(record.signature().to_owned());
            return;
        }
        let text = |pointer: &str| value.pointer(pointer)?.as_str();
        let algorithm = match text("/spec/data/hash/algorithm") {
            Some("sha384") => Algorithm::Sha384,
            Some("sha512") => Algorithm::Sha512,
            _ => Algorithm::Sha256,
        };
        self.digest =
            text("/spec/data/hash/value").and_then(|it| Digest::from_hex(algorithm, it).ok());
        self.signature = text("/spec/signature/content").and_then(|it| base64::decode(it).ok());
    }

    /// Every text of the entry may hold a key or a certificate: kinds place them differently, and one may
    /// have several.
    fn walk(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.read_text(text),
            Value::Array(values) => values.iter().for_each(|it| self.walk(it)),
            Value::Object(fields) => fields.values().for_each(|it| self.walk(it)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn read_text(&mut self, text: &str) {
        if self.keys.len() + self.holders.len() > limits::LOGGED_VERIFIERS {
            return;
        }
        if text.contains(PEM) {
            return self.read_pem(text);
        }
        let Ok(bytes) = base64::decode(text) else {
            return;
        };
        match str::from_utf8(&bytes) {
            Ok(text) if text.contains(PEM) => self.read_pem(text),
            _ => self.read_der(&bytes),
        }
    }

    fn read_pem(&mut self, text: &str) {
        for block in text.split(PEM).skip(1) {
            let body = block.split_once("-----").map_or("", |(_, rest)| rest);
            let body = body.split_once("-----END ").map_or("", |(body, _)| body);
            let encoded: String = body.lines().map(str::trim_ascii).collect();
            if let Ok(der) = base64::decode(&encoded) {
                self.read_der(&der);
            }
        }
    }

    fn read_der(&mut self, der: &[u8]) {
        if let Ok(key) = PublicKey::from_spki(der) {
            self.keys.push(key);
            return;
        }
        let Ok(certificate) = Certificate::parse(der) else {
            return;
        };
        self.keys
            .extend(PublicKey::from_spki(certificate.spki()).ok());
        let newer = certificate.text_extension(ISSUER_V2).ok().flatten();
        let older = || certificate.raw_text_extension(ISSUER_V1).ok().flatten();
        let issuer = newer.or_else(older);
        let names = certificate.alternative_names().unwrap_or_default();
        for name in names {
            if let AlternativeName::Email(identity) | AlternativeName::Uri(identity) = name {
                self.holders.push(LoggedHolder {
                    identity,
                    issuer: issuer.clone(),
                    certificate: der.to_owned(),
                });
            }
        }
    }
}

impl TrustedLog {
    /// Verifies a signed tree head of this log, of whichever generation it is: the origin is its host, and
    /// one of the signatures is by its key.
    ///
    /// # Errors
    /// `checkpoint-malformed`, `checkpoint-origin-mismatch` or `checkpoint-signature-invalid`.
    pub fn verify_head(&self, note: &[u8]) -> Result<SignedCheckpoint, Check> {
        let kind = if self.log_key().is_some() {
            EntryKind::HashedRekordV2
        } else {
            EntryKind::HashedRekordV1
        };
        inclusion::verify_note(note, kind, self)
    }

    /// Whether the log promised to include an entry with these bytes, at a time and a place.
    pub fn promised(&self, body: &[u8], time: u64, index: u64, promise: &[u8]) -> bool {
        inclusion::payload_of(body, time, self.id(), index)
            .is_some_and(|it| self.verifies_promise(&it, promise))
    }
}

const PEM: &str = "-----BEGIN ";

#[cfg(test)]
mod tests;
