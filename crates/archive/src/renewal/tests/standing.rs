//! Until when a time is proven: by which timestamps evidence counts, and by whose renewals.

use attest_digest::{Algorithm, Digest};
use attest_sign::Authority;
use attest_verify::{ClaimedTimestamp, TimestampProof};

use super::scene::*;
use crate::renewal::{Covered, KeptRenewal, Proofs, Stamps, Subject};

fn proof(authority: &Authority, at: &str) -> TimestampProof {
    let signature = artifact(b"a signature").sha256();
    let token = stamp(authority, at, &signature);
    let claimed = ClaimedTimestamp::parse(&token).unwrap();
    claimed.verify(&signature, &trusting(&[authority])).unwrap()
}

fn stamps(proofs: &[TimestampProof]) -> Stamps {
    Stamps {
        proofs: proofs.to_vec(),
        renewed_by: None,
    }
}

fn until(proofs: &Proofs, stamps: &Stamps) -> String {
    let standing = proofs.standing(stamps).unwrap();
    standing.until.to_string()[..10].to_owned()
}

#[test]
fn a_later_timestamp_counts_if_it_was_made_while_an_earlier_one_stood() {
    let short = authority("a", 2020, 2028);
    let long = authority("b", 2020, 2046);
    let first = proof(&short, "2026-01-01");
    let none = Proofs::default();
    let (at_once, later) = (proof(&long, "2026-01-01"), proof(&long, "2027-06-01"));
    for other in [at_once, later] {
        for both in [[first.clone(), other.clone()], [other, first.clone()]] {
            assert_eq!(until(&none, &stamps(&both)), "2046-01-01");
        }
    }
    let late = proof(&long, "2028-06-01");
    for both in [[first.clone(), late.clone()], [late, first]] {
        assert_eq!(until(&none, &stamps(&both)), "2028-01-01");
    }
    assert!(none.standing(&Stamps::default()).is_none());
}

/// Whoever holds the signer's keys can date a renewal back by the signer's own authority.
#[test]
fn only_renewals_of_those_who_are_independent_count_where_that_is_asked() {
    let release = kept("hello@1");
    let (signed_by, own, other) = (
        authority("a", 2020, 2036),
        authority("b", 2030, 2056),
        authority("c", 2030, 2058),
    );
    let document = release.covered();
    let renewals = |authorities: &[&Authority]| {
        let renewal = |authority: &&Authority| {
            let record = first(&document, 0, authority, "2035-01-01");
            let record = again(&document, record, Algorithm::Sha256, &own, "2050-01-01");
            KeptRenewal {
                attachment: release.manifest,
                document: document.clone(),
                covered: Covered::parse(&document).unwrap(),
                record_digest: Digest::Sha256([0; 32]),
                record,
            }
        };
        let subject = Subject {
            name: &release.name,
            manifest: release.manifest,
            members: &release.members,
            observed: &release.observed,
        };
        let kept = authorities.iter().map(renewal).collect();
        let roots = trusting(&[&signed_by, &own, &other]);
        Proofs::of(subject, kept, &roots, time(NOW))
    };
    let own_proof = proof(&signed_by, "2026-01-01");
    let asked = |names: Option<&[&Authority]>| Stamps {
        proofs: vec![own_proof.clone()],
        renewed_by: names.map(|them| {
            let name = |it: &&Authority| proof(it, "2035-01-01").time().authority().to_owned();
            them.iter().map(name).collect()
        }),
    };
    let by_own = renewals(&[&own]);
    assert_eq!(by_own.renewals.len(), 1);
    assert_eq!(until(&by_own, &asked(None)), "2056-01-01");
    assert!(by_own.is_renewed(&asked(None)));
    for names in [vec![], vec![&other]] {
        assert_eq!(until(&by_own, &asked(Some(&names))), "2036-01-01");
        assert!(!by_own.is_renewed(&asked(Some(&names))));
    }
    // Of a record what comes before the first that does not count.
    let by_other = renewals(&[&other]);
    assert_eq!(until(&by_other, &asked(Some(&[&other]))), "2058-01-01");
    assert_eq!(until(&by_other, &asked(Some(&[&own]))), "2036-01-01");
    assert!(by_other.is_renewed(&asked(Some(&[&other]))));
}
