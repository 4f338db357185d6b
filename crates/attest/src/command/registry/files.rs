//! Files as a registry keeps them: one manifest, in which each is a layer with its path as the title.
//!
//! ```text
//! {"artifactType":"application/vnd.attest.files.v1","config":{"mediaType":"application/vnd.oci.empty.v1+json",…},
//!  "layers":[{"annotations":{"org.opencontainers.image.title":"lib/x"},"digest":"sha256:…","size":7,…}],…}
//! ```

use std::collections::BTreeMap;

use attest_digest::{Artifact, Digest, Hashes};
use attest_remote::registry::IMAGE;
use attest_verify::dialect::image::Manifest;
use serde_json::{Value, json};

/// The bytes of a file, by what names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layer {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
}

/// The manifest of these files.
pub(crate) fn manifest<'a>(files: impl IntoIterator<Item = (&'a str, Layer)>) -> Vec<u8> {
    let layers = files.into_iter().map(|(path, layer)| {
        json!({
            "mediaType": "application/octet-stream",
            "digest": layer.digest.to_string(),
            "size": layer.size,
            "annotations": { TITLE: path },
        })
    });
    let layers: Vec<Value> = layers.collect();
    let (empty, size) = empty();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "artifactType": FILES,
        "config": { "mediaType": "application/vnd.oci.empty.v1+json", "digest": empty.to_string(), "size": size },
        "layers": layers,
    });
    manifest.to_string().into_bytes()
}

/// The files of a manifest by their paths, if it is a list of files.
pub(crate) fn layers(manifest: &[u8]) -> Option<BTreeMap<String, Layer>> {
    let Manifest::Image { layers, .. } = Manifest::parse(manifest).ok()? else {
        return None;
    };
    let count = layers.len();
    let files: BTreeMap<String, Layer> = layers
        .iter()
        .map(|it| {
            let layer = Layer {
                digest: it.digest(),
                size: it.size(),
            };
            Some((it.annotation(TITLE)?.to_owned(), layer))
        })
        .collect::<Option<_>>()?;
    // One name twice is no list of files.
    (count > 0 && files.len() == count).then_some(files)
}

/// The configuration of such a manifest, which has none.
pub(crate) fn empty() -> (Digest, u64) {
    let empty = Artifact::of_bytes(EMPTY, Hashes::Sha256);
    (empty.sha256(), empty.size())
}

pub(crate) const EMPTY: &[u8] = b"{}";
/// What a manifest of files is, for whoever lists it.
const FILES: &str = "application/vnd.attest.files.v1";
const TITLE: &str = "org.opencontainers.image.title";
