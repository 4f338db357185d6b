//! The trail as a chain: each line names the one before it, and every end a beginning.

use std::collections::BTreeMap;

use attest_digest::Digest;

use super::event::{Event, EventError, Phase, line_digest};
use super::head::Head;
use crate::limits;

/// Reads a trail, line by line, and collects what is wrong with it.
#[derive(Debug)]
pub struct Chain {
    home: String,
    digests: Vec<Digest>,
    next: u64,
    last: Option<Digest>,
    time: String,
    open: BTreeMap<u64, Event>,
    faults: Vec<AuditFault>,
    notes: Vec<AuditNote>,
}

/// Why a trail is not the one that was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditFault {
    /// A line is no event.
    #[error("line {line}: {problem}")]
    Malformed {
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        problem: EventError,
    },
    /// An event of another home.
    #[error("line {line} is of the home {found}, wanted {wanted}")]
    Foreign {
        /// The line, from 1.
        line: u64,
        /// The id that it claims.
        found: String,
        /// The id of this home.
        wanted: String,
    },
    /// An event is absent, there twice, or in another place.
    #[error("line {line} has the sequence {found}, wanted {wanted}")]
    Sequence {
        /// The line, from 1.
        line: u64,
        /// The sequence that it claims.
        found: u64,
        /// The one that follows.
        wanted: u64,
    },
    /// The line before is not the one that this event followed.
    #[error("line {line} follows {found}, the line before it is {wanted}")]
    Broken {
        /// The line, from 1.
        line: u64,
        /// The digest that it names, or none.
        found: String,
        /// The digest of the line before it, or none.
        wanted: String,
    },
    /// An end without its beginning.
    #[error("line {line} ends the event {begun}, which nothing began")]
    Orphaned {
        /// The line, from 1.
        line: u64,
        /// The sequence that it names.
        begun: u64,
    },
    /// More than is read.
    #[error("more than {limit} events")]
    TooMany {
        /// The bound.
        limit: usize,
    },
    /// A signed head is of more events than there are.
    #[error("the head of {release} was signed over {wanted} events, there are {found}")]
    Truncated {
        /// The release with which it was signed.
        release: String,
        /// How many events there are.
        found: u64,
        /// How many there were.
        wanted: u64,
    },
    /// A signed head is of other events.
    #[error("event {sequence} is {found}, the head of {release} was signed over {wanted}")]
    Rewritten {
        /// The release with which it was signed.
        release: String,
        /// The last event that it covers.
        sequence: u64,
        /// The digest of that event's line.
        found: Digest,
        /// The digest that was signed.
        wanted: Digest,
    },
    /// A signed head is of another home.
    #[error("the head of {release} is of the home {found}, wanted {wanted}")]
    HeadForeign {
        /// The release with which it was signed.
        release: String,
        /// The id that it names.
        found: String,
        /// The id of this home.
        wanted: String,
    },
}

impl AuditFault {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed {
                problem: EventError::Newer { .. },
                ..
            } => "audit-newer-format",
            Self::Malformed { .. } => "audit-event-malformed",
            Self::Foreign { .. } => "audit-event-foreign",
            Self::Sequence { .. } => "audit-sequence",
            Self::Broken { .. } => "audit-chain-broken",
            Self::Orphaned { .. } => "audit-end-orphaned",
            Self::TooMany { .. } => "audit-too-large",
            Self::Truncated { .. } => "audit-truncated",
            Self::Rewritten { .. } => "audit-rewritten",
            Self::HeadForeign { .. } => "audit-head-foreign",
        }
    }
}

/// What is to be known of a trail that is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuditNote {
    /// A clock went back between two events.
    ClockBackwards {
        /// The line, from 1.
        line: u64,
        /// Its time.
        found: String,
        /// The time of the event before it.
        before: String,
    },
    /// A run died while it wrote a line; the next one took the rest away.
    Torn {
        /// The line that says so, from 1.
        line: u64,
        /// How many bytes it took away.
        bytes: u64,
    },
    /// The last line is not whole: a run died while it wrote it, or is at work.
    Unfinished {
        /// Its bytes.
        bytes: u64,
    },
    /// The first event is not that which made the home.
    NotFromTheStart,
}

impl AuditNote {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::ClockBackwards { .. } => "audit-clock-backwards",
            Self::Torn { .. } | Self::Unfinished { .. } => "audit-line-torn",
            Self::NotFromTheStart => "audit-not-from-start",
        }
    }
}

impl Chain {
    /// The trail of the home with this id.
    pub fn new(home: impl Into<String>) -> Self {
        Self {
            home: home.into(),
            digests: Vec::new(),
            next: 0,
            last: None,
            time: String::new(),
            open: BTreeMap::new(),
            faults: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Takes the next line, without its line break; gives the event if it is one.
    pub fn line(&mut self, line: &[u8]) -> Option<Event> {
        let digest = line_digest(line);
        self.digests.push(digest);
        if self.is_full() {
            self.fault(AuditFault::TooMany {
                limit: limits::AUDIT_EVENTS,
            });
            return None;
        }
        let number = self.digests.len() as u64;
        let event = match Event::parse(line) {
            Ok(event) => event,
            Err(problem) => {
                self.fault(AuditFault::Malformed {
                    line: number,
                    problem,
                });
                self.next += 1;
                self.last = Some(digest);
                return None;
            }
        };
        self.place(number, &event);
        self.next = event.sequence.saturating_add(1);
        self.last = Some(digest);
        self.follow(number, &event);
        Some(event)
    }

    /// Says that the file ends in the middle of a line.
    pub fn unfinished(&mut self, bytes: u64) {
        self.notes.push(AuditNote::Unfinished { bytes });
    }

    /// Whether a signed head is one of this trail.
    pub fn head(&mut self, head: &Head) {
        let release = head.release.clone();
        let fault = if head.home == self.home {
            let at = head.events.checked_sub(1);
            let found = at
                .and_then(|it| usize::try_from(it).ok())
                .and_then(|it| self.digests.get(it));
            match found {
                Some(found) if *found == head.last => return,
                Some(found) => AuditFault::Rewritten {
                    release,
                    sequence: head.events.saturating_sub(1),
                    found: *found,
                    wanted: head.last,
                },
                None => AuditFault::Truncated {
                    release,
                    found: self.digests.len() as u64,
                    wanted: head.events,
                },
            }
        } else {
            AuditFault::HeadForeign {
                release,
                found: head.home.clone(),
                wanted: self.home.clone(),
            }
        };
        self.fault(fault);
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.digests.len()
    }

    /// Whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.digests.is_empty()
    }

    /// Whether there are more events than are read: nothing more is taken.
    pub fn is_full(&self) -> bool {
        self.digests.len() > limits::AUDIT_EVENTS
    }

    /// The digest of the last line.
    pub fn last(&self) -> Option<Digest> {
        self.digests.last().copied()
    }

    /// What is wrong, in order; at most [`limits::AUDIT_FAULTS`].
    pub fn faults(&self) -> &[AuditFault] {
        &self.faults
    }

    /// What is to be known.
    pub fn notes(&self) -> &[AuditNote] {
        &self.notes
    }

    /// What began and has no end.
    pub fn open(&self) -> impl Iterator<Item = &Event> {
        self.open.values()
    }

    /// Its home, its number, and the line that it names.
    fn place(&mut self, line: u64, event: &Event) {
        if event.home != self.home {
            self.fault(AuditFault::Foreign {
                line,
                found: event.home.clone(),
                wanted: self.home.clone(),
            });
        }
        if event.sequence != self.next {
            self.fault(AuditFault::Sequence {
                line,
                found: event.sequence,
                wanted: self.next,
            });
        }
        if event.previous != self.last {
            self.fault(AuditFault::Broken {
                line,
                found: shown(event.previous),
                wanted: shown(self.last),
            });
        }
    }

    fn follow(&mut self, line: u64, event: &Event) {
        match event.phase {
            Phase::Begun => {
                self.open.insert(event.sequence, event.clone());
            }
            Phase::Ended { begun, .. } => {
                let began = self.open.remove(&begun);
                if began.is_none_or(|it| it.event != event.event) {
                    self.fault(AuditFault::Orphaned { line, begun });
                }
            }
        }
        if line == 1 && event.event != FIRST_EVENT {
            self.notes.push(AuditNote::NotFromTheStart);
        }
        if event.time < self.time && self.notes.len() < limits::AUDIT_FAULTS {
            self.notes.push(AuditNote::ClockBackwards {
                line,
                found: event.time.clone(),
                before: self.time.clone(),
            });
        }
        self.time.clone_from(&event.time);
        let torn = event.facts.get(&super::Fact::TornBytes);
        if let Some(bytes) = torn.and_then(serde_json::Value::as_u64)
            && self.notes.len() < limits::AUDIT_FAULTS
        {
            self.notes.push(AuditNote::Torn { line, bytes });
        }
    }

    fn fault(&mut self, fault: AuditFault) {
        if self.faults.len() < limits::AUDIT_FAULTS {
            self.faults.push(fault);
        }
    }
}

fn shown(digest: Option<Digest>) -> String {
    digest.map_or_else(|| "none".to_owned(), |it| it.to_string())
}

/// What makes a home.
const FIRST_EVENT: &str = "init";
