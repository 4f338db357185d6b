//! Detached signatures: a file that signs the bytes of another, with no log and no trusted time.

use std::sync::Arc;

use attest_digest::{Algorithm, Artifact, Digest};
use jiff::Timestamp;

use super::detached_key::{DetachedKey, Key};
use super::observed::Observed;
use super::openpgp::{self, Certificate};
use super::{Dialect, minisign, ssh};
use crate::check::{Check, Rejection};
use crate::claims::Claims;
use crate::evidence::{Evidence, ProvenContent, ProvenSigner, Skipped};
use crate::expected::{ExpectedSigner, any_of};
use crate::key::{KeyKind, KeyNumbers};
use crate::limits;
use crate::signature::signed_form;
use crate::verifier::Verifier;

/// A file of detached signatures, claimed: OpenPGP, minisign or SSH.
#[derive(Debug, Clone)]
pub struct Detached {
    pub(super) form: Form,
    /// What all signatures of the file hash, each once: one reading of the bytes serves them all, also
    /// when they are split.
    pub(super) hashes: Arc<[Salted]>,
}

/// What is hashed begins with a salt, which is empty for most.
pub(super) type Salted = (Algorithm, Vec<u8>);

#[derive(Debug, Clone)]
pub(super) enum Form {
    OpenPgp(Vec<openpgp::Signature>),
    Minisign(Box<minisign::Signature>),
    Ssh(Box<ssh::Signature>),
}

impl Detached {
    /// Whether bytes begin as one of these is written, well or badly: what reads bundles need not try.
    pub fn looks_like(bytes: &[u8]) -> bool {
        openpgp::looks_like(bytes)
            || bytes.starts_with(minisign::UNTRUSTED.as_bytes())
            || bytes.trim_ascii_start().starts_with(ssh::BEGIN.as_bytes())
    }

    /// Reads a file of detached signatures, whichever kind it is.
    ///
    /// # Errors
    /// It is none, or beyond the limits, or signs in a way that we do not verify.
    pub fn parse(bytes: &[u8]) -> Result<Self, Rejection> {
        if bytes.len() > limits::DETACHED_BYTES {
            let found = format!("{} bytes", bytes.len());
            let wanted = format!("at most {}", limits::DETACHED_BYTES);
            return Err(Check::new("signature-too-large", found, wanted).into());
        }
        if openpgp::looks_like(bytes) {
            let signatures = openpgp::signatures(bytes).map_err(|it| of_openpgp(&it))?;
            check_hashes(&signatures)?;
            return Ok(Self::of(Form::OpenPgp(signatures)));
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Err(malformed("bytes of no kind that we know").into());
        };
        if text.trim_ascii_start().starts_with(ssh::BEGIN) {
            let signature = ssh::Signature::parse(text).map_err(|it| of_ssh(&it))?;
            return Ok(Self::of(Form::Ssh(Box::new(signature))));
        }
        if text.starts_with(minisign::UNTRUSTED) {
            let signature = minisign::Signature::parse(text).map_err(of_minisign)?;
            return Ok(Self::of(Form::Minisign(Box::new(signature))));
        }
        Err(malformed("text of no kind that we know").into())
    }

    /// Each signature by itself: one of them that is refused says nothing about the others.
    pub fn split(self) -> Vec<Self> {
        let Self { form, hashes } = self;
        let forms = match form {
            Form::OpenPgp(signatures) => {
                let alone = |it| Form::OpenPgp(vec![it]);
                signatures.into_iter().map(alone).collect()
            }
            form => vec![form],
        };
        let with_all = |form| Self {
            form,
            hashes: Arc::clone(&hashes),
        };
        forms.into_iter().map(with_all).collect()
    }

    fn of(form: Form) -> Self {
        let hashes = form.hashes().into_iter();
        let hashes = hashes.map(|(algorithm, salt)| (algorithm, salt.to_owned()));
        Self {
            hashes: hashes.collect(),
            form,
        }
    }

    /// What kind of signatures.
    pub const fn dialect(&self) -> Dialect {
        match self.form {
            Form::OpenPgp(_) => Dialect::OpenPgp,
            Form::Minisign(_) => Dialect::Minisign,
            Form::Ssh(_) => Dialect::Ssh,
        }
    }

    /// What kind of signatures, in words.
    pub const fn kind(&self) -> &'static str {
        self.dialect().name()
    }

    /// What the file says of itself, unproven: each with a name. Escape the values before showing
    /// them.
    pub fn claims(&self) -> Vec<(&'static str, String)> {
        match &self.form {
            Form::OpenPgp(signatures) => signatures.iter().flat_map(openpgp::claims).collect(),
            Form::Minisign(signature) => vec![
                ("key id", signature.key_id()),
                ("trusted comment", signature.comment().to_owned()),
            ],
            Form::Ssh(signature) => vec![
                ("signer key", signature.key.to_string()),
                ("namespace", signature.namespace()),
                ("digest", signature.hash.to_string()),
            ],
        }
    }

    /// The key that an SSH signature comes with, if it has this fingerprint: a pin makes it the
    /// user's word.
    pub fn key_with_fingerprint(&self, sha256: &str) -> Option<DetachedKey> {
        match &self.form {
            Form::Ssh(signature) if signature.key.fingerprint() == sha256 => {
                Some(DetachedKey(Key::Ssh(Box::new(signature.key.clone()))))
            }
            _ => None,
        }
    }
}

/// Why a detached signature was not verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DetachedError {
    /// It was refused.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The bytes that were hashed are not the artifact's: they changed in between.
    #[error("the file changed while it was read")]
    Changed,
}

/// What is proven of one signature.
struct Proven {
    signer: ProvenSigner,
    keys: Vec<KeyNumbers>,
    signature: Vec<u8>,
    what: String,
    /// When it was made, as the signer says.
    asserted: Option<Timestamp>,
}

impl Verifier {
    /// Verifies that the expected signer, or one of several, made one of the signatures of a file over
    /// this artifact.
    ///
    /// It says nothing of a log or a trusted time: both must be accepted to be absent.
    ///
    /// # Errors
    /// Whatever is not as it must be, each with its code of [`CODES`](crate::CODES); the observed
    /// bytes are not the artifact's.
    pub fn verify_detached(
        &self,
        detached: &Detached,
        observed: &Observed,
        artifact: &Artifact,
        expected: &(impl AsRef<[ExpectedSigner]> + ?Sized),
    ) -> Result<Evidence, DetachedError> {
        if observed.sha256 != artifact.sha256() {
            return Err(DetachedError::Changed);
        }
        if let Some(form) = artifact.signed_form() {
            return Err(DetachedError::Rejected(signed_form(form).into()));
        }
        let proven = detached
            .judge_any(observed, expected.as_ref(), self.now(), FILE)
            .map_err(Rejection::from)?;
        let skipped = self.absent(&proven)?;
        Ok(evidence(detached, proven, observed.sha256, skipped))
    }

    /// The same over the signed bytes of a git object.
    pub(crate) fn verify_git_detached(
        &self,
        detached: &Detached,
        mut payload: &[u8],
        expected: &(impl AsRef<[ExpectedSigner]> + ?Sized),
    ) -> Result<Evidence, Rejection> {
        let observed = detached.observe(&mut payload);
        let observed = observed.map_err(|_| malformed("bytes that cannot be read"))?;
        let proven = detached.judge_any(&observed, expected.as_ref(), self.now(), GIT)?;
        let skipped = self.absent(&proven)?;
        Ok(evidence(detached, proven, observed.sha256, skipped))
    }

    fn absent(&self, proven: &Proven) -> Result<Vec<Skipped>, Rejection> {
        let accept = self.accepted();
        let mut failed = Vec::new();
        if !accept.no_log {
            let wanted = "a log entry, which such a signature cannot have";
            failed.push(Check::new("log-missing", "no log entry", wanted));
        }
        if !accept.no_time {
            let found = proven.asserted.map_or_else(
                || "no time".to_owned(),
                |it| format!("{it}, as the signer says"),
            );
            let wanted = "a trusted time, which such a signature cannot have";
            failed.push(Check::new("time-missing", found, wanted));
        }
        Rejection::unless_empty(failed)?;
        let mut skipped = vec![Skipped::Log, Skipped::Time];
        skipped.extend(proven.asserted.map(|time| Skipped::SignerTime { time }));
        Ok(skipped)
    }
}

impl Detached {
    /// One of the expected keys suffices. Else the refusal that says most: not that somebody else
    /// signed.
    fn judge_any(
        &self,
        observed: &Observed,
        expected: &[ExpectedSigner],
        now: Timestamp,
        namespace: &'static str,
    ) -> Result<Proven, Check> {
        let mut refused = None;
        for signer in expected {
            let ExpectedSigner::Detached(key) = signer else {
                continue;
            };
            match self.judge(observed, key, now, namespace) {
                Ok(proven) => return Ok(proven),
                Err(check) => keep_more_telling(&mut refused, check),
            }
        }
        match refused {
            Some(check) if check.code() != SOMEBODY_ELSE => Err(check),
            _ => {
                let found = self.claimed_signer();
                Err(Check::new(SOMEBODY_ELSE, found, any_of(expected)))
            }
        }
    }

    fn judge(
        &self,
        observed: &Observed,
        key: &DetachedKey,
        now: Timestamp,
        namespace: &'static str,
    ) -> Result<Proven, Check> {
        match (&self.form, &key.0) {
            (Form::OpenPgp(signatures), Key::OpenPgp(certificate)) => {
                judge_openpgp(signatures, observed, certificate, now)
            }
            (Form::Minisign(signature), Key::Minisign(key)) => {
                let hash = observed.blake2b.as_ref();
                signature.judge(key, hash.ok_or_else(|| malformed("no hash"))?)?;
                Ok(Proven {
                    signer: ProvenSigner::Minisign {
                        key: key.text().to_owned(),
                    },
                    keys: vec![key.numbers()],
                    signature: signature.bytes().to_vec(),
                    what: "Ed25519 over BLAKE2b-512".to_owned(),
                    asserted: None,
                })
            }
            (Form::Ssh(signature), Key::Ssh(key)) => {
                let digest = observed.digest(signature.hash, &[], &[]);
                let digest = digest.ok_or_else(|| malformed("no hash"))?;
                signature.judge(key, &digest, namespace)?;
                Ok(Proven {
                    signer: ProvenSigner::Ssh {
                        fingerprint: key.fingerprint(),
                    },
                    keys: vec![key.numbers()],
                    signature: signature.bytes(),
                    what: format!(
                        "{}{} over {}",
                        key.kind(),
                        advice(key.kind()),
                        signature.hash
                    ),
                    asserted: None,
                })
            }
            _ => Err(Check::new(SOMEBODY_ELSE, self.claimed_signer(), key)),
        }
    }

    /// Who claims to have signed.
    fn claimed_signer(&self) -> String {
        match &self.form {
            Form::OpenPgp(signatures) => signatures
                .first()
                .map_or_else(|| self.kind().to_owned(), openpgp::Signature::hint),
            Form::Minisign(signature) => {
                format!("minisign key id {} (claimed)", signature.key_id())
            }
            Form::Ssh(signature) => format!("{} (claimed)", signature.key),
        }
    }
}

fn keep_more_telling(refused: &mut Option<Check>, check: Check) {
    let says_more = |old: &Check| old.code() == SOMEBODY_ELSE && check.code() != SOMEBODY_ELSE;
    if refused.as_ref().is_none_or(says_more) {
        *refused = Some(check);
    }
}

/// Every signature of the file is judged; one by the expected key suffices. Else the refusal of one
/// that claims to be by it says more than that of somebody else's.
fn judge_openpgp(
    signatures: &[openpgp::Signature],
    observed: &Observed,
    certificate: &Certificate,
    now: Timestamp,
) -> Result<Proven, Check> {
    let mut refused: Option<Check> = None;
    for signature in signatures {
        let digest = signature
            .algorithm()
            .and_then(|it| observed.digest(it, signature.salt(), signature.trailer()));
        match openpgp::judge(signature, certificate, digest.as_ref(), now) {
            Ok(made) => {
                return Ok(Proven {
                    what: format!("{}{} over the bytes", made.kind, advice(made.kind)),
                    signer: ProvenSigner::OpenPgp {
                        primary: made.primary,
                        key: made.key,
                    },
                    keys: made.keys.to_vec(),
                    signature: signature.bytes(),
                    asserted: Some(made.created),
                });
            }
            Err(check) => keep_more_telling(&mut refused, check),
        }
    }
    Err(refused.unwrap_or_else(|| malformed("no signature")))
}

fn evidence(
    detached: &Detached,
    proven: Proven,
    digest: Digest,
    skipped: Vec<Skipped>,
) -> Evidence {
    let mut checks = vec![
        Check::new("bundle", detached.kind(), "a detached signature"),
        Check::new("signer", &proven.signer, &proven.signer),
        Check::new("signature", &proven.what, &proven.signer),
        Check::new("subject", digest, digest),
    ];
    if let Some(time) = proven.asserted {
        let found = format!("{time}, as the signer says");
        checks.push(Check::new("validity", found, "a key valid at that time"));
    }
    Evidence {
        signature: proven.signature,
        signer: proven.signer,
        key: None,
        keys: proven.keys,
        claims: Claims::default(),
        content: ProvenContent::Message(digest),
        times: Vec::new(),
        timestamps: Vec::new(),
        logs: Vec::new(),
        authority: None,
        checks,
        skipped,
    }
}

/// Each signature of version 6 asks for a hash of its own.
fn check_hashes(signatures: &[openpgp::Signature]) -> Result<(), Check> {
    let mut hashes: Vec<_> = signatures
        .iter()
        .map(|it| (it.algorithm().map(Algorithm::name), it.salt()))
        .collect();
    hashes.sort_unstable();
    hashes.dedup();
    if hashes.len() > limits::DETACHED_HASHES {
        let found = format!("{} different hashes", hashes.len());
        let wanted = format!("at most {}", limits::DETACHED_HASHES);
        return Err(Check::new("signature-too-large", found, wanted));
    }
    Ok(())
}

/// What the reader should know of a key that is taken all the same.
const fn advice(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Rsa { bits } if bits < 3072 => " (short: 3072 bits are advised)",
        _ => "",
    }
}

fn malformed(found: &str) -> Check {
    Check::new("signature-malformed", found, "a detached signature")
}

fn of_openpgp(problem: &openpgp::Problem) -> Check {
    use openpgp::Problem;
    let code = match problem {
        Problem::Malformed(_) | Problem::PrivateKey | Problem::KeyVersion(_) => {
            "signature-malformed"
        }
        Problem::TooLarge(_) => "signature-too-large",
        Problem::NotDetached(_) => "signature-not-detached",
        Problem::Version(_) => "signature-algorithm-unsupported",
    };
    Check::new(code, problem, "a detached OpenPGP signature")
}

fn of_minisign(problem: minisign::Problem) -> Check {
    match problem {
        minisign::Problem::Malformed(found) => {
            Check::new("signature-malformed", found, "a minisign signature")
        }
        minisign::Problem::Legacy => Check::new(
            "signature-algorithm-unsupported",
            "a signature over the whole file (minisign's older form, signify)",
            "one over the file's hash",
        ),
    }
}

fn of_ssh(problem: &ssh::Problem) -> Check {
    let code = match problem {
        ssh::Problem::Malformed(_) => "signature-malformed",
        ssh::Problem::Unsupported(_) => "signature-algorithm-unsupported",
        ssh::Problem::Weak(text) if text.contains("SHA-1") => "signature-hash-weak",
        ssh::Problem::Weak(_) => "key-weak",
    };
    Check::new(code, problem, "an SSH signature")
}

const SOMEBODY_ELSE: &str = "signer-mismatch";
/// For what an SSH signature of a file is made, and one of a git object.
const FILE: &str = "file";
const GIT: &str = "git";
