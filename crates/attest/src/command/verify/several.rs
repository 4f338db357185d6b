//! A folder that several people signed: what each of them says about it, put together.

use std::collections::BTreeMap;

use super::Session;
use super::approval;
use super::folder::Judged;
use super::shelf::Shelf;
use crate::failure::Exit;
use crate::report::{FileReport, Refusal, SubjectReport, Verdict};

/// The answer about a folder, from what the evidence of each signer says.
///
/// Those count whose evidence satisfies for the whole folder, and who say the same release. Only
/// bundles that name no files count for each file by itself.
pub(super) fn combine(
    first: Judged,
    others: Vec<Judged>,
    session: &Session,
    shelf: &Shelf,
) -> SubjectReport {
    let names = first.names || others.iter().any(|it| it.names);
    let mut reports = vec![first.report];
    reports.extend(others.into_iter().map(|it| it.report));
    let mut count = Count::new(&reports, session, shelf);
    if !names && session.accept_no_names {
        return each_by_itself(reports, &mut count);
    }
    let whole: Vec<usize> = (0..reports.len())
        .filter(|it| reports.get(*it).is_some_and(|it| it.exit() == Exit::Yes))
        .collect();
    let verdict = same_release(&whole, &reports).and_then(|()| count.enough(&whole));
    let approving: Vec<usize> = whole
        .iter()
        .filter_map(|it| reports.get(*it))
        .flat_map(|it| it.decided_by.clone())
        .collect();
    let by_path = by_path(&reports);
    let mut report = take_best(reports);
    if let Err(refusal) = verdict {
        let already = report.exit() != Exit::Yes;
        let told = tell(&mut report.files, &by_path, &mut count);
        if !already && !told {
            report.reasons.push(refusal);
        }
    }
    if !approving.is_empty() {
        approval::decided(approving, session, shelf, &mut report);
    }
    report
}

/// Each file counts by itself: its bundle binds no path, and so no folder.
fn each_by_itself(reports: Vec<SubjectReport>, count: &mut Count<'_>) -> SubjectReport {
    let by_path = by_path(&reports);
    let approving: Vec<usize> = reports
        .iter()
        .flat_map(|it| it.decided_by.clone())
        .collect();
    let without = reports.iter().any(|it| it.reasons.is_empty());
    let mut report = take_best(reports);
    if without {
        report.reasons.clear();
    }
    for file in &mut report.files {
        if by_path.contains_key(&file.path) {
            file.verdict = Verdict::Verified;
        }
    }
    tell(&mut report.files, &by_path, count);
    approval::decided(approving, count.session, count.shelf, &mut report);
    report
}

/// Refuses the files that too few signed; whether there is one.
fn tell(
    files: &mut [FileReport],
    by_path: &BTreeMap<String, Vec<usize>>,
    count: &mut Count<'_>,
) -> bool {
    let mut told = false;
    for file in files {
        let signed = by_path.get(&file.path).map(Vec::as_slice);
        if let (Verdict::Verified, Err(refusal)) =
            (&file.verdict, count.enough(signed.unwrap_or_default()))
        {
            file.verdict = Verdict::Rejected(refusal);
            told = true;
        }
    }
    told
}

/// For each path, by whose evidence it verified, as places in the reports.
fn by_path(reports: &[SubjectReport]) -> BTreeMap<String, Vec<usize>> {
    let mut paths: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, report) in reports.iter().enumerate() {
        let verified = report.files.iter();
        for file in verified.filter(|it| matches!(it.verdict, Verdict::Verified)) {
            paths.entry(file.path.clone()).or_default().push(place);
        }
    }
    paths
}

/// Those who say which release this is say the same one.
fn same_release(whole: &[usize], reports: &[SubjectReport]) -> Result<(), Refusal> {
    let reports = whole.iter().filter_map(|it| reports.get(*it));
    let mut said: Vec<&String> = reports.filter_map(|it| it.release.as_ref()).collect();
    said.dedup();
    match said.as_slice() {
        [one, other, ..] => Err(Refusal {
            code: "release-inconsistent",
            found: format!("{one} by one signer, {other} by another"),
            wanted: "one release".to_owned(),
        }),
        _ => Ok(()),
    }
}

/// The report that says yes, or else refuses least; the first of several.
fn take_best(mut reports: Vec<SubjectReport>) -> SubjectReport {
    let wrong = |report: &SubjectReport| {
        let files = report
            .files
            .iter()
            .filter(|it| matches!(it.verdict, Verdict::Rejected(_) | Verdict::Unreadable(_)));
        (
            report.exit() != Exit::Yes,
            files.count(),
            report.reasons.len(),
        )
    };
    let places = 0..reports.len();
    let best = places.min_by_key(|it| reports.get(*it).map(wrong));
    reports.swap_remove(best.unwrap_or_default())
}

/// Whether the signers of some of the reports are enough: asked once for each choice of them.
struct Count<'a> {
    /// One bundle of each signer.
    bundles: Vec<Option<usize>>,
    session: &'a Session,
    shelf: &'a Shelf,
    known: BTreeMap<Vec<usize>, Result<(), Refusal>>,
}

impl<'a> Count<'a> {
    fn new(reports: &[SubjectReport], session: &'a Session, shelf: &'a Shelf) -> Self {
        let bundles = reports.iter().map(|it| it.decided_by.first().copied());
        Self {
            bundles: bundles.collect(),
            session,
            shelf,
            known: BTreeMap::new(),
        }
    }

    fn enough(&mut self, reports: &[usize]) -> Result<(), Refusal> {
        if let Some(known) = self.known.get(reports) {
            return known.clone();
        }
        let bundles = reports.iter().filter_map(|it| self.bundles.get(*it));
        let bundles: Vec<usize> = bundles.copied().flatten().collect();
        let answer = approval::enough(&bundles, self.session, self.shelf);
        self.known.insert(reports.to_owned(), answer.clone());
        answer
    }
}
