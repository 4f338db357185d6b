//! The canonical form that in-toto's classic signatures cover: OLPC's canonical JSON.

use serde_json::Value;

use crate::json::JsonNumberError;

/// The canonical bytes of a value, as the reference implementation of in-toto writes them.
///
/// ```
/// # use attest_provenance::json::olpc;
/// let value = serde_json::json!({"b": [1, true, null], "a": "tab\there \"quoted\""});
/// assert_eq!(olpc(&value)?, b"{\"a\":\"tab\there \\\"quoted\\\"\",\"b\":[1,true,null]}");
/// # Ok::<(), attest_provenance::json::JsonNumberError>(())
/// ```
///
/// Keys in the order of their code points, no white space; in strings only `"` and `\` are escaped,
/// so that control characters stand there raw and no Unicode normalisation takes place; integers only.
///
/// # Errors
/// A number with a fraction or an exponent, which has no canonical form.
pub fn olpc(value: &Value) -> Result<Vec<u8>, JsonNumberError> {
    let mut bytes = Vec::new();
    write(value, &mut bytes)?;
    Ok(bytes)
}

fn write(value: &Value, bytes: &mut Vec<u8>) -> Result<(), JsonNumberError> {
    match value {
        Value::Null => bytes.extend(b"null"),
        Value::Bool(true) => bytes.extend(b"true"),
        Value::Bool(false) => bytes.extend(b"false"),
        Value::Number(number) if number.is_f64() => return Err(JsonNumberError),
        Value::Number(number) => bytes.extend(number.to_string().as_bytes()),
        Value::String(text) => write_string(text, bytes),
        Value::Array(values) => {
            bytes.push(b'[');
            for (index, value) in values.iter().enumerate() {
                separate(index, bytes);
                write(value, bytes)?;
            }
            bytes.push(b']');
        }
        Value::Object(fields) => {
            // UTF-8 sorts as its code points do.
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_unstable_by_key(|(key, _)| key.as_bytes());
            bytes.push(b'{');
            for (index, (key, value)) in sorted.into_iter().enumerate() {
                separate(index, bytes);
                write_string(key, bytes);
                bytes.push(b':');
                write(value, bytes)?;
            }
            bytes.push(b'}');
        }
    }
    Ok(())
}

fn separate(index: usize, bytes: &mut Vec<u8>) {
    if index > 0 {
        bytes.push(b',');
    }
}

fn write_string(text: &str, bytes: &mut Vec<u8>) {
    bytes.push(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            bytes.push(b'\\');
        }
        bytes.push(byte);
    }
    bytes.push(b'"');
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn text(value: &Value) -> String {
        String::from_utf8(olpc(value).unwrap()).unwrap()
    }

    #[test]
    fn only_quotes_and_backslashes_are_escaped() {
        assert_eq!(
            text(&json!("a\n\t\0\u{7f}\"\\/é\u{301}")),
            "\"a\n\t\0\u{7f}\\\"\\\\/é\u{301}\""
        );
    }

    #[test]
    fn keys_are_sorted_by_code_point_and_never_merged() {
        let value = json!({"\u{fb33}": 1, "😀": 2, "a": 3, "B": 4, "e\u{301}": 5, "é": 6, "": 7});
        assert_eq!(
            text(&value),
            "{\"\":7,\"B\":4,\"a\":3,\"e\u{301}\":5,\"é\":6,\"\u{fb33}\":1,\"😀\":2}"
        );
    }

    #[test]
    fn a_number_with_a_fraction_has_no_canonical_form() {
        for value in [json!(1.0), json!([{"a": 1e3}]), json!(-0.0)] {
            assert_eq!(olpc(&value).unwrap_err().code(), "json-number-float");
        }
        assert_eq!(
            text(&json!([u64::MAX, i64::MIN])),
            "[18446744073709551615,-9223372036854775808]"
        );
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(".{0,3}", inner, 0..4)
                    .prop_map(|it| Value::Object(it.into_iter().collect())),
            ]
        })
    }

    /// Reads what [`olpc`] wrote: strings end at the first quote that no backslash escapes.
    fn read(bytes: &str) -> Value {
        let mut json = String::new();
        let (mut inside, mut escaped) = (false, false);
        for character in bytes.chars() {
            match character {
                '"' if !escaped => inside = !inside,
                _ if inside && character.is_control() => {
                    write!(json, "\\u{:04x}", u32::from(character)).unwrap();
                    escaped = false;
                    continue;
                }
                _ => {}
            }
            escaped = inside && character == '\\' && !escaped;
            json.push(character);
        }
        serde_json::from_str(&json).unwrap()
    }

    proptest! {
        #[test]
        fn two_values_never_share_their_bytes(one in any_value(), other in any_value()) {
            prop_assert_eq!(olpc(&one).unwrap() == olpc(&other).unwrap(), one == other);
        }

        #[test]
        fn a_value_can_be_read_back(value in any_value()) {
            prop_assert_eq!(read(&text(&value)), value);
        }
    }
}
