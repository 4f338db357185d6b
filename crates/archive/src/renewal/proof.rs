//! What a record proves: RFC 4998 §5.3, step by step.

use attest_digest::{Algorithm, Digest};
use attest_verify::{
    ClaimedTimestamp, TimestampProof, TrustedRoot, UsedAlgorithm, limits::CLOCK_SKEW_SECONDS,
};
use jiff::Timestamp;

use super::ages::{Firmness, ends_of};
use super::error::RenewalError;
use super::record::{ArchiveTimestamp, Chain, EvidenceRecord, rehash};
use super::{hash, tree};

/// An evidence record whose every link was checked.
#[derive(Clone, Debug)]
pub struct ProvenRenewal {
    links: Vec<ProvenLink>,
}

/// One timestamp of a record, proven, and how long it stands.
#[derive(Clone, Debug)]
pub struct ProvenLink {
    proof: TimestampProof,
    algorithm: Algorithm,
    until: Timestamp,
    decided_by: String,
}

impl ProvenRenewal {
    /// The timestamps, the oldest first; never none.
    pub fn links(&self) -> &[ProvenLink] {
        &self.links
    }

    /// When the document was first stamped.
    pub fn from(&self) -> Timestamp {
        let first = self.links.first();
        first.map_or(Timestamp::MAX, |it| it.proof.time().time())
    }

    /// Until when the last timestamp stands.
    pub fn until(&self) -> Timestamp {
        self.links.last().map_or(Timestamp::MIN, |it| it.until)
    }
}

impl ProvenLink {
    /// The timestamp.
    pub const fn proof(&self) -> &TimestampProof {
        &self.proof
    }

    /// The hash of its tree.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Until when it stands by itself.
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// What ends it: a certificate or an algorithm.
    pub fn decided_by(&self) -> &str {
        &self.decided_by
    }

    fn new(proof: TimestampProof, algorithm: Algorithm) -> Self {
        let (until, decided_by) = stands_until(&proof, Some(algorithm));
        Self {
            proof,
            algorithm,
            until,
            decided_by,
        }
    }
}

/// Until when a timestamp stands by itself, and what ends it: the first certificate of its chain to
/// expire, or the first of its algorithms that a standard ends.
pub fn stands_until(proof: &TimestampProof, tree: Option<Algorithm>) -> (Timestamp, String) {
    let mut used = proof.algorithms().to_vec();
    used.extend(tree.map(UsedAlgorithm::Hash));
    match ends_of(&used, Firmness::Final) {
        Some((end, algorithm)) if end < proof.until() => (end, format!("the end of {algorithm}")),
        _ => {
            let whose = proof.first_to_expire();
            (proof.until(), format!("the certificate of {whose}"))
        }
    }
}

impl EvidenceRecord {
    /// Checks every link: each token is over exactly the root to which its tree leads, each tree begins
    /// with what it must cover, and each timestamp was made while the one before it still stood.
    ///
    /// `covered` is the document that was stamped. Whether it is about the release, [`Covered::check`]
    /// says; whether the last timestamp still stands, [`ProvenRenewal::until`].
    ///
    /// [`Covered::check`]: super::Covered::check
    ///
    /// # Errors
    /// As [`RenewalError`] lists them; the first link that does not hold.
    pub fn verify(
        &self,
        covered: &[u8],
        roots: &[TrustedRoot],
        now: Timestamp,
    ) -> Result<ProvenRenewal, RenewalError> {
        let mut links: Vec<ProvenLink> = Vec::new();
        let mut seen: Vec<&[u8]> = Vec::new();
        for (number, chain) in self.chains().iter().enumerate() {
            let earlier = self.chains().get(..number).unwrap_or_default();
            let mut wanted = start(chain, covered, earlier)?;
            for link in &chain.links {
                let at = links.len() + 1;
                if seen.contains(&link.token.as_slice()) {
                    return Err(RenewalError::Duplicate { link: at });
                }
                seen.push(&link.token);
                let proof = check_link(chain.algorithm, link, &wanted, at, roots)?;
                let next = ProvenLink::new(proof, chain.algorithm);
                check_times(links.last(), &next, at, now)?;
                links.push(next);
                wanted = hash(chain.algorithm, &link.token);
            }
        }
        Ok(ProvenRenewal { links })
    }
}

/// What the first timestamp of a chain must cover.
fn start(chain: &Chain, covered: &[u8], earlier: &[Chain]) -> Result<Digest, RenewalError> {
    let Some(before) = earlier.last() else {
        return Ok(hash(chain.algorithm, covered));
    };
    if chain.algorithm.len() <= before.algorithm.len() {
        return Err(RenewalError::AlgorithmWeaker {
            found: chain.algorithm.name(),
            earlier: before.algorithm.name(),
        });
    }
    rehash(chain.algorithm, covered, earlier)
}

fn check_link(
    algorithm: Algorithm,
    link: &ArchiveTimestamp,
    wanted: &Digest,
    at: usize,
    roots: &[TrustedRoot],
) -> Result<TimestampProof, RenewalError> {
    let wanted = *wanted;
    let root = tree::root_of(algorithm, &link.tree, &wanted).ok_or(if at == 1 {
        RenewalError::Path { wanted }
    } else {
        RenewalError::Gap { link: at, wanted }
    })?;
    let token = |check| RenewalError::Token {
        link: at,
        check: Box::new(check),
    };
    let claimed = ClaimedTimestamp::parse(&link.token).map_err(token)?;
    if claimed.unverified_imprint().as_ref() != Some(&root) {
        // Without a tree the token itself is what covers.
        return Err(match (link.tree.is_empty(), at) {
            (true, 1) => RenewalError::Path { wanted },
            (true, _) => RenewalError::Gap { link: at, wanted },
            (false, _) => RenewalError::Root {
                link: at,
                wanted: root,
            },
        });
    }
    claimed.verify(&root, roots).map_err(token)
}

/// A timestamp lies after the one before it and before that one's end, and not in the future.
fn check_times(
    before: Option<&ProvenLink>,
    link: &ProvenLink,
    at: usize,
    now: Timestamp,
) -> Result<(), RenewalError> {
    let found = link.proof.time().time();
    if found.as_second() > now.as_second().saturating_add(CLOCK_SKEW_SECONDS) {
        return Err(RenewalError::Future { link: at, found });
    }
    let Some(before) = before else {
        return Ok(());
    };
    let earlier = before.proof.time().time();
    if found < earlier {
        return Err(RenewalError::Order {
            link: at,
            found,
            earlier,
        });
    }
    if found > before.until {
        return Err(RenewalError::Late {
            link: at,
            found,
            until: before.until,
            decided_by: before.decided_by.clone(),
        });
    }
    Ok(())
}
