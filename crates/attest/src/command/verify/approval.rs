//! Whether enough different signers have approved.

use attest_policy::Signers;
use attest_verify::Evidence;

use super::Session;
use super::shelf::Shelf;
use crate::report::{Approvals, Refusal, SubjectReport};

/// Whether these bundles, all of which approve, are of as many signers as are required.
pub(super) fn enough(indices: &[usize], session: &Session, shelf: &Shelf) -> Result<(), Refusal> {
    let signers = session.policy.signers();
    let enough = signers.enough(&evidence(indices, shelf));
    enough.map_err(|reason| Refusal::from(&reason))
}

/// Says in the report which bundles approve, and of how many signers they are.
pub(super) fn decided(
    indices: Vec<usize>,
    session: &Session,
    shelf: &Shelf,
    report: &mut SubjectReport,
) {
    let evidence = evidence(&indices, shelf);
    let signers = session.policy.signers();
    report.approvals = Some(Approvals {
        found: signers.count(&evidence),
        wanted: signers.required(),
        by: evidence
            .iter()
            .zip(&indices)
            .map(|(it, index)| (it.signer().to_string(), *index))
            .collect(),
    });
    report.decided_by = indices;
}

/// The bundles of each signer, in the order in which the signers first appear. What was not verified
/// is of nobody.
pub(super) fn by_signer(indices: &[usize], shelf: &Shelf) -> Vec<Vec<usize>> {
    let mut proven = Vec::new();
    let mut evidence = Vec::new();
    for index in indices {
        if let Some(one) = shelf.evidence(*index) {
            proven.push(*index);
            evidence.push(one);
        }
    }
    let of_person = |person: Vec<usize>| {
        let indices = person.into_iter().filter_map(|it| proven.get(it).copied());
        indices.collect()
    };
    Signers::people(&evidence)
        .into_iter()
        .map(of_person)
        .collect()
}

fn evidence<'s>(indices: &[usize], shelf: &'s Shelf) -> Vec<&'s Evidence> {
    let evidence = indices.iter().map(|index| shelf.evidence(*index));
    evidence.flatten().collect()
}
