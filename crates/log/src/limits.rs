//! Bounds on everything that comes from outside.

/// Bytes of a checkpoint with all its signatures. Room for 16 post-quantum cosignatures.
pub const NOTE_BYTES: usize = 128 * 1024;

/// Signature lines of a checkpoint.
pub const NOTE_SIGNATURES: usize = 64;

/// Bytes of a log's origin.
pub const ORIGIN_BYTES: usize = 255;

/// Extension lines of a foreign checkpoint.
pub const CHECKPOINT_EXTENSIONS: usize = 16;

/// Bytes of a log entry: an entry bundle counts them in 16 bits.
pub const ENTRY_BYTES: usize = 65_535;

/// Hashes of an inclusion or consistency proof: the height of a tree of 2^64 leaves, and one.
pub const PROOF_HASHES: usize = 65;

/// Bytes of a witness policy.
pub const POLICY_BYTES: usize = 64 * 1024;

/// Logs, witnesses and groups of a witness policy, each.
pub const POLICY_ITEMS: usize = 256;
