//! What is wrong with a lock file, and where.

use std::fmt;

/// Why a lock file is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockError {
    code: &'static str,
    line: Option<usize>,
    problem: String,
}

impl LockError {
    pub(crate) fn new(code: &'static str, line: Option<usize>, problem: impl fmt::Display) -> Self {
        Self {
            code,
            line,
            problem: problem.to_string(),
        }
    }

    pub(crate) fn malformed(line: impl Into<Option<usize>>, problem: impl fmt::Display) -> Self {
        Self::new("lock-malformed", line.into(), problem)
    }

    pub(crate) fn at(self, line: Option<usize>) -> Self {
        Self { line, ..self }
    }

    /// The stable code.
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// The line, from 1 on, where one is known.
    pub const fn line(&self) -> Option<usize> {
        self.line
    }
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.problem),
            None => f.write_str(&self.problem),
        }
    }
}

impl std::error::Error for LockError {}

/// Why lock files that are well formed make no bill of materials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BillError {
    /// Several packages could be what the bill is about.
    #[error("the lock files have {} packages of their own that could be the root: {}", .found.len(), .found.join(", "))]
    RootUnclear {
        /// Their names.
        found: Vec<String>,
    },
    /// Two lock files give one package different hashes.
    #[error("{package} has {algorithm} {one} in one place and {other} in another")]
    Contradiction {
        /// The package.
        package: String,
        /// The algorithm.
        algorithm: String,
        /// A value.
        one: String,
        /// Another.
        other: String,
    },
    /// A name, version or author that is empty, or cannot be shown.
    #[error("the {what} of the bill is empty, too long or has characters that cannot be shown")]
    Naming {
        /// What it is.
        what: &'static str,
    },
    /// More lock files than are read.
    #[error("{found} lock files, at most {limit} make one bill")]
    TooMany {
        /// How many.
        found: usize,
        /// How many are read.
        limit: usize,
    },
}

impl BillError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::RootUnclear { .. } => "sbom-root-unclear",
            Self::Contradiction { .. } => "lock-contradiction",
            Self::Naming { .. } => "sbom-name-malformed",
            Self::TooMany { .. } => "lock-too-large",
        }
    }
}
