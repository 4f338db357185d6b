//! The Dead Simple Signing Envelope.

use serde_json::{Value, json};

use crate::json::{FieldError, JsonError, Object};
use crate::{base64, json, limits};

/// The first bytes of everything that a DSSE signature covers.
pub const PAE_PREFIX: &[u8] = b"DSSEv1 ";

/// The payload type of in-toto statements.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// The bytes that a DSSE signature covers, lengths counted in bytes.
///
/// ```
/// # use attest_provenance::pae;
/// assert_eq!(
///     pae("http://example.com/HelloWorld", b"hello world"),
///     b"DSSEv1 29 http://example.com/HelloWorld 11 hello world",
/// );
/// ```
/// See [DSSE protocol](https://github.com/secure-systems-lab/dsse/blob/master/protocol.md).
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let header = format!("{} {payload_type} {} ", payload_type.len(), payload.len());
    [PAE_PREFIX, header.as_bytes(), payload].concat()
}

/// A payload and signatures over it, none of them checked.
///
/// ```text
/// {"payload":"aGVsbG8gd29ybGQ=",
///  "payloadType":"http://example.com/HelloWorld",
///  "signatures":[{"keyid":"1a2b…","sig":"A3Jqs…"}]}
/// ```
/// Read more strictly than [DSSE](https://github.com/secure-systems-lab/dsse/blob/master/envelope.md)
/// asks: no unknown fields, canonical base64 of the standard alphabet only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    payload_type: String,
    payload: Vec<u8>,
    signatures: Vec<EnvelopeSignature>,
}

/// One signature of an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvelopeSignature {
    /// An unauthenticated hint at the key; an empty one is none.
    pub keyid: Option<String>,
    /// The signature, in whatever form its key makes.
    pub sig: Vec<u8>,
}

impl Envelope {
    /// An envelope with one signature over [`pae`] of these.
    pub fn new(payload_type: impl Into<String>, payload: Vec<u8>, sig: Vec<u8>) -> Self {
        Self {
            payload_type: payload_type.into(),
            payload,
            signatures: vec![EnvelopeSignature { keyid: None, sig }],
        }
    }

    /// Reads the JSON of an envelope that stands alone.
    ///
    /// # Errors
    /// Not JSON of one meaning, or not an envelope.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        Self::from_json(json::parse(bytes, limits::ENVELOPE)?)
    }

    /// Reads an envelope that is a value by itself.
    ///
    /// # Errors
    /// As [`Self::from_object`].
    pub fn from_json(value: Value) -> Result<Self, EnvelopeError> {
        Self::from_object(Object::new("", value)?)
    }

    /// Reads an envelope inside another document.
    ///
    /// # Errors
    /// A field that is absent, unknown or of another type; base64 that is not canonical; no payload
    /// type; no signature, an empty one, or more than [`limits::SIGNATURES`].
    pub fn from_object(mut object: Object) -> Result<Self, EnvelopeError> {
        let payload_type = object.take_string("payloadType")?;
        if payload_type.is_empty() {
            return Err(EnvelopeError::NoPayloadType);
        }
        let payload = object.take_bytes("payload")?;
        let signatures = object
            .take_objects("signatures", limits::SIGNATURES)?
            .into_iter()
            .map(EnvelopeSignature::from_object)
            .collect::<Result<Vec<_>, _>>()?;
        object.finish()?;
        if signatures.is_empty() {
            return Err(EnvelopeError::NoSignature);
        }
        Ok(Self {
            payload_type,
            payload,
            signatures,
        })
    }

    /// The JSON of the envelope, in the field names of DSSE and of Sigstore's bundle.
    pub fn to_json(&self) -> Value {
        let signatures: Vec<Value> = self
            .signatures
            .iter()
            .map(EnvelopeSignature::to_json)
            .collect();
        json!({
            "payload": base64::encode(&self.payload),
            "payloadType": self.payload_type,
            "signatures": signatures,
        })
    }

    /// How the payload is to be read, as the envelope claims.
    pub fn payload_type(&self) -> &str {
        &self.payload_type
    }

    /// The payload, which nobody may use before a signature over [`Self::pae`] was verified.
    pub fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }

    /// All signatures, at least one.
    pub fn signatures(&self) -> &[EnvelopeSignature] {
        &self.signatures
    }

    /// The signature of an envelope that has exactly one, as Sigstore's bundles must.
    ///
    /// # Errors
    /// There are several.
    pub fn only_signature(&self) -> Result<&EnvelopeSignature, EnvelopeError> {
        match self.signatures.as_slice() {
            [only] => Ok(only),
            several => Err(EnvelopeError::SeveralSignatures {
                found: several.len(),
            }),
        }
    }

    /// The bytes that each signature must cover.
    pub fn pae(&self) -> Vec<u8> {
        pae(&self.payload_type, &self.payload)
    }
}

impl EnvelopeSignature {
    fn from_object(mut object: Object) -> Result<Self, EnvelopeError> {
        let keyid = object
            .take_optional_string("keyid")?
            .filter(|it| !it.is_empty());
        let sig = object.take_bytes("sig")?;
        let at = object.path_of("sig");
        object.finish()?;
        if sig.is_empty() || sig.len() > limits::SIGNATURE_BYTES {
            return Err(EnvelopeError::SignatureLength {
                at,
                found: sig.len(),
            });
        }
        Ok(Self { keyid, sig })
    }

    fn to_json(&self) -> Value {
        let sig = base64::encode(&self.sig);
        match &self.keyid {
            Some(keyid) => json!({"keyid": keyid, "sig": sig}),
            None => json!({"sig": sig}),
        }
    }
}

/// Why something is not an envelope.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// Not JSON of one meaning.
    #[error("envelope is not readable")]
    Json(#[from] JsonError),
    /// Not the fields of an envelope.
    #[error("envelope is malformed")]
    Field(#[from] FieldError),
    /// The payload type is empty.
    #[error("envelope has an empty payloadType")]
    NoPayloadType,
    /// There is no signature.
    #[error("envelope has no signature")]
    NoSignature,
    /// A signature is empty or too long.
    #[error("{at} has {found} bytes, wanted 1 to {}", limits::SIGNATURE_BYTES)]
    SignatureLength {
        /// The path of the signature.
        at: String,
        /// Its bytes.
        found: usize,
    },
    /// There are several signatures where one is allowed.
    #[error("envelope has {found} signatures, wanted 1")]
    SeveralSignatures {
        /// The count of signatures.
        found: usize,
    },
}

impl EnvelopeError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Json(JsonError::TooLarge { .. }) => "envelope-too-large",
            Self::Json(_)
            | Self::Field(_)
            | Self::NoPayloadType
            | Self::NoSignature
            | Self::SignatureLength { .. } => "envelope-malformed",
            Self::SeveralSignatures { .. } => "envelope-several-signatures",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spec_envelope() -> Value {
        json!({
            "payload": "aGVsbG8gd29ybGQ=",
            "payloadType": "http://example.com/HelloWorld",
            "signatures": [{"sig": "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="}],
        })
    }

    fn with(change: impl FnOnce(&mut Value)) -> Value {
        let mut value = spec_envelope();
        change(&mut value);
        value
    }

    #[test]
    fn lengths_in_the_signed_bytes_count_bytes() {
        assert_eq!(pae("", b""), b"DSSEv1 0  0 ");
        assert_eq!(pae("é", "ü".as_bytes()), "DSSEv1 2 é 2 ü".as_bytes());
        assert_eq!(
            pae("日本", b"\x00\xff"),
            [&b"DSSEv1 6 "[..], "日本".as_bytes(), b" 2 \x00\xff"].concat()
        );
    }

    #[test]
    fn payload_and_type_cannot_trade_bytes() {
        assert_ne!(pae("a", b"b c"), pae("a 3 b", b"c"));
        assert_ne!(pae("a 1", b""), pae("a", b"1 "));
    }

    #[test]
    fn the_envelope_of_the_specification_is_read() {
        let envelope = Envelope::from_json(spec_envelope()).unwrap();
        assert_eq!(envelope.payload_type(), "http://example.com/HelloWorld");
        assert_eq!(envelope.unverified_payload(), b"hello world");
        assert_eq!(envelope.only_signature().unwrap().sig.len(), 64);
        assert_eq!(
            envelope.pae(),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
        assert_eq!(envelope.to_json(), spec_envelope());
    }

    #[test]
    fn an_envelope_that_is_changed_in_one_place_is_refused() {
        for value in [
            json!([]),
            with(|it| it["extra"] = json!(1)),
            with(|it| it["signatures"][0]["cert"] = json!("x")),
            with(|it| it["payload"] = json!("aGVsbG8gd29ybGR=")),
            with(|it| it["payload"] = json!("aGVsbG8gd29ybGQ")),
            with(|it| it["payload"] = json!(null)),
            with(|it| it["payloadType"] = json!("")),
            with(|it| it["payload_type"] = it["payloadType"].take()),
            with(|it| it["signatures"] = json!([])),
            with(|it| it["signatures"] = json!({"0": {}})),
            with(|it| it["signatures"][0]["sig"] = json!("")),
            with(|it| it["signatures"][0]["sig"] = json!("_-==")),
            with(|it| {
                it["signatures"][0]["sig"] =
                    json!(base64::encode(&vec![0; limits::SIGNATURE_BYTES + 1]));
            }),
            with(|it| it["signatures"][0]["keyid"] = json!(7)),
            with(|it| {
                it["signatures"] = json!(vec![json!({"sig": "AA=="}); limits::SIGNATURES + 1]);
            }),
            with(|it| drop(it.as_object_mut().unwrap().remove("payload"))),
            with(|it| drop(it.as_object_mut().unwrap().remove("payloadType"))),
            with(|it| drop(it.as_object_mut().unwrap().remove("signatures"))),
        ] {
            let shown = value.to_string();
            let refusal = Envelope::from_json(value).map_err(|it| it.code());
            assert_eq!(
                refusal,
                Err("envelope-malformed"),
                "{}",
                &shown[..shown.len().min(200)]
            );
        }
    }

    #[test]
    fn of_two_signatures_none_is_the_only_one() {
        let two = with(|it| it["signatures"] = json!([{"sig": "AA=="}, {"sig": "AQ=="}]));
        let envelope = Envelope::from_json(two).unwrap();
        assert_eq!(envelope.signatures().len(), 2);
        assert_eq!(
            envelope.only_signature().map_err(|it| it.code()),
            Err("envelope-several-signatures")
        );
    }

    #[test]
    fn an_empty_keyid_is_none() {
        let envelope =
            Envelope::from_json(with(|it| it["signatures"][0]["keyid"] = json!(""))).unwrap();
        assert_eq!(envelope.only_signature().unwrap().keyid, None);
    }

    #[test]
    fn an_envelope_that_is_too_large_is_not_read() {
        let bytes = vec![b' '; limits::ENVELOPE.bytes + 1];
        assert_eq!(
            Envelope::parse(&bytes).map_err(|it| it.code()),
            Err("envelope-too-large")
        );
    }

    proptest! {
        #[test]
        fn an_envelope_survives_writing_and_reading(
            payload_type in ".+", payload: Vec<u8>, sig in prop::collection::vec(any::<u8>(), 1..100),
        ) {
            let envelope = Envelope::new(payload_type, payload, sig);
            let bytes = envelope.to_json().to_string();
            prop_assert_eq!(Envelope::parse(bytes.as_bytes()).unwrap(), envelope);
        }

        #[test]
        fn different_envelopes_sign_different_bytes(
            one in ("[ 0-9a]{0,6}", "[ 0-9a]{0,6}"), other in ("[ 0-9a]{0,6}", "[ 0-9a]{0,6}"),
        ) {
            let bytes = |it: &(String, String)| pae(&it.0, it.1.as_bytes());
            prop_assert_eq!(one == other, bytes(&one) == bytes(&other));
        }
    }
}
