//! `attest archive fixity`: are the bytes still those that were archived?
//!
//! It asks nobody who made them: that is for `archive verify`. What it finds is one flat line of JSON,
//! kept as an attachment, and signed where that is wanted.

mod history;
mod replica;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use attest_archive::{
    AttachedFileInput, Attachment, AttachmentInput, AttachmentKind, Extent, Fixity, Reader, Sample,
    Source, Store,
};
use attest_digest::{Algorithm, Artifact, Digest, DigestSet, Hashes, RelativePath};
use attest_provenance::predicate::svr::{self, Svr};
use attest_provenance::{Statement, Subject, json as strict};
use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::list::worse;
use super::{archive_failure, damage_failure, is_damage, tombstone};
use crate::args::replica::ReplicaFlags;
use crate::args::{Global, HomeArgs};
use crate::audit::{self, Change};
use crate::command::sign::sign_to_bytes;
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure, with_source};
use crate::words::{counted, size};
pub(crate) use history::{Damage, Last, last};

#[derive(Debug, Args)]
pub(super) struct FixityArgs {
    /// Read every blob
    #[arg(long, required_unless_present_any = ["sample", "replica"], conflicts_with = "sample")]
    all: bool,
    /// Read every manifest and the N blobs that were read least recently: so many runs as the answer
    /// says read each blob at least once
    #[arg(long, value_name = "N")]
    sample: Option<NonZeroUsize>,
    /// Read back from this replica all that the archive lists, instead of the archive itself: a folder, a
    /// mount, a folder of a bucket (`s3://BUCKET/PREFIX`), or a repository of a registry
    /// (`oci://HOST/REPOSITORY`)
    #[arg(long, value_name = "PLACE", conflicts_with_all = ["sample", "sign"])]
    replica: Option<String>,
    #[command(flatten)]
    flags: ReplicaFlags,
    /// Sign the result with the home's key, as a simple verification result, and keep it with the line
    #[arg(long)]
    sign: bool,
    /// Only say the result, and keep nothing: the next sample then reads the same blobs
    #[arg(long, conflicts_with = "sign")]
    no_record: bool,
    /// Another archive than the home's: any OCI image layout
    #[arg(long, value_name = "DIR")]
    archive: Option<PathBuf>,
    #[command(flatten)]
    home: HomeArgs,
}

pub(super) fn run(args: &FixityArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    let now = global.now()?.time;
    let path = match &args.archive {
        Some(path) => path.clone(),
        None => args.home.home().archive(),
    };
    let mut reader = Reader::open(&path).map_err(|error| damage_failure(&error))?;
    tombstone::accept_home(&mut reader, &args.home.home(), global.now()?)?;
    if let Some(place) = &args.replica {
        return replica::run(&reader, place, &path, &args.flags, console);
    }
    let before = before(&reader);
    let (extent, after) = match args.sample {
        Some(count) => (Extent::Sample(count), before.last),
        None => (Extent::All, None),
    };
    let fixity = reader.fixity(extent, after);
    // What it keeps of its own looking after is no release.
    if fixity.read_blobs == 0 || fixity.releases == 0 {
        let message = "the archive has no releases: nothing was verified";
        return Err(Failure::no("nothing-verified", message));
    }
    let exit = exit(&fixity);
    let run = before.run.saturating_add(1);
    let line = line(&fixity, exit, run, now, &path.display().to_string());
    drop(reader);
    if !args.no_record {
        keep(args, global, &path, &fixity, &line, now)?;
    }
    if console.is_json() {
        // One line, as log collectors read it.
        console.text(&format!("{line}\n"));
    } else {
        say(&fixity, console);
    }
    Ok(exit)
}

/// Damage is a no; what could not be read is no answer.
fn exit(fixity: &Fixity) -> Exit {
    let exits = fixity.damaged.iter().map(|(_, error)| {
        if is_damage(error) {
            Exit::No
        } else {
            Exit::Unknown
        }
    });
    exits.fold(Exit::Yes, worse)
}

/// Where the runs before have stopped.
#[derive(Debug, Default)]
struct Before {
    /// The highest number of a kept run.
    run: u64,
    /// The last blob of the last sample.
    last: Option<Digest>,
}

/// Reads the lines that were kept: by their numbers, since two runs can share a time, and a clock can
/// go back. A claim: whoever can write to the archive can set it, and can as well damage what is not
/// read next.
fn before(reader: &Reader) -> Before {
    let mut before = Before::default();
    let mut sampled = 0;
    let runs = reader.attachments_of_kind(None, &AttachmentKind::Fixity);
    for line in runs.iter().flatten().filter_map(kept_line) {
        let run = line.get("run").and_then(Value::as_u64).unwrap_or(0);
        before.run = before.run.max(run);
        let last = line.get("sample_last").and_then(Value::as_str);
        if let Some(last) = last.and_then(|it| Digest::parse(it).ok())
            && run >= sampled
        {
            sampled = run;
            before.last = Some(last);
        }
    }
    before
}

fn kept_line(run: &Attachment<'_>) -> Option<Value> {
    let path = RelativePath::parse(LINE).ok()?;
    let bytes = run.unverified_bytes(&path, LINE_BYTES).ok()?;
    let limits = strict::Limits {
        bytes: usize::try_from(LINE_BYTES).unwrap_or(usize::MAX),
        depth: 4,
    };
    strict::parse(&bytes, limits).ok()
}

/// One flat object: log collectors read it line by line.
fn line(fixity: &Fixity, exit: Exit, run: u64, now: Timestamp, archive: &str) -> Value {
    let damaged = fixity.damaged.iter().take(NAMED);
    let damaged: Vec<String> = damaged
        .map(|(blob, error)| format!("{} {blob}", error.code()))
        .collect();
    let sample = fixity.sample.as_ref();
    json!({
        "version": 1,
        "event": "attest.archive.fixity",
        "command": "archive fixity",
        "answer": exit.word(),
        "exit": exit.number(),
        "run": run,
        "time": now.to_string(),
        "archive": archive,
        "index": fixity.index.to_string(),
        "releases": fixity.releases,
        "blobs": fixity.blobs,
        "bytes": fixity.bytes,
        "read_blobs": fixity.read_blobs,
        "read_bytes": fixity.read_bytes,
        "damaged_blobs": fixity.damaged.len(),
        "damaged": damaged.join(", "),
        "extent": if sample.is_some() { "sample" } else { "all" },
        "sample_of": sample.map(|it| it.of),
        "sample_size": sample.map(|it| it.size),
        "sample_first": sample.map(|it| it.first.to_string()),
        "sample_last": sample.map(|it| it.last.to_string()),
        "sample_runs": sample.map(|it| it.runs),
    })
}

/// Keeps the line, and its signature if one is wanted, as an attachment of the archive.
fn keep(
    args: &FixityArgs,
    global: &Global,
    path: &std::path::Path,
    fixity: &Fixity,
    line: &Value,
    now: Timestamp,
) -> Result<(), Failure> {
    let encoding =
        |error: &dyn std::error::Error| Failure::unknown("encoding-failed", with_source(error));
    let mut bytes = strict::canonical(line).map_err(|error| encoding(&error))?;
    bytes.push(b'\n');
    let bundle = if args.sign {
        let statement = statement(fixity, &bytes, now).map_err(|error| encoding(&*error))?;
        Some(sign_to_bytes(&args.home, global, &statement.to_bytes())?)
    } else {
        None
    };
    let mut files = vec![file(LINE, "application/json", &bytes)?];
    if let Some(bundle) = &bundle {
        files.push(file(BUNDLE, BUNDLE_TYPE, bundle)?);
    }
    let input = AttachmentInput {
        subject: None,
        kind: AttachmentKind::Fixity,
        created: now,
        files,
    };
    let change = Change::new("archive.fixity").path(path);
    audit::traced(&args.home.home(), change, |change| {
        let mut store = Store::open(path).map_err(|error| archive_failure(&error))?;
        let added = store
            .attach(&input)
            .map_err(|error| archive_failure(&error))?;
        added.manifests.iter().for_each(|(it, _)| change.made(it));
        Ok(())
    })
}

fn file<'a>(
    name: &str,
    media_type: &str,
    bytes: &'a [u8],
) -> Result<AttachedFileInput<'a>, Failure> {
    let path = RelativePath::parse(name)
        .map_err(|problem| Failure::unknown("internal-error", problem.to_string()))?;
    Ok(AttachedFileInput {
        path,
        media_type: media_type.to_owned(),
        source: Source::Bytes(bytes),
        expected: None,
    })
}

/// What is signed: the index that was read and the line that says what was found. A property stands
/// only for what passed.
fn statement(
    fixity: &Fixity,
    line: &[u8],
    now: Timestamp,
) -> Result<Statement, Box<dyn std::error::Error>> {
    let line = Artifact::of_bytes(line, Hashes::Sha256).sha256();
    let mut subjects = Vec::new();
    for (name, digest) in [("index.json", fixity.index), (LINE, line)] {
        let mut digests = DigestSet::new();
        digests.insert(Algorithm::Sha256.name(), &digest.hex())?;
        subjects.push(Subject::new(name, digests)?);
    }
    let properties = match (&fixity.sample, fixity.is_sound()) {
        (_, false) => Vec::new(),
        (None, true) => vec!["ATTEST_ARCHIVE_FIXITY_ALL".to_owned()],
        (Some(_), true) => vec!["ATTEST_ARCHIVE_FIXITY_SAMPLE".to_owned()],
    };
    let result = Svr {
        verifier_id: VERIFIER.to_owned(),
        policies: Vec::new(),
        time_created: now,
        properties,
    };
    Ok(Statement::new(subjects, svr::TYPE, result.to_json())?)
}

fn say(fixity: &Fixity, console: &Console) {
    console.say(format!(
        "read       {} of {}, {} of {}, in {}",
        fixity.read_blobs,
        counted(fixity.blobs, "blob"),
        size(fixity.read_bytes),
        size(fixity.bytes),
        counted(fixity.releases, "release"),
    ));
    for (blob, error) in &fixity.damaged {
        let error_words = escape(&with_source(&**error));
        console.say(format!(
            "damaged    {blob}  {}: {error_words}",
            error.code()
        ));
    }
    match &fixity.sample {
        Some(sample) => console.say(format!("sample     {}", promise(sample))),
        None => console.say("extent     every blob was read".to_owned()),
    }
    console.say(if fixity.is_sound() {
        "sound      every byte that was read is as it was archived; who made it was not asked"
            .to_owned()
    } else {
        "damaged    bring it back with attest archive repair --from REPLICA".to_owned()
    });
}

/// What a sample promises, in words.
fn promise(sample: &Sample) -> String {
    let tenths = (sample.size as u128 * 1000) / (sample.of as u128).max(1);
    format!(
        "{} of {}: one that is damaged is noticed in this run with a chance of {}.{} %, and surely within {}, \
         if nothing is added meanwhile; every manifest is read in each run",
        sample.size,
        counted(sample.of, "blob"),
        tenths / 10,
        tenths % 10,
        counted(sample.runs, "run"),
    )
}

const LINE: &str = "fixity.json";
const BUNDLE: &str = "fixity.sigstore.json";
const BUNDLE_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const VERIFIER: &str = "https://attest.dev/archive/fixity/v1";
/// A line has a thousand bytes, and damaged blobs.
const LINE_BYTES: u64 = 64 << 10;
/// Damaged blobs that are named in the line; all are counted.
const NAMED: usize = 100;
