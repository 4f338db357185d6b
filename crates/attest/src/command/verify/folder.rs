//! A folder: every file gets a verdict, against names that were signed for this folder.
//!
//! 1. List the folder, hash every file.
//! 2. Verify the bundles at its top.
//! 3. Take the signed names from one source: a release statement with its parts, else a requested
//!    statement, else provenance, else a signed checksums file.
//! 4. Exempt what this run verified as evidence, and pinned trust.
//! 5. Bind each path; name what is there unsigned, and what is signed and not there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use attest_digest::{Artifact, Hashes, Problem, ReadError, RelativePath, Root, WalkLimits};
use attest_policy::{
    Accepted, Approval, FileVerdict, Found, Outcome, Present, SignedNames, judge_folder,
    provenance_complete,
};
use attest_verify::Subject;

use super::Session;
use super::approval;
use super::evidence::{bundles_at_top, signed_name, signs_checksums};
use super::exempt;
use super::file::{file_name, is_unread_list, no_bundle, signed_checksums};
use super::several;
use super::shelf::{Asked, Shelf};
use crate::home::real;
use crate::report::{FileReport, Refusal, SubjectReport, Verdict};

pub(crate) fn verify(path: &Path, session: &Session, shelf: &mut Shelf) -> SubjectReport {
    let mut report = SubjectReport::new(path.display().to_string(), "folder");
    let bundles = load_bundles(path, session, shelf);
    match Folder::read(
        path,
        shelf.needed_hashes(bundles.iter().map(|it| it.index), session),
        session,
    ) {
        Ok(folder) => judge(&folder, &bundles, session, shelf, report),
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

/// A piece of evidence at the folder's top, or of `--bundle`.
#[derive(Debug, Clone)]
pub(super) struct Loaded {
    pub(super) index: usize,
    pub(super) path: PathBuf,
    /// Its path below the folder, when it lies there.
    pub(super) name: Option<RelativePath>,
    /// Whether it may approve: every bundle, or only those of `--bundle`.
    pub(super) approves: bool,
    /// Whether it is evidence of somebody else than the signer who is being judged by.
    pub(super) is_anothers: bool,
}

impl Loaded {
    /// The same bundle, approving only if it is of this party.
    fn of(&self, party: Option<&[usize]>, bundles: &Shelf) -> Self {
        let of_party = party.is_none_or(|party| party.contains(&self.index));
        let is_proven = bundles.evidence(self.index).is_some();
        Self {
            approves: self.approves && (of_party || !is_proven),
            is_anothers: self.approves && is_proven && !of_party,
            ..self.clone()
        }
    }
}

/// The bundles at the folder's top. With `--bundle` those alone approve; the others can still be
/// verified as evidence, so that they need no signature of their own.
fn load_bundles(folder: &Path, session: &Session, shelf: &mut Shelf) -> Vec<Loaded> {
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
            let approves = named.is_empty() || named.contains(&place);
            let pieces = shelf.load(&path);
            pieces.into_iter().map(move |index| Loaded {
                index,
                path: path.clone(),
                name: name.clone(),
                approves,
                is_anothers: false,
            })
        })
        .collect()
}

/// What stands in the folder, hashed.
pub(super) struct Folder {
    pub(super) files: BTreeMap<RelativePath, Result<Artifact, ReadError>>,
    refused: Vec<Refused>,
    /// Pinned trust, and why it needs no signature.
    pub(super) pinned: BTreeMap<RelativePath, String>,
    place: Place,
    /// Where it is on disk.
    root: Option<PathBuf>,
}

/// A name in the folder that no policy sees.
struct Refused {
    path: String,
    refusal: Refusal,
    /// The system would not say what it is: nothing is known of it, or of what lies below it.
    unreadable: bool,
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// Where the files of a folder are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Disk,
    Archive,
}

impl Folder {
    /// The files of a release in an archive.
    pub(super) fn archived(
        files: BTreeMap<RelativePath, Result<Artifact, ReadError>>,
        pinned: BTreeMap<RelativePath, String>,
    ) -> Self {
        Self {
            files,
            refused: Vec::new(),
            pinned,
            place: Place::Archive,
            root: None,
        }
    }

    fn read(path: &Path, hashes: Hashes, session: &Session) -> Result<Self, Refusal> {
        let unreadable = |code, found: String| Refusal {
            code,
            found,
            wanted: "a readable folder".to_owned(),
        };
        let root = Root::open(path).map_err(|error| unreadable(error.code(), error.to_string()))?;
        let tree = root
            .walk(&WalkLimits::default())
            .map_err(|error| unreadable(error.code(), error.to_string()))?;
        let paths: Vec<RelativePath> = tree.files().map(|(path, _)| path.clone()).collect();
        let artifacts = root.read_all(&paths, hashes);
        let refused = tree
            .refused()
            .map(|(path, problem)| Refused {
                path: path.as_str().to_owned(),
                unreadable: matches!(problem, Problem::Unreadable { .. }),
                refusal: Refusal {
                    code: problem.code(),
                    found: problem.to_string(),
                    wanted: "a regular file that can be signed".to_owned(),
                },
            })
            .collect();
        Ok(Self {
            files: paths.into_iter().zip(artifacts).collect(),
            refused,
            pinned: pinned_below(path, session),
            place: Place::Disk,
            root: Some(path.to_owned()),
        })
    }

    pub(super) fn artifact(&self, path: &RelativePath) -> Option<&Artifact> {
        self.files.get(path)?.as_ref().ok()
    }

    fn artifact_at(&self, name: &str) -> Option<&Artifact> {
        self.artifact(&RelativePath::parse(name).ok()?)
    }

    fn present(&self, exempt: &BTreeMap<RelativePath, String>) -> Vec<Present> {
        self.files
            .iter()
            .map(|(path, read)| {
                let found = match (read, exempt.get(path)) {
                    (Ok(artifact), Some(why)) => Found::Exempt {
                        why: why.clone(),
                        artifact: Some(artifact.clone()),
                    },
                    (Ok(artifact), None) => Found::Read(artifact.clone()),
                    (Err(error), _) => Found::Unreadable {
                        code: error.code(),
                        problem: error.to_string(),
                    },
                };
                Present {
                    path: path.clone(),
                    found,
                }
            })
            .collect()
    }

    /// The verdicts of the policy, and those about names that no policy sees.
    fn reports(&self, verdicts: Vec<FileVerdict>) -> Vec<FileReport> {
        let refused = self.refused.iter().map(|it| FileReport {
            path: it.path.clone(),
            verdict: if it.unreadable {
                Verdict::Unreadable(it.refusal.clone())
            } else {
                Verdict::Rejected(it.refusal.clone())
            },
            size: None,
            sha256: None,
        });
        // A refused name is there, though as nothing that could verify; and below a folder that
        // cannot be listed nothing can be told, not even that it is missing.
        let there = |path: &str| {
            let is_or_holds =
                |it: &Refused| it.path == path || (it.unreadable && is_below(path, &it.path));
            self.refused.iter().any(is_or_holds)
        };
        verdicts
            .into_iter()
            .filter(|verdict| {
                self.files.contains_key(&verdict.path) || !there(verdict.path.as_str())
            })
            .map(|verdict| file_report(verdict, |path| self.artifact(path)))
            .chain(refused)
            .collect()
    }
}

/// Pinned files that lie in the folder.
fn pinned_below(folder: &Path, session: &Session) -> BTreeMap<RelativePath, String> {
    let top = real(folder);
    let below = |(place, why): (&PathBuf, &String)| {
        let name = place.strip_prefix(&top).ok().and_then(Path::to_str)?;
        Some((RelativePath::parse(name).ok()?, why.clone()))
    };
    session.trust.pinned.iter().filter_map(below).collect()
}

/// A verdict of the policy with what is known of the file.
pub(super) fn file_report<'a>(
    verdict: FileVerdict,
    artifact: impl Fn(&RelativePath) -> Option<&'a Artifact>,
) -> FileReport {
    let artifact = artifact(&verdict.path);
    FileReport {
        path: verdict.path.as_str().to_owned(),
        size: artifact.map(Artifact::size),
        sha256: artifact.map(|artifact| artifact.sha256().hex()),
        verdict: match verdict.outcome {
            Outcome::Verified => Verdict::Verified,
            Outcome::Evidence { why } => Verdict::Evidence(why),
            Outcome::Extra => Verdict::Extra,
            Outcome::Rejected(reason) => Verdict::Rejected(Refusal::from(&reason)),
            Outcome::Unreadable { code, problem } => Verdict::Unreadable(Refusal {
                code,
                found: problem,
                wanted: "readable bytes".to_owned(),
            }),
        },
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
                let name = file_name(&bundle.path).and_then(signed_name)?;
                asked.subject = Some(Subject::Artifact(folder.artifact_at(name)?));
                asked.place = folder.root.as_ref().map(|root| root.join(name));
            }
            Some(asked)
        })
        .collect();
    shelf.prove_all(&asked, session);
}

/// Where the signed names come from.
pub(super) struct Source {
    pub(super) names: SignedNames,
    pub(super) decided_by: Vec<usize>,
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
    fn find(
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
            Stated::Nothing => Self::from_checksums(bundles, session, shelf, report),
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
        bundles: &[Loaded],
        session: &Session,
        shelf: &mut Shelf,
        report: &mut SubjectReport,
    ) -> Option<Self> {
        let mut refused = None;
        let mut checked = bundles
            .iter()
            .filter(|bundle| {
                bundle.approves && file_name(&bundle.path).is_some_and(signs_checksums)
            })
            .filter_map(|bundle| {
                match signed_checksums(bundle.index, &bundle.path, session, shelf) {
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
        .unwrap_or_else(no_bundle)
}
