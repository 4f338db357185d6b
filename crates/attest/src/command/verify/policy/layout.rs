//! The layouts of a policy: proven once, by the links of the folder that a flag names.

use std::path::Path;

use attest_policy::{LayoutPiece, Rules};
use attest_verify::layout::LayoutRefusal;

use crate::clock::Now;
use crate::command::provenance::{FolderOfLinks, chain_lines};
use crate::failure::Failure;

/// What came of each layout, and what there is to tell of it.
///
/// # Errors
/// What is wrong with a layout is exit 2, as is a folder of links that is missing or of no use; one that cannot be
/// read exit 3.
pub(super) fn proven(
    rules: &Rules,
    links: Option<&Path>,
    now: Now,
) -> Result<(Vec<LayoutPiece>, Vec<String>), Failure> {
    let (Some(links), false) = (links, rules.layouts().is_empty()) else {
        return refuse_idle(rules, links);
    };
    let folder = FolderOfLinks::at(links);
    let (mut pieces, mut notes) = (Vec::new(), Vec::new());
    for asked in rules.layouts() {
        let layout = asked.verify(now.time);
        let layout = layout.map_err(|fault| Failure::request(fault.code(), fault))?;
        match layout.prove(&folder, asked.options()) {
            Ok(chain) => {
                // In a report each is one sentence, without columns.
                let words = |line: String| line.split_whitespace().collect::<Vec<_>>().join(" ");
                notes.extend(chain_lines(&chain).into_iter().map(words));
                pieces.push(LayoutPiece::of(asked.rule(), Ok(&chain)));
            }
            Err(LayoutRefusal::Rejected(rejection)) => {
                pieces.push(LayoutPiece::of(asked.rule(), Err(&rejection)));
            }
            Err(LayoutRefusal::Unreadable(error)) => {
                return Err(Failure::unknown("links-unreadable", error));
            }
            Err(_) => return Err(Failure::unknown("links-unreadable", "links")),
        }
    }
    notes
        .push("when the steps of a layout were done is not proven: links carry no time".to_owned());
    Ok((pieces, notes))
}

/// Links without a rule, or a rule without links.
fn refuse_idle(
    rules: &Rules,
    links: Option<&Path>,
) -> Result<(Vec<LayoutPiece>, Vec<String>), Failure> {
    if links.is_some() {
        let message = "--links is given, and no rule of the policy is about a layout";
        return Err(Failure::request("bad-arguments", message));
    }
    if rules.layouts().is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    Err(Failure::request(
        "links-required",
        "a rule of the policy is about a layout, and no folder of links is named",
    )
    .hint("name it with --links"))
}
