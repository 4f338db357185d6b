//! The file: appended to under a lock, one line for each event, durable before it is answered.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use attest_archive::audit::{AUDIT_FILE, Chain, Event, Fact, Phase, line_digest};
use attest_archive::limits;
use attest_digest::Digest;
use rustix::fs::{FlockOperation, flock};
use serde_json::Value;

use super::who;
use crate::clock::Now;
use crate::failure::Failure;
use crate::files;
use crate::home::Home;

/// The trail of one home.
#[derive(Debug, Clone)]
pub(crate) struct Trail {
    path: PathBuf,
    home: String,
}

impl Trail {
    /// That of the home whose log has this id, as hex.
    pub(crate) fn of(home: &Home, id: &str) -> Self {
        Self {
            path: home.path().join(AUDIT_FILE),
            home: id.to_owned(),
        }
    }

    pub(super) fn moved_to(&self, home: &Home) -> Self {
        Self::of(home, &self.home)
    }

    /// Appends one event durably, and gives its sequence.
    ///
    /// # Errors
    /// `audit-damaged` (2); `audit-locked`, `write-failed`, `disk-full` (3).
    pub(super) fn append(
        &self,
        event: &'static str,
        phase: Phase,
        facts: BTreeMap<Fact, Value>,
    ) -> Result<u64, Failure> {
        let failed = |error: io::Error| files::write_failure(&self.path, &error);
        let mut file = self.open()?;
        let end = self.end(&mut file)?;
        let mut facts = facts;
        facts.extend(who::facts());
        if end.torn > 0 {
            // It was never answered: the run that wrote it died before it changed anything.
            file.set_len(end.length).map_err(failed)?;
            facts.insert(Fact::TornBytes, end.torn.into());
        }
        let event = Event {
            sequence: end.next,
            time: Now::read(None)?.time.to_string(),
            home: self.home.clone(),
            event: event.to_owned(),
            phase,
            facts,
            previous: end.last,
        };
        let mut line = event
            .to_line()
            .map_err(|error| Failure::unknown("encoding-failed", error))?;
        line.push(b'\n');
        let written = file.write_all(&line).and_then(|()| file.sync_data());
        if let Err(error) = written {
            let _ = file.set_len(end.length);
            return Err(failed(error));
        }
        Ok(event.sequence)
    }

    /// How many events there are, and the digest of the last; none if there is no event.
    ///
    /// # Errors
    /// As for [`Self::append`].
    pub(super) fn head(&self) -> Result<Option<(u64, Digest)>, Failure> {
        let end = self.end(&mut self.open()?)?;
        Ok(end.last.map(|last| (end.next, last)))
    }

    /// Opens the file, made with its folder if need be, and waits a while for other writers.
    fn open(&self) -> Result<File, Failure> {
        let failed = |error: io::Error| files::write_failure(&self.path, &error);
        let open = |is_new: bool| {
            OpenOptions::new()
                .read(true)
                .append(true)
                .create_new(is_new)
                .mode(0o644)
                .custom_flags(NO_LINK_NO_WAIT)
                .open(&self.path)
        };
        let file = match open(false) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let folder = files::folder_of(&self.path);
                // A link that leads nowhere, in the folder's place, is nothing to be forced.
                files::make_folders(&folder)
                    .map_err(|error| failed(io::Error::other(error.to_string())))?;
                let made = match open(true) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => open(false),
                    made => made,
                };
                let made = made.map_err(failed)?;
                files::sync_folder(&self.path)?;
                files::sync_folder(&folder)?;
                made
            }
            opened => opened.map_err(failed)?,
        };
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(self.damaged("not a regular file"));
        }
        for _ in 0..LOCK_TRIES {
            if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
                return Ok(file);
            }
            thread::sleep(LOCK_PAUSE);
        }
        let message = format!("another run holds {}", self.path.display());
        Err(Failure::unknown("audit-locked", message))
    }

    /// The last whole line, and what stands behind it.
    fn end(&self, file: &mut File) -> Result<End, Failure> {
        let failed = |error: io::Error| files::write_failure(&self.path, &error);
        let length = file.seek(SeekFrom::End(0)).map_err(failed)?;
        // Two lines: a torn one, and the last whole one.
        let window = 2 * (limits::AUDIT_LINE_BYTES as u64 + 1);
        let from = length.saturating_sub(window);
        file.seek(SeekFrom::Start(from)).map_err(failed)?;
        let mut bytes = Vec::new();
        file.take(window).read_to_end(&mut bytes).map_err(failed)?;
        let whole = bytes
            .iter()
            .rposition(|it| *it == b'\n')
            .map_or(0, |it| it + 1);
        let torn = (bytes.len() - whole) as u64;
        let lines = bytes.get(..whole).unwrap_or_default();
        let Some(lines) = lines.strip_suffix(b"\n") else {
            if from > 0 || torn > limits::AUDIT_LINE_BYTES as u64 {
                return Err(self.damaged("its last line is too long"));
            }
            return Ok(End {
                next: 0,
                last: None,
                length: 0,
                torn,
            });
        };
        let line = lines.rsplit(|it| *it == b'\n').next().unwrap_or(lines);
        let event = Event::parse(line).map_err(|error| self.damaged(&error.to_string()))?;
        if event.home != self.home {
            return Err(self.damaged("its last event is of another home"));
        }
        Ok(End {
            next: event.sequence + 1,
            last: Some(line_digest(line)),
            length: length - torn,
            torn,
        })
    }

    fn damaged(&self, problem: &str) -> Failure {
        let message = format!("{}: {problem}", self.path.display());
        Failure::request("audit-damaged", message)
            .hint("attest archive log says what is wrong; bring the file back from a backup, or move it away and keep it")
    }
}

/// Where the next event goes.
struct End {
    next: u64,
    last: Option<Digest>,
    /// Bytes of the whole lines.
    length: u64,
    /// Bytes behind them.
    torn: u64,
}

/// Reads a trail from its beginning, line by line.
///
/// # Errors
/// The file cannot be opened or read.
pub(crate) fn read(path: &Path, chain: &mut Chain, mut seen: impl FnMut(Event)) -> io::Result<()> {
    let mut reader = BufReader::new(files::open_regular(path)?);
    let mut line = Vec::new();
    loop {
        line.clear();
        let bound = limits::AUDIT_LINE_BYTES as u64 + 2;
        let count = reader.by_ref().take(bound).read_until(b'\n', &mut line)?;
        if count == 0 {
            return Ok(());
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if count as u64 == bound {
            // Too long to be one: what follows is of the same line.
            reader.skip_until(b'\n')?;
        } else {
            chain.unfinished(count as u64);
            return Ok(());
        }
        if let Some(event) = chain.line(&line) {
            seen(event);
        }
        if chain.is_full() {
            return Ok(());
        }
    }
}

/// `O_NOFOLLOW` and `O_NONBLOCK`: neither a link nor a pipe in its place is written to.
const NO_LINK_NO_WAIT: i32 = 0o400_000 | 0o4000;
/// Ten seconds, while others append.
const LOCK_TRIES: u32 = 1000;
const LOCK_PAUSE: Duration = Duration::from_millis(10);
