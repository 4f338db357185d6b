//! Archives of others, and ours: read strictly, each member hashed, nothing skipped.

pub(crate) mod compressed;
pub(crate) mod error;
mod gzip;
pub(crate) mod inflate;
mod plain;
pub(crate) mod source;
mod unpack;
mod zstd;

use std::fs::File;

use self::compressed::Compressed;
use self::error::{ContainerError, ContainerProblem, StreamProblem};
pub use self::plain::unpack_container;
use self::source::Source;
pub(crate) use self::unpack::Unpacking;
use crate::artifact::Artifact;
use crate::hasher::Hashes;
use crate::path::RelativePath;
use crate::sys::Snapshot;
use crate::tar::reader::read_tar;
use crate::zip::reader::read_zip;

/// What an archive is, told by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// tar.
    Tar,
    /// tar within gzip.
    TarGzip,
    /// tar within zstd.
    TarZstd,
    /// zip.
    Zip,
}

impl Format {
    /// The name: `tar`, `tar.gz`, `tar.zst`, `zip`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tar => "tar",
            Self::TarGzip => "tar.gz",
            Self::TarZstd => "tar.zst",
            Self::Zip => "zip",
        }
    }

    fn of(first: &[u8]) -> Result<Self, ContainerProblem> {
        let is_tar = first.get(257..262) == Some(b"ustar");
        match first {
            [0x1f, 0x8b, ..] => Ok(Self::TarGzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Ok(Self::TarZstd),
            // Its first member, or the end of an empty one.
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] if is_tar => {
                Err(ContainerProblem::Ambiguous)
            }
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Ok(Self::Zip),
            _ if is_tar => Ok(Self::Tar),
            // An empty archive.
            _ if first.len() == SNIFFED && first.iter().all(|it| *it == 0) => Ok(Self::Tar),
            _ => Err(ContainerProblem::NotAnArchive),
        }
    }
}

/// How strictly an archive is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Only `attest-tar/1`, byte for byte as [`tar_header`](crate::tar_header) writes it.
    Canonical,
    /// As honest tools write them: zip, and tar in the forms ustar, pax and GNU. Whatever readers understand
    /// differently is refused.
    Foreign,
}

/// An archive, read whole: its own digests, and its members in their order.
///
/// ```
/// # use attest_digest::{Hashes, Listing, Profile};
/// # fn read(file: &std::fs::File) -> Result<(), Box<dyn std::error::Error>> {
/// let listing = Listing::read(file, Profile::Foreign, Hashes::Sha256)?;
/// println!("{}", listing.container().sha256());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    format: Format,
    container: Artifact,
    members: Vec<Member>,
}

impl Listing {
    /// Reads an archive from its beginning, wherever the file's cursor stands.
    ///
    /// # Errors
    /// As [`read_container`].
    pub fn read(file: &File, profile: Profile, hashes: Hashes) -> Result<Self, ContainerError> {
        read_container(file, profile, hashes, &mut Nowhere)
    }

    /// What the archive is.
    pub const fn format(&self) -> Format {
        self.format
    }

    /// The archive's own bytes.
    pub const fn container(&self) -> &Artifact {
        &self.container
    }

    /// The members, in the order in which they stand.
    pub fn members(&self) -> &[Member] {
        &self.members
    }
}

/// A member of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub(crate) path: RelativePath,
    pub(crate) mode: u32,
    pub(crate) kind: MemberKind,
}

impl Member {
    /// Where it stands.
    pub const fn path(&self) -> &RelativePath {
        &self.path
    }

    /// Its permissions, as the archive has them: at most 0777.
    pub const fn mode(&self) -> u32 {
        self.mode
    }

    /// What it is.
    pub const fn kind(&self) -> &MemberKind {
        &self.kind
    }
}

/// What a member of an archive is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemberKind {
    /// A regular file, and its bytes.
    File(Artifact),
    /// A folder.
    Folder,
    /// A symbolic link that stays inside.
    Link {
        /// Where it says that it leads.
        target: String,
    },
}

/// Takes the members of an archive while it is read.
///
/// What it was given counts only when [`read_container`] has come to its end: an archive can be refused
/// at its last byte.
pub trait MemberSink {
    /// A member begins; of a file with its size, before a byte of it was read.
    ///
    /// # Errors
    /// The member is not wanted, and so is the rest.
    fn begin(&mut self, path: &RelativePath, begins: Begins<'_>) -> Result<(), Stopped>;

    /// The next bytes of the file that began last.
    ///
    /// # Errors
    /// As [`MemberSink::begin`].
    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Stopped>;

    /// The file that began last is whole.
    ///
    /// # Errors
    /// As [`MemberSink::begin`].
    fn end(&mut self, artifact: &Artifact) -> Result<(), Stopped>;
}

/// What begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins<'a> {
    /// A file of so many bytes.
    File(u64),
    /// A folder.
    Folder,
    /// A link that says it leads there.
    Link(&'a str),
}

/// A [`MemberSink`] wants no more; it knows why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

/// Reads an archive from its beginning to its end, and hands its members on.
///
/// # Errors
/// Each [`ContainerProblem`]: it is not such an archive, readers could understand it differently, it
/// is too large, the sink stopped, or it cannot be read or changed meanwhile.
pub fn read_container(
    file: &File,
    profile: Profile,
    hashes: Hashes,
    sink: &mut dyn MemberSink,
) -> Result<Listing, ContainerError> {
    let before = Snapshot::of_regular(file).map_err(ContainerError::from)?;
    let source = Source::of_file(file, &before, hashes);
    let listing = read(source, profile, Unpacking::new(hashes, sink));
    // What is wrong with a file that was being written says nothing about it.
    before
        .check_equal(&file.metadata().map_err(ContainerError::from)?)
        .map_err(ContainerError::from)?;
    listing
}

/// Reads an archive in memory: for fuzzing.
///
/// # Errors
/// As [`read_container`].
pub fn read_container_bytes(
    bytes: &[u8],
    profile: Profile,
    hashes: Hashes,
) -> Result<Listing, ContainerError> {
    let mut sink = Nowhere;
    let source = Source::of_bytes(bytes, hashes);
    read(source, profile, Unpacking::new(hashes, &mut sink))
}

fn read(
    mut source: Source<'_>,
    profile: Profile,
    mut unpacking: Unpacking<'_>,
) -> Result<Listing, ContainerError> {
    let format = Format::of(source.first()?)?;
    let container = match (format, profile) {
        (Format::Zip, Profile::Canonical) => {
            let what = "it is a zip archive";
            return Err(StreamProblem::NotCanonical { what }.into());
        }
        (Format::Zip, Profile::Foreign) => read_zip(source, &mut unpacking)?,
        _ => {
            let mut stream = Compressed::new(source, format, profile)?;
            read_tar(&mut stream, profile, &mut unpacking)?;
            stream.finish()?
        }
    };
    Ok(Listing {
        format,
        container,
        members: unpacking.finish(),
    })
}

/// Takes nothing.
struct Nowhere;

impl MemberSink for Nowhere {
    fn begin(&mut self, _: &RelativePath, _: Begins<'_>) -> Result<(), Stopped> {
        Ok(())
    }

    fn bytes(&mut self, _: &[u8]) -> Result<(), Stopped> {
        Ok(())
    }

    fn end(&mut self, _: &Artifact) -> Result<(), Stopped> {
        Ok(())
    }
}

/// Bytes that tell what an archive is.
pub(crate) const SNIFFED: usize = 512;
