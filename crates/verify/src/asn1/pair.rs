//! Two integers in a row, as RSA public keys (RFC 8017 §A.1.1) and ECDSA signatures (RFC 3279 §2.2.3)
//! are written.

use der::asn1::UintRef;
use der::{Encode, Sequence};

#[derive(Sequence)]
struct Pair<'a> {
    first: UintRef<'a>,
    second: UintRef<'a>,
}

/// The DER of a `SEQUENCE` of two unsigned integers, given in big-endian order.
pub(crate) fn integers(first: &[u8], second: &[u8]) -> Option<Vec<u8>> {
    let pair = Pair {
        first: UintRef::new(first).ok()?,
        second: UintRef::new(second).ok()?,
    };
    pair.to_der().ok()
}
