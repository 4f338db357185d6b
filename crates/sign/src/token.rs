//! Keys that stay in a token: PKCS#11 (OASIS, version 2.40 and later), named by URI (RFC 7512).
//!
//! The digest is computed here and signed there; what comes back is verified under the key's public
//! half before anybody gets it. A PIN is tried once.

mod error;
mod module;
mod uri;

use std::path::Path;

use attest_digest::{Algorithm, Digest};
use attest_verify::{KeyKind, PublicKey};
use der::asn1::{OctetStringRef, UintRef};
use der::{Decode as _, Encode as _, Sequence};
use zeroize::Zeroizing;

pub use error::{PinTries, TokenError};
pub use uri::{TokenUri, TokenUriError, token_uri};

use crate::artifact_key::ArtifactKey;
use crate::authority;
use module::{Device, Found, Numbers, Scheme};

/// A token that was found, and perhaps opened.
#[derive(Debug)]
pub struct Token {
    device: Device,
    uri: TokenUri,
}

/// A private key that a token shows.
#[derive(Debug, Clone)]
pub struct TokenEntry {
    /// Its label, as the token has it.
    pub label: String,
    /// Its id.
    pub id: Vec<u8>,
    /// Its public half, or why attest cannot sign with it.
    pub public: Result<PublicKey, TokenError>,
    /// The certificates that the token keeps under its id: DER.
    pub certificates: Vec<Vec<u8>>,
}

impl Token {
    /// Finds the one token that the URI names. The URI's own module counts before the other.
    ///
    /// # Errors
    /// `token-module-missing`, `token-module-unusable`, `token-missing`, `token-ambiguous`,
    /// `token-failed`.
    pub fn find(uri: &TokenUri, module: Option<&Path>) -> Result<Self, TokenError> {
        let module = uri.module_path().or(module).ok_or(TokenError::NoModule)?;
        Ok(Self {
            device: Device::find(uri, module)?,
            uri: uri.clone(),
        })
    }

    /// The token's own name. It is the token's word: escape it before it is shown.
    pub fn label(&self) -> &str {
        &self.device.facts().label
    }

    /// The token's own serial number, of which the same is true.
    pub fn serial(&self) -> &str {
        &self.device.facts().serial
    }

    /// Whether it asks for its PIN itself, on a keypad.
    pub fn has_keypad(&self) -> bool {
        self.device.facts().has_keypad
    }

    /// Whether a PIN must be given before its keys are shown: not when this process has logged in.
    ///
    /// # Errors
    /// `token-failed`.
    pub fn wants_pin(&self) -> Result<bool, TokenError> {
        Ok(self.device.facts().wants_login && !self.device.is_logged_in()?)
    }

    /// Logs in, with one try; not with the last one.
    ///
    /// # Errors
    /// `pin-wrong`, `pin-locked`, `pin-final-try`, `pin-required`, `token-failed`.
    pub fn login(&self, pin: Option<&Zeroizing<Vec<u8>>>) -> Result<(), TokenError> {
        match self.device.tries()? {
            PinTries::Locked => return Err(TokenError::Locked),
            PinTries::Final => return Err(TokenError::FinalTry),
            PinTries::Low | PinTries::Unsaid => {}
        }
        if pin.is_none() && !self.has_keypad() {
            return Err(TokenError::PinRequired);
        }
        self.device.login(pin.map(|pin| pin.as_slice()))
    }

    /// The private keys that the URI names, all of them if it names none.
    ///
    /// # Errors
    /// `token-failed`.
    pub fn list(&self) -> Result<Vec<TokenEntry>, TokenError> {
        let keys = self.device.private_keys(&self.uri)?;
        keys.into_iter()
            .map(|key| {
                Ok(TokenEntry {
                    public: self.public_half(&key).map(|(public, _)| public),
                    certificates: self.device.certificates_of(&key)?,
                    label: key.label,
                    id: key.id,
                })
            })
            .collect()
    }

    /// The one key that the URI names, to sign with.
    ///
    /// # Errors
    /// `token-key-missing`, `token-key-ambiguous`, `token-key-unreadable`, `token-key-inconsistent`,
    /// `key-unsupported`, `token-failed`.
    pub fn into_key(self) -> Result<ArtifactKey, TokenError> {
        let mut keys = self.device.private_keys(&self.uri)?;
        let wanted = self.uri.to_string();
        let found = keys.len();
        let (Some(key), 1) = (keys.pop(), found) else {
            if found > 1 {
                return Err(TokenError::SeveralKeys { found, wanted });
            }
            let logged_in = self.device.is_logged_in()?;
            return Err(TokenError::NoKey { wanted, logged_in });
        };
        let (public, scheme) = self.public_half(&key)?;
        if !self.device.may_sign(&key)? {
            return Err(unsupported("one that may not sign (CKA_SIGN)"));
        }
        Ok(ArtifactKey::in_token(
            TokenKey {
                device: self.device,
                key,
                scheme,
            },
            public,
        ))
    }

    /// The public half, from wherever the token keeps it; all places must agree.
    fn public_half(&self, key: &Found) -> Result<(PublicKey, Scheme), TokenError> {
        let mut halves = Vec::new();
        for numbers in self.device.public_halves(key)? {
            halves.push(public_key(&numbers)?);
        }
        for certificate in self.device.certificates_of(key)? {
            let spki = authority::subject_key(&certificate)
                .ok_or_else(|| unsupported("one whose certificate cannot be read"))?;
            halves.push(from_spki(&spki)?);
        }
        if halves.is_empty() {
            halves.push(self.private_numbers(key)?);
        }
        let first = halves.swap_remove(0);
        let others = halves.iter().filter(|half| **half != first).count();
        if others > 0 {
            return Err(TokenError::Inconsistent { found: others + 1 });
        }
        let scheme = scheme(&first)?;
        Ok((first, scheme))
    }

    /// An RSA key tells its public half itself.
    fn private_numbers(&self, key: &Found) -> Result<PublicKey, TokenError> {
        match self.device.numbers(key)? {
            Numbers::Curve { .. } => Err(TokenError::NoPublicHalf),
            numbers => public_key(&numbers),
        }
    }
}

/// A private key in a token.
#[derive(Debug)]
pub(crate) struct TokenKey {
    device: Device,
    key: Found,
    scheme: Scheme,
}

impl TokenKey {
    /// A signature as bundles hold it: DER for ECDSA. Not verified yet.
    pub(crate) fn sign(&self, digest: &Digest) -> Result<Vec<u8>, TokenError> {
        match self.scheme {
            Scheme::Ecdsa => {
                let raw = self
                    .device
                    .sign(&self.key, Scheme::Ecdsa, digest.as_bytes())?;
                signature_der(&raw).ok_or(TokenError::WrongSignature)
            }
            Scheme::Rsa => self
                .device
                .sign(&self.key, Scheme::Rsa, &digest_info(digest)),
        }
    }
}

/// From the numbers that a token holds.
fn public_key(numbers: &Numbers) -> Result<PublicKey, TokenError> {
    match numbers {
        Numbers::Curve { params, point } => {
            let kind = curve(params)?;
            // PKCS#11 wants a DER OCTET STRING; some modules give the bare point.
            let point =
                OctetStringRef::from_der(point).map_or(point.as_slice(), |it| it.as_bytes());
            read(PublicKey::from_numbers(kind, point))
        }
        Numbers::Rsa { modulus, exponent } => {
            let key = RsaPublicKey {
                modulus: uint(modulus)?,
                exponent: uint(exponent)?,
            };
            let key = key.to_der().map_err(|_| TokenError::NoPublicHalf)?;
            read(PublicKey::from_numbers(KeyKind::Rsa { bits: 0 }, &key))
        }
        Numbers::Edwards => Err(unsupported(ED25519)),
        Numbers::Other(kind) => Err(unsupported(&kind.escape_debug().to_string())),
    }
}

fn from_spki(der: &[u8]) -> Result<PublicKey, TokenError> {
    read(PublicKey::from_spki(der))
}

fn read(key: Result<PublicKey, attest_verify::KeyError>) -> Result<PublicKey, TokenError> {
    key.map_err(|error| unsupported(&format!("one that cannot be used: {error}")))
}

fn scheme(key: &PublicKey) -> Result<Scheme, TokenError> {
    if key.kind() == KeyKind::Ed25519 {
        return Err(unsupported(ED25519));
    }
    if key.kind().key_details().is_none() {
        return Err(unsupported(&format!(
            "{}, which logs do not take: of RSA they take 2048, 3072 and 4096 bits",
            key.kind()
        )));
    }
    Ok(match key.kind() {
        KeyKind::Rsa { .. } => Scheme::Rsa,
        _ => Scheme::Ecdsa,
    })
}

fn curve(params: &[u8]) -> Result<KeyKind, TokenError> {
    match params {
        P256 => Ok(KeyKind::P256),
        P384 => Ok(KeyKind::P384),
        P521 => Ok(KeyKind::P521),
        _ => Err(unsupported("on another curve than P-256, P-384 and P-521")),
    }
}

/// `r` and `s`, each of half the length, as a DER `ECDSA-Sig-Value` (RFC 3279 section 2.2.3).
fn signature_der(raw: &[u8]) -> Option<Vec<u8>> {
    if raw.is_empty() || !raw.len().is_multiple_of(2) {
        return None;
    }
    let (r, s) = raw.split_at(raw.len() / 2);
    let signature = EcdsaSignature {
        r: UintRef::new(r).ok()?,
        s: UintRef::new(s).ok()?,
    };
    signature.to_der().ok()
}

/// RFC 8017 section 9.2, note 1.
fn digest_info(digest: &Digest) -> Vec<u8> {
    let prefix: &[u8] = match digest.algorithm() {
        Algorithm::Sha256 => &[
            0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
            0x01, 0x05, 0x00, 0x04, 0x20,
        ],
        Algorithm::Sha384 => &[
            0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
            0x02, 0x05, 0x00, 0x04, 0x30,
        ],
        Algorithm::Sha512 => &[
            0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
            0x03, 0x05, 0x00, 0x04, 0x40,
        ],
    };
    [prefix, digest.as_bytes()].concat()
}

fn uint(bytes: &[u8]) -> Result<UintRef<'_>, TokenError> {
    UintRef::new(bytes).map_err(|_| TokenError::NoPublicHalf)
}

fn unsupported(found: &str) -> TokenError {
    TokenError::Unsupported {
        found: found.to_owned(),
    }
}

#[derive(Sequence)]
struct EcdsaSignature<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

/// RFC 8017 section A.1.1.
#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    exponent: UintRef<'a>,
}

/// `CKA_EC_PARAMS`: the curve's object identifier in DER.
const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
const P521: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23];

const ED25519: &str =
    "an Edwards key: logs take Ed25519 in the prehashed form alone, which tokens do not sign";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_signatures_become_der_of_the_shortest_form() {
        assert_eq!(
            signature_der(&[0x00, 0x01, 0x80, 0x02]).unwrap(),
            [0x30, 0x08, 0x02, 0x01, 0x01, 0x02, 0x03, 0x00, 0x80, 0x02]
        );
        // P-521: longer than one length byte can say.
        let long = signature_der(&[0x7f; 132]).unwrap();
        assert_eq!(long.get(..3), Some([0x30, 0x81, 0x88].as_slice()));
        for raw in [&[][..], &[1, 2, 3]] {
            assert!(signature_der(raw).is_none());
        }
    }

    #[test]
    fn a_point_is_read_in_both_forms_and_others_are_refused() {
        let key = crate::ArtifactKey::generate().unwrap();
        let bare = key.spki()[26..].to_vec();
        let wrapped = [&[0x04, 0x41][..], &bare].concat();
        for point in [bare.clone(), wrapped] {
            let params = P256.to_vec();
            let read = public_key(&Numbers::Curve { params, point }).unwrap();
            assert_eq!(read.fingerprint(), key.fingerprint());
        }
        let refused = |params: &[u8], point: &[u8]| {
            let (params, point) = (params.to_vec(), point.to_vec());
            public_key(&Numbers::Curve { params, point })
                .unwrap_err()
                .code()
        };
        assert_eq!(refused(P384, &bare), "key-unsupported");
        assert_eq!(
            refused(&[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a], &bare),
            "key-unsupported"
        );
        assert_eq!(refused(P256, &[0x04; 65]), "key-unsupported");
        assert_eq!(refused(P256, &[]), "key-unsupported");
        let edwards = public_key(&Numbers::Edwards).unwrap_err();
        assert_eq!(edwards.code(), "key-unsupported");
    }

    #[test]
    fn a_short_rsa_key_is_refused() {
        let (modulus, exponent) = (vec![0xff; 128], vec![1, 0, 1]);
        let error = public_key(&Numbers::Rsa { modulus, exponent }).unwrap_err();
        assert_eq!(error.code(), "key-unsupported");
    }
}
