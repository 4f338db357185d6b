//! What a run is about to do, written before it does it, so that the next run can say what became
//! of one that died, and take away what it left.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use attest_log::merkle::leaf_hash;
use attest_log::{Inclusion, Log};
use attest_provenance::ReleaseName;
use attest_sign::{LogAppendError, LogAppender};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::files;
use crate::home::Home;

/// A run that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Journal {
    version: u32,
    /// `NAME@VERSION`.
    pub(super) release: String,
    /// Part of the name of everything temporary.
    pub(super) token: String,
    /// Folders and files that go away with the run.
    temporary: Vec<PathBuf>,
    /// Entries of the log when the run began.
    pub(super) log_size: u64,
    /// Leaf hashes of the entries that the run was about to append, as hex.
    pub(super) leaves: Vec<String>,
}

impl Journal {
    /// The journal of a run that died, if there is one.
    ///
    /// # Errors
    /// `journal-unreadable` (2).
    pub(super) fn read(home: &Home) -> Result<Option<Self>, Failure> {
        let path = path(home);
        let unreadable = |problem: String| {
            Failure::request(
                "journal-unreadable",
                format!("{}: {problem}", path.display()),
            )
            .hint("it says what an interrupted release left behind; remove it to go on without")
        };
        if path.symlink_metadata().is_err() {
            return Ok(None);
        }
        let bytes =
            files::read_limited(&path, BYTES).map_err(|error| unreadable(error.to_string()))?;
        let journal: Self =
            serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
        if journal.version != VERSION {
            return Err(unreadable(format!(
                "version {}, {VERSION} is known",
                journal.version
            )));
        }
        Ok(Some(journal))
    }

    /// Begins a run.
    pub(super) fn begin(
        home: &Home,
        release: &ReleaseName,
        token: &str,
        temporary: Vec<PathBuf>,
        log_size: u64,
    ) -> Result<Self, Failure> {
        let journal = Self {
            version: VERSION,
            release: release.to_string(),
            token: token.to_owned(),
            temporary,
            log_size,
            leaves: Vec::new(),
        };
        journal.write(home)?;
        Ok(journal)
    }

    /// Takes away what the run left, and the journal with it. Nothing that others may have put in
    /// its place is touched.
    pub(super) fn end(&self, home: &Home) -> Result<(), Failure> {
        for path in &self.temporary {
            let ours = path
                .file_name()
                .is_some_and(|name| name.to_str() == Some(temporary_name(&self.token).as_str()));
            if ours {
                remove(path)?;
            }
        }
        let path = path(home);
        fs::remove_file(&path).map_err(|error| files::write_failure(&path, &error))?;
        files::sync_folder(&path)
    }

    fn write(&self, home: &Home) -> Result<(), Failure> {
        let json = serde_json::to_vec_pretty(self)
            .map_err(|error| Failure::unknown("encoding-failed", error))?;
        // One name, so that what a death leaves is written over: the log's lock is held.
        let (path, temporary) = (path(home), path(home).with_extension("json.tmp"));
        let written = File::create(&temporary)
            .and_then(|mut file| file.write_all(&json).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&temporary, &path));
        written.map_err(|error| files::write_failure(&path, &error))?;
        files::sync_folder(&path)
    }
}

/// The name of everything temporary of a run.
pub(super) fn temporary_name(token: &str) -> String {
    format!(".attest-release-{token}.tmp")
}

/// A log that writes the journal before it appends.
pub(super) struct JournaledLog<'a, 's> {
    pub(super) log: &'a mut Log<'s>,
    pub(super) home: &'a Home,
    pub(super) journal: &'a mut Journal,
}

impl LogAppender for JournaledLog<'_, '_> {
    fn log_id(&self) -> [u8; 32] {
        LogAppender::log_id(self.log)
    }

    fn append(&mut self, bodies: &[Vec<u8>]) -> Result<Vec<Inclusion>, LogAppendError> {
        self.journal.leaves = bodies
            .iter()
            .map(|body| hex::encode(leaf_hash(body).as_bytes()))
            .collect();
        self.journal
            .write(self.home)
            .map_err(|failure| LogAppendError::new(failure.code, failure))?;
        LogAppender::append(self.log, bodies)
    }
}

fn remove(path: &Path) -> Result<(), Failure> {
    let removed = match path.symlink_metadata() {
        Err(_) => Ok(()),
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    };
    removed.map_err(|error| files::write_failure(path, &error))
}

fn path(home: &Home) -> PathBuf {
    home.path().join("unfinished.json")
}

const VERSION: u32 = 1;
const BYTES: u64 = 16 << 20;
