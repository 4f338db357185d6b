//! Renewals that prove nothing, each with its code, and the one change from one that is accepted.

use attest_digest::Algorithm;
use attest_sign::Authority;

use super::scene::*;
use crate::limits;
use crate::renewal::asn1;
use crate::renewal::record::{Chain, EvidenceRecord};
use crate::renewal::{Plan, Target};

/// Three timestamps over hello@1, each by an authority of its own, and all of them trusted.
struct Scene {
    authorities: Vec<Authority>,
    covered: Vec<u8>,
    record: EvidenceRecord,
}

fn scene() -> Scene {
    let authorities = vec![
        authority("a", 2020, 2036),
        authority("b", 2030, 2046),
        authority("c", 2040, 2061),
    ];
    let covered = kept("hello@1").covered();
    let record = first(&covered, 6, &authorities[0], "2026-01-01");
    let record = again(
        &covered,
        record,
        Algorithm::Sha256,
        &authorities[1],
        "2035-06-01",
    );
    let record = again(
        &covered,
        record,
        Algorithm::Sha256,
        &authorities[2],
        "2045-06-01",
    );
    let scene = Scene {
        authorities,
        covered,
        record,
    };
    assert_eq!(scene.code(), "accepted");
    scene
}

impl Scene {
    fn code(&self) -> &'static str {
        let trusted: Vec<&Authority> = self.authorities.iter().collect();
        code(verify(&self.record, &self.covered, &trusting(&trusted)))
    }

    /// The chains, changed.
    fn changed(mut self, change: impl FnOnce(&mut Vec<Chain>)) -> &'static str {
        let mut chains = self.record.chains().to_vec();
        change(&mut chains);
        let der = asn1::encode(&chains).unwrap();
        match EvidenceRecord::parse(&der) {
            Ok(record) => self.record = record,
            Err(error) => return error.code(),
        }
        self.code()
    }
}

#[test]
fn a_renewal_of_another_release_is_refused() {
    let mut scene = scene();
    let other = kept("other@1");
    // Its own document: not about this release.
    let error = kept("hello@1").check(&other.covered()).unwrap_err();
    assert_eq!(error.code(), "renewal-other-release");
    // This release's document: not what was stamped.
    scene.covered = other.covered();
    assert_eq!(scene.code(), "renewal-path");
}

#[test]
fn a_renewal_of_another_content_of_the_release_is_refused() {
    let release = kept("hello@1");
    let mut other = kept("hello@1");
    let manifest = artifact(b"another manifest");
    other.manifest = manifest.sha256();
    other.observed.insert(manifest.sha256(), manifest);
    let error = release.check(&other.covered()).unwrap_err();
    assert_eq!(error.code(), "renewal-other-release");
}

#[test]
fn a_file_that_is_not_covered_is_named() {
    let mut release = kept("hello@1");
    let covered = release.covered();
    release.check(&covered).unwrap();
    let added = artifact(b"one more");
    release.members.push(added.sha256());
    assert_eq!(
        release.check(&covered).unwrap_err().code(),
        "renewal-incomplete"
    );
}

#[test]
fn a_blob_with_the_old_sha_256_and_another_sha_512_is_named() {
    let release = kept("hello@1");
    let text = String::from_utf8(release.covered()).unwrap();
    let (before, after) = text.rsplit_once(" = ").unwrap();
    let forged = format!("{before} = {}{}", "0".repeat(8), &after[8..]);
    assert_eq!(
        release.check(forged.as_bytes()).unwrap_err().code(),
        "renewal-other-bytes"
    );
}

#[test]
fn a_path_that_is_swapped_with_anothers_is_refused() {
    let scene = scene();
    let targets = ["other@a", "other@b", "other@c"].map(|it| Target::new(kept(it).covered()));
    let plan = Plan::new(Algorithm::Sha256, targets.into()).unwrap();
    let token = stamp(&scene.authorities[0], "2026-01-01", &plan.root());
    let (_, other) = plan.finish(&token).unwrap().remove(0);
    let tree = other.chains()[0].links[0].tree.clone();
    assert_eq!(
        scene.changed(|it| it[0].links[0].tree = tree),
        "renewal-path"
    );
}

#[test]
fn a_sibling_that_was_changed_leads_elsewhere() {
    let change = |it: &mut Vec<Chain>| it[0].links[0].tree[1][0][0] ^= 1;
    assert_eq!(scene().changed(change), "renewal-root");
}

#[test]
fn a_token_over_another_root_is_refused() {
    let scene = scene();
    let digest = crate::renewal::hash(Algorithm::Sha256, b"another root");
    let token = stamp(&scene.authorities[0], "2026-01-01", &digest);
    let token = attest_verify::ClaimedTimestamp::parse(&token)
        .unwrap()
        .der()
        .to_vec();
    assert_eq!(
        scene.changed(|it| it[0].links[0].token = token),
        "renewal-root"
    );
}

#[test]
fn a_node_of_the_tree_is_not_taken_for_a_document() {
    let scene = scene();
    let list = scene.record.chains()[0].links[0].tree[0].concat();
    assert_eq!(
        kept("hello@1").check(&list).unwrap_err().code(),
        "renewal-malformed"
    );
}

#[test]
fn a_renewal_made_after_the_end_of_what_it_renews_is_refused() {
    let Scene {
        mut authorities,
        covered,
        record: _,
    } = scene();
    let record = first(&covered, 6, &authorities[0], "2026-01-01");
    authorities.truncate(2);
    let trusted: Vec<&Authority> = authorities.iter().collect();
    let roots = trusting(&trusted);
    for (day, wanted) in [("2035-12-31", "accepted"), ("2036-01-01", "renewal-late")] {
        let record = again(
            &covered,
            record.clone(),
            Algorithm::Sha256,
            &authorities[1],
            day,
        );
        assert_eq!(code(verify(&record, &covered, &roots)), wanted, "{day}");
    }
}

#[test]
fn a_gap_in_the_chain_is_refused() {
    assert_eq!(
        scene().changed(|it| drop(it[0].links.remove(1))),
        "renewal-gap"
    );
    // Without its begin, it does not cover the document.
    assert_eq!(
        scene().changed(|it| drop(it[0].links.remove(0))),
        "renewal-path"
    );
}

#[test]
fn timestamps_in_another_order_are_refused() {
    assert_eq!(scene().changed(|it| it[0].links.swap(1, 2)), "renewal-gap");
    assert_eq!(scene().changed(|it| it[0].links.swap(0, 1)), "renewal-path");
}

#[test]
fn a_timestamp_twice_is_refused() {
    let twice = |it: &mut Vec<Chain>| {
        let last = it[0].links[2].clone();
        it[0].links.push(last);
    };
    assert_eq!(scene().changed(twice), "renewal-duplicate");
}

#[test]
fn a_renewal_older_than_what_it_renews_is_refused() {
    let authority = authority("a", 2020, 2036);
    let covered = kept("hello@1").covered();
    let roots = trusting(&[&authority]);
    let record = first(&covered, 6, &authority, "2026-01-02");
    for (day, wanted) in [("2026-01-02", "accepted"), ("2026-01-01", "renewal-order")] {
        let record = again(&covered, record.clone(), Algorithm::Sha256, &authority, day);
        assert_eq!(code(verify(&record, &covered, &roots)), wanted, "{day}");
    }
}

#[test]
fn a_renewal_of_the_future_is_refused() {
    let authority = authority("a", 2020, 2066);
    let covered = kept("hello@1").covered();
    let record = first(&covered, 6, &authority, "2060-01-02");
    assert_eq!(
        code(verify(&record, &covered, &trusting(&[&authority]))),
        "renewal-in-future"
    );
}

#[test]
fn an_authority_that_nobody_trusts_renews_nothing() {
    let mut scene = scene();
    scene.authorities.remove(1);
    assert_eq!(scene.code(), "time-unknown");
}

#[test]
fn an_authority_beyond_its_certificate_renews_nothing() {
    // The same key and certificate, but the root trusts it for a shorter time only.
    let authority = authority("a", 2020, 2036);
    let covered = kept("hello@1").covered();
    let record = first(&covered, 6, &authority, "2026-01-01");
    let roots = trusting_until(&[&authority], Some("2025-01-01T00:00:00Z"));
    assert_eq!(
        code(verify(&record, &covered, &roots)),
        "time-outside-validity"
    );
}

#[test]
fn a_weaker_hash_after_a_stronger_is_refused() {
    let authority = authority("a", 2020, 2036);
    let covered = kept("hello@1").covered();
    let roots = trusting(&[&authority]);
    let strong = renew(
        vec![Target::new(covered.clone())],
        Algorithm::Sha512,
        &authority,
        "2026-01-01",
    )
    .remove(0)
    .1;
    assert_eq!(code(verify(&strong, &covered, &roots)), "accepted");
    // We do not make such a thing,
    let target = Target::again(covered.clone(), strong.clone());
    let refused = Plan::new(Algorithm::Sha256, vec![target]).unwrap_err();
    assert_eq!(refused.code(), "renewal-algorithm-weaker");
    // and do not read it.
    let weak = first(&covered, 0, &authority, "2027-01-01");
    let chains = [strong.chains(), weak.chains()].concat();
    let record = EvidenceRecord::parse(&asn1::encode(&chains).unwrap()).unwrap();
    assert_eq!(
        code(verify(&record, &covered, &roots)),
        "renewal-algorithm-weaker"
    );
}

#[test]
fn a_later_chain_that_covers_the_document_alone_is_refused() {
    let authority = authority("a", 2020, 2036);
    let covered = kept("hello@1").covered();
    let weak = first(&covered, 0, &authority, "2026-01-01");
    let strong = renew(
        vec![Target::new(covered.clone())],
        Algorithm::Sha512,
        &authority,
        "2027-01-01",
    )
    .remove(0)
    .1;
    let chains = [weak.chains(), strong.chains()].concat();
    let record = EvidenceRecord::parse(&asn1::encode(&chains).unwrap()).unwrap();
    assert_eq!(
        code(verify(&record, &covered, &trusting(&[&authority]))),
        "renewal-gap"
    );
}

#[test]
fn a_hash_that_is_not_sha_2_is_refused() {
    let der = scene().record.to_der().unwrap();
    let sha256 = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
    // SHA3-256, in the record's own fields alone.
    let at = der.windows(9).position(|it| it == sha256).unwrap();
    let mut changed = der.clone();
    changed[at + 8] = 0x08;
    assert_ne!(
        EvidenceRecord::parse(&changed).unwrap_err().code(),
        "accepted"
    );
    let link = at
        + 9
        + der[at + 9..]
            .windows(9)
            .position(|it| it == sha256)
            .unwrap();
    changed[link + 8] = 0x08;
    let refused = EvidenceRecord::parse(&changed).unwrap_err().code();
    assert_eq!(refused, "renewal-algorithm");
}

#[test]
fn a_record_that_is_cut_short_anywhere_is_refused() {
    let der = scene().record.to_der().unwrap();
    for end in 0..der.len() {
        let error = EvidenceRecord::parse(&der[..end]).unwrap_err();
        assert_eq!(error.code(), "renewal-malformed", "cut at {end}");
    }
    let longer = [der.as_slice(), &[0]].concat();
    assert_eq!(
        EvidenceRecord::parse(&longer).unwrap_err().code(),
        "renewal-malformed"
    );
}

#[test]
fn a_bit_that_fell_anywhere_is_noticed() {
    let scene = scene();
    let trusted: Vec<&Authority> = scene.authorities.iter().collect();
    let roots = trusting(&trusted);
    let der = scene.record.to_der().unwrap();
    for at in (0..der.len()).step_by(7) {
        let mut changed = der.clone();
        changed[at] ^= 1 << (at % 8);
        let Ok(record) = EvidenceRecord::parse(&changed) else {
            continue;
        };
        assert_ne!(
            code(record.verify(&scene.covered, &roots, time(NOW))),
            "accepted",
            "at {at}"
        );
    }
}

#[test]
fn a_lone_hash_in_the_first_list_has_two_meanings_and_is_refused() {
    let change = |it: &mut Vec<Chain>| drop(it[0].links[0].tree[0].pop());
    assert_eq!(scene().changed(change), "renewal-malformed");
}

#[test]
fn huge_trees_and_records_are_refused() {
    let deep = |it: &mut Vec<Chain>| {
        let list = it[0].links[0].tree[1].clone();
        it[0].links[0].tree = vec![list; limits::RENEWAL_TREE_DEPTH + 1];
    };
    assert_eq!(scene().changed(deep), "renewal-malformed");
    let wide = |it: &mut Vec<Chain>| {
        it[0].links[0].tree[0] = vec![vec![0; 32]; limits::RENEWAL_TREE_WIDTH + 1];
    };
    assert_eq!(scene().changed(wide), "renewal-malformed");
    let long = |it: &mut Vec<Chain>| {
        let mut link = it[0].links[0].clone();
        link.tree.clear();
        link.token = vec![0x30, 0];
        it[0].links = vec![link; limits::RENEWAL_LINKS + 1];
    };
    assert_eq!(scene().changed(long), "renewal-too-large");
    let error = EvidenceRecord::parse(&vec![0x30; limits::RENEWAL_RECORD_BYTES + 1]).unwrap_err();
    assert_eq!(error.code(), "renewal-too-large");
}

#[test]
fn nothing_is_not_renewed() {
    let error = Plan::new(Algorithm::Sha256, Vec::new()).unwrap_err();
    assert_eq!(error.code(), "renewal-nothing");
}
