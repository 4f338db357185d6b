//! Public keys as in-toto writes them, and the ids that it gives them.

use std::fmt;

use attest_digest::{Artifact, Hashes};
use serde_json::{Value, json};

use super::InTotoError;
use crate::json::{self, Object};
use crate::limits;

/// An id of a key: an unauthenticated hint, 8 to 128 lower-case hexadecimal digits.
///
/// Two implementations give the same key different ids, and a layout can give one key two. Who signed
/// is decided by the key itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// Reads an id.
    ///
    /// # Errors
    /// Not 8 to 128 lower-case hexadecimal digits: it becomes part of file names.
    pub fn parse(text: &str) -> Result<Self, InTotoError> {
        let hex = |it: u8| matches!(it, b'0'..=b'9' | b'a'..=b'f');
        if (SHORT..=LONGEST).contains(&text.len()) && text.bytes().all(hex) {
            return Ok(Self(text.to_owned()));
        }
        Err(InTotoError::KeyId {
            found: text.to_owned(),
        })
    }

    /// All digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first eight digits, which stand in names of files.
    pub fn short(&self) -> &str {
        self.0.get(..SHORT).unwrap_or(&self.0)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whose way to give ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFlavour {
    /// in-toto 3 (Python): over key type, scheme and PEM with its last newline.
    Reference,
    /// in-toto-golang, in-toto-rs and older Python: with `keyid_hash_algorithms`, without the newline.
    Golang,
}

/// A public key of a layout, not yet read as a key.
///
/// ```text
/// {"keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": {"public": "-----BEGIN PUBLIC KEY-----\n…"}}
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// `rsa`, `ecdsa` or `ed25519`.
    pub keytype: String,
    /// How it signs, for example `rsassa-pss-sha256`.
    pub scheme: String,
    /// PEM, or the hexadecimal digits of an Ed25519 key.
    pub public: String,
    /// A certificate of in-toto-golang, in PEM; empty is none.
    pub certificate: Option<String>,
}

impl Key {
    /// A key in the form of the reference.
    pub fn new(keytype: &str, scheme: &str, public: &str) -> Self {
        Self {
            keytype: keytype.to_owned(),
            scheme: scheme.to_owned(),
            public: public.to_owned(),
            certificate: None,
        }
    }

    /// Reads the JSON file that in-toto and securesystemslib write for a public key.
    ///
    /// # Errors
    /// Not JSON of one meaning, or not a key.
    pub fn parse(bytes: &[u8]) -> Result<Self, InTotoError> {
        Self::from_object(Object::new("", json::parse(bytes, limits::ENVELOPE)?)?)
    }

    pub(super) fn from_object(mut object: Object) -> Result<Self, InTotoError> {
        if object.has("hashes") || object.has("subkeys") {
            return Err(InTotoError::OpenPgpKey {
                at: object.path().to_owned(),
            });
        }
        let keytype = object.take_string("keytype")?;
        let scheme = object.take_string("scheme")?;
        object.take_optional("keyid");
        object.take_optional("keyid_hash_algorithms");
        let mut value = object.take_object("keyval")?;
        let public = value.take_string("public")?;
        let certificate = value.take_optional_string("certificate")?;
        if value
            .take_optional_string("private")?
            .is_some_and(|it| !it.is_empty())
        {
            return Err(InTotoError::PrivateKey {
                at: object.path().to_owned(),
            });
        }
        value.finish()?;
        object.finish()?;
        Ok(Self {
            keytype,
            scheme,
            public,
            certificate: certificate.filter(|it| !it.is_empty()),
        })
    }

    /// The id that an implementation gives this key.
    pub fn keyid(&self, flavour: KeyFlavour) -> KeyId {
        let value = match flavour {
            KeyFlavour::Reference => json!({
                "keytype": self.keytype, "scheme": self.scheme,
                "keyval": {"public": self.reference_public()},
            }),
            KeyFlavour::Golang => json!({
                "keytype": self.keytype, "scheme": self.scheme,
                "keyval": {"public": self.public.trim_end()},
                "keyid_hash_algorithms": ["sha256", "sha512"],
            }),
        };
        // There is no number in it.
        let bytes = json::olpc(&value).unwrap_or_default();
        KeyId(Artifact::of_bytes(&bytes, Hashes::Sha256).sha256().hex())
    }

    /// The JSON that stands in a layout under that id.
    pub fn to_json(&self, flavour: KeyFlavour) -> Value {
        let keyid = self.keyid(flavour);
        match flavour {
            KeyFlavour::Reference => json!({
                "keyid": keyid.as_str(), "keytype": self.keytype, "scheme": self.scheme,
                "keyval": {"public": self.reference_public()},
            }),
            KeyFlavour::Golang => json!({
                "keyid": keyid.as_str(), "keytype": self.keytype, "scheme": self.scheme,
                "keyval": {"public": self.public.trim_end()},
                "keyid_hash_algorithms": ["sha256", "sha512"],
            }),
        }
    }

    fn reference_public(&self) -> String {
        if self.public.starts_with("-----BEGIN") {
            return format!("{}\n", self.public.trim_end());
        }
        self.public.clone()
    }
}

const SHORT: usize = 8;
const LONGEST: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_implementations_find_their_own_id() {
        let alice = "-----BEGIN PUBLIC KEY-----\nALICE\n-----END PUBLIC KEY-----\n";
        let key = Key::new("rsa", "rsassa-pss-sha256", alice);
        let stripped = Key::new("rsa", "rsassa-pss-sha256", alice.trim_end());
        for flavour in [KeyFlavour::Reference, KeyFlavour::Golang] {
            assert_eq!(key.keyid(flavour), stripped.keyid(flavour));
        }
        assert_ne!(
            key.keyid(KeyFlavour::Reference),
            key.keyid(KeyFlavour::Golang)
        );
    }

    #[test]
    fn an_id_that_could_be_a_path_is_refused() {
        for id in [
            "",
            "../../../x",
            "1234567",
            "ABCDEF00",
            "12345678/",
            &"0".repeat(129),
        ] {
            assert_eq!(
                KeyId::parse(id).unwrap_err().code(),
                "keyid-malformed",
                "{id}"
            );
        }
        assert_eq!(KeyId::parse("0123456789").unwrap().short(), "01234567");
    }
}
