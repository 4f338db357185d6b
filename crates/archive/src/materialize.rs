//! Writing files of a release out of the archive.

use std::collections::BTreeSet;
use std::path::Path;

use attest_digest::{Algorithm, Artifact, Hashes, RelativePath};
use attest_policy::SignedNames;

use crate::blob::Blob;
use crate::disk::{Folder, Found, Lock, make_folders};
use crate::error::ArchiveError;
use crate::manifest::Member;
use crate::reader::same_bytes;
use crate::release::Release;
use crate::role::Role;

/// Which files are written.
#[derive(Clone, Copy, Debug)]
pub enum Selection<'a> {
    /// Every file of the release.
    All,
    /// These.
    Only(&'a [RelativePath]),
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Materialized {
    /// Files that this run wrote.
    pub written: Vec<RelativePath>,
    /// Files that were there already, with these bytes.
    pub kept: Vec<RelativePath>,
}

impl Release<'_> {
    /// Writes accepted files of the release into a folder, and nothing outside of it.
    ///
    /// `accepted` are the names of this very release, as a policy accepted them: each file must have
    /// the digest that was signed for its path. Only the evidence at the top, which proves itself,
    /// needs no name. A file that is there with the same bytes stays; with others, nothing is written.
    ///
    /// All are copied and synced beside their places first: nothing has a name in the folder unless
    /// every file could be written and has the bytes of the manifest.
    ///
    /// ```
    /// use attest_archive::{ArchiveError, Release, Selection};
    /// use attest_policy::SignedNames;
    /// # use std::path::Path;
    /// fn write(release: &Release, names: &SignedNames) -> Result<(), ArchiveError> {
    ///     release.materialize(names, Path::new("out"), Selection::All).map(drop)
    /// }
    /// ```
    ///
    /// Without names that a policy accepted it does not compile:
    ///
    /// ```compile_fail
    /// use attest_archive::{ArchiveError, Release, Selection};
    /// use attest_policy::SignedNames;
    /// # use std::path::Path;
    /// fn write(release: &Release, names: &SignedNames) -> Result<(), ArchiveError> {
    ///     release.materialize(&SignedNames::default(), Path::new("out"), Selection::All).map(drop)
    /// }
    /// ```
    ///
    /// # Errors
    /// `release-not-accepted`, `member-not-accepted`, `member-missing`; `file-exists`; what is wrong
    /// with a blob; `archive-locked` while another run writes there; `archive-disk-full`, `archive-io`.
    pub fn materialize(
        &self,
        accepted: &SignedNames,
        destination: &Path,
        selection: Selection<'_>,
    ) -> Result<Materialized, ArchiveError> {
        let found = accepted.release();
        if found != Some(self.name().to_string().as_str()) {
            return Err(ArchiveError::ReleaseNotAccepted {
                name: self.name().clone(),
                found: found.map(str::to_owned),
            });
        }
        for member in self.selected(selection)? {
            if !is_accepted(member, accepted) {
                return Err(ArchiveError::NotAccepted {
                    name: self.name().clone(),
                    path: member.path.clone(),
                });
            }
        }
        self.materialize_unaccepted(destination, selection)
    }

    /// Writes files of the release into a folder, without asking who made them.
    pub(crate) fn materialize_unaccepted(
        &self,
        destination: &Path,
        selection: Selection<'_>,
    ) -> Result<Materialized, ArchiveError> {
        let members = self.selected(selection)?;
        make_folders(destination)?;
        let mut folder = Folder::open(destination)
            .map_err(|error| ArchiveError::io("open", destination, error))?;
        if folder.lock()? == Lock::HeldByAnother {
            return Err(ArchiveError::Locked {
                path: destination.to_owned(),
            });
        }
        // What an earlier run, that died, has left.
        folder.remove_below(WAITING)?;
        let mut done = Materialized::default();
        let mut missing = Vec::new();
        for member in members {
            if is_there(&folder, member)? {
                done.kept.push(member.path.clone());
            } else {
                missing.push(member);
            }
        }
        if !missing.is_empty() {
            self.write(&folder, &missing)?;
            done.written = missing
                .into_iter()
                .map(|member| member.path.clone())
                .collect();
        }
        Ok(done)
    }

    fn selected(&self, selection: Selection<'_>) -> Result<Vec<&Member>, ArchiveError> {
        match selection {
            Selection::All => Ok(self.members().iter().collect()),
            Selection::Only(paths) => {
                let paths: BTreeSet<&RelativePath> = paths.iter().collect();
                paths.into_iter().map(|path| self.require(path)).collect()
            }
        }
    }

    fn write(&self, folder: &Folder, members: &[&Member]) -> Result<(), ArchiveError> {
        let waiting = folder.make_below(WAITING)?;
        let outcome = self.write_through(folder, &waiting, members);
        // What is left is harmless, and the next run takes it away: no reason to fail.
        let _ = folder.remove_below(WAITING);
        outcome
    }

    fn write_through(
        &self,
        folder: &Folder,
        waiting: &Folder,
        members: &[&Member],
    ) -> Result<(), ArchiveError> {
        for (number, member) in members.iter().enumerate() {
            self.copy_out(waiting, &number.to_string(), member)?;
        }
        waiting.sync_file_system()?;
        for (number, member) in members.iter().enumerate() {
            let parent = make_parents(folder, &member.path)?;
            waiting.move_new(&number.to_string(), &parent, member.path.file_name())?;
        }
        folder.sync_file_system()
    }

    fn copy_out(&self, waiting: &Folder, name: &str, member: &Member) -> Result<(), ArchiveError> {
        let blob = self.reader.open_blob(member.blob)?;
        let artifact = waiting.copy(name, FILE_MODE, &blob, &member.path)?;
        same_bytes(member.blob, &artifact)
    }
}

/// Whether a policy accepted these bytes at this path, or they are evidence at the top.
fn is_accepted(member: &Member, accepted: &SignedNames) -> bool {
    let path = member.path.as_str();
    let is_evidence = member.role == Role::Evidence
        && member.path.parent().is_none()
        && (path.ends_with(".sigstore.json") || path == "SHA256SUMS.sig");
    let signed = accepted
        .digests(&member.path)
        .and_then(|digests| digests.get(Algorithm::Sha256));
    signed.map_or(is_evidence, |digest| *digest == member.blob.digest)
}

/// Whether the file stands in the folder with the bytes of the manifest.
fn is_there(folder: &Folder, member: &Member) -> Result<bool, ArchiveError> {
    let exists = || ArchiveError::FileExists {
        path: folder.path_of(&member.path),
    };
    match folder.file(&member.path)? {
        Found::Missing => Ok(false),
        Found::SomethingElse => Err(exists()),
        Found::File { file, .. } => {
            let found = Artifact::read_file(&file, Hashes::Sha256).map_err(|source| {
                ArchiveError::Unreadable {
                    path: member.path.clone(),
                    source,
                }
            })?;
            if Blob::read(&found) == member.blob {
                Ok(true)
            } else {
                Err(exists())
            }
        }
    }
}

/// The folder that holds a path, made step by step: no link is followed.
pub(crate) fn make_parents(folder: &Folder, path: &RelativePath) -> Result<Folder, ArchiveError> {
    let mut parent = folder.reopen()?;
    let folders = path.components().rev().skip(1).count();
    for component in path.components().take(folders) {
        parent = parent.make_below(component)?;
    }
    Ok(parent)
}

/// Where files wait below the destination until all are whole.
const WAITING: &str = ".attest-restore";
const FILE_MODE: u32 = 0o644;
