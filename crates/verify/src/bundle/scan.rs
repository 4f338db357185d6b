//! Counting JSON values without building them.

/// Whether a document has at most `most` values, whatever else is wrong with it.
///
/// Every value but the first follows a comma or an opening bracket, outside of strings.
pub(super) fn has_at_most(bytes: &[u8], most: usize) -> bool {
    let mut values = 1_usize;
    let mut in_string = false;
    let mut escaped = false;
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b',' | b'[' | b'{' if !in_string => {
                values += 1;
                if values > most {
                    return false;
                }
            }
            _ => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::has_at_most;

    #[test]
    fn values_are_counted_outside_of_strings() {
        let document = br#"{"a":[1,2,{"b":",,,[[[{{{\",,,"}],"c":null}"#;
        assert!(has_at_most(document, 7));
        assert!(!has_at_most(document, 6));
    }

    #[test]
    fn the_count_stops_where_it_is_exceeded() {
        assert!(!has_at_most(&b"[".repeat(1_000_000), 10));
        assert!(has_at_most(b"", 1));
        assert!(has_at_most(b"\"unterminated ,,,,,", 1));
    }
}
