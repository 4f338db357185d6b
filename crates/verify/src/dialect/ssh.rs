//! SSH signatures (OpenSSH's PROTOCOL.sshsig, version 1).
//!
//! ```text
//! -----BEGIN SSH SIGNATURE-----
//! U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgeildoeA6uK1ntcX7OBgMxpnznj
//! L7iK+ZMIuzYU3D3vgAAAAEZmlsZQAAAAAAAAAGc2hhNTEyAAAAUwAAAAtzc2gtZWQyNTUx
//! OQAAAED3omFYPpfzb8NFXz1giGngMt7RQ2js8UFf+NwPQcgZODACHHP95UdE6MOWlpojDY
//! 25Jvf10LmrwlGSGmFVYasF
//! -----END SSH SIGNATURE-----
//! ```

use std::fmt;

use attest_digest::{Algorithm, Digest};
use attest_provenance::base64;

use super::bare_key::{BareKey, BareKeyError, BareSignature};
use super::bytes::Bytes;
use crate::check::Check;
use crate::crypto;
use crate::key::{KeyKind, KeyNumbers};

/// An SSH public key.
#[derive(Debug, Clone)]
pub(super) struct Key {
    blob: Vec<u8>,
    bare: BareKey,
}

/// An SSH signature, claimed.
#[derive(Debug, Clone)]
pub(super) struct Signature {
    /// The key that the signature comes with.
    pub(super) key: Key,
    namespace: Vec<u8>,
    pub(super) hash: Algorithm,
    made: SignatureBlob,
}

#[derive(Debug, Clone)]
struct SignatureBlob {
    /// RSA signs with either.
    hash: Algorithm,
    numbers: Numbers,
    bytes: Vec<u8>,
}

#[derive(Debug, Clone)]
enum Numbers {
    Ed25519([u8; 64]),
    Rsa(Vec<u8>),
    Ecdsa(Vec<u8>, Vec<u8>),
}

/// Why bytes are no SSH key or signature that we take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    #[error("{0}")]
    Malformed(&'static str),
    #[error("{0}")]
    Unsupported(String),
    #[error("{0}")]
    Weak(String),
}

impl Key {
    /// Reads one line as `ssh-keygen` writes it in a `.pub` file: kind, base64, comment.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let malformed = Problem::Malformed("not one line of an SSH public key");
        let mut lines = text.lines().filter(|line| !line.trim_ascii().is_empty());
        let (Some(line), None) = (lines.next(), lines.next()) else {
            return Err(malformed);
        };
        let mut words = line.split_ascii_whitespace();
        let (Some(kind), Some(encoded)) = (words.next(), words.next()) else {
            return Err(malformed);
        };
        let blob = base64::decode(encoded).map_err(|_| malformed)?;
        let mut bytes = Bytes(&blob);
        if bytes.counted32() != Some(kind.as_bytes()) {
            return Err(Problem::Malformed("a key of another kind than it says"));
        }
        Self::of_blob(&blob)
    }

    fn of_blob(blob: &[u8]) -> Result<Self, Problem> {
        let cut = Problem::Malformed("a key that is cut off");
        let mut bytes = Bytes(blob);
        let kind = bytes.counted32().ok_or(cut.clone())?;
        let bare = match kind {
            b"ssh-ed25519" => BareKey::ed25519(bytes.counted32().ok_or(cut)?),
            b"ssh-rsa" => {
                let exponent = integer(&mut bytes).ok_or(cut.clone())?;
                BareKey::rsa(integer(&mut bytes).ok_or(cut)?, exponent)
            }
            kind => {
                let ecdsa = ecdsa(kind).ok_or_else(|| unsupported(kind))?;
                let curve = bytes.counted32().ok_or(cut.clone())?;
                if !kind.ends_with(curve) {
                    return Err(Problem::Malformed("a key on another curve than it says"));
                }
                BareKey::ecdsa(ecdsa, bytes.counted32().ok_or(cut)?)
            }
        };
        bytes
            .end()
            .ok_or(Problem::Malformed("bytes after the key"))?;
        let bare = bare.map_err(|error| match error {
            BareKeyError::Malformed => Problem::Malformed("no key of its kind"),
            BareKeyError::RsaBits(bits) => Problem::Weak(format!("RSA {bits}")),
        })?;
        Ok(Self {
            blob: blob.to_owned(),
            bare,
        })
    }

    /// As `ssh-keygen -l` prints it, without `SHA256:`.
    pub(super) fn fingerprint(&self) -> String {
        let encoded = base64::encode(&crypto::sha256(&self.blob));
        encoded.trim_end_matches('=').to_owned()
    }

    pub(super) const fn kind(&self) -> KeyKind {
        self.bare.kind()
    }

    pub(super) const fn numbers(&self) -> KeyNumbers {
        self.bare.numbers()
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.blob == other.blob
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SSH key SHA256:{}", self.fingerprint())
    }
}

impl Signature {
    /// Reads one armored signature.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let body = text
            .trim_ascii()
            .strip_prefix(BEGIN)
            .and_then(|it| it.strip_suffix(END))
            .ok_or(Problem::Malformed("not one armored signature"))?;
        let encoded: String = body.lines().map(str::trim_ascii_end).collect();
        let blob = base64::decode(&encoded).map_err(|_| Problem::Malformed("base64"))?;
        Self::of_blob(&blob)
    }

    fn of_blob(blob: &[u8]) -> Result<Self, Problem> {
        let cut = || Problem::Malformed("a signature that is cut off");
        let mut bytes = Bytes(blob);
        if bytes.take(MAGIC.len()) != Some(MAGIC) {
            return Err(Problem::Malformed("no SSH signature"));
        }
        let version = bytes.u32().ok_or_else(cut)?;
        if version != 1 {
            return Err(Problem::Unsupported(format!("version {version}")));
        }
        let key = Key::of_blob(bytes.counted32().ok_or_else(cut)?)?;
        let namespace = bytes.counted32().ok_or_else(cut)?.to_owned();
        let reserved = bytes.counted32().ok_or_else(cut)?;
        if !reserved.is_empty() {
            return Err(Problem::Malformed("a reserved field that is in use"));
        }
        let hash = match bytes.counted32().ok_or_else(cut)? {
            b"sha256" => Algorithm::Sha256,
            b"sha512" => Algorithm::Sha512,
            _ => return Err(Problem::Unsupported("another hash".to_owned())),
        };
        let made = SignatureBlob::parse(bytes.counted32().ok_or_else(cut)?, key.kind())?;
        bytes
            .end()
            .ok_or(Problem::Malformed("bytes after the signature"))?;
        Ok(Self {
            key,
            namespace,
            hash,
            made,
        })
    }

    /// The namespace, as it claims.
    pub(super) fn namespace(&self) -> String {
        String::from_utf8_lossy(&self.namespace).into_owned()
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.made.bytes.clone()
    }

    /// Judges the signature over what has that digest, made for that purpose.
    pub(super) fn judge(
        &self,
        key: &Key,
        digest: &Digest,
        namespace: &'static str,
    ) -> Result<(), Check> {
        if self.key != *key {
            return Err(Check::new(
                "signer-mismatch",
                format!("{} (claimed)", self.key),
                key,
            ));
        }
        if self.namespace != namespace.as_bytes() {
            return Err(Check::new(
                "signature-namespace",
                format!("a signature for {:?}", self.namespace()),
                format!("one for {namespace:?}"),
            ));
        }
        let blob = &self.made;
        let numbers = match &blob.numbers {
            Numbers::Ed25519(bytes) => BareSignature::Ed25519(*bytes),
            Numbers::Rsa(number) => BareSignature::Rsa(number),
            Numbers::Ecdsa(r, s) => BareSignature::Ecdsa { r, s },
        };
        if key.bare.verifies(blob.hash, &self.covered(digest), numbers) {
            return Ok(());
        }
        Err(Check::new(
            "signature-invalid",
            "a signature that does not verify",
            format!("one by {key}"),
        ))
    }

    /// The bytes that are signed: never those of a login.
    fn covered(&self, digest: &Digest) -> Vec<u8> {
        let hash: &[u8] = match self.hash {
            Algorithm::Sha256 => b"sha256",
            _ => b"sha512",
        };
        let mut covered = MAGIC.to_vec();
        for field in [self.namespace.as_slice(), &[], hash, digest.as_bytes()] {
            covered.extend(u32::try_from(field.len()).unwrap_or(u32::MAX).to_be_bytes());
            covered.extend(field);
        }
        covered
    }
}

impl SignatureBlob {
    fn parse(blob: &[u8], key: KeyKind) -> Result<Self, Problem> {
        let cut = Problem::Malformed("a signature that is cut off");
        let mut bytes = Bytes(blob);
        let name = bytes.counted32().ok_or(cut.clone())?;
        let mut inner = Bytes(bytes.counted32().ok_or(cut.clone())?);
        bytes
            .end()
            .ok_or(Problem::Malformed("bytes after the signature"))?;
        let (hash, numbers) = match (name, key) {
            (b"ssh-ed25519", KeyKind::Ed25519) => {
                let bytes = inner.array().ok_or(cut)?;
                (Algorithm::Sha512, Numbers::Ed25519(bytes))
            }
            (b"ssh-rsa", KeyKind::Rsa { .. }) => {
                return Err(Problem::Weak("an RSA signature over SHA-1".to_owned()));
            }
            (b"rsa-sha2-256", KeyKind::Rsa { .. }) => {
                (Algorithm::Sha256, Numbers::Rsa(inner.rest().to_owned()))
            }
            (b"rsa-sha2-512", KeyKind::Rsa { .. }) => {
                (Algorithm::Sha512, Numbers::Rsa(inner.rest().to_owned()))
            }
            (name, key) if ecdsa(name) == Some(key) => {
                let r = integer(&mut inner).ok_or(cut.clone())?.to_owned();
                let s = integer(&mut inner).ok_or(cut)?.to_owned();
                (ecdsa_hash(key), Numbers::Ecdsa(r, s))
            }
            _ => {
                return Err(Problem::Malformed(
                    "a signature of another kind than its key",
                ));
            }
        };
        inner
            .end()
            .ok_or(Problem::Malformed("bytes after the signature"))?;
        Ok(Self {
            hash,
            numbers,
            bytes: blob.to_owned(),
        })
    }
}

fn ecdsa(name: &[u8]) -> Option<KeyKind> {
    match name {
        b"ecdsa-sha2-nistp256" => Some(KeyKind::P256),
        b"ecdsa-sha2-nistp384" => Some(KeyKind::P384),
        b"ecdsa-sha2-nistp521" => Some(KeyKind::P521),
        _ => None,
    }
}

/// RFC 5656 §6.2.1.
const fn ecdsa_hash(kind: KeyKind) -> Algorithm {
    match kind {
        KeyKind::P256 => Algorithm::Sha256,
        KeyKind::P384 => Algorithm::Sha384,
        _ => Algorithm::Sha512,
    }
}

/// A positive number in its one spelling (RFC 4251 §5, `mpint`).
fn integer<'a>(bytes: &mut Bytes<'a>) -> Option<&'a [u8]> {
    let number = bytes.counted32()?;
    match number {
        [0, second, ..] if *second >= 0x80 => Some(number),
        [first, ..] if (1..0x80).contains(first) => Some(number),
        _ => None,
    }
}

/// Refused by name: what a certificate or a hardware key adds is not judged here.
fn unsupported(kind: &[u8]) -> Problem {
    let name = String::from_utf8_lossy(kind);
    Problem::Unsupported(match kind {
        _ if name.ends_with("-cert-v01@openssh.com") => format!("the certificate {name}"),
        _ if name.starts_with("sk-") => format!("the hardware key {name}"),
        b"ssh-dss" => "the DSA key ssh-dss".to_owned(),
        _ => "a key of a kind that we do not know".to_owned(),
    })
}

pub(super) const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";
const MAGIC: &[u8] = b"SSHSIG";
