//! Reading an object field by field until nothing is left.

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
        self.fields
            .remove(field)
            .ok_or_else(|| FieldError::Missing {
                object: self.path.clone(),
                field,
            })
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

    /// Takes bytes in canonical base64.
    ///
    /// # Errors
    /// Absent, not a string, or not canonical base64.
    pub fn take_bytes(&mut self, field: &'static str) -> Result<Vec<u8>, FieldError> {
        let text = self.take_string(field)?;
        self.bytes(field, &text)
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
        text.map(|it| self.bytes(field, &it)).transpose()
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

    fn bytes(&self, field: &str, text: &str) -> Result<Vec<u8>, FieldError> {
        base64::decode(text).map_err(|source| FieldError::Base64 {
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

fn decimal(text: &str) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with(['0', '+', '-']);
    canonical.then(|| text.parse().ok()).flatten()
}
