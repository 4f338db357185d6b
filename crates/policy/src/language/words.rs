//! What a rule asks, in one sentence.

use std::fmt::Write;

use attest_verify::GitKind;

use super::rule::{Each, Rule};
use crate::pattern::Pattern;

impl Rule {
    /// What the rule asks, in one sentence without a full stop.
    pub fn asks(&self) -> String {
        if let Some(layout) = self.specific.layout() {
            return layout.asks(&self.signed_by, self.threshold);
        }
        let mut text = match self.kind().git() {
            Some(GitKind::Commit) => "git's signature of the commit that was built".to_owned(),
            Some(GitKind::Tag) => "git's signature of the tag that was built".to_owned(),
            None if self.kind().is_signature() => "a signature over the bytes".to_owned(),
            None => format!("evidence of the type {}", self.kind()),
        };
        if let Some(count) = self.threshold.filter(|it| *it > 1) {
            let _ = write!(text, " by {count} different signers of");
        } else {
            text.push_str(" by");
        }
        let _ = write!(text, " {}", self.signed_by.join(" or "));
        match self.each {
            Each::File if self.except.is_empty() => {}
            Each::File => {
                let except: Vec<&str> = self.except.iter().map(Pattern::as_str).collect();
                let _ = write!(text, ", but not about files like {}", except.join(" or "));
            }
            Each::Release => text.push_str(", about any file of the release"),
        }
        if let Some(age) = self.max_age {
            let _ = write!(text, ", not older than {age}");
        }
        match (self.independent_log, self.independent_time) {
            (true, true) => text.push_str(", in an independent log and with an independent time"),
            (true, false) => text.push_str(", in an independent log"),
            (false, true) => text.push_str(", with an independent time"),
            (false, false) => {}
        }
        let mut says: Vec<String> = self.says();
        says.extend(self.specific.words());
        says.extend(self.conditions.iter().map(ToString::to_string));
        if !says.is_empty() {
            let _ = write!(text, "; it says that {}", says.join(", and "));
        }
        text
    }

    /// What the evidence must say because of its type.
    fn says(&self) -> Vec<String> {
        let field = self.kind().verdict_field();
        let field = field.filter(|it| !self.conditions.iter().any(|on| on.is_on(it)));
        field
            .iter()
            .map(|it| format!("{it} is \"PASSED\""))
            .collect()
    }
}
