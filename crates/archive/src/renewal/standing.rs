//! Until when a release's time can be proven: its own timestamps, and the renewals that reach them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use attest_digest::{Artifact, Digest};
use attest_provenance::ReleaseName;
use attest_verify::{ProvenTime, TimestampProof, TrustedRoot};
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

/// The timestamps of one piece of evidence by which it counts.
#[derive(Clone, Debug, Default)]
pub struct Stamps {
    /// The timestamps, at most one of each authority.
    pub proofs: Vec<TimestampProof>,
    /// The only authorities, by name or address, whose renewals count: of a signer whose own word does not.
    /// None: those of each.
    pub renewed_by: Option<Vec<String>>,
}

/// The timestamps of one release, with its renewals.
#[derive(Debug, Default)]
pub struct Proofs {
    /// Renewals that hold, the oldest first, each with the attachment that keeps it.
    pub renewals: Vec<(Digest, ProvenRenewal)>,
    /// Renewals that prove nothing, and why.
    pub refused: Vec<(Digest, RenewalError)>,
    /// Of each renewal that holds.
    covers: Vec<Cover>,
}

#[derive(Debug)]
struct Cover {
    own: Digest,
    covered: super::covered::Covered,
}

impl Stamps {
    /// Whether a renewal of that time and authority counts.
    pub fn is_renewed_by(&self, time: &ProvenTime) -> bool {
        let Some(names) = &self.renewed_by else {
            return true;
        };
        let own = [Some(time.authority()), time.authority_uri()];
        own.iter()
            .flatten()
            .any(|own| names.iter().any(|it| it == own))
    }

    /// Since when a time is proven, and until when it is by these timestamps alone. Another one of them is
    /// like a renewal: it counts if it was made while those before it stood.
    fn own(&self) -> Option<(Timestamp, Standing)> {
        let mut all: Vec<(Timestamp, Standing)> = self
            .proofs
            .iter()
            .map(|proof| {
                let (until, decided_by) = stands_until(proof, None);
                (proof.time().time(), Standing { until, decided_by })
            })
            .collect();
        // What had ended when it was made comes last.
        all.sort_by_key(|(time, it)| (it.until < *time, *time, Reverse(it.until)));
        let mut all = all.into_iter();
        let (first, mut standing) = all.next()?;
        for (time, next) in all {
            if time <= standing.until && standing.until < next.until {
                standing = next;
            }
        }
        Some((first, standing))
    }

    /// Until when a renewal stands by the timestamps that count; none if its first does not.
    fn reach(&self, renewal: &ProvenRenewal) -> Option<Standing> {
        let links = renewal.links().iter();
        let counted = links.take_while(|link| self.is_renewed_by(link.proof().time()));
        let last = counted.last()?;
        Some(Standing {
            until: last.until(),
            decided_by: last.decided_by().to_owned(),
        })
    }
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
            proofs.covers.push(Cover {
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
    pub fn standing(&self, stamps: &Stamps) -> Option<Standing> {
        self.renewed(stamps).map(|(standing, _)| standing)
    }

    /// Whether a renewal counts for these timestamps.
    pub fn is_renewed(&self, stamps: &Stamps) -> bool {
        self.renewed(stamps)
            .is_some_and(|(_, renewals)| renewals > 0)
    }

    /// Until when, and how many renewals count.
    fn renewed(&self, stamps: &Stamps) -> Option<(Standing, usize)> {
        let (first, own) = stamps.own()?;
        let mut best = own.clone();
        let mut counted: Vec<(&Cover, Timestamp)> = Vec::new();
        for ((_, renewal), cover) in self.renewals.iter().zip(&self.covers) {
            let Some(reach) = stamps.reach(renewal) else {
                continue;
            };
            let from = renewal.from();
            let renews_own = first <= from && from <= own.until;
            let renews_earlier = counted
                .iter()
                .any(|(earlier, until)| from <= *until && cover.covered.covers(&earlier.own));
            if !(renews_own || renews_earlier) {
                continue;
            }
            counted.push((cover, reach.until));
            if reach.until > best.until {
                best = reach;
            }
        }
        Some((best, counted.len()))
    }

    /// Renewals that came after what they should renew had ended.
    pub fn too_late(&self, stamps: &Stamps) -> Option<RenewalError> {
        let standing = self.standing(stamps)?;
        let mut renewals = self.renewals.iter().map(|(_, it)| it.from());
        let found = renewals.find(|from| *from > standing.until)?;
        Some(RenewalError::Late {
            link: 1,
            found,
            until: standing.until,
            decided_by: standing.decided_by,
        })
    }
}
