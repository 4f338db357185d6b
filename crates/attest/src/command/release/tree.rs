//! The manifest of the release's files: what stands in its folder, with sizes, digests and modes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use attest_digest::{Artifact, Hashes, RelativePath, walk_order};
use attest_provenance::ReleaseName;
use attest_provenance::predicate::tree::TreeClaim;
use attest_provenance::tree::{
    Attribute, TreeContent, TreeEntry, TreeError, TreeHeader, TreeReader, TreeSummary, TreeWriter,
};

use super::content::{Content, copied_mode, subject};
use crate::failure::{Failure, with_source};

/// The permissions of what is released.
#[derive(Debug, Default)]
pub(super) struct Modes {
    top: u16,
    /// Of files and folders, by their paths. What we write ourselves is not there.
    below: BTreeMap<RelativePath, u16>,
}

impl Modes {
    /// Looks at the files where they stand, and at the folders that hold them.
    ///
    /// # Errors
    /// `file-unreadable`.
    pub(super) fn of(top: &Path, contents: &[Content]) -> Result<Self, Failure> {
        let mut modes = Self {
            top: mode(top)?.unwrap_or(FOLDER_MODE),
            below: BTreeMap::new(),
        };
        for path in contents.iter().map(|content| &content.path) {
            let mut above = path.parent();
            while let Some(folder) = above.take_if(|it| !modes.below.contains_key(it)) {
                modes.take(top, &folder)?;
                above = folder.parent();
            }
            modes.take(top, path)?;
        }
        Ok(modes)
    }

    /// How these differ from those that a manifest has, of what both know. A copy of the files stands in folders of
    /// our making, and has the permissions that copying leaves.
    pub(super) fn differences(
        &self,
        manifest: &[u8],
        is_copied: bool,
    ) -> Result<Vec<String>, TreeError> {
        let mut reader = TreeReader::new(manifest)?;
        let mut differences = Vec::new();
        while let Some(entry) = reader.next()? {
            let is_folder = entry.content == TreeContent::Directory;
            let found = match &entry.path {
                _ if is_folder && is_copied => None,
                None => Some(self.top),
                Some(path) => self.below.get(path).copied(),
            };
            let found = found.map(|it| if is_copied { copied_mode(it) } else { it });
            if let (Some(found), Some(recorded)) = (found, entry.mode)
                && found != recorded
            {
                let path = entry.shown_path();
                differences.push(format!(
                    "{path} has mode {found:04o}, the record {recorded:04o}"
                ));
            }
        }
        Ok(differences)
    }

    fn take(&mut self, top: &Path, path: &RelativePath) -> Result<(), Failure> {
        // A bill of materials may not have been written yet.
        if let Some(mode) = mode(&top.join(path.as_str()))? {
            self.below.insert(path.clone(), mode);
        }
        Ok(())
    }

    fn get(&self, path: &RelativePath, otherwise: u16) -> u16 {
        self.below.get(path).copied().unwrap_or(otherwise)
    }
}

/// The manifest of these files and of the folders that hold them, in `tree/v0.1`. It leaves out what is signed over
/// it, and itself: by their names, since whatever else a pattern covers nobody would have signed.
pub(super) fn manifest(
    release: &ReleaseName,
    files: &[(RelativePath, Artifact)],
    modes: &Modes,
    beside: BTreeSet<String>,
) -> Result<(Vec<u8>, TreeSummary), Failure> {
    let header = TreeHeader {
        release: Some(release.clone()),
        serial: None,
        with_sha512: true,
        attributes: BTreeSet::from([Attribute::Mode]),
        xattrs: BTreeSet::new(),
        ignore: beside,
    };
    let mut bytes = Vec::new();
    let mut writer = TreeWriter::new(&mut bytes, header).map_err(|error| failed(&error))?;
    for entry in entries(files, modes) {
        writer.entry(&entry).map_err(|error| failed(&error))?;
    }
    let summary = writer.finish().map_err(|error| failed(&error))?;
    Ok((bytes, summary))
}

/// The statement about the manifest.
pub(super) fn statement(
    release: &ReleaseName,
    name: &RelativePath,
    manifest: &[u8],
    summary: TreeSummary,
) -> Result<Vec<u8>, Failure> {
    let claim = TreeClaim {
        release: Some(release.clone()),
        summary,
    };
    let artifact = Artifact::of_bytes(manifest, Hashes::Sha256AndSha512);
    let statement = claim.statement(subject(name, &artifact)?);
    Ok(statement.map_err(|error| failed(&error))?.to_bytes())
}

/// In the order of a manifest: each folder before what it holds.
fn entries(files: &[(RelativePath, Artifact)], modes: &Modes) -> Vec<TreeEntry> {
    let mut folders = BTreeSet::new();
    for (path, _) in files {
        let mut above = path.parent();
        while let Some(folder) = above.take_if(|it| !folders.contains(it)) {
            above = folder.parent();
            folders.insert(folder);
        }
    }
    let entry = |path, content, mode| TreeEntry {
        mode: Some(mode),
        ..TreeEntry::new(path, content)
    };
    let folders = folders.into_iter().map(|path| {
        let mode = modes.get(&path, FOLDER_MODE);
        entry(Some(path), TreeContent::Directory, mode)
    });
    let files = files.iter().map(|(path, artifact)| {
        let content = TreeContent::File {
            size: artifact.size(),
            digests: artifact.digests().collect(),
        };
        entry(Some(path.clone()), content, modes.get(path, FILE_MODE))
    });
    let mut entries: Vec<TreeEntry> = folders.chain(files).collect();
    entries.push(entry(None, TreeContent::Directory, modes.top));
    entries.sort_by(|one, other| walk_order(one.path_bytes(), other.path_bytes()));
    entries
}

/// The permission bits of what stands there; none if nothing does.
fn mode(place: &Path) -> Result<Option<u16>, Failure> {
    let bits = |it: Metadata| u16::try_from(it.mode() & 0o7777).unwrap_or_default();
    match place.symlink_metadata() {
        Ok(metadata) => Ok(Some(bits(metadata))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => {
            let message = format!("{}: {error}", place.display());
            Err(Failure::unknown("file-unreadable", message))
        }
    }
}

fn failed(error: &dyn std::error::Error) -> Failure {
    Failure::unknown("internal-error", with_source(error))
}

/// What we write ourselves.
const FILE_MODE: u16 = 0o644;
const FOLDER_MODE: u16 = 0o755;
