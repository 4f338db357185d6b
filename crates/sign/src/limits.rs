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
/// Bytes of a signing config, or of a trust config with its trusted root.
pub const SIGNING_CONFIG_BYTES: usize = 2 << 20;

/// Services of one kind in a signing config.
pub const SERVICES: usize = 32;

/// Bytes of the address of a service.
pub const SERVICE_URL_BYTES: usize = 2 << 10;

/// Bytes of an identity token. Those of CI systems have two thousand.
pub const TOKEN_BYTES: usize = 16 << 10;

pub(crate) const SIGNING_CONFIG: attest_provenance::json::Limits =
    attest_provenance::json::Limits {
        bytes: SIGNING_CONFIG_BYTES,
        depth: 12,
    };

pub(crate) const TOKEN: attest_provenance::json::Limits = attest_provenance::json::Limits {
    bytes: TOKEN_BYTES,
    depth: 12,
};

/// Bytes of a log's answer: an entry with its proof, and a statement's envelope at most.
pub const LOG_ANSWER_BYTES: usize = 8 << 20;

/// Hashes of an inclusion proof.
pub const PROOF_HASHES: usize = 63;

pub(crate) const LOG_ANSWER: attest_provenance::json::Limits = attest_provenance::json::Limits {
    bytes: LOG_ANSWER_BYTES,
    depth: 24,
};
