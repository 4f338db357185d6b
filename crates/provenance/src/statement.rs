//! in-toto statements: what is said, and about which bytes.

use serde::Serialize;
use serde_json::Value;

use crate::excerpt::Excerpt;
use crate::json::{FieldError, JsonError, Object};
use crate::predicate::publish;
use crate::subject::refuse_duplicate_names;
use crate::{ResourceError, Subject, json, limits};

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
        // "Unset is treated the same as set-but-empty." PyPI's attestations write null for it.
        if predicate_type == publish::PYPI {
            object.take_null("predicate");
        }
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
        let subject: Vec<Value> = self
            .subjects
            .iter()
            .map(|it| it.descriptor().to_json())
            .collect();
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

#[cfg(test)]
mod tests {
    use attest_digest::{Algorithm, Digest, DigestSet};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn accepted() -> Value {
        json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "a", "digest": {"sha256": "00".repeat(32)}}],
            "predicateType": "https://example.com/p",
            "predicate": {"k": [1, {"x": null}]},
        })
    }

    fn parse(value: &Value) -> Result<Statement, StatementError> {
        Statement::parse(value.to_string().as_bytes())
    }

    fn refusal_with(change: impl FnOnce(&mut Value)) -> &'static str {
        assert!(
            parse(&accepted()).is_ok(),
            "the parent of every attack is accepted"
        );
        let mut value = accepted();
        change(&mut value);
        match parse(&value) {
            Ok(_) => panic!("{value} was accepted"),
            Err(error) => error.code(),
        }
    }

    #[test]
    fn a_statement_of_another_type_is_refused() {
        for uri in [
            "",
            "https://in-toto.io/Statement/v2",
            "https://in-toto.io/statement/v1",
            "https://in-toto.io/Statement/v1/",
            "https://in-toto.io/Link/v1",
            "link",
            " https://in-toto.io/Statement/v1",
        ] {
            assert_eq!(
                refusal_with(|it| it["_type"] = json!(uri)),
                "statement-type-unknown",
                "{uri}"
            );
        }
    }

    #[test]
    fn a_statement_that_is_changed_in_one_place_is_refused() {
        let malformed: &[fn(&mut Value)] = &[
            |it| it["extra"] = json!(1),
            |it| it["subjects"] = json!([]),
            |it| it["_type"] = json!(["https://in-toto.io/Statement/v1"]),
            |it| it["subject"] = json!([]),
            |it| it["subject"] = json!(null),
            |it| it["subject"] = json!({}),
            |it| it["subject"][0] = json!("a"),
            |it| it["subject"][0]["extra"] = json!(1),
            |it| it["subject"][0]["name"] = json!(7),
            |it| it["subject"][0]["digest"] = json!({}),
            |it| it["subject"][0]["digest"] = json!(null),
            |it| it["subject"][0]["digest"] = json!({"sha256": "00".repeat(31)}),
            |it| it["subject"][0]["digest"] = json!({"sha256": "0A".repeat(32)}),
            |it| it["subject"][0] = json!({"name": "a"}),
            |it| it["subject"][0] = json!({"name": "a", "uri": "https://example.com/"}),
            |it| it["subject"][0]["content"] = json!("/x=="),
            |it| it["subject"] = json!(vec![it["subject"][0].clone(); limits::SUBJECTS_READ + 1]),
            |it| it["predicateType"] = json!(""),
            |it| it["predicateType"] = json!(null),
            |it| it["predicate"] = json!(null),
            |it| it["predicate"] = json!([]),
            |it| it["predicate"] = json!("{}"),
            |it| drop(it.as_object_mut().unwrap().remove("_type")),
            |it| drop(it.as_object_mut().unwrap().remove("subject")),
            |it| drop(it.as_object_mut().unwrap().remove("predicateType")),
            |it| *it = json!([it.clone()]),
        ];
        for (index, change) in malformed.iter().enumerate() {
            assert_eq!(
                refusal_with(change),
                "statement-malformed",
                "change {index}"
            );
        }
    }

    #[test]
    fn a_predicate_that_is_null_is_none_where_pypi_writes_it() {
        let text = |predicate_type: &str, predicate: Value| {
            json!({
                "_type": "https://in-toto.io/Statement/v1",
                "subject": [{"name": "a.whl", "digest": {"sha256": "00".repeat(32)}}],
                "predicateType": predicate_type,
                "predicate": predicate,
            })
            .to_string()
        };
        let parsed = Statement::parse(text(publish::PYPI, Value::Null).as_bytes()).unwrap();
        assert_eq!(parsed.predicate(), &json!({}));
        assert!(Statement::parse(text(publish::PYPI, json!({})).as_bytes()).is_ok());
        for (predicate_type, predicate) in [
            ("https://slsa.dev/provenance/v1", Value::Null),
            (publish::PYPI, json!("")),
            (publish::PYPI, json!([])),
        ] {
            let refused = Statement::parse(text(predicate_type, predicate).as_bytes());
            assert_eq!(refused.unwrap_err().code(), "statement-malformed");
        }
    }

    #[test]
    fn json_with_two_meanings_is_refused_wherever_it_stands() {
        let text = accepted().to_string();
        for (found, instead) in [
            ("\"k\":", "\"k\":1,\"k\":"),
            ("\"x\":", "\"x\":1,\"x\":"),
            ("\"sha256\":", "\"sha256\":\"\",\"sha256\":"),
            (
                "\"predicateType\":",
                "\"predicateType\":\"https://example.com/q\",\"predicateType\":",
            ),
        ] {
            assert!(text.contains(found));
            let error = Statement::parse(text.replacen(found, instead, 1).as_bytes()).unwrap_err();
            assert_eq!(error.code(), "statement-malformed");
            assert!(
                matches!(error, StatementError::Json(JsonError::DuplicateKey { .. })),
                "{error:?}"
            );
        }
        for changed in [
            format!("{text}{text}"),
            format!("\u{feff}{text}"),
            text[..text.len() - 1].to_owned(),
        ] {
            let error = Statement::parse(changed.as_bytes()).unwrap_err();
            assert!(matches!(error, StatementError::Json(_)), "{error:?}");
        }
    }

    #[test]
    fn a_statement_that_is_too_large_is_not_read() {
        let bytes = vec![b' '; limits::STATEMENT.bytes + 1];
        assert_eq!(
            Statement::parse(&bytes).unwrap_err().code(),
            "statement-too-large"
        );
    }

    #[test]
    fn an_absent_predicate_is_an_empty_one() {
        let mut value = accepted();
        value.as_object_mut().unwrap().remove("predicate");
        assert_eq!(parse(&value).unwrap().predicate(), &json!({}));
    }

    #[test]
    fn version_0_1_names_every_subject_once() {
        let old = |subject: Value| {
            let mut value = accepted();
            value["_type"] = json!("https://in-toto.io/Statement/v0.1");
            value["subject"] = subject;
            parse(&value).map(|it| it.version())
        };
        let digest = json!({"sha256": "00".repeat(32)});
        let unnamed = json!([{"digest": digest}]);
        let twice = json!([{"name": "a", "digest": digest}, {"name": "a", "digest": digest}]);
        for refused in [unnamed, twice] {
            assert_eq!(
                old(refused).map_err(|it| it.code()),
                Err("statement-malformed")
            );
        }
        for meaningless in ["_", ""] {
            let subject = json!({"name": meaningless, "digest": digest});
            assert!(matches!(
                old(json!([subject, subject])),
                Ok(StatementVersion::V0_1)
            ));
        }
    }

    #[test]
    fn version_1_needs_no_names() {
        let mut value = accepted();
        value["subject"] = json!([{"digest": {"sha1": "00"}}, {"name": "", "digest": {"sha256": "00".repeat(32)}}]);
        let statement = parse(&value).unwrap();
        assert!(statement.subjects().iter().all(|it| it.name().is_none()));
    }

    #[test]
    fn a_name_can_stand_for_several_subjects() {
        let mut value = accepted();
        value["subject"] = json!([
            {"name": "a", "digest": {"sha256": "00".repeat(32)}},
            {"name": "b", "digest": {"sha256": "00".repeat(32)}},
            {"name": "a", "digest": {"sha256": "11".repeat(32)}},
        ]);
        let statement = parse(&value).unwrap();
        assert_eq!(statement.subjects_named("a").count(), 2);
        assert_eq!(statement.subjects_named("A").count(), 0);
    }

    fn subject(name: &str) -> Subject {
        Subject::new(name, Digest::Sha256([7; 32]).into()).unwrap()
    }

    #[test]
    fn a_statement_that_others_would_refuse_is_not_made() {
        let make = |count: usize, predicate_type: &str, predicate: Value| {
            let subjects = (0..count).map(|it| subject(&it.to_string())).collect();
            Statement::new(subjects, predicate_type, predicate).map_err(|it| it.code())
        };
        assert_eq!(make(0, "p", json!({})), Err("statement-malformed"));
        assert_eq!(make(1025, "p", json!({})), Err("statement-malformed"));
        assert_eq!(make(1, "", json!({})), Err("statement-malformed"));
        assert_eq!(make(1, "p", json!([])), Err("statement-malformed"));
        assert!(make(1024, "p", json!({})).is_ok());
        assert_eq!(
            Subject::new("a", DigestSet::new()).unwrap_err().code(),
            "statement-malformed"
        );
    }

    #[test]
    fn the_bytes_are_compact_and_in_the_order_of_the_specification() {
        let statement = Statement::new(vec![subject("a")], "p", json!({"z": 1, "a": 2})).unwrap();
        let wanted = format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"digest":{{"sha256":"{}"}},"name":"a"}}],"predicateType":"p","predicate":{{"a":2,"z":1}}}}"#,
            "07".repeat(32)
        );
        assert_eq!(String::from_utf8(statement.to_bytes()).unwrap(), wanted);
    }

    proptest! {
        #[test]
        fn a_statement_survives_writing_and_reading(
            names in prop::collection::vec(".*", 1..20), predicate_type in ".+", byte: u8, text in ".*",
        ) {
            let subjects = names.iter().map(|name| {
                let mut digests = DigestSet::from(Digest::Sha256([byte; 32]));
                digests.insert_digest(Digest::from_bytes(Algorithm::Sha512, &[byte; 64]).unwrap()).unwrap();
                Subject::new(name, digests).unwrap()
            });
            let statement = Statement::new(subjects.collect(), predicate_type, json!({"text": text})).unwrap();
            prop_assert_eq!(&Statement::parse(&statement.to_bytes()).unwrap(), &statement);
        }
    }
}
