//! What names trust: signers files, keys and certificates in PEM, and the TUF metadata that is kept.

use attest_policy::{FileSigners, SignersFile};
use attest_remote::{Metadata, prove};
use attest_verify::{Assembly, EmbeddedRoot, TrustedRoot, limits};
use jiff::Timestamp;

use crate::Outcome;

/// Who is read from a signers file can be satisfied: groups have members, at least as many as approve.
pub fn signers_file(data: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(data) else {
        return Outcome::Refused;
    };
    let Ok(file) = SignersFile::parse(text) else {
        return Outcome::Refused;
    };
    assert!(!file.groups.is_empty());
    for group in &file.groups {
        let members = match &group.signers {
            FileSigners::Sigstore(identities) => {
                assert!(identities.iter().all(|it| !it.issuer().is_empty()));
                identities.len()
            }
            FileSigners::Keys(keys) => {
                for validity in keys.iter().map(|it| it.validity) {
                    let ends = validity.not_before.zip(validity.not_after);
                    assert!(ends.is_none_or(|(from, to)| from <= to));
                }
                keys.len()
            }
        };
        assert!((1..=members).contains(&group.threshold));
    }
    Outcome::Read
}

/// What a root is made of makes a root that is read, with at most one log or authority for each part; the same
/// part again adds nothing.
pub fn root_parts(data: &[u8]) -> Outcome {
    let start = Timestamp::UNIX_EPOCH;
    let url = "https://log.example";
    let chain = |root: &mut Assembly| {
        root.add_chain(data, Some("https://tsa.example"), None)
            .is_ok()
    };
    let log = |root: &mut Assembly| root.add_log(data, url, start).is_ok();
    let certificate_log = |root: &mut Assembly| root.add_certificate_log(data, url, start).is_ok();
    let ways: [&dyn Fn(&mut Assembly) -> bool; 3] = [&chain, &log, &certificate_log];
    let mut outcome = Outcome::Refused;
    for add in ways {
        let mut once = Assembly::default();
        if !add(&mut once) {
            continue;
        }
        let mut twice = Assembly::default();
        assert!(add(&mut twice) && add(&mut twice));
        let (Ok(once), Ok(twice)) = (once.to_json(), twice.to_json()) else {
            continue;
        };
        assert_eq!(once, twice);
        let root = TrustedRoot::parse(&once).expect("what we make, we read");
        // A key that no verifier here takes makes a log that is left out.
        assert!(root.items().len() <= 1);
        assert!(once.len() <= limits::TRUSTED_ROOT_BYTES);
        outcome = Outcome::Read;
    }
    outcome
}

/// Kept metadata survives writing. What begins with the public-good root and leads on was signed by its
/// keepers: it leads no further than what they had published, and to no other bytes.
pub fn tuf_metadata(data: &[u8]) -> Outcome {
    let Ok(metadata) = Metadata::parse(data) else {
        return Outcome::Refused;
    };
    let written = metadata.to_json();
    let again = Metadata::parse(&written).expect("what we write, we read");
    assert_eq!(again.to_json(), written);
    let known = EmbeddedRoot::DEFAULT.chain();
    let roles = known.roles.expect("the public-good root has them");
    let as_of = roles.as_of.parse().expect("a time");
    let target = EmbeddedRoot::DEFAULT.trusted_root();
    let forged = [target, b" "].concat();
    let began = metadata.roots.first().map(Vec::as_slice);
    let is_known = began.is_some_and(|it| known.roots.contains(&it));
    if let Ok(walk) = prove(&metadata, &forged, as_of) {
        assert!(!is_known || walk.roles.is_none());
    }
    match prove(&metadata, target, as_of) {
        Ok(walk) if is_known => {
            assert!(walk.roots.1 <= LAST_ROOT);
            Outcome::Verified
        }
        _ => Outcome::Read,
    }
}

/// The last version of the public-good `root.json` among the embedded ones.
const LAST_ROOT: u64 = 16;
