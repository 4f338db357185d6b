//! `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::{
    ID_EC_PUBLIC_KEY, RSA_ENCRYPTION, SECP_256_R_1, SECP_384_R_1, SECP_521_R_1,
};
use der::asn1::{AnyRef, BitStringRef, UintRef};
use der::{Decode, Encode, Sequence};
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

use crate::key::KeyKind;

/// Kind and content of a key, in the one form that we take.
pub(crate) struct Spki {
    pub(crate) kind: KeyKind,
    /// The content of the BIT STRING.
    pub(crate) public_key: Vec<u8>,
}

pub(crate) enum SpkiError {
    Malformed,
    Unsupported { oid: String },
    RsaBits { found: usize },
}

impl Spki {
    pub(crate) fn parse(der: &[u8]) -> Result<Self, SpkiError> {
        let spki = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| SpkiError::Malformed)?;
        // One spelling: the fingerprint is over these bytes.
        if spki.to_der().ok().as_deref() != Some(der) {
            return Err(SpkiError::Malformed);
        }
        let public_key = spki
            .subject_public_key
            .as_bytes()
            .ok_or(SpkiError::Malformed)?;
        let kind = kind(&spki, public_key)?;
        Ok(Self {
            kind,
            public_key: public_key.to_owned(),
        })
    }
}

/// The one form that we take of a key with that content of the BIT STRING; empty if it has none.
pub(crate) fn encode(kind: KeyKind, public_key: &[u8]) -> Vec<u8> {
    let (oid, curve) = match kind {
        KeyKind::P256 => (ID_EC_PUBLIC_KEY, Some(SECP_256_R_1)),
        KeyKind::P384 => (ID_EC_PUBLIC_KEY, Some(SECP_384_R_1)),
        KeyKind::P521 => (ID_EC_PUBLIC_KEY, Some(SECP_521_R_1)),
        KeyKind::Rsa { .. } => (RSA_ENCRYPTION, None),
        KeyKind::Ed25519 => (ED25519, None),
    };
    let parameters = match (&curve, kind) {
        (Some(curve), _) => Some(AnyRef::from(curve)),
        (None, KeyKind::Rsa { .. }) => Some(AnyRef::NULL),
        (None, _) => None,
    };
    let algorithm = AlgorithmIdentifierRef { oid, parameters };
    let spki =
        BitStringRef::from_bytes(public_key).map(|subject_public_key| SubjectPublicKeyInfoRef {
            algorithm,
            subject_public_key,
        });
    spki.and_then(|it| it.to_der()).unwrap_or_default()
}

fn kind(spki: &SubjectPublicKeyInfoRef<'_>, public_key: &[u8]) -> Result<KeyKind, SpkiError> {
    let algorithm = &spki.algorithm;
    match algorithm.oid {
        ID_EC_PUBLIC_KEY => {
            let curve = algorithm
                .parameters_oid()
                .map_err(|_| SpkiError::Malformed)?;
            let (kind, coordinate) = match curve {
                SECP_256_R_1 => (KeyKind::P256, 32),
                SECP_384_R_1 => (KeyKind::P384, 48),
                SECP_521_R_1 => (KeyKind::P521, 66),
                other => return Err(unsupported(other)),
            };
            // SEC 1 §2.3.3: 0x04 and both coordinates.
            let uncompressed =
                public_key.first() == Some(&0x04) && public_key.len() == 1 + 2 * coordinate;
            uncompressed.then_some(kind).ok_or(SpkiError::Malformed)
        }
        RSA_ENCRYPTION => {
            if algorithm.parameters.is_none_or(|it| !it.is_null()) {
                return Err(SpkiError::Malformed);
            }
            rsa_kind(public_key)
        }
        ED25519 => {
            if algorithm.parameters.is_some() || public_key.len() != 32 {
                return Err(SpkiError::Malformed);
            }
            Ok(KeyKind::Ed25519)
        }
        other => Err(unsupported(other)),
    }
}

fn rsa_kind(public_key: &[u8]) -> Result<KeyKind, SpkiError> {
    let key = RsaPublicKey::from_der(public_key).map_err(|_| SpkiError::Malformed)?;
    let modulus = key.modulus.as_bytes();
    let leading = modulus.first().map_or(0, |it| it.leading_zeros() as usize);
    let bits = modulus.len() * 8 - leading;
    if !(2048..=8192).contains(&bits) {
        return Err(SpkiError::RsaBits { found: bits });
    }
    // An exponent of 1 makes every message its own signature.
    let exponent = key.exponent.as_bytes();
    let odd = exponent.last().is_some_and(|it| it % 2 == 1);
    if exponent.len() > 8 || !odd || exponent == [1] {
        return Err(SpkiError::Malformed);
    }
    Ok(KeyKind::Rsa { bits })
}

fn unsupported(oid: ObjectIdentifier) -> SpkiError {
    SpkiError::Unsupported {
        oid: oid.to_string(),
    }
}

/// RFC 8017 §A.1.1.
#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    exponent: UintRef<'a>,
}

/// id-Ed25519 (RFC 8410).
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
