//! The file that carries a layout or a link, in both of its forms.

use serde_json::{Value, json};

use super::{InTotoError, KeyId};
use crate::dsse::{Envelope, pae};
use crate::json::{self, Object};
use crate::{base64, limits};

/// The payload type of an envelope around a layout or a link.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// How a layout or a link is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// in-toto's own: signatures cover the canonical JSON of what stands beside them.
    Classic,
    /// An envelope: signatures cover the bytes of the payload.
    Dsse,
}

/// A layout or a link and the signatures over it, none of them checked.
///
/// ```text
/// {"signed": {"_type": "link", …}, "signatures": [{"keyid": "776a00e2…", "sig": "e65c…"}]}
/// {"payload": "eyJfdHlwZSI6…", "payloadType": "application/vnd.in-toto+json", "signatures": […]}
/// ```
///
/// Signatures of the classic form cover the canonical form of the JSON *as it was read*: a field that
/// was added after signing changes the bytes. The reference signs what its model kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Metablock {
    form: Form,
    signed: Value,
    covered: Vec<u8>,
    payload: Vec<u8>,
    signatures: Vec<MetablockSignature>,
}

/// One signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetablockSignature {
    /// An unauthenticated hint at the key.
    pub keyid: Option<String>,
    /// The signature, in the form that the key's scheme makes.
    pub sig: Vec<u8>,
    /// in-toto-golang's certificate of the key, in PEM.
    pub certificate: Option<String>,
}

impl Metablock {
    /// A layout or link that nobody has signed yet.
    ///
    /// # Errors
    /// The classic form, and a number with a fraction.
    pub fn unsigned(form: Form, signed: Value) -> Result<Self, InTotoError> {
        let payload = json::olpc(&signed)?;
        let covered = match form {
            Form::Classic => payload.clone(),
            Form::Dsse => pae(PAYLOAD_TYPE, &payload),
        };
        // Raw control characters are canonical, but not JSON: an envelope holds what can be parsed.
        let (payload, covered) = match form {
            Form::Dsse if payload.iter().any(u8::is_ascii_control) => {
                let payload = signed.to_string().into_bytes();
                let covered = pae(PAYLOAD_TYPE, &payload);
                (payload, covered)
            }
            _ => (payload, covered),
        };
        Ok(Self {
            form,
            signed,
            covered,
            payload,
            signatures: Vec::new(),
        })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Not JSON of one meaning; both forms at once, or neither; a field that is absent, unknown or of
    /// another type; signatures of gpg.
    pub fn parse(bytes: &[u8]) -> Result<Self, InTotoError> {
        let value = json::parse_within(bytes, limits::METABLOCK, limits::METABLOCK_MEMORY)?;
        let mut object = Object::new("", value)?;
        match (object.has("signed"), object.has("payload")) {
            (true, true) => Err(InTotoError::Hybrid),
            (false, true) => Self::from_envelope(object),
            (true, false) if object.has("payloadType") => Err(InTotoError::Hybrid),
            (true, false) => {
                let signed = object.take("signed")?;
                let signatures = object.take_objects("signatures", limits::SIGNATURES)?;
                object.finish()?;
                let mut block = Self::unsigned(Form::Classic, signed)?;
                block.signatures = signatures
                    .into_iter()
                    .map(classic_signature)
                    .collect::<Result<_, _>>()?;
                Ok(block)
            }
            (false, false) => Err(InTotoError::Shape),
        }
    }

    fn from_envelope(object: Object) -> Result<Self, InTotoError> {
        let envelope = Envelope::from_object(object)?;
        if envelope.payload_type() != PAYLOAD_TYPE {
            return Err(InTotoError::PayloadType {
                found: envelope.payload_type().to_owned(),
                wanted: PAYLOAD_TYPE,
            });
        }
        let payload = envelope.unverified_payload().to_owned();
        let signed = json::parse_within(&payload, limits::METABLOCK, limits::METABLOCK_MEMORY)?;
        let signatures = envelope.signatures().iter();
        Ok(Self {
            form: Form::Dsse,
            signed,
            covered: envelope.pae(),
            payload,
            signatures: signatures
                .map(|it| MetablockSignature {
                    keyid: it.keyid.clone(),
                    sig: it.sig.clone(),
                    certificate: None,
                })
                .collect(),
        })
    }

    /// In which form it is.
    pub const fn form(&self) -> Form {
        self.form
    }

    /// `layout` or `link`, as claimed; empty if nothing is.
    pub fn unverified_type(&self) -> &str {
        let found = self.signed.get("_type").and_then(Value::as_str);
        found.unwrap_or_default()
    }

    /// What it carries, which nobody may use before a signature over
    /// [`Metablock::bytes_to_sign`] was verified.
    pub const fn unverified_signed(&self) -> &Value {
        &self.signed
    }

    /// Hands over what it carries, as [`Metablock::unverified_signed`].
    pub fn into_unverified_signed(self) -> Value {
        self.signed
    }

    /// The bytes that each signature covers.
    pub fn bytes_to_sign(&self) -> &[u8] {
        &self.covered
    }

    /// All signatures.
    pub fn signatures(&self) -> &[MetablockSignature] {
        &self.signatures
    }

    /// Adds a signature over [`Metablock::bytes_to_sign`], in the place of one with that id.
    pub fn add_signature(&mut self, keyid: &KeyId, sig: Vec<u8>) {
        self.signatures
            .retain(|it| it.keyid.as_deref() != Some(keyid.as_str()));
        self.signatures.push(MetablockSignature {
            keyid: Some(keyid.as_str().to_owned()),
            sig,
            certificate: None,
        });
    }

    /// The file, ended by a newline.
    pub fn to_bytes(&self) -> Vec<u8> {
        let value = match self.form {
            Form::Classic => json!({
                "signatures": self.signatures.iter().map(classic_json).collect::<Vec<_>>(),
                "signed": self.signed,
            }),
            Form::Dsse => json!({
                "payload": base64::encode(&self.payload),
                "payloadType": PAYLOAD_TYPE,
                "signatures": self.signatures.iter().map(dsse_json).collect::<Vec<_>>(),
            }),
        };
        // Values of JSON always have a text.
        let mut bytes = serde_json::to_vec_pretty(&value).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

fn classic_signature(mut object: Object) -> Result<MetablockSignature, InTotoError> {
    if object.has("other_headers") || object.has("signature") {
        return Err(InTotoError::OpenPgpSignature {
            at: object.path().to_owned(),
        });
    }
    let keyid = object.take_string("keyid")?;
    let text = object.take_string("sig")?;
    let certificate = object.take_optional_string("cert")?;
    let at = object.path_of("sig");
    object.finish()?;
    let upper = text.bytes().any(|it| it.is_ascii_uppercase());
    let sig = hex::decode(&text)
        .ok()
        .filter(|it| !it.is_empty() && it.len() <= limits::SIGNATURE_BYTES && !upper);
    Ok(MetablockSignature {
        keyid: Some(keyid).filter(|it| !it.is_empty()),
        sig: sig.ok_or(InTotoError::SignatureHex { at })?,
        certificate: certificate.filter(|it| !it.is_empty()),
    })
}

fn classic_json(signature: &MetablockSignature) -> Value {
    let keyid = signature.keyid.as_deref().unwrap_or_default();
    let sig = hex::encode(&signature.sig);
    match &signature.certificate {
        Some(certificate) => json!({"keyid": keyid, "sig": sig, "cert": certificate}),
        None => json!({"keyid": keyid, "sig": sig}),
    }
}

fn dsse_json(signature: &MetablockSignature) -> Value {
    let keyid = signature.keyid.as_deref().unwrap_or_default();
    json!({"keyid": keyid, "sig": base64::encode(&signature.sig)})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::in_toto::{Link, StepName};

    fn link() -> Value {
        Link::new(StepName::parse("build").unwrap()).to_json()
    }

    fn refusal(text: &str) -> &'static str {
        Metablock::parse(text.as_bytes()).map_or_else(|it| it.code(), |_| "read")
    }

    #[test]
    fn what_is_written_is_read_and_covers_the_same_bytes() {
        for form in [Form::Classic, Form::Dsse] {
            let mut block = Metablock::unsigned(form, link()).unwrap();
            block.add_signature(&KeyId::parse("0011223344").unwrap(), vec![1, 2]);
            block.add_signature(&KeyId::parse("0011223344").unwrap(), vec![3]);
            let read = Metablock::parse(&block.to_bytes()).unwrap();
            assert_eq!(read, block);
            assert_eq!(read.signatures().len(), 1);
            assert!(Link::from_json(read.into_unverified_signed()).is_ok());
        }
    }

    #[test]
    fn a_control_character_does_not_break_an_envelope() {
        let mut link = Link::new(StepName::parse("build").unwrap());
        link.byproducts.insert("stdout".into(), "a\nb\u{1b}".into());
        let mut block = Metablock::unsigned(Form::Dsse, link.to_json()).unwrap();
        block.add_signature(&KeyId::parse("0011223344").unwrap(), vec![1]);
        let read = Metablock::parse(&block.to_bytes()).unwrap();
        assert_eq!(
            Link::from_json(read.into_unverified_signed()).unwrap(),
            link
        );
    }

    #[test]
    fn a_field_that_is_added_changes_what_is_covered() {
        let plain = Metablock::unsigned(Form::Classic, link()).unwrap();
        let mut more = link();
        more["extra"] = json!(1);
        let more = Metablock::unsigned(Form::Classic, more).unwrap();
        assert_ne!(plain.bytes_to_sign(), more.bytes_to_sign());
    }

    #[test]
    fn a_file_with_two_meanings_is_refused() {
        for (text, code) in [
            (
                r#"{"signed":{},"signatures":[],"payload":"e30="}"#,
                "metablock-hybrid",
            ),
            (
                r#"{"signed":{},"signatures":[],"payloadType":"x"}"#,
                "metablock-hybrid",
            ),
            (r#"{"signatures":[]}"#, "metablock-shape"),
            (
                r#"{"signed":{},"signatures":[],"extra":1}"#,
                "field-unknown",
            ),
            (
                r#"{"signed":{"a":1,"a":2},"signatures":[]}"#,
                "json-duplicate-key",
            ),
            (
                r#"{"signed":{"a":1.5},"signatures":[]}"#,
                "json-number-float",
            ),
            (
                r#"{"payload":"e30=","payloadType":"text/plain","signatures":[{"sig":"AA=="}]}"#,
                "metablock-payload-type",
            ),
            (
                r#"{"signed":{},"signatures":[{"keyid":"aa","signature":"00","other_headers":"04"}]}"#,
                "metablock-openpgp",
            ),
            (
                r#"{"signed":{},"signatures":[{"keyid":"aa","sig":"AB"}]}"#,
                "metablock-signature-malformed",
            ),
            (
                r#"{"signed":{},"signatures":[{"keyid":"aa","sig":""}]}"#,
                "metablock-signature-malformed",
            ),
        ] {
            assert_eq!(refusal(text), code, "{text}");
        }
    }
}
