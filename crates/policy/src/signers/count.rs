//! Counting people: each once, and for one accepted signer only.

use std::collections::BTreeMap;

use attest_verify::{Evidence, ProvenSigner};

/// Puts approvals together that are of one person: of one identity, or made with one key, in whatever
/// form that is written. Each inner list holds places in the given one.
pub(super) fn people(approvals: &[&Evidence]) -> Vec<Vec<usize>> {
    let mut same_as: Vec<usize> = (0..approvals.len()).collect();
    let mut by_key = BTreeMap::new();
    let mut by_name = BTreeMap::new();
    for (place, approval) in approvals.iter().enumerate() {
        for key in approval.keys() {
            let known = *by_key.entry(*key).or_insert(place);
            join(&mut same_as, known, place);
        }
        let known = *by_name.entry(name(approval.signer())).or_insert(place);
        join(&mut same_as, known, place);
    }
    let mut people: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for place in 0..approvals.len() {
        let person = first(&mut same_as, place);
        people.entry(person).or_default().push(place);
    }
    people.into_values().collect()
}

/// What tells one signer from another: of an OpenPGP key the primary, whichever subkey signed.
fn name(signer: &ProvenSigner) -> String {
    match signer {
        ProvenSigner::OpenPgp { primary, .. } => format!("OpenPGP key {primary}"),
        other => other.to_string(),
    }
}

/// Who were taken for two are one.
fn join(same_as: &mut [usize], one: usize, other: usize) {
    let (one, other) = (first(same_as, one), first(same_as, other));
    if let Some(same) = same_as.get_mut(one.max(other)) {
        *same = one.min(other);
    }
}

/// The first approval of the same person.
fn first(same_as: &mut [usize], place: usize) -> usize {
    let mut first = place;
    while let Some(same) = same_as.get(first).copied().filter(|it| *it != first) {
        first = same;
    }
    if let Some(same) = same_as.get_mut(place) {
        *same = first;
    }
    first
}

/// The most pairs of a person and an accepted signer that fits, each in one pair at most: `fits` has
/// for each person the accepted signers, as numbers below `signers`.
///
/// A maximum matching, by augmenting paths.
pub(super) fn most_pairs(fits: &[Vec<usize>], signers: usize) -> usize {
    let mut held_by: Vec<Option<usize>> = vec![None; signers];
    (0..fits.len())
        .filter(|person| place(*person, fits, &mut held_by, &mut vec![false; signers]))
        .count()
}

/// Gives this person a signer, where needed by moving those who hold one.
fn place(
    person: usize,
    fits: &[Vec<usize>],
    held_by: &mut [Option<usize>],
    tried: &mut [bool],
) -> bool {
    for signer in fits.get(person).into_iter().flatten() {
        match tried.get_mut(*signer) {
            Some(tried) if !*tried => *tried = true,
            _ => continue,
        }
        let holder = held_by.get(*signer).copied().flatten();
        if holder.is_none_or(|holder| place(holder, fits, held_by, tried)) {
            if let Some(held_by) = held_by.get_mut(*signer) {
                *held_by = Some(person);
            }
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::most_pairs;

    /// Every way to give people signers, tried one after the other.
    fn by_trying(fits: &[Vec<usize>], taken: u32) -> usize {
        let Some((first, rest)) = fits.split_first() else {
            return 0;
        };
        let free = first.iter().filter(|it| taken & (1 << **it) == 0);
        let with = free.map(|it| 1 + by_trying(rest, taken | 1 << it));
        with.chain([by_trying(rest, taken)]).max().unwrap_or(0)
    }

    #[test]
    fn two_people_of_one_pattern_are_one_signer_of_it() {
        assert_eq!(most_pairs(&[vec![0], vec![0]], 1), 1);
        assert_eq!(most_pairs(&[vec![0, 1], vec![0]], 2), 2);
        assert_eq!(most_pairs(&[vec![0], vec![0, 1]], 2), 2);
        assert_eq!(most_pairs(&[vec![], vec![]], 3), 0);
    }

    proptest! {
        #[test]
        fn no_more_and_no_fewer_than_by_trying_all_ways(
            fits in prop::collection::vec(prop::collection::vec(0..5_usize, 0..4), 0..6),
        ) {
            prop_assert_eq!(most_pairs(&fits, 5), by_trying(&fits, 0));
        }
    }
}
