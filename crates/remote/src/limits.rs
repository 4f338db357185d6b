//! Every bound of this crate, in one place.

/// Bytes of a service's answer. A timestamp with its chain has a few thousand.
pub const ANSWER_BYTES: usize = 64 << 10;

/// Bytes of the random nonce in a request.
pub const NONCE_BYTES: usize = 16;

/// Bytes of a file of certificates.
pub const CHAIN_BYTES: usize = 256 << 10;

/// Certificates of a chain.
pub const CHAIN_CERTIFICATES: usize = 8;

/// Bytes of one version of a repository's `root.json`.
pub const ROOT_BYTES: u64 = 512 << 10;

/// Bytes of a repository's `timestamp.json`.
pub const TIMESTAMP_BYTES: u64 = 16 << 10;

/// Bytes of a repository's `snapshot.json`, and of its `targets.json`.
pub const METADATA_BYTES: u64 = 2 << 20;

/// Bytes of the trusted root that a repository leads to.
pub const TARGET_BYTES: u64 = 1 << 20;

/// Versions of `root.json` that one refresh walks.
pub const ROOT_ROTATIONS: u32 = 64;

/// Bytes of the metadata that is kept between refreshes.
pub const STATE_BYTES: usize = 16 << 20;

/// Versions of `root.json` in it.
pub const STATE_ROOTS: usize = 128;
