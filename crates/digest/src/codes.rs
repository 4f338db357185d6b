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
    (
        "compression-not-canonical",
        "a compressed archive of ours is not compressed as we do it",
    ),
    (
        "container-ambiguous",
        "an archive begins as a zip and as a tar archive",
    ),
    (
        "container-bomb",
        "an archive unpacks to more bytes than are taken for one of its size",
    ),
    (
        "container-stopped",
        "the reading of an archive was stopped by whoever takes its members",
    ),
    (
        "container-truncated",
        "an archive ends in the middle of something",
    ),
    ("container-unknown", "a file is no archive that we read"),
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
    (
        "gzip-checksum",
        "a gzip file has another checksum or length than its end says",
    ),
    (
        "gzip-data",
        "the compressed bytes of a gzip file are malformed",
    ),
    ("gzip-header", "the header of a gzip file is malformed"),
    (
        "gzip-trailing",
        "something stands behind the one member of a gzip file",
    ),
    ("link-broken", "a link leads to nothing"),
    ("link-outside", "a link leads out of its folder"),
    ("link-to-directory", "a link leads to a folder"),
    (
        "member-collision",
        "two members of an archive have names that some system takes for one",
    ),
    ("member-duplicate", "an archive has a name twice"),
    ("member-hard-link", "an archive holds a hard link"),
    (
        "member-link-outside",
        "a link of an archive leads out of it, or is not written the shortest way",
    ),
    (
        "member-set-id",
        "a member of an archive has a set-user-id, set-group-id or sticky bit",
    ),
    ("member-special", "an archive holds a device or a pipe"),
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
    ("tar-checksum", "a tar header has another checksum"),
    (
        "tar-extension-too-long",
        "an extended tar header or a long name has more than 64 KiB",
    ),
    (
        "tar-field-garbage",
        "a tar header has bytes in a field that belong to nothing",
    ),
    (
        "tar-file-slash",
        "the name of a file in a tar archive ends in a slash",
    ),
    (
        "tar-global-header",
        "a tar archive has a global extended header",
    ),
    (
        "tar-header-dangling",
        "an extended tar header or a long name is followed by no member",
    ),
    (
        "tar-hidden-content",
        "a folder or link in a tar archive has content",
    ),
    (
        "tar-lone-zero-block",
        "a tar archive has one block of zeros where two make an end",
    ),
    ("tar-long-name", "a long name in a tar archive is malformed"),
    ("tar-magic", "a tar header has no ustar magic"),
    (
        "tar-name-twice",
        "a member of a tar archive has several headers that give its name",
    ),
    (
        "tar-not-canonical",
        "a tar archive of ours is not written the one way",
    ),
    (
        "tar-number",
        "a number in a tar header is not octal digits and an end",
    ),
    (
        "tar-number-base256",
        "a number in a tar header is in base 256: negative, or too large",
    ),
    (
        "tar-padding",
        "bytes stand between a member's end and the next header of a tar archive",
    ),
    (
        "tar-pax-duplicate",
        "an extended tar header has a key twice",
    ),
    (
        "tar-pax-key",
        "an extended tar header has a key whose meaning is not known",
    ),
    ("tar-pax-malformed", "an extended tar header is malformed"),
    ("tar-pax-size", "an extended tar header gives a size"),
    ("tar-sparse", "a tar archive holds a sparse file"),
    (
        "tar-trailing",
        "something stands behind the end of a tar archive",
    ),
    ("tar-type", "a tar header is of a type that is not known"),
    ("unreadable", "something below a folder cannot be looked at"),
    (
        "zip-attributes",
        "the attributes of a member of a zip archive contradict its name or one another",
    ),
    (
        "zip-checksum",
        "a member of a zip archive has another checksum than its directory says",
    ),
    ("zip-comment", "a member of a zip archive has a comment"),
    (
        "zip-data",
        "the compressed bytes of a member of a zip archive are malformed",
    ),
    (
        "zip-descriptor",
        "what stands behind a content in a zip archive differs from its directory",
    ),
    (
        "zip-directory",
        "the directory of a zip archive is malformed",
    ),
    ("zip-encrypted", "a member of a zip archive is encrypted"),
    (
        "zip-extra",
        "an extra field in a zip archive is malformed, there twice, or unknown",
    ),
    (
        "zip-flags",
        "a member of a zip archive has flags whose meaning is not known",
    ),
    (
        "zip-folder-content",
        "a folder in a zip archive has content",
    ),
    (
        "zip-gap",
        "something stands before, between or behind the members of a zip archive, or they overlap",
    ),
    (
        "zip-method",
        "a member of a zip archive is neither stored nor deflated",
    ),
    (
        "zip-mismatch",
        "a header in a zip archive differs from its directory",
    ),
    (
        "zip-name-encoding",
        "a name beyond ASCII in a zip archive is not declared to be UTF-8",
    ),
    (
        "zip-size",
        "a member of a zip archive is shorter or longer than its directory says",
    ),
    (
        "zip-trailing",
        "something stands behind the end of a zip archive, or a comment",
    ),
    (
        "zip-unicode-path",
        "an extra field in a zip archive gives another name",
    ),
    (
        "zip-version",
        "a member of a zip archive needs a newer version of the format",
    ),
    ("zip-zip64", "a zip archive has sizes of 64 bits"),
    (
        "zstd-data",
        "a zstd frame is malformed, or has another checksum",
    ),
    (
        "zstd-header",
        "the header of a zstd frame is malformed, or one that is not read",
    ),
    (
        "zstd-trailing",
        "something stands behind the one frame of a zstd file",
    ),
    (
        "zstd-window",
        "a zstd frame needs a larger window than is taken",
    ),
];

#[cfg(test)]
mod tests {
    use super::CODES;

    const SOURCES: [&str; 8] = [
        include_str!("checksums_error.rs"),
        include_str!("container/error.rs"),
        include_str!("digest.rs"),
        include_str!("path.rs"),
        include_str!("portable.rs"),
        include_str!("read_error.rs"),
        include_str!("walk.rs"),
        include_str!("zip/error.rs"),
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
