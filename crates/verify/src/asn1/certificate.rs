//! X.509 certificates (RFC 5280), as far as we judge them ourselves.

mod issuing;

pub(crate) use issuing::common_name as name_of;

use attest_digest::Algorithm;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{
    ID_CE_BASIC_CONSTRAINTS, ID_CE_EXT_KEY_USAGE, ID_CE_KEY_USAGE, ID_CE_SUBJECT_ALT_NAME,
    ID_CE_SUBJECT_KEY_IDENTIFIER,
};
use const_oid::db::rfc5912::{
    ECDSA_WITH_SHA_256, ECDSA_WITH_SHA_384, ECDSA_WITH_SHA_512, SHA_256_WITH_RSA_ENCRYPTION,
    SHA_384_WITH_RSA_ENCRYPTION, SHA_512_WITH_RSA_ENCRYPTION,
};
use der::asn1::{
    AnyRef, BitStringRef, GeneralizedTime, IntRef, OctetStringRef, UtcTime, Utf8StringRef,
};
use der::{Choice, Decode, Encode, Sequence, Tag, Tagged, ValueOrd};
use jiff::Timestamp;
use spki::AlgorithmIdentifierRef;

use crate::asn1::spki::Spki;
use crate::crypto::VerifyingKey;
use crate::key::KeyKind;

/// A parsed certificate. Nothing about it was verified.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    der: Vec<u8>,
    tbs: Vec<u8>,
    serial: Vec<u8>,
    issuer: Vec<u8>,
    subject: Vec<u8>,
    not_before: Timestamp,
    not_after: Timestamp,
    spki: Vec<u8>,
    extensions: Vec<Extension>,
    signature_algorithm: ObjectIdentifier,
    signature: Vec<u8>,
}

#[derive(Debug, Clone)]
struct Extension {
    id: ObjectIdentifier,
    critical: bool,
    value: Vec<u8>,
}

/// Why bytes are not a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CertificateError {
    #[error("not a certificate in DER")]
    Der,
    #[error("certificate names two signature algorithms")]
    TwoAlgorithms,
    #[error("certificate has an extension twice")]
    DuplicateExtension,
    #[error("certificate has a malformed extension")]
    Extension,
    #[error("certificate's validity is not written as that of its year")]
    Time,
}

/// The identity that a certificate is issued to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AlternativeName {
    Email(String),
    Uri(String),
    /// A name of another kind, of which we only know that it is there.
    Other,
}

/// What a certificate says about being an authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AuthorityUse {
    pub(crate) is_authority: bool,
    /// How many authorities may stand between it and a leaf.
    pub(crate) path_length: Option<u8>,
}

impl Certificate {
    /// Reads DER, and nothing after it.
    pub(crate) fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        let outer = CertificateDer::from_der(der).map_err(|_| CertificateError::Der)?;
        let tbs = outer.tbs.to_der().map_err(|_| CertificateError::Der)?;
        let inner = TbsDer::from_der(&tbs).map_err(|_| CertificateError::Der)?;
        if inner.signature != outer.signature_algorithm {
            return Err(CertificateError::TwoAlgorithms);
        }
        let encoded = |it: &AnyRef<'_>| it.to_der().map_err(|_| CertificateError::Der);
        let (issuer, subject) = (encoded(&inner.issuer)?, encoded(&inner.subject)?);
        let spki = encoded(&inner.subject_public_key_info)?;
        let certificate = Self {
            der: der.to_owned(),
            serial: inner.serial.as_bytes().to_owned(),
            issuer,
            subject,
            not_before: inner.validity.not_before.timestamp()?,
            not_after: inner.validity.not_after.timestamp()?,
            spki,
            extensions: extensions(&inner)?,
            signature_algorithm: outer.signature_algorithm.oid,
            signature: outer
                .signature
                .as_bytes()
                .ok_or(CertificateError::Der)?
                .to_owned(),
            tbs,
        };
        // Once here, so that the accessors need not fail.
        certificate.key_usage()?;
        certificate.authority_use()?;
        certificate.purposes()?;
        certificate.alternative_names()?;
        Ok(certificate)
    }

    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }

    pub(crate) fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The issuer's name in DER and the serial number, which together tell certificates apart.
    pub(crate) fn issuer_and_serial(&self) -> (&[u8], &[u8]) {
        (&self.issuer, &self.serial)
    }

    /// Whether it names itself as its issuer, as roots do.
    pub(crate) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    pub(crate) const fn not_before(&self) -> Timestamp {
        self.not_before
    }

    pub(crate) const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    pub(crate) fn is_valid_at(&self, time: Timestamp) -> bool {
        self.not_before <= time && time <= self.not_after
    }

    pub(crate) fn key_kind(&self) -> Option<KeyKind> {
        Spki::parse(&self.spki).ok().map(|spki| spki.kind)
    }

    /// The certificate's key, to verify signatures over digests of that algorithm.
    pub(crate) fn verifying_key(&self, algorithm: Algorithm) -> Option<VerifyingKey> {
        let spki = Spki::parse(&self.spki).ok()?;
        VerifyingKey::new(spki.kind, algorithm, &spki.public_key)
    }

    /// The content of the extension, and whether it is critical.
    pub(crate) fn extension(&self, id: ObjectIdentifier) -> Option<(bool, &[u8])> {
        let found = self.extensions.iter().find(|it| it.id == id)?;
        Some((found.critical, &found.value))
    }

    /// The subject key identifier.
    pub(crate) fn subject_key_id(&self) -> Option<&[u8]> {
        let (_, value) = self.extension(ID_CE_SUBJECT_KEY_IDENTIFIER)?;
        OctetStringRef::from_der(value).ok().map(|it| it.as_bytes())
    }

    /// A critical extension that we do not know, for which a certificate must be refused
    /// (RFC 5280 §4.2).
    pub(crate) fn unknown_critical_extension(&self) -> Option<ObjectIdentifier> {
        let unknown = self
            .extensions
            .iter()
            .find(|it| it.critical && !KNOWN.contains(&it.id));
        unknown.map(|it| it.id)
    }

    /// What the extended key usage allows, and whether it is critical.
    pub(crate) fn purposes(
        &self,
    ) -> Result<Option<(bool, Vec<ObjectIdentifier>)>, CertificateError> {
        self.read(ID_CE_EXT_KEY_USAGE, |value| {
            Vec::<ObjectIdentifier>::from_der(value)
        })
    }

    /// The alternative names of the subject.
    pub(crate) fn alternative_names(&self) -> Result<Vec<AlternativeName>, CertificateError> {
        let names = self.read(ID_CE_SUBJECT_ALT_NAME, |value| {
            let names = Vec::<AnyRef<'_>>::from_der(value)?;
            names
                .iter()
                .map(alternative_name)
                .collect::<der::Result<Vec<_>>>()
        })?;
        Ok(names.map(|(_, names)| names).unwrap_or_default())
    }

    /// The DNS names among the alternative names.
    pub(crate) fn dns_names(&self) -> Result<Vec<String>, CertificateError> {
        let names = self.read(ID_CE_SUBJECT_ALT_NAME, |value| {
            let names = Vec::<AnyRef<'_>>::from_der(value)?;
            Ok(names.iter().filter_map(dns_name).collect())
        })?;
        Ok(names.map(|(_, names)| names).unwrap_or_default())
    }

    /// What the basic constraints say; without them it is no authority.
    pub(crate) fn authority_use(&self) -> Result<AuthorityUse, CertificateError> {
        let constraints = self.read(ID_CE_BASIC_CONSTRAINTS, BasicConstraints::from_der)?;
        let constraints = constraints.map(|(_, it)| it);
        Ok(AuthorityUse {
            is_authority: constraints.as_ref().is_some_and(|it| it.authority),
            path_length: constraints.and_then(|it| it.path_length),
        })
    }

    /// Whether its key may sign certificates: true without a key usage.
    pub(crate) fn may_sign_certificates(&self) -> bool {
        self.key_usage()
            .ok()
            .flatten()
            .is_none_or(|bits| bits & KEY_CERT_SIGN != 0)
    }

    /// Whether its key may sign other things: true without a key usage.
    pub(crate) fn may_sign_data(&self) -> bool {
        self.key_usage()
            .ok()
            .flatten()
            .is_none_or(|bits| bits & (DIGITAL_SIGNATURE | NON_REPUDIATION) != 0)
    }

    /// The text of a Fulcio extension, which is DER of a `UTF8String`.
    pub(crate) fn text_extension(
        &self,
        id: ObjectIdentifier,
    ) -> Result<Option<String>, CertificateError> {
        let text = self.read(id, |value| {
            Utf8StringRef::from_der(value).map(|it| it.as_str().to_owned())
        })?;
        Ok(text.map(|(_, text)| text))
    }

    /// The text of an old Fulcio extension, which is the text itself.
    pub(crate) fn raw_text_extension(
        &self,
        id: ObjectIdentifier,
    ) -> Result<Option<String>, CertificateError> {
        let Some((_, value)) = self.extension(id) else {
            return Ok(None);
        };
        let text = std::str::from_utf8(value).map_err(|_| CertificateError::Extension)?;
        Ok(Some(text.to_owned()))
    }

    /// The first byte of the key usage bits.
    fn key_usage(&self) -> Result<Option<u8>, CertificateError> {
        let bits = self.read(ID_CE_KEY_USAGE, |value| {
            BitStringRef::from_der(value).map(|it| it.raw_bytes().first().copied().unwrap_or(0))
        })?;
        Ok(bits.map(|(_, bits)| bits))
    }

    fn read<'a, T>(
        &'a self,
        id: ObjectIdentifier,
        parse: impl FnOnce(&'a [u8]) -> der::Result<T>,
    ) -> Result<Option<(bool, T)>, CertificateError> {
        let Some((critical, value)) = self.extension(id) else {
            return Ok(None);
        };
        let parsed = parse(value).map_err(|_| CertificateError::Extension)?;
        Ok(Some((critical, parsed)))
    }
}

/// The two families of signatures, so that an algorithm is not applied to a key of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Ecdsa,
    Rsa,
    Other,
}

impl Family {
    pub(crate) const fn of(kind: KeyKind) -> Self {
        match kind {
            KeyKind::P256 | KeyKind::P384 | KeyKind::P521 => Self::Ecdsa,
            KeyKind::Rsa { .. } => Self::Rsa,
            KeyKind::Ed25519 => Self::Other,
        }
    }
}

/// Family and digest of a signature algorithm (RFC 5758, RFC 8017).
pub(crate) fn signature_digest(oid: ObjectIdentifier) -> Option<(Family, Algorithm)> {
    Some(match oid {
        ECDSA_WITH_SHA_256 => (Family::Ecdsa, Algorithm::Sha256),
        ECDSA_WITH_SHA_384 => (Family::Ecdsa, Algorithm::Sha384),
        ECDSA_WITH_SHA_512 => (Family::Ecdsa, Algorithm::Sha512),
        SHA_256_WITH_RSA_ENCRYPTION => (Family::Rsa, Algorithm::Sha256),
        SHA_384_WITH_RSA_ENCRYPTION => (Family::Rsa, Algorithm::Sha384),
        SHA_512_WITH_RSA_ENCRYPTION => (Family::Rsa, Algorithm::Sha512),
        _ => return None,
    })
}

fn extensions(tbs: &TbsDer<'_>) -> Result<Vec<Extension>, CertificateError> {
    let mut found: Vec<Extension> = Vec::new();
    for extension in tbs.extensions.iter().flatten() {
        if found.len() >= EXTENSIONS {
            return Err(CertificateError::Extension);
        }
        if found.iter().any(|it| it.id == extension.id) {
            return Err(CertificateError::DuplicateExtension);
        }
        found.push(Extension {
            id: extension.id,
            critical: extension.critical,
            value: extension.value.as_bytes().to_owned(),
        });
    }
    Ok(found)
}

/// One `GeneralName` (RFC 5280 §4.2.1.6).
fn alternative_name(name: &AnyRef<'_>) -> der::Result<AlternativeName> {
    let text = || {
        let text = std::str::from_utf8(name.value())
            .ok()
            .filter(|it| it.is_ascii());
        text.map(str::to_owned)
            .ok_or_else(|| Tag::Ia5String.value_error())
    };
    Ok(match name.tag() {
        Tag::ContextSpecific {
            constructed: false,
            number,
        } if number.value() == 1 => AlternativeName::Email(text()?),
        Tag::ContextSpecific {
            constructed: false,
            number,
        } if number.value() == 6 => AlternativeName::Uri(text()?),
        _ => AlternativeName::Other,
    })
}

fn dns_name(name: &AnyRef<'_>) -> Option<String> {
    let Tag::ContextSpecific {
        constructed: false,
        number,
    } = name.tag()
    else {
        return None;
    };
    let text = String::from_utf8_lossy(name.value());
    (number.value() == 2).then(|| text.into_owned())
}

#[derive(Sequence)]
struct CertificateDer<'a> {
    tbs: AnyRef<'a>,
    signature_algorithm: AlgorithmIdentifierRef<'a>,
    signature: BitStringRef<'a>,
}

#[derive(Sequence)]
struct TbsDer<'a> {
    #[asn1(context_specific = "0", default = "Default::default")]
    version: u8,
    serial: IntRef<'a>,
    signature: AlgorithmIdentifierRef<'a>,
    issuer: AnyRef<'a>,
    validity: ValidityDer,
    subject: AnyRef<'a>,
    subject_public_key_info: AnyRef<'a>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    issuer_unique_id: Option<BitStringRef<'a>>,
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT", optional = "true")]
    subject_unique_id: Option<BitStringRef<'a>>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Vec<ExtensionDer<'a>>>,
}

#[derive(Sequence)]
struct ValidityDer {
    not_before: TimeDer,
    not_after: TimeDer,
}

#[derive(Choice)]
enum TimeDer {
    #[asn1(type = "UTCTime")]
    Utc(UtcTime),
    #[asn1(type = "GeneralizedTime")]
    Generalized(GeneralizedTime),
}

impl TimeDer {
    fn timestamp(&self) -> Result<Timestamp, CertificateError> {
        let since_epoch = match self {
            Self::Utc(time) => time.to_unix_duration(),
            // RFC 5280 §4.1.2.5: one spelling for each time.
            Self::Generalized(time) if time.to_date_time().year() < 2050 => {
                return Err(CertificateError::Time);
            }
            Self::Generalized(time) => time.to_unix_duration(),
        };
        i64::try_from(since_epoch.as_secs())
            .ok()
            .and_then(|seconds| Timestamp::from_second(seconds).ok())
            .ok_or(CertificateError::Der)
    }
}

#[derive(Sequence)]
struct ExtensionDer<'a> {
    id: ObjectIdentifier,
    #[asn1(default = "Default::default")]
    critical: bool,
    value: OctetStringRef<'a>,
}

#[derive(Sequence)]
struct BasicConstraints {
    #[asn1(default = "Default::default")]
    authority: bool,
    path_length: Option<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence, ValueOrd)]
struct NamePart<'a> {
    id: ObjectIdentifier,
    value: AnyRef<'a>,
}

/// More extensions than any certificate has; the duplicate check is quadratic.
const EXTENSIONS: usize = 64;

/// Extensions that we read, or whose meaning does not restrict what we use a certificate for.
const KNOWN: [ObjectIdentifier; 5] = [
    ID_CE_BASIC_CONSTRAINTS,
    ID_CE_EXT_KEY_USAGE,
    ID_CE_KEY_USAGE,
    ID_CE_SUBJECT_ALT_NAME,
    ID_CE_SUBJECT_KEY_IDENTIFIER,
];

// Bits of the first byte of KeyUsage (RFC 5280 §4.2.1.3), the first is the highest.
const DIGITAL_SIGNATURE: u8 = 0x80;
const NON_REPUDIATION: u8 = 0x40;
const KEY_CERT_SIGN: u8 = 0x04;
