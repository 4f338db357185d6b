//! Where software comes from, in the words of SLSA.
//!
//! See [SLSA provenance v1](https://slsa.dev/spec/v1.2/build-provenance).

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::slsa_v0_2::ClaimedProvenanceV0_2;
use super::{Part, PredicateError, resources};
use crate::json::Object;
use crate::{ReleaseName, ResourceDescriptor, Source, Statement, ci, limits};

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
    run: Run,
}

/// What provenance says of one run of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Run {
    V1(Box<V1>),
    V0_2(Box<ClaimedProvenanceV0_2>),
}

/// What version 1 says beside builder and build type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct V1 {
    external: Option<Map<String, Value>>,
    internal: Map<String, Value>,
    dependencies: Vec<ResourceDescriptor>,
    invocation_id: Option<String>,
    started: Option<Timestamp>,
    finished: Option<Timestamp>,
}

impl ClaimedProvenance {
    /// Reads the predicate of version 1 or 0.2. Fields that we do not know are ignored.
    ///
    /// # Errors
    /// Another predicate type; no builder or build type, or an empty one; a malformed time or dependency;
    /// our own build type without the fields that it promises. External parameters are required by SLSA
    /// and left out by writers whose evidence approves all the same: who asks about the build, or writes
    /// provenance, must ask for them.
    pub fn from_statement(statement: &Statement) -> Result<Self, PredicateError> {
        match statement.predicate_type() {
            TYPE => Self::from_v1(Object::new("predicate", statement.predicate().clone())?),
            TYPE_V0_2 => Self::from_v0_2(statement),
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

    /// What the caller chose, in version 1; none if it does not say, which SLSA does not allow.
    pub fn external_parameters(&self) -> Option<&Map<String, Value>> {
        match &self.run {
            Run::V1(run) => run.external.as_ref(),
            Run::V0_2(_) => None,
        }
    }

    /// What the builder set, in version 1; perhaps nothing.
    pub fn internal_parameters(&self) -> Option<&Map<String, Value>> {
        match &self.run {
            Run::V1(run) => Some(&run.internal),
            Run::V0_2(_) => None,
        }
    }

    /// What went into the build: resolved dependencies, in version 0.2 materials.
    pub fn dependencies(&self) -> &[ResourceDescriptor] {
        match &self.run {
            Run::V1(run) => &run.dependencies,
            Run::V0_2(run) => &run.materials,
        }
    }

    /// Which run it was.
    pub fn invocation_id(&self) -> Option<&str> {
        match &self.run {
            Run::V1(run) => run.invocation_id.as_deref(),
            Run::V0_2(run) => run.invocation_id.as_deref(),
        }
    }

    /// When the build began.
    pub fn started(&self) -> Option<Timestamp> {
        match &self.run {
            Run::V1(run) => run.started,
            Run::V0_2(run) => run.started,
        }
    }

    /// When the build ended.
    pub fn finished(&self) -> Option<Timestamp> {
        match &self.run {
            Run::V1(run) => run.finished,
            Run::V0_2(run) => run.finished,
        }
    }

    /// What version 0.2 says in its own words.
    pub fn v0_2(&self) -> Option<&ClaimedProvenanceV0_2> {
        match &self.run {
            Run::V1(_) => None,
            Run::V0_2(run) => Some(run),
        }
    }

    fn from_v1(mut predicate: Object) -> Result<Self, PredicateError> {
        let mut definition = predicate.take_object("buildDefinition")?;
        let build_type = definition.take_text("buildType")?;
        let mut run = predicate.take_object("runDetails")?;
        let builder_id = run.take_object("builder")?.take_text("id")?;
        let external = definition.take_optional_object("externalParameters")?;
        let external = external.map(Object::into_rest);
        let internal = definition.take_optional_object("internalParameters")?;
        let internal = internal.map(Object::into_rest);
        let packaging = match build_type.as_str() {
            BUILD_TYPE => Some(packaging(external.as_ref(), internal.as_ref())?),
            _ => None,
        };
        let dependencies =
            definition.take_optional_objects("resolvedDependencies", limits::PREDICATE_ITEMS)?;
        let mut told = V1 {
            external,
            internal: internal.unwrap_or_default(),
            dependencies: resources(dependencies)?,
            ..V1::default()
        };
        if let Some(mut metadata) = run.take_optional_object("metadata")? {
            told.invocation_id = metadata.take_optional_string("invocationId")?;
            told.started = metadata.take_optional_time("startedOn")?;
            told.finished = metadata.take_optional_time("finishedOn")?;
        }
        Ok(Self {
            build_type,
            builder_id,
            packaging,
            run: Run::V1(Box::new(told)),
        })
    }

    fn from_v0_2(statement: &Statement) -> Result<Self, PredicateError> {
        let run = ClaimedProvenanceV0_2::from_statement(statement)?;
        Ok(Self {
            build_type: run.build_type.clone(),
            builder_id: run.builder_id.clone(),
            packaging: None,
            run: Run::V0_2(Box::new(run)),
        })
    }
}

fn packaging(
    external: Option<&Map<String, Value>>,
    internal: Option<&Map<String, Value>>,
) -> Result<(ReleaseName, Part), PredicateError> {
    let at = "predicate.buildDefinition.externalParameters";
    let external = external.cloned().unwrap_or_default();
    let mut external = Object::new(at, Value::Object(external))?;
    let name = external.take_string("name")?;
    let version = external.take_string("version")?;
    // SLSA: a verifier must refuse external parameters that it does not know.
    external.finish()?;
    let at = "predicate.buildDefinition.internalParameters";
    let internal = internal.cloned().unwrap_or_default();
    let mut internal = Object::new(at, Value::Object(internal))?;
    let part = Part::from_object(internal.take_object(PART)?)?;
    Ok((ReleaseName::new(&name, &version)?, part))
}

const PART: &str = "attest";

#[cfg(test)]
mod tests {
    use attest_digest::Digest;

    use super::*;
    use crate::predicate::testing::refusals;
    use crate::{GitCommit, RepositoryUri, Subject};

    fn packaging_of(source: Option<Source>, ci: Option<ci::Record>) -> Packaging {
        Packaging {
            name: ReleaseName::parse("hello@1.0.0").unwrap(),
            part: Part::only(Digest::Sha256([1; 32])).unwrap(),
            source,
            ci,
        }
    }

    fn claimed(
        predicate_type: &str,
        predicate: Value,
    ) -> Result<ClaimedProvenance, PredicateError> {
        let subject = Subject::new("a", Digest::Sha256([7; 32]).into()).unwrap();
        ClaimedProvenance::from_statement(
            &Statement::new(vec![subject], predicate_type, predicate).unwrap(),
        )
    }

    #[test]
    fn nothing_is_said_about_what_is_unknown() {
        let wanted = json!({
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"name": "hello", "version": "1.0.0"},
                "internalParameters": {"attest": {"part": 1, "parts": 1, "sha256sums": {"sha256": "01".repeat(32)}}},
            },
            "runDetails": {"builder": {"id": BUILDER_ID}},
        });
        assert_eq!(packaging_of(None, None).to_json(), wanted);
    }

    #[test]
    fn what_is_known_about_the_source_is_said() {
        let source = Source {
            repository: Some(RepositoryUri::from_remote("https://x:y@example.com/hello").unwrap()),
            commit: GitCommit::parse(&"8f".repeat(20)).unwrap(),
            dirty: Some(true),
        };
        let ci = ci::Record::from_environment([("GITHUB_ACTIONS", "true"), ("GITHUB_RUN_ID", "7")]);
        let predicate = packaging_of(Some(source), ci).to_json();
        let definition = &predicate["buildDefinition"];
        assert_eq!(
            definition["resolvedDependencies"],
            json!([{
                "uri": "git+https://example.com/hello",
                "digest": {"gitCommit": "8f".repeat(20)},
                "annotations": {"dirty": true},
            }])
        );
        assert_eq!(
            definition["internalParameters"]["ci"],
            json!({"provider": "github", "authenticated": false, "variables": {"GITHUB_RUN_ID": "7"}})
        );
    }

    #[test]
    fn provenance_that_is_made_is_the_provenance_that_is_read() {
        let made = packaging_of(None, None);
        let read = claimed(TYPE, made.to_json()).unwrap();
        assert_eq!(
            (read.build_type(), read.builder_id()),
            (BUILD_TYPE, BUILDER_ID)
        );
        assert_eq!(read.packaging(), Some(&(made.name, made.part)));
    }

    #[test]
    fn our_build_type_without_what_it_promises_is_refused() {
        let changes: &[fn(&mut Value)] = &[
            |it| it["externalParameters"]["extra"] = json!(1),
            |it| it["externalParameters"] = json!({"name": "hello"}),
            |it| it["externalParameters"]["name"] = json!("../hello"),
            |it| it["internalParameters"] = json!({}),
            |it| it["internalParameters"]["attest"]["part"] = json!(2),
            |it| drop(it.as_object_mut().unwrap().remove("internalParameters")),
            |it| drop(it.as_object_mut().unwrap().remove("externalParameters")),
            |it| drop(it.as_object_mut().unwrap().remove("buildType")),
        ];
        for (index, change) in changes.iter().enumerate() {
            let mut predicate = packaging_of(None, None).to_json();
            change(&mut predicate["buildDefinition"]);
            let refusal = claimed(TYPE, predicate).map_err(|it| it.code());
            assert_eq!(refusal, Err("predicate-malformed"), "change {index}");
        }
        let mut nobody = packaging_of(None, None).to_json();
        nobody["runDetails"] = json!({"builder": {}});
        assert_eq!(
            claimed(TYPE, nobody).map_err(|it| it.code()),
            Err("predicate-malformed")
        );
    }

    fn provenance_v1() -> Value {
        json!({
            "buildDefinition": {"buildType": "https://example.com/t", "new": 1,
                                "externalParameters": {"workflow": {"ref": "refs/heads/main"}},
                                "resolvedDependencies": [{"uri": "git+https://example.com/r", "new": 1}]},
            "runDetails": {"builder": {"id": "https://example.com/b", "version": {}},
                           "metadata": {"invocationId": "7", "startedOn": "2024-01-01T00:00:00Z"}},
        })
    }

    #[test]
    fn provenance_that_is_changed_in_one_place_is_refused() {
        refusals(
            TYPE,
            &provenance_v1(),
            ClaimedProvenance::from_statement,
            &[
                ("/buildDefinition", None),
                ("/runDetails", None),
                ("/runDetails", Some(json!({"builder": {"id": ""}}))),
                ("/buildDefinition/buildType", Some(json!(""))),
                ("/buildDefinition/externalParameters", Some(json!(null))),
                ("/buildDefinition/externalParameters", Some(json!([]))),
                ("/buildDefinition/internalParameters", Some(json!(1))),
                ("/buildDefinition/resolvedDependencies", Some(json!({}))),
                (
                    "/buildDefinition/resolvedDependencies",
                    Some(json!([{"name": "x"}])),
                ),
                ("/runDetails/metadata/finishedOn", Some(json!("2024"))),
            ],
        );
    }

    #[test]
    fn somebody_elses_provenance_is_read_in_both_versions() {
        let v0_2 = json!({"builder": {"id": "https://example.com/b"}, "buildType": "https://example.com/t"});
        for (predicate_type, predicate) in [(TYPE, provenance_v1()), (TYPE_V0_2, v0_2)] {
            let read = claimed(predicate_type, predicate).unwrap();
            assert_eq!(
                (read.build_type(), read.builder_id()),
                ("https://example.com/t", "https://example.com/b")
            );
            assert_eq!(read.packaging(), None);
        }
        let read = claimed(TYPE, provenance_v1()).unwrap();
        assert_eq!(read.invocation_id(), Some("7"));
        assert_eq!(read.started().unwrap().to_string(), "2024-01-01T00:00:00Z");
        assert_eq!(read.dependencies().len(), 1);
        assert!(read.external_parameters().unwrap().contains_key("workflow"));
        let other = claimed("https://slsa.dev/provenance/v0.1", json!({}));
        assert_eq!(
            other.map_err(|it| it.code()),
            Err("predicate-type-mismatch")
        );
    }
}
