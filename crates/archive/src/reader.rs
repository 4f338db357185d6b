//! Reading an archive: any number of readers beside one writer, without a lock.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;

use attest_digest::{Artifact, Digest, Hashes};
use attest_provenance::ReleaseName;

use crate::attachment::AttachmentManifest;
use crate::blob::Blob;
use crate::disk::{Folder, Found, read_limited};
use crate::error::{ArchiveError, Malformed, NotAnArchive};
use crate::index::{Index, IndexError};
use crate::layout::{
    ARCHIVE_FORMAT, BLOBS, INDEX_FILE, LAYOUT_FILE, LAYOUT_VERSION, SHA256, layout_version,
};
use crate::limits;
use crate::manifest::{Manifest, Member};
use crate::release::Release;
use crate::tombstone::Deletion;

/// An archive as it was when it was opened.
///
/// Blobs are never changed, and only artifacts that were let go are removed: what the index named then
/// stays readable whatever a writer adds meanwhile.
#[derive(Debug)]
pub struct Reader {
    pub(crate) root: Folder,
    pub(crate) blobs: Folder,
    pub(crate) index: Index,
    /// By the manifest of the release.
    deletions: BTreeMap<Digest, Deletion>,
}

/// One release of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Name and version, as the index claims them.
    pub name: ReleaseName,
    /// The digest of its manifest: the identity of this content.
    pub manifest: Digest,
}

impl Reader {
    /// Opens an archive for reading.
    ///
    /// # Errors
    /// `not-an-archive`, `archive-newer-format`, `index-malformed`, `archive-io`; where a copying tool
    /// has taken the names out of the index, also what is wrong with the manifests that it names.
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        Self::of(open_folder(path)?)
    }

    /// The releases, sorted by name and version.
    pub fn list(&self) -> Vec<Summary> {
        let entry = |(name, manifest): (&ReleaseName, &Blob)| Summary {
            name: name.clone(),
            manifest: manifest.digest,
        };
        self.index.releases.iter().map(entry).collect()
    }

    /// The release of that name and version, if it is here.
    ///
    /// # Errors
    /// Its manifest is missing, corrupt, malformed or another release's.
    pub fn find(&self, name: &ReleaseName) -> Result<Option<Release<'_>>, ArchiveError> {
        let Some(manifest) = self.index.releases.get(name) else {
            return Ok(None);
        };
        self.release(name, *manifest).map(Some)
    }

    /// From now on the artifacts of these releases are not missed.
    pub fn accept_deletions(&mut self, deletions: Vec<Deletion>) {
        let deletions = deletions.into_iter().map(|it| (it.manifest(), it));
        self.deletions = deletions.collect();
    }

    /// The accepted deletion of the release with that manifest.
    pub fn deletion(&self, manifest: Digest) -> Option<&Deletion> {
        self.deletions.get(&manifest)
    }

    /// The files of a release that are kept: without artifacts that were deleted.
    pub fn kept_members<'m>(
        &self,
        release: &'m Release<'_>,
    ) -> impl Iterator<Item = &'m Member> + use<'m, '_> {
        let gone = self.deletion(release.manifest()).map(Deletion::artifacts);
        let members = release.members().iter();
        members.filter(move |it| gone.is_none_or(|gone| !gone.contains(&it.digest())))
    }

    pub(crate) fn of(root: Folder) -> Result<Self, ArchiveError> {
        check_layout(&root)?;
        let folder = Path::new(BLOBS).join(SHA256);
        let Some(blobs) = root.below(&folder)? else {
            return Err(lacks(&root, "blobs/sha256"));
        };
        let index = read_index(&root)?;
        let mut reader = Self {
            root,
            blobs,
            index,
            deletions: BTreeMap::new(),
        };
        reader.name_the_unnamed()?;
        Ok(reader)
    }

    pub(crate) fn release(
        &self,
        name: &ReleaseName,
        manifest: Blob,
    ) -> Result<Release<'_>, ArchiveError> {
        let parsed = self
            .manifest(manifest)?
            .ok_or_else(|| ArchiveError::ManifestMalformed {
                manifest: manifest.digest,
                source: not_a_release(),
            })?;
        if parsed.name() != name {
            return Err(ArchiveError::ReleaseMismatch {
                manifest: manifest.digest,
                found: parsed.name().clone(),
                wanted: name.clone(),
            });
        }
        Ok(Release::new(self, manifest, parsed))
    }

    /// Reads a manifest whose bytes have that digest; `None` if it is not that of a release.
    pub(crate) fn manifest(&self, manifest: Blob) -> Result<Option<Manifest>, ArchiveError> {
        let bytes = self.read_blob(manifest, limits::MANIFEST_BYTES)?;
        Manifest::parse(&bytes).map_err(|source| ArchiveError::ManifestMalformed {
            manifest: manifest.digest,
            source,
        })
    }

    /// Reads a blob whole, and checks that its bytes are the ones that its name says.
    pub(crate) fn read_blob(&self, blob: Blob, limit: u64) -> Result<Vec<u8>, ArchiveError> {
        if blob.size > limit {
            return Err(ArchiveError::TooLarge {
                what: "blob that is read whole",
                found: blob.size,
                limit,
            });
        }
        let file = self.open_blob(blob)?;
        let bytes = read_limited(&file, blob.size)
            .map_err(|error| self.unreadable(blob, error))?
            .ok_or(ArchiveError::BlobSize {
                blob: blob.digest,
                found: blob.size + 1,
                wanted: blob.size,
            })?;
        same_bytes(blob, &Artifact::of_bytes(&bytes, Hashes::Sha256))?;
        Ok(bytes)
    }

    /// Opens a blob that has the size of its descriptor; its bytes are not looked at.
    pub(crate) fn open_blob(&self, blob: Blob) -> Result<File, ArchiveError> {
        match self.blobs.file(blob.digest.hex())? {
            Found::Missing => Err(ArchiveError::BlobMissing { blob: blob.digest }),
            Found::SomethingElse => Err(ArchiveError::BlobNotAFile { blob: blob.digest }),
            Found::File { size, .. } if size != blob.size => Err(ArchiveError::BlobSize {
                blob: blob.digest,
                found: size,
                wanted: blob.size,
            }),
            Found::File { file, .. } => Ok(file),
        }
    }

    /// Reads every byte of a blob, and says what it is if it is what its name says.
    pub(crate) fn observe(&self, blob: Blob, hashes: Hashes) -> Result<Artifact, ArchiveError> {
        let file = self.open_blob(blob)?;
        let found = Artifact::read_file(&file, hashes)
            .map_err(|error| self.unreadable(blob, io::Error::other(error)))?;
        same_bytes(blob, &found)?;
        Ok(found)
    }

    fn unreadable(&self, blob: Blob, error: io::Error) -> ArchiveError {
        ArchiveError::io("read", self.blobs.path_of(blob.digest.hex()), error)
    }

    /// Asks the manifests of entries that carry no name. An entry whose manifest is gone or broken
    /// stays in the index as it stands; checking names it.
    fn name_the_unnamed(&mut self) -> Result<(), ArchiveError> {
        for entry in std::mem::take(&mut self.index.unnamed) {
            let manifest = entry.blob.map(|blob| (blob, self.named(blob)));
            match manifest {
                Some((blob, Ok(Named::Release(manifest)))) => self
                    .index
                    .insert(manifest.name().clone(), blob)
                    .map_err(|source| malformed(&self.root, source))?,
                Some((blob, Ok(Named::Attachment(manifest)))) => self
                    .index
                    .attach(manifest.key(blob.digest), manifest.kind().clone(), blob)
                    .map_err(|source| malformed(&self.root, source))?,
                Some((
                    _,
                    Err(
                        error @ (ArchiveError::ManifestMalformed { .. }
                        | ArchiveError::AttachmentMalformed { .. }),
                    ),
                )) => {
                    return Err(error);
                }
                _ => self.index.foreign.push(entry),
            }
        }
        Ok(())
    }

    /// What a manifest says that it is.
    fn named(&self, blob: Blob) -> Result<Named, ArchiveError> {
        if let Some(manifest) = self.manifest(blob)? {
            return Ok(Named::Release(manifest));
        }
        let attachment = self.attachment_manifest(blob)?;
        Ok(attachment.map_or(Named::Foreign, Named::Attachment))
    }
}

/// A manifest, by what it says that it is.
enum Named {
    Release(Manifest),
    Attachment(AttachmentManifest),
    Foreign,
}

/// Opens the folder of an archive.
pub(crate) fn open_folder(path: &Path) -> Result<Folder, ArchiveError> {
    Folder::open(path).map_err(|error| {
        let problem = match error.kind() {
            io::ErrorKind::NotFound => NotAnArchive::NoFolder,
            io::ErrorKind::NotADirectory => NotAnArchive::NotAFolder,
            _ => return ArchiveError::io("open", path, error),
        };
        ArchiveError::NotAnArchive {
            path: path.to_owned(),
            problem,
        }
    })
}

/// `oci-layout` says that this is an image layout, of a version that we know.
pub(crate) fn check_layout(root: &Folder) -> Result<(), ArchiveError> {
    let malformed = || ArchiveError::NotAnArchive {
        path: root.path().to_owned(),
        problem: NotAnArchive::LayoutMalformed,
    };
    let bytes = read_document(root, LAYOUT_FILE, limits::LAYOUT_BYTES)?.ok_or_else(malformed)?;
    let found = layout_version(&bytes).map_err(|_| malformed())?;
    if found != LAYOUT_VERSION {
        return Err(ArchiveError::NewerFormat {
            path: root.path().to_owned(),
            found,
            wanted: LAYOUT_VERSION,
        });
    }
    Ok(())
}

pub(crate) fn read_index(root: &Folder) -> Result<Index, ArchiveError> {
    let bytes = read_document(root, INDEX_FILE, limits::INDEX_BYTES)?.ok_or_else(|| {
        malformed(
            root,
            Malformed::TooLarge {
                limit: limits::INDEX_BYTES,
            },
        )
    })?;
    Index::parse(&bytes).map_err(|error| match error {
        IndexError::NewerFormat { found } => ArchiveError::NewerFormat {
            path: root.path().to_owned(),
            found,
            wanted: ARCHIVE_FORMAT,
        },
        IndexError::Malformed(source) => malformed(root, source),
    })
}

/// The artifact that was read is the one that the descriptor names.
pub(crate) fn same_bytes(blob: Blob, found: &Artifact) -> Result<(), ArchiveError> {
    if found.sha256() != blob.digest {
        return Err(ArchiveError::BlobCorrupt {
            found: found.sha256(),
            wanted: blob.digest,
        });
    }
    Ok(())
}

pub(crate) fn malformed(root: &Folder, source: Malformed) -> ArchiveError {
    ArchiveError::IndexMalformed {
        path: root.path_of(INDEX_FILE),
        source,
    }
}

pub(crate) fn not_a_release() -> Malformed {
    Malformed::Value {
        field: "artifactType".to_owned(),
        found: "another type".to_owned(),
        wanted: crate::layout::RELEASE_TYPE,
    }
}

/// A document at the top of the archive; `None` if it is larger than the limit.
fn read_document(
    root: &Folder,
    name: &'static str,
    limit: u64,
) -> Result<Option<Vec<u8>>, ArchiveError> {
    match root.file(name)? {
        Found::File { file, .. } => read_limited(&file, limit)
            .map_err(|error| ArchiveError::io("read", root.path_of(name), error)),
        Found::Missing | Found::SomethingElse => Err(lacks(root, name)),
    }
}

fn lacks(root: &Folder, missing: &'static str) -> ArchiveError {
    ArchiveError::NotAnArchive {
        path: root.path().to_owned(),
        problem: NotAnArchive::Lacks { missing },
    }
}
