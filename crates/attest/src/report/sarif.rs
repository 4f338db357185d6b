//! The report as SARIF 2.1.0, for those who collect findings: each refusal is a result, each file that
//! was looked at an artifact.
//!
//! What could not be told is a result of level `error` too: a dashboard that shows failures alone must
//! not show nothing. Its property `answer` says which it is.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    ArchiveReport, EvidenceState, FileReport, Refusal, Report, SubjectReport, Verdict, path_of,
    sentence,
};
use crate::codes;
use crate::console::escape;
use crate::failure::{Exit, Failure};

pub(super) fn log(report: &Report) -> Value {
    let mut findings = Findings::default();
    for subject in &report.subjects {
        findings.subject(subject);
    }
    if let Some(archive) = &report.archive {
        findings.archive(archive);
    }
    for evidence in &report.evidence {
        match &evidence.state {
            EvidenceState::Rejected(reasons) => {
                for reason in reasons.iter().take(1) {
                    findings.add(reason, "note", None, &location(&evidence.place));
                }
            }
            EvidenceState::Unreadable(reason) => {
                findings.add(reason, "note", None, &location(&evidence.place));
            }
            EvidenceState::Proven(_) | EvidenceState::NotLookedAt => {}
        }
    }
    let exit = report.exit();
    document(&json!({
        "tool": tool(&findings.rules()),
        "invocations": [invocation(exit, &[])],
        "artifacts": artifacts(report),
        "results": findings.results,
        "columnKind": "unicodeCodePoints",
        "properties": {
            "answer": exit.word(),
            "command": report.command,
            "signer": report.signer,
            "accepted": report.accepted,
            "notChecked": report.not_checked,
        },
    }))
}

/// A refusal that came before any report.
pub(crate) fn failure(failure: &Failure) -> Value {
    let text = message(&failure.message);
    let notification = json!({
        "level": "error",
        "message": { "text": text },
        "descriptor": { "id": failure.code },
        "properties": { "hint": failure.hint },
    });
    let (results, notifications) = match failure.exit {
        // The evidence does not say so: a finding, as in a report.
        Exit::No => (
            vec![json!({ "ruleId": failure.code, "level": "error", "message": { "text": text } })],
            Vec::new(),
        ),
        _ => (Vec::new(), vec![notification]),
    };
    document(&json!({
        "tool": tool(&[failure.code]),
        "invocations": [invocation(failure.exit, &notifications)],
        "results": results,
        "columnKind": "unicodeCodePoints",
        "properties": { "answer": failure.exit.word() },
    }))
}

fn document(run: &Value) -> Value {
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    })
}

fn tool(rules: &[&str]) -> Value {
    let rules = rules.iter().map(|code| {
        let meaning = codes::all().find(|it| it.code == *code);
        let meaning = meaning.map_or(*code, |it| it.meaning);
        json!({ "id": code, "shortDescription": { "text": message(meaning) } })
    });
    json!({ "driver": {
        "name": "attest",
        "version": env!("CARGO_PKG_VERSION"),
        "rules": rules.collect::<Vec<_>>(),
    }})
}

/// Executed successfully is a run that gave an answer, also when the answer is no.
fn invocation(exit: Exit, notifications: &[Value]) -> Value {
    json!({
        "executionSuccessful": matches!(exit, Exit::Yes | Exit::No),
        "exitCode": exit.number(),
        "exitCodeDescription": exit.word(),
        "toolExecutionNotifications": notifications,
    })
}

#[derive(Default)]
struct Findings {
    /// Codes by their place among the rules.
    rules: BTreeMap<&'static str, usize>,
    results: Vec<Value>,
}

impl Findings {
    fn subject(&mut self, subject: &SubjectReport) {
        let mut told = false;
        for reason in &subject.reasons {
            self.add(
                reason,
                "error",
                Some(Exit::No),
                &subject_location(subject, None),
            );
            told = true;
        }
        for file in &subject.files {
            let place = subject_location(subject, Some(file));
            match &file.verdict {
                Verdict::Rejected(reason) => self.add(reason, "error", Some(Exit::No), &place),
                Verdict::Unreadable(reason) => {
                    self.add(reason, "error", Some(Exit::Unknown), &place);
                }
                Verdict::Verified | Verdict::Evidence(_) | Verdict::Extra | Verdict::Deleted => {
                    continue;
                }
            }
            told = true;
        }
        if !told && subject.exit() != Exit::Yes {
            let place = subject_location(subject, None);
            self.add(&Refusal::nothing(), "error", Some(Exit::No), &place);
        }
    }

    fn archive(&mut self, archive: &ArchiveReport) {
        let place = location(&archive.place);
        for problem in &archive.problems {
            self.add(problem, "error", Some(Exit::No), &place);
        }
        for (code, text) in &archive.notes {
            self.push(code, text, "note", None, &place);
        }
    }

    fn add(&mut self, refusal: &Refusal, level: &str, answer: Option<Exit>, place: &Value) {
        self.push(refusal.code, &sentence(refusal), level, answer, place);
    }

    fn push(
        &mut self,
        code: &'static str,
        text: &str,
        level: &str,
        answer: Option<Exit>,
        place: &Value,
    ) {
        let next = self.rules.len();
        let rule = *self.rules.entry(code).or_insert(next);
        let mut result = json!({
            "ruleId": code,
            "ruleIndex": rule,
            "level": level,
            "message": { "text": message(text) },
            "locations": [place],
        });
        if let (Some(answer), Some(object)) = (answer, result.as_object_mut()) {
            object.insert("properties".to_owned(), json!({ "answer": answer.word() }));
        }
        self.results.push(result);
    }

    /// The codes in the order of their indices.
    fn rules(&self) -> Vec<&'static str> {
        let mut rules: Vec<_> = self.rules.iter().collect();
        rules.sort_by_key(|(_, index)| **index);
        rules.into_iter().map(|(code, _)| *code).collect()
    }
}

/// Every file that was hashed, with its digest.
fn artifacts(report: &Report) -> Vec<Value> {
    let files = report
        .subjects
        .iter()
        .flat_map(|subject| subject.files.iter().map(move |file| (subject, file)));
    files
        .filter(|(subject, _)| is_path(subject))
        .filter_map(|(subject, file)| {
            let digest = file.sha256.as_ref()?;
            let verdict = match &file.verdict {
                Verdict::Verified => "verified",
                Verdict::Evidence(_) => "evidence",
                Verdict::Extra => "extra",
                Verdict::Deleted => "deleted",
                Verdict::Rejected(_) => "rejected",
                Verdict::Unreadable(_) => "unreadable",
            };
            let mut artifact = json!({
                "location": { "uri": uri(&path_of(subject, file)) },
                "roles": ["analysisTarget"],
                "hashes": { "sha-256": digest },
                "properties": { "verdict": verdict },
            });
            if let (Some(size), Some(object)) = (file.size, artifact.as_object_mut()) {
                object.insert("length".to_owned(), json!(size));
            }
            Some(artifact)
        })
        .collect()
}

/// Whether a subject lies in the file system, so that its files have paths.
fn is_path(subject: &SubjectReport) -> bool {
    matches!(subject.kind, "file" | "folder" | "checksums" | "tree")
}

fn subject_location(subject: &SubjectReport, file: Option<&FileReport>) -> Value {
    let name = file.map_or_else(|| subject.subject.clone(), |file| path_of(subject, file));
    if is_path(subject) {
        location(&name)
    } else {
        json!({ "logicalLocations": [{ "fullyQualifiedName": escape(&name) }] })
    }
}

fn location(path: &str) -> Value {
    json!({ "physicalLocation": { "artifactLocation": { "uri": uri(path) } } })
}

/// A path as a reference (RFC 3986): all but the unreserved characters and `/` is percent-encoded.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    if path.starts_with('/') {
        uri.push_str("file://");
    }
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.extend(['%', hex_digit(byte >> 4), hex_digit(byte & 15)]);
        }
    }
    uri
}

fn hex_digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16)
        .unwrap_or('0')
        .to_ascii_uppercase()
}

/// Untrusted text as a plain text message: neither a link (`[text](target)`, SARIF 3.11.6) nor a
/// placeholder (`{0}`, 3.11.5) can stand in it.
fn message(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in escape(text).chars() {
        match character {
            '[' | ']' => shown.extend(['\\', character]),
            '{' | '}' => shown.extend([character, character]),
            _ => shown.push(character),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_reference_whatever_is_in_it() {
        assert_eq!(uri("dist/a b#c?.txt"), "dist/a%20b%23c%3F.txt");
        assert_eq!(uri("javascript:alert(1)"), "javascript%3Aalert%281%29");
        assert_eq!(uri("/tmp/ü"), "file:///tmp/%C3%BC");
    }

    #[test]
    fn untrusted_text_is_neither_a_link_nor_a_placeholder() {
        assert_eq!(
            message("see [here](http://evil) {0}\u{1b}"),
            "see \\[here\\](http://evil) {{0}}\\u{{1b}}"
        );
    }
}
