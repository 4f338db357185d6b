//! Base64 in its one canonical form: standard alphabet, padded, no bits left over.
//!
//! ```text
//! aGVsbG8gd29ybGQ=
//! ```
//! See RFC 4648 §4 and §3.5.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Encodes with padding.
pub fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Decodes exactly what [`encode`] writes.
///
/// # Errors
/// Another alphabet, white space, absent or superfluous padding, bits that are not zero after the
/// last byte.
pub fn decode(text: &str) -> Result<Vec<u8>, Base64Error> {
    Ok(STANDARD.decode(text)?)
}

/// Why a text is not canonical base64.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not canonical base64")]
pub struct Base64Error(#[from] base64::DecodeError);

impl Base64Error {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        "base64-malformed"
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_second_spelling_of_the_same_bytes_is_refused() {
        assert_eq!(decode("/w==").unwrap(), [0xff]);
        for other in [
            "/x==",   // bits left over
            "/w=",    // padding cut
            "/w",     // no padding
            "/w===",  // too much padding
            "/w==\n", // a line break
            " /w==",  // white space
            "_w==",   // the URL-safe alphabet
            "/w==/w==",
        ] {
            assert_eq!(
                decode(other).map_err(|it| it.code()),
                Err("base64-malformed"),
                "{other:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_decodes_encodes_to_the_same_text(text in "[A-Za-z0-9+/=_-]{0,24}") {
            if let Ok(bytes) = decode(&text) {
                prop_assert_eq!(encode(&bytes), text);
            }
        }

        #[test]
        fn bytes_survive(bytes: Vec<u8>) {
            prop_assert_eq!(decode(&encode(&bytes)).unwrap(), bytes);
        }
    }
}
