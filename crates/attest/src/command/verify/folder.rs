//! A folder: every file gets a verdict, against names that were signed for this folder.
//!
//! 1. List the folder, hash every file.
//! 2. Verify the bundles at its top.
//! 3. Take the signed names from one source: a release statement with its parts, else a requested
//!    statement, else provenance, else a signed checksums file.
//! 4. Exempt what this run verified as evidence, and pinned trust.
//! 5. Bind each path; name what is there unsigned, and what is signed and not there.

mod bundles;
mod files;
mod source;

use std::collections::BTreeMap;
use std::path::Path;

use attest_digest::{Artifact, RelativePath};
use attest_policy::{Approval, FileVerdict, judge_folder, provenance_complete};
use attest_verify::Subject;

use super::Session;
use super::approval;
use super::evidence::signed_name;
use super::exempt;
use super::file::{file_name, is_unread_list, no_bundle};
use super::policy;
use super::several;
use super::shelf::{Asked, Shelf};
use crate::report::{FileReport, Refusal, SubjectReport, Verdict};

pub(super) use bundles::Loaded;
use bundles::load_bundles;
pub(super) use files::{Folder, LIST, file_report};
pub(super) use source::{Source, signs_list};

pub(crate) fn verify(path: &Path, session: &Session, shelf: &mut Shelf) -> SubjectReport {
    let mut report = SubjectReport::new(path.display().to_string(), "folder");
    let bundles = load_bundles(path, session, shelf);
    let hashes = shelf.needed_hashes(bundles.iter().map(|it| it.index), session);
    let hashes = match &session.judge {
        Some(judge) => judge.needed_hashes(hashes),
        None => hashes,
    };
    match Folder::read(path, hashes, session) {
        Ok(folder) => {
            let mut report = judge(&folder, &bundles, session, shelf, report);
            if let Some(judge) = &session.judge {
                policy::of_folder(&folder, &bundles, judge, session, shelf, &mut report);
            }
            report
        }
        Err(refusal) => {
            report.files.push(FileReport {
                path: path.display().to_string(),
                verdict: Verdict::Unreadable(refusal),
                size: None,
                sha256: None,
            });
            report
        }
    }
}

/// Judges the files of a folder, wherever they were read from, by the bundles at its top: those of
/// each signer for themselves, so that files which different people signed do not add up to one folder.
pub(super) fn judge(
    folder: &Folder,
    bundles: &[Loaded],
    session: &Session,
    shelf: &mut Shelf,
    report: SubjectReport,
) -> SubjectReport {
    prove(folder, bundles, session, shelf);
    let approving = bundles.iter().filter(|bundle| bundle.approves);
    let approving: Vec<usize> = approving.map(|bundle| bundle.index).collect();
    let mut parties = approval::by_signer(&approving, shelf).into_iter();
    let Some(first) = parties.next() else {
        return judge_by(None, folder, bundles, session, shelf, report).report;
    };
    let mut judged = Vec::new();
    for party in parties {
        let report = SubjectReport::new(report.subject.clone(), report.kind);
        judged.push(judge_by(
            Some(&party),
            folder,
            bundles,
            session,
            shelf,
            report,
        ));
    }
    let first = judge_by(Some(&first), folder, bundles, session, shelf, report);
    several::combine(first, judged, session, shelf)
}

/// What one signer's evidence says about a folder.
pub(super) struct Judged {
    pub(super) report: SubjectReport,
    /// Whether it names the files.
    pub(super) names: bool,
}

/// Judges by the bundles of one signer; of nobody, when none could be verified.
fn judge_by(
    signer: Option<&[usize]>,
    folder: &Folder,
    bundles: &[Loaded],
    session: &Session,
    shelf: &mut Shelf,
    mut report: SubjectReport,
) -> Judged {
    let bundles: Vec<Loaded> = bundles
        .iter()
        .map(|bundle| bundle.of(signer, shelf))
        .collect();
    let bundles = bundles.as_slice();
    let source = Source::find(folder, bundles, session, shelf, &mut report);
    let exempt = exempt::find(folder, bundles, source.as_ref(), shelf);
    let verdicts = match &source {
        Some(source) => {
            let parts = source.names.complete();
            let provenance = provenance_complete(
                bundles
                    .iter()
                    .filter(|bundle| !bundle.is_anothers)
                    .filter_map(|bundle| shelf.evidence(bundle.index)),
            );
            report
                .reasons
                .extend(parts.and(provenance).err().as_ref().map(Refusal::from));
            report.release = source.names.release().map(str::to_owned);
            report.decided_by.clone_from(&source.decided_by);
            judge_folder(
                &source.names,
                &folder.present(&exempt),
                &session.allow_extra,
                false,
            )
        }
        None => judge_without_names(folder, bundles, &exempt, session, shelf, &mut report),
    };
    report.files = folder.reports(verdicts);
    if source.is_none() && report.reasons.iter().any(is_unread) {
        could_not_tell(&mut report);
    }
    if report.reasons.is_empty()
        && report
            .files
            .iter()
            .all(|file| matches!(file.verdict, Verdict::Evidence(_) | Verdict::Extra))
    {
        report.reasons.push(Refusal {
            code: "nothing-verified",
            found: "no file that was signed".to_owned(),
            wanted: "at least one".to_owned(),
        });
    }
    let names = source.is_some();
    Judged { report, names }
}

/// Whether a refusal says that there is evidence that cannot be read.
fn is_unread(refusal: &Refusal) -> bool {
    is_unread_list(refusal) || refusal.code == "bundle-unreadable"
}

/// The evidence could not be read: nobody can say what it says about the files.
fn could_not_tell(report: &mut SubjectReport) {
    let Some(refusal) = report.reasons.pop() else {
        return;
    };
    for file in &mut report.files {
        if let Verdict::Rejected(reason) = &file.verdict
            && matches!(reason.code, "file-unattested" | "name-unbound")
        {
            file.verdict = Verdict::Unreadable(refusal.clone());
        }
    }
    if report
        .files
        .iter()
        .all(|file| !matches!(file.verdict, Verdict::Unreadable(_)))
    {
        report.files.push(FileReport {
            path: report.subject.clone(),
            verdict: Verdict::Unreadable(refusal),
            size: None,
            sha256: None,
        });
    }
}

/// Verifies each bundle: statements by themselves, message signatures over the file they are named
/// after.
fn prove(folder: &Folder, bundles: &[Loaded], session: &Session, shelf: &mut Shelf) {
    let asked: Vec<Asked<'_>> = bundles
        .iter()
        .filter_map(|bundle| {
            let mut asked = Asked {
                index: bundle.index,
                subject: None,
                place: None,
            };
            if !shelf.is_statement(bundle.index) {
                let (name, artifact) = signed_file(bundle, folder)?;
                asked.subject = Some(Subject::Artifact(artifact));
                asked.place = folder.root.as_ref().map(|root| root.join(name));
            }
            Some(asked)
        })
        .collect();
    shelf.prove_all(&asked, session);
}

/// The file that a message signature is over: the one that it is named after; of what `--bundle` names so also the
/// checksums file, which can bind the names of all.
fn signed_file<'a>(bundle: &'a Loaded, folder: &'a Folder) -> Option<(&'a str, &'a Artifact)> {
    let after = file_name(&bundle.path).and_then(signed_name);
    let after = after.and_then(|name| Some((name, folder.artifact_at(name)?)));
    let list = || Some((LIST, folder.list().filter(|_| bundle.is_named)?));
    after.or_else(list)
}

/// Without signed names: bundles that sign one file each bind no path.
fn judge_without_names(
    folder: &Folder,
    bundles: &[Loaded],
    exempt: &BTreeMap<RelativePath, String>,
    session: &Session,
    shelf: &Shelf,
    report: &mut SubjectReport,
) -> Vec<FileVerdict> {
    let signed: BTreeMap<RelativePath, usize> = bundles
        .iter()
        .filter(|bundle| bundle.approves)
        .filter(|bundle| {
            shelf
                .decide(bundle.index, session)
                .is_ok_and(|accepted| matches!(accepted.approval(), Approval::Message))
        })
        .filter_map(|bundle| {
            let path = RelativePath::parse(signed_name(bundle.name.as_ref()?.as_str())?).ok()?;
            // A link can make one bundle that of two files: it signs the one whose bytes it names.
            let signed = *shelf.evidence(bundle.index)?.message_digest()?;
            let here = folder.artifact(&path)?.digest(signed.algorithm())?;
            (here == signed).then_some((path, bundle.index))
        })
        .collect();
    if signed.is_empty() && report.reasons.is_empty() {
        report.reasons.push(if bundles.is_empty() {
            no_bundle()
        } else {
            nothing_approves(bundles, shelf)
        });
    }
    if session.accept_no_names {
        report.decided_by.extend(signed.values());
    }
    folder
        .present(exempt)
        .into_iter()
        .map(|file| {
            attest_policy::judge_unnamed(
                &file,
                signed.contains_key(&file.path),
                session.accept_no_names,
                &session.allow_extra,
            )
        })
        .collect()
}

fn nothing_approves(bundles: &[Loaded], shelf: &Shelf) -> Refusal {
    let refusals = |bundle: &Loaded| shelf.refusals(bundle.index);
    let unread = bundles.iter().find(|it| shelf.is_unreadable(it.index));
    unread
        .into_iter()
        .chain(bundles)
        .flat_map(refusals)
        .next()
        .unwrap_or_else(|| {
            let named = bundles.iter().find(|it| it.is_named);
            named.map_or_else(no_bundle, over_nothing_here)
        })
}

/// What `--bundle` names was looked at, and signs none of these files.
fn over_nothing_here(bundle: &Loaded) -> Refusal {
    Refusal {
        code: "subject-missing",
        found: format!("{}: a signature over no file here", bundle.path.display()),
        wanted: format!("one over the folder's {LIST}"),
    }
}
