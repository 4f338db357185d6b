//! Which step is recorded, and which files belong to it.

use std::path::{Path, PathBuf};

use attest_digest::RelativePath;
use attest_provenance::in_toto::StepName;
use attest_record::{DEFAULT_EXCLUDES, Excludes, Missing, Observation, ObserveError, Observer};
use clap::Args;

use crate::failure::{Failure, with_source};
use crate::files;

#[derive(Debug, Args)]
pub(super) struct StepArgs {
    /// The name of the step, as a layout calls it
    #[arg(short = 'n', long = "step-name", alias = "name", value_name = "STEP")]
    name: String,
    /// Leave out what these patterns cover, in the words of .gitignore, and nothing else
    /// [default: *.link* .git *.pyc *~]
    #[arg(long, value_name = "GLOB", num_args = 1..)]
    exclude: Vec<String>,
    /// Take this beginning off the paths that are recorded
    #[arg(long, value_name = "PATH", num_args = 1..)]
    lstrip_paths: Vec<String>,
    /// The folder that paths are relative to [default: the current one]
    #[arg(long, value_name = "DIR")]
    base_path: Option<PathBuf>,
}

/// A step, and how its files are looked at.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) base: PathBuf,
    /// The patterns, as they stand in the record.
    pub(super) excludes: Vec<String>,
    observer: Observer,
}

impl Step {
    /// `ours`: the home and the files that will be written, which are never read.
    pub(super) fn resolve(args: &StepArgs, ours: &[PathBuf]) -> Result<Self, Failure> {
        let base = args.base_path.clone().unwrap_or_else(|| PathBuf::from("."));
        if !base.is_dir() {
            return Err(Failure::request(
                "folder-unreadable",
                format!("--base-path {} is not a folder", base.display()),
            ));
        }
        let excludes = if args.exclude.is_empty() {
            DEFAULT_EXCLUDES.map(str::to_owned).to_vec()
        } else {
            args.exclude.clone()
        };
        let patterns = Excludes::parse(&excludes)
            .map_err(|error| Failure::request(error.code(), format!("--exclude: {error}")))?;
        for prefix in &args.lstrip_paths {
            check_prefix(prefix)?;
        }
        let observer = Observer::new(&base, args.lstrip_paths.clone(), patterns, ours);
        Ok(Self {
            base,
            excludes,
            observer,
        })
    }

    pub(super) fn observe(
        &self,
        what: &str,
        paths: &[PathBuf],
        missing: Missing,
    ) -> Result<Observation, Failure> {
        let found = self
            .observer
            .observe(paths, missing)
            .map_err(|error| observe_failure(what, &error))?;
        // Told before the command runs, and not when its link is written.
        let mut names = found.files().keys();
        match names.find(|it| it.as_str().contains('\\')) {
            Some(name) => Err(ambiguous(&format!("{what}: {name}"))),
            None => Ok(found),
        }
    }
}

/// What no recorded name begins with would quietly take off nothing.
fn check_prefix(prefix: &str) -> Result<(), Failure> {
    if prefix == "/" {
        return Ok(());
    }
    let said = format!("--lstrip-paths {prefix:?}");
    if prefix.contains('\\') {
        return Err(ambiguous(&said));
    }
    let below = prefix.strip_prefix('/').unwrap_or(prefix);
    let below = below.strip_suffix('/').unwrap_or(below);
    RelativePath::parse(below)
        .map(|_| ())
        .map_err(|problem| Failure::request(problem.code(), format!("{said}: {problem}")))
}

fn ambiguous(what: &str) -> Failure {
    Failure::request(
        "artifact-path-ambiguous",
        format!("{what} holds a backslash, which implementations read differently"),
    )
}

/// The name alone, before anything else is known.
pub(super) fn name_of(args: &StepArgs) -> Result<StepName, Failure> {
    StepName::parse(&args.name).map_err(|error| Failure::request(error.code(), error))
}

/// A path that cannot be recorded is a wrong request; a file that cannot be read, or that changes, is
/// something that could not be told.
fn observe_failure(what: &str, error: &ObserveError) -> Failure {
    let message = format!("{what}: {}", with_source(error));
    match error {
        ObserveError::Read(_) => Failure::unknown(error.code(), message),
        ObserveError::Refused { problem, .. } => {
            let hint = "name the files that matter, or leave this one out with --exclude";
            match problem.code() {
                "unreadable" => Failure::unknown(error.code(), message),
                _ => Failure::request(error.code(), message).hint(hint),
            }
        }
        _ => Failure::request(error.code(), message),
    }
}

/// Refuses files that are there, unless they may be replaced.
pub(super) fn refuse_existing<'a>(
    paths: impl IntoIterator<Item = &'a Path>,
    overwrite: files::Overwrite,
) -> Result<(), Failure> {
    let mut paths = paths.into_iter();
    match paths.find(|path| path.symlink_metadata().is_ok()) {
        Some(path) if overwrite == files::Overwrite::Refuse => Err(files::exists_failure(path)),
        _ => Ok(()),
    }
}
