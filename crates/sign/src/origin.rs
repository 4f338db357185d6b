//! The name of a log.

use std::fmt;

use crate::limits::ORIGIN_CHARACTERS;

/// A log's origin: a bare host name in lower case.
///
/// sigstore-go and cosign compare the name on a checkpoint with the host of the trusted root's
/// `baseUrl`, without port and path: only a name that is both reads the same everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

/// A name that cannot be a log's origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("origin {found:?} {problem}")]
pub struct OriginError {
    /// What was given.
    pub found: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl OriginError {
    /// The stable code of this refusal.
    pub const fn code(&self) -> &'static str {
        "origin-invalid"
    }
}

impl Origin {
    /// Reads a host name (RFC 1123, section 2.1): labels of lower-case letters, digits and inner
    /// hyphens, with a letter in the last one.
    ///
    /// # Errors
    /// Everything else: a scheme, a port, a path, upper case, a dot at the end, an IP address.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        let refuse = |problem| {
            Err(OriginError {
                found: text.to_owned(),
                problem,
            })
        };
        if text.len() > ORIGIN_CHARACTERS {
            return refuse("is longer than the 253 characters of a host name");
        }
        if text
            .bytes()
            .any(|byte| !matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))
        {
            return refuse("is not a bare host name in lower case, without scheme, port and path");
        }
        if !text.split('.').all(is_label) {
            return refuse(
                "has a label that is empty, longer than 63 or begins or ends with a hyphen",
            );
        }
        let last = text.rsplit('.').next().unwrap_or(text);
        if !last.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return refuse("is an IP address, a host name is needed");
        }
        Ok(Self(text.to_owned()))
    }

    /// `log-<16 hexadecimal digits>.invalid`: a name that no host will ever have (RFC 2606).
    pub(crate) fn of_key_id(id: &[u8; 32]) -> Result<Self, OriginError> {
        let id = hex::encode(id);
        Self::parse(&format!("log-{}.invalid", id.get(..16).unwrap_or(&id)))
    }

    /// The host name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_would_read_in_two_ways_is_refused() {
        for text in [
            "",
            ".",
            "log.example.com.",
            ".example.com",
            "log..example",
            "https://log.example.com",
            "log.example.com:443",
            "log.example.com/log",
            "log.example.com - 123",
            "Log.example.com",
            "log_1.example.com",
            "-log.example.com",
            "log-.example.com",
            "größe.example",
            "log.example.com\n",
            "127.0.0.1",
            "1",
            &"a".repeat(64),
            &format!("{}a", "a.".repeat(127)),
        ] {
            let error = Origin::parse(text).unwrap_err();
            assert_eq!(error.code(), "origin-invalid", "{text:?}");
        }
    }

    #[test]
    fn host_names_are_origins() {
        for text in [
            "log.example.com",
            "localhost",
            "log-0123456789abcdef.invalid",
            "3.log2025-1.dev",
        ] {
            assert_eq!(Origin::parse(text).unwrap().as_str(), text);
        }
    }
}
