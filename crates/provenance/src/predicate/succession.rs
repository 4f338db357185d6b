//! That a key goes out of use, and which one takes its place: our own predicate, said by a recovery
//! key. The in-toto project has none for it (attestation #67 asks for revocation).
//!
//! ```text
//! {"_type": "https://in-toto.io/Statement/v1",
//!  "subject": [{"name": "key", "digest": {"sha256": "84f7…"}}],
//!  "predicateType": "https://attest.dev/predicates/key-succession/v0.1",
//!  "predicate":
//!   {"sequence": 2, "previous": "sha256:9c1e…", "reason": "compromised", "since": "2026-05-11T00:00:00Z",
//!    "successor": "-----BEGIN PUBLIC KEY-----\nMFkw…\n-----END PUBLIC KEY-----\n"}}
//! ```
//! The one subject is the old key: the SHA-256 of its `SubjectPublicKeyInfo`. Without a successor it
//! retires. Records of one recovery key are numbered from 1, and each names the one before it by the
//! SHA-256 of that statement's bytes: none can be left out, and two of one number are a fork.

use attest_digest::Digest;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{PredicateError, refuse_other_type, take_text, take_time, take_word};
use crate::json::Object;
use crate::{Statement, StatementError, Subject};

/// The predicate type.
pub const TYPE: &str = "https://attest.dev/predicates/key-succession/v0.1";

/// One record of a key's succession, as it is claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Succession {
    /// The old key: SHA-256 of its `SubjectPublicKeyInfo`.
    pub key: [u8; 32],
    /// Counts the records of one recovery key, from 1.
    pub sequence: u64,
    /// SHA-256 of the statement before this one: of all but the first.
    pub previous: Option<[u8; 32]>,
    /// Why the key goes.
    pub reason: SuccessionReason,
    /// From when on the key no longer counts.
    pub since: Timestamp,
    /// The key that takes its place, as PEM: read it with a reader of keys.
    pub successor: Option<String>,
}

/// Why a key goes out of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuccessionReason {
    /// Another is used; nobody else has it.
    Superseded,
    /// Somebody else may have it.
    Compromised,
}

impl SuccessionReason {
    /// The word in the predicate and on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Superseded => "superseded",
            Self::Compromised => "compromised",
        }
    }
}

impl Succession {
    /// The statement.
    ///
    /// # Errors
    /// Never for what this module makes; statements can be refused.
    pub fn statement(&self) -> Result<Statement, StatementError> {
        let subject = Subject::new("key", Digest::Sha256(self.key).into())?;
        Statement::new(vec![subject], TYPE, self.to_json())
    }

    /// Reads the predicate.
    ///
    /// # Errors
    /// Another predicate type; a field that is absent, unknown or not what it may be; other subjects
    /// than one key; a number that does not fit whether there is one before.
    pub fn from_statement(statement: &Statement) -> Result<Self, PredicateError> {
        refuse_other_type(statement, TYPE)?;
        let one_key = PredicateError::Subject {
            wanted: "exactly a SHA-256 digest, or not the only one",
        };
        let [subject] = statement.subjects() else {
            return Err(one_key);
        };
        let digests: Vec<Digest> = subject.digests().iter().copied().collect();
        let [Digest::Sha256(key)] = digests.as_slice() else {
            return Err(one_key);
        };
        let mut it = Object::new("predicate", statement.predicate().clone())?;
        let sequence = it.take_u64("sequence")?;
        let previous = if it.has("previous") {
            Some(take_digest(&mut it, "previous")?)
        } else {
            None
        };
        if sequence == 0 || (sequence == 1) != previous.is_none() {
            return Err(PredicateError::Value {
                at: it.path_of("sequence"),
                found: sequence.to_string(),
                wanted: "1 without a previous record, or more with one",
            });
        }
        let record = Self {
            key: *key,
            sequence,
            previous,
            reason: take_word(&mut it, "reason", WORDS, "superseded or compromised")?,
            since: take_time(&mut it, "since")?,
            successor: if it.has("successor") {
                Some(take_text(&mut it, "successor")?)
            } else {
                None
            },
        };
        it.finish()?;
        Ok(record)
    }

    /// The predicate.
    pub fn to_json(&self) -> Value {
        let mut fields = Map::from_iter([
            ("sequence".to_owned(), json!(self.sequence)),
            ("reason".to_owned(), json!(self.reason.word())),
            ("since".to_owned(), json!(self.since.to_string())),
        ]);
        if let Some(previous) = self.previous {
            let digest = Digest::Sha256(previous).to_string();
            fields.insert("previous".to_owned(), json!(digest));
        }
        if let Some(successor) = &self.successor {
            fields.insert("successor".to_owned(), json!(successor));
        }
        Value::Object(fields)
    }
}

fn take_digest(object: &mut Object, field: &'static str) -> Result<[u8; 32], PredicateError> {
    let found = object.take_string(field)?;
    match Digest::parse(&found) {
        Ok(Digest::Sha256(bytes)) => Ok(bytes),
        _ => Err(PredicateError::Value {
            at: object.path_of(field),
            found,
            wanted: "sha256: and 64 hexadecimal digits",
        }),
    }
}

const WORDS: &[(&str, SuccessionReason)] = &[
    ("superseded", SuccessionReason::Superseded),
    ("compromised", SuccessionReason::Compromised),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn second() -> Succession {
        Succession {
            key: [7; 32],
            sequence: 2,
            previous: Some([8; 32]),
            reason: SuccessionReason::Compromised,
            since: "2026-05-11T00:00:00Z".parse().unwrap(),
            successor: Some("-----BEGIN PUBLIC KEY-----\n".to_owned()),
        }
    }

    #[test]
    fn a_record_that_is_changed_in_one_place_is_refused() {
        let statement = second().statement().unwrap();
        let parent: Value = serde_json::from_slice(&statement.to_bytes()).unwrap();
        let read = |it: &Value| {
            let statement = Statement::parse(it.to_string().as_bytes()).unwrap();
            Succession::from_statement(&statement).map_err(|it| it.code())
        };
        assert_eq!(read(&parent), Ok(second()));
        let changes: &[fn(&mut Value)] = &[
            |it| it["predicate"]["extra"] = json!(1),
            |it| it["predicate"]["sequence"] = json!(0),
            |it| it["predicate"]["sequence"] = json!(1),
            |it| it["predicate"]["sequence"] = json!("2"),
            |it| it["predicate"]["previous"] = json!(null),
            |it| it["predicate"]["previous"] = json!("sha256:00"),
            |it| it["predicate"]["previous"] = json!(format!("sha512:{}", "00".repeat(64))),
            |it| it["predicate"]["reason"] = json!("lost"),
            |it| it["predicate"]["since"] = json!("2026-05-11"),
            |it| it["predicate"]["successor"] = json!(""),
            |it| it["predicate"]["successor"] = json!(null),
            |it| it["subject"][0]["digest"] = json!({"sha512": "00".repeat(64)}),
            |it| it["subject"][0]["digest"]["sha512"] = json!("00".repeat(64)),
            |it| {
                let other = json!({"name": "other", "digest": {"sha256": "00".repeat(32)}});
                it["subject"].as_array_mut().unwrap().push(other);
            },
        ];
        for change in changes {
            let mut attack = parent.clone();
            change(&mut attack);
            assert_eq!(read(&attack), Err("predicate-malformed"), "{attack}");
        }
    }

    #[test]
    fn the_first_record_names_none_before_it_and_a_key_may_retire() {
        let first = Succession {
            sequence: 1,
            previous: None,
            reason: SuccessionReason::Superseded,
            successor: None,
            ..second()
        };
        let statement = first.statement().unwrap();
        assert_eq!(Succession::from_statement(&statement).unwrap(), first);
    }
}
