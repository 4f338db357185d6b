//! The timestamp authority: its root and leaf, and the RFC 3161 answers it gives.
//!
//! What it issues is the one profile that every client reads: P-256 and SHA-256, the leaf's
//! certificate alone in the token, `ESSCertIDv2`, a critical sole `timeStamping` purpose. The clock
//! is an argument; a time asserted by the signer is not an independent time.

mod certificate;
mod request;
mod token;
mod tsp;

use attest_digest::Digest;
use jiff::Timestamp;
use x509_cert::Certificate;

pub(crate) use certificate::subject_key;
pub use certificate::{AuthorityName, NameError, Period};
pub use request::{RequestRefusal, TimestampRequest};

use crate::crypto::{self, LibraryRefused, P256};
use crate::key_file::{self, KeyError, KeyFile};
use crate::limits::CHAIN_BYTES;
use crate::password::{Password, Unlock};
use crate::pem::{self, PemError};
use crate::service::{TimestampError, Timestamper};
use certificate::{Issuer, Purpose, certificate};
use token::TokenSigner;

/// Why an authority cannot be made, opened or used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// A name that a certificate cannot carry.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Its key file.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Its certificates are not PEM.
    #[error("certificate chain: {0}")]
    Pem(#[from] PemError),
    /// Its certificates are not a chain of a leaf and its issuers.
    #[error("certificate chain: {0}")]
    Chain(&'static str),
    /// The time to assert lies outside the certificate's validity.
    #[error(
        "time {found} lies outside the validity of the timestamp certificate, {from} to {until}"
    )]
    OutsideValidity {
        /// The time to assert.
        found: Timestamp,
        /// The certificate's `notBefore`.
        from: Timestamp,
        /// The certificate's `notAfter`.
        until: Timestamp,
    },
    /// A validity that does not begin before it ends, or cannot be written in a certificate.
    #[error("validity {from} to {until} cannot be written in a certificate")]
    Period {
        /// Its begin.
        from: Timestamp,
        /// Its end.
        until: Timestamp,
    },
    /// A structure of ours could not be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The cryptographic library failed.
    #[error(transparent)]
    Library(#[from] LibraryRefused),
}

/// A structure could not be written in DER: a length or a time beyond what it can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("encode: {0}")]
pub struct EncodeError(der::Error);

impl From<der::Error> for EncodeError {
    fn from(error: der::Error) -> Self {
        Self(error)
    }
}

impl From<der::Error> for AuthorityError {
    fn from(error: der::Error) -> Self {
        Self::Encode(EncodeError(error))
    }
}

impl AuthorityError {
    /// The stable code of this refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Name(error) => error.code(),
            Self::Key(error) => error.code(),
            Self::Pem(_) | Self::Chain(_) => "authority-chain-malformed",
            Self::OutsideValidity { .. } | Self::Period { .. } => "authority-validity",
            Self::Encode(_) => "encoding-failed",
            Self::Library(refused) => refused.code(),
        }
    }
}

/// The root of a timestamp authority: it issues leaves and nothing else.
#[derive(Debug)]
pub struct AuthorityRoot {
    key: P256,
    certificate: Certificate,
    der: Vec<u8>,
}

impl AuthorityRoot {
    /// A new root with a key of its own.
    ///
    /// # Errors
    /// `authority-name` or `authority-validity`; or the cryptographic library fails.
    pub fn create(name: &AuthorityName, valid: Period) -> Result<Self, AuthorityError> {
        let key = P256::generate()?;
        let issuer = Issuer {
            name: name.encode()?,
            key: &key,
        };
        let certificate = certificate(&issuer, name, &key, valid, Purpose::Root)?;
        let der = der::Encode::to_der(&certificate)?;
        Ok(Self {
            key,
            certificate,
            der,
        })
    }

    /// A new authority under this root, with a key of its own.
    ///
    /// # Errors
    /// `authority-name` or `authority-validity`; or the cryptographic library fails.
    pub fn issue(&self, name: &AuthorityName, valid: Period) -> Result<Authority, AuthorityError> {
        let key = P256::generate()?;
        let issuer = Issuer {
            name: self.certificate.tbs_certificate.subject.clone(),
            key: &self.key,
        };
        let leaf = certificate(&issuer, name, &key, valid, Purpose::Timestamping)?;
        Authority::new(key, vec![der::Encode::to_der(&leaf)?, self.der.clone()])
    }

    /// The key file: cosign's encrypted PEM.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn to_pem(
        &self,
        salt: [u8; 32],
        unlock: &mut Unlock,
        password: &Password,
    ) -> Result<String, KeyError> {
        key_file::seal(&self.key.to_pkcs8()?, salt, unlock, password)
    }

    /// The DER certificate.
    pub fn certificate(&self) -> &[u8] {
        &self.der
    }
}

/// A timestamp authority that can sign: the leaf's key, and its chain up to the root.
#[derive(Debug)]
pub struct Authority {
    signer: TokenSigner,
    key: P256,
    chain: Vec<Vec<u8>>,
    valid: Period,
}

impl Authority {
    /// Opens an authority from its key file and its chain, PEM from leaf to root.
    ///
    /// # Errors
    /// As [`crate::ArtifactKey::from_pem`], and `authority-chain-malformed` when the chain is not a
    /// leaf for this key with at least one issuer.
    pub fn from_pem(
        key_file: &[u8],
        chain: &[u8],
        unlock: &mut Unlock,
        password: &Password,
    ) -> Result<Self, AuthorityError> {
        if chain.len() > CHAIN_BYTES {
            return Err(AuthorityError::Chain("is larger than any"));
        }
        let key = KeyFile::parse(key_file)?
            .open(unlock, password)?
            .into_p256()?;
        let blocks = pem::parse(chain)?;
        if blocks.iter().any(|block| block.label != CERTIFICATE_LABEL) {
            return Err(AuthorityError::Chain(
                "holds something else than certificates",
            ));
        }
        let chain = blocks.iter().map(|block| block.contents.to_vec()).collect();
        Self::new(key, chain)
    }

    /// The DER certificates, leaf first, root last.
    pub fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    /// The chain as PEM, leaf first, root last.
    pub fn chain_pem(&self) -> String {
        self.chain
            .iter()
            .map(|der| pem::encode(CERTIFICATE_LABEL, der))
            .collect()
    }

    /// The key file: cosign's encrypted PEM.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn to_pem(
        &self,
        salt: [u8; 32],
        unlock: &mut Unlock,
        password: &Password,
    ) -> Result<String, KeyError> {
        key_file::seal(&self.key.to_pkcs8()?, salt, unlock, password)
    }

    /// This authority with its clock at `now`, of which whole seconds are asserted.
    pub fn at(&self, now: Timestamp) -> AuthorityAt<'_> {
        AuthorityAt {
            authority: self,
            now,
        }
    }

    /// Answers a `TimeStampReq`: a granted DER `TimeStampResp`.
    ///
    /// # Errors
    /// [`RespondError::Refused`] for a request that this authority does not grant; it carries the
    /// rejection to send. [`RespondError::Authority`] when the authority itself cannot sign.
    pub fn respond(&self, request: &[u8], now: Timestamp) -> Result<Vec<u8>, RespondError> {
        let request = TimestampRequest::parse(request)?;
        Ok(self.grant(&request, now)?)
    }

    fn grant(&self, request: &TimestampRequest, now: Timestamp) -> Result<Vec<u8>, AuthorityError> {
        if now < self.valid.from || now > self.valid.until {
            let Period { from, until } = self.valid;
            return Err(AuthorityError::OutsideValidity {
                found: now,
                from,
                until,
            });
        }
        self.signer.respond(&self.key, request, now)
    }

    fn new(key: P256, chain: Vec<Vec<u8>>) -> Result<Self, AuthorityError> {
        let malformed = AuthorityError::Chain;
        let [leaf, issuers @ ..] = chain.as_slice() else {
            return Err(malformed("is empty"));
        };
        if issuers.is_empty() {
            // sigstore-python needs two, and a self-signed leaf could never be renewed.
            return Err(malformed(
                "has one certificate, a leaf and its root are needed",
            ));
        }
        let parsed: Certificate =
            der::Decode::from_der(leaf).map_err(|_| malformed("the leaf is not a certificate"))?;
        if der::Encode::to_der(&parsed.tbs_certificate.subject_public_key_info)? != key.spki()? {
            return Err(malformed("the leaf is for another key"));
        }
        let valid = certificate::period(&parsed)?;
        let signer = TokenSigner::new(parsed, leaf)?;
        Ok(Self {
            signer,
            key,
            chain,
            valid,
        })
    }
}

/// An authority whose clock stands: a [`Timestamper`].
#[derive(Debug, Clone, Copy)]
pub struct AuthorityAt<'a> {
    authority: &'a Authority,
    now: Timestamp,
}

impl Timestamper for AuthorityAt<'_> {
    fn timestamp(&self, message: &[u8]) -> Result<Vec<u8>, TimestampError> {
        self.timestamp_digest(&Digest::Sha256(crypto::sha256(message)))
    }
}

impl AuthorityAt<'_> {
    /// A granted DER `TimeStampResp` over this digest.
    ///
    /// # Errors
    /// The clock lies outside the authority's validity; the cryptographic library fails.
    pub fn timestamp_digest(&self, digest: &Digest) -> Result<Vec<u8>, TimestampError> {
        let request = TimestampRequest::of_digest(digest)?;
        self.authority
            .grant(&request, self.now)
            .map_err(|error| TimestampError::new(error.code(), error))
    }
}

/// Why a request got no timestamp.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RespondError {
    /// The request is at fault.
    #[error(transparent)]
    Refused(#[from] RequestRefusal),
    /// The authority is at fault.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
}

impl RespondError {
    /// The stable code of this refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Authority(error) => error.code(),
        }
    }
}

const CERTIFICATE_LABEL: &str = "CERTIFICATE";

#[cfg(test)]
mod tests;
