//! in-toto statements: what is said, and about which bytes.

use std::collections::BTreeSet;

use attest_digest::DigestSet;
use serde::Serialize;
use serde_json::Value;

use crate::excerpt::Excerpt;
use crate::json::{FieldError, JsonError, Object};
use crate::{ResourceDescriptor, ResourceError, json, limits};

/// A claim about subjects that are named by their digests.
///
/// ```text
/// {"_type":"https://in-toto.io/Statement/v1",
///  "subject":[{"name":"tool.tar.gz","digest":{"sha256":"7f47…"}}],
///  "predicateType":"https://slsa.dev/provenance/v1",
///  "predicate":{…}}
/// ```
/// Unknown fields are refused outside of `predicate`, as sigstore-go does.
/// See [Statement](https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    version: StatementVersion,
    subjects: Vec<Subject>,
    predicate_type: String,
    predicate: Value,
}

/// The versions of the statement layer that are read; [`Self::V1`] is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatementVersion {
    /// `https://in-toto.io/Statement/v0.1`
    V0_1,
    /// `https://in-toto.io/Statement/v1`
    V1,
}

impl StatementVersion {
    /// The value of `_type`.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::V0_1 => "https://in-toto.io/Statement/v0.1",
            Self::V1 => "https://in-toto.io/Statement/v1",
        }
    }
}

impl Statement {
    /// A statement of version 1.
    ///
    /// # Errors
    /// No subject or more than [`limits::SUBJECTS_WRITTEN`], no predicate type, or a predicate that
    /// is not an object.
    pub fn new(
        subjects: Vec<Subject>,
        predicate_type: impl Into<String>,
        predicate: Value,
    ) -> Result<Self, StatementError> {
        if subjects.len() > limits::SUBJECTS_WRITTEN {
            return Err(StatementError::TooManySubjects {
                found: subjects.len(),
                limit: limits::SUBJECTS_WRITTEN,
            });
        }
        if !predicate.is_object() {
            return Err(
                FieldError::wrong_type("predicate".to_owned(), &predicate, "an object").into(),
            );
        }
        Self::from_parts(
            StatementVersion::V1,
            subjects,
            predicate_type.into(),
            predicate,
        )
    }

    /// Reads the payload of an envelope.
    ///
    /// # Errors
    /// Not JSON of one meaning; another `_type`; a field that is absent, unknown or of another type;
    /// no subject, or one without a digest; in version 0.1 a subject without a name, or two of one
    /// name.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatementError> {
        let mut object = Object::new("", json::parse(bytes, limits::STATEMENT)?)?;
        let version = match object.take_string("_type")? {
            uri if uri == StatementVersion::V1.uri() => StatementVersion::V1,
            uri if uri == StatementVersion::V0_1.uri() => StatementVersion::V0_1,
            found => return Err(StatementError::UnknownType { found }),
        };
        let subjects = object.take_objects("subject", limits::SUBJECTS_READ)?;
        let subjects = subjects
            .into_iter()
            .map(|it| Subject::from_object(it, version))
            .collect::<Result<Vec<_>, _>>()?;
        let predicate_type = object.take_string("predicateType")?;
        // "Unset is treated the same as set-but-empty."
        let predicate = object.take_optional_object("predicate")?;
        let predicate = predicate.map(Object::into_rest).unwrap_or_default();
        object.finish()?;
        if version == StatementVersion::V0_1 {
            refuse_duplicate_names(&subjects)?;
        }
        Self::from_parts(version, subjects, predicate_type, Value::Object(predicate))
    }

    /// Compact JSON, the same for equal statements. For a statement that was parsed these are not
    /// the bytes that were signed.
    #[expect(
        clippy::expect_used,
        reason = "strings and JSON values always have a form in JSON, and empty bytes must never be signed"
    )]
    pub fn to_bytes(&self) -> Vec<u8> {
        let subject: Vec<Value> = self.subjects.iter().map(|it| it.0.to_json()).collect();
        let layout = Layout {
            version: self.version.uri(),
            subject: &subject,
            predicate_type: &self.predicate_type,
            predicate: &self.predicate,
        };
        serde_json::to_vec(&layout).expect("a statement is JSON")
    }

    /// The version of the statement layer.
    pub const fn version(&self) -> StatementVersion {
        self.version
    }

    /// What the statement is about, at least one.
    pub fn subjects(&self) -> &[Subject] {
        &self.subjects
    }

    /// The subjects of that name, which need not be unique in version 1.
    pub fn subjects_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Subject> {
        self.subjects
            .iter()
            .filter(move |it| it.name() == Some(name))
    }

    /// The URI that says how to read the predicate.
    pub fn predicate_type(&self) -> &str {
        &self.predicate_type
    }

    /// What is said: always an object, empty if it was absent.
    pub const fn predicate(&self) -> &Value {
        &self.predicate
    }

    fn from_parts(
        version: StatementVersion,
        subjects: Vec<Subject>,
        predicate_type: String,
        predicate: Value,
    ) -> Result<Self, StatementError> {
        if subjects.is_empty() {
            return Err(StatementError::NoSubject);
        }
        if predicate_type.is_empty() {
            return Err(StatementError::NoPredicateType);
        }
        Ok(Self {
            version,
            subjects,
            predicate_type,
            predicate,
        })
    }
}

/// One thing that a statement is about: a descriptor with at least one digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject(ResourceDescriptor);

impl Subject {
    /// A subject of that name, which for files is the path in the release.
    ///
    /// # Errors
    /// There is no digest.
    pub fn new(name: impl Into<String>, digests: DigestSet) -> Result<Self, StatementError> {
        Self::from_descriptor(
            ResourceDescriptor {
                name: Some(name.into()).filter(|it| !it.is_empty()),
                digests,
                ..ResourceDescriptor::default()
            },
            "subject",
        )
    }

    /// The claimed name, if there is one.
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// The claimed digests, at least one, though perhaps none that we accept as proof.
    pub const fn digests(&self) -> &DigestSet {
        &self.0.digests
    }

    /// Everything that is claimed about the subject.
    pub const fn descriptor(&self) -> &ResourceDescriptor {
        &self.0
    }

    fn from_object(object: Object, version: StatementVersion) -> Result<Self, StatementError> {
        let at = object.path().to_owned();
        if version == StatementVersion::V0_1 && !object.has("name") {
            return Err(FieldError::Missing {
                object: at,
                field: "name",
            }
            .into());
        }
        if !object.has("digest") {
            return Err(StatementError::NoDigest { at });
        }
        Self::from_descriptor(ResourceDescriptor::from_object(object)?, &at)
    }

    fn from_descriptor(descriptor: ResourceDescriptor, at: &str) -> Result<Self, StatementError> {
        if descriptor.digests.is_empty() {
            return Err(StatementError::NoDigest { at: at.to_owned() });
        }
        Ok(Self(descriptor))
    }
}

/// Why something is not a statement.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// Not JSON of one meaning.
    #[error("statement is not readable")]
    Json(#[from] JsonError),
    /// Not the fields of a statement.
    #[error("statement is malformed")]
    Field(#[from] FieldError),
    /// Not the fields of a subject.
    #[error("subject is malformed")]
    Resource(#[from] ResourceError),
    /// Another kind of document.
    #[error("_type is {}, wanted {}", Excerpt(found), StatementVersion::V1.uri())]
    UnknownType {
        /// The type, as claimed.
        found: String,
    },
    /// The statement is about nothing.
    #[error("statement has no subject")]
    NoSubject,
    /// More subjects than every client reads.
    #[error("statement has {found} subjects, at most {limit} are written")]
    TooManySubjects {
        /// The count of subjects.
        found: usize,
        /// The count that is allowed.
        limit: usize,
    },
    /// A subject that no bytes can be compared with.
    #[error("{at} has no digest")]
    NoDigest {
        /// The path of the subject.
        at: String,
    },
    /// Two subjects of one name.
    #[error("two subjects are named {}", Excerpt(name))]
    DuplicateName {
        /// The name, as claimed.
        name: String,
    },
    /// The predicate type is empty.
    #[error("statement has an empty predicateType")]
    NoPredicateType,
}

impl StatementError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Json(JsonError::TooLarge { .. }) => "statement-too-large",
            Self::UnknownType { .. } => "statement-type-unknown",
            Self::Json(_)
            | Self::Field(_)
            | Self::Resource(_)
            | Self::NoSubject
            | Self::TooManySubjects { .. }
            | Self::NoDigest { .. }
            | Self::DuplicateName { .. }
            | Self::NoPredicateType => "statement-malformed",
        }
    }
}

/// Names that say something; `_` is how version 0.1 says that there is none.
pub(crate) fn refuse_duplicate_names(subjects: &[Subject]) -> Result<(), StatementError> {
    let mut seen = BTreeSet::new();
    let names = subjects
        .iter()
        .filter_map(Subject::name)
        .filter(|it| *it != "_");
    for name in names {
        if !seen.insert(name) {
            return Err(StatementError::DuplicateName {
                name: name.to_owned(),
            });
        }
    }
    Ok(())
}

/// The order of the fields on the wire.
#[derive(Serialize)]
struct Layout<'a> {
    #[serde(rename = "_type")]
    version: &'static str,
    subject: &'a [Value],
    #[serde(rename = "predicateType")]
    predicate_type: &'a str,
    predicate: &'a Value,
}
