//! The tree against a naive recursive one.

use super::*;
use proptest::prelude::*;

/// RFC 6962 §2.1, word for word.
fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let k = leaves.len().next_power_of_two() / 2;
            node_hash(&naive_root(&leaves[..k]), &naive_root(&leaves[k..]))
        }
    }
}

/// RFC 6962 §2.1.1.
fn naive_path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let k = leaves.len().next_power_of_two() / 2;
    let (mut path, sibling) = if index < k {
        (naive_path(index, &leaves[..k]), naive_root(&leaves[k..]))
    } else {
        (
            naive_path(index - k, &leaves[k..]),
            naive_root(&leaves[..k]),
        )
    };
    path.push(sibling);
    path
}

/// RFC 6962 §2.1.2, SUBPROOF.
fn naive_subproof(old: usize, leaves: &[Hash], known: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if known {
            Vec::new()
        } else {
            vec![naive_root(leaves)]
        };
    }
    let k = leaves.len().next_power_of_two() / 2;
    let (mut proof, sibling) = if old <= k {
        (
            naive_subproof(old, &leaves[..k], known),
            naive_root(&leaves[k..]),
        )
    } else {
        (
            naive_subproof(old - k, &leaves[k..], false),
            naive_root(&leaves[..k]),
        )
    };
    proof.push(sibling);
    proof
}

struct Leaves(Vec<Hash>);

impl Leaves {
    fn new(count: usize) -> Self {
        Self((0..count).map(|it| leaf_hash(&it.to_be_bytes())).collect())
    }

    fn root(&self, size: usize) -> Hash {
        naive_root(&self.0[..size])
    }
}

impl HashReader for Leaves {
    type Error = std::convert::Infallible;

    fn node(&self, level: u32, index: u64) -> Result<Hash, Self::Error> {
        let begin = usize::try_from(index << level).unwrap();
        Ok(naive_root(&self.0[begin..begin + (1 << level)]))
    }
}

/// Sizes around every power of two and every tile boundary up to 600, and some between.
fn sizes() -> impl Iterator<Item = usize> {
    (1..=40).chain([
        63, 64, 65, 100, 127, 128, 129, 255, 256, 257, 300, 511, 512, 513, 599, 600,
    ])
}

#[test]
fn roots_of_rfc_6962_test_vectors() {
    // The vectors of certificate-transparency's reference implementation.
    let leaves: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut frontier = Frontier::new();
    for (size, root) in roots.iter().enumerate() {
        assert_eq!(frontier.root().to_hex(), *root, "size {size}");
        if let Some(leaf) = leaves.get(size) {
            frontier.push(leaf_hash(leaf));
        }
    }
}

#[test]
fn a_leaf_cannot_pose_as_a_node() {
    let (left, right) = (leaf_hash(b"l"), leaf_hash(b"r"));
    let forged = [left.as_bytes().as_slice(), right.as_bytes()].concat();
    assert_ne!(leaf_hash(&forged), node_hash(&left, &right));
}

#[test]
fn inclusion_proofs_are_those_of_the_rfc_and_prove_one_leaf_only() {
    let leaves = Leaves::new(600);
    for size in sizes() {
        let root = leaves.root(size);
        let indices = (0..size).filter(|it| size <= 40 || it % 37 == 0 || *it + 1 == size);
        for index in indices {
            let proof = inclusion_proof(size as u64, index as u64, &leaves).unwrap();
            assert_eq!(
                proof,
                naive_path(index, &leaves.0[..size]),
                "{index} of {size}"
            );
            let verify = |leaf, index: usize, size: usize, proof: &[Hash]| {
                verify_inclusion(leaf, index as u64, size as u64, proof, &root)
            };
            assert_eq!(verify(&leaves.0[index], index, size, &proof), Ok(()));
            let other = (index + 1) % 600;
            assert!(verify(&leaves.0[other], index, size, &proof).is_err());
            if size > 1 {
                let elsewhere = (index + 1) % size;
                assert!(verify(&leaves.0[index], elsewhere, size, &proof).is_err());
            }
        }
    }
}

#[test]
fn consistency_proofs_are_those_of_the_rfc_and_prove_one_pair_only() {
    let leaves = Leaves::new(600);
    for new in sizes() {
        let new_root = leaves.root(new);
        for old in (0..=new).filter(|it| new <= 40 || it % 29 == 0 || new - it < 3) {
            let old_root = leaves.root(old);
            let proof = consistency_proof(old as u64, new as u64, &leaves).unwrap();
            if old > 0 {
                assert_eq!(
                    proof,
                    naive_subproof(old, &leaves.0[..new], true),
                    "{old} to {new}"
                );
            }
            let (old, new) = (old as u64, new as u64);
            let verify = |old_root, new_root, proof: &[Hash]| {
                verify_consistency(old, old_root, new, new_root, proof)
            };
            assert_eq!(
                verify(&old_root, &new_root, &proof),
                Ok(()),
                "{old} to {new}"
            );
            let wrong = leaf_hash(b"another root");
            assert!(verify(&wrong, &new_root, &proof).is_err());
            if old > 0 {
                assert!(verify(&old_root, &wrong, &proof).is_err());
            }
        }
    }
}

#[test]
fn a_proof_of_another_length_is_refused() {
    let leaves = Leaves::new(7);
    let root = leaves.root(7);
    let proof = inclusion_proof(7, 3, &leaves).unwrap();
    let longer = [proof.as_slice(), &[root]].concat();
    for wrong in [&proof[..2], &longer, &[]] {
        let error = verify_inclusion(&leaves.0[3], 3, 7, wrong, &root).unwrap_err();
        assert_eq!(
            error,
            ProofError::Length {
                found: wrong.len(),
                wanted: 3
            }
        );
        assert_eq!(error.code(), "log-proof-invalid");
    }
    let old_root = leaves.root(3);
    let proof = consistency_proof(3, 7, &leaves).unwrap();
    let longer = [proof.as_slice(), &[root]].concat();
    for wrong in [&proof[..2], &longer, &[]] {
        let error = verify_consistency(3, &old_root, 7, &root, wrong).unwrap_err();
        assert_eq!(
            error,
            ProofError::Length {
                found: wrong.len(),
                wanted: proof.len()
            }
        );
    }
}

#[test]
fn a_leaf_outside_the_tree_has_no_proof() {
    let leaves = Leaves::new(3);
    let root = leaves.root(3);
    let outside = ProofError::IndexOutside { index: 3, size: 3 };
    assert_eq!(
        verify_inclusion(&leaves.0[2], 3, 3, &[], &root),
        Err(outside)
    );
    let nothing = ProofError::IndexOutside { index: 0, size: 0 };
    assert_eq!(
        verify_inclusion(&leaves.0[0], 0, 0, &[], &empty_root()),
        Err(nothing)
    );
    assert_eq!(
        inclusion_proof(3, 3, &leaves),
        Err(TreeError::IndexOutside { index: 3, size: 3 })
    );
    assert_eq!(
        consistency_proof(3, 2, &leaves),
        Err(TreeError::Shrunk { old: 3, new: 2 })
    );
}

#[test]
fn a_smaller_tree_is_no_successor() {
    let leaves = Leaves::new(4);
    assert_eq!(
        verify_consistency(4, &leaves.root(4), 3, &leaves.root(3), &[]),
        Err(ProofError::Shrunk { old: 4, new: 3 })
    );
}

#[test]
fn an_invented_empty_tree_is_no_predecessor() {
    let leaves = Leaves::new(4);
    let error = verify_consistency(0, &leaves.root(1), 4, &leaves.root(4), &[]).unwrap_err();
    assert!(matches!(error, ProofError::Root { .. }));
    let proof = [leaves.root(1)];
    let error = verify_consistency(0, &empty_root(), 4, &leaves.root(4), &proof).unwrap_err();
    assert_eq!(
        error,
        ProofError::Length {
            found: 1,
            wanted: 0
        }
    );
}

#[test]
fn the_largest_sizes_do_not_overflow() {
    let leaf = leaf_hash(b"leaf");
    for (index, size) in [
        (u64::MAX - 1, u64::MAX),
        (0, u64::MAX),
        (1 << 63, (1 << 63) + 1),
    ] {
        for count in 0..=65 {
            let proof = vec![leaf; count];
            assert!(verify_inclusion(&leaf, index, size, &proof, &leaf).is_err());
            assert!(verify_consistency(index.max(1), &leaf, size, &leaf, &proof).is_err());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_frontier_has_the_naive_root(count in 0usize..600) {
        let leaves = Leaves::new(count);
        let mut frontier = Frontier::new();
        leaves.0.iter().for_each(|it| frontier.push(*it));
        prop_assert_eq!(frontier.root(), leaves.root(count));
        prop_assert_eq!(root(count as u64, &leaves), Ok(leaves.root(count)));
    }

    #[test]
    fn the_frontier_takes_whole_subtrees(tiles in 0usize..5, rest in 0usize..64, level in 0u32..7) {
        let leaves = Leaves::new((tiles << level) + rest);
        let mut frontier = Frontier::new();
        for tile in 0..tiles {
            frontier.push_subtree(level, leaves.node(level, tile as u64).unwrap());
        }
        leaves.0[tiles << level..].iter().for_each(|it| frontier.push(*it));
        prop_assert_eq!(frontier.root(), leaves.root(leaves.0.len()));
    }

    #[test]
    fn any_changed_bit_of_a_proof_is_refused(
        size in 2usize..600, place: prop::sample::Index, hash: prop::sample::Index, bit in 0usize..256,
    ) {
        let leaves = Leaves::new(size);
        let index = place.index(size);
        let mut proof = inclusion_proof(size as u64, index as u64, &leaves).unwrap();
        let changed = hash.index(proof.len());
        let mut bytes = *proof[changed].as_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        proof[changed] = Hash::new(bytes);
        let root = leaves.root(size);
        let verdict = verify_inclusion(&leaves.0[index], index as u64, size as u64, &proof, &root);
        prop_assert!(verdict.is_err());
    }
}
