//! The way from a log entry up to the root of the tree, for a shell.

use attest_log::Hash;

/// A hash beside the way, and on which side it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Left(Hash),
    Right(Hash),
}

/// The steps of an inclusion proof ([RFC 9162, 2.1.3.2](https://www.rfc-editor.org/rfc/rfc9162#section-2.1.3.2));
/// none if it has not the length that the place asks for.
pub(super) fn steps(index: u64, size: u64, hashes: &[Hash]) -> Option<Vec<Step>> {
    let mut last = size.checked_sub(1)?;
    let mut place = index;
    if place > last {
        return None;
    }
    let mut steps = Vec::with_capacity(hashes.len());
    for hash in hashes {
        if last == 0 {
            return None;
        }
        if place & 1 == 1 || place == last {
            steps.push(Step::Left(*hash));
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            steps.push(Step::Right(*hash));
        }
        place >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(steps)
}

/// The ways from a subtree that two sizes of a log share, up to both roots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Growth {
    pub(super) seed: Hash,
    /// All lead to the new root; those on the left alone to the old one.
    pub(super) steps: Vec<Step>,
}

/// The steps of a consistency proof ([RFC 9162, 2.1.4.2](https://www.rfc-editor.org/rfc/rfc9162#section-2.1.4.2));
/// none if it has not the length that the sizes ask for.
pub(super) fn growth(old: u64, old_root: Hash, new: u64, hashes: &[Hash]) -> Option<Growth> {
    let (mut place, mut last) = (old.checked_sub(1)?, new.checked_sub(1)?);
    if old == new {
        return hashes.is_empty().then(|| Growth {
            seed: old_root,
            steps: Vec::new(),
        });
    }
    if place > last {
        return None;
    }
    while place & 1 == 1 {
        place >>= 1;
        last >>= 1;
    }
    let (seed, hashes) = if old.is_power_of_two() {
        (old_root, hashes)
    } else {
        let (seed, rest) = hashes.split_first()?;
        (*seed, rest)
    };
    let mut steps = Vec::with_capacity(hashes.len());
    for hash in hashes {
        if last == 0 {
            return None;
        }
        if place & 1 == 1 || place == last {
            steps.push(Step::Left(*hash));
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            steps.push(Step::Right(*hash));
        }
        place >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(Growth { seed, steps })
}

#[cfg(test)]
mod tests {
    use attest_log::merkle::{
        HashReader, consistency_proof, leaf_hash, node_hash, root, verify_consistency,
    };

    use super::*;

    /// The root of these leaves, and the proof of one: by the definition in RFC 9162, 2.1.
    fn prove(leaves: &[Hash], index: usize) -> (Hash, Vec<Hash>) {
        if let [leaf] = leaves {
            return (*leaf, Vec::new());
        }
        let split = leaves.len().next_power_of_two() / 2;
        let (left, right) = leaves.split_at(split);
        let ((one, mut proof), other, is_left) = if index < split {
            (prove(left, index), prove(right, 0).0, true)
        } else {
            (prove(right, index - split), prove(left, 0).0, false)
        };
        proof.push(other);
        let root = if is_left {
            node_hash(&one, &other)
        } else {
            node_hash(&other, &one)
        };
        (root, proof)
    }

    #[test]
    fn the_steps_lead_to_the_root_of_every_tree() {
        let leaves: Vec<Hash> = (0..40_u8).map(|it| leaf_hash(&[it])).collect();
        for size in 1..=leaves.len() {
            for index in 0..size {
                let (root, proof) = prove(&leaves[..size], index);
                let steps = steps(index as u64, size as u64, &proof).unwrap();
                let reached = steps.iter().fold(leaves[index], |below, step| match step {
                    Step::Left(hash) => node_hash(hash, &below),
                    Step::Right(hash) => node_hash(&below, hash),
                });
                assert_eq!(reached, root, "{index} of {size}");
            }
        }
    }

    /// Complete subtrees of these leaves, computed anew.
    struct Leaves(Vec<Hash>);

    impl HashReader for Leaves {
        type Error = std::convert::Infallible;

        fn node(&self, level: u32, index: u64) -> Result<Hash, Self::Error> {
            let width = 1_usize << level;
            let begin = usize::try_from(index).unwrap() * width;
            Ok(prove(&self.0[begin..begin + width], 0).0)
        }
    }

    #[test]
    fn the_steps_of_growth_lead_to_both_roots() {
        let leaves = Leaves((0..24_u8).map(|it| leaf_hash(&[it])).collect());
        for new in 1..=24 {
            for old in 1..=new {
                let (old_root, new_root) =
                    (root(old, &leaves).unwrap(), root(new, &leaves).unwrap());
                let proof = consistency_proof(old, new, &leaves).unwrap();
                verify_consistency(old, &old_root, new, &new_root, &proof).unwrap();
                let growth = growth(old, old_root, new, &proof).unwrap();
                let (mut to_old, mut to_new) = (growth.seed, growth.seed);
                for step in growth.steps {
                    match step {
                        Step::Left(hash) => {
                            to_old = node_hash(&hash, &to_old);
                            to_new = node_hash(&hash, &to_new);
                        }
                        Step::Right(hash) => to_new = node_hash(&to_new, &hash),
                    }
                }
                assert_eq!((to_old, to_new), (old_root, new_root), "{old} to {new}");
            }
        }
    }

    #[test]
    fn a_proof_of_growth_of_another_length_has_no_steps() {
        let hash = leaf_hash(b"x");
        assert_eq!(growth(0, hash, 1, &[]), None);
        assert_eq!(growth(2, hash, 1, &[]), None);
        assert_eq!(growth(1, hash, 2, &[]), None);
        assert_eq!(growth(1, hash, 2, &[hash, hash]), None);
        assert_eq!(growth(3, hash, 4, &[]), None);
        assert_eq!(growth(2, hash, 2, &[hash]), None);
    }

    #[test]
    fn a_proof_of_another_length_has_no_steps() {
        let hash = leaf_hash(b"x");
        assert_eq!(steps(0, 0, &[]), None);
        assert_eq!(steps(1, 1, &[]), None);
        assert_eq!(steps(0, 2, &[]), None);
        assert_eq!(steps(0, 1, &[hash]), None);
        assert_eq!(steps(0, 2, &[hash, hash]), None);
    }
}
