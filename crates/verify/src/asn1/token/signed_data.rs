//! CMS signed data and its signer.

use attest_digest::Algorithm;
use const_oid::ObjectIdentifier;
use der::asn1::{AnyRef, IntRef, OctetStringRef};
use der::{Decode, Reader, Sequence, SliceReader, Tag, TagNumber, Tagged};
use spki::AlgorithmIdentifierRef;

use super::algorithm::{hash_algorithm, signature_family};
use super::reading::{elements, malformed, sequence, set, tagged};
use super::{SignerId, TST_INFO, TokenError};
use crate::asn1::certificate::Family;
use crate::limits;

/// RFC 5652 §5.1.
pub(super) struct SignedData<'a> {
    digest_algorithms: AnyRef<'a>,
    pub(super) content: &'a [u8],
    certificates: Option<AnyRef<'a>>,
    signers: AnyRef<'a>,
}

impl<'a> SignedData<'a> {
    pub(super) fn parse(value: &'a [u8]) -> Result<Self, TokenError> {
        let what = "SignedData";
        let mut reader = SliceReader::new(value).map_err(malformed(what))?;
        let version = u8::decode(&mut reader).map_err(malformed(what))?;
        let digest_algorithms = set(&mut reader, what)?;
        let content = EncapsulatedContent::decode(&mut reader).map_err(malformed("content"))?;
        let certificates = tagged(&mut reader, TagNumber::N0)?;
        let revocations = tagged(&mut reader, TagNumber::N1)?;
        let signers = set(&mut reader, what)?;
        reader.finish(()).map_err(malformed(what))?;
        // Version 3 because the content is not plain data (RFC 5652 §5.1); authorities of Sigstore's
        // first years wrote 1. Nothing signs it.
        if !matches!(version, 1 | 3) || content.content_type != TST_INFO {
            return Err(TokenError::Malformed {
                what: "not a TSTInfo",
            });
        }
        if revocations.is_some() {
            return Err(TokenError::Unwanted {
                what: "revocation lists",
            });
        }
        Ok(Self {
            digest_algorithms,
            content: content.content.as_bytes(),
            certificates,
            signers,
        })
    }

    pub(super) fn only_signer(&self) -> Result<&'a [u8], TokenError> {
        let signers = elements(self.signers.value(), "SignerInfos", 2);
        match signers?.as_slice() {
            [only] => Ok(only),
            several => Err(TokenError::Signers {
                found: several.len(),
            }),
        }
    }

    /// The one that the signer used, and no other.
    pub(super) fn check_digest_algorithm(&self, used: Algorithm) -> Result<(), TokenError> {
        let listed = elements(self.digest_algorithms.value(), "digest algorithms", 2)?;
        let [only] = listed.as_slice() else {
            return Err(TokenError::Malformed {
                what: "digest algorithms",
            });
        };
        let only =
            AlgorithmIdentifierRef::from_der(only).map_err(malformed("digest algorithms"))?;
        if hash_algorithm(&only)? == used {
            Ok(())
        } else {
            Err(TokenError::Malformed {
                what: "digest algorithms",
            })
        }
    }

    pub(super) fn certificates(&self) -> Result<Vec<Vec<u8>>, TokenError> {
        let Some(set) = self.certificates else {
            return Ok(Vec::new());
        };
        let most = limits::TIMESTAMP_CERTIFICATES;
        let found = elements(set.value(), "certificates", most + 1)?;
        if found.len() > most {
            return Err(TokenError::Certificates);
        }
        Ok(found.into_iter().map(<[u8]>::to_owned).collect())
    }
}

/// RFC 5652 §5.3.
pub(in crate::asn1) struct SignerInfo<'a> {
    pub(in crate::asn1) id: SignerId,
    pub(in crate::asn1) digest_algorithm: Algorithm,
    pub(in crate::asn1) family: Family,
    /// The content of `[0] IMPLICIT SET OF Attribute`.
    pub(in crate::asn1) signed_attributes: &'a [u8],
    pub(in crate::asn1) signature: &'a [u8],
    /// The content of `[1] IMPLICIT SET OF Attribute`.
    pub(in crate::asn1) unsigned: Option<&'a [u8]>,
}

impl<'a> SignerInfo<'a> {
    pub(in crate::asn1) fn parse(der: &'a [u8]) -> Result<Self, TokenError> {
        let what = "SignerInfo";
        let mut reader = SliceReader::new(sequence(der, what)?).map_err(malformed(what))?;
        let version = u8::decode(&mut reader).map_err(malformed(what))?;
        let id = SignerId::parse(AnyRef::decode(&mut reader).map_err(malformed(what))?)?;
        let digest = AlgorithmIdentifierRef::decode(&mut reader).map_err(malformed(what))?;
        let attributes = tagged(&mut reader, TagNumber::N0)?;
        let algorithm = AlgorithmIdentifierRef::decode(&mut reader).map_err(malformed(what))?;
        let signature = OctetStringRef::decode(&mut reader).map_err(malformed(what))?;
        let unsigned = tagged(&mut reader, TagNumber::N1)?;
        reader.finish(()).map_err(malformed(what))?;
        let wanted = match id {
            SignerId::IssuerAndSerial(..) => 1,
            SignerId::SubjectKeyId(_) => 3,
        };
        if version != wanted {
            return Err(TokenError::Malformed {
                what: "SignerInfo version",
            });
        }
        let digest_algorithm = hash_algorithm(&digest)?;
        Ok(Self {
            id,
            digest_algorithm,
            family: signature_family(&algorithm, digest_algorithm)?,
            signed_attributes: attributes
                .ok_or(TokenError::Malformed {
                    what: "no signed attributes",
                })?
                .value(),
            signature: signature.as_bytes(),
            unsigned: unsigned.map(AnyRef::value),
        })
    }
}

impl SignerId {
    fn parse(id: AnyRef<'_>) -> Result<Self, TokenError> {
        let what = "SignerIdentifier";
        match id.tag() {
            Tag::Sequence => {
                let mut reader = SliceReader::new(id.value()).map_err(malformed(what))?;
                let issuer = reader.tlv_bytes().map_err(malformed(what))?;
                let serial = IntRef::decode(&mut reader).map_err(malformed(what))?;
                reader.finish(()).map_err(malformed(what))?;
                Ok(Self::IssuerAndSerial(
                    issuer.to_owned(),
                    serial.as_bytes().to_owned(),
                ))
            }
            Tag::ContextSpecific {
                constructed: false,
                number: TagNumber::N0,
            } => Ok(Self::SubjectKeyId(id.value().to_owned())),
            _ => Err(TokenError::Malformed { what }),
        }
    }
}

#[derive(Sequence)]
struct EncapsulatedContent<'a> {
    content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    content: OctetStringRef<'a>,
}
