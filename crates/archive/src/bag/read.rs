//! Reading a bag: its release is taken from `archive/manifest.json` and `data/`, the whole bag is made
//! again from them, and what stands there must be that and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use attest_digest::{
    Artifact, Digest, Hashes, ItemPath, Kind, RelativePath, Root, WalkLimits, hash_all,
};
use attest_provenance::ReleaseName;

use super::attached::{Attached, Bagged, file_place, manifests};
use super::names::{BAG_FORMAT, BAGIT, INFO, RELEASE_MANIFEST, bag_name, path, payload};
use super::plan::{Content, Plan};
use super::tar::{self, Range, Within};
use super::{AttachedAs, AttachedFiles, Kept};
use crate::attachment::{AttachedFile, AttachmentManifest};
use crate::attachments::{check_manifests, not_an_attachment};
use crate::blob::Blob;
use crate::disk::read_limited;
use crate::error::{ArchiveError, NotAnArchive};
use crate::kind::AttachmentKind;
use crate::limits;
use crate::manifest::{Manifest, Member};
use crate::store::{self, AttachedFileInput, AttachmentInput, MemberInput, ReleaseInput};

/// A bag, every file of it read. What it claims is not verified: its bytes are those of its manifest
/// where no problem says otherwise.
#[derive(Debug)]
pub struct Bag {
    source: Source,
    manifest: Manifest,
    digest: Digest,
    attached: Vec<Attached>,
    found: BTreeMap<RelativePath, Artifact>,
    problems: Vec<BagProblem>,
}

/// What is wrong with a file of a bag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BagProblem {
    /// Its path in the bag, escaped where it is refused.
    pub path: String,
    /// The file of the release that it is, if it is one.
    pub member: Option<RelativePath>,
    /// What is wrong.
    pub what: WhatIsWrong,
}

/// What can be wrong with a file of a bag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum WhatIsWrong {
    /// It is not there.
    Missing,
    /// The release has no such file.
    Extra,
    /// It has other bytes.
    Differs {
        /// The digest of its bytes.
        found: Digest,
        /// The digest of the bytes that the release has, or leads to.
        wanted: Digest,
    },
    /// A link, a device, or a name that no bag has.
    Refused {
        /// Why, in words.
        why: String,
    },
}

impl BagProblem {
    /// The stable code of this problem.
    pub const fn code(&self) -> &'static str {
        match self.what {
            WhatIsWrong::Missing => "bag-file-missing",
            WhatIsWrong::Extra => "bag-file-extra",
            WhatIsWrong::Differs { .. } => "bag-file-differs",
            WhatIsWrong::Refused { .. } => "bag-file-refused",
        }
    }
}

/// Where the bytes are read again.
#[derive(Debug)]
enum Source {
    Folder {
        root: Root,
        place: PathBuf,
    },
    Tar {
        file: File,
        place: PathBuf,
        files: BTreeMap<RelativePath, Range>,
    },
}

impl Bag {
    /// Reads every byte of a bag that is a folder, on all cores and in constant memory.
    ///
    /// # Errors
    /// `not-an-archive`; `archive-newer-format`; `manifest-malformed`; a file that cannot be read. What
    /// is missing, different or too much stands among the problems.
    pub fn open_folder(place: &Path) -> Result<Self, ArchiveError> {
        let failed = |error: std::io::Error| ArchiveError::io("open", place, error);
        let root = Root::open(place).map_err(|error| failed(std::io::Error::other(error)))?;
        let tree = root
            .walk(&WalkLimits::default())
            .map_err(|error| failed(std::io::Error::other(error)))?;
        let mut problems = Vec::new();
        let mut paths = Vec::new();
        for item in tree.items() {
            match (&item.path, &item.kind) {
                (ItemPath::Good(path), Kind::File { .. }) => paths.push(path.clone()),
                (path, kind) => problems.push(refused(path.as_str(), kind)),
            }
        }
        problems.extend(idle_folders(tree.directories(), &paths));
        let source = Source::Folder {
            root,
            place: place.to_owned(),
        };
        Self::of(source, paths, problems)
    }

    /// Reads every byte of a bag that is one file, in `attest-tar/1`.
    ///
    /// # Errors
    /// `bag-tar-malformed` for a tar that is not written so; as [`Self::open_folder`].
    pub fn open_tar(file: File, place: &Path) -> Result<Self, ArchiveError> {
        let contents = tar::contents(&file, place)?;
        let paths: Vec<RelativePath> = contents.files.keys().cloned().collect();
        let problems = idle_folders(&contents.folders, &paths);
        let source = Source::Tar {
            file,
            place: place.to_owned(),
            files: contents.files,
        };
        let bag = Self::of(source, paths, problems)?;
        if contents.top != bag_name(bag.name()) {
            return Err(ArchiveError::BagTar {
                path: place.to_owned(),
                offset: 0,
                problem: "its folder is not called like its release",
            });
        }
        Ok(bag)
    }

    /// The digest of the release's manifest: the identity of this content.
    pub fn manifest(&self) -> Digest {
        self.digest
    }

    /// What is wrong, sorted by path: nothing, if the bag is as its release leads to it.
    pub fn problems(&self) -> &[BagProblem] {
        &self.problems
    }

    /// The release, to be archived from the bag with the bytes that were read.
    ///
    /// # Errors
    /// `bag-name-refused`.
    pub fn input(&self) -> Result<ReleaseInput<'_>, ArchiveError> {
        let members = self.members().iter().map(|member| {
            Ok(MemberInput {
                path: member.path.clone(),
                role: member.role,
                source: self.source.input(payload(&member.path)?)?,
                expected: Some(member.blob.digest),
            })
        });
        Ok(ReleaseInput {
            name: self.name().clone(),
            members: members.collect::<Result<_, ArchiveError>>()?,
        })
    }

    /// What was added to the release, to be attached to it in an archive that has it.
    ///
    /// # Errors
    /// `bag-name-refused`.
    pub fn attachments(&self) -> Result<Vec<AttachmentInput<'_>>, ArchiveError> {
        let attachment = |attached: &Attached| {
            let file = |file: &AttachedFile| {
                Ok(AttachedFileInput {
                    path: file.path().clone(),
                    media_type: file.media_type().to_owned(),
                    source: self.source.input(attached.file_place(file)?)?,
                    expected: Some(file.digest()),
                })
            };
            let files = attached.manifest.files().iter().map(file);
            Ok(AttachmentInput {
                subject: Some(self.name().clone()),
                kind: attached.manifest.kind().clone(),
                created: attached.manifest.created(),
                files: files.collect::<Result<_, ArchiveError>>()?,
            })
        };
        self.attached.iter().map(attachment).collect()
    }

    /// How many attachments the bag has.
    pub fn attachment_count(&self) -> usize {
        self.attached.len()
    }

    /// How many files the bag has.
    pub fn files(&self) -> usize {
        self.found.len()
    }

    /// How many bytes its files have.
    pub fn bytes(&self) -> u64 {
        let sizes = self.found.values().map(Artifact::size);
        sizes.fold(0, u64::saturating_add)
    }

    /// What was read of the release's files that have the bytes of the manifest.
    pub fn observed(&self) -> BTreeMap<Digest, Artifact> {
        let good = self
            .found
            .values()
            .map(|artifact| (artifact.sha256(), artifact.clone()));
        good.collect()
    }

    fn of(
        source: Source,
        paths: Vec<RelativePath>,
        problems: Vec<BagProblem>,
    ) -> Result<Self, ArchiveError> {
        source.check_format(&paths)?;
        let read = hash_all(0, &paths, |path| {
            source.observe(path, Hashes::Sha256AndSha512)
        });
        let mut found = BTreeMap::new();
        for (path, artifact) in paths.into_iter().zip(read) {
            found.insert(path, artifact?);
        }
        let bytes = source.document(RELEASE_MANIFEST, limits::MANIFEST_BYTES)?;
        let digest = Blob::of(&bytes).digest;
        let malformed = |source| ArchiveError::ManifestMalformed {
            manifest: digest,
            source,
        };
        let manifest = Manifest::parse(&bytes)
            .map_err(malformed)?
            .ok_or_else(|| malformed(crate::reader::not_a_release()))?;
        let attached = attachments(&source, &found, digest)?;
        let mut bag = Self {
            source,
            manifest,
            digest,
            attached,
            found,
            problems,
        };
        bag.compare()?;
        bag.problems.sort();
        Ok(bag)
    }

    /// Compares what was found with the bag that the release leads to. Where a file of the release is
    /// not as it was archived, nothing leads anywhere, and these files alone are named.
    fn compare(&mut self) -> Result<(), ArchiveError> {
        let mut problems = Vec::new();
        for (place, blob, member) in self.kept()? {
            let what = match self.found.get(&place) {
                None => WhatIsWrong::Missing,
                Some(found) if found.sha256() != blob.digest => WhatIsWrong::Differs {
                    found: found.sha256(),
                    wanted: blob.digest,
                },
                Some(found) if found.size() != blob.size => {
                    return Err(ArchiveError::BlobSize {
                        blob: blob.digest,
                        found: found.size(),
                        wanted: blob.size,
                    });
                }
                Some(_) => continue,
            };
            problems.push(BagProblem {
                path: place.to_string(),
                member,
                what,
            });
        }
        // A link in a file's place is that file's problem, told once.
        let told: BTreeSet<String> = self.problems.iter().map(|it| it.path.clone()).collect();
        problems.retain(|it| !told.contains(&it.path));
        let is_whole = problems.is_empty() && self.problems.iter().all(|it| !is_payload(&it.path));
        self.problems.extend(problems);
        if is_whole {
            self.compare_derived()?;
        }
        Ok(())
    }

    /// Every file that a manifest names, where it stands, and which file of the release it is.
    fn kept(&self) -> Result<Vec<KeptPlace>, ArchiveError> {
        let mut kept = Vec::new();
        for member in self.manifest.members() {
            let place = payload(&member.path)?;
            kept.push((place, member.blob, Some(member.path.clone())));
        }
        for attached in &self.attached {
            for file in attached.manifest.files() {
                kept.push((attached.file_place(file)?, file.blob, None));
            }
        }
        Ok(kept)
    }

    fn compare_derived(&mut self) -> Result<(), ArchiveError> {
        let plan = Plan::of(self)?;
        let mut made: BTreeMap<RelativePath, Artifact> = BTreeMap::new();
        let mut problems = Vec::new();
        for (path, content) in &plan.files {
            let wanted = match content {
                Content::Kept(_) => {
                    if let Some(found) = self.found.get(path) {
                        made.insert(path.clone(), found.clone());
                    }
                    continue;
                }
                Content::Bytes(bytes) => Artifact::of_bytes(bytes, Hashes::Sha256AndSha512),
                Content::Manifest(manifest) => {
                    Artifact::of_bytes(&plan.manifest(*manifest, &made), Hashes::Sha256AndSha512)
                }
            };
            match self.found.get(path) {
                Some(found) if *found == wanted => {}
                Some(found) => problems.push(BagProblem {
                    path: path.to_string(),
                    member: None,
                    what: WhatIsWrong::Differs {
                        found: found.sha256(),
                        wanted: wanted.sha256(),
                    },
                }),
                None => problems.push(BagProblem {
                    path: path.to_string(),
                    member: None,
                    what: WhatIsWrong::Missing,
                }),
            }
            made.insert(path.clone(), wanted);
        }
        let extra = self
            .found
            .keys()
            .filter(|path| !plan.files.contains_key(*path));
        problems.extend(extra.map(|path| BagProblem {
            path: path.to_string(),
            member: None,
            what: WhatIsWrong::Extra,
        }));
        let told: BTreeSet<String> = self.problems.iter().map(|it| it.path.clone()).collect();
        problems.retain(|it| !told.contains(&it.path));
        self.problems.extend(problems);
        Ok(())
    }
}

impl Bag {
    fn require(&self, path: &RelativePath) -> Result<&Member, ArchiveError> {
        let member = self.manifest.member(path);
        member.ok_or_else(|| ArchiveError::NoSuchMember {
            name: self.name().clone(),
            path: path.clone(),
        })
    }
}

impl Kept for Bag {
    fn name(&self) -> &ReleaseName {
        self.manifest.name()
    }

    fn members(&self) -> &[Member] {
        self.manifest.members()
    }

    fn unverified_bytes(&self, path: &RelativePath, limit: u64) -> Result<Vec<u8>, ArchiveError> {
        let member = self.require(path)?;
        if member.blob.size > limit {
            return Err(ArchiveError::TooLarge {
                what: "file that is read whole",
                found: member.blob.size,
                limit,
            });
        }
        let bytes = self
            .source
            .read(&payload(path)?, member.blob.size.min(limit))?;
        let found = Blob::of(&bytes).digest;
        if found != member.blob.digest {
            return Err(ArchiveError::FileChanged {
                path: path.clone(),
                found,
                wanted: member.blob.digest,
            });
        }
        Ok(bytes)
    }

    fn observe(&self, path: &RelativePath, hashes: Hashes) -> Result<Artifact, ArchiveError> {
        let wanted = self.require(path)?.blob.digest;
        let artifact = self.source.observe(&payload(path)?, hashes)?;
        if artifact.sha256() != wanted {
            return Err(ArchiveError::FileChanged {
                path: path.clone(),
                found: artifact.sha256(),
                wanted,
            });
        }
        Ok(artifact)
    }

    fn attached_as<'k>(&'k self, kind: &AttachmentKind) -> AttachedAs<'k> {
        let of_kind = self.attached.iter().filter(|it| it.manifest.kind() == kind);
        let mut of_kind: Vec<&Attached> = of_kind.collect();
        of_kind.sort_by_key(|it| (it.manifest.created(), it.digest));
        let read = |attached: &Attached| AttachedFiles {
            manifest: attached.digest,
            files: attached.manifest.files().to_vec(),
        };
        Box::new(of_kind.into_iter().map(move |it| Ok(read(it))))
    }

    fn attached_bytes(
        &self,
        attachment: &AttachedFiles,
        file: &AttachedFile,
        limit: u64,
    ) -> Result<Vec<u8>, ArchiveError> {
        let size = file.blob.size;
        if size > limit {
            return Err(ArchiveError::TooLarge {
                what: "file that is read whole",
                found: size,
                limit,
            });
        }
        let bytes = self
            .source
            .read(&file_place(attachment.manifest, file)?, size)?;
        let found = Blob::of(&bytes).digest;
        if found == file.blob.digest {
            return Ok(bytes);
        }
        Err(ArchiveError::FileChanged {
            path: file.path().clone(),
            found,
            wanted: file.blob.digest,
        })
    }
}

impl Bagged for Bag {
    fn attached(&self) -> Result<Vec<Attached>, ArchiveError> {
        Ok(self.attached.clone())
    }
}

/// Where a file stands that a manifest names, its bytes, and which file of the release it is.
type KeptPlace = (RelativePath, Blob, Option<RelativePath>);

/// The attachments whose manifests stand in the bag: each that of this release, in the folder of its
/// own digest.
fn attachments(
    source: &Source,
    found: &BTreeMap<RelativePath, Artifact>,
    release: Digest,
) -> Result<Vec<Attached>, ArchiveError> {
    let mut attached = Vec::new();
    let places = manifests(found.keys());
    let sizes = places.iter().filter_map(|it| found.get(*it));
    check_manifests(sizes.map(Artifact::size))?;
    for place in places {
        let bytes = source.read(place, limits::MANIFEST_BYTES)?;
        let digest = Blob::of(&bytes).digest;
        let malformed = |source| ArchiveError::AttachmentMalformed {
            manifest: digest,
            source,
        };
        let manifest = AttachmentManifest::parse(&bytes)
            .map_err(malformed)?
            .ok_or_else(|| malformed(not_an_attachment()))?;
        let is_this = manifest.key(digest).subject == Some(release);
        let one = Attached { digest, manifest };
        if !is_this || one.manifest.kind().is_about_archive() || one.manifest_place()? != *place {
            return Err(ArchiveError::AttachmentMismatch { manifest: digest });
        }
        attached.push(one);
    }
    attached.sort_by_key(|it| it.digest);
    Ok(attached)
}

impl Source {
    fn place(&self) -> &Path {
        match self {
            Self::Folder { place, .. } | Self::Tar { place, .. } => place,
        }
    }

    fn observe(&self, path: &RelativePath, hashes: Hashes) -> Result<Artifact, ArchiveError> {
        let unreadable = |source| ArchiveError::Unreadable {
            path: path.clone(),
            source,
        };
        match self {
            Self::Folder { root, .. } => root.read(path, hashes).map_err(unreadable),
            Self::Tar { file, .. } => {
                let mut within = self.within(file, path)?;
                Artifact::read(&mut within, hashes).map_err(unreadable)
            }
        }
    }

    /// Where a file's bytes come from, to be archived.
    fn input(&self, path: RelativePath) -> Result<store::Source<'_>, ArchiveError> {
        match self {
            Self::Folder { root, .. } => Ok(store::Source::Below(root, path)),
            Self::Tar { file, files, .. } => {
                let range = *files.get(&path).ok_or_else(|| self.lacks())?;
                Ok(store::Source::Within {
                    file,
                    offset: range.offset,
                    size: range.size,
                })
            }
        }
    }

    fn within<'a>(&self, file: &'a File, path: &RelativePath) -> Result<Within<'a>, ArchiveError> {
        let Self::Tar { files, .. } = self else {
            return Err(self.lacks());
        };
        let range = files.get(path).ok_or_else(|| self.lacks())?;
        Ok(Within::new(file, range.offset, range.size))
    }

    fn lacks(&self) -> ArchiveError {
        ArchiveError::NotAnArchive {
            path: self.place().to_owned(),
            problem: NotAnArchive::Lacks {
                missing: "a file that every bag has",
            },
        }
    }

    /// Reads a small file again.
    fn read(&self, path: &RelativePath, limit: u64) -> Result<Vec<u8>, ArchiveError> {
        match self {
            Self::Folder { root, place } => {
                let file = root
                    .open_file(path)
                    .map_err(|source| ArchiveError::Unreadable {
                        path: path.clone(),
                        source,
                    })?;
                read_limited(&file, limit)
                    .map_err(|error| ArchiveError::io("read", place.join(path.as_str()), error))?
                    .ok_or(ArchiveError::TooLarge {
                        what: "file of a bag",
                        found: limit + 1,
                        limit,
                    })
            }
            Self::Tar { file, place, .. } => {
                let within = self.within(file, path)?;
                let mut bytes = Vec::new();
                within
                    .take(limit.saturating_add(1))
                    .read_to_end(&mut bytes)
                    .map_err(|error| ArchiveError::io("read", place, error))?;
                if bytes.len() as u64 > limit {
                    return Err(ArchiveError::TooLarge {
                        what: "file of a bag",
                        found: limit + 1,
                        limit,
                    });
                }
                Ok(bytes)
            }
        }
    }

    /// Reads a file that every bag has.
    fn document(&self, name: &'static str, limit: u64) -> Result<Vec<u8>, ArchiveError> {
        self.read(&path(name)?, limit)
    }

    /// Before anything else is read: that this is a bag, and one of a form that we know.
    fn check_format(&self, paths: &[RelativePath]) -> Result<(), ArchiveError> {
        for missing in [BAGIT, INFO, RELEASE_MANIFEST] {
            if !paths.iter().any(|path| path.as_str() == missing) {
                return Err(ArchiveError::NotAnArchive {
                    path: self.place().to_owned(),
                    problem: NotAnArchive::Lacks { missing },
                });
            }
        }
        let info = self.document(INFO, limits::LAYOUT_BYTES)?;
        let info = String::from_utf8_lossy(&info);
        let format = info
            .lines()
            .find_map(|line| line.strip_prefix("Attest-Bag-Format: "));
        match format {
            Some(BAG_FORMAT) => Ok(()),
            Some(found) => Err(ArchiveError::NewerFormat {
                path: self.place().to_owned(),
                found: found.to_owned(),
                wanted: BAG_FORMAT,
            }),
            None => Err(ArchiveError::NotAnArchive {
                path: self.place().to_owned(),
                problem: NotAnArchive::Lacks {
                    missing: "Attest-Bag-Format in bag-info.txt",
                },
            }),
        }
    }
}

fn is_payload(path: &str) -> bool {
    path.starts_with("data/")
}

fn refused(path: &str, kind: &Kind) -> BagProblem {
    let why = match kind {
        Kind::File { .. } => "a name that no bag has".to_owned(),
        Kind::Link { .. } => "a link".to_owned(),
        Kind::Refused(problem) => problem.to_string(),
    };
    BagProblem {
        path: path.to_owned(),
        member: None,
        what: WhatIsWrong::Refused { why },
    }
}

/// Folders without a file in them: nothing leads to them.
fn idle_folders(folders: &[RelativePath], files: &[RelativePath]) -> Vec<BagProblem> {
    let mut needed: BTreeSet<RelativePath> = BTreeSet::new();
    for file in files {
        let mut above = file.parent();
        while let Some(folder) = above {
            above = folder.parent();
            if !needed.insert(folder) {
                break;
            }
        }
    }
    let idle = folders.iter().filter(|folder| !needed.contains(*folder));
    idle.map(|folder| BagProblem {
        path: format!("{folder}/"),
        member: None,
        what: WhatIsWrong::Extra,
    })
    .collect()
}
