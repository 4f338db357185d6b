//! A file by itself: bound by its digest, whatever it is called.

use attest_digest::{Artifact, Checksums, Digest, DigestSet, Match};
use attest_provenance::Statement;

use crate::reason::Reason;

/// Bytes that are asked about: read by us, or only their digest, on the user's word or in a statement.
#[derive(Debug, Clone, Copy)]
pub enum Bytes<'a> {
    /// Bytes that were read.
    Read(&'a Artifact),
    /// A digest that was given.
    Given(Digest),
    /// The digests that a statement has of them.
    Named(&'a DigestSet),
}

impl Bytes<'_> {
    /// Compares with the digests that are claimed, of which all that are known must agree.
    pub fn compare(&self, claimed: &DigestSet) -> Match {
        match self {
            Self::Read(artifact) => artifact.compare(claimed),
            Self::Given(digest) => compare([digest].into_iter(), claimed),
            Self::Named(digests) => compare(digests.iter(), claimed),
        }
    }

    /// Whether these are the bytes with all of these digests that we can compare.
    pub(crate) fn is(&self, claimed: &DigestSet) -> bool {
        self.compare(claimed) == Match::Same
    }

    fn words(&self) -> String {
        match self {
            Self::Read(artifact) => artifact.sha256().to_string(),
            Self::Given(digest) => digest.to_string(),
            Self::Named(digests) => {
                let digests: Vec<String> = digests.iter().map(Digest::to_string).collect();
                digests.join(", ")
            }
        }
    }
}

/// Whether digests that are known are those that are claimed: at least one, and no other contradicts it.
fn compare<'a>(known: impl Iterator<Item = &'a Digest>, claimed: &DigestSet) -> Match {
    let mut verdict = Match::Incomparable;
    for found in known {
        match claimed.get(found.algorithm()) {
            Some(wanted) if wanted == found => verdict = Match::Same,
            Some(wanted) => {
                return Match::Different {
                    algorithm: found.algorithm(),
                    found: *found,
                    wanted: *wanted,
                };
            }
            None => {}
        }
    }
    verdict
}

/// Under which name a statement signs these bytes; `None` when it names no path.
///
/// # Errors
/// `digest-mismatch` when the statement has other bytes under the file's own name,
/// `subject-missing` when it is about other files, `digest-incomparable` when none of its digests
/// can be compared.
pub fn statement_names<'s>(
    statement: &'s Statement,
    bytes: Bytes<'_>,
    file_name: Option<&str>,
) -> Result<Option<&'s str>, Reason> {
    let mut other_bytes = None;
    let mut comparable = false;
    for subject in statement.subjects() {
        match bytes.compare(subject.digests()) {
            Match::Same => return Ok(subject.name()),
            Match::Different { found, wanted, .. } => {
                comparable = true;
                if subject.name().is_some() && subject.name() == file_name {
                    other_bytes = Some(Reason::new("digest-mismatch", found, wanted));
                }
            }
            Match::Incomparable | Match::NotComputed { .. } => {}
        }
    }
    Err(other_bytes.unwrap_or_else(|| {
        if comparable {
            Reason::new(
                "subject-missing",
                bytes.words(),
                "one of the statement's subjects",
            )
        } else {
            Reason::new(
                "digest-incomparable",
                "no SHA-256, SHA-384 or SHA-512",
                bytes.words(),
            )
        }
    }))
}

/// Whether a statement signs these bytes for one of these paths, or for no path at all.
///
/// # Errors
/// As [`statement_names`]; `name-mismatch` when it signs them for other paths only.
pub fn statement_signs_for(
    statement: &Statement,
    bytes: Bytes<'_>,
    paths: &[&str],
) -> Result<(), Reason> {
    let elsewhere = statement_names(statement, bytes, paths.first().copied())?;
    let here = statement.subjects().iter().any(|subject| {
        subject.name().is_none_or(|name| paths.contains(&name))
            && bytes.compare(subject.digests()) == Match::Same
    });
    if here {
        return Ok(());
    }
    Err(Reason::new(
        "name-mismatch",
        format!("bytes signed for {}", elsewhere.unwrap_or_default()),
        paths.join(" or "),
    ))
}

/// Under which name a signed checksums file lists these bytes.
///
/// # Errors
/// As [`statement_names`].
pub fn checksums_names<'c>(
    checksums: &'c Checksums,
    bytes: Bytes<'_>,
    file_name: Option<&str>,
) -> Result<&'c str, Reason> {
    let mut other_bytes = None;
    for (path, digest) in checksums.entries() {
        match bytes.compare(&DigestSet::from(*digest)) {
            Match::Same => return Ok(path.as_str()),
            Match::Different { found, wanted, .. } if file_name == Some(path.as_str()) => {
                other_bytes = Some(Reason::new("digest-mismatch", found, wanted));
            }
            _ => {}
        }
    }
    Err(other_bytes.unwrap_or_else(|| {
        Reason::new("subject-missing", bytes.words(), "one of the listed files")
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use attest_digest::{Algorithm, Digest, Hashes};

    #[test]
    fn bytes_are_those_of_every_digest_that_can_be_compared() {
        let artifact = Artifact::of_bytes(b"one", Hashes::All);
        let set = |text: &str, digest: &Digest| {
            let other = Digest::parse(text).unwrap();
            let mut set = DigestSet::from(*digest);
            set.insert_digest(other).unwrap();
            set
        };
        let one = artifact.sha256();
        let other = Artifact::of_bytes(b"other", Hashes::All);
        let longer = other.digest(Algorithm::Sha512).unwrap().to_string();
        for (digests, is) in [
            (DigestSet::from(one), true),
            (DigestSet::from(other.sha256()), false),
            (set(&longer, &one), false),
        ] {
            assert_eq!(Bytes::Read(&artifact).is(&digests), is, "{digests:?}");
        }
        assert!(Bytes::Given(one).is(&DigestSet::from(one)));
        assert!(!Bytes::Given(one).is(&DigestSet::from(other.sha256())));
        let incomparable = artifact.digest(Algorithm::Sha512).unwrap();
        assert!(!Bytes::Given(incomparable).is(&DigestSet::from(one)));
        let mut both = DigestSet::from(one);
        both.insert_digest(incomparable).unwrap();
        assert!(Bytes::Named(&both).is(&DigestSet::from(one)));
        assert!(Bytes::Named(&DigestSet::from(one)).is(&both));
        let mut contradicts = DigestSet::from(one);
        let of_others = other.digest(incomparable.algorithm()).unwrap();
        contradicts.insert_digest(of_others).unwrap();
        assert!(!Bytes::Named(&both).is(&contradicts));
        assert!(!Bytes::Named(&DigestSet::new()).is(&both));
    }
}
