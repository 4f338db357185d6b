//! Digests and sets of claimed digests.

use attest_digest::{Algorithm, Digest, DigestSet};
use proptest::prelude::*;

const HEX: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

fn refusal(text: &str) -> &'static str {
    Digest::parse(text).unwrap_err().code()
}

#[test]
fn a_digest_without_algorithm_is_refused() {
    assert_eq!(refusal(HEX), "digest-algorithm-unknown");
    assert_eq!(refusal(""), "digest-algorithm-unknown");
}

#[test]
fn a_digest_of_another_algorithm_is_refused() {
    for name in ["md5", "sha1", "SHA256", "sha-256", "sha3_256", ""] {
        assert_eq!(
            refusal(&format!("{name}:{HEX}")),
            "digest-algorithm-unknown"
        );
    }
}

#[test]
fn a_digest_that_is_not_exactly_lower_case_hexadecimal_is_refused() {
    let upper = HEX.to_uppercase();
    let short = HEX.get(1..).unwrap();
    for value in [
        &upper,
        short,
        &format!("{HEX}0"),
        &format!("{HEX}00"),
        &format!(" {HEX}"),
        "",
    ] {
        assert_eq!(
            refusal(&format!("sha256:{value}")),
            "digest-malformed",
            "{value}"
        );
    }
    assert_eq!(refusal(&format!("sha512:{HEX}")), "digest-malformed");
    assert_eq!(refusal(&format!("sha256:{HEX}\n")), "digest-malformed");
}

#[test]
fn bytes_of_another_length_are_no_digest() {
    for length in [0, 31, 33, 48] {
        let error = Digest::from_bytes(Algorithm::Sha256, &vec![0; length]).unwrap_err();
        assert_eq!(error.code(), "digest-malformed");
        assert_eq!(
            error.to_string(),
            format!("digest has {length} bytes, sha256 needs 32")
        );
    }
}

#[test]
fn an_algorithm_that_is_claimed_twice_is_refused() {
    let mut set = DigestSet::new();
    for (name, value) in [("sha256", HEX), ("gitCommit", "8f3c")] {
        set.insert(name, value).unwrap();
        assert_eq!(
            set.insert(name, value).unwrap_err().code(),
            "digest-duplicate"
        );
    }
}

#[test]
fn a_claim_of_a_known_algorithm_is_read_strictly() {
    let mut set = DigestSet::new();
    for value in ["", "abc", &HEX.to_uppercase()] {
        assert_eq!(
            set.insert("sha256", value).unwrap_err().code(),
            "digest-malformed"
        );
    }
    assert!(set.is_empty());
}

#[test]
fn a_claim_that_cannot_be_shown_is_refused() {
    let mut set = DigestSet::new();
    let long = "a".repeat(1025);
    for (name, value) in [
        ("", "1"),
        ("a\n", "1"),
        (&long, "1"),
        ("a", ""),
        ("a", "\u{1b}"),
        ("a", &long),
    ] {
        assert_eq!(
            set.insert(name, value).unwrap_err().code(),
            "digest-malformed"
        );
    }
}

#[test]
fn a_set_does_not_grow_without_end() {
    let mut set = DigestSet::new();
    for index in 0..32 {
        set.insert(&format!("other{index}"), "1").unwrap();
    }
    assert_eq!(
        set.insert("sha256", HEX).unwrap_err().code(),
        "digest-too-many"
    );
}

#[test]
fn weak_digests_are_kept_but_are_nothing_to_compare() {
    let mut set = DigestSet::new();
    set.insert("sha1", "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d")
        .unwrap();
    assert_eq!(set.iter().count(), 0);
    assert_eq!(set.strongest(), None);
    assert!(!set.is_empty());
    assert_eq!(set.other().count(), 1);
}

#[test]
fn the_strongest_digest_is_the_longest() {
    let mut set = DigestSet::from(Digest::Sha256([1; 32]));
    set.insert_digest(Digest::Sha512([2; 64])).unwrap();
    set.insert_digest(Digest::Sha384([3; 48])).unwrap();
    assert_eq!(set.strongest(), Some(&Digest::Sha512([2; 64])));
    assert_eq!(set.get(Algorithm::Sha384), Some(&Digest::Sha384([3; 48])));
}

proptest! {
    #[test]
    fn a_digest_reads_as_it_was_written(bytes: [u8; 32], more: [u8; 32]) {
        let long = [bytes, more].concat();
        for algorithm in Algorithm::ALL {
            let digest = Digest::from_bytes(algorithm, &long[..algorithm.len()]).unwrap();
            prop_assert_eq!(Digest::parse(&digest.to_string()).unwrap(), digest);
            prop_assert_eq!(Digest::from_hex(algorithm, &digest.hex()).unwrap(), digest);
        }
    }

    #[test]
    fn what_reads_as_a_digest_is_written_the_same(text in "sha(256|384|512):[0-9a-fA-F]{60,130}") {
        if let Ok(digest) = Digest::parse(&text) {
            prop_assert_eq!(digest.to_string(), text);
        }
    }
}
