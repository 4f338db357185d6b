//! `attest tree snapshot`: writes the manifest of a folder, and signs a statement about it.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use attest_digest::{
    Artifact, DigestSet, Hashes, RelativePath, Sighting, Step, Survey, WalkError, pipeline,
};
use attest_provenance::predicate::tree::TreeClaim;
use attest_provenance::tree::{TreeEntry, TreeError, TreeHeader, TreeSummary, TreeWriter};
use attest_provenance::{Statement, Subject};
use clap::Args;
use serde_json::json;

use super::header::WhatArgs;
use super::left_out::LeftOut;
use super::observe::{SameFiles, fill, outline, target_problem};
use crate::args::{Global, HomeArgs};
use crate::command::sign;
use crate::console::Console;
use crate::failure::{Exit, Failure, with_source};
use crate::files::{self, Overwrite};
use crate::home::{lies_inside, real};
use crate::words::{counted, size};

#[derive(Debug, Args)]
pub(super) struct SnapshotArgs {
    /// The folder to write down
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The manifest to write
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    what: WhatArgs,
    /// Sign a statement about the manifest with the home's key: FILE.sigstore.json
    #[arg(long)]
    sign: bool,
    /// Write that statement here, unsigned
    #[arg(long, value_name = "FILE")]
    statement: Option<PathBuf>,
    /// Replace files that exist
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    home: HomeArgs,
}

pub(super) fn run(
    args: &SnapshotArgs,
    global: &Global,
    console: &Console,
) -> Result<Exit, Failure> {
    let header = args.what.header()?;
    let owner = args.what.owner()?;
    let bundle = with_suffix(&args.out, ".sigstore.json");
    refuse_outputs(args, &header, &bundle)?;
    let survey = Survey::begin(&args.folder)
        .map_err(|error| Failure::unknown(error.code(), with_source(&error)))?;
    let mut snapshot = None;
    files::write_with(&args.out, MANIFEST_MODE, args.overwrite(), |file| {
        snapshot = Some(write(survey, &header, owner, file)?);
        Ok(())
    })?;
    let summary = snapshot.unwrap_or_default();
    let statement = statement(&args.out, &header, summary)?;
    if let Some(path) = &args.statement {
        files::write(path, &statement.to_bytes(), MANIFEST_MODE, args.overwrite())?;
    }
    if args.sign {
        let payload = statement.to_bytes();
        sign::sign_payload(&args.home, global, &payload, &bundle, args.overwrite())?;
    }
    answer(args, &bundle, summary, console);
    Ok(Exit::Yes)
}

impl SnapshotArgs {
    const fn overwrite(&self) -> Overwrite {
        if self.force {
            Overwrite::Force
        } else {
            Overwrite::Refuse
        }
    }
}

/// Before anything is read: what is in the way, and what would be in the tree it describes.
fn refuse_outputs(args: &SnapshotArgs, header: &TreeHeader, bundle: &Path) -> Result<(), Failure> {
    let mut outputs = vec![args.out.as_path()];
    outputs.extend(args.statement.as_deref());
    outputs.extend(args.sign.then_some(bundle));
    let ignored = ignored(header)?;
    for output in outputs {
        if !args.force && output.symlink_metadata().is_ok() {
            return Err(files::exists_failure(output));
        }
        let folder = files::folder_of(output);
        if lies_inside(&folder, &args.folder) {
            let top = real(&args.folder);
            let place = real(&folder).join(output.file_name().unwrap_or_default());
            let path = place.strip_prefix(&top).ok().and_then(Path::to_str);
            if !path.is_some_and(|path| ignored.covers(path)) {
                let message = format!("{} lies in the tree that it describes", output.display());
                return Err(Failure::request("output-inside-tree", message)
                    .hint("write it elsewhere, or leave it out with --ignore"));
            }
        }
    }
    Ok(())
}

fn ignored(header: &TreeHeader) -> Result<LeftOut, Failure> {
    LeftOut::covering(header.ignore.iter().map(String::as_str))
        .map_err(|error| Failure::request("bad-pattern", format!("--ignore: {error}")))
}

/// What the walk has met, and the first name of the same file.
type Job = (Sighting, Option<RelativePath>);

fn write(
    mut survey: Survey,
    header: &TreeHeader,
    owner: Option<(u32, u32)>,
    file: &File,
) -> Result<TreeSummary, Failure> {
    let ignored = ignored(header)?;
    let is_ignored = |path: &str| ignored.covers(path);
    let mut writer = TreeWriter::new(BufWriter::with_capacity(BUFFER, file), header.clone())
        .map_err(|error| unwritable(&error))?;
    let mut same_files = SameFiles::default();
    pipeline(
        || {
            let step = survey.next(&is_ignored).map_err(|error| unlisted(&error))?;
            match step {
                None => Ok(None),
                Some(Step::Seen(sighting)) => {
                    let same = same_files.first_name(&sighting);
                    Ok(Some((sighting, same)))
                }
                Some(Step::Changed(path)) => Err(Failure::unknown(
                    "file-changed",
                    format!("{path} was written or replaced while it was walked"),
                )),
                Some(Step::Unlisted { path, reason }) => Err(Failure::unknown(
                    "unreadable",
                    format!("{}: {reason}", attest_digest::shown_path(&path)),
                )),
            }
        },
        |job| entry(job, owner, header),
        |entry| writer.entry(&entry?).map_err(|error| unwritable(&error)),
    )?;
    writer.finish().map_err(|error| unwritable(&error))
}

fn entry(
    (sighting, same): Job,
    owner: Option<(u32, u32)>,
    header: &TreeHeader,
) -> Result<TreeEntry, Failure> {
    let refused = |code, problem: &dyn std::fmt::Display| {
        Failure::request(code, format!("{}: {problem}", sighting.shown_path()))
            .hint("rename it, or leave it out with --ignore")
    };
    let path = sighting
        .path()
        .map_err(|problem| refused(problem.code(), &problem))?;
    let unread = |error: attest_digest::ReadError| {
        let error = error.at(sighting.shown_path());
        Failure::unknown(error.code(), with_source(&error))
    };
    if let Some(problem) = target_problem(&sighting).map_err(unread)? {
        return Err(refused(problem.code(), &problem));
    }
    let mut entry = outline(&sighting, path, same, header);
    fill(&mut entry, &sighting, header, None).map_err(unread)?;
    entry.owner = entry.owner.map(|found| owner.unwrap_or(found));
    Ok(entry)
}

fn unlisted(error: &WalkError) -> Failure {
    Failure::unknown(error.code(), with_source(error))
}

fn unwritable(error: &TreeError) -> Failure {
    match error {
        TreeError::Io(source) if source.kind() == std::io::ErrorKind::StorageFull => {
            Failure::unknown("disk-full", with_source(error))
        }
        _ => Failure::unknown(error.code(), with_source(error)),
    }
}

fn statement(out: &Path, header: &TreeHeader, summary: TreeSummary) -> Result<Statement, Failure> {
    let artifact = Artifact::read_path(out, Hashes::Sha256AndSha512)
        .map_err(|error| Failure::unknown(error.code(), with_source(&error)))?;
    let name = out.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| {
        let message = format!("{} has no name that a statement can carry", out.display());
        Failure::request("name-not-utf8", message)
    })?;
    let internal =
        |error: &dyn std::error::Error| Failure::unknown("internal-error", with_source(error));
    let mut digests = DigestSet::new();
    for digest in artifact.digests() {
        digests
            .insert_digest(digest)
            .map_err(|error| internal(&error))?;
    }
    let claim = TreeClaim {
        release: header.release.clone(),
        summary,
    };
    let subject = Subject::new(name, digests).map_err(|error| internal(&error))?;
    claim.statement(subject).map_err(|error| internal(&error))
}

fn answer(args: &SnapshotArgs, bundle: &Path, summary: TreeSummary, console: &Console) {
    if console.is_json() {
        console.json(&json!({
            "version": 1,
            "command": "tree snapshot",
            "answer": Exit::Yes.word(),
            "exit": Exit::Yes.number(),
            "manifest": args.out.display().to_string(),
            "bundle": args.sign.then(|| bundle.display().to_string()),
            "statement": args.statement.as_ref().map(|it| it.display().to_string()),
            "entries": summary.entries,
            "bytes": summary.bytes,
        }));
        return;
    }
    let things = counted(
        usize::try_from(summary.entries).unwrap_or(usize::MAX),
        "thing",
    );
    console.say(format!(
        "written    {}: {things}, {}",
        args.out.display(),
        size(summary.bytes)
    ));
    if args.sign {
        console.say(format!("signed     {}", bundle.display()));
    } else {
        console.note("nothing is signed yet: attest sign, or --sign, makes this a proof");
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

const MANIFEST_MODE: u32 = 0o644;
const BUFFER: usize = 64 << 10;
