//! Wapiti's JSON report: findings of each category, by level.

use serde_json::{Map, Value};

use super::{ReportError, ToolReport, number};
use crate::json::Object;
use crate::limits;

/// Vulnerabilities of level 2 (medium) and above fail; lower ones and anomalies warn; additional facts
/// say nothing. A category without findings passed.
pub(super) fn read(value: Value) -> Result<ToolReport, ReportError> {
    let mut document = Object::new("report", value)?;
    let mut infos = document.take_object("infos")?;
    let mut report = ToolReport::of(infos.take_text("version")?);
    report.targets.insert(infos.take_text("target")?);
    for field in ["crawled_pages_nbr", "crawled_pages"] {
        if infos.has(field) && is_none(&mut infos, field)? {
            return Err(ReportError::Nothing("no page was seen"));
        }
    }
    let categories = document.take_object("vulnerabilities")?.into_rest();
    if categories.is_empty() {
        return Err(ReportError::Nothing("there is no category"));
    }
    for (category, findings) in categories {
        read_category(&category, findings, Some(FAILS), &mut report)?;
    }
    let anomalies = document.take_optional_object("anomalies")?;
    for (category, findings) in anomalies.map(Object::into_rest).unwrap_or_default() {
        read_category(&category, findings, None, &mut report)?;
    }
    report.bounded()
}

/// The count of pages, or, in a detailed report, the list.
fn is_none(infos: &mut Object, field: &'static str) -> Result<bool, ReportError> {
    match infos.take(field)? {
        Value::Array(pages) => Ok(pages.is_empty()),
        count => Ok(count.as_u64() == Some(0)),
    }
}

fn read_category(
    category: &str,
    findings: Value,
    fails: Option<u64>,
    report: &mut ToolReport,
) -> Result<(), ReportError> {
    let mut holder = Object::new(
        "report",
        Map::from_iter([("findings".to_owned(), findings)]).into(),
    )?;
    let findings = holder.take_objects("findings", limits::REPORT_ITEMS)?;
    if findings.is_empty() {
        report.passed.insert(category.to_owned());
    }
    for mut finding in findings {
        let level = number(&mut finding, "level")?;
        if fails.is_some_and(|fails| level >= fails) {
            report.failed.insert(category.to_owned());
        } else {
            report.warned.insert(category.to_owned());
        }
    }
    Ok(())
}

const FAILS: u64 = 2;
