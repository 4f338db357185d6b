//! Properties of hash trees and documents.

use std::collections::BTreeSet;

use attest_digest::{Algorithm, Digest};
use proptest::prelude::*;

use super::scene::*;
use crate::renewal::tree::{HashTree, root_of};
use crate::renewal::{Covered, EvidenceRecord, hash};

fn tree(leaves: usize, algorithm: Algorithm) -> (HashTree, Vec<Digest>) {
    let digests: Vec<Digest> = (0..leaves)
        .map(|it| hash(algorithm, it.to_string().as_bytes()))
        .collect();
    let bytes: BTreeSet<Vec<u8>> = digests.iter().map(|it| it.as_bytes().to_vec()).collect();
    (HashTree::new(algorithm, &bytes).unwrap(), digests)
}

#[test]
fn no_leaves_make_no_tree() {
    assert!(HashTree::new(Algorithm::Sha256, &BTreeSet::new()).is_none());
}

proptest! {
    #[test]
    fn every_leaf_leads_to_the_root_and_nothing_else_does(
        leaves in 1_usize..200, other in any::<[u8; 32]>(),
    ) {
        let (tree, digests) = tree(leaves, Algorithm::Sha256);
        let root = tree.root().unwrap();
        for leaf in &digests {
            let path = tree.path(leaf).unwrap();
            prop_assert_eq!(root_of(Algorithm::Sha256, &path, leaf), Some(root));
            // A hash that has no other reading: the first list never holds one alone.
            prop_assert!(path.first().is_none_or(|first| first.len() == 2));
            let other = Digest::Sha256(other);
            prop_assert_ne!(root_of(Algorithm::Sha256, &path, &other), Some(root));
        }
    }

    #[test]
    fn the_levels_are_as_many_as_halving_needs(leaves in 2_usize..300) {
        let (tree, digests) = tree(leaves, Algorithm::Sha512);
        let most = leaves.next_power_of_two().trailing_zeros() as usize;
        for leaf in &digests {
            prop_assert!(tree.path(leaf).unwrap().len() <= most);
        }
    }

    #[test]
    fn bytes_are_no_record_unless_they_are_written_as_we_write_them(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(record) = EvidenceRecord::parse(&bytes) {
            prop_assert_eq!(record.to_der().unwrap(), bytes);
        }
    }

    #[test]
    fn text_is_no_document_unless_it_is_written_as_we_write_it(text in "\\PC{0,200}") {
        if let Ok(covered) = Covered::parse(text.as_bytes()) {
            prop_assert_eq!(covered.to_bytes(), text.into_bytes());
        }
    }

    #[test]
    fn what_is_written_is_read_again(count in 1_usize..40) {
        let blobs: Vec<_> = (0..count).map(|it| artifact(it.to_string().as_bytes())).collect();
        let name = attest_provenance::ReleaseName::parse("tool@1").unwrap();
        let covered = Covered::new(name, blobs[0].sha256(), &blobs).unwrap();
        prop_assert_eq!(Covered::parse(&covered.to_bytes()).unwrap(), covered);
    }
}
