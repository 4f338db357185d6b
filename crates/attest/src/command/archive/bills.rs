//! Which documents are bills of materials of a release: one answer for all commands.
//!
//! 1. A proven statement about the release refers to the document, by its SHA-256.
//! 2. It calls it a bill of materials, by its media type.
//! 3. The bytes are one, of that type.

use std::collections::{BTreeMap, BTreeSet};

use attest_archive::{ArchiveError, AttachmentKind, Kept, Reader, Release};
use attest_digest::{Digest, RelativePath};
use attest_sbom::limits::SBOM_BYTES;
use attest_sbom::{Reading, ReadingError};

use super::about::{About, Document};
use super::damage_failure;
use crate::command::release::sbom::media_type;
use crate::failure::Failure;

/// The media types of bills of materials.
pub(super) const TYPES: [&str; 4] = [
    "application/vnd.cyclonedx+json",
    "application/spdx+json",
    "application/vnd.cyclonedx+xml",
    "text/spdx",
];

/// What statements about a release call bills of materials, by its SHA-256. Of the bytes nothing is said.
pub(super) fn called(about: &About<'_>) -> BTreeMap<Digest, BTreeSet<Document>> {
    let mut called: BTreeMap<Digest, BTreeSet<Document>> = BTreeMap::new();
    for document in about.documents() {
        let is_called = |it: &str| TYPES.contains(&it);
        if let Some(digest) = document.sha256
            && document.media_type.as_deref().is_some_and(is_called)
        {
            called.entry(digest).or_default().insert(document);
        }
    }
    called
}

/// The files that are bills of materials by their names and bytes. Those of which there is nothing to be read,
/// because they are too large, are none.
pub(super) fn among<'f, E>(
    about: &About<'_>,
    files: impl Iterator<Item = (&'f RelativePath, Digest)>,
    read: impl Fn(&RelativePath, Digest) -> Result<Option<Vec<u8>>, E>,
) -> Result<BTreeSet<RelativePath>, E> {
    let called = called(about);
    let mut bills = BTreeSet::new();
    for (path, digest) in files {
        let documents = called.get(&digest).into_iter().flatten();
        let named = documents.filter(|it| it.name.as_deref() == Some(path.as_str()));
        let named: Vec<&Document> = named.collect();
        if named.is_empty() {
            continue;
        }
        if let Some(bytes) = read(path, digest)?
            && is_one(named.into_iter(), &bytes)
        {
            bills.insert(path.clone());
        }
    }
    Ok(bills)
}

/// The files of a release that are bills of materials.
///
/// # Errors
/// One of those that are called so cannot be read.
pub(super) fn of(release: &dyn Kept, about: &About<'_>) -> Result<BTreeSet<RelativePath>, Failure> {
    let files = release.members().iter().map(|it| (it.path(), it.digest()));
    among(about, files, |path, _| {
        bounded(release.unverified_bytes(path, LIMIT))
    })
}

/// Whether one was attached to a release later. An attachment of that kind is nobody's word by itself.
///
/// # Errors
/// The list of what is attached, or such a document, that cannot be read, if none is there that can.
pub(super) fn is_attached(
    reader: &Reader,
    release: &Release<'_>,
    about: &About<'_>,
) -> Result<bool, Failure> {
    let mut called = called(about);
    let mut unread = None;
    let kept = reader.attachments_of_kind(Some(release.manifest()), &AttachmentKind::Sbom);
    for attachment in &kept.map_err(|error| damage_failure(&error))? {
        for file in attachment.files() {
            // The same bytes under another name are the same.
            let Some(documents) = called.remove(&file.digest()) else {
                continue;
            };
            match bounded(attachment.unverified_bytes(file.path(), LIMIT)) {
                Ok(Some(bytes)) if is_one(documents.iter(), &bytes) => return Ok(true),
                Ok(_) => {}
                Err(error) => unread = Some(error),
            }
        }
    }
    unread.map_or(Ok(false), Err)
}

/// Whether bytes are what one of these documents is called.
fn is_one<'d>(mut documents: impl Iterator<Item = &'d Document>, bytes: &[u8]) -> bool {
    let Some(found) = media_type(bytes) else {
        return false;
    };
    // What is not read here (XML, tags and values, SPDX 3, versions to come) is known by its beginning.
    let is_malformed = || matches!(Reading::parse(bytes), Err(ReadingError::Malformed { .. }));
    documents.any(|it| it.media_type.as_deref() == Some(found)) && !is_malformed()
}

fn bounded(read: Result<Vec<u8>, ArchiveError>) -> Result<Option<Vec<u8>>, Failure> {
    match read {
        Ok(bytes) => Ok(Some(bytes)),
        Err(ArchiveError::TooLarge { .. }) => Ok(None),
        Err(error) => Err(damage_failure(&error)),
    }
}

/// Bytes of a bill of materials that is looked at.
pub(super) const LIMIT: u64 = SBOM_BYTES as u64;

#[cfg(test)]
mod tests {
    use super::*;

    fn is(media_type: &str, bytes: &str) -> bool {
        let document = Document {
            name: None,
            sha256: None,
            media_type: Some(media_type.to_owned()),
        };
        is_one([document].iter(), bytes.as_bytes())
    }

    #[test]
    fn a_bill_of_materials_is_one_by_its_bytes_and_by_what_it_is_called() {
        let [cyclonedx, spdx, xml, tags] = TYPES;
        let bill = r#"{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[]}"#;
        let newer = r#"{"bomFormat":"CycloneDX","specVersion":"9.9","version":1}"#;
        let third = r#"{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[]}"#;
        for (media_type, bytes, wanted) in [
            (cyclonedx, bill, true),
            (cyclonedx, newer, true),
            (spdx, third, true),
            (
                xml,
                r#"<bom xmlns="http://cyclonedx.org/schema/bom/1.6">"#,
                true,
            ),
            (tags, "SPDXVersion: SPDX-2.3\n", true),
            (spdx, bill, false),
            ("text/plain", bill, false),
            ("text/plain", "all 3 tests passed\n", false),
            (cyclonedx, "all 3 tests passed\n", false),
            (cyclonedx, "{}", false),
            (
                cyclonedx,
                r#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":1}"#,
                false,
            ),
        ] {
            assert_eq!(is(media_type, bytes), wanted, "{media_type} {bytes}");
        }
    }
}
