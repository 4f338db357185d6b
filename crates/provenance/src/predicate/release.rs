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
use crate::statement::refuse_duplicate_names;
use crate::{ReleaseName, Statement, StatementError, Subject};

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
        refuse_other_type(statement, TYPE)?;
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
