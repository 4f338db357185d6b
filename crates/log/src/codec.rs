//! Base64 and decimal numbers, each with exactly one accepted spelling.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub(crate) fn encode_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Standard alphabet, padded, no set bits after the end: what [`encode_base64`] gives, nothing else.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// ASCII digits without a sign and without leading zeros.
pub(crate) fn parse_decimal(text: &str) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with('0');
    let digits = !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    (canonical && digits).then(|| text.parse().ok()).flatten()
}

/// Exactly three ASCII digits, as in the paths of tiles.
pub(crate) fn parse_group(text: &str) -> Option<u64> {
    let digits = text.len() == 3 && text.bytes().all(|it| it.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn other_spellings_of_a_number_are_refused() {
        for text in [
            "",
            "00",
            "01",
            "+1",
            "-1",
            " 1",
            "1 ",
            "1_0",
            "0x1",
            "18446744073709551616",
            "١",
        ] {
            assert_eq!(parse_decimal(text), None, "{text:?}");
        }
    }

    #[test]
    fn other_spellings_of_base64_are_refused() {
        for text in ["Zg", "Zg=", "Zh==", "Zg==\n", " Zg==", "_w==", "Zg==Zg=="] {
            assert_eq!(decode_base64(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn numbers_and_bytes_round_trip(number: u64, bytes: Vec<u8>) {
            prop_assert_eq!(parse_decimal(&number.to_string()), Some(number));
            prop_assert_eq!(decode_base64(&encode_base64(&bytes)), Some(bytes));
        }
    }
}
