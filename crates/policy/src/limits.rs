//! The bounds of what this crate judges.

/// Signers that one run accepts.
pub const SIGNERS: usize = 256;

/// Bytes of a signers file.
pub const SIGNERS_FILE_BYTES: usize = 256 << 10;

/// Bytes of a policy file.
pub const POLICY_BYTES: usize = 256 << 10;

/// Rules of a policy with all that it includes.
pub const POLICY_RULES: usize = 256;

/// Files that a policy includes, by itself or by others.
pub const POLICY_INCLUDES: usize = 64;

/// Includes within includes.
pub const INCLUDE_DEPTH: usize = 8;

/// Conditions of one rule.
pub const CONDITIONS: usize = 256;

/// Conditions within conditions.
pub const CONDITION_DEPTH: usize = 8;

/// Bytes of a value that an answer quotes.
pub const QUOTED_BYTES: usize = 200;

/// Bytes of what is remembered of policies.
pub const STATE_BYTES: usize = 1 << 20;

/// Cases of a table of policy tests.
pub const TEST_CASES: usize = 10_000;
