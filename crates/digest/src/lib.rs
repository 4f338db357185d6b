//! Digests and sizes of files and trees, observed by reading them; checksum files.
//!
//! Everything here is either *claimed*, because somebody wrote it down, or *observed*, because
//! these functions read the bytes themselves:
//!
//! | claimed | observed |
//! |---|---|
//! | [`DigestSet`]: the digests that a statement gives for one thing | [`Artifact`]: size and digests of bytes that were read |
//! | the header of an archive | [`Listing`]: its members, each read and hashed |
//! | [`Checksums`]: the lines of a `SHA256SUMS` file | [`Tree`]: the files that [`walk`] found below a folder |
//!
//! The only way to an [`Artifact`] is through its bytes, and [`Artifact::compare`] is where the two
//! columns meet.
//!
//! ```
//! use attest_digest::{Artifact, DigestSet, Hashes, Match};
//!
//! let mut claimed = DigestSet::new();
//! claimed.insert("sha256", "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")?;
//! let observed = Artifact::of_bytes(b"hello", Hashes::Sha256);
//! assert_eq!(observed.compare(&claimed), Match::Same);
//! # Ok::<(), attest_digest::DigestError>(())
//! ```

mod artifact;
mod checksums;
mod checksums_error;
mod codes;
mod collision;
mod container;
mod digest;
mod digest_set;
mod hasher;
mod hashing;
mod parallel;
mod path;
mod pipeline;
mod portable;
mod read_all;
mod read_error;
mod signed_form;
mod survey;
mod sys;
mod tar;
mod walk;
mod zip;

pub mod limits;

pub use artifact::Artifact;
pub use checksums::{Checksums, checksums_algorithm_of_name};
pub use checksums_error::{ChecksumsError, LineProblem};
pub use codes::CODES;
pub use collision::colliding_names;
pub use container::error::{ContainerError, ContainerProblem, StreamProblem, TarProblem};
pub use container::{
    Begins, Format, Listing, Member, MemberKind, MemberSink, Profile, Stopped, read_container,
    read_container_bytes, unpack_container,
};
pub use digest::{Algorithm, Digest, DigestError};
pub use digest_set::{DigestSet, Match};
pub use hasher::Hashes;
pub use hashing::Hashing;
pub use parallel::{hash_all, pipeline};
pub use path::{NameProblem, RelativePath, check_text, escaped_bytes};
pub use portable::{Clash, NameSet, Place, PortablePath, PortableProblem, link_target};
pub use read_error::{CopyError, FileKind, ReadError};
pub use signed_form::SignedForm;
pub use survey::{OpenSighting, Sighting, Step, Survey, shown_path, walk_order};
pub use sys::Root;
pub use sys::node::{ExtendedAttribute, Metadata, NodeKind};
pub use tar::canonical::{FileMode, TAR_BLOCK, TarMember, TarTime, tar_header};
pub use tar::header::holds_tar_header;
pub use walk::{Item, ItemPath, Kind, Problem, Tree, WalkError, WalkLimits, walk};
pub use zip::error::ZipProblem;
