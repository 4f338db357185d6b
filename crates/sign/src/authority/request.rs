//! A timestamp request, read strictly, and the rejections that answer a bad one.

use attest_digest::{Algorithm, Digest};
use const_oid::db::rfc5912::{ID_SHA_256, ID_SHA_384, ID_SHA_512};
use der::asn1::{BitString, Int, Null, OctetString};
use der::{Decode as _, Encode as _};
use spki::AlgorithmIdentifierOwned;

use super::EncodeError;
use super::tsp::{MessageImprint, POLICY, PkiStatusInfo, REJECTION, TimeStampReq, TimeStampResp};
use crate::limits::{NONCE_BYTES, TIMESTAMP_REQUEST_BYTES};
use crate::service::TimestampError;

/// A request for a timestamp over a digest (RFC 3161, section 2.4.1), fit to be granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimestampRequest {
    imprint: MessageImprint,
    nonce: Option<Int>,
    wants_certificate: bool,
}

/// Why a request is not granted. [`RequestRefusal::response`] is what to answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestRefusal {
    /// More bytes than any request has.
    #[error("request has {found} bytes, at most {limit} are read")]
    TooLarge {
        /// Its size.
        found: usize,
        /// The bound, [`crate::limits::TIMESTAMP_REQUEST_BYTES`].
        limit: usize,
    },
    /// Not a DER `TimeStampReq`.
    #[error("not a TimeStampReq in DER")]
    Malformed,
    /// A version that does not exist.
    #[error("request has version {found}, 1 is known")]
    Version {
        /// Its version.
        found: u8,
    },
    /// A digest that is not trusted (SHA-1, MD5) or not known.
    #[error("imprint is by {found}, SHA-256, SHA-384 and SHA-512 are stamped")]
    Digest {
        /// The object identifier of its hash algorithm.
        found: String,
    },
    /// An imprint that is not as long as its digest.
    #[error("imprint has {found} bytes, its algorithm gives {wanted}")]
    ImprintLength {
        /// Its length.
        found: usize,
        /// The digest's length.
        wanted: usize,
    },
    /// A nonce that is longer than any client's.
    #[error("nonce has {found} bytes, at most {limit} are echoed")]
    NonceLength {
        /// Its length.
        found: usize,
        /// The bound, [`crate::limits::NONCE_BYTES`].
        limit: usize,
    },
    /// A policy that is not ours.
    #[error("request wants policy {found}, {POLICY} is offered")]
    Policy {
        /// The policy that it wants.
        found: String,
    },
    /// An extension: none is known.
    #[error("request has extensions, none is known")]
    Extensions,
}

impl RequestRefusal {
    /// The stable code of this refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } | Self::NonceLength { .. } => "timestamp-request-too-large",
            Self::Malformed | Self::Version { .. } => "timestamp-request-malformed",
            Self::Digest { .. } => "timestamp-digest-unsupported",
            Self::ImprintLength { .. } => "timestamp-imprint-length",
            Self::Policy { .. } => "timestamp-policy-unsupported",
            Self::Extensions => "timestamp-extension-unsupported",
        }
    }

    /// The DER `TimeStampResp` that rejects the request.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn response(&self) -> Result<Vec<u8>, EncodeError> {
        let response = TimeStampResp {
            status: PkiStatusInfo {
                status: REJECTION,
                status_string: Some(vec![self.to_string()]),
                fail_info: Some(failure(self.failure_bit())?),
            },
            time_stamp_token: None,
        };
        Ok(response.to_der()?)
    }

    /// The bit of `PKIFailureInfo` (RFC 3161, section 2.4.2).
    const fn failure_bit(&self) -> u8 {
        match self {
            Self::Digest { .. } => 0,
            Self::TooLarge { .. } | Self::Version { .. } | Self::NonceLength { .. } => 2,
            Self::Malformed | Self::ImprintLength { .. } => 5,
            Self::Policy { .. } => 15,
            Self::Extensions => 16,
        }
    }
}

impl TimestampRequest {
    /// Reads a DER `TimeStampReq`.
    ///
    /// # Errors
    /// Every deviation from the profile; see [`RequestRefusal`].
    pub fn parse(request: &[u8]) -> Result<Self, RequestRefusal> {
        if request.len() > TIMESTAMP_REQUEST_BYTES {
            let limit = TIMESTAMP_REQUEST_BYTES;
            return Err(RequestRefusal::TooLarge {
                found: request.len(),
                limit,
            });
        }
        let parsed = TimeStampReq::from_der(request).map_err(|_| RequestRefusal::Malformed)?;
        // DER has one encoding for each value: a reader that differs from ours must not exist.
        if parsed.to_der().ok().as_deref() != Some(request) {
            return Err(RequestRefusal::Malformed);
        }
        Self::check(parsed)
    }

    /// The request for a digest without nonce: what the signer asks its own authority.
    pub(super) fn of_digest(digest: &Digest) -> Result<Self, TimestampError> {
        let hashed_message = OctetString::new(digest.as_bytes())
            .map_err(|error| TimestampError::new("encoding-failed", error))?;
        let hash_algorithm = AlgorithmIdentifierOwned {
            oid: match digest.algorithm() {
                Algorithm::Sha256 => ID_SHA_256,
                Algorithm::Sha384 => ID_SHA_384,
                Algorithm::Sha512 => ID_SHA_512,
            },
            parameters: None,
        };
        let imprint = MessageImprint {
            hash_algorithm,
            hashed_message,
        };
        Ok(Self {
            imprint,
            nonce: None,
            wants_certificate: true,
        })
    }

    pub(super) fn imprint(&self) -> &MessageImprint {
        &self.imprint
    }

    pub(super) fn nonce(&self) -> Option<&Int> {
        self.nonce.as_ref()
    }

    pub(super) fn wants_certificate(&self) -> bool {
        self.wants_certificate
    }

    fn check(request: TimeStampReq) -> Result<Self, RequestRefusal> {
        if request.version != 1 {
            return Err(RequestRefusal::Version {
                found: request.version,
            });
        }
        check_imprint(&request.message_imprint)?;
        if let Some(found) = request.req_policy.filter(|policy| *policy != POLICY) {
            let found = found.to_string();
            return Err(RequestRefusal::Policy { found });
        }
        if let Some(nonce) = &request.nonce {
            let found = nonce.as_bytes().len();
            if found > NONCE_BYTES {
                return Err(RequestRefusal::NonceLength {
                    found,
                    limit: NONCE_BYTES,
                });
            }
        }
        if request.extensions.is_some() {
            return Err(RequestRefusal::Extensions);
        }
        Ok(Self {
            imprint: request.message_imprint,
            nonce: request.nonce,
            wants_certificate: request.cert_req,
        })
    }
}

fn check_imprint(imprint: &MessageImprint) -> Result<(), RequestRefusal> {
    let algorithm = &imprint.hash_algorithm;
    let wanted = match algorithm.oid {
        ID_SHA_256 => 32,
        ID_SHA_384 => 48,
        ID_SHA_512 => 64,
        other => {
            let found = other.to_string();
            return Err(RequestRefusal::Digest { found });
        }
    };
    // Absent as RFC 5754 wants it, or NULL as many clients write it.
    if let Some(parameters) = &algorithm.parameters {
        parameters
            .decode_as::<Null>()
            .map_err(|_| RequestRefusal::Malformed)?;
    }
    let found = imprint.hashed_message.as_bytes().len();
    if found != wanted {
        return Err(RequestRefusal::ImprintLength { found, wanted });
    }
    Ok(())
}

/// `PKIFailureInfo` with one bit set, as DER wants named bits: no trailing zeroes.
fn failure(bit: u8) -> Result<BitString, der::Error> {
    let mut bytes = vec![0; usize::from(bit / 8)];
    bytes.push(0x80 >> (bit % 8));
    BitString::new(7 - bit % 8, bytes)
}
