//! Private key files: which kinds there are, which we open, and why not the others.

use std::fmt;

use der::asn1::{AnyRef, ContextSpecific, ObjectIdentifier, OctetStringRef};
use der::{Decode as _, Reader as _, SliceReader};
use spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use crate::container::Sealed;
use crate::crypto::{self, LibraryRefused};
use crate::limits::KEY_FILE_BYTES;
use crate::password::{Password, Unlock};
use crate::pem::{self, PemError};

/// Why a private key file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Larger than any key.
    #[error("key file has {found} bytes, at most {limit} are read")]
    TooLarge {
        /// Its size in bytes.
        found: usize,
        /// The bound, [`crate::limits::KEY_FILE_BYTES`].
        limit: usize,
    },
    /// Not a PEM file.
    #[error("not a PEM file: {0}")]
    Pem(#[from] PemError),
    /// Several PEM blocks: which one is meant?
    #[error("key file has {found} PEM blocks, one is needed")]
    SeveralBlocks {
        /// How many.
        found: usize,
    },
    /// The encrypted container is not of its form.
    #[error("encrypted key: {0}")]
    Container(String),
    /// The DER inside is not a key of the kind it says.
    #[error("{0} that cannot be read")]
    Malformed(KeyKind),
    /// The DER inside is not a private key at all.
    #[error("not a PKCS#8 or SEC 1 private key")]
    NotAKey,
    /// A key, but not of a kind that we use here.
    #[error("key file holds {found}, {wanted} is needed")]
    Unsupported {
        /// What was found.
        found: KeyKind,
        /// What is wanted.
        wanted: KeyKind,
    },
    /// Encrypted with something else than scrypt and the secretbox of `NaCl`.
    #[error("key is encrypted with {kdf} and {cipher}, scrypt and nacl/secretbox are read")]
    UnknownCipher {
        /// The name of its key derivation.
        kdf: String,
        /// The name of its cipher.
        cipher: String,
    },
    /// scrypt parameters that no tool of this field writes: refused before anything is derived.
    #[error(
        "key has scrypt parameters N={n} r={r} p={p}, N 32768, 65536 or 131072 with r=8 p=1 are read"
    )]
    ScryptParameters {
        /// Cost.
        n: u64,
        /// Block size.
        r: u64,
        /// Parallelism.
        p: u64,
    },
    /// The password is not the key's, or the file was altered: the two cannot be told apart.
    #[error("the password does not open this key")]
    WrongPassword,
    /// The cryptographic library failed.
    #[error(transparent)]
    Library(#[from] LibraryRefused),
}

impl KeyError {
    /// The stable code of this refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. }
            | Self::Pem(_)
            | Self::SeveralBlocks { .. }
            | Self::Container(_)
            | Self::Malformed(_)
            | Self::NotAKey => "key-unreadable",
            Self::Unsupported { .. }
            | Self::UnknownCipher { .. }
            | Self::ScryptParameters { .. } => "key-unsupported",
            Self::WrongPassword => "password-wrong",
            Self::Library(refused) => refused.code(),
        }
    }
}

/// What a key file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyKind {
    /// ECDSA on P-256.
    P256,
    /// Ed25519.
    Ed25519,
    /// RSA, of any size and padding.
    Rsa,
    /// An elliptic curve other than P-256, by its name where it has one.
    Curve(String),
    /// Another algorithm, by its name or object identifier.
    Algorithm(String),
    /// Not a private key that we read: what its PEM label says.
    Label(String),
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::P256 => f.write_str("a P-256 key"),
            Self::Ed25519 => f.write_str("an Ed25519 key"),
            Self::Rsa => f.write_str("an RSA key"),
            Self::Curve(name) => write!(f, "a key on the curve {name}"),
            Self::Algorithm(name) => write!(f, "a key of the algorithm {name}"),
            Self::Label(what) => f.write_str(what),
        }
    }
}

/// How a private key file is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Encrypted under a password, perhaps the empty one.
    Password,
    /// Not encrypted.
    None,
}

/// How the key in this file is protected, without opening it.
///
/// # Errors
/// As [`crate::ArtifactKey::from_pem`], but for what only the password shows.
pub fn protection(file: &[u8]) -> Result<Protection, KeyError> {
    Ok(match KeyFile::parse(file)? {
        KeyFile::Sealed(_) => Protection::Password,
        KeyFile::Plain(_) => Protection::None,
    })
}

/// Whether this password opens the file, whatever kind of key it holds.
///
/// # Errors
/// As [`crate::ArtifactKey::from_pem`].
pub fn check_password(
    file: &[u8],
    unlock: &mut Unlock,
    password: &Password,
) -> Result<(), KeyError> {
    sealed(file)?.open(unlock, password).map(drop)
}

/// The same key under another password: a key file that was opened again before it is handed out.
///
/// # Errors
/// As [`crate::ArtifactKey::from_pem`]; or the operating system gives no random bytes.
pub fn reseal(
    file: &[u8],
    old: &Password,
    unlock: &mut Unlock,
    salt: [u8; 32],
    new: &Password,
) -> Result<String, KeyError> {
    let key = sealed(file)?.open(unlock, old)?;
    let again = seal(&key, salt, unlock, new)?;
    if sealed(again.as_bytes())?.open(unlock, new)? != key {
        return Err(KeyError::NotAKey);
    }
    Ok(again)
}

fn sealed(file: &[u8]) -> Result<Sealed, KeyError> {
    match KeyFile::parse(file)? {
        KeyFile::Sealed(sealed) => Ok(sealed),
        KeyFile::Plain(_) => Err(KeyError::Unsupported {
            found: KeyKind::Label("a key that is not encrypted".to_owned()),
            wanted: KeyKind::Label("an encrypted key".to_owned()),
        }),
    }
}

/// A key file by its form.
#[derive(Debug)]
pub(crate) enum KeyFile {
    Sealed(Sealed),
    Plain(PrivateKey),
}

/// A private key in the clear, by its form; the kind is read from it.
#[derive(Debug)]
pub(crate) enum PrivateKey {
    Pkcs8(Zeroizing<Vec<u8>>),
    Sec1(Zeroizing<Vec<u8>>),
}

impl KeyFile {
    pub(crate) fn parse(file: &[u8]) -> Result<Self, KeyError> {
        if file.len() > KEY_FILE_BYTES {
            return Err(KeyError::TooLarge {
                found: file.len(),
                limit: KEY_FILE_BYTES,
            });
        }
        let mut blocks = pem::parse(file)?;
        // `openssl ecparam -genkey` writes the curve as a block of its own before the key, which
        // names the curve as well.
        blocks.retain(|block| block.label != "EC PARAMETERS");
        let found = blocks.len();
        let (Some(block), 1) = (blocks.pop(), found) else {
            return Err(KeyError::SeveralBlocks { found });
        };
        if block.has_headers {
            return Err(unsupported_label("a key encrypted in OpenSSL's old way"));
        }
        match block.label.as_str() {
            SIGSTORE_LABEL | COSIGN_LABEL => Sealed::parse(&block.contents).map(Self::Sealed),
            "PRIVATE KEY" => Ok(Self::Plain(PrivateKey::Pkcs8(block.contents))),
            "EC PRIVATE KEY" => Ok(Self::Plain(PrivateKey::Sec1(block.contents))),
            "RSA PRIVATE KEY" => Err(unsupported(KeyKind::Rsa)),
            "DSA PRIVATE KEY" => Err(unsupported(KeyKind::Algorithm("DSA".to_owned()))),
            "OPENSSH PRIVATE KEY" => Err(unsupported_label("a key in OpenSSH's form")),
            "ENCRYPTED PRIVATE KEY" => Err(unsupported_label("a key encrypted as PKCS#8")),
            "PUBLIC KEY" | "RSA PUBLIC KEY" => Err(unsupported_label("a public key")),
            "CERTIFICATE" => Err(unsupported_label("a certificate")),
            other => Err(unsupported_label(&format!("a PEM block {other:?}"))),
        }
    }

    /// The key in the clear; the password is not looked at when there is none.
    pub(crate) fn open(
        self,
        unlock: &mut Unlock,
        password: &Password,
    ) -> Result<PrivateKey, KeyError> {
        match self {
            Self::Plain(key) => Ok(key),
            Self::Sealed(sealed) => sealed.open(unlock, password).map(PrivateKey::Pkcs8),
        }
    }
}

impl PrivateKey {
    pub(crate) fn kind(&self) -> Result<KeyKind, KeyError> {
        match self {
            Self::Pkcs8(der) => pkcs8_kind(der),
            Self::Sec1(der) => sec1_kind(der),
        }
    }

    pub(crate) fn into_p256(self) -> Result<crypto::P256, KeyError> {
        self.require(KeyKind::P256)?;
        match &self {
            Self::Pkcs8(der) => crypto::P256::from_pkcs8(der),
            Self::Sec1(der) => crypto::P256::from_sec1(der),
        }
        .map_err(|_| KeyError::Malformed(KeyKind::P256))
    }

    pub(crate) fn into_ed25519(self) -> Result<crypto::Ed25519, KeyError> {
        self.require(KeyKind::Ed25519)?;
        match &self {
            Self::Pkcs8(der) => crypto::Ed25519::from_pkcs8(der),
            Self::Sec1(_) => Err(crypto::NotAKey),
        }
        .map_err(|_| KeyError::Malformed(KeyKind::Ed25519))
    }

    fn require(&self, wanted: KeyKind) -> Result<(), KeyError> {
        let found = self.kind()?;
        if found == wanted {
            Ok(())
        } else {
            Err(KeyError::Unsupported { found, wanted })
        }
    }
}

/// Encrypts a PKCS#8 key under a password: the PEM that cosign writes.
pub(crate) fn seal(
    pkcs8: &[u8],
    salt: [u8; 32],
    unlock: &mut Unlock,
    password: &Password,
) -> Result<String, KeyError> {
    let sealed = Sealed::seal(pkcs8, salt, unlock, password)?;
    Ok(pem::encode(SIGSTORE_LABEL, &sealed.to_json()?))
}

/// A random salt, for one key or for all keys of a home.
///
/// # Errors
/// When the operating system gives no random bytes.
pub fn random_salt() -> Result<[u8; 32], LibraryRefused> {
    crypto::random()
}

/// `PrivateKeyInfo ::= SEQUENCE { version, privateKeyAlgorithm, privateKey, … }` (RFC 5958).
fn pkcs8_kind(der: &[u8]) -> Result<KeyKind, KeyError> {
    let read = |reader: &mut SliceReader<'_>| {
        reader.sequence(|reader| {
            u8::decode(reader)?;
            let algorithm = AlgorithmIdentifierRef::decode(reader)?;
            let oids = (algorithm.oid, algorithm.parameters_oid().ok());
            OctetStringRef::decode(reader)?;
            reader.read_slice(reader.remaining_len())?;
            Ok(oids)
        })
    };
    let (algorithm, parameters) = read_der(der, read)?;
    Ok(match (algorithm, parameters) {
        (EC_PUBLIC_KEY, Some(curve)) => curve_kind(curve),
        (EC_PUBLIC_KEY, None) => KeyKind::Curve("without a name".to_owned()),
        (RSA_ENCRYPTION | RSASSA_PSS, _) => KeyKind::Rsa,
        (ED25519, _) => KeyKind::Ed25519,
        (other, _) => KeyKind::Algorithm(algorithm_name(other)),
    })
}

/// `ECPrivateKey ::= SEQUENCE { version, privateKey, parameters [0], publicKey [1] }` (RFC 5915).
fn sec1_kind(der: &[u8]) -> Result<KeyKind, KeyError> {
    let read = |reader: &mut SliceReader<'_>| {
        reader.sequence(|reader| {
            u8::decode(reader)?;
            OctetStringRef::decode(reader)?;
            let parameters =
                ContextSpecific::<AnyRef<'_>>::decode_explicit(reader, der::TagNumber::N0)?;
            let curve = parameters.and_then(|any| any.value.decode_as::<ObjectIdentifier>().ok());
            reader.read_slice(reader.remaining_len())?;
            Ok(curve)
        })
    };
    Ok(match read_der(der, read)? {
        Some(curve) => curve_kind(curve),
        None => KeyKind::Curve("without a name".to_owned()),
    })
}

fn read_der<T>(
    der: &[u8],
    read: impl FnOnce(&mut SliceReader<'_>) -> der::Result<T>,
) -> Result<T, KeyError> {
    let mut reader = SliceReader::new(der).map_err(|_| KeyError::NotAKey)?;
    let value = read(&mut reader).map_err(|_| KeyError::NotAKey)?;
    reader.finish(value).map_err(|_| KeyError::NotAKey)
}

fn curve_kind(curve: ObjectIdentifier) -> KeyKind {
    match curve {
        P256 => KeyKind::P256,
        P384 => KeyKind::Curve("P-384".to_owned()),
        P521 => KeyKind::Curve("P-521".to_owned()),
        SECP256K1 => KeyKind::Curve("secp256k1".to_owned()),
        other => KeyKind::Curve(other.to_string()),
    }
}

fn algorithm_name(algorithm: ObjectIdentifier) -> String {
    match algorithm {
        ED448 => "Ed448".to_owned(),
        X25519 => "X25519".to_owned(),
        DSA => "DSA".to_owned(),
        other => other.to_string(),
    }
}

fn unsupported(found: KeyKind) -> KeyError {
    KeyError::Unsupported {
        found,
        wanted: KeyKind::P256,
    }
}

fn unsupported_label(what: &str) -> KeyError {
    unsupported(KeyKind::Label(what.to_owned()))
}

const SIGSTORE_LABEL: &str = "ENCRYPTED SIGSTORE PRIVATE KEY";
const COSIGN_LABEL: &str = "ENCRYPTED COSIGN PRIVATE KEY";

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const SECP256K1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.10");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSASSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const ED448: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.113");
const X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");
const DSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10040.4.1");

#[cfg(test)]
mod tests;
