//! What evidence shows of a build, for people and machines: one sentence for each rule.

use attest_policy::slsa::{Origin, SlsaFindings, SlsaRule, VsaFindings};
use serde_json::{Value, json};

use crate::console::escape;

/// Who built it from what, how far that is shown, and each rule.
pub(super) fn lines(build: &SlsaFindings) -> Vec<String> {
    let mut lines = vec![format!("     built by {}", escape(build.builder_id()))];
    if let Some(origin) = build.origin() {
        lines.push(format!("     from   {}", escape(&origin.to_string())));
    }
    let level = format!("SLSA build level {}: {}", build.level(), build.why());
    lines.push(format!("     shows  {}", escape(&level)));
    lines.extend(build.rules().iter().map(rule_line));
    let unproven = build.unproven().iter();
    lines.extend(unproven.map(|it| format!("     not proven: {}", escape(it))));
    lines
}

/// Who verified it, as what, and each rule.
pub(super) fn summary_lines(findings: &VsaFindings) -> Vec<String> {
    let summary = findings.summary();
    let levels = summary.verified_levels.join(", ");
    let mut lines = vec![
        format!("     verified by {}", escape(&summary.verifier_id)),
        format!("     as     {}", escape(&summary.resource_uri)),
        format!("     shows  {}", escape(&levels)),
    ];
    if let Some(time) = summary.time_verified {
        lines.push(format!("     when   {time}, as the verifier says"));
    }
    lines.extend(findings.rules().iter().map(rule_line));
    lines
}

fn rule_line(rule: &SlsaRule) -> String {
    let (found, wanted) = (escape(rule.found()), escape(rule.wanted()));
    format!("     {} is {found}, wanted {wanted}", rule.name())
}

pub(super) fn object(build: &SlsaFindings) -> Value {
    json!({
        "builder": build.builder_id(),
        "known_as": build.known_as(),
        "build_type": build.build_type(),
        "level": build.level(),
        "why": build.why(),
        "source": build.origin().map(Origin::repository),
        "ref": build.origin().and_then(Origin::reference),
        "commit": build.origin().and_then(Origin::commit),
        "rules": rules(build.rules()),
        "not_proven": build.unproven(),
    })
}

pub(super) fn summary_object(findings: &VsaFindings) -> Value {
    let summary = findings.summary();
    json!({
        "verifier": summary.verifier_id,
        "resource": summary.resource_uri,
        "time": summary.time_verified.map(|it| it.to_string()),
        "result": summary.result.word(),
        "levels": summary.verified_levels,
        "rules": rules(findings.rules()),
    })
}

fn rules(rules: &[SlsaRule]) -> Vec<Value> {
    let rules = rules.iter();
    let object =
        |it: &SlsaRule| json!({ "rule": it.name(), "found": it.found(), "wanted": it.wanted() });
    rules.map(object).collect()
}
