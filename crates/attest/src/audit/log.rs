//! The home's log, whose every append is an event of the audit trail.

use std::fmt;

use attest_digest::{Artifact, Hashes};
use attest_log::{Inclusion, Log};
use attest_sign::{LogAppendError, LogAppender};

use super::{Audit, Change};
use crate::failure::Failure;
use crate::home::Home;

/// A log that is written to by whoever signs: nothing is logged without a trace.
pub(crate) struct AuditedLog<'s> {
    log: Log<'s>,
    home: Home,
}

impl<'s> AuditedLog<'s> {
    pub(crate) const fn new(log: Log<'s>, home: Home) -> Self {
        Self { log, home }
    }
}

impl LogAppender for AuditedLog<'_> {
    fn log_id(&self) -> [u8; 32] {
        LogAppender::log_id(&self.log)
    }

    fn append(&mut self, bodies: &[Vec<u8>]) -> Result<Vec<Inclusion>, LogAppendError> {
        let refused = |failure: Failure| LogAppendError::new(failure.code, failure);
        let audit = Audit::begin(&self.home, appending(bodies)).map_err(refused)?;
        match LogAppender::append(&mut self.log, bodies) {
            Ok(inclusions) => {
                let mut audit = audit;
                let indices = inclusions.iter().map(|it| it.index);
                audit.change().say(entries(indices));
                audit.done(Ok(inclusions)).map_err(refused)
            }
            Err(error) => {
                // What the log said is the answer; the trail has its code.
                let failure = Failure::unknown(error.code(), &error);
                drop(audit.done::<()>(Err(failure)));
                Err(error)
            }
        }
    }
}

/// The event of appending these bodies.
pub(crate) fn appending(bodies: &[Vec<u8>]) -> Change {
    let change = Change::new("log.append").detail(format_args!("{} to log", bodies.len()));
    match bodies {
        [body] => change.digest(Artifact::of_bytes(body, Hashes::Sha256).sha256()),
        _ => change,
    }
}

/// Where they stand now.
pub(crate) fn entries(indices: impl Iterator<Item = u64>) -> impl fmt::Display {
    let mut indices: Vec<u64> = indices.collect();
    indices.sort_unstable();
    match (indices.first(), indices.last()) {
        (Some(first), Some(last)) if first == last => format!("entry {first}"),
        (Some(first), Some(last)) => format!("entries {first} to {last}"),
        _ => "no entry".to_owned(),
    }
}
