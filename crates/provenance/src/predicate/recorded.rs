//! A step that was watched while it ran, in the words of SLSA provenance v1.
//!
//! What our recorder is worth: it runs where the build runs, as the same user, with a key that the build
//! could use as well. That is SLSA build level 1: provenance exists. It is not a service that the build
//! cannot touch.

use std::collections::BTreeMap;

use attest_digest::DigestSet;
use serde_json::{Map, Value, json};

use crate::ResourceDescriptor;
use crate::in_toto::Link;
use crate::json::Object;

/// The build type of a [`RecordedStep`].
///
/// A command was run, the files before and after it were observed. External parameters are `step`, its
/// name; `command`, its words; and `environment`, the variables that somebody chose to record.
/// `internalParameters.ci` repeats what the environment said about a build service, which anybody can
/// set. Resolved dependencies are the git work tree, and either every file that was there before, or
/// the link that lists them. By-products are the link itself.
pub const STEP_BUILD_TYPE: &str = "https://attest.dev/buildtypes/recorded-step/v1";

/// The builder of a [`RecordedStep`]: our recorder, beside the build and not above it.
pub const RECORDER_ID: &str = "https://attest.dev/builders/recorder";

/// Materials that are listed one by one; of more, the link is named that lists them.
pub const MATERIALS_LISTED: usize = 1024;

/// A step that was recorded; what is unknown is absent.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedStep {
    /// The name of the step.
    pub step: String,
    /// The command and its arguments.
    pub command: Vec<String>,
    /// Variables of the environment that somebody chose to record.
    pub environment: BTreeMap<String, String>,
    /// The work tree in which it ran, as [`Source::descriptor`](crate::Source::descriptor) has it.
    pub source: Option<ResourceDescriptor>,
    /// What a build service says about itself, as [`ci::Record::to_json`](crate::ci::Record::to_json)
    /// has it.
    pub ci: Option<Value>,
    /// The files before it.
    pub materials: Vec<ResourceDescriptor>,
    /// The name and the digests of the link.
    pub link: (String, DigestSet),
    /// When it began, as RFC 3339 has it.
    pub started: Option<String>,
    /// When it ended.
    pub finished: Option<String>,
}

impl RecordedStep {
    /// What a link says of its step, with what our recorder notes under [`DETAILS`]; of another tool's
    /// link, less. `file` is the name and the digests of the file that carries the link.
    pub fn from_link(link: &Link, file: (String, DigestSet)) -> Self {
        let details = link.byproducts.get(DETAILS);
        let detail = |name: &str| details.and_then(|it| it.get(name)).cloned();
        let text = |name: &str| Some(detail(name)?.as_str()?.to_owned());
        let materials = details.and_then(|it| it.pointer("/materials/files"));
        let describe = |(path, digests): (&attest_digest::RelativePath, &DigestSet)| {
            let noted = materials.and_then(|it| it.get(path.as_str()));
            ResourceDescriptor {
                name: Some(path.to_string()),
                digests: digests.clone(),
                annotations: noted.and_then(Value::as_object).cloned(),
                ..ResourceDescriptor::default()
            }
        };
        Self {
            step: link.name.to_string(),
            command: link.command.clone(),
            environment: variables(link),
            source: detail("source").and_then(|it| {
                ResourceDescriptor::from_object(Object::new("source", it).ok()?).ok()
            }),
            ci: detail("ci").filter(Value::is_object),
            materials: link.materials.iter().map(describe).collect(),
            link: file,
            started: text("started"),
            finished: text("finished"),
        }
    }

    /// The predicate.
    ///
    /// ```text
    /// {"buildDefinition":
    ///   {"buildType": "https://attest.dev/buildtypes/recorded-step/v1",
    ///    "externalParameters": {"step": "build", "command": ["make"], "environment": {}},
    ///    "internalParameters": {"ci": {…}},
    ///    "resolvedDependencies": [{"uri": "git+https://example.com/hello", "digest": {"gitCommit": "8f3c…"}},
    ///                             {"name": "main.c", "digest": {"sha256": "2cf2…"}}]},
    ///  "runDetails":
    ///   {"builder": {"id": "https://attest.dev/builders/recorder"},
    ///    "metadata": {"startedOn": "2026-11-21T09:41:07Z", "finishedOn": "2026-11-21T09:41:09Z"},
    ///    "byproducts": [{"name": "build.776a00e2.link", "digest": {"sha256": "9a41…"}}]}}
    /// ```
    pub fn to_json(&self) -> Value {
        let mut internal = Map::new();
        if let Some(ci) = &self.ci {
            internal.insert("ci".to_owned(), ci.clone());
        }
        let times = [("startedOn", &self.started), ("finishedOn", &self.finished)];
        let times: Map<String, Value> = times
            .into_iter()
            .filter_map(|(name, time)| Some((name.to_owned(), json!(time.as_ref()?))))
            .collect();
        json!({
            "buildDefinition": {
                "buildType": STEP_BUILD_TYPE,
                "externalParameters": {
                    "step": self.step,
                    "command": self.command,
                    "environment": self.environment,
                },
                "internalParameters": internal,
                "resolvedDependencies": self.dependencies(),
            },
            "runDetails": {
                "builder": {"id": RECORDER_ID},
                "metadata": times,
                "byproducts": [self.link_descriptor(None)],
            },
        })
    }

    fn dependencies(&self) -> Vec<Value> {
        let source = self.source.iter().map(ResourceDescriptor::to_json);
        if self.materials.len() > MATERIALS_LISTED {
            let listed = self.link_descriptor(Some(self.materials.len()));
            return source.chain([listed]).collect();
        }
        let materials = self.materials.iter().map(ResourceDescriptor::to_json);
        source.chain(materials).collect()
    }

    fn link_descriptor(&self, materials: Option<usize>) -> Value {
        let (name, digests) = &self.link;
        ResourceDescriptor {
            name: Some(name.clone()),
            digests: digests.clone(),
            annotations: materials
                .map(|count| Map::from_iter([("materials".to_owned(), json!(count))])),
            ..ResourceDescriptor::default()
        }
        .to_json()
    }
}

/// `NAME=VALUE` in `environment.variables`, as in-toto's specification has it.
fn variables(link: &Link) -> BTreeMap<String, String> {
    let lines = link.environment.get("variables").and_then(Value::as_array);
    lines
        .into_iter()
        .flatten()
        .filter_map(|line| line.as_str()?.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The byproduct under which our recorder notes what a link has no place for: times, permissions and
/// sizes, links, the source, the build service.
pub const DETAILS: &str = "attest";

#[cfg(test)]
mod tests {
    use attest_digest::{Digest, RelativePath};

    use super::*;
    use crate::in_toto::StepName;
    use crate::predicate::slsa::{ClaimedProvenance, TYPE};
    use crate::{Statement, Subject};

    fn step(materials: usize) -> RecordedStep {
        let material = |number: usize| ResourceDescriptor {
            name: Some(format!("m{number}")),
            digests: Digest::Sha256([1; 32]).into(),
            ..ResourceDescriptor::default()
        };
        RecordedStep {
            step: "build".to_owned(),
            command: vec!["make".to_owned()],
            environment: BTreeMap::from([("CC".to_owned(), "gcc".to_owned())]),
            source: None,
            ci: None,
            materials: (0..materials).map(material).collect(),
            link: ("build.0.link".to_owned(), Digest::Sha256([2; 32]).into()),
            started: Some("2026-11-21T09:41:07Z".to_owned()),
            finished: Some("2026-11-21T09:41:09Z".to_owned()),
        }
    }

    #[test]
    fn it_is_provenance_by_the_recorder_and_no_packaging() {
        let subject = Subject::new("a", Digest::Sha256([7; 32]).into()).unwrap();
        let statement = Statement::new(vec![subject], TYPE, step(1).to_json()).unwrap();
        let read = ClaimedProvenance::from_statement(&statement).unwrap();
        assert_eq!(
            (read.build_type(), read.builder_id()),
            (STEP_BUILD_TYPE, RECORDER_ID)
        );
        assert_eq!(read.packaging(), None);
    }

    #[test]
    fn what_a_link_says_is_what_the_provenance_says() {
        let mut link = Link::new(StepName::parse("build").unwrap());
        link.command = vec!["make".to_owned()];
        let path = RelativePath::parse("m0").unwrap();
        link.materials
            .insert(path, Digest::Sha256([1; 32]).into())
            .unwrap();
        link.environment = Map::from_iter([("variables".to_owned(), json!(["CC=gcc", 7, "x"]))]);
        let file = ("build.0.link".to_owned(), Digest::Sha256([2; 32]).into());
        // Another tool's link: nothing is made up.
        let bare = RecordedStep::from_link(&link, file.clone());
        let wanted = RecordedStep {
            started: None,
            finished: None,
            ..step(1)
        };
        assert_eq!(bare, wanted);
        link.byproducts = Map::from_iter([(
            DETAILS.to_owned(),
            json!({
                "started": "2026-11-21T09:41:07Z",
                "finished": "2026-11-21T09:41:09Z",
                "materials": {"files": {"m0": {"mode": "0644", "size": 1}}},
                "source": {"digest": {"gitCommit": "8f".repeat(20)}},
                "ci": {"provider": "gitlab"},
            }),
        )]);
        let predicate = RecordedStep::from_link(&link, file).to_json();
        let definition = &predicate["buildDefinition"];
        assert_eq!(
            definition["resolvedDependencies"][0]["digest"],
            json!({"gitCommit": "8f".repeat(20)})
        );
        assert_eq!(
            definition["resolvedDependencies"][1]["annotations"],
            json!({"mode": "0644", "size": 1})
        );
        assert_eq!(
            definition["internalParameters"],
            json!({"ci": {"provider": "gitlab"}})
        );
        assert_eq!(
            predicate["runDetails"]["metadata"]["finishedOn"],
            json!("2026-11-21T09:41:09Z")
        );
    }

    #[test]
    fn many_materials_are_those_of_the_link() {
        let dependencies = |count| {
            let predicate = step(count).to_json();
            predicate["buildDefinition"]["resolvedDependencies"].clone()
        };
        let few = dependencies(MATERIALS_LISTED);
        assert_eq!(few.as_array().unwrap().len(), MATERIALS_LISTED);
        let many = dependencies(MATERIALS_LISTED + 1);
        let wanted = json!([{
            "name": "build.0.link",
            "digest": {"sha256": "02".repeat(32)},
            "annotations": {"materials": MATERIALS_LISTED + 1},
        }]);
        assert_eq!(many, wanted);
    }
}
