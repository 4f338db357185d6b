//! Reading an object field by field until nothing is left.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::base64::{self, Base64Error};
use crate::excerpt::Excerpt;

/// A JSON object that is read by taking its fields; what nobody took is refused at the end.
///
/// ```
/// # use attest_provenance::json::{Object, Value};
/// let value = serde_json::json!({"keyid": "k", "sig": "AA==", "extra": 1});
/// let mut object = Object::new("signatures[0]", value)?;
/// assert_eq!(object.take_string("keyid")?, "k");
/// assert_eq!(object.take_bytes("sig")?, [0]);
/// assert_eq!(object.finish().unwrap_err().to_string(), "signatures[0] has the unknown field \"extra\"");
/// # Ok::<(), attest_provenance::json::FieldError>(())
/// ```
///
/// A field that is `null` is not an absent field: it is refused.
#[derive(Debug)]
#[must_use = "finish() refuses the fields that nobody took"]
pub struct Object {
    path: String,
    fields: Map<String, Value>,
}

impl Object {
    /// An object that messages call `path`, for example `subject[3]`.
    ///
    /// # Errors
    /// The value is not an object.
    pub fn new(path: impl Into<String>, value: Value) -> Result<Self, FieldError> {
        let path = path.into();
        match value {
            Value::Object(fields) => Ok(Self { path, fields }),
            other => Err(FieldError::wrong_type(path, &other, "an object")),
        }
    }

    /// What messages call this object.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What messages call a field of this object.
    pub fn path_of(&self, field: &str) -> String {
        if self.path.is_empty() {
            return field.to_owned();
        }
        format!("{}.{field}", self.path)
    }

    /// Whether a field of that name is there and was not taken.
    pub fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    /// Takes any value.
    ///
    /// # Errors
    /// Absent.
    pub fn take(&mut self, field: &'static str) -> Result<Value, FieldError> {
        let value = self.fields.remove(field);
        value.ok_or_else(|| self.missing(field))
    }

    /// Takes any value that is there.
    pub fn take_optional(&mut self, field: &'static str) -> Option<Value> {
        self.fields.remove(field)
    }

    /// Takes a string.
    ///
    /// # Errors
    /// Absent, or not a string.
    pub fn take_string(&mut self, field: &'static str) -> Result<String, FieldError> {
        let value = self.take(field)?;
        self.string(field, value)
    }

    /// Takes a string that may be absent.
    ///
    /// # Errors
    /// Not a string.
    pub fn take_optional_string(
        &mut self,
        field: &'static str,
    ) -> Result<Option<String>, FieldError> {
        let value = self.take_optional(field);
        value.map(|it| self.string(field, it)).transpose()
    }

    /// Takes a string that says something.
    ///
    /// # Errors
    /// Absent, not a string, or empty.
    pub fn take_text(&mut self, field: &'static str) -> Result<String, FieldError> {
        let text = self.take_string(field)?;
        if text.is_empty() {
            return Err(self.wrong_value(field, text, "a text"));
        }
        Ok(text)
    }

    /// Takes a point in time in the form of RFC 3339 that may be absent.
    ///
    /// # Errors
    /// Not a string, or not a time.
    pub fn take_optional_time(
        &mut self,
        field: &'static str,
    ) -> Result<Option<Timestamp>, FieldError> {
        let text = self.take_optional_string(field)?;
        text.map(|it| match rfc3339(&it) {
            Some(time) => Ok(time),
            None => Err(self.wrong_value(field, it, "a time as in 2006-01-02T15:04:05Z")),
        })
        .transpose()
    }

    /// Takes a point in time in the form of RFC 3339.
    ///
    /// # Errors
    /// Absent, not a string, or not a time.
    pub fn take_time(&mut self, field: &'static str) -> Result<Timestamp, FieldError> {
        let time = self.take_optional_time(field)?;
        time.ok_or_else(|| self.missing(field))
    }

    /// Takes a string that is one of these, and answers what it stands for.
    ///
    /// # Errors
    /// Absent, not a string, or another one.
    pub fn take_one_of<T: Copy>(
        &mut self,
        field: &'static str,
        known: &[(&str, T)],
        wanted: &'static str,
    ) -> Result<T, FieldError> {
        let text = self.take_string(field)?;
        match known.iter().find(|(name, _)| *name == text) {
            Some((_, meaning)) => Ok(*meaning),
            None => Err(self.wrong_value(field, text, wanted)),
        }
    }

    /// Takes an array of at most `limit` strings; an absent one is empty.
    ///
    /// # Errors
    /// Not an array, too many elements, or one that is not a string.
    pub fn take_optional_strings(
        &mut self,
        field: &'static str,
        limit: usize,
    ) -> Result<Vec<String>, FieldError> {
        let values = self.take_optional_array(field, limit)?;
        let path = self.path_of(field);
        let numbered = values.into_iter().enumerate();
        numbered
            .map(|(index, value)| match value {
                Value::String(text) => Ok(text),
                other => Err(FieldError::wrong_type(
                    format!("{path}[{index}]"),
                    &other,
                    "a string",
                )),
            })
            .collect()
    }

    /// Takes an array of at most `limit` strings.
    ///
    /// # Errors
    /// Absent, not an array, too many elements, or one that is not a string.
    pub fn take_strings(
        &mut self,
        field: &'static str,
        limit: usize,
    ) -> Result<Vec<String>, FieldError> {
        if !self.has(field) {
            return Err(self.missing(field));
        }
        self.take_optional_strings(field, limit)
    }

    /// Takes bytes in canonical base64.
    ///
    /// # Errors
    /// Absent, not a string, or not canonical base64.
    pub fn take_bytes(&mut self, field: &'static str) -> Result<Vec<u8>, FieldError> {
        let text = self.take_string(field)?;
        self.bytes(field, text)
    }

    /// Takes bytes in canonical base64 that may be absent.
    ///
    /// # Errors
    /// Not a string, or not canonical base64.
    pub fn take_optional_bytes(
        &mut self,
        field: &'static str,
    ) -> Result<Option<Vec<u8>>, FieldError> {
        let text = self.take_optional_string(field)?;
        text.map(|it| self.bytes(field, it)).transpose()
    }

    /// Takes a boolean that may be absent.
    ///
    /// # Errors
    /// Not a boolean.
    pub fn take_optional_bool(&mut self, field: &'static str) -> Result<Option<bool>, FieldError> {
        match self.take_optional(field) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(other) => Err(self.wrong_type(field, &other, "a boolean")),
        }
    }

    /// Takes a field that is there and `null`; leaves every other.
    pub fn take_null(&mut self, field: &'static str) {
        if self.fields.get(field).is_some_and(Value::is_null) {
            self.fields.remove(field);
        }
    }

    /// Takes an integer from 0 to 2⁶⁴−1: a JSON number.
    ///
    /// # Errors
    /// Absent, not a number, negative, or with a fraction.
    pub fn take_u64(&mut self, field: &'static str) -> Result<u64, FieldError> {
        let value = self.take(field)?;
        value
            .as_u64()
            .ok_or_else(|| self.wrong_type(field, &value, "an integer that is not negative"))
    }

    /// Takes a 64-bit integer as protobuf's JSON writes it, a string of decimal digits, that may be
    /// absent: from 0 to 2⁶³−1. A JSON number is read as well, as every protobuf reader does.
    ///
    /// # Errors
    /// Neither string nor number; a sign, leading zeros, a fraction, or too large.
    pub fn take_optional_int64(&mut self, field: &'static str) -> Result<Option<u64>, FieldError> {
        let Some(value) = self.take_optional(field) else {
            return Ok(None);
        };
        let number = match &value {
            Value::String(text) => decimal(text),
            Value::Number(number) => number.as_u64(),
            other => return Err(self.wrong_type(field, other, "a decimal string")),
        };
        let number = number.filter(|it| i64::try_from(*it).is_ok());
        number.map(Some).ok_or_else(|| FieldError::NotAnInteger {
            at: self.path_of(field),
        })
    }

    /// Takes an object.
    ///
    /// # Errors
    /// Absent, or not an object.
    pub fn take_object(&mut self, field: &'static str) -> Result<Self, FieldError> {
        let value = self.take(field)?;
        Self::new(self.path_of(field), value)
    }

    /// Takes an object that may be absent.
    ///
    /// # Errors
    /// Not an object.
    pub fn take_optional_object(
        &mut self,
        field: &'static str,
    ) -> Result<Option<Self>, FieldError> {
        let value = self.take_optional(field);
        value
            .map(|it| Self::new(self.path_of(field), it))
            .transpose()
    }

    /// Takes an array of at most `limit` elements.
    ///
    /// # Errors
    /// Absent, not an array, or too many elements.
    pub fn take_array(
        &mut self,
        field: &'static str,
        limit: usize,
    ) -> Result<Vec<Value>, FieldError> {
        let value = self.take(field)?;
        self.array(field, value, limit)
    }

    /// Takes an array of at most `limit` elements; an absent one is empty.
    ///
    /// # Errors
    /// Not an array, or too many elements.
    pub fn take_optional_array(
        &mut self,
        field: &'static str,
        limit: usize,
    ) -> Result<Vec<Value>, FieldError> {
        match self.take_optional(field) {
            Some(value) => self.array(field, value, limit),
            None => Ok(Vec::new()),
        }
    }

    /// Takes an array of at most `limit` objects.
    ///
    /// # Errors
    /// Absent, not an array, too many elements, or one that is not an object.
    pub fn take_objects(
        &mut self,
        field: &'static str,
        limit: usize,
    ) -> Result<Vec<Self>, FieldError> {
        let values = self.take_array(field, limit)?;
        self.objects(field, values)
    }

    /// Takes an array of at most `limit` objects; an absent one is empty.
    ///
    /// # Errors
    /// Not an array, too many elements, or one that is not an object.
    pub fn take_optional_objects(
        &mut self,
        field: &'static str,
        limit: usize,
    ) -> Result<Vec<Self>, FieldError> {
        let values = self.take_optional_array(field, limit)?;
        self.objects(field, values)
    }

    /// Refuses the fields that are left.
    ///
    /// # Errors
    /// A field that nobody took.
    pub fn finish(self) -> Result<(), FieldError> {
        match self.fields.into_iter().next() {
            None => Ok(()),
            Some((field, _)) => Err(FieldError::Unknown {
                object: self.path,
                field,
            }),
        }
    }

    /// The fields that are left, where a format allows any.
    pub fn into_rest(self) -> Map<String, Value> {
        self.fields
    }

    fn string(&self, field: &str, value: Value) -> Result<String, FieldError> {
        match value {
            Value::String(text) => Ok(text),
            other => Err(self.wrong_type(field, &other, "a string")),
        }
    }

    fn bytes(&self, field: &str, text: String) -> Result<Vec<u8>, FieldError> {
        base64::decode_owned(text).map_err(|source| FieldError::Base64 {
            at: self.path_of(field),
            source,
        })
    }

    fn array(&self, field: &str, value: Value, limit: usize) -> Result<Vec<Value>, FieldError> {
        match value {
            Value::Array(values) if values.len() <= limit => Ok(values),
            Value::Array(values) => Err(FieldError::TooMany {
                at: self.path_of(field),
                found: values.len(),
                limit,
            }),
            other => Err(self.wrong_type(field, &other, "an array")),
        }
    }

    fn objects(&self, field: &str, values: Vec<Value>) -> Result<Vec<Self>, FieldError> {
        let path = self.path_of(field);
        let numbered = values.into_iter().enumerate();
        numbered
            .map(|(index, value)| Self::new(format!("{path}[{index}]"), value))
            .collect()
    }

    /// That a field is absent.
    pub(crate) fn missing(&self, field: &'static str) -> FieldError {
        FieldError::Missing {
            object: self.path.clone(),
            field,
        }
    }

    /// That a field has a value that it cannot have.
    pub(crate) fn wrong_value(
        &self,
        field: &str,
        found: String,
        wanted: &'static str,
    ) -> FieldError {
        FieldError::Value {
            at: self.path_of(field),
            found,
            wanted,
        }
    }

    fn wrong_type(&self, field: &str, found: &Value, wanted: &'static str) -> FieldError {
        FieldError::wrong_type(self.path_of(field), found, wanted)
    }
}

/// Why a JSON object is not what was wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldError {
    /// A field is absent.
    #[error("{} has no field {field}", named(object))]
    Missing {
        /// The path of the object.
        object: String,
        /// The name of the field.
        field: &'static str,
    },
    /// A field that the format does not have.
    #[error("{} has the unknown field {}", named(object), Excerpt(field))]
    Unknown {
        /// The path of the object.
        object: String,
        /// The name of the field, as claimed.
        field: String,
    },
    /// A value of another type.
    #[error("{} is {found}, wanted {wanted}", named(at))]
    WrongType {
        /// The path of the value.
        at: String,
        /// Its JSON type.
        found: &'static str,
        /// The type that is wanted.
        wanted: &'static str,
    },
    /// A value of the right type that cannot be.
    #[error("{at} is {}, wanted {wanted}", Excerpt(found))]
    Value {
        /// The path of the value.
        at: String,
        /// The value, as claimed.
        found: String,
        /// What is wanted.
        wanted: &'static str,
    },
    /// A string that is not canonical base64.
    #[error("{at} is not canonical base64")]
    Base64 {
        /// The path of the value.
        at: String,
        /// What is wrong with it.
        source: Base64Error,
    },
    /// A 64-bit integer that is not written as one.
    #[error("{at} is not a decimal integer from 0 to 2^63-1")]
    NotAnInteger {
        /// The path of the value.
        at: String,
    },
    /// Too many elements.
    #[error("{at} has {found} elements, at most {limit} are read")]
    TooMany {
        /// The path of the array.
        at: String,
        /// Its count of elements.
        found: usize,
        /// The count that is allowed.
        limit: usize,
    },
}

impl FieldError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "field-missing",
            Self::Unknown { .. } => "field-unknown",
            Self::WrongType { .. } => "field-type",
            Self::Value { .. } => "field-value",
            Self::Base64 { .. } => "field-base64",
            Self::NotAnInteger { .. } => "field-integer",
            Self::TooMany { .. } => "field-too-many",
        }
    }

    pub(crate) fn wrong_type(at: String, found: &Value, wanted: &'static str) -> Self {
        let found = match found {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        };
        Self::WrongType { at, found, wanted }
    }
}

fn named(path: &str) -> &str {
    if path.is_empty() {
        "the document"
    } else {
        path
    }
}

/// The form of RFC 3339, of which jiff reads a superset: no spaces, no annotations, seconds, an offset.
fn rfc3339(text: &str) -> Option<Timestamp> {
    let (day, clock) = text.split_once('T')?;
    let (clock, offset) = match clock.strip_suffix('Z') {
        Some(clock) => (clock, ""),
        None => clock.split_at_checked(clock.len().checked_sub("+00:00".len())?)?,
    };
    let (seconds, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let of_form = |text: &str, form: &str| {
        text.len() == form.len()
            && text
                .bytes()
                .zip(form.bytes())
                .all(|(byte, form)| match form {
                    b'0' => byte.is_ascii_digit(),
                    other => byte == other,
                })
    };
    let is_offset = offset.is_empty() || of_form(offset, "+00:00") || of_form(offset, "-00:00");
    let is_fraction =
        (1..=9).contains(&fraction.len()) && fraction.bytes().all(|it| it.is_ascii_digit());
    let is_time = of_form(day, "0000-00-00") && of_form(seconds, "00:00:00");
    (is_time && is_fraction && is_offset)
        .then(|| text.parse().ok())
        .flatten()
}

fn decimal(text: &str) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with(['0', '+', '-']);
    canonical.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Object {
        Object::new("it", value).unwrap()
    }

    #[test]
    fn a_field_that_nobody_took_is_refused() {
        let mut it = object(json!({"a": "x", "b\u{1b}": 1}));
        it.take_string("a").unwrap();
        let error = it.finish().unwrap_err();
        assert_eq!(error.code(), "field-unknown");
        assert_eq!(error.to_string(), r#"it has the unknown field "b\u{1b}""#);
    }

    #[test]
    fn null_is_not_an_absent_field() {
        let it = || object(json!({"a": null}));
        let refused = [
            it().take_optional_string("a").unwrap_err(),
            it().take_optional_bytes("a").unwrap_err(),
            it().take_optional_bool("a").unwrap_err(),
            it().take_optional_int64("a").unwrap_err(),
            it().take_optional_object("a").unwrap_err(),
            it().take_optional_array("a", 1).unwrap_err(),
        ];
        for error in refused {
            assert_eq!(error.code(), "field-type", "{error}");
            assert!(
                error.to_string().starts_with("it.a is null, wanted "),
                "{error}"
            );
        }
    }

    #[test]
    fn an_absent_field_is_named() {
        let error = Object::new("", json!({}))
            .unwrap()
            .take_bytes("sig")
            .unwrap_err();
        assert_eq!(error.code(), "field-missing");
        assert_eq!(error.to_string(), "the document has no field sig");
    }

    #[test]
    fn a_64_bit_integer_has_one_spelling() {
        let read = |value: Value| object(json!({"a": value})).take_optional_int64("a");
        for (value, wanted) in [
            (json!("0"), 0),
            (json!("79571823"), 79_571_823),
            (json!(7), 7),
            (json!("9223372036854775807"), 9_223_372_036_854_775_807),
        ] {
            assert_eq!(read(value), Ok(Some(wanted)));
        }
        for value in [
            json!(""),
            json!("00"),
            json!("01"),
            json!("+1"),
            json!("-1"),
            json!(" 1"),
            json!("1 "),
            json!("1.0"),
            json!("1e3"),
            json!("0x1"),
            json!("9223372036854775808"),
            json!(-1),
            json!(1.5),
            json!(1.0),
            json!(u64::MAX),
            json!("१"),
        ] {
            assert_eq!(
                read(value.clone()).map_err(|it| it.code()),
                Err("field-integer"),
                "{value}"
            );
        }
        assert_eq!(object(json!({})).take_optional_int64("a"), Ok(None));
    }

    #[test]
    fn a_time_has_the_form_of_rfc_3339() {
        let read = |text: &str| object(json!({"a": text})).take_time("a");
        for (text, wanted) in [
            ("2021-08-06T17:45:50Z", "2021-08-06T17:45:50Z"),
            ("2021-08-06T17:45:50.52Z", "2021-08-06T17:45:50.52Z"),
            (
                "2023-01-08T18:02:03.647787998-06:00",
                "2023-01-09T00:02:03.647787998Z",
            ),
        ] {
            assert_eq!(read(text).unwrap().to_string(), wanted);
        }
        for text in [
            "",
            "Z",
            "T",
            "2021-08-06",
            "2021-08-06T17:45Z",
            "2021-08-06T17:45:50",
            "2021-08-06 17:45:50Z",
            "2021-08-06t17:45:50z",
            "2021-08-06T17:45:50.Z",
            "2021-08-06T17:45:50.0123456789Z",
            "2021-08-06T17:45:50,5Z",
            "2021-08-06T17:45:50+0000",
            "2021-08-06T17:45:50Z[UTC]",
            "2021-13-06T17:45:50Z",
            "20210806T174550Z",
            "+002021-08-06T17:45:50Z",
            "2021-08-06T17:45:50é00:0",
        ] {
            assert_eq!(read(text).unwrap_err().code(), "field-value", "{text}");
        }
        assert_eq!(
            object(json!({})).take_time("a").unwrap_err().code(),
            "field-missing"
        );
    }

    #[test]
    fn a_text_says_something() {
        let error = object(json!({"a": ""})).take_text("a").unwrap_err();
        assert_eq!(error.to_string(), r#"it.a is "", wanted a text"#);
    }

    #[test]
    fn strings_are_strings() {
        let it = || object(json!({"a": ["x", 1]}));
        let error = it().take_strings("a", 2).unwrap_err();
        assert_eq!(error.to_string(), "it.a[1] is a number, wanted a string");
        assert_eq!(
            it().take_strings("b", 2).unwrap_err().code(),
            "field-missing"
        );
        assert_eq!(
            it().take_optional_strings("b", 2).unwrap(),
            Vec::<String>::new()
        );
    }

    #[test]
    fn an_array_has_a_bound_and_its_objects_have_places() {
        let it = || object(json!({"a": [{}, {}, 3]}));
        assert_eq!(
            it().take_array("a", 2).unwrap_err().code(),
            "field-too-many"
        );
        let error = it().take_objects("a", 3).unwrap_err();
        assert_eq!(error.to_string(), "it.a[2] is a number, wanted an object");
    }

    #[test]
    fn base64_inside_a_document_is_canonical() {
        let error = object(json!({"a": "/x=="})).take_bytes("a").unwrap_err();
        assert_eq!(error.code(), "field-base64");
        assert_eq!(error.to_string(), "it.a is not canonical base64");
    }
}
