//! Every code of this crate.

/// The codes of all errors of this crate, and what they mean; sorted, unique.
pub const CODES: &[(&str, &str)] = &[
    (
        "command-not-started",
        "a command to record cannot be started",
    ),
    (
        "command-not-watched",
        "a command to record cannot be seen to its end",
    ),
    (
        "exclude-malformed",
        "a pattern of what a record leaves out cannot be read",
    ),
    (
        "recorded-name-collision",
        "two files would have one name in a record",
    ),
    (
        "recorded-path-missing",
        "a material or a product that was named is not there",
    ),
    (
        "variable-name",
        "what is named to be recorded is not a variable of the environment, or too many are",
    ),
    (
        "variable-secret",
        "a variable to record is called like a secret, or holds one",
    ),
    (
        "variable-value",
        "the value of a variable to record is too long or cannot be written down",
    ),
];
