//! The parser: `serde_json` reads the tokens, we decide what may become a value.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::excerpt::Excerpt;
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
    let reading = Reading::new(limits);
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

/// Why bytes are not JSON of one meaning. Lines and columns count from 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// Too many bytes.
    #[error("JSON has {found} bytes, at most {limit} are read")]
    TooLarge {
        /// Bytes of the document.
        found: usize,
        /// Bytes that are allowed.
        limit: usize,
    },
    /// The document begins with `EF BB BF`.
    #[error("JSON begins with a byte order mark")]
    ByteOrderMark,
    /// The bytes are not UTF-8.
    #[error("JSON is not UTF-8 at byte {offset}")]
    NotUtf8 {
        /// Bytes before the first that is wrong.
        offset: usize,
    },
    /// Arrays and objects are nested too deeply.
    #[error("JSON is nested deeper than {limit} at line {line}, column {column}")]
    TooDeep {
        /// The depth that is allowed.
        limit: usize,
        /// Where it was noticed.
        line: usize,
        /// Where it was noticed.
        column: usize,
    },
    /// Too many values.
    #[error("JSON holds more values than {limit} bytes of memory take")]
    TooManyValues {
        /// The memory that is allowed.
        limit: usize,
    },
    /// An object has the same key twice, escapes resolved.
    #[error(
        "JSON key {} is given twice, at line {line}, column {column}",
        Excerpt(key)
    )]
    DuplicateKey {
        /// The key.
        key: String,
        /// Where it was noticed.
        line: usize,
        /// Where it was noticed.
        column: usize,
    },
    /// A number is too large to keep its value.
    #[error("JSON number at line {line}, column {column} does not fit 64 bits")]
    NumberOutOfRange {
        /// Where it was noticed.
        line: usize,
        /// Where it was noticed.
        column: usize,
    },
    /// Something follows the value.
    #[error("JSON is followed by something else at line {line}, column {column}")]
    TrailingData {
        /// Where it begins.
        line: usize,
        /// Where it begins.
        column: usize,
    },
    /// Not JSON.
    #[error("not JSON at line {line}, column {column}")]
    Syntax {
        /// Where it was noticed.
        line: usize,
        /// Where it was noticed.
        column: usize,
        /// What the parser says.
        source: serde_json::Error,
    },
}

impl JsonError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "json-too-large",
            Self::ByteOrderMark => "json-byte-order-mark",
            Self::NotUtf8 { .. } => "json-not-utf8",
            Self::TooDeep { .. } => "json-too-deep",
            Self::TooManyValues { .. } => "json-too-many-values",
            Self::DuplicateKey { .. } => "json-duplicate-key",
            Self::NumberOutOfRange { .. } => "json-number-out-of-range",
            Self::TrailingData { .. } => "json-trailing-data",
            Self::Syntax { .. } => "json-syntax",
        }
    }
}

/// What one run of the parser shares: its bounds, and why we stopped it, which `serde_json` can only
/// carry as text.
struct Reading {
    depth: usize,
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
    fn new(limits: Limits) -> Self {
        Self {
            depth: limits.depth.min(limits::JSON_DEPTH),
            memory_left: Cell::new(limits::JSON_MEMORY),
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
            Some(Refused::TooManyValues) => JsonError::TooManyValues {
                limit: limits::JSON_MEMORY,
            },
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
        if !(-TWO_TO_63..TWO_TO_64).contains(&value) {
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
