//! Why an archive was refused.

use std::fmt;
use std::io;

use crate::portable::{Clash, PortableProblem};
use crate::read_error::ReadError;
use crate::zip::error::ZipProblem;

/// Why an archive was refused, and at which member.
#[derive(Debug)]
pub struct ContainerError {
    member: Option<String>,
    problem: ContainerProblem,
}

impl ContainerError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        self.problem.code()
    }

    /// The member at which it was met, escaped.
    pub fn member(&self) -> Option<&str> {
        self.member.as_deref()
    }

    /// What is wrong.
    pub const fn problem(&self) -> &ContainerProblem {
        &self.problem
    }

    /// The same error, saying at which member.
    pub(crate) fn at(mut self, name: &str) -> Self {
        if self.member.is_none() {
            self.member = Some(crate::path::escaped(name));
        }
        self
    }
}

impl fmt::Display for ContainerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.member {
            None => self.problem.fmt(f),
            Some(member) => write!(f, "{member}: {}", self.problem),
        }
    }
}

impl std::error::Error for ContainerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.problem)
    }
}

impl<E: Into<ContainerProblem>> From<E> for ContainerError {
    fn from(problem: E) -> Self {
        Self {
            member: None,
            problem: problem.into(),
        }
    }
}

/// What is wrong with an archive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContainerProblem {
    /// The first bytes are those of no archive that we read.
    #[error("this is no tar, gzip, zstd or zip archive")]
    NotAnArchive,
    /// The first bytes are those of two.
    #[error("this begins as a zip archive, and as a tar archive")]
    Ambiguous,
    /// It ends before its end.
    #[error("the archive ends in the middle of something")]
    Truncated,
    /// It unpacks to more than anybody needs.
    #[error("the archive unpacks to more than {limit} bytes")]
    TooLarge {
        /// The bytes that are allowed for an archive of its size.
        limit: u64,
    },
    /// A name that leads out of the archive, or that readers judge differently.
    #[error(transparent)]
    Name(#[from] PortableProblem),
    /// A name that is there already, or that some system takes for one that is.
    #[error(transparent)]
    Clash(#[from] Clash),
    /// A symbolic link that leaves the archive, or is written in a roundabout way.
    #[error("the link to {target} does not stay in the archive by the shortest way")]
    LinkOutside {
        /// Where it says that it leads, escaped.
        target: String,
    },
    /// A second name of a file.
    #[error("a hard link is refused: readers give it different content")]
    HardLink,
    /// A device, a pipe.
    #[error("a {what} is refused")]
    Special {
        /// What it is.
        what: &'static str,
    },
    /// A set-user-id, set-group-id or sticky bit.
    #[error("permissions {mode:04o} are refused: a set-user-id, set-group-id or sticky bit")]
    SetId {
        /// The permissions.
        mode: u32,
    },
    /// tar.
    #[error(transparent)]
    Tar(#[from] TarProblem),
    /// gzip or zstd.
    #[error(transparent)]
    Stream(#[from] StreamProblem),
    /// zip.
    #[error(transparent)]
    Zip(#[from] ZipProblem),
    /// Whoever takes the members wants no more.
    #[error("reading was stopped")]
    Stopped,
    /// It cannot be read, or changed meanwhile.
    #[error(transparent)]
    Read(ReadError),
}

impl ContainerProblem {
    /// The stable code of this problem.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAnArchive => "container-unknown",
            Self::Ambiguous => "container-ambiguous",
            Self::Truncated => "container-truncated",
            Self::TooLarge { .. } => "container-bomb",
            Self::Name(problem) => problem.code(),
            Self::Clash(clash) => clash.code(),
            Self::LinkOutside { .. } => "member-link-outside",
            Self::HardLink => "member-hard-link",
            Self::Special { .. } => "member-special",
            Self::SetId { .. } => "member-set-id",
            Self::Tar(problem) => problem.code(),
            Self::Stream(problem) => problem.code(),
            Self::Zip(problem) => problem.code(),
            Self::Stopped => "container-stopped",
            Self::Read(error) => error.code(),
        }
    }
}

/// What is wrong with a tar archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TarProblem {
    /// The checksum of a header is another.
    #[error("the header has another checksum")]
    Checksum,
    /// Not `ustar`: from before 1988, or made up.
    #[error("the header has no ustar magic, so that readers see different names in it")]
    Magic,
    /// A number that is not octal digits and an end.
    #[error("the {field} of the header is not an octal number with an end")]
    Number {
        /// The field.
        field: &'static str,
    },
    /// A number in base 256: negative, or too large.
    #[error(
        "the {field} of the header is in base 256: negative, or larger than eleven octal digits"
    )]
    Base256 {
        /// The field.
        field: &'static str,
    },
    /// Bytes where there should be none.
    #[error("the header has bytes in its {field}, which belong to nothing")]
    Garbage {
        /// The field.
        field: &'static str,
    },
    /// A kind of member that we do not know.
    #[error("the header has the type {:?}", char::from(*kind))]
    Type {
        /// The type.
        kind: u8,
    },
    /// A folder or link with content, in which some readers find another member.
    #[error("a folder or link has content, in which some readers find other members")]
    Hidden,
    /// A file whose name ends in a slash: a folder to some.
    #[error("the name of a file ends in a slash, which makes it a folder to some readers")]
    FileSlash,
    /// A sparse file.
    #[error("a sparse file is refused: readers give it different content")]
    Sparse,
    /// A header for all members to come.
    #[error("a global extended header is refused: readers differ in what it governs")]
    Global,
    /// An extended header with a size.
    #[error(
        "an extended header gives a size: readers that look at the other one see other members"
    )]
    PaxSize,
    /// The same key twice.
    #[error("an extended header has a key twice, and readers differ in which counts")]
    PaxDuplicate,
    /// A key that we do not know.
    #[error("an extended header has a key whose meaning is not known")]
    PaxKey,
    /// Records that are not `LENGTH KEY=VALUE`.
    #[error("an extended header is malformed")]
    PaxMalformed,
    /// Two headers that both say the name.
    #[error("a member has several headers that give its name")]
    NameTwice,
    /// A long name without its end.
    #[error("a long name is malformed")]
    LongName,
    /// An extended header or long name beyond all measure.
    #[error("an extended header or long name has more than 64 KiB")]
    ExtensionTooLong,
    /// An extended header that nothing follows.
    #[error("an extended header or long name is followed by no member")]
    Dangling,
    /// One block of zeros, and then more.
    #[error("a lone block of zeros: an end to some readers, and none to others")]
    LoneZero,
    /// Something behind the end.
    #[error("there is something behind the end of the archive")]
    Trailing,
    /// Bytes between the content of a member and the next header.
    #[error("there are bytes between a member's end and the next header")]
    Padding,
    /// Not the one way.
    #[error("{what} is not as attest-tar/1 has it")]
    NotCanonical {
        /// What.
        what: &'static str,
    },
}

impl TarProblem {
    /// The stable code of this problem.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Checksum => "tar-checksum",
            Self::Magic => "tar-magic",
            Self::Number { .. } => "tar-number",
            Self::Base256 { .. } => "tar-number-base256",
            Self::Garbage { .. } => "tar-field-garbage",
            Self::Type { .. } => "tar-type",
            Self::Hidden => "tar-hidden-content",
            Self::FileSlash => "tar-file-slash",
            Self::Sparse => "tar-sparse",
            Self::Global => "tar-global-header",
            Self::PaxSize => "tar-pax-size",
            Self::PaxDuplicate => "tar-pax-duplicate",
            Self::PaxKey => "tar-pax-key",
            Self::PaxMalformed => "tar-pax-malformed",
            Self::NameTwice => "tar-name-twice",
            Self::LongName => "tar-long-name",
            Self::ExtensionTooLong => "tar-extension-too-long",
            Self::Dangling => "tar-header-dangling",
            Self::LoneZero => "tar-lone-zero-block",
            Self::Trailing => "tar-trailing",
            Self::Padding => "tar-padding",
            Self::NotCanonical { .. } => "tar-not-canonical",
        }
    }
}

/// What is wrong with a compressed stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamProblem {
    /// The header of a gzip file.
    #[error("the header of the gzip file is malformed")]
    GzipHeader,
    /// The compressed bytes.
    #[error("the compressed bytes are malformed")]
    GzipData,
    /// The checksum or the length.
    #[error("the gzip file has another checksum or length than its end says")]
    GzipChecksum,
    /// A second member, or junk.
    #[error("there is something behind the end of the gzip file")]
    GzipTrailing,
    /// The header of a zstd frame.
    #[error("the header of the zstd frame is malformed, or one that we do not read")]
    ZstdHeader,
    /// The window of a zstd frame.
    #[error("the zstd frame needs a window of {found} bytes, at most {limit} are taken")]
    ZstdWindow {
        /// Its window.
        found: u64,
        /// The window that is allowed.
        limit: u64,
    },
    /// The compressed bytes, or their checksum.
    #[error("the zstd frame is malformed, or has another checksum")]
    ZstdData,
    /// A second frame, or junk.
    #[error("there is something behind the end of the zstd frame")]
    ZstdTrailing,
    /// Not as we write it.
    #[error("the compressed stream is not written as we do: {what}")]
    NotCanonical {
        /// What is missing.
        what: &'static str,
    },
}

impl StreamProblem {
    /// The stable code of this problem.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::GzipHeader => "gzip-header",
            Self::GzipData => "gzip-data",
            Self::GzipChecksum => "gzip-checksum",
            Self::GzipTrailing => "gzip-trailing",
            Self::ZstdHeader => "zstd-header",
            Self::ZstdWindow { .. } => "zstd-window",
            Self::ZstdData => "zstd-data",
            Self::ZstdTrailing => "zstd-trailing",
            Self::NotCanonical { .. } => "compression-not-canonical",
        }
    }
}

impl From<ReadError> for ContainerProblem {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<crate::path::NameProblem> for ContainerProblem {
    fn from(problem: crate::path::NameProblem) -> Self {
        Self::Name(problem.into())
    }
}

/// A problem travels through [`io::Read`] and back.
impl From<io::Error> for ContainerProblem {
    fn from(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(problem) => problem,
            Err(error) => Self::Read(error.into()),
        }
    }
}

impl From<ContainerProblem> for io::Error {
    fn from(problem: ContainerProblem) -> Self {
        Self::other(problem)
    }
}

impl From<StreamProblem> for io::Error {
    fn from(problem: StreamProblem) -> Self {
        Self::other(ContainerProblem::from(problem))
    }
}
