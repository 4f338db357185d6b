//! The algorithms of a token.

use attest_digest::Algorithm;
use const_oid::db::rfc5912::{ID_SHA_256, ID_SHA_384, ID_SHA_512, RSA_ENCRYPTION};
use der::asn1::AnyRef;
use spki::AlgorithmIdentifierRef;

use super::TokenError;
use crate::asn1::certificate::{Family, signature_digest};

/// SHA-2, with parameters absent or NULL (RFC 5754 §2).
pub(super) fn hash_algorithm(
    identifier: &AlgorithmIdentifierRef<'_>,
) -> Result<Algorithm, TokenError> {
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
pub(super) fn signature_family(
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
