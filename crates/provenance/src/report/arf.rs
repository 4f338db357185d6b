//! `OpenSCAP`'s asset report (ARF) or results (XCCDF 1.1 and 1.2): what each rule came to.

use super::xml::{Node, walk};
use super::{ReportError, ToolReport};
use crate::limits;

/// `fail`, `error` and `unknown` fail, `notchecked` warns, `pass` and `fixed` pass; what does not apply,
/// was not selected or informs says nothing.
pub(super) fn read(bytes: &[u8]) -> Result<ToolReport, ReportError> {
    let mut reading = Reading::default();
    walk(bytes, &mut |node| reading.see(node))?;
    reading.finish()
}

#[derive(Default)]
struct Reading {
    /// The names of the open elements of XCCDF; of others, nothing.
    open: Vec<Option<String>>,
    rule: String,
    word: String,
    program: Option<String>,
    targets: Vec<String>,
    rules: Vec<(String, String)>,
    results: usize,
}

impl Reading {
    fn see(&mut self, node: Node<'_>) -> Result<(), ReportError> {
        match node {
            Node::Start {
                namespace,
                name,
                attributes,
            } => {
                let is_xccdf = XCCDF.contains(&namespace);
                self.open.push(is_xccdf.then(|| name.to_owned()));
                let attribute = |wanted: &str| {
                    let found = attributes.iter().find(|(name, _)| name == wanted);
                    found.map(|(_, value)| value.clone())
                };
                if self.is_at(&["TestResult"]) {
                    self.results += 1;
                    let system = attribute("test-system");
                    self.program = self.program.take().or(system);
                } else if self.is_at(&["TestResult", "rule-result"]) {
                    self.rule = attribute("idref").unwrap_or_default();
                    self.word.clear();
                }
            }
            Node::Text(text) if self.is_at(&["TestResult", "rule-result", "result"]) => {
                self.word.push_str(text.trim());
            }
            Node::Text(text) if self.is_at(&["TestResult", "target"]) => {
                self.targets.push(text.trim().to_owned());
            }
            Node::Text(_) => {}
            Node::End => {
                if self.is_at(&["TestResult", "rule-result"]) {
                    let rule = std::mem::take(&mut self.rule);
                    let word = std::mem::take(&mut self.word);
                    self.rules.push((rule, word));
                    if self.rules.len() > limits::REPORT_ITEMS {
                        let found = self.rules.len();
                        let limit = limits::REPORT_ITEMS;
                        return Err(ReportError::TooMany { found, limit });
                    }
                }
                self.open.pop();
            }
        }
        Ok(())
    }

    /// Whether the innermost open elements are these, in XCCDF.
    fn is_at(&self, names: &[&str]) -> bool {
        let innermost = self.open.iter().rev();
        let mut pairs = innermost.zip(names.iter().rev());
        self.open.len() >= names.len() && pairs.all(|(open, name)| open.as_deref() == Some(name))
    }

    fn finish(self) -> Result<ToolReport, ReportError> {
        if self.results == 0 {
            return Err(ReportError::Nothing("there is no test result"));
        }
        let program = self.program.unwrap_or_else(|| "OpenSCAP".to_owned());
        let mut report = ToolReport::of(program);
        report.targets.extend(self.targets);
        for (rule, word) in self.rules {
            if rule.is_empty() {
                return Err(unknown("rule-result", "a rule without a name".to_owned()));
            }
            match word.as_str() {
                "pass" | "fixed" => report.passed.insert(rule),
                "fail" => report.failed.insert(rule),
                "error" | "unknown" => report.failed.insert(format!("{rule} ({word})")),
                "notchecked" => report.warned.insert(format!("{rule} (notchecked)")),
                "notapplicable" | "notselected" | "informational" => continue,
                _ => return Err(unknown("result", word)),
            };
        }
        if report.passed.is_empty() && report.failed.is_empty() && report.warned.is_empty() {
            return Err(ReportError::Nothing("no rule was checked"));
        }
        report.bounded()
    }
}

fn unknown(at: &'static str, found: String) -> ReportError {
    ReportError::Unknown { at, found }
}

const XCCDF: &[&str] = &[
    "http://checklists.nist.gov/xccdf/1.1",
    "http://checklists.nist.gov/xccdf/1.2",
];
