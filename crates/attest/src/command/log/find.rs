//! Entries by what they are about.

use std::path::Path;

use attest_digest::{Artifact, Digest, Hashes};
use attest_log::{Hash, LogReader, merkle};
use attest_verify::LoggedEntry;
use serde_json::json;

use super::ShowArgs;
use super::place::refused;
use crate::console::Console;
use crate::failure::{Exit, Failure};
use crate::files;

/// What of a log is to be shown.
pub(super) enum Wanted {
    Checkpoint,
    Index(u64),
    Artifact([u8; 32]),
    Leaf(Hash),
}

/// An entry that is proven to stand in the log.
pub(super) struct Found {
    pub(super) index: u64,
    pub(super) body: Vec<u8>,
}

impl ShowArgs {
    pub(super) fn wanted(&self) -> Result<Wanted, Failure> {
        if let Some(index) = self.index {
            return Ok(Wanted::Index(index));
        }
        if let Some(text) = &self.leaf {
            return sha256(text, "--leaf").map(|it| Wanted::Leaf(Hash::new(it)));
        }
        match self.artifact.as_deref() {
            None => Ok(Wanted::Checkpoint),
            Some(text) => match text.strip_prefix("sha256:") {
                Some(digits) => sha256(digits, "--artifact").map(Wanted::Artifact),
                None => of_file(Path::new(text)).map(Wanted::Artifact),
            },
        }
    }
}

impl Wanted {
    /// Whether an entry is about it. Of a DSSE envelope a log says the digest of its encoding, not that of
    /// its artifacts.
    pub(super) fn is(&self, body: &[u8]) -> bool {
        match self {
            Self::Checkpoint | Self::Index(_) => false,
            Self::Leaf(leaf) => merkle::leaf_hash(body) == *leaf,
            Self::Artifact(sha256) => LoggedEntry::parse(body)
                .and_then(|it| it.digest)
                .is_some_and(|it| it == Digest::Sha256(*sha256)),
        }
    }
}

/// Every entry is read; that nothing was kept back, the root says.
pub(super) fn in_tiles(log: &LogReader, wanted: &Wanted) -> Result<Vec<Found>, Failure> {
    let mut frontier = merkle::Frontier::new();
    let mut found = Vec::new();
    while frontier.size() < log.size() {
        let entries = log
            .entries(frontier.size(), log.size())
            .map_err(|error| refused(&error))?;
        for body in entries {
            let index = frontier.size();
            frontier.push(merkle::leaf_hash(&body));
            if wanted.is(&body) {
                found.push(Found { index, body });
            }
        }
    }
    let root = log.checkpoint().checkpoint().root();
    if frontier.root() == root {
        return Ok(found);
    }
    Err(Failure::no(
        "log-corrupt",
        format!(
            "its entries lead to root {}, it signed {root}",
            frontier.root()
        ),
    ))
}

pub(super) fn show(found: &[Found], console: &Console) -> Result<Exit, Failure> {
    let exit = if found.is_empty() {
        Exit::No
    } else {
        Exit::Yes
    };
    if console.is_json() {
        console.json(&json!({
            "version": 1, "command": "log show", "answer": exit.word(), "exit": exit.number(),
            "entries": found.iter().map(|it| json!({
                "index": it.index,
                "leaf_hash": merkle::leaf_hash(&it.body).to_hex(),
                "body": String::from_utf8_lossy(&it.body),
            })).collect::<Vec<_>>(),
        }));
        return Ok(exit);
    }
    for it in found {
        let mut line = format!("{} ", it.index).into_bytes();
        line.extend_from_slice(&it.body);
        line.push(b'\n');
        console.bytes(&line)?;
    }
    if found.is_empty() {
        console.say("no entry is about it");
    }
    Ok(exit)
}

fn of_file(path: &Path) -> Result<[u8; 32], Failure> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::unknown("file-unreadable", format!("{}: {error}", path.display()))
    };
    let mut file = files::open_regular(path).map_err(|error| unreadable(&error))?;
    let read = Artifact::read(&mut file, Hashes::Sha256).map_err(|error| unreadable(&error))?;
    match read.sha256() {
        Digest::Sha256(bytes) => Ok(bytes),
        _ => Err(Failure::unknown("internal-error", "no SHA-256")),
    }
}

fn sha256(digits: &str, flag: &str) -> Result<[u8; 32], Failure> {
    let bytes = hex::decode(digits).ok().and_then(|it| it.try_into().ok());
    bytes.ok_or_else(|| {
        Failure::request(
            "bad-arguments",
            format!("{flag} has no 64 hexadecimal digits"),
        )
    })
}
