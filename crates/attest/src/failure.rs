//! What a command answers: the exit codes that are a contract, and refusals with a stable code.

use std::fmt;

use crate::codes;

/// The exit code of every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// 0: yes, done, verified.
    Yes,
    /// 1: no, the evidence does not say so.
    No,
    /// 2: the request is wrong, decided before the first subject is read.
    Request,
    /// 3: could not tell.
    Unknown,
}

impl Exit {
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Yes => 0,
            Self::No => 1,
            Self::Request => 2,
            Self::Unknown => 3,
        }
    }

    /// The word for this answer in reports.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Request => "bad-request",
            Self::Unknown => "unknown",
        }
    }
}

/// Why a command did not do what it was asked: an exit code, a stable kebab-case code, one line of
/// facts, and a hint where there is something to do.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Failure {
    /// Exit 1: the evidence does not say so.
    pub(crate) fn no(code: &'static str, message: impl fmt::Display) -> Self {
        Self::new(Exit::No, code, message)
    }

    /// Exit 2: the request is wrong.
    pub(crate) fn request(code: &'static str, message: impl fmt::Display) -> Self {
        Self::new(Exit::Request, code, message)
    }

    /// Exit 3: could not tell.
    pub(crate) fn unknown(code: &'static str, message: impl fmt::Display) -> Self {
        Self::new(Exit::Unknown, code, message)
    }

    /// What the user can do about it. Never a suggestion to weaken a check.
    pub(crate) fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    fn new(exit: Exit, code: &'static str, message: impl fmt::Display) -> Self {
        debug_assert!(
            codes::all().any(|listed| listed.code == code),
            "{code} is in no list of codes"
        );
        Self {
            exit,
            code,
            message: message.to_string(),
            hint: None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Failure {}

/// The message of an error with those that it wraps.
pub(crate) fn with_source(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}
