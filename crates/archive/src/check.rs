//! Reading every byte of an archive again.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::sync::Arc;

use attest_digest::{Algorithm, Artifact, Digest, Hashes, RelativePath, hash_all};
use attest_provenance::ReleaseName;

use crate::attachment::AttachmentKey;
use crate::blob::Blob;
use crate::error::ArchiveError;
use crate::kind::AttachmentKind;
use crate::layout::{BLOBS, INCOMING, INDEX_FILE, LAYOUT_FILE, QUARANTINE, SHA256};
use crate::manifest::empty_blob;
use crate::reader::Reader;
use crate::release::Release;
use crate::replica::{Item, ItemKind};

/// What reading every byte has shown.
#[derive(Clone, Debug)]
pub struct CheckReport {
    /// The releases that were checked, sorted by name and version.
    pub releases: Vec<CheckedRelease>,
    /// What is wrong and belongs to no release of ours.
    pub problems: Vec<Problem>,
    /// What is there and should not be, and does no harm.
    pub notes: Vec<Note>,
    /// How many attachments were checked, of these releases or of the archive.
    pub attachments: usize,
    /// The blobs that were read, each once.
    pub blobs: usize,
    /// Their bytes, as their descriptors have them.
    pub bytes: u64,
    /// What was read, of each blob that is as it should be.
    pub observed: BTreeMap<Digest, Artifact>,
}

/// One release that was checked.
#[derive(Clone, Debug)]
pub struct CheckedRelease {
    /// Name and version, as the index claims them.
    pub name: ReleaseName,
    /// The digest of its manifest.
    pub manifest: Digest,
    /// What is wrong with it: nothing, if it is as it was archived.
    pub problems: Vec<Problem>,
}

/// Something that is wrong.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The file of the release that suffers from it; none for its manifest or configuration.
    pub member: Option<RelativePath>,
    /// The attachment that suffers from it; none if it is the release itself.
    pub attached: Option<Attached>,
    /// What is wrong, with its code.
    pub error: Arc<ArchiveError>,
}

/// An attachment, or a file of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// What it is there for, as the index claims.
    pub kind: AttachmentKind,
    /// The digest of its manifest.
    pub manifest: Digest,
    /// The file; none for the manifest itself.
    pub file: Option<RelativePath>,
}

/// Something that is there and harmless.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Note {
    /// A blob that no release names: what a run that died has left, or another tool's.
    BlobExtra {
        /// Its digest, by its name.
        blob: Digest,
    },
    /// An artifact that was deleted, and is here: the deletion did not end, or somebody brought it back.
    DeletedBlob {
        /// Its digest, by its name.
        blob: Digest,
    },
    /// Something in the archive's folders that is no part of the format.
    FileExtra {
        /// Its place below the archive, escaped.
        place: String,
    },
    /// Files of a run that died, or that is at work now.
    Incoming {
        /// How many.
        files: usize,
    },
    /// What a repair has moved out of the way.
    Quarantined {
        /// How many files.
        files: usize,
    },
    /// The index is not as we write it: another tool has been there, or a bit fell.
    IndexRewritten,
    /// An entry of the index that is no release.
    EntryForeign {
        /// The digest of what it names, where we know its kind.
        manifest: Option<Digest>,
    },
}

impl Note {
    /// The stable code of this note.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BlobExtra { .. } => "blob-extra",
            Self::DeletedBlob { .. } => "deleted-blob-present",
            Self::FileExtra { .. } => "file-extra",
            Self::Incoming { .. } => "incoming-left",
            Self::Quarantined { .. } => "quarantined",
            Self::IndexRewritten => "index-rewritten",
            Self::EntryForeign { .. } => "entry-foreign",
        }
    }
}

impl CheckReport {
    /// Whether every byte is there and as it was archived.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
            && self
                .releases
                .iter()
                .all(|release| release.problems.is_empty())
    }
}

impl Reader {
    /// Reads every blob of the archive, each once, on all cores and in constant memory, and names what
    /// is missing, damaged or left over.
    ///
    /// # Errors
    /// As [`Self::open`]: what is wrong with the archive as a whole. What is wrong with a release
    /// stands in the report.
    pub fn check(&self, hashes: Hashes) -> Result<CheckReport, ArchiveError> {
        // The names first: what a writer adds meanwhile is then in the index, if it is in the list.
        let names = self.blobs.names()?;
        let now = Self::of(self.root.reopen()?)?;
        let mut survey = Survey::default();
        for (name, manifest) in &self.index.releases {
            survey.take(self, name, *manifest);
        }
        for (key, (kind, manifest)) in &self.index.attachments {
            survey.take_attachment(self, key, kind, *manifest);
        }
        let foreign = self.index.foreign.iter().filter_map(|entry| entry.blob);
        survey.needs.extend(foreign.map(|blob| (blob, Vec::new())));
        let known: BTreeSet<Digest> = survey.blobs().chain(now.added_since(self)).collect();
        let gone = std::mem::take(&mut survey.gone);
        let mut report = survey.read(self, hashes);
        report.problems.extend(self.misnamed());
        report.notes = self.notes(&names, &known, &gone)?;
        Ok(report)
    }

    /// Reads every blob of these releases and of what is attached to them, each once, on all cores and in constant
    /// memory.
    ///
    /// # Errors
    /// `release-not-archived`. What is wrong with a release stands in the report.
    pub fn check_releases(
        &self,
        names: &[ReleaseName],
        hashes: Hashes,
    ) -> Result<CheckReport, ArchiveError> {
        let mut survey = Survey::default();
        for name in names.iter().collect::<BTreeSet<_>>() {
            let manifest = self.index.releases.get(name);
            let manifest =
                manifest.ok_or_else(|| ArchiveError::NoSuchRelease { name: name.clone() })?;
            survey.take(self, name, *manifest);
            for (key, (kind, attachment)) in self.entries_of(Some(manifest.digest)) {
                survey.take_attachment(self, key, kind, *attachment);
            }
        }
        Ok(survey.read(self, hashes))
    }

    /// Reads every blob but those that are known to be sound, and says which are not as they should be.
    pub(crate) fn damage(&self, known: &BTreeSet<Blob>) -> Damage {
        let mut survey = Survey::default();
        for (name, manifest) in &self.index.releases {
            survey.take(self, name, *manifest);
        }
        for (key, (kind, manifest)) in &self.index.attachments {
            survey.take_attachment(self, key, kind, *manifest);
        }
        let blobs: Vec<Blob> = survey
            .needs
            .keys()
            .filter(|blob| !known.contains(blob))
            .copied()
            .collect();
        let results = hash_all(0, &blobs, |blob| self.observe(*blob, Hashes::Sha256));
        let mut damage = Damage::default();
        for (blob, result) in blobs.into_iter().zip(results) {
            let kind = if survey.manifests.contains(&blob.digest) {
                ItemKind::Manifest
            } else {
                ItemKind::Blob
            };
            match result {
                Ok(_) => damage.sound.push(blob),
                Err(error) => damage.bad.push((Item::of(blob, kind), Arc::new(error))),
            }
        }
        // What names other blobs comes first.
        damage
            .bad
            .sort_by_key(|(item, _)| item.kind == ItemKind::Blob);
        damage
    }

    /// Releases that the index calls something else, so that the list does not have them.
    fn misnamed(&self) -> impl Iterator<Item = Problem> {
        let manifests = self.index.foreign.iter().filter_map(|entry| entry.blob);
        manifests.filter_map(|blob| {
            let release = self.manifest(blob).ok()??.name().clone();
            let error = ArchiveError::IndexMismatch {
                manifest: blob.digest,
                release,
            };
            Some(Problem::of(error))
        })
    }

    /// The blobs of releases and attachments that `before` does not have.
    fn added_since(&self, before: &Self) -> Vec<Digest> {
        let mut survey = Survey::default();
        for (name, manifest) in &self.index.releases {
            if !before.index.releases.contains_key(name) {
                survey.take(self, name, *manifest);
            }
        }
        for (key, (kind, manifest)) in &self.index.attachments {
            if !before.index.attachments.contains_key(key) {
                survey.take_attachment(self, key, kind, *manifest);
            }
        }
        survey.blobs().collect()
    }

    fn notes(
        &self,
        names: &[OsString],
        known: &BTreeSet<Digest>,
        gone: &BTreeSet<Digest>,
    ) -> Result<Vec<Note>, ArchiveError> {
        let mut notes = Vec::new();
        if self.index.rewritten {
            notes.push(Note::IndexRewritten);
        }
        for entry in &self.index.foreign {
            notes.push(Note::EntryForeign {
                manifest: entry.blob.map(|blob| blob.digest),
            });
        }
        for name in names {
            match name
                .to_str()
                .and_then(|name| Digest::from_hex(Algorithm::Sha256, name).ok())
            {
                Some(blob) if known.contains(&blob) => {}
                Some(blob) if gone.contains(&blob) => notes.push(Note::DeletedBlob { blob }),
                Some(blob) => notes.push(Note::BlobExtra { blob }),
                None => notes.push(extra(&format!("{BLOBS}/{SHA256}/"), name)),
            }
        }
        notes.extend(self.extra_in_folders()?);
        notes.sort();
        Ok(notes)
    }

    /// What stands in the folders above the blobs, and files on their way in.
    fn extra_in_folders(&self) -> Result<Vec<Note>, ArchiveError> {
        let mut notes = Vec::new();
        for name in self.root.names()? {
            if name == INCOMING {
                let incoming = self
                    .root
                    .below(INCOMING)?
                    .map(|folder| folder.names())
                    .transpose()?;
                notes.push(Note::Incoming {
                    files: incoming.map_or(0, |names| names.len()),
                });
            } else if name == QUARANTINE {
                let quarantined = self.root.below(QUARANTINE)?;
                let quarantined = quarantined.map(|folder| folder.names()).transpose()?;
                notes.push(Note::Quarantined {
                    files: quarantined.map_or(0, |names| names.len()),
                });
            } else if name != LAYOUT_FILE && name != INDEX_FILE && name != BLOBS {
                notes.push(extra("", &name));
            }
        }
        if let Some(blobs) = self.root.below(BLOBS)? {
            let others = blobs.names()?.into_iter().filter(|name| name != SHA256);
            notes.extend(others.map(|name| extra(&format!("{BLOBS}/"), &name)));
        }
        Ok(notes)
    }
}

impl CheckedRelease {
    fn new(name: &ReleaseName, manifest: Digest) -> Self {
        Self {
            name: name.clone(),
            manifest,
            problems: Vec::new(),
        }
    }
}

impl Problem {
    fn of(error: ArchiveError) -> Self {
        Self {
            member: None,
            attached: None,
            error: Arc::new(error),
        }
    }
}

/// The blobs that were read: as they should be, and not.
#[derive(Debug, Default)]
pub(crate) struct Damage {
    pub(crate) sound: Vec<Blob>,
    pub(crate) bad: Vec<(Item, Arc<ArchiveError>)>,
}

/// Which releases need a blob, and as what.
pub(crate) type Needs = BTreeMap<Blob, Vec<Need>>;

/// Who needs a blob.
#[derive(Clone, Debug)]
pub(crate) struct Need {
    /// The number of the release; none for the archive.
    release: Option<usize>,
    member: Option<RelativePath>,
    attached: Option<Attached>,
}

/// The releases, and what they need.
#[derive(Default)]
pub(crate) struct Survey {
    pub(crate) releases: Vec<CheckedRelease>,
    by_manifest: BTreeMap<Digest, usize>,
    attachments: usize,
    pub(crate) needs: Needs,
    /// Manifests: what is wrong with them was noticed when they were read.
    pub(crate) manifests: BTreeSet<Digest>,
    pub(crate) problems: Vec<Problem>,
    /// The artifacts of deleted releases.
    gone: BTreeSet<Digest>,
}

impl Survey {
    pub(crate) fn take(&mut self, reader: &Reader, name: &ReleaseName, manifest: Blob) {
        // A manifest is read by reading it: that it has its digest is checked there.
        self.needs.entry(manifest).or_default();
        self.manifests.insert(manifest.digest);
        self.by_manifest
            .insert(manifest.digest, self.releases.len());
        match reader.release(name, manifest) {
            Ok(release) => self.take_release(&release),
            Err(error) => {
                let mut checked = CheckedRelease::new(name, manifest.digest);
                checked.problems.push(Problem::of(error));
                self.releases.push(checked);
            }
        }
    }

    fn take_release(&mut self, release: &Release<'_>) {
        let number = self.releases.len();
        let need = |member| Need {
            release: Some(number),
            member,
            attached: None,
        };
        self.need(empty_blob(), need(None));
        for member in release.reader.kept_members(release) {
            self.need(member.blob, need(Some(member.path.clone())));
        }
        let deletion = release.reader.deletion(release.manifest());
        self.gone
            .extend(deletion.iter().flat_map(|it| it.artifacts()).copied());
        self.releases
            .push(CheckedRelease::new(release.name(), release.manifest()));
    }

    pub(crate) fn take_attachment(
        &mut self,
        reader: &Reader,
        key: &AttachmentKey,
        kind: &AttachmentKind,
        manifest: Blob,
    ) {
        self.attachments += 1;
        self.needs.entry(manifest).or_default();
        self.manifests.insert(manifest.digest);
        let attached = |file| Attached {
            kind: kind.clone(),
            manifest: manifest.digest,
            file,
        };
        let release = key
            .subject
            .and_then(|it| self.by_manifest.get(&it).copied());
        let need = |file| Need {
            release,
            member: None,
            attached: Some(attached(file)),
        };
        if let (Some(subject), None) = (key.subject, release) {
            self.blame(
                &need(None),
                &Arc::new(ArchiveError::AttachmentOrphaned {
                    manifest: manifest.digest,
                    subject,
                }),
            );
        }
        match reader.read_attachment(key, kind, manifest) {
            Ok(attachment) => {
                self.need(empty_blob(), need(None));
                for file in attachment.files() {
                    self.need(file.blob, need(Some(file.path.clone())));
                }
            }
            Err(error) => self.blame(&need(None), &Arc::new(error)),
        }
    }

    fn need(&mut self, blob: Blob, need: Need) {
        self.needs.entry(blob).or_default().push(need);
    }

    fn blobs(&self) -> impl Iterator<Item = Digest> {
        self.needs.keys().map(|blob| blob.digest)
    }

    /// Reads every blob that is needed, and writes to each release what it suffers from.
    fn read(mut self, reader: &Reader, hashes: Hashes) -> CheckReport {
        let blobs: Vec<Blob> = self.needs.keys().copied().collect();
        let results = hash_all(0, &blobs, |blob| reader.observe(*blob, hashes));
        let mut observed = BTreeMap::new();
        for (blob, result) in blobs.iter().zip(results) {
            match result {
                Ok(artifact) => drop(observed.insert(blob.digest, artifact)),
                Err(error) => self.blame_all(*blob, &Arc::new(error)),
            }
        }
        let bytes = blobs
            .iter()
            .map(|blob| blob.size)
            .fold(0, u64::saturating_add);
        CheckReport {
            releases: self.releases,
            problems: self.problems,
            notes: Vec::new(),
            attachments: self.attachments,
            blobs: blobs.len(),
            bytes,
            observed,
        }
    }

    /// Writes what is wrong with a blob to each release that needs it, else to the archive.
    fn blame_all(&mut self, blob: Blob, error: &Arc<ArchiveError>) {
        let needed_by = self.needs.get(&blob).cloned().unwrap_or_default();
        for need in &needed_by {
            self.blame(need, error);
        }
        if needed_by.is_empty() && !self.manifests.contains(&blob.digest) {
            self.problems.push(Problem {
                member: None,
                attached: None,
                error: Arc::clone(error),
            });
        }
    }

    fn blame(&mut self, need: &Need, error: &Arc<ArchiveError>) {
        let problem = Problem {
            member: need.member.clone(),
            attached: need.attached.clone(),
            error: Arc::clone(error),
        };
        match need.release.and_then(|it| self.releases.get_mut(it)) {
            Some(release) => release.problems.push(problem),
            None => self.problems.push(problem),
        }
    }
}

fn extra(folder: &str, name: &std::ffi::OsStr) -> Note {
    Note::FileExtra {
        place: format!("{folder}{}", name.to_string_lossy().escape_debug()),
    }
}
