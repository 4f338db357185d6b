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

#[cfg(test)]
mod tests {
    use attest_log::merkle::{leaf_hash, node_hash};

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
