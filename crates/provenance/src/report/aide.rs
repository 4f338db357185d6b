//! AIDE's JSON report (0.18 and later): what differs between a tree and its database.

use serde_json::Value;

use super::{ReportError, ToolReport};
use crate::json::Object;
use crate::limits;

/// Every difference fails. Only a comparison that looked at something, and says that nothing differs,
/// passes.
pub(super) fn read(value: Value) -> Result<ToolReport, ReportError> {
    let mut document = Object::new("report", value)?;
    let version = document.take_text("aide_version")?;
    let mut report = ToolReport::of(format!("AIDE {version}"));
    let outline = document.take_text("outline")?;
    document.take_text("end_time")?;
    let mut counts = document.take_object("number_of_entries")?;
    if counts.take_u64("total")? == 0 {
        return Err(ReportError::Nothing("no entry was compared"));
    }
    let mut differences = 0;
    for field in ["added", "removed", "changed"] {
        let names = document.take_optional_object(field)?;
        let names = names.map(Object::into_rest).unwrap_or_default();
        let said = if counts.has(field) {
            counts.take_u64(field)?
        } else {
            0
        };
        if names.len() > limits::TESTS {
            let (found, limit) = (names.len(), limits::TESTS);
            return Err(ReportError::TooMany { found, limit });
        }
        // A report of a low level counts what it does not name.
        if said > 0 && names.is_empty() {
            report.failed.insert(format!("{field}: {said} entries"));
        }
        differences += names.len();
        let names = names
            .into_iter()
            .map(|(path, _)| format!("{field}: {path}"));
        report.failed.extend(names);
    }
    if differences == 0 && report.failed.is_empty() {
        if !outline.contains(SAME) {
            return Err(ReportError::Unknown {
                at: "outline",
                found: outline,
            });
        }
        report.passed.insert("AIDE".to_owned());
    }
    report.bounded()
}

const SAME: &str = "found NO differences";
