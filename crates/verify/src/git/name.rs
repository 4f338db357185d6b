//! Names of git objects: computed by us from the raw bytes, never taken from a repository. The only
//! file that names the library for SHA-1 with collision detection.

use std::fmt;

use attest_digest::Algorithm;
use sha1_checked::{Digest as _, Sha1};

use crate::crypto;

/// Which hash names the objects of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GitFormat {
    /// SHA-1: 40 digits.
    Sha1,
    /// SHA-256: 64 digits.
    Sha256,
}

impl GitFormat {
    /// The format of names of that many hexadecimal digits.
    pub const fn of_digits(digits: usize) -> Option<Self> {
        match digits {
            40 => Some(Self::Sha1),
            64 => Some(Self::Sha256),
            _ => None,
        }
    }
}

/// The name of a git object: the hash of its type, its length and its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GitName {
    /// 20 bytes of SHA-1.
    Sha1([u8; 20]),
    /// 32 bytes of SHA-256.
    Sha256([u8; 32]),
}

/// The bytes are made to have the SHA-1 of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Collision;

impl GitName {
    /// Hashes an object of that type (`commit`, `tag`, `tree`, `blob`).
    pub(crate) fn of(format: GitFormat, kind: &str, raw: &[u8]) -> Result<Self, Collision> {
        let header = format!("{kind} {}\0", raw.len());
        match format {
            GitFormat::Sha1 => sha1(&[header.as_bytes(), raw]).map(Self::Sha1),
            GitFormat::Sha256 => {
                let mut hash = crypto::Hashing::new(Algorithm::Sha256);
                hash.update(header.as_bytes());
                hash.update(raw);
                let mut name = [0; 32];
                name.copy_from_slice(hash.finish().as_bytes());
                Ok(Self::Sha256(name))
            }
        }
    }

    /// Reads 40 or 64 lower-case hexadecimal digits.
    pub fn parse(digits: &str) -> Option<Self> {
        let bytes = hex::decode(digits).ok()?;
        if hex::encode(&bytes) != digits {
            return None;
        }
        match GitFormat::of_digits(digits.len())? {
            GitFormat::Sha1 => bytes.try_into().ok().map(Self::Sha1),
            GitFormat::Sha256 => bytes.try_into().ok().map(Self::Sha256),
        }
    }

    /// Which hash it is.
    pub const fn format(&self) -> GitFormat {
        match self {
            Self::Sha1(_) => GitFormat::Sha1,
            Self::Sha256(_) => GitFormat::Sha256,
        }
    }
}

/// Notices the bytes of every known way to make collisions.
fn sha1(parts: &[&[u8]]) -> Result<[u8; 20], Collision> {
    let mut hash = Sha1::new();
    for part in parts {
        hash.update(part);
    }
    let result = hash.try_finalize();
    if result.has_collision() {
        return Err(Collision);
    }
    Ok((*result.hash()).into())
}

impl fmt::Display for GitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha1(bytes) => f.write_str(&hex::encode(bytes)),
            Self::Sha256(bytes) => f.write_str(&hex::encode(bytes)),
        }
    }
}

impl fmt::Debug for GitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nobody has published an object of git that collides; the two messages of "SHA-1 is a Shambles"
    /// do, and what notices them is what hashes objects.
    #[test]
    fn bytes_that_are_made_to_collide_are_noticed() {
        let message = include_bytes!("../../../../fixtures/git/collision/sha-mbles-1.bin");
        assert_eq!(sha1(&[message]), Err(Collision));
        let (begin, end) = message.split_at(100);
        assert_eq!(sha1(&[begin, end]), Err(Collision));
        let mut other = *message;
        other[0] ^= 1;
        assert!(sha1(&[&other]).is_ok());
        let error = crate::git::GitError::Collision;
        assert_eq!(error.code(), "git-sha1-collision");
    }

    /// in-toto's test vector for `gitBlob`, and git's own for the empty tree.
    #[test]
    fn names_are_those_of_git() {
        for (format, kind, bytes, wanted) in [
            (
                GitFormat::Sha1,
                "blob",
                &b"Hello"[..],
                "5ab2f8a4323abafb10abb68657d9d39f1a775057",
            ),
            (
                GitFormat::Sha1,
                "tree",
                b"",
                "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
            ),
            (
                GitFormat::Sha256,
                "tree",
                b"",
                "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
            ),
        ] {
            let name = GitName::of(format, kind, bytes).unwrap();
            assert_eq!(name.to_string(), wanted);
            assert_eq!(GitName::parse(wanted), Some(name));
            assert_eq!(name.format(), format);
        }
        for other in [
            "",
            "HEAD",
            "5AB2F8A4323ABAFB10ABB68657D9D39F1A775057",
            "5ab2",
        ] {
            assert_eq!(GitName::parse(other), None, "{other}");
        }
    }
}
