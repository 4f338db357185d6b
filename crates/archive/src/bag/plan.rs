//! Everything that stands in the bag of a release.

use std::collections::BTreeMap;

use attest_digest::{Artifact, Hashes, RelativePath};

use super::attached::Bagged;
use super::guide;
use super::manifests::{MANIFESTS, ManifestFile, Scope, text};
use super::names::{
    BAG_FORMAT, BAGIT, BAGIT_TEXT, INFO, PAYLOAD, README, RELEASE_MANIFEST, VERIFY, path, payload,
};
use super::unpack::unpack;
use crate::blob::Blob;
use crate::error::ArchiveError;
use crate::manifest::{Manifest, Member};

/// The files of a bag by path: in this order they are written.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) files: BTreeMap<RelativePath, Content>,
}

/// Where the bytes of a file come from.
#[derive(Debug)]
pub(super) enum Content {
    /// A file of the release, or of an attachment.
    Kept(File),
    /// Made here.
    Bytes(Vec<u8>),
    /// Known when the files that it lists have been read.
    Manifest(ManifestFile),
}

/// A file that is in the archive.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) blob: Blob,
    /// Its path in the release or attachment, for messages.
    pub(super) shown: RelativePath,
}

impl Plan {
    /// The bag of this release.
    pub(super) fn of(kept: &dyn Bagged) -> Result<Self, ArchiveError> {
        let manifest = Manifest::new(kept.name().clone(), kept.members().to_vec());
        let manifest = manifest
            .to_bytes()
            .map_err(|source| ArchiveError::BagName { source })?;
        let unpacked = unpack(kept)?;
        let mut files = BTreeMap::new();
        for member in kept.members() {
            let file = File {
                blob: member.blob,
                shown: member.path.clone(),
            };
            files.insert(payload(&member.path)?, Content::Kept(file));
        }
        for attached in kept.attached()? {
            let bytes = attached.manifest.to_bytes();
            let bytes = bytes.map_err(|source| ArchiveError::BagName { source })?;
            files.insert(attached.manifest_place()?, Content::Bytes(bytes));
            for file in attached.manifest.files() {
                let place = attached.file_place(file)?;
                let file = File {
                    blob: file.blob,
                    shown: file.path.clone(),
                };
                files.insert(place, Content::Kept(file));
            }
        }
        let texts = [
            (BAGIT, BAGIT_TEXT.to_owned()),
            (INFO, info(kept, &manifest)),
            (README, guide::readme(kept.name())),
            (
                VERIFY,
                guide::verify(kept.name(), kept.members(), &unpacked),
            ),
        ];
        for (name, text) in texts {
            files.insert(path(name)?, Content::Bytes(text.into_bytes()));
        }
        files.insert(path(RELEASE_MANIFEST)?, Content::Bytes(manifest));
        for (path, bytes) in unpacked.files {
            files.insert(path, Content::Bytes(bytes));
        }
        for manifest in MANIFESTS {
            files.insert(path(manifest.name)?, Content::Manifest(manifest));
        }
        Ok(Self { files })
    }

    /// The files in their order, with the folders on their ways, which have no content.
    pub(super) fn with_folders(&self) -> BTreeMap<RelativePath, Option<&Content>> {
        let mut places = BTreeMap::new();
        for (path, content) in &self.files {
            let mut above = path.parent();
            while let Some(folder) = above {
                above = folder.parent();
                places.insert(folder, None);
            }
            places.insert(path.clone(), Some(content));
        }
        places
    }

    /// The count of bytes of a manifest, which does not depend on what the files hold.
    pub(super) fn manifest_size(&self, manifest: ManifestFile) -> u64 {
        let some = Artifact::of_bytes(b"", Hashes::Sha256AndSha512);
        let read = self.files.keys().map(|path| (path.clone(), some.clone()));
        self.manifest(manifest, &read.collect()).len() as u64
    }

    /// Bytes of a manifest, once every file of the release was read. Tag manifests need the payload's.
    pub(super) fn manifest(
        &self,
        manifest: ManifestFile,
        read: &BTreeMap<RelativePath, Artifact>,
    ) -> Vec<u8> {
        let is_listed = |path: &RelativePath| match manifest.of {
            Scope::Payload => path.first_component() == PAYLOAD,
            Scope::Tags => path.first_component() != PAYLOAD && !is_tag_manifest(path),
        };
        let made: BTreeMap<&RelativePath, Artifact> = self
            .files
            .iter()
            .filter_map(|(path, content)| match content {
                Content::Bytes(bytes) if manifest.of == Scope::Tags => {
                    Some((path, Artifact::of_bytes(bytes, Hashes::Sha256AndSha512)))
                }
                _ => None,
            })
            .collect();
        let listed = self.files.keys().filter(|path| is_listed(path));
        let artifacts =
            listed.filter_map(|path| Some((path, made.get(path).or_else(|| read.get(path))?)));
        text(manifest.algorithm, artifacts).into_bytes()
    }
}

fn is_tag_manifest(path: &RelativePath) -> bool {
    MANIFESTS
        .iter()
        .any(|it| it.of == Scope::Tags && it.name == path.as_str())
}

/// The text of `bag-info.txt`. It has no date: one release has one bag.
fn info(kept: &dyn Bagged, manifest: &[u8]) -> String {
    let bytes = kept.members().iter().map(Member::size).sum::<u64>();
    format!(
        "Attest-Bag-Format: {BAG_FORMAT}\nAttest-Release-Manifest: {}\nExternal-Description: {}\nExternal-Identifier: {}\nPayload-Oxum: {bytes}.{}\n",
        Blob::of(manifest).digest,
        kept.name(),
        kept.name().purl(),
        kept.members().len(),
    )
}
