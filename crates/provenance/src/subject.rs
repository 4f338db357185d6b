//! What a statement is about.

use std::collections::BTreeSet;

use attest_digest::DigestSet;

use crate::json::{FieldError, Object};
use crate::{ResourceDescriptor, StatementError, StatementVersion};

/// One thing that a statement is about: a descriptor with at least one digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject(ResourceDescriptor);

impl Subject {
    /// A subject of that name, which for files is the path in the release.
    ///
    /// # Errors
    /// There is no digest.
    pub fn new(name: impl Into<String>, digests: DigestSet) -> Result<Self, StatementError> {
        Self::from_descriptor(
            ResourceDescriptor {
                name: Some(name.into()).filter(|it| !it.is_empty()),
                digests,
                ..ResourceDescriptor::default()
            },
            "subject",
        )
    }

    /// The claimed name, if there is one.
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// The claimed digests, at least one, though perhaps none that we accept as proof.
    pub const fn digests(&self) -> &DigestSet {
        &self.0.digests
    }

    /// Everything that is claimed about the subject.
    pub const fn descriptor(&self) -> &ResourceDescriptor {
        &self.0
    }

    pub(crate) fn from_object(
        object: Object,
        version: StatementVersion,
    ) -> Result<Self, StatementError> {
        let at = object.path().to_owned();
        if version == StatementVersion::V0_1 && !object.has("name") {
            return Err(FieldError::Missing {
                object: at,
                field: "name",
            }
            .into());
        }
        Self::from_descriptor(ResourceDescriptor::from_object(object)?, &at)
    }

    fn from_descriptor(descriptor: ResourceDescriptor, at: &str) -> Result<Self, StatementError> {
        if descriptor.digests.is_empty() {
            return Err(StatementError::NoDigest { at: at.to_owned() });
        }
        Ok(Self(descriptor))
    }
}

/// Names that say something; `_` is how version 0.1 says that there is none.
pub(crate) fn refuse_duplicate_names(subjects: &[Subject]) -> Result<(), StatementError> {
    let mut seen = BTreeSet::new();
    let names = subjects
        .iter()
        .filter_map(Subject::name)
        .filter(|it| *it != "_");
    for name in names {
        if !seen.insert(name) {
            return Err(StatementError::DuplicateName {
                name: name.to_owned(),
            });
        }
    }
    Ok(())
}
