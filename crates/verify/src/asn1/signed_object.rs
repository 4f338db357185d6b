//! Detached CMS signatures (RFC 5652) by one signer over bytes that stand elsewhere, as gitsign makes
//! them.

use attest_digest::{Algorithm, Digest};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_CONTENT_TYPE, ID_DATA, ID_MESSAGE_DIGEST, ID_SIGNED_DATA};
use der::asn1::{AnyRef, OctetStringRef};
use der::{Decode, Encode, Header, Reader, SliceReader, Tag, TagNumber, Tagged};

use crate::asn1::certificate::Certificate;
use crate::asn1::token::attributes::Attribute;
use crate::asn1::token::reading::{as_set, elements, malformed, only, sequence, set, tagged};
use crate::asn1::token::signed_data::SignerInfo;
use crate::asn1::token::{SignerId, TokenError};
use crate::limits;

/// A signature over bytes that stand elsewhere, read but not verified.
#[derive(Debug)]
pub(crate) struct SignedObject {
    /// The signer's certificate in DER.
    pub(crate) certificate: Vec<u8>,
    /// The attributes as they were signed: a DER `SET OF`.
    pub(crate) signed_attributes: Vec<u8>,
    /// The digest of the bytes that the attributes claim.
    pub(crate) message_digest: Digest,
    /// The signature over the attributes.
    pub(crate) signature: Vec<u8>,
    /// What gitsign adds, unsigned: an entry of a transparency log.
    pub(crate) log_entry: Option<Vec<u8>>,
    /// What it can add, unsigned: a timestamp of the signature, as a granted `TimeStampResp`.
    pub(crate) timestamp: Option<Vec<u8>>,
}

impl SignedObject {
    pub(crate) fn parse(der: &[u8]) -> Result<Self, TokenError> {
        let what = "ContentInfo";
        let mut info = SliceReader::new(sequence(der, what)?).map_err(malformed(what))?;
        let kind = ObjectIdentifier::decode(&mut info).map_err(malformed(what))?;
        let content = tagged(&mut info, TagNumber::N0)?;
        info.finish(()).map_err(malformed(what))?;
        let content = content.filter(|_| kind == ID_SIGNED_DATA);
        let content = content.ok_or(TokenError::Malformed {
            what: "not signed data",
        })?;
        let data = SignedData::parse(content.value())?;
        let signer = SignerInfo::parse(data.only_signer()?)?;
        let message_digest = message_digest(signer.signed_attributes, signer.digest_algorithm)?;
        let mut object = Self {
            certificate: data.certificate_of(&signer.id)?,
            signed_attributes: as_set(signer.signed_attributes)?,
            message_digest,
            signature: signer.signature.to_owned(),
            log_entry: None,
            timestamp: None,
        };
        if let Some(unsigned) = signer.unsigned {
            object.take_unsigned(unsigned)?;
        }
        Ok(object)
    }

    /// Nothing of these takes a check away: what they hold is verified like what stands in a bundle.
    fn take_unsigned(&mut self, attributes: &[u8]) -> Result<(), TokenError> {
        for (id, values) in distinct(attributes)? {
            match id {
                LOG_ENTRY => {
                    let what = "log entry";
                    let entry = OctetStringRef::from_der(only(&values, what)?);
                    self.log_entry = Some(entry.map_err(malformed(what))?.as_bytes().to_owned());
                }
                TIMESTAMP => self.timestamp = Some(granted(only(&values, "timestamp")?)?),
                _ => {}
            }
        }
        Ok(())
    }
}

/// RFC 5652 §5.1, with nothing in it that was signed.
struct SignedData<'a> {
    certificates: Option<AnyRef<'a>>,
    signers: AnyRef<'a>,
}

impl<'a> SignedData<'a> {
    fn parse(value: &'a [u8]) -> Result<Self, TokenError> {
        let what = "SignedData";
        let mut reader = SliceReader::new(sequence(value, what)?).map_err(malformed(what))?;
        let version = u8::decode(&mut reader).map_err(malformed(what))?;
        set(&mut reader, what)?;
        let inner = AnyRef::decode(&mut reader).map_err(malformed("content"))?;
        let certificates = tagged(&mut reader, TagNumber::N0)?;
        let revocations = tagged(&mut reader, TagNumber::N1)?;
        let signers = set(&mut reader, what)?;
        reader.finish(()).map_err(malformed(what))?;
        let data = ID_DATA.to_der().map_err(malformed(what))?;
        if version != 1 || inner.tag() != Tag::Sequence || inner.value() != data {
            return Err(TokenError::Malformed {
                what: "not a detached signature over data",
            });
        }
        if revocations.is_some() {
            return Err(TokenError::Unwanted {
                what: "revocation lists",
            });
        }
        Ok(Self {
            certificates,
            signers,
        })
    }

    fn only_signer(&self) -> Result<&'a [u8], TokenError> {
        let signers = elements(self.signers.value(), "SignerInfos", 2)?;
        match signers.as_slice() {
            [only] => Ok(only),
            several => Err(TokenError::Signers {
                found: several.len(),
            }),
        }
    }

    /// The one certificate that the signer names. The others are nobody's word: issuers come from the
    /// trusted root.
    fn certificate_of(&self, id: &SignerId) -> Result<Vec<u8>, TokenError> {
        let set = self.certificates.map_or(&[][..], AnyRef::value);
        let most = limits::CHAIN_CERTIFICATES;
        let all = elements(set, "certificates", most)?;
        let is_named = |der: &&&[u8]| {
            Certificate::parse(der).is_ok_and(|it| match id {
                SignerId::IssuerAndSerial(issuer, serial) => {
                    it.issuer_and_serial() == (issuer.as_slice(), serial.as_slice())
                }
                SignerId::SubjectKeyId(key) => it.subject_key_id() == Some(key.as_slice()),
            })
        };
        let named: Vec<&&[u8]> = all.iter().filter(is_named).collect();
        match named.as_slice() {
            [only] => Ok(only.to_vec()),
            _ => Err(TokenError::Malformed {
                what: "not one certificate of the signer",
            }),
        }
    }
}

/// The two attributes that RFC 5652 §5.3 asks for.
fn message_digest(attributes: &[u8], algorithm: Algorithm) -> Result<Digest, TokenError> {
    let what = "message digest";
    let mut content_type = None;
    let mut digest = None;
    for (id, values) in distinct(attributes)? {
        match id {
            ID_CONTENT_TYPE => content_type = Some(only(&values, "content type")?),
            ID_MESSAGE_DIGEST => digest = Some(only(&values, what)?),
            _ => {}
        }
    }
    let content_type = content_type.and_then(|it| ObjectIdentifier::from_der(it).ok());
    if content_type != Some(ID_DATA) {
        return Err(TokenError::Malformed {
            what: "content type attribute",
        });
    }
    let digest = digest.ok_or(TokenError::Malformed {
        what: "no message digest",
    })?;
    let digest = OctetStringRef::from_der(digest).map_err(malformed(what))?;
    Digest::from_hex(algorithm, &hex::encode(digest.as_bytes()))
        .map_err(|_| TokenError::Malformed { what })
}

type AttributeValues<'a> = (ObjectIdentifier, Vec<&'a [u8]>);

/// Attributes, each once.
fn distinct(attributes: &[u8]) -> Result<Vec<AttributeValues<'_>>, TokenError> {
    let mut found: Vec<AttributeValues<'_>> = Vec::new();
    for attribute in elements(attributes, "attributes", ATTRIBUTES)? {
        let Attribute { id, values } = Attribute::parse(attribute)?;
        if found.iter().any(|(it, _)| *it == id) {
            return Err(TokenError::Unwanted {
                what: "an attribute twice",
            });
        }
        found.push((id, values));
    }
    Ok(found)
}

/// The answer of an authority that granted this token (RFC 3161 §2.4.2).
fn granted(token: &[u8]) -> Result<Vec<u8>, TokenError> {
    const GRANTED: [u8; 5] = [0x30, 3, 2, 1, 0];
    let mut der = Header::new(Tag::Sequence, GRANTED.len() + token.len())
        .and_then(|it| it.to_der())
        .map_err(malformed("timestamp"))?;
    der.extend_from_slice(&GRANTED);
    der.extend_from_slice(token);
    Ok(der)
}

/// Where gitsign puts the entry of the transparency log.
const LOG_ENTRY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.3.1");
/// id-aa-timeStampToken (RFC 3161 appendix A).
const TIMESTAMP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.14");
/// Attributes of one signer.
const ATTRIBUTES: usize = 32;
