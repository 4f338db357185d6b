//! Releases, kept: a write-once, content-addressed archive in the form of an OCI image layout.
//!
//! Every file of a release, its evidence and its trust material are blobs named by their digest; a
//! manifest names the files of one release; the index names the manifests. A file in two releases is
//! stored once, other tools read it (`skopeo`, `umoci`, `oras`), and a person can check it with
//! coreutils:
//!
//! ```text
//! cd blobs/sha256 && for f in *; do echo "$f  $f"; done | sha256sum -c --strict
//! ```
//!
//! | to do | begin with |
//! |---|---|
//! | make an archive, add a release | [`Store`] |
//! | list, find and read releases | [`Reader`], [`Release`] |
//! | add to a release later, without changing it | [`Store::attach`], [`Reader::attachments`] |
//! | read every byte again | [`Reader::check`] |
//! | read them again later, all or a share | [`Reader::fixity`] |
//! | ask whether all is kept that must be | [`Release::completeness`] |
//! | say how long a release is kept | [`Keeping`], [`Term`] |
//! | let its artifacts go, and say so | [`Tombstone`], [`Deletion`], [`Store::forget`] |
//! | keep copies elsewhere, bring damaged blobs back | [`Replica`], [`Reader::copy_to`], [`Store::repair`] |
//! | ask a copy what it still has | [`Reader::check_replica`] |
//! | write the one tar archive of a tree | [`TarWriter`] |
//! | take the files of a tar archive that were accepted | [`extract`] |
//! | hand a release over, take one in | [`Release::export_folder`], [`Bag`] |
//!
//! Adding first makes every file durable under its final name, then replaces `index.json` by one
//! rename: a death at any moment leaves the old archive or the new one.
//!
//! What an archive says is a claim. Who made a release is for `attest-verify` and `attest-policy` to
//! say; the bytes that they need come from here.

#![expect(
    clippy::result_large_err,
    reason = "an error ends the run: its size costs nothing"
)]

mod attachment;
mod attachments;
pub mod audit;
mod bag;
mod blob;
mod check;
mod codes;
mod completeness;
mod copy;
mod disk;
mod error;
mod extract;
mod fault;
mod fixity;
mod index;
mod keeping;
mod kind;
mod later_log;
mod layout;
mod manifest;
mod materialize;
mod pack;
mod reader;
mod reference;
mod release;
pub mod renewal;
mod replica;
mod role;
mod said_error;
mod store;
mod tar;
mod tar_error;
mod tombstone;

pub mod limits;

#[cfg(test)]
mod tests;

pub use attachment::{AttachedFile, Attachment, AttachmentSummary};
pub use bag::{
    AttachedAs, AttachedFiles, BAG_FORMAT, Bag, BagProblem, Exported, Kept, WhatIsWrong, bag_name,
};
pub use check::{Attached, CheckReport, CheckedRelease, Note, Problem};
pub use codes::CODES;
pub use completeness::{Completeness, Needed};
pub use copy::{Conflict, CopyReport, NotCopied, NotCopiedBecause};
pub use error::{ArchiveError, Malformed, NotAnArchive};
pub use extract::{Admitted, ExtractError, extract};
pub use fixity::{Extent, Fixity, Sample};
pub use keeping::{
    HOLD_TYPE, Keeping, KeptKeeping, LIFT_TYPE, RETENTION_CLASSES, RETENTION_TYPE, Retention,
    RetentionClass, Said, Seal, Term,
};
pub use kind::{AttachmentKind, LaterKind};
pub use later_log::{Grown, LaterLog, LaterLogError};
pub use layout::{ATTACHMENT_TYPE, LAYOUT, RELEASE_TYPE};
pub use manifest::Member;
pub use materialize::{Materialized, Selection};
pub use pack::{GzipWriter, ZstdWriter};
pub use reader::{Reader, Summary};
pub use release::Release;
pub use replica::{
    Depth, FolderReplica, Item, ItemKind, Put, Replica, ReplicaCheck, ReplicaError, Wrong,
    join_index, new_index_parts,
};
pub use role::Role;
pub use said_error::SaidError;
pub use store::{
    Added, AttachedFileInput, AttachmentInput, AttachmentsAdded, Forgotten, IndexRepair, Lost,
    MemberInput, Outcome, ReleaseInput, RepairReport, Repaired, Source, Store,
};
pub use tar::{TarWriter, tar_order};
pub use tar_error::TarError;
pub use tombstone::{Deletion, TOMBSTONE_TYPE, Tombstone, TombstoneError};
