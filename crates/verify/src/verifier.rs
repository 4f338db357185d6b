//! The verification of a bundle, step by step.

mod known;
mod proven;

use attest_digest::Hashes;
use jiff::Timestamp;

use crate::body::Signed;
use crate::bundle::{Bundle, Content};
use crate::chain;
use crate::check::{Check, Rejection};
use crate::crypto;
use crate::engine::{self, Engine, Opinion, Question};
use crate::evidence::{Evidence, ProvenAuthority, ProvenLog, ProvenTime, Skipped};
use crate::expected::{ExpectedSigner, any_of};
use crate::inclusion::{self, Logged};
use crate::signature::{self, Subject, Verified};
use crate::signer::Signer;
use crate::time::{self, Stamped};
use crate::transparency;
use crate::trusted_root::{TrustedLog, TrustedRoot, TrustedRootError};
use proven::{Certified, Proven, evidence};

/// What less than the whole is accepted. The default accepts nothing less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Accept {
    /// A bundle without an entry in a known log.
    pub no_log: bool,
    /// A bundle without a trusted time. A certificate needs one in any case.
    pub no_time: bool,
    /// A Rekor v1 entry with a signed promise and no inclusion proof.
    pub set_only: bool,
}

/// Verifies bundles: built once, used from many threads.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use attest_digest::{Artifact, Hashes};
/// use attest_verify::{Accept, Bundle, ExpectedSigner, PublicKey, Subject, TrustedRoot, Verifier};
///
/// let signer = ExpectedSigner::Key(PublicKey::parse(&std::fs::read("release.pub")?)?);
/// let root = TrustedRoot::parse(&std::fs::read("trusted_root.json")?)?;
/// let verifier = Verifier::new(vec![root], "2026-11-21T12:00:00Z".parse()?, Accept::default())?;
///
/// let artifact = Artifact::read_path("hello".as_ref(), Hashes::Sha256)?;
/// let bundle = Bundle::parse(&std::fs::read("hello.sigstore.json")?)?;
/// let evidence = verifier.verify(&bundle, &Subject::Artifact(&artifact), &signer)?;
/// assert!(evidence.signer().is(&signer));
/// # Ok(())
/// # }
/// ```
pub struct Verifier {
    roots: Vec<TrustedRoot>,
    now: Timestamp,
    accept: Accept,
    engine: Engine,
}

impl Verifier {
    /// Trusts these roots; `now` only refuses times in the future.
    ///
    /// # Errors
    /// Two roots say different things about one log, or the engine cannot work with a root.
    pub fn new(
        roots: Vec<TrustedRoot>,
        now: Timestamp,
        accept: Accept,
    ) -> Result<Self, TrustedRootError> {
        refuse_conflicts(&roots)?;
        let engine = Engine::new(&roots)?;
        Ok(Self {
            roots,
            now,
            accept,
            engine,
        })
    }

    /// Verifies that the expected signer, or one of several, signed this artifact, or a statement
    /// about it.
    ///
    /// # Errors
    /// Whatever is not as it must be, each with its code of [`CODES`](crate::CODES).
    pub fn verify(
        &self,
        bundle: &Bundle,
        subject: &Subject<'_>,
        expected: &(impl AsRef<[ExpectedSigner]> + ?Sized),
    ) -> Result<Evidence, Rejection> {
        self.judge(bundle, Some(subject), expected.as_ref(), self.now)
    }

    /// As [`Verifier::verify`], or [`Verifier::verify_statement`] without a subject, at a later time than
    /// that of the verifier: what was made since then lies in no future.
    ///
    /// # Errors
    /// As these.
    pub fn verify_later(
        &self,
        now: Timestamp,
        bundle: &Bundle,
        subject: Option<&Subject<'_>>,
        expected: &(impl AsRef<[ExpectedSigner]> + ?Sized),
    ) -> Result<Evidence, Rejection> {
        self.judge(bundle, subject, expected.as_ref(), now.max(self.now))
    }

    /// Verifies that the expected signer, or one of several, signed a statement. What it is about is left to the
    /// caller: nothing is bound to it yet.
    ///
    /// # Errors
    /// As [`Verifier::verify`], and for a message signature.
    pub fn verify_statement(
        &self,
        bundle: &Bundle,
        expected: &(impl AsRef<[ExpectedSigner]> + ?Sized),
    ) -> Result<Evidence, Rejection> {
        self.judge(bundle, None, expected.as_ref(), self.now)
    }

    fn judge(
        &self,
        bundle: &Bundle,
        subject: Option<&Subject<'_>>,
        expected: &[ExpectedSigner],
        now: Timestamp,
    ) -> Result<Evidence, Rejection> {
        let (answer, _) = crypto::noting(|| self.judge_once(bundle, subject, expected, now));
        answer
    }

    fn judge_once(
        &self,
        bundle: &Bundle,
        subject: Option<&Subject<'_>>,
        expected: &[ExpectedSigner],
        now: Timestamp,
    ) -> Result<Evidence, Rejection> {
        // Without these nothing else means anything.
        let (signer, verified) = signed_by_one(bundle, subject, expected)?;
        signer.check_hint(bundle)?;
        // Of these all failures are reported.
        let mut logged = inclusion::verify(
            bundle,
            &signed(bundle, &signer, &verified),
            |id| self.log(id),
            self.accept,
        );
        let stamped = time::verify(bundle, &self.authorities(), self.accept);
        let mut times = times(&logged, &stamped);
        let mut skipped = [logged.skipped.as_slice(), &stamped.skipped].concat();
        skipped.extend(verified.skipped.clone());
        let mut failed = [logged.failed.as_slice(), &stamped.failed].concat();
        failed.extend(time::check_not_in_future(&times, now).err());
        failed.extend(self.check_times(&times, &logged, &stamped, &signer, &mut skipped));
        Rejection::unless_empty(failed)?;
        self.name_roots(&mut logged, &mut times);
        let certified = self.certified(bundle, &signer, &times)?;
        skipped.extend(certified.iter().filter_map(|it| it.seen.skipped.clone()));
        let without_certificate_logs = skipped.contains(&Skipped::CertificateLog);
        skipped.extend(self.second_opinion(&Question {
            bundle,
            signer: &signer,
            bound: verified.bound,
            without_entries: &logged.passed_over,
            without_timestamps: &stamped.hidden,
            proven: !logged.logs.is_empty() && logged.logs.iter().all(ProvenLog::is_proven),
            without_certificate_logs,
        })?);
        let proven = Proven {
            logged,
            times,
            timestamps: stamped.proofs,
            certified,
            skipped,
        };
        Ok(evidence(bundle, signer, verified, proven, subject))
    }

    /// Steps 11 and 12.
    fn certified(
        &self,
        bundle: &Bundle,
        signer: &Signer,
        times: &[ProvenTime],
    ) -> Result<Option<Certified>, Check> {
        let Some(issued) = chain::verify(bundle, signer, times, &self.roots)? else {
            return Ok(None);
        };
        Ok(Some(Certified {
            seen: transparency::verify(signer, &issued)?,
            authority: ProvenAuthority {
                name: issued.authority.name().to_owned(),
                root: issued.root.name().to_owned(),
            },
        }))
    }

    /// Times are there, and keys were valid at them.
    fn check_times(
        &self,
        times: &[ProvenTime],
        logged: &Logged,
        stamped: &Stamped,
        signer: &Signer,
        skipped: &mut Vec<Skipped>,
    ) -> Vec<Check> {
        let mut failed = Vec::new();
        if times.is_empty() {
            // A certificate is valid for minutes: without a time it says nothing.
            if self.accept.no_time && signer.certificate.is_none() {
                skipped.push(Skipped::Time);
                if !logged.logs.is_empty() {
                    skipped.push(Skipped::LogKeyValidity);
                }
            } else if stamped.failed.is_empty() && logged.failed.iter().all(is_absence) {
                // Else what failed may have been the time.
                failed.push(Check::new(
                    "time-missing",
                    "no trusted time",
                    "a timestamp of a trusted authority",
                ));
            }
            return failed;
        }
        failed.extend(self.check_log_keys(times, logged).err());
        failed.extend(check_certificate(times, signer).err());
        failed
    }

    /// A log's key was valid when it promised, or else at a time at which the signature existed.
    fn check_log_keys(&self, times: &[ProvenTime], logged: &Logged) -> Result<(), Check> {
        for (log, promised) in logged.logs.iter().zip(&logged.promised) {
            let valid =
                |time: Timestamp| self.logs(&log.log_id).any(|it| it.window().contains(time));
            let ok = match promised {
                Some(time) => valid(*time),
                None => times.iter().any(|it| valid(it.time)),
            };
            if !ok {
                let found = promised.or_else(|| times.first().map(|it| it.time));
                let found = found.map(|it| it.to_string()).unwrap_or_default();
                let windows: Vec<String> = self
                    .logs(&log.log_id)
                    .map(|it| it.window().to_string())
                    .collect();
                return Err(Check::new(
                    "log-key-validity",
                    found,
                    format!("{}: {}", log.origin, windows.join(" or ")),
                ));
            }
        }
        Ok(())
    }

    /// Gives what must be reported as skipped, if the engine cannot judge.
    fn second_opinion(&self, question: &Question<'_>) -> Result<Option<Skipped>, Check> {
        match self.engine.judge(question) {
            Opinion::Accepts => Ok(None),
            Opinion::Rejects(reason) => Err(Check::new(engine::REJECTED, &reason, engine::WANTED)),
            Opinion::None(reason) => Ok(Some(Skipped::Engine { reason })),
        }
    }

    /// The time of this run.
    pub(crate) const fn now(&self) -> Timestamp {
        self.now
    }

    /// Whom it trusts.
    pub(crate) fn roots(&self) -> &[TrustedRoot] {
        &self.roots
    }

    /// What less than the whole is accepted.
    pub(crate) const fn accepted(&self) -> Accept {
        self.accept
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier")
            .field("roots", &self.roots.len())
            .field("now", &self.now)
            .field("accept", &self.accept)
            .finish_non_exhaustive()
    }
}

impl Bundle {
    /// Which digests of the artifact a verification needs. Read from claims, which decide nothing
    /// else by it: without a digest that is needed the answer is no.
    pub fn needed_hashes(&self, expected: &(impl AsRef<[ExpectedSigner]> + ?Sized)) -> Hashes {
        let mut hashes = Hashes::Sha256;
        match self.content() {
            Content::Message { digest, .. } => {
                if let Some(digest) = digest {
                    hashes = hashes.with(digest.algorithm());
                }
                let signers = Signer::candidates(self, expected.as_ref()).unwrap_or_default();
                signers
                    .iter()
                    .map(|it| it.key.kind().digest_algorithm())
                    .fold(hashes, Hashes::with)
            }
            Content::Envelope(envelope) => {
                match attest_provenance::Statement::parse(envelope.unverified_payload()) {
                    Ok(statement) => hashes.with_claims(
                        statement
                            .subjects()
                            .iter()
                            .map(attest_provenance::Subject::digests),
                    ),
                    Err(_) => hashes,
                }
            }
        }
    }
}

/// The signer among those that the bundle can be of whose signature it is.
fn signed_by_one(
    bundle: &Bundle,
    subject: Option<&Subject<'_>>,
    expected: &[ExpectedSigner],
) -> Result<(Signer, Verified), Check> {
    let mut refused: Vec<Check> = Vec::new();
    for signer in Signer::candidates(bundle, expected)? {
        match signature::verify(bundle, subject, &signer) {
            Ok(verified) => return Ok((signer, verified)),
            Err(check) => refused.push(check),
        }
    }
    // What was found out with the right key says more than that others do not fit.
    let unfit = [
        "signature-invalid",
        "signer-mismatch",
        "signature-algorithm-unsupported",
    ];
    let telling = refused.iter().position(|it| !unfit.contains(&it.code()));
    let several = refused.len() > 1;
    let first = refused.into_iter().nth(telling.unwrap_or(0));
    Err(match first {
        Some(check) if several && telling.is_none() => {
            Check::new(check.code(), check.found(), any_of(expected))
        }
        Some(check) => check,
        None => Check::new("signer-mismatch", "nobody", any_of(expected)),
    })
}

fn is_absence(check: &Check) -> bool {
    check.code() == "log-missing"
}

fn refuse_conflicts(roots: &[TrustedRoot]) -> Result<(), TrustedRootError> {
    let logs: Vec<&TrustedLog> = roots.iter().flat_map(TrustedRoot::logs).collect();
    for (index, log) in logs.iter().enumerate() {
        let earlier = logs.iter().take(index);
        if earlier
            .into_iter()
            .any(|it| it.id() == log.id() && it.origin() != log.origin())
        {
            return Err(TrustedRootError::Conflict {
                id: hex::encode(log.id()),
            });
        }
    }
    Ok(())
}

fn signed<'a>(bundle: &'a Bundle, signer: &'a Signer, verified: &Verified) -> Signed<'a> {
    Signed {
        digest: verified.digest,
        signature: bundle.signature(),
        key: &signer.key,
        certificate: bundle.certificate(),
        pure: verified.pure,
        envelope: match bundle.content() {
            Content::Envelope(envelope) => Some(envelope),
            Content::Message { .. } => None,
        },
    }
}

fn times(logged: &Logged, stamped: &Stamped) -> Vec<ProvenTime> {
    let mut times: Vec<ProvenTime> = stamped.proofs.iter().map(|it| it.time().clone()).collect();
    times.extend(logged.times());
    times
}

/// A certificate must have been valid at every proven time: one backdated time must not revive it.
fn check_certificate(times: &[ProvenTime], signer: &Signer) -> Result<(), Check> {
    let Some(certificate) = &signer.certificate else {
        return Ok(());
    };
    match times.iter().find(|it| !certificate.is_valid_at(it.time)) {
        Some(outside) => {
            let found = format!("{} by {}", outside.time, outside.authority);
            let wanted = format!(
                "{} to {}",
                certificate.not_before(),
                certificate.not_after()
            );
            Err(Check::new("certificate-outside-validity", found, wanted))
        }
        None => Ok(()),
    }
}
