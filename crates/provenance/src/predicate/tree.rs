//! What stands in a folder, by its manifest.
//!
//! ```text
//! {"manifest":{"mediaType":"application/vnd.attest.tree.v0.1+jsonl"},
//!  "release":"hello@1.0.0","entries":4,"bytes":4}
//! ```
//! The one subject is the manifest, by its digest; see [`tree`](crate::tree) and `docs/tree.md`.

use serde_json::{Value, json};

use super::{PredicateError, refuse_other_type};
use crate::json::Object;
use crate::tree::TreeSummary;
use crate::{ReleaseName, Statement, StatementError, Subject};

/// The predicate type, and the type of the manifest.
pub const TYPE: &str = "https://attest.dev/tree/v0.1";

/// The media type of a manifest.
pub const MEDIA_TYPE: &str = "application/vnd.attest.tree.v0.1+jsonl";

/// What a statement says of its manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeClaim {
    /// The release that the tree was made from.
    pub release: Option<ReleaseName>,
    /// What the manifest's last line counts.
    pub summary: TreeSummary,
}

impl TreeClaim {
    /// The predicate.
    pub fn to_json(&self) -> Value {
        let mut predicate = json!({
            "manifest": {"mediaType": MEDIA_TYPE},
            "entries": self.summary.entries,
            "bytes": self.summary.bytes,
        });
        if let (Some(release), Some(object)) = (&self.release, predicate.as_object_mut()) {
            object.insert("release".to_owned(), Value::String(release.to_string()));
        }
        predicate
    }

    /// The statement about that manifest.
    ///
    /// # Errors
    /// As for [`Statement::new`].
    pub fn statement(&self, manifest: Subject) -> Result<Statement, StatementError> {
        Statement::new(vec![manifest], TYPE, self.to_json())
    }

    /// Reads the predicate.
    ///
    /// # Errors
    /// Another predicate type, another media type, or other fields.
    pub fn from_statement(statement: &Statement) -> Result<Self, PredicateError> {
        refuse_other_type(statement, TYPE)?;
        let mut predicate = Object::new("predicate", statement.predicate().clone())?;
        let mut manifest = predicate.take_object("manifest")?;
        let media_type = manifest.take_string("mediaType")?;
        if media_type != MEDIA_TYPE {
            return Err(PredicateError::Type {
                found: media_type,
                wanted: MEDIA_TYPE,
            });
        }
        manifest.finish()?;
        let release = predicate.take_optional_string("release")?;
        let release = release.map(|it| ReleaseName::parse(&it)).transpose()?;
        let summary = TreeSummary {
            entries: predicate.take_u64("entries")?,
            bytes: predicate.take_u64("bytes")?,
        };
        predicate.finish()?;
        Ok(Self { release, summary })
    }
}
