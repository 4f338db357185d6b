//! The answer: is it a granted timestamp for what was asked?
//!
//! Neither signature nor certificate is looked at here: the signer verifies the finished bundle.

use attest_digest::Algorithm;
use cms::cert::x509::ext::Extensions;
use cms::content_info::ContentInfo;
use cms::signed_data::SignedData;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::ID_SIGNED_DATA;
use const_oid::db::rfc5912::{ID_SHA_256, ID_SHA_384, ID_SHA_512};
use der::asn1::{GeneralizedTime, Int, OctetString};
use der::{Any, Decode, Encode, Sequence};
use spki::AlgorithmIdentifierOwned;

use crate::query::Query;

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    Malformed(&'static str),
    Declined(u8),
    OtherMessage,
    OtherNonce,
}

/// Compares an answer with what was asked.
pub(crate) fn check(answer: &[u8], query: &Query) -> Result<(), Flaw> {
    let response = Response::from_der(answer).map_err(|_| Flaw::Malformed("no TimeStampResp"))?;
    if !matches!(response.status.code, GRANTED | GRANTED_WITH_MODIFICATIONS) {
        return Err(Flaw::Declined(response.status.code));
    }
    let token = response
        .token
        .ok_or(Flaw::Malformed("granted, without a token"))?;
    let info = token_info(&token).map_err(Flaw::Malformed)?;
    let imprint = &info.imprint;
    let algorithm = match query.digest.algorithm() {
        Algorithm::Sha256 => ID_SHA_256,
        Algorithm::Sha384 => ID_SHA_384,
        Algorithm::Sha512 => ID_SHA_512,
    };
    if imprint.algorithm.oid != algorithm || imprint.digest.as_bytes() != query.digest.as_bytes() {
        return Err(Flaw::OtherMessage);
    }
    match &info.nonce {
        Some(nonce) if nonce.as_bytes() == query.nonce => Ok(()),
        _ => Err(Flaw::OtherNonce),
    }
}

fn token_info(token: &Any) -> Result<TokenInfo, &'static str> {
    let token = token
        .to_der()
        .and_then(|der| ContentInfo::from_der(&der))
        .map_err(|_| "the token is no ContentInfo")?;
    if token.content_type != ID_SIGNED_DATA {
        return Err("the token is no SignedData");
    }
    let signed: SignedData = token
        .content
        .decode_as()
        .map_err(|_| "the token is no SignedData")?;
    let content = signed.encap_content_info;
    if content.econtent_type != ID_TST_INFO {
        return Err("the token holds no TSTInfo");
    }
    let info: OctetString = content
        .econtent
        .and_then(|content| content.decode_as().ok())
        .ok_or("the token holds no TSTInfo")?;
    TokenInfo::from_der(info.as_bytes()).map_err(|_| "the token holds no TSTInfo")
}

/// `TimeStampResp`, RFC 3161, section 2.4.2.
#[derive(Debug, Sequence)]
struct Response {
    status: Status,
    #[asn1(optional = "true")]
    token: Option<Any>,
}

/// `PKIStatusInfo`: what stands after the status is for people.
#[derive(Debug, Sequence)]
struct Status {
    code: u8,
    #[asn1(optional = "true")]
    text: Option<Any>,
    #[asn1(optional = "true")]
    failure: Option<Any>,
}

/// `TSTInfo`, with all that an authority may write into it.
#[derive(Debug, Sequence)]
struct TokenInfo {
    version: u8,
    policy: ObjectIdentifier,
    imprint: Imprint,
    serial: Int,
    time: GeneralizedTime,
    #[asn1(optional = "true")]
    accuracy: Option<Accuracy>,
    #[asn1(default = "Default::default")]
    ordering: bool,
    #[asn1(optional = "true")]
    nonce: Option<Int>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    authority: Option<Any>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    extensions: Option<Extensions>,
}

#[derive(Debug, Sequence)]
struct Imprint {
    algorithm: AlgorithmIdentifierOwned,
    digest: OctetString,
}

#[derive(Debug, Sequence)]
struct Accuracy {
    #[asn1(optional = "true")]
    seconds: Option<Int>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    milliseconds: Option<Int>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    microseconds: Option<Int>,
}

const GRANTED: u8 = 0;
const GRANTED_WITH_MODIFICATIONS: u8 = 1;
const ID_TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");

#[cfg(test)]
mod tests {
    use attest_sign::{Authority, AuthorityName, AuthorityRoot, Period};

    use attest_digest::Digest;

    use super::*;

    fn authority() -> Authority {
        let valid = Period {
            from: "2026-01-01T00:00:00Z".parse().unwrap(),
            until: "2036-01-01T00:00:00Z".parse().unwrap(),
        };
        let name = |text| AuthorityName::new("example.invalid", text).unwrap();
        let root = AuthorityRoot::create(&name("root"), valid).unwrap();
        root.issue(&name("leaf"), valid).unwrap()
    }

    fn answer(query: &Query) -> Vec<u8> {
        authority()
            .respond(&query.to_der(), "2026-11-21T09:41:07Z".parse().unwrap())
            .unwrap()
    }

    #[test]
    fn an_answer_for_another_message_or_nonce_is_refused() {
        let asked = Query::new(Digest::Sha256([1; 32]), [1; 16]);
        assert_eq!(check(&answer(&asked), &asked), Ok(()));
        let other = Query::new(Digest::Sha256([2; 32]), [1; 16]);
        assert_eq!(check(&answer(&other), &asked), Err(Flaw::OtherMessage));
        let replayed = Query::new(Digest::Sha256([1; 32]), [2; 16]);
        assert_eq!(check(&answer(&replayed), &asked), Err(Flaw::OtherNonce));
    }

    #[test]
    fn a_rejection_and_garbage_are_refused() {
        let asked = Query::new(Digest::Sha256([1; 32]), [1; 16]);
        let declined = attest_sign::TimestampRequest::parse(b"x")
            .unwrap_err()
            .response()
            .unwrap();
        assert_eq!(check(&declined, &asked), Err(Flaw::Declined(2)));
        for garbage in [&b""[..], b"<html>", &[0x30, 0x03, 0x02, 0x01, 0x00]] {
            assert!(matches!(check(garbage, &asked), Err(Flaw::Malformed(_))));
        }
        let mut cut = answer(&asked);
        cut.pop();
        assert!(matches!(check(&cut, &asked), Err(Flaw::Malformed(_))));
    }
}
