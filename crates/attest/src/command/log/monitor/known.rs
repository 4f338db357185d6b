//! What we made ourselves: the log entries of our bundles.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use attest_log::{Hash, merkle};
use attest_verify::{Bundle, Content, LoggedEntry};

use crate::failure::Failure;
use crate::files;

/// Leaves and signatures of bundles that are ours. That they are is the word of whoever names them.
#[derive(Default)]
pub(super) struct Known {
    leaves: BTreeSet<Hash>,
    signatures: BTreeSet<Vec<u8>>,
}

impl Known {
    /// Every bundle in these files and folders; an archive keeps its bundles as files like others.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, Failure> {
        let mut known = Self::default();
        for path in paths {
            known.add(path, 0)?;
        }
        Ok(known)
    }

    pub(super) fn has(&self, leaf: &Hash) -> bool {
        self.leaves.contains(leaf)
    }

    /// Whether an entry is about a signature of ours, perhaps in another log or generation.
    pub(super) fn signed(&self, body: &[u8]) -> bool {
        LoggedEntry::parse(body)
            .and_then(|it| it.signature)
            .is_some_and(|it| self.signatures.contains(&it))
    }

    fn add(&mut self, path: &Path, depth: usize) -> Result<(), Failure> {
        let failed = |error: std::io::Error| {
            Failure::unknown("bundle-unreadable", format!("{}: {error}", path.display()))
        };
        let found = fs::symlink_metadata(path).map_err(failed)?;
        if found.is_dir() {
            if depth == DEPTH {
                return Err(failed(std::io::Error::other(
                    "folders lie too deep in each other",
                )));
            }
            for item in fs::read_dir(path).map_err(failed)? {
                self.add(&item.map_err(failed)?.path(), depth + 1)?;
            }
            return Ok(());
        }
        let most = attest_verify::limits::BUNDLE_BYTES as u64;
        if !found.is_file() || found.len() > most {
            return Ok(());
        }
        let bytes = files::read_limited(path, most).map_err(failed)?;
        if bytes.trim_ascii_start().starts_with(b"{") {
            self.add_lines(&bytes);
        }
        Ok(())
    }

    /// One bundle, or one in each line.
    fn add_lines(&mut self, bytes: &[u8]) {
        if let Ok(bundle) = Bundle::parse(bytes) {
            return self.add_bundle(&bundle);
        }
        for line in bytes.split(|it| *it == b'\n') {
            if let Ok(bundle) = Bundle::parse(line) {
                self.add_bundle(&bundle);
            }
        }
    }

    fn add_bundle(&mut self, bundle: &Bundle) {
        let leaves = bundle
            .entries()
            .iter()
            .map(|it| merkle::leaf_hash(it.body()));
        self.leaves.extend(leaves);
        match bundle.content() {
            Content::Message { signature, .. } => {
                self.signatures.insert(signature.clone());
            }
            Content::Envelope(envelope) => {
                let signatures = envelope.signatures().iter().map(|it| it.sig.clone());
                self.signatures.extend(signatures);
            }
        }
    }
}

const DEPTH: usize = 32;
