//! One function for each format that comes from outside: it reads the bytes and fails when what was
//! read breaks a promise of the parser. Reading and refusing are both fine; a panic, a second
//! spelling of one thing, or a forgery that verifies is not.
//!
//! The functions are plain, so that `tests/replay.rs` runs them over all known inputs with stable
//! Rust and without libFuzzer.

#![forbid(unsafe_code)]

mod archive;
mod container;
mod detached;
mod git;
mod layouts;
mod lock;
mod log;
mod policy;
mod provenance;
mod release;
pub mod seeds;
mod trust;
mod verify;

pub use archive::{bag, trail};
pub use container::container;
pub use detached::{detached, detached_key};
pub use git::git_object;
pub use layouts::{layout, link, rules};
pub use lock::lock;
pub use log::{checkpoint, log_entry, tile};
pub use policy::policy;
pub use provenance::{envelope, json, predicate, report, statement, tree_manifest};
pub use release::{checksums, key_file};
pub use trust::{root_parts, signers_file, tuf_metadata};
pub use verify::{OWN_ARTIFACT, OWN_TIME, bundle, dialect, image, timestamp, trusted_root};

/// What a target did with its input. All are fine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Something was read, and it kept its promises.
    Read,
    /// What was read is signed by the keys of the seeds.
    Verified,
    /// Nothing was read.
    Refused,
}

/// A target by its name.
pub type Target = (&'static str, fn(&[u8]) -> Outcome);

/// Every target: the names of the binaries and of the folders below `seeds/`.
pub const TARGETS: &[Target] = &[
    ("bag", bag),
    ("bundle", bundle),
    ("checkpoint", checkpoint),
    ("checksums", checksums),
    ("container", container),
    ("detached", detached),
    ("detached_key", detached_key),
    ("dialect", dialect),
    ("envelope", envelope),
    ("git_object", git_object),
    ("image", image),
    ("json", json),
    ("key_file", key_file),
    ("layout", layout),
    ("link", link),
    ("lock", lock),
    ("log_entry", log_entry),
    ("policy", policy),
    ("predicate", predicate),
    ("report", report),
    ("root_parts", root_parts),
    ("rules", rules),
    ("signers_file", signers_file),
    ("statement", statement),
    ("tile", tile),
    ("timestamp", timestamp),
    ("trail", trail),
    ("tree_manifest", tree_manifest),
    ("trusted_root", trusted_root),
    ("tuf_metadata", tuf_metadata),
];
