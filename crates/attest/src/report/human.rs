//! The report for a person: the answer first, then what carries it, then what was not checked.

use super::build;
use super::steps::{self, StepLine, StepState};
use super::{
    ArchiveReport, EvidenceState, FileReport, PolicyReport, Proven, Refusal, Report, SubjectReport,
    Verdict,
};
use crate::console::escape;
use crate::failure::Exit;
use crate::words::{counted, files, size};

/// How many refused files of one subject are listed; the JSON format has them all.
const LISTED: usize = 50;

pub(super) fn lines(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for subject in &report.subjects {
        subject_lines(report, subject, &mut lines);
    }
    other_evidence(report, &mut lines);
    if report.explain {
        explain(report, &mut lines);
    }
    if let Some(hint) = unknown_hint(report) {
        lines.push(field("hint", hint));
    }
    lines.push(field("signer", &report.signer));
    for trust in &report.trust {
        let taken = trust
            .taken
            .map(|day| format!(", embedded, taken {day}"))
            .unwrap_or_default();
        let pinned = match (trust.pinned, trust.taken) {
            _ if trust.of_home => ", of the home",
            (true, _) => ", pinned",
            (false, None) => ", as named",
            (false, Some(_)) => "",
        };
        lines.push(field(
            trust.what,
            &format!("{}{taken}{pinned}, sha256:{}", trust.place, trust.sha256),
        ));
        if let Some(warning) = &trust.warning {
            lines.push(field("warning", warning));
        }
    }
    if !report.accepted.is_empty() {
        let by = match report.policy {
            Some(_) => "the policy says so",
            None => "asked for by --accept",
        };
        let accepted = report.accepted.join(", ");
        lines.push(field("accepted", &format!("{accepted} ({by})")));
    }
    if let Some(policy) = &report.policy {
        policy_lines(policy, &mut lines);
    }
    if report.now.given {
        lines.push(field("judged at", &format!("{} (--at)", report.now.time)));
    }
    if let Some(archive) = &report.archive {
        archive_lines(archive, &mut lines);
    }
    if let Some(copied) = &report.copied {
        let text = format!("{} to {}, as verified", files(copied.files), copied.to);
        lines.push(field("copied", &text));
    }
    if let Some(emitted) = &report.emitted {
        let text = format!(
            "{}, {} of {}, signed by key {}",
            emitted.to, emitted.level, emitted.resource, emitted.key
        );
        lines.push(field("summary", &text));
    }
    for skipped in &report.not_checked {
        lines.push(format!("  {}: not checked", escape(skipped)));
    }
    lines
}

fn policy_lines(policy: &PolicyReport, lines: &mut Vec<String>) {
    let serial = policy.serial.map(|it| format!(", serial {it}"));
    let expires = policy
        .expires
        .as_ref()
        .map(|it| format!(", good until {it}"));
    let signed = policy
        .signed_by
        .as_ref()
        .map(|it| format!(", signed by {it}"));
    let more: String = [serial, expires, signed].into_iter().flatten().collect();
    lines.push(field(
        "judged by",
        &format!("policy {:?}{more}", policy.name),
    ));
    if policy.rollback != "not checked" {
        lines.push(field("rollback", &policy.rollback));
    }
}

fn archive_lines(archive: &ArchiveReport, lines: &mut Vec<String>) {
    let read = format!(
        "{}, {}, {}, every byte read",
        archive.place,
        counted(archive.blobs, "blob"),
        size(archive.bytes)
    );
    lines.push(field("archive", &read));
    for problem in &archive.problems {
        lines.push(format!("  {}", refusal(problem)));
    }
    for (code, text) in archive.notes.iter().take(LISTED) {
        lines.push(format!("  note: {code}: {}", escape(text)));
    }
    if archive.notes.len() > LISTED {
        let more = archive.notes.len() - LISTED;
        lines.push(format!("  … and {more} more; --format json lists them all"));
    }
}

fn subject_lines(report: &Report, subject: &SubjectReport, lines: &mut Vec<String>) {
    let word = match subject.exit() {
        Exit::Yes => "verified",
        Exit::Unknown => "UNKNOWN",
        _ => "REFUSED",
    };
    let release = subject
        .release
        .as_ref()
        .filter(|release| **release != subject.subject)
        .map(|release| format!("{release}  "))
        .unwrap_or_default();
    let count = subject
        .files
        .iter()
        .filter(|file| {
            let verdict = &file.verdict;
            !matches!(
                verdict,
                Verdict::Evidence(_) | Verdict::Extra | Verdict::Deleted
            )
        })
        .count();
    let count = if let Some(tree) = &subject.tree {
        tree.agreement()
    } else if count > 1 || subject.kind != "file" {
        format!("  {} of {}", subject.verified(), files(count))
    } else {
        String::new()
    };
    lines.push(format!(
        "{word}  {}{}{count}",
        escape(&release),
        escape(&subject.subject)
    ));
    for reason in &subject.reasons {
        lines.push(format!("  {}", refusal(reason)));
    }
    rule_lines(report, subject, lines);
    match &subject.tree {
        Some(tree) => tree.lines(subject, report.verbose, lines),
        None => file_lines(report, subject, lines),
    }
    for note in &subject.notes {
        lines.push(format!("  note: {}", escape(note)));
    }
    if let Some(approvals) = &subject.approvals
        && approvals.wanted > 1
    {
        let (found, wanted) = (approvals.found, approvals.wanted);
        lines.push(format!(
            "  approved by {found} signers, {wanted} are required"
        ));
    }
    for index in &subject.decided_by {
        if let Some(evidence) = report.evidence.get(*index)
            && let EvidenceState::Proven(proven) = &evidence.state
        {
            lines.push(format!(
                "  by {} ({})",
                escape(&evidence.place),
                escape(&proven.content)
            ));
            proven_lines(report, proven, lines);
        }
    }
}

/// What each rule of the policy says, and with `--explain` what it asks.
fn rule_lines(report: &Report, subject: &SubjectReport, lines: &mut Vec<String>) {
    for rule in &subject.rules {
        let word = if rule.passed { "pass" } else { "FAIL" };
        let count = rule.files.map_or_else(String::new, |(passed, all)| {
            format!(", {passed} of {}", files(all))
        });
        let (title, place) = (escape(&rule.title), escape(&rule.place));
        lines.push(format!("  {word}  {title} ({place}){count}"));
        if report.explain {
            lines.push(format!("        asks   {}", escape(&rule.asks)));
        }
        for reason in &rule.reasons {
            lines.push(format!("        {}", refusal(reason)));
        }
        if rule.passed && (report.explain || report.verbose) {
            let mut found = rule.found.clone();
            found.dedup();
            lines.push(format!("        found  {}", escape(&found.join("; "))));
        }
        for (index, why) in &rule.passed_over {
            let place = report
                .evidence
                .get(*index)
                .map_or("", |it| it.place.as_str());
            let why = refusal(why);
            lines.push(format!("        {} does not count: {why}", escape(place)));
        }
    }
}

fn proven_lines(report: &Report, proven: &Proven, lines: &mut Vec<String>) {
    // Of one expected signer the last lines say who it is.
    if report.several_signers {
        lines.push(format!("     signer {}", escape(&proven.signer)));
    }
    for (name, value) in &proven.claims {
        lines.push(format!("     claim  {name}={}", escape(value)));
    }
    for log in &proven.logs {
        lines.push(format!(
            "     log   entry {} of {}{}{}",
            log.index,
            escape(&log.origin),
            who(log.kept_by),
            named_by(report, log.kept_by, &log.root)
        ));
    }
    for time in &proven.times {
        lines.push(format!(
            "     time  {}, {}{}",
            time.time,
            asserted(time.asserted_by, &time.authority),
            named_by(report, time.asserted_by, &time.root)
        ));
    }
    let judged = proven.judged.iter();
    for line in judged.filter(|it| it.of_signer || report.verbose) {
        let word = match line.asserted_by {
            "independent, as declared" => "",
            _ => " (asserted time)",
        };
        lines.push(format!(
            "     valid at {}: {}{word}",
            line.time,
            escape(&line.what)
        ));
    }
    if let Some((name, root)) = proven.issuer.as_ref().filter(|_| has_roots(report)) {
        lines.push(format!(
            "     certificate by {}{}",
            escape(name),
            known_by(report, root)
        ));
    }
    lines.extend(proven.build.iter().flat_map(build::lines));
    lines.extend(proven.summary.iter().flat_map(build::summary_lines));
    for skipped in &proven.skipped {
        lines.push(format!("     not checked: {}", escape(skipped)));
    }
}

fn file_lines(report: &Report, subject: &SubjectReport, lines: &mut Vec<String>) {
    let mut listed = 0;
    let mut more = 0;
    for file in &subject.files {
        let Some(line) = file_line(report, subject, file) else {
            continue;
        };
        if listed < LISTED || report.verbose {
            lines.push(line);
            listed += 1;
        } else {
            more += 1;
        }
    }
    if more > 0 {
        lines.push(format!(
            "  … and {more} more; --verbose or --format json lists them all"
        ));
    }
}

fn file_line(report: &Report, subject: &SubjectReport, file: &FileReport) -> Option<String> {
    let path = escape(&file.path);
    match &file.verdict {
        Verdict::Rejected(reason) | Verdict::Unreadable(reason) if subject.kind == "file" => {
            Some(format!("  {}", refusal(reason)))
        }
        Verdict::Rejected(reason) | Verdict::Unreadable(reason) => {
            Some(format!("  {path}  {}", refusal(reason)))
        }
        Verdict::Extra => Some(format!("  {path}  not signed, allowed by --allow-extra")),
        Verdict::Deleted if report.verbose => Some(format!("  {path}  deleted")),
        Verdict::Verified if report.verbose => Some(format!("  {path}  verified")),
        Verdict::Evidence(why) if report.verbose => Some(format!("  {path}  {}", escape(why))),
        _ => None,
    }
}

/// Bundles that did not decide: refused or unreadable ones are always listed with their codes.
fn other_evidence(report: &Report, lines: &mut Vec<String>) {
    for evidence in &report.evidence {
        match &evidence.state {
            EvidenceState::Rejected(reasons) => {
                for reason in reasons.iter().take(1) {
                    lines.push(format!(
                        "refused   {}  {}",
                        escape(&evidence.place),
                        refusal(reason)
                    ));
                }
            }
            EvidenceState::Unreadable(reason) => lines.push(format!(
                "unread    {}  {}",
                escape(&evidence.place),
                refusal(reason)
            )),
            EvidenceState::Proven(_) | EvidenceState::NotLookedAt => {}
        }
    }
}

/// Each piece of evidence with its numbered steps, as docs/verification.md has them.
fn explain(report: &Report, lines: &mut Vec<String>) {
    for evidence in &report.evidence {
        lines.push(format!("explained {}", escape(&evidence.place)));
        match &evidence.state {
            EvidenceState::Proven(proven) => lines.extend(proven.steps.iter().map(step)),
            EvidenceState::Rejected(reasons) => {
                lines.extend(steps::of_refusals(reasons).iter().map(step));
            }
            EvidenceState::Unreadable(reason) => {
                lines.push(format!("      could not be read: {}", refusal(reason)));
            }
            EvidenceState::NotLookedAt => {
                lines.push("      not looked at: other evidence sufficed first".to_owned());
            }
        }
    }
}

fn step(line: &StepLine) -> String {
    let number = line
        .number
        .map_or_else(|| "   ".to_owned(), |number| format!("{number:>2}."));
    let found = escape(&line.found);
    let wanted = escape(line.wanted.as_deref().unwrap_or_default());
    let what = match line.state {
        StepState::Passed if found.is_empty() => "passed".to_owned(),
        StepState::Passed => format!("passed: {found}"),
        StepState::Failed(code) => format!("FAILED: {code}: found {found}, wanted {wanted}"),
        StepState::Skipped => format!("not checked: {found}"),
        StepState::Absent => format!("nothing to check: {found}"),
        StepState::NoFailure => "no failure reported".to_owned(),
        StepState::NotReached => "not reached".to_owned(),
    };
    format!("  {number} {:<11} {what}", line.name)
}

/// Which root vouches, where there is a choice.
fn known_by(report: &Report, root: &str) -> String {
    if has_roots(report) {
        format!("; known by {}", escape(root))
    } else {
        String::new()
    }
}

/// Whether there is more than one trusted root.
fn has_roots(report: &Report) -> bool {
    let roots: Vec<_> = report
        .trust
        .iter()
        .filter(|it| it.what == "trusted root")
        .collect();
    roots.len() > 1
        || roots
            .iter()
            .any(|it| std::path::Path::new(&it.place).extension() == Some("jsonl".as_ref()))
}

/// What is not known is not forged: where to look for who knows it.
fn unknown_hint(report: &Report) -> Option<&'static str> {
    let is_unknown = |reasons: &[Refusal]| {
        reasons.iter().any(|it| {
            matches!(
                it.code,
                "log-unknown"
                    | "time-unknown"
                    | "certificate-authority-unknown"
                    | "certificate-log-unknown"
            )
        })
    };
    report
        .evidence
        .iter()
        .any(|it| matches!(&it.state, EvidenceState::Rejected(reasons) if is_unknown(reasons)))
        .then_some("no trusted root of this run knows who vouches: whoever published this can say which one does, and its pin; attest trust show lists what a root knows (embedded are @public-good, @staging and @github)")
}

pub(super) fn refusal(refusal: &Refusal) -> String {
    format!(
        "{}: found {}, wanted {}",
        refusal.code,
        escape(&refusal.found),
        escape(&refusal.wanted)
    )
}

fn field(name: &str, value: &str) -> String {
    format!("  {name:<11} {}", escape(value))
}

fn who(kept_by: &'static str) -> &'static str {
    match kept_by {
        "signer" => ", kept by signer",
        "independent, as declared" => ", kept by a third party, as you declared",
        // Any signer can give a log of their own any name.
        _ => "; independence not declared",
    }
}

/// Whose word it is that a log or an authority is called so: what is declared independent by its name
/// rests on it, also where there is one trusted root.
fn named_by(report: &Report, declared: &'static str, root: &str) -> String {
    match declared {
        "independent, as declared" => format!("; called so in {}", escape(root)),
        _ => known_by(report, root),
    }
}

fn asserted(asserted_by: &'static str, authority: &str) -> String {
    match asserted_by {
        "signer" => "asserted by signer".to_owned(),
        "independent, as declared" => {
            format!("by {}, independent as you declared", escape(authority))
        }
        _ => format!("by {}; independence not declared", escape(authority)),
    }
}
