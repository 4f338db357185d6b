//! What a monitor remembers between its runs.
//!
//! ```json
//! {"version": 1, "log": "HEX", "tree": "", "size": 3, "frontier": ["HEX", "HEX"],
//!  "checkpoint": "log.example\n3\n…", "foreign": [{"index": 1, "leaf": "HEX", "who": "…"}],
//!  "watched": {"the key sha256:HEX": 0}}
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use attest_log::{Hash, merkle::Frontier};
use serde::{Deserialize, Serialize};

use super::Watched;
use super::watched::tree_of;
use crate::command::log::place::Place;
use crate::failure::Failure;
use crate::files::{self, Staged};

/// The last state of the log that was seen and whose entries were looked at.
pub(super) struct State {
    log: [u8; 32],
    /// The tree of a Rekor v1 log; empty for others.
    pub(super) tree: String,
    pub(super) size: u64,
    pub(super) root: Hash,
    pub(super) frontier: Frontier,
    checkpoint: String,
    /// Entries that are ours and were not known: they stay until they are.
    pub(super) foreign: Vec<Foreign>,
    /// What was looked for in all entries from the one of that index on.
    pub(super) watched: BTreeMap<String, u64>,
}

#[derive(Clone)]
pub(super) struct Foreign {
    pub(super) index: u64,
    pub(super) leaf: Hash,
    pub(super) who: String,
}

impl Foreign {
    /// An entry in somebody's name, of whatever length: as many as are remembered must fit into the file.
    pub(super) fn new(index: u64, leaf: Hash, who: &str) -> Self {
        let mut shown: String = who.chars().take(WHO_CHARS).collect();
        if shown.len() < who.len() {
            shown.push('…');
        }
        Self {
            index,
            leaf,
            who: shown,
        }
    }
}

impl State {
    pub(super) fn of(
        log: &Watched<'_>,
        frontier: Frontier,
        foreign: Vec<Foreign>,
        watched: BTreeMap<String, u64>,
    ) -> Self {
        Self {
            log: log.id(),
            tree: log.tree().to_owned(),
            size: log.size(),
            root: log.root(),
            frontier,
            checkpoint: String::from_utf8_lossy(log.head().as_bytes()).into_owned(),
            foreign,
            watched,
        }
    }

    /// None if there is no file yet.
    pub(super) fn read(path: &Path, place: &Place) -> Result<Option<Self>, Failure> {
        let unusable = |problem: String| {
            Failure::request("monitor-state-unusable", format!("{}: {problem}", path.display()))
                .hint("name the state of this log, or another file to begin anew; keep this one, it may be evidence")
        };
        let bytes = match files::read_limited(path, STATE_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unusable(error.to_string())),
        };
        let raw: Raw =
            serde_json::from_slice(&bytes).map_err(|error| unusable(error.to_string()))?;
        let state = raw
            .into_state()
            .ok_or_else(|| unusable("it is no state of a monitor".to_owned()))?;
        if state.log != place.id() {
            return Err(unusable(format!(
                "it is of log {}, not of {}",
                hex::encode(state.log),
                hex::encode(place.id())
            )));
        }
        let signed = place
            .verify(state.checkpoint.as_bytes())
            .map_err(|(_, problem)| unusable(format!("its checkpoint: {problem}")))?;
        let (size, root) = (signed.checkpoint().size(), signed.checkpoint().root());
        if (size, root) != (state.size, state.root) || state.frontier.size() != size {
            return Err(unusable("it is not what its checkpoint says".to_owned()));
        }
        let tree = tree_of(signed.checkpoint().origin());
        if !state.tree.is_empty() && tree != Some(&state.tree) {
            return Err(unusable(
                "its tree is not the one that was signed".to_owned(),
            ));
        }
        Ok(Some(state))
    }

    /// What the next run is to know, written beside what this one knew.
    pub(super) fn stage(&self, path: &Path) -> Result<Staged, Failure> {
        let raw = Raw {
            version: VERSION,
            log: hex::encode(self.log),
            tree: self.tree.clone(),
            size: self.size,
            frontier: self.frontier.hashes().iter().map(Hash::to_hex).collect(),
            checkpoint: self.checkpoint.clone(),
            foreign: self.foreign.iter().map(RawForeign::of).collect(),
            watched: self.watched.clone(),
        };
        let mut bytes = serde_json::to_vec_pretty(&raw)
            .map_err(|error| Failure::unknown("internal-error", error))?;
        bytes.push(b'\n');
        if bytes.len() as u64 > STATE_BYTES {
            // The next run could not read it: what was remembered before stays.
            return Err(Failure::request(
                "monitor-state-unusable",
                format!("{}: it would have {} bytes", path.display(), bytes.len()),
            )
            .hint("watch fewer keys and identities with one state"));
        }
        files::stage(path, &bytes, 0o644)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    version: u32,
    log: String,
    tree: String,
    size: u64,
    frontier: Vec<String>,
    checkpoint: String,
    foreign: Vec<RawForeign>,
    /// Absent in states that were written before it was kept: then everything is looked at anew.
    #[serde(default)]
    watched: BTreeMap<String, u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawForeign {
    index: u64,
    leaf: String,
    who: String,
}

impl Raw {
    fn into_state(self) -> Option<State> {
        if self.version != VERSION {
            return None;
        }
        let hashes = self
            .frontier
            .iter()
            .map(|it| hash(it))
            .collect::<Option<_>>()?;
        let frontier = Frontier::from_hashes(self.size, hashes)?;
        let foreign = self.foreign.into_iter().map(RawForeign::into_foreign);
        Some(State {
            log: hex::decode(&self.log).ok()?.try_into().ok()?,
            tree: self.tree,
            size: self.size,
            root: frontier.root(),
            frontier,
            checkpoint: self.checkpoint,
            foreign: foreign.collect::<Option<_>>()?,
            watched: self.watched,
        })
    }
}

impl RawForeign {
    fn of(foreign: &Foreign) -> Self {
        Self {
            index: foreign.index,
            leaf: foreign.leaf.to_hex(),
            who: foreign.who.clone(),
        }
    }

    fn into_foreign(self) -> Option<Foreign> {
        Some(Foreign {
            index: self.index,
            leaf: hash(&self.leaf)?,
            who: self.who,
        })
    }
}

fn hash(text: &str) -> Option<Hash> {
    let bytes = hex::decode(text).ok()?;
    Hash::try_from(bytes.as_slice()).ok()
}

const VERSION: u32 = 1;
const STATE_BYTES: u64 = 16 << 20;

/// Characters of a name that are remembered, each written with up to 6 bytes.
const WHO_CHARS: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn watching(count: usize) -> State {
        let name = |number: usize| (format!("the identity {number:0100}"), 0);
        let frontier = Frontier::from_hashes(0, Vec::new()).unwrap();
        State {
            log: [7; 32],
            tree: String::new(),
            size: 0,
            root: frontier.root(),
            frontier,
            checkpoint: String::new(),
            foreign: Vec::new(),
            watched: (0..count).map(name).collect(),
        }
    }

    #[test]
    fn a_state_that_the_next_run_could_not_read_does_not_replace_the_last() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        watching(1).stage(&path).unwrap().replace().unwrap();
        let before = std::fs::read(&path).unwrap();
        let refused = watching(150_000).stage(&path).map(drop).unwrap_err();
        assert_eq!(refused.code, "monitor-state-unusable");
        assert_eq!(std::fs::read(&path).unwrap(), before);
        watching(2).stage(&path).unwrap().replace().unwrap();
        assert_ne!(std::fs::read(&path).unwrap(), before);
    }
}
