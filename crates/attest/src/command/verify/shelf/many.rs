//! Many pieces at once, on all cores.

use std::collections::BTreeMap;
use std::path::PathBuf;

use attest_digest::{Algorithm, Hashes, hash_all};
use attest_verify::Subject;

use super::claims::Claims;
use super::{Item, Outcome, Shelf, outcome};
use crate::command::verify::Session;

/// A piece to be proven.
pub(crate) struct Asked<'a> {
    pub(crate) index: usize,
    /// What its signature is over; none for a statement.
    pub(crate) subject: Option<Subject<'a>>,
    /// Where the bytes of the subject lie.
    pub(crate) place: Option<PathBuf>,
}

impl Shelf {
    /// The digests of a file that judging it by these pieces needs. Read from claims, which decide
    /// nothing by it: without a digest that is needed the answer is no.
    pub(crate) fn needed_hashes(
        &self,
        indices: impl IntoIterator<Item = usize>,
        session: &Session,
    ) -> Hashes {
        let items = indices.into_iter().filter_map(|it| self.items.get(it));
        items.fold(Hashes::Sha256, |hashes, item| match &item.claims {
            _ if item.is_statement && item.hashes == Hashes::All => Hashes::All,
            _ if item.is_statement => hashes.with(Algorithm::Sha512),
            Some(Claims::Bundle(bundle)) => match bundle.needed_hashes(session.policy.signers()) {
                Hashes::Sha256 => hashes,
                Hashes::Sha256AndSha384 => hashes.with(Algorithm::Sha384),
                Hashes::Sha256AndSha512 => hashes.with(Algorithm::Sha512),
                Hashes::All => Hashes::All,
            },
            None if item.size > 0 && !item.is_detached => Hashes::All,
            // Detached signatures are over the bytes themselves, and are given them.
            Some(Claims::Detached(_)) | None => hashes,
        })
    }

    /// Verifies many pieces: statements by themselves, the others over what they are asked about.
    /// Pieces that are not held are read again one at a time, for they are large.
    pub(crate) fn prove_all(&mut self, asked: &[Asked<'_>], session: &Session) {
        let mut times: BTreeMap<usize, usize> = BTreeMap::new();
        for one in asked {
            *times.entry(one.index).or_default() += 1;
        }
        let is_once = |one: &&Asked<'_>| times.get(&one.index) == Some(&1);
        let at_once: Vec<&Asked<'_>> = asked
            .iter()
            .filter(is_once)
            .filter(|one| {
                let item = self.items.get(one.index);
                item.is_some_and(|item| item.waits_for(one))
            })
            .collect();
        let outcomes = hash_all(0, &at_once, |one| {
            self.items.get(one.index)?.judge(one, session)
        });
        let mut proven = BTreeMap::new();
        for (one, outcome) in at_once.into_iter().zip(outcomes) {
            proven.extend(outcome.map(|outcome| (one.index, outcome)));
        }
        for one in asked {
            match (proven.remove(&one.index), &one.subject) {
                (Some(outcome), _) => self.settle(one.index, outcome),
                (None, Some(subject)) => {
                    self.prove_over(one.index, subject, one.place.as_deref(), session);
                }
                (None, None) => self.prove_statement(one.index, session),
            }
        }
    }

    fn settle(&mut self, index: usize, outcome: Outcome) {
        let Some(item) = self.items.get_mut(index) else {
            return;
        };
        item.outcome = outcome;
        // A statement is verified once, and its claims are wanted no more.
        if item.is_statement && item.claims.take().is_some() {
            self.held = self.held.saturating_sub(item.size);
        }
    }
}

impl Item {
    fn waits_for(&self, asked: &Asked<'_>) -> bool {
        matches!(self.claims, Some(Claims::Bundle(_)))
            && matches!(self.outcome, Outcome::Pending)
            && self.is_statement == asked.subject.is_none()
    }

    fn judge(&self, asked: &Asked<'_>, session: &Session) -> Option<Outcome> {
        let Some(Claims::Bundle(bundle)) = &self.claims else {
            return None;
        };
        let signers = session.policy.signers();
        let verified = match &asked.subject {
            Some(subject) => session.verifier.verify(bundle, subject, signers),
            None => session.verifier.verify_statement(bundle, signers),
        };
        Some(outcome(verified, session))
    }
}
