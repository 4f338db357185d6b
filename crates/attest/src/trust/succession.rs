//! Successions of keys: believed by the recovery key alone whose pin the acquirer held before, in a
//! signers file or a policy.
//!
//! Where a record came from does not matter, also not that it came along with the release: the recovery
//! key is never learned from there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use attest_policy::{
    FileRecovery, Group, KeySource, Member, SuccessionError, SuccessionRecord, Successions,
};
use attest_provenance::predicate::succession::Succession;
use attest_verify::dialect::{Claim, recognise};
use attest_verify::{Accept, Bundle, Content, ExpectedSigner, PublicKey, TrustedRoot, Verifier};

use super::signers::Look;
use super::{PinnedFile, Surroundings, policy, refuse_beside, sha256, signers};
use crate::args::TrustArgs;
use crate::clock::Now;
use crate::failure::{Failure, with_source};
use crate::files;
use crate::home::real;
use crate::report::TrustLine;

/// The records that flags name, and which of them were believed.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    files: Vec<Filed>,
    verifier: Option<Verifier>,
    /// Of each recovery key what it said.
    heard: Vec<Heard>,
}

/// A recovery key, and all that it said.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) recovery: [u8; 32],
    pub(crate) said: Successions,
}

#[derive(Debug)]
struct Filed {
    path: PathBuf,
    bundle: Bundle,
    /// Of the file.
    sha256: [u8; 32],
    /// Whether a recovery key of some group signed it.
    is_believed: bool,
}

impl Shelf {
    /// Reads the files. Nothing in them is believed yet.
    ///
    /// # Errors
    /// `succession-unreadable` (3), `succession-malformed` (1).
    pub(super) fn open(args: &TrustArgs, roots: &[TrustedRoot], now: Now) -> Result<Self, Failure> {
        if args.successions.succession.is_empty() {
            return Ok(Self::default());
        }
        let verifier = Verifier::new(roots.to_vec(), now.time, Accept::default())
            .map_err(|error| Failure::request("trusted-root-malformed", error))?;
        let mut files = Vec::new();
        for path in &args.successions.succession {
            files.extend(read(path)?);
        }
        Ok(Self {
            files,
            verifier: Some(verifier),
            heard: Vec::new(),
        })
    }

    /// What was heard, if every record was believed.
    ///
    /// # Errors
    /// `succession-unexpected` (2), `succession-not-by-recovery` (1).
    pub(super) fn close(self) -> Result<Vec<Heard>, Failure> {
        let Some(file) = self.files.iter().find(|it| !it.is_believed) else {
            return Ok(self.heard);
        };
        if self.heard.is_empty() {
            return Err(Failure::request(
                "succession-unexpected",
                "a succession is given, and nobody who is expected has a recovery key",
            )
            .hint("pin it where the signers are named: recovery = \"sha256:…\" in the [trust.…] table of a signers file or policy; never with a value that came along with the release"));
        }
        Err(Failure::no(
            "succession-not-by-recovery",
            format!(
                "{} is not signed by a recovery key that was pinned",
                file.path.display()
            ),
        ))
    }
}

/// Lets a group's recovery key speak: keys that go, and those that take their places.
///
/// # Errors
/// Exit 1 for what a succession is not; exit 2 for a recovery key that cannot be had.
pub(super) fn apply(
    group: &mut Group,
    recovery: &FileRecovery,
    folder: &Path,
    pins: &[[u8; 32]],
    look: &mut Look<'_>,
) -> Result<(), Failure> {
    let (key, line) = recovery_key(recovery, folder, look)?;
    look.lines.push(line);
    let pin = match (&key, &recovery.source) {
        (Some(key), _) => key.fingerprint(),
        (None, KeySource::Pin(pin)) => *pin,
        (None, KeySource::File(_)) => recovery.pin.unwrap_or_default(),
    };
    let said = match key {
        Some(key) => believe(&key, look)?,
        // Without its public half at hand no record can be by it.
        None => Successions::default(),
    };
    let members = group
        .members
        .iter()
        .filter_map(|it| it.signer.fingerprint());
    let keys: BTreeSet<[u8; 32]> = members.chain(pins.iter().copied()).collect();
    let changes = said.changes(&keys).map_err(|error| refused(&error))?;
    for change in changes {
        group.windows.push((change.key, change.validity));
        if let Some(successor) = change.successor {
            group.members.push(Member {
                signer: ExpectedSigner::Key(successor),
                validity: attest_policy::KeyValidity::default(),
            });
        }
    }
    look.shelf.heard.push(Heard {
        recovery: pin,
        said,
    });
    Ok(())
}

/// The records that this key signed, which are then believed.
fn believe(key: &PublicKey, look: &mut Look<'_>) -> Result<Successions, Failure> {
    let expected = ExpectedSigner::Key(key.clone());
    let mut records = Vec::new();
    let Some(verifier) = &look.shelf.verifier else {
        return Ok(Successions::default());
    };
    for file in look
        .shelf
        .files
        .iter_mut()
        .filter(|it| is_by(key, &it.bundle))
    {
        let evidence = verifier
            .verify_statement(&file.bundle, &expected)
            .map_err(|rejection| {
                Failure::no(
                    "succession-unproven",
                    format!(
                        "{}: {rejection} ({})",
                        file.path.display(),
                        rejection.code()
                    ),
                )
            })?;
        let claim = evidence.statement().map(Succession::from_statement);
        let (Some(Ok(claim)), Some(payload)) = (claim, payload(&file.bundle)) else {
            return Err(malformed(
                &file.path,
                "it is signed, and no record of a succession",
            ));
        };
        file.is_believed = true;
        look.pinned.insert(
            real(&file.path),
            PinnedFile {
                why: "a succession by the pinned recovery key",
                sha256: file.sha256,
            },
        );
        let statement = sha256(payload);
        look.lines.push(TrustLine {
            what: "succession",
            place: file.path.display().to_string(),
            sha256: hex::encode(statement),
            pinned: false,
            of_home: false,
            taken: None,
            warning: Some(words(&claim)),
        });
        records.push(SuccessionRecord { claim, statement });
    }
    Successions::of(records).map_err(|error| refused(&error))
}

/// Whether the key made the signature of this envelope: all else is the verifier's to say.
fn is_by(key: &PublicKey, bundle: &Bundle) -> bool {
    let Content::Envelope(envelope) = bundle.content() else {
        return false;
    };
    let algorithm = key.kind().digest_algorithm();
    let hashes = attest_digest::Hashes::Sha256.with(algorithm);
    let digest = attest_digest::Artifact::of_bytes(&envelope.pae(), hashes).digest(algorithm);
    digest.is_some_and(|digest| key.verifies_digest(&digest, bundle.signature()))
}

/// The recovery key: its pin is the acquirer's, its bytes may come from anywhere.
fn recovery_key(
    recovery: &FileRecovery,
    folder: &Path,
    look: &Look<'_>,
) -> Result<(Option<PublicKey>, TrustLine), Failure> {
    let line = |place: String, sha256: [u8; 32], pinned| TrustLine {
        what: "recovery key",
        place,
        sha256: hex::encode(sha256),
        pinned,
        of_home: false,
        taken: None,
        warning: None,
    };
    match &recovery.source {
        KeySource::File(name) => {
            let path = folder.join(name);
            if recovery.pin.is_none() {
                refuse_beside(&path, look.around, "recovery key")?;
            }
            let (key, _) = signers::key_file(&path)?;
            let found = key.fingerprint();
            if recovery.pin.is_some_and(|pin| pin != found) {
                let message = format!(
                    "{} has another fingerprint than the recovery key that is pinned",
                    path.display()
                );
                return Err(Failure::request("pin-not-found", message));
            }
            let line = line(path.display().to_string(), found, recovery.pin.is_some());
            Ok((Some(key), line))
        }
        KeySource::Pin(pin) => {
            let files = look.shelf.files.iter();
            let mut keys = files.flat_map(|it| it.bundle.claimed_keys());
            let key = keys.find(|key| key.fingerprint() == *pin);
            Ok((key, line("pinned".to_owned(), *pin, true)))
        }
    }
}

/// Compares with what is remembered of recovery keys, and remembers it.
///
/// # Errors
/// `succession-rolled-back`, `succession-forked` (1); `state-unreadable`, `trust-beside-subject` (2);
/// `state-locked`, `output-failed` (3).
pub(crate) fn remember(
    state: &Path,
    heard: &[Heard],
    around: &Surroundings,
) -> Result<(), Failure> {
    if heard.is_empty() {
        return Ok(());
    }
    policy::with_state(state, around, |known| {
        for one in heard {
            known
                .hear(&one.recovery, &one.said)
                .map_err(|error| refused(&error))?;
        }
        Ok(())
    })
}

fn read(path: &Path) -> Result<Vec<Filed>, Failure> {
    let bytes = files::read_limited(path, BUNDLE_BYTES).map_err(|error| {
        Failure::unknown(
            "succession-unreadable",
            format!("{}: {error}", path.display()),
        )
    })?;
    let pieces = recognise(&bytes).map_err(|error| malformed(path, &with_source(&error)))?;
    let mut filed = Vec::new();
    for piece in &pieces {
        let Claim::Bundle(bundle) = piece.claim() else {
            return Err(malformed(path, "it is no bundle"));
        };
        filed.push(Filed {
            path: path.to_owned(),
            bundle: Bundle::clone(bundle),
            sha256: sha256(&bytes),
            is_believed: false,
        });
    }
    if filed.is_empty() {
        return Err(malformed(path, "it is no bundle"));
    }
    Ok(filed)
}

fn payload(bundle: &Bundle) -> Option<&[u8]> {
    match bundle.content() {
        Content::Envelope(envelope) => Some(envelope.unverified_payload()),
        Content::Message { .. } => None,
    }
}

fn words(claim: &Succession) -> String {
    let key = hex::encode(claim.key);
    let reason = claim.reason.word();
    let since = claim.since;
    match &claim.successor {
        Some(_) => format!("key sha256:{key} is {reason} since {since}, and has a successor"),
        None => format!("key sha256:{key} is {reason} since {since}, and has no successor"),
    }
}

fn malformed(path: &Path, problem: &str) -> Failure {
    Failure::no(
        "succession-malformed",
        format!("{}: {problem}", path.display()),
    )
}

fn refused(error: &SuccessionError) -> Failure {
    Failure::no(error.code(), error)
}

const BUNDLE_BYTES: u64 = 4 << 20;
