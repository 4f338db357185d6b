//! What a check found: for people, and as one object.

use serde_json::{Value, json};

use super::{Checked, State};
use crate::console::{Console, escape};
use crate::failure::Exit;

pub(super) fn say(checked: &Checked, console: &Console) -> Exit {
    let exit = if checked.reasons.is_empty() {
        Exit::Yes
    } else {
        Exit::No
    };
    if console.is_json() {
        console.json(&object(checked, exit));
        return exit;
    }
    let about = checked.reading.root.as_ref().map(attest_sbom::Item::shown);
    console.say(format_args!(
        "{}: {}, {} components{}",
        escape(&checked.file),
        escape(&checked.reading.format),
        checked.reading.items.len(),
        about
            .map(|it| format!(" of {}", escape(&it)))
            .unwrap_or_default()
    ));
    if let Some((files, found)) = &checked.lock {
        console.say(format_args!(
            "  {}: {} the same, {} of them by hash; {} for development left out, {} not compared",
            escape(&files.join(", ")),
            found.same,
            found.same_hash,
            found.left_out,
            found.not_compared
        ));
    }
    for (profile, elements) in &checked.profiles {
        let full = elements
            .iter()
            .filter(|it| it.have == it.of && it.of > 0)
            .count();
        console.say(format_args!(
            "  {}: {full} of {} elements",
            profile.name,
            elements.len()
        ));
        for element in elements {
            console.say(format_args!(
                "    {:<26} {} of {}",
                element.title, element.have, element.of
            ));
        }
    }
    let [verified, claimed, absent] = counts(checked);
    let all = checked.states.len();
    console.say(format_args!(
        "  provenance: {verified} verified ({}), {claimed} claimed ({}), {absent} absent ({})",
        percent(verified, all),
        percent(claimed, all),
        percent(absent, all)
    ));
    for reason in &checked.reasons {
        console.say(format_args!("  {}: {}", reason.code, escape(&reason.text)));
    }
    console.say(if exit == Exit::Yes { "ok" } else { "no" });
    exit
}

fn object(checked: &Checked, exit: Exit) -> Value {
    let [verified, claimed, absent] = counts(checked);
    let all = checked.states.len();
    let share = |count: usize| json!({ "count": count, "percent": percent(count, all) });
    let components: Vec<Value> = checked
        .reading
        .items
        .iter()
        .zip(&checked.states)
        .filter(|(_, state)| **state != State::Absent)
        .map(|(item, state)| match state {
            State::Claimed(url) => {
                json!({ "component": item.shown(), "state": "claimed", "at": url })
            }
            _ => json!({ "component": item.shown(), "state": "verified" }),
        })
        .collect();
    json!({
        "version": 1,
        "command": "sbom check",
        "answer": exit.word(),
        "exit": exit.number(),
        "file": checked.file,
        "format": checked.reading.format,
        "about": checked.reading.root.as_ref().map(attest_sbom::Item::shown),
        "components": checked.reading.items.len(),
        "lock": checked.lock.as_ref().map(|(files, found)| json!({
            "files": files,
            "same": found.same,
            "same_hash": found.same_hash,
            "left_out": found.left_out,
            "not_compared": found.not_compared,
            "differences": found.differences.iter().map(|it| json!({
                "code": it.code, "component": it.component, "found": it.found, "wanted": it.wanted,
            })).collect::<Vec<_>>(),
        })),
        "profiles": checked.profiles.iter().map(|(profile, elements)| json!({
            "name": profile.name,
            "title": profile.title,
            "elements": elements.iter().map(|it| json!({
                "name": it.name, "title": it.title, "have": it.have, "of": it.of, "lacking": it.lacking,
            })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "provenance": {
            "bundles": checked.evidence,
            "verified": share(verified),
            "claimed": share(claimed),
            "absent": share(absent),
            "components": components,
        },
        "reasons": checked.reasons.iter().map(|it| json!({ "code": it.code, "text": it.text })).collect::<Vec<_>>(),
    })
}

fn counts(checked: &Checked) -> [usize; 3] {
    let count = |is: fn(&State) -> bool| checked.states.iter().filter(|it| is(it)).count();
    [
        count(|it| *it == State::Verified),
        count(|it| matches!(it, State::Claimed(_))),
        count(|it| *it == State::Absent),
    ]
}

/// With one decimal, and never 100.0 % or 0.0 % of what is not all or none.
fn percent(part: usize, all: usize) -> String {
    let tenths = (part * 1000).checked_div(all).unwrap_or(0);
    let tenths = if part > 0 { tenths.max(1) } else { 0 };
    format!("{}.{} %", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn a_share_is_never_rounded_to_all_or_none() {
        assert_eq!(percent(999, 1000), "99.9 %");
        assert_eq!(percent(9_999, 10_000), "99.9 %");
        assert_eq!(percent(1, 10_000), "0.1 %");
        assert_eq!(percent(0, 0), "0.0 %");
        assert_eq!(percent(3, 3), "100.0 %");
    }
}
