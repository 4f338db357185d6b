//! Evidence records, as they are claimed.

use std::fmt;

use attest_digest::{Algorithm, Digest};

use super::error::RenewalError;
use super::{asn1, hash};
use crate::limits;

/// The timestamps over one release, chained: an `EvidenceRecord` (RFC 4998), read and not verified.
#[derive(Clone, PartialEq, Eq)]
pub struct EvidenceRecord {
    chains: Vec<Chain>,
}

/// Timestamps with one hash, each over the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) algorithm: Algorithm,
    /// Never empty.
    pub(super) links: Vec<ArchiveTimestamp>,
}

/// An `ArchiveTimeStamp`: the way through a hash tree, and the token over its root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ArchiveTimestamp {
    /// The reduced hash tree; empty when the token is over the hash itself.
    pub(super) tree: Vec<Vec<Vec<u8>>>,
    /// The timestamp, a `ContentInfo` in DER.
    pub(super) token: Vec<u8>,
}

impl EvidenceRecord {
    /// Reads a record, within its limits and of one meaning.
    ///
    /// # Errors
    /// `renewal-malformed`, `renewal-too-large`, `renewal-algorithm`.
    pub fn parse(der: &[u8]) -> Result<Self, RenewalError> {
        let chains = asn1::parse(der)?;
        if chains.is_empty() {
            return Err(RenewalError::Malformed {
                what: "a record without chains",
            });
        }
        let links: usize = chains.iter().map(|it| it.links.len()).sum();
        if links > limits::RENEWAL_LINKS {
            return Err(RenewalError::TooLarge {
                what: "timestamps of an evidence record",
                limit: limits::RENEWAL_LINKS,
            });
        }
        Ok(Self { chains })
    }

    /// The record in DER.
    ///
    /// # Errors
    /// `renewal-too-large`; a length beyond what DER can hold.
    pub fn to_der(&self) -> Result<Vec<u8>, RenewalError> {
        let der = asn1::encode(&self.chains)?;
        if der.len() > limits::RENEWAL_RECORD_BYTES {
            return Err(RenewalError::TooLarge {
                what: "bytes of an evidence record",
                limit: limits::RENEWAL_RECORD_BYTES,
            });
        }
        Ok(der)
    }

    /// How many timestamps it has.
    pub fn links(&self) -> usize {
        self.chains.iter().map(|it| it.links.len()).sum()
    }

    /// The hash of its last chain.
    pub fn algorithm(&self) -> Algorithm {
        self.chains
            .last()
            .map_or(Algorithm::Sha256, |chain| chain.algorithm)
    }

    /// Whether that one goes on where this one ends, or is the same.
    pub fn is_begin_of(&self, other: &Self) -> bool {
        let links = |record: &Self| {
            let of = |chain: &Chain| {
                let algorithm = chain.algorithm;
                let links = chain.links.clone().into_iter().enumerate();
                links.map(move |(at, link)| (algorithm, at == 0, link))
            };
            record
                .chains
                .clone()
                .into_iter()
                .flat_map(move |it| of(&it).collect::<Vec<_>>())
                .collect::<Vec<_>>()
        };
        links(other).starts_with(&links(self))
    }

    pub(super) fn chains(&self) -> &[Chain] {
        &self.chains
    }

    pub(super) fn first(algorithm: Algorithm, link: ArchiveTimestamp) -> Self {
        Self {
            chains: vec![Chain {
                algorithm,
                links: vec![link],
            }],
        }
    }

    /// Timestamp renewal, with the same hash (RFC 4998 §5.2).
    pub(super) fn renewed(mut self, link: ArchiveTimestamp) -> Self {
        if let Some(chain) = self.chains.last_mut() {
            chain.links.push(link);
        }
        self
    }

    /// Hash-tree renewal, with another hash (RFC 4998 §5.3).
    pub(super) fn rehashed(mut self, algorithm: Algorithm, link: ArchiveTimestamp) -> Self {
        self.chains.push(Chain {
            algorithm,
            links: vec![link],
        });
        self
    }

    /// What the next timestamp with the same hash must cover: the last one.
    pub(super) fn last_token_hash(&self) -> Option<Digest> {
        let chain = self.chains.last()?;
        let link = chain.links.last()?;
        Some(hash(chain.algorithm, &link.token))
    }
}

impl fmt::Debug for EvidenceRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EvidenceRecord")
            .field("chains", &self.chains.len())
            .field("links", &self.links())
            .finish()
    }
}

/// What the first timestamp of a later chain covers: document and all earlier chains (RFC 4998 §5.3).
pub(super) fn rehash(
    algorithm: Algorithm,
    covered: &[u8],
    earlier: &[Chain],
) -> Result<Digest, RenewalError> {
    let sequence = asn1::encode_sequence(earlier)?;
    let mut both = hash(algorithm, covered).as_bytes().to_vec();
    both.extend_from_slice(hash(algorithm, &sequence).as_bytes());
    Ok(hash(algorithm, &both))
}
