//! The one source of the names that were signed for a folder.

use attest_policy::{Accepted, Approval, SignedNames};
use attest_verify::Evidence;

use super::super::Session;
use super::super::evidence::signs_checksums;
use super::super::file::{file_name, signed_checksums_of};
use super::super::shelf::Shelf;
use super::files::Place;
use super::{Folder, Loaded};
use crate::report::{Refusal, SubjectReport};

/// Where the signed names come from.
pub(in super::super) struct Source {
    pub(in super::super) names: SignedNames,
    pub(in super::super) decided_by: Vec<usize>,
}

/// What the statements at a folder's top give.
enum Stated {
    /// Signed names.
    Names(Source),
    /// Those that approve contradict each other.
    Contradiction,
    /// None approves.
    Nothing,
}

impl Source {
    pub(super) fn find(
        folder: &Folder,
        bundles: &[Loaded],
        session: &Session,
        shelf: &mut Shelf,
        report: &mut SubjectReport,
    ) -> Option<Self> {
        match Self::from_statements(bundles, session, shelf, report) {
            Stated::Names(found) => Some(found),
            Stated::Contradiction => None,
            // What is archived is a release: only its statement can say so.
            Stated::Nothing if folder.place == Place::Archive => None,
            Stated::Nothing => Self::from_checksums(folder, bundles, session, shelf, report),
        }
    }

    fn from_statements(
        bundles: &[Loaded],
        session: &Session,
        shelf: &Shelf,
        report: &mut SubjectReport,
    ) -> Stated {
        let mut accepted: Vec<(usize, Accepted<'_>)> = Vec::new();
        let mut refused = Vec::new();
        for bundle in bundles
            .iter()
            .filter(|bundle| bundle.approves && shelf.is_statement(bundle.index))
        {
            match shelf.decide(bundle.index, session) {
                Ok(one) => accepted.push((bundle.index, one)),
                Err(refusals) if shelf.evidence(bundle.index).is_some() => refused.extend(refusals),
                Err(_) => {}
            }
        }
        let best = accepted.iter().map(|(_, one)| rank(one.approval())).min();
        let Some(best) = best else {
            // What says most: evidence that is about another release than the wanted one.
            let telling = refused
                .iter()
                .position(|refusal: &Refusal| refusal.code == "release-mismatch");
            report
                .reasons
                .extend(refused.into_iter().nth(telling.unwrap_or(0)));
            return Stated::Nothing;
        };
        accepted.retain(|(_, one)| rank(one.approval()) == best);
        let (decided_by, accepted): (Vec<_>, Vec<_>) = accepted.into_iter().unzip();
        match SignedNames::of_statements(&accepted) {
            Ok(names) => Stated::Names(Self { names, decided_by }),
            Err(reason) => {
                report.reasons.push(Refusal::from(&reason));
                Stated::Contradiction
            }
        }
    }

    fn from_checksums(
        folder: &Folder,
        bundles: &[Loaded],
        session: &Session,
        shelf: &mut Shelf,
        report: &mut SubjectReport,
    ) -> Option<Self> {
        let mut refused = None;
        let is_over_list = |bundle: &&Loaded| {
            let called = file_name(&bundle.path).is_some_and(signs_checksums);
            let named = bundle.is_named && signs_list(bundle.index, folder, shelf);
            bundle.approves && (called || named)
        };
        let signatures: Vec<&Loaded> = bundles.iter().filter(is_over_list).collect();
        let mut checked = signatures.into_iter().filter_map(|bundle| {
            match signed_checksums_of(folder, bundle.index, session, shelf) {
                Ok((_, checksums)) => Some((bundle, checksums)),
                Err(refusals) => {
                    refused = refused.take().or(refusals.into_iter().next());
                    None
                }
            }
        });
        let Some((bundle, checksums)) = checked.next() else {
            drop(checked);
            report.reasons.extend(refused);
            return None;
        };
        drop(checked);
        let accepted = shelf.decide(bundle.index, session).ok()?;
        let names = SignedNames::of_checksums(&accepted, &checksums)
            .map(|names| names.with_itself("SHA256SUMS", accepted.evidence()));
        match names {
            Ok(names) => Some(Self {
                names,
                decided_by: vec![bundle.index],
            }),
            Err(reason) => {
                report.reasons.push(Refusal::from(&reason));
                None
            }
        }
    }
}

/// Whether what verified is a signature over the bytes of the folder's checksums file.
pub(in super::super) fn signs_list(index: usize, folder: &Folder, shelf: &Shelf) -> bool {
    let signed = shelf.evidence(index).and_then(Evidence::message_digest);
    let list = folder.list();
    signed.is_some_and(|it| list.and_then(|list| list.digest(it.algorithm())) == Some(*it))
}

/// A release statement names the folder's files best; then what was asked for, then provenance.
fn rank(approval: &Approval) -> u8 {
    match approval {
        Approval::Release(_) => 0,
        Approval::Requested(_) => 1,
        Approval::Provenance(_) => 2,
        Approval::Published(_) => 3,
        Approval::Message => 4,
    }
}
