//! cosign's predicate for anything without a type of its own.
//!
//! ```text
//! {"Data": "{\"any\":\"text\"}", "Timestamp": "2023-01-01T00:00:00Z"}
//! ```

use super::{PredicateError, refuse_other_type};
use crate::Statement;
use crate::json::Object;

/// The predicate type.
pub const TYPE: &str = "https://cosign.sigstore.dev/attestation/v1";

/// cosign's custom predicate, as claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Custom {
    /// Any text.
    pub data: String,
    /// When it was made, in its own words; perhaps empty.
    pub timestamp: String,
}

impl Custom {
    /// Reads the predicate. Fields that we do not know are ignored.
    ///
    /// # Errors
    /// Another predicate type, or no data.
    pub fn from_statement(statement: &Statement) -> Result<Self, PredicateError> {
        refuse_other_type(statement, TYPE)?;
        let mut predicate = Object::new("predicate", statement.predicate().clone())?;
        Ok(Self {
            data: predicate.take_string("Data")?,
            timestamp: predicate
                .take_optional_string("Timestamp")?
                .unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::predicate::testing::refusals;

    #[test]
    fn a_predicate_without_data_is_refused() {
        let accepted = json!({"Data": "foo", "Timestamp": "2023-01-01T00:00:00Z"});
        refusals(
            TYPE,
            &accepted,
            Custom::from_statement,
            &[
                ("/Data", None),
                ("/Data", Some(json!({}))),
                ("/Timestamp", Some(json!(1))),
            ],
        );
    }
}
