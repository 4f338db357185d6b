//! One file or digest by itself: bound by its digest, from the first evidence that satisfies.

use std::path::{Path, PathBuf};

use attest_digest::{Algorithm, Artifact, Checksums, Digest, Hashes, ReadError, RelativePath};
use attest_policy::{Bytes, checksums_names, statement_names, statement_signs_for};
use attest_provenance::predicate::publish;
use attest_verify::Subject;

use super::Session;
use super::approval;
use super::evidence::{Place, Role, places_for, signed_name};
use super::folder::{Folder, LIST};
use super::shelf::Shelf;
use super::sums::Claimed;
use crate::files;
use crate::report::{FileReport, Refusal, SubjectReport, Verdict};

/// Verifies a file's bytes.
pub(crate) fn verify(path: &Path, session: &Session, shelf: &mut Shelf) -> SubjectReport {
    let places = places(path, session);
    let loaded: Vec<(usize, Role, &Path)> = places
        .iter()
        .flat_map(|place| {
            let pieces = shelf.load(&place.path).into_iter();
            pieces.map(|index| (index, place.role, place.path.as_path()))
        })
        .collect();
    let mut hashes = shelf.needed_hashes(loaded.iter().map(|(index, ..)| *index), session);
    if loaded.iter().any(|(_, role, _)| *role == Role::Checksums) {
        hashes = hashes.with(Algorithm::Sha512);
    }
    let mut report = SubjectReport::new(path.display().to_string(), "file");
    let artifact = match Artifact::read_path(path, hashes) {
        Ok(artifact) => artifact,
        Err(error) => {
            report
                .files
                .push(FileReport::unreadable(path.display().to_string(), &error));
            return report;
        }
    };
    let asked = Asked {
        bytes: Bytes::Read(&artifact),
        subject: Subject::Artifact(&artifact),
        name: file_name(path),
        path: Some(path),
    };
    let verdict = decide(&loaded, &asked, session, shelf, &mut report);
    report.files.push(FileReport {
        path: path.display().to_string(),
        verdict,
        size: Some(artifact.size()),
        sha256: Some(artifact.sha256().hex()),
    });
    report
}

/// Verifies a digest: only by the bundles that flags named.
pub(crate) fn verify_digest(digest: Digest, session: &Session, shelf: &mut Shelf) -> SubjectReport {
    let mut report = SubjectReport::new(digest.to_string(), "digest");
    report
        .notes
        .push("no bytes were read: that this digest is the artifact's is your word".to_owned());
    let bundles = session.bundles.iter();
    let loaded: Vec<(usize, Role, &Path)> = bundles
        .flat_map(|bundle| {
            let pieces = shelf.load(bundle).into_iter();
            pieces.map(|index| (index, Role::Named, bundle.as_path()))
        })
        .collect();
    let asked = Asked {
        bytes: Bytes::Given(digest),
        subject: Subject::Digest(digest),
        name: None,
        path: None,
    };
    let verdict = decide(&loaded, &asked, session, shelf, &mut report);
    report.files.push(FileReport {
        path: digest.to_string(),
        verdict,
        size: None,
        sha256: Some(digest.hex()),
    });
    report
}

/// The places where evidence about a file is looked for: only `--bundle` if it is given.
pub(super) fn places(path: &Path, session: &Session) -> Vec<Place> {
    if session.bundles.is_empty() {
        return places_for(path, &session.neighbours);
    }
    let named = |bundle: &PathBuf| Place {
        path: bundle.clone(),
        role: Role::Named,
    };
    session.bundles.iter().map(named).collect()
}

/// What is asked about: bytes, the name that the file has here, and where they can be read again.
struct Asked<'a> {
    bytes: Bytes<'a>,
    subject: Subject<'a>,
    name: Option<&'a str>,
    path: Option<&'a Path>,
}

/// What evidence says about bytes: yes, under which name and with what to note; or why not.
type Answer = Result<Option<String>, Vec<Refusal>>;

fn decide(
    loaded: &[(usize, Role, &Path)],
    asked: &Asked<'_>,
    session: &Session,
    shelf: &mut Shelf,
    report: &mut SubjectReport,
) -> Verdict {
    let mut refused: Vec<Refusal> = Vec::new();
    let mut unreadable = None;
    let mut approving = Vec::new();
    for (index, role, path) in loaded {
        let answer = match role {
            Role::Checksums => listed(*index, path, asked, session, shelf),
            _ if shelf.is_statement(*index) => stated(*index, asked, session, shelf, report),
            _ => signed(*index, asked, session, shelf),
        };
        match answer {
            Ok(name) => {
                note_name(name.as_deref(), asked.name, report);
                approving.push(*index);
                if approval::enough(&approving, session, shelf).is_ok() {
                    approval::decided(approving, session, shelf, report);
                    return Verdict::Verified;
                }
            }
            Err(refusals) if shelf.is_unreadable(*index) || refusals.iter().any(is_unread_list) => {
                unreadable = unreadable.or(refusals.into_iter().next());
            }
            // Of the expected signer, and of another build: this is what the reader asked about.
            Err(refusals) if session.policy.is_specific() && shelf.evidence(*index).is_some() => {
                refused.splice(0..0, refusals);
            }
            Err(refusals) => refused.extend(refusals),
        }
    }
    if let Err(refusal) = approval::enough(&approving, session, shelf)
        && !approving.is_empty()
    {
        approval::decided(approving, session, shelf, report);
        refused.insert(0, refusal);
    }
    match (most_telling(refused), unreadable) {
        (_, Some(refusal)) if !session.bundles.is_empty() => Verdict::Unreadable(refusal),
        (Some(refusal), _) => Verdict::Rejected(refusal),
        (None, Some(refusal)) => Verdict::Unreadable(refusal),
        (None, None) => Verdict::Rejected(no_bundle()),
    }
}

/// A statement that has these bytes among its subjects.
fn stated(
    index: usize,
    asked: &Asked<'_>,
    session: &Session,
    shelf: &mut Shelf,
    report: &mut SubjectReport,
) -> Answer {
    shelf.prove_statement(index, session);
    let accepted = shelf.decide(index, session)?;
    let Some(statement) = accepted.evidence().statement() else {
        return Err(Vec::new());
    };
    let name = statement_names(statement, asked.bytes, asked.name)
        .map_err(|reason| vec![Refusal::from(&reason)])?;
    let names_file = statement.predicate_type() == publish::PYPI || shelf.names_file(index);
    if let Some(here) = asked.name.filter(|here| names_file && Some(*here) != name) {
        let found = format!("a distribution signed as {}", name.unwrap_or_default());
        return Err(vec![Refusal {
            code: "name-mismatch",
            found,
            wanted: here.to_owned(),
        }]);
    }
    if let attest_policy::Approval::Release(release) = accepted.approval() {
        report.release = Some(
            release
                .name()
                .map_or_else(|| release.purl().to_owned(), ToString::to_string),
        );
    }
    Ok(name.map(str::to_owned))
}

/// A signature over the bytes themselves.
fn signed(index: usize, asked: &Asked<'_>, session: &Session, shelf: &mut Shelf) -> Answer {
    shelf.prove_over(index, &asked.subject, asked.path, session);
    shelf.decide(index, session).map(|_| None)
}

/// A signed checksums file that lists these bytes.
fn listed(
    index: usize,
    bundle: &Path,
    asked: &Asked<'_>,
    session: &Session,
    shelf: &mut Shelf,
) -> Answer {
    let (list, checksums) = signed_checksums(index, bundle, session, shelf)?;
    let accepted = shelf.decide(index, session)?;
    if !session.policy.approves_what_is_listed(&accepted) {
        return Err(vec![said_of_the_list()]);
    }
    let name = checksums_names(&checksums, asked.bytes, asked.name)
        .map_err(|reason| vec![Refusal::from(&reason)])?;
    // A statement that signs the list and says something else of the file contradicts it.
    let claimed = Claimed::by(
        accepted.evidence().statement().into_iter(),
        &list,
        &checksums,
    );
    let path = RelativePath::parse(name).ok();
    match path.and_then(|it| claimed.refuses(&it, |set| asked.bytes.compare(set))) {
        Some(refusal) => Err(vec![refusal]),
        None => Ok(Some(name.to_owned())),
    }
}

/// What was asked for is said of a list alone.
pub(super) fn said_of_the_list() -> Refusal {
    Refusal {
        code: "subject-missing",
        found: "a statement about a checksums file".to_owned(),
        wanted: "statements about the files that it lists".to_owned(),
    }
}

/// The `SHA256SUMS` that a bundle named after it signs: read, verified and parsed.
pub(super) fn signed_checksums(
    index: usize,
    bundle: &Path,
    session: &Session,
    shelf: &mut Shelf,
) -> Result<(Artifact, Checksums), Vec<Refusal>> {
    let list = List::named_by(bundle)?;
    let subject = (&list.artifact, list.path.as_path());
    prove_signed_for(index, subject, &[list.name], session, shelf)?;
    list.parse()
}

/// The same of a folder's own, wherever the bundle lies and whatever it is called.
pub(super) fn signed_checksums_of(
    folder: &Folder,
    index: usize,
    session: &Session,
    shelf: &mut Shelf,
) -> Result<(Artifact, Checksums), Vec<Refusal>> {
    let list = List::at_top_of(folder)?;
    let subject = (&list.artifact, list.path.as_path());
    prove_signed_for(index, subject, &[list.name], session, shelf)?;
    list.parse()
}

/// The same, signed as bytes by whomever a policy trusts: for what it counts, each of its rules says by itself.
pub(super) fn checksums_signed_as_bytes(
    index: usize,
    bundle: &Path,
    session: &Session,
    shelf: &mut Shelf,
) -> Result<Checksums, Vec<Refusal>> {
    let list = List::named_by(bundle)?;
    let subject = Subject::Artifact(&list.artifact);
    shelf.prove_over(index, &subject, Some(&list.path), session);
    match shelf.evidence(index) {
        Some(_) => list.parse().map(|(_, checksums)| checksums),
        None => Err(shelf.refusals(index)),
    }
}

/// A checksums file beside the bundle that is named after it.
struct List<'a> {
    name: &'a str,
    path: PathBuf,
    artifact: Artifact,
}

impl<'a> List<'a> {
    fn named_by(bundle: &'a Path) -> Result<Self, Vec<Refusal>> {
        let name = file_name(bundle)
            .and_then(signed_name)
            .ok_or_else(Vec::new)?;
        let path = files::folder_of(bundle).join(name);
        let artifact = Artifact::read_path(&path, Hashes::All).map_err(|it| unread_list(&it))?;
        Ok(Self {
            name,
            path,
            artifact,
        })
    }

    /// As it was hashed with the other files of its folder.
    fn at_top_of(folder: &Folder) -> Result<Self, Vec<Refusal>> {
        let path = folder.root.clone().unwrap_or_default().join(LIST);
        let artifact = match folder.list() {
            Some(artifact) => Ok(artifact.clone()),
            None => Artifact::read_path(&path, Hashes::All),
        };
        Ok(Self {
            name: LIST,
            path,
            artifact: artifact.map_err(|it| unread_list(&it))?,
        })
    }

    /// What it lists, once it is proven: nobody else's list is worth its memory.
    fn parse(self) -> Result<(Artifact, Checksums), Vec<Refusal>> {
        let bytes = read_again(&self.path, &self.artifact).map_err(|it| unread_list(&it))?;
        let checksums = Checksums::parse(&bytes, Algorithm::Sha256).map_err(|error| {
            vec![Refusal {
                code: "checksums-malformed",
                found: error.to_string(),
                wanted: "lines of sha256sum or openssl dgst".to_owned(),
            }]
        })?;
        Ok((self.artifact, checksums))
    }
}

fn unread_list(error: &ReadError) -> Vec<Refusal> {
    // One that is not there says nothing; one that cannot be read might.
    let wanted = match error {
        ReadError::NotFound { .. } => "the checksums file that was signed",
        _ => READABLE_LIST,
    };
    vec![Refusal {
        code: "checksums-unreadable",
        found: error.to_string(),
        wanted: wanted.to_owned(),
    }]
}

/// Whether a refusal says that a signed list is there and cannot be read: then what it says about a
/// file could not be told.
pub(super) fn is_unread_list(refusal: &Refusal) -> bool {
    refusal.code == "checksums-unreadable" && refusal.wanted == READABLE_LIST
}

const READABLE_LIST: &str = "a readable checksums file";

/// Proves that a bundle signs these bytes: as a statement, for one of these paths. What is signed
/// for another path, such as the checksums of what was taken in from elsewhere, lists nothing here.
pub(super) fn prove_signed_for(
    index: usize,
    (artifact, place): (&Artifact, &Path),
    paths: &[&str],
    session: &Session,
    shelf: &mut Shelf,
) -> Result<(), Vec<Refusal>> {
    if shelf.is_statement(index) {
        shelf.prove_statement(index, session);
    } else {
        shelf.prove_over(index, &Subject::Artifact(artifact), Some(place), session);
    }
    let accepted = shelf.decide(index, session)?;
    match accepted.evidence().statement() {
        Some(statement) => statement_signs_for(statement, Bytes::Read(artifact), paths)
            .map_err(|reason| vec![Refusal::from(&reason)]),
        None => Ok(()),
    }
}

/// The bytes of a checksums file that was hashed before: the very bytes that were verified.
pub(super) fn read_again(path: &Path, artifact: &Artifact) -> Result<Vec<u8>, ReadError> {
    let bytes = files::read_limited(path, attest_digest::limits::CHECKSUMS_BYTES as u64)
        .map_err(|source| ReadError::from(source).at(path))?;
    if Artifact::of_bytes(&bytes, Hashes::Sha256).sha256() != artifact.sha256() {
        return Err(ReadError::Changed {
            path: Some(path.to_owned()),
        });
    }
    Ok(bytes)
}

/// The refusal to show first: one about these very bytes, else the first.
pub(super) fn most_telling(mut refused: Vec<Refusal>) -> Option<Refusal> {
    let about_others = |refusal: &Refusal| {
        matches!(
            refusal.code,
            "subject-missing" | "checksums-unreadable" | "dialect-unsupported" | "dialect-unknown"
        )
    };
    let first = refused
        .iter()
        .position(|refusal| !about_others(refusal))
        .unwrap_or(0);
    (first < refused.len()).then(|| refused.swap_remove(first))
}

pub(super) fn no_bundle() -> Refusal {
    Refusal {
        code: "bundle-missing",
        found: "no bundle".to_owned(),
        wanted: "evidence beside the subject, or --bundle FILE".to_owned(),
    }
}

fn note_name(signed: Option<&str>, here: Option<&str>, report: &mut SubjectReport) {
    if let (Some(signed), Some(here)) = (signed, here)
        && signed.rsplit('/').next() != Some(here)
    {
        report
            .notes
            .push(format!("these bytes were signed under the name {signed}"));
    }
}

pub(super) fn file_name(path: &Path) -> Option<&str> {
    path.file_name().and_then(|name| name.to_str())
}

impl FileReport {
    /// A file about whose bytes nothing can be said.
    pub(super) fn unreadable(path: String, error: &ReadError) -> Self {
        let refusal = Refusal {
            code: error.code(),
            found: error.to_string(),
            wanted: "readable bytes".to_owned(),
        };
        Self {
            path,
            verdict: Verdict::Unreadable(refusal),
            size: None,
            sha256: None,
        }
    }
}
