//! What stands beside the evidence: checksum files and keys.

use attest_digest::{Algorithm, Checksums};
use attest_sign::{ArtifactKey, Password, Protection, Unlock, protection};
use attest_verify::PublicKey;

use crate::Outcome;

/// A checksum file has names that stay below their folder, each once, and survives writing.
pub fn checksums(data: &[u8]) -> Outcome {
    let mut outcome = Outcome::Refused;
    for algorithm in Algorithm::ALL {
        let Ok(sums) = Checksums::parse(data, algorithm) else {
            continue;
        };
        assert!(!sums.entries().is_empty());
        for (path, digest) in sums.entries() {
            assert_eq!(digest.algorithm(), algorithm);
            assert_eq!(sums.get(path.as_str()), Some(digest), "a name stands twice");
            assert!(!path.as_str().starts_with('/'));
            assert!(
                path.as_str()
                    .split('/')
                    .all(|it| !matches!(it, "" | "." | ".."))
            );
        }
        let written = Checksums::gnu(sums.entries());
        let again = Checksums::parse(written.as_bytes(), algorithm).expect("what we write we read");
        assert_eq!(again.entries(), sums.entries());
        outcome = Outcome::Read;
    }
    outcome
}

/// Private and public keys are read or refused. Encrypted ones are not opened: deriving their key
/// takes longer than ten thousand other inputs.
pub fn key_file(data: &[u8]) -> Outcome {
    let mut outcome = Outcome::Refused;
    if let Ok(key) = PublicKey::parse(data) {
        let again = PublicKey::parse(key.to_pem().as_bytes()).expect("what we write we read");
        assert_eq!(again.spki(), key.spki());
        outcome = Outcome::Read;
    }
    if !matches!(protection(data), Ok(Protection::None)) {
        return outcome;
    }
    if let Ok(key) = ArtifactKey::from_pem(data, &mut Unlock::new(), &Password::empty()) {
        let public = PublicKey::parse(key.public_pem().as_bytes()).expect("our public half");
        assert_eq!(public.spki(), key.spki());
        outcome = Outcome::Read;
    }
    outcome
}
