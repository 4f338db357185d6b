//! What the log does when nothing goes wrong.

use std::path::Path;

use proptest::prelude::*;

use super::support::*;
use crate::merkle::{self, leaf_hash};
use crate::store::memory::Memory;
use crate::{LogError, SignedCheckpoint};

#[test]
fn an_entry_that_no_bundle_holds_is_refused_and_nothing_is_added() {
    let witness = Witness::new();
    let memory = log_of(3, 3, &witness);
    let mut log = open(&memory, &witness).unwrap();
    let steps = memory.steps();
    for bad in [Vec::new(), vec![0; 65_536]] {
        let error = refused(log.append(&[entry(3), bad]), "log-entry-size");
        assert!(matches!(error, LogError::EntrySize { number: 1, .. }));
        assert!(!error.could_not_tell());
    }
    assert_eq!(memory.steps(), steps, "something was written");
    assert_eq!(log.append(&[vec![0; 65_535]]).unwrap()[0].index, 3);
}

#[test]
fn a_second_writer_is_refused_until_the_first_is_gone() {
    let witness = Witness::new();
    let memory = log_of(1, 1, &witness);
    let first = open(&memory, &witness).unwrap();
    let error = refused(open(&memory, &witness), "log-locked");
    assert!(error.could_not_tell());
    // Readers do not care.
    assert_eq!(reader(&memory, &witness).unwrap().size(), 1);
    drop(first);
    open(&memory, &witness).unwrap();
}

#[test]
fn a_log_is_not_made_over_another() {
    let witness = Witness::new();
    let memory = log_of(1, 1, &witness);
    refused(create(&memory, &witness), "log-exists");
    let nowhere = Memory::new();
    refused(open(&nowhere, &witness), "log-not-found");
    refused(reader(&nowhere, &witness), "log-not-found");
}

#[test]
fn a_second_copy_inside_the_log_is_refused() {
    let (witness, memory) = (Witness::new(), Memory::new());
    let inside = Path::new("/home/log/copy");
    let made = crate::Log::create_on(memory.disk(), Path::new(DIR), inside, &witness);
    refused(made, "checkpoint-copy-inside");
    assert_eq!(memory.files().len(), 0);
}

#[test]
fn an_entry_outside_the_log_is_refused() {
    let witness = Witness::new();
    let memory = log_of(5, 2, &witness);
    let reader = reader(&memory, &witness).unwrap();
    refused(reader.entry(5), "log-index-outside");
    refused(reader.inclusion(5, 5), "log-index-outside");
    refused(reader.inclusion(4, 4), "log-index-outside");
    refused(reader.inclusion(0, 6), "log-index-outside");
    refused(reader.consistency(1, 6), "log-index-outside");
    refused(reader.consistency(3, 2), "log-index-outside");
    // Batches of two: there never was a checkpoint of 3.
    refused(reader.inclusion(0, 3), "checkpoint-not-published");
}

#[test]
fn an_entry_that_is_there_is_not_added_again() {
    let witness = Witness::new();
    let memory = Memory::new();
    let mut log = create(&memory, &witness).unwrap();
    let batch = [entry(0), entry(1), entry(0), entry(1), entry(2)];
    let places: Vec<_> = log
        .append(&batch)
        .unwrap()
        .into_iter()
        .map(|it| (it.index, it.known))
        .collect();
    assert_eq!(
        places,
        [(0, false), (1, false), (0, false), (1, false), (2, false)]
    );

    let before = log.checkpoint().clone();
    let steps = memory.steps();
    let again = log.append(&[entry(1)]).unwrap();
    assert_eq!(
        (again[0].index, again[0].known, again[0].proof.size),
        (1, true, 3)
    );
    assert_eq!(
        (log.checkpoint(), memory.steps()),
        (&before, steps),
        "something was written"
    );

    drop(log);
    let mut log = open(&memory, &witness).unwrap();
    let mixed = log.append(&[entry(3), entry(2)]).unwrap();
    assert_eq!((mixed[0].index, mixed[0].known), (3, false));
    assert_eq!(
        (mixed[1].index, mixed[1].known, mixed[1].proof.size),
        (2, true, 4)
    );
    drop(log);
    assert_sound(&memory, &witness, &[(3, entry(3))]);
}

#[test]
fn an_empty_batch_does_nothing() {
    let witness = Witness::new();
    let memory = log_of(3, 3, &witness);
    let mut log = open(&memory, &witness).unwrap();
    let steps = memory.steps();
    assert_eq!(log.append(&[]).unwrap(), []);
    assert_eq!(memory.steps(), steps);
}

/// Batches that end before, on and after tile boundaries; every proof of every batch verifies.
#[test]
fn every_proof_leads_to_the_checkpoint_it_comes_with() {
    let witness = Witness::new();
    let memory = Memory::new();
    let mut log = create(&memory, &witness).unwrap();
    let mut count = 0;
    for batch in [1, 1, 2, 3, 248, 1, 1, 255, 256, 257, 1, 600, 7] {
        let new = entries(count..count + batch);
        let appended = log.append(&new).unwrap();
        count += batch;
        for (number, (appended, entry)) in appended.iter().zip(&new).enumerate() {
            let proof = &appended.proof;
            assert_eq!(appended.index, (count - batch + number) as u64);
            assert_eq!((proof.index, proof.size), (appended.index, count as u64));
            let signed = SignedCheckpoint::parse(&proof.checkpoint).unwrap();
            let checkpoint = signed.verify(&log_key(&witness)).unwrap();
            assert_eq!(
                (checkpoint.size(), checkpoint.root()),
                (proof.size, proof.root)
            );
            let leaf = leaf_hash(entry);
            merkle::verify_inclusion(&leaf, proof.index, proof.size, &proof.hashes, &proof.root)
                .unwrap();
        }
        if count % 5 == 0 {
            drop(log);
            log = open(&memory, &witness).unwrap();
            assert_eq!(log.recovery(), crate::Recovery::default());
        }
    }
    drop(log);
    let acknowledged: Vec<_> = entries(0..count)
        .into_iter()
        .enumerate()
        .map(|(i, it)| (i as u64, it))
        .collect();
    assert_sound(&memory, &witness, &acknowledged);
}

#[test]
fn a_reader_proves_entries_and_growth_between_published_sizes() {
    let witness = Witness::new();
    let memory = log_of(600, 100, &witness);
    let reader = reader(&memory, &witness).unwrap();
    for size in (100..=600).step_by(100) {
        for index in [0, 1, 99, size / 2, size - 1] {
            let proof = reader.inclusion(index, size).unwrap();
            let leaf = leaf_hash(&entry(usize::try_from(index).unwrap()));
            merkle::verify_inclusion(&leaf, index, size, &proof.hashes, &proof.root).unwrap();
        }
        let old = reader.checkpoint_of(size).unwrap();
        let proof = reader.consistency(size, 600).unwrap();
        let (old, new) = (old.checkpoint(), reader.checkpoint().checkpoint());
        merkle::verify_consistency(size, &old.root(), 600, &new.root(), &proof).unwrap();
    }
    assert_eq!(
        reader.consistency(7, 300).unwrap(),
        reader.consistency(7, 300).unwrap()
    );
    assert_eq!(reader.consistency(0, 600).unwrap(), []);
}

/// The files of a log are exactly those that C2SP tlog-tiles names, and our state.
#[test]
fn the_folder_is_a_tiled_log() {
    let witness = Witness::new();
    let memory = log_of(600, 150, &witness);
    let files = memory.files();
    let names: Vec<_> = files
        .keys()
        .filter_map(|it| it.strip_prefix(DIR).ok())
        .filter(|it| !it.starts_with(".state"))
        .map(|it| it.to_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "checkpoint",
            "checkpoints/0",
            "checkpoints/150",
            "checkpoints/300",
            "checkpoints/450",
            "checkpoints/600",
            "tile/0/000",
            "tile/0/001",
            "tile/0/002.p/88",
            "tile/1/000.p/1",
            "tile/1/000.p/2",
            "tile/entries/000",
            "tile/entries/001",
            "tile/entries/002.p/88",
        ]
    );
    assert_eq!(files[Path::new("/home/log/tile/0/000")].len(), 8192);
    assert_eq!(files[Path::new("/home/log/tile/1/000.p/2")].len(), 64);
}

/// The tiles are synced and the journal begun anew, more than once, and nothing is lost.
#[test]
fn a_long_journal_is_begun_anew() {
    let witness = Witness::new();
    let memory = Memory::new();
    let mut log = create(&memory, &witness).unwrap();
    let journal = Path::new("/home/log/.state/journal");
    let mut begun = 0;
    let mut length = 0;
    for number in 0..300 {
        log.append(&[entry(number)]).unwrap();
        let now = memory.files()[journal].len();
        begun += usize::from(now < length);
        length = now;
    }
    assert_eq!(begun, 11);
    drop(log);
    let log = open(&memory, &witness).unwrap();
    assert_eq!(log.size(), 300);
    drop(log);
    let acknowledged: Vec<_> = entries(0..300)
        .into_iter()
        .enumerate()
        .map(|(i, it)| (i as u64, it))
        .collect();
    assert_sound(&memory, &witness, &acknowledged);
}

/// Any batches, with entries that come again, and starts between.
#[derive(Debug, Clone)]
enum Step {
    Append(Vec<u16>),
    Start,
}

fn step() -> impl Strategy<Value = Step> {
    let batch = || prop::collection::vec(0_u16..700, 0..120);
    prop_oneof![4 => batch().prop_map(Step::Append), 1 => Just(Step::Start)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_log_is_the_list_of_distinct_entries(steps in prop::collection::vec(step(), 1..20)) {
        let (witness, memory) = (Witness::new(), Memory::new());
        let mut log = create(&memory, &witness).unwrap();
        let mut model: Vec<u16> = Vec::new();
        for step in steps {
            let Step::Append(batch) = step else {
                drop(log);
                log = open(&memory, &witness).unwrap();
                continue;
            };
            let bodies: Vec<_> = batch.iter().map(|it| entry(usize::from(*it))).collect();
            let known_before = model.len();
            let appended = log.append(&bodies).unwrap();
            for (number, appended) in batch.iter().zip(&appended) {
                let place = model.iter().position(|it| it == number);
                let place = place.unwrap_or_else(|| {
                    model.push(*number);
                    model.len() - 1
                });
                prop_assert_eq!(appended.index, place as u64);
                prop_assert_eq!(appended.known, place < known_before);
            }
        }
        drop(log);
        let entries: Vec<_> =
            (0..).zip(&model).map(|(index, it)| (index, entry(usize::from(*it)))).collect();
        assert_sound(&memory, &witness, &entries);
        prop_assert_eq!(reader(&memory, &witness).unwrap().size(), model.len() as u64);
    }
}

fn log_key(witness: &Witness) -> crate::LogKey {
    use crate::CheckpointSigner as _;
    witness.key().clone()
}
