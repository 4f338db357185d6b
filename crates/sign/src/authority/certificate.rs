//! The authority's two certificates (RFC 5280), every byte ours.

use std::time::Duration;

use const_oid::AssociatedOid;
use const_oid::db::rfc4519::{COMMON_NAME, ORGANIZATION_NAME};
use const_oid::db::rfc5280::ID_KP_TIME_STAMPING;
use const_oid::db::rfc5912::ECDSA_WITH_SHA_256;
use der::asn1::{BitString, GeneralizedTime, OctetString, SetOfVec, UtcTime};
use der::{Any, Decode as _, Encode, Tag};
use jiff::Timestamp;
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::Certificate;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::certificate::{TbsCertificate, Version};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
    SubjectKeyIdentifier,
};
use x509_cert::name::{Name, RelativeDistinguishedName};
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::{Time, Validity};

use super::AuthorityError;
use crate::crypto::{self, P256};
use crate::limits::NAME_CHARACTERS;

/// The name in a certificate: `O=…, CN=…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorityName {
    organization: String,
    common_name: String,
}

/// A name that a certificate cannot carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{part} {found:?} cannot stand in a certificate: 1 to 64 characters without control characters can"
)]
pub struct NameError {
    /// `organization` or `common name`.
    pub part: &'static str,
    /// What was given.
    pub found: String,
}

impl NameError {
    /// The stable code of this refusal.
    pub const fn code(&self) -> &'static str {
        "authority-name"
    }
}

impl AuthorityName {
    /// A name of an organization and a common name.
    ///
    /// # Errors
    /// For a part that is empty, longer than 64 characters or holds control characters.
    pub fn new(organization: &str, common_name: &str) -> Result<Self, NameError> {
        Ok(Self {
            organization: name_part("organization", organization)?,
            common_name: name_part("common name", common_name)?,
        })
    }

    /// The organization.
    pub fn organization(&self) -> &str {
        &self.organization
    }

    /// The common name.
    pub fn common_name(&self) -> &str {
        &self.common_name
    }

    pub(super) fn encode(&self) -> Result<Name, der::Error> {
        let parts = [
            (ORGANIZATION_NAME, &self.organization),
            (COMMON_NAME, &self.common_name),
        ];
        let parts = parts.map(|(oid, text)| {
            let value = Any::new(Tag::Utf8String, text.as_bytes())?;
            let part = SetOfVec::try_from(vec![AttributeTypeAndValue { oid, value }])?;
            Ok::<_, der::Error>(RelativeDistinguishedName(part))
        });
        Ok(x509_cert::name::RdnSequence(
            parts.into_iter().collect::<Result<_, _>>()?,
        ))
    }
}

/// From when until when a certificate is valid, both inclusive, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// `notBefore`.
    pub from: Timestamp,
    /// `notAfter`.
    pub until: Timestamp,
}

/// Who signs a certificate.
pub(super) struct Issuer<'a> {
    pub(super) name: Name,
    pub(super) key: &'a P256,
}

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It issues leaves, and no further issuers.
    Root,
    /// It signs tokens: the purpose `timeStamping` alone, critical (RFC 3161, section 2.3).
    Timestamping,
}

/// A certificate for the public half of `key`, signed by the issuer.
pub(super) fn certificate(
    issuer: &Issuer<'_>,
    subject: &AuthorityName,
    key: &P256,
    valid: Period,
    purpose: Purpose,
) -> Result<Certificate, AuthorityError> {
    let spki = key.spki()?;
    let tbs = TbsCertificate {
        version: Version::V3,
        serial_number: serial()?,
        signature: signature_algorithm(),
        issuer: issuer.name.clone(),
        validity: validity(valid)?,
        subject: subject.encode()?,
        subject_public_key_info: SubjectPublicKeyInfoOwned::from_der(&spki)?,
        issuer_unique_id: None,
        subject_unique_id: None,
        extensions: Some(extensions(purpose, &spki, &issuer.key.spki()?)?),
    };
    let signature = issuer.key.sign(&tbs.to_der()?)?;
    Ok(Certificate {
        tbs_certificate: tbs,
        signature_algorithm: signature_algorithm(),
        signature: BitString::from_bytes(&signature)?,
    })
}

/// The validity of a certificate.
pub(super) fn period(certificate: &Certificate) -> Result<Period, AuthorityError> {
    let validity = certificate.tbs_certificate.validity;
    let read = |time: Time| {
        i64::try_from(time.to_unix_duration().as_secs())
            .ok()
            .and_then(|seconds| Timestamp::from_second(seconds).ok())
            .ok_or(AuthorityError::Chain(
                "the leaf has a validity that cannot be read",
            ))
    };
    Ok(Period {
        from: read(validity.not_before)?,
        until: read(validity.not_after)?,
    })
}

/// `UTCTime` until 2049, `GeneralizedTime` from 2050 (RFC 5280, section 4.1.2.5).
pub(super) fn time(time: Timestamp) -> Result<Time, der::Error> {
    let seconds =
        u64::try_from(time.as_second()).map_err(|_| der::Error::from(der::ErrorKind::DateTime))?;
    let general = GeneralizedTime::from_unix_duration(Duration::from_secs(seconds))?;
    if general.to_date_time().year() <= UtcTime::MAX_YEAR {
        return Ok(Time::UtcTime(UtcTime::from_date_time(
            general.to_date_time(),
        )?));
    }
    Ok(Time::GeneralTime(general))
}

fn validity(valid: Period) -> Result<Validity, AuthorityError> {
    let Period { from, until } = valid;
    let (Ok(not_before), Ok(not_after), true) = (time(from), time(until), from < until) else {
        return Err(AuthorityError::Period { from, until });
    };
    Ok(Validity {
        not_before,
        not_after,
    })
}

fn extensions(
    purpose: Purpose,
    spki: &[u8],
    issuer: &[u8],
) -> Result<Vec<Extension>, AuthorityError> {
    let subject_key = extension(NotCritical, &SubjectKeyIdentifier(key_identifier(spki)?))?;
    let issuer_key = extension(
        NotCritical,
        &AuthorityKeyIdentifier {
            key_identifier: Some(key_identifier(issuer)?),
            ..AuthorityKeyIdentifier::default()
        },
    )?;
    Ok(match purpose {
        Purpose::Root => vec![
            extension(
                Critical,
                &BasicConstraints {
                    ca: true,
                    path_len_constraint: Some(0),
                },
            )?,
            extension(
                Critical,
                &KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign),
            )?,
            subject_key,
        ],
        Purpose::Timestamping => vec![
            extension(Critical, &KeyUsage(KeyUsages::DigitalSignature.into()))?,
            extension(Critical, &ExtendedKeyUsage(vec![ID_KP_TIME_STAMPING]))?,
            subject_key,
            issuer_key,
        ],
    })
}

fn extension<T: Encode + AssociatedOid>(
    criticality: Criticality,
    value: &T,
) -> Result<Extension, der::Error> {
    Ok(Extension {
        extn_id: <T as AssociatedOid>::OID,
        critical: criticality == Critical,
        extn_value: OctetString::new(value.to_der()?)?,
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Criticality {
    Critical,
    NotCritical,
}
use Criticality::{Critical, NotCritical};

/// The first 160 bits of SHA-256 over the key's `SubjectPublicKeyInfo` (RFC 7093, section 2,
/// method 4).
fn key_identifier(spki: &[u8]) -> Result<OctetString, der::Error> {
    let hash = crypto::sha256(spki);
    OctetString::new(hash.get(..20).unwrap_or(&hash))
}

/// 128 random bits, positive (RFC 5280, section 4.1.2.2).
fn serial() -> Result<SerialNumber, AuthorityError> {
    let mut bytes: [u8; 16] = crypto::random()?;
    if let Some(first) = bytes.first_mut() {
        // Neither negative nor shorter than it looks, and never zero.
        *first = (*first & 0x7f) | 0x40;
    }
    Ok(SerialNumber::new(&bytes)?)
}

fn signature_algorithm() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned {
        oid: ECDSA_WITH_SHA_256,
        parameters: None,
    }
}

fn name_part(part: &'static str, text: &str) -> Result<String, NameError> {
    let length = text.chars().count();
    if !(1..=NAME_CHARACTERS).contains(&length) || text.chars().any(char::is_control) {
        return Err(NameError {
            part,
            found: text.to_owned(),
        });
    }
    Ok(text.to_owned())
}

/// The DER `SubjectPublicKeyInfo` that a certificate is about.
pub(crate) fn subject_key(der: &[u8]) -> Option<Vec<u8>> {
    let certificate = Certificate::from_der(der).ok()?;
    let key = certificate.tbs_certificate.subject_public_key_info;
    key.to_der().ok()
}
