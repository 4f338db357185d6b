//! Every bound of this crate, in one place.

/// Bytes of each stream of a command that are kept; all of them are passed through.
pub const STREAM_BYTES: usize = 1 << 20;

/// Seconds that a stream may stay open after its command has ended: something else holds it by then.
pub const STREAM_GRACE_SECONDS: u64 = 2;

/// Variables of the environment in one record.
pub const VARIABLES: usize = 256;

/// Bytes of the value of one variable.
pub const VARIABLE_BYTES: usize = 8 << 10;

/// Bytes of a pattern that leaves files out.
pub const PATTERN_BYTES: usize = 4 << 10;

/// Patterns that leave files out.
pub const PATTERNS: usize = 1024;
