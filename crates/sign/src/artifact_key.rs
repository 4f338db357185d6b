//! The key that signs artifacts and statements.

use crate::crypto::{self, LibraryRefused, P256};
use crate::key_file::{self, KeyError, KeyFile};
use crate::password::{Password, Unlock};
use crate::pem;

/// An ECDSA P-256 key that signs over SHA-256: the pair that every Sigstore client reads.
#[derive(Debug)]
pub struct ArtifactKey {
    pair: P256,
    spki: Vec<u8>,
}

impl ArtifactKey {
    /// A new key.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn generate() -> Result<Self, LibraryRefused> {
        Self::new(P256::generate()?)
    }

    /// Opens a key file: cosign's encrypted PEM under both of its labels, PKCS#8 or SEC 1.
    ///
    /// # Errors
    /// `password-wrong`; `key-unsupported` for any other kind of key, naming what was found;
    /// `key-unreadable` for what is not a key file.
    pub fn from_pem(
        file: &[u8],
        unlock: &mut Unlock,
        password: &Password,
    ) -> Result<Self, KeyError> {
        let key = KeyFile::parse(file)?.open(unlock, password)?;
        Ok(Self::new(key.into_p256()?)?)
    }

    /// The key file that cosign writes and reads: PKCS#8, encrypted under the password.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn to_pem(
        &self,
        salt: [u8; 32],
        unlock: &mut Unlock,
        password: &Password,
    ) -> Result<String, KeyError> {
        key_file::seal(&self.pair.to_pkcs8()?, salt, unlock, password)
    }

    /// The DER `SubjectPublicKeyInfo` of the public half.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// SHA-256 of the `SubjectPublicKeyInfo`: the key's pin.
    pub fn fingerprint(&self) -> [u8; 32] {
        crypto::sha256(&self.spki)
    }

    /// The public half as PEM.
    pub fn public_pem(&self) -> String {
        pem::encode("PUBLIC KEY", &self.spki)
    }

    /// A DER `ECDSA-Sig-Value` over the SHA-256 of the message.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, LibraryRefused> {
        self.pair.sign(message)
    }

    /// A DER `ECDSA-Sig-Value` over a SHA-256 that was computed before.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn sign_digest(&self, sha256: &[u8; 32]) -> Result<Vec<u8>, LibraryRefused> {
        self.pair.sign_digest(sha256)
    }

    /// Whether this very key made the signature over the message: to know again what it wrote.
    pub fn made(&self, message: &[u8], signature: &[u8]) -> bool {
        self.pair.made(message, signature)
    }

    fn new(pair: P256) -> Result<Self, LibraryRefused> {
        let spki = pair.spki()?;
        Ok(Self { pair, spki })
    }
}
