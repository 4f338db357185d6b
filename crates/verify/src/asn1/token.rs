//! RFC 3161 timestamp tokens: CMS signed data (RFC 5652) over a `TSTInfo`.
//!
//! The sets of a token are read as they stand, never sorted: what is signed is their very bytes, and
//! a hostile set costs no more than its length.

mod algorithm;
pub(in crate::asn1) mod attributes;
pub(in crate::asn1) mod reading;
pub(in crate::asn1) mod signed_data;
mod tst_info;

use attest_digest::Algorithm;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::ID_SIGNED_DATA;
use der::asn1::{AnyRef, BitStringRef, SequenceRef};
use der::{Decode, Encode, Sequence, Tag, Tagged};
use jiff::Timestamp;

use crate::asn1::certificate::Family;
use crate::limits;
use attributes::Attributes;
use reading::{as_set, malformed, peek, sequence};
use signed_data::{SignedData, SignerInfo};
use tst_info::TstInfo;

/// A timestamp token, read but not verified.
#[derive(Debug)]
pub(crate) struct Token {
    /// What was stamped.
    pub(crate) imprint: Imprint,
    /// When.
    pub(crate) time: Timestamp,
    /// Whether the time has a fraction of a second.
    pub(crate) has_fraction: bool,
    /// Who claims to have signed.
    pub(crate) signer: SignerId,
    /// The digest over content and attributes.
    pub(crate) digest_algorithm: Algorithm,
    /// The kind of key that signed.
    pub(crate) family: Family,
    /// The DER of the `TSTInfo`.
    pub(crate) content: Vec<u8>,
    /// The attributes as they were signed: a DER `SET OF`.
    pub(crate) signed_attributes: Vec<u8>,
    /// The digest of the content that the attributes claim.
    pub(crate) message_digest: Vec<u8>,
    /// Digests of the signer's certificate that the attributes claim, at least one.
    pub(crate) certificate_digests: Vec<CertificateDigest>,
    /// The signature over the attributes.
    pub(crate) signature: Vec<u8>,
    /// The certificates that the token carries, in DER. Nothing signs this list.
    pub(crate) certificates: Vec<Vec<u8>>,
}

/// A digest of what was stamped.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Imprint {
    pub(crate) algorithm: Algorithm,
    pub(crate) digest: Vec<u8>,
}

/// How a token names the certificate of its signer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SignerId {
    /// Issuer in DER, serial number.
    IssuerAndSerial(Vec<u8>, Vec<u8>),
    SubjectKeyId(Vec<u8>),
}

/// A digest of a certificate, in `ESSCertID` (RFC 5035).
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CertificateDigest {
    Sha1(Vec<u8>),
    Sha2(Algorithm, Vec<u8>),
}

/// Why bytes are not a token that we take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    #[error(
        "a timestamp of {found} bytes, at most {} are read",
        limits::TIMESTAMP_BYTES
    )]
    TooLarge { found: usize },
    #[error("bytes that are not a timestamp token in DER ({what})")]
    Malformed { what: &'static str },
    #[error("a response with status {status}, which grants nothing")]
    NotGranted { status: u8 },
    #[error("{found} signers, wanted 1")]
    Signers { found: usize },
    #[error("more than {} certificates", limits::TIMESTAMP_CERTIFICATES)]
    Certificates,
    #[error("algorithm {oid}, wanted SHA-256, SHA-384 or SHA-512 with ECDSA or RSA")]
    Algorithm { oid: String },
    #[error("a token with {what}")]
    Unwanted { what: &'static str },
}

impl Token {
    /// Reads a `TimeStampResp` that was granted, or a bare token.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, TokenError> {
        Self::from_content_info(&Self::bare(bytes)?)
    }

    /// The token, a `ContentInfo`, of a `TimeStampResp` that was granted; a bare token itself.
    pub(crate) fn bare(bytes: &[u8]) -> Result<Vec<u8>, TokenError> {
        if bytes.len() > limits::TIMESTAMP_BYTES {
            return Err(TokenError::TooLarge { found: bytes.len() });
        }
        let outer = sequence(bytes, "outer sequence")?;
        let first = peek(outer).ok_or(TokenError::Malformed { what: "empty" })?;
        if first == Tag::ObjectIdentifier {
            return Ok(bytes.to_owned());
        }
        let response = Response::from_der(bytes).map_err(malformed("response"))?;
        let status = response.status.value;
        // RFC 3161 §2.4.2: granted, or granted with modifications.
        if status > 1 || response.status.failure.is_some() {
            return Err(TokenError::NotGranted { status });
        }
        let token = response
            .token
            .ok_or(TokenError::Malformed { what: "no token" })?;
        token.to_der().map_err(malformed("token"))
    }

    fn from_content_info(der: &[u8]) -> Result<Self, TokenError> {
        let info = ContentInfo::from_der(der).map_err(malformed("ContentInfo"))?;
        if info.content_type != ID_SIGNED_DATA || info.content.tag() != Tag::Sequence {
            return Err(TokenError::Malformed {
                what: "not signed data",
            });
        }
        let data = SignedData::parse(info.content.value())?;
        let signer = SignerInfo::parse(data.only_signer()?)?;
        if signer.unsigned.is_some() {
            return Err(TokenError::Unwanted {
                what: "unsigned attributes",
            });
        }
        data.check_digest_algorithm(signer.digest_algorithm)?;
        let attributes = Attributes::parse(signer.signed_attributes)?;
        let info = TstInfo::parse(data.content)?;
        Ok(Self {
            imprint: info.imprint,
            time: info.time,
            has_fraction: info.has_fraction,
            signer: signer.id,
            digest_algorithm: signer.digest_algorithm,
            family: signer.family,
            content: data.content.to_owned(),
            signed_attributes: as_set(signer.signed_attributes)?,
            message_digest: attributes.message_digest,
            certificate_digests: attributes.certificate_digests,
            signature: signer.signature.to_owned(),
            certificates: data.certificates()?,
        })
    }
}

#[derive(Sequence)]
struct Response<'a> {
    status: Status<'a>,
    token: Option<AnyRef<'a>>,
}

#[derive(Sequence)]
struct Status<'a> {
    value: u8,
    text: Option<SequenceRef<'a>>,
    failure: Option<BitStringRef<'a>>,
}

#[derive(Sequence)]
struct ContentInfo<'a> {
    content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    content: AnyRef<'a>,
}

/// id-ct-TSTInfo (RFC 3161).
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
