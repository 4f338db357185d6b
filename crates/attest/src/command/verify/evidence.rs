//! Bundles: where they are looked for, and what was made of each in this run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use attest_digest::{Artifact, Digest, Hashes};
use attest_policy::{Accepted, Decision};
use attest_verify::{Bundle, Content, Evidence, Subject};

use super::Session;
use crate::files;
use crate::home::real;
use crate::report::{self, EvidenceReport, EvidenceState, Refusal};

/// A place where a bundle for a file may lie.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    pub(crate) role: Role,
}

/// As what a bundle was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Named after the file.
    Own,
    /// A release or provenance statement of the folder or a parent.
    Shared,
    /// The signature of a checksums file that may list the file.
    Checksums,
    /// Named by `--bundle`.
    Named,
}

/// Suffixes of bundles that belong to one file, as the field writes them.
const OWN: &[&str] = &[
    ".sigstore.json",
    ".sigstore",
    ".sigstore.jsonl",
    ".intoto.jsonl",
    ".provenance",
    ".publish.attestation",
    ".slsa.attestation",
    ".asc",
    ".sig",
    ".minisig",
];

/// The places for one file that hold something: beside it, then statements beside it and in parent
/// folders up to the current one.
pub(crate) fn places_for(file: &Path) -> Vec<Place> {
    let mut places = Vec::new();
    for suffix in OWN {
        let path = with_suffix(file, suffix);
        if path.is_file() {
            places.push(Place {
                path,
                role: Role::Own,
            });
        }
    }
    for folder in folders_up(file) {
        for path in bundles_at_top(&folder) {
            let Some(name) = name_of(&path) else { continue };
            let role = match shared_role(name) {
                Some(role) if places.iter().all(|place| place.path != path) => role,
                _ => continue,
            };
            places.push(Place { path, role });
        }
    }
    places
}

/// Every file at the top of a folder that is named like a bundle, in order.
pub(crate) fn bundles_at_top(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| folder.join(entry.file_name()))
        .filter(|path| name_of(path).is_some_and(is_bundle_name) && path.is_file())
        .collect();
    paths.sort();
    paths
}

/// Whether a file is named like a Sigstore bundle.
pub(crate) fn is_bundle_name(name: &str) -> bool {
    [".sigstore.json", ".sigstore"]
        .iter()
        .any(|suffix| name.len() > suffix.len() && name.ends_with(suffix))
}

/// The name without its bundle suffix: the file that a bundle named like this signs.
pub(crate) fn signed_name(name: &str) -> Option<&str> {
    name.strip_suffix(".sigstore.json")
        .or_else(|| name.strip_suffix(".sigstore"))
}

fn shared_role(name: &str) -> Option<Role> {
    let stem = name.strip_suffix(".sigstore.json")?;
    if stem == "SHA256SUMS" {
        return Some(Role::Checksums);
    }
    (stem.starts_with("release") || stem.starts_with("provenance")).then_some(Role::Shared)
}

/// The file's folder and its parents up to the current folder; only its own folder when it does not
/// lie below the current one.
pub(crate) fn folders_up(file: &Path) -> Vec<PathBuf> {
    let folder = files::folder_of(file);
    let here = real(Path::new("."));
    let place = real(&folder);
    let Ok(below) = place.strip_prefix(&here) else {
        return vec![folder];
    };
    let steps = below.components().count();
    let mut folders = vec![folder.clone()];
    folders.extend((1..=steps).map(|up| {
        let mut path = folder.clone();
        path.extend(std::iter::repeat_n("..", up));
        path
    }));
    folders
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn name_of(path: &Path) -> Option<&str> {
    path.file_name().and_then(|name| name.to_str())
}

/// All bundles of a run: each is read, parsed and, as a statement, verified once.
///
/// A folder can hold any number of bundles that nobody signed. Their claims are held only up to
/// [`HELD_BYTES`]; what is beyond is read again when it is verified.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    items: Vec<Item>,
    by_path: BTreeMap<PathBuf, usize>,
    held: usize,
}

/// Bytes of bundles that are held between reading and verifying them.
const HELD_BYTES: usize = 4 << 20;

#[derive(Debug)]
struct Item {
    place: PathBuf,
    bundle: Option<Bundle>,
    is_statement: bool,
    /// Bytes of the bundle; none if it is not one.
    size: usize,
    digest: Option<Digest>,
    outcome: Outcome,
    /// What was verified about an earlier subject: the report must still say so.
    earlier: Option<Box<Evidence>>,
}

/// What was read of a bundle.
struct Taken {
    bundle: Option<Bundle>,
    size: usize,
    digest: Option<Digest>,
    outcome: Outcome,
}

#[derive(Debug)]
enum Outcome {
    Pending,
    Proven(Box<Evidence>),
    Rejected(Vec<Refusal>),
    Unreadable(Refusal),
}

impl Shelf {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Takes a bundle in and gives its number, the same each time.
    pub(crate) fn load(&mut self, path: &Path) -> usize {
        let key = real(path);
        if let Some(index) = self.by_path.get(&key) {
            return *index;
        }
        let mut taken = read(path);
        let is_statement = taken.bundle.as_ref().is_some_and(is_statement);
        if self.held.saturating_add(taken.size) > HELD_BYTES {
            taken.bundle = None;
        }
        let index = self.push(path.to_owned(), is_statement, taken);
        self.by_path.insert(key, index);
        index
    }

    /// Takes in a bundle that lies in no folder: its bytes, or why they cannot be had.
    pub(crate) fn take(&mut self, place: PathBuf, bytes: Result<Vec<u8>, Refusal>) -> usize {
        let taken = match bytes {
            Ok(bytes) => parse(&bytes),
            Err(refusal) => Taken::refused(Outcome::Rejected(vec![refusal])),
        };
        let is_statement = taken.bundle.as_ref().is_some_and(is_statement);
        self.push(place, is_statement, taken)
    }

    fn push(&mut self, place: PathBuf, is_statement: bool, taken: Taken) -> usize {
        if taken.bundle.is_some() {
            self.held = self.held.saturating_add(taken.size);
        }
        self.items.push(Item {
            place,
            is_statement,
            bundle: taken.bundle,
            size: taken.size,
            digest: taken.digest,
            outcome: taken.outcome,
            earlier: None,
        });
        self.items.len() - 1
    }

    /// Whether the bundle holds a statement rather than a message signature.
    pub(crate) fn is_statement(&self, index: usize) -> bool {
        self.items.get(index).is_some_and(|item| item.is_statement)
    }

    /// The digest of the bytes that were read.
    pub(crate) fn digest(&self, index: usize) -> Option<Digest> {
        self.items.get(index)?.digest
    }

    /// Verifies the statement in a bundle, once.
    pub(crate) fn prove_statement(&mut self, index: usize, session: &Session) {
        let Some(item) = self.items.get_mut(index) else {
            return;
        };
        if !item.is_statement || !matches!(item.outcome, Outcome::Pending) {
            return;
        }
        if item.bundle.is_some() {
            self.held = self.held.saturating_sub(item.size);
        }
        item.outcome = match item.claims() {
            Ok(bundle) => outcome(
                session
                    .verifier
                    .verify_statement(&bundle, session.policy.signers()),
            ),
            Err(outcome) => outcome,
        };
    }

    /// Verifies a message signature over this subject. The evidence is about the last subject that
    /// was asked about: two names can lead to one bundle.
    pub(crate) fn prove_message(&mut self, index: usize, subject: &Subject<'_>, session: &Session) {
        let Some(item) = self.items.get_mut(index) else {
            return;
        };
        if item.is_statement || item.size == 0 {
            return;
        }
        let held = item.bundle.is_some();
        if let Outcome::Proven(evidence) = std::mem::replace(&mut item.outcome, Outcome::Pending) {
            item.earlier.get_or_insert(evidence);
        }
        item.outcome = match item.claims() {
            Ok(bundle) => {
                let verified = session
                    .verifier
                    .verify(&bundle, subject, session.policy.signers());
                item.bundle = held.then_some(bundle);
                outcome(verified)
            }
            Err(outcome) => outcome,
        };
    }

    /// The evidence, when it was verified.
    pub(crate) fn evidence(&self, index: usize) -> Option<&Evidence> {
        match &self.items.get(index)?.outcome {
            Outcome::Proven(evidence) => Some(evidence),
            _ => None,
        }
    }

    /// Everything that was verified.
    pub(crate) fn proven(&self) -> impl Iterator<Item = &Evidence> {
        (0..self.items.len()).filter_map(|index| self.evidence(index))
    }

    /// The evidence if it was verified and the policy accepts it; else why not.
    pub(crate) fn decide(
        &self,
        index: usize,
        session: &Session,
    ) -> Result<Accepted<'_>, Vec<Refusal>> {
        let Some(evidence) = self.evidence(index) else {
            return Err(self.refusals(index));
        };
        match session.policy.decide(evidence) {
            Decision::Accept(accepted) => Ok(accepted),
            Decision::Reject(reasons) => Err(reasons.iter().map(Refusal::from).collect()),
        }
    }

    /// Why a bundle did not verify.
    pub(crate) fn refusals(&self, index: usize) -> Vec<Refusal> {
        match self.items.get(index).map(|item| &item.outcome) {
            Some(Outcome::Rejected(refusals)) => refusals.clone(),
            Some(Outcome::Unreadable(refusal)) => vec![refusal.clone()],
            _ => Vec::new(),
        }
    }

    /// Whether a bundle could not be read at all.
    pub(crate) fn is_unreadable(&self, index: usize) -> bool {
        matches!(
            self.items.get(index).map(|item| &item.outcome),
            Some(Outcome::Unreadable(_))
        )
    }

    /// What became of every bundle, for the report.
    pub(crate) fn into_reports(self, independent: &[String]) -> Vec<EvidenceReport> {
        let state = |outcome| match outcome {
            Outcome::Pending => EvidenceState::NotLookedAt,
            Outcome::Proven(evidence) => {
                EvidenceState::Proven(report::proven(&evidence, independent))
            }
            Outcome::Rejected(refusals) => EvidenceState::Rejected(refusals),
            Outcome::Unreadable(refusal) => EvidenceState::Unreadable(refusal),
        };
        self.items
            .into_iter()
            .map(|item| EvidenceReport {
                place: item.place.display().to_string(),
                state: state(match (item.outcome, item.earlier) {
                    (Outcome::Rejected(_) | Outcome::Unreadable(_), Some(evidence)) => {
                        Outcome::Proven(evidence)
                    }
                    (outcome, _) => outcome,
                }),
            })
            .collect()
    }
}

impl Item {
    /// The bundle's claims: as held, or read again. They are the same bytes, or nothing is.
    fn claims(&mut self) -> Result<Bundle, Outcome> {
        if let Some(bundle) = self.bundle.take() {
            return Ok(bundle);
        }
        let again = read(&self.place);
        match again.bundle {
            Some(bundle) if again.digest == self.digest => Ok(bundle),
            _ => Err(Outcome::Unreadable(Refusal {
                code: "file-changed",
                found: format!("{} changed while it was read", self.place.display()),
                wanted: "a bundle that stays as it is".to_owned(),
            })),
        }
    }
}

impl Taken {
    fn refused(outcome: Outcome) -> Self {
        Self {
            bundle: None,
            size: 0,
            digest: None,
            outcome,
        }
    }
}

fn is_statement(bundle: &Bundle) -> bool {
    matches!(bundle.content(), Content::Envelope(_))
}

fn outcome(result: Result<Evidence, attest_verify::Rejection>) -> Outcome {
    match result {
        Ok(evidence) => Outcome::Proven(Box::new(evidence)),
        Err(rejection) => Outcome::Rejected(report::refusals(&rejection)),
    }
}

fn read(path: &Path) -> Taken {
    if !name_of(path).is_some_and(is_bundle_name) && looks_foreign(path) {
        let refusal = Refusal {
            code: "dialect-unsupported",
            found: format!("{}", path.display()),
            wanted: "a Sigstore bundle (.sigstore.json)".to_owned(),
        };
        return Taken::refused(Outcome::Rejected(vec![refusal]));
    }
    let limit = attest_verify::limits::BUNDLE_BYTES as u64;
    match files::read_limited(path, limit) {
        Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => {
            let refusal = Refusal {
                code: "bundle-too-large",
                found: error.to_string(),
                wanted: format!("at most {limit} bytes"),
            };
            Taken::refused(Outcome::Rejected(vec![refusal]))
        }
        Err(error) => {
            let refusal = Refusal {
                code: "bundle-unreadable",
                found: error.to_string(),
                wanted: "a readable file".to_owned(),
            };
            Taken::refused(Outcome::Unreadable(refusal))
        }
        Ok(bytes) => parse(&bytes),
    }
}

fn parse(bytes: &[u8]) -> Taken {
    let digest = Artifact::of_bytes(bytes, Hashes::Sha256).sha256();
    match Bundle::parse(bytes) {
        Ok(bundle) => Taken {
            bundle: Some(bundle),
            size: bytes.len(),
            digest: Some(digest),
            outcome: Outcome::Pending,
        },
        Err(error) => {
            let refusal = Refusal {
                code: error.code(),
                found: error.to_string(),
                wanted: "a Sigstore bundle".to_owned(),
            };
            Taken {
                digest: Some(digest),
                ..Taken::refused(Outcome::Rejected(vec![refusal]))
            }
        }
    }
}

/// Whether the name belongs to a dialect that is not read here.
fn looks_foreign(path: &Path) -> bool {
    name_of(path).is_some_and(|name| OWN.iter().skip(2).any(|suffix| name.ends_with(suffix)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_belongs_to_the_file_that_its_name_starts_with() {
        assert_eq!(signed_name("a.tar.gz.sigstore.json"), Some("a.tar.gz"));
        assert_eq!(signed_name("a.txt"), None);
        assert!(!is_bundle_name(".sigstore.json"));
    }

    #[test]
    fn only_release_provenance_and_checksums_are_shared() {
        assert_eq!(shared_role("release.2.sigstore.json"), Some(Role::Shared));
        assert_eq!(
            shared_role("SHA256SUMS.sigstore.json"),
            Some(Role::Checksums)
        );
        assert_eq!(shared_role("other.sigstore.json"), None);
    }
}
