//! Pieces that are not held, read again: a file of many pieces once for all of them.

use std::path::{Path, PathBuf};

use attest_digest::Digest;

use super::claims::Claims;
use super::read;

/// The pieces of the file that was read again last. One file's pieces together are held to the bounds of
/// one bundle, as they were when it was read first.
#[derive(Debug, Default)]
pub(super) struct Again(Option<Reading>);

#[derive(Debug)]
struct Reading {
    place: PathBuf,
    digest: Option<Digest>,
    /// What is in use, or was used up, is not here.
    pieces: Vec<Option<Claims>>,
}

impl Again {
    /// Takes a piece of a file whose bytes have this digest; none if they are others by now.
    pub(super) fn piece(
        &mut self,
        place: &Path,
        digest: Option<Digest>,
        nth: usize,
    ) -> Option<Claims> {
        self.kept(place, digest, nth).or_else(|| {
            // Not two files at once.
            self.forget();
            self.0 = Some(Reading::of(place));
            self.kept(place, digest, nth)
        })
    }

    pub(super) fn put_back(&mut self, place: &Path, nth: usize, claims: Claims) {
        let reading = self.0.as_mut().filter(|it| it.place == place);
        if let Some(piece) = reading.and_then(|it| it.pieces.get_mut(nth)) {
            *piece = Some(claims);
        }
    }

    pub(super) fn forget(&mut self) {
        self.0 = None;
    }

    fn kept(&mut self, place: &Path, digest: Option<Digest>, nth: usize) -> Option<Claims> {
        let is_same = |it: &&mut Reading| it.place == place && it.digest == digest;
        let reading = self.0.as_mut().filter(is_same)?;
        reading.pieces.get_mut(nth)?.take()
    }
}

impl Reading {
    fn of(place: &Path) -> Self {
        let taken = read(place);
        let pieces = taken.pieces.unwrap_or_default();
        Self {
            place: place.to_owned(),
            digest: taken.digest,
            pieces: pieces.into_iter().map(|(_, claims)| Some(claims)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_many_pieces_is_read_again_once_for_all_of_them() {
        let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/verify");
        let lines = ["message", "message-v1"].map(|name| {
            let bytes = std::fs::read(format!("{fixtures}/{name}/bundle.sigstore.json")).unwrap();
            let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            value.to_string()
        });
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.sigstore.jsonl");
        std::fs::write(&path, lines.join("\n")).unwrap();
        let digest = read(&path).digest;
        let mut again = Again::default();
        let first = again.piece(&path, digest, 0).unwrap();
        std::fs::remove_file(&path).unwrap();
        let second = again.piece(&path, digest, 1).unwrap();
        again.put_back(&path, 0, first);
        assert!(again.piece(&path, digest, 0).is_some());
        // Used up: it would have to be read once more. So would a file with other bytes.
        assert!(again.piece(&path, digest, 0).is_none());
        again.put_back(&path, 1, second);
        assert!(again.piece(&path, digest, 1).is_none());
        std::fs::write(&path, lines.join("\n\n")).unwrap();
        assert!(again.piece(&path, digest, 0).is_none());
    }
}
