//! The request: a `TimeStampReq` over a digest with a nonce (RFC 3161, section 2.4.1).

use attest_digest::{Algorithm, Digest};

use crate::limits::NONCE_BYTES;

/// What was asked, to compare the answer with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) digest: Digest,
    pub(crate) nonce: [u8; NONCE_BYTES],
}

impl Query {
    /// A query of these random bytes. The first is changed so that they are a positive number of
    /// full length, which has one encoding.
    pub(crate) fn new(digest: Digest, mut nonce: [u8; NONCE_BYTES]) -> Self {
        let [first, ..] = &mut nonce;
        *first = (*first & 0x7f) | 0x40;
        Self { digest, nonce }
    }

    /// ```text
    /// 30 4b  02 01 01                       version 1
    ///        30 31 30 0d 06 09 … 05 00 04 20 …   SHA-256 and the digest
    ///        02 10 …                        nonce
    ///        01 01 ff                       with the certificate
    /// ```
    ///
    /// A longer digest makes the three lengths around it longer, and none of them longer than a byte.
    pub(crate) fn to_der(&self) -> Vec<u8> {
        let (algorithm, length) = match self.digest.algorithm() {
            Algorithm::Sha256 => (1, 32),
            Algorithm::Sha384 => (2, 48),
            Algorithm::Sha512 => (3, 64),
        };
        let mut request = vec![0x30, 43 + length, 0x02, 0x01, 0x01, 0x30, 17 + length];
        request.extend_from_slice(&SHA_2);
        request.extend_from_slice(&[algorithm, 0x05, 0x00, 0x04, length]);
        request.extend_from_slice(self.digest.as_bytes());
        request.extend_from_slice(&NONCE_HEAD);
        request.extend_from_slice(&self.nonce);
        request.extend_from_slice(&WITH_CERTIFICATE);
        request
    }
}

/// Of the algorithm identifier, up to the last arc, which tells the hashes of SHA-2 apart. NULL as its
/// parameters is what every authority takes.
const SHA_2: [u8; 12] = [
    0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
];
const NONCE_HEAD: [u8; 2] = [0x02, 0x10];
const WITH_CERTIFICATE: [u8; 3] = [0x01, 0x01, 0xff];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_of_ours_reads_the_request() {
        for byte in [0x00, 0x7f, 0x80, 0xff] {
            for digest in [
                Digest::Sha256([7; 32]),
                Digest::Sha384([7; 48]),
                Digest::Sha512([7; 64]),
            ] {
                let query = Query::new(digest, [byte; NONCE_BYTES]);
                attest_sign::TimestampRequest::parse(&query.to_der()).unwrap();
            }
        }
    }
}
