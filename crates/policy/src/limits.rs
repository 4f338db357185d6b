//! The bounds of what this crate judges.

/// Signers that one run accepts.
pub const SIGNERS: usize = 256;

/// Bytes of a signers file.
pub const SIGNERS_FILE_BYTES: usize = 256 << 10;
