//! Materials and products.

use std::collections::BTreeMap;

use attest_digest::{DigestSet, RelativePath};
use serde_json::{Map, Value};

use super::InTotoError;
use crate::json::Object;
use crate::limits;

/// Files by path, each with its digests: the materials or the products of a link.
///
/// ```text
/// {"src/foo.py": {"sha256": "2a0f…"}}
/// ```
///
/// A path has one spelling: `dir/../foo` and `./foo` would evade rules about `foo`, and a backslash
/// means different things to different implementations, so they are refused. So is a file without a
/// digest that can be compared: to the reference, two empty sets are the same file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Artifacts(BTreeMap<RelativePath, DigestSet>);

impl Artifacts {
    /// No files.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file.
    ///
    /// # Errors
    /// A path with a backslash or that is there already; no digest that proves content.
    pub fn insert(&mut self, path: RelativePath, digests: DigestSet) -> Result<(), InTotoError> {
        check_backslash(path.as_str())?;
        if digests.is_empty() {
            return Err(InTotoError::NoDigest {
                path: path.as_str().to_owned(),
            });
        }
        if digests.iter().next().is_none() {
            return Err(InTotoError::WeakDigests {
                path: path.as_str().to_owned(),
            });
        }
        if self.0.contains_key(&path) {
            return Err(InTotoError::PathTwice {
                path: path.as_str().to_owned(),
            });
        }
        self.0.insert(path, digests);
        Ok(())
    }

    /// The digests of a file.
    pub fn get(&self, path: &str) -> Option<&DigestSet> {
        self.0.get(path)
    }

    /// Whether there is a file of that path.
    pub fn contains(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// All files, by path.
    pub fn iter(&self) -> impl Iterator<Item = (&RelativePath, &DigestSet)> {
        self.0.iter()
    }

    /// All paths.
    pub fn paths(&self) -> impl Iterator<Item = &RelativePath> {
        self.0.keys()
    }

    /// How many files.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn from_object(object: Object) -> Result<Self, InTotoError> {
        let mut artifacts = Self::new();
        let at = object.path().to_owned();
        let fields = object.into_rest();
        if fields.len() > limits::LINK_ARTIFACTS {
            return Err(InTotoError::TooManyArtifacts {
                found: fields.len(),
            });
        }
        for (path, digests) in fields {
            check_backslash(&path)?;
            let path = RelativePath::parse(&path).map_err(|problem| InTotoError::Path {
                path: path.clone(),
                problem,
            })?;
            artifacts.insert(path, digest_set(&at, digests)?)?;
        }
        Ok(artifacts)
    }

    /// The JSON that a link holds.
    pub fn to_json(&self) -> Value {
        let fields = self.0.iter().map(|(path, digests)| {
            let digests = digests.to_names_and_values().into_iter();
            let digests: Map<String, Value> = digests
                .map(|(name, value)| (name.to_owned(), Value::from(value)))
                .collect();
            (path.as_str().to_owned(), Value::Object(digests))
        });
        Value::Object(fields.collect())
    }
}

fn check_backslash(path: &str) -> Result<(), InTotoError> {
    if path.contains('\\') {
        return Err(InTotoError::Backslash {
            path: path.to_owned(),
        });
    }
    Ok(())
}

fn digest_set(at: &str, value: Value) -> Result<DigestSet, InTotoError> {
    let mut digests = DigestSet::new();
    for (name, value) in Object::new(format!("{at}[…]"), value)?.into_rest() {
        let Value::String(value) = value else {
            return Err(InTotoError::DigestType { name });
        };
        digests.insert(&name, &value)?;
    }
    Ok(digests)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(value: Value) -> &'static str {
        let object = Object::new("materials", value).unwrap();
        Artifacts::from_object(object).map_or_else(|it| it.code(), |_| "read")
    }

    #[test]
    fn a_path_with_a_second_spelling_is_refused() {
        let digests = json!({"sha256": "00".repeat(32)});
        for path in [
            "dir/../foo",
            "./foo",
            "/foo",
            "a//b",
            "a/",
            "a\\b",
            "a\0",
            "..",
            "",
            "a\nb",
        ] {
            assert_eq!(
                refusal(json!({ path: digests })),
                "artifact-path-ambiguous",
                "{path:?}"
            );
        }
        assert_eq!(refusal(json!({"src/foo bar.é": digests})), "read");
    }

    #[test]
    fn a_file_without_a_digest_that_proves_content_is_refused() {
        assert_eq!(refusal(json!({"foo": {}})), "artifact-digest-empty");
        assert_eq!(
            refusal(json!({"foo": {"md5": "00"}})),
            "artifact-digest-weak"
        );
        assert_eq!(
            refusal(json!({"foo": {"sha1": "00".repeat(20)}})),
            "artifact-digest-weak"
        );
        assert_eq!(
            refusal(json!({"foo": {"sha256": "AA".repeat(32)}})),
            "digest-malformed"
        );
        assert_eq!(refusal(json!({"foo": {"sha256": 7}})), "field-type");
        assert_eq!(refusal(json!({"foo": null})), "field-type");
    }
}
