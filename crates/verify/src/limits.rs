//! The bounds of everything that this crate parses. All are checked before any signature is.

use attest_provenance::json;

/// Bytes of a bundle. With what reading it costs, a hostile one stays below 64 MiB of memory.
pub const BUNDLE_BYTES: usize = 12 << 20;

/// Arrays and objects inside each other in a bundle.
pub const BUNDLE_DEPTH: usize = 12;

/// JSON values in a bundle, counted by its commas and brackets before anything is built from them.
pub const BUNDLE_VALUES: usize = 16 * 1024;

/// Bytes of evidence in another form than a bundle: writing it down as one takes as much again.
pub const EVIDENCE_BYTES: usize = 6 << 20;

/// Pieces of evidence in one file. All of them together are held to the bounds of one bundle.
pub const EVIDENCE_PIECES: usize = 128;

/// Bytes of the manifest of an image, or of an index.
pub const IMAGE_MANIFEST_BYTES: usize = 4 << 20;

/// What one manifest or index points to.
pub const IMAGE_DESCRIPTORS: usize = 1024;

/// Manifests of one image, one inside another included.
pub const IMAGE_MANIFESTS: usize = 1024;

/// Indexes of an image inside each other.
pub const IMAGE_DEPTH: usize = 4;

/// Entries of transparency logs in one bundle.
pub const LOG_ENTRIES: usize = 32;

/// RFC 3161 timestamps in one bundle.
pub const TIMESTAMPS: usize = 32;

/// Hashes of one inclusion proof: a log has at most 2⁶³ leaves.
pub const PROOF_HASHES: usize = 63;

/// Certificates of one chain, in a bundle or a trusted root.
pub const CHAIN_CERTIFICATES: usize = 10;

/// Bytes of one certificate; Fulcio's have 2 KiB.
pub const CERTIFICATE_BYTES: usize = 16 << 10;

/// Timestamps of certificate logs in one certificate.
pub const CERTIFICATE_TIMESTAMPS: usize = 16;

/// Bytes of one RFC 3161 timestamp.
pub const TIMESTAMP_BYTES: usize = 64 << 10;

/// Certificates that one RFC 3161 timestamp carries.
pub const TIMESTAMP_CERTIFICATES: usize = 16;

/// Bytes of one signature: RSA-16384 has 2,048.
pub const SIGNATURE_BYTES: usize = 4 << 10;

/// Bytes of a key hint and of names inside evidence.
pub const NAME_BYTES: usize = 4 << 10;

/// Bytes of an identity that is expected, or of a pattern of them.
pub const IDENTITY_BYTES: usize = 2 << 10;

/// Bytes of a file with one public key.
pub const KEY_BYTES: usize = 64 << 10;

/// Bytes of a trusted root; the public-good one has 7 KiB.
pub const TRUSTED_ROOT_BYTES: usize = 1 << 20;

/// Logs, or authorities of one kind, of one trusted root.
pub const TRUSTED_ROOT_ITEMS: usize = 128;

/// Bytes of a file of detached signatures: OpenPGP, minisign or SSH.
pub const DETACHED_BYTES: usize = 256 << 10;

/// Signatures in one such file.
pub const DETACHED_SIGNATURES: usize = 64;

/// Different hashes that one such file may ask for: all run over one reading of the signed bytes.
pub const DETACHED_HASHES: usize = 16;

/// Bytes of a file of OpenPGP public keys. Keys that many people have certified have hundreds of KiB.
pub const OPENPGP_KEY_BYTES: usize = 4 << 20;

/// Armored blocks in one file of OpenPGP signatures or keys.
pub const OPENPGP_BLOCKS: usize = 128;

/// Packets in one file of OpenPGP public keys.
pub const OPENPGP_PACKETS: usize = 16 << 10;

/// Subpackets of one OpenPGP signature, in both of its areas.
pub const OPENPGP_SUBPACKETS: usize = 128;

/// Bytes of one user id or picture of an OpenPGP key; each of its signatures hashes them again.
pub const OPENPGP_NAME_BYTES: usize = 64 << 10;

/// Signatures that an OpenPGP key made over itself and its parts; each is verified.
pub const OPENPGP_SELF_SIGNATURES: usize = 512;

/// Bytes of a raw commit or tag of git; the message of an honest one is text that somebody read.
pub const GIT_OBJECT_BYTES: usize = 4 << 20;

/// Headers of a raw commit or tag, its parents included.
pub const GIT_HEADERS: usize = 4096;

/// Fields of one protobuf message in a gitsign signature.
pub const GIT_LOG_ENTRY_FIELDS: usize = 128;

/// Seconds that a proven time may lie in the future: the skew of two honest clocks.
pub const CLOCK_SKEW_SECONDS: i64 = 300;

/// Links of one layout, those of its sublayouts included.
pub const LINKS: usize = 4096;

/// Bytes of all these links together.
pub const LINKS_BYTES: usize = 256 << 20;

/// Signatures of one layout or link.
pub const LINK_SIGNATURES: usize = 16;

/// Signatures that are checked for one layout, each link by each key that may have made it.
pub const LINK_SIGNATURE_CHECKS: usize = 32 << 10;

/// Layouts inside each other.
pub const SUBLAYOUTS: usize = 4;

/// Bytes of an entry of a log that is read by itself.
pub const LOGGED_BYTES: usize = 8 << 20;

/// Arrays and objects inside each other in it.
pub const LOGGED_DEPTH: usize = 32;

pub(crate) const BUNDLE: json::Limits = json::Limits {
    bytes: BUNDLE_BYTES,
    depth: BUNDLE_DEPTH,
};

pub(crate) const TRUSTED_ROOT: json::Limits = json::Limits {
    bytes: TRUSTED_ROOT_BYTES,
    depth: 12,
};
