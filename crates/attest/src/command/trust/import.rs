//! `attest trust import`: one trusted root of several files.

use std::path::{Path, PathBuf};

use attest_verify::{Assembly, ChainUse};
use clap::Args;

use super::{OutArgs, malformed, read};
use crate::console::Console;
use crate::failure::{Exit, Failure};
use crate::trust;

#[expect(clippy::doc_markdown, reason = "these comments are the help text")]
#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// trusted_root.json, .jsonl with one on each line (as gh writes it), certificates in PEM
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    out: OutArgs,
}

pub(super) fn run(args: &ImportArgs, console: &Console) -> Result<Exit, Failure> {
    args.out.check()?;
    let mut assembly = Assembly::default();
    let mut notes = Vec::new();
    for path in &args.files {
        add(path, &mut assembly, &mut notes)?;
    }
    let place = args.out.out.display().to_string();
    let bytes = assembly
        .to_json()
        .map_err(|error| malformed(&place, &error))?;
    args.out.write(&bytes)?;
    args.out.report("import", &bytes, &notes, console)
}

fn add(path: &Path, assembly: &mut Assembly, notes: &mut Vec<String>) -> Result<(), Failure> {
    let place = path.display().to_string();
    let bytes = read(path)?;
    if !bytes.trim_ascii_start().starts_with(b"-----BEGIN ") {
        let roots = trust::parse_roots(path, &bytes).map_err(|error| malformed(&place, &error))?;
        for root in &roots {
            assembly.add_root(root);
        }
        return Ok(());
    }
    let found = assembly
        .add_chain(&bytes, None, None)
        .map_err(|error| malformed(&place, &error));
    match found {
        Ok(ChainUse::Signing) => notes.push(format!("{place}: certificates for code signing")),
        Ok(ChainUse::Timestamping) => notes.push(format!("{place}: certificates for timestamps")),
        Err(failure) => {
            return Err(failure
                .hint("the key of a log needs its URL: attest trust create --log-key URL=PEM"));
        }
    }
    Ok(())
}
