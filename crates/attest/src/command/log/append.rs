//! Appending to a log that others keep: a Rekor v2 or v1. What it answers is verified before a word of
//! it is said.

use std::path::Path;
use std::time::Duration;

use attest_log::entry::{Entry, Verifier};
use attest_remote::{Persistence, Rekor, RekorVersion};
use attest_sign::{
    ENTRY_EXISTS, EntryLog as _, LogAppendError, LogEntry, Proposal, ProposedVerifier,
};
use attest_verify::{AddedEntry, Bundle, BundleEntry, Content, ProvenPlace, TrustedLog};
use serde_json::{Value, json};

use super::place::{Place, Server, Where, words};
use super::write::{ReadEntries, read_entries};
use super::{AppendArgs, PublicArgs, WaitArgs};
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure, with_source};
use crate::files::{self, Overwrite};
use crate::services;

pub(super) fn append(
    args: &AppendArgs,
    log: &str,
    key: &str,
    console: &Console,
) -> Result<Exit, Failure> {
    let target = Target::named(log, key, args.public.service_timeout)?;
    let read = args
        .files
        .iter()
        .map(|path| Ok((path.as_path(), read_entries(path)?)))
        .collect::<Result<Vec<_>, Failure>>()?;
    let added = added(&read)?;
    let bundle = output(&args.public, &read, &added)?;
    let placed = target.add(&added, console)?;
    if let (Some((path, bytes)), Some((_, entry))) = (bundle, placed.first()) {
        let overwrite = if args.public.force {
            Overwrite::Force
        } else {
            Overwrite::Refuse
        };
        let written = with_entry(bytes, entry.to_json())
            .and_then(|bundle| files::write(path, &bundle, 0o644, overwrite));
        written.inspect_err(|_| target.say_what_stays(&placed, console))?;
    }
    report(&target, &args.public, &placed, console);
    Ok(Exit::Yes)
}

/// A log that takes entries, and by what its answers are verified.
struct Target {
    at: Server,
    log: TrustedLog,
    rekor: Rekor,
}

/// What is proven of an entry, and the entry as a bundle has it.
type Placed = (ProvenPlace, LogEntry);

impl Target {
    fn named(log: &str, key: &str, seconds: u64) -> Result<Self, Failure> {
        let patience = WaitArgs {
            seconds: seconds.min(ANSWER),
        }
        .patience();
        let (at, log, version) = match Place::named(log, key, patience)? {
            Place::Tiles {
                at: Where::Url(at),
                key,
            } => {
                let log = TrustedLog::of_key(*key, &at.url);
                (at, log, RekorVersion::V2)
            }
            Place::RekorV1 { at, log } => (at, *log, RekorVersion::V1),
            Place::Tiles {
                at: Where::Folder(path),
                ..
            } => {
                return Err(Failure::request(
                    "bad-arguments",
                    format!("--log {} is no address", path.display()),
                )
                .hint("a log in a folder is written by its own home: leave --log away, or name the home"));
            }
        };
        let persistence = Persistence {
            patience,
            total: Duration::from_secs(seconds),
        };
        let rekor = Rekor::new(&at.url, version, persistence)
            .map_err(|error| Failure::request(error.code(), error))?;
        Ok(Self { at, log, rekor })
    }

    /// Asks for all of them. If one did not enter the log, those that did are named before.
    fn add(&self, added: &[AddedEntry], console: &Console) -> Result<Vec<Placed>, Failure> {
        let proposals: Vec<Proposal<'_>> = added.iter().map(proposal).collect();
        let mut heard: Vec<Option<Result<LogEntry, LogAppendError>>> = Vec::new();
        heard.resize_with(added.len(), || None);
        self.rekor.add_all(&proposals, &mut |at, answer| {
            if let Some(slot) = heard.get_mut(at) {
                *slot = Some(answer);
            }
        });
        let judged = added.iter().zip(heard).map(|(added, answer)| {
            answer.map_or_else(
                || {
                    Err(Failure::unknown(
                        "internal-error",
                        "an entry was not asked for",
                    ))
                },
                |answer| self.judge(added, answer),
            )
        });
        // Every answer is judged: what entered the log stays there, whatever became of the others.
        let judged: Vec<Result<Placed, Failure>> = judged.collect();
        if judged.iter().any(Result::is_err) {
            self.say_what_stays(judged.iter().flatten(), console);
        }
        judged.into_iter().collect()
    }

    fn say_what_stays<'p>(&self, placed: impl IntoIterator<Item = &'p Placed>, console: &Console) {
        for (place, _) in placed {
            console.note(format_args!(
                "entry {} is in {} now and stays there",
                place.index,
                escape(self.log.origin())
            ));
        }
    }

    fn judge(
        &self,
        added: &AddedEntry,
        answer: Result<LogEntry, LogAppendError>,
    ) -> Result<Placed, Failure> {
        let entry = match answer {
            Ok(entry) => entry,
            Err(error) if error.code() == ENTRY_EXISTS => self.of_tiles(added.entry(), &error)?,
            Err(error) => return Err(Failure::unknown(error.code(), &error)),
        };
        let claimed = BundleEntry::from_value(entry.to_json().clone())
            .map_err(|error| Failure::unknown("service-malformed", with_source(&error)))?;
        let place = added
            .stands_in(&self.log, &claimed)
            .map_err(|check| Failure::no(check.code(), words(&check)))?;
        Ok((place, entry))
    }

    /// A Rekor v2 says that it has the entry, and where. Its tiles prove it, if it serves them.
    fn of_tiles(&self, entry: &Entry, error: &LogAppendError) -> Result<LogEntry, Failure> {
        let unproven = || {
            Failure::unknown(ENTRY_EXISTS, error).hint(format_args!(
                "where its tiles are served, attest log show --leaf {} proves that it is there",
                entry.leaf_hash().to_hex()
            ))
        };
        let logs = std::slice::from_ref(&self.log);
        let at = (self.at.url.as_str(), self.at.patience);
        services::of_tiles(logs, at, entry, error).ok_or_else(unproven)
    }
}

/// The entries of all files, each once.
fn added(read: &[(&Path, ReadEntries)]) -> Result<Vec<AddedEntry>, Failure> {
    let mut added: Vec<AddedEntry> = Vec::new();
    for (path, read) in read {
        let wrong = |problem: &dyn std::fmt::Display| {
            Failure::request("entry-malformed", format!("{}: {problem}", path.display()))
        };
        let bundle = read.bundle.as_ref().map(|(bundle, _)| bundle);
        // A bundle may stand in logs of another generation as well: one entry says what was signed.
        if let (true, Some(other)) = (read.entries.is_empty(), &read.other) {
            return Err(wrong(&other.message));
        }
        for entry in &read.entries {
            if bundle.is_some_and(|it| it.signature() != entry.signature()) {
                return Err(wrong(
                    &"its log entry is about another signature than its own",
                ));
            }
            if added.iter().any(|it| it.entry() == entry) {
                continue;
            }
            let envelope = match bundle.map(Bundle::content) {
                Some(Content::Envelope(envelope)) => Some(envelope.clone()),
                _ => None,
            };
            let one = AddedEntry::new(entry.clone(), envelope).map_err(|error| wrong(&error))?;
            added.push(one);
        }
    }
    Ok(added)
}

fn proposal(added: &AddedEntry) -> Proposal<'_> {
    let entry = added.entry();
    Proposal {
        digest: entry.digest(),
        key_details: entry.key_details().name(),
        signature: entry.signature(),
        verifier: match entry.verifier() {
            Verifier::PublicKey(spki) => ProposedVerifier::PublicKey(spki),
            Verifier::Certificate(der) => ProposedVerifier::Certificate(der),
        },
        envelope: added.envelope(),
    }
}

/// Where the bundle goes with the new entry, and the bundle as it is.
fn output<'a>(
    args: &'a PublicArgs,
    read: &'a [(&Path, ReadEntries)],
    added: &[AddedEntry],
) -> Result<Option<(&'a Path, &'a [u8])>, Failure> {
    let Some(out) = &args.out else {
        return Ok(None);
    };
    let (
        [
            (
                _,
                ReadEntries {
                    bundle: Some((_, bytes)),
                    ..
                },
            ),
        ],
        [_],
    ) = (read, added)
    else {
        return Err(Failure::request(
            "bad-arguments",
            "--out is for one FILE that is a bundle",
        ));
    };
    if !args.force && out.symlink_metadata().is_ok() {
        return Err(files::exists_failure(out));
    }
    Ok(Some((out, bytes)))
}

/// The bundle with this entry, in place of the same entry with an earlier proof.
fn with_entry(bundle: &[u8], entry: &Value) -> Result<Vec<u8>, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::unknown("encoding-failed", error);
    let mut value: Value = serde_json::from_slice(bundle).map_err(|error| failed(&error))?;
    let entries = value.pointer_mut("/verificationMaterial/tlogEntries");
    let entries = entries.and_then(Value::as_array_mut);
    let entries = entries.ok_or_else(|| failed(&"the bundle has no list of entries"))?;
    let same = |it: &Value| {
        let fields = ["logId", "canonicalizedBody"];
        fields.iter().all(|field| it.get(field) == entry.get(field))
    };
    entries.retain(|it| !same(it));
    entries.push(entry.clone());
    let bytes = serde_json::to_vec(&value).map_err(|error| failed(&error))?;
    Bundle::parse(&bytes).map_err(|error| failed(&error))?;
    Ok(bytes)
}

fn report(target: &Target, args: &PublicArgs, placed: &[Placed], console: &Console) {
    let origin = target.log.origin();
    let size = placed.iter().map(|(place, _)| place.size).max();
    if console.is_json() {
        let entries = placed.iter().map(|(place, entry)| {
            json!({"index": place.index, "known": entry.is_known(), "promised": place.promised})
        });
        console.json(&json!({
            "version": 1, "command": "log append", "answer": "yes", "exit": 0, "origin": origin, "size": size,
            "entries": entries.collect::<Vec<_>>(),
            "bundle": args.out.as_ref().map(|it| it.display().to_string()),
        }));
        return;
    }
    for (place, entry) in placed {
        let known = if entry.is_known() {
            ", known before"
        } else {
            ""
        };
        console.say(format_args!("entry {}{known}", place.index));
    }
    console.say(format_args!(
        "logged     {} of {}: proven by its checkpoint of {} entries",
        placed.len(),
        escape(origin),
        size.unwrap_or_default()
    ));
    if let Some(out) = &args.out {
        console.say(format_args!("written    {}", out.display()));
    }
}

/// Seconds. A Rekor v2 answers when its next checkpoint is there.
const ANSWER: u64 = 60;
