//! Keys that detached signatures are made with.

use std::fmt;

use super::openpgp::{self, Certificate, Fingerprint};
use super::{minisign, ssh};
use crate::evidence::ProvenSigner;
use crate::key::KeyNumbers;
use crate::limits;

/// A public key that detached signatures are made with, as the user trusts it: an OpenPGP
/// certificate, a minisign or SSH key.
#[derive(Debug, Clone)]
pub struct DetachedKey(pub(super) Key);

#[derive(Debug, Clone)]
pub(super) enum Key {
    OpenPgp(Box<Certificate>),
    Minisign(Box<minisign::Key>),
    Ssh(Box<ssh::Key>),
}

impl DetachedKey {
    /// Reads a file with one key.
    ///
    /// # Errors
    /// It holds none, several, or one that we do not take.
    pub fn parse(bytes: &[u8]) -> Result<Self, DetachedKeyError> {
        let mut keys = Self::parse_all(bytes)?;
        match (keys.pop(), keys.len()) {
            (Some(key), 0) => Ok(key),
            (Some(_), more) => Err(DetachedKeyError::Several { found: more + 1 }),
            (None, _) => Err(DetachedKeyError::NotAKey),
        }
    }

    /// Reads every key of a file: a key ring of OpenPGP has several.
    ///
    /// # Errors
    /// As [`DetachedKey::parse`], but for several.
    pub fn parse_all(bytes: &[u8]) -> Result<Vec<Self>, DetachedKeyError> {
        if openpgp::looks_like(bytes) {
            let certificates = openpgp::certificates(bytes).map_err(|problem| match problem {
                openpgp::Problem::PrivateKey => DetachedKeyError::Private,
                problem => DetachedKeyError::Malformed {
                    reason: problem.to_string(),
                },
            })?;
            let mut keys: Vec<Self> = Vec::new();
            for certificate in certificates {
                let key = Self(Key::OpenPgp(Box::new(certificate)));
                match keys.iter_mut().find(|it| **it == key) {
                    Some(known) => known.learn(&key),
                    None => keys.push(key),
                }
            }
            return Ok(keys);
        }
        let text = (bytes.len() <= limits::KEY_BYTES)
            .then(|| std::str::from_utf8(bytes).ok())
            .flatten()
            .ok_or(DetachedKeyError::NotAKey)?;
        if let Some(key) = minisign::Key::parse(text) {
            return Ok(vec![Self(Key::Minisign(Box::new(key)))]);
        }
        match ssh::Key::parse(text) {
            Ok(key) => Ok(vec![Self(Key::Ssh(Box::new(key)))]),
            Err(ssh::Problem::Malformed(_)) => Err(DetachedKeyError::NotAKey),
            Err(problem) => Err(DetachedKeyError::Unsupported {
                found: problem.to_string(),
            }),
        }
    }

    /// The fingerprint of an OpenPGP primary key.
    pub const fn openpgp_fingerprint(&self) -> Option<Fingerprint> {
        match &self.0 {
            Key::OpenPgp(certificate) => Some(certificate.fingerprint()),
            _ => None,
        }
    }

    /// The fingerprint of an SSH key, as `ssh-keygen -l` prints it without `SHA256:`.
    pub fn ssh_fingerprint(&self) -> Option<String> {
        match &self.0 {
            Key::Ssh(key) => Some(key.fingerprint()),
            _ => None,
        }
    }

    /// What the key says of itself, unproven: each with a name. Escape the values before showing
    /// them.
    pub fn claims(&self) -> Vec<(&'static str, String)> {
        let mut claims = vec![("key", self.to_string())];
        if let Key::OpenPgp(certificate) = &self.0 {
            claims.extend(certificate.names().map(|it| ("user id", it.to_owned())));
        }
        claims
    }

    /// What kind of key, in words.
    pub const fn kind(&self) -> &'static str {
        match self.0 {
            Key::OpenPgp(_) => "OpenPGP public key",
            Key::Minisign(_) => "minisign public key",
            Key::Ssh(_) => "SSH public key",
        }
    }

    /// What tells it from other keys; of OpenPGP of the primary key, if that can verify.
    pub(crate) fn numbers(&self) -> Option<KeyNumbers> {
        match &self.0 {
            Key::OpenPgp(certificate) => certificate.numbers(),
            Key::Minisign(key) => Some(key.numbers()),
            Key::Ssh(key) => Some(key.numbers()),
        }
    }

    /// Takes what another copy of the same key says of it besides. Of any other key nothing.
    pub(crate) fn learn(&mut self, copy: &Self) {
        if let (Key::OpenPgp(certificate), Key::OpenPgp(copy)) = (&mut self.0, &copy.0)
            && certificate.fingerprint() == copy.fingerprint()
        {
            certificate.learn(copy);
        }
    }

    /// Whether this signer is the key's holder.
    pub(crate) fn is_signer(&self, signer: &ProvenSigner) -> bool {
        match (&self.0, signer) {
            (Key::OpenPgp(certificate), ProvenSigner::OpenPgp { primary, .. }) => {
                certificate.fingerprint() == *primary
            }
            (Key::Minisign(key), ProvenSigner::Minisign { key: found }) => key.text() == found,
            (Key::Ssh(key), ProvenSigner::Ssh { fingerprint }) => key.fingerprint() == *fingerprint,
            _ => false,
        }
    }
}

impl PartialEq for DetachedKey {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Key::OpenPgp(one), Key::OpenPgp(two)) => one.fingerprint() == two.fingerprint(),
            (Key::Minisign(one), Key::Minisign(two)) => one.text() == two.text(),
            (Key::Ssh(one), Key::Ssh(two)) => one == two,
            _ => false,
        }
    }
}

impl Eq for DetachedKey {}

impl fmt::Display for DetachedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Key::OpenPgp(certificate) => write!(f, "OpenPGP key {}", certificate.fingerprint()),
            Key::Minisign(key) => key.fmt(f),
            Key::Ssh(key) => key.fmt(f),
        }
    }
}

/// Why a file is not a key for detached signatures.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DetachedKeyError {
    /// Neither OpenPGP, minisign nor SSH.
    #[error("neither an OpenPGP, a minisign nor an SSH public key")]
    NotAKey,
    /// OpenPGP that is malformed or beyond the limits.
    #[error("no OpenPGP public key: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
    /// A key that we do not take.
    #[error("key is {found}, wanted RSA of 2048 to 8192 bits, ECDSA on a NIST curve or Ed25519")]
    Unsupported {
        /// What it is.
        found: String,
    },
    /// More than one key.
    #[error("{found} public keys, wanted 1: name the one that you mean by its fingerprint")]
    Several {
        /// How many.
        found: usize,
    },
    /// A private key.
    #[error("a private key, wanted a public one")]
    Private,
}

impl DetachedKeyError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAKey | Self::Malformed { .. } => "key-unreadable",
            Self::Unsupported { .. } | Self::Several { .. } | Self::Private => "key-unsupported",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DetachedKey;

    /// As OpenSSL digests the keys of `fixtures/ssh`, each rewritten as a `SubjectPublicKeyInfo`.
    #[test]
    fn a_key_has_one_fingerprint_in_every_form() {
        for (name, wanted) in [
            (
                "ed25519",
                "1ab4c625062e0f99959eb19146c864850302abf22737e74ffcf4bc63da8cd4e5",
            ),
            (
                "p256",
                "328035a96669ba0d68a9111577168821554bb11d2114e9f0029b2f510fe36047",
            ),
            (
                "p384",
                "baeb11391bcf40619d2d97a1e8f9cd2a2bedce5f4e442fa2a5c32d3a942a45e1",
            ),
            (
                "p521",
                "f999bb3653bb19d092afa793f1a9694e1435174dbb287f98012ab73cb20b2ee4",
            ),
            (
                "rsa3072",
                "4009a44afff8a14977386fbf56c29d43ba8f36270c6e0a183d783c18086a0767",
            ),
        ] {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/ssh");
            let bytes = std::fs::read(format!("{folder}/{name}/key")).unwrap();
            let numbers = DetachedKey::parse(&bytes).unwrap().numbers().unwrap();
            assert_eq!(hex::encode(numbers.fingerprint()), wanted, "{name}");
        }
    }
}
