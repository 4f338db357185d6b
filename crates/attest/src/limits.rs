//! The bounds of the command itself. Those of what it reads stand in the crates that parse.

/// Bytes of a file that `inspect` looks at: no evidence of this field is larger.
pub(crate) const INSPECT_BYTES: u64 = 12 << 20;

/// Bytes of a statement that `inspect` describes while it holds the envelope as well.
pub(crate) const STATEMENT_BYTES: usize = 2 << 20;

/// Bytes of the list of `--files-from`.
pub(crate) const LIST_BYTES: u64 = 16 << 20;

/// Paths in the list of `--files-from`.
pub(crate) const LIST_PATHS: usize = 100_000;

/// Differences of a tree that are listed one by one; the others are counted.
pub(crate) const TREE_FINDINGS: usize = 50_000;

/// Bytes of the manifest of a release's files, as an archive compares it: 200,000 files need 80 MiB.
pub(crate) const RELEASE_TREE_BYTES: u64 = 256 << 20;

/// Bytes of the file in which `tree verify` remembers what it saw.
pub(crate) const TREE_STATE_BYTES: u64 = 1 << 20;

/// Bytes of the git bundle of `archive add --source`: about as many are unpacked into the temporary folder.
pub(crate) const SOURCE_BYTES: u64 = 16 << 30;

/// Sources that are kept with one release and are unpacked, one after the other, until one is that of its provenance;
/// together they have twice the bytes of one.
pub(crate) const SOURCES: usize = 8;

/// Objects in a source: git needs some 100 bytes of memory and 40 of the temporary folder for each.
pub(crate) const SOURCE_OBJECTS: u32 = 20_000_000;

/// Bytes before the objects, where its references are: some 200,000 of them.
pub(crate) const SOURCE_HEADER_BYTES: u64 = 16 << 20;

/// Bytes of the bundles at the top of one archived release, which are all held: a blob can be there under any
/// number of names.
pub(crate) const RELEASE_BUNDLES_BYTES: u64 = 512 << 20;

/// Bytes of the keys and trusted roots in archived releases among which a pin is looked for.
pub(crate) const TRUST_FILES_BYTES: u64 = 256 << 20;

/// Bytes of the statements that were attached to an archived release later, and are proven: they are held.
pub(crate) const ATTACHED_EVIDENCE_BYTES: u64 = 64 << 20;

/// Bytes of the signatures over files that were attached to an archived release later: they are held until their
/// files are judged, whoever made them.
pub(crate) const ATTACHED_SIGNATURES_BYTES: u64 = 4 << 20;

/// Events of the audit trail that are shown; all are checked.
pub(crate) const AUDIT_SHOWN: usize = 10_000;
