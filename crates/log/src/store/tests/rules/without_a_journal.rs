//! A log of public files only, as from a mirror.

use super::*;

/// A log that was copied from a mirror has only its public files.
fn mirrored(witness: &Witness, count: usize) -> Memory {
    let memory = log_of(count, 100, witness);
    for path in memory.files().into_keys() {
        if path.starts_with("/home/log/.state") {
            memory.tamper(&path, |_| None);
        }
    }
    memory
}

#[test]
fn a_log_from_a_mirror_goes_on() {
    for count in [100, 256, 600] {
        let witness = Witness::new();
        let memory = mirrored(&witness, count);
        let log = open(&memory, &witness).unwrap();
        assert_eq!(log.size(), count as u64);
        drop(log);
        let memory = memory.after(Loss::Everything);
        open(&memory, &witness)
            .unwrap()
            .append(&entries(0..count + 1))
            .unwrap();
        assert_sound(&memory, &witness, &[(count as u64, entry(count))]);
    }
}

#[test]
fn a_log_from_a_mirror_is_checked_as_a_whole() {
    let witness = Witness::new();
    let memory = mirrored(&witness, 600);
    for path in [
        "tile/entries/000",
        "tile/0/001",
        "tile/1/000.p/2",
        "tile/entries/002.p/88",
    ] {
        let damaged = memory.snapshot();
        damaged.tamper(&Path::new(DIR).join(path), |bytes| {
            let mut bytes = bytes.unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            Some(bytes)
        });
        refused(open(&damaged, &witness), "log-corrupt");
    }
}

#[test]
fn a_log_from_an_older_mirror_is_refused() {
    let witness = Witness::new();
    let memory = mirrored(&witness, 600);
    put(&memory, COPY, checkpoint(&witness, &entries(0..601)));
    refused(open(&memory, &witness), "checkpoint-newer-than-log");
}
