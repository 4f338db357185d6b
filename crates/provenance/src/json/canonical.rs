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
/// A number beyond ±(2⁵³−1), which RFC 8785 would round, so that two documents share their bytes;
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
                // A float this large is printed as an integer, and another one than it is.
                (None, None) => number
                    .as_f64()
                    .is_some_and(|it| it.abs() <= LARGEST_EXACT_FLOAT),
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
const LARGEST_EXACT_FLOAT: f64 = 9_007_199_254_740_991.0;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::json::{Limits, parse};

    const LIMITS: Limits = Limits {
        bytes: 1 << 20,
        depth: 64,
    };

    fn canonical_text(text: &str) -> String {
        let value = parse(text.as_bytes(), LIMITS).unwrap();
        String::from_utf8(canonical(&value).unwrap()).unwrap()
    }

    /// RFC 8785 §3.2.2 and §3.2.3, without the numbers beyond 64 bits that [`parse`] refuses.
    #[test]
    fn the_examples_of_the_standard_come_out_as_printed_there() {
        let primitives = r#"{
            "numbers": [4.50, 2e-3, 0.000000000000000000000000001],
            "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
            "literals": [null, true, false]
        }"#;
        assert_eq!(
            canonical_text(primitives),
            r#"{"literals":[null,true,false],"numbers":[4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#
        );
        let sorting = r#"{
            "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh",
            "1": "One", "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control",
            "\u00f6": "Latin Small Letter O With Diaeresis"
        }"#;
        let sorted = canonical_text(sorting);
        let order = [
            "Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew",
        ];
        let places: Vec<_> = order.iter().map(|it| sorted.find(it).unwrap()).collect();
        assert!(places.is_sorted(), "{sorted}");
    }

    #[test]
    fn two_numbers_never_share_their_bytes() {
        for rounded in [
            json!(9_007_199_254_740_993_u64),
            json!(-9_007_199_254_740_992_i64),
            json!(u64::MAX),
            json!(900_719_929_223_477_780.1),
            json!(-9_007_199_254_740_992.0),
        ] {
            let error = canonical(&json!({"a": [rounded]})).unwrap_err();
            assert_eq!(error.code(), "json-number-out-of-range");
        }
        let exact = canonical(&json!([
            9_007_199_254_740_991_u64,
            -9_007_199_254_740_991_i64
        ]))
        .unwrap();
        assert_eq!(exact, b"[9007199254740991,-9007199254740991]");
    }

    #[test]
    fn what_has_no_form_in_json_is_refused() {
        let numbered = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert_eq!(canonical(&numbered).unwrap_err().code(), "json-syntax");
    }

    proptest! {
        #[test]
        fn the_canonical_form_is_its_own_canonical_form(
            fields in prop::collection::btree_map(".*", prop_oneof![
                ".*".prop_map(Value::from), any::<f64>().prop_map(Value::from), any::<i32>().prop_map(Value::from),
            ], 0..8),
        ) {
            let value = Value::Object(fields.into_iter().collect());
            let Ok(first) = canonical(&value) else {
                return Ok(());
            };
            let again = parse(&first, LIMITS).unwrap();
            prop_assert_eq!(canonical(&again).unwrap(), first);
        }
    }
}
