//! Writing a bag: every file once, in the order of paths, the manifests as soon as all that they list
//! was read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use attest_digest::{Artifact, Hashes, RelativePath};

use super::attached::{Attached, Bagged};
use super::names::bag_name;
use super::plan::{Content, File as KeptFile, Plan};
use super::tar::{self, TarSink};
use crate::disk::Folder;
use crate::error::ArchiveError;
use crate::materialize::make_parents;
use crate::reader::same_bytes;
use crate::release::Release;

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Files of the bag.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// Where the files of a bag go.
pub(super) trait Sink {
    /// Makes a folder; its files come later.
    fn folder(&mut self, path: &RelativePath) -> Result<(), ArchiveError>;

    fn bytes(&mut self, path: &RelativePath, bytes: &[u8]) -> Result<(), ArchiveError>;

    /// Copies a file, and says what was copied, with both digests.
    fn kept(
        &mut self,
        path: &RelativePath,
        file: &KeptFile,
        blob: &File,
    ) -> Result<Artifact, ArchiveError>;
}

impl Release<'_> {
    /// Writes the bag of this release into an empty folder, and makes it durable.
    ///
    /// # Errors
    /// What is wrong with a blob; `bag-name-refused` for a path that no bag can have;
    /// `archive-disk-full`, `archive-io`.
    pub fn export_folder(&self, folder: &Path) -> Result<Exported, ArchiveError> {
        let mut sink = BagFolder::open(folder)?;
        let exported = write(self, &Plan::of(self)?, &mut sink)?;
        sink.folder.sync_file_system()?;
        Ok(exported)
    }

    /// Writes the bag of this release as one file, in `attest-tar/1`; it is not synced.
    ///
    /// # Errors
    /// As [`Self::export_folder`]; `tar-member-too-large` for a file that no tar can hold and each
    /// `member-…` for a name that not every system can have, both before anything is written.
    pub fn export_tar(&self, out: impl Write) -> Result<Exported, ArchiveError> {
        let plan = Plan::of(self)?;
        let top = bag_name(self.name());
        for (path, content) in &plan.files {
            let size = match content {
                Content::Kept(file) => file.blob.size,
                Content::Bytes(_) | Content::Manifest(_) => 0,
            };
            tar::check(&top, path, size)?;
        }
        let mut sink = TarSink::new(out, &top)?;
        let exported = write(self, &plan, &mut sink)?;
        sink.finish()?;
        Ok(exported)
    }
}

impl Bagged for Release<'_> {
    fn attached(&self) -> Result<Vec<Attached>, ArchiveError> {
        let attachments = self.reader.attachments(self)?.into_iter();
        let mut attached: Vec<Attached> = attachments
            .filter(|it| !it.kind().is_about_archive())
            .map(|it| Attached {
                digest: it.manifest(),
                manifest: it.document().clone(),
            })
            .collect();
        attached.sort_by_key(|it| it.digest);
        Ok(attached)
    }
}

fn write(
    release: &Release<'_>,
    plan: &Plan,
    sink: &mut impl Sink,
) -> Result<Exported, ArchiveError> {
    let mut read = BTreeMap::new();
    let mut exported = Exported::default();
    for (path, content) in plan.with_folders() {
        let Some(content) = content else {
            sink.folder(&path)?;
            continue;
        };
        let path = &path;
        let size = match content {
            Content::Bytes(bytes) => {
                sink.bytes(path, bytes)?;
                bytes.len() as u64
            }
            Content::Kept(file) => {
                let blob = release.reader.open_blob(file.blob)?;
                let artifact = sink.kept(path, file, &blob)?;
                same_bytes(file.blob, &artifact)?;
                let size = artifact.size();
                read.insert(path.clone(), artifact);
                size
            }
            Content::Manifest(manifest) => {
                let bytes = plan.manifest(*manifest, &read);
                sink.bytes(path, &bytes)?;
                read.insert(
                    path.clone(),
                    Artifact::of_bytes(&bytes, Hashes::Sha256AndSha512),
                );
                bytes.len() as u64
            }
        };
        exported.files += 1;
        exported.bytes += size;
    }
    Ok(exported)
}

/// A folder that becomes a bag.
#[derive(Debug)]
struct BagFolder {
    folder: Folder,
}

impl BagFolder {
    fn open(path: &Path) -> Result<Self, ArchiveError> {
        let folder = Folder::open(path).map_err(|error| ArchiveError::io("open", path, error))?;
        Ok(Self { folder })
    }
}

impl Sink for BagFolder {
    fn folder(&mut self, _: &RelativePath) -> Result<(), ArchiveError> {
        // Made on the way to its first file.
        Ok(())
    }

    fn bytes(&mut self, path: &RelativePath, bytes: &[u8]) -> Result<(), ArchiveError> {
        let parent = make_parents(&self.folder, path)?;
        parent.write(path.file_name(), FILE_MODE, bytes).map(drop)
    }

    fn kept(
        &mut self,
        path: &RelativePath,
        file: &KeptFile,
        blob: &File,
    ) -> Result<Artifact, ArchiveError> {
        let parent = make_parents(&self.folder, path)?;
        parent.copy_with(
            path.file_name(),
            FILE_MODE,
            blob,
            &file.shown,
            Hashes::Sha256AndSha512,
        )
    }
}

const FILE_MODE: u32 = 0o644;
