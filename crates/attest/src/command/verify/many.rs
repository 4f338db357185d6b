//! Many subjects. Files by themselves are verified on all cores: each core has a run of them, and a
//! shelf of its own, and what the shelves hold is put together as one would have held it.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::Path;
use std::sync::PoisonError;
use std::thread;

use attest_digest::hash_all;

use super::file::places;
use super::subject::Subject;
use super::{Session, Shelf, answer};
use crate::report::{EvidenceReport, EvidenceState, SubjectReport};

/// Answers every subject, in order, and says what became of all evidence.
pub(super) fn answers(
    subjects: &[Subject],
    session: &Session,
) -> (Vec<SubjectReport>, Vec<EvidenceReport>) {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let alone = |subject: &Subject| matches!(subject, Subject::File(_));
    if subjects.len() < WORTH_IT || !subjects.iter().all(alone) {
        return run(subjects, session);
    }
    let chunks: Vec<&[Subject]> = subjects.chunks(subjects.len().div_ceil(cores)).collect();
    let mut all = Together::default();
    for (subjects, evidence) in hash_all(0, &chunks, |chunk| run(chunk, session)) {
        all.add(subjects, evidence);
    }
    (all.subjects, all.evidence)
}

/// Fewer files are verified before the threads are there.
const WORTH_IT: usize = 16;

fn run(subjects: &[Subject], session: &Session) -> (Vec<SubjectReport>, Vec<EvidenceReport>) {
    let mut shelf = Shelf::new();
    let reports = subjects
        .iter()
        .map(|subject| {
            let _alone = is_large(subject, session)
                .then(|| session.large.lock().unwrap_or_else(PoisonError::into_inner));
            answer(subject, session, &mut shelf)
        })
        .collect();
    (reports, shelf.into_reports(&session.policy))
}

/// Whether evidence about a file is so large that memory allows for one such at a time.
fn is_large(subject: &Subject, session: &Session) -> bool {
    let Subject::File(path) = subject else {
        return false;
    };
    let size = |path: &Path| path.metadata().map_or(0, |it| it.len());
    places(path, session)
        .iter()
        .any(|it| size(&it.path) > LARGE)
}

/// Bytes of evidence that each core may hold beside the others.
const LARGE: u64 = 256 << 10;

#[derive(Default)]
struct Together {
    subjects: Vec<SubjectReport>,
    evidence: Vec<EvidenceReport>,
    by_place: BTreeMap<String, usize>,
}

impl Together {
    fn add(&mut self, subjects: Vec<SubjectReport>, evidence: Vec<EvidenceReport>) {
        let indices: Vec<usize> = evidence.into_iter().map(|one| self.evidence(one)).collect();
        for mut subject in subjects {
            subject.renumber(|old| indices.get(old).copied());
            self.subjects.push(subject);
        }
    }

    /// One line for each place: of two shelves that held the same, the one that looked closer.
    fn evidence(&mut self, one: EvidenceReport) -> usize {
        let next = self.evidence.len();
        let index = *self.by_place.entry(one.place.clone()).or_insert(next);
        match self.evidence.get_mut(index) {
            None => self.evidence.push(one),
            Some(known) if looked(&known.state) < looked(&one.state) => *known = one,
            Some(_) => {}
        }
        index
    }
}

fn looked(state: &EvidenceState) -> u8 {
    match state {
        EvidenceState::NotLookedAt => 0,
        EvidenceState::Unreadable(_) => 1,
        EvidenceState::Rejected(_) => 2,
        EvidenceState::Proven(_) => 3,
    }
}
