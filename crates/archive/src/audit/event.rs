//! One event: a line of JSON that is written in one way only.

use std::collections::BTreeMap;

use attest_digest::{Algorithm, Artifact, Digest, Hashes};
use attest_provenance::json::{self, CanonicalError, FieldError, JsonError, Object, Value};
use serde_json::Map;

use crate::limits;

/// An event as a line claims it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its place in the trail, from 0.
    pub sequence: u64,
    /// When, by the clock of whoever wrote it: RFC 3339 in UTC, whole seconds.
    pub time: String,
    /// The id of the home's log, as hex.
    pub home: String,
    /// What was done, such as `archive.add`.
    pub event: String,
    /// Whether it begins, or how it ended.
    pub phase: Phase,
    /// Who did it, and to what.
    pub facts: BTreeMap<Fact, Value>,
    /// The digest of the line before; the first has none.
    pub previous: Option<Digest>,
}

/// The two events that a change leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It begins: nothing is changed yet.
    Begun,
    /// It is over.
    Ended {
        /// The sequence of the event with which it began.
        begun: u64,
        /// What was answered.
        outcome: Outcome,
    },
}

/// What a command answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Exit code 0.
    Yes,
    /// Exit code 1.
    No,
    /// Exit code 2.
    BadRequest,
    /// Exit code 3.
    Unknown,
}

impl Outcome {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::BadRequest => "bad-request",
            Self::Unknown => "unknown",
        }
    }
}

/// What is said of an event beside its place in the trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// The build service, by its own environment.
    Ci,
    /// Who started the build, by the environment.
    CiActor,
    /// The run of the build service, by the environment.
    CiRun,
    /// The code of a refusal.
    Code,
    /// More words.
    Detail,
    /// The digest of what was changed: a manifest, a file, a key.
    Digest,
    /// The name that the machine gives itself.
    Host,
    /// The number of the user who logged in, as the kernel's audit keeps it.
    LoginUid,
    /// A file or folder.
    Path,
    /// The program and its version.
    Program,
    /// NAME@VERSION.
    Release,
    /// Bytes of a line that a dying run left half, and that were taken away.
    TornBytes,
    /// The number of the user.
    Uid,
    /// The user's name, as the system's list of users has it.
    User,
}

impl Fact {
    const ALL: [Self; 14] = [
        Self::Ci,
        Self::CiActor,
        Self::CiRun,
        Self::Code,
        Self::Detail,
        Self::Digest,
        Self::Host,
        Self::LoginUid,
        Self::Path,
        Self::Program,
        Self::Release,
        Self::TornBytes,
        Self::Uid,
        Self::User,
    ];

    /// The name of its field.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ci => "ci",
            Self::CiActor => "ci_actor",
            Self::CiRun => "ci_run",
            Self::Code => "code",
            Self::Detail => "detail",
            Self::Digest => "digest",
            Self::Host => "host",
            Self::LoginUid => "login_uid",
            Self::Path => "path",
            Self::Program => "program",
            Self::Release => "release",
            Self::TornBytes => "torn_bytes",
            Self::Uid => "uid",
            Self::User => "user",
        }
    }

    /// Whether its value is a number; else it is text.
    const fn is_number(self) -> bool {
        matches!(self, Self::LoginUid | Self::TornBytes | Self::Uid)
    }
}

impl Event {
    /// Reads one line, without its line break.
    ///
    /// # Errors
    /// Too long; not JSON, or not this one way to write it; a field that is absent, unknown or cannot
    /// be; a later version.
    pub fn parse(line: &[u8]) -> Result<Self, EventError> {
        let bounds = json::Limits {
            bytes: limits::AUDIT_LINE_BYTES,
            depth: 1,
        };
        let mut fields = Object::new("", json::parse(line, bounds)?)?;
        let version = fields.take_u64("version")?;
        if version != VERSION {
            return Err(EventError::Newer { found: version });
        }
        let event = Self::of(&mut fields)?;
        fields.finish()?;
        if event.to_line()? != line {
            return Err(EventError::NotCanonical);
        }
        Ok(event)
    }

    /// The line, without a line break: the JSON of RFC 8785.
    ///
    /// # Errors
    /// A number that JSON cannot hold exactly.
    pub fn to_line(&self) -> Result<Vec<u8>, CanonicalError> {
        let mut fields = Map::new();
        let mut set = |name: &str, value: Value| {
            fields.insert(name.to_owned(), value);
        };
        set("version", VERSION.into());
        set("sequence", self.sequence.into());
        set("time", self.time.as_str().into());
        set("home", self.home.as_str().into());
        set("event", self.event.as_str().into());
        match self.phase {
            Phase::Begun => set("phase", "begun".into()),
            Phase::Ended { begun, outcome } => {
                set("phase", "ended".into());
                set("begun", begun.into());
                set("outcome", outcome.word().into());
            }
        }
        for (fact, value) in &self.facts {
            set(fact.name(), value.clone());
        }
        let previous = self.previous.map_or(FIRST.to_owned(), |it| it.to_string());
        set("previous", previous.into());
        json::canonical(&Value::Object(fields))
    }

    /// The text of a fact.
    pub fn text(&self, fact: Fact) -> Option<&str> {
        self.facts.get(&fact).and_then(Value::as_str)
    }

    fn of(fields: &mut Object) -> Result<Self, EventError> {
        let sequence = fields.take_u64("sequence")?;
        let time = fields.take_string("time")?;
        let home = fields.take_string("home")?;
        let event = fields.take_string("event")?;
        let phase = match fields.take_string("phase")?.as_str() {
            "begun" => Phase::Begun,
            "ended" => Phase::Ended {
                begun: fields.take_u64("begun")?,
                outcome: fields.take_one_of("outcome", &OUTCOMES, "the word of an answer")?,
            },
            _ => return Err(EventError::Value { field: "phase" }),
        };
        let previous = match fields.take_string("previous")?.as_str() {
            FIRST => None,
            text => Some(digest(text).ok_or(EventError::Value { field: "previous" })?),
        };
        let mut facts = BTreeMap::new();
        for fact in Fact::ALL {
            if let Some(value) = fields.take_optional(fact.name()) {
                if !is_value(fact, &value) {
                    return Err(EventError::Value { field: fact.name() });
                }
                facts.insert(fact, value);
            }
        }
        let checks = [
            ("time", is_time(&time)),
            ("home", is_hex(&home)),
            ("event", is_name(&event)),
        ];
        for (field, holds) in checks {
            if !holds {
                return Err(EventError::Value { field });
            }
        }
        Ok(Self {
            sequence,
            time,
            home,
            event,
            phase,
            facts,
            previous,
        })
    }
}

/// Why a line is no event.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// Not JSON with one meaning.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A field is absent, unknown or of another type.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// It cannot be written again.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// A field has a value that it cannot have.
    #[error("{field} has a value that it cannot have")]
    Value {
        /// The field.
        field: &'static str,
    },
    /// The same can be written in another way: what is signed must have one.
    #[error("not written in the one way that an event has")]
    NotCanonical,
    /// A later program wrote it.
    #[error("version {found}, {VERSION} is known")]
    Newer {
        /// The version that it claims.
        found: u64,
    },
}

/// The digest by which the next event names a line.
pub fn line_digest(line: &[u8]) -> Digest {
    Artifact::of_bytes(line, Hashes::Sha256).sha256()
}

/// `sha256:` and 64 digits.
pub(super) fn digest(text: &str) -> Option<Digest> {
    let hex = text.strip_prefix("sha256:")?;
    Digest::from_hex(Algorithm::Sha256, hex)
        .ok()
        .filter(|it| it.to_string() == text)
}

/// 32 bytes in lower case.
pub(super) fn is_hex(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
}

/// `2026-11-21T09:41:07Z`, which sorts as text.
fn is_time(text: &str) -> bool {
    let shape = text.len() == 20
        && text
            .bytes()
            .zip(b"0000-00-00T00:00:00Z")
            .all(|(found, wanted)| {
                if *wanted == b'0' {
                    found.is_ascii_digit()
                } else {
                    found == *wanted
                }
            });
    let object = serde_json::json!({ "time": text });
    shape
        && Object::new("", object)
            .and_then(|mut it| it.take_time("time"))
            .is_ok_and(|it| it.to_string() == text)
}

/// Words of lower case letters, parted by dots or hyphens.
fn is_name(text: &str) -> bool {
    text.len() <= 64
        && text
            .split(['.', '-'])
            .all(|word| !word.is_empty() && word.bytes().all(|it| it.is_ascii_lowercase()))
}

fn is_value(fact: Fact, value: &Value) -> bool {
    match value {
        Value::Number(number) => fact.is_number() && number.as_u64().is_some_and(|it| it < 1 << 53),
        Value::String(text) => {
            !fact.is_number()
                && text.len() <= limits::AUDIT_TEXT_BYTES
                && !text.chars().any(char::is_control)
        }
        _ => false,
    }
}

const VERSION: u64 = 1;
/// What stands in the place of a digest in the first line.
const FIRST: &str = "none";
const OUTCOMES: [(&str, Outcome); 4] = [
    ("yes", Outcome::Yes),
    ("no", Outcome::No),
    ("bad-request", Outcome::BadRequest),
    ("unknown", Outcome::Unknown),
];
