//! A blob as a descriptor names it.

use attest_digest::{Algorithm, Artifact, Digest, Hashes};
use attest_provenance::json::{Object, Value};
use serde_json::json;

use crate::error::Malformed;

/// Digest and size of a blob, as a descriptor claims them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Blob {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
}

impl Blob {
    /// The blob of these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self::read(&Artifact::of_bytes(bytes, Hashes::Sha256))
    }

    /// The blob of bytes that were read.
    pub(crate) fn read(artifact: &Artifact) -> Self {
        Self {
            digest: artifact.sha256(),
            size: artifact.size(),
        }
    }

    /// Takes `digest` and `size` from a descriptor.
    pub(crate) fn take(descriptor: &mut Object) -> Result<Self, Malformed> {
        let text = descriptor.take_string("digest")?;
        let digest = Digest::parse(&text)
            .ok()
            .filter(|digest| digest.algorithm() == Algorithm::Sha256);
        let Some(digest) = digest else {
            return Err(Malformed::Value {
                field: descriptor.path_of("digest"),
                found: text,
                wanted: "sha256: and 64 lower-case hexadecimal digits",
            });
        };
        Ok(Self {
            digest,
            size: descriptor.take_u64("size")?,
        })
    }

    /// The descriptor of this blob.
    pub(crate) fn descriptor(&self, media_type: &str) -> Value {
        json!({ "mediaType": media_type, "digest": self.digest.to_string(), "size": self.size })
    }
}
