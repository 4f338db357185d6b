//! Writing an archive: one writer at a time, and only by adding.

mod attach;
mod forget;
mod init;
mod repair;
mod stage;

use std::path::{Path, PathBuf};

use attest_digest::{Digest, RelativePath, Root, colliding_names};
use attest_provenance::ReleaseName;

use crate::blob::Blob;
use crate::disk::{Folder, Lock};
use crate::error::{ArchiveError, Malformed};
use crate::index::Index;
use crate::layout::{EMPTY, INCOMING};
use crate::limits;
use crate::manifest::{Manifest, Member};
use crate::reader::{Reader, malformed, open_folder};
use crate::role::Role;
use crate::store::stage::Incoming;

pub(crate) use stage::BLOB_MODE;

pub use attach::{AttachedFileInput, AttachmentInput, AttachmentsAdded};
pub use forget::Forgotten;
pub use repair::{IndexRepair, Lost, RepairReport, Repaired};

/// An archive, opened by its one writer.
///
/// The lock is on the folder itself and goes with the process.
#[derive(Debug)]
pub struct Store {
    reader: Reader,
}

/// A release to be archived.
#[derive(Debug)]
pub struct ReleaseInput<'a> {
    /// Name and version.
    pub name: ReleaseName,
    /// Every file of the release.
    pub members: Vec<MemberInput<'a>>,
}

/// A file to be archived.
#[derive(Debug)]
pub struct MemberInput<'a> {
    /// Its path in the release's folder.
    pub path: RelativePath,
    /// What it is there for.
    pub role: Role,
    /// Where its bytes are.
    pub source: Source<'a>,
    /// The SHA-256 that was verified or signed: other bytes are `file-changed`.
    pub expected: Option<Digest>,
}

/// Where the bytes of a file are.
#[derive(Debug)]
pub enum Source<'a> {
    /// In memory.
    Bytes(&'a [u8]),
    /// At a path of our own choice, which may lead through links.
    Path(PathBuf),
    /// At a path below a folder of others: no link leads out of it.
    Below(&'a Root, RelativePath),
    /// A part of a file.
    Within {
        /// The file.
        file: &'a std::fs::File,
        /// Where its bytes begin.
        offset: u64,
        /// How many there are.
        size: u64,
    },
}

/// What adding has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Added {
    /// The digest of the release's manifest.
    pub manifest: Digest,
    /// Whether this run made it.
    pub outcome: Outcome,
    /// The files and documents that were written.
    pub new_blobs: usize,
    /// The files and documents that were there already, with these bytes.
    pub reused_blobs: usize,
}

/// Whether a release was added by this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// This run added it.
    New,
    /// The same release with the same files was there.
    Already,
}

impl Store {
    /// Makes an archive, and the folders on the way; opens it if it is there already.
    ///
    /// # Errors
    /// `not-an-archive` if the folder holds something else; as [`Self::open`]; `archive-io`.
    pub fn init(path: &Path) -> Result<Self, ArchiveError> {
        init::init(path)?;
        Self::open(path)
    }

    /// Opens an archive for writing.
    ///
    /// # Errors
    /// `archive-locked` while another writer has it; as [`Reader::open`].
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        let mut root = open_folder(path)?;
        lock(&mut root)?;
        Ok(Self {
            reader: Reader::of(root)?,
        })
    }

    /// The archive as this writer sees it.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Adds a release. When this returns, the release is there after a loss of power too; when it
    /// fails or dies, the archive is as it was, but for files that nobody names.
    ///
    /// The same release with the same files is [`Outcome::Already`].
    ///
    /// # Errors
    /// `version-already-released` if the release is there with other files; `file-changed` and what
    /// else can be wrong with a file; `blob-corrupt` if the archive has such a file and it is damaged;
    /// `name-collision`, `release-empty`, `release-too-large`; `archive-disk-full`, `archive-io`.
    pub fn add(&mut self, release: &ReleaseInput<'_>) -> Result<Added, ArchiveError> {
        check_names(release)?;
        match self.reader.index.releases.get(&release.name) {
            Some(kept) => self.compare(*kept, release),
            None => self.add_new(release),
        }
    }

    /// The release is there: the offered one must have the same files. What they are there for is no
    /// part of the content.
    fn compare(&self, manifest: Blob, release: &ReleaseInput<'_>) -> Result<Added, ArchiveError> {
        let kept = self.reader.release(&release.name, manifest)?;
        let offered = Manifest::new(release.name.clone(), stage::observe(release)?);
        let content = |member: &Member| (member.path.clone(), member.blob);
        if !kept
            .members()
            .iter()
            .map(content)
            .eq(offered.members().iter().map(content))
        {
            let bytes = self.encoded("manifest", limits::MANIFEST_BYTES, offered.to_bytes())?;
            return Err(ArchiveError::VersionAlreadyReleased {
                name: release.name.clone(),
                kept: manifest.digest,
                offered: Blob::of(&bytes).digest,
            });
        }
        for member in kept.members() {
            match self.reader.open_blob(member.blob) {
                Err(ArchiveError::BlobMissing { .. }) if self.reader.has_tombstone(&kept) => {
                    return Err(ArchiveError::ReleaseDeleted {
                        name: release.name.clone(),
                    });
                }
                opened => drop(opened?),
            }
        }
        self.confirm()?;
        let reused_blobs = kept.members().len();
        Ok(Added {
            manifest: kept.manifest(),
            outcome: Outcome::Already,
            new_blobs: 0,
            reused_blobs,
        })
    }

    /// What is there already, by a run that may have died before its last sync, is made durable.
    fn confirm(&self) -> Result<(), ArchiveError> {
        self.reader.root.remove_below(INCOMING)?;
        self.reader.blobs.sync()?;
        self.reader.root.sync()
    }

    fn add_new(&mut self, release: &ReleaseInput<'_>) -> Result<Added, ArchiveError> {
        let incoming = Incoming::start(&self.reader)?;
        let outcome = self.add_through(&incoming, release);
        // What is left is harmless, and the next run takes it away: no reason to fail.
        let _ = incoming.end();
        let (added, index) = outcome?;
        self.reader.index = index;
        Ok(added)
    }

    /// Everything is durable under its final name before the index names it.
    fn add_through(
        &self,
        incoming: &Incoming<'_>,
        release: &ReleaseInput<'_>,
    ) -> Result<(Added, Index), ArchiveError> {
        let (members, mut staged) = incoming.take_release(release)?;
        let manifest = Manifest::new(release.name.clone(), members);
        let manifest = self.encoded("manifest", limits::MANIFEST_BYTES, manifest.to_bytes())?;
        staged.push(incoming.take_document("config", EMPTY)?);
        let manifest = incoming.take_document("manifest", &manifest)?;
        let descriptor = manifest.blob;
        staged.push(manifest);

        let mut index = self.reader.index.clone();
        index.rewritten = false;
        index.read_from = None;
        index
            .insert(release.name.clone(), descriptor)
            .map_err(|source| malformed(&self.reader.root, source))?;
        incoming.write_index(&self.encoded("index", limits::INDEX_BYTES, index.to_bytes())?)?;

        let new_blobs = incoming.publish(&staged)?;
        let reused_blobs = staged.len() - new_blobs;
        Ok((
            Added {
                manifest: descriptor.digest,
                outcome: Outcome::New,
                new_blobs,
                reused_blobs,
            },
            index,
        ))
    }

    /// What we write ourselves must be readable again.
    fn encoded(
        &self,
        what: &'static str,
        limit: u64,
        bytes: Result<Vec<u8>, Malformed>,
    ) -> Result<Vec<u8>, ArchiveError> {
        let bytes = bytes.map_err(|source| malformed(&self.reader.root, source))?;
        let found = bytes.len() as u64;
        if found > limit {
            return Err(ArchiveError::TooLarge { what, found, limit });
        }
        // The values of a large index can take more memory than is read, before its bytes are too many.
        if what == "index" && found > INDEX_IS_LARGE && Index::parse(&bytes).is_err() {
            let limit = limits::INDEX_MEMORY as u64;
            return Err(ArchiveError::TooLarge { what, found, limit });
        }
        Ok(bytes)
    }
}

/// Below this many bytes no index comes near [`limits::INDEX_MEMORY`].
const INDEX_IS_LARGE: u64 = 8 << 20;

fn lock(root: &mut Folder) -> Result<(), ArchiveError> {
    match root.lock()? {
        Lock::Taken => Ok(()),
        Lock::HeldByAnother => Err(ArchiveError::Locked {
            path: root.path().to_owned(),
        }),
    }
}

fn check_names(release: &ReleaseInput<'_>) -> Result<(), ArchiveError> {
    if release.members.is_empty() {
        return Err(ArchiveError::Empty {
            name: release.name.clone(),
        });
    }
    if release.members.len() > limits::MEMBERS {
        return Err(ArchiveError::TooLarge {
            what: "count of files",
            found: release.members.len() as u64,
            limit: limits::MEMBERS as u64,
        });
    }
    let names = release.members.iter().map(|member| member.path.as_str());
    match colliding_names(names) {
        Some((first, second)) => Err(ArchiveError::NameCollision { first, second }),
        None => Ok(()),
    }
}
