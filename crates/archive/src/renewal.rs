//! Renewal: a release's proof, stamped again before what it rests on runs out (RFC 4998).
//!
//! ```text
//! release ─► covered document ─┐                       ┌─► evidence record of this release
//!            every blob by      ├─► hash tree ─► root ─► one RFC 3161 timestamp
//! other releases ───────────────┘    (RFC 4998 §4.2)    └─► … of each other release
//! ```
//!
//! Later the timestamp itself is stamped (§5.2), or, for a stronger hash, document and record together
//! (§5.3). Nothing here asks an authority: [`Plan`] says what is to be stamped, a [`TimestampSource`]
//! stamps it.

mod ages;
mod asn1;
mod covered;
mod error;
mod kept;
mod plan;
mod proof;
mod record;
mod standing;
mod tree;

#[cfg(test)]
pub(crate) mod tests;

use attest_digest::{Algorithm, Artifact, Digest, Hashes};

pub use ages::{AGES, Age, Firmness, age_of, ends_of};
pub use covered::Covered;
pub use error::RenewalError;
pub use kept::{CoverError, KeptRenewal, UnreadRenewal, attachment_of, renewals_of};
pub use plan::{Plan, SourceError, Target, TimestampSource};
pub use proof::{ProvenLink, ProvenRenewal, stands_until};
pub use record::EvidenceRecord;
pub use standing::{Proofs, Stamps, Standing, Subject};

/// The digest of bytes in memory.
fn hash(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    let hashes = Hashes::Sha256.with(algorithm);
    let artifact = Artifact::of_bytes(bytes, hashes);
    // SHA-256 and what was asked for are there.
    artifact.digest(algorithm).unwrap_or(artifact.sha256())
}
