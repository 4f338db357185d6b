//! What statements say: one module for each type of predicate.

mod part;
pub mod publish;
pub mod reference;
pub mod release;
pub mod slsa;

pub use part::{Part, PartError};

use crate::excerpt::Excerpt;
use crate::json::FieldError;
use crate::{ReleaseNameError, ResourceError, StatementError};

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
            | Self::Subjects(_) => "predicate-malformed",
        }
    }
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
