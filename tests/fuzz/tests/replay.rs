//! Every known input through its target, with stable Rust: what fuzzing once found stays found.

use std::collections::BTreeSet;
use std::path::Path;

use attest_fuzz::{Outcome, TARGETS, seeds};

/// Below `seeds/`, what our own keys signed: if these did not verify, a forgery would not either.
const SIGNED: [&str; 12] = [
    "bundle/own-message",
    "bundle/own-statement",
    "checkpoint/signed",
    "dialect/own-lines",
    "dialect/own-npm",
    "fixtures/minisign/signed/signature",
    "fixtures/openpgp/version-6/key",
    "fixtures/openpgp/version-6/signature",
    "fixtures/ssh/p256/key",
    "timestamp/own",
    "trusted_root/own",
    "tuf_metadata/public-good",
];

#[test]
fn every_known_input_keeps_the_promises_of_its_parser() {
    let mut read = BTreeSet::new();
    for seed in seeds::all(&[]) {
        let (_, run) = TARGETS
            .iter()
            .find(|(name, _)| *name == seed.target)
            .expect("a target");
        // Shown only when the target fails.
        println!("{}: {}", seed.target, seed.source);
        let outcome = run(&seed.bytes);
        if outcome != Outcome::Refused {
            read.insert(seed.target);
        }
        // A detached signature by itself is evidence of nothing yet: only its own target has the file.
        let is_whole = seed.target != "dialect" || !seed.source.contains("/fixtures/");
        if is_whole && SIGNED.iter().any(|it| seed.source.ends_with(it)) {
            assert_eq!(outcome, Outcome::Verified, "{}", seed.source);
        }
    }
    let shallow: Vec<_> = TARGETS
        .iter()
        .map(|(name, _)| *name)
        .filter(|it| !read.contains(it))
        .collect();
    assert_eq!(
        shallow, [""; 0],
        "targets without a seed that their parser reads"
    );
}

#[test]
fn every_target_has_its_binary_and_every_binary_its_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz_targets");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|it| it.unwrap().path());
    let mut binaries: Vec<String> = files
        .map(|it| it.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    binaries.sort();
    assert_eq!(
        binaries,
        TARGETS.iter().map(|(name, _)| *name).collect::<Vec<_>>()
    );
}
