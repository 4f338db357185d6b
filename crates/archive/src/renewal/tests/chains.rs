//! What holds, and how long.

use attest_digest::Algorithm;

use super::scene::*;
use crate::renewal::{EvidenceRecord, ProvenLink, Target};

#[test]
fn one_release_is_stamped_without_a_tree() {
    let authority = authority("a", 2020, 2036);
    let release = kept("hello@1");
    let record = first(&release.covered(), 0, &authority, "2026-01-01");
    assert!(record.chains()[0].links[0].tree.is_empty());
    let proven = verify(&record, &release.covered(), &trusting(&[&authority])).unwrap();
    assert_eq!(proven.from(), time("2026-01-01"));
    assert_eq!(proven.until().to_string(), "2036-01-01T00:00:00Z");
    assert!(proven.links()[0].decided_by().contains("certificate of"));
    release.check(&release.covered()).unwrap();
}

#[test]
fn each_of_a_thousand_releases_has_its_own_way_to_the_one_timestamp() {
    let authority = authority("a", 2020, 2036);
    let roots = trusting(&[&authority]);
    let releases: Vec<_> = (0..1000).map(|it| kept(&format!("tool@{it}"))).collect();
    let targets = releases
        .iter()
        .map(|it| Target::new(it.covered()))
        .collect();
    let records = renew(targets, Algorithm::Sha256, &authority, "2026-01-01");
    assert_eq!(records.len(), releases.len());
    for (release, (covered, record)) in releases.iter().zip(&records) {
        release.check(covered).unwrap();
        verify(record, covered, &roots).unwrap();
        assert_eq!(
            record.chains()[0].links[0].token,
            records[0].1.chains()[0].links[0].token
        );
        assert!(record.chains()[0].links[0].tree.len() <= 10);
    }
}

#[test]
fn a_chain_stands_as_long_as_its_last_timestamp() {
    let old = authority("a", 2020, 2036);
    let new = authority("b", 2030, 2056);
    let roots = trusting(&[&old, &new]);
    let covered = kept("hello@1").covered();
    let record = first(&covered, 5, &old, "2026-01-01");
    let record = again(&covered, record, Algorithm::Sha256, &new, "2035-12-31");
    let proven = verify(&record, &covered, &roots).unwrap();
    assert_eq!(proven.links().len(), 2);
    assert_eq!(proven.until().to_string(), "2056-01-01T00:00:00Z");
}

#[test]
fn releases_that_share_their_timestamp_share_a_leaf_of_the_next_tree() {
    let authority = authority("a", 2020, 2036);
    let targets = (0..50).map(|it| Target::new(kept(&format!("tool@{it}")).covered()));
    let records = renew(
        targets.collect(),
        Algorithm::Sha256,
        &authority,
        "2026-01-01",
    );
    let targets = records
        .into_iter()
        .map(|(covered, record)| Target::again(covered, record));
    let records = renew(
        targets.collect(),
        Algorithm::Sha256,
        &authority,
        "2027-01-01",
    );
    for (covered, record) in &records {
        assert!(record.chains()[0].links[1].tree.is_empty());
        verify(record, covered, &trusting(&[&authority])).unwrap();
    }
}

#[test]
fn a_stronger_hash_covers_document_and_record_again() {
    let authority = authority("a", 2020, 2050);
    let roots = trusting(&[&authority]);
    let covered = kept("hello@1").covered();
    let record = first(&covered, 3, &authority, "2026-01-01");
    let record = again(
        &covered,
        record,
        Algorithm::Sha256,
        &authority,
        "2027-01-01",
    );
    let record = again(
        &covered,
        record,
        Algorithm::Sha512,
        &authority,
        "2028-01-01",
    );
    let record = again(
        &covered,
        record,
        Algorithm::Sha512,
        &authority,
        "2029-01-01",
    );
    assert_eq!(record.chains().len(), 2);
    let proven = verify(&record, &covered, &roots).unwrap();
    let hashes: Vec<Algorithm> = proven.links().iter().map(ProvenLink::algorithm).collect();
    let (weak, strong) = (Algorithm::Sha256, Algorithm::Sha512);
    assert_eq!(hashes, [weak, weak, strong, strong]);
}

#[test]
fn a_record_knows_those_that_go_on_from_it() {
    let authority = authority("a", 2020, 2050);
    let covered = kept("hello@1").covered();
    let one = first(&covered, 3, &authority, "2026-01-01");
    let two = again(
        &covered,
        one.clone(),
        Algorithm::Sha256,
        &authority,
        "2027-01-01",
    );
    let other = again(
        &covered,
        one.clone(),
        Algorithm::Sha512,
        &authority,
        "2028-01-01",
    );
    assert!(one.is_begin_of(&one) && one.is_begin_of(&two) && one.is_begin_of(&other));
    assert!(!two.is_begin_of(&one) && !two.is_begin_of(&other));
    let der = two.to_der().unwrap();
    assert_eq!(EvidenceRecord::parse(&der).unwrap(), two);
}
