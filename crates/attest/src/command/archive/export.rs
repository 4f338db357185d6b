//! `attest archive export`: one release outside of the archive, for anybody.

use std::fs;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use attest_archive::{ArchiveError, Exported, Kept, Reader, Release, TarError, bag_name};
use clap::{Args, ValueEnum};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde_json::json;

use super::{PlaceArgs, damage_failure, later_log, parse_release, show, tombstone};
use crate::args::Global;
use crate::command::init::refuse_given_time;
use crate::console::{Console, escape};
use crate::failure::{Exit, Failure, with_source};
use crate::files::{self, Overwrite};
use crate::words::{files as count_of_files, size};

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// The release
    #[arg(value_name = "NAME@VERSION")]
    release: String,
    /// Where to write it [default: NAME-VERSION, here]
    #[arg(long, short, value_name = "PATH")]
    out: Option<PathBuf>,
    /// A folder, or one file
    #[arg(long = "as", value_name = "FORM", default_value = "dir")]
    form: Form,
    /// Before that, keep with the release the checkpoint that the home's log has now, and the proof that
    /// the log still begins with the release's entries
    #[arg(long)]
    later_checkpoint: bool,
    /// Replace an earlier export
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

/// The forms of an exported release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A folder, as RFC 8493 (`BagIt`) has it
    Dir,
    /// The same in one file: the same release, the same bytes
    Tar,
    /// That file within gzip; with one version of attest the same bytes
    #[value(name = "tar.gz")]
    TarGzip,
    /// That file within zstd; with one version of attest the same bytes
    #[value(name = "tar.zst")]
    TarZstd,
}

impl Form {
    const fn name(self) -> &'static str {
        match self {
            Self::Dir => "dir",
            Self::Tar => "tar",
            Self::TarGzip => "tar.gz",
            Self::TarZstd => "tar.zst",
        }
    }

    const fn suffix(self) -> &'static str {
        match self {
            Self::Dir => "",
            Self::Tar => ".tar",
            Self::TarGzip => ".tar.gz",
            Self::TarZstd => ".tar.zst",
        }
    }
}

pub(super) fn run(args: &ExportArgs, global: &Global, console: &Console) -> Result<Exit, Failure> {
    let name = parse_release(&args.release)?;
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("{}{}", bag_name(&name), args.form.suffix())));
    let overwrite = if args.force {
        Overwrite::Force
    } else {
        Overwrite::Refuse
    };
    refuse_target(&out, args.form, overwrite)?;
    let path = args.place.path();
    let now = global.now()?;
    if args.later_checkpoint {
        refuse_given_time(global)?;
        later_log::keep(&args.place.own_home(), &path, &name, now.time)?;
    }
    let mut reader = Reader::open(&path).map_err(|error| damage_failure(&error))?;
    tombstone::accept_place(&mut reader, &args.place, now)?;
    let release = reader.find(&name).map_err(|error| damage_failure(&error))?;
    let release = release.ok_or_else(|| show::missing(&name))?;
    tombstone::refuse_deleted(&reader, &release)?;
    let exported = match args.form {
        Form::Dir => to_folder(&release, &out, overwrite)?,
        form => to_file(&release, form, &out, overwrite)?,
    };
    say(args, &release, &out, exported, console);
    Ok(Exit::Yes)
}

/// Before anything is read: what is in the way. Only an earlier bag is ever replaced.
fn refuse_target(out: &Path, form: Form, overwrite: Overwrite) -> Result<(), Failure> {
    let Ok(there) = out.symlink_metadata() else {
        return Ok(());
    };
    if overwrite == Overwrite::Refuse {
        return Err(files::exists_failure(out));
    }
    if there.is_dir() != (form == Form::Dir) {
        let message = format!("{} exists and has another form", out.display());
        return Err(Failure::request("file-exists", message).hint("name another output"));
    }
    if there.is_dir() && !out.join("bagit.txt").is_file() {
        let message = format!("{} exists and is no earlier export", out.display());
        return Err(Failure::request("file-exists", message).hint("name another output"));
    }
    Ok(())
}

/// The bag is made beside its place, whole and durable, before it has its name.
fn to_folder(release: &Release<'_>, out: &Path, overwrite: Overwrite) -> Result<Exported, Failure> {
    let waiting = Waiting::beside(out)?;
    let exported = release
        .export_folder(&waiting.0)
        .map_err(|error| damage_failure(&error))?;
    let failed = |error: io::Error| files::write_failure(out, &error);
    match renameat_with(CWD, &waiting.0, CWD, out, RenameFlags::NOREPLACE) {
        Ok(()) => {}
        // The earlier bag goes away with what was waiting.
        Err(rustix::io::Errno::EXIST) if overwrite == Overwrite::Force => {
            renameat_with(CWD, &waiting.0, CWD, out, RenameFlags::EXCHANGE)
                .map_err(|error| failed(error.into()))?;
        }
        Err(error) => return Err(failed(error.into())),
    }
    files::sync_folder(out)?;
    Ok(exported)
}

/// One file, durable before it has its name.
fn to_file(
    release: &Release<'_>,
    form: Form,
    out: &Path,
    overwrite: Overwrite,
) -> Result<Exported, Failure> {
    let mut exported = Exported::default();
    files::write_with(out, FILE_MODE, overwrite, |file| {
        let buffered = BufWriter::with_capacity(BUFFER, file);
        let written = match form {
            Form::TarGzip => release.export_tar_gzip(buffered),
            Form::TarZstd => release.export_tar_zstd(buffered),
            Form::Dir | Form::Tar => release.export_tar(buffered),
        };
        exported = written.map_err(|error| tar_failure(&error))?;
        Ok(())
    })?;
    Ok(exported)
}

fn tar_failure(error: &ArchiveError) -> Failure {
    match error {
        ArchiveError::NotPortable { .. } | ArchiveError::Tar(TarError::TooLarge { .. }) => {
            Failure::request(error.code(), with_source(error))
                .hint("export it as a folder: --as dir")
        }
        _ => damage_failure(error),
    }
}

/// A folder of this run, which goes away unless it was given a name.
#[derive(Debug)]
struct Waiting(PathBuf);

impl Waiting {
    fn beside(out: &Path) -> Result<Self, Failure> {
        let name = out.file_name().unwrap_or_default().to_string_lossy();
        let folder = files::folder_of(out).join(format!(".{name}.{}.tmp", std::process::id()));
        fs::create_dir(&folder).map_err(|error| files::write_failure(&folder, &error))?;
        Ok(Self(folder))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn say(
    args: &ExportArgs,
    release: &Release<'_>,
    out: &Path,
    exported: Exported,
    console: &Console,
) {
    let has_tree = release
        .members()
        .iter()
        .any(|member| member.path().as_str() == "release.tree");
    if console.is_json() {
        console.json(&json!({
            "version": 1,
            "command": "archive export",
            "answer": Exit::Yes.word(),
            "exit": Exit::Yes.number(),
            "release": Kept::name(release).to_string(),
            "manifest": release.manifest().to_string(),
            "out": out.display().to_string(),
            "form": args.form.name(),
            "files": exported.files,
            "bytes": exported.bytes,
            "release_tree": has_tree,
        }));
        return;
    }
    let shown = escape(&out.display().to_string());
    console.say(format!(
        "{}  {}, {}",
        Kept::name(release),
        count_of_files(exported.files),
        size(exported.bytes)
    ));
    console.say(format!("written    {shown}"));
    console.say(format!("manifest   {}", release.manifest()));
    console.say("copied as it was kept, not verified: attest archive verify proves it");
    if !has_tree {
        console.note("note: the release has no signed manifest of its modes (release.tree)");
    }
    console
        .say("Anybody can check it with sha256sum and openssl: VERIFY.md in it has the commands");
}

const FILE_MODE: u32 = 0o644;
const BUFFER: usize = 1 << 20;
