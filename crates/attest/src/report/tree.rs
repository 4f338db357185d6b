//! A tree in a report: thousands of differences, grouped so that a person can read them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{FileReport, Refusal, SubjectReport, Verdict};
use crate::console::escape;

/// What was compared in a tree, and how often it differs.
#[derive(Debug)]
pub(crate) struct TreeReport {
    /// Things that the manifest names.
    pub(crate) signed: u64,
    /// Those that stand there exactly as signed.
    pub(crate) agreed: u64,
    /// How often each code was found.
    pub(crate) counts: BTreeMap<&'static str, u64>,
    /// Findings that are counted and not listed.
    pub(crate) more: u64,
    /// What is compared.
    pub(crate) compared: Vec<String>,
    /// The patterns that the manifest leaves out.
    pub(crate) ignored: Vec<String>,
}

/// Lines of each code without `--verbose`.
const SHOWN: usize = 12;

impl TreeReport {
    /// How much is as signed, behind the subject's name.
    pub(super) fn agreement(&self) -> String {
        format!(
            "  {} of {} signed things are as signed",
            self.agreed, self.signed
        )
    }

    /// The differences by their code; what lies in an added or missing folder is counted with it.
    pub(super) fn lines(&self, subject: &SubjectReport, verbose: bool, lines: &mut Vec<String>) {
        let most = if verbose { usize::MAX } else { SHOWN };
        for (code, count) in &self.counts {
            lines.push(format!("  {code}  {count}"));
            let groups = groups(code, &subject.files);
            for group in groups.iter().take(most) {
                lines.push(format!("     {}", group.line(code)));
            }
            if groups.len() > most {
                let more = groups.len() - most;
                lines.push(format!("     … and {more} more; --verbose lists them"));
            }
        }
        if self.more > 0 {
            let more = self.more;
            lines.push(format!(
                "  {more} more differences are counted and not listed"
            ));
        }
        lines.push(format!(
            "  compared    {}",
            escape(&self.compared.join(", "))
        ));
        if !self.ignored.is_empty() {
            let shown = self.ignored.iter().take(most);
            let shown: Vec<String> = shown.map(|it| escape(it)).collect();
            let more = match self.ignored.len().saturating_sub(most) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let shown = shown.join(", ");
            lines.push(format!("  left out    {shown}{more} (as signed)"));
        }
    }
}

/// One finding, and how many of its code lie below it.
struct Group<'a> {
    path: &'a str,
    refusal: &'a Refusal,
    below: u64,
}

impl Group<'_> {
    fn line(&self, code: &str) -> String {
        let path = escape(self.path);
        let (found, wanted) = (escape(&self.refusal.found), escape(&self.refusal.wanted));
        let line = match code {
            "tree-added" => format!("{path}  {found}"),
            "tree-missing" => format!("{path}  {wanted}"),
            _ => format!("{path}  found {found}, wanted {wanted}"),
        };
        match self.below {
            0 => line,
            below => format!("{line}, and {below} below it"),
        }
    }
}

fn groups<'a>(code: &str, files: &'a [FileReport]) -> Vec<Group<'a>> {
    let folds = matches!(code, "tree-added" | "tree-missing");
    let mut groups: Vec<Group<'_>> = Vec::new();
    for file in files {
        let (Verdict::Rejected(refusal) | Verdict::Unreadable(refusal)) = &file.verdict else {
            continue;
        };
        if refusal.code != code {
            continue;
        }
        if folds
            && let Some(last) = groups.last_mut()
            && is_below(&file.path, last.path)
        {
            last.below += 1;
            continue;
        }
        groups.push(Group {
            path: &file.path,
            refusal,
            below: 0,
        });
    }
    groups
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.starts_with('/'))
}

pub(super) fn object(tree: &TreeReport) -> Value {
    json!({
        "signed": tree.signed,
        "agreed": tree.agreed,
        "counts": tree.counts,
        "not_listed": tree.more,
        "compared": tree.compared,
        "ignored": tree.ignored,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_an_added_folder_is_counted_with_it() {
        let file = |path: &str, code| FileReport {
            path: path.to_owned(),
            verdict: Verdict::Rejected(Refusal {
                code,
                found: "a file".to_owned(),
                wanted: "nothing".to_owned(),
            }),
            size: None,
            sha256: None,
        };
        let files = [
            file("evil", "tree-added"),
            file("evil/a", "tree-added"),
            file("evil/b", "tree-mode-changed"),
            file("evil/c/d", "tree-added"),
            file("evil2", "tree-added"),
        ];
        let groups = groups("tree-added", &files);
        let seen: Vec<_> = groups.iter().map(|it| (it.path, it.below)).collect();
        assert_eq!(seen, [("evil", 2), ("evil2", 0)]);
    }
}
