//! The bounds of what this crate judges.

/// Signers that one run accepts.
pub const SIGNERS: usize = 256;
