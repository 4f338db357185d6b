//! A certification request (RFC 2986): proof that we hold the key, whoever we are.
//!
//! The subject is empty: the name comes from the identity token. Signing the whole request, and not a
//! claim of the token, leaves no guess which claim the authority reads.

use const_oid::db::rfc5912::ECDSA_WITH_SHA_256;
use der::asn1::{BitString, SetOfVec};
use der::{Decode as _, Encode as _};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::name::Name;
use x509_cert::request::{CertReq, CertReqInfo, Version};

use crate::artifact_key::{ArtifactKey, SignatureError};
use crate::crypto::LibraryRefused;
use crate::pem;

/// The request for a certificate for this key, as PEM.
pub(super) fn request(key: &ArtifactKey) -> Result<String, SignatureError> {
    let refused = |_| LibraryRefused {
        what: "encode a certification request",
    };
    let info = CertReqInfo {
        version: Version::V1,
        subject: Name::default(),
        public_key: SubjectPublicKeyInfoOwned::from_der(key.spki()).map_err(refused)?,
        attributes: SetOfVec::new(),
    };
    let signature = key.sign(&info.to_der().map_err(refused)?)?;
    let request = CertReq {
        info,
        algorithm: AlgorithmIdentifierOwned {
            oid: ECDSA_WITH_SHA_256,
            parameters: None,
        },
        signature: BitString::from_bytes(&signature).map_err(refused)?,
    };
    let der = request.to_der().map_err(refused)?;
    Ok(pem::encode("CERTIFICATE REQUEST", &der))
}
