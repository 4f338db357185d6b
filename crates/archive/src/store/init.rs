//! Making an archive: `oci-layout` comes last, so that a folder is an archive whole or not at all.

use std::path::Path;

use crate::disk::{Folder, Found, make_folders, sync_file};
use crate::error::{ArchiveError, NotAnArchive};
use crate::index::Index;
use crate::layout::{BLOBS, INCOMING, INDEX_FILE, LAYOUT, LAYOUT_FILE, SHA256};
use crate::reader::{malformed, open_folder};
use crate::store::lock;

pub(super) fn init(path: &Path) -> Result<(), ArchiveError> {
    make_folders(path)?;
    let mut root = open_folder(path)?;
    lock(&mut root)?;
    let names = root.names()?;
    if names.iter().any(|name| name == LAYOUT_FILE) {
        return Ok(());
    }
    // What an earlier run, that died, has made.
    if !names
        .iter()
        .all(|name| name == BLOBS || name == INDEX_FILE || name == INCOMING)
    {
        return Err(ArchiveError::NotAnArchive {
            path: path.to_owned(),
            problem: NotAnArchive::HoldsOtherFiles,
        });
    }
    let blobs = root.make_below(BLOBS)?;
    blobs.make_below(SHA256)?;
    blobs.sync()?;
    root.remove_below(INCOMING)?;
    let incoming = root.make_below(INCOMING)?;
    if !names.iter().any(|name| name == INDEX_FILE) {
        let index = Index::default()
            .to_bytes()
            .map_err(|source| malformed(&root, source))?;
        place(&incoming, &root, INDEX_FILE, &index)?;
    }
    place(&incoming, &root, LAYOUT_FILE, LAYOUT.as_bytes())?;
    root.remove_below(INCOMING)?;
    root.sync()
}

fn place(incoming: &Folder, root: &Folder, name: &str, bytes: &[u8]) -> Result<(), ArchiveError> {
    incoming.write(name, 0o644, bytes)?;
    if let Found::File { file, .. } = incoming.file(name)? {
        sync_file(&file, &incoming.path_of(name))?;
    }
    incoming.move_new(name, root, name)?;
    root.sync()
}
