//! `--copy-to`: hands over the bytes that were verified, and no others.
//!
//! 1. Before anything is read: the folder is absent or empty, or `--force` is given.
//! 2. Only after a yes about every subject, each file that verified is copied into a stage beneath the
//!    folder, hashed on the way, and the copy's digest compared with the one that was verified. What
//!    was exchanged in between is noticed here: there is no gap between check and use.
//! 3. Only when every copy is as it was verified are they moved to their places.
//!
//! Evidence and allowed extras stay where they are. Modes are not signed: no copy is executable.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use attest_digest::{Artifact, CopyError, Hashes, ReadError, RelativePath, Root, hash_all};
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, RenameFlags, ResolveFlags, mkdirat, openat, openat2,
    renameat_with, statat,
};
use rustix::io::Errno;

use super::subject::Subject;
use crate::failure::{Exit, Failure};
use crate::files;
use crate::home::lies_inside;
use crate::report::{Copied, Refusal, Report, Verdict};

/// A folder to hand over to, looked at before any subject is read.
pub(super) struct Handover {
    to: PathBuf,
    force: bool,
}

impl Handover {
    /// # Errors
    /// `copy-refused`, `file-exists`: exit 2.
    pub(super) fn plan(to: &Path, force: bool, subjects: &[Subject]) -> Result<Self, Failure> {
        let refuse = |message: String| Failure::request("copy-refused", message);
        let mut names = BTreeSet::new();
        for subject in subjects {
            match subject {
                Subject::File(path) => {
                    let name = lone_name(path).ok_or_else(|| {
                        refuse(format!("{} has a name that no copy gets", path.display()))
                    })?;
                    let place = to.join(name.as_str());
                    if place.is_dir() {
                        return Err(refuse(in_the_way(&place)));
                    }
                    if !names.insert(name) {
                        return Err(refuse(format!(
                            "{} is not the only subject of its name",
                            path.display()
                        )));
                    }
                }
                Subject::Folder(_) | Subject::Sums { .. } if subjects.len() == 1 => {}
                _ => {
                    return Err(refuse(
                        "--copy-to takes files, or one folder or checksums file alone".to_owned(),
                    ));
                }
            }
            if let Subject::Folder(folder) = subject
                && (lies_inside(to, folder) || lies_inside(folder, to))
            {
                return Err(refuse(format!(
                    "{} and {} lie one in the other",
                    to.display(),
                    folder.display()
                )));
            }
        }
        if !force && !is_absent_or_empty(to) {
            return Err(Failure::request(
                "file-exists",
                format!("{} is there and not an empty folder", to.display()),
            )
            .hint(
                "name another folder, or pass --force to replace files of the same names in it",
            ));
        }
        Ok(Self {
            to: to.to_owned(),
            force,
        })
    }

    /// Copies what verified, if everything did. What is not as it was verified becomes the report's.
    ///
    /// # Errors
    /// The folder cannot be written: exit 3, and nothing of the run remains in it.
    pub(super) fn run(&self, subjects: &[Subject], report: &mut Report) -> Result<(), Failure> {
        if report.exit() != Exit::Yes {
            return Ok(());
        }
        let copies = copies(subjects, report)?;
        let stage = Stage::new(&self.to)?;
        let done = hash_all(0, &copies, |copy| stage.take(copy));
        let mut changed = false;
        for (copy, done) in copies.iter().zip(done) {
            let refusal = match done {
                Ok(()) => continue,
                Err(CopyError::Read(error)) => refusal(&error),
                Err(CopyError::Write { source }) => {
                    return Err(files::write_failure(&self.to, &source));
                }
                Err(other) => return Err(Failure::unknown(other.code(), other)),
            };
            changed = true;
            let (subject, file) = copy.at;
            let file = report
                .subjects
                .get_mut(subject)
                .and_then(|it| it.files.get_mut(file));
            if let Some(file) = file {
                file.verdict = Verdict::Unreadable(refusal);
            }
        }
        if changed {
            return Ok(());
        }
        stage.hand_over(&copies, self.force)?;
        report.copied = Some(Copied {
            to: self.to.display().to_string(),
            files: copies.len(),
        });
        Ok(())
    }
}

/// One file to copy.
struct Copy {
    /// Its subject and its place among the subject's files.
    at: (usize, usize),
    from: Source,
    to: RelativePath,
    /// The digest that was verified, in hexadecimal.
    sha256: String,
}

enum Source {
    Path(PathBuf),
    /// Below the folder that was verified.
    Below(std::sync::Arc<Root>),
}

fn copies(subjects: &[Subject], report: &Report) -> Result<Vec<Copy>, Failure> {
    let mut copies = Vec::new();
    for (number, (subject, answer)) in subjects.iter().zip(&report.subjects).enumerate() {
        let root = match subject {
            Subject::Folder(folder) => Some(open_root(folder)?),
            Subject::Sums { path, .. } => Some(open_root(&files::folder_of(path))?),
            _ => None,
        };
        for (index, file) in answer.files.iter().enumerate() {
            let (Verdict::Verified, Some(sha256)) = (&file.verdict, &file.sha256) else {
                continue;
            };
            let (from, to) = match (subject, &root) {
                (Subject::File(path), _) => (Source::Path(path.clone()), lone_name(path)),
                (_, Some(root)) => (
                    Source::Below(root.clone()),
                    RelativePath::parse(&file.path).ok(),
                ),
                _ => continue,
            };
            let Some(to) = to else { continue };
            copies.push(Copy {
                at: (number, index),
                from,
                to,
                sha256: sha256.clone(),
            });
        }
    }
    Ok(copies)
}

fn open_root(folder: &Path) -> Result<std::sync::Arc<Root>, Failure> {
    Root::open(folder)
        .map(std::sync::Arc::new)
        .map_err(|error| Failure::unknown(error.code(), error))
}

fn lone_name(path: &Path) -> Option<RelativePath> {
    RelativePath::parse(path.file_name()?.to_str()?).ok()
}

fn refusal(error: &ReadError) -> Refusal {
    Refusal {
        code: error.code(),
        found: error.to_string(),
        wanted: "the bytes that were verified, unchanged until they are copied".to_owned(),
    }
}

/// What no file takes the place of, whatever the flags.
fn in_the_way(place: &Path) -> String {
    format!("{} is there, and is no file", place.display())
}

fn is_absent_or_empty(folder: &Path) -> bool {
    match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == io::ErrorKind::NotFound && !folder.is_symlink(),
    }
}

/// A folder of ours beneath the one to hand over to, gone again with everything in it.
struct Stage {
    place: PathBuf,
    top: OwnedFd,
    folder: OwnedFd,
    /// The folder to hand over to, when this run made it and nothing is in it yet.
    made: Option<PathBuf>,
}

impl Stage {
    fn new(to: &Path) -> Result<Self, Failure> {
        let failed = |error: io::Error| files::write_failure(to, &error);
        let made = match fs::create_dir(to) {
            Ok(()) => Some(to.to_owned()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => None,
            Err(error) => return Err(failed(error)),
        };
        let name = format!(".attest-copy-{}", std::process::id());
        let open = || -> Result<(OwnedFd, OwnedFd), Errno> {
            let top = openat(CWD, to, FOLDER, Mode::empty())?;
            mkdirat(&top, &name, Mode::RWXU)?;
            let folder = openat2(&top, &name, FOLDER, Mode::empty(), BENEATH)?;
            Ok((top, folder))
        };
        match open() {
            Ok((top, folder)) => Ok(Self {
                place: to.join(&name),
                top,
                folder,
                made,
            }),
            Err(error) => {
                if made.is_some() {
                    let _ = fs::remove_dir(to);
                }
                Err(failed(error.into()))
            }
        }
    }

    /// Copies one file, and compares the copy with what was verified.
    fn take(&self, copy: &Copy) -> Result<(), CopyError> {
        let from = match &copy.from {
            Source::Path(path) => {
                // Looked at first: opening a pipe would wait.
                let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
                let file = openat(CWD, path, flags, Mode::empty()).map_err(io::Error::from);
                File::from(file.map_err(|error| ReadError::from(error).at(path))?)
            }
            Source::Below(root) => root.open_file(&copy.to)?,
        };
        let written = |error: Errno| CopyError::Write {
            source: error.into(),
        };
        let folder = make_parents(&self.folder, &copy.to).map_err(written)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let to = openat2(&folder, name_of(&copy.to), flags, READABLE, BENEATH).map_err(written)?;
        let to = File::from(to);
        let artifact = Artifact::copy(&from, &to, Hashes::Sha256)?;
        to.sync_all()
            .map_err(|source| CopyError::Write { source })?;
        if artifact.sha256().hex() == copy.sha256 {
            return Ok(());
        }
        let path = Some(PathBuf::from(copy.to.as_str()));
        Err(ReadError::Changed { path }.into())
    }

    /// Moves every copy to its place. All places are looked at before the first is filled.
    fn hand_over(mut self, copies: &[Copy], force: bool) -> Result<(), Failure> {
        let at = |copy: &Copy| self.place.with_file_name("").join(copy.to.as_str());
        for copy in copies {
            let taken = place_taken(&self.top, &copy.to);
            match taken.map_err(|error| files::write_failure(&at(copy), &error.into()))? {
                None => {}
                Some(FileType::RegularFile | FileType::Symlink) if force => {}
                Some(_) if force => {
                    return Err(Failure::unknown("copy-refused", in_the_way(&at(copy))));
                }
                Some(_) => return Err(files::exists_failure(&at(copy))),
            }
        }
        // From here on something is handed over, and the folder stays.
        self.made = None;
        for copy in copies {
            self.place_one(copy, force)
                .map_err(|error| files::write_failure(&at(copy), &error.into()))?;
        }
        let folders: BTreeSet<&str> = copies.iter().map(|copy| parent_of(&copy.to)).collect();
        for folder in folders {
            let readable = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            openat2(&self.top, folder, readable, Mode::empty(), BENEATH)
                .map_err(io::Error::from)
                .and_then(|folder| File::from(folder).sync_all())
                .map_err(|error| files::write_failure(&self.place, &error))?;
        }
        Ok(())
    }

    fn place_one(&self, copy: &Copy, force: bool) -> Result<(), Errno> {
        let from = openat2(
            &self.folder,
            parent_of(&copy.to),
            FOLDER,
            Mode::empty(),
            BENEATH,
        )?;
        let to = make_parents(&self.top, &copy.to)?;
        let name = name_of(&copy.to);
        let flags = if force {
            RenameFlags::empty()
        } else {
            RenameFlags::NOREPLACE
        };
        renameat_with(&from, name, &to, name, flags)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.place);
        if let Some(made) = &self.made {
            let _ = fs::remove_dir(made);
        }
    }
}

/// What stands where a copy is to be placed. A link on the way is an error: it could lead elsewhere.
fn place_taken(top: &OwnedFd, path: &RelativePath) -> Result<Option<FileType>, Errno> {
    let parent = match openat2(top, parent_of(path), FOLDER, Mode::empty(), BENEATH) {
        Ok(parent) => parent,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error),
    };
    match statat(&parent, name_of(path), AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes the folders on the way to a path and opens the last. No link is followed.
fn make_parents(top: &OwnedFd, path: &RelativePath) -> Result<OwnedFd, Errno> {
    let parent = parent_of(path);
    let mut end = 0;
    for part in parent.split('/').filter(|part| *part != ".") {
        end += part.len();
        let folder = parent.get(..end).unwrap_or(parent);
        match mkdirat_beneath(top, folder) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error),
        }
        end += 1;
    }
    openat2(top, parent, FOLDER, Mode::empty(), BENEATH)
}

fn mkdirat_beneath(top: &OwnedFd, folder: &str) -> Result<(), Errno> {
    let (parent, name) = folder.rsplit_once('/').unwrap_or((".", folder));
    let parent = openat2(top, parent, FOLDER, Mode::empty(), BENEATH)?;
    mkdirat(
        &parent,
        name,
        READABLE | Mode::XUSR | Mode::XGRP | Mode::XOTH,
    )
}

/// The folder of a path, `.` at the top.
fn parent_of(path: &RelativePath) -> &str {
    path.as_str()
        .rsplit_once('/')
        .map_or(".", |(parent, _)| parent)
}

fn name_of(path: &RelativePath) -> &str {
    let path = path.as_str();
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const BENEATH: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS);
/// `rw-r--r--`, less what the umask takes.
const READABLE: Mode = Mode::RUSR
    .union(Mode::WUSR)
    .union(Mode::RGRP)
    .union(Mode::ROTH);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Now;
    use crate::report::{FileReport, SubjectReport};

    /// A report that says yes about `a`, verified as these bytes.
    fn verified(bytes: &[u8], path: &str) -> Report {
        let artifact = Artifact::of_bytes(bytes, Hashes::Sha256);
        let mut subject = SubjectReport::new(path.to_owned(), "file");
        subject.files.push(FileReport {
            path: path.to_owned(),
            verdict: Verdict::Verified,
            size: Some(artifact.size()),
            sha256: Some(artifact.sha256().hex()),
        });
        Report {
            subjects: vec![subject],
            ..Report::new("verify", Now::read(None).unwrap())
        }
    }

    #[test]
    fn a_file_that_was_exchanged_after_the_check_is_not_handed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "exchanged").unwrap();
        let to = folder.path().join("to");
        let subjects = [Subject::File(path.clone())];
        let handover = Handover::plan(&to, false, &subjects).unwrap();
        let mut report = verified(b"as it was verified", &path.display().to_string());
        handover.run(&subjects, &mut report).unwrap();
        assert_eq!(report.exit(), Exit::Unknown);
        assert!(!to.exists() && report.copied.is_none());
        fs::write(&path, "as it was verified").unwrap();
        let mut report = verified(b"as it was verified", &path.display().to_string());
        handover.run(&subjects, &mut report).unwrap();
        assert_eq!(report.exit(), Exit::Yes);
        assert_eq!(fs::read(to.join("a")).unwrap(), b"as it was verified");
        assert_eq!(fs::read_dir(&to).unwrap().count(), 1);
    }
}
