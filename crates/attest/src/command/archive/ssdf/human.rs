//! The report as lines for people.

use super::{Found, Kind, ReleaseReport, SsdfReport, State, TaskState};
use crate::console::escape;
use crate::failure::Exit;

/// All lines.
pub(super) fn lines(report: &SsdfReport) -> Vec<String> {
    let mut lines = vec![format!(
        "{} ({})",
        report.framework.title, report.framework.status
    )];
    if !report.framework.remarks.is_empty() {
        lines.push(format!("note: {}", report.framework.remarks));
    }
    lines.push(format!("archive    {}", escape(&report.archive)));
    lines.push(format!(
        "verified   as signed by {}",
        escape(&report.signer)
    ));
    for release in &report.releases {
        lines.extend(of_release(report, release));
    }
    let word = match report.exit() {
        Exit::Yes => "complete: every task has the evidence that is looked for",
        Exit::Unknown => "could not tell: some bytes could not be read",
        _ => "incomplete: evidence is missing",
    };
    lines.push(String::new());
    lines.push(word.to_owned());
    lines.push("Evidence that is kept does not show that a practice is followed; each task says how far it reaches.".to_owned());
    lines
}

fn of_release(report: &SsdfReport, release: &ReleaseReport) -> Vec<String> {
    let mut lines = vec![
        String::new(),
        format!("{}  {}", escape(&release.name), release.manifest),
    ];
    lines.push(match &release.commit {
        Ok(commit) => format!("  built from {}", escape(commit)),
        Err(why) => format!("  built from no commit that is proven: {}", escape(why)),
    });
    for task in &report.framework.tasks {
        let state = release.state(task);
        lines.push(format!("  {}  {}  {}", task.id, state.name(), task.words));
        for kind in task.needs.iter().chain(&task.also) {
            lines.extend(of_kind(release, *kind, task.needs.contains(kind)));
        }
        if state != TaskState::Missing {
            lines.push(format!("    shows: {}", task.limits));
        }
    }
    lines
}

fn of_kind(release: &ReleaseReport, kind: Kind, is_needed: bool) -> Vec<String> {
    let found = release.of(kind);
    if found.is_empty() && is_needed {
        return vec![format!("    missing   {}: {}", kind.name(), kind.words())];
    }
    found.into_iter().map(line).collect()
}

fn line(found: &Found) -> String {
    let state = match found.state {
        State::Verified => "verified ",
        State::Claimed => "claimed  ",
    };
    let detail = if found.detail.is_empty() {
        String::new()
    } else {
        format!(" ({})", escape(&found.detail))
    };
    let place = escape(&found.place);
    format!(
        "    {state} {}: {place}  {}{detail}",
        found.kind.name(),
        found.digest
    )
}
