//! Names of steps and inspections, and of the files that are called after them.

use std::fmt;

use super::{InTotoError, KeyId};
use crate::limits;

/// The name of a step or an inspection: one or more of `A-Z a-z 0-9 . _ -`, but not `.` or `..`.
///
/// Names become names of files. The reference takes any text, also `../x`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepName(String);

impl StepName {
    /// Reads a name.
    ///
    /// # Errors
    /// Empty, too long, another character, `.` or `..`.
    pub fn parse(text: &str) -> Result<Self, InTotoError> {
        let plain = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'_' | b'-');
        let fits = !text.is_empty() && text.len() <= limits::STEP_NAME_BYTES;
        if fits && text.bytes().all(plain) && text != "." && text != ".." {
            return Ok(Self(text.to_owned()));
        }
        Err(InTotoError::StepName {
            found: text.to_owned(),
        })
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for StepName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// What the link of a step by a functionary is called: `write-code.776a00e2.link`.
pub fn link_file_name(step: &StepName, keyid: &KeyId) -> String {
    format!("{step}.{}.link", keyid.short())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leaves_its_folder_is_refused() {
        let long = "a".repeat(limits::STEP_NAME_BYTES + 1);
        for name in [
            "", ".", "..", "../x", "a/b", "a b", "a\0", "a\n", "é", "a\\b", "a*", &long,
        ] {
            let code = StepName::parse(name).map_err(|it| it.code());
            assert_eq!(code.unwrap_err(), "step-name-malformed", "{name:?}");
        }
        for name in ["write-code", "a.b_c", "...", "-", "7"] {
            assert!(StepName::parse(name).is_ok(), "{name}");
        }
    }
}
