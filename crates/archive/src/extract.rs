//! Writes members of a tar archive below a new folder: only what was admitted, or nothing at all.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use attest_digest::{
    Artifact, Begins, ContainerError, Digest, Hashes, Listing, MemberSink, Profile, RelativePath,
    Stopped, read_container,
};

use crate::disk::{Folder, Lock};
use crate::error::ArchiveError;
use crate::materialize::make_parents;

/// The files that may be written, each with its size and SHA-256.
#[derive(Clone, Debug, Default)]
pub struct Admitted {
    files: BTreeMap<RelativePath, (u64, Digest)>,
    folders: BTreeSet<RelativePath>,
}

impl Admitted {
    /// Admits these files, and the folders on their way.
    pub fn new(files: impl IntoIterator<Item = (RelativePath, u64, Digest)>) -> Self {
        let mut admitted = Self::default();
        for (path, size, digest) in files {
            let parents = std::iter::successors(path.parent(), RelativePath::parent);
            admitted.folders.extend(parents);
            admitted.files.insert(path, (size, digest));
        }
        admitted
    }
}

/// Writes a tar archive's files into a folder that is not there yet.
///
/// Every member must be admitted, with its size before a byte of it is written and with its digest
/// behind the last; every admitted file must be there. Names are resolved from held folders and no link is
/// followed or made (`openat2` with `RESOLVE_BENEATH` and `RESOLVE_NO_SYMLINKS`), so that nothing is
/// written elsewhere, whatever happens beside. All is written and synced beside the destination, and gets
/// its name by one rename: after an error there is nothing.
///
/// Permissions are 0644 and 0755 of folders; those that were signed are the caller's to set.
///
/// # Errors
/// Each [`ExtractError`].
pub fn extract(
    archive: &File,
    profile: Profile,
    admitted: &Admitted,
    destination: &Path,
) -> Result<Listing, ExtractError> {
    let (parent, name) = place(destination)?;
    if parent.holds(&name)? {
        let path = destination.to_owned();
        return Err(ArchiveError::FileExists { path }.into());
    }
    let waiting = format!(".{name}.attest-incoming");
    let mut folder = parent.make_below(&waiting)?;
    if folder.lock()? == Lock::HeldByAnother {
        let path = parent.path_of(&waiting);
        return Err(ArchiveError::Locked { path }.into());
    }
    // What an earlier run, that died, has left.
    let outcome = folder
        .clear()
        .map_err(ExtractError::from)
        .and_then(|()| fill(archive, profile, admitted, &folder))
        .and_then(|listing| {
            folder.sync_file_system()?;
            parent.move_new(&waiting, &parent, &name)?;
            parent.sync()?;
            Ok(listing)
        });
    if outcome.is_err() {
        // What cannot be taken away is harmless, and the next run tries again.
        let _ = parent.remove_tree(OsStr::new(&waiting));
    }
    outcome
}

/// The folder that will hold the destination, and its name there.
fn place(destination: &Path) -> Result<(Folder, String), ArchiveError> {
    let failed = |error| ArchiveError::io("open", destination, error);
    let name = destination.file_name().and_then(OsStr::to_str);
    let name = name.ok_or_else(|| failed(std::io::ErrorKind::InvalidFilename.into()))?;
    let parent = match destination.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    Ok((Folder::open(parent).map_err(failed)?, name.to_owned()))
}

fn fill(
    archive: &File,
    profile: Profile,
    admitted: &Admitted,
    folder: &Folder,
) -> Result<Listing, ExtractError> {
    let mut writing = Writing {
        folder,
        admitted,
        missing: admitted.files.keys().collect(),
        open: None,
        error: None,
    };
    let read = read_container(archive, profile, Hashes::Sha256, &mut writing);
    if let Some(error) = writing.error {
        return Err(error);
    }
    let listing = read.map_err(ExtractError::Container)?;
    match writing.missing.first() {
        Some(path) => Err(ExtractError::Missing {
            path: (*path).clone(),
        }),
        None => Ok(listing),
    }
}

struct Writing<'a> {
    folder: &'a Folder,
    admitted: &'a Admitted,
    missing: BTreeSet<&'a RelativePath>,
    open: Option<Open<'a>>,
    error: Option<ExtractError>,
}

/// The file that is being written.
struct Open<'a> {
    file: File,
    path: &'a RelativePath,
    shown: PathBuf,
    digest: Digest,
}

impl<'a> Writing<'a> {
    fn begin_file(&self, path: &RelativePath, size: u64) -> Result<Open<'a>, ExtractError> {
        let not_admitted = || ExtractError::NotAdmitted { path: path.clone() };
        let entry = self.admitted.files.get_key_value(path);
        let (path, (wanted, digest)) = entry.ok_or_else(not_admitted)?;
        if size != *wanted {
            return Err(ExtractError::Mismatch { path: path.clone() });
        }
        let parent = make_parents(self.folder, path)?;
        Ok(Open {
            file: parent.create(path.file_name(), FILE_MODE)?,
            path,
            shown: parent.path_of(path.file_name()),
            digest: *digest,
        })
    }

    fn begin_folder(&self, path: &RelativePath) -> Result<(), ExtractError> {
        if !self.admitted.folders.contains(path) {
            return Err(ExtractError::NotAdmitted { path: path.clone() });
        }
        make_parents(self.folder, path)?.make_below(path.file_name())?;
        Ok(())
    }

    fn end_file(&mut self, artifact: &Artifact) -> Result<(), ExtractError> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        if artifact.sha256() != open.digest {
            let path = open.path.clone();
            return Err(ExtractError::Mismatch { path });
        }
        self.missing.remove(open.path);
        Ok(())
    }

    /// Keeps the reason: the reader only knows that it was stopped.
    fn stop<T>(&mut self, outcome: Result<T, ExtractError>) -> Result<T, Stopped> {
        outcome.map_err(|error| {
            self.error = Some(error);
            Stopped
        })
    }
}

impl MemberSink for Writing<'_> {
    fn begin(&mut self, path: &RelativePath, begins: Begins<'_>) -> Result<(), Stopped> {
        let outcome = match begins {
            Begins::File(size) => self.begin_file(path, size).map(Some),
            Begins::Folder => self.begin_folder(path).map(|()| None),
            Begins::Link(_) => Err(ExtractError::NotAdmitted { path: path.clone() }),
        };
        self.open = self.stop(outcome)?;
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Stopped> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        let written = open.file.write_all(bytes);
        let outcome = written.map_err(|error| ArchiveError::io("write", &open.shown, error).into());
        self.stop(outcome)
    }

    fn end(&mut self, artifact: &Artifact) -> Result<(), Stopped> {
        let outcome = self.end_file(artifact);
        self.stop(outcome)
    }
}

/// Why an archive was not extracted; nothing is left of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExtractError {
    /// The archive itself is refused.
    #[error(transparent)]
    Container(ContainerError),
    /// A member that was not admitted.
    #[error("{path} is in the archive and was not accepted")]
    NotAdmitted {
        /// The member.
        path: RelativePath,
    },
    /// A member of another size or digest than was admitted.
    #[error("{path} has another size or digest than was accepted")]
    Mismatch {
        /// The member.
        path: RelativePath,
    },
    /// A file that was admitted is not there.
    #[error("{path} was accepted and is not in the archive")]
    Missing {
        /// The file.
        path: RelativePath,
    },
    /// It could not be written.
    #[error(transparent)]
    Write(#[from] ArchiveError),
}

impl ExtractError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Container(error) => error.code(),
            Self::NotAdmitted { .. } => "member-not-accepted",
            Self::Mismatch { .. } => "member-mismatch",
            Self::Missing { .. } => "member-missing",
            Self::Write(error) => error.code(),
        }
    }
}

const FILE_MODE: u32 = 0o644;

#[cfg(test)]
mod tests {
    use std::fs;

    use attest_digest::{FileMode, PortablePath, TarTime};

    use super::*;
    use crate::tar::TarWriter;

    fn archive(folder: &Path) -> PathBuf {
        let mut tar = TarWriter::new(Vec::new(), TarTime::new(7).unwrap());
        tar.directory(&PortablePath::parse("d").unwrap()).unwrap();
        let path = PortablePath::parse("d/a").unwrap();
        tar.file(&path, FileMode::Plain, 5, &mut b"hello".as_slice())
            .unwrap();
        let path = folder.join("x.tar");
        fs::write(&path, tar.finish().unwrap()).unwrap();
        path
    }

    fn admit(files: &[(&str, &[u8])]) -> Admitted {
        Admitted::new(files.iter().map(|(path, content)| {
            let artifact = Artifact::of_bytes(content, Hashes::Sha256);
            let path = RelativePath::parse(path).unwrap();
            (path, artifact.size(), artifact.sha256())
        }))
    }

    fn code(archive: &Path, admitted: &Admitted, destination: &Path) -> Option<&'static str> {
        let file = File::open(archive).unwrap();
        extract(&file, Profile::Foreign, admitted, destination)
            .err()
            .map(|error| error.code())
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn what_was_admitted_is_written_and_nothing_else_is_left() {
        let place = tempfile::tempdir().unwrap();
        let tar = archive(place.path());
        let out = place.path().join("out");
        // A run that died.
        fs::create_dir_all(place.path().join(".out.attest-incoming/d/deep")).unwrap();
        std::os::unix::fs::symlink("/etc", place.path().join(".out.attest-incoming/d/link"))
            .unwrap();
        assert_eq!(code(&tar, &admit(&[("d/a", b"hello")]), &out), None);
        assert_eq!(fs::read(out.join("d/a")).unwrap(), b"hello");
        assert_eq!(names(place.path()), ["out", "x.tar"]);
        assert_eq!(names(&out), ["d"]);
        let again = code(&tar, &admit(&[("d/a", b"hello")]), &out);
        assert_eq!(again, Some("file-exists"));
    }

    #[test]
    fn after_a_refusal_there_is_nothing() {
        let place = tempfile::tempdir().unwrap();
        let tar = archive(place.path());
        let out = place.path().join("out");
        for (admitted, wanted) in [
            (admit(&[]), "member-not-accepted"),
            (admit(&[("d/b", b"hello")]), "member-not-accepted"),
            (admit(&[("d/a", b"hell")]), "member-mismatch"),
            (admit(&[("d/a", b"jello")]), "member-mismatch"),
            (admit(&[("d/a", b"hello"), ("e", b"")]), "member-missing"),
        ] {
            assert_eq!(code(&tar, &admitted, &out), Some(wanted));
            assert_eq!(names(place.path()), ["x.tar"]);
        }
    }

    #[test]
    fn no_attack_writes_anything_whatever_was_admitted() {
        let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/archives");
        let place = tempfile::tempdir().unwrap();
        let inside = place.path().join("inside");
        fs::create_dir(&inside).unwrap();
        let hello: &[u8] = b"hello\n";
        let admitted = admit(&[("a", hello), ("l", hello), ("l/b", hello), ("d/a", hello)]);
        let mut refused = 0;
        for name in names(&cases) {
            let archive = cases.join(&name).join("archive.tar");
            if let Ok(expect) = fs::read_to_string(cases.join(&name).join("expect.toml"))
                && expect.starts_with("reject")
                && archive.exists()
            {
                let code = code(&archive, &admitted, &inside.join("out"));
                assert!(code.is_some(), "{name}");
                assert!(names(&inside).is_empty(), "{name}");
                assert_eq!(names(place.path()), ["inside"], "{name}");
                refused += 1;
            }
        }
        assert!(refused > 90, "{refused}");
    }
}
