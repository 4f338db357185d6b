//! The key that signs the log's checkpoints.

use attest_log::{CheckpointSigner, LogKey, SignerError};

use crate::crypto::{self, Ed25519, LibraryRefused};
use crate::key_file::{self, KeyError, KeyFile};
use crate::origin::{Origin, OriginError};
use crate::password::{Password, Unlock};

/// An Ed25519 key under the name of its log, the origin.
#[derive(Debug)]
pub struct CheckpointKey {
    pair: Ed25519,
    public: LogKey,
}

/// Why a checkpoint key cannot be made or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointKeyError {
    /// Its key file.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Its origin.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// Its public half is not one that a log can have.
    #[error(transparent)]
    Public(#[from] attest_log::KeyError),
    /// The cryptographic library failed.
    #[error(transparent)]
    Library(#[from] LibraryRefused),
}

impl CheckpointKeyError {
    /// The stable code of this refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Key(error) => error.code(),
            Self::Origin(error) => error.code(),
            Self::Public(error) => error.code(),
            Self::Library(refused) => refused.code(),
        }
    }
}

impl CheckpointKey {
    /// A new key under this origin, or under one that comes from the key itself:
    /// `log-<16 hexadecimal digits of its id>.invalid`.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn generate(origin: Option<&Origin>) -> Result<Self, CheckpointKeyError> {
        let pair = Ed25519::generate()?;
        let origin = match origin {
            Some(origin) => origin.clone(),
            None => Origin::of_key_id(&crypto::sha256(&pair.spki()?))?,
        };
        Self::new(pair, &origin)
    }

    /// Opens a key file.
    ///
    /// # Errors
    /// `password-wrong`; `key-unsupported` for any other kind of key, naming what was found;
    /// `key-unreadable` for what is not a key file.
    pub fn from_pem(
        file: &[u8],
        origin: &Origin,
        unlock: &mut Unlock,
        password: &Password,
    ) -> Result<Self, CheckpointKeyError> {
        let key = KeyFile::parse(file)?.open(unlock, password)?;
        Self::new(key.into_ed25519()?, origin)
    }

    /// The key file: PKCS#8 in the same encrypted container as an artifact key.
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

    fn new(pair: Ed25519, origin: &Origin) -> Result<Self, CheckpointKeyError> {
        let public = LogKey::new(origin.as_str(), &pair.public()?)?;
        Ok(Self { pair, public })
    }
}

impl CheckpointSigner for CheckpointKey {
    fn key(&self) -> &LogKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignerError> {
        self.pair.sign(message).map_err(SignerError::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_origin_comes_from_the_key_and_two_keys_differ() {
        let key = CheckpointKey::generate(None).unwrap();
        let id = hex::encode(&crypto::sha256(&key.key().spki())[..8]);
        assert_eq!(key.key().origin(), format!("log-{id}.invalid"));
        assert_ne!(CheckpointKey::generate(None).unwrap().key(), key.key());
    }

    #[test]
    fn what_it_signs_verifies_under_its_public_half_alone() {
        let origin = Origin::parse("log.example.com").unwrap();
        let key = CheckpointKey::generate(Some(&origin)).unwrap();
        let signature = key.sign(b"text\n").unwrap();
        assert!(key.key().verifies(b"text\n", &signature));
        assert!(!key.key().verifies(b"text", &signature));
        assert!(
            !CheckpointKey::generate(None)
                .unwrap()
                .key()
                .verifies(b"text\n", &signature)
        );
    }

    #[test]
    fn it_opens_again_under_the_same_origin() {
        let origin = Origin::parse("log.example.com").unwrap();
        let key = CheckpointKey::generate(Some(&origin)).unwrap();
        let mut unlock = Unlock::new();
        let password = Password::new(b"hunter2".to_vec());
        let file = key.to_pem([3; 32], &mut unlock, &password).unwrap();
        let again =
            CheckpointKey::from_pem(file.as_bytes(), &origin, &mut unlock, &password).unwrap();
        assert_eq!(again.key(), key.key());
        let error =
            CheckpointKey::from_pem(file.as_bytes(), &origin, &mut unlock, &Password::empty());
        assert_eq!(error.unwrap_err().code(), "password-wrong");
    }
}
