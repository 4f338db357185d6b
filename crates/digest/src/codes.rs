//! Every code of this crate.

/// The codes of all errors and problems of this crate, and what they mean; sorted, unique.
pub const CODES: &[(&str, &str)] = &[
    (
        "archive-too-many-members",
        "an archive has more members, or more bytes of names, than are taken",
    ),
    (
        "checksums-algorithm-mismatch",
        "a line of a checksums file has a digest of another algorithm",
    ),
    (
        "checksums-clear-signed",
        "a checksums file is a PGP message instead of plain text",
    ),
    ("checksums-empty", "a checksums file has no line"),
    (
        "checksums-escape-invalid",
        "a name in a checksums file is not escaped as coreutils does it",
    ),
    (
        "checksums-forms-mixed",
        "a checksums file has lines of the GNU and of the BSD form",
    ),
    (
        "checksums-line-ending",
        "a line of a checksums file ends in CR LF",
    ),
    (
        "checksums-line-malformed",
        "a line of a checksums file is not a digest and a name",
    ),
    (
        "checksums-name-duplicate",
        "a name stands in a checksums file twice",
    ),
    (
        "checksums-not-utf8",
        "a line of a checksums file is not UTF-8",
    ),
    ("checksums-too-large", "a checksums file has too many bytes"),
    (
        "checksums-truncated",
        "a checksums file has no newline at its end",
    ),
    ("copy-onto-itself", "source and copy are one file"),
    (
        "digest-algorithm-unknown",
        "a digest is of no algorithm that we accept",
    ),
    (
        "digest-duplicate",
        "an algorithm is given twice for one thing",
    ),
    (
        "digest-malformed",
        "a digest has another length or other characters than its algorithm's",
    ),
    (
        "digest-too-many",
        "too many digests are given for one thing",
    ),
    (
        "file-changed",
        "a file changed while it was read, or since it was verified",
    ),
    ("file-unreadable", "a file cannot be opened or read"),
    ("file-unwritable", "a file cannot be written"),
    (
        "folder-too-deep",
        "a folder holds too many levels of folders",
    ),
    (
        "folder-too-large",
        "a folder holds too many files or folders",
    ),
    ("folder-unreadable", "a folder cannot be opened or listed"),
    ("link-broken", "a link leads to nothing"),
    ("link-outside", "a link leads out of its folder"),
    ("link-to-directory", "a link leads to a folder"),
    (
        "member-collision",
        "two members of an archive have names that some system takes for one",
    ),
    ("member-duplicate", "an archive has a name twice"),
    ("name-absolute", "a name begins with /"),
    (
        "name-backslash",
        "a name holds a backslash, which some take for a separator",
    ),
    (
        "name-colon",
        "a name holds a colon, which Windows takes for a drive or a stream",
    ),
    (
        "name-component-too-long",
        "a component of a name has more than 255 bytes",
    ),
    ("name-control-character", "a name holds a control character"),
    ("name-dash", "a name is -"),
    ("name-dot-component", "a name has the component ."),
    ("name-drive-letter", "a name begins with a drive letter"),
    ("name-empty", "a name is empty"),
    ("name-empty-component", "a name has an empty component"),
    (
        "name-not-nfc",
        "a name is not in Unicode normalisation form C",
    ),
    ("name-not-utf8", "a name is not UTF-8"),
    ("name-parent-component", "a name has the component .."),
    ("name-too-deep", "a name has too many components"),
    ("name-too-long", "a name has too many bytes"),
    (
        "name-trailing-dot-or-space",
        "a component of a name ends in a dot or a space, which Windows takes away",
    ),
    (
        "name-windows-device",
        "a component of a name is a device of Windows",
    ),
    (
        "not-a-file",
        "a folder, pipe, socket or device stands where a regular file is wanted",
    ),
    (
        "special-file",
        "a pipe, socket or device stands below a folder",
    ),
    ("unreadable", "something below a folder cannot be looked at"),
];

#[cfg(test)]
mod tests {
    use super::CODES;

    const SOURCES: [&str; 6] = [
        include_str!("checksums_error.rs"),
        include_str!("digest.rs"),
        include_str!("path.rs"),
        include_str!("portable.rs"),
        include_str!("read_error.rs"),
        include_str!("walk.rs"),
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
