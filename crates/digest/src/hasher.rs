//! Which digests are computed, and the library that computes them.

use aws_lc_rs::digest::{self, Context};

use crate::digest::{Algorithm, Digest};
use crate::digest_set::DigestSet;

/// Which digests one reading computes: SHA-256 always, others where somebody claims them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hashes {
    /// SHA-256 alone.
    Sha256,
    /// SHA-256 and SHA-384.
    Sha256AndSha384,
    /// SHA-256 and SHA-512.
    Sha256AndSha512,
    /// SHA-256, SHA-384 and SHA-512.
    All,
}

impl Hashes {
    /// These and one more.
    #[must_use]
    pub const fn with(self, algorithm: Algorithm) -> Self {
        match (self, algorithm) {
            (Self::Sha256, Algorithm::Sha384) => Self::Sha256AndSha384,
            (Self::Sha256, Algorithm::Sha512) => Self::Sha256AndSha512,
            (Self::Sha256AndSha384, Algorithm::Sha512)
            | (Self::Sha256AndSha512, Algorithm::Sha384) => Self::All,
            _ => self,
        }
    }

    /// These and all that the claims name, so that [`Artifact::compare`](crate::Artifact::compare)
    /// can tell about every one.
    #[must_use]
    pub fn with_claims<'a>(self, claims: impl IntoIterator<Item = &'a DigestSet>) -> Self {
        let digests = claims.into_iter().flat_map(DigestSet::iter);
        digests.fold(self, |hashes, digest| hashes.with(digest.algorithm()))
    }

    /// The algorithms beside SHA-256.
    pub(crate) const fn beside_sha256(self) -> &'static [Algorithm] {
        match self {
            Self::Sha256 => &[],
            Self::Sha256AndSha384 => &[Algorithm::Sha384],
            Self::Sha256AndSha512 => &[Algorithm::Sha512],
            Self::All => &[Algorithm::Sha384, Algorithm::Sha512],
        }
    }
}

/// A digest in the making.
#[derive(Clone)]
pub(crate) struct Hasher {
    algorithm: Algorithm,
    context: Context,
}

impl Hasher {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        let implementation = match algorithm {
            Algorithm::Sha256 => &digest::SHA256,
            Algorithm::Sha384 => &digest::SHA384,
            Algorithm::Sha512 => &digest::SHA512,
        };
        Self {
            algorithm,
            context: Context::new(implementation),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
    }

    pub(crate) fn finish(self) -> Digest {
        let digest = self.context.finish();
        match self.algorithm {
            Algorithm::Sha256 => Digest::Sha256(array(digest.as_ref())),
            Algorithm::Sha384 => Digest::Sha384(array(digest.as_ref())),
            Algorithm::Sha512 => Digest::Sha512(array(digest.as_ref())),
        }
    }
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(bytes);
    array
}
