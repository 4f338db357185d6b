//! From what is to be signed to bundles that verify.

use attest_digest::{Algorithm, Artifact, Digest, Hashes, SignedForm, hash_all};
use attest_log::Inclusion;
use attest_log::entry::{Entry, EntryError, Verifier as EntryVerifier};
use attest_provenance::{Envelope, PAYLOAD_TYPE, Statement, StatementError, limits, pae};
use attest_verify::{Bundle, Evidence, ExpectedSigner, Rejection, Subject, Verifier};
use jiff::Timestamp;

use crate::artifact_key::{ArtifactKey, SignatureError};
use crate::bundle::{BundleError, Content, Parts};
use crate::crypto::LibraryRefused;
use crate::service::{LogAppendError, LogAppender, TimestampError, Timestamper};
use crate::services::{DraftError, IssueError};

/// Signs with one key, under one log and one timestamp authority, for one verifier.
pub struct Signer<'a> {
    key: &'a ArtifactKey,
    timestamper: &'a dyn Timestamper,
    log: &'a mut dyn LogAppender,
    verifier: &'a Verifier,
}

/// Something to sign.
#[derive(Debug, Clone, Copy)]
pub enum Unsigned<'a> {
    /// Bytes that were read: a message signature over their SHA-256.
    Artifact(&'a Artifact),
    /// The bytes of an in-toto statement: a DSSE envelope that carries exactly these.
    Statement(&'a [u8]),
}

impl Unsigned<'_> {
    /// The digest of what the signature covers: of the bytes, or of the statement's PAE.
    pub(crate) fn digest(&self, algorithm: Algorithm) -> Result<Digest, LibraryRefused> {
        let digest = match self {
            Self::Artifact(artifact) => artifact.digest(algorithm),
            Self::Statement(payload) => {
                let pae = pae(PAYLOAD_TYPE, payload);
                Artifact::of_bytes(&pae, Hashes::Sha256.with(algorithm)).digest(algorithm)
            }
        };
        digest.ok_or(LibraryRefused {
            what: "give the digest that the key signs",
        })
    }

    /// With the signature over that digest, as it stands in a bundle.
    pub(crate) fn signed(&self, digest: Digest, signature: &[u8]) -> Content {
        let signature = signature.to_vec();
        match self {
            Self::Artifact(_) => Content::Message { digest, signature },
            Self::Statement(payload) => {
                Content::Envelope(Envelope::new(PAYLOAD_TYPE, payload.to_vec(), signature))
            }
        }
    }
}

/// Something that was signed, logged, timestamped and verified.
#[derive(Debug)]
pub struct Signed {
    pub(crate) bundle: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    pub(crate) log_index: u64,
    pub(crate) evidence: Evidence,
}

impl Signed {
    /// The bundle, version 0.3, compact JSON.
    pub fn bundle(&self) -> &[u8] {
        &self.bundle
    }

    /// The DER signature in the bundle: over the artifact, or over the statement's PAE.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// What the bundle proves, as the verifier found.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// The index of the entry in the log; in the first, if there are several.
    pub fn log_index(&self) -> u64 {
        self.log_index
    }
}

/// Why nothing was handed out. `position` counts what was to be signed, from 0.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The bytes to be signed begin as the signed form of something else does, such as a statement: a
    /// signature over them would be one over that, which nobody meant to sign.
    #[error("the bytes begin as the signed form of {}: a signature over them would sign that", .form.name())]
    PaeAsMessage {
        /// Of the bytes.
        position: usize,
        /// What they begin as.
        form: SignedForm,
    },
    /// Not an in-toto statement that others will read.
    #[error("statement: {source}")]
    Statement {
        /// Of the statement.
        position: usize,
        /// What is wrong with it.
        source: StatementError,
    },
    /// No timestamp.
    #[error(transparent)]
    Timestamp(#[from] TimestampError),
    /// No log entry.
    #[error(transparent)]
    Log(#[from] LogAppendError),
    /// A service gave another number of answers than was asked for.
    #[error("{service} gave {found} answers, {wanted} were asked for")]
    Answers {
        /// `log` or `timestamp authority`.
        service: &'static str,
        /// How many came.
        found: usize,
        /// How many were asked for.
        wanted: usize,
    },
    /// No certificate.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// A certificate that nobody would accept.
    #[error("the certificate that was issued does not verify: {rejection}")]
    Certificate {
        /// Why not.
        rejection: Box<Rejection>,
    },
    /// A certificate that was made for somebody else's key.
    #[error("the certificate that was issued is for another key than ours")]
    CertificateKey,
    /// A certificate that ends before anything could be signed under it.
    #[error("the certificate that was issued ends at {until}, which leaves no time to sign")]
    CertificateShort {
        /// When.
        until: Timestamp,
    },
    /// What services gave does not prove what it must: it is not handed out.
    #[error("what the services gave does not verify: {rejection}")]
    Refuted {
        /// Of what was to be signed.
        position: usize,
        /// Why not.
        rejection: Box<Rejection>,
    },
    /// What was signed could not be kept for a run after this one.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// The log entry could not be written.
    #[error("log entry: {0}")]
    Entry(#[from] EntryError),
    /// The bundle could not be written.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The key, or the token that keeps it, gave no signature.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// A finished bundle does not verify: it is not handed out.
    #[error("the bundle that was made does not verify: {rejection}")]
    Rejected {
        /// Of what was to be signed.
        position: usize,
        /// Why not.
        rejection: Box<Rejection>,
    },
    /// A finished bundle is not one that verifiers read: it is not handed out.
    #[error("the bundle that was made cannot be read: {source}")]
    Unreadable {
        /// Of what was to be signed.
        position: usize,
        /// Why not.
        source: attest_verify::BundleError,
    },
    /// The cryptographic library failed.
    #[error(transparent)]
    Library(#[from] LibraryRefused),
}

impl SignError {
    /// The stable code of this refusal.
    pub fn code(&self) -> &'static str {
        match self {
            Self::PaeAsMessage { .. } => "pae-as-message",
            Self::Statement { source, .. } => source.code(),
            Self::Timestamp(error) => error.code(),
            Self::Log(error) => error.code(),
            Self::Answers { .. } => "service-answers",
            Self::Issue(error) => error.code(),
            Self::Certificate { rejection } | Self::Refuted { rejection, .. } => {
                first_code(rejection)
            }
            Self::CertificateKey => "certificate-other-key",
            Self::CertificateShort { .. } => "certificate-too-short",
            Self::Draft(error) => error.code(),
            Self::Entry(_) | Self::Bundle(_) => "encoding-failed",
            Self::Signature(error) => error.code(),
            Self::Rejected { .. } | Self::Unreadable { .. } => "own-bundle-rejected",
            Self::Library(refused) => refused.code(),
        }
    }
}

impl<'a> Signer<'a> {
    /// A signer with these. The verifier has the trust that acquirers will have.
    pub fn new(
        key: &'a ArtifactKey,
        timestamper: &'a dyn Timestamper,
        log: &'a mut dyn LogAppender,
        verifier: &'a Verifier,
    ) -> Self {
        Self {
            key,
            timestamper,
            log,
            verifier,
        }
    }

    /// Signs all of these, in order: first every signature, then every timestamp, then one batch of
    /// log entries; nothing is handed out that does not verify.
    ///
    /// # Errors
    /// Before anything is logged: `pae-as-message`, a statement's code, or no timestamp. After that
    /// the log may hold entries that no bundle uses.
    pub fn sign(&mut self, unsigned: &[Unsigned<'_>]) -> Result<Vec<Signed>, SignError> {
        if unsigned.is_empty() {
            return Ok(Vec::new());
        }
        for (position, one) in unsigned.iter().enumerate() {
            check(one, position)?;
        }
        let key = self.key;
        // A token may take long over each signature, and several at once.
        let threads = if key.is_in_token() { TOKEN_THREADS } else { 1 };
        let contents = hash_all(threads, unsigned, |one| sign_one(key, one))
            .into_iter()
            .collect::<Result<Vec<_>, _>>()?;
        let signatures: Vec<&[u8]> = contents
            .iter()
            .map(|one| one.signature.as_slice())
            .collect();
        let timestamps = self.timestamper.timestamp_all(&signatures)?;
        expect_answers("timestamp authority", timestamps.len(), contents.len())?;
        let bodies = contents
            .iter()
            .map(|one| self.body(one))
            .collect::<Result<Vec<_>, _>>()?;
        let inclusions = self.log.append(&bodies)?;
        expect_answers("log", inclusions.len(), contents.len())?;

        let expected = ExpectedSigner::Key(self.key.public().clone());
        let made = contents
            .into_iter()
            .zip(timestamps)
            .zip(bodies)
            .zip(inclusions);
        let mut signed = Vec::with_capacity(unsigned.len());
        for (position, (one, (((content, timestamp), body), inclusion))) in
            unsigned.iter().zip(made).enumerate()
        {
            let bundle = self.bundle(&content, &timestamp, &body, &inclusion)?;
            let evidence = self.verify(one, &bundle, &expected, position)?;
            signed.push(Signed {
                bundle,
                signature: content.signature,
                log_index: inclusion.index,
                evidence,
            });
        }
        Ok(signed)
    }

    fn body(&self, content: &SignedContent) -> Result<Vec<u8>, EntryError> {
        let details = self.key.public().kind().key_details();
        let entry = Entry::new(
            content.digest,
            content.signature.clone(),
            details.ok_or(EntryError::Empty {
                field: "signature.keyDetails",
            })?,
            EntryVerifier::PublicKey(self.key.spki().to_vec()),
        )?;
        Ok(entry.body())
    }

    fn bundle(
        &self,
        content: &SignedContent,
        timestamp: &[u8],
        body: &[u8],
        inclusion: &Inclusion,
    ) -> Result<Vec<u8>, BundleError> {
        let parts = Parts {
            key_hint: self.key.fingerprint(),
            content: &content.content,
            log_id: self.log.log_id(),
            body,
            inclusion,
            timestamp,
        };
        parts.to_json()
    }

    fn verify(
        &self,
        unsigned: &Unsigned<'_>,
        bundle: &[u8],
        expected: &ExpectedSigner,
        position: usize,
    ) -> Result<Evidence, SignError> {
        match verify(self.verifier, None, unsigned, bundle, expected, position)? {
            Ok(evidence) => Ok(evidence),
            Err(rejection) => Err(SignError::Rejected {
                position,
                rejection: Box::new(rejection),
            }),
        }
    }
}

/// Verifies a bundle from its bytes, as anyone would; at this time, if what is to be verified may be
/// younger than the verifier.
pub(crate) fn verify(
    verifier: &Verifier,
    now: Option<Timestamp>,
    unsigned: &Unsigned<'_>,
    bundle: &[u8],
    expected: &ExpectedSigner,
    position: usize,
) -> Result<Result<Evidence, Rejection>, SignError> {
    let bundle =
        Bundle::parse(bundle).map_err(|source| SignError::Unreadable { position, source })?;
    let subject = match unsigned {
        Unsigned::Artifact(artifact) => Some(Subject::Artifact(artifact)),
        Unsigned::Statement(_) => None,
    };
    let now = now.unwrap_or(Timestamp::MIN);
    Ok(verifier.verify_later(now, &bundle, subject.as_ref(), expected))
}

struct SignedContent {
    /// What the signature covers: of the bytes, or of the statement's PAE.
    digest: Digest,
    signature: Vec<u8>,
    content: Content,
}

fn sign_one(key: &ArtifactKey, unsigned: &Unsigned<'_>) -> Result<SignedContent, SignatureError> {
    let digest = unsigned.digest(key.digest_algorithm())?;
    let signature = key.sign_digest(&digest)?;
    Ok(SignedContent {
        content: unsigned.signed(digest, &signature),
        digest,
        signature,
    })
}

/// What is wrong first says why.
fn first_code(rejection: &Rejection) -> &'static str {
    rejection
        .checks()
        .first()
        .map_or(NOT_VERIFIED, attest_verify::Check::code)
}

pub(crate) fn check(unsigned: &Unsigned<'_>, position: usize) -> Result<(), SignError> {
    match unsigned {
        Unsigned::Artifact(artifact) => match artifact.signed_form() {
            Some(form) => Err(SignError::PaeAsMessage { position, form }),
            None => Ok(()),
        },
        Unsigned::Statement(payload) => {
            check_statement(payload).map_err(|source| SignError::Statement { position, source })
        }
    }
}

/// It parses strictly, and has no more subjects than sigstore-go and cosign read.
fn check_statement(payload: &[u8]) -> Result<(), StatementError> {
    let found = Statement::parse(payload)?.subjects().len();
    let limit = limits::SUBJECTS_WRITTEN;
    if found > limit {
        return Err(StatementError::TooManySubjects { found, limit });
    }
    Ok(())
}

pub(crate) fn expect_answers(
    service: &'static str,
    found: usize,
    wanted: usize,
) -> Result<(), SignError> {
    if found == wanted {
        return Ok(());
    }
    Err(SignError::Answers {
        service,
        found,
        wanted,
    })
}

/// Sessions that a token has at once.
const TOKEN_THREADS: usize = 4;

/// A rejection names at least one check.
const NOT_VERIFIED: &str = "own-bundle-rejected";

#[cfg(test)]
mod tests;
