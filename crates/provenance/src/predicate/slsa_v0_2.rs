//! SLSA provenance v0.2, which is read and never written.
//!
//! ```text
//! {"builder": {"id": "…"}, "buildType": "…",
//!  "invocation": {"configSource": {"uri": "git+https://…", "digest": {"sha1": "…"}, "entryPoint": "…"},
//!                 "parameters": {}, "environment": {}},
//!  "metadata": {"buildInvocationId": "…", "buildStartedOn": "…", "buildFinishedOn": "…"},
//!  "materials": [{"uri": "git+https://…", "digest": {"sha1": "…"}}]}
//! ```
//! See [SLSA provenance v0.2](https://slsa.dev/spec/v0.2/provenance).

use attest_digest::DigestSet;
use jiff::Timestamp;
use serde_json::Value;

use super::{PredicateError, refuse_other_type, resources};
use crate::json::Object;
use crate::resource::digests_from;
use crate::{ResourceDescriptor, Statement, limits};

pub use super::slsa::TYPE_V0_2 as TYPE;

/// Provenance of version 0.2, as claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedProvenanceV0_2 {
    /// Who claims to have run the build.
    pub builder_id: String,
    /// How the build is to be understood.
    pub build_type: String,
    /// Where the definition of the build came from.
    pub config_source: Option<ConfigSource>,
    /// What the caller chose: any JSON.
    pub parameters: Option<Value>,
    /// What else the builder says about the run: any JSON.
    pub environment: Option<Value>,
    /// What `buildConfig` says: any JSON.
    pub build_config: Option<Value>,
    /// Which run it was.
    pub invocation_id: Option<String>,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// What went into the build.
    pub materials: Vec<ResourceDescriptor>,
}

/// Where the definition of a build came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigSource {
    /// The repository, with a reference behind `@`.
    pub uri: Option<String>,
    /// The commit.
    pub digests: DigestSet,
    /// What in it was run.
    pub entry_point: Option<String>,
}

impl ClaimedProvenanceV0_2 {
    /// Reads the predicate. Fields that we do not know are ignored.
    ///
    /// # Errors
    /// Another predicate type; no builder or no build type; a malformed source, time or material.
    pub fn from_statement(statement: &Statement) -> Result<Self, PredicateError> {
        refuse_other_type(statement, TYPE)?;
        let mut predicate = Object::new("predicate", statement.predicate().clone())?;
        let mut invocation = part(&mut predicate, "invocation")?;
        let mut metadata = part(&mut predicate, "metadata")?;
        let config_source = invocation.take_optional_object("configSource")?;
        let materials = predicate.take_optional_objects("materials", limits::PREDICATE_ITEMS)?;
        Ok(Self {
            builder_id: predicate.take_object("builder")?.take_text("id")?,
            build_type: predicate.take_text("buildType")?,
            config_source: config_source.map(source).transpose()?,
            parameters: invocation.take_optional("parameters"),
            environment: invocation.take_optional("environment"),
            build_config: predicate.take_optional("buildConfig"),
            invocation_id: metadata.take_optional_string("buildInvocationId")?,
            started: metadata.take_optional_time("buildStartedOn")?,
            finished: metadata.take_optional_time("buildFinishedOn")?,
            materials: resources(materials)?,
        })
    }
}

/// An object whose absence says the same as an empty one.
fn part(predicate: &mut Object, field: &'static str) -> Result<Object, PredicateError> {
    let at = predicate.path_of(field);
    match predicate.take_optional_object(field)? {
        Some(object) => Ok(object),
        None => Ok(Object::new(at, Value::Object(serde_json::Map::new()))?),
    }
}

fn source(mut object: Object) -> Result<ConfigSource, PredicateError> {
    let digests = object.take_optional_object("digest")?;
    Ok(ConfigSource {
        uri: object.take_optional_string("uri")?,
        digests: digests.map(digests_from).transpose()?.unwrap_or_default(),
        entry_point: object.take_optional_string("entryPoint")?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::predicate::testing::{refusals, statement};

    #[test]
    fn provenance_that_is_changed_in_one_place_is_refused() {
        let accepted = json!({
            "builder": {"id": "https://example.com/b"},
            "buildType": "https://example.com/t",
            "invocation": {
                "configSource": {"uri": "git+https://example.com/r@refs/tags/v1",
                                 "digest": {"sha1": "8f".repeat(20)}, "entryPoint": "release.yml"},
                "parameters": null, "environment": {"a": 1},
            },
            "metadata": {"buildInvocationId": "1-1", "buildStartedOn": "2023-01-01T00:00:00Z",
                         "completeness": {"parameters": true}, "reproducible": false},
            "materials": [{"uri": "git+https://example.com/r", "digest": {"sha1": "8f".repeat(20)}, "x": 1}],
        });
        let read =
            ClaimedProvenanceV0_2::from_statement(&statement(TYPE, accepted.clone())).unwrap();
        let source = read.config_source.unwrap();
        assert_eq!(source.entry_point.as_deref(), Some("release.yml"));
        refusals(
            TYPE,
            &accepted,
            ClaimedProvenanceV0_2::from_statement,
            &[
                ("/builder", None),
                ("/builder", Some(json!({"id": ""}))),
                ("/buildType", None),
                (
                    "/invocation/configSource",
                    Some(json!("git+https://example.com/r")),
                ),
                (
                    "/invocation/configSource/digest",
                    Some(json!({"sha256": "8f"})),
                ),
                ("/metadata/buildStartedOn", Some(json!("2023"))),
                ("/materials", Some(json!([{}]))),
                ("/materials", Some(json!({}))),
            ],
        );
        let little = json!({"builder": {"id": "b"}, "buildType": "t"});
        assert!(ClaimedProvenanceV0_2::from_statement(&statement(TYPE, little)).is_ok());
    }
}
