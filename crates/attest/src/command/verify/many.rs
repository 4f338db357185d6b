//! Many subjects. Files by themselves are verified on all cores: each core has a run of them, and a
//! shelf of its own, and what the shelves hold is put together as one would have held it.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::thread;

use attest_digest::hash_all;

use super::evidence::{bundles_at_top, folders_up, places_for};
use super::shelf::Told;
use super::subject::Subject;
use super::{Session, Shelf, answer, file};
use crate::files;
use crate::report::{EvidenceReport, EvidenceState, SubjectReport};

/// Answers every subject, in order, and says what became of all evidence.
pub(super) fn answers(
    subjects: &[Subject],
    session: &Session,
) -> (Vec<SubjectReport>, Vec<EvidenceReport>) {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let alone = |subject: &Subject| matches!(subject, Subject::File(_));
    if subjects.len() < WORTH_IT || !subjects.iter().all(alone) || is_for_one(subjects, session) {
        return run(subjects, session);
    }
    let chunks: Vec<&[Subject]> = subjects.chunks(subjects.len().div_ceil(cores)).collect();
    let mut all = Together::default();
    for (subjects, evidence) in hash_all(0, &chunks, |chunk| run_told(chunk, session)) {
        all.add(subjects, evidence);
    }
    (all.subjects, all.evidence)
}

/// Fewer files are verified before the threads are there.
const WORTH_IT: usize = 16;

fn run(subjects: &[Subject], session: &Session) -> (Vec<SubjectReport>, Vec<EvidenceReport>) {
    let (reports, evidence) = run_told(subjects, session);
    let evidence = evidence.into_iter().map(|(_, report)| report);
    (reports, evidence.collect())
}

fn run_told(
    subjects: &[Subject],
    session: &Session,
) -> (Vec<SubjectReport>, Vec<(Told, EvidenceReport)>) {
    let mut shelf = Shelf::new();
    let reports = subjects
        .iter()
        .map(|subject| {
            let _alone = is_large(subject, session)
                .then(|| session.large.lock().unwrap_or_else(PoisonError::into_inner));
            answer(subject, session, &mut shelf)
        })
        .collect();
    (reports, shelf.into_told(&session.policy))
}

/// Whether evidence about a file is so large that memory allows for one such at a time.
fn is_large(subject: &Subject, session: &Session) -> bool {
    let Subject::File(path) = subject else {
        return false;
    };
    let mut places = file::places(path, session);
    if session.judge.is_some() && !session.bundles.is_empty() {
        // Beside a policy `--bundle` takes the place of nothing.
        places.extend(places_for(path, &session.neighbours));
    }
    places.iter().any(|it| size(&it.path) > LARGE)
}

/// Whether one core is to do it all: beside a policy each file has all evidence of its folder looked at, and what is
/// large of it would be in the memory of each core, or was.
fn is_for_one(subjects: &[Subject], session: &Session) -> bool {
    if session.judge.is_none() {
        return false;
    }
    let files = subjects.iter().filter_map(|it| match it {
        Subject::File(path) => Some((files::folder_of(path), path)),
        _ => None,
    });
    let one_of_each: BTreeMap<PathBuf, &PathBuf> = files.collect();
    let folders = one_of_each.values().flat_map(|it| folders_up(it));
    let shared = folders.flat_map(|it| bundles_at_top(&it));
    let mut all = shared.chain(session.bundles.iter().cloned());
    all.any(|it| size(&it) > LARGE)
}

fn size(path: &Path) -> u64 {
    path.metadata().map_or(0, |it| it.len())
}

/// Bytes of evidence that each core may hold beside the others.
const LARGE: u64 = 256 << 10;

#[derive(Default)]
struct Together {
    subjects: Vec<SubjectReport>,
    evidence: Vec<EvidenceReport>,
    known: BTreeMap<Told, usize>,
}

impl Together {
    fn add(&mut self, subjects: Vec<SubjectReport>, evidence: Vec<(Told, EvidenceReport)>) {
        let evidence = evidence.into_iter();
        let indices: Vec<usize> = evidence.map(|(at, it)| self.evidence(at, it)).collect();
        for mut subject in subjects {
            subject.renumber(|old| indices.get(old).copied());
            self.subjects.push(subject);
        }
    }

    /// One line for each piece: of two shelves that held the same, the one that looked closer.
    fn evidence(&mut self, told: Told, one: EvidenceReport) -> usize {
        let next = self.evidence.len();
        let index = *self.known.entry(told).or_insert(next);
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
