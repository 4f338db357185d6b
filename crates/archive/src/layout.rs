//! The names and media types of the format.
//!
//! ```text
//! archive/
//!   oci-layout               {"imageLayoutVersion":"1.0.0"}
//!   index.json               one descriptor for each release and each attachment
//!   blobs/sha256/<64 hex>    every file and every manifest, once
//!   incoming/                only while something is added, or after a death
//!   quarantine/              what was damaged, moved out of the way by a repair
//! ```
//!
//! [OCI image layout 1.1](https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md).

use attest_provenance::json::{self, Object};

use crate::error::Malformed;
use crate::limits;

pub(crate) const LAYOUT_FILE: &str = "oci-layout";
pub(crate) const INDEX_FILE: &str = "index.json";
pub(crate) const BLOBS: &str = "blobs";
pub(crate) const SHA256: &str = "sha256";
pub(crate) const INCOMING: &str = "incoming";
pub(crate) const QUARANTINE: &str = "quarantine";

pub(crate) const LAYOUT_VERSION: &str = "1.0.0";
pub(crate) const ARCHIVE_FORMAT: &str = "1";

pub(crate) const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";

/// The artifact type of a manifest that is a release.
pub const RELEASE_TYPE: &str = "application/vnd.attest.release.v1";

/// The artifact type of a manifest that was added to a release, or to the archive, later.
pub const ATTACHMENT_TYPE: &str = "application/vnd.attest.attachment.v1";

/// The empty configuration of the image specification.
pub(crate) const EMPTY: &[u8] = b"{}";

pub(crate) const REFERENCE: &str = "org.opencontainers.image.ref.name";
pub(crate) const TITLE: &str = "org.opencontainers.image.title";
pub(crate) const VERSION: &str = "org.opencontainers.image.version";
pub(crate) const ROLE: &str = "dev.attest.role";
pub(crate) const RELEASE_NAME: &str = "dev.attest.release.name";
pub(crate) const RELEASE_VERSION: &str = "dev.attest.release.version";
pub(crate) const RELEASE_PURL: &str = "dev.attest.release.purl";
pub(crate) const RELEASE_SUMS: &str = "dev.attest.release.sha256sums";
pub(crate) const CREATED: &str = "org.opencontainers.image.created";
pub(crate) const ATTACHMENT_KIND: &str = "dev.attest.attachment.kind";
pub(crate) const ATTACHMENT_SUBJECT: &str = "dev.attest.attachment.subject";
pub(crate) const FORMAT: &str = "dev.attest.archive.format";

/// The bytes of `oci-layout`, as every archive of ours has it.
pub const LAYOUT: &str = "{\"imageLayoutVersion\":\"1.0.0\"}";

/// The version that `oci-layout` claims.
pub(crate) fn layout_version(bytes: &[u8]) -> Result<String, Malformed> {
    let bounds = json::Limits {
        bytes: usize::try_from(limits::LAYOUT_BYTES).unwrap_or(usize::MAX),
        depth: limits::JSON_DEPTH,
    };
    let mut layout = Object::new(LAYOUT_FILE, json::parse(bytes, bounds)?)?;
    Ok(layout.take_string("imageLayoutVersion")?)
}
