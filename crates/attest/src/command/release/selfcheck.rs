//! The staged release, verified by a fresh process that has its files, the two pins and nothing else.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use attest_provenance::ReleaseName;
use attest_sign::Holder;
use serde::Deserialize;

use super::plan::changed;
use super::reserved::TRUSTED_ROOT;
use crate::failure::{Exit, Failure};
use crate::home::real;

/// What acquirers need to know beside the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pins {
    pub(super) release: ReleaseName,
    pub(super) signer: PinnedSigner,
    /// `sha256:HEX` of the trusted root.
    pub(super) trusted_root: String,
}

/// Who must have signed a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PinnedSigner {
    /// `sha256:HEX` of the key.
    Key(String),
    /// Whom certificates name.
    Identity(Holder),
}

/// What the fresh process found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checked {
    /// Times that it proved, sorted.
    pub(super) times: Vec<String>,
}

impl Pins {
    /// The arguments of the verification that acquirers run.
    pub(super) fn arguments(&self) -> Vec<String> {
        let release = self.release.to_string();
        let root = format!("{TRUSTED_ROOT}@{}", self.trusted_root);
        let mut arguments = vec!["--release", &release];
        match &self.signer {
            PinnedSigner::Key(key) => arguments.extend(["--key", key]),
            PinnedSigner::Identity(holder) => {
                arguments.extend(["--identity", &holder.identity, "--issuer", &holder.issuer]);
            }
        }
        arguments.extend(["--trusted-root", &root]);
        arguments.into_iter().map(str::to_owned).collect()
    }

    /// The pin of the key, if one signed.
    pub(super) fn key(&self) -> Option<&str> {
        match &self.signer {
            PinnedSigner::Key(key) => Some(key),
            PinnedSigner::Identity(_) => None,
        }
    }
}

/// Verifies a folder in a fresh process.
///
/// # Errors
/// `file-changed` when a file has other bytes than were signed, `self-check-failed` otherwise: exit 3.
pub(super) fn verify(folder: &Path, pins: &Pins) -> Result<Checked, Failure> {
    // Resolved by the new process itself: this program's own file, whatever has its name by now.
    let output = Command::new("/proc/self/exe")
        .arg("verify")
        .arg(real(folder))
        .args(pins.arguments())
        .args(["--format", "json"])
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| failed(format!("the verifying process did not start: {error}")))?;
    let report: Report = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let exit = output.status.code();
    if exit == Some(i32::from(Exit::Yes.number())) && report.answer == Exit::Yes.word() {
        return Ok(Checked {
            times: times(&report),
        });
    }
    if let Some(path) = changed_file(&report) {
        return Err(changed(&path));
    }
    let reasons = reasons(&report);
    if reasons.is_empty() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(failed(said.lines().next().unwrap_or("it said nothing")));
    }
    Err(failed(super::plan::some_of(&reasons)))
}

fn failed(problem: impl std::fmt::Display) -> Failure {
    Failure::unknown(
        "self-check-failed",
        format!("the release does not verify: {problem}"),
    )
}

/// A file whose bytes are not those that were hashed a moment ago.
fn changed_file(report: &Report) -> Option<String> {
    let files = report.subjects.iter().flat_map(|subject| &subject.files);
    let is_changed =
        |code: &str| matches!(code, "digest-mismatch" | "file-changed" | "name-mismatch");
    files
        .clone()
        .find(|file| file.code.as_deref().is_some_and(is_changed))
        .map(|file| file.path.clone())
}

fn reasons(report: &Report) -> Vec<String> {
    let subjects = report.subjects.iter().flat_map(|subject| &subject.reasons);
    let evidence = report
        .evidence
        .iter()
        .flat_map(|evidence| &evidence.reasons);
    let files = report.subjects.iter().flat_map(|subject| &subject.files);
    let files = files.filter_map(|file| Some(format!("{}: {}", file.path, file.code.as_ref()?)));
    subjects
        .chain(evidence)
        .map(|reason| format!("{} ({})", reason.code, reason.found))
        .chain(files)
        .collect()
}

fn times(report: &Report) -> Vec<String> {
    let times = report.evidence.iter().flat_map(|evidence| &evidence.times);
    let times: BTreeSet<String> = times.map(|time| time.time.clone()).collect();
    times.into_iter().collect()
}

/// What we read of the report of `attest verify`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Report {
    answer: String,
    subjects: Vec<Subject>,
    evidence: Vec<Evidence>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Subject {
    files: Vec<File>,
    reasons: Vec<Reason>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct File {
    path: String,
    code: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Reason {
    code: String,
    found: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Evidence {
    reasons: Vec<Reason>,
    times: Vec<Time>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Time {
    time: String,
}
