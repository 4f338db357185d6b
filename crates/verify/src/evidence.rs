//! What a verification proved.

use std::fmt;

use attest_digest::Digest;
use attest_provenance::Statement;
use jiff::Timestamp;

use crate::check::Check;
use crate::claims::Claims;
use crate::dialect::Fingerprint;
use crate::expected::ExpectedSigner;
use crate::key::{KeyNumbers, PublicKey};
use crate::stamp::TimestampProof;

/// What was verified about a bundle, all of it proven.
///
/// Only [`Verifier`](crate::Verifier) makes one:
///
/// ```
/// fn report(evidence: &attest_verify::Evidence) -> String {
///     let evidence = evidence.clone();
///     evidence.signer().to_string()
/// }
/// ```
///
/// ```compile_fail
/// fn report(evidence: &attest_verify::Evidence) -> String {
///     let evidence = attest_verify::Evidence { ..evidence.clone() };
///     evidence.signer().to_string()
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Evidence {
    pub(crate) signer: ProvenSigner,
    pub(crate) key: Option<PublicKey>,
    pub(crate) keys: Vec<KeyNumbers>,
    pub(crate) claims: Claims,
    pub(crate) signature: Vec<u8>,
    pub(crate) content: ProvenContent,
    pub(crate) times: Vec<ProvenTime>,
    pub(crate) timestamps: Vec<TimestampProof>,
    pub(crate) logs: Vec<ProvenLog>,
    pub(crate) authority: Option<ProvenAuthority>,
    pub(crate) checks: Vec<Check>,
    pub(crate) skipped: Vec<Skipped>,
}

/// What was signed.
#[derive(Debug, Clone)]
pub(crate) enum ProvenContent {
    /// The bytes with this digest.
    Message(Digest),
    /// A statement.
    Statement(Box<Statement>),
}

impl Evidence {
    /// Who signed.
    pub const fn signer(&self) -> &ProvenSigner {
        &self.signer
    }

    /// Whether this is by the signer that was expected, with all claims that were.
    pub fn is_by(&self, expected: &ExpectedSigner) -> bool {
        let claims = match expected {
            ExpectedSigner::Identity(identity) => identity.claims(),
            _ => &[],
        };
        self.signer.is(expected) && self.claims.satisfy(claims).is_ok()
    }

    /// What the signer's certificate claims beside the identity: documented names and values.
    pub fn claims(&self) -> &[(&'static str, String)] {
        self.claims.all()
    }

    /// The key that signed: the signer's own, or the one in the signer's certificate; none for an
    /// OpenPGP, minisign or SSH signature.
    pub const fn key(&self) -> Option<&PublicKey> {
        self.key.as_ref()
    }

    /// The keys that stand behind the signature, by their numbers alone: one key is the same here in
    /// whatever form it was named. Of OpenPGP the key that signed and the primary key.
    pub fn keys(&self) -> &[KeyNumbers] {
        &self.keys
    }

    /// The bytes of the signature.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// The statement that was signed; none for a message signature.
    pub fn statement(&self) -> Option<&Statement> {
        match &self.content {
            ProvenContent::Statement(statement) => Some(statement),
            ProvenContent::Message(_) => None,
        }
    }

    /// The digest of the bytes that were signed; none for a statement.
    pub const fn message_digest(&self) -> Option<&Digest> {
        match &self.content {
            ProvenContent::Message(digest) => Some(digest),
            ProvenContent::Statement(_) => None,
        }
    }

    /// Times at which the signature existed, at most one of each authority.
    pub fn times(&self) -> &[ProvenTime] {
        &self.times
    }

    /// Of the times those that timestamps prove, with what each rests on.
    pub fn timestamps(&self) -> &[TimestampProof] {
        &self.timestamps
    }

    /// Places in logs, at most one of each log.
    pub fn logs(&self) -> &[ProvenLog] {
        &self.logs
    }

    /// Who issued the signer's certificate; none for a key.
    pub const fn certificate_authority(&self) -> Option<&ProvenAuthority> {
        self.authority.as_ref()
    }

    /// What was checked, in order, each with a code of [`STEPS`](crate::STEPS).
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// What was not checked, and why.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }
}

/// A signer, proven by a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProvenSigner {
    /// The holder of this key.
    Key(PublicKey),
    /// The identity of a certificate that leads to a trusted root.
    Identity {
        /// The e-mail address or URI.
        identity: String,
        /// Who vouched for it.
        issuer: String,
    },
    /// The holder of an OpenPGP key.
    OpenPgp {
        /// The primary key: whom one counts.
        primary: Fingerprint,
        /// The key that signed: the primary key itself, or a subkey that it bound.
        key: Fingerprint,
    },
    /// The holder of a minisign key.
    Minisign {
        /// The key in its one line of base64.
        key: String,
    },
    /// The holder of an SSH key.
    Ssh {
        /// As `ssh-keygen -l` prints it, without `SHA256:`.
        fingerprint: String,
    },
}

impl ProvenSigner {
    /// Whether this is the signer that was expected, whatever else the certificate must claim.
    pub fn is(&self, expected: &ExpectedSigner) -> bool {
        match (self, expected) {
            (Self::Key(found), ExpectedSigner::Key(wanted)) => found == wanted,
            (Self::Identity { identity, issuer }, ExpectedSigner::Identity(wanted)) => {
                wanted.identity().matches(identity) && issuer == wanted.issuer()
            }
            (signer, ExpectedSigner::Detached(key)) => key.is_signer(signer),
            _ => false,
        }
    }
}

impl fmt::Display for ProvenSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => key.fmt(f),
            Self::Identity { identity, issuer } => write!(f, "{identity} by {issuer}"),
            Self::OpenPgp { primary, key } if primary == key => write!(f, "OpenPGP key {primary}"),
            Self::OpenPgp { primary, key } => {
                write!(f, "OpenPGP key {primary} (subkey {key})")
            }
            Self::Minisign { key } => write!(f, "minisign key {key}"),
            Self::Ssh { fingerprint } => write!(f, "SSH key SHA256:{fingerprint}"),
        }
    }
}

/// A time at which the signature existed, as a trusted authority says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenTime {
    pub(crate) time: Timestamp,
    pub(crate) authority: String,
    pub(crate) uri: Option<String>,
    pub(crate) source: TimeSource,
    pub(crate) root: String,
}

/// How a time was proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeSource {
    /// By an RFC 3161 timestamp over the signature.
    Timestamp,
    /// By a Rekor v1 log's promise to include the entry.
    Promise,
}

impl ProvenTime {
    /// The time.
    pub const fn time(&self) -> Timestamp {
        self.time
    }

    /// Who says so: the name in the authority's certificate, or the log's origin. Whether it is
    /// independent of the signer, only the verifier can say.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Where the authority is served, as the trusted root says.
    pub fn authority_uri(&self) -> Option<&str> {
        self.uri.as_deref()
    }

    /// How it was proven.
    pub const fn source(&self) -> TimeSource {
        self.source
    }

    /// The name of the trusted root that has the authority.
    pub fn root(&self) -> &str {
        &self.root
    }
}

/// The authority that issued the signer's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenAuthority {
    pub(crate) name: String,
    pub(crate) root: String,
}

impl ProvenAuthority {
    /// Its name: the common name of the certificate that issues, as the trusted root has it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of the trusted root that has it.
    pub fn root(&self) -> &str {
        &self.root
    }
}

/// A place in a trusted log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenLog {
    pub(crate) origin: String,
    pub(crate) log_id: [u8; 32],
    pub(crate) index: u64,
    pub(crate) tree_size: Option<u64>,
    pub(crate) root: String,
}

impl ProvenLog {
    /// The log: the host that names it. Whether the signer keeps it, only the verifier can say.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The log's id.
    pub const fn log_id(&self) -> &[u8; 32] {
        &self.log_id
    }

    /// The place of the entry: in the tree, or in the log if there is only a promise.
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Leaves of the tree in which the entry was proven; 0 if there is only a promise.
    pub fn tree_size(&self) -> u64 {
        self.tree_size.unwrap_or(0)
    }

    /// The name of the trusted root that has the log.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Whether inclusion was proven, and not only promised.
    pub const fn is_proven(&self) -> bool {
        self.tree_size.is_some()
    }
}

/// Something that was not checked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Skipped {
    /// No log entry: `no-log` was accepted.
    Log,
    /// An entry of a log that no trusted root has: `no-log` was accepted.
    LogUnknown {
        /// The claimed log id in hexadecimal.
        id: String,
    },
    /// A promise without an inclusion proof: `set-only` was accepted.
    Proof,
    /// No trusted time: `no-time` was accepted.
    Time,
    /// A timestamp of an authority that no trusted root has: `no-time` was accepted.
    TimeUnknown,
    /// When the signature was made is only the signer's word, and the key was judged at it.
    SignerTime {
        /// The time that the signer signed.
        time: Timestamp,
    },
    /// Whether the log's key was valid: there is no trusted time to judge it at.
    LogKeyValidity,
    /// A time of the log that no promise proves.
    IntegratedTime,
    /// Whether the artifact's bytes could be taken for a statement: only their digest is known.
    Bytes,
    /// Whether a certificate log has seen the certificate: its authority's trusted root has none.
    CertificateLog,
    /// The second opinion: the Sigstore organisation's verifier cannot judge this.
    Engine {
        /// Why it cannot.
        reason: &'static str,
    },
}

impl Skipped {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Log => "no-log",
            Self::LogUnknown { .. } => "log-unknown",
            Self::Proof => "set-only",
            Self::Time => "no-time",
            Self::TimeUnknown => "time-unknown",
            Self::SignerTime { .. } => "signer-time",
            Self::LogKeyValidity => "log-key-validity",
            Self::IntegratedTime => "integrated-time",
            Self::Bytes => "bytes-not-seen",
            Self::CertificateLog => "certificate-log",
            Self::Engine { .. } => "engine",
        }
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log => f.write_str("log: there is no entry (no-log was accepted)"),
            Self::LogUnknown { id } => write!(
                f,
                "log: no trusted root has the log {id} (no-log was accepted)"
            ),
            Self::Proof => {
                f.write_str("inclusion proof: there is only a promise (set-only was accepted)")
            }
            Self::Time => f.write_str("time: there is none (no-time was accepted)"),
            Self::TimeUnknown => {
                f.write_str("timestamp: no trusted root has its authority (no-time was accepted)")
            }
            Self::SignerTime { time } => write!(
                f,
                "time of the signature: {time} is asserted by the signer alone, and the key was judged at it"
            ),
            Self::LogKeyValidity => {
                f.write_str("validity of the log's key: there is no trusted time to judge it at")
            }
            Self::IntegratedTime => f.write_str("integrated time of the log: no promise proves it"),
            Self::Bytes => f.write_str(
                "whether the bytes could be taken for a statement: only their digest is known",
            ),
            Self::CertificateLog => f.write_str(
                "certificate log: the trusted root of the certificate's authority has none",
            ),
            Self::Engine { reason } => write!(f, "second opinion of the Sigstore engine: {reason}"),
        }
    }
}
