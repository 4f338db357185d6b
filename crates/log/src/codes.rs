//! Every code of this crate.

/// The codes of all errors of this crate, and what they mean; sorted, unique.
pub const CODES: &[(&str, &str)] = &[
    (
        "checkpoint-copy-changed",
        "another writer changed the checkpoint's second copy while the log was open",
    ),
    (
        "checkpoint-copy-inside",
        "the checkpoint's second copy lies where a backup would carry it along",
    ),
    (
        "checkpoint-copy-invalid",
        "the checkpoint's second copy is no checkpoint of this log",
    ),
    (
        "checkpoint-copy-missing",
        "the checkpoint's second copy is not there, or has no place",
    ),
    (
        "checkpoint-malformed",
        "the checkpoint is not a signed note of a tree head",
    ),
    (
        "checkpoint-newer-than-log",
        "more was signed than the log holds: a restored backup, or lost files",
    ),
    (
        "checkpoint-not-published",
        "no checkpoint of that size was published",
    ),
    ("checkpoint-not-signed", "a checkpoint could not be signed"),
    (
        "checkpoint-origin-mismatch",
        "the checkpoint is of another log than the one that is meant",
    ),
    (
        "checkpoint-root-differs",
        "other entries were signed than the log holds",
    ),
    (
        "checkpoint-signature-invalid",
        "the log that is meant did not sign the checkpoint",
    ),
    (
        "checkpoint-signature-missing",
        "the checkpoint has no signature of the log that is meant",
    ),
    (
        "checkpoint-signed-before",
        "a checkpoint of that size was signed before, with another root",
    ),
    (
        "log-corrupt",
        "a file of the log is not what its entries say",
    ),
    (
        "log-entry-malformed",
        "an entry is not the one spelling of its kind",
    ),
    (
        "log-entry-size",
        "an entry has no bytes, or more than a log takes",
    ),
    ("log-exists", "there is a log already"),
    ("log-full-disk", "the disk of the log is full"),
    ("log-index-outside", "the log has no entry of that index"),
    ("log-io", "the system refused to read or write the log"),
    (
        "log-key-invalid",
        "a log's key is not one, or not of its origin",
    ),
    ("log-locked", "another process is writing to the log"),
    ("log-not-found", "there is no log"),
    (
        "log-on-network",
        "the log lies on a file system that promises neither locks nor syncs",
    ),
    (
        "log-proof-invalid",
        "a proof does not lead to the root that was signed",
    ),
    (
        "log-stopped",
        "an append failed half-way, and the log must be opened again",
    ),
    (
        "log-tile-malformed",
        "a tile or its path is not of C2SP's form",
    ),
    (
        "witness-policy-malformed",
        "a file is not a witness policy of C2SP's form",
    ),
];

#[cfg(test)]
mod tests {
    use super::CODES;

    const SOURCES: [&str; 8] = [
        include_str!("checkpoint.rs"),
        include_str!("entry.rs"),
        include_str!("key.rs"),
        include_str!("merkle/verify.rs"),
        include_str!("note.rs"),
        include_str!("store/error.rs"),
        include_str!("tile.rs"),
        include_str!("witness/parse.rs"),
    ];

    #[test]
    fn every_code_in_the_sources_is_listed_and_no_other() {
        let mut found: Vec<&str> = SOURCES.iter().flat_map(|source| codes(source)).collect();
        found.sort_unstable();
        found.dedup();
        let listed: Vec<&str> = CODES.iter().map(|(code, _)| *code).collect();
        assert_eq!(found, listed);
    }

    /// The texts that `fn code` of a source answers.
    fn codes(source: &str) -> Vec<&str> {
        let functions = source.split("pub const fn code(&self)").skip(1);
        let bodies = functions.filter_map(|rest| rest.split_once("\n    }\n"));
        bodies
            .flat_map(|(body, _)| body.split('"').skip(1).step_by(2))
            .collect()
    }
}
