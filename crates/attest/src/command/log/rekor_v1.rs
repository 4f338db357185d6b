//! What a Rekor v1 hands out, proven before it is used.

use attest_log::{Inclusion, SignedCheckpoint, merkle};
use attest_remote::{ClaimedEntry, RekorV1};
use attest_verify::TrustedLog;
use serde_json::json;

use super::find::{self, Found, Wanted};
use super::place::{Server, unheard, wrong};
use super::{CheckArgs, ProveArgs, prove, read};
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure};
use crate::words::counted;

pub(super) fn show(
    wanted: &Wanted,
    at: &Server,
    log: &TrustedLog,
    console: &Console,
) -> Result<Exit, Failure> {
    let client = at.rekor_v1()?;
    let found = match wanted {
        Wanted::Checkpoint => {
            let head = client.head().map_err(|error| unheard(&error))?;
            let signed = log
                .verify_head(head.checkpoint.as_bytes())
                .map_err(|check| wrong(&check))?;
            read::show_checkpoint(&signed, console)?;
            return Ok(Exit::Yes);
        }
        Wanted::Index(index) => {
            let entry = entry(&client, log, *index)?;
            read::show_body(entry.index, entry.body, console)?;
            return Ok(Exit::Yes);
        }
        Wanted::Leaf(leaf) => client.entry_of_leaf(leaf).map(Vec::from_iter),
        Wanted::Artifact(sha256) => client.search(sha256),
    };
    let mut proven = Vec::new();
    for entry in found.map_err(|error| unheard(&error))? {
        verified_entry(log, &entry)?;
        if matches!(wanted, Wanted::Leaf(_)) && !wanted.is(&entry.body) {
            return Err(Failure::no(
                "log-entry-mismatch",
                "the log answers with another entry",
            ));
        }
        proven.push(Found {
            index: entry.index,
            body: entry.body,
        });
    }
    find::show(&proven, console)
}

pub(super) fn prove(
    args: &ProveArgs,
    at: &Server,
    log: &TrustedLog,
    console: &Console,
) -> Result<Exit, Failure> {
    let (Some(index), None) = (args.index, args.size) else {
        return Err(Failure::request(
            "log-size-unknown",
            "a Rekor v1 proves entries in its present tree alone",
        )
        .hint("attest log check --checkpoint FILE proves that a kept checkpoint is a prefix"));
    };
    let entry = entry(&at.rekor_v1()?, log, index)?;
    let inclusion = Inclusion {
        index: entry.tree_index,
        size: entry.tree_size,
        root: entry.root,
        hashes: entry.hashes,
        checkpoint: entry.checkpoint.into_bytes(),
    };
    prove::say(&inclusion, console)?;
    Ok(Exit::Yes)
}

/// The tree head, and that kept ones are prefixes of it. Nobody can recompute a log without its tiles.
pub(super) fn check(
    args: &CheckArgs,
    at: &Server,
    log: &TrustedLog,
    console: &Console,
) -> Result<Exit, Failure> {
    let client = at.rekor_v1()?;
    let head = client.head().map_err(|error| unheard(&error))?;
    let signed = log
        .verify_head(head.checkpoint.as_bytes())
        .map_err(|check| wrong(&check))?;
    let (size, root) = (signed.checkpoint().size(), signed.checkpoint().root());
    let mut forked = Vec::new();
    for path in &args.checkpoint {
        let shown = path.display().to_string();
        let kept = log.verify_head(&read::read_kept(path)?).map_err(|check| {
            Failure::request(check.code(), format!("{shown}: {}", check.found()))
        })?;
        let kept = kept.checkpoint();
        if kept.origin() != signed.checkpoint().origin() {
            return Err(Failure::request(
                "checkpoint-origin-mismatch",
                format!(
                    "{shown} is of {}, the present tree is {}",
                    kept.origin(),
                    signed.checkpoint().origin()
                ),
            ));
        }
        let proof = if kept.size() == 0 || kept.size() >= size {
            Vec::new()
        } else {
            client
                .consistency(&head.tree, kept.size(), size)
                .map_err(|error| unheard(&error))?
        };
        let proven = merkle::verify_consistency(kept.size(), &kept.root(), size, &root, &proof);
        forked.extend(proven.err().map(|error| (shown, error.to_string())));
    }
    let exit = if forked.is_empty() {
        Exit::Yes
    } else {
        Exit::No
    };
    if console.is_json() {
        console.json(&json!({
            "version": 1, "command": "log check", "answer": exit.word(), "exit": exit.number(),
            "size": size, "root": root.to_hex(), "tiles": 0, "checkpoints": 1,
            "findings": forked.iter().map(|(path, problem)| json!({"code": "log-forked", "path": path, "problem": problem})).collect::<Vec<_>>(),
            "kept_checkpoints": args.checkpoint.len(),
            "independence": "not shown: entries are not recomputed, a Rekor v1 has no tiles",
        }));
        return Ok(exit);
    }
    for (path, problem) in &forked {
        console.say(format_args!(
            "log-forked   {}: {}",
            escape(path),
            escape(problem)
        ));
    }
    console.say(format_args!(
        "{}  {} entries by a signed checkpoint; {} compared",
        if exit == Exit::Yes {
            "consistent"
        } else {
            "REFUSED"
        },
        size,
        counted(args.checkpoint.len(), "kept checkpoint")
    ));
    console.say("not checked: the entries (a Rekor v1 has no tiles; attest log monitor --from 0 reads them all)");
    Ok(exit)
}

/// The entry at a place in the whole log, proven.
fn entry(client: &RekorV1, log: &TrustedLog, index: u64) -> Result<ClaimedEntry, Failure> {
    let entry = client.entry(index).map_err(|error| unheard(&error))?;
    let entry = entry.ok_or_else(|| {
        Failure::request("log-index-unknown", format!("the log has no entry {index}"))
    })?;
    verified_entry(log, &entry)?;
    if entry.index != index {
        return Err(Failure::no(
            "log-index-mismatch",
            format!(
                "asked for entry {index}, the log answers with {}",
                entry.index
            ),
        ));
    }
    Ok(entry)
}

/// The checkpoint under which an entry is proven to stand in the log, which also promised it.
pub(super) fn verified_entry(
    log: &TrustedLog,
    entry: &ClaimedEntry,
) -> Result<SignedCheckpoint, Failure> {
    if entry.log_id != *log.id() {
        return Err(Failure::no(
            "log-unknown",
            format!(
                "the entry is of log {}, not of {}",
                hex::encode(entry.log_id),
                hex::encode(log.id())
            ),
        ));
    }
    let signed = log
        .verify_head(entry.checkpoint.as_bytes())
        .map_err(|check| wrong(&check))?;
    let (size, root) = (signed.checkpoint().size(), signed.checkpoint().root());
    if size != entry.tree_size {
        return Err(Failure::no(
            "checkpoint-size-mismatch",
            format!(
                "the proof is for {} entries, its checkpoint of {size}",
                entry.tree_size
            ),
        ));
    }
    if root != entry.root {
        return Err(Failure::no(
            "checkpoint-root-mismatch",
            format!(
                "the proof is for root {}, its checkpoint has {root}",
                entry.root
            ),
        ));
    }
    let leaf = merkle::leaf_hash(&entry.body);
    merkle::verify_inclusion(&leaf, entry.tree_index, size, &entry.hashes, &root)
        .map_err(|error| Failure::no(error.code(), error))?;
    if !log.promised(
        &entry.body,
        entry.integrated_time,
        entry.index,
        &entry.promise,
    ) {
        return Err(Failure::no(
            "log-promise-invalid",
            "the log did not promise this entry at this time and place",
        ));
    }
    Ok(signed)
}
