//! Files on their way in: copied and hashed beside the blobs, synced together, then given their names.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};

use attest_digest::{Artifact, Digest, Hashes, ReadError, RelativePath, hash_all};

use crate::bag::Within;
use crate::blob::Blob;
use crate::disk::{Folder, Found, open_source, sync_file};
use crate::error::ArchiveError;
use crate::layout::{INCOMING, INDEX_FILE};
use crate::limits;
use crate::manifest::Member;
use crate::reader::Reader;
use crate::role::media_type;
use crate::store::{MemberInput, ReleaseInput, Source};

/// The folder of files on their way in. Only the writer that holds the lock has one.
#[derive(Debug)]
pub(super) struct Incoming<'r> {
    reader: &'r Reader,
    folder: Folder,
}

/// A file that is to be taken: what messages call it, and where its bytes are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Intake<'a> {
    pub(super) path: &'a RelativePath,
    pub(super) source: &'a Source<'a>,
    pub(super) expected: Option<Digest>,
}

/// A file that is in the archive, or on its way.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) blob: Blob,
    /// Its name among the incoming ones; none if the archive has it already.
    waiting: Option<String>,
}

impl<'r> Incoming<'r> {
    /// Makes the folder, empty.
    pub(super) fn start(reader: &'r Reader) -> Result<Self, ArchiveError> {
        reader.root.remove_below(INCOMING)?;
        let folder = reader.root.make_below(INCOMING)?;
        Ok(Self { reader, folder })
    }

    /// Takes the folder away, and what is still in it.
    pub(super) fn end(self) -> Result<(), ArchiveError> {
        self.reader.root.remove_below(INCOMING)
    }

    /// Copies every file of the release that the archive does not have, on all cores.
    pub(super) fn take_release(
        &self,
        release: &ReleaseInput<'_>,
    ) -> Result<(Vec<Member>, Vec<Staged>), ArchiveError> {
        let staged = self.take_all(&intakes(release))?;
        let members = release
            .members
            .iter()
            .zip(&staged)
            .map(|(input, staged)| member(input, staged.blob))
            .collect();
        Ok((members, staged))
    }

    /// Copies every file that the archive does not have, on all cores.
    pub(super) fn take_all(&self, intakes: &[Intake<'_>]) -> Result<Vec<Staged>, ArchiveError> {
        each(intakes, |number, input| self.take(number, input))
    }

    /// Takes a document that was made in memory.
    pub(super) fn take_document(&self, name: &str, bytes: &[u8]) -> Result<Staged, ArchiveError> {
        let blob = Blob::of(bytes);
        if self.is_kept(blob.digest)? {
            return self.reuse(blob);
        }
        self.folder.write(name, BLOB_MODE, bytes)?;
        Ok(Staged {
            blob,
            waiting: Some(name.to_owned()),
        })
    }

    /// Writes the index that will be renamed into place.
    pub(super) fn write_index(&self, bytes: &[u8]) -> Result<(), ArchiveError> {
        self.folder.write(INDEX, INDEX_MODE, bytes).map(drop)
    }

    /// Makes everything durable, then visible: blobs before the index that names them. Returns the
    /// count of blobs that are new.
    pub(super) fn publish(&self, staged: &[Staged]) -> Result<usize, ArchiveError> {
        let new: BTreeMap<Digest, &str> = staged
            .iter()
            .filter_map(|staged| Some((staged.blob.digest, staged.waiting.as_deref()?)))
            .collect();
        let mut names: Vec<&str> = new.values().copied().collect();
        names.push(INDEX);
        self.sync(&names)?;
        for (digest, name) in &new {
            self.folder
                .move_new(name, &self.reader.blobs, &digest.hex())?;
        }
        // Also when nothing is new: a run that died here may have left names that are not durable yet.
        self.reader.blobs.sync()?;
        self.folder
            .move_over(INDEX, &self.reader.root, INDEX_FILE)?;
        self.reader.root.sync()?;
        Ok(new.len())
    }

    fn sync(&self, names: &[&str]) -> Result<(), ArchiveError> {
        if names.len() > limits::SYNC_EACH {
            return self.folder.sync_file_system();
        }
        for name in names {
            match self.folder.file(name)? {
                Found::File { file, .. } => sync_file(&file, &self.folder.path_of(name))?,
                Found::Missing | Found::SomethingElse => {
                    let vanished = std::io::ErrorKind::NotFound;
                    return Err(ArchiveError::io(
                        "sync",
                        self.folder.path_of(name),
                        vanished,
                    ));
                }
            }
        }
        Ok(())
    }

    fn take(&self, number: usize, input: &Intake<'_>) -> Result<Staged, ArchiveError> {
        let name = number.to_string();
        if let Source::Bytes(bytes) = input.source {
            check_expected(input, Blob::of(bytes).digest)?;
            return self.take_document(&name, bytes);
        }
        if let Source::Within { file, offset, size } = *input.source {
            return self.take_part(name, input, &mut Within::new(file, offset, size));
        }
        let source = open(input)?;
        match input.expected {
            Some(expected) if self.is_kept(expected)? => self.reuse(observe_file(input, &source)?),
            _ => self.copy(name, input, &source),
        }
    }

    /// Takes a part of a file, which has no reader of its own.
    fn take_part(
        &self,
        name: String,
        input: &Intake<'_>,
        part: &mut Within<'_>,
    ) -> Result<Staged, ArchiveError> {
        let blob = Blob::read(&self.folder.pour(&name, BLOB_MODE, part)?);
        check_expected(input, blob.digest)?;
        check_size(blob)?;
        if self.is_kept(blob.digest)? {
            self.folder.remove(&name)?;
            return self.reuse(blob);
        }
        Ok(Staged {
            blob,
            waiting: Some(name),
        })
    }

    /// The artifact is what was written, not what was there before or after.
    fn copy(
        &self,
        name: String,
        input: &Intake<'_>,
        source: &File,
    ) -> Result<Staged, ArchiveError> {
        let artifact = self.folder.copy(&name, BLOB_MODE, source, input.path)?;
        let blob = Blob::read(&artifact);
        check_expected(input, blob.digest)?;
        check_size(blob)?;
        // Where the digest was known before, it is known not to be here.
        if input.expected.is_none() && self.is_kept(blob.digest)? {
            self.folder.remove(&name)?;
            return self.reuse(blob);
        }
        Ok(Staged {
            blob,
            waiting: Some(name),
        })
    }

    /// A blob of that name is there: what we promise to keep must be undamaged.
    fn reuse(&self, blob: Blob) -> Result<Staged, ArchiveError> {
        self.reader.observe(blob, Hashes::Sha256)?;
        Ok(Staged {
            blob,
            waiting: None,
        })
    }

    fn is_kept(&self, digest: Digest) -> Result<bool, ArchiveError> {
        Ok(!matches!(
            self.reader.blobs.file(digest.hex())?,
            Found::Missing
        ))
    }
}

/// Reads and hashes every file of the release, and writes nothing.
pub(super) fn observe(release: &ReleaseInput<'_>) -> Result<Vec<Member>, ArchiveError> {
    let blobs = observe_all(&intakes(release))?;
    let members = release.members.iter().zip(blobs);
    Ok(members.map(|(input, blob)| member(input, blob)).collect())
}

/// Reads and hashes every file, and writes nothing.
pub(super) fn observe_all(intakes: &[Intake<'_>]) -> Result<Vec<Blob>, ArchiveError> {
    each(intakes, |_, input| {
        if let Source::Bytes(bytes) = input.source {
            let blob = Blob::of(bytes);
            check_expected(input, blob.digest)?;
            return Ok(blob);
        }
        if let Source::Within { file, offset, size } = *input.source {
            let mut part = Within::new(file, offset, size);
            let read = Artifact::read(&mut part, Hashes::Sha256);
            let blob = Blob::read(&read.map_err(|source| unreadable(input, source))?);
            check_expected(input, blob.digest)?;
            return Ok(blob);
        }
        observe_file(input, &open(input)?)
    })
}

fn intakes<'a>(release: &'a ReleaseInput<'a>) -> Vec<Intake<'a>> {
    let intake = |member: &'a MemberInput<'a>| Intake {
        path: &member.path,
        source: &member.source,
        expected: member.expected,
    };
    release.members.iter().map(intake).collect()
}

/// Calls `f` on every file, on all cores; after a failure no further one is begun.
fn each<T: Send>(
    intakes: &[Intake<'_>],
    f: impl Fn(usize, &Intake<'_>) -> Result<T, ArchiveError> + Sync,
) -> Result<Vec<T>, ArchiveError> {
    let failed = AtomicBool::new(false);
    let numbered: Vec<(usize, &Intake<'_>)> = intakes.iter().enumerate().collect();
    let results = hash_all(0, &numbered, |(number, input)| {
        if failed.load(Ordering::Relaxed) {
            return None;
        }
        let result = f(*number, input);
        failed.fetch_or(result.is_err(), Ordering::Relaxed);
        Some(result)
    });
    // Where one is missing, another has failed.
    results.into_iter().flatten().collect()
}

fn member(input: &MemberInput<'_>, blob: Blob) -> Member {
    Member {
        path: input.path.clone(),
        role: input.role,
        media_type: media_type(input.role, &input.path).to_owned(),
        blob,
    }
}

fn open(input: &Intake<'_>) -> Result<File, ArchiveError> {
    match input.source {
        Source::Path(path) => {
            open_source(path).map_err(|error| unreadable(input, ReadError::from(error).at(path)))
        }
        Source::Below(root, path) => root
            .open_file(path)
            .map_err(|error| unreadable(input, error)),
        Source::Bytes(_) | Source::Within { .. } => {
            Err(unreadable(input, ReadError::NotFound { path: None }))
        }
    }
}

fn unreadable(input: &Intake<'_>, source: ReadError) -> ArchiveError {
    ArchiveError::Unreadable {
        path: input.path.clone(),
        source,
    }
}

fn observe_file(input: &Intake<'_>, file: &File) -> Result<Blob, ArchiveError> {
    let artifact =
        Artifact::read_file(file, Hashes::Sha256).map_err(|source| ArchiveError::Unreadable {
            path: input.path.clone(),
            source,
        })?;
    let blob = Blob::read(&artifact);
    check_expected(input, blob.digest)?;
    check_size(blob)?;
    Ok(blob)
}

fn check_expected(input: &Intake<'_>, found: Digest) -> Result<(), ArchiveError> {
    match input.expected {
        Some(wanted) if wanted != found => Err(ArchiveError::FileChanged {
            path: input.path.clone(),
            found,
            wanted,
        }),
        _ => Ok(()),
    }
}

fn check_size(blob: Blob) -> Result<(), ArchiveError> {
    if blob.size > limits::MEMBER_BYTES {
        return Err(ArchiveError::TooLarge {
            what: "file",
            found: blob.size,
            limit: limits::MEMBER_BYTES,
        });
    }
    Ok(())
}

const INDEX: &str = "index";
pub(crate) const BLOB_MODE: u32 = 0o444;
const INDEX_MODE: u32 = 0o644;
