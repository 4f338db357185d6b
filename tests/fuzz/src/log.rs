//! Checkpoints, entries, tiles.

use attest_log::entry::Entry;
use attest_log::tile::{self, TileId};
use attest_log::{LogKey, SignedCheckpoint};

use crate::Outcome;

/// A checkpoint has one spelling, and only the one that our key signed verifies.
pub fn checkpoint(data: &[u8]) -> Outcome {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(key) = LogKey::parse(text)
    {
        assert_eq!(
            LogKey::from_spki(key.origin(), &key.spki()).expect("its own SPKI"),
            key
        );
        return Outcome::Read;
    }
    let strict = SignedCheckpoint::parse(data);
    let lenient = SignedCheckpoint::parse_with_extensions(data);
    if let Ok(strict) = &strict {
        assert_eq!(Some(strict), lenient.as_ref().ok());
        assert!(strict.checkpoint().extensions().is_empty());
    }
    let Ok(signed) = lenient else {
        return Outcome::Refused;
    };
    assert_eq!(signed.as_bytes(), data);
    assert!(data.starts_with(signed.checkpoint().to_text().as_bytes()));
    let key = LogKey::parse(OUR_KEY).expect("the key of the seeds");
    if let Ok(verified) = signed.verify(&key) {
        assert_eq!(
            (verified.size(), verified.root().to_string().as_str()),
            (1, OUR_ROOT),
            "forged"
        );
        return Outcome::Verified;
    }
    Outcome::Read
}

/// An entry has one spelling.
pub fn log_entry(data: &[u8]) -> Outcome {
    let Ok(entry) = Entry::parse(data) else {
        return Outcome::Refused;
    };
    assert_eq!(entry.body(), data);
    Outcome::Read
}

/// Paths, tiles and entry bundles have one spelling each. The first two bytes are the width.
pub fn tile(data: &[u8]) -> Outcome {
    let mut outcome = Outcome::Refused;
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(id) = TileId::parse(text)
    {
        assert_eq!(id.path(), text);
        outcome = Outcome::Read;
    }
    let Some((width, bytes)) = data.split_first_chunk() else {
        return outcome;
    };
    let width = u16::from_be_bytes(*width);
    if let Ok(hashes) = tile::parse_hashes(bytes, width) {
        assert_eq!(tile::encode_hashes(&hashes), bytes);
        outcome = Outcome::Read;
    }
    if let Ok(entries) = tile::parse_entries(bytes, width) {
        let mut again = Vec::new();
        for entry in entries {
            tile::push_entry(&mut again, entry).expect("an entry that was read");
        }
        assert_eq!(again, bytes);
        outcome = Outcome::Read;
    }
    outcome
}

/// The key of `seeds/checkpoint/`, which signed one checkpoint only.
const OUR_KEY: &str = include_str!("../seeds/checkpoint/vkey");
const OUR_ROOT: &str = "iipcm3aIJ95alVLDigRMZpWcaPbS8htSYK9U0vh9uCc=";
