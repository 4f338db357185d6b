//! What a log became after a release: a later checkpoint, and the proofs that the log still begins with
//! what the release's evidence saw of it. An attachment of the kind `consistency`.
//!
//! ```text
//! checkpoint       the later checkpoint, a signed note
//! from-17.proof    for each size at which the evidence saw the log: the hashes of the consistency proof
//!                  (RFC 9162, 2.1.4), each in base64 on a line of its own
//! ```
//!
//! It shows that one log grew. Whether others saw the same log is for witnesses and monitors to say.

use std::collections::BTreeMap;

use attest_digest::RelativePath;
use attest_log::merkle::{ProofError, verify_consistency};
use attest_log::{Checkpoint, Hash, LogKey, NoteError, SignedCheckpoint};

use crate::limits;

/// A later checkpoint of a log with its proofs, as an attachment claims it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaterLog {
    checkpoint: Vec<u8>,
    proofs: BTreeMap<u64, Vec<Hash>>,
}

/// What was shown: the log has grown from these sizes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grown {
    /// The log.
    pub origin: String,
    /// Its entries when it was seen by the release's evidence.
    pub from: Vec<u64>,
    /// Its entries at the later checkpoint.
    pub to: u64,
}

/// Why a later checkpoint shows nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaterLogError {
    /// Not what is written one way only.
    #[error("{what}")]
    Malformed {
        /// What is there, or what is wrong.
        what: String,
    },
    /// A checkpoint that its log has not signed.
    #[error("the later checkpoint is not signed by its log")]
    Forged {
        /// Why not.
        #[source]
        source: NoteError,
    },
    /// A log that no evidence of the release was in, or that nobody trusts.
    #[error(
        "the later checkpoint is of {found}, which is no trusted log of the release's evidence"
    )]
    OtherLog {
        /// The log that it names.
        found: String,
    },
    /// The log is smaller than it was.
    #[error("the later checkpoint has {found} entries, the release's evidence saw {seen}")]
    Shrunk {
        /// Entries of the later checkpoint.
        found: u64,
        /// Entries that were seen.
        seen: u64,
    },
    /// No proof for a checkpoint of the release's evidence.
    #[error("no proof leads from {size} entries, which the release's evidence saw")]
    Missing {
        /// That size.
        size: u64,
    },
    /// The log does not begin with what was seen.
    #[error("the later checkpoint does not begin with the {size} entries that were seen")]
    Broken {
        /// Entries that were seen.
        size: u64,
        /// What is wrong with the proof.
        #[source]
        source: ProofError,
    },
}

impl LaterLogError {
    /// The code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "consistency-malformed",
            Self::Forged { .. } => "consistency-forged",
            Self::OtherLog { .. } => "consistency-other-log",
            Self::Shrunk { .. } => "consistency-shrunk",
            Self::Missing { .. } => "consistency-missing",
            Self::Broken { .. } => "consistency-broken",
        }
    }
}

impl LaterLog {
    /// A checkpoint, and the proof from each size to it.
    pub const fn new(checkpoint: Vec<u8>, proofs: BTreeMap<u64, Vec<Hash>>) -> Self {
        Self { checkpoint, proofs }
    }

    /// Reads the files of an attachment.
    ///
    /// # Errors
    /// [`LaterLogError::Malformed`].
    pub fn read(files: &[(RelativePath, Vec<u8>)]) -> Result<Self, LaterLogError> {
        let mut checkpoint = None;
        let mut proofs = BTreeMap::new();
        for (path, bytes) in files {
            if path.as_str() == CHECKPOINT {
                checkpoint = Some(bytes.clone());
            } else {
                let size = size_of(path.as_str());
                let size = size.ok_or_else(|| malformed(format!("{path} is no part of it")))?;
                let hashes =
                    hashes(bytes).ok_or_else(|| malformed(format!("{path} is no proof")))?;
                proofs.insert(size, hashes);
            }
        }
        let checkpoint = checkpoint.ok_or_else(|| malformed(format!("it has no {CHECKPOINT}")))?;
        if proofs.is_empty() {
            return Err(malformed("it has no proof".to_owned()));
        }
        Ok(Self { checkpoint, proofs })
    }

    /// The files of its attachment, with their media types.
    pub fn files(&self) -> Vec<(String, &'static str, Vec<u8>)> {
        let proofs = self.proofs.iter().map(|(size, hashes)| {
            let lines = hashes.iter().map(|it| it.to_base64() + "\n");
            let text: String = lines.collect();
            (format!("{BEFORE}{size}{AFTER}"), TEXT, text.into_bytes())
        });
        let checkpoint = (CHECKPOINT.to_owned(), TEXT, self.checkpoint.clone());
        std::iter::once(checkpoint).chain(proofs).collect()
    }

    /// The note of the later checkpoint.
    pub(crate) fn checkpoint(&self) -> &[u8] {
        &self.checkpoint
    }

    /// The proof from this size.
    pub(crate) fn proof(&self, size: u64) -> Option<&[Hash]> {
        self.proofs.get(&size).map(Vec::as_slice)
    }

    /// Asks whether the log still begins with what was seen of it: `notes` are the checkpoints of the
    /// release's evidence; those that no key of `keys` has signed were not seen.
    ///
    /// # Errors
    /// Each but `Malformed`; that too for a proof that belongs to none of them.
    pub fn check(&self, keys: &[&LogKey], notes: &[&str]) -> Result<Grown, LaterLogError> {
        let signed =
            SignedCheckpoint::parse_with_extensions(&self.checkpoint).map_err(|error| {
                malformed(format!("the later checkpoint is no signed note: {error}"))
            })?;
        let origin = origin(&self.checkpoint);
        let other = || LaterLogError::OtherLog {
            found: origin.clone(),
        };
        let mut of_log = keys.iter().filter(|it| it.origin() == origin).peekable();
        of_log.peek().ok_or_else(other)?;
        let mut refused = None;
        let mut verified = None;
        for key in of_log {
            match signed.verify(key) {
                Ok(later) => verified = Some((later, *key)),
                Err(error) => refused = Some(error),
            }
        }
        let (later, key) = match (verified, refused) {
            (Some(verified), _) => verified,
            (None, Some(source)) => return Err(LaterLogError::Forged { source }),
            (None, None) => return Err(other()),
        };
        let seen = seen(notes, key);
        if seen.is_empty() {
            return Err(other());
        }
        self.leads(&seen, later)?;
        if let Some(size) = self.proofs.keys().find(|it| !seen.contains_key(it)) {
            return Err(malformed(format!(
                "no evidence saw the log with {size} entries"
            )));
        }
        Ok(Grown {
            from: seen.into_keys().collect(),
            to: later.size(),
            origin,
        })
    }

    fn leads(
        &self,
        seen: &BTreeMap<u64, Vec<Hash>>,
        later: &Checkpoint,
    ) -> Result<(), LaterLogError> {
        for (size, root) in seen
            .iter()
            .flat_map(|(size, roots)| roots.iter().map(move |it| (*size, it)))
        {
            if size > later.size() {
                return Err(LaterLogError::Shrunk {
                    found: later.size(),
                    seen: size,
                });
            }
            let proof = self.proof(size).ok_or(LaterLogError::Missing { size })?;
            verify_consistency(size, root, later.size(), &later.root(), proof)
                .map_err(|source| LaterLogError::Broken { size, source })?;
        }
        Ok(())
    }
}

/// Sizes at which the log was seen, each with its roots: more than one is a log that forked.
fn seen(notes: &[&str], key: &LogKey) -> BTreeMap<u64, Vec<Hash>> {
    let mut seen: BTreeMap<u64, Vec<Hash>> = BTreeMap::new();
    for note in notes {
        let signed = SignedCheckpoint::parse_with_extensions(note.as_bytes());
        if let Ok(signed) = signed
            && let Ok(checkpoint) = signed.verify(key)
        {
            let roots = seen.entry(checkpoint.size()).or_default();
            if !roots.contains(&checkpoint.root()) {
                roots.push(checkpoint.root());
            }
        }
    }
    seen
}

/// The first line of a note, as it is claimed.
pub(crate) fn origin(note: &[u8]) -> String {
    let line = note.split(|it| *it == b'\n').next().unwrap_or_default();
    String::from_utf8_lossy(line).into_owned()
}

/// `from-17.proof`, written in one way.
fn size_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(BEFORE)?.strip_suffix(AFTER)?;
    let size: u64 = digits.parse().ok()?;
    (size.to_string() == digits).then_some(size)
}

fn hashes(bytes: &[u8]) -> Option<Vec<Hash>> {
    let text = str::from_utf8(bytes).ok()?;
    if text.is_empty() {
        return Some(Vec::new());
    }
    let lines = text.strip_suffix('\n')?.split('\n');
    let hashes: Option<Vec<Hash>> = lines.map(|it| Hash::from_base64(it).ok()).collect();
    hashes.filter(|it| it.len() <= limits::CONSISTENCY_HASHES)
}

fn malformed(what: String) -> LaterLogError {
    LaterLogError::Malformed { what }
}

const CHECKPOINT: &str = "checkpoint";
const BEFORE: &str = "from-";
const AFTER: &str = ".proof";
const TEXT: &str = "text/plain";
