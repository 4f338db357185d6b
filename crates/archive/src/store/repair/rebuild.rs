//! An index that cannot be read, made again.
//!
//! The manifests say themselves whose they are. Which of several manifests of one release that are here
//! counts, only a list can say: that of a replica.

use std::collections::BTreeMap;

use attest_digest::{Algorithm, Digest};

use super::{IndexRepair, Received, WAITING, quarantine, receive};
use crate::attachment::AttachmentManifest;
use crate::blob::Blob;
use crate::copy::parse_index;
use crate::disk::{Folder, Found, read_limited, sync_file};
use crate::error::{ArchiveError, NotAnArchive};
use crate::index::Index;
use crate::layout::{BLOBS, INCOMING, INDEX_FILE, LAYOUT, LAYOUT_FILE, SHA256};
use crate::limits;
use crate::manifest::Manifest;
use crate::reader::{check_layout, malformed, read_index};
use crate::replica::{Item, ItemKind, Replica};

/// Makes the index again if it is missing or malformed; also `oci-layout`, if it is.
pub(super) fn rebuild_if_broken(
    root: &Folder,
    replicas: &[&dyn Replica],
    silent: &mut BTreeMap<String, String>,
) -> Result<IndexRepair, ArchiveError> {
    let Some(blobs) = root.below(std::path::Path::new(BLOBS).join(SHA256))? else {
        return check_layout(root).and_then(|()| {
            Err(ArchiveError::NotAnArchive {
                path: root.path().to_owned(),
                problem: NotAnArchive::Lacks {
                    missing: "blobs/sha256",
                },
            })
        });
    };
    match check_layout(root) {
        Ok(()) => {}
        Err(ArchiveError::NotAnArchive {
            problem: NotAnArchive::Lacks { .. } | NotAnArchive::LayoutMalformed,
            ..
        }) => {
            replace(root, LAYOUT_FILE, LAYOUT.as_bytes())?;
        }
        Err(error) => return Err(error),
    }
    match read_index(root) {
        Ok(_) => return Ok(IndexRepair::Readable),
        Err(ArchiveError::IndexMalformed { .. } | ArchiveError::NotAnArchive { .. }) => {}
        Err(error) => return Err(error),
    }
    let mut index = Index::default();
    for replica in replicas {
        if let Err(message) = take_list(root, &blobs, *replica, &mut index)? {
            silent.insert(replica.name(), message);
        }
    }
    take_own(&blobs, &mut index)?;
    let bytes = index.to_bytes().map_err(|it| malformed(root, it))?;
    let quarantined = replace(root, INDEX_FILE, &bytes)?;
    Ok(IndexRepair::Rebuilt {
        releases: index.releases.len(),
        attachments: index.attachments.len(),
        quarantined,
    })
}

/// Takes what a replica lists, as far as the manifests confirm it.
fn take_list(
    root: &Folder,
    blobs: &Folder,
    replica: &dyn Replica,
    index: &mut Index,
) -> Result<Result<(), String>, ArchiveError> {
    let theirs = replica
        .index()
        .and_then(|bytes| parse_index(replica, bytes.as_deref()));
    let theirs = match theirs {
        Ok(theirs) => theirs,
        Err(error) => return Ok(Err(crate::error::words(&error))),
    };
    let releases = theirs.releases.into_values();
    let attachments = theirs.attachments.into_values().map(|(_, blob)| blob);
    let unnamed = theirs.unnamed.into_iter().filter_map(|entry| entry.blob);
    for blob in releases.chain(unnamed).chain(attachments) {
        let bytes = match own_manifest(blobs, blob) {
            Some(bytes) => Some(bytes),
            None => fetched(root, replica, blob)?,
        };
        if let Some(bytes) = bytes {
            take_manifest(index, blobs, blob, &bytes, Several::FirstCounts)?;
        }
    }
    Ok(Ok(()))
}

/// Takes the manifests that are here and that no replica lists.
fn take_own(blobs: &Folder, index: &mut Index) -> Result<(), ArchiveError> {
    let names = blobs.names()?;
    let names = names.iter().filter_map(|name| name.to_str());
    let digests = names.filter_map(|name| Digest::from_hex(Algorithm::Sha256, name).ok());
    for digest in digests {
        let Found::File { size, .. } = blobs.file(digest.hex())? else {
            continue;
        };
        let blob = Blob { digest, size };
        if let Some(bytes) = own_manifest(blobs, blob) {
            take_manifest(index, blobs, blob, &bytes, Several::Refused)?;
        }
    }
    Ok(())
}

/// What happens to a second manifest of one release.
#[derive(Clone, Copy)]
enum Several {
    /// A list came first: it stays a blob that nobody names.
    FirstCounts,
    /// Unless a list has decided, nobody can say which one counts.
    Refused,
}

/// Lists a manifest as what it says that it is. One that says nothing, or is malformed, is left alone.
fn take_manifest(
    index: &mut Index,
    blobs: &Folder,
    blob: Blob,
    bytes: &[u8],
    several: Several,
) -> Result<(), ArchiveError> {
    if let Ok(Some(manifest)) = Manifest::parse(bytes) {
        match (index.releases.get(manifest.name()), several) {
            (None, _) => drop(index.releases.insert(manifest.name().clone(), blob)),
            (Some(kept), Several::Refused) if *kept != blob && !is_decided(index, blobs, *kept) => {
                return Err(ArchiveError::IndexAmbiguous {
                    name: manifest.name().clone(),
                    first: kept.digest,
                    second: blob.digest,
                });
            }
            _ => {}
        }
        if matches!(several, Several::FirstCounts) {
            index.listed.insert(blob.digest);
        }
    } else if let Ok(Some(manifest)) = AttachmentManifest::parse(bytes) {
        let key = manifest.key(blob.digest);
        index
            .attachments
            .insert(key, (manifest.kind().clone(), blob));
    }
    Ok(())
}

/// Whether a list has chosen this manifest among those that are here. One that only a replica has is no
/// choice: it would take the place of what was archived here under that name.
fn is_decided(index: &Index, blobs: &Folder, kept: Blob) -> bool {
    index.listed.contains(&kept.digest) && own_manifest(blobs, kept).is_some()
}

/// The bytes of a manifest that is here, if they are what their name says. Only what begins as our
/// manifests do is read whole.
fn own_manifest(blobs: &Folder, blob: Blob) -> Option<Vec<u8>> {
    let Ok(Found::File { file, size }) = blobs.file(blob.digest.hex()) else {
        return None;
    };
    if size != blob.size || size > limits::MANIFEST_BYTES || !begins_like_ours(&file) {
        return None;
    }
    let Ok(Found::File { file, .. }) = blobs.file(blob.digest.hex()) else {
        return None;
    };
    let bytes = read_limited(&file, limits::MANIFEST_BYTES).ok()??;
    (Blob::of(&bytes) == blob).then_some(bytes)
}

fn begins_like_ours(file: &std::fs::File) -> bool {
    let mut start = vec![0; BEGINNING.len()];
    std::io::Read::read_exact(&mut &*file, &mut start).is_ok() && start == BEGINNING
}

/// The bytes of a manifest that a replica has, if they are what their name says. They stay where they
/// are: that they are missing here is found, and mended, when every blob is read.
fn fetched(
    root: &Folder,
    replica: &dyn Replica,
    blob: Blob,
) -> Result<Option<Vec<u8>>, ArchiveError> {
    if blob.size > limits::MANIFEST_BYTES {
        return Ok(None);
    }
    let item = Item::of(blob, ItemKind::Manifest);
    let Received::Whole = receive(root, replica, item)? else {
        return Ok(None);
    };
    let incoming = root.make_below(INCOMING)?;
    let Found::File { file, .. } = incoming.file(WAITING)? else {
        return Ok(None);
    };
    read_limited(&file, limits::MANIFEST_BYTES)
        .map_err(|error| ArchiveError::io("read", incoming.path_of(WAITING), error))
}

/// Puts a document at the top of the archive; what stood there is kept in the quarantine.
fn replace(root: &Folder, name: &str, bytes: &[u8]) -> Result<Option<String>, ArchiveError> {
    let quarantined = match root.file(name)? {
        Found::Missing => None,
        Found::File { .. } | Found::SomethingElse => Some(quarantine(root, root, name)?),
    };
    root.remove_below(INCOMING)?;
    let incoming = root.make_below(INCOMING)?;
    let file = incoming.write(name, 0o644, bytes)?;
    sync_file(&file, &incoming.path_of(name))?;
    incoming.move_new(name, root, name)?;
    root.sync()?;
    root.remove_below(INCOMING)?;
    Ok(quarantined)
}

/// Keys are sorted: our own manifests begin with our own annotations.
const BEGINNING: &[u8] = b"{\"annotations\":{\"dev.attest.";
