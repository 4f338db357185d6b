//! Opening key files: the empty password first, then the one that was given, then the terminal.

use std::path::Path;

use attest_sign::{
    ArtifactKey, Authority, AuthorityError, CheckpointKey, CheckpointKeyError, KeyError, Origin,
    Password, Unlock,
};

use super::token;
use crate::failure::Failure;
use crate::files;
use crate::password::Source;

/// The passwords and derived keys of this process: a home's keys share one salt, so that they cost
/// one derivation for each password that is tried.
#[derive(Debug)]
pub(crate) struct Keyring {
    unlock: Unlock,
    source: Source,
    /// What opened a key, tried first for the next one.
    known: Password,
    asked: bool,
}

impl Keyring {
    pub(crate) fn new(source: Source) -> Self {
        Self {
            unlock: Unlock::new(),
            source,
            known: Password::empty(),
            asked: false,
        }
    }

    /// Opens an artifact key: cosign's PEM, PKCS#8 or SEC 1, or one in a token by its URI.
    ///
    /// # Errors
    /// `key-unreadable`, `key-unsupported`, `password-wrong`, `password-required`: exit 2; and what a
    /// token refuses.
    pub(crate) fn artifact_key(&mut self, path: &Path) -> Result<ArtifactKey, Failure> {
        if token::is_uri(path) {
            return token::artifact_key(path);
        }
        self.open(path, ArtifactKey::from_pem)
    }

    /// Opens a checkpoint key.
    ///
    /// # Errors
    /// As [`Self::artifact_key`].
    pub(crate) fn checkpoint_key(
        &mut self,
        path: &Path,
        origin: &Origin,
    ) -> Result<CheckpointKey, Failure> {
        self.open(path, |file, unlock, password| {
            CheckpointKey::from_pem(file, origin, unlock, password)
        })
    }

    /// Opens a timestamp authority.
    ///
    /// # Errors
    /// As [`Self::artifact_key`]; `authority-chain-malformed`.
    pub(crate) fn authority(&mut self, path: &Path, chain: &Path) -> Result<Authority, Failure> {
        let chain = read(chain)?;
        self.open(path, |file, unlock, password| {
            Authority::from_pem(file, &chain, unlock, password)
        })
    }

    /// Whether the password opens a key file, of whatever kind.
    ///
    /// # Errors
    /// As [`Self::artifact_key`].
    pub(crate) fn check(&mut self, path: &Path) -> Result<(), Failure> {
        self.open(path, attest_sign::check_password)
    }

    /// The key in this file under another password, as a key file.
    ///
    /// # Errors
    /// As [`Self::artifact_key`].
    pub(crate) fn reseal(
        &mut self,
        path: &Path,
        salt: [u8; 32],
        new: &Password,
    ) -> Result<String, Failure> {
        self.open(path, |file, unlock, password| {
            attest_sign::reseal(file, password, unlock, salt, new)
        })
    }

    /// Whether the last key needed a password that is not empty.
    pub(crate) fn is_protected(&self) -> bool {
        !self.known.is_empty()
    }

    /// For commands that write keys under the same password.
    pub(crate) fn unlock_and_password(&mut self) -> (&mut Unlock, &Password) {
        (&mut self.unlock, &self.known)
    }

    fn open<T, E: Coded>(
        &mut self,
        path: &Path,
        open: impl Fn(&[u8], &mut Unlock, &Password) -> Result<T, E>,
    ) -> Result<T, Failure> {
        let file = read(path)?;
        let refused =
            |error: E| Failure::request(error.code(), format!("{}: {error}", path.display()));
        match open(&file, &mut self.unlock, &self.known) {
            Err(error) if error.code() == PASSWORD_WRONG && !self.asked => {}
            result => return result.map_err(refused),
        }
        let password = Password::new(self.source.unlock(&path.display().to_string())?);
        self.asked = true;
        let opened = open(&file, &mut self.unlock, &password).map_err(refused)?;
        self.known = password;
        Ok(opened)
    }
}

/// An error with a stable code.
trait Coded: std::fmt::Display {
    fn code(&self) -> &'static str;
}

impl Coded for KeyError {
    fn code(&self) -> &'static str {
        self.code()
    }
}

impl Coded for CheckpointKeyError {
    fn code(&self) -> &'static str {
        self.code()
    }
}

impl Coded for AuthorityError {
    fn code(&self) -> &'static str {
        self.code()
    }
}

fn read(path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, Failure> {
    files::read_limited(path, KEY_BYTES)
        .map(zeroize::Zeroizing::new)
        .map_err(|error| Failure::request("key-unreadable", format!("{}: {error}", path.display())))
}

const PASSWORD_WRONG: &str = "password-wrong";
/// A key file has a few hundred bytes, a chain a few thousand.
const KEY_BYTES: u64 = 64 * 1024;
