//! Where software comes from, in the words of SLSA.
//!
//! See [SLSA provenance v1](https://slsa.dev/spec/v1.2/build-provenance).

use serde_json::{Map, Value, json};

use super::{Part, PredicateError};
use crate::json::Object;
use crate::{ReleaseName, Source, Statement, ci};

/// The predicate type that we write.
pub const TYPE: &str = "https://slsa.dev/provenance/v1";

/// The older predicate type that is read too.
pub const TYPE_V0_2: &str = "https://slsa.dev/provenance/v0.2";

/// The build type of [`Packaging`].
///
/// Files that exist were put together as a release. How they were built was not observed. The
/// external parameters are `name` and `version` of the release; `internalParameters.attest` says
/// which part of it the statement is; `internalParameters.ci` repeats what the environment said about
/// a build service, which anybody can set; a resolved dependency is the git work tree in which the
/// release was made.
pub const BUILD_TYPE: &str = "https://attest.dev/buildtypes/packaging/v1";

/// The builder of [`Packaging`]: nobody watched the build, so this is SLSA build level 0.
pub const BUILDER_ID: &str = "https://attest.dev/builders/unobserved";

/// What we know about a release whose build we have not watched; what is unknown is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packaging {
    /// What is released.
    pub name: ReleaseName,
    /// Which part of it.
    pub part: Part,
    /// The work tree that it was made in.
    pub source: Option<Source>,
    /// What a build service says about itself.
    pub ci: Option<ci::Record>,
}

impl Packaging {
    /// The predicate.
    ///
    /// ```text
    /// {"buildDefinition":
    ///   {"buildType": "https://attest.dev/buildtypes/packaging/v1",
    ///    "externalParameters": {"name": "hello", "version": "1.0.0"},
    ///    "internalParameters": {"attest": {"part": 1, "parts": 1, "sha256sums": {"sha256": "2cf2…"}},
    ///                           "ci": {"provider": "github", "authenticated": false, "variables": {…}}},
    ///    "resolvedDependencies": [{"uri": "git+https://example.com/hello",
    ///                              "digest": {"gitCommit": "8f3c…"}, "annotations": {"dirty": false}}]},
    ///  "runDetails": {"builder": {"id": "https://attest.dev/builders/unobserved"}}}
    /// ```
    pub fn to_json(&self) -> Value {
        let mut internal = Map::from_iter([(PART.to_owned(), self.part.to_json())]);
        if let Some(ci) = &self.ci {
            internal.insert("ci".to_owned(), ci.to_json());
        }
        let mut definition = Map::from_iter([
            ("buildType".to_owned(), json!(BUILD_TYPE)),
            (
                "externalParameters".to_owned(),
                json!({"name": self.name.name(), "version": self.name.version()}),
            ),
            ("internalParameters".to_owned(), Value::Object(internal)),
        ]);
        if let Some(source) = &self.source {
            definition.insert(
                "resolvedDependencies".to_owned(),
                json!([source.descriptor().to_json()]),
            );
        }
        json!({
            "buildDefinition": definition,
            "runDetails": {"builder": {"id": BUILDER_ID}},
        })
    }
}

/// Provenance as a statement claims it, ours or somebody else's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedProvenance {
    build_type: String,
    builder_id: String,
    packaging: Option<(ReleaseName, Part)>,
}

impl ClaimedProvenance {
    /// Reads the predicate of version 1 or 0.2. Fields that we do not know are ignored.
    ///
    /// # Errors
    /// Another predicate type, a required field that is absent, or our own build type without the
    /// fields that it promises.
    pub fn from_statement(statement: &Statement) -> Result<Self, PredicateError> {
        let predicate = Object::new("predicate", statement.predicate().clone())?;
        match statement.predicate_type() {
            TYPE => Self::from_v1(predicate),
            TYPE_V0_2 => Self::from_v0_2(predicate),
            other => Err(PredicateError::Type {
                found: other.to_owned(),
                wanted: TYPE,
            }),
        }
    }

    /// How the build is to be understood.
    pub fn build_type(&self) -> &str {
        &self.build_type
    }

    /// Who claims to have run the build.
    pub fn builder_id(&self) -> &str {
        &self.builder_id
    }

    /// The release and which part of it, if the build is our [`Packaging`].
    pub const fn packaging(&self) -> Option<&(ReleaseName, Part)> {
        self.packaging.as_ref()
    }

    fn from_v1(mut predicate: Object) -> Result<Self, PredicateError> {
        let mut definition = predicate.take_object("buildDefinition")?;
        let build_type = definition.take_string("buildType")?;
        let external = definition.take_object("externalParameters")?;
        let mut run = predicate.take_object("runDetails")?;
        let builder_id = run.take_object("builder")?.take_string("id")?;
        let packaging = match build_type.as_str() {
            BUILD_TYPE => Some(packaging(external, &mut definition)?),
            _ => None,
        };
        Ok(Self {
            build_type,
            builder_id,
            packaging,
        })
    }

    fn from_v0_2(mut predicate: Object) -> Result<Self, PredicateError> {
        let builder_id = predicate.take_object("builder")?.take_string("id")?;
        let build_type = predicate.take_string("buildType")?;
        Ok(Self {
            build_type,
            builder_id,
            packaging: None,
        })
    }
}

fn packaging(
    mut external: Object,
    definition: &mut Object,
) -> Result<(ReleaseName, Part), PredicateError> {
    let name = external.take_string("name")?;
    let version = external.take_string("version")?;
    // SLSA: a verifier must refuse external parameters that it does not know.
    external.finish()?;
    let mut internal = definition.take_object("internalParameters")?;
    let part = Part::from_object(internal.take_object(PART)?)?;
    Ok((ReleaseName::new(&name, &version)?, part))
}

const PART: &str = "attest";
