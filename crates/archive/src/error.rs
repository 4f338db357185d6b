//! Why the archive said no, or could not tell.

use std::io;
use std::path::{Path, PathBuf};

use crate::tar_error::TarError;
use attest_digest::{CopyError, Digest, NameProblem, PortableProblem, ReadError, RelativePath};
use attest_provenance::ReleaseName;
use attest_provenance::json::{CanonicalError, FieldError, JsonError};

use crate::kind::AttachmentKind;

/// Why an archive could not be read or added to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The folder is no OCI image layout, or none that could become one.
    #[error("{} is not an archive: {problem}", shown(path))]
    NotAnArchive {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        problem: NotAnArchive,
    },
    /// The archive was written by a later version of this program, or of the image layout.
    #[error("{} has the format {}, wanted {wanted:?}", shown(path), excerpt(found))]
    NewerFormat {
        /// The folder.
        path: PathBuf,
        /// The version that it claims.
        found: String,
        /// The version that we read.
        wanted: &'static str,
    },
    /// `index.json` cannot be taken for an index of releases.
    #[error("{} is malformed", shown(path))]
    IndexMalformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Malformed,
    },
    /// A manifest cannot be taken for that of a release.
    #[error("manifest {manifest} is malformed")]
    ManifestMalformed {
        /// The digest of its bytes.
        manifest: Digest,
        /// What is wrong with it.
        source: Malformed,
    },
    /// The index gives a manifest for a release, and the manifest says that it is another's.
    #[error("manifest {manifest} is that of {found}, the index has it for {wanted}")]
    ReleaseMismatch {
        /// The digest of the manifest.
        manifest: Digest,
        /// The release that the manifest names.
        found: ReleaseName,
        /// The release that the index names.
        wanted: ReleaseName,
    },
    /// The index is gone, and two manifests are here for one release.
    #[error("{name} has two manifests, {first} and {second}, and no index says which one counts")]
    IndexAmbiguous {
        /// The release.
        name: ReleaseName,
        /// One manifest.
        first: Digest,
        /// The other.
        second: Digest,
    },
    /// The index calls something else what is the manifest of a release.
    #[error("manifest {manifest} is that of {release}, the index has it for something else")]
    IndexMismatch {
        /// The digest of the manifest.
        manifest: Digest,
        /// The release that the manifest names.
        release: ReleaseName,
    },
    /// A manifest cannot be taken for that of an attachment.
    #[error("attachment {manifest} is malformed")]
    AttachmentMalformed {
        /// The digest of its bytes.
        manifest: Digest,
        /// What is wrong with it.
        source: Malformed,
    },
    /// An attachment that was offered cannot be written the way that the format has.
    #[error("an attachment of the kind {kind} cannot be kept")]
    AttachmentRefused {
        /// Its kind.
        kind: AttachmentKind,
        /// What is wrong with it.
        source: Malformed,
    },
    /// The index has an attachment for another release, kind or time than its manifest says.
    #[error("attachment {manifest} is not what the index says of it")]
    AttachmentMismatch {
        /// The digest of its manifest.
        manifest: Digest,
    },
    /// What an attachment is attached to is not in the archive.
    #[error("attachment {manifest} is attached to {subject}, which is no release of this archive")]
    AttachmentOrphaned {
        /// The digest of its manifest.
        manifest: Digest,
        /// The manifest that it names.
        subject: Digest,
    },
    /// Another process is writing to this archive.
    #[error("{} is locked by another writer", shown(path))]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// A blob is not there.
    #[error("blob {blob} is not there")]
    BlobMissing {
        /// The digest that it should have.
        blob: Digest,
    },
    /// Something else than a regular file stands in a blob's place.
    #[error("blob {blob} is not a regular file")]
    BlobNotAFile {
        /// The digest that it should have.
        blob: Digest,
    },
    /// A blob has other bytes than its name says.
    #[error("blob {wanted} has the bytes of {found}")]
    BlobCorrupt {
        /// The digest of its bytes.
        found: Digest,
        /// The digest that it should have.
        wanted: Digest,
    },
    /// A blob has another size than its descriptor says.
    #[error("blob {blob} has {found} bytes, its descriptor says {wanted}")]
    BlobSize {
        /// The digest that it should have.
        blob: Digest,
        /// Its bytes.
        found: u64,
        /// The bytes of the descriptor.
        wanted: u64,
    },
    /// A file has other bytes than those that were verified or signed.
    #[error("{path} has the digest {found}, wanted {wanted}")]
    FileChanged {
        /// The file, by its path in the release.
        path: RelativePath,
        /// The digest of its bytes.
        found: Digest,
        /// The digest that was expected.
        wanted: Digest,
    },
    /// A file of the release could not be read.
    #[error("{path} cannot be archived")]
    Unreadable {
        /// The file, by its path in the release.
        path: RelativePath,
        /// Why.
        source: ReadError,
    },
    /// The release is there already, with other content.
    #[error("{name} is archived as {kept}, the new content would be {offered}")]
    VersionAlreadyReleased {
        /// The release.
        name: ReleaseName,
        /// The digest of the manifest that is kept.
        kept: Digest,
        /// The digest of the manifest that was offered.
        offered: Digest,
    },
    /// Two files of a release have one name, or names that some system takes for one.
    #[error("the names {} and {} collide", excerpt(first), excerpt(second))]
    NameCollision {
        /// The first name.
        first: String,
        /// The second name.
        second: String,
    },
    /// A release without a file.
    #[error("{name} has no files")]
    Empty {
        /// The release.
        name: ReleaseName,
    },
    /// More than an archive keeps.
    #[error("{what} is {found}, at most {limit} is kept")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size.
        found: u64,
        /// The size that is allowed.
        limit: u64,
    },
    /// There is no such release in the archive.
    #[error("{name} is not in the archive")]
    NoSuchRelease {
        /// The release that was asked for.
        name: ReleaseName,
    },
    /// What is asked for was deleted.
    #[error("the artifacts of {name} were deleted, as a tombstone says that is attached to it")]
    ReleaseDeleted {
        /// The release that was asked for.
        name: ReleaseName,
    },
    /// A release has no file of that path.
    #[error("{name} has no file {path}")]
    NoSuchMember {
        /// The release.
        name: ReleaseName,
        /// The path that was asked for.
        path: RelativePath,
    },
    /// An attachment has no file of that name.
    #[error("attachment {attachment} has no file {path}")]
    NoSuchAttachedFile {
        /// The digest of its manifest.
        attachment: Digest,
        /// The name that was asked for.
        path: RelativePath,
    },
    /// What was accepted is another release.
    #[error("{} was accepted, wanted {name}", found.as_deref().map_or("no release".to_owned(), excerpt))]
    ReleaseNotAccepted {
        /// The release that should be written out.
        name: ReleaseName,
        /// The release that was accepted.
        found: Option<String>,
    },
    /// A file is not one that was accepted.
    #[error("{path} of {name} is not covered by what was accepted")]
    NotAccepted {
        /// The release.
        name: ReleaseName,
        /// The file, by its path in the release.
        path: RelativePath,
    },
    /// A file that no bag can hold.
    #[error("no bag can be made of it")]
    BagName {
        /// What is in the way.
        source: Malformed,
    },
    /// A name that not every system can have: no tar of it is written.
    #[error("no tar can be made of {}: {problem}", excerpt(path))]
    NotPortable {
        /// The path in the tar.
        path: String,
        /// What is wrong with it.
        problem: PortableProblem,
    },
    /// A tar could not be written.
    #[error(transparent)]
    Tar(TarError),
    /// A file is not the one tar of a bag.
    #[error(
        "{} is no attest-tar/1 of a bag: {problem} (at byte {offset})",
        shown(path)
    )]
    BagTar {
        /// The file.
        path: PathBuf,
        /// Where.
        offset: u64,
        /// What is wrong.
        problem: &'static str,
    },
    /// What a bag is compressed with is damaged, or could be read in two ways.
    #[error("{} is no bag within gzip or zstd", shown(path))]
    BagPacked {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: attest_digest::ContainerError,
    },
    /// A file that should be written exists with other bytes.
    #[error("{} exists with other content", shown(path))]
    FileExists {
        /// The file.
        path: PathBuf,
    },
    /// The system did not do what was asked.
    #[error("cannot {action} {}", shown(path))]
    Io {
        /// What was tried: a verb.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl ArchiveError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAnArchive { .. } => "not-an-archive",
            Self::NewerFormat { .. } => "archive-newer-format",
            Self::IndexMalformed { .. } => "index-malformed",
            Self::ManifestMalformed { .. } => "manifest-malformed",
            Self::ReleaseMismatch { .. } => "release-mismatch",
            Self::IndexAmbiguous { .. } => "index-ambiguous",
            Self::IndexMismatch { .. } => "index-mismatch",
            Self::AttachmentMalformed { .. } | Self::AttachmentRefused { .. } => {
                "attachment-malformed"
            }
            Self::AttachmentMismatch { .. } => "attachment-mismatch",
            Self::AttachmentOrphaned { .. } => "attachment-orphaned",
            Self::Locked { .. } => "archive-locked",
            Self::BlobMissing { .. } => "blob-missing",
            Self::BlobNotAFile { .. } => "blob-not-a-file",
            Self::BlobCorrupt { .. } | Self::BlobSize { .. } => "blob-corrupt",
            Self::FileChanged { .. } => "file-changed",
            Self::Unreadable { source, .. } => source.code(),
            Self::VersionAlreadyReleased { .. } => "version-already-released",
            Self::NameCollision { .. } => "name-collision",
            Self::Empty { .. } => "release-empty",
            Self::TooLarge { .. } => "release-too-large",
            Self::NoSuchRelease { .. } => "release-not-archived",
            Self::ReleaseDeleted { .. } => "release-deleted",
            Self::NoSuchMember { .. } | Self::NoSuchAttachedFile { .. } => "member-missing",
            Self::ReleaseNotAccepted { .. } => "release-not-accepted",
            Self::NotAccepted { .. } => "member-not-accepted",
            Self::BagName { .. } => "bag-name-refused",
            Self::NotPortable { problem, .. } => problem.code(),
            Self::Tar(error) => error.code(),
            Self::BagTar { .. } => "bag-tar-malformed",
            Self::BagPacked { source, .. } => source.code(),
            Self::FileExists { .. } => "file-exists",
            Self::Io { source, .. } if is_full(source) => "archive-disk-full",
            Self::Io { .. } => "archive-io",
        }
    }

    /// The blob that it is about, if it is about one.
    pub fn blob(&self) -> Option<Digest> {
        match self {
            Self::BlobMissing { blob }
            | Self::BlobNotAFile { blob }
            | Self::BlobSize { blob, .. } => Some(*blob),
            Self::BlobCorrupt { wanted, .. } => Some(*wanted),
            Self::ManifestMalformed { manifest, .. }
            | Self::ReleaseMismatch { manifest, .. }
            | Self::AttachmentMalformed { manifest, .. }
            | Self::AttachmentMismatch { manifest }
            | Self::AttachmentOrphaned { manifest, .. } => Some(*manifest),
            _ => None,
        }
    }

    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
        source: impl Into<io::Error>,
    ) -> Self {
        Self::Io {
            action,
            path: path.into(),
            source: source.into(),
        }
    }

    /// A failed copy: of the file that was read, or of the place that was written.
    pub(crate) fn copy(
        member: &RelativePath,
        target: impl Into<PathBuf>,
        error: CopyError,
    ) -> Self {
        match error {
            CopyError::Read(source) => Self::Unreadable {
                path: member.clone(),
                source,
            },
            CopyError::Write { source } => Self::io("write", target, source),
            other => Self::io("write", target, io::Error::other(other)),
        }
    }
}

/// Why a folder is not an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAnArchive {
    /// There is no folder of that name.
    #[error("there is no such folder")]
    NoFolder,
    /// It is not a folder.
    #[error("it is not a folder")]
    NotAFolder,
    /// It lacks what makes an OCI image layout.
    #[error("it has no {missing}")]
    Lacks {
        /// The name that is missing.
        missing: &'static str,
    },
    /// `oci-layout` does not say what the standard wants.
    #[error("its oci-layout is malformed")]
    LayoutMalformed,
    /// It holds something else, and a new archive would mix with that.
    #[error("it holds other files")]
    HoldsOtherFiles,
}

/// Why a document of the archive cannot be taken for what it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// More bytes than are read.
    #[error("it has more than {limit} bytes")]
    TooLarge {
        /// The bytes that are allowed.
        limit: u64,
    },
    /// Not JSON of one meaning.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A field is missing, of another type, or unknown.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// It has no canonical encoding.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// A field has another value than the format has.
    #[error("{field} is {}, wanted {wanted}", excerpt(found))]
    Value {
        /// The field.
        field: String,
        /// Its value, as claimed.
        found: String,
        /// What is wanted.
        wanted: &'static str,
    },
    /// The path of a file.
    #[error("the file name {} is refused: {problem}", excerpt(found))]
    Name {
        /// The name, as claimed.
        found: String,
        /// What is wrong with it.
        problem: NameProblem,
    },
    /// Two files of one name.
    #[error("the names {} and {} collide", excerpt(first), excerpt(second))]
    Collision {
        /// The first name.
        first: String,
        /// The second name.
        second: String,
    },
    /// Two entries for one release.
    #[error("{release} is listed twice")]
    ListedTwice {
        /// The release.
        release: ReleaseName,
    },
    /// Two entries for one attachment.
    #[error("the attachment {manifest} is listed twice")]
    AttachedTwice {
        /// The digest of its manifest.
        manifest: Digest,
    },
    /// The document is not written the one way that this format has.
    #[error("it is not in canonical form")]
    NotCanonical,
}

/// The message of an error with those that it wraps.
pub(crate) fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}

/// A path for a message: escaped, since part of it may come from others.
fn shown(path: &Path) -> String {
    path.to_string_lossy().escape_debug().to_string()
}

/// The beginning of a claimed text, in quotes and escaped.
fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
    }
}

pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// Characters of a claimed text in a message.
const EXCERPT: usize = 120;
