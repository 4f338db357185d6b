//! Why a statement is none of those that an archive makes about itself.

use attest_provenance::StatementError;
use attest_provenance::json::FieldError;

/// Why a statement is no head of a trail, no retention, no hold, and no lifting of one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaidError {
    /// A field is absent, unknown or of another type.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// Not a statement.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// A field has a value that it cannot have.
    #[error("{field} has a value that it cannot have")]
    Value {
        /// The field.
        field: &'static str,
    },
}
