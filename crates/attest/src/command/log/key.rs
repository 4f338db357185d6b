//! The log's public key: named by a flag, else the one that the home's trusted root names.

use std::path::{Path, PathBuf};

use attest_log::{LogKey, LogReader};
use attest_verify::TrustedRoot;

use super::ReadArgs;
use crate::failure::Failure;
use crate::files;
use crate::identity::{Card, log_failure};

/// Opens the log that the arguments name, for reading.
pub(super) fn open(args: &ReadArgs) -> Result<LogReader, Failure> {
    let (folder, key) = resolve(args)?;
    LogReader::open(&folder, &key).map_err(|error| log_failure(&error))
}

/// The log's folder and its public key.
pub(super) fn resolve(args: &ReadArgs) -> Result<(PathBuf, LogKey), Failure> {
    let home = args.home.home();
    let key = if let Some(text) = &args.key {
        named(text)?
    } else {
        let card = Card::read(&home)?;
        of_root(&home.trusted_root(), |id| hex::encode(id) == card.log)?
    };
    let folder = if let Some(folder) = &args.log {
        folder.clone()
    } else {
        home.require()?;
        home.log()
    };
    Ok((folder, key))
}

/// A vkey such as `example.com/log+0123abcd+AV…`, or a file that names the log.
fn named(text: &str) -> Result<LogKey, Failure> {
    if text.contains('+') && !Path::new(text).exists() {
        return LogKey::parse(text)
            .map_err(|error| Failure::request(error.code(), format!("--key: {error}")));
    }
    of_root(Path::new(text), |_| true)
}

/// The one Ed25519 log of a trusted root that is wanted.
fn of_root(path: &Path, wanted: impl Fn(&[u8; 32]) -> bool) -> Result<LogKey, Failure> {
    let unreadable = |problem: String| {
        Failure::request(
            "log-key-unreadable",
            format!("{}: {problem}", path.display()),
        )
        .hint("name the log's key as a C2SP vkey, or a trusted_root.json with exactly one log")
    };
    let bytes =
        files::read_limited(path, ROOT_BYTES).map_err(|error| unreadable(error.to_string()))?;
    let root = TrustedRoot::parse(&bytes).map_err(|error| unreadable(error.to_string()))?;
    let mut keys: Vec<LogKey> = root
        .logs()
        .iter()
        .filter_map(|log| log.log_key().cloned())
        .filter(|key| wanted(&key.log_id()))
        .collect();
    match (keys.pop(), keys.is_empty()) {
        (Some(key), true) => Ok(key),
        (Some(_), false) => Err(unreadable("it names several logs".to_owned())),
        (None, _) => Err(unreadable(
            "it names no such log with an Ed25519 key".to_owned(),
        )),
    }
}

const ROOT_BYTES: u64 = 1024 * 1024;
