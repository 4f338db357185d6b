//! The digests that somebody claims for one thing.

use std::collections::BTreeMap;

use crate::digest::{Algorithm, Digest, DigestError};
use crate::limits;
use crate::path::escaped;

/// The claimed digests of one thing, at most one for each algorithm: in-toto's `DigestSet`.
///
/// ```text
/// {"sha256": "2cf24dba…", "gitCommit": "8f3c…"}
/// ```
///
/// Names that we do not accept as proof (`sha1`, `gitCommit`, `dirHash`, …) are kept as they are, so
/// that what was read can be written again; they never decide anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DigestSet {
    known: BTreeMap<Algorithm, Digest>,
    other: BTreeMap<String, String>,
}

impl DigestSet {
    /// A set without digests.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what is claimed for the algorithm of that name.
    ///
    /// # Errors
    /// The name is there already; a value that is not lower-case hexadecimal of the algorithm's
    /// length; for other algorithms an empty, overlong or unprintable name or value.
    pub fn insert(&mut self, name: &str, value: &str) -> Result<(), DigestError> {
        if self.len() >= limits::DIGESTS {
            return Err(DigestError::TooMany);
        }
        if let Some(algorithm) = Algorithm::from_name(name) {
            return self.insert_digest(Digest::from_hex(algorithm, value)?);
        }
        if !printable(name, limits::ALGORITHM_NAME_BYTES) {
            return Err(DigestError::BadName);
        }
        if !printable(value, limits::OTHER_DIGEST_BYTES) {
            return Err(DigestError::BadValue {
                name: escaped(name),
            });
        }
        if self.other.contains_key(name) {
            return Err(DigestError::Duplicate {
                name: escaped(name),
            });
        }
        self.other.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    /// Adds a digest.
    ///
    /// # Errors
    /// There is one of that algorithm already.
    pub fn insert_digest(&mut self, digest: Digest) -> Result<(), DigestError> {
        let algorithm = digest.algorithm();
        if self.known.contains_key(&algorithm) {
            return Err(DigestError::Duplicate {
                name: algorithm.name().to_owned(),
            });
        }
        self.known.insert(algorithm, digest);
        Ok(())
    }

    /// The digest of that algorithm.
    pub fn get(&self, algorithm: Algorithm) -> Option<&Digest> {
        self.known.get(&algorithm)
    }

    /// The digests that we accept as proof, weakest algorithm first.
    pub fn iter(&self) -> impl Iterator<Item = &Digest> {
        self.known.values()
    }

    /// Names and values of the digests that we keep but cannot compare, by name.
    pub fn other(&self) -> impl Iterator<Item = (&str, &str)> {
        self.other
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Names and values of all digests, sorted by name, as a statement writes them.
    pub fn to_names_and_values(&self) -> BTreeMap<&str, String> {
        let known = self
            .known
            .values()
            .map(|it| (it.algorithm().name(), it.hex()));
        let other = self.other().map(|(name, value)| (name, value.to_owned()));
        known.chain(other).collect()
    }

    /// The digest of the strongest algorithm.
    pub fn strongest(&self) -> Option<&Digest> {
        self.known.values().next_back()
    }

    /// How many digests there are, comparable or not.
    pub fn len(&self) -> usize {
        self.known.len() + self.other.len()
    }

    /// Whether there is no digest at all, comparable or not.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty() && self.other.is_empty()
    }
}

impl From<Digest> for DigestSet {
    fn from(digest: Digest) -> Self {
        Self {
            known: BTreeMap::from([(digest.algorithm(), digest)]),
            other: BTreeMap::new(),
        }
    }
}

/// What comparing an observed artifact with claimed digests says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Match {
    /// Every digest that we accept as proof was computed and agrees, and there is at least one.
    Same,
    /// A digest differs.
    Different {
        /// The algorithm of the first that differs.
        algorithm: Algorithm,
        /// The digest of the bytes.
        found: Digest,
        /// The digest that is claimed.
        wanted: Digest,
    },
    /// No digest differs, but one is claimed that was not computed: read again with
    /// [`Hashes::with`](crate::Hashes::with).
    NotComputed {
        /// The algorithm that is claimed.
        algorithm: Algorithm,
    },
    /// No digest that we accept as proof is claimed.
    Incomparable,
}

fn printable(text: &str, most: usize) -> bool {
    !text.is_empty() && text.len() <= most && !text.chars().any(char::is_control)
}
