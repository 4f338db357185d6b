//! The report as `JUnit` XML, for those who show tests: a suite for each subject, a case for each file.
//!
//! A refusal is a `failure`, what could not be told an `error`; evidence and allowed extras, about
//! whose bytes nothing was asked, are `skipped`.

use std::fmt::Write as _;

use super::{
    ArchiveReport, FileReport, Refusal, Report, RuleReport, SubjectReport, Verdict, human, sentence,
};
use crate::console::escape;
use crate::failure::{Exit, Failure};

pub(super) fn document(report: &Report) -> String {
    let mut suites: Vec<Suite> = report.subjects.iter().map(Suite::of_subject).collect();
    if let Some(archive) = &report.archive {
        suites.push(Suite::of_archive(archive));
    }
    let talk = human::lines(report).join("\n");
    if suites.is_empty() {
        suites.push(Suite::of_nothing());
    }
    write(&suites, &report.signer, &talk)
}

/// A refusal that came before any report.
pub(crate) fn failure(failure: &Failure) -> String {
    let refusal = Case {
        name: "request".to_owned(),
        result: Outcome::of(failure.exit, failure.code, &failure.message),
    };
    let suite = Suite {
        name: "attest".to_owned(),
        cases: vec![refusal],
    };
    let hint = failure.hint.as_deref().unwrap_or_default();
    write(&[suite], "", &escape(hint))
}

struct Suite {
    name: String,
    cases: Vec<Case>,
}

struct Case {
    name: String,
    result: Outcome,
}

enum Outcome {
    Passed,
    Skipped(String),
    Failure { code: &'static str, text: String },
    Error { code: &'static str, text: String },
}

impl Outcome {
    fn of(exit: Exit, code: &'static str, text: &str) -> Self {
        let text = text.to_owned();
        match exit {
            Exit::No => Self::Failure { code, text },
            _ => Self::Error { code, text },
        }
    }

    fn refused(refusal: &Refusal) -> Self {
        Self::of(Exit::No, refusal.code, &sentence(refusal))
    }
}

impl Suite {
    fn of_subject(subject: &SubjectReport) -> Self {
        let mut cases: Vec<Case> = subject
            .reasons
            .iter()
            .map(|reason| Case {
                name: subject.subject.clone(),
                result: Outcome::refused(reason),
            })
            .collect();
        cases.extend(subject.rules.iter().map(Case::of_rule));
        cases.extend(subject.files.iter().map(Case::of_file));
        let suite = Self {
            name: subject.subject.clone(),
            cases,
        };
        if subject.exit() != Exit::Yes && suite.failures() + suite.errors() == 0 {
            return Self::of_nothing();
        }
        suite
    }

    fn of_archive(archive: &ArchiveReport) -> Self {
        let problems = archive.problems.iter().map(|problem| Case {
            name: archive.place.clone(),
            result: Outcome::refused(problem),
        });
        let mut cases: Vec<Case> = problems.collect();
        if cases.is_empty() {
            cases.push(Case {
                name: archive.place.clone(),
                result: Outcome::Passed,
            });
        }
        Self {
            name: "archive".to_owned(),
            cases,
        }
    }

    /// Nothing checked is never a pass.
    fn of_nothing() -> Self {
        Self {
            name: "attest".to_owned(),
            cases: vec![Case {
                name: "subject".to_owned(),
                result: Outcome::refused(&Refusal::nothing()),
            }],
        }
    }

    fn failures(&self) -> usize {
        self.count(|it| matches!(it, Outcome::Failure { .. }))
    }

    fn errors(&self) -> usize {
        self.count(|it| matches!(it, Outcome::Error { .. }))
    }

    fn skipped(&self) -> usize {
        self.count(|it| matches!(it, Outcome::Skipped(_)))
    }

    fn count(&self, is: impl Fn(&Outcome) -> bool) -> usize {
        self.cases.iter().filter(|case| is(&case.result)).count()
    }
}

impl Case {
    fn of_rule(rule: &RuleReport) -> Self {
        let result = rule
            .reasons
            .first()
            .map_or(Outcome::Passed, Outcome::refused);
        Self {
            name: format!("rule {}", rule.title),
            result,
        }
    }

    fn of_file(file: &FileReport) -> Self {
        let result = match &file.verdict {
            Verdict::Verified => Outcome::Passed,
            Verdict::Evidence(why) => Outcome::Skipped(why.clone()),
            Verdict::Extra => Outcome::Skipped("not signed, allowed by --allow-extra".to_owned()),
            Verdict::Deleted => Outcome::Skipped("deleted, as a signed tombstone says".to_owned()),
            Verdict::Rejected(refusal) => Outcome::refused(refusal),
            Verdict::Unreadable(refusal) => {
                Outcome::of(Exit::Unknown, refusal.code, &sentence(refusal))
            }
        };
        Self {
            name: file.path.clone(),
            result,
        }
    }
}

fn write(suites: &[Suite], signer: &str, talk: &str) -> String {
    let sum = |count: fn(&Suite) -> usize| suites.iter().map(count).sum::<usize>();
    let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    push(
        &mut xml,
        format_args!(
            "<testsuites name=\"attest\" tests=\"{}\" failures=\"{}\" errors=\"{}\">",
            sum(|it| it.cases.len()),
            sum(Suite::failures),
            sum(Suite::errors)
        ),
    );
    for (index, suite) in suites.iter().enumerate() {
        push(
            &mut xml,
            format_args!(
                "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">",
                text(&suite.name),
                suite.cases.len(),
                suite.failures(),
                suite.errors(),
                suite.skipped()
            ),
        );
        if index == 0 && !signer.is_empty() {
            push(
                &mut xml,
                format_args!(
                    "    <properties><property name=\"signer\" value=\"{}\"/></properties>",
                    text(signer)
                ),
            );
        }
        for case in &suite.cases {
            push_case(&mut xml, &suite.name, case);
        }
        if index == 0 && !talk.is_empty() {
            // It is escaped line by line already.
            push(
                &mut xml,
                format_args!("    <system-out>{}</system-out>", markup(talk)),
            );
        }
        push(&mut xml, format_args!("  </testsuite>"));
    }
    push(&mut xml, format_args!("</testsuites>"));
    xml
}

fn push_case(xml: &mut String, suite: &str, case: &Case) {
    let begin = format!(
        "    <testcase classname=\"{}\" name=\"{}\"",
        text(suite),
        text(&case.name)
    );
    let inner = match &case.result {
        Outcome::Passed => return push(xml, format_args!("{begin}/>")),
        Outcome::Skipped(why) => format!("<skipped message=\"{}\"/>", text(why)),
        Outcome::Failure { code, text: why } => {
            format!("<failure type=\"{code}\" message=\"{}\"/>", text(why))
        }
        Outcome::Error { code, text: why } => {
            format!("<error type=\"{code}\" message=\"{}\"/>", text(why))
        }
    };
    push(xml, format_args!("{begin}>{inner}</testcase>"));
}

fn push(xml: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(xml, "{line}");
}

/// Untrusted text, in an attribute or between tags.
fn text(untrusted: &str) -> String {
    markup(&escape(untrusted))
}

/// What XML takes for markup as references, and what no XML 1.0 document may hold as `\u{…}`.
fn markup(text: &str) -> String {
    let mut xml = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\'' => xml.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => xml.extend(character.escape_unicode()),
            _ => xml.push(character),
        }
    }
    xml
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untrusted_text_is_neither_markup_nor_a_character_that_xml_forbids() {
        assert_eq!(
            text("</testcase>\"'&\u{0}\u{1b}\u{ffff}\u{202e}"),
            "&lt;/testcase&gt;&quot;&apos;&amp;\\u{0}\\u{1b}\\u{ffff}\\u{202e}"
        );
    }

    #[test]
    fn a_request_that_is_wrong_is_an_error_and_a_no_is_a_failure() {
        let wrong = failure(&Failure::request("bad-arguments", "]]> <x>"));
        assert!(wrong.contains("<error type=\"bad-arguments\" message=\"]]&gt; &lt;x&gt;\"/>"));
        assert!(wrong.contains("tests=\"1\" failures=\"0\" errors=\"1\""));
        let no = failure(&Failure::no("nothing-verified", "x"));
        assert!(no.contains("<failure type=\"nothing-verified\""));
    }
}
