//! What is released: every file, with its digests, read once.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use attest_archive::Role;
use attest_digest::{
    Artifact, CopyError, DigestSet, Hashes, ReadError, RelativePath, Root, hash_all,
};
use attest_provenance::Subject;

use super::plan::{Plan, Planned, changed};
use crate::console::Console;
use crate::failure::{Failure, with_source};
use crate::files;

/// A file of the release, observed.
#[derive(Debug, Clone)]
pub(super) struct Content {
    pub(super) path: RelativePath,
    pub(super) role: Role,
    pub(super) artifact: Artifact,
}

impl Content {
    /// The file as a statement names it: its path and all its digests.
    pub(super) fn subject(&self) -> Result<Subject, Failure> {
        subject(&self.path, &self.artifact)
    }
}

/// A statement's subject for these bytes at this path.
pub(super) fn subject(path: &RelativePath, artifact: &Artifact) -> Result<Subject, Failure> {
    Subject::new(path.as_str(), digests(artifact)?)
        .map_err(|error| Failure::unknown("internal-error", error))
}

/// All digests of an artifact, to be claimed.
pub(super) fn digests(artifact: &Artifact) -> Result<DigestSet, Failure> {
    let mut digests = DigestSet::new();
    for digest in artifact.digests() {
        digests
            .insert_digest(digest)
            .map_err(|error| Failure::unknown("internal-error", error))?;
    }
    Ok(digests)
}

/// Reads every planned file where it stands, on all cores.
pub(super) fn observe(plan: &Plan, console: &Console) -> Result<Vec<Content>, Failure> {
    let root = open(&plan.folder)?;
    let progress = console.progress("reading file", plan.artifacts.len());
    let artifacts = hash_all(0, &plan.artifacts, |file| {
        let artifact = root
            .read(&file.path, HASHES)
            .map_err(|error| read_failure(&error))?;
        progress.step();
        expect_size(file, artifact)
    });
    collect(plan, artifacts)
}

/// Copies every planned file to another folder, hashing on the way; the folders exist already.
pub(super) fn copy(plan: &Plan, to: &Path, console: &Console) -> Result<Vec<Content>, Failure> {
    let root = open(&plan.folder)?;
    let progress = console.progress("copying file", plan.artifacts.len());
    let artifacts = hash_all(0, &plan.artifacts, |file| {
        let artifact = copy_one(&root, &file.path, &to.join(file.path.as_str()))?;
        progress.step();
        expect_size(file, artifact)
    });
    collect(plan, artifacts)
}

/// Copies one file with its permissions.
pub(super) fn copy_one(root: &Root, path: &RelativePath, to: &Path) -> Result<Artifact, Failure> {
    let from = root.open_file(path).map_err(|error| read_failure(&error))?;
    let mode = from.metadata().map_or(0o644, |it| it.mode() & 0o7777);
    let mode = copied_mode(u16::try_from(mode).unwrap_or(0o644));
    let target = create(to, mode.into())?;
    let artifact = Artifact::copy(&from, &target, HASHES).map_err(|error| match error {
        CopyError::Read(error) => read_failure(&error.at(path.as_str())),
        CopyError::Write { source } => files::write_failure(to, &source),
        other => Failure::unknown("write-failed", with_source(&other)),
    })?;
    Ok(artifact)
}

/// The permissions of a copy: those that everybody's files have, and its owner can write it.
pub(super) const fn copied_mode(mode: u16) -> u16 {
    mode & 0o777 | 0o600
}

pub(super) fn open(folder: &Path) -> Result<Root, Failure> {
    Root::open(folder).map_err(|error| super::plan::walk_failure(&error))
}

pub(super) fn read_failure(error: &ReadError) -> Failure {
    match error {
        ReadError::Changed { path } => changed(
            &path
                .as_deref()
                .map_or_else(|| "a file".to_owned(), |path| path.display().to_string()),
        ),
        _ => Failure::unknown(error.code(), with_source(error)),
    }
}

/// Makes the folders that the files will stand in.
pub(super) fn make_folders<'a>(
    top: &Path,
    paths: impl Iterator<Item = &'a RelativePath>,
) -> Result<(), Failure> {
    let mut last = None;
    for parent in paths.filter_map(RelativePath::parent) {
        if last.as_ref() != Some(&parent) {
            files::make_folder(&top.join(parent.as_str()))?;
            last = Some(parent);
        }
    }
    Ok(())
}

fn create(path: &Path, mode: u32) -> Result<File, Failure> {
    let failed = |error: std::io::Error| files::write_failure(path, &error);
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(failed)?;
    // As it was, whatever the umask takes away.
    file.set_permissions(std::fs::Permissions::from_mode(mode))
        .map_err(failed)?;
    Ok(file)
}

fn expect_size(file: &Planned, artifact: Artifact) -> Result<Artifact, Failure> {
    if artifact.size() == file.size {
        Ok(artifact)
    } else {
        Err(changed(file.path.as_str()))
    }
}

fn collect(
    plan: &Plan,
    artifacts: Vec<Result<Artifact, Failure>>,
) -> Result<Vec<Content>, Failure> {
    plan.artifacts
        .iter()
        .zip(artifacts)
        .map(|(file, artifact)| {
            Ok(Content {
                path: file.path.clone(),
                role: Role::Artifact,
                artifact: artifact?,
            })
        })
        .collect()
}

const HASHES: Hashes = Hashes::Sha256AndSha512;
