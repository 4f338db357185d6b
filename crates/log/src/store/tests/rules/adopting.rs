//! What adopting a checkpoint from elsewhere can do, and what it never does.

use super::*;

#[test]
fn a_checkpoint_from_elsewhere_replaces_a_copy_that_is_lost() {
    for size in [0, 3, 10] {
        let witness = Witness::new();
        let memory = log_of(10, 5, &witness);
        remove(&memory, COPY);
        let kept = checkpoint(&witness, &entries(0..size));
        assert_eq!(adopt(&memory, &witness, &kept, &[]).unwrap().size(), 10);
        assert_sound(&memory, &witness, &[]);
        add(&memory, &witness, &entries(10..11));
        assert_sound(&memory, &witness, &[(10, entry(10))]);
    }
}

#[test]
fn a_checkpoint_from_elsewhere_replaces_a_copy_that_is_damaged() {
    let witness = Witness::new();
    let memory = log_of(10, 5, &witness);
    put(&memory, COPY, b"damaged".to_vec());
    let kept = checkpoint(&witness, &entries(0..10));
    adopt(&memory, &witness, &kept, &[]).unwrap();
    assert_sound(&memory, &witness, &[]);
}

#[test]
fn a_checkpoint_that_is_not_of_this_log_is_not_adopted() {
    let witness = Witness::new();
    let memory = log_of(10, 5, &witness);
    remove(&memory, COPY);
    let before = without_lock(&memory);
    let own = String::from_utf8(checkpoint(&witness, &entries(0..10))).unwrap();
    let other = TestSigner::new("other.example", 7);
    let other = SignedCheckpoint::sign(
        Checkpoint::new(other.key(), 0, merkle::empty_root()),
        &other,
    );
    let cases = [
        (Vec::new(), "checkpoint-malformed"),
        (
            own.replace("\n10\n", "\n9\n").into_bytes(),
            "checkpoint-signature-invalid",
        ),
        (
            other.unwrap().as_bytes().to_owned(),
            "checkpoint-origin-mismatch",
        ),
        (
            checkpoint(&witness, &entries(0..11)),
            "checkpoint-newer-than-log",
        ),
        (
            checkpoint(&witness, &entries(1..11)),
            "checkpoint-root-differs",
        ),
        (
            checkpoint(&witness, &entries(1..6)),
            "checkpoint-root-differs",
        ),
    ];
    for (bytes, code) in cases {
        refused(adopt(&memory, &witness, &bytes, &[]), code);
        assert_eq!(without_lock(&memory), before);
    }
}

/// What adopting must never do: sign 11 to 15 again with other entries.
#[test]
fn a_restored_backup_is_not_adopted_while_the_copy_says_that_more_was_signed() {
    let witness = Witness::new();
    let memory = log_of(10, 5, &witness);
    let backup = memory.snapshot();
    add(&memory, &witness, &entries(10..15));
    memory.restore(Path::new("/home"), &backup);
    let before = without_lock(&memory);
    let kept = checkpoint(&witness, &entries(0..10));
    refused(
        adopt(&memory, &witness, &kept, &[]),
        "checkpoint-newer-than-log",
    );
    assert_eq!(without_lock(&memory), before);
}

#[test]
fn a_restored_backup_goes_on_when_its_missing_entries_are_brought() {
    let witness = Witness::new();
    let memory = log_of(10, 5, &witness);
    let backup = memory.snapshot();
    add(&memory, &witness, &entries(10..15));
    let newest = memory.files()[Path::new(COPY)].clone();
    memory.restore(Path::new("/home"), &backup);
    let before = without_lock(&memory);

    // Too few, too many, or not those.
    refused(
        adopt(&memory, &witness, &newest, &entries(10..14)),
        "checkpoint-newer-than-log",
    );
    refused(
        adopt(&memory, &witness, &newest, &entries(10..16)),
        "log-index-outside",
    );
    refused(
        adopt(&memory, &witness, &newest, &entries(11..16)),
        "checkpoint-root-differs",
    );
    refused(
        adopt(&memory, &witness, &newest, &[Vec::new()]),
        "log-entry-size",
    );
    assert_eq!(without_lock(&memory), before);

    let log = adopt(&memory, &witness, &newest, &entries(10..15)).unwrap();
    assert_eq!(log.size(), 15);
    drop(log);
    assert_eq!(memory.files()[Path::new(COPY)], newest);
    add(&memory, &witness, &entries(15..16));
    assert_sound(&memory, &witness, &[(14, entry(14)), (15, entry(15))]);
}

/// Two jobs from one home have forked the log; the other's checkpoint is the second copy. Ours
/// can go on, but only at sizes that neither branch has.
#[test]
fn a_fork_goes_on_only_beyond_what_either_branch_signed() {
    let witness = Witness::new();
    let memory = log_of(10, 5, &witness);
    let kept = checkpoint(&witness, &entries(0..10));
    let other = |size: usize| {
        checkpoint(
            &witness,
            &[entries(0..9), entries(100..100 + size - 9)].concat(),
        )
    };

    // The other branch is longer: 11 would be signed twice.
    put(&memory, COPY, other(11));
    refused(
        adopt(&memory, &witness, &kept, &[]),
        "checkpoint-newer-than-log",
    );

    // As long: the next size is new to both.
    put(&memory, COPY, other(10));
    refused_start(&memory, &witness, "checkpoint-root-differs");
    assert_eq!(adopt(&memory, &witness, &kept, &[]).unwrap().size(), 10);
    add(&memory, &witness, &entries(10..11));
    assert_sound(&memory, &witness, &[(10, entry(10))]);
}

#[test]
fn a_fork_with_unpublished_entries_signs_no_size_of_the_other_branch() {
    let witness = Witness::new();
    let memory = log_of(10, 5, &witness);
    memory.die_at(memory.steps() + 3);
    open(&memory, &witness)
        .and_then(|mut log| log.append(&entries(10..11)))
        .unwrap_err();
    let memory = memory.after(Loss::Nothing);
    // Entry 10 is durable here; the other branch has signed its own 11.
    put(&memory, COPY, checkpoint(&witness, &entries(1..12)));
    let kept = checkpoint(&witness, &entries(0..10));
    let before = without_lock(&memory);
    refused(
        adopt(&memory, &witness, &kept, &[]),
        "checkpoint-signed-before",
    );
    assert_eq!(without_lock(&memory), before, "a refusal wrote something");
    assert_eq!(witness.forks(), [] as [u64; 0]);
}
