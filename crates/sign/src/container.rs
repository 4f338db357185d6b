//! The container of encrypted private keys: securesystemslib's JSON, as cosign writes it.
//!
//! ```json
//! {"kdf":{"name":"scrypt","params":{"N":65536,"r":8,"p":1},"salt":"…32 bytes…"},
//!  "cipher":{"name":"nacl/secretbox","nonce":"…24 bytes…"},
//!  "ciphertext":"…"}
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::crypto;
use crate::key_file::KeyError;
use crate::password::{Cost, Password, Unlock};
use crate::secretbox;

/// An encrypted key whose parameters are known and allowed; nothing derived yet.
#[derive(Debug)]
pub(crate) struct Sealed {
    cost: Cost,
    salt: [u8; 32],
    nonce: [u8; 24],
    ciphertext: Vec<u8>,
}

impl Sealed {
    /// Encrypts under a key derived from the password and this salt, with a random nonce.
    pub(crate) fn seal(
        plaintext: &[u8],
        salt: [u8; 32],
        unlock: &mut Unlock,
        password: &Password,
    ) -> Result<Self, KeyError> {
        let cost = Cost::Standard;
        let nonce = crypto::random()?;
        let key = unlock.key(password, &salt, cost);
        let ciphertext = secretbox::seal(&key, &nonce, plaintext);
        Ok(Self {
            cost,
            salt,
            nonce,
            ciphertext,
        })
    }

    pub(crate) fn parse(json: &[u8]) -> Result<Self, KeyError> {
        let raw: Container =
            serde_json::from_slice(json).map_err(|error| KeyError::Container(error.to_string()))?;
        if raw.kdf.name != KDF || raw.cipher.name != CIPHER {
            return Err(KeyError::UnknownCipher {
                kdf: raw.kdf.name,
                cipher: raw.cipher.name,
            });
        }
        let Parameters { n, r, p } = raw.kdf.params;
        let cost = Cost::from_parameters(n, r, p).ok_or(KeyError::ScryptParameters { n, r, p })?;
        let ciphertext = decode("ciphertext", &raw.ciphertext)?;
        Ok(Self {
            cost,
            salt: decode_array("salt", &raw.kdf.salt)?,
            nonce: decode_array("nonce", &raw.cipher.nonce)?,
            ciphertext,
        })
    }

    pub(crate) fn to_json(&self) -> Result<Vec<u8>, KeyError> {
        let container = Container {
            kdf: Kdf {
                name: KDF.to_owned(),
                params: Parameters {
                    n: self.cost.n(),
                    r: u64::from(Cost::R),
                    p: u64::from(Cost::P),
                },
                salt: STANDARD.encode(self.salt),
            },
            cipher: Cipher {
                name: CIPHER.to_owned(),
                nonce: STANDARD.encode(self.nonce),
            },
            ciphertext: STANDARD.encode(&self.ciphertext),
        };
        serde_json::to_vec(&container).map_err(|error| KeyError::Container(error.to_string()))
    }

    /// # Errors
    /// [`KeyError::WrongPassword`] when the tag does not fit: another password, or altered bytes.
    pub(crate) fn open(
        &self,
        unlock: &mut Unlock,
        password: &Password,
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let key = unlock.key(password, &self.salt, self.cost);
        secretbox::open(&key, &self.nonce, &self.ciphertext).ok_or(KeyError::WrongPassword)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Container {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kdf {
    name: String,
    params: Parameters,
    salt: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    #[serde(rename = "N")]
    n: u64,
    r: u64,
    p: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cipher {
    name: String,
    nonce: String,
}

fn decode(field: &'static str, text: &str) -> Result<Vec<u8>, KeyError> {
    STANDARD
        .decode(text)
        .map_err(|_| KeyError::Container(format!("{field} is not base64")))
}

fn decode_array<const N: usize>(field: &'static str, text: &str) -> Result<[u8; N], KeyError> {
    let bytes = decode(field, text)?;
    let found = bytes.len();
    bytes
        .try_into()
        .map_err(|_| KeyError::Container(format!("{field} has {found} bytes, {N} are needed")))
}

const KDF: &str = "scrypt";
const CIPHER: &str = "nacl/secretbox";
