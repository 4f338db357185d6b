//! Which key signs, where it is not the home's.

use std::path::PathBuf;

use attest_sign::ArtifactKey;
use clap::Args;

use crate::failure::Failure;
use crate::identity::{Keyring, token};
use crate::password::Source;

/// A key in place of the home's: for what is made in the home's log and archive.
#[derive(Debug, Args)]
pub(crate) struct SigningKeyArgs {
    /// Sign with this key instead of the home's: a file (cosign's PEM, PKCS#8 or SEC 1; P-256), or a key in
    /// a token by its URI, pkcs11:token=…;object=…?module-path=/FILE.so&pin-source=file:/FILE
    #[arg(long, value_name = "FILE|URI")]
    key: Option<PathBuf>,
    /// Sign SHA256SUMS with this OpenPGP key as well: SHA256SUMS.asc, made by gpg and its agent
    #[arg(long, value_name = "FINGERPRINT")]
    pub(crate) gpg_key: Option<String>,
}

impl SigningKeyArgs {
    /// The key that is named, opened.
    ///
    /// # Errors
    /// As [`Keyring::artifact_key`].
    pub(crate) fn open(&self, source: Source) -> Result<Option<ArtifactKey>, Failure> {
        let key = self.key.as_deref();
        key.map(|key| Keyring::new(source).artifact_key(key))
            .transpose()
    }

    /// Whether a key is named.
    pub(crate) const fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// What to say about how it is named.
    pub(crate) fn caution(&self) -> Option<&'static str> {
        token::caution(self.key.as_deref())
    }

    /// # Errors
    /// `bad-arguments`: a home that is yet to be made has a key of its own, and uses it first.
    pub(crate) fn refuse_with_a_new_home(&self) -> Result<(), Failure> {
        if self.key.is_none() {
            return Ok(());
        }
        Err(Failure::request(
            "bad-arguments",
            "--key signs in a home that exists, and this one is yet to be made",
        )
        .hint("make the home with attest init, then run this again"))
    }
}
