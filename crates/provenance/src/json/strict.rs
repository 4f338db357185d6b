//! The parser: `serde_json` reads the tokens, we decide what may become a value.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::JsonError;
use crate::limits;

/// How large a document may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole document.
    pub bytes: usize,
    /// Arrays and objects inside each other, at most [`limits::JSON_DEPTH`]; a lone string has 0.
    pub depth: usize,
}

/// Reads one JSON value, and nothing before or after it but white space.
///
/// # Errors
/// More bytes, depth or values than allowed; a byte order mark; not UTF-8; a key twice in one
/// object; a number that no 64-bit integer or its float can hold; anything after the value; anything
/// else that RFC 8259 does not allow.
pub fn parse(bytes: &[u8], limits: Limits) -> Result<Value, JsonError> {
    parse_within(bytes, limits, limits::JSON_MEMORY)
}

/// As [`parse`], with another bound than [`limits::JSON_MEMORY`] for the memory of the values.
///
/// # Errors
/// As [`parse`].
pub fn parse_within(bytes: &[u8], limits: Limits, memory: usize) -> Result<Value, JsonError> {
    if bytes.len() > limits.bytes {
        return Err(JsonError::TooLarge {
            found: bytes.len(),
            limit: limits.bytes,
        });
    }
    if bytes.starts_with(BYTE_ORDER_MARK) {
        return Err(JsonError::ByteOrderMark);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| JsonError::NotUtf8 {
        offset: error.valid_up_to(),
    })?;
    let reading = Reading::new(limits, memory);
    let mut tokens = serde_json::Deserializer::from_str(text);
    let value = Strict::outermost(&reading)
        .deserialize(&mut tokens)
        .map_err(|error| reading.explain(error))?;
    tokens.end().map_err(|error| JsonError::TrailingData {
        line: error.line(),
        column: error.column(),
    })?;
    Ok(value)
}

/// What one run of the parser shares: its bounds, and why we stopped it, which `serde_json` can only
/// carry as text.
struct Reading {
    depth: usize,
    memory: usize,
    memory_left: Cell<usize>,
    refused: RefCell<Option<Refused>>,
}

enum Refused {
    TooDeep,
    TooManyValues,
    DuplicateKey(String),
    NumberOutOfRange,
}

impl Reading {
    fn new(limits: Limits, memory: usize) -> Self {
        Self {
            depth: limits.depth.min(limits::JSON_DEPTH),
            memory,
            memory_left: Cell::new(memory),
            refused: RefCell::new(None),
        }
    }

    fn refuse<E: serde::de::Error>(&self, why: Refused) -> E {
        self.refused.replace(Some(why));
        E::custom("refused")
    }

    fn spend<E: serde::de::Error>(&self, bytes: usize) -> Result<(), E> {
        let Some(left) = self.memory_left.get().checked_sub(bytes) else {
            return Err(self.refuse(Refused::TooManyValues));
        };
        self.memory_left.set(left);
        Ok(())
    }

    fn explain(&self, source: serde_json::Error) -> JsonError {
        let (line, column) = (source.line(), source.column());
        match self.refused.take() {
            Some(Refused::TooDeep) => JsonError::TooDeep {
                limit: self.depth,
                line,
                column,
            },
            Some(Refused::TooManyValues) => JsonError::TooManyValues { limit: self.memory },
            Some(Refused::DuplicateKey(key)) => JsonError::DuplicateKey { key, line, column },
            Some(Refused::NumberOutOfRange) => JsonError::NumberOutOfRange { line, column },
            // The parser's own verdict on 1e400 has no other mark than its text.
            None if source.to_string().starts_with("number out of range") => {
                JsonError::NumberOutOfRange { line, column }
            }
            None => JsonError::Syntax {
                line,
                column,
                source,
            },
        }
    }
}

/// Makes one value, `depth` containers down.
#[derive(Clone, Copy)]
struct Strict<'a> {
    reading: &'a Reading,
    depth: usize,
}

impl<'a> Strict<'a> {
    const fn outermost(reading: &'a Reading) -> Self {
        Self { reading, depth: 0 }
    }

    fn below<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= self.reading.depth {
            return Err(self.reading.refuse(Refused::TooDeep));
        }
        Ok(Self {
            depth: self.depth + 1,
            ..self
        })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.reading.spend(VALUE_BYTES)?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        // An integer arrives here when it does not fit 64 bits, already rounded.
        if value <= -TWO_TO_63 || value >= TWO_TO_64 {
            return Err(self.reading.refuse(Refused::NumberOutOfRange));
        }
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| self.reading.refuse(Refused::NumberOutOfRange))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let below = self.below()?;
        let mut array = Vec::new();
        while let Some(element) = elements.next_element_seed(below)? {
            array.push(element);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let below = self.below()?;
        self.reading.spend(OBJECT_BYTES)?;
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(self.reading.refuse(Refused::DuplicateKey(key)));
            }
            object.insert(key, entries.next_value_seed(below)?);
        }
        Ok(Value::Object(object))
    }
}

/// A `Value` in an array that grew by doubling.
const VALUE_BYTES: usize = 64;
/// One node of the tree that an object is, with room for eleven fields.
const OBJECT_BYTES: usize = 640;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
const TWO_TO_64: f64 = 18_446_744_073_709_551_616.0;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const SMALL: Limits = Limits {
        bytes: 1 << 20,
        depth: 8,
    };

    fn refusal(text: impl AsRef<[u8]>) -> &'static str {
        let bytes = text.as_ref();
        match parse(bytes, SMALL) {
            Ok(value) => panic!("{} was read as {value}", bytes.escape_ascii()),
            Err(error) => error.code(),
        }
    }

    #[test]
    fn a_duplicate_key_is_refused_at_every_depth_and_in_every_spelling() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"b":{"c":[{"d":1,"e":2,"d":1}]}}"#,
            r#"[[{"a":null,"a":null}]]"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"":1,"":2}"#,
            r#"{"é":1,"\u00e9":2}"#,
            r#"{"😀":1,"\ud83d\ude00":2}"#,
            r#"{"a":{},"a":{"deep":1}}"#,
        ] {
            assert_eq!(refusal(text), "json-duplicate-key", "{text}");
        }
    }

    #[test]
    fn the_message_names_the_duplicate_key_escaped_and_its_place() {
        let error = parse(b"{\n\"a\\u001b\": 1, \"a\\u001b\": 2}", SMALL).unwrap_err();
        let shown = error.to_string();
        assert!(
            shown.starts_with(r#"JSON key "a\u{1b}" is given twice, at line 2"#),
            "{shown}"
        );
    }

    #[test]
    fn keys_that_only_look_the_same_are_two_keys() {
        // NFC and NFD of one letter: RFC 8259 compares code points.
        let value = parse("{\"\u{e9}\":1,\"e\u{301}\":2}".as_bytes(), SMALL).unwrap();
        assert_eq!(value.as_object().unwrap().len(), 2);
    }

    #[test]
    fn nesting_is_bounded_without_using_up_the_stack() {
        for open in ["[", "{\"a\":", "[[{\"a\":[", "[0,["] {
            assert_eq!(refusal(open.repeat(100_000)), "json-too-deep", "{open}");
        }
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(SMALL.depth).as_bytes(), SMALL).is_ok());
        assert_eq!(refusal(nested(SMALL.depth + 1)), "json-too-deep");
    }

    #[test]
    fn depth_is_refused_as_depth_whatever_was_asked_for() {
        let endless = Limits {
            depth: usize::MAX,
            ..SMALL
        };
        let error = parse("[".repeat(1000).as_bytes(), endless).unwrap_err();
        assert_eq!(error.code(), "json-too-deep");
        let deepest = "[".repeat(limits::JSON_DEPTH) + &"]".repeat(limits::JSON_DEPTH);
        assert!(parse(deepest.as_bytes(), endless).is_ok());
    }

    #[test]
    fn anything_after_the_value_is_refused() {
        for text in [
            "{} {}",
            "{}x",
            "1 2",
            "{},",
            "[]]",
            "null\0",
            "{}\u{a0}",
            "\"a\"\"b\"",
            "{}//",
            "0x1",
        ] {
            assert_eq!(refusal(text), "json-trailing-data", "{text:?}");
        }
        assert_eq!(parse(b" \t\r\n{} \t\r\n", SMALL).unwrap(), json!({}));
    }

    #[test]
    fn a_byte_order_mark_is_refused() {
        assert_eq!(refusal("\u{feff}{}"), "json-byte-order-mark");
        assert_eq!(refusal("{}\u{feff}"), "json-trailing-data");
        assert_eq!(refusal("{\u{feff}}"), "json-syntax");
        // UTF-16 with its mark
        assert_eq!(refusal(b"\xff\xfe{\0}\0"), "json-not-utf8");
    }

    #[test]
    fn text_that_is_not_unicode_is_refused() {
        for bytes in [
            &b"\"\xff\""[..],
            b"{\"\xc3\":1}",
            b"\"\xc0\xaf\"",     // overlong
            b"\"\xed\xa0\x80\"", // a surrogate
            b"\"\xf4\x90\x80\x80\"",
        ] {
            assert_eq!(refusal(bytes), "json-not-utf8", "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_lone_surrogate_is_refused() {
        for text in [
            r#""\ud800""#,
            r#""\udc00""#,
            r#""\ud800\ud800""#,
            r#""\ud800x""#,
            r#""\udc00\ud800""#,
            r#"{"\ud800":1}"#,
        ] {
            assert_eq!(refusal(text), "json-syntax", "{text}");
        }
        assert_eq!(parse(br#""\ud83d\ude00""#, SMALL).unwrap(), json!("😀"));
    }

    #[test]
    fn a_number_that_would_lose_its_value_is_refused() {
        for text in [
            "18446744073709551616",
            "-9223372036854775809",
            "1e400",
            "-1e400",
            "1e20",
            "1e308",
            &"9".repeat(1000),
            "[0,{\"a\":123456789012345678901234567890}]",
        ] {
            assert_eq!(refusal(text), "json-number-out-of-range", "{text}");
        }
        for text in [
            "18446744073709551615",
            "-9223372036854775808",
            "9007199254740993",
            "0",
            "-1.5",
            "1e-400",
        ] {
            assert!(parse(text.as_bytes(), SMALL).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_only_other_parsers_read_is_refused() {
        for text in [
            "",
            " ",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "{'a':1}",
            "01",
            "+1",
            ".5",
            "1.",
            "NaN",
            "Infinity",
            "-",
            "nul",
            "True",
            "\"a\nb\"",
            "\"\\x41\"",
            "\"\\u12\"",
            "/**/1",
            "[1 2]",
            "{\"a\" 1}",
            "\"",
            "\u{a0}1",
        ] {
            assert_eq!(refusal(text), "json-syntax", "{text:?}");
        }
    }

    #[test]
    fn size_is_bounded_before_anything_is_read() {
        let limits = Limits { bytes: 4, depth: 1 };
        assert!(parse(b"null", limits).is_ok());
        assert_eq!(
            parse(b"\xffnull", limits).unwrap_err().code(),
            "json-too-large"
        );
    }

    #[test]
    fn few_bytes_do_not_become_much_memory() {
        let large = Limits {
            bytes: 64 << 20,
            depth: 8,
        };
        let elements = [
            ("{\"\":0},", OBJECT_BYTES + 2 * VALUE_BYTES),
            ("[0],", 2 * VALUE_BYTES),
            ("0,", VALUE_BYTES),
        ];
        for (element, cost) in elements {
            let one_too_many = limits::JSON_MEMORY / cost + 1;
            let text = format!("[{}0]", element.repeat(one_too_many));
            let refusal = parse(text.as_bytes(), large).map_or_else(|it| it.code(), |_| "read");
            assert_eq!(refusal, "json-too-many-values", "{element}");
        }
    }

    proptest! {
        #[test]
        fn a_truncated_document_is_never_read(value in any_object(), cut in 0.0..1.0) {
            let text = value.to_string();
            #[expect(
                clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss,
                reason = "a place in a short text"
            )]
            let end = (text.len() as f64 * cut) as usize;
            let limits = Limits { depth: 64, ..SMALL };
            prop_assert!(parse(&text.as_bytes()[..end], limits).is_err());
        }

        #[test]
        fn a_document_survives_writing_and_reading(value in any_object()) {
            let limits = Limits { depth: 64, ..SMALL };
            prop_assert_eq!(parse(value.to_string().as_bytes(), limits).unwrap(), value);
        }

        #[test]
        fn arbitrary_bytes_are_read_as_serde_json_reads_them_or_refused(bytes: Vec<u8>) {
            if let Ok(value) = parse(&bytes, SMALL) {
                prop_assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), value);
            }
        }
    }

    fn any_object() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e18..1e18).prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        let value = leaf.prop_recursive(5, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(".*", inner, 0..4)
                    .prop_map(|it| Value::Object(it.into_iter().collect())),
            ]
        });
        prop::collection::btree_map(".*", value, 0..4)
            .prop_map(|it| Value::Object(it.into_iter().collect()))
    }
}
