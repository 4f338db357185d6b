//! Every bound of this crate, in one place.

/// Bytes of `oci-layout`.
pub const LAYOUT_BYTES: u64 = 4 << 10;

/// Bytes of `index.json`: some 150,000 releases.
pub const INDEX_BYTES: u64 = 64 << 20;

/// Bytes of memory for the values of `index.json`: some 2 KiB for each release or attachment.
pub const INDEX_MEMORY: usize = 256 << 20;

/// Bytes of the manifest of one release.
///
/// Registries and skopeo take 4 MiB, which is some 15,000 files; a larger release is kept here all
/// the same.
pub const MANIFEST_BYTES: u64 = 64 << 20;

/// Files of one release.
pub const MEMBERS: usize = 200_000;

/// Bytes of one file: what a JSON number holds exactly (RFC 8785).
pub const MEMBER_BYTES: u64 = (1 << 53) - 1;

/// Bytes of a media type.
pub const MEDIA_TYPE_BYTES: usize = 255;

/// Nesting of JSON in the index and in manifests.
pub const JSON_DEPTH: usize = 16;

/// Up to this many new blobs are synced one by one; for more, one `syncfs` is cheaper.
pub const SYNC_EACH: usize = 16;

/// Bytes of one line of the audit trail.
pub const AUDIT_LINE_BYTES: usize = 16 << 10;

/// Bytes of one text in an event of the audit trail.
pub const AUDIT_TEXT_BYTES: usize = 1 << 10;

/// Events of an audit trail that are read.
pub const AUDIT_EVENTS: usize = 1_000_000;

/// What is wrong with an audit trail, and what is to be known of it: up to so many are told.
pub const AUDIT_FAULTS: usize = 64;

/// Bytes of one evidence record: some hundred timestamps with their certificates.
pub const RENEWAL_RECORD_BYTES: usize = 1 << 20;

/// Timestamps of one evidence record: each costs a verification.
pub const RENEWAL_LINKS: usize = 256;

/// Levels of one reduced hash tree: a tree over 2⁶⁴ releases.
pub const RENEWAL_TREE_DEPTH: usize = 64;

/// Hashes in one level of a reduced hash tree; ours have one or two.
pub const RENEWAL_TREE_WIDTH: usize = 64;

/// Bytes of the document that names what a renewal covers: some 300 for each file.
pub const RENEWAL_COVERED_BYTES: usize = 128 << 20;

/// Bytes of the documents and records of all renewals of a release, which are held: a document can be attached
/// any number of times.
pub const RENEWALS_BYTES: usize = 512 << 20;

/// Bytes of a key or trusted root that a bag shows as PEM.
pub const TRUST_BYTES: u64 = 4 << 20;

/// Bytes of a bundle that a bag cuts into files for `openssl`; a larger one is carried whole.
pub const BUNDLE_BYTES: u64 = 12 << 20;

/// Bytes of a later checkpoint of a log with its proofs: some thousand.
pub const CONSISTENCY_BYTES: u64 = 4 << 20;

/// Hashes of one consistency proof: a log of 2⁶⁴ entries has fewer.
pub const CONSISTENCY_HASHES: usize = 128;

/// Bytes of all files into which a bag cuts its bundles, with the keys and roots beside them: they are held.
pub const BAG_CUT_BYTES: u64 = 512 << 20;

/// Bytes of the manifests of what is attached to one release, or to the archive, where all are read at once.
pub const ATTACHMENT_MANIFESTS: u64 = 256 << 20;

/// Files and folders of a bag that is one file.
pub const BAG_MEMBERS: usize = 1_000_000;

/// Bytes of the extended header of one member of such a file.
pub const TAR_RECORDS: u64 = 16 << 10;

/// Legal holds that one statement lifts.
pub const HOLDS: usize = 1000;

/// Bytes of the reason of a legal hold or of a deletion.
pub const REASON_BYTES: usize = 1000;
