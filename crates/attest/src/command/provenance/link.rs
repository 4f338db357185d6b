//! What was observed, as a link says it.

use std::collections::BTreeMap;

use attest_provenance::in_toto::{Artifacts, Link, StepName};
use attest_provenance::predicate::recorded::DETAILS;
use attest_provenance::{Source, ci};
use attest_record::{Ended, Observation, ObservedFile, Stream};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::failure::{Failure, with_source};

/// Everything about a step that has ended.
pub(super) struct Done<'a> {
    pub(super) step: &'a StepName,
    pub(super) command: &'a [String],
    pub(super) materials: &'a Observation,
    pub(super) products: &'a Observation,
    /// Absent for work over several commands, of which none was watched.
    pub(super) ended: Option<&'a Ended>,
    pub(super) environment: &'a BTreeMap<String, String>,
    pub(super) excludes: &'a [String],
    pub(super) source: Option<&'a Source>,
    pub(super) ci: Option<&'a ci::Record>,
    pub(super) started: Timestamp,
    pub(super) finished: Timestamp,
}

impl Done<'_> {
    pub(super) fn link(&self) -> Result<Link, Failure> {
        let mut link = Link::new(self.step.clone());
        link.command = self.command.to_vec();
        link.materials = artifacts(self.materials)?;
        link.products = artifacts(self.products)?;
        link.byproducts = self.byproducts();
        link.environment = environment(self.environment);
        Ok(link)
    }

    /// in-toto's three, and under `attest` what links have no place for.
    fn byproducts(&self) -> Map<String, Value> {
        let mut byproducts = Map::new();
        let streams = self.ended.and_then(|it| it.streams.as_ref());
        if let Some(ended) = self.ended {
            byproducts.insert(
                "return-value".to_owned(),
                json!(ended.outcome.return_value()),
            );
            byproducts.insert("stdout".to_owned(), text(streams.map(|it| &it.out)));
            byproducts.insert("stderr".to_owned(), text(streams.map(|it| &it.err)));
        }
        let mut details = details(self.materials, self.started, self.excludes);
        let mut put = |name: &str, value: Value| details.insert(name.to_owned(), value);
        put("finished", json!(self.finished.to_string()));
        put("products", about(self.products));
        if let Some(streams) = streams {
            put(
                "streams",
                json!({"stdout": extent(&streams.out), "stderr": extent(&streams.err)}),
            );
        }
        put_origin(&mut details, self.source, self.ci);
        byproducts.insert(DETAILS.to_owned(), Value::Object(details));
        byproducts
    }
}

/// A step that has begun.
pub(super) struct Begun<'a> {
    pub(super) step: &'a StepName,
    pub(super) materials: &'a Observation,
    pub(super) excludes: &'a [String],
    pub(super) source: Option<&'a Source>,
    pub(super) ci: Option<&'a ci::Record>,
    pub(super) started: Timestamp,
}

impl Begun<'_> {
    /// Its materials, and when and where it began.
    pub(super) fn link(&self) -> Result<Link, Failure> {
        let mut link = Link::new(self.step.clone());
        link.materials = artifacts(self.materials)?;
        let mut details = details(self.materials, self.started, self.excludes);
        put_origin(&mut details, self.source, self.ci);
        link.byproducts
            .insert(DETAILS.to_owned(), Value::Object(details));
        Ok(link)
    }
}

fn put_origin(details: &mut Map<String, Value>, source: Option<&Source>, ci: Option<&ci::Record>) {
    if let Some(source) = source {
        details.insert("source".to_owned(), source.descriptor().to_json());
    }
    if let Some(ci) = ci {
        details.insert("ci".to_owned(), ci.to_json());
    }
}

fn details(materials: &Observation, started: Timestamp, excludes: &[String]) -> Map<String, Value> {
    let mut details = Map::new();
    let mut put = |name: &str, value: Value| details.insert(name.to_owned(), value);
    put("version", json!(1));
    put("started", json!(started.to_string()));
    put("materials", about(materials));
    put("excluded", json!(excludes));
    details
}

/// Permissions and sizes, links, and what was not there: links have no place for it.
fn about(observation: &Observation) -> Value {
    let files: Map<String, Value> = observation
        .files()
        .iter()
        .map(|(path, file)| (path.to_string(), metadata(file)))
        .collect();
    let links: Map<String, Value> = observation
        .links()
        .iter()
        .map(|(path, target)| (path.to_string(), json!(target)))
        .collect();
    let mut about = Map::from_iter([("files".to_owned(), Value::Object(files))]);
    if !links.is_empty() {
        about.insert("links".to_owned(), Value::Object(links));
    }
    if !observation.missing().is_empty() {
        about.insert("missing".to_owned(), json!(observation.missing()));
    }
    Value::Object(about)
}

fn metadata(file: &ObservedFile) -> Value {
    json!({"mode": format!("{:04o}", file.mode()), "size": file.artifact().size()})
}

fn artifacts(observation: &Observation) -> Result<Artifacts, Failure> {
    let mut artifacts = Artifacts::new();
    for (path, file) in observation.files() {
        artifacts
            .insert(path.clone(), file.artifact().sha256().into())
            .map_err(|error| Failure::request(error.code(), with_source(&error)))?;
    }
    Ok(artifacts)
}

/// What is kept of a stream, as text; nothing if none was recorded, as in-toto writes it.
fn text(stream: Option<&Stream>) -> Value {
    let kept = stream.map(Stream::kept).unwrap_or_default();
    json!(String::from_utf8_lossy(kept))
}

fn extent(stream: &Stream) -> Value {
    json!({
        "bytes": stream.bytes(),
        "kept": stream.kept().len(),
        "whole": stream.is_whole(),
        "left_open": stream.was_left_open(),
    })
}

/// `NAME=VALUE`, as the specification of in-toto has it.
fn environment(variables: &BTreeMap<String, String>) -> Map<String, Value> {
    if variables.is_empty() {
        return Map::new();
    }
    let lines: Vec<String> = variables
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    Map::from_iter([("variables".to_owned(), json!(lines))])
}
