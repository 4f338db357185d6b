//! The evidence of a folder: what lies at its top, and what `--bundle` names.

use std::path::{Path, PathBuf};

use attest_digest::RelativePath;

use super::super::Session;
use super::super::evidence::bundles_at_top;
use super::super::shelf::Shelf;
use crate::home::real;

/// A piece of evidence at the folder's top, or of `--bundle`.
#[derive(Debug, Clone)]
pub(in super::super) struct Loaded {
    pub(in super::super) index: usize,
    pub(in super::super) path: PathBuf,
    /// Its path below the folder, when it lies there.
    pub(in super::super) name: Option<RelativePath>,
    /// Whether it may approve: every bundle, or only those of `--bundle`.
    pub(in super::super) approves: bool,
    /// Whether `--bundle` names it: then it may be called as it likes.
    pub(in super::super) is_named: bool,
    /// Whether it is evidence of somebody else than the signer who is being judged by.
    pub(in super::super) is_anothers: bool,
}

impl Loaded {
    /// The same bundle, approving only if it is of this party.
    pub(super) fn of(&self, party: Option<&[usize]>, bundles: &Shelf) -> Self {
        let of_party = party.is_none_or(|party| party.contains(&self.index));
        let is_proven = bundles.evidence(self.index).is_some();
        Self {
            approves: self.approves && (of_party || !is_proven),
            is_anothers: self.approves && is_proven && !of_party,
            ..self.clone()
        }
    }
}

/// The bundles at the folder's top. With `--bundle`, and no policy, those alone approve; the others can still be
/// verified as evidence, so that they need no signature of their own.
pub(super) fn load_bundles(folder: &Path, session: &Session, shelf: &mut Shelf) -> Vec<Loaded> {
    let top = real(folder);
    let named: Vec<PathBuf> = session.bundles.iter().map(|it| real(it)).collect();
    let mut paths = bundles_at_top(folder);
    let at_top: Vec<PathBuf> = paths.iter().map(|it| real(it)).collect();
    let elsewhere = session.bundles.iter().zip(&named);
    let elsewhere = elsewhere.filter(|(_, place)| !at_top.contains(place));
    paths.extend(elsewhere.map(|(path, _)| path.clone()));
    paths
        .into_iter()
        .flat_map(|path| {
            let place = real(&path);
            let name = place.strip_prefix(&top).ok().and_then(Path::to_str);
            let name = name.and_then(|name| RelativePath::parse(name).ok());
            let all = named.is_empty() || session.judge.is_some();
            let is_named = named.contains(&place);
            let approves = all || is_named;
            let pieces = shelf.load(&path);
            pieces.into_iter().map(move |index| Loaded {
                index,
                path: path.clone(),
                name: name.clone(),
                approves,
                is_named,
                is_anothers: false,
            })
        })
        .collect()
}
