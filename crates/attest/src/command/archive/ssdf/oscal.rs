//! The report as OSCAL assessment results (NIST, version 1.1.3).
//!
//! The objectives are our own: that the evidence which is looked for is kept and verified. A control of
//! the framework is never called satisfied.

use attest_digest::{Artifact, Hashes};
use serde_json::{Value, json};

use super::framework::Task;
use super::{Found, Kind, ReleaseReport, SsdfReport, State, TaskState};
use crate::console::escape;

/// The document. The same evidence at the same time gives the same bytes.
pub(super) fn document(report: &SsdfReport) -> Value {
    let framework = &report.framework;
    let now = report.now.time.to_string();
    let content: Vec<String> = report.releases.iter().map(seed).collect();
    let id = uuid(&[&framework.id, &now, &report.signer, &content.concat()]);
    let plan = uuid(&["plan", &framework.id]);
    let tool = uuid(&["tool"]);
    let objectives: Vec<Value> = framework.tasks.iter().map(objective).collect();
    json!({
        "assessment-results": {
            "uuid": id,
            "metadata": {
                "title": format!("Evidence for {}", framework.title),
                "last-modified": now,
                "version": "1",
                "oscal-version": OSCAL_VERSION,
                "remarks": text(&format!("Status of the framework: {}. {}", framework.status, framework.remarks)),
            },
            "import-ap": { "href": format!("#{plan}") },
            "local-definitions": { "objectives-and-methods": objectives },
            "results": report.releases.iter().map(|it| result(report, it, &now, &tool)).collect::<Vec<_>>(),
            "back-matter": { "resources": [resource(report, &plan)] },
        }
    })
}

/// What was planned: the tasks that are looked at, and the catalogue of their controls.
fn resource(report: &SsdfReport, plan: &str) -> Value {
    let framework = &report.framework;
    let mut resource = json!({
        "uuid": plan,
        "title": "Assessment plan",
        "description": format!(
            "attest report --ssdf={}: for each release of an archive the evidence that its tasks need, verified by the trust that was given.",
            framework.id
        ),
    });
    if let (Some(catalog), Some(fields)) = (&framework.catalog, resource.as_object_mut()) {
        fields.insert("rlinks".to_owned(), json!([{ "href": catalog }]));
    }
    resource
}

fn objective(task: &Task) -> Value {
    json!({
        "control-id": task.id,
        "description": text(&task.words),
        "parts": [{
            "id": objective_id(task),
            "name": "assessment-objective",
            "prose": format!(
                "The evidence that attest looks for is kept with the release and verified: {}.",
                task.needs.iter().map(|it| it.words()).collect::<Vec<_>>().join("; ")
            ),
        }],
    })
}

fn objective_id(task: &Task) -> String {
    format!("{}_attest-evidence", task.id)
}

fn result(report: &SsdfReport, release: &ReleaseReport, now: &str, tool: &str) -> Value {
    let tasks = &report.framework.tasks;
    let controls: Vec<Value> = tasks
        .iter()
        .map(|it| json!({ "control-id": it.id }))
        .collect();
    let scope = seed(release);
    let subject = uuid(&["release", &release.name, &release.manifest]);
    let findings: Vec<Value> = tasks
        .iter()
        .map(|it| finding(release, it, &scope))
        .collect();
    let mut result = json!({
        "uuid": uuid(&["result", &scope]),
        "title": text(&release.name),
        "description": text(&format!("The release {}, whose manifest is {}.", release.name, release.manifest)),
        "start": now,
        "end": now,
        "local-definitions": {
            "components": [
                component(&subject, "software", &release.name, &format!("The release with the manifest {}.", release.manifest)),
                component(tool, "software", concat!("attest ", env!("CARGO_PKG_VERSION")), "The program that verified the evidence."),
            ],
        },
        "reviewed-controls": { "control-selections": [{ "include-controls": controls }] },
        "findings": findings,
    });
    let observations: Vec<Value> = release
        .found
        .iter()
        .enumerate()
        .map(|(at, it)| observation(it, at, (&scope, &subject, tool), now))
        .collect();
    if let (false, Some(fields)) = (observations.is_empty(), result.as_object_mut()) {
        fields.insert("observations".to_owned(), observations.into());
    }
    result
}

fn component(id: &str, kind: &str, title: &str, description: &str) -> Value {
    json!({
        "uuid": id,
        "type": kind,
        "title": text(title),
        "description": text(description),
        "status": { "state": "operational" },
    })
}

fn observation(
    found: &Found,
    at: usize,
    (scope, subject, tool): (&str, &str, &str),
    now: &str,
) -> Value {
    let method = match found.state {
        State::Verified => "TEST",
        State::Claimed => "EXAMINE",
    };
    json!({
        "uuid": observation_id(scope, at, found),
        "title": format!("{}: {}", found.kind.name(), found.state.name()),
        "description": text(&format!("{}, {}: {}", found.kind.words(), found.state.name(), or_nothing(&found.detail))),
        "methods": [method],
        "origins": [{ "actors": [{ "type": "tool", "actor-uuid": tool }] }],
        "subjects": [{ "subject-uuid": subject, "type": "component" }],
        "relevant-evidence": [{
            "description": text(&found.place),
            "props": [{ "name": "digest", "ns": NAMESPACE, "value": or_nothing(&found.digest) }],
        }],
        "collected": now,
    })
}

fn finding(release: &ReleaseReport, task: &Task, scope: &str) -> Value {
    let state = release.state(task);
    let status = match state {
        TaskState::Complete => "satisfied",
        TaskState::Incomplete | TaskState::Missing => "not-satisfied",
    };
    let missing: Vec<&str> = task
        .needs
        .iter()
        .filter(|kind| !release.has(**kind))
        .map(|kind| kind.words())
        .collect();
    let description = if missing.is_empty() {
        "All evidence that is looked for is kept and verified.".to_owned()
    } else {
        format!("Missing: {}.", missing.join("; "))
    };
    let mut finding = json!({
        "uuid": uuid(&["finding", scope, &task.id]),
        "title": format!("{}: {}", task.id, state.name()),
        "description": description,
        "target": {
            "type": "objective-id",
            "target-id": objective_id(task),
            "status": { "state": status },
            "remarks": text(&task.limits),
        },
    });
    let is_about = |kind: &Kind| task.needs.contains(kind) || task.also.contains(kind);
    let related: Vec<Value> = release
        .found
        .iter()
        .enumerate()
        .filter(|(_, it)| is_about(&it.kind))
        .map(|(at, it)| json!({ "observation-uuid": observation_id(scope, at, it) }))
        .collect();
    if let (false, Some(fields)) = (related.is_empty(), finding.as_object_mut()) {
        fields.insert("related-observations".to_owned(), related.into());
    }
    finding
}

fn observation_id(scope: &str, at: usize, found: &Found) -> String {
    uuid(&[
        "observation",
        scope,
        &at.to_string(),
        found.kind.name(),
        &found.digest,
    ])
}

/// All that is said of a release, as one text.
fn seed(release: &ReleaseReport) -> String {
    let found = release.found.iter().map(|it| {
        format!(
            "{}\n{}\n{}\n{}\n{}\n",
            it.kind.name(),
            it.state.name(),
            it.place,
            it.digest,
            it.detail
        )
    });
    format!(
        "{}\n{}\n{}",
        release.name,
        release.manifest,
        found.collect::<String>()
    )
}

/// A UUID in the form of version 5, made of content: the beginning of a SHA-256, each part with its
/// length.
fn uuid(parts: &[&str]) -> String {
    let mut bytes = b"https://attest.dev/oscal\n".to_vec();
    for part in parts {
        bytes.extend(format!("{}\n{part}\n", part.len()).into_bytes());
    }
    let digest = Artifact::of_bytes(&bytes, Hashes::Sha256).sha256();
    let hex: Vec<char> = digest.hex().chars().take(32).collect();
    let part = |range: std::ops::Range<usize>| {
        hex.get(range)
            .unwrap_or_default()
            .iter()
            .collect::<String>()
    };
    format!(
        "{}-{}-5{}-8{}-{}",
        part(0..8),
        part(8..12),
        part(13..16),
        part(17..20),
        part(20..32)
    )
}

/// Text that OSCAL takes: one line, nothing invisible, not empty, no space around it.
fn text(text: &str) -> String {
    or_nothing(escape(text).trim())
}

fn or_nothing(text: &str) -> String {
    if text.is_empty() {
        "nothing more".to_owned()
    } else {
        text.to_owned()
    }
}

const OSCAL_VERSION: &str = "1.1.3";
const NAMESPACE: &str = "https://attest.dev/ns/oscal";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_made_of_its_parts_and_of_nothing_else() {
        let one = uuid(&["a", "bc"]);
        assert_eq!(one, uuid(&["a", "bc"]));
        assert_ne!(one, uuid(&["ab", "c"]));
        assert_eq!(one.len(), 36);
        assert_eq!((&one[14..15], &one[19..20]), ("5", "8"));
    }
}
