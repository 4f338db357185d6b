//! Until when a release's time can be proven: its own timestamps, and the renewals that reach them.

use std::collections::BTreeMap;

use attest_digest::{Artifact, Digest};
use attest_provenance::ReleaseName;
use attest_verify::{TimestampProof, TrustedRoot};
use jiff::Timestamp;

use super::error::RenewalError;
use super::kept::KeptRenewal;
use super::proof::{ProvenRenewal, stands_until};

/// The release whose standing is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Name and version.
    pub name: &'a ReleaseName,
    /// The digest of its manifest.
    pub manifest: Digest,
    /// The digests of its files.
    pub members: &'a [Digest],
    /// What was read of them: where there is something, both digests are compared.
    pub observed: &'a BTreeMap<Digest, Artifact>,
}

/// Until when a proof of time stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The last second.
    pub until: Timestamp,
    /// What ends it.
    pub decided_by: String,
}

/// The timestamps of one release, with its renewals.
#[derive(Debug, Default)]
pub struct Proofs {
    /// Renewals that hold, the oldest first, each with the attachment that keeps it.
    pub renewals: Vec<(Digest, ProvenRenewal)>,
    /// Renewals that prove nothing, and why.
    pub refused: Vec<(Digest, RenewalError)>,
    covers: Vec<Reach>,
}

#[derive(Debug)]
struct Reach {
    from: Timestamp,
    standing: Standing,
    own: Digest,
    covered: super::covered::Covered,
}

impl Proofs {
    /// Verifies every renewal of a release.
    pub fn of(
        subject: Subject<'_>,
        renewals: Vec<KeptRenewal>,
        roots: &[TrustedRoot],
        now: Timestamp,
    ) -> Self {
        let mut proofs = Self::default();
        let mut found = Vec::new();
        for renewal in renewals {
            let checked = renewal.covered.check(
                subject.name,
                subject.manifest,
                subject.members.iter().copied(),
                subject.observed,
            );
            let proven =
                checked.and_then(|()| renewal.record.verify(&renewal.document, roots, now));
            match proven {
                Ok(proven) => found.push((renewal, proven)),
                Err(error) => proofs.refused.push((renewal.attachment, error)),
            }
        }
        found.sort_by_key(|(_, proven)| (proven.from(), proven.links().len()));
        for (renewal, proven) in found {
            proofs.covers.push(Reach {
                from: proven.from(),
                standing: Standing {
                    until: proven.until(),
                    decided_by: proven
                        .links()
                        .last()
                        .map_or("", |link| link.decided_by())
                        .to_owned(),
                },
                own: renewal.record_digest,
                covered: renewal.covered,
            });
            proofs.renewals.push((renewal.attachment, proven));
        }
        proofs
    }

    /// Until when these timestamps of one piece of evidence can be proven: by themselves, or by renewals
    /// that were made while one of them, or an earlier renewal of these, still stood. `None` if there is
    /// no timestamp.
    pub fn standing(&self, timestamps: &[TimestampProof]) -> Option<Standing> {
        let own = timestamps.iter().map(|proof| {
            let (until, decided_by) = stands_until(proof, None);
            Standing { until, decided_by }
        });
        let own = own.max_by_key(|standing| standing.until)?;
        let first = timestamps.iter().map(|it| it.time().time()).min()?;
        let mut best = own.clone();
        let mut counted: Vec<&Reach> = Vec::new();
        for reach in &self.covers {
            let renews_own = first <= reach.from && reach.from <= own.until;
            let renews_earlier = counted.iter().any(|earlier| {
                reach.from <= earlier.standing.until && reach.covered.covers(&earlier.own)
            });
            if !(renews_own || renews_earlier) {
                continue;
            }
            counted.push(reach);
            if reach.standing.until > best.until {
                best = reach.standing.clone();
            }
        }
        Some(best)
    }

    /// Renewals that came after what they should renew had ended.
    pub fn too_late(&self, timestamps: &[TimestampProof]) -> Option<RenewalError> {
        let standing = self.standing(timestamps)?;
        let late = self
            .covers
            .iter()
            .find(|reach| reach.from > standing.until)?;
        Some(RenewalError::Late {
            link: 1,
            found: late.from,
            until: standing.until,
            decided_by: standing.decided_by,
        })
    }
}
