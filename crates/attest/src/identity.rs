//! A home's identity, opened: the keys unlocked, the log and the authority at hand.

mod create;
mod export;
mod keyring;
pub(crate) mod token;

use std::path::{Path, PathBuf};

use attest_log::{CheckpointSigner as _, Log, LogError};
use attest_sign::{ArtifactKey, Authority, CheckpointKey, Origin};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::audit::log::AuditedLog;
use crate::failure::Failure;
use crate::files;
use crate::home::Home;
use crate::password::Source;

pub(crate) use create::{Created, NewIdentity, Recovery, create};
pub(crate) use export::{Exported, export};
pub(crate) use keyring::Keyring;

/// An identity whose keys are open.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) artifact_key: ArtifactKey,
    pub(crate) checkpoint_key: CheckpointKey,
    pub(crate) authority: Authority,
    /// Whether a password that is not empty protects the keys.
    pub(crate) protected: bool,
    /// What signs in place of the home's key, where a flag names it.
    own_key: Option<ArtifactKey>,
    home: Home,
    second_copy: PathBuf,
}

/// What `identity.json` says. Written last, so that a home is whole or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Card {
    version: u32,
    /// When it was made.
    pub(crate) created: Timestamp,
    /// The log's origin.
    pub(crate) origin: String,
    /// `sha256:HEX` of the artifact key's `SubjectPublicKeyInfo`.
    pub(crate) key: String,
    /// The log's id, as hex.
    pub(crate) log: String,
}

impl Identity {
    /// Opens the identity of a home.
    ///
    /// # Errors
    /// `no-identity`, `identity-unreadable`, `key-unreadable`, `key-unsupported`, `password-wrong`,
    /// `password-required`: all exit 2.
    pub(crate) fn open(home: &Home, source: Source) -> Result<Self, Failure> {
        let card = Card::read(home)?;
        let mut keyring = Keyring::new(source);
        let artifact_key = keyring.artifact_key(&home.artifact_key())?;
        let checkpoint_key = keyring.checkpoint_key(&home.checkpoint_key(), &card.origin()?)?;
        let authority = keyring.authority(&home.authority_key(), &home.authority_chain())?;
        let identity = Self {
            second_copy: home.second_copy(&checkpoint_key.key().log_id())?,
            protected: keyring.is_protected(),
            own_key: None,
            home: home.clone(),
            artifact_key,
            checkpoint_key,
            authority,
        };
        identity.check(&card)?;
        Ok(identity)
    }

    /// The same home, whose log and authority serve another key.
    #[must_use]
    pub(crate) fn signing_with(mut self, key: Option<ArtifactKey>) -> Self {
        self.own_key = key;
        self
    }

    /// The key that signs: the one that a flag named, else the home's.
    pub(crate) fn signing_key(&self) -> &ArtifactKey {
        self.own_key.as_ref().unwrap_or(&self.artifact_key)
    }

    /// `sha256:HEX` of the key that signs.
    pub(crate) fn signing_pin(&self) -> String {
        format!("sha256:{}", hex::encode(self.signing_key().fingerprint()))
    }

    /// `sha256:HEX` of the artifact key, as `--key` takes it.
    pub(crate) fn key_pin(&self) -> String {
        format!("sha256:{}", hex::encode(self.artifact_key.fingerprint()))
    }

    /// The log's origin.
    pub(crate) fn origin(&self) -> &str {
        self.checkpoint_key.key().origin()
    }

    pub(crate) fn home(&self) -> &Home {
        &self.home
    }

    /// Opens the log for writing, by its start rules. Each append is an event of the audit trail.
    ///
    /// # Errors
    /// `log-locked` (3), or why the log refuses to start (2).
    pub(crate) fn open_log(&self) -> Result<AuditedLog<'_>, Failure> {
        Ok(AuditedLog::new(self.open_bare_log()?, self.home.clone()))
    }

    /// As [`Self::open_log`], for a command that leaves a trace of its own.
    ///
    /// # Errors
    /// As [`Self::open_log`].
    pub(crate) fn open_bare_log(&self) -> Result<Log<'_>, Failure> {
        Log::open(&self.home.log(), &self.second_copy, &self.checkpoint_key)
            .map_err(|error| log_failure(&error))
    }

    /// The files must be one identity's: a mixed home would sign what nobody can verify.
    fn check(&self, card: &Card) -> Result<(), Failure> {
        let differs = |what: &str, found: &str, wanted: &str| {
            Failure::request(
                "identity-inconsistent",
                format!(
                    "{what} is {found}, {} says {wanted}",
                    self.home.identity().display()
                ),
            )
            .hint("restore the whole home from one backup")
        };
        let key = self.key_pin();
        if key != card.key {
            return Err(differs("the artifact key", &key, &card.key));
        }
        let log = hex::encode(self.checkpoint_key.key().log_id());
        if log != card.log {
            return Err(differs("the log's key", &log, &card.log));
        }
        Ok(())
    }
}

impl Card {
    fn new(created: Timestamp, origin: &str, key: &[u8; 32], log: &[u8; 32]) -> Self {
        Self {
            version: VERSION,
            created,
            origin: origin.to_owned(),
            key: format!("sha256:{}", hex::encode(key)),
            log: hex::encode(log),
        }
    }

    /// Reads the card of a home.
    ///
    /// # Errors
    /// `no-identity`, `identity-unreadable`.
    pub(crate) fn read(home: &Home) -> Result<Self, Failure> {
        home.require()?;
        let path = home.identity();
        let unreadable = |problem: String| {
            Failure::request(
                "identity-unreadable",
                format!("{}: {problem}", path.display()),
            )
        };
        let bytes = files::read_limited(&path, CARD_BYTES)
            .map_err(|error| unreadable(error.to_string()))?;
        let version: Version =
            serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
        if version.version != VERSION {
            return Err(unreadable(format!(
                "version {}, {VERSION} is known",
                version.version
            )));
        }
        serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))
    }

    /// The log's origin.
    pub(crate) fn origin(&self) -> Result<Origin, Failure> {
        Origin::parse(&self.origin)
            .map_err(|error| Failure::request("identity-unreadable", error.to_string()))
    }

    fn to_json(&self) -> Result<Vec<u8>, Failure> {
        let mut json = serde_json::to_vec_pretty(self)
            .map_err(|error| Failure::unknown("encoding-failed", error))?;
        json.push(b'\n');
        Ok(json)
    }
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// A log that will not start is a request that cannot be met; one that could not be asked is not.
pub(crate) fn log_failure(error: &LogError) -> Failure {
    let message = crate::failure::with_source(error);
    if error.could_not_tell() {
        return Failure::unknown(error.code(), message);
    }
    let failure = Failure::request(error.code(), message);
    match error.code() {
        "checkpoint-newer-than-log" | "checkpoint-root-differs" | "checkpoint-copy-missing" => failure
            .hint("this home is not the latest state of its log; restore the newest backup, or attest log adopt --checkpoint FILE with a checkpoint that was kept elsewhere"),
        "log-corrupt" => failure
            .hint("attest log check lists what is wrong; bring back the log's files from the newest backup, or from a mirror of its public files without .state"),
        _ => failure,
    }
}

/// Whether a path exists, links included.
fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

const VERSION: u32 = 1;
/// `identity.json` has a few hundred bytes.
const CARD_BYTES: u64 = 64 * 1024;
