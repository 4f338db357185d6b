//! Copying an archive to a replica: only by adding, and never what is not what its name says.

use std::collections::BTreeSet;

use attest_digest::Digest;
use attest_provenance::ReleaseName;

use crate::attachment::AttachmentKey;
use crate::blob::Blob;
use crate::error::ArchiveError;
use crate::index::{Index, IndexError};
use crate::kind::AttachmentKind;
use crate::layout::ARCHIVE_FORMAT;
use crate::limits;
use crate::manifest::empty_blob;
use crate::reader::Reader;
use crate::replica::{Item, ItemKind, Put, Replica, ReplicaError};

/// What copying to a replica has done.
#[derive(Debug)]
pub struct CopyReport {
    /// The replica's name.
    pub replica: String,
    /// The releases that it lists now, of this archive.
    pub releases: usize,
    /// The attachments that it lists now, of this archive.
    pub attachments: usize,
    /// The blobs that this run has written.
    pub new_blobs: usize,
    /// Their bytes.
    pub new_bytes: u64,
    /// The blobs that were there, by name and size: their bytes were not read.
    pub present_blobs: usize,
    /// What could not be copied, and why.
    pub not_copied: Vec<NotCopied>,
    /// Releases that the replica does not list, because something of them could not be copied.
    pub incomplete: Vec<ReleaseName>,
    /// Attachments that the replica does not list, for the same reason.
    pub incomplete_attachments: Vec<Digest>,
    /// Releases that the replica has with other content: both stay as they are.
    pub conflicts: Vec<Conflict>,
}

/// A blob that was not copied.
#[derive(Debug)]
pub struct NotCopied {
    /// Its digest.
    pub blob: Digest,
    /// Why: what is wrong with it here, or there.
    pub error: NotCopiedBecause,
}

/// Why a blob was not copied.
#[derive(Debug, thiserror::Error)]
pub enum NotCopiedBecause {
    /// Here it is missing or damaged.
    #[error(transparent)]
    Here(ArchiveError),
    /// There is something else under its name.
    #[error(transparent)]
    There(ReplicaError),
}

impl NotCopiedBecause {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Here(error) => error.code(),
            Self::There(error) => error.code(),
        }
    }
}

/// One release with two contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The release.
    pub name: ReleaseName,
    /// The digest of its manifest here.
    pub here: Digest,
    /// The digest of its manifest there.
    pub there: Digest,
}

impl CopyReport {
    /// Whether the replica has all that this archive lists.
    pub fn is_complete(&self) -> bool {
        self.not_copied.is_empty()
            && self.incomplete.is_empty()
            && self.incomplete_attachments.is_empty()
            && self.conflicts.is_empty()
    }
}

impl Reader {
    /// Copies every release and attachment to a replica, and lists there what is there whole.
    ///
    /// Blobs come first, then the manifests that name them, then, when all is durable, the index: a
    /// death at any moment leaves a replica that lists only what it has. What the replica lists beside
    /// stays listed. Running it again copies what is missing.
    ///
    /// # Errors
    /// The replica could not be read or written; its index is malformed. What is wrong with a blob
    /// stands in the report.
    pub fn copy_to(&self, replica: &mut dyn Replica) -> Result<CopyReport, ReplicaError> {
        let mut copying = Copying::new(self, replica.name());
        let units = copying.units();
        for unit in &units {
            for blob in &unit.blobs {
                copying.put(replica, Item::of(*blob, ItemKind::Blob))?;
            }
        }
        // A registry takes a manifest only where it has what the manifest names; releases are first.
        for unit in &units {
            copying.put(replica, Item::of(unit.manifest, ItemKind::Manifest))?;
        }
        replica.flush()?;
        copying.list(replica, units)?;
        Ok(copying.report)
    }
}

/// A manifest, with all that it needs.
pub(crate) struct Unit {
    pub(crate) listed: Listed,
    pub(crate) manifest: Blob,
    pub(crate) blobs: Vec<Blob>,
}

/// What the index has a manifest for.
pub(crate) enum Listed {
    Release(ReleaseName),
    Attachment(AttachmentKey, AttachmentKind),
}

struct Copying<'r> {
    reader: &'r Reader,
    /// A file can be the manifest of another release, and places keep manifests apart.
    seen: BTreeSet<Item>,
    failed: BTreeSet<Digest>,
    report: CopyReport,
}

impl<'r> Copying<'r> {
    fn new(reader: &'r Reader, replica: String) -> Self {
        Self {
            reader,
            seen: BTreeSet::new(),
            failed: BTreeSet::new(),
            report: CopyReport::new(replica),
        }
    }

    /// The releases, then what is attached: what cannot be read is named and left out.
    fn units(&mut self) -> Vec<Unit> {
        let reader = self.reader;
        let mut units = Vec::new();
        for (name, manifest) in &reader.index.releases {
            let blobs = reader.release(name, *manifest).map(|release| {
                let members = reader.kept_members(&release).map(|member| member.blob);
                members.chain([empty_blob()]).collect()
            });
            let listed = Listed::Release(name.clone());
            units.extend(self.unit(listed, *manifest, blobs));
        }
        for (key, (kind, manifest)) in &reader.index.attachments {
            let blobs = reader.read_attachment(key, kind, *manifest).map(|it| {
                let files = it.files().iter().map(|file| file.blob);
                files.chain([empty_blob()]).collect()
            });
            let listed = Listed::Attachment(key.clone(), kind.clone());
            units.extend(self.unit(listed, *manifest, blobs));
        }
        units
    }

    fn unit(
        &mut self,
        listed: Listed,
        manifest: Blob,
        blobs: Result<Vec<Blob>, ArchiveError>,
    ) -> Option<Unit> {
        match blobs {
            Ok(blobs) => Some(Unit {
                listed,
                manifest,
                blobs,
            }),
            Err(error) => {
                self.incomplete(&listed);
                self.not_copied(manifest.digest, NotCopiedBecause::Here(error));
                None
            }
        }
    }

    fn put(&mut self, replica: &mut dyn Replica, item: Item) -> Result<(), ReplicaError> {
        if !self.seen.insert(item) {
            return Ok(());
        }
        // Asked first: of what is there already, nothing is opened.
        if replica.size(&item)? == Some(item.size) {
            self.report.present_blobs += 1;
            return Ok(());
        }
        let put = match self.reader.open_blob(item.blob()) {
            Ok(mut file) => replica.put(&item, &mut file),
            Err(error) => {
                self.not_copied(item.digest, NotCopiedBecause::Here(error));
                return Ok(());
            }
        };
        match put {
            Ok(Put::Already) => self.report.present_blobs += 1,
            Ok(Put::New) => {
                self.report.new_blobs += 1;
                self.report.new_bytes = self.report.new_bytes.saturating_add(item.size);
            }
            Err(
                error @ (ReplicaError::Source { .. }
                | ReplicaError::Differs { .. }
                | ReplicaError::TooLarge { .. }),
            ) => {
                let error = self.whose(item, error);
                self.not_copied(item.digest, error);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// What the source says when it is read alone is the better word for what is wrong with it.
    fn whose(&self, item: Item, error: ReplicaError) -> NotCopiedBecause {
        if let ReplicaError::Source { .. } = error {
            let observed = self
                .reader
                .observe(item.blob(), attest_digest::Hashes::Sha256);
            if let Err(error) = observed {
                return NotCopiedBecause::Here(error);
            }
        }
        NotCopiedBecause::There(error)
    }

    fn not_copied(&mut self, blob: Digest, error: NotCopiedBecause) {
        self.failed.insert(blob);
        self.report.not_copied.push(NotCopied { blob, error });
    }

    fn incomplete(&mut self, listed: &Listed) {
        match listed {
            Listed::Release(name) => self.report.incomplete.push(name.clone()),
            Listed::Attachment(key, _) => self.report.incomplete_attachments.push(key.manifest),
        }
    }

    /// Lists what is whole beside what the replica lists already.
    fn list(&mut self, replica: &mut dyn Replica, units: Vec<Unit>) -> Result<(), ReplicaError> {
        let seen = replica.index()?;
        let mut index = parse_index(replica, seen.as_deref())?;
        let releases = index.releases.values().map(|blob| blob.digest);
        let mut listed: BTreeSet<Digest> = releases.collect();
        for unit in units {
            let is_whole = !self.failed.contains(&unit.manifest.digest)
                && unit
                    .blobs
                    .iter()
                    .all(|blob| !self.failed.contains(&blob.digest));
            if !is_whole {
                self.incomplete(&unit.listed);
                continue;
            }
            // A copying tool may have taken its name away: now it has one again.
            let is_this = |blob: Option<Blob>| blob == Some(unit.manifest);
            index.unnamed.retain(|entry| !is_this(entry.blob));
            self.list_unit(&mut index, &mut listed, unit);
        }
        index.foreign.extend(std::mem::take(&mut index.unnamed));
        let bytes = index
            .to_bytes()
            .map_err(|error| ReplicaError::unavailable(replica.name(), error.to_string()))?;
        if bytes.len() as u64 > limits::INDEX_BYTES {
            let message = "its index would be larger than is read";
            return Err(ReplicaError::unavailable(replica.name(), message));
        }
        if seen.as_deref() == Some(&bytes[..]) {
            return Ok(());
        }
        replica.replace_index(seen.as_deref(), &bytes)
    }

    fn list_unit(&mut self, index: &mut Index, listed: &mut BTreeSet<Digest>, unit: Unit) {
        match unit.listed {
            Listed::Release(name) => match index.releases.get(&name) {
                Some(there) if *there != unit.manifest => {
                    self.report.conflicts.push(Conflict {
                        name,
                        here: unit.manifest.digest,
                        there: there.digest,
                    });
                }
                _ => {
                    index.releases.insert(name, unit.manifest);
                    listed.insert(unit.manifest.digest);
                    self.report.releases += 1;
                }
            },
            // What it is attached to is not listed there: it would hang in the air.
            Listed::Attachment(key, _) if key.subject.is_some_and(|it| !listed.contains(&it)) => {
                self.report.incomplete_attachments.push(key.manifest);
            }
            Listed::Attachment(key, kind) => {
                index.attachments.insert(key, (kind, unit.manifest));
                self.report.attachments += 1;
            }
        }
    }
}

/// What the archive lists and can read of it, and what it cannot.
pub(crate) fn units(reader: &Reader) -> (Vec<Unit>, Vec<NotCopied>) {
    let mut copying = Copying::new(reader, String::new());
    let units = copying.units();
    (units, copying.report.not_copied)
}

/// The index of a replica; an empty one where there is none.
pub(crate) fn parse_index(
    replica: &dyn Replica,
    bytes: Option<&[u8]>,
) -> Result<Index, ReplicaError> {
    parse_index_of(&replica.name(), bytes)
}

/// The index of a replica of that name; an empty one where there is none.
pub(crate) fn parse_index_of(name: &str, bytes: Option<&[u8]>) -> Result<Index, ReplicaError> {
    let Some(bytes) = bytes else {
        return Ok(Index::default());
    };
    Index::parse(bytes).map_err(|error| {
        let message = match error {
            IndexError::NewerFormat { found } => {
                format!("its format is {found:?}, wanted {ARCHIVE_FORMAT:?}")
            }
            IndexError::Malformed(problem) => format!("its index is malformed: {problem}"),
        };
        ReplicaError::unavailable(name, message)
    })
}

impl CopyReport {
    fn new(replica: String) -> Self {
        Self {
            replica,
            releases: 0,
            attachments: 0,
            new_blobs: 0,
            new_bytes: 0,
            present_blobs: 0,
            not_copied: Vec::new(),
            incomplete: Vec::new(),
            incomplete_attachments: Vec::new(),
            conflicts: Vec::new(),
        }
    }
}
