//! One reading of the bytes that detached signatures are over.

use std::io::{self, Read};

use attest_digest::{Algorithm, Digest};

use super::detached::{Detached, Form};
use super::minisign;
use crate::crypto::Hashing;
use crate::limits;

/// The bytes that detached signatures are over, read by us.
#[derive(Clone)]
pub struct Observed {
    pub(super) sha256: Digest,
    /// What each asked for: an algorithm after a salt. The end of what is hashed is the signature's own.
    hashings: Vec<(Algorithm, Vec<u8>, Hashing)>,
    pub(super) blake2b: Option<[u8; 64]>,
}

impl Detached {
    /// Reads the signed bytes, to their end and once, whatever their size: for all signatures of the file
    /// that this one was in.
    ///
    /// # Errors
    /// Reading fails.
    pub fn observe(&self, bytes: &mut dyn Read) -> io::Result<Observed> {
        let mut sha256 = Hashing::new(Algorithm::Sha256);
        let mut hashings = Vec::new();
        let mut blake2b = match self.form {
            Form::Minisign(_) => Some(minisign::Hashing::default()),
            Form::OpenPgp(_) | Form::Ssh(_) => None,
        };
        for (algorithm, salt) in &*self.hashes {
            let mut hashing = Hashing::new(*algorithm);
            hashing.update(salt);
            hashings.push((*algorithm, salt.clone(), hashing));
        }
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let count = match bytes.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let bytes = buffer.get(..count).unwrap_or_default();
            sha256.update(bytes);
            for (_, _, hashing) in &mut hashings {
                hashing.update(bytes);
            }
            if let Some(hashing) = &mut blake2b {
                hashing.update(bytes);
            }
        }
        Ok(Observed {
            sha256: sha256.finish(),
            hashings,
            blake2b: blake2b.map(minisign::Hashing::finish),
        })
    }
}

impl Form {
    /// The hashes that the signatures need, each once and no more than the limit.
    pub(super) fn hashes(&self) -> Vec<(Algorithm, &[u8])> {
        let mut hashes: Vec<(Algorithm, &[u8])> = Vec::new();
        let mut add = |hash| {
            if !hashes.contains(&hash) && hashes.len() < limits::DETACHED_HASHES {
                hashes.push(hash);
            }
        };
        match self {
            Form::OpenPgp(signatures) => {
                let salted = signatures
                    .iter()
                    .filter_map(|it| Some((it.algorithm()?, it.salt())));
                salted.for_each(add);
            }
            Form::Ssh(signature) => add((signature.hash, &[])),
            Form::Minisign(_) => {}
        }
        hashes
    }
}

impl Observed {
    /// Whether this reading serves these signatures as well.
    pub fn covers(&self, detached: &Detached) -> bool {
        let has = |(algorithm, salt): &(Algorithm, &[u8])| self.get(*algorithm, salt).is_some();
        let is_minisign = matches!(detached.form, Form::Minisign(_));
        detached.form.hashes().iter().all(has) && (!is_minisign || self.blake2b.is_some())
    }

    /// The digest of salt, bytes and trailer; none if it was not asked for.
    pub(super) fn digest(
        &self,
        algorithm: Algorithm,
        salt: &[u8],
        trailer: &[u8],
    ) -> Option<Digest> {
        let mut hashing = self.get(algorithm, salt)?.clone();
        hashing.update(trailer);
        Some(hashing.finish())
    }

    fn get(&self, algorithm: Algorithm, salt: &[u8]) -> Option<&Hashing> {
        let is_same = |it: &&(Algorithm, Vec<u8>, Hashing)| it.0 == algorithm && it.1 == salt;
        self.hashings.iter().find(is_same).map(|it| &it.2)
    }
}

impl std::fmt::Debug for Observed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Observed({})", self.sha256)
    }
}

const BUFFER_BYTES: usize = 64 << 10;
