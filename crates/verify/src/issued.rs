//! A certificate before anything was signed under it: what a certificate authority just answered.

use jiff::Timestamp;

use crate::chain;
use crate::check::{Check, Rejection};
use crate::evidence::{ProvenSigner, ProvenTime, TimeSource};
use crate::expected::ExpectedSigner;
use crate::key::PublicKey;
use crate::limits;
use crate::signer::Signer;
use crate::transparency;
use crate::verifier::Verifier;

/// A certificate of the expected holder, by an authority of a trusted root, seen by a trusted
/// certificate log, and in force. For which key, the caller compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedCertificate {
    der: Vec<u8>,
    key: PublicKey,
    holder: ProvenSigner,
    not_before: Timestamp,
    not_after: Timestamp,
}

impl IssuedCertificate {
    /// The certificate.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The key that it is for.
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Whom it names, and who vouches.
    pub const fn holder(&self) -> &ProvenSigner {
        &self.holder
    }

    /// From when on it is in force.
    pub const fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// Until when it is in force.
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }
}

impl Verifier {
    /// Verifies a certificate in DER as steps 2, 11 and 12 will for every bundle, at the time of this
    /// run, which may be up to 5 minutes behind the authority's.
    ///
    /// # Errors
    /// The code of the step.
    pub fn verify_issued(
        &self,
        der: &[u8],
        expected: &(impl AsRef<[ExpectedSigner]> + ?Sized),
        now: Timestamp,
    ) -> Result<IssuedCertificate, Rejection> {
        Ok(self.check_issued(der, expected.as_ref(), now)?)
    }

    fn check_issued(
        &self,
        der: &[u8],
        expected: &[ExpectedSigner],
        now: Timestamp,
    ) -> Result<IssuedCertificate, Check> {
        let signer = Signer::of_certificate(der, expected)?;
        let Some(certificate) = &signer.certificate else {
            return Err(Check::new("certificate-malformed", "none", "a certificate"));
        };
        let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
        let ahead = not_before.as_second().saturating_sub(now.as_second());
        let time = if (1..=limits::CLOCK_SKEW_SECONDS).contains(&ahead) {
            not_before
        } else {
            now
        };
        if !certificate.is_valid_at(time) {
            return Err(Check::new(
                "certificate-outside-validity",
                format!("{now} by the clock"),
                format!("{not_before} to {not_after}"),
            ));
        }
        let times = [ProvenTime {
            time,
            authority: "the clock".to_owned(),
            uri: None,
            source: TimeSource::Promise,
            root: String::new(),
        }];
        let issued = chain::verify_through(&[], &signer, &times, self.roots())?;
        if let Some(issued) = &issued {
            transparency::verify(&signer, issued)?;
        }
        Ok(IssuedCertificate {
            der: der.to_vec(),
            key: signer.key,
            holder: signer.identity,
            not_before,
            not_after,
        })
    }
}
