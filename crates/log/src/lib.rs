//! The transparency log: who saw a claim, and in which order.
//!
//! Two halves. The formats need only bytes and keys, and are what a verifier uses:
//!
//! | module or type | standard |
//! |---|---|
//! | [`Hash`], [`merkle`] | RFC 6962 §2.1, RFC 9162 §2.1: trees and their proofs |
//! | [`SignedCheckpoint`], [`Checkpoint`], [`LogKey`] | C2SP signed-note, tlog-checkpoint |
//! | [`tile`] | C2SP tlog-tiles: paths, tiles, entry bundles |
//! | [`entry`] | Rekor v2 `hashedrekord` 0.0.2 |
//!
//! What was parsed is a claim until [`SignedCheckpoint::verify`] and [`merkle::verify_inclusion`]
//! say otherwise.

mod checkpoint;
mod codec;
mod codes;
pub mod entry;
mod hash;
mod key;
pub mod limits;
pub mod merkle;
mod note;
mod store;
#[cfg(test)]
mod testing;
pub mod tile;

pub use checkpoint::{Checkpoint, CheckpointSigner, SignedCheckpoint, SignerError};
pub use codes::CODES;
pub use hash::{Hash, HashError};
pub use key::{KeyError, LogKey};
pub use note::{NoteError, NoteSignature};
pub use store::{
    Appended, CheckReport, Finding, Inclusion, Log, LogError, LogReader, Recovery, Which,
};
