use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::merkle::leaf_hash;
use crate::store::edge::Edge;
use crate::store::memory::Memory;
use crate::store::tests::support::{Witness, entries, entry, log_of, open};
use crate::store::tree::TileCache;

fn runs(memory: &Memory) -> Vec<PathBuf> {
    let in_index = |it: &PathBuf| it.starts_with("/home/log/.state/index");
    memory.files().into_keys().filter(in_index).collect()
}

fn names(memory: &Memory) -> Vec<String> {
    let name = |it: &PathBuf| it.file_name().unwrap().to_str().unwrap().to_owned();
    runs(memory).iter().map(name).collect()
}

/// Appends everything again and expects that all of it is known.
#[track_caller]
fn knows(memory: &Memory, witness: &Witness, count: usize) {
    let mut log = open(memory, witness).unwrap();
    let again = log.append(&entries(0..count)).unwrap();
    for (index, appended) in again.iter().enumerate() {
        assert_eq!((appended.index, appended.known), (index as u64, true));
    }
    assert_eq!(log.size(), count as u64);
}

#[test]
fn runs_are_merged_like_the_digits_of_a_counter() {
    let witness = Witness::new();
    // 64 leaves a run in tests: 11 runs and 40 leaves in memory.
    let memory = log_of(11 * 64 + 40, 100, &witness);
    drop(open(&memory, &witness).unwrap());
    let mut found = names(&memory);
    found.sort_by_key(|it| it.split('-').next().unwrap().parse::<u64>().unwrap());
    assert_eq!(found, ["0-512", "512-640", "640-704"]);
    knows(&memory, &witness, 11 * 64 + 40);
}

#[test]
fn a_lost_index_is_made_again_from_the_tiles() {
    let witness = Witness::new();
    let memory = log_of(700, 100, &witness);
    for run in runs(&memory) {
        memory.tamper(&run, |_| None);
    }
    knows(&memory, &witness, 700);
    assert!(!runs(&memory).is_empty());
}

#[test]
fn a_run_of_another_log_or_with_a_gap_or_cut_is_not_used() {
    let witness = Witness::new();
    let memory = log_of(700, 100, &witness);
    let other = log_of(700, 70, &Witness::new());
    let index = Path::new("/home/log/.state/index");
    let whole = runs(&memory);
    let changes: [&dyn Fn(&Memory); 6] = [
        &|it| it.tamper(&whole[0], |_| None),
        &|it| {
            it.tamper(&whole[0], |bytes| {
                bytes.map(|it| it[..it.len() - 1].to_vec())
            });
        },
        &|it| it.tamper(&whole[0], |bytes| bytes.map(|it| [it, vec![0]].concat())),
        &|it| it.tamper(&index.join("0-100000"), |_| Some(vec![0; 64])),
        &|it| it.tamper(&index.join("stray"), |_| Some(Vec::new())),
        &|it| {
            // Runs of a log with other entries, as after a restored backup of `.state` alone.
            for (path, mut bytes) in other
                .files()
                .into_iter()
                .filter(|(it, _)| it.starts_with(index))
            {
                bytes[32] ^= 1;
                it.tamper(&path, |_| Some(bytes));
            }
        },
    ];
    for (number, change) in changes.iter().enumerate() {
        let altered = memory.snapshot();
        change(&altered);
        knows(&altered, &witness, 700);
        assert!(
            !names(&altered).contains(&"stray".to_owned()),
            "change {number}"
        );
    }
}

/// A altered bit may hide one entry, so that it is added twice; it never invents one, and where it
/// shows, the index is made again.
#[test]
fn a_damaged_run_invents_nothing_and_hides_at_most_one() {
    let witness = Witness::new();
    let memory = log_of(700, 100, &witness);
    let run = runs(&memory).into_iter().next().unwrap();
    let length = memory.files()[&run].len();
    for at in (HEADER..length).step_by(409) {
        let damaged = memory.snapshot();
        damaged.tamper(&run, |bytes| {
            let mut bytes = bytes.unwrap();
            bytes[at] ^= 0x55;
            Some(bytes)
        });
        let past = witness.fork();
        let mut log = open(&damaged, &past).unwrap();
        let again = log.append(&entries(0..700)).unwrap();
        for (index, appended) in (0..).zip(&again) {
            assert!(appended.index == index || (!appended.known && appended.index >= 700));
        }
        assert!(log.size() <= 701, "{} at byte {at}", log.size());
    }
}

#[test]
fn a_run_that_is_cut_while_it_is_used_is_made_again() {
    let witness = Witness::new();
    let memory = log_of(700, 100, &witness);
    let mut log = open(&memory, &witness).unwrap();
    for run in runs(&memory) {
        memory.tamper(&run, |bytes| bytes.map(|it| it[..HEADER + 5].to_vec()));
    }
    let again = log.append(&[entry(3)]).unwrap();
    assert_eq!((again[0].index, again[0].known), (3, true));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn every_leaf_is_found_and_no_other(count in 1usize..3000) {
        let memory = Memory::new();
        let layout = Layout::new(memory.disk(), Path::new("/"));
        layout.disk().make_folder(Path::new("/.state")).unwrap();
        let mut edge = Edge::empty();
        let (cache, mut full) = (TileCache::default(), Vec::new());
        let mut index = Index::open(&layout, &Tree { layout: &layout, edge: &edge, cache: &cache }).unwrap();
        for number in 0..count {
            let leaf = leaf_hash(&entry(number));
            edge.push(&entry(number), leaf, &mut full).unwrap();
            index.insert(leaf);
            if number % 100 == 7 {
                index.spill(&layout).unwrap();
            }
        }
        for tile in &full {
            layout.put(&tile.id.path(), &tile.bytes).unwrap();
        }
        let tree = Tree { layout: &layout, edge: &edge, cache: &cache };
        check_all(&index, &tree, count)?;
        // Opening may merge the files of the one before, so that one is done with by now.
        let again = Index::open(&layout, &tree).unwrap();
        check_all(&again, &tree, count)?;
    }
}

/// Every leaf of `count` entries is found at its place, and none of the next hundred.
fn check_all(index: &Index, tree: &Tree<'_>, count: usize) -> Result<(), TestCaseError> {
    for number in 0..count {
        let found = index.find(&leaf_hash(&entry(number)), tree).unwrap();
        prop_assert_eq!(found, Some(number as u64));
    }
    for number in count..count + 100 {
        prop_assert_eq!(index.find(&leaf_hash(&entry(number)), tree).unwrap(), None);
    }
    Ok(())
}
