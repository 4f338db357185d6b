//! Which files make up a release.
//!
//! ```text
//! {"purl": "pkg:generic/hello@1.0.0",
//!  "attest": {"part": 1, "parts": 1, "sha256sums": {"sha256": "2cf2…"}}}
//! ```
//! See in-toto's [release predicate](https://github.com/in-toto/attestation/blob/main/spec/predicates/release.md);
//! `attest` is our own field.

use serde_json::{Value, json};

use super::{Part, PredicateError, refuse_other_type};
use crate::json::Object;
use crate::release_name::PURL_GENERIC;
use crate::subject::refuse_duplicate_names;
use crate::{ReleaseName, Statement, StatementError, Subject};

/// The older predicate type, which is read too.
pub const TYPE_V0_1: &str = "https://in-toto.io/attestation/release/v0.1";

/// The predicate type.
pub const TYPE: &str = "https://in-toto.io/attestation/release/v0.2";

/// A release that we make, or one part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// What is released.
    pub name: ReleaseName,
    /// Which part of it.
    pub part: Part,
}

impl Release {
    /// The predicate.
    pub fn to_json(&self) -> Value {
        json!({"purl": self.name.purl(), "attest": self.part.to_json()})
    }

    /// The statement that these files, named by their paths, are that part of the release.
    ///
    /// # Errors
    /// No file, more than one statement may name, or two of one name.
    pub fn statement(&self, files: Vec<Subject>) -> Result<Statement, StatementError> {
        refuse_duplicate_names(&files)?;
        Statement::new(files, TYPE, self.to_json())
    }
}

/// A release as a statement claims it, ours or somebody else's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedRelease {
    purl: String,
    name: Option<ReleaseName>,
    part: Option<Part>,
}

impl ClaimedRelease {
    /// Reads the predicate. Fields that we do not know are ignored outside of `attest`, as in-toto's
    /// parsing rules want; package URLs of other types than ours name no release of ours.
    ///
    /// # Errors
    /// Another predicate type, no package URL, one of our type that is not canonical, a malformed
    /// part, or two files of one name.
    pub fn from_statement(statement: &Statement) -> Result<Self, PredicateError> {
        if statement.predicate_type() != TYPE_V0_1 {
            refuse_other_type(statement, TYPE)?;
        }
        refuse_duplicate_names(statement.subjects())?;
        let mut predicate = Object::new("predicate", statement.predicate().clone())?;
        let purl = predicate.take_string("purl")?;
        let name = if purl.starts_with(PURL_GENERIC) {
            Some(ReleaseName::from_purl(&purl)?)
        } else {
            None
        };
        let part = predicate.take_optional_object("attest")?;
        let part = part.map(Part::from_object).transpose()?;
        Ok(Self { purl, name, part })
    }

    /// The package URL.
    pub fn purl(&self) -> &str {
        &self.purl
    }

    /// The name, if the package URL is of the type `generic`.
    pub const fn name(&self) -> Option<&ReleaseName> {
        self.name.as_ref()
    }

    /// Which part of the release this is, if it says so.
    pub const fn part(&self) -> Option<&Part> {
        self.part.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use attest_digest::Digest;

    use super::*;

    const CHECKSUMS: Digest = Digest::Sha256([1; 32]);

    fn file(name: &str) -> Subject {
        Subject::new(name, Digest::Sha256([7; 32]).into()).unwrap()
    }

    fn release(number: u32, count: u32) -> Release {
        Release {
            name: ReleaseName::parse("@acme/tool@1.0+x").unwrap(),
            part: Part::new(number, count, CHECKSUMS).unwrap(),
        }
    }

    fn refusal_of(predicate: Value) -> &'static str {
        let statement = Statement::new(vec![file("a")], TYPE, predicate).unwrap();
        ClaimedRelease::from_statement(&statement)
            .unwrap_err()
            .code()
    }

    #[test]
    fn a_release_that_is_made_is_the_release_that_is_read() {
        let made = release(2, 3);
        let statement = made.statement(vec![file("a"), file("b/a")]).unwrap();
        let read =
            ClaimedRelease::from_statement(&Statement::parse(&statement.to_bytes()).unwrap())
                .unwrap();
        assert_eq!(read.name(), Some(&made.name));
        assert_eq!(read.part(), Some(&made.part));
        assert_eq!(read.purl(), "pkg:generic/%40acme/tool@1.0%2Bx");
    }

    #[test]
    fn a_file_cannot_be_in_a_release_twice() {
        let twice = release(1, 1).statement(vec![file("a"), file("a")]);
        assert_eq!(twice.unwrap_err().code(), "statement-malformed");
        let claimed =
            Statement::new(vec![file("a"), file("a")], TYPE, release(1, 1).to_json()).unwrap();
        let refusal = ClaimedRelease::from_statement(&claimed).unwrap_err();
        assert!(
            matches!(refusal, PredicateError::Subjects(_)),
            "{refusal:?}"
        );
    }

    #[test]
    fn a_release_that_names_itself_in_two_ways_is_refused() {
        for purl in [
            "pkg:generic/a@b@1",
            "pkg:generic/%61@1",
            "pkg:generic/../a@1",
            "pkg:generic/a@1?x=y",
            "pkg:generic/a",
        ] {
            assert_eq!(
                refusal_of(json!({"purl": purl})),
                "predicate-malformed",
                "{purl}"
            );
        }
        assert_eq!(refusal_of(json!({})), "predicate-malformed");
        assert_eq!(refusal_of(json!({"purl": null})), "predicate-malformed");
        assert_eq!(
            refusal_of(json!({"purl": "pkg:npm/a@1", "attest": {"part": 1}})),
            "predicate-malformed"
        );
        assert_eq!(
            refusal_of(json!({"purl": "pkg:npm/a@1", "attest": null})),
            "predicate-malformed"
        );
    }

    #[test]
    fn somebody_elses_release_is_read_and_names_none_of_ours() {
        let predicate = json!({"purl": "pkg:npm/%40angular/http@7.2.16", "packageId": "1234567890", "https://e.com/x": 1});
        let statement = Statement::new(vec![file("http-7.2.16.tgz")], TYPE, predicate).unwrap();
        let read = ClaimedRelease::from_statement(&statement).unwrap();
        assert_eq!((read.name(), read.part()), (None, None));
    }

    #[test]
    fn another_predicate_is_not_a_release() {
        for other in [
            "https://in-toto.io/attestation/release/v0.3",
            "https://in-toto.io/attestation/release/v0.2/",
        ] {
            let statement =
                Statement::new(vec![file("a")], other, release(1, 1).to_json()).unwrap();
            let refusal = ClaimedRelease::from_statement(&statement).unwrap_err();
            assert_eq!(refusal.code(), "predicate-type-mismatch");
        }
    }
}
