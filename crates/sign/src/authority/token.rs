//! The token: a CMS `SignedData` over a `TSTInfo`.

use std::time::Duration;

use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use const_oid::db::rfc5911::{ID_CONTENT_TYPE, ID_MESSAGE_DIGEST, ID_SIGNED_DATA, ID_SIGNING_TIME};
use const_oid::db::rfc5912::{ECDSA_WITH_SHA_256, ID_SHA_256};
use der::asn1::{GeneralizedTime, OctetString, SetOfVec, Uint};
use der::{Any, Encode as _};
use jiff::Timestamp;
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;
use x509_cert::attr::Attribute;
use x509_cert::ext::pkix::name::GeneralName;

use super::AuthorityError;
use super::certificate::time;
use super::request::TimestampRequest;
use super::tsp::{
    EssCertIdV2, GRANTED, ID_AA_SIGNING_CERTIFICATE_V2, ID_CT_TST_INFO, IssuerSerial, POLICY,
    PkiStatusInfo, SigningCertificateV2, TimeStampResp, TstInfo,
};
use crate::crypto::{self, P256};

/// What is the same in every token of an authority, made once.
#[derive(Debug)]
pub(super) struct TokenSigner {
    certificate: Certificate,
    sid: SignerIdentifier,
    signing_certificate: Attribute,
    content_type: Attribute,
}

impl TokenSigner {
    /// `der` is the encoding of `certificate`, the leaf.
    pub(super) fn new(certificate: Certificate, der: &[u8]) -> Result<Self, AuthorityError> {
        let tbs = &certificate.tbs_certificate;
        let reference = SigningCertificateV2 {
            certs: vec![EssCertIdV2 {
                cert_hash: OctetString::new(crypto::sha256(der))?,
                issuer_serial: IssuerSerial {
                    issuer: vec![GeneralName::DirectoryName(tbs.issuer.clone())],
                    serial_number: tbs.serial_number.clone(),
                },
            }],
        };
        Ok(Self {
            sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
                issuer: tbs.issuer.clone(),
                serial_number: tbs.serial_number.clone(),
            }),
            signing_certificate: attribute(
                ID_AA_SIGNING_CERTIFICATE_V2,
                Any::encode_from(&reference)?,
            )?,
            content_type: attribute(ID_CONTENT_TYPE, Any::encode_from(&ID_CT_TST_INFO)?)?,
            certificate,
        })
    }

    /// A granted DER `TimeStampResp` with a token for this request at this time.
    pub(super) fn respond(
        &self,
        key: &P256,
        request: &TimestampRequest,
        now: Timestamp,
    ) -> Result<Vec<u8>, AuthorityError> {
        let info = TstInfo {
            version: 1,
            policy: POLICY,
            message_imprint: request.imprint().clone(),
            serial_number: Uint::new(&crypto::random::<16>()?)?,
            gen_time: generalized(now)?,
            nonce: request.nonce().cloned(),
        };
        let signed = self.sign(key, &info.to_der()?, now, request.wants_certificate())?;
        let token = ContentInfo {
            content_type: ID_SIGNED_DATA,
            content: Any::encode_from(&signed)?,
        };
        let response = TimeStampResp {
            status: PkiStatusInfo {
                status: GRANTED,
                status_string: None,
                fail_info: None,
            },
            time_stamp_token: Some(Any::encode_from(&token)?),
        };
        Ok(response.to_der()?)
    }

    fn sign(
        &self,
        key: &P256,
        info: &[u8],
        now: Timestamp,
        with_certificate: bool,
    ) -> Result<SignedData, AuthorityError> {
        let signed_attrs = SetOfVec::try_from(vec![
            self.content_type.clone(),
            attribute(ID_SIGNING_TIME, Any::encode_from(&time(now)?)?)?,
            attribute(
                ID_MESSAGE_DIGEST,
                Any::encode_from(&OctetString::new(crypto::sha256(info))?)?,
            )?,
            self.signing_certificate.clone(),
        ])?;
        // Signed as a plain SET OF, stored under [0] (RFC 5652, section 5.4).
        let signature = key.sign(&signed_attrs.to_der()?)?;
        let signer = SignerInfo {
            version: CmsVersion::V1,
            sid: self.sid.clone(),
            digest_alg: algorithm(ID_SHA_256),
            signed_attrs: Some(signed_attrs),
            signature_algorithm: algorithm(ECDSA_WITH_SHA_256),
            signature: OctetString::new(signature)?,
            unsigned_attrs: None,
        };
        let certificates = with_certificate
            .then(|| vec![CertificateChoices::Certificate(self.certificate.clone())])
            .map(|leaf| SetOfVec::try_from(leaf).map(CertificateSet))
            .transpose()?;
        Ok(SignedData {
            // Version 3: the content is something else than plain data (RFC 5652, section 5.1).
            version: CmsVersion::V3,
            digest_algorithms: SetOfVec::try_from(vec![algorithm(ID_SHA_256)])?,
            encap_content_info: EncapsulatedContentInfo {
                econtent_type: ID_CT_TST_INFO,
                econtent: Some(Any::encode_from(&OctetString::new(info)?)?),
            },
            certificates,
            crls: None,
            signer_infos: SignerInfos(SetOfVec::try_from(vec![signer])?),
        })
    }
}

fn attribute(oid: const_oid::ObjectIdentifier, value: Any) -> Result<Attribute, der::Error> {
    Ok(Attribute {
        oid,
        values: SetOfVec::try_from(vec![value])?,
    })
}

/// Without parameters, as RFC 5754 and RFC 5758 want it.
fn algorithm(oid: const_oid::ObjectIdentifier) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned {
        oid,
        parameters: None,
    }
}

fn generalized(now: Timestamp) -> Result<GeneralizedTime, AuthorityError> {
    let seconds =
        u64::try_from(now.as_second()).map_err(|_| der::Error::from(der::ErrorKind::DateTime))?;
    Ok(GeneralizedTime::from_unix_duration(Duration::from_secs(
        seconds,
    ))?)
}
