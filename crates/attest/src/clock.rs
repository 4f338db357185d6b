//! The clock: read once in a run, or given by `--at`.

use jiff::Timestamp;

use crate::failure::Failure;

/// The time against which this run judges what may not lie in the future.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// Whole seconds, UTC.
    pub(crate) time: Timestamp,
    /// Whether `--at` gave it; reports say so.
    pub(crate) given: bool,
}

impl Now {
    /// The system's clock, or the RFC 3339 time (or plain UTC date) that `--at` names.
    pub(crate) fn read(at: Option<&str>) -> Result<Self, Failure> {
        let Some(text) = at else {
            let time = whole_seconds(Timestamp::now());
            return Ok(Self { time, given: false });
        };
        let full = if text.len() == 10 {
            format!("{text}T00:00:00Z")
        } else {
            text.to_owned()
        };
        let time = full.parse().map_err(|_| {
            Failure::request("bad-time", format!("--at {text:?} is not a time"))
                .hint("write it as 2026-11-21T09:41:07Z or 2026-11-21 (UTC)")
        })?;
        Ok(Self {
            time: whole_seconds(time),
            given: true,
        })
    }
}

fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
