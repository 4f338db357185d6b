//! Keys that live as long as their certificate.

use attest_verify::{ExpectedSigner, IssuedCertificate, ProvenSigner, Verifier};
use jiff::{SignedDuration, Timestamp};

use super::{CertificateIssuer, Holder, IssueError, request};
use crate::artifact_key::ArtifactKey;
use crate::identity_token::IdentityToken;
use crate::signer::SignError;

/// A key that was made for one certificate, and is never stored.
#[derive(Debug)]
pub struct CertifiedKey {
    key: ArtifactKey,
    certificate: IssuedCertificate,
}

impl CertifiedKey {
    /// The key.
    pub(super) const fn key(&self) -> &ArtifactKey {
        &self.key
    }

    /// The certificate.
    pub const fn certificate(&self) -> &IssuedCertificate {
        &self.certificate
    }

    fn is_usable(&self, now: Timestamp) -> bool {
        is_usable(&self.certificate, now)
    }
}

/// Whether something that is begun now is done while the certificate is valid.
pub(super) fn is_usable(certificate: &IssuedCertificate, now: Timestamp) -> bool {
    now.saturating_add(MARGIN)
        .is_ok_and(|then| then <= certificate.not_after())
}

/// Gives one certified key after the other: the same one while it can be used.
pub struct Certifier<'a> {
    issuer: &'a dyn CertificateIssuer,
    tokens: &'a mut dyn FnMut(Timestamp) -> Result<IdentityToken, IssueError>,
    expected: Vec<ExpectedSigner>,
    current: Option<CertifiedKey>,
    issued: usize,
}

impl<'a> Certifier<'a> {
    /// Certificates by this issuer for whom the token names; `tokens` gives one that is valid at the
    /// time, whenever a certificate is needed. Nothing is asked yet.
    pub fn new(
        issuer: &'a dyn CertificateIssuer,
        token: &IdentityToken,
        tokens: &'a mut dyn FnMut(Timestamp) -> Result<IdentityToken, IssueError>,
    ) -> Self {
        let expected = token
            .identities()
            .iter()
            .flat_map(|name| {
                let issuers = token.issuers().iter();
                issuers.map(move |issuer| ExpectedSigner::exactly(name, issuer))
            })
            .collect();
        Self {
            issuer,
            tokens,
            expected,
            current: None,
            issued: 0,
        }
    }

    /// Whom a certificate may name.
    pub(super) fn expected(&self) -> &[ExpectedSigner] {
        &self.expected
    }

    /// How many certificates were asked for.
    pub const fn issued(&self) -> usize {
        self.issued
    }

    /// A key that can be used now: it is this token's holder's, its certificate leads to a trusted
    /// root, and a trusted certificate log has seen it.
    pub(super) fn key_at(
        &mut self,
        now: Timestamp,
        verifier: &Verifier,
    ) -> Result<&CertifiedKey, SignError> {
        let usable = self.current.take().filter(|it| it.is_usable(now));
        let key = match usable {
            Some(key) => key,
            None => self.certify(now, verifier)?,
        };
        Ok(self.current.insert(key))
    }

    fn certify(&mut self, now: Timestamp, verifier: &Verifier) -> Result<CertifiedKey, SignError> {
        let token = (self.tokens)(now)?;
        let key = ArtifactKey::generate()?;
        let chain = self.issuer.issue(&token, &request::request(&key)?)?;
        self.issued += 1;
        let leaf = chain.first().map(Vec::as_slice).unwrap_or_default();
        let certificate =
            verifier
                .verify_issued(leaf, &self.expected, now)
                .map_err(|rejection| SignError::Certificate {
                    rejection: Box::new(rejection),
                })?;
        if certificate.key() != key.public() {
            return Err(SignError::CertificateKey);
        }
        let key = CertifiedKey { key, certificate };
        if key.is_usable(now) {
            return Ok(key);
        }
        Err(SignError::CertificateShort {
            until: key.certificate.not_after(),
        })
    }
}

/// Whether a certificate may name them.
pub(super) fn expects(expected: &[ExpectedSigner], holder: &Holder) -> bool {
    expected.contains(&ExpectedSigner::exactly(&holder.identity, &holder.issuer))
}

/// The one signer that a certificate names.
pub(super) fn holder(certificate: &IssuedCertificate) -> Option<ExpectedSigner> {
    match certificate.holder() {
        ProvenSigner::Identity { identity, issuer } => {
            Some(ExpectedSigner::exactly(identity, issuer))
        }
        _ => None,
    }
}

/// A certificate that ends within this time is not begun with: timestamp and entry must be had in it.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);
