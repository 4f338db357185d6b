//! RFC 3161 timestamp tokens: CMS signed data (RFC 5652) over a `TSTInfo`.
//!
//! The sets of a token are read as they stand, never sorted: what is signed is their very bytes, and
//! a hostile set costs no more than its length.

use attest_digest::Algorithm;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_CONTENT_TYPE, ID_MESSAGE_DIGEST, ID_SIGNED_DATA};
use const_oid::db::rfc5912::{ID_SHA_256, ID_SHA_384, ID_SHA_512, RSA_ENCRYPTION};
use der::asn1::{AnyRef, BitStringRef, IntRef, OctetStringRef, SequenceRef};
use der::{Decode, Encode, Header, Reader, Sequence, SliceReader, Tag, TagNumber, Tagged};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use spki::AlgorithmIdentifierRef;

use crate::asn1::certificate::{Family, signature_digest};
use crate::limits;

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
        if bytes.len() > limits::TIMESTAMP_BYTES {
            return Err(TokenError::TooLarge { found: bytes.len() });
        }
        let outer = sequence(bytes, "outer sequence")?;
        let first = peek(outer).ok_or(TokenError::Malformed { what: "empty" })?;
        if first == Tag::ObjectIdentifier {
            return Self::from_content_info(bytes);
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
        Self::from_content_info(&token.to_der().map_err(malformed("token"))?)
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

/// RFC 5652 §5.1.
struct SignedData<'a> {
    digest_algorithms: AnyRef<'a>,
    content: &'a [u8],
    certificates: Option<AnyRef<'a>>,
    signers: AnyRef<'a>,
}

impl<'a> SignedData<'a> {
    fn parse(value: &'a [u8]) -> Result<Self, TokenError> {
        let what = "SignedData";
        let mut reader = SliceReader::new(value).map_err(malformed(what))?;
        let version = u8::decode(&mut reader).map_err(malformed(what))?;
        let digest_algorithms = set(&mut reader, what)?;
        let content = EncapsulatedContent::decode(&mut reader).map_err(malformed("content"))?;
        let certificates = tagged(&mut reader, TagNumber::N0)?;
        let revocations = tagged(&mut reader, TagNumber::N1)?;
        let signers = set(&mut reader, what)?;
        reader.finish(()).map_err(malformed(what))?;
        // Version 3 because the content is not plain data.
        if version != 3 || content.content_type != TST_INFO {
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

    fn only_signer(&self) -> Result<&'a [u8], TokenError> {
        let signers = elements(self.signers.value(), "SignerInfos", 2);
        match signers?.as_slice() {
            [only] => Ok(only),
            several => Err(TokenError::Signers {
                found: several.len(),
            }),
        }
    }

    /// The one that the signer used, and no other.
    fn check_digest_algorithm(&self, used: Algorithm) -> Result<(), TokenError> {
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

    fn certificates(&self) -> Result<Vec<Vec<u8>>, TokenError> {
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
struct SignerInfo<'a> {
    id: SignerId,
    digest_algorithm: Algorithm,
    family: Family,
    /// The content of `[0] IMPLICIT SET OF Attribute`.
    signed_attributes: &'a [u8],
    signature: &'a [u8],
}

impl<'a> SignerInfo<'a> {
    fn parse(der: &'a [u8]) -> Result<Self, TokenError> {
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
        if unsigned.is_some() {
            return Err(TokenError::Unwanted {
                what: "unsigned attributes",
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

/// The attributes that RFC 3161 §2.4.2 and RFC 5816 ask for.
struct Attributes {
    message_digest: Vec<u8>,
    certificate_digests: Vec<CertificateDigest>,
}

impl Attributes {
    fn parse(value: &[u8]) -> Result<Self, TokenError> {
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

struct Attribute<'a> {
    id: ObjectIdentifier,
    values: Vec<&'a [u8]>,
}

impl<'a> Attribute<'a> {
    fn parse(der: &'a [u8]) -> Result<Self, TokenError> {
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

/// RFC 3161 §2.4.2.
struct TstInfo {
    imprint: Imprint,
    time: Timestamp,
    has_fraction: bool,
}

impl TstInfo {
    fn parse(der: &[u8]) -> Result<Self, TokenError> {
        let what = "TSTInfo";
        let mut reader = SliceReader::new(sequence(der, what)?).map_err(malformed(what))?;
        let version = u8::decode(&mut reader).map_err(malformed(what))?;
        ObjectIdentifier::decode(&mut reader).map_err(malformed("policy"))?;
        let imprint = MessageImprint::decode(&mut reader).map_err(malformed("imprint"))?;
        IntRef::decode(&mut reader).map_err(malformed("serial number"))?;
        let time = AnyRef::decode(&mut reader).map_err(malformed("time"))?;
        if version != 1 || time.tag() != Tag::GeneralizedTime {
            return Err(TokenError::Malformed { what });
        }
        optional_fields(&mut reader)?;
        let (time, has_fraction) =
            generalized_time(time.value()).ok_or(TokenError::Malformed { what: "time" })?;
        Ok(Self {
            imprint: Imprint {
                algorithm: hash_algorithm(&imprint.algorithm)?,
                digest: imprint.digest.as_bytes().to_owned(),
            },
            time,
            has_fraction,
        })
    }
}

/// Accuracy, ordering, nonce and name say nothing that we rely on; an extension could restrict what
/// we do not understand.
fn optional_fields(reader: &mut SliceReader<'_>) -> Result<(), TokenError> {
    let what = "TSTInfo";
    if !reader.is_finished() && reader.peek_tag().map_err(malformed(what))? == Tag::Sequence {
        SequenceRef::decode(reader).map_err(malformed("accuracy"))?;
    }
    if !reader.is_finished() && reader.peek_tag().map_err(malformed(what))? == Tag::Boolean {
        bool::decode(reader).map_err(malformed("ordering"))?;
    }
    if !reader.is_finished() && reader.peek_tag().map_err(malformed(what))? == Tag::Integer {
        IntRef::decode(reader).map_err(malformed("nonce"))?;
    }
    tagged(reader, TagNumber::N0)?;
    if tagged(reader, TagNumber::N1)?.is_some() {
        return Err(TokenError::Unwanted { what: "extensions" });
    }
    if reader.is_finished() {
        Ok(())
    } else {
        Err(TokenError::Malformed { what })
    }
}

/// `YYYYMMDDHHMMSS[.f…]Z`, the fraction without trailing zeros.
fn generalized_time(text: &[u8]) -> Option<(Timestamp, bool)> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (seconds, fraction) = match text.split_once('.') {
        Some((seconds, fraction)) => (seconds, Some(fraction)),
        None => (text, None),
    };
    let nanoseconds = match fraction {
        None => 0,
        Some(digits) if is_digits(digits) && digits.len() <= 9 && !digits.ends_with('0') => {
            format!("{digits:0<9}").parse().ok()?
        }
        Some(_) => return None,
    };
    if seconds.len() != 14 || !is_digits(seconds) {
        return None;
    }
    let number = |range: std::ops::Range<usize>| seconds.get(range)?.parse::<i8>().ok();
    let year = seconds.get(..4)?.parse().ok()?;
    let time = DateTime::new(
        year,
        number(4..6)?,
        number(6..8)?,
        number(8..10)?,
        number(10..12)?,
        number(12..14)?,
        nanoseconds,
    );
    let time = TimeZone::UTC.to_timestamp(time.ok()?).ok()?;
    Some((time, fraction.is_some()))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit())
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

/// SHA-2, with parameters absent or NULL (RFC 5754 §2).
fn hash_algorithm(identifier: &AlgorithmIdentifierRef<'_>) -> Result<Algorithm, TokenError> {
    if identifier.parameters.is_some_and(|it| !it.is_null()) {
        return Err(unknown(identifier));
    }
    match identifier.oid {
        ID_SHA_256 => Ok(Algorithm::Sha256),
        ID_SHA_384 => Ok(Algorithm::Sha384),
        ID_SHA_512 => Ok(Algorithm::Sha512),
        _ => Err(unknown(identifier)),
    }
}

/// The family of a signature algorithm that agrees with the digest.
fn signature_family(
    identifier: &AlgorithmIdentifierRef<'_>,
    digest: Algorithm,
) -> Result<Family, TokenError> {
    if identifier.oid == RSA_ENCRYPTION && identifier.parameters.is_none_or(AnyRef::is_null) {
        return Ok(Family::Rsa);
    }
    let (family, algorithm) =
        signature_digest(identifier.oid).ok_or_else(|| unknown(identifier))?;
    let parameters = match family {
        // RFC 5758 §3.2: absent.
        Family::Ecdsa => identifier.parameters.is_none(),
        Family::Rsa | Family::Other => identifier.parameters.is_none_or(AnyRef::is_null),
    };
    if parameters && algorithm == digest {
        Ok(family)
    } else {
        Err(unknown(identifier))
    }
}

fn unknown(identifier: &AlgorithmIdentifierRef<'_>) -> TokenError {
    TokenError::Algorithm {
        oid: identifier.oid.to_string(),
    }
}

/// The elements of a SET or SEQUENCE, each with its header, at most `most` of them.
fn elements<'a>(
    value: &'a [u8],
    what: &'static str,
    most: usize,
) -> Result<Vec<&'a [u8]>, TokenError> {
    let mut found = Vec::new();
    if value.is_empty() {
        return Ok(found);
    }
    let mut reader = SliceReader::new(value).map_err(malformed(what))?;
    while !reader.is_finished() {
        if found.len() == most {
            return Err(TokenError::Malformed { what });
        }
        found.push(reader.tlv_bytes().map_err(malformed(what))?);
    }
    Ok(found)
}

fn only<'a>(values: &[&'a [u8]], what: &'static str) -> Result<&'a [u8], TokenError> {
    match values {
        [only] => Ok(only),
        _ => Err(TokenError::Malformed { what }),
    }
}

fn set<'a>(reader: &mut SliceReader<'a>, what: &'static str) -> Result<AnyRef<'a>, TokenError> {
    let any = AnyRef::decode(reader).map_err(malformed(what))?;
    if any.tag() == Tag::Set {
        Ok(any)
    } else {
        Err(TokenError::Malformed { what })
    }
}

/// A constructed element of that context-specific tag, if it is next.
fn tagged<'a>(
    reader: &mut SliceReader<'a>,
    number: TagNumber,
) -> Result<Option<AnyRef<'a>>, TokenError> {
    let what = "optional field";
    let wanted = Tag::ContextSpecific {
        constructed: true,
        number,
    };
    if reader.is_finished() || reader.peek_tag().map_err(malformed(what))? != wanted {
        return Ok(None);
    }
    AnyRef::decode(reader).map(Some).map_err(malformed(what))
}

/// The attributes under the tag under which they are signed (RFC 5652 §5.4).
fn as_set(value: &[u8]) -> Result<Vec<u8>, TokenError> {
    let what = "signed attributes";
    let mut der = Header::new(Tag::Set, value.len())
        .and_then(|it| it.to_der())
        .map_err(malformed(what))?;
    der.extend_from_slice(value);
    Ok(der)
}

/// The content of a SEQUENCE that is the whole of the bytes.
fn sequence<'a>(der: &'a [u8], what: &'static str) -> Result<&'a [u8], TokenError> {
    let any = AnyRef::from_der(der).map_err(malformed(what))?;
    if any.tag() == Tag::Sequence {
        Ok(any.value())
    } else {
        Err(TokenError::Malformed { what })
    }
}

fn peek(value: &[u8]) -> Option<Tag> {
    SliceReader::new(value).ok()?.peek_tag().ok()
}

fn malformed(what: &'static str) -> impl Fn(der::Error) -> TokenError {
    move |_| TokenError::Malformed { what }
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

#[derive(Sequence)]
struct EncapsulatedContent<'a> {
    content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    content: OctetStringRef<'a>,
}

#[derive(Sequence)]
struct MessageImprint<'a> {
    algorithm: AlgorithmIdentifierRef<'a>,
    digest: OctetStringRef<'a>,
}

/// id-ct-TSTInfo (RFC 3161).
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
/// id-aa-signingCertificate (RFC 2634).
const SIGNING_CERTIFICATE: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.12");
/// id-aa-signingCertificateV2 (RFC 5035).
const SIGNING_CERTIFICATE_V2: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
/// Signed attributes of one signer.
const ATTRIBUTES: usize = 32;
