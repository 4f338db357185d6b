//! What is signed and not yet a bundle, kept in a folder of the home.

use std::fs;
use std::path::{Path, PathBuf};

use attest_digest::Digest;
use attest_sign::{DraftError, Drafts};

use crate::failure::Failure;
use crate::files::{self, Overwrite};

/// A folder of drafts, each by the digest of what it is about.
#[derive(Debug)]
pub(crate) struct DraftFolder {
    folder: PathBuf,
    /// What this run has asked for, kept or not.
    asked: Vec<Digest>,
}

impl DraftFolder {
    /// Nothing is made until something is kept.
    pub(crate) const fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            asked: Vec::new(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }

    /// Keeps a file beside the drafts, in place of an earlier one.
    pub(crate) fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), Failure> {
        files::make_folder(&self.folder)?;
        files::write(path, bytes, DRAFT_MODE, Overwrite::Force)
    }

    /// What this run signed lies where it belongs: its drafts go, and the folders if nothing else waits
    /// there.
    pub(crate) fn done(mut self) {
        for digest in std::mem::take(&mut self.asked) {
            self.forget(&digest);
        }
        let _ = fs::remove_dir(&self.folder);
        if let Some(drafts) = self.folder.parent() {
            let _ = fs::remove_dir(drafts);
        }
    }

    fn draft(&self, digest: &Digest) -> PathBuf {
        self.folder.join(format!("{}.json", digest.hex()))
    }
}

impl Drafts for DraftFolder {
    fn find(&mut self, digest: &Digest) -> Option<Vec<u8>> {
        self.asked.push(*digest);
        files::read_limited(&self.draft(digest), DRAFT_BYTES).ok()
    }

    fn keep(&mut self, digest: &Digest, draft: &[u8]) -> Result<(), DraftError> {
        self.write(&self.draft(digest), draft)
            .map_err(|failure| DraftError::new(failure.code, failure.message))
    }

    fn forget(&mut self, digest: &Digest) {
        let _ = fs::remove_file(self.draft(digest));
    }
}

/// A draft is no secret: everything in it is published in the end.
const DRAFT_MODE: u32 = 0o644;
/// A log's answer repeats the envelope.
pub(crate) const DRAFT_BYTES: u64 = 64 << 20;
