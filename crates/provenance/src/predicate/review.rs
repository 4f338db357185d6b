//! That somebody reviewed a source revision: our own predicate, since no vetted one exists.
//!
//! ```text
//! {"_type": "https://in-toto.io/Statement/v1",
//!  "subject": [{"name": "git+https://example.com/hello", "digest": {"gitCommit": "8f3c…"}}],
//!  "predicateType": "https://attest.dev/predicates/review/v0.1",
//!  "predicate":
//!   {"scope": "design", "result": "APPROVED", "reviewedOn": "2026-11-20T10:00:00Z",
//!    "reviewer": {"id": "mailto:bob@example.com"}, "independentOfAuthor": true,
//!    "basis": [{"name": "design.md", "digest": {"sha256": "3b0d…"}, "mediaType": "text/markdown"}],
//!    "findings": [{"summary": "keys are never rotated", "severity": "high", "resolved": true}]}}
//! ```
//! Every subject is a git commit. Unknown fields are refused: this is our own type, and a field that a
//! reader does not know could take back what the others say.

use attest_digest::DigestSet;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{PredicateError, refuse_other_type, take_text, take_time, take_word};
use crate::json::{FieldError, Object};
use crate::{GitCommit, ResourceDescriptor, Statement, StatementError, Subject, limits};

/// The predicate type.
pub const TYPE: &str = "https://attest.dev/predicates/review/v0.1";

/// A review, as it is claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// What was looked at.
    pub scope: Scope,
    /// What came out.
    pub result: ReviewResult,
    /// When it ended.
    pub reviewed_on: Timestamp,
    /// Who reviewed, as a URI.
    pub reviewer: String,
    /// Whether the reviewer is somebody else than the author, as the reviewer says; absent when the
    /// statement does not say.
    pub independent: Option<bool>,
    /// The documents and scans that it is based on, each by digest.
    pub basis: Vec<ResourceDescriptor>,
    /// What was found.
    pub findings: Vec<Finding>,
}

/// What a review looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The changes of the source code.
    Code,
    /// The design, against requirements and risks (SSDF PW.2.1).
    Design,
}

/// What came out of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewResult {
    /// It may be used.
    Approved,
    /// Not yet.
    ChangesRequested,
    /// No.
    Rejected,
}

/// One thing that a review found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was found.
    pub summary: String,
    /// How bad it is.
    pub severity: Severity,
    /// Whether the reviewed revision no longer has it.
    pub resolved: bool,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// To know.
    Info,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Critical.
    Critical,
}

impl Review {
    /// The statement that this review is of these commits of a repository.
    ///
    /// # Errors
    /// No commit, or too many.
    pub fn statement(
        &self,
        repository: Option<&str>,
        commits: &[GitCommit],
    ) -> Result<Statement, StatementError> {
        let subject = |it: &GitCommit| Subject::new(repository.unwrap_or_default(), it.digests());
        let subjects: Result<Vec<Subject>, _> = commits.iter().map(subject).collect();
        Statement::new(subjects?, TYPE, self.to_json())
    }

    /// Reads the predicate.
    ///
    /// # Errors
    /// Another predicate type; a field that is absent, unknown or not what it may be; a document
    /// without a digest that proves something; a subject that is no git commit.
    pub fn from_statement(statement: &Statement) -> Result<Self, PredicateError> {
        refuse_other_type(statement, TYPE)?;
        let is_commit = |it: &Subject| commit_of(it).is_some();
        if !statement.subjects().iter().all(is_commit) {
            return Err(PredicateError::Subject {
                wanted: "a gitCommit digest",
            });
        }
        let mut it = Object::new("predicate", statement.predicate().clone())?;
        let mut reviewer = it.take_object("reviewer")?;
        let reviewer_id = take_text(&mut reviewer, "id")?;
        reviewer.finish()?;
        let review = Self {
            scope: take_word(&mut it, "scope", SCOPES, "code or design")?,
            result: take_word(&mut it, "result", RESULTS, RESULT_WORDS)?,
            reviewed_on: take_time(&mut it, "reviewedOn")?,
            reviewer: reviewer_id,
            independent: it.take_optional_bool("independentOfAuthor")?,
            basis: it
                .take_optional_objects("basis", limits::REVIEW_BASIS)?
                .into_iter()
                .map(document)
                .collect::<Result<_, _>>()?,
            findings: it
                .take_optional_objects("findings", limits::REVIEW_FINDINGS)?
                .into_iter()
                .map(Finding::from_object)
                .collect::<Result<_, _>>()?,
        };
        it.finish()?;
        Ok(review)
    }

    /// The predicate.
    pub fn to_json(&self) -> Value {
        let mut fields = Map::from_iter([
            ("scope".to_owned(), json!(word_of(SCOPES, self.scope))),
            ("result".to_owned(), json!(word_of(RESULTS, self.result))),
            ("reviewedOn".to_owned(), json!(self.reviewed_on.to_string())),
            ("reviewer".to_owned(), json!({"id": self.reviewer})),
        ]);
        if let Some(independent) = self.independent {
            fields.insert("independentOfAuthor".to_owned(), json!(independent));
        }
        let basis: Vec<Value> = self.basis.iter().map(ResourceDescriptor::to_json).collect();
        let findings: Vec<Value> = self.findings.iter().map(Finding::to_json).collect();
        for (name, values) in [("basis", basis), ("findings", findings)] {
            if !values.is_empty() {
                fields.insert(name.to_owned(), Value::Array(values));
            }
        }
        Value::Object(fields)
    }

    /// The findings that the revision still has.
    pub fn unresolved(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|it| !it.resolved)
    }
}

/// The commit that a subject claims to be: its `gitCommit` digest, 40 or 64 digits.
pub fn commit_of(subject: &Subject) -> Option<GitCommit> {
    let mut other = subject.digests().other();
    let (_, value) = other.find(|(name, _)| *name == "gitCommit")?;
    GitCommit::parse(value).ok()
}

impl Finding {
    fn from_object(mut object: Object) -> Result<Self, PredicateError> {
        let finding = Self {
            summary: take_text(&mut object, "summary")?,
            severity: take_word(&mut object, "severity", SEVERITIES, SEVERITY_WORDS)?,
            resolved: object.take_optional_bool("resolved")?.unwrap_or_default(),
        };
        object.finish()?;
        Ok(finding)
    }

    fn to_json(&self) -> Value {
        let severity = word_of(SEVERITIES, self.severity);
        json!({"summary": self.summary, "severity": severity, "resolved": self.resolved})
    }
}

impl Scope {
    /// As the predicate writes it.
    pub fn word(self) -> &'static str {
        word_of(SCOPES, self)
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        value_of(SCOPES, word)
    }
}

impl ReviewResult {
    /// As the predicate writes it.
    pub fn word(self) -> &'static str {
        word_of(RESULTS, self)
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        value_of(RESULTS, word)
    }
}

impl Severity {
    /// As the predicate writes it.
    pub fn word(self) -> &'static str {
        word_of(SEVERITIES, self)
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        value_of(SEVERITIES, word)
    }
}

/// A document counts by its bytes alone.
fn document(object: Object) -> Result<ResourceDescriptor, PredicateError> {
    let path = object.path().to_owned();
    let descriptor = ResourceDescriptor::from_object(object)?;
    if descriptor.digests.strongest().is_none() {
        let field = "digest";
        return Err(FieldError::Missing {
            object: path,
            field,
        }
        .into());
    }
    Ok(descriptor)
}

/// A document of that name and digest.
pub fn document_of(name: &str, digests: DigestSet) -> ResourceDescriptor {
    ResourceDescriptor {
        name: Some(name.to_owned()),
        digests,
        ..ResourceDescriptor::default()
    }
}

fn word_of<T: Copy + PartialEq>(words: &[(&'static str, T)], value: T) -> &'static str {
    let word = words.iter().find(|(_, it)| *it == value);
    word.map_or("", |(word, _)| word)
}

fn value_of<T: Copy>(words: &[(&'static str, T)], word: &str) -> Option<T> {
    let value = words.iter().find(|(it, _)| *it == word);
    value.map(|(_, value)| *value)
}

const SCOPES: &[(&str, Scope)] = &[("code", Scope::Code), ("design", Scope::Design)];
const RESULTS: &[(&str, ReviewResult)] = &[
    ("APPROVED", ReviewResult::Approved),
    ("CHANGES_REQUESTED", ReviewResult::ChangesRequested),
    ("REJECTED", ReviewResult::Rejected),
];
const RESULT_WORDS: &str = "APPROVED, CHANGES_REQUESTED or REJECTED";
const SEVERITIES: &[(&str, Severity)] = &[
    ("info", Severity::Info),
    ("low", Severity::Low),
    ("medium", Severity::Medium),
    ("high", Severity::High),
    ("critical", Severity::Critical),
];
const SEVERITY_WORDS: &str = "info, low, medium, high or critical";

#[cfg(test)]
mod tests {
    use attest_digest::Digest;

    use super::*;

    fn review() -> Review {
        Review {
            scope: Scope::Design,
            result: ReviewResult::Approved,
            reviewed_on: "2026-11-20T10:00:00Z".parse().unwrap(),
            reviewer: "mailto:bob@example.com".to_owned(),
            independent: Some(true),
            basis: vec![document_of("design.md", Digest::Sha256([3; 32]).into())],
            findings: vec![Finding {
                summary: "keys are never rotated".to_owned(),
                severity: Severity::High,
                resolved: true,
            }],
        }
    }

    fn commit() -> GitCommit {
        GitCommit::parse(&"8f3c".repeat(10)).unwrap()
    }

    fn refusal_with(change: impl FnOnce(&mut Value)) -> &'static str {
        let statement = review().statement(None, &[commit()]).unwrap();
        let mut whole: Value = serde_json::from_slice(&statement.to_bytes()).unwrap();
        let read = |it: &Value| {
            let statement = Statement::parse(it.to_string().as_bytes()).unwrap();
            Review::from_statement(&statement)
        };
        assert_eq!(read(&whole).unwrap(), review(), "the parent is accepted");
        change(&mut whole);
        read(&whole).expect_err(&whole.to_string()).code()
    }

    #[test]
    fn a_review_that_is_changed_in_one_place_is_refused() {
        let changes: &[fn(&mut Value)] = &[
            |it| it["predicate"]["extra"] = json!(1),
            |it| it["predicate"]["scope"] = json!("Code"),
            |it| it["predicate"]["scope"] = json!(null),
            |it| it["predicate"]["result"] = json!("approved"),
            |it| it["predicate"]["result"] = json!(["APPROVED"]),
            |it| it["predicate"]["reviewedOn"] = json!("2026-11-20"),
            |it| it["predicate"]["reviewedOn"] = json!("2026-11-20T11:00:00+01:00"),
            |it| it["predicate"]["reviewedOn"] = json!("2026-11-20T10:00:00.000Z"),
            |it| it["predicate"]["reviewer"] = json!("bob"),
            |it| it["predicate"]["reviewer"] = json!({"id": " "}),
            |it| it["predicate"]["reviewer"] = json!({"id": "x".repeat(5000)}),
            |it| it["predicate"]["reviewer"] = json!({"id": "bob", "also": "alice"}),
            |it| it["predicate"]["independentOfAuthor"] = json!("yes"),
            |it| it["predicate"]["independentOfAuthor"] = json!(null),
            |it| it["predicate"]["basis"] = json!([{"uri": "https://example.com/design"}]),
            |it| {
                it["predicate"]["basis"] =
                    json!([{"name": "a", "digest": {"sha1": "00".repeat(20)}}]);
            },
            |it| it["predicate"]["findings"][0]["severity"] = json!("bad"),
            |it| it["predicate"]["findings"][0]["resolved"] = json!("true"),
            |it| it["predicate"]["findings"][0]["summary"] = json!(""),
            |it| it["predicate"]["findings"][0]["note"] = json!("x"),
            |it| it["subject"][0]["digest"] = json!({"sha256": "00".repeat(32)}),
            |it| it["subject"][0]["digest"] = json!({"gitCommit": "8F3C".repeat(10)}),
            |it| it["subject"][0]["digest"] = json!({"gitCommit": "8f3c"}),
        ];
        for change in changes {
            assert_eq!(refusal_with(change), "predicate-malformed");
        }
        let other = refusal_with(|it| it["predicateType"] = json!("https://example.com/review"));
        assert_eq!(other, "predicate-type-mismatch");
    }

    #[test]
    fn a_finding_is_unresolved_unless_it_says_otherwise() {
        let mut review = review();
        assert_eq!(review.unresolved().count(), 0);
        review.findings[0].resolved = false;
        assert_eq!(review.unresolved().count(), 1);
        let statement = review.statement(None, &[commit()]).unwrap();
        assert_eq!(Review::from_statement(&statement).unwrap(), review);
        assert_eq!(commit_of(&statement.subjects()[0]), Some(commit()));
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for (word, value) in SCOPES {
            assert_eq!(Scope::parse(word).map(Scope::word), Some(value.word()));
        }
        for (word, value) in RESULTS {
            assert_eq!(ReviewResult::parse(word), Some(*value));
            assert_eq!(value.word(), *word);
        }
        for (word, value) in SEVERITIES {
            assert_eq!(Severity::parse(word), Some(*value));
            assert_eq!(value.word(), *word);
        }
        assert_eq!(Scope::parse("both"), None);
    }
}
