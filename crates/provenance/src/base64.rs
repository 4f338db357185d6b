//! Base64 in its one canonical form: standard alphabet, padded, no bits left over.
//!
//! ```text
//! aGVsbG8gd29ybGQ=
//! ```
//! See RFC 4648 §4 and §3.5.

use base64::engine::general_purpose::STANDARD;
use base64::{DecodeError, DecodeSliceError, Engine as _};

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

/// Decodes as [`decode`] does, into the memory of the text: a large payload is never held twice.
///
/// # Errors
/// As [`decode`].
pub fn decode_owned(text: String) -> Result<Vec<u8>, Base64Error> {
    let mut bytes = text.into_bytes();
    let mut decoded = [0; PIECE / 4 * 3];
    let (mut read, mut written) = (0, 0);
    while read < bytes.len() {
        let end = bytes.len().min(read + PIECE);
        let piece = bytes.get(read..end).unwrap_or_default();
        let length = STANDARD
            .decode_slice(piece, &mut decoded)
            .map_err(|error| match error {
                DecodeSliceError::DecodeError(error) => error,
                DecodeSliceError::OutputSliceTooSmall => DecodeError::InvalidPadding,
            })?;
        // Padding stands at the end of all, not of a piece.
        if end < bytes.len() && length < decoded.len() {
            return Err(DecodeError::InvalidPadding.into());
        }
        let plain = decoded.get(..length).unwrap_or_default();
        let place = bytes.get_mut(written..written + length);
        place.unwrap_or_default().copy_from_slice(plain);
        (read, written) = (end, written + length);
    }
    bytes.truncate(written);
    bytes.shrink_to_fit();
    Ok(bytes)
}

/// Characters that are decoded at once: a multiple of four.
const PIECE: usize = 4096;

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
    fn padding_ends_the_text_and_not_a_piece_of_it() {
        let piece = "A".repeat(PIECE - 4);
        for (text, fine) in [
            (format!("{piece}AA=="), true),
            (format!("{piece}AA==AAAA"), false),
            (format!("{piece}AAAAAA=="), true),
            (format!("{piece}AAAAA"), false),
        ] {
            assert_eq!(decode(&text).is_ok(), fine);
            assert_eq!(decode_owned(text.clone()).ok(), decode(&text).ok());
        }
    }

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
        fn a_long_text_means_the_same_in_its_own_memory(
            bytes in prop::collection::vec(any::<u8>(), 0..20_000),
            at in any::<prop::sample::Index>(),
            instead in "[A-Za-z0-9+/=_ -]",
        ) {
            let text = encode(&bytes);
            prop_assert_eq!(&decode_owned(text.clone()).unwrap(), &bytes);
            let mut changed = text;
            if !changed.is_empty() {
                let at = at.index(changed.len());
                changed.replace_range(at..=at, &instead);
            }
            prop_assert_eq!(decode_owned(changed.clone()).ok(), decode(&changed).ok());
        }

        #[test]
        fn bytes_survive(bytes: Vec<u8>) {
            prop_assert_eq!(decode(&encode(&bytes)).unwrap(), bytes);
        }
    }
}
