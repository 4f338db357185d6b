//! The log's public key: named by a flag, else the one that the home's trusted root names.

use std::path::{Path, PathBuf};

use attest_log::{LogKey, LogReader};
use attest_verify::TrustedRoot;

use super::ReadArgs;
use super::place::{Place, Where, vkey};
use crate::failure::Failure;
use crate::files;
use crate::identity::{Card, log_failure};

/// The log that the arguments name.
pub(super) fn place(args: &ReadArgs) -> Result<Place, Failure> {
    if let (Some(log), Some(key)) = (&args.log, &args.key)
        && !Path::new(log).is_dir()
    {
        return Place::named(log, key, args.wait.patience());
    }
    let home = args.home.home();
    let key = if let Some(text) = &args.key {
        named(text)?
    } else {
        let card = Card::read(&home)?;
        of_root(&home.trusted_root(), |id| hex::encode(id) == card.log)?
    };
    let folder = if let Some(folder) = &args.log {
        PathBuf::from(folder)
    } else {
        home.require()?;
        home.log()
    };
    Ok(Place::Tiles {
        at: Where::Folder(folder),
        key: Box::new(key),
    })
}

/// Opens a log of tiles, for reading. Our own that does not fit is a wrong request; somebody else's a no.
pub(super) fn open(at: &Where, key: &LogKey) -> Result<LogReader, Failure> {
    match at {
        Where::Folder(path) => LogReader::open(path, key).map_err(|error| log_failure(&error)),
        Where::Url(_) => at.open(key),
    }
}

/// A vkey such as `example.com/log+0123abcd+AV…`, or a file that names the log.
fn named(text: &str) -> Result<LogKey, Failure> {
    if let Some(key) = vkey(text)? {
        return Ok(key);
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
