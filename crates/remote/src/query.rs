//! The request: a `TimeStampReq` over a SHA-256 with a nonce (RFC 3161, section 2.4.1).

use crate::limits::NONCE_BYTES;

/// What was asked, to compare the answer with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) sha256: [u8; 32],
    pub(crate) nonce: [u8; NONCE_BYTES],
}

impl Query {
    /// A query of these random bytes. The first is changed so that they are a positive number of
    /// full length, which has one encoding.
    pub(crate) fn new(sha256: [u8; 32], mut nonce: [u8; NONCE_BYTES]) -> Self {
        let [first, ..] = &mut nonce;
        *first = (*first & 0x7f) | 0x40;
        Self { sha256, nonce }
    }

    /// ```text
    /// 30 4b  02 01 01                       version 1
    ///        30 31 30 0d 06 09 … 05 00 04 20 …   SHA-256 and the digest
    ///        02 10 …                        nonce
    ///        01 01 ff                       with the certificate
    /// ```
    pub(crate) fn to_der(&self) -> Vec<u8> {
        let mut request = HEAD.to_vec();
        request.extend_from_slice(&self.sha256);
        request.extend_from_slice(&NONCE_HEAD);
        request.extend_from_slice(&self.nonce);
        request.extend_from_slice(&WITH_CERTIFICATE);
        request
    }
}

/// Up to the digest: SEQUENCE, version, and `MessageImprint` with the algorithm SHA-256 and NULL as
/// its parameters, which every authority takes.
const HEAD: [u8; 24] = [
    0x30, 0x4b, 0x02, 0x01, 0x01, 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
    0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20,
];
const NONCE_HEAD: [u8; 2] = [0x02, 0x10];
const WITH_CERTIFICATE: [u8; 3] = [0x01, 0x01, 0xff];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_of_ours_reads_the_request() {
        for byte in [0x00, 0x7f, 0x80, 0xff] {
            let query = Query::new([7; 32], [byte; NONCE_BYTES]);
            attest_sign::TimestampRequest::parse(&query.to_der()).unwrap();
        }
    }
}
