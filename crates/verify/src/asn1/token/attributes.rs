//! The attributes that a signer signs.

use attest_digest::Algorithm;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_CONTENT_TYPE, ID_MESSAGE_DIGEST};
use der::asn1::OctetStringRef;
use der::{Decode, Reader, SliceReader, Tag};
use spki::AlgorithmIdentifierRef;

use super::algorithm::hash_algorithm;
use super::reading::{elements, malformed, only, sequence, set};
use super::{CertificateDigest, TST_INFO, TokenError};

/// The attributes that RFC 3161 §2.4.2 and RFC 5816 ask for.
pub(super) struct Attributes {
    pub(super) message_digest: Vec<u8>,
    pub(super) certificate_digests: Vec<CertificateDigest>,
}

impl Attributes {
    pub(super) fn parse(value: &[u8]) -> Result<Self, TokenError> {
        let mut seen: Vec<ObjectIdentifier> = Vec::new();
        let mut message_digest = None;
        let mut content_type = None;
        let mut certificate_digests = Vec::new();
        for attribute in elements(value, "signed attributes", ATTRIBUTES)? {
            let Attribute { id, values } = Attribute::parse(attribute)?;
            if seen.contains(&id) {
                return Err(TokenError::Unwanted {
                    what: "an attribute twice",
                });
            }
            seen.push(id);
            match id {
                ID_CONTENT_TYPE => content_type = Some(only(&values, "content type")?),
                ID_MESSAGE_DIGEST => message_digest = Some(only(&values, "message digest")?),
                SIGNING_CERTIFICATE => {
                    certificate_digests.push(certificate_digest_v1(only(
                        &values,
                        "signing certificate",
                    )?)?);
                }
                SIGNING_CERTIFICATE_V2 => {
                    certificate_digests.push(certificate_digest_v2(only(
                        &values,
                        "signing certificate",
                    )?)?);
                }
                _ => {}
            }
        }
        let content_type = content_type.and_then(|it| ObjectIdentifier::from_der(it).ok());
        if content_type != Some(TST_INFO) {
            return Err(TokenError::Malformed {
                what: "content type attribute",
            });
        }
        if certificate_digests.is_empty() {
            return Err(TokenError::Malformed {
                what: "no signing certificate attribute",
            });
        }
        let message_digest = message_digest.ok_or(TokenError::Malformed {
            what: "no message digest",
        })?;
        let message_digest =
            OctetStringRef::from_der(message_digest).map_err(malformed("message digest"))?;
        Ok(Self {
            message_digest: message_digest.as_bytes().to_owned(),
            certificate_digests,
        })
    }
}

/// One attribute, with its values.
pub(in crate::asn1) struct Attribute<'a> {
    pub(in crate::asn1) id: ObjectIdentifier,
    pub(in crate::asn1) values: Vec<&'a [u8]>,
}

impl<'a> Attribute<'a> {
    pub(in crate::asn1) fn parse(der: &'a [u8]) -> Result<Self, TokenError> {
        let what = "attribute";
        let mut reader = SliceReader::new(sequence(der, what)?).map_err(malformed(what))?;
        let id = ObjectIdentifier::decode(&mut reader).map_err(malformed(what))?;
        let values = set(&mut reader, what)?;
        reader.finish(()).map_err(malformed(what))?;
        Ok(Self {
            id,
            values: elements(values.value(), what, 2)?,
        })
    }
}

/// The certificate that RFC 2634 §5.4 names first: the signer's.
fn certificate_digest_v1(der: &[u8]) -> Result<CertificateDigest, TokenError> {
    let mut reader = first_certificate_id(der)?;
    let digest = OctetStringRef::decode(&mut reader).map_err(malformed("signing certificate"))?;
    Ok(CertificateDigest::Sha1(digest.as_bytes().to_owned()))
}

/// The certificate that RFC 5035 §3 names first: the signer's. SHA-256 is the default.
fn certificate_digest_v2(der: &[u8]) -> Result<CertificateDigest, TokenError> {
    let what = "signing certificate";
    let mut reader = first_certificate_id(der)?;
    let algorithm = if reader.peek_tag().map_err(malformed(what))? == Tag::Sequence {
        hash_algorithm(&AlgorithmIdentifierRef::decode(&mut reader).map_err(malformed(what))?)?
    } else {
        Algorithm::Sha256
    };
    let digest = OctetStringRef::decode(&mut reader).map_err(malformed(what))?;
    Ok(CertificateDigest::Sha2(
        algorithm,
        digest.as_bytes().to_owned(),
    ))
}

fn first_certificate_id(der: &[u8]) -> Result<SliceReader<'_>, TokenError> {
    let what = "signing certificate";
    let mut outer = SliceReader::new(sequence(der, what)?).map_err(malformed(what))?;
    let list = sequence(outer.tlv_bytes().map_err(malformed(what))?, what)?;
    let mut list = SliceReader::new(list).map_err(malformed(what))?;
    let first = sequence(list.tlv_bytes().map_err(malformed(what))?, what)?;
    SliceReader::new(first).map_err(malformed(what))
}

/// id-aa-signingCertificate (RFC 2634).
const SIGNING_CERTIFICATE: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.12");
/// id-aa-signingCertificateV2 (RFC 5035).
const SIGNING_CERTIFICATE_V2: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
/// Signed attributes of one signer.
const ATTRIBUTES: usize = 32;
