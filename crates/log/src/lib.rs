//! The transparency log: who saw a claim, and in which order.
//!
//! The formats need only bytes and keys, and are what a verifier uses:
//!
//! | module or type | standard |
//! |---|---|
//! | [`Hash`](struct@Hash), [`merkle`] | RFC 6962 §2.1, RFC 9162 §2.1: trees and their proofs |
//! | [`SignedCheckpoint`], [`Checkpoint`], [`LogKey`] | C2SP signed-note, tlog-checkpoint |
//! | [`tile`] | C2SP tlog-tiles: paths, tiles, entry bundles |
//! | [`entry`] | Rekor v2 `hashedrekord` 0.0.2 |
//! | [`WitnessPolicy`] | C2SP tlog-policy, tlog-cosignature: who else saw a checkpoint |
//!
//! What was parsed is a claim until [`SignedCheckpoint::verify`] and [`merkle::verify_inclusion`]
//! say otherwise.
//!
//! The store keeps a log in files that any static web server can serve. [`Log`] writes, one process
//! at a time; [`LogReader`] reads and checks, without a lock, also what a [`TileSource`] fetches. A batch is durable before the second
//! copy of its checkpoint is, and that before the checkpoint is published:
//!
//! ```text
//! append ─► journal, synced ─► tiles ─► second copy, synced ─► checkpoints/N, checkpoint
//! ```
//!
//! So a log that was restored from a backup, or lost files, is noticed when it is opened: it never
//! signs two checkpoints of one size with different roots. What was interrupted is finished then.
//!
//! ```
//! # use attest_log::{CheckpointSigner, LogKey, SignerError};
//! # use ed25519_dalek::{Signer as _, SigningKey};
//! # struct Key(SigningKey, LogKey);
//! # impl CheckpointSigner for Key {
//! #     fn key(&self) -> &LogKey { &self.1 }
//! #     fn sign(&self, text: &[u8]) -> Result<[u8; 64], SignerError> { Ok(self.0.sign(text).to_bytes()) }
//! # }
//! # let secret = SigningKey::from_bytes(&[7; 32]);
//! # let key = LogKey::new("log.example", secret.verifying_key().as_bytes())?;
//! # let signer = Key(secret, key.clone());
//! # let home = tempfile::tempdir()?;
//! # let (folder, copy) = (home.path().join("log"), home.path().join("copy/checkpoint"));
//! use attest_log::{Log, LogReader, SignedCheckpoint, merkle};
//!
//! let mut log = Log::create(&folder, &copy, &signer)?;
//! let appended = log.append(&[b"an entry".to_vec()])?.remove(0);
//!
//! // What anybody can check who has the entry, the proof and the log's key:
//! let checkpoint = SignedCheckpoint::parse(&appended.proof.checkpoint)?;
//! let checkpoint = checkpoint.verify(&key)?;
//! let leaf = merkle::leaf_hash(b"an entry");
//! let (index, hashes) = (appended.index, &appended.proof.hashes);
//! merkle::verify_inclusion(&leaf, index, checkpoint.size(), hashes, &checkpoint.root())?;
//!
//! // What anybody can check who has the folder:
//! assert!(LogReader::check(&folder, &key)?.findings.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
mod witness;

pub use checkpoint::{Checkpoint, CheckpointSigner, SignedCheckpoint, SignerError};
pub use codes::CODES;
pub use hash::{Hash, HashError};
pub use key::{Ed25519Key, KeyError, LogKey};
pub use note::{NoteError, NoteSignature};
pub use store::{
    Appended, CheckReport, Finding, Inclusion, Log, LogError, LogReader, Recovery, SourceError,
    TileSource, Which,
};
pub use witness::{PolicyError, WitnessPolicy, Witnessed};
