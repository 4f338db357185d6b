//! The report as workflow commands of GitHub Actions: an annotation for each refusal, beside the lines
//! for people.
//!
//! ```text
//! ::error file=dist/a.txt,title=attest digest-mismatch::found sha256:…, wanted sha256:…
//! ```

use super::{FileReport, Refusal, Report, SubjectReport, Verdict, path_of, sentence};
use crate::console::escape;
use crate::failure::{Exit, Failure};

pub(super) fn commands(report: &Report) -> Vec<String> {
    let mut commands = Vec::new();
    for subject in &report.subjects {
        subject_commands(subject, &mut commands);
    }
    let problems = report.archive.iter().flat_map(|archive| {
        let place = archive.place.as_str();
        archive
            .problems
            .iter()
            .map(move |problem| refused(Some(place), problem))
    });
    commands.extend(problems);
    if commands.is_empty() && report.exit() != Exit::Yes {
        commands.push(refused(None, &Refusal::nothing()));
    }
    let skipped = report.not_checked.iter();
    commands.extend(skipped.map(|what| command("notice", None, "attest: not checked", what)));
    commands
}

/// A refusal that came before any report.
pub(crate) fn failure(failure: &Failure) -> String {
    let text = match &failure.hint {
        Some(hint) => format!("{} (hint: {hint})", failure.message),
        None => failure.message.clone(),
    };
    command("error", None, &format!("attest {}", failure.code), &text)
}

fn subject_commands(subject: &SubjectReport, commands: &mut Vec<String>) {
    let before = commands.len();
    let place = is_path(subject).then_some(subject.subject.as_str());
    commands.extend(subject.reasons.iter().map(|reason| refused(place, reason)));
    // One page of a workflow shows ten; the others are in the lines above.
    let most = if subject.tree.is_some() {
        TREE_ANNOTATIONS
    } else {
        usize::MAX
    };
    for file in subject
        .files
        .iter()
        .filter(|file| is_refused(file))
        .take(most)
    {
        if let Verdict::Rejected(reason) | Verdict::Unreadable(reason) = &file.verdict {
            commands.push(refused(file_of(subject, file).as_deref(), reason));
        }
    }
    if commands.len() > before {
        return;
    }
    if subject.exit() == Exit::Yes {
        let text = format!("verified {}", subject.subject);
        commands.push(command("notice", None, "attest", &text));
    } else {
        commands.push(refused(place, &Refusal::nothing()));
    }
}

fn is_refused(file: &FileReport) -> bool {
    matches!(file.verdict, Verdict::Rejected(_) | Verdict::Unreadable(_))
}

/// Annotations about one tree.
const TREE_ANNOTATIONS: usize = 50;

fn is_path(subject: &SubjectReport) -> bool {
    matches!(subject.kind, "file" | "folder" | "checksums" | "tree")
}

fn file_of(subject: &SubjectReport, file: &FileReport) -> Option<String> {
    is_path(subject).then(|| path_of(subject, file))
}

fn refused(place: Option<&str>, refusal: &Refusal) -> String {
    // Where the annotation cannot be shown at its file, its text names it.
    let text = match place {
        Some(place) => format!("{place}: {}", sentence(refusal)),
        None => sentence(refusal),
    };
    command("error", place, &format!("attest {}", refusal.code), &text)
}

fn command(level: &str, file: Option<&str>, title: &str, text: &str) -> String {
    let file = file.map_or_else(String::new, |file| format!("file={},", property(file)));
    format!("::{level} {file}title={}::{}", property(title), data(text))
}

/// Untrusted text behind the command.
fn data(text: &str) -> String {
    escape(text)
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Untrusted text as the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untrusted_text_ends_neither_its_property_nor_its_line() {
        let line = command("error", Some("a,line=1::b%0A"), "t", "x\n::add-mask::y%0A");
        assert_eq!(
            line,
            "::error file=a%2Cline=1%3A%3Ab%250A,title=t::x\\u{a}::add-mask::y%250A"
        );
    }
}
