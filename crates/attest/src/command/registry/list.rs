//! `attest registry list`: the tags of a repository.

use attest_remote::registry::Access;
use clap::Args;
use serde_json::json;

use crate::args::RegistryArgs;
use crate::console::Console;
use crate::failure::{Exit, Failure};
use crate::registry;
use crate::words::counted;

#[expect(clippy::doc_markdown, reason = "these comments are the help text")]
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// The repository: oci://HOST/REPOSITORY
    #[arg(value_name = "REPOSITORY")]
    repository: String,
    /// List also the tags that stand for what is attached to something
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    registry: RegistryArgs,
}

pub(super) fn run(args: &ListArgs, console: &Console) -> Result<Exit, Failure> {
    let reference = registry::reference(&args.repository)?;
    let registry = registry::open(&args.registry)?;
    let failed = |error| registry::failure(&error);
    let repository = registry
        .repository(&reference, Access::Pull)
        .map_err(failed)?;
    let tags = repository.tags().map_err(failed)?;
    let (attached, named): (Vec<_>, Vec<_>) = tags.into_iter().partition(|it| is_attached(it));
    if console.is_json() {
        console.json(&json!({
            "version": 1,
            "command": "registry list",
            "answer": Exit::Yes.word(),
            "exit": Exit::Yes.number(),
            "repository": repository.reference().to_string(),
            "mirror": registry::mirror(&repository),
            "tags": named,
            "tags_of_attached": attached,
        }));
        return Ok(Exit::Yes);
    }
    if let Some(mirror) = registry::mirror(&repository) {
        console.note(format!("read from the mirror {mirror}"));
    }
    for tag in &named {
        console.say(tag);
    }
    if args.all {
        for tag in &attached {
            console.say(tag);
        }
    } else if !attached.is_empty() {
        let count = counted(attached.len(), "tag");
        console.note(format!("{count} for what is attached: --all lists them"));
    }
    Ok(Exit::Yes)
}

/// `sha256-HEX`, with or without what cosign put behind it.
fn is_attached(tag: &str) -> bool {
    let hex = |it: &str| it.len() == 64 && it.bytes().all(|byte| byte.is_ascii_hexdigit());
    let rest = tag.strip_prefix("sha256-").unwrap_or_default();
    hex(rest.split('.').next().unwrap_or_default())
}
