//! The report as one JSON object: `docs/schema/ssdf-1.json`.

use serde_json::{Value, json};

use super::{Found, Kind, ReleaseReport, SsdfReport};

/// The whole report.
pub(super) fn object(report: &SsdfReport) -> Value {
    let exit = report.exit();
    let framework = &report.framework;
    json!({
        "version": 1,
        "command": "report",
        "answer": exit.word(),
        "exit": exit.number(),
        "at": report.now.time.to_string(),
        "framework": {
            "id": framework.id,
            "title": framework.title,
            "status": framework.status,
            "remarks": framework.remarks,
        },
        "archive": report.archive,
        "signer": report.signer,
        "trust": report.trust.iter().map(|it| json!({ "what": it.what, "place": it.place, "sha256": it.sha256, "pinned": it.pinned })).collect::<Vec<_>>(),
        "releases": report.releases.iter().map(|it| of_release(report, it)).collect::<Vec<_>>(),
    })
}

fn of_release(report: &SsdfReport, release: &ReleaseReport) -> Value {
    let tasks = report.framework.tasks.iter().map(|task| {
        let kinds = task.needs.iter().chain(&task.also);
        let evidence: Vec<Value> = kinds
            .flat_map(|kind| of_kind(release, *kind, task.needs.contains(kind)))
            .collect();
        json!({
            "task": task.id,
            "words": task.words,
            "state": release.state(task).name(),
            "limits": task.limits,
            "evidence": evidence,
        })
    });
    json!({
        "release": release.name,
        "manifest": release.manifest,
        "commit": release.commit.as_ref().ok(),
        "tasks": tasks.collect::<Vec<_>>(),
    })
}

fn of_kind(release: &ReleaseReport, kind: Kind, is_needed: bool) -> Vec<Value> {
    let object = |found: Option<&Found>| {
        json!({
            "kind": kind.name(),
            "needed": is_needed,
            "state": found.map_or("missing", |it| it.state.name()),
            "place": found.map(|it| it.place.as_str()),
            "digest": found.map(|it| it.digest.as_str()),
            "detail": found.map(|it| it.detail.as_str()),
        })
    };
    let found = release.of(kind);
    if found.is_empty() {
        return if is_needed {
            vec![object(None)]
        } else {
            Vec::new()
        };
    }
    found.into_iter().map(|it| object(Some(it))).collect()
}
