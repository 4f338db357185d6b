//! Every code of this crate.

/// The codes of all errors and notes of this crate, and what they mean; sorted, unique.
///
/// A file that cannot be read keeps the code of `attest-digest`.
pub const CODES: &[(&str, &str)] = &[
    (
        "archive-disk-full",
        "the disk of the archive is full; nothing was added",
    ),
    (
        "archive-io",
        "the system refused to read or write the archive",
    ),
    (
        "archive-locked",
        "another process is writing to the archive",
    ),
    (
        "archive-newer-format",
        "the archive has a later format than this program reads",
    ),
    (
        "attachment-malformed",
        "a manifest is not written the one way that an attachment has",
    ),
    (
        "attachment-mismatch",
        "the index has an attachment for another release, kind or time than its manifest says",
    ),
    (
        "attachment-orphaned",
        "an attachment is attached to a release that the archive does not list",
    ),
    (
        "audit-chain-broken",
        "an event of the audit trail does not follow the line before it: a line was changed, or the trail forked",
    ),
    (
        "audit-clock-backwards",
        "a clock went back between two events of the audit trail",
    ),
    (
        "audit-end-orphaned",
        "an event of the audit trail ends what nothing began",
    ),
    (
        "audit-event-foreign",
        "an event of the audit trail is of another home",
    ),
    (
        "audit-event-malformed",
        "a line of the audit trail is no event, or not written in the one way that it has",
    ),
    (
        "audit-head-foreign",
        "a signed head of the audit trail is of another home",
    ),
    (
        "audit-line-torn",
        "a run died while it wrote a line of the audit trail, before it changed anything",
    ),
    (
        "audit-newer-format",
        "an event of the audit trail has a later version than this program reads",
    ),
    (
        "audit-not-from-start",
        "the audit trail does not begin with the making of the home: what came before left no trace",
    ),
    (
        "audit-rewritten",
        "the audit trail is not the one over which a head was signed",
    ),
    (
        "audit-sequence",
        "an event of the audit trail is absent, there twice, or in another place",
    ),
    (
        "audit-too-large",
        "the audit trail has more events than are read",
    ),
    (
        "audit-truncated",
        "the audit trail has fewer events than a signed head says",
    ),
    (
        "bag-file-differs",
        "a file of a bag has other bytes than its release has, or leads to",
    ),
    (
        "bag-file-extra",
        "a bag has a file or folder that its release does not lead to",
    ),
    (
        "bag-file-missing",
        "a bag lacks a file that its release has, or leads to",
    ),
    (
        "bag-file-refused",
        "a bag holds a link, a device, or a name that no bag has",
    ),
    (
        "bag-name-refused",
        "a release has a path that no bag can hold: nothing was written",
    ),
    (
        "bag-tar-malformed",
        "a file is not the one tar that a bag has",
    ),
    (
        "blob-corrupt",
        "a blob has other bytes, or another count of them, than its name or descriptor says",
    ),
    (
        "blob-extra",
        "a blob that no release names: harmless, used or left by the next addition",
    ),
    ("blob-missing", "a blob that a release names is not there"),
    (
        "blob-not-a-file",
        "a link, a folder or a device stands in the place of a blob",
    ),
    (
        "consistency-broken",
        "a later checkpoint of a log does not begin with the log as the release's evidence saw it",
    ),
    (
        "consistency-forged",
        "a later checkpoint of a log is not signed by that log",
    ),
    (
        "consistency-malformed",
        "what is kept of a later log is not a checkpoint and proofs, written in the one way",
    ),
    (
        "consistency-missing",
        "no proof leads from a checkpoint of the release's evidence to the later one",
    ),
    (
        "consistency-other-log",
        "a later checkpoint is of a log that is not trusted, or that no evidence of the release was in",
    ),
    (
        "consistency-shrunk",
        "a later checkpoint has fewer entries than the release's evidence saw",
    ),
    (
        "deleted-blob-present",
        "an artifact that was deleted is in the archive: a deletion did not end, or somebody brought it back",
    ),
    (
        "entry-foreign",
        "the index names something that is no release: it is kept as it stands",
    ),
    (
        "file-changed",
        "a file changed while it was read, or since it was verified",
    ),
    (
        "file-exists",
        "a file that should be written is there with other bytes, or is no file",
    ),
    (
        "file-extra",
        "something in the folders of the archive that is no part of it: harmless",
    ),
    ("file-unreadable", "a file cannot be opened or read"),
    (
        "incoming-left",
        "files of a run that died, or is at work: the next addition takes them away",
    ),
    (
        "index-ambiguous",
        "the index is gone, and two manifests are here for one release: only a replica's list can tell",
    ),
    (
        "index-malformed",
        "index.json is no index of releases with one meaning",
    ),
    (
        "index-mismatch",
        "the index calls the manifest of a release something else",
    ),
    (
        "index-rewritten",
        "index.json is not as this program writes it: another tool has been there, or a bit fell",
    ),
    (
        "manifest-malformed",
        "a manifest is not written the one way that a release has",
    ),
    (
        "member-mismatch",
        "a member of an archive has another size or digest than was accepted for it",
    ),
    (
        "member-missing",
        "a release or an attachment has no file of that path",
    ),
    (
        "member-not-accepted",
        "a file is not one that was accepted: it is not written out",
    ),
    (
        "name-collision",
        "two files of a release have names that some system takes for one",
    ),
    ("not-an-archive", "a folder is no OCI image layout"),
    (
        "quarantined",
        "files that a repair has moved out of the way: they were damaged",
    ),
    (
        "release-deleted",
        "the artifacts of the release were deleted from the archive, as a signed tombstone says",
    ),
    ("release-empty", "a release has no files"),
    (
        "release-mismatch",
        "the evidence or archive is of another release than the one that is meant",
    ),
    (
        "release-not-accepted",
        "what was accepted is another release: nothing is written out",
    ),
    (
        "release-not-archived",
        "the archive has no release of that name and version",
    ),
    (
        "release-too-large",
        "a release, a file or a document is larger than an archive keeps",
    ),
    (
        "renewal-algorithm",
        "a renewal has a hash that is not taken, or two of them in one chain",
    ),
    (
        "renewal-algorithm-weaker",
        "a renewal goes on with a hash that is not stronger than the one before",
    ),
    (
        "renewal-duplicate",
        "a renewal holds the same timestamp twice",
    ),
    (
        "renewal-gap",
        "a timestamp of a renewal does not cover what came before it",
    ),
    (
        "renewal-in-future",
        "a renewal was made at a time that has not come",
    ),
    (
        "renewal-incomplete",
        "a renewal does not cover a file of its release",
    ),
    (
        "renewal-late",
        "a renewal was made when what it renews proved nothing any more",
    ),
    (
        "renewal-malformed",
        "a renewal is not written the one way that renewals have",
    ),
    ("renewal-nothing", "there is nothing to renew"),
    (
        "renewal-order",
        "a renewal is older than what it renews: a clock went backwards",
    ),
    (
        "renewal-other-bytes",
        "a blob has its SHA-256, and another SHA-512 than the one that was renewed",
    ),
    (
        "renewal-other-release",
        "a renewal is of another release, or of another content of it",
    ),
    (
        "renewal-path",
        "a renewal's hash tree does not begin with what it covers",
    ),
    (
        "renewal-root",
        "a renewal's timestamp is over another hash than the root of its tree",
    ),
    (
        "renewal-too-large",
        "a renewal is larger, longer or deeper than is read",
    ),
    (
        "replica-changed",
        "another writer has changed the index of a replica meanwhile",
    ),
    (
        "replica-differs",
        "a replica has other bytes under the name of a blob: they stay as they are",
    ),
    (
        "replica-index-differs",
        "what lists the releases of a replica was changed, or contradicts itself",
    ),
    (
        "replica-too-large",
        "a replica takes no manifest of that size",
    ),
    (
        "replica-unavailable",
        "a replica cannot be asked, read or written",
    ),
    (
        "replica-unfit",
        "a place lets through what a replica must refuse: what is kept there could be overwritten",
    ),
    (
        "tar-link-outside",
        "a link leads out of the archive, or is not written the shortest way",
    ),
    (
        "tar-member-size",
        "a file has more or fewer bytes than the archive has for it",
    ),
    (
        "tar-member-too-large",
        "a file has 8 GiB or more, which a tar archive does not hold",
    ),
    (
        "tar-order",
        "the members of a tar archive are not sorted by their paths",
    ),
    (
        "tar-parent-missing",
        "the folder of a member is not a member of the archive",
    ),
    (
        "tar-unfinished",
        "a member could not be written, so that the archive cannot be finished",
    ),
    (
        "tombstone-early",
        "a tombstone was signed before the release might be deleted: it does not count",
    ),
    (
        "tombstone-malformed",
        "what is attached as a tombstone is none: it does not count",
    ),
    (
        "tombstone-other-release",
        "a tombstone is of another release, or of other files than its artifacts: it does not count",
    ),
    (
        "tombstone-under-hold",
        "a tombstone was signed while a legal hold stood: it does not count",
    ),
    (
        "version-already-released",
        "the release is archived already, with other content",
    ),
];

#[cfg(test)]
mod tests {
    use super::CODES;

    #[test]
    fn every_code_in_the_sources_is_listed_and_no_other() {
        let sources = [
            include_str!("error.rs"),
            include_str!("check.rs"),
            include_str!("replica.rs"),
            include_str!("replica/check.rs"),
            include_str!("extract.rs"),
            include_str!("later_log.rs"),
            include_str!("tar_error.rs"),
            include_str!("tombstone.rs"),
            include_str!("audit/chain.rs"),
            include_str!("bag/read.rs"),
            include_str!("renewal/error.rs"),
        ];
        let mut found: Vec<&str> = sources.iter().flat_map(|source| codes(source)).collect();
        found.sort_unstable();
        found.dedup();
        let listed: Vec<&str> = CODES.iter().map(|(code, _)| *code).collect();
        assert_eq!(found, listed);
    }

    /// The texts that `fn code` of a source answers.
    fn codes(source: &str) -> Vec<&str> {
        let functions = source.split("fn code(&self)").skip(1);
        let bodies = functions.filter_map(|rest| rest.split_once("\n    }\n"));
        bodies
            .flat_map(|(body, _)| body.split('"').skip(1).step_by(2))
            .collect()
    }
}
