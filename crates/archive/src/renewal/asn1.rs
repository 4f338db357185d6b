//! The structures of RFC 4998 in DER; the one place that names the library that reads and writes it.

use attest_digest::Algorithm;
use der::asn1::{ObjectIdentifier, OctetString};
use der::{Any, Decode, Encode, Sequence};

use super::error::RenewalError;
use super::record::{ArchiveTimestamp, Chain};
use crate::limits;

/// ```text
/// EvidenceRecord ::= SEQUENCE {
///   version                   INTEGER { v1(1) },
///   digestAlgorithms          SEQUENCE OF AlgorithmIdentifier,
///   cryptoInfos               [0] CryptoInfos OPTIONAL,
///   encryptionInfo            [1] EncryptionInfo OPTIONAL,
///   archiveTimeStampSequence  SEQUENCE OF SEQUENCE OF ArchiveTimeStamp }
/// ```
/// RFC 4998 §3.1. Certificates are those of the trusted root and nothing is encrypted: the optional
/// fields are not read.
#[derive(Sequence)]
struct EvidenceRecordDer {
    version: u8,
    digest_algorithms: Vec<AlgorithmDer>,
    chains: Vec<Vec<ArchiveTimestampDer>>,
}

/// ```text
/// ArchiveTimeStamp ::= SEQUENCE {
///   digestAlgorithm [0] IMPLICIT AlgorithmIdentifier OPTIONAL,
///   attributes      [1] IMPLICIT Attributes OPTIONAL,
///   reducedHashtree [2] IMPLICIT SEQUENCE OF PartialHashtree OPTIONAL,
///   timeStamp       ContentInfo }
/// PartialHashtree ::= SEQUENCE OF OCTET STRING
/// ```
/// RFC 4998 §4.1. The algorithm is always written; attributes never are.
#[derive(Sequence)]
struct ArchiveTimestampDer {
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    digest_algorithm: AlgorithmDer,
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT", optional = "true")]
    reduced_hashtree: Option<Vec<Vec<OctetString>>>,
    time_stamp: Any,
}

#[derive(Clone, PartialEq, Eq, Sequence)]
struct AlgorithmDer {
    id: ObjectIdentifier,
    #[asn1(optional = "true")]
    parameters: Option<Any>,
}

/// Reads a record of the profile that we write.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Chain>, RenewalError> {
    if bytes.len() > limits::RENEWAL_RECORD_BYTES {
        return Err(RenewalError::TooLarge {
            what: "bytes of an evidence record",
            limit: limits::RENEWAL_RECORD_BYTES,
        });
    }
    let record =
        EvidenceRecordDer::from_der(bytes).map_err(|_| malformed("no EvidenceRecord in DER"))?;
    // DER has one encoding for each value: a reader that differs from ours must not exist.
    if record.to_der().ok().as_deref() != Some(bytes) {
        return Err(malformed("an EvidenceRecord that is not in DER"));
    }
    if record.version != 1 {
        return Err(malformed("another version than 1"));
    }
    let chains = record.chains.iter().map(|chain| read_chain(chain));
    let chains = chains.collect::<Result<Vec<_>, _>>()?;
    if record.digest_algorithms != algorithms(&chains) {
        return Err(malformed(
            "other digest algorithms than those of its chains",
        ));
    }
    Ok(chains)
}

pub(super) fn encode(chains: &[Chain]) -> Result<Vec<u8>, RenewalError> {
    let record = EvidenceRecordDer {
        version: 1,
        digest_algorithms: algorithms(chains),
        chains: chains.iter().map(write_chain).collect::<Result<_, _>>()?,
    };
    record
        .to_der()
        .map_err(|_| malformed("what cannot be encoded"))
}

/// The `ArchiveTimeStampSequence` of these chains: what RFC 4998 §5.3 calls atsc(i).
pub(super) fn encode_sequence(chains: &[Chain]) -> Result<Vec<u8>, RenewalError> {
    let chains = chains
        .iter()
        .map(write_chain)
        .collect::<Result<Vec<_>, _>>()?;
    chains
        .to_der()
        .map_err(|_| malformed("what cannot be encoded"))
}

fn read_chain(chain: &[ArchiveTimestampDer]) -> Result<Chain, RenewalError> {
    let Some(first) = chain.first() else {
        return Err(malformed("a chain without timestamps"));
    };
    // RFC 4998 §5.3: all timestamps of one chain use the same hash.
    if chain
        .iter()
        .any(|it| it.digest_algorithm != first.digest_algorithm)
    {
        return Err(RenewalError::AlgorithmMixed);
    }
    let algorithm = algorithm(&first.digest_algorithm)?;
    let links = chain.iter().map(|link| {
        Ok(ArchiveTimestamp {
            tree: read_tree(link.reduced_hashtree.as_deref(), algorithm)?,
            token: link
                .time_stamp
                .to_der()
                .map_err(|_| malformed("no timestamp"))?,
        })
    });
    Ok(Chain {
        algorithm,
        links: links.collect::<Result<_, RenewalError>>()?,
    })
}

fn read_tree(
    tree: Option<&[Vec<OctetString>]>,
    algorithm: Algorithm,
) -> Result<Vec<Vec<Vec<u8>>>, RenewalError> {
    let Some(lists) = tree else {
        return Ok(Vec::new());
    };
    if lists.is_empty() || lists.len() > limits::RENEWAL_TREE_DEPTH {
        return Err(malformed("a hash tree of no depth or too great a one"));
    }
    let of = |list: &Vec<OctetString>| {
        let hashes: Vec<Vec<u8>> = list.iter().map(|it| it.as_bytes().to_vec()).collect();
        let right = hashes.iter().all(|it| it.len() == algorithm.len());
        if !right || hashes.is_empty() || hashes.len() > limits::RENEWAL_TREE_WIDTH {
            return Err(malformed("a hash tree with something else than its hashes"));
        }
        Ok(hashes)
    };
    let lists = lists.iter().map(of).collect::<Result<Vec<_>, _>>()?;
    // Some take a lone hash as the group's, others hash it once more: two meanings.
    if lists.first().is_some_and(|first| first.len() < 2) {
        return Err(malformed("a hash tree that begins with a lone hash"));
    }
    Ok(lists)
}

fn write_chain(chain: &Chain) -> Result<Vec<ArchiveTimestampDer>, RenewalError> {
    let link = |link: &ArchiveTimestamp| {
        let lists = link.tree.iter().map(|list| {
            let hashes = list.iter().map(|hash| OctetString::new(hash.as_slice()));
            hashes.collect::<Result<Vec<_>, _>>()
        });
        let lists = lists.collect::<Result<Vec<_>, _>>()?;
        Ok(ArchiveTimestampDer {
            digest_algorithm: identifier(chain.algorithm),
            reduced_hashtree: (!lists.is_empty()).then_some(lists),
            time_stamp: Any::from_der(&link.token)?,
        })
    };
    let links = chain.links.iter().map(link);
    links
        .collect::<der::Result<_>>()
        .map_err(|_| malformed("what cannot be encoded"))
}

/// The algorithms of the chains, each once, in their order.
fn algorithms(chains: &[Chain]) -> Vec<AlgorithmDer> {
    let mut found = Vec::new();
    for chain in chains {
        let one = identifier(chain.algorithm);
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

/// SHA-2 without parameters (RFC 5754 §2).
fn identifier(algorithm: Algorithm) -> AlgorithmDer {
    AlgorithmDer {
        id: match algorithm {
            Algorithm::Sha256 => SHA_256,
            Algorithm::Sha384 => SHA_384,
            Algorithm::Sha512 => SHA_512,
        },
        parameters: None,
    }
}

fn algorithm(identifier: &AlgorithmDer) -> Result<Algorithm, RenewalError> {
    match (identifier.id, &identifier.parameters) {
        (SHA_256, None) => Ok(Algorithm::Sha256),
        (SHA_384, None) => Ok(Algorithm::Sha384),
        (SHA_512, None) => Ok(Algorithm::Sha512),
        (other, _) => Err(RenewalError::AlgorithmUnknown {
            found: other.to_string(),
        }),
    }
}

const fn malformed(what: &'static str) -> RenewalError {
    RenewalError::Malformed { what }
}

const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
