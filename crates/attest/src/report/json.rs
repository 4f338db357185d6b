//! The report as one versioned JSON object. Field names are a contract: docs/schema.

use serde_json::{Value, json};

use super::build;
use super::steps::{self, StepLine, StepState};
use super::{
    Approvals, ArchiveReport, EvidenceReport, EvidenceState, FileReport, PolicyReport, Refusal,
    Report, RuleReport, SubjectReport, Verdict,
};

/// Raised when a field changes its meaning or goes away.
const VERSION: u32 = 1;

pub(super) fn object(report: &Report) -> Value {
    let exit = report.exit();
    json!({
        "version": VERSION,
        "command": report.command,
        "answer": exit.word(),
        "exit": exit.number(),
        "at": { "time": report.now.time.to_string(), "source": if report.now.given { "--at" } else { "clock" } },
        "signer": report.signer,
        "trust": report.trust.iter().map(|line| json!({
            "what": line.what, "place": line.place, "sha256": line.sha256, "pinned": line.pinned,
            "of_home": line.of_home, "taken": line.taken, "warning": line.warning,
        })).collect::<Vec<_>>(),
        "accepted": report.accepted,
        "policy": report.policy.as_ref().map(policy),
        "independent": report.independent,
        "subjects": report.subjects.iter().map(subject).collect::<Vec<_>>(),
        "evidence": report.evidence.iter().map(evidence).collect::<Vec<_>>(),
        "archive": report.archive.as_ref().map(archive),
        "copied": report.copied.as_ref().map(|it| json!({ "to": it.to, "files": it.files })),
        "emitted": report.emitted.as_ref().map(|it| json!({
            "to": it.to, "verifier": it.verifier, "resource": it.resource, "level": it.level, "key": it.key,
        })),
        "not_checked": report.not_checked,
    })
}

fn archive(archive: &ArchiveReport) -> Value {
    json!({
        "place": archive.place,
        "blobs": archive.blobs,
        "bytes": archive.bytes,
        "problems": archive.problems.iter().map(refusal).collect::<Vec<_>>(),
        "notes": archive.notes.iter().map(|(code, text)| json!({ "code": code, "text": text })).collect::<Vec<_>>(),
    })
}

fn subject(subject: &SubjectReport) -> Value {
    json!({
        "subject": subject.subject,
        "kind": subject.kind,
        "answer": subject.exit().word(),
        "release": subject.release,
        "decided_by": subject.decided_by,
        "rules": subject.rules.iter().map(rule).collect::<Vec<_>>(),
        "signers": subject.approvals.as_ref().map(approvals),
        "files": subject.files.iter().map(file).collect::<Vec<_>>(),
        "reasons": subject.reasons.iter().map(refusal).collect::<Vec<_>>(),
        "notes": subject.notes,
        "tree": subject.tree.as_ref().map(super::tree::object),
    })
}

fn policy(policy: &PolicyReport) -> Value {
    let includes = policy.includes.iter();
    json!({
        "name": policy.name,
        "serial": policy.serial,
        "expires": policy.expires,
        "sha256": policy.sha256,
        "includes": includes.map(|(file, sha256)| json!({ "file": file, "sha256": sha256 })).collect::<Vec<_>>(),
        "signed_by": policy.signed_by,
        "rollback": policy.rollback,
    })
}

fn rule(rule: &RuleReport) -> Value {
    let passed_over = rule.passed_over.iter();
    json!({
        "rule": rule.title,
        "place": rule.place,
        "asks": rule.asks,
        "answer": if rule.passed { "yes" } else { "no" },
        "reasons": rule.reasons.iter().map(refusal).collect::<Vec<_>>(),
        "evidence": rule.by,
        "found": rule.found,
        "passed_over": passed_over.map(|(index, why)| json!({
            "evidence": index, "code": why.code, "found": why.found, "wanted": why.wanted,
        })).collect::<Vec<_>>(),
        "files": rule.files.map(|(passed, all)| json!({ "passed": passed, "of": all })),
    })
}

fn approvals(approvals: &Approvals) -> Value {
    let by = approvals.by.iter();
    json!({
        "wanted": approvals.wanted,
        "found": approvals.found,
        "approvals": by.map(|(signer, evidence)| json!({ "signer": signer, "evidence": evidence })).collect::<Vec<_>>(),
    })
}

fn file(file: &FileReport) -> Value {
    let (verdict, detail) = match &file.verdict {
        Verdict::Verified => ("verified", Value::Null),
        Verdict::Evidence(why) => ("evidence", json!({ "why": why })),
        Verdict::Extra => ("extra", Value::Null),
        Verdict::Deleted => ("deleted", Value::Null),
        Verdict::Rejected(reason) => ("rejected", refusal(reason)),
        Verdict::Unreadable(reason) => ("unreadable", refusal(reason)),
    };
    let mut object =
        json!({ "path": file.path, "verdict": verdict, "size": file.size, "sha256": file.sha256 });
    if let (Value::Object(object), Value::Object(detail)) = (&mut object, detail) {
        object.extend(detail);
    }
    object
}

fn refusal(refusal: &Refusal) -> Value {
    json!({ "code": refusal.code, "found": refusal.found, "wanted": refusal.wanted })
}

fn evidence(evidence: &EvidenceReport) -> Value {
    match &evidence.state {
        EvidenceState::Proven(proven) => json!({
            "place": evidence.place,
            "state": "proven",
            "signer": proven.signer,
            "claims": proven.claims.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect::<serde_json::Map<String, Value>>(),
            "content": proven.content,
            "logs": proven.logs.iter().map(|log| json!({
                "origin": log.origin, "index": log.index, "tree_size": log.tree_size, "kept_by": log.kept_by,
                "root": log.root,
            })).collect::<Vec<_>>(),
            "times": proven.times.iter().map(|time| json!({
                "time": time.time, "authority": time.authority, "asserted_by": time.asserted_by,
                "root": time.root,
            })).collect::<Vec<_>>(),
            "judged": proven.judged.iter().map(|line| json!({
                "what": line.what, "time": line.time, "asserted_by": line.asserted_by,
            })).collect::<Vec<_>>(),
            "certificate_authority": proven.issuer.as_ref().map(|(name, root)| json!({ "name": name, "root": root })),
            "checks": proven.checks,
            "steps": proven.steps.iter().map(step).collect::<Vec<_>>(),
            "skipped": proven.skipped,
            "build": proven.build.as_ref().map(build::object),
            "summary": proven.summary.as_ref().map(build::summary_object),
        }),
        EvidenceState::Rejected(reasons) => json!({
            "place": evidence.place, "state": "rejected", "reasons": reasons.iter().map(refusal).collect::<Vec<_>>(),
            "steps": steps::of_refusals(reasons).iter().map(step).collect::<Vec<_>>(),
        }),
        EvidenceState::Unreadable(reason) => json!({
            "place": evidence.place, "state": "unreadable", "reasons": [refusal(reason)],
        }),
        EvidenceState::NotLookedAt => json!({ "place": evidence.place, "state": "not-looked-at" }),
    }
}

fn step(line: &StepLine) -> Value {
    let code = match line.state {
        StepState::Failed(code) => Some(code),
        _ => None,
    };
    json!({
        "number": line.number,
        "name": line.name,
        "state": line.state.word(),
        "code": code,
        "found": line.found,
        "wanted": line.wanted,
    })
}
