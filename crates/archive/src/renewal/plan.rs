//! Making renewals: many releases, one hash tree, one timestamp.

use std::collections::BTreeSet;
use std::error::Error;

use attest_digest::{Algorithm, Digest};
use attest_verify::ClaimedTimestamp;

use super::error::RenewalError;
use super::hash;
use super::record::{ArchiveTimestamp, EvidenceRecord, rehash};
use super::tree::HashTree;

/// Gives RFC 3161 timestamps over digests: a local authority, or one behind a network.
pub trait TimestampSource {
    /// A granted DER `TimeStampResp`, or a bare token, over this digest. Nobody has checked it: whoever
    /// asks verifies what comes.
    ///
    /// # Errors
    /// When no timestamp could be had.
    fn timestamp_digest(&self, digest: &Digest) -> Result<Vec<u8>, SourceError>;
}

/// Why there is no timestamp: a stable code and what lies behind it.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub struct SourceError {
    code: &'static str,
    source: Box<dyn Error + Send + Sync>,
}

impl SourceError {
    /// An error of this kebab-case code.
    pub fn new(code: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            code,
            source: source.into(),
        }
    }

    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        self.code
    }
}

/// One release that is to be renewed.
#[derive(Debug)]
pub struct Target {
    covered: Vec<u8>,
    record: Option<EvidenceRecord>,
}

impl Target {
    /// A document that was never stamped.
    pub const fn new(covered: Vec<u8>) -> Self {
        Self {
            covered,
            record: None,
        }
    }

    /// A document with the record that it has.
    pub const fn again(covered: Vec<u8>, record: EvidenceRecord) -> Self {
        Self {
            covered,
            record: Some(record),
        }
    }

    /// The document.
    pub fn covered(&self) -> &[u8] {
        &self.covered
    }

    /// What the next timestamp, with this hash, must cover.
    fn leaf(&self, algorithm: Algorithm) -> Result<Digest, RenewalError> {
        let Some(record) = &self.record else {
            return Ok(hash(algorithm, &self.covered));
        };
        if record.algorithm() == algorithm {
            return record.last_token_hash().ok_or(RenewalError::Nothing);
        }
        if algorithm.len() < record.algorithm().len() {
            return Err(RenewalError::AlgorithmWeaker {
                found: algorithm.name(),
                earlier: record.algorithm().name(),
            });
        }
        rehash(algorithm, &self.covered, record.chains())
    }
}

/// A hash tree over releases, whose root is to be stamped.
#[derive(Debug)]
pub struct Plan {
    tree: HashTree,
    root: Digest,
    targets: Vec<(Target, Digest)>,
}

impl Plan {
    /// The tree over these releases with one hash. Releases that share their last timestamp share a leaf.
    ///
    /// # Errors
    /// `renewal-nothing` for no releases; `renewal-algorithm-weaker`.
    pub fn new(algorithm: Algorithm, targets: Vec<Target>) -> Result<Self, RenewalError> {
        let targets = targets.into_iter().map(|target| {
            let leaf = target.leaf(algorithm)?;
            Ok((target, leaf))
        });
        let targets = targets.collect::<Result<Vec<_>, RenewalError>>()?;
        let leaves: BTreeSet<Vec<u8>> = targets
            .iter()
            .map(|(_, leaf)| leaf.as_bytes().to_vec())
            .collect();
        let tree = HashTree::new(algorithm, &leaves).ok_or(RenewalError::Nothing)?;
        let root = tree.root().ok_or(RenewalError::Nothing)?;
        Ok(Self {
            tree,
            root,
            targets,
        })
    }

    /// What is to be stamped: this very digest is the token's imprint.
    pub fn root(&self) -> Digest {
        self.root
    }

    /// The document and the record of each release, in their order. Nothing about the timestamp was
    /// verified: verify the records before they are kept.
    ///
    /// # Errors
    /// What came is no timestamp; a record becomes larger than is read.
    pub fn finish(self, timestamp: &[u8]) -> Result<Vec<(Vec<u8>, EvidenceRecord)>, RenewalError> {
        let token = ClaimedTimestamp::parse(timestamp).map_err(|check| RenewalError::Token {
            link: 1,
            check: Box::new(check),
        })?;
        let algorithm = self.tree.algorithm();
        let each = self.targets.into_iter().map(|(target, leaf)| {
            let link = ArchiveTimestamp {
                tree: self.tree.path(&leaf).ok_or(RenewalError::Nothing)?,
                token: token.der().to_vec(),
            };
            let record = match target.record {
                None => EvidenceRecord::first(algorithm, link),
                Some(record) if record.algorithm() == algorithm => record.renewed(link),
                Some(record) => record.rehashed(algorithm, link),
            };
            Ok((target.covered, record))
        });
        each.collect()
    }
}
