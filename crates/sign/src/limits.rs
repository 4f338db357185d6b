//! Every bound on what this crate reads.

/// Bytes of a private key file. An encrypted P-256 key has about 650, an RSA-4096 key 3,300.
pub const KEY_FILE_BYTES: usize = 64 * 1024;

/// Bytes of a timestamp authority's certificate chain as PEM: two of ours have 1,300.
pub const CHAIN_BYTES: usize = 64 * 1024;

/// Bytes of an RFC 3161 request. One with a 64-byte imprint and a nonce has about 100.
pub const TIMESTAMP_REQUEST_BYTES: usize = 4 * 1024;

/// Bytes of the nonce in an RFC 3161 request: clients send 8 to 20.
pub const NONCE_BYTES: usize = 32;

/// Characters of each part of a certificate's name: the upper bounds of X.520 (RFC 5280, A.1).
pub const NAME_CHARACTERS: usize = 64;

/// Characters of a log's origin: the bound on a host name (RFC 1123, section 2.1).
pub const ORIGIN_CHARACTERS: usize = 253;

/// Bytes of a PKCS#11 URI. One that names everything has about 300.
pub const TOKEN_URI_BYTES: usize = 4 * 1024;

/// Tokens, and objects of one kind, that are looked at.
pub const TOKEN_OBJECTS: usize = 1000;
