//! Steps 5 to 8: a trusted log has an entry about this very signature.

use attest_log::{Checkpoint, SignedCheckpoint, merkle};
use attest_provenance::{base64, json};
use jiff::Timestamp;

use crate::body::{self, ClaimedBody, EntryKind, Signed};
use crate::bundle::{Bundle, BundleEntry, BundleVersion, ClaimedProof};
use crate::check::Check;
use crate::evidence::{ProvenLog, ProvenTime, Skipped, TimeSource};
use crate::trusted_root::TrustedLog;
use crate::verifier::Accept;

/// What the entries of a bundle prove.
#[derive(Default)]
pub(crate) struct Logged {
    pub(crate) logs: Vec<ProvenLog>,
    /// For each of `logs`, the time that it promised, if it did.
    pub(crate) promised: Vec<Option<Timestamp>>,
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) failed: Vec<Check>,
    /// Indices of entries whose log is not known, and that were passed over.
    pub(crate) passed_over: Vec<usize>,
}

impl Logged {
    /// The times that logs promised.
    pub(crate) fn times(&self) -> Vec<ProvenTime> {
        let promised = self.logs.iter().zip(&self.promised);
        promised
            .filter_map(|(log, time)| {
                Some(ProvenTime {
                    time: (*time)?,
                    authority: log.origin.clone(),
                    uri: None,
                    source: TimeSource::Promise,
                    root: log.root.clone(),
                })
            })
            .collect()
    }
}

/// Verifies every entry; one that does not hold is not outweighed by others.
pub(crate) fn verify<'l>(
    bundle: &Bundle,
    signed: &Signed<'_>,
    find: impl Fn(&[u8; 32]) -> Option<(&'l str, &'l TrustedLog)>,
    accept: Accept,
) -> Logged {
    let mut logged = Logged::default();
    let entries = bundle.entries();
    if entries.is_empty() {
        if accept.no_log {
            logged.skipped.push(Skipped::Log);
        } else {
            logged.failed.push(Check::new(
                "log-missing",
                "no log entry",
                "an entry of a trusted log",
            ));
        }
        return logged;
    }
    if bundle.version() == BundleVersion::V0_1 && entries.iter().all(|it| it.promise().is_none()) {
        let check = Check::new(
            "log-promise-missing",
            "a bundle of version 0.1 without a promise",
            "a promise, or another version",
        );
        logged.failed.push(check);
    }
    for (index, entry) in entries.iter().enumerate() {
        let earlier = entries.get(..index).unwrap_or_default();
        match verify_entry(entry, earlier, signed, &find, accept) {
            Ok(Entry::Proven {
                log,
                promised,
                skipped,
            }) => {
                logged.logs.push(log);
                logged.promised.push(promised);
                logged.skipped.extend(skipped);
            }
            Ok(Entry::PassedOver(skipped)) => {
                logged.skipped.push(skipped);
                logged.passed_over.push(index);
            }
            Err(check) => logged.failed.push(check),
        }
    }
    logged
}

enum Entry {
    Proven {
        log: ProvenLog,
        promised: Option<Timestamp>,
        skipped: Vec<Skipped>,
    },
    PassedOver(Skipped),
}

fn verify_entry<'l>(
    entry: &BundleEntry,
    earlier: &[BundleEntry],
    signed: &Signed<'_>,
    find: impl Fn(&[u8; 32]) -> Option<(&'l str, &'l TrustedLog)>,
    accept: Accept,
) -> Result<Entry, Check> {
    check_not_repeated(entry, earlier)?;
    let kind = check_body(entry, signed)?;
    let Some((root, log)) = find(entry.log_id()) else {
        let id = hex::encode(entry.log_id());
        if accept.no_log {
            return Ok(Entry::PassedOver(Skipped::LogUnknown { id }));
        }
        return Err(Check::new(
            "log-unknown",
            format!("log {id}{} (claimed)", claimed_origin(entry)),
            "a log of a trusted root",
        ));
    };
    let mut skipped = Vec::new();
    let proven = match entry.proof() {
        Some(proof) => Some(verify_proof(entry, proof, kind, log)?),
        None if accept.set_only && !kind.is_v2() && entry.promise().is_some() => {
            skipped.push(Skipped::Proof);
            None
        }
        None => {
            return Err(Check::new(
                "log-proof-missing",
                "an entry without an inclusion proof",
                "an inclusion proof",
            ));
        }
    };
    let promised = verify_promise(entry, kind, log)?;
    if promised.is_none() && entry.integrated_time().is_some() {
        skipped.push(Skipped::IntegratedTime);
    }
    let (index, tree_size) = match proven {
        Some((index, size)) => (index, Some(size)),
        None => (entry.index(), None),
    };
    let log = ProvenLog {
        origin: log.origin().to_owned(),
        log_id: *log.id(),
        index,
        tree_size,
        root: root.to_owned(),
    };
    Ok(Entry::Proven {
        log,
        promised,
        skipped,
    })
}

/// The first line of the checkpoint, to look for the log by.
fn claimed_origin(entry: &BundleEntry) -> String {
    let line = entry.proof().and_then(|it| it.checkpoint.lines().next());
    line.map(|it| format!(" of {}", it.chars().take(120).collect::<String>()))
        .unwrap_or_default()
}

/// Also the same leaf under another index is a repetition: a log counts once for a signature.
fn check_not_repeated(entry: &BundleEntry, earlier: &[BundleEntry]) -> Result<(), Check> {
    let same = |it: &BundleEntry| {
        it.log_id() == entry.log_id() && (it.index() == entry.index() || it.body() == entry.body())
    };
    if !earlier.iter().any(same) {
        return Ok(());
    }
    let id = hex::encode(entry.log_id());
    let found = format!("entry {} of log {id} twice", entry.index());
    Err(Check::new("log-entry-duplicate", found, "each entry once"))
}

/// Step 5: the body is what an entry about this signature must be, byte for byte.
pub(crate) fn check_body(entry: &BundleEntry, signed: &Signed<'_>) -> Result<EntryKind, Check> {
    let wanted = "a hashedrekord, or for statements dsse or intoto 0.0.2";
    let unknown = || {
        let found: String = format!("{} {}", entry.kind(), entry.version())
            .chars()
            .take(80)
            .collect();
        Check::new("log-entry-kind-unknown", found, wanted)
    };
    let kind = EntryKind::of(entry).ok_or_else(unknown)?;
    let expected = body::expected(kind, signed, entry.body());
    if expected.as_deref() == Some(entry.body()) {
        return Ok(kind);
    }
    let claimed = ClaimedBody::read(entry);
    let (found, wanted) = difference(&claimed, signed);
    Err(Check::new("log-entry-mismatch", found, wanted))
}

/// In what a body differs, as it claims.
fn difference(claimed: &ClaimedBody, signed: &Signed<'_>) -> (String, String) {
    match claimed {
        ClaimedBody {
            digest: Some(digest),
            ..
        } if *digest != signed.digest => (
            format!("an entry about {digest} (claimed)"),
            signed.digest.to_string(),
        ),
        ClaimedBody {
            signature: Some(signature),
            ..
        } if signature != signed.signature => (
            "an entry about another signature".to_owned(),
            "this signature".to_owned(),
        ),
        ClaimedBody { key: Some(key), .. } if key != signed.key => (
            format!("an entry about {key} (claimed)"),
            signed.key.to_string(),
        ),
        ClaimedBody {
            certificate: Some(der),
            ..
        } if signed.certificate != Some(der.as_slice()) => (
            "an entry about another certificate".to_owned(),
            "the bundle's certificate or key".to_owned(),
        ),
        _ => (
            "another body".to_owned(),
            "the body that these make, byte for byte".to_owned(),
        ),
    }
}

/// Steps 6 and 7; gives index and size of the tree.
pub(crate) fn verify_proof(
    entry: &BundleEntry,
    proof: &ClaimedProof,
    kind: EntryKind,
    log: &TrustedLog,
) -> Result<(u64, u64), Check> {
    if proof.checkpoint.is_empty() {
        return Err(Check::new(
            "log-proof-missing",
            "an inclusion proof without a checkpoint",
            "a checkpoint",
        ));
    }
    let note = verify_note(proof.checkpoint.as_bytes(), kind, log)?;
    let checkpoint = note.checkpoint();
    check_copies(entry, proof, kind, checkpoint)?;
    let leaf = merkle::leaf_hash(entry.body());
    merkle::verify_inclusion(
        &leaf,
        proof.index,
        checkpoint.size(),
        &proof.hashes,
        &checkpoint.root(),
    )
    .map_err(|error| {
        Check::new(
            "log-proof-invalid",
            error,
            format!("a proof that leads to {}", checkpoint.root()),
        )
    })?;
    Ok((proof.index, checkpoint.size()))
}

/// A checkpoint that this log signed.
pub(crate) fn verify_note(
    note: &[u8],
    kind: EntryKind,
    log: &TrustedLog,
) -> Result<SignedCheckpoint, Check> {
    let parsed = if kind.is_v2() {
        SignedCheckpoint::parse(note)
    } else {
        SignedCheckpoint::parse_with_extensions(note)
    };
    let note =
        parsed.map_err(|error| Check::new("checkpoint-malformed", error, "a signed checkpoint"))?;
    check_origin(note.checkpoint().origin(), kind, log)?;
    check_signature(&note, log)?;
    Ok(note)
}

/// The unsigned copies beside the checkpoint do not say anything else.
fn check_copies(
    entry: &BundleEntry,
    proof: &ClaimedProof,
    kind: EntryKind,
    checkpoint: &Checkpoint,
) -> Result<(), Check> {
    let (root, size) = (checkpoint.root(), checkpoint.size());
    if proof.root != root {
        return Err(Check::new("checkpoint-root-mismatch", proof.root, root));
    }
    if proof.size != size {
        return Err(Check::new("checkpoint-size-mismatch", proof.size, size));
    }
    // Rekor v1 counts across shards outside of the proof.
    if kind.is_v2() && entry.index() != proof.index {
        let wanted = format!("{}, as the proof says", proof.index);
        return Err(Check::new("log-index-mismatch", entry.index(), wanted));
    }
    Ok(())
}

/// The origin is the log's host; a Rekor v1 log may add its port and its tree.
fn check_origin(origin: &str, kind: EntryKind, log: &TrustedLog) -> Result<(), Check> {
    let host = log.origin();
    let is_digits = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    let rest = origin.strip_prefix(host);
    let ok = match rest {
        Some("") => true,
        Some(rest) if !kind.is_v2() => {
            let (port, tree) = rest
                .split_once(" - ")
                .map_or((rest, None), |(port, tree)| (port, Some(tree)));
            (port.is_empty() || port.strip_prefix(':').is_some_and(is_digits))
                && tree.is_none_or(is_digits)
        }
        _ => false,
    };
    if ok {
        return Ok(());
    }
    let found: String = origin.chars().take(120).collect();
    Err(Check::new("checkpoint-origin-mismatch", found, host))
}

/// A line of this log, and none of it that does not verify. Lines of others, such as witnesses', say
/// nothing here. The line's name is the origin, of Rekor v1 without its tree.
fn check_signature(note: &SignedCheckpoint, log: &TrustedLog) -> Result<(), Check> {
    let text = note.checkpoint().to_text();
    let origin = note.checkpoint().origin();
    let name = origin.split_once(" - ").map_or(origin, |(name, _)| name);
    let wanted = || format!("a signature by the key of {}", log.origin());
    let mut of_log = note
        .signatures()
        .iter()
        .filter(|it| it.key_id() == log.key_hint() && it.name() == name)
        .peekable();
    if of_log.peek().is_none() {
        return Err(Check::new(
            "checkpoint-signature-invalid",
            "no signature line of this log",
            wanted(),
        ));
    }
    if of_log.all(|it| log.verifies_checkpoint(text.as_bytes(), it.signature())) {
        Ok(())
    } else {
        Err(Check::new(
            "checkpoint-signature-invalid",
            "a signature that does not verify",
            wanted(),
        ))
    }
}

/// Step 8; gives the time that the promise proves.
pub(crate) fn verify_promise(
    entry: &BundleEntry,
    kind: EntryKind,
    log: &TrustedLog,
) -> Result<Option<Timestamp>, Check> {
    let Some(signature) = entry.promise() else {
        return Ok(None);
    };
    let refused = |found: &str| {
        Check::new(
            "log-promise-invalid",
            found,
            format!("a promise signed by {}", log.origin()),
        )
    };
    if kind.is_v2() {
        return Err(refused(
            "a promise for an entry of Rekor v2, which makes none",
        ));
    }
    let payload = promise_payload(entry)
        .ok_or_else(|| refused("an index or a time that no promise can hold"))?;
    if !log.verifies_promise(&payload, signature) {
        return Err(refused("a promise that does not verify"));
    }
    let Some(seconds) = entry.integrated_time() else {
        return Ok(None);
    };
    let time = i64::try_from(seconds)
        .ok()
        .and_then(|it| Timestamp::from_second(it).ok());
    time.map(Some).ok_or_else(|| refused("a time that is none"))
}

fn promise_payload(entry: &BundleEntry) -> Option<Vec<u8>> {
    let time = entry.integrated_time().unwrap_or(0);
    payload_of(entry.body(), time, entry.log_id(), entry.index())
}

/// What Rekor v1 signs: RFC 8785 of body, time, log and index.
pub(crate) fn payload_of(body: &[u8], time: u64, log: &[u8; 32], index: u64) -> Option<Vec<u8>> {
    json::canonical(&serde_json::json!({
        "body": base64::encode(body),
        "integratedTime": time,
        "logID": hex::encode(log),
        "logIndex": index,
    }))
    .ok()
}
