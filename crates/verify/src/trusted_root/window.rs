//! Windows of validity.

use std::fmt;

use attest_provenance::json::Object;
use jiff::Timestamp;

use crate::trusted_root::TrustedRootError;

/// A window of time that includes both ends: protobuf-specs' `TimeRange`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeWindow {
    start: Timestamp,
    end: Option<Timestamp>,
}

impl TimeWindow {
    /// The window that every time lies in.
    pub(super) const fn always() -> Self {
        Self {
            start: Timestamp::MIN,
            end: None,
        }
    }

    /// When it starts.
    pub const fn start(&self) -> Timestamp {
        self.start
    }

    /// When it ends, if that is known.
    pub const fn end(&self) -> Option<Timestamp> {
        self.end
    }

    /// Whether the time lies inside.
    pub fn contains(&self, time: Timestamp) -> bool {
        self.start <= time && self.end.is_none_or(|end| time <= end)
    }
}

impl fmt::Display for TimeWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.end {
            Some(end) => write!(f, "{} to {end}", self.start),
            None => write!(f, "from {}", self.start),
        }
    }
}

/// Takes `validFor`, if it is there.
pub(super) fn take_optional(object: &mut Object) -> Result<Option<TimeWindow>, TrustedRootError> {
    let Some(mut window) = object.take_optional_object("validFor")? else {
        return Ok(None);
    };
    let at = window.path().to_owned();
    let start = window.take_string("start")?;
    let end = window.take_optional_string("end")?;
    window.finish()?;
    let start = parse(&at, &start)?;
    let end = end.map(|it| parse(&at, &it)).transpose()?;
    if end.is_some_and(|end| end < start) {
        return Err(TrustedRootError::item(&at, "ends before it starts"));
    }
    Ok(Some(TimeWindow { start, end }))
}

/// RFC 3339, as protobuf's JSON writes timestamps.
fn parse(at: &str, text: &str) -> Result<Timestamp, TrustedRootError> {
    let is_plain = text.len() <= 40 && text.contains('T') && !text.contains('[');
    text.parse()
        .ok()
        .filter(|_| is_plain)
        .ok_or_else(|| TrustedRootError::item(at, "has a time that is not RFC 3339"))
}
