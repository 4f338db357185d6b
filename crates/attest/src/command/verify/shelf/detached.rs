//! Detached signatures: they sign the bytes themselves, which are read for them.

use std::io;
use std::path::{Path, PathBuf};

use attest_digest::Artifact;
use attest_verify::{Detached, DetachedError, Observed, Subject};

use super::claims::Claims;
use super::{Outcome, Shelf, changed, outcome};
use crate::command::verify::Session;
use crate::files;
use crate::report::Refusal;

impl Shelf {
    /// Verifies a signature over this subject, whose bytes lie at `path`: a signature of OpenPGP,
    /// minisign or SSH needs them, every other one the digest alone.
    pub(crate) fn prove_over(
        &mut self,
        index: usize,
        subject: &Subject<'_>,
        path: Option<&Path>,
        session: &Session,
    ) {
        let is_detached = self.items.get(index).is_some_and(|item| item.is_detached);
        match (subject, path) {
            (Subject::Artifact(artifact), Some(path)) if is_detached => {
                self.prove_detached(index, artifact, path, session);
            }
            _ => self.prove_message(index, subject, session),
        }
    }

    fn prove_detached(
        &mut self,
        index: usize,
        artifact: &Artifact,
        path: &Path,
        session: &Session,
    ) {
        let Some(item) = self.items.get_mut(index) else {
            return;
        };
        let held = item.claims.is_some();
        item.keep_earlier();
        let signature = match item.claims(&mut self.again) {
            Ok(Claims::Detached(signature)) => signature,
            Ok(Claims::Bundle(_)) => return,
            Err(outcome) => {
                item.outcome = outcome;
                return;
            }
        };
        let proven = match observe(&mut self.observed, &signature, path) {
            Ok(observed) => {
                let signers = session.policy.signers();
                let verifier = &session.verifier;
                match verifier.verify_detached(&signature, observed, artifact, signers) {
                    Ok(evidence) => outcome(Ok(evidence), session),
                    Err(DetachedError::Rejected(rejection)) => outcome(Err(rejection), session),
                    Err(_) => changed(path),
                }
            }
            Err(error) => Outcome::Unreadable(Refusal {
                code: "file-unreadable",
                found: format!("{}: {error}", path.display()),
                wanted: "readable bytes".to_owned(),
            }),
        };
        if let Some(item) = self.items.get_mut(index) {
            item.put_back(Claims::Detached(signature), held, &mut self.again);
            item.outcome = proven;
        }
    }
}

/// What was read of the file before, if it serves this signature too; else it is read again, for each
/// kind of hash once. That it is still the artifact, the verifier sees.
fn observe<'o>(
    kept: &'o mut Option<(PathBuf, Vec<Observed>)>,
    signature: &Detached,
    path: &Path,
) -> io::Result<&'o Observed> {
    if kept.as_ref().is_none_or(|(of, _)| of != path) {
        *kept = None;
    }
    let (_, readings) = kept.get_or_insert_with(|| (path.to_owned(), Vec::new()));
    let serves = readings.iter().position(|it| it.covers(signature));
    let place = if let Some(place) = serves {
        place
    } else {
        readings.push(signature.observe(&mut files::open_regular(path)?)?);
        readings.len() - 1
    };
    readings
        .get(place)
        .ok_or_else(|| io::ErrorKind::Other.into())
}

/// Why a digest alone does not do.
pub(super) fn bytes_needed() -> Refusal {
    Refusal {
        code: "digest-incomparable",
        found: "a signature over bytes, of which only the digest is at hand".to_owned(),
        wanted: "the file itself".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Else a file of many signatures would have a large file read as often.
    #[test]
    fn signatures_of_different_hashes_in_turn_read_the_file_once_for_each_hash() {
        let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/openpgp");
        let signature = |name: &str| {
            let bytes = std::fs::read(format!("{fixtures}/{name}/signature")).unwrap();
            Detached::parse(&bytes).unwrap()
        };
        let (one, other) = (signature("p256"), signature("p521"));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "x").unwrap();
        let mut kept = None;
        for signature in [&one, &other] {
            observe(&mut kept, signature, &path).unwrap();
        }
        std::fs::remove_file(&path).unwrap();
        for signature in [&one, &other, &one, &other] {
            observe(&mut kept, signature, &path).unwrap();
        }
        let elsewhere = folder.path().join("other");
        assert!(observe(&mut kept, &one, &elsewhere).is_err());
    }
}
