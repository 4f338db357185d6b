//! PKCS#11 URIs (RFC 7512): which object in which token, through which module.
//!
//! ```text
//! pkcs11:token=release%20signing;object=release?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/run/pin
//! ```
//!
//! Strict where the RFC leaves room: an attribute that we do not read is refused and never ignored,
//! since leaving it out would name more objects than were meant.

use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::TokenEntry;
use crate::limits::TOKEN_URI_BYTES;

/// What names a key in a token.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenUri {
    pub(super) token: Option<String>,
    pub(super) manufacturer: Option<String>,
    pub(super) model: Option<String>,
    pub(super) serial: Option<String>,
    pub(super) slot_id: Option<u64>,
    pub(super) object: Option<String>,
    pub(super) id: Option<Vec<u8>>,
    module_path: Option<PathBuf>,
    pin_source: Option<PathBuf>,
    pin_value: Option<Zeroizing<String>>,
    /// The path alone: what may be shown.
    shown: String,
}

/// Why a text is not a PKCS#11 URI that we follow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenUriError {
    /// Another scheme, or none.
    #[error("a PKCS#11 URI begins with pkcs11:")]
    Scheme,
    /// Longer than any that names a key.
    #[error("the URI has {found} bytes, at most {TOKEN_URI_BYTES} are read")]
    TooLong {
        /// Its bytes.
        found: usize,
    },
    /// Not `name=value`.
    #[error("{found:?} is not name=value")]
    NotAPair {
        /// What stands between two separators.
        found: String,
    },
    /// An attribute that is unknown, or that we do not read.
    #[error("the attribute {found:?} is not one that attest reads")]
    Unknown {
        /// Its name.
        found: String,
    },
    /// An attribute stands twice.
    #[error("the attribute {found} stands there twice")]
    Twice {
        /// Its name.
        found: String,
    },
    /// A character that must be percent-encoded, or an encoding that is none.
    #[error(
        "the value of {name} holds a character that must be percent-encoded, or a percent sign without two hexadecimal digits"
    )]
    Encoding {
        /// Of the attribute.
        name: String,
    },
    /// A value that its attribute cannot have.
    #[error("{name} {problem}")]
    Value {
        /// Of the attribute.
        name: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl TokenUriError {
    /// The stable code of this refusal.
    pub const fn code(&self) -> &'static str {
        "token-uri-malformed"
    }
}

impl TokenUri {
    /// Whether a text is meant as one: its scheme, in whatever case (RFC 3986 section 3.1).
    pub fn is_meant(text: &str) -> bool {
        text.get(..SCHEME.len())
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
    }

    /// Reads a URI.
    ///
    /// # Errors
    /// What is not of the form; an attribute twice, or one that is not read here; a module that is
    /// not named by an absolute path; a `pin-source` that is a program.
    pub fn parse(text: &str) -> Result<Self, TokenUriError> {
        if !Self::is_meant(text) {
            return Err(TokenUriError::Scheme);
        }
        if text.len() > TOKEN_URI_BYTES {
            return Err(TokenUriError::TooLong { found: text.len() });
        }
        let rest = text.get(SCHEME.len()..).unwrap_or_default();
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        let mut uri = Self {
            token: None,
            manufacturer: None,
            model: None,
            serial: None,
            slot_id: None,
            object: None,
            id: None,
            module_path: None,
            pin_source: None,
            pin_value: None,
            shown: format!("{SCHEME}{path}"),
        };
        for (name, value) in pairs(path, ';', is_path_character)? {
            uri.take_path(&name, value)?;
        }
        for (name, value) in pairs(query.unwrap_or_default(), '&', is_query_character)? {
            uri.take_query(&name, value)?;
        }
        Ok(uri)
    }

    /// The module to load, if the URI names one: an absolute path.
    pub fn module_path(&self) -> Option<&Path> {
        self.module_path.as_deref()
    }

    /// The file that holds the PIN, if the URI names one: an absolute path.
    pub fn pin_source(&self) -> Option<&Path> {
        self.pin_source.as_deref()
    }

    /// The PIN, if it stands in the URI: there it can be read by all who list processes.
    pub fn pin_value(&self) -> Option<&str> {
        self.pin_value.as_deref().map(String::as_str)
    }

    fn take_path(&mut self, name: &str, value: Vec<u8>) -> Result<(), TokenUriError> {
        match name {
            "token" => self.token = Some(text("token", value)?),
            "manufacturer" => self.manufacturer = Some(text("manufacturer", value)?),
            "model" => self.model = Some(text("model", value)?),
            "serial" => self.serial = Some(text("serial", value)?),
            "object" => self.object = Some(text("object", value)?),
            "id" if value.is_empty() => return Err(wrong("id", "is empty")),
            "id" => self.id = Some(value),
            "slot-id" => self.slot_id = Some(number(value)?),
            "type" if value == b"private" => {}
            "type" => return Err(wrong("type", "is not private: a key that signs is one")),
            other => {
                return Err(TokenUriError::Unknown {
                    found: other.to_owned(),
                });
            }
        }
        Ok(())
    }

    fn take_query(&mut self, name: &str, value: Vec<u8>) -> Result<(), TokenUriError> {
        match name {
            "module-path" => {
                let path = PathBuf::from(text("module-path", value)?);
                if !path.is_absolute() {
                    return Err(wrong("module-path", "is not an absolute path"));
                }
                self.module_path = Some(path);
            }
            "pin-source" => {
                let value = text("pin-source", value)?;
                let path = value.strip_prefix("file:").unwrap_or(&value);
                let path = path.strip_prefix("//").unwrap_or(path);
                if path.starts_with('|') {
                    return Err(wrong("pin-source", "is a program: attest runs none"));
                }
                if !Path::new(path).is_absolute() {
                    return Err(wrong("pin-source", "is not an absolute path of a file"));
                }
                self.pin_source = Some(PathBuf::from(path));
            }
            "pin-value" => self.pin_value = Some(Zeroizing::new(text("pin-value", value)?)),
            "module-name" => {
                return Err(wrong(
                    "module-name",
                    "says no place: name the module by module-path",
                ));
            }
            other => {
                return Err(TokenUriError::Unknown {
                    found: other.to_owned(),
                });
            }
        }
        if self.pin_source.is_some() && self.pin_value.is_some() {
            return Err(wrong(
                "pin-value",
                "stands beside pin-source: which one is meant?",
            ));
        }
        Ok(())
    }
}

/// The URI that names one key of a token, to be given to `--key`.
pub fn token_uri(label: &str, key: &TokenEntry) -> String {
    let mut uri = format!("{SCHEME}token={}", encode(label.as_bytes()));
    if !key.label.is_empty() {
        uri.push_str(";object=");
        uri.push_str(&encode(key.label.as_bytes()));
    }
    if !key.id.is_empty() {
        uri.push_str(";id=");
        uri.extend(key.id.iter().map(|byte| format!("%{byte:02X}")));
    }
    uri
}

/// Only unreserved characters stay: what a token calls its keys cannot break a line.
fn encode(value: &[u8]) -> String {
    value
        .iter()
        .map(|&byte| match byte {
            b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// Without the query, which may hold a PIN.
impl fmt::Display for TokenUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for TokenUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenUri({self})")
    }
}

type Pair = (String, Vec<u8>);

/// The attributes of one part, decoded, each at most once.
fn pairs(
    part: &str,
    separator: char,
    is_plain: impl Fn(u8) -> bool,
) -> Result<Vec<Pair>, TokenUriError> {
    let mut pairs: Vec<Pair> = Vec::new();
    if part.is_empty() {
        return Ok(pairs);
    }
    for pair in part.split(separator) {
        let Some((name, value)) = pair.split_once('=') else {
            // What stands there may be a PIN.
            let found = pair.get(..pair.len().min(1)).unwrap_or_default();
            return Err(TokenUriError::NotAPair {
                found: format!("{found}…"),
            });
        };
        if pairs.iter().any(|(other, _)| other == name) {
            return Err(TokenUriError::Twice {
                found: name.to_owned(),
            });
        }
        let value = decode(value, &is_plain).ok_or_else(|| TokenUriError::Encoding {
            name: name.to_owned(),
        })?;
        pairs.push((name.to_owned(), value));
    }
    Ok(pairs)
}

fn decode(value: &str, is_plain: impl Fn(u8) -> bool) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(value.len());
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            let mut one = [0];
            hex::decode_to_slice(digits, &mut one).ok()?;
            decoded.extend(one);
        } else if is_plain(byte) {
            decoded.push(byte);
        } else {
            return None;
        }
    }
    Some(decoded)
}

/// `pk11-pchar` of RFC 7512: unreserved characters, `pk11-res-avail` and `&`.
fn is_path_character(byte: u8) -> bool {
    is_available(byte) || byte == b'&'
}

/// `pk11-qchar` of RFC 7512: unreserved characters, `pk11-res-avail`, `/`, `?` and `|`.
fn is_query_character(byte: u8) -> bool {
    is_available(byte) || matches!(byte, b'/' | b'?' | b'|')
}

fn is_available(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:[]@!$'()*+,=".contains(&byte)
}

fn text(name: &'static str, value: Vec<u8>) -> Result<String, TokenUriError> {
    match String::from_utf8(value) {
        Ok(text) if text.is_empty() => Err(wrong(name, "is empty")),
        Ok(text) if text.contains('\0') => Err(wrong(name, "holds a zero byte")),
        Ok(text) => Ok(text),
        Err(_) => Err(wrong(name, "is not UTF-8")),
    }
}

fn number(value: Vec<u8>) -> Result<u64, TokenUriError> {
    let not_a_number = || wrong("slot-id", "is not a number");
    let text = String::from_utf8(value).map_err(|_| not_a_number())?;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(not_a_number());
    }
    text.parse().map_err(|_| not_a_number())
}

const fn wrong(name: &'static str, problem: &'static str) -> TokenUriError {
    TokenUriError::Value { name, problem }
}

const SCHEME: &str = "pkcs11:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_name_more_than_was_meant_is_refused() {
        for text in [
            "",
            "pkcs11",
            "file:/x",
            "pkcs11:token",
            "pkcs11:token=a;",
            "pkcs11:;token=a",
            "pkcs11:token=a;token=b",
            "pkcs11:token=a;token=a",
            "pkcs11:object=",
            "pkcs11:id=",
            "pkcs11:colour=red",
            "pkcs11:library-version=3",
            "pkcs11:x-vendor=1",
            "pkcs11:Token=a",
            "pkcs11:type=cert",
            "pkcs11:type=public",
            "pkcs11:slot-id=",
            "pkcs11:slot-id=+1",
            "pkcs11:slot-id=99999999999999999999",
            "pkcs11:token=a b",
            "pkcs11:token=a/b",
            "pkcs11:token=a%2",
            "pkcs11:token=a%zz",
            "pkcs11:token=%FF",
            "pkcs11:token=a%00",
            "pkcs11:token=größe",
            "pkcs11:token=a?module-path=lib.so",
            "pkcs11:token=a?module-path=",
            "pkcs11:token=a?module-name=softhsm2",
            "pkcs11:token=a?module-path=/a&module-path=/a",
            "pkcs11:token=a?pin-source=|/bin/echo%201234",
            "pkcs11:token=a?pin-source=relative",
            "pkcs11:token=a?pin-source=https://example.com/pin",
            "pkcs11:token=a?pin-source=/x&pin-value=1",
            "pkcs11:token=a?pin-value=1&pin-source=/x",
            "pkcs11:token=a?object=b",
            &format!("pkcs11:token={}", "a".repeat(TOKEN_URI_BYTES)),
        ] {
            let error = TokenUri::parse(text).unwrap_err();
            assert_eq!(error.code(), "token-uri-malformed", "{text:?}");
        }
    }

    #[test]
    fn what_p11tool_prints_is_read() {
        let uri = TokenUri::parse(
            "pkcs11:model=SoftHSM%20v2;manufacturer=SoftHSM%20project;serial=5f0c;token=attest%20probe;id=%01%FF;object=release;type=private\
             ?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/run/pin",
        )
        .unwrap();
        assert_eq!(uri.model.as_deref(), Some("SoftHSM v2"));
        assert_eq!(uri.manufacturer.as_deref(), Some("SoftHSM project"));
        assert_eq!(uri.serial.as_deref(), Some("5f0c"));
        assert_eq!(uri.token.as_deref(), Some("attest probe"));
        assert_eq!(uri.id.as_deref(), Some([0x01, 0xff].as_slice()));
        assert_eq!(uri.object.as_deref(), Some("release"));
        assert_eq!(
            uri.module_path(),
            Some(Path::new("/usr/lib/softhsm/libsofthsm2.so"))
        );
        assert_eq!(uri.pin_source(), Some(Path::new("/run/pin")));
    }

    #[test]
    fn the_uri_of_a_key_names_it_again() {
        let entry = TokenEntry {
            label: "a;b=\n\u{fc}".to_owned(),
            id: vec![0, 255],
            public: Err(crate::TokenError::NoPublicHalf),
            certificates: Vec::new(),
        };
        let uri = token_uri("release signing", &entry);
        assert_eq!(
            uri,
            "pkcs11:token=release%20signing;object=a%3Bb%3D%0A%C3%BC;id=%00%FF"
        );
        let uri = TokenUri::parse(&uri).unwrap();
        assert_eq!(uri.object.as_deref(), Some(entry.label.as_str()));
        assert_eq!(uri.id.as_deref(), Some(entry.id.as_slice()));
    }

    #[test]
    fn a_pin_in_a_uri_is_never_shown() {
        let uri = TokenUri::parse("pkcs11:token=a;object=b?pin-value=hunter2").unwrap();
        assert_eq!(uri.pin_value(), Some("hunter2"));
        assert_eq!(uri.to_string(), "pkcs11:token=a;object=b");
        assert!(!format!("{uri:?}").contains("hunter2"));
        let error = TokenUri::parse("pkcs11:token=a?hunter2").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}
