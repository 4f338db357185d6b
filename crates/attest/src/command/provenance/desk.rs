//! Where statements are signed: the key, the log and the clock of one run.

use std::path::{Path, PathBuf};

use attest_sign::{ArtifactKey, Signed, Signer, Unsigned};
use clap::Args;

use crate::args::{Global, HomeArgs};
use crate::command::init::refuse_given_time;
use crate::command::sign::verifier;
use crate::failure::{Failure, with_source};
use crate::files::{self, Overwrite};
use crate::identity::{Identity, Keyring};

/// Who signs statements, and whether files may be replaced.
#[derive(Debug, Args)]
pub(super) struct DeskArgs {
    /// Sign with this key instead of the home's (cosign's PEM, PKCS#8 or SEC 1; P-256)
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Replace files that exist
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    home: HomeArgs,
}

impl DeskArgs {
    pub(super) const fn overwrite(&self) -> Overwrite {
        if self.force {
            Overwrite::Force
        } else {
            Overwrite::Refuse
        }
    }

    /// Refuses what is in the way, before anything is signed.
    pub(super) fn refuse_existing(&self, outputs: &[&Path]) -> Result<(), Failure> {
        let mut outputs = outputs.iter();
        match outputs.find(|path| path.symlink_metadata().is_ok()) {
            Some(path) if !self.force => Err(files::exists_failure(path)),
            _ => Ok(()),
        }
    }
}

/// An open identity.
pub(super) struct Desk {
    identity: Identity,
    key: Option<ArtifactKey>,
}

impl Desk {
    /// Opens the keys, asking for a password if need be.
    pub(super) fn open(args: &DeskArgs, global: &Global) -> Result<Self, Failure> {
        refuse_given_time(global)?;
        let identity = Identity::open(&args.home.home(), args.home.password())?;
        let key = match &args.key {
            Some(path) => Some(Keyring::new(args.home.password()).artifact_key(path)?),
            None => None,
        };
        Ok(Self { identity, key })
    }

    /// `sha256:HEX` of the key that signs.
    pub(super) fn key_pin(&self) -> String {
        format!("sha256:{}", hex::encode(self.key().fingerprint()))
    }

    /// Signs the payloads in one batch of the log, each verified before it is handed out.
    pub(super) fn sign(&self, payloads: &[&[u8]], global: &Global) -> Result<Vec<Signed>, Failure> {
        let mut log = self.identity.open_log()?;
        let now = global.now()?.time;
        let verifier = verifier(self.identity.home(), now)?;
        let authority = self.identity.authority.at(now);
        let unsigned: Vec<Unsigned<'_>> = payloads
            .iter()
            .map(|payload| Unsigned::Statement(payload))
            .collect();
        Signer::new(self.key(), &authority, &mut log, &verifier)
            .sign(&unsigned)
            .map_err(|error| Failure::unknown(error.code(), with_source(&error)))
    }

    fn key(&self) -> &ArtifactKey {
        self.key.as_ref().unwrap_or(&self.identity.artifact_key)
    }
}
