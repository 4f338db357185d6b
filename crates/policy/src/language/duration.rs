//! Lengths of time as a policy writes them: `7d`, `12h`, `30m`, `2w`.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use crate::toml::{FileError, Item};

/// How old evidence may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxAge {
    number: u32,
    unit: char,
}

impl MaxAge {
    pub(crate) fn read(item: &Item<'_>) -> Result<Self, FileError> {
        let text = item.text()?;
        let fault = || text.fault("wanted a whole number and a unit: 30m, 12h, 7d or 2w");
        let unit = text.text.chars().last().ok_or_else(fault)?;
        let number = text.text.strip_suffix(unit).unwrap_or_default();
        let plain = number.bytes().all(|it| it.is_ascii_digit()) && !number.starts_with('0');
        if !plain || !"mhdw".contains(unit) {
            return Err(fault());
        }
        let number = number.parse().map_err(|_| fault())?;
        if number > MOST {
            return Err(text.fault(format!("more than {MOST}{unit} bounds nothing")));
        }
        Ok(Self { number, unit })
    }

    /// The length of time.
    pub const fn duration(self) -> SignedDuration {
        let seconds = match self.unit {
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => 604_800,
        };
        SignedDuration::from_secs(seconds * self.number as i64)
    }

    /// Whether what was made then is not older.
    pub fn covers(self, then: Timestamp, now: Timestamp) -> bool {
        now.duration_since(then) <= self.duration()
    }
}

impl fmt::Display for MaxAge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.number, self.unit)
    }
}

/// A bound beyond this is none.
const MOST: u32 = 100_000;
