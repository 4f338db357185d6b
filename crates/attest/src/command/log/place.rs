//! Which log: a folder, an address, or a name in a trusted root; and by which key.

use std::path::{Path, PathBuf};

use attest_log::{CheckReport, LogError, LogKey, LogReader, SignedCheckpoint};
use attest_remote::{LogReadError, Patience, RekorV1, TileServer};
use attest_verify::{Check, TrustedLog, TrustedRoot};

use crate::failure::{Failure, with_source};
use crate::files;
use crate::identity::log_failure;
use crate::trust;

/// A log that is named by flags, not read yet.
#[derive(Debug)]
pub(super) enum Place {
    /// Files in a folder, or of a tile log below an address: Rekor v2 and ours.
    Tiles { at: Where, key: Box<LogKey> },
    /// Rekor v1, which answers questions.
    RekorV1 { at: Server, log: Box<TrustedLog> },
}

#[derive(Debug, Clone)]
pub(super) enum Where {
    Folder(PathBuf),
    Url(Server),
}

/// An address, and how long each of its answers is waited for.
#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) url: String,
    pub(super) patience: Patience,
}

impl Place {
    /// The log that `--log` and the flag for its key name.
    pub(super) fn named(log: &str, key: &str, patience: Patience) -> Result<Self, Failure> {
        if let Some(key) = vkey(key)? {
            return Ok(Self::Tiles {
                at: Where::of(log, patience),
                key: Box::new(key),
            });
        }
        let found = of_root(key, log)?;
        let at = match Where::of(log, patience) {
            // A name that the root has.
            Where::Folder(path) if !path.exists() && found.origin() == log => {
                let url = found.base_url().to_owned();
                Where::Url(Server { url, patience })
            }
            at => at,
        };
        match (found.log_key().cloned(), at) {
            (Some(key), at) => Ok(Self::Tiles {
                at,
                key: Box::new(key),
            }),
            (None, Where::Url(at)) => Ok(Self::RekorV1 {
                at,
                log: Box::new(found),
            }),
            (None, Where::Folder(path)) => Err(Failure::request(
                "log-key-unreadable",
                format!(
                    "{}: the log's key is of a Rekor v1, which is no folder",
                    path.display()
                ),
            )),
        }
    }

    /// A checkpoint that this log signed, or the code and the reason of what is none.
    pub(super) fn verify(&self, note: &[u8]) -> Result<SignedCheckpoint, (&'static str, String)> {
        match self {
            Self::Tiles { key, .. } => {
                let wrong = |error: attest_log::NoteError| (error.code(), error.to_string());
                let signed = SignedCheckpoint::parse(note).map_err(wrong)?;
                signed.verify(key).map_err(wrong)?;
                Ok(signed)
            }
            Self::RekorV1 { log, .. } => log
                .verify_head(note)
                .map_err(|check| (check.code(), words(&check))),
        }
    }

    /// The log's id, in whole.
    pub(super) fn id(&self) -> [u8; 32] {
        match self {
            Self::Tiles { key, .. } => key.log_id(),
            Self::RekorV1 { log, .. } => *log.id(),
        }
    }
}

impl Where {
    fn of(text: &str, patience: Patience) -> Self {
        if text.contains("://") {
            let url = text.to_owned();
            Self::Url(Server { url, patience })
        } else {
            Self::Folder(PathBuf::from(text))
        }
    }

    /// Opens the log, and verifies its checkpoint and its right edge.
    pub(super) fn open(&self, key: &LogKey) -> Result<LogReader, Failure> {
        match self {
            Self::Folder(path) => LogReader::open(path, key).map_err(|error| of_folder(&error)),
            Self::Url(at) => {
                LogReader::open_source(at.tiles()?, &at.url, key).map_err(|error| refused(&error))
            }
        }
    }

    /// Recomputes the log from its entries.
    pub(super) fn check(&self, key: &LogKey) -> Result<CheckReport, Failure> {
        match self {
            Self::Folder(path) => LogReader::check(path, key).map_err(|error| of_folder(&error)),
            Self::Url(at) => {
                LogReader::check_source(at.tiles()?, &at.url, key).map_err(|error| refused(&error))
            }
        }
    }
}

impl Server {
    /// The tiles of a log.
    pub(super) fn tiles(&self) -> Result<TileServer, Failure> {
        TileServer::find(&self.url, self.patience).map_err(|error| unheard(&error))
    }

    pub(super) fn rekor_v1(&self) -> Result<RekorV1, Failure> {
        RekorV1::new(&self.url, self.patience).map_err(|error| unheard(&error))
    }
}

/// What a log signed, or did not, as a no; what nobody signed says nothing.
pub(super) fn wrong(check: &Check) -> Failure {
    if check.code() == "checkpoint-malformed" {
        return Failure::unknown("checkpoint-malformed", words(check));
    }
    Failure::no(check.code(), words(check))
}

pub(super) fn words(check: &Check) -> String {
    format!("{}, wanted {}", check.found(), check.wanted())
}

/// A log that was not heard is unknown; an address that is none a wrong request.
pub(super) fn unheard(error: &LogReadError) -> Failure {
    match error {
        LogReadError::Address { .. } => Failure::request(error.code(), error),
        _ => Failure::unknown(error.code(), error),
    }
}

/// What a log that somebody else keeps answers wrong is a no; what nobody signed says nothing.
pub(super) fn refused(error: &LogError) -> Failure {
    let said = error.source_error();
    if let Some(said) = said.and_then(|it| it.downcast_ref::<LogReadError>()) {
        return unheard(said);
    }
    let message = with_source(error);
    match error {
        LogError::NotFound { .. } => Failure::unknown("log-not-found", message),
        LogError::Checkpoint { source, .. } if source.code() == "checkpoint-malformed" => {
            Failure::unknown("checkpoint-malformed", message)
        }
        LogError::Corrupt { .. } | LogError::Checkpoint { .. } | LogError::RootDiffers { .. } => {
            Failure::no(error.code(), message)
        }
        _ => log_failure(error),
    }
}

/// A log in a folder that is not what its checkpoint says is what was asked about: that is a no.
fn of_folder(error: &LogError) -> Failure {
    match error {
        LogError::Corrupt { .. } | LogError::Checkpoint { .. } => {
            Failure::no(error.code(), with_source(error))
        }
        _ => log_failure(error),
    }
}

/// A C2SP vkey, such as `example.com/log+0123abcd+AV…`; none if the text is that of a file or a name.
pub(super) fn vkey(text: &str) -> Result<Option<LogKey>, Failure> {
    if !text.contains('+') || Path::new(text).exists() {
        return Ok(None);
    }
    LogKey::parse(text)
        .map(Some)
        .map_err(|error| Failure::request(error.code(), format!("--key: {error}")))
}

/// The one log of a trusted root that is meant.
fn of_root(root: &str, log: &str) -> Result<TrustedLog, Failure> {
    let unreadable = |problem: String| {
        Failure::request("log-key-unreadable", format!("{root}: {problem}")).hint(
            "name the log's key as a C2SP vkey, or a trusted_root.json with exactly one such log",
        )
    };
    let found = if root.starts_with('@') {
        trust::known(root)?
            .read()
            .map_err(|error| Failure::unknown("internal-error", error))?
    } else {
        let bytes = files::read_limited(Path::new(root), trust::ROOT_BYTES)
            .map_err(|error| unreadable(error.to_string()))?;
        TrustedRoot::parse(&bytes).map_err(|error| unreadable(error.to_string()))?
    };
    let plain = |it: &str| it.trim_end_matches('/').to_owned();
    let logs = |wanted: &dyn Fn(&TrustedLog) -> bool| -> Vec<TrustedLog> {
        let of = found.logs().iter().filter(|it| wanted(it));
        of.cloned().collect()
    };
    // The one that is served there, or that has this name; else the only one with tiles, else the only one.
    let choices: [&dyn Fn(&TrustedLog) -> bool; 4] = [
        &|it| plain(it.base_url()) == plain(log),
        &|it| it.origin() == log,
        &|it| it.log_key().is_some(),
        &|_| true,
    ];
    for choice in choices {
        let mut of = logs(choice);
        match (of.pop(), of.len()) {
            (Some(one), 0) => return Ok(one),
            (None, _) => {}
            (Some(_), more) => {
                return Err(unreadable(format!("it names {} such logs", more + 1)));
            }
        }
    }
    Err(unreadable("it names no log".to_owned()))
}
