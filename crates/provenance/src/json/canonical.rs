//! The one encoding of a value that signatures and logs agree on.

use serde::Serialize;
use serde_json::Value;

/// The bytes of RFC 8785 (JSON canonicalization scheme): keys sorted by UTF-16, no white space,
/// numbers as ECMAScript prints them.
///
/// ```
/// # use attest_provenance::json::canonical;
/// let bytes = canonical(&serde_json::json!({"b": "\u{20ac}", "a": [1.50, true]}))?;
/// assert_eq!(bytes, r#"{"a":[1.5,true],"b":"€"}"#.as_bytes());
/// # Ok::<(), attest_provenance::json::CanonicalError>(())
/// ```
///
/// # Errors
/// An integer beyond ±(2⁵³−1), which RFC 8785 would round, so that two documents share their bytes;
/// a `value` that is not JSON, for example a map with numbers as keys.
pub fn canonical<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    let value = serde_json::to_value(value).map_err(CanonicalError::NotJson)?;
    refuse_rounding(&value)?;
    serde_json_canonicalizer::to_vec(&value).map_err(CanonicalError::NotJson)
}

/// Why a value has no canonical encoding.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CanonicalError {
    /// The number would be rounded.
    #[error("number {found} has no exact canonical form, wanted at most 2^53-1")]
    NumberRounded {
        /// The number.
        found: serde_json::Number,
    },
    /// The value is not JSON.
    #[error("value has no form in JSON")]
    NotJson(#[source] serde_json::Error),
}

impl CanonicalError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NumberRounded { .. } => "json-number-out-of-range",
            Self::NotJson(_) => "json-syntax",
        }
    }
}

fn refuse_rounding(value: &Value) -> Result<(), CanonicalError> {
    match value {
        Value::Number(number) => {
            let exact = match (number.as_u64(), number.as_i64()) {
                (Some(positive), _) => positive <= LARGEST_EXACT,
                (None, Some(negative)) => negative.unsigned_abs() <= LARGEST_EXACT,
                (None, None) => true,
            };
            if !exact {
                return Err(CanonicalError::NumberRounded {
                    found: number.clone(),
                });
            }
            Ok(())
        }
        Value::Array(values) => values.iter().try_for_each(refuse_rounding),
        Value::Object(fields) => fields.values().try_for_each(refuse_rounding),
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
    }
}

const LARGEST_EXACT: u64 = (1 << 53) - 1;
