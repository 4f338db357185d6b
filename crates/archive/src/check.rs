//! Reading every byte of an archive again.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::sync::Arc;

use attest_digest::{Algorithm, Artifact, Digest, Hashes, RelativePath, hash_all};
use attest_provenance::ReleaseName;

use crate::blob::Blob;
use crate::error::ArchiveError;
use crate::layout::{BLOBS, INCOMING, INDEX_FILE, LAYOUT_FILE, SHA256};
use crate::manifest::empty_blob;
use crate::reader::Reader;
use crate::release::Release;

/// What reading every byte has shown.
#[derive(Clone, Debug)]
pub struct CheckReport {
    /// The releases that were checked, sorted by name and version.
    pub releases: Vec<CheckedRelease>,
    /// What is wrong and belongs to no release of ours.
    pub problems: Vec<Problem>,
    /// What is there and should not be, and does no harm.
    pub notes: Vec<Note>,
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
    /// What is wrong, with its code.
    pub error: Arc<ArchiveError>,
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
            Self::FileExtra { .. } => "file-extra",
            Self::Incoming { .. } => "incoming-left",
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
        let foreign = self.index.foreign.iter().filter_map(|entry| entry.blob);
        survey.needs.extend(foreign.map(|blob| (blob, Vec::new())));
        let known = survey.blobs().chain(now.added_since(self)).collect();
        let mut report = survey.read(self, hashes);
        report.problems.extend(self.misnamed());
        report.notes = self.notes(&names, &known)?;
        Ok(report)
    }

    /// Reads every blob of these releases, each once, on all cores and in constant memory.
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
        }
        Ok(survey.read(self, hashes))
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
            Some(Problem {
                member: None,
                error: Arc::new(error),
            })
        })
    }

    /// The blobs of releases that `before` does not have.
    fn added_since(&self, before: &Self) -> Vec<Digest> {
        let mut survey = Survey::default();
        for (name, manifest) in &self.index.releases {
            if !before.index.releases.contains_key(name) {
                survey.take(self, name, *manifest);
            }
        }
        survey.blobs().collect()
    }

    fn notes(
        &self,
        names: &[OsString],
        known: &BTreeSet<Digest>,
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

/// Which releases need a blob, and as which file.
type Needs = BTreeMap<Blob, Vec<(usize, Option<RelativePath>)>>;

/// The releases, and what they need.
#[derive(Default)]
struct Survey {
    releases: Vec<CheckedRelease>,
    needs: Needs,
}

impl Survey {
    fn take(&mut self, reader: &Reader, name: &ReleaseName, manifest: Blob) {
        // A manifest is read by reading it: that it has its digest is checked there.
        self.needs.entry(manifest).or_default();
        match reader.release(name, manifest) {
            Ok(release) => self.take_release(&release),
            Err(error) => {
                let mut checked = CheckedRelease::new(name, manifest.digest);
                checked.problems.push(Problem {
                    member: None,
                    error: Arc::new(error),
                });
                self.releases.push(checked);
            }
        }
    }

    fn take_release(&mut self, release: &Release<'_>) {
        let number = self.releases.len();
        self.needs
            .entry(empty_blob())
            .or_default()
            .push((number, None));
        for member in release.members() {
            self.needs
                .entry(member.blob)
                .or_default()
                .push((number, Some(member.path.clone())));
        }
        self.releases
            .push(CheckedRelease::new(release.name(), release.manifest()));
    }

    fn blobs(&self) -> impl Iterator<Item = Digest> {
        self.needs.keys().map(|blob| blob.digest)
    }

    /// Reads every blob that is needed, and writes to each release what it suffers from.
    fn read(mut self, reader: &Reader, hashes: Hashes) -> CheckReport {
        let blobs: Vec<Blob> = self.needs.keys().copied().collect();
        let results = hash_all(0, &blobs, |blob| reader.observe(*blob, hashes));
        let mut observed = BTreeMap::new();
        let mut problems = Vec::new();
        for (blob, result) in blobs.iter().zip(results) {
            match result {
                Ok(artifact) => drop(observed.insert(blob.digest, artifact)),
                Err(error) => problems.extend(self.blame(*blob, &Arc::new(error))),
            }
        }
        let bytes = blobs
            .iter()
            .map(|blob| blob.size)
            .fold(0, u64::saturating_add);
        CheckReport {
            releases: self.releases,
            problems,
            notes: Vec::new(),
            blobs: blobs.len(),
            bytes,
            observed,
        }
    }

    /// Writes what is wrong with a blob to each release that needs it; gives it back if none does.
    fn blame(&mut self, blob: Blob, error: &Arc<ArchiveError>) -> Option<Problem> {
        let problem = |member: Option<RelativePath>| Problem {
            member,
            error: Arc::clone(error),
        };
        let needed_by = self.needs.get(&blob).map_or(&[][..], Vec::as_slice);
        for (number, member) in needed_by {
            if let Some(release) = self.releases.get_mut(*number) {
                release.problems.push(problem(member.clone()));
            }
        }
        // What is wrong with a manifest was noticed when it was read.
        let is_manifest = self.releases.iter().any(|it| it.manifest == blob.digest);
        (needed_by.is_empty() && !is_manifest).then(|| problem(None))
    }
}

fn extra(folder: &str, name: &std::ffi::OsStr) -> Note {
    Note::FileExtra {
        place: format!("{folder}{}", name.to_string_lossy().escape_debug()),
    }
}
