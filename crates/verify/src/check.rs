//! What was checked, and why something was refused.

use std::fmt;

/// One thing that was checked: a stable code, what was found and what was wanted.
///
/// In a [`Rejection`] the code is one of [`CODES`](crate::CODES); in
/// [`Evidence`](crate::Evidence), where it was found as wanted, one of [`STEPS`](crate::STEPS).
/// Both texts may quote evidence: escape them before showing them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    code: &'static str,
    found: String,
    wanted: String,
}

impl Check {
    pub(crate) fn new(
        code: &'static str,
        found: impl fmt::Display,
        wanted: impl fmt::Display,
    ) -> Self {
        Self {
            code,
            found: cut(found.to_string()),
            wanted: cut(wanted.to_string()),
        }
    }

    /// The stable kebab-case code.
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// What was found.
    pub fn found(&self) -> &str {
        &self.found
    }

    /// What was wanted.
    pub fn wanted(&self) -> &str {
        &self.wanted
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: found {}, wanted {}",
            self.code, self.found, self.wanted
        )
    }
}

/// Evidence is quoted, not repeated at length.
fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MOST) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Why evidence was refused: at least one check, the first is the one that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    checks: Vec<Check>,
}

impl Rejection {
    /// The code of the first check that failed, one of [`CODES`](crate::CODES).
    pub fn code(&self) -> &'static str {
        self.checks.first().map_or(UNSAID, Check::code)
    }

    /// Every check that failed, the first is the one that counts.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// Checks that failed, the first is the one that counts.
    pub(crate) const fn of(checks: Vec<Check>) -> Self {
        Self { checks }
    }

    /// `Ok` if no check failed.
    pub(crate) fn unless_empty(checks: Vec<Check>) -> Result<(), Self> {
        if checks.is_empty() {
            Ok(())
        } else {
            Err(Self { checks })
        }
    }
}

impl From<Check> for Rejection {
    fn from(check: Check) -> Self {
        Self {
            checks: vec![check],
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.checks.first() {
            Some(first) => fmt::Display::fmt(first, f),
            None => f.write_str(UNSAID),
        }
    }
}

impl std::error::Error for Rejection {}

/// No rejection is without a check; should one ever be, it is still a rejection.
const UNSAID: &str = "bundle-malformed";

/// Characters of each text.
const MOST: usize = 400;
