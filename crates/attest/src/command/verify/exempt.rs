//! What in a folder needs no signature of its own: pinned trust, and what this run verified as
//! evidence. Never a name pattern.

use std::collections::BTreeMap;

use attest_digest::{Artifact, Hashes, Match, RelativePath};
use attest_provenance::Statement;
use attest_verify::Evidence;

use super::evidence::signed_name;
use super::folder::{Folder, Loaded, Source};
use super::shelf::Shelf;

/// What needs no signature of its own, and why.
pub(super) fn find(
    folder: &Folder,
    bundles: &[Loaded],
    source: Option<&Source>,
    shelf: &Shelf,
) -> BTreeMap<RelativePath, String> {
    let mut exempt = folder.pinned.clone();
    let mut files: BTreeMap<&RelativePath, Vec<&Loaded>> = BTreeMap::new();
    for bundle in bundles {
        if let Some(name) = bundle.name.as_ref().filter(|name| is_top(name)) {
            files.entry(name).or_default().push(bundle);
        }
    }
    for (name, pieces) in files {
        let why: Option<Vec<String>> = pieces
            .iter()
            .map(|piece| evidence_of(piece, name, folder, source, shelf))
            .collect();
        // One piece that is no evidence could be anything: then the file is content like any other.
        let Some(why) = why.and_then(|mut why| why.pop()) else {
            continue;
        };
        exempt.insert(name.clone(), why);
        for evidence in pieces.iter().filter_map(|it| shelf.evidence(it.index)) {
            exempt_plain_signature(folder, name, evidence, &mut exempt);
        }
    }
    exempt
}

/// As what a piece of the file of this name was verified; none if it is no evidence here.
fn evidence_of(
    piece: &Loaded,
    name: &RelativePath,
    folder: &Folder,
    source: Option<&Source>,
    shelf: &Shelf,
) -> Option<String> {
    let evidence = shelf.evidence(piece.index)?;
    if !unchanged(folder, name, piece, shelf) {
        return None;
    }
    let Some(statement) = evidence.statement() else {
        return Some("evidence: message signature".to_owned());
    };
    let decides = source.is_some_and(|source| source.decided_by.contains(&piece.index));
    (decides || all_here(statement, folder, source))
        .then(|| format!("evidence: {}", statement.predicate_type()))
}

/// `X.sig` is nothing but the signature in the verified `X.sigstore.json`, or it is not exempt.
fn exempt_plain_signature(
    folder: &Folder,
    bundle: &RelativePath,
    evidence: &Evidence,
    exempt: &mut BTreeMap<RelativePath, String>,
) {
    if evidence.statement().is_some() {
        return;
    }
    let Some(path) = signed_name(bundle.as_str())
        .and_then(|name| RelativePath::parse(&format!("{name}.sig")).ok())
    else {
        return;
    };
    let Some(there) = folder.artifact(&path) else {
        return;
    };
    let signature = Artifact::of_bytes(evidence.signature(), Hashes::Sha256);
    if there.sha256() == signature.sha256() {
        exempt.insert(path, format!("the signature in {bundle}"));
    }
}

/// Whether every subject is a file here with that digest. What the source signs with the same
/// digest counts too: if those bytes are not here, that file's own verdict says so.
fn all_here(statement: &Statement, folder: &Folder, source: Option<&Source>) -> bool {
    statement.subjects().iter().all(|subject| {
        let Some(path) = subject
            .name()
            .and_then(|name| RelativePath::parse(name).ok())
        else {
            return false;
        };
        let here = folder
            .artifact(&path)
            .is_some_and(|artifact| artifact.compare(subject.digests()) == Match::Same);
        let signed = source
            .and_then(|source| source.names.digests(&path))
            .is_some_and(|digests| digests == subject.digests());
        here || signed
    })
}

/// Whether the bytes that were verified as a bundle are the bytes that were hashed as a file.
fn unchanged(folder: &Folder, name: &RelativePath, bundle: &Loaded, shelf: &Shelf) -> bool {
    let hashed = folder.artifact(name).map(Artifact::sha256);
    hashed.is_some() && hashed == shelf.digest(bundle.index)
}

fn is_top(path: &RelativePath) -> bool {
    path.parent().is_none()
}
