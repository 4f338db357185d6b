//! The head of a trail, signed at each release: how many events there were, and the last of them.

use attest_digest::{Digest, DigestSet};
use attest_provenance::json::{Object, Value};
use attest_provenance::{Statement, Subject};
use serde_json::json;

use super::AUDIT_FILE;
use super::event::{digest, is_hex};
use crate::said_error::SaidError;

/// The predicate type.
pub const HEAD_TYPE: &str = "https://attest.dev/audit-head/v0.1";

/// What a signed head says.
///
/// ```text
/// {"_type":"https://in-toto.io/Statement/v1",
///  "subject":[{"name":"audit/events.jsonl","digest":{"sha256":"77aa…"}}],
///  "predicateType":"https://attest.dev/audit-head/v0.1",
///  "predicate":{"home":"4c0a…","events":12,"last":"sha256:77aa…","release":"hello@1.0.0"}}
/// ```
/// The subject is the last event's line, by its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The id of the home's log, as hex.
    pub home: String,
    /// How many events there were, at least one.
    pub events: u64,
    /// The digest of the last of them.
    pub last: Digest,
    /// NAME@VERSION of the release with which it was signed.
    pub release: String,
}

impl Head {
    /// The statement to be signed.
    ///
    /// # Errors
    /// As for [`Statement::new`].
    pub fn statement(&self) -> Result<Statement, SaidError> {
        let mut digests = DigestSet::new();
        digests
            .insert_digest(self.last)
            .map_err(|_| SaidError::Value { field: "last" })?;
        let subject = Subject::new(AUDIT_FILE, digests)?;
        let predicate = json!({
            "home": self.home,
            "events": self.events,
            "last": self.last.to_string(),
            "release": self.release,
        });
        Ok(Statement::new(vec![subject], HEAD_TYPE, predicate)?)
    }

    /// Reads a statement whose signature was verified.
    ///
    /// # Errors
    /// Another type, other fields, values that cannot be, another subject than the last event.
    pub fn from_statement(statement: &Statement) -> Result<Self, SaidError> {
        if statement.predicate_type() != HEAD_TYPE {
            return Err(SaidError::Value {
                field: "predicateType",
            });
        }
        let value: Value = statement.predicate().clone();
        let mut fields = Object::new("predicate", value)?;
        let head = Self {
            home: fields.take_string("home")?,
            events: fields.take_u64("events")?,
            last: digest(&fields.take_string("last")?).ok_or(SaidError::Value { field: "last" })?,
            release: fields.take_string("release")?,
        };
        fields.finish()?;
        if !is_hex(&head.home) {
            return Err(SaidError::Value { field: "home" });
        }
        if head.events == 0 {
            return Err(SaidError::Value { field: "events" });
        }
        if head.statement()?.subjects() != statement.subjects() {
            return Err(SaidError::Value { field: "subject" });
        }
        Ok(head)
    }
}
