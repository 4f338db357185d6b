//! `attest trust create`: a trusted root from keys and certificates.

use std::path::Path;

use attest_verify::{Assembly, ChainUse, TrustedRootError};
use clap::Args;
use jiff::Timestamp;

use super::{OutArgs, malformed, read};
use crate::clock::Now;
use crate::console::Console;
use crate::failure::{Exit, Failure};

#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// A transparency log: its URL, whose host is the origin of its checkpoints, and its public key
    /// (Ed25519: a Rekor v2 log; ECDSA: a v1 log)
    #[arg(long, value_name = "URL=PEM")]
    log_key: Vec<String>,
    /// A certificate log: its URL and its public key
    #[arg(long, value_name = "URL=PEM")]
    ct_key: Vec<String>,
    /// An authority for code signing: its certificates, from the one that issues to the root
    #[arg(long, value_name = "[URL=]PEM")]
    ca: Vec<String>,
    /// A timestamp authority: its certificates, from the one that signs to the root
    #[arg(long, value_name = "[URL=]PEM")]
    tsa_chain: Vec<String>,
    /// From when the keys of logs are valid [default: always]; certificates say it themselves
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    #[command(flatten)]
    out: OutArgs,
}

pub(super) fn run(args: &CreateArgs, console: &Console) -> Result<Exit, Failure> {
    args.out.check()?;
    let start = match &args.start {
        Some(text) => Now::read(Some(text))?.time,
        None => Timestamp::UNIX_EPOCH,
    };
    let assembly = assemble(args, start)?;
    let place = args.out.out.display().to_string();
    let bytes = assembly
        .to_json()
        .map_err(|error| malformed(&place, &error))?;
    args.out.write(&bytes)?;
    let mut notes = Vec::new();
    if args.start.is_none() && !(args.log_key.is_empty() && args.ct_key.is_empty()) {
        notes.push(
            "keys of logs are valid from 1970 on: --start says since when they are".to_owned(),
        );
    }
    args.out.report("create", &bytes, &notes, console)
}

fn assemble(args: &CreateArgs, start: Timestamp) -> Result<Assembly, Failure> {
    let mut assembly = Assembly::default();
    let mut parts = 0;
    for (text, is_log) in args
        .log_key
        .iter()
        .map(|it| (it, true))
        .chain(args.ct_key.iter().map(|it| (it, false)))
    {
        let (Some(url), file) = parted(text) else {
            return Err(
                Failure::request("bad-arguments", format!("{text:?} is not URL=PEM"))
                    .hint("write it as https://log.example=log.pub"),
            );
        };
        let key = read(Path::new(file))?;
        let added = if is_log {
            assembly.add_log(&key, url, start)
        } else {
            assembly.add_certificate_log(&key, url, start)
        };
        added.map_err(|error| refused(file, &error))?;
        parts += 1;
    }
    for (text, wanted) in args
        .ca
        .iter()
        .map(|it| (it, ChainUse::Signing))
        .chain(args.tsa_chain.iter().map(|it| (it, ChainUse::Timestamping)))
    {
        let (url, file) = parted(text);
        assembly
            .add_chain(&read(Path::new(file))?, url, Some(wanted))
            .map_err(|error| malformed(file, &error))?;
        parts += 1;
    }
    if parts == 0 {
        return Err(
            Failure::request("bad-arguments", "a trusted root of nothing trusts nothing")
                .hint("name at least one of --log-key, --ct-key, --ca, --tsa-chain"),
        );
    }
    Ok(assembly)
}

/// A log whose key is of a kind that no reader takes is a wrong request: it would silently prove nothing.
fn refused(file: &str, error: &TrustedRootError) -> Failure {
    match error {
        TrustedRootError::KeyUnsupported { .. } => {
            Failure::request(error.code(), format!("{file}: {error}"))
        }
        _ => malformed(file, error),
    }
}

/// A URL and a file, or a file alone.
fn parted(text: &str) -> (Option<&str>, &str) {
    match text.split_once('=') {
        Some((url, file)) if url.starts_with("http://") || url.starts_with("https://") => {
            (Some(url), file)
        }
        _ => (None, text),
    }
}
