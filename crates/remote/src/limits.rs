//! Every bound of this crate, in one place.

/// Bytes of a service's answer. A timestamp with its chain has a few thousand.
pub const ANSWER_BYTES: usize = 64 << 10;

/// Bytes of the random nonce in a request.
pub const NONCE_BYTES: usize = 16;

/// Bytes of a file of certificates.
pub const CHAIN_BYTES: usize = 256 << 10;

/// Certificates of a chain.
pub const CHAIN_CERTIFICATES: usize = 8;
