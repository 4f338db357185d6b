//! SARIF 2.1.0 (OASIS): results of runs, by level, kind and suppression.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{ReportError, ToolReport};
use crate::json::Object;
use crate::limits;

/// Errors fail. Warnings, notes, what is left open and what was suppressed warn. A run whose tool says
/// that it did not succeed fails whatever it found.
pub(super) fn read(value: Value) -> Result<ToolReport, ReportError> {
    let mut document = Object::new("report", value)?;
    document.take_one_of("version", &[("2.1.0", ())], "2.1.0")?;
    if document.has("inlineExternalProperties") {
        return Err(elsewhere("inlineExternalProperties"));
    }
    let runs = document.take_objects("runs", limits::PREDICATE_ITEMS)?;
    if runs.is_empty() {
        return Err(ReportError::Nothing("there is no run"));
    }
    let mut report = ToolReport::of(String::new());
    for run in runs {
        read_run(run, &mut report)?;
    }
    report.bounded()
}

fn read_run(mut run: Object, report: &mut ToolReport) -> Result<(), ReportError> {
    let mut tool = run.take_object("tool")?;
    let mut driver = tool.take_object("driver")?;
    let name = driver.take_text("name")?;
    add_program(report, &name, driver.take_optional_string("version")?);
    if run.has("externalPropertyFileReferences") {
        return Err(elsewhere("externalPropertyFileReferences"));
    }
    if !run.has("results") {
        // Absent is not empty: the run did not compute results.
        return Err(ReportError::Nothing("a run has no results"));
    }
    let levels = levels(&mut driver)?;
    let mut is_overridden = false;
    for invocation in run.take_optional_objects("invocations", limits::PREDICATE_ITEMS)? {
        is_overridden |= invocation.has("ruleConfigurationOverrides");
        read_invocation(invocation, &name, report)?;
    }
    for result in run.take_objects("results", limits::REPORT_ITEMS)? {
        let rules = Rules {
            levels: &levels,
            is_overridden,
        };
        read_result(result, &name, &rules, report)?;
    }
    report.passed.insert(name);
    Ok(())
}

/// What is known of the levels of rules.
struct Rules<'a> {
    levels: &'a BTreeMap<String, String>,
    is_overridden: bool,
}

fn levels(driver: &mut Object) -> Result<BTreeMap<String, String>, ReportError> {
    let mut levels = BTreeMap::new();
    for mut rule in driver.take_optional_objects("rules", limits::REPORT_ITEMS)? {
        let id = rule.take_string("id")?;
        let configuration = rule.take_optional_object("defaultConfiguration")?;
        let level = match configuration {
            Some(mut it) => it.take_optional_string("level")?,
            None => None,
        };
        levels.insert(id, level.unwrap_or_else(|| WARNING.to_owned()));
    }
    Ok(levels)
}

fn read_invocation(
    mut invocation: Object,
    tool: &str,
    report: &mut ToolReport,
) -> Result<(), ReportError> {
    if invocation.take_optional_bool("executionSuccessful")? != Some(true) {
        report.failed.insert(format!("{tool}: execution"));
    }
    for field in [
        "toolExecutionNotifications",
        "toolConfigurationNotifications",
    ] {
        for mut notification in invocation.take_optional_objects(field, limits::REPORT_ITEMS)? {
            if notification.take_optional_string("level")?.as_deref() == Some("error") {
                report.failed.insert(format!("{tool}: execution"));
            }
        }
    }
    Ok(())
}

fn read_result(
    mut result: Object,
    tool: &str,
    rules: &Rules<'_>,
    report: &mut ToolReport,
) -> Result<(), ReportError> {
    let rule = rule_of(&mut result)?.unwrap_or_else(|| format!("{tool}: a finding without a rule"));
    let kind = result.take_optional_string("kind")?;
    let level = result.take_optional_string("level")?;
    let baseline = result.take_optional_string("baselineState")?;
    let is_suppressed = is_suppressed(&mut result)?;
    match kind.as_deref().unwrap_or("fail") {
        "pass" => {
            report.passed.insert(rule);
            return Ok(());
        }
        "notApplicable" | "informational" => return Ok(()),
        "open" | "review" => {
            report.warned.insert(rule);
            return Ok(());
        }
        "fail" => {}
        other => return Err(unknown("kind", other)),
    }
    if baseline.as_deref() == Some("absent") {
        return Ok(());
    }
    if is_suppressed {
        report.suppressed += 1;
        report.warned.insert(format!("{rule} (suppressed)"));
        return Ok(());
    }
    match effective(level.as_deref(), &rule, rules) {
        "error" => report.failed.insert(rule),
        WARNING | "note" => report.warned.insert(rule),
        "none" => return Ok(()),
        other => return Err(unknown("level", other)),
    };
    Ok(())
}

/// The level of the result, else of its rule, else `warning`; where a run overrides levels of rules, the
/// worst.
fn effective<'a>(level: Option<&'a str>, rule: &str, rules: &'a Rules<'_>) -> &'a str {
    if let Some(level) = level {
        return level;
    }
    if rules.is_overridden {
        return "error";
    }
    rules.levels.get(rule).map_or(WARNING, String::as_str)
}

fn rule_of(result: &mut Object) -> Result<Option<String>, ReportError> {
    let id = result.take_optional_string("ruleId")?;
    let reference = result.take_optional_object("rule")?;
    let id = match (id, reference) {
        (Some(id), _) => Some(id),
        (None, Some(mut reference)) => reference.take_optional_string("id")?,
        (None, None) => None,
    };
    Ok(id.filter(|it| !it.is_empty()))
}

/// Suppressed, and nobody doubts it.
fn is_suppressed(result: &mut Object) -> Result<bool, ReportError> {
    let suppressions = result.take_optional_objects("suppressions", limits::PREDICATE_ITEMS)?;
    let mut all = !suppressions.is_empty();
    for mut suppression in suppressions {
        let status = suppression.take_optional_string("status")?;
        all &= matches!(status.as_deref(), None | Some("accepted"));
    }
    Ok(all)
}

fn add_program(report: &mut ToolReport, name: &str, version: Option<String>) {
    if !report.program.is_empty() {
        report.program.push_str(", ");
    }
    report.program.push_str(name);
    if let Some(version) = version {
        report.program.push(' ');
        report.program.push_str(&version);
    }
}

fn elsewhere(field: &'static str) -> ReportError {
    ReportError::Unknown {
        at: field,
        found: "a part of the report in another place".to_owned(),
    }
}

fn unknown(at: &'static str, found: &str) -> ReportError {
    ReportError::Unknown {
        at,
        found: found.to_owned(),
    }
}

const WARNING: &str = "warning";
