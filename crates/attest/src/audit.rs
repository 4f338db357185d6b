//! The audit trail of a home: each command that changes its archive, its log or its keys writes down
//! that it begins, and how it ended.
//!
//! ```ignore
//! audit::traced(&home, Change::new("archive.add").release(&name), |change| {
//!     let added = store.add(&input)?;
//!     change.digest(added.manifest);
//!     Ok(added)
//! })
//! ```
//!
//! The beginning is durable before anything is changed; if it cannot be written, nothing is changed.
//! A home without an identity has no trail, and neither has a command that works without a home.

pub(crate) mod head;
pub(crate) mod log;
mod trail;
mod who;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use attest_archive::audit::{Fact, Outcome, Phase};
use attest_archive::limits;
use serde_json::Value;

use crate::console::escape;
use crate::failure::{Exit, Failure};
use crate::home::Home;
use crate::identity::Card;

pub(crate) use trail::{Trail, read};
pub(crate) use who::words as who;

/// What is about to be done, and to what.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    event: &'static str,
    facts: BTreeMap<Fact, Value>,
}

impl Change {
    /// A change of this name: that of the command, with a dot for each space.
    pub(crate) const fn new(event: &'static str) -> Self {
        Self {
            event,
            facts: BTreeMap::new(),
        }
    }

    /// NAME@VERSION.
    pub(crate) fn release(self, release: impl fmt::Display) -> Self {
        self.with(Fact::Release, &release.to_string())
    }

    /// What is changed, `sha256:HEX`.
    pub(crate) fn digest(self, digest: impl fmt::Display) -> Self {
        self.with(Fact::Digest, &digest.to_string())
    }

    /// A file or folder.
    pub(crate) fn path(self, path: &Path) -> Self {
        self.with(Fact::Path, &path.display().to_string())
    }

    /// More words.
    pub(crate) fn detail(self, detail: impl fmt::Display) -> Self {
        self.with(Fact::Detail, &detail.to_string())
    }

    /// Says with the end what was not known at the beginning: the digest of what was made.
    pub(crate) fn made(&mut self, digest: impl fmt::Display) {
        self.set(Fact::Digest, &digest.to_string());
    }

    /// Says with the end what came of it.
    pub(crate) fn say(&mut self, detail: impl fmt::Display) {
        self.set(Fact::Detail, &detail.to_string());
    }

    fn with(mut self, fact: Fact, text: &str) -> Self {
        self.set(fact, text);
        self
    }

    fn set(&mut self, fact: Fact, text: &str) {
        self.facts.insert(fact, Value::String(shown(text)));
    }
}

/// A change that began. Whoever drops it without its end leaves the end `unknown`.
#[derive(Debug)]
pub(crate) struct Audit {
    /// None: there is no trail.
    open: Option<Open>,
    change: Change,
}

#[derive(Debug)]
struct Open {
    trail: Trail,
    begun: u64,
}

impl Audit {
    /// Writes durably that the change begins. Without an identity in the home there is no trail.
    ///
    /// # Errors
    /// `audit-damaged` (2); `audit-locked`, `write-failed`, `disk-full` (3): then nothing may be
    /// changed.
    pub(crate) fn begin(home: &Home, change: Change) -> Result<Self, Failure> {
        if !home.exists() {
            return Ok(Self { open: None, change });
        }
        let card = Card::read(home)?;
        Self::begin_in(Trail::of(home, &card.log), change)
    }

    /// As [`Self::begin`], in a home that is yet to be made.
    pub(crate) fn begin_in(trail: Trail, change: Change) -> Result<Self, Failure> {
        let begun = trail.append(change.event, Phase::Begun, change.facts.clone())?;
        Ok(Self {
            open: Some(Open { trail, begun }),
            change,
        })
    }

    /// Says with the end what was not known at the beginning.
    pub(crate) fn change(&mut self) -> &mut Change {
        &mut self.change
    }

    /// The home was made in another place, and is where it belongs now.
    pub(crate) fn moved_to(&mut self, home: &Home) {
        if let Some(open) = &mut self.open {
            open.trail = open.trail.moved_to(home);
        }
    }

    /// Writes how it ended, and passes the result on.
    ///
    /// # Errors
    /// That of the result; `audit-unfinished` (3) when the change is made and its end cannot be
    /// written.
    pub(crate) fn done<T>(mut self, result: Result<T, Failure>) -> Result<T, Failure> {
        let ended = match &result {
            Ok(_) => self.end(Outcome::Yes),
            Err(failure) => {
                self.change.set(Fact::Code, failure.code);
                self.end(outcome(failure.exit))
            }
        };
        match (result, ended) {
            (Ok(_), Err(failure)) => Err(Failure::unknown(
                "audit-unfinished",
                format!(
                    "{} is done, and its end is not in the audit trail: {}",
                    self.change.event, failure.message
                ),
            )),
            (result, _) => result,
        }
    }

    fn end(&mut self, outcome: Outcome) -> Result<(), Failure> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        let phase = Phase::Ended {
            begun: open.begun,
            outcome,
        };
        let facts = self.change.facts.clone();
        open.trail.append(self.change.event, phase, facts).map(drop)
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        let _ = self.end(Outcome::Unknown);
    }
}

/// Does what changes a home, between the two events that it leaves.
///
/// # Errors
/// As for [`Audit::begin`] and [`Audit::done`]; those of the work.
pub(crate) fn traced<T>(
    home: &Home,
    change: Change,
    work: impl FnOnce(&mut Change) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut audit = Audit::begin(home, change)?;
    let result = work(audit.change());
    audit.done(result)
}

const fn outcome(exit: Exit) -> Outcome {
    match exit {
        Exit::Yes => Outcome::Yes,
        Exit::No => Outcome::No,
        Exit::Request => Outcome::BadRequest,
        Exit::Unknown => Outcome::Unknown,
    }
}

/// Text without control characters, and not too much of it.
fn shown(text: &str) -> String {
    let mut shown = escape(text);
    if shown.len() > limits::AUDIT_TEXT_BYTES {
        let mut end = limits::AUDIT_TEXT_BYTES;
        while !shown.is_char_boundary(end) {
            end -= 1;
        }
        shown.truncate(end);
    }
    shown
}
