//! What a tool's own report comes to: read far enough for a verdict, its findings by name.
//!
//! A report that says nothing never passes: no run, no target, no rule that was checked is an error,
//! and so is a form that cannot be told.

mod aide;
mod arf;
mod nikto;
mod sarif;
mod wapiti;
mod xml;
mod zap;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::excerpt::Excerpt;
use crate::json::{self, FieldError, JsonError, Object};
use crate::limits;
use crate::predicate::test_result::{Outcome, TestResult};
use crate::{ResourceDescriptor, Subject};

/// A tool whose report is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Any tool that writes SARIF 2.1.0.
    Sarif,
    /// `OpenSCAP`, `oscap … --results-arf`.
    OscapArf,
    /// ZAP's traditional JSON report.
    Zap,
    /// `nikto -Format json`.
    Nikto,
    /// `wapiti -f json`.
    Wapiti,
    /// AIDE with `report_format=json`.
    Aide,
}

impl Tool {
    /// The media type of its report.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Sarif => "application/sarif+json",
            Self::OscapArf => "application/xml",
            Self::Zap | Self::Nikto | Self::Wapiti | Self::Aide => "application/json",
        }
    }

    /// Whether it looks at something that runs, of which only a URL is known to it.
    pub const fn is_dynamic(self) -> bool {
        matches!(self, Self::Zap | Self::Nikto | Self::Wapiti)
    }
}

/// What a report comes to. Everything in it is the tool's own word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolReport {
    program: String,
    targets: BTreeSet<String>,
    passed: BTreeSet<String>,
    warned: BTreeSet<String>,
    failed: BTreeSet<String>,
    suppressed: usize,
}

impl ToolReport {
    /// Reads the report of a tool.
    ///
    /// # Errors
    /// Another form, too large, or a report that says nothing.
    pub fn parse(tool: Tool, bytes: &[u8]) -> Result<Self, ReportError> {
        let found = bytes.len();
        if found > limits::REPORT.bytes {
            let limit = limits::REPORT.bytes;
            return Err(ReportError::TooLarge { found, limit });
        }
        if tool == Tool::OscapArf {
            return arf::read(bytes);
        }
        let value = json::parse(bytes, limits::REPORT)?;
        match tool {
            Tool::Sarif => sarif::read(value),
            Tool::Zap => zap::read(value),
            Tool::Nikto => nikto::read(value),
            Tool::Wapiti => wapiti::read(value),
            Tool::Aide | Tool::OscapArf => aide::read(value),
        }
    }

    /// Who made the report, with a version if one is said.
    pub fn program(&self) -> &str {
        &self.program
    }

    /// The URLs that were looked at, for a tool that does.
    pub fn targets(&self) -> &BTreeSet<String> {
        &self.targets
    }

    /// How many findings somebody has suppressed; they count as warnings.
    pub const fn suppressed(&self) -> usize {
        self.suppressed
    }

    /// Failed if anything did, else warned if anything was, else passed.
    pub fn outcome(&self) -> Outcome {
        if !self.failed.is_empty() {
            Outcome::Failed
        } else if !self.warned.is_empty() {
            Outcome::Warned
        } else {
            Outcome::Passed
        }
    }

    /// The test result, run with these configurations; the page is where the run can be seen.
    pub fn test_result(
        &self,
        configuration: Vec<ResourceDescriptor>,
        url: Option<String>,
    ) -> TestResult {
        let worse = |name: &&String| !self.failed.contains(*name) && !self.warned.contains(*name);
        let warned = self.warned.difference(&self.failed);
        TestResult {
            result: self.outcome(),
            configuration,
            url,
            passed: self.passed.iter().filter(worse).cloned().collect(),
            warned: warned.cloned().collect(),
            failed: self.failed.iter().cloned().collect(),
        }
    }

    /// Our own field of the predicate: which report it is, by the digest of its bytes.
    pub fn extension(&self, report: &Subject) -> Value {
        json!({
            "program": self.program,
            "report": report.descriptor().to_json(),
            "targets": self.targets,
            "suppressed": self.suppressed,
        })
    }

    fn of(program: String) -> Self {
        Self {
            program,
            targets: BTreeSet::new(),
            passed: BTreeSet::new(),
            warned: BTreeSet::new(),
            failed: BTreeSet::new(),
            suppressed: 0,
        }
    }

    /// Refuses more names than one statement carries.
    fn bounded(self) -> Result<Self, ReportError> {
        let lists = [&self.passed, &self.warned, &self.failed];
        match lists.iter().map(|it| it.len()).max() {
            Some(found) if found > limits::TESTS => {
                let limit = limits::TESTS;
                Err(ReportError::TooMany { found, limit })
            }
            _ => Ok(self),
        }
    }
}

/// The name of our own field in the test result of a report.
pub const EXTENSION: &str = "https://attest.dev/predicates/report/v0.1";

/// Why a report comes to nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// More bytes than are read.
    #[error("report has {found} bytes, at most {limit} are read")]
    TooLarge {
        /// The count of bytes.
        found: usize,
        /// The count that is read.
        limit: usize,
    },
    /// More findings than are read, or than one statement carries.
    #[error("report has {found} findings, at most {limit} are taken")]
    TooMany {
        /// The count of findings.
        found: usize,
        /// The count that is taken.
        limit: usize,
    },
    /// Not JSON of one meaning.
    #[error("report is not readable")]
    Json(#[from] JsonError),
    /// Not the fields of such a report.
    #[error("report is not of this tool")]
    Field(#[from] FieldError),
    /// Not XML, or XML with parts that are not read.
    #[error("report is not readable XML: {problem} at byte {offset}")]
    Xml {
        /// What is wrong.
        problem: &'static str,
        /// Where.
        offset: u64,
    },
    /// Nothing was looked at, as far as the report tells.
    #[error("report says nothing: {0}")]
    Nothing(&'static str),
    /// Something that is told elsewhere, or in a way that is not known.
    #[error("{at} is {}, which is not understood", Excerpt(found))]
    Unknown {
        /// The place.
        at: &'static str,
        /// What stands there.
        found: String,
    },
}

impl ReportError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } | Self::TooMany { .. } => "report-too-large",
            Self::Json(_) | Self::Field(_) | Self::Xml { .. } | Self::Unknown { .. } => {
                "report-malformed"
            }
            Self::Nothing(_) => "report-says-nothing",
        }
    }
}

/// A number as these tools write it: as a number or as text.
fn number(object: &mut Object, field: &'static str) -> Result<u64, ReportError> {
    let at = object.path_of(field);
    let value = object.take(field)?;
    let number = match &value {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    };
    let wanted = "a number";
    number.ok_or_else(|| {
        let found = value.to_string();
        FieldError::Value { at, found, wanted }.into()
    })
}

#[cfg(test)]
mod tests;
