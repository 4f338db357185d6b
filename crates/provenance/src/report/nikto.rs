//! Nikto's JSON report: one host, or a list of hosts, and what was found, without severities.

use serde_json::Value;

use super::{ReportError, ToolReport};
use crate::json::{FieldError, Object};
use crate::limits;

/// Every finding warns: Nikto does not say how bad it is. Without any, only a host that told its banner
/// has been seen to answer.
pub(super) fn read(value: Value) -> Result<ToolReport, ReportError> {
    let hosts = match value {
        Value::Array(hosts) => hosts,
        host => vec![host],
    };
    if hosts.is_empty() || hosts.len() > limits::PREDICATE_ITEMS {
        return Err(ReportError::Nothing("there is no host"));
    }
    let mut report = ToolReport::of("Nikto".to_owned());
    for (index, host) in hosts.into_iter().enumerate() {
        read_host(Object::new(format!("report[{index}]"), host)?, &mut report)?;
    }
    report.passed.insert("Nikto".to_owned());
    report.bounded()
}

fn read_host(mut host: Object, report: &mut ToolReport) -> Result<(), ReportError> {
    let name = host.take_text("host")?;
    let port = match host.take("port")? {
        Value::String(port) => port,
        port => port.to_string(),
    };
    let port: u16 = port.parse().map_err(|_| FieldError::Value {
        at: host.path_of("port"),
        found: port,
        wanted: "a port",
    })?;
    let findings = host.take_objects("vulnerabilities", limits::REPORT_ITEMS)?;
    let banner = host.take_optional_string("banner")?;
    if findings.is_empty() && banner.unwrap_or_default().is_empty() {
        return Err(ReportError::Nothing(
            "a host without banner and findings may not have answered",
        ));
    }
    let scheme = if port == 443 { "https" } else { "http" };
    report.targets.insert(format!("{scheme}://{name}:{port}/"));
    for mut finding in findings {
        let id = finding.take_text("id")?;
        let words = finding.take_optional_string("msg")?.unwrap_or_default();
        report
            .warned
            .insert(format!("{id} {words}").trim().to_owned());
    }
    Ok(())
}
