//! How long a release is kept: what was signed about it, and what follows from all of that together.
//!
//! What keeps a release longer is believed of anybody, what lets it go sooner must be proven: a signature
//! that nobody can check any more never makes a release free to be deleted.

use attest_digest::{Digest, DigestSet};
use attest_provenance::json::Object;
use attest_provenance::{Statement, Subject};
use attest_verify::{Evidence, ProvenTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde_json::json;

use crate::limits;
use crate::said_error::SaidError;

/// The predicate type of a retention.
pub const RETENTION_TYPE: &str = "https://attest.dev/retention/v0.1";
/// The predicate type of a legal hold.
pub const HOLD_TYPE: &str = "https://attest.dev/hold/v0.1";
/// The predicate type of the lifting of legal holds.
pub const LIFT_TYPE: &str = "https://attest.dev/hold-lift/v0.1";

/// Why something is kept, and for how many years at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionClass {
    /// Its name in flags and statements.
    pub name: &'static str,
    /// No retention of this class is shorter.
    pub years: u16,
    /// What it is for.
    pub meaning: &'static str,
}

/// All classes. The first is that of every release of which nothing else was said.
pub const RETENTION_CLASSES: [RetentionClass; 3] = [
    RetentionClass {
        name: "release",
        years: 10,
        meaning: "what was published",
    },
    RetentionClass {
        name: "cra",
        years: 10,
        meaning: "technical documentation under Regulation (EU) 2024/2847, article 13(13)",
    },
    RetentionClass {
        name: "snapshot",
        years: 0,
        meaning: "builds that nobody was promised",
    },
];

/// A statement about how long a release is kept.
///
/// ```text
/// {"_type":"https://in-toto.io/Statement/v1",
///  "subject":[{"name":"hello@1.0.0","digest":{"sha256":"77aa…"}}],
///  "predicateType":"https://attest.dev/retention/v0.1",
///  "predicate":{"class":"release","years":10,"from":"2026-11-21T21:00:00Z","until":"2036-11-21T21:00:00Z"}}
/// ```
/// The subject is the manifest of the release. A hold says `reason` and `time`, its lifting `lifts` as
/// well: the manifests of the attachments of the holds, by their digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// NAME@VERSION.
    pub release: String,
    /// The release's manifest.
    pub manifest: Digest,
    /// What is said of it.
    pub said: Said,
}

/// What is said of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Said {
    /// It is kept for some years.
    Retention(Retention),
    /// It is kept until this is lifted.
    Hold {
        /// Why.
        reason: String,
        /// When, as the signer says.
        time: Timestamp,
    },
    /// Holds are lifted.
    Lift {
        /// Why.
        reason: String,
        /// When, as the signer says.
        time: Timestamp,
        /// The attachments of the holds, by their manifests.
        lifts: Vec<Digest>,
    },
}

/// For how long, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Why: the name of a class, which a later program may have added.
    pub class: String,
    /// How many years.
    pub years: u16,
    /// Since when they count.
    pub from: Timestamp,
}

/// One statement that is attached to a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptKeeping {
    /// The manifest of the attachment.
    pub attachment: Digest,
    /// When the expected signer has signed it, as that is proven; none if it is a claim of anybody's.
    pub proven: Option<Seal>,
    /// What it says; none if that cannot be read.
    pub said: Option<Said>,
}

/// When a signature was there: the earliest proven time, and its places in logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// The earliest time that is proven.
    pub time: Timestamp,
    /// Logs by their ids, and the proven index in each.
    pub entries: Vec<([u8; 32], u64)>,
}

/// What follows for a release from all that was said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Until when it is kept; none if nothing proves since when.
    pub until: Option<Timestamp>,
    /// The class that decides.
    pub class: String,
    /// Whether somebody said so; else every release is kept so long.
    pub is_said: bool,
    /// The holds that nobody has lifted: the attachment and the reason.
    pub holds: Vec<(Digest, String)>,
}

impl Retention {
    /// Until when.
    pub fn until(&self) -> Option<Timestamp> {
        let years = Span::new().try_years(self.years).ok()?;
        let from = self.from.to_zoned(TimeZone::UTC);
        Some(from.checked_add(years).ok()?.timestamp())
    }

    /// What every release has of which nothing was said.
    fn of_every_release(from: Timestamp) -> Self {
        let [class, ..] = RETENTION_CLASSES;
        Self {
            class: class.name.to_owned(),
            years: class.years,
            from,
        }
    }
}

impl RetentionClass {
    /// The class of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        RETENTION_CLASSES.into_iter().find(|it| it.name == name)
    }
}

impl Keeping {
    /// The statement to be signed.
    ///
    /// # Errors
    /// A value that cannot be: a time beyond the calendar, a reason that is empty, too long, or has
    /// control characters.
    pub fn statement(&self) -> Result<Statement, SaidError> {
        let mut digests = DigestSet::new();
        digests
            .insert_digest(self.manifest)
            .map_err(|_| SaidError::Value { field: "subject" })?;
        let subject = Subject::new(&self.release, digests)?;
        let (kind, predicate) = match &self.said {
            Said::Retention(it) => {
                let until = it.until().ok_or(SaidError::Value { field: "until" })?;
                let predicate = json!({
                    "class": line("class", &it.class)?,
                    "years": it.years,
                    "from": it.from.to_string(),
                    "until": until.to_string(),
                });
                (RETENTION_TYPE, predicate)
            }
            Said::Hold { reason, time } => (
                HOLD_TYPE,
                json!({ "reason": line("reason", reason)?, "time": time.to_string() }),
            ),
            Said::Lift {
                reason,
                time,
                lifts,
            } => {
                let lifts: Vec<String> = lifts.iter().map(Digest::to_string).collect();
                let predicate = json!({
                    "reason": line("reason", reason)?,
                    "time": time.to_string(),
                    "lifts": lifts,
                });
                (LIFT_TYPE, predicate)
            }
        };
        Ok(Statement::new(vec![subject], kind, predicate)?)
    }

    /// Reads a statement about this release.
    ///
    /// # Errors
    /// Another type, another release, other fields, values that cannot be.
    pub fn from_statement(
        statement: &Statement,
        release: &str,
        manifest: Digest,
    ) -> Result<Self, SaidError> {
        let mut fields = Object::new("predicate", statement.predicate().clone())?;
        let said = match statement.predicate_type() {
            RETENTION_TYPE => Said::Retention(retention(&mut fields)?),
            HOLD_TYPE => Said::Hold {
                reason: fields.take_string("reason")?,
                time: fields.take_time("time")?,
            },
            LIFT_TYPE => Said::Lift {
                reason: fields.take_string("reason")?,
                time: fields.take_time("time")?,
                lifts: fields
                    .take_strings("lifts", limits::HOLDS)?
                    .iter()
                    .map(|it| Digest::parse(it).map_err(|_| SaidError::Value { field: "lifts" }))
                    .collect::<Result<_, _>>()?,
            },
            _ => {
                let field = "predicateType";
                return Err(SaidError::Value { field });
            }
        };
        fields.finish()?;
        let keeping = Self {
            release: release.to_owned(),
            manifest,
            said,
        };
        // What it says of itself must follow from what it says, and be about this release.
        let again = keeping.statement()?;
        if again.subjects() != statement.subjects() {
            return Err(SaidError::Value { field: "subject" });
        }
        if again.predicate() != statement.predicate() {
            return Err(SaidError::Value { field: "predicate" });
        }
        Ok(keeping)
    }
}

impl Seal {
    /// That of a proven statement; none if no time is proven.
    pub fn of(evidence: &Evidence) -> Option<Self> {
        let times = evidence.times().iter().map(ProvenTime::time);
        let logs = evidence.logs().iter().filter(|it| it.is_proven());
        Some(Self {
            time: times.min()?,
            entries: logs.map(|it| (*it.log_id(), it.index())).collect(),
        })
    }

    /// Whether it was there before another. Timestamps tell seconds apart, a log that has both tells
    /// their order; where neither tells, it was not.
    pub fn is_before(&self, other: &Self) -> bool {
        let in_both = self.entries.iter().filter_map(|(log, index)| {
            let place = other.entries.iter().find(|(it, _)| it == log)?;
            Some(*index < place.1)
        });
        let orders: Vec<bool> = in_both.collect();
        if orders.is_empty() {
            return self.time < other.time;
        }
        self.time <= other.time && orders.into_iter().all(|it| it)
    }
}

impl Term {
    /// What followed when something was signed: what was said later keeps longer, and lets nothing go
    /// sooner.
    pub fn as_of(then: &Seal, signed: Option<Timestamp>, kept: &[KeptKeeping]) -> Self {
        let then = kept.iter().cloned().map(|it| KeptKeeping {
            proven: it.proven.filter(|proven| proven.is_before(then)),
            ..it
        });
        Self::of(signed, &then.collect::<Vec<_>>())
    }

    /// What follows for a release that was signed at that time.
    pub fn of(signed: Option<Timestamp>, kept: &[KeptKeeping]) -> Self {
        let said = |it: &KeptKeeping| match &it.said {
            Some(Said::Retention(retention)) => Some((retention.clone(), it.proven.is_some())),
            _ => None,
        };
        let said: Vec<(Retention, bool)> = kept.iter().filter_map(said).collect();
        let is_proven = said.iter().any(|(_, proven)| *proven);
        let default = signed.map(Retention::of_every_release);
        // Without a proven word the default stands, and anybody can only make it longer.
        let default = default.filter(|_| !is_proven);
        let of_default = default.iter().map(|it| (it, false));
        let all = of_default.chain(said.iter().map(|(it, _)| (it, true)));
        let longest = all
            .filter_map(|(it, is_said)| Some((it.until()?, it, is_said)))
            .max_by_key(|(until, _, _)| *until);
        let is_known = is_proven || signed.is_some();
        let [every, ..] = RETENTION_CLASSES;
        Self {
            until: longest.map(|(until, _, _)| until).filter(|_| is_known),
            class: longest
                .map_or(every.name, |(_, it, _)| &it.class)
                .to_owned(),
            is_said: longest.is_some_and(|(_, _, is_said)| is_said),
            holds: holds(kept),
        }
    }
}

/// Holds that nobody has lifted who can prove it; what cannot be read may be one.
fn holds(kept: &[KeptKeeping]) -> Vec<(Digest, String)> {
    let lifted: Vec<Digest> = kept
        .iter()
        .filter(|it| it.proven.is_some())
        .filter_map(|it| match &it.said {
            Some(Said::Lift { lifts, .. }) => Some(lifts.clone()),
            _ => None,
        })
        .flatten()
        .collect();
    let standing = kept.iter().filter(|it| !lifted.contains(&it.attachment));
    standing
        .filter_map(|it| match &it.said {
            Some(Said::Hold { reason, .. }) => Some((it.attachment, reason.clone())),
            None => Some((it.attachment, "it cannot be read".to_owned())),
            Some(Said::Retention(_) | Said::Lift { .. }) => None,
        })
        .collect()
}

fn retention(fields: &mut Object) -> Result<Retention, SaidError> {
    let years = u16::try_from(fields.take_u64("years")?);
    let retention = Retention {
        class: fields.take_string("class")?,
        years: years.map_err(|_| SaidError::Value { field: "years" })?,
        from: fields.take_time("from")?,
    };
    // Compared when the statement is made again.
    fields.take_time("until")?;
    Ok(retention)
}

/// A text of one line.
pub(crate) fn line<'a>(field: &'static str, text: &'a str) -> Result<&'a str, SaidError> {
    let fits = !text.trim().is_empty() && text.len() <= limits::REASON_BYTES;
    if fits && !text.chars().any(char::is_control) {
        return Ok(text);
    }
    Err(SaidError::Value { field })
}
