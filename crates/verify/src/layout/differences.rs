//! Where another implementation would answer otherwise: told, so that nobody takes its answer for ours.

use std::collections::BTreeMap;

use attest_provenance::in_toto::{ArtifactKind, Rule, StepName};

use super::rules::{Files, below};
use crate::check::Check;

/// What in-toto-golang makes of rules that mean something else to the reference and to us.
pub(super) fn notes(
    rules: &[Rule],
    kind: ArtifactKind,
    item: &Files,
    items: &BTreeMap<StepName, Files>,
) -> Vec<Check> {
    let mut notes = Vec::new();
    for rule in rules {
        if rule.to_string().contains("[!") {
            let found =
                format!("{rule}: in-toto-golang before 0.11 takes [!…] for a ! or the others");
            notes.push(Check::new(
                CODE,
                found,
                "a negation, as here and in the reference",
            ));
        }
        if let Some(path) = without_its_folder(rule, kind, item, items) {
            let found = format!("{rule}: in-toto-golang takes {path:?} as well");
            notes.push(Check::new(
                CODE,
                found,
                "files below the folder that the rule names",
            ));
        }
    }
    notes
}

/// A file that does not lie below the folder of a `MATCH`, and would fit without it.
fn without_its_folder<'a>(
    rule: &Rule,
    kind: ArtifactKind,
    item: &'a Files,
    items: &BTreeMap<StepName, Files>,
) -> Option<&'a str> {
    let Rule::Match {
        pattern,
        source: Some(source),
        kind: other,
        destination,
        step,
    } = rule
    else {
        return None;
    };
    let (here, there) = (item.of(kind), items.get(step)?.of(*other));
    let mut paths = here.paths().map(attest_digest::RelativePath::as_str);
    paths.find(|path| {
        let found = match destination {
            Some(folder) => there.get(&format!("{folder}/{path}")),
            None => there.get(path),
        };
        below(Some(source.as_str()), path).is_none()
            && pattern.matches(path)
            && found.is_some()
            && found == here.get(path)
    })
}

const CODE: &str = "implementations-differ";
