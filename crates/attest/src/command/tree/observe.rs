//! What stands in a tree, in the words of a manifest.

use std::collections::BTreeMap;

use attest_digest::{
    Artifact, ExtendedAttribute, NameProblem, NodeKind, ReadError, RelativePath, Sighting,
    escaped_bytes,
};
use attest_provenance::tree::{Attribute, TreeContent, TreeEntry, TreeHeader, xattr_value};

/// Names of files that have several: the first path of each, by device and inode.
#[derive(Debug, Default)]
pub(super) struct SameFiles(BTreeMap<(u64, u64), RelativePath>);

impl SameFiles {
    /// The first path in the tree of the same file, if it is not this one.
    pub(super) fn first_name(&mut self, sighting: &Sighting) -> Option<RelativePath> {
        let metadata = sighting.metadata();
        if metadata.kind != NodeKind::File || metadata.links < 2 {
            return None;
        }
        let path = sighting.path().ok()??;
        let first = self.0.entry(metadata.id()).or_insert_with(|| path.clone());
        (*first != path).then(|| first.clone())
    }
}

/// What is known of a thing without opening it: a file's digests are absent.
pub(super) fn outline(
    sighting: &Sighting,
    path: Option<RelativePath>,
    same: Option<RelativePath>,
    header: &TreeHeader,
) -> TreeEntry {
    let metadata = sighting.metadata();
    let content = match metadata.kind {
        NodeKind::File => TreeContent::File {
            size: metadata.size,
            digests: Vec::new(),
        },
        NodeKind::Directory => TreeContent::Directory,
        NodeKind::Symlink => TreeContent::Symlink {
            target: String::new(),
        },
        NodeKind::Fifo => TreeContent::Fifo,
        NodeKind::Socket => TreeContent::Socket,
        kind @ (NodeKind::BlockDevice | NodeKind::CharacterDevice) => TreeContent::Device {
            kind,
            number: metadata.device,
        },
    };
    let is_file = metadata.kind == NodeKind::File;
    let is_link = metadata.kind == NodeKind::Symlink;
    let of = |attribute| header.compares(attribute);
    let mut entry = TreeEntry::new(path, content);
    entry.mode = (of(Attribute::Mode) && !is_link).then_some(metadata.mode);
    entry.owner = of(Attribute::Owner).then_some((metadata.uid, metadata.gid));
    entry.links = (of(Attribute::Links) && is_file).then_some(metadata.links);
    entry.same = same.filter(|_| of(Attribute::Links));
    entry.mount = of(Attribute::Mounts) && metadata.is_mount;
    entry.mtime = (of(Attribute::Mtime) && is_file).then_some(metadata.modified);
    entry
}

/// Reads what the outline lacks: the target of a link, extended attributes, and a file's digests,
/// unless its size is not `wanted`.
pub(super) fn fill(
    entry: &mut TreeEntry,
    sighting: &Sighting,
    header: &TreeHeader,
    wanted: Option<u64>,
) -> Result<(), ReadError> {
    let is_compared = |name: &[u8]| header.compares_xattr(name);
    let has_xattrs = !header.xattrs.is_empty();
    match &mut entry.content {
        TreeContent::File { size, digests } => {
            let is_read = wanted.is_none_or(|wanted| wanted == *size);
            if !is_read && !has_xattrs {
                return Ok(());
            }
            let file = sighting.open()?;
            if has_xattrs {
                entry.xattrs = named(file.attributes(&is_compared)?);
            }
            if is_read {
                let artifact: Artifact = file.read(header.hashes())?;
                *digests = artifact.digests().collect();
            }
        }
        TreeContent::Symlink { target } => {
            *target = escaped_bytes_unless_text(&sighting.target()?);
            // The user's attributes are for files and folders alone; what the system keeps on a link
            // gives nobody anything.
        }
        _ if has_xattrs => entry.xattrs = named(sighting.attributes(&is_compared)?),
        _ => {}
    }
    Ok(())
}

/// Whether the target of a link is one that a manifest can hold.
pub(super) fn target_problem(sighting: &Sighting) -> Result<Option<NameProblem>, ReadError> {
    if sighting.metadata().kind != NodeKind::Symlink {
        return Ok(None);
    }
    Ok(attest_digest::check_text(&sighting.target()?).err())
}

/// A target that can be signed as it is; any other escaped, which no signed one looks like, because it
/// cannot be compared with it and be equal.
fn escaped_bytes_unless_text(target: &[u8]) -> String {
    match attest_digest::check_text(target) {
        Ok(text) => text.to_owned(),
        Err(_) => format!("{} (escaped)", escaped_bytes(target)),
    }
}

fn named(attributes: Vec<ExtendedAttribute>) -> BTreeMap<String, String> {
    attributes
        .into_iter()
        .map(|(name, value)| (escaped_bytes(&name), xattr_value(&value)))
        .collect()
}
