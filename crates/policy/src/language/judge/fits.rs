//! Whether evidence counts: as fresh as a rule asks, logged and timed by whom it asks.

use attest_provenance::Statement;
use attest_provenance::predicate::openvex;
use attest_verify::{Evidence, ProvenLog, ProvenTime};
use jiff::{SignedDuration, Timestamp};

use crate::language::condition::quoted;
use crate::language::rule::Rule;
use crate::reason::Reason;
use crate::signers::Signers;

/// Whether evidence is as fresh as the rule asks, and logged and timed by whom it asks.
pub(super) fn fits(
    rule: &Rule,
    signers: &Signers,
    evidence: &Evidence,
    now: Timestamp,
) -> Result<(), Reason> {
    let mut logs = evidence.logs().iter();
    if rule.independent_log
        && !logs.any(|it| it.is_proven() && signers.is_independent_log(it.origin()))
    {
        let found: Vec<&str> = evidence.logs().iter().map(ProvenLog::origin).collect();
        let found = if found.is_empty() {
            "no log".to_owned()
        } else {
            found.join(", ")
        };
        return Err(Reason::new(
            "log-not-independent",
            found,
            "a log that is declared independent",
        ));
    }
    let mut times = evidence.times().iter();
    if rule.independent_time && !times.any(|it| signers.is_independent(it)) {
        let found: Vec<&str> = evidence.times().iter().map(ProvenTime::authority).collect();
        let found = if found.is_empty() {
            "no time".to_owned()
        } else {
            found.join(", ")
        };
        return Err(Reason::new(
            "time-not-independent",
            found,
            "a time that is declared independent",
        ));
    }
    let Some(age) = rule.max_age else {
        return Ok(());
    };
    let wanted = format!("not older than {age} at {now}");
    // The earliest: that it was there later says nothing about when it was made.
    let Some(earliest) = evidence.times().iter().min_by_key(|it| it.time()) else {
        return Err(Reason::new("time-missing", "no trusted time", wanted));
    };
    if !age.covers(earliest.time(), now) {
        let found = format!("{} by {}", earliest.time(), earliest.authority());
        return Err(Reason::new("evidence-too-old", found, wanted));
    }
    match own_time(evidence.statement()) {
        // What is not yet has no age: else the signer's word would be young for ever.
        Some((field, Ok(time))) if now.duration_until(time) > SKEW => Err(Reason::new(
            "evidence-too-old",
            format!("{field} is {time}, in the future"),
            wanted,
        )),
        Some((field, Ok(time))) if !age.covers(time, now) => Err(Reason::new(
            "evidence-too-old",
            format!("{field} is {time}"),
            wanted,
        )),
        Some((field, Err(found))) => Err(Reason::new(
            "evidence-too-old",
            format!("{field} is {found}"),
            wanted,
        )),
        _ => Ok(()),
    }
}

/// When the signer says that it was made: a timestamp can be made again, over an old signature.
fn own_time(statement: Option<&Statement>) -> Option<(&'static str, Result<Timestamp, String>)> {
    let statement = statement?;
    let own: &[(&str, &'static str)] = if statement.predicate_type().starts_with(openvex::TYPE) {
        OPENVEX_TIMES
    } else {
        OWN_TIMES
    };
    own.iter().find_map(|(pointer, field)| {
        let value = statement.predicate().pointer(pointer)?;
        let time = value.as_str().and_then(|it| it.parse().ok());
        Some((*field, time.ok_or_else(|| quoted(value))))
    })
}

/// How far the clocks of two machines may differ.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Fields in which predicates say when they were made.
const OWN_TIMES: &[(&str, &str)] = &[
    ("/metadata/scanFinishedOn", "metadata.scanFinishedOn"),
    ("/timeVerified", "timeVerified"),
    ("/timeCreated", "timeCreated"),
    ("/reviewedOn", "reviewedOn"),
    ("/deployedOn", "deployedOn"),
    (
        "/runDetails/metadata/finishedOn",
        "runDetails.metadata.finishedOn",
    ),
    ("/metadata/buildFinishedOn", "metadata.buildFinishedOn"),
];

/// The same of an `OpenVEX` document, which says when it was changed last.
const OPENVEX_TIMES: &[(&str, &str)] = &[
    ("/last_updated", "last_updated"),
    ("/timestamp", "timestamp"),
];
