//! What was seen of trees, so that an older manifest is not taken for a newer.
//!
//! ```text
//! {"trees":{"app":{"serial":7,"sha256":"2cf2…"}},"version":1}
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use attest_digest::{Algorithm, Digest};
use attest_provenance::json::{self, Object};
use attest_provenance::tree::TreeHeader;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::files::{self, Overwrite};
use crate::limits;
use crate::report::Refusal;

/// The newest manifest of each name that was seen: its serial number and digest.
#[derive(Debug)]
pub(super) struct State {
    path: PathBuf,
    trees: BTreeMap<String, (u64, Digest)>,
}

impl State {
    /// Reads the file; one that does not exist has seen nothing.
    ///
    /// # Errors
    /// `tree-state-unusable` (exit 2).
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let unusable = |problem: String| {
            let message = format!("--state {}: {problem}", path.display());
            Failure::request("tree-state-unusable", message)
        };
        let trees = if path.symlink_metadata().is_ok() {
            let bytes = files::read_limited(path, limits::TREE_STATE_BYTES)
                .map_err(|error| unusable(error.to_string()))?;
            parse(&bytes).ok_or_else(|| unusable("not a state of trees".to_owned()))?
        } else {
            BTreeMap::new()
        };
        Ok(Self {
            path: path.to_owned(),
            trees,
        })
    }

    /// Whether a manifest may follow on what was seen; from now on it is what was seen.
    pub(super) fn see(&mut self, header: &TreeHeader, sha256: &str) -> Result<(), Refusal> {
        let refused = |code, found: String, wanted: String| Refusal {
            code,
            found,
            wanted,
        };
        let named = header.release.as_ref().zip(header.serial);
        let (Some((release, serial)), Ok(digest)) =
            (named, Digest::from_hex(Algorithm::Sha256, sha256))
        else {
            let found = "a manifest without a release and a serial number".to_owned();
            let wanted = "both, because --state was asked for".to_owned();
            return Err(refused("tree-serial-missing", found, wanted));
        };
        match self.trees.get(release.name()) {
            Some((seen, before)) if serial < *seen || (serial == *seen && digest != *before) => {
                return Err(refused(
                    "tree-rolled-back",
                    format!("{} with serial number {serial}, {digest}", release.name()),
                    format!("{before} with {seen}, which was seen, or a newer one"),
                ));
            }
            _ => {}
        }
        let name = release.name().to_owned();
        self.trees.insert(name, (serial, digest));
        Ok(())
    }

    /// Writes what was seen.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn keep(&self) -> Result<(), Failure> {
        let tree = |(name, (serial, digest)): (&String, &(u64, Digest))| {
            (
                name.clone(),
                json!({"serial": serial, "sha256": digest.hex()}),
            )
        };
        let trees: serde_json::Map<String, Value> = self.trees.iter().map(tree).collect();
        let mut bytes = json!({"trees": trees, "version": 1})
            .to_string()
            .into_bytes();
        bytes.push(b'\n');
        if fs::read(&self.path).is_ok_and(|kept| kept == bytes) {
            return Ok(());
        }
        files::write(&self.path, &bytes, 0o644, Overwrite::Force)
    }
}

fn parse(bytes: &[u8]) -> Option<BTreeMap<String, (u64, Digest)>> {
    let shape = json::Limits {
        bytes: bytes.len(),
        depth: 3,
    };
    let mut state = Object::new("", json::parse(bytes, shape).ok()?).ok()?;
    if state.take_u64("version").ok()? != 1 {
        return None;
    }
    let trees = state.take_object("trees").ok()?;
    state.finish().ok()?;
    let mut seen = BTreeMap::new();
    for (name, value) in trees.into_rest() {
        let mut tree = Object::new("", value).ok()?;
        let serial = tree.take_u64("serial").ok()?;
        let digest = tree.take_string("sha256").ok()?;
        tree.finish().ok()?;
        let digest = Digest::from_hex(Algorithm::Sha256, &digest).ok()?;
        seen.insert(name, (serial, digest));
    }
    Some(seen)
}
