//! What statements say: one module for each type of predicate.

pub mod custom;
pub mod deployment;
pub mod link;
pub mod openvex;
pub mod publish;
pub mod recorded;
pub mod reference;
pub mod release;
pub mod review;
pub mod sbom;
pub mod scai;
pub mod slsa;
pub mod slsa_v0_2;
pub mod succession;
pub mod svr;
pub mod test_result;
pub mod tree;
pub mod vsa;
pub mod vulns;

mod claimed;
mod part;
mod types;

pub use claimed::Claimed;
pub use part::{Part, PartError};
pub use types::{TypeName, TypeNameError};

use jiff::Timestamp;

use crate::excerpt::Excerpt;
use crate::json::{FieldError, Object};
use crate::limits;
use crate::{ReleaseNameError, ResourceDescriptor, ResourceError, StatementError};

/// Why a predicate is not what its type promises.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PredicateError {
    /// The statement says something else.
    #[error("predicate type is {}, wanted {wanted}", Excerpt(found))]
    Type {
        /// The predicate type, as claimed.
        found: String,
        /// The type that is read.
        wanted: &'static str,
    },
    /// Not the fields of the predicate.
    #[error("predicate is malformed")]
    Field(#[from] FieldError),
    /// A resource inside is malformed.
    #[error("predicate names a malformed resource")]
    Resource(#[from] ResourceError),
    /// The release is not named as it must be.
    #[error("predicate names no release")]
    Name(#[from] ReleaseNameError),
    /// The part of a release is malformed.
    #[error("predicate names no part of a release")]
    Part(#[from] PartError),
    /// The subject is not the package that the predicate names.
    #[error("subject is not the one package that the predicate names")]
    Package,
    /// A value that the type does not have.
    #[error("{at} is {}, wanted {wanted}", Excerpt(found))]
    Value {
        /// The path of the value.
        at: String,
        /// The value, as claimed.
        found: String,
        /// What it may be.
        wanted: &'static str,
    },
    /// A subject that such a statement cannot be about.
    #[error("a subject without {wanted}")]
    Subject {
        /// The digest that every subject must have.
        wanted: &'static str,
    },
    /// The subjects do not fit the predicate.
    #[error("subjects do not fit the predicate")]
    Subjects(#[from] StatementError),
}

impl PredicateError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Type { .. } => "predicate-type-mismatch",
            Self::Field(_)
            | Self::Resource(_)
            | Self::Name(_)
            | Self::Part(_)
            | Self::Package
            | Self::Value { .. }
            | Self::Subject { .. }
            | Self::Subjects(_) => "predicate-malformed",
        }
    }
}

/// A time in its one spelling: UTC, no more digits than it needs (`2026-11-20T10:00:00Z`).
fn take_time(object: &mut Object, field: &'static str) -> Result<Timestamp, PredicateError> {
    let found = object.take_string(field)?;
    let time = found.parse::<Timestamp>().ok();
    time.filter(|it| it.to_string() == found)
        .ok_or_else(|| PredicateError::Value {
            at: object.path_of(field),
            found,
            wanted: "a time such as 2026-11-20T10:00:00Z",
        })
}

/// A text that says something: not empty, not longer than any honest one.
fn take_text(object: &mut Object, field: &'static str) -> Result<String, PredicateError> {
    let found = object.take_string(field)?;
    if !found.trim().is_empty() && found.len() <= limits::PREDICATE_TEXT_BYTES {
        return Ok(found);
    }
    Err(PredicateError::Value {
        at: object.path_of(field),
        found,
        wanted: "a text that is neither empty nor endless",
    })
}

/// One of a closed list of words.
fn take_word<T: Copy>(
    object: &mut Object,
    field: &'static str,
    words: &[(&'static str, T)],
    wanted: &'static str,
) -> Result<T, PredicateError> {
    let found = object.take_string(field)?;
    let word = words.iter().find(|(word, _)| *word == found);
    word.map(|(_, value)| *value)
        .ok_or_else(|| PredicateError::Value {
            at: object.path_of(field),
            found,
            wanted,
        })
}

fn refuse_other_type(
    statement: &crate::Statement,
    wanted: &'static str,
) -> Result<(), PredicateError> {
    if statement.predicate_type() == wanted {
        return Ok(());
    }
    Err(PredicateError::Type {
        found: statement.predicate_type().to_owned(),
        wanted,
    })
}

/// Descriptors inside a predicate, where fields that we do not know are ignored.
fn resources(objects: Vec<Object>) -> Result<Vec<ResourceDescriptor>, PredicateError> {
    let read = objects.into_iter().map(ResourceDescriptor::from_predicate);
    Ok(read.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod testing {
    use attest_digest::Digest;
    use serde_json::Value;

    use super::PredicateError;
    use crate::{Statement, Subject};

    pub(super) fn statement(predicate_type: &str, predicate: Value) -> Statement {
        let subject = Subject::new("a", Digest::Sha256([7; 32]).into()).unwrap();
        Statement::new(vec![subject], predicate_type, predicate).unwrap()
    }

    /// Reads the accepted predicate, and refuses it as malformed after each change: a place, and what
    /// stands there instead.
    pub(super) fn refusals<T: std::fmt::Debug>(
        predicate_type: &str,
        accepted: &Value,
        read: fn(&Statement) -> Result<T, PredicateError>,
        changes: &[(&str, Option<Value>)],
    ) {
        read(&statement(predicate_type, accepted.clone())).expect("the parent is accepted");
        for (place, instead) in changes {
            let mut altered = accepted.clone();
            let (parent, field) = place.rsplit_once('/').unwrap();
            let parent = altered.pointer_mut(parent).unwrap().as_object_mut();
            match instead {
                Some(value) => parent.unwrap().insert(field.to_owned(), value.clone()),
                None => parent.unwrap().remove(field),
            };
            assert_ne!(&altered, accepted, "{place} changes nothing");
            match read(&statement(predicate_type, altered)) {
                Ok(claimed) => panic!("{place} with {instead:?} was accepted as {claimed:?}"),
                Err(error) => assert_eq!(error.code(), "predicate-malformed", "{place}"),
            }
        }
    }
}
