//! Until when it can be proven when a release was signed: its timestamps, its renewals, and what ends
//! them.

use std::collections::BTreeMap;

use attest_archive::renewal::{
    Firmness, KeptRenewal, Proofs, Stamps, Standing, Subject, UnreadRenewal, ends_of, renewals_of,
};
use attest_archive::{Bag, Kept, Reader, Release};
use attest_digest::{Artifact, Digest};
use attest_verify::dialect::{self, Claim};
use attest_verify::{TimestampProof, TrustedRoot, UsedAlgorithm};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::command::verify::is_bundle_name;
use crate::report::Refusal;

/// What can be said of one release.
#[derive(Debug)]
pub(crate) struct ReleaseProof {
    /// None: nothing here bears a timestamp that an authority of a trusted root made.
    pub(crate) standing: Option<Standing>,
    /// When its evidence was first stamped.
    pub(crate) latest: Option<Timestamp>,
    /// The last timestamp of its own evidence, without renewals.
    pub(crate) signed: Option<Timestamp>,
    pub(crate) renewals: Vec<Renewal>,
    /// Whether a renewal counts for each piece of evidence that has a timestamp.
    pub(crate) is_renewed: bool,
    /// Renewals that prove nothing: code and words.
    pub(crate) refused: Vec<(&'static str, String)>,
    /// Whether one of them was not handed out by the system: it may be one that holds.
    pub(crate) is_untold: bool,
    /// The first algorithm that a draft ends, and when.
    pub(crate) draft: Option<(Timestamp, &'static str)>,
}

/// One timestamp of a renewal.
#[derive(Debug)]
pub(crate) struct Renewal {
    time: Timestamp,
    authority: String,
    uri: Option<String>,
    until: Timestamp,
    decided_by: String,
}

impl Renewal {
    /// Independent is only what the verifier declares.
    fn asserted(&self, independent: &[String]) -> &'static str {
        let declared = |name: &str| independent.iter().any(|it| it == name);
        if declared(&self.authority) || self.uri.as_deref().is_some_and(declared) {
            "independent, as declared"
        } else {
            "self-asserted"
        }
    }
}

/// Asks of a release how long its proof of time stands. `decided` are the timestamps of what was judged and
/// counts; without it all evidence at the release's top does.
pub(crate) fn of(
    reader: &Reader,
    release: &Release<'_>,
    observed: &BTreeMap<Digest, Artifact>,
    decided: Option<&[Stamps]>,
    roots: &[TrustedRoot],
    now: Timestamp,
) -> ReleaseProof {
    let members = reader.kept_members(release);
    let members: Vec<Digest> = members.map(attest_archive::Member::digest).collect();
    let subject = Subject {
        name: release.name(),
        manifest: release.manifest(),
        members: &members,
        observed,
    };
    proven(
        release,
        subject,
        reader.renewals(release),
        decided,
        roots,
        now,
    )
}

/// As [`of`], of an exported release.
pub(super) fn of_bag(
    bag: &Bag,
    decided: Option<&[Stamps]>,
    roots: &[TrustedRoot],
    now: Timestamp,
) -> ReleaseProof {
    let members = bag.members().iter();
    let members: Vec<Digest> = members.map(attest_archive::Member::digest).collect();
    let observed = bag.observed();
    let subject = Subject {
        name: bag.name(),
        manifest: bag.manifest(),
        members: &members,
        observed: &observed,
    };
    proven(bag, subject, renewals_of(bag), decided, roots, now)
}

fn proven(
    release: &dyn Kept,
    subject: Subject<'_>,
    (kept, unread): (Vec<KeptRenewal>, Vec<UnreadRenewal>),
    decided: Option<&[Stamps]>,
    roots: &[TrustedRoot],
    now: Timestamp,
) -> ReleaseProof {
    let proofs = Proofs::of(subject, kept, roots, now);
    let mut stamped = match decided {
        Some(decided) => decided.to_vec(),
        None => timestamps(release, roots),
    };
    stamped.retain(|it| !it.proofs.is_empty());
    let standings = stamped.iter().filter_map(|it| proofs.standing(it));
    let standing = standings.min_by_key(|it| it.until);
    let is_untold = unread.iter().any(|it| it.is_untold);
    let mut refused: Vec<(&'static str, String)> =
        unread.into_iter().map(|it| (it.code, it.problem)).collect();
    let refusals = proofs.refused.iter();
    refused.extend(refusals.map(|(_, error)| (error.code(), error.to_string())));
    let late = stamped.iter().filter_map(|it| proofs.too_late(it));
    refused.extend(late.take(1).map(|error| (error.code(), error.to_string())));
    refused.extend(not_independent(&stamped, &proofs));
    ReleaseProof {
        latest: latest(&stamped, &proofs),
        signed: own(&stamped).map(|it| it.time().time()).max(),
        draft: draft(&stamped, &proofs),
        renewals: renewals(&proofs),
        is_renewed: !stamped.is_empty() && stamped.iter().all(|it| proofs.is_renewed(it)),
        standing,
        refused,
        is_untold,
    }
}

impl ReleaseProof {
    /// Whether nothing proves any more when the release was signed.
    pub(crate) fn is_expired(&self, now: Timestamp) -> bool {
        self.standing.as_ref().is_some_and(|it| it.until < now)
    }

    /// Whether it ended by what could be read, and a renewal could not be.
    pub(crate) fn is_unknown(&self, now: Timestamp) -> bool {
        self.is_untold && self.is_expired(now)
    }

    /// Why the release is no longer provable.
    pub(crate) fn refusals(&self, now: Timestamp) -> Vec<Refusal> {
        let Some(standing) = self.standing.as_ref().filter(|it| it.until < now) else {
            return Vec::new();
        };
        let mut refusals = vec![Refusal {
            code: "proof-expired",
            found: format!(
                "a proof of time that stood until {} ({})",
                standing.until, standing.decided_by
            ),
            wanted: format!("one that stands at {now}, or a renewal made before it ended"),
        }];
        refusals.extend(self.refused.iter().map(|(code, problem)| Refusal {
            code,
            found: problem.clone(),
            wanted: "a renewal that holds".to_owned(),
        }));
        refusals
    }

    /// What people read.
    pub(crate) fn lines(&self, independent: &[String]) -> Vec<String> {
        let mut lines = vec![match &self.standing {
            Some(standing) => format!(
                "proof of time good until {} ({})",
                standing.until, standing.decided_by
            ),
            None => "proof of time: no timestamp of a trusted authority".to_owned(),
        }];
        lines.extend(self.renewals.iter().map(|it| {
            format!(
                "renewed {} by {} ({}), stands until {} ({})",
                it.time,
                it.authority,
                it.asserted(independent),
                it.until,
                it.decided_by
            )
        }));
        let refused = self.refused.iter();
        lines.extend(
            refused.map(|(code, problem)| format!("renewal does not count: {code}: {problem}")),
        );
        lines
    }

    pub(crate) fn object(&self, independent: &[String], now: Timestamp) -> Value {
        let renewals = self.renewals.iter().map(|it| {
            json!({
                "time": it.time.to_string(),
                "authority": it.authority,
                "asserted": it.asserted(independent),
                "until": it.until.to_string(),
                "decided_by": it.decided_by,
            })
        });
        let refused = self.refused.iter();
        json!({
            "until": self.standing.as_ref().map(|it| it.until.to_string()),
            "decided_by": self.standing.as_ref().map(|it| &it.decided_by),
            "expired": self.is_expired(now),
            "renewals": renewals.collect::<Vec<_>>(),
            "refused": refused
                .map(|(code, problem)| json!({ "code": code, "problem": problem }))
                .collect::<Vec<_>>(),
            "draft_end": self.draft.map(|(end, _)| end.to_string()),
            "draft_ends": self.draft.map(|(_, algorithm)| algorithm),
        })
    }
}

/// The timestamps of each piece of evidence at the release's top.
fn timestamps(release: &dyn Kept, roots: &[TrustedRoot]) -> Vec<Stamps> {
    let members = release.members().iter().map(attest_archive::Member::path);
    let files = members.filter(|path| path.parent().is_none() && is_bundle_name(path.as_str()));
    let limit = attest_verify::limits::BUNDLE_BYTES as u64;
    let pieces = files.filter_map(|path| {
        let bytes = release.unverified_bytes(path, limit).ok()?;
        dialect::recognise(&bytes).ok()
    });
    let proofs = pieces.flatten().filter_map(|piece| match piece.claim() {
        Claim::Bundle(bundle) => Some(Stamps {
            proofs: bundle.timestamp_proofs(roots),
            renewed_by: None,
        }),
        _ => None,
    });
    proofs.collect()
}

/// A renewal that the signer can have made at any time, where that does not do.
fn not_independent(stamped: &[Stamps], proofs: &Proofs) -> Option<(&'static str, String)> {
    let links = proofs.renewals.iter().flat_map(|(_, it)| it.links());
    let mut times = links.map(|it| it.proof().time());
    let time = times.find(|time| stamped.iter().any(|it| !it.is_renewed_by(time)))?;
    let (when, who) = (time.time(), time.authority());
    let problem = format!("{when} by {who}, which is not declared independent");
    Some(("time-not-independent", problem))
}

fn renewals(proofs: &Proofs) -> Vec<Renewal> {
    let mut found: Vec<Renewal> = Vec::new();
    for (_, renewal) in &proofs.renewals {
        for link in renewal.links() {
            let time = link.proof().time();
            let same = |it: &Renewal| {
                it.time == time.time()
                    && it.authority == time.authority()
                    && it.until == link.until()
            };
            // A record repeats those that it goes on from.
            if !found.iter().any(same) {
                found.push(Renewal {
                    time: time.time(),
                    authority: time.authority().to_owned(),
                    uri: time.authority_uri().map(str::to_owned),
                    until: link.until(),
                    decided_by: link.decided_by().to_owned(),
                });
            }
        }
    }
    found
}

/// The timestamps of all evidence.
fn own(stamped: &[Stamps]) -> impl Iterator<Item = &TimestampProof> {
    stamped.iter().flat_map(|it| &it.proofs)
}

/// The latest time that something about the release proves: no clock may be behind it.
fn latest(stamped: &[Stamps], proofs: &Proofs) -> Option<Timestamp> {
    let own = own(stamped).map(|it| it.time().time());
    let links = proofs.renewals.iter().flat_map(|(_, it)| it.links());
    own.chain(links.map(|it| it.proof().time().time())).max()
}

/// Of the timestamps that stand longest, the first algorithm that a draft ends.
fn draft(stamped: &[Stamps], proofs: &Proofs) -> Option<(Timestamp, &'static str)> {
    let last = proofs.renewals.iter().max_by_key(|(_, it)| it.until());
    let link = last.and_then(|(_, it)| it.links().last());
    let own = || own(stamped).flat_map(|it| it.algorithms().to_vec());
    let used: Vec<UsedAlgorithm> = link.map_or_else(
        || own().collect(),
        |link| link.proof().algorithms().to_vec(),
    );
    ends_of(&used, Firmness::Draft)
}

/// The renewal to go on from: the last one with the most timestamps.
pub(crate) fn last(renewals: &[KeptRenewal]) -> Option<&KeptRenewal> {
    renewals
        .iter()
        .max_by_key(|it| (it.covered.len(), it.record.links()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_an_unread_renewal_may_have_put_off_is_unknown() {
        let end: Timestamp = "2036-01-01T00:00:00Z".parse().unwrap();
        let proof = |is_untold| ReleaseProof {
            standing: Some(Standing {
                until: end,
                decided_by: "a certificate".to_owned(),
            }),
            latest: None,
            signed: None,
            renewals: Vec::new(),
            is_renewed: false,
            refused: Vec::new(),
            is_untold,
            draft: None,
        };
        let later = end + jiff::SignedDuration::from_secs(1);
        let answers = |is_untold, now| {
            (
                proof(is_untold).is_expired(now),
                proof(is_untold).is_unknown(now),
            )
        };
        assert_eq!(answers(true, later), (true, true));
        assert_eq!(answers(false, later), (true, false));
        assert_eq!(answers(true, end), (false, false));
    }
}
