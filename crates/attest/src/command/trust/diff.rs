//! `attest trust diff`: in what two roots differ.

use attest_verify::RootItem;
use clap::Args;
use serde_json::json;

use super::{Read, answer, show};
use crate::console::Console;
use crate::failure::{Exit, Failure};

#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// The one root: an embedded one, or a file
    #[arg(value_name = "@NAME|FILE")]
    before: String,
    /// The other
    #[arg(value_name = "@NAME|FILE")]
    after: String,
}

pub(super) fn run(args: &DiffArgs, console: &Console) -> Result<Exit, Failure> {
    let (before, after) = (Read::of(&args.before)?, Read::of(&args.after)?);
    let (old, new) = (before.root.items(), after.root.items());
    let removed = only_in(&old, &new);
    let added = only_in(&new, &old);
    let exit = if removed.is_empty() && added.is_empty() {
        Exit::Yes
    } else {
        Exit::No
    };
    if console.is_json() {
        let list = |items: &[&RootItem]| {
            let items: Vec<_> = items.iter().map(|it| show::item_json(it)).collect();
            json!(items)
        };
        let mut object = answer(
            "diff",
            &json!({
                "before": args.before,
                "after": args.after,
                "same_bytes": before.bytes == after.bytes,
                "removed": list(&removed),
                "added": list(&added),
            }),
        );
        if let Some(fields) = object.as_object_mut() {
            fields.insert("answer".to_owned(), exit.word().into());
            fields.insert("exit".to_owned(), exit.number().into());
        }
        console.json(&object);
        return Ok(exit);
    }
    for (sign, items) in [("-", removed), ("+", added)] {
        for item in items {
            console.say(format!("{sign} {}", show::item_line(item)));
        }
    }
    if exit == Exit::Yes {
        console.say(if before.bytes == after.bytes {
            "the same bytes"
        } else {
            "the same logs and authorities, in other bytes"
        });
    }
    Ok(exit)
}

/// Those that the other has not, or has with another window.
fn only_in<'i>(items: &'i [RootItem], others: &[RootItem]) -> Vec<&'i RootItem> {
    items.iter().filter(|it| !others.contains(it)).collect()
}
