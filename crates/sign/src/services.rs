//! Signing with services that others run: certificates for identities, several logs and timestamp
//! authorities in one bundle, and what survives when one of them fails half-way.
//!
//! ```text
//! token ─► certificate ─► signature ─► timestamps ─► log entries ─► verified ─► bundle
//!                            └── each step is kept in a draft before the next begins ──┘
//! ```

mod certifier;
mod draft;
mod entry;
mod request;
mod signing;

use std::error::Error;

use attest_digest::Digest;
use attest_provenance::Envelope;
use jiff::Timestamp;

use crate::identity_token::IdentityToken;
use crate::service::{LogAppendError, Timestamper};

pub use certifier::{CertifiedKey, Certifier};
pub use draft::{DraftError, Drafts, NoDrafts};
pub use entry::{EntryAnswerError, LogEntry};
pub use signing::{Credential, Holder, ServiceSigner};

/// Issues certificates to those who hold an identity token.
pub trait CertificateIssuer {
    /// The certificates that it answers, in DER, the signer's first. Nothing of them is checked here.
    ///
    /// # Errors
    /// When none could be had.
    fn issue(&self, token: &IdentityToken, request: &str) -> Result<Vec<Vec<u8>>, IssueError>;
}

/// Why there is no certificate: a stable code and what lies behind it.
#[derive(Debug, thiserror::Error)]
#[error("certificate: {source}")]
pub struct IssueError {
    code: &'static str,
    source: Box<dyn Error + Send + Sync>,
}

impl IssueError {
    /// An error of this kebab-case code.
    pub fn new(code: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            code,
            source: source.into(),
        }
    }

    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        self.code
    }
}

/// A log behind an address that takes entries one by one.
pub trait EntryLog {
    /// Where it is: by this a draft remembers who has answered.
    fn address(&self) -> &str;

    /// Whether its entries say when they were made: then they must be made while the certificate is
    /// valid.
    fn tells_time(&self) -> bool;

    /// Adds all of these, several at once, and says what became of each as soon as it is known: the
    /// entry as the log answered, of which nothing is verified; or [`ENTRY_EXISTS`] when the log has
    /// it and does not say where.
    fn add_all(
        &self,
        proposals: &[Proposal<'_>],
        heard: &mut dyn FnMut(usize, Result<LogEntry, LogAppendError>),
    );
}

/// The code of a log that has the entry already and gives no proof of it.
pub const ENTRY_EXISTS: &str = "log-entry-exists";

/// What a log is asked to keep.
#[derive(Debug, Clone, Copy)]
pub struct Proposal<'a> {
    /// Of what was signed: the artifact, or the envelope's pre-authentication encoding.
    pub digest: &'a Digest,
    /// Algorithm and parameters of the key, as protobuf-specs names them.
    pub key_details: &'static str,
    /// The DER signature.
    pub signature: &'a [u8],
    /// Under what it verifies.
    pub verifier: ProposedVerifier<'a>,
    /// The envelope, if a statement was signed.
    pub envelope: Option<&'a Envelope>,
}

/// Under what a signature verifies.
#[derive(Debug, Clone, Copy)]
pub enum ProposedVerifier<'a> {
    /// A DER `SubjectPublicKeyInfo`.
    PublicKey(&'a [u8]),
    /// A DER certificate.
    Certificate(&'a [u8]),
}

/// A timestamp authority behind an address.
#[derive(Clone, Copy)]
pub struct NamedTimestamper<'a> {
    /// Where it is: by this a draft remembers who has answered.
    pub address: &'a str,
    /// The authority.
    pub service: &'a dyn Timestamper,
}

/// The time of a step. Libraries read no clock.
pub type Clock<'a> = &'a dyn Fn() -> Timestamp;
