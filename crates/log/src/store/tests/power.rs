//! The power is taken before every single step, with everything unsynced kept, lost, or torn. After
//! each: what was acknowledged is there, the log checks, and no size was signed twice.

use std::path::Path;

use super::support::*;
use crate::LogError;
use crate::store::memory::{Loss, Memory};

/// What happens to the log until the power is taken.
type Life = fn(&Memory, &Witness, &mut Vec<(u64, Vec<u8>)>) -> Result<(), LogError>;

/// Steps at which the power was taken, over all losses.
struct Deaths {
    points: u64,
    runs: u64,
}

/// Lives `life` once for every step and loss, each time from a copy of `start`.
fn take_the_power(start: &Memory, life: Life, seeds: u64) -> Deaths {
    let losses = || {
        let torn = (0..seeds).map(|seed| Loss::Some { seed });
        [Loss::Nothing, Loss::Everything].into_iter().chain(torn)
    };
    let mut deaths = Deaths { points: 0, runs: 0 };
    for step in start.steps().. {
        let witness = Witness::new();
        let memory = start.snapshot();
        memory.die_at(step);
        let mut acknowledged = Vec::new();
        let done = life(&memory, &witness, &mut acknowledged).is_ok();
        for loss in losses() {
            // The same past each time, another future.
            deaths.runs += 1;
            let found = memory.after(loss);
            live_on(&found, &witness.fork(), &acknowledged, step, loss);
        }
        if done {
            break;
        }
        deaths.points += 1;
    }
    deaths
}

/// The next start finds a log that is sound and can go on.
fn live_on(
    memory: &Memory,
    witness: &Witness,
    acknowledged: &[(u64, Vec<u8>)],
    step: u64,
    loss: Loss,
) {
    let at = format!("power taken at step {step}, {loss:?}");
    let log = match open(memory, witness) {
        Err(error @ LogError::NotFound { .. }) => {
            assert_eq!(acknowledged, [], "{at}: {error}");
            create(memory, witness)
        }
        other => other,
    };
    let mut log = log.unwrap_or_else(|error| panic!("{at}: {}: {error}", error.code()));
    // Twice: what the first left behind must not trouble the second.
    for round in 0..2 {
        let size = log.size();
        let added = log.append(&[format!("after {step}.{round}").into_bytes()]);
        assert_eq!(added.unwrap()[0].index, size, "{at}");
        drop(log);
        log = open(memory, witness).unwrap_or_else(|error| panic!("{at}: again: {error}"));
    }
    drop(log);
    assert_sound(memory, witness, acknowledged);
}

fn acknowledge(
    log: &mut crate::Log<'_>,
    acknowledged: &mut Vec<(u64, Vec<u8>)>,
    batch: Vec<Vec<u8>>,
) -> Result<(), LogError> {
    let appended = log.append(&batch)?;
    acknowledged.extend(appended.into_iter().map(|it| it.index).zip(batch));
    Ok(())
}

#[test]
fn while_the_log_is_made() {
    let life: Life = |memory, witness, acknowledged| {
        let mut log = create(memory, witness)?;
        acknowledge(&mut log, acknowledged, entries(0..2))
    };
    let deaths = take_the_power(&Memory::new(), life, 10);
    say(&format!(
        "create and append: {} points, {} runs",
        deaths.points, deaths.runs
    ));
    assert!(deaths.points >= 50, "{} points", deaths.points);
}

/// From a log of 250 to 262: partial tiles grow, become full and are removed, with a start between.
#[test]
fn while_tiles_become_full() {
    let start = log_of(250, 50, &Witness::new());
    let life: Life = |memory, witness, acknowledged| {
        let mut log = open(memory, witness)?;
        acknowledge(&mut log, acknowledged, entries(250..253))?;
        acknowledge(&mut log, acknowledged, entries(253..257))?;
        drop(log);
        let mut log = open(memory, witness)?;
        acknowledge(&mut log, acknowledged, entries(257..258))?;
        acknowledge(&mut log, acknowledged, entries(250..262))
    };
    let deaths = take_the_power(&start, life, 5);
    say(&format!(
        "growing tiles: {} points, {} runs",
        deaths.points, deaths.runs
    ));
    assert!(deaths.points >= 100, "{} points", deaths.points);
}

/// The journal is long: tiles are synced and it is begun anew.
#[test]
fn while_the_journal_is_begun_anew() {
    let witness = Witness::new();
    let start = Memory::new();
    let mut log = create(&start, &witness).unwrap();
    for number in 0..25 {
        log.append(&[entry(number)]).unwrap();
    }
    drop(log);
    let life: Life = |memory, witness, acknowledged| {
        let mut log = open(memory, witness)?;
        acknowledge(&mut log, acknowledged, entries(25..26))?;
        acknowledge(&mut log, acknowledged, entries(26..28))
    };
    let deaths = take_the_power(&start, life, 4);
    say(&format!(
        "new journal: {} points, {} runs",
        deaths.points, deaths.runs
    ));
    assert!(deaths.points >= 100, "{} points", deaths.points);
}

/// The index of known entries writes and merges its runs.
#[test]
fn while_the_index_is_written() {
    let start = log_of(126, 42, &Witness::new());
    let life: Life = |memory, witness, acknowledged| {
        let mut log = open(memory, witness)?;
        acknowledge(&mut log, acknowledged, entries(126..129))?;
        acknowledge(&mut log, acknowledged, entries(129..130))
    };
    let deaths = take_the_power(&start, life, 4);
    say(&format!(
        "index: {} points, {} runs",
        deaths.points, deaths.runs
    ));
    assert!(deaths.points >= 40, "{} points", deaths.points);
}

/// The power is taken again while the log recovers from the last time.
#[test]
fn while_it_recovers() {
    let witness = Witness::new();
    let memory = log_of(254, 127, &witness);
    // Dies when the entries are durable and nothing else is.
    let start = memory.snapshot();
    let mut log = open(&start, &witness).unwrap();
    let durable = start.steps() + 3;
    start.die_at(durable);
    log.append(&entries(254..258)).unwrap_err();
    drop(log);
    for seed in 0..3 {
        let found = start.after(Loss::Some { seed });
        let life: Life = |memory, witness, acknowledged| {
            let mut log = open(memory, witness)?;
            acknowledge(&mut log, acknowledged, entries(254..260))
        };
        let deaths = take_the_power(&found, life, 2);
        say(&format!(
            "recovery {seed}: {} points, {} runs",
            deaths.points, deaths.runs
        ));
        assert!(deaths.points >= 40, "{} points", deaths.points);
    }
}

#[test]
fn what_was_durable_is_finished_and_said() {
    let witness = Witness::new();
    let memory = log_of(5, 5, &witness);
    let mut log = open(&memory, &witness).unwrap();
    // Two halves of the record and its sync; the power goes before the first tile.
    memory.die_at(memory.steps() + 3);
    log.append(&entries(5..8)).unwrap_err();
    drop(log);

    let found = memory.after(Loss::Everything);
    let log = open(&found, &witness).unwrap();
    assert_eq!(
        (log.size(), log.recovery().completed, log.recovery().torn),
        (8, 3, 0)
    );
    drop(log);
    assert_sound(&found, &witness, &[(7, entry(7))]);
    assert_eq!(
        open(&found, &witness).unwrap().recovery(),
        crate::Recovery::default()
    );
}

#[test]
fn a_torn_batch_is_discarded_and_said() {
    let witness = Witness::new();
    let memory = log_of(5, 5, &witness);
    let mut log = open(&memory, &witness).unwrap();
    // Only the first half of the record.
    memory.die_at(memory.steps() + 1);
    log.append(&entries(5..8)).unwrap_err();
    drop(log);

    let found = memory.after(Loss::Nothing);
    let mut log = open(&found, &witness).unwrap();
    assert_eq!((log.size(), log.recovery().completed), (5, 0));
    assert!(log.recovery().torn > 0);
    assert_eq!(log.append(&entries(9..10)).unwrap()[0].index, 5);
    drop(log);
    assert_eq!(open(&found, &witness).unwrap().size(), 6);
    assert_sound(&found, &witness, &[(5, entry(9))]);
}

/// Any tail that is left behind the last whole record: cut, zeroed, or another record's.
#[test]
fn any_torn_tail_is_discarded() {
    let witness = Witness::new();
    let memory = log_of(5, 5, &witness);
    let journal = Path::new("/home/log/.state/journal");
    let before = memory.files()[journal].len();
    let longer = memory.snapshot();
    open(&longer, &Witness::new())
        .unwrap()
        .append(&entries(5..8))
        .unwrap();
    let whole = longer.files()[journal].clone();
    let other = [&whole[..before], &whole[before - 40..]].concat();
    let tails = (before + 1..whole.len()).map(|end| whole[..end].to_vec());
    let zeroed = (before..whole.len() - 1).step_by(7).map(|end| {
        let mut bytes = whole.clone();
        bytes[end..].fill(0);
        bytes
    });
    let mut count = 0;
    for bytes in tails.chain(zeroed).chain([other]) {
        let torn = memory.snapshot();
        torn.tamper(journal, |_| Some(bytes));
        let log = open(&torn, &witness).unwrap();
        assert_eq!(log.size(), 5);
        drop(log);
        assert_sound(&torn, &witness, &[(4, entry(4))]);
        count += 1;
    }
    assert!(count > 80, "{count}");
}

/// No space left at any step: an error with its code, nothing half-written, and the log goes on when
/// there is space again.
#[test]
fn a_full_disk_at_any_step_loses_nothing() {
    let start = log_of(250, 50, &Witness::new());
    let mut points = 0;
    for step in start.steps().. {
        let witness = Witness::new();
        let memory = start.snapshot();
        let mut acknowledged = Vec::new();
        memory.full_at(Some(step));
        let result = open(&memory, &witness).and_then(|mut log| {
            acknowledge(&mut log, &mut acknowledged, entries(250..253))?;
            acknowledge(&mut log, &mut acknowledged, entries(253..258))
        });
        memory.full_at(None);
        live_on(&memory, &witness, &acknowledged, step, Loss::Nothing);
        match result {
            Ok(()) => break,
            Err(error) => {
                assert_eq!(error.code(), "log-full-disk");
                assert!(error.could_not_tell());
                points += 1;
            }
        }
    }
    say(&format!("full disk: {points} points"));
    assert!(points >= 40, "{points} points");
}

#[test]
fn after_a_failure_half_way_nothing_more_is_taken() {
    let witness = Witness::new();
    let memory = log_of(5, 5, &witness);
    let mut log = open(&memory, &witness).unwrap();
    memory.full_at(Some(memory.steps()));
    refused(log.append(&entries(5..6)), "log-full-disk");
    memory.full_at(None);
    refused(log.append(&entries(6..7)), "log-stopped");
}
