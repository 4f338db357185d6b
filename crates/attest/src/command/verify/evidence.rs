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
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    items: Vec<Item>,
    by_path: BTreeMap<PathBuf, usize>,
}

#[derive(Debug)]
struct Item {
    place: PathBuf,
    bundle: Option<Bundle>,
    digest: Option<Digest>,
    outcome: Outcome,
}

#[derive(Debug)]
enum Outcome {
    Pending,
    Proven(Evidence),
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
        let index = self.push(path.to_owned(), read(path));
        self.by_path.insert(key, index);
        index
    }

    /// Takes in a bundle that lies in no folder: its bytes, or why they cannot be had.
    pub(crate) fn take(&mut self, place: PathBuf, bytes: Result<Vec<u8>, Refusal>) -> usize {
        let taken = match bytes {
            Ok(bytes) => parse(&bytes),
            Err(refusal) => (None, None, Outcome::Rejected(vec![refusal])),
        };
        self.push(place, taken)
    }

    fn push(&mut self, place: PathBuf, read: (Option<Bundle>, Option<Digest>, Outcome)) -> usize {
        let (bundle, digest, outcome) = read;
        self.items.push(Item {
            place,
            bundle,
            digest,
            outcome,
        });
        self.items.len() - 1
    }

    /// Whether the bundle holds a statement rather than a message signature.
    pub(crate) fn is_statement(&self, index: usize) -> bool {
        self.bundle(index)
            .is_some_and(|bundle| matches!(bundle.content(), Content::Envelope(_)))
    }

    /// The message signature's bytes, as claimed by the bundle.
    pub(crate) fn message_signature(&self, index: usize) -> Option<&[u8]> {
        match self.bundle(index)?.content() {
            Content::Message { signature, .. } => Some(signature),
            Content::Envelope(_) => None,
        }
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
        if let (Outcome::Pending, Some(bundle)) = (&item.outcome, &item.bundle) {
            item.outcome = outcome(
                session
                    .verifier
                    .verify_statement(bundle, session.policy.signer()),
            );
        }
    }

    /// Verifies a message signature over this subject.
    pub(crate) fn prove_message(&mut self, index: usize, subject: &Subject<'_>, session: &Session) {
        let Some(item) = self.items.get_mut(index) else {
            return;
        };
        if let Some(bundle) = &item.bundle {
            item.outcome = outcome(session.verifier.verify(
                bundle,
                subject,
                session.policy.signer(),
            ));
        }
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
                state: state(item.outcome),
            })
            .collect()
    }

    fn bundle(&self, index: usize) -> Option<&Bundle> {
        self.items.get(index)?.bundle.as_ref()
    }
}

fn outcome(result: Result<Evidence, attest_verify::Rejection>) -> Outcome {
    match result {
        Ok(evidence) => Outcome::Proven(evidence),
        Err(rejection) => Outcome::Rejected(report::refusals(&rejection)),
    }
}

fn read(path: &Path) -> (Option<Bundle>, Option<Digest>, Outcome) {
    if !name_of(path).is_some_and(is_bundle_name) && looks_foreign(path) {
        let refusal = Refusal {
            code: "dialect-unsupported",
            found: format!("{}", path.display()),
            wanted: "a Sigstore bundle (.sigstore.json)".to_owned(),
        };
        return (None, None, Outcome::Rejected(vec![refusal]));
    }
    let limit = attest_verify::limits::BUNDLE_BYTES as u64;
    match files::read_limited(path, limit) {
        Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => {
            let refusal = Refusal {
                code: "bundle-too-large",
                found: error.to_string(),
                wanted: format!("at most {limit} bytes"),
            };
            (None, None, Outcome::Rejected(vec![refusal]))
        }
        Err(error) => {
            let refusal = Refusal {
                code: "bundle-unreadable",
                found: error.to_string(),
                wanted: "a readable file".to_owned(),
            };
            (None, None, Outcome::Unreadable(refusal))
        }
        Ok(bytes) => parse(&bytes),
    }
}

fn parse(bytes: &[u8]) -> (Option<Bundle>, Option<Digest>, Outcome) {
    let digest = Artifact::of_bytes(bytes, Hashes::Sha256).sha256();
    match Bundle::parse(bytes) {
        Ok(bundle) => (Some(bundle), Some(digest), Outcome::Pending),
        Err(error) => {
            let refusal = Refusal {
                code: error.code(),
                found: error.to_string(),
                wanted: "a Sigstore bundle".to_owned(),
            };
            (None, Some(digest), Outcome::Rejected(vec![refusal]))
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
