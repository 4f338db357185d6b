//! Every bound of this crate, in one place.

/// Bytes of a service's answer. A timestamp with its chain has a few thousand.
pub const ANSWER_BYTES: usize = 64 << 10;

/// Bytes of the random nonce in a request.
pub const NONCE_BYTES: usize = 16;

/// Bytes of a file of certificates.
pub const CHAIN_BYTES: usize = 256 << 10;

/// Certificates of a chain.
pub const CHAIN_CERTIFICATES: usize = 8;

/// Bytes of one version of a repository's `root.json`.
pub const ROOT_BYTES: u64 = 512 << 10;

/// Bytes of a repository's `timestamp.json`.
pub const TIMESTAMP_BYTES: u64 = 16 << 10;

/// Bytes of a repository's `snapshot.json`, and of its `targets.json`.
pub const METADATA_BYTES: u64 = 2 << 20;

/// Bytes of the trusted root that a repository leads to.
pub const TARGET_BYTES: u64 = 1 << 20;

/// Versions of `root.json` that one refresh walks.
pub const ROOT_ROTATIONS: u32 = 64;

/// Bytes of the metadata that is kept between refreshes.
pub const STATE_BYTES: usize = 16 << 20;

/// Versions of `root.json` in it.
pub const STATE_ROOTS: usize = 128;

/// Bytes of the name of something in a registry.
pub const REFERENCE_BYTES: usize = 1024;

/// Bytes of a manifest or index of a registry, of one page of a list, and of all pages that name what is
/// attached to one manifest.
pub const REGISTRY_MANIFEST_BYTES: u64 = 4 << 20;

/// Manifests that are attached to one manifest of a registry.
pub const REGISTRY_REFERRERS: usize = 1024;

/// Seconds for which everything that is read of one image, and of what is attached to it, is waited for; a
/// large answer is given more.
pub const REGISTRY_IMAGE_SECONDS: u64 = 600;

/// Tags of a repository.
pub const REGISTRY_TAGS: usize = 100_000;

/// Pages of one list of a registry.
pub const REGISTRY_PAGES: usize = 1000;

/// Places to which a registry may lead for one blob.
pub const REGISTRY_REDIRECTS: usize = 5;

/// Bytes of a token, with what a registry says about it.
pub const REGISTRY_TOKEN_BYTES: u64 = 64 << 10;

/// Bytes of a blob that is pushed in one piece; a larger one goes in pieces of this size.
pub const REGISTRY_CHUNK_BYTES: usize = 16 << 20;

/// Bytes of one part of the index of an archive that a registry keeps.
pub const REGISTRY_INDEX_PART_BYTES: u64 = 1 << 20;

/// Parts of such an index.
pub const REGISTRY_INDEX_PARTS: usize = 4096;

/// Bytes of docker's configuration.
pub const REGISTRY_LOGIN_BYTES: u64 = 1 << 20;

/// Bytes of the answer of a credential helper.
pub const REGISTRY_HELPER_BYTES: usize = 64 << 10;

/// Seconds that a credential helper may take.
pub const REGISTRY_HELPER_SECONDS: u64 = 30;

/// Bytes of an answer of a place that says why it refuses, or what it has.
pub const PLACE_ANSWER_BYTES: u64 = 64 << 10;

/// Bytes of what GitHub says about a release and its files.
pub const GITHUB_ANSWER_BYTES: u64 = 8 << 20;

/// Bytes of a file of a release of GitHub: under 2 GiB.
pub const GITHUB_ASSET_BYTES: u64 = (2 << 30) - 1;

/// Pages of a list of GitHub, of 100 releases or files each.
pub const GITHUB_PAGES: usize = 20;

/// Places to which a place may lead for one file.
pub const PLACE_REDIRECTS: usize = 5;

/// Bytes of one page of a list of what a bucket has: 1000 names.
pub const LISTING_BYTES: u64 = 8 << 20;

/// Pages of such a list: ten million names.
pub const LISTING_PAGES: usize = 10_000;

/// Bytes of an object that one request can create: what S3 takes.
pub const OBJECT_BYTES: u64 = 5 << 30;

/// A transfer that is slower than so many bytes in a second is given up.
pub const SLOWEST_BYTES_PER_SECOND: u64 = 64 << 10;

/// Bytes of one answer of a Rekor v1 log that is read; an entry can hold a whole attestation.
pub const LOG_ANSWER_BYTES: usize = 4 << 20;

/// Trees of a log that ended.
pub const LOG_TREES: usize = 64;

/// Hashes of a proof that a log answers with.
pub const LOG_PROOF_HASHES: usize = 65;

/// Entries that a search for an artifact gives.
pub const LOG_FOUND: usize = 100;

/// Bytes of a service's answer: a log's with its proof, a certificate authority's with its chain.
pub const SERVICE_ANSWER_BYTES: u64 = 8 << 20;

/// Characters of a service's refusal that are repeated.
pub const SERVICE_WORDS: usize = 200;

/// Bytes of the request with which a browser comes back from a login.
pub const LOGIN_REQUEST_BYTES: usize = 32 << 10;

/// Connections that are open at once while a login is waited for: browsers open some that they do not use.
pub const LOGIN_CONNECTIONS: usize = 64;

/// Seconds that one of them may take to say what it wants.
pub const LOGIN_REQUEST_SECONDS: u64 = 10;
