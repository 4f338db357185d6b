//! Manifests of trees: what they say of themselves, and how much they list.

use attest_provenance::predicate::tree::TYPE;
use attest_provenance::tree::{TreeContent, TreeError, TreeReader};

use super::describe::{Described, Description};
use crate::failure::with_source;

/// Whether it begins as a manifest of a tree does: its first line names the format.
pub(super) fn is_manifest(bytes: &[u8]) -> bool {
    let rest = bytes.strip_prefix(br#"{"type":""#);
    let rest = rest.and_then(|it| it.strip_prefix(TYPE.as_bytes()));
    rest.is_some_and(|it| it.starts_with(b"\""))
}

pub(super) fn describe(bytes: &[u8]) -> Description {
    let (problem, claims) = match claims(bytes) {
        Ok(claims) => (None, claims),
        Err(problem) => (Some(problem), Vec::new()),
    };
    Description {
        kind: "manifest of a tree (tree/v0.1)".to_owned(),
        problem,
        claims,
    }
}

fn claims(bytes: &[u8]) -> Described {
    let said = |error: TreeError| (error.code(), with_source(&error));
    let mut reader = TreeReader::new(bytes).map_err(said)?;
    let (mut files, mut folders, mut others) = (0_u64, 0_u64, 0_u64);
    while let Some(entry) = reader.next().map_err(said)? {
        match entry.content {
            TreeContent::File { .. } => files += 1,
            TreeContent::Directory => folders += 1,
            _ => others += 1,
        }
    }
    let header = reader.header();
    let mut claims = Vec::new();
    if let Some(release) = &header.release {
        claims.push(("release", release.to_string()));
    }
    if let Some(serial) = header.serial {
        claims.push(("serial", serial.to_string()));
    }
    let attributes: Vec<&str> = header.attributes.iter().map(|it| it.name()).collect();
    claims.push(("attributes", attributes.join(", ")));
    claims.extend(header.ignore.iter().map(|it| ("ignores", it.clone())));
    claims.push(("files", files.to_string()));
    claims.push(("folders", folders.to_string()));
    claims.push(("other entries", others.to_string()));
    claims.push(("bytes", reader.summary().bytes.to_string()));
    Ok(claims)
}
