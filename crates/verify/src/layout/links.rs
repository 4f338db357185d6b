//! Where links are kept.

use attest_provenance::in_toto::{InTotoError, KeyId, Metablock, StepName};

use super::signed::Budget;
use crate::check::Check;
use crate::limits;

/// A folder of links, with one folder inside for each sublayout.
pub trait LinkFolder {
    /// The names of all files of the folder, or of a folder inside it that need not be there.
    ///
    /// # Errors
    /// The folder is there and cannot be listed.
    fn files(&self, below: &[String]) -> Result<Vec<String>, LinkReadError>;

    /// The bytes of a file, at most `most` of them.
    ///
    /// # Errors
    /// It cannot be read, or is larger.
    fn read(&self, below: &[String], name: &str, most: usize) -> Result<Vec<u8>, LinkReadError>;
}

/// A file or folder that is there and cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct LinkReadError {
    /// The file or folder.
    pub place: String,
    /// What the system says.
    pub reason: String,
}

/// A file that is called as a link of a step is.
pub(super) struct Candidate {
    pub(super) name: String,
    /// The eight digits of its name.
    pub(super) short: String,
    pub(super) block: Result<Metablock, InTotoError>,
}

/// The files that are called as links of that step are: `STEP.` and eight digits and `.link`.
pub(super) fn candidates(
    step: &StepName,
    below: &[String],
    folder: &dyn LinkFolder,
    budget: &mut Budget,
) -> Result<Vec<Candidate>, LinkRefusal> {
    let mut found = Vec::new();
    let mut names = folder.files(below)?;
    names.sort_unstable();
    for name in names {
        let Some(short) = digits(step, &name) else {
            continue;
        };
        let short = short.to_owned();
        budget.take_link()?;
        let bytes = folder.read(below, &name, budget.bytes_left())?;
        budget.take_bytes(bytes.len())?;
        let block = Metablock::parse(&bytes);
        found.push(Candidate { name, short, block });
    }
    Ok(found)
}

/// Why links could not be had.
pub(super) enum LinkRefusal {
    Unreadable(LinkReadError),
    Refused(Check),
}

impl From<LinkReadError> for LinkRefusal {
    fn from(error: LinkReadError) -> Self {
        Self::Unreadable(error)
    }
}

impl From<Check> for LinkRefusal {
    fn from(check: Check) -> Self {
        Self::Refused(check)
    }
}

fn digits<'a>(step: &StepName, name: &'a str) -> Option<&'a str> {
    let rest = name.strip_prefix(step.as_str())?.strip_prefix('.')?;
    let digits = rest.strip_suffix(".link")?;
    KeyId::parse(digits)
        .ok()
        .filter(|it| it.as_str().len() == 8)?;
    Some(digits)
}

/// The most that all links of one layout may have together.
pub(super) const fn all_bytes() -> usize {
    limits::LINKS_BYTES
}
