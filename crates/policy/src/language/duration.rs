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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toml::Document;

    fn read(text: &str) -> Result<MaxAge, FileError> {
        let text = format!("a = {text:?}");
        let document = Document::parse(&text)?;
        MaxAge::read(&document.root().needs("a")?)
    }

    #[test]
    fn each_unit_is_as_long_as_it_is_and_the_last_moment_counts() {
        for (text, seconds) in [
            ("1m", 60),
            ("12h", 43_200),
            ("7d", 604_800),
            ("2w", 1_209_600),
            ("100000w", 60_480_000_000),
        ] {
            let age = read(text).unwrap();
            assert_eq!(age.duration().as_secs(), seconds, "{text}");
            assert_eq!(age.to_string(), text);
        }
        let age = read("1m").unwrap();
        let now: Timestamp = "2026-11-01T00:01:00Z".parse().unwrap();
        for (then, covered) in [
            ("2026-11-01T00:00:00Z", true),
            ("2026-10-31T23:59:59.999999999Z", false),
            ("2026-11-01T00:01:00Z", true),
            ("2026-11-01T00:02:00Z", true),
        ] {
            assert_eq!(age.covers(then.parse().unwrap(), now), covered, "{then}");
        }
    }

    #[test]
    fn what_bounds_nothing_is_no_age() {
        for text in [
            "",
            "7",
            "d",
            "07d",
            "0d",
            "-1d",
            "+1d",
            "1.5d",
            "7 d",
            "7D",
            "7y",
            "7dd",
            "100001m",
            "99999999999999999999d",
            "7é",
        ] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }
}
