//! One reading of the bytes that detached signatures are over.

use std::io::{self, Read};

use attest_digest::{Algorithm, Digest};

use super::detached::{Detached, Form};
use super::minisign;
use crate::crypto::Hashing;
use crate::limits;

impl Detached {
    /// Reads the signed bytes, to their end and once, whatever their size.
    ///
    /// # Errors
    /// Reading fails.
    pub fn observe(&self, bytes: &mut dyn Read) -> io::Result<Observed> {
        let mut hashing = Hashings::new(&self.0);
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let count = match bytes.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            hashing.update(buffer.get(..count).unwrap_or_default());
        }
        Ok(hashing.finish(&self.0))
    }
}

/// The bytes that detached signatures are over, read by us.
#[derive(Debug, Clone)]
pub struct Observed {
    pub(super) sha256: Digest,
    /// One of each OpenPGP or SSH signature; none for a hash that we do not take.
    pub(super) digests: Vec<Option<Digest>>,
    pub(super) blake2b: Option<[u8; 64]>,
}

/// The hashes that run over one reading of the bytes.
struct Hashings {
    sha256: Hashing,
    others: Vec<(Algorithm, Vec<u8>, Hashing)>,
    blake2b: Option<minisign::Hashing>,
}

impl Hashings {
    fn new(form: &Form) -> Self {
        let mut hashings = Self {
            sha256: Hashing::new(Algorithm::Sha256),
            others: Vec::new(),
            blake2b: None,
        };
        match form {
            Form::OpenPgp(signatures) => {
                for signature in signatures {
                    if let Some(algorithm) = signature.algorithm() {
                        hashings.start(algorithm, signature.salt());
                    }
                }
            }
            Form::Minisign(_) => hashings.blake2b = Some(minisign::Hashing::default()),
            Form::Ssh(signature) => hashings.start(signature.hash, &[]),
        }
        hashings
    }

    fn start(&mut self, algorithm: Algorithm, salt: &[u8]) {
        if self.get(algorithm, salt).is_none() && self.others.len() < limits::DETACHED_HASHES {
            let mut hashing = Hashing::new(algorithm);
            hashing.update(salt);
            self.others.push((algorithm, salt.to_owned(), hashing));
        }
    }

    fn get(&self, algorithm: Algorithm, salt: &[u8]) -> Option<&Hashing> {
        let is_same = |it: &&(Algorithm, Vec<u8>, Hashing)| it.0 == algorithm && it.1 == salt;
        self.others.iter().find(is_same).map(|it| &it.2)
    }

    fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        for (_, _, hashing) in &mut self.others {
            hashing.update(bytes);
        }
        if let Some(hashing) = &mut self.blake2b {
            hashing.update(bytes);
        }
    }

    fn finish(self, form: &Form) -> Observed {
        let digest = |algorithm, salt: &[u8], trailer: &[u8]| {
            let mut hashing = self.get(algorithm, salt)?.clone();
            hashing.update(trailer);
            Some(hashing.finish())
        };
        let digests = match form {
            Form::OpenPgp(signatures) => signatures
                .iter()
                .map(|it| digest(it.algorithm()?, it.salt(), it.trailer()))
                .collect(),
            Form::Minisign(_) => Vec::new(),
            Form::Ssh(signature) => vec![digest(signature.hash, &[], &[])],
        };
        Observed {
            digests,
            sha256: self.sha256.finish(),
            blake2b: self.blake2b.map(minisign::Hashing::finish),
        }
    }
}

const BUFFER_BYTES: usize = 64 << 10;
