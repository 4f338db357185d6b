//! All evidence of a run, and what was made of each piece of it.

mod again;
mod claims;
mod detached;
mod many;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use attest_digest::{Artifact, Digest, Hashes};
use attest_policy::{Accepted, Decision, Policy};
use attest_verify::dialect::{self, At, DialectError, Piece};
use attest_verify::{Bundle, Evidence, Observed, Subject};

use super::Session;
use super::evidence::bundles_at_top;
use crate::files;
use crate::home::real;
use crate::report::{self, EvidenceReport, EvidenceState, Refusal};

use again::Again;
use claims::Claims;
pub(crate) use many::Asked;

/// All evidence of a run. A file holds one piece or several; each is read, parsed and, as a
/// statement, verified once, and has a number of its own. A file of which one piece cannot be read
/// has one number, and no evidence.
///
/// A folder can hold any number of bundles that nobody signed. Their claims are held only up to
/// [`HELD_BYTES`]; what is beyond is read again when it is verified.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    items: Vec<Item>,
    by_path: BTreeMap<PathBuf, Vec<usize>>,
    held: usize,
    again: Again,
    /// What lies at the top of a folder and may be about any file in it.
    beside: BTreeMap<PathBuf, Arc<[(usize, PathBuf)]>>,
    /// The last file that was read for a detached signature: others over it need not read it again.
    observed: Option<(PathBuf, Vec<Observed>)>,
}

/// Bytes of bundles that are held between reading and verifying them.
const HELD_BYTES: usize = 4 << 20;

#[derive(Debug)]
struct Item {
    place: PathBuf,
    /// Where in the file it stands, and as which of its pieces.
    at: At,
    nth: usize,
    claims: Option<Claims>,
    is_statement: bool,
    /// What must be computed of files to compare them with a statement.
    hashes: Hashes,
    /// Whether it signs bytes, and not a digest of them: they must be read for it.
    is_detached: bool,
    /// Of the file that a message signature says it is over.
    over: Option<Digest>,
    /// Whether its form says that the statement's subject is the file's name.
    names_file: bool,
    /// Its share of the file's bytes; none if it is no evidence.
    size: usize,
    /// Of the file.
    digest: Option<Digest>,
    outcome: Outcome,
    /// What was verified about an earlier subject: the report must still say so.
    earlier: Option<Box<Evidence>>,
}

/// What was read of a file.
struct Taken {
    digest: Option<Digest>,
    size: usize,
    pieces: Result<Vec<(At, Claims)>, Outcome>,
}

#[derive(Debug)]
enum Outcome {
    Pending,
    Proven(Box<Evidence>),
    Rejected(Vec<Refusal>),
    Unreadable(Refusal),
}

impl Outcome {
    /// What could not be read is no "no".
    fn of(refusal: Refusal) -> Self {
        let unread = matches!(refusal.code, "file-unreadable" | "bundle-unreadable");
        if unread || crate::registry::is_unanswered(refusal.code) {
            Self::Unreadable(refusal)
        } else {
            Self::Rejected(vec![refusal])
        }
    }
}

impl Shelf {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Takes a file in and gives the numbers of its pieces, at least one, the same each time.
    pub(crate) fn load(&mut self, path: &Path) -> Vec<usize> {
        let key = real(path);
        if let Some(numbers) = self.by_path.get(&key) {
            return numbers.clone();
        }
        self.again.forget();
        let numbers = self.push(path, read(path), HELD_BYTES);
        self.by_path.insert(key, numbers.clone());
        numbers
    }

    /// The pieces at the top of a folder that may be about any file in it. Looked for once: a run can verify a
    /// hundred thousand files of one folder, each with a signature of its own beside it.
    pub(crate) fn beside(&mut self, folder: &Path) -> Arc<[(usize, PathBuf)]> {
        if let Some(found) = self.beside.get(folder) {
            return Arc::clone(found);
        }
        let mut found = Vec::new();
        for path in bundles_at_top(folder) {
            let indices = self.load(&path).into_iter();
            let shared = indices.filter(|it| self.may_be_about_others(*it));
            found.extend(shared.map(|index| (index, path.clone())));
        }
        let found: Arc<[(usize, PathBuf)]> = found.into();
        self.beside.insert(folder.to_owned(), Arc::clone(&found));
        found
    }

    /// Whose bytes a signature is over, only its name says; a statement says it itself, and of what could not be
    /// read nobody knows.
    pub(crate) fn may_be_about_others(&self, index: usize) -> bool {
        self.is_statement(index) || self.is_unreadable(index)
    }

    /// Takes in a file that lies in no folder: its bytes, or why they cannot be had.
    pub(crate) fn take(&mut self, place: &Path, bytes: Result<Vec<u8>, Refusal>) -> Vec<usize> {
        let taken = match bytes {
            Ok(bytes) => parse(&bytes, None),
            Err(refusal) => Taken::refused(Outcome::of(refusal)),
        };
        self.push(place, taken, usize::MAX)
    }

    /// Takes in a piece that is in no file by itself.
    pub(crate) fn take_bundle(&mut self, place: &Path, bundle: Result<Bundle, Refusal>) -> usize {
        let taken = match bundle {
            Ok(bundle) => Taken {
                digest: None,
                size: 1,
                pieces: Ok(vec![(At::default(), Claims::Bundle(Box::new(bundle)))]),
            },
            Err(refusal) => Taken::refused(Outcome::of(refusal)),
        };
        let first = self.items.len();
        self.push(place, taken, usize::MAX);
        first
    }

    /// Takes in what was verified by itself, in no file of evidence.
    pub(crate) fn take_verified(
        &mut self,
        place: &Path,
        verified: Result<Evidence, attest_verify::Rejection>,
        session: &Session,
    ) -> usize {
        let first = self.items.len();
        self.push(
            place,
            Taken::refused(outcome(verified, session)),
            usize::MAX,
        );
        first
    }

    /// Claims are held as long as there are no more than so many bytes of them.
    fn push(&mut self, place: &Path, taken: Taken, most: usize) -> Vec<usize> {
        let Taken {
            digest,
            size,
            pieces,
        } = taken;
        let first = self.items.len();
        let mut add = |at, nth, claims: Option<Claims>, outcome| {
            let is_statement = claims.as_ref().is_some_and(Claims::are_a_statement);
            let hashes = claims
                .as_ref()
                .map_or(Hashes::Sha256, Claims::statement_hashes);
            let names_file = claims.as_ref().is_some_and(Claims::name_the_file);
            let is_detached = matches!(claims, Some(Claims::Detached(_)));
            let over = claims.as_ref().and_then(Claims::message_digest);
            let size = claims.as_ref().map_or(0, |_| size);
            let held = self.held.saturating_add(size);
            let claims = claims.filter(|_| held <= most);
            if claims.is_some() {
                self.held = held;
            }
            self.items.push(Item {
                place: place.to_owned(),
                at,
                nth,
                claims,
                is_statement,
                hashes,
                is_detached,
                over,
                names_file,
                size,
                digest,
                outcome,
                earlier: None,
            });
        };
        match pieces {
            Ok(pieces) => {
                for (nth, (at, claims)) in pieces.into_iter().enumerate() {
                    add(at, nth, Some(claims), Outcome::Pending);
                }
            }
            Err(outcome) => add(At::default(), 0, None, outcome),
        }
        (first..self.items.len()).collect()
    }

    /// Whether the piece holds a statement rather than a message signature.
    pub(crate) fn is_statement(&self, index: usize) -> bool {
        self.items.get(index).is_some_and(|item| item.is_statement)
    }

    /// Whether the piece is of a form that signs a file under its very name (PEP 740).
    pub(crate) fn names_file(&self, index: usize) -> bool {
        self.items.get(index).is_some_and(|item| item.names_file)
    }

    /// The digest of the bytes that were read: of the whole file.
    pub(crate) fn digest(&self, index: usize) -> Option<Digest> {
        self.items.get(index)?.digest
    }

    /// The numbers of all pieces.
    pub(crate) fn numbers(&self) -> std::ops::Range<usize> {
        0..self.items.len()
    }

    /// The name of the file that it was read from, within its folder.
    pub(crate) fn place(&self, index: usize) -> String {
        let name = self.items.get(index).and_then(|it| it.place.file_name());
        name.unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Verifies the statement in a bundle, once.
    pub(crate) fn prove_statement(&mut self, index: usize, session: &Session) {
        let Some(item) = self.items.get_mut(index) else {
            return;
        };
        if !item.is_statement || !matches!(item.outcome, Outcome::Pending) {
            return;
        }
        if item.claims.is_some() {
            self.held = self.held.saturating_sub(item.size);
        }
        item.outcome = match item.bundle(&mut self.again) {
            Ok(bundle) => outcome(
                session
                    .verifier
                    .verify_statement(&bundle, session.policy.signers()),
                session,
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
        let held = item.claims.is_some();
        item.keep_earlier();
        if let Some(refusal) = item.over_other_bytes(subject).filter(|_| !held) {
            item.outcome = Outcome::Rejected(vec![refusal]);
            return;
        }
        item.outcome = match item.bundle(&mut self.again) {
            Ok(bundle) => {
                let verified = session
                    .verifier
                    .verify(&bundle, subject, session.policy.signers());
                item.put_back(Claims::Bundle(bundle), held, &mut self.again);
                outcome(verified, session)
            }
            Err(outcome) => outcome,
        };
    }

    /// Lets go of a piece that is not to be looked at.
    pub(crate) fn refuse(&mut self, index: usize, refusal: Refusal) {
        if let Some(item) = self.items.get_mut(index) {
            if item.claims.take().is_some() {
                self.held = self.held.saturating_sub(item.size);
            }
            item.size = 0;
            item.outcome = Outcome::Rejected(vec![refusal]);
        }
    }

    /// The evidence, when it was verified.
    pub(crate) fn evidence(&self, index: usize) -> Option<&Evidence> {
        match &self.items.get(index)?.outcome {
            Outcome::Proven(evidence) => Some(evidence),
            _ => None,
        }
    }

    /// What was verified of it, of whatever subject: in all of them its times are the same.
    pub(crate) fn proven_once(&self, index: usize) -> Option<&Evidence> {
        let earlier = || self.items.get(index)?.earlier.as_deref();
        self.evidence(index).or_else(earlier)
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
        if let Some(judge) = &session.judge
            && let Err(reason) = judge.rules.admit(evidence, judge.now)
        {
            return Err(vec![Refusal::from(&reason)]);
        }
        match session.policy.decide(evidence) {
            Decision::Accept(accepted) => Ok(accepted),
            Decision::Reject(reasons) => Err(reasons.iter().map(Refusal::from).collect()),
        }
    }

    /// Why a piece did not verify.
    pub(crate) fn refusals(&self, index: usize) -> Vec<Refusal> {
        match self.items.get(index).map(|item| &item.outcome) {
            Some(Outcome::Rejected(refusals)) => refusals.clone(),
            Some(Outcome::Unreadable(refusal)) => vec![refusal.clone()],
            _ => Vec::new(),
        }
    }

    /// Whether a file of evidence could not be read at all.
    pub(crate) fn is_unreadable(&self, index: usize) -> bool {
        matches!(
            self.items.get(index).map(|item| &item.outcome),
            Some(Outcome::Unreadable(_))
        )
    }

    /// What became of every piece, for the report.
    pub(crate) fn into_reports(self, policy: &Policy) -> Vec<EvidenceReport> {
        let told = self.into_told(policy).into_iter();
        told.map(|(_, report)| report).collect()
    }

    /// The same, with what tells each piece from every other: two places can look alike when they are shown.
    pub(super) fn into_told(self, policy: &Policy) -> Vec<(Told, EvidenceReport)> {
        let told = |item: Item| {
            let at = item.at.to_string();
            let report = EvidenceReport {
                place: format!("{}{at}", item.place.display()),
                digest: item.digest,
                state: state(item.outcome, item.earlier, policy),
            };
            ((item.place, at, item.digest), report)
        };
        self.items.into_iter().map(told).collect()
    }
}

/// What tells a piece from every other: its file, as the system names it, where in it, and of which bytes.
pub(super) type Told = (PathBuf, String, Option<Digest>);

/// What became of a piece, at least about an earlier subject.
fn state(outcome: Outcome, earlier: Option<Box<Evidence>>, policy: &Policy) -> EvidenceState {
    match (outcome, earlier) {
        (Outcome::Proven(evidence), _)
        | (Outcome::Rejected(_) | Outcome::Unreadable(_), Some(evidence)) => {
            EvidenceState::Proven(Box::new(report::proven(&evidence, policy)))
        }
        (Outcome::Pending, _) => EvidenceState::NotLookedAt,
        (Outcome::Rejected(refusals), None) => EvidenceState::Rejected(refusals),
        (Outcome::Unreadable(refusal), None) => EvidenceState::Unreadable(refusal),
    }
}

impl Item {
    /// Another subject is asked about: what was proven of an earlier one stays proven of that.
    fn keep_earlier(&mut self) {
        if let Outcome::Proven(evidence) = std::mem::replace(&mut self.outcome, Outcome::Pending) {
            self.earlier.get_or_insert(evidence);
        }
    }

    /// What is over other bytes by its own word is not read again to hear that: many large ones can lie beside many
    /// files.
    fn over_other_bytes(&self, subject: &Subject<'_>) -> Option<Refusal> {
        let wanted = self.over?;
        let found = match subject {
            Subject::Artifact(artifact) => artifact.digest(wanted.algorithm())?,
            Subject::Digest(digest) if digest.algorithm() == wanted.algorithm() => *digest,
            Subject::Digest(_) => return None,
        };
        (found != wanted).then(|| Refusal {
            code: "digest-mismatch",
            found: found.to_string(),
            wanted: wanted.to_string(),
        })
    }

    /// The claims: as held, or read again. They are the same bytes, or nothing is.
    fn claims(&mut self, again: &mut Again) -> Result<Claims, Outcome> {
        let held = self.claims.take();
        held.or_else(|| again.piece(&self.place, self.digest, self.nth))
            .ok_or_else(|| changed(&self.place))
    }

    /// Gives claims back that another subject may be held against.
    fn put_back(&mut self, claims: Claims, held: bool, again: &mut Again) {
        if held {
            self.claims = Some(claims);
        } else {
            again.put_back(&self.place, self.nth, claims);
        }
    }

    fn bundle(&mut self, again: &mut Again) -> Result<Box<Bundle>, Outcome> {
        match self.claims(again)? {
            Claims::Bundle(bundle) => Ok(bundle),
            claims @ Claims::Detached(_) => {
                self.claims = Some(claims);
                Err(Outcome::Rejected(vec![detached::bytes_needed()]))
            }
        }
    }
}

fn changed(path: &Path) -> Outcome {
    Outcome::Unreadable(Refusal {
        code: "file-changed",
        found: format!("{} changed while it was read", path.display()),
        wanted: "a file that stays as it is".to_owned(),
    })
}

impl Taken {
    fn refused(outcome: Outcome) -> Self {
        Self {
            digest: None,
            size: 0,
            pieces: Err(outcome),
        }
    }
}

fn refusals(error: &DialectError) -> Vec<Refusal> {
    match error {
        DialectError::Detached(rejection) => report::refusals(rejection),
        _ => vec![Refusal {
            code: error.code(),
            found: error.to_string(),
            wanted: error.wanted().to_owned(),
        }],
    }
}

/// Evidence that does not count, such as that of a denied signer, is none for any purpose.
fn outcome(result: Result<Evidence, attest_verify::Rejection>, session: &Session) -> Outcome {
    match result {
        Ok(evidence) => match session.policy.signers().admit(&evidence) {
            Ok(()) => Outcome::Proven(Box::new(evidence)),
            Err(reason) => Outcome::Rejected(vec![Refusal::from(&reason)]),
        },
        Err(rejection) => Outcome::Rejected(report::refusals(&rejection)),
    }
}

fn read(path: &Path) -> Taken {
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
        Ok(bytes) => parse(&bytes, Some(path)),
    }
}

fn parse(bytes: &[u8], path: Option<&Path>) -> Taken {
    let digest = Artifact::of_bytes(bytes, Hashes::Sha256).sha256();
    let pieces = dialect::recognise(bytes).and_then(|pieces| {
        let claims = |piece: Piece| Ok((piece.at(), Claims::of(piece, path)?));
        pieces
            .into_iter()
            .map(claims)
            .collect::<Result<Vec<_>, DialectError>>()
    });
    let count = pieces.as_ref().map_or(1, Vec::len).max(1);
    Taken {
        digest: Some(digest),
        size: bytes.len().div_ceil(count),
        pieces: pieces.map_err(|error| Outcome::Rejected(refusals(&error))),
    }
}

#[cfg(test)]
mod tests {
    use attest_verify::{Accept, ExpectedSigner, PublicKey, Verifier};

    use super::*;
    use crate::trust::Trust;

    const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/verify/message");

    fn session() -> Session {
        let key = std::fs::read(format!("{FIXTURE}/key.pub")).unwrap();
        let trust = Trust {
            signers: ExpectedSigner::Key(PublicKey::parse(&key).unwrap()).into(),
            groups: None,
            roots: Vec::new(),
            keeping: Vec::new(),
            lines: Vec::new(),
            pinned: BTreeMap::new(),
            heard: Vec::new(),
        };
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let verifier = Verifier::new(Vec::new(), now, Accept::default()).unwrap();
        Session::new(verifier, Policy::expecting(trust.signers.clone()), trust)
    }

    #[test]
    fn a_large_signature_is_read_again_only_for_the_bytes_that_it_is_over() {
        let mut bytes = std::fs::read(format!("{FIXTURE}/bundle.sigstore.json")).unwrap();
        bytes.resize(HELD_BYTES + 1, b' ');
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.sigstore.json");
        std::fs::write(&path, bytes).unwrap();
        let mut shelf = Shelf::new();
        let piece = shelf.load(&path).into_iter().next().unwrap();
        std::fs::remove_file(&path).unwrap();
        let own = std::fs::read(format!("{FIXTURE}/artifact")).unwrap();
        for (bytes, code) in [
            (b"other".as_slice(), "digest-mismatch"),
            (own.as_slice(), "file-changed"),
        ] {
            let artifact = Artifact::of_bytes(bytes, Hashes::All);
            shelf.prove_message(piece, &Subject::Artifact(&artifact), &session());
            let codes: Vec<&str> = shelf.refusals(piece).iter().map(|it| it.code).collect();
            assert_eq!(codes, [code]);
        }
    }
}
