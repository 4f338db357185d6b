//! The statements among which the links of a chain are looked for.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use attest_digest::{Artifact, Digest, Hashes};
use attest_policy::{Policy, Signers};
use attest_provenance::Statement;
use attest_verify::dialect::{Claim, recognise};
use attest_verify::{Bundle, Content, Evidence};

use super::is_record;
use crate::command::verify::Session;
use crate::files;
use crate::home::real;
use crate::report::{self, EvidenceReport, EvidenceState, Refusal};

/// Every statement of the bundles that were named.
pub(super) struct Statements {
    pieces: Vec<Piece>,
    seen: BTreeSet<PathBuf>,
    /// Of the evidence that cannot be read.
    unread: Vec<EvidenceReport>,
    /// The first that could not be read, though a flag named it or its folder: it may say no.
    untold: Option<Refusal>,
}

struct Piece {
    file: PathBuf,
    /// Of the file.
    digest: Digest,
    place: String,
    bundle: Box<Bundle>,
    /// What it claims to say: only for finding it.
    claimed: Statement,
    outcome: Outcome,
}

enum Outcome {
    Pending,
    Proven(Box<Evidence>),
    Rejected(Vec<Refusal>),
}

impl Statements {
    /// Reads the named files, and the bundles at the top of the folders.
    pub(super) fn read(named: &[PathBuf], folders: &[PathBuf]) -> Self {
        let mut all = Self {
            pieces: Vec::new(),
            seen: BTreeSet::new(),
            unread: Vec::new(),
            untold: None,
        };
        for path in named {
            all.add(path);
        }
        all.untold = all.first_unread();
        for folder in folders {
            match in_folder(folder) {
                Ok(paths) if paths.len() > FILES => {
                    let found = format!("{} bundles, more than {FILES}", paths.len());
                    all.untold(folder, &found);
                }
                Ok(paths) => paths.iter().for_each(|path| all.add(path)),
                Err(error) => all.untold(folder, &error.to_string()),
            }
        }
        all
    }

    /// Why not everything that may say no could be read.
    pub(super) fn why_untold(&self) -> Option<Refusal> {
        self.untold.clone()
    }

    fn untold(&mut self, path: &Path, found: &str) {
        self.unread(path, UNREADABLE, found);
        let last = self.unread.last().and_then(refusal_of);
        self.untold = self.untold.take().or(last);
    }

    fn first_unread(&self) -> Option<Refusal> {
        self.unread.iter().find_map(refusal_of)
    }

    /// The deployment records that a file has; none if it is something that was deployed. Which of both it is
    /// its name says, and never its bytes: those may have been put in the place of what was deployed.
    pub(super) fn records(&mut self, path: &Path) -> Vec<usize> {
        if !is_evidence(path) {
            return Vec::new();
        }
        let bytes = files::read_limited(path, limit());
        if !bytes.is_ok_and(|it| recognise(&it).is_ok()) {
            return Vec::new();
        }
        self.add(path);
        let file = real(path);
        let is_one = |it: &Piece| it.file == file && is_record(it.claimed.predicate_type());
        let found = self.pieces.iter().enumerate().filter(|(_, it)| is_one(it));
        found.map(|(index, _)| index).collect()
    }

    /// What must be computed of what is deployed, so that every digest that a statement has can be compared.
    pub(super) fn hashes(&self) -> Hashes {
        let subjects = self.pieces.iter().flat_map(|it| it.claimed.subjects());
        Hashes::Sha256.with_claims(subjects.map(attest_provenance::Subject::digests))
    }

    fn add(&mut self, path: &Path) {
        if !self.seen.insert(real(path)) {
            return;
        }
        let bytes = match files::read_limited(path, limit()) {
            Ok(bytes) => bytes,
            // One that is too large is refused for what it is; any other may say anything.
            Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => {
                return self.unread(path, UNREADABLE, &error.to_string());
            }
            Err(error) => return self.untold(path, &error.to_string()),
        };
        let pieces = match recognise(&bytes) {
            Ok(pieces) => pieces,
            Err(error) => return self.unread(path, error.code(), &error.to_string()),
        };
        let digest = Artifact::of_bytes(&bytes, Hashes::Sha256).sha256();
        for piece in pieces {
            let place = format!("{}{}", path.display(), piece.at());
            let Claim::Bundle(bundle) = piece.into_claim() else {
                continue;
            };
            let Content::Envelope(envelope) = bundle.content() else {
                continue;
            };
            if let Ok(claimed) = Statement::parse(envelope.unverified_payload()) {
                self.pieces.push(Piece {
                    file: real(path),
                    digest,
                    place,
                    bundle,
                    claimed,
                    outcome: Outcome::Pending,
                });
            }
        }
    }

    fn unread(&mut self, path: &Path, code: &'static str, found: &str) {
        self.unread.push(EvidenceReport {
            digest: None,
            place: path.display().to_string(),
            state: EvidenceState::Unreadable(Refusal {
                code,
                found: found.to_owned(),
                wanted: "evidence that can be read".to_owned(),
            }),
        });
    }

    /// Statements of these types that claim to be about something.
    pub(super) fn candidates(
        &self,
        types: &[&str],
        about: &dyn Fn(&Statement) -> bool,
    ) -> Vec<usize> {
        let is_it = |it: &Piece| types.contains(&it.claimed.predicate_type()) && about(&it.claimed);
        let found = self.pieces.iter().enumerate().filter(|(_, it)| is_it(it));
        found.map(|(index, _)| index).collect()
    }

    /// Verifies a statement as one of these signers.
    pub(super) fn prove(&mut self, index: usize, signers: &Signers, session: &Session) {
        let Some(piece) = self.pieces.get_mut(index) else {
            return;
        };
        let verified = session.verifier.verify_statement(&piece.bundle, signers);
        let outcome = match verified {
            Ok(evidence) => match signers.admit(&evidence) {
                Ok(()) => Outcome::Proven(Box::new(evidence)),
                Err(reason) => Outcome::Rejected(vec![Refusal::from(&reason)]),
            },
            Err(rejection) => Outcome::Rejected(report::refusals(&rejection)),
        };
        piece.outcome = outcome;
    }

    /// Verifies what is not yet proven as one of these signers.
    pub(super) fn prove_others(&mut self, signers: &Signers, session: &Session) {
        for index in 0..self.pieces.len() {
            if self.evidence(index).is_none() {
                self.prove(index, signers, session);
            }
        }
    }

    /// All that is proven, with its place in the report.
    pub(super) fn proven(&self) -> Vec<(usize, &Evidence)> {
        let places = 0..self.pieces.len();
        places
            .filter_map(|it| Some((it, self.evidence(it)?)))
            .collect()
    }

    pub(super) fn evidence(&self, index: usize) -> Option<&Evidence> {
        match &self.pieces.get(index)?.outcome {
            Outcome::Proven(evidence) => Some(evidence),
            _ => None,
        }
    }

    pub(super) fn evidence_of(&self, indices: &[usize]) -> Vec<&Evidence> {
        indices.iter().filter_map(|it| self.evidence(*it)).collect()
    }

    pub(super) fn statements(&self, indices: &[usize]) -> Vec<&Statement> {
        let evidence = self.evidence_of(indices);
        evidence
            .into_iter()
            .filter_map(Evidence::statement)
            .collect()
    }

    /// Why a statement was refused.
    pub(super) fn refusal(&self, index: usize) -> Refusal {
        let refusals = match self.pieces.get(index).map(|it| &it.outcome) {
            Some(Outcome::Rejected(refusals)) => refusals.first().cloned(),
            _ => None,
        };
        refusals.unwrap_or_else(|| Refusal {
            code: "subject-missing",
            found: "a statement about something else".to_owned(),
            wanted: "one about what is followed".to_owned(),
        })
    }

    pub(super) fn into_reports(self, policy: &Policy) -> Vec<EvidenceReport> {
        let state = |outcome| match outcome {
            Outcome::Pending => EvidenceState::NotLookedAt,
            Outcome::Proven(evidence) => {
                EvidenceState::Proven(Box::new(report::proven(&evidence, policy)))
            }
            Outcome::Rejected(refusals) => EvidenceState::Rejected(refusals),
        };
        let pieces = self.pieces.into_iter().map(|piece| EvidenceReport {
            digest: Some(piece.digest),
            place: piece.place,
            state: state(piece.outcome),
        });
        pieces.chain(self.unread).collect()
    }
}

fn refusal_of(report: &EvidenceReport) -> Option<Refusal> {
    match &report.state {
        EvidenceState::Unreadable(refusal) => Some(refusal.clone()),
        _ => None,
    }
}

/// The bundles at the top of a folder, in the order of their names.
fn in_folder(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.map(|entry| entry.map(|it| it.path()));
    let mut paths = entries.collect::<std::io::Result<Vec<PathBuf>>>()?;
    paths.retain(|path| is_evidence(path));
    paths.sort();
    Ok(paths)
}

/// What is evidence by its name; what is not, such as a README, lies there too.
fn is_evidence(path: &Path) -> bool {
    let name = path.file_name().and_then(|it| it.to_str());
    let endings = [
        ".sigstore.json",
        ".sigstore.jsonl",
        ".sigstore",
        ".intoto.jsonl",
        ".jsonl",
    ];
    name.is_some_and(|name| endings.iter().any(|it| name.ends_with(it)))
}

const fn limit() -> u64 {
    attest_verify::limits::BUNDLE_BYTES as u64
}

const UNREADABLE: &str = "bundle-unreadable";
/// Files of one folder of evidence.
const FILES: usize = 4096;
