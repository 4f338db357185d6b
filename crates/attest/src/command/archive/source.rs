//! `attest archive add --source`: the source is kept with the release, if it is the one that the
//! provenance names.
//!
//! 1. Accepted provenance of the release's files names one commit, and says of no change beside it.
//! 2. The file is a git bundle that needs nothing from elsewhere.
//! 3. It has no more bytes and objects than are unpacked, and there is room for them.
//! 4. git unpacks it into an empty repository, which names every object by its hash anew.
//! 5. That commit is among them, with every tree and file that it leads to, back to the first commit.

use std::fs::{self, DirBuilder, File};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use attest_archive::{AttachedFileInput, AttachmentInput, AttachmentKind, Source};
use attest_digest::{Artifact, Digest, Hashes, RelativePath};
use attest_provenance::{GitCommit, ReleaseName};
use jiff::Timestamp;

use super::about::About;
use crate::failure::{Failure, with_source};
use crate::git::{Bundle, bundled_objects};
use crate::limits::{SOURCE_BYTES, SOURCE_HEADER_BYTES, SOURCE_OBJECTS};

/// A git bundle that holds the commit of the provenance.
pub(super) struct CheckedSource {
    path: PathBuf,
    pub(super) commit: GitCommit,
    pub(super) digest: Digest,
}

impl CheckedSource {
    /// Checks a bundle against what accepted provenance of the release says.
    pub(super) fn read(path: &Path, release: &About<'_>) -> Result<Self, Failure> {
        let commit = release.commit().map_err(|why| unbound(&why))?;
        let failed = |error: &dyn std::error::Error| {
            let message = format!("{}: {}", path.display(), with_source(error));
            Failure::unknown("source-unreadable", message)
        };
        let size = fs::metadata(path).map_err(|error| failed(&error))?.len();
        check_bound(path, "bytes", size, SOURCE_BYTES)?;
        let before = Artifact::read_path(path, Hashes::Sha256).map_err(|error| failed(&error))?;
        refuse_other_forms(path)?;
        let objects = bundled_objects(path, SOURCE_HEADER_BYTES).map_err(|error| failed(&error))?;
        let objects = objects.ok_or_else(|| mismatch(path, "no objects follow its references"))?;
        check_bound(path, "objects", objects.into(), SOURCE_OBJECTS.into())?;
        let work = Work::make().map_err(|error| failed(&error))?;
        let needed = size.saturating_add(u64::from(objects).saturating_mul(INDEX_BYTES));
        work.check_room(needed).map_err(|error| failed(&error))?;
        let silent = |message: String| {
            Failure::unknown(
                "source-unreadable",
                format!("{}: {message}", path.display()),
            )
        };
        let bundle = Bundle::unpack(path, &work.folder).map_err(silent)?;
        let bundle = bundle.map_err(|problem| mismatch(path, &problem))?;
        if !bundle.holds_whole(commit.as_str()).map_err(silent)? {
            let problem =
                format!("it does not hold all of commit {commit}, which the provenance names");
            return Err(mismatch(path, &problem));
        }
        let after = Artifact::read_path(path, Hashes::Sha256).map_err(|error| failed(&error))?;
        if before != after {
            let message = format!("{} changed while it was read", path.display());
            return Err(Failure::unknown("source-unreadable", message));
        }
        Ok(Self {
            path: path.to_owned(),
            commit,
            digest: after.sha256(),
        })
    }

    /// What is attached to the release.
    pub(super) fn attachment(
        &self,
        release: &ReleaseName,
        now: Timestamp,
    ) -> Result<AttachmentInput<'static>, Failure> {
        let path = RelativePath::parse(&format!("{}.gitbundle", self.commit))
            .map_err(|problem| Failure::unknown("internal-error", problem.to_string()))?;
        Ok(AttachmentInput {
            subject: Some(release.clone()),
            kind: AttachmentKind::Source,
            created: now,
            files: vec![AttachedFileInput {
                path,
                media_type: "application/x-git-bundle".to_owned(),
                source: Source::Path(self.path.clone()),
                expected: Some(self.digest),
            }],
        })
    }
}

/// What could fill the temporary folder is refused before anything is in it.
fn check_bound(path: &Path, what: &str, found: u64, most: u64) -> Result<(), Failure> {
    if found <= most {
        return Ok(());
    }
    let message = format!(
        "{} has {found} {what}, at most {most} are unpacked",
        path.display()
    );
    Err(Failure::no("source-too-large", message))
}

/// A tar of a tree says which commit it is from, and nothing in it proves that.
fn refuse_other_forms(path: &Path) -> Result<(), Failure> {
    let mut start = [0; 16];
    let read = File::open(path).and_then(|mut it| it.read_exact(&mut start));
    let is_bundle =
        start.starts_with(b"# v2 git bundle\n") || start.starts_with(b"# v3 git bundle\n");
    if read.is_ok() && is_bundle {
        return Ok(());
    }
    let message = format!("{} is no git bundle", path.display());
    Err(Failure::no("source-bundle-mismatch", message)
        .hint("make one with git bundle create FILE HEAD"))
}

fn mismatch(path: &Path, problem: &str) -> Failure {
    Failure::no(
        "source-bundle-mismatch",
        format!("{}: {problem}", path.display()),
    )
}

fn unbound(problem: &str) -> Failure {
    Failure::no("source-unbound", problem)
}

/// A folder of our own, which goes when we do.
struct Work {
    folder: PathBuf,
}

impl Work {
    fn make() -> std::io::Result<Self> {
        let mut random = [0; 16];
        File::open("/dev/urandom")?.read_exact(&mut random)?;
        let name = format!("attest-source-{}", hex::encode(random));
        let folder = std::env::temp_dir().join(name);
        DirBuilder::new().mode(0o700).create(&folder)?;
        Ok(Self { folder })
    }

    /// A full disk is no reason to call a bundle damaged.
    fn check_room(&self, needed: u64) -> std::io::Result<()> {
        let there = rustix::fs::statvfs(&self.folder)?;
        let free = there.f_bavail.saturating_mul(there.f_frsize);
        if free >= needed {
            return Ok(());
        }
        let folder = std::env::temp_dir();
        let folder = folder.display();
        let message =
            format!("unpacking it needs {needed} bytes in {folder}, where {free} are free");
        Err(std::io::Error::new(ErrorKind::StorageFull, message))
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What git keeps of each object beside its bytes.
const INDEX_BYTES: u64 = 48;
