//! ZAP's traditional JSON report: alerts of sites, by risk.

use serde_json::Value;

use super::{ReportError, ToolReport, number};
use crate::json::Object;
use crate::limits;

/// High and medium risk fail, low risk warns, information says nothing. What a person marked as a false
/// positive warns.
pub(super) fn read(value: Value) -> Result<ToolReport, ReportError> {
    let mut document = Object::new("report", value)?;
    let version = document.take_text("@version")?;
    let mut report = ToolReport::of(format!("ZAP {version}"));
    let sites = document.take_objects("site", limits::PREDICATE_ITEMS)?;
    if sites.is_empty() {
        return Err(ReportError::Nothing("there is no site"));
    }
    for mut site in sites {
        report.targets.insert(site.take_text("@name")?);
        for alert in site.take_objects("alerts", limits::REPORT_ITEMS)? {
            read_alert(alert, &mut report)?;
        }
    }
    report.passed.insert("ZAP".to_owned());
    report.bounded()
}

fn read_alert(mut alert: Object, report: &mut ToolReport) -> Result<(), ReportError> {
    let plugin = alert.take_text("pluginid")?;
    let name = format!("{plugin} {}", alert.take_text("alert")?);
    let risk = number(&mut alert, "riskcode")?;
    let is_false = alert.has("confidence") && number(&mut alert, "confidence")? == 0;
    match risk {
        0 => return Ok(()),
        1..=3 if is_false => {
            report.suppressed += 1;
            report.warned.insert(format!("{name} (false positive)"))
        }
        1 => report.warned.insert(name),
        2 | 3 => report.failed.insert(name),
        other => {
            return Err(ReportError::Unknown {
                at: "riskcode",
                found: other.to_string(),
            });
        }
    };
    Ok(())
}
