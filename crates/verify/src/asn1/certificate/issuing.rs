//! What certificates say about those that they issue, and about their issuers.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc4519::COMMON_NAME;
use const_oid::db::rfc5280::{ANY_EXTENDED_KEY_USAGE, ID_CE_NAME_CONSTRAINTS, ID_KP_CODE_SIGNING};
use const_oid::db::rfc6962::CT_PRECERT_SCTS;
use der::Decode;
use der::asn1::{OctetStringRef, SetOfVec};

use super::{Certificate, CertificateError, Family, NamePart, signature_digest};

impl Certificate {
    /// The part that its issuer signed.
    pub(crate) fn tbs(&self) -> &[u8] {
        &self.tbs
    }

    /// The last common name of the subject, if it is text.
    pub(crate) fn common_name(&self) -> Option<String> {
        common_name(&self.subject)
    }

    /// The last common name of the issuer, if it is text.
    pub(crate) fn issuer_name(&self) -> Option<String> {
        common_name(&self.issuer)
    }

    /// The organisations of the subject; `None` if one is not text.
    pub(crate) fn organizations(&self) -> Option<Vec<String>> {
        let rdns = Vec::<SetOfVec<NamePart<'_>>>::from_der(&self.subject).ok()?;
        let parts = rdns.iter().flat_map(SetOfVec::iter);
        parts
            .filter(|part| part.id == ORGANIZATION)
            .map(|part| str::from_utf8(part.value.value()).ok().map(str::to_owned))
            .collect()
    }

    /// Whether it names that certificate's subject as its issuer.
    pub(crate) fn names_as_issuer(&self, issuer: &Self) -> bool {
        self.issuer == issuer.subject
    }

    /// Whether the holder of that certificate's key, under that name, signed this one.
    pub(crate) fn is_signed_by(&self, issuer: &Self) -> bool {
        self.names_as_issuer(issuer)
            && signature_digest(self.signature_algorithm)
                .and_then(|(family, algorithm)| {
                    (family == Family::of(issuer.key_kind()?)).then_some(algorithm)
                })
                .and_then(|algorithm| issuer.verifying_key(algorithm))
                .is_some_and(|key| key.verifies(&self.tbs, &self.signature))
    }

    /// Why it may not have issued a certificate for code signing, with that many authorities below it
    /// (RFC 5280 §4.2.1.3, §4.2.1.9, §4.2.1.12).
    pub(crate) fn wrong_as_issuer(&self, below: usize) -> Option<&'static str> {
        let Ok(authority) = self.authority_use() else {
            return Some("an issuer that is no authority");
        };
        if !authority.is_authority {
            return Some("an issuer that is no authority");
        }
        if !self.may_sign_certificates() {
            return Some("an issuer whose key may not sign certificates");
        }
        let too_long = |most: u8| below > usize::from(most);
        if authority.path_length.is_some_and(too_long) {
            return Some("more authorities than an issuer allows below it");
        }
        let for_code = self.purposes().is_ok_and(|purposes| {
            purposes.is_none_or(|(_, it)| {
                it.contains(&ID_KP_CODE_SIGNING) || it.contains(&ANY_EXTENDED_KEY_USAGE)
            })
        });
        if !for_code {
            return Some("an issuer for another purpose than code signing");
        }
        self.wrong_extension()
    }

    /// An extension that restricts in a way that we do not check.
    pub(crate) fn wrong_extension(&self) -> Option<&'static str> {
        if self.extension(ID_CE_NAME_CONSTRAINTS).is_some() {
            return Some("name constraints, which are not supported");
        }
        self.unknown_critical_extension()
            .map(|_| "an unknown critical extension")
    }

    /// The list of timestamps of certificate logs, as TLS writes it, if there is one (RFC 6962 §3.3).
    pub(crate) fn certificate_timestamps(&self) -> Option<Result<&[u8], CertificateError>> {
        let (_, value) = self.extension(CT_PRECERT_SCTS)?;
        let list = OctetStringRef::from_der(value).map(|it| it.as_bytes());
        Some(list.map_err(|_| CertificateError::Extension))
    }
}

/// organizationName (RFC 4519 §2.19).
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");

/// The last common name of a distinguished name in DER, if it is text.
pub(crate) fn common_name(name: &[u8]) -> Option<String> {
    let rdns = Vec::<SetOfVec<NamePart<'_>>>::from_der(name).ok()?;
    let last = rdns
        .iter()
        .flat_map(SetOfVec::iter)
        .rfind(|part| part.id == COMMON_NAME)?;
    std::str::from_utf8(last.value.value())
        .ok()
        .map(str::to_owned)
}
