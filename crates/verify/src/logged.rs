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
    value: Value,
}

/// A name in an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoggedName {
    /// A key, also that of a certificate.
    Key(PublicKey),
    /// Whom a certificate names.
    Holder(LoggedHolder),
}

/// Whom a certificate in an entry names. Whether an authority that anybody trusts issued it is not said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedHolder {
    /// The e-mail address or URI.
    pub identity: String,
    /// Who vouched for it to Fulcio; none for a certificate that does not say.
    pub issuer: Option<String>,
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
            value: Value::Null,
        };
        entry.read_record(&value, body);
        entry.value = value;
        Some(entry)
    }

    /// Every name in the entry, one after the other: however many an attacker puts before the one that is
    /// looked for, none is left out and none is kept.
    pub fn names(&self, found: &mut dyn FnMut(LoggedName)) {
        walk(&self.value, found);
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
}

/// Every text of the entry may hold a key or a certificate: kinds place them differently, and one may
/// have several.
fn walk(value: &Value, found: &mut dyn FnMut(LoggedName)) {
    match value {
        Value::String(text) => read_text(text, found),
        Value::Array(values) => values.iter().for_each(|it| walk(it, found)),
        Value::Object(fields) => fields.values().for_each(|it| walk(it, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn read_text(text: &str, found: &mut dyn FnMut(LoggedName)) {
    if text.contains(PEM) {
        return read_pem(text, found);
    }
    let Ok(bytes) = base64::decode(text) else {
        return;
    };
    match str::from_utf8(&bytes) {
        Ok(text) if text.contains(PEM) => read_pem(text, found),
        _ => read_der(&bytes, found),
    }
}

fn read_pem(text: &str, found: &mut dyn FnMut(LoggedName)) {
    for block in text.split(PEM).skip(1) {
        let body = block.split_once("-----").map_or("", |(_, rest)| rest);
        let body = body.split_once("-----END ").map_or("", |(body, _)| body);
        let encoded: String = body.lines().map(str::trim_ascii).collect();
        if let Ok(der) = base64::decode(&encoded) {
            read_der(&der, found);
        }
    }
}

fn read_der(der: &[u8], found: &mut dyn FnMut(LoggedName)) {
    if let Ok(key) = PublicKey::from_spki(der) {
        return found(LoggedName::Key(key));
    }
    let Ok(certificate) = Certificate::parse(der) else {
        return;
    };
    if let Ok(key) = PublicKey::from_spki(certificate.spki()) {
        found(LoggedName::Key(key));
    }
    let newer = certificate.text_extension(ISSUER_V2).ok().flatten();
    let older = || certificate.raw_text_extension(ISSUER_V1).ok().flatten();
    let issuer = newer.or_else(older);
    let names = certificate.alternative_names().unwrap_or_default();
    for name in names {
        if let AlternativeName::Email(identity) | AlternativeName::Uri(identity) = name {
            found(LoggedName::Holder(LoggedHolder {
                identity,
                issuer: issuer.clone(),
            }));
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
