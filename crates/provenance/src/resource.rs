//! in-toto's description of a thing.

use attest_digest::{DigestError, DigestSet};
use serde_json::{Map, Value, json};

use crate::base64;
use crate::json::{FieldError, Object};

/// A claimed description of one thing: by digests, by URI, or by its content.
///
/// ```text
/// {"name": "tool.tar.gz", "digest": {"sha256": "7f47…"}, "mediaType": "application/gzip"}
/// ```
/// See [ResourceDescriptor](https://github.com/in-toto/attestation/blob/main/spec/v1/resource_descriptor.md).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceDescriptor {
    /// What tells it from the others; an empty name is none.
    pub name: Option<String>,
    /// What identifies it globally.
    pub uri: Option<String>,
    /// Its digests; an empty set is none.
    pub digests: DigestSet,
    /// Its content.
    pub content: Option<Vec<u8>>,
    /// Where to fetch it, if not at `uri`.
    pub download_location: Option<String>,
    /// Its media type.
    pub media_type: Option<String>,
    /// What else is said about it.
    pub annotations: Option<Map<String, Value>>,
}

impl ResourceDescriptor {
    /// Reads a descriptor and refuses fields that it does not have.
    ///
    /// # Errors
    /// A field that is unknown or of another type, a malformed digest, or none of digest, URI and
    /// content.
    pub fn from_object(mut object: Object) -> Result<Self, ResourceError> {
        let descriptor = Self::take_from(&mut object)?;
        object.finish()?;
        Ok(descriptor)
    }

    /// Reads a descriptor inside a predicate, where fields that we do not know are ignored.
    ///
    /// # Errors
    /// A field of another type, a malformed digest, or none of digest, URI and content.
    pub(crate) fn from_predicate(mut object: Object) -> Result<Self, ResourceError> {
        Self::take_from(&mut object)
    }

    fn take_from(object: &mut Object) -> Result<Self, ResourceError> {
        let at = object.path().to_owned();
        let descriptor = Self {
            name: object
                .take_optional_string("name")?
                .filter(|it| !it.is_empty()),
            uri: object.take_optional_string("uri")?,
            digests: digests(object)?,
            content: object.take_optional_bytes("content")?,
            download_location: object.take_optional_string("downloadLocation")?,
            media_type: object.take_optional_string("mediaType")?,
            annotations: object
                .take_optional_object("annotations")?
                .map(Object::into_rest),
        };
        if descriptor.digests.is_empty() && descriptor.uri.is_none() && descriptor.content.is_none()
        {
            return Err(ResourceError::Nothing { at });
        }
        Ok(descriptor)
    }

    /// The JSON of the descriptor; what is absent is left out.
    pub fn to_json(&self) -> Value {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                fields.insert(name.to_owned(), value);
            }
        };
        put("name", self.name.clone().map(Value::from));
        put("uri", self.uri.clone().map(Value::from));
        put(
            "digest",
            (!self.digests.is_empty()).then(|| digests_to_json(&self.digests)),
        );
        put(
            "content",
            self.content.as_deref().map(|it| base64::encode(it).into()),
        );
        put(
            "downloadLocation",
            self.download_location.clone().map(Value::from),
        );
        put("mediaType", self.media_type.clone().map(Value::from));
        put("annotations", self.annotations.clone().map(Value::from));
        Value::Object(fields)
    }
}

/// A path below the place of the statement itself, as a relative URI: `sbom.cdx.json`,
/// `docs/a%20b`. See RFC 3986 §4.2.
pub fn relative_uri(path: &str) -> String {
    path.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                char::from(byte).to_string()
            }
            // A colon, too: in the first segment it would end a scheme.
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// Why something does not describe a resource.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResourceError {
    /// Not the fields of a descriptor.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// A digest is malformed.
    #[error("{at} is malformed")]
    Digest {
        /// The path of the digests.
        at: String,
        /// What is wrong.
        source: DigestError,
    },
    /// Neither digest nor URI nor content.
    #[error("{at} has none of digest, uri and content")]
    Nothing {
        /// The path of the descriptor.
        at: String,
    },
}

impl ResourceError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Field(error) => error.code(),
            Self::Digest { source, .. } => source.code(),
            Self::Nothing { .. } => "resource-empty",
        }
    }
}

pub(crate) fn digests_to_json(digests: &DigestSet) -> Value {
    json!(digests.to_names_and_values())
}

fn digests(object: &mut Object) -> Result<DigestSet, ResourceError> {
    match object.take_optional_object("digest")? {
        Some(claimed) => digests_from(claimed),
        None => Ok(DigestSet::new()),
    }
}

/// Reads a set of digests by their algorithms.
///
/// # Errors
/// A digest that is no string, or malformed.
pub(crate) fn digests_from(claimed: Object) -> Result<DigestSet, ResourceError> {
    let mut digests = DigestSet::new();
    let at = claimed.path().to_owned();
    for (algorithm, value) in claimed.into_rest() {
        let Value::String(value) = value else {
            return Err(FieldError::wrong_type(at, &value, "a string for each algorithm").into());
        };
        digests
            .insert(&algorithm, &value)
            .map_err(|source| ResourceError::Digest {
                at: at.clone(),
                source,
            })?;
    }
    Ok(digests)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: Value) -> Result<ResourceDescriptor, ResourceError> {
        ResourceDescriptor::from_object(Object::new("it", value)?)
    }

    #[test]
    fn every_field_survives_writing_and_reading() {
        let value = json!({
            "name": "a", "uri": "https://example.com/a", "digest": {"sha256": "00".repeat(32), "gitCommit": "8f3c"},
            "content": "aGVsbG8=", "downloadLocation": "https://example.com/b", "mediaType": "text/plain",
            "annotations": {"any": [1, null, {"x": 1.5}]},
        });
        assert_eq!(read(value.clone()).unwrap().to_json(), value);
    }

    #[test]
    fn a_descriptor_that_describes_nothing_is_refused() {
        for value in [
            json!({}),
            json!({"name": "a"}),
            json!({"name": "a", "digest": {}}),
            json!({"mediaType": "a"}),
        ] {
            assert_eq!(read(value).map_err(|it| it.code()), Err("resource-empty"));
        }
        for value in [
            json!({"uri": "a"}),
            json!({"content": ""}),
            json!({"digest": {"sha1": "00"}}),
        ] {
            assert!(read(value).is_ok());
        }
    }

    #[test]
    fn a_malformed_digest_is_refused() {
        for (digest, code) in [
            (json!({"sha256": "00"}), "digest-malformed"),
            (json!({"sha256": "AA".repeat(32)}), "digest-malformed"),
            (json!({"sha256": ["00"]}), "field-type"),
            (json!({"sha1": ""}), "digest-malformed"),
            (json!([]), "field-type"),
            (json!(null), "field-type"),
        ] {
            assert_eq!(
                read(json!({"digest": digest})).map_err(|it| it.code()),
                Err(code),
                "{digest}"
            );
        }
    }

    #[test]
    fn a_path_becomes_a_relative_uri_that_cannot_be_an_absolute_one() {
        for (path, uri) in [
            ("sbom.cdx.json", "sbom.cdx.json"),
            ("docs/a b.json", "docs/a%20b.json"),
            ("https:x", "https%3Ax"),
            ("a?b#c%d", "a%3Fb%23c%25d"),
            ("é", "%C3%A9"),
        ] {
            assert_eq!(relative_uri(path), uri);
        }
    }
}
