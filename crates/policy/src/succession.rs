//! What follows from the records of a recovery key: which keys go, and which take their places.
//!
//! The records of one recovery key are a chain: numbered from 1, each naming the one before it. A part
//! of it would hide a later compromise, so that only the whole of it says anything; whether there is
//! more of it than was given, only what was remembered shows.

use std::collections::BTreeSet;

use attest_provenance::predicate::succession::{Succession, SuccessionReason};
use attest_verify::PublicKey;
use jiff::Timestamp;

use crate::signers::KeyValidity;

/// A record that the recovery key signed, proven before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuccessionRecord {
    /// What it says.
    pub claim: Succession,
    /// SHA-256 of the statement's bytes: what the next record names it by.
    pub statement: [u8; 32],
}

/// The records of one recovery key, in order and without a gap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Successions(Vec<SuccessionRecord>);

/// What one record changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyChange {
    /// The key that goes.
    pub key: [u8; 32],
    /// When it still counts.
    pub validity: KeyValidity,
    /// The key that takes its place.
    pub successor: Option<PublicKey>,
}

/// Why records say nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SuccessionError {
    /// Two records of one number, or one that names another before it than there is.
    #[error("two histories: record {sequence} is there in two forms, or follows another record {} than the one given", sequence.saturating_sub(1))]
    Forked {
        /// The number.
        sequence: u64,
    },
    /// A record is not there.
    #[error("record {missing} of {last} is not there")]
    Incomplete {
        /// The first number without a record.
        missing: u64,
        /// The highest number.
        last: u64,
    },
    /// A record about a key that is not the group's.
    #[error("record {sequence} is about the key {}, which is none of the group's", attest_digest::Digest::Sha256(*key))]
    Foreign {
        /// Its number.
        sequence: u64,
        /// The key.
        key: [u8; 32],
    },
    /// The successor is no key, or one that went before.
    #[error("record {sequence} names a successor that {problem}")]
    Successor {
        /// Its number.
        sequence: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// Older than what was remembered.
    #[error("{found} records were given, and {seen} were seen before")]
    RolledBack {
        /// How many.
        found: u64,
        /// How many are remembered.
        seen: u64,
    },
}

impl SuccessionError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Forked { .. } => "succession-forked",
            Self::Incomplete { .. } => "succession-incomplete",
            Self::Foreign { .. } => "succession-foreign",
            Self::Successor { .. } => "succession-malformed",
            Self::RolledBack { .. } => "succession-rolled-back",
        }
    }
}

/// The codes of [`SuccessionError`]; sorted, unique.
pub const SUCCESSION_CODES: &[(&str, &str)] = &[
    (
        "succession-foreign",
        "a succession is about a key that its recovery key does not answer for",
    ),
    (
        "succession-forked",
        "the recovery key signed two histories: nobody can say which one counts",
    ),
    (
        "succession-incomplete",
        "an earlier record of the succession is not there",
    ),
    (
        "succession-malformed",
        "what is given as a succession is none",
    ),
    (
        "succession-rolled-back",
        "fewer records of a succession were given than were seen before, or others",
    ),
];

impl Successions {
    /// Puts records in order. The same one twice counts once.
    ///
    /// # Errors
    /// `succession-forked`, `succession-incomplete`.
    pub fn of(mut records: Vec<SuccessionRecord>) -> Result<Self, SuccessionError> {
        records.sort_by_key(|it| it.claim.sequence);
        records.dedup_by(|one, other| one.statement == other.statement);
        let last = records.last().map_or(0, |it| it.claim.sequence);
        let mut before: Option<&SuccessionRecord> = None;
        for record in &records {
            let sequence = record.claim.sequence;
            let expected = before.map_or(1, |it| it.claim.sequence + 1);
            if sequence < expected {
                return Err(SuccessionError::Forked { sequence });
            }
            if sequence > expected {
                let missing = expected;
                return Err(SuccessionError::Incomplete { missing, last });
            }
            if record.claim.previous != before.map(|it| it.statement) {
                return Err(SuccessionError::Forked { sequence });
            }
            before = Some(record);
        }
        Ok(Self(records))
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        u64::try_from(self.0.len()).unwrap_or(u64::MAX)
    }

    /// The records, in order.
    pub fn records(&self) -> &[SuccessionRecord] {
        &self.0
    }

    /// What they change for a group of these keys, in order.
    ///
    /// # Errors
    /// `succession-foreign`, `succession-malformed`: nothing of it counts then.
    pub fn changes(&self, keys: &BTreeSet<[u8; 32]>) -> Result<Vec<KeyChange>, SuccessionError> {
        let mut known = keys.clone();
        let mut gone = BTreeSet::new();
        let mut changes = Vec::new();
        for SuccessionRecord { claim, .. } in &self.0 {
            let sequence = claim.sequence;
            if !known.contains(&claim.key) {
                let key = claim.key;
                return Err(SuccessionError::Foreign { sequence, key });
            }
            gone.insert(claim.key);
            let successor = successor(claim)?;
            if let Some(key) = &successor {
                if gone.contains(&key.fingerprint()) {
                    let problem = "went out of use before".to_owned();
                    return Err(SuccessionError::Successor { sequence, problem });
                }
                known.insert(key.fingerprint());
            }
            changes.push(KeyChange {
                key: claim.key,
                validity: validity(claim.reason, claim.since),
                successor,
            });
        }
        Ok(changes)
    }

    /// Whether these go on from what was remembered: so many records, the last of which had that digest.
    ///
    /// # Errors
    /// `succession-rolled-back`, `succession-forked`.
    pub fn follow(&self, seen: u64, digest: [u8; 32]) -> Result<(), SuccessionError> {
        let found = self.count();
        if found < seen {
            return Err(SuccessionError::RolledBack { found, seen });
        }
        let same = self.0.iter().find(|it| it.claim.sequence == seen);
        if same.is_some_and(|it| it.statement != digest) {
            return Err(SuccessionError::Forked { sequence: seen });
        }
        Ok(())
    }
}

fn successor(claim: &Succession) -> Result<Option<PublicKey>, SuccessionError> {
    let Some(pem) = &claim.successor else {
        return Ok(None);
    };
    let key = PublicKey::parse(pem.as_bytes());
    key.map(Some).map_err(|error| SuccessionError::Successor {
        sequence: claim.sequence,
        problem: format!("cannot be read: {error}"),
    })
}

fn validity(reason: SuccessionReason, since: Timestamp) -> KeyValidity {
    match reason {
        SuccessionReason::Superseded => KeyValidity {
            not_after: Some(since),
            ..KeyValidity::default()
        },
        SuccessionReason::Compromised => KeyValidity {
            compromised_since: Some(since),
            ..KeyValidity::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(sequence: u64, statement: u8, previous: Option<u8>, key: u8) -> SuccessionRecord {
        SuccessionRecord {
            claim: Succession {
                key: [key; 32],
                sequence,
                previous: previous.map(|it| [it; 32]),
                reason: SuccessionReason::Compromised,
                since: "2026-05-11T00:00:00Z".parse().unwrap(),
                successor: None,
            },
            statement: [statement; 32],
        }
    }

    fn code(records: &[SuccessionRecord]) -> &'static str {
        Successions::of(records.to_vec()).map_or_else(|error| error.code(), |_| "whole")
    }

    #[test]
    fn only_a_whole_history_without_a_fork_counts() {
        let (first, second) = (record(1, 1, None, 7), record(2, 2, Some(1), 7));
        assert_eq!(code(&[]), "whole");
        assert_eq!(code(&[second.clone(), first.clone()]), "whole");
        assert_eq!(code(&[first.clone(), first.clone()]), "whole");
        assert_eq!(code(std::slice::from_ref(&second)), "succession-incomplete");
        let third = record(3, 3, Some(2), 7);
        assert_eq!(code(&[first.clone(), third]), "succession-incomplete");
        let other = record(2, 9, Some(1), 8);
        assert_eq!(code(&[first.clone(), second, other]), "succession-forked");
        let elsewhere = record(2, 2, Some(9), 7);
        assert_eq!(code(&[first.clone(), elsewhere]), "succession-forked");
        let another_first = record(1, 9, None, 7);
        assert_eq!(code(&[first, another_first]), "succession-forked");
    }

    #[test]
    fn what_was_seen_before_must_still_be_there() {
        let all = [record(1, 1, None, 7), record(2, 2, Some(1), 7)];
        let of = |count: usize| Successions::of(all[..count].to_vec()).unwrap();
        let said = |count, seen, digest: u8| {
            let followed = of(count).follow(seen, [digest; 32]);
            followed.map_or_else(|error| error.code(), |()| "goes on")
        };
        assert_eq!(said(2, 2, 2), "goes on");
        assert_eq!(said(2, 1, 1), "goes on");
        assert_eq!(said(1, 2, 2), "succession-rolled-back");
        assert_eq!(said(0, 1, 1), "succession-rolled-back");
        assert_eq!(said(2, 1, 9), "succession-forked");
        assert_eq!(said(2, 2, 9), "succession-forked");
    }

    #[test]
    fn a_record_about_a_key_of_nobody_stops_everything() {
        let records = vec![record(1, 1, None, 7), record(2, 2, Some(1), 8)];
        let whole = Successions::of(records).unwrap();
        let changes = |keys: &[u8]| {
            let keys = keys.iter().map(|it| [*it; 32]).collect();
            whole.changes(&keys).map(|it| it.len())
        };
        assert_eq!(changes(&[7, 8]), Ok(2));
        assert_eq!(changes(&[7]).unwrap_err().code(), "succession-foreign");
        let mut odd = record(1, 1, None, 7);
        odd.claim.successor = Some("no key".to_owned());
        let odd = Successions::of(vec![odd]).unwrap();
        let error = odd.changes(&BTreeSet::from([[7; 32]])).unwrap_err();
        assert_eq!(error.code(), "succession-malformed");
    }
}
